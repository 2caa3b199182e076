/* Listeners: who hears a room without a seat in it, by an event stream. */
#ifndef CHAT_LISTEN_H
#define CHAT_LISTEN_H

#include "chat/core.h"

struct listener {
    struct channel *channel; /* which stays as long as this does */
    struct sendq *out;
    uint8_t rendition; /* enum rendition */
};

/* Lets a queue hear a room (made where there is none): entry->room, `since`, `history`. What its
 * reader may not ask for is in out->denied. The welcome and what it missed are put behind what is
 * in the queue. NULL: errno is ENOMEM, and the queue may have some of it. */
struct listener *chat_listen(struct chat *chat, const struct chat_entry *entry, struct sendq *out);

/* It hears no more, and is freed; its queue keeps a bounded part of what is still to be sent.
 * Returns what sendq_detach does. */
int chat_unlisten(struct chat *chat, struct listener *listener);

/* A listener within a record, from one process to the next; NULL: it is wrong. Its queue was taken
 * before, and goes on. */
void listener_hand(struct hand_writer *w, const struct listener *listener);
struct listener *listener_take(struct hand_reader *r, struct chat *chat, struct sendq *out);

#endif
