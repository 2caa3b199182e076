/* What each message of the load generator begins with: who sent it as its how-manieth, and when. It
 * is written in 16 characters of 6 bits each ('@' to DEL), so that any protocol of text carries it.
 */
#ifndef BENCH_STAMP_H
#define BENCH_STAMP_H

#include <stdint.h>
#include <string.h>

#define STAMP_SIZE 16
#define STAMP_SENDER_BITS 18
#define STAMP_SEQ_BITS 30

struct stamp {
    uint32_t sender; /* below 2^18 */
    uint32_t seq;    /* below 2^30 */
    uint64_t time;   /* nanoseconds since the run began, below 2^48 */
};

/* The low 48 bits of v as 8 characters: halves move apart until each has a byte of its own. */
static inline uint64_t sixbit_spread(uint64_t v)
{
    v = (v & 0x0000000000ffffff) | (v & 0x0000ffffff000000) << 8;
    v = (v & 0x00000fff00000fff) | (v & 0x00fff00000fff000) << 4;
    v = (v & 0x003f003f003f003f) | (v & 0x0fc00fc00fc00fc0) << 2;
    return v | 0x4040404040404040;
}

static inline uint64_t sixbit_gather(uint64_t v)
{
    v = (v & 0x003f003f003f003f) | (v & 0x3f003f003f003f00) >> 2;
    v = (v & 0x00000fff00000fff) | (v & 0x0fff00000fff0000) >> 4;
    return (v & 0x0000000000ffffff) | (v & 0x00ffffff00000000) >> 8;
}

static inline void stamp_write(uint8_t out[STAMP_SIZE], const struct stamp *s)
{
    uint64_t words[2] = {sixbit_spread((uint64_t)s->seq << STAMP_SENDER_BITS | s->sender),
                         sixbit_spread(s->time)};

    memcpy(out, words, sizeof(words));
}

static inline struct stamp stamp_read(const uint8_t in[STAMP_SIZE])
{
    uint64_t words[2];
    uint64_t who;

    memcpy(words, in, sizeof(words));
    who = sixbit_gather(words[0]);
    return (struct stamp){.sender = (uint32_t)(who & ((1u << STAMP_SENDER_BITS) - 1)),
                          .seq = (uint32_t)(who >> STAMP_SENDER_BITS),
                          .time = sixbit_gather(words[1])};
}

#endif
