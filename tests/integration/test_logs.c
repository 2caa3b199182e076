/* What the log tells of connections when they end: who, from where, how long, how much, and why. */
#include "v1.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

Suite *suite_logs(void);

/* ---- Lines ---- */

static bool is_json;

/* A server whose log has the format of this turn of the test. */
static struct server *start(int turn, const char *const *args)
{
    const char *all[16] = {"--log-format", turn == 1 ? "json" : "text"};
    size_t n = 2;

    is_json = turn == 1;
    for (; args != NULL && *args != NULL; args++)
        all[n++] = *args;
    return server_start(all);
}

/* How the log writes a pair; a key with # in front has a number. */
static const char *pair(const char *key, const char *value)
{
    static char texts[16][256];
    static size_t turn;
    char *text = texts[turn++ % 16];
    bool is_number = key[0] == '#';
    bool is_bare = is_json ? is_number : strpbrk(value, " \"=\\") == NULL;

    key += is_number;
    snprintf(text, sizeof(texts[0]), is_bare ? "%s%s%s%s" : "%s%s%s\"%s\"", is_json ? "\"" : "",
             key, is_json ? "\":" : "=", value);
    return text;
}

/* Finds a line that has all these pairs (key, value, ..., NULL) and returns it, NUL-terminated,
 * until the next call; fails where there is none. The server has ended. */
static const char *find_line(const struct server *s, const char *const *pairs)
{
    static char line[2048];
    const char *at = (char *)s->err.data;

    while (*at != '\0') {
        size_t len = strcspn(at, "\n"), found = 0;
        const char *const *p = pairs;

        snprintf(line, sizeof(line), "%.*s", (int)len, at);
        for (; p[0] != NULL && strstr(line, pair(p[0], p[1])) != NULL; p += 2)
            found++;
        if (p[0] == NULL && found > 0)
            return line;
        at += len + (at[len] == '\n');
    }
    ck_abort_msg("no line with %s, %s and so on in:\n%s", pair(pairs[0], pairs[1]),
                 pair(pairs[2], pairs[3]), (char *)s->err.data);
}

/* Waits for what the pairs say, ends the server and finds the line that has all of them. */
static const char *expect_line(struct server *s, const char *const *pairs)
{
    for (const char *const *p = pairs; p[0] != NULL; p += 2)
        server_wait_for(s, pair(p[0], p[1]));
    server_stop(s);
    return find_line(s, pairs);
}

/* The number behind a key. */
static unsigned long long number(const char *line, const char *key)
{
    char start[64];
    const char *at;

    snprintf(start, sizeof(start), is_json ? "\"%s\":" : " %s=", key);
    at = strstr(line, start);
    ck_assert_msg(at != NULL, "no %s in %s", key, line);
    return strtoull(at + strlen(start), NULL, 10);
}

static unsigned count(const struct server *s, const char *needle)
{
    unsigned n = 0;

    for (const char *at = (char *)s->err.data; (at = strstr(at, needle)) != NULL; at++)
        n++;
    return n;
}

/* Where a client's own socket is, as the log writes it. */
static const char *address_of(const struct client *c)
{
    static char text[64];
    struct sockaddr_in address;
    socklen_t len = sizeof(address);

    ck_assert_int_eq(getsockname(c->fd, (struct sockaddr *)&address, &len), 0);
    snprintf(text, sizeof(text), "127.0.0.%u:%u", (unsigned)ntohl(address.sin_addr.s_addr) & 255,
             ntohs(address.sin_port));
    return text;
}

/* ---- Ends of WebSockets ---- */

