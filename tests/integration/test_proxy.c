/* Behind proxies: the PROXY protocol, Forwarded and X-Forwarded-For, believed from those only that
 * are trusted. Whom the server takes somebody for is what its log says at the end. */
#include "client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"

Suite *suite_proxy(void);

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V1 "PROXY TCP4 192.0.2.1 198.51.100.2 8080 443\r\n"
#define V1_TRUSTED "PROXY TCP4 10.1.2.3 198.51.100.2 8080 443\r\n"
#define V2 SIGNATURE "\x21\x11\x00\x0c\xc0\x00\x02\x01\xc6\x33\x64\x02\x1f\x90\x01\xbb"
#define LOCAL SIGNATURE "\x20\x00\x00\x00"
#define FOR_7 "X-Forwarded-For: 192.0.2.7\r\n"

#define OWN NULL /* the client's own address is the one that counts */

static const struct str nothing = {"", 0};

/* ---- Whom the server takes somebody for ---- */

/* The client's own socket, as the log writes it; "unknown" for a unix one. */
static void write_own(const struct client *c, char *out, size_t size)
{
    struct sockaddr_storage storage = {.ss_family = AF_UNSPEC};
    const struct sockaddr_in *in = (const struct sockaddr_in *)&storage;
    socklen_t len = sizeof(storage);

    ck_assert_int_eq(getsockname(c->fd, (struct sockaddr *)&storage, &len), 0);
    if (storage.ss_family == AF_INET)
        snprintf(out, size, "%s:%u", inet_ntoa(in->sin_addr), ntohs(in->sin_port));
    else
        snprintf(out, size, "unknown");
}

static unsigned long long last_id;

/* Chats on a connection that has sent what a proxy says in front; `fields` come with the upgrade.
 * Then the log must say from where. Frees the client. */
static void expect_chat(struct server *s, struct client *c, const char *fields, const char *from)
{
    char own[64], target[64], line[128];

    write_own(c, own, sizeof(own));
    snprintf(target, sizeof(target), "/ws/%llu", ++last_id);
    ws_request(c, target, fields);
    ws_expect_upgrade(c);
    ws_leave(c);
    snprintf(line, sizeof(line), " from=%s id=%llu ", from != OWN ? from : own, last_id);
    server_wait_for(s, line);
}

static void expect_told(struct server *s, struct str header, const char *fields, const char *from)
{
    struct client *c = client_connect(s);

    client_send(c, header.ptr, header.len);
    expect_chat(s, c, fields, from);
}

