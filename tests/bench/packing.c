/* What it costs to compress a room's frames, and how short they become: our packer beside zlib at
 * its level 6, with the same window, the same context and a flush behind each message. Prints one
 * line for each kind of message. Both run by turns in one process.
 *
 * Then, for the usual message, what further renditions would cost: one that packs each message by
 * itself, for readers that keep nothing, and those of smaller windows.
 *
 *   packing      (built by scripts/bench.sh, with zlib) */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "base/buf.h"
#include "proto/ws/deflate.h"

#define BITS 13
#define USUAL 64 /* bytes of text */
#define MESSAGES 400
#define ROUNDS 25
#define FRAME_MAX 20000

static char frames[MESSAGES][FRAME_MAX];
static size_t lengths[MESSAGES];

static uint64_t cpu_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint32_t draw(uint32_t below)
{
    static uint32_t seed = 1;

    seed = seed * 1664525u + 1013904223u;
    return (seed >> 16) % below;
}

/* Words of a vocabulary of 600, made of syllables, the first ones more often. */
static size_t write_text(char *out, size_t len)
{
    static const char *const syllables[] = {"ta", "no", "re", "ing", "th", "e",  "so", "mi", "un",
                                            "ab", "le", "er", "st",  "o",  "wa", "in", "al", "ck"};
    size_t at = 0;

    while (at < len) {
        uint32_t a = draw(600), b = draw(600), word = a < b ? a : b;

        at += (size_t)snprintf(out + at, len + 8 - at, "%s%s ", syllables[word % 18],
                               word >= 18 ? syllables[word / 18 % 18] : "");
    }
    return len;
}

/* As the room's readers get it: ten senders, a clock that goes on, growing positions. */
static void make_frames(size_t text_len)
{
    for (unsigned i = 0; i < MESSAGES; i++) {
        uint32_t from = draw(10);
        size_t at = (size_t)snprintf(frames[i], 256,
                                     "{\"type\":\"message\",\"pos\":\"3f2a9c1e-%u\",\"ts\":%" PRIu64
                                     ",\"from\":%" PRIu64 ",\"name\":\"name-%u\",\"text\":\"",
                                     100 + i, 1763999000000 + (uint64_t)i * 731,
                                     1763998000000 + (uint64_t)from * 7919, from);

        at += write_text(frames[i] + at, text_len);
        lengths[i] = at + (size_t)snprintf(frames[i] + at, 64, "\",\"ref\":\"c-%u\"}", i);
    }
}

struct result {
    uint64_t spent; /* of the best round, ns */
    size_t bytes;
};

static void keep_best(struct result *result, uint64_t spent, size_t bytes)
{
    if (result->spent == 0 || spent < result->spent)
        result->spent = spent;
    result->bytes = bytes;
}

static void round_of_ours(struct result *result, unsigned bits, bool is_alone)
{
    struct deflate_block *block = deflate_block_new();
    struct deflate_window *window = deflate_window_new(bits);
    struct deflate_reach reach = {0, (size_t)1 << bits};
    uint64_t began = cpu_ns();
    size_t bytes = 0;
    struct buf out;

    buf_init(&out);
    for (unsigned i = 0; i < MESSAGES; i++) {
        out.len = 0;
        if (is_alone)
            reach.floor = deflate_position(window);
        if (deflate_message(block, window, &out, (uint8_t *)frames[i], lengths[i], &reach) < 0)
            abort();
        bytes += out.len;
    }
    keep_best(result, cpu_ns() - began, bytes);
    buf_deinit(&out);
    deflate_window_free(window);
    deflate_block_free(block);
}

static void round_of_zlib(struct result *result)
{
    static uint8_t out[2 * FRAME_MAX];
    z_stream z = {0};
    uint64_t began;
    size_t bytes = 0;

    if (deflateInit2(&z, 6, Z_DEFLATED, -BITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    began = cpu_ns();
    for (unsigned i = 0; i < MESSAGES; i++) {
        z.next_in = (uint8_t *)frames[i];
        z.avail_in = (uInt)lengths[i];
        z.next_out = out;
        z.avail_out = sizeof(out);
        if (deflate(&z, Z_SYNC_FLUSH) != Z_OK)
            abort();
        bytes += sizeof(out) - z.avail_out - 4;
    }
    keep_best(result, cpu_ns() - began, bytes);
    deflateEnd(&z);
}

/* Bytes of the whole frame: a server's header takes two, or four. */
static double framed(double bytes)
{
    return bytes + (bytes > 125 ? 4 : 2);
}

/* One more rendition of the room: packing is shared by those who read it. */
static void print_rendition(const char *name, unsigned bits, bool is_alone)
{
    struct result result = {0, 0};
    double us;

    for (unsigned k = 0; k < ROUNDS; k++)
        round_of_ours(&result, bits, is_alone);
    us = (double)result.spent / 1e3 / MESSAGES;
    printf("rendition=%s memory=%zu bytes=%.1f us=%.2f us_each_of_1=%.2f us_each_of_10=%.3f "
           "us_each_of_1000=%.4f\n",
           name, deflate_window_cost(bits), framed((double)result.bytes / MESSAGES), us, us,
           us / 10, us / 1000);
}

static void print_renditions(void)
{
    size_t before = 0;
    char name[16];

    make_frames(USUAL);
    for (unsigned k = 0; k < MESSAGES; k++)
        before += lengths[k];
    printf("rendition=plain memory=0 bytes=%.1f us=0\n", framed((double)before / MESSAGES));
    print_rendition("alone", DEFLATE_BITS_MIN, true);
    for (unsigned bits = DEFLATE_BITS_MIN; bits <= BITS; bits++) {
        snprintf(name, sizeof(name), "%u-bits", bits);
        print_rendition(name, bits, false);
    }
}

int main(void)
{
    static const size_t sizes[] = {16, 64, 256, 1024, 4096, 16384};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct result ours = {0, 0}, theirs = {0, 0};
        size_t before = 0;

        make_frames(sizes[i]);
        for (unsigned k = 0; k < MESSAGES; k++)
            before += lengths[k];
        for (unsigned k = 0; k < ROUNDS; k++) {
            round_of_ours(&ours, BITS, false);
            round_of_zlib(&theirs);
        }
        printf("text=%zu plain=%zu ours=%.1f zlib=%.1f ours_us=%.2f zlib_us=%.2f time=%.2f "
               "size=%.3f\n",
               sizes[i], before / MESSAGES, (double)ours.bytes / MESSAGES,
               (double)theirs.bytes / MESSAGES, (double)ours.spent / 1e3 / MESSAGES,
               (double)theirs.spent / 1e3 / MESSAGES, (double)ours.spent / (double)theirs.spent,
               (double)ours.bytes / (double)theirs.bytes);
    }
    print_renditions();
    return 0;
}