START_TEST(a_close_of_the_peer)
{
    struct server *s = start(_i, NULL);
    struct client *c = client_connect_from(s, 7);
    char from[64];
    const char *line;

    snprintf(from, sizeof(from), "%s", address_of(c));
    ws_request(c, "/ws/42?room=tea", "");
    ws_expect_upgrade(c);
    ws_send_text(c, "hello");
    ws_send_text(c, "world");
    ws_expect_text(c, "You wrote: hello");
    ws_expect_text(c, "You wrote: world");
    ws_send_close(c, 3001, "secret words");
    ws_expect_close_reply(c, 3001);
    line = expect_line(s, LIST("level", "info", "msg", "websocket ended", "from", from, "#id", "42",
                               "room", "tea", "wire", "text", "why", "peer closed", "#code", "3001",
                               "#messages", "2"));
    ck_assert_uint_eq(number(line, "seconds"), 0);
    ck_assert_ptr_null(strstr((char *)s->err.data, "hello"));
    ck_assert_ptr_null(strstr((char *)s->err.data, "secret"));
}
END_TEST

START_TEST(bytes_are_counted_exactly)
{
    static const char request[] = "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: " WS_SAMPLE_KEY "\r\n\r\n";
    struct server *s = start(_i, NULL);
    struct client *c = client_connect(s);
    struct buf out;
    const char *line;
    unsigned long long sent = sizeof(request) - 1, got;

    buf_init(&out);
    client_send(c, request, sizeof(request) - 1);
    ws_append(&out, true, WS_TEXT, "abc", 3);
    ws_append(&out, true, WS_CLOSE, "\x03\xe8", 2);
    client_send(c, out.data, out.len);
    sent += out.len;
    while (client_fill(c, c->in.len + 1))
        continue;
    got = c->in.len;
    client_close(c);
    line = expect_line(s, LIST("msg", "websocket ended", "why", "peer closed", "wire", "echo"));
    ck_assert_uint_eq(number(line, "received"), sent);
    ck_assert_uint_eq(number(line, "sent"), got);
    ck_assert_uint_eq(number(line, "messages"), 1);
    buf_deinit(&out);
}
END_TEST

START_TEST(a_close_without_a_code)
{
    struct server *s = start(_i, NULL);
    struct client *c = ws_open_chat(s, 1);

    ws_send(c, true, WS_CLOSE, "", 0);
    ws_expect_close_reply(c, 0);
    expect_line(s, LIST("why", "peer closed", "#code", "1005"));
}
END_TEST

START_TEST(a_peer_that_just_ends)
{
    struct server *s = start(_i, NULL);

    client_close(ws_open_chat(s, 1));
    expect_line(s, LIST("msg", "websocket ended", "why", "peer ended", "#code", "1006"));
}
END_TEST

START_TEST(a_reset)
{
    struct server *s = start(_i, NULL);
    struct client *c = ws_open_chat(s, 1);

    ws_sync(c);
    client_reset(c);
    expect_line(s, LIST("msg", "websocket ended", "why", "reset", "#code", "1006"));
}
END_TEST

START_TEST(an_id_in_use)
{
    struct server *s = start(_i, NULL);
    struct client *c = ws_open_chat(s, 5);

    ws_expect_close(ws_open_chat(s, 5), 4009);
    client_close(c);
    expect_line(s, LIST("#id", "5", "why", "id in use", "#code", "4009"));
}
END_TEST

START_TEST(a_seat_taken_over)
{
    struct server *s = start(_i, NULL);
    struct seat *seat = seat_open(s, 5, "room=tea");
    struct client *old = seat_connect(seat, s, "&room=tea");

    ws_expect_close(old, 4000);
    seat_read_welcome(seat);
    seat_drop(seat);
    expect_line(s, LIST("#id", "5", "room", "tea", "wire", "wschat.v1", "why", "replaced", "#code",
                        "4000"));
}
END_TEST

START_TEST(a_broken_protocol)
{
    struct server *s = start(_i, NULL);
    struct client *c = ws_open_chat(s, 1);

    client_send(c, "\x81\x01x", 3);
    ws_expect_close(c, 1002);
    expect_line(
        s, LIST("why", "protocol error", "detail", "client frame is not masked", "#code", "1002"));
}
END_TEST

