#include "server/cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "log/redis.h"
#include "log/redis_wire.h"
#include "proto/uri.h"
#include "server/fatal.h"

/* How long a connection may take to open, and the shortest and the longest pause before the next
 * one, in milliseconds. */
#define CONNECT_PATIENCE 3000
#define PAUSE_MIN 20
#define PAUSE_MAX 2000

/* How often a failure is told, in milliseconds. */
#define LINE_PAUSE 10000

/* Bytes that one look takes in. */
#define READ_SIZE 65536

/* ---- the URL ---- */

static bool cluster_copy(char *out, size_t size, struct str from)
{
    if (from.len >= size)
        return false;
    if (from.len > 0)
        memcpy(out, from.ptr, from.len);
    out[from.len] = '\0';
    return true;
}

/* "user:password@" in front of the host. */
static bool cluster_read_user(struct cluster *c, struct str *rest, struct redis_config *config)
{
    const char *at = memrchr(rest->ptr, '@', rest->len);
    struct str user, password;

    if (at == NULL)
        return true;
    user = (struct str){rest->ptr, (size_t)(at - rest->ptr)};
    *rest = (struct str){at + 1, rest->len - user.len - 1};
    password = user;
    user = str_cut(&password, ':');
    if (password.ptr == NULL || !cluster_copy(c->user, sizeof(c->user), user) ||
        !cluster_copy(c->password, sizeof(c->password), password))
        return false;
    if (user.len > 0)
        config->user = str_from(c->user);
    config->password = str_from(c->password);
    return true;
}

/* What stands behind "redis://". */
static const char *cluster_read_url(struct cluster *c, struct str rest, struct redis_config *config)
{
    struct str database = rest, host, port;
    char port_text[8] = "6379";

    rest = str_cut(&database, '/');
    if ((database.len > 0 && !str_to_u64(database, 1000000, &config->database)) ||
        !cluster_read_user(c, &rest, config) || !uri_authority_parse(rest, &host, &port) ||
        (port.len > 0 && !cluster_copy(port_text, sizeof(port_text), port)) ||
        !cluster_copy(c->host, sizeof(c->host), host))
        return "it is not redis://[USER:PASSWORD@]HOST[:PORT][/DB]";
    if (host.len > 2 && host.ptr[0] == '[' &&
        !cluster_copy(c->host, sizeof(c->host), (struct str){host.ptr + 1, host.len - 2}))
        return "its host is too long";
    return dial_resolve(&c->dial, c->host, port_text);
}

static const char *cluster_read_address(struct cluster *c, const char *text,
                                        struct redis_config *config)
{
    if (strncmp(text, "redis://", 8) == 0)
        return cluster_read_url(c, str_from(text + 8), config);
    if (strncmp(text, "unix:", 5) == 0)
        return dial_unix(&c->dial, text + 5) ? NULL : "its path is too long";
    return "it begins with neither redis:// nor unix:";
}

/* The first line of a file. */
static const char *cluster_read_password(struct cluster *c, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, c->password, sizeof(c->password));

    if (fd >= 0)
        close(fd);
    if (len < 0)
        return strerror(errno);
    if ((size_t)len == sizeof(c->password))
        return "it is too long";
    c->password[len] = '\0';
    c->password[strcspn(c->password, "\r\n")] = '\0';
    return c->password[0] == '\0' ? "it is empty" : NULL;
}

struct log *cluster_new(struct cluster *c, const struct options *options,
                        void (*random)(void *bytes, size_t len))
{
    struct redis_config config = {
        .prefix = str_from(options->redis_prefix),
        .node = str_from(options->node != NULL ? options->node : "node"),
        .history = options->history,
        .leave_grace = options->leave_grace,
        .random = random,
    };
    const char *problem = cluster_read_address(c, options->redis, &config);

    if (problem != NULL) {
        fatal("--redis: %s", problem);
        return NULL;
    }
    if (options->redis_password_file != NULL)
        problem = cluster_read_password(c, options->redis_password_file);
    if (problem != NULL) {
        fatal("--redis-password-file %s: %s", options->redis_password_file, problem);
        return NULL;
    }
    if (options->redis_password_file != NULL)
        config.password = str_from(c->password);
    random(&config.seed, sizeof(config.seed));
    c->random = random;
    c->log = redis_new(&config);
    if (c->log == NULL)
        fatal("not enough memory");
    return c->log;
}

