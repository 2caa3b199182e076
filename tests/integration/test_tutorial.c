/* The programs of the tutorial: exact strings, who gets what, and in which order (contract of /ws
 * and /ws/{id}). */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_tutorial(void);

START_TEST(echo_says_what_the_text_was)
{
    struct server *s = server_start(NULL);
    struct client *c = ws_open(s, "/ws");

    ws_send_text(c, "hello");
    ws_expect_text(c, "Message text was: hello");
    ws_send_text(c, "");
    ws_expect_text(c, "Message text was: ");
    ws_send_text(c, "gr\xc3\xbc\xc3\x9f <b>&amp;</b> \xf0\x9f\x98\x80");
    ws_expect_text(c, "Message text was: gr\xc3\xbc\xc3\x9f <b>&amp;</b> \xf0\x9f\x98\x80");
    ws_send(c, true, WS_TEXT, "a\0b", 3);
    ws_expect_frame(c, WS_TEXT, "Message text was: a\0b", 21);
    ws_leave(c);
}
END_TEST

START_TEST(echo_is_not_heard_by_others)
{
    struct server *s = server_start(NULL);
    struct client *echo = ws_open(s, "/ws");
    struct client *other = ws_open(s, "/ws");
    struct client *chatting = ws_open_chat(s, 7);

    ws_send_text(echo, "x");
    ws_expect_text(echo, "Message text was: x");
    ws_leave(echo);
    ws_sync(other);
    ws_sync(chatting);
    client_close(other);
    client_close(chatting);
}
END_TEST

START_TEST(verbatim_echo_returns_text_and_binary_as_they_came)
{
    struct server *s = server_start(LIST("--echo", "verbatim"));
    struct client *c = ws_open(s, "/ws");

    ws_send_text(c, "hello");
    ws_expect_text(c, "hello");
    ws_send(c, true, WS_BINARY, "\x00\xff\x80", 3);
    ws_expect_frame(c, WS_BINARY, "\x00\xff\x80", 3);
    ws_send(c, true, WS_BINARY, "", 0);
    ws_expect_frame(c, WS_BINARY, "", 0);
    ws_send(c, false, WS_BINARY, "ab", 2);
    ws_send(c, true, WS_CONTINUATION, "cd", 2);
    ws_expect_frame(c, WS_BINARY, "abcd", 4);
    ws_leave(c);
}
END_TEST

/* A compressed "Hello" (RFC 7692, 7.2.3.1), masked with zeros, and what comes back of it. */
#define DEFLATED_HELLO "\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\x00"
#define AGREED "permessage-deflate; client_no_context_takeover"
#define OFFER "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"

START_TEST(verbatim_echo_takes_compressed_messages)
{
    struct server *s = server_start(LIST("--echo", "verbatim", "--deflate", "on"));
    struct client *c = ws_open_extended(s, "/ws", OFFER, AGREED);

    client_send(c, DEFLATED_HELLO, sizeof(DEFLATED_HELLO) - 1);
    ws_expect_text(c, "Hello");
    ws_send_text(c, "plain");
    ws_expect_text(c, "plain");
    ws_leave(c);
}
END_TEST

static const struct {
    const char *echo, *deflate, *fields, *target;
} plain_connections[] = {
    {"verbatim", "off", OFFER, "/ws"},
    {"verbatim", "on", "", "/ws"},
    {"verbatim", "on", "Sec-WebSocket-Extensions: permessage-deflate; x\r\n", "/ws"},
    {"tutorial", "on", OFFER, "/ws"},
    {"verbatim", "on", OFFER, "/ws/1"},
    {"verbatim", "on", OFFER "User-Agent: Version/15.1 Safari/605.1.15\r\n", "/ws"},
};

START_TEST(compressed_messages_are_refused_where_not_agreed_on)
{
    struct server *s = server_start(
        LIST("--echo", plain_connections[_i].echo, "--deflate", plain_connections[_i].deflate));
    struct client *c = ws_open_with(s, plain_connections[_i].target, plain_connections[_i].fields);

    client_send(c, DEFLATED_HELLO, sizeof(DEFLATED_HELLO) - 1);
    ws_expect_close(c, 1002);
}
END_TEST

