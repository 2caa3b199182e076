/* What the whole chat shares: its settings, what it asks of the connections, and its state. The
 * calls are in chat/chat.h. */
#ifndef CHAT_CORE_H
#define CHAT_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "chat/ban.h"
#include "chat/client_table.h"
#include "chat/channel.h"
#include "chat/kept.h"
#include "log/log.h"

#define CLOSE_REPLACED 4000  /* the seat's owner took it over from another connection */
#define CLOSE_FORBIDDEN 4403 /* it has no right to be or to speak here */
#define CLOSE_ID_IN_USE 4009 /* somebody else has this id */

/* Bytes of a frame around the text of a message, at most: header, prefix or JSON fields, and
 * escaped names. */
#define CHAT_FRAME_OVERHEAD 2048

/* Bytes of appends that may wait for each client before its input is held, and for all together. */
#define CHAT_ASKED_MAX 65536
#define CHAT_ASKED_TOTAL ((size_t)8 * 1024 * 1024)

/* Bytes that an append counts for besides its text. */
#define CHAT_ASK_COST 256

/* Seats beyond max_clients: of those that gave way to others, and whose rooms are still to hear of
 * it. */
#define CHAT_SPARE_SEATS 256

/* Milliseconds from one typing of a client that is told to the next. */
#define TYPING_EVERY 3000

/* Bytes that a room counts for in history_memory besides its records. */
#define CHAT_ROOM_COST 1024

/* Who asks the log for something: log_ticket.kind. */
enum chat_asker {
    CHAT_ASKER_SEAT,   /* at that place of the table of clients */
    CHAT_ASKER_POST,   /* a struct chat_post, whose address is the tag */
    CHAT_ASKER_NOBODY, /* who does not want to know */
};

/* Classes of weight: four for each power of two, far beyond what a memory may be. */
#define CHAT_WEIGHTS 128

struct chat_config {
    size_t max_clients;
    size_t payers;         /* payers have numbers up to this one */
    uint64_t max_message;  /* bytes */
    uint64_t max_lag;      /* bytes */
    uint64_t leave_grace;  /* milliseconds */
    size_t history;        /* messages of a room */
    size_t history_memory; /* bytes, of all rooms and their records */
    size_t presence_limit; /* members of a room */
    bool typing;           /* it is told who types */
    bool broadcast_all;    /* authors also get their own messages as everybody does */
    struct hash_seed seed; /* secret */
};

struct chat;

/* What the chat asks of those who own the connections. These only mark: nothing is sent, closed or
 * freed, and the chat is not called, before they return. */
struct chat_hooks {
    /* The client behind this queue is no longer the chat's, which has let go of the queue: its
     * connection must be closed with this code and short, static reason, before the tick ends. */
    void (*let_go)(struct sendq *out, uint16_t code, const char *reason);

    /* Something was put into this queue alone: send it before the tick ends. */
    void (*wake)(struct sendq *out);

    /* Its client may speak again, after chat_may_speak said no. */
    void (*resume)(struct sendq *out);

    /* The client behind this queue shows a new token. If that does not let it stay, its connection
     * is closed before the tick ends. Returns false where tokens mean nothing; NULL: the same. */
    bool (*take_token)(struct sendq *out, struct str token);

    /* Whoever is behind this queue wants to be told of control frames (chat_tell_control), or not
     * any more. */
    void (*hear_controls)(struct sendq *out, bool is_on);

    /* Who is behind this queue, as bans know it. Returns false where nothing is known. The slices
     * live as long as the connection. NULL: nothing is known of anybody. */
    bool (*identify)(struct sendq *out, struct ban_identity *who);

    /* A number of the subject of the token that this queue's reader came with (token_person); 0: it
     * has none. NULL: nobody has. */
    uint64_t (*person)(struct sendq *out);

    /* Is whoever is behind this queue banned from this room? Asked of who waited to enter while
     * bans came. NULL: nobody is. */
    bool (*is_barred)(struct sendq *out, struct str room);

    /* May whoever is behind this queue hear, and read, what is said in this room? NULL: everybody
     * may. */
    bool (*may_hear)(struct sendq *out, struct str room);

