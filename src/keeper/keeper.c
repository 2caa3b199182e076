#include "keeper/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "base/util.h"

/* A worker that was ready for so long had a life, in milliseconds: the next pause is short again.
 */
#define LONG_LIFE 10000

/* Milliseconds after which stderr is offered again what it did not take. */
#define FLUSH_AGAIN 1000

/* Messages of a worker that are heard in a turn. */
#define HEAR_MAX 64

/* The longest message of a worker. */
#define MESSAGE_MAX 512

/* The status of a child that could not become a worker. */
#define STATUS_NO_EXEC 127

struct keeper {
    const struct keeper_config *config;
    pid_t own;
    pid_t worker;        /* 0: there is none now */
    int ear;             /* what the worker tells comes here; -1: there is none */
    int signals;         /* signalfd(2) */
    uint64_t now;        /* monotonic ms */
    uint64_t ready_at;   /* monotonic ms; while is_ready */
    uint64_t next_start; /* monotonic ms; UINT64_MAX: never */
    uint64_t next_sign; /* monotonic ms: of life, while no worker can give one; UINT64_MAX: never */
    unsigned deaths;    /* in a row, after short lives */
    bool is_ready;      /* the worker there is */
    bool was_ready;     /* any worker */
    bool is_ending;     /* a signal asked for the end */
    bool is_quitting;   /* that was SIGQUIT */
    bool is_over;
    int status; /* once it is over */
};

/* ---- what is told ---- */

