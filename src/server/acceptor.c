#include "server/acceptor.h"

#include <errno.h>
#include <string.h>

#include "server/connection_log.h"
#include "server/realip.h"
#include "server/server.h"
#include "base/log.h"
#include "base/tuning.h"
#include "base/util.h"
#include "net/socket.h"

/* How long accepting pauses, in milliseconds, when all places are taken or the system is out of
 * descriptors, and no connection ends before. */
#define PAUSE 200

/* When so many connections come within so many milliseconds, the kernel is asked to keep them; when
 * fewer do, no more. */
#define DEFER_FROM 200
#define DEFER_PERIOD 1000

/* Connections that are kept free for operators: whoever fills the server, they can still look. */
#define ADMIN_PLACES 4

static void accept_from(struct server *server, enum accepting from)
{
    struct acceptor *acceptor = &server->acceptor;

    acceptor->from = from;
    for (size_t i = 0; i < server->listener_count; i++) {
        struct listener *listener = &server->listeners[i];
        bool accepts = from == ACCEPTING_ALL || (from == ACCEPTING_ADMIN && listener->is_admin);

        if (reactor_watch(&server->reactor, &listener->source, accepts ? EPOLLIN : 0) < 0)
            acceptor->from = ACCEPTING_NONE;
    }
    acceptor->again = acceptor->from == ACCEPTING_ALL ? UINT64_MAX : server->pool.now + PAUSE;
}

/* Is there a place for one more from this listener? If not, makes one, which is free at the end of
 * the tick, and stops accepting until then. */
static bool has_place(struct server *server, const struct listener *listener)
{
    const struct pool *pool = &server->pool;
    size_t kept = listener->is_admin ? 0 : server->acceptor.admin_places;

    if (pool->count + kept < pool->capacity)
        return true;
    pool_drop_spare(&server->pool);
    accept_from(server, pool->count < pool->capacity ? ACCEPTING_ADMIN : ACCEPTING_NONE);
    return false;
}

/* ---- leaving them to the kernel ---- */

uint64_t acceptor_time_left(uint64_t time)
{
    /* Some come that were not kept, as by SYN cookies: a short time is left as it is. */
    return time >= UINT64_C(2) * SOCKET_DEFER_MS ? time - SOCKET_DEFER_MS : time;
}

static void set_deferring(struct server *server, bool is_deferring)
{
    bool was_deferring = server->acceptor.is_deferring;

    server->acceptor.is_deferring = is_deferring;
    server->acceptor.deferring_since = server->pool.now;
    for (size_t i = 0; i < server->listener_count; i++) {
        struct listener *listener = &server->listeners[i];

        listener->is_deferred =
            socket_defer_accept(listener->source.fd, is_deferring) && is_deferring;
    }
    if (is_deferring != was_deferring)
        log_debug(is_deferring ? "the kernel keeps connections until they send something"
                               : "the kernel tells of connections at once");
}

static void count_anew(struct server *server)
{
    server->acceptor.came = 0;
    server->acceptor.period_end = server->pool.now + DEFER_PERIOD;
}

static void adapt_deferring(struct server *server)
{
    const struct acceptor *acceptor = &server->acceptor;
    bool are_many = acceptor->came >= DEFER_FROM;

    if (server->options->defer_accept != DEFER_AUTO)
        return;
    if (server->pool.now >= acceptor->period_end) {
        if (acceptor->is_deferring && !are_many)
            set_deferring(server, false);
        count_anew(server);
    } else if (are_many) {
        if (!acceptor->is_deferring)
            set_deferring(server, true);
        count_anew(server);
    }
}

/* For how long has a connection been there that comes now and has sent nothing? Where the kernel
 * has kept connections for less than SOCKET_DEFER_MS so far, it cannot have kept this one. */
static uint64_t silent_for(const struct listener *listener)
{
    const struct server *server = listener->server;
    bool was_kept = listener->is_deferred &&
                    server->pool.now >= server->acceptor.deferring_since + SOCKET_DEFER_MS;

    return was_kept ? SOCKET_DEFER_MS : 0;
}

/* ---- accepting ---- */

static void open_conn(const struct listener *listener, int fd, const struct peer *peer)
{
    struct conn *conn = conn_open(&listener->server->pool, fd, peer);

    if (listener->is_admin)
        conn->is_admin = true;
    else
        realip_accepted(conn);
    conn_start(conn, listener->is_deferred, silent_for(listener));
}

/* Takes one connection. Returns false where there is none, or none can be taken now. */
static bool accept_one(struct server *server, const struct listener *listener)
{
    struct peer peer;
    int fd;

    if (!has_place(server, listener))
        return false;
    fd = socket_accept(listener->source.fd, &peer);
    if (fd >= 0) {
        server->acceptor.came++;
        open_conn(listener, fd, &peer);
        return true;
    }
    if (errno == EAGAIN)
        return false;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        connection_log_pause(&server->connection_log, server->pool.now, strerror(errno));
        pool_drop_spare(&server->pool);
        accept_from(server, ACCEPTING_NONE);
        return false;
    }
    /* The error is that of a connection which ended before it was accepted (accept(2)). */
    return true;
}

void acceptor_ready(struct reactor_source *source, uint32_t events)
{
    const struct listener *listener = CONTAINER_OF(source, struct listener, source);

    (void)events;
    adapt_deferring(listener->server); /* those who come now count from now */
    for (int i = 0; i < TUNE_ACCEPT_BATCH; i++) {
        if (!accept_one(listener->server, listener))
            return;
    }
}

void acceptor_start(struct server *server, bool has_admin)
{
    size_t extra = server->pool.capacity - server->max_clients;

    if (has_admin)
        server->acceptor.admin_places = min_size(ADMIN_PLACES, extra / 2);
    set_deferring(server, server->options->defer_accept == DEFER_ON);
    accept_from(server, ACCEPTING_ALL);
}

uint64_t acceptor_deadline(const struct server *server)
{
    const struct acceptor *acceptor = &server->acceptor;
    bool ends = acceptor->is_deferring && server->options->defer_accept == DEFER_AUTO;
    uint64_t end = ends ? acceptor->period_end : UINT64_MAX;

    return acceptor->again < end ? acceptor->again : end;
}

void acceptor_tick(struct server *server, bool has_ended)
{
    adapt_deferring(server);
    if (server->acceptor.from != ACCEPTING_ALL &&
        (has_ended || server->pool.now >= server->acceptor.again))
        accept_from(server, ACCEPTING_ALL);
}
