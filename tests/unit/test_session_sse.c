/* Event streams on a stream: silence, and each way to end. */
#include "conn_world.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "base/util.h"
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
    stream_env_flush(&world.conns.pool.env);
    stream_wake(&world.conn->stream);
    stream_env_flush(&world.conns.pool.env);
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
    stream_env_flush(&world.conns.pool.env);
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
    stream_env_flush(&world.conns.pool.env);
    pool_reap(&world.conns.pool);
    world_expect_end(STREAM_END_MEMORY);
    ck_assert_int_eq(world.closed, 1);
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
    suite_add_tcase(suite, tc);
    return suite;
}
