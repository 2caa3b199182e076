/* The chat over time: history, positions, and seats that outlive a connection. */
#include <check.h>

#include "unit/chat_world.h"

Suite *suite_chat_resume(void);

#define A (&peers[0])
#define B (&peers[1])
#define C (&peers[2])

#define KEEP_FOR 5000 /* leave_grace of the world, in milliseconds */

/* A client that comes back: `since` and `key` may be NULL. */
static struct chat_entry entry_back(uint64_t id, const char *since, const char *key)
{
    struct chat_entry entry = entry_of(id, CODEC_V1);

    if (since != NULL)
        entry.since = str_from(since);
    if (key != NULL)
        entry.key = str_from(key);
    return entry;
}

static void expect_message(struct peer *peer, uint64_t seq, uint64_t from, const char *text)
{
    expect(peer,
           "{\"type\":\"message\",\"pos\":\"%s\",\"ts\":5,\"from\":%llu,\"name\":\"\",\"text\":"
           "\"%s\"}",
           pos_in(LOBBY, seq), (unsigned long long)from, text);
}

/* The next message is a welcome that says this. */
static void expect_welcome(struct peer *peer, const char *pos, bool recovered)
{
    const char *message;

    fetch(peer);
    message = next_message(peer);
    ck_assert_ptr_nonnull(message);
    ck_assert_int_eq(strncmp(message, "{\"type\":\"welcome\"", 17), 0);
    ck_assert_str_eq(peer->pos, pos);
    ck_assert(strstr(message, recovered ? "\"recovered\":true" : "\"recovered\":false") != NULL);
}

/* Somebody says so many things: "1", "2", ... */
static void say_numbers(struct peer *peer, int count)
{
    for (int i = 1; i <= count; i++)
        SEND(peer, "%d", i);
    skip_all(peer);
}

/* ---- the last K ---- */

START_TEST(replays_the_last_ones)
{
    static const size_t wanted[] = {0, 1, 2, 4, 5, 6, 100};
    struct chat_entry entry = entry_of(2, CODEC_TEXT);
    size_t history = (size_t)_i;

    config.history = history;
    world_restart();
    enter(A, 1, CODEC_TEXT);
    say_numbers(A, 5);
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        size_t count = min_size(min_size(wanted[i], history), 5);

        entry.history = wanted[i];
        enter_as(B, &entry);
        for (size_t k = 6 - count; k <= 5; k++)
            expect(B, "Client #1 says: %zu", k);
        expect_nothing(B);
        leave(B, false);
        reconnect(B);
        skip_all(A);
        check_books();
    }
    SEND(A, "live");
    expect(A, "You wrote: live");
}
END_TEST

/* One's own words are replayed like everybody's, and what is said next follows. */
START_TEST(replay_then_live)
{
    struct chat_entry entry = entry_of(1, CODEC_TEXT);

    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_TEXT);
    say_numbers(A, 2);
    leave(A, false);
    settle();
    reconnect(A);
    entry.history = 10;
    enter_as(A, &entry);
    SEND(B, "live");
    expect(A, "Client #1 says: 1");
    expect(A, "Client #1 says: 2");
    expect(A, "Client #2 says: live");
    expect_nothing(A);
}
END_TEST

START_TEST(an_empty_room_remembers)
{
    struct chat_entry entry = entry_of(2, CODEC_V1);

    enter(A, 1, CODEC_TEXT);
    say_numbers(A, 3);
    leave(A, false);
    settle();
    ck_assert_uint_eq(chat.channels.count, 1);
    entry.history = 2;
    enter_as(B, &entry);
    expect_welcome(B, pos_in(LOBBY, 2), false);
    expect_message(B, 3, 1, "2");
    expect_message(B, 4, 1, "3");
    expect_nothing(B);
}
END_TEST

/* `pos` of a welcome is where the replay begins, so that one which is cut off can be had again. */
START_TEST(welcome_pos_is_before_the_replay)
{
    struct chat_entry entry = entry_of(2, CODEC_V1);
    char pos[CODEC_POS_MAX];

    enter(A, 1, CODEC_TEXT);
    say_numbers(A, 5);
    entry.history = 3;
    enter_as(B, &entry);
    expect_welcome(B, pos_in(LOBBY, 3), false);
    memcpy(pos, B->pos, sizeof(pos));
    leave(B, true);
    reconnect(B);
    entry = entry_back(2, pos, B->key);
    enter_as(B, &entry);
    expect_welcome(B, pos, true);
    for (int i = 3; i <= 5; i++)
        expect_message(B, (uint64_t)i + 1, 1, (char[2]){(char)('0' + i)});
    expect_start(B, "{\"type\":\"join\""); /* its own: that too came after `pos` */
    expect_nothing(B);
}
END_TEST

/* ---- memory of all rooms ---- */

