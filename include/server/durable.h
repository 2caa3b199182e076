/* The journal of --journal, as the server starts it, watches it and ends with it. */
#ifndef SERVER_DURABLE_H
#define SERVER_DURABLE_H

#include <stdbool.h>

#include "base/buf.h"
#include "log/log.h"
#include "net/reactor.h"
#include "server/options.h"
#include "server/sandbox.h"

struct durable {
    const char *path;
    struct log *log;              /* NULL: there is none; not owned */
    struct reactor_source source; /* can be read when the log wants its turn */
};

/* Makes the log that the options ask for. NULL: they ask for none, or errno is ENOMEM. */
struct log *durable_new(struct durable *d, const struct options *options,
                        void (*random)(void *bytes, size_t len));

/* Brings back what the journal holds, gives up the files with that of the journal as an exception,
 * starts its thread, and watches it: the chat has the log, the time is set, and it is the user who
 * it runs as. Where this process is to take over from another one (`is_heir`), that brings nothing
 * back: the other one hands it over. Does nothing where there is no journal. Returns 0; or -1 when
 * one line on stderr has said what failed. */
int durable_open(struct durable *d, struct sandbox *sandbox, struct reactor *reactor, bool is_heir);

/* The descriptor of the journal's lock, which the heir needs; -1: there is no journal. */
int durable_lock(const struct durable *d);

/* The heir has it, which stays the caller's, before it takes anything else. */
void durable_take_lock(struct durable *d, int fd);

/* Waits until the journal wants its turn, or so many milliseconds. Returns at once without one. */
void durable_wait(const struct durable *d, int milliseconds);

/* Must the server end? Then one line on stderr has said why. */
bool durable_is_lost(const struct durable *d);

/* Appends its metrics; nothing where there is none. Returns 0, or -1 with errno ENOMEM. */
int durable_write_metrics(struct buf *out, const struct durable *d);

#endif