static void keeper_tell(const struct keeper *k, const char *message, size_t len)
{
    if (k->config->supervisor >= 0)
        send(k->config->supervisor, message, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static bool is_passed(struct str line)
{
    static const char *const names[] = {"READY=",     "STATUS=",         "STOPPING=",
                                        "RELOADING=", "MONOTONIC_USEC=", "EXTEND_TIMEOUT_USEC=",
                                        "WATCHDOG=1"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        size_t len = strlen(names[i]);

        if (line.len >= len && memcmp(line.ptr, names[i], len) == 0)
            return true;
    }
    return false;
}

bool keeper_may_pass(const char *message, size_t len)
{
    struct str rest = {message, len};

    while (rest.ptr != NULL) {
        if (!is_passed(str_cut(&rest, '\n')))
            return false;
    }
    return true;
}

static void keeper_note_ready(struct keeper *k)
{
    if (k->is_ready)
        return;
    k->is_ready = k->was_ready = true;
    k->ready_at = k->now;
    k->next_sign = UINT64_MAX;
}

static void keeper_close_ear(struct keeper *k)
{
    if (k->ear >= 0)
        close(k->ear);
    k->ear = -1;
}

/* Returns false where there is nothing more to hear. */
static bool hear_one(struct keeper *k)
{
    static const char ready[] = "READY=1";
    char message[MESSAGE_MAX];
    ssize_t n = k->ear < 0 ? -1 : recv(k->ear, message, sizeof(message), MSG_DONTWAIT);

    if (n == 0) { /* a hang-up would wake the keeper for ever; a death comes by SIGCHLD */
        keeper_close_ear(k);
        return false;
    }
    if (n < 0)
        return k->ear >= 0 && errno == EINTR;
    if ((size_t)n >= sizeof(ready) - 1 && memcmp(message, ready, sizeof(ready) - 1) == 0)
        keeper_note_ready(k);
    if (keeper_may_pass(message, (size_t)n))
        keeper_tell(k, message, (size_t)n);
    return true;
}

/* A worker that never stops talking must not keep signals from being heard. */
static void keeper_hear(struct keeper *k)
{
    for (int i = 0; i < HEAR_MAX && hear_one(k); i++)
        continue;
}

/* While no worker can, the keeper tells the supervisor that all is well. */
static void keeper_give_sign(struct keeper *k)
{
    static const char sign[] = "WATCHDOG=1";

    if (k->now < k->next_sign)
        return;
    k->next_sign = k->now + k->config->worker->interval;
    keeper_tell(k, sign, sizeof(sign) - 1);
}

/* ---- a worker begins ---- */

/* Those that no worker waits for must not be blocked there. */
static void unblock_for_worker(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGQUIT);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int keep_open(int fd)
{
    return fcntl(fd, F_SETFD, 0);
}

/* In the child. The terminal's signals go to the keeper alone, which passes them on; the signals
 * that are blocked stay so, until the worker is able to read them. */
static void become_worker(const struct keeper *k, int mouth)
{
    struct inherited inherited = *k->config->worker;
    char text[INHERITED_TEXT_MAX];

    inherited.keeper = mouth;
    inherited_write(text, &inherited);
    setpgid(0, 0);
    unblock_for_worker();
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != k->own || keep_open(mouth) < 0 ||
        setenv(INHERITED_NAME, text, 1) < 0)
        _exit(STATUS_NO_EXEC);
    for (size_t i = 0; i < inherited.count; i++) {
        if (keep_open(inherited.listeners[i].fd) < 0)
            _exit(STATUS_NO_EXEC);
    }
    fexecve(k->config->program, k->config->argv, environ);
    _exit(STATUS_NO_EXEC);
}

static pid_t fork_worker(struct keeper *k)
{
    int pair[2], saved;
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return -1;
    pid = fork();
    saved = errno;
    if (pid == 0)
        become_worker(k, pair[1]);
    close(pair[1]);
    k->ear = pair[0];
    if (pid < 0)
        close(pair[0]);
    errno = saved;
    return pid;
}

/* What is the next pause? Deaths that follow each other fast make it longer. */
uint64_t keeper_pause(unsigned deaths_before)
{
    uint64_t pause = KEEPER_PAUSE_MIN;

    for (unsigned i = 0; i < deaths_before && pause < KEEPER_PAUSE_MAX; i++)
        pause *= 2;
    return min_u64(pause, KEEPER_PAUSE_MAX);
}

static uint64_t keeper_schedule(struct keeper *k)
{
    uint64_t pause = keeper_pause(k->deaths);

    k->deaths++;
    k->next_start = k->now + pause;
    return pause;
}

static void keeper_start(struct keeper *k)
{
    char text[24];
    pid_t pid;

    k->next_start = UINT64_MAX;
    log_flush(); /* what still waits would be the child's too */
    pid = fork_worker(k);
    if (pid < 0) {
        log_error("the worker cannot be started", "error", strerror(errno));
        k->ear = -1;
        k->is_over = !k->was_ready;
        keeper_schedule(k);
        return;
    }
    k->worker = pid;
    snprintf(text, sizeof(text), "%ld", (long)pid);
    log_info("worker started", "#pid", text);
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

/* How it died; one of the two texts is empty. */
static void describe_death(int status, char signal[16], char code[16])
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

static void tell_death(const struct keeper *k, int status, const char *message, uint64_t pause)
{
    char pid[24], signal[16], code[16], text[24];

    snprintf(pid, sizeof(pid), "%ld", (long)k->worker);
    snprintf(text, sizeof(text), "%llu", (unsigned long long)pause);
    describe_death(status, signal, code);
    log_error(message, "#pid", pid, "signal", signal[0] != '\0' ? signal : NULL, "#status",
              code[0] != '\0' ? code : NULL, "#pause_ms", pause > 0 ? text : NULL);
}

static void keeper_end(struct keeper *k, int status)
{
    k->is_over = true;
    k->status = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
    /* A worker that ends with a status has said why. */
    if (WIFSIGNALED(status) && !k->is_quitting)
        tell_death(k, status, "the worker died", 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NO_EXEC)
        tell_death(k, status, "the worker's program cannot be run", 0);
}

/* Seats and rooms of a worker that kept no journal are gone with it. */
static void keeper_bury(struct keeper *k, int status)
{
    static const char words[] = "STATUS=the worker died and is started again";

    keeper_hear(k);
    keeper_close_ear(k);
    if (k->is_ending || !k->was_ready || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
        keeper_end(k, status);
        return;
    }
    if (k->is_ready && k->now - k->ready_at >= LONG_LIFE)
        k->deaths = 0;
    tell_death(k, status, "the worker died, and is started again", keeper_schedule(k));
    keeper_tell(k, words, sizeof(words) - 1);
    k->is_ready = false;
    k->worker = 0;
    k->next_sign = k->config->worker->interval > 0 ? k->now : UINT64_MAX;
}

/* As the first process of a container it has the children of others, too. */
static void keeper_reap(struct keeper *k)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == k->worker)
            keeper_bury(k, status);
    }
}

