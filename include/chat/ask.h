/* Asking the log, and what its answers settle. All but chat_may_speak is for the chat alone. */
#ifndef CHAT_ASK_H
#define CHAT_ASK_H

#include "chat/core.h"

/* Hands an event over to the log. Whatever comes of it comes by chat_calls, maybe before this
 * returns. `asker` is the seat that asks. */
void ask_log(struct chat *chat, struct channel *channel, struct event *event, struct client *asker);

/* The same for what nobody waits for. */
void ask_for_nobody(struct chat *chat, struct channel *channel, struct event *event);

/* Settles a ticket. Returns the seat that asked; NULL where it is gone, or no seat asked. The
 * channel stays at least until ask_done. */
struct client *ask_settle(struct chat *chat, const struct log_ticket *ticket);

/* The event no longer waits: removes the channel if nobody wants it any more. */
void ask_done(struct chat *chat, struct channel *channel);

/* May the next message of this client be handed to chat_receive? If not, the hook resume tells when
 * to ask again: it is not yet connected, its room must be sent what it has first, or too much waits
 * for the log. */
bool chat_may_speak(struct chat *chat, struct client *client);

/* Lets a client speak again whose input is held, if it may. */
void ask_release(struct chat *chat, struct client *client);

/* The same for all whose input is held until the readers of a channel were served, and for all that
 * are held because too much waits altogether. */
void ask_release_channel(struct chat *chat, struct channel *channel);
void ask_release_all(struct chat *chat);

/* Must what would be published wait? Marks a channel whose rings have no room for a longest frame,
 * so that its readers are served. Returns false where they have room, and are not behind. */
bool ask_is_crammed(struct chat *chat, struct channel *channel);

/* Sends one client what is in the scratch buffer. */
int ask_send_scratch(struct chat *chat, struct client *client);

/* Tells a client that what it asked for is refused; does nothing where its codec has no words for
 * that. Returns 0, or -1 with errno ENOMEM. */
int ask_tell_error(struct chat *chat, struct client *client, const char *code, const char *why,
                   struct str ref);

#endif
