/* What members ask of their room's past, and what they say of it. */
#include <check.h>

#include "auth/rights.h"
#include "unit/chat_world.h"

Suite *suite_chat_past(void);

#define A (&peers[0])
#define B (&peers[1])
#define C (&peers[2])

static void ask_history(struct peer *peer, const char *before, unsigned limit)
{
    SEND(peer, "{\"type\":\"history\",\"before\":\"%s\",\"limit\":%u,\"ref\":\"h\"}", before,
         limit);
}

/* The next message is an answer with the messages `first` to `last` (none where that is less),
 * which say the numbers from 1 on and begin with the place `base` of the room's order. */
static void expect_history(struct peer *peer, uint64_t base, int first, int last, bool is_end)
{
    char events[4096] = "";
    size_t len = 0;

    for (int i = first; i <= last; i++)
        len += (size_t)snprintf(events + len, sizeof(events) - len,
                                "%s{\"type\":\"message\",\"pos\":\"%s\",\"ts\":5,\"from\":1,"
                                "\"name\":\"\",\"text\":\"%d\"}",
                                i == first ? "" : ",", pos_in(LOBBY, base + (uint64_t)i - 1), i);
    expect(peer, "{\"type\":\"history\",\"ref\":\"h\",\"end\":%s,\"events\":[%s]}",
           is_end ? "true" : "false", events);
}

/* Numbers from 1 to 8 stand at the places 3 to 10, behind two joins. */
static void enter_and_count(void)
{
    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_V1);
    for (int i = 1; i <= 8; i++)
        SEND(A, "%d", i);
    skip_all(A);
    skip_all(B);
}

START_TEST(tells_what_was_before)
{
    enter_and_count();
    ask_history(B, pos_in(LOBBY, 8), 3);
    expect_history(B, 3, 3, 5, false);
    ask_history(B, pos_in(LOBBY, 5), 3);
    expect_history(B, 3, 1, 2, true);
    ask_history(B, pos_in(LOBBY, 5), 2);
    expect_history(B, 3, 1, 2, true);
    ask_history(B, pos_in(LOBBY, 5), 1);
    expect_history(B, 3, 2, 2, false);
    expect_nothing(A);
    expect_nothing(B);
    check_books();
}
END_TEST

START_TEST(tells_of_the_bounds)
{
    enter_and_count();
    ask_history(B, pos_in(LOBBY, 0), 1);
    expect_history(B, 3, 1, 0, true);
    ask_history(B, pos_in(LOBBY, 3), 1);
    expect_history(B, 3, 1, 0, true);
    ask_history(B, pos_in(LOBBY, UINT64_MAX), 200);
    expect_history(B, 3, 1, 8, true);
    ask_history(B, "0000000000000000-9", 200); /* another life */
    expect_history(B, 3, 1, 0, true);
}
END_TEST

/* What was forgotten is told by nobody, and the rest is the end. */
START_TEST(ends_where_memory_does)
{
    config.history = 4;
    world_restart();
    enter_and_count();
    ask_history(B, pos_in(LOBBY, 11), 3);
    expect_history(B, 3, 6, 8, false);
    ask_history(B, pos_in(LOBBY, 8), 200);
    expect_history(B, 3, 5, 5, true);
}
END_TEST

/* Three messages of 1000 bytes and what is around them are more than max_lag; one always fits. */
START_TEST(is_bounded_by_bytes)
{
    char text[1001];
    const char *answer;
    size_t events = 0;

    memset(text, 'x', 1000);
    text[1000] = '\0';
    config.max_lag = 3200;
    world_restart();
    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_V1);
    for (int i = 0; i < 5; i++) {
        SEND(A, "%s", text);
        skip_all(A);
        skip_all(B);
    }
    ask_history(B, B->pos, 200);
    fetch(B);
    answer = next_message(B);
    ck_assert_ptr_nonnull(answer);
    ck_assert_ptr_nonnull(strstr(answer, "\"end\":false"));
    for (const char *at = answer; (at = strstr(at, "\"pos\"")) != NULL; at++)
        events++;
    ck_assert_uint_eq(events, 2);
    config.max_lag = 900;
    chat.config.max_lag = 900;
    ask_history(B, pos_in(LOBBY, 4), 200);
    take(B, SIZE_MAX);
    answer = next_message(B);
    ck_assert_ptr_nonnull(answer);
    ck_assert_ptr_nonnull(strstr(answer, "\"end\":true"));
    ck_assert_ptr_nonnull(strstr(answer, "\"pos\""));
}
END_TEST

