/* WebSockets on a stream: pings, the close handshake, the rate; each state and each event. */
#include "conn_world.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "base/tuning.h"
#include "base/util.h"
#include "pair.h"
#include "session/ws.h"

Suite *suite_session_ws(void);

static const uint8_t payload[40000];

/* ---- pings ---- */

/* Opens a WebSocket to which more is to be sent than the kernels keep. */
static void open_backlog(void)
{
    world_open(true, false, 0);
    world_ask("/ws");
    for (int i = 0; i < 100; i++)
        ws_send(world.conn, WS_BINARY, STR(""), payload, 40000);
    world_flush();
    ck_assert(world.conn->stream.is_blocked);
}

START_TEST(a_ping_that_is_not_answered)
{
    world_open(true, false, 0);
    world_ask("/ws");
    world_pass(24999);
    world_pass(1);
    ck_assert_uint_eq(world.conns.pool.count, 1);
    world_pass(4999);
    ck_assert_uint_eq(world.conns.pool.count, 1);
    world_pass(1);
    world_expect_end(STREAM_END_TIMEOUT);
}
END_TEST

START_TEST(a_ping_behind_what_is_taken_slowly)
{
    open_backlog();
    world_pass(25000);
    for (int i = 0; i < 3; i++) {
        world_take_much();
        world_pass(5000);
        ck_assert_uint_eq(world.conns.pool.count, 1);
    }
    world_expect_timeout_within_two(5000);
}
END_TEST

START_TEST(a_ping_behind_what_nobody_takes)
{
    open_backlog();
    world_pass(25000);
    world_expect_timeout_within_two(5000);
}
END_TEST

/* Of a unix socket the kernel does not tell how much was taken. */
START_TEST(a_ping_on_a_unix_socket)
{
    world_open(false, false, 0);
    world_ask("/ws");
    for (int i = 0; i < 100; i++)
        ws_send(world.conn, WS_BINARY, STR(""), payload, 40000);
    world_flush();
    world_pass(25000);
    world_take(40000);
    world_pass(5000);
    world_expect_end(STREAM_END_TIMEOUT);
}
END_TEST

/* ---- states and events ---- */

enum situation { TALKING, CLOSING, ENDED, SITUATIONS };
enum { TEXT = HAPPENINGS_OF_ALL, CLOSE, BROKEN, HAPPENINGS };

static const char a_text[] = "\x81\x82\0\0\0\0hi", a_close[] = "\x88\x82\0\0\0\0\x03\xe8",
                  an_error[] = "\xff\x80\0\0\0\0";

static void bring_to(enum situation situation)
{
    world_open(true, false, 0);
    world_ask("/ws");
    if (situation == CLOSING)
        conn_close(world.conn, 1001, "away");
    world_serve();
    if (situation == ENDED)
        world_send(a_close, sizeof(a_close) - 1);
}

static void let_happen(int happening)
{
    if (happening == TEXT)
        world_send(a_text, sizeof(a_text) - 1);
    else if (happening == CLOSE)
        world_send(a_close, sizeof(a_close) - 1);
    else if (happening == BROKEN)
        world_send(an_error, sizeof(an_error) - 1);
    if (happening < HAPPENINGS_OF_ALL)
        world_happen((enum happening)happening, 25000);
    else
        world_serve();
}

