#include "proto/http/fields.h"

#include <check.h>
#include <ctype.h>
#include <string.h>

#include "base/util.h"
#include "guard.h"

Suite *suite_http_fields(void);

static struct http_fields fields;

/* Reads `count` lines of the shortest known name, with nothing readable behind them. */
static void read_tiny(size_t count)
{
    static const char line[] = "Host:\r\n";
    static char text[HTTP_FIELDS_SIZE_MAX + sizeof(line)];
    size_t len = (sizeof(line) - 1) * count;
    char *copy;

    for (size_t at = 0; at < len; at += sizeof(line) - 1)
        memcpy(text + at, line, sizeof(line) - 1);
    copy = guard_copy(text, len);
    http_fields_read(&fields, (struct str){copy, len});
    guard_free(copy, len);
    fields.text = text;
}

START_TEST(as_many_lines_as_there_can_be)
{
    struct str value;

    read_tiny(HTTP_FIELDS_MAX);
    ck_assert_uint_eq(http_field_get(&fields, HTTP_FIELD_HOST, &value), HTTP_FIELDS_MAX);
    ck_assert_ptr_nonnull(value.ptr);
    ck_assert_uint_eq(value.len, 0);
}
END_TEST

START_TEST(what_is_beyond_is_left_out)
{
    struct str value;

    read_tiny(HTTP_FIELDS_MAX + 1);
    ck_assert_uint_eq(http_field_get(&fields, HTTP_FIELD_HOST, &value), HTTP_FIELDS_MAX);
    http_fields_add(&fields, HTTP_FIELD_ORIGIN, (struct str){fields.text, 0});
    ck_assert_uint_eq(http_field_get(&fields, HTTP_FIELD_ORIGIN, &value), 0);
}
END_TEST

/* No head has them, but whoever is given some must not read or write beyond what is there. */
START_TEST(lines_that_are_malformed_end_it)
{
    static const char *const texts[] = {
        "Host",          "Host:",     "Host:a",    "Host:a\n",   "Host:a\r",
        "Host\r\nHost:", "\r\nHost:", ":\n:\n:\n", "Upgrade\r:a"};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        size_t len = strlen(texts[i]);
        char *copy = guard_copy(texts[i], len);

        http_fields_read(&fields, (struct str){copy, len});
        ck_assert_uint_eq(fields.count, 0);
        guard_free(copy, len);
    }
}
END_TEST

START_TEST(no_lines_at_all)
{
    struct str value;
    size_t line = 0;

    http_fields_read(&fields, (struct str){NULL, 0});
    ck_assert_uint_eq(http_field_get(&fields, HTTP_FIELD_HOST, &value), 0);
    ck_assert_ptr_null(value.ptr);
    ck_assert(!http_field_next(&fields, &line, HTTP_FIELD_HOST, &value));
    ck_assert(!http_field_has_token(&fields, HTTP_FIELD_CONNECTION, STR("b")));
}
END_TEST

/* A name is neither the beginning of another, nor what stands in a value. */
START_TEST(names_are_whole)
{
    struct str value;

    http_fields_read(&fields, STR("Host: Origin: x\r\nHosts: y\r\nX-Origin: z\r\nHos: w\r\n"));
    ck_assert_uint_eq(http_field_get(&fields, HTTP_FIELD_HOST, &value), 1);
    ck_assert(str_equals(value, STR("Origin: x")));
    ck_assert_uint_eq(http_field_get(&fields, HTTP_FIELD_ORIGIN, &value), 0);
    ck_assert_uint_eq(fields.count, 1);
}
END_TEST

START_TEST(knows_its_names)
{
    static const char *const names[HTTP_FIELD_COUNT] = {
        [HTTP_FIELD_HOST] = "Host",
        [HTTP_FIELD_EXPECT] = "Expect",
        [HTTP_FIELD_ORIGIN] = "Origin",
        [HTTP_FIELD_COOKIE] = "Cookie",
        [HTTP_FIELD_UPGRADE] = "Upgrade",
        [HTTP_FIELD_FORWARDED] = "Forwarded",
        [HTTP_FIELD_CONNECTION] = "Connection",
        [HTTP_FIELD_USER_AGENT] = "User-Agent",
        [HTTP_FIELD_RETRY_AFTER] = "Retry-After",
        [HTTP_FIELD_CONTENT_TYPE] = "Content-Type",
        [HTTP_FIELD_IF_NONE_MATCH] = "If-None-Match",
        [HTTP_FIELD_LAST_EVENT_ID] = "Last-Event-ID",
        [HTTP_FIELD_AUTHORIZATION] = "Authorization",
        [HTTP_FIELD_CONTENT_LENGTH] = "Content-Length",
        [HTTP_FIELD_ACCEPT_ENCODING] = "Accept-Encoding",
        [HTTP_FIELD_IDEMPOTENCY_KEY] = "Idempotency-Key",
        [HTTP_FIELD_X_FORWARDED_FOR] = "X-Forwarded-For",
        [HTTP_FIELD_SEC_WEBSOCKET_KEY] = "Sec-WebSocket-Key",
        [HTTP_FIELD_TRANSFER_ENCODING] = "Transfer-Encoding",
        [HTTP_FIELD_SEC_WEBSOCKET_ACCEPT] = "Sec-WebSocket-Accept",
        [HTTP_FIELD_SEC_WEBSOCKET_VERSION] = "Sec-WebSocket-Version",
        [HTTP_FIELD_SEC_WEBSOCKET_PROTOCOL] = "Sec-WebSocket-Protocol",
        [HTTP_FIELD_SEC_WEBSOCKET_EXTENSIONS] = "Sec-WebSocket-Extensions",
    };
    char text[32];

    for (int field = HTTP_FIELD_OTHER + 1; field < HTTP_FIELD_COUNT; field++) {
        size_t len = strlen(names[field]);

        ck_assert_int_eq(http_field_named((struct str){names[field], len}), field);
        for (size_t i = 0; i <= len; i++)
            text[i] = (char)toupper((unsigned char)names[field][i]);
        ck_assert_int_eq(http_field_named((struct str){text, len}), field);
        /* one character less, more, and another */
        ck_assert_int_eq(http_field_named((struct str){text, len - 1}), HTTP_FIELD_OTHER);
        text[len] = 'S';
        ck_assert_int_eq(http_field_named((struct str){text, len + 1}), HTTP_FIELD_OTHER);
        text[len - 1] = '_';
        ck_assert_int_eq(http_field_named((struct str){text, len}), HTTP_FIELD_OTHER);
    }
    for (size_t len = 0; len < sizeof(text); len++)
        ck_assert_int_eq(http_field_named((struct str){"XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX", len}),
                         HTTP_FIELD_OTHER);
}
END_TEST

Suite *suite_http_fields(void)
{
    Suite *suite = suite_create("http_fields");
    TCase *cases = tcase_create("http_fields");

    tcase_add_test(cases, as_many_lines_as_there_can_be);
    tcase_add_test(cases, what_is_beyond_is_left_out);
    tcase_add_test(cases, lines_that_are_malformed_end_it);
    tcase_add_test(cases, no_lines_at_all);
    tcase_add_test(cases, names_are_whole);
    tcase_add_test(cases, knows_its_names);
    suite_add_tcase(suite, cases);
    return suite;
}
