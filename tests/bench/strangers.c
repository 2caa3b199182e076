/* Strangers who make a server work, as hard as one thread of this machine can: so that one can see
 * what the others notice of each kind of work. Reads all that comes back, and drops it.
 *
 * Usage: strangers --port PORT --kind NAME [--count N] [--seconds S]
 * Prints how many pieces of work it handed in: requests, frames, or connections. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "proto/ws/frame.h"

#define BATCH 65536 /* bytes that one send offers */
#define UPGRADE                                                                                    \
    "Host: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                             \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
#define V1 "Sec-WebSocket-Protocol: wschat.v1\r\n"

/* A kind of work: what is asked first, and then again and again. */
struct kind {
    const char *name;
    const char *path;   /* of a WebSocket that is opened first; "%llu" in it is an id; NULL: none */
    const char *fields; /* of that handshake, besides UPGRADE */
    const char *request; /* sent over and over; NULL: frames with this ... */
    const char *text;    /* ... payload; NULL: `size` bytes of U+0001 */
    size_t size;
    uint8_t opcode;
    bool is_once;     /* what is sent is sent once, then the next connection comes */
    bool is_reset;    /* ... and nothing is sent but a RST */
    bool is_together; /* ... and all of them wait for each other before they do that */
    unsigned quiet;   /* members of the room "crowd" who are there all the time, and say nothing */
    unsigned times;   /* connections of each stranger; 0: one */
};

#define REASON "a reason for going that is as long as a close frame allows, which is 123 bytes of "