START_TEST(needs_the_right)
{
    enter_and_count();
    B->out.denied = RIGHT_HST;
    ask_history(B, pos_in(LOBBY, 5), 1);
    expect_start(B, "{\"type\":\"error\",\"code\":\"forbidden\"");
}
END_TEST

/* ---- what was said in other rooms ---- */

static void expect_unread(struct peer *peer, const char *room, const char *since, int count)
{
    SEND(peer, "{\"type\":\"unread\",\"room\":\"%s\",\"since\":\"%s\",\"ref\":\"u\"}", room, since);
    expect(peer, "{\"type\":\"unread\",\"room\":\"%s\",\"count\":%d,\"ref\":\"u\"}", room, count);
}

START_TEST(counts_what_is_unread)
{
    struct chat_entry entry = entry_of(3, CODEC_V1);

    enter_and_count();
    entry.room = STR("tea");
    enter_as(C, &entry);
    skip_all(C);
    expect_unread(C, LOBBY, pos_in(LOBBY, 10), 0);
    expect_unread(C, LOBBY, pos_in(LOBBY, 8), 2);
    expect_unread(C, LOBBY, pos_in(LOBBY, 1), 8); /* a join is no message */
    expect_unread(C, LOBBY, "0000000000000000-9", 8);
    expect_unread(C, "nowhere", pos_in(LOBBY, 1), 0);
    SEND(A, "9");
    settle();
    expect_unread(C, LOBBY, pos_in(LOBBY, 10), 1);
    expect_nothing(C);
    check_books();
}
END_TEST

static bool hears_tea_alone(struct sendq *out, struct str room)
{
    ck_assert_ptr_eq(peer_of(out), B);
    return str_equals(room, STR("tea"));
}

START_TEST(counts_for_those_who_may_hear)
{
    enter_and_count();
    chat.hooks.may_hear = hears_tea_alone;
    expect_unread(B, LOBBY, pos_in(LOBBY, 8), 0);
    chat.hooks.may_hear = NULL;
    expect_unread(B, LOBBY, pos_in(LOBBY, 8), 2);
}
END_TEST

START_TEST(answers_a_ping)
{
    enter(B, 2, CODEC_V1);
    skip_all(B);
    SEND(B, "{\"type\":\"ping\",\"ref\":\"alive\"}");
    expect(B, "{\"type\":\"pong\",\"ref\":\"alive\"}");
    SEND(B, "{\"type\":\"ping\"}");
    expect(B, "{\"type\":\"pong\"}");
}
END_TEST

/* ---- replies and data ---- */

#define MESSAGE "{\"type\":\"message\",\"pos\":\"%s\",\"ts\":5,\"from\":%d,\"name\":\"\""

/* B, C: wschat.v1; A: plain text. "hello" of A stands at place 4. */
static void enter_three(void)
{
    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_V1);
    enter(C, 3, CODEC_V1);
    SEND(A, "hello");
    skip_all(A);
    skip_all(B);
    skip_all(C);
}

START_TEST(a_reply_with_data)
{
    enter_three();
    SEND(B, "{\"type\":\"say\",\"text\":\"yes\",\"re\":\"%s\",\"data\":{\"a\": [1]},\"ref\":\"r\"}",
         pos_in(LOBBY, 4));
    for (struct peer *peer = B; peer <= C; peer++)
        expect(peer, MESSAGE ",\"text\":\"yes\",\"re\":\"%s\",\"data\":{\"a\":[1]},\"ref\":\"r\"}",
               pos_in(LOBBY, 5), 2, pos_in(LOBBY, 4));
    expect(A, "Client #2 says: yes");
    SEND(B, "{\"type\":\"say\",\"data\":null}");
    expect(C, MESSAGE ",\"data\":null}", pos_in(LOBBY, 6), 2);
    expect_nothing(A);
    SEND(C, "{\"type\":\"say\",\"data\":[true],\"to\":2,\"re\":\"%s\"}", pos_in(LOBBY, 5));
    skip_all(C);
    expect(B, MESSAGE ",\"data\":null}", pos_in(LOBBY, 6), 2);
    expect(B,
           "{\"type\":\"direct\",\"ts\":5,\"from\":3,\"to\":2,\"name\":\"\",\"re\":\"%s\",\"data\":"
           "[true]}",
           pos_in(LOBBY, 5));
    SEND(C, "{\"type\":\"say\",\"data\":1,\"to\":1}"); /* who reads text gets nothing */
    expect_nothing(A);
    check_books();
}
END_TEST

