#include "proto/qr.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define VERSIONS 10
#define CODEWORDS_MAX 346
#define CHECK_MAX 30
#define QUIET 4 /* modules around it */

/* Level L (table 9). The blocks of version 10 are not all of one length: the last two have one data
 * codeword more. */
static const struct {
    uint16_t codewords;
    uint8_t blocks, check; /* check: codewords for correction in each block */
    uint8_t aligned[3];    /* centres of the alignment patterns (annex E) */
} versions[VERSIONS + 1] = {
    {0, 0, 0, {0}},
    {26, 1, 7, {0}},
    {44, 1, 10, {6, 18, 0}},
    {70, 1, 15, {6, 22, 0}},
    {100, 1, 20, {6, 26, 0}},
    {134, 1, 26, {6, 30, 0}},
    {172, 2, 18, {6, 34, 0}},
    {196, 2, 20, {6, 22, 38}},
    {242, 2, 24, {6, 24, 42}},
    {292, 2, 30, {6, 26, 46}},
    {346, 4, 18, {6, 28, 50}},
};

static size_t data_codewords(int version)
{
    return versions[version].codewords - (size_t)versions[version].blocks * versions[version].check;
}

/* ---- codewords (7.4, 7.5) ---- */

struct bits {
    uint8_t bytes[CODEWORDS_MAX];
    size_t count;
};

static void bits_put(struct bits *bits, unsigned value, int width)
{
    for (int i = width - 1; i >= 0; i--, bits->count++)
        bits->bytes[bits->count / 8] |= (uint8_t)((value >> i & 1) << (7 - bits->count % 8));
}

/* Mode "bytes", the length, the text, an end, and padding. */
static void bits_put_text(struct bits *bits, struct str text, int version)
{
    size_t capacity = data_codewords(version);

    *bits = (struct bits){.count = 0};
    bits_put(bits, 4, 4);
    bits_put(bits, (unsigned)text.len, version < 10 ? 8 : 16);
    for (size_t i = 0; i < text.len; i++)
        bits_put(bits, (uint8_t)text.ptr[i], 8);
    bits_put(bits, 0, capacity * 8 - bits->count < 4 ? (int)(capacity * 8 - bits->count) : 4);
    bits->count = (bits->count + 7) / 8 * 8;
    for (unsigned pad = 0xec; bits->count < capacity * 8; pad ^= 0xec ^ 0x11)
        bits_put(bits, pad, 8);
}

/* Product in GF(256) modulo x^8 + x^4 + x^3 + x^2 + 1. */
static uint8_t gf_multiply(unsigned a, unsigned b)
{
    unsigned product = 0;

    for (int i = 7; i >= 0; i--) {
        product = product << 1 ^ (product >> 7) * 0x11d;
        product ^= (b >> i & 1) * a;
    }
    return (uint8_t)product;
}

/* The coefficients below the leading one of (x - 1)(x - 2)(x - 4)… of that degree. */
static void generator(uint8_t *out, size_t degree)
{
    unsigned root = 1;

    memset(out, 0, degree);
    out[degree - 1] = 1;
    for (size_t i = 0; i < degree; i++) {
        for (size_t j = 0; j < degree; j++) {
            out[j] = gf_multiply(out[j], root);
            if (j + 1 < degree)
                out[j] ^= out[j + 1];
        }
        root = gf_multiply(root, 2);
    }
}

/* The remainder of the data divided by the generator. */
static void check_block(uint8_t *check, size_t degree, const uint8_t *data, size_t len)
{
    uint8_t divisor[CHECK_MAX];

    generator(divisor, degree);
    memset(check, 0, degree);
    for (size_t i = 0; i < len; i++) {
        uint8_t factor = data[i] ^ check[0];

        memmove(check, check + 1, degree - 1);
        check[degree - 1] = 0;
        for (size_t j = 0; j < degree; j++)
            check[j] ^= gf_multiply(divisor[j], factor);
    }
}

/* The blocks, codeword by codeword from each in turn; their checks behind them (7.6). */
static void interleave(uint8_t *out, const uint8_t *data, int version)
{
    size_t blocks = versions[version].blocks, degree = versions[version].check;
    size_t all = data_codewords(version), shorter = all / blocks, longer = all % blocks, from = 0;
    uint8_t check[CHECK_MAX];

    for (size_t block = 0; block < blocks; block++) {
        size_t len = shorter + (block >= blocks - longer);

        for (size_t i = 0; i < len; i++)
            out[i < shorter ? i * blocks + block : shorter * blocks + block - (blocks - longer)] =
                data[from + i];
        check_block(check, degree, data + from, len);
        for (size_t i = 0; i < degree; i++)
            out[all + i * blocks + block] = check[i];
        from += len;
    }
}

