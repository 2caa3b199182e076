/* Metrics in the text format of Prometheus (version 0.0.4). */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "server/cluster.h"
#include "server/durable.h"
#include "web/web.h"

#define METRICS_BUCKETS 15

/* How long something took: counts by upper bound, as Prometheus wants them. */
struct metrics_histogram {
    uint64_t buckets[METRICS_BUCKETS + 1]; /* the last one has no bound */
    uint64_t sum_ns;
};

/* What the kernel tells about this process. It stays open, because nothing can be opened inside the
 * sandbox. */
struct metrics_process {
    DIR *fds;  /* NULL: unknown */
    int statm; /* -1: unknown */
};

/* Opens it where it is wanted and there is a /proc; figures that are unknown are 0. */
void metrics_open(struct metrics_process *process, bool is_wanted);

void metrics_close(struct metrics_process *process);

/* How long ticks took, and messages within them. */
struct metrics_ticks {
    uint64_t start; /* monotonic nanoseconds: when the last one began, and ended */
    uint64_t end;
    struct metrics_histogram time;
    struct metrics_histogram lag;
};

/* Counts `times` events that took so many nanoseconds each. */
void metrics_observe(struct metrics_histogram *histogram, uint64_t ns, uint64_t times);

/* Counts a tick from `start` to `end` (monotonic nanoseconds), in which so many messages were read
 * and sent on. What could be read at once when the tick before had ended may have come while that
 * was still busy: such messages are taken to have waited since that one began, so their time is
 * never told too short. */
void metrics_tick(struct metrics_ticks *ticks, uint64_t start, uint64_t end, uint64_t messages);

/* What is told. */
struct metrics {
    const struct web *web;
    const struct durable *durable;
    const struct cluster *cluster;
    struct metrics_process process;
    struct metrics_ticks ticks;
    uint64_t started;    /* ms since 1970 */
    uint64_t cpu_before; /* microseconds that processes took which handed over to this one */
};

/* Appends what the charts of the status page are made of: what is at hand, and costs the same
 * however many clients there are. Returns 0, or -1 with errno ENOMEM. */
int metrics_write_past(struct buf *out, const struct metrics *metrics);

/* Appends all metrics. Returns 0, or -1 with errno ENOMEM. */
int metrics_write(struct buf *out, const struct metrics *metrics);

/* Writes what was counted, into the record at hand; reads it. Returns false where anything is
 * wrong.
 */
void metrics_hand(struct hand_writer *w, const struct metrics *metrics);
bool metrics_take(struct metrics *metrics, struct hand_reader *r);

#endif
