#include "chat/enforce.h"

#include "chat/ask.h"
#include "chat/bans.h"
#include "chat/moderation.h"
#include "chat/who.h"

/* One ban on its way through the rooms. */
struct enforcing {
    struct chat *chat;
    const struct ban *ban;
    void (*check)(void *arg, struct sendq *out, const struct ban *ban);
    void *arg;
};

/* Seats without a connection, whose owners may not come back: for them they are over. */
static void enforce_kept(const struct enforcing *e, const struct channel *channel)
{
    struct ban_identity who;

    for (size_t i = 0; e->chat->whos != NULL && i < channel->member_count; i++) {
        struct client *seat = channel->members[i];
        struct ban_person person;

        if (seat->state != SEAT_AWAY || !who_of(e->chat, seat, &who))
            continue;
        person = (struct ban_person){.sub = who.sub, .ip = who.has_ip ? &who.ip : NULL};
        if (ban_is_of(e->ban, &person))
            moderation_void(e->chat, seat);
    }
}

/* From the last to the first: who leaves is replaced by one that was looked at. The room is held by
 * who calls. */
static void enforce_room(const struct enforcing *e, struct channel *channel)
{
    enforce_kept(e, channel);
    for (int kind = 0; kind < RENDITIONS; kind++) {
        const struct reader_set *set = &channel->audience.readers[kind];

        for (size_t i = set->count; i-- > 0;) {
            if (i < set->count)
                e->check(e->arg, set->items[i], e->ban);
        }
    }
}

static bool enforce_is_open(struct str pattern)
{
    return pattern.len > 0 && pattern.ptr[pattern.len - 1] == '*';
}

static bool enforce_has_pattern(const struct ban *ban)
{
    for (size_t i = 0; i < ban->room_count; i++) {
        if (enforce_is_open(ban->rooms[i].rooms))
            return true;
    }
    return false;
}

/* Was the room of this place named before? */
static bool enforce_is_again(const struct ban *ban, size_t place)
{
    for (size_t i = 0; i < place; i++) {
        if (str_equals(ban->rooms[i].rooms, ban->rooms[place].rooms))
            return true;
    }
    return false;
}

static void enforce_names(const struct enforcing *e)
{
    for (size_t i = 0; i < e->ban->room_count; i++) {
        struct channel *channel = channel_table_find(&e->chat->channels, e->ban->rooms[i].rooms);

        if (channel == NULL || enforce_is_again(e->ban, i))
            continue;
        channel->waiting++;
        enforce_room(e, channel);
        ask_done(e->chat, channel);
    }
}

static struct channel *enforce_hold(struct channel *channel)
{
    if (channel != NULL)
        channel->waiting++;
    return channel;
}

/* Rooms may end on the way, but for the one that is held. */
static void enforce_bucket(const struct enforcing *e, struct channel *first)
{
    const struct ban *ban = e->ban;
    struct channel *channel = enforce_hold(first), *next;

    for (; channel != NULL; channel = next) {
        if (rights_in_room(ban->rooms, ban->room_count, channel->log.name) != RIGHTS_NONE)
            enforce_room(e, channel);
        next = enforce_hold(channel->next_in_bucket);
        ask_done(e->chat, channel);
    }
}

static void enforce_patterns(const struct enforcing *e)
{
    for (size_t i = 0; i < e->chat->channels.size; i++)
        enforce_bucket(e, e->chat->channels.buckets[i]);
}

void bans_enforce(struct chat *chat,
                  void (*check)(void *arg, struct sendq *out, const struct ban *ban), void *arg)
{
    struct enforcing e = {.chat = chat, .check = check, .arg = arg};

    while ((e.ban = bans_take_fresh(chat)) != NULL) {
        if (enforce_has_pattern(e.ban))
            enforce_patterns(&e);
        else
            enforce_names(&e);
    }
}
