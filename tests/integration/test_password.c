/* A server without an app in front: a password that lets people in, and a link for who keeps order.
 */
#include "asker.h"
#include "joiner.h"
#include "v1.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

Suite *suite_password(void);

#define RIGHT "{\"password\":\"open sesame\"}"
#define WRONG "{\"password\":\"open barley\"}"

static void write_password(const char *text)
{
    FILE *file = fopen(test_path("password"), "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static struct server *start(void)
{
    write_password("open sesame\nnot this line\n");
    return server_start(LIST("--password-file", test_path("password")));
}

static int try(const struct server *s, const char *body)
{
    return asker_status(s, "POST", "/api/password", NULL, body);
}

/* The right answer's token. */
static void get_token(const struct server *s, char token[1024])
{
    struct response *r = asker_ask(s, "POST", "/api/password", NULL, RIGHT);
    const char *at = strstr(r->body, "\"token\":\"");

    asker_expect(r, 200);
    ck_assert_ptr_nonnull(at);
    snprintf(token, 1024, "%.*s", (int)strcspn(at + 9, "\""), at + 9);
    ck_assert_uint_gt(v1_number(r->body, "expires"), 1700000000000);
    response_free(r);
}

START_TEST(the_right_password_is_worth_a_token)
{
    struct server *s = start();
    char token[1024];

    ck_assert_int_eq(ws_refused(s, "/ws/1", ""), 401);
    ck_assert_int_eq(asker_status(s, "GET", "/api/password", NULL, NULL), 204);
    get_token(s, token);
    ws_leave(ws_open_with(s, "/ws/1?room=any", asker_bearer(token)));
    ck_assert_int_eq(asker_status(s, "GET", "/api/bans", token, NULL), 403);
    ck_assert_int_eq(asker_status(s, "GET", "/api/rooms/tea/members", token, NULL), 403);
    server_stop(s);
    ck_assert_ptr_null(strstr((char *)s->err.data, "sesame"));
    ck_assert_ptr_null(strstr((char *)s->err.data, "eyJ"));
}
END_TEST

static const struct {
    const char *body;
    int status;
} tries[] = {
    {WRONG, 403},
    {"{\"password\":\"open sesam\"}", 403},
    {"{\"password\":\"open sesamee\"}", 403},
    {"{\"password\":\"\"}", 403},
    {"{\"password\":7}", 422},
    {"{}", 422},
    {"x", 422},
    {RIGHT, 200},
};

START_TEST(nothing_else_is)
{
    struct server *s = start();

    ck_assert_int_eq(try(s, tries[_i].body), tries[_i].status);
    server_stop(s);
}
END_TEST

START_TEST(wrong_ones_have_to_wait)
{
    struct server *s = start();
    struct response *r = asker_ask(s, "POST", "/api/password", NULL, WRONG);

    for (int i = 1; i < 5; i++) {
        ck_assert_int_eq(r->status, 403);
        response_free(r);
        r = asker_ask(s, "POST", "/api/password", NULL, WRONG);
    }
    /* However slow the machine is: the last pauses are long. */
    for (int i = 0; i < 12 && r->status == 403; i++) {
        response_free(r);
        r = asker_ask(s, "POST", "/api/password", NULL, WRONG);
    }
    asker_expect(r, 429);
    ck_assert_ptr_nonnull(response_field(r, "Retry-After"));
    response_free(r);
    server_stop(s);
}
END_TEST

START_TEST(sighup_reads_it_again)
{
    struct server *s = start();

    write_password("short\n");
    server_signal(s, SIGHUP);
    server_wait_for(s, "the password stays as it is");
    ck_assert_int_eq(try(s, RIGHT), 200);
    write_password("open barley\n");
    server_signal(s, SIGHUP);
    server_wait_for(s, "the password was read again");
    ck_assert_int_eq(try(s, RIGHT), 403);
    ck_assert_int_eq(try(s, WRONG), 200);
    server_stop(s);
}
END_TEST

START_TEST(there_is_none_without_the_option)
{
    struct server *s = asker_server(NULL);

    ck_assert_int_eq(try(s, RIGHT), 404);
    ck_assert_int_eq(asker_status(s, "GET", "/api/password", NULL, NULL), 404);
    server_stop(s);
}
END_TEST

/* ---- the moderator ---- */

static void read_link(char token[1024])
{
    char line[2048];
    FILE *file = fopen(test_path("link"), "r");
    struct stat status;
    const char *at;

    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(line, sizeof(line), file));
    ck_assert_int_eq(fstat(fileno(file), &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0600);
    fclose(file);
    ck_assert_ptr_nonnull(strstr(line, "http://127.0.0.1:"));
    at = strstr(line, "/#token=");
    ck_assert_ptr_nonnull(at);
    snprintf(token, 1024, "%.*s", (int)strcspn(at + 8, "\n"), at + 8);
}

START_TEST(a_link_lets_its_holder_keep_order_and_others_enter_as_before)
{
    struct server *s = server_start(LIST("--moderator", test_path("link")));
    struct client *c = ws_open_with(s, "/ws/2", V1_FIELDS);
    char token[1024];

    read_link(token);
    client_close(c);
    ck_assert_int_eq(asker_status(s, "GET", "/api/bans", token, NULL), 200);
    ck_assert_int_eq(asker_status(s, "GET", "/api/bans", NULL, NULL), 401);
    ws_leave(ws_open(s, "/ws/3"));
    ws_leave(ws_open_with(s, "/ws/4", asker_bearer(token)));
    server_stop(s);
    ck_assert_ptr_null(strstr((char *)s->err.data, "eyJ"));
}
END_TEST

/* Whose token was banned gets no other one at that address. */
START_TEST(a_ban_holds_at_the_password_too)
{
    struct server *s;
    char mod[1024], guest[1024];
    struct client *c;

    write_password("open sesame\n");
    s = server_start(
        LIST("--password-file", test_path("password"), "--moderator", test_path("link")));
    read_link(mod);
    get_token(s, guest);
    c = ws_open_with(s, "/ws/7", asker_bearer(guest));
    {
        struct seat seat = {.id = 1, .c = client_connect(s)};
        char fields[2200];

        snprintf(fields, sizeof(fields), V1_FIELDS "%s", asker_bearer(mod));
        ws_request(seat.c, "/ws/1", fields);
        v1_expect_upgrade(seat.c);
        seat_read_welcome(&seat);
        seat_send(&seat, "{'type':'ban','id':7,'seconds':60}");
        seat_expect(&seat, "{'type':'ban','ban':'*','until':#}");
        client_close(seat.c);
    }
    ws_expect_close_later(c, 4403);
    ck_assert_int_eq(ws_refused(s, "/ws/7", asker_bearer(guest)), 403);
    ck_assert_int_eq(try(s, RIGHT), 403);
    server_stop(s);
}
END_TEST

static struct joiner join_on_terminal(const struct server *s, const char *path,
                                      const char *token_file)
{
    struct joiner j = joiner_start_on_terminal(
        LIST(joiner_url(s->port, path), token_file != NULL ? "--token-file" : NULL, token_file),
        "xterm", 24, 80);

    joiner_wait_for(&j, "you are in lobby");
    return j;
}

static void write_guest(const struct server *s)
{
    FILE *file = fopen(test_path("guest"), "w");
    char token[1024];

    ck_assert_ptr_nonnull(file);
    get_token(s, token);
    ck_assert_int_ge(fputs(token, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

/* The teacher has the link, the pupil the password; both sit at terminals. */
START_TEST(a_teacher_keeps_order_from_a_terminal)
{
    char mod[1024], path[1200];
    struct joiner teacher, pupil;
    struct server *s;

    write_password("open sesame\n");
    s = server_start(
        LIST("--password-file", test_path("password"), "--moderator", test_path("link")));
    read_link(mod);
    write_guest(s);
    snprintf(path, sizeof(path), "/#token=%s", mod);
    teacher = join_on_terminal(s, path, NULL);
    pupil = join_on_terminal(s, "/?name=eve", test_path("guest"));
    joiner_write(&pupil, "rude\r");
    joiner_wait_for(&teacher, "eve\x1b[0m: rude");
    joiner_write(&pupil, "/retract\r");
    joiner_wait_for(&teacher, "took a message back");
    joiner_write(&teacher, "/slow 3600\r");
    joiner_wait_for(&pupil, "everybody may speak once in 3600 s");
    joiner_write(&pupil, "once\rtwice\r");
    joiner_wait_for(&teacher, ": once");
    joiner_wait_for(&pupil, "not sent: twice: this room is slow");
    joiner_write(&teacher, "/ban eve 10 too loud\r");
    joiner_wait_for(&teacher, "eve\x1b[0m may not come in again");
    joiner_wait_for(&pupil, "too loud");
    joiner_wait_for(&pupil, "the server lets us into lobby no more");
    ck_assert_int_eq(joiner_wait_exit(&pupil), 1);
    joiner_free(&pupil);
    pupil = joiner_start(LIST(joiner_url(s->port, "/"), "--token-file", test_path("guest")));
    joiner_expect_exit(&pupil, 1, "you are banned from this room: lobby");
    joiner_write(&teacher, "\x04");
    joiner_expect_success(&teacher);
    server_stop(s);
}
END_TEST

START_TEST(the_link_is_printed_on_a_terminal_only)
{
    struct buf out, err;

    ck_assert_int_eq(
        program_run(&(struct launch){.args = LIST("--port=0", "--moderator=-")}, &out, &err), 1);
    ck_assert_ptr_nonnull(strstr((char *)err.data, "no terminal"));
    ck_assert_ptr_null(strstr((char *)err.data, "#token="));
    buf_deinit(&out);
    buf_deinit(&err);
}
END_TEST

Suite *suite_password(void)
{
    Suite *suite = suite_create("password");
    TCase *tcase = harness_case(suite, "password");

    tcase_add_test(tcase, the_right_password_is_worth_a_token);
    tcase_add_loop_test(tcase, nothing_else_is, 0, (int)ARRAY_LEN(tries));
    tcase_add_test(tcase, wrong_ones_have_to_wait);
    tcase_add_test(tcase, sighup_reads_it_again);
    tcase_add_test(tcase, there_is_none_without_the_option);
    tcase = harness_case(suite, "moderator");
    tcase_add_test(tcase, a_link_lets_its_holder_keep_order_and_others_enter_as_before);
    tcase_add_test(tcase, a_ban_holds_at_the_password_too);
    tcase_add_test(tcase, a_teacher_keeps_order_from_a_terminal);
    tcase_add_test(tcase, the_link_is_printed_on_a_terminal_only);
    return suite;
}