/* ---- the pattern (6.3) ---- */

static void set(struct qr *qr, int x, int y, bool is_dark)
{
    qr->dark[y * qr->side + x] = is_dark;
    qr->fixed[y * qr->side + x] = true;
}

static bool is_dark(const struct qr *qr, int x, int y)
{
    return x >= 0 && y >= 0 && x < qr->side && y < qr->side && qr->dark[y * qr->side + x];
}

/* Rings around a centre: finders are 7 wide with a light edge, alignment patterns 5. */
static void draw_rings(struct qr *qr, int x, int y, int radius)
{
    for (int dy = -radius; dy <= radius; dy++)
        for (int dx = -radius; dx <= radius; dx++) {
            int ring = abs(dx) > abs(dy) ? abs(dx) : abs(dy);

            if (x + dx >= 0 && y + dy >= 0 && x + dx < qr->side && y + dy < qr->side)
                set(qr, x + dx, y + dy, radius == 4 ? ring != 2 && ring != 4 : ring != 1);
        }
}

static void draw_alignment(struct qr *qr, int version)
{
    const uint8_t *at = versions[version].aligned;
    int count = at[2] ? 3 : at[1] ? 2 : 0;

    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++) {
            bool is_finder =
                (i == 0 && j == 0) || (i == 0 && j == count - 1) || (i == count - 1 && j == 0);

            if (!is_finder)
                draw_rings(qr, at[i], at[j], 2);
        }
}

/* The remainder of `value`, moved up by `width` bits, under that generator. */
static unsigned bch(unsigned value, int width, unsigned polynomial)
{
    unsigned rest = value;

    for (int i = 0; i < width; i++)
        rest = rest << 1 ^ (rest >> (width - 1)) * polynomial;
    return value << width | rest;
}

/* Twice, around the finders, and the module that is always dark (7.9). */
static void draw_format(struct qr *qr, int mask)
{
    unsigned bits = bch(1u << 3 | (unsigned)mask, 10, 0x537) ^ 0x5412;
    int last = qr->side - 1;

    for (int i = 0; i < 15; i++) {
        bool bit = bits >> i & 1;
        int near = i < 6 ? i : i < 8 ? i + 1 : 14 - i + (i == 8);

        if (i < 8)
            set(qr, 8, near, bit);
        else
            set(qr, near, 8, bit);
        if (i < 8)
            set(qr, last - i, 8, bit);
        else
            set(qr, 8, last - 14 + i, bit);
    }
    set(qr, 8, last - 7, true);
}

static void draw_version(struct qr *qr, int version)
{
    unsigned bits = bch((unsigned)version, 12, 0x1f25);

    for (int i = 0; version >= 7 && i < 18; i++) {
        set(qr, qr->side - 11 + i % 3, i / 3, bits >> i & 1);
        set(qr, i / 3, qr->side - 11 + i % 3, bits >> i & 1);
    }
}

static void draw_pattern(struct qr *qr, int version)
{
    int far = qr->side - 4;

    for (int i = 0; i < qr->side; i++) {
        set(qr, 6, i, i % 2 == 0);
        set(qr, i, 6, i % 2 == 0);
    }
    draw_rings(qr, 3, 3, 4);
    draw_rings(qr, far, 3, 4);
    draw_rings(qr, 3, far, 4);
    draw_alignment(qr, version);
    draw_format(qr, 0);
    draw_version(qr, version);
}

/* Columns of two modules from the right, upwards and downwards in turn (7.7.3). */
static void draw_codewords(struct qr *qr, const uint8_t *codewords, size_t count)
{
    size_t bit = 0;

    for (int right = qr->side - 1; right >= 1; right -= 2) {
        if (right == 6)
            right = 5;
        for (int step = 0; step < qr->side * 2; step++) {
            bool is_up = ((right + 1) & 2) == 0;
            int x = right - step % 2;
            int y = is_up ? qr->side - 1 - step / 2 : step / 2;

            if (qr->fixed[y * qr->side + x])
                continue;
            if (bit < count * 8)
                qr->dark[y * qr->side + x] = codewords[bit / 8] >> (7 - bit % 8) & 1;
            bit++;
        }
    }
}

/* ---- masks (7.8) ---- */

