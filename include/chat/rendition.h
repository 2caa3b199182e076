/* A rendition is what a reader gets of an event, byte for byte: a codec, in frames. All readers of
 * a room that have the same rendition share one ring. Quiet ones tell nothing of who comes, goes or
 * is there: they are for those who have no right to know. Packed ones are compressed, all readers'
 * at once (chat/shared_window.h). */
#ifndef CHAT_RENDITION_H
#define CHAT_RENDITION_H

#include <stdbool.h>

#include "base/buf.h"
#include "proto/codec/codec.h"

enum rendition {
    RENDITION_TEXT,
    RENDITION_V1,
    RENDITION_TEXT_QUIET,
    RENDITION_V1_QUIET,
    RENDITION_EVENTS,
    RENDITION_EVENTS_QUIET,
    RENDITIONS_PLAIN, /* how many of them are not packed */
    RENDITION_V1_PACKED = RENDITIONS_PLAIN,
    RENDITION_V1_QUIET_PACKED,
    RENDITIONS
};

struct rendition_kind {
    enum codec_kind codec;
    enum rendition
        plain; /* what its readers are sent of the past: itself, where it is not packed */

    /* Replaces what is in `out` by the event as one frame, or by nothing where the codec does not
     * tell of it. Returns 0, or -1 with errno ENOMEM and `out` empty. */
    int (*encode)(struct buf *out, const struct codec *codec, const struct event *event);
};

extern const struct rendition_kind renditions[RENDITIONS];

/* The rendition of an event stream (WHATWG HTML, 9.2): the JSON of wschat.v1 in events with their
 * positions. */
enum rendition rendition_of_events(bool is_quiet);

/* The rendition of a WebSocket that speaks this codec. Only that of wschat.v1 is packed. */
enum rendition rendition_of(enum codec_kind codec, bool is_quiet, bool is_packed);

static inline bool rendition_is_packed(enum rendition kind)
{
    return renditions[kind].plain != kind;
}

static inline int rendition_encode(struct buf *out, enum rendition kind, const struct event *event)
{
    return renditions[kind].encode(out, codecs[renditions[kind].codec], event);
}

#endif
