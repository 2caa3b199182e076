/* Streams by hand, with a session that does nothing but count: each state, and each event in it. */
#include "net/pool.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "base/tuning.h"
#include "pair.h"

Suite *suite_stream(void);

#define LONG (4 * 1024 * 1024) /* more than two sockets keep */
#define MANY 40                /* more than end in one tick */

static const uint64_t lengths[] = {
    [STREAM_TIMER_SENDING] = 10000, [STREAM_TIMER_CLOSING] = 5000, [STREAM_TIMERS] = 1000};

static struct pool pool;
static struct reactor reactor;
static struct stream *stream;
static int peer; /* the other end; -1: closed */
static struct {
    size_t input; /* bytes */
    int eof, closed, dead, freed, drained, progress, lag, incomplete, timers;
    enum stream_end end;
} seen;
static int close_result;
static size_t step;     /* bytes that `input` uses at most, in one call */
static size_t work;     /* what each call costs */
static bool has_answer; /* to what is used: the stream is woken */
static uint8_t bytes[LONG];

/* ---- a session ---- */

static size_t input(struct stream *s, uint8_t *data, size_t len)
{
    (void)data;
    stream_charge(s, work);
    if (has_answer)
        stream_wake(s);
    len = min_size(len, step);
    seen.input += len;
    return len;
}

static void on_eof(struct stream *s)
{
    (void)s;
    seen.eof++;
}

static void on_drained(struct stream *s)
{
    timer_stop(&s->timer);
    seen.drained++;
}

static void on_progress(struct stream *s)
{
    (void)s;
    seen.progress++;
}

static void on_lag(struct stream *s)
{
    seen.lag++;
    stream_drop(s, STREAM_END_LAGGED);
}

static void on_incomplete(struct stream *s)
{
    seen.incomplete++;
    stream_drop(s, STREAM_END_MEMORY);
}

static bool on_deaf(struct stream *s)
{
    (void)s;
    return false;
}

static void on_timer(struct stream *s, unsigned timer)
{
    (void)s;
    ck_assert_uint_eq(timer, STREAM_TIMERS);
    seen.timers++;
}

static int on_close(struct stream *s, bool is_dead)
{
    (void)s;
    seen.closed++;
    seen.dead += is_dead;
    return close_result;
}

static void on_free(struct stream *s)
{
    seen.freed++;
    seen.end = (enum stream_end)s->end;
}

static const struct stream_ops ops = {
    .input = input,
    .on_eof = on_eof,
    .on_drained = on_drained,
    .on_progress = on_progress,
    .on_lag = on_lag,
    .on_incomplete = on_incomplete,
    .on_deaf = on_deaf,
    .on_timer = on_timer,
    .on_close = on_close,
    .on_free = on_free,
};

/* ---- by hand ---- */

static void setup(void)
{
    memset(&seen, 0, sizeof(seen));
    close_result = 0;
    step = SIZE_MAX;
    work = 0;
    has_answer = false;
    pool = (struct pool){.count = 0};
    ck_assert_int_eq(reactor_init(&reactor), 0);
    ck_assert_int_eq(pool_init(&pool, &reactor, 256, MANY, lengths, ARRAY_LEN(lengths)), 0);
    pool.env.max_lag = UINT64_MAX;
    pool.env.clock.now = 1000000;
}

static void teardown(void)
{
    pool_deinit(&pool);
    reactor_deinit(&reactor);
    if (peer >= 0)
        close(peer);
    peer = -1;
}

static void open_stream(void)
{
    stream = pool_take(&pool);
    stream_init(stream, &pool.env, pair_tcp(&peer), true, &ops);
    stream_start(stream, false);
}

/* A whole turn, without the reaping; more than one where buffers are tiny. */
static void turn(void)
{
    for (int i = 0; i < 4; i++) {
        int count = reactor_wait(&reactor, pool.env.clock.now, pool.env.clock.now);

        stream_env_resume(&pool.env);
        reactor_dispatch(&reactor, count);
        stream_env_expire(&pool.env);
        stream_env_flush(&pool.env);
    }
}

static void pass(uint64_t ms)
{
    pool.env.clock.now += ms;
    turn();
}

/* ---- states and events ---- */

