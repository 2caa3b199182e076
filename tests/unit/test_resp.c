#include "proto/resp.h"

#include <string.h>

#include <check.h>

#include "base/util.h"
#include "guard.h"

Suite *suite_resp(void);

#define MAX 100000
#define BYTES(literal)                                                                             \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

static enum resp_result scan_part(struct resp_scan *scan, const char *data, size_t len, size_t max)
{
    char *copy = guard_copy(data, len);
    enum resp_result result = resp_scan(scan, (const uint8_t *)copy, len, max);

    guard_free(copy, len);
    return result;
}

/* Looks at the reply in two pieces, cut at each place, and byte by byte, with something behind it.
 */
static void check_every_split(struct str reply)
{
    char more[512];

    ck_assert_uint_lt(reply.len + 5, sizeof(more));
    memcpy(more, reply.ptr, reply.len);
    memcpy(more + reply.len, "+OK\r\n", 5);
    for (size_t cut = 0; cut <= reply.len; cut++) {
        struct resp_scan scan = {.at = 0};

        ck_assert_int_eq(scan_part(&scan, more, cut, MAX), cut < reply.len ? RESP_MORE : RESP_DONE);
        if (cut == reply.len)
            break;
        ck_assert_int_eq(scan_part(&scan, more, reply.len + 5, MAX), RESP_DONE);
        ck_assert_uint_eq(scan.at, reply.len);
    }
    struct resp_scan scan = {.at = 0};
    for (size_t len = 0; len < reply.len; len++)
        ck_assert_int_eq(scan_part(&scan, more, len, MAX), RESP_MORE);
    ck_assert_int_eq(scan_part(&scan, more, reply.len, MAX), RESP_DONE);
}

static const struct {
    struct str bytes;
    enum resp_type type;
    const char *text;
    int64_t number;
    size_t count;
} values[] = {
    {BYTES("+OK\r\n"), RESP_TEXT, "OK", 0, 0},
    {BYTES("+\r\n"), RESP_TEXT, "", 0, 0},
    {BYTES("-ERR no\r\n"), RESP_ERROR, "ERR no", 0, 0},
    {BYTES(":-9223372036854775808\r\n"), RESP_NUMBER, NULL, INT64_MIN, 0},
    {BYTES(":9223372036854775807\r\n"), RESP_NUMBER, NULL, INT64_MAX, 0},
    {BYTES("$2\r\na\n\r\n"), RESP_TEXT, "a\n", 0, 0},
    {BYTES("$4\r\n\r\n\r\n\r\n"), RESP_TEXT, "\r\n\r\n", 0, 0},
    {BYTES("$0\r\n\r\n"), RESP_TEXT, "", 0, 0},
    {BYTES("$-1\r\n"), RESP_NULL, NULL, 0, 0},
    {BYTES("*-1\r\n"), RESP_NULL, NULL, 0, 0},
    {BYTES("_\r\n"), RESP_NULL, NULL, 0, 0},
    {BYTES("!3\r\nERR\r\n"), RESP_ERROR, "ERR", 0, 0},
    {BYTES("=6\r\ntxt:hi\r\n"), RESP_TEXT, "txt:hi", 0, 0},
    {BYTES("#t\r\n"), RESP_OTHER, "t", 0, 0},
    {BYTES(",-1.5e3\r\n"), RESP_OTHER, "-1.5e3", 0, 0},
    {BYTES("(-123456789012345678901234567890\r\n"), RESP_OTHER, "-123456789012345678901234567890",
     0, 0},
    {BYTES("*0\r\n"), RESP_ARRAY, NULL, 0, 0},
    {BYTES("*2\r\n:1\r\n*1\r\n$1\r\nx\r\n"), RESP_ARRAY, NULL, 0, 2},
    {BYTES("~1\r\n:1\r\n"), RESP_ARRAY, NULL, 0, 1},
    {BYTES("%1\r\n+a\r\n:1\r\n"), RESP_ARRAY, NULL, 0, 2},
    {BYTES(">2\r\n+a\r\n:1\r\n"), RESP_PUSH, NULL, 0, 2},
};

START_TEST(values_are_read_however_they_are_cut)
{
    struct resp_cursor cursor = {(const uint8_t *)values[_i].bytes.ptr,
                                 (const uint8_t *)values[_i].bytes.ptr + values[_i].bytes.len};
    struct resp_value value;

    check_every_split(values[_i].bytes);
    ck_assert(resp_next(&cursor, &value));
    ck_assert_int_eq(value.type, values[_i].type);
    ck_assert_uint_eq(value.count, values[_i].count);
    if (value.type == RESP_NUMBER)
        ck_assert(value.number == values[_i].number);
    if (values[_i].text != NULL)
        ck_assert(str_equals(value.text, str_from(values[_i].text)));
    for (size_t i = 0; i < value.count; i++)
        ck_assert(resp_skip(&cursor));
    ck_assert(cursor.at == cursor.end);
    ck_assert(!resp_next(&cursor, &value) && !resp_skip(&cursor));
}
END_TEST