    /* A seat without a connection begins to count for its payer (not 0), or ceases to. It begins
     * before the connection that it had is gone. NULL: nobody wants to know. */
    void (*pay)(void *owner, uint32_t payer, bool begins);
    void *owner;

    /* An event has its place and was encoded for those who listen here. NULL: nobody wants to
     * know. */
    void (*on_told)(const struct chat *chat, const struct channel *channel,
                    const struct event *event);

    /* A client alone is told something: that what it asked for is refused, with this code, or,
     * where that is NULL, what somebody says to it alone. NULL: nobody wants to know. */
    void (*on_told_alone)(const struct client *client, const char *refused);

    /* Fill with unguessable bytes. */
    void (*random)(void *bytes, size_t len);
};

struct chat_counters {
    uint64_t messages;   /* published in rooms */
    uint64_t directs;    /* sent to one client */
    uint64_t deliveries; /* events and numbers of a room, times the readers they went to */
    uint64_t replayed;   /* events that clients were sent when they entered */
};

struct chat {
    struct chat_config config;
    struct chat_hooks hooks;
    struct client_table clients;
    struct channel_table channels;
    struct channel_limits limits;
    size_t longest[RENDITIONS]; /* bytes of the longest frame */
    struct log *log;
    size_t asked;                  /* bytes of all appends that wait */
    struct buf frames[RENDITIONS]; /* the event that is being published */
    struct shared_packer packer;   /* ... where its readers get it compressed */
    struct buf scratch;            /* a frame for one client alone */
    struct list dirty;             /* channels that have something to send */
    struct list crowds;            /* ... and have begun: there were too many readers for once */
    int64_t serving;               /* of the budget of this tick for sending to rooms */
    struct list quiet; /* all channels, the one that was published in longest ago first */
    struct kept kept;  /* seats of those who are away, by who pays for them */
    struct list posts; /* messages of programs that wait for a place in their rooms */
    struct list weights[2][CHAT_WEIGHTS]; /* rooms with records by what these cost: with members,
                                             and without */
    size_t halves[2];                     /* bytes that the rooms of each kind count for */
    struct list encoded; /* records with frames, the one that was encoded first first */
    size_t record_bytes; /* what all records cost */
    size_t frame_bytes;  /* ... and their frames */
    size_t orphan_bytes; /* what records cost that only slow readers still hold */
    struct bans bans;
    uint64_t owed_until; /* while somebody is owed a leave: when that is asked for again */
    uint64_t now;        /* monotonic milliseconds */
    uint64_t wall;       /* milliseconds since 1970 */
    uint64_t *spoke;     /* of each place in the table of clients: when it spoke last, monotonic ms;
                            NULL: no room was ever slow; owned */
    struct who **whos;   /* of each place: who had it before its connection broke; NULL: nobody is
                            known of any; owned, as they are */
    uint64_t *typing_from; /* of each place in the table of clients: from when on it is told again
                              that it types, monotonic ms; NULL where that is not told; owned */
    struct {
        struct buf slots;   /* uint32_t: of each place of the table, that of its queue */
        struct buf readers; /* struct taken_reader */
    } taking;               /* while it is taken over from another process */
    struct chat_counters counters;
    bool has_held; /* somebody's input is held because all appends together are too many */
    bool is_stopping;
    bool is_over; /* there are no connections any more */
};

/* Who wants to enter, and how. */
struct chat_entry {
    uint64_t id; /* 1 to CODEC_ID_MAX */
    enum codec_kind codec;
    bool is_packed;   /* it takes what all readers share compressed */
    struct str room;  /* 1 to CODEC_NAME_MAX bytes, valid */
    struct str name;  /* valid; ptr is NULL where none was given */
    struct str since; /* a position as it came; ptr is NULL where none was given */
    struct str key;   /* a key as it came; ptr is NULL where none was given */
    uint64_t history; /* messages to replay, where `since` does not say better */
    uint32_t payer;   /* on whose account the seat is; 0: nobody's that is known */
};

enum chat_result { CHAT_OK, CHAT_ID_TAKEN, CHAT_FULL, CHAT_NO_MEMORY };

#endif
