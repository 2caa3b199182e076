/* A keeper's hand-over: the program is opened anew by its path, and a worker of it started, the
 * heir, to which the worker that there is hands all that it has, by a socket pair between the two
 * (server/handover.h). The keeper does not see what goes through it.
 *
 *     keeper -- "HANDOVER", with a descriptor --> worker -- all that it has --> heir
 *            <-- "HANDOVER=why not" ------------
 *            <-- "KEEPER=version", "READY=1" ---------------------------------- heir
 *
 * Until the heir is ready the worker can go on at any time, and whatever goes wrong is an end of
 * the heir alone. */
#ifndef KEEPER_UPGRADE_H
#define KEEPER_UPGRADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"
#include "keeper/inherited.h"

/* What the keeper says to a worker, together with its end of the socket pair. */
#define UPGRADE_ASKED "HANDOVER"

/* What a worker says that hands nothing over, with the reason behind it. */
#define UPGRADE_REFUSED "HANDOVER="

/* What an heir says before it is ready: the version of REBIRTH_NAME that its program reads. */
#define UPGRADE_KEEPER "KEEPER="

#define UPGRADE_WHY_MAX 160

/* The status with which a worker ends that has handed over: not one that ends a server. */
#define UPGRADE_HANDED 3

enum upgrade_state {
    UPGRADE_NONE,  /* nothing is handed over */
    UPGRADE_BEGUN, /* there is an heir */
    UPGRADE_READY, /* it has all, and is to be taken as the worker */
    UPGRADE_LOST,  /* it is to end, or has; why that is so may still be told */
};

struct upgrade {
    enum upgrade_state state;
    int program;               /* as by O_PATH; -1: none */
    pid_t heir;                /* 0: it has ended */
    int ear;                   /* where it is heard; -1: not any more */
    bool has_keeper;           /* its program can become the keeper, too */
    bool is_killed;            /* by this process */
    pid_t ended;               /* the heir, once it has; 0: it has not */
    int status;                /* of wait(2), then */
    uint64_t deadline;         /* monotonic ms, of this state; UINT64_MAX: none */
    char why[UPGRADE_WHY_MAX]; /* empty: not known yet */
};

/* What it begins with. */
struct upgrade_config {
    const char *path;                  /* of the program */
    char *const *argv;                 /* its arguments */
    const struct inherited *inherited; /* of a worker */
    int worker;                        /* where the worker hears the keeper */
};

void upgrade_init(struct upgrade *u);

/* Starts an heir and tells the worker (monotonic ms). What fails at once ends it as anything later
 * does. */
void upgrade_begin(struct upgrade *u, const struct upgrade_config *config, uint64_t now);

/* Hears the heir. */
void upgrade_hear(struct upgrade *u);

/* Takes the worker's message, if it is about this. Returns false for any other. */
bool upgrade_note(struct upgrade *u, const char *message, size_t len, uint64_t now);

/* The worker has ended: it has nothing more to say. */
void upgrade_note_end(struct upgrade *u);

/* Takes the status of a child, if it was the heir. Returns false for any other. */
bool upgrade_reap(struct upgrade *u, pid_t pid, int status, uint64_t now);

/* Goes on where time has passed. Returns true, once, when it has failed for good: `why` is known
 * and the heir is gone, and the next one can begin. */
bool upgrade_step(struct upgrade *u, uint64_t now);

/* The heir is the worker now, and its ear and its program are the caller's. */
void upgrade_finish(struct upgrade *u);

/* Ends the heir at once. */
void upgrade_kill(struct upgrade *u);

#endif
