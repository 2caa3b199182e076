#include "server/metrics.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/str.h"
#include "base/util.h"

/* Waiting for events takes longer than this, in nanoseconds, when none was there to begin with. */
#define WAIT_MIN_NS 50000

/* Upper bounds in microseconds: from a tick that sends one frame to one that nobody should ever
 * see.
 */
static const uint32_t bounds_us[METRICS_BUCKETS] = {
    10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000};

void metrics_observe(struct metrics_histogram *histogram, uint64_t ns, uint64_t times)
{
    size_t i = 0;

    while (i < METRICS_BUCKETS && ns > (uint64_t)bounds_us[i] * 1000)
        i++;
    histogram->buckets[i] += times;
    histogram->sum_ns += ns * times;
}

void metrics_tick(struct metrics_ticks *ticks, uint64_t start, uint64_t end, uint64_t messages)
{
    bool has_waited = ticks->end == 0 || start - ticks->end > WAIT_MIN_NS;

    metrics_observe(&ticks->time, end - start, 1);
    metrics_observe(&ticks->lag, end - (has_waited ? start : ticks->start), messages);
    ticks->start = start;
    ticks->end = end;
}

static int head(struct buf *out, const char *name, const char *type, const char *help)
{
    return buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static int value(struct buf *out, const char *name, const char *type, const char *help,
                 uint64_t number)
{
    if (head(out, name, type, help) < 0)
        return -1;
    return buf_printf(out, "%s %llu\n", name, (unsigned long long)number);
}

static int write_histogram(struct buf *out, const char *name, const char *help,
                           const struct metrics_histogram *h)
{
    uint64_t count = 0;

    if (head(out, name, "histogram", help) < 0)
        return -1;
    for (size_t i = 0; i < METRICS_BUCKETS; i++) {
        count += h->buckets[i];
        if (buf_printf(out, "%s_bucket{le=\"%g\"} %llu\n", name, bounds_us[i] / 1e6,
                       (unsigned long long)count) < 0)
            return -1;
    }
    count += h->buckets[METRICS_BUCKETS];
    return buf_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.9f\n%s_count %llu\n", name,
                      (unsigned long long)count, name, (double)h->sum_ns / 1e9, name,
                      (unsigned long long)count);
}

/* Codes that the server sends itself, or that tell of an ordinary end. Their series are there from
 * the start: a counter that appears with its first event hides it from rate(). */
static const uint16_t usual_closes[] = {
    WS_CLOSE_NORMAL,           WS_CLOSE_GOING_AWAY, WS_CLOSE_PROTOCOL_ERROR,
    WS_CLOSE_UNSUPPORTED_DATA, CONN_CLOSE_NONE,     CONN_CLOSE_BROKEN,
    WS_CLOSE_INVALID_DATA,     WS_CLOSE_TOO_BIG,    WS_CLOSE_SERVER_ERROR,
    WS_CLOSE_TRY_AGAIN_LATER,  CLOSE_REPLACED,      CLOSE_ID_IN_USE,
    GATE_CLOSE_TOKEN,          CLOSE_FORBIDDEN,
};

/* Codes below are those of the protocol and its registry (RFC 6455, 7.4.2); a peer picks any above.
 */
#define REGISTERED_CLOSES_END 1016

/* The same for all statuses that the server answers with. */
static const uint16_t usual_statuses[] = {101, 200, 304, 308, 400, 401, 403, 404, 405, 408,
                                          413, 414, 426, 429, 431, 500, 501, 503, 505};

/* Counts by a code, from `first` on. */
struct codes {
    const char *name;
    const char *label;
    const char *help;
    const uint64_t *counts;
    size_t size;
    unsigned first;
    const uint16_t *usual; /* ascending */
    size_t usual_size;
    unsigned rest; /* from this code on, others than the usual ones are counted together */
};

/* One line for each usual code, for each other below `rest` that ever occurred, and for all that
 * are left, which peers make up as they like. */
