/* Request heads of HTTP/1.1 and 1.0, strict (RFC 9112, RFC 9110). A body is announced by one
 * Content-Length; whatever announces it otherwise is refused, so that one stream of bytes never has
 * two readings. */
#ifndef PROTO_HTTP_REQUEST_H
#define PROTO_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "proto/http/fields.h"

#define HTTP_LINE_MAX 8192 /* bytes of a request line, without its CRLF */
#define HTTP_HEAD_MAX                                                                              \
    8192 /* bytes from the request line through the empty line that ends the head */
#define HTTP_LEADING_MAX 8192 /* bytes of empty lines in front of a request */

/* Bytes that an unfinished request can have at most: what a caller's buffer may need. */
#define HTTP_PENDING_MAX (HTTP_LEADING_MAX + HTTP_HEAD_MAX)

enum http_error {
    HTTP_ERROR_OCTET = 1,         /* 400: NUL or another control, bare CR, bare LF */
    HTTP_ERROR_EMPTY_LINES,       /* 400: more than HTTP_LEADING_MAX of them */
    HTTP_ERROR_REQUEST_LINE,      /* 400: not three parts with one blank between them */
    HTTP_ERROR_METHOD,            /* 400: not a token */
    HTTP_ERROR_VERSION,           /* 400: not HTTP/x.y */
    HTTP_ERROR_VERSION_UNKNOWN,   /* 505: well-formed, but not 1.x */
    HTTP_ERROR_TARGET,            /* 400: none of the four forms, or in the wrong place */
    HTTP_ERROR_FIELD,             /* 400: no colon, or the name is not a token */
    HTTP_ERROR_FOLD,              /* 400: a line that begins with a blank (obs-fold) */
    HTTP_ERROR_HOST_MISSING,      /* 400: HTTP/1.1 without Host */
    HTTP_ERROR_HOST_REPEATED,     /* 400 */
    HTTP_ERROR_HOST,              /* 400: not uri-host [":" port] */
    HTTP_ERROR_LENGTH,            /* 400: Content-Length is repeated or not a number */
    HTTP_ERROR_CODING,            /* 400: Transfer-Encoding is malformed, or sent with HTTP/1.0 */
    HTTP_ERROR_CODING_AND_LENGTH, /* 400: both at once */
    HTTP_ERROR_CODING_UNKNOWN,    /* 501: any Transfer-Encoding */
    HTTP_ERROR_BODY,              /* 413: for those who take none, or none of that length */
    HTTP_ERROR_LINE_TOO_LONG,     /* 414 */
    HTTP_ERROR_HEAD_TOO_LONG,     /* 431 */
};

/* The status code that answers an error. */
int http_error_status(enum http_error error);

/* What was wrong: one short sentence, without a line end. */
const char *http_error_text(enum http_error error);

/* How far an unfinished request was read. All zero: the start of a request. Opaque. */
struct http_scan {
    uint32_t start; /* offset of the request line */
    uint32_t line;  /* offset of the line that is being read */
    uint32_t pos;   /* offset of the first byte not yet looked at */
};

/* A whole request head. The slices point into the caller's data (a path that the request leaves
 * out: to a constant). */
struct http_request {
    struct str method;
    struct str target; /* as it came */
    struct str path; /* still percent-encoded, without query; "/" if absolute-form has none, "*" for
                        asterisk-form, empty for authority-form */
    struct str query; /* still percent-encoded, without the "?"; ptr is NULL where there is none */
    struct str host;  /* uri-host [":" port] of the target where it has one, else of Host; may be
                         empty on 1.0 */
    int minor;        /* 0 or 1; HTTP/1.2 to 1.9 count as 1.1 */
    bool keep_alive;  /* the client would go on after the response (RFC 9112, 9.3) */
    bool expects_continue; /* it waits for a 100 before it sends the body (RFC 9110, 10.1.1) */
    uint64_t body_len;     /* Content-Length, up to 2^63-1; the body follows the head */
    struct str body;       /* for the reader of the body: the parser leaves it alone */
    struct http_fields fields;
};

/* Reads a request head. `data` holds all bytes of the unfinished request so far: those of the call
 * before, unchanged though maybe elsewhere, and any number of new ones. *scan carries over from
 * call to call, and must be zeroed for the next request.
 *
 * Returns > 0: the bytes of the head, with the empty lines in front of it and the one that ends it;
 * *req is set. 0: more bytes are needed. < 0: -enum http_error. The connection must be closed after
 * the answer. The result does not depend on how the bytes arrive. The time is linear in them,
 * however they are cut. */
int http_request_parse(struct http_request *req, const char *data, size_t len,
                       struct http_scan *scan);

/* Does If-None-Match name `etag` (with its quotes, weak or strong) by weak comparison, or say "*"?
 * (RFC 9110, 13.1.2) */
bool http_etag_matches(const struct http_request *req, struct str etag);

/* The same for the value of one such field line. */
bool http_etag_list_has(struct str list, struct str etag);

#endif
