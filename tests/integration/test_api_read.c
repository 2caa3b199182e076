/* The HTTP API: what programs read, whom they put out, and each right on each transport. */
#include "asker.h"
#include "v1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_api_read(void);

static struct seat *enter(const struct server *s, uint64_t id, const char *token, const char *query)
{
    struct seat *seat = calloc(1, sizeof(*seat));
    char target[160], fields[2200];

    ck_assert_ptr_nonnull(seat);
    seat->id = id;
    seat->c = client_connect(s);
    snprintf(target, sizeof(target), "/ws/%llu?room=tea%s", (unsigned long long)id, query);
    snprintf(fields, sizeof(fields), V1_FIELDS "%s", asker_bearer(token));
    ws_request(seat->c, target, fields);
    v1_expect_upgrade(seat->c);
    seat_read_welcome(seat);
    return seat;
}

static void expect_body(const struct server *s, const char *target, const char *token,
                        const char *template)
{
    struct response *r = asker_ask(s, "GET", target, token, NULL);

    asker_expect(r, 200);
    ck_assert_str_eq(response_field(r, "Content-Type"), "application/json");
    if (!v1_matches(template, r->body))
        ck_abort_msg("%s: %s does not match %s", target, r->body, template);
    response_free(r);
}

/* ---- rooms ---- */

START_TEST(rooms_come_in_byte_order_and_in_pages)
{
    struct server *s = asker_server(NULL);
    const char *bot = asker_token("bot", "tea*", "api,pub,sub"),
               *who = asker_token("bot", "tea*", "api,prs,sub"),
               *all = asker_token("all", "*", "api,pub");
    static const char *const rooms[] = {"teb", "teab", "tea", "teaa", "te", "tea%C3%A4"};
    struct seat *ada;

    for (size_t i = 0; i < ARRAY_LEN(rooms); i++)
        asker_post(s, rooms[i], all, "x", NULL);
    expect_body(s, "/api/rooms", bot,
                "{'rooms':[{'room':'tea','pos':'*'},{'room':'teaa','pos':'*'},"
                "{'room':'teab','pos':'*'},{'room':'tea\xc3\xa4','pos':'*'}],'more':false}");
    expect_body(s, "/api/rooms?prefix=tea&after=tea&limit=2", bot,
                "{'rooms':[{'room':'teaa','pos':'*'},{'room':'teab','pos':'*'}],'more':true}");
    expect_body(s, "/api/rooms?after=teab&limit=1", bot,
                "{'rooms':[{'room':'tea\xc3\xa4','pos':'*'}],'more':false}");
    expect_body(s, "/api/rooms?prefix=x", bot, "{'rooms':[],'more':false}");
    ada = enter(s, 1, who, "");
    expect_body(s, "/api/rooms?limit=1", who,
                "{'rooms':[{'room':'tea','members':1,'pos':'*'}],'more':true}");
    seat_drop(ada);
    server_stop(s);
}
END_TEST

START_TEST(members_are_as_in_a_welcome)
{
    struct server *s = asker_server(LIST("--presence-limit", "1"));
    const char *bot = asker_token("bot", "tea", "api,prs,sub");
    struct seat *ada;

    expect_body(s, "/api/rooms/tea/members", bot, "{'room':'tea','count':0,'members':[]}");
    ada = enter(s, 1, bot, "&name=ada");
    expect_body(s, "/api/rooms/tea/members", bot,
                "{'room':'tea','count':1,'members':[{'id':1,'name':'ada'}]}");
    seat_drop(ada);
    server_stop(s);
}
END_TEST

#define SAID(text) "{'type':'message','pos':'*','ts':#,'from':0,'name':'','text':'" text "'}"

