/* Limits by address: clients at a time, handshakes a second. Clients of different addresses are
 * those of 127.0.0.0/8. */
#include "exposition.h"
#include "v1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

Suite *suite_addresses(void);

#define BURST 3
#define SLOW_RATE "--handshake-rate=1", "--handshake-burst=3"

/* Asks for a WebSocket from 127.0.0.`host`. */
static struct client *ask(const struct server *s, unsigned host, const char *target)
{
    struct client *c = client_connect_from(s, host);

    ws_request(c, target, "");
    return c;
}

static struct client *in(const struct server *s, unsigned host, const char *target)
{
    struct client *c = ask(s, host, target);

    ws_expect_upgrade(c);
    return c;
}

/* The same, where a place may be given back just now. */
static struct client *in_when_free(const struct server *s, unsigned host, const char *target)
{
    struct client *c;

    for (;;) {
        c = ask(s, host, target);
        ck_assert(client_fill(c, 12));
        if (memcmp(c->in.data, "HTTP/1.1 429", 12) != 0)
            break;
        client_close(c);
    }
    ws_expect_upgrade(c);
    return c;
}

/* The request is answered with 429 and the end of the connection. Takes the client. */
static void expect_429(struct client *c, const char *text)
{
    struct response *r = response_read(c, false);

    ck_assert_int_eq(r->status, 429);
    ck_assert_ptr_nonnull(response_field(r, "Retry-After"));
    ck_assert_int_gt(atoi(response_field(r, "Retry-After")), 0);
    ck_assert_msg(strstr(r->body, text) != NULL, "not \"%s\": %s", text, r->body);
    response_free(r);
    client_expect_eof(c);
    client_close(c);
}

static void expect_too_many(struct client *c)
{
    expect_429(c, "Too many clients");
}

static void expect_too_fast(struct client *c)
{
    expect_429(c, "too often");
}

/* ---- Clients ---- */

