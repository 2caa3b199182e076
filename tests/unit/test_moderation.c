/* Rooms that are slowed down, and messages that are taken back. */
#include "unit/chat_world.h"

#include "auth/rights.h"
#include "chat/post.h"
#include "chat/who.h"

#define A (&peers[0])
#define B (&peers[1])
#define MOD (&peers[2])
#define LATE (&peers[3])

#define SUITE_NAME "moderation" WORLD_NAME

Suite *suite_moderation(void);

/* Enters with the rights of people; only MOD keeps order. */
static void come(struct peer *peer, uint64_t id, enum codec_kind codec)
{
    peer->out.denied = peer == MOD ? 0 : RIGHT_MOD | RIGHT_API;
    enter(peer, id, codec);
}

static void come_all(void)
{
    come(A, 1, CODEC_V1);
    come(B, 2, CODEC_TEXT);
    come(MOD, 3, CODEC_V1);
    skip_all(A);
    skip_all(B);
    skip_all(MOD);
}

static void expect_slow(unsigned seconds)
{
    char start[64];

    snprintf(start, sizeof(start), "{\"type\":\"slow\",\"pos\":");
    expect_start(A, start);
    expect_start(MOD, start);
    expect_nothing(B);
    ck_assert_uint_eq(room_named(LOBBY)->slow, seconds);
}

/* The next message of a peer has all of these. */
static void expect_with(struct peer *peer, const char *one, const char *two)
{
    const char *message;

    fetch(peer);
    message = next_message(peer);
    ck_assert_ptr_nonnull(message);
    if (strstr(message, one) == NULL || strstr(message, two) == NULL)
        ck_abort_msg("%s lacks %s or %s", message, one, two);
}

/* ---- slow ---- */

START_TEST(each_may_speak_once_in_so_many_seconds)
{
    come_all();
    SEND(MOD, "{\"type\":\"slow\",\"seconds\":10,\"ref\":\"r\"}");
    expect_slow(10);
    SEND(A, "{\"type\":\"say\",\"text\":\"one\"}");
    expect_start(A, "{\"type\":\"message\"");
    SEND(A, "{\"type\":\"say\",\"text\":\"two\",\"ref\":\"x\"}");
    expect_with(A, "\"code\":\"slow\"", "\"ref\":\"x\"");
    pass(9999);
    SEND(A, "{\"type\":\"say\",\"text\":\"two\"}");
    expect_with(A, "\"code\":\"slow\"", "wait 1 more");
    pass(1);
    SEND(A, "{\"type\":\"say\",\"text\":\"two\"}");
    expect_start(A, "{\"type\":\"message\"");
    SEND(MOD, "{\"type\":\"slow\",\"seconds\":0}");
    skip_all(A);
    SEND(A, "{\"type\":\"say\",\"text\":\"three\"}");
    expect_start(A, "{\"type\":\"message\"");
    ck_assert_uint_eq(room_named(LOBBY)->rules.count, 1);
    check_books();
}
END_TEST

START_TEST(a_text_client_is_told_in_words)
{
    come_all();
    SEND(MOD, "{\"type\":\"slow\",\"seconds\":3600}");
    expect_slow(3600);
    SEND(B, "one");
    expect(B, "You wrote: one");
    SEND(B, "two");
    expect_with(B, "Not sent: ", "once in 3600 seconds");
    expect_nothing(B);
    ck_assert_uint_eq(room_named(LOBBY)->messages.count, 1);
}
END_TEST

START_TEST(who_keeps_order_need_not_wait)
{
    come_all();
    SEND(MOD, "{\"type\":\"slow\",\"seconds\":10}");
    settle();
    SEND(MOD, "{\"type\":\"say\",\"text\":\"one\"}");
    SEND(MOD, "{\"type\":\"say\",\"text\":\"two\"}");
    settle();
    A->out.denied = RIGHT_MOD; /* a program */
    SEND(A, "{\"type\":\"say\",\"text\":\"three\"}");
    SEND(A, "{\"type\":\"say\",\"text\":\"four\"}");
    settle();
    ck_assert_uint_eq(room_named(LOBBY)->messages.count, 4);
}
END_TEST

