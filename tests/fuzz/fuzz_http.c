/* A stream of requests, whole and byte by byte: both must give the same. What is in a good request
 * is read by all that reads requests. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "proto/http/query.h"
#include "proto/http/request.h"
#include "proto/uri.h"
#include "proto/ws/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool is_so)
{
    if (!is_so)
        abort();
}

static int parse_bytewise(struct http_request *req, const char *data, size_t size)
{
    struct http_scan scan = {0, 0, 0};

    for (size_t len = 1; len <= size; len++) {
        int result = http_request_parse(req, data, len, &scan);

        if (result == 0)
            continue;
        expect(result < 0 || (size_t)result == len);
        return result;
    }
    return 0;
}

static void expect_same(const struct http_request *a, const struct http_request *b)
{
    expect(str_equals(a->method, b->method) && str_equals(a->target, b->target));
    expect(str_equals(a->path, b->path) && str_equals(a->query, b->query));
    expect(str_equals(a->host, b->host));
    expect(a->fields.count == b->fields.count && a->fields.present == b->fields.present);
    for (size_t i = 0; i < a->fields.count; i++)
        expect(memcmp(&a->fields.lines[i], &b->fields.lines[i], sizeof(a->fields.lines[i])) == 0);
    expect(a->minor == b->minor && a->keep_alive == b->keep_alive);
}

/* What a good request promises to those who use it. */
static void check_request(const struct http_request *req)
{
    struct str value, element, host, port;
    size_t line = 0;

    expect(uri_path_is_valid(req->path) && uri_query_is_valid(req->query));
    expect(req->host.len == 0 ? req->minor == 0 : uri_authority_parse(req->host, &host, &port));
    expect(http_field_get(&req->fields, HTTP_FIELD_TRANSFER_ENCODING, &value) == 0);
    expect(http_field_get(&req->fields, HTTP_FIELD_CONTENT_LENGTH, &value) <= 1);
    while (http_field_next(&req->fields, &line, HTTP_FIELD_ORIGIN, &value)) {
        expect(http_field_get(&req->fields, HTTP_FIELD_ORIGIN, &element) > 0);
        expect(memchr(value.ptr, '\n', value.len) == NULL);
        while (http_list_next(&value, &element))
            expect(element.len > 0);
    }
    expect(http_etag_matches(req, STR("\"x\"")) == http_etag_matches(req, STR("W/\"x\"")));
}

static void use_request(const struct http_request *req)
{
    static const struct str origins[] = {{"https://ok.example:8443", 23}};
    struct origin_list list = {origins, ARRAY_LEN(origins)}, none = {NULL, 0};
    char accept[WS_ACCEPT_SIZE], decoded[HTTP_HEAD_MAX];
    struct str raw;

    if (ws_handshake_is_wanted(req))
        expect(ws_handshake_check(req, accept) <= 0);
    ws_protocol_is_offered(req, STR("wschat.v1"));
    expect(!ws_origin_is_allowed(req, &none) || ws_origin_is_allowed(req, &list));
    expect(http_percent_decode(decoded, sizeof(decoded), req->path, false) >= 0);
    if (http_query_get(req->query, STR("room"), &raw) > 0)
        expect(http_percent_decode(decoded, raw.len, raw, true) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;

    for (;;) {
        struct http_request whole, bytewise;
        struct http_scan scan = {0, 0, 0};
        int result = http_request_parse(&whole, text, size, &scan);

        expect(parse_bytewise(&bytewise, text, size) == result);
        expect(result != 0 || size <= HTTP_PENDING_MAX);
        if (result <= 0)
            return 0;
        expect_same(&whole, &bytewise);
        check_request(&whole);
        use_request(&whole);
        text += result;
        size -= (size_t)result;
    }
}
