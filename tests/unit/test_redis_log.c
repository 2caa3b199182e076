/* The log on Redis, whose every answer the test makes up. */
#include "log/redis.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "log/redis_state.h"
#include "log/redis_wire.h"
#include "hand_pipe.h"

Suite *suite_redis_log(void);

#define NODE "n-0000000000000000"
#define CHANNEL "w:{tea}:c"

static struct log *rlog;
static struct log_channel channel;
static struct buf heard; /* what the chat was told, a word for each */
static bool has_room;

/* ---- the chat ---- */

static void on_committed(void *owner, struct log_channel *of, const struct event *event,
                         const struct log_ticket *ticket, uint32_t word)
{
    (void)owner;
    (void)word;
    of->committed = event->seq;
    ck_assert_int_eq(
        buf_printf(&heard, "%llu%s ", (unsigned long long)event->seq, ticket != NULL ? "!" : ""),
        0);
}

static void on_refused(void *owner, struct log_channel *of, const struct event *event,
                       const struct log_ticket *ticket, enum log_refusal why)
{
    (void)owner;
    (void)of;
    (void)event;
    (void)ticket;
    ck_assert_int_eq(buf_printf(&heard, "refused:%d ", (int)why), 0);
}

static bool on_has_room(void *owner, struct log_channel *of)
{
    (void)owner;
    (void)of;
    return has_room;
}

static void on_restart(void *owner, struct log_channel *of, uint64_t gone)
{
    (void)owner;
    (void)of;
    (void)gone;
    ck_assert_int_eq(buf_append_str(&heard, STR("anew ")), 0);
}

static void on_walk_seats(void *owner, struct log_channel *of,
                          void (*each)(void *arg, const struct event *join, uint32_t *word),
                          void *arg)
{
    (void)owner;
    (void)of;
    (void)each;
    (void)arg;
}

static void on_forget_elsewhere(void *owner, struct log_channel *of)
{
    (void)owner;
    (void)of;
}

static const struct log_calls calls = {
    .committed = on_committed,
    .refused = on_refused,
    .has_room = on_has_room,
    .restart = on_restart,
    .walk_seats = on_walk_seats,
    .forget_elsewhere = on_forget_elsewhere,
};

/* All that the chat was told since the last time. */
static void expect_heard(const char *text)
{
    ck_assert_int_eq(buf_append_str(&heard, (struct str){"\0", 1}), 0);
    ck_assert_str_eq((const char *)heard.data, text);
    heard.len = 0;
}

/* ---- Redis ---- */

static void no_random(void *bytes, size_t len)
{
    memset(bytes, 0, len);
}

static int feed_bytes(enum redis_link link, const char *bytes, size_t len, const char **why)
{
    struct buf in;
    int result;

    buf_init(&in);
    ck_assert_int_eq(buf_append(&in, bytes, len), 0);
    result = redis_input(rlog, link, &in, why);
    buf_deinit(&in);
    return result;
}

static void feed(enum redis_link link, const char *text)
{
    const char *why;

    ck_assert_msg(feed_bytes(link, text, strlen(text), &why) == 0, "%s", why);
}

/* Appends a text with its length in front. */
static void put_bulk(struct buf *out, struct str text)
{
    ck_assert_int_eq(buf_printf(out, "$%zu\r\n", text.len), 0);
    ck_assert_int_eq(buf_append_str(out, text), 0);
    ck_assert_int_eq(buf_append_str(out, STR("\r\n")), 0);
}

/* How often a word stands in what was said since the last time on this connection. */
static unsigned said(enum redis_link link, const char *word)
{
    struct buf *out = redis_output(rlog, link);
    unsigned count = 0;

    ck_assert_int_eq(buf_append_str(out, (struct str){"\0", 1}), 0);
    for (const char *at = (const char *)out->data; (at = strstr(at, word)) != NULL; at++)
        count++;
    out->len = 0;
    return count;
}

