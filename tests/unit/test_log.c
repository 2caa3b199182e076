#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"

Suite *suite_log(void);

static FILE *captured;
static int real_stderr;
static char text[1024]; /* what was written, without the time */

static void forget_written(void)
{
    log_flush();
    ck_assert_int_eq(ftruncate(fileno(captured), 0), 0);
    lseek(STDERR_FILENO, 0, SEEK_SET);
}

static void setup(void)
{
    captured = tmpfile();
    ck_assert_ptr_nonnull(captured);
    real_stderr = dup(STDERR_FILENO);
    ck_assert_int_ge(dup2(fileno(captured), STDERR_FILENO), 0);
    forget_written(); /* what an earlier test left, where they share a process */
}

static void teardown(void)
{
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    fclose(captured);
    log_setup(LOG_INFO, false);
    log_set_rate(0);
}

/* Reads what was written so far, checks the form of the time, and returns what follows it. */
static const char *written(const char *before_time, const char *after_time)
{
    size_t skip = strlen(before_time);
    ssize_t len;
    int end = 0;

    log_flush();
    len = pread(fileno(captured), text, sizeof(text) - 1, 0);
    ck_assert_int_ge(len, 0);
    text[len] = '\0';
    if (len == 0)
        return text;
    ck_assert_int_eq(strncmp(text, before_time, skip), 0);
    sscanf(text + skip, "%*4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*3dZ%n", &end);
    ck_assert_int_eq(end, 24);
    skip += 24;
    ck_assert_int_eq(strncmp(text + skip, after_time, strlen(after_time)), 0);
    return text + skip + strlen(after_time);
}

static const char *written_text(void)
{
    return written("time=", " ");
}

static const char *written_json(void)
{
    return written("{\"time\":\"", "\",");
}

static unsigned count_lines(void)
{
    unsigned lines = 0;

    written_text();
    for (const char *c = text; *c != '\0'; c++)
        lines += *c == '\n';
    return lines;
}

START_TEST(text_is_logfmt)
{
    log_info("listening", "url", "http://127.0.0.1:8000/", "name", "a b", "none", (char *)NULL,
             "empty", "");
    ck_assert_str_eq(written_text(), "level=info msg=listening url=http://127.0.0.1:8000/ "
                                     "name=\"a b\" empty=\"\"\n");
}
END_TEST

START_TEST(text_escapes_what_could_lie)
{
    log_error("x", "a", "1\n2", "b", "\"\\", "c", "\x1b[31m", "d", "k=v", "e", "\xc3\xa9\x7f");
    ck_assert_str_eq(written_text(), "level=error msg=x a=\"1\\u000a2\" b=\"\\\"\\\\\" "
                                     "c=\"\\u001b[31m\" d=\"k=v\" e=\"\\u00e9\\u007f\"\n");
}
END_TEST

START_TEST(text_quotes_each_special_character)
{
    log_info("q", "a", "x\"", "b", "x\\", "c", "x=", "d", "x y", "e", "x\x7f", "f", "!~");
    ck_assert_str_eq(written_text(), "level=info msg=q a=\"x\\\"\" b=\"x\\\\\" c=\"x=\" d=\"x y\" "
                                     "e=\"x\\u007f\" f=!~\n");
}
END_TEST

START_TEST(json_is_one_object)
{
    log_setup(LOG_DEBUG, true);
    log_warning("two words", "k", "a\"b\t", "none", (char *)NULL);
    ck_assert_str_eq(written_json(), "\"level\":\"warning\",\"msg\":\"two words\","
                                     "\"k\":\"a\\\"b\\u0009\"}\n");
}
END_TEST

