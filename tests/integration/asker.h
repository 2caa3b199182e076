/* Programs that ask the HTTP API, for the tests: keys, tokens, requests. Every failure fails the
 * running test. */
#ifndef TESTS_ASKER_H
#define TESTS_ASKER_H

#include "client.h"

/* Starts a server that takes the tokens made here, with further options (NULL: none). */
struct server *asker_server(const char *const *options);

/* A token of `sub` for rooms by one pattern, with words of rights and commas between them; good for
 * an hour. Valid until the next call but fifteen. */
const char *asker_token(const char *sub, const char *rooms, const char *allow);

/* The same, good for so many seconds, and that fixes a name (NULL: none). */
const char *asker_token_until(const char *sub, const char *rooms, const char *allow, int seconds,
                              const char *name);

/* "Authorization: Bearer T" and its CRLF; valid until the next call but three. */
const char *asker_bearer(const char *token);

/* Sends a request; `token` and `body` may be NULL. A body is JSON. `fields`: further field lines.
 */
void asker_send(struct client *c, const char *method, const char *target, const char *token,
                const char *fields, const char *body);

/* Sends it on a connection of its own and reads the answer. */
struct response *asker_ask(const struct server *s, const char *method, const char *target,
                           const char *token, const char *body);

/* The same, for its status alone. */
int asker_status(const struct server *s, const char *method, const char *target, const char *token,
                 const char *body);

/* The answer has this status, and where it is an error, it says so as problem details do. */
void asker_expect(const struct response *r, int status);

/* Posts a text, which must be taken; its position goes to `pos`, which may be NULL. */
void asker_post(const struct server *s, const char *room, const char *token, const char *text,
                char *pos);

#endif
