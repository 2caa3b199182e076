/* Resuming: since=POS replays exactly what came after it, under any load and however the connection
 * broke. */
#include "v1.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_resume(void);

#define LONG_GRACE "--leave-grace=600"

/* ---- Exact replays ---- */

#define EVENTS_MAX 40

/* What somebody saw, in order, and the position behind each. */
struct log {
    int count;
    char *events[EVENTS_MAX];
    char after[EVENTS_MAX][V1_TEXT];
};

static void log_read(struct log *log, struct seat *seat)
{
    ck_assert_int_lt(log->count, EVENTS_MAX);
    log->events[log->count] = seat_read(seat);
    memcpy(log->after[log->count], seat->pos, V1_TEXT);
    log->count++;
}

static void log_free(struct log *log)
{
    for (int i = 0; i < log->count; i++)
        free(log->events[i]);
}

/* Makes a bit of everything happen in the lobby; `seat` sees it. */
static void fill_log(const struct server *s, struct log *log, struct seat *seat)
{
    struct client *text = ws_open_chat(s, 2);
    struct seat *other = seat_open(s, 3, "name=x");

    log_read(log, seat); /* join */
    log_read(log, seat); /* join */
    ws_send_text(text, "one");
    log_read(log, seat);
    seat_send(seat, "{'type':'say','text':'two','ref':'mine'}");
    log_read(log, seat);
    seat_send(other, "{'type':'rename','name':'y'}");
    log_read(log, seat);
    seat_send(other, "{'type':'say','text':'three'}");
    log_read(log, seat);
    seat_leave(other);
    log_read(log, seat);
    seat_send(seat, "{'type':'rename','name':'z'}");
    log_read(log, seat);
    ws_leave(text);
    log_read(log, seat);
    seat_say(seat, "four");
    log_read(log, seat);
}

/* Whoever enters with that position is replayed the events from number `next` on. */
static void expect_replay(const struct server *s, const struct log *log, const char *since,
                          int next)
{
    struct seat *seat;
    char query[256];

    snprintf(query, sizeof(query), "history=1&since=%s", since);
    seat = seat_open(s, 100, query);
    ck_assert(seat->recovered);
    ck_assert_str_eq(seat->pos, since);
    for (; next < log->count; next++) {
        char *json = seat_read(seat);

        ck_assert_str_eq(json, log->events[next]);
        free(json);
    }
    seat_sync(seat);
    seat_leave(seat);
}

START_TEST(each_position_replays_what_came_after_it)
{
    struct server *s = server_start(NULL);
    struct seat *seat = seat_open(s, 1, "");
    struct log log = {0};
    int count;

    fill_log(s, &log, seat);
    count = log.count;
    for (int i = 0; i < count; i++) {
        expect_replay(s, &log, log.after[i], i + 1);
        /* The visitor came and went: the next one is told of that, too. */
        log_read(&log, seat);
        log_read(&log, seat);
    }
    log_free(&log);
    seat_drop(seat);
}
END_TEST

START_TEST(a_position_may_be_used_again_and_again)
{
    struct server *s = server_start(NULL);
    struct seat *seat = seat_open(s, 1, "");
    struct client *speaker;
    char start[V1_TEXT];

    memcpy(start, seat->pos, sizeof(start));
    speaker = ws_open_chat(s, 2);
    for (int i = 1; i <= 5; i++) {
        ws_send_text(speaker, "x");
        ws_expect_text(speaker, "You wrote: x");
        memcpy(seat->pos, start, sizeof(start));
        ws_expect_close_later(seat_connect(seat, s, ""), 4000);
        seat_read_welcome(seat);
        ck_assert(seat->recovered);
        ck_assert_str_eq(seat->pos, start);
        seat_expect_presence(seat, "join", 1, "");
        seat_expect_presence(seat, "join", 2, "");
        for (int j = 0; j < i; j++)
            seat_expect_message(seat, 2, "x");
        seat_sync(seat);
    }
    client_close(speaker);
    seat_drop(seat);
}
END_TEST

