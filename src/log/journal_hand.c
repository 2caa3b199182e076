/* A journal that one process hands to another: nothing is read or copied. Whoever takes over has
 * the lock, and goes on in the same segment, right behind what is there. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/journal.h"
#include "log/journal_folder.h"
#include "log/journal_state.h"

/* ---- handing ---- */

const char *journal_cannot_hand(struct log *log)
{
    struct journal *j = journal_of(log);

    if (j->lost[0] != '\0' || j->retry_at != 0 || j->begins_anew)
        return "the journal cannot be written";
    if (j->is_stopped || !j->has_writer)
        return "the journal is closed";
    if (j->written != NULL || j->filling->job.part_count > 0 || j->filling->job.remove != 0 ||
        !journal_writer_pause(&j->writer))
        return "the journal is still being written";
    j->is_paused = true;
    return NULL;
}

static void hand_slots(struct hand_writer *w, const struct journal *j)
{
    hand_put_count(w, journal_slot_count(j));
    for (size_t i = 0; i < journal_slot_count(j); i++) {
        const struct slot *slot = (const struct slot *)(const void *)j->slots.data + i;

        hand_put_u32(w, slot->number);
        hand_put_u32(w, slot->next);
        hand_put_u64(w, slot->named);
        hand_put_u64(w, slot->message);
        hand_put_u64(w, slot->mark);
    }
    hand_put_u32(w, j->free_slot);
    hand_put_u32(w, j->last_number);
}

static void hand_shelves(struct hand_writer *w, const struct journal *j)
{
    hand_put_count(w, journal_shelf_count(j));
    for (size_t i = 0; i < journal_shelf_count(j); i++) {
        const struct shelf *shelf = journal_shelf_at(j, i);

        hand_put_u64(w, shelf->number);
        hand_put_u64(w, shelf->len);
        hand_put_u64(w, shelf->total);
        hand_put_u64(w, shelf->live);
    }
}

static void hand_writer_of(struct hand_writer *w, struct journal_writer *writer)
{
    struct journal_standing standing;

    journal_writer_tell(writer, &standing);
    hand_put_u64(w, standing.segment);
    hand_put_u64(w, standing.offset);
    hand_put_u64(w, standing.synced_segment);
    hand_put_u64(w, standing.synced_offset);
    hand_put_u64(w, standing.counters.syncs);
    hand_put_u64(w, standing.counters.sync_ns);
    for (size_t i = 0; i < JOURNAL_SYNC_BUCKETS; i++)
        hand_put_u64(w, standing.counters.sync_buckets[i]);
    hand_put_u64(w, standing.counters.bytes);
    hand_put_u64(w, standing.counters.failures);
}

void journal_hand(struct log *log, struct hand_writer *w)
{
    struct journal *j = journal_of(log);

    hand_begin(w, HAND_LOG);
    hand_put_u8(w, LOG_KIND_JOURNAL);
    hand_put_u64(w, j->id.life);
    hand_put_u64(w, j->id.number);
    hand_put_u64(w, j->offset);
    hand_put_bool(w, j->must_begin);
    hand_put_u64(w, j->records);
    hand_put_u64(w, j->refused);
    hand_put_u64(w, j->copied);
    hand_slots(w, j);
    hand_shelves(w, j);
    hand_writer_of(w, &j->writer);
    hand_end(w);
}

/* ---- taking ---- */

int journal_await(struct log *log, struct journal_problem *problem)
{
    struct journal *j = journal_of(log);

    j->folder = journal_folder_open(j->config.path);
    if (j->folder >= 0)
        return 0;
    snprintf(problem->text, sizeof(problem->text), "the journal %.200s: %s", j->config.path,
             strerror(errno));
    return -1;
}

int journal_lock(const struct log *log)
{
    return ((const struct journal *)(const void *)log)->lock;
}

void journal_take_lock(struct log *log, int fd)
{
    struct journal *j = journal_of(log);

    j->lock = fd;
    j->has_others_lock = true;
}

/* Is what was given the lock of this folder? It may be shut in, and allowed to write there alone.
 */
static bool is_our_lock(const struct journal *j)
{
    struct stat here, there;
    int fd = journal_folder_open_lock(j->folder, O_WRONLY);
    bool is_same = fd >= 0 && j->lock >= 0 && fstat(fd, &here) == 0 &&
                   fstat(j->lock, &there) == 0 && here.st_dev == there.st_dev &&
                   here.st_ino == there.st_ino;

    if (fd >= 0)
        close(fd);
    return is_same;
}

