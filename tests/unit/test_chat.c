/* The chat from the outside: what each client is sent. */
#include "chat/chat.h"

#include <check.h>

#include "unit/chat_world.h"

Suite *suite_chat(void);

#define A (&peers[0])
#define B (&peers[1])
#define C (&peers[2])
#define D (&peers[3])

#define SAY(text) "{\"type\":\"say\",\"text\":\"" text "\"}"

/* ---- the tutorial ---- */

START_TEST(two_people_talk)
{
    enter(A, 1700000000000, CODEC_TEXT);
    enter(B, 2, CODEC_TEXT);
    expect_nothing(A);
    expect_nothing(B);
    SEND(A, "hi");
    expect(A, "You wrote: hi");
    expect(B, "Client #1700000000000 says: hi");
    SEND(B, "hello");
    expect(A, "Client #2 says: hello");
    expect(B, "You wrote: hello");
    leave(B, false);
    expect(A, "Client #2 left the chat");
    expect_nothing(A);
    expect_nothing(B);
    check_books();
}
END_TEST

START_TEST(two_people_talk_in_example_1)
{
    config.broadcast_all = true;
    world_restart();
    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_TEXT);
    SEND(A, "hi");
    expect(A, "You wrote: hi");
    expect(A, "Client #1 says: hi");
    expect(B, "Client #1 says: hi");
    leave(A, false);
    expect(B, "Client #1 left the chat");
    expect_nothing(A);
    expect_nothing(B);
}
END_TEST

/* The bytes on the codec, in the modes `others` and `all`. */
START_TEST(exact_bytes)
{
    static const char others[] = "\x81\x0dYou wrote: hi\x81\x11"
                                 "Client #2 says: x";
    static const char all[] = "\x81\x0dYou wrote: hi\x81\x12"
                              "Client #1 says: hi\x81\x11"
                              "Client #2 says: x";
    const char *expected = _i == 0 ? others : all;
    size_t len = _i == 0 ? sizeof(others) - 1 : sizeof(all) - 1;

    config.broadcast_all = _i == 1;
    world_restart();
    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_TEXT);
    SEND(A, "hi");
    SEND(B, "x");
    fetch(A);
    ck_assert_uint_eq(A->got_len, len);
    ck_assert_mem_eq(A->got, expected, len);
}
END_TEST

START_TEST(any_text_is_said)
{
    static const char *const texts[] = {"", "<b>&amp;</b>", "\n", "{\"type\":\"say\"}",
                                        "\xe2\x82\xac"};

    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_TEXT);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        SEND(A, "%s", texts[i]);
        expect(A, "You wrote: %s", texts[i]);
        expect(B, "Client #1 says: %s", texts[i]);
    }
}
END_TEST

/* Frame headers have three lengths, and those of `says` and `You wrote` are not always the same. */
START_TEST(texts_of_every_length)
{
    char text[1001] = {0};

    config.broadcast_all = _i == 1;
    world_restart();
    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_TEXT);
    for (size_t len = 0; len <= 1000; len += len > 130 && len < 990 ? 53 : 1) {
        memset(text, 'x', len);
        text[len] = '\0';
        SEND(A, "%s", text);
        expect(A, "You wrote: %s", text);
        if (_i == 1)
            expect(A, "Client #1 says: %s", text);
        expect(B, "Client #1 says: %s", text);
    }
    expect_nothing(A);
}
END_TEST

START_TEST(both_wires_share_a_room)
{
    struct chat_entry entry = entry_of(2, CODEC_V1);

    enter(A, 1, CODEC_TEXT);
    entry.name = STR("ada");
    enter_as(B, &entry);
    skip_all(B);
    expect_nothing(A);
    SEND(A, "hi");
    expect(A, "You wrote: hi");
    expect(B,
           "{\"type\":\"message\",\"pos\":\"%s\",\"ts\":5,\"from\":1,\"name\":\"\",\"text\":"
           "\"hi\"}",
           pos_in(LOBBY, 3));
    SEND(B, "{\"type\":\"say\",\"text\":\"a\\nb\",\"ref\":\"c-17\"}");
    expect(A, "Client #2 says: a\nb");
    expect(B,
           "{\"type\":\"message\",\"pos\":\"%s\",\"ts\":5,\"from\":2,\"name\":\"ada\",\"text\":"
           "\"a\\nb\",\"ref\":\"c-17\"}",
           pos_in(LOBBY, 4));
    expect_nothing(A);
    expect_nothing(B);
}
END_TEST

/* The author is not told twice where everybody gets everything anyhow. */
START_TEST(v1_authors_hear_themselves_once)
{
    config.broadcast_all = _i == 1;
    world_restart();
    enter(A, 1, CODEC_V1);
    skip_all(A);
    SEND(A, SAY("hi"));
    expect_start(A, "{\"type\":\"message\"");
    expect_nothing(A);
}
END_TEST

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* What was said in the next message, whoever said it. */
static const char *next_text(struct peer *peer)
{
    const char *message;

    fetch(peer);
    message = next_message(peer);
    ck_assert_ptr_nonnull(message);
    ck_assert_ptr_nonnull(strstr(message, ": "));
    return strstr(message, ": ") + 2;
}

/* Everybody sees the same messages in the same order, whatever each socket takes at a time. */
START_TEST(one_order_for_all)
{
    uint64_t state = (uint64_t)_i;

    config.max_lag = 1 << 20;
    world_restart();
    for (int i = 0; i < 6; i++) {
        enter(&peers[i], (uint64_t)i + 1, CODEC_TEXT);
        peers[i].window = 1 + next_random(&state) % 40;
    }
    for (int turn = 0; turn < 500; turn++) {
        SEND(&peers[next_random(&state) % 6], "%d", turn);
        if (next_random(&state) % 4 == 0)
            settle();
    }
    for (int i = 0; i < 6; i++) {
        peers[i].window = SIZE_MAX;
        for (int turn = 0; turn < 500; turn++)
            ck_assert_int_eq(atoi(next_text(&peers[i])), turn);
        expect_nothing(&peers[i]);
    }
}
END_TEST

/* ---- leaving ---- */

enum { CLOSED, BROKEN, CLOSED_IN_FLUSH, BROKEN_IN_FLUSH, TOO_SLOW, OVERRUN, WAYS };

static void go(struct peer *peer, int way)
{
    if (way == CLOSED || way == BROKEN) {
        leave(peer, way == BROKEN);
    } else if (way == CLOSED_IN_FLUSH || way == BROKEN_IN_FLUSH) {
        peer->leaves_in_flush = true;
        peer->breaks = way == BROKEN_IN_FLUSH;
    } else {
        peer->window = 0;
        peer->is_blocked = way == TOO_SLOW;
    }
}

