#include "web_world.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "base/util.h"
#include "chat/hand.h"
#include "chat/listen.h"
#include "hand_pipe.h"
#include "log/memory.h"
#include "net/socket.h"
#include "pair.h"
#include "session/conn_hand.h"
#include "session/http.h"
#include "web/api.h"
#include "web/door.h"
#include "web/entry.h"
#include "web/hand.h"
#include "web/later.h"
#include "web/router.h"

struct web_world web_world;

#define WEB_NOW UINT64_C(5000000)
#define WEB_WALL UINT64_C(1900000000000)

static const uint64_t lengths[CONN_TIMERS] = {
    [STREAM_TIMER_SENDING] = 10000, [STREAM_TIMER_CLOSING] = 3000, [CONN_TIMER_SILENT] = 1000,
    [CONN_TIMER_HANDSHAKE] = 2000,  [CONN_TIMER_IDLE] = 25000,     [CONN_TIMER_PONG] = 5000,
    [CONN_TIMER_THROTTLE] = 10,     [CONN_TIMER_COMMENT] = 5000,
};

/* The same each time, so that two runs can be compared. */
static void random_by_hand(void *bytes, size_t len)
{
    uint8_t *at = bytes;

    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)(web_world.chance++ * 2654435761u >> 24);
}

static const char *realip(struct conn *conn, const struct http_request *request)
{
    (void)conn, (void)request;
    return NULL;
}

static void on_free(struct conn *conn)
{
    if (!web_world.is_handing)
        web_leave_address(conn);
}

static void set_clock(uint64_t now)
{
    struct clock *clock = &web_world.conns.pool.env.clock;

    clock->now = now;
    clock->now_ns = now * 1000000;
    clock->wall = WEB_WALL + now - WEB_NOW;
    chat_set_time(&web_world.chat, clock->now, clock->wall);
}

static void set_conns(struct conns *conns)
{
    struct web *web = &web_world.web;

    conns->owner = web;
    conns->rate = rate_of(1000, 1000);
    conns->on_request = router_request;
    conns->body_limit = api_body_limit;
    conns->on_bad_request = router_bad_request;
    conns->may_speak = entry_may_speak;
    conns->on_message = entry_message;
    conns->on_control = entry_control;
    conns->on_close = entry_close;
    conns->on_free = on_free;
    conns->limits[0] = &web->echo_limits;
    conns->limits[1] = &web->echo_deflate_limits;
    conns->limits[2] = &web->chat_limits;
    conns->limits[3] = &web->chat_deflate_limits;
    ck_assert_int_eq(conns_init(conns, &web_world.reactor, WEB_PEERS, lengths), 0);
    conns->pool.env.max_lag = UINT64_MAX;
}

static void set_web(struct web *web)
{
    const struct address_limits limits = {.handshakes = rate_of(1000, 1000),
                                          .requests = rate_of(1000, 1000),
                                          .v4_bits = 32,
                                          .v6_bits = 64};

    idempotency_init(&web->idempotency);
    web->conns = &web_world.conns;
    web->chat = &web_world.chat;
    web->base = STR("");
    web->chat_limits = (struct ws_reader_limits){.max_message = 4096, .expect_masked = true};
    web->echo_limits = web->echo_deflate_limits = web->chat_deflate_limits = web->chat_limits;
    web->chat_deflate_limits.accept_deflated = web->echo_deflate_limits.accept_deflated = true;
    web->has_deflate = true;
    web->max_members = WEB_PEERS;
    web->realip = realip;
    web->gate.anonymous = RIGHTS_PEOPLE;
    web->gate.audience = web->gate.issuer = STR("");
    list_init(&web->later);
    ck_assert_int_eq(gate_make_key(&web->gate, random_by_hand), 0);
    ck_assert_int_eq(address_table_init(&web->addresses, 64, &limits, (struct hash_seed){3, 5}), 0);
}

static void draw_log_seed(void *bytes, size_t len)
{
    memset(bytes, 11, len);
}

