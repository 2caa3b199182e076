#include "base/timer.h"

#include <check.h>

#include "base/util.h"

Suite *suite_timer(void);

struct bell {
    struct timer timer;
    int rung;
};

static struct timer_class quick, slow, never;
static const struct timer_class *last; /* that a bell rang for */
static struct bell bells[3];
static int order[8], count;

static void ring_bell(struct timer *timer, const struct timer_class *class)
{
    struct bell *bell = CONTAINER_OF(timer, struct bell, timer);

    ck_assert_ptr_null(timer->class); /* it does not run while it rings */
    bell->rung++;
    last = class;
    order[count++] = (int)(bell - bells);
}

static void setup(void)
{
    count = 0;
    last = NULL;
    timer_class_init(&quick, 10, ring_bell);
    timer_class_init(&slow, 100, ring_bell);
    timer_class_init(&never, 0, ring_bell);
    for (size_t i = 0; i < ARRAY_LEN(bells); i++) {
        bells[i].rung = 0;
        timer_init(&bells[i].timer);
    }
}

START_TEST(rings_at_its_time_and_not_before)
{
    timer_start(&bells[0].timer, &quick, 1000);
    ck_assert(timer_is_of(&bells[0].timer, &quick));
    ck_assert_uint_eq(timer_class_deadline(&quick), 1010);
    timer_class_expire(&quick, 1009, SIZE_MAX);
    ck_assert_int_eq(bells[0].rung, 0);
    timer_class_expire(&quick, 1010, SIZE_MAX);
    ck_assert_int_eq(bells[0].rung, 1);
    ck_assert_ptr_eq(last, &quick);
    timer_class_expire(&quick, 5000, SIZE_MAX);
    ck_assert_int_eq(bells[0].rung, 1);
    ck_assert_uint_eq(timer_class_deadline(&quick), UINT64_MAX);
}
END_TEST

START_TEST(rings_in_the_order_of_starting)
{
    timer_start(&bells[2].timer, &quick, 1);
    timer_start(&bells[0].timer, &quick, 2);
    timer_start(&bells[1].timer, &quick, 2);
    timer_class_expire(&quick, 11, SIZE_MAX);
    ck_assert_int_eq(count, 1);
    timer_class_expire(&quick, 12, SIZE_MAX);
    ck_assert_int_eq(count, 3);
    ck_assert_int_eq(order[0], 2);
    ck_assert_int_eq(order[1], 0);
    ck_assert_int_eq(order[2], 1);
}
END_TEST

START_TEST(starting_again_begins_anew)
{
    timer_start(&bells[0].timer, &quick, 0);
    timer_start(&bells[1].timer, &quick, 1);
    timer_start(&bells[0].timer, &quick, 5);
    ck_assert_uint_eq(timer_class_deadline(&quick), 11);
    timer_start(&bells[0].timer, &slow, 5);
    timer_class_expire(&quick, 100, SIZE_MAX);
    ck_assert_int_eq(bells[0].rung, 0);
    timer_class_expire(&slow, 105, SIZE_MAX);
    ck_assert_int_eq(bells[0].rung, 1);
}
END_TEST

START_TEST(stopping_is_always_safe)
{
    timer_stop(&bells[0].timer);
    timer_start(&bells[0].timer, &quick, 0);
    timer_stop(&bells[0].timer);
    timer_stop(&bells[0].timer);
    timer_class_expire(&quick, 100, SIZE_MAX);
    ck_assert_int_eq(count, 0);
}
END_TEST

START_TEST(of_a_class_without_length_none_runs)
{
    timer_start(&bells[0].timer, &quick, 0);
    timer_start(&bells[0].timer, &never, 0);
    ck_assert(!timer_is_of(&bells[0].timer, &quick));
    timer_class_expire(&quick, 100, SIZE_MAX);
    timer_class_expire(&never, UINT64_MAX, SIZE_MAX);
    ck_assert_int_eq(count, 0);
}
END_TEST

/* One that is started again while it rings waits for its time as any other. */
/* Many that are due at once take more than one turn. */
START_TEST(so_many_ring_at_most)
{
    for (size_t i = 0; i < ARRAY_LEN(bells); i++)
        timer_start(&bells[i].timer, &quick, i);
    timer_class_expire(&quick, 5000, 1);
    ck_assert_int_eq(bells[0].rung, 1);
    ck_assert_int_eq(bells[1].rung, 0);
    ck_assert_uint_eq(timer_class_deadline(&quick), 11);
    timer_class_expire(&quick, 5000, SIZE_MAX);
    for (size_t i = 0; i < ARRAY_LEN(bells); i++)
        ck_assert_int_eq(bells[i].rung, 1);
}
END_TEST

static void start_again(struct timer *timer, const struct timer_class *class)
{
    (void)class;
    timer_start(timer, &quick, 1000 + 10 * (uint64_t)count++);
}

START_TEST(may_be_started_while_it_rings)
{
    timer_class_init(&quick, 10, start_again);
    timer_start(&bells[0].timer, &quick, 0);
    timer_class_expire(&quick, 1000, SIZE_MAX);
    ck_assert_int_eq(count, 1);
    timer_class_expire(&quick, 1009, SIZE_MAX);
    ck_assert_int_eq(count, 1);
    timer_class_expire(&quick, 1010, SIZE_MAX);
    ck_assert_int_eq(count, 2);
}
END_TEST

Suite *suite_timer(void)
{
    Suite *suite = suite_create("timer");
    TCase *tc = tcase_create("timer");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, rings_at_its_time_and_not_before);
    tcase_add_test(tc, rings_in_the_order_of_starting);
    tcase_add_test(tc, starting_again_begins_anew);
    tcase_add_test(tc, stopping_is_always_safe);
    tcase_add_test(tc, of_a_class_without_length_none_runs);
    tcase_add_test(tc, may_be_started_while_it_rings);
    tcase_add_test(tc, so_many_ring_at_most);
    suite_add_tcase(suite, tc);
    return suite;
}
