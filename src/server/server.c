#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/random.h"
#include "base/util.h"
#include "chat/bans.h"
#include "chat/hand.h"
#include "log/memory.h"
#include "net/socket.h"
#include "server/fatal.h"
#include "server/heir.h"
#include "server/listeners.h"
#include "server/sandbox.h"
#include "server/trace.h"
#include "server/user.h"
#include "web/api.h"
#include "web/assets.h"
#include "web/door.h"
#include "web/entry.h"
#include "web/later.h"
#include "web/router.h"

/* Descriptors that are not connections: the standard three, epoll, signals, the supervisor's
 * socket, the files of unix sockets, a folder and a file being served, two of /proc for metrics. */
#define OTHER_FDS (11 + OPTIONS_LISTENERS_MAX)

/* Those of a journal: its folder, its lock, its event, two segments, and a file at its end. */
#define JOURNAL_FDS 6

/* Connections beyond the clients: requests for pages, and those who must be told that all places
 * are taken. */
#define EXTRA_CONNS 256

/* Addresses without clients whose handshakes are remembered. */
#define IDLE_ADDRESSES 16384

/* How long a peer may take to finish a close, and to take some of a response, in milliseconds. */
#define CLOSING_TIMEOUT 5000
#define SENDING_TIMEOUT 10000

/* How often it is looked at whether a listener has heard nothing for a while, in milliseconds: a
 * third of the longest silence. */
#define COMMENT_PAUSE 5000

/* How often the end of a server that stops is looked for, in milliseconds. */
#define LOOK_PAUSE 20

/* The shortest pause of a client that sends too fast, in milliseconds. */
#define THROTTLE_MIN 5

/* How long the log may take to answer all that was asked before people are handed over, and how
 * often timers are looked at meanwhile, in milliseconds. */
#define SETTLE_MAX 500
#define SETTLE_STEP 20

/* Milliseconds after which stderr is offered again what it did not take. */
#define FLUSH_AGAIN 1000

/* ---- time and chance ---- */

static void read_clocks(struct server *server)
{
    clock_read(&server->conns.pool.env.clock);
    chat_set_time(&server->chat, server->clock->now, server->clock->wall);
}

/* A key that is a second old is mixed with the kernel's bytes: once that often is cheap. */
static void stir_random(struct server *server)
{
    if (server->clock->now < server->next_stir)
        return;
    server->next_stir = server->clock->now + 1000;
    random_stir();
}

/* ---- what connections and the web ask ---- */

static struct server *server_of(const struct conn *conn)
{
    return CONTAINER_OF(conns_of(conn), struct server, conns);
}

static void on_free(struct conn *conn)
{
    web_leave_address(conn);
    connection_log_end(&server_of(conn)->connection_log, conn);
}

static void on_accepted(struct acceptor *acceptor, struct conn *conn)
{
    struct server *server = CONTAINER_OF(acceptor, struct server, acceptor);

    if (!conn->is_admin)
        realip_accepted(&server->realip, conn);
}

static void on_pause(struct acceptor *acceptor, const char *error)
{
    struct server *server = CONTAINER_OF(acceptor, struct server, acceptor);

    connection_log_pause(&server->connection_log, server->clock->now, error);
}

static void on_proxy_header(struct conn *conn, const struct proxy_header *header)
{
    realip_proxy_header(&server_of(conn)->realip, conn, header);
}

static const char *find_realip(struct conn *conn, const struct http_request *request)
{
    return realip_request(&server_of(conn)->realip, conn, request);
}

static const char *find_ailment(struct web *web, bool has_names, bool *is_partial)
{
    return cluster_ailment(&CONTAINER_OF(web, struct server, web)->cluster, has_names, is_partial);
}

static int write_metrics(struct buf *out, struct web *web)
{
    const struct server *server = CONTAINER_OF(web, struct server, web);

    return metrics_write(out, &server->metrics);
}

static int write_past(struct buf *out, struct web *web)
{
    const struct server *server = CONTAINER_OF(web, struct server, web);

    return past_write(out, &server->past);
}

