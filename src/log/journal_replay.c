#include "log/journal_replay.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/util.h"
#include "log/journal_folder.h"
#include "log/journal_rooms.h"

#define OPEN_FILES 16 /* segments that are open at a time */

/* Where a record stands, and where it belongs. */
struct entry {
    uint64_t seq;
    uint64_t when; /* its time, and never before that of the record before it in the room */
    uint64_t aux;
    uint64_t segment;
    uint32_t offset; /* in steps of SEGMENT_ALIGN */
    uint32_t size;   /* likewise */
    uint32_t room;
    uint8_t type;
    bool is_out; /* not to be visited */
};

struct replay_file {
    uint64_t segment; /* 0: none */
    struct segment_id id;
    int fd;
};

struct replay {
    int folder;
    const struct journal_replay_options *options;
    struct journal_rooms rooms;
    struct buf entries;
    struct buf bytes; /* of the record that is visited */
    struct replay_file files[OPEN_FILES];
};

static struct entry *entry_at(const struct replay *r, size_t i)
{
    return (struct entry *)(void *)r->entries.data + i;
}

static size_t entry_count(const struct replay *r)
{
    return r->entries.len / sizeof(struct entry);
}

/* ---- collecting ---- */

static int collect(void *owner, const struct segment_record *record,
                   const struct journal_place *place)
{
    struct replay *r = owner;
    struct entry entry = {
        .seq = record->seq,
        .when = record->ts,
        .aux = record->aux,
        .segment = place->segment,
        .offset = (uint32_t)(place->offset / SEGMENT_ALIGN),
        .size = (uint32_t)(segment_record_size(record) / SEGMENT_ALIGN),
        .room = record->room,
        .type = (uint8_t)record->type,
    };

    if (record->type == SEGMENT_CLOSE || record->type == SEGMENT_ROOM)
        return 0;
    return buf_append(&r->entries, &entry, sizeof(entry));
}

/* ---- ordering ---- */

