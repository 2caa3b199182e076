/* Socket activation, what the environment says of it: LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, as
 * sd_listen_fds(3) describes them. */
#ifndef PROTO_LISTEN_FDS_H
#define PROTO_LISTEN_FDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define LISTEN_FDS_FIRST 3 /* the descriptors are 3, 4, ... */
#define LISTEN_FDS_MAX 16

struct listen_fds {
    struct str names[LISTEN_FDS_MAX]; /* empty where it has none; they point into the variable */
    size_t count;
};

/* Reads the three variables (NULL: not set) for the process `own_pid`. What is meant for another
 * process is none of ours: no sockets. Returns NULL, or what is wrong. */
const char *listen_fds_read(struct listen_fds *fds, const char *pid, const char *count,
                            const char *names, uint64_t own_pid);

#endif
