/* Accepting: at once, or once the kernel has something of the peer, which takes less. Clients see
 * no difference. */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

Suite *suite_accepting(void);

#define KEEPS "the kernel keeps connections until they send something"
#define TELLS "the kernel tells of connections at once"

/* Starts a server that has its connections kept. */
static struct server *start_on(const char *option)
{
    struct server *s = server_start(LIST("--defer-accept=on", "--log-level=debug", option));

    server_wait_for(s, KEEPS);
    return s;
}

#define GET "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"

static void expect_health(struct client *c)
{
    struct response *r = response_read(c, false);

    ck_assert_int_eq(r->status, 200);
    ck_assert_str_eq(r->body, "ok\n");
    response_free(r);
}

/* ---- what may come first ---- */

static void whole(struct client *c)
{
    client_print(c, GET);
    expect_health(c);
    client_print(c, GET);
    expect_health(c);
}

static void half(struct client *c)
{
    client_print(c, "GET /healthz HT");
    client_print(c, "TP/1.1\r\nHost: x\r\n\r\n");
    expect_health(c);
}

static void bytewise(struct client *c)
{
    client_send_bytewise(c, GET, sizeof(GET) - 1);
    expect_health(c);
}

static void two(struct client *c)
{
    client_print(c, GET GET);
    expect_health(c);
    expect_health(c);
}

static void last(struct client *c)
{
    client_print(c, GET);
    client_finish(c);
    expect_health(c);
    client_expect_eof(c);
}

static void nonsense(struct client *c)
{
    struct response *r;

    client_print(c, "\x16\x03\x01");
    r = response_read(c, false);
    ck_assert_int_eq(r->status, 400);
    response_free(r);
    client_expect_eof(c);
}

static void end(struct client *c)
{
    client_finish(c);
    client_expect_eof(c);
}

static void silence(struct client *c)
{
    struct response *r = response_read(c, false);

    ck_assert_int_eq(r->status, 408);
    response_free(r);
    client_expect_eof(c);
}

static void chat(struct client *c)
{
    ws_request(c, "/ws/7", "");
    ws_expect_upgrade(c);
    ws_send_text(c, "hello");
    ws_expect_text(c, "You wrote: hello");
}

/* The first message in one segment with the request. */
static void chat_at_once(struct client *c)
{
    static const char bytes[] = "GET /ws/8 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Key: " WS_SAMPLE_KEY "\r\n\r\n"
                                "\x81\x82\0\0\0\0hi";

    client_send(c, bytes, sizeof(bytes) - 1);
    ws_expect_upgrade(c);
    ws_expect_text(c, "You wrote: hi");
}

static void (*const firsts[])(struct client *c) = {
    whole, half, bytewise, two, last, nonsense, end, chat, chat_at_once, silence,
};

static void begin_and_end(struct server *s, void (*first)(struct client *c))
{
    struct client *c = client_connect(s);

    first(c);
    client_close(c);
}

START_TEST(whatever_comes_first)
{
    begin_and_end(start_on("--handshake-timeout=2"), firsts[_i]);
}
END_TEST

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* So all of the time for a request is still to come, also once the server has kept others. */
START_TEST(a_unix_socket_is_not_deferred)
{
    const char *path = test_path("socket");
    char listen[160];

    snprintf(listen, sizeof(listen), "unix:%s", path);
    server_start(LIST("--defer-accept=on", "--listen", listen, "--handshake-timeout=1"));
    for (int i = 0; i < 2; i++) {
        struct client *c = client_connect_unix(path);
        double before = now();

        silence(c);
        ck_assert(now() - before > 0.9);
        client_close(c);
    }
}
END_TEST

/* The kernel knew of them, the server did not. */
START_TEST(who_resets_is_nobody)
{
    struct server *s = start_on(NULL);

    for (int i = 0; i < 20; i++)
        client_reset(client_connect(s));
    begin_and_end(s, chat);
    server_stop(s);
    ck_assert_ptr_null(strstr((const char *)s->err.data, "http ended"));
}
END_TEST

/* ---- its time ---- */

/* The time for a request counts from when the kernel knows the connection, not from when it tells:
 * who is silent from the start is told before one who came later and sent something. */
START_TEST(silence_before_it_is_accepted_counts)
{
    struct server *s = start_on("--handshake-timeout=2");
    struct client *first = client_connect(s), *second;
    char *line, byte;

    nanosleep(&(struct timespec){0, 500000000}, NULL);
    second = client_connect(s);
    client_print(second, "GET");
    silence(second);
    ck_assert_int_eq(recv(first->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT), 1);
    silence(first);
    client_close(first);
    client_close(second);
    server_wait_for(s, "received=0 sent=");
    line = strstr((char *)s->err.data, "received=0");
    line = memrchr(s->err.data, '\n', (size_t)(line - (char *)s->err.data));
    line = strstr(line, "seconds=");
    ck_assert_ptr_nonnull(line);
    ck_assert(strtod(line + strlen("seconds="), NULL) >= 2);
}
END_TEST

/* ---- while many come ---- */

START_TEST(many_are_kept_by_the_kernel)
{
    struct server *s = server_start(LIST("--log-level=debug", "--handshake-timeout=2"));

    for (int i = 0; i < 2000; i++)
        client_close(client_connect(s));
    server_wait_for(s, KEEPS);
    for (size_t i = 0; i < ARRAY_LEN(firsts); i++)
        begin_and_end(s, firsts[i]);
    server_wait_for(s, TELLS);
    begin_and_end(s, whole);
}
END_TEST

/* So many within a second are many, and that ends also where nothing else happens. The second
 * begins with the first one where none came in the one before. */
START_TEST(two_hundred_are_many)
{
    struct server *s = server_start(LIST("--log-level=debug"));

    nanosleep(&(struct timespec){1, 100000000}, NULL);
    for (int i = 0; i < 200; i++)
        client_close(client_connect(s));
    server_wait_for(s, KEEPS);
    server_wait_for(s, TELLS);
}
END_TEST

START_TEST(one_less_are_few)
{
    struct server *s = server_start(LIST("--log-level=debug"));

    for (int i = 0; i < 198; i++)
        client_close(client_connect(s));
    begin_and_end(s, whole);
    server_stop(s);
    ck_assert_ptr_null(strstr((const char *)s->err.data, "the kernel"));
}
END_TEST

START_TEST(it_can_be_off)
{
    struct server *s = server_start(LIST("--log-level=debug", "--defer-accept=off"));

    for (int i = 0; i < 2000; i++)
        client_close(client_connect(s));
    begin_and_end(s, whole);
    server_stop(s);
    ck_assert_ptr_null(strstr((const char *)s->err.data, "the kernel"));
}
END_TEST

Suite *suite_accepting(void)
{
    Suite *suite = suite_create("accepting");
    TCase *tc = harness_case(suite, "accepting");

    tcase_add_loop_test(tc, whatever_comes_first, 0, (int)ARRAY_LEN(firsts));
    tcase_add_test(tc, a_unix_socket_is_not_deferred);
    tcase_add_test(tc, who_resets_is_nobody);
    tcase_add_test(tc, silence_before_it_is_accepted_counts);
    tcase_add_test(tc, many_are_kept_by_the_kernel);
    tcase_add_test(tc, two_hundred_are_many);
    tcase_add_test(tc, one_less_are_few);
    tcase_add_test(tc, it_can_be_off);
    return suite;
}
