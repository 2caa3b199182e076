#include "net/stream.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/tuning.h"
#include "net/socket.h"

/* A peer to which so many bytes of its own are still to be sent is not read from: who sends without
 * reading is slowed down, and costs no more than this and one answer. */
#define OUT_LIMIT 65536

/* Bytes that are received, to be dropped, once a stream is ending: enough for all that the peer may
 * have had on its way. Who sends on beyond that does not listen. */
#define LEFTOVER_MAX (16 * 1024 * 1024)

/* Who takes fewer bytes while STREAM_TIMER_SENDING runs is not waited for any longer. */
#define TAKEN_MIN 16384

/* The work of a tick, and the share of one stream, in units of about a tenth of a microsecond. So
 * long may others wait for their turn; and a tick that is so short costs little beside it. */
static const int64_t budgets[STREAM_WORKS] = {
    [STREAM_WORK_GUEST] = 2000, [STREAM_WORK_MEMBER] = 2000, [STREAM_WORK_LEAVER] = 1000};

#define SHARE 500

/* The same for what is sent: the first half is for those who have more to send than their share
 * (TUNE_SEND_SHARE), and answers leave one part to those who wait for the end of the tick. */
#define SENDING 2000
#define SENDING_LATER (SENDING / 4)

/* What a call to send costs, and how many of its bytes cost one more: the peer's system takes them
 * on this processor where it is the same. */
#define SEND_WORK 40
#define SEND_WORK_BYTES 512

/* Timers of a class that may expire in one tick: many can be due at once, and each can be an end.
 */
#define EXPIRE_AT_ONCE 16

/* What it costs to receive, and how many bytes cost one more; the end of a stream, and that of its
 * socket; and output that is made. */
#define RECEIVE_WORK 10
#define RECEIVE_WORK_BYTES 1024
#define END_WORK 80
#define OUTPUT_WORK_BYTES 128

/* Where pointers have 64 bits, what a flush needs fills two cache lines. */
_Static_assert(sizeof(void *) != 8 || offsetof(struct stream, ops) == 128,
               "the members of a stream lie where their order says");

/* ---- interest ---- */

bool stream_may_read(const struct stream *stream)
{
    return stream->state >= STREAM_LINGER ||
           (!stream->is_paused && sendq_cost(&stream->out) <= OUT_LIMIT);
}

/* Does it wait for the peer to take more? */
static size_t stream_is_slow(uint32_t interest)
{
    return (interest & EPOLLOUT) != 0 ? 1 : 0;
}

/* Not inline, for stream_update_interest mostly finds that nothing changes. */
static __attribute__((noinline)) void stream_change_interest(struct stream *stream,
                                                             uint32_t interest)
{
    uint32_t before = stream->source.interest;

    if (reactor_watch(stream->env->reactor, &stream->source, interest) < 0) {
        stream_drop(stream, STREAM_END_MEMORY);
        return;
    }
    stream->env->slow += stream_is_slow(interest);
    stream->env->slow -= stream_is_slow(before);
}

/* Is more queued for the peer than is fair, which it does not take? */
static bool stream_is_stuffed(const struct stream *stream)
{
    return stream->is_blocked && stream->state < STREAM_LINGER &&
           sendq_cost(&stream->out) > OUT_LIMIT;
}

/* What to look for where nothing is read: the peer's FIN, and after it only its RST, which epoll
 * always tells of what it watches at all. */
static uint32_t stream_end_interest(const struct stream *stream)
{
    if (!stream->rdhup)
        return EPOLLRDHUP;
    return stream->is_waiting ? EPOLLET : 0;
}

/* The one place that decides what events a stream waits for. */
static void stream_update_interest(struct stream *stream)
{
    bool is_stuffed = stream_is_stuffed(stream);
    uint32_t interest = 0;

    if (stream->state == STREAM_DEAD)
        return;
    if (!stream->read_eof && !stream->is_paused && !is_stuffed)
        interest |= EPOLLIN | EPOLLRDHUP;
    if (stream->is_blocked)
        interest |= EPOLLOUT;
    if (is_stuffed || stream->is_waiting)
        interest |= stream_end_interest(stream);
    else if (stream->is_paused && !stream->rdhup)
        interest |= EPOLLRDHUP;
    if (interest != stream->source.interest)
        stream_change_interest(stream, interest);
}

