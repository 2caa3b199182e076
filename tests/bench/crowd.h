/* All clients of a run, and the loop that serves them. */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include <stdint.h>

#include "session.h"

struct crowd {
    struct traffic traffic;
    struct session *sessions; /* count of them */
    uint32_t count;
    uint32_t senders; /* the first so many; none: 0 */
    uint32_t open;    /* upgraded so far */
};

/* Makes `count` clients that are not connected, for payloads of `size` bytes. Returns 0, or -1 with
 * errno. */
int crowd_init(struct crowd *c, uint32_t count, size_t size, uint16_t port);

/* Waits for events until `until` (as traffic_clock) at most, and handles them. */
void crowd_poll(struct crowd *c, uint64_t until);

/* Polls until the time has come. */
void crowd_run(struct crowd *c, uint64_t until);

/* Connects `count` clients from `first` on, at most `in_flight` at a time. Those who send come
 * spread among the others, so that it does not matter in which order a server serves its members.
 * Returns 0, or -1 when that takes longer than 60 seconds or something broke. The owner's on_open
 * must count c->open. */
int crowd_connect(struct crowd *c, uint32_t first, uint32_t count, uint32_t in_flight);

/* Resets all connections. */
void crowd_reset(struct crowd *c);

#endif
