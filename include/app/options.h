/* Options: one table drives the command line, the environment, and --help. */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "net/socket.h"

#define OPTIONS_LISTENERS_MAX 16
#define OPTIONS_ORIGINS_MAX 64

enum options_broadcast { BROADCAST_OTHERS, BROADCAST_ALL };
enum options_echo { ECHO_TUTORIAL, ECHO_VERBATIM };
enum options_log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* Values of an option that may be given several times. */
struct options_listeners {
    char items[OPTIONS_LISTENERS_MAX][SOCKET_TEXT_MAX];
    size_t count;
};
struct options_origins {
    struct str items[OPTIONS_ORIGINS_MAX];
    size_t count;
};

/* Times are in milliseconds, sizes in bytes. Text points into the arguments or the environment. */
struct options {
    struct options_listeners listen;
    struct options_origins allow_origin;
    struct options_listeners admin; /* one at most */
    uint64_t port;
    bool has_port; /* was it asked for? */
    uint64_t broadcast;
    uint64_t echo;
    uint64_t max_clients;
    uint64_t max_message;
    uint64_t max_lag;
    uint64_t history;
    uint64_t history_memory;
    uint64_t rate;
    uint64_t burst;
    uint64_t presence_limit;
    uint64_t leave_grace;
    uint64_t handshake_timeout;
    uint64_t ping_interval;
    uint64_t ping_timeout;
    uint64_t shutdown_timeout;
    const char *static_dir; /* NULL: embedded */
    uint64_t log_level;
    uint64_t log_format;
};

enum options_result { OPTIONS_RUN, OPTIONS_EXIT_OK, OPTIONS_EXIT_FAILURE, OPTIONS_EXIT_USAGE };

/* Reads defaults, environment and arguments, the later ones winning. OPTIONS_EXIT_OK: --help or
 * --version was printed on stdout. OPTIONS_EXIT_FAILURE: stdout could not be written.
 * OPTIONS_EXIT_USAGE: one line on stderr says what is wrong. */
enum options_result options_read(struct options *options, int argc, char **argv);

#endif
