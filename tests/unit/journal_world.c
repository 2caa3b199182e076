#include "journal_world.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "log/journal_state.h"

struct diary diary;

static char folder[256];
static uint64_t randoms, appended;
static int given_lock = -1; /* by a log of another process */

/* ---- folders ---- */

const char *diary_folder(void)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(folder, sizeof(folder), "%s/wschat-journal-XXXXXX", tmp == NULL ? "/tmp" : tmp);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    return folder;
}

static void remove_all(int at, const char *name)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    if (dir == NULL) {
        unlinkat(at, name, 0);
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove_all(fd, entry->d_name);
    }
    closedir(dir);
    unlinkat(at, name, AT_REMOVEDIR);
}

void diary_remove_folder(void)
{
    if (folder[0] != '\0')
        remove_all(AT_FDCWD, folder);
    folder[0] = '\0';
}

/* ---- the chat's side ---- */

static struct diary_room *of_channel(struct log_channel *channel)
{
    return (struct diary_room *)(void *)channel;
}

static void copy_text(char *out, size_t size, struct str text)
{
    size_t len = min_size(text.len, size - 1);

    if (len > 0)
        memcpy(out, text.ptr, len);
    out[len] = '\0';
}

static void forget_oldest(struct diary_room *room)
{
    struct diary_record *oldest = &room->kept[0];

    diary.log->ops->forgotten(diary.log, &room->channel, oldest->word);
    if (oldest->kind == EVENT_MESSAGE)
        room->gone = oldest->seq;
    else
        room->channel.marks_gone = oldest->seq;
    room->kept_count--;
    memmove(room->kept, room->kept + 1, room->kept_count * sizeof(*room->kept));
}

static void keep(struct diary_room *room, const struct event *event, uint32_t word)
{
    struct diary_record *record = &room->kept[room->kept_count];

    record->seq = event->seq;
    record->from = event->from;
    record->kind = event->kind;
    record->word = word;
    record->has_ref = event->ref.ptr != NULL;
    record->has_data = event->data.ptr != NULL;
    record->has_text = event->text.ptr != NULL;
    record->is_on = event->is_on;
    record->re = event->re;
    copy_text(record->data, sizeof(record->data), event->data);
    record->text_len = event->text.len;
    copy_text(record->name, sizeof(record->name), event->name);
    copy_text(record->ref, sizeof(record->ref), event->ref);
    copy_text(record->text, sizeof(record->text), event->text);
    room->kept_count++;
}

static size_t find_seat(const struct diary_room *room, uint64_t id)
{
    size_t i = 0;

    while (i < room->seat_count && room->seats[i].id != id)
        i++;
    return i;
}

static void seat_event(struct diary_room *room, const struct event *event, uint32_t word)
{
    size_t i = find_seat(room, event->from);
    struct diary_seat *seat = &room->seats[i];

    if (event->kind == EVENT_LEAVE) {
        if (i < room->seat_count)
            *seat = room->seats[--room->seat_count];
        return;
    }
    if (event->kind == EVENT_JOIN) {
        if (event->seq > 0)
            ck_assert_uint_eq(i, room->seat_count);
        room->seat_count += i == room->seat_count;
        *seat = (struct diary_seat){.id = event->from, .word = word, .key_len = event->key.len};
        seat->key_is_hash = event->key_is_hash;
        if (event->key.len > 0)
            memcpy(seat->key, event->key.ptr, event->key.len);
    }
    if (i < room->seat_count)
        copy_text(seat->name, sizeof(seat->name), event->name);
}

static void on_committed(void *owner, struct log_channel *channel, const struct event *event,
                         const struct log_ticket *ticket, uint32_t word)
{
    struct diary_room *room = of_channel(channel);
    bool is_said;

    (void)owner;
    ck_assert_uint_eq(event->epoch, channel->epoch);
    if (event->seq > 0) {
        if (event->kind == EVENT_MESSAGE)
            ck_assert_uint_gt(event->seq, channel->committed);
        channel->committed = event->seq;
    }
    if (ticket == NULL) {
        diary.recovered++;
    } else {
        ck_assert_uint_gt(ticket->tag, diary.last_tag);
        diary.last_tag = ticket->tag;
        diary.committed++;
        if (diary.answered != NULL)
            diary.answered(room, event, ticket, true);
    }
    is_said = event->kind == EVENT_MESSAGE || event->kind == EVENT_REACT;
    if (!is_said)
        seat_event(room, event, word);
    if (is_said && diary.keep > 0) {
        if (room->kept_count == diary.keep)
            forget_oldest(room);
        keep(room, event, word);
    } else if (event->seq > 0) {
        diary.log->ops->forgotten(diary.log, channel, word);
    }
}

