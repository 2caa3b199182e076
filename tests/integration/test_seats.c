/* Seats: who is told of whom, and how a seat outlives its connection or is taken over. */
#include "v1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_seats(void);

/* Long enough that no test waits for it. */
#define LONG_GRACE "--leave-grace=600"

/* ---- Crowds ---- */

static void expect_count(struct seat *seat, unsigned count)
{
    seat_expect(seat, "{'type':'count','count':%u}", count);
}

START_TEST(a_crowd_is_told_numbers)
{
    struct server *s = server_start(LIST("--presence-limit", "2"));
    struct client *text = ws_open_chat(s, 1);
    struct seat *a = seat_open(s, 2, "");
    struct client *other;
    struct seat *b;

    ws_sync(text);
    b = seat_open(s, 3, ""); /* one past the limit */
    ck_assert_uint_eq(b->count, 3);
    expect_count(a, 3);
    expect_count(b, 3);
    other = ws_open_chat(s, 4);
    expect_count(a, 4);
    expect_count(b, 4);
    ws_leave(other);
    ws_expect_text(text, "Client #4 left the chat");
    expect_count(a, 3);
    expect_count(b, 3);
    seat_send(a, "{'type':'rename','name':'x'}");
    seat_expect_presence(a, "rename", 2, "x");
    seat_expect_presence(b, "rename", 2, "x");
    seat_leave(b); /* at the limit again */
    ws_expect_text(text, "Client #3 left the chat");
    seat_expect_presence(a, "leave", 3, "");
    ws_leave(text);
    seat_expect_presence(a, "leave", 1, "");
    b = seat_open(s, 3, "history=0");
    seat_expect_presence(a, "join", 3, "");
    seat_sync(a);
    seat_sync(b);
    seat_drop(a);
    seat_drop(b);
}
END_TEST

/* The members that a client is told of which enters a room of `others`: itself first, at most
 * `limit`. */
static void expect_members(const struct server *s, int limit, unsigned others)
{
    struct seat seat = {.id = 100, .c = v1_connect(s, 100, "name=me")};
    char *json = seat_read(&seat);
    const char *member = strstr(json, "\"members\":[") + strlen("\"members\":[");
    int listed = 0;

    ck_assert_uint_eq(v1_number(json, "count"), others + 1);
    if (limit > 0)
        ck_assert_int_eq(strncmp(member, "{\"id\":100,\"name\":\"me\"}", 22), 0);
    for (; (member = strstr(member, "{\"id\":")) != NULL; member++)
        listed++;
    ck_assert_int_eq(listed, (int)others + 1 < limit ? (int)others + 1 : limit);
    free(json);
    ws_leave(seat.c);
}

START_TEST(the_members_that_are_listed_are_bounded)
{
    char limit[16];
    struct server *s;
    struct client *others[4];

    snprintf(limit, sizeof(limit), "%d", _i);
    s = server_start(LIST("--presence-limit", limit));
    for (unsigned i = 0; i < ARRAY_LEN(others); i++) {
        expect_members(s, _i, i);
        others[i] = ws_open_chat(s, 1 + i);
    }
    expect_members(s, _i, ARRAY_LEN(others));
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        client_close(others[i]);
}
END_TEST

/* ---- Taking over ---- */

START_TEST(the_key_takes_the_seat_and_nobody_notices)
{
    struct server *s = server_start(NULL);
    struct seat *other = seat_open(s, 2, "");
    struct client *text = ws_open_chat(s, 3);
    struct seat *seat = seat_open(s, 1, "name=ada");
    char key[V1_TEXT];
    struct client *old;

    memcpy(key, seat->key, sizeof(key));
    seat_expect_presence(other, "join", 3, "");
    seat_expect_presence(other, "join", 1, "ada");
    for (int i = 0; i < 5; i++) {
        old = seat_connect(seat, s, "");
        seat_read_welcome(seat);
        ck_assert(seat->recovered);
        ck_assert_str_eq(seat->key, key);
        ck_assert_uint_eq(seat->count, 3);
        if (i == 0) /* its own coming is behind the first position, too */
            seat_expect_presence(seat, "join", 1, "ada");
        ws_expect_close(old, 4000);
    }
    seat_send(seat, "{'type':'say','text':'x'}");
    seat_expect(other, "{'type':'message','pos':'*','ts':#,'from':1,'name':'ada','text':'x'}");
    ws_expect_text(text, "Client #1 says: x");
    seat_sync(other);
    ws_sync(text);
    client_close(text);
    seat_drop(seat);
    seat_drop(other);
}
END_TEST

