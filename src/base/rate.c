#include "base/rate.h"

#include "base/clock.h"

struct rate rate_of(uint64_t per_second, uint64_t burst)
{
    uint64_t step = per_second > 0 ? CLOCK_NS_PER_S / per_second : 0;

    return (struct rate){.step_ns = step, .burst_ns = step * burst};
}

bool rate_take(const struct rate *rate, uint64_t *full_ns, uint64_t now_ns)
{
    if (rate->step_ns == 0)
        return true;
    *full_ns = rate_settled(rate, *full_ns, now_ns);
    if (!rate_allows(rate, *full_ns, now_ns))
        return false;
    rate_charge(rate, full_ns, 1, now_ns);
    return true;
}