START_TEST(what_comes_out_of_a_compressed_message_has_a_limit)
{
    struct server *s =
        server_start(LIST("--echo", "verbatim", "--deflate", "on", "--max-message", "4"));
    struct client *c = ws_open_extended(s, "/ws", OFFER, AGREED);

    client_send(c, DEFLATED_HELLO, sizeof(DEFLATED_HELLO) - 1);
    ws_expect_close(c, 1009);
}
END_TEST

START_TEST(verbatim_echo_does_not_change_the_chat)
{
    struct server *s = server_start(LIST("--echo=verbatim"));
    struct client *c = ws_open_chat(s, 1);

    ws_send_text(c, "x");
    ws_expect_text(c, "You wrote: x");
    ws_send(c, true, WS_BINARY, "x", 1);
    ws_expect_close(c, 1003);
}
END_TEST

START_TEST(others_get_says_and_the_sender_you_wrote)
{
    struct server *s = server_start(NULL);
    struct client *a = ws_open_chat(s, 1700000000001);
    struct client *b = ws_open_chat(s, 1700000000002);
    struct client *c = ws_open_chat(s, 1700000000003);

    ws_send_text(a, "hello");
    ws_expect_text(a, "You wrote: hello");
    ws_expect_text(b, "Client #1700000000001 says: hello");
    ws_expect_text(c, "Client #1700000000001 says: hello");
    ws_send_text(b, "hi");
    ws_expect_text(a, "Client #1700000000002 says: hi");
    ws_expect_text(b, "You wrote: hi");
    ws_expect_text(c, "Client #1700000000002 says: hi");
    ws_leave(b);
    ws_expect_text(a, "Client #1700000000002 left the chat");
    ws_expect_text(c, "Client #1700000000002 left the chat");
    ws_sync(a);
    ws_sync(c);
    client_close(a);
    client_close(c);
}
END_TEST

START_TEST(all_gives_the_sender_its_own_line_after_you_wrote)
{
    struct server *s = server_start(LIST("--broadcast", "all"));
    struct client *a = ws_open_chat(s, 11);
    struct client *b = ws_open_chat(s, 12);

    ws_send_text(a, "one");
    ws_send_text(a, "two");
    ws_expect_text(a, "You wrote: one");
    ws_expect_text(a, "Client #11 says: one");
    ws_expect_text(a, "You wrote: two");
    ws_expect_text(a, "Client #11 says: two");
    ws_expect_text(b, "Client #11 says: one");
    ws_expect_text(b, "Client #11 says: two");
    ws_leave(b);
    ws_expect_text(a, "Client #12 left the chat");
    ws_sync(a);
    client_close(a);
}
END_TEST

START_TEST(a_chat_of_one_works)
{
    struct server *s = server_start(NULL);
    struct client *c = ws_open_chat(s, 1);

    ws_send_text(c, "");
    ws_expect_text(c, "You wrote: ");
    ws_send(c, true, WS_TEXT, "nul \0 inside", 12);
    ws_expect_frame(c, WS_TEXT, "You wrote: nul \0 inside", 23);
    ws_leave(c);
}
END_TEST

START_TEST(a_newcomer_gets_nothing_old)
{
    struct server *s = server_start(NULL);
    struct client *a = ws_open_chat(s, 1);
    struct client *b;

    ws_send_text(a, "before");
    ws_expect_text(a, "You wrote: before");
    b = ws_open_chat(s, 2);
    ws_sync(b);
    ws_send_text(a, "after");
    ws_expect_text(b, "Client #1 says: after");
    client_close(a);
    client_close(b);
}
END_TEST

static const char *const good_ids[] = {"1", "9", "10", "1700000000000", "9223372036854775807"};

START_TEST(good_ids_are_taken)
{
    struct server *s = server_start(NULL);
    struct client *listener = ws_open_chat(s, 4242);
    char target[64];
    struct client *c;

    snprintf(target, sizeof(target), "/ws/%s", good_ids[_i]);
    c = ws_open(s, target);
    ws_send_text(c, "x");
    ws_expect_text(c, "You wrote: x");
    ws_expect_text(listener, "Client #%s says: x", good_ids[_i]);
    ws_leave(c);
    ws_expect_text(listener, "Client #%s left the chat", good_ids[_i]);
    client_close(listener);
}
END_TEST

