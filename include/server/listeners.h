/* Where the server listens: the sockets of the options, and those that a supervisor opened. */
#ifndef SERVER_LISTENERS_H
#define SERVER_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/listen_fds.h"
#include "server/options.h"
#include "server/user.h"

/* The supervisor's; also those of --listen, --port and --admin. */
#define LISTENERS_MAX (LISTEN_FDS_MAX + OPTIONS_LISTENERS_MAX + 2)

struct listening {
    int fd;
    int file; /* that of a unix socket which is ours to remove (socket_open_file); or -1 */
    bool is_admin;
};

struct listeners {
    struct listening items[LISTENERS_MAX];
    size_t count;
};

/* Opens them all. Returns 0; or -1 when one line on stderr has said
 * what failed: then nothing is open. */
int listeners_open(struct listeners *listeners, const struct options *options,
                   const struct listen_fds *passed);

/* Tells where each one is, on stderr. */
void listeners_announce(const struct listeners *listeners, const struct options *options);

/* Gives the files of unix sockets to the user of --user. Returns as listeners_open; all stays open.
 */
int listeners_give(const struct listeners *listeners, const struct user *user, const char *name);

/* Closes all, and removes the files that are its own. */
void listeners_close(const struct listeners *listeners);

#endif