/* ---- the end ---- */

/* A second signal ends at once: those who are left are still told, in the tick that is the last. */
static void stop(struct server *server, uint32_t signal)
{
    char clients[24];

    if (server->web.is_stopping) {
        drain_finish(&server->drain, &server->conns);
        server->must_end = true;
        return;
    }
    snprintf(clients, sizeof(clients), "%zu", server->conns.members);
    log_info("shutting down: a second signal ends at once", "signal",
             signal == SIGINT   ? "SIGINT"
             : signal == SIGHUP ? "SIGHUP"
                                : "SIGTERM",
             "clients", clients);
    server->web.is_stopping = true;
    server->end_by = server->clock->now + server->options->shutdown_timeout;
    chat_stop(&server->chat);
    supervisor_stopping(&server->supervisor, server->conns.members,
                        server->options->shutdown_timeout);
    drain_begin(&server->drain, &server->conns, server->conns.members,
                server->options->shutdown_timeout);
}

static void reload_password(struct server *server)
{
    struct password *password = &server->web.password;
    char problem[160];

    if (password->file == NULL)
        return;
    if (password_read(password, problem, sizeof(problem)) < 0)
        log_error("the password stays as it is: the file cannot be read", "file", password->file,
                  "error", problem);
    else
        log_info("the password was read again");
}

static void reload(struct server *server)
{
    gate_reload(&server->web.gate);
    reload_password(server);
    if (server->web.gate.file == NULL && server->web.password.file == NULL)
        log_info("nothing to reload: logs go to standard error, files of --static are read at each "
                 "request, and options only at the start");
    if (!server->web.is_stopping)
        supervisor_reloaded(&server->supervisor);
}

static void on_signal(struct reactor_source *source, uint32_t events)
{
    struct server *server = CONTAINER_OF(source, struct server, signals);
    struct signalfd_siginfo info;

    (void)events;
    while (read(source->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGUSR2)
            log_warning("SIGUSR2 is ignored: there is nobody to hand people over to");
        else if (info.ssi_signo == SIGHUP && !server->ends_with_terminal)
            reload(server);
        else
            stop(server, info.ssi_signo);
    }
}

/* ---- the tick ---- */

/* That somebody has got all that was sent is told by no event: while that is waited for, it is
 * looked at now and then. */
static uint64_t next_look(const struct server *server)
{
    return server->web.is_stopping ? server->clock->now + LOOK_PAUSE : UINT64_MAX;
}

/* When the next token expires, as a time of the monotonic clock. */
static uint64_t gate_next(const struct server *server)
{
    uint64_t next = gate_deadline(&server->web.gate), wall = server->clock->wall;

    if (next == UINT64_MAX)
        return UINT64_MAX;
    return server->clock->now + (next > wall ? next - wall : 0);
}

static uint64_t next_deadline(const struct server *server)
{
    const uint64_t deadlines[] = {
        stream_env_deadline(&server->conns.pool.env),
        chat_deadline(&server->chat),
        acceptor_deadline(&server->acceptor),
        server->end_by,
        cluster_deadline(&server->cluster),
        gate_next(server),
        server->drain.next,
        server->supervisor.next_sign,
        server->past.next,
        handing_deadline(&server->handing),
        next_look(server),
        server->next_flush,
    };
    uint64_t next = UINT64_MAX;

    for (size_t i = 0; i < ARRAY_LEN(deadlines); i++)
        next = deadlines[i] < next ? deadlines[i] : next;
    return next;
}

/* What stderr does not take now is offered again when something happens, or a second later. */
static void flush_log(struct server *server)
{
    server->next_flush = log_flush() ? UINT64_MAX : server->clock->now + FLUSH_AGAIN;
}

/* From here on, until the next tick begins, all is sent that there is. */
static void lift_budgets(struct server *server)
{
    stream_env_lift(&server->conns.pool.env);
    chat_lift(&server->chat);
}

/* All of a tick but the reading. Timers come before the flush, so that what they say is sent in the
 * same tick. */
