/* Rates: so many of something in a second, and a burst of them at once. What is known of somebody
 * is one number, the time at which all that was taken would have been taken at the allowed rate
 * (the generic cell rate algorithm, ITU-T I.371):
 *
 *              now          full              now + burst
 *      --------|-------------|--------------------|-------->
 *              '-- is ahead -'--- may be taken ---'
 *
 * Whoever is not ahead is as good as unknown, so the number may be forgotten then. */
#ifndef BASE_RATE_H
#define BASE_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
    uint64_t step_ns;  /* the time that one takes; 0: no limit */
    uint64_t burst_ns; /* how far ahead one may be; at least step_ns */
};

/* `burst` (1 or more) of them at once, and then `per_second`; 0: no limit. */
struct rate rate_of(uint64_t per_second, uint64_t burst);

/* Makes the number that is known of somebody (0: nothing) one that can be true now. */
static inline uint64_t rate_settled(const struct rate *rate, uint64_t full_ns, uint64_t now_ns)
{
    uint64_t most = now_ns + rate->burst_ns;

    if (full_ns < now_ns)
        return now_ns;
    /* It is never further ahead, unless the clock went back or more was taken than allowed. */
    return full_ns < most ? full_ns : most;
}

/* May one more be taken? */
static inline bool rate_allows(const struct rate *rate, uint64_t full_ns, uint64_t now_ns)
{
    return rate->step_ns == 0 || full_ns <= now_ns ||
           full_ns + rate->step_ns <= now_ns + rate->burst_ns;
}

/* Takes `count`, allowed or not. */
static inline void rate_charge(const struct rate *rate, uint64_t *full_ns, uint64_t count,
                               uint64_t now_ns)
{
    *full_ns = (*full_ns > now_ns ? *full_ns : now_ns) + rate->step_ns * count;
}

/* Takes one where that is allowed. Returns false, and takes nothing, where it is not. */
bool rate_take(const struct rate *rate, uint64_t *full_ns, uint64_t now_ns);

#endif
