/* What each HTTP request is answered with. */
#ifndef APP_ROUTES_H
#define APP_ROUTES_H

#include "net/conn.h"

/* Answers a request, or turns the connection into a WebSocket. The `request` of a conn_host that is
 * part of a server. */
void routes_request(struct conn *conn, const struct http_request *request);

/* Answers with an error and closes. The `bad_request` of a conn_host. */
void routes_bad_request(struct conn *conn, int status, const char *text);

#endif