/* Says so much that whoever does not read falls too far behind. Returns how many were seen to
 * leave. */
static int say_a_lot(struct peer *peer)
{
    char text[1000] = {0};
    const char *message;
    int said = 0, left = 0;

    memset(text, 'x', sizeof(text) - 1);
    for (int i = 0; i < 40; i++) {
        SEND(peer, "%s", text);
        fetch(peer);
        while ((message = next_message(peer)) != NULL) {
            said += strncmp(message, "You wrote: xxx", 14) == 0;
            left += strcmp(message, "Client #2 left the chat") == 0;
        }
    }
    ck_assert_int_eq(said, 40);
    return left;
}

START_TEST(leaves_once)
{
    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_TEXT);
    enter(C, 3, CODEC_TEXT);
    go(B, _i);
    if (_i == TOO_SLOW || _i == OVERRUN) {
        ck_assert_int_eq(say_a_lot(A), 1);
        ck_assert(B->was_closed);
        skip_all(C);
    } else {
        SEND(A, "hi");
        expect(A, _i < CLOSED_IN_FLUSH ? "Client #2 left the chat" : "You wrote: hi");
        expect(A, _i < CLOSED_IN_FLUSH ? "You wrote: hi" : "Client #2 left the chat");
        expect(C, _i < CLOSED_IN_FLUSH ? "Client #2 left the chat" : "Client #1 says: hi");
        expect(C, _i < CLOSED_IN_FLUSH ? "Client #1 says: hi" : "Client #2 left the chat");
    }
    pass(100000);
    expect_nothing(A);
    expect_nothing(C);
    ck_assert_ptr_null(client_table_find(&chat.clients, 2));
    check_books();
    reconnect(B);
    B->window = SIZE_MAX;
    enter(B, 2, CODEC_TEXT);
    expect_nothing(A);
}
END_TEST

/* Whoever stays hears all of it, and memory for whoever does not read is bounded. */
START_TEST(a_slow_reader_is_nobodys_problem)
{
    const char *message;
    int heard = 0, left = 0;

    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_TEXT);
    enter(C, 3, CODEC_TEXT);
    B->window = 10;
    ck_assert_int_eq(say_a_lot(A), 1);
    fetch(C);
    while ((message = next_message(C)) != NULL) {
        heard += strncmp(message, "Client #1 says: xxx", 19) == 0;
        left += strcmp(message, "Client #2 left the chat") == 0;
    }
    ck_assert_int_eq(heard, 40);
    ck_assert_int_eq(left, 1);
    ck_assert(B->was_closed && !B->is_cut);
    ck_assert_uint_le(B->out.queued, 65536);
}
END_TEST

/* A frame that was begun is completed, unless the ring has given it up. */
START_TEST(a_slow_reader_gets_whole_frames)
{
    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_TEXT);
    B->window = 1;
    ck_assert_int_eq(say_a_lot(A), 1);
    ck_assert(B->was_closed && !B->is_cut);
    B->window = SIZE_MAX;
    fetch(B);
    ck_assert_ptr_nonnull(next_message(B));
    while (next_message(B) != NULL)
        ;
    ck_assert_uint_eq(B->got_read, B->got_len);
}
END_TEST

START_TEST(several_leave_in_one_flush)
{
    for (int i = 0; i < 6; i++)
        enter(&peers[i], (uint64_t)i + 1, i % 2 == 0 ? CODEC_TEXT : CODEC_V1);
    for (int i = 1; i < 5; i++) {
        skip_all(&peers[i]);
        peers[i].leaves_in_flush = true;
    }
    skip_all(&peers[5]);
    SEND(A, "bye");
    settle();
    expect(A, "You wrote: bye");
    for (int i = 0; i < 4; i++)
        expect_start(A, "Client #");
    expect_nothing(A);
    expect_start(&peers[5], "{\"type\":\"message\"");
    for (int i = 0; i < 4; i++)
        expect_start(&peers[5], "{\"type\":\"leave\"");
    expect_nothing(&peers[5]);
    ck_assert_uint_eq(chat.clients.count, 2);
    check_books();
}
END_TEST

/* What a client is still to be sent goes with its connection. */
START_TEST(answers_outlive_the_seat)
{
    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_TEXT);
    SEND(A, "hi");
    SEND(B, "ho");
    if (WORLD_IS_LATE)
        commit_all();
    leave(A, false);
    expect(A, "You wrote: hi");
    expect(A, "Client #2 says: ho");
    expect_nothing(A);
}
END_TEST

START_TEST(nobody_is_told_of_the_end)
{
    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_V1);
    enter(C, 3, CODEC_V1);
    skip_all(A);
    skip_all(C);
    chat_stop(&chat);
    leave(B, true);
    expect_nothing(A);
    expect_nothing(C);
    leave(C, true);
    leave(A, true);
    settle();
    ck_assert_uint_eq(chat.clients.count, 0);
    ck_assert_uint_eq(chat.channels.count, 0);
}
END_TEST

/* ---- ids and seats ---- */

START_TEST(an_id_has_one_holder)
{
    struct chat_entry entry = entry_of(1, (enum codec_kind)_i);

    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_TEXT);
    ck_assert_int_eq(try_enter(C, &entry), CHAT_ID_TAKEN);
    ck_assert(sendq_is_empty(&C->out));
    ck_assert_ptr_null(C->out.box);
    entry.room = STR("elsewhere");
    ck_assert_int_eq(try_enter(C, &entry), CHAT_ID_TAKEN);
    ck_assert_ptr_null(room_named("elsewhere"));
    entry.key = STR("a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0");
    ck_assert_int_eq(try_enter(C, &entry), CHAT_ID_TAKEN);
    entry.key = STR("00000000000000000000000000000000");
    ck_assert_int_eq(try_enter(C, &entry), CHAT_ID_TAKEN);
    ck_assert(!A->is_replaced);
    expect_nothing(A);
    expect_nothing(B);
    ck_assert_uint_eq(chat.clients.count, 2);
    check_books();
}
END_TEST

