/* What Redis runs for us, each atomically: scripts in Lua, called by their SHA-1. */
#ifndef LOG_REDIS_SCRIPT_H
#define LOG_REDIS_SCRIPT_H

#include "base/str.h"

enum redis_script {
    REDIS_PUBLISH,  /* messages and other names, many at once */
    REDIS_ENTER,    /* a seat, new or taken over */
    REDIS_LEAVE,    /* gives a seat up */
    REDIS_ERRAND,   /* goes to the node where somebody sits */
    REDIS_SNAPSHOT, /* what there is of a room, or what is newer */
    REDIS_LEASE,    /* this node lives */
    REDIS_REAP,     /* the leaves of a node that does not */
    REDIS_LIFE,     /* whether it is another Redis than before */
    REDIS_SCRIPTS
};

/* Seats of a room: all of them must fit one answer. And bytes of the longest, as an answer has it.
 */
#define REDIS_SEATS_MAX 262144
#define REDIS_SEAT_BYTES 256

/* Its text. */
struct str redis_script_text(enum redis_script script, char *out, size_t size);

/* Bytes of the longest text. */
#define REDIS_SCRIPT_MAX 6144

/* Writes the SHA-1 of its text in 40 digits. */
void redis_script_name(enum redis_script script, char out[41]);

#endif
