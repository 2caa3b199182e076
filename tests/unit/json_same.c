#include "unit/json_same.h"

#include <string.h>

/* Members and elements of one object or array; the texts of the tests have fewer. */
#define PARTS_MAX 2048

struct text {
    const char *at;
    const char *end;
};

/* Skips one value, which is taken to be well-formed: what lies between brackets that fit, a string,
 * or a run of letters and digits. Returns false where there is none. */
static bool skip_value(struct text *t)
{
    const char *start = t->at;
    int depth = 0;

    while (t->at < t->end) {
        char c = *t->at;

        if (c == '"') {
            for (t->at++; t->at < t->end && *t->at != '"'; t->at++)
                t->at += *t->at == '\\' && t->at + 1 < t->end;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                break;
            depth--;
        } else if (c == ',' && depth == 0) {
            break;
        }
        t->at++;
    }
    return depth == 0 && t->at <= t->end && t->at > start;
}

/* Cuts what lies between the brackets of an object or an array. Returns the number of parts, -1
 * where it is neither. */
static int split(struct text whole, struct text *parts, int max)
{
    char open = whole.end - whole.at >= 2 ? *whole.at : '\0', close = open == '{' ? '}' : ']';
    struct text t = {whole.at + 1, whole.end - 1};
    int count = 0;

    if ((open != '{' && open != '[') || whole.end[-1] != close)
        return -1;
    while (t.at < t.end) {
        const char *start = t.at;

        if (count == max || !skip_value(&t))
            return -1;
        parts[count++] = (struct text){start, t.at};
        if (t.at < t.end && *t.at++ != ',')
            return -1;
    }
    return count;
}

/* The length of `"name":` in front of a member's value; 0 where there is none. */
static size_t name_len(struct text member)
{
    struct text t = {member.at, member.end};

    if (t.at == t.end || *t.at != '"')
        return 0;
    for (t.at++; t.at < t.end && *t.at != '"'; t.at++)
        t.at += *t.at == '\\' && t.at + 1 < t.end;
    return t.end - t.at > 2 && t.at[1] == ':' ? (size_t)(t.at + 2 - member.at) : 0;
}

static bool same(struct text a, struct text b);

static bool same_bytes(struct text a, struct text b)
{
    return a.end - a.at == b.end - b.at && memcmp(a.at, b.at, (size_t)(a.end - a.at)) == 0;
}

static bool has_member(const struct text *members, int count, struct text wanted)
{
    size_t len = name_len(wanted);

    for (int i = 0; len > 0 && i < count; i++) {
        if (name_len(members[i]) == len && memcmp(members[i].at, wanted.at, len) == 0)
            return same((struct text){members[i].at + len, members[i].end},
                        (struct text){wanted.at + len, wanted.end});
    }
    return false;
}

static bool same(struct text a, struct text b)
{
    struct text of_a[PARTS_MAX], of_b[PARTS_MAX];
    int count = split(a, of_a, PARTS_MAX);

    if (count < 0 || *a.at != *b.at)
        return same_bytes(a, b);
    if (split(b, of_b, PARTS_MAX) != count)
        return false;
    for (int i = 0; i < count; i++) {
        if (*a.at == '{' ? !has_member(of_b, count, of_a[i]) : !same(of_a[i], of_b[i]))
            return false;
    }
    return true;
}

bool json_same(const char *a, size_t a_len, const char *b, size_t b_len)
{
    if (a_len == 0 || b_len == 0)
        return a_len == b_len;
    return same((struct text){a, a + a_len}, (struct text){b, b + b_len});
}
