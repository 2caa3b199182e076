#include "cli/line_reader.h"

#include <string.h>

#include <check.h>

#include "base/util.h"
#include "guard.h"

Suite *suite_line_reader(void);

static void append(struct buf *out, enum line_result result, struct str line)
{
    if (result == LINE_TOO_LONG)
        buf_append_str(out, STR("<too long>"));
    else
        buf_printf(out, "<%.*s>", (int)line.len, line.ptr);
}

/* Reads a text in pieces of `step` bytes, each against a guard page; all lines in <>. */
static const char *read_in_steps(const char *text, size_t len, size_t max, size_t step)
{
    static char all[512];
    struct line_reader reader;
    struct str line;
    struct buf out;
    enum line_result result;

    buf_init(&out);
    line_reader_init(&reader, max);
    for (size_t at = 0; at < len; at += step) {
        size_t part = min_size(step, len - at), rest = part;
        char *copy = guard_copy(text + at, part);
        const char *data = copy;

        while ((result = line_reader_next(&reader, &data, &rest, &line)) != LINE_MORE)
            append(&out, result, line);
        ck_assert_uint_eq(rest, 0);
        guard_free(copy, part);
    }
    while ((result = line_reader_rest(&reader, &line)) != LINE_MORE)
        append(&out, result, line);
    ck_assert(!line_reader_is_inside(&reader));
    snprintf(all, sizeof(all), "%.*s", (int)out.len, out.len > 0 ? (char *)out.data : "");
    buf_deinit(&out);
    line_reader_deinit(&reader);
    return all;
}

static void expect(const char *text, size_t max, const char *want)
{
    size_t len = strlen(text);

    for (size_t step = 1; step <= len + 1; step++)
        ck_assert_str_eq(read_in_steps(text, len, max, step), want);
}

START_TEST(cuts_lines)
{
    expect("", 10, "");
    expect("a", 10, "<a>");
    expect("a\n", 10, "<a>");
    expect("a\nb", 10, "<a><b>");
    expect("\n\na\r\n\r\r\n", 10, "<><><a><\r>");
    expect("a\rb\n", 10, "<a\rb>");
}
END_TEST

START_TEST(lines_have_a_bound)
{
    expect("12345\n", 5, "<12345>");
    expect("12345\r\n", 5, "<12345>");
    expect("123456\n", 5, "<too long>");
    expect("12345\r\r\n", 5, "<too long>");
    expect("1234567890\nx\n", 5, "<too long><x>");
    expect("x\n123456", 5, "<x><too long>");
    expect("x\n1234567", 5, "<x><too long>");
}
END_TEST

START_TEST(replaces_what_is_no_utf8)
{
    expect("\xc3\xa9\n", 10, "<\xc3\xa9>");
    expect("a\xff\xc3\n", 10, "<a\xef\xbf\xbd\xef\xbf\xbd>");
}
END_TEST

START_TEST(knows_whether_it_is_inside)
{
    struct line_reader reader;
    const char *data = "a\nb";
    size_t len = 3;
    struct str line;

    line_reader_init(&reader, 10);
    ck_assert(!line_reader_is_inside(&reader));
    ck_assert_int_eq(line_reader_next(&reader, &data, &len, &line), LINE_READY);
    ck_assert(!line_reader_is_inside(&reader));
    ck_assert_int_eq(line_reader_next(&reader, &data, &len, &line), LINE_MORE);
    ck_assert(line_reader_is_inside(&reader));
    line_reader_deinit(&reader);
}
END_TEST

Suite *suite_line_reader(void)
{
    Suite *suite = suite_create("line_reader");
    TCase *tcase = tcase_create("line_reader");

    tcase_add_test(tcase, cuts_lines);
    tcase_add_test(tcase, lines_have_a_bound);
    tcase_add_test(tcase, replaces_what_is_no_utf8);
    tcase_add_test(tcase, knows_whether_it_is_inside);
    suite_add_tcase(suite, tcase);
    return suite;
}
