/* A chat with fake connections, for tests: each peer is a send queue whose "socket" takes as many
 * bytes as the test says and keeps them as frames to be read. Flushing does what the server does.
 *
 * Everything here is of the file that includes it. With WORLD_LATE the chat is on a late log, which
 * commits after that many turns (0: a random number). */
#ifndef TESTS_CHAT_WORLD_H
#define TESTS_CHAT_WORLD_H

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "chat/chat.h"
#include "log/memory.h"
#include "proto/ws/frame.h"
#include "unit/json_same.h"
#ifdef WORLD_LATE
#define WORLD_IS_LATE true
#if WORLD_LATE == 0
#define WORLD_NAME "_late_random"
#elif WORLD_LATE == 1
#define WORLD_NAME "_late_one_turn"
#else
#define WORLD_NAME "_late_two_turns"
#endif
#include "unit/late_log.h"
#else
#define WORLD_IS_LATE false
#define WORLD_NAME ""
#endif

#define PEERS 16
#define LOBBY "lobby"

struct peer {
    struct sendq out;
    struct client *client; /* NULL: has no seat */
    size_t window;         /* bytes that its socket takes in one flush */
    bool is_blocked;       /* the socket took less than there was */
    bool is_replaced;
    uint16_t let_go;      /* with this code; 0: not so */
    bool is_cut;          /* left in the middle of a frame */
    bool was_closed;      /* by a flush: too slow, or memory ran out */
    bool leaves_in_flush; /* is found gone by the next flush */
    bool breaks;          /* and then without a close frame */
    bool hears_controls;
    uint8_t *got; /* what arrived; got_read of it was looked at */
    size_t got_len;
    size_t got_cap;
    size_t got_read;
    char key[2 * CLIENT_KEY_SIZE + 1]; /* of the last welcome */
    char pos[CODEC_POS_MAX];           /* of the last event */
};

static struct chat chat;
static struct chat_config config;
static struct peer peers[PEERS];
static unsigned flushes, visits, wakes, resumes, keys_made;

/* ---- hooks ---- */

static inline struct peer *peer_of(struct sendq *out)
{
    return CONTAINER_OF(out, struct peer, out);
}

static inline void on_let_go(struct sendq *out, uint16_t code, const char *reason)
{
    struct peer *peer = peer_of(out);

    ck_assert(peer->client != NULL && strlen(reason) > 0 && out->box == NULL);
    peer->let_go = code;
    peer->is_replaced = code == CLOSE_REPLACED;
    peer->is_cut = out->is_cut;
    peer->client = NULL;
}

static inline void on_wake(struct sendq *out)
{
    ck_assert(peer_of(out)->client != NULL);
    wakes++;
}

static inline void on_resume(struct sendq *out)
{
    ck_assert(peer_of(out)->client != NULL && client_out(peer_of(out)->client) == out);
    resumes++;
}

static inline void on_hear_controls(struct sendq *out, bool is_on)
{
    peer_of(out)->hears_controls = is_on;
}

static inline void on_random(void *bytes, size_t len)
{
    memset(bytes, (int)(0xa0 + ++keys_made), len);
}

/* The connection ends. */
static inline void leave(struct peer *peer, bool is_broken)
{
    struct client *client = peer->client;

    ck_assert(client != NULL);
    peer->client = NULL;
    if (chat_leave(&chat, client, is_broken) < 0)
        peer->is_cut = true;
    ck_assert(peer->out.box == NULL);
}

/* Takes the next bytes from the queue, at most `most`. */
static inline void take(struct peer *peer, size_t most)
{
    while (!sendq_is_empty(&peer->out) && most > 0) {
        struct iovec spans[2];
        size_t bytes, left;
        int n = sendq_gather(&peer->out, spans, 2, &bytes);

        bytes = min_size(bytes, most);
        if (peer->got_len + bytes > peer->got_cap) {
            peer->got_cap = (peer->got_len + bytes) * 2;
            peer->got = realloc(peer->got, peer->got_cap);
            ck_assert(peer->got != NULL);
        }
        left = bytes;
        for (int i = 0; i < n && left > 0; i++) {
            size_t len = min_size(spans[i].iov_len, left);

            memcpy(peer->got + peer->got_len, spans[i].iov_base, len);
            peer->got_len += len;
            left -= len;
        }
        sendq_advance(&peer->out, bytes);
        most -= bytes;
    }
    peer->is_blocked = !sendq_is_empty(&peer->out);
}

