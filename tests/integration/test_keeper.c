/* With --keeper: a worker that dies is started again while the port stays open, and signals and
 * what the supervisor is told go through. */
#include "v1.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

Suite *suite_keeper(void);

/* ---- workers ---- */

/* Waits until `count` workers were started in all, and returns the last one's process id. */
static pid_t worker_of(struct server *s, unsigned count)
{
    static const char words[] = "worker started\" pid=";
    const char *at = NULL;

    server_wait_for(s, words);
    for (;;) {
        unsigned found = 0;

        for (const char *next = (char *)s->err.data; (next = strstr(next, words)) != NULL;
             next += sizeof(words) - 1) {
            at = next + sizeof(words) - 1;
            found++;
        }
        if (found >= count && strchr(at, '\n') != NULL)
            return (pid_t)strtol(at, NULL, 10);
        server_read(s);
    }
}

static void kill_worker(struct server *s, unsigned count, int signal)
{
    ck_assert_int_eq(kill(worker_of(s, count), signal), 0);
}

/* It does nothing any more when this returns. */
static void stop_worker(struct server *s, unsigned count)
{
    char path[64], state = 0;

    kill_worker(s, count, SIGSTOP);
    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)worker_of(s, count));
    while (state != 'T') {
        FILE *file = fopen(path, "r");

        ck_assert_ptr_nonnull(file);
        ck_assert_int_eq(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
        fclose(file);
    }
}

static bool is_told(const struct server *s, const char *words)
{
    return strstr((const char *)s->err.data, words) != NULL;
}

static void expect_served(const struct server *s)
{
    struct response *r = http_get(s, "/healthz", "");

    ck_assert_int_eq(r->status, 200);
    response_free(r);
}

/* ---- a worker that crashes ---- */

/* Whoever connects meanwhile waits, and is served by the next one. */
START_TEST(a_killed_worker_is_started_again_at_the_same_port)
{
    struct server *s = server_start(LIST("--keeper"));
    struct client *c = ws_open_chat(s, 1);

    for (unsigned i = 1; i <= 2; i++) {
        pid_t before = worker_of(s, i);
        struct client *waiting;

        stop_worker(s, i); /* so that the next one waits in the queue of the port */
        waiting = client_connect(s);
        ws_request(waiting, "/ws/1", "");
        kill_worker(s, i, SIGKILL);
        client_drain(c);
        client_close(c);
        ws_expect_upgrade(waiting);
        c = waiting;
        ck_assert_int_ne(worker_of(s, i + 1), before);
    }
    server_wait_for(s, "the worker died, and is started again\" pid=");
    ck_assert(is_told(s, "signal=SIGKILL pause_ms="));
    ws_send_text(c, "hi");
    ws_expect_text(c, "You wrote: hi");
    ws_leave(c);
    server_stop(s);
}
END_TEST

/* It is a glitch of the network, for those who come back by `since` and `key`. */
START_TEST(with_a_journal_nothing_is_lost)
{
    struct server *s =
        server_start(LIST("--keeper", "--journal", test_path("journal"), "--leave-grace", "60"));
    struct seat *ada = seat_open(s, 1, "room=tea&name=ada"), *eve = seat_open(s, 2, "room=tea");

    seat_expect_presence(ada, "join", 2, "");
    seat_say(eve, "one");
    seat_expect_message(ada, 2, "one");
    kill_worker(s, 1, SIGKILL);
    client_close(seat_connect(ada, s, "&room=tea"));
    seat_read_welcome(ada);
    ck_assert(ada->recovered);
    ck_assert_uint_eq(ada->count, 2);
    client_close(seat_connect(eve, s, "&room=tea"));
    seat_read_welcome(eve);
    ck_assert(eve->recovered);
    seat_expect_presence(eve, "join", 2, "");
    seat_expect_message(eve, 2, "one");
    seat_leave(eve);
    seat_expect_presence(ada, "leave", 2, "");
    seat_leave(ada);
    server_stop(s);
}
END_TEST

