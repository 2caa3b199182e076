/* Stream: a connected socket, what is to be sent on it, and how it ends. It knows no protocol: a
 * session plugs into it (struct stream_ops).
 *
 *                 .------------------- stream_drop -------------------.
 *                 |                                                   v
 *      OPEN --stream_linger--> LINGER --both FINs, or out of time--> DEAD --pool_reap--> (gone)
 *
 *      OPEN     the session reads and writes
 *      LINGER   sends what is queued, then its FIN, and drops what it reads until the peer's FIN:
 *               closing at once could reset the connection and so destroy what is on its way to
 *               the peer (RFC 9112, 9.6)
 *      DEAD     waits for the end of the tick, when the descriptor is closed and its place free
 *
 * What a session makes of OPEN (http.h, ws.h):
 *
 *      HTTP     HEAD <--> BODY         a request comes       --peer's FIN--------> LINGER
 *                 ^--> WAITING ---.    its answer comes later --last answer------> LINGER
 *                 '---------------'                           --101--> WebSocket
 *      WS       TALKING --we close--> CLOSING                 --both Closes------> LINGER
 *                     '--peer's Close, its FIN, an error of its own--------------> LINGER
 *
 * Beside the state there is what the socket can still do:
 *
 *      is_blocked     our send buffer is full          set by sending, cleared by EPOLLOUT
 *      is_paused      the session wants no input       set and cleared by it; the end is noted
 *      is_waiting     ... because it waits for others  the same; the end of the peer is looked for
 *      read_eof       the peer's FIN was read          for good
 *      rdhup          ... was seen, but not yet read   for good; it stands behind unread bytes
 *      fin_sent       our FIN is sent                  for good
 *      write_failed   sending fails, the peer is gone  for good; what it sent is still read
 *
 * All ends go through stream_close, which tells the session once. Nothing here frees a stream but
 * pool_reap. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hand.h"
#include "base/list.h"
#include "base/timer.h"
#include "base/util.h"
#include "net/reactor.h"
#include "out/sendq.h"

enum stream_state { STREAM_OPEN, STREAM_LINGER, STREAM_DEAD };

/* Classes of the one timer of a stream. Sessions have more, behind these. */
enum stream_timer {
    STREAM_TIMER_SENDING, /* the peer must take some of what it is sent */
    STREAM_TIMER_CLOSING, /* the peer must end, too */
    STREAM_TIMERS,
};

/* Timer classes of streams and sessions together, at most. */
#define STREAM_TIMERS_MAX 8

/* Why a stream ended: the first of these that happened to it. */
enum stream_end {
    STREAM_END_NONE,     /* it has not ended */
    STREAM_END_SERVED,   /* the peer got all that it asked for */
    STREAM_END_REFUSED,  /* what it asked for was refused in a way after which nothing is read */
    STREAM_END_IDLE,     /* it asked for nothing more */
    STREAM_END_CLOSED,   /* it said goodbye as its protocol wants it */
    STREAM_END_LEFT,     /* its FIN came, without a goodbye */
    STREAM_END_RESET,    /* its RST came, or the network lost it */
    STREAM_END_TIMEOUT,  /* it did not send, take or answer in time */
    STREAM_END_LAGGED,   /* it fell too far behind */
    STREAM_END_PROTOCOL, /* it broke the protocol */
    STREAM_END_HOST,     /* the program closed it */
    STREAM_END_MEMORY,   /* memory ran out */
    STREAM_END_SPARE,    /* it had to make room for others */
    STREAM_END_SHUTDOWN, /* the program ends */
    STREAM_ENDS,
};

/* Whose work it is. Each kind has a budget for a tick, so that nobody's work delays that of the
 * other kinds for long; and each stream a share of it, so that all get their turn. */
enum stream_work {
    STREAM_WORK_GUEST,  /* for those who ask once and go */
    STREAM_WORK_MEMBER, /* for those who stay */
    STREAM_WORK_LEAVER, /* for those whose end has come: the last of what they sent, and the end */
    STREAM_WORKS,
};

struct stream;

/* What a session does. Each call may end the stream, and may put other ops in their place. */
struct stream_ops {
    enum stream_work work;

    /* Uses bytes, and may change them. Returns how many it used; 0 where it needs more. What it
     * does not use is kept, and comes again with what follows. */
    size_t (*input)(struct stream *stream, uint8_t *data, size_t len);

    /* Where further bytes are best received: sets *where and returns how many fit, or 0. Then
     * `filled` says how many came. Both NULL: nowhere special. */
    size_t (*room)(struct stream *stream, uint8_t **where);
    void (*filled)(struct stream *stream, size_t len);

    /* How many bytes to read at once at most; NULL: as many as the buffer holds. */
    size_t (*read_size)(const struct stream *stream);

    /* The peer sends no more. Notes why that is an end, if so; unless it closes the stream, or
     * waits for an answer of others, the stream lingers from now on. */
    void (*on_eof)(struct stream *stream);

