/* What was answered to requests with an Idempotency-Key, for a while: who asks again because the
 * answer was lost gets the same one, and nothing happens twice.
 *
 *      idempotency_find: nothing --> idempotency_begin: it waits --> idempotency_settle: its answer
 *                                                    '----------> idempotency_drop: it was refused
 */
#ifndef WEB_IDEMPOTENCY_H
#define WEB_IDEMPOTENCY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hand.h"
#include "base/list.h"
#include "base/sha256.h"
#include "base/str.h"

#define IDEMPOTENCY_MS 300000 /* how long an answer is kept, from when the request began */
#define IDEMPOTENCY_MAX 65536 /* keys at a time */

/* A request and its answer. */
struct idempotent {
    uint8_t id[SHA256_SIZE]; /* of whose key it is */
    struct list age;         /* among all, the oldest first */
    struct idempotent *next_in_bucket;
    uint8_t content[SHA256_SIZE]; /* of what was asked */
    uint64_t began;               /* monotonic ms */
    struct list followers;        /* for its owner: those who wait for the same answer */
    bool is_settled;
    uint64_t epoch, seq, ts; /* the answer */
};

struct idempotency {
    struct idempotent **buckets; /* IDEMPOTENCY_BUCKETS of them, owned; NULL: never used */
    struct list ages;
    size_t count;
};

void idempotency_init(struct idempotency *table);
void idempotency_deinit(struct idempotency *table);

/* Writes the id of a key: of `sub` for a room. */
void idempotency_id(uint8_t id[SHA256_SIZE], struct str sub, struct str room, struct str key);

/* Forgets what is too old; finds the request of this id, or NULL. */
struct idempotent *idempotency_find(struct idempotency *table, const uint8_t id[SHA256_SIZE],
                                    uint64_t now);

/* Adds one that is not there. NULL: errno is ENOMEM, or ENOSPC where there are too many. */
struct idempotent *idempotency_begin(struct idempotency *table, const uint8_t id[SHA256_SIZE],
                                     const uint8_t content[SHA256_SIZE], uint64_t now);

/* It has this answer. */
void idempotency_settle(struct idempotent *entry, uint64_t epoch, uint64_t seq, uint64_t ts);

/* It never happened: its key may be used again. */
void idempotency_drop(struct idempotency *table, struct idempotent *entry);

/* Writes a row of all that have their answers, into the record at hand (base/hand_long.h), for
 * another process; reads it into an empty table. Returns false where anything is wrong. */
void idempotency_hand(struct hand_writer *w, const struct idempotency *table);
bool idempotency_take(struct idempotency *table, struct hand_reader *r);

#endif
