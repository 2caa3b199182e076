/* The server: listeners, the tick, and what ties connections to the chat. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <stdbool.h>

#include "chat/chat.h"
#include "keeper/inherited.h"
#include "net/reactor.h"
#include "server/acceptor.h"
#include "server/cluster.h"
#include "server/connection_log.h"
#include "server/drain.h"
#include "server/durable.h"
#include "server/handing.h"
#include "server/metrics.h"
#include "server/options.h"
#include "server/past.h"
#include "server/realip.h"
#include "server/supervisor.h"
#include "session/conns.h"
#include "web/web.h"

struct server {
    const struct options *options;
    const struct inherited *inherited; /* NULL: no keeper has started it */
    struct reactor reactor;
    struct conns conns; /* whose owner is `web` */
    const struct clock *clock;
    struct chat chat;
    struct web web;
    struct acceptor acceptor;
    struct realip realip;
    struct reactor_source signals;
    struct supervisor supervisor;
    struct drain drain;
    struct handing handing;
    struct connection_log connection_log;
    struct metrics metrics;
    struct past past;
    struct durable durable;
    struct cluster cluster;
    bool ends_with_terminal; /* SIGHUP is a window that was closed, not a reload */
    bool must_end;           /* a second signal asked it to end at once */
    bool has_failed;         /* it cannot go on */
    uint64_t end_by;         /* monotonic ms; while stopping */
    uint64_t next_stir;      /* monotonic ms: of random bytes */
    uint64_t next_flush;     /* monotonic ms; while lines of the log wait for stderr */
};

/* Opens everything: after it the listeners accept. `inherited`: what a keeper has opened; NULL: no
 * keeper has started it. Returns 0; or -1 when one line on stderr has said what failed. */
int server_init(struct server *server, const struct options *options,
                const struct inherited *inherited);

/* Closes everything. Returns 0; or -1 where it could not go on, or what was said is lost with its
 * end: one line on stderr has said why. */
int server_deinit(struct server *server);

enum server_end {
    SERVER_ENDED,
    SERVER_HANDED_OVER, /* another process serves on: server_deinit must not be called */
};

/* Serves until a signal ends it, until it cannot go on, or until all is handed over. */
enum server_end server_run(struct server *server);

#endif
