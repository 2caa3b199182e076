#include "cli/names.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "base/util.h"

Suite *suite_names(void);

static struct names names;

static void setup(void)
{
    ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
    memset(&names, 0, sizeof(names));
    names_see(&names, 7, STR("Ada"));
}

/* Zero width, Cyrillic, case, a braille blank, an accent, an override, a tag, full width. */
static const char *const alike[] = {
    "Ada",
    "A\xe2\x80\x8b"
    "da",
    "\xd0\x90"
    "da",
    "ADA",
    "Ada\xe2\xa0\x80",
    "A\xcc\x81"
    "da",
    "\xc3\x81"
    "da",
    "\xe2\x80\xae"
    "Ada",
    "Ada\xf3\xa0\x81\x81",
    "\xef\xbc\xa1"
    "da",
    " A d a ",
};

START_TEST(twins_look_alike)
{
    ck_assert(!names_need_id(&names, 7, STR("Ada")));
    ck_assert(names_need_id(&names, 8, str_from(alike[_i])));
    names_see(&names, 8, str_from(alike[_i]));
    ck_assert(names_need_id(&names, 7, STR("Ada")));
}
END_TEST

START_TEST(others_do_not)
{
    static const char *const others[] = {"Adam", "Ad", "Bob", "\xe5\xb0\x8f\xe6\x98\x8e"};

    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        names_see(&names, 10 + i, str_from(others[i]));
        ck_assert(!names_need_id(&names, 10 + i, str_from(others[i])));
    }
    ck_assert(!names_need_id(&names, 7, STR("Ada")));
    ck_assert(names_bones(STR("rnodern")) == names_bones(STR("modem")));
    ck_assert(names_bones(STR("vvill 10")) == names_bones(STR("Wi|l lO")));
}
END_TEST

START_TEST(words_of_ours_are_no_names)
{
    static const char *const words[] = {
        "You", "y0u",          "Client #7",    "C1ient 7",     "* x",
        "a#8", "\xe2\x80\x8b", "\xe3\x85\xa4", "\xe3\x80\x80", "alice to you only"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        ck_assert_msg(names_need_id(&names, 9, str_from(words[i])), "%s", words[i]);
}
END_TEST

START_TEST(only_so_many_are_remembered)
{
    char name[16];

    for (unsigned i = 1; i < NAMES_MAX; i++) {
        snprintf(name, sizeof(name), "x%ue", i);
        names_see(&names, 100 + i, str_from(name));
    }
    ck_assert(names_need_id(&names, 8, STR("Ada")));
    names_see(&names, 5, STR("zzz"));
    ck_assert(!names_need_id(&names, 8, STR("Ada")));
    ck_assert(names_need_id(&names, 6, STR("zzz")));
}
END_TEST

Suite *suite_names(void)
{
    Suite *suite = suite_create("names");
    TCase *tcase = tcase_create("names");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_loop_test(tcase, twins_look_alike, 0, (int)ARRAY_LEN(alike));
    tcase_add_test(tcase, others_do_not);
    tcase_add_test(tcase, words_of_ours_are_no_names);
    tcase_add_test(tcase, only_so_many_are_remembered);
    suite_add_tcase(suite, tcase);
    return suite;
}