/* ---- connections ---- */

/* Pauses grow, and differ from node to node, so that not all come at once. */
static uint64_t cluster_pause(const struct cluster *c, const struct cluster_link *link)
{
    uint64_t longest = (uint64_t)PAUSE_MIN << min_size(link->failures, 7), chance;

    c->random(&chance, sizeof(chance));
    longest = longest > PAUSE_MAX ? PAUSE_MAX : longest;
    return longest / 2 + chance % (longest / 2);
}

static void cluster_log_failure(struct cluster *c, const char *why)
{
    if (!c->was_up && c->last_line != 0 && c->clock->now < c->last_line + LINE_PAUSE)
        return;
    c->last_line = c->clock->now;
    log_warning("rooms are not available: no connection to Redis", "reason", why);
    c->was_up = false;
}

static void cluster_lose(struct cluster_link *link, const char *why)
{
    struct cluster *c = link->cluster;

    cluster_log_failure(c, why);
    redis_lost(c->log, link->kind);
    if (link->source.fd >= 0)
        close(link->source.fd);
    link->source = (struct reactor_source){.ready = link->source.ready, .fd = -1};
    buf_deinit(&link->in);
    link->is_connecting = false;
    link->next = c->clock->now + cluster_pause(c, link);
    link->failures++;
    c->reconnects++;
}

static void cluster_read(struct cluster_link *link)
{
    const char *why = "it closed the connection";
    ssize_t n;

    do {
        if (buf_reserve(&link->in, READ_SIZE) < 0) {
            cluster_lose(link, "memory is out");
            return;
        }
        n = recv(link->source.fd, link->in.data + link->in.len, READ_SIZE, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n < 0)
            why = strerror(errno);
        if (n > 0)
            link->in.len += (size_t)n;
        if (n <= 0 || redis_input(link->cluster->log, link->kind, &link->in, &why) < 0) {
            cluster_lose(link, why);
            return;
        }
    } while (n == READ_SIZE);
    if (link->in.len == 0)
        buf_deinit(&link->in);
}

