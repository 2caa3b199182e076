#include "log/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/tuning.h"
#include "log/journal_folder.h"
#include "log/journal_state.h"

#define RETRY_MS 1000
#define INTERVAL_MS 1000

static const struct journal *journal_of_const(const struct log *log)
{
    return (const struct journal *)(const void *)log; /* its first member */
}

/* ---- appending ---- */

static void journal_refuse(struct journal *j, struct log_channel *channel,
                           const struct event *event, const struct log_ticket *ticket,
                           enum log_refusal why)
{
    j->refused++;
    j->log.calls->refused(j->log.owner, channel, event, ticket, why);
}

static bool is_failing(const struct journal *j)
{
    return j->lost[0] != '\0' || (j->retry_at != 0 && journal_now() < j->retry_at);
}

/* The seq of the last record of a room that is of this type, where each knows the one before it;
 * NULL: where it does not. */
static uint64_t *journal_last(const struct journal *j, const struct log_channel *channel,
                              enum segment_type type)
{
    struct slot *slot = journal_slot(j, channel);

    if (type == SEGMENT_REACT)
        return &slot->mark;
    return type == SEGMENT_MESSAGE ? &slot->message : NULL;
}

/* Puts the event into the job that fills. Returns 0, or -1 with errno ENOMEM. */
static int put_event(struct journal *j, struct log_channel *channel, const struct event *event,
                     const struct log_ticket *ticket)
{
    uint8_t hash[SHA256_SIZE];
    struct segment_record record;
    struct batch *batch = j->filling;
    struct wait wait = {.channel = channel, .has_ticket = ticket != NULL};
    uint64_t *last;

    if (channel->word == UINT32_MAX || buf_reserve(&batch->waits, sizeof(wait)) < 0)
        return -1;
    record = journal_record_of(event, journal_slot(j, channel)->number, hash);
    last = journal_last(j, channel, record.type);
    if (last != NULL)
        record.aux = *last;
    if (batch->waits.len == 0)
        batch->since = journal_now();
    if (journal_fill(j, channel, &record) < 0)
        return -1;
    if (last != NULL)
        *last = record.seq;
    if (ticket != NULL)
        wait.ticket = *ticket;
    wait.part = batch->job.part_count - 1;
    wait.offset = batch->job.bytes.len - segment_record_size(&record);
    return buf_append(&batch->waits, &wait, sizeof(wait));
}

static void journal_append(struct log *log, struct log_channel *channel, struct event *event,
                           const struct log_ticket *ticket)
{
    struct journal *j = journal_of(log);

    if (j->is_stopped || is_failing(j)) {
        journal_refuse(j, channel, event, ticket,
                       j->is_stopped ? LOG_REFUSED_STOPPED : LOG_REFUSED_JOURNAL);
        return;
    }
    event->epoch = channel->epoch;
    event->seq = channel->next;
    if (put_event(j, channel, event, ticket) < 0) {
        journal_refuse(j, channel, event, ticket, LOG_REFUSED_MEMORY);
        return;
    }
    channel->next++;
}

/* ---- answering ---- */

static struct wait *wait_at(const struct batch *batch, size_t i)
{
    return (struct wait *)(void *)batch->waits.data + i;
}

static size_t wait_count(const struct batch *batch)
{
    return batch->waits.len / sizeof(struct wait);
}

static const uint8_t *wait_bytes(const struct batch *batch, const struct wait *wait)
{
    return batch->job.bytes.data + wait->offset;
}

static const struct log_ticket *wait_ticket(const struct wait *wait)
{
    return wait->has_ticket ? &wait->ticket : NULL;
}

static void answer_committed(struct journal *j, const struct batch *batch, const struct wait *wait)
{
    uint32_t word = (uint32_t)batch->job.parts[wait->part].segment;
    struct segment_record record;
    struct event event;

    segment_record_peek(&record, wait_bytes(batch, wait));
    event = journal_event_of(&record, wait->channel->epoch);
    journal_note_live(j, word);
    j->log.calls->committed(j->log.owner, wait->channel, &event, wait_ticket(wait), word);
}

