/* `wschat join` on a terminal: what a user sees while typing, and what is left of it afterwards. */
#include "joiner.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "v1.h"

Suite *suite_join_terminal(void);

#define ROWS 12
#define COLUMNS 40

static struct picture picture;
static struct fake fake;
static struct joiner joiner;
static struct client *server;

static void setup(void)
{
    ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
    unsetenv("NO_COLOR");
    fake = fake_listen();
}

static void teardown(void)
{
    close(fake.fd);
}

static void echo_sync(const char *ref)
{
    fake_say(server, "{'type':'direct','ts':0,'from':7,'to':7,'name':'','text':'','ref':'%s'}",
             ref);
}

/* Welcomes it. It asks then where the replay ends: a say to itself, whose ref goes to `sync`. */
static void welcome(bool recovered, char *sync)
{
    fake_welcome(server, recovered);
    fake_expect_say(server, "", sync);
}

/* Starts it in the room tea. */
static void start(const char *term, const char *option)
{
    char sync[V1_TEXT];

    joiner =
        joiner_start_on_terminal(LIST(joiner_url(fake.port, "/ws/7"), option), term, ROWS, COLUMNS);
    server = fake_open(&fake, NULL);
    welcome(false, sync);
    echo_sync(sync);
    picture.rows = ROWS;
    picture.columns = COLUMNS;
    joiner_wait_for(&joiner, "alone");
}

static void say(const char *text)
{
    fake_say(server, "{'type':'message','pos':'p','ts':0,'from':8,'name':'bob','text':'%s'}", text);
}

/* Waits until the cursor's row is this one, with the cursor in that column. */
static void expect_prompt(const char *row, int column)
{
    for (;;) {
        picture_draw(&picture, &joiner, picture.rows, picture.columns);
        if (strcmp(picture_row(&picture, picture.row), row) == 0 && picture.column == column)
            return;
        ck_assert_msg(joiner_read_more(&joiner), "it ended with: %s",
                      picture_row(&picture, picture.row));
    }
}

/* The row so many rows above the cursor. */
static void expect_above(int rows, const char *text)
{
    ck_assert_int_le(rows, picture.row);
    ck_assert_str_eq(picture_row(&picture, picture.row - rows), text);
}

static struct termios terminal_settings(void)
{
    struct termios settings;

    ck_assert_int_eq(tcgetattr(joiner.terminal, &settings), 0);
    return settings;
}

static bool is_raw(void)
{
    struct termios settings = terminal_settings();

    return (settings.c_lflag & (ICANON | ECHO | ISIG)) == 0;
}

/* It is gone, and the terminal is as it was before. */
static void expect_end(int status)
{
    struct termios settings;

    ck_assert_int_eq(joiner_wait_exit(&joiner), status);
    settings = terminal_settings();
    ck_assert_uint_eq(settings.c_lflag & (ICANON | ECHO | ISIG), ICANON | ECHO | ISIG);
    ck_assert_uint_ne(settings.c_iflag & ICRNL, 0);
    picture_draw(&picture, &joiner, picture.rows, picture.columns);
    ck_assert(!picture.pastes);
    ck_assert_int_eq(picture.column, 0);
    ck_assert_str_eq(picture_row(&picture, picture.row), "");
    joiner_free(&joiner);
    close(joiner.terminal);
    client_close(server);
}

/* Ctrl-C empties the line, and ends on an empty one. */
static void finish(void)
{
    joiner_write(&joiner, "x\x03\x03");
    fake_expect_close(server);
    expect_end(0);
}

START_TEST(messages_leave_what_is_typed_whole)
{
    start("xterm", "--color=never");
    ck_assert(is_raw());
    joiner_write(&joiner, "h\xc3\xa9llo \xe4\xbd\xa0\xe5\xa5\xbd e\xcc\x81x\x1b[D");
    expect_prompt("tea> h\xc3\xa9llo \xe4\xbd\xa0\xe5\xa5\xbd ex", 5 + 6 + 4 + 2);
    ck_assert(picture.pastes);
    say("one");
    say("a message that is longer than the terminal is wide");
    say("three");
    joiner_wait_for(&joiner, "three");
    expect_prompt("tea> h\xc3\xa9llo \xe4\xbd\xa0\xe5\xa5\xbd ex", 5 + 6 + 4 + 2);
    expect_above(1, "00:00 bob: three");
    expect_above(2, "      the terminal is wide");
    expect_above(3, "00:00 bob: a message that is longer than");
    expect_above(4, "00:00 bob: one");
    expect_above(5, "* /help for the commands, Ctrl-D leaves");
    expect_above(6, "* you are in tea as Client #7, alone");
    finish();
}
END_TEST

