#include "cli/unsent.h"

#include <string.h>

#include <check.h>

#include "base/util.h"

Suite *suite_unsent(void);

static struct unsent unsent;

static void setup(void)
{
    unsent_init(&unsent, 0x1234);
}

static void teardown(void)
{
    unsent_deinit(&unsent);
}

START_TEST(finds_by_ref)
{
    struct unsent_entry *one = unsent_add(&unsent, STR("one"), 0);
    struct unsent_entry *two = unsent_add(&unsent, STR("two"), 7);

    ck_assert_str_eq(one->ref, "0000000000001234-1");
    ck_assert_str_eq(two->ref, "0000000000001234-2");
    ck_assert_ptr_eq(unsent_find(&unsent, str_from(two->ref)), two);
    ck_assert_ptr_null(unsent_find(&unsent, STR("0000000000001234-3")));
    ck_assert_ptr_null(unsent_find(&unsent, (struct str){NULL, 0}));
    unsent_remove(&unsent, one);
    ck_assert_ptr_null(unsent_find(&unsent, STR("0000000000001234-1")));
    ck_assert_uint_eq(unsent.count, 1);
    ck_assert_uint_eq(unsent.bytes, 3);
    unsent_skip(&unsent);
    ck_assert_uint_eq(unsent_add(&unsent, STR(""), 0)->number, 4);
}
END_TEST

START_TEST(keeps_order_and_states)
{
    struct unsent_entry *one = unsent_add(&unsent, STR("one"), 0);
    struct unsent_entry *two = unsent_add(&unsent, STR("two"), 0);

    ck_assert_ptr_eq(unsent_first(&unsent, UNSENT_WAITING), one);
    one->state = UNSENT_SENDING;
    ck_assert_ptr_eq(unsent_first(&unsent, UNSENT_WAITING), two);
    unsent_move(&unsent, UNSENT_SENDING, UNSENT_DOUBT);
    ck_assert_ptr_eq(unsent_first(&unsent, UNSENT_DOUBT), one);
    ck_assert_ptr_null(unsent_first(&unsent, UNSENT_SENDING));
    unsent_move(&unsent, UNSENT_DOUBT, UNSENT_WAITING);
    ck_assert_ptr_eq(unsent_first(&unsent, UNSENT_WAITING), one);
}
END_TEST

START_TEST(has_a_bound_of_messages)
{
    for (int i = 0; i < UNSENT_MAX; i++) {
        ck_assert(!unsent_is_full(&unsent));
        ck_assert_ptr_nonnull(unsent_add(&unsent, STR("x"), 0));
    }
    ck_assert(unsent_is_full(&unsent));
    unsent_remove(&unsent, unsent_first(&unsent, UNSENT_WAITING));
    ck_assert(!unsent_is_full(&unsent));
}
END_TEST

START_TEST(has_a_bound_of_bytes)
{
    static char text[UNSENT_BYTES_MAX];

    ck_assert_ptr_nonnull(unsent_add(&unsent, (struct str){text, sizeof(text) - 1}, 0));
    ck_assert(!unsent_is_full(&unsent));
    ck_assert_ptr_nonnull(unsent_add(&unsent, STR("x"), 0));
    ck_assert(unsent_is_full(&unsent));
}
END_TEST

Suite *suite_unsent(void)
{
    Suite *suite = suite_create("unsent");
    TCase *tcase = tcase_create("unsent");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, finds_by_ref);
    tcase_add_test(tcase, keeps_order_and_states);
    tcase_add_test(tcase, has_a_bound_of_messages);
    tcase_add_test(tcase, has_a_bound_of_bytes);
    suite_add_tcase(suite, tcase);
    return suite;
}
