#include "chat/elsewhere.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "proto/codec/codec.h"

#define PLACES_MIN 8

void elsewhere_deinit(struct elsewhere *e)
{
    for (size_t i = 0; i < e->size; i++)
        free(e->places[i]);
    free(e->places);
    *e = (struct elsewhere){.count = 0};
}

static size_t elsewhere_home(const struct elsewhere *e, const struct hash_seed *seed, uint64_t id)
{
    return hash_u64(seed, id) & (e->size - 1);
}

/* The place of this id, or the free one where it would be. There must be a free one. */
static size_t elsewhere_find(const struct elsewhere *e, const struct hash_seed *seed, uint64_t id)
{
    size_t at = elsewhere_home(e, seed, id);

    while (e->places[at] != NULL && e->places[at]->id != id)
        at = (at + 1) & (e->size - 1);
    return at;
}

static int elsewhere_resize(struct elsewhere *e, const struct hash_seed *seed, size_t size)
{
    struct elsewhere bigger = {.size = size, .count = e->count};

    bigger.places = calloc(size, sizeof(*bigger.places));
    if (bigger.places == NULL)
        return -1;
    for (size_t i = 0; i < e->size; i++) {
        if (e->places[i] != NULL)
            bigger.places[elsewhere_find(&bigger, seed, e->places[i]->id)] = e->places[i];
    }
    free(e->places);
    *e = bigger;
    return 0;
}

static struct elsewhere_member *elsewhere_member_new(uint64_t id, struct str name)
{
    struct elsewhere_member *member = malloc(sizeof(*member) + name.len);

    if (member == NULL)
        return NULL;
    member->id = id;
    member->name_len = (uint8_t)name.len;
    if (name.len > 0)
        memcpy(member->name, name.ptr, name.len);
    return member;
}

int elsewhere_put(struct elsewhere *e, const struct hash_seed *seed, uint64_t id, struct str name)
{
    struct elsewhere_member *member = elsewhere_member_new(id, name);
    size_t at;

    if (member == NULL)
        return -1;
    if ((e->count + 1) * 4 > e->size * 3 &&
        elsewhere_resize(e, seed, max_size(2 * e->size, PLACES_MIN)) < 0) {
        free(member);
        return -1;
    }
    at = elsewhere_find(e, seed, id);
    e->count += e->places[at] == NULL;
    free(e->places[at]);
    e->places[at] = member;
    return 0;
}

/* Closes the gap at `hole`, so that everybody is still found from where it belongs. */
static void elsewhere_close_gap(struct elsewhere *e, const struct hash_seed *seed, size_t hole)
{
    size_t mask = e->size - 1;

    for (size_t at = (hole + 1) & mask; e->places[at] != NULL; at = (at + 1) & mask) {
        size_t home = elsewhere_home(e, seed, e->places[at]->id);

        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        e->places[hole] = e->places[at];
        e->places[at] = NULL;
        hole = at;
    }
}

void elsewhere_remove(struct elsewhere *e, const struct hash_seed *seed, uint64_t id)
{
    size_t at;

    if (!elsewhere_has(e, seed, id))
        return;
    at = elsewhere_find(e, seed, id);
    free(e->places[at]);
    e->places[at] = NULL;
    e->count--;
    elsewhere_close_gap(e, seed, at);
    if (e->count == 0)
        elsewhere_deinit(e);
    else if (e->size > PLACES_MIN && e->count * 8 < e->size)
        (void)elsewhere_resize(e, seed, e->size / 2);
}

struct str elsewhere_name(const struct elsewhere *e, const struct hash_seed *seed, uint64_t id)
{
    const struct elsewhere_member *member;

    if (!elsewhere_has(e, seed, id))
        return (struct str){NULL, 0};
    member = e->places[elsewhere_find(e, seed, id)];
    return (struct str){member->name, member->name_len};
}

void elsewhere_hand(struct hand_writer *w, const struct elsewhere *e)
{
    hand_put_count(w, e->count);
    for (size_t i = 0; i < e->size; i++) {
        if (e->places[i] == NULL)
            continue;
        hand_put_u64(w, e->places[i]->id);
        hand_put_bytes(w, e->places[i]->name, e->places[i]->name_len);
    }
}

void elsewhere_take(struct hand_reader *r, struct elsewhere *e, const struct hash_seed *seed)
{
    for (size_t n = hand_get_count(r, 12, SIZE_MAX); n > 0; n--) {
        uint64_t id = hand_get_u64(r);
        struct str name = hand_get_bytes(r, CODEC_NAME_MAX);

        if (!hand_check(r,
                        id > 0 && (name.len == 0 || codec_name_is_valid(name)) &&
                            !elsewhere_has(e, seed, id),
                        "somebody elsewhere makes no sense") ||
            !hand_check(r, elsewhere_put(e, seed, id, name) == 0, "out of memory"))
            return;
    }
}

bool elsewhere_has(const struct elsewhere *e, const struct hash_seed *seed, uint64_t id)
{
    return e->size > 0 && e->places[elsewhere_find(e, seed, id)] != NULL;
}
