#include "server/options.h"

#include <stdio.h>
#include <string.h>

#include "auth/rights.h"
#include "base/ascii.h"
#include "base/util.h"
#include "net/socket.h"
#include "proto/uri.h"
#include "proto/ws/handshake.h"
#include "web/title.h"

#define MIB ((uint64_t)1024 * 1024)
#define SECONDS_MAX ((uint64_t)86400)

#define FIELD(name) offsetof(struct options, name)

static const struct option server_items[] = {
    {"listen", OPTION_LISTENER, "ADDR:PORT", NULL, FIELD(listen), 0, 0,
     "where to listen: 127.0.0.1:8000, localhost:8000, :8000 (all IPv4 addresses), [::1]:8000 or "
     "unix:PATH; no other names; repeatable"},
    {"port", OPTION_PORT, "PORT", "8000", FIELD(port), 0, 65535,
     "short for --listen 127.0.0.1:PORT; 0 lets the kernel pick one"},
    {"lan", OPTION_FLAG, NULL, NULL, FIELD(lan), 0, 0,
     "short for --listen 0.0.0.0:8000 (or that of --port): whoever is in this network can come in; "
     "tells the addresses for phones, with a QR code on a terminal"},
    {"broadcast", OPTION_CHOICE, "others|all", "others", FIELD(broadcast), 0, 0,
     "who gets a message: the others, or its sender too"},
    {"echo", OPTION_CHOICE, "tutorial|verbatim", "tutorial", FIELD(echo), 0, 0,
     "what /ws answers: \"Message text was: ...\", or each message as it came"},
    {"deflate", OPTION_CHOICE, "on|off", "off", FIELD(deflate), 0, 0,
     "compresses (permessage-deflate) for wschat.v1 and the verbatim echo, where a client offers "
     "it"},
    {"max-clients", OPTION_NUMBER, "N", "10000", FIELD(max_clients), 1, 1000000,
     "clients at a time; more get HTTP 503"},
    {"max-clients-per-ip", OPTION_NUMBER, "N", "0", FIELD(max_clients_per_ip), 0, 1000000,
     "clients at a time from one address; more get HTTP 429; 0: no limit"},
    {"handshake-rate", OPTION_NUMBER, "N", "0", FIELD(handshake_rate), 0, 1000000,
     "WebSocket handshakes a second from one address; more get HTTP 429; 0: no limit"},
    {"handshake-burst", OPTION_NUMBER, "N", "50", FIELD(handshake_burst), 1, 1000000,
     "handshakes that an address may make at once before --handshake-rate counts"},
    {"http-rate", OPTION_NUMBER, "N", "0", FIELD(http_rate), 0, 1000000,
     "HTTP requests a second from one address, handshakes included; more get HTTP 429; 0: no "
     "limit"},
    {"http-burst", OPTION_NUMBER, "N", "200", FIELD(http_burst), 1, 1000000,
     "requests that an address may make at once before --http-rate counts"},
    {"ipv4-prefix", OPTION_NUMBER, "BITS", "32", FIELD(ipv4_prefix), 1, 32,
     "IPv4 addresses that share so many bits count as one"},
    {"ipv6-prefix", OPTION_NUMBER, "BITS", "64", FIELD(ipv6_prefix), 1, 128,
     "IPv6 addresses that share so many bits count as one"},
    {"max-message", OPTION_SIZE, "BYTES", "64k", FIELD(max_message), 1, 64 * MIB,
     "longest message; a longer one closes with 1009"},
    {"max-lag", OPTION_SIZE, "BYTES", "1m", FIELD(max_lag), 1, 512 * MIB,
     "a client that falls this far behind its room is closed with 1013"},
    {"history", OPTION_NUMBER, "N", "100", FIELD(history), 0, 100000,
     "messages that each room keeps for replay"},
    {"history-memory", OPTION_SIZE, "BYTES", "64m", FIELD(history_memory), 0, 1024 * MIB,
     "memory for the history of all rooms; the room that uses most loses its oldest first"},
    {"rate", OPTION_NUMBER, "N", "100", FIELD(rate), 0, 1000000,
     "messages a second for each client, who is slowed down above it; 0: no limit"},
    {"burst", OPTION_NUMBER, "N", "200", FIELD(burst), 1, 1000000,
     "messages that a client may send at once before --rate counts"},
    {"rate-bytes", OPTION_SIZE, "BYTES", "256k", FIELD(rate_bytes), 0, 1024 * MIB,
     "bytes a second that each client may send to its room, as they go out; it is slowed down "
     "above it; 0: no limit"},
    {"presence-limit", OPTION_NUMBER, "N", "500", FIELD(presence_limit), 0, 1000000,
     "a room with more members tells wschat.v1 clients a count in place of joins and leaves"},
    {"typing", OPTION_FLAG, NULL, NULL, FIELD(typing), 0, 0,
     "tell wschat.v1 clients who types, which is not kept"},
    {"leave-grace", OPTION_SECONDS, "SEC", "5", FIELD(leave_grace), 0, 1000 * SECONDS_MAX,
     "how long the seat of a wschat.v1 client whose connection broke is kept for it"},
    {"handshake-timeout", OPTION_SECONDS, "SEC", "10", FIELD(handshake_timeout), 1,
     1000 * SECONDS_MAX, "time for a whole request head, and between two requests"},
    {"defer-accept", OPTION_CHOICE, "auto|on|off", "auto", FIELD(defer_accept), 0, 0,
     "leave connections to the kernel until they send something, for about a second; auto: while "
     "many come"},
    {"ping-interval", OPTION_SECONDS, "SEC", "25", FIELD(ping_interval), 0, 1000 * SECONDS_MAX,
     "a WebSocket peer that is silent for so long is pinged; 0: never"},
    {"ping-timeout", OPTION_SECONDS, "SEC", "10", FIELD(ping_timeout), 0, 1000 * SECONDS_MAX,
     "... and dropped when it stays silent for so long after the ping; 0: never"},
    {"shutdown-timeout", OPTION_SECONDS, "SEC", "5", FIELD(shutdown_timeout), 0, 1000 * SECONDS_MAX,
     "how long SIGTERM waits for clients to finish; a second SIGTERM ends at once"},
    {"host", OPTION_HOST, "NAME", NULL, FIELD(host), 0, 0,
     "a name that the server has: requests with another Host get 421; repeatable; without it any"},
    {"socket-mode", OPTION_MODE, "MODE", NULL, FIELD(socket_mode), 0, 0,
     "permissions of unix sockets, such as 0660; without it by the umask"},
    {"allow-origin", OPTION_ORIGIN, "ORIGIN", NULL, FIELD(allow_origin), 0, 0,
     "a web origin that may connect besides the server's own; \"*\": any; \"null\": a page "
     "opened from a file; repeatable"},
    {"base-path", OPTION_BASE, "PATH", "/", FIELD(base_path), 0, 0,
     "the path below which everything is, such as /chat/"},
    {"trusted-proxy", OPTION_PROXY, "ADDR[/LENGTH]", NULL, FIELD(trusted_proxy), 0, 0,
     "an address, a network, or \"unix\", whose word is taken for whom it speaks; repeatable"},
    {"proxy-header", OPTION_CHOICE, "auto|proxy-protocol|x-forwarded-for|forwarded", "auto",
     FIELD(proxy_header), 0, 0, "how a trusted proxy tells for whom it speaks"},
    {"journal", OPTION_PATH, "DIR", NULL, FIELD(journal), 0, 0,
     "keep rooms, histories and seats in this folder: they are there again after a restart"},
    {"journal-sync", OPTION_CHOICE, "always|interval|never", "always", FIELD(journal_sync), 0, 0,
     "what is told is on the disk; or written, and on the disk within a second; or written"},
    {"redis", OPTION_REDIS, "URL", NULL, FIELD(redis), 0, 0,
     "share the rooms with all servers at the same Redis or Valkey: "
     "redis://[USER:PASSWORD@]HOST[:PORT][/DB] or unix:PATH; repeatable: rooms are spread over "
     "them "
     "by name"},
    {"redis-password-file", OPTION_TEXT, "FILE", NULL, FIELD(redis_password_file), 0, 0,
     "its first line is the password of that Redis or Valkey"},
    {"redis-prefix", OPTION_WORD, "WORD", "w", FIELD(redis_prefix), 0, 0,
     "what all keys in Redis begin with: servers with the same one share their rooms"},
    {"redis-wait", OPTION_WAIT, "N:MS", NULL, FIELD(redis_wait), 0, 0,
     "who says something is told that it was taken once N replicas of Redis have it, or MS "
     "milliseconds have passed"},
    {"node", OPTION_WORD, "NAME", NULL, FIELD(node), 0, 0,
     "the name of this server among those that share rooms, for people who look into Redis"},
    {"reuse-port", OPTION_FLAG, NULL, NULL, FIELD(reuse_port), 0, 0,
     "let several servers of this user listen at the same TCP port: each gets a part of the "
     "connections"},
    {"token-key", OPTION_TEXT, "FILE", NULL, FIELD(token_key), 0, 0,
     "nobody enters without a token that a secret of this file signs: SECRET or KID:SECRET a "
     "line; SIGHUP reads it again"},
    {"password-file", OPTION_TEXT, "FILE", NULL, FIELD(password_file), 0, 0,
     "nobody enters without a token, and the page asks for the password in the first line of this "
     "file, which is worth one; SIGHUP reads it again"},
    {"moderator", OPTION_TEXT, "FILE", NULL, FIELD(moderator), 0, 0,
     "write a link into this file whose holder keeps order in all rooms; \"-\": print it, on a "
     "terminal only"},
    {"token-audience", OPTION_TEXT, "NAME", NULL, FIELD(token_audience), 0, 0,
     "tokens must be for this audience (aud); without it they must name none"},
    {"token-issuer", OPTION_TEXT, "NAME", NULL, FIELD(token_issuer), 0, 0,
     "tokens must be made by this issuer (iss)"},
    {"token-in-query", OPTION_FLAG, NULL, NULL, FIELD(token_in_query), 0, 0,
     "take a token from the query, too (token=): proxies log it"},
    {"anonymous", OPTION_RIGHTS, "RIGHTS", NULL, FIELD(anonymous), 0, 0,
     "what those without a token may do where --token-key is given: words of sub, pub, prs, hst "
     "and dir, with commas between"},
    {"title", OPTION_TITLE, "TEXT", NULL, FIELD(title), 0, 0,
     "what the page is called: in its head, in tabs, on home screens"},
    {"static", OPTION_PATH, "DIR", NULL, FIELD(static_dir), 0, 0,
     "serve the page from a folder in place of the embedded one"},
    {"admin", OPTION_ADDRESS, "ADDR:PORT", NULL, FIELD(admin), 0, 0,
     "a second listener for operators: a status page, /metrics, /healthz"},
    {"keeper", OPTION_FLAG, NULL, NULL, FIELD(keeper), 0, 0,
     "a small process keeps the listening sockets open, starts the server again when it crashes, "
     "and on SIGUSR2 hands everybody over to the program that is there now"},
    {"user", OPTION_TEXT, "USER", NULL, FIELD(user), 0, 0,
     "become this user once it listens, when started as root: a name, UID or UID:GID"},
    {"sandbox", OPTION_CHOICE, "on|off", "on", FIELD(sandbox), 0, 0,
     "give up what a running server does not need: files, new connections, most system calls"},
    {"log-level", OPTION_CHOICE, "error|warning|info|debug", "info", FIELD(log_level), 0, 0,
     "what is logged on stderr"},
    {"log-format", OPTION_CHOICE, "text|json", "text", FIELD(log_format), 0, 0,
     "how it is written"},
    {"log-rate", OPTION_NUMBER, "N", "100", FIELD(log_rate), 0, 1000000,
     "lines a second about ends of connections, for each kind; the others are counted; 0: no "
     "limit"},
    {"trace", OPTION_TRACE, "[WHAT]", NULL, FIELD(trace), 0, 0,
     "tell on stderr what happens on connections: requests, handshakes, frames, rooms; "
     "--trace=full: with what is said; --trace=ADDR, --trace=full,ADDR: those from there alone"},
    {"version", OPTION_VERSION, NULL, NULL, 0, 0, 0, "print the version and exit"},
    {"help", OPTION_HELP, NULL, NULL, 0, 0, 0, "print this help and exit"},
};

