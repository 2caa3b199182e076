/* A server with --journal, killed and started again. */
#include "v1.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

Suite *suite_journal(void);

static const char *folder(void)
{
    return test_path("journal");
}

static const char *first_segment(void)
{
    static char path[512];

    snprintf(path, sizeof(path), "%s/0000000000000001", folder());
    return path;
}

static struct server *start(const char *sync)
{
    return server_start(LIST("--journal", folder(), "--journal-sync", sync, "--leave-grace", "60"));
}

static void kill_server(struct server *s)
{
    server_signal(s, SIGKILL);
    ck_assert_int_eq(server_wait_exit(s), 128 + SIGKILL);
}

/* Connects a seat anew, in place of the connection that went with the server. */
static void come_back(struct seat *seat, const struct server *s, const char *more)
{
    struct client *before = seat_connect(seat, s, more);

    if (before != NULL)
        client_close(before);
}

/* Runs `wschat journal COMMAND`; what it says on stdout is in *out. Returns its exit status. */
static int journal(const char *command, const char *option, struct buf *out)
{
    struct launch launch = {.args = LIST("journal", command, folder(), option)};
    struct buf err;
    int status;

    buf_init(out);
    buf_init(&err);
    status = program_run(&launch, out, &err);
    buf_deinit(&err);
    return status;
}

static void expect_verified(int wanted)
{
    struct buf out;

    ck_assert_int_eq(journal("verify", NULL, &out), wanted);
    buf_deinit(&out);
}

static const char *const modes[] = {"always", "interval", "never"};

/* What a page sees of it is a glitch of the network. */
START_TEST(a_killed_server_is_a_glitch)
{
    struct server *s = start(modes[_i]);
    struct seat *ada = seat_open(s, 1, "room=tea&name=ada"), *eve = seat_open(s, 2, "room=tea");

    seat_expect_presence(ada, "join", 2, "");
    seat_send(ada, "{'type':'say','text':'one','ref':'r1'}");
    seat_expect(ada, "{'type':'message','pos':'*','ts':#,'from':1,'name':'ada','text':'one',"
                     "'ref':'r1'}");
    kill_server(s);
    s = start(modes[_i]);
    come_back(ada, s, "&room=tea");
    seat_read_welcome(ada);
    ck_assert(ada->recovered);
    ck_assert_uint_eq(ada->count, 2);
    seat_say(ada, "two");
    seat_expect(ada, "{'type':'message','pos':'*','ts':#,'from':1,'name':'ada','text':'two'}");
    come_back(eve, s, "&room=tea");
    seat_read_welcome(eve);
    ck_assert(eve->recovered);
    seat_expect_presence(eve, "join", 2, "");
    seat_expect(eve, "{'type':'message','pos':'*','ts':#,'from':1,'name':'ada','text':'one',"
                     "'ref':'r1'}");
    seat_expect(eve, "{'type':'message','pos':'*','ts':#,'from':1,'name':'ada','text':'two'}");
    seat_sync(ada);
    seat_drop(ada);
    seat_drop(eve);
}
END_TEST

START_TEST(a_stop_keeps_seats_and_the_key_counts)
{
    struct server *s = start("always");
    struct seat *ada = seat_open(s, 1, "room=tea&name=ada");
    struct client *stranger;

    seat_say(ada, "one");
    free(seat_read(ada));
    server_signal(s, SIGTERM);
    ws_expect_close_later(ada->c, 1001);
    ada->c = NULL;
    ck_assert_int_eq(server_wait_exit(s), 0);
    expect_verified(0);
    s = start("always");
    stranger = ws_open_with(s, "/ws/1?room=tea&key=00112233445566778899aabbccddeeff", "");
    ws_expect_close(stranger, 4009);
    come_back(ada, s, "&room=tea");
    seat_read_welcome(ada);
    ck_assert(ada->recovered);
    seat_sync(ada);
    seat_drop(ada);
}
END_TEST

/* Its leave is committed, and only then it asks for its join. */
START_TEST(a_seat_that_moves)
{
    struct server *s = start("always");
    struct seat *ada = seat_open(s, 1, "room=tea&name=ada");

    kill_server(s);
    s = start("always");
    come_back(ada, s, "&room=coffee");
    seat_read_welcome(ada);
    ck_assert(!ada->recovered);
    ck_assert_uint_eq(ada->count, 1);
    seat_leave(ada);
}
END_TEST

