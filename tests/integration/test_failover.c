/* Servers that share their rooms, when a Redis, a node or the way between them fails, alone and
 * together. */
#include "nodes.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_failover(void);

/* ---- a replica takes over ---- */

static void expect_let_go(struct seat *seat)
{
    ws_expect_close_later(seat->c, 1012);
    seat->c = NULL;
}

/* The replica was promoted before it had what was said last; somebody joined, and somebody left, in
 * that time, and it knows of neither. */
START_TEST(a_replica_without_the_tail_takes_over)
{
    struct server *a = node_start(), *b = node_start();
    struct seat *ada = seat_open(a, 1, "name=ada"), *eve = seat_open(b, 2, ""), *bob, *cid, *late;
    char before[V1_TEXT], query[V1_TEXT + 16];

    bob = seat_open(b, 3, "");
    seat_say(ada, "kept");
    expect_text(ada, "kept");
    expect_text(eve, "kept");
    redis_replicate();
    redis_do_at(1, "REPLICAOF NO ONE");
    seat_say(ada, "lost");
    expect_text(ada, "lost");
    expect_text(eve, "lost");
    memcpy(before, eve->pos, sizeof(before));
    cid = seat_open(a, 4, "");
    seat_expect_presence(eve, "join", 4, "");
    seat_leave(bob);
    seat_expect_presence(eve, "leave", 3, "");
    redis_kill();
    redis_lead_to_second();
    expect_let_go(ada);
    expect_let_go(eve);
    expect_let_go(cid);
    come_back(ada, b, false);
    come_back(eve, a, false);
    expect_text(ada, "kept");
    seat_say(eve, "new");
    expect_text(ada, "new");
    expect_text(eve, "kept");
    expect_text(eve, "new");
    snprintf(query, sizeof(query), "since=%s", before);
    late = seat_open(b, 9, query);
    ck_assert(!late->recovered);
    seat_leave(late);
    late = seat_open(a, 5, "history=0");
    while (late->count != 3) {
        seat_leave(late);
        late = seat_open(a, 5, "history=0");
    }
    seat_drop(late);
    seat_drop(ada);
    seat_drop(eve);
    seat_drop(cid);
}
END_TEST

/* The connection by which a node asks leads to the one that was promoted; the other, by which it is
 * told, is still that to the old one, which lives. */
START_TEST(a_node_hears_where_it_speaks)
{
    struct server *a = node_start();
    struct seat *ada = seat_open(a, 1, "");
    int old = redis_connect(0);

    seat_say(ada, "one");
    expect_text(ada, "one");
    redis_replicate();
    redis_do_at(1, "REPLICAOF NO ONE");
    redis_lead_to_second();
    redis_say(old, "CLIENT KILL TYPE normal");
    close(old);
    seat_say(ada, "two");
    expect_text(ada, "two");
    seat_say(ada, "three");
    expect_text(ada, "three");
    seat_drop(ada);
}
END_TEST

/* ---- the way between ---- */

static struct server *node_behind(struct relay *relay, const char *name)
{
    struct server *s;

    relay_start(relay, "relay.sock");
    s = node_start_at(relay->file, "--node", name);
    server_wait_for(s, "rooms are shared");
    return s;
}

/* All that was said arrives everywhere, once, in one order: also what the node said on the way that
 * was cut, and said again on the next. */
START_TEST(nothing_is_lost_or_doubled_by_a_cut)
{
    struct relay relay;
    struct server *a = node_start(), *b = node_behind(&relay, "far");
    struct seat *ada = seat_open(a, 1, ""), *eve = seat_open(b, 2, "");
    char text[16];

    seat_expect_presence(ada, "join", 2, "");
    relay_cut(&relay);
    for (int i = 0; i < 5; i++) {
        snprintf(text, sizeof(text), "%d", i);
        seat_say(i % 2 == 0 ? ada : eve, text);
        if (i % 2 == 0)
            expect_text(ada, text);
    }
    server_wait_for(b, "rooms are not available");
    ck_assert_int_eq(node_health(b), 503);
    ck_assert_int_eq(node_health(a), 200);
    server_expect_asleep(b); /* what never answers is waited for, not looked at */
    seat_say(eve, "5");
    if (_i == 0)
        relay_mend(&relay);
    else
        relay_mend_late(&relay);
    for (int i = 0; i < 3; i++)
        expect_text(eve, i == 0 ? "0" : i == 1 ? "2" : "4");
    for (int i = 0; i < 3; i++) {
        expect_text(eve, i == 0 ? "1" : i == 1 ? "3" : "5");
        expect_text(ada, i == 0 ? "1" : i == 1 ? "3" : "5");
    }
    ck_assert_str_eq(ada->pos, eve->pos);
    server_wait_for(b, "rooms are shared");
    seat_say(eve, "end");
    expect_text(eve, "end");
    expect_text(ada, "end");
    seat_sync(ada);
    seat_sync(eve);
    seat_drop(ada);
    seat_drop(eve);
}
END_TEST

