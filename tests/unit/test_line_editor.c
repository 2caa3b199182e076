#include "cli/line_editor.h"

#include <locale.h>
#include <string.h>

#include <check.h>

#include "base/util.h"

Suite *suite_line_editor(void);

#define E_ACUTE "\xc3\xa9"
#define COMBINED "e\xcc\x81" /* e and a combining acute accent */
#define NI "\xe4\xbd\xa0"    /* two columns */
#define LEFT "\x1b[D"
#define RIGHT "\x1b[C"
#define UP "\x1b[A"
#define DOWN "\x1b[B"

static struct line_editor editor;

static void setup(void)
{
    ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
    line_editor_init(&editor);
}

static void teardown(void)
{
    line_editor_deinit(&editor);
}

/* Types keys; returns what the last one did. */
static enum line_event type(const char *keys)
{
    enum line_event event = LINE_NONE;

    for (; *keys != '\0'; keys++)
        event = line_editor_feed(&editor, *keys);
    return event;
}

/* The line, with | where the cursor is. */
static const char *shown(void)
{
    static char text[512];
    int cursor = (int)editor.cursor;
    const char *line = (const char *)editor.line.data;

    if (editor.line.len == 0)
        return "|";
    snprintf(text, sizeof(text), "%.*s|%.*s", cursor, line, (int)editor.line.len - cursor,
             line + cursor);
    return text;
}

static void enter(const char *keys)
{
    struct buf line;

    ck_assert_int_eq(type(keys), LINE_NONE);
    ck_assert_int_eq(type("\r"), LINE_ENTERED);
    line_editor_take(&editor, &line);
    buf_deinit(&line);
}

static const char *const edits[][2] = {
    {"abc", "abc|"},
    {"abc" LEFT LEFT "x", "ax|bc"},
    {"abc" LEFT RIGHT RIGHT "x", "abcx|"},
    {"abc\x01x\x05y", "xabcy|"},
    {"abc\x1b[Hx\x1b[Fy", "xabcy|"},
    {"abc\x1bOHx\x1bOFy", "xabcy|"},
    {"abc\x1b[1~x\x1b[4~y", "xabcy|"},
    {"abc\x02\x02\x06x", "abx|c"},
    {"abc\x7f\b", "a|"},
    {"\x7f", "|"},
    {"abc" LEFT "\x7f", "a|c"},
    {"abc" LEFT LEFT "\x1b[3~", "a|c"},
    {"abc" LEFT "\x04", "ab|"},
    {"abc\x04", "abc|"},
    {"\x06\x02\x0b\x15\x17\x19\x1b[3~", "|"},
    {"abc def\x17", "abc |"},
    {"abc def  \x17", "abc |"},
    {"abc def\x1b\x7f\x17", "|"},
    {"abc def" LEFT LEFT "\x15", "|ef"},
    {"abc def" LEFT LEFT "\x0b", "abc d|"},
    {"abc def\x01\x0b\x19\x19", "abc defabc def|"},
    {"abc def\x1b[1;5Dx", "abc x|def"},
    {"abc def\x1b"
     "bx",
     "abc x|def"},
    {"abc def\x01\x1b[1;5Cx", "abcx| def"},
    {"abc def\x01\x1b"
     "fx",
     "abcx| def"},
    {"abc def\x01\x1b"
     "d",
     "| def"},
    {"a" E_ACUTE "b" LEFT LEFT "\x7f", "|" E_ACUTE "b"},
    {"a" E_ACUTE "\x7f", "a|"},
    {COMBINED "\x7f", "|"},
    {"a" COMBINED LEFT "x", "ax|" COMBINED},
    {COMBINED "b\x01" RIGHT "x", COMBINED "x|b"},
    {NI NI LEFT "\x7f", "|" NI},
    {"a\x03"
     "b",
     "b|"},
    {"a\x1b[99;5~b\x1b[Zc", "abc|"}, /* keys that are not known */
    {"a\x1b\x1b[Db", "b|a"},         /* a lone ESC gives way */
    {"a\x02\x0e\x10"
     "b",
     "b|a"},
    {"a\xff"
     "b",
     "ab|"},
    {"a\xe2\x82"
     "b",
     "ab|"}, /* cut short */
    {"a\tb\x1f", "ab|"},
    {"\x1b[200~a\rb\x1b[Dc\x03\x1b[201~d", "a\nbcd|"},
    {"\x1b[200~" E_ACUTE "\t\x1b[20\x1b[201~d", E_ACUTE " d|"},
};

START_TEST(edits_a_line)
{
    type(edits[_i][0]);
    ck_assert_str_eq(shown(), edits[_i][1]);
}
END_TEST

START_TEST(says_what_a_key_asks_for)
{
    ck_assert_int_eq(type("\x03"), LINE_INTERRUPT);
    ck_assert_int_eq(type("\x04"), LINE_END);
    ck_assert_int_eq(type("a\x03"), LINE_NONE);
    ck_assert_int_eq(type("a\x1a"), LINE_SUSPEND);
    ck_assert_int_eq(type("\x0c"), LINE_REDRAW);
    ck_assert_int_eq(type("\n"), LINE_ENTERED);
    ck_assert_int_eq(type("\x1bOM"), LINE_ENTERED);
    ck_assert_int_eq(type("\x1b[200~\r"), LINE_NONE);
}
END_TEST

START_TEST(calls_lines_back)
{
    enter("one");
    enter("two");
    enter("two");
    enter("");
    type("new" UP);
    ck_assert_str_eq(shown(), "two|");
    type(UP);
    ck_assert_str_eq(shown(), "one|");
    type(UP UP "x" DOWN);
    ck_assert_str_eq(shown(), "two|");
    type(DOWN);
    ck_assert_str_eq(shown(), "new|");
    type(DOWN);
    ck_assert_str_eq(shown(), "new|");
    type(UP UP);
    ck_assert_str_eq(shown(), "one|");
    enter("");
    type(UP);
    ck_assert_str_eq(shown(), "one|");
}
END_TEST