/* Must it be closed, because it is too slow or has missed something? */
static inline bool is_hopeless(const struct peer *peer)
{
    return peer->out.is_incomplete || sendq_is_overrun(&peer->out) ||
           (peer->is_blocked && sendq_lag(&peer->out) > config.max_lag);
}

static inline void flush_peer(struct peer *peer)
{
    if (peer->leaves_in_flush) {
        peer->leaves_in_flush = false;
        leave(peer, peer->breaks);
        return;
    }
    if (is_hopeless(peer)) {
        peer->was_closed = true;
        leave(peer, false);
        return;
    }
    take(peer, peer->window);
}

static inline size_t serve(struct sendq *out)
{
    visits++;
    flush_peer(peer_of(out));
    return 0;
}

/* The end of a tick. */
static inline void end_tick(void)
{
    chat_set_time(&chat, chat.now, chat.wall);
    chat_expire(&chat);
    chat_commit(&chat);
    while (chat_has_news(&chat)) {
        flushes++;
        chat_serve(&chat, serve);
    }
}

/* So many ticks that nothing waits any more. */
static inline void settle(void)
{
    do
        end_tick();
    while (chat_deadline(&chat) <= chat.now);
}

/* Lets the log answer all that waits, before anybody is sent anything. */
static inline void commit_all(void)
{
    do
        chat_commit(&chat);
    while (chat.asked > 0);
}

/* ---- the world ---- */

static inline void world_config(void)
{
    config = (struct chat_config){
        .max_clients = PEERS,
        .max_message = 1000,
        .max_lag = 4096,
        .leave_grace = 5000,
        .history = 10,
        .history_memory = 1 << 20,
        .presence_limit = 100,
        .seed = {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9},
    };
}

static const struct hash_seed log_seed = {77, 78};

static inline void draw_log_seed(void *bytes, size_t len)
{
    ck_assert_uint_eq(len, sizeof(log_seed));
    memcpy(bytes, &log_seed, len);
}

static inline struct log *world_log(void)
{
#ifdef WORLD_LATE
    return late_log_new(log_seed, WORLD_LATE);
#else
    return log_memory_new(draw_log_seed);
#endif
}

static inline int world_try_start(void)
{
    const struct chat_hooks hooks = {.let_go = on_let_go,
                                     .wake = on_wake,
                                     .resume = on_resume,
                                     .hear_controls = on_hear_controls,
                                     .random = on_random};
    struct log *log = world_log();

    flushes = visits = wakes = resumes = keys_made = 0;
    for (int i = 0; i < PEERS; i++) {
        peers[i] = (struct peer){.window = SIZE_MAX};
        sendq_init(&peers[i].out);
    }
    if (log == NULL)
        return -1;
    if (chat_init(&chat, &config, &hooks, log) < 0) {
        log->ops->free(log);
        return -1;
    }
    chat_set_time(&chat, 1000, 5);
    return 0;
}

static inline void world_start(void)
{
    ck_assert_int_eq(world_try_start(), 0);
}

static inline void world_setup(void)
{
    world_config();
    world_start();
}

static inline void world_forget_peers(void)
{
    for (int i = 0; i < PEERS; i++) {
        sendq_deinit(&peers[i].out);
        free(peers[i].got);
        peers[i] = (struct peer){.window = SIZE_MAX};
    }
}

static inline void world_teardown(void)
{
    chat_deinit(&chat);
    world_forget_peers();
}

/* Starts again with what the test wrote into `config`. */
static inline void world_restart(void)
{
    world_teardown();
    world_start();
}

static inline void pass(uint64_t milliseconds)
{
    chat_set_time(&chat, chat.now + milliseconds, chat.wall);
    settle();
}

static inline struct channel *room_named(const char *name)
{
    return channel_table_find(&chat.channels, str_from(name));
}

/* A position in a room's order; good for the next few calls. */
static inline const char *pos_in(const char *room, uint64_t seq)
{
    static char out[8][CODEC_POS_MAX];
    static unsigned next;
    char *pos = out[next++ % 8];

    ck_assert_ptr_nonnull(room_named(room));
    codec_pos_write(pos, room_named(room)->log.epoch, seq);
    return pos;
}

