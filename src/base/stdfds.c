#include "base/stdfds.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

/* How stderr is kept from blocking. */
static enum {
    BY_POLL,  /* a file never does */
    BY_PAGES, /* a pipe that poll calls writable has room for PIPE_BUF bytes, and maybe for no more
               */
    BY_BYTES, /* a terminal that poll calls writable has room for one byte, and maybe for no more */
    BY_FLAG,  /* O_NONBLOCK is set, and nobody else has this open file */
    BY_SEND,  /* MSG_DONTWAIT */
} method;

int stdfds_fill(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR | O_CLOEXEC) != fd)
            return -1;
    }
    return 0;
}

/* Opens anew what stderr is. A terminal of somebody else cannot be opened by its own name (su,
 * sudo), but as the one that controls us. */
static int reopen_stderr(bool is_terminal)
{
    const int flags = O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    int fd = open("/proc/self/fd/2", flags);

    if (fd < 0 && is_terminal && tcgetsid(STDERR_FILENO) == getsid(0))
        fd = open("/dev/tty", flags);
    return fd;
}

void stdfds_unblock_stderr(void)
{
    bool is_terminal = isatty(STDERR_FILENO) == 1;
    struct stat st;
    int fd;

    method = is_terminal ? BY_BYTES : BY_POLL;
    if (fstat(STDERR_FILENO, &st) < 0 || S_ISREG(st.st_mode))
        return;
    if (S_ISFIFO(st.st_mode))
        method = BY_PAGES;
    if (S_ISSOCK(st.st_mode)) {
        method = BY_SEND;
        return;
    }
    fd = reopen_stderr(is_terminal);
    if (fd < 0)
        return;
    if (dup3(fd, STDERR_FILENO, 0) >= 0)
        method = BY_FLAG;
    close(fd);
}

static bool can_write(void)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};

    return poll(&out, 1, 0) != 0;
}

static size_t at_once(size_t len)
{
    if (method == BY_BYTES)
        return 1;
    return method == BY_PAGES && len > PIPE_BUF ? PIPE_BUF : len;
}

static ssize_t write_some(const uint8_t *data, size_t len)
{
    if (method == BY_SEND)
        return send(STDERR_FILENO, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (method != BY_FLAG && !can_write())
        return 0;
    return write(STDERR_FILENO, data, at_once(len));
}

size_t stdfds_write_stderr(const void *data, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = write_some((const uint8_t *)data + done, len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    return done;
}
