/* Connections by hand: a host of its own, TCP over the loopback, and a clock that the tests move.
 */
#include "session/conns.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "base/tuning.h"
#include "base/util.h"
#include "net/socket.h"
#include "session/http.h"
#include "session/ws.h"

Suite *suite_conn(void);

#define BODY (4 * 1024 * 1024)

static const uint64_t lengths[CONN_TIMERS] = {
    [CONN_TIMER_SILENT] = 1000, [CONN_TIMER_HANDSHAKE] = 2000, [STREAM_TIMER_SENDING] = 10000,
    [CONN_TIMER_IDLE] = 25000,  [CONN_TIMER_PONG] = 5000,      [STREAM_TIMER_CLOSING] = 3000,
    [CONN_TIMER_THROTTLE] = 10,
};

static struct conns conns;
static struct reactor reactor;
static struct conn *conn;
static int peer; /* the other end */
static enum stream_end end;
static int refused; /* status of the last bad request */
static uint8_t body[BODY];

/* ---- what the connections are for: /ws is a WebSocket, anything else a long body ---- */

static void request(struct conn *c, const struct http_request *r)
{
    static const struct ws_reader_limits limits = {.max_message = 1000};
    struct buf head;

    if (str_equals(r->path, STR("/ws"))) {
        ck_assert(ws_open(c, STR("HTTP/1.1 101 Switching Protocols\r\n\r\n"), &limits));
        return;
    }
    buf_init(&head);
    ck_assert_int_eq(buf_append_str(&head, STR("HTTP/1.1 200 OK\r\n\r\n")), 0);
    http_respond(c, &head, &(struct http_body){.data = body, .len = BODY}, false, true);
    buf_deinit(&head);
}

static void bad_request(struct conn *c, int status, const char *text)
{
    struct buf head;

    (void)text;
    refused = status;
    buf_init(&head);
    ck_assert_int_eq(buf_append_str(&head, STR("HTTP/1.1 400 No\r\n\r\n")), 0);
    http_respond(c, &head, &(struct http_body){.data = NULL}, false, false);
    buf_deinit(&head);
}

static int message(struct conn *c, struct ws_message *m)
{
    (void)c, (void)m;
    return 0;
}

static int on_close(struct conn *c, bool is_broken)
{
    (void)c, (void)is_broken;
    return 0;
}

static void on_free(const struct conn *c)
{
    end = (enum stream_end)c->stream.end;
}

/* ---- a pair of sockets ---- */

static int listen_anywhere(struct sockaddr_in *address)
{
    socklen_t len = sizeof(*address);
    int fd = socket(AF_INET, SOCK_STREAM, 0), size = 212992;

    *address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)address, len), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)address, &len), 0);
    return fd;
}

static int connect_pair(void)
{
    const struct timeval hang = {.tv_sec = 20};
    struct sockaddr_in address;
    int listener = listen_anywhere(&address), size = 65536, accepted;

    peer = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
    ck_assert_int_eq(setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &hang, sizeof(hang)), 0);
    ck_assert_int_eq(connect(peer, (struct sockaddr *)&address, sizeof(address)), 0);
    accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    ck_assert_int_ge(accepted, 0);
    close(listener);
    return accepted;
}

static void setup(void)
{
    end = STREAM_END_NONE;
    refused = 0;
    ck_assert_int_eq(reactor_init(&reactor), 0);
    conns = (struct conns){.on_request = request,
                           .on_bad_request = bad_request,
                           .on_message = message,
                           .on_close = on_close,
                           .on_free = on_free};
    ck_assert_int_eq(conns_init(&conns, &reactor, 4, lengths), 0);
    conns.pool.env.clock.now = 1000000;
    conns.pool.env.max_lag = UINT64_MAX;
}

static void teardown(void)
{
    conn = NULL;
    conns_deinit(&conns);
    reactor_deinit(&reactor);
    close(peer);
}