START_TEST(keeps_so_many_lines)
{
    char line[16];

    for (int i = 0; i < LINE_EDITOR_HISTORY + 1; i++) {
        snprintf(line, sizeof(line), "line %d", i);
        enter(line);
    }
    for (int i = 0; i < LINE_EDITOR_HISTORY + 5; i++)
        type(UP);
    ck_assert_str_eq(shown(), "line 1|");
}
END_TEST

START_TEST(a_line_has_a_bound)
{
    for (int i = 0; i < LINE_EDITOR_MAX - 1; i++)
        line_editor_feed(&editor, 'x');
    type(E_ACUTE);
    ck_assert_uint_eq(editor.line.len, LINE_EDITOR_MAX - 1);
    type("yz");
    ck_assert_uint_eq(editor.line.len, LINE_EDITOR_MAX);
}
END_TEST

/* What is seen in `columns`, and the cursor as |. */
static const char *view_in(size_t columns)
{
    static char text[256];
    struct line_view view = line_editor_view(&editor, columns);
    struct buf out;
    size_t left = 0, width = 0;

    ck_assert_uint_le(view.width, columns);
    ck_assert_uint_lt(view.cursor, columns);
    buf_init(&out);
    ck_assert_int_eq(line_editor_append(&out, view.text), 0);
    ck_assert_int_eq(buf_append_char(&out, '\0'), 0);
    /* All the texts of this test are ASCII or two columns in three bytes. */
    while (width < view.cursor) {
        width += out.data[left] >= 0x80 ? 2 : 1;
        left += out.data[left] >= 0x80 ? 3 : 1;
    }
    snprintf(text, sizeof(text), "%.*s|%s", (int)left, (char *)out.data, (char *)out.data + left);
    buf_deinit(&out);
    return text;
}

START_TEST(long_lines_scroll)
{
    type("0123456789");
    ck_assert_str_eq(view_in(11), "0123456789|");
    ck_assert_str_eq(view_in(10), "56789|");
    type("ab");
    ck_assert_str_eq(view_in(10), "56789ab|");
    type("\x01");
    ck_assert_str_eq(view_in(10), "|0123456789");
    type(RIGHT RIGHT);
    ck_assert_str_eq(view_in(10), "01|23456789");
    type("\x05"
         "cd");
    ck_assert_str_eq(view_in(10), "9abcd|");
    ck_assert_str_eq(view_in(80), "0123456789abcd|");
}
END_TEST

/* A window that has grown shows what scrolled out of the narrow one, though not all of it fits. */
START_TEST(more_columns_are_used)
{
    type("0123456789abcdefghij");
    ck_assert_str_eq(view_in(6), "hij|");
    ck_assert_str_eq(view_in(16), "cdefghij|");
    type("\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D");
    ck_assert_str_eq(view_in(6), "cd|efgh");
    ck_assert_str_eq(view_in(16), "0123456789abcd|ef");
    ck_assert_str_eq(view_in(6), "bcd|efg");
    ck_assert_str_eq(view_in(20), "0123456789abcd|efghij");
}
END_TEST

START_TEST(wide_characters_are_not_cut)
{
    type(NI NI NI NI "\x01");
    ck_assert_str_eq(view_in(5), "|" NI NI);
    type("\x05");
    ck_assert_str_eq(view_in(5), NI "|");
    ck_assert_str_eq(view_in(2), "|");
}
END_TEST

START_TEST(unsafe_characters_are_shown_escaped)
{
    struct buf out;

    buf_init(&out);
    type("\x1b[200~a\nb\x1b[201~\xc2\x9b");
    ck_assert_int_eq(line_editor_append(&out, line_editor_view(&editor, 80).text), 0);
    buf_append_char(&out, '\0');
    ck_assert_str_eq((char *)out.data, "a\xe2\x86\xb5"
                                       "b\\u009b");
    ck_assert_uint_eq(line_editor_view(&editor, 80).width, 9);
    buf_deinit(&out);
}
END_TEST

START_TEST(tab_asks_and_a_completion_takes_the_place_of_what_was_begun)
{
    ck_assert_int_eq(type("to bo and more"), LINE_NONE);
    for (int i = 0; i < 9; i++)
        type(LEFT);
    ck_assert_int_eq(type("\t"), LINE_COMPLETE);
    ck_assert_uint_eq(line_editor_before(&editor).len, 5);
    line_editor_complete(&editor, 2, STR("Bob"));
    ck_assert_str_eq(shown(), "to Bob| and more");
    ck_assert_int_eq(type("\x1b[200~\t"), LINE_NONE);
}
END_TEST

Suite *suite_line_editor(void)
{
    Suite *suite = suite_create("line_editor");
    TCase *tcase = tcase_create("line_editor");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, edits_a_line, 0, (int)ARRAY_LEN(edits));
    tcase_add_test(tcase, tab_asks_and_a_completion_takes_the_place_of_what_was_begun);
    tcase_add_test(tcase, says_what_a_key_asks_for);
    tcase_add_test(tcase, calls_lines_back);
    tcase_add_test(tcase, keeps_so_many_lines);
    tcase_add_test(tcase, a_line_has_a_bound);
    tcase_add_test(tcase, long_lines_scroll);
    tcase_add_test(tcase, more_columns_are_used);
    tcase_add_test(tcase, wide_characters_are_not_cut);
    tcase_add_test(tcase, unsafe_characters_are_shown_escaped);
    suite_add_tcase(suite, tcase);
    return suite;
}