/* As JSON.parse gives it back, also outside the plane that four digits reach. */
START_TEST(escapes_decode_to_the_text)
{
    log_setup(LOG_INFO, true);
    log_info("x", "a", "\xc2\x80\xe2\x82\xac\xef\xbf\xbf", "b", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
             "c", "\xc3(\xff\xed\xa0\x80\xe2\x82", "d", "\xc3");
    ck_assert_str_eq(written_json(),
                     "\"level\":\"info\",\"msg\":\"x\",\"a\":\"\\u0080\\u20ac\\uffff\","
                     "\"b\":\"\\ud800\\udc00\\udbff\\udfff\",\"c\":\"\\ufffd(\\ufffd"
                     "\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\",\"d\":\"\\ufffd\"}\n");
}
END_TEST

START_TEST(level_is_a_threshold)
{
    log_setup(LOG_WARNING, false);
    ck_assert(log_is_enabled(LOG_ERROR));
    ck_assert(log_is_enabled(LOG_WARNING));
    ck_assert(!log_is_enabled(LOG_INFO));
    ck_assert(!log_is_enabled(LOG_DEBUG));
    log_info("no");
    log_debug("no");
    ck_assert_str_eq(written_text(), "");
    log_warning("yes");
    ck_assert_str_eq(written_text(), "level=warning msg=yes\n");
}
END_TEST

START_TEST(debug_is_off_until_asked_for)
{
    log_debug("no");
    ck_assert_str_eq(written_text(), "");
    log_setup(LOG_DEBUG, false);
    log_debug("yes");
    ck_assert_str_eq(written_text(), "level=debug msg=yes\n");
}
END_TEST

START_TEST(errno_survives)
{
    errno = EADDRINUSE;
    log_info("x", "y", "z");
    ck_assert_int_eq(errno, EADDRINUSE);
    close(STDERR_FILENO);
    ck_assert(!log_flush());
    ck_assert_int_eq(errno, EADDRINUSE);
    ck_assert_int_ge(dup2(fileno(captured), STDERR_FILENO), 0);
    ck_assert(log_flush());
    ck_assert_str_eq(written_text(), "level=info msg=x y=z\n");
}
END_TEST

START_TEST(nothing_is_written_before_the_flush)
{
    char byte;

    log_info("a");
    log_announce(LOG_INFO, "b");
    ck_assert_int_eq(pread(fileno(captured), &byte, 1, 0), 0);
    ck_assert(log_flush());
    ck_assert_uint_eq(count_lines(), 2);
    ck_assert(log_flush());
    ck_assert_uint_eq(count_lines(), 2);
}
END_TEST

/* Says lines until one is lost. Returns how many were not. */
static unsigned fill_waiting(void)
{
    struct log_flow flow = {.suppressed = 1};
    unsigned lines = 0;

    for (;;) {
        log_flow_line(&flow, LOG_INFO, "x", (char *)NULL);
        if (flow.suppressed == 1)
            return lines;
        flow.suppressed = 1;
        lines++;
    }
}

START_TEST(so_much_may_wait)
{
    size_t len = strlen("time=2000-01-01T00:00:00.000Z level=info msg=x suppressed=1\n"),
           bound = (size_t)256 * 1024;

    ck_assert_uint_eq(fill_waiting(), bound / len);
    forget_written();
    log_info("y");
    ck_assert_str_eq(written_text(), "level=info msg=y lost_lines=1\n");
}
END_TEST

START_TEST(numbers_are_numbers_in_json)
{
    log_info("n", "#a", "-1.5", "b", "7");
    ck_assert_str_eq(written_text(), "level=info msg=n a=-1.5 b=7\n");
    forget_written();
    log_setup(LOG_INFO, true);
    log_info("n", "#a", "-1.5", "b", "7");
    ck_assert_str_eq(written_json(), "\"level\":\"info\",\"msg\":\"n\",\"a\":-1.5,\"b\":\"7\"}\n");
}
END_TEST

/* ---- flows ---- */

/* Asks for `lines` lines at that time and writes those that are allowed. Returns how many. */
static unsigned pour(struct log_flow *flow, uint64_t now, unsigned lines)
{
    unsigned count = 0;

    for (unsigned i = 0; i < lines; i++) {
        if (!log_flow_admits(flow, LOG_INFO, now))
            continue;
        log_flow_line(flow, LOG_INFO, "x", (char *)NULL);
        count++;
    }
    return count;
}

