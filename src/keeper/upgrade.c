#include "keeper/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "keeper/rebirth.h"
#include "keeper/worker.h"

/* Both workers have deadlines of their own, which end before this one, in milliseconds: it is for
 * workers that do nothing at all. */
#define UPGRADE_TIMEOUT 60000

/* How long the worker has to say why it lost its heir, and the heir to end by itself, in
 * milliseconds. */
#define WHY_TIMEOUT 2000
#define END_TIMEOUT 500

#define HEIR_MESSAGE_MAX 512

void upgrade_init(struct upgrade *u)
{
    *u = (struct upgrade){.program = -1, .ear = -1, .deadline = UINT64_MAX};
}

/* ---- the end of one that fails ---- */

/* A supervisor is told of it: a worker must not bring in a line of its own. */
static void upgrade_set_why(struct upgrade *u, struct str why)
{
    size_t len = 0;

    if (u->why[0] != '\0')
        return;
    while (len < why.len && (unsigned char)why.ptr[len] >= ' ')
        len++;
    snprintf(u->why, sizeof(u->why), "%.*s", (int)len, why.ptr);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void upgrade_kill(struct upgrade *u)
{
    if (u->heir == 0)
        return;
    u->is_killed = true;
    kill(u->heir, SIGKILL);
}

static void upgrade_lose(struct upgrade *u, uint64_t now)
{
    u->state = UPGRADE_LOST;
    u->deadline = now + (u->why[0] == '\0' ? WHY_TIMEOUT : END_TIMEOUT);
}

static void upgrade_fail(struct upgrade *u, const char *what, const char *error, uint64_t now)
{
    char why[UPGRADE_WHY_MAX];

    snprintf(why, sizeof(why), "%s: %s", what, error);
    upgrade_set_why(u, str_from(why));
    upgrade_lose(u, now);
}

/* ---- the beginning ---- */

/* Gives the worker its end of the socket pair. */
static int upgrade_ask(int worker, int fd)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    char text[] = UPGRADE_ASKED;
    struct iovec iov = {text, sizeof(text) - 1};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);

    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = (socklen_t)CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &fd, sizeof(fd));
    return sendmsg(worker, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -1 : 0;
}

static void upgrade_start_heir(struct upgrade *u, const struct upgrade_config *config, int estate,
                               uint64_t now)
{
    struct inherited inherited = *config->inherited;
    const struct worker_start start = {
        .program = u->program, .argv = config->argv, .inherited = &inherited};
    char pid[24];

    inherited.estate = estate;
    log_flush(); /* what still waits would be the child's too */
    u->heir = worker_fork(&start, &u->ear);
    if (u->heir < 0) {
        u->heir = 0;
        upgrade_fail(u, "the new worker cannot be started", strerror(errno), now);
        return;
    }
    snprintf(pid, sizeof(pid), "%ld", (long)u->heir);
    log_info("a new worker was started to hand over to", "#pid", pid, "program", config->path);
}

void upgrade_begin(struct upgrade *u, const struct upgrade_config *config, uint64_t now)
{
    int pair[2];

    upgrade_init(u);
    u->state = UPGRADE_BEGUN;
    u->deadline = now + UPGRADE_TIMEOUT;
    u->program = open(config->path, O_PATH | O_CLOEXEC);
    if (u->program < 0) {
        upgrade_fail(u, config->path, strerror(errno), now);
        return;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
        upgrade_fail(u, "a socket pair", strerror(errno), now);
        return;
    }
    if (upgrade_ask(config->worker, pair[0]) < 0)
        upgrade_fail(u, "the worker does not hear the keeper", strerror(errno), now);
    else
        upgrade_start_heir(u, config, pair[1], now);
    close(pair[0]);
    close(pair[1]);
}

/* ---- what is heard ---- */

static bool upgrade_is_said(const char *message, size_t len, const char *words)
{
    return len >= strlen(words) && memcmp(message, words, strlen(words)) == 0;
}

/* Returns false where there is nothing more to hear. */
static bool upgrade_hear_one(struct upgrade *u)
{
    char message[HEIR_MESSAGE_MAX];
    ssize_t n = u->ear < 0 ? -1 : recv(u->ear, message, sizeof(message), MSG_DONTWAIT);

    if (n == 0) { /* its death comes by SIGCHLD */
        close_fd(&u->ear);
        return false;
    }
    if (n < 0)
        return u->ear >= 0 && errno == EINTR;
    if ((size_t)n == strlen(UPGRADE_KEEPER REBIRTH_VERSION) &&
        upgrade_is_said(message, (size_t)n, UPGRADE_KEEPER REBIRTH_VERSION))
        u->has_keeper = true;
    if (upgrade_is_said(message, (size_t)n, "READY=1")) {
        u->state = UPGRADE_READY;
        return false; /* the rest is said by the worker that it is then */
    }
    return true;
}

void upgrade_hear(struct upgrade *u)
{
    while (u->state == UPGRADE_BEGUN && upgrade_hear_one(u))
        continue;
}

bool upgrade_note(struct upgrade *u, const char *message, size_t len, uint64_t now)
{
    size_t skip = strlen(UPGRADE_REFUSED);

    if (!upgrade_is_said(message, len, UPGRADE_REFUSED))
        return false;
    if (u->state != UPGRADE_BEGUN && u->state != UPGRADE_LOST)
        return true;
    upgrade_set_why(u, (struct str){message + skip, len - skip});
    upgrade_lose(u, now);
    return true;
}

void upgrade_note_end(struct upgrade *u)
{
    if (u->state == UPGRADE_LOST)
        upgrade_set_why(u, STR("the worker ended meanwhile"));
}

bool upgrade_reap(struct upgrade *u, pid_t pid, int status, uint64_t now)
{
    if (pid != u->heir || u->heir == 0)
        return false;
    upgrade_hear(u);
    if (u->state == UPGRADE_READY)
        return false; /* it dies as the worker that it has become */
    u->heir = 0;
    u->ended = pid;
    u->status = status;
    upgrade_lose(u, now);
    return true;
}

/* ---- steps ---- */

bool upgrade_step(struct upgrade *u, uint64_t now)
{
    if (u->state == UPGRADE_BEGUN && now >= u->deadline) {
        upgrade_set_why(u, STR("it was not over in time"));
        upgrade_lose(u, now);
    }
    if (u->state != UPGRADE_LOST)
        return false;
    if (now >= u->deadline) {
        upgrade_set_why(u, STR("the new worker ended"));
        upgrade_kill(u);
        u->deadline = UINT64_MAX;
    }
    if (u->why[0] == '\0' || u->heir > 0)
        return false;
    close_fd(&u->ear);
    close_fd(&u->program);
    u->state = UPGRADE_NONE;
    u->deadline = UINT64_MAX;
    return true;
}

void upgrade_finish(struct upgrade *u)
{
    upgrade_init(u);
}
