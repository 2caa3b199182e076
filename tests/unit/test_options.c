/* The options of the server, and the table that reads them. */
#include "server/options.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "base/util.h"

Suite *suite_options(void);

#define WORDS_MAX 80

static struct options options;
static char said[512]; /* on stderr, the last time */

/* Takes the twins of the options out of the environment, and nothing else: what is there for the
 * runner itself counts in the suites that follow, too. */
static void clear_options(void)
{
    size_t i = 0;

    while (environ[i] != NULL) {
        char name[64];
        size_t len = strcspn(environ[i], "=");

        if (strncmp(environ[i], "WSCHAT_", 7) != 0 || len >= sizeof(name)) {
            i++;
            continue;
        }
        memcpy(name, environ[i], len);
        name[len] = '\0';
        unsetenv(name); /* what follows moves up */
    }
}

/* Reads "--port=80 --echo verbatim"; blanks separate the arguments. */
static enum options_result read_words(const char *text)
{
    static char line[4096];
    char *argv[WORDS_MAX] = {"wschat"};
    int argc = 1, saved = dup(STDERR_FILENO), ends[2];
    enum options_result result;
    ssize_t len;

    ck_assert_uint_lt(strlen(text), sizeof(line));
    memcpy(line, text, strlen(text) + 1);
    for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " "))
        argv[argc++] = word;
    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    dup2(ends[1], STDERR_FILENO);
    result = options_read(&options, argc, argv);
    dup2(saved, STDERR_FILENO);
    len = read(ends[0], said, sizeof(said) - 1);
    said[len > 0 ? len : 0] = '\0';
    close(saved);
    close(ends[0]);
    close(ends[1]);
    return result;
}

static void expect_usage(const char *text, const char *reason)
{
    ck_assert_msg(read_words(text) == OPTIONS_EXIT_USAGE, "%s", text);
    ck_assert_msg(strstr(said, reason) != NULL, "%s: %s", text, said);
    ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1); /* one line */
}

START_TEST(defaults)
{
    ck_assert_int_eq(read_words(""), OPTIONS_RUN);
    ck_assert_uint_eq(options.port, 8000);
    ck_assert(!options.has_port);
    ck_assert_uint_eq(options.max_message, 65536);
    ck_assert_uint_eq(options.ping_interval, 25000);
    ck_assert_uint_eq(options.broadcast, BROADCAST_OTHERS);
    ck_assert_uint_eq(options.base_path.len, 0);
    ck_assert_ptr_null(options.static_dir);
    ck_assert_uint_eq(options.listen.count, 0);
}
END_TEST

START_TEST(both_ways_to_give_a_value)
{
    ck_assert_int_eq(read_words("--max-clients 7 --max-lag=2m --echo verbatim"), OPTIONS_RUN);
    ck_assert_uint_eq(options.max_clients, 7);
    ck_assert_uint_eq(options.max_lag, 2 * 1024 * 1024);
    ck_assert_uint_eq(options.echo, ECHO_VERBATIM);
    ck_assert_int_eq(read_words("--max-clients 7 --max-clients 8"), OPTIONS_RUN);
    ck_assert_uint_eq(options.max_clients, 8);
}
END_TEST

START_TEST(the_command_line_wins)
{
    setenv("WSCHAT_MAX_CLIENTS", "5", 1);
    setenv("WSCHAT_LISTEN", "127.0.0.1:1 127.0.0.1:2", 1);
    setenv("WSCHAT_ALLOW_ORIGIN", "http://a http://b", 1);
    setenv("WSCHAT_TRUSTED_PROXY", "unix 192.0.2.1", 1);
    setenv("WSCHAT_HISTORY", "", 1);
    ck_assert_int_eq(read_words(""), OPTIONS_RUN);
    ck_assert_uint_eq(options.max_clients, 5);
    ck_assert_uint_eq(options.listen.count, 2);
    ck_assert_uint_eq(options.allow_origin.count, 2);
    ck_assert(options.trusted_proxy.has_unix);
    ck_assert_uint_eq(options.history, 100); /* an empty value is none */
    ck_assert_int_eq(read_words("--max-clients=6 --listen [::1]:3 --listen unix:/x "
                                "--allow-origin http://c --trusted-proxy 192.0.2.2"),
                     OPTIONS_RUN);
    ck_assert_uint_eq(options.max_clients, 6);
    ck_assert_uint_eq(options.listen.count, 2);
    ck_assert_str_eq(options.listen.items[0], "[::1]:3");
    ck_assert_uint_eq(options.allow_origin.count, 1);
    ck_assert(!options.trusted_proxy.has_unix);
    ck_assert_uint_eq(options.trusted_proxy.count, 1);
    ck_assert_int_eq(read_words("--port=4"), OPTIONS_RUN);
    ck_assert_uint_eq(options.listen.count, 0); /* --port says where, in their place */
    ck_assert(options.has_port);
}
END_TEST

