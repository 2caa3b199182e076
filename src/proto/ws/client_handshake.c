#include "proto/ws/client_handshake.h"

#include <string.h>

#include "base/base64.h"
#include "base/util.h"
#include "proto/http/request.h"
#include "proto/uri.h"
#include "proto/ws/deflate_negotiation.h"
#include "proto/ws/handshake.h"

_Static_assert(WS_KEY_SIZE == BASE64_SIZE(WS_NONCE_SIZE), "a key is a nonce in base64");

/* URLs */

const char *ws_url_error_text(enum ws_url_error error)
{
    static const char *const texts[] = {
        [WS_URL_SCHEME] = "a URL begins with ws:// (http:// will do) or unix:",
        [WS_URL_SECURE] = "there is no TLS here: join a proxy by ws: that speaks wss:",
        [WS_URL_AUTHORITY] = "a host and maybe a port must follow ws://",
        [WS_URL_PORT] = "nothing listens on port 0",
        [WS_URL_PATH] = "the path has characters that must be percent-encoded",
        [WS_URL_QUERY] = "the query has characters that must be percent-encoded",
        [WS_URL_FRAGMENT] = "a WebSocket has no #fragment; a # in a name is written %23",
    };

    return texts[error];
}

/* The address of a page is taken for that of its WebSocket: it is what people have at hand. */
static int scheme_skip(struct str *text)
{
    struct str rest = *text;
    struct str scheme = str_cut(&rest, ':');
    bool is_plain = str_equals_nocase(scheme, STR("ws")) || str_equals_nocase(scheme, STR("http"));

    if (str_equals_nocase(scheme, STR("wss")) || str_equals_nocase(scheme, STR("https")))
        return -WS_URL_SECURE;
    if (!is_plain || rest.len < 2 || memcmp(rest.ptr, "//", 2) != 0)
        return -WS_URL_SCHEME;
    *text = (struct str){rest.ptr + 2, rest.len - 2};
    return 0;
}

static size_t authority_len(struct str text)
{
    size_t len = 0;

    while (len < text.len && text.ptr[len] != '/' && text.ptr[len] != '?')
        len++;
    return len;
}

int ws_url_parse(struct ws_url *url, struct str text)
{
    uint64_t port = 80;
    int error = scheme_skip(&text);

    if (error < 0)
        return error;
    if (text.len > 0 && memchr(text.ptr, '#', text.len) != NULL)
        return -WS_URL_FRAGMENT;
    url->authority = (struct str){text.ptr, authority_len(text)};
    if (!uri_authority_parse(url->authority, &url->host, &url->port))
        return -WS_URL_AUTHORITY;
    if (url->port.len == 0)
        url->port = STR("80");
    if (!str_to_u64(url->port, UINT16_MAX, &port) || port == 0)
        return -WS_URL_PORT;
    url->query = (struct str){text.ptr + url->authority.len, text.len - url->authority.len};
    url->path = str_cut(&url->query, '?');
    if (!uri_path_is_valid(url->path))
        return -WS_URL_PATH;
    return uri_query_is_valid(url->query) ? 0 : -WS_URL_QUERY;
}

/* The handshake */

int ws_client_handshake_request(struct buf *out, struct str host, struct str target,
                                struct str protocol, const uint8_t nonce[WS_NONCE_SIZE],
                                char key[WS_KEY_SIZE])
{
    base64_encode(key, nonce, WS_NONCE_SIZE);
    return buf_printf(out,
                      "GET %.*s HTTP/1.1\r\n"
                      "Host: %.*s\r\n"
                      "Upgrade: websocket\r\n"
                      "Connection: Upgrade\r\n"
                      "Sec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: %.*s\r\n"
                      "Sec-WebSocket-Protocol: %.*s\r\n"
                      "Sec-WebSocket-Extensions: " WS_DEFLATE_OFFER "\r\n"
                      "User-Agent: wschat/" WSCHAT_VERSION "\r\n\r\n",
                      (int)target.len, target.ptr, (int)host.len, host.ptr, WS_KEY_SIZE, key,
                      (int)protocol.len, protocol.ptr);
}

const char *ws_client_handshake_error_text(enum ws_client_handshake_error error)
{
    static const char *const texts[] = {
        [WS_CLIENT_HANDSHAKE_STATUS] = "the server did not switch to WebSocket",
        [WS_CLIENT_HANDSHAKE_UPGRADE] = "the answer's Upgrade is not websocket",
        [WS_CLIENT_HANDSHAKE_CONNECTION] = "the answer's Connection does not say Upgrade",
        [WS_CLIENT_HANDSHAKE_ACCEPT] = "the answer's Sec-WebSocket-Accept does not fit",
        [WS_CLIENT_HANDSHAKE_EXTENSION] = "the answer names an extension that was not offered so",
        [WS_CLIENT_HANDSHAKE_PROTOCOL] = "the server does not speak wschat.v1 there",
    };

    return texts[error];
}

static bool field_is_once(const struct http_parsed_response *reply, enum http_field field,
                          struct str *value)
{
    return http_field_get(&reply->fields, field, value) == 1;
}

static bool accept_fits(const struct http_parsed_response *reply, const char key[WS_KEY_SIZE])
{
    char accept[WS_ACCEPT_SIZE];
    struct str value;

    ws_accept_key(accept, (struct str){key, WS_KEY_SIZE});
    return field_is_once(reply, HTTP_FIELD_SEC_WEBSOCKET_ACCEPT, &value) &&
           str_equals(value, (struct str){accept, sizeof(accept)});
}

int ws_client_handshake_check(const struct http_parsed_response *reply, const char key[WS_KEY_SIZE],
                              struct str protocol, struct ws_client_agreement *agreement)
{
    struct ws_deflate deflate = {.server_bits = 0};
    struct str value;
    int is_deflated;

    if (reply->status != 101)
        return -WS_CLIENT_HANDSHAKE_STATUS;
    if (!field_is_once(reply, HTTP_FIELD_UPGRADE, &value) ||
        !str_equals_nocase(value, STR("websocket")))
        return -WS_CLIENT_HANDSHAKE_UPGRADE;
    if (!http_field_has_token(&reply->fields, HTTP_FIELD_CONNECTION, STR("Upgrade")))
        return -WS_CLIENT_HANDSHAKE_CONNECTION;
    if (!accept_fits(reply, key))
        return -WS_CLIENT_HANDSHAKE_ACCEPT;
    is_deflated = ws_deflate_check_response(&reply->fields, &deflate);
    if (is_deflated < 0)
        return -WS_CLIENT_HANDSHAKE_EXTENSION;
    if (!field_is_once(reply, HTTP_FIELD_SEC_WEBSOCKET_PROTOCOL, &value) ||
        !str_equals(value, protocol))
        return -WS_CLIENT_HANDSHAKE_PROTOCOL;
    agreement->is_deflated = is_deflated > 0;
    agreement->has_context = is_deflated > 0 && !deflate.server_no_takeover;
    return 0;
}
