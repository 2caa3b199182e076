/* Who looks like whom. Names are chosen by strangers: two that look alike are told apart by their
 * ids, wherever a name stands. */
#ifndef CLI_NAMES_H
#define CLI_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define NAMES_MAX 4096 /* looks that are remembered; the oldest gives way */

/* How a name looks, as a number. */
struct names_look {
    uint64_t bones; /* hash of the skeleton; 0: free */
    uint64_t id;    /* who had it first */
    bool is_shared; /* somebody else had it, too */
};

struct names {
    struct names_look looks[NAMES_MAX];
    size_t next;
};

/* Takes note of a name. An empty one says nothing. */
void names_see(struct names *n, uint64_t id, struct str name);

/* Must the id stand beside the name: two had it, or it looks like words of ours? */
bool names_need_id(const struct names *n, uint64_t id, struct str name);

/* A hash of what is seen of a name: without case, accents, marks, blanks and what is invisible,
 * with look-alikes of other alphabets as the Latin letters that they look like. */
uint64_t names_bones(struct str name);

#endif
