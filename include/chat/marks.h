/* Marks: what is said of a message after it was said: reactions, and that it is taken back. They
 * have a history of their own, so that they push no message out; a replay tells their sums in the
 * message. For the chat alone. */
#ifndef CHAT_MARKS_H
#define CHAT_MARKS_H

#include "chat/core.h"

/* Marks that a room keeps for each message that it keeps. */
#define MARKS_PER_MESSAGE 10

/* A mark comes or is forgotten: what was encoded of its message is stale. Nothing for other
 * events. */
void marks_touch(struct channel *channel, const struct event *event);

/* Appends the sums of the reactions to a message as JSON; nothing where there are none. Returns 0,
 * or -1 with errno ENOMEM. */
int marks_sum(struct buf *out, const struct channel *channel, uint64_t seq);

/* The message with this seq; NULL: it is not kept. */
struct record *marks_message(const struct channel *channel, uint64_t seq);

/* A message was taken back: what it said is wiped. Frames that are on their way go on. */
void marks_retract(struct channel *channel, uint64_t seq);

/* Is there such a message in the room, as far as is known? One that is forgotten only where it need
 * not be kept; one that was taken back likewise. */
bool marks_has_message(const struct channel *channel, const struct codec_pos *pos, bool is_kept);

#endif
