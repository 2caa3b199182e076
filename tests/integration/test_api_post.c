/* The HTTP API: messages of programs, and how requests with a body are read. */
#include "asker.h"
#include "v1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_api_post(void);

#define MESSAGES "/api/rooms/tea/messages"

/* A client of wschat.v1 in the room "tea" with this token, whose welcome is read. */
static struct seat *enter(const struct server *s, uint64_t id, const char *token)
{
    struct seat *seat = calloc(1, sizeof(*seat));
    char target[128], fields[2200];

    ck_assert_ptr_nonnull(seat);
    seat->id = id;
    seat->c = client_connect(s);
    snprintf(target, sizeof(target), "/ws/%llu?room=tea", (unsigned long long)id);
    snprintf(fields, sizeof(fields), V1_FIELDS "%s", asker_bearer(token));
    ws_request(seat->c, target, fields);
    v1_expect_upgrade(seat->c);
    seat_read_welcome(seat);
    return seat;
}

/* ---- Messages ---- */

START_TEST(a_message_is_told_and_answered)
{
    struct server *s = asker_server(NULL);
    struct seat *ada = enter(s, 1, asker_token("ada", "tea", "sub"));
    struct client *bob =
        ws_open_with(s, "/ws/2?room=tea", asker_bearer(asker_token("b", "tea", "sub")));
    struct response *r = asker_ask(s, "POST", MESSAGES, asker_token("bot", "tea", "api,pub"),
                                   "{\"text\":\"hi\",\"name\":\"Bot\"}");
    char pos[V1_TEXT];

    asker_expect(r, 200);
    ck_assert_str_eq(response_field(r, "Content-Type"), "application/json");
    v1_string(r->body, "pos", pos);
    seat_expect(ada, "{'type':'message','pos':'*','ts':#,'from':0,'name':'Bot','text':'hi'}");
    ck_assert_str_eq(ada->pos, pos);
    ws_expect_text(bob, "Client #0 says: hi");
    response_free(r);
    seat_drop(ada);
    client_close(bob);
    server_stop(s);
}
END_TEST

static const struct {
    const char *target, *allow, *body;
    int status;
} requests[] = {
    {MESSAGES, "api,pub", "{\"text\":\"\"}", 200},
    {MESSAGES, "pub", "{\"text\":\"x\"}", 403},
    {MESSAGES, "api", "{\"text\":\"x\"}", 403},
    {MESSAGES, "api,sub,prs,hst,dir,mod", "{\"text\":\"x\"}", 403},
    {"/api/rooms/coffee/messages", "api,pub", "{\"text\":\"x\"}", 403},
    {"/api/rooms/t%65a/messages", "api,pub", "{\"text\":\"x\"}", 200},
    {"/api/rooms/te%2Fa/messages", "api,pub", "{\"text\":\"x\"}", 403},
    {"/api/rooms/te%00/messages", "api,pub", "{\"text\":\"x\"}", 404},
    {"/api/rooms//messages", "api,pub", "{\"text\":\"x\"}", 404},
    {"/api/rooms/tea/messages/", "api,pub", "{\"text\":\"x\"}", 404},
    {"/api/rooms/tea/nothing", "api,pub", "{\"text\":\"x\"}", 404},
    {"/api/", "api,pub", "{\"text\":\"x\"}", 404},
    {MESSAGES, "api,pub", "", 422},
    {MESSAGES, "api,pub", "[]", 422},
    {MESSAGES, "api,pub", "{\"text\":1}", 422},
    {MESSAGES, "api,pub", "{}", 422},
    {MESSAGES, "api,pub", "{\"text\":\"x\"} {}", 422},
    {MESSAGES, "api,pub", "{\"text\":\"\xff\"}", 422},
    {MESSAGES, "api,pub", "{\"text\":\"x\",\"name\":\"\\u0001\"}", 422},
    {MESSAGES, "api,pub", "{\"text\":\"x\",\"name\":1}", 422},
    {MESSAGES, "api,pub", "{\"text\":\"x\",\"from\":-1}", 422},
    {MESSAGES, "api,pub", "{\"text\":\"x\",\"from\":9223372036854775808}", 422},
    {MESSAGES, "api,pub", "{\"text\":\"x\",\"from\":9223372036854775807}", 200},
    {MESSAGES, "api,pub", "{\"text\":\"x\",\"from\":0}", 200},
    {MESSAGES, "api,pub", "{\"text\":\"12345678901\"}", 422},
    {MESSAGES, "api,pub", "{\"text\":\"1234567890\"}", 200},
    {"/api/messages", "api,pub", "{}", 422},
    {"/api/messages", "api,pub", "[]", 200},
    {"/api/messages", "sub", "[]", 200},
};

