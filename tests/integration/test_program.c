/* The program itself: options and their environment, exit statuses, listeners, signals. */
#include "client.h"
#include "exposition.h"

#include "net/own_addresses.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

Suite *suite_program(void);

static void make_terminal(int ends[2])
{
    ends[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    ck_assert_int_ge(ends[0], 0);
    ck_assert_int_eq(grantpt(ends[0]), 0);
    ck_assert_int_eq(unlockpt(ends[0]), 0);
    ends[1] = open(ptsname(ends[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
    ck_assert_int_ge(ends[1], 0);
}

/* ---- For the network ---- */

/* What others open is told for each address that this machine has, and it is open there. */
START_TEST(lan_tells_the_addresses_and_what_it_means)
{
    struct server *s = server_start(LIST("--lan", "--base-path=/chat/"));
    char found[4][INET6_ADDRSTRLEN], line[128];
    size_t count = own_addresses(AF_INET, found, ARRAY_LEN(found));

    snprintf(line, sizeof(line), "listening on http://0.0.0.0:%u/chat/\n", s->port);
    ck_assert_ptr_nonnull(strstr((char *)s->err.data, line));
    server_wait_for(s, "whoever is in this network can come in");
    for (size_t i = 0; i < count; i++) {
        snprintf(line, sizeof(line), "others in this network open http://%s:%u/chat/\n", found[i],
                 s->port);
        server_wait_for(s, line);
    }
    if (count == 0)
        server_wait_for(s, "this machine is in no network now");
    ck_assert_ptr_null(strchr((char *)s->err.data, '\033'));
    client_close(client_connect(s));
    server_stop(s);
}
END_TEST

START_TEST(networks_of_ipv6_are_told_where_it_is_open_to_them)
{
    struct server *s = server_start(LIST("--lan", "--listen", "[::]:0"));
    char found[4][INET6_ADDRSTRLEN], line[128];
    size_t count = own_addresses(AF_INET6, found, ARRAY_LEN(found));
    const char *all;

    server_wait_for(s, "whoever is in this network can come in");
    for (size_t i = 0; i < count; i++) {
        snprintf(line, sizeof(line), "others in this network open http://[%s]:", found[i]);
        server_wait_for(s, line);
    }
    all = (char *)s->err.data;
    ck_assert_ptr_null(strstr(strstr(all, "whoever is") + 1, "whoever is")); /* once */
    ck_assert_ptr_null(strstr(all, "[fe80:"));
    server_stop(s);
}
END_TEST

START_TEST(a_terminal_gets_a_code_of_the_address)
{
    struct launch launch = {.args = LIST("--lan")};
    char found[1][INET6_ADDRSTRLEN];
    struct server *s;
    int ends[2];

    if (own_addresses(AF_INET, found, 1) == 0)
        return;
    make_terminal(ends);
    launch.err = ends;
    s = server_start_with(&launch);
    server_wait_for(s, "\033[30;107m    █▀▀▀▀▀█");
    server_stop(s);
}
END_TEST

/* Only the machine itself comes in, and nothing of networks is said. */
START_TEST(without_it_no_network_is_spoken_of)
{
    struct server *s = server_start(NULL);

    server_stop(s);
    ck_assert_ptr_null(strstr((char *)s->err.data, "network"));
}
END_TEST

/* ---- Options ---- */

static const char *const option_names[] = {
    "--listen",       "--port",          "--broadcast",        "--echo",
    "--max-clients",  "--max-message",   "--max-lag",          "--rate",
    "--burst",        "--log-level",     "--log-format",       "--handshake-timeout",
    "--ping-timeout", "--ping-interval", "--shutdown-timeout", "--static",
    "--version",      "--allow-origin",  "--base-path",        "--trusted-proxy",
    "--proxy-header", "--help",          "--log-rate",         "--max-clients-per-ip",
    "--ipv4-prefix",  "--ipv6-prefix",   "--handshake-rate",
};

START_TEST(help_names_every_option)
{
    struct buf out;
    struct buf err;
    int status = program_run(&(struct launch){.args = LIST("--help")}, &out, &err);

    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(err.len, 0);
    for (size_t i = 0; i < ARRAY_LEN(option_names); i++) {
        if (strstr((char *)out.data, option_names[i]) == NULL)
            ck_abort_msg("--help does not name %s", option_names[i]);
    }
    ck_assert_ptr_nonnull(strstr((char *)out.data, "WSCHAT_"));
    buf_deinit(&out);
    buf_deinit(&err);
}
END_TEST

START_TEST(version_is_on_stdout)
{
    struct buf out;
    struct buf err;
    int status = program_run(&(struct launch){.args = LIST("--version")}, &out, &err);

    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(err.len, 0);
    ck_assert_str_eq((char *)out.data, "wschat " WSCHAT_VERSION "\n");
    buf_deinit(&out);
    buf_deinit(&err);
}
END_TEST

/* Runs to the end: the status, nothing on stdout, one line on stderr that contains `needle`. */
static void expect_failure(const struct launch *launch, int status, const char *needle)
{
    struct buf out;
    struct buf err;
    int got = program_run(launch, &out, &err);
    const char *text = err.len > 0 ? (char *)err.data : "";

    if (got != status)
        ck_abort_msg("exit status %d in place of %d: %s", got, status, text);
    ck_assert_uint_eq(out.len, 0);
    if (strstr(text, needle) == NULL)
        ck_abort_msg("\"%s\" is not in: %s", needle, text);
    ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
    buf_deinit(&out);
    buf_deinit(&err);
}

static const char *const usage_errors[][3] = {
    {"--nonsense", NULL, "--nonsense"},
    {"--port", NULL, "--port"},
    {"--port=", NULL, "--port"},
    {"--port", "65536", "65536"},
    {"--port", "-1", "-1"},
    {"--port", "80x", "80x"},
    {"--port", "0x50", "0x50"},
    {"--listen", "example.org:8000", "example.org:8000"},
    {"--listen", "127.0.0.1", "127.0.0.1"},
    {"--listen", "127.0.0.1:", "127.0.0.1:"},
    {"--listen", "127.0.0.1:99999", "99999"},
    {"--listen", "300.0.0.1:80", "300.0.0.1"},
    {"--listen", "::1:8000", "::1:8000"},
    {"--listen", "[::1]", "[::1]"},
    {"--listen", "[::g]:80", "[::g]"},
    {"--listen", "unix:", "unix:"},
    {"--broadcast", "some", "some"},
    {"--echo", "loud", "loud"},
    {"--max-clients", "0", "--max-clients"},
    {"--max-clients", "many", "many"},
    {"--max-message", "64q", "64q"},
    {"--max-message", "-5", "-5"},
    {"--max-message", "99999999999999999999", "99999999999999999999"},
    {"--max-message", "18446744073709551615m", "18446744073709551615m"},
    {"--max-lag", "k", "--max-lag"},
    {"--rate", "-1", "-1"},
    {"--rate", "fast", "fast"},
    {"--burst", "x", "x"},
    {"--handshake-timeout", "x", "x"},
    {"--max-clients-per-ip", "-1", "-1"},
    {"--handshake-rate", "0.5", "0.5"},
    {"--handshake-burst", "0", "--handshake-burst"},
    {"--ipv4-prefix", "33", "33"},
    {"--ipv4-prefix", "0", "--ipv4-prefix"},
    {"--ipv6-prefix", "129", "129"},
    {"--log-rate", "many", "many"},
    {"--ping-interval", "1s", "1s"},
    {"--allow-origin", "example.com", "example.com"},
    {"--allow-origin", "http://example.com/path", "/path"},
    {"--base-path", "chat", "\"chat\""},
    {"--base-path", "", "--base-path"},
    {"--base-path", "/a//b", "/a//b"},
    {"--base-path", "/a/..", "/a/.."},
    {"--base-path", "/a?b", "/a?b"},
    {"--host", "example.com:80", "example.com:80"},
    {"--host", "a b", "a b"},
    {"--host", "", "--host"},
    {"--socket-mode", "rw", "rw"},
    {"--socket-mode", "0888", "0888"},
    {"--socket-mode", "1777", "1777"},
    {"--socket-mode", "60", "60"},
    {"--trusted-proxy", "localhost", "localhost"},
    {"--trusted-proxy", "10.0.0.1/8", "10.0.0.1/8"},
    {"--trusted-proxy", "10.0.0.0/33", "10.0.0.0/33"},
    {"--trusted-proxy", "::1/129", "::1/129"},
    {"--trusted-proxy", "unix:/path", "unix:/path"},
    {"--trusted-proxy", "127.0.0.1 unix", "127.0.0.1 unix"},
    {"--proxy-header", "via", "one of auto|proxy-protocol|x-forwarded-for|forwarded"},
    {"--log-level", "loud", "loud"},
    {"--log-format", "xml", "xml"},
    {"positional", NULL, "positional"},
    {"-p", "80", "-p"},
    {"--help=yes", NULL, "--help"},
    {"--por", "80", "did you mean --port?"},
    {"-port", "80", "did you mean --port?"},
    {"--max-client", "80", "did you mean --max-clients?"},
    {"--lsitne", "80", "there is no such option; see"}, /* three slips */
};

START_TEST(usage_errors_exit_2)
{
    const char *args[] = {usage_errors[_i][0], usage_errors[_i][1], NULL};

    expect_failure(&(struct launch){.args = args}, 2, usage_errors[_i][2]);
}
END_TEST

START_TEST(a_bad_environment_exits_2_and_names_it)
{
    expect_failure(&(struct launch){.env = LIST("WSCHAT_PORT=x")}, 2, "WSCHAT_PORT");
    expect_failure(&(struct launch){.env = LIST("WSCHAT_BROADCAST=some")}, 2, "WSCHAT_BROADCAST");
}
END_TEST

static void expect_broadcast_all(const struct server *s, bool all)
{
    struct client *c = ws_open_chat(s, 1);

    ws_send_text(c, "x");
    ws_expect_text(c, "You wrote: x");
    if (all)
        ws_expect_text(c, "Client #1 says: x");
    ws_sync(c);
    client_close(c);
}

START_TEST(the_environment_sets_and_the_flag_wins)
{
    struct launch launch = {
        .env = LIST("WSCHAT_BROADCAST=all", "WSCHAT_ECHO=verbatim", "WSCHAT_PORT=1")};
    struct server *s = server_start_with(&launch);
    struct client *c;

    expect_broadcast_all(s, true);
    c = ws_open(s, "/ws");
    ws_send_text(c, "plain");
    ws_expect_text(c, "plain");
    client_close(c);
    launch.args = LIST("--broadcast=others");
    s = server_start_with(&launch);
    expect_broadcast_all(s, false);
    launch.args = LIST("--broadcast", "all", "--broadcast", "others");
    s = server_start_with(&launch);
    expect_broadcast_all(s, false);
}
END_TEST

START_TEST(every_option_has_an_environment_twin)
{
    struct launch launch = {
        .env =
            LIST("WSCHAT_LISTEN=127.0.0.1:0", "WSCHAT_BROADCAST=all", "WSCHAT_ECHO=tutorial",
                 "WSCHAT_MAX_CLIENTS=10", "WSCHAT_MAX_MESSAGE=1k", "WSCHAT_MAX_LAG=1m",
                 "WSCHAT_RATE=10", "WSCHAT_BURST=20", "WSCHAT_HANDSHAKE_TIMEOUT=10",
                 "WSCHAT_PING_INTERVAL=10", "WSCHAT_PING_TIMEOUT=10", "WSCHAT_SHUTDOWN_TIMEOUT=1",
                 "WSCHAT_ALLOW_ORIGIN=null", "WSCHAT_LOG_LEVEL=debug", "WSCHAT_LOG_FORMAT=json"),
    };
    struct server *s = server_launch(&launch);
    struct client *c;

    server_wait_for(s, "listening on ");
    server_wait_for(s, "\n");
    ck_assert_int_eq(s->err.data[0], '{');
    s->port = (uint16_t)strtoul(strstr((char *)s->err.data, "http://127.0.0.1:") + 17, NULL, 10);
    c = ws_open_with(s, "/ws/1", "Origin: null\r\n");
    client_send(c, "\x81\xfe\x04\x01\0\0\0\0", 8);
    ws_expect_close(c, 1009);
    expect_broadcast_all(s, true);
}
END_TEST

START_TEST(nothing_goes_to_stdout)
{
    struct server *s = server_start(LIST("--log-level", "debug"));
    struct client *c = ws_open_chat(s, 1);
    char byte;

    ws_leave(c);
    server_signal(s, SIGTERM);
    ck_assert_int_eq(read(s->out_fd, &byte, 1), 0);
    ck_assert_int_eq(server_wait_exit(s), 0);
}
END_TEST

START_TEST(the_ready_line_is_a_url)
{
    struct server *s = server_start(NULL);
    char url[64];

    snprintf(url, sizeof(url), "listening on http://127.0.0.1:%u/", s->port);
    ck_assert_ptr_nonnull(strstr((char *)s->err.data, url));
}
END_TEST

START_TEST(json_logs_are_one_object_a_line)
{
    struct server *s = server_start(LIST("--log-format", "json", "--log-level", "debug"));
    char *line;

    ws_leave(ws_open_chat(s, 1));
    response_free(http_get(s, "/\"quoted", ""));
    server_signal(s, SIGTERM);
    ck_assert_int_eq(server_wait_exit(s), 0);
    line = strtok((char *)s->err.data, "\n");
    ck_assert_ptr_nonnull(line);
    for (; line != NULL; line = strtok(NULL, "\n")) {
        ck_assert_int_eq(line[0], '{');
        ck_assert_int_eq(line[strlen(line) - 1], '}');
    }
}
END_TEST

START_TEST(it_runs_from_any_folder)
{
    struct server *s = server_start_with(&(struct launch){.folder = "/"});
    struct response *r = http_get(s, "/", "");

    ck_assert_int_eq(r->status, 200);
    ck_assert_ptr_nonnull(strstr(r->body, "WebSocket Chat"));
    response_free(r);
}
END_TEST

static void write_file(const char *path, const char *content)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    close(fd);
}

START_TEST(static_serves_the_page_from_a_folder)
{
    const char *page = test_path("index.html");
    struct response *r;
    struct server *s;

    write_file(page, "<!DOCTYPE html><p>first");
    s = server_start(LIST("--static", test_path(".")));
    r = http_get(s, "/", "");
    ck_assert_int_eq(r->status, 200);
    ck_assert_str_eq(r->body, "<!DOCTYPE html><p>first");
    response_free(r);
    write_file(page, "<!DOCTYPE html><p>second");
    r = http_get(s, "/", "");
    ck_assert_str_eq(r->body, "<!DOCTYPE html><p>second");
    response_free(r);
    r = http_get(s, "/../../etc/passwd", "");
    ck_assert_int_eq(r->status, 404);
    response_free(r);
}
END_TEST

#define BIG ((size_t)8 * 1024 * 1024)
#define READERS 12

/* Many who take a large file slowly cost one copy of it. */
START_TEST(static_files_are_shared_by_those_who_get_them)
{
    char *bytes = malloc(BIG + 1), *metrics;
    struct client *readers[READERS];
    struct server *s;
    double before;

    ck_assert_ptr_nonnull(bytes);
    memset(bytes, 'x', BIG);
    bytes[BIG] = '\0';
    write_file(test_path("big.js"), bytes);
    /* The last one waits until all others have theirs. */
    s = server_start(
        LIST("--static", test_path("."), "--admin", "127.0.0.1:0", "--handshake-timeout", "100"));
    metrics = metrics_read(s);
    before = metric(metrics, "process_resident_memory_bytes");
    free(metrics);
    for (unsigned i = 0; i < READERS; i++) {
        readers[i] = client_connect(s);
        client_print(readers[i], "GET /big.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        ck_assert(client_fill(readers[i], 1000)); /* it is on its way */
    }
    metrics = metrics_read(s);
    ck_assert(metric(metrics, "process_resident_memory_bytes") - before < 3 * (double)BIG);
    free(metrics);
    for (unsigned i = 0; i < READERS; i++) {
        ck_assert(client_fill(readers[i], BIG));
        ck_assert_int_eq(readers[i]->in.data[BIG - 1], 'x');
        client_close(readers[i]);
    }
    free(bytes);
    unlink(test_path("big.js"));
}
END_TEST

START_TEST(static_folders_below_are_not_served)
{
    const char *below = test_path("below");
    struct response *r;
    struct server *s;

    ck_assert_int_eq(mkdir(below, 0700), 0);
    s = server_start(LIST("--static", test_path(".")));
    r = http_get(s, "/below", "");
    ck_assert_int_eq(r->status, 404);
    response_free(r);
    ck_assert_int_eq(rmdir(below), 0);
}
END_TEST

START_TEST(static_without_the_folder_fails_at_once)
{
    expect_failure(&(struct launch){.args = LIST("--port", "0", "--static", test_path("missing"))},
                   1, "missing");
}
END_TEST

/* ---- Listeners ---- */

START_TEST(a_taken_port_exits_1)
{
    struct server *s = server_start(NULL);
    char port[8];

    snprintf(port, sizeof(port), "%u", s->port);
    expect_failure(&(struct launch){.args = LIST("--port", port)}, 1, port);
}
END_TEST

START_TEST(a_restart_takes_the_port_at_once)
{
    struct server *s = server_start(NULL);
    struct client *c = ws_open_chat(s, 1);
    char port[8];

    snprintf(port, sizeof(port), "%u", s->port);
    server_signal(s, SIGTERM);
    ws_expect_close(c, 1001);
    ck_assert_int_eq(server_wait_exit(s), 0);
    s = server_launch(&(struct launch){.args = LIST("--port", port)});
    server_wait_for(s, "listening on");
}
END_TEST

START_TEST(it_listens_on_several_addresses)
{
    const char *path = test_path("chat.sock");
    char unix_address[160];
    struct client *a;
    struct client *b;
    struct server *s;

    snprintf(unix_address, sizeof(unix_address), "unix:%s", path);
    s = server_start(LIST("--listen", unix_address));
    server_wait_for(s, path);
    a = ws_open_chat(s, 1);
    b = client_connect_unix(path);
    ws_request(b, "/ws/2", "");
    ws_expect_upgrade(b);
    ws_send_text(b, "over a file");
    ws_expect_text(a, "Client #2 says: over a file");
    ws_expect_text(b, "You wrote: over a file");
    ws_leave(b);
    ws_expect_text(a, "Client #2 left the chat");
    client_close(a);
    server_stop(s);
    ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

/* Whatever the umask says; without the option it has the last word. */
START_TEST(unix_sockets_have_the_mode_that_is_asked_for)
{
    static const struct {
        const char *option;
        mode_t mask, mode;
    } rows[] = {{"--socket-mode=0660", 077, 0660},
                {"--socket-mode=777", 022, 0777},
                {"--socket-mode=000", 0, 0},
                {"--log-level=info", 027, 0750}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char address[160], name[16];
        struct stat st;
        struct server *s;
        mode_t before = umask(rows[i].mask);

        snprintf(name, sizeof(name), "mode%zu", i);
        snprintf(address, sizeof(address), "--listen=unix:%s", test_path(name));
        s = server_launch(&(struct launch){.args = LIST(address, rows[i].option)});
        umask(before);
        server_wait_for(s, "listening on ");
        ck_assert_int_eq(stat(test_path(name), &st), 0);
        ck_assert_uint_eq(st.st_mode & 07777, rows[i].mode);
        server_stop(s);
    }
}
END_TEST

static struct server *start_unix(const char *path)
{
    char address[160];
    struct server *s;

    snprintf(address, sizeof(address), "unix:%s", path);
    s = server_launch(&(struct launch){.args = LIST("--listen", address)});
    server_wait_for(s, "listening on ");
    return s;
}

START_TEST(a_stale_unix_socket_is_replaced)
{
    const char *path = test_path("stale.sock");
    struct server *s = start_unix(path);
    struct client *c;

    server_signal(s, SIGKILL);
    server_wait_exit(s);
    ck_assert_int_eq(access(path, F_OK), 0);
    s = start_unix(path);
    c = client_connect_unix(path);
    ws_request(c, "/ws/1", "");
    ws_expect_upgrade(c);
    client_close(c);
}
END_TEST

START_TEST(a_live_unix_socket_is_left_alone)
{
    const char *path = test_path("live.sock");
    struct server *s = start_unix(path);
    char address[160];
    struct client *c;

    ck_assert_int_gt(s->pid, 0);
    snprintf(address, sizeof(address), "unix:%s", path);
    expect_failure(&(struct launch){.args = LIST("--listen", address)}, 1, path);
    c = client_connect_unix(path);
    ws_request(c, "/ws/1", "");
    ws_expect_upgrade(c);
    client_close(c);
}
END_TEST

/* Whether the one before was removed or moved away. */
START_TEST(the_socket_of_a_successor_is_left_alone)
{
    const char *path = test_path("handed-over.sock");
    struct server *first = start_unix(path);
    struct client *c;

    ck_assert_int_eq(_i == 0 ? unlink(path) : rename(path, test_path("moved.sock")), 0);
    start_unix(path);
    server_stop(first);
    c = client_connect_unix(path);
    ws_request(c, "/ws/1", "");
    ws_expect_upgrade(c);
    client_close(c);
}
END_TEST

START_TEST(a_file_that_is_no_socket_is_left_alone)
{
    const char *path = test_path("precious");
    char address[160];
    struct stat st;

    write_file(path, "data");
    snprintf(address, sizeof(address), "unix:%s", path);
    expect_failure(&(struct launch){.args = LIST("--listen", address)}, 1, path);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert(S_ISREG(st.st_mode) && st.st_size == 4);
}
END_TEST

START_TEST(a_unix_path_that_is_too_long_is_refused)
{
    char address[256] = "unix:/tmp/";

    memset(address + strlen(address), 'a', 120);
    expect_failure(&(struct launch){.args = LIST("--listen", address)}, 2, "unix:/tmp/aaa");
}
END_TEST

START_TEST(ipv6_works)
{
    struct server *s;
    struct client *c;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || access("/proc/net/if_inet6", F_OK) != 0)
        return;
    close(fd);
    s = server_launch(&(struct launch){.args = LIST("--listen", "[::1]:0")});
    server_wait_for(s, "listening on http://[::1]:");
    server_wait_for(s, "/\n");
    s->port = (uint16_t)strtoul(strstr((char *)s->err.data, "[::1]:") + 6, NULL, 10);
    c = client_connect_ipv6(s);
    ws_request(c, "/ws/1", "");
    ws_expect_upgrade(c);
    ws_send_text(c, "six");
    ws_expect_text(c, "You wrote: six");
    client_close(c);
}
END_TEST

/* ---- Signals ---- */

static const int signals[] = {SIGTERM, SIGINT};

START_TEST(a_signal_closes_everybody_with_1001_and_exits_0)
{
    struct server *s = server_start(NULL);
    struct client *chat = ws_open_chat(s, 1);
    struct client *other = ws_open_chat(s, 2);
    struct client *echo = ws_open(s, "/ws");
    struct client *idle = client_connect(s);

    ws_send_text(chat, "last words");
    ws_expect_text(chat, "You wrote: last words");
    server_signal(s, signals[_i]);
    ws_expect_close_later(chat, 1001);
    ws_expect_close_later(other, 1001);
    ws_expect_close(echo, 1001);
    client_expect_eof(idle);
    client_close(idle);
    ck_assert_int_eq(server_wait_exit(s), 0);
}
END_TEST

START_TEST(a_client_that_never_answers_does_not_hold_the_end_up)
{
    struct server *s = server_start(LIST("--shutdown-timeout", "1"));
    struct client *c = ws_open_chat(s, 1);

    server_signal(s, SIGTERM);
    ck_assert_int_eq(server_wait_exit(s), 0);
    client_close(c);
}
END_TEST

START_TEST(a_second_signal_ends_at_once)
{
    struct server *s = server_start(LIST("--shutdown-timeout", "3600"));
    struct client *c = ws_open_chat(s, 1);
    struct frame frame;

    server_signal(s, SIGTERM);
    ck_assert(ws_read(c, &frame));
    ck_assert_int_eq(frame.opcode, WS_CLOSE);
    free(frame.data);
    server_signal(s, SIGTERM);
    server_wait_exit(s);
    client_close(c);
}
END_TEST

START_TEST(healthz_is_503_while_shutting_down)
{
    struct server *s = server_start(LIST("--shutdown-timeout", "3600"));
    struct client *c = ws_open_chat(s, 1);
    struct frame frame;
    struct response *r;

    server_signal(s, SIGTERM);
    ck_assert(ws_read(c, &frame));
    free(frame.data);
    r = http_get(s, "/healthz", "");
    ck_assert_int_eq(r->status, 503);
    response_free(r);
    ck_assert_int_eq(ws_refused(s, "/ws/2", ""), 503);
    client_close(c);
    ck_assert_int_eq(server_wait_exit(s), 0);
}
END_TEST

START_TEST(sigpipe_is_harmless)
{
    struct server *s = server_start(NULL);

    server_signal(s, SIGPIPE);
    response_free(http_get(s, "/healthz", ""));
}
END_TEST

Suite *suite_program(void)
{
    Suite *suite = suite_create("program");
    TCase *options = harness_case(suite, "options");
    TCase *listeners = harness_case(suite, "listeners");
    TCase *ends = harness_case(suite, "signals");

    tcase_add_test(options, lan_tells_the_addresses_and_what_it_means);
    tcase_add_test(options, networks_of_ipv6_are_told_where_it_is_open_to_them);
    tcase_add_test(options, a_terminal_gets_a_code_of_the_address);
    tcase_add_test(options, without_it_no_network_is_spoken_of);
    tcase_add_test(options, help_names_every_option);
    tcase_add_test(options, version_is_on_stdout);
    tcase_add_loop_test(options, usage_errors_exit_2, 0, ARRAY_LEN(usage_errors));
    tcase_add_test(options, a_bad_environment_exits_2_and_names_it);
    tcase_add_test(options, the_environment_sets_and_the_flag_wins);
    tcase_add_test(options, every_option_has_an_environment_twin);
    tcase_add_test(options, nothing_goes_to_stdout);
    tcase_add_test(options, the_ready_line_is_a_url);
    tcase_add_test(options, json_logs_are_one_object_a_line);
    tcase_add_test(options, it_runs_from_any_folder);
    tcase_add_test(options, static_serves_the_page_from_a_folder);
    tcase_add_test(options, static_files_are_shared_by_those_who_get_them);
    tcase_add_test(options, static_folders_below_are_not_served);
    tcase_add_test(options, static_without_the_folder_fails_at_once);
    tcase_add_test(listeners, a_taken_port_exits_1);
    tcase_add_test(listeners, a_restart_takes_the_port_at_once);
    tcase_add_test(listeners, it_listens_on_several_addresses);
    tcase_add_test(listeners, unix_sockets_have_the_mode_that_is_asked_for);
    tcase_add_test(listeners, a_stale_unix_socket_is_replaced);
    tcase_add_test(listeners, a_live_unix_socket_is_left_alone);
    tcase_add_loop_test(listeners, the_socket_of_a_successor_is_left_alone, 0, 2);
    tcase_add_test(listeners, a_file_that_is_no_socket_is_left_alone);
    tcase_add_test(listeners, a_unix_path_that_is_too_long_is_refused);
    tcase_add_test(listeners, ipv6_works);
    tcase_add_loop_test(ends, a_signal_closes_everybody_with_1001_and_exits_0, 0,
                        ARRAY_LEN(signals));
    tcase_add_test(ends, a_client_that_never_answers_does_not_hold_the_end_up);
    tcase_add_test(ends, a_second_signal_ends_at_once);
    tcase_add_test(ends, healthz_is_503_while_shutting_down);
    tcase_add_test(ends, sigpipe_is_harmless);
    return suite;
}
