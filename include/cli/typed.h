/* What a typed line means: a message, or a command. The chat page has the same. */
#ifndef CLI_TYPED_H
#define CLI_TYPED_H

#include <stdint.h>

#include "base/str.h"
#include "cli/roster.h"

enum typed_kind {
    TYPED_SAY, /* text, maybe to one member */
    TYPED_NAME,
    TYPED_WHO,
    TYPED_HELP,
    TYPED_QUIT,
    TYPED_UNKNOWN, /* text is the command */
    TYPED_NOBODY,  /* /msg to nobody in particular; text is what was typed */
};

struct typed {
    enum typed_kind kind;
    uint64_t to;
    struct str text; /* points into the line */
};

/* The commands, in one line. */
#define TYPED_HELP_TEXT                                                                            \
    "/name NAME · /msg WHO TEXT (name or #id) · /who · /quit · //text sends /text"

struct typed typed_read(struct str line, const struct roster *roster);

#endif