static void on_refused(void *owner, struct log_channel *channel, const struct event *event,
                       const struct log_ticket *ticket, enum log_refusal why)
{
    (void)owner;
    ck_assert_ptr_nonnull(ticket);
    diary.refused++;
    diary.why = why;
    if (diary.answered != NULL)
        diary.answered(of_channel(channel), event, ticket, false);
}

static bool on_has_room(void *owner, struct log_channel *channel)
{
    (void)owner;
    (void)channel;
    return !diary.is_blocked;
}

static struct log_channel *on_find(void *owner, struct str name)
{
    char text[65];

    (void)owner;
    copy_text(text, sizeof(text), name);
    return &diary_room(text)->channel;
}

static void on_walk_records(void *owner, struct log_channel *channel,
                            void (*each)(void *arg, const struct event *event, uint32_t *word),
                            void *arg)
{
    struct diary_room *room = of_channel(channel);

    (void)owner;
    for (size_t i = 0; i < room->kept_count; i++) {
        struct diary_record *record = &room->kept[i];
        struct event event = {
            .kind = record->kind,
            .seq = record->seq,
            .epoch = channel->epoch,
            .from = record->from,
            .name = str_from(record->name),
            .text = record->has_text ? str_from(record->text) : (struct str){NULL, 0},
            .re = record->re,
            .is_on = record->is_on,
            .data = record->has_data ? str_from(record->data) : (struct str){NULL, 0},
            .ref = record->has_ref ? str_from(record->ref) : (struct str){NULL, 0},
        };

        each(arg, &event, &record->word);
    }
}

static void on_walk_seats(void *owner, struct log_channel *channel,
                          void (*each)(void *arg, const struct event *join, uint32_t *word),
                          void *arg)
{
    struct diary_room *room = of_channel(channel);

    (void)owner;
    for (size_t i = 0; i < room->seat_count; i++) {
        struct diary_seat *seat = &room->seats[i];
        struct event event = {
            .kind = EVENT_JOIN,
            .epoch = channel->epoch,
            .from = seat->id,
            .name = str_from(seat->name),
            .key = {seat->key_len > 0 ? seat->key : NULL, seat->key_len},
            .key_is_hash = seat->key_is_hash,
        };

        each(arg, &event, &seat->word);
    }
}

static void on_walk_channels(void *owner, void (*each)(void *arg, struct log_channel *channel),
                             void *arg)
{
    (void)owner;
    for (size_t i = 0; i < DIARY_ROOMS; i++) {
        if (diary.rooms[i].channel.name.ptr != NULL)
            each(arg, &diary.rooms[i].channel);
    }
}

static const struct log_calls calls = {
    .committed = on_committed,
    .refused = on_refused,
    .has_room = on_has_room,
    .find = on_find,
    .walk_records = on_walk_records,
    .walk_seats = on_walk_seats,
    .walk_channels = on_walk_channels,
};

/* ---- use ---- */

struct diary_room *diary_room(const char *name)
{
    struct diary_room *room = diary.rooms;

    while (room->channel.name.ptr != NULL && strcmp(room->name, name) != 0)
        room++;
    ck_assert(room < diary.rooms + DIARY_ROOMS);
    if (room->channel.name.ptr == NULL) {
        snprintf(room->name, sizeof(room->name), "%s", name);
        room->channel.name = str_from(room->name);
        diary.log->ops->open(diary.log, &room->channel);
        room->gone = room->channel.next - 1;
    }
    return room;
}

void diary_end_room(const char *name)
{
    struct diary_room *room = diary_room(name);

    ck_assert_uint_eq(room->seat_count, 0);
    while (room->kept_count > 0)
        forget_oldest(room);
    diary.log->ops->close(diary.log, &room->channel);
    memset(room, 0, sizeof(*room));
}

/* Not unguessable, and the same in each run. */
static void fill_random(void *bytes, size_t len)
{
    uint8_t *at = bytes;

    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)((++randoms * 0x9e3779b97f4a7c15u) >> 56);
}

int diary_open(enum journal_sync sync, uint64_t disk_max)
{
    struct diary before = diary;
    struct journal_config config = {
        folder, sync, disk_max, fill_random, before.segment_size, before.interval_ms};

    diary = (struct diary){.keep = before.keep == 0 ? DIARY_KEPT : before.keep};
    diary.segment_size = before.segment_size;
    diary.interval_ms = before.interval_ms;
    diary.answered = before.answered;
    appended = 0;
    diary.log = journal_new(&config);
    if (diary.log == NULL)
        return -1;
    diary.log->calls = &calls;
    if (journal_recover(diary.log, &diary.report, &diary.problem) == 0 &&
        journal_start(diary.log) == 0)
        return 0;
    diary.log->ops->free(diary.log);
    diary.log = NULL;
    return -1;
}

