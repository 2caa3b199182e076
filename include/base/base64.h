/* Base64 with padding and without line breaks (RFC 4648, section 4), and base64url without padding
 * (section 5; RFC 7515, 2). */
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

/* Characters that n bytes become, and bytes that n characters become at most. */
#define BASE64URL_SIZE(n) (((n)*4 + 2) / 3)
#define BASE64URL_BYTES(n) ((n) / 4 * 3 + 2)

/* Writes the BASE64URL_SIZE(len) characters of `len` bytes, without a NUL. */
void base64url_encode(char *out, const void *data, size_t len);

/* Decodes all of `text`, for which there is one form alone: returns the bytes written to `out`, or
 * -1 where a character is not of the alphabet (padding is not), the length cannot be, unused bits
 * of the last character are not zero (3.5), or the result is longer than `cap`; `out` may then hold
 * anything. */
ptrdiff_t base64url_decode(void *out, size_t cap, struct str text);

#endif
