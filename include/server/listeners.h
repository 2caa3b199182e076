/* Where the server listens: the sockets of the options, and those that a supervisor opened. */
#ifndef SERVER_LISTENERS_H
#define SERVER_LISTENERS_H

#include "proto/listen_fds.h"
#include "server/acceptor.h"
#include "server/options.h"

/* Opens them all for an acceptor, and tells where each one is. Returns 0; or -1 when one line on
 * stderr has said what failed. */
int listeners_open(struct acceptor *acceptor, const struct options *options,
                   const struct listen_fds *passed);

#endif
