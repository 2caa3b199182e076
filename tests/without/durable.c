/* The whole program without a journal: linked in place of src/server/durable.c. What a server is
 * like that has none to ask for is compared with one that was not asked for it. */
#include "server/durable.h"

struct log *durable_new(struct durable *d, const struct options *options,
                        void (*random)(void *bytes, size_t len))
{
    (void)d;
    (void)options;
    (void)random;
    return NULL;
}

int durable_open(struct durable *d, struct sandbox *sandbox, struct reactor *reactor)
{
    (void)d;
    (void)sandbox;
    (void)reactor;
    return 0;
}

bool durable_is_lost(const struct durable *d)
{
    (void)d;
    return false;
}

int durable_write_metrics(struct buf *out, const struct durable *d)
{
    (void)out;
    (void)d;
    return 0;
}
