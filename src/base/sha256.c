#include "base/sha256.h"

#include <string.h>

#include "base/big_endian.h"

#define LENGTH_SIZE 8 /* the message length in bits that ends the last block */

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4,
 * 4.2.2). */
static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate_right(uint32_t x, unsigned n)
{
    return (x >> n) | (x << (32 - n));
}

static uint32_t sha256_choose(uint32_t x, uint32_t y, uint32_t z)
{
    return z ^ (x & (y ^ z));
}

static uint32_t sha256_majority(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) | (z & (x | y));
}

static uint32_t big_sigma0(uint32_t x)
{
    return rotate_right(x, 2) ^ rotate_right(x, 13) ^ rotate_right(x, 22);
}

static uint32_t big_sigma1(uint32_t x)
{
    return rotate_right(x, 6) ^ rotate_right(x, 11) ^ rotate_right(x, 25);
}

static uint32_t small_sigma0(uint32_t x)
{
    return rotate_right(x, 7) ^ rotate_right(x, 18) ^ (x >> 3);
}

static uint32_t small_sigma1(uint32_t x)
{
    return rotate_right(x, 17) ^ rotate_right(x, 19) ^ (x >> 10);
}

/* Word t of the message schedule, of which the last 16 are kept (6.2.2, step 1). */
static uint32_t schedule_word(uint32_t w[16], const uint8_t *block, unsigned t)
{
    if (t < 16)
        w[t] = load_be32(block + (size_t)4 * t);
    else
        w[t % 16] +=
            small_sigma1(w[(t + 14) % 16]) + w[(t + 9) % 16] + small_sigma0(w[(t + 1) % 16]);
    return w[t % 16];
}

/* One block into the state (6.2.2). v holds the working variables a to h. */
static void sha256_add_block(uint32_t state[8], const uint8_t *block)
{
    uint32_t w[16], v[8];

    memcpy(v, state, sizeof(v));
    for (unsigned t = 0; t < 64; t++) {
        uint32_t t1 = v[7] + big_sigma1(v[4]) + sha256_choose(v[4], v[5], v[6]) +
                      round_constants[t] + schedule_word(w, block, t);
        uint32_t t2 = big_sigma0(v[0]) + sha256_majority(v[0], v[1], v[2]);

        memmove(v + 1, v, 7 * sizeof(v[0]));
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
        state[i] += v[i];
}

void sha256_begin(struct sha256 *sha)
{
    /* The first 32 bits of the fractional parts of the square roots of the first 8 primes (5.3.3).
     */
    *sha = (struct sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
                                     0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void sha256_add(struct sha256 *sha, const void *data, size_t len)
{
    const uint8_t *at = data;
    size_t filled = sha->total % SHA256_BLOCK;

    sha->total += len;
    while (filled + len >= SHA256_BLOCK) {
        size_t part = SHA256_BLOCK - filled;

        memcpy(sha->block + filled, at, part);
        sha256_add_block(sha->state, sha->block);
        at += part;
        len -= part;
        filled = 0;
    }
    if (len > 0)
        memcpy(sha->block + filled, at, len);
}

/* A one bit, zeros, and the length in bits: one block or two (5.1.1). */
void sha256_end(struct sha256 *sha, uint8_t digest[SHA256_SIZE])
{
    static const uint8_t padding[SHA256_BLOCK] = {0x80};
    uint8_t length[LENGTH_SIZE];
    size_t filled = sha->total % SHA256_BLOCK;
    size_t room = SHA256_BLOCK - LENGTH_SIZE;

    store_be32(length, (uint32_t)(sha->total >> 29));
    store_be32(length + 4, (uint32_t)(sha->total << 3));
    sha256_add(sha, padding, (filled < room ? room : room + SHA256_BLOCK) - filled);
    sha256_add(sha, length, sizeof(length));
    for (int i = 0; i < 8; i++)
        store_be32(digest + 4 * i, sha->state[i]);
}

void sha256(uint8_t digest[SHA256_SIZE], const void *data, size_t len)
{
    struct sha256 sha;

    sha256_begin(&sha);
    sha256_add(&sha, data, len);
    sha256_end(&sha, digest);
}
