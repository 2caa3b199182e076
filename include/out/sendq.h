/* Send queue: what is still to be sent to one connection, in order.
 *
 * It has two sources. The ring of a room is shared by all its members: of it the queue holds only
 * a cursor. Frames for this connection alone (an answer, a pong, a replay) are nodes, each with the
 * ring position in front of which it goes. A node may also jump over bytes of the ring: that is
 * how the author of a message gets `You wrote: x` in place of its own `says: x`, and even shares
 * the bytes of x with everybody else.
 *
 *      ring      ...| frame A | hdr says:  x | frame C |...
 *                     ^         :            ^
 *                  cursor    node.at     node.at + node.skip
 *                               '-> node: hdr You wrote:
 *
 * A connection without a room (HTTP, echo) uses the nodes only. */
#ifndef OUT_SENDQ_H
#define OUT_SENDQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/hand.h"
#include "out/ring.h"

struct sendq_node;

/* Bytes of memory that each node takes besides what it holds, about. */
#define SENDQ_NODE_SIZE 72

struct sendq {
    const struct ring *box; /* NULL: none */
    uint64_t cursor;        /* next byte of the ring to send */
    uint64_t frame_end; /* end of the ring frame that the cursor is in; the cursor itself between
                           two frames */
    struct sendq_node *first; /* owned */
    struct sendq_node *last;
    size_t first_sent;      /* bytes of the first node that are sent already */
    size_t queued;          /* bytes of all nodes that are not sent yet */
    uint32_t nodes;         /* how many there are */
    uint32_t slot;          /* for the owner of a set of queues: the place of this one */
    bool is_incomplete : 1; /* memory ran out for a frame: the connection must not go on */
    bool is_cut : 1;        /* sendq_detach returned -1: nothing may be sent any more */
    uint8_t denied;         /* for its owner: what its reader may not ask for; 0: nothing */
    uint16_t close_code; /* who fills the queue is through with it: the connection is to be closed
                            with this code; 0: not so */
    uint32_t pass;       /* for its owner: the place of what its reader was let in with, + 1 */
};

void sendq_init(struct sendq *q);

/* Frees all nodes. */
void sendq_deinit(struct sendq *q);

/* From now on sends what is appended to the ring, too. The ring must stay until sendq_detach.
 * What an earlier sendq_detach kept must have been sent. */
void sendq_attach(struct sendq *q, const struct ring *box);

/* Lets the ring go. What is still to be sent of it is copied if it is at most `keep` bytes, else
 * only the rest of a frame that is sent in part. Returns 0; or -1 where even that could not be
 * kept: then nothing may be sent any more, since a frame is cut in the middle. */
int sendq_detach(struct sendq *q, size_t keep);

/* Puts `len` bytes behind all that is there now. Returns where the caller has to write them before
 * anything else is done with the queue; or NULL with errno ENOMEM where memory is out, and the
 * queue is marked as incomplete. */
uint8_t *sendq_put(struct sendq *q, size_t len);

/* Each of these puts bytes behind all that is there now, too. They return 0; or -1 with errno
 * ENOMEM where nothing was put, and the queue is marked as incomplete. */

/* Copies the bytes. */
int sendq_push(struct sendq *q, const void *bytes, size_t len);

/* Sends bytes of somebody else, who must keep them until `release(owner)` is called, once (release
 * may be NULL). On failure release is not called. */
int sendq_push_shared(struct sendq *q, const void *bytes, size_t len, void (*release)(void *),
                      void *owner);

/* Puts a copy of `len` bytes (0 is allowed) in front of the ring position `at`, where a frame
 * begins, in place of the `skip` bytes that follow there. `rest` more bytes of the ring, behind
 * the skipped ones, complete the frame. `at` must be at least the position of every node before. */
int sendq_push_splice(struct sendq *q, uint64_t at, const void *bytes, size_t len, size_t skip,
                      size_t rest);

/* Says that a frame is missing for want of memory. */
void sendq_mark_incomplete(struct sendq *q);

/* How far the cursor is behind the head of the ring, in bytes; 0 without one. */
static inline uint64_t sendq_lag(const struct sendq *q)
{
    return q->box != NULL ? q->box->head - q->cursor : 0;
}

static inline bool sendq_is_empty(const struct sendq *q)
{
    return q->first == NULL && sendq_lag(q) == 0;
}

/* Has the ring given up bytes that were still to be sent? Then only sendq_detach and sendq_deinit
 * are allowed. */
static inline bool sendq_is_overrun(const struct sendq *q)
{
    return q->box != NULL && q->cursor < q->box->tail;
}

/* Bytes of memory that its nodes stand for, about; those of somebody else included. */
static inline size_t sendq_cost(const struct sendq *q)
{
    return q->queued + q->nodes * SENDQ_NODE_SIZE;
}

/* Forgets all that is still to be sent, of the ring too: for a connection that takes nothing any
 * more. */
void sendq_drop_all(struct sendq *q);

/* The next bytes to send as at most `max` (1 or more) spans. Returns how many there are; *bytes is
 * their sum. Where all that is left is skipped there are none, and sendq_advance with 0 empties the
 * queue. */
int sendq_gather(const struct sendq *q, struct iovec *spans, int max, size_t *bytes);

/* Says that so many bytes of what sendq_gather returns were sent. */
void sendq_advance(struct sendq *q, size_t bytes);

/* ---- to another process ---- */

/* Writes what is still to be sent, and where in its ring the queue is. Of a node that is sent in
 * part one byte that is gone goes along, for it tells that its frame was begun. `pass` and `slot`
 * are their owners' to write. */
void sendq_hand(struct hand_writer *w, const struct sendq *q);

/* Reads it into a new queue, which has no ring: *has_ring says whether sendq_take_ring has to
 * follow before it is used. Returns false where anything is wrong; sendq_deinit is right in any
 * case. */
bool sendq_take(struct sendq *q, struct hand_reader *r, bool *has_ring);

/* Goes on with a ring that was handed over, too, where the queue was. Returns false where the two
 * do not fit, and the queue has no ring. */
bool sendq_take_ring(struct sendq *q, const struct ring *box, struct hand_reader *r);

#endif
