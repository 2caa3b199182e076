#include "session/http.h"

#include <string.h>

/* What a request costs, in the units of stream_charge, and how many of its bytes cost one more: a
 * body can be many messages. */
#define REQUEST_WORK 100
#define REQUEST_WORK_BYTES 64

/* ---- requests ---- */

static void http_refuse(struct conn *conn, enum http_error error)
{
    stream_charge(&conn->stream, REQUEST_WORK);
    conns_of(conn)->on_bad_request(conn, http_error_status(error), http_error_text(error));
}

/* Reads the PROXY header. Returns the bytes that it used: 0 where it is not whole, or not there
 * though it need not be. */
static size_t http_read_proxy_header(struct conn *conn, const uint8_t *data, size_t len)
{
    struct conns *conns = conns_of(conn);
    struct proxy_header header;
    int n = proxy_header_parse(&header, data, len);
    bool is_needless = n == -PROXY_HEADER_ABSENT && conn->header == CONN_HEADER_MAY;

    conn->is_in_head = n == 0;
    if (n == 0)
        return 0;
    conn->header = CONN_HEADER_NONE;
    if (is_needless)
        return 0;
    if (n < 0) {
        conns->on_bad_request(conn, 400, proxy_header_error_text((enum proxy_header_error)(-n)));
        return len;
    }
    conns->on_proxy_header(conn, &header);
    return (size_t)n;
}

/* The time for a head begins with its first byte, and the first one's with the connection. */
static void http_begin_head(struct conn *conn)
{
    if (!conn->is_in_head && conn->has_answered)
        stream_start_timer(&conn->stream, CONN_TIMER_HANDSHAKE);
    conn->is_in_head = true;
}

/* A head has come that announces a body, which is not all there. It has the time of a head, too. */
static void http_begin_body(struct conn *conn, const struct http_request *request, size_t whole)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct stream *stream = &conn->stream;

    conn->http.whole = (uint32_t)whole;
    conn->http.scan = (struct http_scan){0};
    conn->is_in_head = true;
    stream_start_timer(stream, CONN_TIMER_HANDSHAKE);
    if (!request->expects_continue)
        return;
    if (sendq_push(&stream->out, go_on, sizeof(go_on) - 1) < 0)
        stream_drop(stream, STREAM_END_MEMORY);
    else
        stream_wake(stream);
}

/* What answers HEAD has no body, an error in the middle of its head neither (RFC 9110, 9.3.2). */
static bool http_begins_with_head(struct str data)
{
    const struct str head = STR("HEAD ");

    return data.len >= head.len && memcmp(data.ptr, head.ptr, head.len) == 0;
}

static bool http_takes_body(struct conn *conn, const struct http_request *request)
{
    struct conns *conns = conns_of(conn);
    size_t limit = conns->body_limit == NULL ? 0 : conns->body_limit(conn, request);

    return request->body_len <= limit;
}

/* Hands a request over. Returns its bytes. */
static size_t http_take_request(struct conn *conn, const struct http_request *request, size_t whole)
{
    size_t before = sendq_cost(&conn->stream.out);

    conn->http.scan = (struct http_scan){0};
    conn->http.whole = 0;
    conn->messages++;
    stream_charge(&conn->stream, REQUEST_WORK + whole / REQUEST_WORK_BYTES);
    conns_of(conn)->on_request(conn, request);
    stream_charge_output(&conn->stream, before);
    return whole;
}

/* Reads one request. Returns the bytes that it used, 0 where it is not whole. */
static size_t http_read_request(struct conn *conn, const uint8_t *data, size_t len)
{
    struct http_request request;
    size_t whole, start;
    int head;

    if (len < conn->http.whole)
        return 0;
    head = http_request_parse(&request, (const char *)data, len, &conn->http.scan);
    start = conn->http.scan.start;
    conn->is_head = http_begins_with_head((struct str){(const char *)data + start, len - start});
    if (head < 0) {
        http_refuse(conn, (enum http_error)(-head));
        return len;
    }
    if (head == 0) {
        http_begin_head(conn);
        return 0;
    }
    if (request.body_len > 0 && !http_takes_body(conn, &request)) {
        if (conn->stream.state == STREAM_OPEN)
            http_refuse(conn, HTTP_ERROR_BODY);
        return len;
    }
    whole = (size_t)head + (size_t)request.body_len;
    if (whole > len) {
        http_begin_body(conn, &request, whole);
        return 0;
    }
    request.body = (struct str){(const char *)data + head, (size_t)request.body_len};
    return http_take_request(conn, &request, whole);
}

