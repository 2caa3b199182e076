#include "server/cluster.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sha256.h"
#include "base/util.h"
#include "log/redis.h"
#include "log/redis_spread.h"
#include "log/redis_wire.h"
#include "proto/http/query.h"
#include "proto/uri.h"
#include "server/fatal.h"

/* How long a connection may take to open, and the shortest and the longest pause before the next
 * one, in milliseconds. */
#define CONNECT_PATIENCE 3000
#define PAUSE_MIN 20
#define PAUSE_MAX 2000

/* How long all must be well before pauses are short again, in milliseconds. */
#define UP_MIN 5000

/* How often a failure is told, in milliseconds. */
#define LINE_PAUSE 10000

/* Bytes that one look takes in. */
#define READ_SIZE 65536

/* Looks in one tick: others have their turn, however fast it talks. */
#define READS_MAX 16

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

/* Takes "%2F" and the like for what they stand for. */
static bool cluster_decode(char *out, size_t size, struct str from)
{
    ptrdiff_t len = http_percent_decode(out, size - 1, from, false);

    if (len < 0)
        return false;
    out[len] = '\0';
    return true;
}

/* "user:password@" in front of the host. */
static bool cluster_read_user(struct cluster_server *s, struct str *rest,
                              struct redis_config *config)
{
    const char *at = memrchr(rest->ptr, '@', rest->len);
    struct str user, password;

    if (at == NULL)
        return true;
    user = (struct str){rest->ptr, (size_t)(at - rest->ptr)};
    *rest = (struct str){at + 1, rest->len - user.len - 1};
    password = user;
    user = str_cut(&password, ':');
    if (password.ptr == NULL || !cluster_decode(s->user, sizeof(s->user), user) ||
        !cluster_decode(s->password, sizeof(s->password), password))
        return false;
    if (user.len > 0)
        config->user = str_from(s->user);
    config->password = str_from(s->password);
    return true;
}

/* What stands behind "redis://". */
static const char *cluster_read_url(struct cluster_server *s, struct str rest,
                                    struct redis_config *config)
{
    struct str database = rest, host, port;
    char port_text[8] = "6379";

    rest = str_cut(&database, '/');
    if ((database.len > 0 && !str_to_u64(database, 1000000, &config->database)) ||
        !cluster_read_user(s, &rest, config) || !uri_authority_parse(rest, &host, &port) ||
        (port.len > 0 && !cluster_copy(port_text, sizeof(port_text), port)) ||
        !cluster_copy(s->host, sizeof(s->host), host))
        return "it is not redis://[USER:PASSWORD@]HOST[:PORT][/DB], where %2F and %25 stand for / "
               "and % of a password";
    snprintf(s->name, sizeof(s->name), "%.*s:%s/%llu", (int)host.len, host.ptr, port_text,
             (unsigned long long)config->database);
    if (host.len > 2 && host.ptr[0] == '[' &&
        !cluster_copy(s->host, sizeof(s->host), (struct str){host.ptr + 1, host.len - 2}))
        return "its host is too long";
    return dial_resolve(&s->dial, s->host, port_text);
}

static bool cluster_begins(struct str text, const char *start)
{
    return text.len >= strlen(start) && memcmp(text.ptr, start, strlen(start)) == 0;
}

static const char *cluster_read_address(struct cluster_server *s, struct str text,
                                        struct redis_config *config)
{
    if (cluster_begins(text, "redis://"))
        return cluster_read_url(s, (struct str){text.ptr + 8, text.len - 8}, config);
    if (!cluster_begins(text, "unix:"))
        return "it begins with neither redis:// nor unix:";
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == '"' || text.ptr[i] == '\\')
            return "its path has a quote, a backslash or a control character";
    }
    if (!cluster_copy(s->name, sizeof(s->name), text) || !dial_unix(&s->dial, s->name + 5))
        return "its path is too long";
    return NULL;
}

