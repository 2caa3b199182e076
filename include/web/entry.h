/* Where connections and the chat meet: who enters, what is said, who leaves, and what the chat asks
 * of the connections. */
#ifndef WEB_ENTRY_H
#define WEB_ENTRY_H

#include <stdbool.h>

#include "chat/chat.h"
#include "session/conn.h"

/* Seats the client behind a connection that has just become a WebSocket, or closes it. */
void entry_enter(struct conn *conn, const struct chat_entry *entry);

/* The on_message and on_close of conns: what a client says, in the chat or to the echo, and that it
 * is gone. */
int entry_message(struct conn *conn, struct ws_message *message);
int entry_close(struct conn *conn, bool is_broken);

/* The on_takeover, `wake` and `flush` of a chat, whose owner is the web. */
void entry_takeover(struct sendq *out, bool is_cut);
void entry_wake(struct sendq *out);
void entry_flush_room(void *owner, struct room *room);

#endif
