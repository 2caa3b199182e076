#include "out/sendq.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hand_long.h"
#include "base/util.h"

struct sendq_node {
    struct sendq_node *next;
    uint64_t at;          /* ring position in front of which it goes */
    const uint8_t *bytes; /* `own`, or somebody else's */
    size_t len;
    size_t cap;  /* of `own`; 0 for somebody else's bytes */
    size_t skip; /* bytes of the ring to jump over afterwards */
    size_t rest; /* bytes of the ring behind those that complete the frame */
    void (*release)(void *owner);
    void *owner;
    uint8_t own[];
};

_Static_assert(sizeof(void *) != 8 || sizeof(struct sendq_node) == SENDQ_NODE_SIZE,
               "a node costs what its header says");

/* Small answers that follow one another share a node of this size. */
#define NODE_MIN 896

void sendq_init(struct sendq *q)
{
    *q = (struct sendq){.box = NULL};
}

static void free_node(struct sendq_node *node)
{
    if (node->release != NULL)
        node->release(node->owner);
    free(node);
}

static void free_nodes(struct sendq *q)
{
    while (q->first != NULL) {
        struct sendq_node *next = q->first->next;

        free_node(q->first);
        q->first = next;
    }
}

void sendq_deinit(struct sendq *q)
{
    free_nodes(q);
    sendq_init(q);
}

void sendq_attach(struct sendq *q, const struct ring *box)
{
    q->box = box;
    q->cursor = box->head;
    q->frame_end = box->head;
    for (struct sendq_node *node = q->first; node != NULL; node = node->next)
        node->at = box->head;
}

static uint64_t head_of(const struct sendq *q)
{
    return q->box != NULL ? q->box->head : q->cursor;
}

static struct sendq_node *push_node(struct sendq *q, uint64_t at, size_t cap)
{
    struct sendq_node *node = malloc(sizeof(*node) + cap);

    if (node == NULL) {
        sendq_mark_incomplete(q);
        return NULL;
    }
    *node = (struct sendq_node){.at = at, .bytes = node->own, .cap = cap};
    if (q->first == NULL)
        q->first = node;
    else
        q->last->next = node;
    q->last = node;
    q->nodes++;
    return node;
}

/* Can the last node take `len` more bytes that go in front of `at`? */
static bool last_has_room(const struct sendq *q, uint64_t at, size_t len)
{
    const struct sendq_node *last = q->last;

    return q->first != NULL && last->at == at && last->skip == 0 &&
           len <= last->cap - min_size(last->cap, last->len);
}

uint8_t *sendq_put(struct sendq *q, size_t len)
{
    uint64_t at = head_of(q);
    struct sendq_node *node = q->last;
    uint8_t *where;

    if (!last_has_room(q, at, len))
        node = push_node(q, at, max_size(len, NODE_MIN));
    if (node == NULL)
        return NULL;
    where = node->own + node->len;
    node->len += len;
    q->queued += len;
    return where;
}

int sendq_push(struct sendq *q, const void *bytes, size_t len)
{
    uint8_t *where = sendq_put(q, len);

    if (where != NULL && len > 0)
        memcpy(where, bytes, len);
    return where == NULL ? -1 : 0;
}

int sendq_push_shared(struct sendq *q, const void *bytes, size_t len, void (*release)(void *),
                      void *owner)
{
    struct sendq_node *node = push_node(q, head_of(q), 0);

    if (node == NULL)
        return -1;
    node->bytes = bytes;
    node->len = len;
    node->release = release;
    node->owner = owner;
    q->queued += len;
    return 0;
}

int sendq_push_splice(struct sendq *q, uint64_t at, const void *bytes, size_t len, size_t skip,
                      size_t rest)
{
    struct sendq_node *node = push_node(q, at, len);

    if (node == NULL)
        return -1;
    if (len > 0)
        memcpy(node->own, bytes, len);
    node->len = len;
    node->skip = skip;
    node->rest = rest;
    q->queued += len;
    return 0;
}

