/* Packing for receivers that come, remember and are told in other ways: each has a zlib of its own,
 * and all must unpack the same.
 *
 * The first byte chooses the window. Then, again and again: a byte that says what happens (bits 0
 * and 1: a receiver comes, the message is undone), a byte for its length, the message. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/util.h"
#include "proto/ws/deflate.h"
#include "proto/ws/inflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RECEIVERS 6
#define COMES 1
#define UNDONE 2
#define MANY 4 /* the message is said many times in one */
#define TIMES 40

struct world {
    struct deflate_block *block;
    struct deflate_window *window;
    struct buf packed;
    z_stream receivers[RECEIVERS];
    size_t count;
    uint64_t floor;
    int bits;
};

static uint8_t plain[256 * TIMES], message[256 * TIMES];

static void require(bool is_true, const char *what)
{
    if (is_true)
        return;
    fprintf(stderr, "fuzz_deflate: %s\n", what);
    abort();
}

static void receiver_comes(struct world *w)
{
    if (w->count == RECEIVERS)
        return;
    w->receivers[w->count] = (z_stream){0};
    require(inflateInit2(&w->receivers[w->count++], -w->bits) == Z_OK, "no memory");
    w->floor = deflate_position(w->window);
}

static void check_receiver(struct world *w, z_stream *z, size_t len)
{
    z->next_in = w->packed.data;
    z->avail_in = (uInt)w->packed.len;
    z->next_out = plain;
    z->avail_out = sizeof(plain);
    require(inflate(z, Z_SYNC_FLUSH) == Z_OK && z->avail_in == 0, "zlib does not take it");
    require(sizeof(plain) - z->avail_out == len, "another length");
    require(memcmp(plain, message, len) == 0, "another message");
}

static void say(struct world *w, size_t len, bool is_undone)
{
    struct deflate_reach reach = {w->floor, SIZE_MAX};

    w->packed.len = 0;
    require(deflate_message(w->block, w->window, &w->packed, message, len, &reach) == 0,
            "no memory");
    require(w->packed.len <= len + 6, "longer than without");
    require(buf_append(&w->packed, "\x00\x00\xff\xff", 4) == 0, "no memory");
    if (is_undone)
        deflate_undo(w->window);
    for (size_t i = 0; i < w->count && !is_undone; i++)
        check_receiver(w, &w->receivers[i], len);
}

/* Takes the next message off the input; returns its length. */
static size_t take_message(const uint8_t **data, size_t *size, unsigned times)
{
    size_t len = min_size((*data)[1], *size - 2);

    for (unsigned i = 0; i < times && len > 0; i++)
        memcpy(message + i * len, *data + 2, len);
    *data += 2 + len;
    *size -= 2 + len;
    return len * times;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {0};

    if (size == 0)
        return 0;
    w.bits = DEFLATE_BITS_MIN + *data % (DEFLATE_BITS_MAX - DEFLATE_BITS_MIN + 1);
    w.block = deflate_block_new();
    w.window = deflate_window_new((unsigned)w.bits);
    require(w.block != NULL && w.window != NULL, "no memory");
    receiver_comes(&w);
    for (data++, size--; size >= 2;) {
        uint8_t what = data[0];

        if ((what & COMES) != 0)
            receiver_comes(&w);
        say(&w, take_message(&data, &size, (what & MANY) != 0 ? TIMES : 1), (what & UNDONE) != 0);
    }
    for (size_t i = 0; i < w.count; i++)
        inflateEnd(&w.receivers[i]);
    buf_deinit(&w.packed);
    deflate_block_free(w.block);
    deflate_window_free(w.window);
    return 0;
}
