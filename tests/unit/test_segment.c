#include "log/segment.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "guard.h"

Suite *suite_segment(void);

static const struct segment_id id = {0x1122334455667788, 9};

#define OFFSET 4096
#define SIZE_MOST 1024

static char long_text[256];

static struct segment_record sample(int i)
{
    struct segment_record record = {
        .type = SEGMENT_MESSAGE,
        .room = 0xfffffffe,
        .seq = UINT64_MAX,
        .ts = 1700000000123,
        .from = 0x8000000000000001,
        .aux = 3,
    };
    const struct str texts[] = {{"", 0}, {"x", 1}, {long_text, 255}};

    memset(long_text, 'y', sizeof(long_text));
    record.name = texts[i % 3];
    record.ref = texts[i / 3 % 3];
    record.text = texts[i / 9 % 3];
    record.has_ref = record.ref.len > 0 || i >= 27;
    return record;
}

/* Reads it from bytes that end before an unreadable page. */
static enum segment_result read_guarded(const uint8_t *bytes, size_t len,
                                        const struct segment_id *where, uint64_t offset)
{
    char *copy = guard_copy(bytes, len);
    struct segment_record record;
    size_t size = 0;
    enum segment_result result =
        segment_record_read(&record, where, offset, (const uint8_t *)copy, len, &size);

    if (result == SEGMENT_OK)
        ck_assert_uint_le(size, len);
    guard_free(copy, len);
    return result;
}

static void expect_str(struct str is, struct str wanted)
{
    ck_assert_uint_eq(is.len, wanted.len);
    if (wanted.len > 0)
        ck_assert_mem_eq(is.ptr, wanted.ptr, wanted.len);
}

START_TEST(a_record_is_what_was_written)
{
    struct segment_record wanted = sample(_i), is;
    size_t size = segment_record_size(&wanted), read_size;
    uint8_t bytes[SIZE_MOST];
    char *copy;

    ck_assert_uint_eq(size % SEGMENT_ALIGN, 0);
    segment_record_write(bytes, &id, OFFSET, &wanted);
    copy = guard_copy(bytes, size);
    ck_assert_int_eq(segment_record_read(&is, &id, OFFSET, (const uint8_t *)copy, size, &read_size),
                     SEGMENT_OK);
    ck_assert_uint_eq(read_size, size);
    ck_assert_int_eq(is.type, wanted.type);
    ck_assert_uint_eq(is.has_ref, wanted.has_ref);
    ck_assert_uint_eq(is.room, wanted.room);
    ck_assert_uint_eq(is.seq, wanted.seq);
    ck_assert_uint_eq(is.ts, wanted.ts);
    ck_assert_uint_eq(is.from, wanted.from);
    ck_assert_uint_eq(is.aux, wanted.aux);
    expect_str(is.name, wanted.name);
    expect_str(is.ref, wanted.ref);
    expect_str(is.text, wanted.text);
    guard_free(copy, size);
}
END_TEST

START_TEST(a_part_of_a_record_is_none)
{
    struct segment_record record = sample(_i);
    size_t size = segment_record_size(&record);
    uint8_t bytes[SIZE_MOST];

    segment_record_write(bytes, &id, OFFSET, &record);
    ck_assert_int_eq(read_guarded(bytes, 0, &id, OFFSET), SEGMENT_END);
    for (size_t len = 1; len < size; len++)
        ck_assert_int_eq(read_guarded(bytes, len, &id, OFFSET), SEGMENT_BAD);
    ck_assert_int_eq(read_guarded(bytes, size, &id, OFFSET), SEGMENT_OK);
}
END_TEST

START_TEST(no_bit_may_change)
{
    struct segment_record record = sample(_i);
    size_t size = segment_record_size(&record);
    uint8_t bytes[SIZE_MOST];

    segment_record_write(bytes, &id, OFFSET, &record);
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_int_eq(read_guarded(bytes, size, &id, OFFSET), SEGMENT_BAD);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}
END_TEST

