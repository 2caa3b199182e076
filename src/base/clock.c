#include "base/clock.h"

#include <time.h>

uint64_t clock_monotonic_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * CLOCK_NS_PER_S + (uint64_t)now.tv_nsec;
}

void clock_read(struct clock *clock)
{
    struct timespec wall;

    clock_gettime(CLOCK_REALTIME, &wall);
    clock->now_ns = clock_monotonic_ns();
    clock->now = clock->now_ns / CLOCK_NS_PER_MS;
    clock->wall = (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / CLOCK_NS_PER_MS;
}
