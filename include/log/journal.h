/* The log that keeps what was said: in a folder, so that the rooms are the same after a restart.
 *
 *      append --> job that fills -- turn --> job that is written --> on the disk -- turn -->
 * committed (reactor)                  (journal_writer)
 *
 * What comes while a job is written goes to the next one; so many events share one sync.
 *
 * On the disk are segments of 8 MiB, oldest first. A segment goes when all its records are
 * forgotten. Where that would take too long, the living ones of the oldest are written again. */
#ifndef LOG_JOURNAL_H
#define LOG_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "log/journal_config.h"
#include "log/journal_read.h"
#include "log/journal_writer.h"
#include "log/log.h"

/* Makes a log that has not opened its folder yet. NULL: errno is ENOMEM. */
struct log *journal_new(const struct journal_config *config);

/* Opens the folder, as the only server that uses it, and commits what it holds; the log's owner is
 * set. A torn tail is cut, which the report says. Returns 0, or -1: *problem says what is wrong. */
int journal_recover(struct log *log, struct journal_report *report,
                    struct journal_problem *problem);

/* Starts the thread that writes; later the descriptors of journal_folder and journal_event are all
 * that it needs. Returns 0, or -1 with errno. */
int journal_start(struct log *log);

/* That of the folder; and one that can be read when the log wants its turn. */
int journal_folder(const struct log *log);
int journal_event(const struct log *log);

/* In place of journal_recover, for a log that is to take over what another process has, by a
 * hand-over: opens the folder and reads nothing. Returns 0, or -1: *problem says what is wrong. */
int journal_await(struct log *log, struct journal_problem *problem);

/* The descriptor of the lock, for the process that takes over; and that process gives it to its log
 * before this takes anything. It stays the caller's, and open as long as the log is used. */
int journal_lock(const struct log *log);
void journal_take_lock(struct log *log, int fd);

/* Nobody knows any more what is on the disk: the program must end. Says why. */
bool journal_is_lost(const struct log *log, struct journal_problem *problem);

struct journal_stats {
    struct journal_writer_counters writer;
    uint64_t records;    /* written since the start */
    uint64_t refused;    /* events */
    uint64_t copied;     /* records that were written again */
    uint64_t segments;   /* that there are */
    uint64_t disk;       /* bytes of them */
    uint64_t waiting;    /* events that are not committed yet */
    uint64_t waiting_ms; /* how long the oldest of them has waited */
    bool is_failing;     /* the last write failed */
};

void journal_stats(struct log *log, struct journal_stats *stats);

#endif
