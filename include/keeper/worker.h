/* How a keeper starts a worker, and what it says of one that has died. */
#ifndef KEEPER_WORKER_H
#define KEEPER_WORKER_H

#include <sys/types.h>

#include "keeper/inherited.h"

struct worker_start {
    int program;                       /* as by O_PATH */
    char *const *argv;                 /* its arguments */
    const struct inherited *inherited; /* `keeper` in it has no meaning here */
};

/* The status of a child that could not become a worker. */
#define WORKER_NO_EXEC 127

/* Starts it. What it says is heard at *ear, a packet socket that does not block. Returns its
 * process id, or -1 with errno. */
pid_t worker_fork(const struct worker_start *start, int *ear);

/* How it died, from the status of wait(2): one of the two texts is empty. */
void worker_describe_death(int status, char signal[16], char code[16]);

/* Lets a descriptor be inherited by the next program, or not. Returns 0, or -1 with errno. */
int worker_let_inherit(int fd, int is_inherited);

#endif
