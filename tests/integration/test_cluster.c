/* Several servers that share their rooms by way of a real redis-server. */
#include "asker.h"
#include "exposition.h"
#include "nodes.h"
#include "v1.h"

#include "log/redis_spread.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *suite_cluster(void);

#define NODES 3
#define SEATS 10
#define ROUNDS 20

/* ---- what is shared ---- */

START_TEST(a_room_is_the_same_everywhere)
{
    struct server *a = node_start(), *b = node_start();
    struct seat *ada = seat_open(a, 1, "name=ada"), *eve = seat_open(b, 2, "name=eve"), *late;
    struct client *text;

    ck_assert_uint_eq(eve->count, 2);
    seat_expect_presence(ada, "join", 2, "eve");
    seat_send(ada, "{'type':'say','text':'hi','ref':'r1'}");
    seat_expect(ada, "{'type':'message','pos':'*','ts':#,'from':1,'name':'ada','text':'hi',"
                     "'ref':'r1'}");
    seat_expect(eve, "{'type':'message','pos':'*','ts':#,'from':1,'name':'ada','text':'hi',"
                     "'ref':'r1'}");
    ck_assert_str_eq(ada->pos, eve->pos);
    seat_send(eve, "{'type':'rename','name':'eva'}");
    seat_expect_presence(ada, "rename", 2, "eva");
    seat_expect_presence(eve, "rename", 2, "eva");
    text = ws_open_chat(b, 3);
    ws_send_text(text, "plain");
    ws_expect_text(text, "You wrote: plain");
    seat_expect_presence(ada, "join", 3, "");
    expect_text(ada, "plain");
    late = seat_open(a, 4, "history=5");
    ck_assert_uint_eq(late->count, 4);
    expect_text(late, "hi");
    expect_text(late, "plain");
    ws_expect_close(ws_open_with(a, "/ws/2", ""), 4009);
    seat_expect_presence(ada, "join", 4, "");
    ws_leave(text);
    seat_expect_presence(ada, "leave", 3, "");
    seat_drop(ada);
    seat_drop(eve);
    seat_drop(late);
}
END_TEST

START_TEST(a_seat_moves_to_another_node)
{
    struct server *a = node_start(), *b = node_start();
    struct seat *ada = seat_open(a, 1, "name=ada"), *eve = seat_open(b, 2, "");
    struct client *before;

    seat_expect_presence(ada, "join", 2, "");
    before = seat_connect(ada, b, "");
    seat_read_welcome(ada);
    ck_assert(ada->recovered);
    ck_assert_uint_eq(ada->count, 2);
    ws_expect_close(before, 4000);
    seat_say(ada, "here");
    seat_expect(ada, "{'type':'message','pos':'*','ts':#,'from':1,'name':'ada','text':'here'}");
    seat_expect(eve, "{'type':'message','pos':'*','ts':#,'from':1,'name':'ada','text':'here'}");
    seat_break(ada);
    seat_say(eve, "away");
    expect_text(eve, "away");
    come_back(ada, a, true);
    expect_text(ada, "away");
    seat_sync(eve);
    seat_leave(ada);
    seat_expect_presence(eve, "leave", 1, "ada");
    seat_drop(eve);
}
END_TEST

/* Reads a whole round of messages, and writes them down behind what was read before. */
static void read_round(struct seat *seat, struct buf *heard)
{
    for (int n = 0; n < SEATS;) {
        char *frame = seat_read(seat), text[V1_TEXT];

        if (v1_has(frame, "text")) {
            v1_string(frame, "text", text);
            ck_assert_int_eq(buf_printf(heard, "%s %s\n", seat->pos, text), 0);
            n++;
        }
        free(frame);
    }
}

START_TEST(all_hear_the_same_in_one_order)
{
    struct server *nodes[NODES] = {node_start(), node_start(), node_start()};
    struct seat *seats[SEATS];
    struct buf heard[SEATS];

    for (int i = 0; i < SEATS; i++) {
        seats[i] = seat_open(nodes[i % NODES], (uint64_t)i + 1, "history=0");
        buf_init(&heard[i]);
    }
    for (int round = 0; round < ROUNDS; round++) {
        struct seat *mover = seats[round % SEATS];

        for (int i = 0; i < SEATS; i++) {
            char text[32];

            snprintf(text, sizeof(text), "%d-%d", round, i);
            seat_say(seats[i], text);
            if (i == round % SEATS / 2 && seats[i] != mover)
                seat_break(mover);
            if (mover->c == NULL)
                come_back(mover, nodes[round % NODES], true);
        }
        for (int i = 0; i < SEATS; i++)
            read_round(seats[i], &heard[i]);
    }
    for (int i = 1; i < SEATS; i++) {
        ck_assert_uint_eq(heard[i].len, heard[0].len);
        ck_assert_mem_eq(heard[i].data, heard[0].data, heard[0].len);
    }
    for (int i = 0; i < SEATS; i++) {
        buf_deinit(&heard[i]);
        seat_drop(seats[i]);
    }
}
END_TEST

/* ---- what concerns somebody elsewhere ---- */

START_TEST(direct_messages_reach_other_nodes)
{
    struct server *a = node_start(), *b = node_start();
    struct seat *ada = seat_open(a, 1, "name=ada"), *eve = seat_open(b, 2, "");
    static const char told[] =
        "{'type':'direct','ts':#,'from':1,'to':2,'name':'ada','text':'psst','ref':'d'}";
    static const char more[] = "{'type':'direct','ts':#,'from':1,'to':2,'name':'ada','text':'x',"
                               "'re':'%s','data':{'a':[1]},'ref':'e'}";

    seat_expect_presence(ada, "join", 2, "");
    seat_send(ada, "{'type':'say','text':'psst','to':2,'ref':'d'}");
    seat_expect(eve, "%s", told);
    seat_expect(ada, "%s", told);
    seat_say(eve, "hi");
    expect_text(ada, "hi");
    expect_text(eve, "hi");
    seat_send(ada, "{'type':'say','text':'x','to':2,'re':'%s','data':{'a':[1]},'ref':'e'}",
              ada->pos);
    seat_expect(eve, more, eve->pos);
    seat_expect(ada, more, ada->pos);
    seat_send(ada, "{'type':'say','text':'x','to':3,'ref':'f'}");
    seat_expect_error(ada, "no-such-client", "f");
    seat_break(eve);
    seat_await_away(ada, 2);
    server_signal(b, SIGKILL);
    ck_assert_int_eq(server_wait_exit(b), 128 + SIGKILL);
    seat_await_away(ada, 2); /* its node is not there either */
    seat_sync(ada);
    seat_drop(ada);
    seat_drop(eve);
}
END_TEST

/* Ends the connection by which the node that came first asks. */
static void break_first_node(void)
{
    char command[64];

    snprintf(command, sizeof(command), "CLIENT KILL ID %d",
             redis_number("CLIENT LIST TYPE normal\r\n", "id="));
    redis_do(command);
}

/* The highest number of a request that the room has had from any node; sets it to `to` if that is
 * not -1. */
static int highest_asked(int to)
{
    char command[400];

    snprintf(command, sizeof(command),
             "EVAL \"local k,m='w:{lobby}',0 local h=redis.call('HGETALL',k) for i=1,#h,2 do "
             "if h[i]:sub(1,2)=='n:' and tonumber(h[i+1])>m then m=tonumber(h[i+1]) "
             "if %d>=0 then redis.call('HSET',k,h[i],%d) end end end return m\" 0\r\n",
             to, to);
    return redis_number(command, ":");
}

/* As after a failover that lost the newest writes, an errand is asked for twice. */
START_TEST(an_errand_that_redis_forgot_is_asked_for_again)
{
    struct server *a = node_start(), *b = node_start();
    struct seat *ada = seat_open(a, 1, ""), *eve = seat_open(b, 2, "");

    seat_expect_presence(ada, "join", 2, "");
    seat_say(ada, "one");
    seat_say(ada, "two");
    expect_text(eve, "one");
    expect_text(eve, "two");
    expect_text(ada, "one");
    expect_text(ada, "two");
    ck_assert_int_eq(highest_asked(-1), 3);
    server_signal(b, SIGSTOP);
    seat_send(ada, "{'type':'say','text':'psst','to':2,'ref':'d'}");
    while (highest_asked(-1) != 4)
        usleep(2000);
    highest_asked(0);
    break_first_node();
    while (highest_asked(-1) != 4)
        usleep(2000);
    server_signal(b, SIGCONT);
    expect_text(ada, "psst");
    expect_text(eve, "psst");
    for (int i = 0; i < 2; i++) {
        seat_send(ada, "{'type':'say','text':'again','to':2,'ref':'e'}");
        expect_text(ada, "again");
    }
    ck_assert_int_eq(node_health(a), 200);
    seat_drop(ada);
    seat_drop(eve);
}
END_TEST

