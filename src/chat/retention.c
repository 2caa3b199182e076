#include "chat/retention.h"

#include "base/util.h"
#include "chat/marks.h"

static struct history *retention_history(struct channel *channel, enum event_kind kind)
{
    if (kind == EVENT_REACT || kind == EVENT_RETRACT)
        return &channel->marks;
    if (kind == EVENT_SLOW)
        return &channel->rules;
    return kind == EVENT_MESSAGE ? &channel->messages : &channel->presence;
}

static void retention_tell_log(struct chat *chat, struct channel *channel, uint32_t word)
{
    if (chat->log->ops->forgotten != NULL)
        chat->log->ops->forgotten(chat->log, &channel->log, word);
}

/* A room that takes more than this part of all memory loses first. */
#define ROOM_PART 16

/* ---- weight ---- */

void retention_init(struct chat *chat)
{
    list_init(&chat->encoded);
    for (size_t i = 0; i < CHAT_WEIGHTS; i++) {
        list_init(&chat->weights[false][i]);
        list_init(&chat->weights[true][i]);
    }
}

/* The power of two and the two bits behind the first: what is in one class differs by a fifth. */
static uint16_t retention_class_of(size_t bytes)
{
    unsigned power = 61 - (unsigned)__builtin_clzll((uint64_t)bytes | 4);

    return (uint16_t)(power * 4 + (bytes >> power) % 4);
}

/* Puts a room where it belongs by its members and by what its records cost. */
static void retention_weigh(struct chat *chat, struct channel *channel)
{
    bool is_deserted = channel->member_count == 0;
    uint16_t class = retention_class_of(channel->record_bytes);
    bool is_right = list_is_linked(&channel->weight) && channel->record_bytes > 0 &&
                    class == channel->weight_class && is_deserted == channel->is_deserted;

    chat->halves[channel->is_deserted] -= channel->weighed;
    channel->weighed = channel->record_bytes + CHAT_ROOM_COST;
    chat->halves[is_deserted] += channel->weighed;
    if (is_right)
        return;
    channel->is_deserted = is_deserted;
    channel->weight_class = class;
    list_remove(&channel->weight);
    if (channel->record_bytes > 0)
        list_append(&chat->weights[is_deserted][class], &channel->weight);
}

static struct channel *retention_heaviest_of(struct chat *chat, bool deserted)
{
    for (size_t i = CHAT_WEIGHTS; i-- > 0;) {
        if (!list_is_empty(&chat->weights[deserted][i]))
            return CONTAINER_OF(chat->weights[deserted][i].next, struct channel, weight);
    }
    return NULL;
}

/* The room that loses something; NULL: none has a record. Nobody has more than a part of all while
 * others lose; below that it is the heaviest of the half that is larger. */
static struct channel *retention_heaviest(struct chat *chat)
{
    struct channel *lively = retention_heaviest_of(chat, false);
    struct channel *deserted = retention_heaviest_of(chat, true);
    struct channel *heavier = deserted, *lighter = lively;

    if (lively == NULL || deserted == NULL)
        return lively != NULL ? lively : deserted;
    if (lively->record_bytes > deserted->record_bytes) {
        heavier = lively;
        lighter = deserted;
    }
    if (heavier->record_bytes > chat->config.history_memory / ROOM_PART ||
        chat->halves[heavier->is_deserted] >= chat->halves[lighter->is_deserted])
        return heavier;
    return lighter;
}

/* ---- frames ---- */

/* Records that are looked at for one whose frames nobody is being sent. */
#define ENCODED_LOOKED_AT 8

void retention_count_frame(struct chat *chat, struct record *record, size_t bytes)
{
    record->frame_cost += bytes;
    chat->frame_bytes += bytes;
    if (record->frame_cost > 0 && !list_is_linked(&record->encoded))
        list_append(&chat->encoded, &record->encoded);
}

/* The record's frames do not count any more. */
static void retention_uncount_frames(struct chat *chat, struct record *record)
{
    list_remove(&record->encoded);
    chat->frame_bytes -= record->frame_cost;
}

static void retention_drop_frames_of(struct chat *chat, struct record *record)
{
    retention_uncount_frames(chat, record);
    record->frame_cost = 0;
    record_drop_frames(record);
    record->is_stale = false;
}

