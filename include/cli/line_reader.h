/* Cuts a stream of bytes into lines. */
#ifndef CLI_LINE_READER_H
#define CLI_LINE_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

enum line_result {
    LINE_MORE,     /* all input is taken and more is needed */
    LINE_READY,    /* a line is there */
    LINE_TOO_LONG, /* a line had more than `max` bytes; it is skipped up to its end */
};

struct line_reader {
    size_t max; /* bytes of the longest line, without its end; may be changed at any time */
    struct buf line;
    bool is_skipping;
    bool is_taken; /* the line was delivered */
};

void line_reader_init(struct line_reader *r, size_t max);
void line_reader_deinit(struct line_reader *r);

/* Takes input from *data and *len, which it moves on. LINE_READY: *line is the line as valid UTF-8
 * (what is none becomes U+FFFD), without its LF or CR LF, until the next call. */
enum line_result line_reader_next(struct line_reader *r, const char **data, size_t *len,
                                  struct str *line);

/* After the end of the input: the same for a last line that has no end. */
enum line_result line_reader_rest(struct line_reader *r, struct str *line);

/* Is there a line that has begun and not ended? */
bool line_reader_is_inside(const struct line_reader *r);

#endif
