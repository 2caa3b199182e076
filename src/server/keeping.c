#include "server/keeping.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"
#include "keeper/keeper.h"
#include "server/fatal.h"
#include "server/listeners.h"
#include "server/supervisor.h"
#include "server/user.h"

_Static_assert(LISTENERS_MAX <= INHERITED_LISTENERS_MAX, "a worker can inherit all listeners");

/* A worker is told of half of the time after which the supervisor gives the keeper up. */
static void bequeath(struct inherited *worker, const struct listeners *listeners, uint64_t interval)
{
    *worker = (struct inherited){.interval = interval, .count = listeners->count};
    for (size_t i = 0; i < listeners->count; i++)
        worker->listeners[i] =
            (struct inherited_listener){listeners->items[i].fd, listeners->items[i].is_admin};
}

/* The file stays the one that runs, also where another was put in its place: a worker that crashed
 * is started again as it was. */
static int open_program(void)
{
    int fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);

    return fd >= 0
               ? fd
               : fatal("--keeper: cannot find the program: %s: it needs /proc", strerror(errno));
}

/* From here on it can open nothing that its user cannot. */
static int keeping_confine(const struct options *options, const struct listeners *listeners)
{
    const char *problem = NULL;
    struct user user;

    if (options->user != NULL) {
        problem = user_find(&user, options->user);
        if (problem != NULL)
            return fatal("--user %s: %s", options->user, problem);
        if (listeners_give(listeners, &user, options->user) < 0)
            return -1;
        problem = user_become(&user);
    }
    if (problem != NULL)
        return fatal("cannot become the user %s: %s", options->user, problem);
    if (options->sandbox == SANDBOX_ON)
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return 0;
}

static int keeping_serve(const struct options *options, char *const *argv,
                         const struct supervisor *supervisor, int program)
{
    struct listeners listeners;
    struct inherited worker;
    struct keeper_config config = {
        .program = program, .argv = argv, .supervisor = supervisor->fd, .worker = &worker};
    int status = EXIT_FAILURE;

    if (listeners_open(&listeners, options, &supervisor->sockets) < 0)
        return EXIT_FAILURE;
    listeners_announce(&listeners, options);
    bequeath(&worker, &listeners, supervisor->interval);
    if (keeping_confine(options, &listeners) == 0)
        status = keeper_run(&config);
    listeners_close(&listeners);
    return status;
}

int keeping_run(const struct options *options, char *const *argv)
{
    struct supervisor supervisor;
    int program = -1, status = EXIT_FAILURE;

    if (supervisor_init(&supervisor) == 0)
        program = open_program();
    if (program >= 0) {
        status = keeping_serve(options, argv, &supervisor, program);
        close(program);
    }
    supervisor_deinit(&supervisor);
    return status;
}