START_TEST(a_welcome_says_where_its_replay_begins)
{
    struct server *s = server_start(NULL);
    struct client *speaker = ws_open_chat(s, 2);
    struct seat *seat;
    char start[V1_TEXT];

    for (int i = 0; i < 5; i++) {
        ws_send_text(speaker, "x");
        ws_expect_text(speaker, "You wrote: x");
    }
    ws_send_text(speaker, "y");
    ws_expect_text(speaker, "You wrote: y");
    seat = seat_open(s, 1, "history=2");
    ck_assert(!seat->recovered);
    memcpy(start, seat->pos, sizeof(start));
    seat_expect_message(seat, 2, "x");
    seat_expect_message(seat, 2, "y");
    /* As if it had been cut off before it read any of it. */
    memcpy(seat->pos, start, sizeof(start));
    ws_expect_close(seat_connect(seat, s, "&history=50"), 4000);
    seat_read_welcome(seat);
    ck_assert(seat->recovered);
    ck_assert_str_eq(seat->pos, start);
    seat_expect_message(seat, 2, "x");
    seat_expect_message(seat, 2, "y");
    seat_expect_presence(seat, "join", 1, "");
    seat_sync(seat);
    client_close(speaker);
    seat_drop(seat);
}
END_TEST

START_TEST(text_clients_can_resume_too)
{
    struct server *s = server_start(NULL);
    struct seat *seat = seat_open(s, 1, "");
    struct client *text;
    char target[256];

    seat_say(seat, "one");
    seat_expect_message(seat, 1, "one");
    snprintf(target, sizeof(target), "/ws/2?since=%s", seat->pos);
    seat_say(seat, "two");
    seat_expect_message(seat, 1, "two");
    text = ws_open_chat(s, 3);
    ws_leave(text);
    text = ws_open(s, target);
    ws_expect_text(text, "Client #1 says: two");
    ws_expect_text(text, "Client #3 left the chat");
    ws_sync(text);
    client_close(text);
    seat_drop(seat);
}
END_TEST

/* ---- Where it is not possible ---- */

/* Whoever enters with that position is told that it is worth nothing, and gets the last message in
 * place of a replay. */
static void expect_not_recovered(const struct server *s, const char *since, const char *last)
{
    struct seat *seat;
    char query[1024];

    snprintf(query, sizeof(query), "room=r&history=1&since=%s", since);
    seat = seat_open(s, 100, query);
    if (seat->recovered)
        ck_abort_msg("recovered from \"%s\"", since);
    seat_expect_message(seat, 1, last);
    seat_sync(seat);
    seat_leave(seat);
}

static const char *const garbage[] = {
    "",
    "0",
    "-",
    "x",
    "-1",
    "0-0",
    "%00",
    "%FF",
    "0000000000000000-0",
    "0000000000000000-1",
    "ffffffffffffffff-1",
    "+",
    "18446744073709551616",
};

/* Ways to spoil a position: with one character more, less, or another one. */
static void expect_spoiled_not_recovered(const struct server *s, const char *pos, const char *last)
{
    char spoiled[V1_TEXT + 8];
    size_t len = strlen(pos);

    /* The last characters are left alone: that may give another position of this room. */
    for (size_t i = 0; i < len - 3; i++) {
        memcpy(spoiled, pos, len + 1);
        spoiled[i] = spoiled[i] == '9' ? '8' : '9';
        expect_not_recovered(s, spoiled, last);
    }
    snprintf(spoiled, sizeof(spoiled), "%s0000", pos);
    expect_not_recovered(s, spoiled, last);
    snprintf(spoiled, sizeof(spoiled), "0%s", pos);
    expect_not_recovered(s, spoiled, last);
    snprintf(spoiled, sizeof(spoiled), "%s+", pos);
    expect_not_recovered(s, spoiled, last);
}