void sendq_mark_incomplete(struct sendq *q)
{
    q->is_incomplete = true;
}

void sendq_drop_all(struct sendq *q)
{
    free_nodes(q);
    q->first_sent = 0;
    q->queued = 0;
    q->nodes = 0;
    q->cursor = head_of(q);
    q->frame_end = q->cursor;
}

/* Appends the ring bytes up to `end` to the spans; returns the new number of spans. */
static int gather_box(const struct sendq *q, uint64_t from, uint64_t end, struct iovec *spans,
                      int count, int max)
{
    struct iovec both[2];
    int n = ring_spans(q->box, from, end, both);

    for (int i = 0; i < n && count < max; i++)
        spans[count++] = both[i];
    return count;
}

int sendq_gather(const struct sendq *q, struct iovec *spans, int max, size_t *bytes)
{
    const struct sendq_node *node = q->first;
    uint64_t at = q->cursor;
    uint64_t head = head_of(q);
    size_t sent = q->first_sent;
    int count = 0;

    /* Most members of a room have nothing of their own. */
    if (node == NULL && max >= 2) {
        *bytes = (size_t)(head - at);
        return q->box != NULL ? ring_spans(q->box, at, head, spans) : 0;
    }
    while (count < max && (node != NULL || at < head)) {
        uint64_t stop = node != NULL ? node->at : head;

        if (at < stop) {
            count = gather_box(q, at, stop, spans, count, max);
            at = stop;
            continue;
        }
        if (node->len > sent)
            spans[count++] =
                (struct iovec){(void *)(uintptr_t)(node->bytes + sent), node->len - sent};
        at += node->skip;
        sent = 0;
        node = node->next;
    }
    *bytes = 0;
    for (int i = 0; i < count; i++)
        *bytes += spans[i].iov_len;
    return count;
}

/* Takes the first node away, of which everything is sent, and jumps over what it replaces. */
static void finish_first(struct sendq *q)
{
    struct sendq_node *node = q->first;

    q->first_sent = 0;
    q->first = node->next;
    q->nodes--;
    q->cursor += node->skip;
    q->frame_end = q->cursor + node->rest;
    free_node(node);
}

/* Moves the cursor and finds the end of the frame that it stops in. Only a queue that is cut short
 * by a full socket needs that, so nobody pays for it on the way. */
static void move_cursor(struct sendq *q, uint64_t stop, uint64_t to)
{
    q->cursor = to;
    if (to == stop) {
        q->frame_end = to;
        return;
    }
    if (q->frame_end < to)
        q->frame_end = ring_frame_end(q->box, to);
}

void sendq_advance(struct sendq *q, size_t bytes)
{
    if (q->first == NULL && bytes == head_of(q) - q->cursor) {
        q->cursor += bytes;
        q->frame_end = q->cursor;
        return;
    }
    for (;;) {
        uint64_t stop = q->first != NULL ? q->first->at : head_of(q);
        size_t step;

        if (q->cursor < stop) {
            step = stop - q->cursor < bytes ? (size_t)(stop - q->cursor) : bytes;
            move_cursor(q, stop, q->cursor + step);
            bytes -= step;
            if (q->cursor < stop)
                return;
        }
        if (q->first == NULL)
            return;
        step = min_size(q->first->len - q->first_sent, bytes);
        q->first_sent += step;
        q->queued -= step;
        bytes -= step;
        if (q->first_sent < q->first->len)
            return;
        finish_first(q);
    }
}

/* How much of the first node and then of the ring completes the frame that is sent in part. */
static void partial_frame(const struct sendq *q, size_t *of_node, uint64_t *from, uint64_t *to)
{
    const struct sendq_node *node = q->first;

    *of_node = 0;
    *from = q->cursor;
    *to = q->frame_end;
    if (node == NULL || q->first_sent == 0)
        return;
    *of_node = node->len - q->first_sent;
    *from = q->cursor + node->skip;
    *to = *from + node->rest;
}

