#include "net/conn_host.h"

#include "base/mapping.h"
#include "base/tuning.h"
#include "base/util.h"

/* When all places are taken, who has been so long about a request head, a response or a close, in
 * milliseconds, makes room for others. */
#define SLUGGISH_AFTER 2000

int conn_host_init(struct conn_host *host, struct reactor *reactor, size_t capacity,
                   const uint64_t timeouts[CONN_TIMERS])
{
    size_t bytes = capacity * sizeof(struct conn) + TUNE_READ_BUFFER;
    uint8_t *memory = mapping_new(bytes);

    if (memory == NULL)
        return -1;
    host->reactor = reactor;
    host->conns = (struct conn *)(void *)memory;
    host->buffer = memory + capacity * sizeof(struct conn);
    host->capacity = capacity;
    host->used = 0;
    host->count = 0;
    list_init(&host->free);
    list_init(&host->woken);
    list_init(&host->ready);
    list_init(&host->dead);
    for (int i = 0; i < CONN_TIMERS; i++)
        timer_class_init(&host->timers[i], timeouts[i], conn_timer_handlers[i]);
    return 0;
}

void conn_host_deinit(struct conn_host *host)
{
    for (size_t i = 0; i < host->used; i++) {
        struct conn *conn = &host->conns[i];

        if (conn->host == NULL)
            continue;
        conn_note_end(conn, CONN_END_SHUTDOWN, NULL);
        conn_deinit(conn);
    }
    stock_deinit(&host->stock);
    mapping_free(host->conns, host->capacity * sizeof(struct conn) + TUNE_READ_BUFFER);
}

/* ---- the steps of a tick ---- */

void conn_host_resume(struct conn_host *host)
{
    struct list batch;
    struct list *first;

    /* Those that stop again are put into the list anew, for the next tick. */
    list_init(&batch);
    while ((first = list_take_first(&host->ready)) != NULL)
        list_append(&batch, first);
    while ((first = list_take_first(&batch)) != NULL)
        conn_resume(conn_of_work(first));
}

void conn_host_flush(struct conn_host *host)
{
    struct list *first;

    while ((first = list_take_first(&host->woken)) != NULL)
        conn_flush(conn_of_work(first));
}

void conn_host_reap(struct conn_host *host)
{
    struct list *first;

    while ((first = list_take_first(&host->dead)) != NULL) {
        struct conn *conn = conn_of_work(first);

        conn_deinit(conn);
        host->count--;
        list_append(&host->free, &conn->work);
    }
}

uint64_t conn_host_deadline(const struct conn_host *host)
{
    uint64_t deadline = UINT64_MAX;

    if (!list_is_empty(&host->ready))
        return host->now;
    for (int i = 0; i < CONN_TIMERS; i++) {
        uint64_t next = timer_class_deadline(&host->timers[i]);

        deadline = next < deadline ? next : deadline;
    }
    return deadline;
}

void conn_host_expire(struct conn_host *host)
{
    for (int i = 0; i < CONN_TIMERS; i++)
        timer_class_expire(&host->timers[i], host->now);
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
    return conn->timer.deadline + SLUGGISH_AFTER <= conn->host->now + conn->timer.class->length;
}

/* Is it there for long? */
static bool is_old(const struct conn *conn)
{
    return conn->opened + SLUGGISH_AFTER <= conn->host->now;
}

/* Something is still to be sent to it, but it is not a client any more, or never was one. It may
 * take a little all the time, so what counts is how long it has been there. */
static bool is_slow_to_take(const struct conn *conn)
{
    return conn->state != CONN_OPEN && conn->is_blocked && is_old(conn);
}

bool conn_host_drop_spare(struct conn_host *host)
{
    struct timer_class *handshake = &host->timers[CONN_TIMER_HANDSHAKE];
    struct timer_class *closing = &host->timers[CONN_TIMER_CLOSING];

    return drop_first(closing, is_answered) || drop_first(handshake, conn_is_idle) ||
           drop_first(&host->timers[CONN_TIMER_SILENT], is_old) ||
           drop_first(handshake, is_sluggish) ||
           drop_first(&host->timers[CONN_TIMER_SENDING], is_slow_to_take) ||
           drop_first(closing, is_sluggish);
}

/* ---- ending all of them ---- */

/* A place that is in use has a host. */
static bool is_used(const struct conn *conn)
{
    return conn->host != NULL && conn->state != CONN_DEAD;
}

bool conn_host_close_some(struct conn_host *host, size_t *place, size_t max, uint16_t code,
                          const char *reason)
{
    for (; *place < host->used; ++*place) {
        struct conn *conn = &host->conns[*place];

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

bool conn_host_is_busy(const struct conn_host *host)
{
    for (size_t i = 0; i < host->used; i++) {
        const struct conn *conn = &host->conns[i];

        if (is_used(conn) && (conn->state != CONN_HTTP || !sendq_is_empty(&conn->out)))
            return true;
    }
    return false;
}
