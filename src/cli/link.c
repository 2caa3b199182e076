#include "cli/link.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/util.h"
#include "proto/http/request.h"
#include "proto/codec/codec.h"

#define HOST_MAX 256
#define RETRY_AFTER_MAX 3600 /* seconds: nobody waits for longer without looking again */
#define PONG_BACKLOG 65536   /* unsent bytes behind which no pong is put */

void link_init(struct link *link, const struct link_host *host)
{
    *link = (struct link){.host = host, .fd = -1};
    link->limits.max_message = LINK_FRAME_MAX;
    ws_reader_init(&link->reader, &link->limits);
}

/* Back to CLOSED, with nothing held. */
static void drop(struct link *link)
{
    if (link->fd >= 0)
        close(link->fd);
    link->fd = -1;
    if (link->addresses != NULL)
        freeaddrinfo(link->addresses);
    link->addresses = link->address = NULL;
    buf_deinit(&link->out);
    buf_deinit(&link->head);
    ws_reader_deinit(&link->reader);
    link->state = LINK_CLOSED;
}

void link_deinit(struct link *link)
{
    drop(link);
}

static void end(struct link *link, struct link_end *why, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void end(struct link *link, struct link_end *why, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why->text, sizeof(why->text), format, args);
    va_end(args);
    drop(link);
    link->host->ended(link, why);
}

static void end_faulty(struct link *link, const char *why)
{
    end(link, &(struct link_end){.kind = LINK_FAULTY}, "%s", why);
}

static void end_broken(struct link *link, const char *why)
{
    end(link, &(struct link_end){.kind = LINK_BROKEN}, "%s", why);
}

/* ---- connecting ---- */

static int open_socket(int family, const struct sockaddr *address, socklen_t len)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0)
        return -1;
    if (family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, address, len) < 0 && errno != EINPROGRESS) {
        int saved = errno;

        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

/* Tries the next address, until one does not fail at once. */
static void try_next(struct link *link, uint64_t now)
{
    if (link->fd >= 0)
        close(link->fd);
    link->fd = -1;
    while (link->fd < 0 && link->address != NULL) {
        const struct addrinfo *info = link->address;

        link->address = info->ai_next;
        link->fd = open_socket(info->ai_family, info->ai_addr, info->ai_addrlen);
        if (link->fd < 0)
            link->connect_error = errno;
    }
    if (link->fd < 0) {
        end(link, &(struct link_end){.kind = LINK_UNREACHABLE}, "%s",
            strerror(link->connect_error));
        return;
    }
    link->state = LINK_CONNECTING;
    link->deadline = now + LINK_OPEN_TIMEOUT;
}

static void start_unix(struct link *link, struct str path, uint64_t now)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};

    memcpy(un.sun_path, path.ptr, min_size(path.len, sizeof(un.sun_path) - 1));
    link->fd = open_socket(AF_UNIX, (const struct sockaddr *)&un, sizeof(un));
    if (link->fd < 0) {
        link->connect_error = errno;
        try_next(link, now);
        return;
    }
    link->state = LINK_CONNECTING;
    link->deadline = now + LINK_OPEN_TIMEOUT;
}

/* Without its brackets, as the resolver wants it. */
static void copy_host(char out[HOST_MAX], struct str host)
{
    if (host.ptr[0] == '[')
        host = (struct str){host.ptr + 1, host.len - 2};
    snprintf(out, HOST_MAX, "%.*s", (int)host.len, host.ptr);
}

static void start_inet(struct link *link, const struct link_address *address, uint64_t now)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    char host[HOST_MAX], port[8];
    int error;

    copy_host(host, address->host);
    snprintf(port, sizeof(port), "%.*s", (int)address->port.len, address->port.ptr);
    error = getaddrinfo(host, port, &hints, &link->addresses);
    if (error != 0) {
        link->addresses = NULL;
        end(link, &(struct link_end){.kind = LINK_UNREACHABLE}, "%s",
            error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
        return;
    }
    link->address = link->addresses;
    try_next(link, now);
}

static int write_request(struct link *link, struct str authority, struct str target,
                         struct str protocols)
{
    uint8_t nonce[WS_NONCE_SIZE];

    if (getrandom(nonce, sizeof(nonce), 0) != sizeof(nonce))
        return -1;
    return ws_client_handshake_request(&link->out, authority, target, protocols, nonce, link->key);
}

void link_start(struct link *link, const struct link_address *address, struct str target,
                struct str protocols, uint64_t now)
{
    drop(link);
    link->scan = (struct http_response_parse_scan){0, 0};
    link->cannot_send = link->is_pinged = false;
    link->heard_at = now;
    if (write_request(link, address->authority, target, protocols) < 0)
        end_broken(link, strerror(errno));
    else if (address->unix_path.ptr != NULL)
        start_unix(link, address->unix_path, now);
    else
        start_inet(link, address, now);
}

/* The connection was made, or was not. */
static void connected(struct link *link, uint64_t now)
{
    int error = 0;
    socklen_t len = sizeof(error);

    getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error == 0) {
        link->state = LINK_OPENING;
        return;
    }
    link->connect_error = error;
    try_next(link, now);
}