static void connect_commands(const char *replid)
{
    char info[64];

    redis_connected(rlog, REDIS_COMMANDS);
    feed(REDIS_COMMANDS, "+OK\r\n");
    for (int i = 0; i < REDIS_SCRIPTS; i++)
        feed(REDIS_COMMANDS, "+OK\r\n");
    snprintf(info, sizeof(info), "$%zu\r\nmaster_replid:%s\r\n\r\n", strlen(replid) + 16, replid);
    feed(REDIS_COMMANDS, info);
    feed(REDIS_COMMANDS, "$1\r\n7\r\n*1\r\n$1\r\nK\r\n");
    redis_output(rlog, REDIS_COMMANDS)->len = 0;
}

static void subscribed(void)
{
    feed(REDIS_TELLS, "*3\r\n$9\r\nsubscribe\r\n$9\r\n" CHANNEL "\r\n:1\r\n");
}

static void connect_tells(void)
{
    redis_connected(rlog, REDIS_TELLS);
    feed(REDIS_TELLS, "+OK\r\n");
    feed(REDIS_TELLS, "*3\r\n$9\r\nsubscribe\r\n$22\r\nw:n:" NODE "\r\n:1\r\n");
    redis_output(rlog, REDIS_TELLS)->len = 0;
}

static void turn(void)
{
    rlog->ops->turn(rlog);
}

/* An event as it stands in a stream. */
static void put_event(struct buf *out, unsigned long long seq, const char *node, unsigned number,
                      const char *text)
{
    ck_assert_int_eq(buf_printf(out, "%llu 5 0 %s %u\nM 1 1 0 0 -\n%s", seq, node, number, text),
                     0);
}

/* It is told on the channel of the room. */
static void tell(unsigned long long seq, const char *node, unsigned number, const char *text)
{
    struct buf event, told, out;
    const char *why;

    buf_init(&event);
    buf_init(&told);
    buf_init(&out);
    put_event(&event, seq, node, number, text);
    ck_assert_int_eq(buf_printf(&told, "%zu\n", event.len), 0);
    ck_assert_int_eq(buf_append(&told, event.data, event.len), 0);
    ck_assert_int_eq(buf_append_str(&out, STR("*3\r\n$7\r\nmessage\r\n$9\r\n" CHANNEL "\r\n")), 0);
    put_bulk(&out, (struct str){(const char *)told.data, told.len});
    ck_assert_int_eq(feed_bytes(REDIS_TELLS, (const char *)out.data, out.len, &why), 0);
    buf_deinit(&event);
    buf_deinit(&told);
    buf_deinit(&out);
}

/* The answer to a snapshot of a room that has had so many events, and has none any more. */
static void snapshot_of(unsigned long long seq)
{
    char text[100], digits[24];
    int len = snprintf(digits, sizeof(digits), "%llu", seq);

    snprintf(text, sizeof(text), "*6\r\n$1\r\n5\r\n$%d\r\n%s\r\n$1\r\n0\r\n*0\r\n*0\r\n*0\r\n", len,
             digits);
    feed(REDIS_COMMANDS, text);
}

/* ---- a room ---- */

static uint64_t replicas;

static struct log *make_log(const char *prefix, const char *node,
                            void (*random)(void *bytes, size_t len))
{
    const struct redis_config config = {.prefix = str_from(prefix),
                                        .replicas = replicas,
                                        .replica_ms = 50,
                                        .node = str_from(node),
                                        .history = 100,
                                        .leave_grace = 5000,
                                        .longest = 65536,
                                        .others = "0",
                                        .random = random};
    struct log *log = redis_new(&config);

    ck_assert_ptr_nonnull(log);
    log->calls = &calls;
    redis_set_time(log, 1000, 1000);
    return log;
}

static void setup(void)
{
    rlog = make_log("w", "n", no_random);
    buf_init(&heard);
    has_room = true;
    channel = (struct log_channel){.name = STR("tea")};
    connect_commands("one");
    connect_tells();
    rlog->ops->open(rlog, &channel);
    ck_assert_uint_eq(said(REDIS_TELLS, "SUBSCRIBE"), 1);
}

