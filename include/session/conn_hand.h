/* Connections on their way to another process: the stream, its session, and what is known of it.
 * What its owner knows of it is the owner's to write. */
#ifndef SESSION_CONN_HAND_H
#define SESSION_CONN_HAND_H

#include "session/conn.h"

/* Bytes that may be on their way to the peers of all connections together: the other process gets
 * copies of them. */
#define CONNS_HAND_MAX ((size_t)256 * 1024 * 1024)

/* Why cannot all of them be handed over now, a static text: one waits for an answer, the tick is
 * not over, or too much is on its way? NULL: they can. */
const char *conns_cannot_hand(const struct conns *conns);

/* Writes the descriptors of at most `max` connections, in the order of their places. Returns how
 * many connections there are. */
size_t conns_descriptors(const struct conns *conns, int *fds, size_t max);

/* Writes what is to be known of a connection, between two ticks. */
void conn_hand(struct hand_writer *w, const struct conn *conn);

/* Makes a connection of a descriptor, which is the pool's in any case, and of what is read: nothing
 * is read from it or sent to it before conns_go. The pool must not be full. *has_ring: see
 * sendq_take. Returns NULL where anything is wrong; what there is of it is the pool's. */
struct conn *conn_take(struct conns *conns, struct hand_reader *r, int fd, bool *has_ring);

/* Writes what was counted, into the record at hand; reads it. Returns false where anything is
 * wrong.
 */
void conns_hand_counters(struct hand_writer *w, const struct conns *conns);
bool conns_take_counters(struct conns *conns, struct hand_reader *r);

/* Goes on with all that were taken. Returns false where they cannot be watched. */
bool conns_go(struct conns *conns);

#endif