/* The connection is answered with 400 and closed. */
static void expect_refused(struct server *s, struct str header, const char *fields)
{
    struct client *c = client_connect(s);
    struct response *r;

    client_send(c, header.ptr, header.len);
    client_print(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n%s\r\n", fields);
    r = response_read(c, false);
    ck_assert_int_eq(r->status, 400);
    ck_assert_uint_gt(r->len, 0);
    response_free(r);
    client_expect_eof(c);
    client_close(c);
}

/* ---- PROXY headers ---- */

static const struct {
    struct str header;
    const char *from;
} headers[] = {
    {{V1, sizeof(V1) - 1}, "192.0.2.1:8080"},
    {{"PROXY TCP6 2001:db8::1 ::1 8080 443\r\n", 37}, "[2001:db8::1]:8080"},
    {{"PROXY UNKNOWN\r\n", 15}, OWN},
    {{V2, sizeof(V2) - 1}, "192.0.2.1:8080"},
    {{LOCAL, sizeof(LOCAL) - 1}, OWN},
    {{SIGNATURE "\x21\x00\x00\x00", 16}, OWN},
    {{SIGNATURE "\x21\x11\x00\x19\xc0\x00\x02\x01\xc6\x33\x64\x02\x1f\x90\x01\xbb"
                "\x01\x00\x02h2\xe0\x00\x05value",
      41},
     "192.0.2.1:8080"},
};

START_TEST(headers_tell_the_client)
{
    struct server *s = server_start(LIST("--trusted-proxy", "127.0.0.1"));

    expect_told(s, headers[_i].header, "", headers[_i].from);
}
END_TEST

/* Header and request in one piece, byte by byte, and cut at every place. */
START_TEST(headers_may_come_in_pieces)
{
    struct server *s = server_start(LIST("--trusted-proxy", "127.0.0.0/8"));
    const struct str header = headers[_i].header;
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    char bytes[256];
    size_t len = header.len + sizeof(request) - 1;

    memcpy(bytes, header.ptr, header.len);
    memcpy(bytes + header.len, request, sizeof(request) - 1);
    for (size_t cut = 0; cut <= len; cut++) {
        struct client *c = client_connect(s);
        struct response *r;

        if (cut == 0)
            client_send_bytewise(c, bytes, len);
        else
            client_send(c, bytes, cut);
        client_send(c, bytes + (cut == 0 ? len : cut), cut == 0 ? 0 : len - cut);
        r = response_read(c, false);
        ck_assert_int_eq(r->status, 200);
        response_free(r);
        client_close(c);
    }
}
END_TEST

START_TEST(a_trusted_proxy_need_not_send_a_header)
{
    struct server *s = server_start(LIST("--trusted-proxy", "127.0.0.1"));
    struct client *c = client_connect(s);

    /* Empty lines begin like a header of version 2. */
    client_print(c, "\r\n\r\n");
    expect_chat(s, c, "", OWN);
    expect_told(s, nothing, "", OWN);
}
END_TEST

static const struct str bad_headers[] = {
    {"PROXY TCP4 192.0.2.1 198.51.100.2 8080 65536\r\n", 46},
    {"PROXY TCP5 192.0.2.1 198.51.100.2 8080 443\r\n", 44},
    {"PROXY UNKNOWN 0123456789012345678901234567890123456789012345678901234567890123456789012345678"
     "901234567890123456789",
     112},
    {SIGNATURE "\x11\x11\x00\x0c\xc0\x00\x02\x01\xc6\x33\x64\x02\x1f\x90\x01\xbb", 28},
    {SIGNATURE "\x21\x11\x00\x0b\xc0\x00\x02\x01\xc6\x33\x64\x02\x1f\x90\x01\xbb", 28},
    {SIGNATURE "\x21\x11\xff\xff\xc0\x00\x02\x01\xc6\x33\x64\x02\x1f\x90\x01\xbb", 28},
    {SIGNATURE "\x21\x11\x00\x13\xc0\x00\x02\x01\xc6\x33\x64\x02\x1f\x90\x01\xbb"
               "\x03\x00\x04\x01\x02\x03\x04",
     35},
    {V1 V1, 2 * (sizeof(V1) - 1)},
};

START_TEST(bad_headers_are_refused)
{
    struct server *s = server_start(LIST("--trusted-proxy", "127.0.0.1"));

    expect_refused(s, bad_headers[_i], "");
}
END_TEST

START_TEST(headers_of_others_are_not_http)
{
    struct server *s =
        server_start(LIST("--trusted-proxy", "127.0.0.2", "--trusted-proxy", "unix"));
    struct server *none = server_start(NULL);

    expect_refused(s, STR(V1), "");
    expect_refused(s, STR(V2), "");
    expect_refused(none, STR(V1), "");
    expect_refused(none, STR(V2), "");
    expect_chat(s, client_connect(s), FOR_7 "Forwarded: for=192.0.2.7\r\n", OWN);
    expect_chat(none, client_connect(none), FOR_7 "Forwarded: for=192.0.2.7\r\n", OWN);
}
END_TEST

START_TEST(a_header_has_the_time_of_a_request)
{
    struct server *s =
        server_start(LIST("--trusted-proxy", "127.0.0.1", "--handshake-timeout", "0.2",
                          "--proxy-header", _i == 0 ? "auto" : "proxy-protocol"));
    static const struct str parts[] = {{"", 0},
                                       {"PRO", 3},
                                       {V1, 20},
                                       {SIGNATURE "\x21", 13},
                                       {V1, sizeof(V1) - 1},
                                       {V2, sizeof(V2) - 1}};

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct client *c = client_connect(s);
        struct response *r;

        client_send(c, parts[i].ptr, parts[i].len);
        r = response_read(c, false);
        ck_assert_int_eq(r->status, 408);
        response_free(r);
        client_expect_eof(c);
        client_close(c);
    }
}
END_TEST

START_TEST(a_header_that_breaks_off_is_no_request)
{
    struct server *s = server_start(LIST("--trusted-proxy", "127.0.0.1"));
    static const struct str parts[] = {{"PRO", 3}, {V1, 20}, {SIGNATURE "\x21", 13}, {V1, 44}};

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct client *c = client_connect(s);

        client_send(c, parts[i].ptr, parts[i].len);
        client_finish(c);
        client_expect_eof(c);
        client_close(c);
    }
}
END_TEST

/* ---- Fields ---- */

