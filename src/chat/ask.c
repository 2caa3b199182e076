#include "chat/ask.h"

#include "base/util.h"
#include "chat/frame.h"
#include "chat/publish.h"
#include "chat/retention.h"

void ask_log(struct chat *chat, struct channel *channel, struct event *event, struct client *asker)
{
    struct log_ticket ticket = {
        .place = client_table_place(&chat->clients, asker),
        .generation = asker->generation,
        .cost = (uint32_t)(CHAT_ASK_COST + event->text.len + event->data.len),
    };

    channel->waiting++;
    asker->asked += ticket.cost;
    chat->asked += ticket.cost;
    log_append(chat->log, &channel->log, event, &ticket);
}

void ask_for_nobody(struct chat *chat, struct channel *channel, struct event *event)
{
    const struct log_ticket ticket = {.kind = CHAT_ASKER_NOBODY,
                                      .cost = (uint32_t)(CHAT_ASK_COST + event->text.len)};

    channel->waiting++;
    chat->asked += ticket.cost;
    log_append(chat->log, &channel->log, event, &ticket);
}

struct client *ask_settle(struct chat *chat, const struct log_ticket *ticket)
{
    struct client *asker = NULL;

    chat->asked -= ticket->cost;
    if (ticket->kind == CHAT_ASKER_SEAT)
        asker = client_table_at(&chat->clients, ticket->place, ticket->generation);
    if (asker != NULL)
        asker->asked -= ticket->cost;
    return asker;
}

void ask_done(struct chat *chat, struct channel *channel)
{
    channel->waiting--;
    retention_tidy(chat, channel);
    if (chat->has_held && chat->asked <= CHAT_ASKED_TOTAL / 2)
        ask_release_all(chat);
}

/* ---- who may ask ---- */

bool ask_is_crammed(struct chat *chat, struct channel *channel)
{
    if (audience_is_behind(&channel->audience)) /* it is among the crowds already */
        return true;
    if (audience_has_room(&channel->audience, chat->longest))
        return false;
    audience_press(&channel->audience);
    publish_mark_dirty(chat, channel);
    return true;
}

/* Its input is held. */
static bool ask_hold(struct client *client)
{
    client->is_held = true;
    return false;
}

bool chat_may_speak(struct chat *chat, struct client *client)
{
    if (client_out(client) == NULL || client->asks != SEAT_ASKS_NOTHING ||
        client->asked >= CHAT_ASKED_MAX)
        return ask_hold(client);
    if (chat->asked >= CHAT_ASKED_TOTAL) {
        chat->has_held = true;
        return ask_hold(client);
    }
    if (ask_is_crammed(chat, client->channel)) {
        client->channel->has_held = true;
        return ask_hold(client);
    }
    return true;
}

void ask_release(struct chat *chat, struct client *client)
{
    if (!client->is_held || !chat_may_speak(chat, client))
        return;
    client->is_held = false;
    if (!chat->is_over)
        chat->hooks.resume(client->at.out);
}

void ask_release_channel(struct chat *chat, struct channel *channel)
{
    if (!channel->has_held)
        return;
    channel->has_held = false;
    for (size_t i = 0; i < channel->member_count; i++)
        ask_release(chat, channel->members[i]);
}

void ask_release_all(struct chat *chat)
{
    chat->has_held = false;
    for (size_t i = 0; i < chat->clients.used; i++) {
        if (chat->clients.clients[i].id != 0)
            ask_release(chat, &chat->clients.clients[i]);
    }
}

/* ---- answers to one client alone ---- */

int ask_send_scratch(struct chat *chat, struct client *client)
{
    if (sendq_push(client->at.out, chat->scratch.data, chat->scratch.len) < 0)
        return -1;
    chat->hooks.wake(client->at.out);
    return 0;
}

int ask_tell_error(struct chat *chat, struct client *client, const char *code, const char *why,
                   struct str ref)
{
    if (chat->hooks.on_told_alone != NULL)
        chat->hooks.on_told_alone(client, code);
    if (frame_begin(&chat->scratch) < 0 ||
        codecs[client->codec]->encode_error(&chat->scratch, code, why, ref) < 0)
        return -1;
    if (chat->scratch.len == FRAME_HEADROOM)
        return 0;
    frame_finish(&chat->scratch);
    return ask_send_scratch(chat, client);
}
