/* Events as WebSocket text frames, ready to be sent. */
#ifndef CHAT_FRAME_H
#define CHAT_FRAME_H

#include "base/buf.h"
#include "proto/codec/codec.h"

/* Room that is kept in front of a payload until its length is known. */
#define FRAME_HEADROOM 10

/* Replaces what is in `out` by one unmasked text frame with the event in it, or by nothing where
 * the codec does not tell of it. Returns 0, or -1 with errno ENOMEM and `out` empty. */
int frame_encode(struct buf *out, const struct codec *codec, const struct event *event);

/* For payloads that are written piece by piece: begin leaves headroom in an emptied buffer, the
 * caller appends the payload, finish puts the header right in front of it and moves the frame to
 * the buffer's start. */
int frame_begin(struct buf *out);
void frame_finish(struct buf *out);

/* The same for a payload that is compressed (RFC 7692, 6.1). */
void frame_finish_packed(struct buf *out);

/* The payload of a frame that is whole and unmasked. */
struct str frame_payload(const struct buf *frame);

#endif