/* ---- the end ---- */

void stream_note_end(struct stream *stream, enum stream_end end, const char *detail)
{
    if (stream->end != STREAM_END_NONE)
        return;
    stream->end = (uint8_t)end;
    stream->detail = detail;
}

/* What is queued may take as long as the peer takes some of it, unless the session has begun the
 * time for closing already. */
static void stream_enter_linger(struct stream *stream)
{
    if (!stream_timer_is(stream, STREAM_TIMER_CLOSING)) {
        if (sendq_is_empty(&stream->out))
            stream_start_timer(stream, STREAM_TIMER_CLOSING);
        else
            stream_expect_taking(stream);
    }
    stream_wake(stream);
}

static void stream_enter_dead(struct stream *stream)
{
    stream->state = STREAM_DEAD;
    timer_stop(&stream->timer);
    stream->is_late = false;
    list_remove(&stream->work);
    list_append(&stream->env->dead, &stream->work);
    stream_charge(stream, END_WORK);
}

/* Tells the session. Returns false where nothing may be sent any more. */
static bool stream_leave_open(struct stream *stream, bool is_dead)
{
    /* Nothing will be sent, so nothing need be kept. */
    if (is_dead)
        sendq_drop_all(&stream->out);
    stream->state = STREAM_LINGER;
    stream->is_ending = true;
    stream->is_paused = stream->is_waiting = false;
    stream_charge(stream, END_WORK);
    return stream->ops->on_close(stream, is_dead) == 0;
}

void stream_close(struct stream *stream, enum stream_state state, enum stream_end end,
                  const char *detail)
{
    bool was_open = stream->state == STREAM_OPEN;

    if (stream->state >= state)
        return;
    stream_note_end(stream, end, detail);
    if (was_open && !stream_leave_open(stream, state == STREAM_DEAD))
        state = STREAM_DEAD;
    if (stream->state == STREAM_DEAD)
        return; /* what the session did ended it */
    if (state == STREAM_DEAD)
        stream_enter_dead(stream);
    else
        stream_enter_linger(stream);
}

/* ---- output ---- */

/* Puts it on a list of those who have something to send. What it has to say late is told again by
 * the kernel, but nobody else sends what its peer waits for. */
static void stream_line_up(struct stream *stream, struct list *list)
{
    if (stream->is_late) {
        stream->is_late = false;
        list_remove(&stream->work);
    }
    if (!list_is_linked(&stream->work))
        list_append(list, &stream->work);
}

void stream_wake(struct stream *stream)
{
    stream_line_up(stream, &stream->env->woken);
}

void stream_expect_taking(struct stream *stream)
{
    stream->is_sending = true;
    stream_start_timer(stream, STREAM_TIMER_SENDING);
}

static void stream_count_sent(struct stream *stream, size_t bytes)
{
    stream->env->counters.sent += bytes;
    stream->sent += bytes;
}

uint32_t stream_note_taken(struct stream *stream, size_t *left)
{
    uint32_t before = stream->taken;

    *left = 0;
    if (!stream->is_tcp)
        return 0;
    *left = socket_unsent(stream->source.fd);
    stream->taken = (uint32_t)(stream->sent - *left);
    return stream->taken - before;
}

/* Cuts the spans to `max` bytes. Returns how many there are then. */
static int stream_cut_spans(struct iovec *spans, size_t max)
{
    int count = 0;

    while (spans[count].iov_len < max)
        max -= spans[count++].iov_len;
    spans[count].iov_len = max;
    return count + 1;
}

/* One call to send what the queue says, `max` bytes at most. Returns the bytes that the socket
 * took, 0 where the peer is gone, or -1 where it is full. */