static void tick(struct server *server, uint64_t messages)
{
    struct stream_env *env = &server->conns.pool.env;
    size_t connected;

    stream_env_expire(&server->conns.pool.env);
    chat_expire(&server->chat);
    gate_expire(&server->web.gate, server->clock->wall);
    drain_step(&server->drain, &server->conns);
    chat_commit(&server->chat);
    door_enforce(&server->web);
    if (durable_is_lost(&server->durable)) {
        server->has_failed = true;
        return;
    }
    cluster_flush(&server->cluster);
    if (server->must_end || server->clock->now >= server->end_by ||
        handing_is_due(&server->handing))
        lift_budgets(server);
    /* Who is found to have left on the way gives the others something to hear, so it goes round
     * until all is quiet, or the budgets are spent: each round has fewer members. */
    do {
        stream_env_flush(env);
        chat_serve(&server->chat, entry_serve);
    } while (stream_env_has_output(env) || chat_has_news(&server->chat));
    supervisor_tick(&server->supervisor, server->clock->now, server->conns.members);
    past_tick(&server->past, &server->metrics, server->clock);
    connected = server->conns.pool.count;
    pool_reap(&server->conns.pool);
    acceptor_tick(&server->acceptor, server->conns.pool.count < connected);
    /* One more look at the clock for a whole tick. */
    metrics_tick(&server->metrics.ticks, server->clock->now_ns, clock_monotonic_ns(),
                 server->chat.counters.messages - messages);
    flush_log(server);
}

/* Returns how many messages there had been before. */
static uint64_t tick_read(struct server *server)
{
    int count = reactor_wait(&server->reactor, server->clock->now, next_deadline(server));
    uint64_t messages = server->chat.counters.messages;

    read_clocks(server);
    stir_random(server);
    cluster_tick(&server->cluster);
    stream_env_resume(&server->conns.pool.env);
    reactor_dispatch(&server->reactor, count);
    acceptor_greet(&server->acceptor);
    later_tick(&server->web);
    return messages;
}

/* Is there anybody to wait for? As long as some have not been closed yet, their number tells; only
 * then every connection is looked at. */
static bool is_busy(const struct server *server)
{
    return server->conns.members > 0 || conns_are_busy(&server->conns);
}

/* Goes on without reading what clients say until Redis has answered all that was asked, or all of
 * it is in the journal, if that is soon. */
static void handing_settle(struct server *server)
{
    uint64_t until = server->clock->now + SETTLE_MAX;
    bool has_cluster = server->options->redis.count > 0;

    while ((has_cluster || server->durable.log != NULL) &&
           chat_cannot_hand(&server->chat) != NULL && server->clock->now < until) {
        if (has_cluster)
            cluster_listen(&server->cluster, SETTLE_STEP);
        else
            durable_wait(&server->durable, SETTLE_STEP);
        read_clocks(server);
        cluster_tick(&server->cluster);
        tick(server, server->chat.counters.messages);
    }
}

/* At the end of a tick. Returns true when another process has all. */
static bool hand_over(struct server *server)
{
    handing_tick(&server->handing, server->clock->now);
    if (server->web.is_stopping)
        handing_refuse(&server->handing, "the server ends");
    if (!handing_is_due(&server->handing))
        return false;
    tick(server, server->chat.counters.messages); /* all that is still to be sent */
    handing_settle(server);
    return handing_run(&server->handing);
}

enum server_end server_run(struct server *server)
{
    flush_log(server);
    supervisor_ready(&server->supervisor, server->clock->now, server->conns.members);
    while (!server->must_end && !server->has_failed) {
        if (server->web.is_stopping && (server->clock->now >= server->end_by || !is_busy(server)))
            break;
        tick(server, tick_read(server));
        if (hand_over(server))
            return SERVER_HANDED_OVER;
    }
    return SERVER_ENDED;
}

/* ---- the beginning ---- */

