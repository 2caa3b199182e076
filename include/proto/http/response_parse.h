/* Response heads of HTTP/1.x as a client reads them, strict (RFC 9112, 4 and 5). */
#ifndef PROTO_HTTP_RESPONSE_PARSE_H
#define PROTO_HTTP_RESPONSE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "proto/http/fields.h"

#define HTTP_RESPONSE_PARSE_MAX 8192 /* bytes from the status line through the empty line */

enum http_response_parse_error {
    HTTP_RESPONSE_PARSE_OCTET = 1,   /* NUL or another control, bare CR, bare LF */
    HTTP_RESPONSE_PARSE_STATUS_LINE, /* not version, blank, three digits, blank, reason */
    HTTP_RESPONSE_PARSE_VERSION,     /* not HTTP/1.0 or HTTP/1.1 to 1.9 */
    HTTP_RESPONSE_PARSE_STATUS,      /* not 100 to 599 */
    HTTP_RESPONSE_PARSE_FIELD,       /* no colon, the name is not a token, or a folded line */
    HTTP_RESPONSE_PARSE_TOO_LONG,    /* no end within HTTP_RESPONSE_PARSE_MAX bytes */
};

/* What was wrong: a few words, without a line end. */
const char *http_response_parse_error_text(enum http_response_parse_error error);

/* How far an unfinished head was read. All zero: the start of a response. Opaque. */
struct http_response_parse_scan {
    uint32_t line; /* offset of the line that is being read */
    uint32_t pos;  /* offset of the first byte not yet looked at */
};

/* A whole head. The slices point into the caller's data. */
struct http_parsed_response {
    int status; /* 100 to 599 */
    struct str reason;
    struct http_fields fields;
};

/* Reads a head. `data` holds all its bytes so far: those of the call before, unchanged though maybe
 * elsewhere, and any number of new ones. Returns > 0: the bytes of the head with its empty line,
 * and *reply is set. 0: more bytes are needed. < 0: -enum http_response_parse_error. The result
 * does not depend on how the bytes arrive. */
int http_response_parse(struct http_parsed_response *reply, const char *data, size_t len,
                        struct http_response_parse_scan *scan);

#endif
