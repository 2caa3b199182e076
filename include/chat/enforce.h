/* New bans: who is inside and must go. */
#ifndef CHAT_ENFORCE_H
#define CHAT_ENFORCE_H

#include "chat/core.h"

/* Calls `check` for whoever hears a room that a ban is for, once for each ban that has come since
 * the last time and each place there: those who sit there with a connection, and listeners. `check`
 * may end that connection, and no other.
 *
 * What this costs: a ban of rooms by their names looks at those who are in these rooms, and at
 * nobody else, as a message to them does; one with a pattern at all rooms, and at those who are in
 * the rooms that it stands for. Bans that were there before are not looked at. Who only waits to
 * enter is not met here, but when it enters: see chat_hooks.is_barred. */
void bans_enforce(struct chat *chat,
                  void (*check)(void *arg, struct sendq *out, const struct ban *ban), void *arg);

#endif