static void say_in(struct peer *peer, uint64_t id, const char *room, const char *text)
{
    struct chat_entry entry = entry_of(id, CODEC_TEXT);

    entry.room = str_from(room);
    enter_as(peer, &entry);
    SEND(peer, "%s", text);
    leave(peer, false);
    settle();
    reconnect(peer);
}

/* What three events (a join, a message and a leave) of a visit cost. */
static size_t cost_of_visit(const char *text)
{
    size_t before = chat.record_bytes;

    say_in(A, 1, "probe", text);
    return chat.record_bytes - before;
}

START_TEST(the_heaviest_room_loses_its_oldest)
{
    size_t cost = cost_of_visit("hi");

    config.history_memory = 3 * (cost + CHAT_ROOM_COST);
    world_restart();
    say_in(A, 1, "a", "hi");
    say_in(A, 1, "b", "hi");
    say_in(A, 1, "c", "hi");
    ck_assert_uint_eq(chat.record_bytes, 3 * cost);
    ck_assert_uint_eq(chat.channels.count, 3);
    /* Whoever comes again and again takes from itself alone. */
    for (int i = 0; i < 100; i++) {
        say_in(A, 1, "b", "ho");
        check_books();
        ck_assert_uint_eq(room_named("a")->record_bytes, cost);
        ck_assert_uint_eq(room_named("c")->record_bytes, cost);
        ck_assert_uint_ge(room_named("b")->messages.count, 1);
    }
}
END_TEST

/* What a stranger says in ten rooms is more than all memory; the others' rooms keep what is theirs,
 * as long as it is not more than a share. */
START_TEST(long_messages_push_nobody_out)
{
    char text[901] = {0}, name[2] = "0";
    struct chat_entry entry;
    size_t cost = cost_of_visit("hi");

    memset(text, 'x', 900);
    config.history_memory = 4 * (2 * cost + CHAT_ROOM_COST) + 12000;
    world_restart();
    enter(C, 3, CODEC_V1);
    SEND(C, "{\"type\":\"say\",\"text\":\"mine\"}");
    say_in(A, 1, "left", "theirs");
    for (int i = 0; i < 180; i++) {
        name[0] = (char)('0' + i % 10);
        say_in(A, 1, name, text);
        check_books();
    }
    ck_assert_uint_eq(room_named(LOBBY)->messages.count, 1);
    ck_assert_uint_eq(room_named("left")->messages.count, 1);
    /* Its owner, within its grace, has lost nothing. */
    skip_all(C);
    leave(C, true);
    settle();
    enter(A, 1, CODEC_TEXT);
    SEND(A, "%s", text);
    entry = entry_back(3, C->pos, C->key);
    reconnect(C);
    enter_as(C, &entry);
    fetch(C);
    ck_assert(strstr(next_message(C), "\"recovered\":true") != NULL);
    check_books();
}
END_TEST

/* Any number of rooms that somebody made and left takes one half at most. */
START_TEST(small_rooms_push_no_lively_room_out)
{
    char name[16];

    config.history_memory = 80000;
    world_restart();
    enter(C, 3, CODEC_TEXT);
    for (int i = 0; i < 10; i++)
        SEND(C, "one of the ten things that people said here");
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "%d", i);
        say_in(A, 1, name, "x");
        check_books();
    }
    ck_assert_uint_eq(room_named(LOBBY)->messages.count, 10);
    ck_assert_ptr_nonnull(room_named("299"));
    ck_assert_uint_gt(chat.channels.count, 5);
}
END_TEST

/* Frames that were made for a replay go before any record does. */
START_TEST(replays_push_nobody_out)
{
    char text[401] = {0}, name[2] = "a";
    struct chat_entry entry = entry_of(2, CODEC_V1);
    size_t records;

    memset(text, 'x', 400);
    for (; name[0] <= 'h'; name[0]++) {
        for (int i = 0; i < 5; i++)
            say_in(A, 1, name, text);
    }
    records = chat.record_bytes;
    config.history_memory = records + 8 * CHAT_ROOM_COST + 3000;
    chat.config.history_memory = config.history_memory;
    entry.history = 10;
    for (name[0] = 'a'; name[0] <= 'h'; name[0]++) {
        entry.room = str_from(name);
        enter_as(B, &entry);
        skip_all(B);
        leave(B, false);
        settle();
        reconnect(B);
        check_books();
        ck_assert_uint_eq(room_named("a")->messages.count, 5);
        ck_assert_uint_eq(room_named(name)->messages.count, 5);
        ck_assert_uint_lt(chat.frame_bytes, 5 * 2 * 600);
    }
    ck_assert_uint_gt(chat.frame_bytes, 0);
}
END_TEST

/* The room that is spoken in stays, whatever it costs. */
START_TEST(no_memory_for_history)
{
    struct chat_entry entry = entry_of(2, CODEC_V1);

    config.history_memory = (size_t)_i;
    world_restart();
    enter(A, 1, CODEC_TEXT);
    say_numbers(A, 3);
    ck_assert_uint_eq(chat.record_bytes, 0);
    entry.history = 10;
    enter_as(B, &entry);
    expect_welcome(B, pos_in(LOBBY, 4), false);
    SEND(A, "live");
    expect_start(B, "{\"type\":\"message\"");
    expect_nothing(B);
    leave(B, false);
    leave(A, false);
    settle();
    ck_assert_uint_eq(chat.channels.count, 0);
    check_books();
}
END_TEST

