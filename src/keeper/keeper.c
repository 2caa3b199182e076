#include "keeper/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "base/util.h"
#include "keeper/rebirth.h"
#include "keeper/upgrade.h"
#include "keeper/worker.h"

/* A worker that was ready for so long had a life, in milliseconds: the next pause is short again.
 */
#define LONG_LIFE 10000

/* Milliseconds after which stderr is offered again what it did not take. */
#define FLUSH_AGAIN 1000

/* Messages of a worker that are heard in a turn. */
#define HEAR_MAX 64

/* The longest message of a worker. */
#define MESSAGE_MAX 512

/* How long a worker that has handed over may take to end, in milliseconds. */
#define LEAVING_MAX 2000

struct keeper {
    const struct keeper_config *config;
    int program; /* of the worker, as by O_PATH */
    struct upgrade upgrade;
    pid_t worker;        /* 0: there is none now */
    pid_t leaving;       /* the one before, which has handed over; 0: it has ended */
    uint64_t leave_by;   /* monotonic ms; UINT64_MAX: nobody leaves */
    pid_t gone;          /* one that ended while it handed over; its heir may have all; 0: none */
    int gone_status;     /* of wait(2) */
    int last_signal;     /* that a worker was sent; 0: none since the upgrade began */
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
    bool is_to_be_reborn; /* once the worker before has ended */
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
    if (!upgrade_note(&k->upgrade, message, (size_t)n, k->now) &&
        keeper_may_pass(message, (size_t)n))
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
    const struct worker_start start = {
        .program = k->program, .argv = k->config->argv, .inherited = k->config->worker};
    char text[24];
    pid_t pid;

    k->next_start = UINT64_MAX;
    log_flush(); /* what still waits would be the child's too */
    pid = worker_fork(&start, &k->ear);
    if (pid < 0) {
        log_error("the worker cannot be started", "error", strerror(errno));
        k->is_over = !k->was_ready;
        keeper_schedule(k);
        return;
    }
    k->worker = pid;
    snprintf(text, sizeof(text), "%ld", (long)pid);
    log_info("worker started", "#pid", text);
}

/* ---- a worker ends ---- */

static void tell_death(pid_t worker, int status, const char *message, uint64_t pause)
{
    char pid[24], signal[16], code[16], text[24];

    snprintf(pid, sizeof(pid), "%ld", (long)worker);
    snprintf(text, sizeof(text), "%llu", (unsigned long long)pause);
    worker_describe_death(status, signal, code);
    log_error(message, "#pid", pid, "signal", signal[0] != '\0' ? signal : NULL, "#status",
              code[0] != '\0' ? code : NULL, "#pause_ms", pause > 0 ? text : NULL);
}

static void keeper_end(struct keeper *k, pid_t worker, int status)
{
    k->is_over = true;
    k->status = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
    /* A worker that ends with a status has said why. */
    if (WIFSIGNALED(status) && !k->is_quitting)
        tell_death(worker, status, "the worker died", 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == WORKER_NO_EXEC)
        tell_death(worker, status, "the worker's program cannot be run", 0);
}

static void keeper_miss_worker(struct keeper *k)
{
    k->is_ready = false;
    k->worker = 0;
    k->next_sign = k->config->worker->interval > 0 ? k->now : UINT64_MAX;
}

/* Seats and rooms of a worker that kept no journal are gone with it. */
static void keeper_bury(struct keeper *k, pid_t worker, int status)
{
    static const char words[] = "STATUS=the worker died and is started again";

    if (k->is_ending || !k->was_ready || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
        keeper_end(k, worker, status);
        return;
    }
    if (k->is_ready && k->now - k->ready_at >= LONG_LIFE)
        k->deaths = 0;
    tell_death(worker, status, "the worker died, and is started again", keeper_schedule(k));
    keeper_tell(k, words, sizeof(words) - 1);
    keeper_miss_worker(k);
}

static bool keeper_has_handed(int status)
{
    return WIFEXITED(status) && WEXITSTATUS(status) == UPGRADE_HANDED;
}

/* It may have handed over all that it had: then it is missed by nobody, or with its heir. */
static void keeper_lose_worker(struct keeper *k, int status)
{
    keeper_hear(k);
    keeper_close_ear(k);
    upgrade_hear(&k->upgrade);
    upgrade_note_end(&k->upgrade);
    if (k->upgrade.state == UPGRADE_NONE ||
        (k->upgrade.state == UPGRADE_LOST && !keeper_has_handed(status))) {
        keeper_bury(k, k->worker, status);
        return;
    }
    k->gone = k->worker;
    k->gone_status = status;
    keeper_miss_worker(k);
}

