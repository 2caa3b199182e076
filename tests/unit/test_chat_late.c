/* What only a log that answers later can show: what waits, what is refused, and who waits for it.
 */
#define WORLD_LATE 2

#include <check.h>

#include "unit/chat_world.h"

Suite *suite_chat_late(void);

#define A (&peers[0])
#define B (&peers[1])
#define C (&peers[2])

#define SAY(text, ref) "{\"type\":\"say\",\"text\":\"" text "\",\"ref\":\"" ref "\"}"

/* Asks for a seat, and does not wait for it. */
static enum chat_result ask_seat(struct peer *peer, const struct chat_entry *entry)
{
    return chat_enter(&chat, entry, &peer->out, &peer->client);
}

/* ---- asking is not having ---- */

/* While its JOIN waits, nobody hears of it, its id is taken, and it cannot speak. */
START_TEST(a_seat_begins_with_its_join)
{
    struct chat_entry entry = entry_of(2, (enum codec_kind)_i);

    enter(A, 1, CODEC_V1);
    skip_all(A);
    ck_assert_int_eq(ask_seat(B, &entry), CHAT_OK);
    ck_assert(chat_has_id(&chat, 2));
    ck_assert_uint_eq(room_named(LOBBY)->member_count, 1);
    ck_assert(!chat_may_speak(&chat, B->client));
    ck_assert(sendq_is_empty(&B->out));
    ck_assert_int_eq(ask_seat(C, &entry), CHAT_ID_TAKEN);
    resumes = 0;
    await_seat(B);
    ck_assert_uint_eq(resumes, 1);
    ck_assert_uint_eq(room_named(LOBBY)->member_count, 2);
    expect_start(A, "{\"type\":\"join\"");
    check_books();
}
END_TEST

START_TEST(a_seat_ends_with_its_leave)
{
    struct chat_entry entry = entry_of(2, CODEC_TEXT);

    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_TEXT);
    leave(B, false);
    ck_assert_uint_eq(room_named(LOBBY)->member_count, 2);
    expect(A, "Client #2 left the chat");
    ck_assert(!chat_has_id(&chat, 2));
    enter_as(C, &entry);
}
END_TEST

/* Its next message can come while the others are told, so it is served before them. */
START_TEST(who_speaks_is_told_first)
{
    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_TEXT);
    wakes = 0;
    ck_assert_int_eq(chat_receive(&chat, A->client, (char[]){"hello"}, 5), 0);
    ck_assert_uint_eq(wakes, 0);
    settle();
    ck_assert_uint_eq(wakes, 1);
    expect(A, "You wrote: hello");
}
END_TEST

/* Who wants an id whose leave is on its way waits for it, and is somebody else then. */
START_TEST(the_next_one_waits_for_the_id)
{
    struct chat_entry entry = entry_of(2, CODEC_V1);
    char key[sizeof(B->key)];

    enter(A, 1, CODEC_V1);
    entry.name = STR("ada");
    enter_as(B, &entry);
    skip_all(A);
    skip_all(B);
    memcpy(key, B->key, sizeof(key));
    leave(B, false);
    entry.name = STR("bob");
    ck_assert_int_eq(ask_seat(C, &entry), CHAT_OK);
    ck_assert_int_eq(ask_seat(&peers[3], &entry), CHAT_ID_TAKEN);
    entry.key = str_from(key);
    ck_assert_int_eq(ask_seat(&peers[3], &entry), CHAT_ID_TAKEN);
    await_seat(C);
    skip_all(C);
    ck_assert_str_ne(C->key, key);
    expect(A, "{\"type\":\"leave\",\"pos\":\"%s\",\"ts\":5,\"from\":2,\"name\":\"ada\"}",
           pos_in(LOBBY, 3));
    expect(A, "{\"type\":\"join\",\"pos\":\"%s\",\"ts\":5,\"from\":2,\"name\":\"bob\"}",
           pos_in(LOBBY, 4));
    expect_nothing(A);
    check_books();
}
END_TEST

/* Its owner comes back while what it said waits: that is in the replay, so it need not say it
 * again.
 */