/* Opens the connection as one that is there since `silence`. */
static void open_conn(bool is_tcp, bool has_input, uint64_t silence)
{
    struct peer who = {.is_known = is_tcp};
    int ends[2];

    if (!is_tcp) {
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
        peer = ends[1];
    }
    conn = http_accept(&conns, is_tcp ? connect_pair() : ends[0], &who);
    http_start(conn, has_input, silence);
}

/* Lets time pass, without a look at the sockets: nobody is told that there is space again. */
static void pass(uint64_t ms)
{
    conns.pool.env.clock.now += ms;
    stream_env_expire(&conns.pool.env);
    stream_env_flush(&conns.pool.env);
    pool_reap(&conns.pool);
}

/* Lets the connection read, in as many ticks as that may take with a tiny buffer. */
static void serve(void)
{
    for (int i = 0; i < 64; i++) {
        reactor_dispatch(
            &reactor, reactor_wait(&reactor, conns.pool.env.clock.now, conns.pool.env.clock.now));
        stream_env_flush(&conns.pool.env);
    }
}

static void ask(const char *path)
{
    char text[64];
    int len = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);

    ck_assert_int_eq(send(peer, text, (size_t)len, 0), len);
    serve();
}

/* Takes so many bytes. */
static void take(size_t len)
{
    static char bytes[65536];

    while (len > 0) {
        ssize_t n = recv(peer, bytes, min_size(len, sizeof(bytes)), 0);

        ck_assert_int_gt(n, 0);
        len -= (size_t)n;
    }
}

/* Takes as much as it needs for the connection's system to know of progress. */
static void take_much(void)
{
    size_t before = socket_unsent(conn->stream.source.fd);

    for (int i = 0; i < 1000 && socket_unsent(conn->stream.source.fd) + 20000 > before; i++)
        take(1000);
}

static void expect_end(enum stream_end why)
{
    ck_assert_uint_eq(conns.pool.count, 0);
    ck_assert_int_eq(end, why);
}

/* What was on its way to the peer when the timer began may count once as taken. */
static void expect_timeout_within_two(uint64_t period)
{
    pass(period);
    if (conns.pool.count > 0)
        pass(period);
    expect_end(STREAM_END_TIMEOUT);
}

/* ---- responses ---- */

START_TEST(a_response_that_nobody_takes)
{
    open_conn(true, false, 0);
    ask("/");
    pass(9999);
    ck_assert_uint_eq(conns.pool.count, 1);
    expect_timeout_within_two(10000);
}
END_TEST

START_TEST(a_response_that_is_taken_slowly)
{
    open_conn(true, false, 0);
    ask("/");
    for (int i = 0; i < 3; i++) {
        take_much();
        pass(10000);
        ck_assert_uint_eq(conns.pool.count, 1);
    }
    expect_timeout_within_two(10000);
}
END_TEST

START_TEST(a_response_that_is_taken_next_to_not_at_all)
{
    open_conn(true, false, 0);
    ask("/");
    for (int i = 0; i < 3 && conns.pool.count > 0; i++) {
        take(1000);
        pass(10000);
    }
    expect_end(STREAM_END_TIMEOUT);
}
END_TEST

/* ---- pings ---- */

/* Opens a WebSocket to which more is to be sent than the kernels keep. */
static void open_backlog(void)
{
    open_conn(true, false, 0);
    ask("/ws");
    for (int i = 0; i < 100; i++)
        ws_send(conn, WS_BINARY, STR(""), body, 40000);
    stream_env_flush(&conns.pool.env);
    ck_assert(conn->stream.is_blocked);
}

START_TEST(a_ping_that_is_not_answered)
{
    open_conn(true, false, 0);
    ask("/ws");
    pass(24999);
    pass(1);
    ck_assert_uint_eq(conns.pool.count, 1);
    pass(4999);
    ck_assert_uint_eq(conns.pool.count, 1);
    pass(1);
    expect_end(STREAM_END_TIMEOUT);
}
END_TEST

START_TEST(a_ping_behind_what_is_taken_slowly)
{
    open_backlog();
    pass(25000);
    for (int i = 0; i < 3; i++) {
        take_much();
        pass(5000);
        ck_assert_uint_eq(conns.pool.count, 1);
    }
    expect_timeout_within_two(5000);
}
END_TEST

