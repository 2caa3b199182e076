#include "base/base64.h"

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

/* The six bits that a character stands for, or -1. */
static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

/* Reads four characters of which the last `padding` (0 to 2) count as zero bits: 24 bits, or -1. */
static int32_t decode_group(const char *text, size_t padding)
{
    int32_t bits = 0;

    for (size_t i = 0; i < 4; i++) {
        int value = i < 4 - padding ? value_of(text[i]) : 0;

        if (value < 0)
            return -1;
        bits = bits << 6 | value;
    }
    return bits;
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
        int32_t bits = decode_group(text.ptr + at, missing);

        if (bits < 0)
            return -1;
        for (size_t i = 0; i < 3 - missing; i++)
            *to++ = (uint8_t)(bits >> (16 - 8 * i));
    }
    return (ptrdiff_t)size;
}
