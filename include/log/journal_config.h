/* How a journal is to be kept. */
#ifndef LOG_JOURNAL_CONFIG_H
#define LOG_JOURNAL_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "log/journal_writer.h"

struct journal_config {
    const char *path; /* of the folder, which is made where there is none */
    enum journal_sync sync;
    uint64_t disk_max;              /* bytes that the segments may take, roughly */
    void (*random)(void *, size_t); /* fills with unguessable bytes */
    uint64_t segment_size;          /* bytes at which a segment is full; 0: TUNE_SEGMENT */
    uint64_t interval_ms;           /* of JOURNAL_SYNC_INTERVAL; 0: a second */
};

/* What went wrong, as a line for people. */
struct journal_problem {
    char text[512];
};

#endif