START_TEST(what_can_be_wrong_with_a_message)
{
    struct server *s = asker_server(LIST("--max-message", "10"));
    struct response *r =
        asker_ask(s, "POST", requests[_i].target, asker_token("bot", "tea", requests[_i].allow),
                  requests[_i].body);

    asker_expect(r, requests[_i].status);
    response_free(r);
    server_stop(s);
}
END_TEST

START_TEST(strangers_get_nowhere)
{
    struct server *s = asker_server(LIST("--anonymous", "sub,pub,prs,hst,dir"));
    static const char *const bad[] = {"", "Authorization: Bearer a.b.c\r\n",
                                      "Authorization: Basic YTpi\r\n",
                                      "Cookie: wschat_token=x\r\n"};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct client *c = client_connect(s);
        struct response *r;

        asker_send(c, "POST", MESSAGES, NULL, bad[i], "{\"text\":\"x\"}");
        r = response_read(c, false);
        asker_expect(r, 401);
        ck_assert_str_eq(response_field(r, "WWW-Authenticate"), "Bearer");
        response_free(r);
        client_close(c);
    }
    server_stop(s);
}
END_TEST

/* A page elsewhere could make a browser send its cookie along. */
START_TEST(a_cookie_posts_nothing)
{
    struct server *s = asker_server(NULL);
    struct client *c = client_connect(s);
    struct response *r;
    char cookie[2200];

    snprintf(cookie, sizeof(cookie), "Cookie: wschat_token=%s\r\n",
             asker_token("bot", "tea", "api,pub"));
    asker_send(c, "POST", MESSAGES, NULL, cookie, "{\"text\":\"x\"}");
    r = response_read(c, false);
    asker_expect(r, 401);
    response_free(r);
    client_close(c);
    server_stop(s);
}
END_TEST

START_TEST(without_keys_there_is_no_api)
{
    struct server *s = server_start(NULL);

    ck_assert_int_eq(asker_status(s, "GET", MESSAGES, NULL, NULL), 404);
    ck_assert_int_eq(asker_status(s, "POST", MESSAGES, NULL, "{\"text\":\"x\"}"), 413);
    server_stop(s);
}
END_TEST

/* ---- Who it is from ---- */

START_TEST(nobody_speaks_for_somebody_else)
{
    struct server *s = asker_server(NULL);
    const char *bot = asker_token("bot", "tea", "api,pub,sub");
    struct seat *ada = enter(s, 7, asker_token("ada", "tea", "sub"));
    struct seat *own;
    static const char body[] = "{\"text\":\"x\",\"from\":7}",
                      mine[] = "{\"text\":\"y\",\"from\":8}";

    ck_assert_int_eq(asker_status(s, "POST", MESSAGES, bot, body), 403);
    seat_sync(ada);
    ck_assert_int_eq(asker_status(s, "POST", MESSAGES, bot, mine), 200); /* nobody sits there */
    seat_expect_message(ada, 8, "y");
    own = enter(s, 8, bot);
    ck_assert_int_eq(asker_status(s, "POST", MESSAGES, bot, mine), 200);
    seat_drop(own);
    seat_drop(ada);
    server_stop(s);
}
END_TEST

START_TEST(a_token_fixes_the_name)
{
    struct server *s = asker_server(NULL);
    struct seat *ada = enter(s, 7, asker_token("ada", "tea", "sub"));
    const char *token = asker_token_until("bot", "tea", "api,pub", 3600, "Fixed");

    ck_assert_int_eq(
        asker_status(s, "POST", MESSAGES, token, "{\"text\":\"x\",\"name\":\"other\"}"), 200);
    seat_expect(ada, "{'type':'message','pos':'*','ts':#,'from':0,'name':'Fixed','text':'x'}");
    seat_drop(ada);
    server_stop(s);
}
END_TEST

