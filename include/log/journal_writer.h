/* The thread that writes a journal: it alone opens, syncs and removes files, so that nobody else
 * waits for a disk. One job at a time; while it is done, its giver fills the next. So what comes
 * while the disk is busy goes to it together, without a timer. A job that is but a copy to the
 * kernel's memory its giver does itself. */
#ifndef LOG_JOURNAL_WRITER_H
#define LOG_JOURNAL_WRITER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum journal_sync {
    JOURNAL_SYNC_ALWAYS,   /* a job is done when it is on the disk */
    JOURNAL_SYNC_INTERVAL, /* ... when it is written; a second later it is on the disk */
    JOURNAL_SYNC_NEVER,    /* ... when it is written; full segments are synced all the same */
};

/* Bytes that go to one place. */
struct journal_part {
    uint64_t life;
    uint64_t segment;
    uint64_t offset; /* in the segment */
    size_t len;
    bool is_new; /* the segment is to be made; the first bytes are its header. One that could be
                    made but not filled may be asked for again */
};

struct journal_job {
    struct buf bytes;           /* of all parts, one behind the other */
    struct journal_part *parts; /* part_size places, owned */
    size_t part_count;
    size_t part_size;
    uint64_t remove; /* a segment that goes once all of this is on the disk; 0: none */
    bool must_sync;  /* it is done when it is on the disk, whatever else is */
};

void journal_job_init(struct journal_job *job);
void journal_job_deinit(struct journal_job *job);

/* Empties it. Memory beyond what a usual job takes is given back. */
void journal_job_clear(struct journal_job *job);

/* Begins a part. Returns 0, or -1 with errno ENOMEM. */
int journal_job_part(struct journal_job *job, const struct journal_part *part);

#define JOURNAL_SYNC_BUCKETS 16 /* of powers of two microseconds, from 64 on */

struct journal_writer_counters {
    uint64_t syncs;
    uint64_t sync_ns;
    uint64_t sync_buckets[JOURNAL_SYNC_BUCKETS];
    uint64_t bytes;
    uint64_t failures; /* calls that failed */
};

/* What came of a job. */
struct journal_result {
    size_t parts;     /* so many are done; of the others nothing is left on the disk */
    int error;        /* why not all: errno; 0: all are */
    bool is_lost;     /* nobody knows what is on the disk: nothing may be told any more */
    const char *call; /* what failed: "write" */
    uint64_t synced_segment, synced_offset; /* all in front of this place is on the disk for sure */
};

struct journal_writer {
    pthread_t thread;
    pthread_mutex_t lock; /* for all that follows, up to the thread's own */
    pthread_cond_t changed;
    struct journal_job *job; /* being done; NULL: none */
    bool is_done;            /* ... and `result` is there */
    bool must_end;
    bool is_running;
    struct journal_result result;
    struct journal_writer_counters counters;
    uint64_t syncing_since; /* monotonic ms: the thread syncs between two jobs; 0: it does not */
    bool is_asleep;         /* it waits for whatever comes */
    bool is_lent;           /* what is the thread's own is the giver's, for a moment */
    bool is_paused;         /* it syncs nothing by itself */
    int event;              /* an eventfd that can be read when a job is done, or all is lost */

    /* The thread's own. */
    int folder;
    int fd;
    enum journal_sync sync;
    uint64_t segment;
    uint64_t unfilled;     /* one that could be made, but neither filled nor removed; 0: none */
    uint64_t offset;       /* written so far */
    uint64_t segment_size; /* bytes that a segment is given at once */
    uint64_t interval_ms;
    bool is_dirty;        /* something was written and not synced */
    uint64_t dirty_since; /* monotonic ms */
    struct journal_result outcome;
};

/* Starts the thread, which has no segment yet: the first part of the first job makes one. `folder`
 * stays the caller's; `interval_ms` is how long what was written may
 * wait for a sync where that is the mode. Returns 0, or -1 with errno; the thread runs when this
 * returns. */
int journal_writer_start(struct journal_writer *w, int folder, enum journal_sync sync,
                         uint64_t segment_size, uint64_t interval_ms);

/* Hands a job over, which must not be touched until it is done. None may be there. */
void journal_writer_submit(struct journal_writer *w, struct journal_job *job);

/* Does a job at once that is but a copy to the kernel's memory: nothing is to be synced for it, its
 * segment is there, the thread is not in the middle of a sync that takes long (a disk that hangs
 * keeps writes waiting, too), and the last write did not fail. That saves two switches between
 * threads, and messages that would come in the meantime. Returns false where it is one for the
 * thread; nothing was done then. No job may be there. */
bool journal_writer_try(struct journal_writer *w, const struct journal_job *job,
                        struct journal_result *result);

/* Is it done? Then *result says what came of it, and the next can be handed over. True without a
 * job, too, where all was lost in between. */
bool journal_writer_take(struct journal_writer *w, struct journal_result *result);

/* As journal_writer_take, but waits. A job must be there. */
void journal_writer_wait(struct journal_writer *w, struct journal_result *result);

void journal_writer_counters(struct journal_writer *w, struct journal_writer_counters *out);

/* Has the thread do nothing between two jobs, until journal_writer_go_on. Returns false where it is
 * in the middle of something, or all is lost. */
bool journal_writer_pause(struct journal_writer *w);
void journal_writer_go_on(struct journal_writer *w);

/* Where a writer stands between two jobs. */
struct journal_standing {
    uint64_t segment; /* 0: it has none yet */
    uint64_t offset;
    uint64_t synced_segment, synced_offset;
    struct journal_writer_counters counters;
};

/* Of one that is paused. */
void journal_writer_tell(struct journal_writer *w, struct journal_standing *place);

/* Goes on there, with a descriptor of the segment (-1: it has none), which is the writer's from now
 * on: for one that had no job yet. What is not known to be synced is synced in time. */
void journal_writer_take_over(struct journal_writer *w, int fd,
                              const struct journal_standing *place);

/* Ends the thread; a job must not be there. */
void journal_writer_stop(struct journal_writer *w);

#endif
