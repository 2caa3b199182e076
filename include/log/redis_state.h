/* What the files of the log on Redis share. For them alone. */
#ifndef LOG_REDIS_STATE_H
#define LOG_REDIS_STATE_H

#include "base/buf.h"
#include "base/list.h"
#include "log/log.h"
#include "log/redis_config.h"
#include "log/redis_event.h"
#include "log/redis_script.h"
#include "proto/resp.h"

#define REDIS_BUCKETS 4096

/* Bytes of all appends that wait before more are refused: leaves may be twice as many. */
#define REDIS_WAITING_MAX ((size_t)4 * 1024 * 1024)

/* ... and those that one counts for besides its texts. */
#define REDIS_APPEND_COST 256

/* Bytes of events that wait for those before them, for all rooms together. */
#define REDIS_AHEAD_MAX ((size_t)16 * 1024 * 1024)

/* A lease, how often it is renewed, and how long an answer may take, in milliseconds. */
#define REDIS_LEASE_MS 15000
#define REDIS_RENEW_MS 5000
#define REDIS_RETRY_MS 1000 /* ... and how often it is tried while nothing can be written */
#define REDIS_PATIENCE_MS 5000

/* ... and how long where it comes, byte by byte, in milliseconds. */
#define REDIS_ANSWER_MS 30000

/* How long the two connections may lead to two servers: what is said by one is not told by the
 * other then. In milliseconds. */
#define REDIS_DEAF_MS 10000

/* Words of an answer about nodes: about this one, when the next is due, and 16 that died. */
#define REDIS_LEASE_WORDS 18
#define REDIS_LEASE_DEAD 2 /* the first of those */

/* Bytes of events that an answer has, about: the older ones are left out. */
#define REDIS_SNAPSHOT_MAX ((uint64_t)32 * 1024 * 1024)

/* Bytes that wait to be sent before the connection is given up. */
#define REDIS_OUT_MAX ((size_t)64 * 1024 * 1024)

/* After how long a room that could not be used is looked at again, in milliseconds. */
#define REDIS_BROKEN_MS 1000

/* Messages, and bytes of them, that one call of a script takes: Redis does nothing else meanwhile.
 */
#define REDIS_BATCH_MAX 64
#define REDIS_BATCH_BYTES 65536

/* Entries that a stream keeps at least, so that what a node missed in a moment is still there. */
#define REDIS_KEEP_MIN 100

/* An append that has no answer. */
struct redis_append {
    struct list link;   /* among those of its room, oldest first */
    struct list errand; /* among the errands whose answers are waited for, oldest first */
    struct redis_room *room;
    struct redis_reply *reply; /* that will tell of it; NULL: none */
    uint32_t slot;             /* ... by its word at this place */
    uint64_t asked;            /* of an errand: when it was sent, monotonic milliseconds */
    struct log_ticket ticket;
    struct event event; /* its slices are in `bytes` */
    uint64_t number;
    uint64_t round; /* of waiting for replicas that it is in; UINT64_MAX: the next one */
    size_t cost;
    uint64_t after; /* of a seat that has moved here: seq that the room had then */
    bool is_moved;  /* ... of which it is not known yet */
    bool is_sent;
    bool was_sent;  /* before a connection was lost */
    bool is_done;   /* Redis says that it was done before: what came of it is seen in the stream */
    bool is_sought; /* ... of which a snapshot was asked for since */
    bool is_own;    /* nobody but the log asked: nobody is answered */
    char bytes[];
};

enum redis_reply_kind {
    REPLY_HELLO,
    REPLY_AUTH,
    REPLY_INFO,
    REPLY_SUBSCRIBED,
    REPLY_IGNORED,
    REPLY_LIFE,
    REPLY_APPEND,
    REPLY_SNAPSHOT,
    REPLY_LEASE,
    REPLY_REAP,
    REPLY_WAIT,
};

/* An answer that is waited for. */
struct redis_reply {
    struct list link; /* in the order in which they come */
    enum redis_reply_kind kind;
    struct redis_room *room; /* NULL: it is gone */
    uint64_t asked;          /* monotonic milliseconds */
    uint64_t asked_ns;       /* the same, in nanoseconds */
    bool is_anew;            /* REPLY_SNAPSHOT: nothing was known */
};

/* An event that came before those in front of it. */
struct redis_ahead {
    struct list link;
    uint64_t seq;
    size_t len;
    char bytes[];
};

struct redis_room {
    struct redis_room *next_in_bucket;
    struct list active;    /* among the rooms for which there is something to do */
    struct list held;      /* among those whose next event waits for replicas */
    struct list broken;    /* among those that cannot be used, looked at longest ago first */
    struct list appends;   /* oldest first */
    uint64_t broken_until; /* monotonic ms: it cannot be used, and what is asked is refused; 0 */
    struct list ahead;     /* by seq */
    struct log_channel *channel; /* NULL: it is closed, and goes as soon as nobody uses it */
    uint64_t last;               /* what the event at next - 1 was, as a hash */
    unsigned users;              /* calls that use it */
    unsigned moves;              /* seats that have moved here, of which it is not known yet */
    bool is_subscribed;
    bool has_life;   /* the channel was told of */
    bool is_filling; /* a snapshot was asked for */
    bool wants_fill; /* one is to be asked for */
    bool wants_anew; /* ... from the beginning */
};

