/* A journal in the order in which it happened. Records that were about to be forgotten with an old
 * segment were written again, behind newer ones, and a crash may have left both: here each comes
 * once, in the order of its room, and rooms among each other by time. */
#ifndef LOG_JOURNAL_REPLAY_H
#define LOG_JOURNAL_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "log/journal_read.h"

struct journal_replay_options {
    /* What happens with each record, SEGMENT_ROOM, _SYNCED and _CLOSE left out. */
    int (*visit)(void *owner, const struct segment_record *record,
                 const struct journal_place *place);
    void *owner;

    /* Only what a room can still be sure of: of messages those behind the last gap. And only the
     * latest room of each name. */
    bool is_exact;
};

/* Reads the journal in a folder; what journal_read says of it is in *report. Nothing is visited
 * unless it is whole or torn. Returns the state; JOURNAL_UNREADABLE where a visit failed, too. */
enum journal_state journal_replay(int folder, const struct journal_replay_options *options,
                                  struct journal_report *report);

#endif
