#include "cli/line_reader.h"

#include <string.h>

#include "base/utf8.h"
#include "base/util.h"
#include "cli/glyph.h"

void line_reader_init(struct line_reader *r, size_t max)
{
    *r = (struct line_reader){.max = max};
}

void line_reader_deinit(struct line_reader *r)
{
    buf_deinit(&r->line);
}

/* Replaces what is no UTF-8. */
static void make_valid(struct buf *line)
{
    struct buf valid;

    if (utf8_is_valid((struct str){(char *)line->data, line->len}))
        return;
    buf_init(&valid);
    if (glyph_append_valid(&valid, (struct str){(char *)line->data, line->len}) < 0)
        buf_deinit(&valid);
    buf_deinit(line);
    *line = valid;
}

/* The line is whole. One byte beyond the limit was kept for a CR. */
static enum line_result line_reader_finish(struct line_reader *r, struct str *line)
{
    bool is_too_long;

    if (!r->is_skipping && r->line.len > 0 && r->line.data[r->line.len - 1] == '\r')
        r->line.len--;
    is_too_long = r->is_skipping || r->line.len > r->max;
    r->is_skipping = false;
    r->is_taken = true;
    if (is_too_long)
        return LINE_TOO_LONG;
    make_valid(&r->line);
    *line = (struct str){r->line.len > 0 ? (char *)r->line.data : "", r->line.len};
    return LINE_READY;
}

static void forget_taken(struct line_reader *r)
{
    if (r->is_taken)
        r->line.len = 0;
    r->is_taken = false;
}

/* Keeps no more of a line than can count. */
static void line_reader_keep(struct line_reader *r, const char *data, size_t len)
{
    if (r->is_skipping)
        return;
    if (len > r->max + 1 - min_size(r->line.len, r->max + 1) ||
        buf_append(&r->line, data, len) < 0) {
        r->is_skipping = true;
        buf_deinit(&r->line);
    }
}

enum line_result line_reader_next(struct line_reader *r, const char **data, size_t *len,
                                  struct str *line)
{
    const char *end;
    size_t part;

    forget_taken(r);
    if (*len == 0)
        return LINE_MORE;
    end = memchr(*data, '\n', *len);
    part = end == NULL ? *len : (size_t)(end - *data);
    line_reader_keep(r, *data, part);
    if (end != NULL)
        part++;
    *data += part;
    *len -= part;
    return end == NULL ? LINE_MORE : line_reader_finish(r, line);
}

enum line_result line_reader_rest(struct line_reader *r, struct str *line)
{
    forget_taken(r);
    return line_reader_is_inside(r) ? line_reader_finish(r, line) : LINE_MORE;
}

bool line_reader_is_inside(const struct line_reader *r)
{
    return r->is_skipping || (!r->is_taken && r->line.len > 0);
}
