/* HTTP from outside: pages, status codes, keep-alive, and everything that must end a connection. */
#include "client.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

Suite *suite_http(void);

/* ---- Pages ---- */

static const char *const pages[] = {"/", "/echo"};

static void check_page_headers(const struct response *r)
{
    const char *policy;

    ck_assert_ptr_nonnull(strstr(response_field(r, "Content-Type"), "text/html"));
    ck_assert_ptr_nonnull(response_field(r, "ETag"));
    ck_assert_ptr_nonnull(response_field(r, "Cache-Control"));
    ck_assert_str_eq(response_field(r, "X-Content-Type-Options"), "nosniff");
    ck_assert_ptr_nonnull(response_field(r, "Referrer-Policy"));
    ck_assert_ptr_nonnull(response_field(r, "Date"));
    policy = response_field(r, "Content-Security-Policy");
    ck_assert_ptr_nonnull(policy);
    ck_assert_ptr_null(strstr(policy, "unsafe"));
}

START_TEST(pages_carry_their_headers)
{
    struct server *s = server_start(NULL);
    struct response *r = http_get(s, pages[_i], "");

    ck_assert_int_eq(r->status, 200);
    check_page_headers(r);
    ck_assert_ptr_nonnull(strcasestr(r->body, "<!doctype html>"));
    ck_assert_ptr_nonnull(strstr(r->body, "messageText"));
    ck_assert_ptr_nonnull(strstr(r->body, "id=\"messages\""));
    ck_assert_ptr_null(strstr(r->body, "style="));
    ck_assert_ptr_null(strstr(r->body, "onsubmit"));
    ck_assert_ptr_null(strstr(r->body, "//cdn"));
    response_free(r);
}
END_TEST

/* Checks that what an attribute of the page names is there, with a type of its own. */
static unsigned fetch_all(const struct server *s, const char *page, const char *attribute)
{
    unsigned count = 0;
    const char *at = page;
    char target[256];

    while ((at = strstr(at, attribute)) != NULL) {
        struct response *r;

        at += strlen(attribute);
        at += *at == '"';
        if (*at == '#')
            continue;
        /* Relative to the root; "./" is the root itself. */
        at += strncmp(at, "./", 2) == 0 ? 2 : *at == '/';
        snprintf(target, sizeof(target), "/%.*s", (int)strcspn(at, "\"#> "), at);
        r = http_get(s, target, "");
        if (r->status != 200)
            ck_abort_msg("%s: %d", target, r->status);
        ck_assert_ptr_nonnull(response_field(r, "Content-Type"));
        ck_assert_str_eq(response_field(r, "X-Content-Type-Options"), "nosniff");
        response_free(r);
        count++;
    }
    return count;
}

START_TEST(what_a_page_names_is_there)
{
    struct server *s = server_start(NULL);
    struct response *r = http_get(s, pages[_i], "");

    ck_assert_uint_ge(fetch_all(s, r->body, " src="), 1);
    ck_assert_uint_ge(fetch_all(s, r->body, " href="), 1);
    response_free(r);
}
END_TEST