/* A room with members stays when its last message goes. */
START_TEST(people_keep_a_room)
{
    size_t cost = cost_of_visit("hi");

    config.history_memory = 2 * cost;
    world_restart();
    enter(C, 3, CODEC_TEXT);
    SEND(C, "hi");
    for (int i = 0; i < 4; i++)
        say_in(A, 1, "other", "hi");
    ck_assert_uint_eq(room_named(LOBBY)->messages.count, 0);
    expect(C, "You wrote: hi");
    check_books();
}
END_TEST

START_TEST(random_rooms_stay_within_memory)
{
    char text[201] = {0};
    uint64_t state = (uint64_t)_i;
    char room[2] = "a";

    memset(text, 'x', 200);
    config.history_memory = 9000;
    config.history = 5;
    world_restart();
    for (int turn = 0; turn < 400; turn++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        room[0] = (char)('a' + (state >> 40) % 6);
        say_in(A, 1, room, text + (state >> 50) % 200);
        check_books();
        ck_assert_ptr_nonnull(room_named(room));
    }
}
END_TEST

/* ---- since ---- */

/* Messages, joins, leaves and renames in the order in which they were. */
static void make_past(void)
{
    enter(A, 1, CODEC_V1);
    SEND(A, "{\"type\":\"say\",\"text\":\"2\"}");
    enter(B, 2, CODEC_TEXT);
    SEND(B, "4");
    SEND(A, "{\"type\":\"rename\",\"name\":\"\"}");
    leave(B, false);
    SEND(A, "{\"type\":\"say\",\"text\":\"7\"}");
    skip_all(A);
    reconnect(B);
}

START_TEST(resumes_exactly)
{
    static const char *const types[] = {"join",   "message", "join",   "message",
                                        "rename", "leave",   "message"};
    struct chat_entry entry;
    const char *pos;

    make_past();
    pos = pos_in(LOBBY, (uint64_t)_i);
    entry = entry_back(9, pos, NULL);
    entry.history = 1; /* does not matter */
    enter_as(C, &entry);
    expect_welcome(C, pos, true);
    for (size_t seq = (size_t)_i + 1; seq <= ARRAY_LEN(types); seq++) {
        char start[100];

        snprintf(start, sizeof(start), "{\"type\":\"%s\",\"pos\":\"%s\"", types[seq - 1],
                 pos_in(LOBBY, seq));
        expect_start(C, start);
    }
    SEND(A, "{\"type\":\"say\",\"text\":\"live\"}");
    expect_start(C, "{\"type\":\"message\"");
    expect_nothing(C);
}
END_TEST

/* A text client that comes back is told what it missed in its own words. */
START_TEST(resumes_as_text)
{
    struct chat_entry entry;

    make_past();
    entry = entry_back(9, pos_in(LOBBY, 1), NULL);
    entry.codec = CODEC_TEXT;
    enter_as(C, &entry);
    expect(C, "Client #1 says: 2");
    expect(C, "Client #2 says: 4");
    expect(C, "Client #2 left the chat");
    expect(C, "Client #1 says: 7");
    expect_nothing(C);
}
END_TEST

/* Of five messages three are kept: what is gone cannot be had back. */
START_TEST(too_old)
{
    struct chat_entry entry;
    uint64_t since = (uint64_t)_i;
    bool recovered = since >= 3;

    config.history = 3;
    world_restart();
    enter(A, 1, CODEC_TEXT);
    say_numbers(A, 5);
    entry = entry_back(2, pos_in(LOBBY, since), NULL);
    entry.history = 2;
    enter_as(B, &entry);
    expect_welcome(B, recovered ? pos_in(LOBBY, since) : pos_in(LOBBY, 4), recovered);
    for (uint64_t seq = recovered ? since + 1 : 5; seq <= 6; seq++)
        expect_message(B, seq, 1, (char[2]){(char)('0' + seq - 1)});
    expect_nothing(B);
}
END_TEST

/* Without a history one can still resume at the very end. */
START_TEST(no_history)
{
    struct chat_entry entry;

    config.history = 0;
    world_restart();
    enter(A, 1, CODEC_TEXT);
    say_numbers(A, 2);
    entry = entry_back(2, pos_in(LOBBY, (uint64_t)_i), NULL);
    entry.history = 10;
    enter_as(B, &entry);
    expect_welcome(B, pos_in(LOBBY, 3), _i == 3);
    expect_nothing(B);
}
END_TEST

