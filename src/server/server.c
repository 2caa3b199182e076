#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "server/acceptor.h"
#include "web/assets.h"
#include "server/realip.h"
#include "web/entry.h"
#include "web/router.h"
#include "server/sandbox.h"
#include "server/user.h"
#include "base/log.h"
#include "base/util.h"
#include "net/socket.h"

/* Descriptors that are not connections: the standard three, epoll, signals, the supervisor's
 * socket, the files of unix sockets, a folder and a file being served, two of /proc for metrics. */
#define OTHER_FDS (11 + OPTIONS_LISTENERS_MAX)

/* Connections beyond the clients: requests for pages, and those who must be told that all places
 * are taken. */
#define EXTRA_CONNS 256

/* Addresses without clients whose handshakes are remembered. */
#define IDLE_ADDRESSES 16384

/* How long a peer may take to finish a close, and to take some of a response, in milliseconds. */
#define CLOSING_TIMEOUT 5000
#define SENDING_TIMEOUT 10000

/* The shortest pause of a client that sends too fast, in milliseconds. */
#define THROTTLE_MIN 5

#define NS_PER_S ((uint64_t)1000000000)
#define NS_PER_MS ((uint64_t)1000000)

/* ---- time and chance ---- */

static uint64_t monotonic_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void read_clocks(struct server *server)
{
    struct timespec wall;

    clock_gettime(CLOCK_REALTIME, &wall);
    server->pool.now_ns = monotonic_ns();
    server->pool.now = server->pool.now_ns / NS_PER_MS;
    server->pool.wall = (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / NS_PER_MS;
    chat_set_time(&server->chat, server->pool.now, server->pool.wall);
}

/* Without random bytes keys could be guessed, so there is no way to go on. */
static void fill_random(void *bytes, size_t len)
{
    uint8_t *at = bytes;

    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);

        if (n < 0 && errno != EINTR) {
            log_error("no random bytes", "error", strerror(errno));
            abort();
        }
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
    }
}

/* ---- what connections ask ---- */

void server_leave_address(struct conn *conn)
{
    address_table_leave(&server_of(conn)->addresses, conn->address, conn->pool->now_ns);
    conn->address = 0;
}

static void on_ended(const struct conn *conn)
{
    connection_log_end(&server_of(conn)->connection_log, conn);
}

/* ---- the end ---- */

/* A second signal ends at once: those who are left are still told, in the tick that is the last. */
static void stop(struct server *server, uint32_t signal)
{
    char clients[24];

    if (server->is_stopping) {
        drain_finish(&server->drain, &server->pool);
        server->must_end = true;
        return;
    }
    snprintf(clients, sizeof(clients), "%zu", server->websockets);
    log_info("shutting down: a second signal ends at once", "signal",
             signal == SIGINT ? "SIGINT" : "SIGTERM", "clients", clients);
    server->is_stopping = true;
    server->end_by = server->pool.now + server->options->shutdown_timeout;
    chat_stop(&server->chat);
    supervisor_stopping(&server->supervisor, server->websockets, server->options->shutdown_timeout);
    drain_begin(&server->drain, &server->pool, server->websockets,
                server->options->shutdown_timeout);
}

static void reload(struct server *server)
{
    log_info("nothing to reload: logs go to standard error, files of --static are read at each "
             "request, and options only at the start");
    if (!server->is_stopping)
        supervisor_reloaded(&server->supervisor);
}

static void on_signal(struct reactor_source *source, uint32_t events)
{
    struct server *server = CONTAINER_OF(source, struct server, signals);
    struct signalfd_siginfo info;

    (void)events;
    while (read(source->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGHUP)
            reload(server);
        else
            stop(server, info.ssi_signo);
    }
}

/* ---- the tick ---- */

static uint64_t next_deadline(const struct server *server)
{
    const uint64_t deadlines[] = {
        pool_deadline(&server->pool), chat_deadline(&server->chat),
        acceptor_deadline(server),    server->end_by,
        server->drain.next,           server->supervisor.next_sign,
    };
    uint64_t next = UINT64_MAX;

    for (size_t i = 0; i < ARRAY_LEN(deadlines); i++)
        next = deadlines[i] < next ? deadlines[i] : next;
    return next;
}

/* Sends everything that this tick has to say. Who is found to have left on the way gives the others
 * something to hear, so it goes round until all is quiet: each round has fewer members. */
