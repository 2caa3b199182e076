/* Connections of every kind stay when another process takes over, wherever they are. */
#include "asker.h"
#include "exposition.h"
#include "v1.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

Suite *suite_upgrade_conns(void);

/* Hands over, and waits until the new worker serves and the keeper is through. */
static void upgrade(struct server *s)
{
    static const char through[] = "the keeper is the new program, too";
    unsigned before = 0, after = 0;
    const char *at;

    for (at = (const char *)s->err.data; (at = strstr(at, through)) != NULL; at++)
        before++;
    server_signal(s, SIGUSR2);
    while (after <= before) {
        server_read(s);
        after = 0;
        for (at = (const char *)s->err.data; (at = strstr(at, through)) != NULL; at++)
            after++;
    }
}

/* The worker serves, and the keeper knows. */
static void wait_for_worker(struct server *s)
{
    server_wait_for(s, " uid=");
    response_free(http_get(s, "/healthz", ""));
}

static struct server *start(const char *first, const char *second)
{
    struct server *s = server_start(LIST("--keeper", first, second));

    wait_for_worker(s);
    return s;
}

static void expect_health(struct client *c)
{
    struct response *r = response_read(c, false);

    ck_assert_int_eq(r->status, 200);
    response_free(r);
}

/* ---- HTTP ---- */

START_TEST(half_a_request_and_one_after_the_other)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    struct server *s = start(NULL, NULL);
    struct client *c = client_connect(s);

    for (size_t i = 0; i < sizeof(request) - 1; i += 9) {
        client_send(c, request, i);
        upgrade(s);
        client_send(c, request + i, sizeof(request) - 1 - i);
        expect_health(c);
    }
    client_close(c);
    server_stop(s);
}
END_TEST

/* What a proxy says in front of a request is cut, too. */
START_TEST(half_a_proxy_header)
{
    static const char text[] = "PROXY TCP4 192.0.2.7 192.0.2.1 4000 80\r\n"
                               "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    struct server *s = server_start(
        LIST("--keeper", "--proxy-header", "proxy-protocol", "--trusted-proxy", "127.0.0.1"));

    server_wait_for(s, " uid=");
    for (size_t i = 0; i < sizeof(text) - 1; i += i == 0 ? 5 : 17) {
        struct client *c = client_connect(s);

        client_send(c, text, i);
        if (i > 0)
            upgrade(s);
        client_send(c, text + i, sizeof(text) - 1 - i);
        expect_health(c);
        client_close(c);
    }
    server_stop(s);
}
END_TEST

#define LONG_FILE ((size_t)8 * 1024 * 1024)

