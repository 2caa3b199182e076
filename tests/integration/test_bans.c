/* Bans: who is put out and kept out, by wschat.v1 and by the HTTP API, and for how long. */
#include "asker.h"
#include "v1.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_bans(void);

#define PAGE "Origin: http://localhost\r\n"

static const char *mod_token(void)
{
    return asker_token("mod", "tea*", "sub,prs,mod,api,pub");
}

static struct seat *enter(const struct server *s, uint64_t id, const char *token)
{
    struct seat *seat = calloc(1, sizeof(*seat));
    char target[160], fields[2200];

    ck_assert_ptr_nonnull(seat);
    seat->id = id;
    seat->c = client_connect(s);
    snprintf(target, sizeof(target), "/ws/%llu?room=tea", (unsigned long long)id);
    snprintf(fields, sizeof(fields), V1_FIELDS "%s", token != NULL ? asker_bearer(token) : "");
    ws_request(seat->c, target, fields);
    v1_expect_upgrade(seat->c);
    seat_read_welcome(seat);
    return seat;
}

/* What becomes of somebody who wants to enter: 0 where that is allowed, else the status. */
static int refused(const struct server *s, const char *room, const char *token)
{
    char target[64], fields[2200];

    snprintf(target, sizeof(target), "/ws/99?room=%s", room);
    snprintf(fields, sizeof(fields), "%s", token != NULL ? asker_bearer(token) : "");
    return ws_refused(s, target, fields);
}

static void expect_let_in(const struct server *s, const char *token)
{
    seat_leave(enter(s, 77, token));
}

static void expect_page_closed(const struct server *s, const char *token)
{
    struct client *c = client_connect(s);
    char fields[2300];

    snprintf(fields, sizeof(fields), PAGE V1_FIELDS "%s", asker_bearer(token));
    ws_request(c, "/ws/98?room=tea", fields);
    v1_expect_upgrade(c);
    ws_expect_close(c, 4403);
}

/* Makes a ban; its name goes to `ban`. */
static void make_ban(const struct server *s, const char *token, const char *body, char ban[V1_TEXT])
{
    struct response *r = asker_ask(s, "POST", "/api/bans", token, body);

    asker_expect(r, 201);
    v1_string(r->body, "ban", ban);
    response_free(r);
}

static int lift(const struct server *s, const char *token, const char *ban)
{
    char target[160];

    snprintf(target, sizeof(target), "/api/bans/%s", ban);
    return asker_status(s, "DELETE", target, token, NULL);
}

static void expect_list(const struct server *s, const char *target, const char *token,
                        const char *template)
{
    struct response *r = asker_ask(s, "GET", target, token, NULL);

    asker_expect(r, 200);
    if (!v1_matches(template, r->body))
        ck_abort_msg("%s does not match %s", r->body, template);
    response_free(r);
}

/* Two bans come on two pages. */
static void expect_pages(const struct server *s, const char *token)
{
    struct response *r = asker_ask(s, "GET", "/api/bans?limit=1", token, NULL);
    char ban[V1_TEXT], target[160];

    asker_expect(r, 200);
    ck_assert_ptr_nonnull(strstr(r->body, "],\"more\":true}"));
    v1_string(r->body, "ban", ban);
    response_free(r);
    snprintf(target, sizeof(target), "/api/bans?limit=1&after=%s", ban);
    r = asker_ask(s, "GET", target, token, NULL);
    ck_assert_ptr_nonnull(strstr(r->body, "],\"more\":false}"));
    ck_assert_ptr_null(strstr(r->body, ban));
    response_free(r);
}

/* A listener of the room. */
static struct client *listen_to(const struct server *s, const char *token)
{
    struct client *c = client_connect(s);

    struct response *r;

    asker_send(c, "GET", "/api/rooms/tea/events", token, "", NULL);
    r = response_read(c, true);
    ck_assert_int_eq(r->status, 200);
    response_free(r);
    return c;
}

/* ---- who is hit ---- */

