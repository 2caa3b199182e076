#include "server/drain.h"

#include "base/util.h"
#include "proto/ws/frame.h"

/* The shortest pause, in milliseconds: more steps would not spread the clients any better. */
#define PAUSE_MIN 20

static size_t divide_up(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

/* The times of the steps are fixed: one that comes late does not delay the next. */
static void close_portion(struct drain *drain, struct conns *conns, size_t portion)
{
    bool is_left = conns_close_some(conns, &drain->place, portion, WS_CLOSE_GOING_AWAY,
                                    "the server is going away");

    drain->next = is_left ? drain->next + drain->pause : UINT64_MAX;
}

void drain_init(struct drain *drain)
{
    drain->place = 0;
    drain->next = UINT64_MAX;
}

void drain_begin(struct drain *drain, struct conns *conns, size_t clients, uint64_t time)
{
    uint64_t span = time / 5 * 4;
    size_t steps = min_size(divide_up(clients, DRAIN_PORTION), (size_t)(span / PAUSE_MIN));

    steps = max_size(steps, 1);
    drain->portion = max_size(divide_up(clients, steps), 1);
    drain->pause = span / steps;
    drain->next = conns->pool.env.clock.now;
    close_portion(drain, conns, drain->portion);
}

void drain_step(struct drain *drain, struct conns *conns)
{
    if (conns->pool.env.clock.now >= drain->next)
        close_portion(drain, conns, drain->portion);
}

void drain_finish(struct drain *drain, struct conns *conns)
{
    close_portion(drain, conns, SIZE_MAX);
}
