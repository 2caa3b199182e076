/* Event streams on a stream: silence, and each way to end. */
#include "conn_world.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "base/util.h"
#include "pair.h"
#include "session/sse.h"

Suite *suite_session_sse(void);

static const uint8_t payload[40000];

static void open_stream(void)
{
    world_open(true, false, 0);
    world_ask("/events");
    world_expect("[events]");
    ck_assert_uint_eq(world.conns.members, 1);
}

static void say(const char *text)
{
    ck_assert_int_eq(sendq_push(&world.conn->stream.out, text, strlen(text)), 0);
    stream_wake(&world.conn->stream);
    world_tick();
    world_expect(text);
}

/* ---- silence ---- */

START_TEST(who_hears_nothing_for_a_while_hears_that_we_are_there)
{
    open_stream();
    world_pass(5000); /* its head was sent */
    for (int i = 0; i < 3; i++) {
        world_pass(5000);
        world_pass(4999);
        ck_assert_uint_eq(sendq_cost(&world.conn->stream.out), 0);
        world_pass(1);
        world_expect(":\n\n");
        world_pass(5000);
    }
    ck_assert_uint_eq(world.conns.pool.count, 1);
}
END_TEST

START_TEST(who_hears_something_hears_no_more_than_that)
{
    open_stream();
    for (int i = 0; i < 5; i++) {
        world_pass(5000);
        say("data: x\n\n");
    }
    world_pass(5000);
    world_pass(5000);
    ck_assert(sendq_is_empty(&world.conn->stream.out));
}
END_TEST

START_TEST(who_takes_nothing_is_given_up)
{
    open_stream();
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(sendq_push(&world.conn->stream.out, payload, sizeof(payload)), 0);
    world_flush();
    stream_wake(&world.conn->stream);
    world_flush();
    ck_assert(world.conn->stream.is_blocked);
    for (int i = 0; i < 5; i++)
        world_pass(5000);
    ck_assert_uint_eq(world.conns.pool.count, 1);
    world_pass(5000);
    world_pass(5000);
    world_expect_end(STREAM_END_TIMEOUT);
}
END_TEST

START_TEST(who_takes_some_is_not)
{
    open_stream();
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(sendq_push(&world.conn->stream.out, payload, sizeof(payload)), 0);
    stream_wake(&world.conn->stream);
    world_flush();
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < 5; k++)
            world_pass(5000);
        world_take_much();
    }
    ck_assert_uint_eq(world.conns.pool.count, 1);
}
END_TEST

/* ---- ends ---- */

START_TEST(a_close_is_the_end_of_the_bytes)
{
    open_stream();
    conn_close(world.conn, 4401, "over");
    world_tick();
    ck_assert_int_eq(world.closed, 1);
    ck_assert_uint_eq(world.conns.members, 0);
    ck_assert_uint_eq(world.conns.counters.closes[4401 - CONN_CLOSE_FIRST], 1);
    conn_close(world.conn, 4401, "over");
    shutdown(world.peer, SHUT_WR);
    world_serve();
    world_pass(0);
    world_expect_end(STREAM_END_HOST);
    ck_assert_int_eq(world.closed, 1);
}
END_TEST

START_TEST(the_peer_may_go)
{
    open_stream();
    shutdown(world.peer, SHUT_WR);
    world_serve();
    world_pass(0);
    world_expect_end(STREAM_END_LEFT);
    ck_assert_int_eq(world.closed, 1);
}
END_TEST

START_TEST(what_a_listener_sends_is_dropped)
{
    static const char request[] = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

    open_stream();
    world_send(request, sizeof(request) - 1);
    ck_assert_int_eq(world.requests, 1);
    say("data: x\n\n");
}
END_TEST

START_TEST(who_lags_is_let_go)
{
    open_stream();
    world.conn->stream.ops->on_lag(&world.conn->stream);
    ck_assert_uint_eq(world.conns.counters.lagged, 1);
    ck_assert_int_eq(world.closed, 1);
    ck_assert_int_eq(world.conn->stream.state, STREAM_LINGER);
}
END_TEST

START_TEST(memory_that_is_out_ends_it)
{
    open_stream();
    sendq_mark_incomplete(&world.conn->stream.out);
    stream_wake(&world.conn->stream);
    world_flush();
    pool_reap(&world.conns.pool);
    world_expect_end(STREAM_END_MEMORY);
    ck_assert_int_eq(world.closed, 1);
}
END_TEST

/* ---- states and events ---- */

enum situation { LISTENING, BEHIND, ENDING, SITUATIONS };
enum { INPUT = HAPPENINGS_OF_ALL, HAPPENINGS };

