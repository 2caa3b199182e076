/* A ring with send queues next to a model of them that is too simple to be wrong: for each queue
 * the plain bytes that it has to send. Driven by a program of bytes, which a fuzzer or a random
 * generator writes; aborts where the two differ. */
#ifndef TESTS_OUTBOX_MODEL_H
#define TESTS_OUTBOX_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/tuning.h"
#include "base/util.h"
#include "out/ring.h"
#include "out/sendq.h"
#include "proto/ws/frame.h"
#include "unit/hand_pipe.h"

#define MODEL_READERS 3
#define MODEL_STEPS 4000
#define MODEL_FRAME_MAX 70100
#define MODEL_COUNTED 20000 /* more bytes are not counted one by one after each step */
#define MODEL_SLACK 1024    /* small answers share a node, so that detach may keep a bit more */

#define MODEL_CHECK(condition)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: the model says: %s\n", __FILE__, __LINE__, #condition);        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

enum { MODEL_BOUNDARY = 1, MODEL_PRIVATE = 2 };

struct model_reader {
    struct sendq q;
    uint8_t *want; /* the bytes that the queue must still send, from `sent` to `len` */
    uint8_t *mark; /* for each: does a frame begin there, is it private */
    size_t len;
    size_t cap;
    size_t sent;
    bool attached;
    bool was_detached; /* what was kept is one piece now, of many frames */
};

struct model {
    const uint8_t *program;
    size_t left;
    struct ring box;
    struct model_reader readers[MODEL_READERS];
    unsigned serial;
    size_t shared_alive;
    bool was_forced;
    uint8_t frame[MODEL_FRAME_MAX];
};

struct model_shared {
    struct model *model;
    size_t len;
    uint8_t bytes[];
};

static unsigned model_next(struct model *m, unsigned bound)
{
    if (m->left == 0)
        return 0;
    m->left--;
    return *m->program++ % bound;
}

static size_t model_next_size(struct model *m)
{
    static const unsigned sizes[] = {0,    1,    2,    5,     17,    60,    100,  124,
                                     125,  126,  127,  250,   300,   700,   1000, 2000,
                                     4000, 4096, 9000, 20000, 65535, 65536, 70000};
    unsigned pick = model_next(m, 256);

    /* Small ones most of the time, or nothing but overruns would happen. */
    return pick < 230 ? pick : sizes[pick % ARRAY_LEN(sizes)];
}

/* Writes a frame around a payload of `len` bytes, which begins with `prefix`. */
static size_t model_make_frame(uint8_t *out, const char *prefix, const uint8_t *text, size_t len)
{
    size_t prefix_len = strlen(prefix);
    struct ws_frame_header header = {.length = prefix_len + len, .opcode = WS_TEXT, .fin = true};
    size_t size = ws_frame_encode(out, &header);

    memcpy(out + size, prefix, prefix_len);
    if (len > 0)
        memcpy(out + size + prefix_len, text, len);
    return size + prefix_len + len;
}

/* A text that no other frame has. */
static void model_make_text(struct model *m, uint8_t *text, size_t len)
{
    m->serial++;
    for (size_t i = 0; i < len; i++)
        text[i] = (uint8_t)((i + 1) * 2654435761u >> 16 ^ m->serial * 40503u >> 3);
}

static size_t model_make_any(struct model *m, size_t len)
{
    static uint8_t text[MODEL_FRAME_MAX];

    model_make_text(m, text, len);
    return model_make_frame(m->frame, "", text, len);
}

/* ---- what is wanted ---- */

static void model_want(struct model_reader *r, const void *bytes, size_t len, uint8_t mark)
{
    if (r->sent > 65536) {
        memmove(r->want, r->want + r->sent, r->len - r->sent);
        memmove(r->mark, r->mark + r->sent, r->len - r->sent);
        r->len -= r->sent;
        r->sent = 0;
    }
    if (r->len + len > r->cap) {
        r->cap = (r->len + len) * 2;
        r->want = realloc(r->want, r->cap);
        r->mark = realloc(r->mark, r->cap);
        MODEL_CHECK(r->want != NULL && r->mark != NULL);
    }
    if (len == 0)
        return;
    memcpy(r->want + r->len, bytes, len);
    memset(r->mark + r->len, mark & MODEL_PRIVATE, len);
    r->mark[r->len] |= mark & MODEL_BOUNDARY;
    r->len += len;
}

static void model_want_all(struct model *m, const void *frame, size_t len,
                           const struct model_reader *but)
{
    for (int i = 0; i < MODEL_READERS; i++) {
        if (m->readers[i].attached && &m->readers[i] != but)
            model_want(&m->readers[i], frame, len, MODEL_BOUNDARY);
    }
}

