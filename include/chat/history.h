/* History: what a room keeps of its past, as records that do not depend on any rendition.
 *
 * A record is shared: the history holds it, and so does every send queue that still has to replay
 * it. Its frames are encoded when somebody first wants them, once for each rendition. */
#ifndef CHAT_HISTORY_H
#define CHAT_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hand.h"
#include "base/list.h"
#include "chat/rendition.h"
#include "out/sendq.h"

struct channel;

struct record {
    struct list encoded;     /* for the owner: among those that have frames */
    struct channel *channel; /* for the owner */
    struct event event;      /* its slices point into `bytes` */
    size_t cost;             /* bytes of memory that it stands for; its frames not counted */
    size_t frame_cost;       /* what the owner counts for the frames */
    size_t *orphans; /* once no history holds it: the sum that both are part of until it is freed */
    uint32_t holders;
    uint32_t author_place; /* the seat that said it: its place + 1; 0: not known */
    uint32_t author_generation;
    uint32_t word;      /* the log's */
    bool is_stale;      /* the frames tell reactions as they were */
    struct buf *frames; /* RENDITIONS_PLAIN of them, each empty until wanted; NULL: none ever was */
    char bytes[];
};

/* Copies an event into a new record that the caller holds. NULL: errno is ENOMEM. */
struct record *record_new(const struct event *event);

/* A record within a record of base/hand.h, and back; NULL: it is wrong, or memory is out. Whose its
 * seat and word are is for the owner to check. */
void record_hand(struct hand_writer *w, const struct record *record);
struct record *record_take(struct hand_reader *r);

/* Lets a record go; the last holder frees it. Takes NULL. */
void record_release(struct record *record);

/* Does somebody but the history hold it? */
static inline bool record_is_in_use(const struct record *record)
{
    return record->holders > 1;
}

/* The record's frame for this rendition, which is not packed; empty where it was not encoded. Valid
 * until the record or its frames are dropped. */
const struct buf *record_frame(const struct record *record, enum rendition kind);

/* Forgets the frames of a record that is not in use. They are made again when they are wanted. */
void record_drop_frames(struct record *record);

/* Makes sure of the record's frame for this rendition, which is not packed and stays empty where
 * its codec does not tell of it. Returns 0, or -1 with errno ENOMEM. */
int record_encode(struct record *record, enum rendition kind);

/* Puts the frame of the record for this rendition, which is not packed, behind what is in the
 * queue. Nothing where its codec does not tell of it. Returns 0, or -1 with errno ENOMEM. */
int record_replay(struct record *record, enum rendition kind, struct sendq *out);

/* The last records of a room, oldest first, at most `limit`. */
struct history {
    struct record **ring; /* size places, owned */
    size_t size;
    size_t first;
    size_t count;
    size_t limit;
    uint64_t gone; /* seq of the newest that it no longer holds; 0: it holds all there ever were */
};

void history_init(struct history *h, size_t limit);

/* Releases all records. */
void history_deinit(struct history *h);

/* Adds a record, newer than all before, of which it becomes a holder. It must not be full. Returns
 * 0, or -1 with errno ENOMEM. */
int history_add(struct history *h, struct record *record);

/* Takes the oldest record out of the history, which must not be empty. The caller holds it now. */
struct record *history_take_oldest(struct history *h);

/* The record at a place from 0 (oldest) to count - 1. */
struct record *history_at(const struct history *h, size_t place);

/* Puts another record, of the same seq, in the place of one. The caller holds that one now. */
void history_replace(struct history *h, size_t place, struct record *record);

/* How far one of several histories that are read together was read. */
struct history_place {
    struct history *history;
    size_t at;
};

/* Where the record with the lowest seq of all that are still to be read stands. NULL: there is
 * none. */
struct history_place *history_next_place(struct history_place *places, size_t count);

/* The same, and takes that record. */
struct record *history_next(struct history_place *places, size_t count);

/* The place of the first record whose seq is above `seq`; count where there is none. */
size_t history_after(const struct history *h, uint64_t seq);

#endif
