#include "chat/retention.h"

#include "base/util.h"

static struct history *retention_history(struct channel *channel, enum event_kind kind)
{
    return kind == EVENT_MESSAGE ? &channel->messages : &channel->presence;
}

static void retention_tell_log(struct chat *chat, struct channel *channel, uint32_t word)
{
    if (chat->log->ops->forgotten != NULL)
        chat->log->ops->forgotten(chat->log, &channel->log, word);
}

static void forget_oldest(struct chat *chat, struct history *history)
{
    struct record *record = history_take_oldest(history);

    list_remove(&record->age);
    chat->record_bytes -= record->cost;
    retention_tell_log(chat, record->channel, record->word);
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

void retention_forget_excess(struct chat *chat, const struct channel *busy)
{
    while (chat->record_bytes + chat->channels.count * CHAT_ROOM_COST >
               chat->config.history_memory &&
           !list_is_empty(&chat->records)) {
        struct record *oldest = CONTAINER_OF(chat->records.next, struct record, age);
        struct channel *channel = oldest->channel;

        forget_oldest(chat, retention_history(channel, oldest->event.kind));
        if (channel != busy)
            retention_tidy(chat, channel);
    }
}

static void forget_through(struct chat *chat, struct channel *channel, struct history *history,
                           const struct event *event, uint32_t word)
{
    forget_all(chat, history);
    history->gone = event->seq;
    retention_tell_log(chat, channel, word);
}

void retention_remember(struct chat *chat, struct channel *channel, const struct event *event,
                        uint32_t word)
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
    record->channel = channel;
    record->word = word;
    list_append(&chat->records, &record->age);
    chat->record_bytes += record->cost;
    retention_forget_excess(chat, channel);
}

void retention_skip(struct chat *chat, struct channel *channel, const struct event *event,
                    uint32_t word)
{
    forget_through(chat, channel, &channel->presence, event, word);
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
    return channel;
}

void retention_forget_channel(struct chat *chat, struct channel *channel, uint64_t gone)
{
    forget_all(chat, &channel->messages);
    forget_all(chat, &channel->presence);
    channel->messages.gone = channel->presence.gone = gone;
}

void retention_remove_channel(struct chat *chat, struct channel *channel)
{
    forget_all(chat, &channel->messages);
    forget_all(chat, &channel->presence);
    if (chat->log->ops->close != NULL)
        chat->log->ops->close(chat->log, &channel->log);
    channel_table_remove(&chat->channels, channel);
}

void retention_tidy(struct chat *chat, struct channel *channel)
{
    if (!channel_is_wanted(channel))
        retention_remove_channel(chat, channel);
}
