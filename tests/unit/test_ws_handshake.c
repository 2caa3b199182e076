#include "proto/ws/handshake.h"

#include <string.h>

#include <check.h>

#include "base/util.h"

Suite *suite_ws_handshake(void);

#define HEAD(fields) "GET /ws HTTP/1.1\r\nHost: a\r\n" fields "\r\n"
#define UPGRADE "Upgrade: websocket\r\n"
#define CONNECTION "Connection: Upgrade\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define KEY_OF(key) UPGRADE CONNECTION VERSION "Sec-WebSocket-Key: " key "\r\n"
#define ORIGIN(origin) "GET /ws HTTP/1.1\r\nHost: Chat.example\r\nOrigin: " origin "\r\n\r\n"

static struct http_request parse(const char *text)
{
    struct http_request req;
    struct http_scan scan = {0, 0, 0};
    int result = http_request_parse(&req, text, strlen(text), &scan);

    ck_assert_msg(result == (int)strlen(text), "%d: %s", result, text);
    return req;
}

/* The worked example of RFC 6455, 1.3. */
START_TEST(computes_the_accept)
{
    char accept[WS_ACCEPT_SIZE];

    ws_accept_key(accept, STR("dGhlIHNhbXBsZSBub25jZQ=="));
    ck_assert_mem_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", WS_ACCEPT_SIZE);
}
END_TEST

START_TEST(accepts_handshakes)
{
    static const char *const rows[] = {
        HEAD(UPGRADE CONNECTION VERSION KEY),
        HEAD(KEY VERSION CONNECTION UPGRADE),
        HEAD("upgrade: WebSocket\r\n"
             "CONNECTION: keep-alive, UPGRADE\r\n"
             "sec-websocket-version:13\r\n"
             "sec-websocket-key:dGhlIHNhbXBsZSBub25jZQ==\r\n"),
        HEAD("Upgrade: h2c\r\nUpgrade: foo,websocket\r\n"
             "Connection: keep-alive\r\nConnection: upgrade\r\n" VERSION KEY),
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_request req = parse(rows[i]);
        char accept[WS_ACCEPT_SIZE];

        ck_assert(ws_handshake_is_wanted(&req));
        ck_assert_int_eq(ws_handshake_check(&req, accept), 0);
        ck_assert_mem_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", WS_ACCEPT_SIZE);
    }
}
END_TEST

