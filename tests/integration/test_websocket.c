/* RFC 6455 from outside: handshake, frames, control frames, close (contract of the WebSocket side).
 */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

Suite *suite_websocket(void);

/* ---- Handshake ---- */

#define KEY "Sec-WebSocket-Key: " WS_SAMPLE_KEY "\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"

static const char *const good_handshakes[] = {
    "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" KEY VERSION
    "\r\n",
    "GET /ws HTTP/1.1\r\nhost: x\r\nupgrade: WebSocket\r\nconnection: UPGRADE\r\n" KEY VERSION
    "\r\n",
    "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" KEY
        VERSION "\r\n",
    "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive\r\nConnection: "
    "upgrade\r\n" KEY VERSION "\r\n",
    "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: h2c, websocket\r\nConnection:,,  upgrade\t,\r\n" KEY
        VERSION "\r\n",
    "GET /ws HTTP/1.1\r\nHost: "
    "x\r\nUpgrade:websocket\r\nConnection:Upgrade\r\nSec-WebSocket-Key:" WS_SAMPLE_KEY
    " \t\r\nSec-WebSocket-Version:\t13\r\n\r\n",
    "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" KEY VERSION
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    "Sec-WebSocket-Protocol: chat, superchat\r\n\r\n",
    "GET /ws?token=a%20b HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" KEY
        VERSION "\r\n",
    "GET http://x/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" KEY
        VERSION "\r\n",
};

START_TEST(good_handshakes_are_taken)
{
    struct server *s = server_start(NULL);
    struct client *c = client_connect(s);

    client_print(c, "%s", good_handshakes[_i]);
    ws_expect_upgrade(c);
    ws_send_text(c, "x");
    ws_expect_text(c, "Message text was: x");
    ws_leave(c);
}
END_TEST

START_TEST(good_handshakes_are_taken_byte_by_byte)
{
    struct server *s = server_start(NULL);
    struct client *c = client_connect(s);

    client_send_bytewise(c, good_handshakes[_i], strlen(good_handshakes[_i]));
    ws_expect_upgrade(c);
    ws_leave(c);
}
END_TEST

#define START "GET /ws HTTP/1.1\r\nHost: x\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"

