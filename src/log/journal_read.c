#include "log/journal_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#include "base/buf.h"
#include "log/journal_folder.h"

/* What looks for records behind a bad place may check as many bytes, so that no text that looks
 * like a thousand beginnings of records takes minutes. */
#define SEARCH_BUDGET ((uint64_t)256 << 20)

static const char newer[] = "written by a newer version of wschat";

struct reader {
    int folder;
    const struct journal_visitor *visitor;
    struct journal_report *report;
    struct journal_rooms *rooms;
    struct buf data; /* the segment */
    struct segment_id id;
    bool is_last;
    bool ends_with_close; /* the last record says so */
    uint64_t budget;
};

/* ---- what is wrong ---- */

/* Notes what is wrong, unless something was before; what a newer version wrote is no damage, and
 * is not to be repaired by this one whatever else is wrong. Returns false where the reader is to
 * stop. */
static bool reader_complain(struct reader *r, enum journal_state state, uint64_t offset,
                            const char *why)
{
    struct journal_report *report = r->report;

    if (report->state == JOURNAL_WHOLE || state == JOURNAL_NEWER) {
        report->state = state;
        report->bad_segment = r->id.number;
        report->bad_offset = offset;
        report->why = why;
    }
    return state == JOURNAL_TORN || (state == JOURNAL_DAMAGED && r->visitor->goes_on);
}

static bool reader_give_up(struct reader *r, uint64_t offset)
{
    r->report->error = errno;
    r->report->state = JOURNAL_WHOLE;
    return reader_complain(r, JOURNAL_UNREADABLE, offset, "cannot be read");
}

/* ---- records ---- */

/* The room of a record, which is known by the record that named it; made by this one where it is
 * such a record. *is_there: false where the room is not known. Returns 0, or -1 with errno. */
static int find_room(struct reader *r, const struct segment_record *record,
                     struct journal_place *place, bool *is_there)
{
    *is_there = true;
    if (record->room == 0)
        return 0;
    place->room = journal_rooms_find(r->rooms, record->room);
    if (place->room == NULL && record->type == SEGMENT_ROOM) {
        place->room = journal_rooms_add(r->rooms, record->room, record->name, record->from);
        if (place->room == NULL)
            return -1;
    }
    *is_there = place->room != NULL;
    return 0;
}

/* What the rooms remember of their records. */
static void note_seq(const struct segment_record *record, struct journal_room *room)
{
    if (room == NULL)
        return;
    if (record->seq > room->last)
        room->last = record->seq;
    if (record->type == SEGMENT_ROOM && record->aux > room->gone)
        room->gone = record->aux;
    if (record->type == SEGMENT_ROOM && record->ts > room->marks_gone)
        room->marks_gone = record->ts;
}

static bool visit(struct reader *r, const struct segment_record *record, size_t offset)
{
    struct journal_place place = {r->id.number, offset, NULL};
    bool is_there;

    if (find_room(r, record, &place, &is_there) < 0)
        return reader_give_up(r, offset);
    if (!is_there) {
        r->report->skipped += segment_record_size(record);
        return reader_complain(r, JOURNAL_DAMAGED, offset,
                               "a record of a room that no record names");
    }
    note_seq(record, place.room);
    if (record->room > r->report->last_room)
        r->report->last_room = record->room;
    r->report->records++;
    if (record->type == SEGMENT_UNKNOWN) {
        r->report->unknown++;
        return true;
    }
    if (r->visitor->visit != NULL && r->visitor->visit(r->visitor->owner, record, &place) < 0)
        return reader_give_up(r, offset);
    return true;
}

static enum segment_result read_at(const struct reader *r, size_t offset,
                                   struct segment_record *record, size_t *size)
{
    return segment_record_read(record, &r->id, offset, r->data.data + offset, r->data.len - offset,
                               size);
}

/* The first record from *offset on, as far as one can be found. Returns false where none is. */
static bool search(struct reader *r, struct segment_record *record, size_t *offset, size_t *size)
{
    while (*offset + SEGMENT_HEAD <= r->data.len && r->budget >= r->data.len) {
        enum segment_result result = read_at(r, *offset, record, size);

        if (result == SEGMENT_OK || result == SEGMENT_NEWER)
            return true;
        /* What was worth a checksum may have been as long as the segment. */
        r->budget -= segment_is_plausible(r->data.data + *offset, r->data.len - *offset)
                         ? r->data.len - *offset
                         : 1;
        *offset += SEGMENT_ALIGN;
    }
    return false;
}

/* Was the bad place on the disk for sure? What stands behind it tells. */
static bool was_synced(struct reader *r, size_t offset)
{
    struct segment_record record;
    size_t at = offset + SEGMENT_ALIGN, size;

    r->budget = SEARCH_BUDGET;
    for (; search(r, &record, &at, &size); at += size) {
        if (record.type == SEGMENT_SYNCED && record.aux > offset)
            return true;
    }
    return r->budget < r->data.len;
}

/* What stands at *offset is no record. Returns true where reading goes on, at *offset. */
static bool skip_bad(struct reader *r, size_t *offset)
{
    struct segment_record record;
    size_t from = *offset, size;
    bool is_damage = !r->is_last || was_synced(r, from);

    if (!reader_complain(r, is_damage ? JOURNAL_DAMAGED : JOURNAL_TORN, from,
                         is_damage ? "what stands here is not what was written"
                                   : "the last write did not reach the disk") ||
        !is_damage)
        return false;
    *offset += SEGMENT_ALIGN;
    r->budget = SEARCH_BUDGET;
    if (!search(r, &record, offset, &size))
        *offset = r->data.len;
    r->report->skipped += *offset - from;
    return true;
}

