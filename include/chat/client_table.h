/* Who is in the chat: a table of fixed size, keyed by the id that each client chose.
 *
 *      index (open addressing)            clients (never move)
 *      +----+----+----+----+----+         +---------+---------+---------+
 *      |    | #3 | #1 |    | #2 |  --->   |    1    |    2    |    3    | ...
 *      +----+----+----+----+----+         +---------+---------+---------+
 *
 * Both are anonymous mappings made once: places that were never used cost no memory. Removing
 * shifts the following entries of the index back, so that there are no tombstones and a lookup
 * never gets longer with time. */
#ifndef CHAT_CLIENT_TABLE_H
#define CHAT_CLIENT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/str.h"
#include "out/sendq.h"
#include "proto/codec/codec.h"

#define CLIENT_KEY_SIZE 16 /* bytes of the secret that proves who a seat belongs to */

struct channel;
struct entering;

/* What a seat has asked its log for, and not heard of yet. Messages are not counted here. */
enum seat_asks { SEAT_ASKS_NOTHING, SEAT_ASKS_JOIN, SEAT_ASKS_LEAVE, SEAT_ASKS_RENAME };

/* A client: a seat in a room. It is one from the commit of its JOIN to that of its LEAVE; before
 * and after, its id is taken. Its connection may be gone for a while and come back.
 *
 *      JOIN asked --commit--> connected --connection breaks--> away --time is over--> LEAVE asked
 *                                 |  ^----- its owner ----------'                         ^
 *                                 '------- connection is closed --------------------------'
 *                                                                         --commit--> (free) */
struct client {
    uint64_t id;               /* 0: this place is free */
    struct channel *channel;   /* NULL: not a member, or not one any more */
    struct sendq *out;         /* where its frames go; not owned; NULL: it is not connected */
    struct entering *entering; /* who takes this seat as soon as the log allows; NULL: nobody */
    char *name;                /* name_len bytes, owned; may be NULL where it has none */
    uint64_t seat_until;       /* while it is away: monotonic ms at which the seat is given up */
    struct list link;    /* among those that are away, that are due, or that are owed a leave */
    struct list kin;     /* while it is away: among those that its payer has */
    uint32_t member;     /* place in its channel; while free: the next free place */
    uint32_t generation; /* how many clients had this place before */
    uint32_t asked;      /* bytes that its appends stand for */
    uint32_t word;       /* the log's, of its JOIN */
    uint32_t payer;      /* on whose account it is; 0: nobody's that is known */
    uint8_t name_len;
    uint8_t codec;          /* enum codec_kind */
    uint8_t rendition;      /* enum rendition */
    uint8_t asks : 2;       /* enum seat_asks */
    bool stays : 1;         /* without a connection it waits for its owner */
    bool is_known : 1;      /* somebody was told the key */
    bool is_held : 1;       /* its connection's input is held */
    bool has_long_name : 1; /* `name` has CODEC_NAME_MAX bytes */
    bool is_restored : 1;   /* a log brought it back, and its owner did not come yet */
    bool pays : 1;          /* it counts for its payer itself, not by its connection */
    bool key_is_hash : 1; /* `key` is the beginning of the key's SHA-256: its owner knows the key */
    uint8_t key[CLIENT_KEY_SIZE];
};

struct client_table {
    struct client *clients; /* capacity places */
    uint32_t *index;        /* index_size entries: place + 1; 0: empty */
    size_t capacity;
    size_t index_size; /* a power of two, at least 4/3 of capacity */
    size_t count;      /* clients in the table */
    size_t used;       /* places that were ever used */
    uint32_t free;     /* first of the places that are free again, + 1; 0: none */
    struct hash_seed seed;
};

/* Makes a table for `capacity` clients (1 to 2^30). Returns 0, or -1 with errno ENOMEM. */
int client_table_init(struct client_table *t, size_t capacity, struct hash_seed seed);

/* Gives the memory back. The clients must have been removed. */
void client_table_deinit(struct client_table *t);

/* Fetches what client_table_find and client_table_add will look at first. The ids lie scattered, so
 * that it is seldom in the cache; who has something else to do before need not wait for it. */
void client_table_prefetch(const struct client_table *t, uint64_t id);

/* The client with this id, or NULL. */
struct client *client_table_find(const struct client_table *t, uint64_t id);

/* The place of a client, and who is there: NULL where the place was given to somebody else, or is
 * free. */
uint32_t client_table_place(const struct client_table *t, const struct client *client);
struct client *client_table_at(const struct client_table *t, uint32_t place, uint32_t generation);

/* Adds a client (id > 0) and returns it with everything but id and generation zeroed. NULL: errno
 * is EEXIST where the id is in use, ENOSPC where the table is full. */
struct client *client_table_add(struct client_table *t, uint64_t id);

/* Removes the client, which must be in the table; its place may be used again at once. Does not
 * free its name. */
void client_table_remove(struct client_table *t, struct client *client);

bool client_table_is_full(const struct client_table *t);

static inline struct str client_name(const struct client *client)
{
    return (struct str){client->name, client->name_len};
}

#endif