static const struct str broken[] = {
    BYTES("HTTP/1.1 200 OK\r\n"),
    BYTES("\0"),
    BYTES(":\r\n"),
    BYTES(":+1\r\n"),
    BYTES(":01\r\n"),
    BYTES(":9223372036854775808\r\n"),
    BYTES(":-9223372036854775809\r\n"),
    BYTES(":111111111111111111111"),
    BYTES("+a\rb\r\n"),
    BYTES("$-2\r\n"),
    BYTES("$?\r\n"),
    BYTES("$1\r\nab\r\n"),
    BYTES("$1\r\na\n\r"),
    BYTES("$100000\r\n"),
    BYTES("$9223372036854775807\r\n"),
    BYTES("!-1\r\n"),
    BYTES("=3\r\ntxt\r\n"),
    BYTES("=4\r\ntext\r\n"),
    BYTES("*-2\r\n"),
    BYTES("*?\r\n"),
    BYTES("*2147483648\r\n"),
    BYTES("*33333\r\n"),
    BYTES("*1\r\n*33333\r\n"),
    BYTES("*2\r\n:1\r\nx\r\n"),
    BYTES(">-1\r\n"),
    BYTES("%-1\r\n"),
    BYTES("|1\r\n+a\r\n+b\r\n+c\r\n"),
    BYTES("#\r\n"),
    BYTES("#x\r\n"),
    BYTES(",\r\n"),
    BYTES("(1.5\r\n"),
    BYTES("_x\r\n"),
};

START_TEST(what_is_no_reply_is_refused_as_soon_as_that_is_seen)
{
    struct resp_scan scan = {.at = 0}, steps = {.at = 0};
    enum resp_result result = RESP_MORE;

    ck_assert_int_eq(scan_part(&scan, broken[_i].ptr, broken[_i].len, MAX), RESP_BROKEN);
    for (size_t len = 0; len <= broken[_i].len && result == RESP_MORE; len++)
        result = scan_part(&steps, broken[_i].ptr, len, MAX);
    ck_assert_int_eq(result, RESP_BROKEN);
}
END_TEST

START_TEST(a_reply_may_be_as_long_as_the_limit)
{
    const struct str reply = STR("*2\r\n$3\r\nabc\r\n:1\r\n");

    for (size_t max = 0; max <= reply.len; max++) {
        struct resp_scan scan = {.at = 0};

        ck_assert_int_eq(scan_part(&scan, reply.ptr, reply.len, max),
                         max < reply.len ? RESP_BROKEN : RESP_DONE);
    }
}
END_TEST

START_TEST(a_line_without_end_is_refused)
{
    static char line[RESP_LINE_MAX + 2];
    struct resp_scan scan = {.at = 0};

    memset(line, 'x', sizeof(line));
    line[0] = '+';
    ck_assert_int_eq(scan_part(&scan, line, RESP_LINE_MAX + 1, 10 * MAX), RESP_MORE);
    ck_assert_int_eq(scan_part(&scan, line, RESP_LINE_MAX + 2, 10 * MAX), RESP_BROKEN);
}
END_TEST

START_TEST(commands_are_written_as_arrays_of_bulk_strings)
{
    struct buf out;

    buf_init(&out);
    ck_assert_int_eq(resp_command(&out, 3), 0);
    ck_assert_int_eq(resp_word(&out, STR("SET")), 0);
    ck_assert_int_eq(resp_word(&out, STR("")), 0);
    ck_assert_int_eq(resp_word_u64(&out, UINT64_MAX), 0);
    ck_assert(str_equals((struct str){(char *)out.data, out.len},
                         STR("*3\r\n$3\r\nSET\r\n$0\r\n\r\n$20\r\n18446744073709551615\r\n")));
    buf_deinit(&out);
}
END_TEST

Suite *suite_resp(void)
{
    Suite *suite = suite_create("resp");
    TCase *tcase = tcase_create("resp");

    tcase_add_loop_test(tcase, values_are_read_however_they_are_cut, 0, ARRAY_LEN(values));
    tcase_add_loop_test(tcase, what_is_no_reply_is_refused_as_soon_as_that_is_seen, 0,
                        ARRAY_LEN(broken));
    tcase_add_test(tcase, a_reply_may_be_as_long_as_the_limit);
    tcase_add_test(tcase, a_line_without_end_is_refused);
    tcase_add_test(tcase, commands_are_written_as_arrays_of_bulk_strings);
    suite_add_tcase(suite, tcase);
    return suite;
}
