#include "web/entry.h"

#include <string.h>

#include "base/log.h"
#include "chat/listen.h"
#include "proto/json.h"
#include "session/ws.h"
#include "web/door.h"
#include "web/web.h"

/* What a message of a member costs, in the units of stream_charge, and how many of its bytes cost
 * one more. */
#define MESSAGE_WORK 20
#define MESSAGE_WORK_BYTES 32

/* What it costs to come in. */
#define ENTER_WORK 150

/* ---- what connections ask ---- */

/* How many bytes a message can become on its way out: what is text here is a string of JSON for
 * others, and what is JSON here has been escaped already. */
static size_t entry_size_out(const struct conn *conn, const struct ws_message *message)
{
    if (conn->codec == CODEC_V1)
        return message->len;
    return json_string_size((struct str){(const char *)message->data, message->len});
}

/* A member's message: it costs to read it, and to tell it to others or to answer it. */
static int entry_receive(struct conn *conn, const struct ws_message *message)
{
    struct stream *stream = &conn->stream;
    size_t before = sendq_cost(&stream->out);
    int result =
        chat_receive(web_of(conn)->chat, conn->member.client, (char *)message->data, message->len);

    stream_charge(stream, MESSAGE_WORK + message->len / MESSAGE_WORK_BYTES);
    stream_charge_output(stream, before);
    return result;
}

int entry_message(struct conn *conn, struct ws_message *message)
{
    struct web *web = web_of(conn);

    if (conn->stream.out.close_code != 0)
        return 0; /* it is about to be closed */
    if (conn->member.client != NULL) {
        /* Who speaks is told first: its next message can come while the others are told. */
        stream_wake(&conn->stream);
        ws_charge(conn, entry_size_out(conn, message));
        return entry_receive(conn, message);
    }
    web->echoes++;
    if (web->is_verbatim)
        ws_send_back(conn, message);
    else
        ws_send(conn, (uint8_t)message->opcode, STR("Message text was: "), message->data,
                message->len);
    return 0;
}

/* Lets go of the client, but keeps what the log tells of it. */
static void forget_client(struct conn *conn)
{
    const struct client *client = conn->member.client;

    if (client != NULL && client->channel != NULL && log_is_enabled(LOG_INFO))
        conn->member.room = strndup(client->channel->log.name.ptr, client->channel->log.name.len);
    conn->member.client = NULL;
}

bool entry_may_speak(struct conn *conn)
{
    return chat_may_speak(web_of(conn)->chat, conn->member.client);
}

/* An event stream ends. */
static int entry_end_listening(struct conn *conn)
{
    struct listener *listener = conn->member.stream.listener;

    conn->member.stream.listener = NULL;
    if (listener == NULL)
        return 0;
    if (log_is_enabled(LOG_INFO))
        conn->member.room =
            strndup(listener->channel->log.name.ptr, listener->channel->log.name.len);
    return chat_unlisten(web_of(conn)->chat, listener);
}

int entry_close(struct conn *conn, bool is_broken)
{
    struct web *web = web_of(conn);
    struct client *client = conn->member.client;
    int result = 0;

    if (conn->is_listener) {
        gate_let_out(&web->gate, conn);
        return entry_end_listening(conn);
    }
    forget_client(conn);
    if (client != NULL)
        result = chat_leave(web->chat, client, is_broken);
    gate_let_out(&web->gate, conn); /* the seat has noted who it was */
    /* Else it counts until it is freed: its peer may keep it open. */
    if (conn->is_dead)
        web_leave_address(conn);
    return result;
}

void entry_enter(struct conn *conn, const struct chat_entry *entry)
{
    struct web *web = web_of(conn);

    stream_charge(&conn->stream, ENTER_WORK);
    switch (chat_enter(web->chat, entry, &conn->stream.out, &conn->member.client)) {
    case CHAT_OK:
        return;
    case CHAT_ID_TAKEN:
        conn_close(conn, CLOSE_ID_IN_USE, "this id is connected already: pick another one");
        return;
    case CHAT_FULL:
    case CHAT_NO_MEMORY:
        conn_close(conn, WS_CLOSE_TRY_AGAIN_LATER, "the server is full: try again later");
        return;
    }
}

/* ---- what the chat asks ---- */

void entry_let_go(struct sendq *out, uint16_t code, const char *reason)
{
    struct conn *conn = conn_of_queue(out);

    forget_client(conn);
    stream_note_end(&conn->stream, STREAM_END_HOST, reason);
    out->close_code = code;
    stream_wake(&conn->stream);
}

/* Returns NULL, or why it must go. Nothing is allowed before it is known that nobody forbids it:
 * what else it asks in this tick is done at once. */
static const char *entry_renew(struct conn *conn, struct str token, uint16_t *code)
{
    struct gate *gate = &web_of(conn)->gate;
    struct str room = chat_room_of(conn->member.client);
    struct visitor visitor = {.has_token = false};
    const char *wrong =
        gate_look_again(gate, conn, token, room, conn_clock(conn)->wall, &visitor, code);

    if (wrong != NULL)
        return wrong;
    if (door_turns_away(conn, &visitor, room)) {
        *code = CLOSE_FORBIDDEN;
        return BANS_REASON;
    }
    return gate_renew(gate, conn, &visitor) < 0 ? "the server is out of memory" : NULL;
}

bool entry_token(struct sendq *out, struct str token)
{
    struct conn *conn = conn_of_queue(out);
    const char *wrong;
    uint16_t code;

    if (!gate_is_on(&web_of(conn)->gate))
        return false;
    wrong = entry_renew(conn, token, &code);
    if (wrong == NULL)
        return true;
    stream_note_end(&conn->stream, STREAM_END_HOST, wrong);
    out->close_code = code;
    stream_wake(&conn->stream);
    return true;
}

void entry_hear_controls(struct sendq *out, bool is_on)
{
    conn_of_queue(out)->hears_controls = is_on;
}

void entry_control(struct conn *conn, const struct ws_control *control)
{
    chat_tell_control(web_of(conn)->chat, &conn->stream.out, control);
}

void entry_wake(struct sendq *out)
{
    stream_wake(stream_of_queue(out));
}

void entry_resume(struct sendq *out)
{
    ws_release(conn_of_queue(out));
}

void entry_pay(void *owner, uint32_t payer, bool begins)
{
    struct web *web = owner;

    if (begins)
        address_table_keep(&web->addresses, payer);
    else
        address_table_leave(&web->addresses, payer, web->conns->pool.env.clock.now_ns);
}

size_t entry_serve(struct sendq *out)
{
    struct stream *stream = stream_of_queue(out);
    const struct stream_env *env = stream->env;
    int64_t before = env->sending;

    stream_flush(stream);
    return (size_t)(before - env->sending);
}