/* The first line of a file. */
static const char *cluster_read_password(struct cluster_server *s, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, s->password, sizeof(s->password));

    if (fd >= 0)
        close(fd);
    if (len < 0)
        return strerror(errno);
    if ((size_t)len == sizeof(s->password))
        return "it is too long";
    s->password[len] = '\0';
    s->password[strcspn(s->password, "\r\n")] = '\0';
    return s->password[0] == '\0' ? "it is empty" : NULL;
}

/* ---- the logs ---- */

/* Reads who it is and how to get in. Returns 0, or -1 with a line on stderr. */
static int cluster_read_server(struct cluster_server *s, const struct options *options,
                               struct str url, struct redis_config *config)
{
    const char *problem = cluster_read_address(s, url, config);

    if (problem != NULL)
        return fatal("--redis: %s", problem);
    if (options->redis_password_file == NULL)
        return 0;
    problem = cluster_read_password(s, options->redis_password_file);
    if (problem != NULL)
        return fatal("--redis-password-file %s: %s", options->redis_password_file, problem);
    config->password = str_from(s->password);
    return 0;
}

static bool cluster_has_name(const struct cluster *c, const char *name)
{
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->servers[i].name, name) == 0)
            return true;
    }
    return false;
}

static int cluster_add(struct cluster *c, const struct options *options, struct str url,
                       struct redis_config *config)
{
    struct cluster_server *s = &c->servers[c->count];

    if (cluster_read_server(s, options, url, config) < 0)
        return -1;
    if (cluster_has_name(c, s->name))
        return fatal("--redis: %s is named twice", s->name);
    c->random(&config->seed, sizeof(config->seed));
    s->cluster = c;
    s->log = redis_new(config);
    if (s->log == NULL)
        return fatal("not enough memory");
    c->count++;
    return 0;
}

/* Where there are several, who says what they are called decides where a room is: a number that is
 * the same for the same names in any order. */
static void cluster_name_others(struct cluster *c)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < c->count; i++) {
        uint8_t digest[SHA256_SIZE];
        uint64_t one;

        sha256(digest, c->servers[i].name, strlen(c->servers[i].name));
        memcpy(&one, digest, sizeof(one));
        sum += one;
    }
    snprintf(c->others, sizeof(c->others), "%llx", c->count > 1 ? (unsigned long long)sum : 0);
}

static_assert(OPTIONS_REDIS_MAX <= REDIS_SPREAD_MAX, "all servers that may be named fit");

static struct log *cluster_spread(const struct cluster *c)
{
    struct log *logs[OPTIONS_REDIS_MAX];
    struct str names[OPTIONS_REDIS_MAX];

    if (c->count == 1)
        return c->servers[0].log;
    for (size_t i = 0; i < c->count; i++) {
        logs[i] = c->servers[i].log;
        names[i] = str_from(c->servers[i].name);
    }
    return redis_spread_new(logs, names, c->count);
}

struct log *cluster_new(struct cluster *c, const struct options *options,
                        void (*random)(void *bytes, size_t len))
{
    const struct redis_config standard = {
        .prefix = str_from(options->redis_prefix),
        .node = str_from(options->node != NULL ? options->node : "node"),
        .history = options->history,
        .longest = options->max_message,
        .leave_grace = options->leave_grace,
        .replicas = options->redis_wait.replicas,
        .replica_ms = options->redis_wait.ms,
        .others = c->others,
        .random = random,
    };

    c->random = random;
    for (size_t i = 0; i < options->redis.count; i++) {
        struct redis_config config = standard;

        if (cluster_add(c, options, options->redis.items[i], &config) < 0)
            return NULL;
    }
    cluster_name_others(c);
    c->log = cluster_spread(c);
    if (c->log == NULL)
        fatal("not enough memory");
    return c->log;
}

/* ---- connections ---- */

