#include "net/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"
#include "base/util.h"

/* Connections that may wait to be accepted; the kernel cuts it to its own limit. */
#define BACKLOG 4096

static bool read_unix(struct socket_address *address, struct str path)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&address->storage;

    if (path.len == 0 || path.len >= sizeof(un->sun_path))
        return false;
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path.ptr, path.len);
    address->len = sizeof(*un);
    return true;
}

static bool read_inet(struct socket_address *address, const char *host, in_port_t port)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&address->storage;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address->storage;

    if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        address->len = sizeof(*in);
        return true;
    }
    if (host[0] != '[' || inet_pton(AF_INET6, host + 1, &in6->sin6_addr) != 1)
        return false;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    address->len = sizeof(*in6);
    return true;
}

bool socket_address_read(struct socket_address *address, const char *text)
{
    const char *colon = strrchr(text, ':');
    char host[INET6_ADDRSTRLEN + 2];
    uint64_t port;
    size_t len;

    memset(address, 0, sizeof(*address));
    if (strncmp(text, "unix:", 5) == 0)
        return read_unix(address, str_from(text + 5));
    if (colon == NULL || !str_to_u64(str_from(colon + 1), UINT16_MAX, &port))
        return false;
    len = (size_t)(colon - text);
    if (len == 0 || len >= sizeof(host))
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    /* "[::1]" becomes "[::1": the bracket in front tells an IPv6 address from others. */
    if (host[0] == '[') {
        if (host[len - 1] != ']')
            return false;
        host[len - 1] = '\0';
    }
    return read_inet(address, host, (in_port_t)port);
}

/* Removes a socket that was left behind by a server that is gone. */
static int remove_stale(const struct socket_address *address)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&address->storage;
    struct stat st;
    int probe, result;

    if (lstat(un->sun_path, &st) < 0)
        return errno == ENOENT ? 0 : -1;
    if (!S_ISSOCK(st.st_mode)) {
        errno = EEXIST;
        return -1;
    }
    probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return -1;
    result = connect(probe, (const struct sockaddr *)un, address->len);
    if (result == 0 || errno != ECONNREFUSED)
        errno = EADDRINUSE;
    else
        result = unlink(un->sun_path) == 0 ? 1 : -1;
    close(probe);
    return result == 1 ? 0 : -1;
}

static int prepare(int fd, const struct socket_address *address, bool is_shared)
{
    int on = 1;

    if (address->storage.ss_family == AF_UNIX)
        return remove_stale(address);
    /* Accepted sockets inherit TCP_NODELAY, which saves a call for each. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        (is_shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0) ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
        return -1;
    if (address->storage.ss_family == AF_INET6)
        return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    return 0;
}

/* The umask rather than a chmod afterwards: nobody can connect in between. */
static int socket_bind(int fd, const struct socket_address *address, int mode)
{
    mode_t before = mode < 0 ? 0 : umask(~(mode_t)mode & 0777);
    int result = bind(fd, (const struct sockaddr *)&address->storage, address->len);

    if (mode >= 0)
        umask(before);
    return result;
}

int socket_listen(const struct socket_address *address, int mode, bool is_shared)
{
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (prepare(fd, address, is_shared) < 0 || socket_bind(fd, address, mode) < 0 ||
        listen(fd, BACKLOG) < 0) {
        int saved = errno;

        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static struct peer peer_of(const struct sockaddr_storage *storage)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)storage;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)storage;

    switch (storage->ss_family) {
    case AF_INET:
        return (struct peer){ip_from_v4(&in->sin_addr), ntohs(in->sin_port), true};
    case AF_INET6:
        return (struct peer){ip_from_v6(&in6->sin6_addr), ntohs(in6->sin6_port), true};
    default:
        return (struct peer){.is_known = false};
    }
}

int socket_accept(int fd, struct peer *peer)
{
    struct sockaddr_storage storage = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(storage);
    int accepted = accept4(fd, (struct sockaddr *)&storage, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (accepted >= 0)
        *peer = peer_of(&storage);
    return accepted;
}

bool socket_defer_accept(int fd, bool defers)
{
    int seconds = defers ? SOCKET_DEFER_MS / 1000 : 0;

    return setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof(seconds)) == 0;
}

