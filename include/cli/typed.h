/* What a typed line means: a message, or a command. The chat page has the same. */
#ifndef CLI_TYPED_H
#define CLI_TYPED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "cli/roster.h"

enum typed_kind {
    TYPED_SAY, /* text, maybe to one member */
    TYPED_NAME,
    TYPED_ROOM, /* text is the room; empty: which one is it? */
    TYPED_WHO,
    TYPED_HELP,
    TYPED_QUIT,
    TYPED_UNKNOWN, /* text is the command */
    TYPED_KICK,    /* to, and text is the reason */
    TYPED_BAN,     /* the same, for so many seconds; 0: for ever */
    TYPED_SLOW,    /* each may speak once in so many seconds; 0: as often as they like */
    TYPED_RETRACT, /* what was said last */
    TYPED_USAGE,   /* a command for moderators without what it needs */
    TYPED_NOBODY,  /* to nobody in particular; text is what was typed */
    TYPED_EMPTY,   /* /msg without a text, or with nothing at all */
};

struct typed {
    enum typed_kind kind;
    uint64_t to;
    uint64_t seconds;
    struct str text; /* points into the line */
};

/* The commands, in one line. */
#define TYPED_HELP_TEXT                                                                               \
    "/name NAME · /room ROOM · /msg WHO TEXT (name or #id) · /retract · /who · /quit · //text " \
    "sends "                                                                                          \
    "/text"

/* What moderators have beside them. */
#define TYPED_USAGE_TEXT "/kick WHO [REASON] · /ban WHO [MINUTES] [REASON] · /slow SECONDS (0: off)"

/* Whatever blanks and invisible characters stand in front, a line that begins with a slash is a
 * command, and one that begins with two says what follows the first. */
struct typed typed_read(struct str line, const struct roster *roster);

/* The name of a command, without its slash; NULL behind the last one. */
const char *typed_command(size_t i);

/* Is "@name" in the text, as a word and in no address, without case where it is ASCII? An empty
 * name never is. */
bool typed_mentions(struct str text, struct str name);

#endif
