#include "server/keeping.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
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
    *worker = (struct inherited){.interval = interval, .estate = -1, .count = listeners->count};
    for (size_t i = 0; i < listeners->count; i++)
        worker->listeners[i] =
            (struct inherited_listener){listeners->items[i].fd, listeners->items[i].is_admin};
}

/* The file stays the one that runs, also where another was put in its place: a worker that crashed
 * is started again as it was. */
/* The name by which it was started is the one by which the next version is found, if it is that of
 * a file: it may be a link which is set anew. */
static void find_path(char path[PATH_MAX], const char *name, int program)
{
    struct stat own, named;
    ssize_t len;

    if (strchr(name, '/') != NULL && strlen(name) < PATH_MAX && fstat(program, &own) == 0 &&
        stat(name, &named) == 0 && own.st_dev == named.st_dev && own.st_ino == named.st_ino) {
        snprintf(path, PATH_MAX, "%s", name);
        return;
    }
    len = readlink("/proc/self/exe", path, PATH_MAX - 1);
    path[len < 0 ? 0 : len] = '\0';
}

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

static void bequeath_files(int files[INHERITED_LISTENERS_MAX], const struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++)
        files[i] = listeners->items[i].file;
}

static int keeping_serve(const struct options *options, char *const *argv,
                         const struct supervisor *supervisor, int program)
{
    int files[INHERITED_LISTENERS_MAX], status = EXIT_FAILURE;
    struct listeners listeners;
    struct inherited worker;
    char path[PATH_MAX];
    struct keeper_config config = {.program = program,
                                   .path = path,
                                   .argv = argv,
                                   .supervisor = supervisor->fd,
                                   .worker = &worker,
                                   .files = files};

    find_path(path, argv[0], program);
    if (listeners_open(&listeners, options, &supervisor->sockets) < 0)
        return EXIT_FAILURE;
    listeners_announce(&listeners, options);
    bequeath(&worker, &listeners, supervisor->interval);
    bequeath_files(files, &listeners);
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

/* Its rights are those that it had: no variable of the environment could give it more. */
int keeping_go_on(const struct options *options, char *const *argv, const struct rebirth *rebirth)
{
    struct listeners listeners = {.count = rebirth->inherited.count};
    struct keeper_config config = {.path = rebirth->path,
                                   .argv = argv,
                                   .supervisor = rebirth->supervisor,
                                   .worker = &rebirth->inherited,
                                   .files = rebirth->files,
                                   .running = rebirth->worker};
    int status;

    prctl(PR_SET_NAME, "wschat"); /* by a descriptor it was started as a number */
    if (options->user != NULL)    /* as it was before: see give_up_root of the server */
        prctl(PR_SET_DUMPABLE, 0);
    config.program = open_program();
    if (config.program < 0)
        return EXIT_FAILURE;
    for (size_t i = 0; i < listeners.count; i++)
        listeners.items[i] =
            (struct listening){rebirth->inherited.listeners[i].fd, rebirth->files[i],
                               rebirth->inherited.listeners[i].is_admin};
    log_info("the keeper is the new program, too", "version", WSCHAT_VERSION);
    status = keeper_run(&config);
    listeners_close(&listeners);
    close(config.program);
    return status;
}