/* Pauses grow, and differ from node to node, so that not all come at once. */
static uint64_t cluster_pause(const struct cluster_link *link)
{
    uint64_t longest = (uint64_t)PAUSE_MIN << min_size(link->failures, 7), chance;

    link->server->cluster->random(&chance, sizeof(chance));
    longest = longest > PAUSE_MAX ? PAUSE_MAX : longest;
    return longest / 2 + chance % (longest / 2);
}

static void cluster_log_failure(struct cluster_server *s, const char *why)
{
    uint64_t now = s->cluster->clock->now;

    if (!s->was_up && s->last_line != 0 && now < s->last_line + LINE_PAUSE)
        return;
    s->last_line = now;
    log_warning("rooms are not available", "redis", s->name, "reason", why);
    s->was_up = false;
}

static void cluster_lose(struct cluster_link *link, const char *why)
{
    struct cluster_server *s = link->server;

    cluster_log_failure(s, why);
    redis_lost(s->log, link->kind, why);
    if (link->source.fd >= 0)
        close(link->source.fd);
    link->source = (struct reactor_source){.ready = link->source.ready, .fd = -1};
    buf_deinit(&link->in);
    link->is_connecting = false;
    link->next = s->cluster->clock->now + cluster_pause(link);
    link->failures++;
    s->reconnects++;
}

static void cluster_read(struct cluster_link *link)
{
    const char *why = "it closed the connection";
    ssize_t n = READ_SIZE;

    for (int i = 0; i < READS_MAX && n == READ_SIZE; i++) {
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
        if (n <= 0 || redis_input(link->server->log, link->kind, &link->in, &why) < 0) {
            cluster_lose(link, why);
            return;
        }
    }
    if (link->in.len == 0)
        buf_deinit(&link->in);
}

