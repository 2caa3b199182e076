#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tracer.h"

#define MAX_SERVERS 8
#define MAX_WORDS 64

extern char **environ;

static struct server servers[MAX_SERVERS];
static char folder[64];

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* The runner may be a plain one that starts programs of another mode: SANITIZED names that. */
bool is_sanitized(void)
{
    return SANITIZED || getenv("SANITIZED") != NULL;
}

int deadline_ms(void)
{
    return is_sanitized() ? 60000 : 20000;
}

bool is_tiny(void)
{
    const char *mode = getenv("SANITIZED");

#ifdef WSCHAT_TINY
    return true;
#endif
    return mode != NULL && strcmp(mode, "tiny") == 0;
}

const char *program_path(void)
{
    const char *path = getenv("WSCHAT_BIN");

    return path != NULL ? path : WSCHAT_BIN_DEFAULT;
}

const char *faulty_path(void)
{
    const char *path = getenv("FAULTY_BIN");

    return path != NULL ? path : WSCHAT_FAULTY;
}

bool server_commits_later(void)
{
    struct str path = str_from(program_path());
    struct str end = STR("-late");

    return path.len > end.len && memcmp(path.ptr + path.len - end.len, end.ptr, end.len) == 0;
}

static bool is_of_program(const char *variable)
{
    static const char *const names[] = {"WSCHAT_", "LISTEN_", "NOTIFY_SOCKET=", "WATCHDOG_"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strncmp(variable, names[i], strlen(names[i])) == 0)
            return true;
    }
    return false;
}

/* In the child: its process id in place of the value "$$". Lives until execve. */
static const char *with_own_pid(const char *variable)
{
    const char *value = strstr(variable, "=$$");
    char *text;

    if (value == NULL || value[3] != '\0')
        return variable;
    return asprintf(&text, "%.*s=%d", (int)(value - variable), variable, (int)getpid()) < 0 ? NULL
                                                                                            : text;
}

/* The environment of the child: ours without what the program reads, plus the test's own. */
static void fill_environment(const char **words, const char *const *extra)
{
    size_t n = 0;

    for (char **e = environ; *e != NULL && n < 4 * MAX_WORDS; e++) {
        if (!is_of_program(*e))
            words[n++] = *e;
    }
    /* The runtime of a sanitizer opens files and starts a process to look for leaks. */
    if (is_sanitized())
        words[n++] = "WSCHAT_SANDBOX=off";
    for (; extra != NULL && *extra != NULL; extra++)
        words[n++] = with_own_pid(*extra);
    words[n] = NULL;
}

/* In the child: moves the sockets to descriptors 3, 4, ..., whatever is there. */
static void pass_sockets(const struct launch *launch)
{
    int moved[MAX_WORDS];

    for (size_t i = 0; i < launch->socket_count; i++)
        moved[i] = fcntl(launch->sockets[i], F_DUPFD_CLOEXEC, 256);
    for (size_t i = 0; i < launch->socket_count; i++)
        dup2(moved[i], 3 + (int)i);
}

static void fill_arguments(const char **words, const char *const *args)
{
    size_t n = 0;

    words[n++] = "wschat";
    for (; args != NULL && *args != NULL; args++) {
        ck_assert_uint_lt(n, MAX_WORDS - 1);
        words[n++] = *args;
    }
    words[n] = NULL;
}

static void run_child(const struct launch *launch, int out_fd, int err_fd)
{
    const char *program = launch->program != NULL ? launch->program : program_path();
    const char *args[MAX_WORDS];
    const char *env[5 * MAX_WORDS];
    struct rlimit limit = {launch->files, launch->files};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();
    if (launch->is_controlled && ioctl(err_fd, TIOCSCTTY, 0) != 0)
        _exit(126);
    /* Also where the tests themselves run under nohup. */
    signal(SIGHUP, launch->is_nohup ? SIG_IGN : SIG_DFL);
    dup2(out_fd, STDOUT_FILENO);
    dup2(err_fd, STDERR_FILENO);
    fill_arguments(args, launch->args);
    fill_environment(env, launch->env);
    pass_sockets(launch);
    if (launch->files != 0 && setrlimit(RLIMIT_NOFILE, &limit) != 0)
        _exit(126);
    if (launch->folder != NULL && chdir(launch->folder) != 0)
        _exit(126);
    for (int fd = 0; launch->is_closed && fd <= STDERR_FILENO; fd++)
        close(fd);
    signal(SIGPIPE, SIG_DFL);
    if (launch->calls != NULL)
        trace_calls(launch->calls);
    execve(program, (char *const *)(const void *)args, (char *const *)(const void *)env);
    fprintf(stderr, "%s: %s\n", program, strerror(errno));
    _exit(127);
}