START_TEST(a_token_is_banned_by_its_subject_and_on_all_its_seats)
{
    struct server *s = asker_server(NULL);
    const char *eve = asker_token("eve", "*", "sub,pub,api"),
               *bob = asker_token("bob", "*", "sub,prs");
    struct seat *mod = enter(s, 1, mod_token()), *first = enter(s, 2, eve),
                *second = enter(s, 3, eve), *other = enter(s, 4, bob);
    struct client *listener = listen_to(s, eve);
    char ban[V1_TEXT], *answer;

    for (int i = 2; i <= 4; i++)
        seat_expect_presence(mod, "join", (uint64_t)i, "");
    seat_send(mod, "{'type':'ban','id':2,'seconds':3600,'reason':'enough','ref':'r'}");
    answer = seat_read(mod);
    ck_assert(v1_matches("{'type':'ban','ban':'*','until':#,'ref':'r'}", answer));
    v1_string(answer, "ban", ban);
    free(answer);
    seat_expect(first, "{'type':'error','code':'banned','text':'enough'}");
    ws_expect_close(first->c, 4403);
    seat_expect(second, "{'type':'error','code':'banned','text':'enough'}");
    ws_expect_close(second->c, 4403);
    client_drain(listener);
    seat_expect_presence(mod, "leave", 3, "");
    seat_expect_presence(mod, "leave", 2, "");
    seat_expect_presence(other, "leave", 3, "");
    ck_assert_int_eq(refused(s, "tea", eve), 403);
    ck_assert_int_eq(asker_status(s, "GET", "/api/rooms/tea/events", eve, NULL), 204);
    ck_assert_int_eq(asker_status(s, "POST", "/api/rooms/tea/messages", eve, "{\"text\":\"x\"}"),
                     403);
    ck_assert_int_eq(asker_status(s, "POST", "/api/rooms/coffee/messages", eve, "{\"text\":\"x\"}"),
                     200);
    expect_page_closed(s, eve);
    expect_let_in(s, bob);
    ck_assert_int_eq(lift(s, mod_token(), ban), 204);
    ck_assert_int_eq(lift(s, mod_token(), ban), 404);
    expect_let_in(s, eve);
    seat_drop(mod);
    seat_drop(other);
    free(first);
    free(second);
    server_stop(s);
}
END_TEST

/* Nor is it told how much is said there. */
START_TEST(who_is_banned_from_a_room_counts_nothing_in_it)
{
    struct server *s = asker_server(NULL);
    const char *root = asker_token("root", "*", "pub,api,mod");
    struct seat *eve = enter(s, 2, asker_token("eve", "*", "sub,hst"));
    char ban[V1_TEXT];

    ck_assert_int_eq(
        asker_status(s, "POST", "/api/rooms/coffee/messages", root, "{\"text\":\"x\"}"), 200);
    for (int i = 0; i < 2; i++) {
        if (i == 1)
            make_ban(s, root, "{\"rooms\":[\"coffee\"],\"sub\":\"eve\"}", ban);
        seat_send(eve, "{'type':'unread','room':'coffee','since':'0000000000000000-0'}");
        seat_expect(eve, "{'type':'unread','room':'coffee','count':%d}", 1 - i);
    }
    seat_drop(eve);
    server_stop(s);
}
END_TEST

START_TEST(people_without_a_token_are_banned_by_their_address)
{
    struct server *s = asker_server(LIST("--anonymous", "sub,pub"));
    struct seat *mod = enter(s, 1, mod_token()), *one = enter(s, 2, NULL), *two = enter(s, 3, NULL),
                *bob = enter(s, 4, asker_token("bob", "*", "sub,pub"));
    struct client *text = ws_open(s, "/ws/5?room=tea"), *elsewhere = ws_open(s, "/ws/6?room=x");
    struct client *listener = listen_to(s, NULL);

    for (int i = 2; i <= 5; i++)
        seat_expect_presence(mod, "join", (uint64_t)i, "");
    seat_send(mod, "{'type':'ban','id':2}");
    seat_expect(mod, "{'type':'ban','ban':'*'}");
    ws_expect_close(one->c, 4403);
    ws_expect_close(two->c, 4403);
    ws_expect_close(text, 4403);
    client_drain(listener);
    ck_assert_int_eq(refused(s, "tea", NULL), 403);
    ck_assert_int_eq(asker_status(s, "GET", "/api/rooms/tea/events", NULL, NULL), 204);
    seat_say(bob, "still here"); /* though at the same address */
    seat_expect_message(bob, 4, "still here");
    ws_sync(elsewhere); /* in another room */
    expect_list(
        s, "/api/bans", mod_token(),
        "{'bans':[{'ban':'*','rooms':['tea'],'address':'127.0.0.1','by':'mod'}],'more':false}");
    seat_drop(bob);
    seat_drop(mod);
    client_close(elsewhere);
    free(one);
    free(two);
    server_stop(s);
}
END_TEST

