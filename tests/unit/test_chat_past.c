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
    tcase_add_checked_fixture(ping, world_setup, world_teardown);
    tcase_add_test(ping, answers_a_ping);
    suite_add_tcase(suite, history);
    suite_add_tcase(suite, ping);
    return suite;
}
