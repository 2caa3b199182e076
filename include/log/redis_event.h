/* What is told of a room by way of Redis: a line about its place, a line about the event, and its
 * texts one behind the other:
 *
 *      seq epoch prev node number\n
 *      kind ts from to name_len ref_len\n        ref_len is "-" where there is none; behind it
 * stands the author of a message, where it has one name ref text */
#ifndef LOG_REDIS_EVENT_H
#define LOG_REDIS_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "proto/codec/codec.h"

struct redis_event {
    struct event event; /* with its slices into the bytes that were read */
    uint64_t prev;      /* seq of the message before */
    struct str node;    /* who asked for it */
    uint64_t number;    /* of its request; 0: nobody's */
};

/* Appends what follows the first line. Returns 0, or -1 with errno ENOMEM. */
int redis_event_write(struct buf *out, const struct event *event);

/* Reads all of it. Returns false where it is not well-formed. */
bool redis_event_read(struct redis_event *told, struct str bytes);

/* What goes from one node to the one where somebody sits, and is no part of the room's order: a
 * direct message, a kick, a question who that is. Its first line is "to node number room". */
struct redis_errand {
    struct event event;
    struct str node; /* who waits for an answer */
    uint64_t number;
    struct str room;
};

bool redis_errand_is(enum event_kind kind);

/* Does whoever sent it wait for what came of it? */
bool redis_errand_is_answered(enum event_kind kind);

/* Reads one with its first line. Returns false where it is not well-formed. */
bool redis_errand_read(struct redis_errand *errand, struct str bytes);

#endif