static void cluster_write(struct cluster_link *link)
{
    struct buf *out = redis_output(link->cluster->log, link->kind);
    bool is_full = false;

    while (out->len > 0 && !is_full) {
        ssize_t n = send(link->source.fd, out->data, out->len, MSG_NOSIGNAL);

        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            cluster_lose(link, strerror(errno));
            return;
        }
        is_full = n < 0;
        if (n > 0)
            buf_consume(out, (size_t)n);
    }
    (void)reactor_watch(link->cluster->reactor, &link->source,
                        is_full ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void cluster_connected(struct cluster_link *link)
{
    int error = dial_error(link->source.fd);

    if (error != 0) {
        cluster_lose(link, strerror(error));
        return;
    }
    link->is_connecting = false;
    link->next = UINT64_MAX;
    redis_connected(link->cluster->log, link->kind);
    cluster_write(link);
}

static void cluster_ready(struct reactor_source *source, uint32_t events)
{
    struct cluster_link *link = CONTAINER_OF(source, struct cluster_link, source);

    if (link->is_connecting)
        cluster_connected(link);
    else if ((events & ~(uint32_t)EPOLLOUT) != 0)
        cluster_read(link);
    else
        cluster_write(link);
}

static void cluster_begin(struct cluster_link *link)
{
    struct cluster *c = link->cluster;

    link->source.fd = dial_begin(&c->dial);
    link->is_connecting = true;
    link->next = c->clock->now + CONNECT_PATIENCE;
    if (link->source.fd < 0 || reactor_watch(c->reactor, &link->source, EPOLLIN | EPOLLOUT) < 0)
        cluster_lose(link, strerror(errno));
}

/* ---- the tick ---- */

void cluster_open(struct cluster *c, struct sandbox *sandbox, struct reactor *reactor,
                  const struct clock *clock)
{
    if (c->log == NULL)
        return;
    for (unsigned i = 0; i < c->dial.count; i++)
        sandbox_allow_connecting(sandbox, &c->dial.addresses[i]);
    c->reactor = reactor;
    c->clock = clock;
    for (int i = 0; i < REDIS_LINKS; i++)
        c->links[i] = (struct cluster_link){
            .source = {.ready = cluster_ready, .fd = -1}, .cluster = c, .kind = (enum redis_link)i};
}

static void cluster_tick_link(struct cluster *c, struct cluster_link *link)
{
    if (redis_is_stale(c->log, link->kind))
        cluster_lose(link, "it does not answer");
    if (c->clock->now < link->next)
        return;
    if (link->is_connecting)
        cluster_lose(link, "it does not take connections");
    else
        cluster_begin(link);
}

void cluster_tick(struct cluster *c)
{
    if (c->log == NULL)
        return;
    redis_set_time(c->log, c->clock->now, c->clock->wall);
    for (int i = 0; i < REDIS_LINKS; i++)
        cluster_tick_link(c, &c->links[i]);
    if (!c->was_up && redis_ailment(c->log) == NULL) {
        log_info("rooms are shared by way of Redis");
        c->was_up = true;
        c->links[REDIS_COMMANDS].failures = c->links[REDIS_TELLS].failures = 0;
    }
}

void cluster_flush(struct cluster *c)
{
    if (c->log == NULL)
        return;
    for (int i = 0; i < REDIS_LINKS; i++) {
        if (redis_output(c->log, (enum redis_link)i)->len > 0)
            cluster_write(&c->links[i]);
    }
}

uint64_t cluster_deadline(const struct cluster *c)
{
    uint64_t next = UINT64_MAX;

    if (c->log == NULL)
        return UINT64_MAX;
    for (int i = 0; i < REDIS_LINKS; i++)
        next = c->links[i].next < next ? c->links[i].next : next;
    return next;
}

const char *cluster_ailment(const struct cluster *c)
{
    return c->log == NULL ? NULL : redis_ailment(c->log);
}

void cluster_close(struct cluster *c)
{
    if (c->log == NULL || c->reactor == NULL)
        return;
    redis_farewell(c->log);
    cluster_flush(c);
    for (int i = 0; i < REDIS_LINKS; i++) {
        if (c->links[i].source.fd >= 0)
            close(c->links[i].source.fd);
        buf_deinit(&c->links[i].in);
    }
}

int cluster_write_metrics(struct buf *out, const struct cluster *c)
{
    struct redis_stats stats;

    if (c->log == NULL)
        return 0;
    redis_stats(c->log, &stats);
    const struct {
        const char *name, *type, *help;
        uint64_t value;
    } lines[] = {
        {"wschat_redis_up", "gauge", "1 while both connections to Redis are in use.", stats.is_up},
        {"wschat_redis_commands_total", "counter", "Commands that Redis was sent.", stats.commands},
        {"wschat_redis_told_total", "counter", "Events that Redis told of.", stats.told},
        {"wschat_redis_fills_total", "counter", "Times that a room asked for what it had missed.",
         stats.fills},
        {"wschat_redis_resent_total", "counter", "Events that were sent to Redis again.",
         stats.resent},
        {"wschat_redis_refused_total", "counter", "Events that were refused: too many waited.",
         stats.refused},
        {"wschat_redis_restarts_total", "counter",
         "Rooms that began anew: what their readers missed was gone.", stats.restarts},
        {"wschat_redis_reaped_total", "counter",
         "Rooms in which seats of a dead node were given up.", stats.reaped},
        {"wschat_redis_reconnects_total", "counter", "Connections to Redis that failed or ended.",
         c->reconnects},
        {"wschat_redis_pending", "gauge", "Events that are not committed yet.", stats.waiting},
        {"wschat_redis_rooms", "gauge", "Rooms that this node follows.", stats.rooms},
    };

    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        if (buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", lines[i].name, lines[i].help,
                       lines[i].name, lines[i].type, lines[i].name,
                       (unsigned long long)lines[i].value) < 0)
            return -1;
    }
    return 0;
}
