#include "conn_world.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "base/util.h"
#include "hand_pipe.h"
#include "net/socket.h"
#include "pair.h"
#include "proto/codec/codec.h"
#include "session/conn_hand.h"
#include "session/sse.h"
#include "session/ws.h"

struct conn_world world;

const uint64_t world_lengths[CONN_TIMERS] = {
    [STREAM_TIMER_SENDING] = 10000, [STREAM_TIMER_CLOSING] = 3000, [CONN_TIMER_SILENT] = 1000,
    [CONN_TIMER_HANDSHAKE] = 2000,  [CONN_TIMER_IDLE] = 25000,     [CONN_TIMER_PONG] = 5000,
    [CONN_TIMER_THROTTLE] = 10,     [CONN_TIMER_COMMENT] = 5000,
};

static uint8_t long_body[WORLD_BODY];

static const struct ws_reader_limits limits = {
    .max_message = 1000, .accept_deflated = true, .expect_masked = true};

/* ---- the owner ---- */

static void count_release(void *data)
{
    (void)data;
    world.released++;
}

static void respond(struct conn *conn, const char *text, const struct http_body *body, bool goes_on)
{
    struct buf head;

    buf_init(&head);
    ck_assert_int_eq(buf_append_str(&head, str_from(text)), 0);
    http_respond(conn, &head, body, false, goes_on);
    buf_deinit(&head);
}

static void respond_short(struct conn *conn, const char *text)
{
    respond(conn, text, &(struct http_body){.data = NULL}, true);
}

static void on_gone(struct http_wait *wait)
{
    ck_assert_ptr_null(wait->conn);
    world.gone++;
}

static void on_request(struct conn *conn, const struct http_request *request)
{
    struct http_body body = {.data = long_body, .len = WORLD_BODY, .release = count_release};
    char text[128];

    world.requests++;
    if (str_equals(request->path, STR("/ws")) || str_equals(request->path, STR("/told"))) {
        ck_assert(ws_open(conn, STR("HTTP/1.1 101 Switching Protocols\r\n\r\n"), &limits));
        conn->hears_controls = request->path.len == 5;
        conn->codec = CODEC_V1;
    } else if (str_equals(request->path, STR("/events"))) {
        ck_assert(sse_open(conn, STR("[events]")));
    } else if (str_equals(request->path, STR("/later"))) {
        world.wait.on_gone = on_gone;
        http_wait(conn, &world.wait);
    } else if (str_equals(request->path, STR("/long"))) {
        respond(conn, "HTTP/1.1 200 OK\r\n\r\n", &body, true);
    } else {
        snprintf(text, sizeof(text), "[%.*s:%.*s]", (int)request->path.len, request->path.ptr,
                 (int)request->body_len, request->body_len > 0 ? request->body.ptr : "");
        respond_short(conn, text);
    }
}

static size_t body_limit(struct conn *conn, const struct http_request *request)
{
    (void)conn;
    return str_equals(request->path, STR("/body")) ? WORLD_LIMIT : 0;
}

static void on_bad_request(struct conn *conn, int status, const char *text)
{
    (void)text;
    world.refused = status;
    stream_note_end(&conn->stream, STREAM_END_REFUSED, NULL);
    respond(conn, "HTTP/1.1 400 No\r\n\r\n", &(struct http_body){.data = NULL}, false);
}

static int on_message(struct conn *conn, struct ws_message *message)
{
    ws_charge(conn, world.charge);
    world.messages++;
    if (world.echoes)
        ws_send_back(conn, message);
    return 0;
}

static void on_control(struct conn *conn, const struct ws_control *control)
{
    static const char *const names[] = {
        [WS_CLOSE] = "close", [WS_PING] = "ping", [WS_PONG] = "pong"};
    char text[32];
    int len = snprintf(text, sizeof(text), "%s%c%u", names[control->opcode],
                       control->is_sent ? '>' : '<', control->count);

    world.told++;
    ws_send(conn, WS_TEXT, STR(""), text, (size_t)len);
}

static int on_close(struct conn *conn, bool is_broken)
{
    (void)conn;
    world.closed++;
    world.was_broken = is_broken;
    return 0;
}

static void on_free(struct conn *conn)
{
    if (!world.is_handing)
        world.end = (enum stream_end)conn->stream.end;
}

/* ---- by hand ---- */

static void write_long_body(void)
{
    for (size_t i = 0; i < WORLD_BODY; i++)
        long_body[i] = (uint8_t)(i % 251);
}

void world_setup(void)
{
    world = (struct conn_world){.peer = -1};
    ck_assert_int_eq(reactor_init(&world.reactor), 0);
    if (long_body[1] == 0)
        write_long_body();
    for (size_t i = 0; i < CONNS_LIMITS; i++)
        world.conns.limits[i] = &limits;
    world.conns.on_request = on_request;
    world.conns.body_limit = body_limit;
    world.conns.on_bad_request = on_bad_request;
    world.conns.on_message = on_message;
    world.conns.on_control = on_control;
    world.conns.on_close = on_close;
    world.conns.on_free = on_free;
    ck_assert_int_eq(conns_init(&world.conns, &world.reactor, 4, world_lengths), 0);
    world.conns.pool.env.clock.now = 1000000;
    world.conns.pool.env.max_lag = UINT64_MAX;
}

void world_teardown(void)
{
    conns_deinit(&world.conns);
    reactor_deinit(&world.reactor);
    if (world.peer >= 0)
        close(world.peer);
}