static const struct {
    const char *fields;
    const char *from;
} told_fields[] = {
    {"X-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7"},
    {"X-Forwarded-For: 192.0.2.6, 192.0.2.7:99, 10.0.0.1\r\n", "192.0.2.7:99"},
    {"X-Forwarded-For: 192.0.2.6\r\nX-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7"},
    {"X-Forwarded-For: 192.0.2.6, unknown\r\n", OWN},
    {"X-Forwarded-For: 192.0.2.6, unknown, 10.0.0.1\r\n", "10.0.0.1"},
    {"Forwarded: for=192.0.2.7;proto=https\r\n", "192.0.2.7"},
    {"Forwarded: for=192.0.2.6, For=\"[2001:db8::7]:99\", for=10.0.0.1\r\n", "[2001:db8::7]:99"},
    {"Forwarded: for=_hidden\r\n", OWN},
    {"Forwarded: for=192.0.2.7\r\nX-Forwarded-For: 192.0.2.6, 192.0.2.7\r\n", "192.0.2.7"},
    {"Forwarded: for=unknown\r\nX-Forwarded-For: unknown\r\n", OWN},
    {"", OWN},
};

START_TEST(fields_tell_the_client)
{
    struct server *s =
        server_start(LIST("--trusted-proxy", "127.0.0.1", "--trusted-proxy", "10.0.0.0/8"));

    expect_told(s, nothing, told_fields[_i].fields, told_fields[_i].from);
}
END_TEST

START_TEST(two_readings_are_refused)
{
    struct server *s = server_start(LIST("--trusted-proxy", "127.0.0.1"));

    expect_refused(s, nothing, FOR_7 "Forwarded: for=192.0.2.8\r\n");
    expect_refused(s, nothing, FOR_7 "Forwarded: for=unknown\r\n");
    expect_refused(s, nothing, "X-Forwarded-For: unknown\r\nForwarded: for=192.0.2.8\r\n");
    expect_refused(s, nothing, FOR_7 "Forwarded:\r\n");
    expect_refused(s, nothing, "Forwarded: for=\"192.0.2.8, for=192.0.2.7\r\n");
}
END_TEST

/* One connection of a proxy carries the requests of many clients. */
START_TEST(each_request_has_its_own_client)
{
    static const char *const fields[] = {FOR_7, "", "X-Forwarded-For: 192.0.2.8\r\n"};
    static const char *const from[] = {"192.0.2.7", OWN, "192.0.2.8"};
    struct server *s = server_start(LIST("--trusted-proxy", "127.0.0.1"));

    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        for (size_t j = 0; j < ARRAY_LEN(fields); j++) {
            struct client *c = client_connect(s);

            client_print(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n%s\r\n", fields[i]);
            response_free(response_read(c, false));
            expect_chat(s, c, fields[j], from[j]);
        }
    }
}
END_TEST

/* ---- Who is believed ---- */

/* What a PROXY header tells is the peer, and its fields are believed only if it is trusted. */
START_TEST(fields_behind_a_header)
{
    struct server *s =
        server_start(LIST("--trusted-proxy", "127.0.0.1", "--trusted-proxy", "10.0.0.0/8"));

    expect_told(s, STR(V1_TRUSTED), FOR_7, "192.0.2.7");
    expect_told(s, STR(V1_TRUSTED), "", "10.1.2.3:8080");
    expect_told(s, STR(V1), FOR_7, "192.0.2.1:8080");
    expect_told(s, STR(V1), FOR_7 "Forwarded: for=192.0.2.8\r\n", "192.0.2.1:8080");
    expect_told(s, STR(LOCAL), FOR_7, "192.0.2.7");
    /* It speaks for somebody, though it does not say for whom. */
    expect_told(s, STR("PROXY UNKNOWN\r\n"), FOR_7, OWN);
    expect_told(s, STR(SIGNATURE "\x21\x00\x00\x00"), FOR_7, OWN);
}
END_TEST

START_TEST(whoever_comes_by_a_unix_socket)
{
    char path[128], listen[160];
    struct server *s;

    snprintf(path, sizeof(path), "%s", test_path("s"));
    snprintf(listen, sizeof(listen), "unix:%s", path);
    s = server_start(LIST("--listen", listen, "--trusted-proxy", "unix"));
    expect_chat(s, client_connect_unix(path), FOR_7, "192.0.2.7");
    expect_chat(s, client_connect_unix(path), "", OWN);
    expect_chat(s, client_connect(s), FOR_7, OWN);
    server_stop(s);
    s = server_start(LIST("--listen", listen, "--trusted-proxy", "0.0.0.0/0"));
    expect_chat(s, client_connect_unix(path), FOR_7, OWN);
    expect_chat(s, client_connect(s), "X-Forwarded-For: 192.0.2.7, 10.9.9.9\r\n", "192.0.2.7");
}
END_TEST