/* ... that is there, and has nothing. */
static void setup_open(void)
{
    setup();
    subscribed();
    turn();
    ck_assert_uint_eq(said(REDIS_COMMANDS, "EVALSHA"), 1);
    snapshot_of(0);
    expect_heard("anew ");
}

static void setup_waiting(void)
{
    replicas = 2;
    setup_open();
}

static void teardown(void)
{
    replicas = 0;
    rlog->ops->stop(rlog);
    rlog->ops->close(rlog, &channel);
    rlog->ops->free(rlog);
    buf_deinit(&heard);
}

/* What a snapshot says may be older than what was told before it came: that is another
 * connection. */
START_TEST(what_is_told_before_the_first_snapshot_comes_is_kept)
{
    subscribed();
    turn();
    ck_assert_uint_eq(said(REDIS_COMMANDS, "EVALSHA"), 1);
    tell(1, "other", 1, "one");
    tell(2, "other", 2, "two");
    expect_heard("");
    snapshot_of(0);
    expect_heard("anew 1 2 ");
    turn();
    ck_assert_uint_eq(said(REDIS_COMMANDS, "EVALSHA"), 0);
    tell(3, "other", 3, "three");
    expect_heard("3 ");
}
END_TEST

static void say(const char *text)
{
    struct event event = {.kind = EVENT_MESSAGE, .from = 1, .text = str_from(text)};
    const struct log_ticket ticket = {.place = 1};

    log_append(rlog, &channel, &event, &ticket);
}

/* The first of a node in a room asks for a seat with what the room has, in that order; the seat may
 * be told of before either is answered. Where the answers are lost, both are asked for again. */
START_TEST(the_first_seat_is_asked_for_with_what_there_is)
{
    struct event join = {.kind = EVENT_JOIN, .from = 1, .name = STR("")};
    const struct log_ticket ticket = {.place = 1};
    struct buf *out = redis_output(rlog, REDIS_COMMANDS);
    const char *snapshot;
    char name[41];

    log_append(rlog, &channel, &join, &ticket);
    turn();
    ck_assert_uint_eq(said(REDIS_COMMANDS, "EVALSHA"), 0);
    subscribed();
    turn();
    redis_script_name(REDIS_SNAPSHOT, name);
    ck_assert_int_eq(buf_append_str(out, (struct str){"\0", 1}), 0);
    snapshot = strstr((const char *)out->data, name);
    ck_assert_ptr_nonnull(snapshot);
    redis_script_name(REDIS_ENTER, name);
    ck_assert_ptr_nonnull(strstr(snapshot, name));
    out->len--;
    ck_assert_uint_eq(said(REDIS_COMMANDS, "EVALSHA"), 2);
    tell(1, NODE, 1, "");
    turn();
    expect_heard("");
    if (_i > 0) {
        redis_lost(rlog, REDIS_COMMANDS, "gone");
        connect_commands("one");
        turn();
        ck_assert_uint_eq(said(REDIS_COMMANDS, "EVALSHA"), 2);
    }
    snapshot_of(0);
    expect_heard("anew 1! ");
    feed(REDIS_COMMANDS, _i == 0 ? ":1\r\n" : "$1\r\nD\r\n");
    turn();
    ck_assert_uint_eq(said(REDIS_COMMANDS, "EVALSHA"), 0);
    expect_heard("");
}
END_TEST

/* What is older than the move of a seat, and comes on the other connection, may be of the same id:
 * it is told first. */
START_TEST(a_seat_has_moved_here_once_what_is_older_was_told)
{
    struct event join = {.kind = EVENT_JOIN, .from = 1, .name = STR("")};
    const struct log_ticket ticket = {.place = 1};

    log_append(rlog, &channel, &join, &ticket);
    turn();
    ck_assert_uint_eq(said(REDIS_COMMANDS, "EVALSHA"), 1);
    if (_i == 0)
        tell(1, "other", 1, "one");
    feed(REDIS_COMMANDS, "$2\r\nM2\r\n");
    expect_heard(_i == 0 ? "1 " : "");
    if (_i == 0) {
        tell(2, "other", 2, "two");
    } else {
        redis_lost(rlog, REDIS_TELLS, "gone"); /* what is older is asked for */
        connect_tells();
        subscribed();
        turn();
        ck_assert_uint_eq(said(REDIS_COMMANDS, "EVALSHA"), 1);
        snapshot_of(2);
        turn();
        ck_assert_uint_eq(said(REDIS_COMMANDS, "EVALSHA"), 1);
        snapshot_of(2);
    }
    expect_heard(_i == 0 ? "2 0! " : "anew 0! ");
}
END_TEST

