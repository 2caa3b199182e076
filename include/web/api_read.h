/* What programs read by the HTTP API, and whom they put out. */
#ifndef WEB_API_READ_H
#define WEB_API_READ_H

#include "web/api_call.h"

/* GET /api/rooms?prefix=P&after=R&limit=N */
void api_list_rooms(const struct api_call *call);

/* GET /api/rooms/{room}/members */
void api_list_members(const struct api_call *call);

/* GET /api/rooms/{room}/messages?since=POS&last=K&limit=N */
void api_list_messages(const struct api_call *call);

/* DELETE /api/rooms/{room}/members/{id} */
void api_kick(const struct api_call *call);

#endif
