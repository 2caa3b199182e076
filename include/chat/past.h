/* What members ask of their room's past while they are there. For the chat alone. */
#ifndef CHAT_PAST_H
#define CHAT_PAST_H

#include "chat/core.h"

/* Bytes of events in one answer, at most; or one event that is longer. */
#define PAST_ANSWER_MAX 262144

/* Answers COMMAND_HISTORY: the last messages that the room keeps before a position, as many as are
 * wanted and fit. Returns 0, or -1 with errno ENOMEM. */
int past_tell(struct chat *chat, struct client *client, const struct command *command);

#endif