static const char *const bad_ids[] = {
    "0",
    "01",
    "-1",
    "+1",
    "9223372036854775808",
    "18446744073709551617",
    "99999999999999999999999999",
    "abc",
    "1x",
    "x1",
    "1.0",
    "1e3",
    "0x10",
    "%31x",
    "1%20",
    "%201",
    "1,2",
    "1_0",
    "%00",
    "1%00",
    "\xd9\xa1",
};

START_TEST(bad_ids_are_refused)
{
    struct server *s = server_start(NULL);
    char target[64];

    snprintf(target, sizeof(target), "/ws/%s", bad_ids[_i]);
    ck_assert_int_eq(ws_refused(s, target, ""), 400);
}
END_TEST

START_TEST(an_id_in_use_is_closed_with_4009_and_nothing_else_happens)
{
    struct server *s = server_start(NULL);
    struct client *holder = ws_open_chat(s, 5);
    struct client *other = ws_open_chat(s, 6);
    struct client *second;

    second = ws_open_chat(s, 5);
    ws_expect_close(second, 4009);
    second = client_connect(s);
    ws_request(second, "/ws/5", "");
    ws_send_text(second, "smuggled");
    ws_expect_upgrade(second);
    ws_expect_close(second, 4009);
    ws_sync(other);
    ws_sync(holder);
    ws_send_text(holder, "still here");
    ws_expect_text(holder, "You wrote: still here");
    ws_expect_text(other, "Client #5 says: still here");
    client_close(holder);
    ws_expect_text(other, "Client #5 left the chat");
    client_close(other);
}
END_TEST

START_TEST(an_id_is_free_again_after_its_holder_left)
{
    struct server *s = server_start(NULL);
    struct client *other = ws_open_chat(s, 6);

    for (int i = 0; i < 5; i++) {
        struct client *c = ws_open_chat(s, 5);

        ws_send_text(c, "x");
        ws_expect_text(c, "You wrote: x");
        ws_expect_text(other, "Client #5 says: x");
        ws_leave(c);
        ws_expect_text(other, "Client #5 left the chat");
    }
    client_close(other);
}
END_TEST

/* ---- Order ---- */

#define SENDERS 4
#define MESSAGES 25
#define RECEIVERS 3

static void send_round(struct client **senders, int round)
{
    char text[32];

    for (int i = 0; i < SENDERS; i++) {
        snprintf(text, sizeof(text), "%d.%d", i, round);
        ws_send_text(senders[i], text);
    }
}

/* What the receiver number `own` saw as "sender.round" lines, its own messages too. */
static void read_all(struct client *c, uint64_t own_id, int count, struct buf *out)
{
    for (int i = 0; i < count; i++) {
        struct frame frame;
        unsigned long long from = own_id;
        int text = 0;

        ck_assert(ws_read(c, &frame));
        if (sscanf(frame.data, "You wrote: %n", &text), text == 0)
            ck_assert_int_eq(sscanf(frame.data, "Client #%llu says: %n", &from, &text), 1);
        ck_assert_int_eq(buf_printf(out, "%llu>%s\n", from, frame.data + text), 0);
        free(frame.data);
    }
    ck_assert_int_eq(buf_append_char(out, '\0'), 0);
}

START_TEST(everybody_sees_one_order_and_every_message_once)
{
    struct server *s = server_start(LIST("--rate", "0", "--rate-bytes", "0"));
    struct client *all[SENDERS + RECEIVERS];
    struct buf first;
    struct buf seen;

    for (int i = 0; i < SENDERS + RECEIVERS; i++)
        all[i] = ws_open_chat(s, 100 + (uint64_t)i);
    for (int round = 0; round < MESSAGES; round++)
        send_round(all, round);
    buf_init(&first);
    read_all(all[0], 100, SENDERS * MESSAGES, &first);
    for (int i = 1; i < SENDERS + RECEIVERS; i++) {
        buf_init(&seen);
        read_all(all[i], 100 + (uint64_t)i, SENDERS * MESSAGES, &seen);
        ck_assert_str_eq((char *)seen.data, (char *)first.data);
        buf_deinit(&seen);
    }
    for (int i = 0; i < SENDERS + RECEIVERS; i++)
        ws_sync(all[i]);
    for (int i = 0; i < SENDERS; i++) {
        int at = -1;

        /* Each sender's messages stand in the order in which it sent them. */
        for (int round = 0; round < MESSAGES; round++) {
            char line[32];
            const char *found;

            snprintf(line, sizeof(line), "%d>%d.%d\n", 100 + i, i, round);
            found = strstr((char *)first.data, line);
            ck_assert_ptr_nonnull(found);
            ck_assert_int_gt((int)(found - (char *)first.data), at);
            at = (int)(found - (char *)first.data);
        }
    }
    buf_deinit(&first);
    for (int i = 0; i < SENDERS + RECEIVERS; i++)
        client_close(all[i]);
}
END_TEST