/* Drops the frames of one record. Returns false where none was found that may be dropped. */
static bool retention_drop_frames(struct chat *chat)
{
    struct list *first;

    for (int i = 0; i < ENCODED_LOOKED_AT && (first = list_take_first(&chat->encoded)) != NULL;
         i++) {
        struct record *record = CONTAINER_OF(first, struct record, encoded);

        if (record_is_in_use(record)) {
            list_append(&chat->encoded, first);
            continue;
        }
        retention_drop_frames_of(chat, record);
        return true;
    }
    return false;
}

/* ---- forgetting ---- */

/* Lets go of a record that is in no history any more. */
static void retention_release(struct chat *chat, struct record *record)
{
    retention_uncount_frames(chat, record);
    if (record_is_in_use(record)) {
        chat->orphan_bytes += record->cost + record->frame_cost;
        record->orphans = &chat->orphan_bytes;
    }
    record_release(record);
}

static void forget_oldest(struct chat *chat, struct history *history)
{
    struct record *record = history_take_oldest(history);

    chat->record_bytes -= record->cost;
    record->channel->record_bytes -= record->cost;
    marks_touch(record->channel, &record->event);
    retention_tell_log(chat, record->channel, record->word);
    retention_weigh(chat, record->channel);
    retention_release(chat, record);
}

static void forget_all(struct chat *chat, struct history *history)
{
    while (history->count > 0)
        forget_oldest(chat, history);
}

/* The history of a room whose first record is its oldest. It has one. How slow it is goes last. */
static struct history *retention_older_of(struct channel *channel)
{
    struct history_place places[] = {
        {&channel->messages, 0}, {&channel->presence, 0}, {&channel->marks, 0}};
    struct history_place *oldest = history_next_place(places, ARRAY_LEN(places));

    return oldest != NULL ? oldest->history : &channel->rules;
}

static size_t retention_used(const struct chat *chat)
{
    return chat->record_bytes + chat->channels.count * CHAT_ROOM_COST;
}

void retention_forget_excess(struct chat *chat, const struct channel *busy)
{
    size_t memory = chat->config.history_memory;
    struct channel *heaviest;

    while (retention_used(chat) + chat->frame_bytes > memory && retention_drop_frames(chat))
        ;
    while (retention_used(chat) > memory && (heaviest = retention_heaviest(chat)) != NULL) {
        forget_oldest(chat, retention_older_of(heaviest));
        if (heaviest != busy)
            retention_tidy(chat, heaviest);
    }
}

static void forget_through(struct chat *chat, struct channel *channel, struct history *history,
                           const struct event *event, uint32_t word)
{
    forget_all(chat, history);
    history->gone = event->seq;
    retention_tell_log(chat, channel, word);
}

/* By what its author is known later, where there is no subject: the seat. */
static void retention_note_author(const struct chat *chat, struct record *record,
                                  const struct client *author)
{
    record->author_place = client_table_place(&chat->clients, author) + 1;
    record->author_generation = author->generation;
}

void retention_remember(struct chat *chat, struct channel *channel, const struct event *event,
                        const struct client *author, uint32_t word)
{
    struct history *history = retention_history(channel, event->kind);
    struct record *record = NULL;

    if (history->limit > 0 && history->count == history->limit)
        forget_oldest(chat, history);
    if (history->limit > 0)
        record = record_new(event);
    if (record == NULL || history_add(history, record) < 0) {
        record_release(record);
        forget_through(chat, channel, history, event, word);
        return;
    }
    marks_touch(channel, event);
    record->channel = channel;
    record->word = word;
    if (author != NULL)
        retention_note_author(chat, record, author);
    chat->record_bytes += record->cost;
    channel->record_bytes += record->cost;
    retention_weigh(chat, channel);
    retention_forget_excess(chat, channel);
}

void retention_skip(struct chat *chat, struct channel *channel, const struct event *event,
                    uint32_t word)
{
    forget_through(chat, channel, &channel->presence, event, word);
}

struct record *retention_renew(struct chat *chat, struct history *history, size_t place)
{
    struct record *old = history_at(history, place), *record;

