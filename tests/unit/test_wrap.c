#include "cli/wrap.h"

#include <locale.h>
#include <string.h>

#include <check.h>

#include "base/util.h"
#include "cli/glyph.h"

Suite *suite_wrap(void);

static struct buf out;

static void setup(void)
{
    ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
    buf_init(&out);
}

static void teardown(void)
{
    buf_deinit(&out);
}

static const struct {
    size_t columns;
    const char *text;
    const char *want;
} rows[] = {
    {20, "", ""},
    {20, "\n", "\n"},
    {20, "12345678901234567890\n", "12345678901234567890\n"},
    {20, "123456789012345678901\n", "12345678901234567890\n      1\n"},
    {20, "12:00 a: 07:44 alice: yes\n", "12:00 a: 07:44\n      alice: yes\n"},
    {20, "12345678901234567890 x\n", "12345678901234567890\n      x\n"},
    {20, "12:00 1234567890123456789\n", "12:00 12345678901234\n      56789\n"},
    {20, "a\nb\n", "a\nb\n"},
    {19, "1234567890123456789x\n", "1234567890123456789\n x\n"},
    /* wide characters are not torn; what libc does not know counts as wide */
    {20, "1234567890123456789\xe4\xbd\xa0\n", "1234567890123456789\n      \xe4\xbd\xa0\n"},
    {20, "1234567890123456789\xf3\xb0\x80\x80\n", "1234567890123456789\xf3\xb0\x80\x80\n"},
    {20, "1234567890123456789\xcd\xb8\n", "1234567890123456789\n      \xcd\xb8\n"},
    {20, "1234567890123456789\xe2\x9d\xa4\xef\xb8\x8f\n",
     "1234567890123456789\xe2\x9d\xa4\n      \xef\xb8\x8f\n"},
    /* four marks, and the fifth */
    {20, "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\n", "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\n"},
    {20, "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81x\xcc\x81\n",
     "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81x\xcc\x81\n"},
    /* colours have no width */
    {20, "\x1b[1;31m1234567890123456789\x1b[0m0\n", "\x1b[1;31m1234567890123456789\x1b[0m0\n"},
    {20, "\x1b[1;31m12345678901234567890\x1b[0mx\n",
     "\x1b[1;31m12345678901234567890\x1b[0m\n      x\n"},
};

START_TEST(breaks_rows)
{
    ck_assert_int_eq(wrap_append(&out, str_from(rows[_i].text), rows[_i].columns), 0);
    buf_append_char(&out, '\0');
    ck_assert_str_eq((char *)out.data, rows[_i].want);
}
END_TEST

/* Whatever the width: no row is wider, and each but the first begins with a blank. */
START_TEST(no_piece_begins_a_row)
{
    static const char text[] = "07:44 bob: 12:00 alice: 07:44 alice:yes,\xe4\xbd\xa0\xe5\xa5\xbd"
                               "07:44alice:07:44alice:07:44alice: * x joined\n";

    for (size_t columns = 4; columns < 100; columns++) {
        struct str all;
        bool is_first = true;

        out.len = 0;
        ck_assert_int_eq(wrap_append(&out, STR(text), columns), 0);
        all = (struct str){(char *)out.data, out.len};
        while (all.len > 0) {
            struct str row = str_cut(&all, '\n');

            ck_assert_uint_le(glyph_text_width(row), columns);
            ck_assert(is_first || row.ptr[0] == ' ');
            is_first = false;
        }
    }
}
END_TEST

Suite *suite_wrap(void)
{
    Suite *suite = suite_create("wrap");
    TCase *tcase = tcase_create("wrap");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, breaks_rows, 0, (int)ARRAY_LEN(rows));
    tcase_add_test(tcase, no_piece_begins_a_row);
    suite_add_tcase(suite, tcase);
    return suite;
}