/* Where it gets to; the code that counts, 0 while it is a member; has it been broken off? */
static const struct {
    enum stream_state state;
    bool is_closing;
    uint16_t code;
    bool is_broken;
    enum stream_end end;
} table[SITUATIONS][HAPPENINGS] = {
    [TALKING] = {[TEXT] = {STREAM_OPEN, false, 0, false, STREAM_END_NONE},
                 [CLOSE] = {STREAM_LINGER, true, 1000, false, STREAM_END_CLOSED},
                 [BROKEN] = {STREAM_LINGER, true, 1002, false, STREAM_END_PROTOCOL},
                 [FIN] = {STREAM_DEAD, true, 1006, true, STREAM_END_LEFT},
                 [RST] = {STREAM_DEAD, true, 1006, true, STREAM_END_RESET},
                 [SHUT] = {STREAM_OPEN, true, 1011, false, STREAM_END_HOST},
                 [LAG] = {STREAM_OPEN, true, 1013, true, STREAM_END_LAGGED},
                 [OUT] = {STREAM_OPEN, true, 1011, false, STREAM_END_MEMORY},
                 [DROP] = {STREAM_DEAD, true, 1006, true, STREAM_END_SPARE},
                 [LATE] = {STREAM_OPEN, false, 0, false, STREAM_END_NONE}},
    /* The first code counts. */
    [CLOSING] = {[TEXT] = {STREAM_OPEN, true, 1001, false, STREAM_END_HOST},
                 [CLOSE] = {STREAM_LINGER, true, 1001, false, STREAM_END_HOST},
                 [BROKEN] = {STREAM_LINGER, true, 1001, false, STREAM_END_HOST},
                 [FIN] = {STREAM_DEAD, true, 1001, false, STREAM_END_HOST},
                 [RST] = {STREAM_DEAD, true, 1001, false, STREAM_END_HOST},
                 [SHUT] = {STREAM_OPEN, true, 1001, false, STREAM_END_HOST},
                 [LAG] = {STREAM_OPEN, true, 1001, false, STREAM_END_HOST},
                 [OUT] = {STREAM_DEAD, true, 1001, false, STREAM_END_HOST},
                 [DROP] = {STREAM_DEAD, true, 1001, false, STREAM_END_HOST},
                 [LATE] = {STREAM_DEAD, true, 1001, false, STREAM_END_HOST}},
    [ENDED] = {[TEXT] = {STREAM_LINGER, true, 1000, false, STREAM_END_CLOSED},
               [CLOSE] = {STREAM_LINGER, true, 1000, false, STREAM_END_CLOSED},
               [BROKEN] = {STREAM_LINGER, true, 1000, false, STREAM_END_CLOSED},
               [FIN] = {STREAM_DEAD, true, 1000, false, STREAM_END_CLOSED},
               [RST] = {STREAM_DEAD, true, 1000, false, STREAM_END_CLOSED},
               [SHUT] = {STREAM_LINGER, true, 1000, false, STREAM_END_CLOSED},
               [LAG] = {STREAM_LINGER, true, 1000, false, STREAM_END_CLOSED},
               [OUT] = {STREAM_DEAD, true, 1000, false, STREAM_END_CLOSED},
               [DROP] = {STREAM_DEAD, true, 1000, false, STREAM_END_CLOSED},
               [LATE] = {STREAM_DEAD, true, 1000, false, STREAM_END_CLOSED}},
};

START_TEST(each_state_and_each_event)
{
    enum situation situation = (enum situation)(_i / HAPPENINGS);
    int happening = _i % HAPPENINGS;
    const struct conn *conn;

    bring_to(situation);
    conn = world.conn;
    if (situation == ENDED && happening == RST)
        world_serve();
    let_happen(happening);
    ck_assert_msg(conn->stream.state == table[situation][happening].state,
                  "state %d in situation %d after %d", conn->stream.state, situation, happening);
    ck_assert_int_eq(conn->is_closing, table[situation][happening].is_closing);
    ck_assert_int_eq(conn->close_code, table[situation][happening].code);
    ck_assert_int_eq(conn->stream.end, table[situation][happening].end);
    ck_assert_int_eq(world.closed, conn->is_closing); /* it is told once, or not at all */
    ck_assert_int_eq(world.was_broken, table[situation][happening].is_broken);
    ck_assert_uint_eq(world.conns.members, !conn->is_closing);
    ck_assert_int_eq(world.messages, situation == TALKING && happening == TEXT);
}
END_TEST

/* ---- the rate ---- */

START_TEST(who_is_over_its_rate_is_read_later)
{
    struct clock *clock = &world.conns.pool.env.clock;

    world.conns.rate = rate_of(100, 2);
    world_open(true, false, 0);
    world_ask("/ws");
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(send(world.peer, a_text, sizeof(a_text) - 1, 0), sizeof(a_text) - 1);
    world_serve();
    ck_assert_int_eq(world.messages, 2);
    clock->now_ns += 10 * CLOCK_NS_PER_MS;
    world_pass(10);
    world_serve();
    ck_assert_int_eq(world.messages, 3);
    clock->now_ns += 1000 * CLOCK_NS_PER_MS;
    world_pass(1000);
    world_serve();
    ck_assert_int_eq(world.messages, 4);
    ck_assert_uint_eq(world.conns.counters.throttled, 2);
}
END_TEST

