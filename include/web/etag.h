/* The ETag of a body (RFC 9110, 8.8.3): the same bytes have the same one. */
#ifndef WEB_ETAG_H
#define WEB_ETAG_H

#include <stddef.h>

#include "base/base64.h"
#include "base/sha1.h"

#define ETAG_SIZE (BASE64_SIZE(SHA1_SIZE) + 2) /* base64 of a SHA-1, in double quotes */

/* Makes it, without a NUL. */
void etag_write(char etag[ETAG_SIZE], const void *data, size_t len);

#endif
