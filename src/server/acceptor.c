#include "server/acceptor.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/tuning.h"
#include "base/util.h"
#include "net/socket.h"
#include "session/http.h"

/* How long accepting pauses, in milliseconds, when all places are taken or the system is out of
 * descriptors, and no connection ends before. */
#define PAUSE 200

/* When so many connections come within so many milliseconds, the kernel is asked to keep them; when
 * fewer do, no more. */
#define DEFER_FROM 200
#define DEFER_PERIOD 1000

/* What it costs to accept one, in the units of stream_charge. */
#define ACCEPT_WORK 100

/* Connections that are kept free for operators: whoever fills the server, they can still look. */
#define ADMIN_PLACES 4

static const struct clock *acceptor_clock(const struct acceptor *acceptor)
{
    return &acceptor->conns->pool.env.clock;
}

static void accept_from(struct acceptor *acceptor, enum accepting from)
{
    struct reactor *reactor = acceptor->conns->pool.env.reactor;

    acceptor->from = from;
    for (size_t i = 0; i < acceptor->listener_count; i++) {
        struct acceptor_listener *listener = &acceptor->listeners[i];
        bool accepts = from == ACCEPTING_ALL || (from == ACCEPTING_ADMIN && listener->is_admin);

        if (reactor_watch(reactor, &listener->source, accepts ? EPOLLIN : 0) < 0)
            acceptor->from = ACCEPTING_NONE;
    }
    acceptor->again =
        acceptor->from == ACCEPTING_ALL ? UINT64_MAX : acceptor_clock(acceptor)->now + PAUSE;
}

/* Is there a place for one more from this listener? If not, makes one, which is free at the end of
 * the tick, and stops accepting until then. */
static bool has_place(struct acceptor *acceptor, const struct acceptor_listener *listener)
{
    const struct pool *pool = &acceptor->conns->pool;
    size_t kept = listener->is_admin ? 0 : acceptor->admin_places;

    if (pool->count + kept < pool->capacity)
        return true;
    conns_drop_spare(acceptor->conns);
    accept_from(acceptor, pool->count < pool->capacity ? ACCEPTING_ADMIN : ACCEPTING_NONE);
    return false;
}

/* ---- leaving them to the kernel ---- */

uint64_t acceptor_time_left(uint64_t time)
{
    /* Some come that were not kept, as by SYN cookies: a short time is left as it is. */
    return time >= UINT64_C(2) * SOCKET_DEFER_MS ? time - SOCKET_DEFER_MS : time;
}

static void set_deferring(struct acceptor *acceptor, bool is_deferring)
{
    bool was_deferring = acceptor->is_deferring;

    acceptor->is_deferring = is_deferring;
    acceptor->deferring_since = acceptor_clock(acceptor)->now;
    for (size_t i = 0; i < acceptor->listener_count; i++) {
        struct acceptor_listener *listener = &acceptor->listeners[i];

        listener->is_deferred =
            socket_defer_accept(listener->source.fd, is_deferring) && is_deferring;
    }
    if (is_deferring != was_deferring)
        log_debug(is_deferring ? "the kernel keeps connections until they send something"
                               : "the kernel tells of connections at once");
}

/* The listeners are those of another process, which has told how they are. */
static void go_on_deferring(struct acceptor *acceptor)
{
    bool is_deferring =
        acceptor->defer == DEFER_ON || (acceptor->defer == DEFER_AUTO && acceptor->is_deferring);
    uint64_t since = acceptor->deferring_since;
    uint64_t latest = acceptor_clock(acceptor)->now + DEFER_PERIOD;

    acceptor->period_end = acceptor->period_end < latest ? acceptor->period_end : latest;
    set_deferring(acceptor, is_deferring);
    acceptor->deferring_since = since;
}

static void count_anew(struct acceptor *acceptor)
{
    acceptor->came = 0;
    acceptor->period_end = acceptor_clock(acceptor)->now + DEFER_PERIOD;
}

static void adapt_deferring(struct acceptor *acceptor)
{
    bool are_many = acceptor->came >= DEFER_FROM;

    if (acceptor->defer != DEFER_AUTO)
        return;
    if (acceptor_clock(acceptor)->now >= acceptor->period_end) {
        if (acceptor->is_deferring && !are_many)
            set_deferring(acceptor, false);
        count_anew(acceptor);
    } else if (are_many) {
        if (!acceptor->is_deferring)
            set_deferring(acceptor, true);
        count_anew(acceptor);
    }
}

/* For how long has a connection been there that comes now and has sent nothing? Where the kernel
 * has kept connections for less than SOCKET_DEFER_MS so far, it cannot have kept this one. */
static uint64_t silent_for(const struct acceptor_listener *listener)
{
    const struct acceptor *acceptor = listener->acceptor;
    bool was_kept = listener->is_deferred &&
                    acceptor_clock(acceptor)->now >= acceptor->deferring_since + SOCKET_DEFER_MS;

    return was_kept ? SOCKET_DEFER_MS : 0;
}

/* ---- accepting ---- */