/* Is there a worker that hands over what it has? */
static bool is_heir(const struct server *server)
{
    return server->inherited != NULL && server->inherited->estate >= 0;
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
        return fatal("cannot read the limit of open files: %s", strerror(errno));
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
            return fatal("cannot raise the limit of open files: %s", strerror(errno));
    }
    left = limit.rlim_cur < wanted ? (size_t)limit.rlim_cur : wanted;
    if (left < others + 2)
        return fatal("the limit of open files is too low: raise it with ulimit -n");
    left -= others;
    extra = min_size(EXTRA_CONNS, (left + 7) / 8);
    server->web.max_members = min_size(server->options->max_clients, left - extra);
    *capacity = server->web.max_members + extra;
    if (server->web.max_members < server->options->max_clients) {
        snprintf(text, sizeof(text), "%zu", server->web.max_members);
        log_warning("fewer clients fit the limit of open files: raise it with ulimit -n",
                    "max_clients", text);
    }
    return 0;
}

/* Is there a terminal whose end tells us to end, and not that of nohup(1)? */
static bool has_terminal(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
    struct sigaction action;

    if (fd < 0)
        return false;
    close(fd);
    return sigaction(SIGHUP, NULL, &action) == 0 && action.sa_handler != SIG_IGN;
}

static int open_signals(struct server *server)
{
    sigset_t set;
    int fd;

    /* A log that cannot be written is no reason to end, or to be stopped (a terminal's TOSTOP). */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGTTOU, SIG_IGN);
    server->ends_with_terminal = has_terminal();
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR2);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -1;
    fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return -1;
    server->signals = (struct reactor_source){.ready = on_signal, .fd = fd};
    return reactor_watch(&server->reactor, &server->signals, EPOLLIN);
}

/* The burst of those who have a limit of bytes only, in nanoseconds. */
#define BYTES_BURST (2 * CLOCK_NS_PER_S)

static struct rate message_rate(const struct options *options)
{
    struct rate rate = rate_of(options->rate, options->burst);

    /* A client can be told to wait no more exactly than the timer runs. */
    if (options->rate > 0 && rate.burst_ns < 2 * THROTTLE_MIN * CLOCK_NS_PER_MS)
        rate.burst_ns = 2 * THROTTLE_MIN * CLOCK_NS_PER_MS;
    if (options->rate == 0 && options->rate_bytes > 0)
        rate = (struct rate){.step_ns = 1, .burst_ns = BYTES_BURST};
    return rate;
}

static int open_conns(struct server *server, size_t capacity)
{
    const struct options *options = server->options;
    const uint64_t step = options->rate > 0 ? 1000 / options->rate + 1 : 0;
    const uint64_t timeouts[CONN_TIMERS] = {
        [STREAM_TIMER_SENDING] = SENDING_TIMEOUT,
        [STREAM_TIMER_CLOSING] = CLOSING_TIMEOUT,
        [CONN_TIMER_SILENT] = acceptor_time_left(options->handshake_timeout),
        [CONN_TIMER_HANDSHAKE] = options->handshake_timeout,
        [CONN_TIMER_IDLE] = options->ping_interval,
        [CONN_TIMER_PONG] = options->ping_timeout,
        [CONN_TIMER_COMMENT] = COMMENT_PAUSE,
        [CONN_TIMER_THROTTLE] = max_size(step, THROTTLE_MIN),
    };

    server->conns.owner = &server->web;
    server->conns.rate = message_rate(options);
    server->conns.rate_bytes = options->rate_bytes;
    server->conns.pool.env.max_lag = options->max_lag;
    server->conns.on_request = router_request;
    server->conns.body_limit = api_body_limit;
    server->conns.on_bad_request = router_bad_request;
    server->conns.on_proxy_header = on_proxy_header;
    server->conns.may_speak = entry_may_speak;
    server->conns.on_message = entry_message;
    server->conns.on_control = entry_control;
    server->conns.on_close = entry_close;
    server->conns.on_free = on_free;
    return conns_init(&server->conns, &server->reactor, capacity, timeouts);
}

