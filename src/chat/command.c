#include "chat/command.h"

#include <errno.h>

#include "auth/rights.h"
#include "chat/ask.h"
#include "chat/frame.h"
#include "chat/marks.h"
#include "chat/moderation.h"
#include "chat/past.h"
#include "chat/publish.h"
#include "chat/seat.h"
#include "chat/slow.h"

/* Makes sure that publishing what comes of a text finds its memory: so what fails for want of it
 * mostly fails here, where nobody has heard of it yet. Returns 0, or -1 with errno ENOMEM. */
static int command_prepare(struct chat *chat, struct channel *channel, size_t len)
{
    for (int kind = 0; kind < RENDITIONS; kind++) {
        if (channel->audience.readers[kind].count == 0)
            continue;
        chat->frames[kind].len = 0;
        if (buf_reserve(&chat->frames[kind], CHAT_FRAME_OVERHEAD + len) < 0 ||
            ring_reserve_forced(&channel->audience.ring[kind], 1) < 0) {
            errno = ENOMEM;
            return -1;
        }
    }
    return 0;
}

static int command_no_message(struct chat *chat, struct client *client, struct str ref)
{
    return ask_tell_error(chat, client, "no-such-message",
                          "this room has no message at that position", ref);
}

/* What it replies to may be forgotten; those who have seen it may still show it. */
static bool command_is_reply(const struct client *client, const struct command *command)
{
    return command->pos.seq == 0 || marks_has_message(client->channel, &command->pos, false);
}

static int command_say(struct chat *chat, struct client *client, const struct command *command)
{
    struct event event = {
        .kind = EVENT_MESSAGE,
        .ts = chat->wall,
        .from = client->id,
        .author = moderation_person(chat, client),
        .name = client_name(client),
        .re = command->pos.seq,
        .text = command->text,
        .ref = command->ref,
        .data = command->data,
    };

    if (client->channel->slow > 0 && !slow_may_speak(chat, client))
        return slow_tell(chat, client, command->ref);
    if (!command_is_reply(client, command))
        return command_no_message(chat, client, command->ref);
    if (command_prepare(chat, client->channel, event.text.len + event.data.len) < 0)
        return -1;
    if (client->channel->slow > 0)
        slow_note_spoken(chat, client);
    ask_log(chat, client->channel, &event, client);
    return 0;
}

static int command_tell(struct chat *chat, struct client *client, const struct event *event)
{
    if (frame_encode(&chat->scratch, codecs[client->codec], event) < 0)
        return -1;
    if (chat->hooks.on_told_alone != NULL)
        chat->hooks.on_told_alone(client, NULL);
    return ask_send_scratch(chat, client);
}

/* Tells a client here what somebody says to it alone. Returns -1, or why that cannot be. */
static int command_deliver(struct chat *chat, const struct channel *channel,
                           const struct event *event)
{
    struct client *to = client_table_find(&chat->clients, event->to);

    if (to == NULL || to->channel != channel)
        return LOG_REFUSED_ABSENT;
    if (client_out(to) == NULL)
        return LOG_REFUSED_AWAY;
    if (to->at.out->queued > chat->config.max_lag)
        return LOG_REFUSED_BUSY;
    if (to->id == event->from || command_tell(chat, to, event) == 0)
        return -1;
    chat->hooks.wake(to->at.out);
    return LOG_REFUSED_BUSY;
}

int command_errand(struct chat *chat, struct channel *channel, const struct event *event,
                   struct buf *answer)
{
    struct event own = *event;

    own.epoch = channel->log.epoch;
    if (event->kind == EVENT_DIRECT)
        return command_deliver(chat, channel, &own);
    if (event->kind == EVENT_WHO)
        return moderation_who(chat, channel, event->to, answer);
    return chat_kick(chat, channel->log.name, event->to, event->text) ? -1 : LOG_REFUSED_ABSENT;
}

