/* HTTP on a stream: answers that take long, bodies, answers that come later, the first bytes. */
#include "conn_world.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "base/tuning.h"
#include "base/util.h"
#include "pair.h"

Suite *suite_session_http(void);

/* ---- responses ---- */

START_TEST(a_response_that_nobody_takes)
{
    world_open(true, false, 0);
    world_ask("/long");
    world_pass(9999);
    ck_assert_uint_eq(world.conns.pool.count, 1);
    world_expect_timeout_within_two(10000);
}
END_TEST

START_TEST(a_response_that_is_taken_slowly)
{
    world_open(true, false, 0);
    world_ask("/long");
    for (int i = 0; i < 3; i++) {
        world_take_much();
        world_pass(10000);
        ck_assert_uint_eq(world.conns.pool.count, 1);
    }
    world_expect_timeout_within_two(10000);
}
END_TEST

START_TEST(a_response_that_is_taken_next_to_not_at_all)
{
    world_open(true, false, 0);
    world_ask("/long");
    for (int i = 0; i < 3 && world.conns.pool.count > 0; i++) {
        world_take(1000);
        world_pass(10000);
    }
    world_expect_end(STREAM_END_TIMEOUT);
}
END_TEST

/* ---- the start ---- */

START_TEST(what_has_come_is_read_at_the_start)
{
    static const char text[] = "GET /ws HTTP/1.1\r\nHost: x\r\n\r\n";
    struct peer who = {.is_known = true};

    if (TUNE_READ_BUFFER < sizeof(text))
        return; /* one read does not bring it all */
    world.conn = http_accept(&world.conns, pair_tcp(&world.peer), &who);
    ck_assert_int_eq(send(world.peer, text, sizeof(text) - 1, 0), sizeof(text) - 1);
    stream_start(&world.conn->stream, true);
    http_note_silence(world.conn, 1000);
    ck_assert(world.conn->is_member);
    ck_assert_uint_eq(world.conn->stream.opened, world.conns.pool.env.clock.now);
    ck_assert(stream_timer_is(&world.conn->stream, CONN_TIMER_IDLE));
}
END_TEST

START_TEST(who_was_silent_has_less_time)
{
    world_open(true, true, 1000);
    ck_assert_uint_eq(world.conn->stream.opened, world.conns.pool.env.clock.now - 1000);
    world_pass(999);
    ck_assert_int_eq(world.refused, 0);
    world_pass(1);
    ck_assert_int_eq(world.refused, 408);
}
END_TEST

/* Where it is not known to have been silent, that it has sent nothing means nothing. */
START_TEST(who_has_just_come_has_all_its_time)
{
    world_open(true, true, 0);
    ck_assert_uint_eq(world.conn->stream.opened, world.conns.pool.env.clock.now);
    world_pass(1999);
    ck_assert_int_eq(world.refused, 0);
    world_pass(1);
    ck_assert_int_eq(world.refused, 408);
}
END_TEST

START_TEST(who_was_silent_makes_room_sooner)
{
    world_open(true, true, 1000);
    world.conns.pool.env.clock.now += 999;
    ck_assert(!conns_drop_spare(&world.conns));
    world.conns.pool.env.clock.now += 1;
    ck_assert(conns_drop_spare(&world.conns));
    world_pass(0);
    world_expect_end(STREAM_END_SPARE);
}
END_TEST

START_TEST(who_is_gone_already)
{
    struct peer who = {.is_known = true};

    world.conn = http_accept(&world.conns, pair_tcp(&world.peer), &who);
    ck_assert_int_eq(shutdown(world.peer, SHUT_WR), 0);
    stream_start(&world.conn->stream, true);
    http_note_silence(world.conn, 1000);
    world_pass(0);
    world_expect_end(STREAM_END_LEFT);
}
END_TEST

/* ---- bodies ---- */

#define POST(path, fields) "POST " path " HTTP/1.1\r\nHost: x\r\n" fields "\r\n"

static void send_text(const char *text)
{
    world_send(text, strlen(text));
}

START_TEST(a_body_at_the_bound)
{
    world_open(true, false, 0);
    send_text(POST("/body", "Content-Length: 10\r\n") "0123456789");
    world_expect("[/body:0123456789]");
    send_text(POST("/body", "Content-Length: 0\r\n"));
    world_expect("[/body:]");
}
END_TEST

START_TEST(a_body_beyond_the_bound)
{
    world_open(true, false, 0);
    send_text(POST("/body", "Content-Length: 11\r\n"));
    ck_assert_int_eq(world.refused, 413);
    ck_assert_int_eq(world.requests, 0);
}
END_TEST

