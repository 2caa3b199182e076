#include "web/api_call.h"

#include <stdlib.h>

#include "proto/http/query.h"
#include "proto/json.h"
#include "web/door.h"
#include "web/web.h"

void api_choose_origin(struct api_reply *reply, const struct http_request *request,
                       const struct origin_list *origins)
{
    struct str origin;

    if (http_field_get(&request->fields, HTTP_FIELD_ORIGIN, &origin) != 1)
        return;
    for (size_t i = 0; i < origins->count; i++) {
        struct origin_list one = {&origins->items[i], 1};
        bool is_any = str_equals(one.items[0], STR("*"));

        if (!is_any && !ws_origin_is_allowed(request, &one))
            continue;
        if (reply->origin.len > 0 && is_any)
            continue; /* a name says more */
        reply->origin = one.items[0];
        reply->takes_credentials = !is_any;
    }
}

/* Which pages of other origins may read the answer (Fetch, 3.2). */
int api_append_cors(struct buf *out, const struct api_reply *reply)
{
    if (buf_append_str(out, STR("Cache-Control: no-store\r\nVary: Origin\r\n")) < 0)
        return -1;
    if (reply->origin.len == 0)
        return 0;
    return buf_printf(out, "Access-Control-Allow-Origin: %.*s\r\n%s", (int)reply->origin.len,
                      reply->origin.ptr,
                      reply->takes_credentials ? "Access-Control-Allow-Credentials: true\r\n" : "");
}

static void api_free_body(void *data)
{
    free(data);
}

void api_answer(const struct api_reply *reply, int status, const char *type, const char *fields,
                struct buf *body)
{
    struct http_body content = {body->data, body->len, api_free_body};
    struct http_response response = {.status = status, .type = str_from(type)};
    struct buf extra;

    buf_init(&extra);
    if (api_append_cors(&extra, reply) < 0 || buf_append_str(&extra, str_from(fields)) < 0) {
        free(body->data);
        stream_drop(&reply->answer.conn->stream, STREAM_END_MEMORY);
    } else {
        response.extra = (struct str){(char *)extra.data, extra.len};
        answer_send(&reply->answer, &response, &content);
    }
    buf_deinit(&extra);
}

void api_answer_json(const struct api_reply *reply, int status, struct buf *body)
{
    if (body == NULL || body->len == 0)
        api_answer_problem(reply, 503, "The server is out of memory.");
    else
        api_answer(reply, status, "application/json", "", body);
}

void api_answer_nothing(const struct api_reply *reply)
{
    struct buf none;

    buf_init(&none);
    api_answer(reply, 204, "", "", &none);
}

int api_append_problem(struct buf *out, int status, const char *detail)
{
    if (buf_printf(out, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":",
                   http_status_reason(status), status) < 0 ||
        json_append_string(out, str_from(detail)) < 0)
        return -1;
    return buf_append_char(out, '}');
}

void api_answer_problem_with(const struct api_reply *reply, int status, const char *detail,
                             const char *fields)
{
    struct buf body;

    buf_init(&body);
    if (api_append_problem(&body, status, detail) < 0) {
        buf_deinit(&body);
        stream_drop(&reply->answer.conn->stream, STREAM_END_MEMORY);
        return;
    }
    api_answer(reply, status, "application/problem+json", fields, &body);
}

void api_answer_problem(const struct api_reply *reply, int status, const char *detail)
{
    api_answer_problem_with(reply, status, detail,
                            status == 401   ? ANSWER_BEARER
                            : status == 503 ? "Retry-After: 1\r\n"
                                            : "");
}

bool api_allows(const struct api_call *call, struct str room, uint8_t rights)
{
    struct conn *conn = call->reply.answer.conn;

    return (gate_rights(&web_of(conn)->gate, &call->visitor, room) & rights) == rights &&
           !door_is_barred(conn, &call->visitor, room);
}

int api_parameter(const struct api_call *call, struct str name, char *space, size_t size,
                  struct str *value)
{
    struct str raw;
    ptrdiff_t len;
    int count = 0;

    *value = (struct str){NULL, 0};
    if (call->request->query.len > 0)
        count = http_query_get(call->request->query, name, &raw);
    if (count == 0)
        return 0;
    len = http_percent_decode(space, size, raw, true);
    if (count > 1 || len < 0)
        return -1;
    *value = (struct str){space, (size_t)len};
    return 1;
}
