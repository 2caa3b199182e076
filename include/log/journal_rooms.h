/* The rooms that a journal names, by their numbers. */
#ifndef LOG_JOURNAL_ROOMS_H
#define LOG_JOURNAL_ROOMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct journal_room {
    uint64_t epoch;
    uint64_t last; /* the largest seq that a record of it tells of */
    uint64_t gone; /* seq of the newest message that is not there any more; 0: none ever went */
    uint64_t marks_gone; /* the same of reactions */
    void *user;          /* whatever who reads the journal keeps here; NULL at first */
    uint32_t number;
    bool has_ended; /* a later one of this name exists */
    uint8_t name_len;
    char name[];
};

/* Open addressing over pointers; a number is its own hash. */
struct journal_rooms {
    struct journal_room **places; /* size places, owned */
    size_t size;                  /* a power of two, or 0 */
    size_t count;
};

void journal_rooms_init(struct journal_rooms *rooms);
void journal_rooms_deinit(struct journal_rooms *rooms);

/* The room with this number, or NULL. */
struct journal_room *journal_rooms_find(const struct journal_rooms *rooms, uint32_t number);

/* Notes a room that was not known. `name` has at most 255 bytes. Returns it, or NULL with errno
 * ENOMEM. */
struct journal_room *journal_rooms_add(struct journal_rooms *rooms, uint32_t number,
                                       struct str name, uint64_t epoch);

static inline struct str journal_room_name(const struct journal_room *room)
{
    return (struct str){room->name, room->name_len};
}

#endif
