/* Keeping order in rooms. */
#ifndef CHAT_MODERATION_H
#define CHAT_MODERATION_H

#include "chat/core.h"

/* Puts the seat of this id out of a room: it leaves at once, its connection closes with
 * CLOSE_FORBIDDEN, and its key is void. It may come again. `reason` is told to clients of wschat.v1
 * before that; ptr is NULL where there is none. Returns false where nobody has that id there. */
bool chat_kick(struct chat *chat, struct str room, uint64_t id, struct str reason);

#endif