START_TEST(what_is_no_position_recovers_nothing)
{
    char endless[900] = "";
    struct server *s = server_start(NULL);
    struct seat *seat = seat_open(s, 1, "room=r");

    seat_say(seat, "one");
    seat_expect_message(seat, 1, "one");
    seat_say(seat, "two");
    seat_expect_message(seat, 1, "two");
    memset(endless, '1', sizeof(endless) - 1);
    expect_not_recovered(s, endless, "two");
    for (size_t i = 0; i < ARRAY_LEN(garbage); i++)
        expect_not_recovered(s, garbage[i], "two");
    expect_spoiled_not_recovered(s, seat->pos, "two");
    seat_drop(seat);
}
END_TEST

START_TEST(positions_of_elsewhere_recover_nothing)
{
    struct server *s = server_start(NULL);
    struct server *elsewhere = server_start(NULL);
    struct seat *here = seat_open(s, 1, "room=r");
    struct seat *there = seat_open(elsewhere, 1, "room=r");
    struct seat *next = seat_open(s, 2, "room=r2");

    seat_say(here, "x");
    seat_expect_message(here, 1, "x");
    expect_not_recovered(s, there->pos, "x");
    expect_not_recovered(s, next->pos, "x");
    seat_say(there, "y");
    seat_expect_message(there, 1, "y");
    seat_say(next, "z");
    seat_expect_message(next, 2, "z");
    expect_not_recovered(s, there->pos, "x");
    expect_not_recovered(s, next->pos, "x");
    seat_drop(here);
    seat_drop(there);
    seat_drop(next);
}
END_TEST

/* A leave may wait for the log for some ticks; somebody else's pings are answered one in each. */
static void await_ticks(struct server *s)
{
    struct client *other = ws_open(s, "/ws");

    for (int i = 0; i < 8; i++)
        ws_sync(other);
    client_close(other);
}

START_TEST(a_room_that_was_empty_keeps_positions_as_long_as_messages)
{
    struct server *s = server_start(NULL);
    struct seat *seat = seat_open(s, 1, "room=r");
    char query[256];

    /* Nothing was said: the room is gone with the last who leaves. */
    snprintf(query, sizeof(query), "room=r&since=%s", seat->pos);
    seat_leave(seat);
    await_ticks(s);
    seat = seat_open(s, 1, query);
    ck_assert(!seat->recovered);
    seat_say(seat, "x");
    seat_expect_message(seat, 1, "x");
    snprintf(query, sizeof(query), "room=r&since=%s", seat->pos);
    seat_leave(seat);
    seat = seat_open(s, 1, query);
    ck_assert(seat->recovered);
    seat_expect_presence(seat, "leave", 1, "");
    seat_sync(seat);
    seat_leave(seat);
}
END_TEST

START_TEST(too_old_is_told)
{
    struct server *s = server_start(LIST("--history", "3"));
    struct seat *seat = seat_open(s, 1, "room=r");
    char before[5][V1_TEXT];
    char query[256];
    struct seat *late;

    for (int i = 0; i < 5; i++) {
        memcpy(before[i], seat->pos, V1_TEXT);
        seat_say(seat, (char[2]){(char)('0' + i)});
        free(seat_read(seat));
    }
    /* 2, 3 and 4 are kept. */
    snprintf(query, sizeof(query), "room=r&since=%s", before[2]);
    late = seat_open(s, 2, query);
    ck_assert(late->recovered);
    for (int i = 2; i < 5; i++)
        seat_expect_message(late, 1, (char[2]){(char)('0' + i)});
    seat_sync(late);
    seat_leave(late);
    for (int i = 0; i < 2; i++)
        expect_not_recovered(s, before[i], "4");
    seat_drop(seat);
}
END_TEST

