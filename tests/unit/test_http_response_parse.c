#include "proto/http/response_parse.h"
#include "proto/http/request.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "base/util.h"
#include "guard.h"

Suite *suite_http_response_parse(void);

static const char accepted[] = "HTTP/1.1 101 Switching Protocols\r\n"
                               "Upgrade: websocket\r\n"
                               "Connection: keep-alive, Upgrade\r\n"
                               "Retry-After:\r\n"
                               "Sec-WebSocket-Accept: \t s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \r\n\r\n";

/* Parses a text that comes in pieces of `step` bytes, each time against a guard page. */
static int parse_in_steps(const char *text, size_t len, size_t step, size_t *used)
{
    struct http_response_parse_scan scan = {0, 0};
    struct http_parsed_response reply;

    for (size_t have = min_size(step, len);; have = min_size(have + step, len)) {
        char *copy = guard_copy(text, have);
        int result = http_response_parse(&reply, copy, have, &scan);

        guard_free(copy, have);
        *used = have;
        if (result != 0 || have == len)
            return result;
    }
}

/* At once, byte by byte, and cut in two at every place, it must give the same. */
static int parse(const char *text, size_t len)
{
    size_t used, needed;
    int whole = parse_in_steps(text, len, len, &used);

    ck_assert_int_eq(parse_in_steps(text, len, 1, &needed), whole);
    for (size_t cut = 1; cut < len; cut++) {
        struct http_response_parse_scan scan = {0, 0};
        struct http_parsed_response reply;
        int result = http_response_parse(&reply, text, cut, &scan);

        if (result == 0)
            result = http_response_parse(&reply, text, len, &scan);
        ck_assert_int_eq(result, whole);
    }
    return whole;
}

static int parse_text(const char *text)
{
    return parse(text, strlen(text));
}

START_TEST(reads_a_head)
{
    struct http_response_parse_scan scan = {0, 0};
    struct http_parsed_response reply;
    struct str value;
    size_t len = sizeof(accepted) - 1;
    char *copy = guard_copy(accepted, len);

    ck_assert_int_eq(http_response_parse(&reply, copy, len, &scan), (int)len);
    ck_assert_int_eq(reply.status, 101);
    ck_assert(str_equals(reply.reason, STR("Switching Protocols")));
    ck_assert_uint_eq(http_field_get(&reply.fields, HTTP_FIELD_SEC_WEBSOCKET_ACCEPT, &value), 1);
    ck_assert(str_equals(value, STR("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")));
    ck_assert_uint_eq(http_field_get(&reply.fields, HTTP_FIELD_RETRY_AFTER, &value), 1);
    ck_assert_uint_eq(value.len, 0);
    ck_assert_uint_eq(http_field_get(&reply.fields, HTTP_FIELD_CONTENT_LENGTH, &value), 0);
    ck_assert_ptr_null(value.ptr);
    ck_assert(http_field_has_token(&reply.fields, HTTP_FIELD_CONNECTION, STR("upgrade")));
    ck_assert(!http_field_has_token(&reply.fields, HTTP_FIELD_CONNECTION, STR("up")));
    guard_free(copy, len);
}
END_TEST

START_TEST(takes_no_more_than_the_head)
{
    static const char two[] = "HTTP/1.0 200 \r\n\r\n\x81\x05hello";

    ck_assert_int_eq(parse(two, sizeof(two) - 1), 17);
    ck_assert_int_eq(parse_text(accepted), (int)sizeof(accepted) - 1);
}
END_TEST