static const struct kind kinds[] = {
    {.name = "connect", .request = "", .is_once = true},
    {.name = "head", .request = "HEAD / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"},
    {.name = "get", .request = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"},
    {.name = "missing", .request = "GET /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"},
    {.name = "refused",
     .request = "GET /ws/1 HTTP/1.1\r\nOrigin: http://elsewhere\r\n" UPGRADE "\r\n",
     .is_once = true},
    {.name = "echo", .path = "/ws", .fields = "", .text = "hello", .opcode = WS_TEXT},
    {.name = "ping", .path = "/ws/%llu?room=own", .fields = "", .text = "hello", .opcode = WS_PING},
    {.name = "say", .path = "/ws/%llu?room=own", .fields = "", .text = "hello", .opcode = WS_TEXT},
    {.name = "say-64k",
     .path = "/ws/%llu?room=own",
     .fields = V1,
     .size = 10900,
     .opcode = WS_TEXT},
    {.name = "rename",
     .path = "/ws/%llu",
     .fields = V1,
     .text = "{\"type\":\"rename\",\"name\":\"x\"}",
     .opcode = WS_TEXT},
    {.name = "bad",
     .path = "/ws/%llu",
     .fields = V1,
     .text = "{\"type\":\"say\"}",
     .opcode = WS_TEXT},
    {.name = "join",
     .path = "/ws/%llu",
     .fields = V1,
     .text = "",
     .opcode = WS_CLOSE,
     .is_once = true},
    {.name = "replay",
     .path = "/ws/%llu?history=1000",
     .fields = V1,
     .text = "",
     .opcode = WS_CLOSE,
     .is_once = true},
    /* Each joins a room of its own, and goes with a reason. */
    {.name = "leave",
     .path = "/ws/%llu?room=own",
     .fields = "",
     .text = "\x03\xe8" REASON "UTF-8 and no more than that.....",
     .opcode = WS_CLOSE,
     .is_once = true},
    /* Each leaves a seat behind that is kept. */
    {.name = "vanish",
     .path = "/ws/%llu?room=own",
     .fields = V1,
     .is_once = true,
     .is_reset = true},
    /* A thousand are told of each who joins and leaves. */
    {.name = "presence",
     .path = "/ws/%llu?room=crowd",
     .fields = V1,
     .text = "",
     .opcode = WS_CLOSE,
     .is_once = true,
     .quiet = 1000},
    {.name = "rename-crowd",
     .path = "/ws/%llu?room=crowd",
     .fields = V1,
     .text = "{\"type\":\"rename\",\"name\":\"x\"}",
     .opcode = WS_TEXT,
     .quiet = 1000},
    /* Twenty connections of each, that all go in one moment. */
    {.name = "flee",
     .path = "/ws/%llu?room=own",
     .fields = V1,
     .is_once = true,
     .is_reset = true,
     .is_together = true,
     .times = 20},
};

enum state { NONE, CONNECTING, UPGRADING, WORKING, DRAINING, QUIET };

struct stranger {
    int fd;
    enum state state;
    size_t sent; /* bytes of the batch that is under way */
};

struct crowd {
    struct sockaddr_in server;
    const struct kind *kind;
    struct stranger *strangers;
    long count;   /* of strangers, who work */
    long working; /* ... of those that have come to it */
    long quiet;   /* behind them: who does not */
    double seconds;
    int epoll;
    uint8_t batch[2 * BATCH];
    size_t batch_len, pieces; /* whole pieces of work in the batch */
    unsigned long long done;
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Ids as browsers pick them. */
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

/* One frame of the work; U+0001 is escaped as wschat.v1 wants it. */
static size_t put_frame(const struct kind *kind, uint8_t *out)
{
    static const char start[] = "{\"type\":\"say\",\"text\":\"", end[] = "\"}";
    size_t len =
        kind->text != NULL ? strlen(kind->text) : sizeof(start) + sizeof(end) - 2 + 6 * kind->size;
    struct ws_frame_header header = {
        .length = len, .opcode = kind->opcode, .fin = true, .masked = true};
    size_t at = ws_frame_encode(out, &header);

    if (kind->text != NULL) {
        memcpy(out + at, kind->text, len);
        return at + len;
    }
    memcpy(out + at, start, sizeof(start) - 1);
    for (size_t i = 0; i < kind->size; i++)
        memcpy(out + at + sizeof(start) - 1 + 6 * i, "\\u0001", 6);
    memcpy(out + at + len - 2, end, 2);
    return at + len;
}

static void make_batch(struct crowd *c)
{
    do {
        size_t len;

        if (c->kind->request == NULL) {
            len = put_frame(c->kind, c->batch + c->batch_len);
        } else {
            len = strlen(c->kind->request);
            memcpy(c->batch + c->batch_len, c->kind->request, len);
        }
        c->batch_len += len;
        c->pieces++;
        if (c->kind->is_once)
            return;
    } while (c->batch_len * (c->pieces + 1) / c->pieces <= BATCH);
}

static void stranger_connect(struct crowd *c, struct stranger *s)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = s};

    *s = (struct stranger){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (s->fd < 0)
        return;
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    s->state = CONNECTING;
    if ((connect(s->fd, (struct sockaddr *)&c->server, sizeof(c->server)) < 0 &&
         errno != EINPROGRESS) ||
        epoll_ctl(c->epoll, EPOLL_CTL_ADD, s->fd, &event) < 0) {
        close(s->fd);
        s->state = NONE;
    }
}

static void stranger_close(struct stranger *s)
{
    close(s->fd);
    s->state = NONE;
}

static void ask_upgrade(struct crowd *c, struct stranger *s)
{
    char path[128], request[512];
    int len;

    if (s - c->strangers >= c->count) {
        snprintf(path, sizeof(path), "/ws/%llu?room=crowd", pick_id());
    } else {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(path, sizeof(path), c->kind->path, pick_id());
#pragma GCC diagnostic pop
    }
    len = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n" UPGRADE "%s\r\n", path,
                   c->kind->fields);
    if (send(s->fd, request, (size_t)len, MSG_NOSIGNAL) != len)
        stranger_close(s);
    else
        s->state = UPGRADING;
}

/* Ends with a RST. */
static void stranger_vanish(struct crowd *c, struct stranger *s)
{
    setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    stranger_close(s);
    c->done++;
}

static void all_vanish(struct crowd *c)
{
    for (long i = 0; i < c->count; i++) {
        if (c->strangers[i].state != NONE)
            stranger_vanish(c, &c->strangers[i]);
    }
    c->working = 0;
}

