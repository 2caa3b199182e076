#include "base/stock.h"

/* Shorter ones come and go fast enough by themselves. */
#define BLOCK_MIN 65536

void stock_take(struct stock *stock, struct buf *b)
{
    if (b->cap > 0 || stock->count == 0)
        return;
    *b = stock->blocks[--stock->count];
    b->len = 0;
}

void stock_put(struct stock *stock, struct buf *b)
{
    if (b->cap >= BLOCK_MIN && b->cap <= STOCK_BLOCK_MAX && stock->count < STOCK_BLOCKS) {
        stock->blocks[stock->count++] = *b;
        buf_init(b);
    } else {
        buf_deinit(b);
    }
}

void stock_deinit(struct stock *stock)
{
    while (stock->count > 0)
        buf_deinit(&stock->blocks[--stock->count]);
}
