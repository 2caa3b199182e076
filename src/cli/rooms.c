#include "cli/rooms.h"

#include <string.h>

#include "base/util.h"

struct str rooms_name(const struct rooms *rooms, size_t i)
{
    return i < rooms->count ? (struct str){rooms->names[i], rooms->lens[i]} : (struct str){NULL, 0};
}

static void rooms_remove(struct rooms *rooms, size_t i)
{
    size_t behind = rooms->count - i - 1;

    memmove(rooms->names[i], rooms->names[i + 1], behind * sizeof(rooms->names[0]));
    memmove(rooms->lens + i, rooms->lens + i + 1, behind * sizeof(rooms->lens[0]));
    rooms->count--;
}

void rooms_put(struct rooms *rooms, struct str name)
{
    size_t at = 0;

    while (at < rooms->count && !str_equals(rooms_name(rooms, at), name))
        at++;
    if (at < rooms->count)
        rooms_remove(rooms, at);
    else if (rooms->count == ROOMS_MAX)
        rooms_remove(rooms, 0);
    rooms->lens[rooms->count] = min_size(name.len, CODEC_NAME_MAX);
    memcpy(rooms->names[rooms->count], name.ptr, rooms->lens[rooms->count]);
    rooms->count++;
}