/* ---- sending ---- */

/* Appends a masked frame. The key is fresh for each (RFC 6455, 5.3). */
static int append_frame(struct link *link, enum ws_opcode opcode, const void *data, size_t len)
{
    struct ws_frame_header header = {
        .length = len, .opcode = (uint8_t)opcode, .fin = true, .masked = true};
    size_t size = ws_frame_header_size(len, true);

    if (getrandom(header.key, sizeof(header.key), 0) != sizeof(header.key) ||
        buf_reserve(&link->out, size + len) < 0)
        return -1;
    ws_frame_encode(link->out.data + link->out.len, &header);
    link->out.len += size;
    if (len > 0)
        memcpy(link->out.data + link->out.len, data, len);
    ws_mask(link->out.data + link->out.len, len, header.key, 0);
    link->out.len += len;
    return 0;
}

/* What the server sent before it went is still to be read, so a failure here is no end yet. */
static void link_flush(struct link *link)
{
    while (link->out.len > 0 && !link->cannot_send) {
        ssize_t n = send(link->fd, link->out.data, link->out.len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            link->cannot_send = true;
        else
            buf_consume(&link->out, (size_t)n);
    }
}

int link_send(struct link *link, struct str text)
{
    return append_frame(link, WS_TEXT, text.ptr, text.len);
}

size_t link_backlog(const struct link *link)
{
    return link->cannot_send ? 0 : link->out.len;
}

static void append_close(struct link *link, uint16_t code)
{
    const uint8_t payload[] = {(uint8_t)(code >> 8), (uint8_t)code};

    append_frame(link, WS_CLOSE, payload, sizeof(payload));
}

void link_close(struct link *link, uint64_t now)
{
    if (link->state != LINK_OPEN)
        return;
    append_close(link, 1000);
    link->state = LINK_CLOSING;
    link->deadline = now + LINK_CLOSE_TIMEOUT;
}

/* ---- receiving ---- */

static void got_close(struct link *link, const struct ws_message *message)
{
    struct link_end why = {.kind = LINK_LEFT, .code = message->close_code};
    size_t len = message->len > 2 ? message->len - 2 : 0;

    if (link->state == LINK_OPEN) {
        append_close(link, message->close_code == 0 ? 1000 : message->close_code);
        link_flush(link);
    }
    end(link, &why, "%.*s", (int)len, len > 0 ? (const char *)message->data + 2 : "");
}

/* A server that pings and does not read must not fill our memory. It need not get a pong for each
 * (RFC 6455, 5.5.3). */
static void got_ping(struct link *link, const struct ws_message *message)
{
    if (link->state == LINK_OPEN && link_backlog(link) < PONG_BACKLOG)
        append_frame(link, WS_PONG, message->data, message->len);
}

static void got_message(struct link *link, const struct ws_message *message)
{
    switch (message->opcode) {
    case WS_TEXT:
        link->host->text(link, (char *)message->data, message->len);
        break;
    case WS_PING:
        got_ping(link, message);
        break;
    case WS_CLOSE:
        got_close(link, message);
        break;
    default:
        break;
    }
}

static void read_frames(struct link *link, uint8_t *data, size_t len)
{
    struct ws_message message;
    int result = 0;

    while ((link->state == LINK_OPEN || link->state == LINK_CLOSING) &&
           (result = ws_reader_next(&link->reader, &data, &len, &message)) > 0)
        got_message(link, &message);
    if (result >= 0)
        return;
    append_close(link, ws_error_code((enum ws_error) - result));
    link_flush(link);
    end_faulty(link, ws_error_text((enum ws_error) - result));
}

static uint64_t retry_after(const struct http_parsed_response *reply)
{
    struct str value;
    uint64_t seconds = 0;

    if (http_field_get(&reply->fields, HTTP_FIELD_RETRY_AFTER, &value) == 1)
        str_to_u64(value, UINT64_MAX, &seconds);
    return seconds < RETRY_AFTER_MAX ? seconds : RETRY_AFTER_MAX;
}

/* The first line of the body says why, where there is one. */
static void end_refused(struct link *link)
{
    struct str body = {(const char *)link->head.data, link->head.len};
    struct link_end why = link->refusal;
    struct str line = str_cut(&body, '\n');
    char text[LINK_TEXT_MAX];

    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    if (line.len > 0)
        snprintf(text, sizeof(text), "%.*s", (int)line.len, line.ptr);
    else
        memcpy(text, why.text, sizeof(text));
    end(link, &why, "%s", text);
}

/* Is all of the body there that is of interest? */
static void read_body(struct link *link)
{
    const struct buf *body = &link->head;

    if (body->len >= link->refusal_len || body->len >= LINK_TEXT_MAX ||
        (body->len > 0 && memchr(body->data, '\n', body->len) != NULL))
        end_refused(link);
}

static void link_refuse(struct link *link, const struct http_parsed_response *reply, size_t size)
{
    struct str length;

    link->refusal = (struct link_end){
        .kind = LINK_REFUSED, .code = reply->status, .retry_after = retry_after(reply)};
    snprintf(link->refusal.text, LINK_TEXT_MAX, "%.*s", (int)reply->reason.len, reply->reason.ptr);
    link->refusal_len = UINT64_MAX;
    if (http_field_get(&reply->fields, HTTP_FIELD_CONTENT_LENGTH, &length) == 1)
        str_to_u64(length, UINT64_MAX, &link->refusal_len);
    buf_consume(&link->head, size);
    link->state = LINK_REFUSING;
    read_body(link);
}

/* Handles a whole head of `size` bytes at the start of link->head. Returns true where the WebSocket
 * is open. */
static bool got_head(struct link *link, const struct http_parsed_response *reply, size_t size)
{
    struct ws_client_agreement agreement;
    int result;

    if (reply->status < 200 && reply->status != 101) {
        buf_consume(&link->head, size);
        link->scan = (struct http_response_parse_scan){0, 0};
        return false;
    }
    if (reply->status != 101) {
        link_refuse(link, reply, size);
        return false;
    }
    result = ws_client_handshake_check(reply, link->key, STR(CODEC_V1_PROTOCOL), &agreement);
    if (result < 0) {
        end_faulty(link, ws_client_handshake_error_text((enum ws_client_handshake_error) - result));
        return false;
    }
    link->limits.accept_deflated = agreement.is_deflated;
    link->limits.has_context = agreement.has_context;
    link->state = LINK_OPEN;
    return true;
}

static void link_read_head(struct link *link)
{
    struct http_parsed_response reply;
    struct buf rest;
    int size;

    while (link->state == LINK_OPENING && link->head.len > 0) {
        size =
            http_response_parse(&reply, (const char *)link->head.data, link->head.len, &link->scan);
        if (size < 0)
            end_faulty(link,
                       http_response_parse_error_text((enum http_response_parse_error) - size));
        if (size <= 0)
            return;
        if (!got_head(link, &reply, (size_t)size))
            continue;
        /* The first frames may have come along. Whoever is told of them may end the link. */
        rest = link->head;
        buf_init(&link->head);
        read_frames(link, rest.data + size, rest.len - (size_t)size);
        buf_deinit(&rest);
    }
}

/* Takes `len` bytes that came. */
static void take_input(struct link *link, size_t len)
{
    if (link->state == LINK_OPEN || link->state == LINK_CLOSING)
        read_frames(link, link->in, len);
    else if (buf_append(&link->head, link->in, len) < 0)
        end_broken(link, strerror(errno));
    else if (link->state == LINK_OPENING)
        link_read_head(link);
    else
        read_body(link);
}

/* Nothing more will come. */
static void take_end(struct link *link, const char *why)
{
    if (link->state == LINK_REFUSING)
        end_refused(link);
    else
        end_broken(link, why);
}

static void receive(struct link *link, uint64_t now)
{
    ssize_t n = recv(link->fd, link->in, sizeof(link->in), 0);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        take_end(link, n < 0 ? strerror(errno) : "the server ended the connection");
        return;
    }
    link->heard_at = now;
    link->is_pinged = false;
    take_input(link, (size_t)n);
}

