/* `wschat join`: from pipes against the real server, and against servers that misbehave. */
#include "joiner.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/codec/v1_client.h"
#include "v1.h"

Suite *suite_join(void);

/* ---- Against the real server ---- */

START_TEST(says_each_line_and_ends_with_0)
{
    struct server *s = server_start(NULL);
    struct seat *seat = seat_open(s, 1, "room=tea");
    struct joiner j =
        joiner_start(LIST(joiner_url(s->port, "/ws/7?room=tea"), "--name", "\xc3\xa9 & ?"));

    joiner_write(&j, "one\r\n\n/help \x1b\xff");
    joiner_end_input(&j);
    seat_expect(seat, "{'type':'join','pos':'*','ts':#,'from':7,'name':'\xc3\xa9 & ?'}");
    seat_expect(seat,
                "{'type':'message','pos':'*','ts':#,'from':7,'name':'*','text':'one','ref':'*'}");
    seat_expect(seat,
                "{'type':'message','pos':'*','ts':#,'from':7,'name':'*','text':'','ref':'*'}");
    seat_expect(seat, "{'type':'message','pos':'*','ts':#,'from':7,'name':'*',"
                      "'text':'/help \\u001b\xef\xbf\xbd','ref':'*'}");
    seat_expect_presence(seat, "leave", 7, "\xc3\xa9 & ?");
    joiner_expect_exit(&j, 0, NULL);
    seat_leave(seat);
}
END_TEST

START_TEST(quiet_prints_nothing_and_says_all)
{
    struct server *s = server_start(NULL);
    struct seat *seat = seat_open(s, 1, "room=tea");
    struct joiner j = joiner_start(LIST(joiner_url(s->port, "/ws/7?room=tea"), "--quiet"));

    joiner_write(&j, "one\ntwo\n");
    joiner_end_input(&j);
    seat_expect_presence(seat, "join", 7, "");
    seat_expect(seat,
                "{'type':'message','pos':'*','ts':#,'from':7,'name':'','text':'one','ref':'*'}");
    seat_expect(seat,
                "{'type':'message','pos':'*','ts':#,'from':7,'name':'','text':'two','ref':'*'}");
    ck_assert_int_eq(joiner_wait_exit(&j), 0);
    ck_assert_uint_eq(j.out_text.len, 0);
    joiner_free(&j);
    seat_leave(seat);
}
END_TEST

START_TEST(speaks_through_a_unix_socket)
{
    char address[160];
    struct server *s;
    struct joiner j;

    snprintf(address, sizeof(address), "unix:%s", test_path("socket"));
    s = server_start(LIST("--listen", address, "--port", "0"));
    j = joiner_start(LIST(address, "--room=tea", "--id", "9", "--json"));
    joiner_write(&j, "hi\n");
    joiner_end_input(&j);
    joiner_wait_for(&j, "\"from\":9,\"name\":\"\",\"text\":\"hi\"");
    joiner_wait_for(&j, "\"room\":\"tea\"");
    joiner_expect_exit(&j, 0, NULL);
    (void)s;
}
END_TEST

/* Each text of the lines `{"type":"message",...,"text":"N",...}` must be the next number. Returns
 * how many there are. */
static unsigned count_in_order(const struct buf *out)
{
    unsigned next = 1;

    for (const char *at = out->len > 0 ? (char *)out->data : "";
         (at = strstr(at, "\"text\":\"")) != NULL;) {
        at += strlen("\"text\":\"");
        ck_assert_uint_eq(strtoul(at, NULL, 10), next);
        next++;
    }
    return next - 1;
}

/* Writes the numbers from..to as lines, in a process of its own: the pipe will be full. */
static pid_t write_numbers(struct joiner *j, unsigned from, unsigned to)
{
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        FILE *file = fdopen(j->in, "w");

        for (unsigned i = from; i <= to; i++)
            fprintf(file, "%u\n", i);
        fclose(file);
        _exit(0);
    }
    joiner_end_input(j);
    return pid;
}