START_TEST(a_move_that_makes_no_sense_ends_the_connection)
{
    struct event join = {.kind = EVENT_JOIN, .from = 1, .name = STR("")};
    const struct log_ticket ticket = {.place = 1};
    const char *why;

    log_append(rlog, &channel, &join, &ticket);
    turn();
    ck_assert_int_eq(feed_bytes(REDIS_COMMANDS, "$2\r\nMx\r\n", 8, &why), -1);
}
END_TEST

static void say_once(void)
{
    char once[64];
    struct event event = {.kind = EVENT_MESSAGE, .text = STR("x"), .is_posted = true};
    const struct log_ticket ticket = {.place = 1};

    memset(once, 'o', sizeof(once));
    event.once = (struct str){once, sizeof(once)};
    log_append(rlog, &channel, &event, &ticket);
}

/* What is to be said once goes alone, and makes no event where it was said before. */
START_TEST(what_is_said_once_goes_alone)
{
    const char *why;

    say("one");
    say_once();
    say_once();
    say("two");
    say("three");
    turn();
    ck_assert_uint_eq(said(REDIS_COMMANDS, "EVALSHA"), 4);
    tell(1, NODE, 1, "one");
    feed(REDIS_COMMANDS, "$1\r\n.\r\n$6\r\nI5 7 9\r\n$1\r\nO\r\n");
    expect_heard("1! refused:8 refused:9 ");
    tell(2, NODE, 4, "two");
    tell(3, NODE, 5, "three");
    feed(REDIS_COMMANDS, "$2\r\n..\r\n");
    expect_heard("2! 3! ");
    say_once();
    turn();
    ck_assert_int_eq(feed_bytes(REDIS_COMMANDS, "$4\r\nI5 7\r\n", 10, &why), -1);
    ck_assert_str_eq(why, "the answer about a message makes no sense");
}
END_TEST

/* ---- replicas ---- */

static uint64_t unsafe(void)
{
    struct redis_stats stats;

    redis_stats(rlog, &stats);
    return stats.unsafe;
}

/* Those at other nodes hear of it before; the order is the same. */
START_TEST(who_speaks_hears_of_it_once_the_replicas_have_it)
{
    char node[REDIS_NODE_MAX + 24];

    snprintf(node, sizeof(node), "%s", ((struct redis *)(void *)rlog)->node);
    say("one");
    say("two");
    turn();
    ck_assert_uint_eq(said(REDIS_COMMANDS, "WAIT\r\n$1\r\n2\r\n$2\r\n50\r\n"), 1);
    tell(1, "other", 1, "before");
    tell(2, node, 1, "one");
    tell(3, "other", 2, "behind");
    feed(REDIS_COMMANDS, "$2\r\n..\r\n");
    turn();
    expect_heard("1 ");
    feed(REDIS_COMMANDS, _i == 0 ? ":2\r\n" : ":1\r\n");
    ck_assert_uint_eq(unsafe(), (uint64_t)_i);
    turn();
    tell(4, node, 2, "two");
    expect_heard("2! 3 4! ");
    turn();
    ck_assert_uint_eq(said(REDIS_COMMANDS, "WAIT"), 0); /* nothing was sent since */
}
END_TEST

