#include "chat/audience.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/util.h"

/* Bytes that may be published while one walk goes on. Else those who are served last would be
 * behind by as much as a room may lag, and who is behind and takes nothing for a moment counts as
 * slow. */
#define AHEAD_MAX 65536

void audience_init(struct audience *a, const size_t ring_size[RENDITIONS])
{
    *a = (struct audience){.has_news = {false}};
    for (int kind = 0; kind < RENDITIONS; kind++)
        ring_init(&a->ring[kind], ring_size[kind]);
}

static void audience_free_windows(struct audience *a)
{
    for (int kind = RENDITIONS_PLAIN; kind < RENDITIONS; kind++)
        shared_window_deinit(audience_window(a, (enum rendition)kind));
}

void audience_deinit(struct audience *a)
{
    for (int kind = 0; kind < RENDITIONS; kind++) {
        ring_deinit(&a->ring[kind]);
        free(a->readers[kind].items);
    }
    audience_free_windows(a);
}

static int audience_add_reader(struct reader_set *set, struct sendq *out)
{
    struct sendq **items = array_reserve(set->items, set->count + 1, &set->size);

    if (items == NULL)
        return -1;
    set->items = items;
    out->slot = (uint32_t)set->count;
    set->items[set->count++] = out;
    return 0;
}

int audience_add(struct audience *a, enum rendition kind, struct sendq *out)
{
    if (audience_add_reader(&a->readers[kind], out) < 0)
        return -1;
    sendq_attach(out, &a->ring[kind]);
    if (rendition_is_packed(kind))
        shared_window_join(audience_window(a, kind));
    return 0;
}

int audience_remove(struct audience *a, enum rendition kind, struct sendq *out, size_t keep)
{
    struct reader_set *set = &a->readers[kind];
    struct sendq *last = set->items[--set->count];

    set->items[out->slot] = last;
    last->slot = out->slot;
    set->items = array_shrink(set->items, set->count, &set->size);
    if (rendition_is_packed(kind) && set->count == 0)
        shared_window_deinit(audience_window(a, kind));
    return sendq_detach(out, keep);
}

bool audience_has_room(const struct audience *a, const size_t longest[RENDITIONS])
{
    for (int kind = 0; kind < RENDITIONS; kind++) {
        const struct ring *ring = &a->ring[kind];

        if (a->readers[kind].count > 0 &&
            (size_t)(ring->head - ring->tail) + longest[kind] > ring->max_size)
            return false;
    }
    return true;
}

void audience_publish(struct audience *a, enum rendition kind, const struct buf *frame)
{
    a->has_news[kind] = true;
    if (ring_reserve_forced(&a->ring[kind], frame->len) < 0)
        audience_mark_incomplete(a, kind);
    else
        ring_append(&a->ring[kind], frame->data, frame->len);
}

void audience_mark_incomplete(struct audience *a, enum rendition kind)
{
    const struct reader_set *set = &a->readers[kind];

    a->has_news[kind] = true;
    for (size_t i = 0; i < set->count; i++)
        sendq_mark_incomplete(set->items[i]);
}

bool audience_is_behind(const struct audience *a)
{
    return a->walk.is_begun && a->ring[a->walk.kind].head - a->walk.head > AHEAD_MAX;
}

void audience_press(struct audience *a)
{
    for (int kind = 0; kind < RENDITIONS; kind++)
        a->has_news[kind] = true;
}

/* Raises the tail to `low`, the position that the slowest reader wants, unless it is there already:
 * a reader that lost what it wanted does not lower it. */
static void raise_tail(struct ring *ring, uint64_t low)
{
    if (low > ring->tail)
        ring_raise_tail(ring, low);
}

/* The lower one of `low` and what a reader of the ring still wants. */
static uint64_t lower_tail(uint64_t low, const struct ring *ring, const struct sendq *out)
{
    return out->box == ring && out->cursor < low ? out->cursor : low;
}

/* Begins the walk through the next readers with news. Returns false where there are none. */
static bool audience_begin_walk(struct audience *a)
{
    for (int kind = 0; kind < RENDITIONS; kind++) {
        if (!a->has_news[kind])
            continue;
        a->has_news[kind] = false;
        a->walk.is_begun = true;
        a->walk.kind = (uint8_t)kind;
        a->walk.left = a->readers[kind].count;
        a->walk.low = a->walk.head = a->ring[kind].head;
        return true;
    }
    return false;
}

/* The next reader of the walk; NULL: it has come to its end. One that leaves on the way is replaced
 * by one that was served, for they are walked from the last to the first. */
static struct sendq *audience_next_reader(struct audience *a)
{
    const struct reader_set *set = &a->readers[a->walk.kind];
    size_t left = min_size(a->walk.left, set->count);

    if (left == 0)
        return NULL;
    a->walk.left = left - 1;
    return set->items[left - 1];
}

/* What the slowest reader still wants is the new tail. */
static void audience_end_walk(struct audience *a)
{
    raise_tail(&a->ring[a->walk.kind], a->walk.low);
    a->walk.is_begun = false;
}

