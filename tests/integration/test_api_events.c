/* Event streams: what a listener hears, how it comes back, and how a stream ends. */
#include "asker.h"
#include "v1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_api_events(void);

#define EVENTS "/api/rooms/tea/events"

struct event_read {
    char id[V1_TEXT]; /* empty: it had none */
    char type[32];
    char data[4096];
};

/* ---- listening ---- */

/* Asks for a stream, whose head is read. `fields`: further field lines. */
static struct client *listen_with(const struct server *s, const char *target, const char *token,
                                  const char *fields)
{
    struct client *c = client_connect(s);
    struct response *r;

    asker_send(c, "GET", target, token, fields, NULL);
    r = response_read(c, true);
    ck_assert_int_eq(r->status, 200);
    ck_assert_str_eq(response_field(r, "Content-Type"), "text/event-stream");
    ck_assert_str_eq(response_field(r, "X-Accel-Buffering"), "no");
    ck_assert_ptr_null(response_field(r, "Content-Length"));
    ck_assert_ptr_null(response_field(r, "Transfer-Encoding"));
    ck_assert_str_eq(response_field(r, "Connection"), "close");
    ck_assert_str_eq(response_field(r, "Cache-Control"), "no-store");
    response_free(r);
    return c;
}

/* Reads one line, without its end, which must come. */
static void read_line(struct client *c, char *out, size_t size)
{
    const char *end;
    size_t len;

    while ((end = c->in.len > 0 ? memchr(c->in.data, '\n', c->in.len) : NULL) == NULL)
        ck_assert(client_fill(c, c->in.len + 1));
    len = (size_t)(end - (const char *)c->in.data);
    ck_assert_uint_lt(len, size);
    memcpy(out, c->in.data, len);
    out[len] = '\0';
    buf_consume(&c->in, len + 1);
}

/* Reads one event; comments are skipped. */
static void read_event(struct client *c, struct event_read *event)
{
    static char line[8192];

    *event = (struct event_read){.id = ""};
    for (;;) {
        read_line(c, line, sizeof(line));
        if (strncmp(line, "id: ", 4) == 0)
            snprintf(event->id, sizeof(event->id), "%.100s", line + 4);
        else if (strncmp(line, "event: ", 7) == 0)
            snprintf(event->type, sizeof(event->type), "%.30s", line + 7);
        else if (strncmp(line, "data: ", 6) == 0)
            snprintf(event->data, sizeof(event->data), "%.4000s", line + 6);
        else if (line[0] == '\0' && event->type[0] != '\0')
            return;
        else
            ck_assert(line[0] == '\0' || line[0] == ':' || strncmp(line, "retry: ", 7) == 0);
    }
}

static void expect_event(struct client *c, const char *type, const char *template, char *id)
{
    struct event_read event;

    read_event(c, &event);
    ck_assert_str_eq(event.type, type);
    if (!v1_matches(template, event.data))
        ck_abort_msg("%s does not match %s", event.data, template);
    if (id != NULL)
        memcpy(id, event.id, V1_TEXT);
}

static bool expect_welcome(struct client *c, char *id)
{
    struct event_read event;

    read_event(c, &event);
    ck_assert_str_eq(event.type, "welcome");
    if (id != NULL)
        memcpy(id, event.id, V1_TEXT);
    return strstr(event.data, "\"recovered\":true") != NULL;
}

#define SAID(text) "{'type':'message','pos':'*','ts':#,'from':0,'name':'','text':'" text "'}"

/* ---- what is heard ---- */