short link_events(const struct link *link)
{
    if (link->state == LINK_CLOSED)
        return 0;
    if (link->state == LINK_CONNECTING)
        return POLLOUT;
    return (short)(POLLIN | (link_backlog(link) > 0 ? POLLOUT : 0));
}

void link_ready(struct link *link, short events, uint64_t now)
{
    if (events == 0 || link->state == LINK_CLOSED)
        return;
    if (link->state == LINK_CONNECTING) {
        connected(link, now);
        return;
    }
    if ((events & POLLOUT) != 0)
        link_flush(link);
    if ((events & (POLLIN | POLLHUP | POLLERR)) != 0)
        receive(link, now);
}

/* ---- time ---- */

static uint64_t later(uint64_t since, uint64_t time)
{
    return time == 0 ? UINT64_MAX : since + time;
}

uint64_t link_deadline(const struct link *link)
{
    switch (link->state) {
    case LINK_CLOSED:
        return UINT64_MAX;
    case LINK_OPEN:
        return link->is_pinged ? link->deadline : later(link->heard_at, link->ping_interval);
    default:
        return link->deadline;
    }
}

static void open_tick(struct link *link, uint64_t now)
{
    if (link->is_pinged) {
        end(link, &(struct link_end){.kind = LINK_SILENT}, "the server does not answer");
        return;
    }
    append_frame(link, WS_PING, NULL, 0);
    link->is_pinged = true;
    link->deadline = later(now, link->ping_timeout);
}

void link_tick(struct link *link, uint64_t now)
{
    if (link_deadline(link) > now)
        return;
    switch (link->state) {
    case LINK_CONNECTING:
        link->connect_error = ETIMEDOUT;
        try_next(link, now);
        break;
    case LINK_OPENING:
        end_broken(link, "the server does not answer the handshake");
        break;
    case LINK_REFUSING:
        end_refused(link);
        break;
    case LINK_OPEN:
        open_tick(link, now);
        break;
    default:
        end_broken(link, "the server does not answer the close");
    }
}