/* By its id, or by the ban of another of its seats: it is over, and its key is void. */
START_TEST(who_is_away_is_banned_too)
{
    struct server *s = asker_server(LIST("--leave-grace", "600", "--anonymous", "sub"));
    const char *eve = asker_token("eve", "*", "sub"),
               *tea = asker_token("mod", "tea", "sub,prs,mod,dir");
    struct seat *mod = enter(s, 1, tea), *first = enter(s, 2, eve), *second = enter(s, 3, eve),
                *bob = enter(s, 4, asker_token("bob", "*", "sub")), *stranger = enter(s, 5, NULL);

    for (int i = 2; i <= 5; i++)
        seat_expect_presence(mod, "join", (uint64_t)i, "");
    for (int i = 2; i <= 5; i++) {
        seat_break(i == 2 ? first : i == 3 ? second : i == 4 ? bob : stranger);
        seat_await_away(mod, (uint64_t)i);
    }
    seat_send(mod, "{'type':'ban','id':2,'ref':'r'}");
    seat_expect(mod, "{'type':'ban','ban':'*','ref':'r'}");
    seat_expect_presence(mod, "leave", 2, "");
    seat_expect_presence(mod, "leave", 3, "");
    ck_assert_int_eq(refused(s, "tea", eve), 403);
    seat_send(mod, "{'type':'ban','id':5,'ref':'r'}");
    seat_expect(mod, "{'type':'ban','ban':'*','ref':'r'}");
    seat_expect_presence(mod, "leave", 5, "");
    ck_assert_int_eq(refused(s, "tea", NULL), 403);
    seat_await_away(mod, 4); /* whose seat is kept */
    seat_drop(bob);
    seat_drop(stranger);
    seat_drop(first);
    seat_drop(second);
    seat_drop(mod);
    server_stop(s);
}
END_TEST

START_TEST(who_shows_the_token_of_somebody_banned_must_go)
{
    struct server *s = asker_server(LIST("--anonymous", "sub"));
    struct seat *seat = enter(s, 2, NULL);
    char ban[V1_TEXT];

    make_ban(s, mod_token(), "{\"rooms\":[\"tea\"],\"sub\":\"eve\"}", ban);
    seat_send(seat, "{'type':'token','token':'%s'}", asker_token("eve", "*", "sub"));
    ws_expect_close(seat->c, 4403);
    free(seat);
    server_stop(s);
}
END_TEST

/* Both commands are read at once: what the token allows would be done before the end of the tick.
 */
START_TEST(somebody_banned_has_no_power_for_a_moment)
{
    struct server *s = asker_server(LIST("--anonymous", "sub"));
    struct seat *ada = enter(s, 1, asker_token("ada", "*", "sub,prs")), *seat = enter(s, 2, NULL);
    char ban[V1_TEXT], command[2200];
    const char *kick = "{\"type\":\"kick\",\"id\":1}";
    struct buf both;

    seat_expect_presence(ada, "join", 2, "");
    make_ban(s, mod_token(), "{\"rooms\":[\"tea\"],\"sub\":\"eve\"}", ban);
    snprintf(command, sizeof(command), "{\"type\":\"token\",\"token\":\"%s\"}",
             asker_token("eve", "*", "sub,pub,mod"));
    buf_init(&both);
    ws_append(&both, true, WS_TEXT, command, strlen(command));
    ws_append(&both, true, WS_TEXT, kick, strlen(kick));
    client_send(seat->c, both.data, both.len);
    ws_expect_close(seat->c, 4403);
    seat_expect_presence(ada, "leave", 2, "");
    expect_let_in(s, asker_token("bob", "*", "sub"));
    buf_deinit(&both);
    seat_drop(ada);
    free(seat);
    server_stop(s);
}
END_TEST

static const struct {
    const char *command, *code;
} wrong[] = {
    {"{'type':'ban','id':9,'ref':'r'}", "no-such-client"},
    {"{'type':'ban','id':'2','ref':'r'}", "bad-id"},
    {"{'type':'ban','ref':'r'}", "bad-id"},
    {"{'type':'ban','id':2,'seconds':0,'ref':'r'}", "bad-seconds"},
    {"{'type':'ban','id':2,'seconds':315360001,'ref':'r'}", "bad-seconds"},
    {"{'type':'ban','id':2,'seconds':'1','ref':'r'}", "bad-seconds"},
    {"{'type':'ban','id':2,'reason':1,'ref':'r'}", "bad-reason"},
};

