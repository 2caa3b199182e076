#include "net/stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/hand_long.h"

/* Texts about ends that are kept, and bytes of one; what is beyond is left out. */
#define DETAILS_MAX 64
#define DETAIL_MAX 255

/* Bytes that a stream may have read and not used: more than the longest body of a request. */
#define STREAM_HAND_IN ((size_t)1 << 30)

/* For a timer that does not run. */
#define STREAM_NO_TIMER UINT8_MAX

/* ---- flags ---- */

#define STREAM_FLAGS(each)                                                                         \
    each(is_blocked) each(is_paused) each(read_eof) each(rdhup) each(fin_sent) each(write_failed)  \
        each(has_more) each(is_sending) each(is_ending) each(is_tcp)

static uint32_t stream_flags(const struct stream *stream)
{
    uint32_t flags = 0, bit = 1;

#define PUT(flag)                                                                                  \
    flags |= stream->flag ? bit : 0;                                                               \
    bit <<= 1;
    STREAM_FLAGS(PUT)
#undef PUT
    return flags;
}

/* Returns false where there are others. */
static bool stream_set_flags(struct stream *stream, uint32_t flags)
{
    uint32_t bit = 1;

#define GET(flag)                                                                                  \
    stream->flag = (flags & bit) != 0;                                                             \
    bit <<= 1;
    STREAM_FLAGS(GET)
#undef GET
    return flags < bit;
}

/* ---- texts ---- */

void stream_env_deinit(struct stream_env *env)
{
    while (env->details != NULL) {
        struct stream_detail *next = env->details->next;

        free(env->details);
        env->details = next;
    }
}

/* The one text with these bytes, which lives as long as the env; NULL where there are too many, or
 * memory is out: it is for the log alone. */
static const char *stream_keep_detail(struct stream_env *env, struct str text)
{
    struct stream_detail *detail;
    size_t count = 0;

    for (detail = env->details; detail != NULL; detail = detail->next, count++) {
        if (str_equals(str_from(detail->text), text))
            return detail->text;
    }
    if (count >= DETAILS_MAX || memchr(text.ptr, '\0', text.len) != NULL)
        return NULL;
    detail = malloc(sizeof(*detail) + text.len + 1);
    if (detail == NULL)
        return NULL;
    memcpy(detail->text, text.ptr, text.len);
    detail->text[text.len] = '\0';
    detail->next = env->details;
    env->details = detail;
    return detail->text;
}

static void stream_hand_detail(struct hand_writer *w, const char *detail)
{
    struct str text = {NULL, 0};

    if (detail != NULL)
        text = (struct str){detail, strnlen(detail, DETAIL_MAX)};
    hand_put_str(w, text);
}

/* ---- the stream ---- */

void stream_hand(struct hand_writer *w, const struct stream *stream)
{
    const struct timer *timer = &stream->timer;

    hand_put_u8(w, stream->state);
    hand_put_u8(w, stream->end);
    hand_put_u32(w, stream_flags(stream));
    hand_put_u64(w, stream->sent);
    hand_put_u64(w, stream->received);
    hand_put_u64(w, stream->opened);
    hand_put_u32(w, stream->leftover);
    hand_put_u32(w, stream->taken);
    hand_put_u8(w, timer->class != NULL ? (uint8_t)(timer->class - stream->env->timers)
                                        : STREAM_NO_TIMER);
    hand_put_u64(w, timer->deadline);
    stream_hand_detail(w, stream->detail);
    hand_put_long(w, stream->in.data, stream->state == STREAM_OPEN ? stream->in.len : 0);
    sendq_hand(w, &stream->out);
}

static void stream_take_timer(struct stream *stream, struct hand_reader *r, uint32_t timers)
{
    uint8_t class = hand_get_u8(r);
    uint64_t deadline = hand_get_u64(r);
    struct stream_env *env = stream->env;

    if (class == STREAM_NO_TIMER)
        return;
    if (hand_check(r, class < env->timer_count && (timers >> class & 1) != 0,
                   "a connection has a timer of another kind"))
        timer_set(&stream->timer, &env->timers[class], env->clock.now, deadline);
}

/* Can all that is said of it be true at a time? */
static bool stream_is_sound(const struct stream *stream)
{
    bool is_open = stream->state == STREAM_OPEN;

    if (stream->is_paused && !is_open)
        return false;
    if (stream->fin_sent && (is_open || stream->read_eof || stream->out.first != NULL))
        return false;
    return is_open ? !stream->read_eof : stream->is_ending;
}

bool stream_take(struct stream *stream, struct hand_reader *r, uint32_t timers, bool *has_ring)
{
    struct str detail;

    *has_ring = false;
    stream->state = (uint8_t)hand_upto(r, hand_get_u8(r), STREAM_LINGER);
    stream->end = (uint8_t)hand_upto(r, hand_get_u8(r), STREAM_ENDS - 1);
    hand_check(r, stream_set_flags(stream, hand_get_u32(r)), "a connection has unknown flags");
    stream->sent = hand_get_u64(r);
    stream->received = hand_get_u64(r);
    stream->opened = hand_upto(r, hand_get_u64(r), stream->env->clock.now);
    stream->leftover = hand_get_u32(r);
    stream->taken = hand_get_u32(r);
    stream_take_timer(stream, r, timers);
    detail = hand_get_str(r, DETAIL_MAX);
    if (detail.ptr != NULL)
        stream->detail = stream_keep_detail(stream->env, detail);
    return hand_get_long(r, &stream->in, STREAM_HAND_IN) && sendq_take(&stream->out, r, has_ring) &&
           hand_check(r, stream_is_sound(stream), "a connection contradicts itself");
}

void stream_env_sort(struct stream_env *env)
{
    for (size_t i = 0; i < env->timer_count; i++)
        timer_class_sort(&env->timers[i]);
}
