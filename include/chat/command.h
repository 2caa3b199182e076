/* What a client says: messages, direct messages, its name. */
#ifndef CHAT_COMMAND_H
#define CHAT_COMMAND_H

#include "chat/core.h"

/* Takes a message of `len` bytes of valid UTF-8 from a client; may change them. Returns 0; or -1
 * with errno ENOMEM where it was neither asked for nor answered. */
int chat_receive(struct chat *chat, struct client *client, char *data, size_t len);

/* Tells whoever is behind this queue, and has asked for it, of control frames of its own
 * connection; also who has just been let go. Where memory is out it may not hear of them. */
void chat_tell_control(struct chat *chat, struct sendq *out, const struct ws_control *control);

/* ---- for the chat alone ---- */

/* See log_calls.errand. */
int command_errand(struct chat *chat, struct channel *channel, const struct event *event,
                   struct buf *answer);

/* An errand was done; `client`: who asked for it, or NULL. */
void command_delivered(struct chat *chat, struct client *client, const struct event *event);

#endif