/* Before it is known whether they had it, the connection is gone: it is asked for again. */
START_TEST(what_replicas_were_waited_for_is_sent_again)
{
    char node[REDIS_NODE_MAX + 24];

    snprintf(node, sizeof(node), "%s", ((struct redis *)(void *)rlog)->node);
    say("one");
    turn();
    tell(1, node, 1, "one");
    expect_heard("");
    redis_lost(rlog, REDIS_COMMANDS, "gone");
    turn();
    expect_heard("");
    connect_commands("one");
    turn();
    ck_assert_uint_eq(said(REDIS_COMMANDS, "EVALSHA"), 1);
    feed(REDIS_COMMANDS, "*6\r\n$1\r\n5\r\n$1\r\n0\r\n$1\r\n0\r\n*0\r\n*0\r\n*0\r\n");
    turn();
    ck_assert_uint_eq(said(REDIS_COMMANDS, "WAIT"), 1);
    feed(REDIS_COMMANDS, "$1\r\n.\r\n");
    turn();
    expect_heard("");
    feed(REDIS_COMMANDS, ":2\r\n");
    turn();
    expect_heard("1! ");
}
END_TEST

/* ---- bounds ---- */

static bool is_refused(enum event_kind kind, size_t len, struct buf *text)
{
    struct event event = {.kind = kind, .from = 1};
    const struct log_ticket ticket = {.place = 1};
    bool is_refused;

    event.text = (struct str){(const char *)text->data, len};
    log_append(rlog, &channel, &event, &ticket);
    is_refused = heard.len > 0;
    heard.len = 0;
    return is_refused;
}

/* Leaves, which make room for others, may wait beyond that, and are bounded, too. */
START_TEST(so_much_may_wait)
{
    struct buf text;
    size_t part = REDIS_WAITING_MAX / 8 - REDIS_APPEND_COST;

    buf_init(&text);
    ck_assert_int_eq(buf_reserve(&text, part), 0);
    memset(text.data, 'x', part);
    for (int i = 0; i < 8; i++)
        ck_assert(!is_refused(EVENT_MESSAGE, part, &text));
    ck_assert(is_refused(EVENT_MESSAGE, 0, &text));
    for (int i = 0; i < 8; i++)
        ck_assert(!is_refused(EVENT_LEAVE, part, &text));
    ck_assert(is_refused(EVENT_LEAVE, 0, &text));
    ck_assert(is_refused(EVENT_MESSAGE, 0, &text));
    rlog->ops->stop(rlog);
    heard.len = 0;
    buf_deinit(&text);
}
END_TEST

/* What readers have no room for is kept up to a bound; beyond it, it is asked for again. */
START_TEST(so_much_is_kept_ahead)
{
    struct redis *r = (struct redis *)(void *)rlog;
    size_t len = 1024 * 1024;
    char *text = malloc(len + 1);
    uint64_t seq = 0;

    ck_assert_ptr_nonnull(text);
    memset(text, 'x', len);
    text[len] = '\0';
    has_room = false;
    for (; seq < 15; seq++)
        tell(seq + 1, "other", 1, text);
    ck_assert_uint_gt(r->ahead_bytes, 15 * len);
    turn();
    ck_assert_uint_eq(said(REDIS_COMMANDS, "EVALSHA"), 0);
    text[REDIS_AHEAD_MAX - r->ahead_bytes - strlen("16 5 0 other 1\nM 1 1 0 0 -\n")] = '\0';
    tell(++seq, "other", 1, text);
    ck_assert_uint_eq(r->ahead_bytes, REDIS_AHEAD_MAX);
    turn();
    ck_assert_uint_eq(said(REDIS_COMMANDS, "EVALSHA"), 0);
    tell(++seq, "other", 1, "");
    ck_assert_uint_eq(r->ahead_bytes, REDIS_AHEAD_MAX);
    turn();
    ck_assert_uint_eq(said(REDIS_COMMANDS, "EVALSHA"), 1);
    free(text);
}
END_TEST

/* A length is refused before the bytes behind it are waited for. */
START_TEST(so_long_may_an_answer_be)
{
    static const char *const answers[] = {"$100794000\r\nx", "$100794369\r\nx",
                                          "*18446744073709551616\r\n"};
    const char *why = NULL;
    int result =
        feed_bytes(_i == 1 ? REDIS_TELLS : REDIS_COMMANDS, answers[_i], strlen(answers[_i]), &why);

    ck_assert_int_eq(result, _i == 0 ? 0 : -1);
    if (result < 0)
        ck_assert_str_eq(why, "it does not speak the protocol of Redis");
}
END_TEST

