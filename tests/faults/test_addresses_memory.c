/* A WebSocket counts for its address as long as it is open, whichever allocation fails on the way.
 */
#include "wrap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "server/options.h"
#include "server/server.h"
#include "web/entry.h"
#include "session/http.h"
#include "base/log.h"

Suite *suite_addresses_memory(void);

static struct options options;
static struct server server;
static sigset_t signals;

/* The server says where it listens, which nobody wants to know here. */
static void start_silently(void)
{
    int saved = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);

    ck_assert_int_ge(dup2(null, STDERR_FILENO), 0);
    ck_assert_int_eq(server_init(&server, &options, NULL), 0);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(null);
}

static void setup(void)
{
    static char *args[] = {"wschat",
                           "--port=0",
                           "--max-clients=8",
                           "--max-clients-per-ip=2",
                           "--handshake-rate=1000000",
                           "--handshake-burst=1000000",
                           "--sandbox=off"};

    fault_reset();
    sigprocmask(SIG_SETMASK, NULL, &signals);
    log_setup(LOG_ERROR, false);
    ck_assert_int_eq(options_read(&options, (int)ARRAY_LEN(args), args), OPTIONS_RUN);
    start_silently();
}

static void teardown(void)
{
    fault_reset();
    server_deinit(&server);
    sigprocmask(SIG_SETMASK, &signals, NULL);
    log_setup(LOG_INFO, false);
}

/* ---- A server that is driven by hand ---- */

/* More ticks than a request takes that is read in small pieces. */
#define TICKS 64

static void run(void)
{
    for (int i = 0; i < TICKS; i++) {
        chat_set_time(&server.chat, server.clock->now, server.clock->wall);
        stream_env_resume(&server.conns.pool.env);
        reactor_dispatch(&server.reactor,
                         reactor_wait(&server.reactor, server.clock->now, server.clock->now));
        chat_commit(&server.chat);
        do {
            stream_env_flush(&server.conns.pool.env);
            chat_serve(&server.chat, entry_serve);
        } while (stream_env_has_output(&server.conns.pool.env) || chat_has_news(&server.chat));
        pool_reap(&server.conns.pool);
    }
}

/* A connection from 192.0.2.1 that has asked for `target` as wschat.v1. Returns the client's end.
 */
static int ask(const char *target)
{
    struct peer peer = {.is_known = true};
    char request[512];
    int ends[2];

    ck_assert(ip_read(&peer.ip, STR("192.0.2.1")));
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    snprintf(request, sizeof(request),
             "GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
             "Sec-WebSocket-Protocol: wschat.v1\r\n\r\n",
             target);
    ck_assert_int_eq(write(ends[1], request, strlen(request)), (ssize_t)strlen(request));
    stream_start(&http_accept(&server.conns, ends[0], &peer)->stream, false);
    return ends[1];
}

static uint64_t counted(void)
{
    uint64_t clients = 0;

    ck_assert_uint_le(server.web.addresses.count, 1);
    if (server.web.addresses.count == 1)
        clients = server.web.addresses.addresses[0].clients;
    return clients;
}

/* Whoever is a member counts; whoever was one may, as long as the connection is not freed; and so
 * may a seat that has none. */
static void expect_each_counted_once(void)
{
    ck_assert_uint_ge(counted(), server.conns.members);
    ck_assert_uint_le(counted(), server.conns.pool.count + server.chat.clients.count);
}

/* All connections are gone; the seats that are kept for them still count, until they are given up.
 */
static void expect_nobody(void)
{
    run();
    ck_assert_uint_eq(server.conns.pool.count, 0);
    ck_assert_uint_eq(server.conns.members, 0);
    ck_assert_uint_eq(counted(), server.chat.clients.count);
    server.conns.pool.env.clock.now += 10000;
    chat_set_time(&server.chat, server.clock->now, server.clock->wall);
    chat_expire(&server.chat);
    run();
    ck_assert_uint_eq(server.chat.clients.count, 0);
    ck_assert_uint_eq(counted(), 0);
}

START_TEST(an_upgrade_that_fails_gives_its_place_back)
{
    long nth = 0;
    bool done = false;

    while (!done) {
        int client;

        fault_reset();
        client = ask("/ws/5?room=tea&name=ada");
        fault_fail_nth(FAULT_MALLOC, ++nth, ENOMEM);
        run();
        done = !fault_has_struck(FAULT_MALLOC);
        expect_each_counted_once();
        fault_reset();
        close(client);
        expect_nobody();
    }
    ck_assert_int_gt(nth, 3);
}
END_TEST

START_TEST(a_connection_that_cannot_be_watched_is_dropped)
{
    int client;

    fault_reset();
    fault_fail_nth(FAULT_CONTROL, 1, ENOMEM);
    client = ask("/ws/5");
    ck_assert(fault_has_struck(FAULT_CONTROL));
    expect_nobody();
    ck_assert(read(client, &(char){0}, 1) < 0 &&
              errno == ECONNRESET); /* its request was not read */
    close(client);
}
END_TEST

/* `/ws/5` with the key of who sits there. */
static void write_return(char *target, size_t size)
{
    const struct client *seat = client_table_find(&server.chat.clients, 5);
    int len = snprintf(target, size, "/ws/5?key=");

    ck_assert_ptr_nonnull(seat);
    for (size_t i = 0; i < sizeof(seat->key); i++)
        len += snprintf(target + len, size - (size_t)len, "%02x", seat->key[i]);
}

START_TEST(a_take_over_that_fails_counts_nobody_twice)
{
    long nth = 0;
    bool done = false;

    while (!done) {
        char target[128];
        int first, second, other;

        fault_reset();
        first = ask("/ws/5");
        other = ask("/ws/6");
        run();
        ck_assert_uint_eq(counted(), 2);
        write_return(target, sizeof(target));
        second = ask(target);
        fault_fail_nth(FAULT_MALLOC, ++nth, ENOMEM);
        run();
        done = !fault_has_struck(FAULT_MALLOC);
        expect_each_counted_once();
        fault_reset();
        close(first);
        close(second);
        close(other);
        expect_nobody();
    }
    ck_assert_int_gt(nth, 2);
}
END_TEST

START_TEST(a_table_that_cannot_be_mapped)
{
    struct address_limits limits = {.max_clients = 1};
    struct address_table table;

    for (long nth = 1; nth <= 2; nth++) {
        fault_reset();
        fault_fail_nth(FAULT_MMAP, nth, ENOMEM);
        errno = 0;
        ck_assert_int_eq(address_table_init(&table, 8, &limits, (struct hash_seed){1, 1}), -1);
        ck_assert_int_eq(errno, ENOMEM);
        ck_assert_ptr_null(table.addresses);
        ck_assert_ptr_null(table.index);
    }
}
END_TEST

Suite *suite_addresses_memory(void)
{
    Suite *suite = suite_create("addresses_memory");
    TCase *tc = tcase_create("addresses_memory");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, an_upgrade_that_fails_gives_its_place_back);
    tcase_add_test(tc, a_connection_that_cannot_be_watched_is_dropped);
    tcase_add_test(tc, a_take_over_that_fails_counts_nobody_twice);
    tcase_add_test(tc, a_table_that_cannot_be_mapped);
    suite_add_tcase(suite, tc);
    return suite;
}
