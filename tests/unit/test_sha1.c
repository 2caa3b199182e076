#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha1.h"
#include "guard.h"

Suite *suite_sha1(void);

/* RFC 3174 repeats its last example eighty times. */
#define TEN(text) text text text text text text text text text text
#define EIGHTY(text) TEN(text text text text text text text text)

static char hex[2 * SHA1_SIZE + 1];

static const char *digest_of(const void *data, size_t len)
{
    uint8_t digest[SHA1_SIZE];

    sha1(digest, data, len);
    for (size_t i = 0; i < SHA1_SIZE; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return hex;
}

static const char *digest_of_text(const char *text)
{
    return digest_of(text, strlen(text));
}

/* The examples that NIST publishes for FIPS 180, and those of RFC 3174, section 7.3. */
START_TEST(published_vectors)
{
    ck_assert_str_eq(digest_of_text("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    ck_assert_str_eq(digest_of(NULL, 0), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    ck_assert_str_eq(digest_of_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
                     "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    ck_assert_str_eq(
        digest_of_text("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno"
                       "ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"),
        "a49b2446a02c645bf419f995b67091253a04a259");
    ck_assert_str_eq(digest_of_text("a"), "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8");
    ck_assert_str_eq(digest_of_text(EIGHTY("01234567")),
                     "dea356a2cddd90c7a7ecedc5ebb563934f460452");
}
END_TEST

START_TEST(a_million_letters)
{
    size_t len = 1000000;
    char *letters = malloc(len);

    ck_assert_ptr_nonnull(letters);
    memset(letters, 'a', len);
    ck_assert_str_eq(digest_of(letters, len), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    free(letters);
}
END_TEST

/* Around the lengths where the padding takes a block of its own. The digests are those of
 * coreutils' sha1sum. */
START_TEST(lengths_around_a_block)
{
    static const char *const digests[] = {
        "c1c8bbdc22796e28c0e15163d20899b65621d65a", /* 55 */
        "c2db330f6083854c99d4b5bfb6e8f29f201be699", /* 56 */
        "f08f24908d682555111be7ff6f004e78283d989a", /* 57 */
        "5ee0f8895f4e1aae6a6661de5c432e34188a5a2d", /* 58 */
        "dbc8b8f59ff85a2b1448ed873484b14bf0507246", /* 59 */
        "13d956033d9af449bfe2c4ef78c17c20469c4bf1", /* 60 */
        "aeab141db28af3353283b5ccb2a322df0b9b5f56", /* 61 */
        "67b4b3923fa178d788a9611b76446c96431071f2", /* 62 */
        "03f09f5b158a7a8cdad920bddc29b81c18a551f5", /* 63 */
        "0098ba824b5c16427bd7a1122a5a442a25ec644d", /* 64 */
        "11655326c708d70319be2610e8a57d9a5b959d3b", /* 65 */
    };

    for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
        char text[80];
        char *copy;

        memset(text, 'a', sizeof(text));
        copy = guard_copy(text, 55 + i);
        ck_assert_str_eq(digest_of(copy, 55 + i), digests[i]);
        guard_free(copy, 55 + i);
    }
}
END_TEST

/* RFC 6455, 1.3: the accept value before base64. */
START_TEST(handshake_example)
{
    ck_assert_str_eq(digest_of_text("dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11"),
                     "b37a4f2cc0624f1690f64606cf385945b2bec4ea");
}
END_TEST

Suite *suite_sha1(void)
{
    Suite *suite = suite_create("sha1");
    TCase *cases = tcase_create("sha1");

    tcase_add_test(cases, published_vectors);
    tcase_add_test(cases, a_million_letters);
    tcase_add_test(cases, lengths_around_a_block);
    tcase_add_test(cases, handshake_example);
    suite_add_tcase(suite, cases);
    return suite;
}
