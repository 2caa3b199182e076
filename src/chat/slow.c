#include "chat/slow.h"

#include <stdio.h>
#include <stdlib.h>

#include "auth/rights.h"
#include "chat/ask.h"
#include "chat/frame.h"

/* Events of a shared log after which it is told again how slow a room is, so that servers that come
 * later hear of it: fewer than such a log keeps. */
#define SLOW_RETOLD_AFTER 50

static uint64_t *slow_spoke(const struct chat *chat, const struct client *client)
{
    return chat->spoke == NULL ? NULL : &chat->spoke[client_table_place(&chat->clients, client)];
}

/* Who keeps order, and programs, need not wait. */
bool slow_may_speak(const struct chat *chat, const struct client *client)
{
    const uint64_t *spoke = slow_spoke(chat, client);

    if ((client->at.out->denied & (RIGHT_MOD | RIGHT_API)) != (RIGHT_MOD | RIGHT_API))
        return true;
    return spoke == NULL || *spoke == 0 ||
           *spoke + (uint64_t)client->channel->slow * 1000 <= chat->now;
}

/* Without memory for it nobody has to wait. */
void slow_note_spoken(struct chat *chat, const struct client *client)
{
    if (chat->spoke == NULL)
        chat->spoke = calloc(chat->clients.capacity, sizeof(uint64_t));
    if (chat->spoke != NULL)
        *slow_spoke(chat, client) = chat->now;
}

/* In a slow room it waits before its first message: else who connects anew need never wait. */
void slow_note_entered(struct chat *chat, const struct client *client)
{
    if (client->channel->slow > 0)
        slow_note_spoken(chat, client);
    else if (chat->spoke != NULL)
        *slow_spoke(chat, client) = 0;
}

int slow_tell(struct chat *chat, struct client *client, struct str ref)
{
    uint64_t end = *slow_spoke(chat, client) + (uint64_t)client->channel->slow * 1000;
    char text[128];

    snprintf(text, sizeof(text),
             "this room is slow: each may speak once in %u seconds; wait %llu more",
             (unsigned)client->channel->slow, (unsigned long long)(end - chat->now + 999) / 1000);
    if (client->codec == CODEC_V1)
        return ask_tell_error(chat, client, "slow", text, ref);
    if (frame_begin(&chat->scratch) < 0 || buf_printf(&chat->scratch, "Not sent: %s", text) < 0)
        return -1;
    frame_finish(&chat->scratch);
    return ask_send_scratch(chat, client);
}

void slow_retell(struct chat *chat, struct channel *channel)
{
    const struct event *last;
    struct event event;

    if (!chat->log->ops->is_shared || channel->rules.count == 0)
        return;
    last = &history_at(&channel->rules, 0)->event;
    if (last->seq + SLOW_RETOLD_AFTER > channel->log.committed)
        return;
    event = (struct event){.kind = EVENT_SLOW,
                           .ts = chat->wall,
                           .re = last->re,
                           .name = last->name,
                           .is_posted = true};
    ask_for_nobody(chat, channel, &event);
}