START_TEST(tab_completes_commands)
{
    start("xterm", "--color=never");
    joiner_write(&joiner, "/ro\t");
    expect_prompt("tea> /room", 5 + 6);
    joiner_write(&joiner, "\x15/r\tx");
    expect_prompt("tea> /rx", 5 + 3);
    joiner_write(&joiner, "\x15");
    finish();
}
END_TEST

START_TEST(what_is_typed_is_said)
{
    struct frame frame;
    char ref[V1_TEXT];

    start("xterm", "--color=never");
    joiner_write(&joiner, "lo\x01"
                          "hel\x05 \xe2\x82\xac\r/msg #9 psst\r//x\r\r");
    fake_expect_say(server, "hello \xe2\x82\xac", ref);
    fake_expect_say(server, "psst", ref);
    fake_expect_say(server, "/x", ref);
    joiner_write(&joiner, "\x1b[A\x1b[A\x1b[A!\r");
    fake_expect_say(server, "hello \xe2\x82\xac!", ref);
    joiner_write(&joiner, "\x1b[200~two\rlines\x1b[201~");
    expect_prompt("tea> two\xe2\x86\xb5lines", 14);
    joiner_write(&joiner, "\r");
    ck_assert(fake_read(server, &frame));
    ck_assert_ptr_nonnull(strstr(frame.data, "\"text\":\"two\\nlines\""));
    free(frame.data);
    joiner_write(&joiner, "\x03");
    fake_expect_close(server);
    expect_end(1); /* nothing of it was acknowledged */
}
END_TEST

START_TEST(commands_answer)
{
    start("xterm", "--color=never");
    joiner_write(&joiner, "/who\r/help\r/nonsense\r/msg nobody x\r/msg\r/msg #7\r/name ada\r");
    expect_prompt("tea>", 5);
    fake_expect_rename(server, "ada");
    joiner_wait_for(&joiner, "1 here: Client #7\r\n");
    joiner_wait_for(&joiner, "/name NAME");
    joiner_wait_for(&joiner, "/nonsense? See /help");
    joiner_wait_for(&joiner, "to whom? \"nobody x\"");
    joiner_wait_for(&joiner, "/msg WHO TEXT: to whom?");
    joiner_wait_for(&joiner, "/msg WHO TEXT: which text?");
    joiner_write(&joiner, "/quit\r");
    fake_expect_close(server);
    expect_end(0);
}
END_TEST

/* Nothing that others write moves the cursor: picture_draw fails on what it does not know. */
START_TEST(strangers_cannot_draw)
{
    start("xterm", "--color=always");
    joiner_write(&joiner, "abc");
    say("\\u001b[2J\\u009b31m\\u0007\\r\\u202ex\xc2\x9b\\n00:00 ada: y");
    fake_say(server, "{'type':'join','pos':'p','ts':0,'from':9,'name':'\\u001b]0;x'}");
    joiner_wait_for(&joiner, "joined");
    expect_prompt("tea> abc", 8);
    expect_above(1, "00:00 * \\u001b]0;x joined");
    expect_above(2, "      00:00 ada: y");
    expect_above(3, "      2ex\\u009b");
    expect_above(4, "      \\u001b[2J\\u009b31m\\u0007\\u000d\\u20");
    expect_above(5, "00:00 bob:");
    ck_assert_ptr_nonnull(strstr((char *)joiner.out_text.data, "\x1b[1;33mbob\x1b[0m"));
    finish();
}
END_TEST

START_TEST(long_lines_scroll)
{
    start("xterm", "--color=never");
    for (int i = 0; i < 10; i++)
        joiner_write(&joiner, "0123456789");
    joiner_write(&joiner, "end");
    joiner_wait_for(&joiner, "end");
    picture_draw(&picture, &joiner, ROWS, COLUMNS);
    ck_assert_int_eq(picture.row, 2); /* below the welcome and the hint */
    ck_assert_str_eq(picture_row(&picture, 3), "");
    ck_assert_ptr_nonnull(strstr(picture_row(&picture, picture.row), "789end"));
    joiner_write(&joiner, "\x1b[H");
    expect_prompt("tea> 0123456789012345678901234567890123", 5);
    finish();
}
END_TEST

static void resize(int columns)
{
    struct winsize size = {.ws_row = ROWS, .ws_col = (unsigned short)columns};

    ck_assert_int_eq(ioctl(joiner.terminal, TIOCSWINSZ, &size), 0);
    picture.columns = columns;
}

