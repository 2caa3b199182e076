#include "cli/roster.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/glyph.h"

void roster_init(struct roster *r)
{
    *r = (struct roster){NULL, 0, 0};
}

void roster_deinit(struct roster *r)
{
    free(r->members);
    roster_init(r);
}

void roster_clear(struct roster *r)
{
    r->known = 0;
    r->count = 0;
}

static struct roster_member *find(const struct roster *r, uint64_t id)
{
    for (size_t i = 0; i < r->known; i++) {
        if (r->members[i].id == id)
            return &r->members[i];
    }
    return NULL;
}

static struct roster_member *add(struct roster *r, uint64_t id)
{
    if (r->members == NULL)
        r->members = calloc(ROSTER_MAX, sizeof(*r->members));
    if (r->members == NULL || r->known == ROSTER_MAX)
        return NULL;
    r->members[r->known].id = id;
    return &r->members[r->known++];
}

void roster_put(struct roster *r, uint64_t id, struct str name)
{
    struct roster_member *member = find(r, id);

    if (member == NULL)
        member = add(r, id);
    if (member == NULL)
        return;
    member->name_len = min_size(name.len, sizeof(member->name));
    if (member->name_len > 0)
        memcpy(member->name, name.ptr, member->name_len);
}

bool roster_remove(struct roster *r, uint64_t id)
{
    struct roster_member *member = find(r, id);

    if (member == NULL)
        return false;
    r->known--;
    memmove(member, member + 1, (size_t)(r->members + r->known - member) * sizeof(*member));
    return true;
}

static struct str name_of(const struct roster_member *member)
{
    return (struct str){member->name, member->name_len};
}

struct str roster_name(const struct roster *r, uint64_t id)
{
    const struct roster_member *member = find(r, id);

    return member == NULL ? (struct str){"", 0} : name_of(member);
}

bool roster_has(const struct roster *r, uint64_t id)
{
    return find(r, id) != NULL;
}

/* Blanks are of any kind: a paste has line ends, and a Chinese keyboard wide ones. */
static bool is_end_of_name(struct str rest)
{
    return rest.len == 0 || glyph_is_blank(glyph_first(rest).code);
}

/* Does the line begin with the name, and a blank or nothing behind it? */
static bool begins_with_name(struct str line, struct str name)
{
    return name.len > 0 && line.len >= name.len &&
           is_end_of_name((struct str){line.ptr + name.len, line.len - name.len}) &&
           str_equals_nocase((struct str){line.ptr, name.len}, name);
}

uint64_t roster_find(const struct roster *r, struct str line, struct str *text)
{
    size_t longest = 0;
    uint64_t id = 0;

    *text = line;
    if (line.len > 0 && line.ptr[0] == '#') {
        size_t len = 1;

        while (len < line.len && line.ptr[len] >= '0' && line.ptr[len] <= '9')
            len++;
        *text = (struct str){line.ptr + len, line.len - len};
        return is_end_of_name(*text) &&
                       str_to_u64((struct str){line.ptr + 1, len - 1}, CODEC_ID_MAX, &id)
                   ? id
                   : 0;
    }
    for (size_t i = 0; i < r->known; i++) {
        struct str name = name_of(&r->members[i]);

        if (!begins_with_name(line, name) || name.len < longest)
            continue;
        id = name.len == longest ? 0 : r->members[i].id;
        longest = name.len;
    }
    *text = (struct str){line.ptr + longest, line.len - longest};
    return id;
}
