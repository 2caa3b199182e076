/* Messages by the HTTP API: they are answered once they are committed. */
#ifndef WEB_API_POST_H
#define WEB_API_POST_H

#include "web/api_call.h"

#define API_LIST_MAX 100 /* messages of one request */

/* POST /api/rooms/{room}/messages */
void api_post_message(const struct api_call *call);

/* POST /api/messages */
void api_post_many(const struct api_call *call);

#endif
