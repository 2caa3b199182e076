/* What a new worker reads of the one before, as somebody may have written it who has taken that
 * one: rooms, people, connections, counters. The checksums of records are made right, and the clock
 * is that of this machine, so that what stands behind them is reached. What was taken over then
 * serves for a moment. */
#include <endian.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/hand.h"
#include "chat/listen.h"
#include "log/memory.h"
#include "net/reactor.h"
#include "server/handover.h"
#include "web/api.h"
#include "web/door.h"
#include "web/entry.h"
#include "web/later.h"
#include "web/router.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PEERS 8
#define TURNS 3
#define TURN_MS 20000 /* so that timers end, too */

static struct {
    struct reactor reactor;
    struct conns conns;
    struct chat chat;
    struct web web;
    struct metrics metrics;
    struct past past;
    struct connection_log connection_log;
    struct acceptor acceptor;
    struct durable durable;
    bool is_ending;
    int fds[PEERS], others[PEERS]; /* both ends */
    size_t count;
    uint8_t chance;
} world;

static void expect(bool is_so)
{
    if (!is_so)
        abort();
}

/* ---- the state ---- */

struct input {
    uint8_t *bytes;
    size_t len, at;
};

static int input_fill(void *owner, void *to, size_t len)
{
    struct input *input = owner;

    if (len > input->len - input->at)
        return -1;
    memcpy(to, input->bytes + input->at, len);
    input->at += len;
    return 0;
}

static void set_record_clock(uint8_t *payload, size_t len)
{
    uint64_t now = htole64(clock_monotonic_ns());

    for (size_t i = 0; i + sizeof(now) <= len && i < 2 * sizeof(now); i += sizeof(now))
        memcpy(payload + i, &now, sizeof(now));
}

/* Also counts the connections, for each comes with a descriptor. */
static void seal(struct input *input)
{
    size_t at = 0;

    while (input->len - at >= HAND_HEADER) {
        uint8_t *header = input->bytes + at;
        uint32_t len, crc;
        uint16_t type;

        memcpy(&len, header, sizeof(len));
        memcpy(&type, header + 8, sizeof(type));
        len = le32toh(len);
        if (len > input->len - at - HAND_HEADER) {
            len = (uint32_t)(input->len - at - HAND_HEADER);
            crc = htole32(len);
            memcpy(header, &crc, sizeof(crc));
        }
        if (le16toh(type) == HANDOVER_CLOCK)
            set_record_clock(header + HAND_HEADER, len);
        world.count += le16toh(type) == HAND_CONNS && world.count < PEERS;
        crc = htole32(crc32c(0, header + 8, len + 2));
        memcpy(header + 4, &crc, sizeof(crc));
        at += HAND_HEADER + len;
    }
}

/* ---- a worker as it is at its start ---- */

static void random_by_hand(void *bytes, size_t len)
{
    for (uint8_t *at = bytes; len > 0; len--)
        *at++ = world.chance++;
}

static void draw_log_seed(void *bytes, size_t len)
{
    memset(bytes, 11, len);
}

static const char *no_realip(struct conn *conn, const struct http_request *request)
{
    (void)conn, (void)request;
    return NULL;
}

static void on_free(struct conn *conn)
{
    if (!world.is_ending)
        web_leave_address(conn);
}

static void set_conns(struct conns *conns)
{
    static const uint64_t lengths[CONN_TIMERS] = {
        [STREAM_TIMER_SENDING] = 10000, [STREAM_TIMER_CLOSING] = 3000, [CONN_TIMER_SILENT] = 1000,
        [CONN_TIMER_HANDSHAKE] = 2000,  [CONN_TIMER_IDLE] = 25000,     [CONN_TIMER_PONG] = 5000,
        [CONN_TIMER_THROTTLE] = 10,     [CONN_TIMER_COMMENT] = 5000,
    };

    conns->owner = &world.web;
    conns->rate = rate_of(1000, 1000);
    conns->on_request = router_request;
    conns->body_limit = api_body_limit;
    conns->on_bad_request = router_bad_request;
    conns->may_speak = entry_may_speak;
    conns->on_message = entry_message;
    conns->on_control = entry_control;
    conns->on_close = entry_close;
    conns->on_free = on_free;
    conns->limits[0] = &world.web.echo_limits;
    conns->limits[1] = &world.web.echo_deflate_limits;
    conns->limits[2] = &world.web.chat_limits;
    conns->limits[3] = &world.web.chat_deflate_limits;
    expect(conns_init(conns, &world.reactor, PEERS, lengths) == 0);
    conns->pool.env.max_lag = 1 << 20;
}

