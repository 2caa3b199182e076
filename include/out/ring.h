/* Ring: the frames that a room has sent lately, encoded once, and read by everybody through a
 * cursor.
 *
 *      tail                                   head
 *       |  frame  |  frame  |    frame    |    |
 *       +--^------+---------+---------^---+----+
 *          cursor of a slow reader    cursor of a faster one
 *
 * Positions are absolute 64-bit byte counts and never wrap; `position & (size - 1)` is the place in
 * the ring. The writer does not look at the readers. What it needs to know of them is one number,
 * the tail: the oldest position that a reader may still want, which whoever sends to the readers
 * raises when it has been through all of them. The ring grows by doubling while the tail holds it
 * back, up to its largest size. */
#ifndef OUT_RING_H
#define OUT_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/hand.h"

struct ring {
    uint8_t *data; /* the ring; owned; NULL while size is 0 */
    uint64_t
        *ends;     /* within the same memory: a bit for each byte, set at the last one of a frame */
    uint64_t head; /* position of the next byte to be written */
    uint64_t tail; /* bytes before this position may be gone */
    size_t size;   /* bytes of the ring, a power of two, or 0 */
    size_t max_size; /* bytes that it may grow to, a power of two */
};

/* Makes an empty ring that owns no memory and grows to at most `max_size` bytes, rounded up to a
 * power of two. */
void ring_init(struct ring *box, size_t max_size);

void ring_deinit(struct ring *box);

/* Makes room for `len` more bytes. Returns 0; or -1 with errno ENOBUFS where the tail holds it back
 * and the ring is as large as it may be (or as memory allows): let the readers go on, raise the
 * tail, and try again. */
int ring_reserve(struct ring *box, size_t len);

/* As ring_reserve, but gives up what the slowest readers still want where there is no other room.
 * Returns 0, or -1 with errno ENOBUFS for more than the ring can hold. */
int ring_reserve_forced(struct ring *box, size_t len);

/* Appends a frame of `len` bytes (len > 0), for which room was made. */
void ring_append(struct ring *box, const void *frame, size_t len);

/* Says that nobody wants the bytes before `position` (tail <= position <= head). Gives memory back
 * where the ring is much larger than what it holds. */
void ring_raise_tail(struct ring *box, uint64_t position);

/* The bytes from `from` to `to` (tail <= from <= to <= head) as at most two spans, valid until the
 * next append or raise of the tail. Returns how many spans there are: 0 where from is to. */
int ring_spans(const struct ring *box, uint64_t from, uint64_t to, struct iovec spans[2]);

/* Where the frame ends that holds the byte in front of `position` (tail < position <= head): there
 * or behind it. The ring keeps the ends itself, so it need not know what a frame looks like. */
uint64_t ring_frame_end(const struct ring *box, uint64_t position);

/* Hands over what lies between tail and head, as records of this type that begin with `number`: how
 * the one who reads knows them. The tail is handed apart. */
void ring_hand(struct hand_writer *w, uint16_t type, uint8_t number, const struct ring *box);

/* Takes the rest of such a record, behind its number, into a ring that begins at the tail. */
void ring_take(struct hand_reader *r, struct ring *box);

#endif
