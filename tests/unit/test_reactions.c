/* Reactions to a message: given, taken back, summed. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "chat/reactions.h"

Suite *suite_reactions(void);

static struct reactions reactions;
static struct buf out;

static void setup(void)
{
    reactions = (struct reactions){.items = NULL};
    buf_init(&out);
}

static void teardown(void)
{
    reactions_deinit(&reactions);
    buf_deinit(&out);
}

static void check_sums(const struct reactions *r, const char *expected)
{
    out.len = 0;
    ck_assert_int_eq(reactions_encode(&out, r), 0);
    ck_assert_msg(out.len == strlen(expected) &&
                      (out.len == 0 || memcmp(out.data, expected, out.len) == 0),
                  "%.*s is not %s", (int)out.len, (const char *)out.data, expected);
}

static void set(uint64_t from, const char *emoji, bool is_on)
{
    ck_assert_int_eq(reactions_set(&reactions, from, str_from(emoji), is_on), 0);
}

START_TEST(sums)
{
    check_sums(&reactions, "");
    set(1, "+", true);
    check_sums(&reactions, "{\"+\":[1]}");
    set(2, "\"", true);
    set(3, "+", true);
    set(1, "\"", true);
    check_sums(&reactions, "{\"+\":[1,3],\"\\\"\":[2,1]}");
    set(1, "+", true); /* twice is once */
    check_sums(&reactions, "{\"+\":[1,3],\"\\\"\":[2,1]}");
    set(1, "+", false);
    check_sums(&reactions, "{\"+\":[3],\"\\\"\":[2,1]}");
    set(1, "+", false); /* not given */
    set(9, "x", false);
    set(3, "+", false);
    set(2, "\"", false);
    set(1, "\"", false);
    check_sums(&reactions, "");
}
END_TEST

START_TEST(are_bounded)
{
    for (uint64_t id = 1; id <= REACTIONS_MAX; id++)
        set(id, "+", true);
    ck_assert_int_eq(reactions_set(&reactions, REACTIONS_MAX + 1, STR("+"), true), -1);
    ck_assert_int_eq(errno, ENOSPC);
    ck_assert_uint_eq(reactions.count, REACTIONS_MAX);
    set(1, "+", true); /* that one is there */
    set(5, "+", false);
    set(REACTIONS_MAX + 1, "+", true);
}
END_TEST

/* So many emoji and not one more, until one is free. */
START_TEST(emoji_are_bounded)
{
    char emoji[2] = "a";

    for (int i = 0; i < REACTIONS_KINDS_MAX; i++) {
        emoji[0] = (char)('a' + i);
        set(1, emoji, true);
    }
    ck_assert_int_eq(reactions_set(&reactions, 1, STR("+"), true), -1);
    ck_assert_int_eq(errno, ENOSPC);
    ck_assert_int_eq(reactions_set(&reactions, 1, STR("+"), false), 0);
    set(2, "c", true);
    set(1, "c", false);
    ck_assert_int_eq(reactions_set(&reactions, 1, STR("+"), true), -1);
    set(2, "c", false);
    set(1, "+", true);
    ck_assert_uint_eq(reactions.count, REACTIONS_KINDS_MAX);
}
END_TEST

Suite *suite_reactions(void)
{
    Suite *suite = suite_create("reactions");
    TCase *tcase = tcase_create("reactions");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, sums);
    tcase_add_test(tcase, are_bounded);
    tcase_add_test(tcase, emoji_are_bounded);
    suite_add_tcase(suite, tcase);
    return suite;
}