START_TEST(a_message_that_is_too_long)
{
    struct server *s = start(_i, LIST("--max-message=4"));
    struct client *c = ws_open_chat(s, 1);

    ws_send_text(c, "12345");
    ws_expect_close(c, 1009);
    expect_line(s, LIST("why", "protocol error", "#code", "1009", "#messages", "0"));
}
END_TEST

START_TEST(a_silent_peer)
{
    struct server *s = start(_i, LIST("--ping-interval=0.05", "--ping-timeout=0.05"));
    struct client *c = ws_open_chat(s, 1);

    server_wait_for(s, pair("why", "timeout"));
    expect_line(s, LIST("msg", "websocket ended", "why", "timeout", "#code", "1006"));
    client_close(c);
}
END_TEST

START_TEST(a_reader_that_falls_behind)
{
    static char text[32768];
    struct server *s = start(_i, LIST("--max-lag=64k", "--rate=0", "--rate-bytes=0"));
    struct client *slow = client_connect_small(s, 4096), *sender;

    memset(text, 'x', sizeof(text));
    ws_request(slow, "/ws/3", "");
    ws_expect_upgrade(slow);
    sender = ws_open_chat(s, 1);
    ws_sync(sender);
    for (bool is_gone = false; !is_gone;) {
        struct frame frame;

        ws_send(sender, true, WS_TEXT, text, sizeof(text));
        do {
            ck_assert(ws_read(sender, &frame));
            is_gone |= strstr(frame.data, "#3 left") != NULL;
            free(frame.data);
        } while (frame.len < sizeof(text));
    }
    client_close(slow);
    client_close(sender);
    expect_line(s, LIST("msg", "websocket ended", "#id", "3", "why", "lagged"));
}
END_TEST

START_TEST(the_end_of_the_server)
{
    struct server *s = start(_i, NULL);
    struct client *c = ws_open_chat(s, 1);

    server_signal(s, SIGTERM);
    ws_expect_close(c, 1001);
    ck_assert_int_eq(server_wait_exit(s), 0);
    find_line(s, LIST("msg", "websocket ended", "#id", "1", "why", "shutdown", "#code", "1001"));
}
END_TEST

START_TEST(a_server_that_ends_at_once)
{
    struct server *s = start(_i, LIST("--shutdown-timeout=0"));
    struct client *c = ws_open_chat(s, 1);

    server_stop(s);
    find_line(s, LIST("msg", "websocket ended", "#id", "1", "room", "lobby", "why", "shutdown"));
    client_close(c);
}
END_TEST

/* More than are closed at once. */
#define CROWD 150

START_TEST(a_second_signal)
{
    struct server *s = start(_i, LIST("--log-rate=0"));
    struct client *clients[CROWD];

    for (unsigned i = 0; i < CROWD; i++) {
        char target[32];

        snprintf(target, sizeof(target), "/ws/%u?room=tea", i + 1);
        clients[i] = ws_open(s, target);
    }
    server_signal(s, SIGTERM);
    server_signal(s, SIGINT);
    ck_assert_int_eq(server_wait_exit(s), 0);
    ck_assert_uint_eq(count(s, pair("room", "tea")), CROWD);
    ck_assert_uint_eq(count(s, pair("why", "shutdown")), CROWD);
    for (unsigned i = 0; i < CROWD; i++)
        client_close(clients[i]);
}
END_TEST

/* ---- Ends of HTTP ---- */

START_TEST(a_refusal_is_told)
{
    struct server *s = start(_i, NULL);

    ck_assert_int_eq(ws_refused(s, "/ws/1", "Origin: http://evil.example\r\n"), 403);
    expect_line(s, LIST("level", "info", "msg", "http ended", "why", "refused", "#status", "403",
                        "#requests", "1"));
    find_line(s,
              LIST("msg", "origin refused: see --allow-origin", "origin", "http://evil.example"));
}
END_TEST