/* The free slots are a chain that goes through each of them once. */
static bool has_right_chain(const struct journal *j)
{
    const struct slot *slots = (const struct slot *)(const void *)j->slots.data;
    size_t count = journal_slot_count(j), free_count = 0;
    uint32_t at = j->free_slot;

    for (size_t i = 0; i < count; i++)
        free_count += slots[i].number == 0;
    for (; free_count > 0; free_count--) {
        if (at == 0 || at > count || slots[at - 1].number != 0)
            return false;
        at = slots[at - 1].next;
    }
    return at == 0;
}

static void take_slots(struct hand_reader *r, struct journal *j)
{
    for (size_t n = hand_get_count(r, 32, UINT32_MAX - 1); n > 0; n--) {
        struct slot slot = {.number = hand_get_u32(r)};

        slot.next = hand_get_u32(r);
        slot.named = hand_get_u64(r);
        slot.message = hand_get_u64(r);
        slot.mark = hand_get_u64(r);
        if (buf_append(&j->slots, &slot, sizeof(slot)) < 0)
            hand_fail(r, "out of memory");
    }
    j->free_slot = hand_get_u32(r);
    j->last_number = hand_get_u32(r);
    hand_check(r, has_right_chain(j), "the rooms of the journal make no sense");
}

/* They are numbered one after the other. */
static void take_shelves(struct hand_reader *r, struct journal *j)
{
    for (size_t n = hand_get_count(r, 32, UINT32_MAX), i = 0; i < n; i++) {
        struct shelf shelf = {.number = hand_get_u64(r)};

        shelf.len = hand_get_u64(r);
        shelf.total = hand_get_u64(r);
        shelf.live = hand_upto(r, hand_get_u64(r), shelf.total);
        hand_check(r, i == 0 || shelf.number == journal_shelf_at(j, i - 1)->number + 1,
                   "the segments of the journal make no sense");
        if (!hand_is_good(r))
            return;
        if (buf_append(&j->shelves, &shelf, sizeof(shelf)) < 0)
            hand_fail(r, "out of memory");
    }
}

static void take_standing(struct hand_reader *r, struct journal_standing *standing)
{
    standing->segment = hand_get_u64(r);
    standing->offset = hand_get_u64(r);
    standing->synced_segment = hand_get_u64(r);
    standing->synced_offset = hand_get_u64(r);
    standing->counters.syncs = hand_get_u64(r);
    standing->counters.sync_ns = hand_get_u64(r);
    for (size_t i = 0; i < JOURNAL_SYNC_BUCKETS; i++)
        standing->counters.sync_buckets[i] = hand_get_u64(r);
    standing->counters.bytes = hand_get_u64(r);
    standing->counters.failures = hand_get_u64(r);
}

/* The last segment, which ends where the one who wrote it says. Returns -1 where it does not. */
static int open_last(const struct journal *j, const struct journal_standing *standing)
{
    char name[JOURNAL_NAME_SIZE];
    struct stat st;
    int fd;

    if (standing->segment != j->id.number || standing->offset != j->offset ||
        journal_shelf_count(j) == 0 ||
        journal_shelf_at(j, journal_shelf_count(j) - 1)->number != j->id.number)
        return -1;
    journal_segment_name(name, j->id.number);
    fd = openat(j->folder, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && fstat(fd, &st) == 0 && (uint64_t)st.st_size == j->offset)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void take_writer(struct hand_reader *r, struct journal *j)
{
    struct journal_standing standing;
    int fd = -1;

    take_standing(r, &standing);
    if (!hand_is_good(r))
        return;
    if (!j->must_begin)
        fd = open_last(j, &standing);
    else
        hand_check(r, standing.segment == 0, "a segment is there and is not");
    if (!hand_check(r, j->must_begin || fd >= 0, "the journal is not as it was left"))
        return;
    j->result.synced_segment = standing.synced_segment;
    j->result.synced_offset = standing.synced_offset;
    journal_writer_take_over(&j->writer, fd, &standing);
}

void journal_take(struct log *log, struct hand_reader *r)
{
    struct journal *j = journal_of(log);

    hand_expect(r, HAND_LOG);
    hand_check(r, hand_get_u8(r) == LOG_KIND_JOURNAL,
               "it has a --journal, and the other one has not");
    if (!hand_check(r, j->has_writer && is_our_lock(j), "the lock is not that of the journal"))
        return;
    j->id.life = hand_get_u64(r);
    j->id.number = hand_upto(r, hand_get_u64(r), UINT64_MAX / 2);
    j->offset = hand_get_u64(r);
    j->must_begin = hand_get_bool(r);
    j->records = hand_get_u64(r);
    j->refused = hand_get_u64(r);
    j->copied = hand_get_u64(r);
    take_slots(r, j);
    take_shelves(r, j);
    take_writer(r, j);
}

bool journal_adopt(struct log *log, struct log_channel *channel)
{
    const struct journal *j = journal_of(log);

    return channel->word == UINT32_MAX ||
           (channel->word < journal_slot_count(j) && journal_slot(j, channel)->number != 0);
}
