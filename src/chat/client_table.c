#include "chat/client_table.h"

#include <errno.h>
#include <string.h>

#include "base/mapping.h"
#include "base/tuning.h"
#include "base/util.h"

int client_table_init(struct client_table *t, size_t capacity, struct hash_seed seed)
{
    *t = (struct client_table){.capacity = capacity, .seed = seed};
    t->index_size = max_size((size_t)round_up_pow2(capacity + capacity / 3 + 1), TUNE_CLIENT_TABLE);
    t->clients = mapping_new(capacity * sizeof(*t->clients));
    t->index = mapping_new(t->index_size * sizeof(*t->index));
    t->words = mapping_new(capacity * sizeof(*t->words));
    if (t->clients == NULL || t->index == NULL || t->words == NULL) {
        client_table_deinit(t);
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

void client_table_deinit(struct client_table *t)
{
    mapping_free(t->clients, t->capacity * sizeof(*t->clients));
    mapping_free(t->index, t->index_size * sizeof(*t->index));
    mapping_free(t->words, t->capacity * sizeof(*t->words));
    t->clients = NULL;
    t->index = NULL;
    t->words = NULL;
}

static size_t home_of(const struct client_table *t, uint64_t id)
{
    return (size_t)hash_u64(&t->seed, id) & (t->index_size - 1);
}

/* The entry of the index that holds the id, or the empty one where it would go. There always is an
 * empty one. */
static size_t entry_of(const struct client_table *t, uint64_t id)
{
    size_t entry = home_of(t, id);

    while (t->index[entry] != 0 && t->clients[t->index[entry] - 1].id != id)
        entry = (entry + 1) & (t->index_size - 1);
    return entry;
}

void client_table_prefetch(const struct client_table *t, uint64_t id)
{
    __builtin_prefetch(&t->index[home_of(t, id)]);
}

struct client *client_table_find(const struct client_table *t, uint64_t id)
{
    uint32_t place = t->index[entry_of(t, id)];

    return place == 0 ? NULL : &t->clients[place - 1];
}

uint32_t client_table_place(const struct client_table *t, const struct client *client)
{
    return (uint32_t)(client - t->clients);
}

uint32_t *client_table_word(const struct client_table *t, const struct client *client)
{
    return &t->words[client_table_place(t, client)];
}

void client_table_set_word(struct client_table *t, const struct client *client, uint32_t word)
{
    uint32_t *where = client_table_word(t, client);

    if (*where != word)
        *where = word;
}

struct client *client_table_at(const struct client_table *t, uint32_t place, uint32_t generation)
{
    struct client *client = &t->clients[place];

    return client->generation == generation && client->id != 0 ? client : NULL;
}

/* ---- lists ---- */

static struct client *client_at(const struct client_table *t, uint32_t link)
{
    return link == 0 ? NULL : &t->clients[link - 1];
}

struct client *client_table_first(const struct client_table *t, enum client_list list)
{
    return client_at(t, t->lists[list].first);
}

static void client_unlink(struct client_table *t, struct client *client)
{
    struct client *prev = client_at(t, client->prev), *next = client_at(t, client->next);

    *(prev != NULL ? &prev->next : &t->lists[client->list].first) = client->next;
    *(next != NULL ? &next->prev : &t->lists[client->list].last) = client->prev;
    client->next = client->prev = 0;
}

static void client_link(struct client_table *t, struct client *client, enum client_list list)
{
    struct client *last = client_at(t, t->lists[list].last);
    uint32_t link = client_table_place(t, client) + 1;

    client->prev = t->lists[list].last;
    *(last != NULL ? &last->next : &t->lists[list].first) = link;
    t->lists[list].last = link;
}

void client_table_move(struct client_table *t, struct client *client, enum client_list list)
{
    if (client->list != CLIENT_LIST_NONE)
        client_unlink(t, client);
    if (list != CLIENT_LIST_NONE)
        client_link(t, client, list);
    client->list = (uint8_t)(list & 7);
}

/* ---- places ---- */

bool client_table_is_full(const struct client_table *t)
{
    return t->count == t->capacity;
}

/* Returns a free place + 1; the table is not full. */
static uint32_t take_place(struct client_table *t)
{
    uint32_t place = t->free;

    if (place == 0)
        return (uint32_t)++t->used;
    t->free = t->clients[place - 1].member;
    return place;
}

struct client *client_table_add(struct client_table *t, uint64_t id)
{
    size_t entry = entry_of(t, id);
    struct client *client;

    if (t->index[entry] != 0) {
        errno = EEXIST;
        return NULL;
    }
    if (client_table_is_full(t)) {
        errno = ENOSPC;
        return NULL;
    }
    t->index[entry] = take_place(t);
    t->count++;
    client = &t->clients[t->index[entry] - 1];
    *client = (struct client){.id = id, .generation = client->generation};
    return client;
}

struct client *client_table_take(struct client_table *t, uint64_t id, uint32_t generation)
{
    struct client *client = &t->clients[t->used++];
    size_t entry;

    *client = (struct client){.generation = generation};
    if (id == 0)
        return NULL;
    entry = entry_of(t, id);
    if (t->index[entry] != 0) {
        errno = EEXIST;
        return NULL;
    }
    t->index[entry] = (uint32_t)t->used;
    t->count++;
    *client = (struct client){.id = id, .generation = generation};
    return client;
}

void client_table_hand_free(struct hand_writer *w, const struct client_table *t)
{
    for (uint32_t link = t->free; link != 0; link = t->clients[link - 1].member)
        hand_put_u32(w, link);
    hand_put_u32(w, 0);
}

/* They are linked from the first to the last, so one that is named again has a link already, or is
 * the last. */
bool client_table_take_free(struct hand_reader *r, struct client_table *t)
{
    uint32_t *where = &t->free, link, last = 0;
    size_t count = 0;

    while ((link = hand_get_u32(r)) != 0) {
        if (link > t->used || t->clients[link - 1].id != 0 || t->clients[link - 1].member != 0 ||
            link == last) {
            *where = 0;
            return hand_fail(r, "a place is free twice, or is not");
        }
        *where = last = link;
        where = &t->clients[link - 1].member;
        count++;
    }
    return hand_check(r, count == t->used - t->count, "a place is neither free nor taken");
}

/* Empties an entry and moves the entries behind it back, as far as that brings them nearer to their
 * home. */
static void close_gap(struct client_table *t, size_t gap)
{
    size_t mask = t->index_size - 1;

    for (size_t entry = (gap + 1) & mask; t->index[entry] != 0; entry = (entry + 1) & mask) {
        size_t home = home_of(t, t->clients[t->index[entry] - 1].id);

        if (((entry - home) & mask) < ((entry - gap) & mask))
            continue;
        t->index[gap] = t->index[entry];
        gap = entry;
    }
    t->index[gap] = 0;
}

void client_table_remove(struct client_table *t, struct client *client)
{
    size_t entry = entry_of(t, client->id);
    uint32_t place = t->index[entry];

    close_gap(t, entry);
    *client = (struct client){.member = t->free, .generation = client->generation + 1};
    t->free = place;
    t->count--;
}
