#include "base/sha1.h"

#include <string.h>

#define BLOCK_SIZE 64
#define LENGTH_SIZE 8 /* the message length in bits that ends the last block */

static uint32_t rotate_left(uint32_t x, unsigned n)
{
    return (x << n) | (x >> (32 - n));
}

static uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store_be32(uint8_t *p, uint32_t x)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(x >> (24 - 8 * i));
}

/* The function and the constant of round t, in one (FIPS 180-4, 4.1.1 and 4.2.1). */
static uint32_t mix(unsigned t, uint32_t b, uint32_t c, uint32_t d)
{
    if (t < 20)
        return ((b & c) ^ (~b & d)) + 0x5a827999;
    if (t < 40)
        return (b ^ c ^ d) + 0x6ed9eba1;
    if (t < 60)
        return ((b & c) ^ (b & d) ^ (c & d)) + 0x8f1bbcdc;
    return (b ^ c ^ d) + 0xca62c1d6;
}

/* One block into the state (FIPS 180-4, 6.1.2). */
static void add_block(uint32_t state[5], const uint8_t *block)
{
    uint32_t w[80];
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];

    for (unsigned t = 0; t < 16; t++)
        w[t] = load_be32(block + (size_t)4 * t);
    for (unsigned t = 16; t < 80; t++)
        w[t] = rotate_left(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    for (unsigned t = 0; t < 80; t++) {
        uint32_t next = rotate_left(a, 5) + mix(t, b, c, d) + e + w[t];

        e = d;
        d = c;
        c = rotate_left(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
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
        add_block(state, last + at);
}

void sha1(uint8_t digest[SHA1_SIZE], const void *data, size_t len)
{
    uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    const uint8_t *at = data;
    size_t left = len;

    for (; left >= BLOCK_SIZE; left -= BLOCK_SIZE) {
        add_block(state, at);
        at += BLOCK_SIZE;
    }
    add_last(state, at, left, len);
    for (int i = 0; i < 5; i++)
        store_be32(digest + 4 * i, state[i]);
}
