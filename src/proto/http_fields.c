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

void http_fields_begin(struct http_fields *fields, const char *text)
{
    fields->text = (struct str){text, 0};
    fields->count = 0;
    fields->lines[0].at = 0;
}

void http_fields_add(struct http_fields *fields, size_t name_len, size_t len)
{
    fields->text.len += len;
    fields->lines[fields->count].name_len = (uint16_t)name_len;
    fields->lines[++fields->count].at = (uint16_t)fields->text.len;
}

void http_fields_read(struct http_fields *fields, struct str text)
{
    const char *line = text.ptr, *colon, *end;
    size_t left = min_size(text.len, HTTP_FIELDS_SIZE_MAX);

    http_fields_begin(fields, line);
    while (left > 0 && fields->count < HTTP_FIELDS_MAX &&
           (colon = memchr(line, ':', left)) != NULL &&
           (end = memchr(colon, '\n', left - (size_t)(colon - line))) != NULL) {
        http_fields_add(fields, (size_t)(colon - line), (size_t)(end - line) + 1);
        left -= (size_t)(end - line) + 1;
        line = end + 1;
    }
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