START_TEST(positions_of_elsewhere)
{
    char other_room[CODEC_POS_MAX], other_life[CODEC_POS_MAX], future[CODEC_POS_MAX];
    const char *const bad[] = {other_room, other_life, future, "",
                               "-",        "garbage",  "0-0",  "ffffffffffffffff-1"};
    struct chat_entry entry = entry_of(5, CODEC_TEXT);

    entry.room = STR("other");
    enter_as(C, &entry);
    enter(A, 1, CODEC_V1);
    memcpy(other_life, pos_in(LOBBY, 1), CODEC_POS_MAX);
    leave(A, false);
    settle();
    ck_assert_ptr_null(room_named(LOBBY));
    reconnect(A);
    enter(A, 1, CODEC_V1);
    SEND(A, "{\"type\":\"say\",\"text\":\"hi\"}");
    skip_all(A);
    memcpy(other_room, pos_in("other", 1), CODEC_POS_MAX);
    memcpy(future, pos_in(LOBBY, 3), CODEC_POS_MAX);
    ck_assert_uint_eq(room_named(LOBBY)->log.committed, 2);
    entry = entry_back(2, bad[_i], NULL);
    entry.history = 10;
    enter_as(B, &entry);
    expect_welcome(B, pos_in(LOBBY, 1), false);
    expect_message(B, 2, 1, "hi");
    expect_nothing(B);
}
END_TEST

/* ---- keys ---- */

/* The seat is taken over: nobody else notices. */
START_TEST(key_takes_a_seat_over)
{
    struct chat_entry entry;

    enter(A, 1, CODEC_V1);
    enter(B, 2, CODEC_TEXT);
    skip_all(A);
    entry = entry_back(1, A->pos, A->key);
    enter_as(C, &entry);
    ck_assert(A->is_replaced);
    ck_assert_ptr_null(A->out.box);
    ck_assert_ptr_eq(C->client, client_table_find(&chat.clients, 1));
    expect_welcome(C, A->pos, true);
    ck_assert_str_eq(C->key, A->key);
    ck_assert_uint_eq(chat.clients.count, 2);
    SEND(C, "{\"type\":\"say\",\"text\":\"hi\"}");
    expect(B, "Client #1 says: hi");
    expect_message(C, 3, 1, "hi");
    expect_nothing(A);
    expect_nothing(B);
    expect_nothing(C);
    check_books();
}
END_TEST

START_TEST(key_takes_a_waiting_seat_over)
{
    struct chat_entry entry;

    enter(A, 1, CODEC_V1);
    enter(B, 2, CODEC_TEXT);
    skip_all(A);
    leave(A, true);
    SEND(B, "missed");
    settle();
    ck_assert_uint_eq(chat_deadline(&chat), chat.now + KEEP_FOR);
    pass(KEEP_FOR - 1);
    entry = entry_back(1, A->pos, A->key);
    enter_as(C, &entry);
    ck_assert(!A->is_replaced);
    expect_welcome(C, A->pos, true);
    expect_message(C, 3, 2, "missed");
    pass(10 * KEEP_FOR);
    expect(B, "You wrote: missed");
    expect_nothing(B);
    expect_nothing(C);
    check_books();
}
END_TEST

START_TEST(a_broken_seat_waits)
{
    enter(A, 1, CODEC_V1);
    enter(B, 2, CODEC_TEXT);
    enter(C, 3, CODEC_V1);
    skip_all(C);
    leave(A, true);
    pass(1);
    leave(C, true);
    ck_assert_uint_eq(room_named(LOBBY)->member_count, 3);
    pass(KEEP_FOR - 2);
    expect_nothing(B);
    pass(1);
    expect(B, "Client #1 left the chat");
    expect_nothing(B);
    ck_assert_uint_eq(chat_deadline(&chat), chat.now + 1);
    pass(1);
    expect(B, "Client #3 left the chat");
    expect_nothing(B);
    check_books();
}
END_TEST

START_TEST(without_grace_nobody_waits)
{
    config.leave_grace = 0;
    world_restart();
    enter(A, 1, CODEC_V1);
    enter(B, 2, CODEC_TEXT);
    leave(A, true);
    expect(B, "Client #1 left the chat");
    ck_assert_uint_eq(chat.clients.count, 1);
}
END_TEST

START_TEST(wrong_keys)
{
    static const char *const keys[] = {
        NULL,
        "",
        "a1",
        "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a2",
        "b1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1",
        "A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1",
        "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a",
        "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a",
        "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1",
    };

    enter(A, 1, CODEC_V1);
    enter(B, 2, CODEC_TEXT);
    skip_all(A);
    ck_assert_str_eq(A->key, "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1");
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct chat_entry entry = entry_back(1, A->pos, keys[i]);

        ck_assert_int_eq(try_enter(C, &entry), CHAT_ID_TAKEN);
        ck_assert(sendq_is_empty(&C->out));
    }
    leave(A, true);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct chat_entry entry = entry_back(1, A->pos, keys[i]);

        ck_assert_int_eq(try_enter(C, &entry), CHAT_ID_TAKEN);
    }
    ck_assert(!A->is_replaced);
    expect_nothing(B);
    check_books();
}
END_TEST

