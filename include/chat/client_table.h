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

#include "base/hand.h"
#include "base/hash.h"
#include "base/str.h"
#include "out/sendq.h"
#include "proto/codec/codec.h"

#define CLIENT_KEY_SIZE 16 /* bytes of the secret that proves who a seat belongs to */

struct channel;
struct entering;

/* What a seat has asked its log for, and not heard of yet. Messages are not counted here. */
enum seat_asks { SEAT_ASKS_NOTHING, SEAT_ASKS_JOIN, SEAT_ASKS_LEAVE, SEAT_ASKS_RENAME };

/* Whom a seat has: nobody; a connection; somebody who takes it as soon as the log allows; an owner
 * who may come back. */
enum seat_state { SEAT_EMPTY, SEAT_CONNECTED, SEAT_AWAITED, SEAT_AWAY };

/* The lists of a table. A client is in one of them, or in none. */
enum client_list {
    CLIENT_LIST_NONE,
    CLIENT_LIST_AWAY,    /* the one that is given up first is first */
    CLIENT_LIST_DUE,     /* whose next step is to be taken */
    CLIENT_LIST_CROWDED, /* of these, those whose room has no place for it now */
    CLIENT_LIST_OWED,    /* whose LEAVE was refused: it is asked for again */
    CLIENT_LISTS,
};

/* A client: a seat in a room. It is one from the commit of its JOIN to that of its LEAVE; before
 * and after, its id is taken. Its connection may be gone for a while and come back.
 *
 *      JOIN asked --commit--> connected --connection breaks--> away --time is over--> LEAVE asked
 *                                 |  ^----- its owner ----------'                         ^
 *                                 '------- connection is closed --------------------------'
 *                                                                         --commit--> (free)
 *
 * There is one for each idle connection, so its fields are packed. */
struct client {
    uint64_t id;                   /* 0: this place is free */
    struct channel *channel;       /* NULL: not a member, or not one any more */
    union {                        /* see client_out and its like */
        struct sendq *out;         /* while SEAT_CONNECTED: where its frames go; not owned */
        struct entering *entering; /* while SEAT_AWAITED: who waits */
        uint64_t seat_until;       /* while SEAT_AWAY: monotonic ms at which it is given up */
    } at;
    char *name;    /* name_len bytes, owned; may be NULL where it has none */
    uint32_t next; /* of its list: places + 1; 0: none */
    uint32_t prev;
    uint32_t member;     /* place in its channel; while free: the next free place */
    uint32_t generation; /* how many clients had this place before */
    uint32_t asked;      /* bytes that its appends stand for */
    uint32_t payer;      /* on whose account it is; 0: nobody's that is known */
    uint8_t name_len;
    uint8_t codec : 4;      /* enum codec_kind */
    uint8_t rendition : 4;  /* enum rendition */
    uint8_t asks : 2;       /* enum seat_asks */
    uint8_t state : 2;      /* enum seat_state */
    uint8_t list : 3;       /* enum client_list */
    bool stays : 1;         /* without a connection it waits for its owner */
    bool is_known : 1;      /* somebody was told the key */
    bool is_held : 1;       /* its connection's input is held */
    bool has_long_name : 1; /* `name` has CODEC_NAME_MAX bytes */
    bool is_restored : 1;   /* a log brought it back, and its owner did not come yet */
    bool pays : 1;          /* it counts for its payer itself, not by its connection */
    bool is_kept : 1;       /* it is in a group of chat/kept.h */
    bool key_is_hash : 1; /* `key` is the beginning of the key's SHA-256: its owner knows the key */
    uint8_t key[CLIENT_KEY_SIZE];
};

_Static_assert(sizeof(void *) != 8 || sizeof(struct client) == 80, "a client costs 80 bytes");

/* Where its frames go; NULL: it is not connected. */
static inline struct sendq *client_out(const struct client *client)
{
    return client->state == SEAT_CONNECTED ? client->at.out : NULL;
}

/* Who takes this seat as soon as the log allows; NULL: nobody. */
static inline struct entering *client_entering(const struct client *client)
{
    return client->state == SEAT_AWAITED ? client->at.entering : NULL;
}

struct client_table {
    struct client *clients; /* capacity places */
    uint32_t *words; /* of each, the log's for its JOIN; where that is always 0, not touched */
    uint32_t *index; /* index_size entries: place + 1; 0: empty */
    size_t capacity;
    size_t index_size; /* a power of two, at least 4/3 of capacity */
    size_t count;      /* clients in the table */
    size_t used;       /* places that were ever used */
    uint32_t free;     /* first of the places that are free again, + 1; 0: none */
    struct {
        uint32_t first; /* places + 1; 0: it is empty */
        uint32_t last;
    } lists[CLIENT_LISTS];
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

/* The word that a log has for the JOIN of a client: where it lies, and setting it. A log without
 * words needs no memory for them. */
uint32_t *client_table_word(const struct client_table *t, const struct client *client);
void client_table_set_word(struct client_table *t, const struct client *client, uint32_t word);

/* Adds a client (id > 0) and returns it with everything but id and generation zeroed. NULL: errno
 * is EEXIST where the id is in use, ENOSPC where the table is full. */
struct client *client_table_add(struct client_table *t, uint64_t id);

/* Removes the client, which must be in the table and in none of its lists; its place may be used
 * again at once. Does not free its name. */
void client_table_remove(struct client_table *t, struct client *client);

/* Takes the client out of the list that it is in, and puts it behind all others of this one
 * (CLIENT_LIST_NONE: into none). */
void client_table_move(struct client_table *t, struct client *client, enum client_list list);

/* The first of a list; NULL: it is empty. */
struct client *client_table_first(const struct client_table *t, enum client_list list);

bool client_table_is_full(const struct client_table *t);

/* The next place of a table that is being taken over, behind those that were ever used. It must be
 * there. `generation`: of whoever is there, or comes there. Returns the client, as client_table_add
 * does; NULL: errno is EEXIST, or `id` is 0 and the place is free. */
struct client *client_table_take(struct client_table *t, uint64_t id, uint32_t generation);

/* The free places, first the one that is used next: each + 1, and 0 behind the last. Returns
 * whether what is taken is all of those that are free, each once. */
void client_table_hand_free(struct hand_writer *w, const struct client_table *t);
bool client_table_take_free(struct hand_reader *r, struct client_table *t);

static inline struct str client_name(const struct client *client)
{
    return (struct str){client->name, client->name_len};
}

#endif