static void set_acceptor(struct server *server)
{
    const struct options *options = server->options;

    server->acceptor.conns = &server->conns;
    server->acceptor.defer = (unsigned)options->defer_accept;
    server->acceptor.on_accepted = on_accepted;
    server->acceptor.on_pause = on_pause;
    server->realip = (struct realip){
        .trusted = {options->trusted_proxy.items, options->trusted_proxy.count},
        .trusts_unix = options->trusted_proxy.has_unix,
        .proxied = (unsigned)options->proxy_header,
    };
}

/* How many addresses there may be at a time: each may have one connection or one seat; and those
 * that hold nothing. */
static size_t address_capacity(const struct server *server, size_t capacity)
{
    return capacity + server->web.max_members + CHAT_SPARE_SEATS + IDLE_ADDRESSES;
}

static int open_chat(struct server *server, size_t capacity)
{
    const struct options *options = server->options;
    struct chat_config config = {
        .max_clients = server->web.max_members,
        .payers = address_capacity(server, capacity),
        .max_message = options->max_message,
        .max_lag = options->max_lag,
        .leave_grace = options->leave_grace,
        .history = options->history,
        .history_memory = options->history_memory,
        .presence_limit = options->presence_limit,
        .typing = options->typing,
        .broadcast_all = options->broadcast == BROADCAST_ALL,
    };
    const struct chat_hooks hooks = {.let_go = entry_let_go,
                                     .wake = entry_wake,
                                     .resume = entry_resume,
                                     .take_token = entry_token,
                                     .hear_controls = entry_hear_controls,
                                     .pay = entry_pay,
                                     .identify = door_identify,
                                     .person = door_person,
                                     .is_barred = door_is_shut,
                                     .may_hear = door_may_hear,
                                     .owner = &server->web,
                                     .on_told = options->trace.is_on ? trace_told : NULL,
                                     .on_told_alone =
                                         options->trace.is_on ? trace_told_alone : NULL,
                                     .random = random_fill};
    struct log *log;

    random_fill(&config.seed, sizeof(config.seed));
    if (options->redis.count > 0)
        log = server->cluster.log;
    else
        log = options->journal != NULL ? durable_new(&server->durable, options, random_fill)
                                       : log_memory_new(random_fill);
    if (log == NULL)
        return -1;
    if (chat_init(&server->chat, &config, &hooks, log) == 0)
        return 0;
    log->ops->free(log);
    return -1;
}

static int open_addresses(struct server *server, size_t capacity)
{
    const struct options *options = server->options;
    const struct address_limits limits = {
        .max_clients = options->max_clients_per_ip,
        .handshakes = rate_of(options->handshake_rate, options->handshake_burst),
        .requests = rate_of(options->http_rate, options->http_burst),
        .v4_bits = (unsigned)options->ipv4_prefix,
        .v6_bits = (unsigned)options->ipv6_prefix,
    };
    struct hash_seed seed;

    random_fill(&seed, sizeof(seed));
    return address_table_init(&server->web.addresses, address_capacity(server, capacity), &limits,
                              seed);
}

static void set_web(struct server *server)
{
    const struct options *options = server->options;
    struct web *web = &server->web;

    idempotency_init(&web->idempotency);
    web->conns = &server->conns;
    web->chat = &server->chat;
    web->base = options->base_path;
    web->is_verbatim = options->echo == ECHO_VERBATIM;
    web->chat_limits =
        (struct ws_reader_limits){.max_message = options->max_message, .expect_masked = true};
    web->chat_limits.buf_pool = &server->conns.buf_pool;
    web->echo_limits = web->chat_limits;
    web->echo_limits.accept_binary = web->is_verbatim;
    web->echo_deflate_limits = web->echo_limits;
    web->chat_deflate_limits = web->chat_limits;
    web->echo_deflate_limits.accept_deflated = web->chat_deflate_limits.accept_deflated = true;
    server->conns.limits[0] = &web->echo_limits;
    server->conns.limits[1] = &web->echo_deflate_limits;
    server->conns.limits[2] = &web->chat_limits;
    server->conns.limits[3] = &web->chat_deflate_limits;
    web->has_deflate = options->deflate == DEFLATE_ON;
    web->hosts = options->host.items;
    web->host_count = options->host.count;
    web->origins = (struct origin_list){options->allow_origin.items, options->allow_origin.count};
    web->gate.file = options->token_key;
    web->gate.audience = str_from(options->token_audience != NULL ? options->token_audience : "");
    web->gate.issuer = str_from(options->token_issuer != NULL ? options->token_issuer : "");
    web->gate.anonymous = options->anonymous;
    web->password.file = options->password_file;
    if (options->token_key == NULL && options->password_file == NULL)
        web->gate.anonymous = RIGHTS_PEOPLE;
    web->gate.is_in_query = options->token_in_query;
    web->realip = find_realip;
    list_init(&web->later);
    web->metrics = write_metrics;
    web->past = write_past;
    past_init(&server->past);
    server->metrics.web = web;
    web->ailment = find_ailment;
    server->metrics.durable = &server->durable;
    server->metrics.cluster = &server->cluster;
}

