/* All clients of a run, and the loop that serves them. */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include <stdint.h>

#include "session.h"

struct crowd {
    struct traffic traffic;
    struct session *sessions; /* count of them; the fields fd and below are valid from state on */
    uint32_t count;
    uint32_t open;    /* upgraded so far */
    uint64_t idle_ns; /* time spent waiting for events */
};

/* Makes `count` clients that are not connected, for payloads of `size` bytes. Returns 0, or -1 with
 * errno. */
int crowd_init(struct crowd *c, uint32_t count, size_t size, uint16_t port);

/* Waits for events until `until` (as traffic_clock) at most, and handles them. */
void crowd_poll(struct crowd *c, uint64_t until);

/* Polls until the time has come. */
void crowd_run(struct crowd *c, uint64_t until);

/* Connects the clients from `first` to below `end`, at most `in_flight` at a time. Returns 0, or -1
 * when that takes longer than 60 seconds or something broke. The owner's on_open must count
 * c->open. */
int crowd_connect(struct crowd *c, uint32_t first, uint32_t end, uint32_t in_flight);

/* Resets all connections. */
void crowd_reset(struct crowd *c);

#endif
