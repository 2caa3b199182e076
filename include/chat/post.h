/* Messages of those who have no seat: programs that ask by HTTP. */
#ifndef CHAT_POST_H
#define CHAT_POST_H

#include "chat/core.h"

/* A message on its way into a room. Its owner keeps it, and what its event points to, until `done`
 * is called. */
struct chat_post {
    struct event event; /* kind, from, re, name and text are its owner's; the rest is set here */
    struct list link;   /* among those that wait for a place in their rooms */
    struct channel *channel;

    /* What came of it, told once. `event`: as it was committed, now or when it was said before;
     * NULL: it was refused because of `why`. It may free the post. */
    void (*done)(struct chat_post *post, const struct event *event, enum log_refusal why);
};

/* Asks for a message in the room of this name, which is made where there is none. With CHAT_OK
 * `done` is called, maybe before this returns; CHAT_FULL: too much waits already. */
enum chat_result chat_post(struct chat *chat, struct chat_post *post, struct str room);

/* ---- for the chat alone ---- */

/* Asks for those whose rooms have a place now. */
void post_advance(struct chat *chat);

/* What a log answered. */
void post_committed(const struct log_ticket *ticket, const struct event *event);
void post_refused(const struct log_ticket *ticket, const struct event *event, enum log_refusal why);

/* Refuses those that still wait for a place: the chat is over. */
void post_refuse_all(struct chat *chat);

#endif