/* Others are served, and memory stays what it is. */
START_TEST(a_false_redis_that_talks_without_end_is_survived)
{
    struct relay relay;
    struct server *a = node_behind(&relay, "far");
    struct seat *ada = seat_open(a, 1, "");
    long before = server_peak_kib(a);

    relay_make_false(&relay);
    for (int i = 0; i < 20; i++) {
        seat_sync(ada);
        ck_assert_int_gt(node_health(a), 0);
        usleep(50000);
    }
    server_wait_for(a, "rooms are not available");
    ck_assert_int_eq(node_health(a), 503);
    seat_sync(ada);
    if (!is_sanitized())
        ck_assert_int_lt(server_peak_kib(a) - before, 8 * 1024);
    seat_drop(ada);
}
END_TEST

/* What a node asked for on a way that was cut may be done when the node is long dead: nobody stays
 * a member by that. */
START_TEST(what_a_dead_node_asked_for_makes_no_ghost)
{
    struct relay relay;
    struct server *a = node_start(), *doomed = node_behind(&relay, "doomed");
    struct seat *ada = seat_open(a, 1, ""), *eve = seat_open(doomed, 2, "");
    struct client *late;

    seat_expect_presence(ada, "join", 2, "");
    relay_cut(&relay);
    late = v1_connect(doomed, 3, "");
    server_wait_for(doomed, "rooms are not available");
    server_signal(doomed, SIGKILL);
    ck_assert_int_eq(server_wait_exit(doomed), 128 + SIGKILL);
    expire_doomed();
    seat_expect_presence(ada, "leave", 2, "");
    while (redis_number("ZCARD w:nodes\r\n", ":") != 1)
        usleep(2000);
    relay_mend(&relay);
    seat_expect_presence(ada, "join", 3, "");
    while (redis_number("HLEN w:{lobby}:u\r\n", ":") != 1) {
        expire_doomed(); /* its last sign of life may be among what is late */
        usleep(100000);
    }
    seat_expect_presence(ada, "leave", 3, "");
    client_close(late);
    seat_drop(ada);
    seat_drop(eve);
}
END_TEST

/* ---- a node ---- */

#define LOST 1000

static struct server *crowded_node(void)
{
    char url[200];

    snprintf(url, sizeof(url), "unix:%s", redis_path(0));
    return server_start(LIST("--redis", url, "--leave-grace", "1", "--presence-limit", "2000"));
}

/* The next that is told is the leave of one who has not left yet, to both alike. */
static void expect_one_leave(struct seat *seat, struct client *text, bool has_left[LOST])
{
    char *frame = seat_read(seat);
    uint64_t id = v1_number(frame, "from");

    ck_assert(v1_matches("{'type':'leave','pos':'*','ts':#,'from':#,'name':''}", frame));
    free(frame);
    ck_assert(id >= 100 && id < 100 + LOST && !has_left[id - 100]);
    has_left[id - 100] = true;
    ws_expect_text(text, "Client #%llu left the chat", (unsigned long long)id);
}

/* With all the time that a lease takes, and two nodes that see it end. */
START_TEST(each_of_a_thousand_leaves_once)
{
    struct server *a = crowded_node(), *b = crowded_node(), *doomed = crowded_node();
    struct client *lost[LOST], *text;
    bool has_left[LOST] = {false};
    struct seat *eve = seat_open(a, 1, "");

    text = ws_open_chat(b, 2);
    seat_expect_presence(eve, "join", 2, "");
    for (uint64_t i = 0; i < LOST; i++) {
        lost[i] = ws_open_chat(doomed, 100 + i);
        seat_expect_presence(eve, "join", 100 + i, "");
    }
    server_signal(doomed, SIGKILL);
    ck_assert_int_eq(server_wait_exit(doomed), 128 + SIGKILL);
    for (int i = 0; i < LOST; i++)
        expect_one_leave(eve, text, has_left);
    ws_send_text(text, "still here");
    seat_expect_message(eve, 2, "still here");
    for (int i = 0; i < LOST; i++)
        client_close(lost[i]);
    client_close(text);
    seat_drop(eve);
}
END_TEST

