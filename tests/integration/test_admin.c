/* The listener for operators: metrics that count exactly what happened, and nothing of it in
 * public. */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_admin(void);

/* The port of the admin listener, which stderr tells. */
static uint16_t admin_port(struct server *s)
{
    unsigned port = 0;

    server_wait_for(s, "/metrics\n");
    ck_assert_int_eq(sscanf(strstr((char *)s->err.data, "metrics on ") + strlen("metrics on "),
                            "http://127.0.0.1:%u/", &port),
                     1);
    return (uint16_t)port;
}

static struct response *admin_get(struct server *s, const char *target)
{
    struct server admin = *s;

    admin.port = admin_port(s);
    return http_get(&admin, target, "");
}

/* The metric's line must be there, with that value. */
static void expect_metric(const char *body, const char *name, unsigned long long value)
{
    char line[128];

    snprintf(line, sizeof(line), "\n%s %llu\n", name, value);
    ck_assert_msg(strstr(body, line) != NULL, "no line \"%s %llu\" in:\n%s", name, value, body);
}

static struct server *start(void)
{
    return server_start(LIST("--admin", "127.0.0.1:0"));
}

START_TEST(metrics_count_a_session_exactly)
{
    struct server *s = start();
    struct client *a = ws_open_chat(s, 1), *b = ws_open_chat(s, 2), *c = ws_open_chat(s, 3);
    struct response *r = http_get(s, "/nothing", "");

    response_free(r);
    ws_send_text(a, "hello");
    ws_expect_text(a, "You wrote: hello");
    ws_expect_text(b, "Client #1 says: hello");
    ws_expect_text(c, "Client #1 says: hello");
    ws_expect_close(ws_open_chat(s, 1), 4009);
    ws_leave(c);
    ws_expect_text(a, "Client #3 left the chat");
    r = admin_get(s, "/metrics");
    ck_assert_int_eq(r->status, 200);
    ck_assert_str_eq(response_field(r, "Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    expect_metric(r->body, "wschat_clients", 2);
    expect_metric(r->body, "wschat_rooms", 1);
    expect_metric(r->body, "wschat_messages_total", 1);
    expect_metric(r->body, "wschat_deliveries_total", 5);
    expect_metric(r->body, "wschat_connections_total", 6);
    expect_metric(r->body, "wschat_closes_total{code=\"1000\"}", 1);
    expect_metric(r->body, "wschat_closes_total{code=\"4009\"}", 1);
    expect_metric(r->body, "wschat_http_responses_total{status=\"101\"}", 4);
    expect_metric(r->body, "wschat_http_responses_total{status=\"404\"}", 1);
    expect_metric(r->body, "wschat_delivery_lag_seconds_count", 1);
    response_free(r);
    client_close(a);
    client_close(b);
}
END_TEST

START_TEST(metrics_are_never_public)
{
    struct server *s = start();
    struct response *r = http_get(s, "/metrics", "");

    ck_assert_int_eq(r->status, 404);
    response_free(r);
}
END_TEST

START_TEST(the_admin_listener_has_no_chat)
{
    static const char *const targets[] = {"/", "/echo", "/ws", "/ws/1"};
    struct server *s = start();

    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        struct response *r = admin_get(s, targets[i]);

        ck_assert_int_eq(r->status, 404);
        response_free(r);
    }
}
END_TEST

START_TEST(the_admin_listener_tells_health)
{
    struct server *s = start();
    struct response *r = admin_get(s, "/healthz");

    ck_assert_int_eq(r->status, 200);
    ck_assert_str_eq(r->body, "ok\n");
    response_free(r);
}
END_TEST

Suite *suite_admin(void)
{
    Suite *suite = suite_create("admin");
    TCase *tc = harness_case(suite, "admin");

    tcase_add_test(tc, metrics_count_a_session_exactly);
    tcase_add_test(tc, metrics_are_never_public);
    tcase_add_test(tc, the_admin_listener_has_no_chat);
    tcase_add_test(tc, the_admin_listener_tells_health);
    return suite;
}