START_TEST(full_table)
{
    struct chat_entry entry = entry_of(3, (enum codec_kind)_i);

    config.max_clients = 2;
    world_restart();
    enter(A, 1, CODEC_TEXT);
    ck_assert(!chat_is_full(&chat));
    enter(B, 2, CODEC_TEXT);
    ck_assert(chat_is_full(&chat));
    ck_assert(chat_has_id(&chat, 2));
    ck_assert(!chat_has_id(&chat, 3));
    entry.room = STR("elsewhere");
    ck_assert_int_eq(try_enter(C, &entry), CHAT_FULL);
    ck_assert(sendq_is_empty(&C->out));
    ck_assert_ptr_null(room_named("elsewhere"));
    expect_nothing(A);
    expect_nothing(B);
    leave(A, false);
    settle();
    ck_assert(!chat_is_full(&chat));
    ck_assert_int_eq(try_enter(C, &entry), CHAT_OK);
    check_books();
}
END_TEST

START_TEST(smallest_and_largest_id)
{
    enter(A, 1, CODEC_TEXT);
    enter(B, CODEC_ID_MAX, CODEC_TEXT);
    SEND(B, "hi");
    expect(A, "Client #9223372036854775807 says: hi");
    SEND(A, "ho");
    expect(B, "You wrote: hi");
    expect(B, "Client #1 says: ho");
}
END_TEST

/* ---- rooms ---- */

static void enter_room(struct peer *peer, uint64_t id, enum codec_kind codec, const char *room)
{
    struct chat_entry entry = entry_of(id, codec);

    entry.room = str_from(room);
    enter_as(peer, &entry);
}

START_TEST(rooms_are_apart)
{
    enter_room(A, 1, CODEC_TEXT, "a");
    enter_room(B, 2, CODEC_V1, "a");
    enter_room(C, 3, CODEC_TEXT, "b");
    enter_room(D, 4, CODEC_V1, "b");
    skip_all(B);
    skip_all(D);
    ck_assert_uint_eq(chat.channels.count, 2);
    SEND(A, "hi");
    SEND(B, "{\"type\":\"rename\",\"name\":\"x\"}");
    expect(A, "You wrote: hi");
    expect_start(B, "{\"type\":\"message\"");
    expect_start(B, "{\"type\":\"rename\"");
    leave(A, false);
    expect_start(B, "{\"type\":\"leave\"");
    SEND(B, "{\"type\":\"say\",\"text\":\"psst\",\"to\":3,\"ref\":\"r\"}");
    expect_start(B, "{\"type\":\"error\",\"code\":\"no-such-client\"");
    expect_nothing(C);
    expect_nothing(D);
    check_books();
}
END_TEST

/* So that a tick has time for a few of them only. */
static size_t serve_dearly(struct sendq *out)
{
    flush_peer(peer_of(out));
    return 300;
}

static size_t count_served(int from, int to)
{
    size_t count = 0;

    for (int i = from; i < to; i++)
        count += sendq_is_empty(&peers[i].out);
    return count;
}

/* Serving the crowd takes more than one tick, and the small room is told in the first. */
START_TEST(a_crowd_does_not_keep_a_small_room_waiting)
{
    int ticks = 0;

    for (int i = 0; i < 14; i++)
        enter_room(&peers[i], (uint64_t)i + 1, CODEC_TEXT, i < 12 ? "crowd" : "small");
    settle();
    SEND(&peers[0], "many");
    SEND(&peers[12], "few");
    commit_all();
    chat_set_time(&chat, chat.now, chat.wall);
    do
        chat_serve(&chat, serve_dearly);
    while (chat_has_news(&chat));
    ck_assert_uint_eq(count_served(12, 14), 2);
    ck_assert_uint_gt(count_served(0, 12), 0);
    ck_assert_uint_lt(count_served(0, 12), 12);
    for (; count_served(0, 12) < 12 && ticks < 12; ticks++) {
        ck_assert_uint_le(chat_deadline(&chat), chat.now);
        chat_set_time(&chat, chat.now, chat.wall);
        chat_serve(&chat, serve_dearly);
    }
    expect(&peers[0], "You wrote: many");
    for (int i = 1; i < 12; i++)
        expect(&peers[i], "Client #1 says: many");
    expect(&peers[12], "You wrote: few");
    expect(&peers[13], "Client #13 says: few");
    for (int i = 0; i < 14; i++)
        expect_nothing(&peers[i]);
    check_books();
}
END_TEST

/* Who speaks faster than a crowd can be told is held, so that nobody in it seems to be slow. */
START_TEST(a_crowd_holds_who_speaks_too_fast)
{
    char text[901] = "";
    int said = 0;

    memset(text, 'x', sizeof(text) - 1);
    config.max_lag = 1 << 20;
    world_restart();
    for (int i = 0; i < 12; i++)
        enter(&peers[i], (uint64_t)i + 1, CODEC_TEXT);
    settle();
    SEND(A, "many");
    commit_all();
    chat_set_time(&chat, chat.now, chat.wall);
    chat_serve(&chat, serve_dearly);
    ck_assert_uint_lt(count_served(0, 12), 12);
    for (; said < 1000 && chat_may_speak(&chat, A->client); said++) {
        SEND(A, "%s", text);
        commit_all();
    }
    ck_assert_int_gt(said, 10);
    ck_assert_int_lt(said, 100);
    ck_assert_uint_eq(resumes, 0);
    settle();
    ck_assert_uint_eq(resumes, 1);
    ck_assert(chat_may_speak(&chat, A->client));
    ck_assert_uint_eq(count_served(0, 12), 12);
    check_books();
}
END_TEST

/* ... unless the tick is the last. */
START_TEST(a_lifted_budget_serves_all)
{
    for (int i = 0; i < 14; i++)
        enter(&peers[i], (uint64_t)i + 1, CODEC_TEXT);
    settle();
    SEND(&peers[0], "many");
    commit_all();
    chat_lift(&chat);
    chat_serve(&chat, serve_dearly);
    ck_assert_uint_eq(count_served(0, 14), 14);
    ck_assert(!chat_has_news(&chat));
}
END_TEST

static size_t count_away(void)
{
    size_t count = 0;

    for (size_t i = 0; i < chat.clients.used; i++)
        count += chat.clients.clients[i].state == SEAT_AWAY;
    return count;
}

/* A network that broke broke for many: their seats are not all given up in one tick. */
START_TEST(seats_of_many_are_given_up_bit_by_bit)
{
    for (int i = 0; i < 14; i++)
        enter(&peers[i], (uint64_t)i + 1, CODEC_V1);
    settle();
    for (int i = 0; i < 14; i++)
        leave(&peers[i], true);
    settle();
    ck_assert_uint_eq(count_away(), 14);
    chat_set_time(&chat, chat.now + 5000, chat.wall);
    chat_expire(&chat);
    ck_assert_uint_gt(count_away(), 0);
    ck_assert_uint_lt(count_away(), 14);
    ck_assert_uint_le(chat_deadline(&chat), chat.now);
    settle();
    ck_assert_uint_eq(count_away(), 0);
    check_seats(0);
}
END_TEST