/* Copies everything that is still to be sent into `node`. */
static void take_all(struct sendq *q, struct sendq_node *node)
{
    struct iovec spans[8];
    size_t bytes;

    while (!sendq_is_empty(q)) {
        int n = sendq_gather(q, spans, (int)ARRAY_LEN(spans), &bytes);

        for (int i = 0; i < n; i++) {
            memcpy(node->own + node->len, spans[i].iov_base, spans[i].iov_len);
            node->len += spans[i].iov_len;
        }
        sendq_advance(q, bytes);
    }
}

static void take_partial_frame(const struct sendq *q, struct sendq_node *node, size_t of_node,
                               uint64_t from, uint64_t to)
{
    struct iovec spans[2];

    if (of_node > 0)
        memcpy(node->own, q->first->bytes + q->first_sent, of_node);
    node->len = of_node;
    for (int i = 0, n = ring_spans(q->box, from, to, spans); i < n; i++) {
        memcpy(node->own + node->len, spans[i].iov_base, spans[i].iov_len);
        node->len += spans[i].iov_len;
    }
}

int sendq_detach(struct sendq *q, size_t keep)
{
    bool overrun = sendq_is_overrun(q);
    bool all = !overrun && q->queued + sendq_lag(q) <= keep;
    struct sendq kept;
    size_t of_node, len;
    uint64_t from, to;
    int result = 0;

    if (q->box == NULL)
        return 0;
    partial_frame(q, &of_node, &from, &to);
    len = all ? q->queued + (size_t)sendq_lag(q) : of_node + (size_t)(to - from);
    sendq_init(&kept);
    kept.slot = q->slot;
    kept.denied = q->denied;
    kept.pass = q->pass;
    if (overrun && from < to) {
        result = -1;
    } else if (len > 0) {
        struct sendq_node *node = push_node(&kept, 0, len);

        if (node == NULL)
            result = of_node + (to - from) > 0 ? -1 : 0;
        else if (all)
            take_all(q, node);
        else
            take_partial_frame(q, node, of_node, from, to);
        kept.queued = node != NULL ? node->len : 0;
    }
    kept.is_cut = result < 0;
    sendq_deinit(q);
    *q = kept;
    return result;
}

/* ---- to another process ---- */

/* Bytes that a node may have on its way: more than any answer has. */
#define SENDQ_HAND_MAX ((size_t)1 << 30)

/* Nodes and what they skip are far shorter. */
#define SENDQ_SKIP_MAX UINT32_MAX

static void sendq_hand_node(struct hand_writer *w, const struct sendq_node *node, size_t sent)
{
    size_t gone = sent > 0 ? sent - 1 : 0;

    hand_go_on(w);
    hand_put_u64(w, node->at);
    hand_put_u64(w, node->skip);
    hand_put_u64(w, node->rest);
    hand_put_long(w, node->bytes + gone, node->len - gone);
}

void sendq_hand(struct hand_writer *w, const struct sendq *q)
{
    size_t sent = q->first_sent;

    hand_put_bool(w, q->box != NULL);
    hand_put_u64(w, q->cursor);
    hand_put_u64(w, q->frame_end);
    hand_put_bool(w, q->is_incomplete);
    hand_put_bool(w, q->is_cut);
    hand_put_u8(w, q->denied);
    hand_put_u16(w, q->close_code);
    hand_put_bool(w, sent > 0);
    for (const struct sendq_node *node = q->first; node != NULL; node = node->next) {
        hand_put_bool(w, true);
        sendq_hand_node(w, node, sent);
        sent = 0;
    }
    hand_put_bool(w, false);
}

/* A node of these bytes. Short ones lie within it; others are its own by its release. */
static struct sendq_node *sendq_make_node(struct sendq *q, uint64_t at, struct buf *bytes)
{
    bool is_short = bytes->len <= NODE_MIN;
    struct sendq_node *node = push_node(q, at, is_short ? bytes->len : 0);

