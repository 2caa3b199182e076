/* The options of `wschat journal`, by the same table as those of the server. */
#ifndef SERVER_JOURNAL_OPTIONS_H
#define SERVER_JOURNAL_OPTIONS_H

#include "cli/journal.h"
#include "server/options.h"

/* As options_read; argv[0] is "journal", argv[1] the command, which is set with OPTIONS_RUN. */
enum options_result journal_options_read(struct journal_options *options,
                                         enum journal_command *command, int argc, char **argv);

#endif