/* Two messages a second by their bytes, though a hundred might come. */
START_TEST(bytes_count_as_they_go_out)
{
    struct clock *clock = &world.conns.pool.env.clock;

    world.conns.rate = rate_of(100, 100);
    world.conns.rate_bytes = 2000;
    world.charge = 1000;
    world_open(true, false, 0);
    world_ask("/ws");
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(send(world.peer, a_text, sizeof(a_text) - 1, 0), sizeof(a_text) - 1);
    world_serve();
    ck_assert_int_eq(world.messages, 2); /* a second's worth is the burst */
    clock->now_ns += 500 * CLOCK_NS_PER_MS;
    world_pass(500);
    world_serve();
    ck_assert_int_eq(world.messages, 3);
    /* a message that is shorter than its turn costs no more than that */
    world.charge = 1;
    clock->now_ns += 1000 * CLOCK_NS_PER_MS;
    world_pass(1000);
    world_serve();
    ck_assert_int_eq(world.messages, 6);
}
END_TEST

/* Four empty blocks with codes of their own take 45 bytes: eight of those in a text message. */
#define OWN_CODES                                                                                  \
    "\x04\xc0\x81\0\0\0\0\0\x90\xff\x6b\x10\0\x07\x02\0\0\0\0\x40\xfe\xaf\x41\0\x1c\x08\0\0\0\0\0" \
    "\xf9\xbf\x06\x01\x70\x20\0\0\0\0\0\xe4\xff\x1a"
static const char hard[] = "\xc1\xdb\0\0\0\0" OWN_CODES OWN_CODES "\0";

/* A message of which nothing comes out pays for what it took to see that. */
START_TEST(unpacking_is_paid_for)
{
    static const char empty[] = "\xc1\x81\0\0\0\0\0";
    struct clock *clock = &world.conns.pool.env.clock;

    world.conns.rate = rate_of(100, 100);
    world.conns.rate_bytes = 1000;
    world_open(true, false, 0);
    world_ask("/ws");
    world_send(hard, sizeof(hard) - 1);
    world_serve();
    ck_assert_int_eq(world.messages, 1);
    world_send(empty, sizeof(empty) - 1);
    world_serve();
    ck_assert_int_eq(world.messages, 1);
    clock->now_ns += 4000 * CLOCK_NS_PER_MS;
    world_pass(4000);
    world_serve();
    ck_assert_int_eq(world.messages, 2);
}
END_TEST

/* Pings have no rate, but they have a share, twice in a tick at most. */
START_TEST(a_flood_of_pings_has_its_share_of_a_tick)
{
    static const char ping[] = "\x89\x80\0\0\0\0";
    uint64_t before;

    world_open(true, false, 0);
    world_ask("/ws");
    before = world.conn->stream.sent;
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(send(world.peer, ping, sizeof(ping) - 1, 0), sizeof(ping) - 1);
    for (int i = 0; i < 8; i++) {
        world_tick();
        ck_assert_uint_le(world.conn->stream.sent - before, 2 * 2 * 125 * (uint64_t)(i + 1));
    }
    for (int i = 0; i < 1000 && world.conn->stream.sent - before < 2000; i++)
        world_tick();
    ck_assert_uint_eq(world.conn->stream.sent - before, 2000);
}
END_TEST

/* ---- telling of control frames ---- */

/* What the 101 leaves for the peer is taken already. */
static void open_told(void)
{
    world_open(true, false, 0);
    world_ask("/told");
    world_expect("HTTP/1.1 101 Switching Protocols\r\n\r\n");
}

START_TEST(what_comes_at_once_is_told_at_once)
{
    static const char frames[] = "\x89\x81\0\0\0\0a"
                                 "\x8a\x80\0\0\0\0"
                                 "\x89\x81\0\0\0\0b";

    open_told();
    world_send(frames, sizeof(frames) - 1);
    if (TUNE_READ_BUFFER < sizeof(frames))
        return; /* they cannot come at once */
    world_expect("\x8a\x01"
                 "a\x8a\x01"
                 "b\x81\x06ping<2\x81\x06pong>2\x81\x06pong<1");
}
END_TEST

START_TEST(the_servers_own_pings_are_told)
{
    open_told();
    world_pass(25000);
    world_take(2);
    world_expect("\x81\x06ping>1");
    world_send("\x8a\x80\0\0\0", 6);
    world_expect("\x81\x06pong<1");
}
END_TEST

START_TEST(closes_are_told_before_they_go)
{
    open_told();
    conn_close(world.conn, 1001, "away");
    world_serve();
    world_expect("\x81\x07"
                 "close>1\x88\x06\x03\xe9"
                 "away");
    world_send("\x89\x80\0\0\0", 6);
    world_send(a_close, sizeof(a_close) - 1);
    ck_assert_int_eq(world.told, 1);
}
END_TEST

