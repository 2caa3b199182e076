/* The HTTP API: what programs ask. Only where the server has a file of keys.
 *
 *      request --path, method, token, rights, body--> a handler --> an answer, maybe later */
#ifndef WEB_API_H
#define WEB_API_H

#include "web/answer.h"

/* Is the request for the API? Then it is answered. */
bool api_take(const struct answer *answer, const struct http_request *request);

/* The body_limit of conns: refuses who may not send a body before it comes. */
size_t api_body_limit(struct conn *conn, const struct http_request *request);

#endif