START_TEST(a_command_that_makes_no_sense_bans_nobody)
{
    struct server *s = asker_server(NULL);
    struct seat *mod = enter(s, 1, mod_token());

    seat_send(mod, "%s", wrong[_i].command);
    seat_expect_error(mod, wrong[_i].code, "r");
    expect_list(s, "/api/bans", mod_token(), "{'bans':[],'more':false}");
    seat_drop(mod);
    server_stop(s);
}
END_TEST

/* ---- by the API ---- */

START_TEST(bans_are_made_and_seen_where_the_token_keeps_order)
{
    struct server *s = asker_server(NULL);
    const char *tea = mod_token(), *all = asker_token("root", "*", "api,mod"),
               *exact = asker_token("x", "tea", "api,mod"), *none = asker_token("x", "tea", "api"),
               *program = asker_token("x", "tea", "mod");
    char one[V1_TEXT], every[V1_TEXT];

    make_ban(s, tea, "{\"rooms\":[\"tea\",\"team-*\"],\"sub\":\"eve\",\"seconds\":60}", one);
    make_ban(s, all, "{\"rooms\":[\"*\"],\"address\":\"192.0.2.0/24\"}", every);
    ck_assert_int_eq(
        asker_status(s, "POST", "/api/bans", tea, "{\"rooms\":[\"*\"],\"sub\":\"eve\"}"), 403);
    ck_assert_int_eq(
        asker_status(s, "POST", "/api/bans", tea, "{\"rooms\":[\"te*\"],\"sub\":\"eve\"}"), 403);
    ck_assert_int_eq(
        asker_status(s, "POST", "/api/bans", tea, "{\"rooms\":[\"tea\",\"x\"],\"sub\":\"eve\"}"),
        403);
    ck_assert_int_eq(
        asker_status(s, "POST", "/api/bans", exact, "{\"rooms\":[\"tea*\"],\"sub\":\"eve\"}"), 403);
    expect_list(s, "/api/bans", tea,
                "{'bans':[{'ban':'*','rooms':['tea','team-*'],'sub':'eve','until':#,'by':'mod'}],'"
                "more':false}");
    expect_pages(s, all);
    expect_list(s, "/api/bans", exact, "{'bans':[],'more':false}");
    ck_assert_int_eq(asker_status(s, "GET", "/api/bans", none, NULL), 403);
    ck_assert_int_eq(asker_status(s, "GET", "/api/bans", program, NULL), 403);
    ck_assert_int_eq(asker_status(s, "GET", "/api/bans", NULL, NULL), 401);
    ck_assert_int_eq(lift(s, tea, every), 404);
    ck_assert_int_eq(lift(s, exact, one), 404);
    ck_assert_int_eq(lift(s, none, one), 403);
    ck_assert_int_eq(lift(s, all, every), 204);
    ck_assert_int_eq(lift(s, tea, one), 204);
    expect_list(s, "/api/bans", all, "{'bans':[],'more':false}");
    server_stop(s);
}
END_TEST

/* The same bound holds by both ways, and leaves places to others. */
START_TEST(nobody_takes_all_the_places)
{
    struct server *s = asker_server(LIST("--rate", "0"));
    const char *tea = mod_token(), *other = asker_token("other", "tea", "api,mod,sub"),
               *all = asker_token("root", "*", "api,mod");
    struct seat *mod = enter(s, 1, tea), *eve = enter(s, 2, asker_token("eve", "*", "sub"));
    char body[128], ban[V1_TEXT];

    seat_expect_presence(mod, "join", 2, "");
    for (int i = 0; i < 90; i++) {
        snprintf(body, sizeof(body), "{\"rooms\":[\"tea\"],\"sub\":\"s%d\"}", i);
        make_ban(s, tea, body, ban);
    }
    seat_send(mod, "{'type':'ban','id':2,'ref':'r'}"); /* the 91st */
    seat_expect(mod, "{'type':'ban','ban':'*','ref':'r'}");
    ws_expect_close(eve->c, 4403);
    seat_expect_presence(mod, "leave", 2, "");
    free(eve);
    eve = enter(s, 3, asker_token("eva", "*", "sub"));
    seat_expect_presence(mod, "join", 3, "");
    seat_send(mod, "{'type':'ban','id':3,'ref':'r'}");
    seat_expect_error(mod, "too-many-bans", "r");
    ck_assert_int_eq(
        asker_status(s, "POST", "/api/bans", tea, "{\"rooms\":[\"teapot\"],\"sub\":\"x\"}"), 409);
    make_ban(s, other, "{\"rooms\":[\"tea\"],\"sub\":\"eva\"}", ban);
    ws_expect_close(eve->c, 4403);
    for (int i = 0; i < 92; i++) {
        snprintf(body, sizeof(body), "{\"rooms\":[\"x\"],\"sub\":\"s%d\"}", i);
        make_ban(s, all, body, ban);
    }
    free(eve);
    seat_drop(mod);
    server_stop(s);
}
END_TEST

