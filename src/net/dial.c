#include "net/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/util.h"

const char *dial_resolve(struct dial *dial, const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int error = getaddrinfo(host, port, &hints, &found);

    if (error != 0)
        return gai_strerror(error);
    *dial = (struct dial){.count = 0};
    for (struct addrinfo *at = found; at != NULL && dial->count < DIAL_ADDRESSES_MAX;
         at = at->ai_next) {
        struct socket_address *address = &dial->addresses[dial->count++];

        memcpy(&address->storage, at->ai_addr, at->ai_addrlen);
        address->len = at->ai_addrlen;
    }
    freeaddrinfo(found);
    return NULL;
}

bool dial_unix(struct dial *dial, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);

    if (len == 0 || len >= sizeof(address.sun_path))
        return false;
    memcpy(address.sun_path, path, len);
    *dial = (struct dial){.count = 1};
    memcpy(&dial->addresses[0].storage, &address, sizeof(address));
    dial->addresses[0].len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    return true;
}

int dial_begin(struct dial *dial)
{
    const struct socket_address *address = &dial->addresses[dial->next++ % dial->count];
    const struct sockaddr *sockaddr = (const struct sockaddr *)&address->storage;
    int fd = socket(sockaddr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

    if (fd < 0)
        return -1;
    if (sockaddr->sa_family != AF_UNIX)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, sockaddr, address->len) < 0 && errno != EINPROGRESS) {
        int error = errno;

        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

int dial_error(int fd)
{
    int error = 0;
    socklen_t len = sizeof(error);

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? errno : error;
}
