/* A codec is a way to write chat events into WebSocket text messages, and to read commands out of
 * them.
 *
 * Two exist: the plain text of the tutorial, and the subprotocol `wschat.v1` with one JSON object
 * in each message. A room encodes each event once for every codec that somebody in it uses. */
#ifndef PROTO_CODEC_CODEC_H
#define PROTO_CODEC_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "proto/ws/controls.h"

enum codec_kind { CODEC_TEXT, CODEC_V1, CODEC_KINDS };

#define CODEC_NAME_MAX 64    /* bytes of a display name or of a room's name */
#define CODEC_REF_MAX 128    /* bytes of a sender's reference */
#define CODEC_REASON_MAX 200 /* bytes of why somebody is put out */
#define CODEC_POS_MAX 40     /* bytes of a position, the terminating NUL included */

/* The largest id of a client: Date.now() of a distant future. */
#define CODEC_ID_MAX ((uint64_t)INT64_MAX)

enum event_kind {
    EVENT_MESSAGE,
    EVENT_DIRECT,
    EVENT_JOIN,
    EVENT_LEAVE,
    EVENT_RENAME,
    EVENT_REACT,
    EVENT_RETRACT, /* a message is taken back */
    EVENT_SLOW,    /* how often each may speak */
    EVENT_BAN,     /* somebody may not enter some rooms: chat/bans.h */
    EVENT_LIFT,    /* ... and now may again */
    EVENT_COUNT,
    EVENT_TYPING,
    EVENT_WHO,  /* to a server where `to` sits: who is that? `re` and `text` are as for the ban that
                   is  wanted; `data`: the answer, once it is there */
    EVENT_KICK, /* to a server where `to` sits: it is put out, and `text` says why */
};

#define CODEC_EMOJI_MAX 32    /* bytes of the emoji of a reaction */
#define CODEC_HISTORY_MAX 200 /* events of one answer to COMMAND_HISTORY */

/* Seconds of the longest ban that has an end: ten years. */
#define CODEC_BAN_MAX 315360000

/* Seconds between two messages of one member, at most, in a room that is slowed down. */
#define CODEC_SLOW_MAX 3600

/* Something that happened in a room. The slices belong to whoever made the event. */
struct event {
    enum event_kind kind;
    uint64_t seq;    /* place in the room's order, from 1; 0: it has none (direct, count, typing) */
    uint64_t epoch;  /* which life of the room that order belongs to */
    uint64_t ts;     /* milliseconds since 1970 */
    uint64_t from;   /* the client it is about */
    uint64_t to;     /* receiver of a direct message */
    uint64_t count;  /* members, for a count */
    uint64_t re;     /* seq of the message that it replies to, reacts to or takes back; 0: none.
                        EVENT_SLOW: seconds; EVENT_BAN, EVENT_LIFT: number of the ban */
    uint64_t author; /* of a message: a number of the subject that has said it, see token_person;
                        0: none. Of a join that is asked of a shared log: of who joins. */
    bool is_retracted; /* a message that was taken back: it has neither text nor data */
    bool is_posted;    /* a message that nobody said from a seat, whoever it is from */
    bool is_on;        /* EVENT_REACT: the reaction is given; else it is taken back */
    struct str name;
    struct str text; /* EVENT_REACT: the emoji; EVENT_BAN: the ban as JSON. ptr is NULL where a
                        message has data alone */
    struct str ref;  /* ptr is NULL where the sender gave none */
    struct str key;  /* of a join: the secret of the seat; ptr is NULL where it has none. A log that
                        keeps it keeps its hash alone. */
    struct str proof; /* of a join: the secret that was shown, of a seat that may be elsewhere; ptr
                         is NULL where none was */
    struct str once;  /* of a message that was posted and is to be said once, at whatever server: 32
                         bytes by which it is known, and a digest of 32; else ptr is NULL */
    bool key_is_hash; /* it is such a hash: of SHA-256, cut to the length of the secret */
    struct str data;  /* JSON of the author's; ptr is NULL where there is none */
    struct str reactions; /* JSON: the sums that a replay tells; ptr is NULL where there are none */
};

enum command_kind {
    COMMAND_SAY,
    COMMAND_DIRECT,
    COMMAND_RENAME,
    COMMAND_TOKEN, /* shows a new token, which is `text` */
    COMMAND_HISTORY,
    COMMAND_UNREAD,  /* asks how much was said in a room since then */
    COMMAND_KICK,    /* puts somebody out of the room */
    COMMAND_BAN,     /* ... for a while */
    COMMAND_SLOW,    /* says how often each may speak */
    COMMAND_RETRACT, /* takes a message back */
    COMMAND_REACT,
    COMMAND_TYPING,
    COMMAND_PING, /* wants to hear that somebody is there */
    COMMAND_WIRE, /* wants to be told of control frames, or not any more */
    COMMAND_BAD,
    COMMAND_KINDS
};

/* A position that a client named. */
struct codec_pos {
    uint64_t epoch;
    uint64_t seq; /* 0: in front of everything; or none was named */
};

