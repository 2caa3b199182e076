/* Options: one table drives the command line, the environment, and --help. */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/str.h"
#include "net/socket.h"

#define OPTIONS_LISTENERS_MAX 16
#define OPTIONS_ORIGINS_MAX 64
#define OPTIONS_PROXIES_MAX 64
#define OPTIONS_BASE_MAX 128 /* bytes of a base path */

enum options_broadcast { BROADCAST_OTHERS, BROADCAST_ALL };
enum options_echo { ECHO_TUTORIAL, ECHO_VERBATIM };
enum options_defer { DEFER_AUTO, DEFER_ON, DEFER_OFF };
enum options_sandbox { SANDBOX_ON, SANDBOX_OFF };
enum options_proxy_header {
    PROXIED_AUTO,
    PROXIED_BY_PROTOCOL,
    PROXIED_BY_X_FORWARDED_FOR,
    PROXIED_BY_FORWARDED,
};
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
struct options_proxies {
    struct ip_network items[OPTIONS_PROXIES_MAX];
    size_t count;
    bool has_unix; /* whoever comes by a unix socket */
};

/* Times are in milliseconds, sizes in bytes. Text points into the arguments or the environment. */
struct options {
    struct options_listeners listen;
    struct options_origins allow_origin;
    struct options_listeners admin; /* one at most */
    struct options_proxies trusted_proxy;
    uint64_t proxy_header;
    struct str base_path; /* without the slash at its end: empty for "/" */
    uint64_t port;
    bool has_port;   /* was it asked for? */
    bool has_listen; /* --listen or --port stood on the command line */
    bool has_origin; /* --allow-origin did */
    bool has_proxy;  /* --trusted-proxy did */
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
    uint64_t max_clients_per_ip;
    uint64_t handshake_rate;
    uint64_t handshake_burst;
    uint64_t ipv4_prefix;
    uint64_t ipv6_prefix;
    uint64_t handshake_timeout;
    uint64_t defer_accept;
    uint64_t ping_interval;
    uint64_t ping_timeout;
    uint64_t shutdown_timeout;
    const char *static_dir; /* NULL: embedded */
    const char *user;       /* NULL: the one that started it */
    uint64_t sandbox;
    uint64_t log_level;
    uint64_t log_format;
    uint64_t log_rate;
};

enum options_result { OPTIONS_RUN, OPTIONS_EXIT_OK, OPTIONS_EXIT_FAILURE, OPTIONS_EXIT_USAGE };

enum option_kind {
    OPTION_NUMBER,
    OPTION_SIZE,    /* bytes, with k or m */
    OPTION_SECONDS, /* up to three decimals; kept in milliseconds */
    OPTION_CHOICE,  /* a word of `values`, kept as its place */
    OPTION_PORT,
    OPTION_PATH,
    OPTION_ADDRESS,  /* a listener of which there is one */
    OPTION_LISTENER, /* repeatable */
    OPTION_ORIGIN,   /* repeatable */
    OPTION_PROXY,    /* an address, a network, or "unix"; repeatable */
    OPTION_BASE,     /* the path below which everything is */
    OPTION_TEXT,     /* any text, kept as it is */
    OPTION_FLAG,     /* no value: it is there or not; a bool */
    OPTION_VERSION,
    OPTION_HELP,
};

struct option {
    const char *name;
    enum option_kind kind;
    const char *values;   /* how --help calls the value, and the words of a choice: "others|all" */
    const char *standard; /* default, as one would type it; NULL: none */
    size_t field;         /* offset in the record that is filled */
    uint64_t min, max;    /* bounds of a number, a size (bytes) or a time (milliseconds) */
    const char *help;
};

/* The options of the program or of a subcommand, and the record that they fill. */
struct option_table {
    const struct option *items;
    size_t count;
    size_t record_size;  /* bytes of the record; it is all zero before the defaults */
    const char *program; /* what --help is asked of: "wschat" */
    const char *twins;   /* what their names in the environment begin with: "WSCHAT_" */
    const char *usage;   /* what --help says in front of the options, and behind them */
    const char *notes;
    const char *argument;  /* what the one argument is that is no option; NULL: there is none */
    size_t argument_field; /* where it goes: a const char * */

    /* Called before a value that is no default is set; NULL: nothing is to be done. */
    void (*choose)(void *record, const struct option *option, bool is_command_line);
};

/* Reads defaults, environment and arguments (argv[1] and on) into the record, the later ones
 * winning. OPTIONS_EXIT_OK: --help or --version was printed on stdout. OPTIONS_EXIT_FAILURE: stdout
 * could not be written. OPTIONS_EXIT_USAGE: one line on stderr says what is wrong. */
enum options_result option_table_read(const struct option_table *table, void *record, int argc,
                                      char **argv);

/* The same with the options of the server. */
enum options_result options_read(struct options *options, int argc, char **argv);

#endif