void world_open(bool is_tcp, bool has_input, uint64_t silence)
{
    struct peer who = {.is_known = is_tcp};
    int fd = is_tcp ? pair_tcp(&world.peer) : pair_unix(&world.peer);

    world.conn = http_accept(&world.conns, fd, &who);
    stream_start(&world.conn->stream, has_input);
    http_note_silence(world.conn, silence);
}

void world_flush(void)
{
    struct stream_env *env = &world.conns.pool.env;

    stream_env_lift(env);
    do
        stream_env_flush(env);
    while (stream_env_has_output(env));
}

void world_pass(uint64_t ms)
{
    world.conns.pool.env.clock.now += ms;
    stream_env_expire(&world.conns.pool.env);
    world_flush();
    pool_reap(&world.conns.pool);
}

void world_tick(void)
{
    uint64_t now = world.conns.pool.env.clock.now;
    int count = reactor_wait(&world.reactor, now, now);

    stream_env_resume(&world.conns.pool.env);
    reactor_dispatch(&world.reactor, count);
    stream_env_flush(&world.conns.pool.env);
}

void world_serve(void)
{
    for (int i = 0; i < 64; i++)
        world_tick();
}

void world_send(const void *bytes, size_t len)
{
    ck_assert_int_eq(send(world.peer, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
    world_serve();
}

void world_ask(const char *path)
{
    char text[64];
    int len = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);

    world_send(text, (size_t)len);
}

void world_expect(const char *text)
{
    char bytes[256];
    size_t len = 0, wanted = strlen(text);

    world_serve();
    while (len < wanted) {
        ssize_t n = recv(world.peer, bytes + len, wanted - len, 0);

        ck_assert_int_gt(n, 0);
        len += (size_t)n;
    }
    bytes[len] = '\0';
    ck_assert_str_eq(bytes, text);
    ck_assert_int_lt(recv(world.peer, bytes, 1, MSG_DONTWAIT), 1); /* and nothing more */
}

void world_take(size_t len)
{
    static char bytes[65536];

    while (len > 0) {
        ssize_t n = recv(world.peer, bytes, min_size(len, sizeof(bytes)), 0);

        ck_assert_int_gt(n, 0);
        len -= (size_t)n;
    }
}

void world_take_much(void)
{
    int fd = world.conn->stream.source.fd;
    size_t before = socket_unsent(fd);

    for (int i = 0; i < 1000 && socket_unsent(fd) + 20000 > before; i++)
        world_take(1000);
}

void world_hand(struct hand_pipe *pipe)
{
    ck_assert_ptr_null(conns_cannot_hand(&world.conns));
    for (size_t i = 0; i < world.conns.pool.used; i++) {
        struct stream *stream = pool_at(&world.conns.pool, i);

        if (stream == NULL)
            continue;
        hand_begin(&pipe->w, HAND_CONNS);
        conn_hand(&pipe->w, conn_of(stream));
        hand_end(&pipe->w);
    }
    ck_assert(!pipe->w.is_failed);
}

/* As at the start of a process. */
static void forget_conns(void)
{
    world.is_handing = true;
    conns_deinit(&world.conns);
    reactor_deinit(&world.reactor);
    world.is_handing = false;
    world.conns.members = 0;
    ck_assert_int_eq(reactor_init(&world.reactor), 0);
    ck_assert_int_eq(conns_init(&world.conns, &world.reactor, 4, world_lengths), 0);
}

bool world_take_over(struct hand_pipe *pipe)
{
    int fds[4];
    size_t count = conns_descriptors(&world.conns, fds, ARRAY_LEN(fds)), taken = 0;
    bool is_good = true, has_ring;

    for (size_t i = 0; i < count; i++)
        fds[i] = dup(fds[i]);
    forget_conns();
    hand_pipe_rewind(pipe);
    while (taken < count && is_good) {
        is_good = hand_expect(&pipe->r, HAND_CONNS);
        if (is_good)
            is_good = conn_take(&world.conns, &pipe->r, fds[taken++], &has_ring) != NULL &&
                      hand_is_through(&pipe->r);
    }
    while (taken < count)
        close(fds[taken++]);
    world.conn = world.conns.pool.used > 0 ? conn_of(pool_at(&world.conns.pool, 0)) : NULL;
    return is_good && conns_go(&world.conns);
}

void world_hand_over(void)
{
    struct hand_pipe pipe;

    hand_pipe_init(&pipe);
    world_hand(&pipe);
    ck_assert_msg(world_take_over(&pipe), "%s", pipe.r.why);
    hand_pipe_deinit(&pipe);
}

void world_answer(void)
{
    respond_short(world.wait.conn, "[later]");
}

void world_happen(enum happening happening, uint64_t late)
{
    struct stream *stream = &world.conn->stream;

    if (happening == FIN)
        ck_assert_int_eq(shutdown(world.peer, SHUT_WR), 0);
    else if (happening == SHUT)
        conn_close(world.conn, 1011, "enough");
    else if (happening == LAG)
        stream->ops->on_lag(stream);
    else if (happening == OUT)
        stream->ops->on_incomplete(stream);
    else if (happening == DROP)
        stream_drop(stream, STREAM_END_SPARE);
    else if (happening == LATE)
        world_pass(late);
    if (happening == RST) {
        pair_reset(world.peer);
        world.peer = -1;
    }
    world_serve();
}

void world_expect_end(enum stream_end why)
{
    pool_reap(&world.conns.pool);
    ck_assert_uint_eq(world.conns.pool.count, 0);
    ck_assert_int_eq(world.end, why);
}

void world_expect_timeout_within_two(uint64_t period)
{
    world_pass(period);
    if (world.conns.pool.count > 0)
        world_pass(period);
    world_expect_end(STREAM_END_TIMEOUT);
}
