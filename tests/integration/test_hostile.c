/* What strangers tried, each once a bug. */
#include "exposition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

Suite *suite_hostile(void);

START_TEST(an_encoded_slash_is_no_slash)
{
    struct server *s = server_start(NULL);
    struct response *r = http_get(s, "/ws%2f1", "");

    ck_assert_int_eq(r->status, 404);
    response_free(r);
    ck_assert_int_eq(ws_refused(s, "/ws%2F1", ""), 404);
}
END_TEST

/* Positions and keys that cannot be ours are no errors, however long they are. */
START_TEST(long_parameters_are_just_not_ours)
{
    struct server *s = server_start(NULL);
    char target[5000] = "/ws/1?history=4294967295&since=";
    size_t len = strlen(target);
    struct client *c;

    memset(target + len, 'x', 2000);
    memcpy(target + len + 2000, "&key=", 5);
    memset(target + len + 2005, 'y', 2000);
    c = ws_open(s, target);
    ws_send_text(c, "in");
    ws_expect_text(c, "You wrote: in");
    ws_leave(c);
    ck_assert_int_eq(ws_refused(s, "/ws/1?history=4294967296", ""), 400);
}
END_TEST

/* Who was told to go and talks on is heard out only so far, and not for as long as it likes. */
START_TEST(a_flood_after_the_close_is_cut_off)
{
    enum { FLOOD_MAX = 256 * 1024 * 1024 };
    static char junk[65536];
    struct server *s = server_start(NULL);
    struct client *first = ws_open_chat(s, 1), *second = ws_open_chat(s, 1);
    size_t sent = 0;
    ssize_t n = 0;

    ws_send(second, true, WS_TEXT, "", 0);
    while (sent < FLOOD_MAX && n >= 0) {
        n = send(second->fd, junk, sizeof(junk), MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
    }
    ck_assert_msg(n < 0 && sent < FLOOD_MAX, "it took %zu bytes", sent);
    client_close(second);
    ws_send_text(first, "still here");
    ws_expect_text(first, "You wrote: still here");
    client_close(first);
}
END_TEST

/* ---- Taking all places ---- */

/* With so few descriptors there are nine places, two of them for operators alone. */
static struct server *start_narrow(void)
{
    struct launch launch = {
        .args = LIST("--max-clients", "4", "--admin", "127.0.0.1:0", "--log-level", "debug"),
        .files = 64};

    return server_start_with(&launch);
}

#define HOLDERS_MAX 120

static struct client *holders[HOLDERS_MAX];

/* Pages that nobody reads. */
static void hold_by_reading_nothing(const struct server *s, size_t count)
{
    static const char get[] = "GET /main.js HTTP/1.1\r\nHost: h\r\n\r\n";

    for (size_t i = 0; i < count; i++) {
        holders[i] = client_connect_small(s, 2048);
        for (int n = 0; n < 3000; n++)
            client_send_some(holders[i], get, sizeof(get) - 1);
    }
}

/* WebSockets that are closed at once, and do not answer that. */
static void hold_by_not_closing(const struct server *s, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        holders[i] = client_connect(s);
        ws_request(holders[i], "/ws/1", "");
    }
}

static void release(size_t count)
{
    for (size_t i = 0; i < count; i++)
        client_reset(holders[i]);
}

START_TEST(operators_get_in_whoever_holds_the_places)
{
    struct server *s = start_narrow();
    struct client *first = ws_open_chat(s, 1);
    struct response *r;

    if (_i == 0)
        hold_by_reading_nothing(s, HOLDERS_MAX);
    else
        hold_by_not_closing(s, HOLDERS_MAX);
    r = admin_get(s, "/healthz");
    ck_assert_int_eq(r->status, 200);
    response_free(r);
    ws_send_text(first, "still here");
    ws_expect_text(first, "You wrote: still here");
    release(HOLDERS_MAX);
    client_close(first);
}
END_TEST

START_TEST(who_reads_nothing_makes_room)
{
    enum { COUNT = 12 };
    struct server *s = start_narrow();
    struct response *r;

    hold_by_reading_nothing(s, COUNT);
    r = http_get(s, "/healthz", "");
    ck_assert_int_eq(r->status, 200);
    response_free(r);
    server_wait_for(s, "why=\"made room\"");
    release(COUNT);
}
END_TEST

START_TEST(who_does_not_answer_a_close_makes_room)
{
    enum { COUNT = 40 }; /* five seconds for each, seven at a time, would be too long */
    struct server *s = start_narrow();
    struct client *first = ws_open_chat(s, 1);
    struct response *r;

    hold_by_not_closing(s, COUNT);
    r = http_get(s, "/healthz", "");
    ck_assert_int_eq(r->status, 200);
    response_free(r);
    release(COUNT);
    client_close(first);
}
END_TEST

Suite *suite_hostile(void)
{
    Suite *suite = suite_create("hostile");
    TCase *tc = harness_case(suite, "hostile");

    tcase_add_test(tc, an_encoded_slash_is_no_slash);
    tcase_add_test(tc, long_parameters_are_just_not_ours);
    tcase_add_test(tc, a_flood_after_the_close_is_cut_off);
    tcase_add_loop_test(tc, operators_get_in_whoever_holds_the_places, 0, 2);
    tcase_add_test(tc, who_reads_nothing_makes_room);
    tcase_add_test(tc, who_does_not_answer_a_close_makes_room);
    return suite;
}