START_TEST(text_clients_leave_with_a_restart)
{
    struct server *s = start("always");
    struct client *text = ws_open_chat(s, 7);
    struct seat *ada;

    ws_send_text(text, "hello");
    ws_expect_text(text, "You wrote: hello");
    kill_server(s);
    client_close(text);
    s = start("always");
    ada = seat_open(s, 1, "history=10");
    seat_expect(ada, "{'type':'message','pos':'*','ts':#,'from':7,'name':'','text':'hello'}");
    ck_assert_uint_eq(ada->count, 1);
    seat_leave(ada);
}
END_TEST

static void flip(const char *name, off_t offset)
{
    char path[512];
    uint8_t byte;
    int fd;

    snprintf(path, sizeof(path), "%s/%s", folder(), name);
    fd = open(path, O_RDWR);
    ck_assert_int_eq(pread(fd, &byte, 1, offset), 1);
    byte ^= 1;
    ck_assert_int_eq(pwrite(fd, &byte, 1, offset), 1);
    close(fd);
}

START_TEST(a_damaged_journal_is_repaired_by_hand)
{
    struct launch launch = {.args = LIST("--port", "0", "--journal", folder())};
    struct server *s = start("always");
    struct seat *ada = seat_open(s, 1, "");
    struct buf out, err;

    for (int i = 0; i < 4; i++) {
        seat_say(ada, "words");
        free(seat_read(ada));
    }
    seat_drop(ada);
    server_stop(s);
    flip("0000000000000001", 100);
    buf_init(&out);
    buf_init(&err);
    ck_assert_int_eq(program_run(&launch, &out, &err), 1);
    ck_assert_ptr_nonnull(strstr((char *)err.data, "wschat journal verify"));
    buf_deinit(&out);
    buf_deinit(&err);
    expect_verified(1);
    ck_assert_int_eq(journal("repair", NULL, &out), 0);
    ck_assert_ptr_nonnull(strstr((char *)out.data, "damaged-"));
    buf_deinit(&out);
    expect_verified(0);
    server_stop(start("always"));
}
END_TEST

START_TEST(a_dump_reads_a_live_journal_and_escapes)
{
    struct server *s = start("always");
    struct seat *ada = seat_open(s, 1, "room=tea&name=ada");
    struct launch second = {.args = LIST("--port", "0", "--journal", folder())};
    struct buf out, err;

    seat_send(ada, "{'type':'say','text':'a\\u001b[2Jb'}");
    free(seat_read(ada));
    ck_assert_int_eq(journal("dump", "--json", &out), 0);
    ck_assert_ptr_nonnull(strstr((char *)out.data, "\"text\":\"a\\u001b[2Jb\""));
    ck_assert_ptr_nonnull(strstr((char *)out.data, "\"room\":\"tea\""));
    ck_assert_ptr_null(memchr(out.data, 0x1b, out.len));
    buf_deinit(&out);
    ck_assert_int_eq(journal("dump", NULL, &out), 0);
    ck_assert_ptr_null(memchr(out.data, 0x1b, out.len));
    buf_deinit(&out);
    ck_assert_int_eq(journal("repair", NULL, &out), 1);
    buf_deinit(&out);
    buf_init(&out);
    buf_init(&err);
    ck_assert_int_eq(program_run(&second, &out, &err), 1);
    ck_assert_ptr_nonnull(strstr((char *)err.data, "another server uses it"));
    buf_deinit(&out);
    buf_deinit(&err);
    seat_drop(ada);
}
END_TEST

/* What came back is there after any number of kills, once and in order. */
START_TEST(nothing_acknowledged_is_lost)
{
    struct server *s = start("always");
    struct seat *ada = seat_open(s, 1, "room=tea"), *eve;
    char text[32];
    int said = 0;

    for (int kills = 0; kills < 10; kills++) {
        for (int i = 0; i < 8; i++) {
            snprintf(text, sizeof(text), "message %d", said++);
            seat_say(ada, text);
            seat_expect_message(ada, 1, text);
        }
        kill_server(s);
        s = start("always");
        come_back(ada, s, "&room=tea");
        seat_read_welcome(ada);
        ck_assert(ada->recovered);
        seat_sync(ada);
    }
    eve = seat_open(s, 2, "room=tea&history=100");
    for (int i = 0; i < said; i++) {
        snprintf(text, sizeof(text), "message %d", i);
        seat_expect_message(eve, 1, text);
    }
    seat_drop(ada);
    seat_drop(eve);
}
END_TEST

