/* What Tab adds to a line: the rest of a command, of a room, or of the name of somebody who is
 * here. */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

#include <stdbool.h>

#include "base/str.h"
#include "cli/rooms.h"
#include "cli/roster.h"

struct completion {
    size_t begun;    /* bytes in front of the cursor that it takes the place of */
    struct str text; /* of the roster or the rooms, or a literal */
    bool is_whole;   /* nothing else is meant: a blank follows */
};

/* Looks at what stands in front of the cursor. A line that begins with a slash has a command first;
 * behind /room there is a room that one has been in; behind /msg, /kick and /ban, and elsewhere
 * behind a blank or "@", there may be a name, without case where it is ASCII. Where several fit it
 * is what they have in common. Returns false where nothing can be added. */
bool completion_find(struct completion *found, struct str before, const struct roster *roster,
                     const struct rooms *rooms);

#endif
