/* Life and death of connections: every member leaves exactly once, however it goes. */
#include "client.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

Suite *suite_lifecycle(void);

/* ---- Calm ---- */

/* With nobody to ping and nothing to say, nothing wakes it. */
START_TEST(a_calm_server_sleeps)
{
    struct server *s = server_start(LIST("--ping-interval", "0"));
    struct client *clients[20];
    struct timespec settle = {.tv_nsec = 300000000}, watch = {.tv_sec = 1};
    long before;

    for (size_t i = 0; i < ARRAY_LEN(clients); i++)
        clients[i] = i % 2 == 0 ? ws_open_chat(s, i + 1) : ws_open(s, "/ws");
    nanosleep(&settle, NULL);
    before = server_wakeups(s);
    nanosleep(&watch, NULL);
    ck_assert_int_eq(server_wakeups(s), before);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++)
        client_close(clients[i]);
}
END_TEST

/* ---- Ways to go ---- */

static void go_by_close_frame(struct client *c)
{
    ws_leave(c);
}

static void go_by_close_frame_and_no_more(struct client *c)
{
    ws_send_close(c, 1001, "tab closed");
    client_close(c);
}

static void go_by_fin(struct client *c)
{
    client_finish(c);
    client_drain(c);
    client_close(c);
}

static void go_by_close(struct client *c)
{
    client_close(c);
}

static void go_by_rst(struct client *c)
{
    client_reset(c);
}

static void go_by_rst_with_unread_data(struct client *c)
{
    ws_send_text(c, "unread");
    ws_send(c, true, WS_PING, "", 0);
    client_reset(c);
}

static void go_by_protocol_error(struct client *c)
{
    client_send(c, "\xff\x80\0\0\0\0", 6);
    ws_expect_close(c, 1002);
}

static void go_by_bad_utf8(struct client *c)
{
    ws_send(c, true, WS_TEXT, "\xff", 1);
    ws_expect_close(c, 1007);
}

static void go_by_binary(struct client *c)
{
    ws_send(c, true, WS_BINARY, "x", 1);
    ws_expect_close(c, 1003);
}

static void go_by_size(struct client *c)
{
    client_send(c, "\x81\xff\0\0\0\0\x7f\0\0\0\0\0\0\0", 14);
    ws_expect_close(c, 1009);
}

static void go_by_error_and_rst(struct client *c)
{
    client_send(c, "\xff\x80\0\0\0\0", 6);
    client_reset(c);
}

static void go_in_the_middle_of_a_frame(struct client *c)
{
    client_send(c, "\x81\x85\0\0\0\0he", 8);
    client_close(c);
}

static void go_in_the_middle_of_a_message(struct client *c)
{
    ws_send(c, false, WS_TEXT, "half a mess", 11);
    client_reset(c);
}

static void go_by_silence(struct client *c)
{
    /* It answers no ping, and finds the connection ended. */
    client_drain(c);
    client_close(c);
}

static const struct {
    void (*go)(struct client *c);
    int said; /* messages that it sent before it went */
} ways[] = {
    {go_by_close_frame, 0},
    {go_by_close_frame_and_no_more, 0},
    {go_by_fin, 0},
    {go_by_close, 0},
    {go_by_rst, 0},
    {go_by_rst_with_unread_data, 1},
    {go_by_protocol_error, 0},
    {go_by_bad_utf8, 0},
    {go_by_binary, 0},
    {go_by_size, 0},
    {go_by_error_and_rst, 0},
    {go_in_the_middle_of_a_frame, 0},
    {go_in_the_middle_of_a_message, 0},
};

/* RST may overtake what was sent before it. */
static void expect_left_once(struct client *c, const char *id, int may_say)
{
    struct frame frame;
    char left[64];
    char says[64];

    snprintf(left, sizeof(left), "Client #%s left the chat", id);
    snprintf(says, sizeof(says), "Client #%s says: unread", id);
    ck_assert(ws_read(c, &frame));
    if (may_say > 0 && strcmp(frame.data, says) == 0) {
        free(frame.data);
        ck_assert(ws_read(c, &frame));
    }
    ck_assert_str_eq(frame.data, left);
    free(frame.data);
    ws_sync(c);
}