/* Old segments go; whoever came in the first of them is still there, and is who it was. */
START_TEST(a_seat_outlives_the_segment_of_its_join)
{
    const char *const *args = LIST("--journal", folder(), "--history", "3", "--leave-grace", "60");
    struct server *s = server_start(args);
    struct seat *ada = seat_open(s, 1, "room=tea");

    for (int kills = 0; kills < 7; kills++) {
        for (int i = 0; i < 20; i++) {
            seat_say(ada, "words");
            seat_expect_message(ada, 1, "words");
        }
        kill_server(s);
        s = server_start(args);
        come_back(ada, s, "&room=tea");
        seat_read_welcome(ada);
        ck_assert(ada->recovered);
        seat_sync(ada);
    }
    ck_assert_int_eq(access(first_segment(), F_OK), -1);
    seat_drop(ada);
}
END_TEST

/* ---- a journal of an earlier version ---- */

/* tests/fixtures has a journal of each version of the format, of a server that was killed. */
static void copy_old_journal(int version)
{
    char path[512], bytes[4096];
    ssize_t len;
    int from, to;

    snprintf(path, sizeof(path), WSCHAT_FIXTURES "/journal-%d/0000000000000001", version);
    from = open(path, O_RDONLY);
    len = read(from, bytes, sizeof(bytes));

    close(from);
    ck_assert_int_gt(len, 0);
    ck_assert_int_eq(mkdir(folder(), 0700), 0);
    snprintf(path, sizeof(path), "%s/0000000000000001", folder());
    to = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    ck_assert_int_eq(write(to, bytes, (size_t)len), len);
    close(to);
}

START_TEST(an_older_journal_is_read)
{
    struct seat *ada = calloc(1, sizeof(*ada)), *eve;
    struct server *s;

    copy_old_journal(1);
    expect_verified(0);
    s = start("always");
    ck_assert_ptr_nonnull(ada);
    ada->id = 1;
    snprintf(ada->key, sizeof(ada->key), "c712c7c3c12f4578da4210c9c622db5f");
    snprintf(ada->pos, sizeof(ada->pos), "9a5ce7718614156d-4");
    come_back(ada, s, "&room=tea");
    seat_read_welcome(ada);
    ck_assert(ada->recovered);
    ck_assert_uint_eq(ada->count, 1);
    seat_expect(ada, "{'type':'message','pos':'9a5ce7718614156d-5','ts':#,'from':1,"
                     "'name':'ada lovelace','text':'two\\nlines \u2615'}");
    seat_expect_presence(ada, "leave", 2, "");
    seat_sync(ada);
    eve = seat_open(s, 2, "room=caf%C3%A9");
    seat_expect_message(eve, 7, "hello from the caf\u00e9");
    seat_drop(eve);
    seat_drop(ada);
}
END_TEST

/* Version 2 came when there were replies, data and reactions. */
START_TEST(a_journal_of_version_2_is_read)
{
    struct server *s;
    struct seat *eve;

    copy_old_journal(2);
    expect_verified(0);
    s = start("always");
    eve = seat_open(s, 2, "room=tea&history=9");
    seat_expect(eve, "{'type':'message','pos':'1b75536e6569fa67-2','ts':#,'from':1,'name':'ada',"
                     "'text':'one','reactions':{'\xf0\x9f\x91\x8d':[1]},'ref':'r1'}");
    seat_expect(eve, "{'type':'message','pos':'1b75536e6569fa67-3','ts':#,'from':1,'name':'ada',"
                     "'text':'two','re':'1b75536e6569fa67-2','data':{'n':[1,2]}}");
    seat_expect(eve, "{'type':'message','pos':'1b75536e6569fa67-4','ts':#,'from':1,'name':'ada',"
                     "'data':{'x':'only'}}");
    seat_sync(eve);
    seat_drop(eve);
}
END_TEST

/* ---- a disk without space ---- */