START_TEST(at_the_bounds)
{
    static const char *const good[] = {
        "--port=0",
        "--port=65535",
        "--max-clients=1",
        "--max-clients=1000000",
        "--max-message=1",
        "--max-message=64m",
        "--max-message=65536K",
        "--ping-interval=0",
        "--ping-interval=0.001",
        "--ping-interval=86400",
        "--ipv4-prefix=32",
        "--base-path=/",
        "--base-path=/chat/",
        "--title=<Tea>",
    };
    static const struct {
        const char *words, *reason;
    } bad[] = {
        {"--port=65536", "from 0 to 65535"},
        {"--port=-1", "is not a number"},
        {"--port=", "is not a number"},
        {"--max-clients=0", "from 1 to 1000000"},
        {"--max-clients=1000001", "from 1 to 1000000"},
        {"--max-clients=18446744073709551616", "from 1 to 1000000"},
        {"--max-message=0", "bytes from 1 to 64m"},
        {"--max-message=65m", "bytes from 1 to 64m"},
        {"--max-message=67108865", "bytes from 1 to 64m"},
        {"--max-message=1g", "bytes from 1 to 64m"},
        {"--ping-interval=86401", "seconds from 0.000 to 86400"},
        {"--ping-interval=1.2345", "seconds"},
        {"--ping-interval=1.", "seconds"},
        {"--handshake-timeout=0", "seconds from 0.001"},
        {"--echo=loud", "one of tutorial|verbatim"},
        {"--ipv4-prefix=33", "from 1 to 32"},
        {"--listen=example.com:80", "a numeric ADDR:PORT"},
        {"--listen=localhost", "a numeric ADDR:PORT"},
        {"--listen=localhosts:80", "a numeric ADDR:PORT"},
        {"--listen=:", "a numeric ADDR:PORT"},
        {"--listen=:65536", "a numeric ADDR:PORT"},
        {"--listen=localhost:", "a numeric ADDR:PORT"},
        {"--admin=x", "a numeric ADDR:PORT"},
        {"--allow-origin=example.com", "an origin such as"},
        {"--trusted-proxy=192.0.2.1/24", "a network such as"},
        {"--base-path=chat", "a path such as /chat/"},
        {"--static=", "a folder"},
        {"--title=", "a text of 1 to 64 bytes"},
        {"--title=Tea --static=static", "do not go together"},
        {"--nonsense", "there is no such option"},
        {"--help=yes", "takes no value"},
        {"--port", "needs a value"},
        {"-lan", "did you mean --lan?"},
        {"-p", "no such option"},
        {"8000", "not an option"},
        {"--", "no such option"},
    };

    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        ck_assert_msg(read_words(good[i]) == OPTIONS_RUN, "%s: %s", good[i], said);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        expect_usage(bad[i].words, bad[i].reason);
}
END_TEST

/* As many as fit, and one more. */
START_TEST(so_many_of_a_kind_and_no_more)
{
    char text[OPTIONS_LISTENERS_MAX * 32 + 64] = "";
    size_t len = 0;

    for (int i = 0; i < OPTIONS_LISTENERS_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "--listen=127.0.0.1:%d ", i);
    ck_assert_int_eq(read_words(text), OPTIONS_RUN);
    ck_assert_uint_eq(options.listen.count, OPTIONS_LISTENERS_MAX);
    snprintf(text + len, sizeof(text) - len, "--listen=127.0.0.1:99");
    expect_usage(text, "at most 16 times");
}
END_TEST

/* Each option has a twin in the environment, and what is wrong there is said with its name. */
START_TEST(the_environment_is_checked_too)
{
    setenv("WSCHAT_SHUTDOWN_TIMEOUT", "soon", 1);
    expect_usage("", "WSCHAT_SHUTDOWN_TIMEOUT: \"soon\" is not seconds");
    setenv("WSCHAT_SHUTDOWN_TIMEOUT", "1.5", 1);
    ck_assert_int_eq(read_words(""), OPTIONS_RUN);
    ck_assert_uint_eq(options.shutdown_timeout, 1500);
}
END_TEST

/* On the command line they have no value; a variable without one counts as none. */
START_TEST(flags_are_on_or_off_in_the_environment)
{
    setenv("WSCHAT_TYPING", "", 1);
    setenv("WSCHAT_REUSE_PORT", "off", 1);
    ck_assert_int_eq(read_words(""), OPTIONS_RUN);
    ck_assert(!options.typing && !options.reuse_port);
    setenv("WSCHAT_TYPING", "on", 1);
    ck_assert_int_eq(read_words("--reuse-port"), OPTIONS_RUN);
    ck_assert(options.typing && options.reuse_port);
    setenv("WSCHAT_TYPING", "1", 1);
    expect_usage("", "WSCHAT_TYPING: \"1\" is not on or off");
}
END_TEST

static void clear_environment(void)
{
    clear_options();
}

START_TEST(short_forms_of_addresses)
{
    ck_assert_int_eq(read_words("--listen :8000 --listen localhost:8001 --listen LocalHost:0"),
                     OPTIONS_RUN);
    ck_assert_str_eq(options.listen.items[0], "0.0.0.0:8000");
    ck_assert_str_eq(options.listen.items[1], "127.0.0.1:8001");
    ck_assert_str_eq(options.listen.items[2], "127.0.0.1:0");
}
END_TEST

Suite *suite_options(void)
{
    Suite *suite = suite_create("options");
    TCase *tc = tcase_create("options");

    tcase_add_test(tc, short_forms_of_addresses);
    tcase_add_checked_fixture(tc, clear_environment, NULL);
    tcase_add_test(tc, defaults);
    tcase_add_test(tc, both_ways_to_give_a_value);
    tcase_add_test(tc, the_command_line_wins);
    tcase_add_test(tc, at_the_bounds);
    tcase_add_test(tc, so_many_of_a_kind_and_no_more);
    tcase_add_test(tc, the_environment_is_checked_too);
    tcase_add_test(tc, flags_are_on_or_off_in_the_environment);
    suite_add_tcase(suite, tc);
    return suite;
}
