/* A server without --journal and --redis beside a program that has neither (tests/without): the
 * same people do the same, and both make the same calls of the system, take the same memory and say
 * the same. */
#include "exposition.h"
#include "v1.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

Suite *suite_without(void);

#define CALLS 512 /* their numbers are below */
#define CROWD 500

static const char *const programs[2] = {NULL, WSCHAT_WITHOUT};

/* Has what is started from here on be that program; NULL: the usual one. */
static void use(const char *program)
{
    static const char *usual;

    if (usual == NULL)
        usual = strdup(program_path());
    setenv("WSCHAT_BIN", program == NULL ? usual : program, 1);
}

struct people {
    struct seat *ada, *eve;
    struct client *text;
};

/* Each thing is waited for before the next one begins. */
static void talk(struct people *p, const struct server *s)
{
    p->ada = seat_open(s, 1, "room=tea");
    p->eve = seat_open(s, 2, "room=tea");
    seat_expect_presence(p->ada, "join", 2, "");
    p->text = ws_open(s, "/ws/7?room=tea");
    seat_expect_presence(p->ada, "join", 7, "");
    seat_expect_presence(p->eve, "join", 7, "");
    for (int i = 0; i < 20; i++) {
        seat_say(p->ada, "hello");
        seat_expect_message(p->ada, 1, "hello");
        seat_expect_message(p->eve, 1, "hello");
        ws_expect_text(p->text, "Client #1 says: hello");
    }
    seat_send(p->eve, "{'type':'rename','name':'eve'}");
    seat_expect_presence(p->eve, "rename", 2, "eve");
    seat_expect_presence(p->ada, "rename", 2, "eve");
}

static void go(struct people *p)
{
    client_close(p->text);
    seat_expect_presence(p->ada, "leave", 7, "");
    seat_expect_presence(p->eve, "leave", 7, "");
    seat_leave(p->eve);
    seat_expect_presence(p->ada, "leave", 2, "eve");
    seat_leave(p->ada);
}

/* ---- calls ---- */

static const char *calls_path(int i)
{
    return test_path(i == 0 ? "calls" : "calls-without");
}

/* How often it waits and asks for random bytes is a matter of time. */
static bool is_of_time(long call)
{
    static const long calls[] = {
#ifdef SYS_epoll_wait
        SYS_epoll_wait,
#endif
        SYS_epoll_pwait, SYS_getrandom, SYS_restart_syscall, SYS_clock_gettime,
    };

    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        if (calls[i] == call)
            return true;
    }
    return false;
}

/* Counts each call. Returns how many there are in all. */
static long read_calls(const char *path, long counts[CALLS])
{
    FILE *file = fopen(path, "r");
    char line[32];
    long all = 0;

    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        long call = strtol(line + 1, NULL, 10), more = line[0] == '-' ? -1 : 1;

        if (call >= 0 && call < CALLS && !is_of_time(call)) {
            counts[call] += more;
            all += more;
        }
    }
    fclose(file);
    return all;
}

/* One life of it, to an end by this signal. */
static void live(int i, int signal)
{
    struct launch launch = {.calls = calls_path(i), .args = LIST("--log-level", "warning")};
    struct server *s;
    struct people p;

    use(programs[i]);
    s = server_start_with(&launch);
    talk(&p, s);
    if (signal == SIGTERM)
        go(&p);
    server_signal(s, signal);
    server_wait_exit(s);
    if (signal == SIGTERM)
        return;
    client_close(p.text);
    seat_drop(p.ada);
    seat_drop(p.eve);
}

/* How connections end is a matter of time: there only the kinds of calls are compared. The runtime
 * of a sanitizer makes calls of its own; and where nobody may be traced, there is nothing to
 * compare. */
START_TEST(it_makes_no_call_more)
{
    static long counts[2][CALLS];
    long all[2];

    if (is_sanitized())
        return;
    for (int i = 0; i < 2; i++) {
        live(i, _i == 0 ? SIGKILL : SIGTERM);
        all[i] = read_calls(calls_path(i), counts[i]);
        ck_assert_msg(all[i] == 0 || all[i] > 150, "only %ld calls", all[i]);
    }
    for (int call = 0; call < CALLS; call++) {
        if (_i == 0)
            ck_assert_msg(counts[0][call] == counts[1][call], "call %d: %ld, without any %ld", call,
                          counts[0][call], counts[1][call]);
        else if (call != SYS_sendmsg) /* two frames at once, where one was late */
            ck_assert_msg((counts[0][call] > 0) == (counts[1][call] > 0), "call %d", call);
    }
}
END_TEST

