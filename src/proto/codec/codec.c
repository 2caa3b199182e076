#include "proto/codec/codec.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "proto/codec/kinds.h"

const struct codec *const codecs[CODEC_KINDS] = {
    [CODEC_TEXT] = &codec_text,
    [CODEC_V1] = &codec_v1,
};

/* C0, DEL and C1. In valid UTF-8 the byte 0xc2 followed by 0x80 to 0x9f is C1 and nothing else. */
static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        if (c < 0x20 || c == 0x7f)
            return true;
        if (c == 0xc2 && i + 1 < s.len && (unsigned char)s.ptr[i + 1] < 0xa0)
            return true;
    }
    return false;
}

bool codec_name_is_valid(struct str name)
{
    return name.len <= CODEC_NAME_MAX && utf8_is_valid(name) && !has_control(name);
}

void codec_pos_write(char out[CODEC_POS_MAX], uint64_t epoch, uint64_t seq)
{
    snprintf(out, CODEC_POS_MAX, "%016llx-%llu", (unsigned long long)epoch,
             (unsigned long long)seq);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool codec_pos_read(struct str pos, uint64_t *epoch, uint64_t *seq)
{
    struct str left = str_cut(&pos, '-');
    uint64_t value = 0;

    if (left.len != 16 || pos.ptr == NULL)
        return false;
    for (size_t i = 0; i < left.len; i++) {
        int digit = hex_value(left.ptr[i]);

        if (digit < 0)
            return false;
        value = value << 4 | (unsigned)digit;
    }
    *epoch = value;
    return str_to_u64(pos, UINT64_MAX, seq);
}