/* ---- values that only the server knows ---- */

/* ":8000" is every address of this machine, as elsewhere. Other names are not looked up. */
static const char *listener_host(struct str *text)
{
    struct str name = STR("localhost");

    if (text->len > 0 && text->ptr[0] == ':')
        return "0.0.0.0";
    if (text->len <= name.len || text->ptr[name.len] != ':' ||
        !str_equals_nocase((struct str){text->ptr, name.len}, name))
        return "";
    *text = (struct str){text->ptr + name.len, text->len - name.len};
    return "127.0.0.1";
}

static bool add_listener(void *field, struct str text)
{
    struct options_listeners *list = field;
    const char *host = listener_host(&text);
    struct socket_address address;
    char *item;

    if (list->count == OPTIONS_LISTENERS_MAX || strlen(host) + text.len >= SOCKET_TEXT_MAX ||
        memchr(text.ptr, '\0', text.len) != NULL)
        return false;
    item = list->items[list->count];
    snprintf(item, SOCKET_TEXT_MAX, "%s%.*s", host, (int)text.len, text.ptr);
    if (!socket_address_read(&address, item))
        return false;
    list->count++;
    return true;
}

static bool add_origin(void *field, struct str text)
{
    struct options_origins *list = field;

    if (list->count == OPTIONS_ORIGINS_MAX || !http_origin_is_valid(text))
        return false;
    list->items[list->count++] = text;
    return true;
}

