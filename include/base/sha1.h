/* SHA-1 (FIPS 180-4, 6.1). For the WebSocket handshake only, which needs no secrecy of it. */
#ifndef BASE_SHA1_H
#define BASE_SHA1_H

#include <stddef.h>
#include <stdint.h>

#define SHA1_SIZE 20

/* Writes the digest of `len` bytes; `data` may be NULL when `len` is 0. */
void sha1(uint8_t digest[SHA1_SIZE], const void *data, size_t len);

#endif
