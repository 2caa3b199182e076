#include "base/ascii.h"

#include <check.h>
#include <string.h>

Suite *suite_ascii(void);

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define ALPHANUMERICS DIGITS LOWER UPPER
#define SUB_DELIMS "!$&'()*+,;="

/* The classes as the RFCs write them. */
static const struct {
    uint8_t class;
    const char *members;
} classes[] = {
    {ASCII_DIGIT, DIGITS},
    {ASCII_LETTER, LOWER UPPER},
    {ASCII_HEX, DIGITS "abcdefABCDEF"},
    {ASCII_TOKEN, ALPHANUMERICS "!#$%&'*+-.^_`|~"},
    {ASCII_UNRESERVED, ALPHANUMERICS "-._~"},
    {ASCII_NAME, ALPHANUMERICS "-._~" SUB_DELIMS},
    {ASCII_PATH, ALPHANUMERICS "-._~" SUB_DELIMS ":@/"},
    {ASCII_QUERY, ALPHANUMERICS "-._~" SUB_DELIMS ":@/?"},
};

START_TEST(every_byte_is_in_its_classes)
{
    for (int c = 0; c < 256; c++) {
        bool is_member = memchr(classes[_i].members, c, strlen(classes[_i].members)) != NULL;

        ck_assert_msg(ascii_is((char)c, classes[_i].class) == is_member, "byte %d", c);
    }
}
END_TEST

START_TEST(several_classes_are_a_union)
{
    ck_assert(ascii_is('7', ASCII_LETTER | ASCII_DIGIT));
    ck_assert(ascii_is('g', ASCII_LETTER | ASCII_DIGIT));
    ck_assert(!ascii_is('-', ASCII_LETTER | ASCII_DIGIT));
    ck_assert(!ascii_is('a', 0));
}
END_TEST

Suite *suite_ascii(void)
{
    Suite *suite = suite_create("ascii");
    TCase *cases = tcase_create("ascii");

    tcase_add_loop_test(cases, every_byte_is_in_its_classes, 0,
                        (int)(sizeof(classes) / sizeof(classes[0])));
    tcase_add_test(cases, several_classes_are_a_union);
    suite_add_tcase(suite, cases);
    return suite;
}
