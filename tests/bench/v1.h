/* Clients of the load generator that say words and offer permessage-deflate: in wschat.v1, or to an
 * echo, and to that packed, too, where it agrees. To unpack what a thousand of them get would take
 * longer than the server takes, so in a room the senders and every fiftieth of the others unpack
 * and check all of it; the rest count frames. */
#ifndef BENCH_V1_H
#define BENCH_V1_H

#include "proto/ws/frame.h"
#include "session.h"

/* Lines of the request that an upgrade needs for it. */
const char *v1_fields(const struct traffic *t);

/* Makes what texts are cut from, and what packs them. Returns 0, or -1 without memory. */
int v1_prepare(struct traffic *t);

/* Is this one of those who check? */
bool v1_checks(const struct traffic *t, const struct session *s);

/* Sends the messages that s->credit allows. Returns NULL, or what went wrong. */
const char *v1_send(struct traffic *t, struct session *s, uint64_t time);

/* Takes a whole data frame. Returns NULL, or what is wrong with it. */
const char *v1_take(struct traffic *t, struct session *s, const struct ws_frame_header *h,
                    const uint8_t *payload);

#endif
