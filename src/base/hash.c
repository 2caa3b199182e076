#include "base/hash.h"

#include <string.h>

/* Multiplying moves information towards the high bits only, so each round folds them back onto the
 * low ones. Two rounds let every bit of the value reach every bit of the result. */
static uint64_t mix(const struct hash_seed *seed, uint64_t value)
{
    uint64_t factor = seed->multiply | 1;

    value *= factor;
    value ^= value >> 32;
    value *= factor;
    return value ^ value >> 29;
}

uint64_t hash_u64(const struct hash_seed *seed, uint64_t value)
{
    return mix(seed, value + seed->add);
}

uint64_t hash_str(const struct hash_seed *seed, struct str s)
{
    uint64_t hash = hash_u64(seed, s.len);
    uint64_t word;

    for (; s.len >= sizeof(word); s.ptr += sizeof(word), s.len -= sizeof(word)) {
        memcpy(&word, s.ptr, sizeof(word));
        hash = mix(seed, hash + seed->add + word);
    }
    if (s.len > 0) {
        word = 0;
        memcpy(&word, s.ptr, s.len);
        hash = mix(seed, hash + seed->add + word);
    }
    return hash;
}