static ssize_t stream_send_some(struct stream *stream, size_t max, size_t *wanted)
{
    struct iovec spans[TUNE_IOV];
    struct msghdr message = {.msg_iov = spans};
    int count = sendq_gather(&stream->out, spans, TUNE_IOV, wanted);
    ssize_t n;

    if (count == 0)
        return 0;
    if (*wanted > max) {
        count = stream_cut_spans(spans, max);
        *wanted = max;
    }
    if (count == 1) {
        n = send(stream->source.fd, spans[0].iov_base, spans[0].iov_len, MSG_NOSIGNAL);
    } else {
        message.msg_iovlen = (size_t)count;
        n = sendmsg(stream->source.fd, &message, MSG_NOSIGNAL);
    }
    if (n >= 0) {
        stream_count_sent(stream, (size_t)n);
        return n;
    }
    if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
        return -1;
    if (errno != EINTR)
        stream->write_failed = true;
    return 0;
}

/* Sends until the queue is empty, the socket is full, or the stream has had its share. */
static void stream_send_all(struct stream *stream)
{
    size_t share = TUNE_SEND_SHARE;

    while (!sendq_is_empty(&stream->out) && !stream->is_blocked && share > 0) {
        size_t wanted, left;
        ssize_t taken = stream_send_some(stream, share, &wanted);

        stream->env->sending -= (int64_t)(SEND_WORK + wanted / SEND_WORK_BYTES);
        if (stream->write_failed)
            break;
        share -= wanted;
        /* A socket that took less than it was offered is full: asking again would only be told so.
         */
        stream->is_blocked = taken < 0 || (taken > 0 && (size_t)taken < wanted);
        if (stream->is_blocked)
            stream_note_taken(stream, &left);
        if (taken >= 0)
            sendq_advance(&stream->out, (size_t)taken);
    }
}

static void stream_send_fin(struct stream *stream)
{
    shutdown(stream->source.fd, SHUT_WR);
    stream->fin_sent = true;
    if (stream->read_eof)
        stream_drop(stream, STREAM_END_SERVED);
    else if (!stream_timer_is(stream, STREAM_TIMER_CLOSING))
        stream_start_timer(stream, STREAM_TIMER_CLOSING);
}

/* Everything is sent. */
static void stream_sent_all(struct stream *stream)
{
    if (stream->state == STREAM_LINGER) {
        if (!stream->fin_sent)
            stream_send_fin(stream);
    } else if (stream->is_sending) {
        stream->is_sending = false;
        if (stream_timer_is(stream, STREAM_TIMER_SENDING))
            stream->ops->on_drained(stream);
    }
}

/* Tells the session where the peer cannot be sent what it should get. Returns true where it did. */
static bool stream_tell_hopeless(struct stream *stream)
{
    if (stream->out.is_incomplete) {
        if (stream->state == STREAM_OPEN)
            stream->ops->on_incomplete(stream);
        else
            stream_drop(stream, STREAM_END_MEMORY);
        return true;
    }
    if (stream->out.close_code != 0 && stream->state == STREAM_OPEN) {
        stream->ops->on_let_go(stream);
        return true;
    }
    if (sendq_is_overrun(&stream->out) ||
        (stream->is_blocked && sendq_lag(&stream->out) > stream->env->max_lag)) {
        stream->ops->on_lag(stream);
        return true;
    }
    return false;
}

/* Who leaves has said all, so nobody waits for what is left. */
static enum stream_work stream_work(const struct stream *stream)
{
    return stream->is_leaving ? STREAM_WORK_LEAVER : stream->ops->work;
}

/* Lets the next step of the tick go on with what was put aside. */
static void stream_make_ready(struct stream *stream)
{
    if (!list_is_linked(&stream->work))
        list_append(&stream->env->ready[stream_work(stream)], &stream->work);
}

/* It is read from in the next tick, before those who have something to say only then. */
static void stream_make_late(struct stream *stream)
{
    if (list_is_linked(&stream->work))
        return; /* the kernel tells of it again */
    stream->is_late = true;
    list_append(&stream->env->late[stream_work(stream)], &stream->work);
}