START_TEST(data_is_replayed)
{
    struct chat_entry entry = entry_of(9, CODEC_V1), text = entry_of(8, CODEC_TEXT);

    enter_three();
    SEND(B, "{\"type\":\"say\",\"data\":{\"k\":1},\"re\":\"%s\"}", pos_in(LOBBY, 4));
    settle();
    entry.history = text.history = 2;
    enter_as(&peers[3], &entry);
    expect_start(&peers[3], "{\"type\":\"welcome\"");
    expect(&peers[3], MESSAGE ",\"text\":\"hello\"}", pos_in(LOBBY, 4), 1);
    expect(&peers[3], MESSAGE ",\"data\":{\"k\":1},\"re\":\"%s\"}", pos_in(LOBBY, 5), 2,
           pos_in(LOBBY, 4));
    enter_as(&peers[4], &text);
    expect(&peers[4], "Client #1 says: hello");
    expect_nothing(&peers[4]);
}
END_TEST

/* A reply may name what is forgotten, a reaction may not. Joins are no messages. */
START_TEST(positions_of_no_message)
{
    static const struct {
        const char *begin, *end;
    } commands[] = {{"{\"type\":\"say\",\"text\":\"x\",\"re\":\"", "\"}"},
                    {"{\"type\":\"react\",\"to\":\"", "\",\"emoji\":\"+\"}"},
                    {"{\"type\":\"say\",\"text\":\"x\",\"to\":3,\"re\":\"", "\"}"}};

    config.history = 2;
    world_restart();
    enter_three();
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        const char *bad[] = {pos_in(LOBBY, 3), pos_in(LOBBY, 5), "0000000000000000-4"};

        for (size_t k = 0; k < ARRAY_LEN(bad); k++) {
            SEND(B, "%s%s%s", commands[i].begin, bad[k], commands[i].end);
            expect_start(B, "{\"type\":\"error\",\"code\":\"no-such-message\"");
        }
    }
    for (int i = 0; i < 2; i++)
        SEND(A, "more");
    skip_all(B);
    SEND(B, "{\"type\":\"react\",\"to\":\"%s\",\"emoji\":\"+\"}", pos_in(LOBBY, 4));
    expect_start(B, "{\"type\":\"error\",\"code\":\"no-such-message\"");
    SEND(B, "{\"type\":\"say\",\"text\":\"x\",\"re\":\"%s\"}", pos_in(LOBBY, 4));
    expect_start(B, "{\"type\":\"message\"");
}
END_TEST

/* ---- reactions ---- */

static void react(struct peer *peer, uint64_t seq, const char *emoji, bool is_on)
{
    SEND(peer, "{\"type\":\"react\",\"to\":\"%s\",\"emoji\":\"%s\",\"on\":%s}", pos_in(LOBBY, seq),
         emoji, is_on ? "true" : "false");
    settle();
}

static void expect_react(struct peer *peer, uint64_t seq, int from, uint64_t to, const char *emoji,
                         bool is_on)
{
    expect(peer,
           "{\"type\":\"react\",\"pos\":\"%s\",\"ts\":5,\"from\":%d,\"name\":\"\",\"to\":\"%s\","
           "\"emoji\":\"%s\",\"on\":%s}",
           pos_in(LOBBY, seq), from, pos_in(LOBBY, to), emoji, is_on ? "true" : "false");
}

/* The first message, at place 4, with these sums. */
static void expect_hello(struct peer *peer, const char *sums)
{
    expect(peer, MESSAGE ",\"text\":\"hello\"%s%s}", pos_in(LOBBY, 4), 1,
           sums[0] == '\0' ? "" : ",\"reactions\":", sums);
}

/* Enters as number `id`, with the last two messages. */
static void enter_late(struct peer *peer, uint64_t id)
{
    struct chat_entry entry = entry_of(id, CODEC_V1);

    entry.history = 2;
    enter_as(peer, &entry);
    expect_start(peer, "{\"type\":\"welcome\"");
}