START_TEST(a_flow_has_a_rate_and_tells_what_it_left_out)
{
    struct log_flow flow = {0};
    uint64_t now = 5000;

    log_set_rate(10);
    ck_assert_uint_eq(pour(&flow, now, 20), 20);
    ck_assert_uint_eq(pour(&flow, now, 3), 0);
    ck_assert_uint_eq(pour(&flow, now + 99, 1), 0);
    ck_assert_uint_eq(flow.suppressed, 4);
    forget_written();
    ck_assert_uint_eq(pour(&flow, now + 100, 2), 1);
    ck_assert_str_eq(written_text(), "level=info msg=x suppressed=4\n");
    forget_written();
    ck_assert_uint_eq(pour(&flow, now + 200, 1), 1);
    ck_assert_str_eq(written_text(), "level=info msg=x suppressed=1\n");
    forget_written();
    ck_assert_uint_eq(pour(&flow, now + 300, 1), 1);
    ck_assert_str_eq(written_text(), "level=info msg=x\n");
}
END_TEST

START_TEST(a_flow_stands_any_clock)
{
    struct log_flow flow = {0};

    log_set_rate(1000000);
    ck_assert(log_flow_admits(&flow, LOG_INFO, UINT64_MAX));
    ck_assert_uint_eq(flow.credit, 2000ull * 1000000);
    ck_assert(log_flow_admits(&flow, LOG_INFO, 0));
    log_set_rate(1);
    flow = (struct log_flow){0};
    ck_assert_uint_eq(pour(&flow, 2000, 3), 2);
    ck_assert_uint_eq(pour(&flow, 1000, 1), 0);
    ck_assert_uint_eq(pour(&flow, 1999, 1), 0);
    ck_assert_uint_eq(pour(&flow, 2000, 2), 1);
}
END_TEST

START_TEST(flows_do_not_share_and_nothing_else_is_limited)
{
    struct log_flow one = {0}, other = {0};

    log_set_rate(1);
    ck_assert_uint_eq(pour(&one, 10000, 5), 2);
    ck_assert_uint_eq(pour(&other, 10000, 1), 1);
    ck_assert(!log_flow_admits(&other, LOG_DEBUG, 10000));
    ck_assert_uint_eq(other.suppressed, 0);
    forget_written();
    for (int i = 0; i < 5; i++)
        log_warning("w");
    ck_assert_uint_eq(count_lines(), 5);
}
END_TEST

/* A line that is lost because nobody reads takes nothing with it: the next one tells both counts.
 */
START_TEST(what_was_suppressed_outlives_a_lost_line)
{
    struct log_flow flow = {0};

    log_set_rate(1);
    ck_assert_uint_eq(pour(&flow, 10000, 5), 2);
    fill_waiting();
    ck_assert_uint_eq(pour(&flow, 11000, 1), 1);
    ck_assert_uint_eq(flow.suppressed, 3);
    forget_written();
    ck_assert_uint_eq(pour(&flow, 12000, 1), 1);
    ck_assert_str_eq(written_text(), "level=info msg=x lost_lines=2 suppressed=3\n");
    ck_assert_uint_eq(flow.suppressed, 0);
}
END_TEST

/* A disk that is full takes some bytes of a line, and then none. */
START_TEST(a_line_is_finished_before_the_next_one)
{
    static const char a[] = "level=info msg=a\n", b[] = "level=info msg=b\n";
    struct rlimit old, limit;
    size_t line_len = strlen("time=2000-01-01T00:00:00.000Z ") + sizeof(a) - 1;
    bool was_whole, was_next_whole;

    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = (struct rlimit){line_len - (size_t)_i, old.rlim_max};
    /* What the runner notes for each check is bound by it, too: none before it is lifted. */
    setrlimit(RLIMIT_FSIZE, &limit);
    log_info("a");
    was_whole = log_flush();
    log_info("b");
    was_next_whole = log_flush();
    setrlimit(RLIMIT_FSIZE, &old);
    ck_assert(was_whole == (_i == 0));
    ck_assert(!was_next_whole);
    ck_assert_uint_eq(count_lines(), 2);
    ck_assert_int_eq(strncmp(written_text(), a, sizeof(a) - 1), 0);
    ck_assert_str_eq(text + 2 * line_len - sizeof(a) + 1, b);
}
END_TEST

