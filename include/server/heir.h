/* The worker that takes over what another one had: the steps of server/handover.h on its side. */
#ifndef SERVER_HEIR_H
#define SERVER_HEIR_H

#include "server/handover.h"

/* Takes all from the worker at the other end of the socket, which is closed behind that. parts are
 * as at the start of a program, and may have so many descriptors. Returns 0 when this process is
 * the one that serves them; or -1 when it must end: where anybody is left to whom that can be told,
 * that one has been told why. */
int heir_run(const struct handover_parts *parts, int fd, size_t capacity);

#endif