START_TEST(a_ping_behind_what_nobody_takes)
{
    open_backlog();
    pass(25000);
    expect_timeout_within_two(5000);
}
END_TEST

/* Of a unix socket the kernel does not tell how much was taken. */
START_TEST(a_ping_on_a_unix_socket)
{
    open_conn(false, false, 0);
    ask("/ws");
    for (int i = 0; i < 100; i++)
        ws_send(conn, WS_BINARY, STR(""), body, 40000);
    stream_env_flush(&conns.pool.env);
    pass(25000);
    take(40000);
    pass(5000);
    expect_end(STREAM_END_TIMEOUT);
}
END_TEST

/* ---- the start ---- */

START_TEST(what_has_come_is_read_at_the_start)
{
    static const char text[] = "GET /ws HTTP/1.1\r\nHost: x\r\n\r\n";
    struct peer who = {.is_known = true};

    if (TUNE_READ_BUFFER < sizeof(text))
        return; /* one read does not bring it all */
    conn = http_accept(&conns, connect_pair(), &who);
    ck_assert_int_eq(send(peer, text, sizeof(text) - 1, 0), sizeof(text) - 1);
    http_start(conn, true, 1000);
    ck_assert(conn->is_member);
    ck_assert_uint_eq(conn->stream.opened, conns.pool.env.clock.now);
    ck_assert(stream_timer_is(&conn->stream, CONN_TIMER_IDLE));
}
END_TEST

START_TEST(who_was_silent_has_less_time)
{
    open_conn(true, true, 1000);
    ck_assert_uint_eq(conn->stream.opened, conns.pool.env.clock.now - 1000);
    pass(999);
    ck_assert_int_eq(refused, 0);
    pass(1);
    ck_assert_int_eq(refused, 408);
}
END_TEST

/* Where it is not known to have been silent, that it has sent nothing means nothing. */
START_TEST(who_has_just_come_has_all_its_time)
{
    open_conn(true, true, 0);
    ck_assert_uint_eq(conn->stream.opened, conns.pool.env.clock.now);
    pass(1999);
    ck_assert_int_eq(refused, 0);
    pass(1);
    ck_assert_int_eq(refused, 408);
}
END_TEST

START_TEST(who_was_silent_makes_room_sooner)
{
    open_conn(true, true, 1000);
    conns.pool.env.clock.now += 999;
    ck_assert(!conns_drop_spare(&conns));
    conns.pool.env.clock.now += 1;
    ck_assert(conns_drop_spare(&conns));
    pass(0);
    expect_end(STREAM_END_SPARE);
}
END_TEST

START_TEST(who_is_gone_already)
{
    struct peer who = {.is_known = true};

    conn = http_accept(&conns, connect_pair(), &who);
    ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
    http_start(conn, true, 1000);
    pass(0);
    expect_end(STREAM_END_LEFT);
}
END_TEST

Suite *suite_conn(void)
{
    Suite *suite = suite_create("conn");
    TCase *tc = tcase_create("conn");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_response_that_nobody_takes);
    tcase_add_test(tc, a_response_that_is_taken_slowly);
    tcase_add_test(tc, a_response_that_is_taken_next_to_not_at_all);
    tcase_add_test(tc, a_ping_that_is_not_answered);
    tcase_add_test(tc, a_ping_behind_what_is_taken_slowly);
    tcase_add_test(tc, a_ping_behind_what_nobody_takes);
    tcase_add_test(tc, a_ping_on_a_unix_socket);
    tcase_add_test(tc, what_has_come_is_read_at_the_start);
    tcase_add_test(tc, who_was_silent_has_less_time);
    tcase_add_test(tc, who_has_just_come_has_all_its_time);
    tcase_add_test(tc, who_was_silent_makes_room_sooner);
    tcase_add_test(tc, who_is_gone_already);
    suite_add_tcase(suite, tc);
    return suite;
}
