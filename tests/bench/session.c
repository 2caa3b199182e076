#include "session.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "proto/ws/frame.h"
#include "v1.h"

#define PROBE 64          /* bytes of a message that are looked at in one piece */
#define BATCH_BYTES 65536 /* small messages go out together */
#define ID_DIGITS 13

/* The example of RFC 6455, section 1.3. */
static const char KEY[] = "dGhlIHNhbXBsZSBub25jZQ==";
static const char ACCEPT[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
static const char AGREED[] = "permessage-deflate";

static const uint8_t MASK[4] = {0x37, 0xfa, 0x21, 0x3d};
static const char SAYS[] = "Client #1700000000000 says: ";
static const char WROTE[] = "You wrote: ";

uint64_t traffic_clock(struct traffic *t)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    t->now = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec - t->epoch;
    return t->now;
}

/* No character is cut. */
static void fill_with_languages(uint8_t *fill, size_t len)
{
    static const char text[] = "Gr\u00fc\u00dfe an alle, \u4f60\u597d\uff0c\u4e16\u754c! "
                               "\U0001f600\U0001f680 sch\u00f6n, \u5927\u5bb6\u597d. ";
    size_t whole = len / (sizeof(text) - 1) * (sizeof(text) - 1);

    for (size_t i = 0; i < whole; i++)
        fill[i] = (uint8_t)text[i % (sizeof(text) - 1)];
    memset(fill + whole, '.', len - whole);
}

int traffic_prepare(struct traffic *t)
{
    size_t len = t->size - STAMP_SIZE;

    t->fill = malloc(len + 1);
    t->masked = malloc(len + 1);
    if (t->fill == NULL || t->masked == NULL)
        return -1;
    for (size_t i = 0; i < len; i++)
        t->fill[i] = (uint8_t)('a' + i % 26);
    if (t->has_languages)
        fill_with_languages(t->fill, len);
    memcpy(t->masked, t->fill, len);
    ws_mask(t->masked, len, MASK, STAMP_SIZE);
    return 0;
}

void traffic_broken(struct traffic *t, const char *what, const struct session *s)
{
    if (t->broken++ == 0)
        snprintf(t->why, sizeof(t->why), "client %" PRIu32 ": %s", s->index, what);
}

static void session_interest(struct traffic *t, struct session *s, bool wants_write)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};

    if (s->wants_write == wants_write)
        return;
    s->wants_write = wants_write;
    if (wants_write)
        event.events |= EPOLLOUT;
    epoll_ctl(t->epoll, EPOLL_CTL_MOD, s->fd, &event);
}

int session_connect(struct traffic *t, struct session *s)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = s};

    s->started_at = traffic_clock(t);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return -1;
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (connect(s->fd, (struct sockaddr *)&t->server, sizeof(t->server)) < 0 &&
        errno != EINPROGRESS) {
        close(s->fd);
        return -1;
    }
    s->state = SESSION_CONNECTING;
    s->wants_write = true;
    return epoll_ctl(t->epoll, EPOLL_CTL_ADD, s->fd, &event);
}

void session_reset(struct session *s)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};

    if (s->state == SESSION_NONE)
        return;
    setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(s->fd);
    s->state = SESSION_NONE;
    s->rest_len = 0;
    s->body_left = 0;
    s->sent_at = 0;
}

static void session_fail(struct traffic *t, struct session *s, const char *what)
{
    traffic_broken(t, what, s);
    session_reset(s);
}

/* ---- sending ---- */

/* Writes header and stamp of the session's message number seq; returns their size. */
static size_t put_head(const struct traffic *t, const struct session *s, uint32_t seq,
                       uint64_t time, uint8_t *out)
{
    struct ws_frame_header h = {.length = t->size,
                                .opcode = t->is_binary ? WS_BINARY : WS_TEXT,
                                .fin = true,
                                .masked = true};
    struct stamp stamp = {.sender = s->index, .seq = seq, .time = time};
    size_t len;

    memcpy(h.key, MASK, sizeof(MASK));
    len = ws_frame_encode(out, &h);
    stamp_write(out + len, &stamp);
    ws_mask(out + len, STAMP_SIZE, MASK, 0);
    return len + STAMP_SIZE;
}