/* A seat of the plain text has no key, not even one of zeros, and a key is no use without v1. */
START_TEST(text_seats_cannot_be_taken)
{
    struct chat_entry entry = entry_back(1, NULL, "00000000000000000000000000000000");

    enter(A, 1, CODEC_TEXT);
    ck_assert_int_eq(try_enter(C, &entry), CHAT_ID_TAKEN);
    enter(B, 2, CODEC_V1);
    skip_all(B);
    entry = entry_back(2, NULL, B->key);
    entry.codec = CODEC_TEXT;
    ck_assert_int_eq(try_enter(C, &entry), CHAT_ID_TAKEN);
    ck_assert(!A->is_replaced && !B->is_replaced);
}
END_TEST

/* A key belongs to a seat, not to an id. */
START_TEST(keys_end_with_the_seat)
{
    struct chat_entry entry;
    char key[sizeof(A->key)];

    enter(A, 1, CODEC_V1);
    skip_all(A);
    memcpy(key, A->key, sizeof(key));
    leave(A, false);
    settle();
    reconnect(A);
    entry = entry_back(1, NULL, key);
    enter_as(A, &entry);
    skip_all(A);
    ck_assert_str_ne(A->key, key);
    ck_assert_int_eq(try_enter(C, &entry), CHAT_ID_TAKEN);
}
END_TEST

START_TEST(take_over_with_another_name)
{
    struct chat_entry entry = entry_of(1, CODEC_V1);

    entry.name = STR("ada");
    enter_as(A, &entry);
    enter(B, 2, CODEC_V1);
    skip_all(A);
    skip_all(B);
    entry = entry_back(1, A->pos, A->key);
    entry.name = STR("bob");
    enter_as(C, &entry);
    ck_assert(A->is_replaced);
    expect_start(B, "{\"type\":\"rename\"");
    expect_start(C, "{\"type\":\"welcome\"");
    expect(C, "{\"type\":\"rename\",\"pos\":\"%s\",\"ts\":5,\"from\":1,\"name\":\"bob\"}",
           pos_in(LOBBY, 3));
    expect_nothing(B);
    expect_nothing(C);
    /* The same name, or none at all, changes nothing. */
    reconnect(A);
    entry = entry_back(1, C->pos, C->key);
    entry.name = STR("bob");
    enter_as(A, &entry);
    ck_assert(str_equals(client_name(A->client), STR("bob")));
    skip_all(A);
    reconnect(C);
    entry = entry_back(1, A->pos, A->key);
    enter_as(C, &entry);
    ck_assert(str_equals(client_name(C->client), STR("bob")));
    skip_all(C);
    expect_nothing(B);
    /* An empty one does. */
    reconnect(A);
    entry.name = STR("");
    enter_as(A, &entry);
    ck_assert_uint_eq(A->client->name_len, 0);
    expect_start(B, "{\"type\":\"rename\"");
    expect_nothing(B);
}
END_TEST

/* Moving to another room with one's key is a leave here and a join there. */
START_TEST(take_over_in_another_room)
{
    struct chat_entry entry = entry_of(3, CODEC_V1);

    enter(A, 1, CODEC_V1);
    enter(B, 2, CODEC_TEXT);
    entry.room = STR("other");
    enter_as(C, &entry);
    skip_all(A);
    skip_all(C);
    entry = entry_back(1, A->pos, A->key);
    entry.room = STR("other");
    enter_as(&peers[3], &entry);
    ck_assert(A->is_replaced);
    expect(B, "Client #1 left the chat");
    expect_start(C, "{\"type\":\"join\"");
    expect_welcome(&peers[3], pos_in("other", 1), false);
    expect_nothing(B);
    expect_nothing(C);
    check_books();
}
END_TEST

/* The last one to leave a room takes the room along, also when it moves. */
START_TEST(take_over_leaves_an_empty_room)
{
    struct chat_entry entry;

    enter(A, 1, CODEC_V1);
    skip_all(A);
    entry = entry_back(1, A->pos, A->key);
    entry.room = STR("other");
    enter_as(C, &entry);
    ck_assert_ptr_null(room_named(LOBBY));
    ck_assert_uint_eq(chat.channels.count, 1);
    check_books();
}
END_TEST

START_TEST(take_over_in_a_full_table)
{
    struct chat_entry entry;

    config.max_clients = 1;
    world_restart();
    enter(A, 1, CODEC_V1);
    skip_all(A);
    for (int i = 0; i < 5; i++) {
        ck_assert(chat.clients.count == 1 && chat_has_id(&chat, 1));
        entry = entry_back(1, A->pos, A->key);
        entry.room = i % 2 == 0 ? STR("other") : STR(LOBBY);
        reconnect(C);
        enter_as(C, &entry);
        skip_all(C);
        memcpy(A->key, C->key, sizeof(A->key));
        if (C->client != NULL)
            leave(C, true);
    }
    check_books();
}
END_TEST

