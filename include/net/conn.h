/* Connection: a socket, its bytes, and how far it is in its life.
 *
 *      HTTP --upgrade--> OPEN --we close--> CLOSING --peer's Close--> LINGER --peer's FIN--> DEAD
 *        '---last response-----------------------------------------------^
 *
 *      HTTP     reads requests, one after the other; a PROXY header may come in front of the first
 *      OPEN     reads WebSocket messages
 *      CLOSING  has sent Close and reads until the peer's Close, dropping messages
 *      LINGER   sends what is queued, then its FIN, and drops what it reads until the peer's FIN:
 *               closing at once could reset the connection and so destroy what is on its way to
 *               the peer (RFC 9112, 9.6)
 *      DEAD     waits for the end of the tick, when the descriptor is closed and its place free
 *
 * Beside the state there is what the socket can still do:
 *
 *      is_blocked    our send buffer is full           set by sending, cleared by EPOLLOUT
 *      is_throttled  the peer is over its rate         set by its messages, cleared by a timer
 *      is_ended      the peer's FIN was read           for good
 *      is_hung       ... was seen, but not yet read    for good; it stands behind unread bytes
 *      is_shut       our FIN is sent                   for good
 *      is_mute       sending fails: the peer is gone   for good; what it sent is still read
 *
 * What a connection is for is its host's to say: conn_host has the calls. Nothing here frees a
 * connection but conn_host_reap. */
/* clang-format on */
#ifndef NET_CONN_H
#define NET_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/ip.h"
#include "base/list.h"
#include "chat/sendq.h"
#include "net/reactor.h"
#include "net/timer.h"
#include "proto/http_request.h"
#include "proto/proxy_header.h"
#include "proto/ws_reader.h"

enum conn_state { CONN_HTTP, CONN_OPEN, CONN_CLOSING, CONN_LINGER, CONN_DEAD };

/* Does a PROXY header come in front of the first request? */
enum conn_header { CONN_HEADER_NONE, CONN_HEADER_MAY, CONN_HEADER_MUST };

enum conn_timer {
    CONN_TIMER_SILENT,    /* as the next, but shorter: it was silent before it was told of */
    CONN_TIMER_HANDSHAKE, /* a request head must be whole; an idle connection closes */
    CONN_TIMER_SENDING,   /* the peer must take some of a response */
    CONN_TIMER_IDLE,      /* a WebSocket peer is silent: ping it */
    CONN_TIMER_PONG,      /* ... and was pinged */
    CONN_TIMER_CLOSING,   /* the peer must answer a Close, or end TCP */
    CONN_TIMER_THROTTLE,  /* a peer that sent too much may go on */
    CONN_TIMERS,
};

/* Why a connection ended: the first of these that happened to it. */
enum conn_end {
    CONN_END_NONE,     /* it has not ended */
    CONN_END_SERVED,   /* HTTP: it got what it asked for */
    CONN_END_REFUSED,  /* HTTP: a request was answered with an error after which nothing is read */
    CONN_END_IDLE,     /* HTTP: no further request came */
    CONN_END_CLOSED,   /* WebSocket: the peer sent Close */
    CONN_END_LEFT,     /* the peer's FIN came, without a Close or a whole request */
    CONN_END_RESET,    /* the peer's RST came, or the network lost it */
    CONN_END_TIMEOUT,  /* the peer did not send, take or answer in time */
    CONN_END_LAGGED,   /* the peer fell too far behind */
    CONN_END_PROTOCOL, /* the peer broke the WebSocket protocol */
    CONN_END_HOST,     /* the host closed it with the code in close_code */
    CONN_END_MEMORY,   /* memory ran out */
    CONN_END_SPARE,    /* it had to make room for others */
    CONN_END_SHUTDOWN, /* the server ends */
    CONN_ENDS,
};

struct client;

/* Lies on cache lines of its own, and its members in the order of use: to flush a connection
 * touches the first two lines, to read from it two more. */
struct conn {
    _Alignas(64) struct reactor_source source;
    struct sendq out;
    struct conn_host *host;
    uint64_t sent;       /* bytes */
    uint32_t leftover;   /* bytes received since it is being closed */
    uint16_t close_code; /* once it was OPEN and is not any more */
    uint16_t status;     /* the host's: of the last response */
    uint32_t taken;      /* of `sent`, what the peer's system had taken at some time; low bits */
    uint8_t state;       /* enum conn_state */
    bool is_blocked;     /* the socket's buffer is full */
    bool is_throttled;   /* it has sent all it may for now */
    bool is_ended;       /* the peer has sent its FIN */
    bool is_shut;        /* we have sent ours */
    bool is_mute;        /* the peer takes nothing any more; what it sent before is still read */
    bool is_hung;        /* the peer has sent its FIN, behind what cannot be read yet */
    bool has_more;       /* `in` holds bytes that could be used but for the limits */
    bool is_tcp : 1;
    bool has_answered : 1; /* at least one response went out */
    bool is_in_head : 1;   /* some of a request has come */
    bool is_websocket : 1;
    bool has_backlog : 1;      /* there was something in front of the last ping */
    bool has_small_window : 1; /* it was over its rate once */
    bool is_admin : 1;         /* the host's: it came in by the admin listener */
    bool is_trusted : 1;       /* the host's: what it tells of whom it speaks for is believed */
    uint8_t header;            /* the host's: enum conn_header; NONE once it was read */
    uint8_t end;               /* enum conn_end */
    uint8_t wire;              /* the host's: enum wire_kind */

