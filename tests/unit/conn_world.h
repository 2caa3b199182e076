/* Connections by hand: an owner of their own, TCP over the loopback, and a clock that the tests
 * move. What is asked for:
 *
 *      /ws      a WebSocket
 *      /told    one that is told of control frames: "ping<3" where three came, "close>1" where one
 *               goes
 *      /events  an event stream
 *      /long    a body of WORLD_BODY bytes, which the sockets cannot keep
 *      /later   an answer that waits until world_answer
 *      others   what was asked, in the body: "PATH:BODY"; of /body up to WORLD_LIMIT bytes */
#ifndef TESTS_UNIT_CONN_WORLD_H
#define TESTS_UNIT_CONN_WORLD_H

#include "session/conns.h"
#include "session/http.h"

#define WORLD_BODY (4 * 1024 * 1024)
#define WORLD_LIMIT 10

/* What can happen to a connection, whatever its session. Those of a session come behind. */
enum happening {
    FIN,  /* of the peer */
    RST,  /* ... of which nothing is left */
    SHUT, /* it is closed as a member, with code 1011 */
    LAG,
    OUT,  /* memory is */
    DROP, /* its place is wanted */
    LATE, /* time passes */
    HAPPENINGS_OF_ALL,
};

struct conn_world {
    struct conns conns;
    struct reactor reactor;
    struct conn *conn;
    int peer;            /* the other end; -1: closed */
    enum stream_end end; /* of the last one that was freed */
    int refused;         /* status of the last bad request */
    int requests;
    int messages;
    int told;      /* calls of on_control */
    size_t charge; /* bytes that each message goes out as */
    int closed;    /* calls of on_close */
    bool was_broken;
    bool echoes;     /* messages are sent back */
    bool is_handing; /* connections are freed that live on elsewhere */
    int released;    /* bodies */
    int gone;        /* calls of on_gone */
    struct http_wait wait;
};

extern struct conn_world world;
extern const uint64_t world_lengths[CONN_TIMERS];

void world_setup(void);
void world_teardown(void);

/* Opens the connection as one that is there since `silence`. */
void world_open(bool is_tcp, bool has_input, uint64_t silence);

/* Sends all that waits, whatever the budget of a tick. */
void world_flush(void);

/* Lets time pass, without a look at the sockets: nobody is told that there is space again. */
void world_pass(uint64_t ms);

/* One tick, but for the timers and the reaping. */
void world_tick(void);

/* Lets the connection read, in as many ticks as that may take with a tiny buffer. */
void world_serve(void);

/* The peer sends this. */
void world_send(const void *bytes, size_t len);

/* ... or asks for a path. */
void world_ask(const char *path);

/* The peer takes exactly this. */
void world_expect(const char *text);

/* ... or so many bytes, or as much as it needs for the connection's system to know of progress. */
void world_take(size_t len);
void world_take_much(void);

/* Hands all connections to another process, which is this one: nobody can tell. world_hand writes
 * them, world_take reads them into connections that are new and go on; it returns false where
 * anything is wrong with what was written. */
struct hand_pipe;
void world_hand_over(void);
void world_hand(struct hand_pipe *pipe);
bool world_take_over(struct hand_pipe *pipe);

/* Answers the request for /later. */
void world_answer(void);

/* Lets this happen to it, LATE being so many milliseconds, and what follows from it. */
void world_happen(enum happening happening, uint64_t late);

/* There are no connections any more, and the last one ended so. */
void world_expect_end(enum stream_end why);

/* It ends by a time-out. What was on its way to the peer when the timer began may count once as
 * taken. */
void world_expect_timeout_within_two(uint64_t period);

#endif
