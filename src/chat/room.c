#include "chat/room.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define SET_MIN 2

int room_table_init(struct room_table *t, size_t expected, struct hash_seed seed)
{
    *t = (struct room_table){.size = (size_t)round_up_pow2(expected), .seed = seed};
    t->buckets = calloc(t->size, sizeof(struct room *));
    return t->buckets == NULL ? -1 : 0;
}

void room_table_deinit(struct room_table *t)
{
    free(t->buckets);
    t->buckets = NULL;
}

static struct str name_of(const struct room *room)
{
    return (struct str){room->name, room->name_len};
}

/* The link that points at the room with this name, or the one at the end of its chain. */
static struct room **link_of(const struct room_table *t, struct str name)
{
    struct room **link = &t->buckets[hash_str(&t->seed, name) & (t->size - 1)];

    while (*link != NULL && !str_equals(name_of(*link), name))
        link = &(*link)->next_in_bucket;
    return link;
}

struct room *room_table_find(const struct room_table *t, struct str name)
{
    return *link_of(t, name);
}

struct room *room_table_add(struct room_table *t, struct str name, uint64_t epoch,
                            const struct room_limits *limits)
{
    struct room *room = calloc(1, sizeof(*room) + name.len);

    if (room == NULL)
        return NULL;
    list_init(&room->dirty);
    list_init(&room->quiet);
    room->epoch = epoch;
    for (int codec = 0; codec < CODEC_KINDS; codec++)
        ring_init(&room->ring[codec], limits->ring_size[codec]);
    history_init(&room->messages, limits->messages);
    history_init(&room->presence, limits->presence);
    room->name_len = (uint8_t)name.len;
    memcpy(room->name, name.ptr, name.len);
    *link_of(t, name) = room;
    t->count++;
    return room;
}

void room_table_remove(struct room_table *t, struct room *room)
{
    *link_of(t, name_of(room)) = room->next_in_bucket;
    t->count--;
    list_remove(&room->dirty);
    list_remove(&room->quiet);
    for (int codec = 0; codec < CODEC_KINDS; codec++) {
        ring_deinit(&room->ring[codec]);
        free(room->readers[codec].items);
    }
    history_deinit(&room->messages);
    history_deinit(&room->presence);
    free(room->members);
    free(room);
}

/* Makes room for one more in an array of pointers that doubles as it grows. */
static void *grow_array(void *items, size_t count, size_t *size)
{
    size_t next = max_size(*size * 2, SET_MIN);
    void *grown;

    if (count < *size)
        return items;
    grown = realloc(items, next * sizeof(void *));
    if (grown != NULL)
        *size = next;
    return grown;
}

int room_add_member(struct room *room, struct client *client)
{
    struct client **members = grow_array(room->members, room->member_count, &room->member_size);

    if (members == NULL)
        return -1;
    room->members = members;
    client->member = (uint32_t)room->member_count;
    room->members[room->member_count++] = client;
    client->room = room;
    return 0;
}

void room_remove_member(struct room *room, struct client *client)
{
    struct client *last = room->members[--room->member_count];

    room->members[client->member] = last;
    last->member = client->member;
    client->room = NULL;
}

int room_add_reader(struct room *room, struct client *client)
{
    struct reader_set *set = &room->readers[client->codec];
    struct sendq **items = grow_array(set->items, set->count, &set->size);

    if (items == NULL)
        return -1;
    set->items = items;
    client->out->slot = (uint32_t)set->count;
    set->items[set->count++] = client->out;
    sendq_attach(client->out, &room->ring[client->codec]);
    return 0;
}

int room_remove_reader(struct room *room, struct client *client, size_t keep)
{
    struct reader_set *set = &room->readers[client->codec];
    struct sendq *last = set->items[--set->count];

    set->items[client->out->slot] = last;
    last->slot = client->out->slot;
    return sendq_detach(client->out, keep);
}

uint64_t room_lag(const struct room *room)
{
    uint64_t lag = 0;

    for (int codec = 0; codec < CODEC_KINDS; codec++) {
        const struct reader_set *set = &room->readers[codec];

        /* Nobody is behind the tail, so most rooms need no walk. */
        if (room->ring[codec].tail == room->ring[codec].head)
            continue;
        for (size_t i = 0; i < set->count; i++) {
            uint64_t own = sendq_lag(set->items[i]);

            lag = own > lag ? own : lag;
        }
    }
    return lag;
}

void room_raise_tails(struct room *room)
{
    for (int codec = 0; codec < CODEC_KINDS; codec++) {
        const struct reader_set *set = &room->readers[codec];
        struct ring *box = &room->ring[codec];
        uint64_t low = box->head;

        for (size_t i = 0; i < set->count; i++) {
            if (set->items[i]->cursor < low)
                low = set->items[i]->cursor;
        }
        if (low > box->tail)
            ring_raise_tail(box, low);
    }
}
