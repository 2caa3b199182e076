/* Runs the real program for a test: starts it, reads what it says on stderr, stops it and looks at
 * its exit status. Whatever goes wrong fails the running test. Deadlines are hang guards, far
 * longer than anything should take. */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <check.h>

#include "base/buf.h"
#include "base/util.h"

/* A NULL-terminated list of strings. */
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

struct server {
    pid_t pid;      /* 0: not running */
    int out_fd;     /* its stdout */
    int err_fd;     /* its stderr */
    struct buf err; /* what it wrote to stderr so far, NUL-terminated behind len */
    uint16_t port;  /* of the first URL that it told; 0: it listens on a unix socket only */
};

/* How to start a program. All zero but args is fine. */
struct launch {
    const char *const *args; /* NULL: none */
    const char *const *env;  /* "NAME=value"; added to an environment without any WSCHAT_ or what
                                a supervisor sets. A value "$$" becomes the program's process id */
    const char *program;     /* NULL: program_path() */
    const char *folder;      /* working directory; NULL: this one */
    unsigned long files;     /* limit of open files, soft and hard; 0: as it is */
    const int *sockets;      /* become its descriptors 3, 4, ... */
    size_t socket_count;
    const int *err; /* where it is read, and what its stderr is, which become the harness's; NULL:
                       a pipe */
    bool is_controlled; /* its stderr is a terminal that controls it; else none does */
    bool is_nohup;      /* as nohup(1) starts it */
    bool is_closed;     /* its descriptors 0 to 2 are closed */
    const char *calls;  /* the file that its calls of the system go to (tracer.h); NULL: none */
};

/* The program under test. */
const char *program_path(void);

/* Does the server under test have the log that commits some turns later (wschat-late)? */
bool server_commits_later(void);

/* Milliseconds after which a wait has hung. */
int deadline_ms(void);

/* Starts the program with exactly these arguments; does not wait. */
struct server *server_launch(const struct launch *launch);

/* Starts it with `--port 0` and these arguments (NULL: none), and waits until it listens. */
struct server *server_start(const char *const *args);

/* As server_start, for a launch whose args lack `--port 0`. */
struct server *server_start_with(const struct launch *launch);

/* Waits until stderr contains `needle`; fails when the program ends before. */
void server_wait_for(struct server *s, const char *needle);

/* Reads some more of stderr. */
void server_read(struct server *s);

/* Sends a signal. */
void server_signal(struct server *s, int signal);

/* Waits for its end and returns the exit status; 128 + n when signal n ended it. Reads all of
 * stderr. */
int server_wait_exit(struct server *s);

/* SIGTERM, and the exit status must be 0. */
void server_stop(struct server *s);

/* Open descriptors of the running program. */
unsigned server_count_fds(const struct server *s);

/* Is the program mostly asleep? Looks for about a second: one that spins never sleeps, however busy
 * the machine is with other things. */
void server_expect_asleep(const struct server *s);

/* Peak resident memory in KiB. */
long server_peak_kib(const struct server *s);

/* How often it has gone to sleep so far. */
long server_wakeups(const struct server *s);

/* True where sanitizers make memory and time meaningless. */
bool is_sanitized(void);

/* True where the program has the sizes of `make tiny`. */
bool is_tiny(void);

/* The program whose calls of the system fail on demand. */
const char *faulty_path(void);

/* Runs the program to its end. *out and *err (NUL-terminated) belong to the caller. Returns the
 * exit status. */
int program_run(const struct launch *launch, struct buf *out, struct buf *err);

/* Fixtures: a private folder for files and sockets (test_folder), and at the end of a test every
 * server still running must stop with status 0. */
void harness_setup(void);
void harness_teardown(void);

/* Path of a file in the test's private folder; valid until the next call but three. */
const char *test_path(const char *name);

/* A test case with these fixtures, already in the suite. */
TCase *harness_case(Suite *suite, const char *name);

#endif
