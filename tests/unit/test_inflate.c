/* Unpacking: the examples of RFC 7692, what RFC 1951 forbids, and zlib as the other side. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/util.h"
#include "guard.h"
#include "proto/ws/inflate.h"

Suite *suite_inflate(void);

static size_t work; /* of the last call */

/* Unpacks from just before an unreadable page. */
static enum inflate_error unpack(struct buf *out, const void *data, size_t len, size_t max)
{
    char *copy = guard_copy(data, len);
    enum inflate_error error;

    buf_init(out);
    error = inflate_message(out, (uint8_t *)copy, len, max, &work);
    guard_free(copy, len);
    return error;
}

static void expect(const void *data, size_t len, const void *wanted, size_t wanted_len)
{
    struct buf out;

    ck_assert_int_eq(unpack(&out, data, len, wanted_len), INFLATE_OK);
    ck_assert_uint_eq(out.len, wanted_len);
    if (wanted_len > 0)
        ck_assert_mem_eq(out.data, wanted, wanted_len);
    buf_deinit(&out);
    if (wanted_len > 0) {
        ck_assert_int_eq(unpack(&out, data, len, wanted_len - 1), INFLATE_TOO_LONG);
        ck_assert_uint_lt(out.len, wanted_len);
        buf_deinit(&out);
    }
}

#define EXPECT(packed, wanted) expect(packed, sizeof(packed) - 1, wanted, sizeof(wanted) - 1)

/* RFC 7692, 7.2.3: compressed, in two blocks, stored, by a last block, and empty. */
START_TEST(examples_of_the_rfc)
{
    EXPECT("\xf2\x48\xcd\xc9\xc9\x07\x00", "Hello");
    EXPECT("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", "Hello");
    EXPECT("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", "Hello");
    EXPECT("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "Hello");
    EXPECT("\xf3\x48\xcd\xc9\xc9\x07\x00", "Hello");
    EXPECT("\x00", "");
    EXPECT("\x02\x00", "");
}
END_TEST

/* RFC 7692, 7.2.3.2: a match into the message before; and one that reaches a byte too far. */
START_TEST(what_was_said_before_is_known)
{
    static const uint8_t again[] = {0xf2, 0x00, 0x11, 0x00, 0x00};
    struct buf out;

    EXPECT("\xf2\x48\xcd\xc9\xc9\x07\x00", "Hello");
    buf_init(&out);
    ck_assert_int_eq(buf_append(&out, "Hello", 5), 0);
    ck_assert_int_eq(inflate_message(&out, again, sizeof(again), 5, &work), INFLATE_OK);
    ck_assert_uint_eq(out.len, 10);
    ck_assert_mem_eq(out.data, "HelloHello", 10);
    out.len = 5;
    ck_assert_int_eq(inflate_message(&out, again, sizeof(again), 4, &work), INFLATE_TOO_LONG);
    out.len = 4; /* the match is five bytes back, behind an H */
    ck_assert_int_eq(inflate_message(&out, again, sizeof(again), 5, &work), INFLATE_OK);
    out.len = 3;
    ck_assert_int_eq(inflate_message(&out, again, sizeof(again), 5, &work), INFLATE_MALFORMED);
    buf_deinit(&out);
}
END_TEST

static const struct {
    const char *bytes;
    size_t len;
} malformed[] = {
#define BYTES(literal)                                                                             \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }
    BYTES(""),                                 /* the tail alone is a length without its block */
    BYTES("\x06\x00"),                         /* block type 3 */
    BYTES("\x00\x05\x00\xfb\xff Hello"),       /* a length that is not its complement's */
    BYTES("\x00\x0a\x00\xf5\xff Hello\x00"),   /* stored bytes that reach into the tail */
    BYTES("\xf2\x48\xcd\xc9\xc9"),             /* ends in a block */
    BYTES("\x02\x02\x00\x00"),                 /* a match in front of the message */
    BYTES("\xf2\x48\xcd\xc9\xc9\x07\x06\x00"), /* garbage behind the end */
    BYTES("\xfd\xff\xff\xff\xff\xff\xff\xff"), /* too many codes */
    BYTES("\x04\x00\x00\x00\x00\x00\x00\x00"), /* codes without lengths */
    BYTES("\x1b\x03\x00"),                     /* length symbol 286 */
};

START_TEST(malformed_is_refused)
{
    struct buf out;

    ck_assert_int_eq(unpack(&out, malformed[_i].bytes, malformed[_i].len, 1000), INFLATE_MALFORMED);
    buf_deinit(&out);
}
END_TEST

/* ---- zlib packs ---- */

/* Kinds of content: one byte again and again, text, noise, and all of it in turn. */
static void fill(uint8_t *data, size_t len, int kind)
{
    uint32_t random = 12345;

    for (size_t i = 0; i < len; i++) {
        int now = kind == 3 ? (int)(i / 1000 % 3) : kind;

        random = random * 1664525 + 1013904223;
        data[i] = 'a';
        if (now == 1)
            data[i] = (uint8_t)("{\"type\":\"message\",\"text\":\""[(random >> 24) % 5 + i % 20]);
        else if (now == 2)
            data[i] = (uint8_t)(random >> 24);
    }
}

/* Packs as a client does: flushed, and without the tail. */
static size_t pack(uint8_t *out, size_t size, uint8_t *data, size_t len, int level, int strategy)
{
    z_stream z = {.next_in = data, .avail_in = (uInt)len, .next_out = out, .avail_out = (uInt)size};

    ck_assert_int_eq(deflateInit2(&z, level, Z_DEFLATED, -15, 8, strategy), Z_OK);
    ck_assert_int_eq(deflate(&z, Z_SYNC_FLUSH), Z_OK);
    ck_assert_uint_gt(z.avail_out, 0);
    deflateEnd(&z);
    return z.total_out - 4;
}

static const int strategies[] = {Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED};

START_TEST(what_zlib_packs_is_unpacked)
{
    static uint8_t data[200000], packed[300000];
    static const size_t lens[] = {1, 2, 3, 258, 259, 4096, 65535, 65536, sizeof(data)};

    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        for (int level = 0; level <= 9; level += 3) {
            size_t len;

            fill(data, lens[i], _i % 4);
            len = pack(packed, sizeof(packed), data, lens[i], level, strategies[_i / 4]);
            expect(packed, len, data, lens[i]);
        }
    }
}
END_TEST

