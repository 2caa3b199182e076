#include "proto/http/coding.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "guard.h"

Suite *suite_http_coding(void);

/* What is chosen by these lines, which end where readable memory does. */
static enum http_coding choose(const char *lines)
{
    size_t len = strlen(lines);
    char *copy = guard_copy(lines, len);
    struct http_fields fields;
    enum http_coding coding;

    http_fields_read(&fields, (struct str){copy, len});
    coding = http_coding_choose(&fields);
    guard_free(copy, len);
    return coding;
}

static const struct {
    const char *value;
    enum http_coding coding;
} values[] = {
    {"gzip", HTTP_CODING_GZIP},
    {"GZip", HTTP_CODING_GZIP},
    {"x-gzip", HTTP_CODING_GZIP},
    {"gzip, deflate, br, zstd", HTTP_CODING_GZIP},
    {"br;q=1.0, gzip;q=0.8, *;q=0.1", HTTP_CODING_GZIP},
    {"gzip;q=0.001", HTTP_CODING_GZIP},
    {"gzip ; q=0.5", HTTP_CODING_GZIP},
    {"gzip;Q=1.000", HTTP_CODING_GZIP},
    {"gzip;q=1.", HTTP_CODING_GZIP},
    {"*", HTTP_CODING_GZIP},
    {"identity;q=0, *", HTTP_CODING_GZIP},
    {"identity;q=0.5, gzip;q=0.5", HTTP_CODING_GZIP},
    {",, gzip ,", HTTP_CODING_GZIP},
    {"", HTTP_CODING_IDENTITY},
    {",", HTTP_CODING_IDENTITY},
    {"br", HTTP_CODING_IDENTITY},
    {"identity", HTTP_CODING_IDENTITY},
    {"identity, gzip;q=0.999", HTTP_CODING_IDENTITY},
    {"gzip;q=0", HTTP_CODING_IDENTITY},
    {"gzip;q=0.000", HTTP_CODING_IDENTITY},
    {"gzip;q=0, *", HTTP_CODING_IDENTITY},
    {"*;q=0, identity", HTTP_CODING_IDENTITY},
    {"gzipped", HTTP_CODING_IDENTITY},
    {"gzi", HTTP_CODING_IDENTITY},
    /* malformed: they say nothing */
    {"gzip;q=1.001", HTTP_CODING_IDENTITY},
    {"gzip;q=2", HTTP_CODING_IDENTITY},
    {"gzip;q=0.1234", HTTP_CODING_IDENTITY},
    {"gzip;q=-1", HTTP_CODING_IDENTITY},
    {"gzip;q=.5", HTTP_CODING_IDENTITY},
    {"gzip;q=0.x", HTTP_CODING_IDENTITY},
    {"gzip;q=", HTTP_CODING_IDENTITY},
    {"gzip;", HTTP_CODING_IDENTITY},
    {"gzip;level=9", HTTP_CODING_IDENTITY},
    {"gzip;q=1;q=0", HTTP_CODING_IDENTITY},
    {"identity;q=0", HTTP_CODING_NEITHER},
    {"*;q=0", HTTP_CODING_NEITHER},
    {"br, identity;q=0", HTTP_CODING_NEITHER},
    {"gzip;q=0, identity;q=0", HTTP_CODING_NEITHER},
};

START_TEST(the_greater_weight_wins)
{
    char line[128];

    snprintf(line, sizeof(line), "Accept-Encoding: %s\r\n", values[_i].value);
    ck_assert_msg(choose(line) == values[_i].coding, "%s", line);
}
END_TEST

START_TEST(nothing_asked_is_identity)
{
    ck_assert_int_eq(choose(""), HTTP_CODING_IDENTITY);
    ck_assert_int_eq(choose("Host: gzip\r\n"), HTTP_CODING_IDENTITY);
}
END_TEST

START_TEST(lines_are_one_list)
{
    ck_assert_int_eq(choose("Accept-Encoding: br\r\naccept-encoding: gzip\r\n"), HTTP_CODING_GZIP);
    ck_assert_int_eq(choose("Accept-Encoding: *;q=0\r\nAccept-Encoding: identity;q=0.1\r\n"),
                     HTTP_CODING_IDENTITY);
}
END_TEST

Suite *suite_http_coding(void)
{
    Suite *suite = suite_create("http_coding");
    TCase *tcase = tcase_create("choose");

    tcase_add_loop_test(tcase, the_greater_weight_wins, 0, ARRAY_LEN(values));
    tcase_add_test(tcase, nothing_asked_is_identity);
    tcase_add_test(tcase, lines_are_one_list);
    suite_add_tcase(suite, tcase);
    return suite;
}
