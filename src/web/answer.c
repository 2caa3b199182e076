#include "web/answer.h"

#include <stdlib.h>
#include <string.h>

#include "web/web.h"

struct answer answer_to(struct conn *conn, const struct http_request *request)
{
    bool is_head = str_equals(request->method, STR("HEAD"));

    return (struct answer){
        .conn = conn,
        .is_get = is_head || str_equals(request->method, STR("GET")),
        .is_head = is_head,
        .keep_alive = request->keep_alive,
        .is_http_1_0 = request->minor == 0,
    };
}

/* It counts once it is on its way: not where memory was out for it. */
void answer_count(struct conn *conn, int status)
{
    if (conn->stream.state == STREAM_DEAD)
        return;
    web_of(conn)->responses[status]++;
    conn->status = (uint16_t)status;
}

/* `text`: what follows the head in the same run of bytes. */
static void answer_put(const struct answer *answer, struct http_response *response, struct str text,
                       const struct http_body *body)
{
    struct conn *conn = answer->conn;
    bool is_bodyless = answer->is_head || response->status == 304, is_out;
    struct buf head;

    response->length = body->len + text.len;
    response->keep_alive = answer->keep_alive;
    response->is_http_1_0 = answer->is_http_1_0;
    buf_init(&head);
    is_out = http_response_head(&head, response, (int64_t)(conn_clock(conn)->wall / 1000)) < 0 ||
             (!is_bodyless && buf_append_str(&head, text) < 0);
    http_respond(conn, is_out ? NULL : &head, body, is_bodyless, answer->keep_alive);
    answer_count(conn, response->status);
    buf_deinit(&head);
}

void answer_send(const struct answer *answer, struct http_response *response,
                 const struct http_body *body)
{
    answer_put(answer, response, STR(""), body);
}

void answer_text(const struct answer *answer, int status, const char *text, const char *fields)
{
    struct http_body none = {.data = NULL};
    struct http_response response = {
        .status = status,
        .type = STR("text/plain; charset=utf-8"),
        .extra = str_from(fields),
    };
    char line[256];
    size_t len = min_size(strlen(text), sizeof(line) - 1);

    memcpy(line, text, len);
    line[len] = '\n';
    answer_put(answer, &response, (struct str){line, len + 1}, &none);
}

void answer_refuse(const struct answer *answer, int status, const char *text, const char *fields)
{
    struct answer last = *answer;

    stream_note_end(&answer->conn->stream, STREAM_END_REFUSED, text);
    last.keep_alive = false;
    answer_text(&last, status, text, fields);
}

void answer_not_allowed(const struct answer *answer)
{
    answer_text(answer, 405, "This path knows GET and HEAD only.", "Allow: GET, HEAD\r\n");
}