enum situation { OPEN, PAUSED, WAITING, STUFFED, LINGERING, SHUT, DEAD, SITUATIONS };
enum happening { INPUT, FIN, RST, LINGER, DROP, LATE, HAPPENINGS };

static void bring_to(enum situation situation)
{
    open_stream();
    if (situation == PAUSED || situation == WAITING)
        stream_pause(stream);
    stream->is_waiting = situation == WAITING;
    if (situation == STUFFED || situation == LINGERING)
        ck_assert_int_eq(sendq_push_shared(&stream->out, bytes, LONG, NULL, NULL), 0);
    stream_wake(stream);
    turn();
    if (situation == LINGERING || situation == SHUT)
        stream_linger(stream, STREAM_END_SERVED, NULL);
    if (situation == DEAD)
        stream_drop(stream, STREAM_END_HOST);
    turn();
}

static void let_happen(enum happening happening)
{
    switch (happening) {
    case INPUT:
        ck_assert_int_eq(send(peer, "12345", 5, 0), 5);
        break;
    case FIN:
        ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
        break;
    case RST:
        pair_reset(peer);
        peer = -1;
        break;
    case LINGER:
        stream_linger(stream, STREAM_END_REFUSED, NULL);
        break;
    case DROP:
        stream_drop(stream, STREAM_END_SPARE);
        break;
    case LATE:
        pass(20000);
        pass(20000);
        break;
    case HAPPENINGS:
        break;
    }
    turn();
}

/* Where it gets to, what ends it, and how many bytes its session is handed. */
static const struct {
    enum stream_state state;
    enum stream_end end;
    size_t input;
} table[SITUATIONS][HAPPENINGS] = {
    [OPEN] = {[INPUT] = {STREAM_OPEN, STREAM_END_NONE, 5},
              [FIN] = {STREAM_DEAD, STREAM_END_LEFT, 0},
              [RST] = {STREAM_DEAD, STREAM_END_RESET, 0},
              [LINGER] = {STREAM_LINGER, STREAM_END_REFUSED, 0},
              [DROP] = {STREAM_DEAD, STREAM_END_SPARE, 0},
              [LATE] = {STREAM_OPEN, STREAM_END_NONE, 0}},
    /* Who is not listened to is not missed either. */
    [PAUSED] = {[INPUT] = {STREAM_OPEN, STREAM_END_NONE, 0},
                [FIN] = {STREAM_OPEN, STREAM_END_NONE, 0},
                [RST] = {STREAM_OPEN, STREAM_END_NONE, 0},
                [LINGER] = {STREAM_LINGER, STREAM_END_REFUSED, 0},
                [DROP] = {STREAM_DEAD, STREAM_END_SPARE, 0},
                [LATE] = {STREAM_OPEN, STREAM_END_NONE, 0}},
    [WAITING] = {[INPUT] = {STREAM_OPEN, STREAM_END_NONE, 0},
                 [FIN] = {STREAM_OPEN, STREAM_END_NONE, 0},
                 [RST] = {STREAM_DEAD, STREAM_END_RESET, 0},
                 [LINGER] = {STREAM_LINGER, STREAM_END_REFUSED, 0},
                 [DROP] = {STREAM_DEAD, STREAM_END_SPARE, 0},
                 [LATE] = {STREAM_OPEN, STREAM_END_NONE, 0}},
    /* Who does not take what it is sent is not read; its end is seen, and it has some time then.
     * The RST is used up by the send that fails, and the read after it finds an end. */
    [STUFFED] = {[INPUT] = {STREAM_OPEN, STREAM_END_NONE, 0},
                 [FIN] = {STREAM_OPEN, STREAM_END_NONE, 0},
                 [RST] = {STREAM_DEAD, STREAM_END_RESET, 0},
                 [LINGER] = {STREAM_LINGER, STREAM_END_REFUSED, 0},
                 [DROP] = {STREAM_DEAD, STREAM_END_SPARE, 0},
                 [LATE] = {STREAM_OPEN, STREAM_END_NONE, 0}},
    [LINGERING] = {[INPUT] = {STREAM_LINGER, STREAM_END_SERVED, 0},
                   [FIN] = {STREAM_LINGER, STREAM_END_SERVED, 0},
                   [RST] = {STREAM_DEAD, STREAM_END_SERVED, 0},
                   [LINGER] = {STREAM_LINGER, STREAM_END_SERVED, 0},
                   [DROP] = {STREAM_DEAD, STREAM_END_SERVED, 0},
                   [LATE] = {STREAM_DEAD, STREAM_END_SERVED, 0}},
    [SHUT] = {[INPUT] = {STREAM_LINGER, STREAM_END_SERVED, 0},
              [FIN] = {STREAM_DEAD, STREAM_END_SERVED, 0},
              [RST] = {STREAM_DEAD, STREAM_END_SERVED, 0},
              [LINGER] = {STREAM_LINGER, STREAM_END_SERVED, 0},
              [DROP] = {STREAM_DEAD, STREAM_END_SERVED, 0},
              [LATE] = {STREAM_DEAD, STREAM_END_SERVED, 0}},
    [DEAD] = {[INPUT] = {STREAM_DEAD, STREAM_END_HOST, 0},
              [FIN] = {STREAM_DEAD, STREAM_END_HOST, 0},
              [RST] = {STREAM_DEAD, STREAM_END_HOST, 0},
              [LINGER] = {STREAM_DEAD, STREAM_END_HOST, 0},
              [DROP] = {STREAM_DEAD, STREAM_END_HOST, 0},
              [LATE] = {STREAM_DEAD, STREAM_END_HOST, 0}},
};