    struct client *client; /* the host's: whose seat it carries; NULL: none */
    uint64_t received;     /* bytes */
    uint64_t messages;     /* received; while it is HTTP: requests */
    uint64_t rate_ns;      /* when all that it has sent would have been sent, by the allowed rate */
    struct timer timer;
    union {
        struct {                   /* HTTP */
            struct http_scan scan; /* how far the request in `in` was read */
            struct peer origin;    /* the host's: of the connection; `peer` is its last request's */
        };
        struct ws_reader reader; /* OPEN, and what comes after */
    };
    struct list work; /* in one of the host's lists */
    struct buf in;    /* bytes that were read but cannot be used yet; mostly empty */

    uint64_t opened;    /* monotonic milliseconds */
    uint64_t client_id; /* the host's: as it was asked for; 0: none */
    const char *detail; /* more about `end`, static; NULL: nothing */
    char *room;         /* the host's, owned: the name of the room that it has left, or NULL */
    struct peer peer;   /* who is at the other end; the host may put in whom a proxy speaks for */
    uint32_t address;   /* the host's: its place in an address table; 0: none */
};

/* Close codes that are counted: all that may be sent, and those that stand for an end without one.
 */
#define CONN_CLOSE_FIRST 1000
#define CONN_CLOSE_LAST 4999
#define CONN_CLOSE_NONE 1005   /* the peer's Close had no code */
#define CONN_CLOSE_BROKEN 1006 /* there was no Close */

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
struct conn_host {
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
    struct stock stock; /* for the readers: memory of long messages */
    uint8_t *buffer;    /* TUNE_READ_BUFFER bytes that every connection reads into */
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
int conn_host_init(struct conn_host *host, struct reactor *reactor, size_t capacity,
                   const uint64_t timeouts[CONN_TIMERS]);

/* Closes all connections at once and frees everything. */
void conn_host_deinit(struct conn_host *host);

/* Takes an accepted, non-blocking socket, which it owns from now on, and who is at its other end:
 * known where it is one of TCP.
 * Returns the connection, never NULL: the host must not be full. The caller sets what is the host's
 * of it, and then calls conn_start. */
struct conn *conn_open(struct conn_host *host, int fd, const struct peer *peer);

/* Begins to read from a connection of conn_open. `has_input`: something has mostly come, which is
 * read and answered at once. `silence`: if nothing has come, the connection has been there for so
 * many milliseconds. Drops it where it cannot be watched. */
void conn_start(struct conn *conn, bool has_input, uint64_t silence);

/* Puts a response behind what is queued: a head, and a body unless it is NULL. The body stays
 * somebody else's until `release(body)` is called (NULL: for ever). Closes the connection
 * afterwards unless keep_alive. */
void conn_respond(struct conn *conn, const struct buf *head, const void *body, size_t len,
                  void (*release)(void *), bool keep_alive);

/* Turns a connection into a WebSocket: all bytes that follow the request are frames. `response` is
 * the whole 101, which is sent at once. Returns false where memory is out; the connection is
 * dropped then. */
bool conn_upgrade(struct conn *conn, struct str response, const struct ws_reader_limits *limits);

/* Sends a frame of its own, whose payload is `prefix` and then `payload`. */
void conn_send(struct conn *conn, uint8_t opcode, struct str prefix, const void *payload,
               size_t len);

/* Sends the payload of a message that its reader has delivered just now, as it is and, where that
 * can be, without copying it. */
void conn_send_back(struct conn *conn, const struct ws_message *message);

/* Begins the close handshake of an OPEN connection with a code and a short, static reason; else
 * does nothing. */
void conn_close(struct conn *conn, uint16_t code, const char *reason);

/* Says why a connection is about to end, unless it is ending already. `detail` is static, or NULL.
 */
void conn_note_end(struct conn *conn, enum conn_end end, const char *detail);

/* Gives a connection up at once. */
void conn_drop(struct conn *conn, enum conn_end end);

/* Sees to it that what is in conn->out is sent before the tick ends. */
void conn_wake(struct conn *conn);

/* Sends what can be sent, and closes a peer that lags too far behind. */
void conn_flush(struct conn *conn);

/* Steps of the tick: goes on with those that have unread bytes, sends for those that were woken,
 * frees the dead. */
void conn_host_resume(struct conn_host *host);
void conn_host_flush(struct conn_host *host);
void conn_host_reap(struct conn_host *host);

/* The next deadline of all timers; `now` where there is work that needs no event. */
uint64_t conn_host_deadline(const struct conn_host *host);

/* Runs the timers that are due. */
void conn_host_expire(struct conn_host *host);

/* Goes on with ending all connections at leisure, from *place on (0: the first): at most `max`
 * WebSockets, each by a close handshake with this code and reason; others once they are idle.
 * Returns false when it has been through all of them. */
bool conn_host_close_some(struct conn_host *host, size_t *place, size_t max, uint16_t code,
                          const char *reason);

/* Is there a connection that is not just waiting for a request? */
bool conn_host_is_busy(const struct conn_host *host);

/* Makes room when all places are taken: drops one connection that was answered and only waits for
 * the peer's FIN, or is idle between two requests, or is slow: to send a request head, to take a
 * response, or to finish a close. Returns false where there is none. A WebSocket that is OPEN is
 * never dropped. */
bool conn_host_drop_spare(struct conn_host *host);

#endif