static void write_long_file(void)
{
    const char *path;
    FILE *file;

    ck_assert_int_eq(mkdir(test_path("files"), 0700), 0);
    path = test_path("files/long.txt");
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < LONG_FILE; i++)
        putc((int)('a' + i % 23), file);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(a_long_file_in_the_middle)
{
    struct server *s;
    struct client *c;
    struct response *r;

    write_long_file();
    s = start("--static", test_path("files"));
    c = client_connect_small(s, 65536);
    client_print(
        c, "GET /long.txt HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert(client_fill(c, 100000));
    upgrade(s);
    ck_assert(client_fill(c, 3000000));
    upgrade(s);
    r = response_read(c, false);
    ck_assert_uint_eq(r->len, LONG_FILE);
    for (size_t i = 0; i < LONG_FILE; i++)
        ck_assert_int_eq(r->body[i], (char)('a' + i % 23));
    response_free(r);
    expect_health(c);
    client_close(c);
    server_stop(s);
}
END_TEST

/* ---- the API ---- */

static void send_half_post(struct client *c, const char *token)
{
    client_print(c,
                 "POST /api/rooms/tea/messages HTTP/1.1\r\nHost: x\r\n%s"
                 "Content-Type: application/json\r\nIdempotency-Key: once\r\n"
                 "Content-Length: 13\r\n\r\n{\"text\"",
                 asker_bearer(token));
}

static void end_post(struct client *c, char *pos)
{
    struct response *r;

    client_print(c, ":\"hi\"}");
    r = response_read(c, false);
    asker_expect(r, 200);
    v1_string(r->body, "pos", pos);
    response_free(r);
}

START_TEST(half_a_body_and_its_answer_again)
{
    struct server *s = asker_server(LIST("--keeper"));
    const char *token = asker_token("bot", "*", "api,pub");
    struct client *c = client_connect(s);
    char pos[V1_TEXT], again[V1_TEXT];

    wait_for_worker(s);
    send_half_post(c, token);
    upgrade(s);
    end_post(c, pos);
    upgrade(s);
    send_half_post(c, token);
    end_post(c, again);
    ck_assert_str_eq(again, pos);
    client_close(c);
    server_stop(s);
}
END_TEST

/* Reads on until the stream has said that. */
static void expect_told(struct client *c, const char *text)
{
    size_t wanted = 1;

    for (;;) {
        ck_assert(client_fill(c, wanted));
        if (memmem(c->in.data, c->in.len, text, strlen(text)) != NULL)
            break;
        wanted = c->in.len + 1;
    }
    buf_consume(&c->in, c->in.len);
}

START_TEST(an_event_stream)
{
    struct server *s = asker_server(LIST("--keeper"));
    const char *token = asker_token("bot", "*", "api,pub,sub,hst");
    struct client *c = client_connect(s);

    wait_for_worker(s);
    asker_send(c, "GET", "/api/rooms/tea/events", token, "", NULL);
    expect_told(c, "event: welcome");
    for (int i = 0; i < 3; i++) {
        upgrade(s);
        asker_post(s, "tea", token, "news", NULL);
        expect_told(c, "\"text\":\"news\"");
    }
    client_close(c);
    server_stop(s);
}
END_TEST

START_TEST(a_token_that_expires)
{
    struct server *s = asker_server(LIST("--keeper"));
    char query[2200];
    struct seat *seat;

    wait_for_worker(s);
    snprintf(query, sizeof(query), "Sec-WebSocket-Protocol: wschat.v1, bearer.%s\r\n",
             asker_token_until("eve", "tea", "sub,pub", 3, NULL));
    seat = calloc(1, sizeof(*seat));
    ck_assert_ptr_nonnull(seat);
    seat->id = 7;
    seat->c = client_connect(s);
    ws_request(seat->c, "/ws/7?room=tea", query);
    v1_expect_upgrade(seat->c);
    seat_read_welcome(seat);
    upgrade(s);
    ws_expect_close_later(seat->c, 4401);
    free(seat);
    server_stop(s);
}
END_TEST

/* ---- WebSockets ---- */

START_TEST(half_a_frame)
{
    struct server *s = start(NULL, NULL);
    struct client *a = ws_open_chat(s, 1), *b = ws_open_chat(s, 2);
    struct buf frame;

    buf_init(&frame);
    ws_append(&frame, true, WS_TEXT, "tea is ready", 12);
    for (size_t i = 0; i <= frame.len; i += 3) {
        client_send(a, frame.data, i);
        upgrade(s);
        client_send(a, frame.data + i, frame.len - i);
        ws_expect_text(a, "You wrote: tea is ready");
        ws_expect_text(b, "Client #1 says: tea is ready");
    }
    buf_deinit(&frame);
    ws_leave(a);
    ws_expect_text(b, "Client #1 left the chat");
    ws_leave(b);
    server_stop(s);
}
END_TEST

#define LONG_MESSAGE 900000

/* In three frames, each of them cut. */
START_TEST(a_long_message_in_the_middle)
{
    static char text[LONG_MESSAGE];
    struct server *s = start("--max-message", "1m");
    struct client *c = ws_open(s, "/ws");
    struct buf frames;

    buf_init(&frames);
    for (size_t i = 0; i < LONG_MESSAGE; i++)
        text[i] = (char)('a' + i % 23);
    for (size_t i = 0; i < 3; i++)
        ws_append(&frames, i == 2, i == 0 ? WS_TEXT : WS_CONTINUATION, text + i * 300000, 300000);
    for (size_t at = 0; at < frames.len; at += 150007) {
        client_send(c, frames.data + at, min_size(150007, frames.len - at));
        upgrade(s);
    }
    ws_expect_text(c, "Message text was: %.*s", LONG_MESSAGE, text);
    buf_deinit(&frames);
    ws_leave(c);
    server_stop(s);
}
END_TEST

#define MANY 600

/* Says many long messages to somebody who does not listen, with an upgrade now and then. */
START_TEST(a_slow_reader_in_the_middle)
{
    struct server *s = start("--max-lag", "16m");
    struct client *a = ws_open_chat(s, 1), *b = client_connect_small(s, 65536);
    char text[6000];

    ws_request(b, "/ws/2", "");
    ws_expect_upgrade(b);
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof(text), "%d %05000d", i, i);
        ws_send_text(a, text);
        ws_expect_text(a, "You wrote: %s", text);
        if (i % 200 == 100)
            upgrade(s);
    }
    for (int i = 0; i < MANY; i++) {
        ws_expect_text(b, "Client #1 says: %d %05000d", i, i);
        if (i % 200 == 150)
            upgrade(s);
    }
    ws_leave(b);
    ws_expect_text(a, "Client #2 left the chat");
    ws_leave(a);
    server_stop(s);
}
END_TEST

