#include <check.h>

#include "base/str.h"

Suite *suite_str(void);

static bool is(struct str s, const char *text)
{
    return str_equals(s, str_from(text));
}

START_TEST(from_takes_all_but_the_nul)
{
    struct str s = str_from("abc");

    ck_assert_uint_eq(s.len, 3);
    ck_assert_mem_eq(s.ptr, "abc", 3);
    ck_assert_uint_eq(str_from("").len, 0);
    ck_assert_uint_eq(STR("a\0b").len, 3);
}
END_TEST

START_TEST(equals_compares_length_and_bytes)
{
    ck_assert(str_equals(STR("abc"), STR("abc")));
    ck_assert(!str_equals(STR("abc"), STR("abC")));
    ck_assert(!str_equals(STR("abc"), STR("ab")));
    ck_assert(!str_equals(STR("a\0b"), STR("a\0c")));
    ck_assert(str_equals((struct str){NULL, 0}, STR("")));
}
END_TEST

START_TEST(equals_nocase_folds_only_ascii_letters)
{
    ck_assert(str_equals_nocase(STR("WebSocket"), STR("wEBsOCKET")));
    ck_assert(str_equals_nocase(STR("azAZ"), STR("AZaz")));
    ck_assert(!str_equals_nocase(STR("abc"), STR("abcd")));
    ck_assert(!str_equals_nocase(STR("@"), STR("`")));
    ck_assert(!str_equals_nocase(STR("["), STR("{")));
    ck_assert(!str_equals_nocase(STR("\xc4"), STR("\xe4")));
    ck_assert(str_equals_nocase((struct str){NULL, 0}, STR("")));
}
END_TEST

START_TEST(trim_takes_blanks_off_both_ends)
{
    ck_assert(is(str_trim(STR(" \t a b\t ")), "a b"));
    ck_assert(is(str_trim(STR("a")), "a"));
    ck_assert(is(str_trim(STR(" \t ")), ""));
    ck_assert(is(str_trim(STR("")), ""));
    ck_assert(is(str_trim(STR("\na\r")), "\na\r"));
}
END_TEST

START_TEST(cut_walks_a_list)
{
    struct str s = STR("a,,bc,");

    ck_assert(is(str_cut(&s, ','), "a"));
    ck_assert(is(str_cut(&s, ','), ""));
    ck_assert(is(str_cut(&s, ','), "bc"));
    ck_assert_ptr_nonnull(s.ptr);
    ck_assert_uint_eq(s.len, 0);
    ck_assert(is(str_cut(&s, ','), ""));
    ck_assert_ptr_null(s.ptr);
}
END_TEST

START_TEST(cut_without_separator_takes_all)
{
    struct str s = STR("abc");

    ck_assert(is(str_cut(&s, ','), "abc"));
    ck_assert_ptr_null(s.ptr);
    ck_assert_uint_eq(s.len, 0);
    ck_assert_uint_eq(str_cut(&s, ',').len, 0);
}
END_TEST

START_TEST(to_u64_reads_plain_decimals)
{
    static const struct {
        const char *text;
        uint64_t value;
    } good[] = {
        {"0", 0},
        {"7", 7},
        {"10", 10},
        {"9223372036854775807", INT64_MAX},
        {"18446744073709551615", UINT64_MAX},
    };
    uint64_t value;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_msg(str_to_u64(str_from(good[i].text), UINT64_MAX, &value), "%s", good[i].text);
        ck_assert_uint_eq(value, good[i].value);
    }
}
END_TEST

START_TEST(to_u64_refuses_the_rest)
{
    static const char *const bad[] = {
        "",
        "00",
        "01",
        "+1",
        "-1",
        "1 ",
        " 1",
        "1a",
        "a",
        "/",
        ":",
        "0x1",
        "1.0",
        "1\n2",
        "1e3",
        "\xb2",
        "18446744073709551616",
        "18446744073709551620",
        "99999999999999999999",
        "100000000000000000000",
    };
    uint64_t value = 42;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(!str_to_u64(str_from(bad[i]), UINT64_MAX, &value), "%s", bad[i]);
    ck_assert_uint_eq(value, 42);
}
END_TEST

START_TEST(to_u64_holds_to_its_limit)
{
    uint64_t value = 0;

    ck_assert(str_to_u64(STR("100"), 100, &value));
    ck_assert_uint_eq(value, 100);
    ck_assert(!str_to_u64(STR("101"), 100, &value));
    ck_assert(!str_to_u64(STR("1"), 0, &value));
    ck_assert_uint_eq(value, 100);
}
END_TEST

Suite *suite_str(void)
{
    Suite *suite = suite_create("str");
    TCase *cases = tcase_create("str");

    tcase_add_test(cases, from_takes_all_but_the_nul);
    tcase_add_test(cases, equals_compares_length_and_bytes);
    tcase_add_test(cases, equals_nocase_folds_only_ascii_letters);
    tcase_add_test(cases, trim_takes_blanks_off_both_ends);
    tcase_add_test(cases, cut_walks_a_list);
    tcase_add_test(cases, cut_without_separator_takes_all);
    tcase_add_test(cases, to_u64_reads_plain_decimals);
    tcase_add_test(cases, to_u64_refuses_the_rest);
    tcase_add_test(cases, to_u64_holds_to_its_limit);
    suite_add_tcase(suite, cases);
    return suite;
}
