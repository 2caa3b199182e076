/* The routes of bans: each is for those who may keep order in all its rooms. */
#ifndef WEB_API_BANS_H
#define WEB_API_BANS_H

#include "web/api_call.h"

/* GET /api/bans?after=B&limit=N: `{"bans":[...],"more":B}`, in the order of their names. */
void api_list_bans(const struct api_call *call);

/* POST /api/bans: `{"rooms":[...],"sub":S,"address":A,"seconds":N,"until":T,"reason":R}`, answered
 * with the ban as it is listed, once it counts. */
void api_ban(const struct api_call *call);

/* DELETE /api/bans/{ban} */
void api_lift_ban(const struct api_call *call);

#endif