static bool model_is_boundary(const struct model_reader *r, size_t offset)
{
    return offset == r->len || (r->mark[offset] & MODEL_BOUNDARY) != 0;
}

/* Bytes that complete the frame which is sent in part. */
static size_t model_partial(const struct model_reader *r)
{
    size_t end = r->sent;

    while (!model_is_boundary(r, end))
        end++;
    return end - r->sent;
}

static size_t model_private(const struct model_reader *r)
{
    size_t count = 0;

    for (size_t i = r->sent; i < r->len; i++)
        count += (r->mark[i] & MODEL_PRIVATE) != 0;
    return count;
}

/* ---- checks ---- */

static void model_check_box(const struct model *m)
{
    const struct ring *box = &m->box;

    MODEL_CHECK(box->tail <= box->head);
    MODEL_CHECK(box->head - box->tail <= box->size);
    MODEL_CHECK(box->size <= box->max_size);
    MODEL_CHECK((box->size & (box->size - 1)) == 0);
    MODEL_CHECK((box->size == 0) == (box->data == NULL));
}

static void model_check_reader(const struct model *m, const struct model_reader *r)
{
    const struct sendq *q = &r->q;

    MODEL_CHECK(!q->is_incomplete);
    MODEL_CHECK(q->slot == (uint32_t)(r - m->readers));
    MODEL_CHECK(m->was_forced || !sendq_is_overrun(q));
    MODEL_CHECK(r->attached || sendq_lag(q) == 0);
    if (sendq_is_overrun(q))
        return;
    if (r->len - r->sent < MODEL_COUNTED)
        MODEL_CHECK(q->queued == model_private(r));
    MODEL_CHECK(!sendq_is_empty(q) || r->sent == r->len);
}

/* ---- operations ---- */

/* Takes up to `portion` of 255 parts of what a gather returns; 255 is all, 254 all but a byte. */
static void model_send(struct model_reader *r, int max, unsigned portion)
{
    struct iovec spans[64];
    size_t bytes, seen = 0;
    int n = sendq_gather(&r->q, spans, max, &bytes);

    MODEL_CHECK(n <= max);
    MODEL_CHECK(bytes <= r->len - r->sent);
    MODEL_CHECK(n == max || bytes == r->len - r->sent);
    for (int i = 0; i < n; i++) {
        MODEL_CHECK(spans[i].iov_len > 0);
        MODEL_CHECK(memcmp(spans[i].iov_base, r->want + r->sent + seen, spans[i].iov_len) == 0);
        seen += spans[i].iov_len;
    }
    MODEL_CHECK(seen == bytes);
    if (portion == 254 && bytes > 0)
        bytes--;
    else if (portion < 254)
        bytes = bytes * portion / 254;
    sendq_advance(&r->q, bytes);
    r->sent += bytes;
    if (r->sent == r->len)
        MODEL_CHECK(sendq_is_empty(&r->q));
}

static void model_drain(struct model_reader *r, int max)
{
    while (!sendq_is_empty(&r->q))
        model_send(r, max, 255);
    MODEL_CHECK(r->sent == r->len);
}

static void model_attach(struct model *m, struct model_reader *r)
{
    sendq_attach(&r->q, &m->box);
    r->attached = true;
    r->was_detached = false;
}

/* A connection that is over, and a new one in its place. */
static void model_reconnect(struct model *m, struct model_reader *r)
{
    sendq_deinit(&r->q);
    sendq_init(&r->q);
    r->q.slot = (uint32_t)(r - m->readers);
    r->len = 0;
    r->sent = 0;
    r->attached = false;
    r->was_detached = false;
}

static void model_detach(struct model *m, struct model_reader *r, size_t keep)
{
    struct iovec spans[64];
    size_t partial = model_partial(r);
    bool overrun = sendq_is_overrun(&r->q);
    bool all = !overrun && r->q.queued + sendq_lag(&r->q) <= keep;
    int result = sendq_detach(&r->q, keep);
    size_t bytes;

    r->attached = false;
    if (result < 0) {
        MODEL_CHECK(overrun && partial > 0);
        MODEL_CHECK(sendq_is_empty(&r->q));
        model_reconnect(m, r);
        return;
    }
    sendq_gather(&r->q, spans, 64, &bytes);
    if (all) {
        MODEL_CHECK(bytes == r->len - r->sent);
    } else {
        MODEL_CHECK(bytes >= partial && bytes <= partial + MODEL_SLACK);
        MODEL_CHECK(model_is_boundary(r, r->sent + bytes));
    }
    r->was_detached = true;
    r->len = r->sent + bytes;
    for (size_t i = r->sent; i < r->len; i++)
        r->mark[i] |= MODEL_PRIVATE;
    MODEL_CHECK(sendq_lag(&r->q) == 0 && !sendq_is_overrun(&r->q));
}