START_TEST(each_state_and_each_event)
{
    enum situation situation = (enum situation)(_i / HAPPENINGS);
    enum happening happening = (enum happening)(_i % HAPPENINGS);
    enum stream_state state = table[situation][happening].state;

    bring_to(situation);
    let_happen(happening);
    ck_assert_msg(stream->state == state, "state %d in situation %d after %d", stream->state,
                  situation, happening);
    ck_assert_int_eq(stream->end, table[situation][happening].end);
    ck_assert_uint_eq(seen.input, table[situation][happening].input);
    ck_assert_int_eq(seen.closed, state != STREAM_OPEN); /* it is told once, or not at all */
    pool_reap(&pool);
    ck_assert_int_eq(seen.freed, state == STREAM_DEAD);
    ck_assert_uint_eq(pool.count, state != STREAM_DEAD);
}
END_TEST

/* ---- more than one event ---- */

START_TEST(what_was_paused_goes_on)
{
    bring_to(PAUSED);
    let_happen(INPUT);
    stream_resume(stream);
    turn();
    ck_assert_uint_eq(seen.input, 5);
}
END_TEST

/* What one call uses is up to the session; what it leaves comes again. */
START_TEST(what_is_not_used_is_kept)
{
    step = 2;
    open_stream();
    let_happen(INPUT);
    ck_assert_uint_eq(seen.input, 5);
    step = 0;
    let_happen(INPUT);
    ck_assert_uint_eq(seen.input, 5);
    ck_assert_uint_eq(stream->in.len, 5);
    step = SIZE_MAX;
    let_happen(INPUT);
    ck_assert_uint_eq(seen.input, 15);
}
END_TEST

START_TEST(an_end_while_it_waits_is_seen_once)
{
    bring_to(WAITING);
    let_happen(FIN);
    ck_assert(stream->rdhup);
    ck_assert_int_eq(reactor_wait(&reactor, pool.env.clock.now, pool.env.clock.now), 0);
    pair_reset(peer);
    peer = -1;
    turn();
    ck_assert_int_eq(stream->state, STREAM_DEAD);
    ck_assert_int_eq(stream->end, STREAM_END_RESET);
}
END_TEST

START_TEST(who_ends_and_takes_nothing_has_some_time)
{
    bring_to(STUFFED);
    let_happen(FIN);
    pass(9999);
    ck_assert_int_eq(stream->state, STREAM_OPEN);
    pass(10001); /* what was on its way at the beginning may count once */
    ck_assert_int_eq(stream->state, STREAM_DEAD);
    ck_assert_int_eq(stream->end, STREAM_END_TIMEOUT);
}
END_TEST

START_TEST(a_session_that_cannot_go_on_is_dropped)
{
    open_stream();
    close_result = -1;
    stream_linger(stream, STREAM_END_HOST, NULL);
    ck_assert_int_eq(stream->state, STREAM_DEAD);
    ck_assert_int_eq(seen.closed, 1);
}
END_TEST

