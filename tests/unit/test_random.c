#include <check.h>
#include <stdint.h>
#include <string.h>

#include "base/random.h"
#include "base/util.h"

Suite *suite_random(void);

#define POOL 256 /* bytes that are made at once */

static void setup(void)
{
    ck_assert_int_eq(random_stir(), 0);
}

static const size_t lengths[] = {0, 1, 31, 32, 33, POOL - 1, POOL, POOL + 1, 3 * POOL + 7};

/* Each byte takes other values when it is asked for again, and none beyond the length does. */
START_TEST(so_many_bytes_are_filled)
{
    uint8_t changed[4 * POOL] = {0}, bytes[4 * POOL] = {0}, before[4 * POOL];

    for (int round = 0; round < 20; round++) {
        memcpy(before, bytes, sizeof(bytes));
        random_fill(bytes, lengths[_i]);
        for (size_t i = 0; i < sizeof(bytes); i++)
            changed[i] |= before[i] ^ bytes[i];
    }
    for (size_t i = 0; i < sizeof(bytes); i++)
        ck_assert((changed[i] != 0) == (i < lengths[_i]));
}
END_TEST

/* Nothing comes twice: within a pool, in the next one, or after another key. */
START_TEST(no_bytes_come_again)
{
    uint8_t keys[64][16];

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (i % 20 == 19)
            ck_assert_int_eq(random_stir(), 0);
        random_fill(keys[i], sizeof(keys[i]));
        for (size_t j = 0; j < i; j++)
            ck_assert_int_ne(memcmp(keys[i], keys[j], sizeof(keys[i])), 0);
    }
}
END_TEST

/* About half of all bits are set: of 65536, within eight standard deviations. */
START_TEST(half_of_the_bits_are_set)
{
    uint8_t bytes[8192];
    unsigned bits = 0;

    random_fill(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
        bits += (unsigned)__builtin_popcount(bytes[i]);
    ck_assert_uint_gt(bits, 32768 - 1024);
    ck_assert_uint_lt(bits, 32768 + 1024);
}
END_TEST

Suite *suite_random(void)
{
    Suite *suite = suite_create("random");
    TCase *cases = tcase_create("random");

    tcase_add_checked_fixture(cases, setup, NULL);
    tcase_add_loop_test(cases, so_many_bytes_are_filled, 0, (int)ARRAY_LEN(lengths));
    tcase_add_test(cases, no_bytes_come_again);
    tcase_add_test(cases, half_of_the_bits_are_set);
    suite_add_tcase(suite, cases);
    return suite;
}