static struct server *asker_node(void)
{
    char url[200];
    struct server *s;

    snprintf(url, sizeof(url), "unix:%s", redis_path(0));
    s = asker_server(LIST("--redis", url, "--leave-grace", "600"));
    server_wait_for(s, "rooms are shared");
    return s;
}

static struct seat *enter_as(const struct server *s, uint64_t id, const char *sub,
                             const char *allow)
{
    struct seat *seat = calloc(1, sizeof(*seat));
    char target[80], fields[2200];

    ck_assert_ptr_nonnull(seat);
    seat->id = id;
    seat->c = client_connect(s);
    snprintf(target, sizeof(target), "/ws/%llu?room=tea", (unsigned long long)id);
    snprintf(fields, sizeof(fields), V1_FIELDS "%s", asker_bearer(asker_token(sub, "tea", allow)));
    ws_request(seat->c, target, fields);
    v1_expect_upgrade(seat->c);
    seat_read_welcome(seat);
    return seat;
}

static struct seat *enter(const struct server *s, uint64_t id, const char *allow)
{
    return enter_as(s, id, "x", allow);
}

START_TEST(who_sits_elsewhere_is_put_out_too)
{
    struct server *a = asker_node(), *b = asker_node();
    const char *program = asker_token("program", "tea", "api,mod");
    struct seat *mod = enter(a, 1, "sub,prs,mod"), *bob = enter(b, 2, "sub,prs"),
                *cid = enter(b, 3, "sub");

    seat_expect_presence(mod, "join", 2, "");
    seat_expect_presence(mod, "join", 3, "");
    seat_expect_presence(bob, "join", 3, "");
    seat_send(mod, "{'type':'kick','id':2,'reason':'later','ref':'r'}");
    seat_expect(bob, "{'type':'error','code':'kicked','text':'later'}");
    ws_expect_close(bob->c, 4403);
    bob->c = NULL;
    seat_expect_presence(mod, "leave", 2, "");
    ck_assert_int_eq(asker_status(a, "DELETE", "/api/rooms/tea/members/3", program, NULL), 204);
    ws_expect_close(cid->c, 4403);
    cid->c = NULL;
    seat_expect_presence(mod, "leave", 3, "");
    ck_assert_int_eq(asker_status(a, "DELETE", "/api/rooms/tea/members/3", program, NULL), 404);
    seat_drop(mod);
    seat_drop(bob);
    seat_drop(cid);
}
END_TEST

/* A room is slow at all nodes, and an author takes a message back from wherever. */
START_TEST(a_slow_room_and_an_author_are_known_at_all_nodes)
{
    struct server *a = asker_node(), *b = asker_node();
    struct seat *mod = enter_as(a, 1, "mod", "sub,mod,pub"),
                *ada = enter_as(b, 2, "ada", "sub,pub"), *bob = enter_as(a, 4, "bob", "sub,pub"),
                *again;

    seat_say(ada, "mine");
    seat_expect_message(ada, 2, "mine");
    seat_expect_message(mod, 2, "mine");
    seat_expect_message(bob, 2, "mine");
    seat_send(bob, "{'type':'retract','of':'%s','ref':'r'}", ada->pos);
    seat_expect_error(bob, "forbidden", "r");
    again = enter_as(a, 3, "ada", "sub,pub");
    seat_send(again, "{'type':'retract','of':'%s','ref':'r'}", ada->pos);
    seat_expect(again, "{'type':'retract','pos':'*','ts':#,'from':3,'name':'','of':'*','ref':'r'}");
    seat_expect(ada, "{'type':'retract','pos':'*','ts':#,'from':3,'name':'','of':'*','ref':'r'}");
    seat_expect(bob, "{'type':'retract','pos':'*','ts':#,'from':3,'name':'','of':'*','ref':'r'}");
    seat_expect(mod, "{'type':'retract','pos':'*','ts':#,'from':3,'name':'','of':'*','ref':'r'}");
    seat_send(mod, "{'type':'slow','seconds':3600}");
    seat_expect(mod, "{'type':'slow','pos':'*','ts':#,'from':1,'name':'','seconds':3600}");
    seat_expect(ada, "{'type':'slow','pos':'*','ts':#,'from':1,'name':'','seconds':3600}");
    seat_expect(bob, "{'type':'slow','pos':'*','ts':#,'from':1,'name':'','seconds':3600}");
    seat_say(ada, "one"); /* the first since it is slow */
    seat_expect_message(ada, 2, "one");
    seat_expect_message(bob, 2, "one");
    seat_say(ada, "two");
    seat_expect_error(ada, "slow", NULL);
    seat_say(bob, "one");
    seat_expect_message(bob, 4, "one");
    seat_say(bob, "two");
    seat_expect_error(bob, "slow", NULL);
    seat_drop(again);
    again = enter_as(b, 5, "cid", "sub,pub"); /* who comes, waits */
    seat_say(again, "one");
    seat_expect_error(again, "slow", NULL);
    seat_drop(again);
    seat_drop(ada);
    seat_drop(bob);
    seat_drop(mod);
}
END_TEST

/* Whether or not it has a connection there, by its subject. */
START_TEST(who_sits_elsewhere_is_banned_too)
{
    struct server *a = asker_node(), *b = asker_node();
    struct seat *mod = enter_as(a, 1, "mod", "sub,prs,mod,dir"),
                *bob = enter_as(b, 2, "bob", "sub"), *eve = enter_as(b, 3, "eve", "sub");

    seat_expect_presence(mod, "join", 2, "");
    seat_expect_presence(mod, "join", 3, "");
    seat_send(mod, "{'type':'ban','id':2,'seconds':60,'reason':'later','ref':'r'}");
    seat_expect(mod, "{'type':'ban','ban':'*','until':#,'ref':'r'}");
    seat_expect(bob, "{'type':'error','code':'banned','text':'later'}");
    ws_expect_close(bob->c, 4403);
    bob->c = NULL;
    seat_expect_presence(mod, "leave", 2, "");
    seat_break(eve);
    seat_await_away(mod, 3);
    seat_send(mod, "{'type':'ban','id':3,'ref':'s'}");
    seat_expect(mod, "{'type':'ban','ban':'*','ref':'s'}");
    seat_expect_presence(mod, "leave", 3, "");
    seat_send(mod, "{'type':'ban','id':3,'ref':'t'}");
    seat_expect_error(mod, "no-such-client", "t");
    seat_drop(mod);
    seat_drop(bob);
    seat_drop(eve);
}
END_TEST

static int enter_status(const struct server *s)
{
    char fields[2200];

    snprintf(fields, sizeof(fields), "%s", asker_bearer(asker_token("eve", "tea", "sub")));
    return ws_refused(s, "/ws/9?room=tea", fields);
}

/* Until a node has heard of it: nothing that is asked of it says so sooner. */
static void wait_for_bans(const struct server *s, bool some)
{
    const char *token = asker_token("program", "tea", "api,mod");
    bool is_there = !some;

    while (is_there != some) {
        struct response *r = asker_ask(s, "GET", "/api/bans", token, NULL);

        asker_expect(r, 200);
        is_there = strstr(r->body, "\"sub\":\"eve\"") != NULL;
        response_free(r);
        usleep(2000);
    }
}

START_TEST(a_ban_holds_for_all_nodes)
{
    struct server *a = asker_node(), *b = asker_node();
    const char *program = asker_token("program", "tea", "api,mod");
    char ban[V1_TEXT], target[160];
    struct response *r =
        asker_ask(a, "POST", "/api/bans", program, "{\"rooms\":[\"tea\"],\"sub\":\"eve\"}");

    asker_expect(r, 201);
    v1_string(r->body, "ban", ban);
    response_free(r);
    wait_for_bans(b, true);
    ck_assert_int_eq(enter_status(b), 403);
    server_signal(b, SIGKILL);
    server_wait_exit(b);
    b = asker_node();
    wait_for_bans(b, true);
    ck_assert_int_eq(enter_status(b), 403);
    snprintf(target, sizeof(target), "/api/bans/%s", ban);
    ck_assert_int_eq(asker_status(b, "DELETE", target, program, NULL), 204);
    wait_for_bans(a, false);
    seat_leave(enter_as(a, 9, "eve", "sub"));
    server_stop(b);
    server_stop(a);
}
END_TEST