static int write_codes(struct buf *out, const struct codes *codes)
{
    size_t usual = 0;
    uint64_t others = 0;

    if (head(out, codes->name, "counter", codes->help) < 0)
        return -1;
    for (size_t i = 0; i < codes->size; i++) {
        unsigned code = codes->first + (unsigned)i;
        bool is_usual = usual < codes->usual_size && codes->usual[usual] == code;

        usual += is_usual;
        if (!is_usual && code >= codes->rest)
            others += codes->counts[i];
        else if ((is_usual || codes->counts[i] > 0) &&
                 buf_printf(out, "%s{%s=\"%u\"} %llu\n", codes->name, codes->label, code,
                            (unsigned long long)codes->counts[i]) < 0)
            return -1;
    }
    if (codes->first + codes->size <= codes->rest)
        return 0;
    return buf_printf(out, "%s{%s=\"other\"} %llu\n", codes->name, codes->label,
                      (unsigned long long)others);
}

/* How far the slowest of all clients is behind. Looks only where somebody is. */
static uint64_t slowest_lag(const struct metrics *metrics)
{
    return metrics->web->conns->pool.env.slow > 0 ? chat_lag(metrics->web->chat) : 0;
}

struct figure {
    const char *name;
    const char *type;
    const char *help;
    uint64_t number;
};

static int write_figures(struct buf *out, const struct figure *figures, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (value(out, figures[i].name, figures[i].type, figures[i].help, figures[i].number) < 0)
            return -1;
    }
    return 0;
}

static int write_chat(struct buf *out, const struct metrics *metrics)
{
    const struct web *web = metrics->web;
    const struct chat *chat = web->chat;
    const struct figure figures[] = {
        {"wschat_clients", "gauge", "WebSockets that are open, those of the echo included.",
         web->conns->members},
        {"wschat_max_clients", "gauge", "WebSockets that may be open.", web->max_members},
        {"wschat_seats", "gauge",
         "Ids that are in use, those kept for a client that is away included.",
         chat->clients.count},
        {"wschat_rooms", "gauge", "Rooms that have members or a history.", chat->channels.count},
        {"wschat_history_bytes", "gauge", "Memory for the history of all rooms.",
         chat->record_bytes},
        {"wschat_messages_total", "counter",
         "Messages published in rooms; direct and echoed ones count below.",
         chat->counters.messages},
        {"wschat_direct_messages_total", "counter", "Messages from one client to one other.",
         chat->counters.directs},
        {"wschat_echo_messages_total", "counter", "Messages that the echo answered.", web->echoes},
        {"wschat_deliveries_total", "counter",
         "Messages, joins, leaves, renames and numbers of rooms, times the clients that were to "
         "get them; an author is one of these.",
         chat->counters.deliveries},
        {"wschat_replayed_total", "counter",
         "Messages, joins, leaves and renames that clients got from the history as they entered.",
         chat->counters.replayed},
    };

    return write_figures(out, figures, ARRAY_LEN(figures));
}

static int write_addresses(struct buf *out, const struct address_table *t)
{
    if (value(out, "wschat_addresses", "gauge", "Addresses that the limits by address know.",
              t->count) < 0 ||
        head(out, "wschat_refused_by_address_total", "counter",
             "WebSockets and requests refused for the sake of a limit by address.") < 0)
        return -1;
    return buf_printf(out,
                      "wschat_refused_by_address_total{reason=\"clients\"} %llu\n"
                      "wschat_refused_by_address_total{reason=\"rate\"} %llu\n"
                      "wschat_refused_by_address_total{reason=\"requests\"} %llu\n",
                      (unsigned long long)t->results[ADDRESS_TOO_MANY],
                      (unsigned long long)t->results[ADDRESS_TOO_FAST],
                      (unsigned long long)t->refused_requests);
}

