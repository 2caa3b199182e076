#include "proto/http/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "base/util.h"
#include "guard.h"

Suite *suite_http_request(void);

/* A request line in a whole head; fields in a whole head. */
#define LINE(line) line "\r\nHost: a\r\n\r\n"
#define FIELDS(fields) "GET / HTTP/1.1\r\nHost: a\r\n" fields "\r\n"

static void expect_same(struct str a, struct str b)
{
    ck_assert(str_equals(a, b));
    ck_assert_int_eq(a.ptr == NULL, b.ptr == NULL);
}

static void expect_str(struct str got, const char *want)
{
    ck_assert_msg(str_equals(got, str_from(want)), "got \"%.*s\", want \"%s\"", (int)got.len,
                  got.ptr == NULL ? "" : got.ptr, want);
}

/* One call with the first `len` bytes, which lie against a guard page. A finished request must be
 * the one that is wanted. */
static int parse_prefix(const char *data, size_t len, struct http_scan *scan,
                        const struct http_request *want)
{
    struct http_request req;
    char *copy = guard_copy(data, len);
    int result = http_request_parse(&req, copy, len, scan);

    if (result > 0) {
        expect_same(req.method, want->method);
        expect_same(req.target, want->target);
        expect_same(req.path, want->path);
        expect_same(req.query, want->query);
        expect_same(req.host, want->host);
        ck_assert_uint_eq(req.fields.present, want->fields.present);
        ck_assert_uint_eq(req.fields.count, want->fields.count);
        ck_assert_mem_eq(req.fields.lines, want->fields.lines,
                         want->fields.count * sizeof(want->fields.lines[0]));
        ck_assert_int_eq(req.minor, want->minor);
        ck_assert_int_eq(req.keep_alive, want->keep_alive);
    }
    guard_free(copy, len);
    return result;
}

/* Parses the bytes at once, one by one, and cut in two at every place. All ways must agree. */
static int parse_all_ways(struct http_request *req, const char *data, size_t len)
{
    struct http_scan scan = {0, 0, 0}, trickle = {0, 0, 0};
    int whole = http_request_parse(req, data, len, &scan);
    int result = 0;

    for (size_t i = 0; i <= len && result == 0; i++)
        result = parse_prefix(data, i, &trickle, req);
    ck_assert_msg(result == whole, "%d by bytes, %d at once: %.60s", result, whole, data);
    for (size_t i = 0; i <= len; i += len < 1024 ? 1 : 61) { /* 61: some places of a long head */
        scan = (struct http_scan){0, 0, 0};
        result = parse_prefix(data, i, &scan, req);
        if (result == 0)
            result = parse_prefix(data, len, &scan, req);
        ck_assert_msg(result == whole, "%d cut at %zu, %d at once: %.60s", result, i, whole, data);
    }
    return whole;
}

static struct http_request parse(const char *text)
{
    struct http_request req;
    int result = parse_all_ways(&req, text, strlen(text));

    ck_assert_msg(result == (int)strlen(text), "%d: %s", result, text);
    return req;
}

/* Only at once: for tests of what a good request holds. */
static struct http_request parse_fast(const char *text)
{
    struct http_request req;
    struct http_scan scan = {0, 0, 0};

    ck_assert_int_eq(http_request_parse(&req, text, strlen(text), &scan), (int)strlen(text));
    return req;
}

struct bad {
    const char *text;
    enum http_error error;
};

static void expect_errors(const struct bad *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct http_request req;
        int result = parse_all_ways(&req, rows[i].text, strlen(rows[i].text));

        ck_assert_msg(result == -(int)rows[i].error, "%d, want %d: %s", result, -(int)rows[i].error,
                      rows[i].text);
    }
}

START_TEST(reads_a_request)
{
    struct http_request req = parse("GET /ws/17?room=a%20b HTTP/1.1\r\n"
                                    "Host: example.com:8000\r\n"
                                    "Accept: text/html\r\n"
                                    "Origin:\thttp://a \r\n"
                                    "\r\n");
    struct str value;

    expect_str(req.method, "GET");
    expect_str(req.target, "/ws/17?room=a%20b");
    expect_str(req.path, "/ws/17");
    expect_str(req.query, "room=a%20b");
    expect_str(req.host, "example.com:8000");
    ck_assert_uint_eq(http_field_get(&req.fields, HTTP_FIELD_ORIGIN, &value), 1);
    expect_str(value, "http://a");
    ck_assert_uint_eq(req.fields.count, 2);
    ck_assert_int_eq(req.minor, 1);
    ck_assert(req.keep_alive);
}
END_TEST

START_TEST(stops_behind_the_head)
{
    static const char text[] = "\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\n\x01";
    struct http_request req;

    ck_assert_int_eq(parse_all_ways(&req, text, sizeof(text) - 1), 4 + 28);
    expect_str(req.path, "/a");
}
END_TEST

