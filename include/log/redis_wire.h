/* The two connections of the log on Redis, for who opens and closes them. */
#ifndef LOG_REDIS_WIRE_H
#define LOG_REDIS_WIRE_H

#include <stdbool.h>

#include "base/buf.h"
#include "log/log.h"
#include "log/redis_config.h"

/* A connection is open; it begins to talk. */
void redis_connected(struct log *log, enum redis_link link);

/* A connection is gone, or will be: why, for people; NULL: nobody asks any more. What was asked on
 * it is asked again. */
void redis_lost(struct log *log, enum redis_link link, const char *why);

/* Takes what came on it: bytes behind what is in `in`, of which those are consumed that can be
 * used. Returns 0; or -1 where the connection must be closed, and *why says why. */
int redis_input(struct log *log, enum redis_link link, struct buf *in, const char **why);

/* What is to be sent on it; the owner consumes what it has sent. */
struct buf *redis_output(struct log *log, enum redis_link link);

/* Must the connection be closed, because nothing came for too long or memory was out? */
bool redis_is_stale(const struct log *log, enum redis_link link);

#endif