struct redis_connection {
    struct buf out;
    struct resp_scan scan;
    uint64_t heard; /* when something came, monotonic ms */
    uint64_t whole; /* when an answer, or what is told, was whole */
    uint64_t pinged;
    bool is_open;
    bool is_ready; /* it speaks, is known and subscribed */
    bool has_failed;
};

struct redis {
    struct log log;
    struct redis_config config;
    struct redis_connection links[REDIS_LINKS];
    struct list replies[REDIS_LINKS];
    struct list active;
    struct list held;    /* rooms whose next event waits for replicas */
    struct list broken;  /* rooms that cannot be used */
    struct list errands; /* that went to other nodes, whose answers are waited for */
    struct redis_room *buckets[REDIS_BUCKETS];
    char node[REDIS_NODE_MAX + 24];
    char prefix[REDIS_PREFIX_MAX + 1];
    char names[REDIS_SCRIPTS][41];
    char generation[24];
    char reason[160];                     /* why it is not available */
    char broken_room[CODEC_NAME_MAX + 1]; /* which room was broken last ... */
    char broken_why[160];                 /* ... and what Redis said */
    uint64_t now;
    uint64_t wall;   /* milliseconds since 1970 */
    uint64_t number; /* of the last request */
    uint64_t rounds; /* how often replicas were waited for */
    uint64_t rounds_done;
    uint64_t lease_at;
    uint64_t deaf_since; /* a lease was taken, and that was not told since; 0 */
    size_t waiting_bytes;
    size_t ahead_bytes;
    struct redis_stats stats;
    bool is_ill; /* it answers, but takes nothing that is written: the reason says why */
    bool has_stopped;
    bool is_trusted; /* all was well when it was taken over, and nothing has failed since */
    bool must_wait;  /* something was sent since replicas were waited for */
};

static inline struct redis *redis_of(const struct log *log)
{
    return (struct redis *)(uintptr_t)log; /* its first member */
}

/* ---- appends (redis.c) ---- */

/* Appends the leave of a seat that Redis has for this node, and that nobody here has. Does nothing
 * where memory is out. */
void redis_append_ghost(struct redis *r, struct redis_room *room, uint64_t id, struct str name);

/* ---- rooms (redis_room.c) ---- */

struct redis_room *redis_room_find(struct redis *r, struct str name);
struct redis_room *redis_room_new(struct redis *r, struct log_channel *channel);

/* A call uses the room, and no longer does. */
static inline void redis_room_hold(struct redis_room *room)
{
    room->users++;
}
void redis_room_let(struct redis *r, struct redis_room *room);

void redis_room_activate(struct redis *r, struct redis_room *room);

/* Does it stand in the stream of comings and goings? All else does in that of messages, and counts
 * like them. */
bool redis_is_presence(const struct event *event);

/* Something was told on the channel of the room. */
void redis_room_told(struct redis *r, struct redis_room *room, struct str bytes);

/* The answer to a snapshot. Returns 0, or -1 where it is none. */
int redis_room_filled(struct redis *r, struct redis_room *room, const struct redis_reply *reply,
                      struct resp_cursor *cursor);

/* Commits what waits, as far as there is room. */
void redis_room_drain(struct redis *r, struct redis_room *room);

/* What was missed is to be asked for. */
void redis_room_want(struct redis *r, struct redis_room *room, bool is_anew);

/* What Redis has of the room cannot be used: what is asked of it is refused until that has changed.
 */
void redis_room_break(struct redis *r, struct redis_room *room, struct str why);

/* Looks again at rooms that could not be used. */
void redis_rooms_retry(struct redis *r);

/* Takes a note of the room and of what Redis said, for the log. */
void redis_note_broken(struct redis *r, struct str room, struct str why);

/* Takes an append out of its room, without freeing it. */
void redis_append_take(struct redis *r, struct redis_append *append);

/* Answers one that makes no event, and frees it. */
void redis_append_refuse(struct redis *r, struct redis_room *room, struct redis_append *append,
                         enum log_refusal why);
void redis_append_settle(struct redis *r, struct redis_room *room, struct redis_append *append);

/* A seat has moved here, at a time when the room had this seq: that is known as soon as so much was
 * told, since what is older may be about the same id. */
void redis_append_move(struct redis *r, struct redis_room *room, struct redis_append *append,
                       uint64_t seq);

/* ---- errands (redis_errand.c) ---- */

/* Something was told to this node alone. */
void redis_errand_told(struct redis *r, struct str bytes);

/* One was handed over: from now on the answer of that node is waited for. */
void redis_errand_wait(struct redis *r, struct redis_append *append);

/* Gives up those that no node has answered. */
void redis_errand_expire(struct redis *r);

/* ---- what is sent (redis_wire.c) ---- */

/* Tells another node something; does nothing while there is no connection. */
void redis_send_note(struct redis *r, struct str node, struct str text);

/* Sends it, and those behind it that can go by the same call of a script. Returns the last. */
struct redis_append *redis_send_appends(struct redis *r, struct redis_room *room,
                                        struct redis_append *append);
void redis_send_snapshot(struct redis *r, struct redis_room *room);
void redis_send_subscribe(struct redis *r, const struct redis_room *room, bool is_on);
void redis_send_lease(struct redis *r, uint64_t lease);
void redis_send_ping(struct redis *r);

/* Asks to be told when the replicas have what was sent in this turn; does nothing where none must.
 */
void redis_send_wait(struct redis *r);

#endif
