/* The whole program without Redis: linked in place of src/server/cluster.c, as durable.c is. */
#include "server/cluster.h"

struct log *cluster_new(struct cluster *c, const struct options *options,
                        void (*random)(void *bytes, size_t len))
{
    (void)c;
    (void)options;
    (void)random;
    return NULL;
}

void cluster_open(struct cluster *c, struct sandbox *sandbox, struct reactor *reactor,
                  const struct clock *clock)
{
    (void)c;
    (void)sandbox;
    (void)reactor;
    (void)clock;
}

void cluster_listen(struct cluster *c, int ms)
{
    (void)c;
    (void)ms;
}

void cluster_tick(struct cluster *c)
{
    (void)c;
}

void cluster_flush(struct cluster *c)
{
    (void)c;
}

uint64_t cluster_deadline(const struct cluster *c)
{
    (void)c;
    return UINT64_MAX;
}

const char *cluster_ailment(struct cluster *c, bool has_names, bool *is_partial)
{
    (void)c;
    (void)has_names;
    *is_partial = false;
    return NULL;
}

void cluster_close(struct cluster *c)
{
    (void)c;
}

int cluster_write_metrics(struct buf *out, const struct cluster *c)
{
    (void)out;
    (void)c;
    return 0;
}
