/* What is charged for what people do, where it is done: who makes the server work pays for it. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <check.h>

#include "base/tuning.h"
#include "proto/ws/frame.h"
#include "web_world.h"

Suite *suite_web_budget(void);

#define FIELDS                                                                                     \
    " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                        \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"                 \
    "Sec-WebSocket-Protocol: wschat.v1\r\n\r\n"

/* Lets all settle, so that the budgets are whole, sends the bytes, and returns what the ticks that
 * use them take off the budget of that kind. */
static int64_t price(enum stream_work kind, size_t peer, const void *bytes, size_t len)
{
    const struct stream_env *env = &web_world.conns.pool.env;
    int64_t whole, spent = 0;

    for (int i = 0; i < 16; i++)
        web_tick();
    whole = env->left[kind];
    ck_assert_int_eq(send(web_world.peers[peer].fd, bytes, len, 0), (ssize_t)len);
    for (int i = 0; i < 16; i++) {
        web_tick();
        spent += whole - env->left[kind];
    }
    return spent;
}

static int64_t price_of_request(size_t peer, const char *request)
{
    return price(STREAM_WORK_GUEST, peer, request, strlen(request));
}

static int64_t price_of_text(size_t peer, const char *text)
{
    struct ws_frame_header header = {
        .length = strlen(text), .opcode = WS_TEXT, .fin = true, .masked = true};
    uint8_t frame[WS_HEADER_MAX + 4096];
    size_t at = ws_frame_encode(frame, &header);

    memcpy(frame + at, text, strlen(text));
    return price(STREAM_WORK_MEMBER, peer, frame, at + strlen(text));
}

static void setup(void)
{
    web_setup();
    for (size_t i = 0; i < 4; i++)
        web_connect(i);
}

static int64_t say_something(size_t peer, size_t len)
{
    char text[3200];
    int n = snprintf(text, sizeof(text), "{\"type\":\"say\",\"text\":\"%0*d\"}", (int)len, 1);

    ck_assert_int_lt(n, (int)sizeof(text));
    return price_of_text(peer, text);
}

START_TEST(to_come_in_costs_more_than_to_ask)
{
    int64_t asked = price_of_request(0, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
    int64_t joined = price_of_request(1, "GET /ws/1?room=a&history=0" FIELDS);

    ck_assert_int_gt(asked, 50);
    ck_assert_int_gt(joined, asked + 100);
}
END_TEST

START_TEST(a_request_is_charged_by_its_length)
{
    char request[4200];
    int64_t brief, lengthy;

    if (TUNE_READ_BUFFER < sizeof(request))
        return; /* so many ticks are not waited for */
    brief = price_of_request(0, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
    snprintf(request, sizeof(request), "GET /nothing HTTP/1.1\r\nHost: x\r\nX: %04000d\r\n\r\n", 1);
    lengthy = price_of_request(0, request);
    ck_assert_int_gt(lengthy, brief + 40);
}
END_TEST

START_TEST(what_is_replayed_is_charged)
{
    int64_t without, with;

    price_of_request(0, "GET /ws/1?room=a&history=0" FIELDS);
    for (int i = 0; i < 20; i++)
        say_something(0, 1000);
    without = price_of_request(1, "GET /ws/2?room=a&history=0" FIELDS);
    with = price_of_request(2, "GET /ws/3?room=a&history=20" FIELDS);
    ck_assert_int_gt(with, without + 100);
}
END_TEST

START_TEST(what_is_said_is_charged_by_its_length)
{
    int64_t brief, lengthy;

    price_of_request(0, "GET /ws/1?room=a" FIELDS);
    brief = say_something(0, 1);
    lengthy = say_something(0, 3000);
    ck_assert_int_gt(brief, 10);
    ck_assert_int_gt(lengthy, brief + 50);
}
END_TEST

/* Asks for so many messages before the last one. */
static int64_t ask_history(const char *pos, int limit)
{
    char text[200];

    snprintf(text, sizeof(text), "{\"type\":\"history\",\"before\":\"%.*s\",\"limit\":%d}",
             (int)strcspn(pos, "\""), pos, limit);
    return price_of_text(0, text);
}

START_TEST(an_answer_is_charged_by_its_length)
{
    struct buf *got = &web_world.peers[0].got;
    const char *pos = NULL;
    int64_t one, many;

    price_of_request(0, "GET /ws/1?room=a&history=0" FIELDS);
    for (int i = 0; i < 20; i++)
        say_something(0, 1000);
    web_take_all();
    ck_assert_int_eq(buf_append(got, "", 1), 0);
    for (const char *at = (const char *)got->data + got->len - 1; at > (const char *)got->data;
         at--) {
        if (pos == NULL && strncmp(at, "\"pos\":\"", 7) == 0)
            pos = at + 7;
    }
    ck_assert_ptr_nonnull(pos);
    one = ask_history(pos, 1);
    many = ask_history(pos, 20);
    ck_assert_int_gt(many, one + 100);
}
END_TEST

Suite *suite_web_budget(void)
{
    Suite *suite = suite_create("web_budget");
    TCase *tc = tcase_create("web_budget");

    tcase_add_checked_fixture(tc, setup, web_teardown);
    tcase_add_test(tc, to_come_in_costs_more_than_to_ask);
    tcase_add_test(tc, a_request_is_charged_by_its_length);
    tcase_add_test(tc, what_is_replayed_is_charged);
    tcase_add_test(tc, what_is_said_is_charged_by_its_length);
    tcase_add_test(tc, an_answer_is_charged_by_its_length);
    suite_add_tcase(suite, tc);
    return suite;
}
