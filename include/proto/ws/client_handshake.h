/* The client's side of the opening handshake (RFC 6455, 4.1), and ws: URLs (RFC 6455, 3). */
#ifndef PROTO_WS_CLIENT_HANDSHAKE_H
#define PROTO_WS_CLIENT_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "proto/http/response_parse.h"

#define WS_KEY_SIZE 24   /* characters of a Sec-WebSocket-Key */
#define WS_NONCE_SIZE 16 /* random bytes that it is made of */

/* A URL, taken apart. The slices point into it. */
struct ws_url {
    struct str authority; /* host, and ":port" where there is one */
    struct str host;      /* with the brackets of an IPv6 address */
    struct str port;      /* digits; "80" where there are none */
    struct str path;      /* still percent-encoded; may be empty */
    struct str query;     /* still percent-encoded, without the "?"; may be empty */
};

enum ws_url_error {
    WS_URL_SCHEME = 1, /* none of ws:, wss:, http: and https: */
    WS_URL_SECURE,     /* wss: or https: */
    WS_URL_AUTHORITY,  /* not host [":" port] */
    WS_URL_PORT,       /* port 0 */
    WS_URL_PATH,
    WS_URL_QUERY,
    WS_URL_FRAGMENT, /* "#": there must be none (RFC 6455, 3) */
};

/* What was wrong, and what to do: a sentence without a full stop. */
const char *ws_url_error_text(enum ws_url_error error);

/* Takes a URL apart. Returns 0 or -enum ws_url_error. */
int ws_url_parse(struct ws_url *url, struct str text);

/* Appends an opening request for `target` (path and query) that offers one subprotocol, and
 * permessage-deflate. Writes its key, made of `nonce`, without a NUL. Returns 0, or -1 with errno
 * ENOMEM. */
int ws_client_handshake_request(struct buf *out, struct str host, struct str target,
                                struct str protocol, const uint8_t nonce[WS_NONCE_SIZE],
                                char key[WS_KEY_SIZE]);

enum ws_client_handshake_error {
    WS_CLIENT_HANDSHAKE_STATUS = 1, /* not 101 */
    WS_CLIENT_HANDSHAKE_UPGRADE,    /* not one Upgrade that is websocket */
    WS_CLIENT_HANDSHAKE_CONNECTION, /* Connection does not list Upgrade */
    WS_CLIENT_HANDSHAKE_ACCEPT,     /* not one Sec-WebSocket-Accept, or not the one of our key */
    WS_CLIENT_HANDSHAKE_EXTENSION,  /* none that was offered, or not as it may be agreed to */
    WS_CLIENT_HANDSHAKE_PROTOCOL,   /* not exactly the subprotocol that was offered */
};

/* What was wrong: a few words, without a line end. */
const char *ws_client_handshake_error_text(enum ws_client_handshake_error error);

/* What was agreed on. */
struct ws_client_agreement {
    bool is_deflated; /* messages may come compressed (RFC 7692) */
    bool has_context; /* ... and reach back to those before them */
};

/* Judges the answer to a request with that key and that subprotocol. Returns 0, or -enum
 * ws_client_handshake_error, the first that applies in the order above. */
int ws_client_handshake_check(const struct http_parsed_response *reply, const char key[WS_KEY_SIZE],
                              struct str protocol, struct ws_client_agreement *agreement);

#endif
