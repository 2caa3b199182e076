#include "base/sha1.h"

#include <string.h>

#include "base/big_endian.h"

#define BLOCK_SIZE 64
#define LENGTH_SIZE 8 /* the message length in bits that ends the last block */

static inline uint32_t rotate_left(uint32_t x, unsigned n)
{
    return (x << n) | (x >> (32 - n));
}

/* The functions of the four kinds of rounds (FIPS 180-4, 4.1.1). */
typedef uint32_t mix_function(uint32_t b, uint32_t c, uint32_t d);

static inline uint32_t sha1_choose(uint32_t b, uint32_t c, uint32_t d)
{
    return d ^ (b & (c ^ d));
}

static inline uint32_t parity(uint32_t b, uint32_t c, uint32_t d)
{
    return b ^ c ^ d;
}

static inline uint32_t sha1_majority(uint32_t b, uint32_t c, uint32_t d)
{
    return (b & c) | (d & (b | c));
}

/* One round (6.1.2), but for its renaming of the five words: who calls gives them turned by one. */
static inline void step(uint32_t a, uint32_t *b, uint32_t *e, uint32_t mixed)
{
    *e += rotate_left(a, 5) + mixed;
    *b = rotate_left(*b, 30);
}

/* The twenty rounds of one kind. Inlined, so that `mix` is no call; after five rounds each word has
 * its own name again. */
static inline __attribute__((always_inline)) void rounds(uint32_t v[5], const uint32_t w[20],
                                                         mix_function *mix, uint32_t k)
{
    uint32_t a = v[0], b = v[1], c = v[2], d = v[3], e = v[4];

    for (unsigned t = 0; t < 20; t += 5) {
        step(a, &b, &e, mix(b, c, d) + k + w[t]);
        step(e, &a, &d, mix(a, b, c) + k + w[t + 1]);
        step(d, &e, &c, mix(e, a, b) + k + w[t + 2]);
        step(c, &d, &b, mix(d, e, a) + k + w[t + 3]);
        step(b, &c, &a, mix(c, d, e) + k + w[t + 4]);
    }
    v[0] = a;
    v[1] = b;
    v[2] = c;
    v[3] = d;
    v[4] = e;
}

/* One block into the state. */
static void sha1_add_block(uint32_t state[5], const uint8_t *block)
{
    uint32_t w[80], v[5];

    for (unsigned t = 0; t < 16; t++)
        w[t] = load_be32(block + (size_t)4 * t);
    for (unsigned t = 16; t < 80; t++)
        w[t] = rotate_left(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    memcpy(v, state, sizeof(v));
    rounds(v, w, sha1_choose, 0x5a827999);
    rounds(v, w + 20, parity, 0x6ed9eba1);
    rounds(v, w + 40, sha1_majority, 0x8f1bbcdc);
    rounds(v, w + 60, parity, 0xca62c1d6);
    for (unsigned i = 0; i < 5; i++)
        state[i] += v[i];
}

/* The rest of the message, a one bit, zeros, and the length: one block or two (FIPS 180-4, 5.1.1).
 */
static void add_last(uint32_t state[5], const uint8_t *rest, size_t rest_len, uint64_t total)
{
    uint8_t last[2 * BLOCK_SIZE] = {0};
    size_t size = rest_len + 1 + LENGTH_SIZE > BLOCK_SIZE ? 2 * BLOCK_SIZE : BLOCK_SIZE;

    if (rest_len > 0)
        memcpy(last, rest, rest_len);
    last[rest_len] = 0x80;
    store_be32(last + size - 8, (uint32_t)(total >> 29));
    store_be32(last + size - 4, (uint32_t)(total << 3));
    for (size_t at = 0; at < size; at += BLOCK_SIZE)
        sha1_add_block(state, last + at);
}

void sha1(uint8_t digest[SHA1_SIZE], const void *data, size_t len)
{
    uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    const uint8_t *at = data;
    size_t left = len;

    for (; left >= BLOCK_SIZE; left -= BLOCK_SIZE) {
        sha1_add_block(state, at);
        at += BLOCK_SIZE;
    }
    add_last(state, at, left, len);
    for (int i = 0; i < 5; i++)
        store_be32(digest + 4 * i, state[i]);
}