/* The server has said Close, and waits for the answer. */
START_TEST(a_close_that_is_not_answered_yet)
{
    struct server *s = start(NULL, NULL);
    struct client *a = ws_open_chat(s, 1), *b = client_connect(s);

    ws_request(b, "/ws/1", "");
    ws_expect_upgrade(b);
    upgrade(s);
    ws_expect_close(b, 4009);
    ws_leave(a);
    server_stop(s);
}
END_TEST

/* Who asked to be told of control frames is told by the next worker, too, and nobody else. */
START_TEST(who_hears_of_control_frames)
{
    struct server *s = start(NULL, NULL);
    struct seat *a = seat_open(s, 1, ""), *b = seat_open(s, 2, "room=tea");

    seat_send(a, "{'type':'wire'}");
    seat_expect(a, "{'type':'wire','on':true}");
    for (int i = 0; i < 2; i++) {
        upgrade(s);
        ws_sync(a->c);
        seat_expect(a,
                    "{'type':'wire','by':'client','frame':'ping','count':1,'length':#,'hex':'*'}");
        seat_expect(a,
                    "{'type':'wire','by':'server','frame':'pong','count':1,'length':#,'hex':'*'}");
        ws_sync(b->c);
        seat_sync(b);
    }
    seat_drop(a);
    seat_drop(b);
    server_stop(s);
}
END_TEST

/* ---- what is known of all ---- */

START_TEST(limits_by_address)
{
    struct server *s = start("--max-clients-per-ip", "2");
    struct client *a = ws_open_chat(s, 1), *b = ws_open_chat(s, 2), *c;

    ck_assert_int_eq(ws_refused(s, "/ws/3", ""), 429);
    upgrade(s);
    ck_assert_int_eq(ws_refused(s, "/ws/3", ""), 429);
    ws_leave(b);
    ws_expect_text(a, "Client #2 left the chat");
    upgrade(s);
    c = ws_open_chat(s, 3);
    ck_assert_int_eq(ws_refused(s, "/ws/4", ""), 429);
    ws_leave(c);
    ws_expect_text(a, "Client #3 left the chat");
    ws_leave(a);
    server_stop(s);
}
END_TEST

static void say_three(struct client *c)
{
    for (int i = 0; i < 3; i++) {
        ws_send_text(c, "hi");
        ws_expect_text(c, "You wrote: hi");
    }
}

/* When the first value was read that the status page has. */
static double first_reading(struct server *s)
{
    struct response *r = admin_get(s, "/past");
    double first = 0;

    ck_assert_int_eq(sscanf(r->body, "time %lf", &first), 1);
    response_free(r);
    return first;
}

START_TEST(counters_go_on)
{
    struct server *s = start("--admin", "127.0.0.1:0");
    struct client *c = ws_open_chat(s, 1);
    char *before, *after;
    double first;

    say_three(c);
    before = metrics_read(s);
    first = first_reading(s);
    upgrade(s);
    say_three(c);
    after = metrics_read(s);
    ck_assert(first_reading(s) == first);
    metric_expect(after, "wschat_messages_total", 6);
    metric_expect(after, "wschat_clients", 1);
    ck_assert(metric(after, "process_start_time_seconds") ==
              metric(before, "process_start_time_seconds"));
    ck_assert(metric(after, "wschat_connections_total") >
              metric(before, "wschat_connections_total"));
    ck_assert(metric(after, "wschat_sent_bytes_total") > metric(before, "wschat_sent_bytes_total"));
    ck_assert(metric(after, "process_cpu_seconds_total") >=
              metric(before, "process_cpu_seconds_total"));
    ck_assert(metric(after, "wschat_tick_seconds_count") >
              metric(before, "wschat_tick_seconds_count"));
    free(before);
    free(after);
    ws_leave(c);
    server_stop(s);
}
END_TEST

Suite *suite_upgrade_conns(void)
{
    Suite *suite = suite_create("upgrade_conns");
    TCase *http = harness_case(suite, "http"), *api = harness_case(suite, "api"),
          *websockets = harness_case(suite, "websockets"), *all = harness_case(suite, "all");

    tcase_add_test(http, half_a_request_and_one_after_the_other);
    tcase_add_test(http, half_a_proxy_header);
    tcase_add_test(http, a_long_file_in_the_middle);
    tcase_add_test(api, half_a_body_and_its_answer_again);
    tcase_add_test(api, an_event_stream);
    tcase_add_test(api, a_token_that_expires);
    tcase_add_test(websockets, half_a_frame);
    tcase_add_test(websockets, a_long_message_in_the_middle);
    tcase_add_test(websockets, a_slow_reader_in_the_middle);
    tcase_add_test(websockets, a_close_that_is_not_answered_yet);
    tcase_add_test(websockets, who_hears_of_control_frames);
    tcase_add_test(all, limits_by_address);
    tcase_add_test(all, counters_go_on);
    return suite;
}