static bool is_masked(int mask, int x, int y)
{
    switch (mask) {
    case 0:
        return (x + y) % 2 == 0;
    case 1:
        return y % 2 == 0;
    case 2:
        return x % 3 == 0;
    case 3:
        return (x + y) % 3 == 0;
    case 4:
        return (x / 3 + y / 2) % 2 == 0;
    case 5:
        return x * y % 2 + x * y % 3 == 0;
    case 6:
        return (x * y % 2 + x * y % 3) % 2 == 0;
    default:
        return ((x + y) % 2 + x * y % 3) % 2 == 0;
    }
}

static void apply_mask(struct qr *qr, int mask)
{
    for (int y = 0; y < qr->side; y++)
        for (int x = 0; x < qr->side; x++)
            if (!qr->fixed[y * qr->side + x] && is_masked(mask, x, y))
                qr->dark[y * qr->side + x] ^= 1;
    draw_format(qr, mask);
}

/* One row or column: runs of five and more, and what looks like a finder. */
static int line_penalty(const struct qr *qr, int line, bool is_column)
{
    unsigned seen = 0;
    int run = 0, points = 0;
    bool last = false;

    for (int i = 0; i < qr->side; i++) {
        bool now = is_column ? is_dark(qr, line, i) : is_dark(qr, i, line);

        run = i > 0 && now == last ? run + 1 : 1;
        points += run == 5 ? 3 : run > 5;
        last = now;
        seen = (seen << 1 | now) & 0x7ff;
        if (i >= 10 && (seen == 0x5d0 || seen == 0x05d))
            points += 40;
    }
    return points;
}

static int penalty(const struct qr *qr)
{
    int points = 0, dark = 0, all = qr->side * qr->side;

    for (int y = 0; y < qr->side; y++) {
        points += line_penalty(qr, y, false) + line_penalty(qr, y, true);
        for (int x = 0; x < qr->side; x++) {
            bool now = is_dark(qr, x, y);

            dark += now;
            if (x > 0 && y > 0 && now == is_dark(qr, x - 1, y) && now == is_dark(qr, x, y - 1) &&
                now == is_dark(qr, x - 1, y - 1))
                points += 3;
        }
    }
    return points + abs(dark * 20 - all * 10) / all * 10;
}

static void choose_mask(struct qr *qr)
{
    int best = 0, least = -1;

    for (int mask = 0; mask < 8; mask++) {
        int points;

        apply_mask(qr, mask);
        points = penalty(qr);
        apply_mask(qr, mask); /* and off again */
        if (least < 0 || points < least) {
            least = points;
            best = mask;
        }
    }
    apply_mask(qr, best);
}

int qr_encode(struct qr *qr, struct str text)
{
    uint8_t codewords[CODEWORDS_MAX];
    struct bits bits;
    int version = 1;

    while (version <= VERSIONS && text.len + (version < 10 ? 2 : 3) > data_codewords(version))
        version++;
    if (text.len == 0 || version > VERSIONS)
        return -1;
    *qr = (struct qr){.side = 17 + 4 * version};
    bits_put_text(&bits, text, version);
    interleave(codewords, bits.bytes, version);
    draw_pattern(qr, version);
    draw_codewords(qr, codewords, versions[version].codewords);
    choose_mask(qr);
    return 0;
}

/* ---- pictures ---- */

int qr_write_svg(struct buf *out, const struct qr *qr)
{
    int size = qr->side + 2 * QUIET;

    if (buf_printf(out,
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
                   "shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h%dv%dH0z\"/><path "
                   "d=\"",
                   size, size, size, size) < 0)
        return -1;
    for (int y = 0; y < qr->side; y++)
        for (int x = 0; x < qr->side; x++)
            if (is_dark(qr, x, y) && buf_printf(out, "M%d %dh1v1h-1z", x + QUIET, y + QUIET) < 0)
                return -1;
    return buf_append_str(out, STR("\"/></svg>\n"));
}

int qr_write_terminal(struct buf *out, const struct qr *qr)
{
    static const char *const halves[] = {" ", "▄", "▀", "█"}; /* the upper one is the high bit */

    for (int y = -QUIET; y < qr->side + QUIET; y += 2) {
        if (buf_append_str(out, STR("\033[30;107m")) < 0)
            return -1;
        for (int x = -QUIET; x < qr->side + QUIET; x++) {
            int both = is_dark(qr, x, y) * 2 + is_dark(qr, x, y + 1);

            if (buf_append_str(out, str_from(halves[both])) < 0)
                return -1;
        }
        if (buf_append_str(out, STR("\033[m\n")) < 0)
            return -1;
    }
    return 0;
}
