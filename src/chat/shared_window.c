#include "chat/shared_window.h"

#include "base/clock.h"
#include "chat/frame.h"
#include "proto/ws/deflate.h"

/* Memory for packed frames that is kept from one to the next. */
#define KEPT_MAX 65536

void shared_packer_deinit(struct shared_packer *packer)
{
    deflate_block_free(packer->block);
    buf_deinit(&packer->out);
    packer->block = NULL;
}

void shared_window_deinit(struct shared_window *window)
{
    deflate_window_free(window->window);
    *window = (struct shared_window){.window = NULL};
}

void shared_window_join(struct shared_window *window)
{
    window->floor = window->window != NULL ? deflate_position(window->window) : 0;
}

/* Makes sure of all memory but that for what comes out. Returns 0, or -1 where it is out. */
static int shared_window_prepare(struct shared_window *window, struct shared_packer *packer)
{
    if (packer->block == NULL)
        packer->block = deflate_block_new();
    if (window->window == NULL)
        window->window = deflate_window_new(SHARED_WINDOW_BITS);
    if (packer->out.cap > KEPT_MAX)
        buf_deinit(&packer->out);
    return packer->block != NULL && window->window != NULL ? frame_begin(&packer->out) : -1;
}

/* Packs into packer->out. Returns 0, or -1 where memory is out. */
static int shared_window_try(struct shared_window *window, struct shared_packer *packer,
                             struct str payload)
{
    struct deflate_reach reach = {.floor = window->floor,
                                  .distance = (size_t)1 << SHARED_WINDOW_BITS};
    uint64_t began = clock_monotonic_ns();
    int result = deflate_message(packer->block, window->window, &packer->out,
                                 (const uint8_t *)payload.ptr, payload.len, &reach);

    packer->spent += clock_monotonic_ns() - began;
    return result;
}

const struct buf *shared_window_pack(struct shared_window *window, struct shared_packer *packer,
                                     const struct buf *frame)
{
    if (shared_window_prepare(window, packer) < 0 ||
        shared_window_try(window, packer, frame_payload(frame)) < 0)
        return frame;
    frame_finish_packed(&packer->out);
    if (packer->out.len >= frame->len) {
        deflate_undo(window->window);
        return frame;
    }
    packer->frames++;
    packer->before += frame->len;
    packer->after += packer->out.len;
    return &packer->out;
}

void shared_window_hand(struct hand_writer *w, const struct shared_window *window)
{
    hand_put_u64(w, window->floor);
    deflate_window_hand(w, window->window);
}

void shared_window_take(struct hand_reader *r, struct shared_window *window)
{
    window->floor = hand_get_u64(r);
    window->window = deflate_window_take(r, SHARED_WINDOW_BITS);
}
