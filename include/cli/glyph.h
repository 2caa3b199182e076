/* Characters on a terminal: where one ends, how wide it is, and what must not reach the terminal as
 * it is. Widths are those of wcwidth(3), so setlocale(LC_CTYPE, ...) must have chosen UTF-8. */
#ifndef CLI_GLYPH_H
#define CLI_GLYPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct glyph {
    uint32_t code; /* code point; U+FFFD for a byte that belongs to no valid sequence */
    size_t len;    /* bytes: 1 to 4; 1 for such a byte */
    bool is_valid;
};

/* The character that the text, which is not empty, begins with. */
struct glyph glyph_first(struct str text);

/* Bytes of the last character of the text; 0 where it is empty. */
size_t glyph_last_len(struct str text);

/* Columns: 0 for combining characters, 2 for wide ones. What glyph_append_safe would escape has the
 * width of its escape. */
int glyph_width(uint32_t code);

/* Columns of a whole text. */
size_t glyph_text_width(struct str text);

/* Could the character move the cursor, change the terminal or turn the reading order around, or can
 * nobody see it: controls (C0, DEL, C1), bidirectional controls, line and paragraph separators, and
 * what Unicode calls default ignorable, but for joiners and variation selectors? */
bool glyph_is_unsafe(uint32_t code);

/* Does it show nothing: a blank of any width, a joiner or selector, or an unsafe one? */
bool glyph_is_blank(uint32_t code);

/* Appends text that somebody else wrote: unsafe characters as \uXXXX, which is what JSON would
 * write (a pair of them beyond U+FFFF), invalid bytes as U+FFFD. Returns 0, or -1 with errno
 * ENOMEM. */
int glyph_append_safe(struct buf *out, struct str text);

/* Appends a name that somebody chose, of a person or a room, to a line of ours, so that it is told
 * from the words around it: as glyph_append_safe does, colons, what looks like one, and quotation
 * marks as \uXXXX too; a name with a blank stands in quotation marks. So "alice: yes" has not
 * written a line of alice's, nor has bob left where "bob left the chat" joins. Returns as above. */
int glyph_append_name(struct buf *out, struct str name);

/* Appends text as valid UTF-8: each byte that belongs to no sequence becomes U+FFFD. Returns as
 * above. */
int glyph_append_valid(struct buf *out, struct str text);

#endif
