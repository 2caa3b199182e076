#include "cli/typed.h"

#include <locale.h>
#include <string.h>

#include <check.h>

#include "base/util.h"

Suite *suite_typed(void);

static struct roster roster;

static void setup(void)
{
    ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
    roster_init(&roster);
    roster_put(&roster, 1, STR("ada"));
    roster_put(&roster, 2, STR("Ada Lovelace"));
    roster_put(&roster, 3, STR("bob"));
    roster_put(&roster, 4, STR("bob"));
    roster_put(&roster, 5, STR(""));
}

static void teardown(void)
{
    roster_deinit(&roster);
}

static const struct {
    const char *line;
    enum typed_kind kind;
    const char *text;
    uint64_t to;
} rows[] = {
    {"", TYPED_SAY, "", 0},
    {"hi", TYPED_SAY, "hi", 0},
    {" hi", TYPED_SAY, " hi", 0},
    {" /who", TYPED_WHO, "", 0},
    {" /msg #7 hi", TYPED_SAY, "hi", 7},
    {"\xe2\x80\x8b\xc2\xa0\n\xe3\x80\x80/msg #7 hi", TYPED_SAY, "hi", 7},
    {"/MSG #7 hi", TYPED_SAY, "hi", 7},
    {"  //who", TYPED_SAY, "/who", 0},
    {" /", TYPED_UNKNOWN, "/", 0},
    {"\xef\xbc\x8fmsg #7 hi", TYPED_SAY, "hi", 7},
    {"/msg\n#7 hi", TYPED_SAY, "hi", 7},
    {"a /who", TYPED_SAY, "a /who", 0},
    {"/room  green tea ", TYPED_ROOM, "green tea", 0},
    {"/room", TYPED_ROOM, "", 0},
    {"//who", TYPED_SAY, "/who", 0},
    {"//", TYPED_SAY, "/", 0},
    {"/who", TYPED_WHO, "", 0},
    {"/help me", TYPED_HELP, "me", 0},
    {"/quit", TYPED_QUIT, "", 0},
    {"/quitx", TYPED_UNKNOWN, "/quitx", 0},
    {"/", TYPED_UNKNOWN, "/", 0},
    {"/x y", TYPED_UNKNOWN, "/x", 0},
    {"/name  new name ", TYPED_NAME, "new name", 0},
    {"/name", TYPED_NAME, "", 0},
    {"/kick #7", TYPED_KICK, "", 7},
    {"/kick ada  too loud ", TYPED_KICK, "too loud", 1},
    {"/kick", TYPED_USAGE, "", 0},
    {"/kick nobody", TYPED_NOBODY, "nobody", 0},
    {"/ban ada", TYPED_BAN, "", 1},
    {"/ban #7 rude words", TYPED_BAN, "rude words", 7},
    {"/slow", TYPED_USAGE, "", 0},
    {"/slow 3601", TYPED_USAGE, "", 0},
    {"/slow soon", TYPED_USAGE, "", 0},
    {"/retract", TYPED_RETRACT, "", 0},
    {"/msg #7 hi there", TYPED_SAY, "hi there", 7},
    {"/msg #9223372036854775807 x", TYPED_SAY, "x", CODEC_ID_MAX},
    {"/msg #9223372036854775808 x", TYPED_NOBODY, "#9223372036854775808 x", 0},
    {"/msg # x", TYPED_NOBODY, "# x", 0},
    {"/msg #x x", TYPED_NOBODY, "#x x", 0},
    {"/msg #7", TYPED_EMPTY, "#7", 0},
    {"/msg #7\nhi", TYPED_SAY, "hi", 7},
    {"/msg #7x hi", TYPED_NOBODY, "#7x hi", 0},
    {"/msg @ada hi", TYPED_SAY, "hi", 1},
    {"/msg \"ada lovelace\" hi", TYPED_SAY, "hi", 2},
    {"/msg \"ada lovelace\"", TYPED_EMPTY, "\"ada lovelace\"", 0},
    {"/msg \"ada hi\" x", TYPED_NOBODY, "\"ada hi\" x", 0},
    {"/msg \"ada", TYPED_NOBODY, "\"ada", 0},
    {"/msg \"", TYPED_NOBODY, "\"", 0},
    {"/msg @#7 hi", TYPED_SAY, "hi", 7},
    {"/msg @", TYPED_NOBODY, "@", 0},
    {"/kick @ada", TYPED_KICK, "", 1},
    {"/msg ada\nhi", TYPED_SAY, "hi", 1},
    {"/msg ada\xe3\x80\x80hi", TYPED_SAY, "hi", 1},
    {"/msg ada hi", TYPED_SAY, "hi", 1},
    {"/msg ADA  hi", TYPED_SAY, "hi", 1},
    {"/msg ada lovelace hi", TYPED_SAY, "hi", 2},
    {"/msg ada", TYPED_EMPTY, "ada", 0},
    {"/msg adam hi", TYPED_NOBODY, "adam hi", 0},
    {"/msg bob hi", TYPED_NOBODY, "bob hi", 0}, /* there are two */
    {"/msg", TYPED_EMPTY, "", 0},
};

