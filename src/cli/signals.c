#include "cli/signals.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/util.h"

static const int endings[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static const int controls[] = {SIGTSTP, SIGCONT, SIGWINCH};

/* Handlers run during ppoll alone, so nothing else looks at this meanwhile. */
static volatile sig_atomic_t ends, stop, cont, resized;
static sigset_t outside; /* the mask while waiting */

static void handle(int number)
{
    switch (number) {
    case SIGTSTP:
        stop = 1;
        break;
    case SIGCONT:
        cont = 1;
        break;
    case SIGWINCH:
        resized = 1;
        break;
    default:
        ends++;
    }
}

static void install(int number, void (*handler)(int))
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = handler;
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

/* One that is ignored on entry stays so: nohup, and shells for what runs in the background. */
static void signal_take(int number, sigset_t *held)
{
    struct sigaction old;

    if (sigaction(number, NULL, &old) == 0 && old.sa_handler == SIG_IGN)
        return;
    sigaddset(held, number);
    install(number, handle);
}

void signals_setup(bool is_interactive)
{
    sigset_t held;

    install(SIGPIPE, SIG_IGN);
    sigemptyset(&held);
    for (size_t i = 0; i < ARRAY_LEN(endings); i++)
        signal_take(endings[i], &held);
    for (size_t i = 0; is_interactive && i < ARRAY_LEN(controls); i++)
        signal_take(controls[i], &held);
    sigprocmask(SIG_BLOCK, &held, &outside);
    for (size_t i = 0; i < ARRAY_LEN(endings); i++)
        sigdelset(&outside, endings[i]);
    for (size_t i = 0; i < ARRAY_LEN(controls); i++)
        sigdelset(&outside, controls[i]);
}

int signals_poll(struct signals *s, struct pollfd *fds, nfds_t count, uint64_t now,
                 uint64_t deadline)
{
    uint64_t wait = deadline > now ? deadline - now : 0;
    struct timespec time = {.tv_sec = (time_t)(wait / 1000),
                            .tv_nsec = (long)(wait % 1000) * 1000000};
    int result = ppoll(fds, count, deadline == UINT64_MAX ? NULL : &time, &outside);

    s->ends = ends;
    s->stop |= stop != 0;
    s->cont |= cont != 0;
    s->resized |= resized != 0;
    stop = cont = resized = 0;
    return result;
}

void signals_suspend(void)
{
    sigset_t only, before;

    install(SIGTSTP, SIG_DFL);
    sigemptyset(&only);
    sigaddset(&only, SIGTSTP);
    raise(SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &only, &before); /* stops here */
    sigprocmask(SIG_SETMASK, &before, NULL);
    install(SIGTSTP, handle);
}