START_TEST(whoever_comes_by_ipv6)
{
    struct server *s;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || access("/proc/net/if_inet6", F_OK) != 0)
        return;
    close(fd);
    s = server_launch(
        &(struct launch){.args = LIST("--listen", "[::1]:0", "--trusted-proxy", "::/64")});
    server_wait_for(s, "listening on http://[::1]:");
    server_wait_for(s, "/\n");
    s->port = (uint16_t)strtoul(strstr((char *)s->err.data, "[::1]:") + 6, NULL, 10);
    expect_chat(s, client_connect_ipv6(s), FOR_7, "192.0.2.7");
    expect_chat(s, client_connect_ipv6(s), "Forwarded: for=\"[::2]\", for=\"[2001:db8::7]\"\r\n",
                "2001:db8::7");
}
END_TEST

START_TEST(a_header_that_must_come_first)
{
    struct server *s =
        server_start(LIST("--trusted-proxy", "127.0.0.1", "--proxy-header", "proxy-protocol"));

    expect_refused(s, nothing, "");
    expect_refused(s, nothing, FOR_7);
    expect_told(s, STR(V1), "", "192.0.2.1:8080");
    expect_told(s, STR(V2), "", "192.0.2.1:8080");
    expect_told(s, STR(LOCAL), FOR_7 "Forwarded: for=192.0.2.8\r\n", OWN);
    /* Who is not trusted speaks for himself. */
    expect_chat(s, client_connect_from(s, 2), FOR_7, OWN);
}
END_TEST

START_TEST(one_field_and_nothing_else)
{
    struct server *x =
        server_start(LIST("--trusted-proxy", "127.0.0.1", "--proxy-header", "x-forwarded-for"));
    struct server *f =
        server_start(LIST("--trusted-proxy", "127.0.0.1", "--proxy-header", "forwarded"));

    expect_told(x, nothing, FOR_7 "Forwarded: for=192.0.2.8\r\n", "192.0.2.7");
    expect_told(x, nothing, FOR_7 "Forwarded: \"\r\n", "192.0.2.7");
    expect_told(x, nothing, "Forwarded: for=192.0.2.8\r\n", OWN);
    expect_refused(x, STR(V1), "");
    expect_refused(x, STR(V2), "");
    expect_told(f, nothing, FOR_7 "Forwarded: for=192.0.2.8\r\n", "192.0.2.8");
    expect_told(f, nothing, FOR_7, OWN);
    expect_refused(f, nothing, "Forwarded: \"\r\n");
    expect_refused(f, STR(V1), "");
    expect_refused(f, STR(V2), "");
}
END_TEST

/* Each told address has its own limit, and that of the proxy is not touched. */
START_TEST(limits_count_the_told_address)
{
    struct server *s =
        server_start(LIST("--trusted-proxy", "127.0.0.1", "--max-clients-per-ip", "1"));
    struct client *seven = ws_open_with(s, "/ws/7", FOR_7);
    struct client *one = client_connect(s), *own;

    ck_assert_int_eq(ws_refused(s, "/ws/8", FOR_7), 429);
    ck_assert_int_eq(ws_refused(s, "/ws", "Forwarded: for=\"192.0.2.7:99\"\r\n"), 429);
    client_print(one, "%s", V1);
    ws_request(one, "/ws/1", FOR_7);
    ws_expect_upgrade(one);
    own = ws_open(s, "/ws/9");
    ck_assert_int_eq(ws_refused(s, "/ws/10", ""), 429);
    ws_leave(seven);
    ws_leave(ws_open_with(s, "/ws/8", FOR_7));
    ws_leave(one);
    ws_leave(own);
}
END_TEST

/* Host is what a page's origin is compared with, and no other field. */
START_TEST(forwarded_hosts_are_not_looked_at)
{
    struct server *s = server_start(LIST("--trusted-proxy", "127.0.0.1"));

    ck_assert_int_eq(ws_refused(s, "/ws",
                                "Origin: https://other.example\r\n"
                                "X-Forwarded-Host: other.example\r\n"
                                "X-Forwarded-Proto: https\r\n"
                                "Forwarded: for=192.0.2.7;host=other.example;proto=https\r\n"),
                     403);
}
END_TEST

