/* SHA-256 (RFC 6234; FIPS 180-4, 6.2), all at once or piece by piece. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32
#define SHA256_BLOCK 64

/* A digest in the making. */
struct sha256 {
    uint32_t state[8];
    uint64_t total;              /* bytes that were added */
    uint8_t block[SHA256_BLOCK]; /* those of them that fill no block yet */
};

void sha256_begin(struct sha256 *sha);

/* Adds `len` bytes; `data` may be NULL when `len` is 0. */
void sha256_add(struct sha256 *sha, const void *data, size_t len);

/* Writes the digest of what was added; *sha is used up. */
void sha256_end(struct sha256 *sha, uint8_t digest[SHA256_SIZE]);

/* Writes the digest of `len` bytes; `data` may be NULL when `len` is 0. */
void sha256(uint8_t digest[SHA256_SIZE], const void *data, size_t len);

#endif