START_TEST(a_newcomer_waits_too)
{
    come_all();
    SEND(MOD, "{\"type\":\"slow\",\"seconds\":10}");
    settle();
    come(LATE, 4, CODEC_V1);
    expect_with(LATE, "\"type\":\"welcome\"", "\"slow\":10");
    SEND(LATE, "{\"type\":\"say\",\"text\":\"one\"}");
    expect_with(LATE, "\"code\":\"slow\"", "wait 10 more");
    pass(10000);
    SEND(LATE, "{\"type\":\"say\",\"text\":\"one\"}");
    expect_start(LATE, "{\"type\":\"message\"");
}
END_TEST

START_TEST(only_who_keeps_order_slows_it_down)
{
    come_all();
    SEND(A, "{\"type\":\"slow\",\"seconds\":10,\"ref\":\"r\"}");
    expect_with(A, "\"code\":\"forbidden\"", "\"ref\":\"r\"");
    SEND(MOD, "{\"type\":\"slow\",\"seconds\":3601,\"ref\":\"r\"}");
    expect_with(MOD, "\"code\":\"bad-seconds\"", "\"ref\":\"r\"");
    SEND(MOD, "{\"type\":\"slow\"}");
    expect_with(MOD, "\"code\":\"bad-seconds\"", "");
    ck_assert_uint_eq(room_named(LOBBY)->slow, 0);
}
END_TEST

START_TEST(a_replay_tells_it_in_its_place)
{
    char since[CODEC_POS_MAX];
    struct chat_entry entry = entry_of(4, CODEC_V1);

    come_all();
    snprintf(since, sizeof(since), "%s", pos_in(LOBBY, 3));
    SEND(MOD, "{\"type\":\"slow\",\"seconds\":10}");
    settle();
    entry.since = str_from(since);
    LATE->out.denied = RIGHT_MOD | RIGHT_API;
    enter_as(LATE, &entry);
    expect_with(LATE, "\"recovered\":true", "\"slow\":10");
    expect_with(LATE, "\"type\":\"slow\"", "\"seconds\":10");
    check_books();
}
END_TEST

/* ---- taken back ---- */

START_TEST(a_message_is_taken_back)
{
    char since[CODEC_POS_MAX];
    struct chat_entry entry = entry_of(4, CODEC_V1);

    come_all();
    snprintf(since, sizeof(since), "%s", pos_in(LOBBY, 3));
    SEND(A, "{\"type\":\"say\",\"text\":\"secret\",\"data\":{\"a\":1},\"ref\":\"m\"}");
    settle();
    SEND(A, "{\"type\":\"react\",\"to\":\"%s\",\"emoji\":\"x\"}", pos_in(LOBBY, 4));
    settle();
    skip_all(A);
    skip_all(B);
    SEND(A, "{\"type\":\"retract\",\"of\":\"%s\",\"ref\":\"r\"}", pos_in(LOBBY, 4));
    expect(A,
           "{\"type\":\"retract\",\"pos\":\"%s\",\"ts\":5,\"from\":1,\"name\":\"\",\"of\":\"%s\","
           "\"ref\":\"r\"}",
           pos_in(LOBBY, 6), pos_in(LOBBY, 4));
    expect_nothing(B);
    entry.since = str_from(since);
    enter_as(LATE, &entry);
    expect_with(LATE, "\"recovered\":true", "");
    expect(LATE,
           "{\"type\":\"message\",\"pos\":\"%s\",\"ts\":5,\"from\":1,\"name\":\"\",\"text\":\"\","
           "\"retracted\":true,\"ref\":\"m\"}",
           pos_in(LOBBY, 4));
    expect_start(LATE, "{\"type\":\"react\"");
    expect_start(LATE, "{\"type\":\"retract\"");
    check_books();
}
END_TEST

/* Frames that were made for a replay before are not shown after. */
START_TEST(a_replay_of_before_is_no_replay_of_after)
{
    struct chat_entry entry = entry_of(4, CODEC_V1);

    come_all();
    SEND(A, "{\"type\":\"say\",\"text\":\"secret\"}");
    settle();
    entry.history = 10;
    enter_as(LATE, &entry);
    expect_with(LATE, "welcome", "");
    expect_with(LATE, "secret", "");
    SEND(A, "{\"type\":\"history\",\"before\":\"%s\",\"limit\":5}", pos_in(LOBBY, 9));
    skip_all(A);
    SEND(MOD, "{\"type\":\"retract\",\"of\":\"%s\"}", pos_in(LOBBY, 4));
    skip_all(A);
    SEND(A, "{\"type\":\"history\",\"before\":\"%s\",\"limit\":5}", pos_in(LOBBY, 9));
    expect_with(A, "\"type\":\"history\"", "\"text\":\"\",\"retracted\":true");
    entry = entry_of(5, CODEC_TEXT);
    entry.history = 10;
    enter_as(&peers[4], &entry);
    expect_nothing(&peers[4]);
    entry = entry_of(6, CODEC_V1);
    entry.history = 10;
    enter_as(&peers[5], &entry);
    expect_with(&peers[5], "welcome", "");
    expect_with(&peers[5], "\"retracted\":true", "\"text\":\"\"");
    check_books();
}
END_TEST

