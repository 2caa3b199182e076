/* Under a supervisor: sockets that it opened, what it is told, the watchdog, SIGHUP, and the drain.
 */
#include "client.h"

#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

Suite *suite_supervisor(void);

/* ---- Sockets for the program ---- */

static int listen_inet(int type, uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    if (type == SOCK_STREAM)
        ck_assert_int_eq(listen(fd, 16), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static int bind_unix(int type, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    memcpy(address.sun_path, path, len);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    len += offsetof(struct sockaddr_un, sun_path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, (socklen_t)len), 0);
    return fd;
}

static int listen_unix(const char *path)
{
    int fd = bind_unix(SOCK_STREAM, path);

    ck_assert_int_eq(listen(fd, 16), 0);
    return fd;
}

/* Starts the program with these sockets and, unless they are NULL, their names. */
static struct server *activate(const int *sockets, size_t count, const char *names,
                               const char *const *args)
{
    char fds[32], fdnames[128];
    struct launch launch = {.args = args, .sockets = sockets, .socket_count = count};
    struct server *s;

    snprintf(fds, sizeof(fds), "LISTEN_FDS=%zu", count);
    snprintf(fdnames, sizeof(fdnames), "LISTEN_FDNAMES=%s", names != NULL ? names : "");
    launch.env = LIST("LISTEN_PID=$$", fds, names != NULL ? fdnames : NULL);
    s = server_launch(&launch);
    server_wait_for(s, "listening on ");
    return s;
}

/* ---- Activation ---- */

START_TEST(a_passed_socket_is_the_only_one)
{
    uint16_t port;
    int fd = listen_inet(SOCK_STREAM, &port);
    struct server *s = activate(&fd, 1, NULL, NULL);
    struct client *c;
    char url[64];

    snprintf(url, sizeof(url), "listening on http://127.0.0.1:%u/\n", (unsigned)port);
    server_wait_for(s, url);
    s->port = port;
    c = ws_open_chat(s, 1);
    ws_send_text(c, "hi");
    ws_expect_text(c, "You wrote: hi");
    ws_leave(c);
    server_stop(s);
    ck_assert_ptr_null(strstr((char *)s->err.data, ":8000"));
    ck_assert_ptr_null(strstr(strstr((char *)s->err.data, url) + 1, "listening on"));
    close(fd);
}
END_TEST

START_TEST(a_passed_socket_and_a_listener_of_its_own_both_serve)
{
    const char *own = test_path("own.sock"), *passed = test_path("passed.sock");
    int fd = listen_unix(passed);
    char option[160], line[180];
    struct server *s;

    snprintf(option, sizeof(option), "--listen=unix:%s", own);
    snprintf(line, sizeof(line), "listening on unix:%s\n", own);
    s = activate(&fd, 1, NULL, LIST(option));
    server_wait_for(s, line);
    client_close(client_connect_unix(own));
    client_close(client_connect_unix(passed));
    server_stop(s);
    close(fd);
    ck_assert_int_ne(access(own, F_OK), 0);
    ck_assert_int_eq(access(passed, F_OK), 0);
}
END_TEST

/* The socket outlives the program, so connections wait for the next one. */
START_TEST(a_passed_socket_serves_one_program_after_the_other)
{
    const char *path = test_path("web.sock");
    int fd = listen_unix(path);
    struct client *waiting = NULL;

    for (int i = 0; i < 3; i++) {
        struct server *s = activate(&fd, 1, "web", NULL);
        struct client *c = waiting != NULL ? waiting : client_connect_unix(path);

        ws_request(c, "/ws", "");
        ws_expect_upgrade(c);
        ws_leave(c);
        server_stop(s);
        waiting = client_connect_unix(path);
    }
    client_close(waiting);
    close(fd);
}
END_TEST

START_TEST(a_socket_named_admin_has_the_metrics_and_others_have_not)
{
    uint16_t web, admin;
    int fds[] = {listen_inet(SOCK_STREAM, &admin), listen_inet(SOCK_STREAM, &web)};
    struct server *s = activate(fds, 2, "admin:web", NULL);
    struct response *r;

    server_wait_for(s, "metrics on ");
    s->port = admin;
    r = http_get(s, "/metrics", "");
    ck_assert_int_eq(r->status, 200);
    response_free(r);
    ck_assert_int_eq(ws_refused(s, "/ws", ""), 404);
    s->port = web;
    r = http_get(s, "/metrics", "");
    ck_assert_int_eq(r->status, 404);
    response_free(r);
    ws_leave(ws_open(s, "/ws"));
    server_stop(s);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

START_TEST(an_admin_socket_alone_leaves_the_public_one_to_the_options)
{
    const char *path = test_path("admin.sock");
    int fd = listen_unix(path);
    struct server *s = activate(&fd, 1, "admin", LIST("--port=0"));
    char line[180];

    snprintf(line, sizeof(line), "metrics on unix:%s\n", path);
    server_wait_for(s, line);
    server_stop(s);
    close(fd);
}
END_TEST

START_TEST(an_abstract_socket_is_shown_with_an_at)
{
    char name[64], line[96];
    int fd;
    struct server *s;

    snprintf(name, sizeof(name), "@wschat-test-%d", (int)getpid());
    snprintf(line, sizeof(line), "listening on unix:%s\n", name);
    fd = listen_unix(name);
    s = activate(&fd, 1, NULL, NULL);
    server_wait_for(s, line);
    server_stop(s);
    close(fd);
}
END_TEST

START_TEST(sixteen_sockets_are_taken)
{
    int fds[16];
    char path[16], line[180];
    struct server *s;

    for (int i = 0; i < 16; i++) {
        snprintf(path, sizeof(path), "%d.sock", i);
        fds[i] = listen_unix(test_path(path));
    }
    s = activate(fds, 16, NULL, NULL);
    snprintf(line, sizeof(line), "listening on unix:%s\n", test_path("15.sock"));
    server_wait_for(s, line);
    client_close(client_connect_unix(test_path("15.sock")));
    server_stop(s);
    for (int i = 0; i < 16; i++)
        close(fds[i]);
}
END_TEST

/* A program that was started by one that was activated must not take the sockets of that. */
START_TEST(another_process_id_is_ignored)
{
    uint16_t port;
    int fd = listen_inet(SOCK_STREAM, &port);
    struct launch launch = {
        .env = LIST("LISTEN_PID=1", "LISTEN_FDS=99"), .sockets = &fd, .socket_count = 1};
    struct server *s = server_start_with(&launch);

    ck_assert_uint_ne(s->port, port);
    response_free(http_get(s, "/healthz", ""));
    close(fd);
}
END_TEST

/* What cannot be used is one clear line, and status 1. */
static void expect_refused(int fd, const char *const *env, const char *words)
{
    struct launch launch = {
        .args = LIST("--port=0"), .env = env, .sockets = &fd, .socket_count = fd < 0 ? 0 : 1};
    struct buf out, err;

    ck_assert_int_eq(program_run(&launch, &out, &err), 1);
    ck_assert_ptr_nonnull(err.data);
    if (strstr((char *)err.data, words) == NULL)
        ck_abort_msg("\"%s\" is not in: %s", words, (char *)err.data);
    ck_assert_ptr_eq(strchr((char *)err.data, '\n'), (char *)err.data + err.len - 1);
    buf_deinit(&out);
    buf_deinit(&err);
    if (fd >= 0)
        close(fd);
}

START_TEST(numbers_that_cannot_be_are_refused)
{
    static const char *const counts[] = {"LISTEN_FDS=17", "LISTEN_FDS=-1", "LISTEN_FDS=one",
                                         "LISTEN_FDS=99999999999999999999"};

    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        expect_refused(-1, LIST("LISTEN_PID=$$", counts[i]), "LISTEN_FDS is not a number");
    expect_refused(-1, LIST("LISTEN_PID=$$", "LISTEN_FDS=2", "LISTEN_FDNAMES=a"),
                   "LISTEN_FDNAMES does not name");
}
END_TEST

START_TEST(descriptors_that_are_no_listening_stream_sockets_are_refused)
{
    const char *const *one = LIST("LISTEN_PID=$$", "LISTEN_FDS=1");
    uint16_t port;
    int pair[2], packets = bind_unix(SOCK_SEQPACKET, test_path("packets.sock"));

    ck_assert_int_eq(listen(packets, 16), 0);
    expect_refused(packets, one, "descriptor 3 of LISTEN_FDS: Socket type not supported");
    ck_assert_int_eq(pipe(pair), 0);
    close(pair[1]);
    expect_refused(pair[0], one, "descriptor 3 of LISTEN_FDS: Socket operation on non-socket");
    expect_refused(listen_inet(SOCK_DGRAM, &port), one, "descriptor 3 of LISTEN_FDS");
    expect_refused(bind_unix(SOCK_STREAM, test_path("quiet.sock")), one,
                   "it must be a listening stream socket");
    expect_refused(listen_inet(SOCK_STREAM, &port), LIST("LISTEN_PID=$$", "LISTEN_FDS=2"),
                   "descriptor 4 of LISTEN_FDS: Bad file descriptor");
}
END_TEST

/* ---- What the supervisor is told ---- */

/* Waits for the next message. Valid until the next call. */
static const char *next_notice(int fd)
{
    static char notice[256];
    struct pollfd pfd = {fd, POLLIN, 0};
    ssize_t n;

    if (poll(&pfd, 1, deadline_ms()) <= 0)
        ck_abort_msg("the supervisor is not told anything");
    n = recv(fd, notice, sizeof(notice) - 1, 0);
    ck_assert_int_ge(n, 0);
    notice[n] = '\0';
    return notice;
}

static void expect_notice(int fd, const char *want)
{
    ck_assert_str_eq(next_notice(fd), want);
}

/* Starts the program with a socket at `address`, which it must greet with READY=1. */
static struct server *start_notified(const char *address, int *fd, const char *const *more)
{
    const char *env[8] = {0};
    struct launch launch = {.env = env};
    char variable[160];
    struct server *s;

    *fd = bind_unix(SOCK_DGRAM, address);
    snprintf(variable, sizeof(variable), "NOTIFY_SOCKET=%s", address);
    env[0] = variable;
    for (size_t i = 0; more != NULL && more[i] != NULL; i++)
        env[i + 1] = more[i];
    s = server_start_with(&launch);
    expect_notice(*fd, "READY=1\nSTATUS=0 clients");
    return s;
}

START_TEST(it_tells_when_it_is_ready_and_when_it_stops)
{
    int fd;
    struct server *s = start_notified(test_path("notify"), &fd, NULL);
    struct client *c = ws_open_chat(s, 1);

    server_signal(s, SIGTERM);
    ws_expect_close(c, 1001);
    expect_notice(fd, "STOPPING=1\nSTATUS=closing 1 clients\nEXTEND_TIMEOUT_USEC=10000000");
    ck_assert_int_eq(server_wait_exit(s), 0);
    close(fd);
}
END_TEST

START_TEST(an_abstract_address_begins_with_an_at)
{
    char address[64];
    struct server *s;
    int fd;

    snprintf(address, sizeof(address), "@wschat-notify-%d", (int)getpid());
    s = start_notified(address, &fd, NULL);
    server_stop(s);
    expect_notice(fd, "STOPPING=1\nSTATUS=closing 0 clients\nEXTEND_TIMEOUT_USEC=10000000");
    close(fd);
}
END_TEST

START_TEST(a_supervisor_that_cannot_be_told_is_no_reason_not_to_serve)
{
    static const char *const addresses[] = {"NOTIFY_SOCKET=/nowhere/notify", "NOTIFY_SOCKET=x",
                                            "NOTIFY_SOCKET=@", "NOTIFY_SOCKET=/"};
    char longest[128] = "NOTIFY_SOCKET=/";

    for (size_t i = 0; i < ARRAY_LEN(addresses) + 1; i++) {
        struct launch launch = {.env = LIST(i == 0 ? longest : addresses[i - 1])};
        struct server *s;

        memset(longest + 15, 'x', 107); /* one more than fits behind the slash */
        s = server_start_with(&launch);
        ck_assert_ptr_nonnull(strstr((char *)s->err.data, "cannot be told"));
        response_free(http_get(s, "/healthz", ""));
        server_stop(s);
    }
}
END_TEST

START_TEST(a_supervisor_that_goes_away_is_not_missed)
{
    int fd;
    struct server *s = start_notified(test_path("notify"), &fd, LIST("WATCHDOG_USEC=20000"));

    next_notice(fd);
    close(fd);
    server_signal(s, SIGHUP);
    server_wait_for(s, "nothing to reload");
    response_free(http_get(s, "/healthz", ""));
    server_stop(s);
}
END_TEST

/* By itself the signal ends a process. */
START_TEST(sigusr2_ends_nothing_and_says_so)
{
    struct server *s = server_start(NULL);
    struct client *c = ws_open_chat(s, 1);

    server_signal(s, SIGUSR2);
    server_wait_for(s, "SIGUSR2 is ignored");
    ws_send_text(c, "still here");
    ws_expect_text(c, "You wrote: still here");
    ws_leave(c);
    server_stop(s);
}
END_TEST

START_TEST(sighup_ends_nothing_and_says_so)
{
    int fd;
    struct server *s = start_notified(test_path("notify"), &fd, NULL);
    struct client *c = ws_open_chat(s, 1);
    const char *notice;

    server_signal(s, SIGHUP);
    notice = next_notice(fd);
    ck_assert_int_eq(strncmp(notice, "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
    ck_assert_uint_gt(strtoull(notice + 27, NULL, 10), 0);
    expect_notice(fd, "READY=1");
    server_wait_for(s, "nothing to reload");
    ws_send_text(c, "still here");
    ws_expect_text(c, "You wrote: still here");
    client_close(c);
    server_stop(s);
    close(fd);
}
END_TEST

/* ---- The watchdog ---- */

START_TEST(it_gives_signs_of_life_again_and_again)
{
    int fd;
    struct server *s =
        start_notified(test_path("notify"), &fd, LIST("WATCHDOG_USEC=20000", "WATCHDOG_PID=$$"));

    expect_notice(fd, "WATCHDOG=1\nSTATUS=0 clients");
    for (int i = 0; i < 5; i++)
        expect_notice(fd, "WATCHDOG=1");
    server_signal(s, SIGKILL);
    server_wait_exit(s);
    close(fd);
}
END_TEST

START_TEST(now_and_then_they_tell_how_many_clients_there_are)
{
    int fd;
    struct server *s = start_notified(test_path("notify"), &fd, LIST("WATCHDOG_USEC=2000000"));
    struct client *c = ws_open_chat(s, 1);

    /* The first one comes after a second: where that is too short, a later one. */
    while (strcmp(next_notice(fd), "WATCHDOG=1\nSTATUS=1 clients") != 0)
        continue;
    client_close(c);
    server_signal(s, SIGKILL);
    server_wait_exit(s);
    close(fd);
}
END_TEST

static const char *const *const no_watchdogs[] = {
    LIST("WATCHDOG_USEC=2000", "WATCHDOG_PID=1"),
    LIST("WATCHDOG_USEC=2000", "WATCHDOG_PID=x"),
    LIST("WATCHDOG_USEC=0"),
    LIST("WATCHDOG_USEC=soon"),
    LIST("WATCHDOG_PID=$$"),
};

/* How often the program waited. */
static long count_waits(const struct server *s)
{
    char line[256];
    long count = -1;
    FILE *file;

    snprintf(line, sizeof(line), "/proc/%d/status", (int)s->pid);
    file = fopen(line, "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof(line), file) != NULL)
        sscanf(line, "voluntary_ctxt_switches: %ld", &count);
    fclose(file);
    ck_assert_int_ge(count, 0);
    return count;
}

START_TEST(who_is_not_watched_is_quiet_and_sleeps)
{
    int fd;
    struct server *s = start_notified(test_path("notify"), &fd, no_watchdogs[_i]);
    long before;

    server_signal(s, SIGHUP);
    next_notice(fd);
    expect_notice(fd, "READY=1");
    nanosleep(&(struct timespec){0, 50000000}, NULL);
    before = count_waits(s);
    nanosleep(&(struct timespec){0, 300000000}, NULL);
    ck_assert_int_eq(count_waits(s), before);
    server_stop(s);
    expect_notice(fd, "STOPPING=1\nSTATUS=closing 0 clients\nEXTEND_TIMEOUT_USEC=10000000");
    close(fd);
}
END_TEST

/* ---- The drain ---- */

#define CROWD 2000
#define PORTION 100

static struct client *crowd[CROWD];

static void gather_crowd(struct server *s, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        crowd[i] = ws_open_chat(s, 1 + i);
}

static bool may_open_crowd(void)
{
    struct rlimit limit;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max < CROWD + 100)
        return false;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

START_TEST(a_crowd_is_closed_in_portions_and_chats_meanwhile)
{
    struct server *s;

    if (!may_open_crowd())
        return;
    s = server_start(LIST("--shutdown-timeout=3600", "--log-level=warning"));
    gather_crowd(s, CROWD);
    server_signal(s, SIGTERM);
    ws_expect_close(crowd[0], 1001);
    ws_expect_close(crowd[PORTION - 1], 1001);
    /* The others talk, and nobody new comes in. */
    ws_send_text(crowd[PORTION], "so long");
    ws_expect_text(crowd[PORTION], "You wrote: so long");
    ws_expect_text(crowd[CROWD - 1], "Client #%d says: so long", PORTION + 1);
    ck_assert_int_eq(ws_refused(s, "/ws/9999", ""), 503);
    /* A second signal ends at once; all are told before. */
    server_signal(s, SIGTERM);
    for (unsigned i = 1; i < CROWD; i++) {
        if (i == PORTION - 1)
            continue;
        if (i > PORTION && i < CROWD - 1)
            ws_expect_text(crowd[i], "Client #%d says: so long", PORTION + 1);
        ws_expect_close(crowd[i], 1001);
    }
    ck_assert_int_eq(server_wait_exit(s), 0);
}
END_TEST

START_TEST(all_of_a_crowd_are_told_in_time)
{
    struct server *s = server_start(LIST("--shutdown-timeout=2", "--log-level=warning"));
    unsigned count = 3 * PORTION + 1;

    gather_crowd(s, count);
    server_signal(s, SIGTERM);
    for (unsigned i = 0; i < count; i++)
        ws_expect_close(crowd[i], 1001);
    ck_assert_int_eq(server_wait_exit(s), 0);
}
END_TEST

/* So many are closed at once: the test would hang were there a second portion. */
START_TEST(a_small_crowd_is_closed_at_once)
{
    struct server *s = server_start(LIST("--shutdown-timeout=86400", "--log-level=warning"));

    gather_crowd(s, PORTION);
    server_signal(s, SIGTERM);
    for (unsigned i = 0; i < PORTION; i++)
        ws_expect_close(crowd[i], 1001);
    ck_assert_int_eq(server_wait_exit(s), 0);
}
END_TEST

START_TEST(without_time_all_are_told_and_it_ends_at_once)
{
    struct server *s = server_start(LIST("--shutdown-timeout=0", "--log-level=warning"));
    unsigned count = 2 * PORTION + 1;

    gather_crowd(s, count);
    server_signal(s, SIGTERM);
    ck_assert_int_eq(server_wait_exit(s), 0);
    for (unsigned i = 0; i < count; i++)
        ws_expect_close(crowd[i], 1001);
}
END_TEST

Suite *suite_supervisor(void)
{
    Suite *suite = suite_create("supervisor");
    TCase *activation = harness_case(suite, "activation");
    TCase *notify = harness_case(suite, "notify");
    TCase *watchdog = harness_case(suite, "watchdog");
    TCase *drain = harness_case(suite, "drain");

    tcase_add_test(activation, a_passed_socket_is_the_only_one);
    tcase_add_test(activation, a_passed_socket_and_a_listener_of_its_own_both_serve);
    tcase_add_test(activation, a_passed_socket_serves_one_program_after_the_other);
    tcase_add_test(activation, a_socket_named_admin_has_the_metrics_and_others_have_not);
    tcase_add_test(activation, an_admin_socket_alone_leaves_the_public_one_to_the_options);
    tcase_add_test(activation, an_abstract_socket_is_shown_with_an_at);
    tcase_add_test(activation, sixteen_sockets_are_taken);
    tcase_add_test(activation, another_process_id_is_ignored);
    tcase_add_test(activation, numbers_that_cannot_be_are_refused);
    tcase_add_test(activation, descriptors_that_are_no_listening_stream_sockets_are_refused);
    tcase_add_test(notify, it_tells_when_it_is_ready_and_when_it_stops);
    tcase_add_test(notify, an_abstract_address_begins_with_an_at);
    tcase_add_test(notify, a_supervisor_that_cannot_be_told_is_no_reason_not_to_serve);
    tcase_add_test(notify, a_supervisor_that_goes_away_is_not_missed);
    tcase_add_test(notify, sighup_ends_nothing_and_says_so);
    tcase_add_test(notify, sigusr2_ends_nothing_and_says_so);
    tcase_add_test(watchdog, it_gives_signs_of_life_again_and_again);
    tcase_add_test(watchdog, now_and_then_they_tell_how_many_clients_there_are);
    tcase_add_loop_test(watchdog, who_is_not_watched_is_quiet_and_sleeps, 0,
                        ARRAY_LEN(no_watchdogs));
    tcase_add_test(drain, a_crowd_is_closed_in_portions_and_chats_meanwhile);
    tcase_add_test(drain, all_of_a_crowd_are_told_in_time);
    tcase_add_test(drain, a_small_crowd_is_closed_at_once);
    tcase_add_test(drain, without_time_all_are_told_and_it_ends_at_once);
    return suite;
}
