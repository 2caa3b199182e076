#include "chat/publish.h"

#include <errno.h>

#include "base/util.h"
#include "chat/frame.h"
#include "proto/ws/frame.h"

/* Bytes that may be replayed in any case, if they are there. */
#define REPLAY_MIN 65536

/* ---- history ---- */

static struct history *history_of(struct room *room, enum event_kind kind)
{
    return kind == EVENT_MESSAGE ? &room->messages : &room->presence;
}

static void forget_oldest(struct chat *chat, struct history *history)
{
    struct record *record = history_take_oldest(history);

    list_remove(&record->age);
    chat->record_bytes -= record->cost;
    if (record->holders > 1) {
        chat->orphan_bytes += record->cost;
        record->orphans = &chat->orphan_bytes;
    }
    record_release(record);
}

static void forget_all(struct chat *chat, struct history *history)
{
    while (history->count > 0)
        forget_oldest(chat, history);
}

/* Keeps all histories together within their memory: the oldest record of all goes first. `busy` is
 * the room that is being published in, which must stay. */
static void forget_excess(struct chat *chat, const struct room *busy)
{
    while (chat->record_bytes + chat->rooms.count * CHAT_ROOM_COST > chat->config.history_memory &&
           !list_is_empty(&chat->records)) {
        struct record *oldest = CONTAINER_OF(chat->records.next, struct record, age);
        struct room *room = oldest->room;

        forget_oldest(chat, history_of(room, oldest->event.kind));
        if (room != busy)
            publish_tidy(chat, room);
    }
}

/* Remembers an event. Where memory does not allow it, all before it is forgotten too: a replay has
 * no holes. */
static void remember(struct chat *chat, struct room *room, const struct event *event)
{
    struct history *history = history_of(room, event->kind);
    struct record *record = NULL;

    if (history->limit > 0 && history->count == history->limit)
        forget_oldest(chat, history);
    if (history->limit > 0)
        record = record_new(event);
    if (record == NULL || history_add(history, record) < 0) {
        record_release(record);
        forget_all(chat, history);
        history->gone = event->seq;
        return;
    }
    record->room = room;
    list_append(&chat->records, &record->age);
    chat->record_bytes += record->cost;
    forget_excess(chat, room);
}

void publish_remove_room(struct chat *chat, struct room *room)
{
    forget_all(chat, &room->messages);
    forget_all(chat, &room->presence);
    room_table_remove(&chat->rooms, room);
}

void publish_tidy(struct chat *chat, struct room *room)
{
    if (room->member_count == 0 && room->messages.count == 0)
        publish_remove_room(chat, room);
}

/* ---- publishing ---- */

/* Marks a room as one that must be flushed, for the readers of one codec. */
static void mark_dirty(struct chat *chat, struct room *room, enum codec_kind codec)
{
    room->has_news[codec] = true;
    if (list_is_linked(&room->dirty))
        return;
    list_append(&chat->dirty, &room->dirty);
    room->quiet_since = chat->now;
    list_remove(&room->quiet);
    list_append(&chat->quiet, &room->quiet);
}

/* In a crowded room the clients of wschat.v1 are told of numbers in place of comings and goings. */
static bool is_crowded(const struct chat *chat, const struct event *event)
{
    return (event->kind == EVENT_JOIN || event->kind == EVENT_LEAVE) &&
           event->count > chat->config.presence_limit;
}

static int encode_all(struct chat *chat, const struct room *room, const struct event *event)
{
    for (int codec = 0; codec < CODEC_KINDS; codec++) {
        struct buf *frame = &chat->frames[codec];

        frame->len = 0;
        if (room->readers[codec].count == 0 || (codec == CODEC_V1 && is_crowded(chat, event)))
            continue;
        if (frame_encode(frame, codecs[codec], event) < 0)
            return -1;
    }
    return 0;
}

static int reserve_all(const struct chat *chat, struct room *room,
                       int (*reserve)(struct ring *box, size_t len))
{
    for (int codec = 0; codec < CODEC_KINDS; codec++) {
        size_t len = chat->frames[codec].len;

        if (len > 0 && reserve(&room->ring[codec], len) < 0)
            return -1;
    }
    return 0;
}

