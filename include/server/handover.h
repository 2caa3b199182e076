/* What one worker hands to the next, and in which steps. Both run the same program, or two versions
 * of it which speak the same format; each is a child of the keeper, which has given them a socket
 * pair.
 *
 *      old worker                                            new worker, its heir
 *                                                            starts, shuts itself in
 *                                      <-- HELLO             format, version, room
 *      goes on until the end of a tick,
 *      then freezes: reads, writes, closes nothing
 *      BEGIN                           -->
 *      BATCH, up to 200 descriptors    -->
 *                                      <-- ACK               ... until all are there
 *      CLOCK, then the modules' records,
 *      END                             -->                   builds all, checks all
 *                                      <-- READY
 *      GO                              -->                   reads and writes from now on
 *      ends, without a word to anybody
 *
 * Nothing that the old worker does before GO changes what it has. So whatever goes wrong until then
 * (WHY from the heir, its death, a deadline), the old worker says STOP and goes on: it thaws. If
 * the old one dies before the heir has all, its death is a crash as any. If it dies behind that,
 * the heir, which then is the only one to have what it had, goes on as if it had been told. */
#ifndef SERVER_HANDOVER_H
#define SERVER_HANDOVER_H

#include <stddef.h>
#include <stdint.h>

#include "base/hand.h"
#include "chat/chat.h"
#include "server/acceptor.h"
#include "server/connection_log.h"
#include "server/handover_wire.h"
#include "server/durable.h"
#include "server/metrics.h"
#include "server/past.h"
#include "session/conns.h"
#include "web/web.h"

/* The modules whose state is handed over. */
struct handover_parts {
    struct chat *chat;
    struct conns *conns;
    struct web *web;
    struct metrics *metrics;
    struct past *past;
    struct connection_log *connection_log;
    struct acceptor *acceptor;
    struct durable *durable;
};

/* Why cannot all be handed over now, a static text? Ticks take that away. NULL: it can. */
const char *handover_obstacle(const struct handover_parts *parts);

/* Descriptors that may be handed over besides those of connections: the lock of a journal. */
#define HANDOVER_OTHERS 1

/* How many descriptors are handed over. */
size_t handover_count(const struct handover_parts *parts);

/* Writes them, handover_count many, in the order in which the records speak of them. */
void handover_list(const struct handover_parts *parts, int *fds);

/* Writes all records of the state, CLOCK to END. `frozen`: monotonic ns, since when nobody is
 * served. Whether that went well is told by hand_flush. */
void handover_write(struct hand_writer *w, const struct handover_parts *parts, uint64_t frozen);

/* Reads them into parts that are as at the start of a program. It trusts nothing that it reads. The
 * descriptors stay the caller's until this has returned true; on false parts hold an unknown part
 * of the state and can be freed alone, and hand_reader has the reason. Sets *frozen. */
bool handover_read(struct hand_reader *r, const struct handover_parts *parts, const int *fds,
                   size_t count, uint64_t *frozen);

#endif
