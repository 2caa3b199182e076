/* Connection: a stream, the session that gives it a protocol, and what the program knows of it. The
 * drawing of all states is in net/stream.h.
 *
 *      place of the pool
 *      +--------------------------------------------------------+
 *      | stream | what every session has | HTTP or member | ... |     one struct conn, CONN_SIZE
 *      +--------------------------------------------------------+
 *
 * A member is whoever stays connected: a WebSocket, an event stream. The chat knows it by its queue
 * alone, and it is closed by conn_close, whatever its protocol. */
#ifndef SESSION_CONN_H
#define SESSION_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf_pool.h"
#include "base/hand.h"
#include "base/peer.h"
#include "base/rate.h"
#include "net/pool.h"
#include "net/stream.h"
#include "proto/http/request.h"
#include "proto/proxy_header.h"
#include "proto/ws/controls.h"
#include "proto/ws/reader.h"
#include "session/packer.h"

/* Bytes of a connection: what an idle one costs. */
#define CONN_SIZE 320

/* Timer classes of sessions, behind those of streams. */
enum conn_timer {
    CONN_TIMER_SILENT = STREAM_TIMERS, /* as the next, but shorter: it was silent before */
    CONN_TIMER_HANDSHAKE,              /* a request must be whole; an idle connection closes */
    CONN_TIMER_IDLE,                   /* a member is silent */
    CONN_TIMER_PONG,                   /* ... and was asked for a sign */
    CONN_TIMER_THROTTLE,               /* a peer that sent too much may go on */
    CONN_TIMER_COMMENT,                /* a listener may have to hear that we are there */
    CONN_TIMERS,
};

/* Does a PROXY header come in front of the first request? */
enum conn_header { CONN_HEADER_NONE, CONN_HEADER_MAY, CONN_HEADER_MUST };

/* Close codes that are counted: all that may be sent, and those that stand for an end without one.
 */
#define CONN_CLOSE_FIRST 1000
#define CONN_CLOSE_LAST 4999
#define CONN_CLOSE_NONE 1005   /* the peer's Close had no code */
#define CONN_CLOSE_BROKEN 1006 /* there was no Close */

/* What a connection is doing, for those who have to choose among all. */
enum conn_duty {
    CONN_DUTY_NONE,   /* nothing: no request has begun since the last answer, or ever */
    CONN_DUTY_ASKING, /* a request comes, or waits for its answer */
    CONN_DUTY_MEMBER, /* it stays, and hears what is said */
    CONN_DUTY_ENDING, /* says goodbye */
};

struct client;
struct listener;
struct conn;
struct conns;

/* A session: a protocol on a stream. */
struct session_ops {
    struct stream_ops stream; /* first */
    enum conn_duty (*duty)(const struct conn *conn);

    /* Says goodbye to a member, with a close code and a short, static reason. Nothing for others.
     */
    void (*close)(struct conn *conn, uint16_t code, const char *reason);

    /* The classes that its timer may be of, a bit for each. */
    uint32_t timers;

    /* Writes what the session keeps, for another process; reads it into a connection whose stream
     * was taken. Returns false where anything is wrong. */
    void (*hand)(struct hand_writer *w, const struct conn *conn);
    bool (*take)(struct conn *conn, struct hand_reader *r);
};

#define CONN_TIMERS_OF_STREAM (1u << STREAM_TIMER_SENDING | 1u << STREAM_TIMER_CLOSING)

/* Somebody who answers a request later (http_wait). Embedded in its owner. */
struct http_wait {
    struct conn *conn; /* NULL: it is answered, or gone */

    /* The connection ended before the answer. */
    void (*on_gone)(struct http_wait *wait);
};

/* What an HTTP session keeps. */
struct http_state {
    struct http_scan scan;  /* how far the request in `in` was read */
    struct peer origin;     /* of the connection; `peer` is its last request's */
    struct http_wait *wait; /* who answers the last request; NULL: nobody */
    uint32_t whole;         /* bytes of the request, once its head was read and a body follows */
};

/* What an event stream keeps. */
struct sse_state {
    struct listener *listener; /* the owner's; NULL: none */
    uint32_t sent;             /* bytes, when its timer expired last; low bits */
    uint16_t idle;             /* how often nothing was sent between two times */
    uint16_t stuck;            /* how often the peer's system took nothing of what it was sent */
};

/* What a member is in the chat, and what its protocol keeps. */
struct member_state {
    struct client *client; /* whose seat it carries; NULL: none */
    uint64_t client_id;    /* as it was asked for; 0: none */
    char *room;            /* owned: the name of the room that it has left, or NULL */
    union {
        struct ws_reader reader; /* of a WebSocket */
        struct sse_state stream; /* of an event stream */
    };
    union {
        uint64_t full_ns; /* by the rate of messages (base/rate.h) */
        uint64_t lost;    /* with has_lost: messages that nobody will hear */
    };
};

