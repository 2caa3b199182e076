#include "session/packer.h"

#include "base/clock.h"
#include "proto/ws/deflate.h"

/* Memory for packed messages that is kept from one to the next. */
#define KEPT_MAX 65536

void packer_deinit(struct packer *packer)
{
    deflate_block_free(packer->block);
    deflate_window_free(packer->window);
    buf_deinit(&packer->out);
    *packer = (struct packer){.block = NULL};
}

/* Makes sure of its memory. Returns 0, or -1 where that is out. */
static int packer_prepare(struct packer *packer)
{
    if (packer->block == NULL)
        packer->block = deflate_block_new();
    if (packer->window == NULL)
        packer->window = deflate_window_new(DEFLATE_BITS_MAX);
    if (packer->out.cap > KEPT_MAX)
        buf_deinit(&packer->out);
    packer->out.len = 0;
    return packer->block != NULL && packer->window != NULL ? 0 : -1;
}

struct str packer_pack(struct packer *packer, const void *data, size_t len, unsigned bits)
{
    static const struct str nothing = {NULL, 0};
    struct deflate_reach reach = {.distance = (size_t)1 << bits};
    uint64_t began = clock_monotonic_ns();
    int result;

    if (packer_prepare(packer) < 0)
        return nothing;
    reach.floor = deflate_position(packer->window);
    result = deflate_message(packer->block, packer->window, &packer->out, data, len, &reach);
    packer->spent += clock_monotonic_ns() - began;
    if (result < 0 || packer->out.len >= len)
        return nothing;
    packer->messages++;
    packer->before += len;
    packer->after += packer->out.len;
    return (struct str){(const char *)packer->out.data, packer->out.len};
}
