/* The server: listeners, the tick, and what ties connections to the chat. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <stdbool.h>

#include "server/acceptor.h"
#include "server/connection_log.h"
#include "server/drain.h"
#include "server/metrics.h"
#include "server/options.h"
#include "server/supervisor.h"
#include "chat/chat.h"
#include "net/address_table.h"
#include "net/pool.h"
#include "base/util.h"
#include "net/reactor.h"
#include "proto/ws/handshake.h"

#define SERVER_STATUS_MAX 505 /* the largest HTTP status that it sends */

struct server;

struct listener {
    struct reactor_source source; /* first */
    struct server *server;
    bool is_admin;
    bool is_deferred; /* socket_defer_accept */
    int file;         /* that of a unix socket which is ours to remove (socket_open_file); or -1 */
};

struct server {
    const struct options *options;
    struct reactor reactor;
    struct pool pool; /* its calls find the server by this member */
    struct chat chat;
    struct address_table addresses; /* of the WebSockets that are OPEN */
    struct ws_reader_limits echo_limits;
    struct ws_reader_limits chat_limits;
    struct origin_list origins;
    struct listener listeners[LISTEN_FDS_MAX + OPTIONS_LISTENERS_MAX +
                              2]; /* the supervisor's; also those of --port and --admin */
    size_t listener_count;
    struct acceptor acceptor;
    struct reactor_source signals;
    struct supervisor supervisor;
    struct drain drain;
    size_t max_clients; /* as asked for, or as the limit of descriptors allows */
    size_t websockets;  /* that are OPEN */
    uint64_t started;   /* ms since 1970 */
    uint64_t responses[SERVER_STATUS_MAX + 1]; /* by status */
    struct connection_log connection_log;
    uint64_t echoes; /* messages that /ws answered */
    struct metrics_ticks ticks;
    struct metrics_process process;
    bool is_stopping; /* a signal asked it to end */
    bool must_end;    /* ... at once */
    uint64_t end_by;  /* monotonic ms; while stopping */
};

/* Opens everything: after it the listeners accept. Returns 0; or -1 when one line on stderr has
 * said what failed. */
int server_init(struct server *server, const struct options *options);

/* Closes everything. */
void server_deinit(struct server *server);

/* Serves until a signal ends it. */
void server_run(struct server *server);

/* The connection is no longer one of its address's WebSockets. */
void server_leave_address(struct conn *conn);

static inline struct server *server_of(const struct conn *conn)
{
    return CONTAINER_OF(conn->pool, struct server, pool);
}

#endif
