/* What each HTTP request is answered with. */
#ifndef WEB_ROUTER_H
#define WEB_ROUTER_H

#include "net/conn.h"

/* Answers a request, or turns the connection into a WebSocket. The `request` of a pool that is
 * part of a server. */
void router_request(struct conn *conn, const struct http_request *request);

/* Answers with an error and closes. The `bad_request` of a pool. */
void router_bad_request(struct conn *conn, int status, const char *text);

#endif
