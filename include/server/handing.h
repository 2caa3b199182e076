/* The worker that hands over what it has: what its keeper asks, and the steps of server/handover.h
 * up to its end, or back to where it was. */
#ifndef SERVER_HANDING_H
#define SERVER_HANDING_H

#include <stdbool.h>
#include <stdint.h>

#include "net/reactor.h"
#include "server/handover.h"
#include "server/handover_wire.h"

struct handing {
    struct handover_parts parts;
    struct reactor *reactor;
    struct reactor_source keeper; /* what it says; fd -1: there is none */
    struct reactor_source heir;   /* fd -1: nothing is handed over now */
    struct handover_wire wire;    /* to the heir */
    struct handover_wire unheard; /* ... to one that could not be told to stop; with is_unheard */
    uint64_t deadline;            /* monotonic ms, of the heir's first word; UINT64_MAX: none */
    bool is_asked;                /* the keeper has something to say */
    bool is_heard;                /* the heir has */
    bool is_unheard;
    bool is_due;                       /* the heir waits */
    uint64_t next_look;                /* monotonic ms; while is_due: whether it can have all */
    const char *why;                   /* what the keeper is told; NULL: nothing has gone wrong */
    char heirs_why[HANDOVER_TEXT_MAX]; /* what the heir said, as `why` */
};

/* Listens to the keeper from now on: a copy of its descriptor is not taken, and it is not closed
 * here. -1: there is no keeper. Returns 0, or -1 with errno. */
int handing_init(struct handing *handing, const struct handover_parts *parts,
                 struct reactor *reactor, int keeper);

/* When handing_tick has something to do, monotonic ms; UINT64_MAX: never. */
uint64_t handing_deadline(const struct handing *handing);

/* Between two ticks: hears what the keeper and an heir have to say, and gives up one that is not
 * heard of in time. */
void handing_tick(struct handing *handing, uint64_t now);

/* Gives up what has begun, for this reason, a static text. Nothing where nothing has begun. */
void handing_refuse(struct handing *handing, const char *why);

/* Does an heir wait for what there is? */
static inline bool handing_is_due(const struct handing *handing)
{
    return handing->is_due;
}

/* Hands all over, if an heir waits for it and nothing is half done, at the end of a tick. Returns
 * true when that is done: then this process must end and touch nothing; false when it must go on as
 * before. */
bool handing_run(struct handing *handing);

#endif
