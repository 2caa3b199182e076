/* Who sits where, as bans know people: by the connection of a seat, or by the one that it had. For
 * the chat alone. */
#ifndef CHAT_WHO_H
#define CHAT_WHO_H

#include "chat/core.h"

/* Its connection breaks, and the seat waits for its owner: from now on it is known who that was.
 * Without memory for it nobody is. */
void who_note(struct chat *chat, const struct client *client);

/* It has a connection again, or is no seat any more. */
void who_forget(struct chat *chat, const struct client *client);

/* Who has this seat? The slices live as long as its connection, or until who_forget. Returns false
 * where nothing is known by which they could be banned. */
bool who_of(const struct chat *chat, const struct client *client, struct ban_identity *who);

/* The same as a text, for another server; and back. Return -1 with errno ENOMEM; false where it
 * makes no sense. What was read points into the text. */
int who_write(struct buf *out, const struct ban_identity *who);
bool who_read(struct ban_identity *who, struct str text);

/* Who had a seat that has no connection, within a record, from one process to the next. */
void who_hand(struct hand_writer *w, const struct chat *chat, const struct client *client);
void who_take(struct hand_reader *r, struct chat *chat, const struct client *client);

#endif
