#include "cli/transcript.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <check.h>

#include "base/util.h"

Suite *suite_transcript(void);

static struct session session;

static void setup(void)
{
    ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
    setenv("TZ", "UTC", 1);
    tzset();
    memset(&session, 0, sizeof(session));
    session.id = 7;
    session.has_seat = true;
    roster_init(&session.roster);
    roster_put(&session.roster, 8, STR("bob"));
}

static void teardown(void)
{
    roster_deinit(&session.roster);
}

static const char *shown(const struct v1_event *frame, bool is_coloured)
{
    static char text[512];
    struct buf out;

    buf_init(&out);
    ck_assert_int_eq(transcript_frame(&out, &session, frame, is_coloured), 0);
    snprintf(text, sizeof(text), "%.*s", (int)out.len, out.len > 0 ? (char *)out.data : "");
    buf_deinit(&out);
    return text;
}

#define NOON 43200000

static const struct {
    struct v1_event frame;
    const char *want;
} rows[] = {
    {{.type = V1_MESSAGE, .ts = NOON, .from = 8, .name = {"bob", 3}, .text = {"hi", 2}},
     "12:00 bob: hi\n"},
    {{.type = V1_MESSAGE, .ts = NOON + 60000, .from = 9, .text = {"", 0}}, "12:01 Client #9: \n"},
    {{.type = V1_MESSAGE,
      .ts = NOON,
      .from = 8,
      .name = {"\x1b[m", 3},
      .text = {"a\r\nb\n\tc\rd", 9}},
     "12:00 \\u001b[m: a\n      b\n          c\\u000dd\n"},
    {{.type = V1_DIRECT, .ts = NOON, .from = 8, .to = 7, .name = {"bob", 3}, .text = {"x", 1}},
     "12:00 bob to you only: x\n"},
    {{.type = V1_DIRECT, .ts = NOON, .from = 7, .to = 8, .name = {"me", 2}, .text = {"x", 1}},
     "12:00 me to bob only: x\n"},
    {{.type = V1_JOIN, .ts = NOON, .from = 9}, "12:00 * Client #9 joined\n"},
    {{.type = V1_LEAVE, .ts = NOON, .from = 8, .name = {"bob", 3}}, "12:00 * bob left the chat\n"},
    {{.type = V1_RENAME, .ts = NOON, .from = 8, .name = {"eve", 3}},
     "12:00 * bob took the name eve\n"},
    {{.type = V1_RENAME, .ts = NOON, .from = 7, .name = {"me", 2}},
     "12:00 * Client #7 took the name me\n"},
    {{.type = V1_JOIN, .ts = NOON, .from = 7}, ""},
    {{.type = V1_LEAVE, .ts = NOON, .from = 7}, ""},
    {{.type = V1_COUNT, .count = 5}, ""},
    {{.type = V1_OTHER}, ""},
    {{.type = V1_MESSAGE, .ts = NOON, .from = 8, .name = {"bob", 3}, .is_retracted = true},
     "12:00 bob: (taken back)\n"},
    {{.type = V1_SLOW, .ts = NOON, .from = 8, .name = {"bob", 3}, .seconds = 20},
     "12:00 * bob: everybody may speak once in 20 s\n"},
    {{.type = V1_SLOW, .ts = NOON, .from = 8, .name = {"bob", 3}},
     "12:00 * bob: everybody may speak as often as they like\n"},
    {{.type = V1_RETRACT, .ts = NOON, .from = 8, .name = {"bob", 3}},
     "12:00 * bob took a message back\n"},
    {{.type = V1_WELCOME, .id = 7, .room = {"tea\x07", 4}, .count = 3},
     "* you are in tea\\u0007 as Client #7, with 2 others\n"},
    {{.type = V1_MESSAGE, .ts = INT64_MAX, .from = 8, .name = {"b", 1}, .text = {"x", 1}},
     "07:12 b: x\n"},
    {{.type = V1_BAN, .ref = {"8", 1}}, "* bob may not come in again\n"},
    {{.type = V1_BAN, .ref = {"9", 1}}, "* Client #9 may not come in again\n"},
    {{.type = V1_BAN, .ref = {"c-1", 3}}, "* Somebody may not come in again\n"},
};

START_TEST(shows_frames)
{
    ck_assert_str_eq(shown(&rows[_i].frame, false), rows[_i].want);
}
END_TEST

START_TEST(who_looks_like_another_has_the_id_beside)
{
    struct v1_event message = rows[0].frame;

    names_see(&session.names, 8, STR("bob"));
    ck_assert_str_eq(shown(&message, false), "12:00 bob: hi\n");
    message.from = 9;
    ck_assert_str_eq(shown(&message, false), "12:00 bob #9: hi\n");
    message.name = STR("You");
    ck_assert_str_eq(shown(&message, false), "12:00 You #9: hi\n");
}
END_TEST

/* ... and who has a colon in a name has not said what stands behind it as somebody else. */
START_TEST(no_name_begins_what_is_said)
{
    struct v1_event message = rows[0].frame;

    message.from = 9;
    message.name = STR("alice: yes");
    ck_assert_str_eq(shown(&message, false), "12:00 \"alice\\u003a yes\": hi\n");
    message.name = STR("alice\xef\xbc\x9a yes");
    ck_assert_str_eq(shown(&message, false), "12:00 \"alice\\uff1a yes\": hi\n");
}
END_TEST