START_TEST(reactions_are_told_and_summed)
{
    enter_three();
    enter_late(&peers[3], 10); /* encodes what is stale in a moment */
    expect_hello(&peers[3], "");
    react(B, 4, "+", true);
    react(C, 4, "+", true);
    react(C, 4, "\xf0\x9f\x91\x8d", true);
    react(B, 4, "+", false);
    skip_all(B);
    skip_all(&peers[3]);
    expect(C, "{\"type\":\"join\",\"pos\":\"%s\",\"ts\":5,\"from\":10,\"name\":\"\"}",
           pos_in(LOBBY, 5));
    expect_react(C, 6, 2, 4, "+", true);
    expect_react(C, 7, 3, 4, "+", true);
    expect_react(C, 8, 3, 4, "\xf0\x9f\x91\x8d", true);
    expect_react(C, 9, 2, 4, "+", false);
    skip_all(A);
    expect_nothing(A);
    enter_late(&peers[4], 11);
    expect_hello(&peers[4], "{\"+\":[3],\"\xf0\x9f\x91\x8d\":[3]}");
    expect_nothing(&peers[4]);
    react(C, 4, "+", false);
    skip_all(B);
    ask_history(B, pos_in(LOBBY, 5), 1);
    expect(B,
           "{\"type\":\"history\",\"ref\":\"h\",\"end\":true,\"events\":[" MESSAGE
           ",\"text\":\"hello\",\"reactions\":{\"\xf0\x9f\x91\x8d\":[3]}}]}",
           pos_in(LOBBY, 4), 1);
    react(C, 4, "\xf0\x9f\x91\x8d", false);
    enter_late(&peers[5], 12);
    expect_hello(&peers[5], "");
    check_books();
}
END_TEST

/* Who comes back gets each reaction that it missed, its own too, and only those. */
START_TEST(reactions_are_resumed)
{
    struct chat_entry entry = entry_of(3, CODEC_V1);
    char key[2 * CLIENT_KEY_SIZE + 1], pos[CODEC_POS_MAX];

    enter_three();
    react(B, 4, "+", true);
    skip_all(C);
    memcpy(key, C->key, sizeof(key));
    memcpy(pos, C->pos, sizeof(pos));
    leave(C, true);
    react(B, 4, "-", true);
    SEND(B, "{\"type\":\"say\",\"text\":\"x\"}");
    react(B, 4, "+", false);
    skip_all(B);
    reconnect(C);
    entry.since = str_from(pos);
    entry.key = str_from(key);
    enter_as(C, &entry);
    ck_assert_ptr_nonnull(strstr((fetch(C), next_message(C)), "\"recovered\":true"));
    expect_react(C, 6, 2, 4, "-", true);
    expect(C, MESSAGE ",\"text\":\"x\"}", pos_in(LOBBY, 7), 2);
    expect_react(C, 8, 2, 4, "+", false);
    expect_nothing(C);
    check_books();
}
END_TEST

/* Beyond what is kept the oldest go, from the sums too, and who has not seen them cannot resume.
 * Messages stay. */
START_TEST(old_reactions_go)
{
    struct chat_entry entry = entry_of(3, CODEC_V1);
    const char *since;

    config.history = 1;
    world_restart();
    enter_three();
    leave(C, false);
    skip_all(B);
    react(B, 4, "a", true); /* at place 6 */
    for (int i = 0; i < 9; i++)
        react(B, 4, "b", i % 2 == 0);
    enter_late(&peers[3], 10);
    expect_hello(&peers[3], "{\"a\":[2],\"b\":[2]}");
    react(B, 4, "c", true);
    enter_late(&peers[4], 11);
    expect_hello(&peers[4], "{\"b\":[2],\"c\":[2]}");
    for (uint64_t seq = 5; seq <= 6; seq++) {
        since = pos_in(LOBBY, seq);
        entry.since = str_from(since);
        reconnect(C);
        enter_as(C, &entry);
        fetch(C);
        ck_assert_ptr_nonnull(
            strstr(next_message(C), seq < 6 ? "\"recovered\":false" : "\"recovered\":true"));
        leave(C, false);
        settle();
    }
    check_books();
}
END_TEST

/* What a slow reader is being sent stays as it was, and the next one gets the new sums. */
START_TEST(a_reaction_during_a_replay)
{
    struct chat_entry entry = entry_of(9, CODEC_V1);

    enter_three();
    entry.history = 1;
    peers[3].window = 0;
    enter_as(&peers[3], &entry);
    react(B, 4, "+", true);
    enter_late(&peers[4], 10);
    expect_hello(&peers[4], "{\"+\":[2]}");
    check_books();
    ck_assert_uint_gt(chat.orphan_bytes, 0);
    peers[3].window = SIZE_MAX;
    expect_start(&peers[3], "{\"type\":\"welcome\"");
    expect_hello(&peers[3], "");
    expect_react(&peers[3], 6, 2, 4, "+", true);
    ck_assert_uint_eq(chat.orphan_bytes, 0);
    check_books();
}
END_TEST

START_TEST(no_history_no_reactions)
{
    config.history = 0;
    world_restart();
    enter_three();
    SEND(B, "{\"type\":\"react\",\"to\":\"%s\",\"emoji\":\"+\"}", pos_in(LOBBY, 4));
    expect_start(B, "{\"type\":\"error\",\"code\":\"no-such-message\"");
    check_books();
}
END_TEST

