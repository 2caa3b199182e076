#include "cli/journal_repair.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/tuning.h"
#include "log/journal_folder.h"
#include "log/journal_rooms.h"

/* New segments are made in this folder, and are moved out of it when all are on the disk. Its name
 * begins like that of no segment, so a crash in between leaves the old journal as it was; a crash
 * while files are moved leaves the folder, and the next repair goes on with moving. */
#define NEW_FOLDER "repairing"

struct repair {
    int folder;
    int made; /* NEW_FOLDER */
    struct segment_id id;
    struct buf bytes; /* of the segment that is being made */
    struct journal_rooms named;
    uint64_t kept;
};

/* ---- new segments ---- */

static int repair_begin_segment(struct repair *r)
{
    uint8_t header[SEGMENT_HEADER];

    r->id.number++;
    if (getrandom(&r->id.life, sizeof(r->id.life), 0) != (ssize_t)sizeof(r->id.life))
        return -1;
    segment_header_write(header, &r->id);
    r->bytes.len = 0;
    return buf_append(&r->bytes, header, sizeof(header));
}

static int end_segment(struct repair *r)
{
    return journal_folder_replace(r->made, r->id.number, r->bytes.data, r->bytes.len);
}

static int put_record(struct repair *r, const struct segment_record *record)
{
    size_t size = segment_record_size(record);

    if (buf_reserve(&r->bytes, size) < 0)
        return -1;
    segment_record_write(r->bytes.data + r->bytes.len, &r->id, r->bytes.len, record);
    r->bytes.len += size;
    return 0;
}

/* A room is named once in each segment, in front of its records. */
static int put_room(struct repair *r, const struct journal_room *room)
{
    struct segment_record record = {
        .type = SEGMENT_ROOM,
        .room = room->number,
        .seq = room->last,
        .from = room->epoch,
        .ts = room->marks_gone,
        .aux = room->gone,
        .name = journal_room_name(room),
    };
    struct journal_room *named = journal_rooms_find(&r->named, room->number);

    if (named == NULL)
        named = journal_rooms_add(&r->named, room->number, journal_room_name(room), 0);
    if (named == NULL)
        return -1;
    if (named->last == r->id.number)
        return 0;
    named->last = r->id.number;
    return put_record(r, &record);
}

static int repair_keep(void *owner, const struct segment_record *record,
                       const struct journal_place *place)
{
    struct repair *r = owner;
    size_t size = segment_record_size(record) + SEGMENT_HEAD + 256;

    if (record->type == SEGMENT_CLOSE)
        return 0;
    if (r->bytes.len > SEGMENT_HEADER && r->bytes.len + size > TUNE_SEGMENT &&
        (end_segment(r) < 0 || repair_begin_segment(r) < 0))
        return -1;
    if (place->room != NULL && put_room(r, place->room) < 0)
        return -1;
    r->kept++;
    return record->type == SEGMENT_ROOM ? 0 : put_record(r, record);
}

/* Makes the new journal in NEW_FOLDER, its first segment behind `last`. Returns 0, or -1. */
static int make_new(struct repair *r, struct journal_report *report)
{
    struct journal_visitor visitor = {.visit = repair_keep, .owner = r, .goes_on = true};
    struct journal_rooms rooms;
    int result = repair_begin_segment(r);

    journal_rooms_init(&rooms);
    journal_rooms_init(&r->named);
    if (result == 0) {
        journal_read(r->folder, &visitor, &rooms, report);
        errno = report->error;
        result = report->state == JOURNAL_UNREADABLE || report->state == JOURNAL_NEWER
                     ? -1
                     : end_segment(r);
    }
    journal_rooms_deinit(&r->named);
    journal_rooms_deinit(&rooms);
    return result;
}

/* ---- moving ---- */

static int move_all(int from, int to, uint64_t below)
{
    struct journal_list list;
    char name[JOURNAL_NAME_SIZE];
    int result = journal_folder_list(from, &list);

    for (size_t i = 0; result == 0 && i < list.count && list.numbers[i] < below; i++) {
        journal_segment_name(name, list.numbers[i]);
        result = renameat(from, name, to, name);
    }
    journal_list_deinit(&list);
    if (result == 0)
        result = fsync(to) < 0 || fsync(from) < 0 ? -1 : 0;
    return result;
}

