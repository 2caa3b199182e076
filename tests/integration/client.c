#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct client_traffic client_traffic;

/* ---- Connections ---- */

static struct client *client_new(int family, int receive_buffer)
{
    struct client *c = calloc(1, sizeof(*c));

    ck_assert_ptr_nonnull(c);
    buf_init(&c->in);
    c->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(c->fd, 0);
    if (receive_buffer > 0)
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    return c;
}

static void connect_or_fail(struct client *c, const void *address, socklen_t len)
{
    int one = 1;

    if (connect(c->fd, address, len) != 0)
        ck_abort_msg("connect: %s", strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void connect_ipv4(struct client *c, const struct server *s)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(s->port),
        .sin_addr = {htonl(INADDR_LOOPBACK)},
    };

    connect_or_fail(c, &address, sizeof(address));
}

struct client *client_connect_small(const struct server *s, int bytes)
{
    struct client *c = client_new(AF_INET, bytes);

    connect_ipv4(c, s);
    return c;
}

struct client *client_connect_from(const struct server *s, unsigned host)
{
    struct client *c = client_new(AF_INET, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr = {htonl(INADDR_LOOPBACK + host - 1)},
    };
    int one = 1;

    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
    ck_assert_int_eq(bind(c->fd, (struct sockaddr *)&address, sizeof(address)), 0);
    connect_ipv4(c, s);
    return c;
}

struct client *client_connect(const struct server *s)
{
    return client_connect_small(s, 0);
}

struct client *client_connect_ipv6(const struct server *s)
{
    struct client *c = client_new(AF_INET6, 0);
    struct sockaddr_in6 address = {
        .sin6_family = AF_INET6,
        .sin6_port = htons(s->port),
        .sin6_addr = IN6ADDR_LOOPBACK_INIT,
    };

    connect_or_fail(c, &address, sizeof(address));
    return c;
}

struct client *client_connect_unix(const char *path)
{
    struct client *c = client_new(AF_UNIX, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    connect_or_fail(c, &address, sizeof(address));
    return c;
}

void client_close(struct client *c)
{
    close(c->fd);
    buf_deinit(&c->in);
    free(c);
}

void client_reset(struct client *c)
{
    struct linger linger = {1, 0};

    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    client_close(c);
}

void client_finish(struct client *c)
{
    ck_assert_int_eq(shutdown(c->fd, SHUT_WR), 0);
}

/* ---- Bytes ---- */

void client_send(struct client *c, const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = send(c->fd, at, len, MSG_NOSIGNAL);

        if (n < 0)
            ck_abort_msg("send: %s", strerror(errno));
        at += n;
        len -= (size_t)n;
        client_traffic.sent += (uint64_t)n;
    }
}

void client_print(struct client *c, const char *format, ...)
{
    char *text;
    va_list args;
    int len;

    va_start(args, format);
    len = vasprintf(&text, format, args);
    va_end(args);
    ck_assert_int_ge(len, 0);
    client_send(c, text, (size_t)len);
    free(text);
}

void client_send_bytewise(struct client *c, const void *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        client_send(c, (const char *)data + i, 1);
}

size_t client_send_some(struct client *c, const void *data, size_t len)
{
    ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0)
        ck_assert_int_eq(errno, EAGAIN);
    client_traffic.sent += n < 0 ? 0 : (uint64_t)n;
    return n < 0 ? 0 : (size_t)n;
}

static bool wait_readable(struct client *c)
{
    struct pollfd pfd = {c->fd, POLLIN, 0};

    return poll(&pfd, 1, deadline_ms()) > 0;
}

/* Reads once. Returns false at the end of the connection. */
static bool read_once(struct client *c)
{
    char bytes[65536];
    ssize_t n;

    if (!wait_readable(c))
        ck_abort_msg("the server says nothing; %zu bytes wait here", c->in.len);
    n = recv(c->fd, bytes, sizeof(bytes), 0);
    if (n < 0)
        ck_assert_int_eq(errno, ECONNRESET);
    if (n <= 0)
        return false;
    ck_assert_int_eq(buf_append(&c->in, bytes, (size_t)n), 0);
    client_traffic.received += (uint64_t)n;
    return true;
}

