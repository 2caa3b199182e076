#include "cli/glyph.h"

#include <locale.h>
#include <string.h>

#include <check.h>

#include "base/util.h"
#include "guard.h"

Suite *suite_glyph(void);

static void choose_utf8(void)
{
    ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
}

START_TEST(finds_characters)
{
    static const struct {
        const char *text;
        uint32_t code;
        size_t len;
    } rows[] = {
        {"a", 'a', 1},
        {"\xc3\xa9x", 0xe9, 2},
        {"\xe2\x82\xac", 0x20ac, 3},
        {"\xf0\x9f\x98\x80", 0x1f600, 4},
        {"\xf4\x8f\xbf\xbf", 0x10ffff, 4},
        {"\x80", 0xfffd, 1},
        {"\xc3", 0xfffd, 1},
        {"\xc3x", 0xfffd, 1},
        {"\xc0\x80", 0xfffd, 1},
        {"\xed\xa0\x80", 0xfffd, 1},
        {"\xf4\x90\x80\x80", 0xfffd, 1},
        {"\xff", 0xfffd, 1},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len = strlen(rows[i].text);
        char *copy = guard_copy(rows[i].text, len);
        struct glyph glyph = glyph_first((struct str){copy, len});

        ck_assert_uint_eq(glyph.code, rows[i].code);
        ck_assert_uint_eq(glyph.len, rows[i].len);
        ck_assert_int_eq(glyph.is_valid, rows[i].code != 0xfffd);
        guard_free(copy, len);
    }
}
END_TEST

START_TEST(finds_the_last_character)
{
    ck_assert_uint_eq(glyph_last_len(STR("")), 0);
    ck_assert_uint_eq(glyph_last_len(STR("a")), 1);
    ck_assert_uint_eq(glyph_last_len(STR("ab\xc3\xa9")), 2);
    ck_assert_uint_eq(glyph_last_len(STR("\xe2\x82\xac")), 3);
    ck_assert_uint_eq(glyph_last_len(STR("a\xf0\x9f\x98\x80")), 4);
    ck_assert_uint_eq(glyph_last_len(STR("a\x82\xac")), 1);
    ck_assert_uint_eq(glyph_last_len(STR("\xe2\x82")), 1);
}
END_TEST

START_TEST(knows_widths)
{
    ck_assert_uint_eq(glyph_text_width(STR("abc")), 3);
    ck_assert_uint_eq(glyph_text_width(STR("e\xcc\x81")), 1);                /* combining */
    ck_assert_uint_eq(glyph_text_width(STR("\xe4\xbd\xa0\xe5\xa5\xbd")), 4); /* wide */
    ck_assert_uint_eq(glyph_text_width(STR("\xf0\x9f\x98\x80")), 2);
    ck_assert_uint_eq(glyph_text_width(STR("\x1b")), 6); /* \u001b */
    ck_assert_uint_eq(glyph_text_width(STR("\xf3\xa0\x80\xa0")), 12);
    ck_assert_uint_eq(glyph_text_width(STR("\xff")), 1);
}
END_TEST

static void expect_safe(struct str text, const char *want)
{
    struct buf out;

    buf_init(&out);
    ck_assert_int_eq(glyph_append_safe(&out, text), 0);
    buf_append_char(&out, '\0');
    ck_assert_str_eq((char *)out.data, want);
    buf_deinit(&out);
}

START_TEST(escapes_what_is_unsafe)
{
    expect_safe(STR("plain \xc3\xa9 \xe4\xbd\xa0"), "plain \xc3\xa9 \xe4\xbd\xa0");
    expect_safe(STR("\x1b[2J\a\r\n\t"), "\\u001b[2J\\u0007\\u000d\\u000a\\u0009");
    expect_safe(STR("a\0b\x7f"), "a\\u0000b\\u007f");
    expect_safe(STR("\xc2\x9b"
                    "31m\xc2\x80"),
                "\\u009b31m\\u0080");
    expect_safe(STR("\xe2\x80\xae\xe2\x81\xa6\xd8\x9c\xe2\x80\x8f"),
                "\\u202e\\u2066\\u061c\\u200f");
    expect_safe(STR("\xe2\x80\xa8\xef\xbb\xbf"), "\\u2028\\ufeff");
    expect_safe(STR("\xf3\xa0\x80\xa0\xf3\xa0\xbf\xbf"), "\\udb40\\udc20\\udb43\\udfff");
    expect_safe(STR("\x9b\xff"), "\xef\xbf\xbd\xef\xbf\xbd");
}
END_TEST