START_TEST(ten_thousand_lines_arrive_in_order)
{
    struct server *s = server_start(LIST("--rate", "0", "--rate-bytes", "0"));
    struct seat *seat = seat_open(s, 1, "");
    struct joiner j = joiner_start(LIST(joiner_url(s->port, ""), "--json"));
    char text[V1_TEXT], said[32];
    char *json;

    write_numbers(&j, 1, 10000);
    free(seat_read(seat)); /* the join */
    for (unsigned i = 1; i <= 10000; i++) {
        json = seat_read(seat);
        v1_string(json, "text", text);
        ck_assert_uint_eq(strtoul(text, NULL, 10), i);
        free(json);
        if (i % 100 == 0) {
            snprintf(said, sizeof(said), "\"text\":\"%u\"", i);
            joiner_wait_for(&j, said);
        }
    }
    ck_assert_int_eq(joiner_wait_exit(&j), 0);
    ck_assert_uint_eq(count_in_order(&j.out_text), 10000);
    joiner_free(&j);
    seat_leave(seat);
}
END_TEST

static struct server *start_again(uint16_t port)
{
    char text[8];

    snprintf(text, sizeof(text), "%u", port);
    return server_start(LIST("--port", text, "--rate", "2000", "--rate-bytes", "0"));
}

/* The server goes in the middle and comes back: the program saw each of its lines once, in order.
 */
START_TEST(a_restart_loses_and_doubles_nothing)
{
    struct server *s = server_start(LIST("--rate", "2000", "--rate-bytes", "0"));
    uint16_t port = s->port;
    struct joiner j = joiner_start(LIST(joiner_url(port, ""), "--json"));

    write_numbers(&j, 1, 3000);
    joiner_wait_for(&j, "\"text\":\"500\"");
    server_signal(s, _i == 0 ? SIGTERM : SIGKILL);
    ck_assert_int_eq(server_wait_exit(s), _i == 0 ? 0 : 128 + SIGKILL);
    start_again(port);
    ck_assert_int_eq(joiner_wait_exit(&j), 0);
    ck_assert_uint_eq(count_in_order(&j.out_text), 3000);
    joiner_free(&j);
}
END_TEST

START_TEST(a_line_that_is_too_long_is_told)
{
    struct server *s = server_start(LIST("--max-message", "200"));
    struct seat *seat = seat_open(s, 1, "");
    struct joiner j = joiner_start(LIST(joiner_url(s->port, "/ws/7")));
    char longest[256] = "";
    struct buf frame;

    buf_init(&frame);
    v1_say(&frame, STR(""), 0, STR("0123456789abcdef-1"));
    memset(longest, 'x', 200 - frame.len);
    joiner_write(&j, longest);
    joiner_write(&j, "\ny");
    joiner_write(&j, longest); /* longer by one, and a line of more bytes than any frame */
    joiner_write(&j, "\n");
    for (int i = 0; i < 10; i++)
        joiner_write(&j, longest);
    joiner_write(&j, "\nlast\n");
    joiner_end_input(&j);
    seat_expect_presence(seat, "join", 7, "");
    seat_expect(seat,
                "{'type':'message','pos':'*','ts':#,'from':7,'name':'','text':'%s','ref':'*'}",
                longest);
    seat_expect(seat,
                "{'type':'message','pos':'*','ts':#,'from':7,'name':'','text':'last','ref':'*'}");
    joiner_wait_for(&j, "line 2 was not sent: it is too long for the server");
    joiner_wait_for(&j, "line 3 was not sent: it is longer than");
    joiner_expect_exit(&j, 1, "messages that were not sent: 2");
    seat_leave(seat);
    buf_deinit(&frame);
}
END_TEST

START_TEST(an_id_in_use_is_told)
{
    struct server *s = server_start(NULL);
    struct seat *seat = seat_open(s, 7, "");
    struct joiner j = joiner_start(LIST(joiner_url(s->port, "/ws/7")));

    joiner_expect_exit(&j, 1, "the id 7 is in use");
    seat_leave(seat);
}
END_TEST