START_TEST(messages_come_from_a_position_or_from_the_end)
{
    struct server *s = asker_server(NULL);
    const char *bot = asker_token("bot", "tea", "api,pub,hst"),
               *who = asker_token("bot", "tea", "api,hst,prs,sub");
    char pos[V1_TEXT], target[V1_TEXT + 64];
    struct seat *ada;

    expect_body(s, "/api/rooms/tea/messages", bot, "{'events':[],'recovered':false,'more':false}");
    asker_post(s, "tea", bot, "a", pos);
    asker_post(s, "tea", bot, "b", NULL);
    ada = enter(s, 1, who, "");
    asker_post(s, "tea", bot, "c", NULL);
    expect_body(s, "/api/rooms/tea/messages?last=2", bot,
                "{'events':[" SAID("b") "," SAID("c") "],'recovered':false,'pos':'*',"
                                                      "'more':false}");
    expect_body(s, "/api/rooms/tea/messages?last=0", bot,
                "{'events':[],'recovered':false,'pos':'*','more':false}");
    snprintf(target, sizeof(target), "/api/rooms/tea/messages?since=%s", pos);
    expect_body(s, target, bot,
                "{'events':[" SAID("b") "," SAID("c") "],'recovered':true,'pos':'*','more':false}");
    expect_body(
        s, target, who,
        "{'events':[" SAID("b") ",{'type':'join','pos':'*','ts':#,'from':1,'name':''}," SAID(
            "c") "],'recovered':true,'pos':'*','more':false}");
    snprintf(target, sizeof(target), "/api/rooms/tea/messages?since=%s&limit=1", pos);
    expect_body(s, target, bot,
                "{'events':[" SAID("b") "],'recovered':true,'pos':'*','more':true}");
    expect_body(s, "/api/rooms/tea/messages?since=0000000000000000-1&last=1", bot,
                "{'events':[" SAID("c") "],'recovered':false,'pos':'*','more':false}");
    seat_drop(ada);
    server_stop(s);
}
END_TEST

/* All of a room, page by page, each event once. */
START_TEST(pages_go_on_where_the_last_one_ended)
{
    struct server *s = asker_server(NULL);
    const char *bot = asker_token("bot", "tea", "api,pub,hst");
    char pos[V1_TEXT], target[V1_TEXT + 64], text[V1_TEXT];
    unsigned seen = 0;
    bool is_cut = true;

    asker_post(s, "tea", bot, "first", pos);
    for (int i = 0; i < 7; i++) {
        snprintf(text, sizeof(text), "m%d", i);
        asker_post(s, "tea", bot, text, NULL);
    }
    while (is_cut) {
        struct response *r;
        const char *at;

        snprintf(target, sizeof(target), "/api/rooms/tea/messages?since=%s&limit=3", pos);
        r = asker_ask(s, "GET", target, bot, NULL);
        asker_expect(r, 200);
        for (at = r->body; (at = strstr(at, "\"text\":\"m")) != NULL; at++)
            ck_assert_uint_eq(strtoul(at + 9, NULL, 10), seen++);
        is_cut = strstr(r->body, "\"more\":true") != NULL;
        at = strstr(r->body, "\"recovered\":true,\"pos\"");
        ck_assert_ptr_nonnull(at);
        v1_string(at, "pos", pos);
        response_free(r);
    }
    ck_assert_uint_eq(seen, 7);
    server_stop(s);
}
END_TEST

/* ---- putting somebody out ---- */

START_TEST(who_is_put_out_leaves_and_may_come_again)
{
    struct server *s = asker_server(LIST("--leave-grace", "60"));
    const char *mod = asker_token("mod", "tea", "api,mod"),
               *any = asker_token("any", "tea", "sub,prs,pub");
    struct seat *ada = enter(s, 1, any, ""), *bob = enter(s, 2, any, ""), *again;
    char query[V1_TEXT + 16];

    seat_expect_presence(ada, "join", 2, "");
    ck_assert_int_eq(asker_status(s, "DELETE", "/api/rooms/tea/members/2", mod, NULL), 204);
    seat_expect_presence(ada, "leave", 2, "");
    ws_expect_close(bob->c, 4403);
    bob->c = NULL;
    ck_assert_int_eq(asker_status(s, "DELETE", "/api/rooms/tea/members/2", mod, NULL), 404);
    snprintf(query, sizeof(query), "&key=%s", bob->key);
    again = enter(s, 2, any, query);
    ck_assert_str_ne(again->key, bob->key);
    seat_expect_presence(ada, "join", 2, "");
    seat_drop(again);
    seat_drop(bob);
    seat_drop(ada);
    server_stop(s);
}
END_TEST

