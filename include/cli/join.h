/* `wschat join`: a chat from a terminal, or from a pipe. */
#ifndef CLI_JOIN_H
#define CLI_JOIN_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/target.h"

enum join_colour { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };

/* Times are in milliseconds. */
struct join_options {
    struct target_options target;
    bool json;
    bool quiet; /* nothing of the conversation is printed */
    bool stay;
    uint64_t colour; /* enum join_colour */
    uint64_t ping_interval;
    uint64_t ping_timeout;
    uint64_t give_up;
    const char *token_file;
};

/* Runs it. Returns the exit status: 0, 1 for a failure, 2 for a URL or an option that cannot be;
 * one line on stderr says why. */
int join_run(const struct join_options *options);

#endif