START_TEST(memory_that_was_out_is_told)
{
    open_stream();
    sendq_mark_incomplete(&stream->out);
    stream_wake(stream);
    turn();
    ck_assert_int_eq(seen.incomplete, 1);
    ck_assert_int_eq(stream->state, STREAM_DEAD);
}
END_TEST

START_TEST(all_sent_is_told_where_it_was_waited_for)
{
    open_stream();
    ck_assert_int_eq(sendq_push(&stream->out, "abc", 3), 0);
    stream_wake(stream);
    turn();
    ck_assert_int_eq(seen.drained, 0);
    ck_assert_int_eq(sendq_push(&stream->out, "abc", 3), 0);
    stream_expect_taking(stream);
    stream_wake(stream);
    turn();
    ck_assert_int_eq(seen.drained, 1);
}
END_TEST

START_TEST(timers_of_sessions_are_theirs)
{
    open_stream();
    stream_start_timer(stream, STREAM_TIMERS);
    pass(999);
    ck_assert_int_eq(seen.timers, 0);
    pass(1);
    ck_assert_int_eq(seen.timers, 1);
}
END_TEST

/* A client of another server: the socket is still connecting. */
START_TEST(a_socket_that_is_connecting)
{
    stream = pool_take(&pool);
    stream_init(stream, &pool.env, pair_tcp(&peer), true, &ops);
    stream->is_blocked = true;
    ck_assert_int_eq(sendq_push(&stream->out, "PING", 4), 0);
    stream_start(stream, false);
    ck_assert_uint_eq(stream->sent, 0);
    turn();
    ck_assert_uint_eq(stream->sent, 4);
    ck_assert_int_eq(seen.progress, 1);
}
END_TEST

START_TEST(places_are_used_again)
{
    struct stream *first, *second;

    open_stream();
    first = stream;
    stream_drop(first, STREAM_END_HOST);
    ck_assert_ptr_null(pool_at(&pool, 0));
    pool_reap(&pool);
    close(peer);
    open_stream();
    ck_assert_ptr_eq(stream, first);
    ck_assert_uint_eq(pool.used, 1);
    second = pool_take(&pool);
    ck_assert_ptr_ne(second, first);
    ck_assert_uint_eq(pool.count, 2);
    ck_assert_ptr_eq(pool_at(&pool, 0), first);
}
END_TEST

/* ---- budgets ---- */

static struct stream *many[MANY];
static int ends[MANY];

static void open_many(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        many[i] = pool_take(&pool);
        stream_init(many[i], &pool.env, pair_tcp(&ends[i]), true, &ops);
        stream_start(many[i], false);
    }
}

static void close_many(size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(ends[i]);
}

/* One tick, without the reaping. */
static void tick(void)
{
    int count = reactor_wait(&reactor, pool.env.clock.now, pool.env.clock.now);

    stream_env_resume(&pool.env);
    reactor_dispatch(&reactor, count);
    stream_env_flush(&pool.env);
}

/* Each brings so much work that the budget of a tick is spent by the first. */
START_TEST(who_finds_the_budget_spent_is_not_read_from)
{
    open_many(2);
    work = UINT16_MAX;
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(send(ends[i], "1", 1, 0), 1);
    tick();
    ck_assert_uint_eq(seen.input, 1);
    ck_assert_uint_eq(many[0]->received + many[1]->received, 1);
    tick();
    ck_assert_uint_eq(seen.input, 2);
    close_many(2);
}
END_TEST

/* One who speaks again and again does not keep those waiting who come after it. */
START_TEST(who_was_late_has_its_turn)
{
    open_many(4);
    work = UINT16_MAX;
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(send(ends[i], "1", 1, 0), 1);
    for (int i = 0; i < 8; i++) {
        tick();
        ck_assert_int_eq(send(ends[0], "2", 1, 0), 1);
    }
    for (int i = 0; i < 4; i++)
        ck_assert_uint_gt(many[i]->received, 0);
    close_many(4);
}
END_TEST

/* It has something to say, but more than its share at once, and takes nothing of what its room is
 * told: no event goes on with what was put aside. */
