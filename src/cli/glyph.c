#include "cli/glyph.h"

#include <wchar.h>

#include "base/utf8.h"
#include "base/util.h"

#define REPLACEMENT 0xfffd
#define REPLACEMENT_TEXT STR("\xef\xbf\xbd")
#define ESCAPE_WIDTH 6 /* \uXXXX */

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

/* Controls, what turns the direction of writing, and what cannot be seen. The joiners U+200C and
 * U+200D are part of words and of emoji. */
static const uint32_t unsafe[][2] = {
    {0, 0x1f},        {0x7f, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},
    {0x180e, 0x180e}, {0x200b, 0x200b}, {0x200e, 0x200f}, {0x2028, 0x202e},
    {0x2060, 0x2069}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb},
};

bool glyph_is_unsafe(uint32_t code)
{
    for (size_t i = 0; i < ARRAY_LEN(unsafe) && unsafe[i][0] <= code; i++) {
        if (code <= unsafe[i][1])
            return true;
    }
    return false;
}

int glyph_width(uint32_t code)
{
    int width;

    if (glyph_is_unsafe(code))
        return ESCAPE_WIDTH;
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

static int append(struct buf *out, struct str text, bool is_safe)
{
    while (text.len > 0) {
        struct glyph glyph = glyph_first(text);
        int result;

        if (is_safe && glyph_is_unsafe(glyph.code))
            result = buf_printf(out, "\\u%04x", (unsigned)glyph.code);
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