/* What a proxy makes of a handshake that was told to pass on nothing of it, or half of it. */
static const struct {
    const char *head;
    const char *status;
} stripped[] = {
    {"GET /ws/1 HTTP/1.0\r\nConnection: close\r\n", "426"},
    {"GET /ws/1 HTTP/1.0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n", "426"},
    {"GET /ws/1 HTTP/1.0\r\nUpgrade: websocket\r\nConnection: close\r\n", "426"},
    {"GET /ws HTTP/1.1\r\n", "426"},
    {"GET /ws HTTP/1.1\r\nConnection: Upgrade\r\n", "426"},
    {"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n", "400"},
    {"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: close\r\n", "400"},
    {"GET /ws/1 HTTP/1.1\r\nUpgrade: websocket\r\nConnection: keep-alive\r\n", "400"},
    {"GET /ws/1 HTTP/1.1\r\nUpgrade: upgrade\r\nConnection: upgrade\r\n", "400"},
};

START_TEST(a_proxy_that_takes_the_upgrade_away_is_told)
{
    struct server *s = start(0, NULL);
    struct client *c = client_connect(s);
    struct response *r;

    client_print(c, "%sHost: x\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n",
                 stripped[_i].head, WS_SAMPLE_KEY);
    r = response_read(c, false);
    ck_assert_int_eq(r->status, atoi(stripped[_i].status));
    ck_assert_ptr_nonnull(strstr(r->body, "proxy_set_header Upgrade $http_upgrade"));
    ck_assert_ptr_nonnull(strstr(r->body, "proxy_set_header Connection upgrade;\n"));
    response_free(r);
    client_close(c);
    server_wait_for(s, "proxy_http_version 1.1");
    server_stop(s);
    find_line(s, LIST("level", "info", "why", "refused", "#status", stripped[_i].status));
}
END_TEST

START_TEST(what_is_not_http_is_told)
{
    struct server *s = start(_i, NULL);

    http_expect_refusal(s, "\x16\x03\x01\x02", 4, 400);
    expect_line(s, LIST("level", "info", "msg", "http ended", "why", "refused", "#status", "400",
                        "#requests", "0", "#received", "4"));
}
END_TEST

START_TEST(half_a_request_is_told)
{
    struct server *s = start(_i, LIST("--handshake-timeout=0.1"));
    struct client *c = client_connect(s);

    client_send(c, "GET", 3);
    client_drain(c);
    client_close(c);
    expect_line(s, LIST("level", "info", "msg", "http ended", "why", "timeout", "#status", "408"));
}
END_TEST