START_TEST(a_record_belongs_to_its_place)
{
    struct segment_record record = sample(13);
    size_t size = segment_record_size(&record);
    const struct segment_id other_life = {id.life ^ 1, id.number};
    const struct segment_id other_number = {id.life, id.number + 1};
    uint8_t bytes[SIZE_MOST];

    segment_record_write(bytes, &id, OFFSET, &record);
    ck_assert_int_eq(read_guarded(bytes, size, &other_life, OFFSET), SEGMENT_BAD);
    ck_assert_int_eq(read_guarded(bytes, size, &other_number, OFFSET), SEGMENT_BAD);
    ck_assert_int_eq(read_guarded(bytes, size, &id, OFFSET + SEGMENT_ALIGN), SEGMENT_BAD);
}
END_TEST

START_TEST(a_header_is_read_to_its_end_only)
{
    struct segment_id is;
    uint8_t header[SEGMENT_HEADER];

    segment_header_write(header, &id);
    for (size_t len = 0; len <= SEGMENT_HEADER; len++) {
        char *copy = guard_copy(header, len);

        ck_assert_int_eq(segment_header_read(&is, (const uint8_t *)copy, len),
                         len < SEGMENT_HEADER ? SEGMENT_BAD : SEGMENT_OK);
        guard_free(copy, len);
    }
    ck_assert_uint_eq(is.life, id.life);
    ck_assert_uint_eq(is.number, id.number);
}
END_TEST

/* A record of 48 bytes and a text, whose type and flags are these; as a newer version may write it.
 */
static size_t write_strange(uint8_t *bytes, uint8_t type, uint8_t flags)
{
    struct segment_record record = sample(9);
    size_t size = segment_record_size(&record);
    uint8_t place[24];
    uint32_t crc;

    segment_record_write(bytes, &id, OFFSET, &record);
    bytes[8] = type;
    bytes[9] = flags;
    for (int i = 0; i < 8; i++) {
        place[i] = (uint8_t)(id.life >> 8 * i);
        place[8 + i] = (uint8_t)(id.number >> 8 * i);
        place[16 + i] = (uint8_t)((uint64_t)OFFSET >> 8 * i);
    }
    crc = crc32c(crc32c(0, place, sizeof(place)), bytes, 4);
    crc = crc32c(crc, bytes + 8, size - 8);
    for (int i = 0; i < 4; i++)
        bytes[4 + i] = (uint8_t)(crc >> 8 * i);
    return size;
}

/* Behind what it replies to, and in front of data; nobody is no author. */
START_TEST(an_author_stands_in_front_of_data)
{
    for (int i = 0; i < 8; i++) {
        struct segment_record record = sample(9), is;
        uint8_t bytes[SIZE_MOST];
        size_t size = 0,
               at = SEGMENT_HEAD + record.name.len + record.ref.len + ((i & 1) != 0 ? 8 : 0);

        record.re = (i & 1) != 0 ? 77 : 0;
        record.author = (i & 2) != 0 ? UINT64_C(0x1234567890abcdef) : 0;
        record.has_data = (i & 4) != 0;
        record.data = record.has_data ? STR("{}") : (struct str){NULL, 0};
        ck_assert_uint_le(segment_record_size(&record), sizeof(bytes));
        segment_record_write(bytes, &id, OFFSET, &record);
        ck_assert_int_eq(segment_record_read(&is, &id, OFFSET, bytes, sizeof(bytes), &size),
                         SEGMENT_OK);
        ck_assert(is.author == record.author && is.re == record.re);
        ck_assert(str_equals(is.data, record.data) && str_equals(is.text, record.text));
        if (record.author == 0)
            continue;
        memset(bytes + at, 0, 8);
        segment_record_seal(bytes, &id, OFFSET);
        ck_assert_int_eq(segment_record_read(&is, &id, OFFSET, bytes, sizeof(bytes), &size),
                         SEGMENT_BAD);
    }
}
END_TEST

