/* Readings of the last five minutes. */
#include "server/past.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

Suite *suite_past(void);

static struct past past;
static struct clock now;
static unsigned made;
static bool is_failing;

static int write_reading(struct buf *out, const struct metrics *metrics)
{
    ck_assert_ptr_null(metrics);
    made++;
    if (is_failing) {
        errno = ENOMEM;
        return -1;
    }
    return buf_printf(out, "# HELP n Number.\n# TYPE n gauge\nn %u\n", made);
}

static void setup(void)
{
    past_init(&past);
    past.write = write_reading;
    now = (struct clock){.now = 1000, .wall = 500};
    made = 0;
    is_failing = false;
}

static void teardown(void)
{
    past_deinit(&past);
}

static void pass(uint64_t ms)
{
    now.now += ms;
    now.wall += ms;
    past_tick(&past, NULL, &now);
}

static void expect(const char *wanted)
{
    struct buf out;

    buf_init(&out);
    ck_assert_int_eq(past_write(&out, &past), 0);
    ck_assert_int_eq(buf_append_char(&out, '\0'), 0);
    ck_assert_str_eq((char *)out.data, wanted);
    buf_deinit(&out);
}

START_TEST(nothing_is_read_before_it_starts)
{
    pass(PAST_EVERY);
    ck_assert_uint_eq(made, 0);
    ck_assert_uint_eq(past.next, UINT64_MAX);
    expect("");
}
END_TEST

START_TEST(there_is_one_each_five_seconds)
{
    past_start(&past, now.now);
    pass(0);
    pass(PAST_EVERY - 1);
    expect("time 500\nn 1\n\n");
    ck_assert_uint_eq(past.next, 1000 + PAST_EVERY);
    pass(1);
    expect("time 500\nn 1\n\ntime 5500\nn 2\n\n");
    pass(10 * PAST_EVERY); /* a machine that slept */
    expect("time 500\nn 1\n\ntime 5500\nn 2\n\ntime 55500\nn 3\n\n");
}
END_TEST

/* As many as fit, and one more. */
START_TEST(the_oldest_goes)
{
    struct buf out;

    past_start(&past, now.now);
    pass(0);
    for (int i = 1; i < PAST_READINGS; i++)
        pass(PAST_EVERY);
    buf_init(&out);
    ck_assert_int_eq(past_write(&out, &past), 0);
    ck_assert_int_eq(strncmp((char *)out.data, "time 500\nn 1\n", 13), 0);
    out.len = 0;
    pass(PAST_EVERY);
    ck_assert_int_eq(past_write(&out, &past), 0);
    ck_assert_int_eq(strncmp((char *)out.data, "time 5500\nn 2\n", 14), 0);
    ck_assert_int_eq(buf_append_char(&out, '\0'), 0);
    ck_assert_ptr_nonnull(strstr((char *)out.data, "\nn 61\n"));
    buf_deinit(&out);
}
END_TEST

START_TEST(one_that_fails_is_none)
{
    past_start(&past, now.now);
    pass(0);
    is_failing = true;
    pass(PAST_EVERY);
    is_failing = false;
    pass(PAST_EVERY);
    expect("time 500\nn 1\n\ntime 10500\nn 3\n\n");
}
END_TEST

Suite *suite_past(void)
{
    Suite *suite = suite_create("past");
    TCase *tc = tcase_create("past");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, nothing_is_read_before_it_starts);
    tcase_add_test(tc, there_is_one_each_five_seconds);
    tcase_add_test(tc, the_oldest_goes);
    tcase_add_test(tc, one_that_fails_is_none);
    suite_add_tcase(suite, tc);
    return suite;
}
