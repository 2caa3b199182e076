#include "pair.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <check.h>

static int listen_anywhere(struct sockaddr_in *address)
{
    socklen_t len = sizeof(*address);
    int fd = socket(AF_INET, SOCK_STREAM, 0), size = 212992;

    *address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)address, len), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)address, &len), 0);
    return fd;
}

int pair_tcp(int *peer)
{
    const struct timeval hang = {.tv_sec = 20};
    struct sockaddr_in address;
    int listener = listen_anywhere(&address), size = 65536, on = 1, accepted;

    *peer = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(setsockopt(*peer, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
    ck_assert_int_eq(setsockopt(*peer, SOL_SOCKET, SO_RCVTIMEO, &hang, sizeof(hang)), 0);
    /* What it sends is there at once. */
    ck_assert_int_eq(setsockopt(*peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
    ck_assert_int_eq(connect(*peer, (struct sockaddr *)&address, sizeof(address)), 0);
    accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    ck_assert_int_ge(accepted, 0);
    close(listener);
    return accepted;
}

int pair_unix(int *peer)
{
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    *peer = ends[1];
    return ends[0];
}

void pair_reset(int fd)
{
    const struct linger now = {.l_onoff = 1};

    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    close(fd);
}