START_TEST(a_body_where_none_is_taken)
{
    world_open(true, false, 0);
    send_text(POST("/other", "Content-Length: 1\r\n") "x");
    ck_assert_int_eq(world.refused, 413);
    ck_assert_int_eq(world.requests, 0);
}
END_TEST

START_TEST(an_owner_that_takes_no_bodies)
{
    world.conns.body_limit = NULL;
    world_open(true, false, 0);
    send_text(POST("/body", "Content-Length: 1\r\n") "x");
    ck_assert_int_eq(world.refused, 413);
}
END_TEST

START_TEST(a_body_byte_by_byte)
{
    static const char text[] = POST("/body", "Content-Length: 3\r\n") "abc";

    world_open(true, false, 0);
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        ck_assert_int_eq(world.requests, 0);
        world_send(text + i, 1);
    }
    world_expect("[/body:abc]");
}
END_TEST

START_TEST(requests_behind_a_body)
{
    world_open(true, false, 0);
    send_text(POST("/body", "Content-Length: 3\r\n") "abc" POST(
        "/body", "Content-Length: 2\r\n") "de"
                                          "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
    world_expect("[/body:abc][/body:de][/x:]");
}
END_TEST

START_TEST(who_waits_for_a_100_gets_it)
{
    world_open(true, false, 0);
    send_text(POST("/body", "Content-Length: 3\r\nExpect: 100-continue\r\n"));
    world_expect("HTTP/1.1 100 Continue\r\n\r\n");
    send_text("abc");
    world_expect("[/body:abc]");
}
END_TEST

/* RFC 9110, 10.1.1: a server may leave it out where the body has come already, and a body that is
 * refused is not asked for. */
START_TEST(who_need_not_wait_gets_no_100)
{
    world_open(true, false, 0);
    send_text(POST("/body", "Content-Length: 3\r\nExpect: 100-continue\r\n") "abc");
    if (TUNE_READ_BUFFER > 1000)
        world_expect("[/body:abc]");
    send_text(POST("/body", "Content-Length: 11\r\nExpect: 100-continue\r\n"));
    ck_assert_int_eq(world.refused, 413);
}
END_TEST

START_TEST(a_body_that_does_not_come)
{
    world_open(true, false, 0);
    send_text(POST("/body", "Content-Length: 3\r\n") "ab");
    world_pass(1999);
    ck_assert_int_eq(world.refused, 0);
    world_pass(1);
    ck_assert_int_eq(world.refused, 408);
}
END_TEST

/* ---- answers that come later ---- */

START_TEST(what_follows_waits)
{
    world_open(true, false, 0);
    world_ask("/later");
    world_ask("/next");
    ck_assert_int_eq(world.requests, 1);
    world_pass(100000); /* nobody is in a hurry */
    ck_assert_uint_eq(world.conns.pool.count, 1);
    world_answer();
    ck_assert_ptr_null(world.wait.conn);
    world_expect("[later][/next:]");
    ck_assert_int_eq(world.gone, 0);
}
END_TEST

START_TEST(what_follows_in_one_piece_waits)
{
    world_open(true, false, 0);
    send_text("GET /later HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert_int_eq(world.requests, 1);
    world_answer();
    world_expect("[later][/next:]");
}
END_TEST

START_TEST(who_has_said_all_is_answered)
{
    world_open(true, false, 0);
    world_ask("/later");
    ck_assert_int_eq(shutdown(world.peer, SHUT_WR), 0);
    world_serve();
    world_answer();
    world_expect("[later]");
    world_serve();
    world_expect_end(STREAM_END_SERVED);
}
END_TEST

START_TEST(who_is_lost_is_told_of)
{
    world_open(true, false, 0);
    world_ask("/later");
    pair_reset(world.peer);
    world.peer = -1;
    world_serve();
    ck_assert_int_eq(world.gone, 1);
    world_expect_end(STREAM_END_RESET);
}
END_TEST

START_TEST(who_waits_when_the_server_ends_is_told_of)
{
    world_open(true, false, 0);
    world_ask("/later");
    ck_assert(conns_are_busy(&world.conns));
    conns_deinit(&world.conns);
    ck_assert_int_eq(world.gone, 1);
    ck_assert_int_eq(world.end, STREAM_END_SHUTDOWN);
    ck_assert_int_eq(conns_init(&world.conns, &world.reactor, 4, world_lengths), 0);
}
END_TEST

/* ---- states and events ---- */

enum situation { FRESH, IN_HEAD, IN_BODY, WAITING, SENDING, KEPT, ENDED, SITUATIONS };
enum { BAD = HAPPENINGS_OF_ALL, HAPPENINGS };

static void bring_to(enum situation situation)
{
    world_open(true, false, 0);
    if (situation == IN_HEAD)
        send_text("GET / HTTP/1.1\r\n");
    else if (situation == IN_BODY)
        send_text(POST("/body", "Content-Length: 3\r\n") "ab");
    else if (situation == WAITING)
        world_ask("/later");
    else if (situation == SENDING)
        world_ask("/long");
    else if (situation == KEPT)
        world_ask("/x");
    else if (situation == ENDED)
        send_text("\x01");
}

static void let_happen(int happening)
{
    if (happening == BAD)
        send_text("\x01");
    if (happening < HAPPENINGS_OF_ALL)
        world_happen((enum happening)happening, 3000);
    else
        world_serve();
}

/* Where it gets to, the status of a refusal (0: none), and whether who was to answer is told. */
static const struct {
    enum stream_state state;
    enum stream_end end;
    int refused;
    bool is_gone;
} table[SITUATIONS][HAPPENINGS] = {
    [FRESH] = {[BAD] = {STREAM_LINGER, STREAM_END_REFUSED, 400, false},
               [FIN] = {STREAM_DEAD, STREAM_END_LEFT, 0, false},
               [RST] = {STREAM_DEAD, STREAM_END_RESET, 0, false},
               [SHUT] = {STREAM_OPEN, STREAM_END_NONE, 0, false},
               [LAG] = {STREAM_DEAD, STREAM_END_LAGGED, 0, false},
               [OUT] = {STREAM_DEAD, STREAM_END_MEMORY, 0, false},
               [DROP] = {STREAM_DEAD, STREAM_END_SPARE, 0, false},
               [LATE] = {STREAM_LINGER, STREAM_END_TIMEOUT, 408, false}},
    [IN_HEAD] = {[BAD] = {STREAM_LINGER, STREAM_END_REFUSED, 400, false},
                 [FIN] = {STREAM_DEAD, STREAM_END_LEFT, 0, false},
                 [RST] = {STREAM_DEAD, STREAM_END_RESET, 0, false},
                 [SHUT] = {STREAM_OPEN, STREAM_END_NONE, 0, false},
                 [LAG] = {STREAM_DEAD, STREAM_END_LAGGED, 0, false},
                 [OUT] = {STREAM_DEAD, STREAM_END_MEMORY, 0, false},
                 [DROP] = {STREAM_DEAD, STREAM_END_SPARE, 0, false},
                 [LATE] = {STREAM_LINGER, STREAM_END_TIMEOUT, 408, false}},
    /* The third byte of the body, and what a peer sends that has no answer yet, is nothing bad. */
    [IN_BODY] = {[BAD] = {STREAM_OPEN, STREAM_END_NONE, 0, false},
                 [FIN] = {STREAM_DEAD, STREAM_END_LEFT, 0, false},
                 [RST] = {STREAM_DEAD, STREAM_END_RESET, 0, false},
                 [SHUT] = {STREAM_OPEN, STREAM_END_NONE, 0, false},
                 [LAG] = {STREAM_DEAD, STREAM_END_LAGGED, 0, false},
                 [OUT] = {STREAM_DEAD, STREAM_END_MEMORY, 0, false},
                 [DROP] = {STREAM_DEAD, STREAM_END_SPARE, 0, false},
                 [LATE] = {STREAM_LINGER, STREAM_END_TIMEOUT, 408, false}},
    [WAITING] = {[BAD] = {STREAM_OPEN, STREAM_END_NONE, 0, false},
                 [FIN] = {STREAM_OPEN, STREAM_END_NONE, 0, false},
                 [RST] = {STREAM_DEAD, STREAM_END_RESET, 0, true},
                 [SHUT] = {STREAM_OPEN, STREAM_END_NONE, 0, false},
                 [LAG] = {STREAM_DEAD, STREAM_END_LAGGED, 0, true},
                 [OUT] = {STREAM_DEAD, STREAM_END_MEMORY, 0, true},
                 [DROP] = {STREAM_DEAD, STREAM_END_SPARE, 0, true},
                 [LATE] = {STREAM_OPEN, STREAM_END_NONE, 0, false}},
    [SENDING] = {[BAD] = {STREAM_OPEN, STREAM_END_NONE, 0, false},
                 [FIN] = {STREAM_OPEN, STREAM_END_NONE, 0, false},
                 [RST] = {STREAM_DEAD, STREAM_END_RESET, 0, false},
                 [SHUT] = {STREAM_OPEN, STREAM_END_NONE, 0, false},
                 [LAG] = {STREAM_DEAD, STREAM_END_LAGGED, 0, false},
                 [OUT] = {STREAM_DEAD, STREAM_END_MEMORY, 0, false},
                 [DROP] = {STREAM_DEAD, STREAM_END_SPARE, 0, false},
                 [LATE] = {STREAM_OPEN, STREAM_END_NONE, 0, false}},
    [KEPT] = {[BAD] = {STREAM_LINGER, STREAM_END_REFUSED, 400, false},
              [FIN] = {STREAM_DEAD, STREAM_END_SERVED, 0, false},
              [RST] = {STREAM_DEAD, STREAM_END_RESET, 0, false},
              [SHUT] = {STREAM_OPEN, STREAM_END_NONE, 0, false},
              [LAG] = {STREAM_DEAD, STREAM_END_LAGGED, 0, false},
              [OUT] = {STREAM_DEAD, STREAM_END_MEMORY, 0, false},
              [DROP] = {STREAM_DEAD, STREAM_END_SPARE, 0, false},
              [LATE] = {STREAM_LINGER, STREAM_END_IDLE, 0, false}},
    [ENDED] = {[BAD] = {STREAM_LINGER, STREAM_END_REFUSED, 400, false},
               [FIN] = {STREAM_DEAD, STREAM_END_REFUSED, 400, false},
               [RST] = {STREAM_DEAD, STREAM_END_REFUSED, 400, false},
               [SHUT] = {STREAM_LINGER, STREAM_END_REFUSED, 400, false},
               [LAG] = {STREAM_DEAD, STREAM_END_REFUSED, 400, false},
               [OUT] = {STREAM_DEAD, STREAM_END_REFUSED, 400, false},
               [DROP] = {STREAM_DEAD, STREAM_END_REFUSED, 400, false},
               [LATE] = {STREAM_DEAD, STREAM_END_REFUSED, 400, false}},
};

START_TEST(each_state_and_each_event)
{
    enum situation situation = (enum situation)(_i / HAPPENINGS);
    int happening = _i % HAPPENINGS;
    const struct conn *conn;

    bring_to(situation);
    conn = world.conn;
    let_happen(happening);
    ck_assert_int_eq(conn->stream.state, table[situation][happening].state);
    ck_assert_int_eq(conn->stream.end, table[situation][happening].end);
    ck_assert_int_eq(world.refused, table[situation][happening].refused);
    ck_assert_int_eq(world.gone, table[situation][happening].is_gone);
    ck_assert_uint_eq(world.conns.members, 0);
    ck_assert_int_eq(world.closed, 0);
}
END_TEST

/* ---- budgets ---- */

#define MANY 200

/* One asks for more in a tick than is its share: it gets all its answers, but the other one need
 * not wait for that. */
START_TEST(who_asks_much_gets_its_share_of_a_tick)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    int first, before;

    world_open(true, false, 0);
    first = world.peer;
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(send(first, text, sizeof(text) - 1, 0), sizeof(text) - 1);
    world_open(true, false, 0);
    ck_assert_int_eq(send(world.peer, text, sizeof(text) - 1, 0), sizeof(text) - 1);
    for (int i = 0; i < 2 * MANY && world.requests < MANY + 1; i++) {
        before = world.requests;
        world_tick();
        ck_assert_int_le(world.requests, before + 20); /* the budget of a tick, in requests */
        if (i == 0 && TUNE_READ_BUFFER > 1000) {
            ck_assert_int_eq(world.requests, 6); /* five are a share */
        }
    }
    for (int i = 0; i < 1000 && world.requests < MANY + 1; i++)
        world_tick();
    ck_assert_int_eq(world.requests, MANY + 1);
    close(first);
}
END_TEST

/* ---- what it is doing ---- */

START_TEST(each_state_has_a_duty)
{
    world_open(true, false, 0);
    ck_assert_int_eq(conn_duty(world.conn), CONN_DUTY_NONE);
    send_text("GET /");
    ck_assert_int_eq(conn_duty(world.conn), CONN_DUTY_ASKING);
    send_text("x HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert_int_eq(conn_duty(world.conn), CONN_DUTY_NONE);
    send_text(POST("/body", "Content-Length: 3\r\n"));
    ck_assert_int_eq(conn_duty(world.conn), CONN_DUTY_ASKING);
    send_text("abc");
    world_ask("/later");
    ck_assert_int_eq(conn_duty(world.conn), CONN_DUTY_ASKING);
    conn_close(world.conn, 1000, "no member"); /* so this does nothing */
    world_answer();
    ck_assert_int_eq(conn_duty(world.conn), CONN_DUTY_NONE);
    send_text("\x01");
    ck_assert_int_eq(conn_duty(world.conn), CONN_DUTY_ENDING);
}
END_TEST

/* ---- whom the end of the server waits for ---- */

static bool is_waited_for(bool must_end)
{
    size_t place = 0;

    ck_assert(!conns_close_some(&world.conns, &place, SIZE_MAX, 1001, "away"));
    world_serve();
    /* The peer's system may take its time to say what it has. */
    for (int i = 0; i < 4000 && must_end && conns_are_busy(&world.conns); i++)
        poll(NULL, 0, 5);
    return conns_are_busy(&world.conns);
}

START_TEST(who_has_its_answer_is_not_waited_for)
{
    world_open(true, false, 0);
    world_ask("/x");
    ck_assert(!is_waited_for(true)); /* though it keeps the connection, and has not ended it */
    ck_assert_int_eq(world.conn->stream.state, STREAM_LINGER);
}
END_TEST

START_TEST(who_has_asked_for_nothing_is_not_waited_for)
{
    world_open(true, false, 0);
    ck_assert(!is_waited_for(true));
    close(world.peer);
    world_open(true, false, 0);
    world_send("GET /", 5);
    ck_assert(!is_waited_for(true));
}
END_TEST

START_TEST(who_is_still_to_get_something_is_waited_for)
{
    world_open(true, false, 0);
    world_ask("/long");
    ck_assert(is_waited_for(false));
    for (size_t left = WORLD_BODY + 19; left > 0; left -= min_size(left, 4096)) {
        world_take(min_size(left, 4096));
        world_serve();
    }
    ck_assert(!is_waited_for(true));
}
END_TEST

/* A body is released once, whatever becomes of it. */
START_TEST(a_body_is_released)
{
    world_open(true, false, 0);
    world_ask("/long");
    ck_assert_int_eq(world.released, 0);
    stream_drop(&world.conn->stream, STREAM_END_HOST);
    world_pass(0);
    ck_assert_int_eq(world.released, 1);
}
END_TEST

START_TEST(a_body_without_a_head_is_released)
{
    struct http_body long_body = {.data = "x", .len = 1, .release = NULL};

    world_open(true, false, 0);
    http_respond(world.conn, NULL, &long_body, false, true);
    world_pass(0);
    world_expect_end(STREAM_END_MEMORY);
}
END_TEST

Suite *suite_session_http(void)
{
    Suite *suite = suite_create("session_http");
    TCase *tc = tcase_create("session_http");

    tcase_add_checked_fixture(tc, world_setup, world_teardown);
    tcase_add_test(tc, a_response_that_nobody_takes);
    tcase_add_test(tc, a_response_that_is_taken_slowly);
    tcase_add_test(tc, a_response_that_is_taken_next_to_not_at_all);
    tcase_add_test(tc, what_has_come_is_read_at_the_start);
    tcase_add_test(tc, who_was_silent_has_less_time);
    tcase_add_test(tc, who_has_just_come_has_all_its_time);
    tcase_add_test(tc, who_was_silent_makes_room_sooner);
    tcase_add_test(tc, who_is_gone_already);
    tcase_add_test(tc, a_body_at_the_bound);
    tcase_add_test(tc, a_body_beyond_the_bound);
    tcase_add_test(tc, a_body_where_none_is_taken);
    tcase_add_test(tc, an_owner_that_takes_no_bodies);
    tcase_add_test(tc, a_body_byte_by_byte);
    tcase_add_test(tc, requests_behind_a_body);
    tcase_add_test(tc, who_waits_for_a_100_gets_it);
    tcase_add_test(tc, who_need_not_wait_gets_no_100);
    tcase_add_test(tc, a_body_that_does_not_come);
    tcase_add_test(tc, what_follows_waits);
    tcase_add_test(tc, what_follows_in_one_piece_waits);
    tcase_add_test(tc, who_has_said_all_is_answered);
    tcase_add_test(tc, who_is_lost_is_told_of);
    tcase_add_test(tc, who_waits_when_the_server_ends_is_told_of);
    tcase_add_test(tc, who_asks_much_gets_its_share_of_a_tick);
    tcase_add_test(tc, each_state_has_a_duty);
    tcase_add_test(tc, who_has_its_answer_is_not_waited_for);
    tcase_add_test(tc, who_has_asked_for_nothing_is_not_waited_for);
    tcase_add_test(tc, who_is_still_to_get_something_is_waited_for);
    tcase_add_test(tc, a_body_is_released);
    tcase_add_test(tc, a_body_without_a_head_is_released);
    tcase_add_loop_test(tc, each_state_and_each_event, 0, SITUATIONS * HAPPENINGS);
    suite_add_tcase(suite, tc);
    return suite;
}