size_t socket_unsent(int fd)
{
    int bytes = 0;

    return ioctl(fd, TIOCOUTQ, &bytes) < 0 || bytes < 0 ? 0 : (size_t)bytes;
}

/* Is it a listening stream socket of a family that we know? */
static int check_listening(int fd, int *family)
{
    int type = 0, listens = 0;
    socklen_t len = sizeof(int);

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_DOMAIN, family, &len) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0)
        return -1;
    if (type != SOCK_STREAM)
        errno = ESOCKTNOSUPPORT;
    else if (*family != AF_INET && *family != AF_INET6 && *family != AF_UNIX)
        errno = EAFNOSUPPORT;
    else if (!listens)
        errno = EINVAL;
    else
        return 0;
    return -1;
}

int socket_adopt(int fd)
{
    int family = AF_UNSPEC, on = 1, flags;

    if (check_listening(fd, &family) < 0)
        return -1;
    flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return -1;
    return family == AF_UNIX ? 0 : setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

int socket_connect_datagram(const char *address)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    size_t len = strlen(address);
    int fd;

    if ((address[0] != '/' && address[0] != '@') || len < 2 || len >= sizeof(un.sun_path)) {
        errno = EINVAL;
        return -1;
    }
    memcpy(un.sun_path, address, len);
    if (address[0] == '@')
        un.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    /* An abstract name is as long as the address says: a NUL behind it would be part of it. */
    if (connect(fd, (const struct sockaddr *)&un,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0) {
        int saved = errno;

        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static void local_address(int fd, struct socket_address *address)
{
    memset(address, 0, sizeof(*address));
    address->len = sizeof(address->storage);
    getsockname(fd, (struct sockaddr *)&address->storage, &address->len);
}

/* Of a unix socket. One in the abstract name space begins with a NUL, which is shown as "@". */
static void write_unix_url(const struct socket_address *address, char out[SOCKET_TEXT_MAX])
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&address->storage;
    bool is_abstract =
        address->len > offsetof(struct sockaddr_un, sun_path) && un->sun_path[0] == '\0';

    snprintf(out, SOCKET_TEXT_MAX, "unix:%s%s", is_abstract ? "@" : "",
             un->sun_path + (is_abstract ? 1 : 0));
}

void socket_url(int fd, char out[SOCKET_TEXT_MAX])
{
    struct socket_address address;
    const struct sockaddr_in *in = (const struct sockaddr_in *)&address.storage;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address.storage;
    char host[INET6_ADDRSTRLEN] = "";

    local_address(fd, &address);
    switch (address.storage.ss_family) {
    case AF_INET:
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        snprintf(out, SOCKET_TEXT_MAX, "http://%s:%u/", host, ntohs(in->sin_port));
        break;
    case AF_INET6:
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        snprintf(out, SOCKET_TEXT_MAX, "http://[%s]:%u/", host, ntohs(in6->sin6_port));
        break;
    default:
        write_unix_url(&address, out);
    }
}

bool socket_file(int fd, char out[SOCKET_TEXT_MAX])
{
    struct socket_address address;

    local_address(fd, &address);
    snprintf(out, SOCKET_TEXT_MAX, "%s",
             address.storage.ss_family == AF_UNIX
                 ? ((const struct sockaddr_un *)&address.storage)->sun_path
                 : "");
    return out[0] != '\0';
}

int socket_open_file(int fd)
{
    char path[SOCKET_TEXT_MAX];
    struct stat st;
    int file;

    if (!socket_file(fd, path))
        return -1;
    file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0 || (fstat(file, &st) == 0 && S_ISSOCK(st.st_mode)))
        return file;
    close(file);
    return -1;
}

int socket_give_file(int file, uid_t uid, gid_t gid)
{
    return fchownat(file, "", uid, gid, AT_EMPTY_PATH);
}

void socket_close_listener(int fd, int file)
{
    char path[SOCKET_TEXT_MAX];
    struct stat ours, there;

    if (file >= 0 && fstat(file, &ours) == 0 && socket_file(fd, path) && lstat(path, &there) == 0 &&
        there.st_dev == ours.st_dev && there.st_ino == ours.st_ino)
        unlink(path);
    if (file >= 0)
        close(file);
    close(fd);
}
