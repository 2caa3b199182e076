/* Repairs a journal: writes what is left of it as a new one, and puts the damaged files beside it.
 */
#ifndef CLI_JOURNAL_REPAIR_H
#define CLI_JOURNAL_REPAIR_H

#include <stdint.h>

#include "log/journal_read.h"

#define JOURNAL_BESIDE_MAX 64

struct journal_repair {
    struct journal_report before;
    uint64_t kept;                   /* records */
    char beside[JOURNAL_BESIDE_MAX]; /* the folder within it that has the old files now; empty:
                                        nothing was wrong */
};

/* `folder` is a descriptor; nobody else may use it. Returns 0, or -1 with errno: what was there is
 * there, or a repair that goes on with the next call. */
int journal_repair(int folder, struct journal_repair *repair);

#endif