START_TEST(head_has_the_same_head_and_no_body)
{
    struct server *s = server_start(NULL);
    struct client *c = client_connect(s);
    struct response *get;
    struct response *head;
    char length[32];

    client_print(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", pages[_i]);
    get = response_read(c, false);
    client_print(c, "HEAD %s HTTP/1.1\r\nHost: x\r\n\r\n", pages[_i]);
    head = response_read(c, true);
    snprintf(length, sizeof(length), "%zu", get->len);
    ck_assert_int_eq(head->status, 200);
    ck_assert_str_eq(response_field(head, "Content-Length"), length);
    check_page_headers(head);
    response_free(get);
    response_free(head);
    client_print(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    get = response_read(c, false);
    ck_assert_int_eq(get->status, 200);
    response_free(get);
    client_close(c);
}
END_TEST

START_TEST(if_none_match_gives_304)
{
    struct server *s = server_start(NULL);
    struct response *r = http_get(s, pages[_i], "");
    char etag[128];
    char fields[512];

    snprintf(etag, sizeof(etag), "%s", response_field(r, "ETag"));
    response_free(r);
    ck_assert_ptr_nonnull(strchr(etag, '"'));
    snprintf(fields, sizeof(fields), "If-None-Match: \"other\", %s\r\n", etag);
    r = http_get(s, pages[_i], fields);
    ck_assert_int_eq(r->status, 304);
    ck_assert_str_eq(response_field(r, "ETag"), etag);
    ck_assert_ptr_nonnull(response_field(r, "Cache-Control"));
    response_free(r);
    r = http_get(s, pages[_i], "If-None-Match: *\r\n");
    ck_assert_int_eq(r->status, 304);
    response_free(r);
    r = http_get(s, pages[_i], "If-None-Match: \"other\"\r\n");
    ck_assert_int_eq(r->status, 200);
    response_free(r);
}
END_TEST

/* ---- Content codings ---- */

static const char accept_gzip[] = "Accept-Encoding: gzip, deflate, br\r\n";

static const char *const packed_files[] = {"/", "/echo", "/style.css", "/wschat.js",
                                           "/favicon.svg"};

static void check_unpacks(const struct response *packed, const struct response *plain)
{
    size_t room = plain->len + 1;
    char *out = malloc(room);
    z_stream z = {.next_in = (Bytef *)packed->body,
                  .avail_in = (uInt)packed->len,
                  .next_out = (Bytef *)out,
                  .avail_out = (uInt)room};

    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(inflateInit2(&z, 15 + 16), Z_OK);
    ck_assert_int_eq(inflate(&z, Z_FINISH), Z_STREAM_END); /* its CRC and length, too */
    ck_assert_uint_eq(z.avail_in, 0);
    ck_assert_uint_eq(z.total_out, plain->len);
    ck_assert_mem_eq(out, plain->body, plain->len);
    inflateEnd(&z);
    free(out);
}

/* An ETag names bytes as they are sent (RFC 9110, 8.8.3.3), so each form has its own. */
START_TEST(a_file_goes_out_packed_to_who_takes_that)
{
    struct server *s = server_start(NULL);
    struct response *packed = http_get(s, packed_files[_i], accept_gzip);
    struct response *plain = http_get(s, packed_files[_i], "");
    char etag[128];

    ck_assert_int_eq(packed->status, 200);
    ck_assert_str_eq(response_field(packed, "Content-Encoding"), "gzip");
    ck_assert_str_eq(response_field(packed, "Vary"), "Accept-Encoding");
    ck_assert_ptr_null(response_field(plain, "Content-Encoding"));
    ck_assert_str_eq(response_field(plain, "Vary"), "Accept-Encoding");
    ck_assert_uint_lt(packed->len, plain->len);
    check_unpacks(packed, plain);
    snprintf(etag, sizeof(etag), "%s", response_field(packed, "ETag"));
    ck_assert_str_ne(response_field(plain, "ETag"), etag);
    response_free(plain);
    plain = http_get(s, packed_files[_i], ""); /* what was unpacked for the first one */
    check_unpacks(packed, plain);
    response_free(packed);
    response_free(plain);
}
END_TEST

START_TEST(head_of_a_packed_file_has_its_length)
{
    struct server *s = server_start(NULL);
    struct response *get = http_get(s, "/", accept_gzip), *head;
    struct client *c = client_connect(s);
    char length[32];

    client_print(c, "HEAD / HTTP/1.1\r\nHost: x\r\n%s\r\n", accept_gzip);
    head = response_read(c, true);
    snprintf(length, sizeof(length), "%zu", get->len);
    ck_assert_str_eq(response_field(head, "Content-Length"), length);
    ck_assert_str_eq(response_field(head, "Content-Encoding"), "gzip");
    response_free(get);
    response_free(head);
    client_close(c);
}
END_TEST

/* Asks with the ETag of one form for the other one, and for the same. */
/* There is no packed form of them: they come as they are whatever is accepted (RFC 9110, 12.5.3).
 */
START_TEST(a_title_of_ones_own_is_in_the_page_and_in_the_manifest)
{
    struct server *s = server_start(LIST("--title", "<Tea> & \"ink\""));
    struct response *page = http_get(s, "/", accept_gzip), *again, *other;
    char field[160];

    ck_assert_int_eq(page->status, 200);
    ck_assert_ptr_null(response_field(page, "Content-Encoding"));
    ck_assert_ptr_nonnull(strstr(page->body, "<title>&lt;Tea&gt; &amp; &quot;ink&quot;</title>"));
    ck_assert_ptr_null(strstr(page->body, "WebSocket Chat"));
    snprintf(field, sizeof(field), "If-None-Match: %s\r\n", response_field(page, "ETag"));
    again = http_get(s, "/", field);
    ck_assert_int_eq(again->status, 304);
    other = http_get(s, "/chat.webmanifest", "");
    ck_assert_ptr_nonnull(strstr(other->body, "\"<Tea> & \\\"ink\\\"\""));
    response_free(other);
    other = http_get(s, "/", "Accept-Encoding: gzip, identity;q=0\r\n");
    ck_assert_int_eq(other->status, 200);
    ck_assert_str_eq(other->body, page->body);
    response_free(other);
    other = http_get(s, "/main.js", accept_gzip);
    ck_assert_str_eq(response_field(other, "Content-Encoding"), "gzip");
    response_free(other);
    response_free(again);
    response_free(page);
}
END_TEST

START_TEST(a_form_is_known_by_its_own_etag)
{
    struct server *s = server_start(NULL);
    const char *const asked[] = {accept_gzip, ""};
    struct response *r = http_get(s, "/", asked[_i]);
    char fields[512];

    snprintf(fields, sizeof(fields), "%sIf-None-Match: %s\r\n", asked[_i],
             response_field(r, "ETag"));
    response_free(r);
    r = http_get(s, "/", fields);
    ck_assert_int_eq(r->status, 304);
    ck_assert_str_eq(response_field(r, "Vary"), "Accept-Encoding");
    response_free(r);
    r = http_get(s, "/", _i == 0 ? strchr(fields, '\n') + 1 : fields);
    ck_assert_int_eq(r->status, _i == 0 ? 200 : 304);
    response_free(r);
}
END_TEST

START_TEST(who_takes_no_form_is_told)
{
    struct server *s = server_start(NULL);
    struct response *r = http_get(s, "/", "Accept-Encoding: br, identity;q=0\r\n");

    ck_assert_int_eq(r->status, 406);
    ck_assert_str_eq(response_field(r, "Vary"), "Accept-Encoding");
    ck_assert_ptr_null(response_field(r, "Content-Encoding"));
    response_free(r);
    r = http_get(s, "/nothing", "Accept-Encoding: identity;q=0\r\n");
    ck_assert_int_eq(r->status, 404);
    response_free(r);
    r = http_get(s, "/", "Accept-Encoding: identity;q=0, *\r\n");
    ck_assert_int_eq(r->status, 200);
    ck_assert_str_eq(response_field(r, "Content-Encoding"), "gzip");
    response_free(r);
}
END_TEST

/* Many in one read, so that each form is queued before any is on its way. */
START_TEST(forms_do_not_mix_on_one_connection)
{
    struct server *s = server_start(NULL);
    struct client *c = client_connect(s);
    struct response *packed, *plain;

    for (int i = 0; i < 3; i++)
        client_print(c,
                     "GET /main.js HTTP/1.1\r\nHost: x\r\n%s\r\nGET /main.js HTTP/1.1\r\nHost: "
                     "x\r\n\r\n",
                     accept_gzip);
    for (int i = 0; i < 3; i++) {
        packed = response_read(c, false);
        plain = response_read(c, false);
        check_unpacks(packed, plain);
        response_free(packed);
        response_free(plain);
    }
    client_close(c);
}
END_TEST

/* ---- Status codes ---- */

START_TEST(healthz_says_ok)
{
    struct server *s = server_start(NULL);
    struct response *r = http_get(s, "/healthz", "");

    ck_assert_int_eq(r->status, 200);
    ck_assert(strcmp(r->body, "ok") == 0 || strcmp(r->body, "ok\n") == 0);
    response_free(r);
}
END_TEST

START_TEST(a_link_becomes_a_qr_code)
{
    struct server *s = server_start(NULL);
    char path[320] = "/qr.svg?text=";
    struct response *r = http_get(s, "/qr.svg?text=http%3A%2F%2F192.168.1.5%3A8000%2F", "");

    ck_assert_int_eq(r->status, 200);
    ck_assert_str_eq(response_field(r, "Content-Type"), "image/svg+xml");
    ck_assert_ptr_nonnull(strstr(r->body, "viewBox=\"0 0 33 33\""));
    response_free(r);
    memset(path + strlen(path), 'x', 271);
    r = http_get(s, path, "");
    ck_assert_int_eq(r->status, 200);
    response_free(r);
    path[strlen(path)] = 'x';
    r = http_get(s, path, "");
    ck_assert_int_eq(r->status, 400);
    response_free(r);
}
END_TEST

static const char *const no_text[] = {"/qr.svg", "/qr.svg?text=", "/qr.svg?text=a&text=b"};

START_TEST(a_qr_code_needs_one_text)
{
    struct server *s = server_start(NULL);
    struct response *r = http_get(s, no_text[_i], "");

    ck_assert_int_eq(r->status, 400);
    response_free(r);
}
END_TEST

static const char *const sockets[] = {"/ws", "/ws/1700000000000"};

START_TEST(ws_without_an_upgrade_is_426)
{
    struct server *s = server_start(NULL);
    struct response *r = http_get(s, sockets[_i], "");

    ck_assert_int_eq(r->status, 426);
    ck_assert_int_eq(strcasecmp(response_field(r, "Upgrade"), "websocket"), 0);
    ck_assert_str_eq(response_field(r, "Sec-WebSocket-Version"), "13");
    ck_assert_ptr_nonnull(strcasestr(response_field(r, "Connection"), "upgrade"));
    ck_assert_uint_gt(r->len, 0);
    response_free(r);
}
END_TEST

static const char *const unknown[] = {
    "/nothing",           "/index.htm", "/healthz/", "/Echo", "//",       "/../etc/passwd",
    "/%2e%2e/etc/passwd", "/echo/x",    "/ws/1/2",   "/wsx",  "/metrics",
};

START_TEST(unknown_paths_are_404)
{
    struct server *s = server_start(NULL);
    struct response *r = http_get(s, unknown[_i], "");

    ck_assert_int_eq(r->status, 404);
    ck_assert_ptr_nonnull(strstr(response_field(r, "Content-Type"), "text/plain"));
    ck_assert_uint_gt(r->len, 0);
    response_free(r);
}
END_TEST

static const char *const methods[] = {"POST",  "PUT",   "DELETE", "OPTIONS",
                                      "PATCH", "TRACE", "get",    "FOO"};
static const char *const known[] = {"/", "/echo", "/healthz", "/ws", "/ws/1", "/qr.svg"};

START_TEST(another_method_is_405_with_allow)
{
    struct server *s = server_start(NULL);

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        struct client *c = client_connect(s);
        struct response *r;

        client_print(c, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", methods[_i],
                     known[i]);
        r = response_read(c, false);
        ck_assert_int_eq(r->status, 405);
        ck_assert_ptr_nonnull(strstr(response_field(r, "Allow"), "GET"));
        ck_assert_uint_gt(r->len, 0);
        response_free(r);
        client_close(c);
    }
}
END_TEST

/* Not for a path, but for the server as a whole, or for a tunnel. */
static const char *const pathless[] = {"OPTIONS *", "CONNECT example.com:443"};

START_TEST(what_has_no_path_is_405_with_allow)
{
    struct server *s = server_start(NULL);
    struct client *c = client_connect(s);
    struct response *r;

    client_print(c, "%s HTTP/1.1\r\nHost: x\r\n\r\n", pathless[_i]);
    r = response_read(c, false);
    ck_assert_int_eq(r->status, 405);
    ck_assert_str_eq(response_field(r, "Allow"), "GET, HEAD");
    response_free(r);
    client_close(c);
}
END_TEST

/* Errors in a HEAD request, at every place of its head. */
static const char *const bad_heads[] = {
    "HEAD / HTTP/1.1\r\n\r\n",
    "HEAD / HTTP/2.1\r\n\r\n",
    "HEAD x HTTP/1.1\r\n\r\n",
    "\r\nHEAD / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
    "HEAD / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n",
    "HEAD / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HEAD / HTTP/1.1\r\nHo", /* not whole in time */
};

START_TEST(an_error_in_a_head_has_no_body)
{
    struct server *s = server_start(LIST("--handshake-timeout=0.2"));
    struct client *c = client_connect(s);
    struct response *r;

    client_print(c, "%s", bad_heads[_i]);
    r = response_read(c, true);
    ck_assert_int_ge(r->status, 400);
    ck_assert_str_ne(response_field(r, "Content-Length"), "0");
    client_expect_eof(c);
    response_free(r);
    client_close(c);
}
END_TEST

START_TEST(a_query_does_not_change_the_page)
{
    struct server *s = server_start(NULL);
    struct response *r = http_get(s, "/?a=b&c", "");

    ck_assert_int_eq(r->status, 200);
    response_free(r);
    r = http_get(s, "http://whoever.example/echo", "");
    ck_assert_int_eq(r->status, 200);
    response_free(r);
}
END_TEST

/* ---- Connections ---- */

static void expect_status(struct client *c, int status)
{
    struct response *r = response_read(c, false);

    ck_assert_int_eq(r->status, status);
    response_free(r);
}

START_TEST(a_connection_serves_many_requests)
{
    struct server *s = server_start(NULL);
    struct client *c = client_connect(s);

    for (int i = 0; i < 10; i++) {
        client_print(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        expect_status(c, 200);
        client_print(c, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
        expect_status(c, 404);
        client_print(c, "GET /ws HTTP/1.1\r\nHost: x\r\n\r\n");
        expect_status(c, 426);
    }
    client_print(c, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect_status(c, 200);
    client_expect_eof(c);
    client_close(c);
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order)
{
    struct server *s = server_start(NULL);
    struct client *c = client_connect(s);

    for (int i = 0; i < 50; i++)
        client_print(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nHEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
                        "\r\nGET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
    client_finish(c);
    for (int i = 0; i < 50; i++) {
        struct response *r;

        expect_status(c, 200);
        r = response_read(c, true);
        ck_assert_int_eq(r->status, 200);
        response_free(r);
        expect_status(c, 404);
    }
    client_expect_eof(c);
    client_close(c);
}
END_TEST

START_TEST(http_1_0_closes_unless_asked)
{
    struct server *s = server_start(NULL);
    struct client *c = client_connect(s);

    client_print(c, "GET /healthz HTTP/1.0\r\n\r\n");
    expect_status(c, 200);
    client_expect_eof(c);
    client_close(c);
    c = client_connect(s);
    for (int i = 0; i < 3; i++) {
        struct response *r;

        client_print(c, "GET /healthz HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
        r = response_read(c, false);
        ck_assert_int_eq(strcasecmp(response_field(r, "Connection"), "keep-alive"), 0);
        response_free(r);
    }
    client_close(c);
}
END_TEST

START_TEST(requests_may_arrive_byte_by_byte)
{
    static const char request[] =
        "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n"
        "Connection: close\r\n\r\n";
    struct server *s = server_start(NULL);
    struct client *c = client_connect(s);

    client_send_bytewise(c, request, sizeof(request) - 1);
    expect_status(c, 200);
    expect_status(c, 200);
    client_expect_eof(c);
    client_close(c);
}
END_TEST

START_TEST(what_came_before_a_fin_is_answered)
{
    struct server *s = server_start(NULL);
    struct client *c = client_connect(s);

    client_print(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    client_finish(c);
    expect_status(c, 200);
    client_expect_eof(c);
    client_close(c);
}
END_TEST

START_TEST(a_client_that_reads_nothing_costs_nothing)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    struct server *s = server_start(NULL);
    struct client *greedy = client_connect_small(s, 2048);
    long before = server_peak_kib(s);
    size_t sent = 0;
    size_t idle = 0;

    /* Until the server stops reading: 20 pauses without room for one byte more. */
    while (idle < 20 && sent < 64 * 1024 * 1024) {
        size_t at = sent % (sizeof(request) - 1);
        size_t n = client_send_some(greedy, request + at, sizeof(request) - 1 - at);

        sent += n;
        idle = n > 0 ? 0 : idle + 1;
        if (n == 0)
            response_free(http_get(s, "/healthz", ""));
    }
    if (!is_sanitized())
        ck_assert_int_lt(server_peak_kib(s) - before, 16 * 1024);
    client_reset(greedy);
    response_free(http_get(s, "/healthz", ""));
}
END_TEST

/* ---- Refusals ---- */

/* A request whose line (without CRLF) or whole head has the given size. */
static char *make_request(size_t line, size_t head, size_t *len)
{
    char *request = malloc(32768);
    size_t n = 0;

    ck_assert_ptr_nonnull(request);
    n += (size_t)snprintf(request, 64, "GET /healthz?");
    while (n + 9 < line)
        request[n++] = 'a';
    n += (size_t)snprintf(request + n, 64, " HTTP/1.1\r\nHost: x\r\nX-Pad: ");
    while (n + 4 < head)
        request[n++] = 'b';
    n += (size_t)snprintf(request + n, 8, "\r\n\r\n");
    *len = n;
    return request;
}

START_TEST(a_head_of_8_kib_is_fine)
{
    struct server *s = server_start(NULL);
    struct client *c = client_connect(s);
    size_t len;
    char *request = make_request(0, 8192, &len);

    ck_assert_uint_eq(len, 8192);
    client_send(c, request, len);
    free(request);
    expect_status(c, 200);
    /* Only the head counts: what comes after it does not. */
    request = make_request(8000, 8192, &len);
    client_send(c, request, len);
    client_send(c, request, len);
    free(request);
    expect_status(c, 200);
    expect_status(c, 200);
    client_close(c);
}
END_TEST

START_TEST(a_longer_head_is_431_and_a_longer_line_414)
{
    struct server *s = server_start(NULL);
    size_t len;
    char *request = make_request(0, 8193, &len);

    http_expect_refusal(s, request, len, 431);
    free(request);
    request = make_request(0, 30000, &len);
    http_expect_refusal(s, request, len, 431);
    free(request);
    request = make_request(8193, 0, &len);
    http_expect_refusal(s, request, len, 414);
    free(request);
    request = make_request(30000, 0, &len);
    http_expect_refusal(s, request, len, 414);
    free(request);
}
END_TEST

struct refusal {
    const char *request;
    size_t len;
    int status;
};

#define REFUSAL(request, status)                                                                   \
    {                                                                                              \
        request, sizeof(request) - 1, status                                                       \
    }
#define GET_X "GET / HTTP/1.1\r\nHost: x\r\n"

static const struct refusal refusals[] = {
    /* lines */
    REFUSAL("GET / HTTP/1.1\nHost: x\n\n", 400),
    REFUSAL("GET / HTTP/1.1\rHost: x\r\r", 400),
    REFUSAL("GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    REFUSAL("GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    REFUSAL("GET /  HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    REFUSAL("GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400),
    REFUSAL(" GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    REFUSAL("GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    REFUSAL("GET /\r\nHost: x\r\n\r\n", 400),
    REFUSAL("GET / HTTP/1.1x\r\nHost: x\r\n\r\n", 400),
    REFUSAL("GET / http/1.1\r\nHost: x\r\n\r\n", 400),
    REFUSAL("GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
    REFUSAL("G(T / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    REFUSAL("GET x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    REFUSAL("GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    REFUSAL("GET /#a HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    REFUSAL("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    REFUSAL("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    /* Host */
    REFUSAL("GET / HTTP/1.1\r\n\r\n", 400),
    REFUSAL("GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400),
    REFUSAL("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
    REFUSAL("GET / HTTP/1.1\r\nHost: x, y\r\n\r\n", 400),
    REFUSAL("GET / HTTP/1.1\r\nHost: x y\r\n\r\n", 400),
    REFUSAL("GET / HTTP/1.1\r\nHost: x:y\r\n\r\n", 400),
    REFUSAL("GET / HTTP/1.1\r\nHost: u@x\r\n\r\n", 400),
    REFUSAL("GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", 400),
    REFUSAL("GET / HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n", 400),
    /* fields */
    REFUSAL(GET_X "A : b\r\n\r\n", 400),
    REFUSAL(GET_X "A\r\n\r\n", 400),
    REFUSAL(GET_X ": b\r\n\r\n", 400),
    REFUSAL(GET_X "A: b\r\n c\r\n\r\n", 400),
    REFUSAL(GET_X "A: b\r\n\tc\r\n\r\n", 400),
    REFUSAL("GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400),
    REFUSAL(GET_X "A: b\rc\r\n\r\n", 400),
    REFUSAL(GET_X "A: b\nC: d\r\n\r\n", 400),
    REFUSAL(GET_X "A: b\0c\r\n\r\n", 400),
    REFUSAL(GET_X "A\0: b\r\n\r\n", 400),
    REFUSAL(GET_X "A: \x01\r\n\r\n", 400),
    REFUSAL(GET_X "A: \x7f\r\n\r\n", 400),
    REFUSAL(GET_X "(A): b\r\n\r\n", 400),
    REFUSAL(GET_X "\xc3\xa4: b\r\n\r\n", 400),
    /* bodies */
    REFUSAL(GET_X "Content-Length: 5\r\n\r\nhello", 413),
    REFUSAL("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 35\r\n\r\nGET /healthz "
            "HTTP/1.1\r\nHost: x\r\n\r\n",
            413),
    REFUSAL(GET_X "Content-Length: 99999999999999999999999\r\n\r\n", 400),
    REFUSAL(GET_X "Content-Length: -1\r\n\r\n", 400),
    REFUSAL(GET_X "Content-Length: +0\r\n\r\n", 400),
    REFUSAL(GET_X "Content-Length: 0x0\r\n\r\n", 400),
    REFUSAL(GET_X "Content-Length: 0 0\r\n\r\n", 400),
    REFUSAL(GET_X "Content-Length:\r\n\r\n", 400),
    REFUSAL(GET_X "Content-Length: 0, 0\r\n\r\n", 400),
    REFUSAL(GET_X "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", 400),
    REFUSAL(GET_X "Content-Length: 0\r\nContent-Length: 5\r\n\r\n", 400),
    REFUSAL(GET_X "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
    REFUSAL(GET_X "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    REFUSAL(GET_X "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    REFUSAL(GET_X "Transfer-Encoding: identity\r\n\r\n", 501),
    REFUSAL(GET_X "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n", 400),
    REFUSAL(GET_X "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    REFUSAL(GET_X "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    REFUSAL("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
};

START_TEST(a_bad_request_is_refused_and_ends_the_connection)
{
    struct server *s = server_start(NULL);

    http_expect_refusal(s, refusals[_i].request, refusals[_i].len, refusals[_i].status);
}
END_TEST

START_TEST(nothing_behind_a_bad_request_is_read)
{
    struct server *s = server_start(NULL);
    struct buf out;

    buf_init(&out);
    ck_assert_int_eq(buf_append(&out, refusals[_i].request, refusals[_i].len), 0);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(buf_append_str(&out, STR("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")), 0);
    http_expect_refusal(s, (char *)out.data, out.len, refusals[_i].status);
    buf_deinit(&out);
}
END_TEST

START_TEST(requests_before_a_bad_one_are_answered)
{
    struct server *s = server_start(NULL);
    struct client *c = client_connect(s);

    client_print(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost : x\r\n\r\n");
    expect_status(c, 200);
    expect_status(c, 400);
    client_expect_eof(c);
    client_close(c);
}
END_TEST

/* ---- Deadlines ---- */

START_TEST(half_a_head_is_408_after_the_deadline)
{
    struct server *s = server_start(LIST("--handshake-timeout", "1"));
    struct client *c = client_connect(s);

    client_print(c, "GET / HTTP/1.1\r\nHost:");
    expect_status(c, 408);
    client_expect_eof(c);
    client_close(c);
}
END_TEST

START_TEST(a_trickle_does_not_extend_the_deadline)
{
    struct server *s = server_start(LIST("--handshake-timeout", "1"));
    struct client *c = client_connect(s);
    struct response *r;

    client_print(c, "GET / HTTP/1.1\r\nHost: x\r\nA: ");
    /* The server answers at some time, although bytes go on coming. */
    for (;;) {
        char byte = 'a';
        struct pollfd pfd = {c->fd, POLLIN, 0};

        if (poll(&pfd, 1, 50) > 0)
            break;
        client_send(c, &byte, 1);
    }
    r = response_read(c, false);
    ck_assert_int_eq(r->status, 408);
    response_free(r);
    client_drain(c);
    client_close(c);
}
END_TEST

START_TEST(silent_and_idle_connections_are_closed)
{
    struct server *s = server_start(LIST("--handshake-timeout=1"));
    struct client *silent = client_connect(s);
    struct client *idle = client_connect(s);

    client_print(idle, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_status(idle, 200);
    client_drain(silent);
    client_expect_eof(idle);
    client_close(silent);
    client_close(idle);
}
END_TEST

static const struct {
    const char *host;
    int status;
} named_hosts[] = {
    {"example.com", 200},
    {"EXAMPLE.com:8080", 200},
    {"[::1]:80", 200},
    {"www.example.com", 421},
    {"example.com.", 421},
    {"127.0.0.1", 421},
    {"example.com.evil.org", 421},
    {"[::2]", 421},
};

/* With --host only requests for those names are answered, whatever they ask for. */
START_TEST(other_hosts_are_misdirected)
{
    static const char *const paths[] = {"/", "/healthz"};
    struct server *s = server_start(LIST("--host=example.com", "--host=[::1]"));

    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        char request[256];
        struct client *c = client_connect(s);
        struct response *r;

        snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", paths[i],
                 named_hosts[_i].host);
        client_print(c, "%s", request);
        r = response_read(c, false);
        ck_assert_int_eq(r->status, named_hosts[_i].status);
        response_free(r);
        client_close(c);
    }
}
END_TEST

/* A target in absolute form counts before Host (RFC 9112, 3.2.2); HTTP/1.0 may name none. */
START_TEST(a_handshake_for_another_host_is_misdirected)
{
    static const char absolute[] = "GET http://evil.org/ HTTP/1.1\r\nHost: example.com\r\n\r\n",
                      unnamed[] = "GET / HTTP/1.0\r\n\r\n";
    struct server *s = server_start(LIST("--host=example.com"));

    ck_assert_int_eq(ws_refused(s, "/ws/1", ""), 421);
    http_expect_refusal(s, absolute, sizeof(absolute) - 1, 421);
    http_expect_refusal(s, unnamed, sizeof(unnamed) - 1, 421);
}
END_TEST

Suite *suite_http(void)
{
    Suite *suite = suite_create("http");
    TCase *page = harness_case(suite, "pages");
    TCase *status = harness_case(suite, "status");
    TCase *connection = harness_case(suite, "connections");
    TCase *refusal = harness_case(suite, "refusals");
    TCase *deadline = harness_case(suite, "deadlines");

    tcase_add_loop_test(page, pages_carry_their_headers, 0, ARRAY_LEN(pages));
    tcase_add_loop_test(page, what_a_page_names_is_there, 0, ARRAY_LEN(pages));
    tcase_add_loop_test(page, head_has_the_same_head_and_no_body, 0, ARRAY_LEN(pages));
    tcase_add_loop_test(page, if_none_match_gives_304, 0, ARRAY_LEN(pages));
    tcase_add_loop_test(page, a_file_goes_out_packed_to_who_takes_that, 0, ARRAY_LEN(packed_files));
    tcase_add_test(page, head_of_a_packed_file_has_its_length);
    tcase_add_test(page, a_title_of_ones_own_is_in_the_page_and_in_the_manifest);
    tcase_add_loop_test(page, a_form_is_known_by_its_own_etag, 0, 2);
    tcase_add_test(page, who_takes_no_form_is_told);
    tcase_add_test(page, forms_do_not_mix_on_one_connection);
    tcase_add_test(status, healthz_says_ok);
    tcase_add_test(status, a_link_becomes_a_qr_code);
    tcase_add_loop_test(status, a_qr_code_needs_one_text, 0, ARRAY_LEN(no_text));
    tcase_add_loop_test(status, ws_without_an_upgrade_is_426, 0, ARRAY_LEN(sockets));
    tcase_add_loop_test(status, unknown_paths_are_404, 0, ARRAY_LEN(unknown));
    tcase_add_loop_test(status, another_method_is_405_with_allow, 0, ARRAY_LEN(methods));
    tcase_add_loop_test(status, what_has_no_path_is_405_with_allow, 0, ARRAY_LEN(pathless));
    tcase_add_loop_test(status, an_error_in_a_head_has_no_body, 0, ARRAY_LEN(bad_heads));
    tcase_add_test(status, a_query_does_not_change_the_page);
    tcase_add_test(connection, a_connection_serves_many_requests);
    tcase_add_test(connection, pipelined_requests_are_answered_in_order);
    tcase_add_test(connection, http_1_0_closes_unless_asked);
    tcase_add_test(connection, requests_may_arrive_byte_by_byte);
    tcase_add_test(connection, what_came_before_a_fin_is_answered);
    tcase_add_test(connection, a_client_that_reads_nothing_costs_nothing);
    tcase_add_test(refusal, a_head_of_8_kib_is_fine);
    tcase_add_test(refusal, a_longer_head_is_431_and_a_longer_line_414);
    tcase_add_loop_test(refusal, a_bad_request_is_refused_and_ends_the_connection, 0,
                        ARRAY_LEN(refusals));
    tcase_add_loop_test(refusal, nothing_behind_a_bad_request_is_read, 0, ARRAY_LEN(refusals));
    tcase_add_test(refusal, requests_before_a_bad_one_are_answered);
    tcase_add_test(deadline, half_a_head_is_408_after_the_deadline);
    tcase_add_test(deadline, a_trickle_does_not_extend_the_deadline);
    tcase_add_test(deadline, silent_and_idle_connections_are_closed);
    tcase_add_loop_test(status, other_hosts_are_misdirected, 0, ARRAY_LEN(named_hosts));
    tcase_add_test(status, a_handshake_for_another_host_is_misdirected);
    return suite;
}