static const struct {
    const char *request;
    int status;
} bad_handshakes[] = {
    {START UPGRADE KEY "Sec-WebSocket-Version: 8\r\n\r\n", 426},
    {START UPGRADE KEY "Sec-WebSocket-Version: 12\r\n\r\n", 426},
    {START UPGRADE KEY "Sec-WebSocket-Version: 14\r\n\r\n", 426},
    {START UPGRADE VERSION "\r\n", 400},
    {START UPGRADE VERSION "Sec-WebSocket-Key:\r\n\r\n", 400},
    {START UPGRADE VERSION "Sec-WebSocket-Key: c2hvcnQ=\r\n\r\n", 400},
    {START UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\n\r\n", 400},
    {START UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25!ZQ==\r\n\r\n", 400},
    {START UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==AAAA\r\n\r\n", 400},
    {START UPGRADE VERSION KEY KEY "\r\n", 400},
};

START_TEST(bad_handshakes_are_refused)
{
    struct server *s = server_start(NULL);
    struct client *c = client_connect(s);
    struct response *r;

    client_print(c, "%s", bad_handshakes[_i].request);
    r = response_read(c, false);
    ck_assert_int_eq(r->status, bad_handshakes[_i].status);
    ck_assert_uint_gt(r->len, 0);
    if (r->status == 426)
        ck_assert_str_eq(response_field(r, "Sec-WebSocket-Version"), "13");
    response_free(r);
    client_close(c);
}
END_TEST

static const char *const no_handshakes[] = {
    START "Connection: Upgrade\r\n" KEY VERSION "\r\n",
    START "Upgrade: websocket\r\n" KEY VERSION "\r\n",
    START "Upgrade: websocket\r\nConnection: close\r\n" KEY VERSION "\r\n",
    START "Upgrade: websocket2\r\nConnection: Upgrade\r\n" KEY VERSION "\r\n",
    START "Upgrade: web socket\r\nConnection: Upgrade\r\n" KEY VERSION "\r\n",
    START "Upgrade: websocket\r\nConnection: Upgradeable\r\n" KEY VERSION "\r\n",
    START UPGRADE KEY "\r\n",
    START UPGRADE KEY VERSION VERSION "\r\n",
    "GET /ws HTTP/1.0\r\nHost: x\r\n" UPGRADE KEY VERSION "\r\n",
    "POST /ws HTTP/1.1\r\nHost: x\r\n" UPGRADE KEY VERSION "\r\n",
    "HEAD /ws HTTP/1.1\r\nHost: x\r\n" UPGRADE KEY VERSION "\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\n" UPGRADE KEY VERSION "Connection: close\r\n\r\n",
    "GET /nothing HTTP/1.1\r\nHost: x\r\n" UPGRADE KEY VERSION "\r\n",
    "GET /ws/ HTTP/1.1\r\nHost: x\r\n" UPGRADE KEY VERSION "\r\n",
    "GET /ws/1/2 HTTP/1.1\r\nHost: x\r\n" UPGRADE KEY VERSION "\r\n",
    "GET /WS HTTP/1.1\r\nHost: x\r\n" UPGRADE KEY VERSION "\r\n",
    "GET /wsx HTTP/1.1\r\nHost: x\r\n" UPGRADE KEY VERSION "\r\n",
};

START_TEST(what_is_no_handshake_is_never_upgraded)
{
    struct server *s = server_start(NULL);
    struct client *c = client_connect(s);
    struct response *r;

    client_print(c, "%s", no_handshakes[_i]);
    r = response_read(c, strncmp(no_handshakes[_i], "HEAD", 4) == 0);
    ck_assert_int_ne(r->status, 101);
    response_free(r);
    client_close(c);
}
END_TEST

/* A WebSocket is opened with GET alone (RFC 6455, 4.1). Methods have a case (RFC 9110, 9.1). */
static const struct {
    const char *method;
    const char *path;
    const char *fields;
    int status;
    const char *allow;
} methods[] = {
    {"HEAD", "/ws", UPGRADE KEY VERSION, 405, "GET"},
    {"HEAD", "/ws/1", UPGRADE KEY VERSION, 405, "GET"},
    {"POST", "/ws", UPGRADE KEY VERSION, 405, "GET"},
    {"OPTIONS", "/ws/1", UPGRADE KEY VERSION, 405, "GET"},
    {"get", "/ws", UPGRADE KEY VERSION, 405, "GET"},
    {"TRACE", "/ws", UPGRADE KEY VERSION, 405, "GET"},
    {"HEAD", "/ws", "", 426, NULL},
    {"HEAD", "/ws/1", "", 426, NULL},
    {"POST", "/ws", "Content-Length: 0\r\n", 405, "GET, HEAD"},
    {"OPTIONS", "/ws", "", 405, "GET, HEAD"},
    {"DELETE", "/ws/1", "", 405, "GET, HEAD"},
    {"TRACE", "/ws", "", 405, "GET, HEAD"},
    {"get", "/ws", "", 405, "GET, HEAD"},
    {"OPTIONS", "*", UPGRADE KEY VERSION, 405, "GET, HEAD"},
    {"CONNECT", "x:80", UPGRADE KEY VERSION, 405, "GET, HEAD"},
};

START_TEST(other_methods_are_told_which_is_right)
{
    struct server *s = server_start(NULL);
    struct client *c = client_connect(s);
    struct response *r;

    client_print(c, "%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", methods[_i].method, methods[_i].path,
                 strcmp(methods[_i].method, "CONNECT") == 0 ? methods[_i].path : "x",
                 methods[_i].fields);
    r = response_read(c, strcmp(methods[_i].method, "HEAD") == 0);
    ck_assert_int_eq(r->status, methods[_i].status);
    ck_assert_pstr_eq(response_field(r, "Allow"), methods[_i].allow);
    response_free(r);
    client_close(c);
}
END_TEST

START_TEST(after_a_refused_upgrade_no_frame_is_read)
{
    struct server *s = server_start(NULL);
    struct client *listener = ws_open_chat(s, 1);
    struct client *c = client_connect(s);
    struct response *r;

    client_print(c, "GET /ws/2 HTTP/1.1\r\nHost: x\r\n" UPGRADE KEY
                    "Sec-WebSocket-Version: 8\r\n\r\n");
    ws_send_text(c, "smuggled");
    r = response_read(c, false);
    ck_assert_int_eq(r->status, 426);
    response_free(r);
    /* Either a 400 for what is no request, or the end at once. */
    client_drain(c);
    ws_sync(listener);
    client_close(listener);
    client_close(c);
}
END_TEST

START_TEST(frames_behind_the_handshake_in_one_segment_are_read)
{
    struct server *s = server_start(NULL);
    struct client *c = client_connect(s);
    struct buf out;

    buf_init(&out);
    ck_assert_int_eq(buf_append(&out, good_handshakes[0], strlen(good_handshakes[0])), 0);
    ws_append(&out, true, WS_TEXT, "one", 3);
    ws_append(&out, true, WS_PING, "p", 1);
    ws_append(&out, true, WS_TEXT, "two", 3);
    client_send(c, out.data, out.len);
    buf_deinit(&out);
    ws_expect_upgrade(c);
    ws_expect_text(c, "Message text was: one");
    ws_expect_frame(c, WS_PONG, "p", 1);
    ws_expect_text(c, "Message text was: two");
    ws_leave(c);
}
END_TEST

START_TEST(an_upgrade_may_follow_pipelined_requests)
{
    struct server *s = server_start(NULL);
    struct client *c = client_connect(s);

    client_print(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n%s", good_handshakes[0]);
    response_free(response_read(c, false));
    ws_expect_upgrade(c);
    ws_send_text(c, "x");
    ws_expect_text(c, "Message text was: x");
    ws_leave(c);
}
END_TEST

/* ---- Origin ---- */

/* %u is the server's port. Host is 127.0.0.1:PORT. */
static const struct {
    const char *origin;
    bool is_allowed;
} origins[] = {
    {"Origin: http://127.0.0.1:%u\r\n", true},
    {"Origin: HTTP://127.0.0.1:%u\r\n", true},
    {"", true},
    {"Origin: http://127.0.0.1\r\n", false},
    {"Origin: http://127.0.0.1:%u0\r\n", false},
    {"Origin: http://127.0.0.1:1\r\n", false},
    {"Origin: http://127.0.0.1:%u.evil.example\r\n", false},
    {"Origin: http://127.0.0.1:%u@evil.example\r\n", false},
    {"Origin: http://evil.example/?http://127.0.0.1:%u\r\n", false},
    {"Origin: http://127.0.0.1:%u/\r\n", false},
    {"Origin: http://127.0.0.1:%u/path\r\n", false},
    {"Origin: http://127.0.0.10:%u\r\n", false},
    {"Origin: http://evil127.0.0.1:%u\r\n", false},
    {"Origin: http://evil.example\r\n", false},
    {"Origin: null\r\n", false},
    {"Origin:\r\n", false},
    {"Origin: *\r\n", false},
    {"Origin: 127.0.0.1:%u\r\n", false},
    {"Origin: http://127.0.0.1:%u http://evil.example\r\n", false},
    {"Origin: http://127.0.0.1:%u\r\nOrigin: http://127.0.0.1:%u\r\n", false},
    {"Origin: http://127.0.0.1:%u\r\nOrigin: http://evil.example\r\n", false},
};

static int try_origin(const struct server *s, const char *fields)
{
    struct client *c = client_connect(s);
    struct response *r;
    int status;

    client_print(c, "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n" UPGRADE KEY VERSION "%s\r\n",
                 s->port, fields);
    r = response_read(c, false);
    status = r->status;
    response_free(r);
    client_close(c);
    return status;
}

/* Puts the port in place of each %u. */
static void expand_port(char *out, size_t size, const char *format, unsigned port)
{
    char number[8];
    size_t len = 0;

    snprintf(number, sizeof(number), "%u", port);
    out[0] = '\0';
    while (*format != '\0') {
        const char *piece = strncmp(format, "%u", 2) == 0 ? number : format;
        size_t n = piece == number ? strlen(number) : 1;

        ck_assert_uint_lt(len + n, size);
        memcpy(out + len, piece, n);
        len += n;
        out[len] = '\0';
        format += piece == number ? 2 : 1;
    }
}

START_TEST(the_origin_is_compared_exactly)
{
    struct server *s = server_start(NULL);
    char fields[256];
    int status;

    expand_port(fields, sizeof(fields), origins[_i].origin, s->port);
    status = try_origin(s, fields);
    if (origins[_i].is_allowed)
        ck_assert_int_eq(status, 101);
    else
        ck_assert(status == 403 || status == 400);
}
END_TEST

START_TEST(a_foreign_origin_is_403)
{
    struct server *s = server_start(NULL);

    ck_assert_int_eq(try_origin(s, "Origin: https://evil.example\r\n"), 403);
    ck_assert_int_eq(ws_refused(s, "/ws/1", "Origin: https://evil.example\r\n"), 403);
}
END_TEST

/* A page learns nothing of a refused handshake, so it may ask why. */
START_TEST(a_page_may_read_that_its_origin_is_refused)
{
    static const char *const origins_and_statuses[][2] = {
        {"Origin: https://evil.example\r\n", "403"},
        {"Origin: http://localhost\r\n", "405"},
        {"", "405"}};
    struct server *s = server_start(NULL);

    for (size_t i = 0; i < ARRAY_LEN(origins_and_statuses); i++) {
        struct client *c = client_connect(s);
        struct response *r;
        bool is_refused = origins_and_statuses[i][1][2] == '3';

        client_print(
            c, "POST /ws/1?room=tea HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n%s\r\n",
            origins_and_statuses[i][0]);
        r = response_read(c, false);
        ck_assert_int_eq(r->status, atoi(origins_and_statuses[i][1]));
        ck_assert_int_eq(response_field(r, "Access-Control-Allow-Origin") != NULL, is_refused);
        ck_assert_int_eq(strstr(r->body, "--allow-origin") != NULL, is_refused);
        response_free(r);
        client_close(c);
    }
}
END_TEST

START_TEST(allowed_origins_are_added_to_the_own_one)
{
    struct server *s =
        server_start(LIST("--allow-origin", "https://chat.example",
                          "--allow-origin=http://other.example:8080", "--allow-origin", "null"));
    char own[64];

    snprintf(own, sizeof(own), "Origin: http://127.0.0.1:%u\r\n", s->port);
    ck_assert_int_eq(try_origin(s, own), 101);
    ck_assert_int_eq(try_origin(s, "Origin: https://chat.example\r\n"), 101);
    ck_assert_int_eq(try_origin(s, "Origin: https://chat.example:443\r\n"), 101);
    ck_assert_int_eq(try_origin(s, "Origin: http://other.example:8080\r\n"), 101);
    ck_assert_int_eq(try_origin(s, "Origin: null\r\n"), 101);
    ck_assert_int_eq(try_origin(s, "Origin: http://chat.example\r\n"), 403);
    ck_assert_int_eq(try_origin(s, "Origin: https://chat.example:444\r\n"), 403);
    ck_assert_int_eq(try_origin(s, "Origin: http://other.example\r\n"), 403);
    ck_assert_int_eq(try_origin(s, "Origin: https://chat.example.evil\r\n"), 403);
}
END_TEST

START_TEST(a_star_allows_every_origin)
{
    struct server *s = server_start(LIST("--allow-origin", "*"));

    ck_assert_int_eq(try_origin(s, "Origin: https://whoever.example\r\n"), 101);
    ck_assert_int_eq(try_origin(s, "Origin: null\r\n"), 101);
    ck_assert_int_ne(try_origin(s, "Origin: https://a.example\r\nOrigin: https://b.example\r\n"),
                     101);
}
END_TEST

/* ---- Messages ---- */

static const size_t lengths[] = {0, 1, 125, 126, 127, 65535, 65536};

START_TEST(messages_of_each_length_form_come_back)
{
    struct server *s = server_start(LIST("--echo", "verbatim"));
    struct client *c = ws_open(s, "/ws");
    size_t len = lengths[_i];
    char *text = malloc(len + 1);

    for (size_t i = 0; i < len; i++)
        text[i] = (char)('a' + i % 26);
    ws_send(c, true, WS_TEXT, text, len);
    ws_expect_frame(c, WS_TEXT, text, len);
    free(text);
    ws_leave(c);
}
END_TEST

START_TEST(fragments_make_one_message_and_control_frames_may_come_between)
{
    struct server *s = server_start(NULL);
    struct client *c = ws_open(s, "/ws");

    ws_send(c, false, WS_TEXT, "he", 2);
    ws_send(c, true, WS_PING, "1", 1);
    ws_expect_frame(c, WS_PONG, "1", 1);
    ws_send(c, false, WS_CONTINUATION, "", 0);
    ws_send(c, false, WS_CONTINUATION, "l", 1);
    ws_send(c, true, WS_PONG, "unasked", 7);
    ws_send(c, true, WS_CONTINUATION, "lo", 2);
    ws_expect_text(c, "Message text was: hello");
    ws_send_text(c, "next");
    ws_expect_text(c, "Message text was: next");
    ws_leave(c);
}
END_TEST

START_TEST(a_close_may_come_between_fragments)
{
    struct server *s = server_start(NULL);
    struct client *c = ws_open(s, "/ws");

    ws_send(c, false, WS_TEXT, "he", 2);
    ws_send_close(c, 1000, "");
    ws_expect_close_reply(c, 1000);
}
END_TEST

START_TEST(characters_may_be_split_by_fragments)
{
    struct server *s = server_start(NULL);
    struct client *c = ws_open(s, "/ws");

    for (size_t cut = 1; cut < 4; cut++) {
        ws_send(c, false, WS_TEXT, "\xf0\x9f\x98\x80", cut);
        ws_send(c, true, WS_CONTINUATION, &"\xf0\x9f\x98\x80"[cut], 4 - cut);
        ws_expect_text(c, "Message text was: \xf0\x9f\x98\x80");
    }
    ws_leave(c);
}
END_TEST

START_TEST(everything_works_byte_by_byte)
{
    struct server *s = server_start(NULL);
    struct client *c = ws_open(s, "/ws");
    struct buf out;

    buf_init(&out);
    ws_append(&out, false, WS_TEXT, "gr\xc3", 3);
    ws_append(&out, true, WS_PING, "beat", 4);
    ws_append(&out, true, WS_CONTINUATION, "\xbc\xc3\x9f", 3);
    ws_append(&out, true, WS_CLOSE, "\x03\xe8", 2);
    client_send_bytewise(c, out.data, out.len);
    buf_deinit(&out);
    ws_expect_frame(c, WS_PONG, "beat", 4);
    ws_expect_text(c, "Message text was: gr\xc3\xbc\xc3\x9f");
    ws_expect_close_reply(c, 1000);
}
END_TEST

START_TEST(pings_are_echoed_exactly)
{
    struct server *s = server_start(NULL);
    struct client *c = ws_open_chat(s, 1);
    char payload[WS_CONTROL_MAX];

    for (size_t i = 0; i < sizeof(payload); i++)
        payload[i] = (char)(255 - i);
    ws_send(c, true, WS_PING, "", 0);
    ws_expect_frame(c, WS_PONG, "", 0);
    ws_send(c, true, WS_PING, payload, sizeof(payload));
    ws_expect_frame(c, WS_PONG, payload, sizeof(payload));
    ws_leave(c);
}
END_TEST

/* ---- Bad frames ---- */

struct bytes {
    const char *data;
    size_t len;
};
#define BYTES(literal)                                                                             \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

static const struct {
    struct bytes frames;
    unsigned code;
} bad_frames[] = {
    {BYTES("\xc1\x80\0\0\0\0"), 1002},                                 /* RSV1 */
    {BYTES("\xa1\x80\0\0\0\0"), 1002},                                 /* RSV2 */
    {BYTES("\x91\x80\0\0\0\0"), 1002},                                 /* RSV3 */
    {BYTES("\x83\x80\0\0\0\0"), 1002},                                 /* opcode 3 */
    {BYTES("\x87\x80\0\0\0\0"), 1002},                                 /* opcode 7 */
    {BYTES("\x8b\x80\0\0\0\0"), 1002},                                 /* opcode 11 */
    {BYTES("\x8f\x80\0\0\0\0"), 1002},                                 /* opcode 15 */
    {BYTES("\x81\x01x"), 1002},                                        /* not masked */
    {BYTES("\x89\x00"), 1002},                                         /* ping, not masked */
    {BYTES("\x81\xfe\x00\x7d\0\0\0\0"), 1002},                         /* 125 in 16 bits */
    {BYTES("\x81\xff\0\0\0\0\0\0\xff\xff\0\0\0\0"), 1002},             /* 65535 in 64 bits */
    {BYTES("\x81\xff\x80\0\0\0\0\0\0\0\0\0\0\0"), 1002},               /* top bit */
    {BYTES("\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"), 1002}, /* all bits */
    {BYTES("\x89\xfe\x00\x7e\0\0\0\0"), 1002},                         /* ping of 126 bytes */
    {BYTES("\x88\xfe\x00\x7e\0\0\0\0"), 1002},                         /* close of 126 bytes */
    {BYTES("\x09\x80\0\0\0\0"), 1002},                                 /* ping in fragments */
    {BYTES("\x08\x80\0\0\0\0"), 1002},                                 /* close in fragments */
    {BYTES("\x80\x80\0\0\0\0"), 1002},                                 /* continuation of nothing */
    {BYTES("\x00\x80\0\0\0\0"), 1002},                                 /* the same, not final */
    {BYTES("\x01\x81\0\0\0\0a\x81\x81\0\0\0\0b"), 1002},               /* text inside a message */
    {BYTES("\x01\x81\0\0\0\0a\x82\x81\0\0\0\0b"), 1002},               /* binary inside a message */
    {BYTES("\x88\x81\0\0\0\0\x03"), 1002},                          /* close payload of one byte */
    {BYTES("\x88\x82\0\0\0\0\x03\xec"), 1002},                      /* 1004 */
    {BYTES("\x88\x82\0\0\0\0\x03\xed"), 1002},                      /* 1005 */
    {BYTES("\x88\x82\0\0\0\0\x03\xee"), 1002},                      /* 1006 */
    {BYTES("\x88\x82\0\0\0\0\x03\xf7"), 1002},                      /* 1015 */
    {BYTES("\x88\x82\0\0\0\0\x03\xe7"), 1002},                      /* 999 */
    {BYTES("\x88\x82\0\0\0\0\x00\x00"), 1002},                      /* 0 */
    {BYTES("\x88\x82\0\0\0\0\x0b\xb7"), 1002},                      /* 2999 */
    {BYTES("\x88\x82\0\0\0\0\x13\x88"), 1002},                      /* 5000 */
    {BYTES("\x88\x82\0\0\0\0\xff\xff"), 1002},                      /* 65535 */
    {BYTES("\x88\x83\0\0\0\0\x03\xe8\xff"), 1007},                  /* reason not UTF-8 */
    {BYTES("\x81\x81\0\0\0\0\xff"), 1007},                          /* never a byte of UTF-8 */
    {BYTES("\x81\x82\0\0\0\0\xc0\x80"), 1007},                      /* overlong NUL */
    {BYTES("\x81\x83\0\0\0\0\xed\xa0\x80"), 1007},                  /* surrogate */
    {BYTES("\x81\x84\0\0\0\0\xf4\x90\x80\x80"), 1007},              /* above U+10FFFF */
    {BYTES("\x81\x83\0\0\0\0\xf0\x9f\x98"), 1007},                  /* cut short */
    {BYTES("\x01\x83\0\0\0\0\xf0\x9f\x98\x80\x81\0\0\0\0x"), 1007}, /* bad over two fragments */
    {BYTES("\x01\x83\0\0\0\0\xf0\x9f\x98\x80\x80\0\0\0\0"),
     1007},                                                /* cut short, empty last fragment */
    {BYTES("\x82\x01x"), 1002},                            /* binary without a mask */
    {BYTES("\x82\x81\0\0\0\0x"), 1003},                    /* binary */
    {BYTES("\x82\x80\0\0\0\0"), 1003},                     /* empty binary */
    {BYTES("\x02\x81\0\0\0\0x"), 1003},                    /* binary in fragments */
    {BYTES("\x81\xff\0\0\0\0\0\x01\0\x01\0\0\0\0"), 1009}, /* claims one over the limit */
    {BYTES("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"), 1009}, /* claims 2^63-1 */
    {BYTES("\x01\x81\0\0\0\0x\x80\xff\0\0\0\0\0\x01\0\0\0\0\0\0"),
     1009}, /* over the limit with what came before */
    {BYTES("\x01\x81\0\0\0\0x\x80\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"),
     1009}, /* a sum that would wrap */
};

/* The bad frame, and behind it what must not be read any more. */
static void append_bad(struct buf *out, int number)
{
    ck_assert_int_eq(buf_append(out, bad_frames[number].frames.data, bad_frames[number].frames.len),
                     0);
    ws_append(out, true, WS_PING, "ping", 4);
    ws_append(out, true, WS_TEXT, "smuggled", 8);
}

START_TEST(a_bad_frame_closes_and_nothing_behind_it_is_read)
{
    struct server *s = server_start(NULL);
    struct client *listener = ws_open_chat(s, 1);
    struct client *c = ws_open_chat(s, 2);
    struct buf out;

    buf_init(&out);
    ws_append(&out, true, WS_TEXT, "good", 4);
    append_bad(&out, _i);
    client_send(c, out.data, out.len);
    buf_deinit(&out);
    ws_expect_own_if_at_once(c, "good");
    if (server_commits_later())
        ws_expect_close_later(c, bad_frames[_i].code);
    else
        ws_expect_close(c, bad_frames[_i].code);
    ws_expect_text(listener, "Client #2 says: good");
    ws_expect_text(listener, "Client #2 left the chat");
    ws_sync(listener);
    client_close(listener);
}
END_TEST

START_TEST(a_bad_frame_closes_byte_by_byte_too)
{
    struct server *s = server_start(NULL);
    struct client *c = ws_open(s, "/ws");
    struct buf out;

    buf_init(&out);
    ck_assert_int_eq(buf_append(&out, bad_frames[_i].frames.data, bad_frames[_i].frames.len), 0);
    for (size_t i = 0; i < out.len; i++)
        client_send_anyway(c, out.data + i, 1);
    buf_deinit(&out);
    ws_expect_close(c, bad_frames[_i].code);
}
END_TEST

/* ---- Close ---- */

static const unsigned good_codes[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009,
                                      1010, 1011, 3000, 3999, 4000, 4009, 4999};

START_TEST(a_close_is_answered_with_its_code)
{
    struct server *s = server_start(NULL);
    struct client *c = ws_open(s, "/ws");

    ws_send_close(c, good_codes[_i], "bye gr\xc3\xbc\xc3\x9f");
    ws_expect_close_reply(c, good_codes[_i]);
    c = ws_open_chat(s, 1);
    ws_send_close(c, good_codes[_i], "");
    ws_expect_close_reply(c, good_codes[_i]);
}
END_TEST

START_TEST(an_empty_close_is_answered)
{
    struct server *s = server_start(NULL);
    struct client *c = ws_open(s, "/ws");
    struct frame frame;

    ws_send(c, true, WS_CLOSE, "", 0);
    ck_assert(ws_read(c, &frame));
    ck_assert_int_eq(frame.opcode, WS_CLOSE);
    /* Nothing, or 1000: both are allowed on the wire. */
    ck_assert(frame.len == 0 || memcmp(frame.data, "\x03\xe8", 2) == 0);
    free(frame.data);
    client_expect_eof(c);
    client_close(c);
}
END_TEST

START_TEST(what_follows_a_close_is_not_read)
{
    struct server *s = server_start(NULL);
    struct client *listener = ws_open_chat(s, 1);
    struct client *c = ws_open_chat(s, 2);
    struct buf out;

    buf_init(&out);
    ws_append(&out, true, WS_CLOSE, "\x03\xe8", 2);
    ws_append(&out, true, WS_TEXT, "late", 4);
    ws_append(&out, true, WS_PING, "late", 4);
    ws_append(&out, true, WS_CLOSE, "\x03\xe9", 2);
    client_send(c, out.data, out.len);
    buf_deinit(&out);
    ws_expect_close_reply(c, 1000);
    ws_expect_text(listener, "Client #2 left the chat");
    ws_sync(listener);
    client_close(listener);
}
END_TEST

START_TEST(answers_come_before_the_close)
{
    struct server *s = server_start(NULL);
    struct client *c = ws_open(s, "/ws");
    struct buf out;

    buf_init(&out);
    for (int i = 0; i < 20; i++)
        ws_append(&out, true, WS_TEXT, "x", 1);
    ws_append(&out, true, WS_CLOSE, "\x0f\xa0", 2);
    client_send(c, out.data, out.len);
    buf_deinit(&out);
    for (int i = 0; i < 20; i++)
        ws_expect_text(c, "Message text was: x");
    ws_expect_close_reply(c, 4000);
}
END_TEST

START_TEST(a_close_that_the_peer_never_answers_ends_anyway)
{
    struct server *s =
        server_start(LIST("--ping-interval=1", "--ping-timeout=1", "--shutdown-timeout=1"));
    struct client *c = ws_open(s, "/ws");
    struct frame frame;

    client_send(c, "\x80\x80\0\0\0\0", 6);
    ck_assert(ws_read(c, &frame));
    ck_assert_int_eq(frame.opcode, WS_CLOSE);
    free(frame.data);
    client_expect_eof(c);
    client_close(c);
}
END_TEST

Suite *suite_websocket(void)
{
    Suite *suite = suite_create("websocket");
    TCase *handshake = harness_case(suite, "handshake");
    TCase *origin = harness_case(suite, "origin");
    TCase *messages = harness_case(suite, "messages");
    TCase *bad = harness_case(suite, "bad frames");
    TCase *closing = harness_case(suite, "close");

    tcase_add_loop_test(handshake, good_handshakes_are_taken, 0, ARRAY_LEN(good_handshakes));
    tcase_add_loop_test(handshake, good_handshakes_are_taken_byte_by_byte, 0,
                        ARRAY_LEN(good_handshakes));
    tcase_add_loop_test(handshake, bad_handshakes_are_refused, 0, ARRAY_LEN(bad_handshakes));
    tcase_add_loop_test(handshake, other_methods_are_told_which_is_right, 0, ARRAY_LEN(methods));
    tcase_add_loop_test(handshake, what_is_no_handshake_is_never_upgraded, 0,
                        ARRAY_LEN(no_handshakes));
    tcase_add_test(handshake, after_a_refused_upgrade_no_frame_is_read);
    tcase_add_test(handshake, frames_behind_the_handshake_in_one_segment_are_read);
    tcase_add_test(handshake, an_upgrade_may_follow_pipelined_requests);
    tcase_add_loop_test(origin, the_origin_is_compared_exactly, 0, ARRAY_LEN(origins));
    tcase_add_test(origin, a_foreign_origin_is_403);
    tcase_add_test(origin, a_page_may_read_that_its_origin_is_refused);
    tcase_add_test(origin, allowed_origins_are_added_to_the_own_one);
    tcase_add_test(origin, a_star_allows_every_origin);
    tcase_add_loop_test(messages, messages_of_each_length_form_come_back, 0, ARRAY_LEN(lengths));
    tcase_add_test(messages, fragments_make_one_message_and_control_frames_may_come_between);
    tcase_add_test(messages, a_close_may_come_between_fragments);
    tcase_add_test(messages, characters_may_be_split_by_fragments);
    tcase_add_test(messages, everything_works_byte_by_byte);
    tcase_add_test(messages, pings_are_echoed_exactly);
    tcase_add_loop_test(bad, a_bad_frame_closes_and_nothing_behind_it_is_read, 0,
                        ARRAY_LEN(bad_frames));
    tcase_add_loop_test(bad, a_bad_frame_closes_byte_by_byte_too, 0, ARRAY_LEN(bad_frames));
    tcase_add_loop_test(closing, a_close_is_answered_with_its_code, 0, ARRAY_LEN(good_codes));
    tcase_add_test(closing, an_empty_close_is_answered);
    tcase_add_test(closing, what_follows_a_close_is_not_read);
    tcase_add_test(closing, answers_come_before_the_close);
    tcase_add_test(closing, a_close_that_the_peer_never_answers_ends_anyway);
    return suite;
}