bool audience_serve(struct audience *a, size_t (*serve)(struct sendq *out), int64_t *budget)
{
    while (a->walk.is_begun || audience_begin_walk(a)) {
        struct sendq *out;

        while (*budget > 0 && (out = audience_next_reader(a)) != NULL) {
            *budget -= 1 + (int64_t)serve(out);
            a->walk.low = lower_tail(a->walk.low, &a->ring[a->walk.kind], out);
        }
        if (*budget <= 0)
            return false;
        audience_end_walk(a);
    }
    return true;
}

void audience_give_back(struct audience *a)
{
    for (int kind = 0; kind < RENDITIONS; kind++) {
        struct ring *ring = &a->ring[kind];
        uint64_t low = ring->head;

        for (size_t i = 0; i < a->readers[kind].count; i++)
            low = lower_tail(low, ring, a->readers[kind].items[i]);
        raise_tail(ring, low);
        if (ring->tail == ring->head)
            ring_deinit(ring);
    }
    audience_free_windows(a);
}

uint64_t audience_lag(const struct audience *a)
{
    uint64_t lag = 0;

    for (int kind = 0; kind < RENDITIONS; kind++) {
        const struct reader_set *set = &a->readers[kind];

        /* Nobody is behind the tail, so most rooms need no walk. */
        if (a->ring[kind].tail == a->ring[kind].head)
            continue;
        for (size_t i = 0; i < set->count; i++) {
            uint64_t own = sendq_lag(set->items[i]);

            lag = own > lag ? own : lag;
        }
    }
    return lag;
}

/* ---- from one process to the next ---- */

void audience_hand(struct hand_writer *w, const struct audience *a)
{
    hand_put_u8(w, RENDITIONS);
    for (int kind = 0; kind < RENDITIONS; kind++) {
        hand_put_bool(w, a->has_news[kind] || (a->walk.is_begun && a->walk.kind == kind));
        hand_put_u64(w, a->ring[kind].tail);
    }
}

void audience_hand_rings(struct hand_writer *w, uint16_t ring_type, uint16_t window_type,
                         const struct audience *a)
{
    for (int kind = 0; kind < RENDITIONS; kind++)
        ring_hand(w, ring_type, (uint8_t)kind, &a->ring[kind]);
    for (int kind = RENDITIONS_PLAIN; kind < RENDITIONS; kind++) {
        const struct shared_window *window = &a->windows[kind - RENDITIONS_PLAIN];

        if (window->window == NULL)
            continue;
        hand_begin(w, window_type);
        hand_put_u8(w, (uint8_t)kind);
        shared_window_hand(w, window);
        hand_end(w);
    }
}

void audience_take(struct hand_reader *r, struct audience *a)
{
    hand_check(r, hand_get_u8(r) == RENDITIONS, "it knows other renditions");
    for (int kind = 0; kind < RENDITIONS; kind++) {
        a->has_news[kind] = hand_get_bool(r);
        a->ring[kind].head = a->ring[kind].tail = hand_get_u64(r);
    }
}

void audience_take_ring(struct hand_reader *r, struct audience *a)
{
    uint8_t kind = hand_get_u8(r);

    if (hand_check(r, kind < RENDITIONS, "a ring is of no rendition"))
        ring_take(r, &a->ring[kind]);
}

void audience_take_window(struct hand_reader *r, struct audience *a)
{
    uint8_t kind = hand_get_u8(r);

    if (!hand_check(r, kind >= RENDITIONS_PLAIN && kind < RENDITIONS,
                    "a window is of no rendition") ||
        !hand_check(r, audience_window(a, kind)->window == NULL, "a window comes twice"))
        return;
    shared_window_take(r, audience_window(a, kind));
}

bool audience_take_reader(struct hand_reader *r, struct audience *a, enum rendition kind,
                          struct sendq *out, uint32_t slot, struct buf *taken)
{
    const struct taken_reader reader = {&a->readers[kind], out, slot};

    if (!sendq_take_ring(out, &a->ring[kind], r))
        return false;
    if (buf_append(taken, &reader, sizeof(reader)) == 0 &&
        audience_add_reader(&a->readers[kind], out) == 0)
        return true;
    out->box = NULL;
    return hand_fail(r, "out of memory");
}

static int compare_taken(const void *a, const void *b)
{
    const struct taken_reader *one = a, *other = b;

    if (one->set != other->set)
        return one->set < other->set ? -1 : 1;
    return (one->slot > other->slot) - (one->slot < other->slot);
}

void audience_sort_taken(struct buf *taken)
{
    struct taken_reader *readers = (struct taken_reader *)(void *)taken->data;
    size_t count = taken->len / sizeof(*readers);
    uint32_t slot = 0;

    if (count > 0)
        qsort(readers, count, sizeof(*readers), compare_taken);
    for (size_t i = 0; i < count; i++) {
        slot = i > 0 && readers[i].set == readers[i - 1].set ? slot + 1 : 0;
        readers[i].set->items[slot] = readers[i].out;
        readers[i].out->slot = slot;
    }
    buf_deinit(taken);
}
