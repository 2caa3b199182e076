/* The options of `wschat token`, by the same table as those of the server. */
#ifndef SERVER_TOKEN_OPTIONS_H
#define SERVER_TOKEN_OPTIONS_H

#include "base/option_table.h"
#include "cli/token.h"

/* As options_read; argv[0] is "token". */
enum options_result token_options_read(struct token_options *options, int argc, char **argv);

/* Reads a time such as 90s, 15m, 1h or 7d as seconds, at least one. Returns false for anything
 * else. */
bool token_duration_read(struct str text, uint64_t *seconds);

#endif
