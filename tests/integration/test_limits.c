/* Limits: each is tried at its bound and one past it, and nobody but the one who crosses it
 * notices. */
#include "client.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

Suite *suite_limits(void);

/* ---- Message size ---- */

static void send_sized(struct client *c, size_t len)
{
    char *text = malloc(len + 1);

    memset(text, 'x', len + 1);
    ws_send(c, true, WS_TEXT, text, len);
    free(text);
}

static void expect_sized(struct client *c, const char *prefix, size_t len)
{
    struct frame frame;

    ck_assert(ws_read(c, &frame));
    ck_assert_int_eq(frame.opcode, WS_TEXT);
    ck_assert_uint_eq(frame.len, strlen(prefix) + len);
    ck_assert_int_eq(strncmp(frame.data, prefix, strlen(prefix)), 0);
    free(frame.data);
}

START_TEST(a_message_at_the_limit_passes_and_one_past_it_is_1009)
{
    static const struct {
        const char *option;
        size_t bytes;
    } cases[] = {{"64k", 65536}, {"1k", 1024}, {"100", 100}, {"125", 125}, {"126", 126}};
    struct server *s = server_start(LIST("--max-message", cases[_i].option));
    struct client *a = ws_open_chat(s, 1);
    struct client *b = ws_open_chat(s, 2);

    send_sized(a, cases[_i].bytes);
    expect_sized(a, "You wrote: ", cases[_i].bytes);
    expect_sized(b, "Client #1 says: ", cases[_i].bytes);
    send_sized(a, cases[_i].bytes + 1);
    ws_expect_close(a, 1009);
    ws_expect_text(b, "Client #1 left the chat");
    ws_sync(b);
    client_close(b);
}
END_TEST

START_TEST(fragments_count_together)
{
    struct server *s = server_start(LIST("--max-message=1000"));
    struct client *c = ws_open(s, "/ws");
    char piece[500];

    memset(piece, 'x', sizeof(piece));
    ws_send(c, false, WS_TEXT, piece, 500);
    ws_send(c, false, WS_CONTINUATION, "", 0);
    ws_send(c, true, WS_CONTINUATION, piece, 500);
    expect_sized(c, "Message text was: ", 1000);
    ws_send(c, false, WS_TEXT, piece, 500);
    ws_send(c, false, WS_CONTINUATION, piece, 500);
    ws_send(c, true, WS_CONTINUATION, "x", 1);
    ws_expect_close(c, 1009);
}
END_TEST

START_TEST(memory_follows_bytes_received_not_claimed)
{
    struct server *s = server_start(LIST("--max-message=64m"));
    struct client *clients[50];
    long before;

    for (size_t i = 0; i < ARRAY_LEN(clients); i++)
        clients[i] = ws_open(s, "/ws");
    before = server_peak_kib(s);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++)
        client_send(clients[i], "\x81\xff\0\0\0\0\x04\0\0\0\0\0\0\0some", 18);
    response_free(http_get(s, "/healthz", ""));
    if (!is_sanitized())
        ck_assert_int_lt(server_peak_kib(s) - before, 4096);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++)
        client_close(clients[i]);
}
END_TEST

START_TEST(empty_fragments_cost_nothing)
{
    struct server *s = server_start(NULL);
    struct client *c = ws_open(s, "/ws");
    struct buf out;
    long before;

    ws_send(c, false, WS_TEXT, "a", 1);
    ws_sync(c);
    before = server_peak_kib(s);
    buf_init(&out);
    for (int i = 0; i < 1000; i++)
        ws_append(&out, false, WS_CONTINUATION, "", 0);
    for (int i = 0; i < (is_sanitized() ? 10 : 300); i++)
        client_send(c, out.data, out.len);
    buf_deinit(&out);
    ws_send(c, true, WS_CONTINUATION, "z", 1);
    ws_expect_text(c, "Message text was: az");
    if (!is_sanitized())
        ck_assert_int_lt(server_peak_kib(s) - before, 1024);
    ws_leave(c);
}
END_TEST