/* What a person is told is no place to count; the next line of the log is. */
START_TEST(an_announcement_forgets_no_lost_line)
{
    fill_waiting();
    log_announce(LOG_INFO, "lost too");
    forget_written();
    log_announce(LOG_INFO, "hello");
    forget_written();
    log_info("x");
    ck_assert_str_eq(written_text(), "level=info msg=x lost_lines=2\n");
}
END_TEST

/* ---- the end of the program ---- */

static void end_by_exit(void)
{
    exit(7);
}

static void end_by_signal(void)
{
    raise(SIGILL);
}

static void end_by_fault(void)
{
    char *page = mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    *page = 1;
}

static const struct {
    void (*end)(void);
    int signal; /* 0: it exits */
} ends[] = {
    {end_by_exit, 0},
    {abort, SIGABRT},
    {end_by_signal, SIGABRT},
    {end_by_fault, SIGSEGV},
};

#ifndef __has_feature
#define __has_feature(x) 0 /* it is clang's; gcc has a macro of its own */
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define ENDS (ARRAY_LEN(ends) - 1) /* it has its own word to say of faults */
#else
#define ENDS ARRAY_LEN(ends)
#endif

START_TEST(what_waits_is_written_at_the_end)
{
    pid_t pid = fork();
    int status;

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        log_flush_at_end();
        log_info("last words");
        ends[_i].end();
        _exit(99);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_str_eq(written_text(), "level=info msg=\"last words\"\n");
    ck_assert_int_eq(WIFSIGNALED(status) ? WTERMSIG(status) : 0, ends[_i].signal);
    ck_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 7);
}
END_TEST

START_TEST(without_a_rate_a_flow_is_not_limited)
{
    struct log_flow flow = {0};

    ck_assert_uint_eq(pour(&flow, 0, 1000), 1000);
    ck_assert_uint_eq(flow.suppressed, 0);
}
END_TEST

Suite *suite_log(void)
{
    Suite *suite = suite_create("log");
    TCase *cases = tcase_create("log");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, text_is_logfmt);
    tcase_add_test(cases, text_escapes_what_could_lie);
    tcase_add_test(cases, text_quotes_each_special_character);
    tcase_add_test(cases, json_is_one_object);
    tcase_add_test(cases, escapes_decode_to_the_text);
    tcase_add_test(cases, level_is_a_threshold);
    tcase_add_test(cases, debug_is_off_until_asked_for);
    tcase_add_test(cases, errno_survives);
    tcase_add_test(cases, numbers_are_numbers_in_json);
    tcase_add_test(cases, a_flow_has_a_rate_and_tells_what_it_left_out);
    tcase_add_test(cases, a_flow_stands_any_clock);
    tcase_add_test(cases, flows_do_not_share_and_nothing_else_is_limited);
    tcase_add_test(cases, what_was_suppressed_outlives_a_lost_line);
    tcase_add_test(cases, without_a_rate_a_flow_is_not_limited);
    tcase_add_loop_test(cases, a_line_is_finished_before_the_next_one, 0, 30);
    tcase_add_test(cases, an_announcement_forgets_no_lost_line);
    tcase_add_test(cases, nothing_is_written_before_the_flush);
    tcase_add_test(cases, so_much_may_wait);
    tcase_add_loop_test(cases, what_waits_is_written_at_the_end, 0, ENDS);
    suite_add_tcase(suite, cases);
    return suite;
}