static void lease_is_due(void)
{
    redis_set_time(rlog, redis_of(rlog)->now + REDIS_RENEW_MS, 1000);
    turn();
}

/* ---- from one process to the next ---- */

static void other_random(void *bytes, size_t len)
{
    memset(bytes, 0x11, len);
}

/* Hands over to a log that was made with this; returns what is wrong. */
static const char *hand_to(struct log *heir)
{
    struct hand_pipe pipe;
    const char *why;

    hand_pipe_init(&pipe);
    rlog->ops->hand(rlog, &pipe.w);
    ck_assert(!pipe.w.is_failed);
    hand_pipe_rewind(&pipe);
    heir->ops->take(heir, &pipe.r);
    hand_is_through(&pipe.r);
    why = pipe.r.why;
    hand_pipe_deinit(&pipe);
    return why;
}

/* A new process with new connections, and still the same node: it hears the same channels, asks for
 * what it has missed and no more, and numbers go on. */
START_TEST(who_takes_over_is_the_same_node)
{
    struct log *heir = make_log("w", "n", other_random);
    struct redis_stats stats;

    tell(1, "other", 1, "one");
    say("two");
    turn();
    ck_assert_uint_eq(said(REDIS_COMMANDS, "EVALSHA"), 1);
    tell(2, NODE, 1, "two");
    feed(REDIS_COMMANDS, "$1\r\n.\r\n");
    expect_heard("1 2! ");
    ck_assert_ptr_null(hand_to(heir));
    rlog->ops->stop(rlog);
    rlog->ops->close(rlog, &channel);
    rlog->ops->free(rlog);
    rlog = heir;
    ck_assert(rlog->ops->adopt(rlog, &channel));
    connect_commands("one");
    redis_connected(rlog, REDIS_TELLS);
    feed(REDIS_TELLS, "+OK\r\n");
    ck_assert_uint_eq(said(REDIS_TELLS, "w:n:" NODE), 1);
    feed(REDIS_TELLS, "*3\r\n$9\r\nsubscribe\r\n$22\r\nw:n:" NODE "\r\n:1\r\n");
    subscribed();
    say("four");
    turn();
    ck_assert_uint_eq(said(REDIS_COMMANDS, "EVALSHA"), 1); /* the snapshot */
    tell(3, "other", 2, "three");
    snapshot_of(2);
    turn();
    ck_assert_uint_eq(said(REDIS_COMMANDS, "EVALSHA"), 1);
    tell(4, NODE, 2, "four");
    expect_heard("3 4! ");
    redis_stats(rlog, &stats);
    ck_assert_uint_eq(stats.told, 4);
}
END_TEST

/* Why it is ill is what failed last, not what is long over. */
START_TEST(what_failed_last_is_why_it_is_ill)
{
    say("x");
    turn();
    feed(REDIS_COMMANDS, "-OOM too much\r\n");
    ck_assert_str_eq(redis_ailment(rlog),
                     "its memory is full (maxmemory); Redis says: OOM too much");
    lease_is_due();
    feed(REDIS_COMMANDS, "*1\r\n$1\r\nK\r\n");
    ck_assert_ptr_null(redis_ailment(rlog));
    redis_lost(rlog, REDIS_TELLS, "it is gone");
    ck_assert_str_eq(redis_ailment(rlog), "it is gone");
    redis_lost(rlog, REDIS_COMMANDS, redis_ailment(rlog));
    ck_assert_str_eq(redis_ailment(rlog), "it is gone");
}
END_TEST

/* Who looks at its health in the moment before it is connected learns nothing that was not so. */
START_TEST(who_takes_over_is_as_well_as_it_was)
{
    struct log *heir = make_log("w", "n", other_random);

    ck_assert_ptr_nonnull(redis_ailment(heir));
    if (_i > 0)
        redis_lost(rlog, REDIS_TELLS, "gone");
    ck_assert_ptr_null(hand_to(heir));
    ck_assert_int_eq(redis_ailment(heir) != NULL, _i > 0);
    redis_lost(heir, REDIS_COMMANDS, "gone");
    ck_assert_ptr_nonnull(redis_ailment(heir));
    heir->ops->free(heir);
}
END_TEST

