/* One log over several: each room has its place at one of them by its name alone, so that all nodes
 * agree without asking (rendezvous hashing: where one more is added or one is taken away, no other
 * room moves). */
#ifndef LOG_REDIS_SPREAD_H
#define LOG_REDIS_SPREAD_H

#include <stddef.h>

#include "log/log.h"

/* Logs that rooms can be spread over. */
#define REDIS_SPREAD_MAX 16

/* Which of `count` servers with these names has the room. */
uint32_t redis_spread_place(const struct str *names, size_t count, struct str room);

/* Makes a log over `count` others, which are its own from then on; the texts of the names must
 * outlive it. NULL: errno is ENOMEM, and the others are still the caller's. */
struct log *redis_spread_new(struct log *const *logs, const struct str *names, size_t count);

#endif
