#include "chat/moderation.h"

#include <errno.h>
#include <string.h>

#include "chat/ask.h"
#include "chat/bans.h"
#include "chat/frame.h"
#include "chat/marks.h"
#include "chat/seat.h"

/* What its own words are: the reason of a close is short, and need not be what somebody typed. */
static const char kicked[] = "you were put out of this room";

void chat_warn(struct chat *chat, struct client *client, const char *code, struct str why)
{
    char text[CODEC_REASON_MAX + 1];

    if (client_out(client) == NULL || why.len == 0 || why.len >= sizeof(text))
        return;
    memcpy(text, why.ptr, why.len);
    text[why.len] = '\0';
    /* Without memory for it, the queue is marked, and the connection ends in any case. */
    ask_tell_error(chat, client, code, text, (struct str){NULL, 0});
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
    chat_warn(chat, seat, "kicked", reason);
    seat_let_go(chat, seat, CLOSE_FORBIDDEN, kicked);
    seat->stays = seat->is_known = seat->key_is_hash = false;
    chat->hooks.random(seat->key, sizeof(seat->key));
    seat_make_due(chat, seat);
    return true;
}

/* ---- bans ---- */

static int moderation_refuse(struct chat *chat, struct client *client, enum ban_result why,
                             struct str ref)
{
    if (why == BAN_NO_MEMORY) {
        errno = ENOMEM;
        return -1;
    }
    if (why == BAN_SHARE)
        return ask_tell_error(chat, client, "too-many-bans",
                              "you have as many bans as one may have: lift some", ref);
    return ask_tell_error(chat, client, "bans-full",
                          "there are as many bans as there may be: lift some", ref);
}

/* Asks for it in the name of the client. */
static int moderation_ask(struct chat *chat, struct client *client, const struct command *command,
                          struct ban_wish *wish)
{
    struct event event;
    enum ban_result result;
    struct buf json;

    buf_init(&json);
    result = bans_event(chat, wish, &json, &event);
    if (result == BAN_OK && bans_channel(chat) == NULL) {
        bans_settled(chat, &event);
        result = BAN_NO_MEMORY;
    }
    if (result == BAN_OK) {
        event.ref = command->ref;
        ask_log(chat, bans_channel(chat), &event, client);
    }
    buf_deinit(&json);
    return result == BAN_OK ? 0 : moderation_refuse(chat, client, result, command->ref);
}

/* Who is it? Returns NULL, or the code of an error and a sentence. */
static const char *moderation_identify(const struct chat *chat, const struct client *client,
                                       uint64_t id, struct ban_wish *wish,
                                       char address[IP_TEXT_MAX], const char **why)
{
    const struct client *seat = client_table_find(&chat->clients, id);
    struct ip_network network;
    bool has_address = false;

    *why = "nobody in this room has that id";
    if (seat == NULL || seat->channel != client->channel)
        return "no-such-client";
    *why = "that client is reconnecting: try again in a moment";
    if (client_out(seat) == NULL)
        return "away";
    *why = "nothing is known of that client by which it could be banned";
    if (chat->hooks.identify == NULL ||
        !chat->hooks.identify(client_out(seat), &wish->sub, &network, &has_address))
        return "unknown-client";
    if (has_address) {
        ip_network_write(address, &network);
        wish->address = str_from(address);
    }
    return NULL;
}

/* Whose share of the bans it counts for; ptr is NULL: of those who have no subject. */
static struct str moderation_asker(const struct chat *chat, const struct client *client)
{
    struct str sub = {NULL, 0};
    struct ip_network network;
    bool has_address;

    if (chat->hooks.identify != NULL)
        (void)chat->hooks.identify(client->at.out, &sub, &network, &has_address);
    return sub;
}

int moderation_ban(struct chat *chat, struct client *client, const struct command *command)
{
    struct ban_wish wish = {.rooms = {client->channel->log.name},
                            .room_count = 1,
                            .seconds = command->seconds,
                            .reason = command->text,
                            .by = moderation_asker(chat, client)};
    char address[IP_TEXT_MAX];
    const char *why, *code;
    struct str room = wish.rooms[0];

    if (room.len > 0 && room.ptr[room.len - 1] == '*')
        return ask_tell_error(chat, client, "bad-room",
                              "a ban of this room would be for all that begin like it",
                              command->ref);
    code = moderation_identify(chat, client, command->to, &wish, address, &why);

    if (code != NULL)
        return ask_tell_error(chat, client, code, why, command->ref);
    return moderation_ask(chat, client, command, &wish);
}

/* Who asked for it by wschat.v1 learns what it is called. */
static void moderation_answer(struct chat *chat, struct client *seat, const struct event *event)
{
    char name[BAN_NAME_SIZE];
    const struct ban *ban;

    ban_write_name(name, event->re);
    ban = bans_get(chat, str_from(name));
    if (client_out(seat) == NULL)
        return;
    if (frame_begin(&chat->scratch) == 0 &&
        codec_v1_banned(&chat->scratch, name, ban != NULL ? ban->until : 0, event->ref) == 0) {
        frame_finish(&chat->scratch);
        ask_send_scratch(chat, seat);
    } else {
        sendq_mark_incomplete(seat->at.out);
    }
}

void moderation_committed(struct chat *chat, struct channel *channel, const struct event *event,
                          struct client *seat, const struct log_ticket *ticket, uint32_t word)
{
    if (ticket != NULL)
        bans_settled(chat, event);
    bans_committed(chat, channel, event, word, ticket != NULL);
    if (seat != NULL)
        moderation_answer(chat, seat, event);
}

/* ---- whose message it is ---- */

bool moderation_is_author(const struct chat *chat, const struct client *client, uint64_t seq)
{
    const struct record *message = marks_message(client->channel, seq);
    struct sendq *out = client_out(client);
    uint64_t person = out != NULL && chat->hooks.person != NULL ? chat->hooks.person(out) : 0;

    if (message == NULL)
        return false;
    if (message->author != 0)
        return message->author == person;
    return message->author_place == client_table_place(&chat->clients, client) + 1 &&
           message->author_generation == client->generation;
}