/* It has had its share of sending, and has more. */
static void stream_make_heavy(struct stream *stream)
{
    if (!stream->is_blocked && !sendq_is_empty(&stream->out))
        stream_line_up(stream, &stream->env->heavy);
}

/* What was queued was sent as far as that can be. */
static void stream_settle(struct stream *stream)
{
    if (stream->write_failed)
        sendq_drop_all(&stream->out);
    if (sendq_is_empty(&stream->out))
        stream_sent_all(stream);
    stream_make_heavy(stream);
}

void stream_flush(struct stream *stream)
{
    bool was_blocked = stream->is_blocked;

    if (stream->state == STREAM_DEAD || stream_tell_hopeless(stream))
        return;
    if (!was_blocked && !stream->write_failed)
        stream_send_all(stream);
    if (!was_blocked)
        stream_settle(stream);
    /* Who does not take what it is sent may speak all the same. */
    if (stream->state != STREAM_DEAD && stream->has_more && stream_may_read(stream))
        stream_make_ready(stream);
    stream_update_interest(stream);
}

/* ---- work ---- */

void stream_charge(struct stream *stream, size_t work)
{
    size_t used = stream->used + work;

    stream->used = (uint16_t)min_size(used, UINT16_MAX);
    stream_env_charge(stream->env, stream->env->turn, work);
}

void stream_charge_output(struct stream *stream, size_t before)
{
    size_t cost = sendq_cost(&stream->out);

    if (cost > before)
        stream_charge(stream, (cost - before) / OUTPUT_WORK_BYTES);
}

bool stream_is_spent(const struct stream *stream)
{
    return stream->used >= SHARE || stream_env_is_spent(stream->env, stream->env->turn);
}

void stream_env_charge(struct stream_env *env, enum stream_work kind, size_t work)
{
    env->left[kind] -= (int64_t)min_size(work, UINT16_MAX);
}

/* Its turn begins. */
static void stream_begin_turn(struct stream *stream)
{
    stream->used = 0;
    stream->env->turn = stream_work(stream);
}

/* ---- input ---- */

/* Uses as much of what came as it can, whatever session that brings. Returns the bytes used. */
static size_t stream_use(struct stream *stream, uint8_t *data, size_t len)
{
    size_t used = 0, step = 1;

    stream->has_more = false;
    while (used < len && step > 0) {
        if (stream->state >= STREAM_LINGER)
            return len;
        if (!stream_may_read(stream) || stream_is_spent(stream)) {
            stream->has_more = true;
            break;
        }
        step = stream->ops->input(stream, data + used, len - used);
        used += step;
    }
    /* What its session stopped at without using any comes again when it goes on. */
    if (used < len && !stream_may_read(stream))
        stream->has_more = true;
    return used;
}

/* Uses what was put aside. */
static void stream_use_rest(struct stream *stream)
{
    buf_consume(&stream->in, stream_use(stream, stream->in.data, stream->in.len));
}

static void stream_take_input(struct stream *stream, uint8_t *data, size_t len)
{
    size_t used;

    if (stream->in.len > 0) {
        if (buf_append(&stream->in, data, len) < 0)
            stream_drop(stream, STREAM_END_MEMORY);
        else
            stream_use_rest(stream);
        return;
    }
    used = stream_use(stream, data, len);
    if (used < len && buf_append(&stream->in, data + used, len - used) < 0)
        stream_drop(stream, STREAM_END_MEMORY);
}

/* The peer sends no more. What it sent before is handled; what it is still to get is sent. Where
 * sending has failed it was a reset, which the system tells but once. */
static void stream_take_eof(struct stream *stream)
{
    stream->read_eof = true;
    if (stream->state == STREAM_OPEN) {
        if (stream->write_failed)
            stream_note_end(stream, STREAM_END_RESET, NULL);
        stream->ops->on_eof(stream);
        stream_linger(stream, STREAM_END_LEFT, NULL);
    }
    if (stream->fin_sent)
        stream_drop(stream, STREAM_END_LEFT);
}

