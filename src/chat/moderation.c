#include "chat/moderation.h"

#include <errno.h>
#include <string.h>

#include "auth/rights.h"
#include "chat/ask.h"
#include "chat/bans.h"
#include "chat/frame.h"
#include "chat/marks.h"
#include "chat/seat.h"
#include "chat/who.h"

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

void moderation_void(struct chat *chat, struct client *seat)
{
    seat->stays = seat->is_known = seat->key_is_hash = false;
    chat->hooks.random(seat->key, sizeof(seat->key));
    seat_make_due(chat, seat);
}

bool chat_kick(struct chat *chat, struct str room, uint64_t id, struct str reason)
{
    struct client *seat = client_table_find(&chat->clients, id);

    if (seat == NULL || seat->channel == NULL || !str_equals(seat->channel->log.name, room))
        return moderation_kick_elsewhere(chat, room, id, reason);
    chat_warn(chat, seat, "kicked", reason);
    seat_let_go(chat, seat, CLOSE_FORBIDDEN, kicked);
    moderation_void(chat, seat);
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
static const char *moderation_identify(const struct chat *chat, const struct channel *channel,
                                       uint64_t id, struct ban_identity *who, const char **why)
{
    const struct client *seat = client_table_find(&chat->clients, id);

    *why = "nobody in this room has that id";
    if (seat == NULL || seat->channel != channel)
        return "no-such-client";
    if (who_of(chat, seat, who))
        return NULL;
    *why = "that client is reconnecting: try again in a moment";
    if (client_out(seat) == NULL)
        return "away";
    *why = "nothing is known of that client by which it could be banned";
    return "unknown-client";
}

/* Asks for a ban of this person, in the name of the client. */
static int moderation_ban_person(struct chat *chat, struct client *client,
                                 const struct command *command, const struct ban_identity *who)
{
    struct ban_identity asker;
    char address[IP_TEXT_MAX];
    struct ban_wish wish = {.rooms = {client->channel->log.name},
                            .room_count = 1,
                            .sub = who->sub,
                            .seconds = command->seconds,
                            .reason = command->text};

    if (who->has_address) {
        ip_network_write(address, &who->address);
        wish.address = str_from(address);
    }
    /* Whose share it counts for: without a subject, that of all who have none. */
    if (who_of(chat, client, &asker))
        wish.by = asker.sub;
    return moderation_ask(chat, client, command, &wish);
}

/* The server at which it sits is asked who that is. */
static int moderation_ask_elsewhere(struct chat *chat, struct client *client,
                                    const struct command *command)
{
    struct event event = {.kind = EVENT_WHO,
                          .ts = chat->wall,
                          .to = command->to,
                          .re = command->seconds,
                          .text = command->text,
                          .ref = command->ref};

    ask_log(chat, client->channel, &event, client);
    return 0;
}

int moderation_ban(struct chat *chat, struct client *client, const struct command *command)
{
    struct str room = client->channel->log.name;
    struct ban_identity who;
    const char *why, *code;

    if (room.len > 0 && room.ptr[room.len - 1] == '*')
        return ask_tell_error(chat, client, "bad-room",
                              "a ban of this room would be for all that begin like it",
                              command->ref);
    if (elsewhere_has(&client->channel->elsewhere, &chat->config.seed, command->to))
        return moderation_ask_elsewhere(chat, client, command);
    code = moderation_identify(chat, client->channel, command->to, &who, &why);
    if (code != NULL)
        return ask_tell_error(chat, client, code, why, command->ref);
    return moderation_ban_person(chat, client, command, &who);
}

int moderation_who(struct chat *chat, const struct channel *channel, uint64_t id,
                   struct buf *answer)
{
    struct ban_identity who;
    const char *why, *code = moderation_identify(chat, channel, id, &who, &why);

    if (code != NULL)
        return str_equals(str_from(code), STR("no-such-client")) ? LOG_REFUSED_ABSENT
                                                                 : LOG_REFUSED_AWAY;
    return who_write(answer, &who) < 0 ? LOG_REFUSED_BUSY : -1;
}

void moderation_known(struct chat *chat, struct client *client, const struct event *event)
{
    const struct command command = {
        .to = event->to, .seconds = event->re, .text = event->text, .ref = event->ref};
    struct ban_identity who;
    int result;

    /* Who has left, or may no longer ask for it, gets nothing done. */
    if (client == NULL || client_out(client) == NULL || client->channel == NULL ||
        (client->at.out->denied & RIGHT_MOD) != 0)
        return;
    if (who_read(&who, event->data))
        result = moderation_ban_person(chat, client, &command, &who);
    else
        result =
            ask_tell_error(chat, client, "away", seat_refusal_text(LOG_REFUSED_AWAY), event->ref);
    if (result < 0)
        sendq_mark_incomplete(client->at.out);
    chat->hooks.wake(client->at.out);
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

uint64_t moderation_person(const struct chat *chat, const struct client *client)
{
    struct sendq *out = client_out(client);

    return out != NULL && chat->hooks.person != NULL ? chat->hooks.person(out) : 0;
}

bool moderation_is_author(const struct chat *chat, const struct client *client, uint64_t seq)
{
    const struct record *message = marks_message(client->channel, seq);

    if (message == NULL)
        return false;
    if (message->event.author != 0)
        return message->event.author == moderation_person(chat, client);
    return message->author_place == client_table_place(&chat->clients, client) + 1 &&
           message->author_generation == client->generation;
}
