/* A line that is being typed: keys in, a line and a cursor out. It knows bytes and columns, but no
 * terminal; cli/screen draws what it shows.
 *
 * The bytes of a key may come in pieces. Text is UTF-8; what is not is dropped. */
#ifndef CLI_LINE_EDITOR_H
#define CLI_LINE_EDITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define LINE_EDITOR_MAX 65536   /* bytes of a line; what is typed beyond them is dropped */
#define LINE_EDITOR_HISTORY 64  /* lines that can be called back */
#define LINE_EDITOR_SEQUENCE 16 /* bytes of the longest key that is understood */

enum line_event {
    LINE_NONE,      /* the line may have changed */
    LINE_ENTERED,   /* the line is whole: take it with line_editor_take */
    LINE_INTERRUPT, /* Ctrl-C on an empty line (else it empties the line) */
    LINE_END,       /* Ctrl-D on an empty line */
    LINE_SUSPEND,   /* Ctrl-Z */
    LINE_REDRAW,    /* Ctrl-L */
    LINE_COMPLETE,  /* Tab: see line_editor_complete */
};

struct line_editor {
    struct buf line;
    size_t cursor;  /* bytes in front of it */
    size_t scroll;  /* bytes that have scrolled out on the left */
    size_t columns; /* of the last view */

    char sequence[LINE_EDITOR_SEQUENCE]; /* a key that is not whole yet */
    size_t sequence_len;
    bool is_pasting;

    struct buf killed; /* what Ctrl-U, Ctrl-K and Ctrl-W took last */
    struct buf history[LINE_EDITOR_HISTORY];
    size_t history_count;
    size_t history_at; /* the line that is shown; history_count: the new one */
    struct buf draft;  /* the new line while an old one is shown */
};

void line_editor_init(struct line_editor *e);
void line_editor_deinit(struct line_editor *e);

/* Takes one byte from the terminal. */
enum line_event line_editor_feed(struct line_editor *e, char byte);

/* Moves the line that was entered to *line, which is empty, and remembers it (not an empty one, and
 * not one twice in a row). */
void line_editor_take(struct line_editor *e, struct buf *line);

/* What stands in front of the cursor. */
struct str line_editor_before(const struct line_editor *e);

/* Puts a text in place of so many bytes in front of the cursor. */
void line_editor_complete(struct line_editor *e, size_t begun, struct str text);

/* What fits into so many columns (at least 2), with the cursor in sight. Where there are more than
 * at the last call, it is shown from its start again, as far as the cursor allows. */
struct line_view {
    struct str text; /* to be shown by line_editor_append */
    size_t width;    /* columns of the text */
    size_t cursor;   /* column of the cursor, from 0 */
};
struct line_view line_editor_view(struct line_editor *e, size_t columns);

/* Appends what stands for the text of a view: a line feed, which a paste may bring, is shown as one
 * column. Returns 0, or -1 with errno ENOMEM. */
int line_editor_append(struct buf *out, struct str text);

#endif