static void set_chat(struct chat *chat, uint64_t leave_grace)
{
    const struct chat_config config = {
        .max_clients = WEB_PEERS,
        .payers = 64,
        .max_message = 4096,
        .max_lag = 1 << 20,
        .leave_grace = leave_grace,
        .history = 20,
        .history_memory = 1 << 20,
        .presence_limit = 100,
        .typing = true,
        .seed = {7, 9},
    };
    const struct chat_hooks hooks = {.let_go = entry_let_go,
                                     .wake = entry_wake,
                                     .resume = entry_resume,
                                     .take_token = entry_token,
                                     .hear_controls = entry_hear_controls,
                                     .pay = entry_pay,
                                     .identify = door_identify,
                                     .person = door_person,
                                     .is_barred = door_is_shut,
                                     .owner = &web_world.web,
                                     .random = random_by_hand};
    struct log *log = log_memory_new(draw_log_seed);

    ck_assert_ptr_nonnull(log);
    ck_assert_int_eq(chat_init(chat, &config, &hooks, log), 0);
}

/* As at the start of a process. */
static void start(void)
{
    memset(&web_world.conns, 0, sizeof(web_world.conns));
    memset(&web_world.chat, 0, sizeof(web_world.chat));
    memset(&web_world.web, 0, sizeof(web_world.web));
    ck_assert_int_eq(reactor_init(&web_world.reactor), 0);
    set_conns(&web_world.conns);
    set_web(&web_world.web);
    set_chat(&web_world.chat, 10000);
}

/* Who listens is let go where everything ends at once. */
static void free_listeners(void)
{
    for (size_t i = 0; i < web_world.conns.pool.used; i++) {
        struct stream *stream = pool_at(&web_world.conns.pool, i);
        struct conn *conn = stream != NULL ? conn_of(stream) : NULL;

        if (conn != NULL && conn->is_listener && conn->member.stream.listener != NULL)
            chat_unlisten(&web_world.chat, conn->member.stream.listener);
    }
}

static void end(void)
{
    struct web *web = &web_world.web;

    free_listeners();
    web_world.is_handing = true;
    conns_deinit(&web_world.conns);
    web_world.is_handing = false;
    chat_deinit(&web_world.chat);
    address_table_deinit(&web->addresses);
    idempotency_deinit(&web->idempotency);
    gate_close(&web->gate);
    password_deinit(&web->password);
    reactor_deinit(&web_world.reactor);
}

void web_setup(void)
{
    struct buf token;

    web_world = (struct web_world){.chance = 1};
    for (size_t i = 0; i < WEB_PEERS; i++)
        web_world.peers[i].fd = -1;
    start();
    set_clock(WEB_NOW);
    buf_init(&token);
    ck_assert_int_eq(
        gate_make_moderator(&web_world.web.gate, WEB_WALL / 1000 + GATE_MODERATOR_SECONDS, &token),
        0);
    snprintf(web_world.token, sizeof(web_world.token), "%.*s", (int)token.len, token.data);
    buf_deinit(&token);
}

void web_teardown(void)
{
    end();
    for (size_t i = 0; i < WEB_PEERS; i++) {
        if (web_world.peers[i].fd >= 0)
            close(web_world.peers[i].fd);
        buf_deinit(&web_world.peers[i].got);
    }
}

/* ---- the tick ---- */

void web_tick(void)
{
    struct stream_env *env = &web_world.conns.pool.env;
    int count = reactor_wait(&web_world.reactor, env->clock.now, env->clock.now);

    chat_set_time(&web_world.chat, env->clock.now, env->clock.wall);
    stream_env_resume(env);
    reactor_dispatch(&web_world.reactor, count);
    later_tick(&web_world.web);
    stream_env_expire(env);
    chat_expire(&web_world.chat);
    gate_expire(&web_world.web.gate, env->clock.wall);
    chat_commit(&web_world.chat);
    door_enforce(&web_world.web);
    do {
        stream_env_flush(env);
        chat_serve(&web_world.chat, entry_serve);
    } while (stream_env_has_output(env) || chat_has_news(&web_world.chat));
    pool_reap(&web_world.conns.pool);
}

static void serve(void)
{
    for (int i = 0; i < 16; i++)
        web_tick();
}

void web_pass(uint64_t ms)
{
    set_clock(web_world.conns.pool.env.clock.now + ms);
    serve();
}

void web_connect(size_t peer)
{
    struct peer who = {.is_known = true, .port = 1};
    struct web_peer *at = &web_world.peers[peer];
    int small = 1, window = 8192, fd = pair_tcp(&at->fd);

    who.ip = ip_from_v4((uint8_t[]){192, 0, 2, (uint8_t)peer});
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
    ck_assert_int_eq(setsockopt(at->fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof(window)), 0);
    stream_start(&http_accept(&web_world.conns, fd, &who)->stream, false);
}

