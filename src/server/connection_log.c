#include "server/connection_log.h"

#include <stdio.h>

#include "chat/chat.h"
#include "web/gate.h"
#include "proto/codec/codec.h"

/* Numbers of a connection as text. */
struct figures {
    char from[IP_TEXT_MAX];
    char id[24];
    char code[8];
    char status[8];
    char seconds[32];
    char messages[24];
    char lost[24];
    char received[24];
    char sent[24];
};

static const char *const words[STREAM_ENDS] = {
    [STREAM_END_NONE] = "unknown",       [STREAM_END_SERVED] = "served",
    [STREAM_END_REFUSED] = "refused",    [STREAM_END_IDLE] = "idle",
    [STREAM_END_CLOSED] = "peer closed", [STREAM_END_LEFT] = "peer ended",
    [STREAM_END_RESET] = "reset",        [STREAM_END_TIMEOUT] = "timeout",
    [STREAM_END_LAGGED] = "lagged",      [STREAM_END_PROTOCOL] = "protocol error",
    [STREAM_END_HOST] = "closed",        [STREAM_END_MEMORY] = "out of memory",
    [STREAM_END_SPARE] = "made room",    [STREAM_END_SHUTDOWN] = "shutdown",
};

static const char *end_reason(const struct conn *conn)
{
    if (conn->stream.end != STREAM_END_HOST)
        return words[conn->stream.end];
    switch (conn->close_code) {
    case CLOSE_REPLACED:
        return "replaced";
    case CLOSE_ID_IN_USE:
        return "id in use";
    case GATE_CLOSE_TOKEN:
        return "no token";
    case CLOSE_FORBIDDEN:
        return "no right";
    case WS_CLOSE_TRY_AGAIN_LATER:
        return "full";
    default:
        return words[STREAM_END_HOST];
    }
}

static void print_u64(char *out, size_t size, uint64_t value)
{
    snprintf(out, size, "%llu", (unsigned long long)value);
}

static void read_figures(struct figures *f, const struct conn *conn)
{
    uint64_t ms = conn_clock(conn)->now - conn->stream.opened;

    peer_write(f->from, &conn->peer);
    print_u64(f->id, sizeof(f->id), conn->is_member ? conn->member.client_id : 0);
    print_u64(f->code, sizeof(f->code), conn->close_code);
    print_u64(f->status, sizeof(f->status), conn->status);
    print_u64(f->messages, sizeof(f->messages), conn->messages);
    print_u64(f->lost, sizeof(f->lost), conn->has_lost ? conn->member.lost : 0);
    print_u64(f->received, sizeof(f->received), conn->stream.received);
    print_u64(f->sent, sizeof(f->sent), conn->stream.sent);
    snprintf(f->seconds, sizeof(f->seconds), "%llu.%03u", (unsigned long long)(ms / 1000),
             (unsigned)(ms % 1000));
}

static const char *codec_name(const struct conn *conn)
{
    if (conn->is_listener)
        return "events";
    if (conn->member.client_id == 0)
        return "echo";
    return conn->codec == CODEC_V1 ? CODEC_V1_PROTOCOL : "text";
}

static void log_websocket(struct log_flow *flow, const struct conn *conn)
{
    struct figures f;

    if (!log_flow_admits(flow, LOG_INFO, conn_clock(conn)->now))
        return;
    read_figures(&f, conn);
    log_flow_line(flow, LOG_INFO, conn->is_listener ? "event stream ended" : "websocket ended",
                  "from", f.from, "#id", conn->member.client_id > 0 ? f.id : NULL, "room",
                  conn->member.room, "wire", codec_name(conn), "why", end_reason(conn), "detail",
                  conn->stream.detail, "#code", conn->close_code > 0 ? f.code : NULL, "#seconds",
                  f.seconds, "#messages", f.messages, "#lost", conn->has_lost ? f.lost : NULL,
                  "#received", f.received, "#sent", f.sent, (char *)0);
}

static void log_http(struct log_flow *flow, enum log_level level, const struct conn *conn)
{
    struct figures f;

    if (!log_flow_admits(flow, level, conn_clock(conn)->now))
        return;
    read_figures(&f, conn);
    log_flow_line(flow, level, "http ended", "from", f.from, "listener",
                  conn->is_admin ? "admin" : NULL, "why", end_reason(conn), "detail",
                  conn->stream.detail, "#status", conn->status > 0 ? f.status : NULL, "#seconds",
                  f.seconds, "#requests", f.messages, "#received", f.received, "#sent", f.sent,
                  (char *)0);
}

/* Who was refused, or began a request and did not finish it, may be up to something. A connection
 * without a single byte is what browsers open ahead, and what health checks of proxies do. */
static bool is_noteworthy(const struct conn *conn)
{
    switch (conn->stream.end) {
    case STREAM_END_REFUSED:
    case STREAM_END_MEMORY:
        return true;
    case STREAM_END_TIMEOUT:
        return conn->stream.received > 0;
    case STREAM_END_SPARE:
        return conn->is_in_head;
    default:
        return false;
    }
}

void connection_log_end(struct connection_log *log, const struct conn *conn)
{
    if (conn->is_member)
        log_websocket(&log->websockets, conn);
    else if (is_noteworthy(conn) && !conn->is_admin)
        log_http(&log->refusals, LOG_INFO, conn);
    else
        log_http(&log->http, LOG_DEBUG, conn);
}

void connection_log_pause(struct connection_log *log, uint64_t now, const char *error)
{
    if (log_flow_admits(&log->pauses, LOG_WARNING, now))
        log_flow_line(&log->pauses, LOG_WARNING, "accepting pauses", "error", error, (char *)0);
}

static void connection_log_finish_flow(const struct log_flow *flow, const char *kind)
{
    char count[24];

    if (flow->suppressed == 0)
        return;
    print_u64(count, sizeof(count), flow->suppressed);
    log_info("lines were suppressed: see --log-rate", "kind", kind, "#suppressed", count);
}

void connection_log_finish(struct connection_log *log)
{
    connection_log_finish_flow(&log->websockets, "websocket ended");
    connection_log_finish_flow(&log->refusals, "http refused");
    connection_log_finish_flow(&log->http, "http ended");
    connection_log_finish_flow(&log->pauses, "accepting pauses");
}

void connection_log_hand(struct hand_writer *w, const struct connection_log *log)
{
    log_flow_hand(w, &log->websockets);
    log_flow_hand(w, &log->refusals);
    log_flow_hand(w, &log->http);
    log_flow_hand(w, &log->pauses);
}

bool connection_log_take(struct connection_log *log, struct hand_reader *r)
{
    log_flow_take(&log->websockets, r);
    log_flow_take(&log->refusals, r);
    log_flow_take(&log->http, r);
    log_flow_take(&log->pauses, r);
    return hand_is_good(r);
}