/* ---- Rate ---- */

START_TEST(above_the_rate_nothing_is_dropped)
{
    struct server *s = server_start(LIST("--rate=50", "--burst=5"));
    struct client *a = ws_open_chat(s, 1);
    struct client *b = ws_open_chat(s, 2);
    char text[16];

    for (int i = 0; i < 60; i++) {
        snprintf(text, sizeof(text), "%d", i);
        ws_send_text(a, text);
    }
    /* Whoever keeps to the rate is not held up. */
    ws_send_text(b, "me too");
    for (int i = 0; i < 60; i++) {
        struct frame frame;

        ck_assert(ws_read(a, &frame));
        if (strcmp(frame.data, "Client #2 says: me too") == 0) {
            free(frame.data);
            ck_assert(ws_read(a, &frame));
        }
        snprintf(text, sizeof(text), "%d", i);
        ck_assert_str_eq(frame.data + strlen("You wrote: "), text);
        free(frame.data);
    }
    client_close(a);
    client_close(b);
}
END_TEST

/* The next frame is `last`, maybe behind `first`. */
static void skip_text(struct client *c, const char *first, const char *last)
{
    struct frame frame;

    ck_assert(ws_read(c, &frame));
    if (strcmp(frame.data, first) == 0) {
        free(frame.data);
        ck_assert(ws_read(c, &frame));
    }
    ck_assert_str_eq(frame.data, last);
    free(frame.data);
}

START_TEST(a_paused_client_still_leaves)
{
    struct server *s = server_start(LIST("--rate=5", "--burst=1"));
    struct client *other = ws_open_chat(s, 1);
    struct client *c = ws_open_chat(s, 2);

    for (int i = 0; i < 3; i++)
        ws_send_text(c, "x");
    client_finish(c);
    /* It has one burst more, once the server has seen that it is gone. */
    for (int i = 0; i < 2; i++)
        ws_expect_text(other, "Client #2 says: x");
    skip_text(other, "Client #2 says: x", "Client #2 left the chat");
    ws_sync(other);
    client_close(other);
    client_close(c);
}
END_TEST

/* Who dies above its rate has one burst more, and the rest is lost: nobody waits half a minute for
 * the id. */
START_TEST(what_the_dead_said_above_their_rate_is_lost)
{
    struct server *s = server_start(LIST("--rate=10", "--burst=4"));
    struct client *watcher = ws_open_chat(s, 1), *c = ws_open_chat(s, 2);
    struct frame frame;
    struct buf all;
    int heard = 0;
    char text[64];

    buf_init(&all);
    for (int i = 1; i <= 300; i++) {
        int len = snprintf(text, sizeof(text), "%d", i);

        ws_append(&all, true, WS_TEXT, text, (size_t)len);
    }
    client_send(c, all.data, all.len);
    buf_deinit(&all);
    client_finish(c);
    for (;;) {
        ck_assert(ws_read(watcher, &frame));
        snprintf(text, sizeof(text), "Client #2 says: %d", heard + 1);
        if (strcmp(frame.data, text) != 0)
            break;
        heard++;
        free(frame.data);
    }
    ck_assert_str_eq(frame.data, "Client #2 left the chat");
    free(frame.data);
    ck_assert_int_ge(heard, 4);
    ck_assert_int_lt(heard, 200);
    snprintf(text, sizeof(text), " messages=%d lost=%d ", heard, 300 - heard);
    client_close(c);
    server_wait_for(s, text);
    ws_leave(ws_open_chat(s, 2));
    client_close(watcher);
}
END_TEST

START_TEST(a_paused_client_that_is_reset_leaves)
{
    struct server *s = server_start(LIST("--rate=5", "--burst=1"));
    struct client *other = ws_open_chat(s, 1);
    struct client *c = ws_open_chat(s, 2);
    struct frame frame;
    int left = 0;

    for (int i = 0; i < 5; i++)
        ws_send_text(c, "x");
    ws_expect_text(c, "You wrote: x");
    client_reset(c);
    while (!left) {
        ck_assert(ws_read(other, &frame));
        left = strcmp(frame.data, "Client #2 left the chat") == 0;
        free(frame.data);
    }
    ws_sync(other);
    client_close(other);
}
END_TEST

