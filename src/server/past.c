#include "server/past.h"

#include <string.h>

#include "base/hand_long.h"
#include "base/str.h"
#include "base/util.h"

void past_init(struct past *past)
{
    *past = (struct past){.write = metrics_write_past, .next = UINT64_MAX};
}

void past_deinit(struct past *past)
{
    for (size_t i = 0; i < PAST_READINGS; i++)
        buf_deinit(&past->readings[i]);
}

void past_start(struct past *past, uint64_t now)
{
    past->next = now;
}

/* The lines of `text` that are no comments. */
static int past_append_lines(struct buf *out, const struct buf *text)
{
    struct str rest = {(const char *)text->data, text->len};

    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');

        if (line.len > 0 && line.ptr[0] != '#' &&
            (buf_append_str(out, line) < 0 || buf_append_char(out, '\n') < 0))
            return -1;
    }
    return buf_append_char(out, '\n');
}

static int past_make(const struct past *past, struct buf *reading, const struct metrics *metrics,
                     uint64_t wall)
{
    struct buf text;
    int result;

    buf_init(&text);
    result = past->write(&text, metrics);
    if (result == 0)
        result = buf_printf(reading, "time %llu\n", (unsigned long long)wall);
    if (result == 0)
        result = past_append_lines(reading, &text);
    buf_deinit(&text);
    return result;
}

void past_tick(struct past *past, const struct metrics *metrics, const struct clock *clock)
{
    struct buf *reading = &past->readings[past->count % PAST_READINGS];

    if (clock->now < past->next)
        return;
    past->next = clock->now + PAST_EVERY;
    reading->len = 0;
    if (past_make(past, reading, metrics, clock->wall) < 0)
        reading->len = 0;
    past->count++;
}

int past_write(struct buf *out, const struct past *past)
{
    size_t first = past->count > PAST_READINGS ? past->count - PAST_READINGS : 0;

    for (size_t i = first; i < past->count; i++) {
        const struct buf *reading = &past->readings[i % PAST_READINGS];

        if (buf_append(out, reading->data, reading->len) < 0)
            return -1;
    }
    return 0;
}

/* Bytes of a reading are far fewer. */
#define PAST_READING_MAX ((size_t)1 << 20)

void past_hand(struct hand_writer *w, const struct past *past)
{
    size_t kept = min_size(past->count, PAST_READINGS);

    hand_put_u64(w, past->next);
    hand_put_u8(w, (uint8_t)kept);
    for (size_t i = past->count - kept; i < past->count; i++) {
        const struct buf *reading = &past->readings[i % PAST_READINGS];

        hand_put_long(w, reading->data, reading->len);
    }
}

bool past_take(struct past *past, struct hand_reader *r)
{
    uint64_t next = hand_get_u64(r);
    size_t kept = (size_t)hand_upto(r, hand_get_u8(r), PAST_READINGS);

    /* Who has no page for operators makes no readings. */
    if (past->next != UINT64_MAX && next < past->next + PAST_EVERY)
        past->next = next;
    for (past->count = 0; past->count < kept; past->count++) {
        past->readings[past->count].len = 0;
        if (!hand_get_long(r, &past->readings[past->count], PAST_READING_MAX))
            return false;
    }
    return hand_is_good(r);
}
