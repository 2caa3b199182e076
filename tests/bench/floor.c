/* The floor: the cheapest server that still makes the sends of a chat room. It trusts its clients,
 * checks nothing, knows one room, and does only what no server can leave out: read, unmask, put the
 * prefix in front, send. What a real server costs above it is the price of being one.
 *
 *   floor plain    one send for each receiver and message
 *   floor batch    one send for each receiver and tick, with all messages read in that tick;
 *                  where it echoes, one send for each read
 *   floor defer    as batch; the kernel keeps a connection until its request is there
 *
 * Paths: /ws/ID is a member of the room, /ws gets back what it sends. The line on stderr tells the
 * port. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/sha1.h"

#define READ_BUFFER 65536
#define EVENTS 512
#define IOVS 1024     /* spans of one sendmsg: the kernel's limit */
#define MEMBERS 20000 /* the room is a fixed array */
#define NONE UINT32_MAX

static const char WROTE[] = "You wrote: ";

enum kind { KIND_HEAD, KIND_ROOM, KIND_ECHO };

/* Growable bytes. */
struct bytes {
    uint8_t *data;
    size_t len;
    size_t cap;
};

struct member {
    int fd;
    uint32_t place; /* in the room */
    uint32_t first; /* its first and last message of this tick, or NONE */
    uint32_t last;
    uint8_t kind;
    uint8_t prefix_len;
    char prefix[40];  /* "Client #ID says: " */
    struct bytes in;  /* an unfinished frame or head */
    struct bytes out; /* what the socket did not take, */
    size_t out_at;    /* and how much of that it took since */
};

/* A message of the tick: where its frames lie. */
struct message {
    uint32_t next; /* the same member's next one, or NONE */
    size_t says;
    size_t says_end;
    size_t wrote;
    size_t wrote_end;
};

static bool plain;
static bool defer;
static int epoll;
static int listener;
static struct member *room[MEMBERS];
static uint32_t room_len;
static struct message *messages;
static uint32_t messages_len;
static uint32_t messages_cap;
static struct bytes says;   /* the frames that everybody gets */
static struct bytes echoes; /* the answers to one read */
static struct bytes wrote;  /* the frames that only the sender gets, in the same order */
static uint8_t shared[READ_BUFFER];

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static uint8_t *bytes_room(struct bytes *b, size_t extra)
{
    if (b->cap - b->len < extra) {
        b->cap = b->cap * 2 > b->len + extra ? b->cap * 2 : b->len + extra;
        b->data = realloc(b->data, b->cap);
        must(b->data != NULL, "memory");
    }
    return b->data + b->len;
}

static void bytes_add(struct bytes *b, const void *data, size_t len)
{
    memcpy(bytes_room(b, len), data, len);
    b->len += len;
}

static void bytes_free(struct bytes *b)
{
    free(b->data);
    *b = (struct bytes){0};
}

static void frame_header(struct bytes *b, uint8_t first, size_t len)
{
    uint8_t *p = bytes_room(b, 10);
    size_t n = 2;

    p[0] = first;
    if (len < 126) {
        p[1] = (uint8_t)len;
    } else if (len < 65536) {
        p[1] = 126;
        p[2] = (uint8_t)(len >> 8);
        p[3] = (uint8_t)len;
        n = 4;
    } else {
        p[1] = 127;
        for (n = 2; n < 10; n++)
            p[n] = (uint8_t)(len >> (8 * (9 - n)));
    }
    b->len += n;
}

static void unmask(uint8_t *data, size_t len, const uint8_t *key)
{
    uint32_t key4;
    uint64_t key8;
    uint64_t word;
    size_t i = 0;

    memcpy(&key4, key, 4);
    key8 = (uint64_t)key4 << 32 | key4;
    for (; len - i >= 8; i += 8) {
        memcpy(&word, data + i, 8);
        word ^= key8;
        memcpy(data + i, &word, 8);
    }
    for (; i < len; i++)
        data[i] ^= key[i & 3];
}

