/* Upgrades: a request becomes a WebSocket, which enters the echo or a room. */
#ifndef WEB_UPGRADE_H
#define WEB_UPGRADE_H

#include "web/answer.h"

/* `/ws`: the echo. Answers the request, or opens the WebSocket. */
void upgrade_open_echo(const struct answer *answer, const struct http_request *request);

/* `/ws/{id}?room=R&name=N&history=K&since=POS&key=KEY`: a room. The same. */
void upgrade_open_chat(const struct answer *answer, const struct http_request *request,
                       struct str id);

#endif
