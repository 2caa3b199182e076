#include "app/metrics.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/server.h"
#include "base/util.h"

/* Upper bounds in microseconds: from a tick that sends a few frames to one that nobody should ever
 * see. */
static const uint32_t bounds_us[METRICS_BUCKETS] = {50,   100,   250,   500,   1000,   2500,
                                                    5000, 10000, 25000, 50000, 100000, 1000000};

void metrics_observe(struct metrics_histogram *histogram, uint64_t ns, uint64_t times)
{
    size_t i = 0;

    while (i < METRICS_BUCKETS && ns > (uint64_t)bounds_us[i] * 1000)
        i++;
    histogram->buckets[i] += times;
    histogram->sum_ns += ns * times;
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

/* One line for each code that ever occurred. */
static int write_codes(struct buf *out, const char *name, const char *label, const char *help,
                       const uint64_t *counts, size_t size, unsigned first)
{
    if (head(out, name, "counter", help) < 0)
        return -1;
    for (size_t i = 0; i < size; i++) {
        if (counts[i] > 0 && buf_printf(out, "%s{%s=\"%u\"} %llu\n", name, label,
                                        first + (unsigned)i, (unsigned long long)counts[i]) < 0)
            return -1;
    }
    return 0;
}

static int write_chat(struct buf *out, const struct server *server)
{
    const struct chat *chat = &server->chat;

    if (value(out, "wschat_clients", "gauge", "WebSockets that are open.", server->websockets) <
            0 ||
        value(out, "wschat_seats", "gauge",
              "Seats that are taken, those kept for a client that is away included.",
              chat->clients.count) < 0 ||
        value(out, "wschat_rooms", "gauge", "Rooms that have members or a history.",
              chat->rooms.count) < 0 ||
        value(out, "wschat_messages_total", "counter", "Messages that were published in rooms.",
              chat->counters.messages) < 0)
        return -1;
    return value(out, "wschat_deliveries_total", "counter",
                 "Frames of rooms, times the clients that they were for.",
                 chat->counters.deliveries);
}

static int write_addresses(struct buf *out, const struct address_table *t)
{
    if (value(out, "wschat_addresses", "gauge", "Addresses that the limits by address know.",
              t->count) < 0 ||
        head(out, "wschat_refused_by_address_total", "counter",
             "WebSockets refused for the sake of a limit by address.") < 0)
        return -1;
    return buf_printf(out,
                      "wschat_refused_by_address_total{reason=\"clients\"} %llu\n"
                      "wschat_refused_by_address_total{reason=\"rate\"} %llu\n",
                      (unsigned long long)t->results[ADDRESS_TOO_MANY],
                      (unsigned long long)t->results[ADDRESS_TOO_FAST]);
}

static int write_connections(struct buf *out, const struct server *server)
{
    const struct conn_counters *c = &server->host.counters;

    if (value(out, "wschat_connections", "gauge", "Connections that are open, HTTP included.",
              server->host.count) < 0 ||
        value(out, "wschat_connections_total", "counter", "Connections that were accepted.",
              c->connections) < 0 ||
        value(out, "wschat_received_bytes_total", "counter", "Bytes received from peers.",
              c->received) < 0 ||
        value(out, "wschat_sent_bytes_total", "counter", "Bytes sent to peers.", c->sent) < 0 ||
        value(out, "wschat_lagged_total", "counter",
              "Clients closed because they fell too far behind.", c->lagged) < 0 ||
        value(out, "wschat_throttled_total", "counter",
              "Times that a client was slowed down to its rate.", c->throttled) < 0)
        return -1;
    if (write_codes(out, "wschat_closes_total", "code",
                    "WebSockets that ended, by close code; 1006: without one.", c->closes,
                    ARRAY_LEN(c->closes), CONN_CLOSE_FIRST) < 0)
        return -1;
    return write_codes(out, "wschat_http_responses_total", "status", "HTTP responses, by status.",
                       server->responses, ARRAY_LEN(server->responses), 0);
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
static void read_memory(const struct metrics_process *process, unsigned long *size,
                        unsigned long *resident)
{
    char text[128];
    ssize_t len = pread(process->statm, text, sizeof(text) - 1, 0);

    text[len > 0 ? len : 0] = '\0';
    if (sscanf(text, "%lu %lu", size, resident) != 2)
        *size = *resident = 0;
}

static int write_process(struct buf *out, const struct server *server)
{
    unsigned long size, resident, page = (unsigned long)sysconf(_SC_PAGESIZE);
    struct rlimit limit = {0, 0};
    struct rusage usage;

    read_memory(&server->process, &size, &resident);
    getrlimit(RLIMIT_NOFILE, &limit);
    getrusage(RUSAGE_SELF, &usage);
    if (head(out, "process_cpu_seconds_total", "counter", "CPU time, user and system.") < 0 ||
        buf_printf(out, "process_cpu_seconds_total %.6f\n",
                   (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6) < 0 ||
        head(out, "process_start_time_seconds", "gauge", "When the process started, since 1970.") <
            0 ||
        buf_printf(out, "process_start_time_seconds %.3f\n", (double)server->started / 1e3) < 0)
        return -1;
    if (value(out, "process_open_fds", "gauge", "Open file descriptors.",
              open_fds(&server->process)) < 0 ||
        value(out, "process_max_fds", "gauge", "File descriptors that may be open.",
              limit.rlim_cur) < 0 ||
        value(out, "process_virtual_memory_bytes", "gauge", "Virtual memory.",
              (uint64_t)size * page) < 0)
        return -1;
    return value(out, "process_resident_memory_bytes", "gauge", "Resident memory.",
                 (uint64_t)resident * page);
}

int metrics_write(struct buf *out, const struct server *server)
{
    if (head(out, "wschat_build_info", "gauge", "What is running; always 1.") < 0 ||
        buf_printf(out, "wschat_build_info{version=\"%s\"} 1\n", WSCHAT_VERSION) < 0 ||
        write_chat(out, server) < 0 || write_connections(out, server) < 0 ||
        write_addresses(out, &server->addresses) < 0)
        return -1;
    if (write_histogram(out, "wschat_tick_seconds",
                        "Time from events to everything sent, for each tick.",
                        &server->tick_time) < 0 ||
        write_histogram(out, "wschat_delivery_lag_seconds",
                        "Time from a message's events to its being sent, or queued for clients "
                        "that are behind.",
                        &server->delivery_lag) < 0)
        return -1;
    return write_process(out, server);
}