static int write_connections(struct buf *out, const struct metrics *metrics)
{
    const struct conns *conns = metrics->web->conns;
    const struct chat *chat = metrics->web->chat;
    const struct stream_counters *c = &conns->pool.env.counters;
    const struct figure figures[] = {
        {"wschat_stopping", "gauge", "1 while the server is shutting down, else 0.",
         metrics->web->is_stopping},
        {"wschat_connections", "gauge",
         "TCP and unix connections that are open, HTTP and those of operators included.",
         conns->pool.count},
        {"wschat_connections_total", "counter",
         "Connections that were accepted, those of operators included.", c->connections},
        {"wschat_received_bytes_total", "counter", "Bytes received by all connections.",
         c->received},
        {"wschat_sent_bytes_total", "counter", "Bytes that all connections were sent.", c->sent},
        {"wschat_slow_connections", "gauge",
         "Connections that have more to get than they take at the moment.", conns->pool.env.slow},
        {"wschat_slowest_lag_bytes", "gauge",
         "How far the slowest client is behind its room; beyond --max-lag it is closed.",
         slowest_lag(metrics)},
        {"wschat_lagged_total", "counter", "Clients closed because they fell too far behind.",
         conns->counters.lagged},
        {"wschat_deflated_messages_total", "counter",
         "Messages that were compressed, for a room once, however many read it.",
         conns->packer.messages + chat->packer.frames},
        {"wschat_deflated_before_bytes_total", "counter", "Bytes of those as they were.",
         conns->packer.before + chat->packer.before},
        {"wschat_deflated_after_bytes_total", "counter", "Bytes of those compressed.",
         conns->packer.after + chat->packer.after},
        {"wschat_throttled_total", "counter", "Times that a client was slowed down to its rate.",
         conns->counters.throttled},
    };

    return write_figures(out, figures, ARRAY_LEN(figures));
}

static int write_packing_time(struct buf *out, const struct metrics *metrics)
{
    uint64_t spent = metrics->web->conns->packer.spent + metrics->web->chat->packer.spent;

    if (head(out, "wschat_deflate_seconds_total", "counter", "Time spent on compressing.") < 0)
        return -1;
    return buf_printf(out, "wschat_deflate_seconds_total %.6f\n", (double)spent / 1e9);
}

static int write_ends(struct buf *out, const struct metrics *metrics)
{
    const uint64_t *closes = metrics->web->conns->counters.closes;
    const struct codes by_code = {
        "wschat_closes_total",
        "code",
        "WebSockets that ended, by the code that the server closed with, or else the client; 1005: "
        "a close without a code; 1006: no close.",
        closes,
        ARRAY_LEN(metrics->web->conns->counters.closes),
        CONN_CLOSE_FIRST,
        usual_closes,
        ARRAY_LEN(usual_closes),
        REGISTERED_CLOSES_END,
    };
    const struct codes by_status = {
        "wschat_http_responses_total",
        "status",
        "HTTP responses, those to operators included, by status; the one that these figures are in "
        "is not yet counted.",
        metrics->web->responses,
        ARRAY_LEN(metrics->web->responses),
        0,
        usual_statuses,
        ARRAY_LEN(usual_statuses),
        WEB_STATUS_MAX + 1,
    };

    return write_codes(out, &by_code) < 0 || write_codes(out, &by_status) < 0 ? -1 : 0;
}

void metrics_open(struct metrics_process *process, bool is_wanted)
{
    process->fds = is_wanted ? opendir("/proc/self/fd") : NULL;
    process->statm = is_wanted ? open("/proc/self/statm", O_RDONLY | O_CLOEXEC) : -1;
}

void metrics_close(struct metrics_process *process)
{
    if (process->fds != NULL)
        closedir(process->fds);
    if (process->statm >= 0)
        close(process->statm);
}

static uint64_t open_fds(const struct metrics_process *process)
{
    uint64_t count = 0;

    if (process->fds == NULL)
        return 0;
    rewinddir(process->fds);
    while (readdir(process->fds) != NULL)
        count++;
    /* Without "." and "..". */
    return count > 2 ? count - 2 : 0;
}

/* Virtual and resident memory in pages. */
static void read_memory(const struct metrics_process *process, uint64_t *size, uint64_t *resident)
{
    char text[128];
    ssize_t len = pread(process->statm, text, sizeof(text), 0);
    struct str rest = {text, len > 0 ? (size_t)len : 0};

    if (!str_to_u64(str_cut(&rest, ' '), UINT64_MAX, size) ||
        !str_to_u64(str_cut(&rest, ' '), UINT64_MAX, resident))
        *size = *resident = 0;
}

