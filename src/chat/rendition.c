#include "chat/rendition.h"

#include "chat/frame.h"

const struct rendition_kind renditions[RENDITIONS] = {
    [RENDITION_TEXT] = {.codec = CODEC_TEXT, .encode = frame_encode},
    [RENDITION_V1] = {.codec = CODEC_V1, .encode = frame_encode},
};

enum rendition rendition_of(enum codec_kind codec)
{
    return codec == CODEC_V1 ? RENDITION_V1 : RENDITION_TEXT;
}
