/* An object, read from the input. What is read is escaped and read again, which must give the same.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "base/util.h"
#include "proto/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIELDS 4

static void expect(bool is_so)
{
    if (!is_so)
        abort();
}

/* Reads from a block of exactly the text's size, which the caller frees. */
static char *read_copy(const void *data, size_t size, struct json_field *fields, int *result)
{
    char *copy = malloc(size == 0 ? 1 : size);

    expect(copy != NULL);
    memcpy(copy, data, size);
    *result = json_read_object(copy, size, fields, FIELDS);
    return copy;
}

static void fields_init(struct json_field fields[FIELDS])
{
    static const struct str names[FIELDS] = {{"type", 4}, {"text", 4}, {"to", 2}, {"\xc3\xa9", 2}};

    for (size_t i = 0; i < FIELDS; i++)
        fields[i] = (struct json_field){.name = names[i]};
}

/* Writes the fields that were there, strings escaped anew and all others as they came. */
static void write_again(struct buf *out, const struct json_field *fields)
{
    char separator = '{';

    for (size_t i = 0; i < FIELDS; i++) {
        const struct json_field *field = &fields[i];

        if (field->type == JSON_ABSENT)
            continue;
        expect(buf_append_char(out, separator) == 0);
        expect(json_append_string(out, field->name) == 0 && buf_append_char(out, ':') == 0);
        expect((field->type == JSON_STRING ? json_append_string(out, field->value)
                                           : buf_append_str(out, field->value)) == 0);
        separator = ',';
    }
    expect(buf_append_str(out, separator == '{' ? STR("{}") : STR("}")) == 0);
}

static void check_again(const struct json_field *fields)
{
    struct json_field again[FIELDS];
    struct buf out;
    char *copy;
    int result;

    buf_init(&out);
    write_again(&out, fields);
    fields_init(again);
    copy = read_copy(out.data, out.len, again, &result);
    expect(result == 0);
    for (size_t i = 0; i < FIELDS; i++)
        expect(again[i].type == fields[i].type && str_equals(again[i].value, fields[i].value));
    free(copy);
    buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_field fields[FIELDS];
    uint64_t number;
    char *copy;
    int result;

    fields_init(fields);
    copy = read_copy(data, size, fields, &result);
    if (result == 0) {
        for (size_t i = 0; i < FIELDS; i++) {
            expect(utf8_is_valid(fields[i].value));
            if (json_to_u64(&fields[i], 1000, &number))
                expect(number <= 1000 && fields[i].type == JSON_NUMBER);
        }
        check_again(fields);
    } else {
        expect(*json_error_text((enum json_error) - result) != '\0');
    }
    free(copy);
    return 0;
}
