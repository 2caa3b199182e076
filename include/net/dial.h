/* Connections to other servers: over TCP, or a unix socket. */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include <stdbool.h>

#include "net/socket.h"

/* Addresses of one server that are tried in turn. */
#define DIAL_ADDRESSES_MAX 8

struct dial {
    struct socket_address addresses[DIAL_ADDRESSES_MAX];
    unsigned count;
    unsigned next; /* the one that is tried next */
};

/* Looks up a name, or takes a numeric address; blocks. Returns NULL, or why that failed. */
const char *dial_resolve(struct dial *dial, const char *host, const char *port);

/* Takes the path of a unix socket. Returns false where it is too long. */
bool dial_unix(struct dial *dial, const char *path);

/* Begins a connection to the next address; it is open once the socket can be written and dial_error
 * is 0. Returns a non-blocking descriptor, or -1 with errno. */
int dial_begin(struct dial *dial);

/* The errno of a connection that was begun; 0: it is open. */
int dial_error(int fd);

#endif
