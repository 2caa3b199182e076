/* One WebSocket to a server, as a client: resolves, connects, opens, speaks, closes. It waits for
 * nothing but the resolver; its owner polls.
 *
 *      CLOSED ─start─▶ CONNECTING ─▶ OPENING ─101─▶ OPEN ─close─▶ CLOSING
 *         ▲                 │           │             │              │
 *         └────ended────────┴───────────┴─────────────┴──────────────┘
 *
 * An answer that is no 101 makes OPENING a REFUSING, until the first line of its body is there. */
#ifndef CLI_LINK_H
#define CLI_LINK_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/tuning.h"
#include "proto/http/response_parse.h"
#include "proto/ws/client_handshake.h"
#include "proto/ws/reader.h"

#define LINK_TEXT_MAX 256         /* bytes of an explanation, the NUL included */
#define LINK_FRAME_MAX (16 << 20) /* bytes of the longest message from a server */
#define LINK_OPEN_TIMEOUT 10000   /* milliseconds for each address, until the WebSocket is open */
#define LINK_CLOSE_TIMEOUT 2000   /* milliseconds for the answer to a close frame */

enum link_state {
    LINK_CLOSED,
    LINK_CONNECTING,
    LINK_OPENING,
    LINK_REFUSING,
    LINK_OPEN,
    LINK_CLOSING
};

/* Why it ended. */
enum link_end_kind {
    LINK_UNREACHABLE, /* no address of the host took the connection */
    LINK_REFUSED,     /* HTTP said another status than 101 */
    LINK_FAULTY,      /* what came is no WebSocket of wschat.v1, or breaks RFC 6455 */
    LINK_BROKEN,      /* the connection ended without a close frame */
    LINK_SILENT,      /* nothing came, not even the answer to a ping */
    LINK_LEFT,        /* a close frame came */
};

struct link_end {
    enum link_end_kind kind;
    int code;                 /* the status, or the code of the close frame (0: it had none) */
    uint64_t retry_after;     /* seconds, of a refusal; 0: not told */
    char text[LINK_TEXT_MAX]; /* for people; from the peer, so to be shown with care */
};

struct link;
struct link_host {
    /* A text message, which may be changed. */
    void (*text)(struct link *link, char *data, size_t len);
    /* The last call for this connection. It may not start the next one at once. */
    void (*ended)(struct link *link, const struct link_end *end);
};

/* Where a server is. */
struct link_address {
    struct str unix_path; /* ptr is NULL: a host and a port */
    struct str host;      /* with the brackets of an IPv6 address */
    struct str port;
    struct str authority; /* for the Host header */
};

struct link {
    const struct link_host *host;
    uint64_t ping_interval, ping_timeout; /* milliseconds; 0: never */

    enum link_state state;
    int fd;
    struct addrinfo *addresses; /* what is left to be tried */
    struct addrinfo *address;
    int connect_error; /* of the address that was tried last */
    uint64_t deadline; /* of all states but OPEN; monotonic milliseconds */
    uint64_t heard_at;
    bool is_pinged;

    struct buf out;   /* bytes to be sent */
    bool cannot_send; /* the peer takes no more, but what it sent before counts */
    struct buf head;  /* the answer to the handshake, as far as it came */
    struct http_response_parse_scan scan;
    struct link_end refusal; /* REFUSING: what will be told */
    uint64_t refusal_len;    /* bytes of its body */
    char key[WS_KEY_SIZE];
    struct ws_reader_limits limits;
    struct ws_reader reader;
    uint8_t in[TUNE_READ_BUFFER];
};

void link_init(struct link *link, const struct link_host *host);
void link_deinit(struct link *link);

/* Begins. `target` is the path and the query; `protocols` are the subprotocols that are offered, of
 * which wschat.v1 must be taken. Whatever goes wrong is told by `ended`, maybe at once. */
void link_start(struct link *link, const struct link_address *address, struct str target,
                struct str protocols, uint64_t now);

/* Sends a text message. Returns 0, or -1 with errno ENOMEM. */
int link_send(struct link *link, struct str text);

/* Bytes that the kernel has not taken yet. */
size_t link_backlog(const struct link *link);

/* Begins the close handshake with 1000. */
void link_close(struct link *link, uint64_t now);

/* What to poll link->fd for; 0 where there is none. */
short link_events(const struct link *link);

/* Goes on with what poll said. */
void link_ready(struct link *link, short events, uint64_t now);

/* When link_tick must be called; UINT64_MAX: never. */
uint64_t link_deadline(const struct link *link);
void link_tick(struct link *link, uint64_t now);

#endif