    if (node == NULL)
        return NULL;
    node->len = bytes->len;
    q->queued += bytes->len;
    if (is_short) {
        if (bytes->len > 0)
            memcpy(node->own, bytes->data, bytes->len);
        buf_deinit(bytes);
        return node;
    }
    node->bytes = bytes->data;
    node->release = free;
    node->owner = bytes->data;
    buf_init(bytes);
    return node;
}

static bool sendq_take_node(struct sendq *q, struct hand_reader *r)
{
    struct sendq_node *node = NULL;
    uint64_t at, skip, rest;
    struct buf bytes;

    buf_init(&bytes);
    hand_get_on(r);
    at = hand_get_u64(r);
    skip = hand_upto(r, hand_get_u64(r), SENDQ_SKIP_MAX);
    rest = hand_upto(r, hand_get_u64(r), SENDQ_SKIP_MAX);
    if (hand_get_long(r, &bytes, SENDQ_HAND_MAX)) {
        node = sendq_make_node(q, at, &bytes);
        hand_check(r, node != NULL, "out of memory");
    }
    buf_deinit(&bytes);
    if (node == NULL)
        return false;
    node->skip = (size_t)skip;
    node->rest = (size_t)rest;
    return true;
}

/* Without a ring everything is in front of the position 0. */
static bool sendq_is_plain(const struct sendq *q)
{
    for (const struct sendq_node *node = q->first; node != NULL; node = node->next) {
        if (node->at != 0 || node->skip != 0 || node->rest != 0)
            return false;
    }
    return q->cursor == 0 && q->frame_end == 0;
}

/* Of the first node one byte is sent. */
static bool sendq_take_sent(struct sendq *q)
{
    if (q->first == NULL || q->first->len < 2)
        return false;
    q->first_sent = 1;
    q->queued--;
    return true;
}

bool sendq_take(struct sendq *q, struct hand_reader *r, bool *has_ring)
{
    bool is_begun;

    sendq_init(q);
    *has_ring = hand_get_bool(r);
    q->cursor = hand_get_u64(r);
    q->frame_end = hand_get_u64(r);
    q->is_incomplete = hand_get_bool(r);
    q->is_cut = hand_get_bool(r);
    q->denied = hand_get_u8(r);
    q->close_code = hand_get_u16(r);
    is_begun = hand_get_bool(r);
    while (hand_get_bool(r)) {
        if (!sendq_take_node(q, r))
            return false;
    }
    if (is_begun)
        hand_check(r, sendq_take_sent(q), "a frame was begun that is not there");
    return hand_check(r, *has_ring || sendq_is_plain(q), "a queue has places in no ring");
}

/* Do all nodes lie between the cursor and the head, in their order? */
static bool sendq_fits(const struct sendq *q, const struct ring *box)
{
    uint64_t at = q->cursor, before = 0;

    for (const struct sendq_node *node = q->first; node != NULL; node = node->next) {
        if (node->at < before || node->at > box->head)
            return false;
        before = node->at;
        at = before > at ? before : at;
        if (node->skip > box->head - at || node->rest > box->head - at - node->skip)
            return false;
        at += node->skip;
    }
    return true;
}

/* Is the end of the frame that the cursor is in one that the ring knows? */
static bool sendq_ends_frame(const struct sendq *q, const struct ring *box)
{
    if (q->frame_end < q->cursor || q->frame_end > box->head)
        return false;
    return q->frame_end == q->cursor || q->frame_end <= box->tail ||
           ring_frame_end(box, q->frame_end) == q->frame_end;
}

bool sendq_take_ring(struct sendq *q, const struct ring *box, struct hand_reader *r)
{
    bool fits = q->cursor <= box->head && sendq_ends_frame(q, box) && sendq_fits(q, box);

    if (hand_check(r, fits, "a queue has places that its ring has not"))
        q->box = box;
    return fits && hand_is_good(r);
}
