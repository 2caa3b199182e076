#include "chat/reactions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "proto/json.h"

#define PLACES_MIN 4

static struct str reaction_emoji(const struct reaction_kind *kind)
{
    return (struct str){kind->emoji, kind->len};
}

/* The place of an emoji, REACTIONS_KINDS_MAX where nobody gives it. */
static size_t reactions_kind(const struct reactions *r, struct str emoji)
{
    size_t kind = 0;

    while (kind < REACTIONS_KINDS_MAX &&
           (r->kinds[kind].uses == 0 || !str_equals(reaction_emoji(&r->kinds[kind]), emoji)))
        kind++;
    return kind;
}

/* The same, with a free place where nobody gives it; REACTIONS_KINDS_MAX where none is free. */
static size_t reactions_kind_for(struct reactions *r, struct str emoji)
{
    size_t kind = reactions_kind(r, emoji);

    if (kind < REACTIONS_KINDS_MAX)
        return kind;
    for (kind = 0; kind < REACTIONS_KINDS_MAX && r->kinds[kind].uses > 0; kind++)
        ;
    if (kind < REACTIONS_KINDS_MAX) {
        memcpy(r->kinds[kind].emoji, emoji.ptr, emoji.len);
        r->kinds[kind].len = emoji.len;
    }
    return kind;
}

/* The place of a reaction; r->count where it was not given. */
static size_t reactions_place(const struct reactions *r, uint64_t from, size_t kind)
{
    size_t place = 0;

    while (place < r->count && (r->items[place].from != from || r->items[place].kind != kind))
        place++;
    return place;
}

static int reactions_grow(struct reactions *r)
{
    size_t size = min_size(max_size(r->size * 2, PLACES_MIN), REACTIONS_MAX);
    struct reaction *items;

    if (r->count < r->size)
        return 0;
    items = realloc(r->items, size * sizeof(*items));
    if (items == NULL)
        return -1;
    r->items = items;
    r->size = size;
    return 0;
}

static int reactions_give(struct reactions *r, uint64_t from, struct str emoji)
{
    size_t kind = reactions_kind_for(r, emoji);

    if (kind < REACTIONS_KINDS_MAX && reactions_place(r, from, kind) < r->count)
        return 0;
    if (kind == REACTIONS_KINDS_MAX || r->count == REACTIONS_MAX) {
        errno = ENOSPC;
        return -1;
    }
    if (reactions_grow(r) < 0)
        return -1;
    r->items[r->count++] = (struct reaction){from, kind};
    r->kinds[kind].uses++;
    return 0;
}

static void reactions_take_back(struct reactions *r, uint64_t from, struct str emoji)
{
    size_t kind = reactions_kind(r, emoji), place = reactions_place(r, from, kind);

    if (place == r->count)
        return;
    r->kinds[kind].uses--;
    r->count--;
    memmove(&r->items[place], &r->items[place + 1], (r->count - place) * sizeof(struct reaction));
}

int reactions_set(struct reactions *r, uint64_t from, struct str emoji, bool is_on)
{
    if (is_on)
        return reactions_give(r, from, emoji);
    reactions_take_back(r, from, emoji);
    return 0;
}

static int append_sum(struct buf *out, const struct reactions *r, size_t kind, char before)
{
    char separator = '[';

    if (buf_append_char(out, before) < 0 ||
        json_append_string(out, reaction_emoji(&r->kinds[kind])) < 0 ||
        buf_append_char(out, ':') < 0)
        return -1;
    for (size_t i = 0; i < r->count; i++) {
        if (r->items[i].kind != kind)
            continue;
        if (buf_append_char(out, separator) < 0 || buf_append_u64(out, r->items[i].from) < 0)
            return -1;
        separator = ',';
    }
    return buf_append_char(out, ']');
}

int reactions_encode(struct buf *out, const struct reactions *r)
{
    char before = '{';

    if (r->count == 0)
        return 0;
    for (size_t kind = 0; kind < REACTIONS_KINDS_MAX; kind++) {
        if (r->kinds[kind].uses == 0)
            continue;
        if (append_sum(out, r, kind, before) < 0)
            return -1;
        before = ',';
    }
    return buf_append_char(out, '}');
}

void reactions_deinit(struct reactions *r)
{
    free(r->items);
    *r = (struct reactions){.items = NULL};
}