START_TEST(a_listener_hears_what_a_client_does)
{
    struct server *s = asker_server(NULL);
    const char *bot = asker_token("bot", "tea", "api,pub,sub,prs");
    struct client *c = listen_with(s, EVENTS, bot, "");
    char id[V1_TEXT], pos[V1_TEXT];
    struct client *text;

    ck_assert(!expect_welcome(c, NULL));
    asker_post(s, "tea", bot, "hi\\n\\\"", pos);
    expect_event(c, "message", SAID("hi\\n\\\""), id);
    ck_assert_str_eq(id, pos);
    text = ws_open_with(s, "/ws/5?room=tea", asker_bearer(bot));
    expect_event(c, "join", "{'type':'join','pos':'*','ts':#,'from':5,'name':''}", NULL);
    ws_send_text(text, "x");
    expect_event(c, "message", "{'type':'message','pos':'*','ts':#,'from':5,'name':'','text':'x'}",
                 NULL);
    ws_expect_text(text, "You wrote: x");
    ws_leave(text);
    expect_event(c, "leave", "{'type':'leave','pos':'*','ts':#,'from':5,'name':''}", NULL);
    client_close(c);
    server_stop(s);
}
END_TEST

START_TEST(who_may_not_know_who_is_there_is_not_told)
{
    struct server *s = asker_server(NULL);
    const char *bot = asker_token("bot", "tea", "api,pub,sub");
    struct client *c = listen_with(s, EVENTS, asker_token("ear", "tea", "sub"), "");
    struct event_read event;

    read_event(c, &event);
    ck_assert(!v1_has(event.data, "count"));
    ws_leave(ws_open_with(s, "/ws/5?room=tea", asker_bearer(bot)));
    asker_post(s, "tea", bot, "a", NULL);
    expect_event(c, "message", SAID("a"), NULL);
    client_close(c);
    server_stop(s);
}
END_TEST

/* ---- coming back ---- */

START_TEST(a_listener_goes_on_where_it_was)
{
    struct server *s = asker_server(NULL);
    const char *bot = asker_token("bot", "tea", "api,pub,sub,hst");
    struct client *c = listen_with(s, EVENTS, bot, "");
    char id[V1_TEXT], field[V1_TEXT + 32], target[V1_TEXT + 64], first[V1_TEXT];

    expect_welcome(c, id);
    asker_post(s, "tea", bot, "a", first);
    expect_event(c, "message", SAID("a"), id);
    client_close(c);
    asker_post(s, "tea", bot, "b", NULL);
    asker_post(s, "tea", bot, "c", NULL);
    snprintf(field, sizeof(field), "Last-Event-ID: %s\r\n", id);
    snprintf(target, sizeof(target), EVENTS "?since=%s", "0000000000000000-0");
    c = listen_with(s, target, bot, field); /* what the browser says counts */
    ck_assert(expect_welcome(c, first));
    ck_assert_str_eq(first, id);
    expect_event(c, "message", SAID("b"), NULL);
    expect_event(c, "message", SAID("c"), NULL);
    client_close(c);
    snprintf(target, sizeof(target), EVENTS "?since=%s", id);
    c = listen_with(s, target, bot, "");
    ck_assert(expect_welcome(c, NULL));
    expect_event(c, "message", SAID("b"), NULL);
    client_close(c);
    server_stop(s);
}
END_TEST

START_TEST(what_cannot_be_gone_on_from_is_told)
{
    struct server *s = asker_server(NULL);
    const char *bot = asker_token("bot", "tea", "api,pub,sub,hst"),
               *deaf = asker_token("d", "tea", "sub");
    char pos[V1_TEXT], field[V1_TEXT + 32];
    struct client *c;

    asker_post(s, "tea", bot, "a", pos);
    asker_post(s, "tea", bot, "b", NULL);
    c = listen_with(s, EVENTS "?since=nonsense&last=1", bot, "");
    ck_assert(!expect_welcome(c, NULL));
    expect_event(c, "message", SAID("b"), NULL);
    client_close(c);
    snprintf(field, sizeof(field), "Last-Event-ID: %s\r\n", pos);
    c = listen_with(s, EVENTS, deaf, field); /* nothing of before without hst */
    ck_assert(!expect_welcome(c, NULL));
    asker_post(s, "tea", bot, "c", NULL);
    expect_event(c, "message", SAID("c"), NULL);
    client_close(c);
    server_stop(s);
}
END_TEST

