#include "base/stdfds.h"

#include <check.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *suite_stdfds(void);

/* In a process of its own, since all of a runner share these descriptors: its exit status. */
static int run_apart(int (*work)(void))
{
    int status = 0;
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        alarm(60); /* one that hangs would outlive the runner */
        _exit(work());
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool is_null_device(int fd)
{
    char path[] = "/proc/self/fd/0", target[32] = "";

    path[sizeof(path) - 2] = (char)('0' + fd);
    return readlink(path, target, sizeof(target) - 1) > 0 && strcmp(target, "/dev/null") == 0;
}

/* 3: one that follows. */
static int fill_closed(void)
{
    static const int closed[][3] = {{0, 1, 2}, {0, 2, 2}, {1, 1, 1}};
    int ends[2];

    for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
        for (size_t k = 0; k < 3; k++)
            close(closed[i][k]);
        if (stdfds_fill() < 0)
            return 1;
        for (size_t k = 0; k < 3; k++) {
            if (!is_null_device(closed[i][k]))
                return 2;
        }
    }
    return pipe(ends) == 0 && ends[0] > STDERR_FILENO ? 0 : 3;
}

START_TEST(closed_ones_are_filled)
{
    ck_assert_int_eq(run_apart(fill_closed), 0);
}
END_TEST

/* Writes until nothing more is taken; would hang if that waited. */
static int fill_stderr(void)
{
    static char line[20000]; /* more than is free when a little is */
    size_t taken;

    memset(line, 'x', sizeof(line));
    stdfds_unblock_stderr();
    do
        taken = stdfds_write_stderr(line, sizeof(line));
    while (taken > 0);
    return 0;
}

static int open_terminal(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY), terminal;

    ck_assert(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
    ck_assert_int_ge(terminal, 0);
    return terminal;
}

static int fill_terminal(void)
{
    return dup2(open_terminal(), STDERR_FILENO) < 0 ? 1 : fill_stderr();
}

/* One that may not be opened anew: it belongs to somebody else and does not control us. */
static int fill_foreign_terminal(void)
{
    if (dup2(open_terminal(), STDERR_FILENO) < 0 || setsid() < 0 ||
        setresuid(65534, 65534, 65534) < 0)
        return 1;
    if (open("/proc/self/fd/2", O_WRONLY | O_NOCTTY) >= 0)
        return 2;
    return fill_stderr();
}

/* A pipe that somebody else made, as of a container whose user is not root. */
static int fill_foreign_pipe(void)
{
    int ends[2];

    if (pipe(ends) < 0 || dup2(ends[1], STDERR_FILENO) < 0 || setresuid(65534, 65534, 65534) < 0)
        return 1;
    if (open("/proc/self/fd/2", O_WRONLY) >= 0)
        return 2;
    return fill_stderr();
}

/* A terminal that may not be opened anew, but that controls us. */
static int fill_controlling_terminal(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY), terminal;

    if (setsid() < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
        return 1;
    terminal = open(ptsname(master), O_RDWR); /* takes control */
    if (dup2(terminal, STDERR_FILENO) < 0 || setresuid(65534, 65534, 65534) < 0)
        return 2;
    stdfds_unblock_stderr();
    if ((fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK) == 0)
        return 3;
    return (fcntl(terminal, F_GETFL) & O_NONBLOCK) == 0 ? fill_stderr() : 4;
}

static int fill_sockets(void)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 || dup2(ends[1], STDERR_FILENO) < 0)
        return 1;
    return fill_stderr();
}

/* Who shares the pipe does not find it changed. */
static int fill_pipe(void)
{
    int ends[2];

    if (pipe(ends) < 0 || dup2(ends[1], STDERR_FILENO) < 0 || fill_stderr() != 0)
        return 1;
    return (fcntl(ends[1], F_GETFL) & O_NONBLOCK) == 0 ? 0 : 2;
}

static int (*const fillings[])(void) = {fill_terminal,     fill_sockets,
                                        fill_pipe,         fill_foreign_terminal,
                                        fill_foreign_pipe, fill_controlling_terminal};

START_TEST(nothing_is_waited_for)
{
    if (_i >= 3 && geteuid() != 0)
        return; /* only root can become another one */
    ck_assert_int_eq(run_apart(fillings[_i]), 0);
}
END_TEST

/* A file keeps its offset, and so what was written before. */
static int write_file(void)
{
    char path[] = "/tmp/wschat-stdfds-XXXXXX", text[8] = "";
    int fd = mkstemp(path);

    unlink(path);
    if (fd < 0 || dup2(fd, STDERR_FILENO) < 0 || write(STDERR_FILENO, "ab", 2) != 2)
        return 1;
    stdfds_unblock_stderr();
    if (stdfds_write_stderr("cd", 2) != 2 || pread(fd, text, sizeof(text), 0) != 4)
        return 2;
    return strcmp(text, "abcd") == 0 ? 0 : 3;
}

START_TEST(a_file_is_written_on)
{
    ck_assert_int_eq(run_apart(write_file), 0);
}
END_TEST

Suite *suite_stdfds(void)
{
    Suite *suite = suite_create("stdfds");
    TCase *cases = tcase_create("stdfds");

    tcase_add_test(cases, closed_ones_are_filled);
    tcase_add_loop_test(cases, nothing_is_waited_for, 0, sizeof(fillings) / sizeof(fillings[0]));
    tcase_add_test(cases, a_file_is_written_on);
    suite_add_tcase(suite, cases);
    return suite;
}