/* What came later is told from what is damaged, or torn. */
START_TEST(what_a_newer_version_wrote)
{
    static const struct {
        unsigned type, flags;
        enum segment_result result;
    } rows[] = {
        {SEGMENT_TYPES - 1, 0, SEGMENT_OK},
        {SEGMENT_TYPES, 0, SEGMENT_NEWER},
        {255, 0, SEGMENT_NEWER},
        {0, 0, SEGMENT_BAD},
        {0, 128, SEGMENT_BAD},
        {SEGMENT_MESSAGE, 64, SEGMENT_NEWER},
        {SEGMENT_TYPES, 128, SEGMENT_OK},
        {SEGMENT_MESSAGE, 128 + 64, SEGMENT_OK},
        {SEGMENT_MESSAGE, 128, SEGMENT_OK},
        {255, 255, SEGMENT_OK},
    };
    uint8_t bytes[SIZE_MOST];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t size = write_strange(bytes, (uint8_t)rows[i].type, (uint8_t)rows[i].flags);

        ck_assert_int_eq(read_guarded(bytes, size, &id, OFFSET), rows[i].result);
        for (size_t len = 1; len < size; len++)
            ck_assert_int_eq(read_guarded(bytes, len, &id, OFFSET), SEGMENT_BAD);
        for (size_t bit = 0; bit < size * 8; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            ck_assert_int_eq(read_guarded(bytes, size, &id, OFFSET), SEGMENT_BAD);
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}
END_TEST

/* Of what may be skipped the numbers are known, and nothing else is touched. */
START_TEST(the_numbers_of_what_may_be_skipped)
{
    struct segment_record wanted = sample(9), is;
    uint8_t bytes[SIZE_MOST];
    size_t size = write_strange(bytes, SEGMENT_TYPES, 255), read_size;

    ck_assert_int_eq(segment_record_read(&is, &id, OFFSET, bytes, size, &read_size), SEGMENT_OK);
    ck_assert_uint_eq(read_size, size);
    ck_assert_int_eq(is.type, SEGMENT_UNKNOWN);
    ck_assert_uint_eq(is.room, wanted.room);
    ck_assert_uint_eq(is.seq, wanted.seq);
    ck_assert_ptr_null(is.text.ptr);
    ck_assert_ptr_null(is.data.ptr);
}
END_TEST

/* Sealed as any other, and not what was written: it would not be as long as its fields say. */
START_TEST(an_answer_to_nothing_is_no_record)
{
    struct segment_record record = {.type = SEGMENT_MESSAGE, .room = 1, .seq = 2, .re = 1}, is;
    uint8_t bytes[SIZE_MOST];
    size_t size = segment_record_size(&record), read_size;

    segment_record_write(bytes, &id, OFFSET, &record);
    ck_assert_int_eq(segment_record_read(&is, &id, OFFSET, bytes, size, &read_size), SEGMENT_OK);
    ck_assert_uint_eq(is.re, 1);
    memset(bytes + SEGMENT_HEAD, 0, 8);
    segment_record_seal(bytes, &id, OFFSET);
    ck_assert_int_eq(segment_record_read(&is, &id, OFFSET, bytes, size, &read_size), SEGMENT_BAD);
}
END_TEST

START_TEST(versions_of_headers)
{
    static const enum segment_result results[] = {SEGMENT_NEWER, SEGMENT_OK, SEGMENT_OK,
                                                  SEGMENT_NEWER};
    struct segment_id is;
    uint8_t header[SEGMENT_HEADER];

    segment_header_write(header, &id);
    ck_assert_int_eq(header[8], SEGMENT_VERSION);
    for (uint8_t version = 0; version <= SEGMENT_VERSION + 1; version++) {
        header[8] = version;
        segment_header_seal(header);
        ck_assert_int_eq(segment_header_read(&is, header, sizeof(header)), results[version]);
    }
}
END_TEST

Suite *suite_segment(void)
{
    Suite *suite = suite_create("segment");
    TCase *tc = tcase_create("segment");

    tcase_add_loop_test(tc, a_record_is_what_was_written, 0, 30);
    tcase_add_loop_test(tc, a_part_of_a_record_is_none, 0, 27);
    tcase_add_loop_test(tc, no_bit_may_change, 0, 6);
    tcase_add_test(tc, a_record_belongs_to_its_place);
    tcase_add_test(tc, a_header_is_read_to_its_end_only);
    tcase_add_test(tc, an_author_stands_in_front_of_data);
    tcase_add_test(tc, what_a_newer_version_wrote);
    tcase_add_test(tc, the_numbers_of_what_may_be_skipped);
    tcase_add_test(tc, an_answer_to_nothing_is_no_record);
    tcase_add_test(tc, versions_of_headers);
    suite_add_tcase(suite, tc);
    return suite;
}
