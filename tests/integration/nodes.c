#include "nodes.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Redis ---- */

static pid_t redis_pids[REDISES];

const char *redis_path(int which)
{
    return test_path(which == 0 ? "redis.sock" : "second.sock");
}

struct sockaddr_un redis_address(int which)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", redis_path(which));
    return address;
}

/* A connection to one of them; -1: nobody listens. */
int redis_connect(int which)
{
    struct sockaddr_un address = redis_address(which);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Says something, and waits for the whole of an answer that fits one line. */
void redis_say(int fd, const char *command)
{
    char c = '\0';

    ck_assert_int_eq(write(fd, command, strlen(command)), (ssize_t)strlen(command));
    ck_assert_int_eq(write(fd, "\r\n", 2), 2);
    while (c != '\n')
        ck_assert_int_eq(read(fd, &c, 1), 1);
}

void redis_do_at(int which, const char *command)
{
    int fd = redis_connect(which);

    ck_assert_int_ge(fd, 0);
    redis_say(fd, command);
    close(fd);
}

void redis_do(const char *command)
{
    redis_do_at(0, command);
}

/* Starts it, in the folder of the test, and waits until it answers. `keeps`: what it has is there
 * again after a kill. */
void redis_start_one(int which, bool keeps)
{
    const char *path = redis_path(which), *folder = test_path("");
    int fd;

    unlink(path);
    redis_pids[which] = fork();
    ck_assert_int_ge(redis_pids[which], 0);
    if (redis_pids[which] == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", path, "--dir", folder,
               "--save", "", "--repl-diskless-sync-delay", "0", "--enable-debug-command", "local",
               "--appendonly", keeps ? "yes" : "no", "--appendfsync", "no", "--appenddirname",
               which == 0 ? "kept" : "second", "--loglevel", "warning", "--logfile",
               test_path("redis.log"), (char *)NULL);
        fprintf(stderr, "redis-server is missing: scripts/bootstrap.sh installs it\n");
        _exit(127);
    }
    while ((fd = redis_connect(which)) < 0) {
        ck_assert_int_eq(waitpid(redis_pids[which], NULL, WNOHANG), 0);
        usleep(2000);
    }
    /* What it kept is being loaded until it says so. */
    redis_say(fd, "SET ready 1");
    close(fd);
}

void redis_start(bool keeps)
{
    redis_start_one(0, keeps);
}

void redis_kill_one(int which)
{
    if (redis_pids[which] <= 0)
        return;
    kill(redis_pids[which], SIGKILL);
    waitpid(redis_pids[which], NULL, 0);
    redis_pids[which] = 0;
}

void redis_kill(void)
{
    redis_kill_one(0);
}

/* The number behind the first `mark` of what Redis answers. */
int redis_number(const char *command, const char *mark)
{
    char answer[4096];
    const char *at;
    int fd = redis_connect(0);
    ssize_t n;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, command, strlen(command)), (ssize_t)strlen(command));
    n = read(fd, answer, sizeof(answer) - 1);
    ck_assert_int_gt(n, 0);
    close(fd);
    answer[n] = '\0';
    at = strstr(answer, mark);
    ck_assert_msg(at != NULL, "%s", answer);
    return atoi(at + strlen(mark));
}

/* How often Redis was told to do that. */
unsigned long redis_calls(const char *command)
{
    char answer[16384] = "", needle[64];
    int fd = redis_connect(0);
    size_t len = 0;
    const char *at;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "INFO commandstats\r\nQUIT\r\n", 25), 25);
    for (ssize_t n = 1; n > 0; len += (size_t)n) {
        n = read(fd, answer + len, sizeof(answer) - 1 - len);
        ck_assert_int_ge(n, 0);
    }
    close(fd);
    snprintf(needle, sizeof(needle), "cmdstat_%s:calls=", command);
    at = strstr(answer, needle);
    return at == NULL ? 0 : strtoul(at + strlen(needle), NULL, 10);
}

