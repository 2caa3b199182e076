#include "chat/frame.h"

#include <string.h>

#include "proto/ws/frame.h"

int frame_begin(struct buf *out)
{
    static const uint8_t headroom[FRAME_HEADROOM];

    out->len = 0;
    return buf_append(out, headroom, sizeof(headroom));
}

static void frame_write_header(struct buf *out, uint8_t rsv)
{
    size_t payload = out->len - FRAME_HEADROOM;
    struct ws_frame_header header = {.length = payload, .opcode = WS_TEXT, .rsv = rsv, .fin = true};
    size_t size = ws_frame_encode(out->data, &header);

    memmove(out->data + size, out->data + FRAME_HEADROOM, payload);
    out->len = size + payload;
}

void frame_finish(struct buf *out)
{
    frame_write_header(out, 0);
}

void frame_finish_packed(struct buf *out)
{
    frame_write_header(out, WS_RSV1);
}

int frame_encode(struct buf *out, const struct codec *codec, const struct event *event)
{
    if (frame_begin(out) < 0 || codec->encode(out, event) < 0) {
        out->len = 0; /* half a frame must not be taken for one */
        return -1;
    }
    if (out->len == FRAME_HEADROOM)
        out->len = 0;
    else
        frame_finish(out);
    return 0;
}

struct str frame_payload(const struct buf *frame)
{
    struct ws_frame_header header;
    int size = ws_frame_decode(&header, frame->data, frame->len);

    return (struct str){(const char *)frame->data + size, frame->len - (size_t)size};
}
