#include "log/redis_spread.h"

#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"

struct redis_spread {
    struct log log; /* a channel's word is the place of the log that has it */
    struct log *logs[REDIS_SPREAD_MAX];
    struct str names[REDIS_SPREAD_MAX];
    size_t count;
};

static const char spread_differs[] = "--redis names other servers, or in another order";

static struct redis_spread *spread_of(const struct log *log)
{
    return (struct redis_spread *)(uintptr_t)log; /* its first member */
}

/* The first bytes of SHA-256 (name, a zero byte, room): a program in any language can find a room.
 */
static uint64_t spread_weight(struct str name, struct str room)
{
    uint8_t digest[SHA256_SIZE];
    uint64_t weight = 0;
    struct sha256 sha;

    sha256_begin(&sha);
    sha256_add(&sha, name.ptr, name.len);
    sha256_add(&sha, "", 1);
    sha256_add(&sha, room.ptr, room.len);
    sha256_end(&sha, digest);
    for (int i = 0; i < 8; i++)
        weight = weight << 8 | digest[i];
    return weight;
}

uint32_t redis_spread_place(const struct str *names, size_t count, struct str room)
{
    uint64_t most = 0;
    uint32_t place = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t weight = spread_weight(names[i], room);

        if (weight > most) {
            most = weight;
            place = (uint32_t)i;
        }
    }
    return place;
}

static struct log *spread_log(const struct log *log, const struct log_channel *channel)
{
    return spread_of(log)->logs[channel->word];
}

/* The log that has the channel, which calls whom this one calls. */
static struct log *spread_begin(struct log *log, const struct log_channel *channel)
{
    struct log *one = spread_log(log, channel);

    one->calls = log->calls;
    one->owner = log->owner;
    return one;
}

static void spread_open(struct log *log, struct log_channel *channel)
{
    struct redis_spread *s = spread_of(log);
    struct log *one;

    channel->word = redis_spread_place(s->names, s->count, channel->name);
    one = spread_begin(log, channel);
    one->ops->open(one, channel);
}

static void spread_close(struct log *log, struct log_channel *channel)
{
    struct log *one = spread_log(log, channel);

    one->ops->close(one, channel);
}

static void spread_append(struct log *log, struct log_channel *channel, struct event *event,
                          const struct log_ticket *ticket)
{
    log_append(spread_log(log, channel), channel, event, ticket);
}

static void spread_turn(struct log *log)
{
    struct redis_spread *s = spread_of(log);

    for (size_t i = 0; i < s->count; i++)
        s->logs[i]->ops->turn(s->logs[i]);
}

static uint64_t spread_deadline(const struct log *log)
{
    const struct redis_spread *s = spread_of(log);
    uint64_t next = UINT64_MAX;

    for (size_t i = 0; i < s->count; i++) {
        uint64_t one = s->logs[i]->ops->deadline(s->logs[i]);

        next = one < next ? one : next;
    }
    return next;
}

static void spread_stop(struct log *log)
{
    struct redis_spread *s = spread_of(log);

    for (size_t i = 0; i < s->count; i++)
        s->logs[i]->ops->stop(s->logs[i]);
}

static void spread_free(struct log *log)
{
    struct redis_spread *s = spread_of(log);

    for (size_t i = 0; i < s->count; i++)
        s->logs[i]->ops->free(s->logs[i]);
    free(s);
}

/* ---- from one process to the next ---- */

static void spread_hand(struct log *log, struct hand_writer *w)
{
    struct redis_spread *s = spread_of(log);

    hand_begin(w, HAND_LOG);
    hand_put_count(w, s->count);
    for (size_t i = 0; i < s->count; i++)
        hand_put_str(w, s->names[i]);
    hand_end(w);
    for (size_t i = 0; i < s->count; i++)
        s->logs[i]->ops->hand(s->logs[i], w);
}

/* In the same order, too: words of channels are places. */
static void spread_take(struct log *log, struct hand_reader *r)
{
    struct redis_spread *s = spread_of(log);

    hand_expect(r, HAND_LOG);
    hand_check(r, hand_get_count(r, 4, REDIS_SPREAD_MAX) == s->count, spread_differs);
    for (size_t i = 0; i < s->count && hand_is_good(r); i++)
        hand_check(r, str_equals(hand_get_bytes(r, hand_left(r)), s->names[i]), spread_differs);
    for (size_t i = 0; i < s->count; i++)
        s->logs[i]->ops->take(s->logs[i], r);
}

static bool spread_adopt(struct log *log, struct log_channel *channel)
{
    struct redis_spread *s = spread_of(log);

    return channel->word == redis_spread_place(s->names, s->count, channel->name) &&
           spread_begin(log, channel)->ops->adopt(spread_log(log, channel), channel);
}

static const struct log_ops spread_ops = {
    .open = spread_open,
    .close = spread_close,
    .append = spread_append,
    .turn = spread_turn,
    .deadline = spread_deadline,
    .stop = spread_stop,
    .free = spread_free,
    .hand = spread_hand,
    .take = spread_take,
    .adopt = spread_adopt,
    .is_lasting = true,
    .is_shared = true,
};

struct log *redis_spread_new(struct log *const *logs, const struct str *names, size_t count)
{
    struct redis_spread *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->log.ops = &spread_ops;
    s->count = count;
    memcpy(s->logs, logs, count * sizeof(*logs));
    memcpy(s->names, names, count * sizeof(*names));
    return &s->log;
}