/* A keeper has become the user before it started this process, which was made anew by that: other
 * processes of the user must not look into it, as they could not without a keeper. */
static int give_up_root(const struct server *server, const struct user *user)
{
    const char *name = server->options->user, *problem = NULL;

    if (name == NULL)
        return 0;
    if (server->inherited != NULL)
        return prctl(PR_SET_DUMPABLE, 0);
    problem = user_become(user);
    return problem == NULL ? 0 : fatal("cannot become the user %s: %s", name, problem);
}

/* Gives up what the running server does not need. From here on nothing can be opened any more.
 * Where it listens is told when the journal is read: who is told may come. */
static int confine(struct server *server, const struct listeners *listeners,
                   const struct user *user)
{
    const struct options *options = server->options;
    char path[SOCKET_TEXT_MAX];
    struct sandbox sandbox;

    metrics_open(&server->metrics.process, acceptor_has_admin(&server->acceptor));
    if (acceptor_has_admin(&server->acceptor))
        past_start(&server->past, server->clock->now);
    sandbox_init(&sandbox, options->sandbox == SANDBOX_ON);
    if (options->static_dir != NULL)
        sandbox_allow_reading(&sandbox, options->static_dir);
    if (server->inherited != NULL)
        sandbox_allow_handing(&sandbox);
    if (options->token_key != NULL)
        sandbox_allow_rereading(&sandbox, options->token_key);
    if (options->password_file != NULL)
        sandbox_allow_rereading(&sandbox, options->password_file);
    for (size_t i = 0; i < server->acceptor.listener_count; i++) {
        const struct acceptor_listener *listener = &server->acceptor.listeners[i];

        if (listener->file >= 0 && socket_file(listener->source.fd, path))
            sandbox_allow_removing(&sandbox, path);
    }
    if (give_up_root(server, user) < 0 ||
        durable_open(&server->durable, &sandbox, &server->reactor, is_heir(server)) < 0)
        return -1;
    listeners_announce(listeners, options);
    if (geteuid() == 0)
        log_warning("it runs as root; --user gives it a user of its own");
    cluster_open(&server->cluster, &sandbox, &server->reactor, server->clock);
    sandbox_enter(&sandbox);
    return 0;
}

/* The URL of the page at the first public listener, with the token behind it, which no server is
 * sent. */
static int moderator_write(struct server *server, const struct options *options, struct buf *out)
{
    char url[SOCKET_TEXT_MAX] = "";

    for (size_t i = server->acceptor.listener_count; i-- > 0;) {
        if (!server->acceptor.listeners[i].is_admin)
            socket_url(server->acceptor.listeners[i].source.fd, url);
    }
    if (buf_append_str(out, str_from(url)) < 0 ||
        (options->base_path.len > 0 && buf_printf(out, "%.*s/", (int)options->base_path.len - 1,
                                                  options->base_path.ptr + 1) < 0) ||
        buf_append_str(out, STR("#token=")) < 0 ||
        gate_make_moderator(&server->web.gate, server->clock->wall / 1000 + GATE_MODERATOR_SECONDS,
                            out) < 0)
        return -1;
    return buf_append_char(out, '\n');
}