START_TEST(rooms_come_and_go)
{
    uint64_t epoch;

    config.history = (size_t)_i;
    world_restart();
    enter_room(A, 1, CODEC_TEXT, "a");
    epoch = room_named("a")->log.epoch;
    enter_room(B, 2, CODEC_TEXT, "a");
    leave(A, false);
    settle();
    ck_assert_uint_eq(chat.channels.count, 1);
    leave(B, false);
    settle();
    ck_assert_uint_eq(chat.channels.count, 0);
    ck_assert_uint_eq(chat.record_bytes, 0);
    settle();
    reconnect(A);
    enter_room(A, 1, CODEC_TEXT, "a");
    ck_assert_uint_ne(room_named("a")->log.epoch, epoch);
    SEND(A, "hi");
    leave(A, false);
    settle();
    ck_assert_uint_eq(chat.channels.count, _i == 0 ? 0 : 1);
    check_books();
}
END_TEST

START_TEST(room_names_are_bytes)
{
    char name[64];

    memset(name, 'r', sizeof(name));
    for (size_t len = 1; len <= sizeof(name); len += 21) {
        struct chat_entry entry = entry_of(len, CODEC_TEXT);

        entry.room = (struct str){name, len};
        enter_as(&peers[len / 21], &entry);
        ck_assert_uint_eq(chat.channels.count, len / 21 + 1);
    }
    check_books();
}
END_TEST

/* Many names over few buckets: each chain finds its own. */
START_TEST(many_rooms)
{
    char name[16];

    config.max_clients = 1;
    config.history = 1;
    world_restart();
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof(name), "%d", i);
        enter_room(A, 1, CODEC_TEXT, name);
        SEND(A, "%d", i);
        leave(A, false);
        settle();
        reconnect(A);
    }
    ck_assert_uint_eq(chat.channels.count, 50);
    for (int i = 0; i < 50; i += 3) {
        struct chat_entry entry = entry_of(1, CODEC_TEXT);

        snprintf(name, sizeof(name), "%d", i);
        entry.room = str_from(name);
        entry.history = 1;
        enter_as(A, &entry);
        expect(A, "Client #1 says: %d", i);
        leave(A, false);
        settle();
        reconnect(A);
    }
    settle();
    check_books();
}
END_TEST

/* ---- wschat.v1 ---- */

START_TEST(welcome_tells_all)
{
    struct chat_entry entry = entry_of(1, CODEC_V1);

    entry.name = STR("ada");
    enter_as(A, &entry);
    expect(A,
           "{\"type\":\"welcome\",\"id\":1,\"room\":\"lobby\",\"name\":\"ada\",\"pos\":\"%s\","
           "\"recovered\":false,\"key\":\"a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\",\"count\":1,"
           "\"members\":[{\"id\":1,\"name\":\"ada\"}],\"limits\":{\"message\":1000},\"mod\":true}",
           pos_in(LOBBY, 0));
    enter(B, 2, CODEC_TEXT);
    enter(C, 3, CODEC_V1);
    expect(C,
           "{\"type\":\"welcome\",\"id\":3,\"room\":\"lobby\",\"name\":\"\",\"pos\":\"%s\","
           "\"recovered\":false,\"key\":\"a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2\",\"count\":3,"
           "\"members\":[{\"id\":3,\"name\":\"\"},{\"id\":1,\"name\":\"ada\"},"
           "{\"id\":2,\"name\":\"\"}],\"limits\":{\"message\":1000},\"mod\":true}",
           pos_in(LOBBY, 2));
    expect_nothing(C);
}
END_TEST

/* At most presence_limit members are listed, and the newcomer is one of them. */
START_TEST(welcome_is_bounded)
{
    static const char *const others[] = {"", "", ",{\"id\":1,\"name\":\"\"}",
                                         ",{\"id\":2,\"name\":\"\"}", ",{\"id\":3,\"name\":\"\"}"};
    char members[200] = "\"members\":[";
    const char *message;

    config.presence_limit = (size_t)_i;
    world_restart();
    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_TEXT);
    enter(C, 3, CODEC_TEXT);
    enter(D, 4, CODEC_V1);
    fetch(D);
    message = next_message(D);
    ck_assert_ptr_nonnull(strstr(message, "\"count\":4,"));
    if (_i > 0)
        strncat(members, "{\"id\":4,\"name\":\"\"}", 50);
    for (int i = 0; i <= _i && i <= 4; i++)
        strncat(members, others[i], 50);
    strncat(members, "],", 50);
    ck_assert_ptr_nonnull(strstr(message, members));
}
END_TEST

START_TEST(comings_and_goings)
{
    struct chat_entry entry = entry_of(2, CODEC_V1);

    enter(A, 1, CODEC_V1);
    skip_all(A);
    entry.name = STR("ada");
    enter_as(B, &entry);
    expect(A, "{\"type\":\"join\",\"pos\":\"%s\",\"ts\":5,\"from\":2,\"name\":\"ada\"}",
           pos_in(LOBBY, 2));
    SEND(B, "{\"type\":\"rename\",\"name\":\"bob\",\"ref\":\"x\"}");
    expect(A, "{\"type\":\"rename\",\"pos\":\"%s\",\"ts\":5,\"from\":2,\"name\":\"bob\"}",
           pos_in(LOBBY, 3));
    skip_all(B);
    enter(C, 3, CODEC_TEXT);
    expect(A, "{\"type\":\"join\",\"pos\":\"%s\",\"ts\":5,\"from\":3,\"name\":\"\"}",
           pos_in(LOBBY, 4));
    leave(B, false);
    expect(A, "{\"type\":\"leave\",\"pos\":\"%s\",\"ts\":5,\"from\":2,\"name\":\"bob\"}",
           pos_in(LOBBY, 5));
    expect(C, "Client #2 left the chat");
    expect_nothing(A);
    expect_nothing(C);
}
END_TEST

