#include "proto/ws/client_handshake.h"

#include <string.h>

#include <check.h>

#include "base/util.h"
#include "proto/http/request.h"
#include "proto/ws/deflate_negotiation.h"
#include "proto/ws/handshake.h"

Suite *suite_ws_client_handshake(void);

/* RFC 6455, 1.3 */
static const uint8_t sample_nonce[] = "the sample nonce";
#define SAMPLE_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define SAMPLE_ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

/* What our own server reads out of the request must be right. */
START_TEST(asks_as_the_rfc_wants)
{
    char key[WS_KEY_SIZE], accept[WS_ACCEPT_SIZE];
    struct http_scan scan = {0, 0, 0};
    struct http_request request;
    struct ws_deflate deflate;
    struct buf out;

    buf_init(&out);
    ck_assert_int_eq(ws_client_handshake_request(&out, STR("a:1"), STR("/ws/7?room=x"),
                                                 STR("wschat.v1"), sample_nonce, key),
                     0);
    ck_assert_mem_eq(key, SAMPLE_KEY, WS_KEY_SIZE);
    ck_assert_int_eq(http_request_parse(&request, (char *)out.data, out.len, &scan), (int)out.len);
    ck_assert(str_equals(request.target, STR("/ws/7?room=x")));
    ck_assert(str_equals(request.host, STR("a:1")));
    ck_assert_int_eq(ws_handshake_check(&request, accept), 0);
    ck_assert_mem_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", WS_ACCEPT_SIZE);
    ck_assert(ws_protocol_is_offered(&request, STR("wschat.v1")));
    ck_assert(ws_deflate_negotiate(&request.fields, &deflate));
    ck_assert_uint_eq(deflate.server_bits, 0); /* the longest window, and kept */
    ck_assert(!deflate.server_no_takeover);
    buf_deinit(&out);
}
END_TEST

static struct ws_client_agreement agreement;

static int check(const char *fields)
{
    struct http_parsed_response reply = {.status = 101, .reason = STR("x")};

    http_fields_read(&reply.fields, str_from(fields));
    return ws_client_handshake_check(&reply, SAMPLE_KEY, STR("wschat.v1"), &agreement);
}

#define UPGRADE "Upgrade: WebSocket\r\n"
#define CONNECTION "Connection: keep-alive, upgrade\r\n"
#define PROTOCOL "Sec-WebSocket-Protocol: wschat.v1\r\n"

START_TEST(judges_the_answer)
{
    static const struct {
        const char *fields;
        int result;
    } rows[] = {
        {UPGRADE CONNECTION SAMPLE_ACCEPT PROTOCOL, 0},
        {CONNECTION SAMPLE_ACCEPT PROTOCOL, -WS_CLIENT_HANDSHAKE_UPGRADE},
        {UPGRADE UPGRADE CONNECTION SAMPLE_ACCEPT PROTOCOL, -WS_CLIENT_HANDSHAKE_UPGRADE},
        {"Upgrade: h2c, websocket\r\n" CONNECTION SAMPLE_ACCEPT PROTOCOL,
         -WS_CLIENT_HANDSHAKE_UPGRADE},
        {UPGRADE SAMPLE_ACCEPT PROTOCOL, -WS_CLIENT_HANDSHAKE_CONNECTION},
        {UPGRADE "Connection: close\r\n" SAMPLE_ACCEPT PROTOCOL, -WS_CLIENT_HANDSHAKE_CONNECTION},
        {UPGRADE CONNECTION PROTOCOL, -WS_CLIENT_HANDSHAKE_ACCEPT},
        {UPGRADE CONNECTION SAMPLE_ACCEPT SAMPLE_ACCEPT PROTOCOL, -WS_CLIENT_HANDSHAKE_ACCEPT},
        {UPGRADE CONNECTION "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" PROTOCOL,
         -WS_CLIENT_HANDSHAKE_ACCEPT},
        {UPGRADE CONNECTION SAMPLE_ACCEPT PROTOCOL "Sec-WebSocket-Extensions: x\r\n",
         -WS_CLIENT_HANDSHAKE_EXTENSION},
        {UPGRADE CONNECTION SAMPLE_ACCEPT, -WS_CLIENT_HANDSHAKE_PROTOCOL},
        {UPGRADE CONNECTION SAMPLE_ACCEPT "Sec-WebSocket-Protocol: wschat.V1\r\n",
         -WS_CLIENT_HANDSHAKE_PROTOCOL},
        {UPGRADE CONNECTION SAMPLE_ACCEPT PROTOCOL PROTOCOL, -WS_CLIENT_HANDSHAKE_PROTOCOL},
    };
    struct http_parsed_response refusal = {.status = 200, .reason = STR("OK")};

    http_fields_read(&refusal.fields, STR(UPGRADE CONNECTION SAMPLE_ACCEPT PROTOCOL));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_msg(check(rows[i].fields) == rows[i].result, "%s", rows[i].fields);
    ck_assert_int_eq(ws_client_handshake_check(&refusal, SAMPLE_KEY, STR("wschat.v1"), &agreement),
                     -WS_CLIENT_HANDSHAKE_STATUS);
    for (int error = WS_CLIENT_HANDSHAKE_STATUS; error <= WS_CLIENT_HANDSHAKE_PROTOCOL; error++)
        ck_assert_str_ne(ws_client_handshake_error_text((enum ws_client_handshake_error)error), "");
}
END_TEST