/* ---- Clients ---- */

START_TEST(a_full_table_is_503_and_a_free_seat_is_taken)
{
    struct server *s = server_start(LIST("--max-clients=3"));
    struct client *clients[3];
    struct client *c;
    struct response *r;

    for (uint64_t i = 0; i < 3; i++)
        clients[i] = ws_open_chat(s, 1 + i);
    c = client_connect(s);
    ws_request(c, "/ws/4", "");
    r = response_read(c, false);
    ck_assert_int_eq(r->status, 503);
    ck_assert_ptr_nonnull(response_field(r, "Retry-After"));
    ck_assert_uint_gt(r->len, 0);
    response_free(r);
    client_close(c);
    /* Those inside are served on, and pages too. */
    ws_send_text(clients[0], "full house");
    ws_expect_text(clients[1], "Client #1 says: full house");
    response_free(http_get(s, "/", ""));
    ws_leave(clients[2]);
    ws_expect_text(clients[1], "Client #3 left the chat");
    c = ws_open_chat(s, 4);
    ws_send_text(c, "got in");
    ws_expect_text(clients[1], "Client #4 says: got in");
    client_close(clients[0]);
    client_close(clients[1]);
    client_close(c);
}
END_TEST

START_TEST(few_descriptors_cut_the_table_with_a_warning)
{
    struct server *s =
        server_start_with(&(struct launch){.args = LIST("--max-clients=1000"), .files = 40});
    struct client *in[64];
    unsigned count = 0;

    ck_assert_ptr_nonnull(strstr((char *)s->err.data, "open files"));
    for (;;) {
        struct client *c = client_connect(s);
        struct response *r;

        ws_request(c, "/ws", "");
        r = response_read(c, false);
        if (r->status != 101) {
            ck_assert_int_eq(r->status, 503);
            response_free(r);
            client_close(c);
            break;
        }
        response_free(r);
        in[count++] = c;
        ck_assert_uint_lt(count, 40);
    }
    ck_assert_uint_ge(count, 5);
    ws_sync(in[0]);
    ws_leave(in[--count]);
    ws_leave(ws_open(s, "/ws"));
    while (count > 0)
        client_close(in[--count]);
}
END_TEST

START_TEST(out_of_descriptors_it_neither_spins_nor_stops)
{
    struct server *s =
        server_start_with(&(struct launch){.args = LIST("--handshake-timeout=3600"), .files = 40});
    struct client *chat = ws_open_chat(s, 1);
    struct client *idle[60];
    struct client *c;

    /* More than there are descriptors: some wait in the backlog. */
    for (size_t i = 0; i < ARRAY_LEN(idle); i++)
        idle[i] = client_connect(s);
    ws_sync(chat);
    server_expect_asleep(s);
    ws_send_text(chat, "served on");
    ws_expect_text(chat, "You wrote: served on");
    for (size_t i = 0; i < ARRAY_LEN(idle); i++)
        client_close(idle[i]);
    c = ws_open_chat(s, 2);
    ws_send_text(c, "accepted again");
    ws_expect_text(chat, "Client #2 says: accepted again");
    client_close(c);
    client_close(chat);
}
END_TEST

/* ---- Many ---- */

#define MANY 19000