/* What a read that brought nothing means. */
static void stream_receive_failed(struct stream *stream, ssize_t n)
{
    if (n == 0)
        stream_take_eof(stream);
    else if (errno != EAGAIN && errno != EINTR && errno != ENOMEM)
        stream_drop(stream, STREAM_END_RESET);
}

static void stream_count_received(struct stream *stream, size_t bytes)
{
    stream->env->counters.received += bytes;
    stream->received += bytes;
    stream_charge(stream, RECEIVE_WORK + bytes / RECEIVE_WORK_BYTES);
}

/* Receives where the session wants it. Returns false where that is nowhere special. */
static bool stream_receive_direct(struct stream *stream)
{
    uint8_t *where;
    size_t room = 0;
    ssize_t n;

    if (stream->state == STREAM_OPEN && stream->in.len == 0 && stream->ops->room != NULL)
        room = stream->ops->room(stream, &where);
    if (room == 0)
        return false;
    n = recv(stream->source.fd, where, room, 0);
    if (n > 0) {
        stream_count_received(stream, (size_t)n);
        stream->ops->filled(stream, (size_t)n);
    } else {
        stream_receive_failed(stream, n);
    }
    return true;
}

static size_t stream_read_size(const struct stream *stream)
{
    size_t size = TUNE_READ_BUFFER;

    if (stream->ops->read_size != NULL)
        size = min_size(size, stream->ops->read_size(stream));
    return size;
}

static void stream_receive(struct stream *stream)
{
    uint8_t *buffer = stream->env->buffer;
    ssize_t n;

    if (stream_receive_direct(stream))
        return;
    n = recv(stream->source.fd, buffer, stream_read_size(stream), 0);
    if (n <= 0) {
        stream_receive_failed(stream, n);
        return;
    }
    stream_count_received(stream, (size_t)n);
    if (stream->is_ending && (stream->leftover += (uint32_t)n) > LEFTOVER_MAX) {
        stream_drop(stream, STREAM_END_PROTOCOL);
        return;
    }
    stream_take_input(stream, buffer, (size_t)n);
    /* A buffer that came back full with the beginning of something long: the rest is mostly there.
     */
    if (n == TUNE_READ_BUFFER && stream_may_read(stream))
        stream_receive_direct(stream);
}

/* An answer need not wait for the end of the tick where no ring has anything to say to the peer: it
 * leaves while the processor's first cache still holds it. */
static bool stream_has_answer(const struct stream *stream)
{
    return stream->state != STREAM_DEAD && list_is_linked(&stream->work) &&
           sendq_lag(&stream->out) == 0 && stream->env->sending > SENDING_LATER;
}

void stream_resume(struct stream *stream)
{
    stream->is_paused = stream->is_waiting = false;
    if (stream->has_more)
        stream_make_ready(stream);
    else
        stream_wake(stream);
}

/* ---- events ---- */

/* The peer's FIN stands behind what is not read now. One that neither reads nor stays has some time
 * to take what it asked for; one that waits for an answer may have sent all it has to say. */
static void stream_note_rdhup(struct stream *stream)
{
    size_t left;

    stream->rdhup = true;
    if (stream->is_waiting || (stream->is_paused && !stream_is_stuffed(stream)))
        return;
    stream_note_taken(stream, &left);
    stream_expect_taking(stream);
}

static void stream_note_progress(struct stream *stream)
{
    if (stream_timer_is(stream, STREAM_TIMER_SENDING))
        stream_expect_taking(stream);
    else if (stream->state == STREAM_OPEN)
        stream->ops->on_progress(stream);
}

static void stream_ready_out(struct stream *stream)
{
    stream->is_blocked = false;
    stream_note_progress(stream);
    if (stream->env->sending > SENDING_LATER)
        stream_flush(stream);
    else
        stream_wake(stream);
}

