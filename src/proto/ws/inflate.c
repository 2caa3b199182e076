#include "proto/ws/inflate.h"

#include <stdbool.h>
#include <string.h>

#include "base/util.h"
#include "proto/ws/deflate_format.h"

#define FAST_BITS 9      /* codes up to here are looked up at once */
#define LEAST_MEMORY 256 /* bytes that the output has room for at first */

/* Bytes that could be unpacked in the time that it takes to make the codes of a block: a message of
 * empty blocks with codes of their own has some 7000 of them in 64 KiB. */
#define CODES_WORK 512

/* What each message has lost on its way (RFC 7692, 7.2.1): an empty block without compression. */
static const uint8_t tail[] = {0, 0, 0xff, 0xff};

/* Bytes of a message and then the tail, as bits, the lowest first. */
struct bits {
    const uint8_t *data;
    size_t len; /* without the tail */
    size_t at;  /* bytes taken, of both */
    uint64_t held;
    unsigned count; /* bits in `held` */
    bool is_over;   /* more was asked for than there is */
};

/* A canonical code (3.2.2), decoded by a table where it is short and bit by bit where not. */
struct code {
    uint16_t fast[1 << FAST_BITS];         /* symbol << 4 | length, or 0 */
    uint16_t count[DEFLATE_CODE_BITS + 1]; /* codes of each length */
    uint16_t symbols[DEFLATE_LITERALS];    /* in the order of their codes */
};

struct codes {
    struct code literals;
    struct code distances;
};

struct inflate {
    struct bits in;
    struct buf *out;
    size_t max;          /* bytes of `out` */
    size_t blocks;       /* with codes of their own */
    struct codes *codes; /* of the block at hand: where such are made */
};

/* ---- bits ---- */

static void bits_fill(struct bits *in)
{
    while (in->count <= 56 && in->at < in->len + sizeof(tail)) {
        uint8_t byte = in->at < in->len ? in->data[in->at] : tail[in->at - in->len];

        in->held |= (uint64_t)byte << in->count;
        in->count += 8;
        in->at++;
    }
}

static void bits_drop(struct bits *in, unsigned count)
{
    if (count > in->count) {
        in->is_over = true;
        count = in->count;
    }
    in->held >>= count;
    in->count -= count;
}

/* Takes up to 16 bits; 0 for what is missing. */
static unsigned bits_take(struct bits *in, unsigned count)
{
    unsigned value;

    bits_fill(in);
    value = (unsigned)(in->held & ((1u << count) - 1));
    bits_drop(in, count);
    return value;
}

static void bits_align(struct bits *in)
{
    bits_drop(in, in->count % 8);
}

/* Whole bytes, of the tail too, that are not taken yet. */
static size_t bits_left(const struct bits *in)
{
    return in->len + sizeof(tail) - in->at + in->count / 8;
}

static bool bits_is_empty(const struct bits *in)
{
    return in->at == in->len + sizeof(tail) && in->count == 0;
}

/* ---- codes ---- */

/* Are the lengths those of a code? All places are taken, or there is one code of one bit, or none
 * at all (3.2.7: a block of literals alone has no distances). */
static bool code_is_whole(const struct code *code, size_t used)
{
    int left = 1;

    for (unsigned length = 1; length <= DEFLATE_CODE_BITS; length++) {
        left = 2 * left - code->count[length];
        if (left < 0)
            return false;
    }
    return left == 0 || used == 0 || (used == 1 && code->count[1] == 1);
}

static void code_fill_fast(struct code *code)
{
    unsigned bits = 0, index = 0;

    memset(code->fast, 0, sizeof(code->fast));
    for (unsigned length = 1; length <= FAST_BITS; length++, bits <<= 1) {
        for (unsigned i = 0; i < code->count[length]; i++, bits++, index++) {
            unsigned entry = (unsigned)code->symbols[index] << 4 | length;

            for (unsigned at = deflate_reverse(bits, length); at < 1u << FAST_BITS;
                 at += 1u << length)
                code->fast[at] = (uint16_t)entry;
        }
    }
}

/* Makes the code from the lengths of its symbols, 0 for those without. */
static bool code_build(struct code *code, const uint8_t *lengths, size_t count)
{
    uint16_t next[DEFLATE_CODE_BITS + 2] = {0};
    size_t used = 0;

    memset(code->count, 0, sizeof(code->count));
    for (size_t i = 0; i < count; i++) {
        code->count[lengths[i]]++;
        used += lengths[i] != 0;
    }
    code->count[0] = 0;
    if (!code_is_whole(code, used))
        return false;
    for (unsigned length = 1; length <= DEFLATE_CODE_BITS; length++)
        next[length + 1] = (uint16_t)(next[length] + code->count[length]);
    for (size_t i = 0; i < count; i++) {
        if (lengths[i] != 0)
            code->symbols[next[lengths[i]]++] = (uint16_t)i;
    }
    code_fill_fast(code);
    return true;
}

