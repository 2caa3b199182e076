/* WebSocket session (RFC 6455): messages, pings, the close handshake, the rate of messages.
 *
 *      TALKING --we close--> CLOSING --peer's Close, or its FIN--> the stream lingers
 *           '--peer's Close, its FIN, an error of the protocol-----------^
 *
 * Whose peer ends while it is over its rate says at most one burst more; what is left is lost.
 *
 * CLOSING is conn->is_closing: it has sent Close and reads until the peer's, dropping messages. */
#ifndef SESSION_WS_H
#define SESSION_WS_H

#include "session/conn.h"

/* The session itself: for conn_hand.h. */
extern const struct session_ops ws_session;

/* Turns a connection that has asked for it into a WebSocket: all bytes that follow the request are
 * frames. `response` is the whole 101, which is sent at once. Returns false where memory is out;
 * the connection is dropped then. */
bool ws_open(struct conn *conn, struct str response, const struct ws_reader_limits *limits);

/* Sends a frame of its own, whose payload is `prefix` and then `payload`. */
void ws_send(struct conn *conn, uint8_t opcode, struct str prefix, const void *payload, size_t len);

/* Sends the payload of a message that its reader has delivered just now, as it is and, where that
 * can be, without copying it. */
void ws_send_back(struct conn *conn, const struct ws_message *message);

/* Goes on with a connection whose input paused because conns.may_speak said no. */
void ws_release(struct conn *conn);

/* Says that the message at hand goes out as so many bytes to each of the others: it counts for as
 * long as they take at the rate of bytes, where that is longer than a message takes. */
void ws_charge(struct conn *conn, size_t bytes);

#endif