void web_say(size_t peer, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t n = send(web_world.peers[peer].fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);

        serve();
        if (n <= 0)
            break;
        at += n;
        len -= (size_t)n;
    }
}

void web_ask(size_t peer, const char *request)
{
    web_say(peer, request, strlen(request));
}

void web_take_some(size_t peer, size_t most)
{
    struct web_peer *at = &web_world.peers[peer];

    while (most > 0) {
        uint8_t bytes[4096];
        ssize_t n = recv(at->fd, bytes, min_size(most, sizeof(bytes)), MSG_DONTWAIT);

        serve();
        if (n <= 0)
            break;
        ck_assert_int_eq(buf_append(&at->got, bytes, (size_t)n), 0);
        most -= (size_t)n;
    }
}

static bool is_all_sent(void)
{
    for (size_t i = 0; i < web_world.conns.pool.used; i++) {
        struct stream *stream = pool_at(&web_world.conns.pool, i);

        if (stream != NULL && (!sendq_is_empty(&stream->out) || socket_unsent(stream->source.fd)))
            return false;
    }
    return true;
}

void web_take_all(void)
{
    bool is_over;

    do {
        is_over = is_all_sent();
        for (size_t i = 0; i < WEB_PEERS; i++) {
            if (web_world.peers[i].fd >= 0)
                web_take_some(i, SIZE_MAX);
        }
        usleep(is_over ? 0 : 1000);
        serve();
    } while (!is_over);
}

/* ---- people ---- */

#define HANDSHAKE                                                                                  \
    " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"                        \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

void web_enter_all(void)
{
    char listen[1400];

    for (size_t i = 0; i < PEOPLE; i++)
        web_connect(i);
    web_ask(TEXT_1, "GET /ws/1?room=a" HANDSHAKE "\r\n");
    web_ask(TEXT_2, "GET /ws/2?room=a" HANDSHAKE "\r\n");
    web_ask(V1_1,
            "GET /ws/3?room=a&name=Eve" HANDSHAKE "Sec-WebSocket-Protocol: wschat.v1\r\n\r\n");
    web_ask(V1_PACKED,
            "GET /ws/4?room=a" HANDSHAKE "Sec-WebSocket-Extensions: permessage-deflate\r\n"
            "Sec-WebSocket-Protocol: wschat.v1\r\n\r\n");
    web_ask(OTHER_ROOM, "GET /ws/5?room=b" HANDSHAKE "\r\n");
    snprintf(listen, sizeof(listen),
             "GET /api/rooms/a/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n",
             web_world.token);
    web_ask(LISTENER, listen);
}

/* ---- the hand-over ---- */

void web_hand_all(struct hand_pipe *pipe)
{
    web_tick(); /* who has just taken over may not be through with it */
    ck_assert_ptr_null(conns_cannot_hand(&web_world.conns));
    ck_assert_ptr_null(chat_cannot_hand(&web_world.chat));
    chat_hand(&pipe->w, &web_world.chat);
    web_hand(&pipe->w, &web_world.web);
    ck_assert(!pipe->w.is_failed);
}

bool web_take_over(struct hand_pipe *pipe)
{
    uint64_t now = web_world.conns.pool.env.clock.now;
    unsigned chance = web_world.chance;
    int fds[WEB_PEERS];
    size_t count = conns_descriptors(&web_world.conns, fds, WEB_PEERS);
    bool is_good;

    for (size_t i = 0; i < count; i++)
        fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
    end();
    start();
    set_clock(now);
    web_world.chance = chance;
    if (web_world.before_take != NULL)
        web_world.before_take();
    hand_pipe_rewind(pipe);
    is_good =
        chat_take(&pipe->r, &web_world.chat) && web_take(&web_world.web, &pipe->r, fds, count);
    for (size_t i = 0; !is_good && i < count; i++)
        close(fds[i]);
    is_good = is_good && chat_take_end(&pipe->r, &web_world.chat) && hand_is_through(&pipe->r) &&
              pipe->at == pipe->len;
    return is_good && conns_go(&web_world.conns);
}

void web_hand_over(void)
{
    struct hand_pipe pipe;

    hand_pipe_init(&pipe);
    web_hand_all(&pipe);
    ck_assert_msg(web_take_over(&pipe), "%s", pipe.r.why);
    hand_pipe_deinit(&pipe);
}
