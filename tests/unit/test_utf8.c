#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "base/utf8_vector.h"
#include "guard.h"

Suite *suite_utf8(void);

/* ---- The oracle: one byte at a time, by numbers instead of byte ranges ---- */

/* Could `len` bytes at `s` be the beginning of one character? A character of `size` bytes with
 * unknown continuation bytes stands for a range of numbers; some of them must be allowed. */
static bool can_begin_character(const uint8_t *s, size_t len, size_t size)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t low = s[0] & (0x7fu >> size);
    uint32_t high = low;

    for (size_t i = 1; i < size; i++) {
        if (i < len && s[i] / 64 != 2)
            return false;
        low = low * 64 + (i < len ? s[i] % 64u : 0);
        high = high * 64 + (i < len ? s[i] % 64u : 63);
    }
    if (high < least[size] || low > 0x10ffff)
        return false;
    return low < 0xd800 || high > 0xdfff;
}

static size_t character_size(uint8_t lead)
{
    if (lead < 0x80)
        return 1;
    if (lead < 0xc0 || lead > 0xf7)
        return 0;
    return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/* Returns the index of the first byte that no valid text can have there, or `len`. */
static size_t oracle(const uint8_t *s, size_t len, bool *is_complete)
{
    size_t at = 0;

    *is_complete = true;
    while (at < len) {
        size_t size = character_size(s[at]);

        if (size == 0)
            return at;
        for (size_t have = 1; size > 1 && have <= size; have++) {
            if (at + have > len) {
                *is_complete = false;
                return len;
            }
            if (!can_begin_character(s + at, have, size))
                return at + have - 1;
        }
        at += size;
    }
    return len;
}

/* ---- Making texts ---- */

static uint64_t random_state = 88172645463325252u;

static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % limit;
}

/* The bytes of one number in `size` bytes, whether or not that is its proper form. */
static void encode_in(uint8_t *out, uint32_t number, size_t size)
{
    static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};

    for (size_t i = size; i-- > 1; number /= 64)
        out[i] = (uint8_t)(0x80 + number % 64);
    out[0] = (uint8_t)(leads[size] + number);
}

static size_t encode(uint8_t *out, uint32_t number)
{
    size_t size = number < 0x80 ? 1 : number < 0x800 ? 2 : number < 0x10000 ? 3 : 4;

    encode_in(out, number, size);
    return size;
}

static uint32_t random_character(void)
{
    static const uint32_t bounds[][2] = {
        {0, 0x80},           {0x80, 0x800},     {0x800, 0xd800},      {0xe000, 0x10000},
        {0x10000, 0x110000}, {0x7f, 0x81},      {0x7fe, 0x802},       {0xd7f0, 0xd800},
        {0xe000, 0xe010},    {0xfff0, 0x10010}, {0x10fff0, 0x110000},
    };
    const uint32_t *bound = bounds[random_below(sizeof(bounds) / sizeof(bounds[0]))];

    return bound[0] + random_below(bound[1] - bound[0]);
}

/* Runs of one kind of character, mostly: that is what the fast paths look for. Cut off at `len`. */
static void make_text(uint8_t *out, size_t len)
{
    uint8_t bytes[4];
    size_t at = 0;

    while (at < len) {
        uint32_t character = random_character();
        uint32_t repeat = random_below(3) == 0 ? random_below(60) : 1;

        for (; repeat > 0 && at < len; repeat--) {
            size_t size = encode(bytes, character);

            for (size_t i = 0; i < size && at < len; i++)
                out[at++] = bytes[i];
        }
    }
}

static void damage(uint8_t *text, size_t len)
{
    static const uint8_t values[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0,
                                     0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed,
                                     0xef, 0xf0, 0xf4, 0xf5, 0xf7, 0xf8, 0xff};

    for (uint32_t count = random_below(3); count > 0 && len > 0; count--)
        text[random_below((uint32_t)len)] = values[random_below(sizeof(values))];
}

/* ---- Comparing ---- */

static bool is_valid(const void *text, size_t len)
{
    return utf8_is_valid((struct str){text, len});
}

/* Feeds two pieces and compares with what the oracle said about the whole. */
static void compare_split(const uint8_t *s, size_t len, size_t split, size_t bad, bool is_complete)
{
    struct utf8 u = {0};

    if (utf8_feed(&u, s, split) != (bad >= split))
        ck_abort_msg("the first %zu of %zu bytes, bad is %zu", split, len, bad);
    if (utf8_feed(&u, s + split, len - split) != (bad == len))
        ck_abort_msg("%zu bytes split at %zu, bad is %zu", len, split, bad);
    if (utf8_is_complete(&u) != (bad == len && is_complete))
        ck_abort_msg("end of %zu bytes split at %zu", len, split);
}