START_TEST(who_goes_leaves_exactly_once)
{
    struct server *s = server_start(NULL);
    struct client *first = ws_open_chat(s, 1);
    struct client *goer = ws_open_chat(s, 2);
    struct client *last = ws_open_chat(s, 3);

    ways[_i].go(goer);
    expect_left_once(first, "2", ways[_i].said);
    expect_left_once(last, "2", ways[_i].said);
    /* The seat is free, and the one who takes it next is not thrown out by what the first left
     * behind. */
    goer = ws_open_chat(s, 2);
    ws_send_text(first, "still here");
    ws_expect_text(first, "You wrote: still here");
    ws_expect_text(goer, "Client #1 says: still here");
    ws_expect_text(last, "Client #1 says: still here");
    client_close(first);
    ws_expect_text(last, "Client #1 left the chat");
    client_close(goer);
    client_close(last);
}
END_TEST

START_TEST(who_goes_leaves_exactly_once_with_broadcast_all)
{
    struct server *s = server_start(LIST("--broadcast=all"));
    struct client *other = ws_open_chat(s, 1);

    ways[_i].go(ws_open_chat(s, 2));
    expect_left_once(other, "2", ways[_i].said);
    client_close(other);
}
END_TEST

START_TEST(no_descriptor_is_left_behind)
{
    struct server *s = server_start(NULL);
    struct client *other = ws_open_chat(s, 1);
    unsigned before;

    ws_sync(other);
    before = server_count_fds(s);
    for (int i = 0; i < 10; i++) {
        ways[_i].go(ws_open_chat(s, 2));
        expect_left_once(other, "2", ways[_i].said);
    }
    /* The last one may still be on its way out. */
    for (int waited = 0; server_count_fds(s) > before && waited < deadline_ms(); waited += 10)
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    ck_assert_uint_le(server_count_fds(s), before);
    client_close(other);
}
END_TEST

START_TEST(a_silent_peer_is_pinged_and_dropped)
{
    struct server *s = server_start(LIST("--ping-interval=1", "--ping-timeout=1"));
    struct client *silent = ws_open_chat(s, 2);
    struct client *other = ws_open_chat(s, 1);
    struct frame frame;
    unsigned pings = 0;

    for (;;) {
        ck_assert(ws_read(other, &frame));
        if (frame.opcode != WS_PING)
            break;
        pings++;
        ws_send(other, true, WS_PONG, frame.data, frame.len);
        free(frame.data);
    }
    ck_assert_str_eq(frame.data, "Client #2 left the chat");
    free(frame.data);
    ck_assert_uint_ge(pings, 1);
    go_by_silence(silent);
    client_close(other);
}
END_TEST

START_TEST(a_peer_that_speaks_is_kept)
{
    struct server *s = server_start(LIST("--ping-interval=1", "--ping-timeout=1"));
    struct client *c = ws_open_chat(s, 1);
    struct frame frame;

    for (int pings = 0; pings < 3;) {
        ck_assert(ws_read(c, &frame));
        ck_assert_int_eq(frame.opcode, WS_PING);
        ws_send(c, true, WS_PONG, frame.data, frame.len);
        free(frame.data);
        pings++;
    }
    ws_send_text(c, "alive");
    ws_expect_text(c, "You wrote: alive");
    client_close(c);
}
END_TEST

/* ---- FIN and data ---- */

START_TEST(what_came_before_a_fin_is_said)
{
    struct server *s = server_start(NULL);
    struct client *other = ws_open_chat(s, 1);
    struct client *c = ws_open_chat(s, 2);

    for (int i = 0; i < 50; i++)
        ws_send_text(c, "last words");
    client_finish(c);
    for (int i = 0; i < 50; i++) {
        ws_expect_own_if_at_once(c, "last words");
        ws_expect_text(other, "Client #2 says: last words");
    }
    ws_expect_text(other, "Client #2 left the chat");
    ws_sync(other);
    client_drain(c);
    client_close(c);
    client_close(other);
}
END_TEST

START_TEST(what_came_before_a_close_is_said)
{
    struct server *s = server_start(NULL);
    struct client *other = ws_open_chat(s, 1);
    struct client *c = client_connect(s);

    ws_request(c, "/ws/2", "");
    ws_send_text(c, "hit");
    ws_send_text(c, "run");
    client_finish(c);
    ws_expect_upgrade(c);
    ws_expect_text(other, "Client #2 says: hit");
    ws_expect_text(other, "Client #2 says: run");
    ws_expect_text(other, "Client #2 left the chat");
    ws_sync(other);
    client_drain(c);
    client_close(c);
    client_close(other);
}
END_TEST