static long resident_kib(const struct server *s)
{
    char path[64];
    long pages = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/statm", (int)s->pid);
    file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%*d %ld", &pages), 1);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Raises our own limit of open files; false where the hard limit forbids it. */
static bool may_open(rlim_t files)
{
    struct rlimit limit;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max < files)
        return false;
    limit.rlim_cur = files;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static struct client *open_from(const struct server *s, unsigned id)
{
    struct client *c = client_connect_from(s, 2 + id % 8);
    char target[64];

    snprintf(target, sizeof(target), "/ws/%u", id);
    ws_request(c, target, "");
    ws_expect_upgrade(c);
    return c;
}

START_TEST(nineteen_thousand_sit_in_one_process_and_an_idle_one_costs_less_than_a_kib)
{
    static struct client *all[MANY];
    struct server *s;
    long before;

    if (is_sanitized() || !may_open(MANY + 100))
        return;
    s = server_start(LIST("--max-clients=19000", "--log-level=warning", "--ping-interval=0"));
    all[0] = ws_open_chat(s, 1);
    ws_sync(all[0]);
    before = resident_kib(s);
    for (unsigned i = 1; i < MANY; i++)
        all[i] = open_from(s, 1 + i);
    ck_assert_int_lt(resident_kib(s) - before, MANY);
    ck_assert_int_eq(ws_refused(s, "/ws/20000", ""), 503);
    ws_send_text(all[7], "hello, all");
    for (unsigned i = 0; i < MANY; i++)
        ws_expect_text(all[i], i == 7 ? "You wrote: hello, all" : "Client #8 says: hello, all");
    /* Were they to leave one by one, the rest would hear of each. */
    server_signal(s, SIGKILL);
    server_wait_exit(s);
    for (unsigned i = 0; i < MANY; i++)
        client_close(all[i]);
}
END_TEST

/* ---- Readers that do not read ---- */

#define LAG_TEXT 1000

/* Sends one message after the other and reads what the others get, until `until` comes or `most`
 * messages went. */
static int flood(struct client *sender, struct client *reader, const char *until, int most)
{
    struct frame frame;
    int seen = 0;

    for (int i = 0; i < most; i++) {
        bool found;

        send_sized(sender, LAG_TEXT);
        do {
            ck_assert(ws_read(reader, &frame));
            found = until != NULL && strcmp(frame.data, until) == 0;
            seen += found;
            free(frame.data);
        } while (found);
        ck_assert(ws_read(sender, &frame));
        if (until != NULL && strcmp(frame.data, until) == 0) {
            free(frame.data);
            ck_assert(ws_read(sender, &frame));
        }
        free(frame.data);
        if (seen > 0)
            break;
    }
    return seen;
}

START_TEST(a_reader_that_falls_behind_is_closed_and_nobody_else_notices)
{
    struct server *s = server_start(LIST("--max-lag=64k", "--rate=0", "--rate-bytes=0"));
    struct client *sender = ws_open_chat(s, 1);
    struct client *reader = ws_open_chat(s, 2);
    struct client *slow = client_connect_small(s, 4096);
    struct frame frame;
    unsigned code = 0;

    ws_request(slow, "/ws/3", "");
    ws_expect_upgrade(slow);
    ck_assert_int_eq(flood(sender, reader, "Client #3 left the chat", 30000), 1);
    ws_sync(reader);
    ws_send_text(sender, "go on");
    ws_expect_text(reader, "Client #1 says: go on");
    /* It gets whole messages and then 1013; or the end, where it was cut off in the middle of a
     * frame. */
    while (code == 0 && client_fill(slow, 4)) {
        struct ws_frame_header h;
        int size = ws_frame_decode(&h, slow->in.data, slow->in.len);

        ck_assert_int_gt(size, 0);
        if (!client_fill(slow, (size_t)size + h.length))
            break;
        ck_assert(ws_read(slow, &frame));
        if (frame.opcode == WS_CLOSE)
            code = (unsigned)(uint8_t)frame.data[0] << 8 | (uint8_t)frame.data[1];
        else
            ck_assert_uint_eq(frame.len, strlen("Client #1 says: ") + LAG_TEXT);
        free(frame.data);
    }
    ck_assert(code == 0 || code == 1013);
    client_close(slow);
    client_close(sender);
    client_close(reader);
}
END_TEST

START_TEST(a_slow_reader_below_the_limit_gets_everything)
{
    struct server *s = server_start(LIST("--max-lag=4m", "--rate=0", "--rate-bytes=0"));
    struct client *sender = ws_open_chat(s, 1);
    struct client *reader = ws_open_chat(s, 2);
    struct client *slow = client_connect_small(s, 4096);

    ws_request(slow, "/ws/3", "");
    ws_expect_upgrade(slow);
    ck_assert_int_eq(flood(sender, reader, NULL, 2000), 0);
    for (int i = 0; i < 2000; i++)
        expect_sized(slow, "Client #1 says: ", LAG_TEXT);
    ws_sync(slow);
    client_close(slow);
    client_close(sender);
    client_close(reader);
}
END_TEST

/* Reads a little: most of what the socket's buffers hold stays there. */
static void sip(struct client *c)
{
    char bytes[2048];
    ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);

    ck_assert_int_gt(n, 0);
    ck_assert_int_eq(buf_append(&c->in, bytes, (size_t)n), 0);
}