START_TEST(who_takes_nothing_goes_on_speaking)
{
    struct ring ring;

    open_stream();
    ring_init(&ring, LONG);
    ck_assert_int_eq(ring_reserve(&ring, LONG), 0);
    ring_append(&ring, bytes, LONG);
    stream->out.box = &ring;
    for (int i = 0; i < 1000 && !stream->is_blocked; i++) {
        stream_wake(stream);
        tick();
    }
    ck_assert(stream->is_blocked);
    work = 1000;
    step = 1;
    has_answer = true;
    ck_assert_int_eq(send(peer, "12345", 5, 0), 5);
    for (int i = 0; i < 10; i++)
        tick();
    ck_assert_uint_eq(seen.input, 5);
    ck_assert(stream->is_blocked);
    stream_drop(stream, STREAM_END_HOST);
    ck_assert_int_eq(sendq_detach(&stream->out, 0), 0);
    ring_deinit(&ring);
}
END_TEST

/* What one has queued does not keep what others have. */
START_TEST(who_has_much_to_send_lets_others_go_first)
{
    open_many(2);
    ck_assert_int_eq(sendq_push_shared(&many[0]->out, bytes, LONG, NULL, NULL), 0);
    ck_assert_int_eq(sendq_push(&many[1]->out, "PING", 4), 0);
    stream_wake(many[0]);
    stream_wake(many[1]);
    stream_env_flush(&pool.env);
    ck_assert_uint_eq(many[1]->sent, 4);
    ck_assert_uint_gt(many[0]->sent, 0);
    /* Else the socket is full before the share is sent. */
    if (TUNE_SEND_SHARE < 65536) {
        ck_assert(!many[0]->is_blocked);
        ck_assert_uint_lt(many[0]->sent, LONG / 16);
    }
    for (int i = 0; i < 1000 && !many[0]->is_blocked; i++) {
        ck_assert_uint_eq(stream_env_deadline(&pool.env), pool.env.clock.now);
        tick();
    }
    ck_assert(many[0]->is_blocked);
    close_many(2);
}
END_TEST

START_TEST(a_tick_sends_so_much)
{
    open_many(MANY);
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(sendq_push_shared(&many[i]->out, bytes, 40000, NULL, NULL), 0);
        stream_wake(many[i]);
    }
    stream_env_flush(&pool.env);
    ck_assert(!stream_env_has_output(&pool.env));
    ck_assert_uint_gt(many[0]->sent, 0);
    ck_assert_uint_eq(many[MANY - 1]->sent, 0);
    for (int i = 0; i < 100 && many[MANY - 1]->sent == 0; i++)
        tick();
    for (int i = 0; i < MANY; i++)
        ck_assert_uint_gt(many[i]->sent, 0);
    close_many(MANY);
}
END_TEST

/* Those who have not answered for as long are given up bit by bit. */
START_TEST(timers_that_are_due_at_once_take_some_ticks)
{
    open_many(MANY);
    for (int i = 0; i < MANY; i++)
        stream_start_timer(many[i], STREAM_TIMER_CLOSING);
    pool.env.clock.now += 100000;
    stream_env_expire(&pool.env);
    ck_assert_int_gt(seen.closed, 0);
    ck_assert_int_lt(seen.closed, MANY);
    ck_assert_uint_le(stream_env_deadline(&pool.env), pool.env.clock.now);
    for (int i = 0; i < MANY; i++)
        stream_env_expire(&pool.env);
    ck_assert_int_eq(seen.closed, MANY);
    close_many(MANY);
}
END_TEST

START_TEST(a_lifted_budget_sends_all)
{
    open_many(MANY);
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(sendq_push_shared(&many[i]->out, bytes, 40000, NULL, NULL), 0);
        stream_wake(many[i]);
    }
    stream_env_lift(&pool.env);
    do
        stream_env_flush(&pool.env);
    while (stream_env_has_output(&pool.env));
    for (int i = 0; i < MANY; i++)
        ck_assert(many[i]->sent == 40000 || many[i]->is_blocked);
    close_many(MANY);
}
END_TEST

/* Many who go at once are no reason for the others to wait: these are read from in the same tick.
 */
