/* Buffer pool: memory of long buffers, kept to be used again. A fresh block of many pages costs a
 * page fault for each of them, which for a message of a megabyte is more than everything else that
 * is done with it. */
#ifndef BASE_BUF_POOL_H
#define BASE_BUF_POOL_H

#include "base/buf.h"

#define BUF_POOL_BLOCKS 4                            /* blocks that it keeps at most */
#define BUF_POOL_BLOCK_MAX ((size_t)2 * 1024 * 1024) /* bytes of the longest that it keeps */

struct buf_pool {
    struct buf blocks[BUF_POOL_BLOCKS];
    size_t count;
};

/* Gives an empty buffer without memory that of a block, where there is one. */
void buf_pool_take(struct buf_pool *buf_pool, struct buf *b);

/* Takes the memory of a buffer, to keep it or to free it. The buffer is empty afterwards. */
void buf_pool_put(struct buf_pool *buf_pool, struct buf *b);

void buf_pool_deinit(struct buf_pool *buf_pool);

#endif
