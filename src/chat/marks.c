#include "chat/marks.h"

#include <errno.h>
#include <string.h>

#include "chat/reactions.h"

struct record *marks_message(const struct channel *channel, uint64_t seq)
{
    const struct history *messages = &channel->messages;
    size_t place = history_after(messages, seq - 1);

    if (place == messages->count || history_at(messages, place)->event.seq != seq)
        return NULL;
    return history_at(messages, place);
}

void marks_touch(struct channel *channel, const struct event *event)
{
    struct record *message = NULL;

    if (event->kind == EVENT_REACT || event->kind == EVENT_RETRACT)
        message = marks_message(channel, event->re);
    if (message != NULL)
        message->is_stale = true;
}

/* Its memory stays counted until it is forgotten. */
void marks_retract(struct channel *channel, uint64_t seq)
{
    struct record *message = marks_message(channel, seq);
    struct event *event;

    if (message == NULL)
        return;
    event = &message->event;
    if (event->text.len > 0)
        memset((char *)(uintptr_t)event->text.ptr, 0, event->text.len);
    if (event->data.len > 0)
        memset((char *)(uintptr_t)event->data.ptr, 0, event->data.len);
    event->text = event->data = (struct str){NULL, 0};
    event->re = 0;
    event->is_retracted = message->is_stale = true;
}

/* Beyond their bound reactions are told and not summed. */
static int marks_collect(struct reactions *sums, const struct channel *channel, uint64_t seq)
{
    for (size_t i = history_after(&channel->marks, seq); i < channel->marks.count; i++) {
        const struct event *mark = &history_at(&channel->marks, i)->event;

        if (mark->kind == EVENT_REACT && mark->re == seq &&
            reactions_set(sums, mark->from, mark->text, mark->is_on) < 0 && errno != ENOSPC)
            return -1;
    }
    return 0;
}

int marks_sum(struct buf *out, const struct channel *channel, uint64_t seq)
{
    struct reactions sums = {.items = NULL};
    int result = marks_collect(&sums, channel, seq);

    if (result == 0)
        result = reactions_encode(out, &sums);
    reactions_deinit(&sums);
    return result;
}

bool marks_has_message(const struct channel *channel, const struct codec_pos *pos, bool is_kept)
{
    const struct record *message;

    if (pos->epoch != channel->log.epoch || pos->seq > channel->log.committed)
        return false;
    message = marks_message(channel, pos->seq);
    if (message != NULL)
        return !is_kept || !message->event.is_retracted;
    return !is_kept && pos->seq <= channel->messages.gone;
}
