#include "base/utf8.h"

#include <string.h>

#include "base/utf8_vector.h"

/* Well-formed sequences (RFC 3629, section 4). The first continuation byte has a narrower range
 * after some leads, which keeps out overlong forms (after E0, F0), surrogates (after ED) and what
 * is over U+10FFFF (after F4):
 *
 *      00..7F
 *      C2..DF  80..BF
 *      E0..EF  80..BF (E0: A0..BF, ED: 80..9F)  80..BF
 *      F0..F4  80..BF (F0: 90..BF, F4: 80..8F)  80..BF  80..BF
 */

#define WORD sizeof(uint64_t)
#define STRIDE (4 * WORD) /* bytes that one step over ASCII takes */

static uint64_t load_word(const uint8_t *p)
{
    uint64_t word;

    memcpy(&word, p, WORD);
    return word;
}

static bool is_ascii_word(uint64_t word)
{
    return (word & UINT64_C(0x8080808080808080)) == 0;
}

static bool is_continuation(uint8_t c)
{
    return (c & 0xc0) == 0x80;
}

/* Returns the first byte that is not ASCII, or `end`. */
static const uint8_t *skip_ascii(const uint8_t *p, const uint8_t *end)
{
    while ((size_t)(end - p) >= STRIDE &&
           is_ascii_word(load_word(p) | load_word(p + WORD) | load_word(p + 2 * WORD) |
                         load_word(p + 3 * WORD)))
        p += STRIDE;
    while ((size_t)(end - p) >= WORD && is_ascii_word(load_word(p)))
        p += WORD;
    while (p < end && *p < 0x80)
        p++;
    return p;
}

/* The skip functions below pass all whole valid sequences of two, three or four bytes that follow
 * one another, and return where the run ends. */

static const uint8_t *skip_pairs(const uint8_t *p, const uint8_t *end)
{
    while (end - p >= 2 && p[0] >= 0xc2 && p[0] <= 0xdf && is_continuation(p[1]))
        p += 2;
    return p;
}

static bool is_triple(const uint8_t *p)
{
    uint32_t bytes = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
    uint32_t top = bytes & 0x0f2000; /* the lead's low bits and the bit worth 0x800 */

    return (bytes & 0xf0c0c0) == 0xe08080 && top != 0 && top != 0x0d2000;
}

static const uint8_t *skip_triples(const uint8_t *p, const uint8_t *end)
{
    while (end - p >= 3 && is_triple(p))
        p += 3;
    return p;
}

static const uint8_t *skip_quads(const uint8_t *p, const uint8_t *end)
{
    while (end - p >= 4 && is_continuation(p[1]) && is_continuation(p[2]) &&
           is_continuation(p[3])) {
        uint32_t top = (uint32_t)p[0] << 8 | p[1];

        if (top < 0xf090 || top > 0xf48f)
            break;
        p += 4;
    }
    return p;
}

/* Passes whole valid sequences as far as there are any: the rest is empty, invalid, or cut short.
 */
static const uint8_t *skip_valid(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *before;

    do {
        before = p;
        p = skip_ascii(p, end);
        if (end - p >= UTF8_VECTOR_MIN)
            p = utf8_vector_skip(p, end);
        p = skip_pairs(p, end);
        p = skip_triples(p, end);
        p = skip_quads(p, end);
    } while (p > before && p < end);
    return p;
}

static bool expect(struct utf8 *u, uint8_t missing, uint8_t low, uint8_t high)
{
    u->missing = missing;
    u->low = low;
    u->high = high;
    return true;
}

/* Takes a first byte that is not ASCII. */
static bool begin_sequence(struct utf8 *u, uint8_t lead)
{
    if (lead < 0xc2 || lead > 0xf4)
        return false;
    if (lead < 0xe0)
        return expect(u, 1, 0x80, 0xbf);
    if (lead < 0xf0)
        return expect(u, 2, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf);
    return expect(u, 3, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf);
}

/* Takes a byte that skip_valid did not pass. */
static bool feed_byte(struct utf8 *u, uint8_t c)
{
    if (u->missing == 0)
        return begin_sequence(u, c);
    if (c < u->low || c > u->high)
        return false;
    return expect(u, (uint8_t)(u->missing - 1), 0x80, 0xbf);
}

bool utf8_feed(struct utf8 *u, const void *data, size_t len)
{
    const uint8_t *p = data;
    const uint8_t *end;

    if (u->has_invalid || len == 0)
        return !u->has_invalid;
    end = p + len;
    while (p < end && !u->has_invalid) {
        if (u->missing == 0)
            p = skip_valid(p, end);
        if (p < end)
            u->has_invalid = !feed_byte(u, *p++);
    }
    return !u->has_invalid;
}

bool utf8_is_valid(struct str s)
{
    struct utf8 u = {0};

    return utf8_feed(&u, s.ptr, s.len) && utf8_is_complete(&u);
}