START_TEST(names_change)
{
    enter(A, 1, CODEC_V1);
    skip_all(A);
    SEND(A, "{\"type\":\"rename\",\"name\":\"ada\"}");
    expect_start(A, "{\"type\":\"rename\"");
    SEND(A, SAY("hi"));
    expect(A,
           "{\"type\":\"message\",\"pos\":\"%s\",\"ts\":5,\"from\":1,\"name\":\"ada\",\"text\":"
           "\"hi\"}",
           pos_in(LOBBY, 3));
    SEND(A, "{\"type\":\"rename\",\"name\":\"\"}");
    expect(A, "{\"type\":\"rename\",\"pos\":\"%s\",\"ts\":5,\"from\":1,\"name\":\"\"}",
           pos_in(LOBBY, 4));
    SEND(A, "{\"type\":\"rename\",\"name\":\"a\\nb\"}");
    expect_start(A, "{\"type\":\"error\",\"code\":\"bad-name\"");
    ck_assert_uint_eq(A->client->name_len, 0);
    expect_nothing(A);
}
END_TEST

START_TEST(errors_are_for_the_sender)
{
    enter(A, 1, CODEC_V1);
    enter(B, 2, CODEC_V1);
    skip_all(A);
    skip_all(B);
    wakes = 0;
    SEND(A, "hi");
    ck_assert_uint_eq(wakes, 1);
    expect_start(A, "{\"type\":\"error\",\"code\":\"bad-json\",\"text\":\"");
    SEND(A, "{\"type\":\"shout\",\"ref\":\"r\"}");
    expect_start(A, "{\"type\":\"error\",\"code\":\"bad-type\"");
    SEND(A, "{\"type\":\"say\",\"ref\":\"r\"}");
    expect(A, "{\"type\":\"error\",\"code\":\"bad-text\",\"text\":\"\\\"text\\\" must be a "
              "string\",\"ref\":\"r\"}");
    SEND(A, "{\"type\":\"say\",\"text\":\"\",\"ref\":1}");
    expect_start(A, "{\"type\":\"error\",\"code\":\"bad-ref\"");
    SEND(A, SAY("still here"));
    expect_start(A, "{\"type\":\"message\"");
    expect_start(B, "{\"type\":\"message\"");
    expect_nothing(B);
}
END_TEST

/* ---- direct messages ---- */

START_TEST(direct_messages)
{
    enter(A, 1, CODEC_V1);
    enter(B, 2, CODEC_V1);
    enter(C, 3, CODEC_TEXT);
    skip_all(A);
    skip_all(B);
    wakes = 0;
    SEND(A, "{\"type\":\"say\",\"text\":\"psst\",\"to\":2,\"ref\":\"c-18\"}");
    ck_assert_uint_eq(wakes, 2);
    for (int i = 0; i < 2; i++)
        expect(&peers[i], "{\"type\":\"direct\",\"ts\":5,\"from\":1,\"to\":2,\"name\":\"\","
                          "\"text\":\"psst\",\"ref\":\"c-18\"}");
    SEND(A, "{\"type\":\"say\",\"text\":\"psst\",\"to\":3}");
    expect(C, "Client #1 whispers: psst");
    expect_start(A, "{\"type\":\"direct\"");
    SEND(A, "{\"type\":\"say\",\"text\":\"me\",\"to\":1}");
    expect(A, "{\"type\":\"direct\",\"ts\":5,\"from\":1,\"to\":1,\"name\":\"\",\"text\":\"me\"}");
    for (int i = 0; i < 3; i++)
        expect_nothing(&peers[i]);
    /* It is nobody else's, later either. */
    ck_assert_uint_eq(room_named(LOBBY)->messages.count, 0);
    ck_assert_uint_eq(room_named(LOBBY)->log.committed, 3);
}
END_TEST

START_TEST(direct_to_nobody)
{
    enter(A, 1, CODEC_V1);
    enter(B, 2, CODEC_V1);
    skip_all(A);
    SEND(A, "{\"type\":\"say\",\"text\":\"\",\"to\":9,\"ref\":\"r\"}");
    expect(A, "{\"type\":\"error\",\"code\":\"no-such-client\",\"text\":"
              "\"nobody in this room has that id\",\"ref\":\"r\"}");
    skip_all(A);
    leave(B, true);
    SEND(A, "{\"type\":\"say\",\"text\":\"\",\"to\":2,\"ref\":\"r\"}");
    expect_start(A, "{\"type\":\"error\",\"code\":\"away\"");
    pass(5000);
    expect_start(A, "{\"type\":\"leave\"");
    SEND(A, "{\"type\":\"say\",\"text\":\"\",\"to\":2,\"ref\":\"r\"}");
    expect_start(A, "{\"type\":\"error\",\"code\":\"no-such-client\"");
    expect_nothing(A);
}
END_TEST

/* Whoever does not read gets no more than max_lag bytes of direct messages. */
START_TEST(direct_to_somebody_busy)
{
    int sent = 0;

    enter(A, 1, CODEC_V1);
    enter(B, 2, CODEC_V1);
    skip_all(A);
    skip_all(B);
    B->window = 0;
    for (;;) {
        const char *message;

        SEND(A, "{\"type\":\"say\",\"text\":\"0123456789\",\"to\":2,\"ref\":\"r\"}");
        fetch(A);
        message = next_message(A);
        if (strstr(message, "\"code\":\"busy\"") != NULL)
            break;
        ck_assert_int_lt(++sent, 100);
    }
    ck_assert_uint_gt(B->out.queued, config.max_lag);
    ck_assert_uint_lt(B->out.queued, config.max_lag + 200);
    B->window = SIZE_MAX;
    for (int i = 0; i < sent; i++)
        expect_start(B, "{\"type\":\"direct\"");
    expect_nothing(B);
    SEND(A, "{\"type\":\"say\",\"text\":\"\",\"to\":2}");
    expect_start(A, "{\"type\":\"direct\"");
}
END_TEST

/* ---- crowds ---- */

static void start_crowd(size_t limit)
{
    config.presence_limit = limit;
    world_restart();
}

START_TEST(joins_up_to_the_limit)
{
    start_crowd(3);
    enter(A, 1, CODEC_V1);
    enter(B, 2, CODEC_TEXT);
    skip_all(A);
    enter(C, 3, CODEC_TEXT);
    expect_start(A, "{\"type\":\"join\"");
    enter(D, 4, CODEC_V1);
    expect(A, "{\"type\":\"count\",\"count\":4}");
    expect_start(D, "{\"type\":\"welcome\"");
    expect(D, "{\"type\":\"count\",\"count\":4}");
    enter(&peers[4], 5, CODEC_TEXT);
    expect(A, "{\"type\":\"count\",\"count\":5}");
    leave(&peers[4], false);
    expect(A, "{\"type\":\"count\",\"count\":4}");
    expect(B, "Client #5 left the chat");
    leave(C, false);
    expect_start(A, "{\"type\":\"leave\"");
    expect(B, "Client #3 left the chat");
    enter(C, 3, CODEC_TEXT);
    expect(A, "{\"type\":\"count\",\"count\":4}");
    expect_nothing(A);
    expect_nothing(B);
}
END_TEST