/* More than the sockets keep. */
static void fall_behind(void)
{
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(sendq_push(&world.conn->stream.out, payload, sizeof(payload)), 0);
    stream_wake(&world.conn->stream);
    world_flush();
    ck_assert(world.conn->stream.is_blocked);
}

static void bring_to(enum situation situation)
{
    open_stream();
    if (situation == BEHIND)
        fall_behind();
    else if (situation == ENDING)
        conn_close(world.conn, 4401, "over");
    world_tick();
}

static void let_happen(int happening)
{
    if (happening == INPUT)
        world_send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n", 27);
    if (happening < HAPPENINGS_OF_ALL)
        world_happen((enum happening)happening, 5000);
    else
        world_serve();
}

/* Where it gets to, what ends it, and the code that counts: 0 while it is a member. */
static const struct {
    enum stream_state state;
    enum stream_end end;
    uint16_t code;
} table[SITUATIONS][HAPPENINGS] = {
    [LISTENING] = {[INPUT] = {STREAM_OPEN, STREAM_END_NONE, 0},
                   [FIN] = {STREAM_DEAD, STREAM_END_LEFT, 1006},
                   [RST] = {STREAM_DEAD, STREAM_END_RESET, 1006},
                   [SHUT] = {STREAM_LINGER, STREAM_END_HOST, 1011},
                   [LAG] = {STREAM_LINGER, STREAM_END_LAGGED, 1013},
                   [OUT] = {STREAM_DEAD, STREAM_END_MEMORY, 1011},
                   [DROP] = {STREAM_DEAD, STREAM_END_SPARE, 1006},
                   [LATE] = {STREAM_OPEN, STREAM_END_NONE, 0}},
    /* Who does not take what it is sent is not read, so that its FIN is seen later. */
    [BEHIND] = {[INPUT] = {STREAM_OPEN, STREAM_END_NONE, 0},
                [FIN] = {STREAM_OPEN, STREAM_END_NONE, 0},
                [RST] = {STREAM_DEAD, STREAM_END_RESET, 1006},
                [SHUT] = {STREAM_LINGER, STREAM_END_HOST, 1011},
                [LAG] = {STREAM_LINGER, STREAM_END_LAGGED, 1013},
                [OUT] = {STREAM_DEAD, STREAM_END_MEMORY, 1011},
                [DROP] = {STREAM_DEAD, STREAM_END_SPARE, 1006},
                [LATE] = {STREAM_OPEN, STREAM_END_NONE, 0}},
    /* The first code counts. */
    [ENDING] = {[INPUT] = {STREAM_LINGER, STREAM_END_HOST, 4401},
                [FIN] = {STREAM_DEAD, STREAM_END_HOST, 4401},
                [RST] = {STREAM_DEAD, STREAM_END_HOST, 4401},
                [SHUT] = {STREAM_LINGER, STREAM_END_HOST, 4401},
                [LAG] = {STREAM_LINGER, STREAM_END_HOST, 4401},
                [OUT] = {STREAM_DEAD, STREAM_END_HOST, 4401},
                [DROP] = {STREAM_DEAD, STREAM_END_HOST, 4401},
                [LATE] = {STREAM_DEAD, STREAM_END_HOST, 4401}},
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
    ck_assert_int_eq(conn->close_code, table[situation][happening].code);
    ck_assert_int_eq(world.closed, conn->close_code != 0); /* it is told once, or not at all */
    ck_assert_uint_eq(world.conns.members, conn->close_code == 0);
    ck_assert_int_eq(world.requests, 1);
}
END_TEST

Suite *suite_session_sse(void)
{
    Suite *suite = suite_create("session_sse");
    TCase *tc = tcase_create("session_sse");

    tcase_add_checked_fixture(tc, world_setup, world_teardown);
    tcase_add_test(tc, who_hears_nothing_for_a_while_hears_that_we_are_there);
    tcase_add_test(tc, who_hears_something_hears_no_more_than_that);
    tcase_add_test(tc, who_takes_nothing_is_given_up);
    tcase_add_test(tc, who_takes_some_is_not);
    tcase_add_test(tc, a_close_is_the_end_of_the_bytes);
    tcase_add_test(tc, the_peer_may_go);
    tcase_add_test(tc, what_a_listener_sends_is_dropped);
    tcase_add_test(tc, who_lags_is_let_go);
    tcase_add_test(tc, memory_that_is_out_ends_it);
    tcase_add_loop_test(tc, each_state_and_each_event, 0, SITUATIONS * HAPPENINGS);
    suite_add_tcase(suite, tc);
    return suite;
}