static const struct {
    const char *prefix, *node, *why;
} other_nodes[] = {
    {"x", "n", "--redis-prefix is another one"},
    {"w", "m", "--node is another one"},
    {"w", "n-0000000000000000", "--node is another one"},
    {"w", "", "--node is another one"},
};

START_TEST(another_node_is_not_taken_over)
{
    struct log *heir = make_log(other_nodes[_i].prefix, other_nodes[_i].node, no_random);

    ck_assert_pstr_eq(hand_to(heir), other_nodes[_i].why);
    heir->ops->free(heir);
}
END_TEST

START_TEST(an_answer_that_nobody_asked_for_ends_it)
{
    const char *why = NULL;

    ck_assert_int_eq(feed_bytes(REDIS_COMMANDS, "+OK\r\n", 5, &why), -1);
    ck_assert_str_eq(why, "it answers what nobody asked");
}
END_TEST

static void expect_end(const char *answer, const char *expected)
{
    const char *why = NULL;

    ck_assert_int_eq(feed_bytes(REDIS_COMMANDS, answer, strlen(answer), &why), -1);
    ck_assert_str_eq(why, expected);
}

/* What no script of ours says ends the connection: else its author would wait for ever. */
static const char *const no_words[] = {"*0\r\n", "_\r\n", "%1\r\n+a\r\n+b\r\n", "#t\r\n"};

START_TEST(an_answer_about_an_event_is_a_word)
{
    say("x");
    turn();
    expect_end(no_words[_i], "the answer about an event makes no sense");
}
END_TEST

/* Each name would have something to be said. */
START_TEST(so_many_nodes_may_be_named)
{
    struct buf answer;

    lease_is_due();
    buf_init(&answer);
    ck_assert_int_eq(
        buf_printf(&answer, "*%d\r\n$1\r\nK\r\n$4\r\n9000\r\n", REDIS_LEASE_WORDS + _i), 0);
    for (int i = REDIS_LEASE_DEAD; i < REDIS_LEASE_WORDS + _i; i++)
        ck_assert_int_eq(buf_append_str(&answer, STR("$5\r\nother\r\n")), 0);
    ck_assert_int_eq(buf_append_str(&answer, (struct str){"\0", 1}), 0);
    ck_assert_uint_eq(said(REDIS_COMMANDS, "EVALSHA"), 1);
    if (_i == 0) {
        feed(REDIS_COMMANDS, (const char *)answer.data);
        ck_assert_uint_eq(said(REDIS_COMMANDS, "EVALSHA"), REDIS_LEASE_WORDS - REDIS_LEASE_DEAD);
    } else {
        expect_end((const char *)answer.data, "the answer about nodes makes no sense");
    }
    buf_deinit(&answer);
}
END_TEST

/* A byte now and then is no answer. */
START_TEST(who_answers_byte_by_byte_is_given_up)
{
    enum redis_link link = _i == 0 ? REDIS_COMMANDS : REDIS_TELLS;
    char bytes[64] = "$60\r\n";
    uint64_t start;

    say("x");
    lease_is_due();
    start = redis_of(rlog)->now;
    for (uint64_t at = start; at <= start + REDIS_ANSWER_MS; at += 1000) {
        ck_assert(!redis_is_stale(rlog, link));
        redis_set_time(rlog, at, 1000);
        bytes[strlen(bytes)] = 'x';
        feed(link, bytes);
    }
    redis_set_time(rlog, start + REDIS_ANSWER_MS + 1, 1000);
    ck_assert(redis_is_stale(rlog, link));
}
END_TEST

static void hear_lease(void)
{
    lease_is_due();
    feed(REDIS_COMMANDS, "*1\r\n$1\r\nK\r\n");
    feed(REDIS_TELLS, "+PONG\r\n");
}