START_TEST(refuses_handshakes)
{
    static const struct {
        const char *text;
        enum ws_handshake_error error;
        int status;
    } rows[] = {
        {"POST /ws HTTP/1.1\r\nHost: a\r\n" UPGRADE CONNECTION VERSION KEY "\r\n",
         WS_HANDSHAKE_METHOD, 405},
        {"get /ws HTTP/1.1\r\nHost: a\r\n\r\n", WS_HANDSHAKE_METHOD, 405},
        {HEAD(""), WS_HANDSHAKE_UPGRADE, 400},
        {HEAD(CONNECTION VERSION KEY), WS_HANDSHAKE_UPGRADE, 400},
        {HEAD("Upgrade: websockets\r\n" CONNECTION VERSION KEY), WS_HANDSHAKE_UPGRADE, 400},
        {HEAD("Upgrade: web socket\r\n" CONNECTION VERSION KEY), WS_HANDSHAKE_UPGRADE, 400},
        {HEAD("Upgrade: websocket/13\r\n" CONNECTION VERSION KEY), WS_HANDSHAKE_UPGRADE, 400},
        {HEAD(UPGRADE VERSION KEY), WS_HANDSHAKE_CONNECTION, 400},
        {HEAD(UPGRADE "Connection: close\r\n"), WS_HANDSHAKE_CONNECTION, 400},
        {HEAD(UPGRADE "Connection: upgraded\r\n" VERSION KEY), WS_HANDSHAKE_CONNECTION, 400},
        {HEAD(UPGRADE CONNECTION VERSION VERSION), WS_HANDSHAKE_VERSION_REPEATED, 400},
        {HEAD(UPGRADE CONNECTION VERSION "sec-websocket-version: 8\r\n" KEY),
         WS_HANDSHAKE_VERSION_REPEATED, 400},
        {HEAD(UPGRADE CONNECTION KEY), WS_HANDSHAKE_VERSION, 426},
        {HEAD(UPGRADE CONNECTION), WS_HANDSHAKE_VERSION, 426},
        {HEAD(UPGRADE CONNECTION KEY "Sec-WebSocket-Version: 8\r\n"), WS_HANDSHAKE_VERSION, 426},
        {HEAD(UPGRADE CONNECTION KEY "Sec-WebSocket-Version: 013\r\n"), WS_HANDSHAKE_VERSION, 426},
        {HEAD(UPGRADE CONNECTION KEY "Sec-WebSocket-Version: 13, 8\r\n"), WS_HANDSHAKE_VERSION,
         426},
        {HEAD(UPGRADE CONNECTION KEY "Sec-WebSocket-Version:\r\n"), WS_HANDSHAKE_VERSION, 426},
        {HEAD(UPGRADE CONNECTION VERSION), WS_HANDSHAKE_KEY_MISSING, 400},
        {HEAD(UPGRADE CONNECTION VERSION KEY KEY), WS_HANDSHAKE_KEY_REPEATED, 400},
        {HEAD(KEY_OF("")), WS_HANDSHAKE_KEY, 400},
        {HEAD(KEY_OF("x")), WS_HANDSHAKE_KEY, 400},
        {HEAD(KEY_OF("AAAAAAAAAAAAAAAAAAAAAA")), WS_HANDSHAKE_KEY, 400},
        {HEAD(KEY_OF("AAAAAAAAAAAAAAAAAAAAAA=")), WS_HANDSHAKE_KEY, 400},
        {HEAD(KEY_OF("AAAAAAAAAAAAAAAAAAAA")), WS_HANDSHAKE_KEY, 400},
        {HEAD(KEY_OF("AAAAAAAAAAAAAAAAAAAAAAA=")), WS_HANDSHAKE_KEY, 400},
        {HEAD(KEY_OF("AAAAAAAAAAAAAAAAAAAAAAAA")), WS_HANDSHAKE_KEY, 400},
        {HEAD(KEY_OF("AAAAAAAAAAAAAAAAAAAAAAAAAA==")), WS_HANDSHAKE_KEY, 400},
        {HEAD(KEY_OF("AAAAAAAAAAA AAAAAAAAAA==")), WS_HANDSHAKE_KEY, 400},
        {HEAD(KEY_OF("AAAAAAAAAA-_AAAAAAAAAA==")), WS_HANDSHAKE_KEY, 400},
        {HEAD(KEY_OF("AAAAAAAAAAAAAAAAAAAAAA==, x")), WS_HANDSHAKE_KEY, 400},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_request req = parse(rows[i].text);
        char accept[WS_ACCEPT_SIZE];
        int result = ws_handshake_check(&req, accept);

        ck_assert_msg(result == -(int)rows[i].error, "%d: %s", result, rows[i].text);
        ck_assert_int_eq(ws_handshake_status(rows[i].error), rows[i].status);
        ck_assert_ptr_nonnull(strchr(ws_handshake_text(rows[i].error), '.'));
    }
}
END_TEST

