#include "chat/replay.h"

#include "auth/rights.h"
#include "base/util.h"
#include "chat/frame.h"
#include "chat/marks.h"
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

/* Does its frame tell reactions? */
static bool replay_has_sums(const struct record *record, enum rendition kind)
{
    return record->event.kind == EVENT_MESSAGE && renditions[kind].codec == CODEC_V1 &&
           record->channel->marks.count > 0 && !record->event.is_retracted;
}

/* Encodes a message with what became of it. Returns 0, or -1 with errno ENOMEM. */
static int replay_encode_sums(struct record *record, enum rendition kind)
{
    struct buf sums;
    int result;

    buf_init(&sums);
    result = marks_sum(&sums, record->channel, record->event.seq);
    if (result == 0) {
        record->event.reactions = (struct str){(const char *)sums.data, sums.len};
        result = record_encode(record, kind);
        record->event.reactions = (struct str){NULL, 0};
    }
    buf_deinit(&sums);
    return result;
}

struct record *replay_record(struct chat *chat, struct history *history, size_t place,
                             enum rendition kind)
{
    struct record *record = retention_renew(chat, history, place);
    size_t before;
    int result;

    if (record == NULL || record_frame(record, kind)->len > 0)
        return record;
    before = record_frame(record, kind)->cap;
    result = replay_has_sums(record, kind) ? replay_encode_sums(record, kind)
                                           : record_encode(record, kind);
    retention_count_frame(chat, record, record_frame(record, kind)->cap - before);
    return result < 0 ? NULL : record;
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

/* Takes what it costs to send the records with a seq above `after` off *budget. Returns false where
 * that is not enough. */
static bool replay_spend(struct chat *chat, struct history *history, uint64_t after,
                         enum rendition kind, uint64_t *budget)
{
    for (size_t i = history_after(history, after); i < history->count; i++) {
        const struct record *record = replay_record(chat, history, i, kind);

        if (record == NULL || record_frame(record, kind)->len > *budget)
            return false;
        *budget -= record_frame(record, kind)->len;
    }
    return true;
}

static bool replay_can_recover(struct chat *chat, struct channel *channel, enum rendition kind,
                               const struct replay_wish *wish, uint64_t until)
{
    uint64_t budget = replay_budget(chat), after = wish->seq;

    return wish->has_position && wish->epoch == channel->log.epoch && after <= until &&
           channel->messages.gone <= after && channel->marks.gone <= after &&
           replay_spend(chat, &channel->messages, after, kind, &budget) &&
           replay_spend(chat, &channel->presence, after, kind, &budget) &&
           replay_spend(chat, &channel->marks, after, kind, &budget) &&
           replay_spend(chat, &channel->rules, after, kind, &budget);
}

struct replay replay_plan(struct chat *chat, struct channel *channel, enum rendition kind,
                          const struct replay_wish *wish, uint64_t until)
{
    struct history *messages = &channel->messages;
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
        const struct record *record = replay_record(chat, messages, messages->count - n, kind);

        if (record == NULL || record_frame(record, kind)->len > budget)
            break;
        budget -= record_frame(record, kind)->len;
        replay.after = record->event.seq - 1;
    }
    return replay;
}

int replay_send(struct chat *chat, struct channel *channel, enum rendition kind,
                const struct replay *replay, struct sendq *out)
{
    uint64_t after = replay->after;
    uint64_t others = replay->recovered ? after : UINT64_MAX; /* else messages alone */
    struct history_place places[] = {
        {&channel->messages, history_after(&channel->messages, after)},
        {&channel->presence, history_after(&channel->presence, others)},
        {&channel->marks, history_after(&channel->marks, others)},
        {&channel->rules, history_after(&channel->rules, others)},
    };
    struct record *record;

    while ((record = history_next(places, ARRAY_LEN(places))) != NULL) {
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

int replay_list_elsewhere(const struct channel *channel, struct buf *out, size_t listed,
                          bool is_first)
{
    const struct elsewhere *e = &channel->elsewhere;

    for (size_t i = 0; listed > 0 && i < e->size; i++) {
        const struct elsewhere_member *member = e->places[i];

        if (member == NULL)
            continue;
        if (codec_v1_welcome_member(out, member->id, (struct str){member->name, member->name_len},
                                    is_first) < 0)
            return -1;
        is_first = false;
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
    return replay_list_elsewhere(channel, out, listed, false);
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
        .slow = channel->slow,
        .is_moderator = (client->at.out->denied & RIGHT_MOD) == 0,
        .has_typing = chat->config.typing,
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
