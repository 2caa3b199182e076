/* Who is in the room, as far as the server told. Bounded, whatever a server says. */
#ifndef CLI_ROSTER_H
#define CLI_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "proto/codec/codec.h"

#define ROSTER_MAX 1000 /* members that are known by name; more are only counted */

struct roster_member {
    uint64_t id;
    size_t name_len;
    char name[CODEC_NAME_MAX];
};

struct roster {
    struct roster_member *members; /* in the order in which they came; owned */
    size_t known;
    uint64_t count; /* how many there are in truth */
};

void roster_init(struct roster *r);
void roster_deinit(struct roster *r);

/* Forgets everybody. */
void roster_clear(struct roster *r);

/* Adds a member or changes its name. Does not count. */
void roster_put(struct roster *r, uint64_t id, struct str name);

/* Returns whether the member was known. Does not count. */
bool roster_remove(struct roster *r, uint64_t id);

/* The name of a member: empty where it has none, or is not known. */
struct str roster_name(const struct roster *r, uint64_t id);

bool roster_has(const struct roster *r, uint64_t id);

/* Whom the beginning of a text names, as /msg takes it: "#ID text", or "NAME text"; the text may be
 * missing. A name may contain blanks: the longest that fits wins, and it must be the name of one
 * member alone. Without case, where it is ASCII. Sets *text to what follows. Returns the id, or 0.
 */
uint64_t roster_find(const struct roster *r, struct str line, struct str *text);

#endif
