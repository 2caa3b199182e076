/* What the web of a server knows, on its way to another process: limits by address, keys, answers
 * that may be asked for again, and all connections. */
#ifndef WEB_HAND_H
#define WEB_HAND_H

#include "base/hand.h"
#include "web/web.h"

/* Writes all of it, between two ticks (conns_cannot_hand). The chat is written before it. */
void web_hand(struct hand_writer *w, const struct web *web);

/* Reads it into a web that is as at the start of a program, whose chat was read before. `fds`: the
 * descriptors of the connections, in their order; they are the connections' once this has returned
 * true. The clock was read since it was written. On false r->why says what is wrong, and the
 * descriptors are still the caller's. Nothing is read or sent before conns_go. */
bool web_take(struct web *web, struct hand_reader *r, const int *fds, size_t count);

#endif
