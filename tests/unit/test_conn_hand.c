/* Connections that are handed to another process at every place where that can happen: those at
 * their other ends cannot tell. */
#include "conn_world.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "base/util.h"
#include "hand_pipe.h"
#include "proto/codec/codec.h"
#include "session/conn_hand.h"
#include "session/ws.h"

Suite *suite_conn_hand(void);

static uint8_t got[65536];
static size_t got_len;

/* What the peer can take now. */
static void collect(void)
{
    ssize_t n;

    do {
        n = recv(world.peer, got + got_len, sizeof(got) - got_len, MSG_DONTWAIT);
        got_len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
}

static void say(const void *bytes, size_t len)
{
    if (len > 0)
        world_send(bytes, len);
    world_serve();
    collect();
}

static void begin(const char *path)
{
    world_teardown();
    world_setup();
    world.echoes = true;
    world_open(true, false, 0);
    got_len = 0;
    if (path != NULL)
        world_ask(path);
    collect();
}

static uint8_t wanted[65536];
static size_t wanted_len;

/* Says all of it to a new connection, with a pause after each `step` bytes from the `first` on, in
 * which it is handed over or not. */
static void play(const char *path, struct str script, size_t first, size_t step, bool hands_over)
{
    size_t at = min_size(first, script.len);

    begin(path);
    say(script.ptr, at);
    for (;;) {
        size_t part = min_size(step, script.len - at);

        if (hands_over)
            world_hand_over();
        say(script.ptr + at, part);
        at += part;
        if (part == 0)
            return;
    }
}

static void play_both(const char *path, struct str script, size_t first, size_t step)
{
    play(path, script, first, step, false);
    memcpy(wanted, got, got_len);
    wanted_len = got_len;
    ck_assert_uint_gt(wanted_len, 0);
    play(path, script, first, step, true);
    ck_assert_msg(got_len == wanted_len && memcmp(got, wanted, got_len) == 0,
                  "handed over at %zu: %zu bytes in place of %zu", first, got_len, wanted_len);
}

/* The same comes out wherever it is handed over. */
static void play_everywhere(const char *path, const char *bytes, size_t len)
{
    for (size_t place = 0; place <= len; place++)
        play_both(path, (struct str){bytes, len}, place, SIZE_MAX);
    play_both(path, (struct str){bytes, len}, 0, 1);
}

/* Frames with masks: a text, one in three parts with a ping between them and a character that is
 * cut, a packed one in two parts, a long one, a ping, a text, Close, and what does not count. */
static const char frames[] = "\x81\x82\x01\x02\x03\x04"
                             "ik"
                             "\x01\x83\0\0\0\0"
                             "ab\xe2"
                             "\x89\x83\x05\x06\x07\x08"
                             "vop"
                             "\x00\x81\0\0\0\0\x82"
                             "\x80\x83\0\0\0\0\xac"
                             "cd"
                             "\x41\x83\0\0\0\0\xf2\x48\xcd"
                             "\x80\x84\0\0\0\0\xc9\xc9\x07\x00"
                             "\x81\xfe\x00\x80\0\0\0\0"
                             "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                             "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                             "\x89\x80\x09\x09\x09\x09"
                             "\x88\x85\0\0\0\0\x03\xe8"
                             "bye";

START_TEST(frames_cut_everywhere)
{
    play_everywhere("/ws", frames, sizeof(frames) - 1);
}
END_TEST

/* Who is told of control frames still is. */
START_TEST(frames_that_are_told_of)
{
    play_everywhere("/told", frames, sizeof(frames) - 1);
    ck_assert_int_gt(world.told, 0);
}
END_TEST

/* An error is found where it is found without. */
START_TEST(errors_of_a_websocket)
{
    static const struct {
        const char *bytes;
        size_t len;
    } wrong[] = {
        {"\x81\x84\0\0\0\0\xe2\x82zz", 10},
        {"\x01\x81\0\0\0\0a\x81\x81\0\0\0\0b", 14},
        {"\x81\xfe\x00\x05\0\0\0\0hello", 13},
        {"\x41\x82\0\0\0\0\xff\xff", 8},
        {"\x88\x82\0\0\0\0\x03\xed", 8},
        {"\x01\x82\0\0\0\0\xc3\xbc\x80\xfe\x03\xe7\0\0\0\0", 16},
        {"\x80\x81\0\0\0\0a", 7},
    };

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        play_everywhere("/ws", wrong[i].bytes, wrong[i].len);
}
END_TEST

START_TEST(requests_cut_everywhere)
{
    static const char script[] = "\r\nGET /one HTTP/1.1\r\nHost: x\r\nX: y\r\n\r\n"
                                 "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                                 "Expect: 100-continue\r\n\r\nhello"
                                 "GET /two HTTP/1.1\r\nHost: x\r\n\r\n"
                                 "HEAD /bad\r\n\r\n";

    play_everywhere(NULL, script, sizeof(script) - 1);
}
END_TEST

START_TEST(a_websocket_behind_requests)
{
    static const char script[] = "GET /one HTTP/1.1\r\nHost: x\r\n\r\n"
                                 "GET /ws HTTP/1.1\r\nHost: x\r\n\r\n"
                                 "\x81\x82\0\0\0\0hi";

    play_everywhere(NULL, script, sizeof(script) - 1);
}
END_TEST

/* ---- what goes out ---- */

/* The peer takes `step` bytes before each hand-over. */
static void take_long(size_t step, int hands)
{
    size_t left = sizeof("HTTP/1.1 200 OK\r\n\r\n") - 1 + WORLD_BODY, head = left - WORLD_BODY,
           at = 0;
    uint8_t bytes[65536];

    world_open(true, false, 0);
    world_ask("/long");
    while (left > 0) {
        ssize_t n = recv(world.peer, bytes, min_size(sizeof(bytes), hands > 0 ? step : left), 0);

        ck_assert_int_gt(n, 0);
        for (ssize_t i = 0; i < n; i++, at++) {
            if (at >= head)
                ck_assert_uint_eq(bytes[i], (at - head) % 251);
        }
        left -= (size_t)n;
        if (hands-- > 0)
            world_hand_over();
        world_serve();
    }
    world_ask("/next");
    world_expect("[/next:]");
}

START_TEST(a_long_body_in_pieces)
{
    take_long(1, 3);
}
END_TEST

START_TEST(a_long_body_in_longer_pieces)
{
    take_long(60000, 20);
}
END_TEST

START_TEST(pipelined_requests_that_wait_for_the_peer_to_take)
{
    static const char next[] = "GET /next HTTP/1.1\r\nHost: x\r\n\r\n";

    world_open(true, false, 0);
    world_ask("/long");
    world_send(next, sizeof(next) - 1);
    world_send(next, 10);
    world_hand_over();
    ck_assert_int_eq(world.requests, 1);
    world_take(sizeof("HTTP/1.1 200 OK\r\n\r\n") - 1);
    for (size_t left = WORLD_BODY; left > 0; left -= WORLD_BODY / 64) {
        world_serve();
        world_take(WORLD_BODY / 64);
    }
    world_hand_over();
    world_serve();
    world_send(next + 10, sizeof(next) - 1 - 10);
    world_expect("[/next:][/next:]");
}
END_TEST

/* ---- states ---- */

START_TEST(one_that_has_said_close)
{
    begin("/ws");
    conn_close(world.conn, 1001, "away");
    world_serve();
    world_pass(1000);
    world_hand_over();
    ck_assert_str_eq(world.conn->stream.detail, "away");
    ck_assert_uint_eq(world.conns.members, 0);
    say("\x81\x82\0\0\0\0hi", 8); /* is not heard any more */
    ck_assert_int_eq(world.messages, 0);
    world_pass(1999);
    ck_assert_uint_eq(world.conns.pool.count, 1);
    world_hand_over();
    say("\x88\x82\0\0\0\0\x03\xe9", 8);
    ck_assert_int_eq(recv(world.peer, got, 1, 0), 0);
    shutdown(world.peer, SHUT_WR);
    world_serve();
    world_pass(0);
    world_expect_end(STREAM_END_HOST);
}
END_TEST

START_TEST(one_that_lingers)
{
    begin(NULL);
    say("GET /x HTTP/3\r\n\r\n", 17);
    world_hand_over();
    ck_assert_int_eq(world.conn->stream.state, STREAM_LINGER);
    say("more", 4);
    world_pass(2999);
    world_hand_over();
    ck_assert_uint_eq(world.conns.pool.count, 1);
    world_pass(1);
    world_expect_end(STREAM_END_REFUSED);
}
END_TEST

START_TEST(remaining_times)
{
    begin("/ws");
    world_pass(24000);
    world_hand_over();
    world_pass(999);
    collect();
    ck_assert_uint_eq(got_len, strlen("HTTP/1.1 101 Switching Protocols\r\n\r\n"));
    world_hand_over();
    world_pass(1);
    world_hand_over();
    collect();
    ck_assert_uint_eq(got_len, strlen("HTTP/1.1 101 Switching Protocols\r\n\r\n") + 2);
    world_pass(4999);
    ck_assert_uint_eq(world.conns.pool.count, 1);
    world_hand_over();
    world_pass(1);
    world_expect_end(STREAM_END_TIMEOUT);
}
END_TEST

START_TEST(the_time_of_a_request)
{
    begin(NULL);
    world_pass(1500);
    say("GET /", 5);
    world_hand_over();
    world_pass(499);
    ck_assert_int_eq(world.refused, 0);
    world_pass(1);
    ck_assert_int_eq(world.refused, 408);
}
END_TEST

START_TEST(an_event_stream)
{
    begin("/events");
    world_hand_over();
    ck_assert(world.conn->is_listener && world.conn->is_member);
    ck_assert_uint_eq(world.conns.members, 1);
    for (int i = 0; i < 3; i++) {
        world_pass(5000);
        world_hand_over();
    }
    world_expect(":\n\n");
    shutdown(world.peer, SHUT_WR);
    world_serve();
    world_pass(0);
    ck_assert_int_eq(world.closed, 1);
    world_expect_end(STREAM_END_LEFT);
}
END_TEST

/* Who is over its rate is not read from, and what is left of its time counts on. */
START_TEST(one_that_is_over_its_rate)
{
    char bytes[8 * 20];

    world.conns.rate = (struct rate){.step_ns = 10000000, .burst_ns = 20000000};
    for (size_t i = 0; i < 20; i++)
        memcpy(bytes + 8 * i, "\x81\x82\0\0\0\0hi", 8);
    world.conns.pool.env.clock.now_ns = UINT64_C(1000000) * 1000000;
    world_open(true, false, 0);
    world_ask("/ws");
    world_send(bytes, sizeof(bytes));
    ck_assert_int_eq(world.messages, 2);
    for (int i = 3; i <= 20; i++) {
        world_hand_over();
        world_serve();
        ck_assert_int_eq(world.messages, i - 1);
        world.conns.pool.env.clock.now_ns += 10000000;
        world_pass(10);
        world_serve();
        ck_assert_int_eq(world.messages, i);
    }
}
END_TEST

START_TEST(what_must_be_finished_first)
{
    static const uint8_t body[1 << 20];

    begin(NULL);
    ck_assert_ptr_null(conns_cannot_hand(&world.conns));
    world_ask("/later");
    ck_assert_ptr_nonnull(conns_cannot_hand(&world.conns));
    world_answer();
    world_serve();
    ck_assert_ptr_null(conns_cannot_hand(&world.conns));
    for (size_t i = 0; i <= CONNS_HAND_MAX / sizeof(body); i++)
        ck_assert_int_eq(sendq_push_shared(&world.conn->stream.out, body, sizeof(body), NULL, NULL),
                         0);
    ck_assert_str_eq(conns_cannot_hand(&world.conns), "too much is on its way to clients");
}
END_TEST

/* ---- what is not trusted ---- */

enum kind { IDLE_HTTP, HALF_BODY, HALF_FRAME, IN_CLOSE, LISTENER, STUFFED, KINDS };

static void open_kind(enum kind kind)
{
    world_teardown();
    world_setup();
    world_open(true, false, 0);
    if (kind == HALF_BODY)
        say("POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe", 54);
    else if (kind == STUFFED)
        world_ask("/ws"), ws_send(world.conn, WS_TEXT, STR("x"), got, 30000), say("", 0);
    else if (kind == HALF_FRAME || kind == IN_CLOSE)
        world_ask("/ws");
    else if (kind == LISTENER)
        world_ask("/events");
    if (kind == HALF_FRAME)
        say("\x01\x83\0\0\0\0ab\xe2\x80\x84\0\0\0\0\x82", 17);
    if (kind == IN_CLOSE)
        conn_close(world.conn, 1001, "away"), say("\x89\x84\0\0\0\0z", 7);
}

/* Whatever came of it, it goes on somehow. */
static void live_on(bool is_good)
{
    if (is_good) {
        world_serve();
        send(world.peer, frames, sizeof(frames) - 1, MSG_NOSIGNAL);
        world_serve();
        for (int i = 0; i < 12; i++)
            world_pass(5000);
    }
}

START_TEST(what_is_cut)
{
    for (size_t place = 0;; place++) {
        struct hand_pipe pipe;
        bool is_there;

        hand_pipe_init(&pipe);
        open_kind((enum kind)_i);
        world_hand(&pipe);
        is_there = place < pipe.w.out.len;
        if (hand_pipe_cut(&pipe, place))
            ck_assert(!world_take_over(&pipe));
        hand_pipe_deinit(&pipe);
        if (!is_there)
            break;
    }
}
END_TEST

START_TEST(what_is_changed)
{
    static const uint8_t bits[] = {0x01, 0x80, 0xff};
    bool is_there = true;

    for (size_t place = 0; is_there; place++) {
        for (size_t i = 0; i < ARRAY_LEN(bits) && is_there; i++) {
            struct hand_pipe pipe;

            hand_pipe_init(&pipe);
            open_kind((enum kind)_i);
            world_hand(&pipe);
            is_there = place < min_size(pipe.w.out.len, 400);
            if (hand_pipe_flip(&pipe, place, bits[i]))
                live_on(world_take_over(&pipe));
            hand_pipe_deinit(&pipe);
        }
    }
}
END_TEST

/* Only WebSockets of wschat.v1 can have asked to be told of control frames. */
START_TEST(who_cannot_have_asked)
{
    static const struct {
        const char *path;
        enum codec_kind codec;
        bool is_sound;
    } asked[] = {{"/told", CODEC_V1, true},
                 {"/told", CODEC_TEXT, false},
                 {"/events", CODEC_V1, false},
                 {"/x", CODEC_V1, false}};

    for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
        struct hand_pipe pipe;

        hand_pipe_init(&pipe);
        begin(asked[i].path);
        world.conn->hears_controls = true;
        world.conn->codec = (uint8_t)asked[i].codec;
        world_hand(&pipe);
        ck_assert_int_eq(world_take_over(&pipe), asked[i].is_sound);
        hand_pipe_deinit(&pipe);
    }
}
END_TEST

