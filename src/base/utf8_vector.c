#include "base/utf8_vector.h"

#if defined(__x86_64__)

#include <stdbool.h>
#include <stddef.h>
#include <tmmintrin.h>

/* Each error shows in two bytes that follow one another: in both halves of the first one and in the
 * upper half of the second. Each of these three has a table that tells which errors are possible by
 * it; what all three agree on has happened. */
enum {
    SHORT = 1 << 0,       /* a lead, and then no continuation */
    LONG = 1 << 1,        /* ASCII, and then a continuation */
    OVER_3 = 1 << 2,      /* E0 80..9F: a form of three bytes that is too long */
    HUGE_9 = 1 << 3,      /* F4 90..BF, F5..FF 90..BF: beyond U+10FFFF */
    SURROGATE = 1 << 4,   /* ED A0..BF */
    OVER_2 = 1 << 5,      /* C0 or C1 */
    HUGE_8_OVER = 1 << 6, /* F5..FF 80..8F, beyond; F0 80..8F, a form of four that is too long */
    CONTINUED = 1 << 7,   /* two continuations: right as the third or fourth byte, and only there */
    ANY = SHORT | LONG | CONTINUED, /* whatever the lower half of the first byte is */
};

#define C(value) ((char)(value))
#define F_LOW C(ANY | HUGE_9 | HUGE_8_OVER)

static __attribute__((target("ssse3"))) __m128i vector_first_high(__m128i halves)
{
    const __m128i table =
        _mm_setr_epi8(LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, C(CONTINUED), C(CONTINUED),
                      C(CONTINUED), C(CONTINUED), SHORT | OVER_2, SHORT, SHORT | OVER_3 | SURROGATE,
                      SHORT | HUGE_9 | HUGE_8_OVER);

    return _mm_shuffle_epi8(table, halves);
}

static __attribute__((target("ssse3"))) __m128i vector_first_low(__m128i halves)
{
    const __m128i table =
        _mm_setr_epi8(C(ANY | OVER_3 | OVER_2 | HUGE_8_OVER), C(ANY | OVER_2), C(ANY), C(ANY),
                      C(ANY | HUGE_9), F_LOW, F_LOW, F_LOW, F_LOW, F_LOW, F_LOW, F_LOW, F_LOW,
                      C(ANY | HUGE_9 | HUGE_8_OVER | SURROGATE), F_LOW, F_LOW);

    return _mm_shuffle_epi8(table, halves);
}

static __attribute__((target("ssse3"))) __m128i vector_second_high(__m128i halves)
{
    const char upper = C(LONG | OVER_2 | CONTINUED | SURROGATE | HUGE_9);
    const __m128i table = _mm_setr_epi8(SHORT, SHORT, SHORT, SHORT, SHORT, SHORT, SHORT, SHORT,
                                        C(LONG | OVER_2 | CONTINUED | OVER_3 | HUGE_8_OVER),
                                        C(LONG | OVER_2 | CONTINUED | OVER_3 | HUGE_9), upper,
                                        upper, SHORT, SHORT, SHORT, SHORT);

    return _mm_shuffle_epi8(table, halves);
}

static __m128i vector_high_halves(__m128i bytes)
{
    return _mm_and_si128(_mm_srli_epi16(bytes, 4), _mm_set1_epi8(15));
}

/* Bytes that are not zero where `now`, which follows `before`, is wrong. */
static __attribute__((target("ssse3"))) __m128i vector_errors(__m128i now, __m128i before)
{
    __m128i first = _mm_alignr_epi8(now, before, 15);
    __m128i pairs =
        _mm_and_si128(_mm_and_si128(vector_first_high(vector_high_halves(first)),
                                    vector_first_low(_mm_and_si128(first, _mm_set1_epi8(15)))),
                      vector_second_high(vector_high_halves(now)));
    /* The top bit is set where a third byte is due, as E0 and more are two bytes before; or a
     * fourth one, as F0 and more are three before. */
    __m128i third = _mm_subs_epu8(_mm_alignr_epi8(now, before, 14), _mm_set1_epi8(0xe0 - 0x80));
    __m128i fourth = _mm_subs_epu8(_mm_alignr_epi8(now, before, 13), _mm_set1_epi8(0xf0 - 0x80));
    __m128i due = _mm_and_si128(_mm_or_si128(third, fourth), _mm_set1_epi8(C(0x80)));

    return _mm_xor_si128(due, pairs);
}

/* Bytes that are not zero where a character goes on behind these. */
static __m128i vector_open(__m128i bytes)
{
    const __m128i most = _mm_setr_epi8(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
                                       C(0xf0 - 1), C(0xe0 - 1), C(0xc0 - 1));

    return _mm_subs_epu8(bytes, most);
}

static bool vector_is_zero(__m128i bytes)
{
    return _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_setzero_si128())) == 0xffff;
}

/* Passes blocks as long as they are valid; the last may end within a character. */
static __attribute__((target("ssse3"))) const uint8_t *vector_skip_blocks(const uint8_t *p,
                                                                          const uint8_t *end)
{
    __m128i before = _mm_setzero_si128();

    for (; end - p >= (ptrdiff_t)sizeof(before); p += sizeof(before)) {
        __m128i now = _mm_loadu_si128((const __m128i *)(const void *)p);
        bool is_ascii = _mm_movemask_epi8(now) == 0;

        if (!vector_is_zero(is_ascii ? vector_open(before) : vector_errors(now, before)))
            break;
        before = now;
    }
    return p;
}

/* How many bytes of a character that goes on stand in front of `p`. */
static size_t vector_open_bytes(const uint8_t *p)
{
    if (p[-1] >= 0xc0)
        return 1;
    if (p[-2] >= 0xe0)
        return 2;
    return p[-3] >= 0xf0 ? 3 : 0;
}

const uint8_t *utf8_vector_skip(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *stop = __builtin_cpu_supports("ssse3") ? vector_skip_blocks(p, end) : p;

    return stop == p ? p : stop - vector_open_bytes(stop);
}

#else

const uint8_t *utf8_vector_skip(const uint8_t *p, const uint8_t *end)
{
    (void)end;
    return p;
}

#endif
