/* One compression for all readers of a ring (permessage-deflate, RFC 7692, with context take-over).
 *
 * Whoever reads a ring reads the same frames in the same order. So all of them have unpacked the
 * same bytes, each from its own arrival on, and one window with what was packed last serves them
 * all: it is packed once, kept once, and each is sent the same bytes. A match may reach back as far
 * as the newest reader's arrival, which is one number for each ring:
 *
 *      what is packed     | join |   hi   | leave |  how are you  |   fine   |  <- next
 *                         ^               ^                       ^
 *      known to           Ada             Bob                     Cem
 *                                                                 = floor: here all of them are
 *
 *      a match            distance <= min(window, position - floor)
 *
 * When somebody comes the floor rises to where the window stands, and the next frames are a little
 * longer, until there is enough behind the floor again. Nobody is asked and nothing is cleared: old
 * places are compared byte by byte, or are too far away.
 *
 * What is for one reader alone (a welcome, a replay, a direct message, an error, an answer) goes
 * out as it is, with RSV1 = 0, and is in nobody's window; so it can stand between any two frames. A
 * frame that is shorter as it is goes so, too, to all, and is taken out of the window again. */
#ifndef CHAT_SHARED_WINDOW_H
#define CHAT_SHARED_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/hand.h"

/* Bits of the window: a receiver must remember so much (RFC 7692, 7.1.2.1). Measured on frames with
 * 64 B of text, bytes on the wire and memory for each room: 12 bits 47 and 32 KiB, 13 bits 43 and
 * 64 KiB, 15 bits 40 and 256 KiB. */
#define SHARED_WINDOW_BITS 13

struct deflate_block;
struct deflate_window;

/* Of a ring. All zero: it has no memory. */
struct shared_window {
    struct deflate_window *window; /* owned; NULL: nothing was packed yet */
    uint64_t floor;                /* where the newest reader came */
};

/* What all windows share. All zero: it has no memory. */
struct shared_packer {
    struct deflate_block *block; /* owned; NULL: not used yet */
    struct buf out;
    uint64_t frames; /* that were packed */
    uint64_t before; /* bytes of those as they were */
    uint64_t after;  /* ... and packed, each once, whoever reads them */
    uint64_t spent;  /* nanoseconds, of those that stayed as they were, too */
};

void shared_packer_deinit(struct shared_packer *packer);

/* Forgets all: the memory goes, and the next frame is packed as the first. */
void shared_window_deinit(struct shared_window *window);

/* Somebody comes who knows nothing of what was packed before. */
void shared_window_join(struct shared_window *window);

/* Packs a frame for all readers: an unmasked text frame, not empty. Returns what they are to be
 * sent: the packed frame, valid until the next call, or the frame itself where that is shorter or
 * memory is out. */
const struct buf *shared_window_pack(struct shared_window *window, struct shared_packer *packer,
                                     const struct buf *frame);

/* A window that is in use, within a record, from one process to the next. Taking it into one that
 * has no memory. */
void shared_window_hand(struct hand_writer *w, const struct shared_window *window);
void shared_window_take(struct hand_reader *r, struct shared_window *window);

#endif
