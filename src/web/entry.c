#include "web/entry.h"

#include <string.h>

#include "base/log.h"
#include "session/ws.h"
#include "web/web.h"

/* ---- what connections ask ---- */

int entry_message(struct conn *conn, struct ws_message *message)
{
    struct web *web = web_of(conn);

    if (conn->member.client != NULL) {
        /* Who speaks is told first: its next message can come while the others are told. */
        stream_wake(&conn->stream);
        return chat_receive(web->chat, conn->member.client, (char *)message->data, message->len);
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

    if (client != NULL && client->room != NULL && log_is_enabled(LOG_INFO))
        conn->member.room = strndup(client->room->name, client->room->name_len);
    conn->member.client = NULL;
}

int entry_close(struct conn *conn, bool is_broken)
{
    struct web *web = web_of(conn);
    struct client *client = conn->member.client;

    web_leave_address(conn);
    forget_client(conn);
    return client == NULL ? 0 : chat_leave(web->chat, client, is_broken);
}

void entry_enter(struct conn *conn, const struct chat_entry *entry)
{
    struct web *web = web_of(conn);

    switch (chat_enter(web->chat, entry, &conn->stream.out, &conn->member.client)) {
    case CHAT_OK:
        if (!sendq_is_empty(&conn->stream.out))
            stream_wake(&conn->stream);
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

void entry_takeover(struct sendq *out, bool is_cut)
{
    struct conn *conn = conn_of_queue(out);

    static const char reason[] = "this seat was taken over by its owner";

    forget_client(conn);
    stream_note_end(&conn->stream, STREAM_END_HOST, reason);
    if (is_cut)
        stream_drop(&conn->stream, STREAM_END_HOST);
    else
        conn_close(conn, CLOSE_REPLACED, reason);
}

void entry_wake(struct sendq *out)
{
    stream_wake(stream_of_queue(out));
}

/* Walks a room's readers from the last to the first: one that leaves on the way is replaced by one
 * that was visited. What the slowest of them still wants is the new tail. */
static void flush_readers(struct room *room, enum codec_kind codec)
{
    struct reader_set *set = &room->readers[codec];
    struct ring *box = &room->ring[codec];
    uint64_t low = box->head;

    for (size_t i = set->count; i-- > 0;) {
        struct sendq *out = set->items[i];

        stream_flush(stream_of_queue(out));
        if (out->box == box && out->cursor < low)
            low = out->cursor;
    }
    if (low > box->tail)
        ring_raise_tail(box, low);
}

void entry_flush_room(void *owner, struct room *room)
{
    struct web *web = owner;

    chat_begin_flush(web->chat, room);
    for (int codec = 0; codec < CODEC_KINDS; codec++) {
        if (chat_take_news(room, (enum codec_kind)codec))
            flush_readers(room, (enum codec_kind)codec);
    }
    chat_end_flush(room);
}
