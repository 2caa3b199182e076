#include "out/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/tuning.h"
#include "base/util.h"

/* A ring gives memory back when less than one part in so many of it is in use: not at once, since a
 * room that was busy is likely to be busy again. */
#define SHRINK_FACTOR 16

void ring_init(struct ring *box, size_t max_size)
{
    *box = (struct ring){.max_size = (size_t)round_up_pow2(max_size)};
}

void ring_deinit(struct ring *box)
{
    free(box->data);
    box->data = NULL;
    box->size = 0;
    box->tail = box->head;
}

int ring_spans(const struct ring *box, uint64_t from, uint64_t to, struct iovec spans[2])
{
    size_t len = (size_t)(to - from);
    size_t place, first;

    if (len == 0)
        return 0;
    place = (size_t)from & (box->size - 1);
    first = min_size(len, box->size - place);
    spans[0] = (struct iovec){box->data + place, first};
    if (first == len)
        return 1;
    spans[1] = (struct iovec){box->data, len - first};
    return 2;
}

/* Writes into the ring at a position; the room must be there. */
static void write_at(struct ring *box, uint64_t position, const void *bytes, size_t len)
{
    struct iovec spans[2];
    const uint8_t *from = bytes;

    for (int i = 0, n = ring_spans(box, position, position + len, spans); i < n; i++) {
        memcpy(spans[i].iov_base, from, spans[i].iov_len);
        from += spans[i].iov_len;
    }
}

/* ---- frame ends: one bit for each byte of the ring, set where a frame's last byte is ---- */

#define WORD_BITS ((uint64_t)64)

static uint64_t *word_of(const struct ring *box, uint64_t position)
{
    return &box->ends[(position & (box->size - 1)) / WORD_BITS];
}

/* Bits from that of `position` to the end of its word. */
static uint64_t bits_from(uint64_t position)
{
    return UINT64_MAX << (position % WORD_BITS);
}

/* Forgets what ended from `from` up to `to`, and notes that a frame ends at `to`. */
static void mark_end(struct ring *box, uint64_t from, uint64_t to)
{
    uint64_t last = to - 1, bit = (uint64_t)1 << (last % WORD_BITS);

    if (from / WORD_BITS == last / WORD_BITS) {
        *word_of(box, from) &= ~(bits_from(from) & ~(bits_from(last) << 1));
    } else {
        *word_of(box, from) &= ~bits_from(from);
        for (uint64_t at = from - from % WORD_BITS + WORD_BITS; at < last - last % WORD_BITS;
             at += WORD_BITS)
            *word_of(box, at) = 0;
        *word_of(box, last) &= bits_from(last) << 1;
    }
    *word_of(box, last) |= bit;
}

/* Takes the ends over from a ring of another size. A word at an edge may bring bits of places that
 * are not in use: they are cleared by the append that uses them. */
static void copy_ends(struct ring *to, const struct ring *from)
{
    if (from->tail == from->head)
        return;
    for (uint64_t at = from->tail - from->tail % WORD_BITS; at < from->head; at += WORD_BITS)
        *word_of(to, at) = *word_of(from, at);
}

uint64_t ring_frame_end(const struct ring *box, uint64_t position)
{
    uint64_t at = position - 1, bits = *word_of(box, at) & bits_from(at);

    while (bits == 0) {
        at = at - at % WORD_BITS + WORD_BITS;
        bits = *word_of(box, at);
    }
    return at - at % WORD_BITS + (uint64_t)__builtin_ctzll(bits) + 1;
}

/* Moves what lies between tail and head into a ring of another size. The data comes first in its
 * memory, then the bits of the frame ends. */
static int resize(struct ring *box, size_t size)
{
    struct ring next = *box;
    struct iovec spans[2];
    uint64_t position = box->tail;

    next.size = size;
    next.data = malloc(size + size / 8);
    if (next.data == NULL)
        return -1;
    next.ends = (uint64_t *)(void *)(next.data + size);
    for (int i = 0, n = ring_spans(box, box->tail, box->head, spans); i < n; i++) {
        write_at(&next, position, spans[i].iov_base, spans[i].iov_len);
        position += spans[i].iov_len;
    }
    copy_ends(&next, box);
    free(box->data);
    *box = next;
    return 0;
}

int ring_reserve(struct ring *box, size_t len)
{
    size_t used = (size_t)(box->head - box->tail);
    size_t size;

    if (len <= box->size - used)
        return 0;
    size = (size_t)round_up_pow2(max_size(used + len, TUNE_RING_MIN));
    if (size > box->max_size || resize(box, size) < 0) {
        errno = ENOBUFS;
        return -1;
    }
    return 0;
}

int ring_reserve_forced(struct ring *box, size_t len)
{
    if (ring_reserve(box, len) == 0)
        return 0;
    if (len > box->size)
        return -1;
    box->tail = box->head + len - box->size;
    return 0;
}

void ring_append(struct ring *box, const void *frame, size_t len)
{
    write_at(box, box->head, frame, len);
    mark_end(box, box->head, box->head + len);
    box->head += len;
}

void ring_raise_tail(struct ring *box, uint64_t position)
{
    size_t used = (size_t)(box->head - box->tail);

    box->tail = position;
    if (used < box->size / SHRINK_FACTOR && box->size > TUNE_RING_MIN)
        resize(box, box->size / 2);
}

/* ---- from one process to the next ---- */

/* A frame, or what is left of one that was cut by the tail. */
static void ring_hand_frame(struct hand_writer *w, const struct ring *box, uint64_t from,
                            uint64_t to)
{
    struct iovec spans[2];
    int n = ring_spans(box, from, to, spans);

    hand_put_count(w, (size_t)(to - from));
    for (int i = 0; i < n; i++)
        hand_put_raw(w, spans[i].iov_base, spans[i].iov_len);
}

void ring_hand(struct hand_writer *w, uint16_t type, uint8_t number, const struct ring *box)
{
    uint64_t at = box->tail;

    while (at < box->head) {
        hand_begin(w, type);
        hand_put_u8(w, number);
        while (at < box->head && !hand_is_long(w)) {
            uint64_t end = ring_frame_end(box, at + 1);

            ring_hand_frame(w, box, at, end);
            at = end;
        }
        hand_end(w);
        if (w->is_failed)
            return;
    }
}

/* It may have more than this process would let it grow to: then it stays so until it was read. */
static int ring_take_frame(struct ring *box, struct str frame)
{
    size_t max_size = box->max_size;
    int result;

    box->max_size = SIZE_MAX / 2 + 1;
    result = ring_reserve(box, frame.len);
    box->max_size = max_size;
    if (result == 0)
        ring_append(box, frame.ptr, frame.len);
    return result;
}

void ring_take(struct hand_reader *r, struct ring *box)
{
    while (hand_is_good(r) && hand_left(r) > 0) {
        struct str frame = hand_get_bytes(r, HAND_RECORD_MAX);

        hand_check(r, frame.len > 0, "a frame of a ring is empty");
        hand_check(r, frame.len <= UINT64_MAX - box->head, "a ring goes too far");
        if (hand_is_good(r) && ring_take_frame(box, frame) < 0)
            hand_fail(r, "out of memory");
    }
}