static struct server *free_server(void)
{
    for (size_t i = 0; i < MAX_SERVERS; i++) {
        if (servers[i].pid == 0)
            return &servers[i];
    }
    ck_abort_msg("too many servers at once");
}

static void open_stderr(const struct launch *launch, int err[2])
{
    if (launch->err != NULL) {
        memcpy(err, launch->err, 2 * sizeof(*err));
        return;
    }
    ck_assert_int_eq(pipe2(err, O_CLOEXEC), 0);
    /* Room for all the log lines of a test, so that nobody need read them. */
    fcntl(err[1], F_SETPIPE_SZ, 1 << 20);
}

struct server *server_launch(const struct launch *launch)
{
    struct server *s = free_server();
    int out[2];
    int err[2];

    buf_deinit(&s->err);
    ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
    open_stderr(launch, err);
    fflush(NULL);
    s->pid = fork();
    ck_assert_int_ge(s->pid, 0);
    if (s->pid == 0)
        run_child(launch, out[1], err[1]);
    close(out[1]);
    close(err[1]);
    s->out_fd = out[0];
    s->err_fd = err[0];
    s->port = 0;
    return s;
}

/* Appends what can be read and a NUL that does not count. Returns false at the end of the file. */
static bool read_more(int fd, struct buf *into)
{
    struct pollfd pfd = {fd, POLLIN, 0};
    char bytes[4096];
    ssize_t n;

    if (poll(&pfd, 1, deadline_ms()) <= 0)
        ck_abort_msg("the program hangs; stderr so far:\n%s",
                     into->len > 0 ? (char *)into->data : "");
    n = read(fd, bytes, sizeof(bytes));
    if (n < 0 && errno == EIO)
        n = 0; /* nobody has the other side of the terminal any more */
    ck_assert_int_ge(n, 0);
    ck_assert_int_eq(buf_append(into, bytes, (size_t)n), 0);
    ck_assert_int_eq(buf_append_char(into, '\0'), 0);
    into->len--;
    return n > 0;
}

void server_wait_for(struct server *s, const char *needle)
{
    while (s->err.len == 0 || strstr((char *)s->err.data, needle) == NULL) {
        if (!read_more(s->err_fd, &s->err))
            ck_abort_msg("the program ended without \"%s\"; stderr:\n%s", needle,
                         s->err.len > 0 ? (char *)s->err.data : "");
    }
}

void server_read(struct server *s)
{
    ck_assert(read_more(s->err_fd, &s->err));
}

static uint16_t find_port(const char *log)
{
    const char *url = strstr(log, "http://");
    const char *colon;

    if (url == NULL)
        return 0;
    colon = strchr(url + strlen("http://"), ':');
    /* The colons inside [::1] are not the one before the port. */
    if (url[strlen("http://")] == '[')
        colon = strstr(url, "]:") + 1;
    return (uint16_t)strtoul(colon + 1, NULL, 10);
}

static void wait_until_ready(struct server *s)
{
    server_wait_for(s, "listening on http://");
    while (s->err.data[s->err.len - 1] != '\n')
        ck_assert(read_more(s->err_fd, &s->err));
    s->port = find_port((char *)s->err.data);
}

struct server *server_start_with(const struct launch *launch)
{
    const char *args[MAX_WORDS] = {"--port", "0"};
    struct launch with_port = *launch;
    struct server *s;

    for (size_t i = 0; launch->args != NULL && launch->args[i] != NULL; i++)
        args[i + 2] = launch->args[i];
    with_port.args = args;
    s = server_launch(&with_port);
    wait_until_ready(s);
    ck_assert_uint_ne(s->port, 0);
    return s;
}

