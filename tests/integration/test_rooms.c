/* Rooms, names, parameters and history, for clients of both kinds. */
#include "v1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_rooms(void);

#define A16 "aaaaaaaaaaaaaaaa"
#define A62 A16 A16 A16 "aaaaaaaaaaaaaa"
#define A64 A16 A16 A16 A16
#define EMOJI4 "%F0%9F%98%80%F0%9F%98%80%F0%9F%98%80%F0%9F%98%80"
#define EMOJI4_PLAIN "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80"
#define EMOJI16 EMOJI4 EMOJI4 EMOJI4 EMOJI4
#define EMOJI16_PLAIN EMOJI4_PLAIN EMOJI4_PLAIN EMOJI4_PLAIN EMOJI4_PLAIN

static struct client *text_open(const struct server *s, unsigned id, const char *query)
{
    char target[512];

    snprintf(target, sizeof(target), "/ws/%u?%s", id, query);
    return ws_open(s, target);
}

/* ---- Rooms ---- */

START_TEST(rooms_are_isolated)
{
    struct server *s = server_start(NULL);
    struct client *a1 = text_open(s, 1, "room=a");
    struct client *b2 = text_open(s, 2, "room=b");
    struct seat *a3 = seat_open(s, 3, "room=a");
    struct seat *b4 = seat_open(s, 4, "room=b");

    ck_assert_uint_eq(a3->count, 2);
    ck_assert_uint_eq(b4->count, 2);
    ws_send_text(a1, "in a");
    ws_expect_text(a1, "You wrote: in a");
    seat_expect_message(a3, 1, "in a");
    seat_say(b4, "in b");
    seat_expect_message(b4, 4, "in b");
    ws_expect_text(b2, "Client #4 says: in b");
    seat_send(a3, "{'type':'rename','name':'x'}");
    seat_expect_presence(a3, "rename", 3, "x");
    ws_leave(a1);
    seat_expect_presence(a3, "leave", 1, "");
    seat_leave(a3);
    seat_sync(b4);
    ws_sync(b2);
    client_close(b2);
    seat_drop(b4);
}
END_TEST

START_TEST(without_a_room_it_is_the_lobby)
{
    struct server *s = server_start(NULL);
    struct client *plain = ws_open_chat(s, 1);
    struct client *lobby = text_open(s, 2, "room=lobby");
    struct client *query = text_open(s, 3, "");
    struct client *other = text_open(s, 4, "room=Lobby");

    ws_send_text(plain, "x");
    ws_expect_text(plain, "You wrote: x");
    ws_expect_text(lobby, "Client #1 says: x");
    ws_expect_text(query, "Client #1 says: x");
    ws_sync(other);
    client_close(plain);
    client_close(lobby);
    client_close(query);
    client_close(other);
}
END_TEST

static const struct {
    const char *query;
    const char *room; /* as the welcome writes it */
} good_rooms[] = {
    {"room=a%20b", "a b"},
    {"room=a+b", "a b"},
    {"room=a%2Bb", "a+b"},
    {"room=%61", "a"},
    {"room=%e2%82%ac", "\xe2\x82\xac"},
    {"room=%E2%82%AC", "\xe2\x82\xac"},
    {"ro%6Fm=a", "a"},
    {"room=a%26name%3Db", "a&name=b"},
    {"room=a/b?c=d", "a/b?c=d"},
    {"room=%22%5C", "\\'\\\\"},
    {"room=%C2%A0", "\xc2\xa0"},
    {"room=%20", " "},
    {"room=%3Cb%3E", "<b>"},
    {"&&room=a&&", "a"},
    {"unknown=1&room=a&unknown=2", "a"},
    {"room=" A64, A64},
    {"room=" EMOJI16, EMOJI16_PLAIN},
};

START_TEST(names_of_rooms_are_decoded)
{
    struct server *s = server_start(NULL);

    for (size_t i = 0; i < ARRAY_LEN(good_rooms); i++) {
        struct seat seat = {.id = 1 + i};

        seat.c = v1_connect(s, seat.id, good_rooms[i].query);
        seat_expect(&seat,
                    "{'type':'welcome','id':%zu,'room':'%s','name':'','pos':'*','recovered':false,"
                    "'key':'*','count':1,'members':[{'id':%zu,'name':''}],"
                    "'limits':{'message':65536}}",
                    i + 1, good_rooms[i].room, i + 1);
        ws_leave(seat.c);
    }
}
END_TEST

