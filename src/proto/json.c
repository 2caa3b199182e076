#include "proto/json.h"

#include <string.h>

#include "base/utf8.h"
#include "base/util.h"
#include "proto/uri.h"

static const char *const errors[] = {
    [JSON_ERROR_UTF8] = "not UTF-8",
    [JSON_ERROR_SYNTAX] = "not JSON",
    [JSON_ERROR_NOT_OBJECT] = "not an object",
    [JSON_ERROR_NOT_ARRAY] = "not an array",
    [JSON_ERROR_TRAILING] = "something follows the object",
    [JSON_ERROR_CONTROL] = "a control character in a string",
    [JSON_ERROR_ESCAPE] = "a bad escape in a string",
    [JSON_ERROR_SURROGATE] = "half a surrogate pair",
    [JSON_ERROR_NUMBER] = "a malformed number",
    [JSON_ERROR_DEPTH] = "nested too deep",
    [JSON_ERROR_MEMBERS] = "too many members",
    [JSON_ERROR_DUPLICATE] = "a name appears twice",
};

const char *json_error_text(enum json_error error)
{
    return errors[error];
}

/* Strings */

#define REPEAT(byte) (UINT64_MAX / 0xff * (byte))

/* Does one of eight bytes have to be escaped: is it below 0x20, a quote or a backslash? Subtraction
 * borrows into a byte's top bit where the byte is too small; a borrow that goes on into the next
 * one can only come from a byte that was found already. */
static bool has_special(uint64_t eight)
{
    uint64_t quote = eight ^ REPEAT('"');
    uint64_t backslash = eight ^ REPEAT('\\');
    uint64_t found = ((eight - REPEAT(0x20)) & ~eight) | ((quote - REPEAT(1)) & ~quote) |
                     ((backslash - REPEAT(1)) & ~backslash);

    return (found & REPEAT(0x80)) != 0;
}

/* How many bytes at the front stand for themselves within a string. */
static size_t plain_len(const char *text, size_t len)
{
    size_t i = 0;
    uint64_t eight;

    while (len - i >= sizeof(eight)) {
        memcpy(&eight, text + i, sizeof(eight));
        if (has_special(eight))
            break;
        i += sizeof(eight);
    }
    while (i < len && (unsigned char)text[i] >= 0x20 && text[i] != '"' && text[i] != '\\')
        i++;
    return i;
}

