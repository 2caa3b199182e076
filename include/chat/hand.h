/* The chat, from one process to the next: rooms with their histories, bans, seats, and what is
 * still to be sent. Readers come one by one, with their connections.
 *
 *      log | seats | room, histories, rings, windows | ... | orders | who waits | bans | end
 *
 * Who reads trusts nothing of it: what is wrong is said by the reader, and then the chat is good
 * for chat_deinit alone. */
#ifndef CHAT_HAND_H
#define CHAT_HAND_H

#include "chat/core.h"
#include "chat/seat_hand.h"

/* Why the chat cannot be handed over now, a static text: something waits for its log, or its end
 * has come. NULL: it can. */
const char *chat_cannot_hand(const struct chat *chat);

/* Hands over all but the readers. The chat stays as it is, and may go on. */
void chat_hand(struct hand_writer *w, const struct chat *chat);

/* Takes that into a chat that chat_init has made, and nothing else has touched but chat_set_time.
 * Calls no hook. Returns false where anything is wrong. */
bool chat_take(struct hand_reader *r, struct chat *chat);

/* All connections and listeners are there: is the chat whole? From now on it may be used. */
bool chat_take_end(struct hand_reader *r, struct chat *chat);

#endif