/* Keeps what the socket does not take now for the next EPOLLOUT. */
static void keep_rest(struct member *m, struct iovec *iov, size_t count, size_t sent)
{
    bool was_empty = m->out.len == 0;

    if (was_empty && count == 1 && m->kind == KIND_ECHO && m->in.data != NULL &&
        (uint8_t *)iov->iov_base + iov->iov_len == m->in.data + m->in.len) {
        m->out = m->in; /* the last message in a buffer of its own: no copy */
        m->out_at = (size_t)((uint8_t *)iov->iov_base - m->in.data) + sent;
        m->out.len = m->out_at + iov->iov_len - sent;
        m->in = (struct bytes){0};
        count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        size_t skip = sent < iov[i].iov_len ? sent : iov[i].iov_len;

        sent -= skip;
        bytes_add(&m->out, (uint8_t *)iov[i].iov_base + skip, iov[i].iov_len - skip);
    }
    if (was_empty && m->out.len > 0)
        epoll_ctl(epoll, EPOLL_CTL_MOD, m->fd,
                  &(struct epoll_event){.events = EPOLLIN | EPOLLOUT, .data.ptr = m});
}

static void send_spans(struct member *m, struct iovec *iov, size_t count)
{
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = count};
    size_t total = 0;
    ssize_t n = 0;

    for (size_t i = 0; i < count; i++)
        total += iov[i].iov_len;
    if (m->out.len == 0)
        n = sendmsg(m->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN)
        return; /* a gone peer: its own event will tell */
    if (n < (ssize_t)total)
        keep_rest(m, iov, count, n < 0 ? 0 : (size_t)n);
}