static void answer_refused(struct journal *j, const struct batch *batch, const struct wait *wait)
{
    struct segment_record record;
    struct event event;

    segment_record_peek(&record, wait_bytes(batch, wait));
    event = journal_event_of(&record, wait->channel->epoch);
    journal_refuse(j, wait->channel, &event, wait_ticket(wait), LOG_REFUSED_JOURNAL);
}

/* Numbers that were given to what never happened are given again. From the last to the first, so
 * that the smallest stays. */
static void take_back(struct journal *j, const struct batch *batch)
{
    for (size_t i = wait_count(batch); i-- > batch->answered;) {
        const struct wait *wait = wait_at(batch, i);
        struct segment_record record;
        uint64_t *last;

        segment_record_peek(&record, wait_bytes(batch, wait));
        wait->channel->next = record.seq;
        last = journal_last(j, wait->channel, record.type);
        if (last != NULL)
            *last = record.aux;
    }
}

static void batch_clear(struct batch *batch)
{
    journal_job_clear(&batch->job);
    batch->waits.len = 0;
    batch->answered = 0;
    batch->copied_to = 0;
}

static void refuse_rest(struct journal *j, struct batch *batch)
{
    while (batch->answered < wait_count(batch))
        answer_refused(j, batch, wait_at(batch, batch->answered++));
    batch_clear(batch);
}

/* ---- failure ---- */

/* The next record goes where the first one went that could not be written. */
static void return_to(struct journal *j, const struct journal_part *part)
{
    j->id = (struct segment_id){part->life, part->segment};
    j->offset = part->offset;
    j->begins_anew = part->is_new;
    j->must_begin = false;
    while (journal_shelf_count(j) > 0 &&
           journal_shelf_at(j, journal_shelf_count(j) - 1)->number > part->segment)
        j->shelves.len -= sizeof(struct shelf);
    for (size_t i = 0; i < journal_slot_count(j); i++) {
        struct slot *slot = (struct slot *)(void *)j->slots.data + i;

        if (slot->number != 0 && slot->named >= part->segment)
            slot->named = 0;
    }
}

static void note_failure(struct journal *j)
{
    const struct journal_result *result = &j->result;

    if (result->is_lost) {
        snprintf(j->lost, sizeof(j->lost), "%s: %s", result->call, strerror(result->error));
        return;
    }
    if (j->retry_at == 0)
        log_error("the journal cannot be written: messages are refused until it can", "call",
                  result->call, "error", strerror(result->error));
    j->retry_at = journal_now() + RETRY_MS;
}

/* What was written is committed already; the rest never happened, and neither did what came later.
 * All numbers are taken back before anybody hears of it, because who does may append again. */
static void fail_rest(struct journal *j)
{
    struct batch *written = j->written, *later = j->filling;

    take_back(j, later);
    take_back(j, written);
    if (j->result.parts < written->job.part_count)
        return_to(j, &written->job.parts[j->result.parts]);
    note_failure(j);
    refuse_rest(j, written);
    refuse_rest(j, later);
}

static void note_success(struct journal *j)
{
    if (j->retry_at == 0)
        return;
    j->retry_at = 0;
    log_info("the journal can be written again");
}

/* ---- turns ---- */

/* What stands behind this was written when all in front of `aux` was on the disk. */
static void put_synced(struct journal *j)
{
    const struct journal_part *last = batch_last_part(j->filling);
    struct segment_record synced = {.type = SEGMENT_SYNCED, .aux = j->result.synced_offset};

    if (j->filling->waits.len == 0 || last == NULL || j->result.synced_segment != j->id.number ||
        last->segment != j->id.number || buf_reserve(&j->filling->job.bytes, SEGMENT_HEAD) < 0)
        return;
    journal_put_record(j, &synced);
    j->records--;
}

/* Hands over what has come in the meantime. */
static void submit(struct journal *j)
{
    struct batch *batch = j->filling;

    if (j->lost[0] != '\0' || j->written != NULL)
        return;
    journal_plan_removal(j);
    if (batch->job.part_count == 0 && batch->job.remove == 0)
        return;
    put_synced(j);
    j->written = batch;
    j->filling = &j->batches[batch == &j->batches[0]];
    j->is_done = journal_writer_try(&j->writer, &batch->job, &j->result);
    if (!j->is_done)
        journal_writer_submit(&j->writer, &batch->job);
}