START_TEST(one_name_is_one_room_however_it_is_written)
{
    struct server *s = server_start(NULL);
    struct client *a = text_open(s, 1, "room=%61+%c3%a9");
    struct client *b = text_open(s, 2, "room=a%20%C3%A9");
    struct client *c = text_open(s, 3, "room=a%2B%C3%A9");

    ws_send_text(a, "x");
    ws_expect_text(a, "You wrote: x");
    ws_expect_text(b, "Client #1 says: x");
    ws_sync(c);
    client_close(a);
    client_close(b);
    client_close(c);
}
END_TEST

static const char *const bad_values[] = {
    A64 "a",     A62 "%E2%82%AC", EMOJI16 "a",    "%00",       "a%00", "%09", "%0A",    "%0D%0A",
    "%1F",       "%7F",           "%C2%80",       "a%C2%9F",   "%FF",  "%80", "%C0%AF", "%E2%82",
    "%E0%80%AF", "%ED%A0%80",     "%F4%90%80%80", "%F0%9F%98", "%",    "%4",  "%zz",
};

static void expect_refused(const struct server *s, const char *query)
{
    char target[1024];

    snprintf(target, sizeof(target), "/ws/1?%s", query);
    if (ws_refused(s, target, "") != 400 || ws_refused(s, target, V1_FIELDS) != 400)
        ck_abort_msg("no 400 for %s", query);
}

START_TEST(bad_rooms_and_names_are_refused)
{
    struct server *s = server_start(NULL);
    char query[1024];

    for (size_t i = 0; i < ARRAY_LEN(bad_values); i++) {
        snprintf(query, sizeof(query), "room=%s", bad_values[i]);
        expect_refused(s, query);
        snprintf(query, sizeof(query), "name=%s", bad_values[i]);
        expect_refused(s, query);
    }
    expect_refused(s, "room=");
    expect_refused(s, "room");
}
END_TEST

static const char *const bad_queries[] = {
    "room=a&room=a",   "room=a&ro%6Fm=b",    "room=a&room=",
    "name=a&name=a",   "name=&name=",        "history=1&history=1",
    "since=a&since=a", "key=a&key=a",        "history=-1",
    "history=%2B1",    "history=x",          "history=",
    "history=1.0",     "history=01",         "history=1e1",
    "history=+1",      "history=1+",         "history=0x1",
    "history=%D9%A1",  "history=4294967296", "history=18446744073709551617",
};

START_TEST(bad_parameters_are_refused)
{
    struct server *s = server_start(NULL);

    for (size_t i = 0; i < ARRAY_LEN(bad_queries); i++)
        expect_refused(s, bad_queries[i]);
}
END_TEST

/* ---- Names ---- */

static const struct {
    const char *query;
    const char *name;
} good_names[] = {
    {"", ""},
    {"name=", ""},
    {"name=ada", "ada"},
    {"name=Ada+%26+Co", "Ada & Co"},
    {"name=%22", "\\'"},
    {"name=" A64, A64},
    {"name=" EMOJI16, EMOJI16_PLAIN},
};

START_TEST(names_are_told)
{
    struct server *s = server_start(NULL);
    struct seat *listener = seat_open(s, 100, "");

    for (size_t i = 0; i < ARRAY_LEN(good_names); i++) {
        struct seat *seat = seat_open(s, 1, good_names[i].query);

        seat_expect_presence(listener, "join", 1, good_names[i].name);
        seat_send(seat, "{'type':'say','text':'x'}");
        seat_expect(listener, "{'type':'message','pos':'*','ts':#,'from':1,'name':'%s','text':'x'}",
                    good_names[i].name);
        seat_leave(seat);
        seat_expect_presence(listener, "leave", 1, good_names[i].name);
    }
    seat_drop(listener);
}
END_TEST

START_TEST(a_text_client_has_a_name_for_others)
{
    struct server *s = server_start(NULL);
    struct seat *listener = seat_open(s, 100, "");
    struct client *reader = ws_open_chat(s, 200);
    struct client *text = text_open(s, 1, "name=ada");
    struct seat *late;

    seat_expect_presence(listener, "join", 200, "");
    seat_expect_presence(listener, "join", 1, "ada");
    ws_send_text(text, "hi");
    ws_expect_text(text, "You wrote: hi");
    ws_expect_text(reader, "Client #1 says: hi");
    seat_expect(listener, "{'type':'message','pos':'*','ts':#,'from':1,'name':'ada','text':'hi'}");
    late = seat_open(s, 300, "history=0");
    seat_expect_presence(listener, "join", 300, "");
    ws_leave(text);
    ws_expect_text(reader, "Client #1 left the chat");
    seat_expect_presence(listener, "leave", 1, "ada");
    seat_expect_presence(late, "leave", 1, "ada");
    seat_drop(listener);
    seat_drop(late);
    client_close(reader);
}
END_TEST

