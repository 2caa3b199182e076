#include "log/redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "log/redis_state.h"
#include "log/redis_wire.h"

#define RUN_LEN 17 /* of what follows the name of a node: "-", and a number of its own */

/* ---- channels ---- */

static void redis_open(struct log *log, struct log_channel *channel)
{
    struct redis *r = redis_of(log);
    struct redis_room *room = redis_room_new(r, channel);

    /* What a room is, it is told by Redis; until then nothing was. */
    channel->epoch = 0;
    channel->next = 1;
    if (room != NULL)
        redis_send_subscribe(r, room, true);
}

/* What happened meanwhile is asked for as soon as there is a connection. What the last event was is
 * not known: where the history of Redis is another one then, the room begins anew. */
static bool redis_adopt(struct log *log, struct log_channel *channel)
{
    struct redis_room *room = redis_room_new(redis_of(log), channel);

    if (room == NULL)
        return false;
    room->has_life = channel->epoch != 0;
    return true;
}

static void redis_unlink(struct redis *r, struct redis_room *room)
{
    struct redis_room **link =
        &r->buckets[hash_str(&r->config.seed, room->channel->name) % REDIS_BUCKETS];

    while (*link != room)
        link = &(*link)->next_in_bucket;
    *link = room->next_in_bucket;
}

/* Nobody waits for what is left. */
static void redis_forget_own(struct redis *r, struct redis_room *room)
{
    while (!list_is_empty(&room->appends)) {
        struct redis_append *append = CONTAINER_OF(room->appends.next, struct redis_append, link);

        redis_append_take(r, append);
        free(append);
    }
}

static void redis_close(struct log *log, struct log_channel *channel)
{
    struct redis *r = redis_of(log);
    struct redis_room *room = redis_room_find(r, channel->name);

    if (room == NULL)
        return;
    redis_send_subscribe(r, room, false);
    redis_unlink(r, room);
    for (struct list *at = r->replies[REDIS_COMMANDS].next; at != &r->replies[REDIS_COMMANDS];
         at = at->next) {
        struct redis_reply *reply = CONTAINER_OF(at, struct redis_reply, link);

        if (reply->room == room)
            reply->room = NULL;
    }
    list_remove(&room->active);
    list_remove(&room->held);
    list_remove(&room->broken);
    redis_forget_own(r, room);
    room->channel = NULL;
    r->stats.rooms--;
    redis_room_hold(room);
    redis_room_let(r, room);
}

/* ---- appends ---- */

static struct str redis_copy(char **at, struct str from)
{
    struct str copy = {from.ptr == NULL ? NULL : *at, from.len};

    if (from.len > 0)
        memcpy(*at, from.ptr, from.len);
    *at += from.len;
    return copy;
}

static struct redis_append *redis_append_new(const struct event *event,
                                             const struct log_ticket *ticket)
{
    size_t len = event->name.len + event->text.len + event->ref.len + event->key.len +
                 event->proof.len + event->data.len + event->once.len;
    struct redis_append *append = malloc(sizeof(*append) + len + 1);
    char *at;

    if (append == NULL)
        return NULL;
    *append =
        (struct redis_append){.ticket = *ticket, .event = *event, .cost = REDIS_APPEND_COST + len};
    at = append->bytes;
    append->event.name = redis_copy(&at, event->name);
    append->event.text = redis_copy(&at, event->text);
    append->event.ref = redis_copy(&at, event->ref);
    append->event.key = redis_copy(&at, event->key);
    append->event.proof = redis_copy(&at, event->proof);
    append->event.data = redis_copy(&at, event->data);
    append->event.once = redis_copy(&at, event->once);
    list_init(&append->link);
    list_init(&append->errand);
    return append;
}

/* Why an append cannot wait, as a refusal; -1: it can. Leaves are what makes room. */
static int redis_obstacle(const struct redis *r, const struct redis_room *room,
                          const struct event *event)
{
    size_t most = event->kind == EVENT_LEAVE ? 2 * REDIS_WAITING_MAX : REDIS_WAITING_MAX;

    if (r->has_stopped)
        return LOG_REFUSED_STOPPED;
    if (room == NULL)
        return LOG_REFUSED_MEMORY;
    if (room->broken_until > 0)
        return LOG_REFUSED_UNAVAILABLE;
    return r->waiting_bytes >= most ? LOG_REFUSED_UNAVAILABLE : -1;
}

static void redis_enqueue(struct redis *r, struct redis_room *room, struct redis_append *append)
{
    append->number = ++r->number;
    append->room = room;
    r->waiting_bytes += append->cost;
    r->stats.waiting++;
    list_append(&room->appends, &append->link);
    redis_room_activate(r, room);
}