/* ---- lines ---- */

/* Each number becomes one digit. */
static void mask_numbers(char *text)
{
    char *to = text;

    for (const char *from = text; *from != '\0'; from++) {
        if (!isdigit((unsigned char)*from))
            *to++ = *from;
        else if (to == text || to[-1] != '0')
            *to++ = '0';
    }
    *to = '\0';
}

static char *copy_masked(const void *text)
{
    char *copy = strdup(text);

    ck_assert_ptr_nonnull(copy);
    mask_numbers(copy);
    return copy;
}

/* The lines about their ends come in any order with what comes next. */
static void await_ends(struct server *s, int wanted)
{
    static const char line[] = "websocket ended";
    int seen;

    for (;;) {
        const char *at = (char *)s->err.data;

        for (seen = 0; (at = strstr(at, line)) != NULL; at += sizeof(line))
            seen++;
        if (seen == wanted)
            return;
        server_read(s);
    }
}

START_TEST(it_says_no_line_more)
{
    char *log[2], *metrics[2];

    if (is_sanitized())
        return; /* the other program may be one of another mode */
    for (int i = 0; i < 2; i++) {
        struct server *s;
        struct people p;
        char *text;

        use(programs[i]);
        s = server_start(LIST("--admin", "127.0.0.1:0"));
        talk(&p, s);
        text = metrics_read(s);
        go(&p);
        await_ends(s, 3);
        metrics[i] = copy_masked(text);
        free(text);
        server_stop(s);
        log[i] = copy_masked(s->err.data);
    }
    ck_assert_str_eq(log[0], log[1]);
    ck_assert_str_eq(metrics[0], metrics[1]);
    ck_assert_ptr_null(strstr(metrics[0], "journal"));
    ck_assert_ptr_null(strstr(metrics[0], "redis"));
    for (int i = 0; i < 2; i++) {
        free(log[i]);
        free(metrics[i]);
    }
}
END_TEST

/* ---- memory ---- */

/* Memory of its own that it has touched, in KiB. */
static long touched(const struct server *s)
{
    char line[256], path[64];
    long kib = -1;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)s->pid);
    file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "Anonymous:", 10) == 0)
            kib = strtol(line + 10, NULL, 10);
    }
    if (file != NULL)
        fclose(file);
    return kib;
}

/* What people take who have come and sit still, in KiB. */
static long crowd_takes(const char *program)
{
    static struct client *clients[CROWD];
    struct server *s;
    char target[64];
    long before;

    use(program);
    s = server_start(LIST("--log-level", "warning"));
    before = touched(s);
    for (int i = 0; i < CROWD; i++) {
        snprintf(target, sizeof(target), "/ws/%d?room=tea", i + 1);
        clients[i] = ws_open(s, target);
    }
    before = touched(s) - before;
    for (int i = 0; i < CROWD; i++)
        client_close(clients[i]);
    server_stop(s);
    return before;
}

/* A page is what the kernel counts by, and tables begin anywhere within one. */
START_TEST(it_takes_no_byte_more)
{
    const long page = sysconf(_SC_PAGESIZE) / 1024;
    long with, without;

    if (is_sanitized() || access("/proc/self/smaps_rollup", R_OK) != 0)
        return;
    with = crowd_takes(programs[0]);
    without = crowd_takes(programs[1]);
    ck_assert_int_gt(with, 0);
    ck_assert_msg(with <= without + page, "%ld KiB, without any %ld", with, without);
}
END_TEST

Suite *suite_without(void)
{
    Suite *suite = suite_create("without");
    TCase *tc = harness_case(suite, "without");

    tcase_add_loop_test(tc, it_makes_no_call_more, 0, 2);
    tcase_add_test(tc, it_says_no_line_more);
    tcase_add_test(tc, it_takes_no_byte_more);
    suite_add_tcase(suite, tc);
    return suite;
}