/* ---- signals ---- */

static void keeper_pass_signal(struct keeper *k, int signal)
{
    if (k->worker > 0)
        kill(k->worker, signal);
    if (signal == SIGHUP)
        return; /* whether that is an end is the worker's to say */
    k->is_ending = true;
    k->is_quitting = k->is_quitting || signal == SIGQUIT;
    if (k->worker == 0) {
        k->is_over = true;
        k->status = EXIT_SUCCESS;
    }
}

static void on_signals(struct keeper *k)
{
    struct signalfd_siginfo info;

    while (read(k->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            keeper_reap(k);
        else if (info.ssi_signo == SIGUSR2)
            log_warning("SIGUSR2 is ignored: this version cannot hand people over");
        else
            keeper_pass_signal(k, (int)info.ssi_signo);
    }
}

/* A shell starts what is in the background so; a server without a keeper leaves it at that. */
static bool is_ignored(int number)
{
    struct sigaction action;

    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static int keeper_open_signals(struct keeper *k)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR2, SIGCHLD};
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGTTOU, SIG_IGN);
    signal(SIGCHLD, SIG_DFL); /* or there would be no children to wait for */
    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        sigaddset(&set, numbers[i]);
    if (!is_ignored(SIGQUIT))
        sigaddset(&set, SIGQUIT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -1;
    k->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return k->signals < 0 ? -1 : 0;
}

/* As a server without a keeper would end; the worker has left the core. */
static void die_by_quit(void)
{
    const struct rlimit none = {0, 0};
    sigset_t set;

    setrlimit(RLIMIT_CORE, &none);
    log_flush();
    signal(SIGQUIT, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, SIGQUIT);
    raise(SIGQUIT);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* ---- the loop ---- */

static int keeper_timeout(const struct keeper *k, bool has_lines)
{
    uint64_t next = min_u64(k->next_start, k->next_sign);

    if (has_lines)
        next = min_u64(next, k->now + FLUSH_AGAIN);
    if (next == UINT64_MAX)
        return -1;
    return next <= k->now ? 0 : (int)min_u64(next - k->now, INT32_MAX);
}

static void keeper_turn(struct keeper *k)
{
    struct pollfd fds[] = {{k->signals, POLLIN, 0}, {k->ear, POLLIN, 0}};

    if (poll(fds, ARRAY_LEN(fds), keeper_timeout(k, !log_flush())) < 0 && errno != EINTR)
        log_error("poll", "error", strerror(errno));
    k->now = clock_monotonic_ns() / CLOCK_NS_PER_MS;
    keeper_hear(k);
    on_signals(k);
    keeper_give_sign(k);
    if (!k->is_over && !k->is_ending && k->now >= k->next_start)
        keeper_start(k);
}

int keeper_run(const struct keeper_config *config)
{
    struct keeper k = {.config = config,
                       .own = getpid(),
                       .ear = -1,
                       .next_sign = UINT64_MAX,
                       .status = EXIT_FAILURE};

    if (keeper_open_signals(&k) < 0) {
        log_error("cannot start", "error", strerror(errno));
        return EXIT_FAILURE;
    }
    while (!k.is_over)
        keeper_turn(&k);
    close(k.signals);
    if (k.is_quitting)
        die_by_quit();
    return k.status;
}
