/* Hashing of keys that strangers choose. The seed is secret and new for each process, so that
 * nobody outside can look for keys that collide. Not for cryptography. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdint.h>

#include "base/str.h"

struct hash_seed {
    uint64_t add;
    uint64_t multiply; /* used as an odd number */
};

uint64_t hash_u64(const struct hash_seed *seed, uint64_t value);
uint64_t hash_str(const struct hash_seed *seed, struct str s);

#endif