/* A seat of a node that died cannot be taken back with its key once it was put out. */
START_TEST(a_key_is_void_once_its_seat_is_put_out)
{
    struct server *a = asker_node(), *b = asker_node();
    const char *program = asker_token("program", "tea", "api,mod");
    struct seat *mod = enter(a, 1, "sub,prs,mod"), *bob = enter(b, 2, "sub,prs");
    char fields[2200];

    seat_expect_presence(mod, "join", 2, "");
    server_signal(b, SIGKILL);
    ck_assert_int_eq(server_wait_exit(b), 128 + SIGKILL);
    ck_assert_int_eq(asker_status(a, "DELETE", "/api/rooms/tea/members/2", program, NULL), 204);
    client_close(bob->c);
    bob->c = client_connect(a);
    snprintf(fields, sizeof(fields), "Sec-WebSocket-Protocol: wschat.v1, key.%s\r\n%s", bob->key,
             asker_bearer(asker_token("x", "tea", "sub,prs")));
    ws_request(bob->c, "/ws/2?room=tea", fields);
    v1_expect_upgrade(bob->c);
    ws_expect_close(bob->c, 4009);
    bob->c = NULL;
    seat_drop(mod);
    seat_drop(bob);
}
END_TEST

START_TEST(programs_are_told_of_who_sits_elsewhere)
{
    struct server *a = asker_node(), *b = asker_node();
    const char *program = asker_token("program", "tea", "api,prs,pub");
    struct seat *ada = enter(a, 1, "sub,prs"), *bob = enter(b, 2, "sub,prs");
    struct response *r;

    seat_expect_presence(ada, "join", 2, "");
    r = asker_ask(a, "GET", "/api/rooms/tea/members", program, NULL);
    ck_assert_ptr_nonnull(strstr(r->body, "\"count\":2"));
    ck_assert_ptr_nonnull(strstr(r->body, "\"id\":1"));
    ck_assert_ptr_nonnull(strstr(r->body, "\"id\":2"));
    response_free(r);
    r = asker_ask(a, "GET", "/api/rooms", program, NULL);
    ck_assert_ptr_nonnull(strstr(r->body, "\"members\":2"));
    response_free(r);
    ck_assert_int_eq(
        asker_status(a, "POST", "/api/rooms/tea/messages", program, "{\"text\":\"x\",\"from\":2}"),
        403);
    ck_assert_int_eq(asker_status(a, "POST", "/api/rooms/tea/messages", program,
                                  "{\"text\":\"free\",\"from\":9}"),
                     200);
    seat_expect(bob, "{'type':'message','pos':'*','ts':#,'from':9,'name':'','text':'free'}");
    seat_drop(ada);
    seat_drop(bob);
}
END_TEST

static void post_once(const struct server *s, const char *sub, const char *text, int status,
                      char pos[V1_TEXT])
{
    struct client *c = client_connect(s);
    struct response *r;
    char body[64];

    snprintf(body, sizeof(body), "{\"text\":\"%s\"}", text);
    asker_send(c, "POST", "/api/rooms/tea/messages", asker_token(sub, "tea", "api,pub"),
               "Idempotency-Key: k\r\n", body);
    r = response_read(c, false);
    asker_expect(r, status);
    if (status == 200)
        v1_string(r->body, "pos", pos);
    response_free(r);
    client_close(c);
}

/* A program that asks again with the same key at another node gets the answer of the first. */
START_TEST(what_is_to_be_said_once_is_said_once_by_all_nodes)
{
    struct server *a = asker_node(), *b = asker_node();
    struct seat *ada = enter(a, 1, "sub");
    char first[V1_TEXT], again[V1_TEXT];

    post_once(a, "bot", "one", 200, first);
    post_once(b, "bot", "one", 200, again);
    ck_assert_str_eq(again, first);
    post_once(b, "bot", "one", 200, again);
    ck_assert_str_eq(again, first);
    post_once(b, "bot", "two", 422, NULL);
    post_once(b, "other", "two", 200, again);
    post_once(b, "other", "two", 200, again);
    seat_expect_message(ada, 0, "one");
    seat_expect_message(ada, 0, "two");
    seat_sync(ada);
    ck_assert_int_gt(
        redis_number("EVAL \"return redis.call('TTL',redis.call('KEYS','w:{tea}:k:*')[1])"
                     "\" 0\r\n",
                     ":"),
        200);
    seat_drop(ada);
}
END_TEST

static void move_to(struct seat *seat, const struct server *s, const char *sub)
{
    struct client *before = seat->c;
    char fields[2200];

    seat->c = client_connect(s);
    snprintf(fields, sizeof(fields), "Sec-WebSocket-Protocol: wschat.v1, key.%s\r\n%s", seat->key,
             asker_bearer(asker_token(sub, "tea", "sub,prs")));
    ws_request(seat->c, "/ws/2?room=tea", fields);
    v1_expect_upgrade(seat->c);
    seat_read_welcome(seat);
    ws_expect_close_later(before, 4000);
}

/* A program with the subject that somebody came with may speak for them, wherever they sit; nobody
 * else may. */
START_TEST(who_sits_elsewhere_may_post_by_its_own_id)
{
    struct server *a = asker_node(), *b = asker_node(), *c = asker_node();
    struct seat *ada = enter(a, 1, "sub,prs"), *bob = enter_as(b, 2, "bob", "sub,prs");
    const char *own = asker_token("bob", "tea", "api,pub"),
               *other = asker_token("eve", "tea", "api,pub");
    static const char body[] = "{\"text\":\"mine\",\"from\":2}";

    seat_expect_presence(ada, "join", 2, "");
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(asker_status(a, "POST", "/api/rooms/tea/messages", other, body), 403);
        ck_assert_int_eq(asker_status(a, "POST", "/api/rooms/tea/messages", own, body), 200);
        seat_expect_message(bob, 2, "mine");
        seat_expect_message(ada, 2, "mine");
        if (i == 0)
            move_to(bob, c, "bob");
    }
    seat_drop(ada);
    seat_drop(bob);
}
END_TEST

static struct server *limited_node(void)
{
    struct server *s = node_start_with("--presence-limit", "3");

    server_wait_for(s, "rooms are shared");
    return s;
}

/* All members count, wherever they sit: where they are too many, nobody is told who comes and goes,
 * and no list has more of them. */
START_TEST(members_elsewhere_count_for_the_presence_limit)
{
    struct server *a = limited_node(), *b = limited_node();
    struct seat *ada = seat_open(a, 1, ""), *bob = seat_open(b, 2, ""), *cid = seat_open(b, 3, ""),
                *dot;

    seat_expect_presence(ada, "join", 2, "");
    seat_expect_presence(ada, "join", 3, "");
    seat_expect_presence(bob, "join", 3, "");
    dot = seat_open(a, 4, "");
    ck_assert_uint_eq(dot->count, 4);
    seat_expect(ada, "{'type':'count','count':4}");
    seat_expect(bob, "{'type':'count','count':4}");
    seat_leave(dot);
    seat_expect_presence(ada, "leave", 4, "");
    seat_expect_presence(bob, "leave", 4, "");
    seat_drop(ada);
    seat_drop(bob);
    seat_drop(cid);
}
END_TEST

/* Whoever has the key has the seat, at any node; whoever has another one is told that the id is in
 * use, and the seat stays what it is. */
START_TEST(a_seat_elsewhere_is_its_owners_alone)
{
    struct server *a = node_start(), *b = node_start();
    struct seat *ada = seat_open(a, 1, ""), *eve = seat_open(b, 2, "");
    struct client *thief, *before;
    char query[2 * V1_TEXT + 16];

    seat_expect_presence(ada, "join", 2, "");
    snprintf(query, sizeof(query), "since=%s&key=%s", ada->pos, eve->key);
    thief = v1_connect(b, 1, query);
    ws_expect_close(thief, 4009);
    thief = v1_connect(b, 1, "");
    ws_expect_close(thief, 4009);
    seat_say(ada, "still here");
    seat_expect_message(ada, 1, "still here");
    seat_expect_message(eve, 1, "still here");
    before = seat_connect(ada, b, "");
    seat_read_welcome(ada);
    ck_assert(ada->recovered);
    ws_expect_close(before, 4000);
    thief = v1_connect(a, 1, query);
    ws_expect_close(thief, 4009);
    seat_break(ada);
    seat_await_away(eve, 1);
    thief = v1_connect(a, 1, query); /* nor while its owner is away */
    ws_expect_close(thief, 4009);
    come_back(ada, a, true);
    seat_sync(eve);
    seat_drop(ada);
    seat_drop(eve);
}
END_TEST

/* Somebody elsewhere has no connection for the moment: that is said, and it hears what comes once
 * it is back at a third node. */
START_TEST(who_is_away_elsewhere_is_away)
{
    struct server *a = node_start(), *b = node_start(), *c = node_start();
    struct seat *ada = seat_open(a, 1, ""), *eve = seat_open(b, 2, "");

    seat_expect_presence(ada, "join", 2, "");
    seat_break(eve);
    seat_await_away(ada, 2);
    come_back(eve, c, true);
    seat_send(ada, "{'type':'say','text':'psst','to':2}");
    expect_text(eve, "psst");
    expect_text(ada, "psst");
    seat_break(eve);
    seat_await_away(ada, 2);
    seat_sync(ada); /* nobody has left */
    seat_drop(ada);
    seat_drop(eve);
}
END_TEST

