/* Packs standard input into one gzip member (RFC 1952) on standard output, by the server's own
 * encoder. Runs on the machine that builds: see the Makefile. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "proto/ws/deflate.h"

/* As RFC 1952, 8, defines it; a bit at a time, for this is not in a hurry. */
static uint32_t gzip_crc32(const uint8_t *data, size_t len)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xEDB88320) : 0);
    }
    return ~crc;
}

static bool gzip_read(struct buf *in)
{
    uint8_t piece[4096];
    size_t n;

    while ((n = fread(piece, 1, sizeof(piece), stdin)) > 0) {
        if (buf_append(in, piece, n) < 0)
            return false;
    }
    return !ferror(stdin);
}

static bool gzip_append_number(struct buf *out, uint32_t number)
{
    const uint8_t bytes[] = {(uint8_t)number, (uint8_t)(number >> 8), (uint8_t)(number >> 16),
                             (uint8_t)(number >> 24)};

    return buf_append(out, bytes, sizeof(bytes)) == 0;
}

/* A message of permessage-deflate, the bytes that such a message leaves out, and an empty last
 * block. src/web/assets.c takes that apart again. */
static bool gzip_append_blocks(struct buf *out, const struct buf *in)
{
    static const uint8_t end[] = {0, 0, 0xFF, 0xFF, 3, 0};
    const struct deflate_reach reach = {.floor = 0, .distance = (size_t)1 << DEFLATE_BITS_MAX};
    struct deflate_block *block = deflate_block_new();
    struct deflate_window *window = deflate_window_new(DEFLATE_BITS_MAX);
    bool is_packed = block != NULL && window != NULL &&
                     deflate_message(block, window, out, in->data, in->len, &reach) == 0;

    deflate_block_free(block);
    deflate_window_free(window);
    return is_packed && buf_append(out, end, sizeof(end)) == 0;
}

int main(void)
{
    /* No name and no time, so that the same file always becomes the same bytes. */
    static const uint8_t head[] = {0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF};
    struct buf in, out;
    bool is_done;

    buf_init(&in);
    buf_init(&out);
    is_done = gzip_read(&in) && buf_append(&out, head, sizeof(head)) == 0 &&
              gzip_append_blocks(&out, &in) &&
              gzip_append_number(&out, gzip_crc32(in.data, in.len)) &&
              gzip_append_number(&out, (uint32_t)in.len) &&
              fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
    buf_deinit(&in);
    buf_deinit(&out);
    if (!is_done)
        perror("gzip");
    return is_done ? EXIT_SUCCESS : EXIT_FAILURE;
}
