/* The chat: everything that people in rooms can do. Knows no file descriptor and no clock:
 * connections are send queues, and the time is told to it.
 *
 * Who enters and leaves: chat/seat.h. What they say: chat/command.h. When they may: chat/ask.h. */
#ifndef CHAT_CHAT_H
#define CHAT_CHAT_H

#include "chat/ask.h"
#include "chat/command.h"
#include "chat/core.h"
#include "chat/seat.h"

/* Makes an empty chat. `config` and `hooks` are copied. The log, which has no owner yet, is the
 * chat's from now on. Returns 0; or -1 with errno ENOMEM, and the log is still the caller's. */
int chat_init(struct chat *chat, const struct chat_config *config, const struct chat_hooks *hooks,
              struct log *log);

/* Ends the log: what was said is kept or refused, and nothing is heard any more. */
void chat_finish(struct chat *chat);

/* Frees everything, after chat_finish where nobody has called it; the connections must be gone or
 * never be used as readers again. No hook is called. */
void chat_deinit(struct chat *chat);

/* Tells what time it is: monotonic, and since 1970 (which may jump), in milliseconds. */
void chat_set_time(struct chat *chat, uint64_t now, uint64_t wall);

/* ---- people ---- */

/* Says that somebody is about to enter with this id: what that looks up is fetched into the
 * processor's cache meanwhile. */
void chat_expect(const struct chat *chat, uint64_t id);

/* Does somebody have this id? Who knows the seat's key may enter even where all seats are taken. */
bool chat_has_id(const struct chat *chat, uint64_t id);

/* Does somebody with this id sit in the room at another server, as far as is known? */
bool chat_sits_elsewhere(const struct chat *chat, struct str room, uint64_t id);

/* Are all seats taken, and none is kept that would give way? */
bool chat_is_full(const struct chat *chat);

/* Everybody is about to leave: from now on nobody is told of it, and no seat is kept but by a log
 * that lasts. */
void chat_stop(struct chat *chat);

/* ---- the tick ---- */

/* The log's turn: commits what is due. A tick begins with chat_set_time. */
void chat_commit(struct chat *chat);

/* Is there something to send to the readers of a room, or a seat that waited for that, and has this
 * tick time for it? */
bool chat_has_news(const struct chat *chat);

/* Serves the readers of rooms that have news, each by serve(out), as far as the budget of this tick
 * goes. That may call chat_leave for the client of this very queue; the others hear of it the next
 * time. It returns what it cost, in tenths of a microsecond. */
void chat_serve(struct chat *chat, size_t (*serve)(struct sendq *out));

/* This tick serves all rooms to the end. */
void chat_lift(struct chat *chat);

/* Gives up seats whose time is over, asks again for what was refused, gives memory back. */
void chat_expire(struct chat *chat);

/* When chat_expire or chat_commit has something to do: monotonic milliseconds, UINT64_MAX for
 * never. */
uint64_t chat_deadline(const struct chat *chat);

/* How far the slowest reader of all rooms is behind, in bytes of its ring. */
uint64_t chat_lag(const struct chat *chat);

#endif
