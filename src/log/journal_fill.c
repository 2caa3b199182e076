#include "log/journal_state.h"

#include "base/tuning.h"

/* ---- events as records ---- */

static enum segment_type segment_type_of(enum event_kind kind)
{
    switch (kind) {
    case EVENT_JOIN:
        return SEGMENT_JOIN;
    case EVENT_LEAVE:
        return SEGMENT_LEAVE;
    case EVENT_RENAME:
        return SEGMENT_RENAME;
    case EVENT_REACT:
    case EVENT_RETRACT:
        return SEGMENT_REACT;
    case EVENT_SLOW:
        return SEGMENT_SLOW;
    case EVENT_BAN:
    case EVENT_LIFT:
        return SEGMENT_BAN;
    default:
        return SEGMENT_MESSAGE;
    }
}

static enum event_kind kind_of(const struct segment_record *record)
{
    switch (record->type) {
    case SEGMENT_JOIN:
    case SEGMENT_SEAT:
        return EVENT_JOIN;
    case SEGMENT_LEAVE:
        return EVENT_LEAVE;
    case SEGMENT_RENAME:
        return EVENT_RENAME;
    case SEGMENT_REACT:
        return record->has_no_text ? EVENT_RETRACT : EVENT_REACT;
    case SEGMENT_SLOW:
        return EVENT_SLOW;
    case SEGMENT_BAN:
        return record->is_on ? EVENT_BAN : EVENT_LIFT;
    default:
        return EVENT_MESSAGE;
    }
}

/* Keys do not go to a disk: their hash proves them as well. */
static struct str key_hash_of(const struct event *event, uint8_t hash[SHA256_SIZE])
{
    if (event->key.ptr == NULL || event->key_is_hash)
        return event->key;
    sha256(hash, event->key.ptr, event->key.len);
    return (struct str){(const char *)hash, min_size(event->key.len, SHA256_SIZE)};
}

/* `hash` must live as long as the record. */
struct segment_record journal_record_of(const struct event *event, uint32_t room,
                                        uint8_t hash[SHA256_SIZE])
{
    return (struct segment_record){
        .type = segment_type_of(event->kind),
        .has_ref = event->ref.ptr != NULL,
        .has_data = event->data.ptr != NULL,
        .has_no_text = event->kind == EVENT_RETRACT ||
                       (event->kind == EVENT_MESSAGE && event->text.ptr == NULL),
        .is_on = event->is_on || event->kind == EVENT_BAN,
        .room = room,
        .seq = event->seq,
        .ts = event->ts,
        .from = event->from,
        .name = event->name,
        .ref = event->ref,
        .text = event->kind == EVENT_JOIN ? key_hash_of(event, hash) : event->text,
        .re = event->re,
        .author = event->author,
        .data = event->data,
    };
}

struct event journal_event_of(const struct segment_record *record, uint64_t epoch)
{
    struct event event = {
        .kind = kind_of(record),
        .seq = record->type == SEGMENT_SEAT ? 0 : record->seq,
        .epoch = epoch,
        .ts = record->ts,
        .from = record->from,
        .re = record->re,
        .author = record->author,
        .is_on = record->is_on,
        .name = record->name,
        .data = record->data,
        .ref = record->has_ref ? record->ref : (struct str){NULL, 0},
    };

    if (event.kind != EVENT_JOIN)
        event.text = record->has_no_text ? (struct str){NULL, 0} : record->text;
    else if (record->text.len > 0)
        event.key = record->text;
    event.key_is_hash = event.key.ptr != NULL;
    event.is_retracted = event.kind == EVENT_MESSAGE && record->has_no_text && !record->has_data;
    return event;
}

/* ---- rooms ---- */

struct slot *journal_slot(const struct journal *j, const struct log_channel *channel)
{
    return (struct slot *)(void *)j->slots.data + channel->word;
}

size_t journal_slot_count(const struct journal *j)
{
    return j->slots.len / sizeof(struct slot);
}

/* Returns the place of a slot, or UINT32_MAX where memory is out. */
static uint32_t take_slot(struct journal *j)
{
    struct slot empty = {0};
    uint32_t place = j->free_slot - 1;

    if (j->free_slot == 0)
        return buf_append(&j->slots, &empty, sizeof(empty)) < 0
                   ? UINT32_MAX
                   : (uint32_t)(journal_slot_count(j) - 1);
    j->free_slot = ((struct slot *)(void *)j->slots.data)[place].next;
    return place;
}

/* A channel without a slot, because memory is out, gets nothing appended. */
void journal_open(struct log *log, struct log_channel *channel)
{
    struct journal *j = journal_of(log);
    const struct journal_room *known = j->recovering;

    channel->word = take_slot(j);
    channel->next = known != NULL ? known->gone + 1 : 1;
    channel->marks_gone = known != NULL ? known->marks_gone : 0;
    if (known != NULL)
        channel->epoch = known->epoch;
    else
        j->config.random(&channel->epoch, sizeof(channel->epoch));
    if (channel->word == UINT32_MAX)
        return;
    *journal_slot(j, channel) = (struct slot){
        .number = known != NULL ? known->number : ++j->last_number,
        .message = known != NULL ? known->gone : 0,
        .mark = known != NULL ? known->marks_gone : 0,
    };
}

