#include "web/idempotency.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hand_long.h"
#include "base/util.h"

#define IDEMPOTENCY_BUCKETS 4096

void idempotency_init(struct idempotency *table)
{
    *table = (struct idempotency){.buckets = NULL};
    list_init(&table->ages);
}

/* The link that points at the entry of this id, or the one at the end of its chain. An id is a
 * digest: its first bytes are as good as a hash. */
static struct idempotent **idempotency_link(const struct idempotency *table,
                                            const uint8_t id[SHA256_SIZE])
{
    size_t bucket = ((size_t)id[0] << 8 | id[1]) % IDEMPOTENCY_BUCKETS;
    struct idempotent **link = &table->buckets[bucket];

    while (*link != NULL && memcmp((*link)->id, id, SHA256_SIZE) != 0)
        link = &(*link)->next_in_bucket;
    return link;
}

void idempotency_drop(struct idempotency *table, struct idempotent *entry)
{
    *idempotency_link(table, entry->id) = entry->next_in_bucket;
    list_remove(&entry->age);
    table->count--;
    free(entry);
}

/* One that still waits is not forgotten, nor are those behind it: its answer will come. */
static void idempotency_forget(struct idempotency *table, uint64_t now)
{
    while (!list_is_empty(&table->ages)) {
        struct idempotent *oldest = CONTAINER_OF(table->ages.next, struct idempotent, age);

        if (oldest->began + IDEMPOTENCY_MS > now || !oldest->is_settled)
            return;
        idempotency_drop(table, oldest);
    }
}

void idempotency_deinit(struct idempotency *table)
{
    while (!list_is_empty(&table->ages))
        idempotency_drop(table, CONTAINER_OF(table->ages.next, struct idempotent, age));
    free(table->buckets);
}

/* Each part with its length in front, so that no two lists of parts are the same bytes. */
static void idempotency_add(struct sha256 *sha, struct str part)
{
    uint64_t len = part.len;

    sha256_add(sha, &len, sizeof(len));
    sha256_add(sha, part.ptr, part.len);
}

void idempotency_id(uint8_t id[SHA256_SIZE], struct str sub, struct str room, struct str key)
{
    struct sha256 sha;

    sha256_begin(&sha);
    idempotency_add(&sha, sub);
    idempotency_add(&sha, room);
    idempotency_add(&sha, key);
    sha256_end(&sha, id);
}

struct idempotent *idempotency_find(struct idempotency *table, const uint8_t id[SHA256_SIZE],
                                    uint64_t now)
{
    idempotency_forget(table, now);
    return table->buckets == NULL ? NULL : *idempotency_link(table, id);
}

struct idempotent *idempotency_begin(struct idempotency *table, const uint8_t id[SHA256_SIZE],
                                     const uint8_t content[SHA256_SIZE], uint64_t now)
{
    struct idempotent *entry;

    if (table->count >= IDEMPOTENCY_MAX) {
        errno = ENOSPC;
        return NULL;
    }
    if (table->buckets == NULL)
        table->buckets = calloc(IDEMPOTENCY_BUCKETS, sizeof(*table->buckets));
    entry = table->buckets == NULL ? NULL : calloc(1, sizeof(*entry));
    if (entry == NULL)
        return NULL;
    memcpy(entry->id, id, SHA256_SIZE);
    memcpy(entry->content, content, SHA256_SIZE);
    entry->began = now;
    list_init(&entry->followers);
    list_init(&entry->age);
    list_append(&table->ages, &entry->age);
    *idempotency_link(table, id) = entry;
    table->count++;
    return entry;
}

void idempotency_settle(struct idempotent *entry, uint64_t epoch, uint64_t seq, uint64_t ts)
{
    entry->is_settled = true;
    entry->epoch = epoch;
    entry->seq = seq;
    entry->ts = ts;
}

void idempotency_hand(struct hand_writer *w, const struct idempotency *table)
{
    for (struct list *at = table->ages.next; at != &table->ages; at = at->next) {
        const struct idempotent *entry = CONTAINER_OF(at, struct idempotent, age);

        if (!entry->is_settled)
            continue;
        hand_put_bool(w, true);
        hand_go_on(w);
        hand_put_raw(w, entry->id, SHA256_SIZE);
        hand_put_raw(w, entry->content, SHA256_SIZE);
        hand_put_u64(w, entry->began);
        hand_put_u64(w, entry->epoch);
        hand_put_u64(w, entry->seq);
        hand_put_u64(w, entry->ts);
    }
    hand_put_bool(w, false);
}

static bool idempotency_take_one(struct idempotency *table, struct hand_reader *r)
{
    uint8_t id[SHA256_SIZE], content[SHA256_SIZE];
    struct idempotent *entry;
    uint64_t began;

    hand_get_on(r);
    hand_get_raw(r, id, sizeof(id));
    hand_get_raw(r, content, sizeof(content));
    began = hand_get_u64(r);
    if (!hand_check(r, table->buckets == NULL || *idempotency_link(table, id) == NULL,
                    "an Idempotency-Key is there twice"))
        return false;
    entry = idempotency_begin(table, id, content, began);
    if (!hand_check(r, entry != NULL, "there are too many Idempotency-Keys"))
        return false;
    entry->is_settled = true;
    entry->epoch = hand_get_u64(r);
    entry->seq = hand_get_u64(r);
    entry->ts = hand_get_u64(r);
    return hand_is_good(r);
}

bool idempotency_take(struct idempotency *table, struct hand_reader *r)
{
    while (hand_get_bool(r)) {
        if (!idempotency_take_one(table, r))
            return false;
    }
    return hand_is_good(r);
}
