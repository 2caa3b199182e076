/* Drain: ends all connections of a server that stops, in portions, so that ten thousand clients do
 * not come back in one second. A step costs no more than its portion, and there is one deadline for
 * all. */
#ifndef SERVER_DRAIN_H
#define SERVER_DRAIN_H

#include <stddef.h>
#include <stdint.h>

#include "session/conns.h"

/* So many clients are closed at once; more are closed in portions of at least as many. */
#define DRAIN_PORTION 100

struct drain {
    size_t place;   /* how far it is in the table of connections */
    size_t portion; /* WebSockets of a step */
    uint64_t pause; /* ms between two steps */
    uint64_t next;  /* monotonic ms of the next step; UINT64_MAX: none */
};

void drain_init(struct drain *drain);

/* Closes the first portion of `clients` WebSockets; the others follow within four fifths of `time`
 * (ms), so that the last have the rest of it to answer. With no time all are closed now. */
void drain_begin(struct drain *drain, struct conns *conns, size_t clients, uint64_t time);

/* Closes the next portion if it is due. */
void drain_step(struct drain *drain, struct conns *conns);

/* Closes all that are left. */
void drain_finish(struct drain *drain, struct conns *conns);

#endif
