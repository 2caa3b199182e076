#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/hmac.h"
#include "guard.h"

Suite *suite_hmac(void);

/* A key or a text: words, or one byte again and again. */
struct bytes {
    const char *words; /* NULL: `count` times `byte`, each one `step` more than that before */
    size_t count;
    uint8_t byte;
    uint8_t step;
};

/* RFC 4231, 4.2 to 4.5, 4.7 and 4.8 (the same as in RFC 6234, 8.5), and the one of nothing. */
static const struct {
    struct bytes key, text;
    const char *code;
} vectors[] = {
    {{NULL, 20, 0x0b, 0},
     {"Hi There", 0, 0, 0},
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {{"Jefe", 0, 0, 0},
     {"what do ya want for nothing?", 0, 0, 0},
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {{NULL, 20, 0xaa, 0},
     {NULL, 50, 0xdd, 0},
     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
    {{NULL, 25, 1, 1},
     {NULL, 50, 0xcd, 0},
     "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
    {{NULL, 131, 0xaa, 0},
     {"Test Using Larger Than Block-Size Key - Hash Key First", 0, 0, 0},
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    {{NULL, 131, 0xaa, 0},
     {"This is a test using a larger than block-size key and a larger than block-size data. The "
      "key needs to be hashed before being used by the HMAC algorithm.",
      0, 0, 0},
     "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
    {{NULL, 0, 0, 0},
     {NULL, 0, 0, 0},
     "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
};

/* A guarded copy, which the caller frees. */
static struct str make_bytes(const struct bytes *bytes)
{
    char text[200];
    size_t len = bytes->words != NULL ? strlen(bytes->words) : bytes->count;

    for (size_t i = 0; i < len; i++)
        text[i] = bytes->words != NULL ? bytes->words[i] : (char)(bytes->byte + i * bytes->step);
    return (struct str){guard_copy(text, len), len};
}

START_TEST(published_vectors)
{
    struct str key = make_bytes(&vectors[_i].key), text = make_bytes(&vectors[_i].text);
    uint8_t code[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];

    hmac_sha256(code, key, text);
    for (size_t i = 0; i < SHA256_SIZE; i++)
        snprintf(hex + 2 * i, 3, "%02x", code[i]);
    ck_assert_str_eq(hex, vectors[_i].code);
    guard_free((char *)(uintptr_t)key.ptr, key.len);
    guard_free((char *)(uintptr_t)text.ptr, text.len);
}
END_TEST

START_TEST(each_bit_counts_in_a_comparison)
{
    uint8_t a[SHA256_SIZE] = {0}, b[SHA256_SIZE] = {0};

    ck_assert(bytes_equal_secretly(a, b, sizeof(a)));
    for (size_t bit = 0; bit < 8 * sizeof(a); bit++) {
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert(!bytes_equal_secretly(a, b, sizeof(a)));
        b[bit / 8] = 0;
    }
    ck_assert(bytes_equal_secretly(NULL, NULL, 0));
}
END_TEST

Suite *suite_hmac(void)
{
    Suite *suite = suite_create("hmac");
    TCase *cases = tcase_create("hmac");

    tcase_add_loop_test(cases, published_vectors, 0, (int)(sizeof(vectors) / sizeof(vectors[0])));
    tcase_add_test(cases, each_bit_counts_in_a_comparison);
    suite_add_tcase(suite, cases);
    return suite;
}