/* Where the link goes; a terminal alone may show it, for whoever has it keeps order. */
static int moderator_open(const char *file)
{
    if (strcmp(file, "-") != 0)
        return open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    if (isatty(STDERR_FILENO))
        return fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    errno = ENOTTY;
    return -1;
}

static int moderator_link(struct server *server, const struct options *options)
{
    bool is_done = false;
    struct buf link;
    int fd;

    if (options->moderator == NULL || is_heir(server)) /* whose link still leads to us */
        return 0;
    fd = moderator_open(options->moderator);
    if (fd < 0)
        return fatal("--moderator %s: %s", options->moderator,
                     errno == ENOTTY ? "standard error is no terminal; name a file"
                                     : strerror(errno));
    buf_init(&link);
    if ((strcmp(options->moderator, "-") == 0 || fchmod(fd, 0600) == 0) &&
        moderator_write(server, options, &link) == 0)
        is_done = write(fd, link.data, link.len) == (ssize_t)link.len;
    if (link.data != NULL)
        explicit_bzero(link.data, link.cap);
    buf_deinit(&link);
    close(fd);
    return is_done ? 0 : fatal("--moderator %s: %s", options->moderator, strerror(errno));
}

/* Who may enter: the keys, and the password that is worth a token. */
static int open_gate(struct server *server, const struct options *options)
{
    struct web *web = &server->web;
    char wrong[160];

    if (gate_open(&web->gate, wrong, sizeof(wrong)) < 0)
        return fatal("--token-key %s: %s", options->token_key, wrong);
    if (options->password_file != NULL && password_read(&web->password, wrong, sizeof(wrong)) < 0)
        return fatal("--password-file %s: %s", options->password_file, wrong);
    if (options->token_key == NULL &&
        (options->password_file != NULL || options->moderator != NULL) &&
        gate_make_key(&web->gate, random_fill) < 0)
        return fatal("not enough memory");
    random_fill(&web->password.seed, sizeof(web->password.seed));
    return 0;
}

/* Those that the keeper has opened, and will close. */
static void take_inherited(struct server *server)
{
    const struct inherited *inherited = server->inherited;
    struct listeners listeners = {.count = inherited->count};

    for (size_t i = 0; i < inherited->count; i++)
        listeners.items[i] =
            (struct listening){inherited->listeners[i].fd, -1, inherited->listeners[i].is_admin};
    acceptor_take(&server->acceptor, &listeners);
}

/* Those that it has opened itself are in *listeners. */
static int open_listeners(struct server *server, struct listeners *listeners,
                          const struct user *user)
{
    const struct options *options = server->options;

    listeners->count = 0;
    if (server->inherited != NULL) {
        take_inherited(server);
        return 0;
    }
    if (listeners_open(listeners, options, &server->supervisor.sockets) < 0)
        return -1;
    acceptor_take(&server->acceptor, listeners);
    return options->user == NULL ? 0 : listeners_give(listeners, user, options->user);
}

static size_t passed_listeners(const struct server *server)
{
    return server->inherited != NULL ? server->inherited->count : server->supervisor.sockets.count;
}

static int open_supervisor(struct server *server)
{
    if (server->inherited == NULL)
        return supervisor_init(&server->supervisor);
    supervisor_adopt(&server->supervisor, server->inherited->keeper, server->inherited->interval);
    if (is_heir(server))
        supervisor_name_keeper(&server->supervisor);
    return 0;
}

/* Whom to become; a keeper is that already. */
static int find_user(const struct server *server, struct user *user)
{
    const char *name = server->options->user, *problem = NULL;

    if (name != NULL && server->inherited == NULL)
        problem = user_find(user, name);
    return problem == NULL ? 0 : fatal("--user %s: %s", name, problem);
}

static int open_page(const struct options *options)
{
    if (options->title != NULL)
        assets_set_title(options->title);
    if (options->static_dir != NULL && assets_open_folder(options->static_dir) < 0)
        return fatal("cannot open the folder %s: %s", options->static_dir, strerror(errno));
    return 0;
}

