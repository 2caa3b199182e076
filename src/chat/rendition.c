#include "chat/rendition.h"

#include "chat/frame.h"

static int encode_quietly(struct buf *out, const struct codec *codec, const struct event *event)
{
    out->len = 0;
    if (event->kind != EVENT_MESSAGE && event->kind != EVENT_DIRECT)
        return 0;
    return frame_encode(out, codec, event);
}

const struct rendition_kind renditions[RENDITIONS] = {
    [RENDITION_TEXT] = {.codec = CODEC_TEXT, .encode = frame_encode},
    [RENDITION_V1] = {.codec = CODEC_V1, .encode = frame_encode},
    [RENDITION_TEXT_QUIET] = {.codec = CODEC_TEXT, .encode = encode_quietly},
    [RENDITION_V1_QUIET] = {.codec = CODEC_V1, .encode = encode_quietly},
};

enum rendition rendition_of(enum codec_kind codec, bool is_quiet)
{
    if (is_quiet)
        return codec == CODEC_V1 ? RENDITION_V1_QUIET : RENDITION_TEXT_QUIET;
    return codec == CODEC_V1 ? RENDITION_V1 : RENDITION_TEXT;
}
