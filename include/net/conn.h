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
 * What a connection is for is its host's to say: pool.h has the calls. Nothing here frees a
 * connection but pool_reap. */
/* clang-format on */
#ifndef NET_CONN_H
#define NET_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/ip.h"
#include "base/list.h"
#include "base/util.h"
#include "out/sendq.h"
#include "net/reactor.h"
#include "base/timer.h"
#include "proto/http/request.h"
#include "proto/proxy_header.h"
#include "proto/ws/reader.h"

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
struct pool;

/* Lies on cache lines of its own, and its members in the order of use: to flush a connection
 * touches the first two lines, to read from it two more. */
struct conn {
    _Alignas(64) struct reactor_source source;
    struct sendq out;
    struct pool *pool;
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
    uint8_t codec;             /* the host's: enum codec_kind */

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

/* Takes an accepted, non-blocking socket, which it owns from now on, and who is at its other end:
 * known where it is one of TCP.
 * Returns the connection, never NULL: the host must not be full. The caller sets what is the host's
 * of it, and then calls conn_start. */
struct conn *conn_open(struct pool *pool, int fd, const struct peer *peer);

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

/* ---- for pool ---- */

static inline struct conn *conn_of_timer(struct timer *timer)
{
    return CONTAINER_OF(timer, struct conn, timer);
}

static inline struct conn *conn_of_work(struct list *work)
{
    return CONTAINER_OF(work, struct conn, work);
}

/* Between two requests? */
static inline bool conn_is_idle(const struct conn *conn)
{
    return conn->has_answered && !conn->is_in_head;
}

/* What happens when a timer expires. */
extern void (*const conn_timer_handlers[CONN_TIMERS])(struct timer *timer);

/* From now on only sends what is queued, and waits for the peer's FIN. */
void conn_linger(struct conn *conn);

/* Goes on with the bytes that were put aside. */
void conn_resume(struct conn *conn);

/* Closes it and frees what it owns. Its place has no host afterwards. */
void conn_deinit(struct conn *conn);

#endif