static void expect_in_list(const struct server *s, const char *program, const char *what)
{
    struct response *r = asker_ask(s, "GET", "/api/rooms", program, NULL);

    asker_expect(r, 200);
    if (strstr(r->body, what) == NULL)
        ck_abort_msg("no %s in %s", what, r->body);
    response_free(r);
}

/* Each node lists the rooms that somebody has entered there, with all their members. */
START_TEST(a_list_of_rooms_counts_all_members)
{
    struct server *a = asker_node(), *b = asker_node();
    const char *program = asker_token("program", "tea", "api,prs,pub");
    struct seat *ada = enter(a, 1, "sub,prs"), *bob = enter(b, 2, "sub,prs"),
                *cid = enter(b, 3, "sub,prs");

    seat_expect_presence(ada, "join", 2, "");
    seat_expect_presence(ada, "join", 3, "");
    expect_in_list(a, program, "{\"room\":\"tea\",\"members\":3");
    expect_in_list(b, program, "{\"room\":\"tea\",\"members\":3");
    seat_leave(cid);
    seat_expect_presence(ada, "leave", 3, "");
    expect_in_list(a, program, "{\"room\":\"tea\",\"members\":2");
    seat_drop(ada);
    seat_drop(bob);
}
END_TEST

/* ---- what it costs ---- */

#define TOLD 60

/* What a node has to say in a tick is one call of a script: leases are a few more. */
START_TEST(many_messages_are_few_calls)
{
    struct server *a = node_start();
    struct seat *ada = seat_open(a, 1, ""), *eve = seat_open(a, 2, "");
    unsigned long scripts = redis_calls("evalsha"), entries = redis_calls("xadd");
    struct buf frames;
    char text[64];

    seat_expect_presence(ada, "join", 2, "");
    buf_init(&frames);
    for (int i = 0; i < TOLD; i++) {
        int len = snprintf(text, sizeof(text), "{\"type\":\"say\",\"text\":\"%d\"}", i);

        ws_append(&frames, true, WS_TEXT, text, (size_t)len);
    }
    client_send(ada->c, frames.data, frames.len);
    buf_deinit(&frames);
    for (int i = 0; i < TOLD; i++) {
        snprintf(text, sizeof(text), "%d", i);
        expect_text(ada, text);
        expect_text(eve, text);
    }
    ck_assert_uint_eq(redis_calls("xadd") - entries, TOLD);
    if (!is_tiny()) /* reads take one message each there */
        ck_assert_uint_lt(redis_calls("evalsha") - scripts, TOLD / 4);
    else
        ck_assert_uint_le(redis_calls("evalsha") - scripts, 2 * TOLD);
    seat_drop(ada);
    seat_drop(eve);
}
END_TEST

#define ASKED 20

/* Since the last time, Redis was asked so often, but for leases, of which there may be a few. */
static void expect_asked(unsigned long *before, unsigned long times)
{
    unsigned long now = redis_calls("evalsha");

    ck_assert_uint_ge(now - *before, times);
    ck_assert_uint_le(now - *before, times + ASKED / 4);
    *before = now;
}

/* Whoever comes to a room that its node knows, says something to all or to one, has another name or
 * leaves, is one call of a script. */
START_TEST(each_command_is_one_call)
{
    struct server *a = node_start(), *b = node_start();
    struct seat *ada = seat_open(a, 1, ""), *eve = seat_open(b, 2, ""), *seats[ASKED];
    unsigned long asked;
    char name[16];

    seat_expect_presence(ada, "join", 2, "");
    asked = redis_calls("evalsha");
    for (int i = 0; i < ASKED; i++) {
        seats[i] = seat_open(b, 10 + (uint64_t)i, "history=0");
        seat_expect_presence(ada, "join", 10 + (uint64_t)i, "");
    }
    expect_asked(&asked, ASKED);
    for (int i = 0; i < ASKED; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        seat_send(seats[i], "{'type':'rename','name':'%s'}", name);
        seat_expect_presence(ada, "rename", 10 + (uint64_t)i, name);
    }
    expect_asked(&asked, ASKED);
    for (int i = 0; i < ASKED; i++) {
        seat_say(ada, "all");
        expect_text(ada, "all");
    }
    expect_asked(&asked, ASKED);
    for (int i = 0; i < ASKED; i++) {
        seat_send(ada, "{'type':'say','text':'one','to':%d}", 10 + i);
        expect_text(ada, "one");
    }
    expect_asked(&asked, ASKED);
    for (int i = 0; i < ASKED; i++) {
        ws_send_close(seats[i]->c, 1000, "");
        snprintf(name, sizeof(name), "n%d", i);
        seat_expect_presence(ada, "leave", 10 + (uint64_t)i, name);
        seat_drop(seats[i]);
    }
    expect_asked(&asked, ASKED);
    seat_drop(eve);
    seat_drop(ada);
}
END_TEST

/* A room of long messages is not asked for as a whole: those that come have the newest of it, and
 * one answer is never so long that it could not be taken. */
START_TEST(the_newest_of_long_messages_are_enough)
{
    struct server *a;
    struct seat *ada;
    char *frame;

    redis_do("EVAL \"local k,e='w:{lobby}','7' for i=1,40 do local t=i..' 7 '..(i-1)..' other 0'.."
             "string.char(10)..'M 1 1 0 0 -'..string.char(10)..string.format('%03d ',i).."
             "string.rep('x',1048000) redis.call('XADD',k..':m','0-'..i,'d',t) end "
             "redis.call('HSET',k,'e',e,'g',0,'s',40,'l',40) return 1\" 0");
    a = node_start_with("--max-message", "1m");
    server_wait_for(a, "rooms are shared");
    ada = seat_open(a, 1, "history=1000");
    frame = seat_read(ada);
    ck_assert_ptr_nonnull(strstr(frame, "\"text\":\"009 xxx"));
    free(frame);
    seat_drop(ada);
}
END_TEST

/* Nobody is let into a room that has as many seats as an answer can tell of, and one that has more
 * is told. Both are of that room alone. */
START_TEST(a_room_of_too_many_seats_stops_no_other)
{
    struct server *a = node_start();
    struct seat *ada = seat_open(a, 1, "room=tea");
    const char *newcomer = "/ws/2?room=big&history=0";
    struct client *last;

    redis_do("EVAL \"for i=10,262154 do redis.call('HSET','w:{big}:u',i,'other j - x') end "
             "return redis.call('HSET','w:{big}','e',7,'g',0,'s',0,'l',0)\" 0");
    ws_expect_close(ws_open_with(a, newcomer, ""), 1013);
    server_wait_for(a, "cannot be used");
    server_wait_for(a, "room=big reason=\"ERR it has more than 262144 seats");
    seat_sync(ada);
    redis_do("HDEL w:{big}:u 10");
    ws_expect_close(ws_open_with(a, newcomer, ""), 1013);
    seat_sync(ada);
    redis_do("HDEL w:{big}:u 11");
    last = ws_open_with(a, newcomer, "");
    ws_send_text(last, "in");
    ws_expect_text(last, "You wrote: in");
    ck_assert_int_eq(redis_number("HLEN w:{big}:u\r\n", ":"), 262144);
    ck_assert_int_eq(node_health(a), 200);
    client_close(last);
    seat_drop(ada);
}
END_TEST

/* ---- deaths ---- */

static bool has_ailment(const struct server *s, const char *why)
{
    struct response *r = http_get(s, "/healthz", "");
    bool has = strstr(r->body, why) != NULL;

    ck_assert_int_eq(r->status, 503);
    response_free(r);
    return has;
}

static void await_ailment(const struct server *s, const char *why)
{
    while (!has_ailment(s, why))
        usleep(2000);
}

/* Clients of the node that dies. */
#define LOST 100

/* The next that is told is the leave of one who has not left yet, to both alike. */
static void hear_leave(struct seat *seat, struct client *text, bool has_left[LOST])
{
    char *frame = seat_read(seat), line[64];
    uint64_t id = v1_number(frame, "from");

    ck_assert(v1_matches("{'type':'leave','pos':'*','ts':#,'from':#,'name':''}", frame));
    free(frame);
    ck_assert_uint_ge(id, 100);
    ck_assert_uint_lt(id, 100 + LOST);
    ck_assert(!has_left[id - 100]);
    has_left[id - 100] = true;
    snprintf(line, sizeof(line), "Client #%llu left the chat", (unsigned long long)id);
    ws_expect_text(text, "%s", line);
}