void command_delivered(struct chat *chat, struct client *client, const struct event *event)
{
    if (event->kind == EVENT_WHO)
        moderation_known(chat, client, event);
    if (event->kind != EVENT_DIRECT)
        return;
    chat->counters.directs++;
    if (client != NULL && client_out(client) != NULL && command_tell(chat, client, event) < 0)
        chat->hooks.wake(client->at.out);
}

/* A direct message is for two connections alone: it has no place in the room's order, and none in
 * its history. */
static int command_direct(struct chat *chat, struct client *client, const struct command *command)
{
    struct channel *channel = client->channel;
    struct event event = {
        .kind = EVENT_DIRECT,
        .ts = chat->wall,
        .from = client->id,
        .to = command->to,
        .name = client_name(client),
        .epoch = channel->log.epoch,
        .re = command->pos.seq,
        .text = command->text,
        .ref = command->ref,
        .data = command->data,
    };
    int why;

    if (!command_is_reply(client, command))
        return command_no_message(chat, client, command->ref);
    if (elsewhere_has(&channel->elsewhere, &chat->config.seed, command->to)) {
        ask_log(chat, channel, &event, client);
        return 0;
    }
    why = command_deliver(chat, channel, &event);
    if (why >= 0)
        return ask_tell_error(chat, client, seat_refusal_code((enum log_refusal)why),
                              seat_refusal_text((enum log_refusal)why), command->ref);
    chat->counters.directs++;
    return command_tell(chat, client, &event);
}

static int command_react(struct chat *chat, struct client *client, const struct command *command)
{
    struct event event = {
        .kind = EVENT_REACT,
        .ts = chat->wall,
        .from = client->id,
        .re = command->pos.seq,
        .is_on = command->is_on,
        .name = client_name(client),
        .text = command->text,
        .ref = command->ref,
    };

    if (!marks_has_message(client->channel, &command->pos, true))
        return command_no_message(chat, client, command->ref);
    if (command_prepare(chat, client->channel, event.text.len) < 0)
        return -1;
    ask_log(chat, client->channel, &event, client);
    return 0;
}

static int command_retract(struct chat *chat, struct client *client, const struct command *command)
{
    struct event event = {
        .kind = EVENT_RETRACT,
        .ts = chat->wall,
        .from = client->id,
        .re = command->pos.seq,
        .name = client_name(client),
        .ref = command->ref,
    };

    if (!marks_has_message(client->channel, &command->pos, true))
        return command_no_message(chat, client, command->ref);
    if ((client->at.out->denied & RIGHT_MOD) != 0 &&
        !moderation_is_author(chat, client, command->pos.seq))
        return ask_tell_error(chat, client, "forbidden", "this is not your message", command->ref);
    if (command_prepare(chat, client->channel, 0) < 0)
        return -1;
    ask_log(chat, client->channel, &event, client);
    return 0;
}

static int command_slow(struct chat *chat, struct client *client, const struct command *command)
{
    struct event event = {
        .kind = EVENT_SLOW,
        .ts = chat->wall,
        .from = client->id,
        .re = command->seconds,
        .name = client_name(client),
        .ref = command->ref,
    };

    if (command_prepare(chat, client->channel, 0) < 0)
        return -1;
    ask_log(chat, client->channel, &event, client);
    return 0;
}

/* It is a hint: one that comes too soon after the last is dropped. */
static int command_typing(struct chat *chat, struct client *client, struct str ref)
{
    uint64_t *from;

    if (!chat->config.typing)
        return ask_tell_error(chat, client, "typing-off", "this server does not tell who types",
                              ref);
    from = &chat->typing_from[client_table_place(&chat->clients, client)];
    if (*from > chat->now)
        return 0;
    *from = chat->now + TYPING_EVERY;
    publish_typing(chat, client);
    return 0;
}

