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

void listener_hand(struct hand_writer *w, const struct listener *listener)
{
    hand_put_str(w, listener->channel->log.name);
    hand_put_u8(w, listener->rendition);
}

/* Among listeners the order does not matter: nobody hears of their end. */
static uint32_t listener_slot(const struct channel *channel, uint8_t rendition)
{
    return (uint32_t)channel->audience.readers[rendition].count;
}

struct listener *listener_take(struct hand_reader *r, struct chat *chat, struct sendq *out)
{
    struct str name = hand_get_bytes(r, CODEC_NAME_MAX);
    uint8_t rendition = hand_get_u8(r);
    struct channel *channel = channel_table_find(&chat->channels, name);
    struct listener *listener;

    hand_check(r, channel != NULL, "somebody listens to a room that is not there");
    if (!hand_check(r, rendition == RENDITION_EVENTS || rendition == RENDITION_EVENTS_QUIET,
                    "somebody listens to what is no stream of events"))
        return NULL;
    listener = malloc(sizeof(*listener));
    if (listener == NULL) {
        hand_fail(r, "out of memory");
        return NULL;
    }
    *listener = (struct listener){.channel = channel, .out = out, .rendition = rendition};
    if (!audience_take_reader(r, &channel->audience, (enum rendition)rendition, out,
                              listener_slot(channel, rendition), &chat->taking.readers)) {
        free(listener);
        return NULL;
    }
    channel->waiting++;
    return listener;
}
