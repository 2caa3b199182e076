/* Packing: the examples of RFC 7692, and zlib as the receiver. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/util.h"
#include "guard.h"
#include "proto/ws/deflate.h"
#include "proto/ws/inflate.h"

Suite *suite_deflate(void);

#define FAR_ENOUGH 32768
#define LONGEST 200000

static struct deflate_block *block;
static struct deflate_window *window;
static struct buf packed;

static void set_up(unsigned bits)
{
    block = deflate_block_new();
    window = deflate_window_new(bits);
    ck_assert_ptr_nonnull(block);
    ck_assert_ptr_nonnull(window);
    buf_init(&packed);
}

static void tear_down(void)
{
    deflate_block_free(block);
    deflate_window_free(window);
    buf_deinit(&packed);
}

/* Packs from just before an unreadable page. */
static void pack_within(const void *data, size_t len, uint64_t floor, size_t distance)
{
    char *copy = guard_copy(data, len);
    struct deflate_reach reach = {floor, distance};

    packed.len = 0;
    ck_assert_int_eq(deflate_message(block, window, &packed, (uint8_t *)copy, len, &reach), 0);
    guard_free(copy, len);
}

static void pack(const void *data, size_t len)
{
    pack_within(data, len, 0, FAR_ENOUGH);
}

/* A receiver that remembers. */
static void receiver_init(z_stream *z, int bits)
{
    *z = (z_stream){0};
    ck_assert_int_eq(inflateInit2(z, -bits), Z_OK);
}

static void expect_at(z_stream *z, const void *wanted, size_t len)
{
    uint8_t *plain = malloc(len + 1);
    uint8_t *copy = malloc(packed.len + 4);

    memcpy(copy, packed.data, packed.len);
    memcpy(copy + packed.len, "\x00\x00\xff\xff", 4);
    z->next_in = copy;
    z->avail_in = (uInt)packed.len + 4;
    z->next_out = plain;
    z->avail_out = (uInt)len + 1;
    ck_assert_int_eq(inflate(z, Z_SYNC_FLUSH), Z_OK);
    ck_assert_uint_eq(z->avail_in, 0);
    ck_assert_uint_eq(z->avail_out, 1);
    if (len > 0)
        ck_assert_mem_eq(plain, wanted, len);
    free(plain);
    free(copy);
}

static uint32_t seed = 1;

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(seed >> 8) * below >> 24);
}

/* Words out of few letters: what people say repeats. */
static void fill_with_words(uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(draw(6) == 0 ? ' ' : 'a' + draw(1 + draw(9)));
}

static void fill_with_noise(uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)draw(256);
}

/* RFC 7692, 7.2.3.1 and 7.2.3.2: with what was said before, without it, and nothing at all. */
START_TEST(examples_of_the_rfc)
{
    set_up(15);
    pack("Hello", 5);
    ck_assert_uint_eq(packed.len, 7);
    ck_assert_mem_eq(packed.data, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
    pack("Hello", 5); /* the RFC's is one byte longer: it begins its match at the second letter */
    ck_assert_uint_eq(packed.len, 4);
    pack_within("Hello", 5, deflate_position(window), FAR_ENOUGH);
    ck_assert_uint_eq(packed.len, 7);
    pack("", 0);
    ck_assert_uint_eq(packed.len, 1);
    ck_assert_uint_eq(packed.data[0], 0);
    tear_down();
}
END_TEST

/* Every window, lengths around its size, and receivers with just that window. */
START_TEST(zlib_unpacks_it_in_every_window)
{
    static uint8_t data[LONGEST];
    size_t size = (size_t)1 << _i;
    const size_t lengths[] = {0,        1,        2,       3,        4,   257,      258,
                              259,      size - 1, size,    size + 1, 300, 2 * size, 2 * size + 1,
                              5 * size, 3,        LONGEST, 10};
    z_stream receiver;

    set_up((unsigned)_i);
    receiver_init(&receiver, _i);
    for (size_t i = 0; i < 2 * ARRAY_LEN(lengths); i++) {
        size_t len = lengths[i % ARRAY_LEN(lengths)];

        if (i % 5 == 3)
            fill_with_noise(data, len);
        else
            fill_with_words(data, len);
        pack(data, len);
        expect_at(&receiver, data, len);
    }
    inflateEnd(&receiver);
    tear_down();
}
END_TEST

/* What this server itself takes: messages that stand for themselves. */
START_TEST(our_own_inflate_unpacks_it)
{
    static uint8_t data[5000];
    struct buf plain;
    size_t work;

    set_up(9);
    for (size_t len = 0; len < 400; len++) {
        fill_with_words(data, len * 12);
        pack_within(data, len * 12, deflate_position(window), FAR_ENOUGH);
        buf_init(&plain);
        ck_assert_int_eq(inflate_message(&plain, packed.data, packed.len, len * 12, &work),
                         INFLATE_OK);
        ck_assert_uint_eq(plain.len, len * 12);
        if (len > 0)
            ck_assert_mem_eq(plain.data, data, len * 12);
        buf_deinit(&plain);
    }
    tear_down();
}
END_TEST

START_TEST(noise_grows_by_its_headers_alone)
{
    static const size_t lengths[] = {1, 100, 65535, 65536, 131071};
    static uint8_t data[131071];
    z_stream receiver;

    set_up(15);
    receiver_init(&receiver, 15);
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        fill_with_noise(data, lengths[i]);
        pack(data, lengths[i]);
        ck_assert_uint_le(packed.len, lengths[i] + 1 + 5 * (2 + lengths[i] / 16000));
        expect_at(&receiver, data, lengths[i]);
    }
    inflateEnd(&receiver);
    tear_down();
}
END_TEST