/* The one place where rights are asked for what a member does: what each command needs. */
static const uint8_t command_needs[COMMAND_KINDS] = {
    [COMMAND_SAY] = RIGHT_PUB,
    [COMMAND_DIRECT] = RIGHT_DIR,
    [COMMAND_RENAME] = RIGHT_PUB | RIGHT_NAME,
    [COMMAND_HISTORY] = RIGHT_HST,
    [COMMAND_KICK] = RIGHT_MOD,
    [COMMAND_BAN] = RIGHT_MOD,
    [COMMAND_SLOW] = RIGHT_MOD,
    [COMMAND_REACT] = RIGHT_PUB,
    [COMMAND_TYPING] = RIGHT_PUB,
};

/* Who has no words for errors goes: it would wait for an answer in vain. */
static int command_forbid(struct chat *chat, struct client *client, struct str ref)
{
    if (client->codec == CODEC_V1)
        return ask_tell_error(chat, client, "forbidden", "your token does not allow this", ref);
    seat_let_go(chat, client, CLOSE_FORBIDDEN, "your token does not let you speak here");
    seat_make_due(chat, client);
    return 0;
}

static int command_token(struct chat *chat, struct client *client, const struct command *command)
{
    if (chat->hooks.take_token != NULL && chat->hooks.take_token(client->at.out, command->text))
        return 0;
    return ask_tell_error(chat, client, "no-tokens", "tokens mean nothing here", command->ref);
}

static int command_kick(struct chat *chat, struct client *client, const struct command *command)
{
    if (chat_kick(chat, client->channel->log.name, command->to, command->text))
        return 0;
    return ask_tell_error(chat, client, "no-such-client", "nobody in this room has that id",
                          command->ref);
}

static int command_ping(struct chat *chat, struct client *client, const struct command *command)
{
    if (frame_begin(&chat->scratch) < 0 || codec_v1_pong(&chat->scratch, command->ref) < 0)
        return -1;
    frame_finish(&chat->scratch);
    return ask_send_scratch(chat, client);
}

static int command_wire(struct chat *chat, struct client *client, const struct command *command)
{
    chat->hooks.hear_controls(client->at.out, command->is_on);
    if (frame_begin(&chat->scratch) < 0 ||
        codec_v1_wire(&chat->scratch, command->is_on, command->ref) < 0)
        return -1;
    frame_finish(&chat->scratch);
    return ask_send_scratch(chat, client);
}

void chat_tell_control(struct chat *chat, struct sendq *out, const struct ws_control *control)
{
    if (frame_begin(&chat->scratch) < 0 || codec_v1_control(&chat->scratch, control) < 0)
        return;
    frame_finish(&chat->scratch);
    sendq_push(out, chat->scratch.data, chat->scratch.len);
    chat->hooks.wake(out);
}

int chat_receive(struct chat *chat, struct client *client, char *data, size_t len)
{
    struct command command;

    codecs[client->codec]->decode(&command, data, len);
    if ((client->at.out->denied & command_needs[command.kind]) != 0)
        return command_forbid(chat, client, command.ref);
    switch (command.kind) {
    case COMMAND_SAY:
        return command_say(chat, client, &command);
    case COMMAND_DIRECT:
        return command_direct(chat, client, &command);
    case COMMAND_RENAME:
        return seat_rename(chat, client, command.name, command.ref);
    case COMMAND_TOKEN:
        return command_token(chat, client, &command);
    case COMMAND_HISTORY:
        return past_tell(chat, client, &command);
    case COMMAND_UNREAD:
        return past_tell_unread(chat, client, &command);
    case COMMAND_KICK:
        return command_kick(chat, client, &command);
    case COMMAND_BAN:
        return moderation_ban(chat, client, &command);
    case COMMAND_SLOW:
        return command_slow(chat, client, &command);
    case COMMAND_RETRACT:
        return command_retract(chat, client, &command);
    case COMMAND_REACT:
        return command_react(chat, client, &command);
    case COMMAND_TYPING:
        return command_typing(chat, client, command.ref);
    case COMMAND_PING:
        return command_ping(chat, client, &command);
    case COMMAND_WIRE:
        return command_wire(chat, client, &command);
    case COMMAND_BAD:
    case COMMAND_KINDS:
        break;
    }
    return ask_tell_error(chat, client, command.code, command.why, command.ref);
}