START_TEST(calm_http_is_for_debugging)
{
    struct server *s = start(_i, LIST("--handshake-timeout=0.1", "--log-level=debug"));
    struct client *c = client_connect(s);
    struct response *r;

    client_print(c, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    client_drain(c);
    client_close(c);
    c = client_connect(s);
    client_drain(c);
    client_close(c);
    c = client_connect(s);
    client_print(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    client_drain(c);
    client_close(c);
    r = http_get(s, "/nothing", "Connection: close\r\n");
    response_free(r);
    expect_line(s, LIST("level", "debug", "why", "served", "#status", "200"));
    find_line(s, LIST("level", "debug", "why", "timeout", "#status", "408", "#received", "0"));
    find_line(s, LIST("level", "debug", "why", "idle", "#status", "200"));
    find_line(s, LIST("level", "debug", "why", "served", "#status", "404"));
    ck_assert_uint_eq(count(s, pair("msg", "http ended")), 4);
    ck_assert_uint_eq(count(s, pair("level", "debug")), 4);
}
END_TEST

/* ---- From where ---- */

START_TEST(addresses_of_every_kind)
{
    const char *path = test_path("socket");
    char listen[160];
    struct server *s;
    struct client *c;

    snprintf(listen, sizeof(listen), "unix:%s", path);
    s = start(_i, LIST("--listen", listen, "--listen", "[::1]:0"));
    c = client_connect_unix(path);
    ws_request(c, "/ws/1", "");
    ws_expect_upgrade(c);
    ws_leave(c);
    /* The first port that it told. */
    c = client_connect_ipv6(s);
    ws_request(c, "/ws/2", "");
    ws_expect_upgrade(c);
    ws_leave(c);
    server_wait_for(s, pair("#id", "2"));
    server_stop(s);
    find_line(s, LIST("from", "unknown", "#id", "1"));
    ck_assert_ptr_nonnull(
        strstr(find_line(s, LIST("msg", "websocket ended", "#id", "2")), "[::1]:"));
}
END_TEST

/* ---- What a peer could do to the log ---- */

static void expect_printable(const struct server *s)
{
    for (size_t i = 0; i < s->err.len; i++) {
        unsigned char byte = s->err.data[i];

        ck_assert_msg(byte == '\n' || (byte >= 0x20 && byte < 0x7f), "byte %u at %zu of:\n%s", byte,
                      i, (char *)s->err.data);
    }
}

START_TEST(nothing_of_a_peer_is_raw)
{
    /* A double quote, a backslash, "=", an override of the direction of text, a letter; and what no
     * room may be called. */
    static const char *const rooms[] = {"%22%5C%3D%20x%E2%80%AE%C3%A9", "x%0Alevel%3Derror",
                                        "%1B%5B31m", "%C2%9B", "%FF"};
    struct server *s = start(_i, LIST("--log-level=debug"));
    char target[256];

    for (size_t i = 0; i < ARRAY_LEN(rooms); i++) {
        struct client *c = client_connect(s);

        snprintf(target, sizeof(target), "/ws/%zu?name=%s&room=%s", i + 1, rooms[i], rooms[i]);
        ws_request(c, target, "Origin: http://localhost\r\n");
        ck_assert(client_fill(c, 12));
        client_close(c);
    }
    http_expect_refusal(s, "\x1b[31m /\n\n HTTP/1.1\r\n\r\n", 21, 400);
    ws_leave(ws_open_chat(s, 99));
    server_wait_for(s, pair("#id", "99"));
    server_stop(s);
    expect_printable(s);
    ck_assert_ptr_nonnull(strstr((char *)s->err.data, "\"\\\"\\\\= x\\u202e\\u00e9\""));
    ck_assert_ptr_null(strstr((char *)s->err.data, "\nlevel=error"));
}
END_TEST

#define MANY 200

/* Ends of all kinds, each many times. */
static void make_ends(const struct server *s, int times)
{
    for (int i = 0; i < times; i++)
        client_close(ws_open(s, "/ws"));
}

static unsigned long long sum(const struct server *s, const char *key)
{
    char start[64];
    unsigned long long total = 0;

    snprintf(start, sizeof(start), is_json ? "\"%s\":" : " %s=", key);
    for (const char *at = (char *)s->err.data; (at = strstr(at, start)) != NULL; at++)
        total += strtoull(at + strlen(start), NULL, 10);
    return total;
}

START_TEST(a_flood_of_ends_is_counted)
{
    struct server *s = start(_i, LIST("--log-rate=1"));
    unsigned lines;

    make_ends(s, MANY);
    http_expect_refusal(s, "x\n", 2, 400);
    server_wait_for(s, pair("#status", "400")); /* a flood hides nothing of another kind */
    server_stop(s);
    lines = count(s, pair("msg", "websocket ended"));
    ck_assert_uint_ge(lines, 2);
    ck_assert_uint_lt(lines, MANY);
    ck_assert_uint_eq(lines + sum(s, "suppressed"), MANY);
}
END_TEST

START_TEST(without_a_rate_each_end_is_told)
{
    struct server *s = start(_i, LIST("--log-rate=0"));

    make_ends(s, 2 * MANY);
    server_stop(s);
    ck_assert_uint_eq(count(s, pair("msg", "websocket ended")), 2 * MANY);
    ck_assert_uint_eq(sum(s, "suppressed"), 0);
}
END_TEST

START_TEST(above_its_level_nothing_is_told)
{
    struct server *s = start(_i, LIST("--log-level=warning"));

    make_ends(s, 3);
    http_expect_refusal(s, "x\n", 2, 400);
    server_stop(s);
    ck_assert_uint_eq(count(s, "ended"), 0);
}
END_TEST

/* ---- --trace ---- */

/* From the request to who began to close, and nothing of what is said. */
START_TEST(a_trace_tells_each_step)
{
    struct server *s = start(_i, LIST("--trace"));
    struct client *c = ws_open_chat(s, 7);

    ws_send(c, false, WS_TEXT, "hush", 4);
    ws_send(c, true, WS_CONTINUATION, " now", 4);
    ws_expect_text(c, "You wrote: hush now");
    ws_send(c, true, WS_PING, "x", 1);
    ws_expect_frame(c, WS_PONG, "x", 1);
    ws_leave(c);
    http_expect_refusal(s, "x\n", 2, 400);
    server_wait_for(s, "this is no request");
    server_stop(s);
    ck_assert_uint_eq(count(s, "trace: a request came"), 1);
    ck_assert_uint_eq(count(s, "trace: 101, it is a WebSocket now"), 1);
    ck_assert_uint_eq(count(s, "trace: a frame comes"), 4);
    ck_assert_uint_eq(count(s, "trace: a frame goes"), 2);
    ck_assert_uint_eq(count(s, "the peer began to close"), 1);
    ck_assert_uint_eq(count(s, "trace: the room is told"), 3);
    ck_assert_uint_eq(count(s, "hush"), 0);
    ck_assert_uint_eq(count(s, "/ws/7"), 1);
    find_line(s, LIST("msg", "trace: a frame goes", "is", "close", "#code", "1000"));
}
END_TEST

/* What a client alone hears has no place in the room, and yet it is what became of its frame. */
START_TEST(a_trace_tells_what_became_of_each_frame)
{
    struct server *s = start(_i, LIST("--trace"));
    struct seat *seat = seat_open(s, 7, "");

    seat_send(seat, "{'type':'say','text':'psst','to':7}");
    free(seat_read(seat));
    seat_send(seat, "{'type':'say','text':'psst','to':8}");
    seat_expect_error(seat, "no-such-client", NULL);
    ws_send(seat->c, true, WS_CONTINUATION, "x", 1);
    ws_expect_close(seat->c, 1002);
    free(seat);
    server_stop(s);
    find_line(s, LIST("msg", "trace: one alone is told", "kind", "direct"));
    find_line(s, LIST("msg", "trace: it is refused", "code", "no-such-client"));
    find_line(s, LIST("msg", "trace: a frame goes", "#code", "1002", "detail",
                      "the server begins to close"));
    ck_assert_uint_eq(count(s, "psst"), 0);
}
END_TEST

/* Full: with what is said, but for what may be a token. */
START_TEST(a_full_trace_shows_messages_and_no_token)
{
    struct server *s = start(_i, LIST("--trace=full,127.0.0.0/8"));
    struct client *c = ws_open_chat(s, 7);

    ws_send_text(c, "hello");
    ws_expect_text(c, "You wrote: hello");
    ws_send_text(c, "{\"type\":\"token\",\"token\":\"SECRET\"}");
    ws_send_text(c, "{\"type\":\"t\\u006fken\",\"t\\u006fken\":\"SECRET\"}");
    ws_expect_text(c, "You wrote: {\"type\":\"token\",\"token\":\"SECRET\"}");
    ws_expect_text(c, "You wrote: {\"type\":\"t\\u006fken\",\"t\\u006fken\":\"SECRET\"}");
    ws_leave(c);
    server_stop(s);
    ck_assert_uint_eq(count(s, "hello"), 1);
    ck_assert_uint_eq(count(s, "not shown: maybe a token"), 2);
    ck_assert_uint_eq(count(s, "SECRET"), 0);
}
END_TEST

START_TEST(a_trace_of_one_address_leaves_others_out)
{
    struct server *s = start(_i, LIST("--trace=127.0.0.9"));

    ws_leave(ws_open_chat(s, 7));
    server_stop(s);
    ck_assert_uint_eq(count(s, "trace: "), 0);
}
END_TEST

/* Its rooms are told of, from its coming to its going. */
START_TEST(a_trace_of_one_address_follows_it)
{
    struct server *s = start(_i, LIST("--trace=127.0.0.0/8"));
    struct client *c = ws_open_chat(s, 7);

    ws_send_text(c, "x");
    ws_expect_text(c, "You wrote: x");
    ws_leave(c);
    server_stop(s);
    ck_assert_uint_eq(count(s, "trace: the room is told"), 3);
}
END_TEST

/* ---- Who reads the log, and who does not ---- */

/* Makes what is on stderr and where it is read. */
static void make_terminal(int ends[2])
{
    ends[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    ck_assert_int_ge(ends[0], 0);
    ck_assert_int_eq(grantpt(ends[0]), 0);
    ck_assert_int_eq(unlockpt(ends[0]), 0);
    ends[1] = open(ptsname(ends[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
    ck_assert_int_ge(ends[1], 0);
}

static void make_pipe(int ends[2])
{
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
}

static void make_sockets(int ends[2])
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
}

static void (*const make_stderr[])(int ends[2]) = {make_terminal, make_terminal, make_pipe,
                                                   make_sockets};

/* More lines than any of them holds. */
#define UNREAD 4000

START_TEST(nobody_reads_and_the_server_goes_on)
{
    bool is_stopped = _i == 1; /* as by Ctrl-S */
    struct launch launch = {.args = LIST("--log-rate=0", "--log-level=debug")};
    struct server *s;
    int ends[2], terminal = -1;

    make_stderr[_i](ends);
    if (is_stopped)
        terminal = fcntl(ends[1], F_DUPFD_CLOEXEC, 0);
    launch.err = ends;
    s = server_start_with(&launch);
    if (is_stopped)
        ck_assert_int_eq(tcflow(terminal, TCOOFF), 0);
    for (int i = 0; i < UNREAD; i++)
        client_close(client_connect(s));
    http_expect_refusal(s, "x\n", 2, 400);
    if (is_stopped) {
        ck_assert_int_eq(tcflow(terminal, TCOON), 0);
        close(terminal);
    }
    while (strstr((char *)s->err.data, "lost_lines=") == NULL) {
        struct pollfd more = {.fd = s->err_fd, .events = POLLIN};

        if (poll(&more, 1, 0) == 0)
            client_close(client_connect(s));
        server_read(s);
    }
    server_stop(s);
}
END_TEST

START_TEST(the_end_waits_for_no_reader)
{
    struct launch launch = {.args = LIST("--log-rate=0", "--log-level=debug")};
    struct server *s;
    int ends[2];
    siginfo_t info;

    make_stderr[_i](ends);
    launch.err = ends;
    s = server_start_with(&launch);
    for (int i = 0; i < UNREAD; i++)
        client_close(client_connect(s));
    server_signal(s, SIGTERM);
    ck_assert_int_eq(waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOWAIT), 0);
    ck_assert_int_eq(server_wait_exit(s), 0);
}
END_TEST

/* A window that is closed takes the server with it, unless nohup said otherwise. */
START_TEST(the_end_of_the_terminal)
{
    bool is_nohup = _i == 1;
    struct launch launch = {.is_controlled = true, .is_nohup = is_nohup};
    struct server *s;
    int ends[2], null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    siginfo_t info;

    make_terminal(ends);
    launch.err = ends;
    s = server_start_with(&launch);
    response_free(http_get(s, "/healthz", ""));
    ck_assert_int_ge(dup2(null, s->err_fd), 0);
    close(null);
    if (is_nohup) {
        response_free(http_get(s, "/healthz", ""));
        server_stop(s);
        return;
    }
    ck_assert_int_eq(waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOWAIT), 0);
    ck_assert_int_eq(server_wait_exit(s), 0);
}
END_TEST

/* Their numbers would be those of the server's own sockets, which log lines would go into. */
START_TEST(descriptors_that_were_closed_are_filled)
{
    char path[64], target[64];
    struct server s = {.pid = 0};
    struct launch launch = {.is_closed = true, .args = LIST("--log-level=debug")};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct server *running;
    struct client *c;

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(listen(fd, 16), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    s.port = ntohs(address.sin_port);
    launch.sockets = &fd;
    launch.socket_count = 1;
    launch.env = LIST("LISTEN_PID=$$", "LISTEN_FDS=1");
    running = server_launch(&launch);
    c = ws_open_chat(&s, 1);
    ws_send_text(c, "hi");
    ws_expect_text(c, "You wrote: hi");
    for (int i = 0; i <= STDERR_FILENO; i++) {
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)running->pid, i);
        n = readlink(path, target, sizeof(target) - 1);
        ck_assert_int_gt(n, 0);
        target[n] = '\0';
        ck_assert_str_eq(target, "/dev/null");
    }
    ws_leave(c);
    close(fd);
    server_stop(running);
}
END_TEST

Suite *suite_logs(void)
{
    Suite *suite = suite_create("logs");
    TCase *tc = harness_case(suite, "logs");

    /* Each in both formats. */
    tcase_add_loop_test(tc, a_close_of_the_peer, 0, 2);
    tcase_add_loop_test(tc, bytes_are_counted_exactly, 0, 2);
    tcase_add_loop_test(tc, a_close_without_a_code, 0, 2);
    tcase_add_loop_test(tc, a_peer_that_just_ends, 0, 2);
    tcase_add_loop_test(tc, a_reset, 0, 2);
    tcase_add_loop_test(tc, an_id_in_use, 0, 2);
    tcase_add_loop_test(tc, a_seat_taken_over, 0, 2);
    tcase_add_loop_test(tc, a_broken_protocol, 0, 2);
    tcase_add_loop_test(tc, a_message_that_is_too_long, 0, 2);
    tcase_add_loop_test(tc, a_silent_peer, 0, 2);
    tcase_add_loop_test(tc, a_reader_that_falls_behind, 0, 2);
    tcase_add_loop_test(tc, the_end_of_the_server, 0, 2);
    tcase_add_loop_test(tc, a_server_that_ends_at_once, 0, 2);
    tcase_add_loop_test(tc, a_second_signal, 0, 2);
    tcase_add_loop_test(tc, a_refusal_is_told, 0, 2);
    tcase_add_loop_test(tc, a_proxy_that_takes_the_upgrade_away_is_told, 0, ARRAY_LEN(stripped));
    tcase_add_loop_test(tc, what_is_not_http_is_told, 0, 2);
    tcase_add_loop_test(tc, half_a_request_is_told, 0, 2);
    tcase_add_loop_test(tc, calm_http_is_for_debugging, 0, 2);
    tcase_add_loop_test(tc, addresses_of_every_kind, 0, 2);
    tcase_add_loop_test(tc, nothing_of_a_peer_is_raw, 0, 2);
    tcase_add_loop_test(tc, a_flood_of_ends_is_counted, 0, 2);
    tcase_add_loop_test(tc, without_a_rate_each_end_is_told, 0, 2);
    tcase_add_loop_test(tc, above_its_level_nothing_is_told, 0, 2);
    tcase_add_loop_test(tc, a_trace_tells_each_step, 0, 2);
    tcase_add_loop_test(tc, a_full_trace_shows_messages_and_no_token, 0, 2);
    tcase_add_loop_test(tc, a_trace_tells_what_became_of_each_frame, 0, 2);
    tcase_add_loop_test(tc, a_trace_of_one_address_leaves_others_out, 0, 2);
    tcase_add_loop_test(tc, a_trace_of_one_address_follows_it, 0, 2);
    tcase_add_loop_test(tc, nobody_reads_and_the_server_goes_on, 0, ARRAY_LEN(make_stderr));
    tcase_add_loop_test(tc, the_end_waits_for_no_reader, 0, ARRAY_LEN(make_stderr));
    tcase_add_loop_test(tc, the_end_of_the_terminal, 0, 2);
    tcase_add_test(tc, descriptors_that_were_closed_are_filled);
    return suite;
}