static void accept_conn(struct acceptor_listener *listener, int fd, const struct peer *peer)
{
    struct acceptor *acceptor = listener->acceptor;
    struct conn *conn = http_accept(acceptor->conns, fd, peer);

    conn->is_admin = listener->is_admin;
    acceptor->on_accepted(acceptor, conn);
    list_append(&listener->fresh, &conn->stream.work);
}

/* Takes one connection. Returns false where there is none, or none can be taken now. */
static bool accept_one(struct acceptor *acceptor, struct acceptor_listener *listener)
{
    struct peer peer;
    int fd;

    if (!has_place(acceptor, listener))
        return false;
    fd = socket_accept(listener->source.fd, &peer);
    if (fd >= 0) {
        acceptor->came++;
        accept_conn(listener, fd, &peer);
        return true;
    }
    if (errno == EAGAIN)
        return false;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        acceptor->on_pause(acceptor, strerror(errno));
        conns_drop_spare(acceptor->conns);
        accept_from(acceptor, ACCEPTING_NONE);
        return false;
    }
    /* The error is that of a connection which ended before it was accepted (accept(2)). */
    return true;
}

static void acceptor_ready(struct reactor_source *source, uint32_t events)
{
    struct acceptor_listener *listener = CONTAINER_OF(source, struct acceptor_listener, source);

    struct stream_env *env = &listener->acceptor->conns->pool.env;

    (void)events;
    adapt_deferring(listener->acceptor); /* those who come now count from now */
    for (int i = 0; i < TUNE_ACCEPT_BATCH; i++) {
        /* One comes in any case: guests who are in already keep nobody out. */
        if (i > 0 && stream_env_is_spent(env, STREAM_WORK_GUEST))
            return;
        if (!accept_one(listener->acceptor, listener))
            return;
        stream_env_charge(env, STREAM_WORK_GUEST, ACCEPT_WORK);
    }
}

void acceptor_greet(struct acceptor *acceptor)
{
    for (size_t i = 0; i < acceptor->listener_count; i++) {
        struct acceptor_listener *listener = &acceptor->listeners[i];
        struct list *first;

        while ((first = list_take_first(&listener->fresh)) != NULL) {
            struct stream *stream = stream_of_work(first);

            stream_start(stream, listener->is_deferred);
            http_note_silence(conn_of(stream), silent_for(listener));
        }
    }
}

static void acceptor_add(struct acceptor *acceptor, const struct listening *one)
{
    struct acceptor_listener *listener = &acceptor->listeners[acceptor->listener_count++];

    listener->source = (struct reactor_source){.ready = acceptor_ready, .fd = one->fd};
    list_init(&listener->fresh);
    listener->acceptor = acceptor;
    listener->file = one->file;
    listener->is_admin = one->is_admin;
}

void acceptor_take(struct acceptor *acceptor, const struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++)
        acceptor_add(acceptor, &listeners->items[i]);
}

bool acceptor_has_admin(const struct acceptor *acceptor)
{
    for (size_t i = 0; i < acceptor->listener_count; i++) {
        if (acceptor->listeners[i].is_admin)
            return true;
    }
    return false;
}

void acceptor_close(struct acceptor *acceptor)
{
    for (size_t i = 0; i < acceptor->listener_count; i++) {
        const struct acceptor_listener *listener = &acceptor->listeners[i];

        socket_close_listener(listener->source.fd, listener->file);
    }
}

void acceptor_start(struct acceptor *acceptor, size_t max_members)
{
    size_t extra = acceptor->conns->pool.capacity - max_members;

    if (acceptor_has_admin(acceptor))
        acceptor->admin_places = min_size(ADMIN_PLACES, extra / 2);
    if (acceptor->has_state)
        go_on_deferring(acceptor);
    else
        set_deferring(acceptor, acceptor->defer == DEFER_ON);
    accept_from(acceptor, ACCEPTING_ALL);
}

uint64_t acceptor_deadline(const struct acceptor *acceptor)
{
    bool ends = acceptor->is_deferring && acceptor->defer == DEFER_AUTO;
    uint64_t end = ends ? acceptor->period_end : UINT64_MAX;

    return acceptor->again < end ? acceptor->again : end;
}

void acceptor_tick(struct acceptor *acceptor, bool has_ended)
{
    adapt_deferring(acceptor);
    if (acceptor->from != ACCEPTING_ALL &&
        (has_ended || acceptor_clock(acceptor)->now >= acceptor->again))
        accept_from(acceptor, ACCEPTING_ALL);
}

void acceptor_hand(struct hand_writer *w, const struct acceptor *acceptor)
{
    hand_put_bool(w, acceptor->is_deferring);
    hand_put_u64(w, acceptor->deferring_since);
    hand_put_u64(w, acceptor->period_end);
    hand_put_u32(w, acceptor->came);
}

bool acceptor_take_state(struct acceptor *acceptor, struct hand_reader *r)
{
    acceptor->has_state = true;
    acceptor->is_deferring = hand_get_bool(r);
    acceptor->deferring_since = hand_get_u64(r);
    acceptor->period_end = hand_get_u64(r);
    acceptor->came = hand_get_u32(r);
    return hand_is_good(r);
}
