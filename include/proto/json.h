/* JSON (RFC 8259), strict, as far as small objects need it: a reader that picks members out of one
 * object, one that goes through an array, and an escaper. Neither allocates but for the output
 * buffer. */
#ifndef PROTO_JSON_H
#define PROTO_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define JSON_DEPTH_MAX 8    /* objects and arrays within each other, the outermost included */
#define JSON_MEMBERS_MAX 32 /* members of one object */

/* The same within a value that is handed on as it is, where members are not counted or compared. */
#define JSON_RAW_DEPTH_MAX 64

enum json_type {
    JSON_ABSENT, /* the object has no such member */
    JSON_NULL,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_OBJECT,
    JSON_ARRAY,
};

/* A member that the caller asks for. */
struct json_field {
    struct str name;     /* set by the caller; without quotes and backslashes */
    enum json_type type; /* the rest is set by json_read_object */
    struct str
        value;   /* a string: UTF-8, unescaped, may hold NUL; all others: as they were written */
    bool is_raw; /* set by the caller: the value as JSON, without white space around tokens;
                    strings keep quotes and escapes */
};

enum json_error {
    JSON_ERROR_UTF8 = 1,
    JSON_ERROR_SYNTAX,     /* something else was expected, or the text ends too early */
    JSON_ERROR_NOT_OBJECT, /* the text begins with another kind of value */
    JSON_ERROR_NOT_ARRAY,  /* the same, for json_read_array */
    JSON_ERROR_TRAILING,   /* something follows the object */
    JSON_ERROR_CONTROL,    /* a bare control character in a string */
    JSON_ERROR_ESCAPE,     /* an unknown or broken escape */
    JSON_ERROR_SURROGATE,  /* half a pair of \u escapes */
    JSON_ERROR_NUMBER,
    JSON_ERROR_DEPTH,     /* deeper than JSON_DEPTH_MAX */
    JSON_ERROR_MEMBERS,   /* more than JSON_MEMBERS_MAX */
    JSON_ERROR_DUPLICATE, /* two members of one name, however it is escaped */
};

/* What was wrong: a few words, without a line end. */
const char *json_error_text(enum json_error error);

/* Reads a text that must be one object with nothing but white space around it. Sets type and value
 * of every field; members that nobody asks for are checked and skipped. Strings among the fields
 * are unescaped in place, so `data` is changed and the values point into it. Returns 0, or -enum
 * json_error: the fields mean nothing then. Takes time linear in `len`. */
int json_read_object(char *data, size_t len, struct json_field *fields, size_t count);

/* The text of an object or an array among the fields, to be read by itself; `data` is what
 * json_read_object was given. */
char *json_inner(char *data, const struct json_field *field);

/* What is still to be taken off an array. */
struct json_items {
    char *next;
    size_t len;
};

/* Reads a text that must be one array with nothing but white space around it. Returns 0, or -enum
 * json_error. */
int json_read_array(char *data, size_t len, struct json_items *items);

/* The elements of an array among the fields. */
struct json_items json_items_of(char *data, const struct json_field *array);

/* Takes the next element: its type and value, as those of a field that is not raw. Returns false at
 * the end. */
bool json_item_next(struct json_items *items, struct json_field *item);

/* Reads a number that is plain digits (no sign, fraction or exponent) and at most `max`. Returns
 * false, and leaves *out alone, for anything else. */
bool json_to_u64(const struct json_field *field, uint64_t max, uint64_t *out);

/* Appends `s`, which is UTF-8, as a string in quotes, escaping only what must be. Returns 0, or -1
 * with errno ENOMEM and the buffer as it was. */
int json_append_string(struct buf *out, struct str s);

/* How many bytes json_append_string would append. */
size_t json_string_size(struct str s);

#endif
