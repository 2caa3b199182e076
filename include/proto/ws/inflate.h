/* Unpacks the messages of permessage-deflate (RFC 7692, 7.2.2): raw DEFLATE (RFC 1951), one whole
 * message at a time.
 *
 * Each message stands for itself: the server always asks for client_no_context_takeover, so that a
 * silent client costs no window. The window is what was unpacked of the message so far. */
#ifndef PROTO_WS_INFLATE_H
#define PROTO_WS_INFLATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum inflate_error {
    INFLATE_OK = 0,
    INFLATE_MALFORMED, /* it is no DEFLATE, or ends within a block */
    INFLATE_TOO_LONG,  /* more than `max` bytes come out */
    INFLATE_NO_MEMORY,
};

/* Unpacks a message of `len` bytes, as it was sent: without the 00 00 FF FF at its end. Appends at
 * most `max` bytes to `out`, which is empty; its memory is at most about twice what came out,
 * whatever the input claims. After an error `out` holds some of the message.
 *
 * Strict: codes that are over-subscribed or incomplete, lengths and distances that do not exist or
 * reach in front of the message, and anything but empty space at the end are refused. Blocks may
 * follow one that says it is the last (RFC 7692, 7.2.3.4); they begin with a whole byte. */
enum inflate_error inflate_message(struct buf *out, const uint8_t *data, size_t len, size_t max);

#endif