/* Reads all records of the segment. Returns false where the reader is to stop. */
static bool read_records(struct reader *r)
{
    size_t offset = SEGMENT_HEADER, size = 0;

    for (;; offset += size) {
        struct segment_record record;
        enum segment_result result = read_at(r, offset, &record, &size);

        r->report->last_len = offset;
        if (result == SEGMENT_END)
            return true;
        if (result == SEGMENT_NEWER)
            return reader_complain(r, JOURNAL_NEWER, offset, newer);
        if (result == SEGMENT_BAD) {
            size = 0;
            if (!skip_bad(r, &offset))
                return false;
            continue;
        }
        r->ends_with_close = record.type == SEGMENT_CLOSE;
        if (record.type != SEGMENT_SYNCED && !visit(r, &record, offset))
            return false;
    }
}

/* ---- segments ---- */

/* A header is on the disk before anything is written behind it. */
static bool reader_header(struct reader *r, uint64_t number)
{
    enum segment_result result = segment_header_read(&r->id, r->data.data, r->data.len);
    uint64_t named = r->id.number;

    r->id.number = number;
    r->report->last_life = r->id.life;
    if (result == SEGMENT_NEWER)
        return reader_complain(r, JOURNAL_NEWER, 0, newer);
    if (result == SEGMENT_BAD && r->is_last && r->data.len <= SEGMENT_HEADER) {
        reader_complain(r, JOURNAL_TORN, 0, "the last write did not reach the disk");
        return false;
    }
    if (result == SEGMENT_BAD || named != number) {
        r->report->skipped += r->data.len;
        reader_complain(r, JOURNAL_DAMAGED, 0,
                        result == SEGMENT_BAD ? "the header is not what was written"
                                              : "the name is not that of this segment");
        return false;
    }
    return true;
}

/* Returns false where the reader is to stop. A segment that went meanwhile was forgotten by a
 * server that runs. */
static bool read_segment(struct reader *r, uint64_t number)
{
    r->data.len = 0;
    r->id = (struct segment_id){0, number};
    r->ends_with_close = false;
    r->report->last_len = 0;
    if (journal_folder_read(r->folder, number, &r->data) < 0)
        return errno == ENOENT || reader_give_up(r, 0);
    r->report->segments++;
    r->report->bytes += r->data.len;
    r->report->last_size = r->data.len;
    if (!reader_header(r, number))
        return r->report->state == JOURNAL_DAMAGED && r->visitor->goes_on;
    return read_records(r);
}

static bool read_segments(struct reader *r, const struct journal_list *list)
{
    bool goes_on = true;

    for (size_t i = 0; i < list->count && goes_on; i++) {
        if (list->numbers[i] < r->visitor->from)
            continue;
        r->is_last = i + 1 == list->count;
        r->id.number = list->numbers[i];
        if (i > 0 && list->numbers[i] != list->numbers[i - 1] + 1)
            goes_on =
                reader_complain(r, JOURNAL_DAMAGED, 0, "the segment before this one is missing");
        if (goes_on)
            goes_on = read_segment(r, list->numbers[i]);
    }
    return goes_on;
}

/* After an end as it should be, all must be there. */
static void check_end(struct reader *r)
{
    struct journal_report *report = r->report;
    struct journal_end end;
    int result = journal_folder_end(r->folder, &end);

    r->id.number = report->last;
    if (result < 0 && errno != EBADMSG)
        reader_give_up(r, report->last_len);
    else if (result < 0)
        reader_complain(r, JOURNAL_DAMAGED, report->last_len, "the file \"closed\" is damaged");
    if (result <= 0)
        return;
    report->was_closed = true;
    if (end.number == report->last && end.len == report->last_size && r->ends_with_close &&
        report->state == JOURNAL_WHOLE)
        return;
    if (report->state == JOURNAL_TORN)
        report->state = JOURNAL_WHOLE;
    reader_complain(r, JOURNAL_DAMAGED, report->last_len,
                    "it does not end where the server closed it");
}

static void reader_segments(struct reader *r)
{
    struct journal_list list;

    if (faccessat(r->folder, JOURNAL_REPAIRED, F_OK, 0) == 0) {
        reader_complain(r, JOURNAL_DAMAGED, 0, "a repair was not finished: start it again");
        return;
    }
    if (journal_folder_list(r->folder, &list) < 0) {
        reader_give_up(r, 0);
    } else {
        if (list.count > 0) {
            r->report->first = list.numbers[0];
            r->report->last = list.numbers[list.count - 1];
        }
        read_segments(r, &list);
        if (r->report->state != JOURNAL_UNREADABLE && r->report->state != JOURNAL_NEWER)
            check_end(r);
    }
    journal_list_deinit(&list);
}

enum journal_state journal_read(int folder, const struct journal_visitor *visitor,
                                struct journal_rooms *rooms, struct journal_report *report)
{
    struct reader r = {.folder = folder, .visitor = visitor, .report = report, .rooms = rooms};

    *report = (struct journal_report){.state = JOURNAL_WHOLE};
    buf_init(&r.data);
    reader_segments(&r);
    buf_deinit(&r.data);
    return report->state;
}