/* The two connections may lead to two servers, of which one is told of nothing. */
START_TEST(who_does_not_hear_what_it_says_begins_anew)
{
    for (int i = 0; i < 4; i++) {
        hear_lease();
        feed(REDIS_TELLS, "*3\r\n$7\r\nmessage\r\n$22\r\nw:n:" NODE "\r\n$1\r\nB\r\n");
    }
    hear_lease();
    hear_lease();
    ck_assert(!redis_is_stale(rlog, REDIS_COMMANDS));
    ck_assert(!redis_is_stale(rlog, REDIS_TELLS));
    hear_lease();
    redis_set_time(rlog, redis_of(rlog)->now + 1, 1000);
    ck_assert(redis_is_stale(rlog, REDIS_COMMANDS));
    ck_assert(redis_is_stale(rlog, REDIS_TELLS));
    redis_lost(rlog, REDIS_COMMANDS, "gone");
    redis_lost(rlog, REDIS_TELLS, "gone");
    connect_commands("two");
    connect_tells();
    ck_assert(!redis_is_stale(rlog, REDIS_COMMANDS));
    ck_assert(!redis_is_stale(rlog, REDIS_TELLS));
}
END_TEST

/* Who takes nothing in is given up before memory is out. */
START_TEST(so_much_is_kept_to_be_sent)
{
    size_t most = 0;

    while (!redis_is_stale(rlog, REDIS_TELLS)) {
        redis_send_subscribe(redis_of(rlog), redis_room_find(redis_of(rlog), channel.name), true);
        most = redis_output(rlog, REDIS_TELLS)->len;
        ck_assert_uint_le(most, REDIS_OUT_MAX + 1000);
    }
    ck_assert_uint_gt(most, REDIS_OUT_MAX);
}
END_TEST

Suite *suite_redis_log(void)
{
    Suite *suite = suite_create("redis_log");
    TCase *tcase = tcase_create("beginning");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_is_told_before_the_first_snapshot_comes_is_kept);
    tcase_add_loop_test(tcase, the_first_seat_is_asked_for_with_what_there_is, 0, 2);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("open");
    tcase_add_checked_fixture(tcase, setup_open, teardown);
    tcase_add_loop_test(tcase, a_seat_has_moved_here_once_what_is_older_was_told, 0, 2);
    tcase_add_test(tcase, a_move_that_makes_no_sense_ends_the_connection);
    tcase_add_test(tcase, what_is_said_once_goes_alone);
    tcase_add_test(tcase, so_much_may_wait);
    tcase_add_test(tcase, so_much_is_kept_ahead);
    tcase_add_loop_test(tcase, so_long_may_an_answer_be, 0, 3);
    tcase_add_test(tcase, an_answer_that_nobody_asked_for_ends_it);
    tcase_add_test(tcase, who_takes_over_is_the_same_node);
    tcase_add_test(tcase, what_failed_last_is_why_it_is_ill);
    tcase_add_loop_test(tcase, who_takes_over_is_as_well_as_it_was, 0, 2);
    tcase_add_loop_test(tcase, another_node_is_not_taken_over, 0,
                        sizeof(other_nodes) / sizeof(other_nodes[0]));
    tcase_add_loop_test(tcase, an_answer_about_an_event_is_a_word, 0, ARRAY_LEN(no_words));
    tcase_add_loop_test(tcase, so_many_nodes_may_be_named, 0, 2);
    tcase_add_loop_test(tcase, who_answers_byte_by_byte_is_given_up, 0, 2);
    tcase_add_test(tcase, who_does_not_hear_what_it_says_begins_anew);
    tcase_add_test(tcase, so_much_is_kept_to_be_sent);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("replicas");
    tcase_add_checked_fixture(tcase, setup_waiting, teardown);
    tcase_add_loop_test(tcase, who_speaks_hears_of_it_once_the_replicas_have_it, 0, 2);
    tcase_add_test(tcase, what_replicas_were_waited_for_is_sent_again);
    suite_add_tcase(suite, tcase);
    return suite;
}