START_TEST(the_seats_of_a_dead_node_leave_once)
{
    struct server *a = node_start(), *doomed = node_start_with("--node", "doomed");
    struct seat *eve = seat_open(a, 2, ""), *ada;
    struct client *text = ws_open_chat(a, 3), *lost[LOST];
    bool has_left[LOST] = {false};

    seat_expect_presence(eve, "join", 3, "");
    ada = seat_open(doomed, 1, "");
    seat_expect_presence(eve, "join", 1, "");
    for (uint64_t i = 0; i < LOST; i++) {
        lost[i] = ws_open_chat(doomed, 100 + i);
        seat_expect_presence(eve, "join", 100 + i, "");
    }
    server_signal(doomed, SIGKILL);
    ck_assert_int_eq(server_wait_exit(doomed), 128 + SIGKILL);
    come_back(ada, a, true); /* its owner is quicker */
    expire_doomed();
    for (int i = 0; i < LOST; i++)
        hear_leave(eve, text, has_left);
    seat_say(eve, "still here");
    seat_expect(eve, "{'type':'message','pos':'*','ts':#,'from':2,'name':'','text':'still here'}");
    expect_text(ada, "still here");
    ws_expect_text(text, "Client #2 says: still here");
    for (int i = 0; i < LOST; i++)
        client_close(lost[i]);
    client_close(text);
    seat_drop(ada);
    seat_drop(eve);
}
END_TEST

/* The lease of the one called "doomed" is over, and its seats were given up by the others. */
START_TEST(a_node_that_was_cut_off_sends_its_people_away)
{
    struct server *a = node_start(), *doomed = node_start_with("--node", "doomed");
    struct seat *eve = seat_open(a, 2, ""), *ada;
    struct client *text;

    server_wait_for(doomed, "rooms are shared");
    ada = seat_open(doomed, 1, "");
    seat_expect_presence(eve, "join", 1, "");
    text = ws_open_chat(doomed, 3);
    seat_expect_presence(ada, "join", 3, "");
    seat_expect_presence(eve, "join", 3, "");
    server_signal(doomed, SIGSTOP);
    expire_doomed();
    for (int i = 0; i < 2; i++) {
        char *frame = seat_read(eve);

        ck_assert(v1_matches("{'type':'leave','pos':'*','ts':#,'from':#,'name':''}", frame));
        free(frame);
    }
    seat_say(eve, "meanwhile");
    expect_text(eve, "meanwhile");
    server_signal(doomed, SIGCONT);
    ws_expect_close_later(text, 1012);
    ws_expect_close_later(ada->c, 1012);
    ada->c = NULL;
    seat_drop(eve);
    seat_drop(ada);
}
END_TEST

/* Its rooms are given up one after the other: it comes back when that is not done yet. */
START_TEST(a_node_that_comes_back_meanwhile_sends_away_who_was_given_up)
{
    struct server *a = node_start(), *b = node_start();
    struct seat *ada = seat_open(a, 1, ""), *bob = seat_open(a, 2, ""), *eve = seat_open(b, 3, "");

    seat_expect_presence(bob, "join", 3, "");
    redis_do("EVAL \"local k='w:{lobby}' redis.call('HDEL',k..':u',1) local h=redis.call('HMGET',k,"
             "'e','s','l') local s=tostring(h[2]+1) redis.call('HSET',k,'s',s) "
             "local t=s..' '..h[1]..' '..h[3]..' other 0'..string.char(10)..'L 1 1 0 0 -'"
             "..string.char(10) redis.call('XADD',k..':p','0-'..s,'d',t) "
             "return redis.call('PUBLISH',k..':c',#t..string.char(10)..t)\" 0");
    ws_expect_close_later(ada->c, 1012);
    ada->c = NULL;
    seat_expect_presence(bob, "leave", 1, "");
    seat_expect_presence(eve, "leave", 1, "");
    ck_assert_uint_eq(bob->count, 2);
    seat_drop(ada);
    ada = seat_open(b, 1, ""); /* the id is free at all nodes */
    seat_expect_presence(bob, "join", 1, "");
    seat_drop(ada);
    seat_drop(bob);
    seat_drop(eve);
}
END_TEST

/* Others may have given its seats up, though it is in the list of nodes again. */
START_TEST(a_node_whose_lease_was_over_looks_again)
{
    struct server *doomed = node_start_with("--node", "doomed");
    struct seat *ada;

    server_wait_for(doomed, "rooms are shared");
    ada = seat_open(doomed, 1, "");
    redis_do("HDEL w:{lobby}:u 1");
    expire_doomed();
    ws_expect_close_later(ada->c, 1012);
    ada->c = NULL;
    seat_drop(ada);
}
END_TEST

/* Everything that Redis had is there again, and nobody was sent away. */
START_TEST(redis_goes_and_comes_back)
{
    struct server *a = node_start(), *b = node_start();
    struct seat *ada = seat_open(a, 1, ""), *eve = seat_open(b, 2, "");

    seat_expect_presence(ada, "join", 2, "");
    ck_assert_int_eq(node_health(a), 200);
    redis_kill();
    server_wait_for(a, "rooms are not available");
    server_wait_for(b, "rooms are not available");
    await_ailment(a, "Connection refused");
    seat_say(ada, "one");
    seat_say(eve, "two");
    redis_start(true);
    for (int i = 0; i < 2; i++) {
        char *x = seat_read(ada), *y = seat_read(eve);

        ck_assert_str_eq(x, y);
        free(x);
        free(y);
    }
    seat_sync(ada);
    seat_sync(eve);
    ck_assert_int_eq(node_health(a), 200);
    seat_drop(ada);
    seat_drop(eve);
}
END_TEST

/* As a replica is that was promoted before the last message had reached it. */
START_TEST(a_lost_tail_is_told)
{
    struct server *a = node_start(), *b = node_start();
    struct seat *ada = seat_open(a, 1, ""), *eve = seat_open(b, 2, "");

    seat_expect_presence(ada, "join", 2, "");
    seat_say(ada, "one");
    seat_say(ada, "two");
    for (int i = 0; i < 2; i++) {
        expect_text(ada, i == 0 ? "one" : "two");
        expect_text(eve, i == 0 ? "one" : "two");
    }
    redis_do("EVAL \"local k='w:{lobby}' redis.call('XDEL',k..':m','0-4') "
             "redis.call('XSETID',k..':m','0-3') redis.call('HSET',k,'s',3,'l',3) return 1\" 0\r\n"
             "DEBUG CHANGE-REPL-ID\r\nCLIENT KILL TYPE normal");
    ws_expect_close_later(ada->c, 1012);
    ws_expect_close_later(eve->c, 1012);
    ada->c = eve->c = NULL;
    come_back(ada, b, false);
    come_back(eve, a, false);
    expect_text(ada, "one");
    expect_text(eve, "one");
    seat_say(eve, "three");
    expect_text(ada, "three");
    expect_text(eve, "three");
    seat_drop(ada);
    seat_drop(eve);
}
END_TEST

/* What cannot be gone on with is said: nobody is left with a hole that it does not know of. */
START_TEST(a_redis_that_lost_all_begins_anew)
{
    struct server *a = node_start(), *b = node_start();
    struct seat *ada = seat_open(a, 1, ""), *eve = seat_open(b, 2, "");

    seat_expect_presence(ada, "join", 2, "");
    seat_say(ada, "one");
    expect_text(ada, "one");
    expect_text(eve, "one");
    redis_do("FLUSHALL");
    ws_expect_close_later(ada->c, 1012);
    ws_expect_close_later(eve->c, 1012);
    ada->c = eve->c = NULL;
    come_back(ada, b, false);
    come_back(eve, a, false);
    seat_say(eve, "two");
    expect_text(ada, "two");
    expect_text(eve, "two");
    seat_drop(ada);
    seat_drop(eve);
}
END_TEST

/* A stream that is ahead of what is known of the room takes no entry: the room begins anew, and no
 * other room notices. */
START_TEST(a_stream_that_takes_nothing_begins_anew)
{
    struct server *a = node_start(), *b = node_start();
    struct seat *ada = seat_open(a, 1, ""), *eve = seat_open(b, 2, ""),
                *bob = seat_open(a, 3, "room=tea");
    static const char *const streams[] = {":m", ":p"};
    char command[64];

    seat_expect_presence(ada, "join", 2, "");
    snprintf(command, sizeof(command), "XADD w:{lobby}%s 0-1000 d x", streams[_i]);
    redis_do(command);
    if (_i == 0)
        seat_say(ada, "one");
    else
        seat_send(ada, "{'type':'rename','name':'ada'}");
    ws_expect_close_later(ada->c, 1012);
    ws_expect_close_later(eve->c, 1012);
    ada->c = eve->c = NULL;
    come_back(ada, b, false);
    come_back(eve, a, false);
    if (_i == 0) {
        expect_text(ada, "one");
        expect_text(eve, "one");
    }
    seat_say(eve, "two");
    expect_text(ada, "two");
    expect_text(eve, "two");
    seat_sync(bob);
    ck_assert_int_eq(node_health(a), 200);
    seat_drop(ada);
    seat_drop(eve);
    seat_drop(bob);
}
END_TEST

