/* The options of `wschat join`, by the same table as those of the server. */
#ifndef SERVER_JOIN_OPTIONS_H
#define SERVER_JOIN_OPTIONS_H

#include "base/option_table.h"
#include "cli/join.h"

/* As options_read; argv[0] is "join". */
enum options_result join_options_read(struct join_options *options, int argc, char **argv);

#endif