/* Its name would be a pattern. */
START_TEST(a_room_with_a_star_has_no_bans)
{
    struct server *s = asker_server(NULL);
    struct seat *seat = calloc(1, sizeof(*seat));
    char fields[2200];

    ck_assert_ptr_nonnull(seat);
    seat->id = 1;
    seat->c = client_connect(s);
    snprintf(fields, sizeof(fields), V1_FIELDS "%s", asker_bearer(mod_token()));
    ws_request(seat->c, "/ws/1?room=tea*", fields);
    v1_expect_upgrade(seat->c);
    seat_read_welcome(seat);
    seat_send(seat, "{'type':'ban','id':1,'ref':'r'}");
    seat_expect_error(seat, "bad-room", "r");
    seat_drop(seat);
    server_stop(s);
}
END_TEST

/* Nor by a pattern that a room is behind, or that is behind the one of the ban. */
START_TEST(who_is_banned_keeps_no_order_there)
{
    struct server *s = asker_server(NULL);
    const char *root = asker_token("root", "*", "api,mod"), *tea = mod_token();
    char own[V1_TEXT], other[V1_TEXT], free_one[V1_TEXT];

    make_ban(s, root, "{\"rooms\":[\"tea*\"],\"sub\":\"eve\"}", other);
    make_ban(s, root, "{\"rooms\":[\"tea\"],\"sub\":\"mod\"}", own);
    ck_assert_int_eq(lift(s, tea, own), 404);
    ck_assert_int_eq(lift(s, tea, other), 404);
    expect_list(s, "/api/bans", tea, "{'bans':[],'more':false}");
    ck_assert_int_eq(
        asker_status(s, "POST", "/api/bans", tea, "{\"rooms\":[\"tea\"],\"sub\":\"bob\"}"), 403);
    ck_assert_int_eq(
        asker_status(s, "POST", "/api/bans", tea, "{\"rooms\":[\"tea*\"],\"sub\":\"bob\"}"), 403);
    make_ban(s, tea, "{\"rooms\":[\"teapot\"],\"sub\":\"bob\"}", free_one);
    ck_assert_int_eq(lift(s, tea, free_one), 204);
    ck_assert_int_eq(lift(s, root, own), 204);
    ck_assert_int_eq(lift(s, tea, other), 204);
    make_ban(s, root, "{\"rooms\":[\"*\"],\"sub\":\"mod\"}", own);
    ck_assert_int_eq(
        asker_status(s, "POST", "/api/bans", tea, "{\"rooms\":[\"teapot\"],\"sub\":\"b\"}"), 403);
    ck_assert_int_eq(lift(s, tea, own), 404);
    server_stop(s);
}
END_TEST