/* A name as it stands in Host, without its port. */
static bool add_host(void *field, struct str text)
{
    struct options_hosts *list = field;
    struct str host, port;

    if (list->count == OPTIONS_HOSTS_MAX || !uri_authority_parse(text, &host, &port) ||
        port.ptr != NULL)
        return false;
    list->items[list->count++] = text;
    return true;
}

/* What is wrong with a URL is said where it is looked up. */
static bool add_redis(void *field, struct str text)
{
    struct options_redis *list = field;

    if (list->count == OPTIONS_REDIS_MAX || text.len == 0)
        return false;
    list->items[list->count++] = text;
    return true;
}

/* Nothing, or "on", or "full", or whose connections, or both. */
static bool set_trace(void *field, struct str text)
{
    struct options_trace *trace = field;
    struct str first = str_cut(&text, ',');

    *trace = (struct options_trace){.is_on = true, .is_full = str_equals(first, STR("full"))};
    if (text.ptr == NULL && (first.len == 0 || trace->is_full || str_equals(first, STR("on"))))
        return true;
    if (text.ptr != NULL && !trace->is_full)
        return false;
    trace->has_from = true;
    return ip_network_read(&trace->from, text.ptr != NULL ? text : first);
}

/* Redis answers nothing else of this server meanwhile: well below the time that it may take. */
static bool set_wait(void *field, struct str text)
{
    struct options_wait *wait = field;
    struct str ms = text, replicas = str_cut(&ms, ':');

    return ms.ptr != NULL && str_to_u64(replicas, 16, &wait->replicas) && wait->replicas > 0 &&
           str_to_u64(ms, 2000, &wait->ms) && wait->ms > 0;
}

