/* What people and programs notice of a hand-over: nothing, wherever it cuts what they say and hear.
 */
#include "asker.h"
#include "exposition.h"
#include "upgrading.h"
#include "v1.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_upgrade_people(void);

/* ---- what comes in ---- */

/* Sends the first part of it, hands over, sends the rest. */
static void send_cut(struct server *s, struct client *c, const void *data, size_t len, size_t first)
{
    client_send(c, data, first);
    response_free(http_get(s, "/healthz", "")); /* so that the first part was read, too */
    upgrade(s);
    client_send(c, (const char *)data + first, len - first);
}

START_TEST(a_frame_may_be_cut_anywhere)
{
    struct server *s = upgrade_start(NULL);
    struct client *c = ws_open_chat(s, 1);
    struct buf frame;

    buf_init(&frame);
    ws_append(&frame, true, WS_TEXT, "h\xc3\xa9!", 4);
    for (size_t first = 1; first < frame.len; first++) {
        send_cut(s, c, frame.data, frame.len, first);
        ws_expect_text(c, "You wrote: h\xc3\xa9!");
    }
    buf_deinit(&frame);
    ws_leave(c);
    server_stop(s);
}
END_TEST

START_TEST(a_message_may_be_cut_between_its_fragments)
{
    struct server *s = upgrade_start(NULL);
    struct client *c = ws_open_chat(s, 1);

    ws_send(c, false, WS_TEXT, "caf\xc3", 4);
    ws_sync(c);
    upgrade(s);
    ws_send(c, false, WS_CONTINUATION, "\xa9 ", 2);
    ws_sync(c);
    upgrade(s);
    ws_send(c, true, WS_CONTINUATION, "noir", 4);
    ws_expect_text(c, "You wrote: caf\xc3\xa9 noir");
    ws_leave(c);
    server_stop(s);
}
END_TEST

START_TEST(a_request_may_be_cut_anywhere)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct server *s = upgrade_start(NULL);
    struct client *c = client_connect(s);

    for (size_t first = 1; first < sizeof(request) - 1; first += 6) {
        struct response *r;

        send_cut(s, c, request, sizeof(request) - 1, first);
        r = response_read(c, false);
        ck_assert_int_eq(r->status, 200);
        response_free(r);
    }
    upgrade(s);
    ws_request(c, "/ws/1", "");
    ws_expect_upgrade(c);
    ws_leave(c);
    server_stop(s);
}
END_TEST

/* ---- what goes out ---- */

/* More than the kernel takes for somebody who does not read. */
START_TEST(who_reads_late_gets_every_byte_in_order)
{
    const unsigned messages = is_sanitized() ? 400 : 2000;
    struct server *s = upgrade_start(LIST("--max-lag", "8m", "--broadcast", "others"));
    struct client *slow = client_connect_small(s, 4096), *c = ws_open_chat(s, 1);
    char text[2001];

    ws_request(slow, "/ws/2", "");
    ws_expect_upgrade(slow);
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (unsigned i = 0; i < messages; i++) {
        snprintf(text, 9, "%08u", i % 100000000u);
        text[8] = ' ';
        ws_send_text(c, text);
        ws_expect_text(c, "You wrote: %s", text);
        if (i % (messages / 4) == messages / 8)
            upgrade(s);
    }
    for (unsigned i = 0; i < messages; i++) {
        snprintf(text, 9, "%08u", i % 100000000u);
        text[8] = ' ';
        ws_expect_text(slow, "Client #1 says: %s", text);
        if (i % (messages / 4) == messages / 8)
            upgrade(s);
    }
    ws_leave(slow);
    ws_expect_text(c, "Client #2 left the chat");
    ws_leave(c);
    server_stop(s);
}
END_TEST

/* Signals come while they talk, and nobody waits for their end. */
START_TEST(a_conversation_goes_on_through_it)
{
    struct server *s = upgrade_start(NULL);
    struct seat *seats[3];
    char text[32];

    for (uint64_t i = 0; i < 3; i++) {
        seats[i] = seat_open(s, i + 1, "room=tea");
        for (uint64_t k = 0; k < i; k++)
            seat_expect_presence(seats[k], "join", i + 1, "");
    }
    for (unsigned i = 0; i < 600; i++) {
        if (i % 60 == 0)
            server_signal(s, SIGUSR2);
        snprintf(text, sizeof(text), "message %u", i);
        seat_say(seats[i % 3], text);
        for (int k = 0; k < 3; k++)
            seat_expect_message(seats[k], i % 3 + 1, text);
    }
    server_wait_for(s, "took over from the worker before\" connections=3 ");
    for (int i = 0; i < 3; i++)
        seat_drop(seats[i]);
    server_stop(s);
}
END_TEST

/* ---- who is not connected ---- */

