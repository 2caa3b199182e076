#include "net/reactor.h"

#include <limits.h>
#include <unistd.h>

int reactor_init(struct reactor *r)
{
    r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    return r->epoll_fd < 0 ? -1 : 0;
}

void reactor_deinit(struct reactor *r)
{
    close(r->epoll_fd);
}

int reactor_watch(struct reactor *r, struct reactor_source *source, uint32_t interest)
{
    struct epoll_event event = {.events = interest, .data.ptr = source};
    int operation = EPOLL_CTL_MOD;

    if (interest == source->interest)
        return 0;
    if (source->interest == 0)
        operation = EPOLL_CTL_ADD;
    else if (interest == 0)
        operation = EPOLL_CTL_DEL;
    if (epoll_ctl(r->epoll_fd, operation, source->fd, &event) < 0)
        return -1;
    source->interest = interest;
    return 0;
}

static int timeout_until(uint64_t now, uint64_t deadline)
{
    if (deadline == UINT64_MAX)
        return -1;
    if (deadline <= now)
        return 0;
    return deadline - now < INT_MAX ? (int)(deadline - now) : INT_MAX;
}

int reactor_wait(struct reactor *r, uint64_t now, uint64_t deadline)
{
    int count = epoll_wait(r->epoll_fd, r->events, TUNE_EVENTS, timeout_until(now, deadline));

    return count < 0 ? 0 : count;
}

void reactor_dispatch(struct reactor *r, int count)
{
    for (int i = 0; i < count; i++) {
        struct reactor_source *source = r->events[i].data.ptr;

        source->ready(source, r->events[i].events);
    }
}
