/* The log that keeps nothing: events are committed within append, and it needs no memory for them.
 */
#ifndef LOG_MEMORY_H
#define LOG_MEMORY_H

#include "base/hash.h"
#include "log/log.h"

/* Makes one; `seed` is secret: it makes the epochs, which everybody is told, and nothing else.
 * Returns NULL with errno ENOMEM. */
struct log *log_memory_new(struct hash_seed seed);

#endif
