#include "proto/ws/handshake.h"

#include <string.h>

#include "base/ascii.h"
#include "base/base64.h"
#include "base/sha1.h"
#include "proto/uri.h"

#define KEY_SIZE 16 /* bytes of the nonce that a key holds */
#define PORT_MAX 65535

_Static_assert(WS_ACCEPT_SIZE == BASE64_SIZE(SHA1_SIZE), "an accept is a digest in base64");

static const struct {
    int status;
    const char *text;
} errors[] = {
    [WS_HANDSHAKE_METHOD] = {405, "A WebSocket is opened with GET."},
    [WS_HANDSHAKE_UPGRADE] = {400, "The Upgrade header does not say websocket."},
    [WS_HANDSHAKE_CONNECTION] = {400, "The Connection header does not say Upgrade."},
    [WS_HANDSHAKE_VERSION_REPEATED] = {400, "There is more than one Sec-WebSocket-Version header."},
    [WS_HANDSHAKE_VERSION] = {426, "Sec-WebSocket-Version must be 13."},
    [WS_HANDSHAKE_KEY_MISSING] = {400, "The Sec-WebSocket-Key header is missing."},
    [WS_HANDSHAKE_KEY_REPEATED] = {400, "There is more than one Sec-WebSocket-Key header."},
    [WS_HANDSHAKE_KEY] = {400, "Sec-WebSocket-Key is not base64 of 16 bytes."},
};

int ws_handshake_status(enum ws_handshake_error error)
{
    return errors[error].status;
}

const char *ws_handshake_text(enum ws_handshake_error error)
{
    return errors[error].text;
}

static bool has_upgrade(const struct http_request *req)
{
    return http_field_has_token(&req->fields, HTTP_FIELD_UPGRADE, STR("websocket"));
}

bool ws_handshake_is_wanted(const struct http_request *req)
{
    struct str key;

    if (req->minor == 0)
        return false;
    return has_upgrade(req) || http_field_get(&req->fields, HTTP_FIELD_SEC_WEBSOCKET_KEY, &key) > 0;
}

static int version_check(const struct http_request *req)
{
    struct str version;
    unsigned count = http_field_get(&req->fields, HTTP_FIELD_SEC_WEBSOCKET_VERSION, &version);

    if (count > 1)
        return -WS_HANDSHAKE_VERSION_REPEATED;
    return str_equals(version, STR("13")) ? 0 : -WS_HANDSHAKE_VERSION;
}

static int key_check(const struct http_request *req, char accept[WS_ACCEPT_SIZE])
{
    char nonce[KEY_SIZE];
    struct str key;
    unsigned count = http_field_get(&req->fields, HTTP_FIELD_SEC_WEBSOCKET_KEY, &key);

    if (count == 0)
        return -WS_HANDSHAKE_KEY_MISSING;
    if (count > 1)
        return -WS_HANDSHAKE_KEY_REPEATED;
    if (base64_decode(nonce, sizeof(nonce), key) != KEY_SIZE)
        return -WS_HANDSHAKE_KEY;
    ws_accept_key(accept, key);
    return 0;
}

int ws_handshake_check(const struct http_request *req, char accept[WS_ACCEPT_SIZE])
{
    int error;

    if (!str_equals(req->method, STR("GET")))
        return -WS_HANDSHAKE_METHOD;
    if (!has_upgrade(req))
        return -WS_HANDSHAKE_UPGRADE;
    if (!http_field_has_token(&req->fields, HTTP_FIELD_CONNECTION, STR("Upgrade")))
        return -WS_HANDSHAKE_CONNECTION;
    error = version_check(req);
    return error < 0 ? error : key_check(req, accept);
}

void ws_accept_key(char accept[WS_ACCEPT_SIZE], struct str key)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[BASE64_SIZE(KEY_SIZE) + sizeof(guid) - 1];
    uint8_t digest[SHA1_SIZE];

    memcpy(text, key.ptr, BASE64_SIZE(KEY_SIZE));
    memcpy(text + BASE64_SIZE(KEY_SIZE), guid, sizeof(guid) - 1);
    sha1(digest, text, sizeof(text));
    base64_encode(accept, digest, sizeof(digest));
}

static bool list_has_exactly(struct str list, struct str name)
{
    struct str element;

    while (http_list_next(&list, &element)) {
        if (str_equals(element, name))
            return true;
    }
    return false;
}

