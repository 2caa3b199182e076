/* Messages of those who have no seat. */
#include "unit/chat_world.h"

#include "chat/post.h"

#define A (&peers[0])
#define B (&peers[1])
#define MANY 12

#define SUITE_NAME "post" WORLD_NAME

Suite *suite_post(void);

static struct sent {
    struct chat_post post;
    unsigned answers;
    uint64_t seq;
    bool is_refused;
} sent[MANY];
static char text[20001];

static void on_done(struct chat_post *post, const struct event *event, enum log_refusal why)
{
    struct sent *one = CONTAINER_OF(post, struct sent, post);

    (void)why;
    one->answers++;
    one->is_refused = event == NULL;
    one->seq = event != NULL ? event->seq : 0;
}

static enum chat_result post(size_t place, const char *room, const char *words)
{
    sent[place] = (struct sent){.post = {.done = on_done}};
    sent[place].post.event = (struct event){.text = str_from(words), .name = STR("bot")};
    return chat_post(&chat, &sent[place].post, str_from(room));
}

START_TEST(it_is_told_and_answered_once)
{
    enter(A, 1, CODEC_V1);
    enter(B, 2, CODEC_TEXT);
    skip_all(A);
    ck_assert_int_eq(post(0, LOBBY, "hi"), CHAT_OK);
    settle();
    ck_assert_uint_eq(sent[0].answers, 1);
    ck_assert(!sent[0].is_refused && sent[0].seq == 3);
    expect_start(A, "{\"type\":\"message\"");
    expect(B, "Client #0 says: hi");
    ck_assert_uint_eq(chat.asked, 0);
    check_books();
}
END_TEST

START_TEST(an_empty_room_keeps_it)
{
    ck_assert_int_eq(post(0, "new", "first"), CHAT_OK);
    settle();
    ck_assert_uint_eq(sent[0].seq, 1);
    ck_assert_uint_eq(room_named("new")->messages.count, 1);
    check_books();
}
END_TEST

/* Nobody who keeps up loses anything to a program that says much at once. */
START_TEST(it_waits_for_room_in_its_room)
{
    config.max_lag = 100000;
    config.max_message = 60000;
    world_restart();
    enter(A, 1, CODEC_TEXT);
    memset(text, 'x', 20000);
    for (size_t i = 0; i < MANY; i++)
        ck_assert_int_eq(post(i, LOBBY, text), CHAT_OK);
    settle();
    for (size_t i = 0; i < MANY; i++) {
        ck_assert_uint_eq(sent[i].answers, 1);
        ck_assert_uint_eq(sent[i].seq, i + 2);
        ck_assert_uint_eq(strlen(next_message(A)), 20000 + strlen("Client #0 says: "));
    }
    ck_assert(!A->was_closed);
    ck_assert_uint_eq(chat.asked, 0);
    check_books();
}
END_TEST

START_TEST(too_much_is_refused_at_once)
{
    ck_assert_int_eq(post(0, LOBBY, "x"), CHAT_OK);
    settle();
    chat.asked = CHAT_ASKED_TOTAL;
    ck_assert_int_eq(post(0, LOBBY, "x"), CHAT_FULL);
    chat.asked = CHAT_ASKED_TOTAL - 1;
    ck_assert_int_eq(post(0, LOBBY, "x"), CHAT_OK);
    chat.asked -= CHAT_ASKED_TOTAL - 1;
    settle();
    ck_assert_uint_eq(sent[0].answers, 1);
}
END_TEST

/* Whatever waits when the chat ends is answered, too. */
START_TEST(the_end_answers_all)
{
    config.max_lag = 100000;
    config.max_message = 60000;
    world_restart();
    enter(A, 1, CODEC_TEXT);
    memset(text, 'x', 20000);
    for (size_t i = 0; i < MANY; i++)
        ck_assert_int_eq(post(i, LOBBY, text), CHAT_OK);
    world_restart();
    for (size_t i = 0; i < MANY; i++)
        ck_assert_uint_eq(sent[i].answers, 1);
    ck_assert(sent[MANY - 1].is_refused);
}
END_TEST

Suite *suite_post(void)
{
    Suite *suite = suite_create(SUITE_NAME);
    TCase *tcase = tcase_create("post");

    tcase_add_checked_fixture(tcase, world_setup, world_teardown);
    tcase_add_test(tcase, it_is_told_and_answered_once);
    tcase_add_test(tcase, an_empty_room_keeps_it);
    tcase_add_test(tcase, it_waits_for_room_in_its_room);
    tcase_add_test(tcase, too_much_is_refused_at_once);
    tcase_add_test(tcase, the_end_answers_all);
    suite_add_tcase(suite, tcase);
    return suite;
}
