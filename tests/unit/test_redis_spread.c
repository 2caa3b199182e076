#include "log/redis_spread.h"

#include <check.h>
#include <stdio.h>

Suite *suite_redis_spread(void);

#define ROOMS 1000

#define NAMES                                                                                      \
    {                                                                                              \
        STR("10.0.0.1:6379/0"), STR("10.0.0.2:6379/0"), STR("unix:/run/redis.sock")                \
    }

static struct str room_name(char *out, int number)
{
    int len = snprintf(out, 16, "room%d", number);

    return (struct str){out, (size_t)len};
}

/* It must never change: nodes of two versions, and other programs, look for the same room. Counted
 * by hand from sha256sum. */
START_TEST(a_room_has_its_place_for_ever)
{
    const struct str names[] = NAMES;

    ck_assert_uint_eq(redis_spread_place(names, 3, STR("lobby")), 1);
    ck_assert_uint_eq(redis_spread_place(names, 3, STR("den")), 0);
    ck_assert_uint_eq(redis_spread_place(names, 3, STR("tea")), 1);
    ck_assert_uint_eq(redis_spread_place(names, 1, STR("tea")), 0);
}
END_TEST

START_TEST(all_get_about_as_many)
{
    const struct str names[] = NAMES;
    int count[3] = {0};
    char name[16];

    for (int i = 0; i < ROOMS; i++)
        count[redis_spread_place(names, 3, room_name(name, i))]++;
    for (int i = 0; i < 3; i++)
        ck_assert_int_gt(count[i], ROOMS / 4);
}
END_TEST

START_TEST(no_other_room_moves_when_one_is_added)
{
    const struct str names[] = NAMES;
    char name[16];

    for (int i = 0; i < ROOMS; i++) {
        struct str room = room_name(name, i);
        uint32_t of_three = redis_spread_place(names, 3, room);

        if (of_three != 2)
            ck_assert_uint_eq(redis_spread_place(names, 2, room), of_three);
    }
}
END_TEST

START_TEST(the_order_does_not_matter)
{
    const struct str names[] = NAMES;
    const struct str other[] = {names[2], names[0], names[1]};
    char name[16];

    for (int i = 0; i < ROOMS; i++) {
        struct str room = room_name(name, i);

        ck_assert(str_equals(names[redis_spread_place(names, 3, room)],
                             other[redis_spread_place(other, 3, room)]));
    }
}
END_TEST

Suite *suite_redis_spread(void)
{
    Suite *suite = suite_create("redis_spread");
    TCase *tcase = tcase_create("redis_spread");

    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, a_room_has_its_place_for_ever);
    tcase_add_test(tcase, all_get_about_as_many);
    tcase_add_test(tcase, no_other_room_moves_when_one_is_added);
    tcase_add_test(tcase, the_order_does_not_matter);
    return suite;
}