    /* All that was queued while STREAM_TIMER_SENDING ran is sent, so another timer may start. */
    void (*on_drained)(struct stream *stream);

    /* The socket takes more again, while STREAM_TIMER_SENDING does not run. */
    void (*on_progress)(struct stream *stream);

    /* A frame of a ring that it should have had is gone, or it is too far behind. */
    void (*on_lag)(struct stream *stream);

    /* Memory was out for something that should have been queued. */
    void (*on_incomplete)(struct stream *stream);

    /* Who fills the queue is through with it: out.close_code says how to close. */
    void (*on_let_go)(struct stream *stream);

    /* The peer sends no more, and takes nothing either: its output is dropped from now on. Returns
     * whether what it has sent still counts; if not, the stream is dropped. */
    bool (*on_deaf)(struct stream *stream);

    /* A timer class of the session expired. */
    void (*on_timer)(struct stream *stream, unsigned timer);

    /* The stream is no longer OPEN; called once. `out` keeps what is still to be sent. `is_dead`:
     * nothing will be sent any more. Returns 0, or -1 where nothing may be sent any more. */
    int (*on_close)(struct stream *stream, bool is_dead);

    /* The stream is about to be freed: its counters and `end` are final. The session frees what it
     * owns. */
    void (*on_free)(struct stream *stream);
};

/* What happened since the start. */
struct stream_counters {
    uint64_t connections;
    uint64_t received; /* bytes */
    uint64_t sent;     /* bytes */
};

/* A text about an end that another process noted. */
struct stream_detail {
    struct stream_detail *next;
    char text[];
};

/* What all streams of a program share. */
struct stream_env {
    struct stream_counters counters;
    struct reactor *reactor;
    struct list woken;               /* have something to send */
    struct list heavy;               /* ... and have sent their share of a tick already */
    struct list ready[STREAM_WORKS]; /* have bytes in `in` that can be used now */
    struct list late[STREAM_WORKS];  /* have something to read, but found the budget spent */
    struct list dead;
    size_t slow;     /* streams that take no more at the moment */
    uint8_t *buffer; /* TUNE_READ_BUFFER bytes that every stream reads into */
    struct timer_class timers[STREAM_TIMERS_MAX];
    size_t timer_count;
    struct clock clock;            /* of the tick */
    uint64_t max_lag;              /* bytes */
    int64_t left[STREAM_WORKS];    /* of the budgets of this tick */
    int64_t sending;               /* ... and of the one for sending */
    enum stream_work turn;         /* whose work is done now: it is charged */
    struct stream_detail *details; /* that were handed over; owned */
};

/* Its members lie in the order of use: to flush a stream touches the first 128 bytes, to read from
 * it the rest. */
struct stream {
    struct reactor_source source;
    struct sendq out;
    struct stream_env *env;
    uint64_t sent;     /* bytes */
    uint32_t leftover; /* bytes received since is_ending */
    uint32_t taken;    /* of `sent`, what the peer's system had taken at some time; low bits */
    uint8_t state;     /* enum stream_state */
    uint8_t end;       /* enum stream_end */
    bool is_blocked;
    bool is_paused;
    bool read_eof;
    bool rdhup;
    bool fin_sent;
    bool write_failed;
    bool has_more;   /* `in` holds bytes that could be used but for the limits */
    bool is_sending; /* STREAM_TIMER_SENDING was started: on_drained is called */
    bool is_waiting : 1;
    bool is_leaving : 1; /* its end stands behind what is not read yet */
    bool is_late : 1;    /* it is in env's list of these */
    bool is_ending;      /* what comes now is only waited through, and so bounded */
    bool is_tcp;         /* the kernel tells what the peer has taken */
    uint16_t used;       /* of its share of work, since it had its turn */

    const struct stream_ops *ops;
    uint64_t received; /* bytes */
    struct timer timer;
    struct list work;   /* in one of env's lists */
    struct buf in;      /* bytes that were read but cannot be used yet; mostly empty */
    uint64_t opened;    /* monotonic milliseconds */
    const char *detail; /* more about `end`, static; NULL: nothing */
};

/* Sets up lists, and timers of these lengths in milliseconds (0: never). The buffer, the reactor
 * and max_lag are the caller's to set. */
void stream_env_init(struct stream_env *env, const uint64_t *timeouts, size_t count);

/* Makes a stream of a connected, non-blocking socket, which it owns from now on; all else that its
 * session needs must be set before stream_start. A socket that is still connecting is `is_blocked`:
 * its caller sets that. */
void stream_init(struct stream *stream, struct stream_env *env, int fd, bool is_tcp,
                 const struct stream_ops *ops);

/* Begins to read. `has_input`: something has mostly come, which is read and answered at once. Drops
 * the stream where it cannot be watched. */
void stream_start(struct stream *stream, bool has_input);

/* Closes the socket and frees everything. */
void stream_deinit(struct stream *stream);

