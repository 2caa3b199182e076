/* wschat.v1 from the client's side: reads what a server sends, writes what a client says
 * (docs/protocol.md). */
#ifndef PROTO_CODEC_V1_CLIENT_H
#define PROTO_CODEC_V1_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum v1_type {
    V1_OTHER, /* a type that is not known: to be ignored */
    V1_WELCOME,
    V1_MESSAGE,
    V1_DIRECT,
    V1_JOIN,
    V1_LEAVE,
    V1_RENAME,
    V1_COUNT,
    V1_ERROR,
    V1_SLOW,    /* each may speak once in `seconds`; 0: as often as they like */
    V1_RETRACT, /* a message was taken back */
    V1_BAN,     /* the answer to ours */
};

/* Who is in the room, as a welcome tells it: the JSON that is still to be read. */
struct v1_members {
    char *next;
    size_t len;
};

/* What a server sent. Slices point into the frame; ptr is NULL where the member is missing, numbers
 * are 0 then. */
struct v1_event {
    enum v1_type type;
    uint64_t id, from, to, ts, count;
    uint64_t limit; /* limits.message of a welcome */
    uint64_t seconds;
    bool recovered;
    bool is_retracted; /* a message that was taken back: its text is empty */
    bool has_from;
    struct str pos, key, room, name, text, ref, code;
    struct v1_members members; /* of a welcome */
};

/* Reads a frame, which it changes: strings are unescaped in place. Returns false for what is no
 * JSON object, has a member of the wrong type, or lacks what its type must have. */
bool v1_event_read(struct v1_event *frame, char *data, size_t len);

/* Takes the next member of a welcome off the list, which it changes. Returns false at the end, and
 * for what is no member. */
bool v1_member_next(struct v1_members *members, uint64_t *id, struct str *name);

/* Appends a command. `to` 0: to the room. Each returns 0, or -1 with errno ENOMEM. */
int v1_say(struct buf *out, struct str text, uint64_t to, struct str ref);
int v1_rename(struct buf *out, struct str name);
int v1_kick(struct buf *out, uint64_t id, struct str reason);
/* `seconds` 0: for ever. The id is the ref, too, so that the answer tells whom it is about. */
int v1_ban(struct buf *out, uint64_t id, uint64_t seconds, struct str reason);
int v1_slow(struct buf *out, uint64_t seconds);
int v1_retract(struct buf *out, struct str pos);

#endif
