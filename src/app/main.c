/* wschat: a chat server over WebSocket. docs/architecture.md shows the way through the files. */
#include <stdlib.h>

#include "app/options.h"
#include "app/server.h"
#include "base/log.h"

int main(int argc, char **argv)
{
    static struct options options;
    static struct server server;

    switch (options_read(&options, argc, argv)) {
    case OPTIONS_RUN:
        break;
    case OPTIONS_EXIT_OK:
        return EXIT_SUCCESS;
    case OPTIONS_EXIT_FAILURE:
        return EXIT_FAILURE;
    case OPTIONS_EXIT_USAGE:
        return 2;
    }
    log_setup((enum log_level)options.log_level, options.log_format == LOG_FORMAT_JSON);
    if (server_init(&server, &options) < 0)
        return EXIT_FAILURE;
    server_run(&server);
    server_deinit(&server);
    return EXIT_SUCCESS;
}