/* ---- A room of a thousand ---- */

#define CROWD 1000
#define CROWD_SENDERS 10
#define CROWD_ROUNDS 5

static void check_crowd_member(struct client *c, int self, struct buf *order)
{
    struct buf seen;

    buf_init(&seen);
    read_all(c, 1 + (uint64_t)self, CROWD_SENDERS * CROWD_ROUNDS, &seen);
    if (order->len == 0) {
        *order = seen;
        return;
    }
    ck_assert_str_eq((char *)seen.data, (char *)order->data);
    buf_deinit(&seen);
}

/* A hundred will do where a faulty kernel makes everything slow. */
static int crowd_size(void)
{
    return getenv("FAULTS") == NULL ? CROWD : CROWD / 10;
}

START_TEST(a_room_of_a_thousand_loses_doubles_and_reorders_nothing)
{
    struct server *s = server_start(LIST("--log-level", "warning"));
    static struct client *all[CROWD];
    struct buf order;
    char text[32];
    int crowd = crowd_size();

    for (int i = 0; i < crowd; i++)
        all[i] = ws_open_chat(s, 1 + (uint64_t)i);
    for (int round = 0; round < CROWD_ROUNDS; round++) {
        for (int i = 0; i < CROWD_SENDERS; i++) {
            snprintf(text, sizeof(text), "%d from %d", round, i);
            ws_send_text(all[i * (crowd / CROWD_SENDERS)], text);
        }
    }
    buf_init(&order);
    for (int i = 0; i < crowd; i++)
        check_crowd_member(all[i], i, &order);
    buf_deinit(&order);
    for (int i = 0; i < crowd; i++)
        ws_sync(all[i]);
    for (int i = 0; i < crowd; i++)
        client_close(all[i]);
}
END_TEST

Suite *suite_tutorial(void)
{
    Suite *suite = suite_create("tutorial");
    TCase *echo = harness_case(suite, "echo");
    TCase *chat = harness_case(suite, "chat");
    TCase *ids = harness_case(suite, "ids");
    TCase *order = harness_case(suite, "order");

    tcase_add_test(echo, echo_says_what_the_text_was);
    tcase_add_test(echo, echo_is_not_heard_by_others);
    tcase_add_test(echo, verbatim_echo_returns_text_and_binary_as_they_came);
    tcase_add_test(echo, verbatim_echo_takes_compressed_messages);
    tcase_add_loop_test(echo, compressed_messages_are_refused_where_not_agreed_on, 0,
                        ARRAY_LEN(plain_connections));
    tcase_add_test(echo, what_comes_out_of_a_compressed_message_has_a_limit);
    tcase_add_test(echo, verbatim_echo_does_not_change_the_chat);
    tcase_add_test(chat, others_get_says_and_the_sender_you_wrote);
    tcase_add_test(chat, all_gives_the_sender_its_own_line_after_you_wrote);
    tcase_add_test(chat, a_chat_of_one_works);
    tcase_add_test(chat, a_newcomer_gets_nothing_old);
    tcase_add_loop_test(ids, good_ids_are_taken, 0, ARRAY_LEN(good_ids));
    tcase_add_loop_test(ids, bad_ids_are_refused, 0, ARRAY_LEN(bad_ids));
    tcase_add_test(ids, an_id_in_use_is_closed_with_4009_and_nothing_else_happens);
    tcase_add_test(ids, an_id_is_free_again_after_its_holder_left);
    tcase_add_test(order, everybody_sees_one_order_and_every_message_once);
    tcase_add_test(order, a_room_of_a_thousand_loses_doubles_and_reorders_nothing);
    return suite;
}
