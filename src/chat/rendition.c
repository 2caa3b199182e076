#include "chat/rendition.h"

#include "chat/frame.h"

/* What quiet readers are told of, too. */
static bool is_said(const struct event *event)
{
    return event->kind == EVENT_MESSAGE || event->kind == EVENT_DIRECT ||
           event->kind == EVENT_REACT || event->kind == EVENT_RETRACT || event->kind == EVENT_SLOW;
}

static int encode_quietly(struct buf *out, const struct codec *codec, const struct event *event)
{
    out->len = 0;
    return is_said(event) ? frame_encode(out, codec, event) : 0;
}

/* A line end within the data would end its line; in JSON it is a blank like any other. */
static void join_lines(uint8_t *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n' || text[i] == '\r')
            text[i] = ' ';
    }
}

static int append_event_head(struct buf *out, const struct event *event)
{
    char pos[CODEC_POS_MAX];

    if (event->seq > 0) {
        codec_pos_write(pos, event->epoch, event->seq);
        if (buf_printf(out, "id: %s\n", pos) < 0)
            return -1;
    }
    return buf_printf(out, "event: %s\ndata: ", codec_v1_type(event->kind).ptr);
}

static int encode_stream(struct buf *out, const struct codec *codec, const struct event *event)
{
    size_t start;

    out->len = 0;
    if (append_event_head(out, event) == 0) {
        start = out->len;
        if (codec->encode(out, event) == 0) {
            join_lines(out->data + start, out->len - start);
            if (buf_append_str(out, STR("\n\n")) == 0)
                return 0;
        }
    }
    out->len = 0; /* half an event must not be taken for one */
    return -1;
}

static int encode_stream_quietly(struct buf *out, const struct codec *codec,
                                 const struct event *event)
{
    out->len = 0;
    return is_said(event) ? encode_stream(out, codec, event) : 0;
}

const struct rendition_kind renditions[RENDITIONS] = {
    [RENDITION_TEXT] = {CODEC_TEXT, RENDITION_TEXT, frame_encode},
    [RENDITION_V1] = {CODEC_V1, RENDITION_V1, frame_encode},
    [RENDITION_TEXT_QUIET] = {CODEC_TEXT, RENDITION_TEXT_QUIET, encode_quietly},
    [RENDITION_V1_QUIET] = {CODEC_V1, RENDITION_V1_QUIET, encode_quietly},
    [RENDITION_EVENTS] = {CODEC_V1, RENDITION_EVENTS, encode_stream},
    [RENDITION_EVENTS_QUIET] = {CODEC_V1, RENDITION_EVENTS_QUIET, encode_stream_quietly},
    [RENDITION_V1_PACKED] = {CODEC_V1, RENDITION_V1, frame_encode},
    [RENDITION_V1_QUIET_PACKED] = {CODEC_V1, RENDITION_V1_QUIET, encode_quietly},
};

enum rendition rendition_of_events(bool is_quiet)
{
    return is_quiet ? RENDITION_EVENTS_QUIET : RENDITION_EVENTS;
}

enum rendition rendition_of(enum codec_kind codec, bool is_quiet, bool is_packed)
{
    if (codec != CODEC_V1)
        return is_quiet ? RENDITION_TEXT_QUIET : RENDITION_TEXT;
    if (is_packed)
        return is_quiet ? RENDITION_V1_QUIET_PACKED : RENDITION_V1_PACKED;
    return is_quiet ? RENDITION_V1_QUIET : RENDITION_V1;
}
