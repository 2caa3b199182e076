#include "auth/rights.h"

#include "base/util.h"

/* By the number of the bit. */
static const char *const words[] = {"sub", "pub", "prs", "hst", "dir", "mod", "api"};

uint8_t rights_of_word(struct str word)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_equals(word, str_from(words[i])))
            return (uint8_t)(1u << i);
    }
    return RIGHTS_NONE;
}

bool rights_read(struct str text, uint8_t *rights)
{
    uint8_t all = RIGHTS_NONE;

    do {
        uint8_t right = rights_of_word(str_cut(&text, ','));

        if (right == RIGHTS_NONE)
            return false;
        all |= right;
    } while (text.ptr != NULL);
    *rights = all;
    return true;
}

int rights_write(struct buf *out, uint8_t rights)
{
    const char *separator = "";

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if ((rights & 1u << i) == 0)
            continue;
        if (buf_printf(out, "%s%s", separator, words[i]) < 0)
            return -1;
        separator = ",";
    }
    return 0;
}

static bool grant_covers(const struct grant *grant, struct str room)
{
    struct str rooms = grant->rooms;

    if (rooms.len == 0 || rooms.ptr[rooms.len - 1] != '*')
        return str_equals(rooms, room);
    rooms.len--;
    return room.len >= rooms.len && str_equals(rooms, (struct str){room.ptr, rooms.len});
}

/* All names that begin as the one, without its star, does begin as the other's do. */
static bool grant_covers_all(const struct grant *grant, struct str pattern)
{
    bool is_open = grant->rooms.len > 0 && grant->rooms.ptr[grant->rooms.len - 1] == '*';

    pattern.len--;
    return is_open && grant_covers(grant, pattern);
}

bool rights_patterns_meet(struct str one, struct str other)
{
    const struct grant first = {one, RIGHTS_ALL}, second = {other, RIGHTS_ALL};

    /* Of two that are open, the longer one begins as the shorter one does, or they never meet. */
    return grant_covers(&first, other) || grant_covers(&second, one);
}

uint8_t rights_in_rooms(const struct grant *grants, size_t count, struct str pattern)
{
    uint8_t rights = RIGHTS_NONE;

    if (pattern.len == 0 || pattern.ptr[pattern.len - 1] != '*')
        return rights_in_room(grants, count, pattern);
    for (size_t i = 0; i < count; i++) {
        if (grant_covers_all(&grants[i], pattern))
            rights |= grants[i].rights;
    }
    return rights;
}

uint8_t rights_in_room(const struct grant *grants, size_t count, struct str room)
{
    uint8_t rights = RIGHTS_NONE;

    for (size_t i = 0; i < count; i++) {
        if (grant_covers(&grants[i], room))
            rights |= grants[i].rights;
    }
    return rights;
}