START_TEST(knows_what_lines_mean)
{
    struct typed typed = typed_read(str_from(rows[_i].line), &roster);

    ck_assert_int_eq(typed.kind, rows[_i].kind);
    ck_assert_uint_eq(typed.to, rows[_i].to);
    ck_assert_msg(str_equals(typed.text, str_from(rows[_i].text)), "%.*s", (int)typed.text.len,
                  typed.text.ptr);
}
END_TEST

START_TEST(the_roster_follows)
{
    roster_put(&roster, 1, STR("eve"));
    ck_assert(str_equals(roster_name(&roster, 1), STR("eve")));
    ck_assert_uint_eq(roster.known, 5);
    ck_assert(roster_remove(&roster, 1));
    ck_assert(!roster_remove(&roster, 1));
    ck_assert(!roster_has(&roster, 1));
    ck_assert_uint_eq(roster_name(&roster, 1).len, 0);
    ck_assert(str_equals(roster_name(&roster, 2), STR("Ada Lovelace")));
    ck_assert_uint_eq(roster.known, 4);
    roster_clear(&roster);
    ck_assert_uint_eq(roster.known, 0);
}
END_TEST

START_TEST(the_roster_has_a_bound)
{
    roster_clear(&roster);
    for (uint64_t id = 1; id <= ROSTER_MAX + 1; id++)
        roster_put(&roster, id, STR("x"));
    ck_assert_uint_eq(roster.known, ROSTER_MAX);
    ck_assert(roster_has(&roster, ROSTER_MAX));
    ck_assert(!roster_has(&roster, ROSTER_MAX + 1));
    ck_assert(roster_remove(&roster, 1));
    roster_put(&roster, ROSTER_MAX + 1, STR("x"));
    ck_assert(roster_has(&roster, ROSTER_MAX + 1));
}
END_TEST

/* A longer name than the server lets through is cut. */
START_TEST(names_have_a_bound)
{
    char name[CODEC_NAME_MAX + 1];

    memset(name, 'x', sizeof(name));
    roster_put(&roster, 9, (struct str){name, sizeof(name)});
    ck_assert_uint_eq(roster_name(&roster, 9).len, CODEC_NAME_MAX);
}
END_TEST

START_TEST(minutes_and_seconds)
{
    struct typed typed = typed_read(STR("/ban #7 10  rude words"), &roster);

    ck_assert_uint_eq(typed.seconds, 600);
    ck_assert_uint_eq(typed.text.len, strlen("rude words"));
    ck_assert_int_eq(typed_read(STR("/ban ada 0"), &roster).kind, TYPED_USAGE);
    ck_assert_uint_eq(typed_read(STR("/ban ada 1"), &roster).seconds, 60);
    ck_assert_uint_eq(typed_read(STR("/ban ada 999999"), &roster).seconds, 59999940);
    typed = typed_read(STR("/ban ada 1000000"), &roster);
    ck_assert_uint_eq(typed.seconds, 0);
    ck_assert_uint_eq(typed.text.len, strlen("1000000"));
    ck_assert_uint_eq(typed_read(STR("/slow 3600"), &roster).seconds, 3600);
    ck_assert_uint_eq(typed_read(STR("/slow 0"), &roster).seconds, 0);
}
END_TEST

static const struct {
    const char *text;
    const char *name;
    bool is_one;
} mentions[] = {
    {"hi @ada!", "Ada", true},
    {"@ada", "Ada", true},
    {"@adam", "Ada", false},
    {"@adam and @ada", "Ada", true},
    {"@ada_", "Ada", false},
    {"mail@ada", "Ada", false},
    {"(@ada)", "Ada", true},
    {"ada", "Ada", false},
    {"@", "Ada", false},
    {"@", "", false},
    {"\xef\xbc\xa0"
     "ada",
     "Ada", true},
    {"\xef\xbc\xa0", "Ada", false},
    {"你好@小明你看", "小明", true},
    {"@小明ok", "小明", true},
    {"谢谢@ada你好", "Ada", true},
    {"@小", "小明", false},
};

START_TEST(knows_who_is_called)
{
    ck_assert_int_eq(typed_mentions(str_from(mentions[_i].text), str_from(mentions[_i].name)),
                     mentions[_i].is_one);
}
END_TEST

Suite *suite_typed(void)
{
    Suite *suite = suite_create("typed");
    TCase *tcase = tcase_create("typed");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, knows_what_lines_mean, 0, (int)ARRAY_LEN(rows));
    tcase_add_loop_test(tcase, knows_who_is_called, 0, (int)ARRAY_LEN(mentions));
    tcase_add_test(tcase, minutes_and_seconds);
    tcase_add_test(tcase, the_roster_follows);
    tcase_add_test(tcase, the_roster_has_a_bound);
    tcase_add_test(tcase, names_have_a_bound);
    suite_add_tcase(suite, tcase);
    return suite;
}
