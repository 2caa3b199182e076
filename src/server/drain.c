#include "server/drain.h"

#include "base/util.h"

/* The shortest pause, in milliseconds: more steps would not spread the clients any better. */
#define PAUSE_MIN 20

static size_t divide_up(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

/* The times of the steps are fixed: one that comes late does not delay the next. */
static void close_portion(struct drain *drain, struct pool *pool, size_t portion)
{
    bool is_left = pool_close_some(pool, &drain->place, portion, WS_CLOSE_GOING_AWAY,
                                   "the server is going away");

    drain->next = is_left ? drain->next + drain->pause : UINT64_MAX;
}

void drain_init(struct drain *drain)
{
    drain->place = 0;
    drain->next = UINT64_MAX;
}

void drain_begin(struct drain *drain, struct pool *pool, size_t clients, uint64_t time)
{
    uint64_t span = time / 5 * 4;
    size_t steps = min_size(divide_up(clients, DRAIN_PORTION), (size_t)(span / PAUSE_MIN));

    steps = max_size(steps, 1);
    drain->portion = max_size(divide_up(clients, steps), 1);
    drain->pause = span / steps;
    drain->next = pool->now;
    close_portion(drain, pool, drain->portion);
}

void drain_step(struct drain *drain, struct pool *pool)
{
    if (pool->now >= drain->next)
        close_portion(drain, pool, drain->portion);
}

void drain_finish(struct drain *drain, struct pool *pool)
{
    close_portion(drain, pool, SIZE_MAX);
}