/* ---- typing ---- */

#define TYPING "{\"type\":\"typing\"}"

START_TEST(typing_is_told_now_and_then)
{
    config.typing = true;
    world_restart();
    enter_three();
    SEND(B, TYPING);
    SEND(B, TYPING);
    SEND(C, TYPING);
    expect(C, "{\"type\":\"typing\",\"from\":2,\"name\":\"\"}");
    expect(C, "{\"type\":\"typing\",\"from\":3,\"name\":\"\"}");
    expect_nothing(C);
    pass(TYPING_EVERY - 1);
    SEND(B, TYPING);
    expect_nothing(C);
    pass(1);
    SEND(B, TYPING);
    expect(C, "{\"type\":\"typing\",\"from\":2,\"name\":\"\"}");
    expect_nothing(C);
    expect_nothing(A);
    ck_assert_uint_eq(room_named(LOBBY)->log.committed, 4);
}
END_TEST

START_TEST(typing_is_off)
{
    enter_three();
    SEND(B, TYPING);
    expect_start(B, "{\"type\":\"error\",\"code\":\"typing-off\"");
    expect_nothing(C);
}
END_TEST

/* ---- control frames ---- */

START_TEST(wire_is_on_and_off_for_one)
{
    const struct ws_control ping = {.opcode = WS_PING, .is_sent = true, .count = 1};

    enter(A, 1, CODEC_V1);
    enter(B, 2, CODEC_V1);
    settle();
    skip_all(A);
    skip_all(B);
    SEND(B, "{\"type\":\"wire\",\"ref\":\"w\"}");
    expect(B, "{\"type\":\"wire\",\"on\":true,\"ref\":\"w\"}");
    ck_assert(B->hears_controls && !A->hears_controls);
    chat_tell_control(&chat, B->client->at.out, &ping);
    expect(B, "{\"type\":\"wire\",\"by\":\"server\",\"frame\":\"ping\",\"count\":1,\"length\":0,"
              "\"hex\":\"\"}");
    SEND(B, "{\"type\":\"wire\",\"on\":0}");
    expect_start(B, "{\"type\":\"error\",\"code\":\"bad-on\"");
    ck_assert(B->hears_controls);
    SEND(B, "{\"type\":\"wire\",\"on\":false}");
    expect(B, "{\"type\":\"wire\",\"on\":false}");
    ck_assert(!B->hears_controls);
    settle();
    expect_nothing(A);
}
END_TEST

static void add_saying_tests(Suite *suite)
{
    TCase *data = tcase_create("data"), *reactions = tcase_create("reactions");
    TCase *typing = tcase_create("typing");

    tcase_add_checked_fixture(data, world_setup, world_teardown);
    tcase_add_test(data, a_reply_with_data);
    tcase_add_test(data, data_is_replayed);
    tcase_add_test(data, positions_of_no_message);
    tcase_add_checked_fixture(reactions, world_setup, world_teardown);
    tcase_add_test(reactions, reactions_are_told_and_summed);
    tcase_add_test(reactions, reactions_are_resumed);
    tcase_add_test(reactions, old_reactions_go);
    tcase_add_test(reactions, a_reaction_during_a_replay);
    tcase_add_test(reactions, no_history_no_reactions);
    tcase_add_checked_fixture(typing, world_setup, world_teardown);
    tcase_add_test(typing, typing_is_told_now_and_then);
    tcase_add_test(typing, typing_is_off);
    suite_add_tcase(suite, data);
    suite_add_tcase(suite, reactions);
    suite_add_tcase(suite, typing);
}

Suite *suite_chat_past(void)
{
    Suite *suite = suite_create("chat_past" WORLD_NAME);
    TCase *history = tcase_create("history"), *ping = tcase_create("ping");

    tcase_add_checked_fixture(history, world_setup, world_teardown);
    tcase_add_test(history, tells_what_was_before);
    tcase_add_test(history, tells_of_the_bounds);
    tcase_add_test(history, ends_where_memory_does);
    tcase_add_test(history, is_bounded_by_bytes);
    tcase_add_test(history, needs_the_right);
    tcase_add_test(history, counts_what_is_unread);
    tcase_add_test(history, counts_for_those_who_may_hear);
    tcase_add_checked_fixture(ping, world_setup, world_teardown);
    tcase_add_test(ping, answers_a_ping);
    tcase_add_test(ping, wire_is_on_and_off_for_one);
    suite_add_tcase(suite, history);
    suite_add_tcase(suite, ping);
    add_saying_tests(suite);
    return suite;
}