START_TEST(a_take_over_loses_and_doubles_nothing)
{
    struct server *s = server_start(LIST("--rate", "0", "--rate-bytes", "0"));
    struct client *speaker = ws_open_chat(s, 2);
    struct seat *seat = seat_open(s, 1, "");
    int next = 0;
    char text[32];

    for (int i = 1; i <= 400; i++) {
        snprintf(text, sizeof(text), "%d", i - 1);
        ws_send_text(speaker, text);
        if (i % 20 != 0)
            continue;
        /* Half of what came was read; the rest is on its way to the old connection. */
        while (next < i - 10) {
            snprintf(text, sizeof(text), "%d", next++);
            seat_expect_message(seat, 2, text);
        }
        ws_expect_close_later(seat_connect(seat, s, ""), 4000);
        seat_read_welcome(seat);
        ck_assert(seat->recovered);
    }
    while (next < 400) {
        snprintf(text, sizeof(text), "%d", next++);
        seat_expect_message(seat, 2, text);
    }
    seat_sync(seat);
    client_close(speaker);
    seat_drop(seat);
}
END_TEST

START_TEST(what_the_old_connection_sent_is_said_once_or_not_at_all)
{
    struct server *s = server_start(NULL);
    struct seat *other = seat_open(s, 2, "");
    struct seat *seat = seat_open(s, 1, "");
    struct client *old;
    char *json;
    bool was_said;

    seat_expect_presence(other, "join", 1, "");
    seat_send(seat, "{'type':'say','text':'x','ref':'r'}");
    old = seat_connect(seat, s, "");
    seat_read_welcome(seat);
    seat_expect_presence(seat, "join", 1, "");
    seat_send(seat, "{'type':'say','text':'','to':1}");
    json = seat_read(seat);
    was_said = strstr(json, "\"ref\":\"r\"") != NULL;
    if (was_said)
        seat_expect(seat, "{'type':'direct','ts':#,'from':1,'to':1,'name':'','text':''}");
    free(json);
    if (was_said)
        seat_expect(other,
                    "{'type':'message','pos':'*','ts':#,'from':1,'name':'','text':'x','ref':'r'}");
    ws_expect_close_later(old, 4000);
    seat_sync(seat);
    seat_sync(other);
    seat_drop(seat);
    seat_drop(other);
}
END_TEST

/* An entry as id 1 with that key is closed with 4009. */
static void expect_taken(const struct server *s, const char *key, const char *more)
{
    char query[512];

    snprintf(query, sizeof(query), "key=%s%s", key, more);
    ws_expect_close(v1_connect(s, 1, query), 4009);
}

START_TEST(without_the_key_an_id_is_taken)
{
    struct server *s = server_start(NULL);
    struct seat *seat = seat_open(s, 1, "");
    struct seat *other = seat_open(s, 2, "");
    char key[V1_TEXT + 1];
    size_t len = strlen(seat->key);

    seat_expect_presence(seat, "join", 2, "");
    ws_expect_close(v1_connect(s, 1, ""), 4009);
    ws_expect_close(v1_connect(s, 1, "room=other"), 4009);
    expect_taken(s, "", "");
    expect_taken(s, "x", "");
    expect_taken(s, other->key, "");
    expect_taken(s, other->key, "&room=other");
    for (size_t i = 0; i < len; i++) {
        memcpy(key, seat->key, len + 1);
        key[i] = key[i] == '0' ? '1' : '0';
        expect_taken(s, key, "");
    }
    snprintf(key, sizeof(key), "%.*s", (int)len - 1, seat->key);
    expect_taken(s, key, "");
    snprintf(key, sizeof(key), "%s0", seat->key);
    expect_taken(s, key, "");
    seat_sync(seat);
    seat_sync(other);
    seat_drop(seat);
    seat_drop(other);
}
END_TEST