/* The log of a process that waits for what there is. */
static struct log *make_heir(enum journal_sync sync, uint64_t disk_max)
{
    struct journal_config config = {
        folder, sync, disk_max, fill_random, diary.segment_size, diary.interval_ms};
    struct log *log = journal_new(&config);

    ck_assert_ptr_nonnull(log);
    log->calls = &calls;
    ck_assert_int_eq(journal_await(log, &diary.problem), 0);
    ck_assert_int_eq(journal_start(log), 0);
    return log;
}

static void await_quiet(void)
{
    struct pollfd event = {.fd = journal_event(diary.log), .events = POLLIN};

    while (diary.log->ops->cannot_hand(diary.log) != NULL) {
        poll(&event, 1, 10);
        diary.log->ops->turn(diary.log);
    }
}

const char *diary_hand_over(enum journal_sync sync, uint64_t disk_max,
                            void (*change)(struct hand_pipe *pipe))
{
    struct log *heir = make_heir(sync, disk_max);
    int own_lock = dup(journal_lock(diary.log));
    struct hand_pipe pipe;
    const char *why;

    await_quiet();
    hand_pipe_init(&pipe);
    diary.log->ops->hand(diary.log, &pipe.w);
    if (change != NULL)
        change(&pipe);
    hand_pipe_rewind(&pipe);
    journal_take_lock(heir, own_lock);
    heir->ops->take(heir, &pipe.r);
    hand_is_through(&pipe.r);
    why = pipe.r.why;
    hand_pipe_deinit(&pipe);
    if (why != NULL) {
        heir->ops->free(heir);
        close(own_lock);
        return why;
    }
    diary_kill();
    diary.log = heir;
    given_lock = own_lock;
    return NULL;
}

void diary_kill(void)
{
    if (diary.log != NULL)
        diary.log->ops->free(diary.log);
    diary.log = NULL;
    if (given_lock >= 0)
        close(given_lock);
    given_lock = -1;
}

void diary_stop(void)
{
    diary.log->ops->stop(diary.log);
    diary_kill();
}

static void append(const char *room, struct event *event)
{
    struct log_ticket ticket = {.tag = ++appended};

    if (diary.ts != 0)
        event->ts = diary.ts;
    log_append(diary.log, &diary_room(room)->channel, event, &ticket);
}

void diary_say(const char *room, uint64_t from, const char *text)
{
    struct event event = {.kind = EVENT_MESSAGE,
                          .ts = 1000 + appended,
                          .from = from,
                          .text = str_from(text),
                          .ref = STR("r")};

    append(room, &event);
}

void diary_reply(const char *room, uint64_t from, uint64_t re, const char *data)
{
    struct event event = {.kind = EVENT_MESSAGE,
                          .ts = 1000 + appended,
                          .from = from,
                          .re = re,
                          .data = str_from(data)};

    append(room, &event);
}

void diary_react(const char *room, uint64_t from, uint64_t re, const char *emoji, bool is_on)
{
    struct event event = {.kind = EVENT_REACT,
                          .ts = 1000 + appended,
                          .from = from,
                          .re = re,
                          .is_on = is_on,
                          .text = str_from(emoji)};

    append(room, &event);
}

void diary_say_long(const char *room, uint64_t from, size_t len)
{
    char *text = malloc(len);
    struct event event = {
        .kind = EVENT_MESSAGE, .ts = 1000 + appended, .from = from, .text = {text, len}};

    memset(text, 'x', len);
    append(room, &event);
    free(text);
}

void diary_presence(const char *room, enum event_kind kind, uint64_t id, const char *name,
                    const char *key)
{
    struct event event = {.kind = kind, .ts = 1000 + appended, .from = id, .name = str_from(name)};

    if (kind == EVENT_JOIN && key != NULL)
        event.key = str_from(key);

    append(room, &event);
}

void diary_hurry(void)
{
    struct journal *j = journal_of(diary.log);

    if (j->retry_at != 0)
        j->retry_at = 1;
}

uint64_t diary_waiting(void)
{
    struct journal_stats stats;

    journal_stats(diary.log, &stats);
    return stats.waiting;
}

void diary_settle(void)
{
    struct pollfd event = {.fd = journal_event(diary.log), .events = POLLIN};
    struct journal_problem problem;

    diary.log->ops->turn(diary.log);
    while (diary_waiting() > 0 && !journal_is_lost(diary.log, &problem)) {
        poll(&event, 1, diary.log->ops->deadline(diary.log) == 0 ? 0 : 5000);
        diary.log->ops->turn(diary.log);
    }
}
