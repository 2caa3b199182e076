#include "base/hash.h"

#include <check.h>
#include <stdbool.h>
#include <string.h>

#include "unit/guard.h"

Suite *suite_hash(void);

static const struct hash_seed seed = {0x0123456789abcdef, 0xfedcba9876543211};

/* How unevenly the low bits of `count` hashes fall into 256 places: the fullest place. */
static unsigned fullest(const struct hash_seed *s, uint64_t first, uint64_t step, unsigned count)
{
    unsigned places[256] = {0}, most = 0;

    for (unsigned i = 0; i < count; i++) {
        unsigned *place = &places[hash_u64(s, first + i * step) & 255];

        if (++*place > most)
            most = *place;
    }
    return most;
}

/* Timestamps come one after another, or in steps: the low bits must be spread all the same. */
START_TEST(patterns_are_spread)
{
    static const uint64_t steps[] = {1, 2, 8, 10, 16, 256, 1000, 4096, 65536, (uint64_t)1 << 32};

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        ck_assert_uint_lt(fullest(&seed, 1700000000000, steps[i], 25600), 200);
}
END_TEST

START_TEST(different_values_never_collide)
{
    for (uint64_t i = 0; i < 300; i++) {
        for (uint64_t k = 0; k < i; k++) {
            if (hash_u64(&seed, i) == hash_u64(&seed, k))
                ck_abort_msg("%llu and %llu", (unsigned long long)i, (unsigned long long)k);
        }
    }
}
END_TEST

START_TEST(seed_matters)
{
    struct hash_seed add = {seed.add + 1, seed.multiply}, multiply = {seed.add, seed.multiply + 2};

    ck_assert_uint_ne(hash_u64(&seed, 42), hash_u64(&add, 42));
    ck_assert_uint_ne(hash_u64(&seed, 42), hash_u64(&multiply, 42));
    ck_assert_uint_ne(hash_str(&seed, STR("lobby")), hash_str(&add, STR("lobby")));
    ck_assert_uint_ne(hash_str(&seed, STR("lobby")), hash_str(&multiply, STR("lobby")));
}
END_TEST

/* A seed of zeros would make everything zero, were it taken as it is. */
START_TEST(zero_seed_still_hashes)
{
    struct hash_seed zero = {0, 0};

    ck_assert_uint_ne(hash_u64(&zero, 1), hash_u64(&zero, 2));
    ck_assert_uint_ne(hash_str(&zero, STR("a")), hash_str(&zero, STR("b")));
}
END_TEST

START_TEST(strings_of_every_length_differ)
{
    char bytes[65] = {0};
    uint64_t hashes[65];

    for (size_t len = 0; len <= 64; len++) {
        hashes[len] = hash_str(&seed, (struct str){bytes, len});
        for (size_t k = 0; k < len; k++)
            ck_assert_uint_ne(hashes[k], hashes[len]);
    }
}
END_TEST

START_TEST(every_byte_counts)
{
    char bytes[64];

    memset(bytes, 'a', sizeof(bytes));
    for (size_t len = 1; len <= sizeof(bytes); len++) {
        uint64_t before = hash_str(&seed, (struct str){bytes, len});

        for (size_t i = 0; i < len; i++) {
            bytes[i] = 'b';
            ck_assert_uint_ne(hash_str(&seed, (struct str){bytes, len}), before);
            bytes[i] = 'a';
        }
        ck_assert_uint_eq(hash_str(&seed, (struct str){bytes, len}), before);
    }
}
END_TEST

START_TEST(stays_off_the_guard_page)
{
    char bytes[32] = "The quick brown fox jumps over";

    for (size_t len = 0; len <= sizeof(bytes); len++) {
        char *copy = guard_copy(bytes, len);

        ck_assert_uint_eq(hash_str(&seed, (struct str){copy, len}),
                          hash_str(&seed, (struct str){bytes, len}));
        guard_free(copy, len);
    }
}
END_TEST

Suite *suite_hash(void)
{
    Suite *suite = suite_create("hash");
    TCase *cases = tcase_create("hash");

    tcase_add_test(cases, patterns_are_spread);
    tcase_add_test(cases, different_values_never_collide);
    tcase_add_test(cases, seed_matters);
    tcase_add_test(cases, zero_seed_still_hashes);
    tcase_add_test(cases, strings_of_every_length_differ);
    tcase_add_test(cases, every_byte_counts);
    tcase_add_test(cases, stays_off_the_guard_page);
    suite_add_tcase(suite, cases);
    return suite;
}
