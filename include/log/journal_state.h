/* The inside of a journal, for its own files alone: journal.c appends and answers, journal_fill.c
 * makes what is written, journal_forget.c removes what nobody needs, journal_recover.c reads what
 * is there at the start. */
#ifndef LOG_JOURNAL_STATE_H
#define LOG_JOURNAL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/sha256.h"
#include "base/util.h"
#include "log/journal_config.h"
#include "log/journal_rooms.h"
#include "log/log.h"
#include "log/segment.h"

/* An event that waits. */
struct wait {
    struct log_channel *channel;
    struct log_ticket ticket;
    bool has_ticket;
    size_t part;
    size_t offset; /* of its record in the bytes of the job */
};

/* A job, and what waits for it. */
struct batch {
    struct journal_job job;
    struct buf waits; /* struct wait */
    size_t answered;
    uint64_t since;     /* monotonic ms at which it began to fill */
    uint64_t copied_to; /* the first segment that can have what was written again */
};

/* What is known of a room that is open. */
struct slot {
    uint32_t number;            /* 0: the slot is free */
    uint32_t next;              /* while free: the next free one + 1 */
    uint64_t named;             /* the segment that names it already */
    uint64_t message;           /* seq of its last message */
    uint64_t mark;              /* seq of its last reaction */
    struct journal_room *known; /* while it is recovered */
};

/* A segment on the disk. */
struct shelf {
    uint64_t number;
    uint64_t len;
    uint64_t total, live; /* events */
};

struct journal {
    struct log log; /* first */
    struct journal_config config;
    int folder, lock;
    bool has_others_lock; /* `lock` belongs to whoever has given it */
    bool is_paused;       /* it was handed over, or is about to be */
    struct journal_writer writer;
    bool has_writer;

    struct batch batches[2];
    struct batch *filling;
    struct batch *written; /* done, and not all answered; or in work; NULL: none */
    bool is_done;          /* `written` is done: */
    struct journal_result result;

    struct segment_id id; /* where the next record goes */
    uint64_t offset;
    bool must_begin;  /* a new segment, the next one */
    bool begins_anew; /* this segment, which could not be written before */

    struct buf slots;   /* struct slot */
    uint32_t free_slot; /* + 1 */
    uint32_t last_number;
    const struct journal_room *recovering;

    struct buf shelves; /* struct shelf, oldest first */
    uint64_t retry_at;  /* monotonic ms; 0: all is well */
    bool is_stopped;
    char lost[128]; /* why all is lost; empty: it is not */
    uint64_t records, refused, copied;
};

static inline struct journal *journal_of(struct log *log)
{
    return CONTAINER_OF(log, struct journal, log);
}

static inline uint64_t journal_now(void)
{
    return clock_monotonic_ns() / CLOCK_NS_PER_MS;
}

/* ---- journal_fill.c ---- */

/* An event as a record, and back. The hash of a key is put into `hash`, which must live as long as
 * the record; the slices of the event are those of the record. */
struct segment_record journal_record_of(const struct event *event, uint32_t room,
                                        uint8_t hash[SHA256_SIZE]);
struct event journal_event_of(const struct segment_record *record, uint64_t epoch);

/* What is known of an open channel, which must have a slot. */
struct slot *journal_slot(const struct journal *j, const struct log_channel *channel);
size_t journal_slot_count(const struct journal *j);

/* As log_ops. */
void journal_open(struct log *log, struct log_channel *channel);
void journal_close(struct log *log, struct log_channel *channel);

size_t journal_shelf_count(const struct journal *j);
struct shelf *journal_shelf_at(const struct journal *j, size_t i);
int journal_add_shelf(struct journal *j, uint64_t number, uint64_t len);

/* The segment whose number ends with these bits; NULL: it is gone. */
struct shelf *journal_find_shelf(const struct journal *j, uint32_t word);

/* Bytes of all segments. */
uint64_t journal_disk_used(const struct journal *j);

/* One more event lives there. */
void journal_note_live(struct journal *j, uint32_t word);

/* The part that a batch ends with; NULL: it has none. */
struct journal_part *batch_last_part(const struct batch *batch);

/* Has the next `size` bytes go to the end of the last part. Returns 0, or -1 with errno ENOMEM. */
int journal_find_space(struct journal *j, size_t size);

/* Puts a record there. */
void journal_put_record(struct journal *j, const struct segment_record *record);

/* Puts a record of a room into the job, and in front of it what the room is called, where its
 * segment does not know. Returns 0, or -1 with errno ENOMEM. */
int journal_fill(struct journal *j, const struct log_channel *channel,
                 const struct segment_record *record);

/* ---- journal_hand.c ---- */

/* As log_ops. */
const char *journal_cannot_hand(struct log *log);
void journal_hand(struct log *log, struct hand_writer *w);
void journal_take(struct log *log, struct hand_reader *r);
bool journal_adopt(struct log *log, struct log_channel *channel);

/* ---- journal_forget.c ---- */

/* Has the job that fills remove the oldest segment, where that is due. Three are always kept. */
void journal_plan_removal(struct journal *j);

/* The oldest segment was removed with this batch. */
void journal_finish_removal(struct journal *j, const struct batch *batch);

#endif
