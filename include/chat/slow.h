/* Rooms that are slowed down: each may speak once in so many seconds. For the chat alone. */
#ifndef CHAT_SLOW_H
#define CHAT_SLOW_H

#include "chat/core.h"

/* May this member say something now, in a room that is slow? */
bool slow_may_speak(const struct chat *chat, const struct client *client);

/* It has said something in a slow room; it is new in a room, slow or not. */
void slow_note_spoken(struct chat *chat, const struct client *client);
void slow_note_entered(struct chat *chat, const struct client *client);

/* It may not. Returns 0, or -1 with errno ENOMEM. */
int slow_tell(struct chat *chat, struct client *client, struct str ref);

/* Something was said here in a slow room. */
void slow_retell(struct chat *chat, struct channel *channel);

#endif