START_TEST(clients_of_an_address_up_to_the_limit_and_one_more)
{
    struct server *s = server_start(LIST("--max-clients-per-ip=2"));
    struct client *a = in(s, 2, "/ws/1"), *b = in(s, 2, "/ws"), *c = in(s, 3, "/ws/3");
    struct response *r;

    expect_too_many(ask(s, 2, "/ws/4"));
    expect_too_many(ask(s, 2, "/ws"));
    ws_leave(b);
    b = in_when_free(s, 2, "/ws/4");
    expect_too_many(ask(s, 2, "/ws"));
    /* Pages are for everybody. */
    client_close(a);
    a = client_connect_from(s, 2);
    client_print(a, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    r = response_read(a, false);
    ck_assert_int_eq(r->status, 200);
    response_free(r);
    client_close(a);
    client_close(b);
    client_close(c);
}
END_TEST

/* Every way to end gives the place back, once: the next client gets in, and one more does not. */
static void expect_one_place(const struct server *s, struct client *watcher)
{
    struct client *c = in_when_free(s, 2, "/ws/100");

    expect_too_many(ask(s, 2, "/ws/101"));
    ws_leave(c);
    ws_expect_text(watcher, "Client #100 left the chat");
}

START_TEST(every_end_gives_the_place_back_once)
{
    struct server *s = server_start(LIST("--max-clients-per-ip=1", "--max-message=10"));
    struct client *watcher = in(s, 3, "/ws/1"), *c;

    c = in(s, 2, "/ws/2");
    client_finish(c);
    ws_expect_text(watcher, "Client #2 left the chat");
    client_close(c);
    expect_one_place(s, watcher);
    client_reset(in_when_free(s, 2, "/ws/2"));
    ws_expect_text(watcher, "Client #2 left the chat");
    expect_one_place(s, watcher);
    c = in_when_free(s, 2, "/ws/2");
    ws_send_text(c, "longer than that");
    ws_expect_close(c, 1009);
    ws_expect_text(watcher, "Client #2 left the chat");
    expect_one_place(s, watcher);
    /* An id in use: this one was never in the chat. */
    ws_expect_close(in_when_free(s, 2, "/ws/1"), 4009);
    expect_one_place(s, watcher);
    client_close(watcher);
}
END_TEST

/* Closed by the server, or by a whole handshake, but the client keeps its end open. */
START_TEST(who_lingers_counts)
{
    struct server *s = server_start(LIST("--max-clients-per-ip=2"));
    struct client *a = in(s, 2, "/ws"), *b = in(s, 2, "/ws");

    client_send(a, "\x81\x01x", 3);
    ck_assert(client_fill(a, 2));
    ws_send_close(b, 1000, "");
    ck_assert(client_fill(b, 4));
    expect_too_many(ask(s, 2, "/ws"));
    client_close(a);
    a = in_when_free(s, 2, "/ws");
    expect_too_many(ask(s, 2, "/ws"));
    client_close(a);
    client_close(b);
}
END_TEST

/* ---- Seats that are kept ---- */

static struct client *ask_with_key(const struct server *s, unsigned host, const struct seat *seat)
{
    struct client *c = client_connect_from(s, host);
    char target[V1_TEXT + 64];

    snprintf(target, sizeof(target), "/ws/%llu?key=%s", (unsigned long long)seat->id, seat->key);
    ws_request(c, target, V1_FIELDS);
    return c;
}

/* Comes as that id, and is lost. */
static struct seat keep_from(const struct server *s, unsigned host, uint64_t id, const char *fields)
{
    struct seat seat = {.id = id, .c = client_connect_from(s, host)};
    char target[32], all[256];

    snprintf(target, sizeof(target), "/ws/%llu", (unsigned long long)id);
    snprintf(all, sizeof(all), V1_FIELDS "%s", fields);
    ws_request(seat.c, target, all);
    v1_expect_upgrade(seat.c);
    seat_read_welcome(&seat);
    client_reset(seat.c);
    return seat;
}

START_TEST(a_kept_seat_counts)
{
    struct server *s = server_start(LIST("--max-clients-per-ip=3", "--leave-grace=600"));
    struct seat seat = keep_from(s, 2, 1, "");

    for (uint64_t id = 2; id <= 3; id++)
        keep_from(s, 2, id, "");
    expect_too_many(ask(s, 2, "/ws/4"));
    expect_too_many(ask(s, 2, "/ws"));
    client_close(in(s, 3, "/ws/4"));
    /* Its owner takes no place more, and gives it back. */
    seat.c = ask_with_key(s, 2, &seat);
    v1_expect_upgrade(seat.c);
    expect_too_many(ask(s, 2, "/ws/4"));
    ws_send_close(seat.c, 1000, "");
    client_drain(seat.c);
    client_close(seat.c);
    client_close(in_when_free(s, 2, "/ws/4"));
}
END_TEST

/* Those of a trusted proxy have addresses of their own. */
START_TEST(a_kept_seat_counts_for_the_client_of_a_proxy)
{
    struct server *s = server_start(LIST("--trusted-proxy", "127.0.0.9", "--max-clients-per-ip=1"));
    struct client *c = client_connect_from(s, 9);

    keep_from(s, 9, 1, "X-Forwarded-For: 192.0.2.7\r\n");
    ws_request(c, "/ws/2", "X-Forwarded-For: 192.0.2.7\r\n");
    expect_too_many(c);
    keep_from(s, 9, 2, "X-Forwarded-For: 192.0.2.8\r\n");
}
END_TEST

/* Waits until so many have no connection any more. */
static void await_websockets(struct server *s, unsigned long long count)
{
    double now;

    do {
        char *text = metrics_read(s);

        now = metric(text, "wschat_clients");
        free(text);
    } while (now != (double)count);
}

START_TEST(kept_seats_give_way_to_newcomers)
{
    struct server *s = server_start(
        LIST("--max-clients=12", "--leave-grace=600", "--admin", "127.0.0.1:0", "--history=0"));
    struct client *watcher = in(s, 4, "/ws/1000"), *c;

    keep_from(s, 3, 1, "");
    for (uint64_t id = 2; id <= 300; id++) {
        keep_from(s, 2, id, "");
        await_websockets(s, 1);
    }
    /* The other's seat is the oldest of all, and stays. */
    ws_expect_close(in(s, 5, "/ws/1"), 4009);
    ws_expect_text(watcher, "Client #2 left the chat");
    ws_expect_text(watcher, "Client #3 left the chat");
    c = in(s, 5, "/ws/2");
    ws_sync(c);
    client_close(c);
    client_close(watcher);
}
END_TEST

START_TEST(an_owner_comes_back_where_all_places_are_taken)
{
    struct server *s = server_start(LIST("--max-clients-per-ip=2"));
    struct seat seat = {.id = 5}, other;
    struct client *b, *old, *far;

    seat.c = client_connect_from(s, 2);
    ws_request(seat.c, "/ws/5", V1_FIELDS);
    v1_expect_upgrade(seat.c);
    seat_read_welcome(&seat);
    b = in(s, 2, "/ws/6");
    seat_expect_presence(&seat, "join", 6, "");
    expect_too_many(ask(s, 2, "/ws/7"));
    for (int i = 0; i < 3; i++) {
        old = seat.c;
        seat.c = ask_with_key(s, 2, &seat);
        v1_expect_upgrade(seat.c);
        ws_expect_close(old, 4000);
        seat_read_welcome(&seat);
    }
    expect_too_many(ask(s, 2, "/ws/7"));
    /* A wrong key replaces nobody. */
    other = seat;
    other.key[0] = seat.key[0] == '0' ? '1' : '0';
    expect_too_many(ask_with_key(s, 2, &other));
    /* Nor does the owner of a seat make room at an address where it is not. */
    far = in(s, 3, "/ws/8");
    old = in(s, 3, "/ws/9");
    expect_too_many(ask_with_key(s, 3, &seat));
    client_close(old);
    client_close(far);
    client_close(b);
    client_close(seat.c);
}
END_TEST

/* ---- Rate ---- */

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Asks BURST + 2 times at once; sees that none is refused but as too fast. Returns how many were.
 */
static int storm(const struct server *s, unsigned host)
{
    struct client *clients[BURST + 2];
    int refused = 0;

    for (size_t i = 0; i < ARRAY_LEN(clients); i++)
        clients[i] = ask(s, host, "/ws");
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        ck_assert(client_fill(clients[i], 12));
        if (memcmp(clients[i]->in.data, "HTTP/1.1 101", 12) == 0) {
            client_close(clients[i]);
        } else {
            expect_too_fast(clients[i]);
            refused++;
        }
    }
    return refused;
}