static void send_bytes(struct member *m, uint8_t *data, size_t len)
{
    ssize_t n = m->out.len == 0 ? send(m->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;

    if (n != (ssize_t)len && (n >= 0 || errno == EAGAIN))
        keep_rest(m, &(struct iovec){data, len}, 1, n < 0 ? 0 : (size_t)n);
}

/* A sender gets the tick's frames with its own ones exchanged. */
static void send_to_sender(struct member *m)
{
    struct iovec iov[IOVS];
    size_t count = 0;
    size_t from = 0;

    for (uint32_t i = m->first; i != NONE; i = messages[i].next) {
        struct message *msg = &messages[i];

        if (msg->says > from)
            iov[count++] = (struct iovec){says.data + from, msg->says - from};
        iov[count++] = (struct iovec){wrote.data + msg->wrote, msg->wrote_end - msg->wrote};
        from = msg->says_end;
        if (count > IOVS - 3) {
            send_spans(m, iov, count);
            count = 0;
        }
    }
    if (says.len > from)
        iov[count++] = (struct iovec){says.data + from, says.len - from};
    if (count > 0)
        send_spans(m, iov, count);
    m->first = m->last = NONE;
}

static void flush(void)
{
    if (says.len == 0)
        return;
    for (uint32_t i = 0; i < room_len; i++) {
        struct member *m = room[i];

        if (m->first == NONE)
            send_bytes(m, says.data, says.len);
        else
            send_to_sender(m);
    }
    says.len = 0;
    wrote.len = 0;
    messages_len = 0;
}

static struct message *message_new(struct member *m)
{
    if (messages_len == messages_cap) {
        messages_cap = messages_cap * 2 + 1024;
        messages = realloc(messages, messages_cap * sizeof(*messages));
        must(messages != NULL, "memory");
    }
    if (m->first == NONE)
        m->first = messages_len;
    else
        messages[m->last].next = messages_len;
    m->last = messages_len;
    messages[messages_len].next = NONE;
    return &messages[messages_len++];
}

static void say(struct member *m, const uint8_t *text, size_t len)
{
    struct message *msg = message_new(m);

    msg->says = says.len;
    frame_header(&says, 0x81, m->prefix_len + len);
    bytes_add(&says, m->prefix, m->prefix_len);
    bytes_add(&says, text, len);
    msg->says_end = says.len;
    msg->wrote = wrote.len;
    frame_header(&wrote, 0x81, sizeof(WROTE) - 1 + len);
    bytes_add(&wrote, WROTE, sizeof(WROTE) - 1);
    bytes_add(&wrote, text, len);
    msg->wrote_end = wrote.len;
    if (plain)
        flush();
}

static void flush_echoes(struct member *m)
{
    if (echoes.len > 0)
        send_bytes(m, echoes.data, echoes.len);
    echoes.len = 0;
}

/* Small answers to one read go out together. A large one is not copied: the header goes in front of
 * the payload, over the longer header that came. */
static void echo(struct member *m, uint8_t *frame, size_t header, size_t len)
{
    uint8_t place[16];
    struct bytes b = {place, 0, sizeof(place)};

    if (!plain && len < READ_BUFFER / 4) {
        frame_header(&echoes, frame[0], len);
        bytes_add(&echoes, frame + header, len);
        return;
    }
    flush_echoes(m);
    frame_header(&b, frame[0], len);
    memcpy(frame + header - b.len, place, b.len);
    send_bytes(m, frame + header - b.len, b.len + len);
}

static size_t frame_length(const uint8_t *p, size_t have, size_t *header)
{
    size_t len = p[1] & 0x7f;

    *header = 6;
    if (len == 126) {
        *header = 8;
        len = have < 4 ? 0 : (size_t)p[2] << 8 | p[3];
    } else if (len == 127) {
        *header = 14;
        len = 0;
        for (int i = 2; have >= 10 && i < 10; i++)
            len = len << 8 | p[i];
    }
    return len;
}

/* Takes whole frames; returns the bytes taken, and in *want the size of the frame that is not
 * whole. */
static size_t take_frames(struct member *m, uint8_t *data, size_t have, size_t *want)
{
    size_t used = 0;
    size_t header;

    *want = 0;
    while (have - used >= 6) {
        uint8_t *p = data + used;
        size_t len = frame_length(p, have - used, &header);

        if (have - used < header + len) {
            *want = header + len;
            break;
        }
        unmask(p + header, len, p + header - 4);
        if ((p[0] & 15) > 2)
            ; /* a control frame: nobody waits for an answer here */
        else if (m->kind == KIND_ROOM)
            say(m, p + header, len);
        else
            echo(m, p, header, len);
        used += header + len;
    }
    flush_echoes(m);
    return used;
}

static void member_enter(struct member *m, const char *id)
{
    size_t digits = strspn(id, "0123456789");

    m->kind = KIND_ROOM;
    m->prefix_len = (uint8_t)snprintf(m->prefix, sizeof(m->prefix),
                                      "Client #%.*s says: ", (int)(digits < 19 ? digits : 19), id);
    m->place = room_len;
    room[room_len++] = m;
}

/* Answers the upgrade once its head is whole; returns the bytes taken. */
static size_t take_head(struct member *m, uint8_t *data, size_t have)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char answer[200] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Accept: ";
    char key[24 + sizeof(guid)];
    size_t len = strlen(answer);
    uint8_t digest[SHA1_SIZE];
    uint8_t *end = memmem(data, have, "\r\n\r\n", 4);
    uint8_t *field = end == NULL ? NULL : memmem(data, have, "Sec-WebSocket-Key: ", 19);

    if (field == NULL)
        return 0;
    memcpy(key, field + 19, 24);
    memcpy(key + 24, guid, sizeof(guid));
    sha1(digest, key, 24 + sizeof(guid) - 1);
    base64_encode(answer + len, digest, sizeof(digest));
    memcpy(answer + len + 28, "\r\n\r\n", 4);
    m->kind = KIND_ECHO;
    send_bytes(m, (uint8_t *)answer, len + 32);
    if (memcmp(data, "GET /ws/", 8) == 0)
        member_enter(m, (char *)data + 8);
    return (size_t)(end + 4 - data);
}

static void member_leave(struct member *m)
{
    char text[64];
    int len;

    if (m->kind == KIND_ROOM) {
        room[m->place] = room[--room_len];
        room[m->place]->place = m->place;
        len = snprintf(text, sizeof(text), "%.*sleft the chat", m->prefix_len - 6, m->prefix);
        frame_header(&says, 0x81, (size_t)len);
        bytes_add(&says, text, (size_t)len);
        if (plain)
            flush();
    }
    close(m->fd);
    bytes_free(&m->in);
    bytes_free(&m->out);
    free(m);
}

