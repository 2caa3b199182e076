/* What somebody may do in which rooms. */
#ifndef AUTH_RIGHTS_H
#define AUTH_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* Rights, as bits. */
enum right {
    RIGHT_SUB = 1,  /* hear what is said: enter, or listen */
    RIGHT_PUB = 2,  /* speak to the room, and change one's name */
    RIGHT_PRS = 4,  /* know who is there, and hear who comes and goes */
    RIGHT_HST = 8,  /* read what was said before */
    RIGHT_DIR = 16, /* speak to one member alone */
    RIGHT_MOD = 32, /* keep order: kick, ban, retract, slow down */
    RIGHT_API = 64, /* ask by the HTTP API */

    /* Change one's name. No word stands for it: a token that fixes the name takes it away. */
    RIGHT_NAME = 128,
};

#define RIGHTS_NONE ((uint8_t)0)
#define RIGHTS_ALL ((uint8_t)0x7f)
/* Of whoever enters a room that is open to all. */
#define RIGHTS_PEOPLE ((uint8_t)(RIGHTS_ALL & ~(RIGHT_MOD | RIGHT_API)))

/* Rooms by one pattern. */
struct grant {
    struct str rooms; /* a name; or with "*" at its end, how a name begins */
    uint8_t rights;
};

/* The right of this word ("sub"), or RIGHTS_NONE where it stands for none. */
uint8_t rights_of_word(struct str word);

/* Reads words with commas between them, at least one. Returns false where a word is unknown. */
bool rights_read(struct str words, uint8_t *rights);

/* Appends the words of these rights, with commas between them. Returns 0, or -1 with errno ENOMEM.
 */
int rights_write(struct buf *out, uint8_t rights);

/* The union of what the grants allow in this room. */
uint8_t rights_in_room(const struct grant *grants, size_t count, struct str room);

/* Is there a room that both patterns stand for? */
bool rights_patterns_meet(struct str one, struct str other);

/* What they allow in all rooms that a pattern stands for. */
uint8_t rights_in_rooms(const struct grant *grants, size_t count, struct str pattern);

#endif