    if (old->is_stale && !record_is_in_use(old))
        retention_drop_frames_of(chat, old);
    if (!old->is_stale)
        return old;
    record = record_new(&old->event);
    if (record == NULL)
        return NULL;
    record->channel = old->channel;
    record->word = old->word;
    record->author_place = old->author_place;
    record->author_generation = old->author_generation;
    record->cost = old->cost; /* what was taken back is counted on */
    history_replace(history, place, record);
    retention_release(chat, old);
    return record;
}

struct channel *retention_channel(struct chat *chat, struct str name)
{
    struct channel *channel = channel_table_find(&chat->channels, name);

    if (channel != NULL)
        return channel;
    channel = channel_table_add(&chat->channels, name, &chat->limits);
    if (channel == NULL)
        return NULL;
    chat->log->ops->open(chat->log, &channel->log);
    /* What the log does not bring back is gone. */
    channel->log.committed = channel->messages.gone = channel->log.next - 1;
    channel->marks.gone = channel->log.marks_gone > channel->messages.gone ? channel->log.marks_gone
                                                                           : channel->messages.gone;
    retention_weigh(chat, channel);
    return channel;
}

void retention_forget_channel(struct chat *chat, struct channel *channel, uint64_t gone)
{
    forget_all(chat, &channel->messages);
    forget_all(chat, &channel->presence);
    forget_all(chat, &channel->marks);
    forget_all(chat, &channel->rules);
    channel->messages.gone = channel->presence.gone = channel->marks.gone = gone;
}

void retention_remove_channel(struct chat *chat, struct channel *channel)
{
    forget_all(chat, &channel->messages);
    forget_all(chat, &channel->presence);
    forget_all(chat, &channel->marks);
    forget_all(chat, &channel->rules);
    chat->halves[channel->is_deserted] -= channel->weighed;
    if (chat->log->ops->close != NULL)
        chat->log->ops->close(chat->log, &channel->log);
    channel_table_remove(&chat->channels, channel);
}

void retention_tidy(struct chat *chat, struct channel *channel)
{
    if (!channel_is_wanted(channel))
        retention_remove_channel(chat, channel);
    else
        retention_weigh(chat, channel);
}

/* ---- from one process to the next ---- */

static bool retention_is_kept(enum event_kind kind)
{
    return kind == EVENT_MESSAGE || kind == EVENT_JOIN || kind == EVENT_LEAVE ||
           kind == EVENT_RENAME || kind == EVENT_REACT || kind == EVENT_RETRACT ||
           kind == EVENT_SLOW;
}

/* Is it newer than what is there, and no newer than what the room was told? */
static bool retention_is_next(const struct chat *chat, const struct channel *channel,
                              const struct history *history, const struct record *record)
{
    uint64_t last =
        history->count > 0 ? history_at(history, history->count - 1)->event.seq : history->gone;

    return record->event.seq > last && record->event.seq <= channel->log.committed &&
           record->author_place <= chat->clients.capacity;
}

/* Returns 0, or -1 with errno ENOMEM. */
static int retention_add(struct chat *chat, struct channel *channel, struct history *history,
                         struct record *record)
{
    if (history->count == history->limit)
        forget_oldest(chat, history);
    if (history_add(history, record) < 0)
        return -1;
    record->channel = channel;
    chat->record_bytes += record->cost;
    channel->record_bytes += record->cost;
    return 0;
}

/* A history that keeps nothing here. */
static void retention_refuse(struct chat *chat, struct channel *channel, struct history *history,
                             struct record *record)
{
    retention_tell_log(chat, channel, record->word);
    history->gone = record->event.seq;
    record_release(record);
}

bool retention_take(struct hand_reader *r, struct chat *chat, struct channel *channel,
                    struct record *record)
{
    struct history *history = retention_history(channel, record->event.kind);

    if (!hand_check(r,
                    retention_is_kept(record->event.kind) &&
                        retention_is_next(chat, channel, history, record),
                    "a record has no place in its history")) {
        record_release(record);
        return false;
    }
    record->event.epoch = channel->log.epoch;
    if (history->limit == 0) {
        retention_refuse(chat, channel, history, record);
    } else if (retention_add(chat, channel, history, record) < 0) {
        record_release(record);
        return hand_fail(r, "out of memory");
    }
    return true;
}

void retention_take_weight(struct chat *chat, struct channel *channel)
{
    retention_weigh(chat, channel);
}
