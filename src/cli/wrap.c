#include "cli/wrap.h"

#include <string.h>
#include <wchar.h>

#include "cli/glyph.h"

#define BLANKS "      "
#define NARROW 20
#define WIDE 2
#define EMOJI_SELECTOR 0xfe0f /* makes what stands before it wide */

/* A row that is being filled. */
struct row {
    struct buf *out;
    size_t columns;
    size_t indent;
    size_t column;
    size_t marks;        /* without width, in a row */
    size_t blank;        /* offset in `out` of the last blank where it may be broken; 0: none */
    size_t blank_column; /* the column behind it */
};

/* What is too new for libc may be wide: rather too short a row than one that the terminal breaks.
 */
static size_t code_width(uint32_t code)
{
    int width = wcwidth((wchar_t)code);

    if (code == EMOJI_SELECTOR)
        return 1;
    return width < 0 ? WIDE : (size_t)width;
}

/* Bytes of a colour at the start of the text; 0 where there is none. */
static size_t colour_len(struct str text)
{
    const char *end = text.ptr[0] == '\x1b' ? memchr(text.ptr, 'm', text.len) : NULL;

    return end == NULL ? 0 : (size_t)(end - text.ptr) + 1;
}

static int append_break(struct row *row)
{
    row->column = row->indent;
    row->blank = 0;
    return buf_append_char(row->out, '\n') < 0 ? -1 : buf_append(row->out, BLANKS, row->indent);
}

/* The blank becomes the break, and what stands behind it moves to the next row. */
static int break_at_blank(struct row *row)
{
    size_t rest = row->column - row->blank_column;
    uint8_t *at;

    if (buf_reserve(row->out, row->indent) < 0)
        return -1;
    at = row->out->data + row->blank;
    memmove(at + 1 + row->indent, at + 1, row->out->len - row->blank - 1);
    at[0] = '\n';
    memset(at + 1, ' ', row->indent);
    row->out->len += row->indent;
    row->column = row->indent + rest;
    row->blank = 0;
    return 0;
}

static int row_make_room(struct row *row, size_t width)
{
    while (row->column + width > row->columns && row->column > row->indent) {
        if ((row->blank > 0 ? break_at_blank(row) : append_break(row)) < 0)
            return -1;
    }
    return 0;
}

static int append_glyph(struct row *row, struct str text, uint32_t code)
{
    size_t width = code_width(code);

    row->marks = width > 0 ? 0 : row->marks + 1;
    if (row->marks > WRAP_MARKS)
        return 0;
    if (code == ' ' && row->column == row->columns)
        return append_break(row);
    if (row_make_room(row, width) < 0)
        return -1;
    row->column += width;
    if (code == ' ' && row->column > row->indent + 1) {
        row->blank = row->out->len;
        row->blank_column = row->column;
    }
    return buf_append_str(row->out, text);
}

static int row_append_line(struct row *row, struct str line)
{
    while (line.len > 0) {
        size_t len = colour_len(line);
        struct glyph glyph = glyph_first(line);
        int result;

        if (len > 0) {
            result = buf_append(row->out, line.ptr, len);
        } else {
            len = glyph.len;
            result = append_glyph(row, (struct str){line.ptr, len}, glyph.code);
        }
        if (result < 0)
            return -1;
        line = (struct str){line.ptr + len, line.len - len};
    }
    return 0;
}

int wrap_append(struct buf *out, struct str lines, size_t columns)
{
    while (lines.len > 0) {
        struct str line = str_cut(&lines, '\n');
        struct row row = {
            .out = out, .columns = columns, .indent = columns < NARROW ? 1 : WRAP_INDENT};

        if (row_append_line(&row, line) < 0 || buf_append_char(out, '\n') < 0)
            return -1;
    }
    return 0;
}