START_TEST(a_seat_that_waits_is_taken_too)
{
    struct server *s = server_start(LIST(LONG_GRACE));
    struct seat *seat = seat_open(s, 1, "");
    struct seat *other = seat_open(s, 2, "");

    seat_break(seat);
    seat_await_away(other, 1);
    ws_expect_close(v1_connect(s, 1, ""), 4009);
    expect_taken(s, other->key, "");
    ws_expect_close(ws_open_chat(s, 1), 4009);
    seat_sync(other);
    seat_return(seat, s);
    seat_expect_presence(seat, "join", 1, "");
    seat_expect_presence(seat, "join", 2, "");
    seat_sync(other);
    seat_drop(seat);
    seat_drop(other);
}
END_TEST

START_TEST(a_text_client_has_no_key)
{
    struct server *s = server_start(NULL);
    struct client *text = ws_open_chat(s, 1);
    struct seat *seat = seat_open(s, 2, "");
    char target[256];

    expect_taken(s, "", "");
    expect_taken(s, "00000000000000000000000000000000", "");
    expect_taken(s, seat->key, "");
    /* Nor can it take the seat of somebody who has one. */
    snprintf(target, sizeof(target), "/ws/2?key=%s", seat->key);
    ws_expect_close(ws_open(s, target), 4009);
    ws_sync(text);
    seat_sync(seat);
    client_close(text);
    seat_drop(seat);
}
END_TEST

/* Enters as id 1 with a key that opens nothing: a new seat, of which the others are told. */
static void expect_entered_anew(const struct server *s, struct seat *other, const char *key)
{
    struct seat *seat;
    char query[256];

    snprintf(query, sizeof(query), "key=%s&history=0", key);
    seat = seat_open(s, 1, query);
    seat_expect_presence(other, "join", 1, "");
    ck_assert_str_ne(seat->key, key);
    seat_sync(seat);
    seat_leave(seat);
    seat_expect_presence(other, "leave", 1, "");
}

START_TEST(a_key_that_opens_nothing_is_ignored)
{
    struct server *s = server_start(NULL);
    struct server *elsewhere = server_start(NULL);
    struct seat *other = seat_open(s, 2, "");
    struct seat *seat = seat_open(elsewhere, 1, "");
    char key[V1_TEXT];

    expect_entered_anew(s, other, "nonsense");
    expect_entered_anew(s, other, seat->key);
    seat_drop(seat);
    seat = seat_open(s, 1, "");
    seat_expect_presence(other, "join", 1, "");
    memcpy(key, seat->key, sizeof(key));
    seat_leave(seat);
    seat_expect_presence(other, "leave", 1, "");
    expect_entered_anew(s, other, key);
    seat_drop(other);
}
END_TEST