void client_send_anyway(struct client *c, const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        struct pollfd pfd = {c->fd, POLLIN | POLLOUT, 0};
        ssize_t n;

        ck_assert_int_gt(poll(&pfd, 1, deadline_ms()), 0);
        if ((pfd.revents & POLLIN) != 0 && !read_once(c))
            return;
        n = send(c->fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN)
            return;
        at += n < 0 ? 0 : n;
        len -= n < 0 ? 0 : (size_t)n;
        client_traffic.sent += n < 0 ? 0 : (uint64_t)n;
    }
}

bool client_fill(struct client *c, size_t len)
{
    while (c->in.len < len) {
        if (!read_once(c))
            return false;
    }
    return true;
}

void client_expect_eof(struct client *c)
{
    if (c->in.len > 0 || read_once(c))
        ck_abort_msg("%zu bytes came in place of the end: %.*s", c->in.len, (int)c->in.len,
                     (const char *)c->in.data);
}

void client_drain(struct client *c)
{
    while (read_once(c))
        buf_consume(&c->in, c->in.len);
    buf_consume(&c->in, c->in.len);
}

/* Takes `len` bytes as a NUL-terminated copy. */
static char *take(struct client *c, size_t len)
{
    char *copy = malloc(len + 1);

    ck_assert_ptr_nonnull(copy);
    if (!client_fill(c, len))
        ck_abort_msg("the connection ended early: %zu of %zu bytes", c->in.len, len);
    if (len > 0)
        memcpy(copy, c->in.data, len);
    copy[len] = '\0';
    buf_consume(&c->in, len);
    return copy;
}

/* ---- HTTP ---- */

static size_t head_length(struct client *c)
{
    for (;;) {
        const char *end = c->in.len == 0 ? NULL : memmem(c->in.data, c->in.len, "\r\n\r\n", 4);

        if (end != NULL)
            return (size_t)(end - (const char *)c->in.data) + 4;
        if (!read_once(c))
            ck_abort_msg("the connection ended inside a response head: \"%.*s\"", (int)c->in.len,
                         (const char *)c->in.data);
    }
}

static bool has_body(const struct response *r, bool is_head)
{
    return !is_head && r->status >= 200 && r->status != 204 && r->status != 304;
}

struct response *response_read(struct client *c, bool is_head)
{
    struct response *r = calloc(1, sizeof(*r));
    const char *length;

    ck_assert_ptr_nonnull(r);
    r->head = take(c, head_length(c));
    if (sscanf(r->head, "HTTP/1.1 %3d ", &r->status) != 1)
        ck_abort_msg("no status line: %s", r->head);
    length = response_field(r, "Content-Length");
    if (has_body(r, is_head)) {
        ck_assert_ptr_nonnull(length);
        r->len = strtoul(length, NULL, 10);
    }
    r->body = take(c, r->len);
    return r;
}

void response_free(struct response *r)
{
    free(r->head);
    free(r->body);
    free(r);
}

/* The value in `line` when it is the field `name`, else NULL. */
static const char *field_value(const char *line, const char *name)
{
    size_t len = strlen(name);

    if (strncasecmp(line, name, len) != 0 || line[len] != ':')
        return NULL;
    return line + len + 1 + strspn(line + len + 1, " \t");
}

const char *response_field(const struct response *r, const char *name)
{
    static char copy[2048];
    unsigned found = 0;

    for (const char *line = strstr(r->head, "\r\n"); line != NULL;
         line = strstr(line + 2, "\r\n")) {
        const char *value = field_value(line + 2, name);

        if (value == NULL)
            continue;
        snprintf(copy, sizeof(copy), "%.*s", (int)strcspn(value, "\r"), value);
        found++;
    }
    ck_assert_uint_le(found, 1);
    return found == 0 ? NULL : copy;
}

struct response *http_get(const struct server *s, const char *target, const char *fields)
{
    struct client *c = client_connect(s);
    struct response *r;

