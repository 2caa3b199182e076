#include "cli/glyph.h"

#include <wchar.h>

#include "base/utf8.h"
#include "base/util.h"

#define REPLACEMENT 0xfffd
#define REPLACEMENT_TEXT STR("\xef\xbf\xbd")
#define ESCAPE_WIDTH 6 /* \uXXXX */
#define FIRST_OF_PAIRS 0x10000

/* Bytes of the sequence that a first byte announces; 1 where it announces none. */
static size_t announced_len(uint8_t first)
{
    if (first >= 0xf0)
        return 4;
    if (first >= 0xe0)
        return 3;
    return first >= 0xc0 ? 2 : 1;
}

struct glyph glyph_first(struct str text)
{
    uint8_t first = (uint8_t)text.ptr[0];
    size_t len = announced_len(first);
    uint32_t code = first;

    if (len > text.len || !utf8_is_valid((struct str){text.ptr, len}))
        return (struct glyph){REPLACEMENT, 1, false};
    if (len > 1)
        code &= 0x7fu >> len;
    for (size_t i = 1; i < len; i++)
        code = code << 6 | ((uint8_t)text.ptr[i] & 0x3f);
    return (struct glyph){code, len, true};
}

size_t glyph_last_len(struct str text)
{
    size_t most = min_size(text.len, 4);

    for (size_t len = most; len > 1; len--) {
        struct glyph glyph = glyph_first((struct str){text.ptr + text.len - len, len});

        if (glyph.is_valid && glyph.len == len)
            return len;
    }
    return min_size(text.len, 1);
}

/* Controls, what turns the direction of writing, line and paragraph separators, and what cannot be
 * seen: the property Default_Ignorable_Code_Point (Unicode 15, DerivedCoreProperties.txt), and the
 * braille pattern without dots. The joiners U+200C and U+200D and the variation selectors U+FE00 to
 * U+FE0F are part of words and of emoji. */
static const uint32_t unsafe[][2] = {
    {0, 0x1f},        {0x7f, 0x9f},     {0xad, 0xad},       {0x34f, 0x34f},     {0x61c, 0x61c},
    {0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f},   {0x200b, 0x200b},   {0x200e, 0x200f},
    {0x2028, 0x202e}, {0x2060, 0x206f}, {0x2800, 0x2800},   {0x3164, 0x3164},   {0xfeff, 0xfeff},
    {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
};

bool glyph_is_unsafe(uint32_t code)
{
    for (size_t i = 0; i < ARRAY_LEN(unsafe) && unsafe[i][0] <= code; i++) {
        if (code <= unsafe[i][1])
            return true;
    }
    return false;
}

bool glyph_is_blank(uint32_t code)
{
    return glyph_is_unsafe(code) || code == ' ' || code == 0xa0 || code == 0x1680 ||
           (code >= 0x2000 && code <= 0x200d) || code == 0x202f || code == 0x205f ||
           code == 0x3000 || (code >= 0xfe00 && code <= 0xfe0f);
}

int glyph_width(uint32_t code)
{
    int width;

    if (glyph_is_unsafe(code))
        return code < FIRST_OF_PAIRS ? ESCAPE_WIDTH : 2 * ESCAPE_WIDTH;
    width = wcwidth((wchar_t)code);
    return width < 0 ? 1 : width; /* newer than the tables of libc */
}

size_t glyph_text_width(struct str text)
{
    size_t width = 0;

    while (text.len > 0) {
        struct glyph glyph = glyph_first(text);

        width += (size_t)glyph_width(glyph.code);
        text = (struct str){text.ptr + glyph.len, text.len - glyph.len};
    }
    return width;
}

/* As JSON does: beyond U+FFFF by a pair of surrogates (RFC 8259, 7). */
static int append_escaped(struct buf *out, uint32_t code)
{
    if (code < FIRST_OF_PAIRS)
        return buf_printf(out, "\\u%04x", (unsigned)code);
    code -= FIRST_OF_PAIRS;
    return buf_printf(out, "\\u%04x\\u%04x", 0xd800u | code >> 10, 0xdc00u | (code & 0x3ff));
}

static int append(struct buf *out, struct str text, bool is_safe)
{
    while (text.len > 0) {
        struct glyph glyph = glyph_first(text);
        int result;

        if (is_safe && glyph_is_unsafe(glyph.code))
            result = append_escaped(out, glyph.code);
        else if (!glyph.is_valid)
            result = buf_append_str(out, REPLACEMENT_TEXT);
        else
            result = buf_append(out, text.ptr, glyph.len);
        if (result < 0)
            return -1;
        text = (struct str){text.ptr + glyph.len, text.len - glyph.len};
    }
    return 0;
}

int glyph_append_safe(struct buf *out, struct str text)
{
    return append(out, text, true);
}

int glyph_append_valid(struct buf *out, struct str text)
{
    return append(out, text, false);
}

/* A colon, or what looks like one; a quotation mark. */
static bool glyph_is_of_lines(uint32_t code)
{
    static const uint16_t signs[] = {'"',    ':',    0x2d0,  0x589,  0x5c3,  0x703,
                                     0x704,  0x1803, 0x205a, 0x2236, 0xa4fd, 0xa789,
                                     0xfe13, 0xfe30, 0xfe55, 0xff1a};

    for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
        if (signs[i] == code)
            return true;
    }
    return false;
}

/* Does it look like more than one word? */
static bool has_blank(struct str text)
{
    while (text.len > 0) {
        struct glyph glyph = glyph_first(text);

        if (glyph_is_blank(glyph.code) && !glyph_is_unsafe(glyph.code) &&
            glyph_width(glyph.code) > 0)
            return true;
        text = (struct str){text.ptr + glyph.len, text.len - glyph.len};
    }
    return false;
}

int glyph_append_name(struct buf *out, struct str name)
{
    struct str mark = has_blank(name) ? STR("\"") : STR("");

    if (buf_append_str(out, mark) < 0)
        return -1;
    while (name.len > 0) {
        struct glyph glyph = glyph_first(name);

        if ((glyph_is_of_lines(glyph.code)
                 ? append_escaped(out, glyph.code)
                 : glyph_append_safe(out, (struct str){name.ptr, glyph.len})) < 0)
            return -1;
        name = (struct str){name.ptr + glyph.len, name.len - glyph.len};
    }
    return buf_append_str(out, mark);
}
