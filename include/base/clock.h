/* What time it is, read once for all that happens together. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define CLOCK_NS_PER_S ((uint64_t)1000000000)
#define CLOCK_NS_PER_MS ((uint64_t)1000000)

struct clock {
    uint64_t now;    /* monotonic milliseconds */
    uint64_t now_ns; /* the same time in nanoseconds */
    uint64_t wall;   /* milliseconds since 1970; may jump */
};

/* Reads the monotonic clock alone, in nanoseconds. */
uint64_t clock_monotonic_ns(void);

/* Reads the clocks of the system. */
void clock_read(struct clock *clock);

#endif
