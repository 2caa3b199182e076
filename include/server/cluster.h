/* The other servers that share the rooms: the connections to the Redis of --redis. */
#ifndef SERVER_CLUSTER_H
#define SERVER_CLUSTER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/clock.h"
#include "log/log.h"
#include "log/redis_config.h"
#include "net/dial.h"
#include "net/reactor.h"
#include "server/options.h"
#include "server/sandbox.h"

/* Bytes of the name of a server. */
#define CLUSTER_NAME_MAX 320

struct cluster_server;

/* One of the two connections. */
struct cluster_link {
    struct reactor_source source; /* fd -1: not even begun */
    struct cluster_server *server;
    enum redis_link kind;
    struct buf in;
    uint64_t next; /* monotonic ms: when to begin anew, or to give up the beginning */
    unsigned failures;
    bool is_connecting;
};

/* A Redis, which has a part of the rooms, or all. */
struct cluster_server {
    struct cluster *cluster;
    struct log *log; /* not owned */
    struct dial dial;
    struct cluster_link links[REDIS_LINKS];
    char name[CLUSTER_NAME_MAX]; /* its URL without user and password */
    char host[256];
    char user[64];
    char password[256];
    uint64_t reconnects;
    uint64_t last_line;   /* monotonic ms: when a failure was logged */
    uint64_t up_since;    /* monotonic ms */
    uint64_t unsafe;      /* batches that the last line of the log counted in */
    uint64_t unsafe_line; /* monotonic ms: when the next one may come */
    uint64_t broken;      /* the same of rooms that could not be used */
    uint64_t broken_line;
    bool was_up;
};

struct cluster {
    struct log *log; /* NULL: there is none; not owned */
    struct reactor *reactor;
    const struct clock *clock;
    void (*random)(void *bytes, size_t len);
    struct cluster_server servers[OPTIONS_REDIS_MAX];
    size_t count;
    char others[17];   /* what all nodes must agree on */
    char ailment[512]; /* what was said last */
};

/* Makes the log that the options ask for, and looks its servers up. NULL: one line on stderr has
 * said what failed. */
struct log *cluster_new(struct cluster *cluster, const struct options *options,
                        void (*random)(void *bytes, size_t len));

/* Connections may be made from now on, inside the sandbox too; does nothing where there is no
 * Redis.
 */
void cluster_open(struct cluster *cluster, struct sandbox *sandbox, struct reactor *reactor,
                  const struct clock *clock);

/* Waits for what Redis says, at most so many milliseconds, and hears that: nothing else that
 * happens is looked at. */
void cluster_listen(struct cluster *cluster, int ms);

/* Tells the log what time it is, and makes connections anew: before the log's turn. */
void cluster_tick(struct cluster *cluster);

/* Sends what the log has said. */
void cluster_flush(struct cluster *cluster);

/* When cluster_tick has something to do; UINT64_MAX: never. */
uint64_t cluster_deadline(const struct cluster *cluster);

/* Why rooms are not available; NULL: they are. *is_partial: those of some servers are.
 * has_names: it tells which ones are not. The text lasts until the next call. */
const char *cluster_ailment(struct cluster *cluster, bool has_names, bool *is_partial);

/* Says farewell and closes. */
void cluster_close(struct cluster *cluster);

/* Appends its metrics; nothing where there is none. Returns 0, or -1 with errno ENOMEM. */
int cluster_write_metrics(struct buf *out, const struct cluster *cluster);

#endif
