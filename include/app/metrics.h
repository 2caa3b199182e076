/* Metrics in the text format of Prometheus (version 0.0.4). */
#ifndef APP_METRICS_H
#define APP_METRICS_H

#include <stdint.h>

#include "base/buf.h"

#define METRICS_BUCKETS 12

/* How long something took: counts by upper bound, as Prometheus wants them. */
struct metrics_histogram {
    uint64_t buckets[METRICS_BUCKETS + 1]; /* the last one has no bound */
    uint64_t sum_ns;
};

struct server;

/* Counts `times` events that took so many nanoseconds each. */
void metrics_observe(struct metrics_histogram *histogram, uint64_t ns, uint64_t times);

/* Appends all metrics of a server. Returns 0, or -1 with errno ENOMEM. */
int metrics_write(struct buf *out, const struct server *server);

#endif