/* Breaks wherever it may be, within an event too, and goes on: nothing is lost or comes twice. */
START_TEST(breaks_lose_and_double_nothing)
{
    enum { BREAKS = 20, MESSAGES = 100 };
    struct server *s = asker_server(LIST("--history", "1000"));
    const char *bot = asker_token("bot", "tea", "api,pub,sub,hst");
    char id[V1_TEXT] = "0-0", field[V1_TEXT + 32], text[V1_TEXT];
    unsigned next = 0, said = 0;
    struct client *c = NULL;

    while (next < MESSAGES) {
        struct event_read event;
        unsigned until = said + MESSAGES / BREAKS;

        if (c == NULL) {
            snprintf(field, sizeof(field), "Last-Event-ID: %s\r\n", id);
            c = listen_with(s, EVENTS, bot, field);
            expect_welcome(c, id);
        }
        for (; said < until && said < MESSAGES; said++) {
            snprintf(text, sizeof(text), "m%u", said);
            asker_post(s, "tea", bot, text, NULL);
        }
        for (unsigned count = 1 + said % 4; count > 0 && next < said; count--) {
            read_event(c, &event);
            v1_string(event.data, "text", text);
            ck_assert_uint_eq(strtoul(text + 1, NULL, 10), next++);
            memcpy(id, event.id, sizeof(id));
        }
        if (next % 3 == 0)
            client_reset(c);
        else
            client_close(c);
        c = NULL;
    }
    server_stop(s);
}
END_TEST

/* Ten speak without waiting for anything, while a listener is cut off at whatever byte that is, and
 * goes on behind the last event that it had whole, as a browser does. */
enum { SENDERS = 10, CUTS = 20, EACH = 3, ALL_SAID = SENDERS * CUTS * EACH };

struct heard {
    char id[V1_TEXT];           /* of the last event */
    unsigned order[ALL_SAID];   /* sender * 1000 + number */
    unsigned next[SENDERS + 1]; /* of each sender */
    unsigned count;
};

static void hear(struct heard *heard, const struct event_read *event)
{
    char text[V1_TEXT];
    uint64_t from;

    memcpy(heard->id, event->id, sizeof(heard->id));
    if (strcmp(event->type, "welcome") == 0) {
        ck_assert_ptr_nonnull(strstr(event->data, "\"recovered\":true"));
        return;
    }
    from = v1_number(event->data, "from");
    v1_string(event->data, "text", text);
    ck_assert_uint_le(from, SENDERS);
    ck_assert_uint_eq(strtoul(text, NULL, 10), heard->next[from]++);
    ck_assert_uint_lt(heard->count, ALL_SAID);
    heard->order[heard->count++] = (unsigned)from * 1000 + heard->next[from];
}

static struct client *listen_behind(const struct server *s, const char *token, const char *id)
{
    char field[V1_TEXT + 32];

    snprintf(field, sizeof(field), "Last-Event-ID: %s\r\n", id);
    return listen_with(s, EVENTS, token, field);
}

/* Is there a whole event? */
static bool has_event(const struct client *c)
{
    return c->in.len > 0 && memmem(c->in.data, c->in.len, "\n\n", 2) != NULL;
}

/* Takes so many bytes and not one more, hears what is whole in them, and breaks. */
static void hear_bytes(struct client *c, size_t bytes, bool is_reset, struct heard *heard)
{
    struct event_read event;

    ck_assert(client_fill(c, bytes));
    c->in.len = bytes;
    while (has_event(c)) {
        read_event(c, &event);
        hear(heard, &event);
    }
    (is_reset ? client_reset : client_close)(c);
}