/* What somebody deletes, or Redis evicts, of a room: whose seat went with it is sent away as soon
 * as it speaks, and comes back. */
static const struct {
    const char *command;
    bool keeps_eve;
} deletions[] = {
    {"DEL w:{lobby}:u", false},
    {"DEL w:{lobby}", false},
    {"HDEL w:{lobby}:u 1", true},
};

START_TEST(who_has_lost_its_seat_comes_again)
{
    struct server *a = node_start(), *b = node_start();
    struct seat *ada = seat_open(a, 1, ""), *eve = seat_open(b, 2, "");

    seat_expect_presence(ada, "join", 2, "");
    seat_say(ada, "one");
    expect_text(ada, "one");
    expect_text(eve, "one");
    redis_do(deletions[_i].command);
    seat_send(ada, "{'type':'say','text':'lost','ref':'r'}");
    seat_expect_error(ada, "unavailable", "r");
    ws_expect_close_later(ada->c, 1012);
    ada->c = NULL;
    seat_drop(ada);
    if (!deletions[_i].keeps_eve) {
        seat_say(eve, "lost");
        ws_expect_close_later(eve->c, 1012);
        eve->c = NULL;
        seat_drop(eve);
        eve = seat_open(b, 2, "history=0");
    }
    ada = seat_open(b, 1, "history=0");
    seat_say(ada, "two");
    expect_text(ada, "two");
    expect_text(eve, "two");
    ck_assert_uint_eq(ada->count, 2);
    seat_drop(ada);
    seat_drop(eve);
}
END_TEST

/* What another program may leave under the names of one room: what is said there is refused, or the
 * room begins anew where that helps, and no other room notices. */
static const struct {
    const char *command;
    bool begins_anew;
} bad_keys[] = {
    {"SET w:{lobby}:m x", false},
    {"SET w:{lobby}:u x", false},
    {"SET w:{lobby} x", false},
    {"HSET w:{lobby} s x", false},
    {"HSET w:{lobby} g x", false},
    {"HSET w:{lobby}:u 1 x", false},
    {"XADD w:{lobby}:m 18446744073709551615-18446744073709551615 d x", true},
};

START_TEST(a_room_that_is_broken_stops_no_other)
{
    struct server *a = node_start(), *b = node_start();
    struct seat *ada = seat_open(a, 1, ""), *eve = seat_open(b, 2, ""),
                *bob = seat_open(a, 3, "room=tea");

    seat_expect_presence(ada, "join", 2, "");
    redis_do(bad_keys[_i].command);
    seat_send(ada, "{'type':'say','text':'one','ref':'r'}");
    if (bad_keys[_i].begins_anew) {
        ws_expect_close_later(ada->c, 1012);
        ada->c = NULL;
        come_back(ada, b, false);
        expect_text(ada, "one");
    } else {
        seat_expect_error(ada, "unavailable", "r");
    }
    seat_sync(bob);
    ck_assert_int_eq(node_health(a), 200);
    redis_do("FLUSHALL");
    ws_expect_close_later(ada->c, 1012);
    ada->c = NULL;
    come_back(ada, b, false);
    seat_say(ada, "two");
    expect_text(ada, "two");
    seat_drop(ada);
    seat_drop(eve);
    seat_drop(bob);
}
END_TEST

/* What cannot be told of comings and goings is refused to the one who asks. */
START_TEST(a_stream_of_another_kind_is_told)
{
    struct server *a = node_start();
    struct seat *ada = seat_open(a, 1, "");
    struct client *late;

    redis_do("SET w:{lobby}:p x");
    seat_send(ada, "{'type':'rename','name':'ada','ref':'r'}");
    seat_expect_error(ada, "unavailable", "r");
    server_wait_for(a, "what Redis has of a room cannot be used");
    server_wait_for(a, "room=lobby reason=\"WRONGTYPE");
    late = ws_open_chat(a, 2);
    ws_expect_close(late, 1013);
    seat_sync(ada); /* messages have a stream of their own */
    redis_do("DEL w:{lobby}:p");
    seat_send(ada, "{'type':'rename','name':'ada','ref':'r'}");
    seat_expect_presence(ada, "rename", 1, "ada");
    seat_drop(ada);
}
END_TEST

/* Nor does it keep the leaves of other rooms from being told. */
START_TEST(a_broken_room_of_a_dead_node_stops_no_other)
{
    struct server *a = node_start(), *doomed = node_start_with("--node", "doomed");
    struct seat *eve = seat_open(a, 2, ""), *ada;
    struct client *lost[4];
    char room[64];

    server_wait_for(doomed, "rooms are shared");
    ada = seat_open(doomed, 1, "");
    seat_expect_presence(eve, "join", 1, "");
    for (uint64_t i = 0; i < ARRAY_LEN(lost); i++) {
        snprintf(room, sizeof(room), "/ws/%d?room=other%d", 10 + (int)i, (int)i);
        lost[i] = ws_open_with(doomed, room, "");
        ws_send_text(lost[i], "x");
        ws_expect_text(lost[i], "You wrote: x");
    }
    server_signal(doomed, SIGKILL);
    ck_assert_int_eq(server_wait_exit(doomed), 128 + SIGKILL);
    redis_do("SET w:{other0} x\r\nSET w:{other1}:u x\r\nSET w:{other2}:p x");
    redis_do("XADD w:{other3}:p 18446744073709551615-18446744073709551615 d x");
    expire_doomed();
    seat_expect_presence(eve, "leave", 1, "");
    while (redis_number("ZCARD w:nodes\r\n", ":") != 1)
        usleep(2000);
    ck_assert_int_eq(redis_number("HLEN w:{other3}:u\r\n", ":"), 0);
    ck_assert_int_eq(redis_number("XLEN w:{other3}:p\r\n", ":"), 1);
    ck_assert_int_eq(node_health(a), 200);
    for (size_t i = 0; i < ARRAY_LEN(lost); i++)
        client_close(lost[i]);
    client_close(ada->c);
    ada->c = NULL;
    seat_drop(ada);
    seat_drop(eve);
}
END_TEST

static const char *const disturbances[] = {"CLIENT KILL TYPE normal", "CLIENT KILL TYPE pubsub",
                                           "SCRIPT FLUSH"};

START_TEST(nothing_is_lost_or_doubled_by)
{
    struct server *a = node_start(), *b = node_start();
    struct seat *ada = seat_open(a, 1, ""), *eve = seat_open(b, 2, "");
    char text[32];

    for (int i = 0; i < 30; i++) {
        snprintf(text, sizeof(text), "%d", i);
        seat_say(ada, text);
        if (i % 10 == 3)
            redis_do(disturbances[_i]);
    }
    for (int i = 0; i < 30; i++) {
        snprintf(text, sizeof(text), "%d", i);
        expect_text(ada, text);
        expect_text(eve, text);
    }
    seat_sync(ada);
    seat_sync(eve);
    seat_drop(ada);
    seat_drop(eve);
}
END_TEST

/* ---- Redis is there, and does nothing ---- */

static void expect_ailment(const struct server *s, const char *why)
{
    struct response *r = http_get(s, "/healthz", "");

    ck_assert_int_eq(r->status, 503);
    if (strstr(r->body, why) == NULL)
        ck_abort_msg("\"%s\" is said in place of \"%s\"", r->body, why);
    response_free(r);
}

static const struct {
    const char *begins, *ends;
    const char *why;
} ailments[] = {
    {"CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0", "its memory is full"},
    {"CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0",
     "too few replicas"},
    {"REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", "it is a replica"},
};

/* More than go in one batch. */
#define WAITING 100

static const char *waiting_text(int number)
{
    static char text[16];

    snprintf(text, sizeof(text), "waits %d", number);
    return text;
}

START_TEST(what_cannot_be_written_waits)
{
    struct server *a = node_start();
    struct seat *ada = seat_open(a, 1, ""), *eve = seat_open(a, 2, "");

    seat_expect_presence(ada, "join", 2, "");
    redis_do(ailments[_i].begins);
    for (int i = 0; i < WAITING; i++)
        seat_say(ada, waiting_text(i));
    server_wait_for(a, ailments[_i].why);
    expect_ailment(a, ailments[_i].why);
    seat_sync(eve);
    redis_do(ailments[_i].ends);
    for (int i = 0; i < WAITING; i++) {
        expect_text(ada, waiting_text(i));
        expect_text(eve, waiting_text(i));
    }
    ck_assert_int_eq(node_health(a), 200);
    seat_drop(ada);
    seat_drop(eve);
}
END_TEST

/* As many as say more than may wait. */
#define CROWD 80
#define LONG 60000

