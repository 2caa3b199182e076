#include "session/conn_hand.h"

#include <string.h>

#include "base/util.h"
#include "proto/codec/codec.h"
#include "session/http.h"
#include "session/sse.h"
#include "session/ws.h"

/* The sessions by their numbers on the way. */
static const struct session_ops *const sessions[] = {&http_session, &ws_session, &sse_session};

#define CONN_FLAGS(each)                                                                           \
    each(is_closing) each(has_answered) each(is_in_head) each(has_backlog) each(has_small_window)  \
        each(is_gone) each(has_lost) each(is_held) each(is_admin) each(is_head) each(is_dead)      \
            each(has_no_rate) each(is_trusted) each(hears_controls)

static uint32_t conn_flags(const struct conn *conn)
{
    uint32_t flags = 0, bit = 1;

#define PUT(flag)                                                                                  \
    flags |= conn->flag ? bit : 0;                                                                 \
    bit <<= 1;
    CONN_FLAGS(PUT)
#undef PUT
    return flags;
}

/* Returns false where there are others. */
static bool conn_set_flags(struct conn *conn, uint32_t flags)
{
    uint32_t bit = 1;

#define GET(flag)                                                                                  \
    conn->flag = (flags & bit) != 0;                                                               \
    bit <<= 1;
    CONN_FLAGS(GET)
#undef GET
    return flags < bit;
}

/* ---- writing ---- */

const char *conns_cannot_hand(const struct conns *conns)
{
    size_t queued = 0;

    const struct stream_env *env = &conns->pool.env;

    if (!list_is_empty(&env->woken) || !list_is_empty(&env->heavy) || !list_is_empty(&env->dead))
        return "connections have something to do";
    for (size_t i = 0; i < conns->pool.used; i++) {
        const struct stream *stream = pool_at(&conns->pool, i);

        if (stream == NULL)
            continue;
        if (stream->is_waiting)
            return "a connection waits for an answer";
        queued += stream->out.queued;
    }
    return queued > CONNS_HAND_MAX ? "too much is on its way to clients" : NULL;
}

size_t conns_descriptors(const struct conns *conns, int *fds, size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i < conns->pool.used; i++) {
        const struct stream *stream = pool_at(&conns->pool, i);

        if (stream == NULL)
            continue;
        if (count < max)
            fds[count] = stream->source.fd;
        count++;
    }
    return count;
}

static void conn_hand_peer(struct hand_writer *w, const struct peer *peer)
{
    hand_put_bool(w, peer->is_known);
    hand_put_raw(w, peer->ip.bytes, sizeof(peer->ip.bytes));
    hand_put_u16(w, peer->port);
}

static uint8_t conn_kind(const struct conn *conn)
{
    uint8_t kind = 0;

    while (sessions[kind] != conn_session(conn))
        kind++;
    return kind;
}

static void conn_hand_member(struct hand_writer *w, const struct conn *conn)
{
    const struct member_state *member = &conn->member;

    hand_put_u64(w, member->client_id);
    hand_put_str(w, member->room != NULL ? str_from(member->room) : (struct str){NULL, 0});
    hand_put_u64(w, member->full_ns);
}

void conn_hand(struct hand_writer *w, const struct conn *conn)
{
    hand_put_u8(w, conn_kind(conn));
    hand_put_u32(w, conn_flags(conn));
    hand_put_u8(w, conn->header);
    hand_put_u8(w, conn->window_bits);
    hand_put_u8(w, conn->codec);
    hand_put_u16(w, conn->close_code);
    hand_put_u16(w, conn->status);
    hand_put_u64(w, conn->messages);
    conn_hand_peer(w, &conn->peer);
    if (conn->is_member)
        conn_hand_member(w, conn);
    stream_hand(w, &conn->stream);
    conn_session(conn)->hand(w, conn);
}

/* ---- reading ---- */

static void conn_take_peer(struct hand_reader *r, struct peer *peer)
{
    peer->is_known = hand_get_bool(r);
    hand_get_raw(r, peer->ip.bytes, sizeof(peer->ip.bytes));
    peer->port = hand_get_u16(r);
}

static void conn_take_member(struct conn *conn, struct hand_reader *r)
{
    struct member_state *member = &conn->member;
    struct str room;

    conn->is_member = true;
    conn->is_listener = conn_session(conn) == &sse_session;
    member->client_id = hand_upto(r, hand_get_u64(r), CODEC_ID_MAX);
    room = hand_get_str(r, CODEC_NAME_MAX);
    if (room.ptr != NULL) {
        member->room = strndup(room.ptr, room.len);
        hand_check(r, member->room != NULL, "out of memory");
    }
    member->full_ns = hand_get_u64(r);
}

