/* Channels: what a room is by its log, and the table of them.
 *
 * A channel is its order (epoch, next and committed seq), who is a member, and what is kept for
 * those who come later. Who listens here is its audience. Everybody who has a seat is a member; who
 * also has a connection is a reader. */
#ifndef CHAT_CHANNEL_H
#define CHAT_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/util.h"
#include "chat/audience.h"
#include "chat/client_table.h"
#include "chat/elsewhere.h"
#include "chat/history.h"
#include "log/log.h"

struct channel {
    struct log_channel log; /* its order; log.name is the name of the room */
    struct channel *next_in_bucket;
    struct list dirty; /* among the channels that have something to send */
    struct list quiet; /* among all channels, the one that was published in longest ago first */
    uint64_t quiet_since;
    uint64_t minute;  /* since the machine's start: of its last message */
    uint32_t said[2]; /* messages in that minute, and in the one before */
    struct audience audience;
    struct client **members; /* member_size places, owned */
    size_t member_count;
    size_t member_size;
    size_t joining; /* places among them that are kept for those whose JOIN waits */
    struct elsewhere elsewhere;
    struct history messages;
    struct history presence;
    struct history marks; /* reactions, and messages that were taken back */
    struct history rules; /* the last EVENT_SLOW */
    uint32_t slow;        /* seconds that must pass between two messages of a member; 0: none */
    size_t record_bytes;  /* what its records cost */
    size_t weighed;       /* what it counts for in its half of the memory */
    struct list weight;   /* among the rooms whose records weigh as much (retention.h) */
    uint16_t weight_class;
    bool is_deserted;  /* it counts as a room without members */
    size_t waiting;    /* events that wait for their commit, and who waits to enter: they keep it */
    bool count_is_due; /* its size is to be told when its readers are served */
    bool has_held;     /* somebody's input is held until its readers were served */
    char name[];
};

static inline struct channel *channel_of(struct log_channel *log)
{
    return CONTAINER_OF(log, struct channel, log);
}

/* How many sit in it, here and elsewhere. */
static inline size_t channel_count(const struct channel *channel)
{
    return channel->member_count + channel->elsewhere.count;
}

/* All channels by name: chained hashing over a fixed number of buckets. */
struct channel_table {
    struct channel **buckets;
    size_t size; /* a power of two */
    size_t count;
    struct hash_seed seed;
};

struct channel_limits {
    size_t ring_size[RENDITIONS]; /* bytes that a ring may grow to */
    size_t messages;              /* messages in the history */
    size_t presence;              /* joins, leaves and renames in the history */
    size_t marks;                 /* reactions in the history */
};

/* Makes a table with at least `expected` buckets. Returns 0, or -1 with errno ENOMEM. */
int channel_table_init(struct channel_table *t, size_t expected, struct hash_seed seed);

/* Frees the buckets. The channels must have been removed. */
void channel_table_deinit(struct channel_table *t);

/* The channel with this name, or NULL. */
struct channel *channel_table_find(const struct channel_table *t, struct str name);

/* Makes an empty channel with a name (at most CODEC_NAME_MAX bytes) that none has; its log must
 * still open it. NULL: errno is ENOMEM. */
struct channel *channel_table_add(struct channel_table *t, struct str name,
                                  const struct channel_limits *limits);

/* Takes out and frees a channel that has no members. */
void channel_table_remove(struct channel_table *t, struct channel *channel);

/* Keeps a place for a member to come. Returns 0, or -1 with errno ENOMEM; taken back by
 * channel_add_member or channel_unreserve_member. */
int channel_reserve_member(struct channel *channel);
void channel_unreserve_member(struct channel *channel);

/* A message was said there. `now`: monotonic milliseconds. */
void channel_count_message(struct channel *channel, uint64_t now);

/* About how many were said within the last minute: those of the one before count by what of it
 * still belongs to that. */
uint64_t channel_messages(const struct channel *channel, uint64_t now);

/* A client is a member from the commit of its JOIN, for which a place was kept, to that of its
 * LEAVE. */
void channel_add_member(struct channel *channel, struct client *client);
void channel_remove_member(struct channel *channel, struct client *client);

/* Must it stay? It has members or messages, or somebody waits for it. */
static inline bool channel_is_wanted(const struct channel *channel)
{
    return channel->member_count + channel->messages.count + channel->waiting > 0;
}

#endif
