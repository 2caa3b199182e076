#include "log/journal_rooms.h"

#include <stdlib.h>
#include <string.h>

#define PLACES_MIN 16

void journal_rooms_init(struct journal_rooms *rooms)
{
    *rooms = (struct journal_rooms){NULL, 0, 0};
}

void journal_rooms_deinit(struct journal_rooms *rooms)
{
    for (size_t i = 0; i < rooms->size; i++)
        free(rooms->places[i]);
    free(rooms->places);
    journal_rooms_init(rooms);
}

/* The place of the number, or the free one where it belongs. */
static struct journal_room **find_place(const struct journal_rooms *rooms, uint32_t number)
{
    size_t i = number & (rooms->size - 1);

    while (rooms->places[i] != NULL && rooms->places[i]->number != number)
        i = (i + 1) & (rooms->size - 1);
    return &rooms->places[i];
}

struct journal_room *journal_rooms_find(const struct journal_rooms *rooms, uint32_t number)
{
    return rooms->size == 0 ? NULL : *find_place(rooms, number);
}

static int rooms_grow(struct journal_rooms *rooms)
{
    struct journal_rooms larger = {.size = rooms->size == 0 ? PLACES_MIN : rooms->size * 2,
                                   .count = rooms->count};

    larger.places = calloc(larger.size, sizeof(struct journal_room *));
    if (larger.places == NULL)
        return -1;
    for (size_t i = 0; i < rooms->size; i++) {
        if (rooms->places[i] != NULL)
            *find_place(&larger, rooms->places[i]->number) = rooms->places[i];
    }
    free(rooms->places);
    *rooms = larger;
    return 0;
}

static struct journal_room *room_new(uint32_t number, struct str name, uint64_t epoch)
{
    struct journal_room *room = malloc(sizeof(*room) + name.len);

    if (room == NULL)
        return NULL;
    *room = (struct journal_room){.epoch = epoch, .number = number, .name_len = (uint8_t)name.len};
    if (name.len > 0)
        memcpy(room->name, name.ptr, name.len);
    return room;
}

struct journal_room *journal_rooms_add(struct journal_rooms *rooms, uint32_t number,
                                       struct str name, uint64_t epoch)
{
    struct journal_room *room;

    if (rooms->count * 4 >= rooms->size * 3 && rooms_grow(rooms) < 0)
        return NULL;
    room = room_new(number, name, epoch);
    if (room == NULL)
        return NULL;
    *find_place(rooms, number) = room;
    rooms->count++;
    return room;
}
