#include <check.h>
#include <stdint.h>
#include <string.h>

#include "base/hand.h"
#include "hand_pipe.h"
#include "base/util.h"

Suite *suite_hand(void);

static struct hand_writer writer;
static struct hand_reader reader;

/* What a reader is given: so many bytes of what the writer has. */
static struct hand_source source;

static void read_anew(const void *bytes, size_t len)
{
    source = (struct hand_source){bytes, len, 0};
    hand_reader_deinit(&reader);
    hand_reader_init(&reader, hand_source_fill, &source);
}

static void setup(void)
{
    hand_writer_init(&writer, NULL, NULL);
    hand_reader_init(&reader, hand_source_fill, &source);
}

static void teardown(void)
{
    hand_writer_deinit(&writer);
    hand_reader_deinit(&reader);
}

static void write_all(void)
{
    hand_begin(&writer, HAND_CHAT + 1);
    hand_put_bool(&writer, true);
    hand_put_u8(&writer, 200);
    hand_put_u16(&writer, 60000);
    hand_put_u32(&writer, 4000000000);
    hand_put_u64(&writer, UINT64_MAX - 1);
    hand_put_raw(&writer, "raw", 3);
    hand_put_bytes(&writer, "ab", 2);
    hand_put_str(&writer, (struct str){NULL, 0});
    hand_put_str(&writer, STR(""));
    hand_put_str(&writer, STR("tea"));
    hand_put_count(&writer, 2);
    hand_put_u16(&writer, 1);
    hand_put_u16(&writer, 2);
    hand_end(&writer);
    hand_begin(&writer, HAND_CHAT + 2);
    hand_end(&writer);
}

static bool is_text(struct str s, const char *text)
{
    return s.ptr != NULL && str_equals(s, str_from(text));
}

/* Reads what write_all wrote. Returns whether all is as it was. */
static bool read_all(void)
{
    char raw[3];
    bool is_same = hand_expect(&reader, HAND_CHAT + 1);

    is_same = hand_get_bool(&reader) && is_same;
    is_same = hand_get_u8(&reader) == 200 && is_same;
    is_same = hand_get_u16(&reader) == 60000 && is_same;
    is_same = hand_get_u32(&reader) == 4000000000 && is_same;
    is_same = hand_get_u64(&reader) == UINT64_MAX - 1 && is_same;
    hand_get_raw(&reader, raw, sizeof(raw));
    is_same = memcmp(raw, "raw", sizeof(raw)) == 0 && is_same;
    is_same = is_text(hand_get_bytes(&reader, 2), "ab") && is_same;
    is_same = hand_get_str(&reader, 10).ptr == NULL && is_same;
    is_same = is_text(hand_get_str(&reader, 10), "") && is_same;
    is_same = is_text(hand_get_str(&reader, 3), "tea") && is_same;
    is_same = hand_get_count(&reader, 2, 2) == 2 && is_same;
    is_same = hand_get_u16(&reader) == 1 && is_same;
    is_same = hand_get_u16(&reader) == 2 && is_same;
    return hand_expect(&reader, HAND_CHAT + 2) && hand_is_through(&reader) && is_same;
}

START_TEST(what_is_written_is_read)
{
    write_all();
    ck_assert(!writer.is_failed);
    ck_assert_uint_eq(writer.count, 2);
    read_anew(writer.out.data, writer.out.len);
    ck_assert(read_all());
    ck_assert_ptr_null(reader.why);
    ck_assert_uint_eq(reader.count, 2);
    ck_assert(!hand_next(&reader));
    ck_assert_str_eq(reader.why, "the state ends too early");
}
END_TEST

START_TEST(no_prefix_is_taken_for_the_whole)
{
    write_all();
    for (size_t len = 0; len < writer.out.len; len++) {
        read_anew(writer.out.data, len);
        ck_assert(!read_all());
        ck_assert_ptr_nonnull(reader.why);
    }
}
END_TEST

START_TEST(no_flipped_bit_is_taken)
{
    write_all();
    for (size_t i = 0; i < writer.out.len * 8; i++) {
        writer.out.data[i / 8] ^= (uint8_t)(1 << i % 8);
        read_anew(writer.out.data, writer.out.len);
        ck_assert(!read_all());
        ck_assert_ptr_nonnull(reader.why);
        writer.out.data[i / 8] ^= (uint8_t)(1 << i % 8);
    }
}
END_TEST

static int count_flush(void *owner, struct str bytes)
{
    size_t *sum = owner;

    *sum += bytes.len;
    return 0;
}

START_TEST(long_states_are_handed_on_piece_by_piece)
{
    static const uint8_t bytes[100000];
    size_t sum = 0, most = 0;

    writer.flush = count_flush;
    writer.owner = &sum;
    for (int i = 0; i < 100; i++) {
        hand_begin(&writer, HAND_CHAT);
        hand_put_bytes(&writer, bytes, sizeof(bytes));
        hand_end(&writer);
        most = max_size(most, writer.out.len);
    }
    ck_assert_int_eq(hand_flush(&writer), 0);
    ck_assert_uint_eq(sum, 100 * (HAND_HEADER + 4 + sizeof(bytes)));
    ck_assert_uint_lt(most, HAND_FLUSH);
}
END_TEST

