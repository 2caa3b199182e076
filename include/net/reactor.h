/* Reactor: one epoll instance, level-triggered. */
#ifndef NET_REACTOR_H
#define NET_REACTOR_H

#include <stdint.h>
#include <sys/epoll.h>

#include "base/tuning.h"

/* Something with a file descriptor. Embedded in its owner, which must outlive the batch of events
 * at hand: who closes a descriptor frees its owner only after reactor_dispatch has returned. */
struct reactor_source {
    void (*ready)(struct reactor_source *source, uint32_t events);
    int fd;
    uint32_t interest; /* EPOLLIN, EPOLLOUT; 0: not watched */
};

struct reactor {
    int epoll_fd;
    struct epoll_event events[TUNE_EVENTS]; /* the batch at hand */
};

/* Returns 0, or -1 with errno. */
int reactor_init(struct reactor *r);
void reactor_deinit(struct reactor *r);

/* Watches the source for these events from now on, for none with 0. Makes no system call where
 * nothing changes. A source that is not watched does not report errors either. Returns 0, or -1
 * with errno (out of memory or of watches). */
int reactor_watch(struct reactor *r, struct reactor_source *source, uint32_t interest);

/* Waits for events until `deadline` (monotonic milliseconds; UINT64_MAX: without end; not after
 * `now`: does not wait). Returns how many came. */
int reactor_wait(struct reactor *r, uint64_t now, uint64_t deadline);

/* Calls the sources of the `count` events that came. */
void reactor_dispatch(struct reactor *r, int count);

#endif
