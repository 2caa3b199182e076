#include "proto/http_fields.h"

#include <check.h>
#include <string.h>

#include "guard.h"

Suite *suite_http_fields(void);

static struct http_fields fields;

/* Reads `count` lines of 4 bytes, with nothing readable behind them. */
static void read_tiny(size_t count)
{
    static char text[HTTP_FIELDS_SIZE_MAX + 8];
    size_t len = 4 * count;
    char *copy;

    for (size_t i = 0; i < len; i += 4)
        memcpy(text + i, i + 4 == len ? "z:\r\n" : "a:\r\n", 4);
    copy = guard_copy(text, len);
    http_fields_read(&fields, (struct str){copy, len});
    guard_free(copy, len);
    fields.text.ptr = text;
}

START_TEST(as_many_lines_as_there_can_be)
{
    struct str value;

    read_tiny(HTTP_FIELDS_MAX);
    ck_assert_uint_eq(http_field_get(&fields, STR("A"), &value), HTTP_FIELDS_MAX - 1);
    ck_assert_uint_eq(value.len, 0);
    ck_assert_uint_eq(http_field_get(&fields, STR("z"), &value), 1);
}
END_TEST

START_TEST(what_is_beyond_is_left_out)
{
    struct str value;

    read_tiny(HTTP_FIELDS_MAX + 1);
    ck_assert_uint_eq(http_field_get(&fields, STR("a"), &value), HTTP_FIELDS_MAX);
    ck_assert_uint_eq(http_field_get(&fields, STR("z"), &value), 0);
}
END_TEST

/* Lines that no head has, for they have no CR, are shorter still. */
START_TEST(lines_that_are_too_short_are_bounded)
{
    static char text[HTTP_FIELDS_SIZE_MAX];

    for (size_t i = 0; i < sizeof(text); i += 2)
        memcpy(text + i, ":\n", 2);
    http_fields_read(&fields, (struct str){text, sizeof(text)});
    ck_assert_uint_eq(fields.count, HTTP_FIELDS_MAX);
}
END_TEST

START_TEST(no_lines_at_all)
{
    struct str value;
    size_t line = 0;

    http_fields_read(&fields, (struct str){NULL, 0});
    ck_assert_uint_eq(http_field_get(&fields, STR("a"), &value), 0);
    ck_assert_ptr_null(value.ptr);
    ck_assert(!http_field_next(&fields, &line, STR("a"), &value));
    ck_assert(!http_field_has_token(&fields, STR("a"), STR("b")));
}
END_TEST

/* A name is neither the beginning of another, nor what stands in a value. */
START_TEST(names_are_whole)
{
    struct str value;

    http_fields_read(&fields, STR("Host: Key: x\r\nHosts: y\r\nX-Key: z\r\n"));
    ck_assert_uint_eq(http_field_get(&fields, STR("host"), &value), 1);
    ck_assert(str_equals(value, STR("Key: x")));
    ck_assert_uint_eq(http_field_get(&fields, STR("Key"), &value), 0);
    ck_assert_uint_eq(http_field_get(&fields, STR("Hos"), &value), 0);
}
END_TEST

Suite *suite_http_fields(void)
{
    Suite *suite = suite_create("http_fields");
    TCase *cases = tcase_create("http_fields");

    tcase_add_test(cases, as_many_lines_as_there_can_be);
    tcase_add_test(cases, what_is_beyond_is_left_out);
    tcase_add_test(cases, lines_that_are_too_short_are_bounded);
    tcase_add_test(cases, no_lines_at_all);
    tcase_add_test(cases, names_are_whole);
    suite_add_tcase(suite, cases);
    return suite;
}
