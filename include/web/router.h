/* What each HTTP request is answered with. */
#ifndef WEB_ROUTER_H
#define WEB_ROUTER_H

#include "session/conn.h"

/* Answers a request, or turns the connection into a WebSocket: the on_request of conns whose owner
 * is a web. */
void router_request(struct conn *conn, const struct http_request *request);

/* Answers with an error and closes: the on_bad_request. */
void router_bad_request(struct conn *conn, int status, const char *text);

#endif
