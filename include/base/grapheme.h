/* Grapheme clusters (UAX 29), as far as it takes to tell one character as a person sees it from
 * several: emoji with their modifiers, flags, keycaps, letters with marks. */
#ifndef BASE_GRAPHEME_H
#define BASE_GRAPHEME_H

#include <stdbool.h>

#include "base/str.h"

/* Is the text, which is valid UTF-8, one character that can be seen? Controls, white space, and
 * marks without a base are none. */
bool grapheme_is_one(struct str text);

#endif