/* A seat that waits for its owner goes, too. */
START_TEST(who_is_away_is_put_out_too)
{
    struct server *s = asker_server(LIST("--leave-grace", "60"));
    const char *mod = asker_token("mod", "tea", "api,mod"),
               *any = asker_token("any", "tea", "sub,prs,pub,dir");
    struct seat *ada = enter(s, 1, any, ""), *bob = enter(s, 2, any, "");
    struct client *text = ws_open_with(s, "/ws/3?room=tea", asker_bearer(any));

    seat_expect_presence(ada, "join", 2, "");
    seat_expect_presence(ada, "join", 3, "");
    seat_break(bob);
    seat_await_away(ada, 2);
    ck_assert_int_eq(asker_status(s, "DELETE", "/api/rooms/tea/members/2", mod, NULL), 204);
    seat_expect_presence(ada, "leave", 2, "");
    ck_assert_int_eq(asker_status(s, "DELETE", "/api/rooms/tea/members/3", mod, NULL), 204);
    ws_expect_text(text, "Client #2 left the chat");
    ws_expect_close(text, 4403);
    seat_drop(bob);
    seat_drop(ada);
    server_stop(s);
}
END_TEST

/* A frame in front of the command, in the same read, is of the one connection alone. */
START_TEST(who_is_put_out_hears_of_no_ping_of_the_other)
{
    static const char kick[] = "{\"type\":\"kick\",\"id\":2,\"reason\":\"later\"}";
    struct server *s = asker_server(NULL);
    struct seat *mod = enter(s, 1, asker_token("mod", "tea", "sub,prs,mod"), ""),
                *bob = enter(s, 2, asker_token("bob", "tea", "sub,prs"), "");
    struct buf both;

    seat_expect_presence(mod, "join", 2, "");
    seat_send(mod, "{'type':'wire'}");
    seat_expect(mod, "{'type':'wire','on':true}");
    seat_send(bob, "{'type':'wire'}");
    seat_expect(bob, "{'type':'wire','on':true}");
    buf_init(&both);
    ws_append(&both, true, WS_PING, "mine", 4);
    ws_append(&both, true, WS_TEXT, kick, sizeof(kick) - 1);
    client_send(mod->c, both.data, both.len);
    buf_deinit(&both);
    seat_expect(bob, "{'type':'error','code':'kicked','text':'*'}");
    seat_expect(bob, "{'type':'wire','by':'server','frame':'close','code':4403,'count':1,"
                     "'length':#,'hex':'1133*'}");
    ws_expect_close(bob->c, 4403);
    bob->c = NULL;
    ws_expect_frame(mod->c, WS_PONG, "mine", 4);
    seat_expect(mod, "{'type':'wire','by':'client','frame':'ping','count':1,'length':4,"
                     "'hex':'6d696e65'}");
    seat_expect(mod, "{'type':'wire','by':'server','frame':'pong','count':1,'length':4,"
                     "'hex':'6d696e65'}");
    seat_expect_presence(mod, "leave", 2, "");
    seat_drop(bob);
    seat_drop(mod);
    server_stop(s);
}
END_TEST