static void set_web(struct web *web)
{
    const struct address_limits limits = {.handshakes = rate_of(1000, 1000),
                                          .requests = rate_of(1000, 1000),
                                          .v4_bits = 32,
                                          .v6_bits = 64};

    idempotency_init(&web->idempotency);
    web->conns = &world.conns;
    web->chat = &world.chat;
    web->base = STR("");
    web->chat_limits = (struct ws_reader_limits){.max_message = 4096, .expect_masked = true};
    web->echo_limits = web->echo_deflate_limits = web->chat_deflate_limits = web->chat_limits;
    web->chat_deflate_limits.accept_deflated = web->echo_deflate_limits.accept_deflated = true;
    web->has_deflate = true;
    web->max_members = PEERS;
    web->realip = no_realip;
    web->gate.anonymous = RIGHTS_PEOPLE;
    web->gate.audience = web->gate.issuer = STR("");
    list_init(&web->later);
    expect(gate_make_key(&web->gate, random_by_hand) == 0);
    expect(address_table_init(&web->addresses, 64, &limits, (struct hash_seed){3, 5}) == 0);
}

static void set_chat(struct chat *chat)
{
    const struct chat_config config = {
        .max_clients = PEERS,
        .payers = 64,
        .max_message = 4096,
        .max_lag = 1 << 20,
        .leave_grace = 10000,
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
                                     .owner = &world.web,
                                     .random = random_by_hand};
    struct log *log = log_memory_new(draw_log_seed);

    expect(log != NULL && chat_init(chat, &config, &hooks, log) == 0);
}

static void world_begin(void)
{
    struct clock *clock = &world.conns.pool.env.clock;

    memset(&world, 0, sizeof(world));
    expect(reactor_init(&world.reactor) == 0);
    set_conns(&world.conns);
    set_web(&world.web);
    set_chat(&world.chat);
    past_init(&world.past);
    world.acceptor.conns = &world.conns;
    clock_read(clock);
    chat_set_time(&world.chat, clock->now, clock->wall);
}

static void free_listeners(void)
{
    for (size_t i = 0; i < world.conns.pool.used; i++) {
        struct stream *stream = pool_at(&world.conns.pool, i);
        struct conn *conn = stream != NULL ? conn_of(stream) : NULL;

        if (conn != NULL && conn->is_listener && conn->member.stream.listener != NULL)
            chat_unlisten(&world.chat, conn->member.stream.listener);
    }
}

static void world_end(void)
{
    free_listeners();
    world.is_ending = true;
    conns_deinit(&world.conns);
    chat_deinit(&world.chat);
    address_table_deinit(&world.web.addresses);
    idempotency_deinit(&world.web.idempotency);
    gate_close(&world.web.gate);
    password_deinit(&world.web.password);
    past_deinit(&world.past);
    reactor_deinit(&world.reactor);
}

/* As the server's. */
static void world_tick(void)
{
    struct stream_env *env = &world.conns.pool.env;
    int count = reactor_wait(&world.reactor, env->clock.now, env->clock.now);

    chat_set_time(&world.chat, env->clock.now, env->clock.wall);
    stream_env_resume(env);
    reactor_dispatch(&world.reactor, count);
    later_tick(&world.web);
    stream_env_expire(env);
    chat_expire(&world.chat);
    gate_expire(&world.web.gate, env->clock.wall);
    chat_commit(&world.chat);
    door_enforce(&world.web);
    do {
        stream_env_flush(env);
        chat_serve(&world.chat, entry_serve);
    } while (stream_env_has_output(env) || chat_has_news(&world.chat));
    pool_reap(&world.conns.pool);
}

static void serve(void)
{
    struct clock *clock = &world.conns.pool.env.clock;

    for (int i = 0; i < TURNS; i++) {
        world_tick();
        clock->now += TURN_MS;
        clock->now_ns += TURN_MS * CLOCK_NS_PER_MS;
        clock->wall += TURN_MS;
        chat_set_time(&world.chat, clock->now, clock->wall);
    }
}

static void open_peers(void)
{
    for (size_t i = 0; i < world.count; i++) {
        int pair[2];

        expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
        world.fds[i] = pair[0];
        world.others[i] = pair[1];
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct handover_parts parts = {.chat = &world.chat,
                                         .conns = &world.conns,
                                         .web = &world.web,
                                         .metrics = &world.metrics,
                                         .past = &world.past,
                                         .connection_log = &world.connection_log,
                                         .acceptor = &world.acceptor,
                                         .durable = &world.durable};
    struct input input = {.bytes = malloc(size + 1), .len = size};
    struct hand_reader r;
    uint64_t frozen;

    expect(input.bytes != NULL);
    if (size > 0)
        memcpy(input.bytes, data, size);
    world_begin();
    seal(&input);
    open_peers();
    hand_reader_init(&r, input_fill, &input);
    if (handover_read(&r, &parts, world.fds, world.count, &frozen))
        serve();
    hand_reader_deinit(&r);
    world_end();
    for (size_t i = 0; i < world.count; i++) {
        close(world.fds[i]); /* which is closed already where it was taken */
        close(world.others[i]);
    }
    free(input.bytes);
    return 0;
}
