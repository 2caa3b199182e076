#include "proto/http/query.h"

#include "proto/uri.h"

/* Takes one decoded byte off *in, which is not empty. Returns it, or -1 for a bad escape. */
static int byte_take(struct str *in, bool plus_is_space)
{
    int byte = (unsigned char)in->ptr[0];
    size_t used = 1;

    if (byte == '%') {
        int high = in->len > 2 ? uri_hex_value(in->ptr[1]) : -1;
        int low = in->len > 2 ? uri_hex_value(in->ptr[2]) : -1;

        if (high < 0 || low < 0)
            return -1;
        byte = high << 4 | low;
        used = 3;
    } else if (byte == '+' && plus_is_space) {
        byte = ' ';
    }
    in->ptr += used;
    in->len -= used;
    return byte;
}

ptrdiff_t http_percent_decode(char *out, size_t cap, struct str in, bool plus_is_space)
{
    size_t len = 0;

    while (in.len > 0) {
        int byte = byte_take(&in, plus_is_space);

        if (byte < 0 || len == cap)
            return -1;
        out[len++] = (char)byte;
    }
    return (ptrdiff_t)len;
}

static bool name_matches(struct str encoded, struct str name)
{
    size_t len = 0;

    while (encoded.len > 0) {
        int byte = byte_take(&encoded, true);

        if (byte < 0 || len == name.len || (unsigned char)name.ptr[len] != byte)
            return false;
        len++;
    }
    return len == name.len;
}

int http_query_get(struct str query, struct str name, struct str *raw)
{
    int count = 0;

    *raw = (struct str){NULL, 0};
    while (query.len > 0) {
        struct str value = str_cut(&query, '&');

        if (value.len == 0 || !name_matches(str_cut(&value, '='), name))
            continue;
        if (count == 0)
            *raw = value;
        count++;
    }
    return count;
}