START_TEST(an_owner_hears_its_last_words)
{
    struct chat_entry entry;

    enter(A, 1, CODEC_V1);
    skip_all(A);
    SEND(A, SAY("mine", "r"));
    leave(A, true);
    entry = entry_of(1, CODEC_V1);
    entry.since = str_from(A->pos);
    entry.key = str_from(A->key);
    ck_assert_int_eq(ask_seat(B, &entry), CHAT_OK);
    ck_assert(sendq_is_empty(&B->out));
    await_seat(B);
    expect_start(B, "{\"type\":\"welcome\"");
    expect_start(B, "{\"type\":\"join\""); /* its own */
    expect_start(B, "{\"type\":\"message\"");
    expect_nothing(B);
}
END_TEST

/* `You wrote` comes with the commit, at its place. */
START_TEST(nobody_wrote_before_the_commit)
{
    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_V1);
    skip_all(B);
    SEND(A, "hi");
    ck_assert(sendq_is_empty(&A->out) && sendq_is_empty(&B->out));
    chat_commit(&chat);
    ck_assert(sendq_is_empty(&A->out));
    expect(A, "You wrote: hi");
    expect_start(B, "{\"type\":\"message\"");
}
END_TEST

/* What somebody said before it left is said, and its leave comes after it. */
START_TEST(last_words_are_said)
{
    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_TEXT);
    SEND(B, "one");
    SEND(B, "two");
    leave(B, _i == 1);
    expect(A, "Client #2 says: one");
    expect(A, "Client #2 says: two");
    expect(A, "Client #2 left the chat");
    expect_nothing(A);
    check_books();
}
END_TEST

/* Who takes the id next is not told that it wrote what the one before it said. */
START_TEST(authors_are_not_their_ids)
{
    struct chat_entry entry = entry_of(2, CODEC_TEXT);

    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_TEXT);
    SEND(B, "mine");
    leave(B, false);
    commit_all();
    entry.history = 5;
    enter_as(C, &entry);
    expect(C, "Client #2 says: mine");
    expect_nothing(C);
}
END_TEST

/* A room stays while something waits for it, though nobody is in it any more. */
START_TEST(events_keep_their_room)
{
    struct chat_entry entry = entry_of(1, CODEC_TEXT);

    config.history = 0;
    world_restart();
    ck_assert_int_eq(ask_seat(A, &entry), CHAT_OK);
    leave(A, false);
    ck_assert_uint_eq(chat.channels.count, 1);
    settle();
    ck_assert_uint_eq(chat.channels.count, 0);
    ck_assert_uint_eq(chat.clients.count, 0);
    ck_assert_uint_eq(chat.asked, 0);
}
END_TEST

/* ---- take-overs while something waits ---- */

static struct chat_entry entry_back(const struct peer *peer, uint64_t id)
{
    struct chat_entry entry = entry_of(id, CODEC_V1);

    entry.since = str_from(peer->pos);
    entry.key = str_from(peer->key);
    return entry;
}

/* Its owner takes a seat over into another room, and again before that is done. */
START_TEST(the_last_owner_wins)
{
    struct chat_entry entry;

    enter(A, 1, CODEC_V1);
    skip_all(A);
    entry = entry_back(A, 1);
    entry.room = STR("other");
    ck_assert_int_eq(ask_seat(B, &entry), CHAT_OK);
    ck_assert_int_eq(A->let_go, CLOSE_REPLACED);
    end_tick();
    entry.room = STR("third");
    ck_assert_int_eq(ask_seat(C, &entry), CHAT_OK);
    ck_assert_int_eq(B->let_go, CLOSE_REPLACED);
    ck_assert_ptr_null(B->client);
    await_seat(C);
    settle();
    ck_assert_ptr_nonnull(C->client);
    ck_assert(str_equals(C->client->channel->log.name, STR("third")));
    ck_assert_uint_eq(chat.channels.count, 1);
    ck_assert_uint_eq(chat.clients.count, 1);
    check_books();
}
END_TEST

/* It comes back while its leave is on its way: the leave is told, and then it joins again. */
START_TEST(back_before_the_leave)
{
    struct chat_entry entry;

    enter(A, 1, CODEC_V1);
    enter(C, 3, CODEC_V1);
    skip_all(A);
    skip_all(C);
    leave(A, false);
    entry = entry_back(A, 1);
    ck_assert_int_eq(ask_seat(B, &entry), CHAT_OK);
    await_seat(B);
    expect_start(C, "{\"type\":\"leave\"");
    expect_start(C, "{\"type\":\"join\"");
    expect_nothing(C);
    check_books();
}
END_TEST

/* ---- being refused ---- */

