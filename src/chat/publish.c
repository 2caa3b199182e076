#include "chat/publish.h"

#include "base/util.h"
#include "chat/frame.h"
#include "chat/marks.h"
#include "chat/retention.h"
#include "proto/ws/frame.h"

void publish_mark_dirty(struct chat *chat, struct channel *channel)
{
    if (list_is_linked(&channel->dirty))
        return;
    list_append(&chat->dirty, &channel->dirty);
    channel->quiet_since = chat->now;
    list_remove(&channel->quiet);
    list_append(&chat->quiet, &channel->quiet);
}

/* In a crowded room the clients of wschat.v1 are told of numbers in place of comings and goings. */
static bool is_crowded(const struct chat *chat, const struct event *event)
{
    return (event->kind == EVENT_JOIN || event->kind == EVENT_LEAVE) &&
           event->count > chat->config.presence_limit;
}

/* The event's frame for a rendition: empty where it is not told; NULL where memory is out. */
static const struct buf *publish_encode(struct chat *chat, enum rendition kind,
                                        const struct event *event)
{
    struct buf *frame = &chat->frames[kind];

    frame->len = 0;
    if (renditions[kind].codec == CODEC_V1 && is_crowded(chat, event))
        return frame;
    return rendition_encode(frame, kind, event) < 0 ? NULL : frame;
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
        sendq_mark_incomplete(author->at.out);
        return;
    }
    own->len = ws_frame_encode(own->data, &header);
    buf_append_str(own, prefix);
    if (all)
        buf_append_str(own, event->text);
    if (all)
        sendq_push_splice(author->at.out, at, own->data, own->len, 0, 0);
    else
        sendq_push_splice(author->at.out, at, own->data, own->len, len - event->text.len,
                          event->text.len);
}

/* The frame as its readers are sent it. */
static const struct buf *publish_pack(struct chat *chat, struct audience *audience,
                                      enum rendition kind, const struct buf *frame)
{
    if (!rendition_is_packed(kind))
        return frame;
    return shared_window_pack(audience_window(audience, kind), &chat->packer, frame);
}

static void publish_to(struct chat *chat, struct channel *channel, enum rendition kind,
                       const struct event *event)
{
    struct audience *audience = &channel->audience;
    const struct buf *frame;

    if (audience->readers[kind].count == 0)
        return;
    frame = publish_encode(chat, kind, event);
    if (frame != NULL && frame->len == 0)
        return;
    if (frame == NULL)
        audience_mark_incomplete(audience, kind);
    else
        audience_publish(audience, kind, publish_pack(chat, audience, kind, frame));
    chat->counters.deliveries += audience->readers[kind].count;
    publish_mark_dirty(chat, channel);
}

static void publish_to_all(struct chat *chat, struct channel *channel, const struct event *event,
                           struct client *author)
{
    for (int kind = 0; kind < RENDITIONS; kind++)
        publish_to(chat, channel, (enum rendition)kind, event);
    if (author != NULL && client_out(author) != NULL && author->channel == channel &&
        !author->at.out->is_incomplete && codecs[author->codec]->own_prefix.len > 0) {
        size_t len = chat->frames[author->rendition].len;

        tell_author(chat, author, event, channel->audience.ring[author->rendition].head - len, len);
    }
}

void publish_event(struct chat *chat, struct channel *channel, const struct event *event,
                   struct client *author, uint32_t word)
{
    if (event->kind == EVENT_MESSAGE) {
        chat->counters.messages++;
        channel_count_message(channel, chat->now);
    }
    if (event->kind == EVENT_RETRACT)
        marks_retract(channel, event->re);
    if (event->kind == EVENT_SLOW)
        channel->slow = (uint32_t)event->re;
    publish_to_all(chat, channel, event, author);
    if (chat->hooks.on_told != NULL)
        chat->hooks.on_told(chat, channel, event);
    if (is_crowded(chat, event)) {
        retention_skip(chat, channel, event, word);
        channel->count_is_due = true;
        publish_mark_dirty(chat, channel);
    } else {
        retention_remember(chat, channel, event, author, word);
    }
}

/* What has no place in the room's order, and is for the clients of wschat.v1. */
static void publish_passing(struct chat *chat, struct channel *channel, const struct event *event)
{
    for (int kind = 0; kind < RENDITIONS; kind++) {
        if (renditions[kind].codec == CODEC_V1)
            publish_to(chat, channel, (enum rendition)kind, event);
    }
}

void publish_typing(struct chat *chat, const struct client *client)
{
    struct event event = {.kind = EVENT_TYPING, .from = client->id, .name = client_name(client)};

    publish_passing(chat, client->channel, &event);
}

void publish_count(struct chat *chat, struct channel *channel)
{
    struct event event = {.kind = EVENT_COUNT, .count = channel_count(channel)};

    if (!channel->count_is_due)
        return;
    channel->count_is_due = false;
    publish_passing(chat, channel, &event);
}