/* Whose budget is spent is not even read from: the kernel keeps it. */
static void stream_ready_in(struct stream *stream)
{
    stream_begin_turn(stream);
    if (stream_is_spent(stream)) {
        stream_make_late(stream);
        return;
    }
    stream_receive(stream);
    if (stream_has_answer(stream)) {
        list_remove(&stream->work);
        stream_flush(stream);
    }
    if (stream->state != STREAM_DEAD && stream->has_more && stream_may_read(stream))
        stream_make_ready(stream);
}

static void stream_on_ready(struct reactor_source *source, uint32_t events)
{
    struct stream *stream = CONTAINER_OF(source, struct stream, source);
    bool is_lost = (events & (EPOLLHUP | EPOLLERR)) != 0;

    if (stream->state == STREAM_DEAD)
        return;
    stream->is_leaving = is_lost || (events & EPOLLRDHUP) != 0;
    if ((events & EPOLLRDHUP) != 0 && (source->interest & EPOLLIN) == 0 && !stream->rdhup)
        stream_note_rdhup(stream);
    if (is_lost && stream->is_waiting)
        stream_drop(stream, STREAM_END_RESET);
    if (stream->is_blocked && (is_lost || (events & EPOLLOUT) != 0))
        stream_ready_out(stream);
    if (stream->state != STREAM_DEAD && (is_lost || (events & EPOLLIN) != 0) &&
        (source->interest & EPOLLIN) != 0 && !stream->has_more && !stream->is_late &&
        stream_may_read(stream))
        stream_ready_in(stream);
    stream_update_interest(stream);
}

/* ---- timers ---- */

/* Does the peer take next to nothing? If it has ended what it sends, it gets no more answers, but
 * what it sent is still handled: all of that has arrived. */
static void stream_sending_expired(struct stream *stream)
{
    size_t left;

    if (stream_note_taken(stream, &left) >= TAKEN_MIN) {
        stream_expect_taking(stream);
        return;
    }
    if (stream->state != STREAM_OPEN || !stream->rdhup || stream->write_failed ||
        !stream->ops->on_deaf(stream)) {
        stream_drop(stream, STREAM_END_TIMEOUT);
        return;
    }
    stream_note_end(stream, STREAM_END_TIMEOUT, NULL);
    stream->write_failed = true;
    stream->is_blocked = false;
    stream_wake(stream);
}

static void stream_timer_expired(struct timer *timer, const struct timer_class *from)
{
    struct stream *stream = stream_of_timer(timer);
    size_t class = (size_t)(from - stream->env->timers);

    if (class == STREAM_TIMER_SENDING)
        stream_sending_expired(stream);
    else if (class == STREAM_TIMER_CLOSING)
        stream_drop(stream, STREAM_END_TIMEOUT);
    else
        stream->ops->on_timer(stream, (unsigned)class);
}

/* ---- the beginning ---- */

/* Those that wait have one half of each budget, those of whom something comes now the other. */
static void stream_env_renew(struct stream_env *env, bool is_first)
{
    for (int i = 0; i < STREAM_WORKS; i++)
        env->left[i] = (is_first || env->left[i] < 0 ? 0 : env->left[i]) + budgets[i] / 2;
}

void stream_env_init(struct stream_env *env, const uint64_t *timeouts, size_t count)
{
    list_init(&env->woken);
    list_init(&env->heavy);
    list_init(&env->dead);
    for (int kind = 0; kind < STREAM_WORKS; kind++) {
        list_init(&env->ready[kind]);
        list_init(&env->late[kind]);
    }
    stream_env_renew(env, true);
    env->sending = SENDING;
    env->timer_count = count;
    for (size_t i = 0; i < count; i++)
        timer_class_init(&env->timers[i], timeouts[i], stream_timer_expired);
}

void stream_init(struct stream *stream, struct stream_env *env, int fd, bool is_tcp,
                 const struct stream_ops *ops)
{
    *stream = (struct stream){.env = env, .ops = ops, .is_tcp = is_tcp};
    stream->source = (struct reactor_source){.ready = stream_on_ready, .fd = fd};
    stream->opened = env->clock.now;
    sendq_init(&stream->out);
    list_init(&stream->work);
    timer_init(&stream->timer);
    buf_init(&stream->in);
    env->counters.connections++;
}