static const char *const codes[] = {"memory", "journal", "unavailable", "unavailable"};

START_TEST(a_refused_message_is_told)
{
    char expected[100];

    enter(A, 1, CODEC_V1);
    enter(B, 2, CODEC_V1);
    skip_all(A);
    skip_all(B);
    late_log_refuse(chat.log, 1, (enum log_refusal)_i);
    SEND(A, SAY("x", "r1"));
    SEND(A, SAY("y", "r2"));
    fetch(A);
    snprintf(expected, sizeof(expected), "{\"type\":\"error\",\"code\":\"%s\"", codes[_i]);
    ck_assert_ptr_nonnull(strstr((const char *)A->got + A->got_read, "\"ref\":\"r1\""));
    expect_start(A, expected);
    expect_start(A, "{\"type\":\"message\"");
    expect(B,
           "{\"type\":\"message\",\"pos\":\"%s\",\"ts\":5,\"from\":1,\"name\":\"\",\"text\":"
           "\"y\",\"ref\":\"r2\"}",
           pos_in(LOBBY, 3));
    expect_nothing(B);
}
END_TEST

/* Plain text has no words for it, so the connection ends. */
START_TEST(a_refused_text_closes)
{
    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_TEXT);
    late_log_refuse(chat.log, 1, LOG_REFUSED_JOURNAL);
    SEND(A, "x");
    settle();
    ck_assert_int_eq(A->let_go, WS_CLOSE_TRY_AGAIN_LATER);
    expect(B, "Client #1 left the chat");
    expect_nothing(B);
    ck_assert(!chat_has_id(&chat, 1));
}
END_TEST

START_TEST(a_refused_newcomer_is_nobody)
{
    struct chat_entry entry = entry_of(2, (enum codec_kind)_i);

    enter(A, 1, CODEC_V1);
    skip_all(A);
    late_log_refuse(chat.log, 1, LOG_REFUSED_UNAVAILABLE);
    entry.room = STR("other");
    ck_assert_int_eq(ask_seat(B, &entry), CHAT_OK);
    settle();
    ck_assert_int_eq(B->let_go, WS_CLOSE_TRY_AGAIN_LATER);
    ck_assert(!chat_has_id(&chat, 2));
    ck_assert_ptr_null(room_named("other"));
    ck_assert(sendq_is_empty(&B->out));
    expect_nothing(A);
    check_books();
}
END_TEST

START_TEST(a_refused_name_is_told)
{
    enter(A, 1, CODEC_V1);
    skip_all(A);
    late_log_refuse(chat.log, 1, LOG_REFUSED_JOURNAL);
    SEND(A, "{\"type\":\"rename\",\"name\":\"ada\",\"ref\":\"r\"}");
    expect_start(A, "{\"type\":\"error\",\"code\":\"journal\"");
    ck_assert_uint_eq(A->client->name_len, 0);
    SEND(A, "{\"type\":\"rename\",\"name\":\"ada\"}");
    expect_start(A, "{\"type\":\"rename\"");
}
END_TEST

/* A leave that cannot be written is owed: it is told as soon as that can be. */
START_TEST(a_refused_leave_is_owed)
{
    struct chat_entry entry = entry_of(2, CODEC_TEXT);

    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_TEXT);
    late_log_refuse(chat.log, 2, LOG_REFUSED_JOURNAL);
    leave(B, false);
    settle();
    expect_nothing(A);
    ck_assert_int_eq(ask_seat(C, &entry), CHAT_ID_TAKEN);
    pass(999);
    ck_assert_uint_eq(late_log_waiting(chat.log), 0);
    pass(1);
    expect_nothing(A);
    pass(1000);
    expect(A, "Client #2 left the chat");
    pass(5000);
    expect_nothing(A);
    check_books();
}
END_TEST

/* A take-over that is refused leaves the seat to its owner. */
START_TEST(a_refused_take_over_may_be_tried_again)
{
    struct chat_entry entry;

    enter(A, 1, CODEC_V1);
    skip_all(A);
    entry = entry_back(A, 1);
    if (_i == 0)
        entry.room = STR("other");
    else
        entry.name = STR("ada");
    late_log_refuse(chat.log, 1, LOG_REFUSED_JOURNAL);
    ck_assert_int_eq(ask_seat(B, &entry), CHAT_OK);
    settle();
    ck_assert_int_eq(B->let_go, WS_CLOSE_TRY_AGAIN_LATER);
    ck_assert(chat_has_id(&chat, 1));
    reconnect(B);
    enter_as(B, &entry);
    check_books();
}
END_TEST

