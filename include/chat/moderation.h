/* Keeping order in rooms. */
#ifndef CHAT_MODERATION_H
#define CHAT_MODERATION_H

#include "chat/core.h"

/* Puts the seat of this id out of a room: it leaves at once, its connection closes with
 * CLOSE_FORBIDDEN, and its key is void. It may come again. `reason` is told to clients of wschat.v1
 * before that; ptr is NULL where there is none. Returns false where nobody has that id there. */
bool chat_kick(struct chat *chat, struct str room, uint64_t id, struct str reason);

/* The seat has no connection any more, and is nobody's: it leaves, and its key is void. */
void moderation_void(struct chat *chat, struct client *seat);

/* Bans whoever sits on this id in the room of the client who asks for it, which is told what came
 * of that. Returns 0, or -1 with errno ENOMEM. */
int moderation_ban(struct chat *chat, struct client *client, const struct command *command);

/* Another server asks who sits on this id here: appends that to `answer`. Returns -1, or why not,
 * as a refusal. */
int moderation_who(struct chat *chat, const struct channel *channel, uint64_t id,
                   struct buf *answer);

/* Another server has said who it is that this client, which may be gone, wants to ban. */
void moderation_known(struct chat *chat, struct client *client, const struct event *event);

/* A member is told by an error that it must go; nothing where its codec has no words for that. */
void chat_warn(struct chat *chat, struct client *client, const char *code, struct str why);

/* See event.author. */
uint64_t moderation_person(const struct chat *chat, const struct client *client);

/* Has this member said that message, from its seat or with a token of the same subject? */
bool moderation_is_author(const struct chat *chat, const struct client *client, uint64_t seq);

/* A ban or the end of one was committed. `seat`: who asked for it, or NULL. */
void moderation_committed(struct chat *chat, struct channel *channel, const struct event *event,
                          struct client *seat, const struct log_ticket *ticket, uint32_t word);

#endif