static const struct {
    const char *method, *target, *body;
    int status;
} asked[] = {
    {"POST", "/api/bans", "{\"rooms\":[],\"sub\":\"eve\"}", 422},
    {"POST", "/api/bans", "{\"sub\":\"eve\"}", 422},
    {"POST", "/api/bans", "{\"rooms\":[\"tea\"]}", 422},
    {"POST", "/api/bans", "{\"rooms\":[\"te\\u0001a\"],\"sub\":\"eve\"}", 422},
    {"POST", "/api/bans", "{\"rooms\":[\"tea\"],\"sub\":\"\"}", 422},
    {"POST", "/api/bans", "{\"rooms\":[\"tea\"],\"address\":\"1.2.3\"}", 422},
    {"POST", "/api/bans", "{\"rooms\":[\"tea\"],\"address\":\"1.2.3.4/24\"}", 422},
    {"POST", "/api/bans", "{\"rooms\":[\"tea\"],\"sub\":\"e\",\"seconds\":0}", 422},
    {"POST", "/api/bans", "{\"rooms\":[\"tea\"],\"sub\":\"e\",\"until\":1}", 422},
    {"POST", "/api/bans", "{\"rooms\":[\"tea\"],\"sub\":\"e\",\"until\":99999999999999}", 422},
    {"POST", "/api/bans", "{\"rooms\":[\"tea\"],\"sub\":\"e\",\"reason\":7}", 422},
    {"POST", "/api/bans", "[]", 422},
    {"POST", "/api/bans",
     "{\"rooms\":[\"tea\",\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\",\"j\",\"k\",\"l\","
     "\"m\",\"n\",\"o\",\"p\"],\"sub\":\"eve\"}",
     422},
    {"GET", "/api/bans?limit=0", NULL, 400},
    {"GET", "/api/bans?after=x", NULL, 400},
    {"DELETE", "/api/bans/0000000000000001", NULL, 404},
    {"DELETE", "/api/bans/x", NULL, 404},
    {"DELETE", "/api/bans", NULL, 405},
    {"GET", "/api/bans/0000000000000001", NULL, 405},
    {"GET", "/api/bans/a/b", NULL, 404},
};

START_TEST(what_is_asked_for_must_make_sense)
{
    struct server *s = asker_server(NULL);

    ck_assert_int_eq(asker_status(s, asked[_i].method, asked[_i].target,
                                  asker_token("root", "*", "api,mod"), asked[_i].body),
                     asked[_i].status);
    server_stop(s);
}
END_TEST

/* ---- restarts ---- */

static void expect_dump(const char *folder, const char *what, const char *other)
{
    struct launch launch = {.args = LIST("journal", "dump", folder, "--json")};
    struct buf out, err;

    buf_init(&out);
    buf_init(&err);
    ck_assert_int_eq(program_run(&launch, &out, &err), 0);
    ck_assert_ptr_nonnull(strstr((char *)out.data, what));
    ck_assert_ptr_nonnull(strstr((char *)out.data, other));
    buf_deinit(&out);
    buf_deinit(&err);
}

START_TEST(a_journal_keeps_bans_and_their_ends)
{
    const char *folder = test_path("journal");
    struct server *s = asker_server(LIST("--journal", folder));
    const char *eve = asker_token("eve", "*", "sub,api");
    char one[V1_TEXT], two[V1_TEXT];

    make_ban(s, mod_token(), "{\"rooms\":[\"tea\"],\"sub\":\"eve\",\"seconds\":3600}", one);
    make_ban(s, mod_token(), "{\"rooms\":[\"tea\"],\"sub\":\"bob\"}", two);
    ck_assert_int_eq(lift(s, mod_token(), two), 204);
    server_signal(s, SIGKILL);
    ck_assert_int_eq(server_wait_exit(s), 128 + SIGKILL);
    expect_dump(folder, "\"type\":\"ban\"", "\"ban\":{\"ban\":");
    expect_dump(folder, "\"type\":\"lift\"", two);
    s = asker_server(LIST("--journal", folder));
    ck_assert_int_eq(refused(s, "tea", eve), 403);
    expect_let_in(s, asker_token("bob", "*", "sub"));
    ck_assert_int_eq(lift(s, mod_token(), one), 204);
    server_stop(s);
    s = asker_server(LIST("--journal", folder));
    expect_let_in(s, eve);
    server_stop(s);
}
END_TEST

static void expect_forbidden(struct seat *seat, const char *pos)
{
    seat_send(seat, "{'type':'retract','of':'%s','ref':'r'}", pos);
    seat_expect_error(seat, "forbidden", "r");
}

static void expect_retracts(struct seat *seat, const char *pos)
{
    seat_send(seat, "{'type':'retract','of':'%s','ref':'r'}", pos);
    seat_expect(seat, "{'type':'retract','pos':'*','ts':#,'from':#,'name':'','of':'*','ref':'r'}");
}