/* What the books say about a room must agree with one another. */
static inline void check_room(const struct channel *room)
{
    size_t readers = 0, connected = 0;

    for (int kind = 0; kind < RENDITIONS; kind++) {
        const struct reader_set *set = &room->audience.readers[kind];

        readers += set->count;
        for (size_t i = 0; i < set->count; i++) {
            ck_assert_uint_eq(set->items[i]->slot, i);
            ck_assert_ptr_eq(set->items[i]->box, &room->audience.ring[kind]);
        }
    }
    for (size_t i = 0; i < room->member_count; i++) {
        const struct client *client = room->members[i];

        ck_assert_uint_eq(client->member, i);
        ck_assert_ptr_eq(client->channel, room);
        ck_assert_ptr_eq(client_table_find(&chat.clients, client->id), client);
        connected += client->state == SEAT_CONNECTED;
    }
    ck_assert_uint_eq(readers, connected);
    ck_assert(channel_is_wanted(room));
    ck_assert_uint_eq(room->weighed, room->record_bytes + CHAT_ROOM_COST);
    ck_assert(list_is_linked(&room->weight) == (room->record_bytes > 0));
    ck_assert(room->is_deserted == (room->member_count == 0));
}

/* What the records of a history cost; adds what their frames do. */
static inline size_t count_records(const struct history *history, size_t *frames)
{
    size_t bytes = 0;

    for (size_t i = 0; i < history->count; i++) {
        const struct record *record = history_at(history, i);

        bytes += record->cost;
        *frames += record->frame_cost;
        ck_assert(list_is_linked(&record->encoded) == (record->frame_cost > 0));
    }
    return bytes;
}

/* Every seat is in a room, or something is on its way for it. */
static inline void check_seats(size_t members)
{
    size_t seats = 0, asked = 0;

    for (size_t i = 0; i < chat.clients.used; i++) {
        const struct client *client = &chat.clients.clients[i];

        if (client->id == 0)
            continue;
        seats += client->channel != NULL;
        asked += client->asked;
        ck_assert(client->channel != NULL || client->asks == SEAT_ASKS_JOIN ||
                  client->list != CLIENT_LIST_NONE);
    }
    ck_assert_uint_eq(members, seats);
    ck_assert_uint_le(asked, chat.asked);
}

/* And so must those of the whole chat. */
static inline void check_books(void)
{
    size_t members = 0, rooms = 0, bytes = 0, frames = 0, halves = 0;

    for (size_t i = 0; i < chat.channels.size; i++) {
        for (const struct channel *r = chat.channels.buckets[i]; r != NULL; r = r->next_in_bucket) {
            check_room(r);
            members += r->member_count;
            rooms++;
            bytes += count_records(&r->messages, &frames) + count_records(&r->presence, &frames) +
                     count_records(&r->marks, &frames) + count_records(&r->rules, &frames);
            halves += r->weighed;
        }
    }
    check_seats(members);
    ck_assert_uint_eq(rooms, chat.channels.count);
    ck_assert_uint_eq(bytes, chat.record_bytes);
    ck_assert_uint_eq(frames, chat.frame_bytes);
    ck_assert(list_is_empty(&chat.encoded) == (frames == 0));
    ck_assert_uint_eq(halves, chat.halves[false] + chat.halves[true]);
    ck_assert_uint_le(bytes, config.history_memory);
}

/* ---- what peers do ---- */

static inline struct chat_entry entry_of(uint64_t id, enum codec_kind codec)
{
    return (struct chat_entry){.id = id, .codec = codec, .room = STR(LOBBY)};
}

/* Lets the log decide what it was asked for: until this peer is connected, or is not. */
static inline void await_seat(struct peer *peer)
{
    while (peer->client != NULL && client_out(peer->client) != &peer->out)
        end_tick();
}

static inline enum chat_result try_enter(struct peer *peer, const struct chat_entry *entry)
{
    enum chat_result result;

    ck_assert_ptr_null(peer->client);
    result = chat_enter(&chat, entry, &peer->out, &peer->client);
    await_seat(peer);
    ck_assert(peer->client == NULL || result == CHAT_OK);
    return result;
}

static inline void enter_as(struct peer *peer, const struct chat_entry *entry)
{
    ck_assert_int_eq(try_enter(peer, entry), CHAT_OK);
    ck_assert_ptr_nonnull(peer->client);
}

static inline void enter(struct peer *peer, uint64_t id, enum codec_kind codec)
{
    struct chat_entry entry = entry_of(id, codec);

    enter_as(peer, &entry);
}

