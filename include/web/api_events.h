/* GET /api/rooms/{room}/events: an event stream. */
#ifndef WEB_API_EVENTS_H
#define WEB_API_EVENTS_H

#include "web/api_call.h"

void api_open_events(const struct api_call *call);

#endif
