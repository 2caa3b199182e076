/* `wschat journal`: looks at the folder of a journal, and repairs it. */
#ifndef CLI_JOURNAL_H
#define CLI_JOURNAL_H

#include <stdbool.h>

struct journal_options {
    const char *folder;
    const char *room;  /* NULL: all */
    const char *since; /* a position or a time; NULL: from the beginning */
    bool json;
    bool follow;
};

enum journal_command { JOURNAL_VERIFY, JOURNAL_DUMP, JOURNAL_REPAIR };

/* Runs to its end. Returns the exit status: 0; 1 where the journal is damaged or cannot be used; 2
 * where the options make no sense. */
int journal_run(enum journal_command command, const struct journal_options *options);

#endif
