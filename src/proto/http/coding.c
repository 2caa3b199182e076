#include "proto/http/coding.h"

#include <string.h>

#include "base/ascii.h"

#define WEIGHT_MAX 1000
#define WEIGHT_NONE (-1) /* nothing is said of it */

/* What the field says of each coding, in thousandths. */
struct coding_weights {
    int gzip;
    int identity;
    int any; /* "*": all that are not named */
};

/* A qvalue (12.4.2): at most three digits behind the point, and at most 1. Returns WEIGHT_NONE for
 * anything else. */
static int coding_qvalue(struct str text)
{
    int weight = 0, unit = WEIGHT_MAX;

    if (text.len == 0 || text.len > 5 || (text.len > 1 && text.ptr[1] != '.'))
        return WEIGHT_NONE;
    for (size_t i = 0; i < text.len; i += i == 0 ? 2 : 1, unit /= 10) {
        if (!ascii_is(text.ptr[i], ASCII_DIGIT))
            return WEIGHT_NONE;
        weight += (text.ptr[i] - '0') * unit;
    }
    return weight > WEIGHT_MAX ? WEIGHT_NONE : weight;
}

/* Splits an element into its coding and its weight, which is 1 where none is given. */
static int coding_split(struct str element, struct str *name)
{
    const char *semicolon = element.len == 0 ? NULL : memchr(element.ptr, ';', element.len);
    size_t len = semicolon == NULL ? element.len : (size_t)(semicolon - element.ptr);
    struct str weight;

    *name = str_trim((struct str){element.ptr, len});
    if (semicolon == NULL)
        return WEIGHT_MAX;
    weight = str_trim((struct str){semicolon + 1, element.len - len - 1});
    if (weight.len < 2 || (weight.ptr[0] != 'q' && weight.ptr[0] != 'Q') || weight.ptr[1] != '=')
        return WEIGHT_NONE;
    return coding_qvalue((struct str){weight.ptr + 2, weight.len - 2});
}

static void coding_note(struct coding_weights *weights, struct str element)
{
    struct str name;
    int weight = coding_split(element, &name);

    if (weight == WEIGHT_NONE)
        return;
    if (str_equals_nocase(name, STR("gzip")) || str_equals_nocase(name, STR("x-gzip")))
        weights->gzip = weight;
    else if (str_equals_nocase(name, STR("identity")))
        weights->identity = weight;
    else if (str_equals(name, STR("*")))
        weights->any = weight;
}

enum http_coding http_coding_choose(const struct http_fields *fields)
{
    struct coding_weights weights = {WEIGHT_NONE, WEIGHT_NONE, WEIGHT_NONE};
    struct str value, element;
    size_t line = 0;

    while (http_field_next(fields, &line, HTTP_FIELD_ACCEPT_ENCODING, &value)) {
        while (http_list_next(&value, &element))
            coding_note(&weights, element);
    }
    if (weights.gzip == WEIGHT_NONE)
        weights.gzip = weights.any;
    if (weights.identity == WEIGHT_NONE)
        weights.identity = weights.any;
    if (weights.gzip > 0 && weights.gzip >= weights.identity)
        return HTTP_CODING_GZIP;
    return weights.identity == 0 ? HTTP_CODING_NEITHER : HTTP_CODING_IDENTITY;
}
