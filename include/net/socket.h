/* Addresses and listening sockets: ADDR:PORT, [V6]:PORT and unix:PATH. */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/peer.h"

struct socket_address {
    struct sockaddr_storage storage;
    socklen_t len;
};

/* Room for an address as text, a unix path with its prefix and the NUL included. */
#define SOCKET_TEXT_MAX 160

/* Reads a numeric address. Returns false for anything else, a host name or a port above 65535
 * included. */
bool socket_address_read(struct socket_address *address, const char *text);

/* Opens a non-blocking listening socket. A file at the path of a unix socket is replaced only if it
 * is a socket that nobody listens on. Returns the descriptor, or -1 with errno (EADDRINUSE:
 * somebody listens there). `mode`: the permissions of a unix socket's file; -1: by the umask.
 * `is_shared`: several processes of one user may listen on a TCP address (SO_REUSEPORT). */
int socket_listen(const struct socket_address *address, int mode, bool is_shared);

/* How long the kernel keeps a connection to itself that sends nothing: until it has sent its
 * SYN-ACK a second time, in milliseconds. */
#define SOCKET_DEFER_MS 1000

/* Should the kernel tell of a connection only once something has come from it, or SOCKET_DEFER_MS
 * have passed (TCP_DEFER_ACCEPT, tcp(7))? Who accepts it need not wait for the request then.
 * Returns false where it cannot, as with unix sockets. */
bool socket_defer_accept(int fd, bool defers);

/* Accepts a connection as a non-blocking socket and tells who is at its other end; the peer of a
 * unix socket is not known. Returns the descriptor, or -1 with the errno of accept4(2). */
int socket_accept(int fd, struct peer *peer);

/* Makes a listening socket that somebody else opened fit to be used as one of socket_listen: sets
 * it non-blocking, close-on-exec and, for TCP, without delay. Returns 0; or -1 with errno: EBADF
 * (not open), ENOTSOCK, ESOCKTNOSUPPORT (no stream socket), EAFNOSUPPORT (neither IPv4, IPv6 nor
 * unix), EINVAL (it does not listen). */
int socket_adopt(int fd);

/* Bytes that were sent over TCP and that the other end's system has not acknowledged yet. */
size_t socket_unsent(int fd);

/* Opens a non-blocking datagram socket to a unix address: /PATH, or @NAME in the abstract name
 * space. Returns the descriptor, or -1 with errno (EINVAL: neither, or too long). */
int socket_connect_datagram(const char *address);

/* Writes where a socket listens as a URL: http://127.0.0.1:8000/, http://[::1]:8000/, unix:/path or
 * unix:@name. The port is the one that the kernel picked. */
void socket_url(int fd, char out[SOCKET_TEXT_MAX]);

/* Writes the path of a unix socket's file. Returns false for a socket that has none. */
bool socket_file(int fd, char out[SOCKET_TEXT_MAX]);

/* Opens that file, not for reading or writing but to know it again. Returns a descriptor, or -1
 * where there is none. */
int socket_open_file(int fd);

/* Makes a user the owner of a file of socket_open_file: its folder may have the sticky bit, where
 * only the owner can remove it. Returns 0, or -1 with errno. */
int socket_give_file(int file, uid_t uid, gid_t gid);

/* Closes a listening socket, and `file` of socket_open_file unless it is -1. Removes the file,
 * unless another one has its path, as after an unlink or a rename. */
void socket_close_listener(int fd, int file);

#endif