START_TEST(reads_versions)
{
    static const struct {
        const char *text;
        int minor;
    } rows[] = {
        {LINE("GET / HTTP/1.0"), 0}, {LINE("GET / HTTP/1.1"), 1},   {LINE("GET / HTTP/1.2"), 1},
        {LINE("GET / HTTP/1.9"), 1}, {"GET / HTTP/1.0\r\n\r\n", 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_int_eq(parse(rows[i].text).minor, rows[i].minor);
    expect_str(parse("GET / HTTP/1.0\r\n\r\n").host, "");
}
END_TEST

START_TEST(reads_targets)
{
    static const struct {
        const char *text;
        const char *path;
        const char *query; /* NULL: none */
        const char *host;
    } rows[] = {
        {LINE("GET / HTTP/1.1"), "/", NULL, "a"},
        {LINE("GET /? HTTP/1.1"), "/", "", "a"},
        {LINE("GET /a?b?c/d HTTP/1.1"), "/a", "b?c/d", "a"},
        {LINE("GET // HTTP/1.1"), "//", NULL, "a"},
        {LINE("GET //b/c HTTP/1.1"), "//b/c", NULL, "a"},
        {LINE("GET /a/../b/%2e%2E/%2F HTTP/1.1"), "/a/../b/%2e%2E/%2F", NULL, "a"},
        {LINE("GET /%00 HTTP/1.1"), "/%00", NULL, "a"},
        {LINE("GET /-._~!$&'()*+,;=:@ HTTP/1.1"), "/-._~!$&'()*+,;=:@", NULL, "a"},
        {LINE("GET /*?* HTTP/1.1"), "/*", "*", "a"},
        {LINE("GET http://b HTTP/1.1"), "/", NULL, "b"},
        {LINE("GET http://b? HTTP/1.1"), "/", "", "b"},
        {LINE("GET http://b?c=/d HTTP/1.1"), "/", "c=/d", "b"},
        {LINE("GET http://b:80/ HTTP/1.1"), "/", NULL, "b:80"},
        {LINE("GET http://b:/ HTTP/1.1"), "/", NULL, "b:"},
        {LINE("GET hTTpS://B.c:443/d?e HTTP/1.1"), "/d", "e", "B.c:443"},
        {LINE("GET http://[::1]:8000/d HTTP/1.1"), "/d", NULL, "[::1]:8000"},
        {LINE("GET http://b/http://c/ HTTP/1.1"), "/http://c/", NULL, "b"},
        {LINE("GET http://b/d HTTP/1.0"), "/d", NULL, "b"},
        {"GET http://b/d HTTP/1.0\r\n\r\n", "/d", NULL, "b"},
        {LINE("OPTIONS * HTTP/1.1"), "*", NULL, "a"},
        {LINE("OPTIONS /a HTTP/1.1"), "/a", NULL, "a"},
        {LINE("CONNECT b:80 HTTP/1.1"), "", NULL, "b:80"},
        {LINE("CONNECT [::1]:80 HTTP/1.1"), "", NULL, "[::1]:80"},
        {LINE("CONNECT b:8 HTTP/1.1"), "", NULL, "b:8"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_request req = parse(rows[i].text);

        expect_str(req.path, rows[i].path);
        expect_str(req.host, rows[i].host);
        ck_assert_int_eq(req.query.ptr == NULL, rows[i].query == NULL);
        if (rows[i].query != NULL)
            expect_str(req.query, rows[i].query);
    }
}
END_TEST

START_TEST(refuses_targets)
{
    static const struct bad rows[] = {
        {LINE("GET /% HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET /%1 HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET /%zz HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET /%1g HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET /?%1 HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET /?%g1 HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET /#a HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET /?a#b HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET /a\\b HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET /a\"b HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET /<a> HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET /{a} HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET /a|b^c` HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET /[a] HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET a HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET ?a HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET * HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("OPTIONS ** HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("options * HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET b:80 HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("CONNECT / HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("CONNECT b HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("CONNECT b: HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("CONNECT u@b:80 HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("CONNECT http://b:80 HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET http:/b HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET http:b HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET http: HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET http HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET http:// HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET http:///b HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET http://?b HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET http://:80/ HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET http://u@b/ HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET http://u:p@b/ HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET http://b:65536/ HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET http://b:x/ HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET http://[::1/ HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET http://b\\c/ HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET http://b#c HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET http://b/%zz HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET ws://b/ HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET ftp://b/ HTTP/1.1"), HTTP_ERROR_TARGET},
        {LINE("GET httpx://b/ HTTP/1.1"), HTTP_ERROR_TARGET},
    };

    expect_errors(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(refuses_request_lines)
{
    static const struct bad rows[] = {
        {LINE("GET"), HTTP_ERROR_REQUEST_LINE},
        {LINE("GET /"), HTTP_ERROR_REQUEST_LINE},
        {LINE("GET / "), HTTP_ERROR_REQUEST_LINE},
        {LINE("GET  / HTTP/1.1"), HTTP_ERROR_REQUEST_LINE},
        {LINE("GET /  HTTP/1.1"), HTTP_ERROR_REQUEST_LINE},
        {LINE("GET / HTTP/1.1 "), HTTP_ERROR_REQUEST_LINE},
        {LINE("GET /a b HTTP/1.1"), HTTP_ERROR_REQUEST_LINE},
        {LINE("GET / HTTP/1.1 HTTP/1.1"), HTTP_ERROR_REQUEST_LINE},
        {LINE(" GET / HTTP/1.1"), HTTP_ERROR_REQUEST_LINE},
        {LINE(" / HTTP/1.1"), HTTP_ERROR_METHOD},
        {LINE("G(T / HTTP/1.1"), HTTP_ERROR_METHOD},
        {LINE("GET: / HTTP/1.1"), HTTP_ERROR_METHOD},
        {LINE("\"GET\" / HTTP/1.1"), HTTP_ERROR_METHOD},
        {LINE("GET / http/1.1"), HTTP_ERROR_VERSION},
        {LINE("GET / HTTP/1."), HTTP_ERROR_VERSION},
        {LINE("GET / HTTP/1"), HTTP_ERROR_VERSION},
        {LINE("GET / HTTP/1.10"), HTTP_ERROR_VERSION},
        {LINE("GET / HTTP/01.1"), HTTP_ERROR_VERSION},
        {LINE("GET / HTTP/1,1"), HTTP_ERROR_VERSION},
        {LINE("GET / HTTP/x.1"), HTTP_ERROR_VERSION},
        {LINE("GET / HTTP/1.x"), HTTP_ERROR_VERSION},
        {LINE("GET / HTTP/+.1"), HTTP_ERROR_VERSION},
        {LINE("GET / HTTPS/1.1"), HTTP_ERROR_VERSION},
        {LINE("GET / x"), HTTP_ERROR_VERSION},
        {LINE("GET / HTTP/0.9"), HTTP_ERROR_VERSION_UNKNOWN},
        {LINE("GET / HTTP/2.0"), HTTP_ERROR_VERSION_UNKNOWN},
        {LINE("GET / HTTP/9.9"), HTTP_ERROR_VERSION_UNKNOWN},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HTTP_ERROR_VERSION_UNKNOWN},
    };

    expect_errors(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(refuses_octets)
{
    static const struct bad rows[] = {
        {LINE("GET\t/ HTTP/1.1"), HTTP_ERROR_OCTET},
        {LINE("GET /\t HTTP/1.1"), HTTP_ERROR_OCTET},
        {LINE("GET /\x7f HTTP/1.1"), HTTP_ERROR_OCTET},
        {LINE("GET /\x80 HTTP/1.1"), HTTP_ERROR_OCTET},
        {LINE("GET /\xc3\xa9 HTTP/1.1"), HTTP_ERROR_OCTET},
        {LINE("GET /\x0b HTTP/1.1"), HTTP_ERROR_OCTET},
        {LINE("GET / HTTP/1.1\r"), HTTP_ERROR_OCTET},
        {LINE("GET /\rX HTTP/1.1"), HTTP_ERROR_OCTET},
        {"GET / HTTP/1.1\nHost: a\n\n", HTTP_ERROR_OCTET},
        {"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_ERROR_OCTET},
        {"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_ERROR_OCTET},
        {"\r\r\n", HTTP_ERROR_OCTET},
        {"GET / HTTP/1.1\r\nHost: a\n\r\n", HTTP_ERROR_OCTET},
        {"GET / HTTP/1.1\r\nHost: a\r\n\n", HTTP_ERROR_OCTET},
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\r\n", HTTP_ERROR_OCTET},
        {FIELDS("A: b\rc\r\n"), HTTP_ERROR_OCTET},
        {FIELDS("A: b\nc\r\n"), HTTP_ERROR_OCTET},
        {FIELDS("A: b\r\r\n"), HTTP_ERROR_OCTET},
        {FIELDS("A: b\rContent-Length: 5\r\n"), HTTP_ERROR_OCTET},
        {FIELDS("A: b\nContent-Length: 5\r\n"), HTTP_ERROR_OCTET},
        {FIELDS("A: \x01\r\n"), HTTP_ERROR_OCTET},
        {FIELDS("A: \x1f\r\n"), HTTP_ERROR_OCTET},
        {FIELDS("A: \x7f\r\n"), HTTP_ERROR_OCTET},
        {FIELDS("Transfer-Encoding: \x0b"
                "chunked\r\n"),
         HTTP_ERROR_OCTET},
        {"\x16\x03\x01\x02", HTTP_ERROR_OCTET},
        {"\x80", HTTP_ERROR_OCTET},
        /* the octet is found first, though the line is bad too */
        {"GET  /\x01", HTTP_ERROR_OCTET},
        {FIELDS("bad line\x01"), HTTP_ERROR_OCTET},
    };
    static const char nul[] = FIELDS("A: b\0c\r\n");
    static const char nul_in_line[] = LINE("GET /\0 HTTP/1.1");
    struct http_request req;

    expect_errors(rows, ARRAY_LEN(rows));
    ck_assert_int_eq(parse_all_ways(&req, nul, sizeof(nul) - 1), -HTTP_ERROR_OCTET);
    ck_assert_int_eq(parse_all_ways(&req, nul_in_line, sizeof(nul_in_line) - 1), -HTTP_ERROR_OCTET);
}
END_TEST

START_TEST(allows_every_value_octet)
{
    static const char head[] = "GET / HTTP/1.1\r\nHost: a\r\nA: ";

    for (int c = 0; c < 256; c++) {
        bool is_allowed = c == '\t' || (c >= 0x20 && c != 0x7f);
        char text[64];
        int len = snprintf(text, sizeof(text), "%sx%cy\r\n\r\n", head, c);
        struct http_request req;

        ck_assert_int_eq(parse_all_ways(&req, text, (size_t)len),
                         is_allowed ? len : -HTTP_ERROR_OCTET);
    }
}
END_TEST

START_TEST(allows_token_octets_in_names)
{
    for (int c = 0x21; c < 0x7f; c++) {
        bool is_token = strchr("\"(),/;<=>?@[\\]{}", c) == NULL;
        char text[64];
        int len = snprintf(text, sizeof(text), FIELDS("x%cy: b\r\n"), c);
        struct http_request req;
        struct http_scan scan = {0, 0, 0};

        ck_assert_int_eq(http_request_parse(&req, text, (size_t)len, &scan),
                         is_token ? len : -HTTP_ERROR_FIELD);
    }
}
END_TEST

START_TEST(refuses_fields)
{
    static const struct bad rows[] = {
        {FIELDS("A\r\n"), HTTP_ERROR_FIELD},
        {FIELDS(": b\r\n"), HTTP_ERROR_FIELD},
        {FIELDS("A : b\r\n"), HTTP_ERROR_FIELD},
        {FIELDS("A\t: b\r\n"), HTTP_ERROR_FIELD},
        {FIELDS("A b: c\r\n"), HTTP_ERROR_FIELD},
        {FIELDS("\xe4: c\r\n"), HTTP_ERROR_FIELD},
        {FIELDS("Content-Length : 0\r\n"), HTTP_ERROR_FIELD},
        {FIELDS("Transfer-Encoding : chunked\r\n"), HTTP_ERROR_FIELD},
        {FIELDS("A: b\r\n c\r\n"), HTTP_ERROR_FOLD},
        {FIELDS("A: b\r\n\tc: d\r\n"), HTTP_ERROR_FOLD},
        {FIELDS(" \r\n"), HTTP_ERROR_FOLD},
        {FIELDS(" Content-Length: 0\r\n"), HTTP_ERROR_FOLD},
        {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", HTTP_ERROR_FOLD},
        {"GET / HTTP/1.1\r\n\tX: a\r\nHost: a\r\n\r\n", HTTP_ERROR_FOLD},
        /* lines are judged in order, before the rest is there */
        {"GET  / HTTP/1.1\r\n", HTTP_ERROR_REQUEST_LINE},
        {"GET / HTTP/1.1\r\nbad\r\n", HTTP_ERROR_FIELD},
        {"GET / HTTP/1.1\r\nbad\r\n\x01", HTTP_ERROR_FIELD},
    };

    expect_errors(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(refuses_hosts)
{
    static const struct bad rows[] = {
        {"GET / HTTP/1.1\r\n\r\n", HTTP_ERROR_HOST_MISSING},
        {"GET http://b/ HTTP/1.1\r\n\r\n", HTTP_ERROR_HOST_MISSING},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", HTTP_ERROR_HOST_REPEATED},
        {"GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", HTTP_ERROR_HOST_REPEATED},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost:\r\n\r\n", HTTP_ERROR_HOST_REPEATED},
        {"GET / HTTP/1.1\r\nHost:\r\n\r\n", HTTP_ERROR_HOST},
        {"GET / HTTP/1.0\r\nHost: \r\n\r\n", HTTP_ERROR_HOST},
        {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", HTTP_ERROR_HOST},
        {"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", HTTP_ERROR_HOST},
        {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", HTTP_ERROR_HOST},
        {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", HTTP_ERROR_HOST},
        {"GET / HTTP/1.1\r\nHost: http://a\r\n\r\n", HTTP_ERROR_HOST},
        {"GET / HTTP/1.1\r\nHost: a:x\r\n\r\n", HTTP_ERROR_HOST},
        {"GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", HTTP_ERROR_HOST},
        {"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", HTTP_ERROR_HOST},
        {"GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n", HTTP_ERROR_HOST},
        {"GET http://b/ HTTP/1.1\r\nHost: u@a\r\n\r\n", HTTP_ERROR_HOST},
    };

    expect_errors(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(refuses_bodies)
{
    static const struct bad rows[] = {
        {FIELDS("Content-Length: 9223372036854775808\r\n"), HTTP_ERROR_LENGTH},
        {FIELDS("Content-Length: 18446744073709551616\r\n"), HTTP_ERROR_LENGTH},
        {FIELDS("Content-Length: 99999999999999999999999\r\n"), HTTP_ERROR_LENGTH},
        {FIELDS("Content-Length: +5\r\n"), HTTP_ERROR_LENGTH},
        {FIELDS("Content-Length: -0\r\n"), HTTP_ERROR_LENGTH},
        {FIELDS("Content-Length: 0x5\r\n"), HTTP_ERROR_LENGTH},
        {FIELDS("Content-Length: 5, 5\r\n"), HTTP_ERROR_LENGTH},
        {FIELDS("Content-Length: 0,0\r\n"), HTTP_ERROR_LENGTH},
        {FIELDS("Content-Length: 0 0\r\n"), HTTP_ERROR_LENGTH},
        {FIELDS("Content-Length:\r\n"), HTTP_ERROR_LENGTH},
        {FIELDS("Content-Length: 0.\r\n"), HTTP_ERROR_LENGTH},
        {FIELDS("Content-Length: \"0\"\r\n"), HTTP_ERROR_LENGTH},
        {FIELDS("Content-Length: 0\r\nContent-Length: 0\r\n"), HTTP_ERROR_LENGTH},
        {FIELDS("Content-Length: 0\r\nContent-length: 5\r\n"), HTTP_ERROR_LENGTH},
        {FIELDS("Transfer-Encoding: chunked\r\n"), HTTP_ERROR_CODING_UNKNOWN},
        {FIELDS("Transfer-Encoding: CHUNKED\r\n"), HTTP_ERROR_CODING_UNKNOWN},
        {FIELDS("Transfer-Encoding: identity\r\n"), HTTP_ERROR_CODING_UNKNOWN},
        {FIELDS("Transfer-Encoding: xchunked\r\n"), HTTP_ERROR_CODING_UNKNOWN},
        {FIELDS("Transfer-Encoding: chunked, identity\r\n"), HTTP_ERROR_CODING_UNKNOWN},
        {FIELDS("Transfer-Encoding: chunked, chunked\r\n"), HTTP_ERROR_CODING_UNKNOWN},
        {FIELDS("Transfer-Encoding: ,chunked,\r\n"), HTTP_ERROR_CODING_UNKNOWN},
        {FIELDS("Transfer-Encoding: gzip ; level=9\r\n"), HTTP_ERROR_CODING_UNKNOWN},
        {FIELDS("Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n"), HTTP_ERROR_CODING_UNKNOWN},
        {FIELDS("Transfer-Encoding:\r\n"), HTTP_ERROR_CODING},
        {FIELDS("Transfer-Encoding: , ,\r\n"), HTTP_ERROR_CODING},
        {FIELDS("Transfer-Encoding: chun ked\r\n"), HTTP_ERROR_CODING},
        {FIELDS("Transfer-Encoding: \"chunked\"\r\n"), HTTP_ERROR_CODING},
        {FIELDS("Transfer-Encoding: ;chunked\r\n"), HTTP_ERROR_CODING},
        {FIELDS("Transfer-Encoding: chunked\r\nTransfer-Encoding: a b\r\n"), HTTP_ERROR_CODING},
        {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_ERROR_CODING},
        {FIELDS("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
         HTTP_ERROR_CODING_AND_LENGTH},
        {FIELDS("Content-Length: 0\r\nTransfer-Encoding: x\r\n"), HTTP_ERROR_CODING_AND_LENGTH},
        {"GET / HTTP/1.0\r\nContent-Length: 0\r\nTransfer-Encoding: x\r\n\r\n",
         HTTP_ERROR_CODING_AND_LENGTH},
    };

    expect_errors(rows, ARRAY_LEN(rows));
    parse(FIELDS("Content-Length: 0\r\n"));
    parse(FIELDS("Content-Length:\t000 \r\n"));
    parse(FIELDS("Expect: 100-continue\r\n"));
    parse(FIELDS("X-Content-Length: 5\r\nContent-Length-X: 5\r\nContent-Lengt: 5\r\n"));
}
END_TEST

START_TEST(tells_the_length_of_the_body)
{
    static const struct {
        const char *text;
        uint64_t len;
        bool expects;
    } rows[] = {
        {FIELDS(""), 0, false},
        {FIELDS("Content-Length: 0\r\n"), 0, false},
        {FIELDS("Content-Length: 5\r\n"), 5, false},
        {FIELDS("content-length:1\r\n"), 1, false},
        {FIELDS("Content-Length: 0005\r\n"), 5, false},
        {FIELDS("Content-Length: 9223372036854775807\r\n"), INT64_MAX, false},
        {FIELDS("Content-Length: 5\r\nExpect: 100-Continue\r\n"), 5, true},
        {FIELDS("Content-Length: 5\r\nExpect: 200-ok\r\n"), 5, false},
        {"GET / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", 5, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_request request = parse(rows[i].text);

        ck_assert_uint_eq(request.body_len, rows[i].len);
        ck_assert_int_eq(request.expects_continue, rows[i].expects);
    }
}
END_TEST

START_TEST(tells_keep_alive)
{
    static const struct {
        const char *text;
        bool keep_alive;
    } rows[] = {
        {FIELDS(""), true},
        {FIELDS("Connection: close\r\n"), false},
        {FIELDS("Connection: Upgrade,CLOSE\r\n"), false},
        {FIELDS("Connection: a\r\nconnection: close\r\n"), false},
        {FIELDS("Connection: closed\r\n"), true},
        {FIELDS("Connection: not close\r\n"), true},
        {FIELDS("Connection: \"close\"\r\n"), true},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: x, Keep-Alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nKeep-Alive: 5\r\n\r\n", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_msg(parse(rows[i].text).keep_alive == rows[i].keep_alive, "%s", rows[i].text);
}
END_TEST

/* Fills `text` with a good head of `len` bytes whose request line has `line` bytes. Returns its
 * length. */
static size_t head_write(char *text, size_t line, size_t len)
{
    size_t rest = len - line - 2;
    size_t at = 0;

    memset(text, 'a', len);
    memcpy(text, "GET /", 5);
    memcpy(text + line - 9, " HTTP/1.1\r\nHost: ", 17);
    at = line + 2 + rest - 4;
    memcpy(text + at, "\r\n\r\n", 4);
    return len;
}

static int result_of_head(size_t line, size_t len)
{
    static char text[2 * HTTP_HEAD_MAX];
    struct http_request req;

    return parse_all_ways(&req, text, head_write(text, line, len));
}

START_TEST(limits_the_head)
{
    ck_assert_int_eq(result_of_head(14, HTTP_HEAD_MAX), HTTP_HEAD_MAX);
    ck_assert_int_eq(result_of_head(14, HTTP_HEAD_MAX + 1), -HTTP_ERROR_HEAD_TOO_LONG);
}
END_TEST

START_TEST(limits_the_request_line)
{
    ck_assert_int_eq(result_of_head(HTTP_HEAD_MAX - 13, HTTP_HEAD_MAX), HTTP_HEAD_MAX);
    ck_assert_int_eq(result_of_head(HTTP_LINE_MAX, HTTP_HEAD_MAX + 15), -HTTP_ERROR_HEAD_TOO_LONG);
    ck_assert_int_eq(result_of_head(HTTP_LINE_MAX + 1, HTTP_HEAD_MAX + 15),
                     -HTTP_ERROR_LINE_TOO_LONG);
}
END_TEST

/* The result at the first byte that is one too many, and not before. */
static void expect_at(const char *text, size_t good, int error)
{
    struct http_scan scan = {0, 0, 0};
    struct http_request req;

    ck_assert_int_eq(http_request_parse(&req, text, good, &scan), 0);
    ck_assert_int_eq(http_request_parse(&req, text, good + 1, &scan), error);
}

START_TEST(reports_limits_at_once)
{
    static char text[2 * HTTP_HEAD_MAX];

    memset(text, 'a', sizeof(text));
    expect_at(text, HTTP_LINE_MAX, -HTTP_ERROR_LINE_TOO_LONG);
    memcpy(text, "GET / HTTP/1.1\r\n", 16);
    expect_at(text, HTTP_HEAD_MAX, -HTTP_ERROR_HEAD_TOO_LONG);
    memcpy(text + HTTP_HEAD_MAX - 5, ":\r\n\r\n", 5);
    expect_at(text, HTTP_HEAD_MAX - 1, -HTTP_ERROR_HOST_MISSING);
    memcpy(text + HTTP_HEAD_MAX - 4, ":\r\n\r\n", 5);
    expect_at(text, HTTP_HEAD_MAX, -HTTP_ERROR_HEAD_TOO_LONG);
    memcpy(text + HTTP_HEAD_MAX - 3, ":\r\n\r\n", 5);
    expect_at(text, HTTP_HEAD_MAX, -HTTP_ERROR_HEAD_TOO_LONG);
}
END_TEST

START_TEST(limits_empty_lines)
{
    static const char request[] = LINE("GET / HTTP/1.1");
    static char text[2 * HTTP_PENDING_MAX];
    struct http_request req;
    size_t len = HTTP_LEADING_MAX + sizeof(request) - 1;

    for (size_t i = 0; i < HTTP_LEADING_MAX + 2; i += 2)
        memcpy(text + i, "\r\n", 2);
    expect_at(text, HTTP_LEADING_MAX + 1, -HTTP_ERROR_EMPTY_LINES);
    memcpy(text + HTTP_LEADING_MAX, request, sizeof(request) - 1);
    ck_assert_int_eq(parse_all_ways(&req, text, len), (int)len);
    /* empty lines count neither for the head nor for the request line */
    for (size_t i = 0; i < 100; i += 2)
        memcpy(text + i, "\r\n", 2);
    ck_assert_int_eq(parse_all_ways(&req, text, 100 + head_write(text + 100, 14, HTTP_HEAD_MAX)),
                     100 + HTTP_HEAD_MAX);
}
END_TEST

START_TEST(reads_many_tiny_fields)
{
    static char text[HTTP_HEAD_MAX + 1];
    struct http_request req;
    struct str value;
    size_t len = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n");
    unsigned count = 0;

    for (; len + 6 <= HTTP_HEAD_MAX; count++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "b:\r\n");
    len += (size_t)snprintf(text + len, sizeof(text) - len, "\r\n");
    ck_assert_int_eq(parse_all_ways(&req, text, len), (int)len);
    ck_assert_uint_gt(count, 2000);
    ck_assert_uint_eq(http_field_get(&req.fields, HTTP_FIELD_HOST, &value), 1);
    expect_str(value, "a");
}
END_TEST

START_TEST(iterates_fields)
{
    struct http_request req = parse_fast(FIELDS("Origin:\r\nuPGRADE: \t d: e \t\r\nOrigin: f\r\n"));
    static const char *const want[] = {"", "f"};
    struct str value;
    size_t line = 0;
    size_t i = 0;

    for (; http_field_next(&req.fields, &line, HTTP_FIELD_ORIGIN, &value); i++)
        expect_str(value, want[i]);
    ck_assert_uint_eq(i, ARRAY_LEN(want));
    line = 0;
    ck_assert(http_field_next(&req.fields, &line, HTTP_FIELD_UPGRADE, &value));
    expect_str(value, "d: e");
    ck_assert(!http_field_next(&req.fields, &line, HTTP_FIELD_UPGRADE, &value));
}
END_TEST

START_TEST(gets_fields)
{
    struct http_request req =
        parse_fast(FIELDS("Origin: 1\r\nOrigin-: 4\r\nUpgrade: 2\r\norigin: 3\r\n"));
    struct str value;

    ck_assert_uint_eq(http_field_get(&req.fields, HTTP_FIELD_ORIGIN, &value), 2);
    expect_str(value, "1");
    ck_assert_uint_eq(http_field_get(&req.fields, HTTP_FIELD_UPGRADE, &value), 1);
    expect_str(value, "2");
    ck_assert_uint_eq(http_field_get(&req.fields, HTTP_FIELD_CONNECTION, &value), 0);
    expect_str(value, "");
    req = parse_fast("GET / HTTP/1.0\r\n\r\n");
    ck_assert_uint_eq(http_field_get(&req.fields, HTTP_FIELD_ORIGIN, &value), 0);
}
END_TEST

START_TEST(splits_lists)
{
    static const struct {
        const char *list;
        const char *elements; /* each followed by a bar */
    } rows[] = {
        {"", ""},
        {" ", ""},
        {",", ""},
        {"a", "a|"},
        {" a ", "a|"},
        {"a,b", "a|b|"},
        {",, a ,\t, b c ,", "a|b c|"},
        {"\"a,b\", c", "\"a,b\"|c|"},
        {"\"a\\\",b\",c", "\"a\\\",b\"|c|"},
        {"\"a\\\\\",c", "\"a\\\\\"|c|"},
        {"a\\,b", "a\\|b|"},
        {"\"a, b", "\"a, b|"},
        {"\"a\\", "\"a\\|"},
        {"x=\"1,2\";y, z", "x=\"1,2\";y|z|"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len = strlen(rows[i].list);
        char *copy = guard_copy(rows[i].list, len);
        struct str rest = {copy, len}, element;
        char got[64] = "";
        size_t at = 0;

        while (http_list_next(&rest, &element))
            at += (size_t)snprintf(got + at, sizeof(got) - at, "%.*s|", (int)element.len,
                                   element.ptr);
        ck_assert_str_eq(got, rows[i].elements);
        guard_free(copy, len);
    }
}
END_TEST

START_TEST(finds_tokens)
{
    struct http_request req =
        parse_fast(FIELDS("Upgrade: foo, BAR\r\nX: baz\r\nUPGRADE: qux/1\r\n"));

    ck_assert(http_field_has_token(&req.fields, HTTP_FIELD_UPGRADE, STR("foo")));
    ck_assert(http_field_has_token(&req.fields, HTTP_FIELD_UPGRADE, STR("bar")));
    ck_assert(http_field_has_token(&req.fields, HTTP_FIELD_UPGRADE, STR("QUX/1")));
    ck_assert(!http_field_has_token(&req.fields, HTTP_FIELD_UPGRADE, STR("qux")));
    ck_assert(!http_field_has_token(&req.fields, HTTP_FIELD_UPGRADE, STR("ba")));
    ck_assert(!http_field_has_token(&req.fields, HTTP_FIELD_UPGRADE, STR("baz")));
    ck_assert(!http_field_has_token(&req.fields, HTTP_FIELD_UPGRADE, STR("")));
}
END_TEST

START_TEST(matches_etags)
{
    static const struct {
        const char *text;
        bool matches; /* "x" */
    } rows[] = {
        {FIELDS(""), false},
        {FIELDS("If-None-Match:\r\n"), false},
        {FIELDS("If-None-Match: *\r\n"), true},
        {FIELDS("If-None-Match: \"*\"\r\n"), false},
        {FIELDS("If-None-Match: \"x\"\r\n"), true},
        {FIELDS("If-None-Match: W/\"x\"\r\n"), true},
        {FIELDS("If-None-Match: w/\"x\"\r\n"), false},
        {FIELDS("If-None-Match: x\r\n"), false},
        {FIELDS("If-None-Match: \"x\r\n"), false},
        {FIELDS("If-None-Match: \"\r\n"), false},
        {FIELDS("If-None-Match: W\r\n"), false},
        {FIELDS("If-None-Match: W/\r\n"), false},
        {FIELDS("If-None-Match: \"X\"\r\n"), false},
        {FIELDS("If-None-Match: \"xx\"\r\n"), false},
        {FIELDS("If-None-Match: \"a\", W/\"b\" ,\"x\"\r\n"), true},
        {FIELDS("If-None-Match: \"a\\\", \"x\"\r\n"), true},
        {FIELDS("If-None-Match: \"a,\"x\"\r\n"), false},
        {FIELDS("If-None-Match: \"a\"\r\nif-none-match: ,\t\"x\"\r\n"), true},
        {FIELDS("If-Match: \"x\"\r\n"), false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_request req = parse_fast(rows[i].text);

        ck_assert_msg(http_etag_matches(&req, STR("\"x\"")) == rows[i].matches, "%s", rows[i].text);
        ck_assert(http_etag_matches(&req, STR("W/\"x\"")) == rows[i].matches);
    }
}
END_TEST

START_TEST(explains_errors)
{
    static const int statuses[] = {400, 413, 414, 431, 501, 505};

    for (int error = HTTP_ERROR_OCTET; error <= HTTP_ERROR_HEAD_TOO_LONG; error++) {
        const char *text = http_error_text((enum http_error)error);
        int status = http_error_status((enum http_error)error);
        bool is_known = false;

        for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
            is_known = is_known || statuses[i] == status;
        ck_assert(is_known);
        ck_assert(text[strlen(text) - 1] == '.');
    }
    ck_assert_int_eq(http_error_status(HTTP_ERROR_VERSION_UNKNOWN), 505);
    ck_assert_int_eq(http_error_status(HTTP_ERROR_CODING_UNKNOWN), 501);
    ck_assert_int_eq(http_error_status(HTTP_ERROR_BODY), 413);
    ck_assert_int_eq(http_error_status(HTTP_ERROR_LINE_TOO_LONG), 414);
    ck_assert_int_eq(http_error_status(HTTP_ERROR_HEAD_TOO_LONG), 431);
    ck_assert_int_eq(http_error_status(HTTP_ERROR_HOST), 400);
}
END_TEST

Suite *suite_http_request(void)
{
    Suite *suite = suite_create("http_request");
    TCase *lines = tcase_create("lines");
    TCase *heads = tcase_create("heads");
    TCase *fields = tcase_create("fields");

    tcase_add_test(lines, reads_a_request);
    tcase_add_test(lines, stops_behind_the_head);
    tcase_add_test(lines, reads_versions);
    tcase_add_test(lines, reads_targets);
    tcase_add_test(lines, refuses_targets);
    tcase_add_test(lines, refuses_request_lines);
    tcase_add_test(lines, refuses_octets);
    tcase_add_test(lines, allows_every_value_octet);
    tcase_add_test(lines, allows_token_octets_in_names);
    tcase_add_test(lines, refuses_fields);
    tcase_add_test(heads, refuses_hosts);
    tcase_add_test(heads, refuses_bodies);
    tcase_add_test(heads, tells_the_length_of_the_body);
    tcase_add_test(heads, tells_keep_alive);
    tcase_add_test(heads, limits_the_head);
    tcase_add_test(heads, limits_the_request_line);
    tcase_add_test(heads, reports_limits_at_once);
    tcase_add_test(heads, limits_empty_lines);
    tcase_add_test(heads, reads_many_tiny_fields);
    tcase_add_test(heads, explains_errors);
    tcase_add_test(fields, iterates_fields);
    tcase_add_test(fields, gets_fields);
    tcase_add_test(fields, splits_lists);
    tcase_add_test(fields, finds_tokens);
    tcase_add_test(fields, matches_etags);
    suite_add_tcase(suite, lines);
    suite_add_tcase(suite, heads);
    suite_add_tcase(suite, fields);
    return suite;
}