/* A member that is not over is open, and only it has a ring. The name of a room is kept for the
 * line of one whose room has let it go. */
static bool conn_is_sound(const struct conn *conn, bool has_ring)
{
    const struct stream *stream = &conn->stream;
    uint16_t code = stream->out.close_code;

    if (code != 0 && (code < CONN_CLOSE_FIRST || code > CONN_CLOSE_LAST))
        return false;
    if (conn->hears_controls && (conn_session(conn) != &ws_session || conn->codec != CODEC_V1))
        return false;
    if (!conn->is_member)
        return code == 0 && !has_ring && !conn->is_closing && !conn->has_lost;
    if (conn->header != CONN_HEADER_NONE || (has_ring && conn->is_closing) ||
        (conn->member.room != NULL && !conn->is_closing))
        return false;
    return stream->state == STREAM_OPEN || conn->is_closing;
}

static bool conn_take_rest(struct conn *conn, struct hand_reader *r, bool *has_ring)
{
    const struct session_ops *session = conn_session(conn);

    if (!hand_check(r, conn_set_flags(conn, hand_get_u32(r)), "a connection has unknown flags"))
        return false;
    conn->header = hand_upto(r, hand_get_u8(r), CONN_HEADER_MUST) & 3;
    conn->window_bits = hand_upto(r, hand_get_u8(r), 7) & 7;
    conn->codec = (uint8_t)hand_upto(r, hand_get_u8(r), CODEC_KINDS - 1);
    conn->close_code = hand_get_u16(r);
    conn->status = hand_get_u16(r);
    conn->messages = hand_get_u64(r);
    conn_take_peer(r, &conn->peer);
    if (session != &http_session)
        conn_take_member(conn, r);
    return stream_take(&conn->stream, r, session->timers, has_ring) && session->take(conn, r) &&
           hand_check(r, conn_is_sound(conn, *has_ring), "a connection contradicts itself");
}

struct conn *conn_take(struct conns *conns, struct hand_reader *r, int fd, bool *has_ring)
{
    uint8_t kind = (uint8_t)hand_upto(r, hand_get_u8(r), ARRAY_LEN(sessions) - 1);
    struct conn *conn = conn_of(pool_take(&conns->pool));

    stream_init(&conn->stream, &conns->pool.env, fd, false, &sessions[kind]->stream);
    if (!conn_take_rest(conn, r, has_ring))
        return NULL;
    conns->members += conn->is_member && !conn->is_closing;
    return conn;
}

bool conns_go(struct conns *conns)
{
    stream_env_sort(&conns->pool.env);
    for (size_t i = 0; i < conns->pool.used; i++) {
        struct stream *stream = pool_at(&conns->pool, i);

        if (stream != NULL && !stream_carry_on(stream))
            return false;
    }
    return true;
}

/* ---- counters ---- */

void conns_hand_counters(struct hand_writer *w, const struct conns *conns)
{
    const struct stream_counters *streams = &conns->pool.env.counters;
    const uint64_t *closes = conns->counters.closes;

    hand_put_u64(w, streams->connections);
    hand_put_u64(w, streams->received);
    hand_put_u64(w, streams->sent);
    hand_put_u64(w, conns->counters.lagged);
    hand_put_u64(w, conns->counters.throttled);
    hand_put_u64(w, conns->packer.messages);
    hand_put_u64(w, conns->packer.before);
    hand_put_u64(w, conns->packer.after);
    hand_put_u64(w, conns->packer.spent);
    for (size_t i = 0; i < ARRAY_LEN(conns->counters.closes); i++) {
        if (closes[i] == 0)
            continue;
        hand_put_u16(w, (uint16_t)(CONN_CLOSE_FIRST + i));
        hand_put_u64(w, closes[i]);
    }
    hand_put_u16(w, 0);
}

bool conns_take_counters(struct conns *conns, struct hand_reader *r)
{
    struct stream_counters *streams = &conns->pool.env.counters;
    uint16_t code;

    streams->connections = hand_get_u64(r);
    streams->received = hand_get_u64(r);
    streams->sent = hand_get_u64(r);
    conns->counters.lagged = hand_get_u64(r);
    conns->counters.throttled = hand_get_u64(r);
    conns->packer.messages = hand_get_u64(r);
    conns->packer.before = hand_get_u64(r);
    conns->packer.after = hand_get_u64(r);
    conns->packer.spent = hand_get_u64(r);
    while ((code = hand_get_u16(r)) != 0) {
        if (!hand_check(r, code >= CONN_CLOSE_FIRST && code <= CONN_CLOSE_LAST,
                        "a close code that nobody sends"))
            return false;
        conns->counters.closes[code - CONN_CLOSE_FIRST] = hand_get_u64(r);
    }
    return hand_is_good(r);
}