static size_t http_input(struct stream *stream, uint8_t *data, size_t len)
{
    struct conn *conn = conn_of(stream);
    size_t used = conn->header == CONN_HEADER_NONE ? 0 : http_read_proxy_header(conn, data, len);

    if (used > 0 || conn->header != CONN_HEADER_NONE)
        return used;
    return http_read_request(conn, data, len);
}

/* ---- answers ---- */

void http_wait(struct conn *conn, struct http_wait *wait)
{
    struct stream *stream = &conn->stream;

    wait->conn = conn;
    conn->http.wait = wait;
    conn->is_in_head = false;
    stream->is_waiting = true;
    stream_pause(stream);
    if (!stream_timer_is(stream, STREAM_TIMER_SENDING))
        timer_stop(&stream->timer);
}

/* The request that waited waits no more. Returns who was to answer it, or NULL. */
static struct http_wait *http_end_wait(struct conn *conn)
{
    struct http_wait *wait = conn->http.wait;

    conn->http.wait = NULL;
    if (wait != NULL)
        wait->conn = NULL;
    return wait;
}

/* The one place where a body that was not queued is released. */
static bool http_queue(struct conn *conn, const struct buf *head, const struct http_body *body,
                       bool is_bodyless)
{
    struct sendq *out = &conn->stream.out;
    void *data = (void *)(uintptr_t)body->data;
    bool has_body = data != NULL && !is_bodyless;
    bool is_queued = head != NULL && sendq_push(out, head->data, head->len) == 0;

    if (is_queued && has_body)
        is_queued = has_body = sendq_push_shared(out, data, body->len, body->release, data) == 0;
    else
        has_body = false;
    if (!has_body)
        http_body_release(body);
    return is_queued;
}

void http_respond(struct conn *conn, const struct buf *head, const struct http_body *body,
                  bool is_bodyless, bool keep_alive)
{
    struct stream *stream = &conn->stream;
    bool has_waited = http_end_wait(conn) != NULL;

    if (!http_queue(conn, head, body, is_bodyless)) {
        stream_drop(stream, STREAM_END_MEMORY);
        return;
    }
    conn->has_answered = true;
    conn->is_in_head = false;
    if (!keep_alive) {
        stream_linger(stream, STREAM_END_SERVED, NULL);
        return;
    }
    stream_expect_taking(stream);
    stream_wake(stream);
    if (has_waited)
        stream_resume(stream);
}

/* ---- what the stream tells ---- */

bool http_is_idle(const struct conn *conn)
{
    return conn->has_answered && !conn->is_in_head && conn->http.wait == NULL;
}

static void http_on_eof(struct stream *stream)
{
    stream_note_end(stream, http_is_idle(conn_of(stream)) ? STREAM_END_SERVED : STREAM_END_LEFT,
                    NULL);
}

/* The next request has its time; one that waits has as much as it needs. */
static void http_on_drained(struct stream *stream)
{
    if (conn_of(stream)->http.wait == NULL)
        stream_start_timer(stream, CONN_TIMER_HANDSHAKE);
    else
        timer_stop(&stream->timer);
}

static void http_on_progress(struct stream *stream)
{
    (void)stream; /* only what is sent while STREAM_TIMER_SENDING runs is waited for */
}

/* No ring is attached to it. */
static void http_on_lag(struct stream *stream)
{
    stream_drop(stream, STREAM_END_LAGGED);
}

static void http_on_incomplete(struct stream *stream)
{
    stream_drop(stream, STREAM_END_MEMORY);
}

/* Who takes no answers asks in vain. */
static bool http_on_deaf(struct stream *stream)
{
    (void)stream;
    return false;
}

