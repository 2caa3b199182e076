/* Bad company for a server under test, so that one can see what the others notice of it. From one
 * thread, for as long as it is told to run:
 *
 *   half-open   connections that send the beginning of a request and then nothing
 *   reset       connections that are reset as soon as they are there
 *   flood       WebSockets that send all the time, in a room of their own
 *   stall       WebSockets in the lobby that read nothing
 *
 * The first two kinds come spread over the first half of the time. Prints what it did. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proto/ws/frame.h"

#define STEP_MS 5
#define FLOOD_FRAMES 16 /* of one send */
#define FLOOD_SIZE                                                                                 \
    2048 /* bytes of a message: what was received of them is said even afterwards                  \
          */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

struct storm {
    struct sockaddr_in server;
    long half_open, resets, floods, stalls; /* how many of each kind */
    double seconds;
    long opened, was_reset, refused; /* what came of them */
    unsigned long long flooded;      /* bytes that the server took */
    int *flooders;
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Ids as browsers pick them, so that one storm after the other gets in. */
static unsigned long long pick_id(void)
{
    static unsigned long long last;
    struct timespec t;
    unsigned long long id;

    clock_gettime(CLOCK_REALTIME, &t);
    id = (unsigned long long)t.tv_sec * 1000 + (unsigned long long)t.tv_nsec / 1000000;
    last = id > last ? id : last + 1;
    return last;
}

/* A connection; the backlog of the server decides whether it is there at once. Returns -1 where it
 * is not to be had. */
static int connect_one(struct storm *s, bool waits)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (waits ? 0 : SOCK_NONBLOCK), 0);

    if (fd >= 0 && connect(fd, (struct sockaddr *)&s->server, sizeof(s->server)) < 0 &&
        errno != EINPROGRESS) {
        close(fd);
        fd = -1;
    }
    if (fd < 0)
        s->refused++;
    return fd;
}

/* Begins a request and leaves it there: the descriptor stays open until the storm is over. */
static void open_half(struct storm *s)
{
    static const char start[] = "GET /ws/1 HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgr";
    int fd = connect_one(s, false);

    if (fd < 0)
        return;
    s->opened++;
    send(fd, start, sizeof(start) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void reset(int fd)
{
    const struct linger hard = {.l_onoff = 1, .l_linger = 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(fd);
}

static void open_and_reset(struct storm *s)
{
    int fd = connect_one(s, true);

    if (fd < 0)
        return;
    reset(fd);
    s->was_reset++;
}

/* A WebSocket; its descriptor does not block afterwards. */
static int open_websocket(struct storm *s, const char *room, int window)
{
    char text[512], answer[1024];
    struct timeval patience = {.tv_sec = 5};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int len = snprintf(text, sizeof(text),
                       "GET /ws/%llu?room=%s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Key: " KEY
                       "\r\nSec-WebSocket-Version: 13\r\n\r\n",
                       pick_id(), room);

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (window > 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof(window));
    if (connect(fd, (struct sockaddr *)&s->server, sizeof(s->server)) < 0 ||
        send(fd, text, (size_t)len, MSG_NOSIGNAL) != len ||
        recv(fd, answer, sizeof(answer), 0) < 12 || strncmp(answer + 9, "101", 3) != 0) {
        close(fd);
        s->refused++;
        return -1;
    }
    return fd;
}

static size_t fill_flood(uint8_t *out)
{
    struct ws_frame_header header = {
        .length = FLOOD_SIZE, .opcode = WS_TEXT, .fin = true, .masked = true};
    size_t len = 0;

    for (int i = 0; i < FLOOD_FRAMES; i++) {
        len += ws_frame_encode(out + len, &header);
        memset(out + len, 'x', FLOOD_SIZE);
        len += FLOOD_SIZE;
    }
    return len;
}

/* Sends until the socket is full; whole rounds of frames only, so a short send is finished. */
static void flood(struct storm *s, int fd)
{
    static uint8_t frames[FLOOD_FRAMES * (WS_HEADER_MAX + FLOOD_SIZE)];
    static size_t len, at[64];
    char sink[65536];

    if (len == 0)
        len = fill_flood(frames);
    while (recv(fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
        ;
    for (;;) {
        size_t *from = &at[(size_t)fd % 64];
        ssize_t n = send(fd, frames + *from, len - *from, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n <= 0)
            return;
        s->flooded += (unsigned long long)n;
        *from = (*from + (size_t)n) % len;
    }
}

/* How many of `count` should be done by now. */
static long due(long count, double passed, double seconds)
{
    double part = passed / (seconds / 2);

    return part >= 1 ? count : (long)((double)count * part);
}

static void run(struct storm *s)
{
    const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
    double began = now(), passed;
    long half = 0, resets = 0;

    for (long i = 0; i < s->stalls; i++)
        open_websocket(s, "lobby", 4096);
    for (long i = 0; i < s->floods; i++)
        s->flooders[i] = open_websocket(s, "flood", 0);
    while ((passed = now() - began) < s->seconds) {
        for (; half < due(s->half_open, passed, s->seconds); half++)
            open_half(s);
        for (; resets < due(s->resets, passed, s->seconds); resets++)
            open_and_reset(s);
        for (long i = 0; i < s->floods; i++) {
            if (s->flooders[i] >= 0)
                flood(s, s->flooders[i]);
        }
        nanosleep(&step, NULL);
    }
    /* What a flooder has under way would be said on and on, at its rate, if it ended in order. */
    for (long i = 0; i < s->floods; i++) {
        if (s->flooders[i] >= 0)
            reset(s->flooders[i]);
    }
}

static const struct option OPTIONS[] = {
    {"port", required_argument, NULL, 'p'},
    {"half-open", required_argument, NULL, 'h'},
    {"reset", required_argument, NULL, 'r'},
    {"flood", required_argument, NULL, 'f'},
    {"stall", required_argument, NULL, 's'},
    {"seconds", required_argument, NULL, 't'},
    {NULL, 0, NULL, 0},
};

static bool read_options(struct storm *s, int argc, char **argv)
{
    int option;

    while ((option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        double number = optarg != NULL ? strtod(optarg, NULL) : 0;

        if (option == 'p')
            s->server.sin_port = htons((uint16_t)number);
        else if (option == 'h')
            s->half_open = (long)number;
        else if (option == 'r')
            s->resets = (long)number;
        else if (option == 'f')
            s->floods = (long)number;
        else if (option == 's')
            s->stalls = (long)number;
        else if (option == 't')
            s->seconds = number;
        else
            return false;
    }
    return optind == argc && s->server.sin_port != 0 && s->seconds > 0 && s->floods < 64;
}

int main(int argc, char **argv)
{
    static int flooders[64];
    struct storm s = {.server = {.sin_family = AF_INET}, .seconds = 1, .flooders = flooders};
    struct rlimit limit;

    s.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!read_options(&s, argc, argv)) {
        fprintf(stderr, "usage: storm --port PORT [--half-open N] [--reset N] [--flood N] "
                        "[--stall N] [--seconds N]\n");
        return 2;
    }
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    run(&s);
    printf("half_open=%ld reset=%ld refused=%ld flooded_bytes=%llu\n", s.opened, s.was_reset,
           s.refused, s.flooded);
    return 0;
}