/* Bit by bit: the codes of each length are consecutive numbers. Returns -1 where there is none. */
static int code_walk(const struct code *code, struct bits *in)
{
    int bits = 0, first = 0, index = 0;

    for (unsigned length = 1; length <= DEFLATE_CODE_BITS; length++) {
        int count = code->count[length];

        bits |= (int)(in->held >> (length - 1) & 1);
        if (bits - first < count) {
            bits_drop(in, length);
            return code->symbols[index + bits - first];
        }
        index += count;
        first = (first + count) << 1;
        bits <<= 1;
    }
    return -1;
}

/* The next symbol, or -1. */
static int inflate_take_code(const struct code *code, struct bits *in)
{
    unsigned entry;

    bits_fill(in);
    entry = code->fast[in->held & ((1u << FAST_BITS) - 1)];
    if (entry == 0)
        return code_walk(code, in);
    bits_drop(in, entry & 15);
    return (int)(entry >> 4);
}

/* ---- output ---- */

/* Makes room for `len` more bytes, by doubling, but never for more than `max` in all. */
static enum inflate_error need_room(struct inflate *z, size_t len)
{
    struct buf *out = z->out;
    size_t wanted;

    if (len > z->max - out->len)
        return INFLATE_TOO_LONG;
    if (len <= out->cap - out->len)
        return INFLATE_OK;
    wanted = max_size(max_size(len, out->len), LEAST_MEMORY);
    return buf_reserve(out, min_size(wanted, z->max - out->len)) < 0 ? INFLATE_NO_MEMORY
                                                                     : INFLATE_OK;
}

static enum inflate_error put_literal(struct inflate *z, uint8_t byte)
{
    enum inflate_error error = need_room(z, 1);

    if (error == INFLATE_OK)
        z->out->data[z->out->len++] = byte;
    return error;
}

/* What is copied may be what is written by the same copy, so it goes byte by byte where both
 * overlap. */
static enum inflate_error put_copy(struct inflate *z, size_t distance, size_t len)
{
    enum inflate_error error;
    uint8_t *to;

    if (distance > z->out->len)
        return INFLATE_MALFORMED;
    error = need_room(z, len);
    if (error != INFLATE_OK)
        return error;
    to = z->out->data + z->out->len;
    if (distance >= len) {
        memcpy(to, to - distance, len);
    } else {
        for (size_t i = 0; i < len; i++)
            to[i] = *(to + i - distance);
    }
    z->out->len += len;
    return INFLATE_OK;
}

/* ---- blocks ---- */

/* The rest of a match, once its length symbol is there. */
static enum inflate_error take_match(struct inflate *z, const struct codes *codes, unsigned symbol)
{
    unsigned which = symbol - DEFLATE_FIRST_LENGTH;
    size_t len, distance;
    int far;

    if (which >= DEFLATE_LENGTHS)
        return INFLATE_MALFORMED;
    len = deflate_length_base[which] + bits_take(&z->in, deflate_length_bits[which]);
    far = inflate_take_code(&codes->distances, &z->in);
    if (far < 0 || far >= DEFLATE_DISTANCES)
        return INFLATE_MALFORMED;
    distance = deflate_distance_base[far] + bits_take(&z->in, deflate_distance_bits[far]);
    return z->in.is_over ? INFLATE_MALFORMED : put_copy(z, distance, len);
}

static enum inflate_error take_symbols(struct inflate *z, const struct codes *codes)
{
    enum inflate_error error = INFLATE_OK;

    while (error == INFLATE_OK) {
        int symbol = inflate_take_code(&codes->literals, &z->in);

        if (symbol < 0 || z->in.is_over)
            return INFLATE_MALFORMED;
        if (symbol == DEFLATE_END_OF_BLOCK)
            return INFLATE_OK;
        error = symbol < DEFLATE_END_OF_BLOCK ? put_literal(z, (uint8_t)symbol)
                                              : take_match(z, codes, (unsigned)symbol);
    }
    return error;
}

static enum inflate_error take_stored(struct inflate *z)
{
    enum inflate_error error = INFLATE_OK;
    unsigned len, complement;

