/* All connections of a server, whatever their protocol. */
#ifndef SESSION_CONNS_H
#define SESSION_CONNS_H

#include "session/conn.h"

/* Maps the places and sets up the timers with their lengths in milliseconds (0: never); the rest of
 * `conns` was set by the caller. Returns 0, or -1 with errno ENOMEM. */
int conns_init(struct conns *conns, struct reactor *reactor, size_t capacity,
               const uint64_t timeouts[CONN_TIMERS]);

/* Closes all connections at once and frees everything. */
void conns_deinit(struct conns *conns);

/* Makes room when all places are taken: drops one connection that was answered and only waits for
 * the peer's FIN, or is idle between two requests, or is slow: to send a request head, to take a
 * response, or to finish a close. Returns false where there is none. A member is never dropped. */
bool conns_drop_spare(struct conns *conns);

/* Goes on with ending all connections at leisure, from *place on (0: the first): at most `max`
 * members, each with this code and reason; others once they are idle. Returns false when it has
 * been through all of them. */
bool conns_close_some(struct conns *conns, size_t *place, size_t max, uint16_t code,
                      const char *reason);

/* Is there a connection that is not just waiting for a request? */
bool conns_are_busy(const struct conns *conns);

#endif