/* A name that reads like the rest of a line stands in quotation marks, wherever it stands. */
static const struct {
    struct v1_event frame;
    const char *want;
} long_names[] = {
    {{.type = V1_JOIN, .from = 9, .name = {"bob joined", 10}}, "* \"bob joined\" joined\n"},
    {{.type = V1_LEAVE, .from = 9, .name = {"bob left the chat", 17}},
     "* \"bob left the chat\" left the chat\n"},
    {{.type = V1_RENAME, .from = 8, .name = {"eve joined", 10}},
     "* bob took the name \"eve joined\"\n"},
    {{.type = V1_RENAME, .from = 6, .name = {"eve", 3}},
     "* \"bob took the name eve\" took the name eve\n"},
    {{.type = V1_MESSAGE, .from = 9, .name = {"bob to you", 10}, .text = {"x", 1}},
     "\"bob to you\": x\n"},
    {{.type = V1_DIRECT, .from = 9, .to = 7, .name = {"bob to eve", 10}, .text = {"x", 1}},
     "\"bob to eve\" to you only: x\n"},
    {{.type = V1_DIRECT, .from = 7, .to = 6, .name = {"me", 2}, .text = {"x", 1}},
     "me to \"bob took the name eve\" only: x\n"},
    {{.type = V1_SLOW, .from = 9, .name = {"bob took", 8}, .seconds = 20},
     "* \"bob took\": everybody may speak once in 20 s\n"},
    {{.type = V1_RETRACT, .from = 9, .name = {"bob and", 7}},
     "* \"bob and\" took a message back\n"},
    {{.type = V1_BAN, .ref = {"6", 1}}, "* \"bob took the name eve\" may not come in again\n"},
    {{.type = V1_WELCOME, .id = 7, .room = {"tea as bob", 10}, .name = {"a b", 3}, .count = 1},
     "* you are in \"tea as bob\" as \"a b\", alone\n"},
    /* What closes the marks, wide blanks, and what makes one sign of two and no blank. */
    {{.type = V1_JOIN, .from = 9, .name = {"eve\" joined \"x", 14}},
     "* \"eve\\u0022 joined \\u0022x\" joined\n"},
    {{.type = V1_JOIN, .from = 9, .name = {"\"eve\"", 5}}, "* \\u0022eve\\u0022 joined\n"},
    {{.type = V1_JOIN, .from = 9, .name = {"bob\xe3\x80\x80joined", 12}},
     "* \"bob\xe3\x80\x80joined\" joined\n"},
    {{.type = V1_JOIN, .from = 9, .name = {"\xe2\x9d\xa4\xef\xb8\x8f", 6}},
     "* \xe2\x9d\xa4\xef\xb8\x8f joined\n"},
};

START_TEST(a_name_is_told_from_the_line)
{
    struct v1_event frame = long_names[_i].frame;
    const char *line;

    roster_put(&session.roster, 6, STR("bob took the name eve"));
    frame.ts = NOON;
    line = shown(&frame, false);
    ck_assert_str_eq(strncmp(line, "12:00 ", 6) == 0 ? line + 6 : line, long_names[_i].want);
}
END_TEST

/* Somebody else had the id while we were away. */
START_TEST(a_stranger_on_our_id_is_seen)
{
    struct v1_event join = {.type = V1_JOIN, .ts = NOON, .from = 7};

    session.has_seat = false;
    ck_assert_str_eq(shown(&join, false), "12:00 * Client #7 joined\n");
    join.type = V1_LEAVE;
    ck_assert_str_eq(shown(&join, false), "12:00 * Client #7 left the chat\n");
}
END_TEST

START_TEST(colours_names_by_id)
{
    ck_assert_str_eq(shown(&rows[0].frame, true), "\x1b[2m12:00 \x1b[0m\x1b[1;33mbob\x1b[0m: hi\n");
}
END_TEST

START_TEST(shows_who_is_here)
{
    struct buf out;

    buf_init(&out);
    roster_put(&session.roster, 7, STR(""));
    session.roster.count = 2;
    ck_assert_int_eq(transcript_members(&out, &session, false), 0);
    session.roster.count = 5;
    roster_put(&session.roster, 8, STR("bob, eve"));
    ck_assert_int_eq(transcript_members(&out, &session, false), 0);
    ck_assert_int_eq(transcript_note(&out, STR("a\x1b"), false), 0);
    buf_append_char(&out, '\0');
    ck_assert_str_eq((char *)out.data, "* 2 here: bob #8, Client #7\n"
                                       "* 5 here: \"bob, eve\" #8, Client #7 and more\n"
                                       "* a\\u001b\n");
    buf_deinit(&out);
}
END_TEST

Suite *suite_transcript(void)
{
    Suite *suite = suite_create("transcript");
    TCase *tcase = tcase_create("transcript");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, shows_frames, 0, (int)ARRAY_LEN(rows));
    tcase_add_test(tcase, who_looks_like_another_has_the_id_beside);
    tcase_add_test(tcase, no_name_begins_what_is_said);
    tcase_add_loop_test(tcase, a_name_is_told_from_the_line, 0, (int)ARRAY_LEN(long_names));
    tcase_add_test(tcase, a_stranger_on_our_id_is_seen);
    tcase_add_test(tcase, colours_names_by_id);
    tcase_add_test(tcase, shows_who_is_here);
    suite_add_tcase(suite, tcase);
    return suite;
}
