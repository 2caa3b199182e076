#include "proto/http/query.h"

#include <string.h>

#include <check.h>

#include "base/util.h"
#include "guard.h"

Suite *suite_http_query(void);

/* Decodes text against a guard page into exactly `cap` bytes before another. */
static ptrdiff_t decode(char *out, size_t cap, const char *text, bool plus_is_space)
{
    size_t len = strlen(text);
    char *in = guard_copy(text, len);
    char *room = guard_copy(out, cap);
    ptrdiff_t result = http_percent_decode(room, cap, (struct str){in, len}, plus_is_space);

    if (result > 0)
        memcpy(out, room, (size_t)result);
    guard_free(room, cap);
    guard_free(in, len);
    return result;
}

static void expect_decoded(const char *text, bool plus_is_space, struct str want)
{
    char out[64] = "";

    ck_assert_int_eq(decode(out, want.len, text, plus_is_space), (int)want.len);
    ck_assert_mem_eq(out, want.ptr, want.len);
    if (want.len > 0) /* one byte too little room */
        ck_assert_int_eq(decode(out, want.len - 1, text, plus_is_space), -1);
}

START_TEST(decodes)
{
    expect_decoded("", false, STR(""));
    expect_decoded("abc", false, STR("abc"));
    expect_decoded("a+b", false, STR("a+b"));
    expect_decoded("a+b", true, STR("a b"));
    expect_decoded("%2B", true, STR("+"));
    expect_decoded("%41%6a%6A%20", false, STR("Ajj "));
    expect_decoded("%00%ff%FF", false, STR("\0\xff\xff"));
    expect_decoded("%252e", false, STR("%2e"));
    expect_decoded("%C3%A9\xc3\xa9", false, STR("\xc3\xa9\xc3\xa9"));
}
END_TEST

START_TEST(refuses_bad_escapes)
{
    static const char *const rows[] = {"%", "%4", "a%", "%g1", "%1g", "%%41", "% 1", "%-1", "%+1"};
    char out[8] = "";

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_msg(decode(out, sizeof(out), rows[i], true) == -1, "%s", rows[i]);
}
END_TEST

START_TEST(finds_parameters)
{
    static const struct {
        const char *query;
        const char *name;
        int count;
        const char *raw;
    } rows[] = {
        {"", "a", 0, ""},
        {"a", "a", 1, ""},
        {"a=", "a", 1, ""},
        {"a=1", "a", 1, "1"},
        {"a=1&b=2", "b", 1, "2"},
        {"b=2&a=1", "b", 1, "2"},
        {"a=1&a=2&a", "a", 3, "1"},
        {"a&a=2", "a", 2, ""},
        {"&&a=1&&", "a", 1, "1"},
        {"&", "", 0, ""},
        {"=1", "", 1, "1"},
        {"a=b=c", "a", 1, "b=c"},
        {"a=%20+%26", "a", 1, "%20+%26"},
        {"a;b=1", "b", 0, ""},
        {"aa=1", "a", 0, ""},
        {"a=1", "aa", 0, ""},
        {"A=1", "a", 0, ""},
        {"%61=1", "a", 1, "1"},
        {"a=1&%61=2", "a", 2, "1"},
        {"a+b=1", "a b", 1, "1"},
        {"%6=1", "a", 0, ""},
        {"a%=1", "a", 0, ""},
        {"a%3D=1", "a=", 1, "1"},
        {"a%26b=1", "b", 0, ""},
        {"since=1&history=2&room=x", "room", 1, "x"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len = strlen(rows[i].query);
        char *copy = guard_copy(rows[i].query, len);
        struct str raw;
        int count = http_query_get((struct str){copy, len}, str_from(rows[i].name), &raw);

        ck_assert_msg(count == rows[i].count, "%d in %s", count, rows[i].query);
        ck_assert(str_equals(raw, str_from(rows[i].raw)));
        guard_free(copy, len);
    }
}
END_TEST

START_TEST(compares_names_within_their_bounds)
{
    struct str raw;

    ck_assert_int_eq(http_query_get(STR("aa=1"), (struct str){"aa", 1}, &raw), 0);
    ck_assert_int_eq(http_query_get(STR("%00=1"), STR("\0"), &raw), 1);
}
END_TEST

START_TEST(finds_nothing_without_a_query)
{
    struct str raw;

    ck_assert_int_eq(http_query_get((struct str){NULL, 0}, STR("a"), &raw), 0);
    ck_assert_uint_eq(raw.len, 0);
}
END_TEST

Suite *suite_http_query(void)
{
    Suite *suite = suite_create("http_query");
    TCase *tcase = tcase_create("query");

    tcase_add_test(tcase, decodes);
    tcase_add_test(tcase, refuses_bad_escapes);
    tcase_add_test(tcase, finds_parameters);
    tcase_add_test(tcase, compares_names_within_their_bounds);
    tcase_add_test(tcase, finds_nothing_without_a_query);
    suite_add_tcase(suite, tcase);
    return suite;
}
