/* Growable run of bytes. Doubles as it grows, so appending n bytes costs O(n) in all; an empty one
 * owns no memory. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct buf {
    uint8_t *data; /* owned; NULL while cap is 0 */
    size_t len;    /* bytes in use */
    size_t cap;    /* bytes allocated */
};

/* Makes an empty buffer without allocating. */
void buf_init(struct buf *b);

/* Frees the memory; the buffer is empty and usable afterwards. */
void buf_deinit(struct buf *b);

/* Makes room for `extra` more bytes. Returns 0, or -1 with errno ENOMEM (the content is untouched).
 */
int buf_reserve(struct buf *b, size_t extra);

/* Appends; returns 0, or -1 with errno ENOMEM and the buffer as it was. */
int buf_append(struct buf *b, const void *data, size_t len);
int buf_append_str(struct buf *b, struct str s);
int buf_append_char(struct buf *b, char c);
int buf_append_u64(struct buf *b, uint64_t decimal);

/* Appends what printf would print. Returns as buf_append. */
int buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Drops `count` bytes (at most len) from the front; frees the memory when nothing is left. */
void buf_consume(struct buf *b, size_t count);

#endif
