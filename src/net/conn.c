#include "net/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/tuning.h"
#include "base/util.h"
#include "net/pool.h"
#include "net/socket.h"

/* A peer to which so many bytes of its own are still to be sent is not read from: who sends without
 * reading is slowed down, and costs no more than this and one answer. */
#define OUT_LIMIT 65536

/* Bytes of one read from a client that is near its rate: what it may not send yet is better kept by
 * the kernel. */
#define THROTTLED_READ 4096

/* Bytes that the kernel may receive ahead for a client that is over its rate. */
#define THROTTLED_WINDOW 32768

/* Bytes that are received, to be dropped, once a connection is being closed: enough for all that
 * the peer may have had on its way. Who sends on beyond that does not listen. */
#define LEFTOVER_MAX (16 * 1024 * 1024)

/* Who takes fewer bytes of a response while CONN_TIMER_SENDING runs is not waited for any longer.
 */
#define TAKEN_MIN 16384

/* Shorter messages are copied when they are sent back: it costs less than to keep track of them. */
#define COPY_MAX 4096

/* An idle timer is restarted only when it has run for one part in so many: that saves work where
 * much is received. */
#define TOUCH_PARTS 16

/* Where pointers have 64 bits, what a flush needs fills two cache lines. */
_Static_assert(sizeof(void *) != 8 || offsetof(struct conn, client) == 128,
               "the members of a connection lie where their order says");

/* ---- limits ---- */

/* By its rate, may the client send another message? */
static bool has_allowance(const struct conn *conn)
{
    const struct pool *pool = conn->pool;

    return pool->rate_step_ns == 0 ||
           conn->rate_ns + pool->rate_step_ns <= pool->now_ns + pool->rate_burst_ns;
}

/* Who sends faster than it may fills the kernel's buffer with messages, and they all have to be
 * handled, even when the peer is gone: let there be fewer of them. */
