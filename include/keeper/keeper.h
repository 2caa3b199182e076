/* The keeper: holds the listening sockets open while it runs the server in a process of its own,
 * the worker, and starts that again when it crashes. It reads nothing that a client sends.
 *
 *     supervisor <-- what sd_notify(3) says -- keeper <-- the same, by a socket pair -- worker
 *                                                     --- signals -------------------->
 */
#ifndef KEEPER_KEEPER_H
#define KEEPER_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "keeper/inherited.h"

struct keeper_config {
    int program;                    /* the program of the worker, as by O_PATH */
    const char *path;               /* where the next version of it is found */
    char *const *argv;              /* its arguments */
    int supervisor;                 /* who is told what the worker tells; -1: nobody */
    const struct inherited *worker; /* what it inherits; `keeper` in it: see `running` */
    const int *files;               /* of the listeners, as in struct rebirth */
    pid_t running;                  /* a worker that is ready already, and is heard at
                                       worker->keeper; 0: there is none */
};

/* The pause before a worker is started again, in milliseconds: it doubles with each death that
 * follows a short life, from KEEPER_PAUSE_MIN to KEEPER_PAUSE_MAX. */
#define KEEPER_PAUSE_MIN 100
#define KEEPER_PAUSE_MAX 10000

uint64_t keeper_pause(unsigned deaths_before);

/* May a worker say this to the supervisor? Each line must begin with a name that it has a use for:
 * others, such as MAINPID=, are for the keeper alone. */
bool keeper_may_pass(const char *message, size_t len);

/* Runs until the worker has ended by itself, or a signal ended it. SIGTERM, SIGINT, SIGHUP and
 * SIGQUIT are passed to the worker; SIGQUIT then ends the keeper in the same way. SIGUSR2 begins a
 * hand-over (keeper/upgrade.h), behind which this process becomes the new program, too. A first
 * worker that ends before it is ready is not started again. Returns the exit status. */
int keeper_run(const struct keeper_config *config);

#endif