static void say_long(struct seat *seat)
{
    char text[LONG + 1];

    memset(text, 'x', LONG);
    text[LONG] = '\0';
    seat_send(seat, "{'type':'say','text':'%s','ref':'r'}", text);
}

/* More is said than may wait while the memory of Redis is full: what goes beyond is refused, all
 * else comes once there is room again, each once, and everybody stays. */
START_TEST(what_is_too_much_to_wait_is_refused)
{
    struct server *a = node_start(), *b = node_start();
    struct seat *crowd[CROWD], *eve = seat_open(b, 1000, "room=r0");
    int refused = 0, said = 0;
    char *frame, query[16];

    for (int i = 0; i < CROWD; i++) {
        snprintf(query, sizeof(query), "room=r%d", i);
        crowd[i] = seat_open(a, 1 + (uint64_t)i, query);
    }
    seat_expect_presence(eve, "join", 1, "");
    redis_do("CONFIG SET maxmemory 1");
    for (int i = 0; i < CROWD; i++)
        say_long(crowd[i]);
    server_wait_for(a, "its memory is full");
    ck_assert_int_eq(node_health(a), 503);
    redis_do("CONFIG SET maxmemory 0");
    for (int i = 0; i < CROWD; i++) {
        frame = seat_read(crowd[i]);
        if (v1_has(frame, "pos"))
            said++;
        else
            refused +=
                v1_matches("{'type':'error','code':'unavailable','text':'*','ref':'r'}", frame);
        free(frame);
    }
    ck_assert_int_gt(refused, 0);
    ck_assert_int_eq(refused + said, CROWD);
    ck_assert_int_gt(said, CROWD / 2);
    for (int i = 0; i < CROWD; i++) {
        seat_say(crowd[i], "again");
        seat_expect_message(crowd[i], 1 + (uint64_t)i, "again");
        seat_drop(crowd[i]);
    }
    frame = seat_read(eve);
    ck_assert_ptr_nonnull(strstr(frame, "\"text\":\"xxx"));
    free(frame);
    seat_expect_message(eve, 1, "again");
    seat_drop(eve);
}
END_TEST

START_TEST(a_wrong_password_is_told)
{
    struct server *a = node_start();
    struct seat *ada = seat_open(a, 1, "");

    redis_do("CONFIG SET requirepass secret\r\nCLIENT KILL TYPE pubsub");
    server_wait_for(a, "a password is needed");
    expect_ailment(a, "a password is needed");
    redis_do("AUTH secret\r\nCONFIG SET requirepass \"\"");
    seat_say(ada, "again");
    expect_text(ada, "again");
    seat_drop(ada);
}
END_TEST

static uint16_t unused_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    close(fd);
    return ntohs(address.sin_port);
}

/* In the URL, where what would end it is encoded, or in a file, and with a user in either case. */
START_TEST(who_has_the_password_gets_in)
{
    uint16_t port = unused_port();
    char text[160], file[200];
    FILE *secret;

    snprintf(file, sizeof(file), "%s", test_path("secret"));
    secret = fopen(file, "w");
    ck_assert_ptr_nonnull(secret);
    fputs("p@s/s:%2\nmore\n", secret);
    fclose(secret);
    snprintf(text, sizeof(text),
             "CONFIG SET port %u\r\nACL SETUSER ad@ on >p@s/s:%%2 ~* &* +@all\r\n"
             "ACL SETUSER default off",
             port);
    redis_do(text);
    snprintf(text, sizeof(text), "redis://ad%%40:%s@127.0.0.1:%u",
             _i == 0 ? "p@s%2Fs%3a%252" : "wrong", port);
    if (_i == 0)
        server_wait_for(server_start(LIST("--redis", text)), "rooms are shared");
    else
        server_wait_for(server_start(LIST("--redis", text, "--redis-password-file", file)),
                        "rooms are shared");
}
END_TEST

/* Rights that the user of Redis lacks are told as such, whatever they are needed for, and nobody is
 * led here. */
static const char *const rights[] = {
    "-del",     "-hgetall",   "-xrevrange",    "-srandmember",
    "-publish", "-subscribe", "resetchannels", "resetchannels &w:n:*"};

START_TEST(rights_that_are_missing_are_told)
{
    struct server *a = node_start();
    struct seat *ada = seat_open(a, 1, "");
    char command[128];

    snprintf(command, sizeof(command),
             "ACL SETUSER default %s\r\nCLIENT KILL TYPE pubsub\r\nCLIENT KILL TYPE normal",
             rights[_i]);
    redis_do(command);
    server_wait_for(a, "its user may not do what is needed");
    expect_ailment(a, "its user may not do what is needed");
    redis_do("ACL SETUSER default allchannels +@all");
    seat_say(ada, "again");
    expect_text(ada, "again");
    ck_assert_int_eq(node_health(a), 200);
    seat_drop(ada);
}
END_TEST

/* ... also where they are taken away meanwhile: that is no fault of a room. */
START_TEST(rights_that_are_taken_away_are_told)
{
    struct server *a = node_start_with("--admin", "127.0.0.1:0");
    struct seat *ada = seat_open(a, 1, "");
    char *metrics;

    redis_do("ACL SETUSER default -xadd");
    seat_say(ada, "one");
    server_wait_for(a, "its user may not do what is needed");
    redis_do("ACL SETUSER default +xadd");
    expect_text(ada, "one");
    metrics = metrics_read(a);
    metric_expect(metrics, "wschat_redis_broken_total", 0);
    free(metrics);
    seat_drop(ada);
}
END_TEST

/* There is no replica: what is said is acknowledged once the time has passed, and a line says so.
 */
START_TEST(replicas_that_are_missing_are_told)
{
    struct server *a = node_start_with("--redis-wait", "1:20");
    struct seat *ada;

    server_wait_for(a, "rooms are shared");
    ada = seat_open(a, 1, "");
    seat_say(ada, "one");
    expect_text(ada, "one");
    server_wait_for(a, "without the replicas that --redis-wait asks for");
    seat_say(ada, "two");
    expect_text(ada, "two");
    ck_assert_int_eq(node_health(a), 200);
    seat_drop(ada);
}
END_TEST

/* ---- several of them ---- */

static char urls[REDISES][200];

/* A room that the first, or the second, Redis has. */
static void find_room(uint32_t place, char out[16])
{
    const struct str names[REDISES] = {str_from(urls[0]), str_from(urls[1])};

    for (int i = 0; i < 100; i++) {
        snprintf(out, 16, "room%d", i);
        if (redis_spread_place(names, REDISES, str_from(out)) == place)
            return;
    }
    ck_abort_msg("all rooms are at one place");
}

static void wait_for_redis(struct server *s, int which)
{
    char line[256];

    snprintf(line, sizeof(line), "shared by way of Redis\" redis=%s", urls[which]);
    server_wait_for(s, line);
}

static struct server *spread_start(int first, int second)
{
    struct server *s = server_start(
        LIST("--redis", urls[first], "--redis", urls[second], "--admin", "127.0.0.1:0"));

    for (int i = 0; i < REDISES; i++)
        wait_for_redis(s, i);
    return s;
}

static struct seat *enter_place(const struct server *s, uint64_t id, uint32_t place)
{
    char room[16], query[32];

    find_room(place, room);
    snprintf(query, sizeof(query), "room=%s", room);
    return seat_open(s, id, query);
}

START_TEST(rooms_are_spread_and_wait_for_their_own_redis)
{
    struct server *a, *b;
    struct seat *ada, *eve, *bob, *cid;
    struct response *r;

    redis_start_one(1, true);
    for (int i = 0; i < REDISES; i++)
        snprintf(urls[i], sizeof(urls[i]), "unix:%s", redis_path(i));
    a = spread_start(0, 1);
    b = spread_start(1, 0); /* the order does not matter */
    ada = enter_place(a, 1, 0);
    eve = enter_place(b, 2, 0);
    bob = enter_place(a, 3, 1);
    cid = enter_place(b, 4, 1);
    redis_kill_one(1);
    server_wait_for(a, "rooms are not available");
    for (int is_public = 0; is_public <= 1; is_public++) {
        r = is_public ? http_get(a, "/healthz", "") : admin_get(a, "/healthz");
        ck_assert_int_eq(r->status, 200);
        ck_assert_ptr_nonnull(strstr(r->body, "Redis"));
        ck_assert_int_eq(strstr(r->body, urls[1]) == NULL, is_public);
        ck_assert_ptr_null(strstr(r->body, urls[0]));
        response_free(r);
    }
    seat_say(bob, "waits");
    seat_say(ada, "does not");
    expect_text(ada, "does not");
    expect_text(eve, "does not");
    redis_start_one(1, true);
    expect_text(bob, "waits");
    expect_text(cid, "waits");
    ck_assert_int_eq(node_health(a), 200);
    redis_kill_one(0);
    redis_kill_one(1);
    server_wait_for(a, "closed the connection");
    seat_drop(ada);
    seat_drop(eve);
    seat_drop(bob);
    seat_drop(cid);
}
END_TEST

