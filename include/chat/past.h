/* What members ask of the past, of their room and of others. For the chat alone. */
#ifndef CHAT_PAST_H
#define CHAT_PAST_H

#include "chat/core.h"

/* Bytes of events in one answer, at most; or one event that is longer. */
#define PAST_ANSWER_MAX 262144

/* Answers COMMAND_HISTORY: the last messages that the room keeps before a position, as many as are
 * wanted and fit. Returns 0, or -1 with errno ENOMEM. */
int past_tell(struct chat *chat, struct client *client, const struct command *command);

/* Answers COMMAND_UNREAD: how many messages that a room keeps lie behind a position; all of them,
 * where that is of another life of the room. 0 also where the room is not known here, or the
 * client may not hear it. Returns 0, or -1 with errno ENOMEM. */
int past_tell_unread(struct chat *chat, struct client *client, const struct command *command);

#endif
