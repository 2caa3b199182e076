/* Signals of the terminal client: they are let in only while it waits, and looked at afterwards. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct signals {
    int ends;     /* SIGINT, SIGTERM, SIGHUP and SIGQUIT so far */
    bool stop;    /* SIGTSTP came */
    bool cont;    /* SIGCONT came */
    bool resized; /* SIGWINCH came */
};

/* From now on signals are held back; SIGPIPE is ignored. `is_interactive`: those of job control and
 * of the window's size, too. */
void signals_setup(bool is_interactive);

/* Waits like poll, until the deadline (UINT64_MAX: without end), and lets signals in. Returns as
 * poll does; what is told of signals is added to *s. */
int signals_poll(struct signals *s, struct pollfd *fds, nfds_t count, uint64_t now,
                 uint64_t deadline);

/* Stops this process as SIGTSTP would have; returns when it goes on. */
void signals_suspend(void);

#endif