START_TEST(handshakes_up_to_the_burst_and_more)
{
    struct server *s = server_start(LIST(SLOW_RATE));
    uint64_t took = 1000;
    int refused = 0;

    /* On a machine that is busy with something else, the rate gives a handshake back meanwhile. */
    for (unsigned host = 2; took >= 1000 && host < 100; host++) {
        took = now_ms();
        refused = storm(s, host);
        took = now_ms() - took;
    }
    ck_assert_int_eq(refused, 2);
    client_close(in(s, 200, "/ws"));
}
END_TEST

START_TEST(the_rate_comes_back)
{
    struct server *s = server_start(LIST("--handshake-rate=20", "--handshake-burst=1"));
    struct response *r;
    int status = 0;

    for (int i = 0; i < 3; i++) {
        do {
            struct client *c = ask(s, 2, "/ws");

            r = response_read(c, false);
            status = r->status;
            response_free(r);
            client_close(c);
        } while (status == 429);
        ck_assert_int_eq(status, 101);
    }
}
END_TEST

START_TEST(what_is_no_handshake_costs_nothing)
{
    struct server *s = server_start(LIST("--handshake-rate=1", "--handshake-burst=1"));
    struct client *c;

    for (int i = 0; i < 5; i++) {
        static const char *const targets[] = {"/ws/0", "/ws/1?room=", "/ws/x", "/nothing", "/"};
        struct response *r;

        c = ask(s, 2, targets[i]);
        r = response_read(c, false);
        ck_assert_int_ne(r->status, 429);
        ck_assert_int_ne(r->status, 101);
        response_free(r);
        client_close(c);
    }
    client_close(in(s, 2, "/ws"));
}
END_TEST

/* ---- Addresses ---- */

START_TEST(a_prefix_counts_as_one)
{
    struct server *s = server_start(LIST("--max-clients-per-ip=2", "--ipv4-prefix=30"));
    struct client *a = in(s, 4, "/ws"), *b = in(s, 7, "/ws"), *c = in(s, 8, "/ws");

    expect_too_many(ask(s, 5, "/ws"));
    client_close(a);
    client_close(b);
    client_close(c);
}
END_TEST

