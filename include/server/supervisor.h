/* The supervisor that started us, such as systemd, if there is one: the sockets that it opened for
 * us (sd_listen_fds(3)), and what it wants to hear (sd_notify(3), sd_watchdog_enabled(3)).
 *
 * Its socket is opened at the start, so that later nothing but send() is needed. A message that
 * cannot be sent is lost: nobody waits for the supervisor. */
#ifndef SERVER_SUPERVISOR_H
#define SERVER_SUPERVISOR_H

#include <stddef.h>
#include <stdint.h>

#include "proto/listen_fds.h"

struct supervisor {
    struct listen_fds sockets; /* ready to accept; they are the caller's */
    int fd;                    /* connected; -1: nobody wants to hear of us */
    uint64_t interval;         /* ms between two signs of life; 0: none are asked for */
    uint64_t next_sign;        /* monotonic ms; UINT64_MAX: never */
    uint64_t next_status;      /* monotonic ms: not before then */
};

/* Reads what the environment says and takes it out of there: LISTEN_PID, LISTEN_FDS,
 * LISTEN_FDNAMES, NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID. Comes before anything else is opened.
 * Returns 0, or -1 when one line on stderr has said what is wrong. */
int supervisor_init(struct supervisor *supervisor);

/* As a worker: its keeper takes the place of the supervisor, and has opened the sockets. The
 * descriptor is the supervisor's from now on; `interval`: ms, 0: no signs of life are asked for. */
void supervisor_adopt(struct supervisor *supervisor, int fd, uint64_t interval);

void supervisor_deinit(struct supervisor *supervisor);

/* Tells that connections are accepted. From now on (monotonic ms) signs of life are due. */
void supervisor_ready(struct supervisor *supervisor, uint64_t now, size_t clients);

/* As an heir: tells the keeper that it can become this program, too. */
void supervisor_name_keeper(struct supervisor *supervisor);

/* Tells that a reload was asked for and is done. */
void supervisor_reloaded(struct supervisor *supervisor);

/* Tells that the end has begun, and may take so long (ms). */
void supervisor_stopping(struct supervisor *supervisor, size_t clients, uint64_t time);

/* Gives a sign of life if one is due, now and then with the number of clients. */
void supervisor_tick(struct supervisor *supervisor, uint64_t now, size_t clients);

#endif
