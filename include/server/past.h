/* What the figures of the last five minutes were, for the charts of the status page: a reading
 * every five seconds, as text. Nothing is kept, and nothing done, before it is started. */
#ifndef SERVER_PAST_H
#define SERVER_PAST_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "server/metrics.h"

#define PAST_READINGS 60
#define PAST_EVERY 5000 /* ms */

struct past {
    struct buf readings[PAST_READINGS];                           /* a ring */
    size_t count;                                                 /* that were ever made */
    int (*write)(struct buf *out, const struct metrics *metrics); /* metrics_write_past */
    uint64_t next; /* monotonic ms: when the next one is due; UINT64_MAX: never */
};

/* All zero but `next`: not started. */
void past_init(struct past *past);
void past_deinit(struct past *past);

/* Readings are made from now on. */
void past_start(struct past *past, uint64_t now);

/* Makes a reading where one is due. Where memory is out there is none. */
void past_tick(struct past *past, const struct metrics *metrics, const struct clock *clock);

/* Appends all of them, the oldest first: "time MS" (since 1970), then the lines of
 * metrics_write_past without comments, then an empty line. Returns 0, or -1 with errno ENOMEM. */
int past_write(struct buf *out, const struct past *past);

/* Writes the readings that there are, into the record at hand (base/hand_long.h), for another
 * process; reads them. Returns false where anything is wrong. */
void past_hand(struct hand_writer *w, const struct past *past);
bool past_take(struct past *past, struct hand_reader *r);

#endif