/* Makes room for a frame, and compares with what the header says about when that is possible. */
static bool model_reserve(struct model *m, size_t len, bool by_force)
{
    size_t used = (size_t)(m->box.head - m->box.tail);
    size_t grown = (size_t)round_up_pow2(max_size(used + len, TUNE_RING_MIN));
    bool fits = len <= m->box.size - used || grown <= m->box.max_size;

    MODEL_CHECK((ring_reserve(&m->box, len) == 0) == fits);
    if (fits || !by_force)
        return fits;
    m->was_forced = true;
    fits = len <= m->box.size;
    MODEL_CHECK((ring_reserve_forced(&m->box, len) == 0) == fits);
    return fits;
}

static void model_append(struct model *m, bool by_force)
{
    size_t len = model_make_any(m, model_next_size(m));

    if (!model_reserve(m, len, by_force))
        return;
    ring_append(&m->box, m->frame, len);
    model_want_all(m, m->frame, len, NULL);
}

/* A message by a reader: it gets something else in place of it, or in front of it. */
static void model_say(struct model *m, struct model_reader *author, bool copies)
{
    static uint8_t text[MODEL_FRAME_MAX], own[MODEL_FRAME_MAX];
    size_t text_len = model_next_size(m), len, own_len;

    model_make_text(m, text, text_len);
    len = model_make_frame(m->frame, "Client #1 says: ", text, text_len);
    own_len = model_make_frame(own, "You wrote: ", text, text_len);
    if (!author->attached || !model_reserve(m, len, model_next(m, 4) == 0))
        return;
    ring_append(&m->box, m->frame, len);
    model_want_all(m, m->frame, len, author);
    model_want(author, own, own_len, MODEL_BOUNDARY | MODEL_PRIVATE);
    if (copies) {
        sendq_push_splice(&author->q, m->box.head - len, own, own_len, 0, 0);
        model_want(author, m->frame, len, MODEL_BOUNDARY);
        return;
    }
    sendq_push_splice(&author->q, m->box.head - len, own, own_len - text_len, len - text_len,
                      text_len);
    memset(author->mark + author->len - text_len, 0, text_len);
}

/* A frame that one reader does not get. */
static void model_skip(struct model *m, struct model_reader *r)
{
    size_t len = model_make_any(m, model_next_size(m));

    if (!r->attached || !model_reserve(m, len, false))
        return;
    ring_append(&m->box, m->frame, len);
    model_want_all(m, m->frame, len, r);
    sendq_push_splice(&r->q, m->box.head - len, NULL, 0, len, 0);
}

static void model_push(struct model *m, struct model_reader *r)
{
    size_t len = model_make_any(m, model_next_size(m));

    MODEL_CHECK(sendq_push(&r->q, m->frame, len) == 0);
    model_want(r, m->frame, len, MODEL_BOUNDARY | MODEL_PRIVATE);
}

static void model_put(struct model *m, struct model_reader *r)
{
    size_t len = model_make_any(m, model_next_size(m));
    uint8_t *where = sendq_put(&r->q, len);

    MODEL_CHECK(where != NULL);
    memcpy(where, m->frame, len);
    model_want(r, m->frame, len, MODEL_BOUNDARY | MODEL_PRIVATE);
}

static void model_release(void *owner)
{
    struct model_shared *shared = owner;

    MODEL_CHECK(shared->model->shared_alive > 0);
    shared->model->shared_alive--;
    free(shared);
}

static void model_push_shared(struct model *m, struct model_reader *r)
{
    size_t len = model_make_any(m, model_next_size(m));
    struct model_shared *shared = malloc(sizeof(*shared) + len);

    MODEL_CHECK(shared != NULL);
    *shared = (struct model_shared){.model = m, .len = len};
    memcpy(shared->bytes, m->frame, len);
    m->shared_alive++;
    MODEL_CHECK(sendq_push_shared(&r->q, shared->bytes, len, model_release, shared) == 0);
    model_want(r, m->frame, len, MODEL_BOUNDARY | MODEL_PRIVATE);
}

static void model_raise_tail(struct model *m, unsigned portion)
{
    uint64_t low = m->box.head;

    for (int i = 0; i < MODEL_READERS; i++) {
        if (m->readers[i].attached && m->readers[i].q.cursor < low)
            low = m->readers[i].q.cursor;
    }
    if (low > m->box.tail)
        ring_raise_tail(&m->box, m->box.tail + (low - m->box.tail) * portion / 255);
}