/* The next text that comes, whatever pings come before it. */
static void read_text(struct client *c, struct frame *frame)
{
    for (;;) {
        ck_assert(ws_read(c, frame));
        if (frame->opcode == WS_TEXT)
            return;
        ck_assert_int_eq(frame->opcode, WS_PING);
        free(frame->data);
    }
}

/* The ping is behind megabytes, so there is no pong for a long time. What is taken meanwhile says
 * that somebody is there. */
START_TEST(who_reads_slowly_is_not_silent)
{
    enum { COUNT = 3000 };
    struct server *s = server_start(LIST("--max-lag=64m", "--rate=0", "--rate-bytes=0",
                                         "--ping-interval=0.2", "--ping-timeout=1"));
    struct client *sender = ws_open_chat(s, 1);
    struct client *slow = client_connect_small(s, 16384);
    struct frame frame;

    ws_request(slow, "/ws/2", "");
    ws_expect_upgrade(slow);
    for (int i = 0; i < COUNT; i++) {
        send_sized(sender, LAG_TEXT);
        read_text(sender, &frame);
        free(frame.data);
        if (i % 10 == 9)
            sip(slow); /* within --ping-timeout, on a slow machine too */
    }
    for (int i = 0; i < 150; i++) {
        sip(slow);
        nanosleep(&(struct timespec){0, 20000000}, NULL);
    }
    for (int i = 0; i < COUNT; i++) {
        read_text(slow, &frame);
        ck_assert_uint_eq(frame.len, strlen("Client #1 says: ") + LAG_TEXT);
        free(frame.data);
    }
    /* Who answered no ping, for it was silent all that time. */
    read_text(slow, &frame);
    ck_assert_str_eq(frame.data, "Client #1 left the chat");
    free(frame.data);
    ws_send_text(slow, "still here");
    read_text(slow, &frame);
    ck_assert_str_eq(frame.data, "You wrote: still here");
    free(frame.data);
    client_close(slow);
    client_close(sender);
}
END_TEST

/* Sends frames until the server takes no more, then reads every answer. */
static void flood_without_reading(const struct server *s, const char *target, enum ws_opcode opcode)
{
    struct client *c = client_connect_small(s, 32768); /* with less TCP itself may stall for long */
    struct client *other = ws_open_chat(s, 99);
    struct buf out;
    size_t sent = 0;
    int idle = 0;
    struct frame frame;

    ws_request(c, target, "");
    ws_expect_upgrade(c);
    buf_init(&out);
    ws_append(&out, true, opcode, "a payload of 40 bytes, or nearly so, yes", 40);
    while (idle < 50 && sent < out.len * 2000000) {
        size_t n = client_send_some(c, out.data + sent % out.len, out.len - sent % out.len);

        sent += n;
        idle = n > 0 ? 0 : idle + 1;
        if (n == 0)
            ws_sync(other);
    }
    if (!is_sanitized())
        ck_assert_int_lt(server_peak_kib(s), 64 * 1024);
    for (size_t i = 0; i < sent / out.len; i++) {
        ck_assert(ws_read(c, &frame));
        free(frame.data);
    }
    buf_deinit(&out);
    client_close(c);
    client_close(other);
}