START_TEST(the_answer_to_a_close_is_told)
{
    open_told();
    world_send(a_close, sizeof(a_close) - 1);
    world_expect("\x81\x07"
                 "close<1\x81\x07"
                 "close>1\x88\x02\x03\xe8");
    ck_assert_int_eq(world.told, 2);
}
END_TEST

START_TEST(nobody_is_told_who_has_not_asked)
{
    static const struct ws_controls none;

    world_open(true, false, 0);
    world_ask("/ws");
    world_send("\x89\x80\0\0\0", 6);
    world_pass(25000);
    world_send(a_close, sizeof(a_close) - 1);
    ck_assert_int_eq(world.told, 0);
    ck_assert_mem_eq(&world.conns.controls, &none, sizeof(none)); /* nor is anything noted */
}
END_TEST

/* Else pings would make more than their pongs without end. */
START_TEST(what_is_told_has_the_rate_of_messages)
{
    struct clock *clock = &world.conns.pool.env.clock;
    int told;

    world.conns.rate = rate_of(10, 4);
    open_told();
    for (int i = 0; i < 20; i++) {
        world_send("\x89\x80\0\0\0", 6);
        world_serve();
    }
    told = world.told;
    ck_assert_int_ge(told, 4);
    ck_assert_int_le(told, 6); /* a ping has two, and may begin within the rate */
    ck_assert_uint_eq(world.conns.counters.throttled, 1);
    clock->now_ns += 2000 * CLOCK_NS_PER_MS;
    world_pass(2000);
    world_serve();
    ck_assert_int_gt(world.told, told);
}
END_TEST

static int let_ring_go(struct conn *conn, bool is_broken)
{
    (void)is_broken;
    ck_assert_int_eq(sendq_detach(&conn->stream.out, 0), 0);
    return 0;
}

/* Nothing may be put into the queue of one who is too slow for its room, and nothing behind a frame
 * that is missing. */
START_TEST(a_queue_that_is_spoilt_is_told_nothing)
{
    uint8_t frame[100] = {0};
    struct ring ring;

    ring_init(&ring, 4096);
    open_told();
    world.conns.on_close = let_ring_go;
    sendq_attach(&world.conn->stream.out, &ring);
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(ring_reserve_forced(&ring, sizeof(frame)), 0);
        ring_append(&ring, frame, sizeof(frame));
    }
    ck_assert(sendq_is_overrun(&world.conn->stream.out));
    world_happen(LAG, 0);
    ck_assert_int_eq(world.told, 0);
    ck_assert(!world.conns.controls.are_there);
    ring_deinit(&ring);
    open_told();
    sendq_mark_incomplete(&world.conn->stream.out);
    conn_close(world.conn, 1001, "away");
    ck_assert_int_eq(world.told, 0);
}
END_TEST

static void add_told_tests(Suite *suite)
{
    TCase *tc = tcase_create("told");

    tcase_add_checked_fixture(tc, world_setup, world_teardown);
    tcase_add_test(tc, what_comes_at_once_is_told_at_once);
    tcase_add_test(tc, the_servers_own_pings_are_told);
    tcase_add_test(tc, closes_are_told_before_they_go);
    tcase_add_test(tc, the_answer_to_a_close_is_told);
    tcase_add_test(tc, nobody_is_told_who_has_not_asked);
    tcase_add_test(tc, what_is_told_has_the_rate_of_messages);
    tcase_add_test(tc, a_queue_that_is_spoilt_is_told_nothing);
    suite_add_tcase(suite, tc);
}

Suite *suite_session_ws(void)
{
    Suite *suite = suite_create("session_ws");
    TCase *tc = tcase_create("session_ws");

    tcase_add_checked_fixture(tc, world_setup, world_teardown);
    tcase_add_test(tc, a_ping_that_is_not_answered);
    tcase_add_test(tc, a_ping_behind_what_is_taken_slowly);
    tcase_add_test(tc, a_ping_behind_what_nobody_takes);
    tcase_add_test(tc, a_ping_on_a_unix_socket);
    tcase_add_loop_test(tc, each_state_and_each_event, 0, SITUATIONS * HAPPENINGS);
    tcase_add_test(tc, who_is_over_its_rate_is_read_later);
    tcase_add_test(tc, bytes_count_as_they_go_out);
    tcase_add_test(tc, unpacking_is_paid_for);
    tcase_add_test(tc, a_flood_of_pings_has_its_share_of_a_tick);
    suite_add_tcase(suite, tc);
    add_told_tests(suite);
    return suite;
}
