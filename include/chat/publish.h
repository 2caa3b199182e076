/* Tells a room of its events. For the chat alone. */
#ifndef CHAT_PUBLISH_H
#define CHAT_PUBLISH_H

#include "chat/core.h"

/* Puts an event that was committed into the rings and the histories of its channel. It never fails,
 * and nobody is sent anything yet: who misses something for want of memory or of room finds out
 * when it is served. `author` is the seat that asked for a message, or NULL. */
void publish_event(struct chat *chat, struct channel *channel, const struct event *event,
                   struct client *author, uint32_t word);

/* Tells the wschat.v1 readers of a crowded room how many are in it, if that is due. */
void publish_count(struct chat *chat, struct channel *channel);

/* Says that a channel's readers are to be served. */
void publish_mark_dirty(struct chat *chat, struct channel *channel);

/* Tells the room that somebody types; nobody keeps it. */
void publish_typing(struct chat *chat, const struct client *client);

#endif
