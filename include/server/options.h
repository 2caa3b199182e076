/* The options of the server. */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/option_table.h"
#include "base/str.h"
#include "net/socket.h"

#define OPTIONS_LISTENERS_MAX 16
#define OPTIONS_ORIGINS_MAX 64
#define OPTIONS_HOSTS_MAX 16
#define OPTIONS_PROXIES_MAX 64
#define OPTIONS_REDIS_MAX 16
#define OPTIONS_BASE_MAX 128 /* bytes of a base path */

enum options_broadcast { BROADCAST_OTHERS, BROADCAST_ALL };
enum options_echo { ECHO_TUTORIAL, ECHO_VERBATIM };
enum options_deflate { DEFLATE_ON, DEFLATE_OFF };
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
/* What is narrated. */
struct options_trace {
    bool is_on;
    bool is_full; /* with what is said */
    bool has_from;
    struct ip_network from; /* only connections from there */
};
struct options_hosts {
    struct str items[OPTIONS_HOSTS_MAX];
    size_t count;
};
struct options_redis {
    struct str items[OPTIONS_REDIS_MAX];
    size_t count;
};
struct options_wait {
    uint64_t replicas; /* 0: none */
    uint64_t ms;
};
struct options_mode {
    uint64_t bits;
    bool is_set;
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
    struct options_listeners admin;  /* one at most */
    struct options_hosts host;       /* none: any */
    struct options_mode socket_mode; /* of unix sockets */
    struct options_proxies trusted_proxy;
    uint64_t proxy_header;
    struct str base_path; /* without the slash at its end: empty for "/" */
    uint64_t port;
    bool has_port;   /* was it asked for? */
    bool has_listen; /* --listen or --port stood on the command line */
    bool has_origin; /* --allow-origin did */
    bool has_proxy;  /* --trusted-proxy did */
    bool has_host;   /* --host did */
    bool has_redis;  /* --redis did */
    uint64_t broadcast;
    uint64_t echo;
    uint64_t deflate;
    uint64_t max_clients;
    uint64_t max_message;
    uint64_t max_lag;
    uint64_t history;
    uint64_t history_memory;
    uint64_t rate;
    uint64_t burst;
    uint64_t rate_bytes;
    uint64_t presence_limit;
    bool typing;
    bool lan;
    struct options_trace trace;
    uint64_t leave_grace;
    uint64_t max_clients_per_ip;
    uint64_t handshake_rate;
    uint64_t handshake_burst;
    uint64_t http_rate;
    uint64_t http_burst;
    uint64_t ipv4_prefix;
    uint64_t ipv6_prefix;
    uint64_t handshake_timeout;
    uint64_t defer_accept;
    uint64_t ping_interval;
    uint64_t ping_timeout;
    uint64_t shutdown_timeout;
    const char *journal;        /* NULL: none */
    uint64_t journal_sync;      /* enum journal_sync */
    struct options_redis redis; /* none: rooms are this server's alone */
    const char *redis_password_file;
    const char *redis_prefix;
    struct options_wait redis_wait;
    const char *node; /* NULL: a random name */
    bool reuse_port;
    const char *token_key;      /* NULL: nobody needs a token */
    const char *password_file;  /* NULL: no password is asked for */
    const char *moderator;      /* NULL: no link is made; "-": it is printed */
    const char *token_audience; /* NULL: none */
    const char *token_issuer;   /* NULL: any */
    bool token_in_query;
    uint8_t anonymous;      /* rights of who has no token */
    const char *title;      /* NULL: that of the page */
    const char *static_dir; /* NULL: embedded */
    bool keeper;            /* a process of its own runs the server and starts it again */
    const char *user;       /* NULL: the one that started it */
    uint64_t sandbox;
    uint64_t log_level;
    uint64_t log_format;
    uint64_t log_rate;
};

/* Kinds of values that only the server knows. */
enum options_kind {
    OPTION_ADDRESS = OPTION_KINDS, /* a listener of which there is one */
    OPTION_LISTENER,               /* repeatable */
    OPTION_TRACE,
    OPTION_ORIGIN, /* repeatable */
    OPTION_HOST,   /* a host without a port; repeatable */
    OPTION_MODE,   /* octal permissions of a file */
    OPTION_PROXY,  /* an address, a network, or "unix"; repeatable */
    OPTION_BASE,   /* the path below which everything is */
    OPTION_WORD,   /* letters, digits and ._- */
    OPTION_REDIS,  /* a URL of a Redis; repeatable */
    OPTION_TITLE,  /* what the page is called */
    OPTION_WAIT,   /* how many replicas, and for how long */
    OPTION_RIGHTS, /* words with commas between them, but mod and api; a uint8_t */
};

/* Reads the options of the server, as option_table_read. */
enum options_result options_read(struct options *options, int argc, char **argv);

#endif