START_TEST(ipv6_counts_too)
{
    struct server *s = server_launch(&(struct launch){
        .args = LIST("--listen", "[::1]:0", "--max-clients-per-ip=1", "--ipv6-prefix=128")});
    struct client *a, *b;

    server_wait_for(s, "/\n");
    s->port = (uint16_t)strtoul(strstr((char *)s->err.data, "[::1]:") + 6, NULL, 10);
    a = client_connect_ipv6(s);
    ws_request(a, "/ws", "");
    ws_expect_upgrade(a);
    b = client_connect_ipv6(s);
    ws_request(b, "/ws", "");
    expect_too_many(b);
    client_close(a);
}
END_TEST

START_TEST(a_unix_socket_has_no_address)
{
    const char *path = test_path("socket");
    char listen[160];
    struct server *s;
    struct client *clients[4];

    snprintf(listen, sizeof(listen), "unix:%s", path);
    s = server_start(LIST("--listen", listen, "--max-clients-per-ip=1", "--handshake-rate=1",
                          "--handshake-burst=1"));
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        clients[i] = client_connect_unix(path);
        ws_request(clients[i], "/ws", "");
        ws_expect_upgrade(clients[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(clients); i++)
        client_close(clients[i]);
    clients[0] = in(s, 2, "/ws");
    expect_too_many(ask(s, 2, "/ws"));
    client_close(clients[0]);
}
END_TEST

/* Asks through a proxy that names the client. */
static struct client *ask_for(const struct server *s, const char *address)
{
    struct client *c = client_connect(s);
    char field[128];

    snprintf(field, sizeof(field), "X-Forwarded-For: %s\r\n", address);
    ws_request(c, "/ws", field);
    return c;
}

/* The same, where a place may be given back just now. */
static struct client *in_for_when_free(const struct server *s, const char *address)
{
    struct client *c = ask_for(s, address);

    while (client_fill(c, 12) && memcmp(c->in.data, "HTTP/1.1 429", 12) == 0) {
        client_close(c);
        c = ask_for(s, address);
    }
    ws_expect_upgrade(c);
    return c;
}

START_TEST(clients_of_a_proxy_have_addresses_of_their_own)
{
    /* The first and the second are one, as the limits see it; the third is another one. */
    static const char *const addresses[][3] = {
        {"192.0.2.7", "::ffff:192.0.2.7", "192.0.2.8"},
        {"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:3::1"},
    };
    struct server *s = server_start(LIST("--trusted-proxy", "127.0.0.1", "--max-clients-per-ip=1"));
    struct client *clients[ARRAY_LEN(addresses)][2];

    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        clients[i][0] = ask_for(s, addresses[i][0]);
        ws_expect_upgrade(clients[i][0]);
        expect_too_many(ask_for(s, addresses[i][1]));
        clients[i][1] = ask_for(s, addresses[i][2]);
        ws_expect_upgrade(clients[i][1]);
    }
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        ws_leave(clients[i][0]);
        clients[i][0] = in_for_when_free(s, addresses[i][1]);
        client_close(clients[i][0]);
        client_close(clients[i][1]);
    }
    server_wait_for(s, "from=192.0.2.7 ");
    server_wait_for(s, "from=2001:db8:1:2:ffff:ffff:ffff:ffff ");
}
END_TEST

START_TEST(without_limits_nobody_is_refused)
{
    struct server *s = server_start(NULL);
    struct client *clients[60];

    for (size_t i = 0; i < ARRAY_LEN(clients); i++)
        clients[i] = in(s, 2, "/ws");
    for (size_t i = 0; i < ARRAY_LEN(clients); i++)
        client_close(clients[i]);
}
END_TEST

/* ---- What is told of it ---- */

static void expect_metric(const char *body, const char *name, unsigned long long value)
{
    char line[128];

    snprintf(line, sizeof(line), "\n%s %llu\n", name, value);
    ck_assert_msg(strstr(body, line) != NULL, "no line \"%s %llu\" in:\n%s", name, value, body);
}

/* The metrics that the admin listener tells. */
static struct response *get_metrics(struct server *s)
{
    struct server admin = *s;
    unsigned port;

    server_wait_for(s, "/metrics\n");
    ck_assert_int_eq(sscanf(strstr((char *)s->err.data, "metrics on "),
                            "metrics on http://127.0.0.1:%u/", &port),
                     1);
    admin.port = (uint16_t)port;
    return http_get(&admin, "/metrics", "");
}