/* A peer whose connection is gone gets a new one. */
static inline void reconnect(struct peer *peer)
{
    ck_assert_ptr_null(peer->client);
    sendq_deinit(&peer->out);
    peer->got_len = peer->got_read = 0;
    peer->is_blocked = peer->is_replaced = peer->is_cut = peer->was_closed = false;
    peer->leaves_in_flush = false;
    peer->let_go = 0;
}

/* A connection holds its input while its client may not speak. */
static inline void await_turn(struct peer *peer)
{
    ck_assert_ptr_nonnull(peer->client);
    while (!chat_may_speak(&chat, peer->client)) {
        end_tick();
        ck_assert_ptr_nonnull(peer->client);
    }
}

static inline int try_send(struct peer *peer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline int try_send(struct peer *peer, const char *format, ...)
{
    char message[32768];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    ck_assert_uint_lt((size_t)len, sizeof(message));
    await_turn(peer);
    return chat_receive(&chat, peer->client, message, (size_t)len);
}

#define SEND(peer, ...) ck_assert_int_eq(try_send(peer, __VA_ARGS__), 0)

/* ---- what peers see ---- */

/* Copies the string after "name":" of a JSON text. */
static inline void copy_member(const char *json, const char *name, char *out, size_t size)
{
    char pattern[32];
    const char *at;
    size_t len;

    snprintf(pattern, sizeof(pattern), "\"%s\":\"", name);
    at = strstr(json, pattern);
    if (at == NULL)
        return;
    at += strlen(pattern);
    len = strcspn(at, "\"");
    ck_assert_uint_lt(len, size);
    memcpy(out, at, len);
    out[len] = '\0';
}

/* The next message that has arrived in full, or NULL; good until the next call. */
static inline const char *next_message(struct peer *peer)
{
    static char message[70000];
    struct ws_frame_header header;
    size_t left = peer->got_len - peer->got_read;
    int size;

    if (left == 0)
        return NULL;
    size = ws_frame_decode(&header, peer->got + peer->got_read, left);
    ck_assert_int_ge(size, 0);
    if (size == 0 || left - (size_t)size < header.length)
        return NULL;
    ck_assert(header.fin && !header.masked && header.rsv == 0 && header.opcode == WS_TEXT);
    ck_assert_uint_lt(header.length, sizeof(message));
    memcpy(message, peer->got + peer->got_read + size, (size_t)header.length);
    message[header.length] = '\0';
    peer->got_read += (size_t)size + (size_t)header.length;
    if (message[0] == '{') {
        ck_assert_int_eq(message[header.length - 1], '}');
        copy_member(message, "pos", peer->pos, sizeof(peer->pos));
        copy_member(message, "key", peer->key, sizeof(peer->key));
    }
    return message;
}

/* Ends the tick and gets everything that is there for a peer whose socket is not narrowed. */
static inline void fetch(struct peer *peer)
{
    settle();
    if (peer->client != NULL && is_hopeless(peer)) {
        flush_peer(peer);
        settle();
    }
    if (peer->window == SIZE_MAX)
        take(peer, SIZE_MAX);
}

static inline void expect(struct peer *peer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline void expect(struct peer *peer, const char *format, ...)
{
    char expected[8192];
    const char *message;
    va_list args;

    fetch(peer);
    va_start(args, format);
    vsnprintf(expected, sizeof(expected), format, args);
    va_end(args);
    message = next_message(peer);
    if (message == NULL)
        ck_abort_msg("peer %td: nothing\ninstead of\n%s", peer - peers, expected);
    else if (!json_same(message, strlen(message), expected, strlen(expected)))
        ck_abort_msg("peer %td: %s\ninstead of\n%s", peer - peers, message, expected);
}

/* The next message begins with this. */
static inline void expect_start(struct peer *peer, const char *start)
{
    const char *message;

    fetch(peer);
    message = next_message(peer);
    if (message == NULL || strncmp(message, start, strlen(start)) != 0)
        ck_abort_msg("peer %td: %s\ninstead of\n%s...", peer - peers,
                     message == NULL ? "nothing" : message, start);
}

static inline void expect_nothing(struct peer *peer)
{
    const char *message;

    fetch(peer);
    message = next_message(peer);
    if (message != NULL)
        ck_abort_msg("peer %td: %s\ninstead of nothing", peer - peers, message);
    ck_assert_uint_eq(peer->got_read, peer->got_len);
}

/* Forgets what has arrived until now, but for key and pos. */
static inline void skip_all(struct peer *peer)
{
    fetch(peer);
    while (next_message(peer) != NULL)
        ;
}

#endif