START_TEST(a_fin_behind_half_a_handshake_ends_quietly)
{
    struct server *s = server_start(NULL);
    struct client *c = client_connect(s);

    client_print(c, "GET /ws/1 HTTP/1.1\r\nHost: x\r\nUpg");
    client_finish(c);
    client_drain(c);
    client_close(c);
    response_free(http_get(s, "/healthz", ""));
}
END_TEST

/* Half-open connections of all kinds must cost no CPU time. */
START_TEST(nobody_makes_the_server_spin)
{
    struct server *s = server_start(LIST("--shutdown-timeout=1"));
    struct client *half_http = client_connect(s);
    struct client *half_ws = ws_open_chat(s, 1);
    struct client *closing = ws_open_chat(s, 2);
    struct client *refused = client_connect(s);
    struct client *stalled = client_connect(s);

    ws_send_close(closing, 1000, "");
    client_print(refused, "BAD\r\n\r\n");
    client_finish(half_ws);
    client_print(half_http, "GET / HT");
    client_finish(half_http);
    client_print(stalled, "GET / HTTP/1.1\r\n");
    response_free(http_get(s, "/healthz", ""));
    server_expect_asleep(s);
    client_close(half_http);
    client_close(half_ws);
    client_close(closing);
    client_close(refused);
    client_close(stalled);
}
END_TEST

/* ---- Storms ---- */

START_TEST(all_may_go_at_once_in_the_middle_of_a_broadcast)
{
    struct server *s = server_start(NULL);
    struct client *listener = ws_open_chat(s, 1000);
    struct client *crowd[40];
    bool seen[40] = {false};
    struct frame frame;

    for (unsigned i = 0; i < ARRAY_LEN(crowd); i++)
        crowd[i] = ws_open_chat(s, 1 + i);
    for (unsigned i = 0; i < ARRAY_LEN(crowd); i++) {
        ws_send_text(crowd[i], "bye");
        if (i % 2 == 0)
            client_close(crowd[i]);
        else
            client_reset(crowd[i]);
    }
    for (unsigned left = 0; left < ARRAY_LEN(crowd);) {
        unsigned id;
        int end = 0;

        ck_assert(ws_read(listener, &frame));
        sscanf(frame.data, "Client #%u left the chat%n", &id, &end);
        free(frame.data);
        if (end == 0)
            continue;
        ck_assert(id >= 1 && id <= ARRAY_LEN(crowd) && !seen[id - 1]);
        seen[id - 1] = true;
        left++;
    }
    ws_sync(listener);
    client_close(listener);
}
END_TEST

START_TEST(coming_and_going_leaves_a_sound_server)
{
    struct server *s = server_start(LIST("--log-level=warning"));
    unsigned before;

    response_free(http_get(s, "/healthz", ""));
    before = server_count_fds(s);
    for (uint64_t i = 1; i <= 300; i++) {
        struct client *c = ws_open_chat(s, 1 + i % 7);

        if (i % 3 == 0)
            client_reset(c);
        else
            ws_leave(c);
        if (i % 3 == 0)
            while (ws_refused(s, "/ws/0", "") != 400)
                continue;
    }
    for (int waited = 0; server_count_fds(s) > before && waited < deadline_ms(); waited += 10)
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    ck_assert_uint_le(server_count_fds(s), before);
}
END_TEST

Suite *suite_lifecycle(void)
{
    Suite *suite = suite_create("lifecycle");
    TCase *leave = harness_case(suite, "leaving");
    TCase *fin = harness_case(suite, "fin");
    TCase *storm = harness_case(suite, "storms");

    tcase_add_loop_test(leave, who_goes_leaves_exactly_once, 0, ARRAY_LEN(ways));
    tcase_add_loop_test(leave, who_goes_leaves_exactly_once_with_broadcast_all, 0, ARRAY_LEN(ways));
    tcase_add_loop_test(leave, no_descriptor_is_left_behind, 0, ARRAY_LEN(ways));
    tcase_add_test(leave, a_calm_server_sleeps);
    tcase_add_test(leave, a_silent_peer_is_pinged_and_dropped);
    tcase_add_test(leave, a_peer_that_speaks_is_kept);
    tcase_add_test(fin, what_came_before_a_fin_is_said);
    tcase_add_test(fin, what_came_before_a_close_is_said);
    tcase_add_test(fin, a_fin_behind_half_a_handshake_ends_quietly);
    tcase_add_test(fin, nobody_makes_the_server_spin);
    tcase_add_test(storm, all_may_go_at_once_in_the_middle_of_a_broadcast);
    tcase_add_test(storm, coming_and_going_leaves_a_sound_server);
    return suite;
}
