#include "chat/listen.h"

#include <stdlib.h>

#include "auth/rights.h"
#include "chat/ask.h"
#include "chat/replay.h"
#include "chat/retention.h"
#include "proto/json.h"

/* What a stream that ends may still send of its room, in bytes. */
#define UNLISTEN_KEEP 65536

/* A page that lost its stream tries again after this and up to as much more, in milliseconds: not
 * all at once where all have lost it. */
#define RETRY_MIN 1000
#define RETRY_SPREAD 3000

static bool listen_knows_members(const struct listener *listener)
{
    return (listener->out->denied & RIGHT_PRS) == 0;
}

static int listen_append_welcome(struct chat *chat, const struct listener *listener,
                                 const struct replay *replay)
{
    const struct channel *channel = listener->channel;
    struct buf *out = &chat->scratch;
    char pos[CODEC_POS_MAX];
    uint16_t chance;

    chat->hooks.random(&chance, sizeof(chance));
    codec_pos_write(pos, channel->log.epoch, replay->after);
    out->len = 0;
    if (buf_printf(out,
                   "retry: %u\nid: %s\nevent: welcome\ndata: {\"type\":\"welcome\",\"pos\":\"%s\","
                   "\"recovered\":%s,\"room\":",
                   RETRY_MIN + chance % RETRY_SPREAD, pos, pos,
                   replay->recovered ? "true" : "false") < 0 ||
        json_append_string(out, channel->log.name) < 0)
        return -1;
    if (listen_knows_members(listener) &&
        buf_printf(out, ",\"count\":%zu", channel_count(channel)) < 0)
        return -1;
    return buf_append_str(out, STR("}\n\n"));
}

static int listen_begin(struct chat *chat, struct listener *listener,
                        const struct chat_entry *entry)
{
    struct channel *channel = listener->channel;
    enum rendition kind = (enum rendition)listener->rendition;
    const struct replay_wish wish = replay_read_wish(entry);
    struct replay replay = replay_plan(chat, channel, kind, &wish, channel->log.committed);

    if (listen_append_welcome(chat, listener, &replay) < 0 ||
        sendq_push(listener->out, chat->scratch.data, chat->scratch.len) < 0 ||
        replay_send(chat, channel, kind, &replay, listener->out) < 0)
        return -1;
    return 0;
}

struct listener *chat_listen(struct chat *chat, const struct chat_entry *entry, struct sendq *out)
{
    struct listener *listener = malloc(sizeof(*listener));

    if (listener == NULL)
        return NULL;
    *listener = (struct listener){.channel = retention_channel(chat, entry->room), .out = out};
    if (listener->channel == NULL) {
        free(listener);
        return NULL;
    }
    listener->rendition = (uint8_t)rendition_of_events(!listen_knows_members(listener));
    listener->channel->waiting++;
    if (audience_add(&listener->channel->audience, (enum rendition)listener->rendition, out) < 0) {
        ask_done(chat, listener->channel);
        free(listener);
        return NULL;
    }
    if (listen_begin(chat, listener, entry) == 0)
        return listener;
    chat_unlisten(chat, listener);
    return NULL;
}

int chat_unlisten(struct chat *chat, struct listener *listener)
{
    struct channel *channel = listener->channel;
    int result = audience_remove(&channel->audience, (enum rendition)listener->rendition,
                                 listener->out, UNLISTEN_KEEP);

    free(listener);
    ask_done(chat, channel);
    return result;
}