/* Somebody leaves while its room is served, which takes more than one tick. */
START_TEST(a_count_is_told_behind_a_long_walk)
{
    start_crowd(1);
    enter(A, 1, CODEC_V1);
    for (int i = 1; i < 14; i++)
        enter(&peers[i], (uint64_t)i + 1, CODEC_TEXT);
    settle();
    skip_all(A);
    SEND(B, "many");
    commit_all();
    chat_set_time(&chat, chat.now, chat.wall);
    chat_serve(&chat, serve_dearly);
    ck_assert_uint_lt(count_served(1, 14), 13);
    leave(C, false);
    commit_all();
    settle();
    expect_start(A, "{\"type\":\"message\"");
    expect(A, "{\"type\":\"count\",\"count\":13}");
    expect_nothing(A);
}
END_TEST

/* A newcomer costs nothing to those who do not hear of it: plain clients are not told of joins, and
 * nobody of its own. */
START_TEST(a_flush_visits_only_those_with_news)
{
    unsigned count = _i < 4; /* a crowd's number is told to the newcomer, too */

    start_crowd((size_t)_i);
    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_TEXT);
    enter(C, 3, CODEC_TEXT);
    settle();
    ck_assert_uint_eq(visits, 0);
    enter(D, 4, CODEC_V1);
    settle();
    ck_assert_uint_eq(visits, count);
    enter(&peers[4], 5, CODEC_TEXT);
    settle();
    ck_assert_uint_eq(visits, count + 1);
    SEND(A, "x");
    settle();
    ck_assert_uint_eq(visits, count + 1 + 5);
}
END_TEST

/* Many comings and goings in one tick are one count. */
START_TEST(counts_are_few)
{
    start_crowd(1);
    enter(A, 1, CODEC_V1);
    for (int i = 1; i < 8; i++)
        enter(&peers[i], (uint64_t)i + 1, CODEC_TEXT);
    skip_all(A);
    skip_all(B);
    for (int i = 4; i < 8; i++)
        leave(&peers[i], false);
    if (WORLD_IS_LATE)
        commit_all();
    expect(A, "{\"type\":\"count\",\"count\":4}");
    expect_nothing(A);
    for (unsigned i = 4; i < 8; i++)
        expect(B, "Client #%u left the chat", i + 1);
    expect_nothing(B);
}
END_TEST

/* Who is not told of joins is not told of them later either. */
START_TEST(crowds_are_not_replayed)
{
    struct chat_entry entry = entry_of(1, CODEC_V1);

    start_crowd(1);
    enter(A, 1, CODEC_V1);
    SEND(A, SAY("first"));
    skip_all(A);
    leave(A, true);
    enter(B, 2, CODEC_TEXT);
    SEND(B, "hi");
    settle();
    reconnect(A);
    entry.since = str_from(A->pos);
    entry.key = str_from(A->key);
    enter_as(A, &entry);
    expect_start(A, "{\"type\":\"welcome\"");
    expect_start(A, "{\"type\":\"message\"");
    expect_nothing(A);
}
END_TEST

START_TEST(names_are_told_in_a_crowd)
{
    start_crowd(1);
    enter(A, 1, CODEC_V1);
    enter(B, 2, CODEC_V1);
    skip_all(A);
    SEND(B, "{\"type\":\"rename\",\"name\":\"ada\"}");
    expect_start(A, "{\"type\":\"rename\"");
}
END_TEST

/* A count that is due when the ring is nearly full finds its place: nobody loses anything for it.
 */
START_TEST(counts_find_room)
{
    config.max_message = 0;
    config.max_lag = 0;
    for (int len = 0; len <= CODEC_NAME_MAX; len++) {
        const char *message;
        bool was_told = false;

        start_crowd(1);
        enter(A, 1, CODEC_V1);
        enter(B, 2, CODEC_V1);
        while (chat_may_speak(&chat, A->client)) {
            SEND(A, "{\"type\":\"rename\",\"name\":\"%.*s\"}", len,
                 "0123456789012345678901234567890123456789012345678901234567890123");
#ifdef WORLD_LATE
            break; /* each is served before the next */
#endif
        }
        fetch(B);
        ck_assert(!A->was_closed && !B->was_closed);
        while ((message = next_message(B)) != NULL)
            was_told = was_told || strcmp(message, "{\"type\":\"count\",\"count\":2}") == 0;
        ck_assert(was_told);
    }
}
END_TEST

/* ---- rings ---- */

/* The rings of a busy room grow, and go when it has been quiet for a while. */
START_TEST(quiet_rooms_give_memory_back)
{
    enter(A, 1, CODEC_TEXT);
    ck_assert_uint_eq(chat_deadline(&chat), UINT64_MAX);
    SEND(A, "hi");
    settle();
    ck_assert_uint_gt(room_named(LOBBY)->audience.ring[RENDITION_TEXT].size, 0);
    ck_assert_uint_gt(chat_deadline(&chat), chat.now);
    ck_assert_uint_lt(chat_deadline(&chat), chat.now + 60000);
    pass(chat_deadline(&chat) - chat.now);
    ck_assert_uint_eq(room_named(LOBBY)->audience.ring[RENDITION_TEXT].size, 0);
    ck_assert_uint_eq(chat_deadline(&chat), UINT64_MAX);
    SEND(A, "ho");
    expect(A, "You wrote: hi");
    expect(A, "You wrote: ho");
}
END_TEST

START_TEST(quiet_rooms_keep_what_is_wanted)
{
    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_TEXT);
    B->window = 0;
    SEND(A, "hi");
    settle();
    pass(60000);
    B->window = SIZE_MAX;
    expect(B, "Client #1 says: hi");
}
END_TEST

/* Whoever kept a ring from going may be gone without a word in the room. */
START_TEST(quiet_rooms_forget_who_left)
{
    config.leave_grace = 600000;
    world_restart();
    enter(A, 1, CODEC_V1);
    enter(B, 2, CODEC_V1);
    B->window = 0;
    SEND(A, SAY("hi"));
    settle();
    leave(B, true);
    pass(60000);
    ck_assert_uint_eq(room_named(LOBBY)->audience.ring[RENDITION_V1].size, 0);
    ck_assert_uint_eq(chat.clients.count, 2);
}
END_TEST

/* Who speaks waits until the room was served where a longest message might not fit; then it goes
 * on, and nobody has lost anything. Nothing is sent while somebody speaks. */