static void keeper_note_left(struct keeper *k, int status)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
        tell_death(k->leaving, status, "the worker before died behind its hand-over", 0);
    k->leaving = 0;
    k->leave_by = UINT64_MAX;
}

/* As the first process of a container it has the children of others, too. */
static void keeper_reap(struct keeper *k)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == k->worker)
            keeper_lose_worker(k, status);
        else if (pid == k->leaving)
            keeper_note_left(k, status);
        else
            upgrade_reap(&k->upgrade, pid, status, k->now);
    }
}

/* ---- a hand-over ---- */

/* Why can none begin? NULL: it can. */
static const char *keeper_refusal(const struct keeper *k)
{
    if (k->upgrade.state != UPGRADE_NONE || k->leaving > 0)
        return "one is under way";
    if (k->is_ending)
        return "the server ends";
    return k->is_ready ? NULL : "no worker is ready";
}

static void keeper_begin_upgrade(struct keeper *k)
{
    const struct upgrade_config config = {.path = k->config->path,
                                          .argv = k->config->argv,
                                          .inherited = k->config->worker,
                                          .worker = k->ear};
    const char *why = keeper_refusal(k);
    char message[80];
    int len;

    if (why != NULL) {
        log_warning("SIGUSR2: nobody is handed over", "why", why);
        return;
    }
    len =
        snprintf(message, sizeof(message), "RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=handing over",
                 (unsigned long long)(clock_monotonic_ns() / 1000));
    keeper_tell(k, message, (size_t)len);
    k->last_signal = 0;
    /* A worker that hands over gives no sign of life meanwhile. */
    k->next_sign = k->config->worker->interval > 0 ? k->now : UINT64_MAX;
    upgrade_begin(&k->upgrade, &config, k->now);
}

/* Nobody has noticed anything but us. */
static void keeper_tell_failure(struct keeper *k)
{
    const struct upgrade *u = &k->upgrade;
    char message[UPGRADE_WHY_MAX + 64], signal[16] = "", code[16] = "";
    bool has_ended = !u->is_killed && u->ended > 0;
    int len =
        snprintf(message, sizeof(message), "READY=1\nSTATUS=nobody was handed over: %s", u->why);

    if (has_ended)
        worker_describe_death(u->status, signal, code);
    log_error("nobody was handed over: they stay with the worker that they have", "why", u->why,
              "signal", signal[0] != '\0' ? signal : NULL, "#status",
              code[0] != '\0' ? code : NULL);
    keeper_tell(k, message, min_size((size_t)len, sizeof(message) - 1));
}

/* The worker that ended meanwhile has left nothing to anybody: that is a crash, or an end, as any.
 */
static void keeper_fail_upgrade(struct keeper *k)
{
    pid_t gone = k->gone;

    k->gone = 0;
    if (gone > 0 && keeper_has_handed(k->gone_status)) {
        log_error("the new worker ended with all that it had");
        keeper_bury(k, k->upgrade.ended, k->upgrade.status);
        return;
    }
    keeper_tell_failure(k);
    if (gone > 0)
        keeper_bury(k, gone, k->gone_status);
    else
        k->next_sign = UINT64_MAX;
}

/* The heir is the worker from now on. */
static void keeper_take_heir(struct keeper *k)
{
    static const char words[] = "READY=1\nSTATUS=handed over to a new worker";
    struct upgrade *u = &k->upgrade;
    char pid[24];

    keeper_hear(k);
    keeper_close_ear(k);
    if (k->gone > 0 && WIFSIGNALED(k->gone_status))
        tell_death(k->gone, k->gone_status, "the worker died, but the new one has all", 0);
    k->leaving = k->worker;
    k->leave_by = k->leaving > 0 ? k->now + LEAVING_MAX : UINT64_MAX;
    k->gone = 0;
    k->worker = u->heir;
    k->ear = u->ear;
    k->is_ready = false;
    keeper_note_ready(k);
    k->deaths = 0;
    if (k->program != k->config->program)
        close(k->program);
    k->program = u->program;
    k->is_to_be_reborn = u->has_keeper;
    snprintf(pid, sizeof(pid), "%ld", (long)k->worker);
    log_info("handed over to the new worker", "#pid", pid);
    keeper_tell(k, words, sizeof(words) - 1);
    upgrade_finish(u);
    if (k->last_signal > 0) /* which the one before may have taken with it */
        kill(k->worker, k->last_signal);
    k->last_signal = 0;
}