START_TEST(a_take_over_may_bring_another_name)
{
    struct server *s = server_start(NULL);
    struct seat *other = seat_open(s, 2, "");
    struct client *text = ws_open_chat(s, 3);
    struct seat *seat = seat_open(s, 1, "name=ada");

    seat_expect_presence(other, "join", 3, "");
    seat_expect_presence(other, "join", 1, "ada");
    ws_expect_close(seat_connect(seat, s, "&name=ada"), 4000);
    seat_read_welcome(seat);
    seat_expect_presence(seat, "join", 1, "ada");
    seat_sync(seat);
    seat_sync(other);
    ws_expect_close(seat_connect(seat, s, "&name=eve"), 4000);
    seat_expect(seat,
                "{'type':'welcome','id':1,'room':'lobby','name':'eve','pos':'*','recovered':true,"
                "'key':'%s','count':3,'members':[{'id':1,'name':'eve'},{'id':2,'name':''},"
                "{'id':3,'name':''}],'limits':{'message':65536}}",
                seat->key);
    seat_expect_presence(seat, "rename", 1, "eve");
    seat_expect_presence(other, "rename", 1, "eve");
    ws_expect_close(seat_connect(seat, s, "&name="), 4000);
    seat_read_welcome(seat);
    seat_expect_presence(other, "rename", 1, "");
    ws_sync(text);
    seat_sync(other);
    client_close(text);
    seat_drop(seat);
    seat_drop(other);
}
END_TEST

START_TEST(a_take_over_in_another_room_moves)
{
    struct server *s = server_start(LIST(LONG_GRACE));
    struct seat *here = seat_open(s, 2, "room=a");
    struct seat *there = seat_open(s, 3, "room=b");
    struct client *text = ws_open(s, "/ws/4?room=a");
    struct seat *seat = seat_open(s, 1, "room=a&name=ada");

    seat_expect_presence(here, "join", 4, "");
    seat_expect_presence(here, "join", 1, "ada");
    seat_say(there, "before");
    seat_expect_message(there, 3, "before");
    ws_expect_close(seat_connect(seat, s, "&room=b&name=ada"), 4000);
    seat_read_welcome(seat);
    ck_assert(!seat->recovered);
    ck_assert_uint_eq(seat->count, 2);
    seat_expect_message(seat, 3, "before");
    seat_expect_presence(here, "leave", 1, "ada");
    ws_expect_text(text, "Client #1 left the chat");
    seat_expect_presence(there, "join", 1, "ada");
    seat_say(here, "x");
    seat_expect_message(here, 2, "x");
    seat_sync(seat);
    seat_break(seat);
    seat_await_away(there, 1);
    seat_connect(seat, s, "&room=a");
    seat_read_welcome(seat);
    seat_expect_presence(there, "leave", 1, "ada");
    seat_expect_presence(here, "join", 1, "ada"); /* a name that is not given stays */
    seat_sync(there);
    seat_sync(here);
    client_close(text);
    seat_drop(seat);
    seat_drop(here);
    seat_drop(there);
}
END_TEST

/* ---- Waiting ---- */

static void break_by_fin(struct seat *seat)
{
    seat_break(seat);
}

static void break_by_half_close(struct seat *seat)
{
    client_finish(seat->c);
    client_drain(seat->c);
    seat_break(seat);
}

static void break_by_rst(struct seat *seat)
{
    seat_reset(seat);
}

static void break_in_a_frame(struct seat *seat)
{
    client_send(seat->c, "\x81\x85\0\0\0\0{\"", 8);
    seat_break(seat);
}

static void break_in_a_message(struct seat *seat)
{
    ws_send(seat->c, false, WS_TEXT, "{\"type\":", 8);
    seat_reset(seat);
}

static void (*const breaks[])(struct seat *seat) = {
    break_by_fin, break_by_half_close, break_by_rst, break_in_a_frame, break_in_a_message,
};

START_TEST(a_broken_connection_keeps_its_seat)
{
    struct server *s = server_start(LIST(LONG_GRACE));
    struct client *text = ws_open_chat(s, 3);
    struct seat *other = seat_open(s, 2, "");
    struct seat *seat = seat_open(s, 1, "");

    seat_expect_presence(other, "join", 1, "");
    for (int i = 0; i < 3; i++) {
        breaks[_i](seat);
        seat_await_away(other, 1);
        seat_say(other, "meanwhile");
        seat_expect_message(other, 2, "meanwhile");
        ws_expect_text(text, "Client #2 says: meanwhile");
        seat_return(seat, s);
        ck_assert_uint_eq(seat->count, 3);
        if (i == 0)
            seat_expect_presence(seat, "join", 1, "");
        seat_expect_message(seat, 2, "meanwhile");
        seat_sync(seat);
        ws_send_text(text, "hi");
        ws_expect_text(text, "You wrote: hi");
        seat_expect_message(seat, 3, "hi");
        seat_expect_message(other, 3, "hi");
    }
    seat_sync(other);
    ws_sync(text);
    seat_leave(seat);
    seat_expect_presence(other, "leave", 1, "");
    ws_expect_text(text, "Client #1 left the chat");
    client_close(text);
    seat_drop(other);
}
END_TEST

