/* What a client says: messages, direct messages, its name. */
#ifndef CHAT_COMMAND_H
#define CHAT_COMMAND_H

#include "chat/core.h"

/* Takes a message of `len` bytes of valid UTF-8 from a client; may change them. Returns 0; or -1
 * with errno ENOMEM where it was neither asked for nor answered. */
int chat_receive(struct chat *chat, struct client *client, char *data, size_t len);

#endif
