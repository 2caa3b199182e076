/* The keeper of --keeper, as the program starts it. */
#ifndef SERVER_KEEPING_H
#define SERVER_KEEPING_H

#include "keeper/rebirth.h"
#include "server/options.h"

/* Opens the listeners, becomes the user of --user, and keeps a worker with these arguments running.
 * Returns the exit status. */
int keeping_run(const struct options *options, char *const *argv);

/* Goes on as the keeper that this process was before it became another program. Returns the exit
 * status. */
int keeping_go_on(const struct options *options, char *const *argv, const struct rebirth *rebirth);

#endif