/* ---- who pays, and who gives way ---- */

static uint32_t paid[4]; /* seats that count for each payer */

static void on_pay(void *owner, uint32_t payer, bool begins)
{
    ck_assert_ptr_eq(owner, paid);
    ck_assert(payer > 0 && payer < ARRAY_LEN(paid));
    ck_assert(begins || paid[payer] > 0);
    paid[payer] += begins ? 1 : UINT32_MAX;
}

static void restart_with_payers(size_t max_clients)
{
    config.max_clients = max_clients;
    config.payers = ARRAY_LEN(paid) - 1;
    world_restart();
    memset(paid, 0, sizeof(paid));
    chat.hooks.pay = on_pay;
    chat.hooks.owner = paid;
}

static void enter_paid(struct peer *peer, uint64_t id, uint32_t payer)
{
    struct chat_entry entry = entry_of(id, CODEC_V1);

    entry.payer = payer;
    enter_as(peer, &entry);
    skip_all(peer);
}

/* A seat whose owner is away. */
static void keep_seat(uint64_t id, uint32_t payer)
{
    struct peer *peer = &peers[PEERS - 1];

    enter_paid(peer, id, payer);
    leave(peer, true);
    settle();
    reconnect(peer);
}

START_TEST(a_seat_pays_while_it_has_no_connection)
{
    struct chat_entry entry;

    restart_with_payers(PEERS);
    enter_paid(A, 1, 1);
    ck_assert_uint_eq(paid[1], 0);
    leave(A, true);
    settle();
    ck_assert_uint_eq(paid[1], 1);
    /* Its owner comes back from elsewhere. */
    entry = entry_back(1, NULL, A->key);
    entry.payer = 2;
    ck_assert_uint_eq(chat_replaces(&chat, &entry), 1);
    reconnect(A);
    enter_as(A, &entry);
    ck_assert_uint_eq(paid[1] + paid[2], 0);
    ck_assert_uint_eq(chat_replaces(&chat, &entry), 2);
    entry.key = STR("00000000000000000000000000000000");
    ck_assert_uint_eq(chat_replaces(&chat, &entry), 0);
    skip_all(A);
    leave(A, true);
    settle();
    ck_assert_uint_eq(paid[2], 1);
    pass(KEEP_FOR);
    ck_assert_uint_eq(paid[2], 0);
    enter_paid(B, 1, 3);
    leave(B, false);
    settle();
    ck_assert_uint_eq(paid[3], 0);
    check_books();
}
END_TEST

START_TEST(the_oldest_of_who_has_most_gives_way)
{
    restart_with_payers(8);
    keep_seat(1, 1);
    for (uint64_t id = 2; id <= 5; id++)
        keep_seat(id, 2);
    keep_seat(6, 3);
    keep_seat(7, 3);
    ck_assert(!chat_is_full(&chat));
    enter_paid(A, 8, 1);
    ck_assert(!chat_is_full(&chat)); /* there are those that would give way */
    /* 2 and 3 go, of those of payer 2; then both have two, and the oldest of one of them goes. */
    for (uint64_t id = 2; id <= 3; id++) {
        enter_paid(&peers[id], 100 + id, 1);
        expect_start(A, "{\"type\":\"leave\"");
        expect_start(A, "{\"type\":\"join\"");
        ck_assert(!chat_has_id(&chat, id) && chat_has_id(&chat, id + 1));
        ck_assert_uint_eq(paid[2], 5 - id);
    }
    enter_paid(&peers[4], 104, 1);
    ck_assert(chat_has_id(&chat, 1) && chat_has_id(&chat, 5) && chat_has_id(&chat, 7));
    ck_assert(chat_has_id(&chat, 4) != chat_has_id(&chat, 6));
    ck_assert_uint_eq(chat.clients.count, 8);
    check_books();
}
END_TEST

/* One each: the oldest of all. None: it is full. Who shows a key is no newcomer. */
START_TEST(where_all_have_one_the_oldest_gives_way)
{
    struct chat_entry entry = entry_of(9, CODEC_V1);

    restart_with_payers(3);
    keep_seat(1, 3);
    keep_seat(2, 1);
    keep_seat(3, 2);
    enter_paid(A, 4, 1);
    ck_assert(!chat_has_id(&chat, 1) && chat_has_id(&chat, 2) && chat_has_id(&chat, 3));
    entry = entry_back(3, NULL, peers[PEERS - 1].key);
    enter_as(B, &entry);
    ck_assert(chat_has_id(&chat, 2));
    enter_paid(C, 5, 1);
    ck_assert(!chat_has_id(&chat, 2));
    ck_assert(chat_is_full(&chat));
    entry = entry_of(6, CODEC_V1);
    ck_assert_int_eq(try_enter(&peers[3], &entry), CHAT_FULL);
    ck_assert_uint_eq(paid[1] + paid[2] + paid[3], 0);
    check_books();
}
END_TEST

