#include "chat/elsewhere.h"

#include <check.h>

Suite *suite_elsewhere(void);

#define IDS 300

static const struct hash_seed seed = {.add = 1, .multiply = 0x9e3779b97f4a7c15u};

/* A random one of the model's operations at a time: the table agrees with the model all along. */
START_TEST(it_knows_whom_it_was_told_of)
{
    struct elsewhere e = {.count = 0};
    bool is_there[IDS] = {false};
    size_t count = 0;
    uint64_t random = 1;

    for (int step = 0; step < 5000; step++) {
        uint64_t id;

        random = random * 6364136223846793005u + 1442695040888963407u;
        id = (random >> 33) % IDS;
        if ((random >> 60) % 16 < (step < 2500 ? 11u : 4u)) {
            ck_assert_int_eq(elsewhere_put(&e, &seed, id + 1, STR("x")), 0);
            count += !is_there[id];
            is_there[id] = true;
        } else {
            elsewhere_remove(&e, &seed, id + 1);
            count -= is_there[id];
            is_there[id] = false;
        }
        ck_assert_uint_eq(e.count, count);
        for (uint64_t i = 0; step % 50 == 0 && i < IDS; i++)
            ck_assert(elsewhere_has(&e, &seed, i + 1) == is_there[i]);
    }
    elsewhere_deinit(&e);
    ck_assert(!elsewhere_has(&e, &seed, 1));
}
END_TEST

START_TEST(a_name_is_the_last_that_was_told)
{
    struct elsewhere e = {.count = 0};

    ck_assert_ptr_null(elsewhere_name(&e, &seed, 7).ptr);
    ck_assert_int_eq(elsewhere_put(&e, &seed, 7, STR("ada")), 0);
    ck_assert_int_eq(elsewhere_put(&e, &seed, 7, STR("eve")), 0);
    ck_assert_uint_eq(e.count, 1);
    ck_assert(str_equals(elsewhere_name(&e, &seed, 7), STR("eve")));
    ck_assert_int_eq(elsewhere_put(&e, &seed, 7, STR("")), 0);
    ck_assert_ptr_nonnull(elsewhere_name(&e, &seed, 7).ptr);
    elsewhere_remove(&e, &seed, 7);
    ck_assert_ptr_null(e.places);
}
END_TEST

Suite *suite_elsewhere(void)
{
    Suite *suite = suite_create("elsewhere");
    TCase *tcase = tcase_create("elsewhere");

    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, it_knows_whom_it_was_told_of);
    tcase_add_test(tcase, a_name_is_the_last_that_was_told);
    return suite;
}