#define LATE 40

/* Each comes with another message, and nothing reaches back in front of the last one's arrival. */
START_TEST(who_comes_later_unpacks_what_comes_then)
{
    static uint8_t data[300];
    z_stream receivers[LATE];

    set_up(10);
    for (size_t i = 0; i < LATE; i++) {
        uint64_t floor = deflate_position(window);

        receiver_init(&receivers[i], 10);
        for (size_t k = 0; k < 3; k++) {
            size_t len = draw(sizeof(data));

            fill_with_words(data, len);
            pack_within(data, len, floor, FAR_ENOUGH);
            for (size_t all = 0; all <= i; all++)
                expect_at(&receivers[all], data, len);
        }
    }
    for (size_t i = 0; i < LATE; i++)
        inflateEnd(&receivers[i]);
    tear_down();
}
END_TEST

/* A receiver of a smaller window than ours gets no match from further away. */
START_TEST(distances_stay_within_reach)
{
    static uint8_t data[400];
    z_stream receiver;

    set_up(13);
    receiver_init(&receiver, 8);
    for (size_t i = 0; i < 100; i++) {
        fill_with_words(data, sizeof(data));
        pack_within(data, sizeof(data), 0, 256);
        expect_at(&receiver, data, sizeof(data));
    }
    inflateEnd(&receiver);
    tear_down();
}
END_TEST

/* The receiver never hears of what was undone, be it short or too long for the window. */
START_TEST(what_was_undone_never_was)
{
    static uint8_t data[3000];
    z_stream receiver;

    set_up(8);
    receiver_init(&receiver, 8);
    for (size_t i = 0; i < 500; i++) {
        size_t len = draw(i % 10 == 0 ? sizeof(data) : 90);

        fill_with_words(data, len);
        pack(data, len);
        if (draw(3) == 0)
            deflate_undo(window);
        else
            expect_at(&receiver, data, len);
    }
    inflateEnd(&receiver);
    tear_down();
}
END_TEST

/* Undoing leaves no trace: the next message is packed as if it had been the last. */
START_TEST(undoing_gives_the_same_bytes)
{
    uint8_t first[120], second[120];
    struct buf before;

    set_up(12);
    fill_with_words(first, sizeof(first));
    memcpy(second, first, sizeof(second));
    memcpy(second + 50, "something else", 14);
    pack(first, sizeof(first));
    pack(second, sizeof(second));
    before = packed;
    buf_init(&packed);
    deflate_undo(window);
    pack(first, sizeof(first));
    deflate_undo(window);
    pack(second, sizeof(second));
    ck_assert_uint_eq(packed.len, before.len);
    ck_assert_mem_eq(packed.data, before.data, before.len);
    buf_deinit(&before);
    tear_down();
}
END_TEST