static unsigned free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    close(fd);
    return ntohs(address.sin_port);
}

void redis_replicate(void)
{
    unsigned port = free_port();
    char command[64];

    snprintf(command, sizeof(command), "CONFIG SET port %u", port);
    redis_do(command);
    redis_start_one(1, false);
    snprintf(command, sizeof(command), "REPLICAOF 127.0.0.1 %u", port);
    redis_do_at(1, command);
    while (redis_number("INFO replication\r\n", "connected_slaves:") != 1 ||
           redis_number("WAIT 1 1000\r\n", ":") != 1)
        usleep(2000);
}

void redis_lead_to_second(void)
{
    unlink(redis_path(0));
    ck_assert_int_eq(symlink(redis_path(1), redis_path(0)), 0);
}

/* ---- nodes ---- */

struct server *node_start_at(const char *file, const char *option, const char *value)
{
    char url[200];

    snprintf(url, sizeof(url), "unix:%s", test_path(file));
    return server_start(LIST("--redis", url, "--history", "1000", option, value));
}

struct server *node_start_with(const char *option, const char *value)
{
    return node_start_at("redis.sock", option, value);
}

struct server *node_start(void)
{
    struct server *s = node_start_with("--leave-grace", "600");

    server_wait_for(s, "rooms are shared");
    return s;
}

void come_back(struct seat *seat, const struct server *s, bool recovered)
{
    struct client *before = seat_connect(seat, s, "");

    if (before != NULL)
        client_close(before);
    seat_read_welcome(seat);
    ck_assert(seat->recovered == recovered);
}

/* The next message; what is told of others is passed over. */
void expect_text(struct seat *seat, const char *text)
{
    char *frame, got[V1_TEXT] = "";

    for (;;) {
        frame = seat_read(seat);
        if (v1_has(frame, "text"))
            break;
        free(frame);
    }
    v1_string(frame, "text", got);
    free(frame);
    ck_assert_str_eq(got, text);
}

int node_health(const struct server *s)
{
    struct response *r = http_get(s, "/healthz", "");
    int status = r->status;

    response_free(r);
    return status;
}

/* ---- what is between ---- */

#define RELAYS 8
#define PAIRS 64

static pid_t relay_pids[RELAYS];

/* Two sockets, each of which is told what the other hears; -1: none. */
struct pair {
    int fds[2];
    bool is_late;
};

static volatile sig_atomic_t is_late, babbles;

static void relay_babble(int signal)
{
    (void)signal;
    babbles = true;
}

static void relay_be_late(int signal)
{
    (void)signal;
    is_late = true;
}

static void pair_open(struct pair *pairs, int fd)
{
    for (int i = 0; i < PAIRS; i++) {
        int other;

        if (pairs[i].fds[0] >= 0)
            continue;
        other = redis_connect(0);
        if (other < 0)
            break;
        pairs[i] = (struct pair){{fd, other}, false};
        return;
    }
    close(fd);
}

static void pair_pass(struct pair *pair, int from)
{
    char bytes[4096];
    ssize_t n = read(pair->fds[from], bytes, sizeof(bytes));

    /* What one who is gone had said is told all the same. */
    if (n > 0) {
        (void)!write(pair->fds[!from], bytes, (size_t)n);
        return;
    }
    close(pair->fds[0]);
    close(pair->fds[1]);
    *pair = (struct pair){{-1, -1}, false};
}

/* The connections that there are wait: what comes on others goes first. */
static void relay_set_late(struct pair *pairs, bool to)
{
    for (int i = 0; i < PAIRS; i++)
        pairs[i].is_late = to && pairs[i].fds[0] >= 0;
    is_late = false;
}

