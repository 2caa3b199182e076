#include "base/grapheme.h"

#include <stddef.h>
#include <stdint.h>

#include "base/util.h"

#define ZWJ 0x200d /* zero width joiner */

struct range {
    uint32_t first, last;
};

/* What goes on with the character before it: marks (Mn, Me of the blocks for combining marks),
 * variation selectors, the keycap, skin tones, tags. */
static const struct range extending[] = {
    {0x300, 0x36f},     {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},     {0x64b, 0x65f},
    {0x93a, 0x93c},     {0x93e, 0x94f},   {0xe31, 0xe31},   {0xe34, 0xe3a},     {0xe47, 0xe4e},
    {0x1ab0, 0x1aff},   {0x1dc0, 0x1dff}, {0x200c, 0x200d}, {0x20d0, 0x20ff},   {0x302a, 0x302f},
    {0x3099, 0x309a},   {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0x1f3fb, 0x1f3ff}, {0xe0020, 0xe007f},
    {0xe0100, 0xe01ef},
};

/* What cannot be seen by itself: controls, blanks, formats. */
static const struct range unseen[] = {
    {0x0, 0x20},      {0x7f, 0xa0},     {0xad, 0xad},     {0x34f, 0x34f},     {0x61c, 0x61c},
    {0x115f, 0x1160}, {0x1680, 0x1680}, {0x17b4, 0x17b5}, {0x180b, 0x180f},   {0x2000, 0x200f},
    {0x2028, 0x202f}, {0x205f, 0x206f}, {0x2800, 0x2800}, {0x3000, 0x3000},   {0x3164, 0x3164},
    {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
};

static const struct range regional = {0x1f1e6, 0x1f1ff};

static bool is_within(uint32_t code, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    }
    return false;
}

static bool is_extending(uint32_t code)
{
    return is_within(code, extending, ARRAY_LEN(extending));
}

/* Takes the first code point off a valid text that is not empty. */
static uint32_t take_code(struct str *text)
{
    uint8_t first = (uint8_t)text->ptr[0];
    size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t code = len == 1 ? first : first & (0x7fu >> len);

    for (size_t i = 1; i < len; i++)
        code = code << 6 | ((uint8_t)text->ptr[i] & 0x3f);
    *text = (struct str){text->ptr + len, text->len - len};
    return code;
}

bool grapheme_is_one(struct str text)
{
    uint32_t before;
    bool is_flag;

    if (text.len == 0)
        return false;
    before = take_code(&text);
    if (is_extending(before) || is_within(before, unseen, ARRAY_LEN(unseen)))
        return false;
    is_flag = is_within(before, &regional, 1);
    while (text.len > 0) {
        uint32_t code = take_code(&text);
        bool is_joined = before == ZWJ && !is_within(code, unseen, ARRAY_LEN(unseen));
        bool ends_flag = is_flag && is_within(code, &regional, 1);

        if (!is_extending(code) && !is_joined && !ends_flag)
            return false;
        is_flag = false;
        before = code;
    }
    return before != ZWJ;
}
