#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "guard.h"

Suite *suite_sha256(void);

/* RFC 6234 repeats its last example eighty times. */
#define TEN(text) text text text text text text text text text text
#define EIGHTY(text) TEN(text text text text text text text text)

static char hex[2 * SHA256_SIZE + 1];

static const char *digest_of(const void *data, size_t len)
{
    uint8_t digest[SHA256_SIZE];

    sha256(digest, data, len);
    for (size_t i = 0; i < SHA256_SIZE; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return hex;
}

static const char *digest_of_text(const char *text)
{
    return digest_of(text, strlen(text));
}

/* The examples that NIST publishes for FIPS 180, and those of RFC 6234, section 8.5. */
START_TEST(published_vectors)
{
    ck_assert_str_eq(digest_of_text("abc"),
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    ck_assert_str_eq(digest_of(NULL, 0),
                     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    ck_assert_str_eq(digest_of_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
                     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    ck_assert_str_eq(
        digest_of_text("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno"
                       "ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"),
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
    ck_assert_str_eq(digest_of_text("\x19"),
                     "68aa2e2ee5dff96e3355e6c7ee373e3d6a4e17f75f9518d843709c0c9bc3e3d4");
    ck_assert_str_eq(digest_of_text(EIGHTY("01234567")),
                     "594847328451bdfa85056225462cc1d867d877fb388df0ce35f25ab5562bfbb5");
}
END_TEST

START_TEST(a_million_letters)
{
    size_t len = 1000000;
    char *letters = malloc(len);

    ck_assert_ptr_nonnull(letters);
    memset(letters, 'a', len);
    ck_assert_str_eq(digest_of(letters, len),
                     "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(letters);
}
END_TEST

/* Around the lengths where the padding takes a block of its own. The digests are those of
 * coreutils' sha256sum. */
START_TEST(lengths_around_a_block)
{
    static const char *const digests[] = {
        "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318", /* 55 */
        "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a", /* 56 */
        "f13b2d724659eb3bf47f2dd6af1accc87b81f09f59f2b75e5c0bed6589dfe8c6", /* 57 */
        "d5c039b748aa64665782974ec3dc3025c042edf54dcdc2b5de31385b094cb678", /* 58 */
        "111bb261277afd65f0744b247cd3e47d386d71563d0ed995517807d5ebd4fba3", /* 59 */
        "11ee391211c6256460b6ed375957fadd8061cafbb31daf967db875aebd5aaad4", /* 60 */
        "35d5fc17cfbbadd00f5e710ada39f194c5ad7c766ad67072245f1fad45f0f530", /* 61 */
        "f506898cc7c2e092f9eb9fadae7ba50383f5b46a2a4fe5597dbb553a78981268", /* 62 */
        "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34", /* 63 */
        "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb", /* 64 */
        "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0", /* 65 */
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

/* Pieces of all lengths give what the whole gives. */
START_TEST(pieces_make_a_whole)
{
    uint8_t whole[SHA256_SIZE], digest[SHA256_SIZE];
    char text[200];
    struct sha256 sha;

    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)(i * 7);
    sha256(whole, text, sizeof(text));
    for (size_t piece = 1; piece <= sizeof(text); piece++) {
        sha256_begin(&sha);
        for (size_t at = 0; at < sizeof(text); at += piece)
            sha256_add(&sha, text + at, piece < sizeof(text) - at ? piece : sizeof(text) - at);
        sha256_add(&sha, NULL, 0);
        sha256_end(&sha, digest);
        ck_assert_mem_eq(digest, whole, sizeof(whole));
    }
}
END_TEST

Suite *suite_sha256(void)
{
    Suite *suite = suite_create("sha256");
    TCase *cases = tcase_create("sha256");

    tcase_add_test(cases, published_vectors);
    tcase_add_test(cases, a_million_letters);
    tcase_add_test(cases, lengths_around_a_block);
    tcase_add_test(cases, pieces_make_a_whole);
    suite_add_tcase(suite, cases);
    return suite;
}