/* ---- the end ---- */

/* Whatever waits is answered, and nothing is left. */
START_TEST(the_end_answers_all)
{
    struct chat_entry entry = entry_of(2, CODEC_V1);

    enter(A, 1, CODEC_V1);
    SEND(A, SAY("x", "r"));
    ask_seat(B, &entry);
    leave(A, false);
    ck_assert_uint_eq(late_log_waiting(chat.log), 3);
    chat_deinit(&chat);
    ck_assert_uint_eq(chat.asked, 0);
    world_forget_peers();
    world_start();
}
END_TEST

/* ---- backpressure ---- */

/* So much may wait for one client; then its input is held until less does. Others are not. */
START_TEST(a_client_waits_for_its_own)
{
    static char text[1001];
    size_t said = 0;

    memset(text, 'x', 1000);
    config.max_lag = 1 << 20;
    world_restart();
    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_TEXT);
    for (; chat_may_speak(&chat, A->client); said++) {
        char copy[1000];

        memcpy(copy, text, sizeof(copy));
        ck_assert_int_eq(chat_receive(&chat, A->client, copy, sizeof(copy)), 0);
    }
    ck_assert_uint_eq(A->client->asked, said * (1000 + CHAT_ASK_COST));
    ck_assert_uint_ge(A->client->asked, CHAT_ASKED_MAX);
    ck_assert_uint_lt(A->client->asked, CHAT_ASKED_MAX + 1000 + CHAT_ASK_COST);
    ck_assert(chat_may_speak(&chat, B->client));
    resumes = 0;
    settle();
    ck_assert_uint_eq(resumes, 1);
    ck_assert(chat_may_speak(&chat, A->client));
    ck_assert_uint_eq(A->client->asked, 0);
    ck_assert_uint_eq(chat.asked, 0);
    for (; said > 0; said--)
        expect_start(B, "Client #1 says: xxx");
}
END_TEST

/* So much may wait for all together. */
START_TEST(all_wait_together)
{
    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_TEXT);
    chat.asked += CHAT_ASKED_TOTAL; /* as many others would */
    ck_assert(!chat_may_speak(&chat, A->client));
    ck_assert(!chat_may_speak(&chat, B->client));
    chat.asked -= CHAT_ASKED_TOTAL;
    resumes = 0;
    leave(A, false);
    settle();
    ck_assert_uint_eq(resumes, 1);
    ck_assert(chat_may_speak(&chat, B->client));
}
END_TEST

Suite *suite_chat_late(void)
{
    Suite *suite = suite_create("chat_late");
    TCase *cases = tcase_create("chat_late");

    tcase_add_checked_fixture(cases, world_setup, world_teardown);
    tcase_add_loop_test(cases, a_seat_begins_with_its_join, 0, CODEC_KINDS);
    tcase_add_test(cases, a_seat_ends_with_its_leave);
    tcase_add_test(cases, who_speaks_is_told_first);
    tcase_add_test(cases, the_next_one_waits_for_the_id);
    tcase_add_test(cases, an_owner_hears_its_last_words);
    tcase_add_test(cases, nobody_wrote_before_the_commit);
    tcase_add_loop_test(cases, last_words_are_said, 0, 2);
    tcase_add_test(cases, authors_are_not_their_ids);
    tcase_add_test(cases, events_keep_their_room);
    tcase_add_test(cases, the_last_owner_wins);
    tcase_add_test(cases, back_before_the_leave);
    tcase_add_loop_test(cases, a_refused_message_is_told, 0, 4);
    tcase_add_test(cases, a_refused_text_closes);
    tcase_add_loop_test(cases, a_refused_newcomer_is_nobody, 0, CODEC_KINDS);
    tcase_add_test(cases, a_refused_name_is_told);
    tcase_add_test(cases, a_refused_leave_is_owed);
    tcase_add_loop_test(cases, a_refused_take_over_may_be_tried_again, 0, 2);
    tcase_add_test(cases, the_end_answers_all);
    tcase_add_test(cases, a_client_waits_for_its_own);
    tcase_add_test(cases, all_wait_together);
    suite_add_tcase(suite, cases);
    return suite;
}
