/* Event stream session (WHATWG HTML, 9.2): a response that does not end. The peer only listens:
 * whatever it sends is dropped.
 *
 *      LISTENING --we close, its FIN, an error, it lags--> the stream lingers
 *
 * A stream may end anywhere: a browser drops an event that is not whole, and asks again for what
 * comes behind the last one that was. */
#ifndef SESSION_SSE_H
#define SESSION_SSE_H

#include "session/conn.h"

/* The session itself: for conn_hand.h. */
extern const struct session_ops sse_session;

/* Turns a connection that has asked for it into an event stream. `response` is the whole head,
 * which is sent at once. Returns false where memory is out; the connection is dropped then. */
bool sse_open(struct conn *conn, struct str response);

#endif