START_TEST(too_many_is_counted_and_logged)
{
    struct server *s = server_start(LIST("--max-clients-per-ip=1", "--admin", "127.0.0.1:0"));
    struct client *a = in(s, 2, "/ws"), *b = in(s, 3, "/ws");
    struct response *r;

    expect_too_many(ask(s, 2, "/ws"));
    expect_too_many(ask(s, 3, "/ws"));
    r = get_metrics(s);
    expect_metric(r->body, "wschat_addresses", 2);
    expect_metric(r->body, "wschat_refused_by_address_total{reason=\"clients\"}", 2);
    expect_metric(r->body, "wschat_refused_by_address_total{reason=\"rate\"}", 0);
    expect_metric(r->body, "wschat_http_responses_total{status=\"429\"}", 2);
    response_free(r);
    server_wait_for(s, "from=127.0.0.2:");
    server_wait_for(s, "detail=\"Too many clients are connected from this address: try again "
                       "later.\" status=429");
    client_close(a);
    client_close(b);
}
END_TEST

START_TEST(too_fast_is_counted_and_logged)
{
    struct server *s = server_start(LIST(SLOW_RATE, "--admin", "127.0.0.1:0"));
    struct response *r;
    int refused = 0;

    for (unsigned host = 2; refused == 0 && host < 100; host++)
        refused = storm(s, host);
    r = get_metrics(s);
    expect_metric(r->body, "wschat_refused_by_address_total{reason=\"clients\"}", 0);
    expect_metric(r->body, "wschat_refused_by_address_total{reason=\"rate\"}", (unsigned)refused);
    response_free(r);
    server_wait_for(s, "detail=\"This address connects too often: try again in a second.\" "
                       "status=429");
}
END_TEST

static int status_of_get(struct client *c)
{
    struct response *r;
    int status;

    client_print(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    r = response_read(c, false);
    status = r->status;
    if (status == 429)
        ck_assert_ptr_nonnull(response_field(r, "Retry-After"));
    response_free(r);
    return status;
}

START_TEST(requests_up_to_the_burst_and_more)
{
    struct server *s =
        server_start(LIST("--http-rate=1", "--http-burst=3", "--admin", "127.0.0.1:0"));
    struct client *a = client_connect_from(s, 2), *b = client_connect_from(s, 3);
    struct response *r;
    int refused = 0;

    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(status_of_get(a), 200);
    for (int i = 0; refused == 0 && i < 1000; i++)
        refused = status_of_get(a) == 429;
    ck_assert_int_eq(refused, 1); /* and the connection stays */
    ck_assert_int_eq(status_of_get(b), 200);
    client_close(a);
    client_close(b);
    r = get_metrics(s); /* operators have no rate */
    expect_metric(r->body, "wschat_refused_by_address_total{reason=\"requests\"}", 1);
    response_free(r);
}
END_TEST

Suite *suite_addresses(void)
{
    Suite *suite = suite_create("addresses");
    TCase *tc = harness_case(suite, "addresses");

    tcase_add_test(tc, clients_of_an_address_up_to_the_limit_and_one_more);
    tcase_add_test(tc, every_end_gives_the_place_back_once);
    tcase_add_test(tc, who_lingers_counts);
    tcase_add_test(tc, a_kept_seat_counts);
    tcase_add_test(tc, a_kept_seat_counts_for_the_client_of_a_proxy);
    tcase_add_test(tc, kept_seats_give_way_to_newcomers);
    tcase_add_test(tc, an_owner_comes_back_where_all_places_are_taken);
    tcase_add_test(tc, handshakes_up_to_the_burst_and_more);
    tcase_add_test(tc, the_rate_comes_back);
    tcase_add_test(tc, what_is_no_handshake_costs_nothing);
    tcase_add_test(tc, a_prefix_counts_as_one);
    tcase_add_test(tc, ipv6_counts_too);
    tcase_add_test(tc, a_unix_socket_has_no_address);
    tcase_add_test(tc, clients_of_a_proxy_have_addresses_of_their_own);
    tcase_add_test(tc, without_limits_nobody_is_refused);
    tcase_add_test(tc, too_many_is_counted_and_logged);
    tcase_add_test(tc, too_fast_is_counted_and_logged);
    tcase_add_test(tc, requests_up_to_the_burst_and_more);
    return suite;
}
