#include "hist.h"

/* The largest value that falls into the bucket. */
static uint64_t bucket_top(uint32_t index)
{
    uint32_t shift = index < 128 ? 0 : index / 64 - 1;

    return ((uint64_t)(index - shift * 64 + 1) << shift) - 1;
}

uint64_t hist_percentile(const struct hist *h, double part)
{
    uint64_t seen = 0;

    for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
        seen += h->bucket[i];
        if (seen > 0 && (double)seen >= part * (double)h->count)
            return bucket_top(i) < h->max ? bucket_top(i) : h->max;
    }
    return h->max;
}
