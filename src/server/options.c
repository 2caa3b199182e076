#include "server/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "net/socket.h"
#include "proto/uri.h"
#include "proto/ws/handshake.h"

#define KIB ((uint64_t)1024)
#define MIB (1024 * KIB)
#define SECONDS_MAX ((uint64_t)86400)

#define FIELD(name) offsetof(struct options, name)

static const struct option server_items[] = {
    {"listen", OPTION_LISTENER, "ADDR:PORT", NULL, FIELD(listen), 0, 0,
     "where to listen: 127.0.0.1:8000, [::1]:8000 or unix:PATH; repeatable; numeric addresses"},
    {"port", OPTION_PORT, "PORT", "8000", FIELD(port), 0, 65535,
     "short for --listen 127.0.0.1:PORT; 0 lets the kernel pick one"},
    {"broadcast", OPTION_CHOICE, "others|all", "others", FIELD(broadcast), 0, 0,
     "who gets a message: the others, or its sender too"},
    {"echo", OPTION_CHOICE, "tutorial|verbatim", "tutorial", FIELD(echo), 0, 0,
     "what /ws answers: \"Message text was: ...\", or each message as it came"},
    {"max-clients", OPTION_NUMBER, "N", "10000", FIELD(max_clients), 1, 1000000,
     "clients at a time; more get HTTP 503"},
    {"max-clients-per-ip", OPTION_NUMBER, "N", "0", FIELD(max_clients_per_ip), 0, 1000000,
     "clients at a time from one address; more get HTTP 429; 0: no limit"},
    {"handshake-rate", OPTION_NUMBER, "N", "0", FIELD(handshake_rate), 0, 1000000,
     "WebSocket handshakes a second from one address; more get HTTP 429; 0: no limit"},
    {"handshake-burst", OPTION_NUMBER, "N", "50", FIELD(handshake_burst), 1, 1000000,
     "handshakes that an address may make at once before --handshake-rate counts"},
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
     "memory for the history of all rooms; the oldest messages go first"},
    {"rate", OPTION_NUMBER, "N", "100", FIELD(rate), 0, 1000000,
     "messages a second for each client, who is slowed down above it; 0: no limit"},
    {"burst", OPTION_NUMBER, "N", "200", FIELD(burst), 1, 1000000,
     "messages that a client may send at once before --rate counts"},
    {"presence-limit", OPTION_NUMBER, "N", "500", FIELD(presence_limit), 0, 1000000,
     "a room with more members tells wschat.v1 clients a count in place of joins and leaves"},
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
    {"allow-origin", OPTION_ORIGIN, "ORIGIN", NULL, FIELD(allow_origin), 0, 0,
     "a web origin that may connect besides the server's own; \"*\": any; \"null\": a page "
     "opened from a file; repeatable"},
    {"base-path", OPTION_BASE, "PATH", "/", FIELD(base_path), 0, 0,
     "the path below which everything is, such as /chat/"},
    {"trusted-proxy", OPTION_PROXY, "ADDR[/LENGTH]", NULL, FIELD(trusted_proxy), 0, 0,
     "an address, a network, or \"unix\", whose word is taken for whom it speaks; repeatable"},
    {"proxy-header", OPTION_CHOICE, "auto|proxy-protocol|x-forwarded-for|forwarded", "auto",
     FIELD(proxy_header), 0, 0, "how a trusted proxy tells for whom it speaks"},
    {"static", OPTION_PATH, "DIR", NULL, FIELD(static_dir), 0, 0,
     "serve the page from a folder in place of the embedded one"},
    {"admin", OPTION_ADDRESS, "ADDR:PORT", NULL, FIELD(admin), 0, 0,
     "a second listener for operators: a status page, /metrics, /healthz"},
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
    {"version", OPTION_VERSION, NULL, NULL, 0, 0, 0, "print the version and exit"},
    {"help", OPTION_HELP, NULL, NULL, 0, 0, 0, "print this help and exit"},
};

/* ---- values ---- */

/* Reads digits, then at most `decimals` digits behind a point; returns the number times
 * 10^decimals. */
