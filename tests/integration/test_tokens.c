/* Tokens: who gets in, what each right opens, and when it ends. */
#include "joiner.h"
#include "v1.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/jwt.h"

Suite *suite_tokens(void);

#define SECRET "0123456789abcdef0123456789abcdef"
#define OTHER "another secret of thirty-two byte"
#define ALL "\"sub\",\"pub\",\"prs\",\"hst\",\"dir\""

static const char *keys_path(void)
{
    return test_path("keys");
}

static void write_keys(const char *text)
{
    FILE *file = fopen(keys_path(), "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

/* A server that knows SECRET, with further options. */
static struct server *start(const char *first, const char *second)
{
    write_keys(SECRET "\n");
    return server_start(LIST("--token-key", keys_path(), first, second));
}

/* A token with these claims; valid until the next call but fifteen. */
static const char *sign(const char *claims, const char *secret)
{
    static char tokens[16][2048];
    static int next;
    char *token = tokens[next++ % 16];
    struct jwt_key key = {.secret = str_from(secret)};
    struct buf out;

    buf_init(&out);
    ck_assert_int_eq(jwt_sign(&out, str_from(claims), &key), 0);
    ck_assert_uint_lt(out.len, sizeof(tokens[0]));
    memcpy(token, out.data, out.len);
    token[out.len] = '\0';
    buf_deinit(&out);
    return token;
}

/* Somebody who may do this in rooms that begin with "tea" for so many seconds. */
static const char *token_of(const char *sub, const char *allow, int seconds)
{
    char claims[1024];

    snprintf(claims, sizeof(claims),
             "{\"sub\":\"%s\",\"exp\":%lld,\"caps\":[{\"rooms\":[\"tea*\"],\"allow\":[%s]}]}", sub,
             (long long)time(NULL) + seconds, allow);
    return sign(claims, SECRET);
}

/* Valid until the next call but three. */
static const char *field(const char *format, ...) __attribute__((format(printf, 1, 2)));

static const char *field(const char *format, ...)
{
    static char text[4][3072];
    static int next;
    char *out = text[next++ % 4];
    va_list list;

    va_start(list, format);
    vsnprintf(out, sizeof(text[0]), format, list);
    va_end(list);
    return out;
}

static const char *bearer(const char *token)
{
    return field("Authorization: Bearer %s\r\n", token);
}

/* A client of wschat.v1 in the room "tea" with this token, whose welcome is read. */
static struct seat *enter(const struct server *s, uint64_t id, const char *token, const char *query)
{
    struct seat *seat = calloc(1, sizeof(*seat));
    char target[256];

    ck_assert_ptr_nonnull(seat);
    snprintf(target, sizeof(target), "/ws/%llu?room=tea%s", (unsigned long long)id, query);
    seat->id = id;
    seat->c = client_connect(s);
    ws_request(seat->c, target, field("Sec-WebSocket-Protocol: wschat.v1, bearer.%s\r\n", token));
    v1_expect_upgrade(seat->c);
    seat_read_welcome(seat);
    return seat;
}

static struct client *open_text(const struct server *s, uint64_t id, const char *token)
{
    char target[64];

    snprintf(target, sizeof(target), "/ws/%llu?room=tea", (unsigned long long)id);
    return ws_open_with(s, target, bearer(token));
}

/* ---- The door ---- */

START_TEST(strangers_get_nowhere)
{
    struct server *s = start(NULL, NULL);
    static const char *const targets[] = {"/ws", "/ws/1", "/ws/1?room=tea"};

    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        ck_assert_int_eq(ws_refused(s, targets[i], ""), 401);
        ck_assert_int_eq(ws_refused(s, targets[i], V1_FIELDS), 401);
        ck_assert_int_eq(ws_refused(s, targets[i], "Authorization: Basic YTpi\r\n"), 401);
        ck_assert_int_eq(ws_refused(s, targets[i], "Authorization: Bearer\r\n"), 401);
        ck_assert_int_eq(ws_refused(s, targets[i], bearer("a.b.c")), 401);
    }
    ck_assert_int_eq(ws_refused(s, "/ws/1?room=tea", bearer(token_of("ada", ALL, -1))), 401);
    ck_assert_int_eq(ws_refused(s, "/ws/1?room=tea", bearer(sign("{\"sub\":\"a\"}", OTHER))), 401);
    ck_assert_int_eq(ws_refused(s, "/ws/1", bearer(token_of("ada", ALL, 600))), 403);
    server_stop(s);
}
END_TEST

START_TEST(a_refusal_asks_for_a_token)
{
    struct server *s = start(NULL, NULL);
    struct client *c = client_connect(s);
    struct response *r;

    ws_request(c, "/ws/1", "");
    r = response_read(c, false);
    ck_assert_int_eq(r->status, 401);
    ck_assert_str_eq(response_field(r, "WWW-Authenticate"), "Bearer");
    ck_assert_ptr_nonnull(strstr(r->body, "token"));
    response_free(r);
    client_close(c);
}
END_TEST

/* In a terminal, too. */
START_TEST(a_terminal_is_told_why)
{
    struct server *s = start(NULL, NULL);
    struct joiner j = joiner_start(LIST(joiner_url(s->port, "/ws/1?room=tea")));
    const char *link;

    joiner_expect_exit(&j, 1, "the server wants a token (--token-file): nobody enters without");
    server_wait_for(s, "nobody enters without a token");
    link = field("/ws/1?room=tea#token=%s", token_of("ada", ALL, 600));
    j = joiner_start(LIST(joiner_url(s->port, link)));
    joiner_write(&j, "hello\n");
    joiner_end_input(&j);
    joiner_wait_for(&j, "hello");
    joiner_expect_exit(&j, 0, NULL);
}
END_TEST

/* A page cannot see a status, so it is told by a close frame; the log says why. */
START_TEST(a_page_is_told_by_a_close_frame)
{
    struct server *s = start(NULL, NULL);
    char fields[3072];
    int len = snprintf(fields, sizeof(fields), "Origin: http://localhost\r\n");

    ws_expect_close(ws_open_with(s, "/ws/1?room=tea", fields), 4401);
    server_wait_for(s, "nobody enters without a token");
    snprintf(fields + len, sizeof(fields) - (size_t)len, "%s", bearer(token_of("ada", ALL, 600)));
    ws_expect_close(ws_open_with(s, "/ws/1", fields), 4403);
    server_wait_for(s, "the token does not open this room");
    ck_assert_ptr_nonnull(strstr((char *)s->err.data, "id=1 room=lobby wire=text"));
    ws_leave(ws_open_with(s, "/ws/1?room=tea", fields));
}
END_TEST

/* What is asked for is forbidden, and its answer says so. */
static void expect_told(struct client *c, const char *told)
{
    struct response *r = response_read(c, false);

    ck_assert_int_eq(r->status, 403);
    ck_assert_msg(strstr(r->body, told) != NULL, "%s", r->body);
    response_free(r);
    client_close(c);
}

/* Who asks without a browser reads which room it is about; the longest name fits. */
START_TEST(a_refusal_names_the_room)
{
    struct server *s = start(NULL, NULL);
    const char *token = token_of("ada", ALL, 600), *request;
    struct client *c = client_connect(s);
    char room[65], target[128], told[128];

    memset(room, 'x', 64);
    room[64] = '\0';
    snprintf(target, sizeof(target), "/ws/1?room=%s", room);
    snprintf(told, sizeof(told), "the token does not open this room: %s\n", room);
    ws_request(c, target, bearer(token));
    expect_told(c, told);
    c = client_connect(s);
    request = field("GET /api/rooms/a%%22b/messages HTTP/1.1\r\nHost: a\r\n%s\r\n", bearer(token));
    client_send(c, request, strlen(request));
    expect_told(c, "does not allow this in this room: a\\\"b\"");
    server_stop(s);
}
END_TEST

START_TEST(a_token_is_found_where_it_may_stand)
{
    struct server *s = start(NULL, NULL);
    const char *token = token_of("ada", ALL, 600);

    ws_leave(ws_open_with(s, "/ws/1?room=tea", bearer(token)));
    ws_leave(ws_open_with(s, "/ws/1?room=tea", field("Authorization: bearer  %s\r\n", token)));
    ws_leave(ws_open_with(s, "/ws/1?room=tea", field("Cookie: a=b; wschat_token=%s\r\n", token)));
    ws_leave(
        ws_open_with(s, "/ws/1?room=tea", field("Sec-WebSocket-Protocol: x,bearer.%s\r\n", token)));
    seat_leave(enter(s, 1, token, ""));
    ck_assert_int_eq(ws_refused(s, field("/ws/1?room=tea&token=%s", token), ""), 401);
    ck_assert_int_eq(ws_refused(s, "/ws/1?room=tea", field("Cookie: xwschat_token=%s\r\n", token)),
                     401);
}
END_TEST

START_TEST(the_query_must_be_allowed)
{
    struct server *s = start("--token-in-query", NULL);
    const char *token = token_of("ada", ALL, 600);

    ws_leave(ws_open_with(s, field("/ws/1?room=tea&token=%s", token), ""));
    ck_assert_int_eq(ws_refused(s, field("/ws/1?room=tea&token=%s", "a.b.c"), ""), 401);
    ck_assert_int_eq(
        ws_refused(s, field("/ws/1?room=tea&token=%s", token), bearer(token_of("eve", ALL, 600))),
        400);
    ws_leave(ws_open_with(s, field("/ws/1?room=tea&token=%s", token), bearer(token)));
}
END_TEST

START_TEST(two_that_differ_are_refused)
{
    struct server *s = start(NULL, NULL);
    const char *ada = token_of("ada", ALL, 600), *eve = token_of("eve", ALL, 600);
    char fields[4096];

    snprintf(fields, sizeof(fields), "Authorization: Bearer %s\r\nCookie: wschat_token=%s\r\n", ada,
             eve);
    ck_assert_int_eq(ws_refused(s, "/ws/1?room=tea", fields), 400);
    snprintf(fields, sizeof(fields), "Authorization: Bearer %s\r\nCookie: wschat_token=%s\r\n", ada,
             ada);
    ws_leave(ws_open_with(s, "/ws/1?room=tea", fields));
}
END_TEST

/* Any page can make a browser send a cookie: only those that are named may use it. */
START_TEST(cookies_are_for_named_pages)
{
    struct server *s;
    const char *token;

    write_keys(SECRET "\n");
    s = server_start(LIST("--token-key", keys_path(), "--allow-origin", "*", "--allow-origin",
                          "https://good.example"));
    token = token_of("ada", ALL, 600);
    ws_leave(
        ws_open_with(s, "/ws/1?room=tea",
                     field("Origin: https://good.example\r\nCookie: wschat_token=%s\r\n", token)));
    ws_expect_close(
        ws_open_with(s, "/ws/1?room=tea",
                     field("Origin: https://evil.example\r\nCookie: wschat_token=%s\r\n", token)),
        4401);
    ws_leave(
        ws_open_with(s, "/ws/1?room=tea",
                     field("Origin: https://evil.example\r\nAuthorization: Bearer %s\r\n", token)));
}
END_TEST

START_TEST(anonymous_people_have_few_rights)
{
    struct server *s = start("--anonymous", "sub,hst");
    struct client *text = ws_open_chat(s, 1);
    struct seat *seat = seat_open(s, 2, "");

    ws_leave(ws_open(s, "/ws"));
    seat_send(seat, "{'type':'say','text':'x','ref':'r'}");
    seat_expect_error(seat, "forbidden", "r");
    ws_send_text(text, "x");
    ws_expect_close(text, 4403);
    ck_assert_int_eq(ws_refused(s, "/ws/3", bearer("a.b.c")), 401);
    /* who it is is told later */
    seat_send(seat, "{'type':'token','token':'%s'}",
              sign("{\"sub\":\"a\",\"exp\":9999999999,\"caps\":[{\"rooms\":[\"lobby\"],\"allow\":["
                   "\"sub\",\"pub\"]}]}",
                   SECRET));
    seat_say(seat, "now");
    seat_expect_message(seat, 2, "now");
    seat_drop(seat);
}
END_TEST

/* ---- Rights ---- */

static void expect_unread(struct seat *seat, const char *room, const char *since, int count)
{
    seat_send(seat, "{'type':'unread','room':'%s','since':'%s','ref':'u'}", room, since);
    seat_expect(seat, "{'type':'unread','room':'%s','count':%d,'ref':'u'}", room, count);
}

static const char *token_for_all(const char *sub, const char *allow)
{
    return sign(
        field("{\"sub\":\"%s\",\"exp\":9999999999,\"caps\":[{\"rooms\":[\"*\"],\"allow\":[%s]}]}",
              sub, allow),
        SECRET);
}

START_TEST(unread_is_for_those_who_may_read_all_rooms)
{
    struct server *s = start(NULL, NULL);
    struct seat *ada = enter(s, 1, token_of("ada", ALL, 600), "");
    const char *before = "0000000000000000-0";

    seat_say(ada, "hi");
    seat_expect_message(ada, 1, "hi");
    expect_unread(ada, "tea", before, 0); /* hers are the rooms that begin with "tea" */
    seat_leave(ada);
    ada = enter(s, 2, token_for_all("bob", ALL), "&history=0");
    expect_unread(ada, "tea", before, 1);
    expect_unread(ada, "cup", before, 0);
    seat_leave(ada);
    ada = enter(s, 3, token_for_all("eve", "\"sub\",\"pub\""), "");
    expect_unread(ada, "tea", before, 0);
    seat_drop(ada);
}
END_TEST

START_TEST(each_right_opens_one_thing)
{
    struct server *s = start(NULL, NULL);
    struct seat *all = enter(s, 1, token_of("all", ALL, 600), "&name=a");
    struct seat *seat;

    seat_send(all, "{'type':'say','text':'old'}");
    seat_expect(all, "{'type':'message','pos':'*','ts':#,'from':1,'name':'a','text':'old'}");
    /* sub alone: it hears what is said, and of nobody else */
    seat = enter(s, 2, token_of("ada", "\"sub\"", 600), "&history=10");
    ck_assert_uint_eq(seat->count, 1);
    seat_expect_presence(all, "join", 2, "");
    seat_send(seat, "{'type':'say','text':'x','ref':'r'}");
    seat_expect_error(seat, "forbidden", "r");
    seat_send(seat, "{'type':'say','text':'x','to':1,'ref':'r'}");
    seat_expect_error(seat, "forbidden", "r");
    seat_send(seat, "{'type':'rename','name':'x','ref':'r'}");
    seat_expect_error(seat, "forbidden", "r");
    seat_send(all, "{'type':'rename','name':'b'}");
    seat_expect_presence(all, "rename", 1, "b");
    seat_send(all, "{'type':'say','text':'new'}");
    seat_expect(all, "{'type':'message','pos':'*','ts':#,'from':1,'name':'b','text':'new'}");
    seat_expect(seat, "{'type':'message','pos':'*','ts':#,'from':1,'name':'b','text':'new'}");
    seat_leave(seat);
    seat_expect_presence(all, "leave", 2, "");
    /* each of the others */
    seat = enter(s, 2, token_of("ada", "\"sub\",\"hst\"", 600), "&history=10");
    seat_expect(seat, "{'type':'message','pos':'*','ts':#,'from':1,'name':'a','text':'old'}");
    seat_expect(seat, "{'type':'message','pos':'*','ts':#,'from':1,'name':'b','text':'new'}");
    seat_sync(seat);
    seat_expect_presence(all, "join", 2, "");
    seat_leave(seat);
    seat_expect_presence(all, "leave", 2, "");
    seat = enter(s, 2, token_of("ada", "\"sub\",\"dir\"", 600), "");
    seat_expect_presence(all, "join", 2, "");
    seat_send(seat, "{'type':'say','text':'x','to':1}");
    seat_expect(seat, "{'type':'direct','ts':#,'from':2,'to':1,'name':'','text':'x'}");
    seat_expect(all, "{'type':'direct','ts':#,'from':2,'to':1,'name':'','text':'x'}");
    seat_say(seat, "x");
    seat_expect_error(seat, "forbidden", NULL);
    seat_leave(seat);
    seat_expect_presence(all, "leave", 2, "");
    seat = enter(s, 2, token_of("ada", "\"sub\",\"prs\"", 600), "");
    ck_assert_uint_eq(seat->count, 2);
    seat_say(seat, "x");
    seat_expect_error(seat, "forbidden", NULL);
    seat_leave(seat);
    seat_expect_presence(all, "join", 2, "");
    seat_expect_presence(all, "leave", 2, "");
    seat = enter(s, 2, token_of("ada", "\"sub\",\"pub\"", 600), "");
    seat_say(seat, "x");
    seat_expect_message(seat, 2, "x");
    seat_leave(seat);
    seat_drop(all);
    ck_assert_int_eq(ws_refused(s, "/ws/2?room=tea", bearer(token_of("ada", "\"pub\"", 600))), 403);
}
END_TEST

/* Text clients hear of who left only with prs, and who speaks without pub goes. */
START_TEST(text_clients_have_rights_too)
{
    struct server *s = start(NULL, NULL);
    struct client *quiet = open_text(s, 1, token_of("q", "\"sub\"", 600));
    struct client *knows = open_text(s, 2, token_of("k", "\"sub\",\"prs\"", 600));
    struct client *speaks = open_text(s, 3, token_of("s", "\"sub\",\"pub\"", 600));

    ws_sync(quiet);
    ws_sync(knows);
    ws_send_text(speaks, "hi");
    ws_expect_text(speaks, "You wrote: hi");
    ws_expect_text(quiet, "Client #3 says: hi");
    ws_expect_text(knows, "Client #3 says: hi");
    ws_leave(speaks);
    ws_expect_text(knows, "Client #3 left the chat");
    ws_sync(quiet);
    ws_send_text(quiet, "hi");
    ws_expect_close(quiet, 4403);
    ws_expect_text(knows, "Client #1 left the chat");
    client_close(knows);
}
END_TEST

START_TEST(a_token_may_fix_the_name)
{
    struct server *s = start(NULL, NULL);
    struct seat *seat;

    seat = enter(s, 1,
                 sign("{\"sub\":\"a\",\"exp\":9999999999,\"name\":\"Ada\",\"caps\":[{\"rooms\":[\"*"
                      "\"],\"allow\":[" ALL "]}]}",
                      SECRET),
                 "&name=eve");
    seat_send(seat, "{'type':'rename','name':'eve','ref':'r'}");
    seat_expect_error(seat, "forbidden", "r");
    seat_send(seat, "{'type':'say','text':'x'}");
    seat_expect(seat, "{'type':'message','pos':'*','ts':#,'from':1,'name':'Ada','text':'x'}");
    seat_drop(seat);
}
END_TEST

/* ---- While connected ---- */

START_TEST(it_ends_when_the_token_does)
{
    struct server *s = start(NULL, NULL);
    struct seat *later = enter(s, 3, token_of("ada", ALL, 600), "");
    struct seat *seat = enter(s, 1, token_of("ada", ALL, 8), "");
    struct client *echo = ws_open_with(s, "/ws", bearer(token_of("ada", ALL, 8)));
    struct client *text = open_text(s, 2, token_of("bob", ALL, 6));

    ws_expect_close_later(text, 4401);
    ws_expect_close_later(echo, 4401);
    ws_expect_close_later(seat->c, 4401);
    free(seat);
    server_wait_for(s, "the token has expired");
    seat_expect_presence(later, "join", 1, "");
    seat_drop(later);
}
END_TEST

START_TEST(it_goes_on_with_a_new_token)
{
    struct server *s = start(NULL, NULL);
    struct seat *seat = enter(s, 1, token_of("ada", "\"sub\"", 6), "");
    struct client *witness = open_text(s, 2, token_of("bob", "\"sub\"", 8));

    seat_send(seat, "{'type':'token','token':'%s'}", token_of("ada", "\"sub\",\"pub\"", 600));
    seat_say(seat, "a");
    seat_expect_message(seat, 1, "a");
    ws_expect_close_later(witness, 4401); /* so the first token has expired */
    seat_say(seat, "b");
    seat_expect_message(seat, 1, "b");
    seat_send(seat, "{'type':'token','token':'%s'}", token_of("ada", "\"sub\"", 600));
    seat_say(seat, "c");
    seat_expect_error(seat, "forbidden", NULL);
    seat_send(seat, "{'type':'token','token':7}");
    seat_expect_error(seat, "bad-token", NULL);
    seat_drop(seat);
}
END_TEST

START_TEST(a_new_token_must_be_as_good)
{
    struct server *s = start(NULL, NULL);
    const char *const tokens[] = {token_of("eve", ALL, 600), token_of("ada", ALL, -1), "a.b.c",
                                  token_of("ada", "\"pub\"", 600)};
    struct seat *seats[ARRAY_LEN(tokens)];

    for (size_t i = 0; i < ARRAY_LEN(tokens); i++)
        seats[i] = enter(s, i + 1,
                         sign("{\"sub\":\"ada\",\"exp\":9999999999,\"caps\":[{\"rooms\":[\"tea\"],"
                              "\"allow\":[\"sub\"]}]}",
                              SECRET),
                         "");
    for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
        seat_send(seats[i], "{'type':'token','token':'%s'}", tokens[i]);
        ws_expect_close(seats[i]->c, i == 3 ? 4403 : 4401);
        free(seats[i]);
    }
}
END_TEST

