/* All connections of a server: their places, what they share, and what their owner is called for.
 *
 *      conns (never move)
 *      +------+------+------+------+------+
 *      | OPEN | free | HTTP | OPEN |  ...        up to `capacity`; beyond `used` never touched
 *      +------+------+------+------+------+
 *         |             |
 *       woken         ready  ...                 lists of those for which there is something to do
 */
#ifndef NET_POOL_H
#define NET_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/buf_pool.h"
#include "net/conn.h"
#include "net/reactor.h"
#include "base/timer.h"

/* What happened since the start. */
struct conn_counters {
    uint64_t connections;
    uint64_t received; /* bytes */
    uint64_t sent;     /* bytes */
    uint64_t lagged;
    uint64_t throttled;
    uint64_t closes[CONN_CLOSE_LAST - CONN_CLOSE_FIRST + 1]; /* of WebSockets, by the first code */
};

/* What all connections of a server share. */
struct pool {
    struct conn_counters counters;
    struct reactor *reactor;
    struct conn *conns; /* capacity places, one anonymous mapping: places that were never used cost
                           no memory */
    size_t capacity;
    size_t used;       /* places that were ever used */
    size_t count;      /* connections */
    size_t slow;       /* connections that take no more at the moment */
    struct list free;  /* places that are free again */
    struct list woken; /* have something to send */
    struct list ready; /* have bytes in `in` that can be used now */
    struct list dead;
    struct buf_pool buf_pool; /* for the readers: memory of long messages */
    uint8_t *buffer;          /* TUNE_READ_BUFFER bytes that every connection reads into */
    struct timer_class timers[CONN_TIMERS];
    uint64_t now; /* monotonic milliseconds, read once in a tick */
    uint64_t now_ns;
    uint64_t wall;          /* milliseconds since 1970 */
    uint64_t rate_step_ns;  /* for each message; 0: no limit */
    uint64_t rate_burst_ns; /* how far ahead of its rate a client may be */
    uint64_t max_lag;       /* bytes */

    /* A whole request. Must answer it with conn_respond or conn_upgrade. */
    void (*request)(struct conn *conn, const struct http_request *request);

    /* A PROXY header, in front of the first request. */
    void (*introduced)(struct conn *conn, const struct proxy_header *header);

    /* A request that cannot be understood. Must answer with conn_respond. */
    void (*bad_request)(struct conn *conn, int status, const char *text);

    /* A whole message of an OPEN connection. Returns 0, or -1 where memory is out. */
    int (*message)(struct conn *conn, struct ws_message *message);

    /* The connection is no longer OPEN; conn->out keeps what is still to be sent. `is_broken`:
     * neither side sent a Close. Returns 0, or -1 where a frame was cut in the middle, so that
     * nothing more can be sent. */
    int (*left)(struct conn *conn, bool is_broken);

    /* The connection is about to be freed: its counters and `end` are final. */
    void (*ended)(const struct conn *conn);
};

/* Maps the places, sets up the lists, and the timers with their lengths in milliseconds (0: never);
 * the rest of `host` was set by the caller. Returns 0, or -1 with errno ENOMEM. */
int pool_init(struct pool *pool, struct reactor *reactor, size_t capacity,
              const uint64_t timeouts[CONN_TIMERS]);

/* Closes all connections at once and frees everything. */
void pool_deinit(struct pool *pool);

/* Steps of the tick: goes on with those that have unread bytes, sends for those that were woken,
 * frees the dead. */
void pool_resume(struct pool *pool);
void pool_flush(struct pool *pool);
void pool_reap(struct pool *pool);

/* The next deadline of all timers; `now` where there is work that needs no event. */
uint64_t pool_deadline(const struct pool *pool);

/* Runs the timers that are due. */
void pool_expire(struct pool *pool);

/* Goes on with ending all connections at leisure, from *place on (0: the first): at most `max`
 * WebSockets, each by a close handshake with this code and reason; others once they are idle.
 * Returns false when it has been through all of them. */
bool pool_close_some(struct pool *pool, size_t *place, size_t max, uint16_t code,
                     const char *reason);

/* Is there a connection that is not just waiting for a request? */
bool pool_is_busy(const struct pool *pool);

/* Makes room when all places are taken: drops one connection that was answered and only waits for
 * the peer's FIN, or is idle between two requests, or is slow: to send a request head, to take a
 * response, or to finish a close. Returns false where there is none. A WebSocket that is OPEN is
 * never dropped. */
bool pool_drop_spare(struct pool *pool);

#endif
