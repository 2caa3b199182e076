/* The whole program without a journal: linked in place of src/server/durable.c. What a server is
 * like that has none to ask for is compared with one that was not asked for it. So it is with Redis
 * (cluster.c). */
#include "server/durable.h"

struct log *durable_new(struct durable *d, const struct options *options,
                        void (*random)(void *bytes, size_t len))
{
    (void)d;
    (void)options;
    (void)random;
    return NULL;
}

int durable_open(struct durable *d, struct sandbox *sandbox, struct reactor *reactor, bool is_heir)
{
    (void)d;
    (void)sandbox;
    (void)reactor;
    (void)is_heir;
    return 0;
}

int durable_lock(const struct durable *d)
{
    (void)d;
    return -1;
}

void durable_take_lock(struct durable *d, int fd)
{
    (void)d;
    (void)fd;
}

void durable_wait(const struct durable *d, int milliseconds)
{
    (void)d;
    (void)milliseconds;
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
