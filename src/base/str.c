#include "base/str.h"

#include <string.h>

struct str str_from(const char *text)
{
    return (struct str){text, strlen(text)};
}

static unsigned char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : (unsigned char)c;
}

bool str_equals_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    if (str_equals(a, b))
        return true; /* mostly, and sooner known */
    for (size_t i = 0; i < a.len; i++) {
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
            return false;
    }
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_blank(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

struct str str_cut(struct str *s, char separator)
{
    const char *at = s->len > 0 ? memchr(s->ptr, separator, s->len) : NULL;
    struct str first = *s;

    if (at == NULL) {
        *s = (struct str){NULL, 0};
        return first;
    }
    first.len = (size_t)(at - s->ptr);
    s->ptr = at + 1;
    s->len -= first.len + 1;
    return first;
}

bool str_to_u64(struct str s, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (s.len == 0 || (s.ptr[0] == '0' && s.len > 1))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)(unsigned char)s.ptr[i] - '0';

        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    if (value > max)
        return false;
    *out = value;
    return true;
}