static bool set_mode(void *field, struct str text)
{
    struct options_mode *mode = field;
    uint64_t bits = 0;

    if (text.len < 3 || text.len > 4)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '7')
            return false;
        bits = bits << 3 | (uint64_t)(text.ptr[i] - '0');
    }
    *mode = (struct options_mode){.bits = bits, .is_set = true};
    return bits <= 0777;
}

static bool add_proxy(void *field, struct str text)
{
    struct options_proxies *list = field;

    if (str_equals(text, STR("unix"))) {
        list->has_unix = true;
        return true;
    }
    if (list->count == OPTIONS_PROXIES_MAX || !ip_network_read(&list->items[list->count], text))
        return false;
    list->count++;
    return true;
}

static bool set_address(void *field, struct str text)
{
    ((struct options_listeners *)field)->count = 0;
    return add_listener(field, text);
}

static bool set_base(void *field, struct str text)
{
    return text.len <= OPTIONS_BASE_MAX && uri_base_read(field, text);
}

/* Who is nobody keeps no order, and asks for no more than a page does. */
static bool set_rights(void *field, struct str text)
{
    uint8_t rights;

    if (!rights_read(text, &rights) || (rights & (RIGHT_MOD | RIGHT_API)) != 0)
        return false;
    *(uint8_t *)field = rights;
    return true;
}

static bool set_word(void *field, struct str text)
{
    if (text.len == 0 || text.len > 32)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is(text.ptr[i], ASCII_DIGIT | ASCII_LETTER) &&
            (text.ptr[i] == '\0' || strchr("._-", text.ptr[i]) == NULL))
            return false;
    }
    *(const char **)field = text.ptr;
    return true;
}

static bool set_title(void *field, struct str text)
{
    *(const char **)field = text.ptr;
    return title_is_valid(text);
}

#define AT_MOST(n) AT_MOST_TEXT(n)
#define AT_MOST_TEXT(n) ", at most " #n " times"

#define ADDRESS_TEXT "a numeric ADDR:PORT, localhost:PORT, :PORT, [V6]:PORT or unix:PATH"

