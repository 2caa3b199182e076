/* Bans at the door: who asks, and who is inside already. */
#ifndef WEB_DOOR_H
#define WEB_DOOR_H

#include <stdbool.h>

#include "base/ip.h"
#include "base/str.h"

struct ban_identity;
struct conn;
struct sendq;
struct visitor;
struct web;

/* Is this visitor, who asks by `conn`, banned from the room? */
bool door_is_barred(const struct conn *conn, const struct visitor *visitor, struct str room);

/* A member is about to become this visitor. True: it must not, and has been told. */
bool door_turns_away(struct conn *conn, const struct visitor *visitor, struct str room);

/* Closes whoever was banned while inside, if anybody may have been. Once in each tick, behind all
 * commits. */
void door_enforce(struct web *web);

/* See chat_hooks. */
bool door_identify(struct sendq *out, struct ban_identity *who);
bool door_is_shut(struct sendq *out, struct str room);
bool door_may_hear(struct sendq *out, struct str room);
uint64_t door_person(struct sendq *out);

#endif
