#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "guard.h"

Suite *suite_base64(void);

/* As STR, but constant enough for a table. */
#define SLICE(literal)                                                                             \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

/* RFC 4648, section 10; the key and the accept value of RFC 6455, 1.3; and the whole alphabet. */
static const struct {
    struct str bytes;
    struct str text;
} vectors[] = {
    {SLICE(""), SLICE("")},
    {SLICE("f"), SLICE("Zg==")},
    {SLICE("fo"), SLICE("Zm8=")},
    {SLICE("foo"), SLICE("Zm9v")},
    {SLICE("foob"), SLICE("Zm9vYg==")},
    {SLICE("fooba"), SLICE("Zm9vYmE=")},
    {SLICE("foobar"), SLICE("Zm9vYmFy")},
    {SLICE("the sample nonce"), SLICE("dGhlIHNhbXBsZSBub25jZQ==")},
    {SLICE("\xb3\x7a\x4f\x2c\xc0\x62\x4f\x16\x90\xf6\x46\x06\xcf\x38\x59\x45\xb2\xbe\xc4\xea"),
     SLICE("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")},
    {SLICE(
         "\x00\x10\x83\x10\x51\x87\x20\x92\x8b\x30\xd3\x8f\x41\x14\x93\x51\x55\x97\x61\x96\x9b\x71"
         "\xd7\x9f\x82\x18\xa3\x92\x59\xa7\xa2\x9a\xab\xb2\xdb\xaf\xc3\x1c\xb3\xd3\x5d\xb7\xe3\x9e"
         "\xbb\xf3\xdf\xbf"),
     SLICE("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")},
};

#define VECTOR_COUNT (int)(sizeof(vectors) / sizeof(vectors[0]))

START_TEST(encodes_vectors)
{
    struct str bytes = vectors[_i].bytes;
    struct str text = vectors[_i].text;
    char out[80];

    memset(out, '#', sizeof(out));
    ck_assert_uint_eq(BASE64_SIZE(bytes.len), text.len);
    base64_encode(out, bytes.ptr, bytes.len);
    ck_assert_mem_eq(out, text.ptr, text.len);
    ck_assert_int_eq(out[text.len], '#');
}
END_TEST

START_TEST(decodes_vectors)
{
    struct str bytes = vectors[_i].bytes;
    struct str text = vectors[_i].text;
    char *copy = guard_copy(text.ptr, text.len);
    char out[80];

    ck_assert_int_eq(base64_decode(out, bytes.len, (struct str){copy, text.len}),
                     (ptrdiff_t)bytes.len);
    ck_assert_mem_eq(out, bytes.ptr, bytes.len);
    guard_free(copy, text.len);
}
END_TEST

START_TEST(comes_back_at_all_lengths)
{
    char bytes[BASE64_SIZE(200)];
    char back[200];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 73 + 5);
    for (size_t len = 0; len <= sizeof(back); len++) {
        size_t size = BASE64_SIZE(len);
        char *in = guard_copy(bytes, len);
        char *text = guard_copy(bytes, size);

        base64_encode(text, in, len);
        ck_assert_int_eq(base64_decode(back, len, (struct str){text, size}), (ptrdiff_t)len);
        ck_assert_mem_eq(back, bytes, len);
        guard_free(in, len);
        guard_free(text, size);
    }
}
END_TEST

START_TEST(refuses_bad_text)
{
    static const char *const bad[] = {
        "Z",    "Zg",       "Zg=",      "Zm9",  "Z===", "====",      "=",       "==",
        "===",  "Zg==Zg==", "Zm8=Zm9v", "Zg=v", "=m9v", "Z=9v",      "Zm9v=",   "Zm9v====",
        "Zm 9", "Zm9\n",    "Zm9v\r\n", "Zm-v", "Zm_v", "Zm9v Zm9v", "Zm9\x80", "Zm9\xff",
        "Zm9@", "Zm9[",     "Zm9`",     "Zm9{", "Zm9:", "Zm9,",      "Zm9.",    "Zm9*",
    };
    char out[80];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(base64_decode(out, sizeof(out), str_from(bad[i])) == -1, "%s", bad[i]);
    ck_assert_int_eq(base64_decode(out, sizeof(out), STR("Zm\0v")), -1);
}
END_TEST

START_TEST(refuses_lengths_that_are_no_multiple_of_4)
{
    struct str text = STR("Zm9vYmFyZm9v");
    char out[80];

    for (size_t len = 0; len <= text.len; len++) {
        ptrdiff_t expected = len % 4 == 0 ? (ptrdiff_t)(len / 4 * 3) : -1;

        ck_assert_int_eq(base64_decode(out, sizeof(out), (struct str){text.ptr, len}), expected);
    }
}
END_TEST

START_TEST(knows_each_character)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char out[3];

    for (int c = 1; c < 256; c++) {
        char text[4] = {'A', (char)c, 'A', 'A'};
        const char *at = strchr(alphabet, c);
        ptrdiff_t n = base64_decode(out, sizeof(out), (struct str){text, 4});

        ck_assert_int_eq(n, at == NULL ? -1 : 3);
        if (at != NULL)
            ck_assert_int_eq((unsigned char)out[0] << 4 | (unsigned char)out[1] >> 4,
                             at - alphabet);
    }
}
END_TEST

