#include "proto/http_fields.h"

#include <string.h>

#include "base/ascii.h"
#include "base/util.h"

bool http_is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!ascii_is(s.ptr[i], ASCII_TOKEN))
            return false;
    }
    return s.len > 0;
}

void http_fields_read(struct http_fields *fields, struct str text)
{
    struct http_field_line *line = fields->lines;
    size_t len = min_size(text.len, HTTP_FIELDS_SIZE_MAX), at = 0;
    const char *end, *colon;

    fields->text = text;
    line->at = 0;
    while (at < len && line < fields->lines + HTTP_FIELDS_MAX &&
           (colon = memchr(text.ptr + at, ':', len - at)) != NULL &&
           (end = memchr(colon, '\n', (size_t)(text.ptr + len - colon))) != NULL) {
        line->name_len = (uint16_t)(colon - text.ptr - (ptrdiff_t)at);
        at = (size_t)(end - text.ptr) + 1;
        (++line)->at = (uint16_t)at;
    }
    fields->count = (size_t)(line - fields->lines);
}

bool http_field_next(const struct http_fields *fields, size_t *line, struct str name,
                     struct str *value)
{
    while (*line < fields->count) {
        const struct http_field_line *each = &fields->lines[(*line)++];
        const char *text = fields->text.ptr + each->at;

        if (each->name_len == name.len && str_equals_nocase((struct str){text, name.len}, name)) {
            size_t len = (size_t)(each[1].at - each->at) - 2; /* without its CRLF */

            *value = str_trim((struct str){text + name.len + 1, len - name.len - 1});
            return true;
        }
    }
    return false;
}

unsigned http_field_get(const struct http_fields *fields, struct str name, struct str *value)
{
    struct str each;
    size_t line = 0;
    unsigned count = 0;

    *value = (struct str){NULL, 0};
    while (http_field_next(fields, &line, name, &each)) {
        if (count == 0)
            *value = each;
        count++;
    }
    return count;
}

/* Length of the first element of a list, up to its comma. */
static size_t element_len(struct str list)
{
    bool is_quoted = false;
    size_t i;

    for (i = 0; i < list.len; i++) {
        char c = list.ptr[i];

        if (c > '\\')
            continue; /* letters, mostly */
        if (c == '"')
            is_quoted = !is_quoted;
        else if (c == '\\' && is_quoted && i + 1 < list.len)
            i++;
        else if (c == ',' && !is_quoted)
            break;
    }
    return i;
}

bool http_list_next(struct str *rest, struct str *element)
{
    while (rest->len > 0) {
        size_t len = element_len(*rest);

        *element = str_trim((struct str){rest->ptr, len});
        len = min_size(len + 1, rest->len);
        *rest = (struct str){rest->ptr + len, rest->len - len};
        if (element->len > 0)
            return true;
    }
    return false;
}

static bool list_has_token(struct str list, struct str token)
{
    struct str element;

    if (str_equals_nocase(list, token))
        return true; /* mostly it is the only one */
    while (http_list_next(&list, &element)) {
        if (str_equals_nocase(element, token))
            return true;
    }
    return false;
}

bool http_field_has_token(const struct http_fields *fields, struct str name, struct str token)
{
    struct str value;
    size_t line = 0;

    while (http_field_next(fields, &line, name, &value)) {
        if (list_has_token(value, token))
            return true;
    }
    return false;
}
