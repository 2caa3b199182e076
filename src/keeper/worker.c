#include "keeper/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"

/* ---- a worker begins ---- */

int worker_let_inherit(int fd, int is_inherited)
{
    return fcntl(fd, F_SETFD, is_inherited ? 0 : FD_CLOEXEC);
}

/* Those that no worker waits for must not be blocked there. */
static void unblock_for_worker(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGQUIT);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* In the child. The terminal's signals go to the keeper alone, which passes them on; the signals
 * that are blocked stay so, until the worker is able to read them. */
static void become_worker(const struct worker_start *start, pid_t keeper, int mouth)
{
    struct inherited inherited = *start->inherited;
    char text[INHERITED_TEXT_MAX];

    inherited.keeper = mouth;
    inherited_write(text, &inherited);
    setpgid(0, 0);
    unblock_for_worker();
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != keeper ||
        worker_let_inherit(mouth, 1) < 0 || setenv(INHERITED_NAME, text, 1) < 0)
        _exit(WORKER_NO_EXEC);
    if (inherited.estate >= 0 && worker_let_inherit(inherited.estate, 1) < 0)
        _exit(WORKER_NO_EXEC);
    for (size_t i = 0; i < inherited.count; i++) {
        if (worker_let_inherit(inherited.listeners[i].fd, 1) < 0)
            _exit(WORKER_NO_EXEC);
    }
    fexecve(start->program, start->argv, environ);
    _exit(WORKER_NO_EXEC);
}

pid_t worker_fork(const struct worker_start *start, int *ear)
{
    pid_t keeper = getpid(), pid;
    int pair[2], saved;

    *ear = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return -1;
    pid = fork();
    saved = errno;
    if (pid == 0)
        become_worker(start, keeper, pair[1]);
    close(pair[1]);
    if (pid < 0)
        close(pair[0]);
    else
        *ear = pair[0];
    errno = saved;
    return pid;
}

/* ---- a worker ends ---- */

static const char *signal_name(int signal)
{
    static const char *const names[] = {
        [SIGABRT] = "SIGABRT", [SIGBUS] = "SIGBUS",   [SIGFPE] = "SIGFPE",   [SIGHUP] = "SIGHUP",
        [SIGILL] = "SIGILL",   [SIGINT] = "SIGINT",   [SIGKILL] = "SIGKILL", [SIGQUIT] = "SIGQUIT",
        [SIGSEGV] = "SIGSEGV", [SIGSYS] = "SIGSYS",   [SIGTERM] = "SIGTERM", [SIGTRAP] = "SIGTRAP",
        [SIGXCPU] = "SIGXCPU", [SIGXFSZ] = "SIGXFSZ",
    };

    return (size_t)signal < ARRAY_LEN(names) ? names[signal] : NULL;
}

void worker_describe_death(int status, char signal[16], char code[16])
{
    const char *name = WIFSIGNALED(status) ? signal_name(WTERMSIG(status)) : NULL;

    signal[0] = code[0] = '\0';
    if (name != NULL)
        snprintf(signal, 16, "%s", name);
    else if (WIFSIGNALED(status))
        snprintf(signal, 16, "%d", WTERMSIG(status));
    else
        snprintf(code, 16, "%d", WEXITSTATUS(status));
}
