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

uint8_t rights_in_room(const struct grant *grants, size_t count, struct str room)
{
    uint8_t rights = RIGHTS_NONE;

    for (size_t i = 0; i < count; i++) {
        if (grant_covers(&grants[i], room))
            rights |= grants[i].rights;
    }
    return rights;
}