START_TEST(a_new_width_is_used)
{
    start("xterm", "--color=never");
    joiner_write(&joiner, "0123456789012345678901234567890123456789\x1b[H");
    expect_prompt("tea> 0123456789012345678901234567890123", 5);
    resize(30);
    expect_prompt("tea> 012345678901234567890123", 5);
    finish();
}
END_TEST

/* As readline does: what scrolled out of a narrow window is seen again in a wide one, whether all
 * of it fits there or all in front of the cursor. */
START_TEST(a_wider_window_shows_the_line_again)
{
    start("xterm", "--color=never");
    joiner_write(&joiner, "0123456789012345678901234567890123456789");
    resize(15);
    expect_prompt("tea> 6789", 5 + 4);
    resize(70);
    expect_prompt("tea> 0123456789012345678901234567890123456789", 5 + 40);
    joiner_write(&joiner, " 0123456789012345678901234567890123456789\x1b"
                          "b");
    resize(15);
    expect_prompt("tea> 789 01234", 5 + 4);
    resize(70);
    expect_prompt("tea> 0123456789012345678901234567890123456789 01234567890123456789012", 5 + 41);
    finish();
}
END_TEST

/* A window that is too narrow for the indentation below the time still has some. */
START_TEST(the_narrowest_window_indents)
{
    start("xterm", "--color=never");
    resize(15);
    say("00:00 ada: yes");
    joiner_wait_for(&joiner, "yes");
    expect_prompt("tea>", 5);
    expect_above(1, " 00:00 ada: yes");
    expect_above(2, "00:00 bob:");
    finish();
}
END_TEST

/* Neither pieces of the prompt nor words at the start of a row, though the terminal breaks rows
 * anew when it gets narrower. */
START_TEST(a_narrower_window_is_written_again)
{
    start("xterm", "--color=never");
    say("twenty-six columns later: 00:00 ada: yes, 00:00 ada: yes");
    joiner_wait_for(&joiner, "columns later");
    joiner_write(&joiner, "0123456789012345678901234567890123456789\x1b[H");
    expect_prompt("tea> 0123456789012345678901234567890123", 5);
    resize(26);
    expect_prompt("tea> 01234567890123456789", 5);
    expect_above(1, "      yes");
    expect_above(2, "      ada: yes, 00:00 ada:");
    expect_above(3, "      columns later: 00:00");
    expect_above(4, "00:00 bob: twenty-six");
    ck_assert_str_eq(picture_row(&picture, 0), "* you are in tea as Client");
    finish();
}
END_TEST

static void hear(int from, const char *text)
{
    fake_say(server, "{'type':'message','pos':'p','ts':0,'from':%d,'name':'n','text':'%s'}", from,
             text);
}

/* Old messages do not ring, nor does what one says oneself. */
START_TEST(a_mention_rings)
{
    char sync[V1_TEXT];

    joiner = joiner_start_on_terminal(LIST(joiner_url(fake.port, "/ws/7"), "--name=bob"), "xterm",
                                      ROWS, COLUMNS);
    picture.rows = ROWS;
    picture.columns = COLUMNS;
    server = fake_open(&fake, NULL);
    fake_welcome(server, false);
    fake_expect_rename(server, "bob");
    fake_expect_say(server, "", sync);
    hear(8, "old @bob");
    echo_sync(sync);
    hear(8, "bob and @bobby");
    hear(7, "@bob");
    hear(8, "hi @Bob!");
    fake_say(server, "{'type':'direct','ts':0,'from':8,'to':7,'name':'n','text':'psst'}");
    joiner_wait_for(&joiner, "psst");
    expect_prompt("tea>", 5);
    ck_assert_int_eq(picture.bells, 2);
    finish();
}
END_TEST

START_TEST(another_room_is_entered)
{
    char target[1024], sync[V1_TEXT];

    start("xterm", "--color=never");
    joiner_write(&joiner, "/room\r /room ＃green tea\r");
    joiner_wait_for(&joiner, "you are in tea; /room ROOM");
    fake_expect_close(server);
    client_close(server);
    server = fake_open(&fake, target);
    ck_assert_ptr_nonnull(strstr(target, "&room=green%20tea"));
    ck_assert_ptr_null(strstr(target, "&since="));
    ck_assert_ptr_null(strstr(target, "&key="));
    welcome(false, sync);
    joiner_wait_for(&joiner, "you are in");
    expect_prompt("tea>", 5);
    joiner_write(&joiner, "/room t\t"); /* where one was before */
    expect_prompt("tea> /room tea", 5 + 10);
    joiner_write(&joiner, "\x15");
    finish();
}
END_TEST