/* By the subject, from whatever seat, whether it was said from a seat or by a program. */
START_TEST(an_author_is_known_after_a_restart)
{
    const char *folder = test_path("journal");
    struct server *s = asker_server(LIST("--journal", folder));
    const char *ada = asker_token("ada", "tea", "sub,pub"),
               *bob = asker_token("bob", "tea", "sub,pub"),
               *bot = asker_token("bot", "tea", "api,pub,sub");
    struct seat *first = enter(s, 1, ada), *other;
    struct response *r;
    char said[V1_TEXT], posted[V1_TEXT];

    seat_say(first, "mine");
    seat_expect_message(first, 1, "mine");
    snprintf(said, sizeof(said), "%s", first->pos);
    r = asker_ask(s, "POST", "/api/rooms/tea/messages", bot, "{\"text\":\"news\"}");
    v1_string(r->body, "pos", posted);
    response_free(r);
    seat_expect_message(first, 0, "news");
    seat_drop(first);
    server_signal(s, SIGKILL);
    ck_assert_int_eq(server_wait_exit(s), 128 + SIGKILL);
    s = asker_server(LIST("--journal", folder));
    first = enter(s, 11, ada);
    other = enter(s, 12, bob);
    expect_forbidden(other, said);
    expect_forbidden(other, posted);
    expect_forbidden(first, posted);
    expect_retracts(first, said);
    seat_expect(other,
                "{'type':'retract','pos':'*','ts':#,'from':11,'name':'','of':'*','ref':'r'}");
    seat_drop(first);
    first = enter(s, 13, bot);
    expect_retracts(first, posted);
    seat_drop(first);
    seat_drop(other);
    server_stop(s);
}
END_TEST

START_TEST(a_journal_keeps_what_is_slow_and_what_was_taken_back)
{
    const char *folder = test_path("journal");
    struct server *s = asker_server(LIST("--journal", folder));
    struct seat *mod = enter(s, 1, mod_token()), *ada;
    struct response *r;

    seat_send(mod, "{'type':'slow','seconds':60}");
    seat_expect(mod, "{'type':'slow','pos':'*','ts':#,'from':1,'name':'','seconds':60}");
    seat_say(mod, "secret");
    seat_expect_message(mod, 1, "secret");
    seat_send(mod, "{'type':'retract','of':'%s'}", mod->pos);
    seat_expect(mod, "{'type':'retract','pos':'*','ts':#,'from':1,'name':'','of':'*'}");
    server_signal(s, SIGKILL);
    ck_assert_int_eq(server_wait_exit(s), 128 + SIGKILL);
    client_close(mod->c);
    free(mod);
    s = asker_server(LIST("--journal", folder));
    ada = enter(s, 2, asker_token("ada", "tea", "sub,pub"));
    seat_say(ada, "hi");
    seat_expect_error(ada, "slow", NULL);
    r = asker_ask(s, "GET", "/api/rooms/tea/messages?last=5", asker_token("x", "tea", "api,hst"),
                  NULL);
    ck_assert_ptr_null(strstr(r->body, "secret"));
    ck_assert_ptr_nonnull(strstr(r->body, "\"retracted\":true"));
    response_free(r);
    seat_drop(ada);
    server_stop(s);
}
END_TEST

Suite *suite_bans(void)
{
    Suite *suite = suite_create("bans");
    TCase *tcase = harness_case(suite, "people");

    tcase_add_test(tcase, a_token_is_banned_by_its_subject_and_on_all_its_seats);
    tcase_add_test(tcase, who_is_banned_from_a_room_counts_nothing_in_it);
    tcase_add_test(tcase, people_without_a_token_are_banned_by_their_address);
    tcase_add_test(tcase, who_is_away_is_banned_too);
    tcase_add_test(tcase, who_shows_the_token_of_somebody_banned_must_go);
    tcase_add_test(tcase, somebody_banned_has_no_power_for_a_moment);
    tcase_add_loop_test(tcase, a_command_that_makes_no_sense_bans_nobody, 0, (int)ARRAY_LEN(wrong));
    tcase = harness_case(suite, "api");
    tcase_add_test(tcase, bans_are_made_and_seen_where_the_token_keeps_order);
    tcase_add_test(tcase, nobody_takes_all_the_places);
    tcase_add_test(tcase, a_room_with_a_star_has_no_bans);
    tcase_add_test(tcase, who_is_banned_keeps_no_order_there);
    tcase_add_loop_test(tcase, what_is_asked_for_must_make_sense, 0, (int)ARRAY_LEN(asked));
    tcase = harness_case(suite, "restarts");
    tcase_add_test(tcase, a_journal_keeps_bans_and_their_ends);
    tcase_add_test(tcase, an_author_is_known_after_a_restart);
    tcase_add_test(tcase, a_journal_keeps_what_is_slow_and_what_was_taken_back);
    return suite;
}