START_TEST(without_history_only_the_newest_position_counts)
{
    struct server *s = server_start(LIST("--history", "0"));
    struct seat *seat = seat_open(s, 1, "");
    char before[V1_TEXT];
    char query[256];
    struct seat *late;

    memcpy(before, seat->pos, V1_TEXT);
    seat_say(seat, "x");
    seat_expect_message(seat, 1, "x");
    snprintf(query, sizeof(query), "since=%s", seat->pos);
    late = seat_open(s, 2, query);
    ck_assert(late->recovered);
    seat_sync(late);
    seat_leave(late);
    snprintf(query, sizeof(query), "since=%s", before);
    late = seat_open(s, 2, query);
    ck_assert(!late->recovered);
    seat_sync(late);
    seat_drop(late);
    seat_drop(seat);
}
END_TEST

/* Says so many bytes; returns how long the frame is in which they come back. */
static size_t say_long(struct seat *seat, size_t len)
{
    char *text = malloc(len + 1);
    char *json;
    size_t size;

    ck_assert_ptr_nonnull(text);
    memset(text, 'x', len);
    text[len] = '\0';
    seat_say(seat, text);
    free(text);
    json = seat_read(seat);
    size = strlen(json) + (strlen(json) < 126 ? 2 : 4);
    free(json);
    return size;
}

#define REPLAY_MOST ((size_t)64 * 1024)
#define LONG_TEXT ((size_t)12000)

START_TEST(a_replay_may_be_longer_than_a_client_may_lag)
{
    struct server *s = server_start(LIST("--max-lag", "64k"));
    struct seat *seat = seat_open(s, 1, "");
    char start[V1_TEXT];

    say_long(seat, 1);
    memcpy(start, seat->pos, sizeof(start));
    for (int i = 0; i < 8; i++)
        say_long(seat, LONG_TEXT);
    memcpy(seat->pos, start, sizeof(start));
    ws_expect_close(seat_connect(seat, s, ""), 4000);
    seat_read_welcome(seat);
    ck_assert(seat->recovered);
    for (int i = 0; i < 8; i++)
        free(seat_read(seat));
    seat_sync(seat);
    seat_drop(seat);
}
END_TEST

START_TEST(presence_is_replayed_as_far_as_it_is_kept)
{
    struct server *s = server_start(LIST("--history", "3"));
    struct seat *seat = seat_open(s, 1, "");
    struct client *others[4];

    for (unsigned i = 0; i < ARRAY_LEN(others); i++) {
        others[i] = ws_open_chat(s, 2 + i);
        ws_sync(others[i]); /* it has its seat */
    }
    ws_expect_close_later(seat_connect(seat, s, ""), 4000);
    seat_read_welcome(seat);
    ck_assert(seat->recovered);
    ck_assert_uint_eq(seat->count, 5);
    for (unsigned i = 1; i < ARRAY_LEN(others); i++)
        seat_expect_presence(seat, "join", 2 + i, "");
    seat_sync(seat);
    for (unsigned i = 0; i < ARRAY_LEN(others); i++)
        client_close(others[i]);
    seat_drop(seat);
}
END_TEST

/* ---- Restart ---- */

#define RESENT_FORM                                                                                \
    "{'type':'message','pos':'*','ts':#,'from':1,'name':'ada','text':'%c','ref':'%d'}"

START_TEST(after_a_restart_what_never_came_back_is_sent_again)
{
    struct server *s = server_start(NULL);
    struct seat *seat = seat_open(s, 1, "name=ada");
    struct seat *observer;
    char key[V1_TEXT];

    seat_send(seat, "{'type':'say','text':'a','ref':'1'}");
    seat_expect(seat,
                "{'type':'message','pos':'*','ts':#,'from':1,'name':'ada','text':'a','ref':'1'}");
    server_signal(s, SIGSTOP);
    seat_send(seat, "{'type':'say','text':'b','ref':'2'}");
    seat_send(seat, "{'type':'say','text':'c','ref':'3'}");
    server_signal(s, SIGKILL);
    ck_assert_int_eq(server_wait_exit(s), 128 + SIGKILL);
    client_expect_eof(seat->c);
    seat_break(seat);
    s = server_start(NULL);
    observer = seat_open(s, 2, "");
    memcpy(key, seat->key, sizeof(key));
    seat_connect(seat, s, "&name=ada");
    seat_read_welcome(seat);
    ck_assert(!seat->recovered);
    ck_assert_str_ne(seat->key, key);
    seat_send(seat, "{'type':'say','text':'b','ref':'2'}");
    seat_send(seat, "{'type':'say','text':'c','ref':'3'}");
    seat_expect_presence(observer, "join", 1, "ada");
    for (int i = 0; i < 2; i++) {
        seat_expect(seat, RESENT_FORM, 'b' + i, 2 + i);
        seat_expect(observer, RESENT_FORM, 'b' + i, 2 + i);
    }
    seat_sync(observer);
    seat_sync(seat);
    seat_drop(observer);
    seat_drop(seat);
}
END_TEST

