/* SIGTERM while connections are there that wait for nobody's answer: none of them holds the end up.
 * All times are an hour, so a test hangs where one does. */
#include "asker.h"
#include "exposition.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

Suite *suite_ending(void);

#define TIME "--shutdown-timeout=3600", "--handshake-timeout=3600"
#define CALM "--log-level=warning"
#define POOL 40

static struct client *crowd[POOL];
static size_t crowd_size;

static void setup(void)
{
    crowd_size = 0;
}

/* It stays open until the server is gone. */
static struct client *keep(struct client *c)
{
    ck_assert_uint_lt(crowd_size, POOL);
    return crowd[crowd_size++] = c;
}

static void ask(struct client *c, int status, const char *request)
{
    struct response *r;

    client_print(c, "%s", request);
    r = response_read(c, strncmp(request, "HEAD", 4) == 0);
    ck_assert_int_eq(r->status, status);
    response_free(r);
}

#define HEALTH "GET /healthz HTTP/1.1\r\nHost: x\r\n"

static void silent(const struct server *s)
{
    keep(client_connect(s));
}

static void half_a_line(const struct server *s)
{
    client_print(keep(client_connect(s)), "GET /heal");
}

static void half_a_head(const struct server *s)
{
    client_print(keep(client_connect(s)), "GET /healthz HTTP/1.1\r\nHost: x\r\n");
}

static void half_a_handshake(const struct server *s)
{
    client_print(keep(client_connect(s)),
                 "GET /ws/1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n");
}

static void half_a_body(const struct server *s)
{
    client_print(keep(client_connect(s)),
                 "POST /api/rooms/tea/messages HTTP/1.1\r\nHost: x\r\n%s"
                 "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"te",
                 asker_bearer(asker_token("ada", "*", "api,pub")));
}

