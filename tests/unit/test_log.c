#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

Suite *suite_log(void);

static FILE *captured;
static int real_stderr;
static char text[1024]; /* what was written, without the time */

static void setup(void)
{
    captured = tmpfile();
    ck_assert_ptr_nonnull(captured);
    real_stderr = dup(STDERR_FILENO);
    ck_assert_int_ge(dup2(fileno(captured), STDERR_FILENO), 0);
}

static void teardown(void)
{
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    fclose(captured);
    log_setup(LOG_INFO, false);
}

/* Reads what was written so far, checks the form of the time, and returns what follows it. */
static const char *written(const char *before_time, const char *after_time)
{
    ssize_t len = pread(fileno(captured), text, sizeof(text) - 1, 0);
    size_t skip = strlen(before_time);
    int end = 0;

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
                                     "c=\"\\u001b[31m\" d=\"k=v\" e=\"\\u00c3\\u00a9\\u007f\"\n");
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
    errno = EADDRINUSE;
    log_info("into nothing");
    ck_assert_int_eq(errno, EADDRINUSE);
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
    tcase_add_test(cases, level_is_a_threshold);
    tcase_add_test(cases, debug_is_off_until_asked_for);
    tcase_add_test(cases, errno_survives);
    suite_add_tcase(suite, cases);
    return suite;
}