/* ---- Torture ----
 *
 * Five senders flood a room, two of them as plain text. A client of wschat.v1 talks as well, but
 * its connection breaks all the time, at any byte, in any way. It comes back with its key and its
 * position, and sends again what never came back. All must see the same, once, as the observer does
 * who never breaks.
 *
 * One loop drives them all without ever waiting for one of them. */

#define SENDERS 5
#define OBSERVER SENDERS
#define BREAKER (SENDERS + 1)
#define PLAYERS (SENDERS + 2)
#define BREAKS 50

/* Messages that a player has under way. */
#define SENDER_WINDOW 4
#define BREAKER_WINDOW 3

/* Old connections of the breaker that nobody has ended yet. */
#define GHOSTS 2

struct player {
    struct seat seat;
    bool is_text;
    struct buf out; /* still to be sent */
    unsigned said;  /* messages are numbered from 0 */
    unsigned heard; /* of its own, in order: all below came back */
    struct buf seen;
};

struct torture {
    struct server *server;
    struct player players[PLAYERS];
    struct client *ghosts[GHOSTS];
    unsigned breaks;
    unsigned patience; /* frames until the breaker breaks again */
    bool is_hasty;     /* they count at once, not only when the doubt is over */
    unsigned barriers;
    bool is_entering; /* the breaker has not read its welcome */
    bool is_in_doubt; /* what came back of what the breaker said is not known yet */
    uint64_t random;
};

static unsigned pick(struct torture *t, unsigned below)
{
    t->random ^= t->random << 13;
    t->random ^= t->random >> 7;
    t->random ^= t->random << 17;
    return (unsigned)(t->random >> 32) % below;
}

static void queue_text(struct player *p, const char *text)
{
    ws_append(&p->out, true, WS_TEXT, text, strlen(text));
}

static void queue_message(struct player *p, unsigned number)
{
    char text[128];

    if (p->is_text)
        snprintf(text, sizeof(text), "%u", number);
    else
        snprintf(text, sizeof(text), "{\"type\":\"say\",\"text\":\"%u\",\"ref\":\"%u\"}", number,
                 number);
    queue_text(p, text);
}

/* What a player sees: its own messages must come in order, each once. */
static void note(struct player *p, uint64_t from, const char *text)
{
    ck_assert_int_eq(buf_printf(&p->seen, "%llu>%s\n", (unsigned long long)from, text), 0);
    if (from != p->seat.id)
        return;
    ck_assert_uint_eq(strtoul(text, NULL, 10), p->heard);
    ck_assert_uint_lt(p->heard, p->said);
    p->heard++;
}

static void hear_text(struct player *p, const char *line)
{
    unsigned long long from = p->seat.id;
    int text = 0;

    if (sscanf(line, "You wrote: %n", &text), text == 0) {
        if (sscanf(line, "Client #%llu says: %n", &from, &text) != 1 || text == 0)
            ck_abort_msg("a text client got \"%s\"", line);
    }
    note(p, from, line + text);
}

