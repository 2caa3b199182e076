/* The log that keeps nothing: events are committed within append, and it needs no memory for them.
 */
#ifndef LOG_MEMORY_H
#define LOG_MEMORY_H

#include <stddef.h>

#include "log/log.h"

/* Makes one. `random` gives the secret that makes the epochs: everybody is told those, so it is one
 * of its own, from which nothing else is made. Returns NULL with errno ENOMEM. */
struct log *log_memory_new(void (*random)(void *bytes, size_t len));

#endif
