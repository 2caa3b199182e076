#include "server/trace.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "chat/channel.h"
#include "chat/entering.h"
#include "proto/ws/handshake.h"
#include "web/entry.h"
#include "web/router.h"

#define SHOWN 200 /* bytes of a message */

static struct options_trace wanted;
static struct log_flow flow;

/* Is somebody from there served now? */
static bool is_at_hand;

static const char *const opcodes[16] = {
    "continuation", "text", "binary", [8] = "close", "ping", "pong"};

static bool trace_is_wanted(const struct conn *conn)
{
    return !wanted.has_from ||
           (conn->peer.is_known && ip_network_has(&wanted.from, &conn->peer.ip));
}

/* May a line about this connection be written now? */
static bool trace_admits(const struct conn *conn)
{
    return trace_is_wanted(conn) && log_flow_admits(&flow, LOG_INFO, conn_clock(conn)->now);
}

/* A piece of somebody else's bytes as a C string. */
static const char *trace_copy(char out[SHOWN + 1], struct str text)
{
    size_t len = min_size(text.len, SHOWN);

    for (size_t i = 0; i < len; i++)
        out[i] = text.ptr[i] == '\0' ? ' ' : text.ptr[i];
    out[len] = '\0';
    return out;
}

/* ---- requests ---- */

static const char *trace_field(const struct http_request *request, enum http_field field,
                               char out[SHOWN + 1])
{
    struct str value;

    return http_field_get(&request->fields, field, &value) == 0 ? NULL : trace_copy(out, value);
}

/* The query and most fields may hold secrets: they are not shown. */
static void trace_ask(const struct conn *conn, const struct http_request *request)
{
    char from[IP_TEXT_MAX], line[SHOWN + 1], path[SHOWN + 1], host[SHOWN + 1], origin[SHOWN + 1];
    char upgrade[SHOWN + 1], version[SHOWN + 1];

    if (!trace_admits(conn))
        return;
    peer_write(from, &conn->peer);
    log_flow_line(&flow, LOG_INFO, "trace: a request came", "from", from, "method",
                  trace_copy(line, request->method), "path", trace_copy(path, request->path),
                  "query", request->query.len > 0 ? "yes" : "no", "host",
                  trace_copy(host, request->host), "origin",
                  trace_field(request, HTTP_FIELD_ORIGIN, origin), "upgrade",
                  trace_field(request, HTTP_FIELD_UPGRADE, upgrade), "version",
                  trace_field(request, HTTP_FIELD_SEC_WEBSOCKET_VERSION, version), (char *)0);
}

/* RFC 6455, 4.2.2: the accept value comes of the key. */
static void trace_open(const struct conn *conn, struct str key)
{
    char from[IP_TEXT_MAX], sent[SHOWN + 1], accept[WS_ACCEPT_SIZE + 1] = "";

    if (!trace_admits(conn))
        return;
    ws_accept_key(accept, key);
    peer_write(from, &conn->peer);
    log_flow_line(&flow, LOG_INFO, "trace: 101, it is a WebSocket now", "from", from, "checked",
                  "GET, HTTP/1.1, Host, Upgrade, Connection, key, version, origin, who may", "key",
                  trace_copy(sent, key), "accept", accept, (char *)0);
}

static void trace_answer(const struct conn *conn)
{
    char from[IP_TEXT_MAX], status[8];

    if (conn->status == 0 || conn->stream.is_waiting || !trace_admits(conn))
        return;
    peer_write(from, &conn->peer);
    snprintf(status, sizeof(status), "%u", conn->status);
    log_flow_line(&flow, LOG_INFO, "trace: it was answered", "from", from, "#status", status,
                  "detail", conn->stream.detail, (char *)0);
}

static void trace_request(struct conn *conn, const struct http_request *request)
{
    struct str key;

    trace_ask(conn, request);
    is_at_hand = trace_is_wanted(conn);
    router_request(conn, request);
    is_at_hand = false;
    http_field_get(&request->fields, HTTP_FIELD_SEC_WEBSOCKET_KEY, &key);
    if (conn->is_member && !conn->is_listener)
        trace_open(conn, key);
    else
        trace_answer(conn);
}

static void trace_bad_request(struct conn *conn, int status, const char *text)
{
    char from[IP_TEXT_MAX];

    if (trace_admits(conn)) {
        peer_write(from, &conn->peer);
        log_flow_line(&flow, LOG_INFO, "trace: this is no request", "from", from, "why", text,
                      (char *)0);
    }
    router_bad_request(conn, status, text);
}

/* ---- frames ---- */

static void trace_frame(const struct conn *conn, const char *what,
                        const struct ws_frame_header *header, const char *code, const char *detail)
{
    char from[IP_TEXT_MAX], opcode[8], length[24], key[12], rsv[8];

    peer_write(from, &conn->peer);
    snprintf(opcode, sizeof(opcode), "%u", header->opcode);
    snprintf(rsv, sizeof(rsv), "%u%u%u", header->rsv >> 2 & 1, header->rsv >> 1 & 1,
             header->rsv & 1);
    snprintf(length, sizeof(length), "%llu", (unsigned long long)header->length);
    snprintf(key, sizeof(key), "%02x%02x%02x%02x", header->key[0], header->key[1], header->key[2],
             header->key[3]);
    log_flow_line(&flow, LOG_INFO, what, "from", from, "fin", header->fin ? "1" : "0", "rsv", rsv,
                  "#opcode", opcode, "is", opcodes[header->opcode & 15], "mask",
                  header->masked ? key : NULL, "#length", length, "#code", code, "detail", detail,
                  (char *)0);
}