START_TEST(ends_have_a_budget_of_their_own)
{
    int ticks = 0;

    open_many(MANY);
    for (int i = 0; i < MANY - 1; i++)
        ck_assert_int_eq(shutdown(ends[i], SHUT_WR), 0);
    ck_assert_int_eq(send(ends[MANY - 1], "12345", 5, 0), 5);
    for (; seen.input == 0 && ticks < MANY; ticks++)
        tick();
    ck_assert_uint_eq(seen.input, 5);
    ck_assert_int_gt(seen.closed, 0);
    if (TUNE_EVENTS > MANY)
        ck_assert_int_lt(seen.closed, MANY / 2);
    for (; seen.closed < MANY - 1 && ticks < 10 * MANY; ticks++)
        tick();
    ck_assert_int_eq(seen.closed, MANY - 1);
    close_many(MANY);
}
END_TEST

/* Finds the budget spent by another, and is sent to meanwhile by its room. */
START_TEST(who_is_late_is_sent_all)
{
    struct stream *late;

    open_many(2);
    work = UINT16_MAX;
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(send(ends[i], "1", 1, 0), 1);
    tick();
    late = many[0]->received > 0 ? many[1] : many[0];
    ck_assert_uint_eq(late->received, 0);
    ck_assert_int_eq(sendq_push_shared(&late->out, bytes, LONG, NULL, NULL), 0);
    stream_flush(late);
    ck_assert_uint_gt(late->sent, 0);
    for (int i = 0; i < 1000 && !late->is_blocked; i++)
        tick();
    ck_assert(late->is_blocked);
    close_many(2);
}
END_TEST

/* Those who ask again and again, and are answered at once, do not keep it waiting. */
START_TEST(answers_let_long_ones_go_on)
{
    int ticks = 0;

    open_many(MANY);
    has_answer = true;
    ck_assert_int_eq(sendq_push_shared(&many[0]->out, bytes, LONG, NULL, NULL), 0);
    stream_wake(many[0]);
    stream_env_flush(&pool.env);
    for (; !many[0]->is_blocked && ticks < 200; ticks++) {
        for (int i = 1; i < MANY; i++) {
            ck_assert_int_eq(send(ends[i], "1", 1, 0), 1);
            ck_assert_int_eq(sendq_push(&many[i]->out, bytes, 3000), 0);
        }
        tick();
        for (int i = 1; i < MANY; i++) {
            while (recv(ends[i], bytes, LONG, MSG_DONTWAIT) > 0)
                ;
        }
    }
    ck_assert(many[0]->is_blocked);
    close_many(MANY);
}
END_TEST

Suite *suite_stream(void)
{
    Suite *suite = suite_create("stream");
    TCase *tc = tcase_create("stream");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, each_state_and_each_event, 0, SITUATIONS * HAPPENINGS);
    tcase_add_test(tc, what_was_paused_goes_on);
    tcase_add_test(tc, what_is_not_used_is_kept);
    tcase_add_test(tc, an_end_while_it_waits_is_seen_once);
    tcase_add_test(tc, who_ends_and_takes_nothing_has_some_time);
    tcase_add_test(tc, a_session_that_cannot_go_on_is_dropped);
    tcase_add_test(tc, memory_that_was_out_is_told);
    tcase_add_test(tc, all_sent_is_told_where_it_was_waited_for);
    tcase_add_test(tc, timers_of_sessions_are_theirs);
    tcase_add_test(tc, a_socket_that_is_connecting);
    tcase_add_test(tc, places_are_used_again);
    tcase_add_test(tc, who_finds_the_budget_spent_is_not_read_from);
    tcase_add_test(tc, who_was_late_has_its_turn);
    tcase_add_test(tc, who_takes_nothing_goes_on_speaking);
    tcase_add_test(tc, who_has_much_to_send_lets_others_go_first);
    tcase_add_test(tc, a_tick_sends_so_much);
    tcase_add_test(tc, timers_that_are_due_at_once_take_some_ticks);
    tcase_add_test(tc, a_lifted_budget_sends_all);
    tcase_add_test(tc, ends_have_a_budget_of_their_own);
    tcase_add_test(tc, who_is_late_is_sent_all);
    tcase_add_test(tc, answers_let_long_ones_go_on);
    suite_add_tcase(suite, tc);
    return suite;
}