/* Lets all readers go on, also those that have had no news since the last time: the tails rise. */
static void flush_all(struct chat *chat, struct room *room)
{
    for (int codec = 0; codec < CODEC_KINDS; codec++)
        room->has_news[codec] = true;
    chat->hooks.flush(chat->hooks.owner, room);
}

/* Encodes the event for every codec in use and makes room for it everywhere: from here on nothing
 * can fail. */
static int prepare(struct chat *chat, struct room *room, const struct event *event)
{
    if (encode_all(chat, room, event) < 0)
        return -1;
    if (reserve_all(chat, room, ring_reserve) == 0)
        return 0;
    /* A flush may shrink every ring of the room: what was reserved before it does not count. */
    if (!room->is_flushing)
        flush_all(chat, room);
    return reserve_all(chat, room, ring_reserve_forced);
}

/* Tells the author of a message `You wrote: x` in place of (or, with broadcast_all, before) what
 * the others get. Where the two end with the same bytes, they are shared. */
static void tell_author(struct chat *chat, struct client *author, const struct event *event,
                        uint64_t at, size_t len)
{
    struct str prefix = codecs[author->codec]->own_prefix;
    struct ws_frame_header header = {
        .length = prefix.len + event->text.len, .opcode = WS_TEXT, .fin = true};
    struct buf *own = &chat->scratch;
    bool all = chat->config.broadcast_all;

    own->len = 0;
    if (buf_reserve(own, WS_HEADER_MAX + prefix.len + (all ? event->text.len : 0)) < 0) {
        sendq_mark_incomplete(author->out);
        return;
    }
    own->len = ws_frame_encode(own->data, &header);
    buf_append_str(own, prefix);
    if (all)
        buf_append_str(own, event->text);
    if (all)
        sendq_push_splice(author->out, at, own->data, own->len, 0, 0);
    else
        sendq_push_splice(author->out, at, own->data, own->len, len - event->text.len,
                          event->text.len);
}

/* What the one whom the event is about gets in place of the entry at the end of its ring. Where
 * memory is out, its queue knows that it is incomplete, and whoever flushes it closes the
 * connection. */
static void tell_subject(struct chat *chat, struct client *subject, const struct event *event)
{
    size_t len = chat->frames[subject->codec].len;
    uint64_t at = subject->room->ring[subject->codec].head - len;

    if (event->kind == EVENT_JOIN && len > 0) {
        /* It is not told of its own coming. */
        sendq_push_splice(subject->out, at, NULL, 0, len, 0);
        chat->counters.deliveries--;
    } else if (event->kind == EVENT_MESSAGE && codecs[subject->codec]->own_prefix.len > 0) {
        tell_author(chat, subject, event, at, len);
    }
}

static void deliver(struct chat *chat, struct room *room, const struct event *event)
{
    bool has_readers = false;
    struct client *subject;

    for (int codec = 0; codec < CODEC_KINDS; codec++) {
        if (chat->frames[codec].len == 0)
            continue;
        has_readers = true;
        ring_append(&room->ring[codec], chat->frames[codec].data, chat->frames[codec].len);
        chat->counters.deliveries += room->readers[codec].count;
        mark_dirty(chat, room, (enum codec_kind)codec);
    }
    if (!has_readers)
        return;
    subject = client_table_find(&chat->clients, event->from);
    if (subject == NULL || subject->room != room || subject->out == NULL)
        return;
    tell_subject(chat, subject, event);
}

int publish_event(void *owner, struct room *room, const struct event *event)
{
    struct chat *chat = owner;

    if (prepare(chat, room, event) < 0) {
        errno = ENOMEM;
        return -1;
    }
    if (event->kind == EVENT_MESSAGE)
        chat->counters.messages++;
    deliver(chat, room, event);
    if (is_crowded(chat, event)) {
        /* A join without its leave would be wrong, so neither is replayed. */
        forget_all(chat, &room->presence);
        room->presence.gone = event->seq;
        room->count_is_due = true;
        if (room->readers[CODEC_V1].count > 0)
            mark_dirty(chat, room, CODEC_V1);
    } else {
        remember(chat, room, event);
    }
    return 0;
}