/* What zlib makes of the same messages at its level 6 is not shorter: a hundredth is granted. */
START_TEST(it_is_as_short_as_zlib)
{
    static uint8_t data[20000], theirs[40000];
    static const size_t lengths[] = {200, 20000};
    size_t ours = 0, of_zlib = 0;
    z_stream z = {0};

    set_up(15);
    ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    for (size_t i = 0; i < 60; i++) {
        size_t len = lengths[i % 30 == 29];

        fill_with_words(data, len);
        pack(data, len);
        ours += packed.len;
        z.next_in = data;
        z.avail_in = (uInt)len;
        z.next_out = theirs;
        z.avail_out = sizeof(theirs);
        ck_assert_int_eq(deflate(&z, Z_SYNC_FLUSH), Z_OK);
        of_zlib += sizeof(theirs) - z.avail_out - 4;
    }
    ck_assert_uint_le(ours * 100, of_zlib * 101);
    deflateEnd(&z);
    tear_down();
}
END_TEST

static struct {
    const uint8_t *bytes;
    size_t left;
} handed;

static int fill_handed(void *owner, void *to, size_t len)
{
    (void)owner;
    if (len > handed.left)
        return -1;
    memcpy(to, handed.bytes, len);
    handed.bytes += len;
    handed.left -= len;
    return 0;
}

/* In place of the window there is another one, which was made from its state. */
static void hand_window(unsigned bits)
{
    struct hand_writer w;
    struct hand_reader r;

    hand_writer_init(&w, NULL, NULL);
    hand_begin(&w, HAND_CHAT);
    deflate_window_hand(&w, window);
    hand_end(&w);
    handed.bytes = w.out.data;
    handed.left = w.out.len;
    hand_reader_init(&r, fill_handed, NULL);
    ck_assert(hand_next(&r));
    deflate_window_free(window);
    window = deflate_window_take(&r, bits);
    ck_assert(hand_is_through(&r));
    ck_assert_ptr_nonnull(window);
    hand_reader_deinit(&r);
    hand_writer_deinit(&w);
}

/* It packs the same as if it had stayed, so zlib unpacks it, and it is as short. */
START_TEST(a_window_that_is_handed_over_knows_what_was_said)
{
    static uint8_t data[4000];
    size_t lengths[2][200];
    z_stream receiver;

    for (int is_handed = 0; is_handed < 2; is_handed++) {
        seed = 7;
        set_up((unsigned)_i);
        receiver_init(&receiver, _i);
        for (size_t i = 0; i < ARRAY_LEN(lengths[0]); i++) {
            size_t len = 1 + draw(i % 9 == 0 ? sizeof(data) : 300);

            fill_with_words(data, len);
            pack(data, len);
            lengths[is_handed][i] = packed.len;
            expect_at(&receiver, data, len);
            if (is_handed != 0 && i % 3 == 0)
                hand_window((unsigned)_i);
        }
        inflateEnd(&receiver);
        tear_down();
    }
    ck_assert_mem_eq(lengths[0], lengths[1], sizeof(lengths[0]));
}
END_TEST

Suite *suite_deflate(void)
{
    Suite *s = suite_create("deflate");
    TCase *c = tcase_create("deflate");

    tcase_add_test(c, examples_of_the_rfc);
    tcase_add_loop_test(c, zlib_unpacks_it_in_every_window, DEFLATE_BITS_MIN, DEFLATE_BITS_MAX + 1);
    tcase_add_test(c, our_own_inflate_unpacks_it);
    tcase_add_test(c, noise_grows_by_its_headers_alone);
    tcase_add_test(c, who_comes_later_unpacks_what_comes_then);
    tcase_add_test(c, distances_stay_within_reach);
    tcase_add_test(c, what_was_undone_never_was);
    tcase_add_test(c, undoing_gives_the_same_bytes);
    tcase_add_test(c, it_is_as_short_as_zlib);
    tcase_add_loop_test(c, a_window_that_is_handed_over_knows_what_was_said, 9, 16);
    suite_add_tcase(s, c);
    return s;
}
