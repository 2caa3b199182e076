/* Percent-encoding (RFC 3986, 2.1) and the parameters of a query. */
#ifndef PROTO_HTTP_QUERY_H
#define PROTO_HTTP_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* Decodes into `out`; `plus_is_space` for queries, where forms write a blank as "+". Returns the
 * bytes written, or -1 where a "%" is not followed by two hexadecimal digits or more than `cap`
 * bytes would be needed. The result is bytes: it may hold NUL, and need not be UTF-8. */
ptrdiff_t http_percent_decode(char *out, size_t cap, struct str in, bool plus_is_space);

/* Looks for a parameter in "a=1&b=2" by its name, which may be encoded in the query. Returns how
 * many there are of that name; *raw is the still encoded value of the first, empty where there is
 * none or it has no "=". */
int http_query_get(struct str query, struct str name, struct str *raw);

#endif
