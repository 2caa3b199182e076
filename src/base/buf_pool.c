#include "base/buf_pool.h"

/* Shorter ones come and go fast enough by themselves. */
#define BLOCK_MIN 65536

void buf_pool_take(struct buf_pool *buf_pool, struct buf *b)
{
    if (b->cap > 0 || buf_pool->count == 0)
        return;
    *b = buf_pool->blocks[--buf_pool->count];
    b->len = 0;
}

void buf_pool_put(struct buf_pool *buf_pool, struct buf *b)
{
    if (b->cap >= BLOCK_MIN && b->cap <= BUF_POOL_BLOCK_MAX && buf_pool->count < BUF_POOL_BLOCKS) {
        buf_pool->blocks[buf_pool->count++] = *b;
        buf_init(b);
    } else {
        buf_deinit(b);
    }
}

void buf_pool_deinit(struct buf_pool *buf_pool)
{
    while (buf_pool->count > 0)
        buf_deinit(&buf_pool->blocks[--buf_pool->count]);
}
