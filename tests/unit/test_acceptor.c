#include "server/acceptor.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "base/tuning.h"
#include "net/socket.h"

Suite *suite_acceptor(void);

/* Who is accepted before the kernel has kept it, as with SYN cookies, must not be out of time. */
START_TEST(a_short_time_is_left_whole)
{
    ck_assert_uint_eq(acceptor_time_left(1), 1);
    ck_assert_uint_eq(acceptor_time_left(SOCKET_DEFER_MS), SOCKET_DEFER_MS);
    ck_assert_uint_eq(acceptor_time_left(2 * SOCKET_DEFER_MS - 1), 2 * SOCKET_DEFER_MS - 1);
    ck_assert_uint_eq(acceptor_time_left(2 * SOCKET_DEFER_MS), SOCKET_DEFER_MS);
    ck_assert_uint_eq(acceptor_time_left(3600000), 3600000 - SOCKET_DEFER_MS);
}
END_TEST

/* ---- how many come in one tick ---- */

#define COMERS 30

static const uint64_t lengths[CONN_TIMERS];
static struct reactor reactor;
static struct conns conns;
static struct acceptor acceptor;
static int comers[COMERS];

static void on_accepted(struct acceptor *a, struct conn *conn)
{
    (void)a, (void)conn;
}

static void on_free(struct conn *conn)
{
    (void)conn;
}

static int listen_somewhere(struct sockaddr_in *where)
{
    socklen_t len = sizeof(*where);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    *where = (struct sockaddr_in){.sin_family = AF_INET};
    where->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)where, len), 0);
    ck_assert_int_eq(listen(fd, COMERS), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)where, &len), 0);
    return fd;
}

static void come(void)
{
    struct listeners listeners = {.count = 1};
    struct sockaddr_in where;

    conns = (struct conns){.on_free = on_free};
    ck_assert_int_eq(reactor_init(&reactor), 0);
    ck_assert_int_eq(conns_init(&conns, &reactor, COMERS + 1, lengths), 0);
    acceptor = (struct acceptor){.conns = &conns, .on_accepted = on_accepted};
    listeners.items[0] = (struct listening){.fd = listen_somewhere(&where), .file = -1};
    acceptor_take(&acceptor, &listeners);
    acceptor_start(&acceptor, COMERS);
    for (int i = 0; i < COMERS; i++) {
        comers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_int_eq(connect(comers[i], (struct sockaddr *)&where, sizeof(where)), 0);
    }
}

static void go(void)
{
    acceptor_close(&acceptor);
    conns_deinit(&conns);
    reactor_deinit(&reactor);
    for (int i = 0; i < COMERS; i++)
        close(comers[i]);
}

/* Guests who are in have done so much already. Returns how many come. */
static size_t tick(size_t work)
{
    size_t before = conns.pool.count;
    int count = reactor_wait(&reactor, 0, 0);

    stream_env_resume(&conns.pool.env);
    stream_env_charge(&conns.pool.env, STREAM_WORK_GUEST, work);
    reactor_dispatch(&reactor, count);
    acceptor_greet(&acceptor);
    return conns.pool.count - before;
}

/* As many as the budget of guests allows, which they share with those who ask. */
START_TEST(so_many_come_in_a_tick)
{
    size_t first, came = 0;

    come();
    first = tick(1500);
    ck_assert_uint_gt(first, 0);
    ck_assert_uint_le(first, 6);
    if (TUNE_ACCEPT_BATCH > 1)
        ck_assert_uint_gt(first, 1);
    for (int i = 0; i < 100 * COMERS && first + came < COMERS; i++)
        came += tick(1500);
    ck_assert_uint_eq(first + came, COMERS);
    go();
}
END_TEST

/* Those who are in spend it all, tick by tick, and keep nobody out. */
START_TEST(one_comes_in_any_case)
{
    size_t came = 0;

    come();
    for (int i = 0; i < 100 * COMERS && came < COMERS; i++) {
        size_t now = tick(UINT16_MAX);

        ck_assert_uint_le(now, 1);
        came += now;
    }
    ck_assert_uint_eq(came, COMERS);
    go();
}
END_TEST

Suite *suite_acceptor(void)
{
    Suite *suite = suite_create("acceptor");
    TCase *tc = tcase_create("acceptor");

    tcase_add_test(tc, a_short_time_is_left_whole);
    tcase_add_test(tc, so_many_come_in_a_tick);
    tcase_add_test(tc, one_comes_in_any_case);
    suite_add_tcase(suite, tc);
    return suite;
}