/* Reads the four hexadecimal digits of a \u escape; -1 where there are none. */
static int32_t hex4_read(const char *text, size_t len)
{
    int32_t value = 0;

    if (len < 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        int digit = uri_hex_value(text[i]);

        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* Reads the escape at `text`, which begins with a backslash: the code point in *code. Returns the
 * bytes that it takes, 2, 6 or 12, or -enum json_error. */
static int escape_read(const char *text, size_t len, uint32_t *code)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    const char *found = len > 1 && text[1] != '\0' ? strchr(from, text[1]) : NULL;
    int32_t unit, low;

    if (found != NULL) {
        *code = (uint32_t)to[found - from];
        return 2;
    }
    if (len < 2 || text[1] != 'u' || (unit = hex4_read(text + 2, len - 2)) < 0)
        return -JSON_ERROR_ESCAPE;
    *code = (uint32_t)unit;
    if (unit < 0xd800 || unit > 0xdfff)
        return 6;
    if (unit > 0xdbff || len < 12 || text[6] != '\\' || text[7] != 'u')
        return -JSON_ERROR_SURROGATE;
    low = hex4_read(text + 8, 4);
    if (low < 0xdc00 || low > 0xdfff)
        return -JSON_ERROR_SURROGATE;
    *code = 0x10000 + ((uint32_t)(unit - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
    return 12;
}

/* Writes a code point as UTF-8; returns the bytes, 1 to 4. */
static size_t code_write(char *out, uint32_t code)
{
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (char)(lead[len] | code);
    return len;
}

/* Takes one code point off a string that is known to be well-formed, escaped or not. */
static uint32_t json_take_code(struct str *s)
{
    uint8_t first = (uint8_t)s->ptr[0];
    size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t code = len == 1 ? first : first & (0xffu >> (len + 1));

    if (first == '\\') {
        len = (size_t)escape_read(s->ptr, s->len, &code);
    } else {
        for (size_t i = 1; i < len; i++)
            code = code << 6 | ((uint8_t)s->ptr[i] & 0x3f);
    }
    s->ptr += len;
    s->len -= len;
    return code;
}

static bool has_escape(struct str s)
{
    return s.len > 0 && memchr(s.ptr, '\\', s.len) != NULL;
}

/* Are two names the same once they are unescaped? They stay as they came, because an object within
 * the outermost one is handed out as its text. */
static bool name_equals(struct str a, struct str b)
{
    if (!has_escape(a) && !has_escape(b))
        return str_equals(a, b);
    while (a.len > 0 && b.len > 0) {
        if (json_take_code(&a) != json_take_code(&b))
            return false;
    }
    return a.len == b.len;
}

/* Unescapes a well-formed string in place; what an escape stands for is never longer than the
 * escape. Returns the new length. */
static size_t unescape(char *text, size_t len)
{
    size_t in = 0, out = 0;

    while (in < len) {
        const char *backslash = memchr(text + in, '\\', len - in);
        size_t run = backslash == NULL ? len - in : (size_t)(backslash - (text + in));
        uint32_t code;

        memmove(text + out, text + in, run);
        in += run;
        out += run;
        if (backslash != NULL) {
            in += (size_t)escape_read(text + in, len - in, &code);
            out += code_write(text + out, code);
        }
    }
    return out;
}

/* The reader */

struct reader {
    char *pos;
    char *end;
    unsigned depth; /* objects and arrays that are open */
    bool is_raw;    /* what is read is handed on as it is: its limits are wider */
};

static int value_read(struct reader *r, struct json_field *value);

static void space_skip(struct reader *r)
{
    while (r->pos < r->end &&
           (*r->pos == ' ' || *r->pos == '\t' || *r->pos == '\n' || *r->pos == '\r'))
        r->pos++;
}

/* Skips a comma or a colon with the white space around it, if it comes next. */
static bool separator_take(struct reader *r, char c)
{
    space_skip(r);
    if (r->pos == r->end || *r->pos != c)
        return false;
    r->pos++;
    space_skip(r);
    return true;
}

/* Reads a string; *text lies between its quotes, still escaped. */
static int string_read(struct reader *r, struct str *text)
{
    char *start = r->pos + 1;

    if (r->pos == r->end || *r->pos != '"')
        return -JSON_ERROR_SYNTAX;
    r->pos = start;
    for (;;) {
        uint32_t code;
        int escape;

        r->pos += plain_len(r->pos, (size_t)(r->end - r->pos));
        if (r->pos == r->end)
            return -JSON_ERROR_SYNTAX;
        if (*r->pos == '"')
            break;
        if (*r->pos != '\\')
            return -JSON_ERROR_CONTROL;
        escape = escape_read(r->pos, (size_t)(r->end - r->pos), &code);
        if (escape < 0)
            return escape;
        r->pos += escape;
    }
    *text = (struct str){start, (size_t)(r->pos - start)};
    r->pos++;
    return 0;
}

/* 1*DIGIT */
static bool digits_skip(struct reader *r)
{
    const char *start = r->pos;

    while (r->pos < r->end && *r->pos >= '0' && *r->pos <= '9')
        r->pos++;
    return r->pos > start;
}

static bool one_of_skip(struct reader *r, char a, char b)
{
    if (r->pos == r->end || (*r->pos != a && *r->pos != b))
        return false;
    r->pos++;
    return true;
}

/* RFC 8259, 6 */
static int number_read(struct reader *r)
{
    bool has_sign = one_of_skip(r, '-', '-');
    const char *integer = r->pos;

    if (!digits_skip(r)) /* without a sign it was no number at all */
        return has_sign ? -JSON_ERROR_NUMBER : -JSON_ERROR_SYNTAX;
    if (*integer == '0' && r->pos - integer > 1)
        return -JSON_ERROR_NUMBER;
    if (one_of_skip(r, '.', '.') && !digits_skip(r))
        return -JSON_ERROR_NUMBER;
    if (one_of_skip(r, 'e', 'E')) {
        one_of_skip(r, '+', '-');
        if (!digits_skip(r))
            return -JSON_ERROR_NUMBER;
    }
    return 0;
}

static int literal_read(struct reader *r, struct str literal)
{
    if ((size_t)(r->end - r->pos) < literal.len || memcmp(r->pos, literal.ptr, literal.len) != 0)
        return -JSON_ERROR_SYNTAX;
    r->pos += literal.len;
    return 0;
}

/* Goes into an object or an array, whose bracket is the next character. */
static int depth_enter(struct reader *r)
{
    if (r->depth == (r->is_raw ? JSON_RAW_DEPTH_MAX : JSON_DEPTH_MAX))
        return -JSON_ERROR_DEPTH;
    r->depth++;
    r->pos++;
    return 0;
}

/* Goes out of it if its closing bracket comes next. */
static bool depth_leave(struct reader *r, char bracket)
{
    space_skip(r);
    if (r->pos == r->end || *r->pos != bracket)
        return false;
    r->depth--;
    r->pos++;
    return true;
}

static int array_read(struct reader *r)
{
    struct json_field element;
    int error = depth_enter(r);

    if (error < 0)
        return error;
    if (depth_leave(r, ']'))
        return 0;
    do {
        error = value_read(r, &element);
        if (error < 0)
            return error;
    } while (separator_take(r, ','));
    return depth_leave(r, ']') ? 0 : -JSON_ERROR_SYNTAX;
}

/* One member more that has a name of its own. */
static int name_note(struct str *names, size_t *count, struct str name)
{
    if (*count == JSON_MEMBERS_MAX)
        return -JSON_ERROR_MEMBERS;
    for (size_t i = 0; i < *count; i++) {
        if (name_equals(names[i], name))
            return -JSON_ERROR_DUPLICATE;
    }
    names[(*count)++] = name;
    return 0;
}

static bool is_asked_raw(struct str name, const struct json_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].is_raw && name_equals(fields[i].name, name))
            return true;
    }
    return false;
}

