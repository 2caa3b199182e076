#include "server/supervisor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "keeper/rebirth.h"
#include "keeper/upgrade.h"
#include "net/socket.h"

/* A sign of life tells the number of clients too, but not more often than this, in milliseconds. */
#define STATUS_PAUSE 5000

/* How long the end itself may take when the time for the clients is over, in milliseconds. */
#define END_MARGIN 5000

#define US_PER_MS ((uint64_t)1000)

static void supervisor_tell(const struct supervisor *supervisor, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void supervisor_tell(const struct supervisor *supervisor, const char *format, ...)
{
    char message[128];
    va_list args;
    int len;

    if (supervisor->fd < 0)
        return;
    va_start(args, format);
    len = vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    send(supervisor->fd, message, (size_t)len, MSG_NOSIGNAL);
}

/* ---- the environment ---- */

static int supervisor_refuse(const char *why)
{
    log_announce(LOG_ERROR, why);
    return -1;
}

/* Nothing else may have been opened before: it could be taken for one of them. */
static int read_sockets(struct supervisor *supervisor)
{
    const char *wrong =
        listen_fds_read(&supervisor->sockets, getenv("LISTEN_PID"), getenv("LISTEN_FDS"),
                        getenv("LISTEN_FDNAMES"), (uint64_t)getpid());
    char line[160];

    if (wrong != NULL)
        return supervisor_refuse(wrong);
    for (size_t i = 0; i < supervisor->sockets.count; i++) {
        int fd = LISTEN_FDS_FIRST + (int)i;

        if (socket_adopt(fd) == 0)
            continue;
        snprintf(line, sizeof(line),
                 "cannot use descriptor %d of LISTEN_FDS: %s; it must be a "
                 "listening stream socket",
                 fd, strerror(errno));
        return supervisor_refuse(line);
    }
    return 0;
}

/* Half of the time after which the supervisor gives us up (sd_watchdog_enabled(3)). */
static uint64_t read_watchdog(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    uint64_t value;

    if (pid != NULL &&
        (!str_to_u64(str_from(pid), UINT64_MAX, &value) || value != (uint64_t)getpid()))
        return 0;
    if (usec == NULL || !str_to_u64(str_from(usec), UINT64_MAX, &value) || value == 0)
        return 0;
    return max_size(value / US_PER_MS / 2, 1);
}

/* A supervisor that is gone left its address to all that it ever started: that is no reason not to
 * run. */
static void supervisor_open_socket(struct supervisor *supervisor)
{
    const char *address = getenv("NOTIFY_SOCKET");

    if (address == NULL || address[0] == '\0')
        return;
    supervisor->fd = socket_connect_datagram(address);
    if (supervisor->fd < 0)
        log_warning("the supervisor cannot be told anything", "NOTIFY_SOCKET", address, "error",
                    strerror(errno));
    else
        supervisor->interval = read_watchdog();
}

int supervisor_init(struct supervisor *supervisor)
{
    static const char *const ours[] = {"LISTEN_PID",    "LISTEN_FDS",    "LISTEN_FDNAMES",
                                       "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};
    int result;

    supervisor->fd = -1;
    supervisor->interval = 0;
    supervisor->next_sign = UINT64_MAX;
    supervisor->next_status = 0;
    result = read_sockets(supervisor);
    supervisor_open_socket(supervisor);
    /* That takes them out of the list; what the names point to stays where it is. */
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        unsetenv(ours[i]);
    return result;
}

void supervisor_adopt(struct supervisor *supervisor, int fd, uint64_t interval)
{
    *supervisor = (struct supervisor){.fd = fd, .interval = interval, .next_sign = UINT64_MAX};
}

void supervisor_deinit(struct supervisor *supervisor)
{
    if (supervisor->fd >= 0)
        close(supervisor->fd);
}

/* ---- what is told ---- */

void supervisor_ready(struct supervisor *supervisor, uint64_t now, size_t clients)
{
    supervisor_tell(supervisor, "READY=1\nSTATUS=%zu clients", clients);
    if (supervisor->interval > 0)
        supervisor->next_sign = now + supervisor->interval;
}

void supervisor_name_keeper(struct supervisor *supervisor)
{
    supervisor_tell(supervisor, "%s", UPGRADE_KEEPER REBIRTH_VERSION);
}

/* The supervisor compares the time with that of its signal, so it has to be that of now, not that
 * of the tick. */
void supervisor_reloaded(struct supervisor *supervisor)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    supervisor_tell(supervisor, "RELOADING=1\nMONOTONIC_USEC=%llu",
                    (unsigned long long)now.tv_sec * 1000000 +
                        (unsigned long long)now.tv_nsec / 1000);
    supervisor_tell(supervisor, "READY=1");
}

void supervisor_stopping(struct supervisor *supervisor, size_t clients, uint64_t time)
{
    unsigned long long limit = (time + END_MARGIN) * US_PER_MS;

    supervisor_tell(supervisor, "STOPPING=1\nSTATUS=closing %zu clients\nEXTEND_TIMEOUT_USEC=%llu",
                    clients, limit);
}

void supervisor_tick(struct supervisor *supervisor, uint64_t now, size_t clients)
{
    if (now < supervisor->next_sign)
        return;
    supervisor->next_sign = now + supervisor->interval;
    if (now < supervisor->next_status) {
        supervisor_tell(supervisor, "WATCHDOG=1");
        return;
    }
    supervisor->next_status = now + STATUS_PAUSE;
    supervisor_tell(supervisor, "WATCHDOG=1\nSTATUS=%zu clients", clients);
}
