#include "proto/http/response.h"

#include <string.h>
#include <time.h>

#include <check.h>

#include "base/util.h"

Suite *suite_http_response(void);

static void expect_head(const struct http_response *res, int64_t unix_time, const char *want)
{
    struct buf out;

    buf_init(&out);
    ck_assert_int_eq(buf_append_str(&out, STR("before")), 0);
    ck_assert_int_eq(http_response_head(&out, res, unix_time), 0);
    ck_assert_int_eq(buf_append_char(&out, '\0'), 0);
    ck_assert_str_eq((char *)out.data + 6, want);
    buf_deinit(&out);
}

START_TEST(writes_a_page)
{
    struct http_response res = {200,
                                STR("text/html; charset=utf-8"),
                                1234,
                                true,
                                STR("ETag: \"x\"\r\nCache-Control: no-cache\r\n"),
                                false};

    /* the example of RFC 9110, 5.6.7 */
    expect_head(&res, 784111777,
                "HTTP/1.1 200 OK\r\n"
                "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                "Content-Length: 1234\r\n"
                "Content-Type: text/html; charset=utf-8\r\n"
                "X-Content-Type-Options: nosniff\r\n"
                "ETag: \"x\"\r\n"
                "Cache-Control: no-cache\r\n"
                "\r\n");
}
END_TEST

START_TEST(writes_a_refusal)
{
    struct http_response res = {400, {NULL, 0}, HTTP_LENGTH_NONE - 1, false, {NULL, 0}, false};

    expect_head(&res, 0,
                "HTTP/1.1 400 Bad Request\r\n"
                "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                "Content-Length: 18446744073709551614\r\n"
                "Connection: close\r\n"
                "\r\n");
}
END_TEST

/* A body that ends with the connection has no length. */
START_TEST(writes_no_length_where_there_is_none)
{
    struct http_response res = {.status = 200, .type = STR("text/event-stream")};

    res.length = HTTP_LENGTH_NONE;
    expect_head(&res, 0,
                "HTTP/1.1 200 OK\r\n"
                "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                "Content-Type: text/event-stream\r\n"
                "X-Content-Type-Options: nosniff\r\n"
                "Connection: close\r\n"
                "\r\n");
}
END_TEST

START_TEST(writes_heads_without_content)
{
    struct http_response res = {304, STR("text/html"), 5, true, STR("ETag: \"x\"\r\n"), false};

    expect_head(&res, 0,
                "HTTP/1.1 304 Not Modified\r\n"
                "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                "ETag: \"x\"\r\n"
                "\r\n");
    res.status = 204;
    res.keep_alive = false;
    expect_head(&res, 0,
                "HTTP/1.1 204 No Content\r\n"
                "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                "Connection: close\r\n"
                "ETag: \"x\"\r\n"
                "\r\n");
    res.keep_alive = true;
    res.is_http_1_0 = true;
    expect_head(&res, 0,
                "HTTP/1.1 204 No Content\r\n"
                "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                "Connection: keep-alive\r\n"
                "ETag: \"x\"\r\n"
                "\r\n");
    res.status = 101;
    res.extra = STR("Upgrade: websocket\r\nConnection: Upgrade\r\n");
    expect_head(&res, 0,
                "HTTP/1.1 101 Switching Protocols\r\n"
                "Upgrade: websocket\r\n"
                "Connection: Upgrade\r\n"
                "\r\n");
}
END_TEST

static void expect_date(int64_t unix_time, const char *date)
{
    struct http_response res = {304, {NULL, 0}, 0, true, {NULL, 0}, false};
    char want[128];

    snprintf(want, sizeof(want), "HTTP/1.1 304 Not Modified\r\nDate: %s\r\n\r\n", date);
    expect_head(&res, unix_time, want);
}

START_TEST(dates_known_days)
{
    expect_date(951782399, "Mon, 28 Feb 2000 23:59:59 GMT");
    expect_date(951782400, "Tue, 29 Feb 2000 00:00:00 GMT");
    expect_date(951868800, "Wed, 01 Mar 2000 00:00:00 GMT");
    expect_date(1735689599, "Tue, 31 Dec 2024 23:59:59 GMT");
    expect_date(4107542400, "Mon, 01 Mar 2100 00:00:00 GMT");
    expect_date(253402300799, "Fri, 31 Dec 9999 23:59:59 GMT");
    /* outside of what the format can hold */
    expect_date(253402300800, "Fri, 31 Dec 9999 23:59:59 GMT");
    expect_date(INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT");
    expect_date(-1, "Thu, 01 Jan 1970 00:00:00 GMT");
    expect_date(INT64_MIN, "Thu, 01 Jan 1970 00:00:00 GMT");
}
END_TEST

/* A time of each 11th day over more than 400 years, against the C library (the tests run in the C
 * locale). */
START_TEST(dates_like_the_c_library)
{
    for (time_t at = 0; at < (time_t)450 * 366 * 86400; at += 11 * 86400 + 3607) {
        struct tm tm;
        char want[64];

        ck_assert_ptr_nonnull(gmtime_r(&at, &tm));
        ck_assert_uint_gt(strftime(want, sizeof(want), "%a, %d %b %Y %H:%M:%S GMT", &tm), 0);
        expect_date(at, want);
    }
}
END_TEST

START_TEST(knows_reasons)
{
    static const int statuses[] = {101, 200, 204, 304, 400, 401, 403, 404, 405,
                                   408, 413, 414, 426, 431, 500, 501, 503, 505};

    for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
        ck_assert_str_ne(http_status_reason(statuses[i]), "");
    ck_assert_str_eq(http_status_reason(426), "Upgrade Required");
    ck_assert_str_eq(http_status_reason(299), "");
}
END_TEST

Suite *suite_http_response(void)
{
    Suite *suite = suite_create("http_response");
    TCase *tcase = tcase_create("heads");

    tcase_add_test(tcase, writes_a_page);
    tcase_add_test(tcase, writes_a_refusal);
    tcase_add_test(tcase, writes_no_length_where_there_is_none);
    tcase_add_test(tcase, writes_heads_without_content);
    tcase_add_test(tcase, dates_known_days);
    tcase_add_test(tcase, dates_like_the_c_library);
    tcase_add_test(tcase, knows_reasons);
    suite_add_tcase(suite, tcase);
    return suite;
}
