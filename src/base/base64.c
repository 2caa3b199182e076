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

/* 64 and the six bits that a character stands for; 0 where it stands for none. */
/* clang-format off */
static const uint8_t values[256] = {
      0,   0,   0,   0,   0,   0,   0,   0,
      0,   0,   0,   0,   0,   0,   0,   0,
      0,   0,   0,   0,   0,   0,   0,   0,
      0,   0,   0,   0,   0,   0,   0,   0,
      0,   0,   0,   0,   0,   0,   0,   0, /*  !"#$%&' */
      0,   0,   0, 126,   0,   0,   0, 127, /* ()*+,-. and the slash */
    116, 117, 118, 119, 120, 121, 122, 123, /* 01234567 */
    124, 125,   0,   0,   0,   0,   0,   0, /* 89:;<=>? */
      0,  64,  65,  66,  67,  68,  69,  70, /* @ABCDEFG */
     71,  72,  73,  74,  75,  76,  77,  78, /* HIJKLMNO */
     79,  80,  81,  82,  83,  84,  85,  86, /* PQRSTUVW */
     87,  88,  89,   0,   0,   0,   0,   0, /* XYZ[\]^_ */
      0,  90,  91,  92,  93,  94,  95,  96, /* `abcdefg */
     97,  98,  99, 100, 101, 102, 103, 104, /* hijklmno */
    105, 106, 107, 108, 109, 110, 111, 112, /* pqrstuvw */
    113, 114, 115,   0,   0,   0,   0,   0, /* xyz{|}~ */
};
/* clang-format on */

/* Turns four characters into three bytes. Returns false where one of them is not of the alphabet.
 */
static bool decode_group(uint8_t to[3], const char text[4])
{
    uint32_t a = values[(unsigned char)text[0]], b = values[(unsigned char)text[1]];
    uint32_t c = values[(unsigned char)text[2]], d = values[(unsigned char)text[3]];

    to[0] = (uint8_t)(a << 2 | (b >> 4 & 3));
    to[1] = (uint8_t)(b << 4 | (c >> 2 & 15));
    to[2] = (uint8_t)(c << 6 | (d & 63));
    return (a & b & c & d) != 0;
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
    size_t padding, size, whole;
    bool is_valid = true;

    if (text.len % 4 != 0)
        return -1;
    padding = count_padding(text);
    size = text.len / 4 * 3 - padding;
    if (size > cap)
        return -1;
    whole = padding > 0 ? text.len - 4 : text.len;
    for (size_t at = 0; at < whole; at += 4, to += 3)
        is_valid &= decode_group(to, text.ptr + at);
    if (padding > 0) {
        char group[4] = {'A', 'A', 'A', 'A'}; /* zero bits in place of the padding */
        uint8_t last[3];

        memcpy(group, text.ptr + whole, 4 - padding);
        is_valid &= decode_group(last, group);
        memcpy(to, last, 3 - padding);
    }
    return is_valid ? (ptrdiff_t)size : -1;
}

/* ---- base64url ---- */

/* In place: the alphabet differs in two characters. */
static void base64url_from_base64(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '+')
            text[i] = '-';
        else if (text[i] == '/')
            text[i] = '_';
    }
}

void base64url_encode(char *out, const void *data, size_t len)
{
    size_t rest = len % 3, whole = (len - rest) / 3 * 4;
    char last[4];

    base64_encode(out, data, len - rest);
    if (rest > 0) {
        base64_encode(last, (const uint8_t *)data + (len - rest), rest);
        memcpy(out + whole, last, rest + 1);
    }
    base64url_from_base64(out, BASE64URL_SIZE(len));
}

/* The six bits of a character of base64url; 255 where it stands for none. */
static uint8_t base64url_value(char c)
{
    uint8_t value = c == '-' ? values['+'] : c == '_' ? values['/'] : values[(unsigned char)c];

    return c == '+' || c == '/' || value == 0 ? 255 : value & 63;
}

ptrdiff_t base64url_decode(void *out, size_t cap, struct str text)
{
    uint8_t *to = out;
    size_t size = text.len / 4 * 3 + text.len % 4 * 3 / 4;
    unsigned bits = 0, held = 0; /* the `held` lowest of `bits` fill no byte yet */

    if (text.len % 4 == 1 || size > cap)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t value = base64url_value(text.ptr[i]);

        if (value > 63)
            return -1;
        bits = bits << 6 | value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            *to++ = (uint8_t)(bits >> held);
            bits &= (1u << held) - 1;
        }
    }
    return bits == 0 ? (ptrdiff_t)size : -1;
}
