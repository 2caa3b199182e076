#include "base/utf8_vector.h"

#if defined(__x86_64__) || defined(__aarch64__)

#include <stdbool.h>
#include <stddef.h>

#define VECTOR_SIZE 16

/* ---- what two kinds of processors call by other names ---- */

#ifdef __x86_64__

#include <cpuid.h>
#include <stdatomic.h>
#include <tmmintrin.h>

typedef __m128i vector;

#define VECTOR_CODE __attribute__((target("ssse3")))

/* The bytes that stand `n` places before those of `now`, which follows `before`. */
#define VECTOR_BEFORE(now, before, n) _mm_alignr_epi8(now, before, VECTOR_SIZE - (n))

/* Asked once, for in a virtual machine the answer comes from its host. The compiler's own way to
 * ask brings 5 KiB that know all processors. */
static bool vector_is_there(void)
{
    static atomic_int known; /* 0: not asked yet; 1: no; 2: yes */
    int answer = atomic_load_explicit(&known, memory_order_relaxed);
    unsigned a, b, c, d;

    if (answer == 0) {
        answer = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSSE3) != 0 ? 2 : 1;
        atomic_store_explicit(&known, answer, memory_order_relaxed);
    }
    return answer == 2;
}

static vector vector_load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static vector vector_fill(uint8_t byte)
{
    return _mm_set1_epi8((char)byte);
}

static vector vector_and(vector a, vector b)
{
    return _mm_and_si128(a, b);
}

static vector vector_or(vector a, vector b)
{
    return _mm_or_si128(a, b);
}

static vector vector_xor(vector a, vector b)
{
    return _mm_xor_si128(a, b);
}

/* a - b; 0 where that is negative. */
static vector vector_less(vector a, vector b)
{
    return _mm_subs_epu8(a, b);
}

static vector vector_high_halves(vector bytes)
{
    return vector_and(_mm_srli_epi16(bytes, 4), vector_fill(15));
}

static VECTOR_CODE vector vector_look_up(vector table, vector halves)
{
    return _mm_shuffle_epi8(table, halves);
}

static bool vector_is_ascii(vector bytes)
{
    return _mm_movemask_epi8(bytes) == 0;
}

static bool vector_is_zero(vector bytes)
{
    return _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_setzero_si128())) == 0xffff;
}

#else

#include <arm_neon.h>

typedef uint8x16_t vector;

#define VECTOR_CODE

#define VECTOR_BEFORE(now, before, n) vextq_u8(before, now, VECTOR_SIZE - (n))

static bool vector_is_there(void)
{
    return true;
}

static vector vector_load(const uint8_t *p)
{
    return vld1q_u8(p);
}

static vector vector_fill(uint8_t byte)
{
    return vdupq_n_u8(byte);
}

static vector vector_and(vector a, vector b)
{
    return vandq_u8(a, b);
}

static vector vector_or(vector a, vector b)
{
    return vorrq_u8(a, b);
}

static vector vector_xor(vector a, vector b)
{
    return veorq_u8(a, b);
}

static vector vector_less(vector a, vector b)
{
    return vqsubq_u8(a, b);
}

static vector vector_high_halves(vector bytes)
{
    return vshrq_n_u8(bytes, 4);
}

static vector vector_look_up(vector table, vector halves)
{
    return vqtbl1q_u8(table, halves);
}

static bool vector_is_ascii(vector bytes)
{
    return vmaxvq_u8(bytes) < 0x80;
}

static bool vector_is_zero(vector bytes)
{
    return vmaxvq_u8(bytes) == 0;
}

#endif

/* ---- what is an error ---- */

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
    BEYOND = ANY | HUGE_9 | HUGE_8_OVER,
    UPPER = LONG | OVER_2 | CONTINUED | SURROGATE | HUGE_9,
};

static const uint8_t by_first_high[VECTOR_SIZE] = {
    LONG,
    LONG,
    LONG,
    LONG,
    LONG,
    LONG,
    LONG,
    LONG,
    CONTINUED,
    CONTINUED,
    CONTINUED,
    CONTINUED,
    SHORT | OVER_2,
    SHORT,
    SHORT | OVER_3 | SURROGATE,
    SHORT | HUGE_9 | HUGE_8_OVER,
};

static const uint8_t by_first_low[VECTOR_SIZE] = {
    ANY | OVER_3 | OVER_2 | HUGE_8_OVER,
    ANY | OVER_2,
    ANY,
    ANY,
    ANY | HUGE_9,
    BEYOND,
    BEYOND,
    BEYOND,
    BEYOND,
    BEYOND,
    BEYOND,
    BEYOND,
    BEYOND,
    BEYOND | SURROGATE,
    BEYOND,
    BEYOND,
};

static const uint8_t by_second_high[VECTOR_SIZE] = {
    SHORT,
    SHORT,
    SHORT,
    SHORT,
    SHORT,
    SHORT,
    SHORT,
    SHORT,
    LONG | OVER_2 | CONTINUED | OVER_3 | HUGE_8_OVER,
    LONG | OVER_2 | CONTINUED | OVER_3 | HUGE_9,
    UPPER,
    UPPER,
    SHORT,
    SHORT,
    SHORT,
    SHORT,
};

/* The largest bytes after which nothing has to follow. */
static const uint8_t last_bytes[VECTOR_SIZE] = {
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0xf0 - 1, 0xe0 - 1, 0xc0 - 1};

/* Bytes that are not zero where `now`, which follows `before`, is wrong. */
static VECTOR_CODE vector vector_errors(vector now, vector before)
{
    vector first = VECTOR_BEFORE(now, before, 1);
    vector high = vector_look_up(vector_load(by_first_high), vector_high_halves(first));
    vector low = vector_look_up(vector_load(by_first_low), vector_and(first, vector_fill(15)));
    vector second = vector_look_up(vector_load(by_second_high), vector_high_halves(now));
    /* The top bit is set where a third byte is due, as E0 and more are two bytes before; or a
     * fourth one, as F0 and more are three before. */
    vector third = vector_less(VECTOR_BEFORE(now, before, 2), vector_fill(0xe0 - 0x80));
    vector fourth = vector_less(VECTOR_BEFORE(now, before, 3), vector_fill(0xf0 - 0x80));
    vector due = vector_and(vector_or(third, fourth), vector_fill(0x80));

    return vector_xor(due, vector_and(vector_and(high, low), second));
}

/* Bytes that are not zero where a character goes on behind these. */
static vector vector_open(vector bytes)
{
    return vector_less(bytes, vector_load(last_bytes));
}

/* Passes blocks as long as they are valid; the last may end within a character. */
static VECTOR_CODE const uint8_t *vector_skip_blocks(const uint8_t *p, const uint8_t *end)
{
    vector before = vector_fill(0);

    for (; end - p >= VECTOR_SIZE; p += VECTOR_SIZE) {
        vector now = vector_load(p);

        if (!vector_is_zero(vector_is_ascii(now) ? vector_open(before)
                                                 : vector_errors(now, before)))
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
    const uint8_t *stop = vector_is_there() ? vector_skip_blocks(p, end) : p;

    return stop == p ? p : stop - vector_open_bytes(stop);
}

#else

const uint8_t *utf8_vector_skip(const uint8_t *p, const uint8_t *end)
{
    (void)end;
    return p;
}

#endif