START_TEST(a_client_puts_another_out_and_says_why)
{
    struct server *s = asker_server(NULL);
    struct seat *mod = enter(s, 1, asker_token("mod", "tea", "sub,prs,mod"), ""),
                *bob = enter(s, 2, asker_token("bob", "tea", "sub,prs"), "");

    seat_expect_presence(mod, "join", 2, "");
    seat_send(mod, "{'type':'kick','id':3,'ref':'r'}");
    seat_expect_error(mod, "no-such-client", "r");
    seat_send(mod, "{'type':'kick','id':'2','ref':'r'}");
    seat_expect_error(mod, "bad-id", "r");
    seat_send(mod, "{'type':'kick','id':2,'reason':2,'ref':'r'}");
    seat_expect_error(mod, "bad-reason", "r");
    seat_send(bob, "{'type':'kick','id':1,'ref':'r'}");
    seat_expect_error(bob, "forbidden", "r");
    seat_send(mod, "{'type':'kick','id':2,'reason':'later','ref':'r'}");
    seat_expect(bob, "{'type':'error','code':'kicked','text':'later'}");
    ws_expect_close(bob->c, 4403);
    bob->c = NULL;
    seat_expect_presence(mod, "leave", 2, "");
    seat_send(mod, "{'type':'kick','id':1}"); /* oneself */
    ws_expect_close(mod->c, 4403);
    mod->c = NULL;
    seat_drop(bob);
    seat_drop(mod);
    server_stop(s);
}
END_TEST

/* Where everything is open to all, nobody puts others out. */
START_TEST(without_tokens_nobody_is_put_out)
{
    struct server *s = server_start(NULL);
    struct seat *ada = seat_open(s, 1, "room=tea"), *bob = seat_open(s, 2, "room=tea");

    seat_expect_presence(ada, "join", 2, "");
    seat_send(ada, "{'type':'kick','id':2,'ref':'r'}");
    seat_expect_error(ada, "forbidden", "r");
    seat_sync(bob);
    seat_drop(bob);
    seat_drop(ada);
    server_stop(s);
}
END_TEST

/* Far more than --rate lets others say in the time that a test may take. */
START_TEST(programs_have_no_rate)
{
    struct server *s = asker_server(LIST("--rate", "1", "--burst", "1", "--rate-bytes", "1"));
    struct client *c =
        ws_open_with(s, "/ws/1?room=tea", asker_bearer(asker_token("a", "tea", "sub,pub,api")));

    for (int i = 0; i < 200; i++)
        ws_send_text(c, "x");
    for (int i = 0; i < 200; i++)
        ws_expect_text(c, "You wrote: x");
    ws_leave(c);
    server_stop(s);
}
END_TEST

static const char *const nobody[] = {"x", "0", "-1", "9223372036854775808", "7"};

START_TEST(nobody_is_not_put_out)
{
    struct server *s = asker_server(NULL);
    const char *mod = asker_token("mod", "*", "api,mod,sub");
    struct client *other = ws_open_with(s, "/ws/7?room=coffee", asker_bearer(mod));
    char target[64];

    snprintf(target, sizeof(target), "/api/rooms/tea/members/%s", nobody[_i]);
    ck_assert_int_eq(asker_status(s, "DELETE", target, mod, NULL), 404);
    ws_sync(other);
    client_close(other);
    server_stop(s);
}
END_TEST

/* ---- each right, each row ---- */

static const struct {
    const char *method, *target, *body;
    const char *needs; /* words of rights */
} rows[] = {
    {"GET", "/api/rooms/tea/members", NULL, "api,prs"},
    {"GET", "/api/rooms/tea/messages", NULL, "api,hst"},
    {"POST", "/api/rooms/tea/messages", "{\"text\":\"x\"}", "api,pub"},
    {"DELETE", "/api/rooms/tea/members/1", NULL, "api,mod"},
    {"HEAD", "/api/rooms/tea/events", NULL, "sub"},
    {"POST", "/api/bans", "{\"rooms\":[\"tea\"],\"sub\":\"x\",\"seconds\":1}", "api,mod"},
};

static const char *const rights[] = {"sub", "pub", "prs", "hst", "dir", "mod", "api"};

static bool has_word(const char *words, const char *word)
{
    return strstr(words, word) != NULL;
}

