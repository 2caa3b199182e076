/* The log of the rooms: what gives the events of a channel their one order, before anybody is told
 * of them.
 *
 *      chat                                 log
 *       | -- append(channel, event, ticket) --> |    asking
 *       |                                       |    (at once; a disk, another server: later)
 *       | <------ committed(event, ticket) ---- |    having: it has its place, whatever happens
 *       | <- or: refused(event, ticket, why) -- |    it never happened
 *
 * Every append is answered exactly once, also where the log ends or memory is out. Commits come in
 * the order of the seqs of a channel, which are dense: 1, 2, 3, ... for messages and for comings
 * and goings alike. A log that keeps what was said brings it back the same way, by commits that
 * nobody asked for; so do events of other servers.
 *
 * Several servers may share a log (is_shared). Then a commit that nobody here asked for tells of a
 * seat elsewhere, and what needs no event is committed with seq 0: the JOIN of somebody who showed
 * the key of a seat elsewhere, and now has it here; the LEAVE of a seat that was no longer there.
 * A DIRECT, KICK or WHO for somebody elsewhere is appended, too: it goes there, as an errand, and
 * is committed with seq 0 once it was done.
 */
#ifndef LOG_LOG_H
#define LOG_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/hand.h"
#include "base/str.h"
#include "proto/codec/codec.h"

/* The room that bans are events of. People's rooms have no control characters in their names. */
#define LOG_BANS                                                                                   \
    "\x01"                                                                                         \
    "bans"

/* Events of that room that a log with a bound for each room keeps. */
#define LOG_BANS_KEPT 4096

/* What a log knows of a channel. It is the chat's memory, and stays where it is as long as the
 * channel is open or has events that wait. */
struct log_channel {
    struct str name; /* of the room; the chat's */
    uint64_t
        epoch;     /* the log's: which life of a room of this name it is; before the first commit */
    uint64_t next; /* the log's: seq of the next event */
    uint64_t committed;  /* the chat's: seq of the last event that was committed; 0: none yet */
    uint64_t marks_gone; /* seq of the newest reaction that is not kept: the log's, when it opens
                            the channel; the chat's, in walk_records */
    uint32_t word;       /* the log's own */
};

/* Who asked. A log keeps it as it is, beside its copy of the event. */
struct log_ticket {
    uint32_t place;      /* of the asker in its table */
    uint32_t generation; /* which asker at that place: a place may have somebody else meanwhile */
    uint32_t cost;       /* bytes that the asker is charged until the answer comes */
    uint32_t kind;       /* what sort of asker it is */
    uint64_t tag;        /* the asker's own */
};

enum log_refusal {
    LOG_REFUSED_MEMORY,      /* memory is out */
    LOG_REFUSED_JOURNAL,     /* it cannot be written */
    LOG_REFUSED_UNAVAILABLE, /* another server is away for too long */
    LOG_REFUSED_STOPPED,     /* the log has ended */
    LOG_REFUSED_TAKEN,       /* of a JOIN: somebody sits at another server with this id; of a
                                message that was posted: it does not sit here */
    LOG_REFUSED_ABSENT,      /* of an errand: nobody in the room has that id */
    LOG_REFUSED_AWAY,        /* ... it has no connection at the moment */
    LOG_REFUSED_BUSY,        /* ... it has too much to read already */
    LOG_REFUSED_SAID,        /* of a message to be said once: it was said before, by another server;
                                the event has the seq, the epoch and the time of then */
    LOG_REFUSED_OTHER,       /* ... and said something else then */
};

/* What a log calls. None of these fails, and none of them may be called by the log but within
 * append, turn, stop and its own opening. */
struct log_calls {
    /* The event has its place: event->epoch and event->seq are set. Its slices need not outlive the
     * call. `ticket` is NULL for what nobody here asked for. `word` is the log's own: for each
     * commit `forgotten` is called once with it, when the chat no longer keeps the event (for one
     * that it does not keep, before committed returns). For a JOIN the seat keeps it, too: see
     * walk_seats. */
    void (*committed)(void *owner, struct log_channel *channel, const struct event *event,
                      const struct log_ticket *ticket, uint32_t word);

    /* The event never happened. It is as it was appended, but for seq and epoch. */
    void (*refused)(void *owner, struct log_channel *channel, const struct event *event,
                    const struct log_ticket *ticket, enum log_refusal why);

    /* May more be committed in this channel before its readers were served? If not, the log waits
     * for its next turn. A log that commits within append need not ask. */
    bool (*has_room)(void *owner, struct log_channel *channel);

    /* The channel of this name, made where there is none; NULL where memory is out. For commits
     * that nobody asked for. Calls `open` for one that is made. */
    struct log_channel *(*find)(void *owner, struct str name);