bool ws_protocol_is_offered(const struct http_request *req, struct str name)
{
    struct str value;
    size_t line = 0;

    while (http_field_next(&req->fields, &line, HTTP_FIELD_SEC_WEBSOCKET_PROTOCOL, &value)) {
        if (list_has_exactly(value, name))
            return true;
    }
    return false;
}

bool ws_protocol_next(const struct http_request *req, struct ws_protocols *protocols,
                      struct str prefix, struct str *rest)
{
    struct str name;

    for (;;) {
        while (http_list_next(&protocols->rest, &name)) {
            if (name.len < prefix.len || memcmp(name.ptr, prefix.ptr, prefix.len) != 0)
                continue;
            *rest = (struct str){name.ptr + prefix.len, name.len - prefix.len};
            return true;
        }
        if (!http_field_next(&req->fields, &protocols->line, HTTP_FIELD_SEC_WEBSOCKET_PROTOCOL,
                             &protocols->rest))
            return false;
    }
}

/* An origin with its port filled in. "null" is one too: it has no scheme and no host. */
struct origin {
    struct str scheme;
    struct str host;
    uint64_t port; /* 0: none, and the scheme has no default */
};

static uint64_t default_port(struct str scheme)
{
    if (str_equals_nocase(scheme, STR("http")))
        return 80;
    return str_equals_nocase(scheme, STR("https")) ? 443 : 0;
}

/* ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ) (RFC 3986, 3.1) */
static bool scheme_is_valid(struct str scheme)
{
    for (size_t i = 0; i < scheme.len; i++) {
        char c = scheme.ptr[i];
        bool is_other = ascii_is(c, ASCII_DIGIT) || c == '+' || c == '-' || c == '.';

        if (!ascii_is(c, ASCII_LETTER) && (i == 0 || !is_other))
            return false;
    }
    return scheme.len > 0;
}

/* Reads a serialized origin (RFC 6454, 6.2), whose port, if there is one, is a number as it is
 * commonly written. */
static bool origin_parse(struct origin *origin, struct str text)
{
    struct str port;

    *origin = (struct origin){{NULL, 0}, {NULL, 0}, 0};
    if (str_equals(text, STR("null")))
        return true;
    origin->scheme = str_cut(&text, ':');
    if (!scheme_is_valid(origin->scheme) || text.len < 2 || memcmp(text.ptr, "//", 2) != 0)
        return false;
    text = (struct str){text.ptr + 2, text.len - 2};
    if (!uri_authority_parse(text, &origin->host, &port))
        return false;
    origin->port = default_port(origin->scheme);
    return port.ptr == NULL || str_to_u64(port, PORT_MAX, &origin->port);
}

static bool origin_equals(const struct origin *a, const struct origin *b)
{
    return str_equals_nocase(a->scheme, b->scheme) && str_equals_nocase(a->host, b->host) &&
           a->port == b->port;
}

/* Is it the origin of the pages that this server serves under the name that the client calls it by?
 * Its scheme may be either, for TLS ends in front of the server; a Host without a port means the
 * scheme's own. */
static bool origin_is_own(const struct origin *origin, struct str authority)
{
    struct origin own = {origin->scheme, {NULL, 0}, default_port(origin->scheme)};
    struct str port;

    if (own.port == 0 || !uri_authority_parse(authority, &own.host, &port))
        return false;
    while (port.len > 1 && port.ptr[0] == '0')
        port = (struct str){port.ptr + 1, port.len - 1};
    if (port.len > 0)
        str_to_u64(port, PORT_MAX, &own.port); /* cannot fail: the authority is valid */
    return origin_equals(origin, &own);
}

static bool origin_is_listed(const struct origin *origin, const struct origin_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct origin each;

        if (str_equals(list->items[i], STR("*")))
            return true;
        if (origin_parse(&each, list->items[i]) && origin_equals(origin, &each))
            return true;
    }
    return false;
}

bool ws_origin_is_allowed(const struct http_request *req, const struct origin_list *allowed)
{
    struct str text;
    struct origin origin;
    unsigned count = http_field_get(&req->fields, HTTP_FIELD_ORIGIN, &text);

    if (count == 0)
        return true;
    if (count > 1 || !origin_parse(&origin, text))
        return false;
    return origin_is_own(&origin, req->host) || origin_is_listed(&origin, allowed);
}

bool http_origin_is_valid(struct str text)
{
    struct origin origin;

    if (str_equals(text, STR("*")))
        return true;
    /* A host may hold "*", but whoever writes that means a pattern, and there are none. */
    return origin_parse(&origin, text) && memchr(text.ptr, '*', text.len) == NULL;
}
