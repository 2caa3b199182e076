/* wschat: a chat server over WebSocket. docs/architecture.md shows the way through the files. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "server/join_options.h"
#include "server/journal_options.h"
#include "server/keeping.h"
#include "server/options.h"
#include "server/server.h"
#include "server/token_options.h"
#include "base/log.h"
#include "base/stdfds.h"
#include "keeper/upgrade.h"

/* glibc keeps freed memory for the next request, the more the larger the blocks were. A server that
 * was busy once should not stay large for ever: long blocks go back to the system at once, and so
 * does a large free end of the heap. Those that are used again and again are kept in a buf_pool
 * (base/buf_pool.h). */
static void tune_malloc(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 64 * 1024);
    mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
#endif
}

/* The exit status of a run that ends with the reading of its options. */
static int options_status(enum options_result result)
{
    switch (result) {
    case OPTIONS_EXIT_FAILURE:
        return EXIT_FAILURE;
    case OPTIONS_EXIT_USAGE:
        return 2;
    default:
        return EXIT_SUCCESS;
    }
}

static int join(int argc, char **argv)
{
    struct join_options options;
    enum options_result result = join_options_read(&options, argc, argv);

    return result == OPTIONS_RUN ? join_run(&options) : options_status(result);
}

static int journal(int argc, char **argv)
{
    struct journal_options options;
    enum journal_command command;
    enum options_result result = journal_options_read(&options, &command, argc, argv);

    return result == OPTIONS_RUN ? journal_run(command, &options) : options_status(result);
}

static int token(int argc, char **argv)
{
    static struct token_options options;
    enum options_result result = token_options_read(&options, argc, argv);

    return result == OPTIONS_RUN ? token_run(&options) : options_status(result);
}

/* Runs the server: by itself, or as the worker of a keeper. */
static int serve_people(const struct options *options, const struct inherited *inherited)
{
    static struct server server;

    if (server_init(&server, options, inherited) < 0)
        return EXIT_FAILURE;
    if (server_run(&server) == SERVER_HANDED_OVER)
        return UPGRADE_HANDED; /* all that it still has is another's */
    return server_deinit(&server) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int keep_or_serve(const struct options *options, char **argv)
{
    static struct inherited inherited;
    static struct rebirth rebirth;
    const char *wrong = inherited_take(&inherited);

    if (wrong == NULL)
        wrong = rebirth_take(&rebirth);
    if (wrong != NULL) {
        log_announce(LOG_ERROR, wrong);
        return EXIT_FAILURE;
    }
    if (rebirth.worker > 0)
        return keeping_go_on(options, argv, &rebirth);
    if (options->keeper && inherited.count == 0)
        return keeping_run(options, argv);
    tune_malloc();
    if (inherited.count == 0)
        return serve_people(options, NULL);
    prctl(PR_SET_NAME, "wschat"); /* by a descriptor it was started as a number */
    return serve_people(options, &inherited);
}

static int serve(int argc, char **argv)
{
    static struct options options;
    enum options_result result;

    if (stdfds_fill() < 0)
        return EXIT_FAILURE; /* stderr, where one would say why, may be the one that is missing */
    result = options_read(&options, argc, argv);
    if (result != OPTIONS_RUN)
        return options_status(result);
    stdfds_unblock_stderr();
    log_setup((enum log_level)options.log_level, options.log_format == LOG_FORMAT_JSON);
    log_set_rate(options.log_rate);
    log_flush_at_end();
    return keep_or_serve(&options, argv);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "join") == 0)
        return join(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "journal") == 0)
        return journal(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "token") == 0)
        return token(argc - 1, argv + 1);
    return serve(argc, argv);
}
