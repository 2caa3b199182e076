#include "out/sendq.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