START_TEST(a_record_is_never_too_long)
{
    static const uint8_t bytes[HAND_FLUSH];

    writer.longest = sizeof(bytes);
    hand_begin(&writer, HAND_CHAT);
    hand_put_raw(&writer, bytes, sizeof(bytes) - 1);
    ck_assert(!hand_is_long(&writer));
    hand_put_raw(&writer, bytes, 1);
    ck_assert(hand_is_long(&writer));
    hand_end(&writer);
    ck_assert(!writer.is_failed);
    read_anew(writer.out.data, writer.out.len);
    ck_assert(hand_expect(&reader, HAND_CHAT));
    ck_assert_uint_eq(hand_left(&reader), sizeof(bytes));

    hand_begin(&writer, HAND_CHAT);
    hand_put_raw(&writer, bytes, sizeof(bytes));
    hand_put_raw(&writer, bytes, 1);
    hand_end(&writer);
    ck_assert(writer.is_failed);
    ck_assert_int_eq(hand_flush(&writer), -1);
}
END_TEST

START_TEST(what_a_header_claims_is_not_allocated)
{
    /* A record of 512 MiB of which nothing comes, and one that is longer than any. */
    static const uint8_t longest[HAND_HEADER] = {0, 0, 0, 32}, longer[HAND_HEADER] = {1, 0, 0, 32};

    read_anew(longest, sizeof(longest));
    ck_assert(!hand_next(&reader));
    ck_assert_uint_le(reader.record.cap, 64 * 1024);
    read_anew(longer, sizeof(longer));
    ck_assert(!hand_next(&reader));
    ck_assert_uint_eq(reader.record.cap, 0);
    ck_assert_str_eq(reader.why, "a record is longer than any may be");
}
END_TEST

START_TEST(what_is_left_over_is_wrong)
{
    write_all();
    read_anew(writer.out.data, writer.out.len);
    ck_assert(hand_next(&reader));
    ck_assert(hand_get_bool(&reader));
    ck_assert(!hand_next(&reader));
    ck_assert_str_eq(reader.why, "a record is too long");
}
END_TEST

START_TEST(counts_and_texts_are_not_more_than_there_is)
{
    hand_begin(&writer, HAND_CHAT);
    hand_put_u32(&writer, 3);
    hand_put_u64(&writer, 0);
    hand_end(&writer);

    read_anew(writer.out.data, writer.out.len);
    ck_assert(hand_next(&reader));
    ck_assert_uint_eq(hand_get_count(&reader, 3, 100), 0); /* 9 bytes of 8 */
    ck_assert_ptr_nonnull(reader.why);
    ck_assert_uint_eq(hand_get_u64(&reader), 0);

    read_anew(writer.out.data, writer.out.len);
    ck_assert(hand_next(&reader));
    ck_assert_uint_eq(hand_get_count(&reader, 1, 2), 0);
    ck_assert_ptr_nonnull(reader.why);

    read_anew(writer.out.data, writer.out.len);
    ck_assert(hand_next(&reader));
    ck_assert_ptr_null(hand_get_bytes(&reader, 2).ptr);
    ck_assert_ptr_nonnull(reader.why);

    read_anew(writer.out.data, writer.out.len);
    ck_assert(hand_next(&reader));
    ck_assert_uint_eq(hand_upto(&reader, hand_get_u32(&reader), 2), 0);
    ck_assert_ptr_nonnull(reader.why);
}
END_TEST

START_TEST(a_record_without_a_payload_needs_no_memory)
{
    uint8_t empty[HAND_HEADER];

    hand_begin(&writer, 0x1234);
    hand_end(&writer);
    hand_empty(empty, 0x1234);
    ck_assert_uint_eq(writer.out.len, sizeof(empty));
    ck_assert_mem_eq(writer.out.data, empty, sizeof(empty));
}
END_TEST

Suite *suite_hand(void)
{
    Suite *suite = suite_create("hand");
    TCase *tc = tcase_create("hand");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, what_is_written_is_read);
    tcase_add_test(tc, no_prefix_is_taken_for_the_whole);
    tcase_add_test(tc, no_flipped_bit_is_taken);
    tcase_add_test(tc, long_states_are_handed_on_piece_by_piece);
    tcase_add_test(tc, a_record_is_never_too_long);
    tcase_add_test(tc, what_a_header_claims_is_not_allocated);
    tcase_add_test(tc, what_is_left_over_is_wrong);
    tcase_add_test(tc, a_record_without_a_payload_needs_no_memory);
    tcase_add_test(tc, counts_and_texts_are_not_more_than_there_is);
    suite_add_tcase(suite, tc);
    return suite;
}