static const char *const graces[] = {"0", "0.001", "0.2"};

START_TEST(after_the_grace_time_it_leaves_once)
{
    struct server *s = server_start(LIST("--leave-grace", graces[_i / (int)ARRAY_LEN(breaks)]));
    struct client *text = ws_open_chat(s, 3);
    struct seat *other = seat_open(s, 2, "history=0");
    struct seat *seat = seat_open(s, 1, "name=ada");

    seat_expect_presence(other, "join", 1, "ada");
    breaks[_i % (int)ARRAY_LEN(breaks)](seat);
    seat_expect_presence(other, "leave", 1, "ada");
    ws_expect_text(text, "Client #1 left the chat");
    seat_send(other, "{'type':'say','text':'?','to':1}");
    seat_expect_error(other, "no-such-client", NULL);
    /* The key is worth nothing any more; but nothing is lost. */
    seat_connect(seat, s, "");
    seat_read_welcome(seat);
    ck_assert(seat->recovered);
    seat_expect_presence(other, "join", 1, "");
    seat_sync(other);
    ws_sync(text);
    client_close(text);
    seat_drop(seat);
    seat_drop(other);
}
END_TEST

START_TEST(each_break_has_its_own_grace_time)
{
    struct server *s = server_start(LIST("--leave-grace", "0.2"));
    struct seat *other = seat_open(s, 9, "");
    struct seat *seats[3];
    unsigned left = 0;

    for (unsigned i = 0; i < 3; i++) {
        seats[i] = seat_open(s, 1 + i, "");
        seat_expect_presence(other, "join", 1 + i, "");
    }
    for (unsigned i = 0; i < 3; i++)
        seat_break(seats[i]);
    for (unsigned i = 0; i < 3; i++) {
        char *json = seat_read(other);

        ck_assert(v1_matches("{'type':'leave','pos':'*','ts':#,'from':#,'name':''}", json));
        left |= 1U << v1_number(json, "from");
        free(json);
        seat_drop(seats[i]);
    }
    ck_assert_uint_eq(left, 7 << 1);
    seat_sync(other);
    seat_drop(other);
}
END_TEST

static void go_by_close_frame(struct seat *seat)
{
    seat_leave(seat);
}

static void go_by_close_frame_and_rst(struct seat *seat)
{
    struct frame frame;

    ws_send_close(seat->c, 1001, "");
    ck_assert(ws_read(seat->c, &frame));
    free(frame.data);
    seat_reset(seat);
    seat_drop(seat);
}

static void go_by_close_frame_and_fin(struct seat *seat)
{
    ws_send_close(seat->c, 1001, "");
    seat_drop(seat);
}

static void (*const goes[])(struct seat *seat) = {
    go_by_close_frame,
    go_by_close_frame_and_rst,
    go_by_close_frame_and_fin,
};

START_TEST(a_clean_close_leaves_at_once)
{
    struct server *s = server_start(LIST(LONG_GRACE));
    struct seat *other = seat_open(s, 2, "");

    for (int i = 0; i < 3; i++) {
        struct seat *seat = seat_open(s, 1, "");

        seat_expect_presence(other, "join", 1, "");
        goes[_i](seat);
        seat_expect_presence(other, "leave", 1, "");
    }
    seat_sync(other);
    seat_drop(other);
}
END_TEST