static int compare_u64(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

/* A seat as it is once something has happened comes behind that. */
static int compare_in_room(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    int order = compare_u64(left->room, right->room);

    if (order == 0)
        order = compare_u64(left->seq, right->seq);
    if (order == 0)
        order = (left->type == SEGMENT_SEAT) - (right->type == SEGMENT_SEAT);
    if (order == 0)
        order = compare_u64(left->segment, right->segment);
    return order != 0 ? order : compare_u64(left->offset, right->offset);
}

static int compare_times(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    int order = compare_u64(left->when, right->when);

    return order != 0 ? order : compare_in_room(a, b);
}

/* Is it the same that was written before, again? What belongs to no room has no place in an order,
 * and to tell again how a seat is does no harm. */
static bool is_again(const struct entry *before, const struct entry *entry)
{
    return before->room == entry->room && entry->room != 0 && before->seq == entry->seq &&
           entry->type != SEGMENT_SEAT;
}

/* Takes out what is there twice, and makes time run forwards in each room. */
static void tidy_entries(struct replay *r)
{
    for (size_t i = 1; i < entry_count(r); i++) {
        struct entry *before = entry_at(r, i - 1), *entry = entry_at(r, i);

        if (entry->room != before->room)
            continue;
        entry->is_out = is_again(before, entry);
        if (entry->when < before->when)
            entry->when = before->when;
    }
}

/* Takes out the records of a type in front of a gap, from the newest of a room back to the oldest.
 * What the oldest that is left stands behind is gone. */
static void cut_gaps(struct replay *r, enum segment_type type, uint64_t *gone, size_t begin,
                     size_t end)
{
    const struct entry *next = NULL;

    for (size_t i = end; i-- > begin;) {
        struct entry *entry = entry_at(r, i);

        if (entry->is_out || entry->type != type)
            continue;
        entry->is_out = next != NULL && *gone != entry->seq;
        if (entry->is_out)
            continue;
        *gone = entry->aux;
        next = entry;
    }
}

/* ---- rooms of one name ---- */

static int compare_rooms(const void *a, const void *b)
{
    const struct journal_room *left = *(struct journal_room *const *)a;
    const struct journal_room *right = *(struct journal_room *const *)b;
    int order = memcmp(left->name, right->name, min_size(left->name_len, right->name_len));

    if (order == 0)
        order = compare_u64(left->name_len, right->name_len);
    return order != 0 ? order : compare_u64(left->number, right->number);
}

/* A room that ended and came again has another number, which is larger. Returns 0, or -1 with errno
 * ENOMEM. */
static int end_old_rooms(struct replay *r)
{
    struct journal_room **sorted = malloc((r->rooms.count + 1) * sizeof(struct journal_room *));
    size_t count = 0;

    if (sorted == NULL)
        return -1;
    for (size_t i = 0; i < r->rooms.size; i++) {
        if (r->rooms.places[i] != NULL)
            sorted[count++] = r->rooms.places[i];
    }
    qsort(sorted, count, sizeof(struct journal_room *), compare_rooms);
    for (size_t i = 1; i < count; i++)
        sorted[i - 1]->has_ended =
            str_equals(journal_room_name(sorted[i - 1]), journal_room_name(sorted[i]));
    free(sorted);
    return 0;
}

/* Leaves in what a room can still be sure of. */
static void make_room_exact(struct replay *r, size_t begin, size_t end)
{
    struct journal_room *room = journal_rooms_find(&r->rooms, entry_at(r, begin)->room);

    if (room == NULL)
        return;
    for (size_t i = begin; room->has_ended && i < end; i++)
        entry_at(r, i)->is_out = true;
    cut_gaps(r, SEGMENT_MESSAGE, &room->gone, begin, end);
    cut_gaps(r, SEGMENT_REACT, &room->marks_gone, begin, end);
}

static void make_exact(struct replay *r)
{
    size_t begin = 0, count = entry_count(r);

    for (size_t end = 1; end <= count; end++) {
        if (end < count && entry_at(r, end)->room == entry_at(r, begin)->room)
            continue;
        make_room_exact(r, begin, end);
        begin = end;
    }
}

/* ---- visiting ---- */

/* Opens a segment, unless it is open: then it is the file at its place. Returns 0, or -1 with
 * errno.
 */
static int open_file(struct replay *r, uint64_t segment)
{
    struct replay_file *file = &r->files[segment % OPEN_FILES];
    char name[JOURNAL_NAME_SIZE];
    uint8_t header[SEGMENT_HEADER];

    if (file->segment == segment)
        return 0;
    if (file->segment != 0)
        close(file->fd);
    file->segment = 0;
    journal_segment_name(name, segment);
    file->fd = openat(r->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file->fd < 0)
        return -1;
    file->segment = segment;
    errno = EBADMSG;
    return pread(file->fd, header, sizeof(header), 0) == (ssize_t)sizeof(header) &&
                   segment_header_read(&file->id, header, sizeof(header)) == SEGMENT_OK
               ? 0
               : -1;
}

static void close_files(struct replay *r)
{
    for (size_t i = 0; i < OPEN_FILES; i++) {
        if (r->files[i].segment != 0)
            close(r->files[i].fd);
    }
}

/* Reads the record of an entry into r->bytes. Returns 0, or -1 with errno. */
static int read_entry(struct replay *r, const struct entry *entry, struct segment_record *record)
{
    const struct replay_file *file = &r->files[entry->segment % OPEN_FILES];
    size_t size = (size_t)entry->size * SEGMENT_ALIGN;
    uint64_t offset = (uint64_t)entry->offset * SEGMENT_ALIGN;

    r->bytes.len = 0;
    if (open_file(r, entry->segment) < 0 || buf_reserve(&r->bytes, size) < 0)
        return -1;
    if (pread(file->fd, r->bytes.data, size, (off_t)offset) == (ssize_t)size &&
        segment_record_read(record, &file->id, offset, r->bytes.data, size, &size) == SEGMENT_OK)
        return 0;
    errno = EBADMSG; /* a moment ago it was right */
    return -1;
}

static int visit_entry(struct replay *r, const struct entry *entry)
{
    struct journal_place place = {
        .segment = entry->segment,
        .offset = (uint64_t)entry->offset * SEGMENT_ALIGN,
        .room = journal_rooms_find(&r->rooms, entry->room),
    };
    struct segment_record record;

    if (read_entry(r, entry, &record) < 0)
        return -1;
    return r->options->visit(r->options->owner, &record, &place);
}

/* Puts everything into order and visits it. Returns 0, or -1 with errno. */
static int replay_all(struct replay *r)
{
    size_t count = entry_count(r);

    if (r->options->is_exact && end_old_rooms(r) < 0)
        return -1;
    if (count > 0)
        qsort(r->entries.data, count, sizeof(struct entry), compare_in_room);
    tidy_entries(r);
    if (r->options->is_exact)
        make_exact(r);
    if (count > 0)
        qsort(r->entries.data, count, sizeof(struct entry), compare_times);
    for (size_t i = 0; i < count; i++) {
        if (!entry_at(r, i)->is_out && visit_entry(r, entry_at(r, i)) < 0)
            return -1;
    }
    return 0;
}

enum journal_state journal_replay(int folder, const struct journal_replay_options *options,
                                  struct journal_report *report)
{
    struct replay r = {.folder = folder, .options = options};
    struct journal_visitor visitor = {.visit = collect, .owner = &r};

    journal_rooms_init(&r.rooms);
    buf_init(&r.entries);
    buf_init(&r.bytes);
    journal_read(folder, &visitor, &r.rooms, report);
    if ((report->state == JOURNAL_WHOLE || report->state == JOURNAL_TORN) && replay_all(&r) < 0) {
        report->state = JOURNAL_UNREADABLE;
        report->error = errno;
        report->why = "cannot be read";
    }
    close_files(&r);
    buf_deinit(&r.bytes);
    buf_deinit(&r.entries);
    journal_rooms_deinit(&r.rooms);
    return report->state;
}