/* No file of the server may be longer than this: what a full disk is to it. */
static void limit_files(const struct server *s, rlim_t most)
{
    struct rlimit limit;

    ck_assert_int_eq(prlimit(s->pid, RLIMIT_FSIZE, NULL, &limit), 0);
    limit.rlim_cur = most;
    ck_assert_int_eq(prlimit(s->pid, RLIMIT_FSIZE, &limit, NULL), 0);
}

static void fill_disk(const struct server *s)
{
    struct stat st;

    ck_assert_int_eq(stat(first_segment(), &st), 0);
    limit_files(s, (rlim_t)st.st_size);
}

/* Nobody hears what was refused, neither now nor after the next start. */
static void expect_one_and_three(const struct server *s)
{
    struct seat *zoe = seat_open(s, 5, "room=tea");

    seat_expect_message(zoe, 1, "one");
    seat_expect_message(zoe, 1, "three");
    seat_drop(zoe);
}

/* Those who are there stay, and it goes on by itself. */
START_TEST(a_full_disk)
{
    struct server *s = start(modes[_i]);
    struct seat *ada = seat_open(s, 1, "room=tea"), *eve = seat_open(s, 2, "room=tea");
    struct client *text = ws_open(s, "/ws/7?room=tea");

    seat_expect_presence(ada, "join", 2, "");
    seat_expect_presence(ada, "join", 7, "");
    seat_say(ada, "one");
    seat_expect_message(ada, 1, "one");
    fill_disk(s);
    seat_send(ada, "{'type':'say','text':'two','ref':'r2'}");
    seat_expect_error(ada, "journal", "r2");
    server_wait_for(s, "the journal cannot be written: messages are refused until it can");
    ws_send_text(text, "two");
    ws_expect_text(text, "Client #1 says: one");
    ws_expect_close(text, 1013);
    ws_expect_close(v1_connect(s, 3, "room=tea"), 1013);
    ws_expect_close(ws_open(s, "/ws/4?room=tea"), 1013);
    seat_send(ada, "{'type':'say','text':'two again','ref':'r3'}");
    seat_expect_error(ada, "journal", "r3");
    limit_files(s, RLIM_INFINITY);
    seat_expect_presence(ada, "leave", 7, "");
    server_wait_for(s, "the journal can be written again");
    seat_say(ada, "three");
    seat_expect_message(ada, 1, "three");
    kill_server(s);
    s = start(modes[_i]);
    come_back(ada, s, "&room=tea");
    seat_read_welcome(ada);
    ck_assert(ada->recovered);
    ck_assert_uint_eq(ada->count, 2);
    seat_sync(ada);
    seat_drop(ada);
    expect_one_and_three(s);
    seat_drop(eve);
}
END_TEST

/* What somebody removed takes no more, for nobody would find it again. */
START_TEST(a_journal_that_was_removed)
{
    struct server *s = start("always");
    struct seat *ada = seat_open(s, 1, "room=tea");

    ck_assert_int_eq(unlink(first_segment()), 0);
    seat_send(ada, "{'type':'say','text':'lost','ref':'r1'}");
    seat_expect_error(ada, "journal", "r1");
    server_wait_for(s, "the journal cannot be written");
    seat_drop(ada);
    server_stop(s);
}
END_TEST

/* Replies, data and reactions are there again, live and replayed, and after a second kill. */
START_TEST(what_is_said_of_messages_outlives_kills)
{
    struct server *s = start("always");
    struct seat *ada = seat_open(s, 1, "room=tea"), *eve;
    char first[V1_TEXT];

    seat_say(ada, "hello");
    seat_expect_message(ada, 1, "hello");
    snprintf(first, sizeof(first), "%s", ada->pos);
    for (int i = 0; i < 3; i++) {
        seat_send(ada, "{'type':'react','to':'%s','emoji':'%c','on':%s,'ref':'%d'}", first,
                  i == 1 ? 'b' : 'a', i == 2 ? "false" : "true", i);
        seat_expect(ada,
                    "{'type':'react','pos':'*','ts':#,'from':1,'name':'','to':'%s',"
                    "'emoji':'%c','on':%s,'ref':'%d'}",
                    first, i == 1 ? 'b' : 'a', i == 2 ? "false" : "true", i);
    }
    seat_send(ada, "{'type':'say','re':'%s','data':{'x':null}}", first);
    free(seat_read(ada));
    snprintf(ada->pos, sizeof(ada->pos), "%s", first);
    for (int kills = 0; kills < 2; kills++) {
        kill_server(s);
        s = start("always");
        eve = seat_open(s, 2 + (uint64_t)kills, "room=tea&history=9");
        seat_expect(eve,
                    "{'type':'message','pos':'%s','ts':#,'from':1,'name':'','text':'hello',"
                    "'reactions':{'b':[1]}}",
                    first);
        seat_expect(eve,
                    "{'type':'message','pos':'*','ts':#,'from':1,'name':'','re':'%s',"
                    "'data':{'x':null}}",
                    first);
        seat_drop(eve);
    }
    come_back(ada, s, "&room=tea");
    seat_read_welcome(ada);
    ck_assert(ada->recovered);
    for (int i = 0; i < 3; i++)
        seat_expect(ada,
                    "{'type':'react','pos':'*','ts':#,'from':1,'name':'','to':'%s',"
                    "'emoji':'%c','on':%s,'ref':'%d'}",
                    first, i == 1 ? 'b' : 'a', i == 2 ? "false" : "true", i);
    seat_drop(ada);
}
END_TEST

