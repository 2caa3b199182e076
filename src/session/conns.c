#include "session/conns.h"

#include "net/socket.h"
#include "session/http.h"

/* When all places are taken, who has been so long about a request head, a response or a close, in
 * milliseconds, makes room for others. */
#define SLUGGISH_AFTER 2000

int conns_init(struct conns *conns, struct reactor *reactor, size_t capacity,
               const uint64_t timeouts[CONN_TIMERS])
{
    return pool_init(&conns->pool, reactor, sizeof(struct conn), capacity, timeouts, CONN_TIMERS);
}

void conns_deinit(struct conns *conns)
{
    pool_deinit(&conns->pool);
    buf_pool_deinit(&conns->buf_pool);
    packer_deinit(&conns->packer);
}

/* ---- making room ---- */

/* Drops the first of a timer class that nobody would miss. Returns false where there is none. */
static bool drop_first(struct conns *conns, unsigned timer,
                       bool (*is_spare)(const struct conn *conn))
{
    const struct list *running = &conns->pool.env.timers[timer].running;

    for (struct list *at = running->next; at != running; at = at->next) {
        struct conn *conn = conn_of(stream_of_timer(CONTAINER_OF(at, struct timer, link)));

        if (is_spare(conn)) {
            stream_drop(&conn->stream, STREAM_END_SPARE);
            return true;
        }
    }
    return false;
}

static bool is_answered(const struct conn *conn)
{
    return conn->stream.state == STREAM_LINGER && conn->stream.fin_sent && !conn->is_member;
}

/* Has its timer run for long? */
static bool is_sluggish(const struct conn *conn)
{
    const struct timer *timer = &conn->stream.timer;

    return timer->deadline + SLUGGISH_AFTER <= conn_clock(conn)->now + timer->class->length;
}

/* Is it there for long? */
static bool is_old(const struct conn *conn)
{
    return conn->stream.opened + SLUGGISH_AFTER <= conn_clock(conn)->now;
}

/* Something is still to be sent to it, but it is not a client any more, or never was one. It may
 * take a little all the time, so what counts is how long it has been there. */
static bool is_slow_to_take(const struct conn *conn)
{
    return conn_duty(conn) != CONN_DUTY_MEMBER && conn->stream.is_blocked && is_old(conn);
}

bool conns_drop_spare(struct conns *conns)
{
    return drop_first(conns, STREAM_TIMER_CLOSING, is_answered) ||
           drop_first(conns, CONN_TIMER_HANDSHAKE, http_is_idle) ||
           drop_first(conns, CONN_TIMER_SILENT, is_old) ||
           drop_first(conns, CONN_TIMER_HANDSHAKE, is_sluggish) ||
           drop_first(conns, STREAM_TIMER_SENDING, is_slow_to_take) ||
           drop_first(conns, STREAM_TIMER_CLOSING, is_sluggish);
}

/* ---- ending all of them ---- */

/* Ends a connection that nobody would miss. */
static void end_if_idle(struct conn *conn)
{
    if (conn_duty(conn) == CONN_DUTY_NONE && sendq_is_empty(&conn->stream.out))
        stream_linger(&conn->stream, STREAM_END_SHUTDOWN, NULL);
}

bool conns_close_some(struct conns *conns, size_t *place, size_t max, uint16_t code,
                      const char *reason)
{
    for (; *place < conns->pool.used; ++*place) {
        struct stream *stream = pool_at(&conns->pool, *place);

        if (stream == NULL)
            continue;
        end_if_idle(conn_of(stream));
        if (conn_duty(conn_of(stream)) != CONN_DUTY_MEMBER)
            continue;
        if (max-- == 0)
            return true;
        stream_note_end(stream, STREAM_END_SHUTDOWN, NULL);
        conn_close(conn_of(stream), code, reason);
    }
    return false;
}

/* Has the peer's system all that it was to get? Our end may go away then, whether or not it goes
 * on to say that it has understood. Our FIN counts as a byte, which nobody has to have. */
static bool has_got_all(const struct conn *conn)
{
    const struct stream *stream = &conn->stream;

    return sendq_is_empty(&stream->out) &&
           (!stream->is_tcp || socket_unsent(stream->source.fd) <= stream->fin_sent);
}

/* Half a request is no reason to wait, nor is a peer that has its answer and keeps the connection;
 * what was asked for in whole is, and the goodbye of a member. */
static bool conn_is_busy(const struct conn *conn)
{
    if (conn->is_member)
        return conn->stream.state == STREAM_OPEN || !has_got_all(conn);
    return conn->http.wait != NULL || !has_got_all(conn);
}

bool conns_are_busy(const struct conns *conns)
{
    for (size_t i = 0; i < conns->pool.used; i++) {
        struct stream *stream = pool_at(&conns->pool, i);

        if (stream != NULL && conn_is_busy(conn_of(stream)))
            return true;
    }
    return false;
}