/* ---- Idempotency-Key ---- */

static struct response *post_with_key(const struct server *s, const char *room, const char *token,
                                      const char *key, const char *body)
{
    struct client *c = client_connect(s);
    char target[128], fields[1024];
    struct response *r;

    snprintf(target, sizeof(target), "/api/rooms/%s/messages", room);
    snprintf(fields, sizeof(fields), "Idempotency-Key: %s\r\n", key);
    asker_send(c, "POST", target, token, fields, body);
    r = response_read(c, false);
    client_close(c);
    return r;
}

static void expect_same(const struct server *s, const char *room, const char *token,
                        const char *key, const char *body, const char *wanted, bool is_same)
{
    struct response *r = post_with_key(s, room, token, key, body);

    asker_expect(r, 200);
    ck_assert_int_eq(strcmp(r->body, wanted) == 0, is_same);
    response_free(r);
}

START_TEST(a_key_gets_the_same_answer_again)
{
    struct server *s = asker_server(NULL);
    const char *bot = asker_token("bot", "tea*", "api,pub"),
               *again = asker_token("bot", "tea*", "api,pub"),
               *cat = asker_token("cat", "tea*", "api,pub");
    struct seat *ada = enter(s, 7, asker_token("ada", "tea", "sub"));
    struct response *first = post_with_key(s, "tea", bot, "k", "{\"text\":\"x\"}"), *r;

    asker_expect(first, 200);
    expect_same(s, "tea", again, "k", "{\"text\":\"x\"}", first->body, true);
    r = post_with_key(s, "tea", bot, "k", "{\"text\":\"z\"}");
    asker_expect(r, 422);
    response_free(r);
    expect_same(s, "tea", bot, "K", "{\"text\":\"a\"}", first->body, false);
    expect_same(s, "tea", cat, "k", "{\"text\":\"b\"}", first->body, false);
    expect_same(s, "tea2", bot, "k", "{\"text\":\"c\"}", first->body, false);
    seat_expect_message(ada, 0, "x");
    seat_expect_message(ada, 0, "a");
    seat_expect_message(ada, 0, "b");
    seat_sync(ada);
    response_free(first);
    seat_drop(ada);
    server_stop(s);
}
END_TEST

START_TEST(a_refused_request_uses_no_key_up)
{
    struct server *s = asker_server(NULL);
    const char *bot = asker_token("bot", "tea", "api,pub");
    struct seat *ada = enter(s, 7, asker_token("ada", "tea", "sub"));
    struct response *r = post_with_key(s, "tea", bot, "k", "{\"text\":\"x\",\"from\":7}");

    asker_expect(r, 403);
    response_free(r);
    r = post_with_key(s, "tea", bot, "k", "{\"text\":\"other\"}");
    asker_expect(r, 200);
    response_free(r);
    seat_expect_message(ada, 0, "other");
    seat_drop(ada);
    server_stop(s);
}
END_TEST

START_TEST(a_key_must_make_sense)
{
    struct server *s = asker_server(NULL);
    const char *bot = asker_token("bot", "tea", "api,pub");
    char key[258];
    struct response *r;

    memset(key, 'k', 256);
    key[256] = '\0';
    r = post_with_key(s, "tea", bot, key, "{\"text\":\"x\"}");
    asker_expect(r, 400);
    response_free(r);
    r = post_with_key(s, "tea", bot, key + 1, "{\"text\":\"x\"}");
    asker_expect(r, 200);
    response_free(r);
    r = post_with_key(s, "tea", bot, "", "{\"text\":\"x\"}");
    asker_expect(r, 400);
    response_free(r);
    r = post_with_key(s, "tea", bot, "a\r\nIdempotency-Key: a", "{\"text\":\"x\"}");
    asker_expect(r, 400);
    response_free(r);
    server_stop(s);
}
END_TEST

/* ---- Lists ---- */