/* The name of the room is kept of who has left it: one that is open would get another. */
START_TEST(whose_room_is_over)
{
    for (int is_over = 0; is_over < 2; is_over++) {
        struct hand_pipe pipe;

        hand_pipe_init(&pipe);
        begin("/ws");
        if (is_over)
            conn_close(world.conn, 1001, "away"), world_serve();
        world.conn->member.room = strdup("tea");
        world_hand(&pipe);
        ck_assert_int_eq(world_take_over(&pipe), is_over);
        hand_pipe_deinit(&pipe);
    }
}
END_TEST

Suite *suite_conn_hand(void)
{
    Suite *suite = suite_create("conn_hand");
    TCase *in = tcase_create("in"), *out = tcase_create("out"), *states = tcase_create("states"),
          *wrong = tcase_create("wrong");

    tcase_add_checked_fixture(in, world_setup, world_teardown);
    tcase_set_timeout(in, 60);
    tcase_add_test(in, frames_cut_everywhere);
    tcase_add_test(in, frames_that_are_told_of);
    tcase_add_test(in, errors_of_a_websocket);
    tcase_add_test(in, requests_cut_everywhere);
    tcase_add_test(in, a_websocket_behind_requests);
    suite_add_tcase(suite, in);
    tcase_add_checked_fixture(out, world_setup, world_teardown);
    tcase_set_timeout(out, 60);
    tcase_add_test(out, a_long_body_in_pieces);
    tcase_add_test(out, a_long_body_in_longer_pieces);
    tcase_add_test(out, pipelined_requests_that_wait_for_the_peer_to_take);
    suite_add_tcase(suite, out);
    tcase_add_checked_fixture(states, world_setup, world_teardown);
    tcase_add_test(states, one_that_has_said_close);
    tcase_add_test(states, one_that_lingers);
    tcase_add_test(states, remaining_times);
    tcase_add_test(states, the_time_of_a_request);
    tcase_add_test(states, an_event_stream);
    tcase_add_test(states, one_that_is_over_its_rate);
    tcase_add_test(states, what_must_be_finished_first);
    suite_add_tcase(suite, states);
    tcase_add_checked_fixture(wrong, world_setup, world_teardown);
    tcase_set_timeout(wrong, 120);
    tcase_add_test(wrong, who_cannot_have_asked);
    tcase_add_test(wrong, whose_room_is_over);
    tcase_add_loop_test(wrong, what_is_cut, 0, KINDS);
    tcase_add_loop_test(wrong, what_is_changed, 0, KINDS);
    suite_add_tcase(suite, wrong);
    return suite;
}