static int write_descriptors(struct buf *out, const struct metrics *metrics)
{
    struct rlimit limit = {0, 0};

    getrlimit(RLIMIT_NOFILE, &limit);
    if (value(out, "process_open_fds", "gauge", "Open file descriptors.",
              open_fds(&metrics->process)) < 0)
        return -1;
    return value(out, "process_max_fds", "gauge", "File descriptors that may be open.",
                 limit.rlim_cur);
}

/* Microseconds of the processor, those of the processes before this one included. */
static uint64_t cpu_time(const struct metrics *metrics)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return metrics->cpu_before +
           (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static int write_process(struct buf *out, const struct metrics *metrics)
{
    uint64_t size, resident, page = (uint64_t)sysconf(_SC_PAGESIZE);

    read_memory(&metrics->process, &size, &resident);
    if (head(out, "process_cpu_seconds_total", "counter", "CPU time, user and system.") < 0 ||
        buf_printf(out, "process_cpu_seconds_total %.6f\n", (double)cpu_time(metrics) / 1e6) < 0 ||
        head(out, "process_start_time_seconds", "gauge", "When the process started, since 1970.") <
            0 ||
        buf_printf(out, "process_start_time_seconds %.3f\n", (double)metrics->started / 1e3) < 0 ||
        value(out, "process_virtual_memory_bytes", "gauge", "Virtual memory.", size * page) < 0)
        return -1;
    return value(out, "process_resident_memory_bytes", "gauge", "Resident memory.",
                 resident * page);
}

int metrics_write_past(struct buf *out, const struct metrics *metrics)
{
    if (write_chat(out, metrics) < 0 || write_connections(out, metrics) < 0 ||
        (metrics->durable != NULL && durable_write_metrics(out, metrics->durable) < 0) ||
        (metrics->cluster != NULL && cluster_write_metrics(out, metrics->cluster) < 0) ||
        write_histogram(out, "wschat_tick_seconds",
                        "How long the server was busy each time that something happened.",
                        &metrics->ticks.time) < 0 ||
        write_histogram(out, "wschat_delivery_lag_seconds",
                        "How long messages of rooms took, at most, from when the server could have "
                        "read them to their being handed to all sockets that take more.",
                        &metrics->ticks.lag) < 0)
        return -1;
    return write_process(out, metrics);
}

int metrics_write(struct buf *out, const struct metrics *metrics)
{
    if (head(out, "wschat_build_info", "gauge", "What is running; always 1.") < 0 ||
        buf_printf(out, "wschat_build_info{version=\"%s\"} 1\n", WSCHAT_VERSION) < 0 ||
        metrics_write_past(out, metrics) < 0 || write_packing_time(out, metrics) < 0 ||
        write_ends(out, metrics) < 0 || write_addresses(out, &metrics->web->addresses) < 0)
        return -1;
    return write_descriptors(out, metrics);
}

/* ---- to another process ---- */

static void metrics_hand_histogram(struct hand_writer *w, const struct metrics_histogram *histogram)
{
    for (size_t i = 0; i <= METRICS_BUCKETS; i++)
        hand_put_u64(w, histogram->buckets[i]);
    hand_put_u64(w, histogram->sum_ns);
}

void metrics_hand(struct hand_writer *w, const struct metrics *metrics)
{
    hand_put_u64(w, metrics->started);
    hand_put_u64(w, cpu_time(metrics));
    hand_put_u64(w, metrics->ticks.start);
    hand_put_u64(w, metrics->ticks.end);
    metrics_hand_histogram(w, &metrics->ticks.time);
    metrics_hand_histogram(w, &metrics->ticks.lag);
}

static void metrics_take_histogram(struct metrics_histogram *histogram, struct hand_reader *r)
{
    for (size_t i = 0; i <= METRICS_BUCKETS; i++)
        histogram->buckets[i] = hand_get_u64(r);
    histogram->sum_ns = hand_get_u64(r);
}

bool metrics_take(struct metrics *metrics, struct hand_reader *r)
{
    metrics->started = hand_get_u64(r);
    metrics->cpu_before = hand_get_u64(r);
    metrics->ticks.start = hand_get_u64(r);
    metrics->ticks.end = hand_get_u64(r);
    metrics_take_histogram(&metrics->ticks.time, r);
    metrics_take_histogram(&metrics->ticks.lag, r);
    return hand_is_good(r);
}
