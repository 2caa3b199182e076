/* Response heads of HTTP/1.1. */
#ifndef PROTO_HTTP_RESPONSE_H
#define PROTO_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* The length of a body that ends with the connection. */
#define HTTP_LENGTH_NONE UINT64_MAX

struct http_response {
    int status;
    struct str type;  /* Content-Type; empty: none */
    uint64_t length;  /* bytes of the body, also where HEAD leaves it out */
    bool keep_alive;  /* false: says Connection: close */
    struct str extra; /* further field lines, each with its CRLF; may be empty */
    bool is_http_1_0; /* the request was, so it must be told of keep-alive (RFC 9112, C.2.2) */
};

/* The reason phrase of a status code that this server sends; "" for others. */
const char *http_status_reason(int status);

/* Appends the status line, the fields and the empty line:
 * - 1xx: `extra` only;
 * - 204 and 304: Date, Connection and `extra`, for they have no content (RFC 9110, 8.6);
 * - the others: Content-Length, Content-Type and X-Content-Type-Options too.
 * Date is `unix_time` in seconds (RFC 9110, 5.6.7), held within the years 1970 to 9999.
 * Returns 0, or -1 with errno ENOMEM and the buffer as it was. */
int http_response_head(struct buf *out, const struct http_response *res, int64_t unix_time);

#endif