/* Reads `: value` into *member, whose name is known. */
static int member_read_value(struct reader *r, const struct json_field *fields, size_t count,
                             struct json_field *member)
{
    bool was_raw = r->is_raw;
    int error;

    if (!separator_take(r, ':'))
        return -JSON_ERROR_SYNTAX;
    r->is_raw = was_raw || is_asked_raw(member->name, fields, count);
    error = value_read(r, member);
    r->is_raw = was_raw;
    return error;
}

/* Takes the white space out of a well-formed value, in place, but not out of its strings. Returns
 * the new length. */
static size_t space_squeeze(char *text, size_t len)
{
    size_t out = 0;
    bool in_string = false;

    for (size_t in = 0; in < len; in++) {
        char c = text[in];

        if (!in_string && (c == ' ' || c == '\t' || c == '\n' || c == '\r'))
            continue;
        text[out++] = c;
        if (in_string && c == '\\')
            text[out++] = text[++in];
        else if (c == '"')
            in_string = !in_string;
    }
    return out;
}

/* Sets the value of a field from a member, in the form that the field asks for. */
static void value_store(struct reader *r, const struct json_field *member, struct json_field *field)
{
    struct str value = member->value;
    char *text;

    if (field->is_raw && member->type == JSON_STRING)
        value = (struct str){value.ptr - 1, value.len + 2};
    text = r->end - (r->end - value.ptr);
    if (field->is_raw)
        value.len = space_squeeze(text, value.len);
    else if (member->type == JSON_STRING)
        value.len = unescape(text, value.len);
    field->type = member->type;
    field->value = value;
}

/* Hands a member to the field that asks for it, if any does. */
static void member_store(struct reader *r, const struct json_field *member,
                         struct json_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (name_equals(fields[i].name, member->name))
            value_store(r, member, &fields[i]);
    }
}

static int object_read(struct reader *r, struct json_field *fields, size_t count)
{
    struct str names[JSON_MEMBERS_MAX];
    size_t members = 0;
    int error = depth_enter(r);

    if (error < 0)
        return error;
    if (depth_leave(r, '}'))
        return 0;
    do {
        struct json_field member;

        error = string_read(r, &member.name);
        if (error == 0 && !r->is_raw)
            error = name_note(names, &members, member.name);
        if (error == 0)
            error = member_read_value(r, fields, count, &member);
        if (error < 0)
            return error;
        member_store(r, &member, fields, count);
    } while (separator_take(r, ','));
    return depth_leave(r, '}') ? 0 : -JSON_ERROR_SYNTAX;
}

/* Reads what begins at r->pos into *value, strings still escaped. Recursion ends at
 * JSON_RAW_DEPTH_MAX. */
static int value_read(struct reader *r, struct json_field *value)
{
    const char *start = r->pos;
    int error;

    switch (r->pos == r->end ? '\0' : *r->pos) {
    case '"':
        value->type = JSON_STRING;
        return string_read(r, &value->value);
    case '{':
        value->type = JSON_OBJECT;
        error = object_read(r, NULL, 0);
        break;
    case '[':
        value->type = JSON_ARRAY;
        error = array_read(r);
        break;
    case 't':
        value->type = JSON_TRUE;
        error = literal_read(r, STR("true"));
        break;
    case 'f':
        value->type = JSON_FALSE;
        error = literal_read(r, STR("false"));
        break;
    case 'n':
        value->type = JSON_NULL;
        error = literal_read(r, STR("null"));
        break;
    default:
        value->type = JSON_NUMBER;
        error = number_read(r);
        break;
    }
    value->value = (struct str){start, (size_t)(r->pos - start)};
    return error;
}

/* Begins a text that must be one value: goes to where that begins, with `open`. */
static int text_begin(struct reader *r, char open, int other)
{
    if (!utf8_is_valid((struct str){r->pos, (size_t)(r->end - r->pos)}))
        return -JSON_ERROR_UTF8;
    space_skip(r);
    if (r->pos == r->end)
        return -JSON_ERROR_SYNTAX;
    return *r->pos == open ? 0 : other;
}

