#include "chat/moderation.h"

#include "chat/ask.h"
#include "chat/seat.h"

/* What its own words are: the reason of a close is short, and need not be what somebody typed. */
static const char kicked[] = "you were put out of this room";

static void moderation_tell(struct chat *chat, struct client *seat, struct str reason)
{
    char text[256];

    if (client_out(seat) == NULL || reason.len == 0 || reason.len >= sizeof(text))
        return;
    memcpy(text, reason.ptr, reason.len);
    text[reason.len] = '\0';
    /* Without memory for it, the queue is marked, and the connection ends in any case. */
    ask_tell_error(chat, seat, "kicked", text, (struct str){NULL, 0});
}

/* Asks the server at which it sits. */
static bool moderation_kick_elsewhere(struct chat *chat, struct str room, uint64_t id,
                                      struct str reason)
{
    struct channel *channel = channel_table_find(&chat->channels, room);
    struct event event = {.kind = EVENT_KICK, .ts = chat->wall, .to = id, .text = reason};

    if (channel == NULL || !elsewhere_has(&channel->elsewhere, &chat->config.seed, id))
        return false;
    ask_for_nobody(chat, channel, &event);
    return true;
}

bool chat_kick(struct chat *chat, struct str room, uint64_t id, struct str reason)
{
    struct client *seat = client_table_find(&chat->clients, id);

    if (seat == NULL || seat->channel == NULL || !str_equals(seat->channel->log.name, room))
        return moderation_kick_elsewhere(chat, room, id, reason);
    moderation_tell(chat, seat, reason);
    seat_let_go(chat, seat, CLOSE_FORBIDDEN, kicked);
    seat->stays = seat->is_known = seat->key_is_hash = false;
    chat->hooks.random(seat->key, sizeof(seat->key));
    seat_make_due(chat, seat);
    return true;
}
