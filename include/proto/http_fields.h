/* The field lines of a head, of a request or of a reply (RFC 9110, 5), and the lists in their
 * values. */
#ifndef PROTO_HTTP_FIELDS_H
#define PROTO_HTTP_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Bytes of all lines that can be read, and how many lines these can be: "a:" and CRLF is the
 * shortest. */
#define HTTP_FIELDS_SIZE_MAX 8192
#define HTTP_FIELDS_MAX (HTTP_FIELDS_SIZE_MAX / 4)

/* A handshake asks for a dozen names, so where the lines are is found out once. */
struct http_fields {
    struct str text; /* all lines, each with its CRLF; the caller's */
    size_t count;
    struct http_field_line {
        uint16_t at;              /* where it begins */
        uint16_t name_len;        /* where its colon is, from there */
    } lines[HTTP_FIELDS_MAX + 1]; /* and one for where the last one ends */
};

/* Begins with no lines; the first one will be at `text`. */
void http_fields_begin(struct http_fields *fields, const char *text);

/* Adds the line that follows those there are: `len` bytes with its CRLF, a name of `name_len`
 * bytes. There must be room for it: see HTTP_FIELDS_MAX. */
void http_fields_add(struct http_fields *fields, size_t name_len, size_t len);

/* Takes well-formed lines: each one at least a name of one byte, a colon and its CRLF. What is
 * beyond HTTP_FIELDS_SIZE_MAX bytes is left out. */
void http_fields_read(struct http_fields *fields, struct str text);

/* Looks for the next line of that name from *line on, which starts as 0, and moves it on behind
 * what was found: sets the trimmed value. Returns false where there is none. Names are compared
 * without case. */
bool http_field_next(const struct http_fields *fields, size_t *line, struct str name,
                     struct str *value);

/* Returns how many of the lines have that name; the value of the first one in *value if there is
 * any, else an empty slice. */
unsigned http_field_get(const struct http_fields *fields, struct str name, struct str *value);

/* Is `token` an element of that list field, in any of its lines? Whole elements, without case. */
bool http_field_has_token(const struct http_fields *fields, struct str name, struct str token);

/* Takes the next element off a comma list (5.6.1): trimmed, empty ones skipped, a comma within a
 * quoted string separates nothing. Returns false at the end. */
bool http_list_next(struct str *rest, struct str *element);

/* Is it a token, such as a method or the name of a field (5.6.2)? */
bool http_is_token(struct str s);

#endif