static void redis_append(struct log *log, struct log_channel *channel, struct event *event,
                         const struct log_ticket *ticket)
{
    struct redis *r = redis_of(log);
    struct redis_room *room = redis_room_find(r, channel->name);
    int why = redis_obstacle(r, room, event);
    struct redis_append *append = why < 0 ? redis_append_new(event, ticket) : NULL;

    if (append == NULL) {
        r->stats.refused++;
        log->calls->refused(log->owner, channel, event, ticket,
                            why < 0 ? LOG_REFUSED_MEMORY : (enum log_refusal)why);
        return;
    }
    redis_enqueue(r, room, append);
}

void redis_append_ghost(struct redis *r, struct redis_room *room, uint64_t id, struct str name)
{
    const struct event leave = {.kind = EVENT_LEAVE, .ts = r->wall, .from = id, .name = name};
    const struct log_ticket nobody = {.place = 0};
    struct redis_append *append = redis_append_new(&leave, &nobody);

    if (append == NULL)
        return;
    append->is_own = true;
    redis_enqueue(r, room, append);
}

/* ---- the turn ---- */

static bool redis_is_ready(const struct redis *r)
{
    return r->links[REDIS_COMMANDS].is_ready && r->links[REDIS_TELLS].is_ready;
}

static void redis_send_unsent(struct redis *r, struct redis_room *room)
{
    for (struct list *at = room->appends.next; at != &room->appends; at = at->next) {
        struct redis_append *append = CONTAINER_OF(at, struct redis_append, link);

        if (!append->is_sent)
            at = &redis_send_appends(r, room, append)->link;
    }
}

static void redis_room_turn(struct redis *r, struct redis_room *room)
{
    redis_room_hold(room);
    redis_room_drain(r, room);
    if (room->channel != NULL && redis_is_ready(r) && room->is_subscribed &&
        room->broken_until == 0) {
        if (room->wants_fill && !room->is_filling)
            redis_send_snapshot(r, room);
        /* Behind the first snapshot, whose answer comes first; behind others only once that is
         * here: it may tell that what would be sent again was done. */
        if (!room->wants_fill && room->is_filling != room->has_life && !r->is_ill)
            redis_send_unsent(r, room);
    }
    redis_room_let(r, room);
}

static void redis_keep_alive(struct redis *r)
{
    struct redis_connection *tells = &r->links[REDIS_TELLS];

    if (r->links[REDIS_COMMANDS].is_ready && r->now >= r->lease_at)
        redis_send_lease(r, REDIS_LEASE_MS);
    if (tells->is_ready && r->now >= max_size(tells->pinged, tells->whole) + REDIS_RENEW_MS)
        redis_send_ping(r);
}

static void redis_turn(struct log *log)
{
    struct redis *r = redis_of(log);
    struct list due, *first;

    list_init(&due);
    redis_rooms_retry(r);
    while ((first = list_take_first(&r->active)) != NULL)
        list_append(&due, first);
    while ((first = list_take_first(&due)) != NULL)
        redis_room_turn(r, CONTAINER_OF(first, struct redis_room, active));
    redis_send_wait(r);
    redis_errand_expire(r);
    redis_keep_alive(r);
}

/* What waits for the connection needs no turn before that comes. */
static uint64_t redis_deadline(const struct log *log)
{
    const struct redis *r = redis_of(log);

    uint64_t next = r->now + 1000;

    if (!list_is_empty(&r->active))
        return r->now;
    if (r->links[REDIS_COMMANDS].is_ready && r->lease_at < next)
        return r->lease_at;
    return r->links[REDIS_COMMANDS].is_open || r->links[REDIS_TELLS].is_open ? next : UINT64_MAX;
}

static void redis_stop(struct log *log)
{
    struct redis *r = redis_of(log);

    r->has_stopped = true;
    for (size_t i = 0; i < REDIS_BUCKETS; i++) {
        struct redis_room *room = r->buckets[i];

        while (room != NULL && !list_is_empty(&room->appends)) {
            redis_append_refuse(r, room,
                                CONTAINER_OF(room->appends.next, struct redis_append, link),
                                LOG_REFUSED_STOPPED);
            room = r->buckets[i]; /* that may have closed it */
        }
    }
}

/* ---- from one process to the next ---- */

/* Whoever takes over is the same node, whose connections were lost: its seats are its own, and no
 * number is given twice. */