START_TEST(knows_who_wants_one)
{
    static const struct {
        const char *text;
        bool is_wanted;
    } rows[] = {
        {HEAD(""), false},
        {HEAD(CONNECTION VERSION), false},
        {HEAD("Upgrade: h2c\r\n" CONNECTION), false},
        {HEAD(UPGRADE), true},
        {HEAD(KEY), true},
        {HEAD("Sec-WebSocket-Key:\r\n"), true},
        {"GET / HTTP/1.2\r\nHost: a\r\n" UPGRADE "\r\n", true},
        {"GET / HTTP/1.0\r\nHost: a\r\n" UPGRADE CONNECTION VERSION KEY "\r\n", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_request req = parse(rows[i].text);

        ck_assert_msg(ws_handshake_is_wanted(&req) == rows[i].is_wanted, "%s", rows[i].text);
    }
}
END_TEST

START_TEST(finds_subprotocols)
{
    struct http_request req = parse(HEAD("Sec-WebSocket-Protocol: chat, wschat.v1\r\n"
                                         "sec-websocket-protocol: super\r\n"
                                         "X: other\r\n"));

    ck_assert(ws_protocol_is_offered(&req, STR("chat")));
    ck_assert(ws_protocol_is_offered(&req, STR("wschat.v1")));
    ck_assert(ws_protocol_is_offered(&req, STR("super")));
    ck_assert(!ws_protocol_is_offered(&req, STR("WSCHAT.v1")));
    ck_assert(!ws_protocol_is_offered(&req, STR("wschat")));
    ck_assert(!ws_protocol_is_offered(&req, STR("wschat.v11")));
    ck_assert(!ws_protocol_is_offered(&req, STR("other")));
}
END_TEST

/* Those that begin so, over all lines and in their order. */
START_TEST(goes_through_subprotocols)
{
    struct http_request req = parse(HEAD("Sec-WebSocket-Protocol: x, key.a, key,\r\n"
                                         "X: key.no\r\n"
                                         "Sec-WebSocket-Protocol: key.b,key.\r\n"));
    struct ws_protocols protocols = {.line = 0};
    struct str rest;

    ck_assert(ws_protocol_next(&req, &protocols, STR("key."), &rest));
    ck_assert(str_equals(rest, STR("a")));
    ck_assert(ws_protocol_next(&req, &protocols, STR("key."), &rest));
    ck_assert(str_equals(rest, STR("b")));
    ck_assert(ws_protocol_next(&req, &protocols, STR("key."), &rest));
    ck_assert_uint_eq(rest.len, 0);
    ck_assert(!ws_protocol_next(&req, &protocols, STR("key."), &rest));
}
END_TEST

static bool allows(const char *text, const struct str *items, size_t count)
{
    struct http_request req = parse(text);
    struct origin_list list = {items, count};

    return ws_origin_is_allowed(&req, &list);
}

/* The server's own origin, by the request's host, with an empty list and with one that names
 * another. */
START_TEST(allows_its_own_origin)
{
    static const struct str other[] = {{"https://other.example", 21}};
    static const struct {
        const char *text;
        bool is_allowed;
    } rows[] = {
        {HEAD(""), true},
        {ORIGIN("http://chat.example"), true},
        {ORIGIN("HTTP://CHAT.EXAMPLE"), true},
        {ORIGIN("https://chat.example"), true},
        {ORIGIN("http://chat.example:80"), true},
        {ORIGIN("https://chat.example:443"), true},
        {ORIGIN("http://chat.example:443"), false},
        {ORIGIN("https://chat.example:80"), false},
        {ORIGIN("http://chat.example:8000"), false},
        {ORIGIN("ws://chat.example"), false},
        {ORIGIN("ftp://chat.example"), false},
        {ORIGIN("http://chat.example.evil.example"), false},
        {ORIGIN("http://evil-chat.example"), false},
        {ORIGIN("http://chat.exampl"), false},
        {ORIGIN("http://chat.example."), false},
        {ORIGIN("null"), false},
        {ORIGIN("*"), false},
        {"GET / HTTP/1.1\r\nHost: a:8000\r\nOrigin: http://a:8000\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a:08000\r\nOrigin: http://a:8000\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a:8000\r\nOrigin: http://a\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a:443\r\nOrigin: https://a\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a:\r\nOrigin: https://a\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a:00\r\nOrigin: http://a:0\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a:0\r\nOrigin: https://a\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: [::1]:80\r\nOrigin: http://[::1]\r\n\r\n", true},
        {"GET http://b/ HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\n\r\n", true},
        {"GET http://b/ HTTP/1.1\r\nHost: a\r\nOrigin: http://a\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nOrigin: http://a\r\n\r\n", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert_msg(allows(rows[i].text, NULL, 0) == rows[i].is_allowed, "%s", rows[i].text);
        ck_assert_msg(allows(rows[i].text, other, 1) == rows[i].is_allowed, "%s", rows[i].text);
    }
}
END_TEST

START_TEST(allows_listed_origins)
{
    static const struct str items[] = {
        {"https://ok.example", 18},
        {"http://port.example:8080", 24},
        {"App://local", 11},
        {"nonsense", 8},
    };
    static const struct {
        const char *text;
        bool is_allowed;
    } rows[] = {
        {ORIGIN("https://ok.example"), true},
        {ORIGIN("https://OK.example:443"), true},
        {ORIGIN("http://ok.example"), false},
        {ORIGIN("https://ok.example:444"), false},
        {ORIGIN("https://ok.example.evil.example"), false},
        {ORIGIN("https://evil.example/https://ok.example"), false},
        {ORIGIN("https://sub.ok.example"), false},
        {ORIGIN("http://port.example:8080"), true},
        {ORIGIN("http://port.example"), false},
        {ORIGIN("app://LOCAL"), true},
        {ORIGIN("app://local:1"), false},
        {ORIGIN("null"), false},
        {ORIGIN("http://chat.example"), true},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_msg(allows(rows[i].text, items, ARRAY_LEN(items)) == rows[i].is_allowed, "%s",
                      rows[i].text);
}
END_TEST

START_TEST(allows_null_and_any)
{
    static const struct str null_only[] = {{"null", 4}};
    static const struct str any[] = {{"https://ok.example", 18}, {"*", 1}};

    ck_assert(allows(ORIGIN("null"), null_only, 1));
    ck_assert(!allows(ORIGIN("https://ok.example"), null_only, 1));
    ck_assert(!allows(ORIGIN("null://null"), null_only, 1));
    ck_assert(allows(ORIGIN("null"), any, 2));
    ck_assert(allows(ORIGIN("https://any.example:1"), any, 2));
    ck_assert(allows(HEAD(""), any, 2));
}
END_TEST

START_TEST(refuses_malformed_origins)
{
    static const struct str any[] = {{"*", 1}};
    static const char *const rows[] = {
        ORIGIN(""),
        ORIGIN("NULL"),
        ORIGIN("null null"),
        ORIGIN("null, null"),
        ORIGIN("chat.example"),
        ORIGIN("//chat.example"),
        ORIGIN("://chat.example"),
        ORIGIN("http:chat.example"),
        ORIGIN("http:/chat.example"),
        ORIGIN("http://"),
        ORIGIN("http"),
        ORIGIN("http:"),
        ORIGIN("http://chat.example/"),
        ORIGIN("http://chat.example/a"),
        ORIGIN("http://chat.example?"),
        ORIGIN("http://chat.example#"),
        ORIGIN("http://chat.example:"),
        ORIGIN("http://chat.example:080"),
        ORIGIN("http://chat.example:65536"),
        ORIGIN("http://chat.example:x"),
        ORIGIN("http://u@chat.example"),
        ORIGIN("http://a\\.chat.example"),
        ORIGIN("http://chat.example http://chat.example"),
        ORIGIN("http://chat.example, http://chat.example"),
        ORIGIN("http ://chat.example"),
        ORIGIN("1http://chat.example"),
        ORIGIN("ht_tp://chat.example"),
        ORIGIN("http://[::1"),
        ORIGIN("http://\xc3\xa9.example"),
        HEAD("Origin: http://a\r\nOrigin: http://a\r\n"),
        HEAD("Origin: http://a\r\norigin:\r\n"),
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_msg(!allows(rows[i], any, 1), "%s", rows[i]);
}
END_TEST

START_TEST(checks_origins_of_options)
{
    static const char *const good[] = {
        "*", "null", "http://a", "https://a.b:1", "a+b-c.9://[::1]", "z://a", "Z9://b", "a0://b"};
    static const char *const bad[] = {"",          "a",         "**",        "http://*",
                                      "http://a/", "*.example", "http://*.a"};

    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        ck_assert_msg(http_origin_is_valid(str_from(good[i])), "%s", good[i]);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_msg(!http_origin_is_valid(str_from(bad[i])), "%s", bad[i]);
}
END_TEST

Suite *suite_ws_handshake(void)
{
    Suite *suite = suite_create("ws_handshake");
    TCase *handshake = tcase_create("handshake");
    TCase *origin = tcase_create("origin");

    tcase_add_test(handshake, computes_the_accept);
    tcase_add_test(handshake, accepts_handshakes);
    tcase_add_test(handshake, refuses_handshakes);
    tcase_add_test(handshake, knows_who_wants_one);
    tcase_add_test(handshake, finds_subprotocols);
    tcase_add_test(handshake, goes_through_subprotocols);
    tcase_add_test(origin, allows_its_own_origin);
    tcase_add_test(origin, allows_listed_origins);
    tcase_add_test(origin, allows_null_and_any);
    tcase_add_test(origin, refuses_malformed_origins);
    tcase_add_test(origin, checks_origins_of_options);
    suite_add_tcase(suite, handshake);
    suite_add_tcase(suite, origin);
    return suite;
}