START_TEST(a_full_ring_holds_who_speaks)
{
    static char text[60001];
    const struct ring *ring;
    int said = 0;

    config.max_lag = 100000;
    config.max_message = 60000;
    world_restart();
    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_V1);
    enter(C, 3, CODEC_TEXT);
    settle();
    ring = &room_named(LOBBY)->audience.ring[RENDITION_TEXT];
    memset(text, 'x', 60000);
    visits = 0;
    for (; chat_may_speak(&chat, A->client); said++) {
        ck_assert_int_eq(try_send(A, "%.20000s", text), 0);
        ck_assert(WORLD_IS_LATE || visits == 0);
    }
    ck_assert_int_ge(said, 3);
    ck_assert(WORLD_IS_LATE || !chat_may_speak(&chat, C->client));
    ck_assert_uint_le(ring->head - ring->tail, ring->max_size);
    settle();
    ck_assert_uint_gt(resumes, 0);
    ck_assert(chat_may_speak(&chat, A->client) && chat_may_speak(&chat, C->client));
    for (; said > 0; said--) {
        ck_assert_uint_eq(strlen(next_text(A)), 20000);
        ck_assert_uint_eq(strlen(next_text(C)), 20000);
    }
    expect_nothing(A);
    expect_nothing(C);
    ck_assert(!B->was_closed);
}
END_TEST

/* ---- torture ---- */

/* What a peer has seen: the numbers of all messages since it came, and who is here. */
struct view {
    int next;
    bool is_here[PEERS + 1];
};

/* A welcome lists who is here. */
static void view_welcome(struct view *view, const char *message)
{
    memset(view->is_here, 0, sizeof(view->is_here));
    for (const char *at = strstr(message, "\"members\""); at != NULL; at = strstr(at, "{\"id\":")) {
        if (*at == '{')
            view->is_here[atoi(at + 6)] = true;
        at++;
    }
}

static void view_message(struct view *view, const char *message, bool is_v1)
{
    const char *text = strstr(message, is_v1 ? "\"text\":\"" : ": ");
    const char *from = strstr(message, is_v1 ? "\"from\":" : "#");
    int id = from == NULL ? 0 : atoi(from + (is_v1 ? 7 : 1));

    if (strstr(message, "\"welcome\"") != NULL) {
        view_welcome(view, message);
    } else if (text != NULL) {
        ck_assert_int_eq(atoi(text + (is_v1 ? 8 : 2)), view->next);
        view->next++;
    } else if (strstr(message, is_v1 ? "\"join\"" : "never") != NULL) {
        ck_assert(!view->is_here[id]);
        view->is_here[id] = true;
    } else if (strstr(message, is_v1 ? "\"leave\"" : "left the chat") != NULL) {
        ck_assert(view->is_here[id] || !is_v1);
        view->is_here[id] = false;
    }
}

static void view_all(struct view *view, struct peer *peer)
{
    bool is_v1 = peer - peers < PEERS / 2;
    const char *message;

    while ((message = next_message(peer)) != NULL)
        view_message(view, message, is_v1);
}

/* It may be found too slow while it still waits for the log. */
static void torture_enter(struct peer *peer, struct view *view, int total)
{
    bool is_v1 = peer - peers < PEERS / 2;
    struct chat_entry entry = entry_of((uint64_t)(peer - peers) + 1, is_v1 ? CODEC_V1 : CODEC_TEXT);

    reconnect(peer);
    peer->leaves_in_flush = false;
    while (chat_has_id(&chat, entry.id))
        end_tick(); /* its leave waits for the log */
    *view = (struct view){.next = total};
    ck_assert_int_eq(try_enter(peer, &entry), CHAT_OK);
}

static void torture_say(struct peer *peer, int number, uint32_t pad)
{
    static const char padding[] = "........................................................";
    const char *more = padding + pad % sizeof(padding);

    if (peer - peers < PEERS / 2)
        SEND(peer, "{\"type\":\"say\",\"text\":\"%d %s\"}", number, more);
    else
        SEND(peer, "%d %s", number, more);
}

/* Sockets narrow and wide, people who come, go in every way and fall behind. Nobody ever misses,
 * doubles or reorders a message, and every one who came leaves once. Peer 0 sees it all. */
START_TEST(people_come_and_go_and_talk)
{
    struct view views[PEERS];
    uint64_t state = (uint64_t)_i + 99;
    int total = 0, closed = 0;

    config.max_message = 300;
    config.max_lag = 600;
    config.leave_grace = 0;
    config.broadcast_all = false;
    world_restart();
    torture_enter(A, &views[0], 0);
    for (int turn = 0; turn < 6000; turn++) {
        int who = (int)(next_random(&state) % PEERS);
        struct peer *peer = &peers[who];
        uint32_t what = next_random(&state) % 16;

        if (peer->client == NULL) {
            closed += peer->was_closed;
            take(peer, SIZE_MAX);
            view_all(&views[who], peer);
            ck_assert(peer->is_cut || peer->got_read == peer->got_len);
            torture_enter(peer, &views[who], total);
        } else if (what < 10) {
            torture_say(peer, total++, next_random(&state));
        } else if (what == 10 && who > 0) {
            leave(peer, next_random(&state) % 2 == 0);
        } else if (what == 11 && who > 0) {
            peer->leaves_in_flush = true;
        } else if (what == 12 && who > 0) {
            peer->window = next_random(&state) % 400;
        } else if (what == 13) {
            take(peer, next_random(&state) % 100);
        } else {
            settle();
            check_books();
        }
        view_all(&views[0], A);
    }
    settle();
    view_all(&views[0], A);
    ck_assert_ptr_nonnull(A->client);
    ck_assert_int_eq(views[0].next, total);
    for (int i = 0; i < PEERS; i++)
        ck_assert(views[0].is_here[i + 1] == (peers[i].client != NULL));
    ck_assert_int_gt(closed, 0);
}
END_TEST

/* ---- after all ---- */

START_TEST(ends_with_people_in_it)
{
    struct chat_entry entry = entry_of(3, CODEC_V1);

    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_V1);
    SEND(A, "hi");
    SEND(B, "{\"type\":\"rename\",\"name\":\"ada\"}");
    leave(B, true);
    entry.history = 10;
    enter_as(C, &entry); /* its queue holds records that outlive the chat */
    chat_deinit(&chat);
    world_forget_peers();
    world_start();
}
END_TEST

START_TEST(counters)
{
    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_V1);
    enter(C, 3, CODEC_V1);
    ck_assert_uint_eq(chat.counters.messages, 0);
    SEND(A, "hi");
    settle();
    ck_assert_uint_eq(chat.counters.messages, 1);
}
END_TEST

