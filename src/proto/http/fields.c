#include "proto/http/fields.h"

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

#define NAMED(text)                                                                                \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

static const struct str names[HTTP_FIELD_COUNT] = {
    [HTTP_FIELD_HOST] = NAMED("Host"),
    [HTTP_FIELD_EXPECT] = NAMED("Expect"),
    [HTTP_FIELD_ORIGIN] = NAMED("Origin"),
    [HTTP_FIELD_COOKIE] = NAMED("Cookie"),
    [HTTP_FIELD_UPGRADE] = NAMED("Upgrade"),
    [HTTP_FIELD_FORWARDED] = NAMED("Forwarded"),
    [HTTP_FIELD_CONNECTION] = NAMED("Connection"),
    [HTTP_FIELD_USER_AGENT] = NAMED("User-Agent"),
    [HTTP_FIELD_RETRY_AFTER] = NAMED("Retry-After"),
    [HTTP_FIELD_CONTENT_TYPE] = NAMED("Content-Type"),
    [HTTP_FIELD_IF_NONE_MATCH] = NAMED("If-None-Match"),
    [HTTP_FIELD_LAST_EVENT_ID] = NAMED("Last-Event-ID"),
    [HTTP_FIELD_AUTHORIZATION] = NAMED("Authorization"),
    [HTTP_FIELD_CONTENT_LENGTH] = NAMED("Content-Length"),
    [HTTP_FIELD_ACCEPT_ENCODING] = NAMED("Accept-Encoding"),
    [HTTP_FIELD_IDEMPOTENCY_KEY] = NAMED("Idempotency-Key"),
    [HTTP_FIELD_X_FORWARDED_FOR] = NAMED("X-Forwarded-For"),
    [HTTP_FIELD_SEC_WEBSOCKET_KEY] = NAMED("Sec-WebSocket-Key"),
    [HTTP_FIELD_TRANSFER_ENCODING] = NAMED("Transfer-Encoding"),
    [HTTP_FIELD_SEC_WEBSOCKET_ACCEPT] = NAMED("Sec-WebSocket-Accept"),
    [HTTP_FIELD_SEC_WEBSOCKET_VERSION] = NAMED("Sec-WebSocket-Version"),
    [HTTP_FIELD_SEC_WEBSOCKET_PROTOCOL] = NAMED("Sec-WebSocket-Protocol"),
    [HTTP_FIELD_SEC_WEBSOCKET_EXTENSIONS] = NAMED("Sec-WebSocket-Extensions"),
};

_Static_assert(HTTP_FIELD_COUNT <= 32, "each field has a bit");

enum http_field http_field_named(struct str name)
{
    for (unsigned field = HTTP_FIELD_OTHER + 1;
         field < HTTP_FIELD_COUNT && names[field].len <= name.len; field++) {
        if (names[field].len == name.len && str_equals_nocase(name, names[field]))
            return (enum http_field)field;
    }
    return HTTP_FIELD_OTHER;
}

void http_fields_begin(struct http_fields *fields, const char *text)
{
    fields->text = text;
    fields->present = 0;
    fields->count = 0;
}

void http_fields_add(struct http_fields *fields, enum http_field field, struct str value)
{
    if (field == HTTP_FIELD_OTHER || fields->count == HTTP_FIELDS_MAX)
        return;
    fields->present |= UINT32_C(1) << field;
    fields->lines[fields->count++] =
        (struct http_field_line){.field = (uint16_t)field,
                                 .at = (uint16_t)(value.ptr - fields->text),
                                 .len = (uint16_t)value.len};
}

void http_fields_read(struct http_fields *fields, struct str text)
{
    const char *line = text.ptr, *colon, *end;
    size_t left = min_size(text.len, HTTP_FIELDS_SIZE_MAX);

    http_fields_begin(fields, line);
    while (left > 0 && (colon = memchr(line, ':', left)) != NULL &&
           (end = memchr(colon, '\r', left - (size_t)(colon - line))) != NULL &&
           end - line < (ptrdiff_t)left - 1) {
        http_fields_add(fields, http_field_named((struct str){line, (size_t)(colon - line)}),
                        (struct str){colon + 1, (size_t)(end - colon) - 1});
        left -= (size_t)(end - line) + 2;
        line = end + 2;
    }
}

bool http_field_next(const struct http_fields *fields, size_t *line, enum http_field field,
                     struct str *value)
{
    if ((fields->present & UINT32_C(1) << field) == 0)
        return false;
    while (*line < fields->count) {
        const struct http_field_line *each = &fields->lines[(*line)++];

        if (each->field == field) {
            *value = str_trim((struct str){fields->text + each->at, each->len});
            return true;
        }
    }
    return false;
}

unsigned http_field_get(const struct http_fields *fields, enum http_field field, struct str *value)
{
    struct str each;
    size_t line = 0;
    unsigned count = 0;

    *value = (struct str){NULL, 0};
    while (http_field_next(fields, &line, field, &each)) {
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
        return true;
    if (list.len == 0 || memchr(list.ptr, ',', list.len) == NULL)
        return false; /* mostly there is only one */
    while (http_list_next(&list, &element)) {
        if (str_equals_nocase(element, token))
            return true;
    }
    return false;
}

bool http_field_has_token(const struct http_fields *fields, enum http_field field, struct str token)
{
    struct str value;
    size_t line = 0;

    while (http_field_next(fields, &line, field, &value)) {
        if (list_has_token(value, token))
            return true;
    }
    return false;
}
