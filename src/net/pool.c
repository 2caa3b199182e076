#include "net/pool.h"

#include "base/mapping.h"
#include "base/tuning.h"
#include "base/util.h"

/* When all places are taken, who has been so long about a request head, a response or a close, in
 * milliseconds, makes room for others. */
#define SLUGGISH_AFTER 2000

int pool_init(struct pool *pool, struct reactor *reactor, size_t capacity,
              const uint64_t timeouts[CONN_TIMERS])
{
    size_t bytes = capacity * sizeof(struct conn) + TUNE_READ_BUFFER;
    uint8_t *memory = mapping_new(bytes);

    if (memory == NULL)
        return -1;
    pool->reactor = reactor;
    pool->conns = (struct conn *)(void *)memory;
    pool->buffer = memory + capacity * sizeof(struct conn);
    pool->capacity = capacity;
    pool->used = 0;
    pool->count = 0;
    list_init(&pool->free);
    list_init(&pool->woken);
    list_init(&pool->ready);
    list_init(&pool->dead);
    for (int i = 0; i < CONN_TIMERS; i++)
        timer_class_init(&pool->timers[i], timeouts[i], conn_timer_handlers[i]);
    return 0;
}

void pool_deinit(struct pool *pool)
{
    for (size_t i = 0; i < pool->used; i++) {
        struct conn *conn = &pool->conns[i];

        if (conn->pool == NULL)
            continue;
        conn_note_end(conn, CONN_END_SHUTDOWN, NULL);
        conn_deinit(conn);
    }
    buf_pool_deinit(&pool->buf_pool);
    mapping_free(pool->conns, pool->capacity * sizeof(struct conn) + TUNE_READ_BUFFER);
}

/* ---- the steps of a tick ---- */

void pool_resume(struct pool *pool)
{
    struct list batch;
    struct list *first;

    /* Those that stop again are put into the list anew, for the next tick. */
    list_init(&batch);
    while ((first = list_take_first(&pool->ready)) != NULL)
        list_append(&batch, first);
    while ((first = list_take_first(&batch)) != NULL)
        conn_resume(conn_of_work(first));
}

void pool_flush(struct pool *pool)
{
    struct list *first;

    while ((first = list_take_first(&pool->woken)) != NULL)
        conn_flush(conn_of_work(first));
}

void pool_reap(struct pool *pool)
{
    struct list *first;

    while ((first = list_take_first(&pool->dead)) != NULL) {
        struct conn *conn = conn_of_work(first);

        conn_deinit(conn);
        pool->count--;
        list_append(&pool->free, &conn->work);
    }
}

uint64_t pool_deadline(const struct pool *pool)
{
    uint64_t deadline = UINT64_MAX;

    if (!list_is_empty(&pool->ready))
        return pool->now;
    for (int i = 0; i < CONN_TIMERS; i++) {
        uint64_t next = timer_class_deadline(&pool->timers[i]);

        deadline = next < deadline ? next : deadline;
    }
    return deadline;
}

void pool_expire(struct pool *pool)
{
    for (int i = 0; i < CONN_TIMERS; i++)
        timer_class_expire(&pool->timers[i], pool->now);
}

/* ---- making room ---- */

/* Drops the first of a timer class that nobody would miss. Returns false where there is none. */
static bool drop_first(struct timer_class *class, bool (*is_spare)(const struct conn *conn))
{
    for (struct list *at = class->running.next; at != &class->running; at = at->next) {
        struct conn *conn = conn_of_timer(CONTAINER_OF(at, struct timer, link));

        if (is_spare(conn)) {
            conn_drop(conn, CONN_END_SPARE);
            return true;
        }
    }
    return false;
}

static bool is_answered(const struct conn *conn)
{
    return conn->state == CONN_LINGER && conn->is_shut && !conn->is_websocket;
}

/* Has its timer run for long? */
static bool is_sluggish(const struct conn *conn)
{
    return conn->timer.deadline + SLUGGISH_AFTER <= conn->pool->now + conn->timer.class->length;
}

/* Is it there for long? */
static bool is_old(const struct conn *conn)
{
    return conn->opened + SLUGGISH_AFTER <= conn->pool->now;
}

/* Something is still to be sent to it, but it is not a client any more, or never was one. It may
 * take a little all the time, so what counts is how long it has been there. */
static bool is_slow_to_take(const struct conn *conn)
{
    return conn->state != CONN_OPEN && conn->is_blocked && is_old(conn);
}

bool pool_drop_spare(struct pool *pool)
{
    struct timer_class *handshake = &pool->timers[CONN_TIMER_HANDSHAKE];
    struct timer_class *closing = &pool->timers[CONN_TIMER_CLOSING];

    return drop_first(closing, is_answered) || drop_first(handshake, conn_is_idle) ||
           drop_first(&pool->timers[CONN_TIMER_SILENT], is_old) ||
           drop_first(handshake, is_sluggish) ||
           drop_first(&pool->timers[CONN_TIMER_SENDING], is_slow_to_take) ||
           drop_first(closing, is_sluggish);
}

/* ---- ending all of them ---- */

/* A place that is in use has a host. */
static bool is_used(const struct conn *conn)
{
    return conn->pool != NULL && conn->state != CONN_DEAD;
}

bool pool_close_some(struct pool *pool, size_t *place, size_t max, uint16_t code,
                     const char *reason)
{
    for (; *place < pool->used; ++*place) {
        struct conn *conn = &pool->conns[*place];

        if (!is_used(conn))
            continue;
        if (conn->state == CONN_HTTP && !conn->is_in_head && sendq_is_empty(&conn->out)) {
            conn_note_end(conn, CONN_END_SHUTDOWN, NULL);
            conn_linger(conn);
        }
        if (conn->state != CONN_OPEN)
            continue;
        if (max-- == 0)
            return true;
        conn_note_end(conn, CONN_END_SHUTDOWN, NULL);
        conn_close(conn, code, reason);
    }
    return false;
}

bool pool_is_busy(const struct pool *pool)
{
    for (size_t i = 0; i < pool->used; i++) {
        const struct conn *conn = &pool->conns[i];

        if (is_used(conn) && (conn->state != CONN_HTTP || !sendq_is_empty(&conn->out)))
            return true;
    }
    return false;
}