#define ANSWER(extensions)                                                                         \
    UPGRADE CONNECTION SAMPLE_ACCEPT PROTOCOL "Sec-WebSocket-Extensions: " extensions "\r\n"

/* RFC 7692, 7.1: what a server may say to our offer; -1: that is no answer to it. */
START_TEST(agrees_on_compression)
{
    static const struct {
        const char *fields;
        int is_deflated;
        bool has_context;
    } rows[] = {
        {UPGRADE CONNECTION SAMPLE_ACCEPT PROTOCOL, 0, false},
        {ANSWER("permessage-deflate"), 1, true},
        {ANSWER("permessage-deflate; client_no_context_takeover"), 1, true},
        {ANSWER("permessage-deflate; server_no_context_takeover"), 1, false},
        {ANSWER("permessage-deflate; server_max_window_bits=8"), 1, true},
        {ANSWER("permessage-deflate; client_max_window_bits=\"15\""), 1, true},
        {ANSWER("permessage-deflate; client_max_window_bits"), -1, false},
        {ANSWER("permessage-deflate; server_max_window_bits"), -1, false},
        {ANSWER("permessage-deflate; server_max_window_bits=16"), -1, false},
        {ANSWER("permessage-deflate; server_max_window_bits=9; server_max_window_bits=9"), -1,
         false},
        {ANSWER("permessage-deflate; x=1"), -1, false},
        {ANSWER("permessage-deflate, permessage-deflate"), -1, false},
        {ANSWER("permessage-deflate\r\nSec-WebSocket-Extensions: permessage-deflate"), -1, false},
        {ANSWER("permessage-deflate, x"), -1, false},
        {ANSWER("permessage-bzip2"), -1, false},
        {ANSWER(""), -1, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int result = check(rows[i].fields);

        ck_assert_msg(result == (rows[i].is_deflated < 0 ? -WS_CLIENT_HANDSHAKE_EXTENSION : 0),
                      "%s", rows[i].fields);
        if (result < 0)
            continue;
        ck_assert_msg(agreement.is_deflated == rows[i].is_deflated, "%s", rows[i].fields);
        ck_assert_msg(agreement.has_context == rows[i].has_context, "%s", rows[i].fields);
    }
}
END_TEST

START_TEST(takes_urls_apart)
{
    static const char *const rows[][5] = {
        {"ws://a", "a", "80", "", ""},
        {"WS://a:8000/", "a", "8000", "/", ""},
        {"ws://[::1]:1/ws/7?room=x&name=", "[::1]", "1", "/ws/7", "room=x&name="},
        {"ws://a?room=x", "a", "80", "", "room=x"},
        {"http://a:8000/?room=x", "a", "8000", "/", "room=x"},
        {"ws://a:/b?c?d", "a", "80", "/b", "c?d"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ws_url url;

        ck_assert_msg(ws_url_parse(&url, str_from(rows[i][0])) == 0, "%s", rows[i][0]);
        ck_assert(str_equals(url.host, str_from(rows[i][1])));
        ck_assert(str_equals(url.port, str_from(rows[i][2])));
        ck_assert(str_equals(url.path, str_from(rows[i][3])));
        ck_assert(str_equals(url.query, str_from(rows[i][4])));
    }
}
END_TEST

START_TEST(refuses_urls)
{
    static const struct {
        const char *text;
        enum ws_url_error error;
    } rows[] = {
        {"", WS_URL_SCHEME},
        {"a:80", WS_URL_SCHEME},
        {"ftp://a", WS_URL_SCHEME},
        {"ws:a", WS_URL_SCHEME},
        {"http:a", WS_URL_SCHEME},
        {"wss://a", WS_URL_SECURE},
        {"https://a", WS_URL_SECURE},
        {"ws://", WS_URL_AUTHORITY},
        {"ws://u@a", WS_URL_AUTHORITY},
        {"ws://a:x", WS_URL_AUTHORITY},
        {"ws://a:65536", WS_URL_AUTHORITY},
        {"ws://[::1", WS_URL_AUTHORITY},
        {"ws://a:0", WS_URL_PORT},
        {"ws://a/ /", WS_URL_PATH},
        {"ws://a/\x01", WS_URL_PATH},
        {"ws://a/\xc3\xa9", WS_URL_PATH},
        {"ws://a/?room=%4", WS_URL_QUERY},
        {"ws://a/#b", WS_URL_FRAGMENT},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ws_url url;

        ck_assert_msg(ws_url_parse(&url, str_from(rows[i].text)) == -(int)rows[i].error, "%s",
                      rows[i].text);
        ck_assert_str_ne(ws_url_error_text(rows[i].error), "");
    }
}
END_TEST

Suite *suite_ws_client_handshake(void)
{
    Suite *suite = suite_create("ws_client_handshake");
    TCase *tcase = tcase_create("ws_client_handshake");

    tcase_add_test(tcase, asks_as_the_rfc_wants);
    tcase_add_test(tcase, judges_the_answer);
    tcase_add_test(tcase, agrees_on_compression);
    tcase_add_test(tcase, takes_urls_apart);
    tcase_add_test(tcase, refuses_urls);
    suite_add_tcase(suite, tcase);
    return suite;
}