/* Nodes that would look for a room at different places do not talk past each other. */
START_TEST(nodes_must_agree_on_the_servers)
{
    struct server *a = node_start(), *b;

    redis_start_one(1, true);
    for (int i = 0; i < REDISES; i++)
        snprintf(urls[i], sizeof(urls[i]), "unix:%s", redis_path(i));
    b = server_start(LIST("--redis", urls[0], "--redis", urls[1]));
    server_wait_for(b, "another node has other values of --redis");
    server_signal(a, SIGTERM);
    ck_assert_int_eq(server_wait_exit(a), 0);
    wait_for_redis(b, 0);
}
END_TEST

/* ---- what is no Redis ---- */

static const char *const garbage[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "-ERR go away\r\n",
                                      "*1000000000\r\n", "+OK\r\n+OK\r\n+OK\r\n", ""};

START_TEST(what_is_no_redis_is_told_and_survived)
{
    struct sockaddr_un address = redis_address(0);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;
    struct server *s;

    redis_kill();
    unlink(address.sun_path);
    ck_assert_int_eq(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(listener, 8), 0);
    s = node_start_with("--leave-grace", "600");
    for (int i = 0; i < 6; i++) {
        fd = accept(listener, NULL, NULL);
        ck_assert_int_ge(fd, 0);
        (void)!write(fd, garbage[_i], strlen(garbage[_i]));
        close(fd);
    }
    server_wait_for(s, "rooms are not available");
    ck_assert_int_eq(node_health(s), 503);
    client_close(ws_open_chat(s, 1));
    close(listener);
    redis_start(false);
    server_wait_for(s, "rooms are shared");
    ck_assert_int_eq(node_health(s), 200);
}
END_TEST

static void expect_end(const char *const *args, int status, const char *why)
{
    struct launch launch = {.args = args};
    struct buf out, err;

    buf_init(&out);
    buf_init(&err);
    ck_assert_int_eq(program_run(&launch, &out, &err), status);
    ck_assert_ptr_nonnull(strstr((const char *)err.data, why));
    buf_deinit(&out);
    buf_deinit(&err);
}

START_TEST(options_that_make_no_sense_are_refused)
{
    expect_end(LIST("--redis", "unix:/x", "--journal", test_path("j")), 2, "do not go together");
    expect_end(LIST("--redis", "http://127.0.0.1/"), 1, "--redis: ");
    expect_end(LIST("--redis", "unix:/x", "--redis", "unix:/x"), 1, "named twice");
    expect_end(LIST("--redis", "unix:/x\"y"), 1, "--redis: ");
    expect_end(LIST("--redis", "redis://127.0.0.1/x"), 1, "--redis: ");
    expect_end(LIST("--redis", "redis://me@127.0.0.1/"), 1, "--redis: ");
    expect_end(LIST("--redis", "redis://me:100%@127.0.0.1/"), 1, "%25");
    expect_end(LIST("--redis-prefix", "a:b"), 2, "--redis-prefix");
    expect_end(LIST("--redis-wait", "1"), 2, "--redis-wait");
    expect_end(LIST("--redis-wait", "0:1"), 2, "--redis-wait");
    expect_end(LIST("--redis-wait", "17:1"), 2, "--redis-wait");
    expect_end(LIST("--redis-wait", "1:2001"), 2, "--redis-wait");
    expect_end(LIST("--redis-wait", "16:2000", "--redis", "http://x/"), 1, "--redis: ");
    expect_end(LIST("--redis", "unix:/x", "--redis-password-file", test_path("none")), 1,
               "--redis-password-file");
}
END_TEST

START_TEST(a_port_is_shared)
{
    struct server *s = server_start(LIST("--reuse-port"));
    char port[16];
    struct server *t;

    snprintf(port, sizeof(port), "%u", s->port);
    expect_end(LIST("--port", port), 1, "cannot listen");
    t = server_launch(&(struct launch){.args = LIST("--port", port, "--reuse-port")});
    server_wait_for(t, "listening");
}
END_TEST

Suite *suite_cluster(void)
{
    Suite *suite = suite_create("cluster");
    TCase *tcase = tcase_create("cluster");

    suite_add_tcase(suite, tcase);
    tcase_add_checked_fixture(tcase, nodes_setup, nodes_teardown);
    tcase_add_test(tcase, a_room_is_the_same_everywhere);
    tcase_add_test(tcase, a_seat_moves_to_another_node);
    tcase_add_test(tcase, direct_messages_reach_other_nodes);
    tcase_add_test(tcase, an_errand_that_redis_forgot_is_asked_for_again);
    tcase_add_test(tcase, who_sits_elsewhere_is_put_out_too);
    tcase_add_test(tcase, a_slow_room_and_an_author_are_known_at_all_nodes);
    tcase_add_test(tcase, who_sits_elsewhere_is_banned_too);
    tcase_add_test(tcase, a_ban_holds_for_all_nodes);
    tcase_add_test(tcase, a_key_is_void_once_its_seat_is_put_out);
    tcase_add_test(tcase, programs_are_told_of_who_sits_elsewhere);
    tcase_add_test(tcase, who_sits_elsewhere_may_post_by_its_own_id);
    tcase_add_test(tcase, what_is_to_be_said_once_is_said_once_by_all_nodes);
    tcase_add_test(tcase, all_hear_the_same_in_one_order);
    tcase_add_test(tcase, many_messages_are_few_calls);
    tcase_add_test(tcase, each_command_is_one_call);
    tcase_add_test(tcase, members_elsewhere_count_for_the_presence_limit);
    tcase_add_test(tcase, a_seat_elsewhere_is_its_owners_alone);
    tcase_add_test(tcase, who_is_away_elsewhere_is_away);
    tcase_add_test(tcase, a_list_of_rooms_counts_all_members);
    tcase_add_test(tcase, the_newest_of_long_messages_are_enough);
    tcase_add_test(tcase, a_room_of_too_many_seats_stops_no_other);
    tcase = tcase_create("deaths");
    suite_add_tcase(suite, tcase);
    tcase_add_checked_fixture(tcase, nodes_setup, nodes_teardown);
    tcase_add_test(tcase, the_seats_of_a_dead_node_leave_once);
    tcase_add_test(tcase, a_node_that_was_cut_off_sends_its_people_away);
    tcase_add_test(tcase, a_node_that_comes_back_meanwhile_sends_away_who_was_given_up);
    tcase_add_test(tcase, a_node_whose_lease_was_over_looks_again);
    tcase_add_test(tcase, a_lost_tail_is_told);
    tcase_add_test(tcase, redis_goes_and_comes_back);
    tcase_add_test(tcase, a_redis_that_lost_all_begins_anew);
    tcase_add_loop_test(tcase, a_stream_that_takes_nothing_begins_anew, 0, 2);
    tcase_add_loop_test(tcase, who_has_lost_its_seat_comes_again, 0, ARRAY_LEN(deletions));
    tcase_add_loop_test(tcase, a_room_that_is_broken_stops_no_other, 0, ARRAY_LEN(bad_keys));
    tcase_add_test(tcase, a_stream_of_another_kind_is_told);
    tcase_add_test(tcase, a_broken_room_of_a_dead_node_stops_no_other);
    tcase_add_loop_test(tcase, nothing_is_lost_or_doubled_by, 0, ARRAY_LEN(disturbances));
    tcase = tcase_create("ailments");
    suite_add_tcase(suite, tcase);
    tcase_add_checked_fixture(tcase, nodes_setup, nodes_teardown);
    tcase_add_loop_test(tcase, what_is_no_redis_is_told_and_survived, 0, ARRAY_LEN(garbage));
    tcase_add_loop_test(tcase, what_cannot_be_written_waits, 0, ARRAY_LEN(ailments));
    tcase_add_test(tcase, what_is_too_much_to_wait_is_refused);
    tcase_add_test(tcase, a_wrong_password_is_told);
    tcase_add_loop_test(tcase, who_has_the_password_gets_in, 0, 2);
    tcase_add_loop_test(tcase, rights_that_are_missing_are_told, 0, ARRAY_LEN(rights));
    tcase_add_test(tcase, rights_that_are_taken_away_are_told);
    tcase_add_test(tcase, replicas_that_are_missing_are_told);
    tcase_add_test(tcase, rooms_are_spread_and_wait_for_their_own_redis);
    tcase_add_test(tcase, nodes_must_agree_on_the_servers);
    tcase_add_test(tcase, options_that_make_no_sense_are_refused);
    tcase_add_test(tcase, a_port_is_shared);
    return suite;
}
