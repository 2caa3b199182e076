/* A small blocking client for the tests. Every failure fails the running test; every wait has a
 * deadline. */
#ifndef TESTS_CLIENT_H
#define TESTS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "harness.h"
#include "proto/ws/frame.h"

/* The key of RFC 6455, 1.3, and what the server must answer to it. */
#define WS_SAMPLE_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define WS_SAMPLE_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

struct client {
    int fd;
    struct buf in; /* received and not yet taken */
};

/* Bytes of all clients that the kernel took, and gave. */
struct client_traffic {
    uint64_t sent;
    uint64_t received;
};

extern struct client_traffic client_traffic;

/* ---- Connections ---- */

struct client *client_connect(const struct server *s);
struct client *client_connect_ipv6(const struct server *s);
struct client *client_connect_unix(const char *path);

/* As client_connect, with a receive buffer of about `bytes`, so that it falls behind soon. */
struct client *client_connect_small(const struct server *s, int bytes);

/* As client_connect, from the address 127.0.0.`host` (2 to 254): one address has ports for some 14
 * 000 at once. */
struct client *client_connect_from(const struct server *s, unsigned host);

/* Closes and frees. */
void client_close(struct client *c);

/* As client_close, but with RST. */
void client_reset(struct client *c);

/* Ends the sending direction only (FIN). */
void client_finish(struct client *c);

/* ---- Bytes ---- */

void client_send(struct client *c, const void *data, size_t len);
void client_print(struct client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Each byte in a segment of its own. */
void client_send_bytewise(struct client *c, const void *data, size_t len);

/* Sends what fits without waiting. Returns how many bytes went. */
size_t client_send_some(struct client *c, const void *data, size_t len);

/* Sends what the server takes until the connection is ended by it or all is sent; never fails the
 * test. */
void client_send_anyway(struct client *c, const void *data, size_t len);

/* Waits until at least `len` bytes are in c->in; false when the connection ends before. */
bool client_fill(struct client *c, size_t len);

/* The server has ended the connection, and nothing more came before. RST counts as well. */
void client_expect_eof(struct client *c);

/* Reads and drops everything until the server ends the connection. */
void client_drain(struct client *c);

/* ---- HTTP ---- */

struct response {
    int status;
    char *head; /* status line and fields, NUL-terminated; owned */
    char *body; /* NUL-terminated; owned */
    size_t len; /* bytes of the body */
};

/* Reads one response; `is_head`: to a HEAD request, so that there is no body. */
struct response *response_read(struct client *c, bool is_head);
void response_free(struct response *r);

/* Value of a field, or NULL. Valid until the next call. Fails when the field is there twice. */
const char *response_field(const struct response *r, const char *name);

/* GET on a fresh connection with further field lines (each with CRLF; may be ""). */
struct response *http_get(const struct server *s, const char *target, const char *fields);

/* Sends `request` on a fresh connection, expects that status and a text body, then the end of the
 * connection. */
void http_expect_refusal(const struct server *s, const char *request, size_t len, int status);

/* ---- WebSocket ---- */

/* Sends an upgrade request for `target` with further field lines. */
void ws_request(struct client *c, const char *target, const char *fields);

/* Reads the answer, which must be a correct 101. */
void ws_expect_upgrade(struct client *c);

/* Connects, upgrades. */
struct client *ws_open(const struct server *s, const char *target);
struct client *ws_open_with(const struct server *s, const char *target, const char *fields);

/* The same, where the answer must agree to exactly that extension. */
struct client *ws_open_extended(const struct server *s, const char *target, const char *fields,
                                const char *extension);
struct client *ws_open_chat(const struct server *s, uint64_t id);

/* The status that an upgrade is refused with. */
int ws_refused(const struct server *s, const char *target, const char *fields);

/* One masked frame. */
void ws_send(struct client *c, bool fin, enum ws_opcode opcode, const void *data, size_t len);
void ws_send_text(struct client *c, const char *text);
void ws_send_close(struct client *c, unsigned code, const char *reason);

/* The bytes of one masked frame, appended to `out`. */
void ws_append(struct buf *out, bool fin, enum ws_opcode opcode, const void *data, size_t len);

struct frame {
    enum ws_opcode opcode;
    char *data; /* NUL-terminated behind len; owned */
    size_t len;
};

/* Reads one frame, which must be whole, unmasked and minimal. Returns false at the end of the
 * connection. */
bool ws_read(struct client *c, struct frame *frame);

/* The next frame is this text. */
void ws_expect_text(struct client *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The next frame is this one, byte for byte. */
void ws_expect_frame(struct client *c, enum ws_opcode opcode, const void *data, size_t len);

/* The next frame is a close with that code and a reason, and nothing comes behind it: answers it
 * and expects the end of the connection. Frees the client. */
void ws_expect_close(struct client *c, unsigned code);

/* The frame that tells the author of a message that it is said: "You wrote: " and the text. It
 * comes with the commit, so whoever ends in the same breath gets it only of a log that commits at
 * once; of others nothing is expected here. */
void ws_expect_own_if_at_once(struct client *c, const char *text);

/* As ws_expect_close, but takes whatever comes in front of the close. */
void ws_expect_close_later(struct client *c, unsigned code);

/* The next frame answers a close frame that the client sent: with this code (0: with none), and
 * then the connection ends. Frees the client. */
void ws_expect_close_reply(struct client *c, unsigned code);

/* Goes with a close handshake (1000). Frees the client. */
void ws_leave(struct client *c);

/* Sends a ping and waits for its pong, which must be the next frame: all that was sent before was
 * handled. */
void ws_sync(struct client *c);

#endif
