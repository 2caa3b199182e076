/* Accepting connections: as many at a time as is fair to those who are in, and none while there is
 * no place for them. While many come, the kernel is asked to keep each one until its request is
 * there: that costs less than to be woken twice for it. */
#ifndef SERVER_ACCEPTOR_H
#define SERVER_ACCEPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/reactor.h"

/* Whose connections are accepted. */
enum accepting { ACCEPTING_NONE, ACCEPTING_ADMIN, ACCEPTING_ALL };

struct acceptor {
    enum accepting from;
    size_t admin_places;      /* connections that are kept free for operators */
    uint64_t again;           /* monotonic ms: when to try again; UINT64_MAX: from all already */
    bool is_deferring;        /* all listeners are asked to; which do: listener.is_deferred */
    uint64_t deferring_since; /* monotonic ms */
    uint64_t period_end;      /* when the connections that came are counted anew; monotonic ms */
    uint32_t came;            /* connections since the last such time */
};

struct server;

/* How much of a time in milliseconds is left for a connection that has sent nothing when the
 * kernel, which was asked to keep it, tells of it. */
uint64_t acceptor_time_left(uint64_t time);

/* Begins to accept at all listeners of the server. */
void acceptor_start(struct server *server, bool has_admin);

/* The `ready` of a listener's source. */
void acceptor_ready(struct reactor_source *source, uint32_t events);

/* When there is something to do though nobody comes: monotonic ms; UINT64_MAX: never. */
uint64_t acceptor_deadline(const struct server *server);

/* The end of a tick: goes on where there is a place again, or enough time has passed. */
void acceptor_tick(struct server *server, bool has_ended);

#endif