START_TEST(hundreds_of_tokens_end_in_their_order)
{
    struct server *s = start(NULL, NULL);
    struct client *clients[60];

    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        int seconds = i % 3 == 0 ? 10 : 600 + (int)(i * 7 % 13);

        clients[i] = ws_open_with(s, "/ws", bearer(token_of("ada", ALL, seconds)));
    }
    for (size_t i = 0; i < ARRAY_LEN(clients); i += 4) {
        client_close(clients[i]);
        clients[i] = NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(clients); i += 3) {
        if (clients[i] != NULL)
            ws_expect_close_later(clients[i], 4401);
    }
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        if (clients[i] == NULL || i % 3 == 0)
            continue;
        ws_sync(clients[i]);
        client_close(clients[i]);
    }
}
END_TEST

/* ---- Keys ---- */

START_TEST(sighup_reads_the_keys_again)
{
    struct server *s = start(NULL, NULL);
    const char *old = token_of("ada", ALL, 600);
    const char *fresh = sign("{\"sub\":\"ada\",\"exp\":9999999999}", OTHER);
    struct client *c = ws_open_with(s, "/ws", bearer(old));

    ck_assert_int_eq(ws_refused(s, "/ws", bearer(fresh)), 401);
    ck_assert_int_eq(rename(keys_path(), test_path("keys.old")), 0);
    write_keys("new:" OTHER "\n" OTHER "\n");
    server_signal(s, SIGHUP);
    server_wait_for(s, "keys=2");
    ck_assert_int_eq(ws_refused(s, "/ws", bearer(old)), 401);
    ws_sync(c); /* whoever is in stays */
    client_close(c);
    write_keys("short\n");
    server_signal(s, SIGHUP);
    server_wait_for(s, "line 1: a secret is shorter than 32 bytes");
    ws_leave(ws_open_with(s, "/ws", bearer(fresh)));
}
END_TEST

