#include "chat/past.h"

#include "base/util.h"
#include "chat/ask.h"
#include "chat/frame.h"
#include "chat/replay.h"
#include "chat/retention.h"

/* Messages at these places, without `end`. */
struct past {
    struct history *messages;
    size_t first, end;
};

/* The place of the first message that does not lie before a position. Nothing that is kept lies
 * before a place in another life of the room. */
static size_t past_end(const struct channel *channel, const struct codec_pos *before)
{
    if (before->epoch != channel->log.epoch || before->seq == 0)
        return 0;
    return history_after(&channel->messages, before->seq - 1);
}

/* Goes back from the end as far as is wanted and fits. Returns 0, or -1 with errno ENOMEM. */
static int past_choose(struct chat *chat, struct past *past, uint64_t limit)
{
    size_t left = min_size(PAST_ANSWER_MAX, (size_t)chat->config.max_lag);

    while (past->first > 0 && past->end - past->first < limit) {
        const struct record *record =
            replay_record(chat, past->messages, past->first - 1, RENDITION_V1);
        size_t len;

        if (record == NULL)
            return -1;
        len = record_frame(record, RENDITION_V1)->len;
        if (len > left && past->first < past->end)
            break;
        left -= min_size(len, left);
        past->first--;
    }
    return 0;
}

static int past_append(struct buf *out, const struct past *past, struct str ref)
{
    if (frame_begin(out) < 0 || codec_v1_history_begin(out) < 0)
        return -1;
    for (size_t i = past->first; i < past->end; i++) {
        const struct record *record = history_at(past->messages, i);
        struct str event = frame_payload(record_frame(record, RENDITION_V1));

        if (codec_v1_history_event(out, event, i == past->first) < 0)
            return -1;
    }
    if (codec_v1_history_end(out, ref, past->first == 0) < 0)
        return -1;
    frame_finish(out);
    return 0;
}

int past_tell(struct chat *chat, struct client *client, const struct command *command)
{
    struct channel *channel = client->channel;
    size_t end = past_end(channel, &command->pos);
    struct past past = {.messages = &channel->messages, .first = end, .end = end};

    if (past_choose(chat, &past, command->limit) < 0 ||
        past_append(&chat->scratch, &past, command->ref) < 0 || ask_send_scratch(chat, client) < 0)
        return -1;
    retention_forget_excess(chat, channel);
    return 0;
}

static size_t past_unread(const struct chat *chat, const struct client *client,
                          const struct command *command)
{
    const struct channel *channel = channel_table_find(&chat->channels, command->name);

    if (channel == NULL)
        return 0;
    if (chat->hooks.may_hear != NULL && !chat->hooks.may_hear(client->at.out, command->name))
        return 0;
    if (command->pos.epoch != channel->log.epoch)
        return channel->messages.count;
    return channel->messages.count - history_after(&channel->messages, command->pos.seq);
}

int past_tell_unread(struct chat *chat, struct client *client, const struct command *command)
{
    if (frame_begin(&chat->scratch) < 0 ||
        codec_v1_unread(&chat->scratch, command->name, past_unread(chat, client, command),
                        command->ref) < 0)
        return -1;
    frame_finish(&chat->scratch);
    return ask_send_scratch(chat, client);
}
