/* What is for operators: the admin listener's answers, and the health of the server, which is for
 * everybody. */
#ifndef WEB_ADMIN_H
#define WEB_ADMIN_H

#include "web/answer.h"

/* Answers a request that came by the admin listener. `path` is decoded; empty: none. */
void admin_answer(const struct answer *answer, const struct http_request *request, struct str path);

/* `/healthz` */
void admin_answer_health(const struct answer *answer);

#endif