static bool read_decimal(const char *text, unsigned decimals, uint64_t max, uint64_t *out)
{
    struct str fraction = str_from(text);
    struct str whole = str_cut(&fraction, '.');
    uint64_t value, digit;

    if (!str_to_u64(whole, max, &value))
        return false;
    if (fraction.ptr != NULL && (fraction.len == 0 || fraction.len > decimals))
        return false;
    for (unsigned i = 0; i < decimals; i++) {
        digit = 0;
        if (i < fraction.len && !str_to_u64((struct str){fraction.ptr + i, 1}, 9, &digit))
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

static bool read_size(const char *text, uint64_t max, uint64_t *out)
{
    struct str digits = str_from(text);
    uint64_t unit = 1;

    if (digits.len > 0 && (digits.ptr[digits.len - 1] | 0x20) == 'k')
        unit = KIB;
    else if (digits.len > 0 && (digits.ptr[digits.len - 1] | 0x20) == 'm')
        unit = MIB;
    if (unit > 1)
        digits.len--;
    if (!str_to_u64(digits, max / unit, out))
        return false;
    *out *= unit;
    return true;
}

static bool read_choice(const char *text, const char *values, uint64_t *out)
{
    struct str rest = str_from(values), word = str_from(text);

    for (uint64_t place = 0; rest.ptr != NULL; place++) {
        if (str_equals(str_cut(&rest, '|'), word)) {
            *out = place;
            return true;
        }
    }
    return false;
}

static bool read_number(const struct option *option, const char *text, uint64_t *out)
{
    uint64_t value;
    bool is_read;

    if (option->kind == OPTION_SECONDS)
        is_read = read_decimal(text, 3, SECONDS_MAX, &value);
    else if (option->kind == OPTION_SIZE)
        is_read = read_size(text, option->max, &value);
    else
        is_read = str_to_u64(str_from(text), option->max, &value);
    if (!is_read || value < option->min || value > option->max)
        return false;
    *out = value;
    return true;
}

static bool add_listener(struct options_listeners *list, struct str text)
{
    struct socket_address address;
    char *item;

    if (list->count == OPTIONS_LISTENERS_MAX || text.len >= SOCKET_TEXT_MAX)
        return false;
    item = list->items[list->count];
    memcpy(item, text.ptr, text.len);
    item[text.len] = '\0';
    if (!socket_address_read(&address, item))
        return false;
    list->count++;
    return true;
}

static bool add_origin(struct options_origins *list, struct str text)
{
    if (list->count == OPTIONS_ORIGINS_MAX || !http_origin_is_valid(text))
        return false;
    list->items[list->count++] = text;
    return true;
}

static bool add_proxy(struct options_proxies *list, struct str text)
{
    if (str_equals(text, STR("unix"))) {
        list->has_unix = true;
        return true;
    }
    if (list->count == OPTIONS_PROXIES_MAX || !ip_network_read(&list->items[list->count], text))
        return false;
    list->count++;
    return true;
}

/* One value of an option that may be given several times. */
static bool add_value(const struct option *option, void *field, struct str text)
{
    if (option->kind == OPTION_LISTENER)
        return add_listener(field, text);
    return option->kind == OPTION_ORIGIN ? add_origin(field, text) : add_proxy(field, text);
}

static bool set_value(void *record, const struct option *option, const char *text)
{
    void *field = (char *)record + option->field;

    switch (option->kind) {
    case OPTION_PORT:
    case OPTION_NUMBER:
    case OPTION_SIZE:
    case OPTION_SECONDS:
        return read_number(option, text, field);
    case OPTION_CHOICE:
        return read_choice(text, option->values, field);
    case OPTION_PATH:
        *(const char **)field = text;
        return text[0] != '\0';
    case OPTION_ADDRESS:
        ((struct options_listeners *)field)->count = 0;
        return add_listener(field, str_from(text));
    case OPTION_LISTENER:
    case OPTION_ORIGIN:
    case OPTION_PROXY:
        return add_value(option, field, str_from(text));
    case OPTION_BASE:
        return strlen(text) <= OPTIONS_BASE_MAX && uri_base_read(field, str_from(text));
    case OPTION_TEXT:
        *(const char **)field = text;
        return true;
    case OPTION_FLAG:
    case OPTION_VERSION:
    case OPTION_HELP:
        break;
    }
    return false;
}

/* ---- what is wrong ---- */

static void describe(const struct option *option, char *out, size_t size)
{
    unsigned long long min = option->min, max = option->max;

    switch (option->kind) {
    case OPTION_SECONDS:
        snprintf(out, size, "seconds from %llu.%03llu to %llu", min / 1000, min % 1000, max / 1000);
        return;
    case OPTION_SIZE:
        snprintf(out, size, "bytes from %llu to %llum, with k or m for KiB or MiB", min, max / MIB);
        return;
    case OPTION_CHOICE:
        snprintf(out, size, "one of %s", option->values);
        return;
    case OPTION_ADDRESS:
        snprintf(out, size, "a numeric ADDR:PORT, [V6]:PORT or unix:PATH");
        return;
    case OPTION_LISTENER:
        snprintf(out, size, "a numeric ADDR:PORT, [V6]:PORT or unix:PATH, at most %d times",
                 OPTIONS_LISTENERS_MAX);
        return;
    case OPTION_ORIGIN:
        snprintf(out, size,
                 "an origin such as https://example.com, or null, or *, at most %d times",
                 OPTIONS_ORIGINS_MAX);
        return;
    case OPTION_PROXY:
        snprintf(out, size, "an address, a network such as 192.0.2.0/24, or unix, at most %d times",
                 OPTIONS_PROXIES_MAX);
        return;
    case OPTION_BASE:
        snprintf(out, size, "a path such as /chat/ of letters, digits and -._~ only");
        return;
    case OPTION_PATH:
        snprintf(out, size, "a folder");
        return;
    default:
        snprintf(out, size, "a number from %llu to %llu", min, max);
    }
}

static enum options_result refuse_value(const struct option_table *table,
                                        const struct option *option, const char *where,
                                        const char *text)
{
    char wanted[160];

    describe(option, wanted, sizeof(wanted));
    fprintf(stderr, "wschat: %s%s: \"%s\" is not %s; see %s --help\n", where[0] == 'W' ? "" : "--",
            where, text, wanted, table->program);
    return OPTIONS_EXIT_USAGE;
}

static enum options_result refuse_argument(const struct option_table *table, const char *argument,
                                           const char *why)
{
    fprintf(stderr, "wschat: %s: %s; see %s --help\n", argument, why, table->program);
    return OPTIONS_EXIT_USAGE;
}

/* ---- help ---- */

/* Where the words about an option begin, and where a line ends: at 80, as on any terminal. */
#define HELP_COLUMN 30
#define HELP_WIDTH 80

/* The environment twin of an option: WSCHAT_MAX_CLIENTS. */
static void environment_name(const struct option_table *table, const struct option *option,
                             char *out, size_t size)
{
    snprintf(out, size, "%s%s", table->twins, option->name);
    for (char *c = out; *c != '\0'; c++) {
        if (*c == '-')
            *c = '_';
        else if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
    }
}

/* Prints a word behind what is there, or on the next line where it does not fit. Returns the column
 * behind it. */
static int print_word(int column, const char *word, int len)
{
    if (column > HELP_COLUMN && column + 1 + len > HELP_WIDTH) {
        putchar('\n');
        column = 0;
    }
    if (column < HELP_COLUMN)
        column += printf("%*s", HELP_COLUMN - column, "");
    else
        column += printf(" ");
    return column + printf("%.*s", len, word);
}

/* Whoever reads this by program can put the lines together again: those that go on with an option
 * begin with HELP_COLUMN blanks. */
static void print_option(const struct option *option)
{
    int column = printf("  --%s%s%s", option->name, option->values != NULL ? " " : "",
                        option->values != NULL ? option->values : "");
    char standard[64];

    if (column > HELP_COLUMN - 2) {
        putchar('\n');
        column = 0;
    }
    for (const char *word = option->help; *word != '\0';) {
        size_t len = strcspn(word, " ");

        column = print_word(column, word, (int)len);
        word += len + strspn(word + len, " ");
    }
    if (option->standard != NULL)
        print_word(column, standard,
                   snprintf(standard, sizeof(standard), "[%s]", option->standard));
    putchar('\n');
}

static enum options_result finish_output(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return OPTIONS_EXIT_OK;
    fprintf(stderr, "wschat: cannot write to standard output\n");
    return OPTIONS_EXIT_FAILURE;
}

static enum options_result print_help(const struct option_table *table)
{
    printf("%s\n", table->usage);
    for (size_t i = 0; i < table->count; i++)
        print_option(&table->items[i]);
    printf("\n%s", table->notes);
    return finish_output();
}

static enum options_result print_version(void)
{
    printf("wschat %s\n", WSCHAT_VERSION);
    return finish_output();
}

/* ---- sources ---- */

static bool is_repeatable(const struct option *option)
{
    return option->kind == OPTION_LISTENER || option->kind == OPTION_ORIGIN ||
           option->kind == OPTION_PROXY;
}

static bool takes_value(const struct option *option)
{
    return option->values != NULL;
}

static void set_defaults(const struct option_table *table, void *record)
{
    memset(record, 0, table->record_size);
    for (size_t i = 0; i < table->count; i++) {
        if (table->items[i].standard != NULL)
            set_value(record, &table->items[i], table->items[i].standard);
    }
}

/* Values of a repeatable option are separated by blanks. */
static bool set_words(void *record, const struct option *option, const char *text)
{
    struct str rest = str_from(text);
    void *field = (char *)record + option->field;

    while (rest.ptr != NULL) {
        struct str word = str_trim(str_cut(&rest, ' '));

        if (word.len > 0 && !add_value(option, field, word))
            return false;
    }
    return true;
}

static void choose(const struct option_table *table, void *record, const struct option *option,
                   bool is_command_line)
{
    if (table->choose != NULL)
        table->choose(record, option, is_command_line);
}

static enum options_result read_environment(const struct option_table *table, void *record)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct option *option = &table->items[i];
        char name[64];
        const char *text;

        environment_name(table, option, name, sizeof(name));
        text = takes_value(option) ? getenv(name) : NULL;
        if (text == NULL || text[0] == '\0')
            continue;
        choose(table, record, option, false);
        if (!(is_repeatable(option) ? set_words : set_value)(record, option, text))
            return refuse_value(table, option, name, text);
    }
    return OPTIONS_RUN;
}