START_TEST(only_its_author_or_who_keeps_order_takes_it_back)
{
    come_all();
    come(LATE, 4, CODEC_V1);
    skip_all(LATE);
    SEND(A, "{\"type\":\"say\",\"text\":\"mine\"}");
    settle();
    skip_all(LATE);
    SEND(LATE, "{\"type\":\"retract\",\"of\":\"%s\",\"ref\":\"r\"}", pos_in(LOBBY, 5));
    expect_with(LATE, "\"code\":\"forbidden\"", "\"ref\":\"r\"");
    leave(A, false);
    settle();
    reconnect(A);
    come(A, 1, CODEC_V1); /* somebody else, with the same id */
    skip_all(A);
    SEND(A, "{\"type\":\"retract\",\"of\":\"%s\"}", pos_in(LOBBY, 5));
    expect_with(A, "\"code\":\"forbidden\"", "");
    SEND(MOD, "{\"type\":\"retract\",\"of\":\"%s\"}", pos_in(LOBBY, 5));
    expect_start(A, "{\"type\":\"retract\"");
    SEND(MOD, "{\"type\":\"retract\",\"of\":\"%s\"}", pos_in(LOBBY, 5));
    skip_all(A);
    fetch(MOD);
    SEND(A, "{\"type\":\"react\",\"to\":\"%s\",\"emoji\":\"x\"}", pos_in(LOBBY, 5));
    expect_with(A, "\"code\":\"no-such-message\"", "");
    SEND(A, "{\"type\":\"retract\",\"of\":\"%s\"}", pos_in(LOBBY, 1)); /* a join */
    expect_with(A, "\"code\":\"no-such-message\"", "");
    SEND(A, "{\"type\":\"retract\",\"of\":7}");
    expect_with(A, "\"code\":\"bad-of\"", "");
}
END_TEST

/* ---- who it was ---- */

static bool identify_ada(struct sendq *out, struct ban_identity *who)
{
    (void)out;
    *who = (struct ban_identity){.sub = STR("ada, by a name that is not short")};
    return true;
}

/* A connection breaks, and so does the next one, while the seat still waits for the log. */
START_TEST(who_breaks_twice_is_still_known)
{
    struct chat_entry entry = entry_of(1, CODEC_V1);
    struct ban_identity who;

    chat.hooks.identify = identify_ada;
    come_all();
    leave(A, true);
    settle();
    for (int i = 0; i < 2; i++) {
        reconnect(A);
        entry.key = str_from(A->key);
        entry.name = i == 0 ? STR("x") : STR("y");
        ck_assert_int_eq(chat_enter(&chat, &entry, &A->out, &A->client), CHAT_OK);
        leave(A, true);
    }
    settle();
    ck_assert(who_of(&chat, client_table_find(&chat.clients, 1), &who));
    ck_assert(str_equals(who.sub, STR("ada, by a name that is not short")));
    check_books();
}
END_TEST

Suite *suite_moderation(void)
{
    Suite *suite = suite_create(SUITE_NAME);
    TCase *tcase = tcase_create("moderation");

    tcase_add_checked_fixture(tcase, world_setup, world_teardown);
    tcase_add_test(tcase, each_may_speak_once_in_so_many_seconds);
    tcase_add_test(tcase, a_text_client_is_told_in_words);
    tcase_add_test(tcase, who_keeps_order_need_not_wait);
    tcase_add_test(tcase, a_newcomer_waits_too);
    tcase_add_test(tcase, only_who_keeps_order_slows_it_down);
    tcase_add_test(tcase, a_replay_tells_it_in_its_place);
    tcase_add_test(tcase, a_message_is_taken_back);
    tcase_add_test(tcase, a_replay_of_before_is_no_replay_of_after);
    tcase_add_test(tcase, only_its_author_or_who_keeps_order_takes_it_back);
    tcase_add_test(tcase, who_breaks_twice_is_still_known);
    suite_add_tcase(suite, tcase);
    return suite;
}