START_TEST(an_echo_that_is_not_read_is_bounded_and_nothing_is_lost)
{
    struct server *s =
        server_start(LIST("--rate=0", "--rate-bytes=0", "--ping-interval=0", "--max-lag=1m"));

    flood_without_reading(s, "/ws", WS_TEXT);
}
END_TEST

START_TEST(pongs_that_are_not_read_are_bounded)
{
    struct server *s =
        server_start(LIST("--rate=0", "--rate-bytes=0", "--ping-interval=0", "--max-lag=1m"));

    flood_without_reading(s, "/ws", WS_PING);
}
END_TEST

/* ---- Deadlines ---- */

START_TEST(a_trickle_does_not_extend_the_handshake)
{
    struct server *s = server_start(LIST("--handshake-timeout=1"));
    struct client *c = client_connect(s);
    struct response *r;

    client_print(c, "GET /ws/1 HTTP/1.1\r\nHost: x\r\nX: ");
    for (;;) {
        struct pollfd pfd = {c->fd, POLLIN, 0};

        if (poll(&pfd, 1, 20) > 0)
            break;
        client_send(c, "y", 1);
    }
    r = response_read(c, false);
    ck_assert_int_eq(r->status, 408);
    response_free(r);
    client_drain(c);
    client_close(c);
}
END_TEST

START_TEST(an_open_chat_has_no_handshake_deadline)
{
    struct server *s = server_start(LIST("--handshake-timeout=1", "--ping-interval=0"));
    struct client *chat = ws_open_chat(s, 1);
    struct client *silent = client_connect(s);

    /* By the time the deadline has struck the silent one, it would have struck the chat. */
    client_drain(silent);
    client_close(silent);
    ws_send_text(chat, "here");
    ws_expect_text(chat, "You wrote: here");
    client_close(chat);
}
END_TEST

Suite *suite_limits(void)
{
    Suite *suite = suite_create("limits");
    TCase *size = harness_case(suite, "message size");
    TCase *rate = harness_case(suite, "rate");
    TCase *clients = harness_case(suite, "clients");
    TCase *lag = harness_case(suite, "lag");
    TCase *deadline = harness_case(suite, "deadlines");

    tcase_add_loop_test(size, a_message_at_the_limit_passes_and_one_past_it_is_1009, 0, 5);
    tcase_add_test(size, fragments_count_together);
    tcase_add_test(size, memory_follows_bytes_received_not_claimed);
    tcase_add_test(size, empty_fragments_cost_nothing);
    tcase_add_test(rate, above_the_rate_nothing_is_dropped);
    tcase_add_test(rate, a_paused_client_still_leaves);
    tcase_add_test(rate, a_paused_client_that_is_reset_leaves);
    tcase_add_test(rate, what_the_dead_said_above_their_rate_is_lost);
    tcase_add_test(clients, a_full_table_is_503_and_a_free_seat_is_taken);
    tcase_add_test(clients, few_descriptors_cut_the_table_with_a_warning);
    tcase_add_test(clients, out_of_descriptors_it_neither_spins_nor_stops);
    tcase_add_test(clients,
                   nineteen_thousand_sit_in_one_process_and_an_idle_one_costs_less_than_a_kib);
    tcase_add_test(lag, a_reader_that_falls_behind_is_closed_and_nobody_else_notices);
    tcase_add_test(lag, a_slow_reader_below_the_limit_gets_everything);
    tcase_add_test(lag, who_reads_slowly_is_not_silent);
    tcase_add_test(lag, an_echo_that_is_not_read_is_bounded_and_nothing_is_lost);
    tcase_add_test(lag, pongs_that_are_not_read_are_bounded);
    tcase_add_test(deadline, a_trickle_does_not_extend_the_handshake);
    tcase_add_test(deadline, an_open_chat_has_no_handshake_deadline);
    return suite;
}