/* Lies on cache lines of its own. */
struct conn {
    _Alignas(64) struct stream stream;
    uint64_t messages;   /* received; while it is HTTP: requests */
    struct peer peer;    /* who is at the other end, or whom a proxy speaks for */
    uint32_t address;    /* its place in an address table; 0: none */
    uint16_t close_code; /* once it was a member and is not any more */
    uint16_t status;     /* of the last response */
    uint8_t codec;       /* enum codec_kind, of a member */
    bool is_member : 1;  /* it is one, or was */
    bool is_closing : 1; /* ... and is not any more */
    bool has_answered : 1;
    bool is_in_head : 1; /* some of a request has come */
    bool has_backlog : 1;
    bool has_small_window : 1; /* it was over its rate once */
    bool is_gone : 1;          /* its peer ended while it was over its rate: last words */
    bool has_lost : 1;         /* ... and they are over, too: what comes is lost */
    bool is_held : 1;          /* its input pauses until ws_release */
    bool is_admin : 1;         /* it came in by the admin listener */
    bool is_head : 1;          /* the request that comes begins with HEAD */
    bool is_dead : 1;          /* it ended without a goodbye: nothing is sent to it any more */
    bool has_no_rate : 1;      /* it may say as much as it likes */
    bool is_listener : 1;      /* it is an event stream, or was */
    bool is_trusted : 1;       /* what it tells of whom it speaks for is believed */
    bool hears_controls : 1;   /* its peer wants to be told of control frames */
    uint8_t header : 2;        /* enum conn_header; NONE once it was read */
    uint8_t window_bits : 3;   /* of what it unpacks with, less DEFLATE_BITS_MIN */
    union {
        struct http_state http;
        struct member_state member;
    };
};

_Static_assert(sizeof(void *) != 8 || sizeof(struct conn) <= CONN_SIZE,
               "an idle connection costs five cache lines");

struct conn_counters {
    uint64_t lagged;
    uint64_t throttled;
    uint64_t closes[CONN_CLOSE_LAST - CONN_CLOSE_FIRST + 1]; /* of members, by the first code */
};

/* Kinds of limits that readers of WebSockets have. */
#define CONNS_LIMITS 4

/* What all connections of a server share, and what their owner is called for. */
struct conns {
    struct pool pool;
    struct conn_counters counters;
    struct buf_pool buf_pool;    /* for the readers: memory of long messages */
    struct packer packer;        /* of what is sent back */
    struct ws_controls controls; /* of the connection at hand, until its peer is told */
    struct rate rate;            /* of the messages of a member */
    uint64_t rate_bytes;         /* bytes a second that it may say; 0: no limit */
    size_t members;
    const struct ws_reader_limits *limits[CONNS_LIMITS]; /* all that ws_open is called with */
    void *owner;

    /* A whole request. Must answer it with http_respond or ws_open, or keep it with http_wait. */
    void (*on_request)(struct conn *conn, const struct http_request *request);

    /* How many bytes may the body of this request have? It may answer the request itself, so that
     * the connection ends. NULL: none. */
    size_t (*body_limit)(struct conn *conn, const struct http_request *request);

    /* A request that cannot be understood. Must answer with http_respond. */
    void (*on_bad_request)(struct conn *conn, int status, const char *text);

    /* A PROXY header, in front of the first request. */
    void (*on_proxy_header)(struct conn *conn, const struct proxy_header *header);

    /* May the next message of a member that is somebody's be taken? If not, its input pauses until
     * ws_release. */
    bool (*may_speak)(struct conn *conn);

    /* A whole message of a member. Returns 0, or -1 where memory is out. */
    int (*on_message)(struct conn *conn, struct ws_message *message);

    /* The connection is no longer a member; its queue keeps what is still to be sent. `is_broken`:
     * neither side said goodbye. Returns 0, or -1 where a frame was cut in the middle, so that
     * nothing more can be sent. */
    int (*on_close)(struct conn *conn, bool is_broken);

    /* A frame of the session's own goes out. NULL: nobody wants to know. */
    void (*on_sent)(const struct conn *conn, const struct ws_frame_header *header);

    /* Tell the peer of control frames that came or went. Only for those whose hears_controls the
     * owner has set. */
    void (*on_control)(struct conn *conn, const struct ws_control *control);

    /* The connection is about to be freed: its counters and `end` are final. */
    void (*on_free)(struct conn *conn);
};

static inline struct conn *conn_of(struct stream *stream)
{
    return CONTAINER_OF(stream, struct conn, stream);
}

static inline struct conn *conn_of_queue(struct sendq *out)
{
    return conn_of(stream_of_queue(out));
}

static inline struct conns *conns_of(const struct conn *conn)
{
    return CONTAINER_OF(conn->stream.env, struct conns, pool.env);
}

static inline const struct clock *conn_clock(const struct conn *conn)
{
    return &conn->stream.env->clock;
}

static inline const struct session_ops *conn_session(const struct conn *conn)
{
    return (const struct session_ops *)(const void *)conn->stream.ops; /* its first member */
}

static inline enum conn_duty conn_duty(const struct conn *conn)
{
    return conn_session(conn)->duty(conn);
}

/* Says goodbye to a member in the way of its protocol, with a close code and a short, static
 * reason; does nothing to others. */
static inline void conn_close(struct conn *conn, uint16_t code, const char *reason)
{
    conn_session(conn)->close(conn, code, reason);
}

/* It is a member from now on: counts it. */
void conn_become_member(struct conn *conn, const struct session_ops *ops);

/* It is one no longer: counts that, by the code, and tells the owner. Returns what on_close does.
 */
int conn_leave(struct conn *conn, uint16_t code, bool is_broken);

/* Frees what a member owns beside its protocol. */
void conn_free_member(struct conn *conn);

#endif
