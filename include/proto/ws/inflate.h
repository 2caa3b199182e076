/* Unpacks the messages of permessage-deflate (RFC 7692, 7.2.2): raw DEFLATE (RFC 1951), one whole
 * message at a time.
 *
 * What a match may reach back to is what the caller still has of the messages before. A server has
 * nothing: it always asks for client_no_context_takeover, so that a silent client costs no window.
 */
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
 * most `max` bytes to `out`, whose memory becomes at most about twice what is in it then, whatever
 * the input claims. After an error `out` holds some of the message.
 *
 * What is in `out` before is what was unpacked last of the same sender (RFC 7692, 7.2.2): a match
 * may reach back there, by 32 KiB at most. Empty: the message stands for itself.
 *
 * *work becomes what that cost, in bytes that could be copied instead, roughly: what came in, what
 * came out, and the codes that were made on the way.
 *
 * Strict: codes that are over-subscribed or incomplete, lengths and distances that do not exist or
 * reach in front of all that, and anything but empty space at the end are refused. Blocks may
 * follow one that says it is the last (RFC 7692, 7.2.3.4); they begin with a whole byte. */
enum inflate_error inflate_message(struct buf *out, const uint8_t *data, size_t len, size_t max,
                                   size_t *work);

#endif
