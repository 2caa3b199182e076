#include "base/hand_long.h"

#include <endian.h>
#include <string.h>

#include "base/util.h"

/* What stands in front of a piece of a long string. */
#define HAND_PIECE_HEADER 8

static size_t hand_spare(const struct hand_writer *w)
{
    return min_size(HAND_SPARE, w->longest / 4);
}

/* The type of the record that is being gathered. */
static uint16_t hand_type(const struct hand_writer *w)
{
    uint16_t wire;

    memcpy(&wire, w->out.data + w->start + HAND_HEADER - sizeof(wire), sizeof(wire));
    return le16toh(wire);
}

void hand_go_on(struct hand_writer *w)
{
    bool is_full = w->out.len - w->start + hand_spare(w) > w->longest;
    uint16_t type;

    if (w->is_failed)
        return;
    hand_put_bool(w, is_full);
    if (!is_full)
        return;
    type = hand_type(w);
    hand_end(w);
    hand_begin(w, type);
}

bool hand_get_on(struct hand_reader *r)
{
    return hand_get_bool(r) ? hand_expect(r, r->type) : hand_is_good(r);
}

void hand_put_long(struct hand_writer *w, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    hand_put_u64(w, len);
    while (len > 0 && !w->is_failed) {
        size_t piece = min_size(len, hand_spare(w) - HAND_PIECE_HEADER);

        hand_go_on(w);
        hand_put_bytes(w, at, piece);
        at += piece;
        len -= piece;
    }
}

bool hand_get_long(struct hand_reader *r, struct buf *to, size_t max)
{
    uint64_t left = hand_upto(r, hand_get_u64(r), max);

    while (left > 0 && hand_get_on(r)) {
        struct str piece = hand_get_bytes(r, (size_t)left);

        if (!hand_check(r, piece.len > 0, "a piece of a text is empty"))
            break;
        if (buf_append(to, piece.ptr, piece.len) < 0)
            return hand_fail(r, "out of memory");
        left -= piece.len;
    }
    return hand_is_good(r);
}
