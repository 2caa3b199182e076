/* The tests' own comparison of JSON texts: what it takes for the same, and what not. */
#include <check.h>
#include <string.h>

#include "base/util.h"
#include "unit/json_same.h"

Suite *suite_json_same(void);

static const struct {
    const char *a, *b;
    bool is_same;
} pairs[] = {
    {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true},
    {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":2}", false},
    {"{\"a\":1,\"b\":2}", "{\"a\":1}", false},
    {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
    {"{\"a\":1,\"b\":1}", "{\"a\":1,\"a\":1}", false},
    {"{\"a\":[{\"b\":1,\"c\":2},3]}", "{\"a\":[{\"c\":2,\"b\":1},3]}", true},
    {"[1,2]", "[2,1]", false},
    {"{\"a\":\"},{\\\"\"}", "{\"a\":\"},{\\\"\"}", true},
    {"{\"a\":\"x,y\",\"b\":\"\"}", "{\"b\":\"\",\"a\":\"x,y\"}", true},
    {"{\"a\":\"x\"}", "{\"a\":\"y\"}", false},
    {"{\"a\\\"\":1,\"b\":2}", "{\"b\":2,\"a\\\"\":1}", true},
    {"{}", "{}", true},
    {"{}", "[]", false},
    {"You wrote: {", "You wrote: {", true},
    {"You wrote: {", "You wrote: [", false},
    {"", "", true},
    {"", "{}", false},
    {"{\"a\":1", "{\"a\":1", true},
};

START_TEST(compares)
{
    const char *a = pairs[_i].a, *b = pairs[_i].b;

    ck_assert_msg(json_same(a, strlen(a), b, strlen(b)) == pairs[_i].is_same, "%s and %s", a, b);
}
END_TEST

Suite *suite_json_same(void)
{
    Suite *suite = suite_create("json_same");
    TCase *tcase = tcase_create("json_same");

    tcase_add_loop_test(tcase, compares, 0, ARRAY_LEN(pairs));
    suite_add_tcase(suite, tcase);
    return suite;
}
