#include "web/api_events.h"

#include "chat/listen.h"
#include "proto/ws/frame.h"
#include "session/sse.h"
#include "web/upgrade.h"
#include "web/web.h"

/* How many messages a listener is replayed when it does not say. */
#define EVENTS_HISTORY 50

/* ---- what is asked for ---- */

struct events_text {
    char since[CODEC_POS_MAX];
    char last[24];
};

/* Where to go on: what a browser says of the last event that it has comes before the query, which
 * is as it was when the page opened the stream. */
static bool events_read_since(const struct api_call *call, struct events_text *text,
                              struct str *since)
{
    if (api_parameter(call, STR("since"), text->since, sizeof(text->since), since) < 0)
        return false;
    if (http_field_get(&call->request->fields, HTTP_FIELD_LAST_EVENT_ID, since) > 1)
        return false;
    if (since->ptr == NULL)
        api_parameter(call, STR("since"), text->since, sizeof(text->since), since);
    return true;
}

static const char *events_read_entry(const struct api_call *call, struct chat_entry *entry,
                                     struct events_text *text)
{
    struct str last;
    int found = api_parameter(call, STR("last"), text->last, sizeof(text->last), &last);

    *entry = (struct chat_entry){.codec = CODEC_V1, .room = call->room, .history = EVENTS_HISTORY};
    if (found < 0 || (found > 0 && !str_to_u64(last, UINT32_MAX, &entry->history)))
        return "last must be given once: a number of messages up to 4294967295.";
    if (!events_read_since(call, text, &entry->since))
        return "since and Last-Event-ID must be positions, given once.";
    if (api_allows(call, call->room, RIGHT_HST))
        return NULL;
    entry->history = 0;
    entry->since = (struct str){NULL, 0};
    return NULL;
}

/* ---- the stream ---- */

static int events_append_head(struct buf *out, const struct api_reply *reply)
{
    struct http_response response = {
        .status = 200, .type = STR("text/event-stream"), .length = HTTP_LENGTH_NONE};
    struct buf extra;
    int result = -1;

    buf_init(&extra);
    if (api_append_cors(&extra, reply) == 0 &&
        buf_append_str(&extra, STR("X-Accel-Buffering: no\r\n")) == 0) {
        response.extra = (struct str){(char *)extra.data, extra.len};
        result = http_response_head(out, &response,
                                    (int64_t)(conn_clock(reply->answer.conn)->wall / 1000));
    }
    buf_deinit(&extra);
    return result;
}

/* It is a member from here on. */
static void events_listen(const struct api_call *call, const struct chat_entry *entry)
{
    struct conn *conn = call->reply.answer.conn;
    struct web *web = web_of(conn);
    struct visitor visitor = call->visitor;

    visitor.rights = gate_rights(&web->gate, &call->visitor, call->room);
    if (gate_let_in(&web->gate, conn, &visitor) == 0)
        conn->member.stream.listener = chat_listen(web->chat, entry, &conn->stream.out);
    if (conn->member.stream.listener == NULL)
        conn_close(conn, WS_CLOSE_SERVER_ERROR, "the server is out of memory");
    else
        stream_wake(&conn->stream);
}

static void events_open(const struct api_call *call, const struct chat_entry *entry)
{
    struct conn *conn = call->reply.answer.conn;
    struct http_body none = {.data = NULL};
    struct buf head;
    bool is_out;

    buf_init(&head);
    is_out = events_append_head(&head, &call->reply) < 0;
    if (call->reply.answer.is_head || is_out) {
        http_respond(conn, is_out ? NULL : &head, &none, true, false);
        answer_count(conn, 200);
    } else if (sse_open(conn, (struct str){(char *)head.data, head.len})) {
        answer_count(conn, 200);
        events_listen(call, entry);
    }
    buf_deinit(&head);
}

/* A listener counts as a client, of its address too. */
static void events_admit(const struct api_call *call, const struct chat_entry *entry)
{
    struct conn *conn = call->reply.answer.conn;
    const char *fields, *wrong = NULL;

    if (!call->reply.answer.is_head)
        wrong = upgrade_enter_address(conn, NULL, &fields);
    if (wrong != NULL)
        api_answer_problem_with(&call->reply, 429, wrong, fields);
    else
        events_open(call, entry);
}

void api_open_events(const struct api_call *call)
{
    struct chat_entry entry;
    struct events_text text;
    const char *wrong = events_read_entry(call, &entry, &text);

    if (wrong != NULL)
        api_answer_problem(&call->reply, 400, wrong);
    else if (upgrade_is_full(web_of(call->reply.answer.conn)))
        api_answer_problem(&call->reply, 503, "All places are taken: try again later.");
    else
        events_admit(call, &entry);
}