/* Its own program anew, with what it knows of the worker. */
static void keeper_be_reborn(struct keeper *k)
{
    struct rebirth rebirth = {
        .worker = k->worker, .supervisor = k->config->supervisor, .inherited = *k->config->worker};

    k->is_to_be_reborn = false;
    rebirth.inherited.keeper = k->ear;
    rebirth.inherited.estate = -1;
    memcpy(rebirth.files, k->config->files, sizeof(rebirth.files));
    snprintf(rebirth.path, sizeof(rebirth.path), "%s", k->config->path);
    log_flush();
    rebirth_exec(&rebirth, k->program, k->config->argv);
    log_warning("the keeper stays the program that it was", "error", strerror(errno));
}

static void keeper_go_on_handing(struct keeper *k)
{
    upgrade_hear(&k->upgrade);
    if (k->gone > 0)
        upgrade_note_end(&k->upgrade);
    if (upgrade_step(&k->upgrade, k->now))
        keeper_fail_upgrade(k);
    if (k->upgrade.state == UPGRADE_READY)
        keeper_take_heir(k);
    if (k->now >= k->leave_by) {
        kill(k->leaving, SIGKILL); /* all that it still has is another's */
        k->leave_by = UINT64_MAX;
    }
    if (k->is_to_be_reborn && k->leaving == 0 && k->is_ready && !k->is_ending)
        keeper_be_reborn(k);
}

/* ---- signals ---- */

static void keeper_pass_signal(struct keeper *k, int signal)
{
    if (k->worker > 0)
        kill(k->worker, signal);
    if (signal != SIGHUP || k->last_signal == 0)
        k->last_signal = signal; /* an end is not forgotten for what comes behind it */
    if (signal == SIGHUP)
        return; /* whether that is an end is the worker's to say */
    k->is_ending = true;
    k->is_quitting = k->is_quitting || signal == SIGQUIT;
    if (k->worker == 0 && k->gone == 0) {
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
            keeper_begin_upgrade(k);
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

    next = min_u64(next, min_u64(k->upgrade.deadline, k->leave_by));
    if (has_lines)
        next = min_u64(next, k->now + FLUSH_AGAIN);
    if (next == UINT64_MAX)
        return -1;
    return next <= k->now ? 0 : (int)min_u64(next - k->now, INT32_MAX);
}

static void keeper_turn(struct keeper *k)
{
    struct pollfd fds[] = {
        {k->signals, POLLIN, 0}, {k->ear, POLLIN, 0}, {k->upgrade.ear, POLLIN, 0}};

    if (poll(fds, ARRAY_LEN(fds), keeper_timeout(k, !log_flush())) < 0 && errno != EINTR)
        log_error("poll", "error", strerror(errno));
    k->now = clock_monotonic_ns() / CLOCK_NS_PER_MS;
    keeper_hear(k);
    on_signals(k);
    keeper_go_on_handing(k);
    keeper_give_sign(k);
    if (!k->is_over && !k->is_ending && k->now >= k->next_start)
        keeper_start(k);
}

int keeper_run(const struct keeper_config *config)
{
    struct keeper k = {.config = config,
                       .program = config->program,
                       .ear = -1,
                       .next_sign = UINT64_MAX,
                       .leave_by = UINT64_MAX,
                       .status = EXIT_FAILURE};

    upgrade_init(&k.upgrade);
    k.now = clock_monotonic_ns() / CLOCK_NS_PER_MS;
    if (config->running > 0) {
        k.worker = config->running;
        k.ear = config->worker->keeper;
        k.next_start = UINT64_MAX;
        keeper_note_ready(&k);
    }
    if (keeper_open_signals(&k) < 0) {
        log_error("cannot start", "error", strerror(errno));
        return EXIT_FAILURE;
    }
    while (!k.is_over)
        keeper_turn(&k);
    upgrade_kill(&k.upgrade);
    close(k.signals);
    if (k.is_quitting)
        die_by_quit();
    return k.status;
}
