/* The listener for operators: what is there, and that nothing of it is public. */
#include "exposition.h"

#include <stdio.h>
#include <string.h>

Suite *suite_admin(void);

static struct server *start(void)
{
    return server_start(LIST("--admin", "127.0.0.1:0"));
}

/* What has no place at a listener. */
static void expect_nothing(struct server *s, struct response *(*get)(struct server *, const char *),
                           const char *const *targets)
{
    for (; *targets != NULL; targets++) {
        struct response *r = get(s, *targets);

        if (r->status != 404)
            ck_abort_msg("%d for %s", r->status, *targets);
        response_free(r);
    }
}

static struct response *public_get(struct server *s, const char *target)
{
    return http_get(s, target, "");
}

START_TEST(what_is_for_operators_is_never_public)
{
    expect_nothing(start(), public_get,
                   LIST("/metrics", "/past", "/busiest", "/status", "/status.html", "/status.js",
                        "/status.css"));
}
END_TEST

/* Fields that keep pages of other origins away from what an operator's browser can see. */
static void expect_safe(const struct response *r)
{
    const char *policy = response_field(r, "Content-Security-Policy");

    ck_assert_ptr_nonnull(policy);
    ck_assert_ptr_nonnull(strstr(policy, "default-src 'none'"));
    ck_assert_ptr_nonnull(strstr(policy, "frame-ancestors 'none'"));
    ck_assert_ptr_null(strstr(policy, "unsafe"));
    ck_assert_str_eq(response_field(r, "X-Content-Type-Options"), "nosniff");
    ck_assert_str_eq(response_field(r, "Referrer-Policy"), "no-referrer");
    ck_assert_str_eq(response_field(r, "Cross-Origin-Resource-Policy"), "same-origin");
    ck_assert_ptr_null(response_field(r, "Access-Control-Allow-Origin"));
}

START_TEST(the_status_page_is_there_with_its_files)
{
    static const char *const files[][3] = {
        {"/", "text/html; charset=utf-8", "no-cache"},
        {"/status.html", "text/html; charset=utf-8", "no-cache"},
        {"/status.css", "text/css; charset=utf-8", "no-cache"},
        {"/status.js", "text/javascript; charset=utf-8", "no-cache"},
        {"/favicon.svg", "image/svg+xml", "no-cache"},
        {"/metrics", "text/plain; version=0.0.4; charset=utf-8", "no-store"},
    };
    struct server *s = start();

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct response *r = admin_get(s, files[i][0]);

        ck_assert_int_eq(r->status, 200);
        ck_assert_uint_gt(r->len, 0);
        ck_assert_str_eq(response_field(r, "Content-Type"), files[i][1]);
        ck_assert_str_eq(response_field(r, "Cache-Control"), files[i][2]);
        expect_safe(r);
        response_free(r);
    }
}
END_TEST

START_TEST(a_folder_serves_the_status_page_to_operators_only)
{
    struct server *s;
    struct response *r;
    FILE *file = fopen(test_path("status.html"), "w");

    ck_assert_ptr_nonnull(file);
    fputs("mine", file);
    fclose(file);
    s = server_start(LIST("--admin", "127.0.0.1:0", "--static", test_path(".")));
    r = admin_get(s, "/");
    ck_assert_str_eq(r->body, "mine");
    response_free(r);
    expect_nothing(s, public_get, LIST("/status.html"));
    expect_nothing(s, admin_get, LIST("/status.js", "/favicon.svg"));
}
END_TEST

START_TEST(the_admin_listener_takes_get_and_head_only)
{
    static const char *const targets[] = {"/", "/metrics", "/healthz", "/past"};
    struct server *s = start(), admin = *s;

    admin.port = admin_port(s);
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        struct client *c = client_connect(&admin);
        struct response *r;

        client_print(c, "HEAD %s HTTP/1.1\r\nHost: x\r\n\r\n", targets[i]);
        r = response_read(c, true);
        ck_assert_int_eq(r->status, 200);
        response_free(r);
        client_print(c, "DELETE %s HTTP/1.1\r\nHost: x\r\n\r\n", targets[i]);
        r = response_read(c, false);
        ck_assert_int_eq(r->status, 405);
        ck_assert_str_eq(response_field(r, "Allow"), "GET, HEAD");
        response_free(r);
        client_close(c);
    }
}
END_TEST

START_TEST(the_past_is_there_from_the_start)
{
    struct server *s = start();
    struct response *r = admin_get(s, "/past");

    ck_assert_int_eq(r->status, 200);
    ck_assert_str_eq(response_field(r, "Content-Type"), "text/plain; charset=utf-8");
    ck_assert_int_eq(strncmp(r->body, "time 1", 6), 0);
    ck_assert_ptr_nonnull(strstr(r->body, "\nwschat_clients 0\n"));
    ck_assert_ptr_nonnull(strstr(r->body, "\nwschat_tick_seconds_bucket{le=\"+Inf\"} "));
    ck_assert_ptr_nonnull(strstr(r->body, "\nprocess_start_time_seconds "));
    ck_assert_ptr_null(strchr(r->body, '#'));
    response_free(r);
}
END_TEST