static int follow_bans(struct server *server)
{
    if (server->options->redis.count == 0 || !gate_is_on(&server->web.gate) ||
        bans_channel(&server->chat) != NULL)
        return 0;
    return fatal("not enough memory to follow the bans of other servers");
}

/* From here on the keeper can have all handed over; an heir has it now. */
static int open_handing(struct server *server, size_t capacity)
{
    const struct handover_parts parts = {.chat = &server->chat,
                                         .conns = &server->conns,
                                         .web = &server->web,
                                         .metrics = &server->metrics,
                                         .past = &server->past,
                                         .connection_log = &server->connection_log,
                                         .acceptor = &server->acceptor,
                                         .durable = &server->durable};
    int keeper = server->inherited != NULL ? server->supervisor.fd : -1;

    if (handing_init(&server->handing, &parts, &server->reactor, keeper) < 0)
        return fatal("cannot listen to the keeper: %s", strerror(errno));
    /* Nothing behind it may fail. */
    if (is_heir(server) &&
        heir_run(&parts, server->inherited->estate, capacity + HANDOVER_OTHERS) < 0)
        return -1;
    return 0;
}

int server_init(struct server *server, const struct options *options,
                const struct inherited *inherited)
{
    struct user user = {.uid = 0};
    struct listeners listeners;
    size_t capacity = 0;

    memset(server, 0, sizeof(*server));
    server->options = options;
    server->inherited = inherited;
    server->end_by = UINT64_MAX;
    drain_init(&server->drain);
    server->clock = &server->conns.pool.env.clock;
    set_web(server);
    set_acceptor(server);
    /* Without them keys could be guessed, so there is no way to go on. */
    if (random_stir() < 0)
        return fatal("no random bytes: %s", strerror(errno));
    if (open_supervisor(server) < 0 || find_user(server, &user) < 0)
        return -1;
    if (open_page(options) < 0 || open_gate(server, options) < 0)
        return -1;
    if (options->redis.count > 0 && cluster_new(&server->cluster, options, random_fill) == NULL)
        return -1;
    if (fit_descriptors(server,
                        passed_listeners(server) + options->listen.count + 2 +
                            (options->journal != NULL ? JOURNAL_FDS : 0) +
                            options->redis.count * REDIS_LINKS,
                        &capacity) < 0)
        return -1;
    if (reactor_init(&server->reactor) < 0 || open_signals(server) < 0)
        return fatal("cannot start: %s", strerror(errno));
    if (open_conns(server, capacity) < 0 || open_chat(server, capacity) < 0 ||
        open_addresses(server, capacity) < 0)
        return fatal("not enough memory for so many clients: %s; lower --max-clients",
                     strerror(errno));
    if (options->trace.is_on)
        trace_start(&options->trace, &server->conns, &server->web);
    read_clocks(server);
    server->metrics.started = server->clock->wall;
    if (open_listeners(server, &listeners, &user) < 0 || moderator_link(server, options) < 0 ||
        confine(server, &listeners, &user) < 0 || open_handing(server, capacity) < 0 ||
        follow_bans(server) < 0) {
        acceptor_close(&server->acceptor);
        return -1;
    }
    acceptor_start(&server->acceptor, server->web.max_members);
    return 0;
}

int server_deinit(struct server *server)
{
    acceptor_close(&server->acceptor);
    supervisor_deinit(&server->supervisor);
    conns_deinit(&server->conns);
    connection_log_finish(&server->connection_log);
    cluster_close(&server->cluster);
    /* What is only written so far is to be on the disk, and that may fail as any sync may. */
    chat_finish(&server->chat);
    if (!server->has_failed)
        server->has_failed = durable_is_lost(&server->durable);
    chat_deinit(&server->chat);
    address_table_deinit(&server->web.addresses);
    idempotency_deinit(&server->web.idempotency);
    gate_close(&server->web.gate);
    password_deinit(&server->web.password);
    metrics_close(&server->metrics.process);
    past_deinit(&server->past);
    close(server->signals.fd);
    reactor_deinit(&server->reactor);
    return server->has_failed ? -1 : 0;
}