/* A flood of them: the table stays as large as it is, and no id is held for ever. */
START_TEST(kept_seats_are_bounded)
{
    restart_with_payers(5);
    keep_seat(1, 1);
    for (uint64_t id = 2; id < 400; id++) {
        keep_seat(id, 2);
        ck_assert(chat_has_id(&chat, 1) && chat_has_id(&chat, id));
        ck_assert_uint_le(chat.clients.count, 5);
        check_books();
    }
    ck_assert_uint_eq(paid[2], 4);
    pass(KEEP_FOR);
    ck_assert_uint_eq(chat.clients.count, 0);
    ck_assert_uint_eq(paid[1] + paid[2], 0);
    ck_assert_uint_eq(chat.kept.most, 0);
}
END_TEST

/* ---- torture ---- */

struct witness {
    int seen; /* messages 0 to seen - 1 have come, in order */
    int said;
};

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* Reads what has arrived in full; every message is the next one. */
static void witness_read(struct peer *peer, struct witness *witness)
{
    const char *message;

    while ((message = next_message(peer)) != NULL) {
        const char *text = strstr(message, "\"text\":\"");

        if (strncmp(message, "{\"type\":\"message\"", 17) != 0) {
            ck_assert_ptr_null(text);
            continue;
        }
        ck_assert_ptr_nonnull(text);
        ck_assert_int_eq(atoi(text + 8), witness->seen);
        witness->seen++;
    }
}

/* The connection breaks: what was not read until now never arrived. */
static void witness_break(struct peer *peer, struct witness *witness)
{
    witness_read(peer, witness);
    if (peer->client != NULL)
        leave(peer, true);
    reconnect(peer);
}

static void witness_return(struct peer *peer, uint64_t id)
{
    struct chat_entry entry = entry_back(id, peer->pos, peer->key);

    enter_as(peer, &entry);
    peer->breaks = true;
}

/* A client loses its connection again and again, at any byte, and once in a while it has two for a
 * moment. It must see every message once, in order, its own ones included. */
/* Replays cost nothing but what the history has forgotten since: when there is much of that, they
 * get short. */
START_TEST(what_slow_readers_hold_shortens_replays)
{
    static char text[20001];
    struct chat_entry entry = entry_of(2, CODEC_TEXT);

    memset(text, 'x', sizeof(text) - 1);
    config.max_message = sizeof(text);
    config.max_lag = 170000;
    config.history = 20;
    config.history_memory = 400000;
    world_restart();
    entry.history = 20;
    enter(A, 1, CODEC_TEXT);
    for (int i = 0; i < 20; i++)
        SEND(A, "%s", text);
    skip_all(A);
    B->window = 0;
    enter_as(B, &entry);
    for (int i = 0; i < 8; i++)
        SEND(A, "%s", text);
    ck_assert_uint_gt(chat.orphan_bytes + chat.frame_bytes, config.history_memory);
    C->window = 0;
    entry.id = 3;
    enter_as(C, &entry);
    ck_assert_uint_gt(C->out.queued, 100000);
    ck_assert_uint_le(C->out.queued, config.max_lag);
    leave(B, false);
    leave(C, false);
    ck_assert_uint_eq(chat.orphan_bytes, 0);
    reconnect(B);
    B->window = 0;
    entry.id = 4;
    enter_as(B, &entry);
    ck_assert_uint_gt(B->out.queued, config.max_lag);
    leave(B, false);
    skip_all(A);
    check_books();
}
END_TEST

START_TEST(nothing_is_lost_or_doubled)
{
    uint64_t state = (uint64_t)_i * 77 + 1;
    struct witness witness = {0};
    int total = 0, turns = 1500;

    config.history = 100;
    config.max_lag = 100000;
    world_restart();
    enter(A, 1, CODEC_V1);
    enter(B, 2, CODEC_TEXT);
    enter(C, 3, CODEC_V1);
    take(A, SIZE_MAX);
    witness_read(A, &witness);
    for (int turn = 0; turn < turns; turn++) {
        switch (next_random(&state) % 8) {
        case 0:
        case 1:
        case 2:
            SEND(B, "%d", total++);
            break;
        case 3:
            SEND(C, "{\"type\":\"say\",\"text\":\"%d\"}", total++);
            break;
        case 4:
            if (A->client != NULL)
                SEND(A, "{\"type\":\"say\",\"text\":\"%d\",\"ref\":\"r\"}", total++);
            break;
        case 5:
            A->window = next_random(&state) % 300;
            settle();
            take(A, next_random(&state) % 300);
            witness_read(A, &witness);
            break;
        case 6:
            if (A->client == NULL)
                witness_return(A, 1);
            else if (next_random(&state) % 2 == 0)
                A->leaves_in_flush = A->breaks = true;
            else
                witness_break(A, &witness);
            break;
        default:
            SEND(C, "{\"type\":\"rename\",\"name\":\"%d\"}", turn);
            skip_all(B);
            skip_all(C);
            break;
        }
        if (A->client == NULL)
            witness_break(A, &witness);
        if (total - witness.seen > 60) {
            /* Catch up, or the history is not long enough. */
            if (A->client == NULL)
                witness_return(A, 1);
            A->leaves_in_flush = false;
            settle();
            take(A, SIZE_MAX);
            witness_read(A, &witness);
            ck_assert_int_eq(witness.seen, total);
        }
        ck_assert_uint_eq(chat.clients.count, 3);
    }
    check_books();
}
END_TEST