    /* Goes through what the chat keeps of a channel, in the order of the seqs, and gives each
     * record's word, which may be changed. `each` must not append. */
    void (*walk_records)(void *owner, struct log_channel *channel,
                         void (*each)(void *arg, const struct event *event, uint32_t *word),
                         void *arg);

    /* Goes through the seats of a channel: a JOIN for each that says who sits there now, with the
     * word of the JOIN that made it. */
    void (*walk_seats)(void *owner, struct log_channel *channel,
                       void (*each)(void *arg, const struct event *join, uint32_t *word),
                       void *arg);

    /* Of a shared log: the channel begins anew. What was kept of it, and who sits elsewhere, is
     * forgotten; readers that there are cannot be told what they missed, and are let go, to come
     * again. What the log knows comes next, by commits: messages, and a JOIN with seq 0 for each
     * seat elsewhere. `gone`: seq of the last message that does not. */
    void (*restart)(void *owner, struct log_channel *channel, uint64_t gone);

    /* Of a shared log: who sits elsewhere is forgotten, and told anew next. */
    void (*forget_elsewhere)(void *owner, struct log_channel *channel);

    /* Of a shared log: a seat is no longer here, and nobody is told of it by that. `has_moved`: its
     * owner has it elsewhere. Does nothing where there is no such seat. */
    void (*evict)(void *owner, struct log_channel *channel, uint64_t id, bool has_moved);

    /* Of a shared log: a DIRECT, KICK or WHO came for somebody who sits here. Returns -1 where it
     * was done, else why not, as a refusal. What it appends to `answer` is the `data` of a WHO when
     * that is committed where it came from. */
    int (*errand)(void *owner, struct log_channel *channel, const struct event *event,
                  struct buf *answer);

    /* Goes through all channels. */
    void (*walk_channels)(void *owner, void (*each)(void *arg, struct log_channel *channel),
                          void *arg);
};

struct log;

/* Which log has handed itself over: the first byte of its record. */
enum log_kind { LOG_KIND_MEMORY = 1, LOG_KIND_JOURNAL };

struct log_ops {
    /* A channel begins: sets epoch and next (mostly 1), and its word. */
    void (*open)(struct log *log, struct log_channel *channel);

    /* A channel ends: it has no members, no records, and no events that wait. May be NULL. */
    void (*close)(struct log *log, struct log_channel *channel);

    /* Takes an event and the ticket of who asks. The answer may come before this returns. Sets
     * event->seq and event->epoch where it commits at once; neither the event nor its slices need
     * outlive the call. */
    void (*append)(struct log *log, struct log_channel *channel, struct event *event,
                   const struct log_ticket *ticket);

    /* See log_calls.committed. May be NULL. */
    void (*forgotten)(struct log *log, struct log_channel *channel, uint32_t word);

    /* The log's turn in a tick: commits and refuses what is due, as far as has_room allows. May be
     * NULL. */
    void (*turn)(struct log *log);

    /* When it wants its next turn without anything else happening: monotonic milliseconds,
     * UINT64_MAX for never. May be NULL. */
    uint64_t (*deadline)(const struct log *log);

    /* The last call but `free`: answers all that waits, and whatever is appended from now on is
     * refused at once. May be NULL where nothing ever waits. */
    void (*stop)(struct log *log);

    void (*free)(struct log *log);

    /* Why it cannot be handed over to another process now, a static text; NULL: it can, and does
     * nothing by itself until its next turn. May be NULL, where it always can. */
    const char *(*cannot_hand)(struct log *log);

    /* Hands over all that it knows, as records of HAND_LOG, while nothing waits; NULL: it never
     * can. Takes that in a log that nobody has used: the channels, with their words, come behind
     * it. */
    void (*hand)(struct log *log, struct hand_writer *w);
    void (*take)(struct log *log, struct hand_reader *r);

    /* A channel that was taken, in place of `open`: name, epoch, next, committed and word are set.
     * Returns false where memory is out, or the word makes no sense. May be NULL. */
    bool (*adopt)(struct log *log, struct log_channel *channel);

    /* It keeps what was said when the program ends: so the seats of those who can come back are not
     * given up at a stop. */
    bool is_lasting;

    /* Other servers append to it, too. */
    bool is_shared;
};

struct log {
    const struct log_ops *ops;
    const struct log_calls *calls; /* set by the owner before anything else is called */
    void *owner;
};

static inline void log_append(struct log *log, struct log_channel *channel, struct event *event,
                              const struct log_ticket *ticket)
{
    log->ops->append(log, channel, event, ticket);
}

#endif