static void flush_all(struct server *server)
{
    struct room *room;

    do {
        pool_flush(&server->pool);
        while ((room = chat_take_dirty(&server->chat)) != NULL)
            entry_flush_room(server, room);
        chat_expire(&server->chat);
    } while (!list_is_empty(&server->pool.woken) || !list_is_empty(&server->chat.dirty));
}

static void tick(struct server *server)
{
    int count = reactor_wait(&server->reactor, server->pool.now, next_deadline(server));
    uint64_t messages = server->chat.counters.messages;
    size_t connected;

    read_clocks(server);
    pool_resume(&server->pool);
    reactor_dispatch(&server->reactor, count);
    pool_expire(&server->pool);
    chat_expire(&server->chat);
    drain_step(&server->drain, &server->pool);
    flush_all(server);
    supervisor_tick(&server->supervisor, server->pool.now, server->websockets);
    connected = server->pool.count;
    pool_reap(&server->pool);
    acceptor_tick(server, server->pool.count < connected);
    /* One more look at the clock for a whole tick. */
    metrics_tick(&server->ticks, server->pool.now_ns, monotonic_ns(),
                 server->chat.counters.messages - messages);
}

/* Is there anybody to wait for? As long as some have not been closed yet, their number tells; only
 * then every connection is looked at. */
static bool is_busy(const struct server *server)
{
    return server->websockets > 0 || pool_is_busy(&server->pool);
}

void server_run(struct server *server)
{
    supervisor_ready(&server->supervisor, server->pool.now);
    while (!server->must_end) {
        if (server->is_stopping && (server->pool.now >= server->end_by || !is_busy(server)))
            return;
        tick(server);
    }
}

/* ---- the beginning ---- */

/* Says why the program ends. Returns -1. */
static int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int fail(const char *format, ...)
{
    char message[SOCKET_TEXT_MAX + 256];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    log_announce(LOG_ERROR, message);
    return -1;
}

/* Raises the soft limit of descriptors to what is needed, and cuts the number of clients to what is
 * possible. Sets *capacity to the connections that there may be. */
static int fit_descriptors(struct server *server, size_t listeners, size_t *capacity)
{
    size_t others = OTHER_FDS + listeners,
           wanted = server->options->max_clients + EXTRA_CONNS + others, left, extra;
    struct rlimit limit;
    char text[24];

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return fail("cannot read the limit of open files: %s", strerror(errno));
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
            return fail("cannot raise the limit of open files: %s", strerror(errno));
    }
    left = limit.rlim_cur < wanted ? (size_t)limit.rlim_cur : wanted;
    if (left < others + 2)
        return fail("the limit of open files is too low: raise it with ulimit -n");
    left -= others;
    extra = min_size(EXTRA_CONNS, (left + 7) / 8);
    server->max_clients = min_size(server->options->max_clients, left - extra);
    *capacity = server->max_clients + extra;
    if (server->max_clients < server->options->max_clients) {
        snprintf(text, sizeof(text), "%zu", server->max_clients);
        log_warning("fewer clients fit the limit of open files: raise it with ulimit -n",
                    "max_clients", text);
    }
    return 0;
}

/* One line tells where it listens, as the URL of its page; a unix socket has none. */
static void announce(const struct server *server, int fd, bool is_admin)
{
    struct str base = server->options->base_path;
    char url[SOCKET_TEXT_MAX], line[2 * SOCKET_TEXT_MAX + OPTIONS_BASE_MAX + 32];
    bool is_unix;

    socket_url(fd, url);
    is_unix = url[0] == 'u';
    if (is_admin && is_unix)
        snprintf(line, sizeof(line), "metrics on %s", url);
    else if (is_admin)
        snprintf(line, sizeof(line), "status page on %s, metrics on %smetrics", url, url);
    else if (base.len == 0 || is_unix)
        snprintf(line, sizeof(line), "listening on %s", url);
    else
        snprintf(line, sizeof(line), "listening on %s%.*s/", url, (int)base.len - 1, base.ptr + 1);
    log_announce(LOG_INFO, line);
}

static void add_listener(struct server *server, int fd, int file, bool is_admin)
{
    struct listener *listener = &server->listeners[server->listener_count++];

    listener->source = (struct reactor_source){.ready = acceptor_ready, .fd = fd};
    listener->server = server;
    listener->file = file;
    listener->is_admin = is_admin;
    announce(server, fd, is_admin);
}

