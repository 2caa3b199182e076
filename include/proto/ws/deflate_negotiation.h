/* Agrees on permessage-deflate (RFC 7692, 5 and 7.1), as the server and as a client. */
#ifndef PROTO_WS_DEFLATE_NEGOTIATION_H
#define PROTO_WS_DEFLATE_NEGOTIATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "proto/http/fields.h"

/* Characters of the longest answer, with a NUL. */
#define WS_DEFLATE_RESPONSE_SIZE 128

/* What the server compresses with. */
struct ws_deflate {
    uint8_t server_bits;     /* server_max_window_bits, 8 to 15; 0: it did not say */
    bool server_no_takeover; /* server_no_context_takeover */
};

/* Takes the first offer that can be accepted, over all lines of Sec-WebSocket-Extensions; offers
 * are in the client's order of preference. Declines one with a parameter that is unknown, repeated,
 * or has a value that it must not have (7.1). Returns false where none is left, or where the client
 * is a browser that is known to be broken. */
bool ws_deflate_negotiate(const struct http_fields *fields, struct ws_deflate *agreed);

/* Writes the answer, the value of Sec-WebSocket-Extensions, with a NUL. It asks for
 * client_no_context_takeover in any case, which every client must obey (7.1.1.2). */
void ws_deflate_response(char out[WS_DEFLATE_RESPONSE_SIZE], const struct ws_deflate *agreed);

/* What our own client offers. It sends nothing compressed, so it grants whatever limits that. */
#define WS_DEFLATE_OFFER "permessage-deflate; client_no_context_takeover; client_max_window_bits"

/* Reads what a server says to that offer. Returns 1 where it agrees, 0 where it says nothing, and
 * -1 for anything that it must not say: another extension, more than one, a parameter that is
 * unknown, repeated, or has no value that it may have (5.1, 7.1). */
int ws_deflate_check_response(const struct http_fields *fields, struct ws_deflate *agreed);

/* Is it a browser whose permessage-deflate is broken? WebKit of Safari 15.0 to 15.3, which loses or
 * garbles compressed messages: Safari itself, on macOS, iOS and iPadOS (which may call itself a
 * Mac), and all that runs in iOS and iPadOS 15.0 to 15.3, whatever it is called: other browsers and
 * pages within apps have no engine of their own there. */
bool ws_deflate_is_broken_in(struct str user_agent);

#endif
