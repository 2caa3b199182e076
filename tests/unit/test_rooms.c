/* The rooms that one has been in, in the terminal. */
#include "cli/rooms.h"

#include <stdio.h>
#include <string.h>

#include <check.h>

#include "base/util.h"

Suite *suite_rooms(void);

/* All names, the oldest first, with blanks behind. */
static const char *all(const struct rooms *rooms)
{
    static char out[ROOMS_MAX * (CODEC_NAME_MAX + 1) + 1];
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; rooms_name(rooms, i).ptr != NULL; i++)
        len += (size_t)snprintf(out + len, sizeof(out) - len, "%.*s ",
                                (int)rooms_name(rooms, i).len, rooms_name(rooms, i).ptr);
    return out;
}

START_TEST(each_is_there_once_the_last_one_last)
{
    struct rooms rooms = {.count = 0};

    ck_assert_str_eq(all(&rooms), "");
    rooms_put(&rooms, STR("tea"));
    rooms_put(&rooms, STR("green tea"));
    rooms_put(&rooms, STR("lobby"));
    ck_assert_str_eq(all(&rooms), "tea green tea lobby ");
    rooms_put(&rooms, STR("tea"));
    ck_assert_str_eq(all(&rooms), "green tea lobby tea ");
    rooms_put(&rooms, STR("tea"));
    ck_assert_str_eq(all(&rooms), "green tea lobby tea ");
}
END_TEST

START_TEST(the_first_goes_where_there_are_too_many)
{
    struct rooms rooms = {.count = 0};
    char longest[CODEC_NAME_MAX];

    for (int i = 0; i < ROOMS_MAX; i++) {
        char name[16];

        snprintf(name, sizeof(name), "r%d", i);
        rooms_put(&rooms, str_from(name));
    }
    ck_assert(str_equals(rooms_name(&rooms, 0), STR("r0")));
    memset(longest, 'x', sizeof(longest));
    rooms_put(&rooms, (struct str){longest, sizeof(longest)});
    ck_assert_uint_eq(rooms.count, ROOMS_MAX);
    ck_assert(str_equals(rooms_name(&rooms, 0), STR("r1")));
    ck_assert(
        str_equals(rooms_name(&rooms, ROOMS_MAX - 1), (struct str){longest, sizeof(longest)}));
}
END_TEST

Suite *suite_rooms(void)
{
    Suite *suite = suite_create("rooms");
    TCase *tc = tcase_create("rooms");

    tcase_add_test(tc, each_is_there_once_the_last_one_last);
    tcase_add_test(tc, the_first_goes_where_there_are_too_many);
    suite_add_tcase(suite, tc);
    return suite;
}