static int open_listener(struct server *server, const char *text, bool is_admin)
{
    struct socket_address address;
    int fd;

    socket_address_read(&address, text);
    fd = socket_listen(&address);
    if (fd < 0)
        return fail("cannot listen on %s: %s; choose another address with %s", text,
                    strerror(errno), is_admin ? "--admin" : "--port or --listen");
    add_listener(server, fd, socket_open_file(fd), is_admin);
    return 0;
}

/* Takes the sockets that the supervisor opened. Returns how many of them are public. */
static size_t add_passed(struct server *server)
{
    const struct listen_fds *sockets = &server->supervisor.sockets;
    size_t public_count = 0;

    for (size_t i = 0; i < sockets->count; i++) {
        bool is_admin = str_equals(sockets->names[i], STR("admin"));

        add_listener(server, LISTEN_FDS_FIRST + (int)i, -1, is_admin);
        public_count += !is_admin;
    }
    return public_count;
}

static int open_listeners(struct server *server)
{
    const struct options *options = server->options;
    size_t passed = add_passed(server);
    char local[32];

    for (size_t i = 0; i < options->listen.count; i++) {
        if (open_listener(server, options->listen.items[i], false) < 0)
            return -1;
    }
    if ((options->listen.count == 0 && passed == 0) || options->has_port) {
        snprintf(local, sizeof(local), "127.0.0.1:%u", (unsigned)options->port);
        if (open_listener(server, local, false) < 0)
            return -1;
    }
    return options->admin.count == 0 ? 0 : open_listener(server, options->admin.items[0], true);
}

static int open_signals(struct server *server)
{
    sigset_t set;
    int fd;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -1;
    fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return -1;
    server->signals = (struct reactor_source){.ready = on_signal, .fd = fd};
    return reactor_watch(&server->reactor, &server->signals, EPOLLIN);
}

static void set_rate(struct pool *pool, const struct options *options)
{
    if (options->rate == 0)
        return;
    pool->rate_step_ns = NS_PER_S / options->rate;
    /* A client can be told to wait no more exactly than the timer runs. */
    pool->rate_burst_ns = pool->rate_step_ns * options->burst;
    if (pool->rate_burst_ns < 2 * THROTTLE_MIN * NS_PER_MS)
        pool->rate_burst_ns = 2 * THROTTLE_MIN * NS_PER_MS;
}

static int open_pool(struct server *server, size_t capacity)
{
    const struct options *options = server->options;
    const uint64_t step = options->rate > 0 ? 1000 / options->rate + 1 : 0;
    const uint64_t timeouts[CONN_TIMERS] = {
        [CONN_TIMER_HANDSHAKE] = options->handshake_timeout,
        [CONN_TIMER_SILENT] = acceptor_time_left(options->handshake_timeout),
        [CONN_TIMER_SENDING] = SENDING_TIMEOUT,
        [CONN_TIMER_IDLE] = options->ping_interval,
        [CONN_TIMER_PONG] = options->ping_timeout,
        [CONN_TIMER_CLOSING] = CLOSING_TIMEOUT,
        [CONN_TIMER_THROTTLE] = max_size(step, THROTTLE_MIN),
    };

    server->pool.max_lag = options->max_lag;
    server->pool.request = router_request;
    server->pool.introduced = realip_proxy_header;
    server->pool.bad_request = router_bad_request;
    server->pool.message = entry_message;
    server->pool.left = entry_left;
    server->pool.ended = on_ended;
    set_rate(&server->pool, options);
    return pool_init(&server->pool, &server->reactor, capacity, timeouts);
}

static int open_chat(struct server *server)
{
    const struct options *options = server->options;
    struct chat_config config = {
        .max_clients = server->max_clients,
        .max_message = options->max_message,
        .max_lag = options->max_lag,
        .leave_grace = options->leave_grace,
        .history = options->history,
        .history_memory = options->history_memory,
        .presence_limit = options->presence_limit,
        .broadcast_all = options->broadcast == BROADCAST_ALL,
    };
    const struct chat_hooks hooks = {.replaced = entry_replaced,
                                     .wake = entry_wake,
                                     .flush = entry_flush_room,
                                     .owner = server,
                                     .random = fill_random};

    fill_random(&config.seed, sizeof(config.seed));
    fill_random(&config.epoch, sizeof(config.epoch));
    return chat_init(&server->chat, &config, &hooks);
}

