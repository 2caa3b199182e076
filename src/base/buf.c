#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

/* Small enough to be cheap for a short-lived remainder, large enough to hold most of them. */
#define BUF_MIN_CAP 64

void buf_init(struct buf *b)
{
    *b = (struct buf){NULL, 0, 0};
}

void buf_deinit(struct buf *b)
{
    free(b->data);
    buf_init(b);
}

int buf_reserve(struct buf *b, size_t extra)
{
    size_t cap;
    uint8_t *data;

    if (extra <= b->cap - b->len)
        return 0;
    if (extra > PTRDIFF_MAX - b->len) {
        errno = ENOMEM;
        return -1;
    }
    cap = max_size(max_size(b->cap * 2, b->len + extra), BUF_MIN_CAP);
    data = realloc(b->data, cap);
    if (data == NULL)
        return -1;
    b->data = data;
    b->cap = cap;
    return 0;
}

int buf_append(struct buf *b, const void *data, size_t len)
{
    if (len == 0)
        return 0;
    if (buf_reserve(b, len) < 0)
        return -1;
    memcpy(b->data + b->len, data, len);
    b->len += len;
    return 0;
}

int buf_append_str(struct buf *b, struct str s)
{
    return buf_append(b, s.ptr, s.len);
}

int buf_append_char(struct buf *b, char c)
{
    return buf_append(b, &c, 1);
}

int buf_append_u64(struct buf *b, uint64_t decimal)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + decimal % 10);
        decimal /= 10;
    } while (decimal > 0);
    return buf_append(b, digits + at, sizeof(digits) - at);
}

int buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    int need;

    va_start(args, format);
    need = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (need < 0 || buf_reserve(b, (size_t)need + 1) < 0)
        return -1;
    va_start(args, format);
    vsnprintf((char *)b->data + b->len, (size_t)need + 1, format, args);
    va_end(args);
    b->len += (size_t)need;
    return 0;
}

void buf_consume(struct buf *b, size_t count)
{
    b->len -= count;
    if (b->len == 0)
        buf_deinit(b);
    else
        memmove(b->data, b->data + count, b->len);
}