static const struct option_type server_types[] = {
    [OPTION_ADDRESS - OPTION_KINDS] = {set_address, ADDRESS_TEXT, false},
    [OPTION_LISTENER -
        OPTION_KINDS] = {add_listener, ADDRESS_TEXT AT_MOST(OPTIONS_LISTENERS_MAX), true},
    [OPTION_TRACE - OPTION_KINDS] = {set_trace, "on, full, an address or full,ADDR", false},
    [OPTION_ORIGIN - OPTION_KINDS] =
        {add_origin,
         "an origin such as https://example.com, or null, or *" AT_MOST(OPTIONS_ORIGINS_MAX), true},
    [OPTION_HOST -
        OPTION_KINDS] = {add_host,
                         "a host name or address without a port" AT_MOST(OPTIONS_HOSTS_MAX), true},
    [OPTION_MODE - OPTION_KINDS] = {set_mode, "octal permissions such as 0660", false},
    [OPTION_PROXY - OPTION_KINDS] = {add_proxy,
                                     "an address, a network such as 192.0.2.0/24, or unix" AT_MOST(
                                         OPTIONS_PROXIES_MAX),
                                     true},
    [OPTION_TITLE -
        OPTION_KINDS] = {set_title, "a text of 1 to 64 bytes without control characters", false},
    [OPTION_WORD - OPTION_KINDS] = {set_word, "at most 32 letters, digits and ._-", false},
    [OPTION_REDIS - OPTION_KINDS] = {add_redis,
                                     "redis://HOST:PORT or unix:PATH" AT_MOST(OPTIONS_REDIS_MAX),
                                     true},
    [OPTION_WAIT -
        OPTION_KINDS] = {set_wait, "N:MS: 1 to 16 replicas, 1 to 2000 milliseconds", false},
    [OPTION_RIGHTS -
        OPTION_KINDS] = {set_rights, "words of sub, pub, prs, hst and dir with commas between them",
                         false},
    [OPTION_BASE -
        OPTION_KINDS] = {set_base, "a path such as /chat/ of letters, digits and -._~ only", false},
};

/* The command line wins: the first value of a repeatable option there takes the place of those from
 * the environment. And --listen and --port say the same thing, so either one replaces both. */
static void choose_server_option(void *record, const struct option *option, bool is_command_line)
{
    struct options *options = record;

    if (option->kind == OPTION_ORIGIN && is_command_line && !options->has_origin) {
        options->allow_origin.count = 0;
        options->has_origin = true;
    }
    if (option->kind == OPTION_HOST && is_command_line && !options->has_host) {
        options->host.count = 0;
        options->has_host = true;
    }
    if (option->kind == OPTION_REDIS && is_command_line && !options->has_redis) {
        options->redis.count = 0;
        options->has_redis = true;
    }
    if (option->kind == OPTION_PROXY && is_command_line && !options->has_proxy) {
        options->trusted_proxy = (struct options_proxies){.count = 0};
        options->has_proxy = true;
    }
    if ((option->kind == OPTION_LISTENER || option->kind == OPTION_PORT) && is_command_line &&
        !options->has_listen) {
        options->listen.count = 0;
        options->has_port = false;
        options->has_listen = true;
    }
    if (option->kind == OPTION_PORT)
        options->has_port = true;
}

static const struct option_table server_table = {
    .items = server_items,
    .count = ARRAY_LEN(server_items),
    .types = server_types,
    .record_size = sizeof(struct options),
    .program = "wschat",
    .twins = "WSCHAT_",
    .usage = "Usage: wschat [OPTION]...\n"
             "       wschat join URL [OPTION]...   a chat from a terminal: see join --help\n"
             "       wschat journal COMMAND DIR    what was kept: see journal --help\n"
             "       wschat token --key FILE ...   what lets people in: see token --help\n"
             "A chat server over WebSocket: open the URL that it prints in a browser.\n",
    .notes = "Every option can be given as --name VALUE or --name=VALUE, or in the\n"
             "environment as WSCHAT_NAME (WSCHAT_MAX_CLIENTS for --max-clients; several values\n"
             "separated by blanks; \"on\" for an option without one); the command line wins.\n"
             "Defaults are in brackets. Without --listen and --port it listens on\n"
             "127.0.0.1:8000.\n",
    .choose = choose_server_option,
};

/* Two places that both say what is true would contradict each other one day. */
static enum options_result check_together(const struct options *options)
{
    const char *problem = NULL;

    if (options->redis.count > 0 && options->journal != NULL)
        problem = "--redis and --journal do not go together: with --redis the rooms are kept "
                  "there; leave one of them out";
    if (options->title != NULL && options->static_dir != NULL)
        problem = "--title and --static do not go together: a page of your own has its title in "
                  "index.html and chat.webmanifest; leave one of them out";
    if (problem == NULL)
        return OPTIONS_RUN;
    fprintf(stderr, "wschat: %s\n", problem);
    return OPTIONS_EXIT_USAGE;
}

enum options_result options_read(struct options *options, int argc, char **argv)
{
    enum options_result result = option_table_read(&server_table, options, argc, argv);

    return result == OPTIONS_RUN ? check_together(options) : result;
}