START_TEST(a_broken_text_client_leaves_at_once)
{
    struct server *s = server_start(LIST(LONG_GRACE));
    struct seat *other = seat_open(s, 2, "");
    struct client *text = ws_open_chat(s, 1);

    seat_expect_presence(other, "join", 1, "");
    client_reset(text);
    seat_expect_presence(other, "leave", 1, "");
    seat_drop(other);
}
END_TEST

START_TEST(an_owner_may_come_back_to_a_full_table)
{
    struct server *s = server_start(LIST("--max-clients", "2"));
    struct seat *seat = seat_open(s, 1, "");
    struct client *other = ws_open_chat(s, 2);

    seat_expect_presence(seat, "join", 2, "");
    ck_assert_int_eq(ws_refused(s, "/ws/3", ""), 503);
    ws_expect_close(seat_connect(seat, s, ""), 4000);
    seat_read_welcome(seat);
    ck_assert(seat->recovered);
    expect_taken(s, "x", "");
    seat_sync(seat);
    ws_sync(other);
    client_close(other);
    seat_drop(seat);
}
END_TEST

START_TEST(a_seat_that_waits_gives_way_in_a_full_table)
{
    struct server *s = server_start(LIST(LONG_GRACE, "--max-clients", "2"));
    struct seat *seat = seat_open(s, 1, "");
    struct seat *other = seat_open(s, 2, ""), *third;

    seat_break(seat);
    seat_await_away(other, 1);
    /* Its owner needs no other place. */
    seat_return(seat, s);
    seat_expect_presence(seat, "join", 1, "");
    seat_expect_presence(seat, "join", 2, "");
    ck_assert_int_eq(ws_refused(s, "/ws/3", ""), 503);
    seat_break(seat);
    seat_await_away(other, 1);
    third = seat_open(s, 3, "");
    seat_expect_presence(other, "leave", 1, "");
    seat_expect_presence(other, "join", 3, "");
    ck_assert_int_eq(ws_refused(s, "/ws/1", ""), 503);
    seat_drop(third);
    seat_drop(other);
    free(seat);
}
END_TEST

Suite *suite_seats(void)
{
    Suite *suite = suite_create("seats");
    TCase *crowds = harness_case(suite, "crowds");
    TCase *keys = harness_case(suite, "keys");
    TCase *waiting = harness_case(suite, "waiting");
    int breaks_count = (int)ARRAY_LEN(breaks);

    tcase_add_test(crowds, a_crowd_is_told_numbers);
    tcase_add_loop_test(crowds, the_members_that_are_listed_are_bounded, 0, 4);
    tcase_add_test(keys, the_key_takes_the_seat_and_nobody_notices);
    tcase_add_test(keys, a_take_over_loses_and_doubles_nothing);
    tcase_add_test(keys, what_the_old_connection_sent_is_said_once_or_not_at_all);
    tcase_add_test(keys, without_the_key_an_id_is_taken);
    tcase_add_test(keys, a_seat_that_waits_is_taken_too);
    tcase_add_test(keys, a_text_client_has_no_key);
    tcase_add_test(keys, a_key_that_opens_nothing_is_ignored);
    tcase_add_test(keys, a_take_over_may_bring_another_name);
    tcase_add_test(keys, a_take_over_in_another_room_moves);
    tcase_add_loop_test(waiting, a_broken_connection_keeps_its_seat, 0, breaks_count);
    tcase_add_loop_test(waiting, after_the_grace_time_it_leaves_once, 0,
                        breaks_count * (int)ARRAY_LEN(graces));
    tcase_add_test(waiting, each_break_has_its_own_grace_time);
    tcase_add_loop_test(waiting, a_clean_close_leaves_at_once, 0, (int)ARRAY_LEN(goes));
    tcase_add_test(waiting, a_broken_text_client_leaves_at_once);
    tcase_add_test(waiting, an_owner_may_come_back_to_a_full_table);
    tcase_add_test(waiting, a_seat_that_waits_gives_way_in_a_full_table);
    return suite;
}
