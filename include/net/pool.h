/* All streams of a program: their places, which never move.
 *
 *      places
 *      +------+------+------+------+------+
 *      | OPEN | free | DEAD | OPEN |  ...        up to `capacity`; beyond `used` never touched
 *      +------+------+------+------+------+
 *         |
 *       woken, ready, dead                       lists of those for which there is something to do
 *
 * A place has room for a stream and, behind it, what its session keeps. */
#ifndef NET_POOL_H
#define NET_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "net/stream.h"

struct pool {
    struct stream_env env;
    uint8_t *places; /* one anonymous mapping: places that were never used cost no memory */
    size_t place_size;
    size_t capacity;
    size_t used;      /* places that were ever used */
    size_t count;     /* streams */
    struct list free; /* places that are free again */
};

/* Maps the places, of `place_size` bytes each (a multiple of 64), which begin with a stream; sets
 * up timers of these lengths in milliseconds (0: never). Returns 0, or -1 with errno ENOMEM. */
int pool_init(struct pool *pool, struct reactor *reactor, size_t place_size, size_t capacity,
              const uint64_t *timeouts, size_t timers);

/* Closes all streams at once and frees everything. */
void pool_deinit(struct pool *pool);

/* Takes a place, which is all zero: the pool must not be full. The caller makes it a stream of its
 * env. */
struct stream *pool_take(struct pool *pool);

/* The stream in place `i`, below `used`; NULL where the place is free or its stream is DEAD. */
struct stream *pool_at(const struct pool *pool, size_t i);

/* The last step of a tick: frees the dead. */
void pool_reap(struct pool *pool);

#endif