/* ---- History ---- */

/* Says "m<from>" to "m<to>" in the lobby, and goes. */
static void say_some(const struct server *s, int from, int to)
{
    struct client *c = ws_open_chat(s, 1);
    char text[32];

    for (int i = from; i <= to; i++) {
        snprintf(text, sizeof(text), "m%d", i);
        ws_send_text(c, text);
        ws_expect_text(c, "You wrote: m%d", i);
    }
    ws_leave(c);
}

/* A text client that enters with that query is told the messages number `from` to `to`. */
static void expect_text_history(const struct server *s, const char *query, int from, int to)
{
    struct client *c = text_open(s, 2, query);

    for (int i = from; i <= to; i++)
        ws_expect_text(c, "Client #1 says: m%d", i);
    ws_sync(c);
    ws_leave(c);
}

static void expect_v1_history(const struct server *s, const char *query, int from, int to)
{
    struct seat *seat = seat_open(s, 2, query);
    char text[32];

    ck_assert(!seat->recovered);
    for (int i = from; i <= to; i++) {
        snprintf(text, sizeof(text), "m%d", i);
        seat_expect_message(seat, 1, text);
    }
    seat_sync(seat);
    seat_leave(seat);
}

START_TEST(v1_gets_fifty_and_text_none_unless_they_ask)
{
    struct server *s = server_start(NULL);

    say_some(s, 1, 49);
    expect_v1_history(s, "", 1, 49);
    say_some(s, 50, 50);
    expect_v1_history(s, "", 1, 50);
    say_some(s, 51, 51);
    expect_v1_history(s, "", 2, 51);
    expect_v1_history(s, "history=0", 1, 0);
    expect_v1_history(s, "history=1", 51, 51);
    expect_v1_history(s, "history=51", 1, 51);
    expect_v1_history(s, "history=4294967295", 1, 51);
    expect_text_history(s, "", 1, 0);
}
END_TEST

START_TEST(text_gets_the_history_that_it_asks_for)
{
    struct server *s = server_start(LIST("--history", "3"));

    expect_text_history(s, "room=lobby&history=5", 1, 0);
    say_some(s, 1, 2);
    expect_text_history(s, "history=3", 1, 2);
}
END_TEST

START_TEST(a_room_keeps_as_much_as_it_was_told)
{
    struct server *s = server_start(LIST("--history", "3"));

    say_some(s, 1, 2);
    expect_v1_history(s, "", 1, 2);
    say_some(s, 3, 3);
    expect_v1_history(s, "", 1, 3);
    say_some(s, 4, 4);
    expect_v1_history(s, "", 2, 4);
    expect_v1_history(s, "history=4", 2, 4);
    expect_v1_history(s, "history=3", 2, 4);
    expect_v1_history(s, "history=2", 3, 4);
}
END_TEST

START_TEST(without_history_nothing_is_kept)
{
    struct server *s = server_start(LIST("--history", "0"));

    say_some(s, 1, 3);
    expect_v1_history(s, "", 1, 0);
    expect_v1_history(s, "history=10", 1, 0);
    expect_text_history(s, "history=10", 1, 0);
}
END_TEST

START_TEST(own_messages_and_old_names_are_in_the_history)
{
    struct server *s = server_start(NULL);
    struct seat *seat = seat_open(s, 1, "name=old&room=r");
    struct client *text;

    seat_send(seat, "{'type':'say','text':'one','ref':'r-1'}");
    free(seat_read(seat));
    seat_send(seat, "{'type':'rename','name':'new'}");
    seat_expect_presence(seat, "rename", 1, "new");
    seat_leave(seat);
    seat = seat_open(s, 1, "name=new&room=r");
    seat_expect(
        seat, "{'type':'message','pos':'*','ts':#,'from':1,'name':'old','text':'one','ref':'r-1'}");
    seat_sync(seat);
    text = text_open(s, 2, "room=r&history=9");
    ws_expect_text(text, "Client #1 says: one");
    ws_sync(text);
    client_close(text);
    seat_drop(seat);
}
END_TEST

START_TEST(history_comes_before_what_is_live)
{
    struct server *s = server_start(NULL);
    struct client *speaker = ws_open_chat(s, 1);
    struct seat *late;

    for (int i = 0; i < 20; i++) {
        char text[32];

        snprintf(text, sizeof(text), "m%d", i);
        ws_send_text(speaker, text);
    }
    late = seat_open(s, 2, "");
    for (int i = 0; i < 20; i++) {
        char text[32];

        snprintf(text, sizeof(text), "m%d", i);
        seat_expect_message(late, 1, text);
    }
    seat_sync(late);
    client_close(speaker);
    seat_drop(late);
}
END_TEST

