/* Unpacking against zlib: the same bytes must give the same message, or no message on both sides.
 * The first byte chooses the limit. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "proto/ws/inflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX 70000

static uint8_t plain[MAX];

static void require(bool is_true, const char *what)
{
    if (is_true)
        return;
    fprintf(stderr, "fuzz_inflate: %s\n", what);
    abort();
}

/* zlib ends with a last block: goes on behind it, with what it unpacked as its dictionary. */
static void restart(z_stream *z, size_t done)
{
    size_t window = done > 32768 ? 32768 : done;

    inflateReset(z);
    inflateSetDictionary(z, plain + done - window, (uInt)window);
}

/* Is all input taken, and a block complete? */
static bool is_at_end(const z_stream *z, int error)
{
    return error == Z_OK && z->avail_in == 0 && (z->data_type & 128) != 0 &&
           (z->data_type & 63) == 0;
}

/* What zlib makes of a message with its tail: its length, or -1. After a last block zlib has to be
 * started anew, with what it unpacked before as its dictionary.
 */
static long reference(const uint8_t *data, size_t len, size_t max)
{
    uint8_t *copy = malloc(len + 4);
    z_stream z = {0};
    long result = -1;

    require(copy != NULL && inflateInit2(&z, -15) == Z_OK, "no memory");
    if (len > 0)
        memcpy(copy, data, len);
    memcpy(copy + len, "\x00\x00\xff\xff", 4);
    z.next_in = copy;
    z.avail_in = (uInt)len + 4;
    z.next_out = plain;
    z.avail_out = (uInt)max;
    for (;;) {
        int error = inflate(&z, Z_BLOCK);
        size_t done = max - z.avail_out;

        if (error == Z_STREAM_END && z.avail_in != 0 && z.avail_in != 4) {
            restart(&z, done);
        } else if (error == Z_STREAM_END || is_at_end(&z, error)) {
            result = (long)done;
            break;
        } else if (error != Z_OK) {
            break;
        }
    }
    inflateEnd(&z);
    free(copy);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t limits[] = {MAX, 1000, 10, 0};
    struct buf out;
    enum inflate_error error;
    size_t max, work;
    long wanted;

    if (size == 0)
        return 0;
    max = limits[data[0] % 4];
    buf_init(&out);
    error = inflate_message(&out, data + 1, size - 1, max, &work);
    require(error != INFLATE_NO_MEMORY, "no memory");
    require(work >= size - 1 + out.len, "less work than there was");
    require(out.len <= max && out.cap <= 2 * max + 1024, "more than the limit");
    wanted = reference(data + 1, size - 1, max);
    require((error == INFLATE_OK) == (wanted >= 0), "only one side takes it");
    if (error == INFLATE_OK) {
        require(out.len == (size_t)wanted, "another length");
        require(out.len == 0 || memcmp(out.data, plain, out.len) == 0, "another message");
    }
    buf_deinit(&out);
    return 0;
}