void stream_start(struct stream *stream, bool has_input)
{
    if (stream->state != STREAM_OPEN)
        stream_wake(stream);
    else if (has_input)
        stream_ready_in(stream);
    stream_update_interest(stream);
}

void stream_deinit(struct stream *stream)
{
    stream->ops->on_free(stream);
    close(stream->source.fd);
    sendq_deinit(&stream->out);
    buf_deinit(&stream->in);
    stream->env->slow -= stream_is_slow(stream->source.interest);
    stream->env = NULL;
}

bool stream_carry_on(struct stream *stream)
{
    stream_update_interest(stream);
    if (stream->state == STREAM_DEAD)
        return false;
    if (stream->has_more && stream_may_read(stream))
        stream_make_ready(stream);
    else
        stream_wake(stream);
    return true;
}

/* ---- steps of the tick ---- */

static void stream_go_on(struct stream *stream)
{
    stream_begin_turn(stream);
    stream_use_rest(stream);
    if (stream->state != STREAM_DEAD)
        stream_wake(stream);
}

/* Those whose turn does not come now stay in front of those that stop again. */
static void stream_env_resume_kind(struct stream_env *env, int kind)
{
    struct list *first;

    while (env->left[kind] > 0 && (first = list_take_first(&env->ready[kind])) != NULL)
        stream_go_on(stream_of_work(first));
}

/* Reads from those who found the budget spent, in the order in which they came. */
static void stream_env_read_late(struct stream_env *env, int kind)
{
    struct list *first;

    while (env->left[kind] > 0 && (first = list_take_first(&env->late[kind])) != NULL) {
        struct stream *stream = stream_of_work(first);

        stream->is_late = false;
        if (!stream->read_eof && stream_may_read(stream))
            stream_ready_in(stream);
        stream_update_interest(stream);
    }
}

static void stream_env_send(struct stream_env *env, struct list *list, int64_t rest)
{
    struct list *first;

    while (env->sending > rest && (first = list_take_first(list)) != NULL)
        stream_flush(stream_of_work(first));
}

void stream_env_resume(struct stream_env *env)
{
    stream_env_renew(env, true);
    env->sending = SENDING;
    stream_env_send(env, &env->heavy, SENDING / 2);
    for (int kind = 0; kind < STREAM_WORKS; kind++)
        stream_env_resume_kind(env, kind);
    stream_env_renew(env, false);
    for (int kind = 0; kind < STREAM_WORKS; kind++)
        stream_env_read_late(env, kind);
}

void stream_env_flush(struct stream_env *env)
{
    env->turn = STREAM_WORK_LEAVER; /* who ends from here on */
    stream_env_send(env, &env->woken, 0);
    stream_env_send(env, &env->heavy, SENDING / 2);
}

bool stream_env_has_output(const struct stream_env *env)
{
    return (!list_is_empty(&env->woken) && env->sending > 0) ||
           (!list_is_empty(&env->heavy) && env->sending > SENDING / 2);
}

void stream_env_lift(struct stream_env *env)
{
    env->sending = INT64_MAX;
}

uint64_t stream_env_deadline(const struct stream_env *env)
{
    uint64_t deadline = UINT64_MAX;

    if (!list_is_empty(&env->woken) || !list_is_empty(&env->heavy))
        return env->clock.now;
    for (int kind = 0; kind < STREAM_WORKS; kind++) {
        if (!list_is_empty(&env->ready[kind]) || !list_is_empty(&env->late[kind]))
            return env->clock.now;
    }
    for (size_t i = 0; i < env->timer_count; i++) {
        uint64_t next = timer_class_deadline(&env->timers[i]);

        deadline = next < deadline ? next : deadline;
    }
    return deadline;
}

void stream_env_expire(struct stream_env *env)
{
    for (size_t i = 0; i < env->timer_count; i++)
        timer_class_expire(&env->timers[i], env->clock.now, EXPIRE_AT_ONCE);
}