static int text_end(struct reader *r)
{
    space_skip(r);
    return r->pos == r->end ? 0 : -JSON_ERROR_TRAILING;
}

int json_read_object(char *data, size_t len, struct json_field *fields, size_t count)
{
    struct reader r = {data, data + len, 0, false};
    int error;

    for (size_t i = 0; i < count; i++) {
        fields[i].type = JSON_ABSENT;
        fields[i].value = (struct str){NULL, 0};
    }
    error = text_begin(&r, '{', -JSON_ERROR_NOT_OBJECT);
    if (error == 0)
        error = object_read(&r, fields, count);
    return error < 0 ? error : text_end(&r);
}

int json_read_array(char *data, size_t len, struct json_items *items)
{
    struct reader r = {data, data + len, 0, false};
    struct json_field array = {.type = JSON_ARRAY};
    int error = text_begin(&r, '[', -JSON_ERROR_NOT_ARRAY);

    if (error == 0)
        error = value_read(&r, &array);
    if (error == 0)
        error = text_end(&r);
    if (error == 0)
        *items = json_items_of(data, &array);
    return error;
}

char *json_inner(char *data, const struct json_field *field)
{
    return data + (field->value.ptr - data);
}

struct json_items json_items_of(char *data, const struct json_field *array)
{
    return (struct json_items){json_inner(data, array) + 1, array->value.len - 2};
}

/* The array was read before, so there is nothing wrong with it. */
bool json_item_next(struct json_items *items, struct json_field *item)
{
    struct reader r = {items->next, items->next + items->len, 1, false};

    space_skip(&r);
    if (r.pos == r.end || value_read(&r, item) < 0)
        return false;
    if (item->type == JSON_STRING)
        item->value.len = unescape(json_inner(items->next, item), item->value.len);
    separator_take(&r, ',');
    items->next = r.pos;
    items->len = (size_t)(r.end - r.pos);
    return true;
}

bool json_to_u64(const struct json_field *field, uint64_t max, uint64_t *out)
{
    return field->type == JSON_NUMBER && str_to_u64(field->value, max, out);
}

/* The escaper */

/* What follows the backslash, for characters that must be escaped; 'u': as \u00XX. */
static const char escapes[256] = {
    [0] = 'u',  [1] = 'u',    [2] = 'u',    [3] = 'u',    [4] = 'u',   [5] = 'u',     [6] = 'u',
    [7] = 'u',  ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', [11] = 'u',  ['\f'] = 'f',  ['\r'] = 'r',
    [14] = 'u', [15] = 'u',   [16] = 'u',   [17] = 'u',   [18] = 'u',  [19] = 'u',    [20] = 'u',
    [21] = 'u', [22] = 'u',   [23] = 'u',   [24] = 'u',   [25] = 'u',  [26] = 'u',    [27] = 'u',
    [28] = 'u', [29] = 'u',   [30] = 'u',   [31] = 'u',   ['"'] = '"', ['\\'] = '\\',
};

#define LONG_ESCAPE 6 /* bytes of \u00XX */

static size_t escape_write(char out[LONG_ESCAPE], char c)
{
    static const char hex[] = "0123456789abcdef";
    char letter = escapes[(unsigned char)c];

    out[0] = '\\';
    out[1] = letter;
    if (letter != 'u')
        return 2;
    out[2] = out[3] = '0';
    out[4] = hex[(unsigned char)c >> 4];
    out[5] = hex[c & 0xf];
    return LONG_ESCAPE;
}

static int escape_append(struct buf *out, char c)
{
    char escape[LONG_ESCAPE];

    return buf_append(out, escape, escape_write(escape, c));
}

size_t json_string_size(struct str s)
{
    size_t size = s.len + 2;

    while (s.len > 0) {
        size_t run = plain_len(s.ptr, s.len);

        if (run == s.len)
            break;
        size += escapes[(unsigned char)s.ptr[run]] == 'u' ? LONG_ESCAPE - 1 : 1;
        s.ptr += run + 1;
        s.len -= run + 1;
    }
    return size;
}

static int json_append_content(struct buf *out, struct str s)
{
    while (s.len > 0) {
        size_t run = plain_len(s.ptr, s.len);

        if (buf_append(out, s.ptr, run) < 0)
            return -1;
        if (run == s.len)
            break;
        if (escape_append(out, s.ptr[run]) < 0)
            return -1;
        s.ptr += run + 1;
        s.len -= run + 1;
    }
    return 0;
}

int json_append_string(struct buf *out, struct str s)
{
    size_t before = out->len;

    if (buf_reserve(out, s.len + 2) == 0 && buf_append_char(out, '"') == 0 &&
        json_append_content(out, s) == 0 && buf_append_char(out, '"') == 0)
        return 0;
    out->len = before;
    return -1;
}
