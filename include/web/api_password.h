/* The route by which people get a token for a password. It needs no token. */
#ifndef WEB_API_PASSWORD_H
#define WEB_API_PASSWORD_H

#include "web/api_call.h"

/* GET /api/password: 204 where one is asked for, else 404. */
void api_tell_password(const struct api_call *call);

/* POST /api/password: `{"password":P}`, answered by `{"token":T,"expires":MS}`; 403 for a wrong
 * one, 429 for who was wrong too often. */
void api_take_password(const struct api_call *call);

#endif