/* The breaker knows now what never came back: it sends that again. */
static void end_doubt(struct torture *t, struct player *p, const char *json)
{
    char ref[V1_TEXT];

    v1_string(json, "ref", ref);
    ck_assert_uint_eq(strtoul(ref, NULL, 10), t->barriers);
    t->is_in_doubt = false;
    for (unsigned i = p->heard; i < p->said; i++)
        queue_message(p, i);
}

static void hear_v1(struct torture *t, struct player *p, const char *json)
{
    char type[V1_TEXT], text[V1_TEXT], ref[V1_TEXT];

    v1_string(json, "type", type);
    if (strcmp(type, "direct") == 0) {
        end_doubt(t, p, json);
        return;
    }
    if (strcmp(type, "join") == 0 && p->heard == 0 && v1_number(json, "from") == p->seat.id) {
        /* Its own, which is behind the position of its first welcome. */
        v1_string(json, "pos", p->seat.pos);
        return;
    }
    if (strcmp(type, "message") != 0)
        ck_abort_msg("\"%.300s\" came to %llu", json, (unsigned long long)p->seat.id);
    v1_string(json, "pos", p->seat.pos);
    v1_string(json, "text", text);
    if (v1_number(json, "from") == p->seat.id) {
        v1_string(json, "ref", ref);
        ck_assert_str_eq(ref, text);
    }
    note(p, v1_number(json, "from"), text);
}

static void hear_frame(struct torture *t, struct player *p, const struct frame *frame)
{
    if (frame->opcode != WS_TEXT)
        ck_abort_msg("frame %d \"%.100s\" came to %llu", (int)frame->opcode,
                     frame->opcode == WS_CLOSE ? frame->data + 2 : frame->data,
                     (unsigned long long)p->seat.id);
    if (p->is_text)
        hear_text(p, frame->data);
    else
        hear_v1(t, p, frame->data);
}

static bool has_whole_frame(const struct client *c)
{
    struct ws_frame_header h;
    int size = c->in.len == 0 ? 0 : ws_frame_decode(&h, c->in.data, c->in.len);

    ck_assert_int_ge(size, 0);
    return size > 0 && c->in.len - (size_t)size >= h.length;
}

static bool has_whole_head(const struct client *c)
{
    return c->in.len > 0 && memmem(c->in.data, c->in.len, "\r\n\r\n", 4) != NULL;
}

/* ---- The breaker ---- */

/* Comes back; what was not sent yet is as if it had never been. */
static void come_back(struct torture *t, struct player *p)
{
    char target[512];

    snprintf(target, sizeof(target), "/ws/%llu?since=%s&key=%s&history=5",
             (unsigned long long)p->seat.id, p->seat.pos, p->seat.key);
    buf_consume(&p->out, p->out.len);
    p->seat.c = client_connect(t->server);
    ws_request(p->seat.c, target, V1_FIELDS);
    t->is_entering = true;
    t->is_in_doubt = true;
    t->is_hasty = pick(t, 3) == 0;
    t->patience = pick(t, 8) == 0 ? 0 : pick(t, 24);
}

static void enter(struct torture *t, struct player *p)
{
    char key[V1_TEXT], barrier[128];

    memcpy(key, p->seat.key, sizeof(key));
    seat_read_welcome(&p->seat);
    ck_assert(p->seat.recovered);
    ck_assert_str_eq(p->seat.key, key);
    ck_assert_uint_eq(p->seat.count, PLAYERS);
    t->is_entering = false;
    snprintf(barrier, sizeof(barrier),
             "{\"type\":\"say\",\"text\":\"\",\"to\":%llu,\"ref\":\"%u\"}",
             (unsigned long long)p->seat.id, ++t->barriers);
    queue_text(p, barrier);
}

static void let_ghost_go(struct torture *t, struct client *c)
{
    struct client **place = &t->ghosts[t->breaks % GHOSTS];

    if (*place != NULL)
        client_reset(*place);
    *place = c;
}