START_TEST(good_heads)
{
    static const char *const rows[] = {
        "HTTP/1.1 100 \r\n\r\n",
        "HTTP/1.9 599 a\tb\r\n\r\n",
        "HTTP/1.0 200 \xc3\xa9\r\nA:b\r\n\r\n",
        "HTTP/1.1 503 No\r\nRetry-After: 3\r\nRetry-After: 4\r\n\r\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_msg(parse_text(rows[i]) == (int)strlen(rows[i]), "%s", rows[i]);
}
END_TEST

START_TEST(bad_heads)
{
    static const struct {
        const char *text;
        enum http_response_parse_error error;
    } rows[] = {
        {"\r\n\r\n", HTTP_RESPONSE_PARSE_VERSION},
        {"HTTP/2.0 200 OK\r\n", HTTP_RESPONSE_PARSE_VERSION},
        {"HTTP/1.x 200 OK\r\n", HTTP_RESPONSE_PARSE_VERSION},
        {"http/1.1 200 OK\r\n", HTTP_RESPONSE_PARSE_VERSION},
        {"SSH-2.0-x\r\n", HTTP_RESPONSE_PARSE_VERSION},
        {"HTTP/1.1\r\n", HTTP_RESPONSE_PARSE_STATUS_LINE},
        {"HTTP/1.1 200\r\n", HTTP_RESPONSE_PARSE_STATUS_LINE},
        {"HTTP/1.1  200 OK\r\n", HTTP_RESPONSE_PARSE_STATUS_LINE},
        {"HTTP/1.1 20 OK\r\n", HTTP_RESPONSE_PARSE_STATUS_LINE},
        {"HTTP/1.1 2000 OK\r\n", HTTP_RESPONSE_PARSE_STATUS_LINE},
        {"HTTP/1.10 200 OK\r\n", HTTP_RESPONSE_PARSE_STATUS_LINE},
        {"HTTP/1.1 -20 OK\r\n", HTTP_RESPONSE_PARSE_STATUS_LINE},
        {"HTTP/1.1 099 OK\r\n", HTTP_RESPONSE_PARSE_STATUS},
        {"HTTP/1.1 600 OK\r\n", HTTP_RESPONSE_PARSE_STATUS},
        {"HTTP/1.1 200 OK\n", HTTP_RESPONSE_PARSE_OCTET},
        {"HTTP/1.1 200 OK\r\r\n", HTTP_RESPONSE_PARSE_OCTET},
        {"HTTP/1.1 200 O\x01K\r\n", HTTP_RESPONSE_PARSE_OCTET},
        {"HTTP/1.1 200 O\x7fK\r\n", HTTP_RESPONSE_PARSE_OCTET},
        {"HTTP/1.1 200 OK\r\nA: \x1b\r\n", HTTP_RESPONSE_PARSE_OCTET},
        {"HTTP/1.1 200 OK\r\nA\r\n", HTTP_RESPONSE_PARSE_FIELD},
        {"HTTP/1.1 200 OK\r\n: b\r\n", HTTP_RESPONSE_PARSE_FIELD},
        {"HTTP/1.1 200 OK\r\nA : b\r\n", HTTP_RESPONSE_PARSE_FIELD},
        {"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n", HTTP_RESPONSE_PARSE_FIELD},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert_msg(parse_text(rows[i].text) == -(int)rows[i].error, "%s", rows[i].text);
        ck_assert_str_ne(http_response_parse_error_text(rows[i].error), "");
    }
    ck_assert_int_eq(parse("HTTP/1.1 200 \0\r\n", 16), -HTTP_RESPONSE_PARSE_OCTET);
}
END_TEST

/* A head of `size` bytes. */
static char *long_head(size_t size)
{
    static const char begin[] = "HTTP/1.1 200 OK\r\nA: ";
    char *head = malloc(size);

    ck_assert_ptr_nonnull(head);
    memset(head, 'x', size);
    memcpy(head, begin, sizeof(begin) - 1);
    memcpy(head + size - 4, "\r\n\r\n", 4);
    return head;
}

START_TEST(the_longest_head)
{
    char *head = long_head(HTTP_RESPONSE_PARSE_MAX + 1);
    size_t used;

    ck_assert_int_eq(parse_in_steps(head, HTTP_RESPONSE_PARSE_MAX + 1, 1000, &used),
                     -HTTP_RESPONSE_PARSE_TOO_LONG);
    ck_assert_int_eq(parse_in_steps(head, HTTP_RESPONSE_PARSE_MAX, 1, &used),
                     -HTTP_RESPONSE_PARSE_TOO_LONG);
    free(head);
    head = long_head(HTTP_RESPONSE_PARSE_MAX);
    ck_assert_int_eq(parse_in_steps(head, HTTP_RESPONSE_PARSE_MAX, 1, &used),
                     HTTP_RESPONSE_PARSE_MAX);
    ck_assert_int_eq(parse_in_steps(head, HTTP_RESPONSE_PARSE_MAX, HTTP_RESPONSE_PARSE_MAX, &used),
                     HTTP_RESPONSE_PARSE_MAX);
    free(head);
}
END_TEST

Suite *suite_http_response_parse(void)
{
    Suite *suite = suite_create("http_response_parse");
    TCase *tcase = tcase_create("http_parsed_response");

    tcase_add_test(tcase, reads_a_head);
    tcase_add_test(tcase, takes_no_more_than_the_head);
    tcase_add_test(tcase, good_heads);
    tcase_add_test(tcase, bad_heads);
    tcase_add_test(tcase, the_longest_head);
    suite_add_tcase(suite, tcase);
    return suite;
}
