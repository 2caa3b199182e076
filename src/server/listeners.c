#include "server/listeners.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "net/own_addresses.h"
#include "net/socket.h"
#include "proto/qr.h"
#include "server/fatal.h"

#define ADDRESSES_MAX 4
#define ANYWHERE "http://0.0.0.0:"
#define ANYWHERE6 "http://[::]:"
#define URL_MAX (SOCKET_TEXT_MAX + OPTIONS_BASE_MAX)

/* For the camera of a phone. */
static void show_code(const char *url)
{
    struct buf picture;
    struct qr qr;

    buf_init(&picture);
    if (qr_encode(&qr, str_from(url)) == 0 && qr_write_terminal(&picture, &qr) == 0)
        log_picture((struct str){(const char *)picture.data, picture.len});
    buf_deinit(&picture);
}

/* What others open in place of an address that nobody can open. `url` keeps the
 * first, of IPv4 where there is one: more networks of phones have that. */
static void announce_network(const struct options *options, int family, const char *rest,
                             char url[URL_MAX])
{
    char found[ADDRESSES_MAX][INET6_ADDRSTRLEN], one[URL_MAX], line[URL_MAX + 64];
    bool is_v6 = family == AF_INET6;
    size_t count = own_addresses(family, found, ADDRESSES_MAX);

    for (size_t i = 0; i < count; i++) {
        snprintf(one, sizeof(one), "http://%s%s%s%s%.*s", is_v6 ? "[" : "", found[i],
                 is_v6 ? "]" : "", rest, (int)options->base_path.len, options->base_path.ptr);
        snprintf(line, sizeof(line), "others in this network open %s/", one);
        log_announce(LOG_INFO, line);
        if (url[0] == '\0' || (i == 0 && !is_v6))
            memcpy(url, one, sizeof(one));
    }
}

/* `url`: the first that others can open; empty: there is none. */
static void announce_others(const struct options *options, const char *url)
{
    if (url[0] == '\0')
        log_announce(LOG_INFO, "this machine is in no network now: nobody else can open it");
    if (options->token_key == NULL && options->password_file == NULL)
        log_announce(LOG_INFO, "whoever is in this network can come in, under any name; "
                               "--password-file has the page ask for a password");
    if (url[0] != '\0')
        show_code(url);
}

/* Is it open to networks, by all addresses of this machine? Returns their family, or AF_UNSPEC. */
static int anywhere_of(const char *url)
{
    if (strncmp(url, ANYWHERE, strlen(ANYWHERE)) == 0)
        return AF_INET;
    return strncmp(url, ANYWHERE6, strlen(ANYWHERE6)) == 0 ? AF_INET6 : AF_UNSPEC;
}

/* One line tells where it listens, as the URL of its page; a unix socket has none. */
static void listener_announce(const struct options *options, int fd, bool is_admin)
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

void listeners_announce(const struct listeners *listeners, const struct options *options)
{
    char url[SOCKET_TEXT_MAX], first[URL_MAX] = "";
    bool is_open = false;

    for (size_t i = 0; i < listeners->count; i++) {
        const struct listening *one = &listeners->items[i];
        int family;

        listener_announce(options, one->fd, one->is_admin);
        socket_url(one->fd, url);
        family = one->is_admin ? AF_UNSPEC : anywhere_of(url);
        if (family == AF_UNSPEC)
            continue;
        is_open = true;
        url[strlen(url) - 1] = '\0';
        announce_network(options, family, strrchr(url, ':'), first);
    }
    if (is_open)
        announce_others(options, first);
}

static void listeners_add(struct listeners *listeners, int fd, int file, bool is_admin)
{
    listeners->items[listeners->count++] = (struct listening){fd, file, is_admin};
}

static int listeners_open_one(struct listeners *listeners, const struct options *options,
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
    listeners_add(listeners, fd, socket_open_file(fd), is_admin);
    return 0;
}

/* Takes the sockets that the supervisor opened. Returns how many of them are public. */
static size_t listeners_take_passed(struct listeners *listeners, const struct listen_fds *passed)
{
    size_t public_count = 0;

    for (size_t i = 0; i < passed->count; i++) {
        bool is_admin = str_equals(passed->names[i], STR("admin"));

        listeners_add(listeners, LISTEN_FDS_FIRST + (int)i, -1, is_admin);
        public_count += !is_admin;
    }
    return public_count;
}

static int listeners_open_all(struct listeners *listeners, const struct options *options,
                              const struct listen_fds *passed)
{
    size_t taken = listeners_take_passed(listeners, passed);
    char local[32];

    for (size_t i = 0; i < options->listen.count; i++) {
        if (listeners_open_one(listeners, options, options->listen.items[i], false) < 0)
            return -1;
    }
    if ((options->listen.count == 0 && taken == 0) || options->has_port || options->lan) {
        snprintf(local, sizeof(local), "%s:%u", options->lan ? "0.0.0.0" : "127.0.0.1",
                 (unsigned)options->port);
        if (listeners_open_one(listeners, options, local, false) < 0)
            return -1;
    }
    return options->admin.count == 0
               ? 0
               : listeners_open_one(listeners, options, options->admin.items[0], true);
}

int listeners_open(struct listeners *listeners, const struct options *options,
                   const struct listen_fds *passed)
{
    listeners->count = 0;
    if (listeners_open_all(listeners, options, passed) == 0)
        return 0;
    listeners_close(listeners);
    listeners->count = 0;
    return -1;
}

int listeners_give(const struct listeners *listeners, const struct user *user, const char *name)
{
    char path[SOCKET_TEXT_MAX];

    for (size_t i = 0; i < listeners->count; i++) {
        const struct listening *one = &listeners->items[i];

        if (one->file >= 0 && socket_file(one->fd, path) &&
            socket_give_file(one->file, user->uid, user->gid) < 0)
            return fatal("cannot give %s to the user %s: %s", path, name, strerror(errno));
    }
    return 0;
}

void listeners_close(const struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++)
        socket_close_listener(listeners->items[i].fd, listeners->items[i].file);
}
