/* The HTTP API: what programs ask. Only where the server has a file of keys.
 *
 *      request --path, method, token, rights, body--> a handler --> an answer, maybe later */
#ifndef WEB_API_H
#define WEB_API_H

#include "web/answer.h"

struct web;

/* Is the request for the API? Then it is answered. */
bool api_take(const struct answer *answer, const struct http_request *request);

/* Bytes of the longest body that a request may have. */
uint64_t api_longest_body(const struct web *web);

/* The body_limit of conns: refuses who may not send a body before it comes. */
size_t api_body_limit(struct conn *conn, const struct http_request *request);

#endif