START_TEST(each_of_a_list_has_its_answer)
{
    struct server *s = asker_server(NULL);
    struct seat *ada = enter(s, 7, asker_token("ada", "tea", "sub"));
    struct response *r = asker_ask(
        s, "POST", "/api/messages", asker_token("bot", "tea*", "api,pub"),
        "[{\"room\":\"tea\",\"text\":\"\\u0061\"},{\"room\":\"x\",\"text\":\"b\"},\"s\\\"\","
        "{\"text\":\"c\"},{\"room\":\"teapot\",\"text\":\"d\"},{\"room\":\"tea\",\"text\":\"e\"}]");

    asker_expect(r, 200);
    ck_assert(v1_matches("[{'status':200,'pos':'*','ts':#},"
                         "{'type':'about:blank','title':'Forbidden','status':403,'detail':'*'},"
                         "{'type':'about:blank','title':'Unprocessable Content','status':422,"
                         "'detail':'*'},"
                         "{'type':'about:blank','title':'Unprocessable Content','status':422,"
                         "'detail':'*'},"
                         "{'status':200,'pos':'*','ts':#},{'status':200,'pos':'*','ts':#}]",
                         r->body));
    seat_expect_message(ada, 0, "a");
    seat_expect_message(ada, 0, "e");
    seat_sync(ada);
    response_free(r);
    seat_drop(ada);
    server_stop(s);
}
END_TEST

static void write_list(char *out, size_t size, unsigned count)
{
    size_t len = 0;

    for (unsigned i = 0; i < count; i++)
        len += (size_t)snprintf(out + len, size - len, "%s{\"room\":\"tea\",\"text\":\"x\"}",
                                i > 0 ? "," : "[");
    ck_assert_uint_lt(len, size - 1);
    memcpy(out + len, "]", 2);
}

START_TEST(a_list_has_its_bound)
{
    struct server *s = asker_server(NULL);
    const char *bot = asker_token("bot", "tea", "api,pub");
    static char list[4096];

    write_list(list, sizeof(list), 100);
    ck_assert_int_eq(asker_status(s, "POST", "/api/messages", bot, list), 200);
    write_list(list, sizeof(list), 101);
    ck_assert_int_eq(asker_status(s, "POST", "/api/messages", bot, list), 422);
    server_stop(s);
}
END_TEST

/* ---- How requests are read ---- */

/* What looks like a request within a body is a part of it, whether that is taken or not. */
START_TEST(a_request_in_a_body_is_never_answered)
{
    struct server *s = asker_server(NULL);
    const char *tokens[] = {asker_token("bot", "tea", "api,pub"), asker_token("bot", "tea", "sub"),
                            "bad"};
    static const char *const hidden = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    static const int statuses[] = {422, 403, 401};
    struct client *c = client_connect(s);
    struct response *r;

    asker_send(c, "POST", MESSAGES, tokens[_i], "", hidden);
    r = response_read(c, false);
    asker_expect(r, statuses[_i]);
    response_free(r);
    if (_i == 0) {
        asker_send(c, "GET", "/echo", NULL, "", NULL);
        r = response_read(c, true);
        ck_assert_int_eq(r->status, 200);
        ck_assert_ptr_nonnull(strstr(r->head, "text/html"));
        response_free(r);
    } else {
        client_expect_eof(c);
    }
    client_close(c);
    server_stop(s);
}
END_TEST

START_TEST(requests_may_come_at_once_or_byte_by_byte)
{
    struct server *s = asker_server(NULL);
    struct seat *ada = enter(s, 7, asker_token("ada", "tea", "sub"));
    const char *bot = asker_token("bot", "tea", "api,pub");
    struct client *c = client_connect(s);
    char request[4096];
    int len = snprintf(request, sizeof(request),
                       "POST " MESSAGES " HTTP/1.1\r\nHost: a\r\n%sContent-Type: application/json; "
                       "charset=utf-8\r\nContent-Length: 14\r\n\r\n{\"text\":\"one\"}"
                       "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
                       asker_bearer(bot));
    struct response *r;

    for (int i = 0; i < 2; i++) {
        if (i == 0)
            client_send(c, request, (size_t)len);
        else
            client_send_bytewise(c, request, (size_t)len);
        r = response_read(c, false);
        asker_expect(r, 200);
        response_free(r);
        r = response_read(c, false);
        ck_assert_str_eq(r->body, "ok\n");
        response_free(r);
        seat_expect_message(ada, 0, "one");
    }
    client_close(c);
    seat_drop(ada);
    server_stop(s);
}
END_TEST