static const struct option *find_option(const struct option_table *table, struct str name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (str_equals(str_from(table->items[i].name), name))
            return &table->items[i];
    }
    return NULL;
}

/* Takes what is no option. */
static enum options_result read_argument(const struct option_table *table, void *record,
                                         const char *text)
{
    const char **field = (const char **)(void *)((char *)record + table->argument_field);

    if (table->argument == NULL || text[0] == '-')
        return refuse_argument(table, text, "this is not an option");
    if (*field != NULL)
        return refuse_argument(table, text, "this is one argument too many");
    *field = text;
    return OPTIONS_RUN;
}

/* Takes an option without a value. */
static enum options_result read_flag(const struct option_table *table, void *record,
                                     const struct option *option)
{
    if (option->kind == OPTION_VERSION)
        return print_version();
    if (option->kind == OPTION_HELP)
        return print_help(table);
    *(bool *)((char *)record + option->field) = true;
    return OPTIONS_RUN;
}

/* Takes the option at argv[*i], and maybe its value behind it: then *i is moved on. */
static enum options_result read_option(const struct option_table *table, void *record, int argc,
                                       char **argv, int *i)
{
    struct str value = str_from(argv[*i]);
    struct str name = str_cut(&value, '=');
    const struct option *option = find_option(table, (struct str){name.ptr + 2, name.len - 2});

    if (option == NULL)
        return refuse_argument(table, argv[*i], "there is no such option");
    if (!takes_value(option) && value.ptr != NULL)
        return refuse_argument(table, argv[*i], "this option takes no value");
    if (!takes_value(option))
        return read_flag(table, record, option);
    if (value.ptr == NULL && ++*i == argc)
        return refuse_argument(table, argv[*i - 1], "this option needs a value");
    choose(table, record, option, true);
    if (value.ptr == NULL)
        value.ptr = argv[*i];
    return set_value(record, option, value.ptr)
               ? OPTIONS_RUN
               : refuse_value(table, option, option->name, value.ptr);
}

