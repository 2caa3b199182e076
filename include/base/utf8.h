/* UTF-8 validation (RFC 3629), whole or piece by piece. Refused are overlong forms, surrogates,
 * anything over U+10FFFF, stray continuation bytes and sequences cut short. NUL is a character like
 * any other. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Where a text stands between two pieces. All zero is the start of a text. */
struct utf8 {
    uint8_t missing;  /* continuation bytes that the open sequence still needs */
    uint8_t low;      /* the next of them lies between low */
    uint8_t high;     /* and high */
    bool has_invalid; /* something invalid was seen; it stays so */
};

/* Takes the next piece, of any length; `data` may be NULL when `len` is 0. Returns false from the
 * first byte on that no valid text can have in its place. */
bool utf8_feed(struct utf8 *u, const void *data, size_t len);

/* Could the text end here: is it valid and not in the middle of a sequence? */
static inline bool utf8_is_complete(const struct utf8 *u)
{
    return u->missing == 0 && !u->has_invalid;
}

/* Is `s` a whole valid text? */
bool utf8_is_valid(struct str s);

#endif
