#include "server/listeners.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "net/socket.h"
#include "server/fatal.h"

/* One line tells where it listens, as the URL of its page; a unix socket has none. */
static void announce(const struct options *options, int fd, bool is_admin)
{
    struct str base = options->base_path;
    char url[SOCKET_TEXT_MAX], line[2 * SOCKET_TEXT_MAX + OPTIONS_BASE_MAX + 32];
    bool is_unix;

    socket_url(fd, url);
    is_unix = url[0] == 'u';
    if (is_admin && is_unix)
        snprintf(line, sizeof(line), "metrics on %s", url);
    else if (is_admin)
        snprintf(line, sizeof(line), "status page on %s, metrics on %smetrics", url, url);
    else if (base.len == 0 || is_unix)
        snprintf(line, sizeof(line), "listening on %s", url);
    else
        snprintf(line, sizeof(line), "listening on %s%.*s/", url, (int)base.len - 1, base.ptr + 1);
    log_announce(LOG_INFO, line);
}

static void listeners_add(struct acceptor *acceptor, const struct options *options, int fd,
                          int file, bool is_admin)
{
    acceptor_add(acceptor, fd, file, is_admin);
    announce(options, fd, is_admin);
}

static int listeners_open_one(struct acceptor *acceptor, const struct options *options,
                              const char *text, bool is_admin)
{
    struct socket_address address;
    int fd;

    socket_address_read(&address, text);
    fd = socket_listen(&address, options->socket_mode.is_set ? (int)options->socket_mode.bits : -1,
                       options->reuse_port && !is_admin);
    if (fd < 0)
        return fatal("cannot listen on %s: %s; choose another address with %s", text,
                     strerror(errno), is_admin ? "--admin" : "--port or --listen");
    listeners_add(acceptor, options, fd, socket_open_file(fd), is_admin);
    return 0;
}

/* Takes the sockets that the supervisor opened. Returns how many of them are public. */
static size_t listeners_take_passed(struct acceptor *acceptor, const struct options *options,
                                    const struct listen_fds *passed)
{
    size_t public_count = 0;

    for (size_t i = 0; i < passed->count; i++) {
        bool is_admin = str_equals(passed->names[i], STR("admin"));

        listeners_add(acceptor, options, LISTEN_FDS_FIRST + (int)i, -1, is_admin);
        public_count += !is_admin;
    }
    return public_count;
}

int listeners_open(struct acceptor *acceptor, const struct options *options,
                   const struct listen_fds *passed)
{
    size_t taken = listeners_take_passed(acceptor, options, passed);
    char local[32];

    for (size_t i = 0; i < options->listen.count; i++) {
        if (listeners_open_one(acceptor, options, options->listen.items[i], false) < 0)
            return -1;
    }
    if ((options->listen.count == 0 && taken == 0) || options->has_port) {
        snprintf(local, sizeof(local), "127.0.0.1:%u", (unsigned)options->port);
        if (listeners_open_one(acceptor, options, local, false) < 0)
            return -1;
    }
    return options->admin.count == 0
               ? 0
               : listeners_open_one(acceptor, options, options->admin.items[0], true);
}