static void http_on_timer(struct stream *stream, unsigned timer)
{
    struct conn *conn = conn_of(stream);

    (void)timer; /* CONN_TIMER_HANDSHAKE or CONN_TIMER_SILENT */
    if (http_is_idle(conn)) {
        stream_linger(stream, STREAM_END_IDLE, NULL);
        return;
    }
    stream_note_end(stream, STREAM_END_TIMEOUT, NULL);
    conns_of(conn)->on_bad_request(conn, 408, "The request did not arrive in time.");
}

static int http_on_close(struct stream *stream, bool is_dead)
{
    struct http_wait *wait = http_end_wait(conn_of(stream));

    (void)is_dead;
    if (wait != NULL)
        wait->on_gone(wait);
    return 0;
}

static void http_on_free(struct stream *stream)
{
    struct conn *conn = conn_of(stream);

    if (stream->state == STREAM_OPEN)
        http_on_close(stream, true);
    conns_of(conn)->on_free(conn);
}

/* ---- to another process ---- */

static void http_hand(struct hand_writer *w, const struct conn *conn)
{
    const struct peer *origin = &conn->http.origin;

    hand_put_bool(w, origin->is_known);
    hand_put_raw(w, origin->ip.bytes, sizeof(origin->ip.bytes));
    hand_put_u16(w, origin->port);
    hand_put_u32(w, conn->stream.state == STREAM_OPEN ? conn->http.whole : 0);
}

/* Is the request in `in` so long with its body? */
static bool http_is_as_long(const struct conn *conn)
{
    const struct buf *in = &conn->stream.in;
    struct http_scan scan = {0};
    struct http_request request;
    int head;

    if (in->len == 0)
        return false;
    head = http_request_parse(&request, (const char *)in->data, in->len, &scan);
    return head > 0 && conn->http.whole - (size_t)head == request.body_len;
}

/* A head that is not whole is read from its beginning again. */
static bool http_take(struct conn *conn, struct hand_reader *r)
{
    struct peer *origin = &conn->http.origin;

    origin->is_known = hand_get_bool(r);
    hand_get_raw(r, origin->ip.bytes, sizeof(origin->ip.bytes));
    origin->port = hand_get_u16(r);
    conn->http.whole = hand_get_u32(r);
    return hand_check(r, conn->http.whole == 0 || http_is_as_long(conn),
                      "a request has another length than it says");
}

/* ---- the session ---- */

static enum conn_duty http_duty(const struct conn *conn)
{
    if (conn->stream.state != STREAM_OPEN)
        return CONN_DUTY_ENDING;
    return conn->is_in_head || conn->http.wait != NULL ? CONN_DUTY_ASKING : CONN_DUTY_NONE;
}

static void http_close(struct conn *conn, uint16_t code, const char *reason)
{
    (void)conn, (void)code, (void)reason; /* it is nobody's member */
}

const struct session_ops http_session = {
    .stream =
        {
            .work = STREAM_WORK_GUEST,
            .input = http_input,
            .on_eof = http_on_eof,
            .on_drained = http_on_drained,
            .on_progress = http_on_progress,
            .on_lag = http_on_lag,
            .on_incomplete = http_on_incomplete,
            .on_deaf = http_on_deaf,
            .on_timer = http_on_timer,
            .on_close = http_on_close,
            .on_free = http_on_free,
        },
    .duty = http_duty,
    .close = http_close,
    .timers = CONN_TIMERS_OF_STREAM | 1u << CONN_TIMER_SILENT | 1u << CONN_TIMER_HANDSHAKE,
    .hand = http_hand,
    .take = http_take,
};

struct conn *http_accept(struct conns *conns, int fd, const struct peer *peer)
{
    struct conn *conn = conn_of(pool_take(&conns->pool));

    stream_init(&conn->stream, &conns->pool.env, fd, peer->is_known, &http_session.stream);
    conn->peer = conn->http.origin = *peer;
    stream_start_timer(&conn->stream, CONN_TIMER_HANDSHAKE);
    return conn;
}

void http_note_silence(struct conn *conn, uint64_t silence)
{
    struct stream *stream = &conn->stream;

    if (silence == 0 || stream->state != STREAM_OPEN || stream->received > 0)
        return;
    stream->opened -= min_size(silence, stream->opened); /* the system may be young */
    stream_start_timer(stream, CONN_TIMER_SILENT);
}
