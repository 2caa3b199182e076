/* HMAC with SHA-256 (RFC 2104, RFC 6234), and comparing in constant time. */
#ifndef BASE_HMAC_H
#define BASE_HMAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sha256.h"
#include "base/str.h"

/* Writes the code of `text` with `key`; each may be empty, and then its ptr NULL. */
void hmac_sha256(uint8_t code[SHA256_SIZE], struct str key, struct str text);

/* Are the bytes the same? Takes a time that depends on `len` alone. */
bool bytes_equal_secretly(const void *a, const void *b, size_t len);

#endif