static void relay_pass(struct pair *pairs, int listener, int timeout)
{
    struct pollfd looks[1 + 2 * PAIRS] = {{.fd = listener, .events = POLLIN}};

    for (int i = 0; i < 2 * PAIRS; i++)
        looks[1 + i] = (struct pollfd){.fd = pairs[i / 2].is_late ? -1 : pairs[i / 2].fds[i % 2],
                                       .events = POLLIN};
    if (poll(looks, ARRAY_LEN(looks), timeout) <= 0) {
        relay_set_late(pairs, is_late);
        return;
    }
    for (int i = 0; i < 2 * PAIRS; i++) {
        if (looks[1 + i].revents != 0 && pairs[i / 2].fds[i % 2] == looks[1 + i].fd)
            pair_pass(&pairs[i / 2], i % 2);
    }
    if (looks[0].revents != 0)
        pair_open(pairs, accept(listener, NULL, NULL));
}

/* To each who asks, as fast as it reads; nothing of it is an answer. */
static void relay_babble_on(struct pair *pairs)
{
    static char lines[4 * 65536];
    static size_t sent[PAIRS];

    for (size_t i = 0; i < sizeof(lines); i += 4)
        memcpy(lines + i, "+x\r\n", 4);
    for (;;) {
        for (int i = 0; i < PAIRS; i++) {
            ssize_t n = -1;

            if (pairs[i].fds[0] >= 0)
                n = send(pairs[i].fds[0], lines + sent[i] % 4, sizeof(lines) - 4, MSG_DONTWAIT);
            sent[i] += n > 0 ? (size_t)n : 0;
        }
    }
}

static void relay_run(int listener)
{
    struct pair pairs[PAIRS];

    signal(SIGUSR1, relay_be_late);
    signal(SIGUSR2, relay_babble);
    for (int i = 0; i < PAIRS; i++)
        pairs[i] = (struct pair){{-1, -1}, false};
    for (;;) {
        relay_pass(pairs, listener, 500);
        if (babbles)
            relay_babble_on(pairs);
    }
}

void relay_start(struct relay *relay, const char *file)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), slot = 0;

    while (relay_pids[slot] != 0)
        ck_assert_int_lt(++slot, RELAYS);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", test_path(file));
    ck_assert_int_eq(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(listener, 64), 0);
    *relay = (struct relay){file, fork()};
    ck_assert_int_ge(relay->pid, 0);
    if (relay->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        relay_run(listener);
    }
    close(listener);
    relay_pids[slot] = relay->pid;
}

void relay_cut(const struct relay *relay)
{
    ck_assert_int_eq(kill(relay->pid, SIGSTOP), 0);
}

void relay_mend(const struct relay *relay)
{
    ck_assert_int_eq(kill(relay->pid, SIGCONT), 0);
}

void relay_make_false(const struct relay *relay)
{
    ck_assert_int_eq(kill(relay->pid, SIGUSR2), 0);
}

void relay_mend_late(const struct relay *relay)
{
    ck_assert_int_eq(kill(relay->pid, SIGUSR1), 0);
    ck_assert_int_eq(kill(relay->pid, SIGCONT), 0);
}

static void relay_end(int slot)
{
    if (relay_pids[slot] == 0)
        return;
    kill(relay_pids[slot], SIGKILL);
    waitpid(relay_pids[slot], NULL, 0);
    relay_pids[slot] = 0;
}

/* The lease of the node called "doomed" is over. */
void expire_doomed(void)
{
    redis_do("EVAL \"for _,n in ipairs(redis.call('ZRANGE','w:nodes',0,-1)) do if "
             "string.sub(n,1,7)=='doomed-' then redis.call('ZADD','w:nodes',1,n) end end "
             "redis.call('HSET','w:life','since',0) return 1\" 0");
}

/* ---- fixtures ---- */

void nodes_setup(void)
{
    harness_setup();
    redis_start(true);
}

void nodes_teardown(void)
{
    harness_teardown();
    for (int i = 0; i < REDISES; i++)
        redis_kill_one(i);
    for (int i = 0; i < RELAYS; i++)
        relay_end(i);
}