/* The same while the old connection is still open: it takes itself over. */
START_TEST(nothing_is_lost_in_take_overs)
{
    uint64_t state = (uint64_t)_i * 77 + 5;
    struct witness witness = {0};
    int total = 0, current = 3;

    config.history = 100;
    world_restart();
    enter(B, 2, CODEC_TEXT);
    enter(&peers[3], 1, CODEC_V1);
    take(&peers[3], SIZE_MAX);
    witness_read(&peers[3], &witness);
    for (int turn = 0; turn < 300; turn++) {
        struct peer *old = &peers[current], *next = &peers[current ^ 7];
        struct chat_entry entry;

        for (unsigned i = next_random(&state) % 20; i > 0; i--)
            SEND(B, "%d", total++);
        old->window = next_random(&state) % 700;
        settle();
        skip_all(B);
        witness_read(old, &witness);
        reconnect(next);
        entry = entry_back(1, old->pos, old->key);
        enter_as(next, &entry);
        ck_assert(old->is_replaced);
        memcpy(next->pos, old->pos, sizeof(next->pos));
        memcpy(next->key, old->key, sizeof(next->key));
        current ^= 7;
        if (turn % 4 == 0) {
            take(next, SIZE_MAX);
            witness_read(next, &witness);
            ck_assert_int_eq(witness.seen, total);
        }
    }
}
END_TEST

static void add_history_tests(Suite *suite)
{
    TCase *cases = tcase_create("replay");

    tcase_add_checked_fixture(cases, world_setup, world_teardown);
    tcase_add_loop_test(cases, replays_the_last_ones, 0, 8);
    tcase_add_test(cases, what_slow_readers_hold_shortens_replays);
    tcase_add_test(cases, replay_then_live);
    tcase_add_test(cases, an_empty_room_remembers);
    tcase_add_test(cases, welcome_pos_is_before_the_replay);
    tcase_add_test(cases, the_heaviest_room_loses_its_oldest);
    tcase_add_test(cases, long_messages_push_nobody_out);
    tcase_add_test(cases, small_rooms_push_no_lively_room_out);
    tcase_add_test(cases, replays_push_nobody_out);
    tcase_add_loop_test(cases, no_memory_for_history, 0, 2);
    tcase_add_test(cases, people_keep_a_room);
    tcase_add_loop_test(cases, random_rooms_stay_within_memory, 0, 3);
    tcase_add_loop_test(cases, resumes_exactly, 0, 8);
    tcase_add_test(cases, resumes_as_text);
    tcase_add_loop_test(cases, too_old, 0, 7);
    tcase_add_loop_test(cases, no_history, 0, 4);
    tcase_add_loop_test(cases, positions_of_elsewhere, 0, 8);
    suite_add_tcase(suite, cases);
}

static void add_key_tests(Suite *suite)
{
    TCase *cases = tcase_create("keys");

    tcase_add_checked_fixture(cases, world_setup, world_teardown);
    tcase_add_test(cases, key_takes_a_seat_over);
    tcase_add_test(cases, key_takes_a_waiting_seat_over);
    tcase_add_test(cases, a_broken_seat_waits);
    tcase_add_test(cases, without_grace_nobody_waits);
    tcase_add_test(cases, wrong_keys);
    tcase_add_test(cases, text_seats_cannot_be_taken);
    tcase_add_test(cases, keys_end_with_the_seat);
    tcase_add_test(cases, take_over_with_another_name);
    tcase_add_test(cases, take_over_in_another_room);
    tcase_add_test(cases, take_over_leaves_an_empty_room);
    tcase_add_test(cases, take_over_in_a_full_table);
    tcase_add_test(cases, a_seat_pays_while_it_has_no_connection);
    tcase_add_test(cases, the_oldest_of_who_has_most_gives_way);
    tcase_add_test(cases, where_all_have_one_the_oldest_gives_way);
    tcase_add_test(cases, kept_seats_are_bounded);
    suite_add_tcase(suite, cases);
}

Suite *suite_chat_resume(void)
{
    Suite *suite = suite_create("chat_resume" WORLD_NAME);
    TCase *torture = tcase_create("torture");

    add_history_tests(suite);
    add_key_tests(suite);
    tcase_add_checked_fixture(torture, world_setup, world_teardown);
    tcase_add_loop_test(torture, nothing_is_lost_or_doubled, 0, 12);
    tcase_add_loop_test(torture, nothing_is_lost_in_take_overs, 0, 6);
    suite_add_tcase(suite, torture);
    return suite;
}
