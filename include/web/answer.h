/* Building responses: what a request is answered with, as text, as a body, or as a refusal. */
#ifndef WEB_ANSWER_H
#define WEB_ANSWER_H

#include <stdbool.h>

#include "proto/http/response.h"
#include "session/http.h"

#define ANSWER_RETRY_AFTER "Retry-After: 5\r\n"
#define ANSWER_UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"

/* A token is needed, or a better one (RFC 6750, 3). */
#define ANSWER_BEARER "WWW-Authenticate: Bearer\r\n"

/* Sent with every page. Nothing inline, nothing from elsewhere, and nobody may frame it. */
#define ANSWER_SAFETY                                                                              \
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "           \
    "img-src 'self' data:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "             \
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "             \
    "trusted-types 'none'\r\n"                                                                     \
    "Referrer-Policy: no-referrer\r\n"

/* What is for operators is for pages of this very origin: no other may even embed it. */
#define ANSWER_ADMIN ANSWER_SAFETY "Cross-Origin-Resource-Policy: same-origin\r\n"

#define ANSWER_FRESH "Cache-Control: no-store\r\n"

/* An answer in the making. May be copied, and kept with a http_wait. */
struct answer {
    struct conn *conn;
    bool is_get;     /* the method is GET or HEAD */
    bool is_head;    /* ... HEAD: no body */
    bool keep_alive; /* the client would go on */
    bool is_http_1_0;
};

/* The answer to a request. */
struct answer answer_to(struct conn *conn, const struct http_request *request);

/* Sends a response with this body, which is released in any case. Sets what the request decides:
 * how the connection goes on, and the length. */
void answer_send(const struct answer *answer, struct http_response *response,
                 const struct http_body *body);

/* One line of text. `fields`: further field lines, each with its CRLF. */
void answer_text(const struct answer *answer, int status, const char *text, const char *fields);

/* A refusal after which the connection ends: whatever the client sends on, it is not HTTP for sure.
 * `text` is static, unless the end of the stream was noted before. */
void answer_refuse(const struct answer *answer, int status, const char *text, const char *fields);

/* The path knows GET and HEAD only: 405. */
void answer_not_allowed(const struct answer *answer);

/* A response with this status is on its way, which `answer` did not send itself. */
void answer_count(struct conn *conn, int status);

#endif