START_TEST(holds_to_the_room_it_has)
{
    char out[16];

    ck_assert_int_eq(base64_decode(out, 6, STR("Zm9vYmFy")), 6);
    ck_assert_int_eq(base64_decode(out, 5, STR("Zm9vYmFy")), -1);
    ck_assert_int_eq(base64_decode(out, 4, STR("Zm9vYg==")), 4);
    ck_assert_int_eq(base64_decode(out, 3, STR("Zm9vYg==")), -1);
    ck_assert_int_eq(base64_decode(out, 0, STR("Zg==")), -1);
    ck_assert_int_eq(base64_decode(NULL, 0, STR("")), 0);
}
END_TEST

START_TEST(does_not_judge_unused_bits)
{
    char out[1];

    ck_assert_int_eq(base64_decode(out, 1, STR("Zh==")), 1);
    ck_assert_int_eq(out[0], 'f');
}
END_TEST

/* ---- base64url ---- */

/* RFC 4648, section 10, without padding; RFC 7515, appendix C; and what differs of the alphabet. */
static const struct {
    struct str bytes;
    struct str text;
} url_vectors[] = {
    {SLICE(""), SLICE("")},
    {SLICE("f"), SLICE("Zg")},
    {SLICE("fo"), SLICE("Zm8")},
    {SLICE("foo"), SLICE("Zm9v")},
    {SLICE("foob"), SLICE("Zm9vYg")},
    {SLICE("fooba"), SLICE("Zm9vYmE")},
    {SLICE("foobar"), SLICE("Zm9vYmFy")},
    {SLICE("\x03\xec\xff\xe0\xc1"), SLICE("A-z_4ME")},
    {SLICE("\xfb\xff\xbf"), SLICE("-_-_")},
};

START_TEST(url_vectors_both_ways)
{
    struct str bytes = url_vectors[_i].bytes, text = url_vectors[_i].text;
    char *copy = guard_copy(text.ptr, text.len);
    char out[16];

    memset(out, '#', sizeof(out));
    ck_assert_uint_eq(BASE64URL_SIZE(bytes.len), text.len);
    base64url_encode(out, bytes.ptr, bytes.len);
    ck_assert_mem_eq(out, text.ptr, text.len);
    ck_assert_int_eq(out[text.len], '#');
    ck_assert_int_eq(base64url_decode(out, bytes.len, (struct str){copy, text.len}),
                     (ptrdiff_t)bytes.len);
    ck_assert_mem_eq(out, bytes.ptr, bytes.len);
    ck_assert(bytes.len <= BASE64URL_BYTES(text.len));
    if (bytes.len > 0)
        ck_assert_int_eq(base64url_decode(out, bytes.len - 1, text), -1);
    guard_free(copy, text.len);
}
END_TEST

/* Padding, the other alphabet, impossible lengths, and bits that nobody may hide something in. */
START_TEST(url_has_one_form_alone)
{
    static const char *const bad[] = {"Zg==", "Zm8=", "Z",     "Zm9vY", "-+-_", "_/_-",   "Zh",
                                      "Zm9",  "Zm 9", "Zm9\n", "Zm9.",  "Zm9~", "Zm9\xff"};
    char out[16];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(base64url_decode(out, sizeof(out), str_from(bad[i])) == -1, "%s", bad[i]);
    ck_assert_int_eq(base64url_decode(out, sizeof(out), STR("Zm\0v")), -1);
}
END_TEST

START_TEST(url_comes_back_at_all_lengths)
{
    char bytes[BASE64URL_SIZE(80)], back[80]; /* also as long as the text is */

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 73 + 5);
    for (size_t len = 0; len <= sizeof(back); len++) {
        size_t size = BASE64URL_SIZE(len);
        char *in = guard_copy(bytes, len), *text = guard_copy(bytes, size);

        base64url_encode(text, in, len);
        ck_assert_int_eq(base64url_decode(back, len, (struct str){text, size}), (ptrdiff_t)len);
        ck_assert_mem_eq(back, bytes, len);
        guard_free(in, len);
        guard_free(text, size);
    }
}
END_TEST

Suite *suite_base64(void)
{
    Suite *suite = suite_create("base64");
    TCase *cases = tcase_create("base64");

    tcase_add_loop_test(cases, encodes_vectors, 0, VECTOR_COUNT);
    tcase_add_loop_test(cases, decodes_vectors, 0, VECTOR_COUNT);
    tcase_add_test(cases, comes_back_at_all_lengths);
    tcase_add_test(cases, refuses_bad_text);
    tcase_add_test(cases, refuses_lengths_that_are_no_multiple_of_4);
    tcase_add_test(cases, knows_each_character);
    tcase_add_test(cases, holds_to_the_room_it_has);
    tcase_add_test(cases, does_not_judge_unused_bits);
    tcase_add_loop_test(cases, url_vectors_both_ways, 0,
                        (int)(sizeof(url_vectors) / sizeof(url_vectors[0])));
    tcase_add_test(cases, url_has_one_form_alone);
    tcase_add_test(cases, url_comes_back_at_all_lengths);
    suite_add_tcase(suite, cases);
    return suite;
}
