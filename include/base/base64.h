/* Base64 with padding and without line breaks (RFC 4648, section 4). */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>

#include "base/str.h"

/* Characters that n bytes become. */
#define BASE64_SIZE(n) (((n) + 2) / 3 * 4)

/* Writes the BASE64_SIZE(len) characters of `len` bytes, without a NUL. */
void base64_encode(char *out, const void *data, size_t len);

/* Decodes all of `text`. Returns the bytes written to `out`, or -1 where a character is not of the
 * alphabet, the padding is wrong or missing, the length is no multiple of 4, or the result is
 * longer than `cap`; `out` may then hold anything. Does not refuse unused bits of the last
 * character that are not zero (RFC 4648, 3.5). */
ptrdiff_t base64_decode(void *out, size_t cap, struct str text);

#endif