/* A join goes to all who read of it but the one who joins; a message to all, its author included.
 */
START_TEST(deliveries_are_counted)
{
    struct chat_entry entry = entry_of(4, CODEC_V1);

    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_V1);
    ck_assert_uint_eq(chat.counters.deliveries, 0);
    enter(C, 3, CODEC_V1);
    ck_assert_uint_eq(chat.counters.deliveries, 1);
    SEND(A, "hi");
    SEND(B, SAY("ho"));
    settle();
    ck_assert_uint_eq(chat.counters.deliveries, 7);
    SEND(B, "{\"type\":\"say\",\"text\":\"psst\",\"to\":1}");
    SEND(B, "{\"type\":\"say\",\"text\":\"psst\",\"to\":9}");
    ck_assert_uint_eq(chat.counters.directs, 1);
    ck_assert_uint_eq(chat.counters.messages, 2);
    ck_assert_uint_eq(chat.counters.deliveries, 7);
    entry.history = 1;
    enter_as(D, &entry);
    ck_assert_uint_eq(chat.counters.replayed, 1);
    ck_assert_uint_eq(chat.counters.deliveries, 9);
    leave(D, false);
    settle();
    ck_assert_uint_eq(chat.counters.deliveries, 12);
}
END_TEST

/* In place of a join, all who read JSON get a number, the newcomer too. */
START_TEST(delivered_numbers_are_counted)
{
    config.presence_limit = 1;
    world_restart();
    enter(A, 1, CODEC_V1);
    enter(B, 2, CODEC_TEXT);
    settle();
    ck_assert_uint_eq(chat.counters.deliveries, 1);
    enter(C, 3, CODEC_V1);
    settle();
    ck_assert_uint_eq(chat.counters.deliveries, 3);
}
END_TEST

static void add_tutorial_tests(Suite *suite)
{
    TCase *cases = tcase_create("tutorial");

    tcase_add_checked_fixture(cases, world_setup, world_teardown);
    tcase_add_test(cases, two_people_talk);
    tcase_add_test(cases, two_people_talk_in_example_1);
    tcase_add_loop_test(cases, exact_bytes, 0, 2);
    tcase_add_test(cases, any_text_is_said);
    tcase_add_loop_test(cases, texts_of_every_length, 0, 2);
    tcase_add_test(cases, both_wires_share_a_room);
    tcase_add_loop_test(cases, v1_authors_hear_themselves_once, 0, 2);
    tcase_add_loop_test(cases, one_order_for_all, 0, 5);
    suite_add_tcase(suite, cases);
}

static void add_leaving_tests(Suite *suite)
{
    TCase *cases = tcase_create("leaving");

    tcase_add_checked_fixture(cases, world_setup, world_teardown);
    tcase_add_loop_test(cases, leaves_once, 0, WAYS);
    tcase_add_test(cases, a_slow_reader_is_nobodys_problem);
    tcase_add_test(cases, a_slow_reader_gets_whole_frames);
    tcase_add_test(cases, several_leave_in_one_flush);
    tcase_add_test(cases, answers_outlive_the_seat);
    tcase_add_test(cases, nobody_is_told_of_the_end);
    suite_add_tcase(suite, cases);
}

static void add_room_tests(Suite *suite)
{
    TCase *cases = tcase_create("rooms");

    tcase_add_checked_fixture(cases, world_setup, world_teardown);
    tcase_add_loop_test(cases, an_id_has_one_holder, 0, CODEC_KINDS);
    tcase_add_loop_test(cases, full_table, 0, CODEC_KINDS);
    tcase_add_test(cases, smallest_and_largest_id);
    tcase_add_test(cases, rooms_are_apart);
    tcase_add_test(cases, a_crowd_does_not_keep_a_small_room_waiting);
    tcase_add_test(cases, a_crowd_holds_who_speaks_too_fast);
    tcase_add_test(cases, a_lifted_budget_serves_all);
    tcase_add_test(cases, seats_of_many_are_given_up_bit_by_bit);
    tcase_add_loop_test(cases, rooms_come_and_go, 0, 2);
    tcase_add_test(cases, room_names_are_bytes);
    tcase_add_test(cases, many_rooms);
    tcase_add_test(cases, quiet_rooms_give_memory_back);
    tcase_add_test(cases, quiet_rooms_keep_what_is_wanted);
    tcase_add_test(cases, quiet_rooms_forget_who_left);
    tcase_add_test(cases, a_full_ring_holds_who_speaks);
    tcase_add_test(cases, ends_with_people_in_it);
    tcase_add_test(cases, counters);
    tcase_add_test(cases, deliveries_are_counted);
    tcase_add_test(cases, delivered_numbers_are_counted);
    suite_add_tcase(suite, cases);
}

static void add_v1_tests(Suite *suite)
{
    TCase *cases = tcase_create("v1");

    tcase_add_checked_fixture(cases, world_setup, world_teardown);
    tcase_add_test(cases, welcome_tells_all);
    tcase_add_loop_test(cases, welcome_is_bounded, 0, 6);
    tcase_add_test(cases, comings_and_goings);
    tcase_add_test(cases, names_change);
    tcase_add_test(cases, errors_are_for_the_sender);
    tcase_add_test(cases, direct_messages);
    tcase_add_test(cases, direct_to_nobody);
    tcase_add_test(cases, direct_to_somebody_busy);
    tcase_add_test(cases, joins_up_to_the_limit);
    tcase_add_test(cases, counts_are_few);
    tcase_add_test(cases, a_count_is_told_behind_a_long_walk);
    tcase_add_loop_test(cases, a_flush_visits_only_those_with_news, 1, 10);
    tcase_add_test(cases, crowds_are_not_replayed);
    tcase_add_test(cases, names_are_told_in_a_crowd);
    tcase_add_test(cases, counts_find_room);
    suite_add_tcase(suite, cases);
}

static void add_torture(Suite *suite)
{
    TCase *cases = tcase_create("torture");

    tcase_add_checked_fixture(cases, world_setup, world_teardown);
    tcase_add_loop_test(cases, people_come_and_go_and_talk, 0, 6);
    suite_add_tcase(suite, cases);
}

Suite *suite_chat(void)
{
    Suite *suite = suite_create("chat" WORLD_NAME);

    add_tutorial_tests(suite);
    add_leaving_tests(suite);
    add_room_tests(suite);
    add_v1_tests(suite);
    add_torture(suite);
    return suite;
}
