#include "net/reactor.h"

#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "base/util.h"

Suite *suite_reactor(void);

struct watched {
    struct reactor_source source;
    uint32_t events;
    int calls;
};

static struct reactor reactor;
static struct watched here;
static int there;

static void on_ready(struct reactor_source *source, uint32_t events)
{
    struct watched *w = CONTAINER_OF(source, struct watched, source);

    w->events = events;
    w->calls++;
}

static void setup(void)
{
    int ends[2];

    ck_assert_int_eq(reactor_init(&reactor), 0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    here = (struct watched){.source = {.ready = on_ready, .fd = ends[0]}};
    there = ends[1];
}

static void teardown(void)
{
    close(here.source.fd);
    close(there);
    reactor_deinit(&reactor);
}

/* Asks once, without waiting. Returns how many events came. */
static int look(void)
{
    int count = reactor_wait(&reactor, 0, 0);

    reactor_dispatch(&reactor, count);
    return count;
}

START_TEST(tells_what_is_watched_for)
{
    ck_assert_int_eq(reactor_watch(&reactor, &here.source, EPOLLIN), 0);
    ck_assert_int_eq(look(), 0);
    ck_assert_int_eq(write(there, "x", 1), 1);
    ck_assert_int_eq(look(), 1);
    ck_assert_uint_eq(here.events, EPOLLIN);
    /* level-triggered: it is told again */
    ck_assert_int_eq(look(), 1);
    ck_assert_int_eq(here.calls, 2);
}
END_TEST

START_TEST(changes_what_is_watched_for)
{
    ck_assert_int_eq(write(there, "x", 1), 1);
    ck_assert_int_eq(reactor_watch(&reactor, &here.source, EPOLLIN | EPOLLOUT), 0);
    ck_assert_uint_eq(here.source.interest, EPOLLIN | EPOLLOUT);
    look();
    ck_assert_uint_eq(here.events, EPOLLIN | EPOLLOUT);
    ck_assert_int_eq(reactor_watch(&reactor, &here.source, EPOLLOUT), 0);
    look();
    ck_assert_uint_eq(here.events, EPOLLOUT);
}
END_TEST

/* Not even the end of the other side is told of what is not watched. */
START_TEST(forgets_what_is_not_watched)
{
    ck_assert_int_eq(reactor_watch(&reactor, &here.source, EPOLLIN), 0);
    ck_assert_int_eq(reactor_watch(&reactor, &here.source, 0), 0);
    shutdown(there, SHUT_RDWR);
    ck_assert_int_eq(look(), 0);
    ck_assert_int_eq(reactor_watch(&reactor, &here.source, EPOLLIN), 0);
    ck_assert_int_eq(look(), 1);
    ck_assert_uint_ne(here.events & EPOLLHUP, 0);
}
END_TEST

/* No system call where nothing changes: not even with a descriptor that is none. */
START_TEST(watching_the_same_again_is_free)
{
    struct watched gone = {.source = {.ready = on_ready, .fd = -1}};

    ck_assert_int_eq(reactor_watch(&reactor, &gone.source, 0), 0);
    ck_assert_int_eq(reactor_watch(&reactor, &gone.source, EPOLLIN), -1);
    ck_assert_uint_eq(gone.source.interest, 0);
}
END_TEST

START_TEST(more_events_than_a_batch_come_later)
{
    enum { MANY = TUNE_EVENTS < 8 ? 5 : 3 };
    struct watched many[MANY];
    int calls = 0;

    for (int i = 0; i < MANY; i++) {
        many[i] = (struct watched){.source = {.ready = on_ready, .fd = dup(here.source.fd)}};
        ck_assert_int_eq(reactor_watch(&reactor, &many[i].source, EPOLLOUT), 0);
    }
    for (int i = 0; i < MANY; i++)
        look();
    for (int i = 0; i < MANY; i++) {
        calls += many[i].calls;
        ck_assert_int_gt(many[i].calls, 0);
        close(many[i].source.fd);
    }
    ck_assert_int_ge(calls, MANY);
}
END_TEST

Suite *suite_reactor(void)
{
    Suite *suite = suite_create("reactor");
    TCase *tc = tcase_create("reactor");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, tells_what_is_watched_for);
    tcase_add_test(tc, changes_what_is_watched_for);
    tcase_add_test(tc, forgets_what_is_not_watched);
    tcase_add_test(tc, watching_the_same_again_is_free);
    tcase_add_test(tc, more_events_than_a_batch_come_later);
    suite_add_tcase(suite, tc);
    return suite;
}
