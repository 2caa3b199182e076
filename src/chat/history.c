#include "chat/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

static struct str history_copy(char **to, struct str from)
{
    struct str kept = {*to, from.len};

    if (from.ptr == NULL)
        return from;
    if (from.len > 0)
        memcpy(*to, from.ptr, from.len);
    *to += from.len;
    return kept;
}

/* Most records are never replayed, so their frames have memory of their own; it counts all the
 * same, for it may be wanted at any time. */
#define FRAMES_SIZE (RENDITIONS_PLAIN * sizeof(struct buf))

static size_t record_text_len(const struct event *event)
{
    return event->name.len + event->text.len + event->ref.len + event->data.len;
}

struct record *record_new(const struct event *event)
{
    size_t len = record_text_len(event);
    struct record *record = malloc(sizeof(*record) + len);
    char *to;

    if (record == NULL)
        return NULL;
    *record = (struct record){.event = *event, .holders = 1};
    to = record->bytes;
    record->event.name = history_copy(&to, event->name);
    record->event.text = history_copy(&to, event->text);
    record->event.ref = history_copy(&to, event->ref);
    record->event.data = history_copy(&to, event->data);
    record->event.key = (struct str){NULL, 0};
    record->cost = sizeof(*record) + FRAMES_SIZE + len;
    list_init(&record->encoded);
    return record;
}

const struct buf *record_frame(const struct record *record, enum rendition kind)
{
    static const struct buf none;

    return record->frames != NULL ? &record->frames[kind] : &none;
}

void record_drop_frames(struct record *record)
{
    for (int kind = 0; record->frames != NULL && kind < RENDITIONS_PLAIN; kind++)
        buf_deinit(&record->frames[kind]);
    free(record->frames);
    record->frames = NULL;
}

void record_release(struct record *record)
{
    if (record == NULL || --record->holders > 0)
        return;
    if (record->orphans != NULL)
        *record->orphans -= record->cost + record->frame_cost;
    record_drop_frames(record);
    free(record);
}

static void release_holder(void *record)
{
    record_release(record);
}

int record_encode(struct record *record, enum rendition kind)
{
    if (record->frames == NULL && (record->frames = calloc(1, FRAMES_SIZE)) == NULL)
        return -1;
    return record->frames[kind].len > 0
               ? 0
               : rendition_encode(&record->frames[kind], kind, &record->event);
}

int record_replay(struct record *record, enum rendition kind, struct sendq *out)
{
    const struct buf *frame;

    if (record_encode(record, kind) < 0)
        return -1;
    frame = record_frame(record, kind);
    if (frame->len == 0)
        return 0;
    record->holders++;
    if (sendq_push_shared(out, frame->data, frame->len, release_holder, record) < 0) {
        record_release(record);
        return -1;
    }
    return 0;
}

void history_init(struct history *h, size_t limit)
{
    *h = (struct history){.limit = limit};
}

void history_deinit(struct history *h)
{
    while (h->count > 0)
        record_release(history_take_oldest(h));
    free(h->ring);
    history_init(h, h->limit);
}

static int history_grow(struct history *h)
{
    size_t size = min_size(max_size(h->size * 2, 4), h->limit);
    struct record **ring = malloc(size * sizeof(struct record *));

    if (ring == NULL)
        return -1;
    for (size_t i = 0; i < h->count; i++)
        ring[i] = history_at(h, i);
    free(h->ring);
    h->ring = ring;
    h->size = size;
    h->first = 0;
    return 0;
}

int history_add(struct history *h, struct record *record)
{
    if (h->count == h->size && history_grow(h) < 0)
        return -1;
    h->ring[(h->first + h->count) % h->size] = record;
    h->count++;
    return 0;
}

struct record *history_take_oldest(struct history *h)
{
    struct record *oldest = h->ring[h->first];

    h->first = (h->first + 1) % h->size;
    h->count--;
    h->gone = oldest->event.seq;
    return oldest;
}

struct record *history_at(const struct history *h, size_t place)
{
    return h->ring[(h->first + place) % h->size];
}

struct history_place *history_next_place(struct history_place *places, size_t count)
{
    struct history_place *next = NULL;
    uint64_t lowest = UINT64_MAX;

    for (size_t i = 0; i < count; i++) {
        const struct history *h = places[i].history;

        if (places[i].at == h->count || history_at(h, places[i].at)->event.seq > lowest)
            continue;
        next = &places[i];
        lowest = history_at(h, next->at)->event.seq;
    }
    return next;
}

struct record *history_next(struct history_place *places, size_t count)
{
    struct history_place *next = history_next_place(places, count);

    return next == NULL ? NULL : history_at(next->history, next->at++);
}

void history_replace(struct history *h, size_t place, struct record *record)
{
    h->ring[(h->first + place) % h->size] = record;
}

size_t history_after(const struct history *h, uint64_t seq)
{
    size_t low = 0, high = h->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (history_at(h, middle)->event.seq > seq)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* ---- from one process to the next ---- */

/* What was taken back is counted on, so a record may cost more than what it has. */
void record_hand(struct hand_writer *w, const struct record *record)
{
    const struct event *event = &record->event;

    hand_put_u8(w, (uint8_t)event->kind);
    hand_put_u64(w, event->seq);
    hand_put_u64(w, event->epoch);
    hand_put_u64(w, event->ts);
    hand_put_u64(w, event->from);
    hand_put_u64(w, event->count);
    hand_put_u64(w, event->re);
    hand_put_u64(w, event->author);
    hand_put_bool(w, event->is_retracted);
    hand_put_bool(w, event->is_posted);
    hand_put_bool(w, event->is_on);
    hand_put_str(w, event->name);
    hand_put_str(w, event->text);
    hand_put_str(w, event->ref);
    hand_put_str(w, event->data);
    hand_put_u64(w, record->cost - sizeof(*record) - FRAMES_SIZE - record_text_len(event));
    hand_put_u32(w, record->author_place);
    hand_put_u32(w, record->author_generation);
    hand_put_u32(w, record->word);
}

static struct event record_take_event(struct hand_reader *r)
{
    struct event event = {.kind = (enum event_kind)hand_get_u8(r)};

    event.seq = hand_get_u64(r);
    event.epoch = hand_get_u64(r);
    event.ts = hand_get_u64(r);
    event.from = hand_get_u64(r);
    event.count = hand_get_u64(r);
    event.re = hand_get_u64(r);
    event.author = hand_get_u64(r);
    event.is_retracted = hand_get_bool(r);
    event.is_posted = hand_get_bool(r);
    event.is_on = hand_get_bool(r);
    event.name = hand_get_str(r, CODEC_NAME_MAX);
    event.text = hand_get_str(r, event.kind == EVENT_REACT ? CODEC_EMOJI_MAX : HAND_RECORD_MAX);
    event.ref = hand_get_str(r, CODEC_REF_MAX);
    event.data = hand_get_str(r, HAND_RECORD_MAX);
    return event;
}

struct record *record_take(struct hand_reader *r)
{
    struct event event = record_take_event(r);
    uint64_t more = hand_upto(r, hand_get_u64(r), HAND_RECORD_MAX);
    struct record *record = hand_is_good(r) ? record_new(&event) : NULL;

    if (record == NULL) {
        hand_fail(r, "out of memory");
        return NULL;
    }
    record->cost += (size_t)more;
    record->author_place = hand_get_u32(r);
    record->author_generation = hand_get_u32(r);
    record->word = hand_get_u32(r);
    if (hand_is_good(r))
        return record;
    record_release(record);
    return NULL;
}