/* Answers what is written, as far as the rooms can take it. Returns true where that was all. */
static bool answer(struct journal *j, bool is_last)
{
    struct batch *batch = j->written;

    while (batch->answered < wait_count(batch)) {
        const struct wait *wait = wait_at(batch, batch->answered);

        if (wait->part >= j->result.parts || j->result.is_lost)
            break;
        if (!is_last && !j->log.calls->has_room(j->log.owner, wait->channel))
            return false;
        batch->answered++;
        answer_committed(j, batch, wait);
    }
    return true;
}

/* The job is done and all that was written is committed. */
static void journal_finish(struct journal *j)
{
    struct batch *batch = j->written;

    if (j->result.error != 0) {
        bool was_copied = batch->job.remove != 0 && j->result.parts == batch->job.part_count;

        if (was_copied && !j->result.is_lost)
            note_failure(j); /* the old segment could not be removed; it will be tried again */
        else
            fail_rest(j);
        batch_clear(batch);
        j->written = NULL;
        return;
    }
    note_success(j);
    if (batch->job.remove != 0)
        journal_finish_removal(j, batch);
    batch_clear(batch);
    j->written = NULL;
}

/* Answers what is done. Returns false where the rooms cannot take all of it yet, or where nothing
 * can be told any more. */
static bool take_done(struct journal *j)
{
    if (!j->is_done && journal_writer_take(&j->writer, &j->result)) {
        if (j->written == NULL) {
            note_failure(j);
            return false;
        }
        j->is_done = true;
    }
    if (j->is_done) {
        if (!answer(j, false))
            return false;
        journal_finish(j);
        j->is_done = false;
    }
    return true;
}

/* It was to be handed over, and was not. */
static void journal_go_on(struct journal *j)
{
    j->is_paused = false;
    journal_writer_go_on(&j->writer);
}

/* What was told now is sent before the next sync begins: answers to it that come in the meantime go
 * to the disk together with what is there already. Else those who talk fall into groups that take
 * turns, and each group costs each reader a send. */
static bool has_told(struct journal *j, bool was_busy)
{
    return was_busy && j->written == NULL && j->config.sync == JOURNAL_SYNC_ALWAYS;
}

static void journal_turn(struct log *log)
{
    struct journal *j = journal_of(log);
    bool was_busy = j->written != NULL;

    if (j->is_paused)
        journal_go_on(j);
    if (j->is_stopped || !j->has_writer || !take_done(j) || has_told(j, was_busy))
        return;
    submit(j);
    if (j->is_done)
        take_done(j);
}

static uint64_t journal_deadline(const struct log *log)
{
    const struct journal *j = journal_of_const(log);

    if (j->is_done || j->is_paused)
        return 0; /* as soon as the readers were served; as soon as nobody takes over */
    if (j->written == NULL && j->filling->job.part_count > 0 && j->lost[0] == '\0')
        return 0; /* it was appended after the turn */
    return is_failing(j) && j->lost[0] == '\0' ? j->retry_at : UINT64_MAX;
}

/* ---- the end ---- */

/* Waits for the job in work, and answers everything in it. */
static void drain(struct journal *j)
{
    if (j->written == NULL)
        return;
    if (!j->is_done)
        journal_writer_wait(&j->writer, &j->result);
    answer(j, true);
    journal_finish(j);
    j->is_done = false;
}

/* Has the next start find that nothing is missing. */
static void write_close(struct journal *j)
{
    struct segment_record record = {.type = SEGMENT_CLOSE};
    struct journal_end end;

    if (j->must_begin && journal_shelf_count(j) == 0)
        return;
    if (journal_find_space(j, SEGMENT_HEAD) < 0)
        return;
    journal_put_record(j, &record);
    j->filling->job.must_sync = true;
    end = (struct journal_end){j->id.number, j->offset};
    submit(j);
    drain(j);
    if (j->lost[0] == '\0' && j->retry_at == 0 && journal_folder_close(j->folder, &end) < 0)
        log_error("the journal was not closed", "error", strerror(errno));
}