START_TEST(says_how_many_are_here)
{
    static const char *const texts[] = {"as Client #7, alone\n", "as Client #8, with 1 other\n",
                                        "as Client #9, with 2 others\n"};
    struct server *s = server_start(NULL);
    struct joiner joiners[ARRAY_LEN(texts)];
    char path[] = "/ws/7";

    for (size_t i = 0; i < ARRAY_LEN(texts); i++, path[4]++) {
        joiners[i] = joiner_start(LIST(joiner_url(s->port, path), "--stay"));
        joiner_wait_for(&joiners[i], texts[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        ck_assert_int_eq(kill(joiners[i].pid, SIGINT), 0);
        joiner_expect_exit(&joiners[i], 0, NULL);
    }
}
END_TEST

START_TEST(listens_after_the_end_of_its_input)
{
    struct server *s = server_start(NULL);
    struct joiner j = joiner_start(LIST(joiner_url(s->port, "/ws/7"), "--stay"));
    struct seat *seat;

    joiner_end_input(&j);
    joiner_wait_for(&j, "you are in lobby as Client #7, alone");
    seat = seat_open(s, 1, "name=eve");
    seat_say(seat, "\\u001b[31m\\n12:00 ada: \\u202e\\tx");
    joiner_wait_for(&j, " eve: \\u001b[31m\n      12:00 ada: \\u202e    x\n");
    ck_assert_int_eq(kill(j.pid, SIGINT), 0);
    joiner_expect_exit(&j, 0, NULL);
    seat_leave(seat);
}
END_TEST

/* ---- Usage ---- */

static const char *const usage_errors[][3] = {
    {NULL, NULL, "URL"},
    {"wss://127.0.0.1/", NULL, "proxy"},
    {"https://127.0.0.1/", NULL, "proxy"},
    {"127.0.0.1:8000", NULL, "ws://"},
    {"ws://127.0.0.1/ws/0", NULL, "an id is a number"},
    {"ws://127.0.0.1/ws/9223372036854775808", NULL, "an id is a number"},
    {"ws://127.0.0.1/ws/x", NULL, "ends in /ws/ID"},
    {"ws://127.0.0.1/?room=%0a", NULL, "a room is"},
    {"ws://127.0.0.1/?room=a&room=b", NULL, "twice"},
    {"ws://127.0.0.1/?history=x", NULL, "history"},
    {"ws://127.0.0.1", "--room=", "a room is"},
    {"ws://127.0.0.1", "--name=\x01", "a name is"},
    {"ws://127.0.0.1", "--id=0", "--id"},
    {"ws://127.0.0.1", "--json=1", "--json"},
    {"ws://127.0.0.1", "--port=1", "--port"},
    {"ws://127.0.0.1", "ws://127.0.0.1", "too many"},
    {"unix:", NULL, "unix socket"},
};

START_TEST(usage_errors_exit_2)
{
    const char *const *row = usage_errors[_i];
    struct joiner j = joiner_start(LIST(row[0], row[1]));

    joiner_expect_exit(&j, 2, row[2]);
}
END_TEST

START_TEST(help_is_on_stdout)
{
    struct joiner j = joiner_start(LIST("--help"));

    joiner_wait_for(&j, "--give-up SEC");
    joiner_expect_exit(&j, 0, NULL);
}
END_TEST

START_TEST(nobody_there_is_told)
{
    struct fake fake = fake_listen();
    struct joiner j;

    close(fake.fd);
    j = joiner_start(LIST(joiner_url(fake.port, "")));
    joiner_expect_exit(&j, 1, "cannot connect: Connection refused");
}
END_TEST

/* It leaves with a close handshake, with 0. */
static void expect_leave(struct joiner *j, struct client *c)
{
    fake_expect_close(c);
    joiner_expect_success(j);
    client_close(c);
}

/* ---- Answers to the handshake ---- */

static const char *const refusals[][2] = {
    {"HTTP/1.1 400 Bad Request\r\n\r\nthe room is odd\r\n", "status 400: the room is odd\n"},
    {"HTTP/1.1 403 Forbidden\r\n\r\n", "status 403: Forbidden\n"},
    {"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", "status 403: no\n"},
    {"HTTP/1.1 404 Not Found\r\n\r\n\x1b[2J", "status 404: \\u001b[2J"},
    {"HTTP/1.1 200 OK\r\n\r\n", "status 200: OK"},
    {"HTTP/1.1 301 Moved\r\nLocation: /\r\n\r\n", "status 301: Moved"},
    {"HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
     "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
     "Sec-WebSocket-Protocol: wschat.v1\r\n\r\n",
     "Sec-WebSocket-Accept does not fit"},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 No\r\n\r\n", "status 403: No"},
    {"SSH-2.0-OpenSSH\r\n", "another protocol than HTTP"},
    {"HTTP/1.1 200 OK\n\n", "a byte that is not allowed"},
};

START_TEST(refusals_end_with_1)
{
    struct fake fake = fake_listen();
    struct joiner j = joiner_start(LIST(joiner_url(fake.port, "")));
    struct client *c = fake_accept(&fake, NULL, NULL);

    client_send(c, refusals[_i][0], strlen(refusals[_i][0]));
    shutdown(c->fd, SHUT_WR); /* fails where the program has gone already */
    joiner_expect_exit(&j, 1, refusals[_i][1]);
    client_close(c);
    close(fake.fd);
}
END_TEST

START_TEST(a_busy_server_is_asked_again)
{
    struct fake fake = fake_listen();
    struct joiner j = joiner_start(LIST(joiner_url(fake.port, "/ws/7")));
    struct client *c = fake_accept(&fake, NULL, NULL);

    client_print(c, "HTTP/1.1 %s\r\nRetry-After: 1\r\n\r\nfull\n",
                 _i == 0 ? "503 Service Unavailable" : "429 Too Many Requests");
    client_close(c);
    joiner_wait_for(&j, _i == 0 ? "status 503: full" : "status 429: full");
    c = fake_open(&fake, NULL);
    fake_welcome(c, false);
    joiner_end_input(&j);
    expect_leave(&j, c);
    close(fake.fd);
}
END_TEST

/* ---- Seats and breaks ---- */

/* A program that joined, and its connection after the welcome. */
static struct client *join_fake(struct fake *fake, struct joiner *j, const char *const *args)
{
    struct client *c;

    *j = joiner_start(args);
    c = fake_open(fake, NULL);
    fake_welcome(c, false);
    return c;
}

static void acknowledge(struct client *c, const char *text, const char *ref)
{
    fake_say(c, "{'type':'message','pos':'p-%s','ts':1,'from':7,'name':'','text':'%s','ref':'%s'}",
             text, text, ref);
}

/* The note to itself that ends the replay comes back. */
static void end_replay(struct client *c)
{
    char ref[V1_TEXT];

    fake_expect_say(c, "", ref);
    fake_say(c, "{'type':'direct','ts':1,'from':7,'to':7,'name':'','text':'','ref':'%s'}", ref);
}

/* Two messages were sent when the connection broke, and one of them had arrived. */
START_TEST(sends_again_only_what_never_came_back)
{
    struct fake fake = fake_listen();
    char one[V1_TEXT], two[V1_TEXT], again[V1_TEXT], target[1024];
    struct joiner j;
    struct client *c =
        join_fake(&fake, &j, LIST(joiner_url(fake.port, "/chat/ws/7?room=t%20a&token=x%2f")));

    joiner_write(&j, "one\ntwo\n");
    joiner_end_input(&j);
    fake_expect_say(c, "one", one);
    fake_expect_say(c, "two", two);
    client_reset(c);
    c = fake_open(&fake, target);
    ck_assert_str_eq(target, "/chat/ws/7?history=50&room=tea&since=p0&token=x%2f");
    ck_assert_str_eq(fake_offered(), "wschat.v1, key.K-_0");
    fake_welcome(c, true);
    acknowledge(c, "one", one);
    end_replay(c);
    fake_expect_say(c, "two", again);
    ck_assert_str_eq(again, two);
    acknowledge(c, "two", two);
    expect_leave(&j, c);
    close(fake.fd);
}
END_TEST

/* A server of others may make keys that are no names of subprotocols. */
START_TEST(an_odd_key_goes_by_the_query)
{
    struct fake fake = fake_listen();
    char target[1024];
    struct joiner j;
    struct client *c;

    fake_key = "K+/=";
    c = join_fake(&fake, &j, LIST(joiner_url(fake.port, "/ws/7")));
    client_reset(c);
    c = fake_open(&fake, target);
    ck_assert_str_eq(target, "/ws/7?history=50&room=tea&since=p0&key=K%2B%2F%3D");
    ck_assert_str_eq(fake_offered(), "wschat.v1");
    fake_welcome(c, true);
    joiner_wait_for(&j, "connected again");
    fake_key = "K-_0";
    joiner_end_input(&j);
    expect_leave(&j, c);
    close(fake.fd);
}
END_TEST

static void write_token(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

/* Joins a server of the test with a token, which is a.b at first. */
static struct client *join_with_token(struct fake *fake, struct joiner *j, const char **path)
{
    *fake = fake_listen();
    *path = test_path("token");
    write_token(*path, "\n a.b \r\n");
    return join_fake(fake, j, LIST(joiner_url(fake->port, "/ws/7"), "--token-file", *path));
}

START_TEST(a_new_token_in_the_file_is_taken)
{
    struct fake fake;
    char target[1024], ref[V1_TEXT];
    const char *path;
    struct joiner j;
    struct client *c = join_with_token(&fake, &j, &path);

    ck_assert_str_eq(fake_offered(), "wschat.v1, bearer.a.b");
    joiner_write(&j, "one\n");
    fake_expect_say(c, "one", ref);
    write_token(path, "c.d");
    fake_send_close(c, 4401, "the token has expired");
    client_close(c);
    c = fake_open(&fake, target);
    ck_assert_str_eq(fake_offered(), "wschat.v1, key.K-_0, bearer.c.d");
    ck_assert_ptr_null(strstr(target, "c.d"));
    fake_welcome(c, true);
    end_replay(c);
    fake_expect_say(c, "one", ref);
    acknowledge(c, "one", ref);
    joiner_end_input(&j);
    expect_leave(&j, c);
    close(fake.fd);
}
END_TEST

static const struct {
    unsigned code;
    const char *told;
} doors[] = {{4401, "does not take our token: because"},
             {4403, "lets us into tea no more: because"}};

START_TEST(a_closed_door_is_told_and_not_tried_again)
{
    struct fake fake;
    const char *path;
    struct joiner j;
    struct client *c = join_with_token(&fake, &j, &path);

    fake_send_close(c, doors[_i].code, "because");
    client_close(c);
    joiner_expect_exit(&j, 1, doors[_i].told);
    close(fake.fd);
}
END_TEST

START_TEST(the_link_of_a_moderator_has_the_token)
{
    struct fake fake = fake_listen();
    struct joiner j;
    char target[1024];
    struct client *c;

    j = joiner_start(LIST(joiner_url(fake.port, "/?room=tea#token=a.b-c")));
    c = fake_open(&fake, target);
    ck_assert_str_eq(fake_offered(), "wschat.v1, bearer.a.b-c");
    ck_assert_ptr_null(strstr(target, "a.b-c"));
    fake_send_close(c, 4401, "because");
    client_close(c);
    joiner_expect_exit(&j, 1, "does not take our token: because");
    close(fake.fd);
}
END_TEST

START_TEST(says_what_is_wrong_with_the_file_of_a_token)
{
    const char *path = test_path("token");
    struct joiner j;

    write_token(path, _i == 0 ? "two words" : "");
    j = joiner_start(LIST("ws://127.0.0.1:1", "--token-file", path));
    joiner_expect_exit(&j, 1, "there must be one token in it");
    j = joiner_start(LIST("ws://127.0.0.1:1", "--token-file", test_path("nothing")));
    joiner_expect_exit(&j, 1, "No such file");
}
END_TEST

/* What came in front of the break counts, though nobody had read it yet. */
START_TEST(what_came_before_a_reset_counts)
{
    struct fake fake = fake_listen();
    char one[V1_TEXT], target[1024];
    struct joiner j;
    struct client *c = join_fake(&fake, &j, LIST(joiner_url(fake.port, "/ws/7")));

    joiner_write(&j, "one\n");
    fake_expect_say(c, "one", one);
    ck_assert_int_eq(kill(j.program, SIGSTOP), 0);
    acknowledge(c, "one", one);
    client_reset(c);
    ck_assert_int_eq(kill(j.program, SIGCONT), 0);
    c = fake_open(&fake, target);
    ck_assert_str_eq(target, "/ws/7?history=50&room=tea&since=p-one");
    fake_welcome(c, true);
    joiner_wait_for(&j, "connected again");
    joiner_end_input(&j);
    expect_leave(&j, c);
    close(fake.fd);
}
END_TEST

/* A ref that others have heard does not count when they send it. */
START_TEST(only_its_own_echo_acknowledges)
{
    struct fake fake = fake_listen();
    char ref[V1_TEXT];
    struct joiner j;
    struct client *c = join_fake(&fake, &j, LIST(joiner_url(fake.port, "/ws/7")));

    joiner_write(&j, "one\n");
    joiner_end_input(&j);
    fake_expect_say(c, "one", ref);
    fake_say(c, "{'type':'message','pos':'p','ts':1,'from':8,'name':'','text':'x','ref':'%s'}",
             ref);
    fake_say(c, "{'type':'news'}");
    joiner_wait_for(&j, "Client #8: x");
    ck_assert_int_eq(kill(j.pid, SIGTERM), 0);
    joiner_expect_exit(&j, 1, "not acknowledged: 1");
    client_close(c);
    close(fake.fd);
}
END_TEST

START_TEST(a_refused_message_is_told)
{
    struct fake fake = fake_listen();
    char ref[V1_TEXT];
    struct joiner j;
    struct client *c = join_fake(&fake, &j, LIST(joiner_url(fake.port, "/ws/7")));

    joiner_write(&j, "one\n");
    joiner_end_input(&j);
    fake_expect_say(c, "one", ref);
    fake_say(c, "{'type':'error','code':'bad-text','text':'no \\u001b','ref':'%s'}", ref);
    joiner_wait_for(&j, "line 1 was not sent: no \\u001b");
    joiner_expect_exit(&j, 1, "messages that were not sent: 1");
    client_close(c);
    close(fake.fd);
}
END_TEST

START_TEST(another_id_is_tried_where_none_was_given)
{
    struct fake fake = fake_listen();
    char first[1024], second[1024];
    unsigned long long id;
    struct joiner j = joiner_start(LIST(joiner_url(fake.port, "/")));
    struct client *c = fake_open(&fake, first);

    fake_send_close(c, 4009, "in use");
    client_drain(c);
    client_close(c);
    c = fake_open(&fake, second);
    ck_assert_str_ne(first, second);
    ck_assert_int_eq(sscanf(second, "/ws/%llu", &id), 1);
    fake_welcome_as(c, id, false);
    joiner_end_input(&j);
    expect_leave(&j, c);
    close(fake.fd);
}
END_TEST

START_TEST(who_is_replaced_ends)
{
    struct fake fake = fake_listen();
    struct joiner j;
    struct client *c = join_fake(&fake, &j, LIST(joiner_url(fake.port, "/ws/7")));

    fake_send_close(c, 4000, "taken over");
    joiner_expect_exit(&j, 1, "another connection took this seat over");
    client_close(c);
    close(fake.fd);
}
END_TEST

START_TEST(another_id_than_ours_is_none)
{
    struct fake fake = fake_listen();
    struct joiner j;
    struct client *c = join_fake(&fake, &j, LIST(joiner_url(fake.port, "/ws/8")));

    joiner_expect_exit(&j, 1, "another id than we asked for");
    client_close(c);
    close(fake.fd);
}
END_TEST

START_TEST(gives_up_after_a_while)
{
    struct fake fake = fake_listen();
    struct joiner j;
    struct client *c =
        join_fake(&fake, &j, LIST(joiner_url(fake.port, "/ws/7"), "--give-up", "0.2"));

    close(fake.fd);
    client_reset(c);
    joiner_expect_exit(&j, 1, "there was no connection for");
}
END_TEST

START_TEST(a_silent_server_is_left)
{
    struct fake fake = fake_listen();
    struct frame frame;
    struct joiner j;
    struct client *again, *c;

    c = join_fake(
        &fake, &j,
        LIST(joiner_url(fake.port, "/ws/7"), "--ping-interval=0.1", "--ping-timeout=0.1"));
    ck_assert(fake_read(c, &frame));
    ck_assert_int_eq(frame.opcode, WS_PING);
    again = fake_open(&fake, NULL);
    fake_welcome(again, true);
    joiner_wait_for(&j, "connected again");
    joiner_end_input(&j);
    expect_leave(&j, again);
    free(frame.data);
    client_close(c);
    close(fake.fd);
}
END_TEST

START_TEST(pings_are_answered)
{
    struct fake fake = fake_listen();
    struct frame frame;
    struct joiner j;
    struct client *c = join_fake(&fake, &j, LIST(joiner_url(fake.port, "/ws/7")));

    client_send(c, "\x89\x02hi", 4);
    ck_assert(fake_read(c, &frame));
    ck_assert_int_eq(frame.opcode, WS_PONG);
    ck_assert_str_eq(frame.data, "hi");
    free(frame.data);
    joiner_end_input(&j);
    expect_leave(&j, c);
    close(fake.fd);
}
END_TEST

/* What breaks RFC 6455, or is no wschat.v1: the connection is closed with that code. */
static const struct {
    const char *bytes;
    size_t len;
    unsigned code; /* 0: not by the WebSocket itself */
    const char *why;
} faults[] = {
    {"\x81\x81\x01\x02\x03\x04\x05", 7, 1002, "masked"},
    {"\xc1\x01x", 3, 1002, "reserved"},
    {"\x81\x01\xff", 3, 1007, "UTF-8"},
    {"\x82\x01x", 3, 1003, ""},
    {"\x81\x7f\x00\x00\x00\x00\x01\x00\x00\x01", 10, 1009, ""},
    {"\x81\x02[]", 4, 0, "not wschat.v1"},
    {"\x81\x12{\"type\":\"welcome\"}", 20, 0, "not wschat.v1"},
};

START_TEST(a_faulty_server_is_left)
{
    struct fake fake = fake_listen();
    struct frame frame;
    struct joiner j;
    struct client *c = join_fake(&fake, &j, LIST(joiner_url(fake.port, "/ws/7")));

    client_send(c, faults[_i].bytes, faults[_i].len);
    if (faults[_i].code != 0) {
        ck_assert(fake_read(c, &frame));
        ck_assert_int_eq(frame.opcode, WS_CLOSE);
        ck_assert_uint_eq((unsigned)(uint8_t)frame.data[0] << 8 | (uint8_t)frame.data[1],
                          faults[_i].code);
        free(frame.data);
    }
    joiner_expect_exit(&j, 1, faults[_i].why);
    client_close(c);
    close(fake.fd);
}
END_TEST

/* ---- Bounds ---- */

START_TEST(no_more_than_so_many_are_on_their_way)
{
    struct fake fake = fake_listen();
    char ref[V1_TEXT], text[16];
    struct frame frame;
    struct joiner j;
    struct client *c = join_fake(&fake, &j, LIST(joiner_url(fake.port, "/ws/7")));

    write_numbers(&j, 1, 200000); /* far more than the pipe holds */
    for (int i = 1; i <= 128; i++) {
        snprintf(text, sizeof(text), "%d", i);
        fake_expect_say(c, text, ref);
    }
    client_send(c, "\x89\x00", 2); /* the next frame is its answer */
    ck_assert(fake_read(c, &frame));
    ck_assert_int_eq(frame.opcode, WS_PONG);
    free(frame.data);
    acknowledge(c, "128", ref);
    fake_expect_say(c, "129", ref);
    ck_assert_int_eq(kill(j.pid, SIGINT), 0);
    joiner_expect_exit(&j, 1, "not acknowledged: 128");
    client_close(c);
    close(fake.fd);
}
END_TEST

/* A server that pings and does not read gets fewer pongs than pings: they would fill memory. */
START_TEST(pongs_have_a_bound)
{
    enum { PINGS = 100000 };
    struct fake fake = fake_listen();
    char ping[2 + WS_CONTROL_MAX] = {(char)0x89, WS_CONTROL_MAX};
    struct frame frame;
    struct joiner j;
    struct client *c = join_fake(&fake, &j, LIST(joiner_url(fake.port, "/ws/7"), "--stay"));
    int pongs = 0;

    for (int i = 0; i < PINGS; i++)
        client_send(c, ping, sizeof(ping));
    fake_send_close(c, 4000, "");
    while (fake_read(c, &frame)) {
        pongs += frame.opcode == WS_PONG;
        free(frame.data);
    }
    ck_assert_int_gt(pongs, 0);
    ck_assert_int_lt(pongs, PINGS);
    joiner_expect_exit(&j, 1, "took this seat over");
    client_close(c);
    close(fake.fd);
}
END_TEST

/* JSON stays JSON, but nothing of it reaches a terminal as a control. */
START_TEST(json_comes_as_it_was_sent)
{
    struct fake fake = fake_listen();
    struct joiner j;
    struct client *c = join_fake(&fake, &j, LIST(joiner_url(fake.port, "/ws/7"), "--json"));

    fake_say(c, "{'type':'news',\n 'text':'\xc2\x9b\xc3\xa9\\n'}");
    joiner_wait_for(&j, "{\"type\":\"news\", \"text\":\"\\u009b\xc3\xa9\\n\"}\n");
    joiner_end_input(&j);
    expect_leave(&j, c);
    close(fake.fd);
}
END_TEST

START_TEST(an_output_that_is_closed_is_told)
{
    struct fake fake = fake_listen();
    struct joiner j = joiner_start(LIST(joiner_url(fake.port, "/ws/7")));
    struct client *c = fake_open(&fake, NULL);

    close(j.out);
    j.out = -1;
    fake_welcome(c, false);
    joiner_expect_exit(&j, 1, "cannot write to standard output");
    client_close(c);
    close(fake.fd);
}
END_TEST

Suite *suite_join(void)
{
    Suite *suite = suite_create("join");
    TCase *tcase = harness_case(suite, "real");

    tcase_add_test(tcase, says_each_line_and_ends_with_0);
    tcase_add_test(tcase, quiet_prints_nothing_and_says_all);
    tcase_add_test(tcase, speaks_through_a_unix_socket);
    tcase_add_test(tcase, ten_thousand_lines_arrive_in_order);
    tcase_add_loop_test(tcase, a_restart_loses_and_doubles_nothing, 0, 2);
    tcase_add_test(tcase, a_line_that_is_too_long_is_told);
    tcase_add_test(tcase, an_id_in_use_is_told);
    tcase_add_test(tcase, says_how_many_are_here);
    tcase_add_test(tcase, listens_after_the_end_of_its_input);

    tcase = harness_case(suite, "usage");
    tcase_add_loop_test(tcase, usage_errors_exit_2, 0, (int)ARRAY_LEN(usage_errors));
    tcase_add_test(tcase, help_is_on_stdout);
    tcase_add_test(tcase, nobody_there_is_told);

    tcase = harness_case(suite, "fake");
    tcase_add_loop_test(tcase, refusals_end_with_1, 0, (int)ARRAY_LEN(refusals));
    tcase_add_loop_test(tcase, a_busy_server_is_asked_again, 0, 2);
    tcase_add_test(tcase, sends_again_only_what_never_came_back);
    tcase_add_test(tcase, an_odd_key_goes_by_the_query);
    tcase_add_test(tcase, a_new_token_in_the_file_is_taken);
    tcase_add_loop_test(tcase, a_closed_door_is_told_and_not_tried_again, 0, ARRAY_LEN(doors));
    tcase_add_test(tcase, the_link_of_a_moderator_has_the_token);
    tcase_add_loop_test(tcase, says_what_is_wrong_with_the_file_of_a_token, 0, 2);
    tcase_add_test(tcase, what_came_before_a_reset_counts);
    tcase_add_test(tcase, only_its_own_echo_acknowledges);
    tcase_add_test(tcase, a_refused_message_is_told);
    tcase_add_test(tcase, another_id_is_tried_where_none_was_given);
    tcase_add_test(tcase, who_is_replaced_ends);
    tcase_add_test(tcase, another_id_than_ours_is_none);
    tcase_add_test(tcase, gives_up_after_a_while);
    tcase_add_test(tcase, a_silent_server_is_left);
    tcase_add_test(tcase, pings_are_answered);
    tcase_add_loop_test(tcase, a_faulty_server_is_left, 0, (int)ARRAY_LEN(faults));
    tcase_add_test(tcase, no_more_than_so_many_are_on_their_way);
    tcase_add_test(tcase, pongs_have_a_bound);
    tcase_add_test(tcase, json_comes_as_it_was_sent);
    tcase_add_test(tcase, an_output_that_is_closed_is_told);
    return suite;
}