void publish_count(struct chat *chat, struct room *room)
{
    struct event event = {.kind = EVENT_COUNT, .count = room->member_count};
    struct ring *box = &room->ring[CODEC_V1];
    struct buf *frame = &chat->scratch;

    room->count_is_due = false;
    if (room->readers[CODEC_V1].count == 0)
        return;
    if (frame_encode(frame, codecs[CODEC_V1], &event) < 0)
        return;
    if (ring_reserve(box, frame->len) < 0)
        flush_all(chat, room);
    if (ring_reserve_forced(box, frame->len) < 0)
        return;
    ring_append(box, frame->data, frame->len);
    chat->counters.deliveries += room->readers[CODEC_V1].count;
}

/* ---- replay ---- */

/* Makes sure of a record's frame for a codec, and charges the record for it. Returns 0, or -1 with
 * errno ENOMEM. */
static int encode_record(struct chat *chat, struct record *record, enum codec_kind codec)
{
    size_t before = record->frames[codec].cap, added;
    int result = record_encode(record, codec);

    added = record->frames[codec].cap - before;
    record->cost += added;
    chat->record_bytes += added;
    return result;
}

/* Bytes that one replay may take. Replays share the records with the history, so they cost nothing
 * more, until it forgets records that somebody has not read yet. Where there is as much of these as
 * the history may hold, newcomers get no more than they may lag behind: who does not read cannot
 * make the server hold on to everything that was ever said. */
static uint64_t replay_budget(const struct chat *chat)
{
    if (chat->orphan_bytes <= chat->config.history_memory)
        return UINT64_MAX;
    return max_size((size_t)chat->config.max_lag, REPLAY_MIN);
}

/* Takes what it costs to send the records from place `first` on off *budget. Returns false where
 * that is not enough. */
static bool spend(struct chat *chat, const struct history *history, size_t first,
                  enum codec_kind codec, uint64_t *budget)
{
    for (size_t i = first; i < history->count; i++) {
        struct record *record = history_at(history, i);

        if (encode_record(chat, record, codec) < 0 || record->frames[codec].len > *budget)
            return false;
        *budget -= record->frames[codec].len;
    }
    return true;
}

static bool can_recover(struct chat *chat, const struct room *room, const struct chat_entry *entry,
                        uint64_t *after)
{
    uint64_t budget = replay_budget(chat), epoch, seq;

    if (entry->since.ptr == NULL || !codec_pos_read(entry->since, &epoch, &seq) ||
        epoch != room->epoch || seq > room->seq || room->messages.gone > seq)
        return false;
    *after = seq;
    return spend(chat, &room->messages, history_after(&room->messages, seq), entry->codec,
                 &budget) &&
           spend(chat, &room->presence, history_after(&room->presence, seq), entry->codec, &budget);
}

struct replay publish_plan_replay(struct chat *chat, struct room *room,
                                  const struct chat_entry *entry)
{
    const struct history *messages = &room->messages;
    uint64_t budget = replay_budget(chat);
    struct replay replay = {.after = room->seq};

    if (can_recover(chat, room, entry, &replay.after)) {
        replay.recovered = true;
        return replay;
    }
    replay.after = room->seq;
    for (size_t n = 1; n <= messages->count && n <= entry->history; n++) {
        struct record *record = history_at(messages, messages->count - n);

        if (encode_record(chat, record, entry->codec) < 0 ||
            record->frames[entry->codec].len > budget)
            break;
        budget -= record->frames[entry->codec].len;
        replay.after = record->event.seq - 1;
    }
    return replay;
}

int publish_replay(struct chat *chat, struct room *room, enum codec_kind codec,
                   const struct replay *replay, struct sendq *out)
{
    const struct history *messages = &room->messages, *presence = &room->presence;
    size_t m = history_after(messages, replay->after);
    size_t p = replay->recovered ? history_after(presence, replay->after) : presence->count;

    while (m < messages->count || p < presence->count) {
        struct record *record;

        if (p == presence->count || (m < messages->count && history_at(messages, m)->event.seq <
                                                                history_at(presence, p)->event.seq))
            record = history_at(messages, m++);
        else
            record = history_at(presence, p++);
        if (record_replay(record, codec, out) < 0)
            return -1;
        chat->counters.replayed++;
    }
    forget_excess(chat, room);
    return 0;
}