static void model_drop_all(struct model_reader *r)
{
    sendq_drop_all(&r->q);
    MODEL_CHECK(sendq_is_empty(&r->q) && r->q.queued == 0 && sendq_lag(&r->q) == 0);
    r->len = 0;
    r->sent = 0;
}

/* The queue goes to another process, and comes from there. Records are short now and then. */
static void model_hand(struct model *m, struct model_reader *r, size_t longest)
{
    struct hand_pipe pipe;
    bool has_ring;

    hand_pipe_init(&pipe);
    pipe.w.longest = longest;
    hand_begin(&pipe.w, HAND_CONNS);
    sendq_hand(&pipe.w, &r->q);
    hand_end(&pipe.w);
    MODEL_CHECK(!pipe.w.is_failed);
    hand_pipe_rewind(&pipe);
    sendq_deinit(&r->q);
    MODEL_CHECK(hand_expect(&pipe.r, HAND_CONNS) && sendq_take(&r->q, &pipe.r, &has_ring));
    MODEL_CHECK(hand_is_through(&pipe.r) && has_ring == r->attached);
    MODEL_CHECK(!has_ring || sendq_take_ring(&r->q, &m->box, &pipe.r));
    r->q.slot = (uint32_t)(r - m->readers);
    hand_pipe_deinit(&pipe);
}

static void model_give_ring_back(struct model *m)
{
    uint64_t head = m->box.head;

    model_raise_tail(m, 255);
    if (m->box.tail == m->box.head)
        ring_deinit(&m->box);
    MODEL_CHECK(m->box.head == head);
}

static void model_step_reader(struct model *m, struct model_reader *r, unsigned op)
{
    static const int max_spans[] = {1, 2, 3, 64};
    static const size_t keeps[] = {0, 10, 300, 5000, 65536, SIZE_MAX};

    if (sendq_is_overrun(&r->q)) {
        if (op % 2 == 0)
            model_detach(m, r, keeps[model_next(m, ARRAY_LEN(keeps))]);
        else
            model_reconnect(m, r);
        return;
    }
    if (op < 3)
        model_say(m, r, op == 0);
    else if (op == 3)
        model_skip(m, r);
    else if (op == 4)
        model_push(m, r);
    else if (op == 5)
        model_put(m, r);
    else if (op == 6)
        model_push_shared(m, r);
    else if (op < 13)
        model_send(r, max_spans[model_next(m, 4)], op < 10 ? 255 : model_next(m, 256));
    else if (op == 13 && r->attached)
        model_detach(m, r, keeps[model_next(m, ARRAY_LEN(keeps))]);
    else if (op == 13 && (!r->was_detached || r->sent == r->len))
        model_attach(m, r);
    else if (op == 14)
        model_reconnect(m, r);
    else if (op == 15)
        model_drop_all(r);
}

static void model_step(struct model *m)
{
    unsigned op = model_next(m, 25);
    struct model_reader *r = &m->readers[model_next(m, MODEL_READERS)];

    if (op < 16)
        model_step_reader(m, r, op);
    else if (op < 20)
        model_append(m, op == 19);
    else if (op < 22)
        model_raise_tail(m, 255);
    else if (op == 22)
        model_raise_tail(m, model_next(m, 256));
    else if (op == 23)
        model_give_ring_back(m);
    else
        model_hand(m, r, model_next(m, 2) == 0 ? HAND_RECORD_MAX : 1000);
    model_check_box(m);
    for (int i = 0; i < MODEL_READERS; i++)
        model_check_reader(m, &m->readers[i]);
}

static void model_finish(struct model *m)
{
    for (int i = 0; i < MODEL_READERS; i++) {
        struct model_reader *r = &m->readers[i];

        if (!sendq_is_overrun(&r->q))
            model_drain(r, 1 + i);
        sendq_deinit(&r->q);
        free(r->want);
        free(r->mark);
    }
    MODEL_CHECK(m->shared_alive == 0);
    ring_deinit(&m->box);
    MODEL_CHECK(m->box.tail == m->box.head && m->box.size == 0);
}

static void model_run(const uint8_t *program, size_t len)
{
    static struct model m;

    m = (struct model){.program = program, .left = len};
    ring_init(&m.box, (size_t)TUNE_RING_MIN << model_next(&m, 8));
    for (int i = 0; i < MODEL_READERS; i++) {
        model_reconnect(&m, &m.readers[i]);
        model_attach(&m, &m.readers[i]);
    }
    for (int step = 0; m.left > 0 && step < MODEL_STEPS; step++)
        model_step(&m);
    model_finish(&m);
}

#endif