void journal_close(struct log *log, struct log_channel *channel)
{
    struct journal *j = journal_of(log);

    if (channel->word == UINT32_MAX)
        return;
    if (journal_slot(j, channel)->known != NULL)
        journal_slot(j, channel)->known->user = NULL;
    *journal_slot(j, channel) = (struct slot){.next = j->free_slot};
    j->free_slot = channel->word + 1;
}

/* ---- segments ---- */

size_t journal_shelf_count(const struct journal *j)
{
    return j->shelves.len / sizeof(struct shelf);
}

struct shelf *journal_shelf_at(const struct journal *j, size_t i)
{
    return (struct shelf *)(void *)j->shelves.data + i;
}

/* The segment whose number ends with these bits; NULL: it is gone. */
struct shelf *journal_find_shelf(const struct journal *j, uint32_t word)
{
    size_t place;

    if (journal_shelf_count(j) == 0)
        return NULL;
    place = word - (uint32_t)journal_shelf_at(j, 0)->number;
    return place < journal_shelf_count(j) ? journal_shelf_at(j, place) : NULL;
}

int journal_add_shelf(struct journal *j, uint64_t number, uint64_t len)
{
    struct shelf shelf = {.number = number, .len = len};

    return buf_append(&j->shelves, &shelf, sizeof(shelf));
}

uint64_t journal_disk_used(const struct journal *j)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < journal_shelf_count(j); i++)
        sum += journal_shelf_at(j, i)->len;
    return sum;
}

void journal_note_live(struct journal *j, uint32_t word)
{
    struct shelf *shelf = journal_find_shelf(j, word);

    if (shelf == NULL)
        return;
    shelf->total++;
    shelf->live++;
}

/* ---- filling a job ---- */

struct journal_part *batch_last_part(const struct batch *batch)
{
    return batch->job.part_count == 0 ? NULL : &batch->job.parts[batch->job.part_count - 1];
}

static int begin_part(struct journal *j, bool is_new)
{
    struct journal_part part = {j->id.life, j->id.number, j->offset, 0, is_new};

    return journal_job_part(&j->filling->job, &part);
}

/* Begins a segment. Returns 0, or -1 with errno ENOMEM: then the next record begins it. */
static int fill_begin_segment(struct journal *j)
{
    struct buf *bytes = &j->filling->job.bytes;

    if (!j->begins_anew) {
        j->id.number++;
        j->config.random(&j->id.life, sizeof(j->id.life));
        if (journal_add_shelf(j, j->id.number, SEGMENT_HEADER) < 0) {
            j->id.number--;
            return -1;
        }
    }
    j->must_begin = false;
    j->begins_anew = true;
    j->offset = 0;
    if (buf_reserve(bytes, SEGMENT_HEADER) < 0 || begin_part(j, true) < 0)
        return -1;
    segment_header_write(bytes->data + bytes->len, &j->id);
    bytes->len += SEGMENT_HEADER;
    batch_last_part(j->filling)->len = SEGMENT_HEADER;
    j->offset = SEGMENT_HEADER;
    j->begins_anew = false;
    return 0;
}

/* Has the next `size` bytes go to the end of the last part. Returns 0, or -1 with errno ENOMEM. */
int journal_find_space(struct journal *j, size_t size)
{
    const struct journal_part *part;

    if (!j->begins_anew && j->offset > SEGMENT_HEADER && j->offset + size > j->config.segment_size)
        j->must_begin = true;
    if ((j->must_begin || j->begins_anew) && fill_begin_segment(j) < 0)
        return -1;
    part = batch_last_part(j->filling);
    if (part == NULL && begin_part(j, false) < 0)
        return -1;
    return buf_reserve(&j->filling->job.bytes, size);
}

void journal_put_record(struct journal *j, const struct segment_record *record)
{
    struct buf *bytes = &j->filling->job.bytes;
    size_t size = segment_record_size(record);
    struct shelf *shelf = journal_find_shelf(j, (uint32_t)j->id.number);

    segment_record_write(bytes->data + bytes->len, &j->id, j->offset, record);
    bytes->len += size;
    batch_last_part(j->filling)->len += size;
    j->offset += size;
    j->records++;
    if (shelf != NULL)
        shelf->len = j->offset;
}

/* Puts a record of a room into the job, and in front of it what the room is called, where its
 * segment does not know. Returns 0, or -1 with errno ENOMEM. */
int journal_fill(struct journal *j, const struct log_channel *channel,
                 const struct segment_record *record)
{
    struct slot *slot = journal_slot(j, channel);
    struct segment_record room = {
        .type = SEGMENT_ROOM,
        .room = slot->number,
        .seq = channel->next - 1,
        .ts = slot->mark,
        .from = channel->epoch,
        .aux = slot->message,
        .name = channel->name,
    };
    size_t size = segment_record_size(&room) + segment_record_size(record);

    if (journal_find_space(j, size) < 0)
        return -1;
    if (slot->named != j->id.number)
        journal_put_record(j, &room);
    slot->named = j->id.number;
    journal_put_record(j, record);
    return 0;
}
