/* Which content coding a client would have: Accept-Encoding (RFC 9110, 12.5.3). */
#ifndef PROTO_HTTP_CODING_H
#define PROTO_HTTP_CODING_H

#include "proto/http/fields.h"

enum http_coding {
    HTTP_CODING_IDENTITY, /* as it is */
    HTTP_CODING_GZIP,     /* as a gzip member (8.4.1.3) */
    HTTP_CODING_NEITHER,  /* the client refuses both */
};

/* Chooses for a body that is there both ways: what has the greater weight, and gzip where they are
 * equal or identity has none. Without the field, or with an empty one, identity. An element that
 * is malformed says nothing. */
enum http_coding http_coding_choose(const struct http_fields *fields);

#endif