START_TEST(who_expects_100_gets_it_unless_refused)
{
    struct server *s = asker_server(NULL);
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct client *c = client_connect(s);
    struct response *r;

    client_print(c,
                 "POST " MESSAGES " HTTP/1.1\r\nHost: a\r\n%sExpect: 100-continue\r\n"
                 "Content-Type: application/json\r\nContent-Length: 13\r\n\r\n",
                 asker_bearer(asker_token("bot", "tea", "api,pub")));
    ck_assert(client_fill(c, sizeof(go_on) - 1));
    ck_assert_mem_eq(c->in.data, go_on, sizeof(go_on) - 1);
    buf_consume(&c->in, sizeof(go_on) - 1);
    client_print(c, "{\"text\":\"hi\"}");
    r = response_read(c, false);
    asker_expect(r, 200);
    response_free(r);
    client_print(c,
                 "POST " MESSAGES " HTTP/1.1\r\nHost: a\r\n%sExpect: 100-continue\r\n"
                 "Content-Type: application/json\r\nContent-Length: 13\r\n\r\n",
                 asker_bearer(asker_token("bot", "tea", "sub")));
    r = response_read(c, false);
    asker_expect(r, 403);
    response_free(r);
    client_expect_eof(c);
    client_close(c);
    server_stop(s);
}
END_TEST

static const struct {
    const char *fields;
    int status;
} bodies[] = {
    {"Content-Type: application/json\r\n", 411},
    {"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}", 415},
    {"Content-Length: 2\r\n\r\n{}", 415},
    {"Content-Type: application/json\r\nContent-Type: application/json\r\nContent-Length: 2\r\n",
     415},
    {"Content-Type: application/json\r\nContent-Length: 4157\r\n", 413}, /* 10 * 6 + 4096 + 1 */
    {"Content-Type: application/json\r\nContent-Length: 0\r\n", 422},
};

START_TEST(what_can_be_wrong_with_a_body)
{
    struct server *s = asker_server(LIST("--max-message", "10"));
    struct client *c = client_connect(s);
    struct response *r;

    client_print(c, "POST " MESSAGES " HTTP/1.1\r\nHost: a\r\n%s%s\r\n",
                 asker_bearer(asker_token("bot", "tea", "api,pub")), bodies[_i].fields);
    r = response_read(c, false);
    asker_expect(r, bodies[_i].status);
    response_free(r);
    client_close(c);
    server_stop(s);
}
END_TEST

START_TEST(the_longest_body_is_taken)
{
    struct server *s = asker_server(LIST("--max-message", "10"));
    static char body[4157];

    memset(body, ' ', 4156);
    memcpy(body, "{\"text\":\"hi\"}", 13);
    ck_assert_int_eq(asker_status(s, "POST", MESSAGES, asker_token("bot", "tea", "api,pub"), body),
                     200);
    server_stop(s);
}
END_TEST

START_TEST(other_methods_are_named)
{
    struct server *s = asker_server(NULL);
    struct response *r = asker_ask(s, "PUT", MESSAGES, NULL, NULL);

    asker_expect(r, 405);
    ck_assert_ptr_nonnull(strstr(response_field(r, "Allow"), "POST"));
    response_free(r);
    server_stop(s);
}
END_TEST

/* ---- Pages of other origins ---- */

static const struct {
    const char *origin, *allowed, *credentials;
} origins[] = {
    {"https://app.example", "https://app.example", "true"},
    {"https://evil.example", NULL, NULL},
};

