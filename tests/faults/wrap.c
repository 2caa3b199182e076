#include "wrap.h"

#include "base/log.h"
#include "disk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_SPANS 64

enum plan { PLAN_NONE, PLAN_NTH, PLAN_FROM, PLAN_ALTERNATING };

static struct {
    enum plan plan;
    long count; /* calls so far */
    long nth;   /* the call that fails */
    int err;
    size_t most; /* bytes or events at once; 0: no limit */
    bool has_struck;
} faults[FAULT_COUNT];

void fault_reset(void)
{
    memset(faults, 0, sizeof(faults));
}

static void set_plan(enum fault_call call, enum plan plan, long nth, int err)
{
    faults[call].plan = plan;
    faults[call].nth = faults[call].count + nth;
    faults[call].err = err;
    faults[call].has_struck = false;
}

void fault_fail_nth(enum fault_call call, long nth, int err)
{
    set_plan(call, PLAN_NTH, nth, err);
}

void fault_fail_from(enum fault_call call, long nth, int err)
{
    set_plan(call, PLAN_FROM, nth, err);
}

void fault_fail_alternating(enum fault_call call, int err)
{
    set_plan(call, PLAN_ALTERNATING, 0, err);
}

void fault_short(enum fault_call call, size_t most)
{
    faults[call].most = most;
}

long fault_count(enum fault_call call)
{
    return faults[call].count;
}

bool fault_has_struck(enum fault_call call)
{
    return faults[call].has_struck;
}

/* Counts a call. Returns true, with errno set, when it is to fail. */
static bool strikes(enum fault_call call)
{
    long count = ++faults[call].count;
    bool hit = false;

    switch (faults[call].plan) {
    case PLAN_NONE:
        break;
    case PLAN_NTH:
        hit = count == faults[call].nth;
        break;
    case PLAN_FROM:
        hit = count >= faults[call].nth;
        break;
    case PLAN_ALTERNATING:
        hit = count % 2 == 1;
        break;
    }
    if (hit) {
        faults[call].has_struck = true;
        errno = faults[call].err;
    }
    return hit;
}

static size_t cut(enum fault_call call, size_t len)
{
    size_t most = faults[call].most;

    return most == 0 || len < most ? len : most;
}

/* Copies the spans of a message, cut to what may pass. */
static struct msghdr cut_message(enum fault_call call, const struct msghdr *message,
                                 struct iovec *spans)
{
    struct msghdr copy = *message;
    size_t room = faults[call].most == 0 ? (size_t)-1 : faults[call].most;
    size_t n = 0;

    for (size_t i = 0; i < message->msg_iovlen && i < MAX_SPANS && room > 0; i++) {
        spans[n] = message->msg_iov[i];
        if (spans[n].iov_len > room)
            spans[n].iov_len = room;
        room -= spans[n].iov_len;
        n++;
    }
    copy.msg_iov = spans;
    copy.msg_iovlen = n;
    return copy;
}

/* ---- Where the calls of the program end up; those of the tests and of libcheck are not redirected
 * ---- */

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
void *__wrap_mremap(void *old, size_t old_len, size_t len, int flags, ...);
ssize_t __wrap_read(int fd, void *data, size_t len);
ssize_t __wrap_recv(int fd, void *data, size_t len, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t len, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_write(int fd, const void *data, size_t len);
ssize_t __wrap_writev(int fd, const struct iovec *spans, int count);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);
int __wrap_epoll_wait(int fd, struct epoll_event *events, int count, int timeout);
int __wrap_epoll_ctl(int fd, int action, int target, struct epoll_event *event);
int __wrap_epoll_create1(int flags);
int __wrap_socket(int domain, int type, int protocol);
/* The forms that a hardened build calls where it knows the size of the buffer. */
ssize_t __wrap___read_chk(int fd, void *data, size_t len, size_t size);
ssize_t __wrap___recv_chk(int fd, void *data, size_t len, size_t size, int flags);

