/* Packs the messages of permessage-deflate (RFC 7692, 7.2.1): raw DEFLATE (RFC 1951), one whole
 * message at a time, by what was said in those before.
 *
 * A window holds the bytes that were packed last, and finds what repeats in them. Positions are
 * absolute and never go back, but for deflate_undo:
 *
 *          start of the window's memory          position
 *               |                                    |
 *      . . . . .+---------+--------+-----------------+
 *               | message | message|     message     |  the next one goes here
 *      . . . . .+---------+--------+-----------------+
 *                         ^
 *                       floor: what a match may reach back to
 *
 * What a match may reach is said anew with each message, so one window can serve receivers of which
 * some came later than others, or none that remember anything. The chains that lead to older places
 * with the same beginning are hints: what they lead to is compared byte by byte, so nothing has to
 * be cleared when messages are undone or forgotten. */
#ifndef PROTO_WS_DEFLATE_H
#define PROTO_WS_DEFLATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/hand.h"

#define DEFLATE_BITS_MIN 8 /* of a window (RFC 7692, 7.1.2) */
#define DEFLATE_BITS_MAX 15

struct deflate_block;
struct deflate_window;

/* What packing needs while it is at work: one serves any number of windows. */
struct deflate_block *deflate_block_new(void); /* NULL: errno is ENOMEM */
void deflate_block_free(struct deflate_block *block);

/* Makes a window of 2^bits bytes. It takes about eight times as much memory. NULL: errno is ENOMEM.
 */
struct deflate_window *deflate_window_new(unsigned bits);
void deflate_window_free(struct deflate_window *window);

/* Bytes of memory that a window of so many bits takes. */
size_t deflate_window_cost(unsigned bits);

/* Where the next message begins. */
uint64_t deflate_position(const struct deflate_window *window);

/* What the receivers still know. */
struct deflate_reach {
    uint64_t floor;  /* no match reaches back in front of this position */
    size_t distance; /* ... nor more than so many bytes: 2^8 to 2^15, or less than that for none */
};

/* Appends the packed message to `out`, without the 00 00 FF FF at its end. It may be longer than
 * the message was, by five bytes for each 64 KiB and one more. Returns 0; or -1 with errno ENOMEM,
 * and then `out` is as it was and the message is undone. */
int deflate_message(struct deflate_block *block, struct deflate_window *window, struct buf *out,
                    const uint8_t *data, size_t len, const struct deflate_reach *reach);

/* Makes the last message one that never was: its receivers get it in another way. Where it was too
 * long for the window, all that was before it is forgotten, too: no later match reaches there. */
void deflate_undo(struct deflate_window *window);

/* Hands over what a window holds, between two messages, within a record; and takes it: what it
 * packs next is the same as if it had stayed. NULL: wrong, or memory is out. */
void deflate_window_hand(struct hand_writer *w, const struct deflate_window *window);
struct deflate_window *deflate_window_take(struct hand_reader *r, unsigned bits);

#endif