/* A message that was cut anywhere is not whole, and nothing is read behind it. */
START_TEST(cut_short_is_refused)
{
    uint8_t data[600], packed[2000];
    size_t len;

    fill(data, sizeof(data), _i);
    len = pack(packed, sizeof(packed), data, sizeof(data), 6, Z_DEFAULT_STRATEGY);
    for (size_t cut = 0; cut < len; cut++) {
        struct buf out;

        if (unpack(&out, packed, cut, sizeof(data)) == INFLATE_OK)
            ck_assert_uint_eq(out.len, sizeof(data)); /* only the empty block at its end is gone */
        buf_deinit(&out);
    }
}
END_TEST

/* A thousand to one: what is paid is what comes out, up to the limit. */
START_TEST(a_bomb_costs_no_more_than_the_limit)
{
    static uint8_t data[4000000], packed[100000];
    size_t len;
    struct buf out;

    fill(data, sizeof(data), 0);
    len = pack(packed, sizeof(packed), data, sizeof(data), 9, Z_DEFAULT_STRATEGY);
    ck_assert_uint_lt(len, 5000);
    ck_assert_int_eq(unpack(&out, packed, len, 65536), INFLATE_TOO_LONG);
    ck_assert_uint_le(out.len, 65536);
    ck_assert_uint_le(out.cap, 2 * 65536);
    buf_deinit(&out);
}
END_TEST

/* Bits, the lowest first, into zeroed memory. */
static void put(uint8_t *out, size_t *at, unsigned value, unsigned count)
{
    for (unsigned i = 0; i < count; i++, ++*at)
        out[*at / 8] |= (uint8_t)((value >> i & 1) << *at % 8);
}

/* An empty block with codes of its own: 256 and distance 0 alone, each of one bit. */
static void put_own_codes(uint8_t *out, size_t *at)
{
    put(out, at, 4, 3);
    put(out, at, 14 << 10, 14);
    for (unsigned i = 0; i < 18; i++)
        put(out, at, i == 2 || i == 17, 3); /* symbols 18 and 1 */
    put(out, at, 127 << 1 | 1, 8);          /* 138 without a code */
    put(out, at, 107 << 1 | 1, 8);          /* ... 118 more */
    put(out, at, 0, 3);                     /* two codes, and the end of the block */
}

#define BLOCKS 3000

/* Nothing comes out of thousands of blocks, but somebody has to make their codes: that counts as
 * work. The fixed codes are there already, so blocks with those are no more than their bytes. */
START_TEST(blocks_of_nothing_are_work)
{
    static uint8_t data[40000];
    struct buf out;
    size_t at = 0;

    for (unsigned i = 0; i < BLOCKS; i++)
        put_own_codes(data, &at);
    put(data, &at, 0, 3);
    ck_assert_int_eq(unpack(&out, data, (at + 7) / 8, 0), INFLATE_OK);
    ck_assert_uint_ge(work, (at + 7) / 8 + BLOCKS * 100);
    memset(data, 0, sizeof(data));
    at = 0;
    for (unsigned i = 0; i < BLOCKS; i++)
        put(data, &at, 2, 10);
    put(data, &at, 0, 3);
    ck_assert_int_eq(unpack(&out, data, (at + 7) / 8, 0), INFLATE_OK);
    ck_assert_uint_eq(work, (at + 7) / 8);
    expect("\xf2\x48\xcd\xc9\xc9\x07\x00", 7, "Hello", 5);
    ck_assert_uint_ge(work, 7);
    ck_assert_uint_le(work, 7 + 5);
}
END_TEST

Suite *suite_inflate(void)
{
    Suite *suite = suite_create("inflate");
    TCase *cases = tcase_create("inflate");

    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, examples_of_the_rfc);
    tcase_add_test(cases, what_was_said_before_is_known);
    tcase_add_test(cases, blocks_of_nothing_are_work);
    tcase_add_loop_test(cases, malformed_is_refused, 0, ARRAY_LEN(malformed));
    tcase_add_loop_test(cases, what_zlib_packs_is_unpacked, 0, 4 * (int)ARRAY_LEN(strategies));
    tcase_add_loop_test(cases, cut_short_is_refused, 0, 2);
    tcase_add_test(cases, a_bomb_costs_no_more_than_the_limit);
    suite_add_tcase(suite, cases);
    return suite;
}