START_TEST(a_bad_file_of_keys_is_told_at_the_start)
{
    struct buf out, err;

    write_keys("short\n");
    ck_assert_int_eq(
        program_run(&(struct launch){.args = LIST("--port=0", "--token-key", keys_path())}, &out,
                    &err),
        1);
    ck_assert_ptr_nonnull(strstr((char *)err.data, "line 1: a secret is shorter than 32 bytes"));
    ck_assert_ptr_null(strstr((char *)err.data, "short\n"));
    buf_deinit(&out);
    buf_deinit(&err);
    ck_assert_int_eq(
        program_run(&(struct launch){.args = LIST("--port=0", "--anonymous=sub,mod")}, &out, &err),
        2);
    buf_deinit(&out);
    buf_deinit(&err);
}
END_TEST

START_TEST(nothing_of_a_token_is_logged)
{
    struct server *s = start("--log-level", "debug");
    const char *good = token_of("ada", ALL, 600), *bad = sign("{\"sub\":\"ada\"}", OTHER);
    struct seat *seat = enter(s, 1, good, "");

    ck_assert_int_eq(ws_refused(s, "/ws", bearer(bad)), 401);
    seat_send(seat, "{'type':'token','token':'%s'}", bad);
    ws_expect_close_later(seat->c, 4401);
    free(seat);
    server_stop(s);
    ck_assert_ptr_null(strstr((char *)s->err.data, "eyJ"));
    ck_assert_ptr_null(strstr((char *)s->err.data, SECRET));
    ck_assert_ptr_null(strstr((char *)s->err.data, good + strlen(good) - 12));
}
END_TEST

