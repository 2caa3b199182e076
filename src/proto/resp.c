#include "proto/resp.h"

#include <stdio.h>
#include <string.h>

/* The end of each line. */
#define END 2

/* ---- one line ---- */

/* A number as its line has it: digits, with a minus in front or none. */
static bool resp_read_number(struct str line, int64_t *number)
{
    bool is_negative = line.len > 0 && line.ptr[0] == '-';
    struct str digits = {line.ptr + is_negative, line.len - is_negative};
    uint64_t magnitude;

    if (!str_to_u64(digits, (uint64_t)INT64_MAX + is_negative, &magnitude))
        return false;
    *number = (int64_t)(is_negative ? 0 - magnitude : magnitude);
    return true;
}

/* A length or a count: -1 stands for null where that is allowed. */
static bool resp_read_length(struct str line, bool allows_null, int64_t *length)
{
    return resp_read_number(line, length) && *length >= (allows_null ? -1 : 0);
}

static bool resp_is_made_of(struct str line, const char *allowed)
{
    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] == '\0' || strchr(allowed, line.ptr[i]) == NULL)
            return false;
    }
    return line.len > 0;
}

static bool resp_is_other(char kind, struct str line)
{
    if (kind == '#')
        return str_equals(line, STR("t")) || str_equals(line, STR("f"));
    return resp_is_made_of(line, kind == '(' ? "-0123456789" : "+-.0123456789eEinfa");
}

/* Is it a line that stands for itself? Sets the type. */
static bool resp_read_simple(char kind, struct str line, struct resp_value *value)
{
    value->text = line;
    switch (kind) {
    case '+':
        value->type = RESP_TEXT;
        return true;
    case '-':
        value->type = RESP_ERROR;
        return true;
    case ':':
        value->type = RESP_NUMBER;
        return resp_read_number(line, &value->number);
    case '_':
        value->type = RESP_NULL;
        return line.len == 0;
    default:
        value->type = RESP_OTHER;
        return resp_is_other(kind, line);
    }
}

static bool resp_set_aggregate(struct resp_value *value, enum resp_type type, int64_t count,
                               size_t each)
{
    *value = (struct resp_value){.type = count < 0 ? RESP_NULL : type};
    if (count > INT32_MAX)
        return false;
    value->count = count < 0 ? 0 : (size_t)count * each;
    return true;
}

/* Reads a line; *bulk is the length of the bytes that follow it, -1 where none do. */
static bool resp_read_line(char kind, struct str line, struct resp_value *value, int64_t *bulk)
{
    int64_t length;

    *bulk = -1;
    switch (kind) {
    case '+':
    case '-':
    case ':':
    case '_':
    case '#':
    case ',':
    case '(':
        return resp_read_simple(kind, line, value);
    case '$':
    case '!':
    case '=':
        value->type = kind == '!' ? RESP_ERROR : RESP_TEXT;
        if (!resp_read_length(line, kind == '$', bulk))
            return false;
        if (*bulk < 0)
            value->type = RESP_NULL;
        return true;
    case '*':
    case '~':
    case '%':
    case '>':
        return resp_read_length(line, kind == '*', &length) &&
               resp_set_aggregate(value, kind == '>' ? RESP_PUSH : RESP_ARRAY, length,
                                  kind == '%' ? 2 : 1);
    default:
        return false;
    }
}

static size_t resp_line_max(char kind)
{
    return kind == '+' || kind == '-' || kind == '(' || kind == ',' ? RESP_LINE_MAX
                                                                    : RESP_NUMBER_MAX;
}

/* A verbatim string begins with three letters and a colon, which say how to show it. */
static bool resp_is_bulk(char kind, struct str bytes)
{
    return kind != '=' || (bytes.len >= 4 && bytes.ptr[3] == ':');
}

/* ---- one value ---- */

/* Reads the value at `data`, and sets *used to its bytes, without those of the values in it: with
 * RESP_MORE, too, as soon as that is known. *searched is where the end of its line was looked for
 * up to now. */
static enum resp_result resp_read(const uint8_t *data, size_t len, size_t *searched,
                                  struct resp_value *value, size_t *used)
{
    const char *text = (const char *)data, *end;
    size_t line_len;
    int64_t bulk;

    if (len == 0)
        return RESP_MORE;
    if (text[0] == '\0' || strchr("+-:_#,($!=*~%>", text[0]) == NULL)
        return RESP_BROKEN;
    *searched = *searched == 0 ? 1 : *searched;
    end = memchr(text + *searched, '\r', len - *searched);
    line_len = (end == NULL ? len : (size_t)(end - text)) - 1;
    if (line_len > resp_line_max(text[0]))
        return RESP_BROKEN;
    *searched = 1 + line_len;
    if (end == NULL || len - *searched < END)
        return RESP_MORE;
    if (end[1] != '\n' || !resp_read_line(text[0], (struct str){text + 1, line_len}, value, &bulk))
        return RESP_BROKEN;
    *used = *searched + END;
    if (bulk < 0)
        return RESP_DONE;
    value->text = (struct str){text + *used, (size_t)bulk};
    *used += (size_t)bulk + END;
    if (len < *used)
        return RESP_MORE;
    if (memcmp(text + *used - END, "\r\n", END) != 0 || !resp_is_bulk(text[0], value->text))
        return RESP_BROKEN;
    return RESP_DONE;
}

enum resp_result resp_scan(struct resp_scan *scan, const uint8_t *data, size_t len, size_t max)
{
    enum resp_result result;

    do {
        struct resp_value value = {.count = 0};
        size_t used = 0;

        result = resp_read(data + scan->at, len - scan->at, &scan->searched, &value, &used);
        /* What cannot fit is not waited for. */
        if (result == RESP_BROKEN || used > max - scan->at)
            return RESP_BROKEN;
        if (result == RESP_MORE)
            return RESP_MORE;
        scan->at += used;
        scan->searched = 0;
        /* Each value that follows has at least three bytes. */
        if (value.count > (max - scan->at) / 3)
            return RESP_BROKEN;
        scan->open += value.count;
    } while (scan->open-- > 0);
    scan->open = 0;
    return RESP_DONE;
}

bool resp_next(struct resp_cursor *cursor, struct resp_value *value)
{
    size_t searched = 0, used = 0;

    *value = (struct resp_value){.type = RESP_NULL};
    if (resp_read(cursor->at, (size_t)(cursor->end - cursor->at), &searched, value, &used) !=
        RESP_DONE)
        return false;
    cursor->at += used;
    return true;
}

bool resp_skip(struct resp_cursor *cursor)
{
    size_t open = 1;

    while (open > 0) {
        struct resp_value value;

        if (!resp_next(cursor, &value))
            return false;
        open += value.count - 1;
    }
    return true;
}

bool resp_expect(struct resp_cursor *cursor, enum resp_type type, struct resp_value *value)
{
    return resp_next(cursor, value) && value->type == type;
}

/* ---- commands ---- */

int resp_command(struct buf *out, size_t words)
{
    return buf_printf(out, "*%zu\r\n", words);
}

int resp_word(struct buf *out, struct str word)
{
    size_t before = out->len;

    if (buf_printf(out, "$%zu\r\n", word.len) == 0 && buf_append_str(out, word) == 0 &&
        buf_append_str(out, STR("\r\n")) == 0)
        return 0;
    out->len = before;
    return -1;
}

int resp_word_u64(struct buf *out, uint64_t number)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%llu", (unsigned long long)number);

    return resp_word(out, (struct str){text, (size_t)len});
}