static void compare(const uint8_t *s, size_t len)
{
    bool is_complete;
    size_t bad = oracle(s, len, &is_complete);

    if (is_valid(s, len) != (bad == len && is_complete))
        ck_abort_msg("%zu bytes, bad is %zu", len, bad);
    for (size_t split = 0; split <= len; split++)
        compare_split(s, len, split, bad, is_complete);
}

/* ---- Tests ---- */

START_TEST(every_character_is_valid)
{
    uint8_t bytes[4];

    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        size_t size = encode(bytes, c);
        bool is_surrogate = c >= 0xd800 && c <= 0xdfff;

        if (is_valid(bytes, size) == is_surrogate)
            ck_abort_msg("U+%04X", c);
    }
}
END_TEST

START_TEST(every_character_is_valid_byte_by_byte)
{
    uint8_t bytes[4];

    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        size_t size = encode(bytes, c);
        bool is_surrogate = c >= 0xd800 && c <= 0xdfff;
        struct utf8 u = {0};

        for (size_t i = 0; i < size; i++) {
            if (utf8_feed(&u, bytes + i, 1) != (!is_surrogate || i == 0))
                ck_abort_msg("U+%04X, byte %zu", c, i);
            if (utf8_is_complete(&u) != (!is_surrogate && i == size - 1))
                ck_abort_msg("U+%04X, complete at byte %zu", c, i);
        }
    }
}
END_TEST

START_TEST(every_truncation_is_incomplete)
{
    static const uint32_t characters[] = {0x80,    0x7ff,   0x800,   0xfff,   0x1000,
                                          0xd7ff,  0xe000,  0xffff,  0x10000, 0x3ffff,
                                          0x40000, 0xfffff, 0x10ffff};
    uint8_t bytes[4];

    for (size_t i = 0; i < sizeof(characters) / sizeof(characters[0]); i++) {
        size_t size = encode(bytes, characters[i]);

        for (size_t len = 1; len < size; len++) {
            struct utf8 u = {0};

            ck_assert(!is_valid(bytes, len));
            ck_assert(utf8_feed(&u, bytes, len));
            ck_assert(!utf8_is_complete(&u));
        }
    }
}
END_TEST

START_TEST(overlong_forms_are_invalid)
{
    uint8_t bytes[4];

    for (uint32_t c = 0; c < 0x10000; c++) {
        for (size_t size = c < 0x80 ? 2 : c < 0x800 ? 3 : 4; size <= 4; size++) {
            encode_in(bytes, c, size);
            if (is_valid(bytes, size))
                ck_abort_msg("U+%04X in %zu bytes", c, size);
        }
    }
}
END_TEST