/* ---- Without ---- */

START_TEST(without_keys_all_is_open)
{
    struct server *s = server_start(NULL);
    struct seat *seat = enter(s, 1, "a.b.c", "");

    seat_send(seat, "{'type':'token','token':'a.b.c','ref':'r'}");
    seat_expect_error(seat, "no-tokens", "r");
    seat_drop(seat);
}
END_TEST

START_TEST(the_key_of_a_seat_comes_as_a_subprotocol)
{
    struct server *s = server_start(NULL);
    struct seat *seat = seat_open(s, 1, "");
    struct client *c = client_connect(s);

    ws_request(c, "/ws/1", field("Sec-WebSocket-Protocol: key.%s, wschat.v1\r\n", seat->key));
    v1_expect_upgrade(c);
    ws_expect_close_later(seat->c, 4000);
    ws_send_text(c, "{\"type\":\"say\",\"text\":\"x\"}");
    client_close(c);
    free(seat);
    ck_assert_int_eq(ws_refused(s, "/ws/1?key=a", "Sec-WebSocket-Protocol: key.b, wschat.v1\r\n"),
                     400);
    ck_assert_int_eq(ws_refused(s, "/ws/1", "Sec-WebSocket-Protocol: key.a, key.b\r\n"), 400);
}
END_TEST