static void cluster_write(struct cluster_link *link)
{
    struct buf *out = redis_output(link->server->log, link->kind);
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
    (void)reactor_watch(link->server->cluster->reactor, &link->source,
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
    redis_connected(link->server->log, link->kind);
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
    struct cluster *c = link->server->cluster;

    link->source.fd = dial_begin(&link->server->dial);
    link->is_connecting = true;
    link->next = c->clock->now + CONNECT_PATIENCE;
    if (link->source.fd < 0 || reactor_watch(c->reactor, &link->source, EPOLLIN | EPOLLOUT) < 0)
        cluster_lose(link, strerror(errno));
}

/* ---- the tick ---- */

void cluster_listen(struct cluster *c, int ms)
{
    struct pollfd fds[OPTIONS_REDIS_MAX * REDIS_LINKS];
    size_t count = 0;

    for (size_t i = 0; i < c->count; i++) {
        for (int link = 0; link < REDIS_LINKS; link++)
            fds[count++] = (struct pollfd){c->servers[i].links[link].source.fd, POLLIN, 0};
    }
    if (poll(fds, count, ms) <= 0)
        return;
    for (size_t i = 0; i < count; i++) {
        struct reactor_source *source = &c->servers[i / REDIS_LINKS].links[i % REDIS_LINKS].source;

        if (fds[i].revents != 0)
            source->ready(source, (uint32_t)fds[i].revents);
    }
}

static void cluster_open_server(struct cluster_server *s, struct sandbox *sandbox)
{
    for (unsigned i = 0; i < s->dial.count; i++)
        sandbox_allow_connecting(sandbox, &s->dial.addresses[i]);
    for (int i = 0; i < REDIS_LINKS; i++)
        s->links[i] = (struct cluster_link){
            .source = {.ready = cluster_ready, .fd = -1}, .server = s, .kind = (enum redis_link)i};
}

void cluster_open(struct cluster *c, struct sandbox *sandbox, struct reactor *reactor,
                  const struct clock *clock)
{
    c->reactor = reactor;
    c->clock = clock;
    for (size_t i = 0; i < c->count; i++)
        cluster_open_server(&c->servers[i], sandbox);
}

static void cluster_tick_link(struct cluster_link *link)
{
    const struct cluster_server *s = link->server;

    if (redis_is_stale(s->log, link->kind))
        cluster_lose(link, "it does not answer");
    if (s->cluster->clock->now < link->next)
        return;
    if (link->is_connecting)
        cluster_lose(link, "it does not take connections");
    else
        cluster_begin(link);
}

/* Said once in a while: people are told that it was taken all the same. */
static void cluster_watch_replicas(struct cluster_server *s)
{
    uint64_t now = s->cluster->clock->now;
    struct redis_stats stats;

    redis_stats(s->log, &stats);
    if (stats.unsafe == s->unsafe || now < s->unsafe_line)
        return;
    s->unsafe = stats.unsafe;
    s->unsafe_line = now + LINE_PAUSE;
    log_warning("what is said is acknowledged without the replicas that --redis-wait asks for",
                "redis", s->name);
}

/* Of one room alone: what is said there is refused. */
static void cluster_watch_rooms(struct cluster_server *s)
{
    uint64_t now = s->cluster->clock->now;
    struct redis_stats stats;
    const char *room, *why;

    redis_stats(s->log, &stats);
    if (stats.broken == s->broken || now < s->broken_line)
        return;
    s->broken = stats.broken;
    s->broken_line = now + LINE_PAUSE;
    room = redis_broken_room(s->log, &why);
    log_warning("what Redis has of a room cannot be used", "redis", s->name, "room", room, "reason",
                why);
}

static void cluster_tick_server(struct cluster_server *s)
{
    const char *why;

    redis_set_time(s->log, s->cluster->clock->now, s->cluster->clock->wall);
    for (int i = 0; i < REDIS_LINKS; i++)
        cluster_tick_link(&s->links[i]);
    why = redis_ailment(s->log);
    if (!s->was_up && why == NULL) {
        log_info("rooms are shared by way of Redis", "redis", s->name);
        s->was_up = true;
        s->up_since = s->cluster->clock->now;
    } else if (s->was_up && why != NULL) {
        cluster_log_failure(s, why);
    } else if (s->was_up && s->cluster->clock->now > s->up_since + UP_MIN) {
        s->links[REDIS_COMMANDS].failures = s->links[REDIS_TELLS].failures = 0;
    }
    cluster_watch_replicas(s);
    cluster_watch_rooms(s);
}

void cluster_tick(struct cluster *c)
{
    for (size_t i = 0; i < c->count; i++)
        cluster_tick_server(&c->servers[i]);
}

void cluster_flush(struct cluster *c)
{
    for (size_t i = 0; i < c->count; i++) {
        for (int link = 0; link < REDIS_LINKS; link++) {
            if (redis_output(c->servers[i].log, (enum redis_link)link)->len > 0)
                cluster_write(&c->servers[i].links[link]);
        }
    }
}

uint64_t cluster_deadline(const struct cluster *c)
{
    uint64_t next = UINT64_MAX;

    for (size_t i = 0; i < c->count; i++) {
        for (int link = 0; link < REDIS_LINKS; link++) {
            uint64_t one = c->servers[i].links[link].next;

            next = one < next ? one : next;
        }
    }
    return next;
}

const char *cluster_ailment(struct cluster *c, bool has_names, bool *is_partial)
{
    char text[sizeof(c->ailment)];
    size_t ill = 0, len = 0, max = sizeof(text);

    for (size_t i = 0; i < c->count; i++) {
        const char *why = redis_ailment(c->servers[i].log);

        if (why == NULL)
            continue;
        len += (size_t)snprintf(text + len, max - len, "%sRedis%s%s: %s", ill > 0 ? "; " : "",
                                has_names ? " " : "", has_names ? c->servers[i].name : "", why);
        len = min_size(len, max - 1);
        ill++;
    }
    *is_partial = ill < c->count;
    if (ill == 0)
        return NULL;
    memcpy(c->ailment, text, len + 1);
    return c->ailment;
}

static void cluster_close_server(struct cluster_server *s)
{
    for (int i = 0; i < REDIS_LINKS; i++) {
        if (s->links[i].source.fd >= 0)
            close(s->links[i].source.fd);
        buf_deinit(&s->links[i].in);
    }
}

void cluster_close(struct cluster *c)
{
    if (c->log == NULL || c->reactor == NULL)
        return;
    for (size_t i = 0; i < c->count; i++)
        redis_farewell(c->servers[i].log);
    cluster_flush(c);
    for (size_t i = 0; i < c->count; i++)
        cluster_close_server(&c->servers[i]);
}

/* ---- metrics ---- */

/* Numbers of all servers together: each of them is made of uint64_t but `is_up`. */
static void cluster_add_stats(struct redis_stats *sum, const struct redis_stats *one)
{
    for (size_t i = 0; i < REDIS_TRIP_CLASSES; i++)
        sum->trips[i] += one->trips[i];
    sum->trips_ns += one->trips_ns;
    sum->commands += one->commands;
    sum->told += one->told;
    sum->fills += one->fills;
    sum->resent += one->resent;
    sum->refused += one->refused;
    sum->waiting += one->waiting;
    sum->rooms += one->rooms;
    sum->restarts += one->restarts;
    sum->reaped += one->reaped;
    sum->unsafe += one->unsafe;
    sum->broken += one->broken;
}

static int cluster_write_up(struct buf *out, const struct cluster *c)
{
    if (buf_append_str(out, STR("# HELP wschat_redis_up 1 while both connections to this Redis are "
                                "in use.\n# TYPE wschat_redis_up gauge\n")) < 0)
        return -1;
    for (size_t i = 0; i < c->count; i++) {
        if (buf_printf(out, "wschat_redis_up{redis=\"%s\"} %d\n", c->servers[i].name,
                       redis_ailment(c->servers[i].log) == NULL) < 0)
            return -1;
    }
    return 0;
}

static int cluster_write_trips(struct buf *out, const struct redis_stats *stats)
{
    static const uint64_t bounds[] = REDIS_TRIPS;
    uint64_t count = 0;

    if (buf_append_str(out, STR("# HELP wschat_redis_round_trip_seconds From asking Redis to its "
                                "answer.\n# TYPE wschat_redis_round_trip_seconds histogram\n")) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
        count += stats->trips[i];
        if (buf_printf(out, "wschat_redis_round_trip_seconds_bucket{le=\"%g\"} %llu\n",
                       (double)bounds[i] / 1e6, (unsigned long long)count) < 0)
            return -1;
    }
    count += stats->trips[ARRAY_LEN(bounds)];
    return buf_printf(out,
                      "wschat_redis_round_trip_seconds_bucket{le=\"+Inf\"} %llu\n"
                      "wschat_redis_round_trip_seconds_sum %.9f\n"
                      "wschat_redis_round_trip_seconds_count %llu\n",
                      (unsigned long long)count, (double)stats->trips_ns / 1e9,
                      (unsigned long long)count);
}

int cluster_write_metrics(struct buf *out, const struct cluster *c)
{
    struct redis_stats stats = {.is_up = false}, one;
    uint64_t reconnects = 0;

    for (size_t i = 0; i < c->count; i++) {
        redis_stats(c->servers[i].log, &one);
        cluster_add_stats(&stats, &one);
        reconnects += c->servers[i].reconnects;
    }
    if (c->count == 0)
        return 0;
    if (cluster_write_up(out, c) < 0 || cluster_write_trips(out, &stats) < 0)
        return -1;
    const struct {
        const char *name, *type, *help;
        uint64_t value;
    } lines[] = {
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
        {"wschat_redis_unsafe_total", "counter",
         "Batches that fewer replicas had in time than --redis-wait asks for.", stats.unsafe},
        {"wschat_redis_broken_total", "counter",
         "Times that what Redis has of one room could not be used.", stats.broken},
        {"wschat_redis_reconnects_total", "counter", "Connections to Redis that failed or ended.",
         reconnects},
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