static unsigned chance(unsigned *seed, unsigned below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

static void all_speak(struct client *const senders[SENDERS], unsigned round)
{
    char text[16];

    for (unsigned k = 0; k < EACH * SENDERS; k++) {
        snprintf(text, sizeof(text), "%u", round * EACH + k / SENDERS);
        ws_send_text(senders[k % SENDERS], text);
    }
}

START_TEST(cuts_at_any_byte_under_load_lose_and_double_nothing)
{
    static struct heard cut, whole;
    struct server *s =
        asker_server(_i % 2 == 0 ? LIST("--history", "1000")
                                 : LIST("--history", "1000", "--journal", test_path("journal")));
    const char *token = asker_token("bot", "tea", "api,pub,sub,hst");
    struct client *ear = listen_with(s, EVENTS, token, ""), *senders[SENDERS];
    unsigned seed = (unsigned)_i;
    struct event_read event;

    cut = whole = (struct heard){.count = 0};
    expect_welcome(ear, cut.id);
    for (unsigned i = 0; i < SENDERS; i++) {
        snprintf(event.data, sizeof(event.data), "/ws/%u?room=tea", i + 1);
        senders[i] = ws_open_with(s, event.data, asker_bearer(token));
    }
    for (unsigned round = 0; round < CUTS; round++) {
        struct client *c = listen_behind(s, token, cut.id);
        unsigned missing = (round + 1) * EACH * SENDERS - cut.count;

        all_speak(senders, round);
        /* An event of a message has more bytes than that, so these will come. */
        hear_bytes(c, 1 + chance(&seed, missing * 100), round % 2 == 0, &cut);
    }
    for (struct client *c = listen_behind(s, token, cut.id); cut.count < ALL_SAID;) {
        read_event(c, &event);
        hear(&cut, &event);
        if (cut.count == ALL_SAID)
            client_close(c);
    }
    while (whole.count < ALL_SAID) {
        read_event(ear, &event);
        hear(&whole, &event);
    }
    ck_assert_mem_eq(cut.order, whole.order, sizeof(cut.order));
    client_close(ear);
    for (unsigned i = 0; i < SENDERS; i++)
        client_close(senders[i]);
    server_stop(s);
}
END_TEST

/* ---- who may, and until when ---- */

static const struct {
    const char *allow; /* NULL: no token */
    const char *method;
    int status;
} doors[] = {
    {NULL, "GET", 401},
    {"pub,prs,hst,dir,mod,api", "GET", 403},
    {"sub", "HEAD", 200},
    {"sub", "POST", 405},
};

START_TEST(the_right_to_listen_is_needed)
{
    struct server *s = asker_server(NULL);
    const char *token = doors[_i].allow != NULL ? asker_token("a", "tea", doors[_i].allow) : NULL;

    ck_assert_int_eq(asker_status(s, doors[_i].method, EVENTS, token, NULL), doors[_i].status);
    server_stop(s);
}
END_TEST

START_TEST(anybody_may_listen_where_that_is_said)
{
    struct server *s = asker_server(LIST("--anonymous", "sub"));
    struct client *c = listen_with(s, EVENTS, NULL, "");

    expect_welcome(c, NULL);
    client_close(c);
    ck_assert_int_eq(asker_status(s, "GET", EVENTS, "bad", NULL), 401);
    server_stop(s);
}
END_TEST

START_TEST(a_cookie_lets_a_page_listen)
{
    struct server *s = asker_server(NULL);
    char cookie[2200];
    struct client *c;

    snprintf(cookie, sizeof(cookie), "Cookie: a=b; wschat_token=%s\r\n",
             asker_token("a", "tea", "sub"));
    c = listen_with(s, EVENTS, NULL, cookie);
    expect_welcome(c, NULL);
    client_close(c);
    server_stop(s);
}
END_TEST

START_TEST(it_ends_with_its_token_and_stays_away)
{
    struct server *s = asker_server(NULL);
    const char *token = asker_token_until("a", "tea", "sub", 2, NULL);
    struct client *c = listen_with(s, EVENTS, token, "");
    struct response *r;

    expect_welcome(c, NULL);
    client_drain(c);
    client_close(c);
    r = asker_ask(s, "GET", EVENTS, token, NULL);
    ck_assert_int_eq(r->status, 204);
    response_free(r);
    server_stop(s);
}
END_TEST

static const char *const wrong[] = {"?last=x", "?last=1&last=2", "?last=4294967296",
                                    "?since=a&since=b"};

START_TEST(parameters_must_make_sense)
{
    struct server *s = asker_server(NULL);
    char target[64];

    snprintf(target, sizeof(target), EVENTS "%s", wrong[_i]);
    ck_assert_int_eq(asker_status(s, "GET", target, asker_token("a", "tea", "sub"), NULL), 400);
    server_stop(s);
}
END_TEST

START_TEST(two_last_events_are_none)
{
    struct server *s = asker_server(NULL);
    struct client *c = client_connect(s);
    struct response *r;

    asker_send(c, "GET", EVENTS, asker_token("a", "tea", "sub"),
               "Last-Event-ID: 1-1\r\nLast-Event-ID: 1-2\r\n", NULL);
    r = response_read(c, false);
    asker_expect(r, 400);
    response_free(r);
    client_close(c);
    server_stop(s);
}
END_TEST

/* How long a browser shall wait before it comes back: not all the same time. */
START_TEST(it_asks_for_a_pause_by_chance)
{
    enum { LISTENERS = 8 };
    struct server *s = asker_server(NULL);
    const char *token = asker_token("a", "tea", "sub");
    unsigned long first = 0, differing = 0;

    for (int i = 0; i < LISTENERS; i++) {
        struct client *c = listen_with(s, EVENTS, token, "");
        unsigned long pause;
        char line[64];

        read_line(c, line, sizeof(line));
        ck_assert_mem_eq(line, "retry: ", 7);
        pause = strtoul(line + 7, NULL, 10);
        ck_assert(pause >= 1000 && pause < 4000);
        first = i == 0 ? pause : first;
        differing += pause != first;
        client_close(c);
    }
    ck_assert_uint_gt(differing, 0);
    server_stop(s);
}
END_TEST

START_TEST(http_1_0_hears_it_as_well)
{
    struct server *s = asker_server(NULL);
    const char *bot = asker_token("bot", "tea", "api,pub,sub");
    struct client *c = client_connect(s);
    struct response *r;

    client_print(c, "GET " EVENTS " HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n%s\r\n",
                 asker_bearer(bot));
    r = response_read(c, true);
    asker_expect(r, 200);
    ck_assert_str_eq(response_field(r, "Connection"), "close");
    response_free(r);
    expect_welcome(c, NULL);
    asker_post(s, "tea", bot, "a", NULL);
    expect_event(c, "message", SAID("a"), NULL);
    client_close(c);
    server_stop(s);
}
END_TEST

/* The response has no end, so nothing behind the request can have an answer. */
START_TEST(what_is_asked_behind_it_is_never_answered)
{
    static const char more[] = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    struct server *s = asker_server(NULL);
    const char *bot = asker_token("bot", "tea", "api,pub,sub");
    struct client *c = client_connect(s);

    client_print(c, "GET " EVENTS " HTTP/1.1\r\nHost: a\r\n%s\r\n%s", asker_bearer(bot), more);
    response_free(response_read(c, true));
    expect_welcome(c, NULL);
    client_send_bytewise(c, more, sizeof(more) - 1);
    asker_post(s, "tea", bot, "a", NULL);
    expect_event(c, "message", SAID("a"), NULL);
    client_finish(c); /* who says no more is gone */
    client_expect_eof(c);
    client_close(c);
    server_stop(s);
}
END_TEST

/* A HEAD has the head alone, takes no place, and the connection ends. */
START_TEST(a_head_listens_to_nothing)
{
    struct server *s = asker_server(LIST("--max-clients-per-ip", "1"));
    const char *token = asker_token("a", "tea", "sub");
    struct client *c = listen_with(s, EVENTS, token, ""), *head = client_connect(s);
    struct response *r;

    asker_send(head, "HEAD", EVENTS, token, "", NULL);
    r = response_read(head, true);
    asker_expect(r, 200);
    ck_assert_str_eq(response_field(r, "Content-Type"), "text/event-stream");
    response_free(r);
    client_expect_eof(head);
    client_close(head);
    client_close(c);
    server_stop(s);
}
END_TEST

START_TEST(listeners_count_for_their_address)
{
    struct server *s = asker_server(LIST("--max-clients-per-ip", "1"));
    const char *token = asker_token("a", "tea", "sub");
    struct client *c = listen_with(s, EVENTS, token, "");
    struct response *r = asker_ask(s, "GET", EVENTS, token, NULL);
    int status;

    asker_expect(r, 429);
    ck_assert_ptr_nonnull(response_field(r, "Retry-After"));
    response_free(r);
    client_close(c);
    do { /* until the server has seen that it went */
        c = client_connect(s);
        asker_send(c, "GET", EVENTS, token, "", NULL);
        r = response_read(c, true);
        status = r->status;
        response_free(r);
        client_close(c);
    } while (status == 429);
    ck_assert_int_eq(status, 200);
    server_stop(s);
}
END_TEST

START_TEST(a_stop_ends_it)
{
    struct server *s = asker_server(NULL);
    struct client *c = listen_with(s, EVENTS, asker_token("a", "tea", "sub"), "");

    expect_welcome(c, NULL);
    server_signal(s, 15);
    client_drain(c);
    client_close(c);
    ck_assert_int_eq(server_wait_exit(s), 0);
}
END_TEST

START_TEST(listeners_count_as_clients)
{
    struct server *s = asker_server(LIST("--max-clients", "1"));
    const char *token = asker_token("a", "tea", "sub");
    struct client *c = listen_with(s, EVENTS, token, "");

    ck_assert_int_eq(asker_status(s, "GET", EVENTS, token, NULL), 503);
    client_close(c);
    server_stop(s);
}
END_TEST

/* One that does not read is let go; the others hear all. */
START_TEST(who_does_not_listen_is_let_go)
{
    struct server *s =
        asker_server(LIST("--max-lag", "4k", "--history", "0", "--admin", "127.0.0.1:0"));
    const char *bot = asker_token("bot", "tea", "api,pub,sub");
    struct client *deaf = client_connect_small(s, 1024), *c = listen_with(s, EVENTS, bot, "");
    static char text[16001], body[16100];

    expect_welcome(c, NULL);
    asker_send(deaf, "GET", EVENTS, bot, "", NULL);
    ck_assert(client_fill(deaf, 16));
    memset(text, 'x', 16000);
    snprintf(body, sizeof(body), "{\"text\":\"%s\"}", text);
    for (int i = 0; i < 400; i++)
        ck_assert_int_eq(asker_status(s, "POST", "/api/rooms/tea/messages", bot, body), 200);
    client_drain(deaf);
    client_close(deaf);
    server_wait_for(s, "why=lagged");
    client_close(c);
    server_stop(s);
}
END_TEST

Suite *suite_api_events(void)
{
    Suite *suite = suite_create("api_events");
    TCase *tcase = harness_case(suite, "hearing");

    tcase_add_test(tcase, a_listener_hears_what_a_client_does);
    tcase_add_test(tcase, who_may_not_know_who_is_there_is_not_told);
    tcase_add_test(tcase, a_listener_goes_on_where_it_was);
    tcase_add_test(tcase, what_cannot_be_gone_on_from_is_told);
    tcase_add_test(tcase, breaks_lose_and_double_nothing);
    tcase_add_loop_test(tcase, cuts_at_any_byte_under_load_lose_and_double_nothing, 0, 6);
    tcase = harness_case(suite, "door");
    tcase_add_loop_test(tcase, the_right_to_listen_is_needed, 0, (int)ARRAY_LEN(doors));
    tcase_add_test(tcase, anybody_may_listen_where_that_is_said);
    tcase_add_test(tcase, a_cookie_lets_a_page_listen);
    tcase_add_test(tcase, it_ends_with_its_token_and_stays_away);
    tcase_add_loop_test(tcase, parameters_must_make_sense, 0, (int)ARRAY_LEN(wrong));
    tcase_add_test(tcase, two_last_events_are_none);
    tcase_add_test(tcase, it_asks_for_a_pause_by_chance);
    tcase_add_test(tcase, http_1_0_hears_it_as_well);
    tcase_add_test(tcase, what_is_asked_behind_it_is_never_answered);
    tcase_add_test(tcase, a_head_listens_to_nothing);
    tcase_add_test(tcase, listeners_count_for_their_address);
    tcase_add_test(tcase, a_stop_ends_it);
    tcase_add_test(tcase, listeners_count_as_clients);
    tcase_add_test(tcase, who_does_not_listen_is_let_go);
    return suite;
}