/* ---- the end ---- */

/* Says why a stream is about to end, unless it is ending already. `detail` is static, or NULL. */
void stream_note_end(struct stream *stream, enum stream_end end, const char *detail);

/* The one function that ends a stream: brings it on to `state`, LINGER or DEAD; does nothing where
 * it is there or further. */
void stream_close(struct stream *stream, enum stream_state state, enum stream_end end,
                  const char *detail);

/* From now on only sends what is queued, and waits for the peer's FIN. */
static inline void stream_linger(struct stream *stream, enum stream_end end, const char *detail)
{
    stream_close(stream, STREAM_LINGER, end, detail);
}

/* Gives a stream up at once. */
static inline void stream_drop(struct stream *stream, enum stream_end end)
{
    stream_close(stream, STREAM_DEAD, end, NULL);
}

/* ---- output ---- */

/* Sees to it that what is in `out` is sent before the tick ends. */
void stream_wake(struct stream *stream);

/* Sends what can be sent, and tells the session where its peer lags too far behind. */
void stream_flush(struct stream *stream);

/* The peer must take some of what is queued from now on. */
void stream_expect_taking(struct stream *stream);

/* How much of what was sent has the peer's system taken since that was noted last? It tells more
 * than EPOLLOUT, which waits for a third of the socket's buffer to be free. Notes it anew, and sets
 * *left to what it has not taken. Nothing is known of a unix socket, which counts its memory in
 * place of the bytes. */
uint32_t stream_note_taken(struct stream *stream, size_t *left);

/* ---- input ---- */

/* Stops using input for a moment. */
static inline void stream_pause(struct stream *stream)
{
    stream->is_paused = true;
}

/* Goes on, in this tick or the next. */
void stream_resume(struct stream *stream);

/* May more of what the peer sent be used now? */
bool stream_may_read(const struct stream *stream);

/* The session has done so much work: about as many microseconds as a tenth of it. It counts for
 * the kind of the stream whose turn it is. */
void stream_charge(struct stream *stream, size_t work);

/* The same for what has been queued since sendq_cost was `before`, which it took to make that. */
void stream_charge_output(struct stream *stream, size_t before);

/* Has it used up its share, or all of its kind the budget? Then what is left waits for the next
 * tick. */
bool stream_is_spent(const struct stream *stream);

/* Work of this kind that no stream has done. */
void stream_env_charge(struct stream_env *env, enum stream_work kind, size_t work);

static inline bool stream_env_is_spent(const struct stream_env *env, enum stream_work kind)
{
    return env->left[kind] <= 0;
}

/* ---- to another process ---- */

/* Writes all that is to be known of a stream, between two ticks. */
void stream_hand(struct hand_writer *w, const struct stream *stream);

/* Reads it into a stream that was made by stream_init. Its timer may be of the classes in `timers`
 * (a bit for each); stream_env_sort must follow. *has_ring: see sendq_take. Nothing is read, sent
 * or watched before stream_carry_on. Returns false where anything is wrong. */
bool stream_take(struct stream *stream, struct hand_reader *r, uint32_t timers, bool *has_ring);

/* Puts the timers of all streams that were taken in order. */
void stream_env_sort(struct stream_env *env);

/* Goes on with a stream that was taken, from the next tick on. Returns false where it cannot be
 * watched. */
bool stream_carry_on(struct stream *stream);

/* ---- timers ---- */

/* Starts the timer in this class, anew where it is running. */
static inline void stream_start_timer(struct stream *stream, unsigned timer)
{
    timer_start(&stream->timer, &stream->env->timers[timer], stream->env->clock.now);
}

static inline bool stream_timer_is(const struct stream *stream, unsigned timer)
{
    return timer_is_of(&stream->timer, &stream->env->timers[timer]);
}

/* ---- steps of the tick ---- */

static inline struct stream *stream_of_timer(struct timer *timer)
{
    return CONTAINER_OF(timer, struct stream, timer);
}

static inline struct stream *stream_of_work(struct list *work)
{
    return CONTAINER_OF(work, struct stream, work);
}

static inline struct stream *stream_of_queue(struct sendq *out)
{
    return CONTAINER_OF(out, struct stream, out);
}

/* Goes on with those that have unread bytes, in a new tick. */
void stream_env_resume(struct stream_env *env);

/* Sends for those that were woken, as far as the budget goes. */
void stream_env_flush(struct stream_env *env);

/* Would stream_env_flush send more in this tick? */
bool stream_env_has_output(const struct stream_env *env);

/* This tick sends all that there is. */
void stream_env_lift(struct stream_env *env);

/* Frees what streams that were taken have said of their ends; they are gone. */
void stream_env_deinit(struct stream_env *env);

/* The next deadline of all timers; `now` where there is work that needs no event. */
uint64_t stream_env_deadline(const struct stream_env *env);

/* Runs the timers that are due. */
void stream_env_expire(struct stream_env *env);

#endif