    client_print(c, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s\r\n", target, s->port, fields);
    r = response_read(c, false);
    client_close(c);
    return r;
}

void http_expect_refusal(const struct server *s, const char *request, size_t len, int status)
{
    struct client *c = client_connect(s);
    struct response *r;

    client_send_anyway(c, request, len);
    r = response_read(c, false);
    if (r->status != status)
        ck_abort_msg("%d in place of %d to: %.200s", r->status, status, request);
    ck_assert_str_eq(response_field(r, "Connection"), "close");
    ck_assert_ptr_nonnull(strstr(response_field(r, "Content-Type"), "text/plain"));
    ck_assert_uint_gt(r->len, 0);
    response_free(r);
    client_expect_eof(c);
    client_close(c);
}

/* ---- WebSocket ---- */

void ws_request(struct client *c, const char *target, const char *fields)
{
    client_print(
        c,
        "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: " WS_SAMPLE_KEY "\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
        target, fields);
}

static void expect_upgrade(struct client *c, const char *extension)
{
    struct response *r = response_read(c, false);
    const char *agreed;

    if (r->status != 101)
        ck_abort_msg("no upgrade: %s%s", r->head, r->body);
    ck_assert_str_eq(response_field(r, "Sec-WebSocket-Accept"), WS_SAMPLE_ACCEPT);
    ck_assert_int_eq(strcasecmp(response_field(r, "Upgrade"), "websocket"), 0);
    ck_assert_int_eq(strcasecmp(response_field(r, "Connection"), "Upgrade"), 0);
    agreed = response_field(r, "Sec-WebSocket-Extensions");
    ck_assert_str_eq(agreed == NULL ? "" : agreed, extension);
    ck_assert_ptr_null(response_field(r, "Content-Length"));
    response_free(r);
}

void ws_expect_upgrade(struct client *c)
{
    expect_upgrade(c, "");
}

struct client *ws_open_extended(const struct server *s, const char *target, const char *fields,
                                const char *extension)
{
    struct client *c = client_connect(s);

    ws_request(c, target, fields);
    expect_upgrade(c, extension);
    return c;
}

struct client *ws_open_with(const struct server *s, const char *target, const char *fields)
{
    struct client *c = client_connect(s);

    ws_request(c, target, fields);
    ws_expect_upgrade(c);
    return c;
}

struct client *ws_open(const struct server *s, const char *target)
{
    return ws_open_with(s, target, "");
}

struct client *ws_open_chat(const struct server *s, uint64_t id)
{
    char target[64];

