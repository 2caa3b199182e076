#include "session/sse.h"

#include "proto/ws/frame.h"

/* What an input costs, in the units of stream_charge: so many of its bytes cost one. */
#define INPUT_WORK_BYTES 64

/* A listener that was sent nothing for so many times of its timer is sent a comment: some proxies
 * cut what is silent, and we find out whether it is still there. */
#define IDLE_TIMES 2

/* A peer whose system took nothing of what it was sent for so many times is gone. */
#define STUCK_TIMES 6

/* The member leaves. `keep`: what is queued may still be sent. */
static void sse_end(struct conn *conn, uint16_t code, enum stream_end end, const char *detail)
{
    struct stream *stream = &conn->stream;

    if (conn->is_closing)
        return;
    stream_note_end(stream, end, detail);
    if (conn_leave(conn, code, true) < 0)
        stream_drop(stream, end);
    else
        stream_linger(stream, end, detail);
}

static void sse_close(struct conn *conn, uint16_t code, const char *reason)
{
    sse_end(conn, code, STREAM_END_HOST, reason);
}

/* ---- what the stream tells ---- */

static size_t sse_input(struct stream *stream, uint8_t *data, size_t len)
{
    (void)data;
    stream_charge(stream, 1 + len / INPUT_WORK_BYTES);
    return len;
}

static void sse_on_eof(struct stream *stream)
{
    stream_note_end(stream, STREAM_END_LEFT, NULL);
}

static void sse_on_drained(struct stream *stream)
{
    if (!conn_of(stream)->is_closing)
        stream_start_timer(stream, CONN_TIMER_COMMENT);
}

static void sse_on_progress(struct stream *stream)
{
    conn_of(stream)->member.stream.stuck = 0;
}

static void sse_on_lag(struct stream *stream)
{
    conns_of(conn_of(stream))->counters.lagged++;
    sse_end(conn_of(stream), WS_CLOSE_TRY_AGAIN_LATER, STREAM_END_LAGGED, NULL);
}

static void sse_on_incomplete(struct stream *stream)
{
    sse_end(conn_of(stream), WS_CLOSE_SERVER_ERROR, STREAM_END_MEMORY, NULL);
    stream_drop(stream, STREAM_END_MEMORY);
}

static void sse_on_let_go(struct stream *stream)
{
    struct sendq *out = &stream->out;
    uint16_t code = out->close_code;

    out->close_code = 0;
    sse_end(conn_of(stream), code, STREAM_END_HOST, stream->detail);
}

static bool sse_on_deaf(struct stream *stream)
{
    (void)stream;
    return false;
}

static int sse_on_close(struct stream *stream, bool is_dead)
{
    struct conn *conn = conn_of(stream);

    (void)is_dead;
    return conn->is_closing ? 0 : conn_leave(conn, CONN_CLOSE_BROKEN, true);
}

static void sse_on_free(struct stream *stream)
{
    struct conn *conn = conn_of(stream);

    conns_of(conn)->on_free(conn);
    conn_free_member(conn);
}

/* ---- silence ---- */

/* Has the peer's system taken anything since the last time, or has it all? */
static bool sse_is_alive(struct stream *stream)
{
    size_t left;

    return stream_note_taken(stream, &left) > 0 || left == 0;
}

static void sse_on_timer(struct stream *stream, unsigned timer)
{
    struct sse_state *state = &conn_of(stream)->member.stream;

    (void)timer;
    state->stuck = sse_is_alive(stream) ? 0 : (uint16_t)(state->stuck + 1);
    if (state->stuck >= STUCK_TIMES) {
        stream_drop(stream, STREAM_END_TIMEOUT);
        return;
    }
    state->idle = state->sent == (uint32_t)stream->sent ? (uint16_t)(state->idle + 1) : 0;
    if (state->idle >= IDLE_TIMES && sendq_is_empty(&stream->out)) {
        state->idle = 0;
        sendq_push(&stream->out, ":\n\n", 3);
        stream_wake(stream);
    }
    state->sent = (uint32_t)stream->sent;
    stream_start_timer(stream, CONN_TIMER_COMMENT);
}

/* ---- to another process ---- */

static void sse_hand(struct hand_writer *w, const struct conn *conn)
{
    const struct sse_state *state = &conn->member.stream;

    hand_put_u32(w, state->sent);
    hand_put_u16(w, state->idle);
    hand_put_u16(w, state->stuck);
}

static bool sse_take(struct conn *conn, struct hand_reader *r)
{
    struct sse_state *state = &conn->member.stream;

    state->sent = hand_get_u32(r);
    state->idle = hand_get_u16(r);
    state->stuck = hand_get_u16(r);
    return hand_is_good(r);
}

/* ---- the session ---- */

static enum conn_duty sse_duty(const struct conn *conn)
{
    bool is_there = conn->stream.state == STREAM_OPEN && !conn->is_closing;

    return is_there ? CONN_DUTY_MEMBER : CONN_DUTY_ENDING;
}

const struct session_ops sse_session = {
    .stream =
        {
            .work = STREAM_WORK_MEMBER,
            .input = sse_input,
            .on_eof = sse_on_eof,
            .on_drained = sse_on_drained,
            .on_progress = sse_on_progress,
            .on_lag = sse_on_lag,
            .on_incomplete = sse_on_incomplete,
            .on_let_go = sse_on_let_go,
            .on_deaf = sse_on_deaf,
            .on_timer = sse_on_timer,
            .on_close = sse_on_close,
            .on_free = sse_on_free,
        },
    .duty = sse_duty,
    .close = sse_close,
    .timers = CONN_TIMERS_OF_STREAM | 1u << CONN_TIMER_COMMENT,
    .hand = sse_hand,
    .take = sse_take,
};

bool sse_open(struct conn *conn, struct str response)
{
    if (sendq_push(&conn->stream.out, response.ptr, response.len) < 0) {
        stream_drop(&conn->stream, STREAM_END_MEMORY);
        return false;
    }
    stream_wake(&conn->stream);
    conn_become_member(conn, &sse_session);
    conn->is_listener = true;
    stream_start_timer(&conn->stream, CONN_TIMER_COMMENT);
    return true;
}