/* The reader lies in its connection. */
static void trace_received(const struct ws_reader *reader, const struct ws_frame_header *header)
{
    const struct conn *conn =
        (const void *)((const char *)reader - offsetof(struct conn, member.reader));

    if (trace_admits(conn))
        trace_frame(conn, "trace: a frame comes", header, NULL, NULL);
}

/* Of a Close: its code, which is that of the peer's where that one began, and who began. */
static void trace_sent(const struct conn *conn, const struct ws_frame_header *header)
{
    bool has_peer_begun = conn->stream.end == STREAM_END_CLOSED;
    char code[8];

    if (!trace_admits(conn))
        return;
    if (header->opcode != WS_CLOSE) {
        trace_frame(conn, "trace: a frame goes", header, NULL, NULL);
        return;
    }
    snprintf(code, sizeof(code), "%u", conn->close_code);
    trace_frame(conn, "trace: a frame goes", header, code,
                has_peer_begun ? "the peer began to close" : "the server begins to close");
}

/* A token may stand there, also with escapes in its name. */
static bool trace_may_hold_token(struct str text)
{
    return memmem(text.ptr, text.len, "token", 5) != NULL ||
           memmem(text.ptr, text.len, "\\u00", 4) != NULL;
}

static int trace_message(struct conn *conn, struct ws_message *message)
{
    struct str text = {(const char *)message->data, message->len};
    char from[IP_TEXT_MAX], shown[SHOWN + 1];
    int result;

    if (wanted.is_full && trace_admits(conn)) {
        peer_write(from, &conn->peer);
        trace_copy(shown, trace_may_hold_token(text) ? STR("(not shown: maybe a token)") : text);
        log_flow_line(&flow, LOG_INFO, "trace: it says", "from", from, "text", shown, (char *)0);
    }
    is_at_hand = trace_is_wanted(conn);
    result = entry_message(conn, message);
    is_at_hand = false;
    return result;
}

static int trace_close(struct conn *conn, bool is_broken)
{
    int result;

    is_at_hand = trace_is_wanted(conn);
    result = entry_close(conn, is_broken);
    is_at_hand = false;
    return result;
}

/* ---- rooms ---- */

static const char *const kinds[] = {
    [EVENT_MESSAGE] = "message", [EVENT_JOIN] = "join",   [EVENT_LEAVE] = "leave",
    [EVENT_RENAME] = "rename",   [EVENT_REACT] = "react", [EVENT_RETRACT] = "retract",
    [EVENT_SLOW] = "slow",       [EVENT_BAN] = "ban",     [EVENT_LIFT] = "lift",
};

/* Where this client is told something, or will be once it is in; NULL: it is not connected. */
static struct sendq *trace_queue(const struct client *client)
{
    const struct entering *entering = client_entering(client);

    return entering != NULL ? entering->out : client_out(client);
}

/* Does the room concern whom the trace is about? What a log commits later is told when nobody is at
 * hand any more. */
static bool trace_follows(const struct channel *channel)
{
    bool is_in = is_at_hand || !wanted.has_from;

    for (size_t i = 0; i < channel->member_count && !is_in; i++) {
        struct sendq *out = trace_queue(channel->members[i]);

        is_in = out != NULL && trace_is_wanted(conn_of_queue(out));
    }
    return is_in;
}

void trace_told(const struct chat *chat, const struct channel *channel, const struct event *event)
{
    char place[CODEC_POS_MAX], room[SHOWN + 1], frames[24], readers[24];
    size_t encoded = 0, reading = 0;

    if (!trace_follows(channel) || !log_flow_admits(&flow, LOG_INFO, chat->now))
        return;
    for (int kind = 0; kind < RENDITIONS; kind++) {
        encoded += channel->audience.readers[kind].count > 0;
        reading += channel->audience.readers[kind].count;
    }
    codec_pos_write(place, event->epoch, event->seq);
    snprintf(frames, sizeof(frames), "%zu", encoded);
    snprintf(readers, sizeof(readers), "%zu", reading);
    log_flow_line(&flow, LOG_INFO, "trace: the room is told", "kind", kinds[event->kind], "room",
                  trace_copy(room, channel->log.name), "committed", place, "#encoded", frames,
                  "#readers", readers, (char *)0);
}

void trace_told_alone(const struct client *client, const char *refused)
{
    const struct conn *conn = client_out(client) != NULL ? conn_of_queue(client_out(client)) : NULL;
    char from[IP_TEXT_MAX];

    if (conn == NULL || !trace_admits(conn))
        return;
    peer_write(from, &conn->peer);
    if (refused != NULL)
        log_flow_line(&flow, LOG_INFO, "trace: it is refused", "from", from, "code", refused,
                      (char *)0);
    else
        log_flow_line(&flow, LOG_INFO, "trace: one alone is told", "from", from, "kind", "direct",
                      (char *)0);
}

void trace_start(const struct options_trace *options, struct conns *conns, struct web *web)
{
    struct ws_reader_limits *const limits[] = {
        &web->chat_limits, &web->echo_limits, &web->chat_deflate_limits, &web->echo_deflate_limits};

    wanted = *options;
    conns->on_request = trace_request;
    conns->on_bad_request = trace_bad_request;
    conns->on_message = trace_message;
    conns->on_close = trace_close;
    conns->on_sent = trace_sent;
    for (size_t i = 0; i < ARRAY_LEN(limits); i++)
        limits[i]->on_frame = trace_received;
}