START_TEST(a_worker_that_cannot_go_on_is_started_again)
{
    struct server *s = server_start(LIST("--keeper"));

    expect_served(s);
    kill_worker(s, 1, SIGABRT);
    worker_of(s, 2);
    ck_assert(is_told(s, "signal=SIGABRT"));
    expect_served(s);
    server_stop(s);
}
END_TEST

/* One that was asked to end did not crash. */
START_TEST(a_worker_that_was_stopped_ends_the_keeper)
{
    struct server *s = server_start(LIST("--keeper"));
    struct client *c = ws_open_chat(s, 1);

    kill_worker(s, 1, SIGTERM);
    ws_expect_close(c, 1001);
    ck_assert_int_eq(server_wait_exit(s), 0);
    ck_assert(!is_told(s, "the worker died"));
}
END_TEST

/* It would only fail again and again. */
START_TEST(a_first_worker_that_cannot_start_is_not_started_again)
{
    struct buf out, err;
    struct launch launch = {.args = LIST("--keeper", "--port=0", "--token-key", "/nowhere/keys")};

    ck_assert_int_eq(program_run(&launch, &out, &err), 1);
    ck_assert_ptr_nonnull(strstr((char *)err.data, "--token-key /nowhere/keys: "));
    ck_assert_ptr_eq(strstr(strstr((char *)err.data, "worker started") + 1, "worker started"),
                     NULL);
    buf_deinit(&out);
    buf_deinit(&err);
}
END_TEST

/* ---- the end ---- */

static void expect_gone(pid_t pid)
{
    ck_assert_int_eq(kill(pid, 0), -1);
}

START_TEST(a_signal_ends_both)
{
    const int signals[] = {SIGTERM, SIGINT};
    struct server *s = server_start(LIST("--keeper"));
    struct client *c = ws_open_chat(s, 1);
    pid_t worker = worker_of(s, 1);

    server_signal(s, signals[_i]);
    ws_expect_close(c, 1001);
    ck_assert_int_eq(server_wait_exit(s), 0);
    expect_gone(worker);
}
END_TEST

/* Also one that comes while the worker is still starting, or none is there. */
START_TEST(a_signal_at_any_time_ends_it)
{
    for (int i = 0; i < 4; i++) {
        struct server *s = server_start(LIST("--keeper"));

        if (i > 0)
            worker_of(s, 1);
        if (i > 1)
            expect_served(s);
        if (i > 2) {
            kill_worker(s, 1, SIGKILL);
            server_wait_for(s, "the worker died");
        }
        server_stop(s);
    }
}
END_TEST

/* With what a shell may have done to SIGQUIT where it started the server, and without a core. */
static struct server *start_quitting(void (*disposition)(int))
{
    void (*was)(int) = signal(SIGQUIT, disposition);
    struct rlimit before, none;
    struct server *s;

    ck_assert_int_eq(getrlimit(RLIMIT_CORE, &before), 0);
    none = (struct rlimit){0, before.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_CORE, &none), 0);
    s = server_start(LIST("--keeper"));
    ck_assert_int_eq(setrlimit(RLIMIT_CORE, &before), 0);
    signal(SIGQUIT, was);
    return s;
}

START_TEST(sigquit_ends_both_by_it)
{
    struct server *s = start_quitting(SIG_DFL);
    pid_t worker = worker_of(s, 1);

    expect_served(s);
    server_signal(s, SIGQUIT);
    ck_assert_int_eq(server_wait_exit(s), 128 + SIGQUIT);
    expect_gone(worker);
}
END_TEST

/* As those that a shell has in the background. */
START_TEST(sigquit_may_be_ignored)
{
    struct server *s = start_quitting(SIG_IGN);
    pid_t worker = worker_of(s, 1);

    expect_served(s);
    server_signal(s, SIGQUIT);
    ck_assert_int_eq(kill(worker, SIGQUIT), 0);
    expect_served(s);
    server_stop(s);
    expect_gone(worker);
}
END_TEST

