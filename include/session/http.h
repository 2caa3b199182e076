/* HTTP session of a server (RFC 9112): one request after the other, each answered before the next
 * is read.
 *
 *              .------------------------------------------.
 *              v                                          |
 *      HEAD --a head that announces a body--> BODY ---> answer ---> the stream lingers, where it is
 *        |                                              ^     |     the last one
 *        '----------------------------------------------'     '---> another session: ws_open
 *                          answer: at once, or later (http_wait), when what follows has waited
 *
 * A PROXY header may come in front of the first request. */
#ifndef SESSION_HTTP_H
#define SESSION_HTTP_H

#include "session/conn.h"

/* The session itself: for conn_hand.h. */
extern const struct session_ops http_session;

/* The body of a response: somebody else's bytes until `release(data)` is called, once. */
struct http_body {
    const void *data; /* NULL: none */
    size_t len;
    void (*release)(void *data); /* NULL: they stay for ever */
};

static inline void http_body_release(const struct http_body *body)
{
    if (body->data != NULL && body->release != NULL)
        body->release((void *)(uintptr_t)body->data);
}

/* Begins HTTP on a connection that was accepted: `fd` is non-blocking, and the connection's from
 * now on; `peer` is who is at its other end. The caller sets what it knows of it, and then calls
 * stream_start. The pool must not be full. */
struct conn *http_accept(struct conns *conns, int fd, const struct peer *peer);

/* After stream_start: if nothing has come yet, the connection has been there for so many
 * milliseconds before it was accepted. */
void http_note_silence(struct conn *conn, uint64_t silence);

/* Answers the request at hand, or the one that waits: puts a head behind what is queued, and the
 * body unless `is_bodyless`. `head` is NULL where memory was out for it; the connection is dropped
 * then. The body is released in any case, here or once it is sent. Closes the connection
 * afterwards unless keep_alive. */
void http_respond(struct conn *conn, const struct buf *head, const struct http_body *body,
                  bool is_bodyless, bool keep_alive);

/* In place of an answer: it comes later, by http_respond for wait->conn, which is NULL from then
 * on. Nothing more is read meanwhile. If the connection ends before, on_gone is called. The caller
 * sets on_gone. */
void http_wait(struct conn *conn, struct http_wait *wait);

/* Between two requests? */
bool http_is_idle(const struct conn *conn);

#endif
