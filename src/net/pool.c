#include "net/pool.h"

#include <string.h>

#include "base/mapping.h"
#include "base/tuning.h"

/* Behind the places lies the buffer that all streams read into. */
static size_t pool_bytes(const struct pool *pool)
{
    return pool->capacity * pool->place_size + TUNE_READ_BUFFER;
}

static struct stream *pool_place(const struct pool *pool, size_t i)
{
    return (struct stream *)(void *)(pool->places + i * pool->place_size);
}

int pool_init(struct pool *pool, struct reactor *reactor, size_t place_size, size_t capacity,
              const uint64_t *timeouts, size_t timers)
{
    pool->place_size = place_size;
    pool->capacity = capacity;
    pool->used = pool->count = 0;
    pool->places = mapping_new(pool_bytes(pool));
    if (pool->places == NULL)
        return -1;
    list_init(&pool->free);
    pool->env.reactor = reactor;
    pool->env.buffer = pool->places + capacity * place_size;
    stream_env_init(&pool->env, timeouts, timers);
    return 0;
}

void pool_deinit(struct pool *pool)
{
    for (size_t i = 0; i < pool->used; i++) {
        struct stream *stream = pool_place(pool, i);

        if (stream->env == NULL)
            continue;
        stream_note_end(stream, STREAM_END_SHUTDOWN, NULL);
        stream_deinit(stream);
    }
    stream_env_deinit(&pool->env);
    mapping_free(pool->places, pool_bytes(pool));
}

struct stream *pool_take(struct pool *pool)
{
    struct list *freed = list_take_first(&pool->free);
    struct stream *stream = freed != NULL ? stream_of_work(freed) : pool_place(pool, pool->used++);

    memset((void *)stream, 0, pool->place_size);
    pool->count++;
    return stream;
}

struct stream *pool_at(const struct pool *pool, size_t i)
{
    struct stream *stream = pool_place(pool, i);

    return stream->env != NULL && stream->state != STREAM_DEAD ? stream : NULL;
}

void pool_reap(struct pool *pool)
{
    struct list *first;

    while ((first = list_take_first(&pool->env.dead)) != NULL) {
        stream_deinit(stream_of_work(first));
        pool->count--;
        list_append(&pool->free, first);
    }
}