static void expect_order(const char *one, const char *other)
{
    struct frame frame;
    char text[256];

    ck_assert(fake_read(server, &frame));
    snprintf(text, sizeof(text), "%.*s", (int)frame.len, frame.data);
    free(frame.data);
    ck_assert_msg(strstr(text, one) != NULL && strstr(text, other) != NULL, "%s", text);
}

START_TEST(moderators_have_commands)
{
    char ref[V1_TEXT];

    start("xterm", "--color=never");
    joiner_write(&joiner, "/retract\r/kick\r");
    joiner_wait_for(&joiner, "nothing of yours");
    joiner_wait_for(&joiner, "/slow SECONDS");
    joiner_write(&joiner, "/kick #8 too loud\r/ban #8 5\r/slow 9\rsorry\r");
    expect_order("\"type\":\"kick\"", "\"reason\":\"too loud\"");
    expect_order("\"type\":\"ban\"", "\"seconds\":300");
    expect_order("\"type\":\"slow\"", "\"seconds\":9");
    fake_say(server, "{'type':'join','pos':'p8','ts':0,'from':8,'name':'eve'}");
    fake_say(server, "{'type':'ban','ban':'00c0ffee00c0ffee','ref':'8'}");
    joiner_wait_for(&joiner, "* eve may not come in again");
    fake_expect_say(server, "sorry", ref);
    fake_say(server,
             "{'type':'message','pos':'p9','ts':0,'from':7,'name':'','text':'sorry','ref':'%s'}",
             ref);
    joiner_wait_for(&joiner, "Client #7: sorry");
    joiner_write(&joiner, "/retract\r");
    expect_order("\"type\":\"retract\"", "\"of\":\"p9\"");
    finish();
}
END_TEST

START_TEST(a_broken_connection_shows_in_the_prompt)
{
    char sync[V1_TEXT];

    start("xterm", "--color=never");
    joiner_write(&joiner, "abc");
    expect_prompt("tea> abc", 8);
    client_reset(server);
    expect_prompt("tea (offline)> abc", 18);
    server = fake_open(&fake, NULL);
    welcome(true, sync);
    joiner_wait_for(&joiner, "connected again to tea");
    expect_prompt("tea> abc", 8);
    finish();
}
END_TEST

START_TEST(typing_may_begin_before_the_welcome)
{
    char ref[V1_TEXT], sync[V1_TEXT];

    joiner = joiner_start_on_terminal(LIST(joiner_url(fake.port, "/ws/7")), "xterm", ROWS, COLUMNS);
    picture.rows = ROWS;
    picture.columns = COLUMNS;
    server = fake_open(&fake, NULL);
    joiner_write(&joiner, "one\rtwo");
    expect_prompt("connecting> two", 15);
    welcome(false, sync);
    fake_expect_say(server, "one", ref);
    fake_say(server,
             "{'type':'message','pos':'p','ts':0,'from':7,'name':'','text':'one','ref':'%s'}", ref);
    expect_prompt("tea> two", 8);
    finish();
}
END_TEST

START_TEST(the_end_waits_for_what_was_said)
{
    char ref[V1_TEXT];

    start("xterm", "--color=never");
    joiner_write(&joiner, "abc\r\x04");
    fake_expect_say(server, "abc", ref);
    joiner_wait_for(&joiner, "waiting for the server to acknowledge");
    fake_say(server,
             "{'type':'message','pos':'p','ts':0,'from':7,'name':'','text':'abc','ref':'%s'}", ref);
    fake_expect_close(server);
    expect_end(0);
}
END_TEST

static const int endings[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};

START_TEST(signals_leave_the_terminal_as_it_was)
{
    start("xterm", "--color=never");
    joiner_write(&joiner, "abc");
    expect_prompt("tea> abc", 8);
    ck_assert_int_eq(kill(joiner.program, endings[_i]), 0);
    fake_expect_close(server);
    expect_end(0);
}
END_TEST

/* By the key, and by a signal of somebody else. */
START_TEST(it_can_be_stopped_and_goes_on)
{
    start("xterm", "--color=never");
    joiner_write(&joiner, "abc");
    expect_prompt("tea> abc", 8);
    if (_i == 0)
        joiner_write(&joiner, "\x1a");
    else
        ck_assert_int_eq(kill(joiner.program, SIGTSTP), 0);
    joiner_wait_stop(&joiner);
    ck_assert(!is_raw());
    ck_assert_int_eq(kill(joiner.program, SIGCONT), 0);
    joiner_write(&joiner, "d");
    expect_prompt("tea> abcd", 9);
    ck_assert(is_raw());
    ck_assert(picture.pastes);
    finish();
}
END_TEST