START_TEST(a_seat_waits_for_its_owner)
{
    struct server *s = upgrade_start(LIST("--leave-grace", "600"));
    struct seat *a = seat_open(s, 1, "room=tea"), *b = seat_open(s, 2, "room=tea");

    seat_expect_presence(a, "join", 2, "");
    seat_break(b);
    seat_await_away(a, 2);
    seat_say(a, "one");
    seat_expect_message(a, 1, "one");
    upgrade(s);
    seat_say(a, "two");
    seat_expect_message(a, 1, "two");
    ck_assert_ptr_null(seat_connect(b, s, "&room=tea"));
    seat_read_welcome(b);
    ck_assert(b->recovered);
    seat_expect_presence(b, "join", 2, "");
    seat_expect_message(b, 1, "one");
    seat_expect_message(b, 1, "two");
    seat_drop(a);
    seat_drop(b);
    server_stop(s);
}
END_TEST

START_TEST(who_comes_later_is_told_the_past)
{
    struct server *s = upgrade_start(NULL);
    struct seat *a = seat_open(s, 1, "room=tea"), *late;

    seat_say(a, "before");
    seat_expect_message(a, 1, "before");
    upgrade(s);
    seat_say(a, "behind");
    seat_expect_message(a, 1, "behind");
    late = seat_open(s, 2, "room=tea&history=10");
    seat_expect_message(late, 1, "before");
    seat_expect_message(late, 1, "behind");
    seat_drop(a);
    seat_drop(late);
    server_stop(s);
}
END_TEST

/* The listeners are the keeper's. */
START_TEST(who_comes_meanwhile_is_served)
{
    struct server *s = upgrade_start(NULL);

    for (unsigned i = 1; i <= 5; i++) {
        server_signal(s, SIGUSR2);
        for (int k = 0; k < 30; k++) {
            struct response *r = http_get(s, "/healthz", "");

            ck_assert_int_eq(r->status, 200);
            response_free(r);
        }
        upgrade_wait_for(s, "the keeper is the new program, too", i);
    }
    server_stop(s);
}
END_TEST

START_TEST(the_file_of_a_unix_socket_stays)
{
    char path[128], option[160];
    struct server *s;
    struct client *c;

    snprintf(path, sizeof(path), "%s", test_path("own.sock"));
    snprintf(option, sizeof(option), "--listen=unix:%s", path);
    s = upgrade_start(LIST(option));
    c = client_connect_unix(path);
    ws_request(c, "/ws/1", "");
    ws_expect_upgrade(c);
    upgrade(s);
    ws_send_text(c, "hi");
    ws_expect_text(c, "You wrote: hi");
    ws_leave(c);
    c = client_connect_unix(path);
    ws_request(c, "/ws/1", "");
    ws_expect_upgrade(c);
    ws_leave(c);
    server_stop(s);

    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

/* ---- what is counted and bounded ---- */

START_TEST(counters_go_on)
{
    struct server *s = upgrade_start(LIST("--admin", "127.0.0.1:0"));
    struct client *c = ws_open_chat(s, 1);
    char *text;

    ws_send_text(c, "one");
    ws_expect_text(c, "You wrote: one");
    upgrade(s);
    ws_send_text(c, "two");
    ws_expect_text(c, "You wrote: two");
    text = metrics_read(s);
    metric_expect(text, "wschat_messages_total", 2);
    metric_expect(text, "wschat_clients", 1);
    free(text);
    ws_leave(c);
    server_stop(s);
}
END_TEST

START_TEST(an_address_has_no_more_than_before)
{
    struct server *s = upgrade_start(LIST("--max-clients-per-ip", "2"));
    struct client *a = ws_open_chat(s, 1), *b = ws_open_chat(s, 2);

    upgrade(s);
    ck_assert_int_eq(ws_refused(s, "/ws/3", ""), 429);
    ws_leave(a);
    ws_expect_text(b, "Client #1 left the chat");
    ws_leave(ws_open_chat(s, 3));
    client_close(b);
    server_stop(s);
}
END_TEST

Suite *suite_upgrade_people(void)
{
    Suite *suite = suite_create("upgrade_people");
    TCase *in = harness_case(suite, "in"), *out = harness_case(suite, "out");
    TCase *away = harness_case(suite, "away"), *bounds = harness_case(suite, "bounds");

    tcase_add_test(in, a_frame_may_be_cut_anywhere);
    tcase_add_test(in, a_message_may_be_cut_between_its_fragments);
    tcase_add_test(in, a_request_may_be_cut_anywhere);
    tcase_add_test(out, who_reads_late_gets_every_byte_in_order);
    tcase_add_test(out, a_conversation_goes_on_through_it);
    tcase_add_test(away, a_seat_waits_for_its_owner);
    tcase_add_test(away, who_comes_later_is_told_the_past);
    tcase_add_test(away, who_comes_meanwhile_is_served);
    tcase_add_test(away, the_file_of_a_unix_socket_stays);
    tcase_add_test(bounds, counters_go_on);
    tcase_add_test(bounds, an_address_has_no_more_than_before);
    return suite;
}