START_TEST(all_short_sequences_match_the_oracle)
{
    static const uint8_t ends[] = {0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xff};
    bool is_complete;

    for (uint32_t n = 0; n < 0x1000000; n++) {
        uint8_t s[4] = {(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, 0};
        size_t len = s[0] < 0xf0 ? 3 : 4;

        /* Of continuation bytes after the second only the edges matter. */
        if ((n & 0x3f) != 0 && (n & 0x3f) != 0x3f && (n & 0x40) == 0)
            continue;
        s[3] = ends[n % sizeof(ends)];
        if (is_valid(s, len) != (oracle(s, len, &is_complete) == len && is_complete))
            ck_abort_msg("%02x %02x %02x %02x, %zu bytes", s[0], s[1], s[2], s[3], len);
    }
}
END_TEST

/* The text ends at an unreadable page, so its length decides how it is aligned too. */
START_TEST(random_texts_match_the_oracle)
{
    for (size_t len = 0; len <= 200; len++) {
        uint8_t zeros[200] = {0};
        char *guarded = guard_copy(zeros, len);
        uint8_t *text = (uint8_t *)guarded;

        for (int i = 0; i < 60; i++) {
            make_text(text, len);
            if (i % 3 != 0)
                damage(text, len);
            compare(text, len);
        }
        guard_free(guarded, len);
    }
}
END_TEST

START_TEST(random_bytes_match_the_oracle)
{
    uint8_t text[12];

    for (int i = 0; i < 100000; i++) {
        size_t len = random_below(sizeof(text) + 1);

        for (size_t k = 0; k < len; k++)
            text[k] =
                (uint8_t)(random_below(4) == 0 ? random_below(256) : 0x80 + random_below(0x80));
        compare(text, len);
    }
}
END_TEST

/* One bad byte anywhere in a long run of each kind, at every alignment. */
START_TEST(one_bad_byte_is_found_anywhere)
{
    static const char *const runs[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    uint8_t text[16 + 132];

    for (size_t shift = 0; shift < 16; shift++) {
        for (size_t kind = 0; kind < 4; kind++) {
            size_t size = kind + 1;

            for (size_t bad = 0; bad < 132; bad++) {
                struct utf8 u = {0};

                for (size_t i = 0; i < 132; i++)
                    text[shift + i] = (uint8_t)runs[kind][i % size];
                if (!is_valid(text + shift, 132))
                    ck_abort_msg("kind %zu, shift %zu", kind, shift);
                text[shift + bad] = 0xff;
                if (!utf8_feed(&u, text + shift, bad) || utf8_feed(&u, text + shift + bad, 1))
                    ck_abort_msg("kind %zu, shift %zu, byte %zu", kind, shift, bad);
                if (is_valid(text + shift, 132))
                    ck_abort_msg("kind %zu, shift %zu, byte %zu in one", kind, shift, bad);
            }
        }
    }
}
END_TEST

/* All that can be wrong within four bytes, within a step of sixteen and across two. */
START_TEST(every_error_is_found_by_vectors)
{
    static const uint8_t values[] = {'a',  0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2,
                                     0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0xff};
    const size_t count = sizeof(values), at = _i == 0 ? 6 : _i == 1 ? 13 : 15;
    uint8_t text[UTF8_VECTOR_MIN + 16];
    bool is_complete;

    memset(text, 'a', sizeof(text));
    for (size_t i = 0; i < count * count * count * count; i++) {
        size_t bad, left = i;

        for (size_t k = 0; k < 4; k++, left /= count)
            text[at + k] = values[left % count];
        bad = oracle(text + at, 8, &is_complete) == 8 ? sizeof(text) : 0;
        if (is_valid(text, sizeof(text)) != (bad > 0))
            ck_abort_msg("%02x %02x %02x %02x", text[at], text[at + 1], text[at + 2], text[at + 3]);
    }
}
END_TEST

/* It stops between two characters, and not long before the end. */
START_TEST(vectors_stop_between_characters)
{
    uint8_t text[200];

    for (int i = 0; i < 2000; i++) {
        const uint8_t *end;
        bool is_complete;

        make_text(text, sizeof(text));
        end = utf8_vector_skip(text, text + sizeof(text));
        ck_assert_uint_eq(oracle(text, (size_t)(end - text), &is_complete), (size_t)(end - text));
        ck_assert(is_complete);
#ifdef __x86_64__
        if (__builtin_cpu_supports("ssse3"))
            ck_assert_int_lt(text + sizeof(text) - end, 20);
#endif
    }
}
END_TEST

START_TEST(nul_is_a_character)
{
    ck_assert(utf8_is_valid(STR("\0")));
    ck_assert(utf8_is_valid(STR("a\0\xc3\xa9\0b")));
    ck_assert(!utf8_is_valid(STR("a\0\xff")));
}
END_TEST

START_TEST(empty_is_valid)
{
    struct utf8 u = {0};

    ck_assert(utf8_is_valid((struct str){NULL, 0}));
    ck_assert(utf8_feed(&u, NULL, 0));
    ck_assert(utf8_is_complete(&u));
    ck_assert(utf8_feed(&u, "\xc3", 1));
    ck_assert(utf8_feed(&u, NULL, 0));
    ck_assert(!utf8_is_complete(&u));
    ck_assert(utf8_feed(&u, "\xa9", 1));
    ck_assert(utf8_is_complete(&u));
}
END_TEST

START_TEST(invalid_stays_invalid)
{
    struct utf8 u = {0};

    ck_assert(!utf8_feed(&u, "\x80", 1));
    ck_assert(!utf8_feed(&u, "a", 1));
    ck_assert(!utf8_feed(&u, NULL, 0));
    ck_assert(!utf8_is_complete(&u));
}
END_TEST

START_TEST(state_is_small)
{
    ck_assert_uint_le(sizeof(struct utf8), 8);
}
END_TEST

Suite *suite_utf8(void)
{
    Suite *suite = suite_create("utf8");
    TCase *cases = tcase_create("utf8");

    tcase_add_test(cases, every_character_is_valid);
    tcase_add_test(cases, every_character_is_valid_byte_by_byte);
    tcase_add_test(cases, every_truncation_is_incomplete);
    tcase_add_test(cases, overlong_forms_are_invalid);
    tcase_add_test(cases, all_short_sequences_match_the_oracle);
    tcase_add_test(cases, random_texts_match_the_oracle);
    tcase_add_test(cases, random_bytes_match_the_oracle);
    tcase_add_test(cases, one_bad_byte_is_found_anywhere);
    tcase_add_loop_test(cases, every_error_is_found_by_vectors, 0, 3);
    tcase_add_test(cases, vectors_stop_between_characters);
    tcase_add_test(cases, nul_is_a_character);
    tcase_add_test(cases, empty_is_valid);
    tcase_add_test(cases, invalid_stays_invalid);
    tcase_add_test(cases, state_is_small);
    suite_add_tcase(suite, cases);
    return suite;
}
