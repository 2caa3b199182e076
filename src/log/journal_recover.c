#include "log/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/journal_folder.h"
#include "log/journal_replay.h"
#include "log/journal_state.h"

static void recover_tell(struct journal_problem *problem, const char *path, const char *what)
{
    snprintf(problem->text, sizeof(problem->text), "the journal %.200s: %.200s", path, what);
}

/* The channel of a room, made with its first record. NULL where memory is out. */
static struct log_channel *recover_channel(struct journal *j, struct journal_room *room)
{
    struct log_channel *channel = room->user;

    if (channel != NULL)
        return channel;
    j->recovering = room;
    channel = j->log.calls->find(j->log.owner, journal_room_name(room));
    j->recovering = NULL;
    if (channel == NULL || channel->word == UINT32_MAX)
        return NULL;
    journal_slot(j, channel)->known = room;
    room->user = channel;
    return channel;
}

/* A channel may end with this: nobody is in it, and all it had is forgotten. If it comes again,
 * what it had is gone. */
static int recover_record(void *owner, const struct segment_record *record,
                          const struct journal_place *place)
{
    struct journal *j = owner;
    uint32_t word = (uint32_t)place->segment;
    struct journal_room *room = place->room;
    struct log_channel *channel;
    struct event event;

    if (room == NULL)
        return 0;
    channel = recover_channel(j, room);
    if (channel == NULL) {
        errno = ENOMEM;
        return -1;
    }
    event = journal_event_of(record, channel->epoch);
    if (record->type == SEGMENT_MESSAGE)
        room->gone = record->seq;
    if (record->type == SEGMENT_REACT)
        room->marks_gone = record->seq;
    journal_slot(j, channel)->message = room->gone;
    journal_slot(j, channel)->mark = room->marks_gone;
    channel->next = room->last + 1;
    if (record->type != SEGMENT_SEAT)
        journal_note_live(j, word);
    j->log.calls->committed(j->log.owner, channel, &event, NULL, word);
    return 0;
}

/* Returns 0, or -1 with *problem. */
static int open_folder(struct journal *j, struct journal_problem *problem)
{
    const char *path = j->config.path;

    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        recover_tell(problem, path,
                     errno == ENOENT ? "the folder that it is to be made in is not there"
                                     : strerror(errno));
        return -1;
    }
    j->folder = journal_folder_open(path);
    if (j->folder >= 0)
        j->lock = journal_folder_lock(j->folder);
    if (j->folder >= 0 && j->lock >= 0)
        return 0;
    recover_tell(problem, path, errno == EWOULDBLOCK ? "another server uses it" : strerror(errno));
    return -1;
}

static int list_shelves(struct journal *j)
{
    struct journal_list list;
    char name[JOURNAL_NAME_SIZE];
    struct stat st;
    int result = journal_folder_list(j->folder, &list);

    for (size_t i = 0; result == 0 && i < list.count; i++) {
        journal_segment_name(name, list.numbers[i]);
        result = fstatat(j->folder, name, &st, AT_SYMLINK_NOFOLLOW);
        if (result == 0)
            result = journal_add_shelf(j, list.numbers[i], (uint64_t)st.st_size);
        j->id.number = list.numbers[i];
    }
    journal_list_deinit(&list);
    return result;
}

/* Cuts what a crash left half written: the last segment is replaced by what is whole of it. */
static int cut_tail(struct journal *j, const struct journal_report *report)
{
    struct shelf *last = journal_shelf_at(j, journal_shelf_count(j) - 1);
    char name[JOURNAL_NAME_SIZE];
    struct buf bytes;
    int result;

    last->len = report->last_len;
    if (report->last_len == 0) {
        journal_segment_name(name, report->last);
        j->shelves.len -= sizeof(struct shelf);
        j->id.number = report->last - 1; /* the next one has its number, so that no gap is left */
        return unlinkat(j->folder, name, 0) < 0 ? -1 : fsync(j->folder);
    }
    buf_init(&bytes);
    result = journal_folder_read(j->folder, report->last, &bytes);
    if (result == 0)
        result =
            journal_folder_replace(j->folder, report->last, bytes.data, (size_t)report->last_len);
    buf_deinit(&bytes);
    return result;
}

/* What a server that was killed has written is told as it was, so it must not be lost now. And the
 * space that it had asked for is given back. */
static int sync_last(const struct journal *j)
{
    const struct shelf *last;
    char name[JOURNAL_NAME_SIZE];
    int fd, result;

    if (journal_shelf_count(j) == 0)
        return 0;
    last = journal_shelf_at(j, journal_shelf_count(j) - 1);
    journal_segment_name(name, last->number);
    fd = openat(j->folder, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -1;
    result = ftruncate(fd, (off_t)last->len) < 0 || fsync(fd) < 0 || fsync(j->folder) < 0 ? -1 : 0;
    close(fd);
    return result;
}

static int refuse_journal(const struct journal *j, const struct journal_report *report,
                          struct journal_problem *problem)
{
    const char *path = j->config.path;

    if (report->state == JOURNAL_UNREADABLE)
        snprintf(problem->text, sizeof(problem->text), "the journal %.200s: segment %016llx: %s",
                 path, (unsigned long long)report->bad_segment, strerror(report->error));
    else if (report->state == JOURNAL_NEWER)
        snprintf(problem->text, sizeof(problem->text),
                 "the journal %.200s: segment %016llx was written by a newer version of wschat",
                 path, (unsigned long long)report->bad_segment);
    else
        snprintf(problem->text, sizeof(problem->text),
                 "the journal %.120s is damaged: segment %016llx at %llu: %s; see wschat journal "
                 "verify %.120s, then repair",
                 path, (unsigned long long)report->bad_segment,
                 (unsigned long long)report->bad_offset, report->why, path);
    return -1;
}

/* The rooms that were read are no more. */
static void end_recovery(struct journal *j)
{
    for (size_t i = 0; i < journal_slot_count(j); i++)
        ((struct slot *)(void *)j->slots.data)[i].known = NULL;
}

/* The tail comes before the rooms: what is told of them is on the disk then. */
static int recover_all(struct journal *j, struct journal_report *report)
{
    struct journal_replay_options options = {.visit = recover_record, .owner = j, .is_exact = true};

    if (report->state == JOURNAL_TORN && cut_tail(j, report) < 0)
        return -1;
    if (sync_last(j) < 0)
        return -1;
    if (journal_shelf_count(j) == 0)
        return journal_folder_reopen(j->folder);
    journal_replay(j->folder, &options, report);
    end_recovery(j);
    if (report->state != JOURNAL_WHOLE) {
        errno = report->error;
        return -1;
    }
    return journal_folder_reopen(j->folder);
}

int journal_recover(struct log *log, struct journal_report *report, struct journal_problem *problem)
{
    struct journal *j = journal_of(log);
    struct journal_visitor nothing = {.visit = NULL};
    struct journal_report found;
    struct journal_rooms rooms;

    if (open_folder(j, problem) < 0)
        return -1;
    journal_rooms_init(&rooms);
    journal_read(j->folder, &nothing, &rooms, &found);
    journal_rooms_deinit(&rooms);
    *report = found;
    j->last_number = found.last_room;
    if (found.state != JOURNAL_WHOLE && found.state != JOURNAL_TORN)
        return refuse_journal(j, &found, problem);
    if (list_shelves(j) == 0 && recover_all(j, &found) == 0)
        return 0;
    recover_tell(problem, j->config.path, strerror(errno));
    return -1;
}
