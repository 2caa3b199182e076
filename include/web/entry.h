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

/* The on_control of conns: who is or was in the chat is told of control frames. */
void entry_control(struct conn *conn, const struct ws_control *control);

/* The may_speak of conns: may what it says be handed to the chat now? */
bool entry_may_speak(struct conn *conn);

/* The hooks of a chat, whose owner is the web: they only mark connections, and count. */
void entry_let_go(struct sendq *out, uint16_t code, const char *reason);
bool entry_token(struct sendq *out, struct str token);
void entry_hear_controls(struct sendq *out, bool is_on);
void entry_wake(struct sendq *out);
void entry_resume(struct sendq *out);
void entry_pay(void *owner, uint32_t payer, bool begins);

/* Sends a reader of a room what it can take. */
size_t entry_serve(struct sendq *out);

#endif