/* ---- together ---- */

enum { NODE_DIES = 1, REDIS_RESTARTS = 2, WAY_IS_CUT = 4, ALL_DEATHS = 8 };

/* Reads up to the last of what the others say at the end, and writes down what was said. */
static void read_to_end(struct seat *seat, struct buf *heard)
{
    int ends = 0;

    while (ends < 3) {
        char *frame = seat_read(seat), text[V1_TEXT];

        ck_assert_msg(!v1_matches("{'type':'leave*", frame), "%s", frame);
        if (v1_has(frame, "text")) {
            v1_string(frame, "text", text);
            ck_assert_int_eq(buf_printf(heard, "%s ", text), 0);
            ends += strcmp(text, "end") == 0;
        }
        free(frame);
    }
    ck_assert_int_eq(buf_append_str(heard, (struct str){"\0", 1}), 0);
}

static unsigned times_in(const struct buf *heard, const char *word)
{
    unsigned times = 0;

    for (const char *at = (const char *)heard->data; (at = strstr(at, word)) != NULL; at++)
        times++;
    return times;
}

/* Nobody leaves, and who stays hears all that was said, once, in the same order. */
START_TEST(deaths_alone_and_together)
{
    struct relay relay;
    struct server *a = node_start(), *far = node_behind(&relay, "far"), *b = node_start();
    struct seat *ada = seat_open(a, 1, ""), *eve = seat_open(far, 2, ""),
                *bob = seat_open(b, 3, "");
    struct buf heard[3];

    for (int i = 0; i < 3; i++)
        buf_init(&heard[i]);
    seat_say(bob, "first");
    expect_text(ada, "first");
    expect_text(bob, "first");
    expect_text(eve, "first");
    if (_i & WAY_IS_CUT)
        relay_cut(&relay);
    if (_i & REDIS_RESTARTS)
        redis_kill();
    seat_say(ada, "ada");
    seat_say(eve, "eve");
    if (_i & NODE_DIES) {
        server_signal(b, SIGKILL);
        ck_assert_int_eq(server_wait_exit(b), 128 + SIGKILL);
    }
    if (_i & WAY_IS_CUT)
        server_wait_for(far, "rooms are not available");
    if (_i & REDIS_RESTARTS)
        redis_start(true);
    if (_i & WAY_IS_CUT)
        relay_mend_late(&relay);
    if (_i & NODE_DIES)
        come_back(bob, far, !(_i & REDIS_RESTARTS));
    seat_say(ada, "end");
    seat_say(eve, "end");
    seat_say(bob, "end");
    read_to_end(ada, &heard[0]);
    read_to_end(eve, &heard[1]);
    read_to_end(bob, &heard[2]);
    ck_assert_uint_eq(times_in(&heard[0], "ada"), 1);
    ck_assert_uint_eq(times_in(&heard[0], "eve"), 1);
    ck_assert_str_eq((const char *)heard[0].data, (const char *)heard[1].data);
    /* Whose position is void hears it all from the beginning. */
    if ((_i & NODE_DIES) && (_i & REDIS_RESTARTS))
        buf_consume(&heard[2], strlen("first "));
    ck_assert_str_eq((const char *)heard[0].data, (const char *)heard[2].data);
    for (int i = 0; i < 3; i++)
        buf_deinit(&heard[i]);
    seat_drop(ada);
    seat_drop(eve);
    seat_drop(bob);
}
END_TEST

Suite *suite_failover(void)
{
    Suite *suite = suite_create("failover");
    TCase *tcase = tcase_create("failover");

    suite_add_tcase(suite, tcase);
    tcase_add_checked_fixture(tcase, nodes_setup, nodes_teardown);
    tcase_add_test(tcase, a_replica_without_the_tail_takes_over);
    tcase_add_test(tcase, a_node_hears_where_it_speaks);
    tcase_add_loop_test(tcase, nothing_is_lost_or_doubled_by_a_cut, 0, 2);
    tcase_add_test(tcase, a_false_redis_that_talks_without_end_is_survived);
    tcase_add_loop_test(tcase, deaths_alone_and_together, 1, ALL_DEATHS);
    tcase_add_test(tcase, each_of_a_thousand_leaves_once);
    tcase_add_test(tcase, what_a_dead_node_asked_for_makes_no_ghost);
    return suite;
}
