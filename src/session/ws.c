#include "session/ws.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "proto/ws/deflate.h"
#include "proto/ws/frame.h"

/* Bytes of one read from a client that is near its rate: what it may not send yet is better kept by
 * the kernel. */
#define THROTTLED_READ 4096

/* Bytes that the kernel may receive ahead for a client that is over its rate. */
#define THROTTLED_WINDOW 32768

/* Shorter messages are copied when they are sent back: it costs less than to keep track of them. */
#define COPY_MAX 4096

/* What a frame costs, in the units of stream_charge, and how many of its bytes cost one more. */
#define FRAME_WORK 4
#define FRAME_WORK_BYTES 256

/* An idle timer is restarted only when it has run for one part in so many: that saves work where
 * much is received. */
#define TOUCH_PARTS 16

static bool ws_is_talking(const struct conn *conn)
{
    return conn->stream.state == STREAM_OPEN && !conn->is_closing;
}

/* ---- the rate ---- */

static bool ws_may_send(const struct conn *conn)
{
    return conn->has_no_rate ||
           rate_allows(&conns_of(conn)->rate, conn->member.full_ns, conn_clock(conn)->now_ns);
}

/* Who sends faster than it may fills the kernel's buffer with messages, and they all have to be
 * handled, even when the peer is gone: let there be fewer of them. */
