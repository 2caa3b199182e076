/* Accepting connections: as many at a time as is fair to those who are in, and none while there is
 * no place for them. While many come, the kernel is asked to keep each one until its request is
 * there: that costs less than to be woken twice for it. */
#ifndef SERVER_ACCEPTOR_H
#define SERVER_ACCEPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "net/reactor.h"
#include "server/listeners.h"
#include "session/conns.h"

/* Whose connections are accepted. */
enum accepting { ACCEPTING_NONE, ACCEPTING_ADMIN, ACCEPTING_ALL };

struct acceptor;

struct acceptor_listener {
    struct reactor_source source; /* first */
    struct acceptor *acceptor;
    struct list fresh; /* connections that came in this tick and are to be greeted */
    bool is_admin;
    bool is_deferred; /* socket_defer_accept */
    int file;         /* that of a unix socket which is ours to remove (socket_open_file); or -1 */
};

struct acceptor {
    struct conns *conns;
    unsigned defer; /* enum options_defer */
    struct acceptor_listener listeners[LISTENERS_MAX];
    size_t listener_count;
    enum accepting from;
    size_t admin_places;      /* connections that are kept free for operators */
    uint64_t again;           /* monotonic ms: when to try again; UINT64_MAX: from all already */
    bool has_state;           /* of another process, by acceptor_take_state */
    bool is_deferring;        /* all listeners are asked to; which do: listener.is_deferred */
    uint64_t deferring_since; /* monotonic ms */
    uint64_t period_end;      /* when the connections that came are counted anew; monotonic ms */
    uint32_t came;            /* connections since the last such time */

    /* A connection was accepted, whose is_admin is set: sets the rest of what is known of it. */
    void (*on_accepted)(struct acceptor *acceptor, struct conn *conn);

    /* Accepting pauses, for this reason. */
    void (*on_pause)(struct acceptor *acceptor, const char *error);
};

/* How much of a time in milliseconds is left for a connection that has sent nothing when the
 * kernel, which was asked to keep it, tells of it. */
uint64_t acceptor_time_left(uint64_t time);

/* Takes these listening sockets, which are the acceptor's from now on. */
void acceptor_take(struct acceptor *acceptor, const struct listeners *listeners);

bool acceptor_has_admin(const struct acceptor *acceptor);

/* Begins to accept from all listeners: at most `max_members` connections are members. */
void acceptor_start(struct acceptor *acceptor, size_t max_members);

/* Begins with the connections that came in this tick: reads what the kernel has kept for them. */
void acceptor_greet(struct acceptor *acceptor);

/* Closes all listeners, and removes their files. */
void acceptor_close(struct acceptor *acceptor);

/* When there is something to do though nobody comes: monotonic ms; UINT64_MAX: never. */
uint64_t acceptor_deadline(const struct acceptor *acceptor);

/* The end of a tick: goes on where there is a place again, or enough time has passed. */
void acceptor_tick(struct acceptor *acceptor, bool has_ended);

/* Writes whether the kernel keeps connections, and since when, into the record at hand, for another
 * process; reads it, before acceptor_start. Returns false where anything is wrong. */
void acceptor_hand(struct hand_writer *w, const struct acceptor *acceptor);
bool acceptor_take_state(struct acceptor *acceptor, struct hand_reader *r);

#endif
