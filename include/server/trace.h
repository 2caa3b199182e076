/* --trace: tells on stderr, step by step, what happens on connections: requests and what they are
 * answered with, the handshake, each frame of a peer, what became of a message, the server's own
 * pings, pongs and closes. For learners, and for whoever looks for a mistake. Bounded by
 * --log-rate; lines that were left out are counted. */
#ifndef SERVER_TRACE_H
#define SERVER_TRACE_H

#include "chat/core.h"
#include "server/options.h"
#include "session/conn.h"
#include "web/web.h"

/* Puts itself between the connections and those who answer them, so that nothing is asked where
 * nobody traces. To be called once all of them are set, and before the first connection. There is
 * one trace, as there is one log. */
void trace_start(const struct options_trace *options, struct conns *conns, struct web *web);

/* Tells what became of an event: for chat_hooks.on_told. Where those from one address are traced:
 * of the rooms in which they are. */
void trace_told(const struct chat *chat, const struct channel *channel, const struct event *event);

/* Tells what has no place in a room: for chat_hooks.on_told_alone. */
void trace_told_alone(const struct client *client, const char *refused);

#endif