/* What a client asks for. The slices point into the message that it was read from. */
struct command {
    enum command_kind kind;
    uint64_t to;          /* COMMAND_DIRECT, _KICK, _BAN */
    struct str text;      /* COMMAND_SAY, _DIRECT, _TOKEN; COMMAND_REACT: the emoji;
                             COMMAND_KICK, _BAN: why, ptr may be NULL */
    struct str data;      /* COMMAND_SAY, _DIRECT: as in an event */
    struct codec_pos pos; /* what is replied to, reacted to, taken back, or before which history is
                             wanted; COMMAND_UNREAD: what was read last */
    bool is_on;           /* COMMAND_REACT, _WIRE */
    uint64_t limit;       /* COMMAND_HISTORY: events, 1 to CODEC_HISTORY_MAX */
    uint64_t seconds;     /* COMMAND_BAN: 1 to CODEC_BAN_MAX; 0: without an end. COMMAND_SLOW: 0 to
                             CODEC_SLOW_MAX */
    struct str name;      /* COMMAND_RENAME; COMMAND_UNREAD: the room */
    struct str ref;       /* ptr is NULL where there was none */
    const char *code;     /* COMMAND_BAD: a short name of the error */
    const char *why;      /* COMMAND_BAD: the same as a sentence */
};

/* What a client of wschat.v1 is told when it enters. */
struct welcome {
    uint64_t id;
    struct str room;
    struct str name;
    const char *pos;
    const char *key;
    bool recovered;
    uint64_t count;
    uint64_t max_message;
    uint64_t slow; /* seconds; 0: each may speak as often as it likes */
    bool is_moderator;
    bool has_typing; /* the server tells who types */
};

struct codec {
    /* Reads a message of `len` bytes of valid UTF-8, which it may change while reading. Never
     * fails: what is wrong is a COMMAND_BAD. */
    void (*decode)(struct command *command, char *data, size_t len);

    /* Appends the event as it is told to everyone. Appends nothing where this codec does not tell
     * of it. Returns 0, or -1 with errno ENOMEM. */
    int (*encode)(struct buf *out, const struct event *event);

    /* Appends the answer to a command that was refused; nothing where this codec has none. */
    int (*encode_error)(struct buf *out, const char *code, const char *why, struct str ref);

    /* When not empty: the author of a message is told this and the text, and the encoded message
     * ends with the text. When empty: the author gets the message like everybody else. */
    struct str own_prefix;
};

/* The codecs by enum codec_kind. */
extern const struct codec *const codecs[CODEC_KINDS];

/* The "type" of an event in wschat.v1. */
struct str codec_v1_type(enum event_kind kind);

/* The token of Sec-WebSocket-Protocol that asks for CODEC_V1. */
#define CODEC_V1_PROTOCOL "wschat.v1"

/* May the text be a display name (an empty one too) or, when it is not empty, the name of a room?
 * UTF-8, at most CODEC_NAME_MAX bytes, no control characters (C0, DEL, C1). */
bool codec_name_is_valid(struct str name);

/* Writes the opaque position of a place in a room's order, and reads it back (false: not a
 * position). */
void codec_pos_write(char out[CODEC_POS_MAX], uint64_t epoch, uint64_t seq);
bool codec_pos_read(struct str pos, uint64_t *epoch, uint64_t *seq);

/* The welcome of wschat.v1: begin, a call for each member to list, end. Each returns 0, or -1 with
 * errno ENOMEM. */
int codec_v1_welcome_begin(struct buf *out, const struct welcome *welcome);
int codec_v1_welcome_member(struct buf *out, uint64_t id, struct str name, bool is_first);
int codec_v1_welcome_end(struct buf *out, const struct welcome *welcome);

/* The answer to COMMAND_PING. Returns 0, or -1 with errno ENOMEM. */
int codec_v1_pong(struct buf *out, struct str ref);

/* The answer to COMMAND_WIRE, and what is told then. Each returns 0, or -1 with errno ENOMEM. */
int codec_v1_wire(struct buf *out, bool is_on, struct str ref);
int codec_v1_control(struct buf *out, const struct ws_control *control);

/* The answer to COMMAND_UNREAD. Returns 0, or -1 with errno ENOMEM. */
int codec_v1_unread(struct buf *out, struct str room, uint64_t count, struct str ref);

/* The answer to COMMAND_BAN: its name, and until when it is (milliseconds since 1970; 0: without an
 * end). Returns 0, or -1 with errno ENOMEM. */
int codec_v1_banned(struct buf *out, const char *ban, uint64_t until, struct str ref);

/* The answer to COMMAND_HISTORY: begin, a call for each event (as it is encoded), end.
 * `is_end`: nothing older is kept. Each returns 0, or -1 with errno ENOMEM. */
int codec_v1_history_begin(struct buf *out);
int codec_v1_history_event(struct buf *out, struct str event, bool is_first);
int codec_v1_history_end(struct buf *out, struct str ref, bool is_end);

#endif
