#include "chat/replay.h"

#include "auth/rights.h"
#include "base/util.h"
#include "chat/frame.h"
#include "chat/retention.h"

/* Bytes that may be replayed in any case, if they are there. */
#define REPLAY_MIN 65536

struct replay_wish replay_read_wish(const struct chat_entry *entry)
{
    struct replay_wish wish = {.history = entry->history};

    wish.has_position =
        entry->since.ptr != NULL && codec_pos_read(entry->since, &wish.epoch, &wish.seq);
    return wish;
}

int replay_encode(struct chat *chat, struct record *record, enum rendition kind)
{
    size_t before = record->frames[kind].cap;
    int result = record_encode(record, kind);

    retention_count_frame(chat, record, record->frames[kind].cap - before);
    return result;
}

/* Bytes that one replay may take. Replays share the records with the history, so they cost nothing
 * more but frames, until it forgets records that somebody has not read yet. Where there is as much
 * of both as the history may hold, newcomers get no more than they may lag behind: who does not
 * read cannot make the server hold on to everything that was ever said. */
static uint64_t replay_budget(const struct chat *chat)
{
    if (chat->orphan_bytes + chat->frame_bytes <= chat->config.history_memory)
        return UINT64_MAX;
    return max_size((size_t)chat->config.max_lag, REPLAY_MIN);
}

/* Takes what it costs to send the records from place `first` on off *budget. Returns false where
 * that is not enough. */
static bool replay_spend(struct chat *chat, const struct history *history, size_t first,
                         enum rendition kind, uint64_t *budget)
{
    for (size_t i = first; i < history->count; i++) {
        struct record *record = history_at(history, i);

        if (replay_encode(chat, record, kind) < 0 || record->frames[kind].len > *budget)
            return false;
        *budget -= record->frames[kind].len;
    }
    return true;
}

static bool replay_can_recover(struct chat *chat, const struct channel *channel,
                               enum rendition kind, const struct replay_wish *wish, uint64_t until)
{
    const struct history *messages = &channel->messages, *presence = &channel->presence;
    uint64_t budget = replay_budget(chat);

    return wish->has_position && wish->epoch == channel->log.epoch && wish->seq <= until &&
           messages->gone <= wish->seq &&
           replay_spend(chat, messages, history_after(messages, wish->seq), kind, &budget) &&
           replay_spend(chat, presence, history_after(presence, wish->seq), kind, &budget);
}

struct replay replay_plan(struct chat *chat, struct channel *channel, enum rendition kind,
                          const struct replay_wish *wish, uint64_t until)
{
    const struct history *messages = &channel->messages;
    struct replay replay = {.after = until, .until = until};
    uint64_t budget;

    retention_forget_excess(chat, channel);
    budget = replay_budget(chat);
    if (replay_can_recover(chat, channel, kind, wish, until)) {
        replay.after = wish->seq;
        replay.recovered = true;
        return replay;
    }
    for (size_t n = 1; n <= messages->count && n <= wish->history; n++) {
        struct record *record = history_at(messages, messages->count - n);

        if (replay_encode(chat, record, kind) < 0 || record->frames[kind].len > budget)
            break;
        budget -= record->frames[kind].len;
        replay.after = record->event.seq - 1;
    }
    return replay;
}

int replay_send(struct chat *chat, struct channel *channel, enum rendition kind,
                const struct replay *replay, struct sendq *out)
{
    const struct history *messages = &channel->messages, *presence = &channel->presence;
    size_t m = history_after(messages, replay->after);
    size_t p = replay->recovered ? history_after(presence, replay->after) : presence->count;

    while (m < messages->count || p < presence->count) {
        struct record *record = history_next_of_two(messages, &m, presence, &p);

        if (record->event.seq > replay->until)
            break;
        if (record_replay(record, kind, out) < 0)
            return -1;
        chat->counters.replayed++;
    }
    retention_forget_excess(chat, channel);
    return 0;
}

/* ---- the welcome ---- */

void replay_write_key(char out[KEY_TEXT_SIZE], const uint8_t key[CLIENT_KEY_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < CLIENT_KEY_SIZE; i++) {
        out[2 * i] = digits[key[i] >> 4];
        out[2 * i + 1] = digits[key[i] & 15];
    }
    out[KEY_TEXT_SIZE - 1] = '\0';
}

/* Who may not know who is there is told of itself alone. */
static size_t replay_count(const struct channel *channel, const struct client *client)
{
    return (client->at.out->denied & RIGHT_PRS) != 0 ? 1 : channel_count(channel);
}

/* Lists so many of those who sit elsewhere. */
static int replay_list_elsewhere(const struct channel *channel, struct buf *out, size_t listed)
{
    const struct elsewhere *e = &channel->elsewhere;

    for (size_t i = 0; listed > 0 && i < e->size; i++) {
        const struct elsewhere_member *member = e->places[i];

        if (member == NULL)
            continue;
        if (codec_v1_welcome_member(out, member->id, (struct str){member->name, member->name_len},
                                    false) < 0)
            return -1;
        listed--;
    }
    return 0;
}

static int replay_list_members(const struct chat *chat, const struct channel *channel,
                               struct buf *out, const struct client *self)
{
    size_t listed = min_size(replay_count(channel, self), chat->config.presence_limit);

    if (listed == 0)
        return 0;
    if (codec_v1_welcome_member(out, self->id, client_name(self), true) < 0)
        return -1;
    listed--;
    for (size_t i = 0; listed > 0 && i < channel->member_count; i++) {
        const struct client *member = channel->members[i];

        if (member == self)
            continue;
        if (codec_v1_welcome_member(out, member->id, client_name(member), false) < 0)
            return -1;
        listed--;
    }
    return replay_list_elsewhere(channel, out, listed);
}

int replay_welcome(struct chat *chat, const struct client *client, const struct replay *replay)
{
    const struct channel *channel = client->channel;
    struct buf *frame = &chat->scratch;
    char pos[CODEC_POS_MAX], key[KEY_TEXT_SIZE];
    struct welcome welcome = {
        .id = client->id,
        .room = channel->log.name,
        .name = client_name(client),
        .pos = pos,
        .key = key,
        .recovered = replay->recovered,
        .count = replay_count(channel, client),
        .max_message = chat->config.max_message,
    };

    codec_pos_write(pos, channel->log.epoch, replay->after);
    replay_write_key(key, client->key);
    if (frame_begin(frame) < 0 || codec_v1_welcome_begin(frame, &welcome) < 0 ||
        replay_list_members(chat, channel, frame, client) < 0 ||
        codec_v1_welcome_end(frame, &welcome) < 0)
        return -1;
    frame_finish(frame);
    return sendq_push(client->at.out, frame->data, frame->len);
}