    bits_align(&z->in);
    len = bits_take(&z->in, 16);
    complement = bits_take(&z->in, 16);
    if (z->in.is_over || (len ^ complement) != 0xffff || len > bits_left(&z->in))
        return INFLATE_MALFORMED;
    error = need_room(z, len);
    for (; error == INFLATE_OK && len > 0; len--)
        z->out->data[z->out->len++] = (uint8_t)bits_take(&z->in, 8);
    return error;
}

/* The fixed codes, which are made once: a block can be ten bits long. */
static const struct codes *fixed_codes(void)
{
    static struct codes codes;
    static bool are_made;
    uint8_t lengths[DEFLATE_LITERALS], far[DEFLATE_DISTANCES + 2];

    if (are_made)
        return &codes;
    deflate_fixed_lengths(lengths);
    memset(far, 5, sizeof(far));
    code_build(&codes.literals, lengths, sizeof(lengths));
    code_build(&codes.distances, far, sizeof(far));
    are_made = true;
    return &codes;
}

/* Takes the lengths of `total` codes, which are written with a code of their own (3.2.7). */
static bool take_lengths(struct bits *in, const struct code *code, uint8_t *lengths, size_t total)
{
    size_t at = 0;

    while (at < total) {
        int symbol = inflate_take_code(code, in);
        size_t times = 1;
        uint8_t length = (uint8_t)symbol;

        if (symbol < 0 || in->is_over || (symbol == 16 && at == 0))
            return false;
        if (symbol >= 16)
            length = symbol == 16 ? lengths[at - 1] : 0;
        if (symbol == 16)
            times = 3 + bits_take(in, 2);
        else if (symbol == 17)
            times = 3 + bits_take(in, 3);
        else if (symbol == 18)
            times = 11 + bits_take(in, 7);
        if (times > total - at)
            return false;
        memset(lengths + at, length, times);
        at += times;
    }
    return !in->is_over;
}

static bool take_code_of_lengths(struct bits *in, struct code *code, unsigned count)
{
    uint8_t lengths[DEFLATE_CODE_LENGTHS] = {0};
    unsigned used = 0;

    for (unsigned i = 0; i < count; i++) {
        lengths[deflate_length_order[i]] = (uint8_t)bits_take(in, 3);
        used += lengths[deflate_length_order[i]] != 0;
    }
    return used > 1 && code_build(code, lengths, DEFLATE_CODE_LENGTHS);
}

static enum inflate_error take_dynamic(struct inflate *z)
{
    uint8_t lengths[DEFLATE_LITERALS + DEFLATE_DISTANCES + 2];
    struct codes *codes = z->codes;
    unsigned literals = 257 + bits_take(&z->in, 5);
    unsigned distances = 1 + bits_take(&z->in, 5);
    unsigned count = 4 + bits_take(&z->in, 4);

    z->blocks++;
    if (literals > DEFLATE_FIRST_LENGTH + DEFLATE_LENGTHS || distances > DEFLATE_DISTANCES ||
        !take_code_of_lengths(&z->in, &codes->literals, count) ||
        !take_lengths(&z->in, &codes->literals, lengths, literals + distances) ||
        lengths[DEFLATE_END_OF_BLOCK] == 0 || !code_build(&codes->literals, lengths, literals) ||
        !code_build(&codes->distances, lengths + literals, distances))
        return INFLATE_MALFORMED;
    return take_symbols(z, codes);
}

static enum inflate_error take_block(struct inflate *z, bool *is_last)
{
    *is_last = bits_take(&z->in, 1) != 0;
    switch (bits_take(&z->in, 2)) {
    case 0:
        return take_stored(z);
    case 1:
        return take_symbols(z, fixed_codes());
    case 2:
        return take_dynamic(z);
    default:
        return INFLATE_MALFORMED;
    }
}

static enum inflate_error take_blocks(struct inflate *z)
{
    enum inflate_error error;
    bool is_last;

    do {
        error = take_block(z, &is_last);
        if (error == INFLATE_OK && z->in.is_over)
            error = INFLATE_MALFORMED;
        if (is_last)
            bits_align(&z->in);
        if (is_last && bits_left(&z->in) == sizeof(tail))
            return error; /* it ended by itself: the tail belongs to nothing */
    } while (error == INFLATE_OK && !bits_is_empty(&z->in));
    return error;
}

enum inflate_error inflate_message(struct buf *out, const uint8_t *data, size_t len, size_t max,
                                   size_t *work)
{
    struct codes codes;
    struct inflate z = {.in = {.data = data, .len = len},
                        .out = out,
                        .max = out->len + min_size(max, SIZE_MAX - out->len),
                        .codes = &codes};
    size_t before = out->len;
    enum inflate_error error = take_blocks(&z);

    *work = len + (out->len - before) + z.blocks * CODES_WORK;
    return error;
}
