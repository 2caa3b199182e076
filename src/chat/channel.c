#include "chat/channel.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/util.h"

int channel_table_init(struct channel_table *t, size_t expected, struct hash_seed seed)
{
    *t = (struct channel_table){.size = (size_t)round_up_pow2(expected), .seed = seed};
    t->buckets = calloc(t->size, sizeof(struct channel *));
    return t->buckets == NULL ? -1 : 0;
}

void channel_table_deinit(struct channel_table *t)
{
    free(t->buckets);
    t->buckets = NULL;
}

/* The link that points at the channel with this name, or the one at the end of its chain. */
static struct channel **channel_link(const struct channel_table *t, struct str name)
{
    struct channel **link = &t->buckets[hash_str(&t->seed, name) & (t->size - 1)];

    while (*link != NULL && !str_equals((*link)->log.name, name))
        link = &(*link)->next_in_bucket;
    return link;
}

struct channel *channel_table_find(const struct channel_table *t, struct str name)
{
    return *channel_link(t, name);
}

struct channel *channel_table_add(struct channel_table *t, struct str name,
                                  const struct channel_limits *limits)
{
    struct channel *channel = calloc(1, sizeof(*channel) + name.len);

    if (channel == NULL)
        return NULL;
    list_init(&channel->dirty);
    list_init(&channel->weight);
    list_init(&channel->quiet);
    audience_init(&channel->audience, limits->ring_size);
    history_init(&channel->messages, limits->messages);
    history_init(&channel->presence, limits->presence);
    history_init(&channel->marks, limits->marks);
    history_init(&channel->rules, 1);
    memcpy(channel->name, name.ptr, name.len);
    channel->log.name = (struct str){channel->name, name.len};
    *channel_link(t, name) = channel;
    t->count++;
    return channel;
}

void channel_table_remove(struct channel_table *t, struct channel *channel)
{
    *channel_link(t, channel->log.name) = channel->next_in_bucket;
    t->count--;
    list_remove(&channel->dirty);
    list_remove(&channel->quiet);
    audience_deinit(&channel->audience);
    history_deinit(&channel->messages);
    history_deinit(&channel->presence);
    history_deinit(&channel->marks);
    history_deinit(&channel->rules);
    elsewhere_deinit(&channel->elsewhere);
    free(channel->members);
    free(channel);
}

int channel_reserve_member(struct channel *channel)
{
    struct client **members = array_reserve(
        channel->members, channel->member_count + channel->joining + 1, &channel->member_size);

    if (members == NULL)
        return -1;
    channel->members = members;
    channel->joining++;
    return 0;
}

void channel_unreserve_member(struct channel *channel)
{
    channel->joining--;
}

#define CHANNEL_MINUTE 60000 /* ms */

void channel_count_message(struct channel *channel, uint64_t now)
{
    uint64_t minute = now / CHANNEL_MINUTE;

    if (minute != channel->minute) {
        channel->said[1] = minute == channel->minute + 1 ? channel->said[0] : 0;
        channel->said[0] = 0;
        channel->minute = minute;
    }
    channel->said[0]++;
}

uint64_t channel_messages(const struct channel *channel, uint64_t now)
{
    uint64_t minute = now / CHANNEL_MINUTE, left = CHANNEL_MINUTE - now % CHANNEL_MINUTE;

    if (minute == channel->minute)
        return channel->said[0] + channel->said[1] * left / CHANNEL_MINUTE;
    return minute == channel->minute + 1 ? channel->said[0] * left / CHANNEL_MINUTE : 0;
}

void channel_add_member(struct channel *channel, struct client *client)
{
    channel->joining--;
    client->member = (uint32_t)channel->member_count;
    channel->members[channel->member_count++] = client;
    client->channel = channel;
}

void channel_remove_member(struct channel *channel, struct client *client)
{
    struct client *last = channel->members[--channel->member_count];

    channel->members[client->member] = last;
    last->member = client->member;
    client->channel = NULL;
    channel->members = array_shrink(channel->members, channel->member_count + channel->joining,
                                    &channel->member_size);
}