/* By messages, then members, then name; eleven rooms, of which ten are told. */
START_TEST(the_busiest_rooms)
{
    static const char *const first =
        "{\"rooms\":[{\"room\":\"\\\"tea\\\"\",\"members\":1,\"messages\":2},"
        "{\"room\":\"b\",\"members\":1,\"messages\":1},"
        "{\"room\":\"many\",\"members\":2,\"messages\":0},"
        "{\"room\":\"r0\",\"members\":1,\"messages\":0},";
    struct server *s = start();
    struct client *people[12];
    struct response *r;

    for (int i = 0; i < 8; i++) {
        char target[32];

        snprintf(target, sizeof(target), "/ws/%d?room=r%d", i + 1, 7 - i);
        people[i] = ws_open(s, target);
    }
    people[8] = ws_open(s, "/ws/9?room=many");
    people[9] = ws_open(s, "/ws/10?room=many");
    people[10] = ws_open(s, "/ws/11?room=b");
    people[11] = ws_open(s, "/ws/12?room=%22tea%22");
    ws_send_text(people[10], "x");
    ws_expect_text(people[10], "You wrote: x");
    for (int i = 0; i < 2; i++) {
        ws_send_text(people[11], "x");
        ws_expect_text(people[11], "You wrote: x");
    }
    r = admin_get(s, "/busiest");
    ck_assert_int_eq(r->status, 200);
    ck_assert_str_eq(response_field(r, "Content-Type"), "application/json");
    ck_assert_msg(strncmp(r->body, first, strlen(first)) == 0, "%s", r->body);
    ck_assert_ptr_nonnull(strstr(r->body, "\"r6\""));
    ck_assert_ptr_null(strstr(r->body, "\"r7\""));
    response_free(r);
}
END_TEST

/* An attacker's name that points here is told no names of rooms. */
START_TEST(rooms_are_told_to_no_page_of_another_name)
{
    static const struct {
        const char *host;
        int status;
    } hosts[] = {
        {"127.0.0.1", 200},
        {"127.0.0.1:9", 200},
        {"[::1]:9", 200},
        {"LocalHost:9", 200},
        {"ops.example", 200},
        {"evil.example", 421},
        {"127.0.0.1.evil.example", 421},
        {"localhost.example", 421},
        {"localhost.", 421},
    };
    struct server *s = server_start(LIST("--admin", "127.0.0.1:0", "--host", "ops.example")),
                  admin = *s;

    admin.port = admin_port(s);
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct client *c = client_connect(&admin);
        struct response *r;

        client_print(c, "GET /busiest HTTP/1.1\r\nHost: %s\r\n\r\n", hosts[i].host);
        r = response_read(c, false);
        ck_assert_msg(r->status == hosts[i].status, "%d for %s", r->status, hosts[i].host);
        response_free(r);
        client_close(c);
    }
}
END_TEST

START_TEST(the_admin_listener_has_no_chat)
{
    expect_nothing(start(), admin_get,
                   LIST("/echo", "/ws", "/ws/1", "/index.html", "/main.js", "/style.css",
                        "/nothing", "/status%2Ejs/", "/..", "/%00"));
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

START_TEST(stderr_tells_where_operators_look)
{
    struct server *s = start();
    uint16_t port = admin_port(s);
    char line[160];

    snprintf(line, sizeof(line),
             "status page on http://127.0.0.1:%u/, metrics on http://127.0.0.1:%u/metrics\n", port,
             port);
    server_wait_for(s, line);
    snprintf(line, sizeof(line), "unix:%s", test_path("admin"));
    s = server_start(LIST("--admin", line));
    snprintf(line, sizeof(line), "metrics on unix:%s\n", test_path("admin"));
    server_wait_for(s, line);
    client_close(client_connect_unix(test_path("admin")));
}
END_TEST

Suite *suite_admin(void)
{
    Suite *suite = suite_create("admin");
    TCase *tc = harness_case(suite, "admin");

    tcase_add_test(tc, stderr_tells_where_operators_look);
    tcase_add_test(tc, what_is_for_operators_is_never_public);
    tcase_add_test(tc, the_status_page_is_there_with_its_files);
    tcase_add_test(tc, a_folder_serves_the_status_page_to_operators_only);
    tcase_add_test(tc, the_admin_listener_takes_get_and_head_only);
    tcase_add_test(tc, the_admin_listener_has_no_chat);
    tcase_add_test(tc, the_past_is_there_from_the_start);
    tcase_add_test(tc, the_busiest_rooms);
    tcase_add_test(tc, rooms_are_told_to_no_page_of_another_name);
    tcase_add_test(tc, the_admin_listener_tells_health);
    return suite;
}