/* ---- Order ---- */

#define PAIRS 3
#define ROUNDS 20

static void note(struct buf *seen, unsigned long long from, const char *text)
{
    ck_assert_int_eq(buf_printf(seen, "%llu>%s\n", from, text), 0);
}

/* What a v1 client sees of so many messages, as "from>text" lines. */
static void read_v1(struct seat *seat, int count, struct buf *seen)
{
    for (int i = 0; i < count; i++) {
        char *json = seat_read(seat);
        char text[V1_TEXT];

        v1_string(json, "text", text);
        note(seen, (unsigned long long)v1_number(json, "from"), text);
        free(json);
    }
    ck_assert_int_eq(buf_append_char(seen, '\0'), 0);
}

static void read_plain(struct client *c, unsigned long long own, int count, struct buf *seen)
{
    for (int i = 0; i < count; i++) {
        unsigned long long from = own;
        struct frame frame;
        int text = 0;

        ck_assert(ws_read(c, &frame));
        if (sscanf(frame.data, "You wrote: %n", &text), text == 0)
            ck_assert_int_eq(sscanf(frame.data, "Client #%llu says: %n", &from, &text), 1);
        note(seen, from, frame.data + text);
        free(frame.data);
    }
    ck_assert_int_eq(buf_append_char(seen, '\0'), 0);
}

START_TEST(both_kinds_see_one_order)
{
    struct server *s = server_start(NULL);
    struct seat *v1[PAIRS];
    struct client *text[PAIRS];
    struct buf first = {0}, seen;
    char line[32];

    for (int i = 0; i < PAIRS; i++)
        text[i] = ws_open_chat(s, 11 + (uint64_t)i);
    for (int i = 0; i < PAIRS; i++)
        v1[i] = seat_open(s, 21 + (uint64_t)i, "");
    for (int i = 0; i < PAIRS; i++) {
        for (uint64_t later = 22 + (uint64_t)i; later < 21 + PAIRS; later++)
            seat_expect_presence(v1[i], "join", later, "");
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < PAIRS; i++) {
            snprintf(line, sizeof(line), "%d.%d", i, round);
            ws_send_text(text[i], line);
            seat_say(v1[i], line);
        }
    }
    read_v1(v1[0], 2 * PAIRS * ROUNDS, &first);
    for (int i = 0; i < PAIRS; i++) {
        buf_init(&seen);
        read_plain(text[i], 11 + (unsigned)i, 2 * PAIRS * ROUNDS, &seen);
        ck_assert_str_eq((char *)seen.data, (char *)first.data);
        buf_deinit(&seen);
        ws_sync(text[i]);
    }
    for (int i = 1; i < PAIRS; i++) {
        buf_init(&seen);
        read_v1(v1[i], 2 * PAIRS * ROUNDS, &seen);
        ck_assert_str_eq((char *)seen.data, (char *)first.data);
        buf_deinit(&seen);
        seat_sync(v1[i]);
    }
    buf_deinit(&first);
    for (int i = 0; i < PAIRS; i++) {
        client_close(text[i]);
        seat_drop(v1[i]);
    }
}
END_TEST

Suite *suite_rooms(void)
{
    Suite *suite = suite_create("rooms");
    TCase *rooms = harness_case(suite, "rooms");
    TCase *names = harness_case(suite, "names");
    TCase *history = harness_case(suite, "history");

    tcase_add_test(rooms, rooms_are_isolated);
    tcase_add_test(rooms, without_a_room_it_is_the_lobby);
    tcase_add_test(rooms, names_of_rooms_are_decoded);
    tcase_add_test(rooms, one_name_is_one_room_however_it_is_written);
    tcase_add_test(rooms, bad_rooms_and_names_are_refused);
    tcase_add_test(rooms, bad_parameters_are_refused);
    tcase_add_test(rooms, both_kinds_see_one_order);
    tcase_add_test(names, names_are_told);
    tcase_add_test(names, a_text_client_has_a_name_for_others);
    tcase_add_test(history, v1_gets_fifty_and_text_none_unless_they_ask);
    tcase_add_test(history, text_gets_the_history_that_it_asks_for);
    tcase_add_test(history, a_room_keeps_as_much_as_it_was_told);
    tcase_add_test(history, without_history_nothing_is_kept);
    tcase_add_test(history, own_messages_and_old_names_are_in_the_history);
    tcase_add_test(history, history_comes_before_what_is_live);
    return suite;
}
