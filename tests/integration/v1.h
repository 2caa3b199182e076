/* Clients of the subprotocol wschat.v1 for the tests: they come, talk, break and come back. Every
 * failure fails the running test.
 *
 * What is expected from the server, and what is sent to it, is written as a template: JSON with '
 * in place of ", so that it can be read. Where it is expected, # stands for digits and * for
 * anything within a string. */
#ifndef TESTS_V1_H
#define TESTS_V1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client.h"

#define V1_FIELDS "Sec-WebSocket-Protocol: wschat.v1\r\n"

/* Bytes of a key or a position that the tests can keep, the NUL included. */
#define V1_TEXT 128

/* A client with what it must remember to come back. */
struct seat {
    struct client *c; /* NULL: not connected */
    uint64_t id;
    char key[V1_TEXT];
    char pos[V1_TEXT]; /* of the last that it read, or what the welcome said */
    bool recovered;    /* what the last welcome said */
    unsigned count;
};

/* ---- JSON ---- */

/* A string or a number out of an object that the server sent: the first field of that name. The
 * string must have no escapes. */
void v1_string(const char *json, const char *name, char out[V1_TEXT]);
uint64_t v1_number(const char *json, const char *name);
bool v1_has(const char *json, const char *name);

/* Does the text match the template? */
bool v1_matches(const char *template, const char *text);

/* ---- Coming ---- */

/* Reads the answer to an upgrade, which must have chosen wschat.v1. */
void v1_expect_upgrade(struct client *c);

/* A connection with that query (without `?`; may be ""), up to the upgrade. */
struct client *v1_connect(const struct server *s, uint64_t id, const char *query);

/* A client that has read its welcome. */
struct seat *seat_open(const struct server *s, uint64_t id, const char *query);

/* Connects with the key and the position that it has, and further parameters ("&name=x" or "").
 * Returns the connection that it had before, or NULL. The welcome is still to be read. */
struct client *seat_connect(struct seat *seat, const struct server *s, const char *more);

/* Reads a welcome and remembers what it says. */
void seat_read_welcome(struct seat *seat);

/* Both: it must be its seat again, with nothing lost. */
void seat_return(struct seat *seat, const struct server *s);

/* ---- Going ---- */

void seat_leave(struct seat *seat); /* with a close handshake; frees it */
void seat_drop(struct seat *seat);  /* just closes and frees it */
void seat_break(struct seat *seat); /* FIN without a close frame; it can come back */
void seat_reset(struct seat *seat); /* RST */

/* ---- Talking ---- */

/* Sends a template; its * and # stand for themselves. */
void seat_send(struct seat *seat, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sends a say without a ref. */
void seat_say(struct seat *seat, const char *text);

/* The next frame, NUL-terminated; the caller frees it. Remembers its position. */
char *seat_read(struct seat *seat);

/* The next frame matches the template. */
void seat_expect(struct seat *seat, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The next frame is exactly that message: from nobody with a name, without a ref. */
void seat_expect_message(struct seat *seat, uint64_t from, const char *text);

/* The next frame is a "join", a "leave" or a "rename". */
void seat_expect_presence(struct seat *seat, const char *type, uint64_t from, const char *name);

/* The next frame is an error with that code and that ref (NULL: none). */
void seat_expect_error(struct seat *seat, const char *code, const char *ref);

/* Nothing is there to be read, and nothing will come of what was done before. */
void seat_sync(struct seat *seat);

/* Waits until the server knows that `id` has no connection, by asking as `seat`. */
void seat_await_away(struct seat *seat, uint64_t id);

#endif
