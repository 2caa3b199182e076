/* SIGUSR2 to the keeper of one of several nodes: whoever takes over is the same node, and neither
 * its people nor those of the others notice. */
#include "nodes.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

Suite *suite_upgrade_cluster(void);

/* ---- a node with a keeper ---- */

static struct server *keeper_start(const char *file)
{
    struct server *s = node_start_at(file, "--keeper", "--leave-grace=600");

    server_wait_for(s, "rooms are shared");
    return s;
}

/* Waits for those words once more than they were said. */
static void node_upgrade(struct server *s)
{
    s->err.len = 0;
    server_signal(s, SIGUSR2);
    server_wait_for(s, "the keeper is the new program, too");
}

static void expect_both(struct seat *from, struct seat *to, const char *text)
{
    seat_say(from, text);
    expect_text(from, text);
    expect_text(to, text);
}

/* ---- tests ---- */

START_TEST(a_node_is_handed_over_and_nobody_notices)
{
    struct server *a = keeper_start("redis.sock"), *b = node_start();
    struct seat *ada = seat_open(a, 1, "name=ada"), *eve = seat_open(b, 2, "name=eve"), *late;

    seat_expect_presence(ada, "join", 2, "eve");
    for (int i = 0; i < 3; i++) {
        expect_both(ada, eve, "before");
        node_upgrade(a);
        expect_both(eve, ada, "after");
    }
    ck_assert_int_eq(redis_number("ZCARD w:nodes\r\n", ":"), 2);
    late = seat_open(a, 3, "history=2");
    ck_assert_uint_eq(late->count, 3);
    seat_expect_presence(ada, "join", 3, "");
    seat_expect_presence(eve, "join", 3, "");
    seat_drop(late);
    seat_leave(ada);
    seat_expect_presence(eve, "leave", 1, "ada");
    seat_drop(eve);
    server_stop(b);
    server_stop(a);
}
END_TEST

/* Its owner comes back to the new process, by a key that the old one gave. */
START_TEST(a_seat_that_waits_is_handed_over)
{
    struct server *a = keeper_start("redis.sock"), *b = node_start();
    struct seat *ada = seat_open(a, 1, "name=ada"), *eve = seat_open(b, 2, "");

    seat_expect_presence(ada, "join", 2, "");
    seat_break(ada);
    node_upgrade(a);
    seat_say(eve, "away");
    expect_text(eve, "away");
    come_back(ada, a, true);
    expect_text(ada, "away");
    seat_sync(eve);
    seat_leave(ada);
    seat_expect_presence(eve, "leave", 1, "ada");
    seat_drop(eve);
    server_stop(b);
    server_stop(a);
}
END_TEST

/* What nobody has answered yet belongs to the process that asked. */
START_TEST(what_waits_for_redis_keeps_people_where_they_are)
{
    struct relay relay;
    struct server *a;
    struct seat *ada;

    relay_start(&relay, "relay.sock");
    a = keeper_start(relay.file);
    ada = seat_open(a, 1, "");
    relay_cut(&relay);
    seat_say(ada, "hello");
    seat_sync(ada);
    server_signal(a, SIGUSR2);
    server_wait_for(a, "nobody was handed over");
    server_wait_for(a, "something waits for its log");
    relay_mend(&relay);
    expect_text(ada, "hello");
    node_upgrade(a);
    seat_say(ada, "again");
    expect_text(ada, "again");
    seat_drop(ada);
    server_stop(a);
}
END_TEST

/* Waits until the heir was heard or refused. Returns which. */
static bool was_handed(struct server *s)
{
    static const char yes[] = "the keeper is the new program, too", no[] = "nobody was handed over";

    for (;;) {
        if (strstr((const char *)s->err.data, yes) != NULL)
            return true;
        if (strstr((const char *)s->err.data, no) != NULL)
            return false;
        server_read(s);
    }
}

/* It is waited for, but not for long: so a slow machine may need another try. */
START_TEST(what_is_answered_soon_is_waited_for)
{
    bool is_handed = false;
    struct relay relay;
    struct server *a;
    struct seat *ada;

    relay_start(&relay, "relay.sock");
    a = keeper_start(relay.file);
    ada = seat_open(a, 1, "");
    for (int tries = 0; tries < 5 && !is_handed; tries++) {
        relay_cut(&relay);
        seat_say(ada, "hello");
        seat_sync(ada);
        a->err.len = 0;
        server_signal(a, SIGUSR2);
        server_wait_for(a, "a new worker was started");
        usleep(300000); /* mostly it has asked for what there is */
        relay_mend(&relay);
        is_handed = was_handed(a);
        expect_text(ada, "hello");
    }
    ck_assert(is_handed);
    seat_drop(ada);
    server_stop(a);
}
END_TEST

/* Where Redis is gone, and nobody asks for anything, people wait for it at the new process. */
START_TEST(people_are_handed_over_while_redis_is_gone)
{
    struct server *a = keeper_start("redis.sock");
    struct seat *ada = seat_open(a, 1, "");

    seat_say(ada, "one");
    expect_text(ada, "one");
    redis_kill();
    server_wait_for(a, "rooms are not available");
    node_upgrade(a);
    redis_start(true);
    server_wait_for(a, "rooms are shared");
    seat_drop(ada);
    server_stop(a);
}
END_TEST

Suite *suite_upgrade_cluster(void)
{
    Suite *suite = suite_create("upgrade_cluster");
    TCase *cases = tcase_create("upgrade_cluster");

    tcase_add_checked_fixture(cases, nodes_setup, nodes_teardown);
    tcase_add_test(cases, a_node_is_handed_over_and_nobody_notices);
    tcase_add_test(cases, a_seat_that_waits_is_handed_over);
    tcase_add_test(cases, what_waits_for_redis_keeps_people_where_they_are);
    tcase_add_test(cases, what_is_answered_soon_is_waited_for);
    tcase_add_test(cases, people_are_handed_over_while_redis_is_gone);
    suite_add_tcase(suite, cases);
    return suite;
}
