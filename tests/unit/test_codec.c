#include "proto/codec/codec.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "unit/guard.h"

Suite *suite_codec(void);

static bool is_valid(const char *bytes, size_t len)
{
    char *copy = guard_copy(bytes, len);
    bool valid = codec_name_is_valid((struct str){copy, len});

    guard_free(copy, len);
    return valid;
}

#define IS_VALID(literal) is_valid(literal, sizeof(literal) - 1)

START_TEST(name_lengths)
{
    char name[66];

    memset(name, 'n', sizeof(name));
    ck_assert(is_valid(name, 0));
    ck_assert(codec_name_is_valid((struct str){NULL, 0}));
    ck_assert(is_valid(name, 1));
    ck_assert(is_valid(name, 63));
    ck_assert(is_valid(name, 64));
    ck_assert(!is_valid(name, 65));
    ck_assert(!is_valid(name, 66));
    /* Bytes count, not characters. */
    for (int i = 0; i < 66; i += 2)
        memcpy(name + i, "\xc3\xa4", 2);
    ck_assert(is_valid(name, 64));
    ck_assert(!is_valid(name, 66));
}
END_TEST

START_TEST(names_without_control_characters)
{
    for (unsigned c = 0; c < 128; c++) {
        char name[3] = {'a', (char)c, 'b'};

        ck_assert(is_valid(name, 3) == (c >= 0x20 && c != 0x7f));
        ck_assert(is_valid(name + 1, 1) == (c >= 0x20 && c != 0x7f));
    }
    for (unsigned c = 0x80; c < 0xc0; c++) {
        char name[4] = {'a', (char)0xc2, (char)c, 'b'};

        ck_assert(is_valid(name, 4) == (c >= 0xa0));
        ck_assert(is_valid(name + 1, 2) == (c >= 0xa0));
    }
    /* The same second byte behind another first one is a letter. */
    ck_assert(IS_VALID("\xc3\x80"));
    ck_assert(IS_VALID("\xe2\x82\xac"));
    ck_assert(IS_VALID("\xf0\x9f\x91\x8d"));
    ck_assert(IS_VALID("a b"));
}
END_TEST

START_TEST(names_are_utf8)
{
    ck_assert(!IS_VALID("\x80"));
    ck_assert(!IS_VALID("\xff"));
    ck_assert(!IS_VALID("a\xc2"));
    ck_assert(!IS_VALID("\xc2"));
    ck_assert(!IS_VALID("\xe2\x82"));
    ck_assert(!IS_VALID("\xc0\xaf"));
    ck_assert(!IS_VALID("\xed\xa0\x80"));
    ck_assert(!IS_VALID("\xf4\x90\x80\x80"));
}
END_TEST

static void round_trip(uint64_t epoch, uint64_t seq)
{
    char pos[CODEC_POS_MAX];
    uint64_t epoch_back = 1, seq_back = 1;

    codec_pos_write(pos, epoch, seq);
    ck_assert_uint_lt(strlen(pos), CODEC_POS_MAX);
    ck_assert(codec_pos_read(str_from(pos), &epoch_back, &seq_back));
    ck_assert_uint_eq(epoch_back, epoch);
    ck_assert_uint_eq(seq_back, seq);
}

START_TEST(positions_come_back)
{
    static const uint64_t values[] = {
        0, 1, 9, 10, 0xabcdef, UINT32_MAX, (uint64_t)1 << 63, UINT64_MAX - 1, UINT64_MAX};

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        for (size_t k = 0; k < sizeof(values) / sizeof(values[0]); k++)
            round_trip(values[i], values[k]);
    }
}
END_TEST

/* It travels in a query, so it must not need any escaping. */
START_TEST(positions_are_plain)
{
    char pos[CODEC_POS_MAX];

    codec_pos_write(pos, UINT64_MAX, UINT64_MAX);
    ck_assert_uint_eq(strspn(pos, "0123456789abcdef-"), strlen(pos));
}
END_TEST

START_TEST(garbage_is_no_position)
{
    static const char *const bad[] = {
        "",
        "-",
        "1",
        "0",
        "-1",
        "0123456789abcdef",
        "0123456789abcdef-",
        "0123456789abcde-1",
        "0123456789abcdef0-1",
        "0123456789ABCDEF-1",
        "0123456789abcdeg-1",
        "0123456789abcde/-1",
        "0123456789abcde:-1",
        "0123456789abcde`-1",
        "0123456789abcdef-01",
        "0123456789abcdef--1",
        "0123456789abcdef-+1",
        "0123456789abcdef- 1",
        " 123456789abcdef-1",
        "0123456789abcdef-1 ",
        "0123456789abcdef-1-1",
        "0123456789abcdef-18446744073709551616",
        "0123456789abcdef-99999999999999999999999999",
        "0x23456789abcdef-1",
    };
    uint64_t epoch, seq;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        size_t len = strlen(bad[i]);
        char *copy = guard_copy(bad[i], len);

        if (codec_pos_read((struct str){copy, len}, &epoch, &seq))
            ck_abort_msg("\"%s\"", bad[i]);
        guard_free(copy, len);
    }
    ck_assert(!codec_pos_read((struct str){NULL, 0}, &epoch, &seq));
}
END_TEST

/* Every beginning of a position but those that end with a digit of the seq is none. */
START_TEST(cut_positions)
{
    char pos[CODEC_POS_MAX];
    uint64_t epoch, seq;

    codec_pos_write(pos, 0x0123456789abcdef, 1234);
    for (size_t len = 0; len <= strlen(pos); len++)
        ck_assert(codec_pos_read((struct str){pos, len}, &epoch, &seq) == (len > 17));
}
END_TEST

START_TEST(both_wires_are_there)
{
    for (int codec = 0; codec < CODEC_KINDS; codec++) {
        ck_assert_ptr_nonnull(codecs[codec]);
        ck_assert(codecs[codec]->decode != NULL);
        ck_assert(codecs[codec]->encode != NULL);
        ck_assert(codecs[codec]->encode_error != NULL);
    }
    ck_assert_uint_eq(codecs[CODEC_TEXT]->own_prefix.len, strlen("You wrote: "));
    ck_assert_uint_eq(codecs[CODEC_V1]->own_prefix.len, 0);
}
END_TEST

Suite *suite_codec(void)
{
    Suite *suite = suite_create("codec");
    TCase *cases = tcase_create("codec");

    tcase_add_test(cases, name_lengths);
    tcase_add_test(cases, names_without_control_characters);
    tcase_add_test(cases, names_are_utf8);
    tcase_add_test(cases, positions_come_back);
    tcase_add_test(cases, positions_are_plain);
    tcase_add_test(cases, garbage_is_no_position);
    tcase_add_test(cases, cut_positions);
    tcase_add_test(cases, both_wires_are_there);
    suite_add_tcase(suite, cases);
    return suite;
}
