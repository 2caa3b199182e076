#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"

Suite *suite_buf(void);

static struct buf buf;

static void setup(void)
{
    buf_init(&buf);
}

static void teardown(void)
{
    buf_deinit(&buf);
}

static bool holds(const char *text)
{
    return buf.len == strlen(text) && memcmp(buf.data, text, buf.len) == 0;
}

START_TEST(empty_owns_nothing)
{
    ck_assert_ptr_null(buf.data);
    ck_assert_uint_eq(buf.cap, 0);
    ck_assert_int_eq(buf_append(&buf, NULL, 0), 0);
    ck_assert_int_eq(buf_append_str(&buf, (struct str){NULL, 0}), 0);
    ck_assert_ptr_null(buf.data);
}
END_TEST

START_TEST(appends_in_order)
{
    ck_assert_int_eq(buf_append(&buf, "ab", 2), 0);
    ck_assert_int_eq(buf_append_char(&buf, '-'), 0);
    ck_assert_int_eq(buf_append_str(&buf, STR("cd")), 0);
    ck_assert_int_eq(buf_printf(&buf, "%s=%03d", "x", 7), 0);
    ck_assert(holds("ab-cdx=007"));
}
END_TEST

START_TEST(appends_decimals)
{
    ck_assert_int_eq(buf_append_u64(&buf, 0), 0);
    ck_assert_int_eq(buf_append_char(&buf, ' '), 0);
    ck_assert_int_eq(buf_append_u64(&buf, 1700000000123), 0);
    ck_assert_int_eq(buf_append_char(&buf, ' '), 0);
    ck_assert_int_eq(buf_append_u64(&buf, UINT64_MAX), 0);
    ck_assert(holds("0 1700000000123 18446744073709551615"));
}
END_TEST

START_TEST(printf_of_any_length)
{
    char text[301];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (size_t len = 0; len < sizeof(text); len++) {
        buf_deinit(&buf);
        ck_assert_int_eq(buf_printf(&buf, "%.*s", (int)len, text), 0);
        ck_assert_uint_eq(buf.len, len);
        ck_assert_int_eq(memcmp(buf.data, text, len), 0);
    }
}
END_TEST

START_TEST(grows_by_doubling)
{
    size_t changes = 0;

    for (size_t i = 0; i < 100000; i++) {
        size_t cap = buf.cap;

        if (buf_append_char(&buf, (char)i) < 0)
            ck_abort_msg("append %zu", i);
        changes += buf.cap != cap;
        if (buf.cap > 64 && buf.cap >= 2 * buf.len)
            ck_abort_msg("%zu bytes for %zu", buf.cap, buf.len);
    }
    ck_assert_uint_eq(changes, 12); /* 64 to 131072 */
    for (size_t i = 0; i < buf.len; i++) {
        if (buf.data[i] != (uint8_t)i)
            ck_abort_msg("byte %zu", i);
    }
}
END_TEST

START_TEST(reserve_makes_room_for_more)
{
    size_t cap;

    ck_assert_int_eq(buf_append(&buf, "abc", 3), 0);
    ck_assert_int_eq(buf_reserve(&buf, 1000), 0);
    ck_assert_uint_ge(buf.cap, 1003);
    ck_assert(holds("abc"));
    cap = buf.cap;
    ck_assert_int_eq(buf_reserve(&buf, cap - 3), 0);
    ck_assert_uint_eq(buf.cap, cap);
}
END_TEST

START_TEST(refuses_what_cannot_be_allocated)
{
    ck_assert_int_eq(buf_append(&buf, "abc", 3), 0);
    errno = 0;
    ck_assert_int_eq(buf_reserve(&buf, SIZE_MAX), -1);
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_int_eq(buf_reserve(&buf, (size_t)PTRDIFF_MAX - 2), -1);
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert(holds("abc"));
}
END_TEST

START_TEST(consume_drops_the_front)
{
    ck_assert_int_eq(buf_append(&buf, "abcdef", 6), 0);
    buf_consume(&buf, 0);
    ck_assert(holds("abcdef"));
    buf_consume(&buf, 2);
    ck_assert(holds("cdef"));
    buf_consume(&buf, 4);
    ck_assert_uint_eq(buf.len, 0);
    ck_assert_ptr_null(buf.data);
    ck_assert_int_eq(buf_append_char(&buf, 'x'), 0);
    ck_assert(holds("x"));
}
END_TEST

START_TEST(deinit_leaves_an_empty_one)
{
    ck_assert_int_eq(buf_append(&buf, "abc", 3), 0);
    buf_deinit(&buf);
    ck_assert_ptr_null(buf.data);
    ck_assert_uint_eq(buf.len, 0);
    ck_assert_uint_eq(buf.cap, 0);
    buf_deinit(&buf);
    ck_assert_int_eq(buf_append(&buf, "d", 1), 0);
    ck_assert(holds("d"));
}
END_TEST

Suite *suite_buf(void)
{
    Suite *suite = suite_create("buf");
    TCase *cases = tcase_create("buf");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, empty_owns_nothing);
    tcase_add_test(cases, appends_in_order);
    tcase_add_test(cases, appends_decimals);
    tcase_add_test(cases, printf_of_any_length);
    tcase_add_test(cases, grows_by_doubling);
    tcase_add_test(cases, reserve_makes_room_for_more);
    tcase_add_test(cases, refuses_what_cannot_be_allocated);
    tcase_add_test(cases, consume_drops_the_front);
    tcase_add_test(cases, deinit_leaves_an_empty_one);
    suite_add_tcase(suite, cases);
    return suite;
}
