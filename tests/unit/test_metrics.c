#include "server/metrics.h"

#include <check.h>

Suite *suite_metrics(void);

#define US ((uint64_t)1000)

static uint64_t total(const struct metrics_histogram *h)
{
    uint64_t sum = 0;

    for (int i = 0; i <= METRICS_BUCKETS; i++)
        sum += h->buckets[i];
    return sum;
}

/* A bucket takes its upper bound, the next one what is above; the last takes all that is left. */
START_TEST(a_bucket_includes_its_bound)
{
    struct metrics_histogram h = {.sum_ns = 0};

    metrics_observe(&h, 0, 1);
    metrics_observe(&h, 10 * US, 2);
    metrics_observe(&h, 10 * US + 1, 4);
    metrics_observe(&h, 25 * US, 8);
    metrics_observe(&h, 1000000 * US, 16);
    metrics_observe(&h, 1000000 * US + 1, 32);
    metrics_observe(&h, 5, 0);
    ck_assert_uint_eq(h.buckets[0], 3);
    ck_assert_uint_eq(h.buckets[1], 12);
    ck_assert_uint_eq(h.buckets[METRICS_BUCKETS - 1], 16);
    ck_assert_uint_eq(h.buckets[METRICS_BUCKETS], 32);
    ck_assert_uint_eq(total(&h), 63);
    ck_assert_uint_eq(h.sum_ns, 2 * 10 * US + 4 * (10 * US + 1) + 8 * 25 * US + 16 * 1000000 * US +
                                    32 * (1000000 * US + 1));
}
END_TEST

/* The server slept before the tick: its messages came with its beginning. */
START_TEST(lag_after_a_wait_is_that_of_the_tick)
{
    struct metrics_ticks t = {.start = 0};

    metrics_tick(&t, 1000 * US, 1300 * US, 1);
    ck_assert_uint_eq(t.lag.sum_ns, 300 * US);
    metrics_tick(&t, 1351 * US, 1400 * US, 2);
    ck_assert_uint_eq(t.lag.sum_ns, 300 * US + 2 * 49 * US);
    ck_assert_uint_eq(t.time.sum_ns, 349 * US);
    ck_assert_uint_eq(total(&t.time), 2);
    ck_assert_uint_eq(total(&t.lag), 3);
}
END_TEST

/* It did not: they may have come while the tick before was busy. */
START_TEST(lag_without_a_wait_begins_with_the_tick_before)
{
    struct metrics_ticks t = {.start = 0};

    metrics_tick(&t, 1000 * US, 1300 * US, 0);
    metrics_tick(&t, 1350 * US, 1400 * US, 1);
    ck_assert_uint_eq(t.lag.sum_ns, 400 * US);
    metrics_tick(&t, 1401 * US, 1500 * US, 1);
    ck_assert_uint_eq(t.lag.sum_ns, 400 * US + 150 * US);
    ck_assert_uint_eq(total(&t.lag), 2);
}
END_TEST

Suite *suite_metrics(void)
{
    Suite *suite = suite_create("metrics");
    TCase *cases = tcase_create("metrics");

    tcase_add_test(cases, a_bucket_includes_its_bound);
    tcase_add_test(cases, lag_after_a_wait_is_that_of_the_tick);
    tcase_add_test(cases, lag_without_a_wait_begins_with_the_tick_before);
    suite_add_tcase(suite, cases);
    return suite;
}