/* Says some more, of which anything from nothing to all gets out. */
static void say_last_words(struct torture *t, struct player *p)
{
    if (!t->is_entering && !t->is_in_doubt) {
        for (unsigned i = pick(t, 4); i > 0; i--)
            queue_message(p, p->said++);
    }
    if (p->out.len > 0)
        client_send_some(p->seat.c, p->out.data, pick(t, (unsigned)p->out.len + 1));
}

static void break_off(struct torture *t, struct player *p)
{
    struct client *c = p->seat.c;

    say_last_words(t, p);
    switch (pick(t, 4)) {
    case 0:
        client_reset(c);
        break;
    case 1:
        client_close(c);
        break;
    case 2:
        client_finish(c);
        let_ghost_go(t, c);
        break;
    default:
        /* It looks as if nothing had happened. */
        let_ghost_go(t, c);
        break;
    }
    t->breaks++;
    come_back(t, p);
}

/* ---- Everybody ---- */

static bool is_over(const struct torture *t)
{
    return t->breaks >= BREAKS;
}

static void speak(const struct torture *t, struct player *p, int number)
{
    unsigned window = number == BREAKER ? BREAKER_WINDOW : SENDER_WINDOW;

    if (number == OBSERVER || is_over(t) ||
        (number == BREAKER && (t->is_entering || t->is_in_doubt)))
        return;
    while (p->said < p->heard + window)
        queue_message(p, p->said++);
}

static void send_out(struct player *p)
{
    if (p->out.len > 0)
        buf_consume(&p->out, client_send_some(p->seat.c, p->out.data, p->out.len));
}

static void hear_one(struct torture *t, struct player *p)
{
    struct frame frame;

    ck_assert(ws_read(p->seat.c, &frame));
    hear_frame(t, p, &frame);
    free(frame.data);
}

/* Uses what the breaker has received, until it breaks. */
static void hear_breaker(struct torture *t, struct player *p)
{
    if (t->is_entering && t->is_hasty && t->patience == 0 && !is_over(t)) {
        break_off(t, p);
        return;
    }
    if (t->is_entering && has_whole_head(p->seat.c)) {
        v1_expect_upgrade(p->seat.c);
        enter(t, p);
    }
    while (!t->is_entering && has_whole_frame(p->seat.c)) {
        hear_one(t, p);
        if (is_over(t) || (t->is_in_doubt && !t->is_hasty))
            continue;
        if (t->patience == 0) {
            break_off(t, p);
            return;
        }
        t->patience--;
    }
}

static void hear(struct torture *t, struct player *p, int number)
{
    if (!client_fill(p->seat.c, p->seat.c->in.len + 1))
        ck_abort_msg("the connection of %llu ended", (unsigned long long)p->seat.id);
    if (number == BREAKER) {
        hear_breaker(t, p);
        return;
    }
    while (has_whole_frame(p->seat.c))
        hear_one(t, p);
}

/* One round: everybody sends what it can and reads what is there. */
static void turn(struct torture *t)
{
    struct pollfd fds[PLAYERS];

    for (int i = 0; i < PLAYERS; i++) {
        struct player *p = &t->players[i];

        speak(t, p, i);
        if (i != BREAKER || !t->is_entering)
            send_out(p);
        fds[i] = (struct pollfd){p->seat.c->fd, POLLIN, 0};
        if (p->out.len > 0)
            fds[i].events |= POLLOUT;
    }
    ck_assert_int_gt(poll(fds, PLAYERS, deadline_ms()), 0);
    for (int i = 0; i < PLAYERS; i++) {
        if ((fds[i].revents & ~POLLOUT) != 0)
            hear(t, &t->players[i], i);
    }
}

static bool is_finished(const struct torture *t)
{
    for (int i = 0; i < PLAYERS; i++) {
        if (t->players[i].heard < t->players[i].said)
            return false;
    }
    return is_over(t) && !t->is_entering && !t->is_in_doubt;
}