struct server *server_start(const char *const *args)
{
    struct launch launch = {.args = args};

    return server_start_with(&launch);
}

void server_signal(struct server *s, int signal)
{
    ck_assert_int_gt(s->pid, 0);
    ck_assert_int_eq(kill(s->pid, signal), 0);
}

int server_wait_exit(struct server *s)
{
    int status;

    while (read_more(s->err_fd, &s->err))
        continue;
    ck_assert_int_eq(waitpid(s->pid, &status, 0), s->pid);
    s->pid = 0;
    close(s->err_fd);
    close(s->out_fd);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void server_stop(struct server *s)
{
    int status;

    server_signal(s, SIGTERM);
    status = server_wait_exit(s);
    if (status != 0)
        ck_abort_msg("exit status %d; stderr:\n%s", status, (char *)s->err.data);
}

unsigned server_count_fds(const struct server *s)
{
    char path[64];
    unsigned count = 0;
    struct dirent *entry;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)s->pid);
    dir = opendir(path);
    ck_assert_ptr_nonnull(dir);
    while ((entry = readdir(dir)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

/* A number of /proc/PID/status. */
static long status_number(const struct server *s, const char *name)
{
    char line[256];
    long number = -1;
    FILE *file;

    snprintf(line, sizeof(line), "/proc/%d/status", (int)s->pid);
    file = fopen(line, "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0)
            number = strtol(line + strlen(name), NULL, 10);
    }
    fclose(file);
    ck_assert_int_ge(number, 0);
    return number;
}

static bool is_asleep(const struct server *s)
{
    char path[64], line[512];
    const char *name_end = NULL;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)s->pid);
    file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    if (fgets(line, sizeof(line), file) != NULL)
        name_end = strrchr(line, ')');
    fclose(file);
    ck_assert_ptr_nonnull(name_end);
    return name_end[2] == 'S';
}

void server_expect_asleep(const struct server *s)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    int looks = 50, asleep = 0;

    for (int i = 0; i < looks; i++) {
        nanosleep(&pause, NULL);
        asleep += is_asleep(s);
    }
    ck_assert_int_gt(asleep, looks / 2);
}

long server_peak_kib(const struct server *s)
{
    return status_number(s, "VmHWM:");
}

long server_wakeups(const struct server *s)
{
    return status_number(s, "voluntary_ctxt_switches:");
}

int program_run(const struct launch *launch, struct buf *out, struct buf *err)
{
    struct server *s = server_launch(launch);
    int status;

    buf_init(out);
    while (read_more(s->out_fd, out))
        continue;
    status = server_wait_exit(s);
    *err = s->err;
    buf_init(&s->err);
    return status;
}

void harness_setup(void)
{
    const char *base = getenv("TMPDIR");

    snprintf(folder, sizeof(folder), "%s/wschat-test-XXXXXX", base != NULL ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    signal(SIGPIPE, SIG_IGN);
}

static void remove_folder(void)
{
    struct dirent *entry;
    DIR *dir = opendir(folder);

    ck_assert_ptr_nonnull(dir);
    while ((entry = readdir(dir)) != NULL)
        unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
    rmdir(folder);
}

void harness_teardown(void)
{
    remove_folder();
    for (size_t i = 0; i < MAX_SERVERS; i++) {
        if (servers[i].pid != 0)
            server_stop(&servers[i]);
        buf_deinit(&servers[i].err);
    }
}

const char *test_path(const char *name)
{
    static char paths[4][128];
    static size_t turn;

    turn = (turn + 1) % 4;
    snprintf(paths[turn], sizeof(paths[turn]), "%s/%s", folder, name);
    return paths[turn];
}

/* A process for each test: to look for its leaks takes longer than the test. The servers look for
 * theirs. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

TCase *harness_case(Suite *suite, const char *name)
{
    TCase *tc = tcase_create(name);

    tcase_add_checked_fixture(tc, harness_setup, harness_teardown);
    suite_add_tcase(suite, tc);
    return tc;
}
