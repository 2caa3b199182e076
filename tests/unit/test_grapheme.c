/* One character as a person sees it. The sequences are those of UTS 51 and UAX 29. */
#include <check.h>

#include "base/grapheme.h"
#include "base/util.h"

Suite *suite_grapheme(void);

static const struct {
    const char *text;
    bool is_one;
} texts[] = {
    {"a", true},
    {"\xc3\xa9", true},
    {"e\xcc\x81", true}, /* with a combining accent */
    {"\xf0\x9f\x91\x8d", true},
    {"\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd", true},             /* with a skin tone */
    {"\xe2\x9d\xa4\xef\xb8\x8f", true},                     /* with a variation selector */
    {"1\xef\xb8\x8f\xe2\x83\xa3", true},                    /* a keycap */
    {"\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa", true},             /* a flag */
    {"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb", true}, /* joined */
    {"\xf0\x9f\x8f\xb4\xf3\xa0\x81\xa7\xf3\xa0\x81\xa2\xf3\xa0\x81\xbf", true}, /* tags */
    {"", false},
    {"ab", false},
    {" ", false},
    {"\n", false},
    {"\x7f", false},
    {"a ", false},
    {"\xcc\x81", false},     /* an accent alone */
    {"\xe2\x80\x8b", false}, /* zero width space */
    {"\xe2\x80\x8d", false}, /* a joiner alone */
    {"\xf0\x9f\x91\x8d\xf0\x9f\x91\x8d", false},
    {"\xf0\x9f\x91\x8d\xe2\x80\x8d", false},  /* joined with nothing */
    {"\xf0\x9f\x91\x8d\xe2\x80\x8d ", false}, /* joined with a blank */
    {"\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa\xf0\x9f\x87\xa9", false},
    {"\xf0\x9f\x87\xa9\xcc\x81\xf0\x9f\x87\xaa", false},
    {"\xe2\x80\xae", false}, /* an override */
    {"\xe3\x85\xa4", false}, /* Hangul filler */
};

START_TEST(tells_one_from_several)
{
    ck_assert_msg(grapheme_is_one(str_from(texts[_i].text)) == texts[_i].is_one, "%s",
                  texts[_i].text);
}
END_TEST

Suite *suite_grapheme(void)
{
    Suite *suite = suite_create("grapheme");
    TCase *tcase = tcase_create("grapheme");

    tcase_add_loop_test(tcase, tells_one_from_several, 0, ARRAY_LEN(texts));
    suite_add_tcase(suite, tcase);
    return suite;
}