/* A Ctrl-C goes to all processes of the terminal; a second signal would not wait for anybody. */
START_TEST(a_signal_of_the_terminal_counts_once)
{
    struct server *s = server_start(LIST("--keeper", "--shutdown-timeout", "600"));
    struct client *c = ws_open_chat(s, 1);
    pid_t worker = worker_of(s, 1);
    struct frame frame;

    ck_assert_int_ne(getpgid(worker), getpgid(s->pid));
    ck_assert_int_eq(kill(-s->pid, SIGINT), 0);
    ck_assert(ws_read(c, &frame));
    ck_assert_int_eq(frame.opcode, WS_CLOSE);
    free(frame.data);
    ck_assert_int_eq(kill(worker, 0), 0);
    ws_send_close(c, 1001, "");
    client_expect_eof(c);
    client_close(c);
    ck_assert_int_eq(server_wait_exit(s), 0);
}
END_TEST

/* Nobody would start it again, and it would keep the port. */
START_TEST(a_worker_ends_with_its_keeper)
{
    struct server *s = server_start(LIST("--keeper"));
    struct client *c = ws_open_chat(s, 1);

    server_signal(s, SIGKILL);
    ws_expect_close(c, 1001);
    ck_assert_int_eq(server_wait_exit(s), 128 + SIGKILL);
}
END_TEST