static void idle(const struct server *s)
{
    struct client *c = keep(client_connect(s));

    ask(c, 200, HEALTH "\r\n");
    ask(c, 404, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
    ask(c, 200, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
}

static void idle_http_1_0(const struct server *s)
{
    ask(keep(client_connect(s)), 200, "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
}

static void half_a_request_after_one(const struct server *s)
{
    ask(keep(client_connect(s)), 200, HEALTH "\r\nGET /healthz HTTP/1.1\r\nHo");
}

/* Of a proxy: some were used, some are in the middle of a request, some are new. */
static void pool(const struct server *s)
{
    for (size_t i = 0; i < POOL / 4; i++) {
        idle(s);
        half_a_request_after_one(s);
        silent(s);
    }
}

/* The server has said its last word, and the peer keeps its side open. */
static void lingering_after_a_refusal(const struct server *s)
{
    ask(keep(client_connect(s)), 400, "BAD\r\n\r\n");
}

static void lingering_after_the_last_answer(const struct server *s)
{
    ask(keep(client_connect(s)), 200, HEALTH "Connection: close\r\n\r\n");
}

static void lingering_after_a_refused_upgrade(const struct server *s)
{
    struct client *c = keep(client_connect(s));
    struct response *r;

    ws_request(c, "/ws/0", "");
    r = response_read(c, false);
    ck_assert_int_eq(r->status, 400);
    response_free(r);
}

static void lingering_after_a_close(const struct server *s)
{
    struct client *c = keep(ws_open_with(s, "/ws/1", asker_bearer(asker_token("ada", "*", "sub"))));
    struct frame frame;

    ws_send_close(c, 1000, "bye");
    do {
        ck_assert(ws_read(c, &frame));
        free(frame.data);
    } while (frame.opcode != WS_CLOSE);
}

/* It closed its half, and the server has nothing to say. */
static void finished_by_the_peer(const struct server *s)
{
    struct client *c = keep(client_connect(s));

    ask(c, 200, HEALTH "\r\n");
    client_finish(c);
}

static void listening(const struct server *s)
{
    struct client *c = keep(client_connect(s));
    struct response *r;

    asker_send(c, "GET", "/api/rooms/tea/events", asker_token("ada", "*", "sub"), "", NULL);
    r = response_read(c, true);
    ck_assert_int_eq(r->status, 200);
    response_free(r);
}

static void (*const states[])(const struct server *s) = {
    silent,
    half_a_line,
    half_a_head,
    half_a_handshake,
    half_a_body,
    idle,
    idle_http_1_0,
    half_a_request_after_one,
    pool,
    lingering_after_a_refusal,
    lingering_after_the_last_answer,
    lingering_after_a_refused_upgrade,
    lingering_after_a_close,
    finished_by_the_peer,
    listening,
};

static void expect_end(struct server *s)
{
    server_signal(s, SIGTERM);
    ck_assert_int_eq(server_wait_exit(s), 0);
    for (size_t i = 0; i < crowd_size; i++)
        client_close(crowd[i]);
}

START_TEST(nobody_who_waits_for_no_answer_holds_the_end_up)
{
    struct server *s = asker_server(LIST(TIME, CALM));

    states[_i](s);
    response_free(http_get(s, "/healthz", "")); /* it has seen the others by then */
    expect_end(s);
}
END_TEST

/* Nor do all of them together, however the server goes on to hear of some during its end. */
START_TEST(nor_do_all_of_them)
{
    struct server *s = asker_server(LIST(TIME, CALM));

    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        if (states[i] != pool)
            states[i](s);
    }
    response_free(http_get(s, "/healthz", ""));
    expect_end(s);
}
END_TEST

/* One more that lingers. Returns false where the server is gone. */
static bool linger_anew(const struct server *s)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(s->port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* ends with the test */

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_ge(fd, 0);
    if (connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
        ck_assert(errno == ECONNREFUSED || errno == ECONNRESET);
        return false;
    }
    return send(fd, "BAD\r\n\r\n", 7, MSG_NOSIGNAL) == 7 || errno == EPIPE || errno == ECONNRESET;
}

/* One that lingers has some seconds for it, which is no time for a test: so others follow it, again
 * and again. */
START_TEST(nor_do_those_that_linger_one_after_the_other)
{
    struct server *s = server_start(LIST(TIME, CALM));

    lingering_after_a_refusal(s);
    server_signal(s, SIGTERM);
    for (int turn = 0; linger_anew(s); turn++) {
        ck_assert_msg(turn < deadline_ms() / 100, "it is held up");
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    ck_assert_int_eq(server_wait_exit(s), 0);
    client_close(crowd[0]);
}
END_TEST

/* Before the first byte of HTTP there is a header of a proxy: none of it has come, or half. */
START_TEST(nor_does_half_a_proxy_header)
{
    struct server *s = server_start(
        LIST(TIME, CALM, "--trusted-proxy", "127.0.0.1", "--proxy-header", "proxy-protocol"));

    silent(s);
    client_print(keep(client_connect(s)), "PROXY TCP4 192.0.2.1 198.5");
    ask(keep(client_connect(s)), 200,
        "PROXY TCP4 192.0.2.1 198.51.100.2 8080 443\r\n" HEALTH "\r\n");
    expect_end(s);
}
END_TEST

/* A scraper keeps its connection to the other listener. */
START_TEST(nor_does_a_scraper)
{
    struct server *s = server_start(LIST(TIME, "--admin", "127.0.0.1:0"));
    struct server admin = *s;

    admin.port = admin_port(s);
    ask(keep(client_connect(&admin)), 200, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    silent(&admin);
    half_a_line(&admin);
    response_free(http_get(&admin, "/healthz", ""));
    expect_end(s);
}
END_TEST

/* The kernel tells of a unix socket less than of TCP. */
START_TEST(nor_does_one_of_a_unix_socket)
{
    const char *path = test_path("s");
    struct launch launch = {.args = NULL};
    char listen[256];
    struct server *s;

    snprintf(listen, sizeof(listen), "unix:%s", path);
    launch.args = LIST(TIME, CALM, "--listen", listen);
    s = server_start_with(&launch);
    keep(client_connect_unix(path));
    client_print(keep(client_connect_unix(path)), "GET / HT");
    ask(keep(client_connect_unix(path)), 200, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    ask(keep(client_connect_unix(path)), 400, "BAD\r\n\r\n");
    expect_end(s);
}
END_TEST

Suite *suite_ending(void)
{
    Suite *suite = suite_create("ending");
    TCase *tcase = harness_case(suite, "ending");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_loop_test(tcase, nobody_who_waits_for_no_answer_holds_the_end_up, 0,
                        (int)ARRAY_LEN(states));
    tcase_add_test(tcase, nor_do_all_of_them);
    tcase_add_test(tcase, nor_do_those_that_linger_one_after_the_other);
    tcase_add_test(tcase, nor_does_half_a_proxy_header);
    tcase_add_test(tcase, nor_does_a_scraper);
    tcase_add_test(tcase, nor_does_one_of_a_unix_socket);
    return suite;
}