static void shrink_window(struct conn *conn)
{
    int size = THROTTLED_WINDOW;

    if (conn->has_small_window)
        return;
    conn->has_small_window = true;
    setsockopt(conn->source.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

static void count_message(struct conn *conn)
{
    const struct pool *pool = conn->pool;

    if (pool->rate_step_ns == 0)
        return;
    conn->rate_ns =
        (conn->rate_ns > pool->now_ns ? conn->rate_ns : pool->now_ns) + pool->rate_step_ns;
    if (has_allowance(conn))
        return;
    conn->pool->counters.throttled++;
    shrink_window(conn);
    conn->is_throttled = true;
    timer_start(&conn->timer, &conn->pool->timers[CONN_TIMER_THROTTLE], pool->now);
}

/* May more of what the peer sent be used now? */
static bool may_go_on(const struct conn *conn)
{
    return conn->state >= CONN_LINGER ||
           (!conn->is_throttled && sendq_cost(&conn->out) <= OUT_LIMIT);
}

/* Does it wait for the peer to take more? */
static size_t is_slow(uint32_t interest)
{
    return (interest & EPOLLOUT) != 0 ? 1 : 0;
}

/* Not inline, for update_interest mostly finds that nothing changes. */
static __attribute__((noinline)) void change_interest(struct conn *conn, uint32_t interest)
{
    uint32_t before = conn->source.interest;

    if (reactor_watch(conn->pool->reactor, &conn->source, interest) < 0) {
        conn_drop(conn, CONN_END_MEMORY);
        return;
    }
    conn->pool->slow += is_slow(interest);
    conn->pool->slow -= is_slow(before);
}

/* The one place that decides what events a connection waits for. */
static void update_interest(struct conn *conn)
{
    bool is_stuffed =
        conn->is_blocked && conn->state < CONN_LINGER && sendq_cost(&conn->out) > OUT_LIMIT;
    uint32_t interest = 0;

    if (conn->state == CONN_DEAD)
        return;
    if (!conn->is_ended && !conn->is_throttled && !is_stuffed)
        interest |= EPOLLIN;
    if (conn->is_blocked)
        interest |= EPOLLOUT;
    if (is_stuffed && !conn->is_hung)
        interest |= EPOLLRDHUP;
    if (interest != conn->source.interest)
        change_interest(conn, interest);
}

/* ---- ends ---- */

static int leave(struct conn *conn, uint16_t code, bool is_broken)
{
    conn->pool->counters.closes[code - CONN_CLOSE_FIRST]++;
    conn->close_code = code;
    conn->is_throttled = false;
    return conn->pool->left(conn, is_broken);
}

void conn_note_end(struct conn *conn, enum conn_end end, const char *detail)
{
    if (conn->end != CONN_END_NONE)
        return;
    conn->end = (uint8_t)end;
    conn->detail = detail;
}

void conn_drop(struct conn *conn, enum conn_end end)
{
    if (conn->state == CONN_DEAD)
        return;
    conn_note_end(conn, end, NULL);
    if (conn->state == CONN_OPEN) {
        /* Nothing will be sent, so nothing need be kept. */
        sendq_drop_all(&conn->out);
        leave(conn, CONN_CLOSE_BROKEN, true);
    }
    conn->state = CONN_DEAD;
    timer_stop(&conn->timer);
    list_remove(&conn->work);
    list_append(&conn->pool->dead, &conn->work);
}

/* From now on only sends what is queued, and waits for the peer's FIN. A response may take as long
 * as the peer takes some of it; the end of a WebSocket has one deadline from the first Close on. */
void conn_linger(struct conn *conn)
{
    struct pool *pool = conn->pool;

    conn->state = CONN_LINGER;
    conn->is_throttled = false;
    if (!conn->is_websocket && !sendq_is_empty(&conn->out))
        timer_start(&conn->timer, &pool->timers[CONN_TIMER_SENDING], pool->now);
    else if (!timer_is_of(&conn->timer, &pool->timers[CONN_TIMER_CLOSING]))
        timer_start(&conn->timer, &pool->timers[CONN_TIMER_CLOSING], pool->now);
    conn_wake(conn);
}

static void send_close(struct conn *conn, uint16_t code, const char *reason)
{
    char bytes[2] = {(char)(code >> 8), (char)(code & 0xff)};

    conn_send(conn, WS_CLOSE, (struct str){bytes, sizeof(bytes)}, reason, strlen(reason));
}

/* What leaving returned: a frame that was cut in the middle can only be followed by the end of the
 * connection. Returns false where it is over. */
static bool survives(struct conn *conn, int left)
{
    conn->state = CONN_CLOSING;
    if (left < 0)
        conn_drop(conn, CONN_END_MEMORY);
    return left >= 0;
}

static void begin_close(struct conn *conn, uint16_t code, const char *reason, bool is_broken)
{
    if (conn->state != CONN_OPEN || !survives(conn, leave(conn, code, is_broken)))
        return;
    timer_start(&conn->timer, &conn->pool->timers[CONN_TIMER_CLOSING], conn->pool->now);
    send_close(conn, code, reason);
}

void conn_close(struct conn *conn, uint16_t code, const char *reason)
{
    if (conn->state == CONN_OPEN)
        conn_note_end(conn, CONN_END_HOST, reason);
    begin_close(conn, code, reason, false);
}

/* The peer broke the protocol: nothing that it sends any more counts (RFC 6455, 7.1.7). */
static void fail(struct conn *conn, enum ws_error error)
{
    if (conn->state == CONN_OPEN) {
        conn_note_end(conn, CONN_END_PROTOCOL, ws_error_text(error));
        begin_close(conn, ws_error_code(error), ws_error_text(error), false);
        if (conn->state == CONN_DEAD)
            return;
    }
    conn_linger(conn);
}

/* The peer's Close: answer it with its own code and reason, unless it is the answer to ours (RFC
 * 6455, 5.5.1). */
static void peer_closed(struct conn *conn, const struct ws_message *message)
{
    if (conn->state == CONN_OPEN) {
        uint16_t code = message->close_code != 0 ? message->close_code : CONN_CLOSE_NONE;

        conn_note_end(conn, CONN_END_CLOSED, NULL);
        if (!survives(conn, leave(conn, code, false)))
            return;
        conn_send(conn, WS_CLOSE, STR(""), message->data, message->len);
    }
    conn_linger(conn);
}

/* The peer sends no more. What it sent before is handled; what it is still to get is sent. */
static void peer_ended(struct conn *conn)
{
    enum conn_end end =
        conn->state == CONN_HTTP && conn_is_idle(conn) ? CONN_END_SERVED : CONN_END_LEFT;

    conn->is_ended = true;
    conn_note_end(conn, end, NULL);
    if (conn->state == CONN_OPEN && !survives(conn, leave(conn, CONN_CLOSE_BROKEN, true)))
        return;
    if (conn->is_shut)
        conn_drop(conn, end);
    else
        conn_linger(conn);
}

/* ---- output ---- */

void conn_wake(struct conn *conn)
{
    if (!list_is_linked(&conn->work))
        list_append(&conn->pool->woken, &conn->work);
}

void conn_send(struct conn *conn, uint8_t opcode, struct str prefix, const void *payload,
               size_t len)
{
    struct ws_frame_header header = {.length = prefix.len + len, .opcode = opcode, .fin = true};
    size_t size = ws_frame_header_size(header.length, false);
    uint8_t *at = sendq_put(&conn->out, size + prefix.len + len);

    if (at != NULL) {
        at += ws_frame_encode(at, &header);
        if (prefix.len > 0)
            memcpy(at, prefix.ptr, prefix.len);
        if (len > 0)
            memcpy(at + prefix.len, payload, len);
    }
    conn_wake(conn);
}

/* The memory of a message on its way back to its sender. */
struct loan {
    struct buf_pool *buf_pool;
    struct buf memory;
};

static void return_loan(void *owner)
{
    struct loan *loan = owner;

    buf_pool_put(loan->buf_pool, &loan->memory);
    free(loan);
}

/* Sends a long message from where it was received. Returns false where it has to be copied. Not
 * inline, so that short messages pay nothing for it. */
static __attribute__((noinline)) bool send_kept(struct conn *conn, const struct ws_message *message)
{
    struct ws_frame_header header = {
        .length = message->len, .opcode = (uint8_t)message->opcode, .fin = true};
    struct loan *loan = malloc(sizeof(*loan));
    uint8_t bytes[WS_HEADER_MAX];

    if (loan == NULL || !ws_reader_keep(&conn->reader, message, &loan->memory)) {
        free(loan);
        return false;
    }
    loan->buf_pool = &conn->pool->buf_pool;
    /* A header without its payload would garble what follows, so there is nothing to do then but to
     * give up. */
    if (sendq_push(&conn->out, bytes, ws_frame_encode(bytes, &header)) < 0 ||
        sendq_push_shared(&conn->out, message->data, message->len, return_loan, loan) < 0) {
        return_loan(loan);
        conn_drop(conn, CONN_END_MEMORY);
    }
    return true;
}

void conn_send_back(struct conn *conn, const struct ws_message *message)
{
    /* A long message is sent at once, while the processor's cache still holds it. */
    if (message->len >= COPY_MAX && send_kept(conn, message))
        conn_flush(conn);
    else
        conn_send(conn, (uint8_t)message->opcode, STR(""), message->data, message->len);
}

void conn_respond(struct conn *conn, const struct buf *head, const void *body, size_t len,
                  void (*release)(void *), bool keep_alive)
{
    bool has_failed = sendq_push(&conn->out, head->data, head->len) < 0;

    if (body != NULL && (has_failed || sendq_push_shared(&conn->out, body, len, release,
                                                         (void *)(uintptr_t)body) < 0)) {
        has_failed = true;
        if (release != NULL)
            release((void *)(uintptr_t)body);
    }
    if (has_failed) {
        conn_drop(conn, CONN_END_MEMORY);
        return;
    }
    conn->has_answered = true;
    conn->is_in_head = false;
    if (keep_alive) {
        timer_start(&conn->timer, &conn->pool->timers[CONN_TIMER_SENDING], conn->pool->now);
        conn_wake(conn);
    } else {
        conn_note_end(conn, CONN_END_SERVED, NULL);
        conn_linger(conn);
    }
}

static void count_sent(struct conn *conn, size_t bytes)
{
    conn->pool->counters.sent += bytes;
    conn->sent += bytes;
}

/* Notes how much of what was sent the peer's system has taken. Returns how much it has not. Nothing
 * is known of a unix socket, which counts its memory in place of the bytes. */
static size_t note_taken(struct conn *conn)
{
    size_t left;

    if (!conn->is_tcp)
        return 0;
    left = socket_unsent(conn->source.fd);
    conn->taken = (uint32_t)(conn->sent - left);
    return left;
}

static void block(struct conn *conn)
{
    conn->is_blocked = true;
    note_taken(conn);
}

/* One call to send what the queue says. Returns the bytes that the socket took, 0 where it is full
 * or the peer is gone. */
static size_t send_some(struct conn *conn, size_t *wanted)
{
    struct iovec spans[TUNE_IOV];
    struct msghdr message = {.msg_iov = spans};
    int count = sendq_gather(&conn->out, spans, TUNE_IOV, wanted);
    ssize_t n;

    if (count == 0)
        return 0;
    if (count == 1) {
        n = send(conn->source.fd, spans[0].iov_base, spans[0].iov_len, MSG_NOSIGNAL);
    } else {
        message.msg_iovlen = (size_t)count;
        n = sendmsg(conn->source.fd, &message, MSG_NOSIGNAL);
    }
    if (n >= 0) {
        count_sent(conn, (size_t)n);
        return (size_t)n;
    }
    if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
        block(conn);
    else if (errno != EINTR)
        conn->is_mute = true;
    return 0;
}

/* Sends until the queue is empty or the socket is full. */
static void send_all(struct conn *conn)
{
    while (!sendq_is_empty(&conn->out) && !conn->is_blocked) {
        size_t wanted, taken = send_some(conn, &wanted);

        if (conn->is_mute)
            break;
        /* A socket that took less than it was offered is full: asking again would only be told so.
         */
        if (taken > 0 && taken < wanted)
            block(conn);
        sendq_advance(&conn->out, taken);
    }
}

/* Everything is sent: the next request has its time, or our FIN follows. */
static void sent_all(struct conn *conn)
{
    struct pool *pool = conn->pool;

    if (conn->state == CONN_HTTP && timer_is_of(&conn->timer, &pool->timers[CONN_TIMER_SENDING]))
        timer_start(&conn->timer, &pool->timers[CONN_TIMER_HANDSHAKE], pool->now);
    if (conn->state == CONN_CLOSING && timer_is_of(&conn->timer, &pool->timers[CONN_TIMER_SENDING]))
        timer_start(&conn->timer, &pool->timers[CONN_TIMER_CLOSING], pool->now);
    if (conn->state != CONN_LINGER || conn->is_shut)
        return;
    shutdown(conn->source.fd, SHUT_WR);
    conn->is_shut = true;
    if (conn->is_ended)
        conn_drop(conn, CONN_END_SERVED);
    else if (!timer_is_of(&conn->timer, &pool->timers[CONN_TIMER_CLOSING]))
        timer_start(&conn->timer, &pool->timers[CONN_TIMER_CLOSING], pool->now);
}

/* A peer that takes what it is sent is not silent. */
static void note_progress(struct conn *conn)
{
    struct pool *pool = conn->pool;

    if (timer_is_of(&conn->timer, &pool->timers[CONN_TIMER_SENDING]))
        timer_start(&conn->timer, &pool->timers[CONN_TIMER_SENDING], pool->now);
    else if (conn->state == CONN_OPEN && !conn->is_throttled)
        timer_start(&conn->timer, &pool->timers[CONN_TIMER_IDLE], pool->now);
}

/* Closes a connection that cannot be sent what it should get. Returns true where it did. */
static bool close_hopeless(struct conn *conn)
{
    if (conn->out.is_incomplete) {
        conn_note_end(conn, CONN_END_MEMORY, NULL);
        if (conn->state != CONN_OPEN)
            conn_drop(conn, CONN_END_MEMORY);
        else
            begin_close(conn, WS_CLOSE_SERVER_ERROR, "the server is out of memory", false);
        return true;
    }
    if (conn->state != CONN_OPEN)
        return false;
    if (sendq_is_overrun(&conn->out) ||
        (conn->is_blocked && sendq_lag(&conn->out) > conn->pool->max_lag)) {
        conn->pool->counters.lagged++;
        conn_note_end(conn, CONN_END_LAGGED, NULL);
        begin_close(conn, WS_CLOSE_TRY_AGAIN_LATER, "too slow: the room is too far ahead", true);
        /* It has much to read before it gets there: as long as it does, it is waited for. */
        note_taken(conn);
        if (conn->state == CONN_CLOSING)
            timer_start(&conn->timer, &conn->pool->timers[CONN_TIMER_SENDING], conn->pool->now);
        return true;
    }
    return false;
}

void conn_flush(struct conn *conn)
{
    if (conn->state == CONN_DEAD || close_hopeless(conn))
        return;
    if (conn->is_blocked)
        return;
    if (!conn->is_mute)
        send_all(conn);
    if (conn->is_mute)
        sendq_drop_all(&conn->out);
    if (sendq_is_empty(&conn->out))
        sent_all(conn);
    if (conn->has_more && may_go_on(conn) && !list_is_linked(&conn->work))
        list_append(&conn->pool->ready, &conn->work);
    update_interest(conn);
}

/* ---- input ---- */

/* Something came from the peer. */
static void touch(struct conn *conn)
{
    struct pool *pool = conn->pool;
    const struct timer *timer = &conn->timer;

    if (conn->state != CONN_OPEN || conn->is_throttled)
        return;
    if (timer_is_of(timer, &pool->timers[CONN_TIMER_IDLE]) &&
        timer->deadline + pool->timers[CONN_TIMER_IDLE].length / TOUCH_PARTS >
            pool->now + pool->timers[CONN_TIMER_IDLE].length)
        return;
    timer_start(&conn->timer, &pool->timers[CONN_TIMER_IDLE], pool->now);
}

static void use_message(struct conn *conn, struct ws_message *message)
{
    switch (message->opcode) {
    case WS_CLOSE:
        peer_closed(conn, message);
        return;
    case WS_PING:
        if (conn->state == CONN_OPEN)
            conn_send(conn, WS_PONG, STR(""), message->data, message->len);
        return;
    case WS_TEXT:
    case WS_BINARY:
        if (conn->state != CONN_OPEN)
            return;
        conn->messages++;
        count_message(conn);
        if (conn->pool->message(conn, message) < 0) {
            conn_note_end(conn, CONN_END_MEMORY, NULL);
            conn_close(conn, WS_CLOSE_SERVER_ERROR, "the server is out of memory");
        }
        return;
    case WS_PONG:
    case WS_CONTINUATION:
        return;
    }
}

/* Acts on what the reader returned. */
static void use_result(struct conn *conn, int result, struct ws_message *message)
{
    if (result < 0)
        fail(conn, (enum ws_error)(-result));
    else if (result > 0)
        use_message(conn, message);
}

/* Reads frames as far as the limits allow. Returns the bytes that it used. */
static size_t use_frames(struct conn *conn, uint8_t *data, size_t len)
{
    struct ws_message message;
    size_t left = len;
    int result = 1;

    while (result > 0 && left > 0 && conn->state < CONN_LINGER && may_go_on(conn)) {
        result = ws_reader_next(&conn->reader, &data, &left, &message);
        use_result(conn, result, &message);
    }
    ws_reader_release(&conn->reader);
    return len - left;
}

/* Reads one request. Returns the bytes that it used, 0 where it is not whole. */
static size_t use_request(struct conn *conn, const uint8_t *data, size_t len)
{
    struct http_request request;
    int n = http_request_parse(&request, (const char *)data, len, &conn->scan);

    if (n < 0) {
        conn->pool->bad_request(conn, http_error_status((enum http_error)(-n)),
                                http_error_text((enum http_error)(-n)));
        return len;
    }
    if (n == 0) {
        /* The time for a head begins with its first byte, and the first one's with the connection.
         */
        if (!conn->is_in_head && conn->has_answered)
            timer_start(&conn->timer, &conn->pool->timers[CONN_TIMER_HANDSHAKE], conn->pool->now);
        conn->is_in_head = true;
        return 0;
    }
    conn->scan = (struct http_scan){0};
    conn->messages++;
    conn->pool->request(conn, &request);
    return (size_t)n;
}

/* Reads the PROXY header. Returns the bytes that it used: 0 where it is not whole, or not there
 * though it need not be. */
static size_t use_header(struct conn *conn, const uint8_t *data, size_t len)
{
    struct proxy_header header;
    int n = proxy_header_parse(&header, data, len);
    bool is_needless = n == -PROXY_HEADER_ABSENT && conn->header == CONN_HEADER_MAY;

    conn->is_in_head = n == 0;
    if (n == 0)
        return 0;
    conn->header = CONN_HEADER_NONE;
    if (is_needless)
        return 0;
    if (n < 0) {
        conn->pool->bad_request(conn, 400, proxy_header_error_text((enum proxy_header_error)(-n)));
        return len;
    }
    conn->pool->introduced(conn, &header);
    return (size_t)n;
}

static size_t use_http(struct conn *conn, const uint8_t *data, size_t len)
{
    size_t used = conn->header == CONN_HEADER_NONE ? 0 : use_header(conn, data, len);

    return used > 0 || conn->header != CONN_HEADER_NONE ? used : use_request(conn, data, len);
}

/* Uses as much of what came as it can, whatever that turns the connection into. Returns the bytes
 * used. */
static size_t use(struct conn *conn, uint8_t *data, size_t len)
{
    size_t used = 0;

    conn->has_more = false;
    while (used < len) {
        size_t step = 0;

        if (conn->state >= CONN_LINGER)
            return len;
        if (!may_go_on(conn)) {
            conn->has_more = true;
            break;
        }
        if (conn->state == CONN_HTTP)
            step = use_http(conn, data + used, len - used);
        else
            step = use_frames(conn, data + used, len - used);
        if (step == 0 && conn->state == CONN_HTTP)
            break;
        used += step;
    }
    return used;
}

/* Uses what was put aside. */
static void use_rest(struct conn *conn)
{
    size_t used = use(conn, conn->in.data, conn->in.len);

    buf_consume(&conn->in, used);
}

static void take_input(struct conn *conn, uint8_t *data, size_t len)
{
    size_t used;

    touch(conn);
    if (conn->in.len > 0) {
        if (buf_append(&conn->in, data, len) < 0)
            conn_drop(conn, CONN_END_MEMORY);
        else
            use_rest(conn);
        return;
    }
    used = use(conn, data, len);
    if (used < len && buf_append(&conn->in, data + used, len - used) < 0)
        conn_drop(conn, CONN_END_MEMORY);
}

/* How much to read at once: less from a client that is near its rate, since what it may not send
 * yet is better kept by the kernel. */
static size_t read_size(const struct conn *conn)
{
    const struct pool *pool = conn->pool;
    bool is_near = pool->rate_step_ns > 0 && conn->rate_ns > pool->now_ns + pool->rate_burst_ns / 2;

    return is_near ? min_size(THROTTLED_READ, TUNE_READ_BUFFER) : TUNE_READ_BUFFER;
}

/* What a read that brought nothing means. */
static void receive_failed(struct conn *conn, ssize_t n)
{
    if (n == 0)
        peer_ended(conn);
    else if (errno != EAGAIN && errno != EINTR && errno != ENOMEM)
        conn_drop(conn, CONN_END_RESET);
}

static void count_received(struct conn *conn, size_t bytes)
{
    conn->pool->counters.received += bytes;
    conn->received += bytes;
}

/* Receives more of a long payload where it will stay. Returns false where there is none on its way.
 */
static bool receive_payload(struct conn *conn)
{
    struct ws_message message;
    uint8_t *where;
    size_t room = 0;
    ssize_t n;

    if (conn->state == CONN_OPEN && conn->in.len == 0)
        room = ws_reader_room(&conn->reader, &where);
    if (room == 0)
        return false;
    n = recv(conn->source.fd, where, room, 0);
    if (n > 0) {
        count_received(conn, (size_t)n);
        touch(conn);
        use_result(conn, ws_reader_received(&conn->reader, (size_t)n, &message), &message);
        ws_reader_release(&conn->reader);
    } else {
        receive_failed(conn, n);
    }
    return true;
}

static void receive(struct conn *conn)
{
    uint8_t *buffer = conn->pool->buffer;
    ssize_t n;

    if (receive_payload(conn))
        return;
    n = recv(conn->source.fd, buffer, read_size(conn), 0);
    if (n <= 0) {
        receive_failed(conn, n);
        return;
    }
    count_received(conn, (size_t)n);
    if (conn->state >= CONN_CLOSING && (conn->leftover += (uint32_t)n) > LEFTOVER_MAX) {
        conn_drop(conn, CONN_END_PROTOCOL);
        return;
    }
    take_input(conn, buffer, (size_t)n);
    /* A buffer that came back full with the beginning of a long message: the rest is mostly there.
     */
    if (n == TUNE_READ_BUFFER && may_go_on(conn))
        receive_payload(conn);
}

/* An answer need not wait for the end of the tick where no room has anything to say to the peer: it
 * leaves while the processor's first cache still holds it. */
static void answer(struct conn *conn)
{
    if (conn->state == CONN_DEAD || !list_is_linked(&conn->work) || sendq_lag(&conn->out) > 0)
        return;
    list_remove(&conn->work);
    conn_flush(conn);
}

static void on_ready(struct reactor_source *source, uint32_t events)
{
    struct conn *conn = CONTAINER_OF(source, struct conn, source);

    if (conn->state == CONN_DEAD)
        return;
    /* A peer that neither reads nor stays: it has some time to take what it asked for, and then it
     * is dropped. */
    if ((events & EPOLLRDHUP) != 0 && !conn->is_hung) {
        conn->is_hung = true;
        note_taken(conn);
        timer_start(&conn->timer, &conn->pool->timers[CONN_TIMER_SENDING], conn->pool->now);
    }
    if (conn->is_blocked && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
        conn->is_blocked = false;
        note_progress(conn);
        conn_flush(conn);
    }
    if (conn->state != CONN_DEAD && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 &&
        (source->interest & EPOLLIN) != 0 && !conn->has_more && may_go_on(conn)) {
        receive(conn);
        answer(conn);
    }
    update_interest(conn);
}

/* Sends what the socket takes of it at once, where nothing is in front of it, and queues the rest:
 * what mostly fits needs no memory. Returns 0, or -1 where memory is out. */
static int send_or_queue(struct conn *conn, const uint8_t *bytes, size_t len)
{
    ssize_t n = 0;

    if (sendq_is_empty(&conn->out) && !conn->is_blocked && !conn->is_mute)
        n = send(conn->source.fd, bytes, len, MSG_NOSIGNAL);
    if (n > 0)
        count_sent(conn, (size_t)n);
    else
        n = 0; /* why, the next try will tell */
    if ((size_t)n == len)
        return 0;
    conn_wake(conn);
    return sendq_push(&conn->out, bytes + n, len - (size_t)n);
}

bool conn_upgrade(struct conn *conn, struct str response, const struct ws_reader_limits *limits)
{
    if (send_or_queue(conn, (const uint8_t *)response.ptr, response.len) < 0) {
        conn_drop(conn, CONN_END_MEMORY);
        return false;
    }
    conn->state = CONN_OPEN;
    conn->is_websocket = true;
    conn->messages = 0;
    ws_reader_init(&conn->reader, limits);
    timer_start(&conn->timer, &conn->pool->timers[CONN_TIMER_IDLE], conn->pool->now);
    return true;
}

/* ---- timers ---- */

static void drop_expired(struct timer *timer)
{
    conn_drop(conn_of_timer(timer), CONN_END_TIMEOUT);
}

/* How much of what was sent has the peer's system taken since that was noted last? It tells more
 * than EPOLLOUT, which waits for a third of the socket's buffer to be free. Notes it anew, and sets
 * *left to what it has not taken. */
static uint32_t take_on(struct conn *conn, size_t *left)
{
    uint32_t before = conn->taken;

    *left = note_taken(conn);
    return conn->taken - before;
}

/* Does the peer take next to nothing? If it has ended what it sends, it gets no more answers, but
 * what it sent is still handled: all of that has arrived. */
static void sending_expired(struct timer *timer)
{
    struct conn *conn = conn_of_timer(timer);
    size_t left;

    if (take_on(conn, &left) >= TAKEN_MIN) {
        timer_start(timer, &conn->pool->timers[CONN_TIMER_SENDING], conn->pool->now);
        return;
    }
    if (conn->state != CONN_OPEN || !conn->is_hung || conn->is_mute) {
        conn_drop(conn, CONN_END_TIMEOUT);
        return;
    }
    conn->is_mute = true;
    conn->is_blocked = false;
    timer_start(timer, &conn->pool->timers[CONN_TIMER_IDLE], conn->pool->now);
    conn_flush(conn);
}

static void handshake_expired(struct timer *timer)
{
    struct conn *conn = conn_of_timer(timer);

    if (conn_is_idle(conn)) {
        conn_note_end(conn, CONN_END_IDLE, NULL);
        conn_linger(conn);
    } else {
        conn_note_end(conn, CONN_END_TIMEOUT, NULL);
        conn->pool->bad_request(conn, 408, "The request did not arrive in time.");
    }
}

static void idle_expired(struct timer *timer)
{
    struct conn *conn = conn_of_timer(timer);
    struct pool *pool = conn->pool;

    conn->has_backlog = note_taken(conn) > 0;
    conn_send(conn, WS_PING, STR(""), NULL, 0);
    timer_start(timer,
                pool->timers[CONN_TIMER_PONG].length > 0 ? &pool->timers[CONN_TIMER_PONG]
                                                         : &pool->timers[CONN_TIMER_IDLE],
                pool->now);
}

/* No pong. That is no wonder where the ping is still behind something else that the peer takes. */
static void pong_expired(struct timer *timer)
{
    struct conn *conn = conn_of_timer(timer);
    size_t left;

    if (!conn->has_backlog || take_on(conn, &left) == 0) {
        conn_drop(conn, CONN_END_TIMEOUT);
        return;
    }
    conn->has_backlog = left > 0;
    timer_start(timer, &conn->pool->timers[CONN_TIMER_PONG], conn->pool->now);
}

static void throttle_expired(struct timer *timer)
{
    struct conn *conn = conn_of_timer(timer);
    struct pool *pool = conn->pool;

    if (!has_allowance(conn)) {
        timer_start(timer, &pool->timers[CONN_TIMER_THROTTLE], pool->now);
        return;
    }
    conn->is_throttled = false;
    timer_start(timer, &pool->timers[CONN_TIMER_IDLE], pool->now);
    if (!conn->has_more)
        update_interest(conn);
    else if (!list_is_linked(&conn->work))
        list_append(&pool->ready, &conn->work);
}

void (*const conn_timer_handlers[CONN_TIMERS])(struct timer *) = {
    [CONN_TIMER_HANDSHAKE] = handshake_expired, [CONN_TIMER_SENDING] = sending_expired,
    [CONN_TIMER_IDLE] = idle_expired,           [CONN_TIMER_PONG] = pong_expired,
    [CONN_TIMER_CLOSING] = drop_expired,        [CONN_TIMER_THROTTLE] = throttle_expired,
    [CONN_TIMER_SILENT] = handshake_expired,
};

/* ---- the beginning and the end ---- */

struct conn *conn_open(struct pool *pool, int fd, const struct peer *peer)
{
    struct list *freed = list_take_first(&pool->free);
    struct conn *conn = freed != NULL ? conn_of_work(freed) : &pool->conns[pool->used++];

    memset(conn, 0, sizeof(*conn));
    conn->source = (struct reactor_source){.ready = on_ready, .fd = fd};
    conn->pool = pool;
    conn->peer = conn->origin = *peer;
    conn->is_tcp = peer->is_known;
    conn->opened = pool->now;
    sendq_init(&conn->out);
    list_init(&conn->work);
    timer_init(&conn->timer);
    buf_init(&conn->in);
    pool->count++;
    pool->counters.connections++;
    timer_start(&conn->timer, &pool->timers[CONN_TIMER_HANDSHAKE], pool->now);
    return conn;
}

void conn_start(struct conn *conn, bool has_input, uint64_t silence)
{
    struct pool *pool = conn->pool;

    if (has_input) {
        receive(conn);
        answer(conn);
    }
    if (silence > 0 && conn->state == CONN_HTTP && conn->received == 0) {
        conn->opened -=
            silence < conn->opened ? silence : conn->opened; /* the system may be young */
        timer_start(&conn->timer, &pool->timers[CONN_TIMER_SILENT], pool->now);
    }
    update_interest(conn);
}

void conn_resume(struct conn *conn)
{
    touch(conn);
    use_rest(conn);
    conn_wake(conn);
}

void conn_deinit(struct conn *conn)
{
    conn->pool->ended(conn);
    close(conn->source.fd);
    sendq_deinit(&conn->out);
    if (conn->is_websocket)
        ws_reader_deinit(&conn->reader);
    buf_deinit(&conn->in);
    free(conn->room);
    conn->pool->slow -= is_slow(conn->source.interest);
    conn->pool = NULL;
}