START_TEST(the_file_of_a_unix_socket_is_the_keepers)
{
    const char *path = test_path("own.sock");
    char option[160];
    struct server *s;
    struct client *c;

    snprintf(option, sizeof(option), "--listen=unix:%s", path);
    s = server_start(LIST("--keeper", option));
    expect_served(s);
    kill_worker(s, 1, SIGKILL);
    c = client_connect_unix(path);
    ws_request(c, "/ws", "");
    ws_expect_upgrade(c);
    ws_leave(c);
    ck_assert_int_eq(access(path, F_OK), 0);
    server_stop(s);
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

/* ---- other signals ---- */

START_TEST(sighup_reaches_the_worker)
{
    struct server *s = server_start(LIST("--keeper"));
    struct client *c = ws_open_chat(s, 1);

    server_signal(s, SIGHUP);
    server_wait_for(s, "nothing to reload");
    ws_send_text(c, "still here");
    ws_expect_text(c, "You wrote: still here");
    ws_leave(c);
    server_stop(s);
}
END_TEST

/* ---- the supervisor ---- */

static int bind_notify(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;

    ck_assert_int_ge(fd, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
    return fd;
}

/* The next message, and who sent it. Valid until the next call. */
static const char *next_notice(int fd, pid_t *sender)
{
    static char notice[256];
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct iovec iov = {notice, sizeof(notice) - 1};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    struct pollfd pfd = {fd, POLLIN, 0};
    struct ucred who;
    ssize_t n;

    ck_assert_int_eq(poll(&pfd, 1, deadline_ms()), 1);
    n = recvmsg(fd, &message, 0);
    ck_assert_int_ge(n, 0);
    notice[n] = '\0';
    ck_assert_ptr_nonnull(CMSG_FIRSTHDR(&message));
    memcpy(&who, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(who));
    *sender = who.pid;
    return notice;
}

static void expect_notice_of(int fd, const struct server *s, const char *wanted)
{
    pid_t sender;
    const char *notice = next_notice(fd, &sender);

    while (strncmp(notice, "WATCHDOG=1", 10) == 0)
        notice = next_notice(fd, &sender);
    ck_assert_str_eq(notice, wanted);
    ck_assert_int_eq(sender, s->pid);
}

/* systemd believes the process that it started, and no other. */
START_TEST(the_supervisor_hears_of_everything_from_the_keeper)
{
    const char *path = test_path("notify");
    int fd = bind_notify(path);
    char variable[160];
    struct server *s;

    snprintf(variable, sizeof(variable), "NOTIFY_SOCKET=%s", path);
    s = server_start_with(&(struct launch){.args = LIST("--keeper"),
                                           .env = LIST(variable, "WATCHDOG_USEC=20000000")});
    expect_notice_of(fd, s, "READY=1\nSTATUS=0 clients");
    kill_worker(s, 1, SIGKILL);
    expect_notice_of(fd, s, "STATUS=the worker died and is started again");
    expect_notice_of(fd, s, "READY=1\nSTATUS=0 clients");
    server_signal(s, SIGTERM);
    expect_notice_of(fd, s, "STOPPING=1\nSTATUS=closing 0 clients\nEXTEND_TIMEOUT_USEC=10000000");
    ck_assert_int_eq(server_wait_exit(s), 0);
    close(fd);
}
END_TEST

/* ---- rights ---- */

static long status_field(pid_t pid, const char *name, int base)
{
    char line[256];
    long value = -1;
    FILE *file;

    snprintf(line, sizeof(line), "/proc/%ld/status", (long)pid);
    file = fopen(line, "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtol(line + strlen(name), NULL, base);
    }
    fclose(file);
    return value;
}

START_TEST(the_worker_is_shut_in_and_the_keeper_gains_nothing)
{
    struct server *s;

    if (is_sanitized())
        return; /* which need calls that the sandbox refuses */
    s = server_start(LIST("--keeper"));
    server_wait_for(s, " uid=");
    ck_assert_int_eq(status_field(worker_of(s, 1), "Seccomp:", 10),
                     is_told(s, "seccomp=on") ? 2 : 0);
    ck_assert_int_eq(status_field(worker_of(s, 1), "NoNewPrivs:", 10), 1);
    ck_assert_int_eq(status_field(s->pid, "NoNewPrivs:", 10), 1);
    server_stop(s);
}
END_TEST

START_TEST(both_are_the_user_of_the_option)
{
    struct server *s;

    if (geteuid() != 0)
        return; /* only root can become somebody else */
    s = server_start(LIST("--keeper", "--user", "12345:23456"));
    expect_served(s);
    ck_assert_int_eq(status_field(worker_of(s, 1), "Uid:", 10), 12345);
    ck_assert_int_eq(status_field(s->pid, "Uid:", 10), 12345);
    ck_assert_int_eq(status_field(s->pid, "Gid:", 10), 23456);
    ck_assert_int_eq(status_field(s->pid, "CapEff:", 16), 0);
    kill_worker(s, 1, SIGKILL);
    expect_served(s);
    server_stop(s);
}
END_TEST

START_TEST(a_variable_that_no_keeper_wrote_is_refused)
{
    struct buf out, err;
    struct launch launch = {.args = LIST("--port=0"), .env = LIST("WSCHAT_WORKER=1,0,2")};

    ck_assert_int_eq(program_run(&launch, &out, &err), 1);
    ck_assert_str_eq((char *)err.data, "wschat: WSCHAT_WORKER is for a keeper alone: take it out "
                                       "of the environment\n");
    buf_deinit(&out);
    buf_deinit(&err);
}
END_TEST

Suite *suite_keeper(void)
{
    Suite *suite = suite_create("keeper");
    TCase *crash = harness_case(suite, "crash"), *end = harness_case(suite, "end");
    TCase *signals = harness_case(suite, "signals"), *rights = harness_case(suite, "rights");

    tcase_add_test(crash, a_killed_worker_is_started_again_at_the_same_port);
    tcase_add_test(crash, with_a_journal_nothing_is_lost);
    tcase_add_test(crash, a_worker_that_cannot_go_on_is_started_again);
    tcase_add_test(crash, a_worker_that_was_stopped_ends_the_keeper);
    tcase_add_test(crash, a_first_worker_that_cannot_start_is_not_started_again);
    tcase_add_loop_test(end, a_signal_ends_both, 0, 2);
    tcase_add_test(end, a_signal_at_any_time_ends_it);
    tcase_add_test(end, sigquit_ends_both_by_it);
    tcase_add_test(end, sigquit_may_be_ignored);
    tcase_add_test(end, a_signal_of_the_terminal_counts_once);
    tcase_add_test(end, a_worker_ends_with_its_keeper);
    tcase_add_test(end, the_file_of_a_unix_socket_is_the_keepers);
    tcase_add_test(signals, sighup_reaches_the_worker);
    tcase_add_test(signals, the_supervisor_hears_of_everything_from_the_keeper);
    tcase_add_test(rights, the_worker_is_shut_in_and_the_keeper_gains_nothing);
    tcase_add_test(rights, both_are_the_user_of_the_option);
    tcase_add_test(rights, a_variable_that_no_keeper_wrote_is_refused);
    return suite;
}