/* Reads what is still on its way to a player, up to the answer to a ping. */
static void hear_the_rest(struct torture *t, struct player *p)
{
    struct frame frame;

    ws_send(p->seat.c, true, WS_PING, "end", 3);
    for (;;) {
        ck_assert(ws_read(p->seat.c, &frame));
        if (frame.opcode == WS_PONG)
            break;
        hear_frame(t, p, &frame);
        free(frame.data);
    }
    free(frame.data);
    ck_assert_int_eq(buf_append_char(&p->seen, '\0'), 0);
}

static void join_all(struct torture *t)
{
    for (int i = 0; i < PLAYERS; i++) {
        struct player *p = &t->players[i];

        p->is_text = i < SENDERS && i % 2 == 1;
        p->seat.id = 1 + (uint64_t)i;
        if (p->is_text) {
            p->seat.c = ws_open_chat(t->server, p->seat.id);
        } else {
            p->seat.c = v1_connect(t->server, p->seat.id, "");
            seat_read_welcome(&p->seat);
        }
        for (int j = 0; j < i; j++) {
            if (!t->players[j].is_text)
                seat_expect_presence(&t->players[j].seat, "join", p->seat.id, "");
        }
    }
}

static void check_all(struct torture *t)
{
    struct player *observer = &t->players[OBSERVER];
    unsigned total = 0;

    for (int i = 0; i < PLAYERS; i++)
        hear_the_rest(t, &t->players[i]);
    for (int i = 0; i < PLAYERS; i++) {
        ck_assert_str_eq((char *)t->players[i].seen.data, (char *)observer->seen.data);
        total += t->players[i].said;
    }
    for (const char *at = (char *)observer->seen.data; (at = strchr(at, '\n')) != NULL; at++)
        total--;
    ck_assert_uint_eq(total, 0);
}

static void free_all(struct torture *t)
{
    for (int i = 0; i < PLAYERS; i++) {
        client_close(t->players[i].seat.c);
        buf_deinit(&t->players[i].out);
        buf_deinit(&t->players[i].seen);
    }
    for (int i = 0; i < GHOSTS; i++) {
        if (t->ghosts[i] != NULL)
            client_reset(t->ghosts[i]);
    }
}

static const uint64_t seeds[] = {0x9e3779b97f4a7c15, 0xd1b54a32d192ed03};

START_TEST(who_resumes_fifty_times_sees_every_message_once_and_in_order)
{
    struct torture t = {.random = seeds[_i], .patience = 10};

    t.server = server_start(LIST("--rate", "0", "--rate-bytes", "0", "--max-lag", "16m",
                                 "--history", "100000", "--ping-interval", "0", LONG_GRACE));
    join_all(&t);
    while (!is_finished(&t))
        turn(&t);
    check_all(&t);
    free_all(&t);
}
END_TEST

Suite *suite_resume(void)
{
    Suite *suite = suite_create("resume");
    TCase *exact = harness_case(suite, "exact");
    TCase *impossible = harness_case(suite, "impossible");
    TCase *torture = harness_case(suite, "torture");

    tcase_add_test(exact, each_position_replays_what_came_after_it);
    tcase_add_test(exact, a_position_may_be_used_again_and_again);
    tcase_add_test(exact, a_welcome_says_where_its_replay_begins);
    tcase_add_test(exact, text_clients_can_resume_too);
    tcase_add_test(impossible, what_is_no_position_recovers_nothing);
    tcase_add_test(impossible, positions_of_elsewhere_recover_nothing);
    tcase_add_test(impossible, a_room_that_was_empty_keeps_positions_as_long_as_messages);
    tcase_add_test(impossible, too_old_is_told);
    tcase_add_test(impossible, a_replay_may_be_longer_than_a_client_may_lag);
    tcase_add_test(impossible, presence_is_replayed_as_far_as_it_is_kept);
    tcase_add_test(impossible, without_history_only_the_newest_position_counts);
    tcase_add_test(torture, after_a_restart_what_never_came_back_is_sent_again);
    tcase_add_loop_test(torture, who_resumes_fifty_times_sees_every_message_once_and_in_order, 0,
                        (int)ARRAY_LEN(seeds));
    return suite;
}
