#include "base/rate.h"

#include <check.h>

#include "base/clock.h"

Suite *suite_rate(void);

#define MS CLOCK_NS_PER_MS

START_TEST(a_burst_and_then_its_pace)
{
    struct rate rate = rate_of(100, 3);
    uint64_t full = 0;

    for (int i = 0; i < 3; i++)
        ck_assert(rate_take(&rate, &full, 1000 * MS));
    ck_assert(!rate_take(&rate, &full, 1000 * MS));
    ck_assert(!rate_take(&rate, &full, 1010 * MS - 1));
    ck_assert(rate_take(&rate, &full, 1010 * MS));
    ck_assert(!rate_take(&rate, &full, 1010 * MS));
    /* who has rested has its burst again, and no more */
    for (int i = 0; i < 3; i++)
        ck_assert(rate_take(&rate, &full, 9000 * MS));
    ck_assert(!rate_take(&rate, &full, 9000 * MS));
}
END_TEST

START_TEST(no_limit)
{
    struct rate rate = rate_of(0, 5);
    uint64_t full = 0;

    for (int i = 0; i < 1000; i++)
        ck_assert(rate_take(&rate, &full, 0));
    ck_assert_uint_eq(full, 0);
}
END_TEST

START_TEST(what_was_charged_beyond_is_paid_back)
{
    struct rate rate = rate_of(10, 1);
    uint64_t full = 0;

    rate_charge(&rate, &full, 5, 0);
    ck_assert(!rate_allows(&rate, full, 499 * MS));
    ck_assert(rate_allows(&rate, full, 500 * MS));
}
END_TEST

/* A clock that went back does not make anybody wait for longer than a burst takes. */
START_TEST(a_clock_that_goes_back)
{
    struct rate rate = rate_of(10, 2);
    uint64_t full = 0;

    ck_assert(rate_take(&rate, &full, 1000000 * MS));
    ck_assert(!rate_take(&rate, &full, 5 * MS));
    ck_assert(rate_take(&rate, &full, 205 * MS));
}
END_TEST

START_TEST(clocks_agree)
{
    struct clock clock;
    uint64_t before = clock_monotonic_ns();

    clock_read(&clock);
    ck_assert_uint_ge(clock.now_ns, before);
    ck_assert_uint_eq(clock.now, clock.now_ns / MS);
    ck_assert_uint_gt(clock.wall, UINT64_C(1500000000000));
}
END_TEST

Suite *suite_rate(void)
{
    Suite *suite = suite_create("rate");
    TCase *tc = tcase_create("rate");

    tcase_add_test(tc, a_burst_and_then_its_pace);
    tcase_add_test(tc, no_limit);
    tcase_add_test(tc, what_was_charged_beyond_is_paid_back);
    tcase_add_test(tc, a_clock_that_goes_back);
    tcase_add_test(tc, clocks_agree);
    suite_add_tcase(suite, tc);
    return suite;
}
