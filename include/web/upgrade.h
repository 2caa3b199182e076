/* Upgrades: a request becomes a WebSocket, which enters the echo or a room. */
#ifndef WEB_UPGRADE_H
#define WEB_UPGRADE_H

#include "web/answer.h"
#include "web/web.h"

/* Are all places of members taken? */
bool upgrade_is_full(const struct web *web);

/* Do the limits of its address allow one more member? `entry`: who enters the chat; NULL: nobody.
 * Who comes back to its own seat does not count twice. Returns NULL, or what a 429 says, whose
 * further field lines are put into `fields`. */
const char *upgrade_enter_address(struct conn *conn, const struct chat_entry *entry,
                                  const char **fields);

/* `/ws`: the echo. Answers the request, or opens the WebSocket. */
void upgrade_open_echo(const struct answer *answer, const struct http_request *request);

/* `/ws/{id}?room=R&name=N&history=K&since=POS&key=KEY`: a room. The same. */
void upgrade_open_chat(const struct answer *answer, const struct http_request *request,
                       struct str id);

#endif
