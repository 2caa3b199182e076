#include <check.h>

#include "auth/rights.h"
#include "base/util.h"

Suite *suite_rights(void);

static uint8_t in_room(const char *rooms, const char *room)
{
    struct grant grant = {str_from(rooms), RIGHT_PUB};

    return rights_in_room(&grant, 1, str_from(room));
}

START_TEST(each_word_is_a_right)
{
    static const char *const words[] = {"sub", "pub", "prs", "hst", "dir", "mod", "api"};
    uint8_t all = 0;

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        ck_assert_uint_eq(rights_of_word(str_from(words[i])), 1u << i);
        all |= rights_of_word(str_from(words[i]));
    }
    ck_assert_uint_eq(all, RIGHTS_ALL);
    ck_assert_uint_eq(rights_of_word(STR("")), RIGHTS_NONE);
    ck_assert_uint_eq(rights_of_word(STR("Sub")), RIGHTS_NONE);
    ck_assert_uint_eq(rights_of_word(STR("subs")), RIGHTS_NONE);
    ck_assert_uint_eq(rights_of_word(STR("su")), RIGHTS_NONE);
}
END_TEST

START_TEST(lists_are_read_and_written)
{
    struct buf out;
    uint8_t rights = 99;

    buf_init(&out);
    ck_assert(rights_read(STR("dir,sub,sub"), &rights));
    ck_assert_uint_eq(rights, RIGHT_SUB | RIGHT_DIR);
    ck_assert_int_eq(rights_write(&out, rights), 0);
    ck_assert(str_equals((struct str){(char *)out.data, out.len}, STR("sub,dir")));
    buf_deinit(&out);
    ck_assert(!rights_read(STR(""), &rights));
    ck_assert(!rights_read(STR("sub,"), &rights));
    ck_assert(!rights_read(STR("sub, pub"), &rights));
    ck_assert(!rights_read(STR("sub,all"), &rights));
    ck_assert_uint_eq(rights, RIGHT_SUB | RIGHT_DIR);
}
END_TEST

START_TEST(a_star_counts_at_the_end_alone)
{
    ck_assert(in_room("tea", "tea"));
    ck_assert(!in_room("tea", "te"));
    ck_assert(!in_room("tea", "team"));
    ck_assert(!in_room("tea", "Tea"));
    ck_assert(in_room("team-*", "team-"));
    ck_assert(in_room("team-*", "team-1"));
    ck_assert(!in_room("team-*", "team"));
    ck_assert(!in_room("team-*", "xteam-1"));
    ck_assert(in_room("*", "anything"));
    ck_assert(!in_room("t*a", "tea"));
    ck_assert(in_room("t*a", "t*a"));
    ck_assert(in_room("**", "*b"));
    ck_assert(!in_room("**", "ab"));
}
END_TEST

START_TEST(grants_add_up)
{
    const struct grant grants[] = {
        {STR("tea"), RIGHT_SUB}, {STR("te*"), RIGHT_PUB}, {STR("milk"), RIGHT_MOD}};

    ck_assert_uint_eq(rights_in_room(grants, 3, STR("tea")), RIGHT_SUB | RIGHT_PUB);
    ck_assert_uint_eq(rights_in_room(grants, 3, STR("ten")), RIGHT_PUB);
    ck_assert_uint_eq(rights_in_room(grants, 3, STR("milk")), RIGHT_MOD);
    ck_assert_uint_eq(rights_in_room(grants, 3, STR("water")), RIGHTS_NONE);
    ck_assert_uint_eq(rights_in_room(NULL, 0, STR("tea")), RIGHTS_NONE);
}
END_TEST

START_TEST(a_pattern_is_covered_as_a_whole)
{
    const struct grant grants[] = {
        {STR("tea"), RIGHT_SUB}, {STR("te*"), RIGHT_PUB}, {STR("team*"), RIGHT_MOD}};

    ck_assert(rights_patterns_meet(STR("tea"), STR("tea")));
    ck_assert(!rights_patterns_meet(STR("tea"), STR("teas")));
    ck_assert(rights_patterns_meet(STR("tea*"), STR("tea")));
    ck_assert(rights_patterns_meet(STR("teas"), STR("tea*")));
    ck_assert(rights_patterns_meet(STR("tea*"), STR("teas*")));
    ck_assert(rights_patterns_meet(STR("*"), STR("x*")));
    ck_assert(!rights_patterns_meet(STR("tea*"), STR("te")));
    ck_assert(!rights_patterns_meet(STR("tea*"), STR("tex*")));
    ck_assert_uint_eq(rights_in_rooms(grants, 3, STR("tea")), RIGHT_SUB | RIGHT_PUB);
    ck_assert_uint_eq(rights_in_rooms(grants, 3, STR("tea*")), RIGHT_PUB);
    ck_assert_uint_eq(rights_in_rooms(grants, 3, STR("team*")), RIGHT_PUB | RIGHT_MOD);
    ck_assert_uint_eq(rights_in_rooms(grants, 3, STR("team-*")), RIGHT_PUB | RIGHT_MOD);
    ck_assert_uint_eq(rights_in_rooms(grants, 3, STR("te*")), RIGHT_PUB);
    ck_assert_uint_eq(rights_in_rooms(grants, 3, STR("t*")), RIGHTS_NONE);
    ck_assert_uint_eq(rights_in_rooms(grants, 3, STR("*")), RIGHTS_NONE);
    ck_assert_uint_eq(rights_in_rooms(grants, 3, STR("")), RIGHTS_NONE);
}
END_TEST

Suite *suite_rights(void)
{
    Suite *suite = suite_create("rights");
    TCase *cases = tcase_create("rights");

    tcase_add_test(cases, each_word_is_a_right);
    tcase_add_test(cases, lists_are_read_and_written);
    tcase_add_test(cases, a_star_counts_at_the_end_alone);
    tcase_add_test(cases, grants_add_up);
    tcase_add_test(cases, a_pattern_is_covered_as_a_whole);
    suite_add_tcase(suite, cases);
    return suite;
}
