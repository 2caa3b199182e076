/* A server with --journal on a disk that fails: each failure has a line, and people stay where they
 * can. The program is the one on a faulty kernel (tests/faults/environment.c). */
#include "v1.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_journal_failures(void);

static const char *folder(void)
{
    return test_path("journal");
}

/* Has what is started from here on be that program. */
static void use_faulty(void)
{
    setenv("WSCHAT_BIN", faulty_path(), 1);
}

static struct server *start(const char *sync, const char *faults)
{
    struct launch launch = {
        .args = LIST("--journal", folder(), "--journal-sync", sync, "--leave-grace", "60"),
        .env = LIST(faults),
    };

    use_faulty();
    return server_start_with(&launch);
}

static const char *const modes[] = {"always", "interval", "never"};

static const char lost_line[] = "fdatasync: Input/output error: nobody knows what is on the disk, "
                                "so the server ends; start it again when the disk is well";

/* The first sync of a file is that of its header; what fails is that of the message. Nobody is told
 * that it is there. */
START_TEST(a_failed_sync_ends_the_server)
{
    struct server *s = start(modes[_i], "FAULTS=fdatasync=EIO:2-9");
    struct client *ada = v1_connect(s, 1, "room=tea");

    /* Her coming is the first record; with `always` she is never told that she is there. */
    if (_i == 0)
        client_expect_eof(ada);
    ck_assert_int_eq(server_wait_exit(s), 1);
    ck_assert_ptr_nonnull(strstr((char *)s->err.data, lost_line));
    client_close(ada);
}
END_TEST

/* With `never` the end syncs for the first time; nobody is connected any more. */
START_TEST(a_sync_that_fails_at_the_end)
{
    struct server *s = start(modes[2], "FAULTS=fdatasync=EIO:2-9");
    struct seat *ada = seat_open(s, 1, "room=tea");

    seat_say(ada, "one");
    seat_expect_message(ada, 1, "one");
    seat_leave(ada);
    server_signal(s, SIGTERM);
    ck_assert_int_eq(server_wait_exit(s), 1);
    ck_assert_ptr_nonnull(strstr((char *)s->err.data, lost_line));
}
END_TEST

/* The first message cannot be written, the next one can: about a second later. */
START_TEST(what_cannot_be_written_is_refused)
{
    static const char *const faults[] = {"FAULTS=pwrite=EDQUOT:3-3", "FAULTS=pwrite=ENOSPC:3-3",
                                         "FAULTS=pwrite=EIO:3-3", "FAULTS=pwrite=EROFS:3-3"};
    static const char *const reasons[] = {"Disk quota exceeded", "No space left on device",
                                          "Input/output error", "Read-only file system"};
    struct server *s = start("always", faults[_i]);
    struct seat *ada = seat_open(s, 1, "room=tea");

    seat_send(ada, "{'type':'say','text':'one','ref':'r1'}");
    seat_expect_error(ada, "journal", "r1");
    server_wait_for(s, "the journal cannot be written: messages are refused until it can");
    server_wait_for(s, reasons[_i]);
    do {
        char *answer;

        seat_send(ada, "{'type':'say','text':'two','ref':'r2'}");
        answer = seat_read(ada);
        if (strstr(answer, "\"message\"") != NULL) {
            free(answer);
            break;
        }
        free(answer);
        usleep(20000);
    } while (true);
    server_wait_for(s, "the journal can be written again");
    seat_leave(ada);
    server_stop(s);
}
END_TEST

/* The first segment of a quota that is used up: space is asked for before anything is written. */
START_TEST(a_quota_is_found_with_the_first_byte)
{
    struct server *s = start("always", "FAULTS=fallocate=EDQUOT:1-1");

    ws_expect_close(v1_connect(s, 1, "room=tea"), 1013);
    server_wait_for(s, "Disk quota exceeded");
    server_stop(s);
}
END_TEST