/* All rights but one: exactly the rows that need it are refused. All of this and nothing else: it
 * is enough. */
START_TEST(each_row_needs_its_rights_and_no_other)
{
    struct server *s = asker_server(NULL);
    char words[64], one[64];

    snprintf(one, sizeof(one), "%s", rows[_i].needs);
    ck_assert_int_ne(asker_status(s, rows[_i].method, rows[_i].target, asker_token("a", "tea", one),
                                  rows[_i].body),
                     403);
    for (size_t missing = 0; missing < ARRAY_LEN(rights); missing++) {
        size_t len = 0;
        int status;

        for (size_t i = 0; i < ARRAY_LEN(rights); i++) {
            if (i != missing)
                len += (size_t)snprintf(words + len, sizeof(words) - len, "%s%s",
                                        len > 0 ? "," : "", rights[i]);
        }
        status = asker_status(s, rows[_i].method, rows[_i].target, asker_token("a", "tea", words),
                              rows[_i].body);
        ck_assert_int_eq(status == 403, has_word(rows[_i].needs, rights[missing]));
        ck_assert_int_ne(status, 401);
    }
    ck_assert_int_eq(asker_status(s, rows[_i].method, rows[_i].target,
                                  asker_token("a", "teapot", "sub,pub,prs,hst,dir,mod,api"),
                                  rows[_i].body),
                     403);
    server_stop(s);
}
END_TEST

/* The same for what a client says, by its WebSocket. */
static const struct {
    const char *say; /* a template; % stands for the position of what somebody else said */
    const char *needs;
} commands[] = {
    {"{'type':'say','text':'x','ref':'r'}", "pub"},
    {"{'type':'say','text':'x','to':1,'ref':'r'}", "dir"},
    {"{'type':'rename','name':'n','ref':'r'}", "pub"},
    {"{'type':'kick','id':9,'ref':'r'}", "mod"},
    {"{'type':'ban','id':9,'seconds':1,'ref':'r'}", "mod"},
    {"{'type':'slow','seconds':1,'ref':'r'}", "mod"},
    {"{'type':'retract','of':'%','ref':'r'}", "mod"},
    {"{'type':'react','to':'%','emoji':'!','ref':'r'}", "pub"},
    {"{'type':'history','before':'%','limit':1,'ref':'r'}", "hst"},
};

#define RENAME 2 /* of them */

/* Returns the position of what `seat` says. The caller frees it. */
static char *say_something(struct seat *seat)
{
    char *heard, *pos, *end;

    seat_say(seat, "x");
    do {
        heard = seat_read(seat);
    } while (strstr(heard, "\"text\":\"x\"") == NULL || strstr(heard, "\"from\":2") == NULL);
    pos = strstr(heard, "\"pos\":\"");
    ck_assert_ptr_nonnull(pos);
    end = strchr(pos + 7, '"');
    ck_assert_ptr_nonnull(end);
    pos = strndup(pos + 7, (size_t)(end - pos) - 7);
    free(heard);
    return pos;
}

static void send_command(struct seat *seat, const char *say, struct seat *other)
{
    const char *place = strchr(say, '%');
    char *pos;

    if (place == NULL) {
        seat_send(seat, "%s", say);
        return;
    }
    pos = say_something(other);
    free(seat_read(seat)); /* the same */
    seat_send(seat, "%.*s%s%s", (int)(place - say), say, pos, place + 1);
    free(pos);
}