/* Puts the unfinished rest aside, in a buffer that has room for the whole frame. */
static void member_keep(struct member *m, const uint8_t *rest, size_t len, size_t want)
{
    uint8_t *old = m->in.data;
    bool is_own = old != NULL && rest >= old && rest <= old + m->in.cap;

    if (is_own)
        memmove(old, rest, len);
    m->in.len = is_own ? len : 0;
    if (want > m->in.len)
        bytes_room(&m->in, want - m->in.len);
    if (!is_own)
        bytes_add(&m->in, rest, len);
    if (len == 0 && m->in.cap < READ_BUFFER)
        bytes_free(&m->in);
}

static void member_take(struct member *m, uint8_t *data, size_t have)
{
    size_t used = m->kind == KIND_HEAD ? take_head(m, data, have) : 0;
    size_t want = 0;

    if (m->kind != KIND_HEAD)
        used += take_frames(m, data + used, have - used, &want);
    if (used < have || m->in.data != NULL)
        member_keep(m, data + used, have - used, want);
}

static void member_read(struct member *m)
{
    bool is_own = m->in.cap > 0;
    uint8_t *to = is_own ? bytes_room(&m->in, 1) : shared;
    ssize_t n = recv(m->fd, to, is_own ? m->in.cap - m->in.len : sizeof(shared), MSG_DONTWAIT);

    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            member_leave(m);
        return;
    }
    if (is_own)
        m->in.len += (size_t)n;
    member_take(m, is_own ? m->in.data : shared, is_own ? m->in.len : (size_t)n);
}

static void member_write(struct member *m)
{
    size_t left = m->out.len - m->out_at;
    ssize_t n = send(m->fd, m->out.data + m->out_at, left, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0)
        return;
    m->out_at += (size_t)n;
    if (m->out_at < m->out.len)
        return;
    if (m->in.data == NULL && m->out.cap >= READ_BUFFER) {
        m->in = m->out;
        m->in.len = 0;
        m->out = (struct bytes){0};
    }
    bytes_free(&m->out);
    m->out_at = 0;
    epoll_ctl(epoll, EPOLL_CTL_MOD, m->fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = m});
}

static void accept_all(void)
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct member *m = room_len < MEMBERS ? calloc(1, sizeof(*m)) : NULL;

        must(m != NULL, "a place for one more client");
        m->fd = fd;
        m->first = m->last = NONE;
        if (defer)
            member_read(m);
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd,
                  &(struct epoll_event){.events = EPOLLIN, .data.ptr = m});
    }
}

/* Listens on a port of the kernel's choice. Accepted sockets inherit TCP_NODELAY from the listener.
 */
static void listen_anywhere(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);

    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    must(listener >= 0, "socket");
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (defer)
        setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &(int){1}, sizeof(int));
    must(bind(listener, (struct sockaddr *)&addr, len) == 0, "bind");
    must(listen(listener, 4096) == 0, "listen");
    getsockname(listener, (struct sockaddr *)&addr, &len);
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN});
    fprintf(stderr, "floor: listening on http://127.0.0.1:%u/\n", ntohs(addr.sin_port));
}

static void tick(void)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll, events, EVENTS, -1);

    for (int i = 0; i < count; i++) {
        struct member *m = events[i].data.ptr;

        if (m == NULL) {
            accept_all();
            continue;
        }
        if (events[i].events & EPOLLOUT)
            member_write(m);
        if (events[i].events & ~(uint32_t)EPOLLOUT)
            member_read(m);
    }
    flush();
}

int main(int argc, char **argv)
{
    struct rlimit limit;

    const char *form = argc == 2 ? argv[1] : "";

    plain = strcmp(form, "plain") == 0;
    defer = strcmp(form, "defer") == 0;
    if (!plain && !defer && strcmp(form, "batch") != 0) {
        fprintf(stderr, "usage: floor plain|batch|defer\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    must(epoll >= 0, "epoll_create1");
    listen_anywhere();
    for (;;)
        tick();
}