Suite *suite_tokens(void)
{
    Suite *suite = suite_create("tokens");
    TCase *cases = harness_case(suite, "door");

    tcase_add_test(cases, strangers_get_nowhere);
    tcase_add_test(cases, a_refusal_asks_for_a_token);
    tcase_add_test(cases, a_terminal_is_told_why);
    tcase_add_test(cases, a_page_is_told_by_a_close_frame);
    tcase_add_test(cases, a_refusal_names_the_room);
    tcase_add_test(cases, a_token_is_found_where_it_may_stand);
    tcase_add_test(cases, the_query_must_be_allowed);
    tcase_add_test(cases, two_that_differ_are_refused);
    tcase_add_test(cases, cookies_are_for_named_pages);
    tcase_add_test(cases, anonymous_people_have_few_rights);
    cases = harness_case(suite, "rights");
    tcase_add_test(cases, each_right_opens_one_thing);
    tcase_add_test(cases, unread_is_for_those_who_may_read_all_rooms);
    tcase_add_test(cases, text_clients_have_rights_too);
    tcase_add_test(cases, a_token_may_fix_the_name);
    cases = harness_case(suite, "while connected");
    tcase_add_test(cases, it_ends_when_the_token_does);
    tcase_add_test(cases, it_goes_on_with_a_new_token);
    tcase_add_test(cases, a_new_token_must_be_as_good);
    tcase_add_test(cases, hundreds_of_tokens_end_in_their_order);
    cases = harness_case(suite, "keys");
    tcase_add_test(cases, sighup_reads_the_keys_again);
    tcase_add_test(cases, a_bad_file_of_keys_is_told_at_the_start);
    tcase_add_test(cases, nothing_of_a_token_is_logged);
    cases = harness_case(suite, "without");
    tcase_add_test(cases, without_keys_all_is_open);
    tcase_add_test(cases, the_key_of_a_seat_comes_as_a_subprotocol);
    return suite;
}