static int open_addresses(struct server *server, size_t capacity)
{
    const struct options *options = server->options;
    struct address_limits limits = {
        .max_clients = options->max_clients_per_ip,
        .step_ns = options->handshake_rate > 0 ? NS_PER_S / options->handshake_rate : 0,
        .v4_bits = (unsigned)options->ipv4_prefix,
        .v6_bits = (unsigned)options->ipv6_prefix,
    };
    struct hash_seed seed;

    limits.burst_ns = limits.step_ns * options->handshake_burst;
    fill_random(&seed, sizeof(seed));
    return address_table_init(&server->addresses, capacity + IDLE_ADDRESSES, &limits, seed);
}

static void set_limits(struct server *server)
{
    const struct options *options = server->options;

    server->chat_limits =
        (struct ws_reader_limits){.max_message = options->max_message, .expect_masked = true};
    server->chat_limits.buf_pool = &server->pool.buf_pool;
    server->echo_limits = server->chat_limits;
    server->echo_limits.accept_binary = options->echo == ECHO_VERBATIM;
    server->origins =
        (struct origin_list){options->allow_origin.items, options->allow_origin.count};
}

static bool has_admin(const struct server *server)
{
    for (size_t i = 0; i < server->listener_count; i++) {
        if (server->listeners[i].is_admin)
            return true;
    }
    return false;
}

/* Gives up what the running server does not need. From here on nothing can be opened any more. */
static int confine(struct server *server, const struct user *user)
{
    const struct options *options = server->options;
    const char *problem = NULL;
    char path[SOCKET_TEXT_MAX];
    struct sandbox sandbox;

    metrics_open(&server->process, has_admin(server));
    sandbox_init(&sandbox, options->sandbox == SANDBOX_ON);
    if (options->static_dir != NULL)
        sandbox_allow_reading(&sandbox, options->static_dir);
    for (size_t i = 0; i < server->listener_count; i++) {
        const struct listener *listener = &server->listeners[i];

        if (listener->file < 0 || !socket_file(listener->source.fd, path))
            continue;
        sandbox_allow_removing(&sandbox, path);
        if (options->user != NULL && socket_give_file(listener->file, user->uid, user->gid) < 0)
            return fail("cannot give %s to the user %s: %s", path, options->user, strerror(errno));
    }
    if (options->user != NULL)
        problem = user_become(user);
    if (problem != NULL)
        return fail("cannot become the user %s: %s", options->user, problem);
    if (geteuid() == 0)
        log_warning("it runs as root; --user gives it a user of its own");
    sandbox_enter(&sandbox);
    return 0;
}

static void close_listeners(struct server *server)
{
    for (size_t i = 0; i < server->listener_count; i++) {
        const struct listener *listener = &server->listeners[i];

        socket_close_listener(listener->source.fd, listener->file);
    }
}

int server_init(struct server *server, const struct options *options)
{
    struct user user = {.uid = 0};
    const char *problem = NULL;
    size_t capacity = 0;

    memset(server, 0, sizeof(*server));
    server->options = options;
    server->end_by = UINT64_MAX;
    drain_init(&server->drain);
    set_limits(server);
    if (supervisor_init(&server->supervisor) < 0)
        return -1;
    if (options->user != NULL)
        problem = user_find(&user, options->user);
    if (problem != NULL)
        return fail("--user %s: %s", options->user, problem);
    if (options->static_dir != NULL && assets_open_folder(options->static_dir) < 0)
        return fail("cannot open the folder %s: %s", options->static_dir, strerror(errno));
    if (fit_descriptors(server, server->supervisor.sockets.count + options->listen.count + 2,
                        &capacity) < 0)
        return -1;
    if (reactor_init(&server->reactor) < 0 || open_signals(server) < 0)
        return fail("cannot start: %s", strerror(errno));
    if (open_pool(server, capacity) < 0 || open_chat(server) < 0 ||
        open_addresses(server, capacity) < 0)
        return fail("not enough memory for so many clients: %s; lower --max-clients",
                    strerror(errno));
    read_clocks(server);
    server->started = server->pool.wall;
    if (open_listeners(server) < 0 || confine(server, &user) < 0) {
        close_listeners(server);
        return -1;
    }
    acceptor_start(server, has_admin(server));
    return 0;
}

void server_deinit(struct server *server)
{
    close_listeners(server);
    supervisor_deinit(&server->supervisor);
    pool_deinit(&server->pool);
    connection_log_finish(&server->connection_log);
    chat_deinit(&server->chat);
    address_table_deinit(&server->addresses);
    metrics_close(&server->process);
    close(server->signals.fd);
    reactor_deinit(&server->reactor);
}
