/* Lines for a terminal, broken where it is wide: what a text goes on with stands indented, so that
 * no piece of it can look like a line of its own. */
#ifndef CLI_WRAP_H
#define CLI_WRAP_H

#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

#define WRAP_INDENT 6 /* columns, as wide as a time; 1 where the terminal is narrower than 20 */
#define WRAP_MARKS 4  /* combining characters behind another; more would cover their neighbours */

/* Appends lines, each with its LF, of which none is wider than `columns` (at least 4): broken at
 * blanks where there are any. The text is safe (glyph_append_safe), with colours (ECMA-48, SGR)
 * between. Returns 0, or -1 with errno ENOMEM. */
int wrap_append(struct buf *out, struct str lines, size_t columns);

#endif