/* Makes a folder for the old files, named by the time. Returns a descriptor, or -1. */
static int open_beside(int folder, char name[JOURNAL_BESIDE_MAX])
{
    time_t now = time(NULL);
    struct tm tm;

    gmtime_r(&now, &tm);
    strftime(name, JOURNAL_BESIDE_MAX, "damaged-%Y%m%dT%H%M%SZ", &tm);
    if (mkdirat(folder, name, 0700) < 0 && errno != EEXIST)
        return -1;
    return openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* The numbers of the new segments are larger than those of the old, so that it can be told what is
 * still to be moved. */
static int move_in(int folder, int made, char beside_name[JOURNAL_BESIDE_MAX])
{
    struct journal_list list;
    int beside = open_beside(folder, beside_name), result = -1;

    if (beside >= 0 && journal_folder_list(made, &list) == 0) {
        result = list.count == 0 ? 0 : move_all(folder, beside, list.numbers[0]);
        journal_list_deinit(&list);
    }
    if (beside >= 0 && renameat(folder, "closed", beside, "closed") < 0 && errno != ENOENT)
        result = -1;
    if (result == 0)
        result = move_all(made, folder, UINT64_MAX);
    if (beside >= 0)
        close(beside);
    return result;
}

static int open_made(int folder)
{
    return openat(folder, NEW_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* Ends a repair: all new segments are on the disk, and the mark says so. */
static int repair_finish(int folder, char beside[JOURNAL_BESIDE_MAX])
{
    int made = open_made(folder), result;

    if (made < 0)
        return -1;
    result = move_in(folder, made, beside);
    close(made);
    if (result == 0)
        result = unlinkat(folder, JOURNAL_REPAIRED, 0) < 0 && errno != ENOENT ? -1 : 0;
    if (result == 0)
        result = unlinkat(folder, NEW_FOLDER, AT_REMOVEDIR) < 0 ? -1 : fsync(folder);
    return result;
}

/* ---- repair ---- */

/* What an unfinished repair made is made again. */
static int clear_made(int folder)
{
    struct journal_list list;
    char name[JOURNAL_NAME_SIZE];
    int made, result;

    if (mkdirat(folder, NEW_FOLDER, 0700) < 0 && errno != EEXIST)
        return -1;
    made = open_made(folder);
    if (made < 0)
        return -1;
    result = journal_folder_list(made, &list);
    for (size_t i = 0; result == 0 && i < list.count; i++) {
        journal_segment_name(name, list.numbers[i]);
        result = unlinkat(made, name, 0);
    }
    journal_list_deinit(&list);
    if (result == 0)
        return made;
    close(made);
    return -1;
}

static int mark(int folder)
{
    int fd = openat(folder, JOURNAL_REPAIRED, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return -1;
    close(fd);
    return fsync(folder);
}

static int remake(int folder, struct journal_repair *repair)
{
    struct repair r = {.folder = folder, .id.number = repair->before.last};
    int result;

    r.made = clear_made(folder);
    if (r.made < 0)
        return -1;
    buf_init(&r.bytes);
    result = make_new(&r, &repair->before);
    buf_deinit(&r.bytes);
    close(r.made);
    repair->kept = r.kept;
    return result < 0 || mark(folder) < 0 ? -1 : repair_finish(folder, repair->beside);
}

int journal_repair(int folder, struct journal_repair *repair)
{
    struct journal_visitor nothing = {.visit = NULL};
    struct journal_rooms rooms;

    *repair = (struct journal_repair){.kept = 0};
    if (faccessat(folder, JOURNAL_REPAIRED, F_OK, 0) == 0)
        return repair_finish(folder, repair->beside);
    journal_rooms_init(&rooms);
    journal_read(folder, &nothing, &rooms, &repair->before);
    journal_rooms_deinit(&rooms);
    errno = repair->before.state == JOURNAL_NEWER ? EPROTO : repair->before.error;
    if (repair->before.state == JOURNAL_UNREADABLE || repair->before.state == JOURNAL_NEWER)
        return -1;
    return repair->before.state == JOURNAL_WHOLE ? 0 : remake(folder, repair);
}