/* A room or a name that reads like the rest of a line is told from it. */
START_TEST(a_dump_tells_names_from_the_line)
{
    struct server *s = start("always");
    struct seat *eve = seat_open(s, 2, "room=tea%20%231%20ada:%20hi&name=ada%20(join)");
    struct buf out;

    seat_send(eve, "{'type':'say','text':'x'}");
    free(seat_read(eve));
    ck_assert_int_eq(journal("dump", NULL, &out), 0);
    buf_append_char(&out, '\0');
    ck_assert_ptr_nonnull(
        strstr((char *)out.data, " \"tea #1 ada\\u003a hi\" #2 \"ada (join)\": x\n"));
    buf_deinit(&out);
    seat_drop(eve);
}
END_TEST

START_TEST(a_dump_tells_what_is_said_of_messages)
{
    struct server *s = start("always");
    struct seat *ada = seat_open(s, 1, "room=tea");
    char expected[300];
    struct buf out;

    seat_send(ada, "{'type':'say','data':{'x':null}}");
    free(seat_read(ada));
    seat_send(ada, "{'type':'react','to':'%s','emoji':'+'}", ada->pos);
    snprintf(expected, sizeof(expected), "\"emoji\":\"+\",\"to\":\"%s\",\"on\":true}", ada->pos);
    free(seat_read(ada));
    ck_assert_int_eq(journal("dump", "--json", &out), 0);
    ck_assert_ptr_nonnull(strstr((char *)out.data, "\"data\":{\"x\":null}}"));
    ck_assert_ptr_null(strstr((char *)out.data, "\"text\""));
    ck_assert_ptr_nonnull(strstr((char *)out.data, expected));
    buf_deinit(&out);
    ck_assert_int_eq(journal("dump", NULL, &out), 0);
    ck_assert_ptr_nonnull(strstr((char *)out.data, ": {\"x\":null}"));
    ck_assert_ptr_nonnull(strstr((char *)out.data, "(react)"));
    buf_deinit(&out);
    seat_drop(ada);
}
END_TEST

Suite *suite_journal(void)
{
    Suite *suite = suite_create("journal");
    TCase *tc = harness_case(suite, "journal");

    tcase_add_loop_test(tc, a_killed_server_is_a_glitch, 0, 3);
    tcase_add_test(tc, a_stop_keeps_seats_and_the_key_counts);
    tcase_add_test(tc, a_seat_that_moves);
    tcase_add_test(tc, text_clients_leave_with_a_restart);
    tcase_add_test(tc, a_damaged_journal_is_repaired_by_hand);
    tcase_add_test(tc, a_dump_reads_a_live_journal_and_escapes);
    tcase_add_test(tc, nothing_acknowledged_is_lost);
    tcase_add_test(tc, a_seat_outlives_the_segment_of_its_join);
    tcase_add_test(tc, what_is_said_of_messages_outlives_kills);
    tcase_add_test(tc, a_dump_tells_names_from_the_line);
    tcase_add_test(tc, a_dump_tells_what_is_said_of_messages);
    tcase_add_test(tc, an_older_journal_is_read);
    tcase_add_test(tc, a_journal_of_version_2_is_read);
    tcase_add_loop_test(tc, a_full_disk, 0, 3);
    tcase_add_test(tc, a_journal_that_was_removed);
    return suite;
}
