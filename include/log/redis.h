/* The log of several servers, kept by Redis or Valkey: one order for each room, whoever speaks.
 *
 *      append --> script: number, stream, publish --> told on the channel, in order --> committed
 *
 * Pub/sub tells, the stream remembers: seqs are dense, so what was missed is seen and asked for. A
 * reply settles only what makes no event. Two connections, which the owner opens and feeds
 * (log/redis_wire.h): the log knows no descriptor. */
#ifndef LOG_REDIS_H
#define LOG_REDIS_H

#include <stdbool.h>
#include <stdint.h>

#include "log/log.h"
#include "log/redis_config.h"

/* Makes a log that is connected to nothing yet. The texts of the config must outlive it. NULL:
 * errno is ENOMEM. */
struct log *redis_new(const struct redis_config *config);

/* What time it is, monotonic and since 1970, in milliseconds: before all else in a tick. */
void redis_set_time(struct log *log, uint64_t now, uint64_t wall);

/* Says farewell: others need not wait for the lease of this node. */
void redis_farewell(struct log *log);

/* NULL: all is well. Else why rooms are not available. */
const char *redis_ailment(const struct log *log);

/* Which room was broken last (redis_stats.broken), and what Redis said. */
const char *redis_broken_room(const struct log *log, const char **why);

void redis_stats(const struct log *log, struct redis_stats *stats);

#endif
