#include "base/hmac.h"

#include <string.h>

/* The key, made as long as a block (RFC 2104, 2): a longer one is hashed. */
static void hmac_fit_key(uint8_t block[SHA256_BLOCK], struct str key)
{
    memset(block, 0, SHA256_BLOCK);
    if (key.len > SHA256_BLOCK)
        sha256(block, key.ptr, key.len);
    else if (key.len > 0)
        memcpy(block, key.ptr, key.len);
}

/* Begins a digest with the key's block, each byte of it XORed with `pad`. */
static void hmac_begin(struct sha256 *sha, const uint8_t key[SHA256_BLOCK], uint8_t pad)
{
    uint8_t block[SHA256_BLOCK];

    for (size_t i = 0; i < SHA256_BLOCK; i++)
        block[i] = key[i] ^ pad;
    sha256_begin(sha);
    sha256_add(sha, block, sizeof(block));
    explicit_bzero(block, sizeof(block));
}

void hmac_sha256(uint8_t code[SHA256_SIZE], struct str key, struct str text)
{
    uint8_t block[SHA256_BLOCK];
    struct sha256 sha;

    hmac_fit_key(block, key);
    hmac_begin(&sha, block, 0x36);
    sha256_add(&sha, text.ptr, text.len);
    sha256_end(&sha, code);
    hmac_begin(&sha, block, 0x5c);
    sha256_add(&sha, code, SHA256_SIZE);
    sha256_end(&sha, code);
    explicit_bzero(block, sizeof(block));
    explicit_bzero(&sha, sizeof(sha));
}

bool bytes_equal_secretly(const void *a, const void *b, size_t len)
{
    const uint8_t *x = a, *y = b;
    unsigned difference = 0;

    for (size_t i = 0; i < len; i++)
        difference |= (unsigned)(x[i] ^ y[i]);
    return difference == 0;
}
