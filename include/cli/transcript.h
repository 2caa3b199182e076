/* The conversation as lines for people. Nothing that a peer wrote gets through unescaped. */
#ifndef CLI_TRANSCRIPT_H
#define CLI_TRANSCRIPT_H

#include <stdbool.h>

#include "base/buf.h"
#include "cli/session.h"
#include "proto/codec/v1_client.h"

/* Appends the lines of a frame, each with its LF; nothing for a frame that needs none. Call it
 * before the session takes note of the frame. Returns 0, or -1 with errno ENOMEM. */
int transcript_frame(struct buf *out, const struct session *s, const struct v1_event *frame,
                     bool is_coloured);

/* Appends a line of our own. */
int transcript_note(struct buf *out, struct str text, bool is_coloured);

/* Appends who is here. */
int transcript_members(struct buf *out, const struct session *s, bool is_coloured);

#endif
