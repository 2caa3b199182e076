#include "chat/marks.h"

#include <errno.h>

#include "chat/reactions.h"

/* The message with this seq; NULL: it is not kept. */
static struct record *marks_message(const struct channel *channel, uint64_t seq)
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

    if (event->kind == EVENT_REACT)
        message = marks_message(channel, event->re);
    if (message != NULL)
        message->is_stale = true;
}

/* Beyond their bound reactions are told and not summed. */
static int marks_collect(struct reactions *sums, const struct channel *channel, uint64_t seq)
{
    for (size_t i = history_after(&channel->marks, seq); i < channel->marks.count; i++) {
        const struct event *mark = &history_at(&channel->marks, i)->event;

        if (mark->re == seq && reactions_set(sums, mark->from, mark->text, mark->is_on) < 0 &&
            errno != ENOSPC)
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
    if (pos->epoch != channel->log.epoch || pos->seq > channel->log.committed)
        return false;
    if (marks_message(channel, pos->seq) != NULL)
        return true;
    return !is_kept && pos->seq <= channel->messages.gone;
}