    snprintf(target, sizeof(target), "/ws/%llu", (unsigned long long)id);
    return ws_open(s, target);
}

int ws_refused(const struct server *s, const char *target, const char *fields)
{
    struct client *c = client_connect(s);
    struct response *r;
    int status;

    ws_request(c, target, fields);
    r = response_read(c, false);
    status = r->status;
    ck_assert_int_ne(status, 101);
    ck_assert_uint_gt(r->len, 0);
    response_free(r);
    client_close(c);
    return status;
}

void ws_append(struct buf *out, bool fin, enum ws_opcode opcode, const void *data, size_t len)
{
    struct ws_frame_header h = {
        .length = len,
        .opcode = (uint8_t)opcode,
        .fin = fin,
        .masked = true,
        .key = {0x37, 0xfa, 0x21, 0x3d},
    };
    uint8_t header[WS_HEADER_MAX];
    size_t size = ws_frame_encode(header, &h);

    ck_assert_int_eq(buf_append(out, header, size), 0);
    if (len == 0)
        return;
    ck_assert_int_eq(buf_append(out, data, len), 0);
    ws_mask(out->data + out->len - len, len, h.key, 0);
}

void ws_send(struct client *c, bool fin, enum ws_opcode opcode, const void *data, size_t len)
{
    struct buf out;

    buf_init(&out);
    ws_append(&out, fin, opcode, data, len);
    client_send(c, out.data, out.len);
    buf_deinit(&out);
}

void ws_send_text(struct client *c, const char *text)
{
    ws_send(c, true, WS_TEXT, text, strlen(text));
}

void ws_send_close(struct client *c, unsigned code, const char *reason)
{
    char payload[WS_CONTROL_MAX] = {(char)(code >> 8), (char)(code & 255)};
    size_t len = strlen(reason);

    ck_assert_uint_le(len, sizeof(payload) - 2);
    memcpy(payload + 2, reason, len);
    ws_send(c, true, WS_CLOSE, payload, len + 2);
}

bool ws_read(struct client *c, struct frame *frame)
{
    struct ws_frame_header h;
    int size = 0;

    while (c->in.len == 0 || (size = ws_frame_decode(&h, c->in.data, c->in.len)) == 0) {
        if (read_once(c))
            continue;
        if (c->in.len > 0)
            ck_abort_msg("the connection ended inside a frame header");
        return false;
    }
    ck_assert_int_gt(size, 0);
    ck_assert(h.fin && !h.masked && h.rsv == 0);
    buf_consume(&c->in, (size_t)size);
    frame->opcode = (enum ws_opcode)h.opcode;
    frame->len = (size_t)h.length;
    frame->data = take(c, frame->len);
    return true;
}

void ws_expect_frame(struct client *c, enum ws_opcode opcode, const void *data, size_t len)
{
    struct frame frame;

    if (!ws_read(c, &frame))
        ck_abort_msg("the connection ended where \"%.*s\" was due", (int)len, (const char *)data);
    if (frame.opcode != opcode || frame.len != len || memcmp(frame.data, data, len) != 0)
        ck_abort_msg("frame %d \"%.300s\" (%zu bytes) came in place of %d \"%.*s\" (%zu bytes)",
                     (int)frame.opcode, frame.opcode == WS_CLOSE ? frame.data + 2 : frame.data,
                     frame.len, (int)opcode, (int)(len < 300 ? len : 300), (const char *)data, len);
    free(frame.data);
}

void ws_expect_text(struct client *c, const char *format, ...)
{
    char *text;
    va_list args;
    int len;

    va_start(args, format);
    len = vasprintf(&text, format, args);
    va_end(args);
    ck_assert_int_ge(len, 0);
    ws_expect_frame(c, WS_TEXT, text, (size_t)len);
    free(text);
}

/* Judges a close frame, finishes the handshake and the connection. */
static void finish_close(struct client *c, const struct frame *frame, unsigned code)
{
    unsigned got = 0;

    ck_assert_uint_ge(frame->len, 2);
    got = (unsigned)(uint8_t)frame->data[0] << 8 | (uint8_t)frame->data[1];
    if (got != code)
        ck_abort_msg("closed with %u (%s) in place of %u", got, frame->data + 2, code);
    if (frame->len == 2)
        ck_abort_msg("close %u gives no reason", got);
    free(frame->data);
    client_send_anyway(c, "\x88\x80\0\0\0\0", 6);
    client_expect_eof(c);
    client_close(c);
}

void ws_expect_close(struct client *c, unsigned code)
{
    struct frame frame;

    if (!ws_read(c, &frame))
        ck_abort_msg("the connection ended without a close frame (%u)", code);
    if (frame.opcode != WS_CLOSE)
        ck_abort_msg("frame %d \"%.300s\" came in place of close %u", (int)frame.opcode, frame.data,
                     code);
    finish_close(c, &frame, code);
}

void ws_expect_own_if_at_once(struct client *c, const char *text)
{
    if (!server_commits_later())
        ws_expect_text(c, "You wrote: %s", text);
}

void ws_expect_close_later(struct client *c, unsigned code)
{
    struct frame frame;

    for (;;) {
        if (!ws_read(c, &frame))
            ck_abort_msg("the connection ended without a close frame (%u)", code);
        if (frame.opcode == WS_CLOSE)
            break;
        free(frame.data);
    }
    finish_close(c, &frame, code);
}

void ws_expect_close_reply(struct client *c, unsigned code)
{
    struct frame frame;
    unsigned got;

    ck_assert(ws_read(c, &frame));
    ck_assert_int_eq(frame.opcode, WS_CLOSE);
    got = frame.len < 2 ? 0 : (unsigned)(uint8_t)frame.data[0] << 8 | (uint8_t)frame.data[1];
    ck_assert_uint_eq(got, code);
    free(frame.data);
    client_expect_eof(c);
    client_close(c);
}

void ws_leave(struct client *c)
{
    struct frame frame;

    ws_send_close(c, 1000, "");
    for (;;) {
        ck_assert(ws_read(c, &frame));
        free(frame.data);
        if (frame.opcode == WS_CLOSE)
            break;
    }
    client_expect_eof(c);
    client_close(c);
}

void ws_sync(struct client *c)
{
    static unsigned count;
    char mark[32];

    snprintf(mark, sizeof(mark), "sync %u", ++count);
    ws_send(c, true, WS_PING, mark, strlen(mark));
    ws_expect_frame(c, WS_PONG, mark, strlen(mark));
}