void *__wrap_malloc(size_t size)
{
    return strikes(FAULT_MALLOC) ? NULL : malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return strikes(FAULT_MALLOC) ? NULL : calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return strikes(FAULT_MALLOC) ? NULL : realloc(block, size);
}

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    return strikes(FAULT_MMAP) ? MAP_FAILED : mmap(at, len, prot, flags, fd, offset);
}

/* Without MREMAP_FIXED there is no fifth argument. */
void *__wrap_mremap(void *old, size_t old_len, size_t len, int flags, ...)
{
    return strikes(FAULT_MMAP) ? MAP_FAILED : mremap(old, old_len, len, flags);
}

ssize_t __wrap_read(int fd, void *data, size_t len)
{
    return strikes(FAULT_FILE) || disk_read_fails(fd) ? -1 : read(fd, data, len);
}

ssize_t __wrap_recv(int fd, void *data, size_t len, int flags)
{
    return strikes(FAULT_READ) ? -1 : recv(fd, data, cut(FAULT_READ, len), flags);
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
    struct iovec spans[MAX_SPANS];
    struct msghdr copy = cut_message(FAULT_READ, message, spans);

    return strikes(FAULT_READ) ? -1 : recvmsg(fd, &copy, flags);
}

ssize_t __wrap_send(int fd, const void *data, size_t len, int flags)
{
    return strikes(FAULT_SEND) ? -1 : send(fd, data, cut(FAULT_SEND, len), flags);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct iovec spans[MAX_SPANS];
    struct msghdr copy = cut_message(FAULT_SEND, message, spans);

    return strikes(FAULT_SEND) ? -1 : sendmsg(fd, &copy, flags);
}

static struct {
    char *out; /* NULL: what is written goes to stderr */
    size_t size, len;
} caught;

void fault_catch_log(char *out, size_t size)
{
    log_flush(); /* what others said before goes where they said it */
    caught.out = out;
    caught.size = size;
    caught.len = 0;
    if (out != NULL)
        out[0] = '\0';
}

static ssize_t catch (const void *data, size_t len)
{
    size_t left = caught.size - 1 - caught.len, taken = len < left ? len : left;

    memcpy(caught.out + caught.len, data, taken);
    caught.len += taken;
    caught.out[caught.len] = '\0';
    return (ssize_t)len;
}

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
    if (fd == STDERR_FILENO && caught.out != NULL)
        return catch (data, len);
    return strikes(FAULT_FILE) ? -1 : write(fd, data, len);
}

ssize_t __wrap_writev(int fd, const struct iovec *spans, int count)
{
    return strikes(FAULT_FILE) ? -1 : writev(fd, spans, count);
}

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
    return strikes(FAULT_ACCEPT) ? -1 : accept4(fd, address, len, flags);
}

int __wrap_epoll_wait(int fd, struct epoll_event *events, int count, int timeout)
{
    return strikes(FAULT_WAIT)
               ? -1
               : epoll_wait(fd, events, (int)cut(FAULT_WAIT, (size_t)count), timeout);
}

int __wrap_epoll_ctl(int fd, int action, int target, struct epoll_event *event)
{
    return strikes(FAULT_CONTROL) ? -1 : epoll_ctl(fd, action, target, event);
}

int __wrap_epoll_create1(int flags)
{
    return strikes(FAULT_SOCKET) ? -1 : epoll_create1(flags);
}

int __wrap_socket(int domain, int type, int protocol)
{
    return strikes(FAULT_SOCKET) ? -1 : socket(domain, type, protocol);
}

ssize_t __wrap___read_chk(int fd, void *data, size_t len, size_t size)
{
    return len > size ? -1 : __wrap_read(fd, data, len);
}

ssize_t __wrap___recv_chk(int fd, void *data, size_t len, size_t size, int flags)
{
    return len > size ? -1 : __wrap_recv(fd, data, len, flags);
}
