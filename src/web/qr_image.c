#include "web/qr_image.h"

#include <stdlib.h>

#include "proto/http/query.h"
#include "proto/qr.h"
#include "web/web.h"

static void qr_image_send(const struct answer *answer, const struct qr *qr)
{
    struct http_response response = {
        .status = 200,
        .type = STR("image/svg+xml"),
        .extra = STR("Cache-Control: no-cache\r\n" ANSWER_SAFETY),
    };
    struct http_body body;
    struct buf image;

    buf_init(&image);
    if (qr_write_svg(&image, qr) < 0) {
        buf_deinit(&image);
        stream_drop(&answer->conn->stream, STREAM_END_MEMORY);
        return;
    }
    body = (struct http_body){.data = image.data, .len = image.len, .release = free};
    answer_send(answer, &response, &body);
}

void qr_image_answer(const struct answer *answer, const struct http_request *request)
{
    char text[QR_TEXT_MAX];
    struct str raw;
    struct qr qr;
    ptrdiff_t len = -1;

    if (!answer->is_get) {
        answer_not_allowed(answer);
        return;
    }
    if (http_query_get(request->query, STR("text"), &raw) == 1)
        len = http_percent_decode(text, sizeof(text), raw, true);
    if (len <= 0 || qr_encode(&qr, (struct str){text, (size_t)len}) < 0)
        answer_text(answer, 400, "It takes one text of 1 to 271 bytes: /qr.svg?text=LINK.", "");
    else
        qr_image_send(answer, &qr);
}
