/* The part of the chat that tells a room of its events, remembers them, and replays them. For
 * chat.c only. */
#ifndef CHAT_PUBLISH_H
#define CHAT_PUBLISH_H

#include "chat/chat.h"

/* Puts an event that was committed into the rings and the history of its room. This is the
 * `committed` of a commit log, with the chat as its owner. Returns 0, or -1 with errno ENOMEM:
 * nobody was told. */
int publish_event(void *chat, struct room *room, const struct event *event);

/* Tells the wschat.v1 readers of a crowded room how many are in it, if that is due. */
void publish_count(struct chat *chat, struct room *room);

/* What a newcomer is to be sent of the past. */
struct replay {
    uint64_t after; /* place in the room's order behind which it begins */
    bool recovered; /* exactly what came after the position that was asked for */
};

/* Finds what to replay to somebody who enters: all that came after the position it knows where that
 * is still possible, else the last messages, as many as it wants, or as few as memory that slow
 * readers hold allows. */
struct replay publish_plan_replay(struct chat *chat, struct room *room,
                                  const struct chat_entry *entry);

/* Puts that behind what is in the queue. Returns 0, or -1 with errno ENOMEM. */
int publish_replay(struct chat *chat, struct room *room, enum codec_kind codec,
                   const struct replay *replay, struct sendq *out);

/* Removes the room if it has neither members nor messages to keep. */
void publish_tidy(struct chat *chat, struct room *room);

/* Removes a room without members and all that it keeps. */
void publish_remove_room(struct chat *chat, struct room *room);

#endif
