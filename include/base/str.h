/* A slice of somebody else's bytes: not NUL-terminated, never freed through it. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *ptr;
    size_t len;
};

/* A slice over a string literal. */
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})

/* A slice over a NUL-terminated string, which must outlive it. */
struct str str_from(const char *text);

/* Mostly the lengths tell. */
static inline bool str_equals(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Equal but for the case of ASCII letters. */
bool str_equals_nocase(struct str a, struct str b);

/* Without the optional white space (SP and HTAB; RFC 9110, 5.6.3) at both ends. */
struct str str_trim(struct str s);

/* Cuts `s` at the first `separator`: returns what lies before it and leaves in `s` what lies
 * behind. Without a separator: returns all of `s` and leaves an empty slice whose ptr is NULL. */
struct str str_cut(struct str *s, char separator);

/* Reads an unsigned decimal number: digits only, at least one, no sign, no leading zero but "0"
 * itself, at most `max`. Returns false, and leaves *out alone, for anything else. */
bool str_to_u64(struct str s, uint64_t max, uint64_t *out);

#endif
