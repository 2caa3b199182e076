#include "server/durable.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/tuning.h"
#include "log/journal.h"
#include "server/fatal.h"

struct log *durable_new(struct durable *d, const struct options *options,
                        void (*random)(void *bytes, size_t len))
{
    uint64_t least = 3 * (uint64_t)TUNE_SEGMENT, most = 4 * options->history_memory;
    struct journal_config config = {
        .path = options->journal,
        .sync = (enum journal_sync)options->journal_sync,
        .disk_max = most < least ? least : most,
        .random = random,
    };

    if (options->journal == NULL)
        return NULL;
    d->path = options->journal;
    d->log = journal_new(&config);
    return d->log;
}

static void durable_announce(const struct durable *d, const struct journal_report *report)
{
    char records[24], segments[24], bytes[24], unknown[24];

    snprintf(records, sizeof(records), "%llu", (unsigned long long)report->records);
    snprintf(segments, sizeof(segments), "%llu", (unsigned long long)report->segments);
    if (report->state == JOURNAL_TORN) {
        snprintf(bytes, sizeof(bytes), "%llu",
                 (unsigned long long)(report->last_size - report->last_len));
        log_warning("the journal had a torn tail, which is cut", "journal", d->path, "#bytes",
                    bytes);
    }
    if (report->unknown > 0) {
        snprintf(unknown, sizeof(unknown), "%llu", (unsigned long long)report->unknown);
        log_warning("the journal has records of a newer version, which are skipped", "journal",
                    d->path, "#records", unknown);
    }
    log_info("journal", "journal", d->path, "#records", records, "#segments", segments);
}

/* The turn of the log comes in each tick; this only sees to it that there is one. */
static void on_event(struct reactor_source *source, uint32_t events)
{
    (void)source;
    (void)events;
}

static int durable_read(const struct durable *d, bool is_heir)
{
    struct journal_problem problem;
    struct journal_report report;

    if (is_heir)
        return journal_await(d->log, &problem) < 0 ? fatal("%s", problem.text) : 0;
    if (journal_recover(d->log, &report, &problem) < 0)
        return fatal("%s", problem.text);
    durable_announce(d, &report);
    return 0;
}

int durable_open(struct durable *d, struct sandbox *sandbox, struct reactor *reactor, bool is_heir)
{
    if (d->log == NULL)
        return 0;
    if (durable_read(d, is_heir) < 0)
        return -1;
    sandbox_allow_writing(sandbox, d->path, journal_folder(d->log));
    sandbox_bind(sandbox);
    if (journal_start(d->log) < 0)
        return fatal("cannot start the journal's thread: %s", strerror(errno));
    sandbox_allow_telling(sandbox, journal_event(d->log));
    d->source = (struct reactor_source){.ready = on_event, .fd = journal_event(d->log)};
    if (reactor_watch(reactor, &d->source, EPOLLIN) < 0)
        return fatal("cannot watch the journal: %s", strerror(errno));
    return 0;
}

int durable_lock(const struct durable *d)
{
    return d->log == NULL ? -1 : journal_lock(d->log);
}

void durable_take_lock(struct durable *d, int fd)
{
    if (d->log != NULL)
        journal_take_lock(d->log, fd);
}

void durable_wait(const struct durable *d, int milliseconds)
{
    struct pollfd event = {.events = POLLIN};

    if (d->log == NULL)
        return;
    event.fd = journal_event(d->log);
    poll(&event, 1, milliseconds);
}

bool durable_is_lost(const struct durable *d)
{
    struct journal_problem problem;

    if (d->log == NULL || !journal_is_lost(d->log, &problem))
        return false;
    log_announce(LOG_ERROR, problem.text);
    return true;
}

/* ---- metrics ---- */

static int write_sync_times(struct buf *out, const struct journal_writer_counters *counters)
{
    uint64_t count = 0;

    if (buf_printf(out, "# HELP wschat_journal_sync_seconds How long syncs of the journal took.\n"
                        "# TYPE wschat_journal_sync_seconds histogram\n") < 0)
        return -1;
    for (unsigned i = 0; i + 1 < JOURNAL_SYNC_BUCKETS; i++) {
        count += counters->sync_buckets[i];
        if (buf_printf(out, "wschat_journal_sync_seconds_bucket{le=\"%g\"} %llu\n",
                       64e-6 * (double)((uint64_t)1 << i), (unsigned long long)count) < 0)
            return -1;
    }
    return buf_printf(out,
                      "wschat_journal_sync_seconds_bucket{le=\"+Inf\"} %llu\n"
                      "wschat_journal_sync_seconds_sum %.9f\n"
                      "wschat_journal_sync_seconds_count %llu\n",
                      (unsigned long long)counters->syncs, (double)counters->sync_ns / 1e9,
                      (unsigned long long)counters->syncs);
}

int durable_write_metrics(struct buf *out, const struct durable *d)
{
    struct journal_stats stats;

    if (d->log == NULL)
        return 0;
    journal_stats(d->log, &stats);
    const struct {
        const char *name, *type, *help;
        uint64_t value;
    } lines[] = {
        {"wschat_journal_written_bytes_total", "counter", "Bytes written to the journal.",
         stats.writer.bytes},
        {"wschat_journal_records_total", "counter", "Records written to the journal.",
         stats.records},
        {"wschat_journal_copied_total", "counter",
         "Records that were written again because their segment was to go.", stats.copied},
        {"wschat_journal_failures_total", "counter", "Calls for the journal's files that failed.",
         stats.writer.failures},
        {"wschat_journal_refused_total", "counter", "Events that the journal refused.",
         stats.refused},
        {"wschat_journal_segments", "gauge", "Segments of the journal.", stats.segments},
        {"wschat_journal_bytes", "gauge", "Bytes of all segments.", stats.disk},
        {"wschat_journal_waiting", "gauge", "Events that are not committed yet.", stats.waiting},
        {"wschat_journal_lag_ms", "gauge",
         "Milliseconds that the oldest of them has waited for the disk.", stats.waiting_ms},
        {"wschat_journal_failing", "gauge", "1 while the journal cannot be written.",
         stats.is_failing},
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", lines[i].name, lines[i].help,
                       lines[i].name, lines[i].type, lines[i].name,
                       (unsigned long long)lines[i].value) < 0)
            return -1;
    }
    return write_sync_times(out, &stats.writer);
}
