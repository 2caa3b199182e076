/* Reads a journal from its first record to its last, and says what is wrong with it.
 *
 * A server that was killed, or a power cut, leaves a torn tail: behind what was on the disk for
 * sure there may be anything. Records of the kind SEGMENT_SYNCED tell how far that is; what is
 * wrong in front of it is damage, and so is all that is wrong in a segment that another one
 * follows, or after an end as it should be. */
#ifndef LOG_JOURNAL_READ_H
#define LOG_JOURNAL_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "log/journal_rooms.h"
#include "log/segment.h"

enum journal_state {
    JOURNAL_WHOLE,
    JOURNAL_TORN,       /* all that was on the disk for sure is there */
    JOURNAL_DAMAGED,    /* ... is not */
    JOURNAL_NEWER,      /* written by a later version */
    JOURNAL_UNREADABLE, /* errno says why */
};

/* What a journal looks like. */
struct journal_report {
    enum journal_state state;
    bool was_closed; /* the last server ended as it should, and no other has begun */
    uint64_t segments, records, bytes;
    uint64_t first, last; /* numbers of the segments; 0: there are none */
    uint32_t last_room;   /* the largest number of a room */
    uint64_t last_life;   /* of the last segment, where its header can be read */
    uint64_t last_len;    /* bytes of the last segment up to the end of its last whole record */
    uint64_t last_size;   /* bytes of it in all */
    uint64_t bad_segment, bad_offset; /* where it is torn or damaged first */
    uint64_t unknown; /* records of a newer version, which says that they may be skipped */
    uint64_t skipped; /* bytes that were no records, and records of rooms that are not known, where
                         the reader was asked to go on */
    int error;        /* errno, where it is unreadable */
    const char *why;  /* what is wrong, in a few words; NULL: nothing */
};

/* Where a record stands, and its room. */
struct journal_place {
    uint64_t segment;
    uint64_t offset;
    struct journal_room *room; /* NULL where it belongs to none */
};

/* What is done with each record that belongs to the journal (SEGMENT_SYNCED does not). Slices end
 * with the call. Returns 0, or -1 with errno: the reader stops then. */
struct journal_visitor {
    int (*visit)(void *owner, const struct segment_record *record,
                 const struct journal_place *place);
    void *owner;
    bool goes_on;  /* reads what is left behind what is damaged, too */
    uint64_t from; /* the first segment that is read */
};

/* Reads the journal in a folder (a descriptor). Nothing in it is changed. `rooms` is empty at
 * first, and holds all rooms afterwards. */
enum journal_state journal_read(int folder, const struct journal_visitor *visitor,
                                struct journal_rooms *rooms, struct journal_report *report);

#endif
