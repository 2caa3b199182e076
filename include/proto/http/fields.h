/* The field lines of a head, of a request or of a reply (RFC 9110, 5), and the lists in their
 * values. */
#ifndef PROTO_HTTP_FIELDS_H
#define PROTO_HTTP_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Bytes of all lines that can be read, and how many of these can have a known name: "Host:" and
 * CRLF is the shortest. */
#define HTTP_FIELDS_SIZE_MAX 8192
#define HTTP_FIELDS_MAX (HTTP_FIELDS_SIZE_MAX / 7)

/* The fields that are of use here. The shorter name comes first: http_field_named relies on it. */
enum http_field {
    HTTP_FIELD_OTHER, /* whatever else there is: it may come, and nobody can ask for it */
    HTTP_FIELD_HOST,
    HTTP_FIELD_EXPECT,
    HTTP_FIELD_ORIGIN,
    HTTP_FIELD_COOKIE,
    HTTP_FIELD_UPGRADE,
    HTTP_FIELD_FORWARDED,
    HTTP_FIELD_CONNECTION,
    HTTP_FIELD_USER_AGENT,
    HTTP_FIELD_RETRY_AFTER,
    HTTP_FIELD_CONTENT_TYPE,
    HTTP_FIELD_IF_NONE_MATCH,
    HTTP_FIELD_LAST_EVENT_ID,
    HTTP_FIELD_AUTHORIZATION,
    HTTP_FIELD_CONTENT_LENGTH,
    HTTP_FIELD_ACCEPT_ENCODING,
    HTTP_FIELD_IDEMPOTENCY_KEY,
    HTTP_FIELD_X_FORWARDED_FOR,
    HTTP_FIELD_SEC_WEBSOCKET_KEY,
    HTTP_FIELD_TRANSFER_ENCODING,
    HTTP_FIELD_SEC_WEBSOCKET_ACCEPT,
    HTTP_FIELD_SEC_WEBSOCKET_VERSION,
    HTTP_FIELD_SEC_WEBSOCKET_PROTOCOL,
    HTTP_FIELD_SEC_WEBSOCKET_EXTENSIONS,
    HTTP_FIELD_COUNT
};

/* A handshake asks a dozen times, so which field each line is, and where its value, is found out
 * once. */
struct http_fields {
    const char *text; /* the first line; the caller's */
    uint32_t present; /* a bit for each field that has a line */
    uint32_t count;
    struct http_field_line {
        uint16_t field;
        uint16_t at; /* of the value, not trimmed, in `text` */
        uint16_t len;
    } lines[HTTP_FIELDS_MAX];
};

/* Returns which field has that name, compared without case. */
enum http_field http_field_named(struct str name);

/* Begins with no lines; the first one will be at `text`. */
void http_fields_begin(struct http_fields *fields, const char *text);

/* Adds a line of a field, whose value ends before its CRLF. All of it lies within the
 * HTTP_FIELDS_SIZE_MAX bytes from the first line on. Leaves out HTTP_FIELD_OTHER, and what is
 * beyond HTTP_FIELDS_MAX lines. */
void http_fields_add(struct http_fields *fields, enum http_field field, struct str value);

/* Takes well-formed lines: each one at least a name of one byte, a colon and its CRLF, and no other
 * CR. What is beyond HTTP_FIELDS_SIZE_MAX bytes, or behind a malformed line, is left out. */
void http_fields_read(struct http_fields *fields, struct str text);

/* Looks for the next line of that field from *line on, which starts as 0, and moves it on behind
 * what was found: sets the trimmed value. Returns false where there is none. */
bool http_field_next(const struct http_fields *fields, size_t *line, enum http_field field,
                     struct str *value);

/* Returns how many lines that field has; the value of the first one in *value if there is any, else
 * an empty slice. */
unsigned http_field_get(const struct http_fields *fields, enum http_field field, struct str *value);

/* Is `token` an element of that list field, in any of its lines? Whole elements, without case. */
bool http_field_has_token(const struct http_fields *fields, enum http_field field,
                          struct str token);

/* Takes the next element off a comma list (5.6.1): trimmed, empty ones skipped, a comma within a
 * quoted string separates nothing. Returns false at the end. */
bool http_list_next(struct str *rest, struct str *element);

/* Is it a token, such as a method or the name of a field (5.6.2)? */
bool http_is_token(struct str s);

#endif
