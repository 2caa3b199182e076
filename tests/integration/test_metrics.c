/* Metrics: their format is strictly that of Prometheus, and after a scripted session every count is
 * exactly what the script did. */
#include "exposition.h"
#include "v1.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_metrics(void);

#define LONGEST 300000 /* --max-message: much more than one read brings */
#define PAD 9000       /* of heads and lines that are too long */

/* ---- the checker ---- */

#define GAUGE "# HELP a_b Some.\n# TYPE a_b gauge\n"
#define COUNTER "# HELP a_total Some.\n# TYPE a_total counter\n"
#define HISTOGRAM "# HELP a_seconds Some.\n# TYPE a_seconds histogram\n"
#define BUCKET(le, n) "a_seconds_bucket{le=\"" le "\"} " n "\n"
#define END(sum, n) "a_seconds_sum " sum "\na_seconds_count " n "\n"

static const char *const right[] = {
    "",
    GAUGE,
    GAUGE "a_b 1\n" COUNTER "a_total{x=\"1\",y=\"\\\\ \\\" \\n\"} 1e3\na_total{x=\"2\"} 0\n",
    GAUGE "a_b -0.5\n",
    GAUGE "a_b +Inf\n",
    HISTOGRAM BUCKET("5e-05", "0") BUCKET("1", "2") BUCKET("+Inf", "3") END("7.5", "3"),
};

static const char *const broken[] = {
    "a_b 1\n",
    "\n",
    "# a comment\n",
    "# HELP a_b Some.\n",
    "# HELP a_b Some.\na_b 1\n",
    "# HELP a_b \n# TYPE a_b gauge\n",
    "# HELP a_b So\\me.\n# TYPE a_b gauge\n",
    "# TYPE a_b gauge\na_b 1\n",
    "# HELP a_b Some.\n# TYPE a_c gauge\n",
    "# HELP a_b Some.\n# TYPE a_b number\n",
    "# HELP a_b Some.\n# TYPE a_b counter\n",
    "# HELP a_total Some.\n# TYPE a_total gauge\n",
    "# HELP a_ms Some.\n# TYPE a_ms gauge\n",
    "# HELP a_count Some.\n# TYPE a_count gauge\n",
    "# HELP a__b Some.\n# TYPE a__b gauge\n",
    "# HELP aB Some.\n# TYPE aB gauge\n",
    "# HELP a_size Some.\n# TYPE a_size histogram\n",
    GAUGE "a_b 1",
    GAUGE "a_b\n",
    GAUGE "a_b  1\n",
    GAUGE "a_b 1 1700000000000\n",
    GAUGE "a_b one\n",
    GAUGE "a_b NaN\n",
    GAUGE "a_b 1\na_b 1\n",
    GAUGE "a_b 1\n" GAUGE,
    GAUGE "a_b 1\n" COUNTER "a_b{x=\"1\"} 1\n",
    GAUGE "a_bc 1\n",
    GAUGE "a_b{} 1\n",
    GAUGE "a_b{x=\"1\",} 1\n",
    GAUGE "a_b{x=1} 1\n",
    GAUGE "a_b{x=\"1} 1\n",
    GAUGE "a_b{x=\"\\t\"} 1\n",
    GAUGE "a_b{x=\"1\",x=\"2\"} 1\n",
    GAUGE "a_b{x=\"1\"} 1\na_b{x=\"1\"} 2\n",
    COUNTER "a_total -1\n",
    COUNTER "a_total +Inf\n",
    HISTOGRAM,
    HISTOGRAM BUCKET("1", "1") END("1", "1"),
    HISTOGRAM BUCKET("1", "2") BUCKET("+Inf", "1") END("1", "1"),
    HISTOGRAM BUCKET("2", "1") BUCKET("1", "1") BUCKET("+Inf", "1") END("1", "1"),
    HISTOGRAM BUCKET("1", "1") BUCKET("+Inf", "2") END("1", "1"),
    HISTOGRAM BUCKET("+Inf", "1") "a_seconds_count 1\na_seconds_sum 1\n",
    HISTOGRAM BUCKET("+Inf", "1") "a_seconds_sum 1\n",
    HISTOGRAM BUCKET("+Inf", "1") END("-1", "1"),
    HISTOGRAM "a_seconds 1\n",
};

