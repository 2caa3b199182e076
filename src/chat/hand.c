#include "chat/hand.h"

#include "base/util.h"
#include "chat/bans.h"
#include "chat/retention.h"

/* The records, in the order in which they come. */
enum hand_chat {
    HAND_CHAT_BEGIN = HAND_CHAT,
    HAND_CHAT_SEATS,
    HAND_CHAT_ROOM,
    HAND_CHAT_RECORDS, /* of the room in front of it, as the next two */
    HAND_CHAT_RING,
    HAND_CHAT_WINDOW,
    HAND_CHAT_WEIGHTS, /* names of rooms: in the order in which they lose records */
    HAND_CHAT_QUIET,   /* ... in which their rings are given back */
    HAND_CHAT_DIRTY,   /* ... in which they are served */
    HAND_CHAT_WAITING,
    HAND_CHAT_BANS,
    HAND_CHAT_END,
};

const char *chat_cannot_hand(const struct chat *chat)
{
    if (chat->log->ops->hand == NULL)
        return "its log cannot be handed over";
    if (chat->is_stopping)
        return "it is about to end";
    if (chat->asked > 0 || chat->bans.asked > 0 || !list_is_empty(&chat->posts))
        return "something waits for its log";
    return chat->log->ops->cannot_hand != NULL ? chat->log->ops->cannot_hand(chat->log) : NULL;
}

/* ---- rooms ---- */

static void channel_hand_members(struct hand_writer *w, const struct chat *chat,
                                 const struct channel *channel)
{
    hand_put_count(w, channel->member_count);
    for (size_t i = 0; i < channel->member_count; i++)
        hand_put_u32(w, client_table_place(&chat->clients, channel->members[i]));
}

static void channel_hand_head(struct hand_writer *w, const struct chat *chat,
                              const struct channel *channel)
{
    hand_put_str(w, channel->log.name);
    hand_put_u64(w, channel->log.epoch);
    hand_put_u64(w, channel->log.next);
    hand_put_u64(w, channel->log.committed);
    hand_put_u64(w, channel->log.marks_gone);
    hand_put_u32(w, channel->log.word);
    hand_put_u64(w, channel->messages.gone);
    hand_put_u64(w, channel->presence.gone);
    hand_put_u64(w, channel->marks.gone);
    hand_put_u64(w, channel->rules.gone);
    hand_put_u64(w, channel->quiet_since);
    hand_put_u64(w, channel->minute);
    hand_put_u32(w, channel->said[0]);
    hand_put_u32(w, channel->said[1]);
    hand_put_u32(w, channel->slow);
    hand_put_bool(w, channel->count_is_due);
    hand_put_bool(w, channel->has_held);
    channel_hand_members(w, chat, channel);
    audience_hand(w, &channel->audience);
    elsewhere_hand(w, &channel->elsewhere);
}

static void channel_hand_history(struct hand_writer *w, const struct history *history)
{
    size_t i = 0;

    while (i < history->count && !w->is_failed) {
        hand_begin(w, HAND_CHAT_RECORDS);
        for (; i < history->count && !hand_is_long(w); i++)
            record_hand(w, history_at(history, i));
        hand_end(w);
    }
}

static void channel_hand(struct hand_writer *w, const struct chat *chat,
                         const struct channel *channel)
{
    hand_begin(w, HAND_CHAT_ROOM);
    channel_hand_head(w, chat, channel);
    hand_end(w);
    channel_hand_history(w, &channel->messages);
    channel_hand_history(w, &channel->presence);
    channel_hand_history(w, &channel->marks);
    channel_hand_history(w, &channel->rules);
    audience_hand_rings(w, HAND_CHAT_RING, HAND_CHAT_WINDOW, &channel->audience);
}

static void channels_hand(struct hand_writer *w, const struct chat *chat)
{
    for (size_t i = 0; i < chat->channels.size && !w->is_failed; i++) {
        for (const struct channel *c = chat->channels.buckets[i]; c != NULL; c = c->next_in_bucket)
            channel_hand(w, chat, c);
    }
}

static void channel_take_member(struct hand_reader *r, struct chat *chat, struct channel *channel)
{
    struct client *client = seat_taken(r, chat, hand_get_u32(r));

    if (client == NULL || !hand_check(r, client->channel == NULL, "a member is in two rooms"))
        return;
    if (channel_reserve_member(channel) < 0)
        hand_fail(r, "out of memory");
    else
        channel_add_member(channel, client);
}

static struct channel *channel_take_new(struct hand_reader *r, struct chat *chat)
{
    struct str name = hand_get_bytes(r, CODEC_NAME_MAX);
    bool is_name = str_equals(name, STR(LOG_BANS)) || (name.len > 0 && codec_name_is_valid(name));
    struct channel *channel;

