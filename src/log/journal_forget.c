#include "log/journal_state.h"

#include "base/tuning.h"

/* Segments that the disk holds beyond those that its bound makes: many starts leave many short
 * ones. */
#define SHORT_SEGMENTS 16

struct mover {
    struct journal *j;
    struct log_channel *channel;
    uint32_t from, to;
    uint64_t message; /* seq of the message before */
    uint64_t mark;    /* of the reaction before */
    bool has_failed;
};

static void copy_record(struct mover *m, const struct segment_record *record)
{
    m->has_failed = m->has_failed || journal_fill(m->j, m->channel, record) < 0;
    m->j->copied++;
}

static void copy_event(void *arg, const struct event *event, uint32_t *word)
{
    struct mover *m = arg;
    uint8_t hash[SHA256_SIZE];
    struct segment_record record =
        journal_record_of(event, journal_slot(m->j, m->channel)->number, hash);

    if (record.type == SEGMENT_MESSAGE) {
        /* What stands before the first one that is kept is gone, wherever it stood. */
        record.aux = m->message == UINT64_MAX ? record.seq - 1 : m->message;
        m->message = record.seq;
    } else if (record.type == SEGMENT_REACT) {
        record.aux = m->mark == UINT64_MAX ? m->channel->marks_gone : m->mark;
        m->mark = record.seq;
    }
    if (*word == m->from)
        copy_record(m, &record);
}

/* What is committed is what the chat knows; what waits comes behind it. */
static void copy_seat(void *arg, const struct event *join, uint32_t *word)
{
    struct mover *m = arg;
    uint8_t hash[SHA256_SIZE];
    struct segment_record record =
        journal_record_of(join, journal_slot(m->j, m->channel)->number, hash);

    record.type = SEGMENT_SEAT;
    record.seq = m->channel->committed;
    if (*word == m->from)
        copy_record(m, &record);
}

static void copy_channel(void *arg, struct log_channel *channel)
{
    struct mover *m = arg;
    struct journal *j = m->j;

    if (channel->word == UINT32_MAX)
        return;
    m->channel = channel;
    m->message = m->mark = UINT64_MAX;
    j->log.calls->walk_records(j->log.owner, channel, copy_event, m);
    j->log.calls->walk_seats(j->log.owner, channel, copy_seat, m);
}

/* What of the oldest segment is there again counts to the new one from now on. */
static void move_event(void *arg, const struct event *event, uint32_t *word)
{
    struct mover *m = arg;

    (void)event;
    if (*word != m->from)
        return;
    *word = m->to;
    journal_note_live(m->j, m->to);
}

/* Seats do not count: nobody tells when they go. */
static void move_seat(void *arg, const struct event *join, uint32_t *word)
{
    struct mover *m = arg;

    (void)join;
    if (*word == m->from)
        *word = m->to;
}

static void move_channel(void *arg, struct log_channel *channel)
{
    struct mover *m = arg;
    struct journal *j = m->j;

    j->log.calls->walk_records(j->log.owner, channel, move_event, m);
    j->log.calls->walk_seats(j->log.owner, channel, move_seat, m);
}

/* The oldest segment was removed. */
void journal_finish_removal(struct journal *j, const struct batch *batch)
{
    struct mover m = {
        .j = j, .from = (uint32_t)batch->job.remove, .to = (uint32_t)batch->copied_to};

    j->log.calls->walk_channels(j->log.owner, move_channel, &m);
    buf_consume(&j->shelves, sizeof(struct shelf));
}

/* Bytes of records that live, roughly. */
static uint64_t bytes_alive(const struct shelf *shelf)
{
    return shelf->total == 0 ? 0 : shelf->len / shelf->total * shelf->live;
}

/* Is it time to write what lives in the oldest segment again? Where that is much, it may stand in
 * front of many that are dead. */
static bool must_copy(const struct journal *j, const struct shelf *oldest)
{
    size_t most = (size_t)(j->config.disk_max / j->config.segment_size) + SHORT_SEGMENTS;
    uint64_t alive = 0, used = journal_disk_used(j);

    for (size_t i = 0; i < journal_shelf_count(j); i++)
        alive += bytes_alive(journal_shelf_at(j, i));
    return bytes_alive(oldest) * 4 < oldest->len || alive * 4 < used || used > j->config.disk_max ||
           journal_shelf_count(j) > most;
}

/* Has the job that fills remove the oldest segment, where that is due. Three are always kept. */
void journal_plan_removal(struct journal *j)
{
    struct shelf *oldest = journal_shelf_count(j) > 3 ? journal_shelf_at(j, 0) : NULL;
    struct mover m = {.j = j};

    /* At the end nothing may be put behind what closes the journal. */
    if (oldest == NULL || oldest->number + 1 >= j->id.number || j->retry_at != 0 || j->is_stopped)
        return;
    if (j->filling->job.part_count > 0 && j->filling->job.parts[0].segment <= oldest->number)
        return;
    if (oldest->live > 0 && !must_copy(j, oldest))
        return;
    m.from = (uint32_t)oldest->number;
    j->filling->copied_to = j->must_begin ? j->id.number + 1 : j->id.number;
    j->log.calls->walk_channels(j->log.owner, copy_channel, &m);
    if (!m.has_failed)
        j->filling->job.remove = journal_shelf_at(j, 0)->number;
}