START_TEST(the_checker_knows_right_from_wrong)
{
    for (size_t i = 0; i < ARRAY_LEN(right); i++) {
        const char *error = exposition_error(right[i]);

        if (error != NULL)
            ck_abort_msg("%s in:\n%s", error, right[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        if (exposition_error(broken[i]) == NULL)
            ck_abort_msg("nothing wrong in:\n%s", broken[i]);
    }
}
END_TEST

/* ---- the start ---- */

static const char *const names[] = {
    "wschat_build_info{version=\"" WSCHAT_VERSION "\"}",
    "wschat_clients",
    "wschat_max_clients",
    "wschat_seats",
    "wschat_rooms",
    "wschat_history_bytes",
    "wschat_messages_total",
    "wschat_direct_messages_total",
    "wschat_echo_messages_total",
    "wschat_deliveries_total",
    "wschat_replayed_total",
    "wschat_stopping",
    "wschat_connections",
    "wschat_connections_total",
    "wschat_received_bytes_total",
    "wschat_sent_bytes_total",
    "wschat_slow_connections",
    "wschat_slowest_lag_bytes",
    "wschat_lagged_total",
    "wschat_deflated_messages_total",
    "wschat_deflated_before_bytes_total",
    "wschat_deflated_after_bytes_total",
    "wschat_deflate_seconds_total",
    "wschat_throttled_total",
    "wschat_closes_total{code=\"1000\"}",
    "wschat_closes_total{code=\"1006\"}",
    "wschat_closes_total{code=\"4009\"}",
    "wschat_closes_total{code=\"4401\"}",
    "wschat_closes_total{code=\"4403\"}",
    "wschat_closes_total{code=\"other\"}",
    "wschat_http_responses_total{status=\"101\"}",
    "wschat_http_responses_total{status=\"505\"}",
    "wschat_tick_seconds_bucket{le=\"+Inf\"}",
    "wschat_tick_seconds_sum",
    "wschat_delivery_lag_seconds_bucket{le=\"5e-05\"}",
    "wschat_delivery_lag_seconds_count",
    "process_cpu_seconds_total",
    "process_start_time_seconds",
    "process_open_fds",
    "process_max_fds",
    "process_virtual_memory_bytes",
    "process_resident_memory_bytes",
};

START_TEST(every_series_is_there_from_the_start)
{
    struct server *s = server_start(LIST("--admin", "127.0.0.1:0"));
    char *text = metrics_read(s);

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        metric(text, names[i]);
    metric_expect(text, "wschat_connections", 1);
    metric_expect(text, "wschat_connections_total", 1);
    metric_expect(text, "wschat_sent_bytes_total", 0);
    metric_expect(text, "wschat_http_responses_total{status=\"200\"}", 0);
    ck_assert(metric(text, "process_resident_memory_bytes") > 1e5);
    ck_assert(metric(text, "process_start_time_seconds") > 1.7e9);
    free(text);
}
END_TEST

/* ---- a session ---- */

static struct server *start_session(void)
{
    client_traffic = (struct client_traffic){0, 0};
    return server_start(LIST("--admin", "127.0.0.1:0", "--rate=0", "--rate-bytes=0",
                             "--max-clients=6", "--max-message=300000", "--handshake-timeout=2",
                             "--ping-interval=0", "--leave-grace=0"));
}

/* The people of the session. 1 and 2 speak text in the lobby, 11 and 12 speak JSON there. */
struct cast {
    struct client *one, *two;
    struct seat *ada, *bob;
};

/* Joins are told to JSON clients, except to the one who joins: 1 delivery. */
static void people_come(struct server *s, struct cast *cast)
{
    cast->one = ws_open_chat(s, 1);
    cast->two = ws_open_chat(s, 2);
    cast->ada = seat_open(s, 11, "");
    cast->bob = seat_open(s, 12, "");
    seat_expect_presence(cast->ada, "join", 12, "");
}

/* 3 messages to 4 each: 12 deliveries. A rename to two: 2. Direct messages, and what is refused,
 * are none. */
static void people_talk(struct cast *cast)
{
    ws_send_text(cast->one, "hello");
    ws_expect_text(cast->one, "You wrote: hello");
    ws_expect_text(cast->two, "Client #1 says: hello");
    seat_expect_message(cast->ada, 1, "hello");
    seat_expect_message(cast->bob, 1, "hello");
    for (int i = 0; i < 2; i++) {
        seat_say(cast->ada, "hi");
        ws_expect_text(cast->one, "Client #11 says: hi");
        ws_expect_text(cast->two, "Client #11 says: hi");
        seat_expect_message(cast->ada, 11, "hi");
        seat_expect_message(cast->bob, 11, "hi");
    }
    seat_send(cast->bob, "{'type':'rename','name':'Bob'}");
    seat_expect_presence(cast->ada, "rename", 12, "Bob");
    seat_expect_presence(cast->bob, "rename", 12, "Bob");
    seat_send(cast->ada, "{'type':'say','text':'psst','to':12}");
    free(seat_read(cast->bob));
    free(seat_read(cast->ada));
    seat_send(cast->ada, "{'type':'say','text':'psst','to':99}");
    seat_expect_error(cast->ada, "no-such-client", NULL);
    seat_send(cast->ada, "{'type':'say'}");
    free(seat_read(cast->ada));
}

/* A newcomer in JSON is replayed the 3 messages, and 2 others hear of it: 2 deliveries; at its end
 * without a code (1005) all 4 do. In another room a text client hears nothing of a JSON client's
 * coming; then one message goes to both, and the end of one (1006) to nobody who reads JSON, while
 * the text client is told: 2 and 1 deliveries. */
static void strangers_pass(struct server *s, struct cast *cast)
{
    struct seat *guest = seat_open(s, 13, "history=10"), *other;
    struct client *tea;

    for (int i = 0; i < 3; i++)
        free(seat_read(guest));
    seat_expect_presence(cast->ada, "join", 13, "");
    seat_expect_presence(cast->bob, "join", 13, "");
    ws_send(guest->c, true, WS_CLOSE, "", 0);
    ws_expect_close_reply(guest->c, 0);
    guest->c = NULL;
    seat_drop(guest);
    ws_expect_text(cast->one, "Client #13 left the chat");
    ws_expect_text(cast->two, "Client #13 left the chat");
    seat_expect_presence(cast->ada, "leave", 13, "");
    seat_expect_presence(cast->bob, "leave", 13, "");
    tea = ws_open(s, "/ws/21?room=tea");
    other = seat_open(s, 22, "room=tea");
    ws_send_text(tea, "x");
    ws_expect_text(tea, "You wrote: x");
    seat_expect_message(other, 21, "x");
    seat_drop(other);
    ws_expect_text(tea, "Client #22 left the chat");
    ws_leave(tea);
}

/* Ends of echoes, each with its code. Four messages are answered, one of them as long as may be. */
static void echoes_end(struct server *s)
{
    static char text[LONGEST + 1];
    struct client *c = ws_open(s, "/ws");

    memset(text, 'x', sizeof(text));
    ws_send(c, true, WS_TEXT, text, LONGEST);
    ck_assert(client_fill(c, LONGEST + strlen("Message text was: ") + 10));
    buf_consume(&c->in, c->in.len);
    ws_send(c, true, WS_TEXT, text, LONGEST + 1);
    ws_expect_close(c, 1009);
    c = ws_open(s, "/ws");
    ws_send(c, true, WS_BINARY, "x", 1);
    ws_expect_close(c, 1003);
    c = ws_open(s, "/ws");
    ws_send(c, true, WS_TEXT, "\xff", 1);
    ws_expect_close(c, 1007);
    for (unsigned code = 4321; code < 4324; code++) {
        c = ws_open(s, "/ws");
        ws_send_text(c, "x");
        ws_expect_text(c, "Message text was: x");
        ws_send_close(c, code == 4323 ? 1001 : 4321, "bye");
        ws_expect_close_reply(c, code == 4323 ? 1001 : 4321);
    }
    c = ws_open(s, "/ws");
    client_send(c, "\x81\x01x", 3);
    ws_expect_close(c, 1002);
}

static void expect_status(struct server *s, const char *method, const char *target,
                          const char *fields, int status)
{
    struct client *c = client_connect(s);
    struct response *r;

    client_print(c, "%s %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", method, target, fields);
    r = response_read(c, strcmp(method, "HEAD") == 0);
    if (r->status != status)
        ck_abort_msg("%d in place of %d for %s %s", r->status, status, method, target);
    response_free(r);
    client_close(c);
}

/* One response of each status, two of some. */
static void requests_are_answered(struct server *s)
{
    static char pad[PAD + 1], field[PAD + 16], etag[128];
    struct response *r = http_get(s, "/", "");

    memset(pad, 'x', PAD);
    pad[0] = '/';
    snprintf(etag, sizeof(etag), "If-None-Match: %s\r\n", response_field(r, "ETag"));
    snprintf(field, sizeof(field), "X: %s\r\n", pad);
    response_free(r);
    expect_status(s, "HEAD", "/echo", "", 200);
    expect_status(s, "GET", "/", etag, 304);
    expect_status(s, "GET", "/ws/0", "", 400);
    expect_status(s, "GET", "/nothing", "", 404);
    expect_status(s, "GET", "/metrics", "", 404);
    expect_status(s, "PUT", "/", "", 405);
    expect_status(s, "GET", "/", "Content-Length: 4\r\n", 413);
    expect_status(s, "GET", pad, "", 414);
    expect_status(s, "GET", "/ws", "", 426);
    expect_status(s, "GET", "/", field, 431);
    expect_status(s, "GET", "/", "Transfer-Encoding: chunked\r\n", 501);
    ck_assert_int_eq(ws_refused(s, "/ws", "Origin: http://evil.example\r\n"), 403);
    http_expect_refusal(s, "GET / HTTP/2.0\r\n\r\n", 18, 505);
}

/* The id in use; the seat taken over; and with 6 clients the server is full. */
static void places_are_taken(struct server *s, struct cast *cast)
{
    struct client *old, *c, *d;

    ws_expect_close(ws_open_chat(s, 1), 4009);
    old = seat_connect(cast->ada, s, "");
    seat_read_welcome(cast->ada);
    ws_expect_close(old, 4000);
    c = ws_open(s, "/ws");
    d = ws_open(s, "/ws");
    ck_assert_int_eq(ws_refused(s, "/ws", ""), 503);
    ws_leave(c);
    ws_leave(d);
}

static const struct {
    const char *series;
    unsigned long long value;
} session[] = {
    {"wschat_clients", 4},
    {"wschat_max_clients", 6},
    {"wschat_seats", 4},
    {"wschat_rooms", 2}, /* tea has a history */
    {"wschat_messages_total", 4},
    {"wschat_direct_messages_total", 1},
    {"wschat_echo_messages_total", 4},
    {"wschat_deliveries_total", 1 + 12 + 2 + 2 + 4 + 2 + 1},
    {"wschat_replayed_total", 3},
    {"wschat_delivery_lag_seconds_count", 4},
    {"wschat_stopping", 0},
    {"wschat_lagged_total", 0},
    {"wschat_deflated_messages_total", 0},
    {"wschat_deflated_before_bytes_total", 0},
    {"wschat_deflated_after_bytes_total", 0},
    {"wschat_deflate_seconds_total", 0},
    {"wschat_throttled_total", 0},
    {"wschat_slow_connections", 0},
    {"wschat_slowest_lag_bytes", 0},
    {"wschat_closes_total{code=\"1000\"}", 3},
    {"wschat_closes_total{code=\"1001\"}", 1},
    {"wschat_closes_total{code=\"1002\"}", 1},
    {"wschat_closes_total{code=\"1003\"}", 1},
    {"wschat_closes_total{code=\"1005\"}", 1},
    {"wschat_closes_total{code=\"1006\"}", 1},
    {"wschat_closes_total{code=\"1007\"}", 1},
    {"wschat_closes_total{code=\"1009\"}", 1},
    {"wschat_closes_total{code=\"1011\"}", 0},
    {"wschat_closes_total{code=\"1013\"}", 0},
    {"wschat_closes_total{code=\"4000\"}", 1},
    {"wschat_closes_total{code=\"4009\"}", 1},
    {"wschat_closes_total{code=\"other\"}", 2},
    {"wschat_http_responses_total{status=\"101\"}", 4 + 3 + 7 + 4},
    {"wschat_http_responses_total{status=\"200\"}", 2},
    {"wschat_http_responses_total{status=\"304\"}", 1},
    {"wschat_http_responses_total{status=\"400\"}", 1},
    {"wschat_http_responses_total{status=\"403\"}", 1},
    {"wschat_http_responses_total{status=\"404\"}", 2},
    {"wschat_http_responses_total{status=\"405\"}", 1},
    {"wschat_http_responses_total{status=\"408\"}", 1},
    {"wschat_http_responses_total{status=\"413\"}", 1},
    {"wschat_http_responses_total{status=\"414\"}", 1},
    {"wschat_http_responses_total{status=\"426\"}", 1},
    {"wschat_http_responses_total{status=\"431\"}", 1},
    {"wschat_http_responses_total{status=\"500\"}", 0},
    {"wschat_http_responses_total{status=\"501\"}", 1},
    {"wschat_http_responses_total{status=\"503\"}", 1},
    {"wschat_http_responses_total{status=\"505\"}", 1},
    {"wschat_connections_total", 4 + 3 + 7 + 4 + 14 + 1 + 1},
};

/* Asks until the server has seen the ends of all connections but these, and so all that was before.
 * Counts its own questions. */
static char *read_when_quiet(struct server *s, unsigned connections, unsigned *questions)
{
    for (;;) {
        char *text = metrics_read(s);

        ++*questions;
        if (metric(text, "wschat_connections") == connections + 1)
            return text;
        free(text);
    }
}

START_TEST(a_session_is_counted_exactly)
{
    struct server *s = start_session();
    struct client *late = client_connect(s);
    struct client_traffic before;
    struct cast cast;
    unsigned questions = 0;
    char *text;

    client_print(late, "GET / HT");
    people_come(s, &cast);
    people_talk(&cast);
    strangers_pass(s, &cast);
    echoes_end(s);
    requests_are_answered(s);
    places_are_taken(s, &cast);
    response_free(response_read(late, false));
    client_close(late);
    free(read_when_quiet(s, 4, &questions));
    before = client_traffic;
    text = metrics_read(s);
    for (size_t i = 0; i < ARRAY_LEN(session); i++) {
        bool asks = strcmp(session[i].series, "wschat_connections_total") == 0;
        bool answers = strstr(session[i].series, "\"200\"") != NULL;

        metric_expect(text, session[i].series,
                      session[i].value + (answers || asks ? questions : 0) + asks);
    }
    metric_expect(text, "wschat_sent_bytes_total", before.received);
    metric_expect(text, "wschat_received_bytes_total", client_traffic.sent);
    free(text);
    client_close(cast.one);
    client_close(cast.two);
    seat_drop(cast.ada);
    seat_drop(cast.bob);
}
END_TEST

/* ---- limits ---- */

/* 20 messages at once use up the burst of an echo, 19 do not. */
static void send_at_once(struct server *s, int count)
{
    struct client *c = ws_open(s, "/ws");
    struct buf out;

    buf_init(&out);
    for (int i = 0; i < count; i++)
        ws_append(&out, true, WS_TEXT, "x", 1);
    client_send(c, out.data, out.len);
    buf_deinit(&out);
    for (int i = 0; i < count; i++)
        ws_expect_text(c, "Message text was: x");
    client_close(c);
}

START_TEST(who_is_slowed_down_is_counted)
{
    struct server *s = server_start(LIST("--admin", "127.0.0.1:0", "--rate=1", "--burst=20"));
    char *text;

    send_at_once(s, 19);
    text = metrics_read(s);
    metric_expect(text, "wschat_throttled_total", 0);
    free(text);
    send_at_once(s, 20);
    text = metrics_read(s);
    metric_expect(text, "wschat_throttled_total", 1);
    metric_expect(text, "wschat_echo_messages_total", 39);
    free(text);
}
END_TEST

#define LONG_MESSAGE 60000 /* below the limit, and much for a small receive buffer */

/* Says long messages until the metric is at least that. Returns how many. */
static unsigned say_until(struct server *s, struct client *sender, const char *series, double least)
{
    static char message[LONG_MESSAGE];
    double value = 0;
    unsigned said = 0;

    memset(message, 'x', sizeof(message));
    while (value < least) {
        char *text;
        struct frame frame;

        ws_send(sender, true, WS_TEXT, message, sizeof(message));
        ck_assert(ws_read(sender, &frame));
        free(frame.data);
        said++;
        text = metrics_read(s);
        value = metric(text, series);
        free(text);
    }
    return said;
}

static char *await_metric(struct server *s, const char *series, double value)
{
    for (;;) {
        char *text = metrics_read(s);

        if (metric(text, series) == value)
            return text;
        free(text);
    }
}

START_TEST(who_is_behind_is_seen_and_who_is_too_far_is_counted)
{
    struct server *s =
        server_start(LIST("--admin", "127.0.0.1:0", "--rate=0", "--rate-bytes=0", "--max-lag=1m"));
    struct client *sender = ws_open_chat(s, 1);
    struct client *slow = client_connect_small(s, 4096);
    unsigned said;
    char *text;

    ws_request(slow, "/ws/2", "");
    ws_expect_upgrade(slow);
    said = say_until(s, sender, "wschat_slowest_lag_bytes", 1);
    text = await_metric(s, "wschat_slow_connections", 1);
    ck_assert(metric(text, "wschat_slowest_lag_bytes") <= 1048576 + LONG_MESSAGE + 100);
    metric_expect(text, "wschat_lagged_total", 0);
    free(text);
    for (unsigned i = 0; i < said; i++) {
        struct frame frame;

        ck_assert(ws_read(slow, &frame));
        free(frame.data);
    }
    free(await_metric(s, "wschat_slowest_lag_bytes", 0));
    free(await_metric(s, "wschat_slow_connections", 0));
    said += say_until(s, sender, "wschat_lagged_total", 1);
    text = metrics_read(s);
    metric_expect(text, "wschat_closes_total{code=\"1013\"}", 1);
    metric_expect(text, "wschat_clients", 1);
    metric_expect(text, "wschat_messages_total", said);
    metric_expect(text, "wschat_delivery_lag_seconds_count", said);
    free(text);
    client_drain(slow);
    client_close(slow);
    client_close(sender);
    free(await_metric(s, "wschat_connections", 1));
    free(await_metric(s, "wschat_slow_connections", 0));
}
END_TEST

START_TEST(redirects_and_refusals_by_address_are_counted)
{
    struct server *s = server_start(
        LIST("--admin", "127.0.0.1:0", "--base-path=/chat/", "--max-clients-per-ip=1"));
    struct response *r = http_get(s, "/chat", "");
    struct client *c = ws_open(s, "/chat/ws");
    char *text;

    ck_assert_int_eq(r->status, 308);
    response_free(r);
    ck_assert_int_eq(ws_refused(s, "/chat/ws", ""), 429);
    text = metrics_read(s);
    metric_expect(text, "wschat_http_responses_total{status=\"101\"}", 1);
    metric_expect(text, "wschat_http_responses_total{status=\"308\"}", 1);
    metric_expect(text, "wschat_http_responses_total{status=\"429\"}", 1);
    metric_expect(text, "wschat_refused_by_address_total{reason=\"clients\"}", 1);
    metric_expect(text, "wschat_refused_by_address_total{reason=\"rate\"}", 0);
    free(text);
    ws_leave(c);
}
END_TEST

/* A client that takes nothing and says nothing is given up with all that it was still to get. */
START_TEST(who_goes_is_not_behind_any_more)
{
    static char message[LONG_MESSAGE];
    struct server *s =
        server_start(LIST("--admin", "127.0.0.1:0", "--rate=0", "--rate-bytes=0", "--max-lag=512m",
                          "--ping-interval=0.5", "--ping-timeout=0.5"));
    struct client *sender = ws_open_chat(s, 1);
    struct client *slow = client_connect_small(s, 4096);

    ws_request(slow, "/ws/2", "");
    ws_expect_upgrade(slow);
    memset(message, 'x', sizeof(message));
    for (int i = 0; i < 200; i++)
        ws_send(sender, true, WS_TEXT, message, sizeof(message));
    ws_leave(sender);
    free(await_metric(s, "wschat_clients", 0));
    free(await_metric(s, "wschat_slow_connections", 0));
    client_close(slow);
}
END_TEST

START_TEST(the_end_is_seen_coming)
{
    struct server *s = server_start(LIST("--admin", "127.0.0.1:0", "--shutdown-timeout=60"));
    struct client *c = ws_open_chat(s, 1);
    struct response *r;

    server_signal(s, SIGTERM);
    free(await_metric(s, "wschat_stopping", 1));
    r = admin_get(s, "/healthz");
    ck_assert_int_eq(r->status, 503);
    response_free(r);
    r = admin_get(s, "/");
    ck_assert_int_eq(r->status, 200);
    response_free(r);
    ws_expect_close(c, 1001);
}
END_TEST

Suite *suite_metrics(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tc = harness_case(suite, "metrics");

    tcase_add_test(tc, the_checker_knows_right_from_wrong);
    tcase_add_test(tc, every_series_is_there_from_the_start);
    tcase_add_test(tc, a_session_is_counted_exactly);
    tcase_add_test(tc, who_is_slowed_down_is_counted);
    tcase_add_test(tc, who_is_behind_is_seen_and_who_is_too_far_is_counted);
    tcase_add_test(tc, who_goes_is_not_behind_any_more);
    tcase_add_test(tc, redirects_and_refusals_by_address_are_counted);
    tcase_add_test(tc, the_end_is_seen_coming);
    return suite;
}