START_TEST(each_command_needs_its_right_and_no_other)
{
    struct server *s = asker_server(NULL);
    struct seat *other = enter(s, 2, asker_token("b", "tea", "sub,pub"), "");

    for (size_t missing = 1; missing < ARRAY_LEN(rights); missing++) {
        char words[64] = "sub", *answer;
        size_t len = 3;
        struct seat *seat;
        bool is_forbidden;

        if (_i == RENAME && strcmp(rights[missing], "prs") == 0)
            continue; /* a rename is told to those who may know who is there */
        for (size_t i = 1; i < ARRAY_LEN(rights); i++) {
            if (i != missing)
                len += (size_t)snprintf(words + len, sizeof(words) - len, ",%s", rights[i]);
        }
        seat = enter(s, 1, asker_token("a", "tea", words), "&history=0");
        send_command(seat, commands[_i].say, other);
        answer = seat_read(seat);
        is_forbidden = strstr(answer, "\"forbidden\"") != NULL;
        ck_assert_int_eq(is_forbidden, has_word(commands[_i].needs, rights[missing]));
        free(answer);
        ws_leave(seat->c);
        seat->c = NULL;
        free(seat);
    }
    seat_leave(other);
    server_stop(s);
}
END_TEST

static const char *const bad[] = {
    "/api/rooms?limit=0",
    "/api/rooms?limit=1001",
    "/api/rooms?limit=x",
    "/api/rooms?prefix=a&prefix=b",
    "/api/rooms/tea/messages?last=1001",
    "/api/rooms/tea/messages?since=a&since=a",
};

START_TEST(parameters_must_make_sense)
{
    struct server *s = asker_server(NULL);

    ck_assert_int_eq(asker_status(s, "GET", bad[_i], asker_token("a", "tea", "api,hst"), NULL),
                     400);
    server_stop(s);
}
END_TEST

START_TEST(a_cookie_reads_for_pages_of_our_own)
{
    struct server *s = asker_server(LIST("--allow-origin", "*"));
    static const char *const origins[] = {"", "Origin: http://127.0.0.1\r\n",
                                          "Origin: https://evil.example\r\n"};
    static const int statuses[] = {200, 200, 401};
    char fields[2300];

    for (size_t i = 0; i < ARRAY_LEN(origins); i++) {
        struct client *c = client_connect(s);
        struct response *r;

        snprintf(fields, sizeof(fields), "%sCookie: wschat_token=%s\r\n", origins[i],
                 asker_token("a", "tea", "api,prs"));
        asker_send(c, "GET", "/api/rooms/tea/members", NULL, fields, NULL);
        r = response_read(c, false);
        asker_expect(r, statuses[i]);
        response_free(r);
        client_close(c);
    }
    server_stop(s);
}
END_TEST

Suite *suite_api_read(void)
{
    Suite *suite = suite_create("api_read");
    TCase *tcase = harness_case(suite, "reading");

    tcase_add_test(tcase, rooms_come_in_byte_order_and_in_pages);
    tcase_add_test(tcase, members_are_as_in_a_welcome);
    tcase_add_test(tcase, messages_come_from_a_position_or_from_the_end);
    tcase_add_test(tcase, pages_go_on_where_the_last_one_ended);
    tcase_add_loop_test(tcase, parameters_must_make_sense, 0, (int)ARRAY_LEN(bad));
    tcase_add_test(tcase, a_cookie_reads_for_pages_of_our_own);
    tcase = harness_case(suite, "putting out");
    tcase_add_test(tcase, who_is_put_out_leaves_and_may_come_again);
    tcase_add_test(tcase, who_is_away_is_put_out_too);
    tcase_add_test(tcase, who_is_put_out_hears_of_no_ping_of_the_other);
    tcase_add_test(tcase, a_client_puts_another_out_and_says_why);
    tcase_add_test(tcase, without_tokens_nobody_is_put_out);
    tcase_add_test(tcase, programs_have_no_rate);
    tcase_add_loop_test(tcase, nobody_is_not_put_out, 0, (int)ARRAY_LEN(nobody));
    tcase = harness_case(suite, "rights");
    tcase_add_loop_test(tcase, each_row_needs_its_rights_and_no_other, 0, (int)ARRAY_LEN(rows));
    tcase_add_loop_test(tcase, each_command_needs_its_right_and_no_other, 0,
                        (int)ARRAY_LEN(commands));
    return suite;
}