/* Hands in work until the socket is full. */
static void stranger_work(struct crowd *c, struct stranger *s)
{
    if (s->state == WORKING && s - c->strangers >= c->count) {
        s->state = QUIET;
    } else if (s->state == WORKING && c->kind->is_together) {
        s->state = QUIET;
        if (++c->working == c->count)
            all_vanish(c);
    } else if (s->state == WORKING && c->kind->is_reset) {
        stranger_vanish(c, s);
    }
    while (s->state == WORKING) {
        ssize_t n = send(s->fd, c->batch + s->sent, c->batch_len - s->sent, MSG_NOSIGNAL);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n < 0) {
            stranger_close(s);
            return;
        }
        s->sent += (size_t)n;
        if (s->sent < c->batch_len)
            continue;
        s->sent = 0;
        c->done += c->pieces;
        if (c->kind->is_once)
            s->state = DRAINING;
    }
}

/* Reads and drops what came. Returns false where the connection is over. */
static bool stranger_read(struct stranger *s)
{
    static char sink[262144];
    ssize_t n;

    while ((n = recv(s->fd, sink, sizeof(sink), 0)) > 0) {
        if (s->state == UPGRADING)
            s->state = WORKING;
    }
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static void stranger_event(struct crowd *c, struct stranger *s, uint32_t events)
{
    if (s->state == CONNECTING && (events & EPOLLOUT) != 0) {
        s->state = WORKING;
        if (c->kind->path != NULL)
            ask_upgrade(c, s);
    }
    if (s->state != NONE && (events & ~(uint32_t)EPOLLOUT) != 0 && !stranger_read(s))
        stranger_close(s);
    stranger_work(c, s);
    if (s->state == DRAINING && c->batch_len == 0)
        stranger_close(s);
}

static void run(struct crowd *c)
{
    double end = now() + c->seconds;
    struct epoll_event events[64];

    while (now() < end) {
        int count;

        for (long i = 0; i < c->count + c->quiet; i++) {
            if (c->strangers[i].state == NONE)
                stranger_connect(c, &c->strangers[i]);
        }
        count = epoll_wait(c->epoll, events, ARRAY_LEN(events), 10);
        for (int i = 0; i < count; i++)
            stranger_event(c, events[i].data.ptr, events[i].events);
    }
}

static const struct option OPTIONS[] = {
    {"port", required_argument, NULL, 'p'},  {"kind", required_argument, NULL, 'k'},
    {"count", required_argument, NULL, 'c'}, {"seconds", required_argument, NULL, 's'},
    {"list", no_argument, NULL, 'l'},        {NULL, 0, NULL, 0},
};

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    }
    return NULL;
}

static bool read_options(struct crowd *c, int argc, char **argv)
{
    int option;

    while ((option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        if (option == 'p')
            c->server.sin_port = htons((uint16_t)strtoul(optarg, NULL, 10));
        else if (option == 'k')
            c->kind = find_kind(optarg);
        else if (option == 'c')
            c->count = strtol(optarg, NULL, 10);
        else if (option == 's')
            c->seconds = strtod(optarg, NULL);
        else
            return false;
    }
    return optind == argc && c->kind != NULL && c->count > 0 && c->seconds > 0;
}

static int list_kinds(void)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        puts(kinds[i].name);
    return 0;
}

int main(int argc, char **argv)
{
    struct rlimit files;
    static struct crowd c = {.server = {.sin_family = AF_INET}, .count = 1, .seconds = 1};

    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        return list_kinds();
    c.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!read_options(&c, argc, argv)) {
        fprintf(stderr, "usage: strangers --list | --port PORT --kind NAME [--count N] "
                        "[--seconds S]\n");
        return 2;
    }
    c.count *= c.kind->times > 0 ? c.kind->times : 1;
    c.quiet = c.kind->quiet;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    c.strangers = calloc((size_t)(c.count + c.quiet), sizeof(*c.strangers));
    c.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (c.strangers == NULL || c.epoll < 0)
        return 1;
    if (!c.kind->is_reset)
        make_batch(&c);
    run(&c);
    printf("work=%llu\n", c.done);
    return 0;
}
