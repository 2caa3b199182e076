/* The title of the chat, which --title sets, in the files of the page that carry it. */
#ifndef WEB_TITLE_H
#define WEB_TITLE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

/* May it be one? UTF-8, 1 to 64 bytes, no control characters, something else than blanks. */
bool title_is_valid(struct str title);

/* Stands the title in a file of this name? */
bool title_is_in(struct str name);

/* Appends what the file `name` holds, with the title in each place where it has the standard one:
 * escaped as HTML, or as JSON in the manifest. Returns 0, or -1 with errno ENOMEM. */
int title_fill(struct buf *out, struct str name, struct str file, struct str title);

#endif
