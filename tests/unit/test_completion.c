#include "cli/completion.h"

#include <locale.h>
#include <stdio.h>

#include <check.h>

#include "base/util.h"

Suite *suite_completion(void);

static struct roster roster;
static struct rooms rooms;

static void setup(void)
{
    ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
    roster_init(&roster);
    rooms = (struct rooms){.count = 0};
    rooms_put(&rooms, STR("green tea"));
    rooms_put(&rooms, STR("green"));
    rooms_put(&rooms, STR("lobby"));
    roster_put(&roster, 1, STR("Ada Lovelace"));
    roster_put(&roster, 2, STR("ada lovelock"));
    roster_put(&roster, 3, STR("Bob"));
    roster_put(&roster, 4, STR(""));
    roster_put(&roster, 5, STR("\xe6\x9e\x97\xe6\x99\x93"));
    roster_put(&roster, 6, STR("\xe6\x9e\x97\xe6\x98\x93"));
}

static void teardown(void)
{
    roster_deinit(&roster);
}

/* The line once Tab was pressed at its end; NULL: nothing is added. */
static const char *tabbed(const char *line)
{
    static char out[128];
    struct completion found;
    struct str before = str_from(line);

    if (!completion_find(&found, before, &roster, &rooms))
        return NULL;
    ck_assert_uint_le(found.begun, before.len);
    snprintf(out, sizeof(out), "%.*s%.*s%s", (int)(before.len - found.begun), line,
             (int)found.text.len, found.text.ptr, found.is_whole ? " " : "");
    return out;
}

static const char *const lines[][2] = {
    {"/n", "/name "},
    {"/MS", "/msg "},
    {"/", NULL},  /* they have nothing in common */
    {"/r", NULL}, /* room and retract */
    {"/ro", "/room "},
    {"/nope", NULL},
    {"/name", "/name "},
    {"b", "Bob "},
    {"hello @b", "hello @Bob "},
    {"hello b", "hello Bob "},
    {"a", "Ada Lovel"}, /* what the two have in common, and no more */
    {"Ada Lovel", NULL},
    {"/msg Ada Lovela", "/msg Ada Lovelace "},
    {"/msg ada lovelo", "/msg ada lovelock "},
    {"/msg @ada lovelo", "/msg @ada lovelock "},
    {"/kick bo", "/kick Bob "},
    {"/ban bo", "/ban Bob "},
    {"/room bo", NULL}, /* no room is called so */
    {"/room L", "/room lobby "},
    {"/room g", "/room green"},
    {"/room green ", "/room green tea "},
    {"/room ", NULL},
    {"hello Ada Lo", NULL}, /* elsewhere a blank begins another name */
    {"\xe6\x9e\x97", NULL}, /* half of a character is nothing in common */
    {"\xe6\x9e\x97\xe6\x99\x93", "\xe6\x9e\x97\xe6\x99\x93 "},
    {"", NULL},
    {"hello ", NULL},
    {"zoe", NULL},
    {"@", NULL},
};

START_TEST(tab_adds_what_can_be_meant)
{
    const char *got = tabbed(lines[_i][0]);

    if (lines[_i][1] == NULL)
        ck_assert_msg(got == NULL, "\"%s\" became \"%s\"", lines[_i][0], got);
    else
        ck_assert_str_eq(got, lines[_i][1]);
}
END_TEST

Suite *suite_completion(void)
{
    Suite *suite = suite_create("completion");
    TCase *tc = tcase_create("completion");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, tab_adds_what_can_be_meant, 0, ARRAY_LEN(lines));
    suite_add_tcase(suite, tc);
    return suite;
}
