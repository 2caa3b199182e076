/* Address table: how much each address holds (WebSockets until they are freed, seats that are kept
 * for it), how fast it makes WebSockets, and how fast it asks for anything. Addresses that share a
 * prefix count as one, since who has one IPv6 address mostly has 2^64 of them.
 *
 *      index (open addressing)            addresses (never move)
 *      +----+----+----+----+----+         +---------+---------+---------+
 *      |    | #3 | #1 |    | #2 |  --->   |    1    |    2    |    3    | ...
 *      +----+----+----+----+----+         +---------+---------+---------+
 *                                              ^                   ^
 *                                              '--- idle, in the --'
 *                                            order of their last use
 *
 * Both are anonymous mappings made once: places that were never used cost no memory. An address
 * that holds nothing is idle: it is kept only as long as its rate is not forgotten, and recycled
 * before that where all places are taken, the one that was used longest ago first. So the memory is
 * bounded, however many addresses somebody has. Every call costs O(1). */
#ifndef NET_ADDRESS_TABLE_H
#define NET_ADDRESS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hand.h"
#include "base/hash.h"
#include "base/ip.h"
#include "base/list.h"
#include "base/rate.h"

struct address_limits {
    uint64_t max_clients; /* that it may hold at a time; 0: no limit */
    struct rate handshakes;
    struct rate requests;
    unsigned v4_bits; /* length of the prefix that counts, at most 32 */
    unsigned v6_bits; /* at most 128 */
};

/* What is known of a prefix. */
struct address {
    struct ip prefix;
    uint64_t handshakes_ns; /* by these rates (base/rate.h) */
    uint64_t requests_ns;
    struct list idle;   /* while it holds nothing */
    uint32_t clients;   /* that it holds */
    uint32_t next_free; /* while this place is free: the next one that is, + 1 */
};

enum address_result { ADDRESS_OK, ADDRESS_TOO_MANY, ADDRESS_TOO_FAST, ADDRESS_RESULTS };

struct address_table {
    struct address *addresses; /* capacity places */
    uint32_t *index;           /* index_size entries: place + 1; 0: empty */
    size_t capacity;
    size_t index_size; /* a power of two, at least 4/3 of capacity */
    size_t count;      /* addresses in the table */
    size_t used;       /* places that were ever used */
    uint32_t free;     /* first of the places that are free again, + 1; 0: none */
    struct list idle;
    struct address_limits limits;
    struct hash_seed seed;
    uint64_t results[ADDRESS_RESULTS]; /* what address_table_enter returned, how often */
    uint64_t refused_requests;         /* how often address_table_ask returned false */
};

/* Makes a table for `capacity` addresses (1 to 2^30): more than all of them may hold. Returns 0, or
 * -1 with errno ENOMEM. */
int address_table_init(struct address_table *t, size_t capacity,
                       const struct address_limits *limits, struct hash_seed seed);

void address_table_deinit(struct address_table *t);

/* Counts one more client and one more handshake of an address, at that time (monotonic
 * nanoseconds), or nothing where that is against the limits. `replaced`: the place of a client that
 * will leave for this one, so that it does not count where it is of the same address; 0: none. With
 * ADDRESS_OK, *place (never 0) is what address_table_leave needs. */
enum address_result address_table_enter(struct address_table *t, const struct ip *ip,
                                        uint64_t now_ns, uint32_t replaced, uint32_t *place);

/* Counts one more request of an address, at that time. Returns false, and counts nothing, where
 * that is against the limits. */
bool address_table_ask(struct address_table *t, const struct ip *ip, uint64_t now_ns);

/* The address with this place, which holds something already, holds one more, whatever the limits:
 * address_table_leave takes that back. */
void address_table_keep(struct address_table *t, uint32_t place);

/* What was counted at this place is gone. 0 is nobody's. */
void address_table_leave(struct address_table *t, uint32_t place, uint64_t now_ns);

/* ---- to another process ---- */

/* Writes a row of what is known of all addresses, into the record at hand (base/hand_long.h). Who
 * holds something is to say so again. */
void address_table_hand(struct hand_writer *w, const struct address_table *t);

/* Reads it into a table that was just made: the places stay the same, and nobody holds anything.
 * Returns false where anything is wrong. */
bool address_table_take(struct address_table *t, struct hand_reader *r);

/* What held something at this place does so again: as address_table_keep. Returns false where there
 * is no such place. */
bool address_table_hold(struct address_table *t, uint32_t place);

#endif