static enum options_result read_arguments(const struct option_table *table, void *record, int argc,
                                          char **argv)
{
    enum options_result result = OPTIONS_RUN;

    for (int i = 1; i < argc && result == OPTIONS_RUN; i++) {
        if (strncmp(argv[i], "--", 2) == 0 && argv[i][2] != '\0' && argv[i][2] != '=')
            result = read_option(table, record, argc, argv, &i);
        else
            result = read_argument(table, record, argv[i]);
    }
    return result;
}

enum options_result option_table_read(const struct option_table *table, void *record, int argc,
                                      char **argv)
{
    enum options_result result;

    set_defaults(table, record);
    result = read_environment(table, record);
    if (result == OPTIONS_RUN)
        result = read_arguments(table, record, argc, argv);
    if (result == OPTIONS_RUN && table->argument != NULL &&
        *(const char **)(void *)((char *)record + table->argument_field) == NULL)
        result = refuse_argument(table, table->argument, "this is missing");
    return result;
}

/* ---- the server's ---- */

/* The command line wins: the first value of a repeatable option there takes the place of those from
 * the environment. And --listen and --port say the same thing, so either one replaces both. */
static void choose_server_option(void *record, const struct option *option, bool is_command_line)
{
    struct options *options = record;

    if (option->kind == OPTION_ORIGIN && is_command_line && !options->has_origin) {
        options->allow_origin.count = 0;
        options->has_origin = true;
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
    .record_size = sizeof(struct options),
    .program = "wschat",
    .twins = "WSCHAT_",
    .usage = "Usage: wschat [OPTION]...\n"
             "       wschat join URL [OPTION]...   a chat from a terminal: see join --help\n"
             "A chat server over WebSocket: open the URL that it prints in a browser.\n",
    .notes = "Every option can be given as --name VALUE or --name=VALUE, or in the\n"
             "environment as WSCHAT_NAME (WSCHAT_MAX_CLIENTS for --max-clients; several values\n"
             "separated by blanks); the command line wins. Defaults are in brackets. Without\n"
             "--listen and --port it listens on 127.0.0.1:8000.\n",
    .choose = choose_server_option,
};

enum options_result options_read(struct options *options, int argc, char **argv)
{
    return option_table_read(&server_table, options, argc, argv);
}
