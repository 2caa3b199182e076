/* The keeper of --keeper, as the program starts it. */
#ifndef SERVER_KEEPING_H
#define SERVER_KEEPING_H

#include "server/options.h"

/* Opens the listeners, becomes the user of --user, and keeps a worker with these arguments running.
 * Returns the exit status. */
int keeping_run(const struct options *options, char *const *argv);

#endif