static void journal_stop(struct log *log)
{
    struct journal *j = journal_of(log);

    if (j->is_stopped)
        return;
    j->is_stopped = true; /* what is appended now is refused, also by who hears the answers */
    if (!j->has_writer)
        return;
    drain(j);
    submit(j);
    drain(j);
    if (j->lost[0] == '\0' && j->retry_at == 0)
        write_close(j);
}

static void journal_free(struct log *log)
{
    struct journal *j = journal_of(log);

    if (j->has_writer)
        journal_writer_stop(&j->writer);
    for (size_t i = 0; i < ARRAY_LEN(j->batches); i++) {
        journal_job_deinit(&j->batches[i].job);
        buf_deinit(&j->batches[i].waits);
    }
    buf_deinit(&j->slots);
    buf_deinit(&j->shelves);
    if (j->lock >= 0 && !j->has_others_lock)
        close(j->lock);
    if (j->folder >= 0)
        close(j->folder);
    free(j);
}

static void journal_forgotten(struct log *log, struct log_channel *channel, uint32_t word)
{
    struct shelf *shelf = journal_find_shelf(journal_of(log), word);

    (void)channel;
    if (shelf != NULL && shelf->live > 0)
        shelf->live--;
}

static const struct log_ops journal_ops = {
    .open = journal_open,
    .close = journal_close,
    .append = journal_append,
    .forgotten = journal_forgotten,
    .turn = journal_turn,
    .deadline = journal_deadline,
    .stop = journal_stop,
    .free = journal_free,
    .cannot_hand = journal_cannot_hand,
    .hand = journal_hand,
    .take = journal_take,
    .adopt = journal_adopt,
    .is_lasting = true,
};

/* ---- the beginning ---- */

struct log *journal_new(const struct journal_config *config)
{
    struct journal *j = malloc(sizeof(*j));

    if (j == NULL)
        return NULL;
    *j =
        (struct journal){.log = {.ops = &journal_ops}, .config = *config, .folder = -1, .lock = -1};
    if (config->segment_size == 0)
        j->config.segment_size = TUNE_SEGMENT;
    if (config->interval_ms == 0)
        j->config.interval_ms = INTERVAL_MS;
    j->must_begin = true;
    j->filling = &j->batches[0];
    return &j->log;
}

int journal_start(struct log *log)
{
    struct journal *j = journal_of(log);

    if (journal_writer_start(&j->writer, j->folder, j->config.sync, j->config.segment_size,
                             j->config.interval_ms) < 0)
        return -1;
    j->has_writer = true;
    return 0;
}

/* ---- questions ---- */

int journal_folder(const struct log *log)
{
    return journal_of_const(log)->folder;
}

int journal_event(const struct log *log)
{
    return journal_of_const(log)->writer.event;
}

bool journal_is_lost(const struct log *log, struct journal_problem *problem)
{
    const struct journal *j = journal_of_const(log);

    if (j->lost[0] == '\0')
        return false;
    snprintf(problem->text, sizeof(problem->text),
             "the journal %.200s: %s: nobody knows what is on the disk, so the server ends; start "
             "it again when the disk is well",
             j->config.path, j->lost);
    return true;
}

static void count_waiting(const struct batch *batch, struct journal_stats *stats)
{
    uint64_t count = wait_count(batch) - batch->answered, age = journal_now() - batch->since;

    stats->waiting += count;
    if (count > 0 && age > stats->waiting_ms)
        stats->waiting_ms = age;
}

void journal_stats(struct log *log, struct journal_stats *stats)
{
    struct journal *j = journal_of(log);

    *stats = (struct journal_stats){
        .records = j->records,
        .refused = j->refused,
        .copied = j->copied,
        .segments = journal_shelf_count(j),
        .disk = journal_disk_used(j),
        .is_failing = j->retry_at != 0 || j->lost[0] != '\0',
    };
    count_waiting(&j->batches[0], stats);
    count_waiting(&j->batches[1], stats);
    journal_writer_counters(&j->writer, &stats->writer);
}