static bool is_full(ssize_t n)
{
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Sends what it can of the message that is half out, or begins the next one. */
static bool send_one(struct traffic *t, struct session *s, uint64_t time)
{
    size_t head = ws_frame_header_size(t->size, true) + STAMP_SIZE;
    size_t body = t->size - STAMP_SIZE;
    struct iovec iov[2];
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
    ssize_t n;

    if (s->sent_at == 0)
        put_head(t, s, s->seq, time, s->head);
    iov[0] =
        (struct iovec){s->head + min_size(s->sent_at, head), head - min_size(s->sent_at, head)};
    iov[1].iov_base = t->masked + (s->sent_at > head ? s->sent_at - head : 0);
    iov[1].iov_len = head + body - max_size(s->sent_at, head);
    n = sendmsg(s->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && !is_full(n)) {
        session_fail(t, s, strerror(errno));
        return false;
    }
    if (n <= 0)
        return false;
    if (s->sent_at == 0) {
        s->seq++;
        s->credit--;
    }
    s->sent_at += (size_t)n;
    if (s->sent_at < head + body)
        return false;
    s->sent_at = 0;
    return true;
}

/* Sends many small messages by one call. */
static bool send_many(struct traffic *t, struct session *s, uint64_t time)
{
    static uint8_t batch[BATCH_BYTES];
    size_t head = ws_frame_header_size(t->size, true) + STAMP_SIZE;
    size_t body = t->size - STAMP_SIZE;
    uint32_t count = (uint32_t)min_size(s->credit, sizeof(batch) / (head + body));
    uint8_t *p = batch;
    uint32_t whole;
    ssize_t n;

    for (uint32_t i = 0; i < count; i++) {
        p += put_head(t, s, s->seq + i, time, p);
        memcpy(p, t->masked, body);
        p += body;
    }
    n = send(s->fd, batch, (size_t)(p - batch), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && !is_full(n)) {
        session_fail(t, s, strerror(errno));
        return false;
    }
    whole = n < 0 ? 0 : (uint32_t)((size_t)n / (head + body));
    s->sent_at = n < 0 ? 0 : (size_t)n % (head + body);
    if (s->sent_at > 0)
        memcpy(s->head, batch + whole * (head + body), head);
    whole += s->sent_at > 0;
    s->seq += whole;
    s->credit -= whole;
    return n == p - batch;
}

void session_send(struct traffic *t, struct session *s, uint64_t time)
{
    bool is_small = t->size + sizeof(s->head) <= BATCH_BYTES / 4;
    bool goes_on = true;
    const char *error = t->is_v1 ? v1_send(t, s, time) : NULL;

    if (error != NULL)
        session_fail(t, s, error);
    while (goes_on && (s->credit > 0 || s->sent_at > 0))
        goes_on = is_small && s->sent_at == 0 ? send_many(t, s, time) : send_one(t, s, time);
    if (s->state == SESSION_OPEN)
        session_interest(t, s, !goes_on);
}

/* A listener needs no token where the server has `--anonymous sub`. */
static int put_stream_request(const struct traffic *t, const struct session *s, char *out,
                              size_t size)
{
    char room[24] = "lobby";

    if (t->rooms > 1)
        snprintf(room, sizeof(room), "r%" PRIu32, s->index % t->rooms);
    return snprintf(out, size, "GET /api/rooms/%s/events HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n",
                    room, ntohs(t->server.sin_port));
}

static int put_upgrade_request(const struct traffic *t, const struct session *s, char *out,
                               size_t size)
{
    char path[128] = "";

    if (!t->is_echo && t->rooms > 1)
        snprintf(path, sizeof(path), "/%" PRIu64 "?room=r%" PRIu32, s->id, s->index % t->rooms);
    else if (!t->is_echo)
        snprintf(path, sizeof(path), "/%" PRIu64, s->id);
    return snprintf(out, size,
                    "GET /ws%s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\n"
                    "Connection: Upgrade\r\nSec-WebSocket-Key: %s\r\n%s"
                    "Sec-WebSocket-Version: 13\r\n\r\n",
                    path, ntohs(t->server.sin_port), KEY, t->is_v1 ? v1_fields(t) : "");
}

static void session_upgrade(struct traffic *t, struct session *s)
{
    char request[512];
    int len;

    s->is_stream = t->is_events && s->index >= t->senders;
    len = s->is_stream ? put_stream_request(t, s, request, sizeof(request))
                       : put_upgrade_request(t, s, request, sizeof(request));
    if (send(s->fd, request, (size_t)len, MSG_NOSIGNAL) != len) {
        session_fail(t, s, "the request was not taken");
        return;
    }
    s->state = SESSION_UPGRADING;
    session_interest(t, s, false);
}

/* ---- receiving ---- */

static bool is_stream_head(const uint8_t *p, size_t len)
{
    return memcmp(p, "HTTP/1.1 200 ", 13) == 0 && memmem(p, len, "text/event-stream", 17) != NULL;
}

static bool is_upgrade_head(const uint8_t *p, size_t len)
{
    return memcmp(p, "HTTP/1.1 101 ", 13) == 0 &&
           memmem(p, len, ACCEPT, sizeof(ACCEPT) - 1) != NULL;
}

/* Reads the answer to the request; returns its size, or 0 while it is not whole. */
static size_t take_answer(struct traffic *t, struct session *s, const uint8_t *p, size_t len)
{
    const uint8_t *end = memmem(p, len, "\r\n\r\n", 4);

    if (end == NULL)
        return 0;
    if (!(s->is_stream ? is_stream_head : is_upgrade_head)(p, (size_t)(end - p))) {
        session_fail(t, s, "the request was refused");
        return 0;
    }
    s->state = SESSION_OPEN;
    s->is_packed = memmem(p, (size_t)(end - p), AGREED, sizeof(AGREED) - 1) != NULL;
    t->on_open(t->owner, s);
    return (size_t)(end - p) + 4;
}

/* Pings are answered (with a mask of zeros, so the payload stays); a close ends the session. */
static void take_control(struct traffic *t, struct session *s, const struct ws_frame_header *h,
                         const uint8_t *p)
{
    uint8_t frame[6 + WS_CONTROL_MAX] = {0x80 | WS_PONG, 0x80};
    size_t len = min_size(h->length, WS_CONTROL_MAX);

    if (h->opcode == WS_CLOSE) {
        session_fail(t, s, "closed by the server");
    } else if (h->opcode == WS_PING && s->sent_at == 0) {
        frame[1] |= (uint8_t)len;
        memcpy(frame + 6, p, len);
        if (send(s->fd, frame, 6 + len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            session_fail(t, s, "the pong was not taken");
    }
}

static void take_left(struct traffic *t, struct session *s, const uint8_t *p, size_t len)
{
    uint64_t id = 0;

    if (len != 8 + ID_DIGITS + 14 || memcmp(p + 8 + ID_DIGITS, " left the chat", 14) != 0) {
        session_fail(t, s, "neither says nor left");
        return;
    }
    for (int i = 0; i < ID_DIGITS; i++)
        id = id * 10 + p[8 + i] - '0';
    t->on_left(t->owner, s, id);
}

static bool has_sender(const uint8_t *p, uint32_t sender)
{
    uint64_t id = 0;

    for (int i = ID_DIGITS - 7; i < ID_DIGITS; i++)
        id = id * 10 + p[8 + i] - '0';
    return id == sender;
}

/* Reads prefix and stamp of a message; returns the bytes before its fill, or 0 where it has none.
 */
static size_t take_start(struct traffic *t, struct session *s, const struct ws_frame_header *h,
                         const uint8_t *p)
{
    size_t prefix = 0;

    s->kind = MESSAGE_ECHO;
    if (!t->is_echo && p[0] == 'Y') {
        s->kind = MESSAGE_WROTE;
        prefix = sizeof(WROTE) - 1;
    } else if (!t->is_echo) {
        s->kind = MESSAGE_SAYS;
        prefix = sizeof(SAYS) - 1;
        if (h->length < prefix + STAMP_SIZE) {
            take_left(t, s, p, h->length);
            return 0;
        }
    }
    if (h->length != prefix + t->size) {
        session_fail(t, s, "a message of another size");
        return 0;
    }
    s->stamp = stamp_read(p + prefix);
    if ((s->kind == MESSAGE_SAYS &&
         (memcmp(p, SAYS, 14) != 0 || memcmp(p + 21, SAYS + 21, 7) != 0 ||
          !has_sender(p, s->stamp.sender))) ||
        (s->kind == MESSAGE_WROTE && memcmp(p, WROTE, sizeof(WROTE) - 1) != 0)) {
        session_fail(t, s, "another prefix");
        return 0;
    }
    return prefix + STAMP_SIZE;
}

/* Checks fill that arrived; returns the bytes taken. */
static size_t take_body(struct traffic *t, struct session *s, const uint8_t *p, size_t len)
{
    len = min_size(len, s->body_left);
    if (memcmp(p, t->fill + s->body_at, len) != 0) {
        session_fail(t, s, "the payload was changed");
        return 0;
    }
    s->body_at += len;
    s->body_left -= len;
    return len;
}

static void take_whole(struct traffic *t, struct session *s)
{
    s->received++;
    t->bytes += t->size;
    t->on_message(t->owner, s);
}

/* Takes a frame once it is whole. Returns the bytes taken. */
static size_t take_v1(struct traffic *t, struct session *s, const struct ws_frame_header *h,
                      const uint8_t *p, size_t len, size_t head)
{
    const char *error = NULL;

    if (head + h->length > SESSION_REST_MAX)
        error = "a frame that is too long for this generator";
    else if (len < head + h->length)
        return 0;
    else
        error = v1_take(t, s, h, p + head);
    if (error != NULL)
        session_fail(t, s, error);
    return head + (size_t)h->length;
}

/* Takes an event, or a comment, once it is whole. Returns the bytes taken. */
static size_t take_event(struct traffic *t, struct session *s, const uint8_t *p, size_t len)
{
    const uint8_t *end = memmem(p, len, "\n\n", 2);
    struct ws_frame_header h = {.opcode = WS_TEXT, .fin = true};
    const char *error;

    if (end == NULL && len > SESSION_REST_MAX)
        session_fail(t, s, "an event that is too long for this generator");
    if (end == NULL)
        return 0;
    h.length = (uint64_t)(end - p);
    error = p[0] == ':' ? NULL : v1_take(t, s, &h, p);
    if (error != NULL)
        session_fail(t, s, error);
    return (size_t)h.length + 2;
}

/* Takes one frame's start, as far as it is there; returns the bytes taken, 0 while more are needed.
 */
static size_t take_frame(struct traffic *t, struct session *s, const uint8_t *p, size_t len)
{
    struct ws_frame_header h;
    int head = ws_frame_decode(&h, p, len);
    bool is_control = h.opcode >= WS_CLOSE;
    size_t probe = min_size(h.length, is_control ? WS_CONTROL_MAX : PROBE);
    size_t start;

    if (head < 0 || (head > 0 && (!h.fin || h.masked || (h.rsv != 0 && !t->is_v1)))) {
        session_fail(t, s, "not a frame that was expected");
        return 0;
    }
    if (head == 0 || len < (size_t)head + probe)
        return 0;
    if (is_control) {
        take_control(t, s, &h, p + head);
        return (size_t)head + probe;
    }
    if (t->is_v1)
        return take_v1(t, s, &h, p, len, (size_t)head);
    start = take_start(t, s, &h, p + head);
    if (start == 0)
        return (size_t)head + h.length;
    s->body_at = 0;
    s->body_left = h.length - start;
    start += take_body(t, s, p + head + start, len - (size_t)head - start);
    if (s->body_left == 0)
        take_whole(t, s);
    return (size_t)head + start;
}

static void take_frames(struct traffic *t, struct session *s, const uint8_t *p, size_t len)
{
    size_t used = 0;

    if (s->body_left > 0) {
        used = take_body(t, s, p, len);
        if (s->body_left == 0 && s->state == SESSION_OPEN)
            take_whole(t, s);
    }
    while (used < len && s->state == SESSION_OPEN) {
        size_t n = (s->is_stream ? take_event : take_frame)(t, s, p + used, len - used);

        if (n == 0)
            break;
        used += n;
    }
    if (s->state != SESSION_OPEN)
        return;
    s->rest_len = (uint16_t)(len - used);
    memcpy(s->rest, p + used, len - used);
}

static void session_read(struct traffic *t, struct session *s)
{
    uint8_t *start = t->inbox + SESSION_REST_MAX - s->rest_len;
    ssize_t n = recv(s->fd, t->inbox + SESSION_REST_MAX, SESSION_INBOX, MSG_DONTWAIT);
    size_t len = s->rest_len;
    size_t used;

    if (is_full(n))
        return;
    if (n <= 0) {
        session_fail(t, s, n == 0 ? "the server ended the connection" : strerror(errno));
        return;
    }
    t->reads++;
    t->wire += (uint64_t)n;
    traffic_clock(t);
    memcpy(start, s->rest, len);
    len += (size_t)n;
    s->rest_len = 0;
    if (s->state == SESSION_UPGRADING) {
        used = take_answer(t, s, start, len);
        if (used == 0 && s->state == SESSION_UPGRADING && len <= SESSION_REST_MAX) {
            memcpy(s->rest, start, len);
            s->rest_len = (uint16_t)len;
        }
        start += used;
        len -= used;
    }
    if (s->state == SESSION_OPEN)
        take_frames(t, s, start, len);
}

void session_event(struct traffic *t, struct session *s, uint32_t events)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if (s->state == SESSION_CONNECTING) {
        getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        if (error != 0)
            session_fail(t, s, strerror(error));
        else if (events & EPOLLOUT)
            session_upgrade(t, s);
        return;
    }
    if (s->state != SESSION_NONE && (events & ~(uint32_t)EPOLLOUT))
        session_read(t, s);
    if (s->state == SESSION_OPEN && (s->credit > 0 || (events & EPOLLOUT)))
        session_send(t, s, traffic_clock(t));
}
