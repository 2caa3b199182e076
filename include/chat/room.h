/* Rooms: who is in one, what they have been sent, and what is kept for those who come later.
 *
 * For each codec a room has a ring and a dense set of the queues that read it. Everybody who has
 * a seat is a member; who also has a connection is a reader. */
#ifndef CHAT_ROOM_H
#define CHAT_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "chat/client_table.h"
#include "chat/history.h"
#include "out/ring.h"

/* The readers of one ring, in an array that a flush walks in memory order. A queue knows its
 * place (sendq.slot). */
struct reader_set {
    struct sendq **items; /* size places, owned */
    size_t count;
    size_t size;
};

struct room {
    struct room *next_in_bucket;
    struct list dirty; /* among the rooms that have something to flush */
    struct list quiet; /* among all rooms, the one that was published in longest ago first */
    uint64_t quiet_since;
    uint64_t epoch; /* which life of a room of this name it is: positions of another do not count */
    uint64_t seq;   /* of the last event; 0: none yet */
    struct ring ring[CODEC_KINDS];
    struct reader_set readers[CODEC_KINDS];
    struct client **members; /* member_size places, owned */
    size_t member_count;
    size_t member_size;
    struct history messages;
    struct history presence;
    bool is_flushing; /* its readers are being walked: nobody may join or leave the sets but the one
                         at hand */
    bool has_news[CODEC_KINDS]; /* its readers of a codec have something new to send */
    bool count_is_due;          /* its size is to be told with the next flush */
    uint8_t name_len;
    char name[];
};

/* All rooms by name: chained hashing over a fixed number of buckets. */
struct room_table {
    struct room **buckets;
    size_t size; /* a power of two */
    size_t count;
    struct hash_seed seed;
};

struct room_limits {
    size_t ring_size[CODEC_KINDS]; /* bytes that a ring may grow to */
    size_t messages;               /* messages in the history */
    size_t presence;               /* joins, leaves and renames in the history */
};

/* Makes a table with at least `expected` buckets. Returns 0, or -1 with errno ENOMEM. */
int room_table_init(struct room_table *t, size_t expected, struct hash_seed seed);

/* Frees the buckets. The rooms must have been removed. */
void room_table_deinit(struct room_table *t);

/* The room with this name, or NULL. */
struct room *room_table_find(const struct room_table *t, struct str name);

/* Makes an empty room with a name (at most CODEC_NAME_MAX bytes) that no room has. NULL: errno is
 * ENOMEM. */
struct room *room_table_add(struct room_table *t, struct str name, uint64_t epoch,
                            const struct room_limits *limits);

/* Takes out and frees a room that has no members. */
void room_table_remove(struct room_table *t, struct room *room);

/* Members: a client is one from entering to leaving. Adding returns 0, or -1 with errno ENOMEM. */
int room_add_member(struct room *room, struct client *client);
void room_remove_member(struct room *room, struct client *client);

/* Readers: a client is one while it has a connection. Adding attaches its queue to the ring of
 * its codec; returns 0, or -1 with errno ENOMEM. Removing lets its queue keep at most `keep` bytes
 * and returns what sendq_detach does. */
int room_add_reader(struct room *room, struct client *client);
int room_remove_reader(struct room *room, struct client *client, size_t keep);

/* How far the slowest reader is behind, in bytes of its ring. */
uint64_t room_lag(const struct room *room);

/* Raises the tails of the rings to what their slowest readers still want. */
void room_raise_tails(struct room *room);

#endif