START_TEST(named_origins_may_read_answers)
{
    struct server *s = asker_server(LIST("--allow-origin", "https://app.example"));
    static const char *const asks[] = {"OPTIONS", "POST"};

    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        struct client *c = client_connect(s);
        const char *value;
        char origin[64];
        struct response *r;

        snprintf(origin, sizeof(origin), "Origin: %s\r\n", origins[_i].origin);
        asker_send(c, asks[i], MESSAGES, i == 0 ? NULL : asker_token("bot", "tea", "api,pub"),
                   origin, i == 0 ? NULL : "{\"text\":\"x\"}");
        r = response_read(c, false);
        ck_assert_int_eq(r->status, i == 0 ? 204 : 200);
        value = response_field(r, "Access-Control-Allow-Origin");
        ck_assert_int_eq(value == NULL, origins[_i].allowed == NULL);
        if (value != NULL)
            ck_assert_str_eq(value, origins[_i].allowed);
        value = response_field(r, "Access-Control-Allow-Credentials");
        ck_assert_int_eq(value == NULL, origins[_i].credentials == NULL);
        response_free(r);
        client_close(c);
    }
    server_stop(s);
}
END_TEST

START_TEST(below_a_base_path_too)
{
    struct server *s = asker_server(LIST("--base-path", "/chat/"));
    const char *bot = asker_token("bot", "tea", "api,pub");

    ck_assert_int_eq(
        asker_status(s, "POST", "/chat/api/rooms/tea/messages", bot, "{\"text\":\"x\"}"), 200);
    ck_assert_int_eq(asker_status(s, "POST", MESSAGES, bot, "{\"text\":\"x\"}"), 413);
    server_stop(s);
}
END_TEST

/* What was answered is there after a kill. */
START_TEST(an_answer_means_it_is_on_the_disk)
{
    const char *folder = test_path("journal");
    struct server *s = asker_server(LIST("--journal", folder));
    struct response *r =
        asker_ask(s, "POST", MESSAGES, asker_token("bot", "tea", "api,pub"), "{\"text\":\"kept\"}");
    struct seat *ada;

    asker_expect(r, 200);
    response_free(r);
    server_signal(s, 9);
    ck_assert_int_eq(server_wait_exit(s), 128 + 9);
    s = asker_server(LIST("--journal", folder));
    ada = enter(s, 7, asker_token("ada", "tea", "sub,hst"));
    seat_expect_message(ada, 0, "kept");
    seat_drop(ada);
    server_stop(s);
}
END_TEST

Suite *suite_api_post(void)
{
    Suite *suite = suite_create("api_post");
    TCase *tcase = harness_case(suite, "messages");

    tcase_add_test(tcase, a_message_is_told_and_answered);
    tcase_add_loop_test(tcase, what_can_be_wrong_with_a_message, 0, (int)ARRAY_LEN(requests));
    tcase_add_test(tcase, strangers_get_nowhere);
    tcase_add_test(tcase, a_cookie_posts_nothing);
    tcase_add_test(tcase, without_keys_there_is_no_api);
    tcase_add_test(tcase, nobody_speaks_for_somebody_else);
    tcase_add_test(tcase, a_token_fixes_the_name);
    tcase_add_test(tcase, an_answer_means_it_is_on_the_disk);
    tcase = harness_case(suite, "keys and lists");
    tcase_add_test(tcase, a_key_gets_the_same_answer_again);
    tcase_add_test(tcase, a_refused_request_uses_no_key_up);
    tcase_add_test(tcase, a_key_must_make_sense);
    tcase_add_test(tcase, each_of_a_list_has_its_answer);
    tcase_add_test(tcase, a_list_has_its_bound);
    tcase = harness_case(suite, "requests");
    tcase_add_loop_test(tcase, a_request_in_a_body_is_never_answered, 0, 3);
    tcase_add_test(tcase, requests_may_come_at_once_or_byte_by_byte);
    tcase_add_test(tcase, who_expects_100_gets_it_unless_refused);
    tcase_add_loop_test(tcase, what_can_be_wrong_with_a_body, 0, (int)ARRAY_LEN(bodies));
    tcase_add_test(tcase, the_longest_body_is_taken);
    tcase_add_test(tcase, other_methods_are_named);
    tcase_add_loop_test(tcase, named_origins_may_read_answers, 0, (int)ARRAY_LEN(origins));
    tcase_add_test(tcase, below_a_base_path_too);
    return suite;
}
