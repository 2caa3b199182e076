#include "server/handover_wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"

#define INPUT_SIZE ((size_t)64 * 1024)

/* After which pause memory is asked for again, in milliseconds. */
#define MEMORY_PAUSE 10

/* The messages of the kernel that hold a batch of descriptors. */
union wire_control {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(sizeof(int) * HANDOVER_FDS)];
};

int wire_init(struct handover_wire *wire, int fd, size_t max_fds)
{
    *wire = (struct handover_wire){.fd = fd, .deadline = UINT64_MAX, .max = max_fds};
    wire->input = malloc(INPUT_SIZE);
    wire->fds = max_fds > 0 ? calloc(max_fds, sizeof(*wire->fds)) : NULL;
    if (wire->input != NULL && (max_fds == 0 || wire->fds != NULL))
        return 0;
    wire_deinit(wire);
    errno = ENOMEM;
    return -1;
}

void wire_deinit(struct handover_wire *wire)
{
    close(wire->fd);
    free(wire->input);
    free(wire->fds);
    *wire = (struct handover_wire){.fd = -1};
}

void wire_close_received(struct handover_wire *wire)
{
    while (wire->count > 0)
        close(wire->fds[--wire->count]);
}

/* Waits until the socket can be read or written. Returns 0, or -1 where that takes too long. */
static int wire_wait(struct handover_wire *wire, short events)
{
    struct pollfd pfd = {wire->fd, events, 0};
    int timeout;

    do {
        uint64_t now = clock_monotonic_ns() / CLOCK_NS_PER_MS;

        if (now >= wire->deadline) {
            wire->is_late = true;
            return -1;
        }
        timeout = wire->deadline == UINT64_MAX ? -1 : (int)min_u64(wire->deadline - now, INT32_MAX);
    } while (poll(&pfd, 1, timeout) <= 0);
    return 0;
}

/* The system has no memory now: waits a little. */
static int wire_wait_for_memory(struct handover_wire *wire)
{
    struct pollfd nobody = {-1, 0, 0};

    if (clock_monotonic_ns() / CLOCK_NS_PER_MS >= wire->deadline) {
        wire->is_late = true;
        return -1;
    }
    poll(&nobody, 1, MEMORY_PAUSE);
    return 0;
}

/* After a call that failed: waits until it may be tried again. That the other end is closed must be
 * known for sure: an heir serves people by that. */
static int wire_go_on(struct handover_wire *wire, short events)
{
    if (errno == EINTR)
        return 0;
    if (errno == EAGAIN)
        return wire_wait(wire, events);
    if (errno == ENOMEM || errno == ENOBUFS)
        return wire_wait_for_memory(wire);
    wire->is_over = errno == EPIPE || errno == ECONNRESET;
    return -1;
}

static struct str wire_rest(struct str bytes, size_t sent)
{
    return (struct str){bytes.ptr + sent, bytes.len - sent};
}

int wire_send(struct handover_wire *wire, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(wire->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && wire_go_on(wire, POLLOUT) < 0)
            return -1;
        if (n > 0) {
            bytes = wire_rest(bytes, (size_t)n);
            wire->bytes += (uint64_t)n;
        }
    }
    return 0;
}

int wire_send_fds(struct handover_wire *wire, struct str bytes, const int *fds, size_t count)
{
    union wire_control control = {.bytes = {0}};
    struct iovec iov = {(void *)(uintptr_t)bytes.ptr, bytes.len};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = (socklen_t)CMSG_SPACE(sizeof(int) * count)};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    ssize_t n;

    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = (socklen_t)CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(head), fds, sizeof(int) * count);
    while ((n = sendmsg(wire->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT)) < 0) {
        if (wire_go_on(wire, POLLOUT) < 0)
            return -1;
    }
    wire->bytes += (uint64_t)n;
    return wire_send(wire, wire_rest(bytes, (size_t)n));
}

/* Returns -1 where they are too many; whatever came is kept, to be closed. */
static int wire_take_fds(struct handover_wire *wire, struct msghdr *message)
{
    int result = (message->msg_flags & MSG_CTRUNC) != 0 ? -1 : 0;
    struct cmsghdr *head = CMSG_FIRSTHDR(message); /* all of a message come in one */
    size_t count;

    if (head == NULL || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
        return result;
    count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
        int fd;

        memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof(int));
        if (wire->count < wire->max) {
            wire->fds[wire->count++] = fd;
        } else {
            close(fd);
            result = -1;
        }
    }
    return result;
}

/* Receives into the empty buffer. */
static int wire_receive_more(struct handover_wire *wire)
{
    union wire_control control;
    struct iovec iov = {wire->input, INPUT_SIZE};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control)};
    ssize_t n = recvmsg(wire->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (n == 0) {
        wire->is_over = true;
        return -1;
    }
    if (n < 0)
        return wire_go_on(wire, POLLIN);
    wire->at = 0;
    wire->end = (size_t)n;
    wire->bytes += (uint64_t)n;
    return wire_take_fds(wire, &message);
}

int wire_receive(struct handover_wire *wire, void *to, size_t len)
{
    uint8_t *next = to;

    while (len > 0) {
        size_t n = min_size(len, wire->end - wire->at);

        if (n == 0 && wire_receive_more(wire) < 0)
            return -1;
        memcpy(next, wire->input + wire->at, n);
        wire->at += n;
        next += n;
        len -= n;
    }
    return 0;
}

bool wire_is_ready(const struct handover_wire *wire)
{
    struct pollfd pfd = {wire->fd, POLLIN, 0};

    return wire->at < wire->end || poll(&pfd, 1, 0) > 0;
}

int wire_flush(void *wire, struct str bytes)
{
    return wire_send(wire, bytes);
}

int wire_fill(void *wire, void *to, size_t len)
{
    return wire_receive(wire, to, len);
}

int wire_say(struct handover_wire *wire, uint16_t type)
{
    uint8_t record[HAND_HEADER];

    hand_empty(record, type);
    return wire_send(wire, (struct str){(const char *)record, sizeof(record)});
}

bool wire_is_hung_up(const struct handover_wire *wire)
{
    struct pollfd pfd = {wire->fd, 0, 0};

    return poll(&pfd, 1, 0) > 0 && (pfd.revents & (POLLHUP | POLLERR)) != 0;
}
