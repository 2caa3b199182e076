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

/* What a block turns the state into (FIPS 180-4, 6.1.2). */
struct working {
    uint32_t a, b, c, d, e;
};

/* One round: `mixed` is the function of b, c and d and the constant that belong to it (4.1.1 and
 * 4.2.1). */
static inline struct working step(struct working v, uint32_t mixed, uint32_t word)
{
    return (struct working){.a = rotate_left(v.a, 5) + mixed + v.e + word,
                            .b = v.a,
                            .c = rotate_left(v.b, 30),
                            .d = v.c,
                            .e = v.d};
}

static inline uint32_t choose(struct working v)
{
    return v.d ^ (v.b & (v.c ^ v.d));
}

static inline uint32_t parity(struct working v)
{
    return v.b ^ v.c ^ v.d;
}

static inline uint32_t majority(struct working v)
{
    return (v.b & v.c) | (v.d & (v.b | v.c));
}

/* Word t of the message schedule. Only the last 16 words are kept (6.1.3). */
static inline uint32_t next_word(uint32_t w[16], unsigned t)
{
    w[t % 16] = rotate_left(w[(t + 13) % 16] ^ w[(t + 8) % 16] ^ w[(t + 2) % 16] ^ w[t % 16], 1);
    return w[t % 16];
}

/* One block into the state. The four kinds of rounds stand in loops of their own, so that none of
 * them has to ask which kind it is. */
static void add_block(uint32_t state[5], const uint8_t *block)
{
    uint32_t w[16];
    struct working v = {state[0], state[1], state[2], state[3], state[4]};

    for (unsigned t = 0; t < 16; t++) {
        w[t] = load_be32(block + (size_t)4 * t);
        v = step(v, choose(v) + 0x5a827999, w[t]);
    }
    for (unsigned t = 16; t < 20; t++)
        v = step(v, choose(v) + 0x5a827999, next_word(w, t));
    for (unsigned t = 20; t < 40; t++)
        v = step(v, parity(v) + 0x6ed9eba1, next_word(w, t));
    for (unsigned t = 40; t < 60; t++)
        v = step(v, majority(v) + 0x8f1bbcdc, next_word(w, t));
    for (unsigned t = 60; t < 80; t++)
        v = step(v, parity(v) + 0xca62c1d6, next_word(w, t));
    state[0] += v.a;
    state[1] += v.b;
    state[2] += v.c;
    state[3] += v.d;
    state[4] += v.e;
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