/* Somebody changed the terminal meanwhile. */
START_TEST(it_takes_the_terminal_back)
{
    struct termios settings;

    start("xterm", "--color=never");
    joiner_write(&joiner, "abc");
    expect_prompt("tea> abc", 8);
    settings = terminal_settings();
    ck_assert_int_eq(kill(joiner.program, SIGSTOP), 0);
    joiner_wait_stop(&joiner);
    settings.c_lflag |= ICANON | ECHO | ISIG;
    settings.c_iflag |= ICRNL;
    ck_assert_int_eq(tcsetattr(joiner.terminal, TCSANOW, &settings), 0);
    ck_assert_int_eq(kill(joiner.program, SIGCONT), 0);
    while (!is_raw())
        usleep(1000);
    joiner_write(&joiner, "d");
    expect_prompt("tea> abcd", 9);
    finish();
}
END_TEST

START_TEST(a_failure_leaves_the_terminal_as_it_was)
{
    start("xterm", "--color=never");
    joiner_write(&joiner, "abc");
    expect_prompt("tea> abc", 8);
    fake_send_close(server, 4000, "taken over");
    joiner_wait_for(&joiner, "wschat: another connection took this seat over");
    expect_end(1);
}
END_TEST

/* No escape sequence at all, and the terminal edits the line. */
START_TEST(a_dumb_terminal_is_left_alone)
{
    char ref[V1_TEXT];

    start("dumb", "--color=auto");
    ck_assert(!is_raw());
    joiner_write(&joiner, "abc\n");
    fake_expect_say(server, "abc", ref);
    say("one");
    joiner_wait_for(&joiner, "bob: one");
    joiner_write(&joiner, "/quit\n");
    fake_say(server,
             "{'type':'message','pos':'p','ts':0,'from':7,'name':'','text':'abc','ref':'%s'}", ref);
    fake_expect_close(server);
    ck_assert_int_eq(joiner_wait_exit(&joiner), 0);
    ck_assert_ptr_null(strchr((char *)joiner.out_text.data, '\x1b'));
    joiner_free(&joiner);
    close(joiner.terminal);
    client_close(server);
}
END_TEST

static bool is_coloured(const char *option)
{
    bool is;

    start("xterm", option);
    say("x");
    joiner_wait_for(&joiner, ": x");
    is = strstr((char *)joiner.out_text.data, "m") != NULL &&
         memmem(joiner.out_text.data, joiner.out_text.len, "\x1b[1;", 4) != NULL;
    finish();
    return is;
}

START_TEST(colours_are_a_choice)
{
    ck_assert(is_coloured("--color=auto"));
    ck_assert(!is_coloured("--color=never"));
    setenv("NO_COLOR", "1", 1);
    ck_assert(!is_coloured("--color=auto"));
    ck_assert(is_coloured("--color=always"));
}
END_TEST

Suite *suite_join_terminal(void)
{
    Suite *suite = suite_create("join_terminal");
    TCase *tcase = harness_case(suite, "terminal");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, messages_leave_what_is_typed_whole);
    tcase_add_test(tcase, tab_completes_commands);
    tcase_add_test(tcase, what_is_typed_is_said);
    tcase_add_test(tcase, commands_answer);
    tcase_add_test(tcase, strangers_cannot_draw);
    tcase_add_test(tcase, long_lines_scroll);
    tcase_add_test(tcase, a_new_width_is_used);
    tcase_add_test(tcase, a_wider_window_shows_the_line_again);
    tcase_add_test(tcase, the_narrowest_window_indents);
    tcase_add_test(tcase, a_narrower_window_is_written_again);
    tcase_add_test(tcase, a_mention_rings);
    tcase_add_test(tcase, another_room_is_entered);
    tcase_add_test(tcase, moderators_have_commands);
    tcase_add_test(tcase, a_broken_connection_shows_in_the_prompt);
    tcase_add_test(tcase, typing_may_begin_before_the_welcome);
    tcase_add_test(tcase, the_end_waits_for_what_was_said);
    tcase_add_loop_test(tcase, signals_leave_the_terminal_as_it_was, 0, (int)ARRAY_LEN(endings));
    tcase_add_loop_test(tcase, it_can_be_stopped_and_goes_on, 0, 2);
    tcase_add_test(tcase, it_takes_the_terminal_back);
    tcase_add_test(tcase, a_failure_leaves_the_terminal_as_it_was);
    tcase_add_test(tcase, a_dumb_terminal_is_left_alone);
    tcase_add_test(tcase, colours_are_a_choice);
    return suite;
}
