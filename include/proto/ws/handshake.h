/* The server's side of the opening handshake (RFC 6455, 4.2), and whom it lets in by Origin (RFC
 * 6454). */
#ifndef PROTO_WS_HANDSHAKE_H
#define PROTO_WS_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "proto/http/request.h"

#define WS_ACCEPT_SIZE 28 /* characters of a Sec-WebSocket-Accept */

enum ws_handshake_error {
    WS_HANDSHAKE_METHOD = 1,       /* 405: not GET */
    WS_HANDSHAKE_UPGRADE,          /* 400: Upgrade does not list websocket */
    WS_HANDSHAKE_CONNECTION,       /* 400: Connection does not list upgrade */
    WS_HANDSHAKE_VERSION_REPEATED, /* 400 */
    WS_HANDSHAKE_VERSION,          /* 426: Sec-WebSocket-Version is missing or not 13 */
    WS_HANDSHAKE_KEY_MISSING,      /* 400 */
    WS_HANDSHAKE_KEY_REPEATED,     /* 400 */
    WS_HANDSHAKE_KEY,              /* 400: not base64 of 16 bytes */
};

/* The status code that answers an error. 426 must carry Sec-WebSocket-Version: 13. */
int ws_handshake_status(enum ws_handshake_error error);

/* What was wrong: one short sentence, without a line end. */
const char *ws_handshake_text(enum ws_handshake_error error);

/* Does the request ask for a WebSocket, rightly or wrongly? It does by HTTP/1.1 and either Upgrade:
 * websocket or a Sec-WebSocket-Key. */
bool ws_handshake_is_wanted(const struct http_request *req);

/* Checks a request that wants a WebSocket; writes the value of Sec-WebSocket-Accept, without a NUL.
 * Returns 0, or -enum ws_handshake_error, the first that applies in the order above. Origin is not
 * looked at. */
int ws_handshake_check(const struct http_request *req, char accept[WS_ACCEPT_SIZE]);

/* Computes Sec-WebSocket-Accept from a Sec-WebSocket-Key, which has 24 characters (4.2.2,
 * step 5.4); no NUL. */
void ws_accept_key(char accept[WS_ACCEPT_SIZE], struct str key);

/* Is `name` one of the subprotocols that the client offers? With case, over all lines (11.3.4). */
bool ws_protocol_is_offered(const struct http_request *req, struct str name);

/* What a client offers, still to be gone through. All zero: from the first on. */
struct ws_protocols {
    size_t line;
    struct str rest;
};

/* The next subprotocol that begins with `prefix`: what follows that. Returns false at the end. */
bool ws_protocol_next(const struct http_request *req, struct ws_protocols *protocols,
                      struct str prefix, struct str *rest);

/* Origins that may connect: each "scheme://host[:port]", "null", or "*" for any. Borrowed. */
struct origin_list {
    const struct str *items;
    size_t count;
};

/* May a page of the request's Origin connect (RFC 6455, 10.2)? Yes without an Origin, which
 * browsers always send; yes for the server's own origin, that is http or https and the request's
 * host and port; yes for one on the list. No for any other, and for an Origin that is repeated or
 * not exactly an origin. Compared exactly, scheme and host without case, a missing port as the
 * scheme's default. */
bool ws_origin_is_allowed(const struct http_request *req, const struct origin_list *allowed);

/* May the text stand on an origin list? "*", "null", or "scheme://host[:port]" with nothing behind
 * it, and no "*" in it. */
bool http_origin_is_valid(struct str text);

#endif