static void ws_shrink_window(struct conn *conn)
{
    int size = THROTTLED_WINDOW;

    if (conn->has_small_window)
        return;
    conn->has_small_window = true;
    setsockopt(conn->stream.source.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

/* Who is over its rate is not read from for a while. */
static void ws_throttle(struct conn *conn)
{
    if (ws_may_send(conn) || conn->stream.is_paused || conn->is_gone)
        return;
    conns_of(conn)->counters.throttled++;
    stream_pause(&conn->stream);
    stream_start_timer(&conn->stream, CONN_TIMER_THROTTLE);
}

static void ws_count_message(struct conn *conn)
{
    conn->messages++;
    rate_charge(&conns_of(conn)->rate, &conn->member.full_ns, 1, conn_clock(conn)->now_ns);
    ws_throttle(conn);
}

void ws_charge(struct conn *conn, size_t bytes)
{
    const struct conns *conns = conns_of(conn);
    uint64_t time;

    if (conns->rate_bytes == 0)
        return;
    time = bytes * CLOCK_NS_PER_S / conns->rate_bytes;
    if (time <= conns->rate.step_ns)
        return;
    conn->member.full_ns += time - conns->rate.step_ns;
    ws_throttle(conn);
}

/* A peer that is gone is not heard out for minutes, with its id in use meanwhile: what it has sent
 * has one burst more, at once, and the rest is lost. */
static void ws_hear_last_words(struct conn *conn)
{
    if (conn->is_gone || !conn->stream.rdhup)
        return;
    conn->is_gone = true;
    conn->member.full_ns = conn_clock(conn)->now_ns;
}

static bool ws_is_lost(struct conn *conn)
{
    if (!conn->has_lost && (!conn->is_gone || ws_may_send(conn)))
        return false;
    conn->member.lost = conn->has_lost ? conn->member.lost + 1 : 1;
    conn->has_lost = true;
    return true;
}

static void ws_throttle_expired(struct conn *conn)
{
    ws_hear_last_words(conn);
    ws_shrink_window(conn);
    if (!ws_may_send(conn)) {
        stream_start_timer(&conn->stream, CONN_TIMER_THROTTLE);
        return;
    }
    stream_start_timer(&conn->stream, CONN_TIMER_IDLE);
    if (!conn->is_held)
        stream_resume(&conn->stream);
}

/* Less from a client that is near its rate. */
static size_t ws_read_size(const struct stream *stream)
{
    const struct conn *conn = conn_of((struct stream *)(uintptr_t)stream);
    const struct rate *rate = &conns_of(conn)->rate;
    bool is_near = !conn->has_no_rate && rate->step_ns > 0 &&
                   conn->member.full_ns > conn_clock(conn)->now_ns + rate->burst_ns / 2;

    return is_near ? THROTTLED_READ : SIZE_MAX;
}

/* ---- output ---- */

static void ws_put(struct conn *conn, uint8_t opcode, uint8_t rsv, struct str prefix,
                   const void *payload, size_t len)
{
    struct ws_frame_header header = {
        .length = prefix.len + len, .opcode = opcode, .rsv = rsv, .fin = true};
    size_t size = ws_frame_header_size(header.length, false);
    uint8_t *at = sendq_put(&conn->stream.out, size + prefix.len + len);

    if (conns_of(conn)->on_sent != NULL)
        conns_of(conn)->on_sent(conn, &header);
    if (at != NULL) {
        at += ws_frame_encode(at, &header);
        if (prefix.len > 0)
            memcpy(at, prefix.ptr, prefix.len);
        if (len > 0)
            memcpy(at + prefix.len, payload, len);
    }
    stream_wake(&conn->stream);
}

void ws_send(struct conn *conn, uint8_t opcode, struct str prefix, const void *payload, size_t len)
{
    ws_put(conn, opcode, 0, prefix, payload, len);
}

/* Sends a message back packed, where that is agreed and makes it shorter. Returns false if not. */
static bool ws_send_packed(struct conn *conn, const struct ws_message *message)
{
    struct str packed = {NULL, 0};

    if (conn->member.reader.limits->accept_deflated)
        packed = packer_pack(&conns_of(conn)->packer, message->data, message->len,
                             DEFLATE_BITS_MIN + conn->window_bits);
    if (packed.ptr == NULL)
        return false;
    ws_put(conn, (uint8_t)message->opcode, WS_RSV1, STR(""), packed.ptr, packed.len);
    return true;
}

/* The memory of a message on its way back to its sender. */
struct loan {
    struct buf_pool *buf_pool;
    struct buf memory;
};

static void ws_return_loan(void *owner)
{
    struct loan *loan = owner;

    buf_pool_put(loan->buf_pool, &loan->memory);
    free(loan);
}

/* Sends a long message from where it was received. Returns false where it has to be copied. Not
 * inline, so that short messages pay nothing for it. */
static __attribute__((noinline)) bool ws_send_kept(struct conn *conn,
                                                   const struct ws_message *message)
{
    struct ws_frame_header header = {
        .length = message->len, .opcode = (uint8_t)message->opcode, .fin = true};
    struct sendq *out = &conn->stream.out;
    struct loan *loan = malloc(sizeof(*loan));
    uint8_t bytes[WS_HEADER_MAX];

    if (loan == NULL || !ws_reader_keep(&conn->member.reader, message, &loan->memory)) {
        free(loan);
        return false;
    }
    if (conns_of(conn)->on_sent != NULL)
        conns_of(conn)->on_sent(conn, &header);
    loan->buf_pool = &conns_of(conn)->buf_pool;
    /* A header without its payload would garble what follows, so there is nothing to do then but to
     * give up. */
    if (sendq_push(out, bytes, ws_frame_encode(bytes, &header)) < 0 ||
        sendq_push_shared(out, message->data, message->len, ws_return_loan, loan) < 0) {
        ws_return_loan(loan);
        stream_drop(&conn->stream, STREAM_END_MEMORY);
    }
    return true;
}

void ws_send_back(struct conn *conn, const struct ws_message *message)
{
    if (ws_send_packed(conn, message))
        return;
    if (message->len >= COPY_MAX && ws_send_kept(conn, message))
        stream_wake(&conn->stream);
    else
        ws_send(conn, (uint8_t)message->opcode, STR(""), message->data, message->len);
}

/* ---- telling of control frames ---- */

static void ws_note_control(struct conn *conn, enum ws_opcode opcode, bool is_sent,
                            struct str prefix, const void *payload, size_t len)
{
    if (conn->hears_controls)
        ws_controls_note(&conns_of(conn)->controls, opcode, is_sent, prefix, payload, len);
}

/* May it be sent anything more of its own before a Close? */
static bool ws_may_tell(const struct conn *conn)
{
    return conn->hears_controls && ws_is_talking(conn) && !conn->has_lost &&
           !conn->stream.out.is_incomplete && !sendq_is_overrun(&conn->stream.out);
}

/* Tells the peer of what was noted. Each kind counts as a message of its own: it could send pings
 * without end. */
static void ws_tell_controls(struct conn *conn)
{
    struct conns *conns = conns_of(conn);
    struct ws_control control;

    while (ws_controls_take(&conns->controls, &control)) {
        if (!ws_may_tell(conn))
            continue;
        stream_charge(&conn->stream, FRAME_WORK);
        rate_charge(&conns->rate, &conn->member.full_ns, 1, conn_clock(conn)->now_ns);
        conns->on_control(conn, &control);
    }
}

/* ---- the close handshake ---- */

/* The member leaves: what that returned may mean that nothing can be sent any more. Returns false
 * where the connection is over. */
static bool ws_leave(struct conn *conn, uint16_t code, bool is_broken)
{
    if (conn_leave(conn, code, is_broken) < 0)
        stream_drop(&conn->stream, STREAM_END_MEMORY);
    return conn->stream.state == STREAM_OPEN;
}

static void ws_begin_close(struct conn *conn, uint16_t code, const char *reason, bool is_broken)
{
    char bytes[2] = {(char)(code >> 8), (char)(code & 0xff)};
    struct str prefix = {bytes, sizeof(bytes)};

    if (!ws_is_talking(conn))
        return;
    ws_note_control(conn, WS_CLOSE, true, prefix, reason, strlen(reason));
    ws_tell_controls(conn); /* nothing but Close may follow a Close */
    if (!ws_leave(conn, code, is_broken))
        return;
    stream_start_timer(&conn->stream, STREAM_TIMER_CLOSING);
    ws_send(conn, WS_CLOSE, prefix, reason, strlen(reason));
}

static void ws_close(struct conn *conn, uint16_t code, const char *reason)
{
    if (!ws_is_talking(conn))
        return;
    stream_note_end(&conn->stream, STREAM_END_HOST, reason);
    ws_begin_close(conn, code, reason, false);
}

static void ws_close_for_memory(struct conn *conn)
{
    stream_note_end(&conn->stream, STREAM_END_MEMORY, NULL);
    ws_begin_close(conn, WS_CLOSE_SERVER_ERROR, "the server is out of memory", false);
}

/* The peer broke the protocol: nothing that it sends any more counts (RFC 6455, 7.1.7). */
static void ws_fail(struct conn *conn, enum ws_error error)
{
    const char *text = ws_error_text(error);

    if (ws_is_talking(conn)) {
        stream_note_end(&conn->stream, STREAM_END_PROTOCOL, text);
        ws_begin_close(conn, ws_error_code(error), text, false);
    }
    stream_linger(&conn->stream, STREAM_END_PROTOCOL, text);
}

/* The peer's Close: answer it with its own code and reason, unless it is the answer to ours (RFC
 * 6455, 5.5.1). */
static void ws_take_close(struct conn *conn, const struct ws_message *message)
{
    uint16_t code = message->close_code != 0 ? message->close_code : CONN_CLOSE_NONE;

    if (ws_is_talking(conn)) {
        stream_note_end(&conn->stream, STREAM_END_CLOSED, NULL);
        ws_note_control(conn, WS_CLOSE, false, STR(""), message->data, message->len);
        ws_note_control(conn, WS_CLOSE, true, STR(""), message->data, message->len);
        ws_tell_controls(conn);
        if (ws_leave(conn, code, false))
            ws_send(conn, WS_CLOSE, STR(""), message->data, message->len);
    }
    stream_linger(&conn->stream, STREAM_END_CLOSED, NULL);
}

/* ---- input ---- */

/* Something came from the peer. */
static void ws_touch(struct conn *conn)
{
    const struct timer *timer = &conn->stream.timer;
    const struct timer_class *idle = &conn->stream.env->timers[CONN_TIMER_IDLE];

    if (conn->is_closing || conn->stream.is_paused)
        return;
    if (timer_is_of(timer, idle) &&
        timer->deadline + idle->length / TOUCH_PARTS > conn_clock(conn)->now + idle->length)
        return;
    stream_start_timer(&conn->stream, CONN_TIMER_IDLE);
}

/* Compressed messages can be made that cost more than what comes out of them: that counts, too. */
static void ws_charge_work(struct conn *conn, const struct ws_message *message)
{
    if (message->work > 2 * message->len)
        ws_charge(conn, message->work - 2 * message->len);
}

/* What was noted is told first: what comes of the text may be told of another connection. */
static void ws_take_text(struct conn *conn, struct ws_message *message)
{
    if (ws_is_lost(conn))
        return;
    ws_tell_controls(conn);
    ws_count_message(conn);
    ws_charge_work(conn, message);
    if (conns_of(conn)->on_message(conn, message) < 0)
        ws_close_for_memory(conn);
}

static void ws_take_ping(struct conn *conn, const struct ws_message *message)
{
    if (!ws_is_talking(conn))
        return;
    ws_send(conn, WS_PONG, STR(""), message->data, message->len);
    ws_note_control(conn, WS_PING, false, STR(""), message->data, message->len);
    ws_note_control(conn, WS_PONG, true, STR(""), message->data, message->len);
}

static void ws_take_message(struct conn *conn, struct ws_message *message)
{
    stream_charge(&conn->stream, FRAME_WORK + message->work / FRAME_WORK_BYTES);
    switch (message->opcode) {
    case WS_CLOSE:
        ws_take_close(conn, message);
        return;
    case WS_PING:
        ws_take_ping(conn, message);
        return;
    case WS_TEXT:
    case WS_BINARY:
        if (ws_is_talking(conn))
            ws_take_text(conn, message);
        return;
    case WS_PONG:
        ws_note_control(conn, WS_PONG, false, STR(""), message->data, message->len);
        return;
    case WS_CONTINUATION:
        return;
    }
}

/* Acts on what the reader returned. */
static void ws_take_result(struct conn *conn, int result, struct ws_message *message)
{
    if (result < 0)
        ws_fail(conn, (enum ws_error)(-result));
    else if (result > 0)
        ws_take_message(conn, message);
}

/* May its next message be taken? If not, its input pauses until ws_release. */
static bool ws_may_speak(struct conn *conn)
{
    const struct conns *conns = conns_of(conn);

    if (conn->member.client == NULL || conns->may_speak(conn))
        return true;
    conn->is_held = true;
    stream_pause(&conn->stream);
    return false;
}

void ws_release(struct conn *conn)
{
    conn->is_held = false;
    if (!stream_timer_is(&conn->stream, CONN_TIMER_THROTTLE))
        stream_resume(&conn->stream);
}

static bool ws_may_go_on(const struct stream *stream)
{
    return stream->state == STREAM_OPEN && stream_may_read(stream) && !stream_is_spent(stream);
}

/* All that came at once is told of at once. */
static void ws_end_batch(struct conn *conn)
{
    ws_tell_controls(conn);
    if (ws_is_talking(conn))
        ws_throttle(conn);
}

/* Reads frames as far as the limits allow. */
static size_t ws_input(struct stream *stream, uint8_t *data, size_t len)
{
    struct conn *conn = conn_of(stream);
    struct ws_message message;
    size_t left = len;
    int result = 1;

    ws_touch(conn);
    while (result > 0 && left > 0 && ws_may_go_on(stream) && ws_may_speak(conn)) {
        result = ws_reader_next(&conn->member.reader, &data, &left, &message);
        ws_take_result(conn, result, &message);
    }
    ws_reader_release(&conn->member.reader);
    if (conns_of(conn)->controls.are_there)
        ws_end_batch(conn);
    return len - left;
}

/* A long payload is received where it will stay. */
static size_t ws_room(struct stream *stream, uint8_t **where)
{
    struct conn *conn = conn_of(stream);

    return conn->is_closing ? 0 : ws_reader_room(&conn->member.reader, where);
}

static void ws_filled(struct stream *stream, size_t len)
{
    struct conn *conn = conn_of(stream);
    struct ws_message message;

    ws_touch(conn);
    ws_take_result(conn, ws_reader_received(&conn->member.reader, len, &message), &message);
    ws_reader_release(&conn->member.reader);
}

/* ---- what the stream tells ---- */

static void ws_on_eof(struct stream *stream)
{
    stream_note_end(stream, STREAM_END_LEFT, NULL);
}

static void ws_on_drained(struct stream *stream)
{
    if (conn_of(stream)->is_closing)
        stream_start_timer(stream, STREAM_TIMER_CLOSING);
}

/* A peer that takes what it is sent is not silent. */
static void ws_on_progress(struct stream *stream)
{
    if (!conn_of(stream)->is_closing && !stream->is_paused)
        stream_start_timer(stream, CONN_TIMER_IDLE);
}

static void ws_on_lag(struct stream *stream)
{
    struct conn *conn = conn_of(stream);
    size_t left;

    conns_of(conn)->counters.lagged++;
    stream_note_end(stream, STREAM_END_LAGGED, NULL);
    ws_begin_close(conn, WS_CLOSE_TRY_AGAIN_LATER, "too slow: the room is too far ahead", true);
    /* It has much to read before it gets there: as long as it does, it is waited for. */
    stream_note_taken(stream, &left);
    if (stream->state == STREAM_OPEN)
        stream_expect_taking(stream);
}

/* A frame that was cut in the middle can only be followed by the end. */
static void ws_on_let_go(struct stream *stream)
{
    struct sendq *out = &stream->out;
    uint16_t code = out->close_code;

    out->close_code = 0;
    if (out->is_cut)
        stream_drop(stream, STREAM_END_HOST);
    else
        ws_begin_close(conn_of(stream), code, stream->detail != NULL ? stream->detail : "", false);
}

static void ws_on_incomplete(struct stream *stream)
{
    if (ws_is_talking(conn_of(stream)))
        ws_close_for_memory(conn_of(stream));
    else
        stream_drop(stream, STREAM_END_MEMORY);
}

static bool ws_on_deaf(struct stream *stream)
{
    if (conn_of(stream)->is_closing)
        return false;
    stream_start_timer(stream, CONN_TIMER_IDLE);
    return true;
}

/* The end of a WebSocket has one deadline, from the first Close on. */
static int ws_on_close(struct stream *stream, bool is_dead)
{
    struct conn *conn = conn_of(stream);

    if (!is_dead && !stream_timer_is(stream, STREAM_TIMER_CLOSING))
        stream_start_timer(stream, STREAM_TIMER_CLOSING);
    conn->is_dead = is_dead;
    return conn->is_closing ? 0 : conn_leave(conn, CONN_CLOSE_BROKEN, true);
}

static void ws_on_free(struct stream *stream)
{
    struct conn *conn = conn_of(stream);

    conns_of(conn)->on_free(conn);
    ws_reader_deinit(&conn->member.reader);
    conn_free_member(conn);
}

/* ---- timers ---- */

static void ws_idle_expired(struct conn *conn)
{
    struct stream *stream = &conn->stream;
    bool is_waited_for = stream->env->timers[CONN_TIMER_PONG].length > 0;
    size_t left;

    stream_note_taken(stream, &left);
    conn->has_backlog = left > 0;
    ws_send(conn, WS_PING, STR(""), NULL, 0);
    ws_note_control(conn, WS_PING, true, STR(""), NULL, 0);
    ws_tell_controls(conn);
    stream_start_timer(stream, is_waited_for ? CONN_TIMER_PONG : CONN_TIMER_IDLE);
}

/* No pong. That is no wonder where the ping is still behind something else that the peer takes. */
static void ws_pong_expired(struct conn *conn)
{
    size_t left;

    if (!conn->has_backlog || stream_note_taken(&conn->stream, &left) == 0) {
        stream_drop(&conn->stream, STREAM_END_TIMEOUT);
        return;
    }
    conn->has_backlog = left > 0;
    stream_start_timer(&conn->stream, CONN_TIMER_PONG);
}

static void ws_on_timer(struct stream *stream, unsigned timer)
{
    struct conn *conn = conn_of(stream);

    if (timer == CONN_TIMER_IDLE)
        ws_idle_expired(conn);
    else if (timer == CONN_TIMER_PONG)
        ws_pong_expired(conn);
    else
        ws_throttle_expired(conn);
}

/* ---- to another process ---- */

static void ws_hand(struct hand_writer *w, const struct conn *conn)
{
    const struct conns *conns = conns_of(conn);
    uint8_t limits = 0;

    while (limits < CONNS_LIMITS - 1 && conns->limits[limits] != conn->member.reader.limits)
        limits++;
    hand_put_u8(w, limits);
    /* What comes then is not looked at any more, and what failed need not be sound. */
    hand_put_bool(w, conn->stream.state == STREAM_OPEN);
    if (conn->stream.state == STREAM_OPEN)
        ws_reader_hand(w, &conn->member.reader);
}

static bool ws_take(struct conn *conn, struct hand_reader *r)
{
    const struct conns *conns = conns_of(conn);

    ws_reader_init(&conn->member.reader,
                   conns->limits[hand_upto(r, hand_get_u8(r), CONNS_LIMITS - 1)]);
    return hand_get_bool(r) ? ws_reader_take(&conn->member.reader, r) : hand_is_good(r);
}

/* ---- the session ---- */

static enum conn_duty ws_duty(const struct conn *conn)
{
    return ws_is_talking(conn) ? CONN_DUTY_MEMBER : CONN_DUTY_ENDING;
}

const struct session_ops ws_session = {
    .stream =
        {
            .work = STREAM_WORK_MEMBER,
            .input = ws_input,
            .room = ws_room,
            .filled = ws_filled,
            .read_size = ws_read_size,
            .on_eof = ws_on_eof,
            .on_drained = ws_on_drained,
            .on_progress = ws_on_progress,
            .on_lag = ws_on_lag,
            .on_incomplete = ws_on_incomplete,
            .on_let_go = ws_on_let_go,
            .on_deaf = ws_on_deaf,
            .on_timer = ws_on_timer,
            .on_close = ws_on_close,
            .on_free = ws_on_free,
        },
    .duty = ws_duty,
    .close = ws_close,
    .timers = CONN_TIMERS_OF_STREAM | 1u << CONN_TIMER_IDLE | 1u << CONN_TIMER_PONG |
              1u << CONN_TIMER_THROTTLE,
    .hand = ws_hand,
    .take = ws_take,
};

bool ws_open(struct conn *conn, struct str response, const struct ws_reader_limits *limits)
{
    if (sendq_push(&conn->stream.out, response.ptr, response.len) < 0) {
        stream_drop(&conn->stream, STREAM_END_MEMORY);
        return false;
    }
    stream_wake(&conn->stream);
    conn_become_member(conn, &ws_session);
    ws_reader_init(&conn->member.reader, limits);
    stream_start_timer(&conn->stream, CONN_TIMER_IDLE);
    return true;
}