/* Who asks for metrics is never somebody else. */
START_TEST(operators_have_no_proxy)
{
    struct server *s = server_start(LIST("--admin", "127.0.0.1:0", "--trusted-proxy", "127.0.0.1",
                                         "--proxy-header", "proxy-protocol"));
    struct server admin = *s;
    const char *url;
    struct response *r;

    server_wait_for(s, "/metrics\n");
    url = strstr((char *)s->err.data, "metrics on http://127.0.0.1:");
    ck_assert_ptr_nonnull(url);
    ck_assert_int_eq(sscanf(url, "metrics on http://127.0.0.1:%hu/", &admin.port), 1);
    r = http_get(&admin, "/healthz", FOR_7 "Forwarded: \"\r\n");
    ck_assert_int_eq(r->status, 200);
    response_free(r);
    expect_refused(&admin, STR(V1), "");
}
END_TEST

/* ---- The option ---- */

START_TEST(the_command_line_replaces_the_environment)
{
    struct launch launch = {.env = LIST("WSCHAT_TRUSTED_PROXY=unix  127.0.0.2 127.0.0.3")};
    struct server *s = server_start_with(&launch);

    expect_chat(s, client_connect_from(s, 2), FOR_7, "192.0.2.7");
    expect_chat(s, client_connect_from(s, 3), FOR_7, "192.0.2.7");
    expect_chat(s, client_connect_from(s, 4), FOR_7, OWN);
    launch.args = LIST("--trusted-proxy", "127.0.0.4", "--trusted-proxy=127.0.0.5");
    s = server_start_with(&launch);
    expect_chat(s, client_connect_from(s, 2), FOR_7, OWN);
    expect_chat(s, client_connect_from(s, 4), FOR_7, "192.0.2.7");
    expect_chat(s, client_connect_from(s, 5), FOR_7, "192.0.2.7");
}
END_TEST

/* 64 are the most. */
START_TEST(trusted_proxies_are_bounded)
{
    char text[80 * 16] = "WSCHAT_TRUSTED_PROXY=";
    struct launch launch = {.env = LIST(text)};
    struct buf out, err;
    struct server *s;

    for (int i = 0; i < 64; i++)
        snprintf(text + strlen(text), 16, " 127.0.0.%d", 64 - i);
    s = server_start_with(&launch);
    expect_chat(s, client_connect(s), FOR_7, "192.0.2.7");
    expect_chat(s, client_connect_from(s, 65), FOR_7, OWN);
    snprintf(text + strlen(text), 16, " 127.0.0.65");
    ck_assert_int_eq(program_run(&launch, &out, &err), 2);
    ck_assert_ptr_nonnull(strstr((char *)err.data, "at most 64"));
    buf_deinit(&out);
    buf_deinit(&err);
}
END_TEST

Suite *suite_proxy(void)
{
    Suite *suite = suite_create("proxy");
    TCase *header = harness_case(suite, "headers"), *field = harness_case(suite, "fields");
    TCase *trust = harness_case(suite, "trust");

    tcase_add_loop_test(header, headers_tell_the_client, 0, (int)ARRAY_LEN(headers));
    tcase_add_loop_test(header, headers_may_come_in_pieces, 0, (int)ARRAY_LEN(headers));
    tcase_add_test(header, a_trusted_proxy_need_not_send_a_header);
    tcase_add_loop_test(header, bad_headers_are_refused, 0, (int)ARRAY_LEN(bad_headers));
    tcase_add_test(header, headers_of_others_are_not_http);
    tcase_add_loop_test(header, a_header_has_the_time_of_a_request, 0, 2);
    tcase_add_test(header, a_header_that_breaks_off_is_no_request);
    tcase_add_loop_test(field, fields_tell_the_client, 0, (int)ARRAY_LEN(told_fields));
    tcase_add_test(field, two_readings_are_refused);
    tcase_add_test(field, each_request_has_its_own_client);
    tcase_add_test(trust, fields_behind_a_header);
    tcase_add_test(trust, whoever_comes_by_a_unix_socket);
    tcase_add_test(trust, whoever_comes_by_ipv6);
    tcase_add_test(trust, a_header_that_must_come_first);
    tcase_add_test(trust, one_field_and_nothing_else);
    tcase_add_test(trust, limits_count_the_told_address);
    tcase_add_test(trust, forwarded_hosts_are_not_looked_at);
    tcase_add_test(trust, operators_have_no_proxy);
    tcase_add_test(trust, the_command_line_replaces_the_environment);
    tcase_add_test(trust, trusted_proxies_are_bounded);
    return suite;
}
