/* The chat: everything that people in rooms can do. Knows no file descriptor and no clock:
 * connections are send queues, and the time is told to it. */
#ifndef CHAT_CHAT_H
#define CHAT_CHAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "chat/client_table.h"
#include "chat/commit_log.h"
#include "chat/room.h"

#define CLOSE_REPLACED 4000  /* the seat's owner took it over from another connection */
#define CLOSE_ID_IN_USE 4009 /* somebody else has this id */

/* Bytes that a room counts for in history_memory besides its records. */
#define CHAT_ROOM_COST 1024

struct chat_config {
    size_t max_clients;
    uint64_t max_message;  /* bytes */
    uint64_t max_lag;      /* bytes */
    uint64_t leave_grace;  /* milliseconds */
    size_t history;        /* messages of a room */
    size_t history_memory; /* bytes, of all rooms and their records */
    size_t presence_limit; /* members of a room */
    bool broadcast_all;    /* authors also get their own messages as everybody does */
    struct hash_seed seed; /* secret */
    uint64_t epoch;        /* random: tells this server's positions from those of others */
};

/* What the chat asks of those who own the connections. */
struct chat_hooks {
    /* The seat behind this queue was taken over by its owner: close its connection with
     * CLOSE_REPLACED, or at once where `is_cut` (a frame was cut in the middle). The chat has let
     * go of it already. */
    void (*on_takeover)(struct sendq *out, bool is_cut);

    /* Something was put into this queue alone: send it before the tick ends. */
    void (*wake)(struct sendq *out);

    /* Send what the readers of this room can take, close those that lag too far behind, and raise
     * the tails of its rings. Never called for a room that is being flushed. */
    void (*flush)(void *owner, struct room *room);
    void *owner;

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
    struct room_table rooms;
    struct room_limits room_limits;
    struct commit_log log;
    struct buf frames[CODEC_KINDS]; /* the event that is being published */
    struct buf scratch;             /* a frame for one client alone */
    struct list dirty;              /* rooms that have something to flush */
    struct list quiet;              /* all rooms, the one that was published in longest ago first */
    struct list waiting; /* seats without a connection, the one that is given up first first */
    struct list gone;    /* seats that are given up as soon as nothing is being flushed */
    struct list records; /* all records, oldest first */
    size_t record_bytes; /* what they cost */
    size_t orphan_bytes; /* what records cost that only slow readers still hold */
    uint64_t rooms_made;
    uint64_t now;  /* monotonic milliseconds */
    uint64_t wall; /* milliseconds since 1970 */
    struct chat_counters counters;
    bool is_stopping;
};

/* Who wants to enter, and how. */
struct chat_entry {
    uint64_t id; /* 1 to CODEC_ID_MAX */
    enum codec_kind codec;
    struct str room;  /* 1 to CODEC_NAME_MAX bytes, valid */
    struct str name;  /* valid; ptr is NULL where none was given */
    struct str since; /* a position as it came; ptr is NULL where none was given */
    struct str key;   /* a key as it came; ptr is NULL where none was given */
    uint64_t history; /* messages to replay, where `since` does not say better */
};

enum chat_result { CHAT_OK, CHAT_ID_TAKEN, CHAT_FULL, CHAT_NO_MEMORY };

/* Makes an empty chat. `config` and `hooks` are copied. Returns 0, or -1 with errno ENOMEM. */
int chat_init(struct chat *chat, const struct chat_config *config, const struct chat_hooks *hooks);

/* Frees everything; the connections must be gone or never be used as readers again. */
void chat_deinit(struct chat *chat);

/* Tells what time it is: monotonic, and since 1970 (which may jump), in milliseconds. */
void chat_set_time(struct chat *chat, uint64_t now, uint64_t wall);

/* Says that somebody is about to enter with this id: what that looks up is fetched into the
 * processor's cache meanwhile. */
void chat_expect(const struct chat *chat, uint64_t id);

/* Does somebody have this id? Who knows the seat's key may enter even where all seats are taken. */
bool chat_has_id(const struct chat *chat, uint64_t id);

/* Whom would this entry replace? The queue of the connection that its key would take the seat from;
 * NULL: nobody's. */
struct sendq *chat_replaces(const struct chat *chat, const struct chat_entry *entry);

/* Are all seats taken? */
bool chat_is_full(const struct chat *chat);

/* Seats a client whose frames go to `out`, behind what is in it already: tells it and the others
 * what its codec tells, and replays what it asked for. With CHAT_OK, *client is its seat (or what
 * chat_leave's caller made of it, should the connection have ended on the way). Otherwise *client
 * is NULL and nobody has heard of it; `out` may hold whole frames that were meant for it. */
enum chat_result chat_enter(struct chat *chat, const struct chat_entry *entry, struct sendq *out,
                            struct client **client);

/* Takes a message of `len` bytes of valid UTF-8 from a client; may change them. Returns 0; or -1
 * with errno ENOMEM where it was neither committed nor answered. */
int chat_receive(struct chat *chat, struct client *client, char *data, size_t len);

/* The client's connection is over; its queue keeps a bounded part of what is still to be sent, and
 * is the caller's alone again. `is_broken`: the connection was lost rather than closed, so a seat
 * of wschat.v1 is kept for a while. Returns what sendq_detach does. `client` may no longer exist
 * afterwards. */
int chat_leave(struct chat *chat, struct client *client, bool is_broken);

/* Everybody is about to leave: from now on nobody is told of it, and no seat is kept. */
void chat_stop(struct chat *chat);

/* A room that must be flushed, no longer marked as such; NULL: none. */
struct room *chat_take_dirty(struct chat *chat);

/* Brackets the walk through a room's readers. Within, chat_leave may be called for the reader at
 * hand only, and the others hear of it after the walk. */
void chat_begin_flush(struct chat *chat, struct room *room);

/* Have the readers of this codec something new to send, since it was asked the last time? If not,
 * they need no visit: those that are behind go on when their sockets can take more. */
bool chat_take_news(struct room *room, enum codec_kind codec);
void chat_end_flush(struct room *room);

/* Gives up seats whose time is over. */
void chat_expire(struct chat *chat);

/* When chat_expire has something to do: monotonic milliseconds, UINT64_MAX for never. */
uint64_t chat_deadline(const struct chat *chat);

#endif
