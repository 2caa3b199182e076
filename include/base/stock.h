/* Stock: memory of long buffers, kept to be used again. A fresh block of many pages costs a page
 * fault for each of them, which for a message of a megabyte is more than everything else that is
 * done with it. */
#ifndef BASE_STOCK_H
#define BASE_STOCK_H

#include "base/buf.h"

#define STOCK_BLOCKS 4                            /* blocks that it keeps at most */
#define STOCK_BLOCK_MAX ((size_t)2 * 1024 * 1024) /* bytes of the longest that it keeps */

struct stock {
    struct buf blocks[STOCK_BLOCKS];
    size_t count;
};

/* Gives an empty buffer without memory that of a block, where there is one. */
void stock_take(struct stock *stock, struct buf *b);

/* Takes the memory of a buffer, to keep it or to free it. The buffer is empty afterwards. */
void stock_put(struct stock *stock, struct buf *b);

void stock_deinit(struct stock *stock);

#endif
