#include "chat/view.h"

#include "base/util.h"
#include "chat/frame.h"
#include "chat/replay.h"
#include "chat/retention.h"
#include "proto/json.h"

/* Bytes of events in one answer; one is told in any case. */
#define VIEW_BYTES 1048576

/* ---- rooms ---- */

/* The first names that were found, in byte order. */
struct found {
    const struct channel *items[VIEW_LIMIT_MAX];
    size_t count;
    size_t limit;
    bool is_cut; /* there are more */
};

static int compare(struct str a, struct str b)
{
    int order = memcmp(a.ptr, b.ptr, min_size(a.len, b.len));

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static size_t found_place(const struct found *found, struct str name)
{
    size_t low = 0, high = found->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare(found->items[middle]->log.name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void found_add(struct found *found, const struct channel *channel)
{
    size_t place = found_place(found, channel->log.name);

    if (found->count == found->limit) {
        found->is_cut = true;
        if (place == found->count)
            return;
        found->count--;
    }
    memmove(&found->items[place + 1], &found->items[place],
            (found->count - place) * sizeof(found->items[0]));
    found->items[place] = channel;
    found->count++;
}

static bool view_is_wanted(const struct view_rooms *wish, struct str name)
{
    bool with_members;

    return !str_equals(name, STR(LOG_BANS)) && name.len >= wish->prefix.len &&
           memcmp(name.ptr, wish->prefix.len > 0 ? wish->prefix.ptr : "", wish->prefix.len) == 0 &&
           (wish->after.ptr == NULL || compare(name, wish->after) > 0) &&
           wish->may_see(wish->owner, name, &with_members);
}

static int view_append_room(struct buf *out, const struct channel *channel, bool with_members)
{
    char pos[CODEC_POS_MAX];

    codec_pos_write(pos, channel->log.epoch, channel->log.committed);
    if (buf_append_str(out, STR("{\"room\":")) < 0 ||
        json_append_string(out, channel->log.name) < 0 ||
        (with_members && buf_printf(out, ",\"members\":%zu", channel_count(channel)) < 0))
        return -1;
    return buf_printf(out, ",\"pos\":\"%s\"}", pos);
}

int view_rooms(const struct chat *chat, const struct view_rooms *wish, struct buf *out)
{
    struct found found = {.limit = wish->limit};
    bool with_members = false;

    for (size_t i = 0; i < chat->channels.size; i++) {
        for (const struct channel *c = chat->channels.buckets[i]; c != NULL;
             c = c->next_in_bucket) {
            if (view_is_wanted(wish, c->log.name))
                found_add(&found, c);
        }
    }
    if (buf_append_str(out, STR("{\"rooms\":[")) < 0)
        return -1;
    for (size_t i = 0; i < found.count; i++) {
        wish->may_see(wish->owner, found.items[i]->log.name, &with_members);
        if ((i > 0 && buf_append_char(out, ',') < 0) ||
            view_append_room(out, found.items[i], with_members) < 0)
            return -1;
    }
    return buf_printf(out, "],\"more\":%s}", found.is_cut ? "true" : "false");
}

/* ---- the busiest ---- */

static bool view_is_busier(const struct channel *one, const struct channel *other, uint64_t now)
{
    uint64_t said = channel_messages(one, now), others = channel_messages(other, now);
    size_t members = channel_count(one), rest = channel_count(other);

    if (said != others || members != rest)
        return said != others ? said > others : members > rest;
    return compare(one->log.name, other->log.name) < 0;
}

/* Puts it among the first ones, where it belongs there. */
static void busiest_add(struct found *found, const struct channel *channel, uint64_t now)
{
    size_t place = found->count;

    while (place > 0 && view_is_busier(channel, found->items[place - 1], now))
        place--;
    if (place == found->limit)
        return;
    found->count = min_size(found->count + 1, found->limit);
    memmove(&found->items[place + 1], &found->items[place],
            (found->count - place - 1) * sizeof(found->items[0]));
    found->items[place] = channel;
}

static int busiest_append(struct buf *out, const struct channel *channel, uint64_t now)
{
    if (buf_append_str(out, STR("{\"room\":")) < 0 ||
        json_append_string(out, channel->log.name) < 0)
        return -1;
    return buf_printf(out, ",\"members\":%zu,\"messages\":%llu}", channel_count(channel),
                      (unsigned long long)channel_messages(channel, now));
}

int view_busiest(const struct chat *chat, struct buf *out)
{
    struct found found = {.limit = VIEW_BUSIEST};

    for (size_t i = 0; i < chat->channels.size; i++) {
        for (const struct channel *c = chat->channels.buckets[i]; c != NULL;
             c = c->next_in_bucket) {
            if (!str_equals(c->log.name, STR(LOG_BANS)))
                busiest_add(&found, c, chat->now);
        }
    }
    if (buf_append_str(out, STR("{\"rooms\":[")) < 0)
        return -1;
    for (size_t i = 0; i < found.count; i++) {
        if ((i > 0 && buf_append_char(out, ',') < 0) ||
            busiest_append(out, found.items[i], chat->now) < 0)
            return -1;
    }
    return buf_append_str(out, STR("]}"));
}

/* ---- members ---- */

int view_members(const struct chat *chat, struct str room, struct buf *out)
{
    const struct channel *channel = channel_table_find(&chat->channels, room);
    size_t count = channel != NULL ? channel_count(channel) : 0;
    size_t listed = min_size(count, chat->config.presence_limit);

    if (buf_append_str(out, STR("{\"room\":")) < 0 || json_append_string(out, room) < 0 ||
        buf_printf(out, ",\"count\":%zu,\"members\":[", count) < 0)
        return -1;
    for (size_t i = 0; i < listed && i < channel->member_count; i++) {
        const struct client *member = channel->members[i];

        if (codec_v1_welcome_member(out, member->id, client_name(member), i == 0) < 0)
            return -1;
    }
    if (listed > 0 && listed > channel->member_count &&
        replay_list_elsewhere(channel, out, listed - channel->member_count,
                              channel->member_count == 0) < 0)
        return -1;
    return buf_append_str(out, STR("]}"));
}

/* ---- events ---- */

enum { VIEW_MESSAGES, VIEW_PRESENCE, VIEW_MARKS, VIEW_RULES, VIEW_HISTORIES };

/* Where an answer stands in the histories of a room. */
struct view_place {
    struct channel *channel;
    struct history_place places[VIEW_HISTORIES];
    bool recovered;
};

static bool view_knows(const struct channel *channel, struct str since, uint64_t *seq)
{
    uint64_t epoch;

    return since.ptr != NULL && codec_pos_read(since, &epoch, seq) && epoch == channel->log.epoch &&
           *seq <= channel->log.committed && channel->messages.gone <= *seq &&
           channel->marks.gone <= *seq;
}

/* Goes back from the last message as far as is wanted and fits. Returns 0, or -1 with errno ENOMEM.
 */
static int view_go_back(struct chat *chat, struct view_place *at, uint64_t last)
{
    struct history *messages = &at->channel->messages;
    size_t *place = &at->places[VIEW_MESSAGES].at;
    size_t left = VIEW_BYTES;

    while (*place > 0 && messages->count - *place < last) {
        const struct record *record = replay_record(chat, messages, *place - 1, RENDITION_V1);

        if (record == NULL)
            return -1;
        if (record_frame(record, RENDITION_V1)->len > left && *place < messages->count)
            break;
        left -= min_size(record_frame(record, RENDITION_V1)->len, left);
        --*place;
    }
    return 0;
}

/* Behind all that there is. */
static void view_begin(struct view_place *at)
{
    struct channel *channel = at->channel;

    at->places[VIEW_MESSAGES] = (struct history_place){&channel->messages, channel->messages.count};
    at->places[VIEW_PRESENCE] = (struct history_place){&channel->presence, channel->presence.count};
    at->places[VIEW_MARKS] = (struct history_place){&channel->marks, channel->marks.count};
    at->places[VIEW_RULES] = (struct history_place){&channel->rules, channel->rules.count};
}

static int view_find(struct chat *chat, struct view_place *at, const struct view_events *wish)
{
    struct channel *channel = at->channel;
    uint64_t seq;

    view_begin(at);
    at->recovered = view_knows(channel, wish->since, &seq);
    if (!at->recovered)
        return view_go_back(chat, at, min_size(wish->last, wish->limit));
    for (size_t i = 0; i < VIEW_HISTORIES; i++) {
        if (i != VIEW_PRESENCE || wish->with_presence)
            at->places[i].at = history_after(at->places[i].history, seq);
    }
    return 0;
}

static bool view_is_at_end(struct view_place *at)
{
    return history_next_place(at->places, VIEW_HISTORIES) == NULL;
}

/* Appends events from there on. *seq: of the last of them. */
static int view_append_events(struct chat *chat, struct view_place *at, size_t limit,
                              struct buf *out, uint64_t *seq)
{
    size_t start = out->len;

    for (size_t n = 0; n < limit && out->len - start < VIEW_BYTES && !view_is_at_end(at); n++) {
        struct history_place *next = history_next_place(at->places, VIEW_HISTORIES);
        struct record *record = replay_record(chat, next->history, next->at++, RENDITION_V1);

        if (record == NULL || (n > 0 && buf_append_char(out, ',') < 0) ||
            buf_append_str(out, frame_payload(record_frame(record, RENDITION_V1))) < 0)
            return -1;
        *seq = record->event.seq;
    }
    return 0;
}

int view_events(struct chat *chat, struct str room, const struct view_events *wish, struct buf *out)
{
    struct view_place at = {.channel = channel_table_find(&chat->channels, room)};
    char pos[CODEC_POS_MAX];
    uint64_t seq = 0;
    bool is_cut;

    if (at.channel == NULL)
        return buf_append_str(out, STR("{\"events\":[],\"recovered\":false,\"more\":false}"));
    if (view_find(chat, &at, wish) < 0 || buf_append_str(out, STR("{\"events\":[")) < 0 ||
        view_append_events(chat, &at, wish->limit, out, &seq) < 0)
        return -1;
    is_cut = !view_is_at_end(&at);
    codec_pos_write(pos, at.channel->log.epoch, is_cut ? seq : at.channel->log.committed);
    retention_forget_excess(chat, at.channel);
    return buf_printf(out, "],\"recovered\":%s,\"pos\":\"%s\",\"more\":%s}",
                      at.recovered ? "true" : "false", pos, is_cut ? "true" : "false");
}