static void redis_log_hand(struct log *log, struct hand_writer *w)
{
    const struct redis *r = redis_of(log);

    hand_begin(w, HAND_LOG);
    hand_put_str(w, str_from(r->prefix));
    hand_put_str(w, str_from(r->node));
    hand_put_str(w, str_from(r->generation));
    hand_put_bool(w, redis_ailment(log) == NULL);
    hand_put_u64(w, r->number);
    hand_put_u64(w, r->stats.commands);
    hand_put_u64(w, r->stats.told);
    hand_put_u64(w, r->stats.fills);
    hand_put_u64(w, r->stats.resent);
    hand_put_u64(w, r->stats.refused);
    hand_put_u64(w, r->stats.restarts);
    hand_put_u64(w, r->stats.reaped);
    hand_put_u64(w, r->stats.unsafe);
    hand_put_u64(w, r->stats.broken);
    hand_end(w);
}

static void redis_take_text(struct hand_reader *r, char *out, size_t size)
{
    struct str text = hand_get_bytes(r, size - 1);

    if (text.len > 0)
        memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
}

static void redis_take_identity(struct redis *redis, struct hand_reader *r)
{
    struct str prefix, name = redis->config.node;

    prefix = hand_get_bytes(r, REDIS_PREFIX_MAX);
    hand_check(r, str_equals(prefix, str_from(redis->prefix)), "--redis-prefix is another one");
    redis_take_text(r, redis->node, sizeof(redis->node));
    hand_check(r,
               strlen(redis->node) == name.len + RUN_LEN &&
                   memcmp(redis->node, name.ptr, name.len) == 0 && redis->node[name.len] == '-',
               "--node is another one");
    redis_take_text(r, redis->generation, sizeof(redis->generation));
}

static void redis_log_take(struct log *log, struct hand_reader *r)
{
    struct redis *redis = redis_of(log);

    hand_expect(r, HAND_LOG);
    redis_take_identity(redis, r);
    redis->is_trusted = hand_get_bool(r);
    redis->number = hand_get_u64(r);
    redis->stats.commands = hand_get_u64(r);
    redis->stats.told = hand_get_u64(r);
    redis->stats.fills = hand_get_u64(r);
    redis->stats.resent = hand_get_u64(r);
    redis->stats.refused = hand_get_u64(r);
    redis->stats.restarts = hand_get_u64(r);
    redis->stats.reaped = hand_get_u64(r);
    redis->stats.unsafe = hand_get_u64(r);
    redis->stats.broken = hand_get_u64(r);
}

static void redis_free(struct log *log)
{
    struct redis *r = redis_of(log);

    redis_lost(log, REDIS_COMMANDS, NULL);
    redis_lost(log, REDIS_TELLS, NULL);
    free(r);
}

static const struct log_ops redis_ops = {
    .open = redis_open,
    .close = redis_close,
    .append = redis_append,
    .turn = redis_turn,
    .deadline = redis_deadline,
    .stop = redis_stop,
    .free = redis_free,
    .hand = redis_log_hand,
    .take = redis_log_take,
    .adopt = redis_adopt,
    .is_lasting = true,
    .is_shared = true,
};

/* ---- for the owner ---- */

/* Each run is a node of its own: what a run before it left is given up like that of any other. */
static void redis_name_node(struct redis *r)
{
    uint64_t run;
    struct str name = r->config.node;

    r->config.random(&run, sizeof(run));
    snprintf(r->node, sizeof(r->node), "%.*s-%016llx", (int)name.len, name.len > 0 ? name.ptr : "",
             (unsigned long long)run);
}

struct log *redis_new(const struct redis_config *config)
{
    struct redis *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->log.ops = &redis_ops;
    r->config = *config;
    redis_name_node(r);
    snprintf(r->prefix, sizeof(r->prefix), "%.*s", (int)config->prefix.len, config->prefix.ptr);
    for (int i = 0; i < REDIS_SCRIPTS; i++)
        redis_script_name((enum redis_script)i, r->names[i]);
    for (int i = 0; i < REDIS_LINKS; i++)
        list_init(&r->replies[i]);
    list_init(&r->active);
    list_init(&r->errands);
    list_init(&r->broken);
    list_init(&r->held);
    return &r->log;
}

void redis_set_time(struct log *log, uint64_t now, uint64_t wall)
{
    redis_of(log)->now = now;
    redis_of(log)->wall = wall;
}

void redis_farewell(struct log *log)
{
    if (redis_of(log)->links[REDIS_COMMANDS].is_ready)
        redis_send_lease(redis_of(log), 0);
}

const char *redis_ailment(const struct log *log)
{
    const struct redis *r = redis_of(log);

    if (r->is_trusted || (redis_is_ready(r) && !r->is_ill))
        return NULL;
    return r->reason[0] != '\0' ? r->reason : "there is no connection yet";
}

const char *redis_broken_room(const struct log *log, const char **why)
{
    *why = redis_of(log)->broken_why;
    return redis_of(log)->broken_room;
}

void redis_stats(const struct log *log, struct redis_stats *stats)
{
    *stats = redis_of(log)->stats;
    stats->is_up = redis_is_ready(redis_of(log));
}