/* Starts it; it must end with 1 and say this. */
static void expect_no_start(const char *faults, const char *line)
{
    struct launch launch = {.args = LIST("--port", "0", "--journal", folder()),
                            .env = LIST(faults)};
    struct buf out, err;

    use_faulty();
    buf_init(&out);
    buf_init(&err);
    ck_assert_int_eq(program_run(&launch, &out, &err), 1);
    ck_assert_msg(strstr((char *)err.data, line) != NULL, "%s", (char *)err.data);
    ck_assert_ptr_null(strstr((char *)err.data, "listening"));
    buf_deinit(&out);
    buf_deinit(&err);
}

START_TEST(a_read_only_file_system)
{
    expect_no_start("FAULTS=mkdir=EROFS:1-9", "Read-only file system");
    server_stop(start("always", "FAULTS="));
    expect_no_start("FAULTS=openat=EROFS:1-9", "Read-only file system");
}
END_TEST

/* A folder is made, not a path: what is misspelt would be found empty at each start. */
START_TEST(a_folder_without_a_parent)
{
    struct launch launch = {.args = LIST("--port", "0", "--journal", test_path("none/journal"))};
    struct buf out, err;

    buf_init(&out);
    buf_init(&err);
    ck_assert_int_eq(program_run(&launch, &out, &err), 1);
    ck_assert_ptr_nonnull(
        strstr((char *)err.data, "none/journal: the folder that it is to be made in is not there"));
    ck_assert_ptr_null(strstr((char *)err.data, "listening"));
    buf_deinit(&out);
    buf_deinit(&err);
}
END_TEST

static void remove_folder(void)
{
    DIR *dir = opendir(folder());
    struct dirent *entry;

    ck_assert_ptr_nonnull(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.')
            ck_assert_int_eq(unlinkat(dirfd(dir), entry->d_name, 0), 0);
    }
    closedir(dir);
    ck_assert_int_eq(rmdir(folder()), 0);
}

/* Who is there stays; what they say is refused, for nobody would find it again. */
START_TEST(a_folder_that_vanishes)
{
    struct server *s = start(modes[_i], "FAULTS=");
    struct seat *ada = seat_open(s, 1, "room=tea");

    remove_folder();
    seat_send(ada, "{'type':'say','text':'lost','ref':'r1'}");
    seat_expect_error(ada, "journal", "r1");
    server_wait_for(s, "the journal cannot be written: messages are refused until it can");
    server_wait_for(s, "No such file or directory");
    seat_drop(ada);
    server_stop(s);
}
END_TEST

/* One that is only moved goes on being written: it is the same folder. */
START_TEST(a_folder_that_is_moved)
{
    struct server *s = start("always", "FAULTS=");
    struct seat *ada = seat_open(s, 1, "room=tea");

    ck_assert_int_eq(rename(folder(), test_path("moved")), 0);
    seat_say(ada, "one");
    seat_expect_message(ada, 1, "one");
    server_signal(s, SIGKILL);
    ck_assert_int_eq(server_wait_exit(s), 128 + SIGKILL);
    seat_drop(ada);
    ck_assert_int_eq(rename(test_path("moved"), folder()), 0);
    s = start("always", "FAULTS=");
    ada = seat_open(s, 2, "room=tea&history=1");
    seat_expect_message(ada, 1, "one");
    seat_drop(ada);
}
END_TEST

Suite *suite_journal_failures(void)
{
    Suite *suite = suite_create("journal_failures");
    TCase *tc = harness_case(suite, "journal_failures");

    tcase_add_loop_test(tc, a_failed_sync_ends_the_server, 0, 2);
    tcase_add_test(tc, a_sync_that_fails_at_the_end);
    tcase_add_loop_test(tc, what_cannot_be_written_is_refused, 0, 4);
    tcase_add_test(tc, a_quota_is_found_with_the_first_byte);
    tcase_add_test(tc, a_read_only_file_system);
    tcase_add_test(tc, a_folder_without_a_parent);
    tcase_add_loop_test(tc, a_folder_that_vanishes, 0, 3);
    tcase_add_test(tc, a_folder_that_is_moved);
    return suite;
}
