/* --base-path: everything lives below it, and nothing anywhere else. */
#include "client.h"

#include <stdio.h>
#include <string.h>

Suite *suite_base_path(void);

static int status_of(const struct server *s, const char *target)
{
    struct response *r = http_get(s, target, "");
    int status = r->status;

    response_free(r);
    return status;
}

/* With and without the slash at its end it is the same. */
static const char *const spellings[] = {"/chat", "/chat/"};

START_TEST(everything_is_below_it)
{
    struct server *s = server_start(LIST("--base-path", spellings[_i]));
    struct client *c;

    ck_assert_int_eq(status_of(s, "/chat/"), 200);
    ck_assert_int_eq(status_of(s, "/chat/?room=tea"), 200);
    ck_assert_int_eq(status_of(s, "/chat/echo"), 200);
    ck_assert_int_eq(status_of(s, "/chat/style.css"), 200);
    ck_assert_int_eq(status_of(s, "/chat/healthz"), 200);
    ck_assert_int_eq(status_of(s, "/%63hat/echo"), 200);
    ck_assert_int_eq(status_of(s, "/chat/ws"), 426);
    c = ws_open(s, "/chat/ws");
    ws_send_text(c, "x");
    ws_expect_text(c, "Message text was: x");
    ws_leave(c);
    c = ws_open(s, "/chat/ws/7?room=tea");
    ws_send_text(c, "x");
    ws_expect_text(c, "You wrote: x");
    ws_leave(c);
}
END_TEST

START_TEST(nothing_is_elsewhere_but_the_health)
{
    static const char *const elsewhere[] = {
        "/",        "/echo",        "/style.css", "/ws",           "/ws/7",    "/cha",
        "/chat2",   "/chat2/echo",  "/Chat/",     "/chat/chat/",   "/chat//",  "//chat/",
        "/x/chat/", "/chat%2fecho", "/chat/..",   "/chat/../echo", "/metrics",
    };
    struct server *s = server_start(LIST("--base-path", "/chat"));

    for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++)
        ck_assert_msg(status_of(s, elsewhere[i]) == 404, "%s", elsewhere[i]);
    ck_assert_int_eq(ws_refused(s, "/ws", ""), 404);
    ck_assert_int_eq(status_of(s, "/healthz"), 200);
}
END_TEST

/* A relative Location: from /chat it leads to /chat/ whatever a proxy makes of scheme and host. */
static void expect_redirect(const struct server *s, const char *target, const char *location)
{
    struct response *r = http_get(s, target, "");

    ck_assert_int_eq(r->status, 308);
    ck_assert_str_eq(response_field(r, "Location"), location);
    response_free(r);
}

START_TEST(without_its_slash_it_leads_there)
{
    struct server *s = server_start(LIST("--base-path", "/chat"));
    struct server *deep = server_start(LIST("--base-path", "/a/b-c"));

    expect_redirect(s, "/chat", "chat/");
    expect_redirect(s, "/chat?room=tea&x=%20", "chat/?room=tea&x=%20");
    expect_redirect(s, "/chat?", "chat/?");
    expect_redirect(deep, "/a/b-c", "b-c/");
    ck_assert_int_eq(status_of(deep, "/a/b-c/"), 200);
    ck_assert_int_eq(status_of(deep, "/a"), 404);
    ck_assert_int_eq(status_of(deep, "/a/"), 404);
}
END_TEST

START_TEST(a_long_query_is_kept_whole)
{
    struct server *s = server_start(LIST("--base-path", "/chat"));
    char query[8000], target[sizeof(query) + 8], location[sizeof(query) + 32];
    struct response *r;

    memset(query, 'q', sizeof(query));
    query[sizeof(query) - 1] = '\0';
    snprintf(target, sizeof(target), "/chat?%s", query);
    snprintf(location, sizeof(location), "\r\nLocation: chat/?%s\r\n", query);
    r = http_get(s, target, "");
    ck_assert_int_eq(r->status, 308);
    ck_assert_ptr_nonnull(strstr(r->head, location));
    response_free(r);
}
END_TEST

START_TEST(the_root_is_the_default)
{
    struct server *s = server_start(LIST("--base-path", "/"));

    ck_assert_int_eq(status_of(s, "/"), 200);
    ck_assert_int_eq(status_of(s, "/echo"), 200);
    ck_assert_int_eq(status_of(s, "/chat"), 404);
}
END_TEST

START_TEST(the_line_tells_the_whole_url)
{
    struct server *s = server_start(LIST("--base-path=/a/b", "--admin", "127.0.0.1:0"));
    char url[64];

    snprintf(url, sizeof(url), "listening on http://127.0.0.1:%u/a/b/\n", (unsigned)s->port);
    server_wait_for(s, url);
    server_wait_for(s, "/metrics\n");
    ck_assert_ptr_null(strstr((char *)s->err.data, "/a/b/metrics"));
}
END_TEST

Suite *suite_base_path(void)
{
    Suite *suite = suite_create("base_path");
    TCase *test_case = harness_case(suite, "base path");

    tcase_add_loop_test(test_case, everything_is_below_it, 0, (int)ARRAY_LEN(spellings));
    tcase_add_test(test_case, nothing_is_elsewhere_but_the_health);
    tcase_add_test(test_case, without_its_slash_it_leads_there);
    tcase_add_test(test_case, a_long_query_is_kept_whole);
    tcase_add_test(test_case, the_root_is_the_default);
    tcase_add_test(test_case, the_line_tells_the_whole_url);
    return suite;
}