    hand_check(r, is_name, "a room has no name that there may be");
    if (!hand_is_good(r) ||
        !hand_check(r, channel_table_find(&chat->channels, name) == NULL, "a room comes twice"))
        return NULL;
    channel = channel_table_add(&chat->channels, name, &chat->limits);
    hand_check(r, channel != NULL, "out of memory");
    return channel;
}

/* Its numbers are those that the log gave it, so it is not opened anew. */
static void channel_take_head(struct hand_reader *r, struct chat *chat, struct channel *channel)
{
    channel->log.epoch = hand_get_u64(r);
    channel->log.next = hand_get_u64(r);
    channel->log.committed = hand_get_u64(r);
    channel->log.marks_gone = hand_get_u64(r);
    channel->log.word = hand_get_u32(r);
    channel->messages.gone = hand_get_u64(r);
    channel->presence.gone = hand_get_u64(r);
    channel->marks.gone = hand_get_u64(r);
    channel->rules.gone = hand_get_u64(r);
    channel->quiet_since = hand_get_u64(r);
    channel->minute = hand_get_u64(r);
    channel->said[0] = hand_get_u32(r);
    channel->said[1] = hand_get_u32(r);
    channel->slow = (uint32_t)hand_upto(r, hand_get_u32(r), CODEC_SLOW_MAX);
    channel->count_is_due = hand_get_bool(r);
    channel->has_held = hand_get_bool(r);
    for (size_t n = hand_get_count(r, 4, chat->clients.capacity); n > 0; n--)
        channel_take_member(r, chat, channel);
    audience_take(r, &channel->audience);
    elsewhere_take(r, &channel->elsewhere, &chat->config.seed);
    hand_check(r,
               channel->log.next == channel->log.committed + 1 &&
                   channel->messages.gone <= channel->log.committed &&
                   channel->log.committed < UINT64_MAX / 2,
               "a room's numbers make no sense");
    if (hand_is_good(r) && chat->log->ops->adopt != NULL)
        hand_check(r, chat->log->ops->adopt(chat->log, &channel->log),
                   "a room cannot be taken over by the log");
}

static void channel_take_records(struct hand_reader *r, struct chat *chat, struct channel *channel)
{
    while (hand_is_good(r) && hand_left(r) > 0) {
        struct record *record = record_take(r);

        if (record == NULL || !retention_take(r, chat, channel, record))
            return;
    }
}

/* A record of the room that was begun last; NULL: none was. */
static void channel_take_part(struct hand_reader *r, struct chat *chat, struct channel *channel)
{
    if (!hand_check(r, channel != NULL, "a room has no beginning"))
        return;
    if (r->type == HAND_CHAT_RECORDS)
        channel_take_records(r, chat, channel);
    else if (r->type == HAND_CHAT_RING)
        audience_take_ring(r, &channel->audience);
    else if (r->type == HAND_CHAT_WINDOW)
        audience_take_window(r, &channel->audience);
    else
        hand_fail(r, "a record is of no room");
}

/* Stops at the first record behind the rooms. */
static void channels_take(struct hand_reader *r, struct chat *chat)
{
    struct channel *channel = NULL;

    while (hand_next(r) && r->type != HAND_CHAT_WEIGHTS) {
        if (r->type != HAND_CHAT_ROOM)
            channel_take_part(r, chat, channel);
        else if ((channel = channel_take_new(r, chat)) != NULL)
            channel_take_head(r, chat, channel);
    }
}

/* ---- orders ---- */

static void names_hand_weights(struct hand_writer *w, const struct chat *chat)
{
    for (int half = 0; half < 2; half++) {
        for (size_t i = 0; i < CHAT_WEIGHTS; i++) {
            const struct list *class = &chat->weights[half][i];

            for (struct list *at = class->next; at != class; at = at->next)
                hand_put_str(w, CONTAINER_OF(at, struct channel, weight)->log.name);
        }
    }
}

static void orders_hand(struct hand_writer *w, const struct chat *chat)
{
    hand_begin(w, HAND_CHAT_WEIGHTS);
    names_hand_weights(w, chat);
    hand_end(w);
    hand_begin(w, HAND_CHAT_QUIET);
    for (struct list *at = chat->quiet.next; at != &chat->quiet; at = at->next)
        hand_put_str(w, CONTAINER_OF(at, struct channel, quiet)->log.name);
    hand_end(w);
    hand_begin(w, HAND_CHAT_DIRTY);
    for (struct list *at = chat->crowds.next; at != &chat->crowds; at = at->next)
        hand_put_str(w, CONTAINER_OF(at, struct channel, dirty)->log.name);
    for (struct list *at = chat->dirty.next; at != &chat->dirty; at = at->next)
        hand_put_str(w, CONTAINER_OF(at, struct channel, dirty)->log.name);
    hand_end(w);
}

