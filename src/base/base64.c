#include "base/base64.h"

#include <string.h>

#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(char *out, const void *data, size_t len)
{
    const uint8_t *in = data;

    for (; len >= 3; len -= 3) {
        *out++ = alphabet[in[0] >> 2];
        *out++ = alphabet[(in[0] & 0x03) << 4 | in[1] >> 4];
        *out++ = alphabet[(in[1] & 0x0f) << 2 | in[2] >> 6];
        *out++ = alphabet[in[2] & 0x3f];
        in += 3;
    }
    if (len > 0) {
        unsigned second = len == 2 ? in[1] : 0;

        *out++ = alphabet[in[0] >> 2];
        *out++ = alphabet[(in[0] & 0x03u) << 4 | second >> 4];
        *out++ = len == 2 ? alphabet[(second & 0x0f) << 2] : '=';
        *out++ = '=';
    }
}

/* The six bits that a character stands for, and 1; 0 where it stands for none. */
/* clang-format off */
static const uint8_t values[256] = {
     0,  0,  0,  0,  0,  0,  0,  0,
     0,  0,  0,  0,  0,  0,  0,  0,
     0,  0,  0,  0,  0,  0,  0,  0,
     0,  0,  0,  0,  0,  0,  0,  0,
     0,  0,  0,  0,  0,  0,  0,  0, /*  !"#$%&' */
     0,  0,  0, 63,  0,  0,  0, 64, /* ()*+,-. and the slash */
    53, 54, 55, 56, 57, 58, 59, 60, /* 01234567 */
    61, 62,  0,  0,  0,  0,  0,  0, /* 89:;<=>? */
     0,  1,  2,  3,  4,  5,  6,  7, /* @ABCDEFG */
     8,  9, 10, 11, 12, 13, 14, 15, /* HIJKLMNO */
    16, 17, 18, 19, 20, 21, 22, 23, /* PQRSTUVW */
    24, 25, 26,  0,  0,  0,  0,  0, /* XYZ[\]^_ */
     0, 27, 28, 29, 30, 31, 32, 33, /* `abcdefg */
    34, 35, 36, 37, 38, 39, 40, 41, /* hijklmno */
    42, 43, 44, 45, 46, 47, 48, 49, /* pqrstuvw */
    50, 51, 52,  0,  0,  0,  0,  0, /* xyz{|}~ */
};
/* clang-format on */

/* Reads four characters: 24 bits, or -1. */
static int32_t decode_group(const char text[4])
{
    int a = values[(unsigned char)text[0]], b = values[(unsigned char)text[1]];
    int c = values[(unsigned char)text[2]], d = values[(unsigned char)text[3]];

    if (a == 0 || b == 0 || c == 0 || d == 0)
        return -1;
    return (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
}

static size_t count_padding(struct str text)
{
    if (text.len == 0 || text.ptr[text.len - 1] != '=')
        return 0;
    return text.ptr[text.len - 2] == '=' ? 2 : 1;
}

ptrdiff_t base64_decode(void *out, size_t cap, struct str text)
{
    uint8_t *to = out;
    size_t padding, size;

    if (text.len % 4 != 0)
        return -1;
    padding = count_padding(text);
    size = text.len / 4 * 3 - padding;
    if (size > cap)
        return -1;
    for (size_t at = 0; at < text.len; at += 4) {
        size_t missing = at + 4 == text.len ? padding : 0;
        char group[4] = {'A', 'A', 'A', 'A'}; /* zero bits in place of the padding */
        int32_t bits;

        memcpy(group, text.ptr + at, 4 - missing);
        bits = decode_group(group);
        if (bits < 0)
            return -1;
        for (size_t i = 0; i < 3 - missing; i++)
            *to++ = (uint8_t)(bits >> (16 - 8 * i));
    }
    return (ptrdiff_t)size;
}