/* Whatever the code point, what comes out has no control and no bidirectional control. */
START_TEST(nothing_unsafe_gets_through)
{
    static const uint32_t unsafe[] = {
        0x00,    0x1f,    0x1b,    0x7f,    0x80,    0x9f,    0xad,    0x61c,  0x180e,
        0x200b,  0x200e,  0x2060,  0x2065,  0xfff9,  0xfffb,  0x200f,  0x2028, 0x202a,
        0x202e,  0x2066,  0x2069,  0xfeff,  0x34f,   0x115f,  0x1160,  0x17b4, 0x17b5,
        0x180b,  0x180f,  0x206a,  0x206f,  0x2800,  0x3164,  0xffa0,  0xfff0, 0xfff8,
        0x1bca0, 0x1bca3, 0x1d173, 0x1d17a, 0xe0000, 0xe0020, 0xe007f, 0xe0fff};
    static const uint32_t safe[] = {
        0x20,   0x7e,   0xa0,   0xac,   0xae,   0x61b,  0x200c, 0x200d,  0x2027,  0x202f,
        0x205f, 0x2070, 0x27ff, 0x2801, 0x34e,  0x350,  0x115e, 0x1161,  0x180a,  0x1810,
        0x3163, 0x3165, 0xfe0f, 0xff9f, 0xffa1, 0xffef, 0xfffc, 0x1f600, 0xdffff, 0xe1000};

    for (size_t i = 0; i < ARRAY_LEN(unsafe); i++)
        ck_assert(glyph_is_unsafe(unsafe[i]));
    for (size_t i = 0; i < ARRAY_LEN(safe); i++)
        ck_assert(!glyph_is_unsafe(safe[i]));
}
END_TEST

START_TEST(knows_what_shows_nothing)
{
    static const uint32_t blank[] = {' ', 0xa0, 0x2003, 0x200d, 0x2800, 0x3000, 0xfe0f, 0xe0041};

    for (size_t i = 0; i < ARRAY_LEN(blank); i++)
        ck_assert(glyph_is_blank(blank[i]));
    ck_assert(!glyph_is_blank('/'));
    ck_assert(!glyph_is_blank(0x3001));
    ck_assert(!glyph_is_blank(0x2010));
}
END_TEST

START_TEST(makes_text_valid)
{
    struct buf out;

    buf_init(&out);
    ck_assert_int_eq(glyph_append_valid(&out, STR("a\xff\x1b\xc3\xa9\xe2\x82")), 0);
    ck_assert_uint_eq(out.len, 13);
    ck_assert_mem_eq(out.data, "a\xef\xbf\xbd\x1b\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd", 13);
    buf_deinit(&out);
}
END_TEST

Suite *suite_glyph(void)
{
    Suite *suite = suite_create("glyph");
    TCase *tcase = tcase_create("glyph");

    tcase_add_checked_fixture(tcase, choose_utf8, NULL);
    tcase_add_test(tcase, finds_characters);
    tcase_add_test(tcase, finds_the_last_character);
    tcase_add_test(tcase, knows_widths);
    tcase_add_test(tcase, escapes_what_is_unsafe);
    tcase_add_test(tcase, nothing_unsafe_gets_through);
    tcase_add_test(tcase, knows_what_shows_nothing);
    tcase_add_test(tcase, makes_text_valid);
    suite_add_tcase(suite, tcase);
    return suite;
}
