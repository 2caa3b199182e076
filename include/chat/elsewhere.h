/* Members of a channel who sit at another server: known by what the log tells of them, and by
 * nothing else. */
#ifndef CHAT_ELSEWHERE_H
#define CHAT_ELSEWHERE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hand.h"
#include "base/hash.h"
#include "base/str.h"

struct elsewhere_member {
    uint64_t id;
    uint8_t name_len;
    char name[];
};

/* Open addressing; an empty one owns no memory. */
struct elsewhere {
    struct elsewhere_member **places; /* size of them, a power of two; NULL: free */
    size_t size;
    size_t count;
};

void elsewhere_deinit(struct elsewhere *e);

/* Somebody sits elsewhere, by this name from now on. Returns 0, or -1 with errno ENOMEM: then it is
 * as it was. */
int elsewhere_put(struct elsewhere *e, const struct hash_seed *seed, uint64_t id, struct str name);

/* It no longer does; does nothing where it did not. */
void elsewhere_remove(struct elsewhere *e, const struct hash_seed *seed, uint64_t id);

/* Its name; ptr is NULL where nobody sits elsewhere with this id. */
struct str elsewhere_name(const struct elsewhere *e, const struct hash_seed *seed, uint64_t id);

/* Hands all of them over, within a record, and takes them. */
void elsewhere_hand(struct hand_writer *w, const struct elsewhere *e);
void elsewhere_take(struct hand_reader *r, struct elsewhere *e, const struct hash_seed *seed);

bool elsewhere_has(const struct elsewhere *e, const struct hash_seed *seed, uint64_t id);

#endif