/* The next room that the record names; NULL: it names no more, or one that is not there. */
static struct channel *order_next(struct hand_reader *r, const struct chat *chat)
{
    struct channel *channel;

    if (!hand_is_good(r) || hand_left(r) == 0)
        return NULL;
    channel = channel_table_find(&chat->channels, hand_get_bytes(r, CODEC_NAME_MAX));
    hand_check(r, channel != NULL, "a room is named that is not there");
    return channel;
}

/* A room that weighs something and was not named, by mistake, comes last. */
static void weights_take(struct hand_reader *r, struct chat *chat)
{
    struct channel *channel;

    while ((channel = order_next(r, chat)) != NULL)
        retention_take_weight(chat, channel);
    for (size_t i = 0; i < chat->channels.size; i++) {
        for (channel = chat->channels.buckets[i]; channel != NULL;
             channel = channel->next_in_bucket)
            retention_take_weight(chat, channel);
    }
}

static void orders_take(struct hand_reader *r, struct chat *chat)
{
    struct channel *channel;

    weights_take(r, chat);
    hand_expect(r, HAND_CHAT_QUIET);
    while ((channel = order_next(r, chat)) != NULL) {
        if (hand_check(r, !list_is_linked(&channel->quiet), "a room is named twice"))
            list_append(&chat->quiet, &channel->quiet);
    }
    hand_expect(r, HAND_CHAT_DIRTY);
    while ((channel = order_next(r, chat)) != NULL) {
        if (hand_check(r, !list_is_linked(&channel->dirty), "a room is named twice"))
            list_append(&chat->dirty, &channel->dirty);
    }
}

/* ---- all of it ---- */

static void counters_hand(struct hand_writer *w, const struct chat *chat)
{
    hand_put_u64(w, chat->counters.messages);
    hand_put_u64(w, chat->counters.directs);
    hand_put_u64(w, chat->counters.deliveries);
    hand_put_u64(w, chat->counters.replayed);
    hand_put_u64(w, chat->packer.frames);
    hand_put_u64(w, chat->packer.before);
    hand_put_u64(w, chat->packer.after);
    hand_put_u64(w, chat->packer.spent);
    hand_put_bool(w, chat->has_held);
}

static void counters_take(struct hand_reader *r, struct chat *chat)
{
    chat->counters.messages = hand_get_u64(r);
    chat->counters.directs = hand_get_u64(r);
    chat->counters.deliveries = hand_get_u64(r);
    chat->counters.replayed = hand_get_u64(r);
    chat->packer.frames = hand_get_u64(r);
    chat->packer.before = hand_get_u64(r);
    chat->packer.after = hand_get_u64(r);
    chat->packer.spent = hand_get_u64(r);
    chat->has_held = hand_get_bool(r);
}

void chat_hand(struct hand_writer *w, const struct chat *chat)
{
    chat->log->ops->hand(chat->log, w);
    hand_begin(w, HAND_CHAT_BEGIN);
    counters_hand(w, chat);
    hand_end(w);
    seats_hand(w, HAND_CHAT_SEATS, chat);
    channels_hand(w, chat);
    orders_hand(w, chat);
    seats_hand_waiting(w, HAND_CHAT_WAITING, chat);
    bans_hand_all(w, HAND_CHAT_BANS, &chat->bans);
    hand_begin(w, HAND_CHAT_END);
    hand_end(w);
}

bool chat_take(struct hand_reader *r, struct chat *chat)
{
    if (chat->log->ops->take == NULL)
        return hand_fail(r, "its log cannot be handed over");
    if (chat->channels.count > 0 || chat->clients.used > 0)
        return hand_fail(r, "the chat is in use already");
    chat->log->ops->take(chat->log, r);
    hand_expect(r, HAND_CHAT_BEGIN);
    counters_take(r, chat);
    seats_take(r, HAND_CHAT_SEATS, chat);
    channels_take(r, chat);
    orders_take(r, chat);
    seats_take_waiting(r, HAND_CHAT_WAITING, chat);
    bans_take_all(r, HAND_CHAT_BANS, chat);
    hand_expect(r, HAND_CHAT_END);
    return hand_is_through(r);
}

/* Each is kept by members, by messages or by who waits. */
static bool channels_are_whole(struct hand_reader *r, const struct chat *chat)
{
    for (size_t i = 0; i < chat->channels.size; i++) {
        for (const struct channel *c = chat->channels.buckets[i]; c != NULL;
             c = c->next_in_bucket) {
            if (!hand_check(r, channel_is_wanted(c), "nobody wants a room"))
                return false;
        }
    }
    return hand_is_good(r);
}

bool chat_take_end(struct hand_reader *r, struct chat *chat)
{
    audience_sort_taken(&chat->taking.readers);
    buf_deinit(&chat->taking.slots);
    return seats_are_whole(r, chat) && channels_are_whole(r, chat);
}
