#include "unit/late_log.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/util.h"

struct late_log {
    struct log log;
    struct hash_seed seed;
    struct list waiting; /* all events, in the order in which they were asked for */
    size_t count;
    uint64_t opened;  /* channels */
    uint64_t random;  /* state */
    uint32_t turn;    /* number of this turn */
    unsigned turns;   /* how late; 0: at random */
    unsigned refuses; /* so many events more */
    enum log_refusal why;
    bool has_stopped;
};

struct late_event {
    struct list link;
    struct log_channel *channel;
    struct log_ticket ticket;
    struct event event; /* its slices are owned, each in memory of its own */
    unsigned turns;     /* that are still to pass */
};

static struct late_log *late_of(const struct log *log)
{
    return (struct late_log *)(uintptr_t)log; /* its first member */
}

static struct str late_copy(struct str from)
{
    char *copy;

    if (from.ptr == NULL)
        return from;
    copy = malloc(from.len + (from.len == 0));
    if (copy == NULL)
        abort();
    memcpy(copy, from.ptr, from.len);
    return (struct str){copy, from.len};
}

static void late_free_event(struct late_event *e)
{
    list_remove(&e->link);
    free((void *)(uintptr_t)e->event.name.ptr);
    free((void *)(uintptr_t)e->event.text.ptr);
    free((void *)(uintptr_t)e->event.ref.ptr);
    free((void *)(uintptr_t)e->event.key.ptr);
    free((void *)(uintptr_t)e->event.data.ptr);
    free(e);
}

static unsigned late_turns(struct late_log *late)
{
    late->random = late->random * 6364136223846793005u + 1442695040888963407u;
    return late->turns > 0 ? late->turns : 1 + (unsigned)(late->random >> 40) % 4;
}

static void late_open(struct log *log, struct log_channel *channel)
{
    struct late_log *late = late_of(log);

    channel->epoch = hash_u64(&late->seed, ++late->opened);
    channel->next = 1;
    channel->word = 0;
}

static void late_append(struct log *log, struct log_channel *channel, struct event *event,
                        const struct log_ticket *ticket)
{
    struct late_log *late = late_of(log);
    struct late_event *e;

    if (late->has_stopped) {
        log->calls->refused(log->owner, channel, event, ticket, LOG_REFUSED_STOPPED);
        return;
    }
    e = malloc(sizeof(*e));
    if (e == NULL)
        abort();
    *e = (struct late_event){
        .channel = channel, .ticket = *ticket, .event = *event, .turns = late_turns(late)};
    e->event.name = late_copy(event->name);
    e->event.text = late_copy(event->text);
    e->event.ref = late_copy(event->ref);
    e->event.key = late_copy(event->key);
    e->event.data = late_copy(event->data);
    list_init(&e->link);
    list_append(&late->waiting, &e->link);
    late->count++;
}

static void late_answer(struct late_log *late, struct late_event *e)
{
    struct log *log = &late->log;

    list_remove(&e->link);
    late->count--;
    if (late->has_stopped) {
        log->calls->refused(log->owner, e->channel, &e->event, &e->ticket, LOG_REFUSED_STOPPED);
    } else if (late->refuses > 0) {
        late->refuses--;
        log->calls->refused(log->owner, e->channel, &e->event, &e->ticket, late->why);
    } else {
        e->event.epoch = e->channel->epoch;
        e->event.seq = e->channel->next++;
        log->calls->committed(log->owner, e->channel, &e->event, &e->ticket, 0);
    }
    late_free_event(e);
}

/* The next event whose time has come and that no earlier one of its channel stands in front of. A
 * channel that must wait is marked with the number of the turn. */
static struct late_event *late_next(struct late_log *late)
{
    for (struct list *at = late->waiting.next; at != &late->waiting; at = at->next) {
        struct late_event *e = CONTAINER_OF(at, struct late_event, link);

        if (e->channel->word == late->turn)
            continue;
        if (e->turns == 0 && late->log.calls->has_room(late->log.owner, e->channel))
            return e;
        e->channel->word = late->turn;
    }
    return NULL;
}

static void late_turn(struct log *log)
{
    struct late_log *late = late_of(log);
    struct late_event *e;

    late->turn++;
    for (struct list *at = late->waiting.next; at != &late->waiting; at = at->next) {
        e = CONTAINER_OF(at, struct late_event, link);
        e->turns -= e->turns > 0;
    }
    while ((e = late_next(late)) != NULL)
        late_answer(late, e);
}

static uint64_t late_deadline(const struct log *log)
{
    return late_of(log)->count > 0 ? 0 : UINT64_MAX;
}

static void late_stop(struct log *log)
{
    struct late_log *late = late_of(log);

    late->has_stopped = true;
    while (!list_is_empty(&late->waiting))
        late_answer(late, CONTAINER_OF(late->waiting.next, struct late_event, link));
}

static void late_free(struct log *log)
{
    free(late_of(log));
}

/* Nothing waits. */
static void late_hand(struct log *log, struct hand_writer *w)
{
    const struct late_log *late = late_of(log);

    hand_begin(w, HAND_LOG);
    hand_put_u64(w, late->seed.add);
    hand_put_u64(w, late->seed.multiply);
    hand_put_u64(w, late->opened);
    hand_put_u64(w, late->random);
    hand_put_u32(w, late->turn);
    hand_end(w);
}

static void late_take(struct log *log, struct hand_reader *r)
{
    struct late_log *late = late_of(log);

    hand_expect(r, HAND_LOG);
    late->seed.add = hand_get_u64(r);
    late->seed.multiply = hand_get_u64(r);
    late->opened = hand_get_u64(r);
    late->random = hand_get_u64(r);
    late->turn = hand_get_u32(r);
}

static const struct log_ops late_ops = {
    .open = late_open,
    .append = late_append,
    .turn = late_turn,
    .deadline = late_deadline,
    .stop = late_stop,
    .free = late_free,
    .hand = late_hand,
    .take = late_take,
};

struct log *late_log_new(struct hash_seed seed, unsigned turns)
{
    struct late_log *late = malloc(sizeof(*late));

    if (late == NULL)
        abort();
    *late = (struct late_log){
        .log = {.ops = &late_ops}, .seed = seed, .random = seed.add, .turns = turns};
    list_init(&late->waiting);
    return &late->log;
}

void late_log_refuse(struct log *log, unsigned count, enum log_refusal why)
{
    late_of(log)->refuses = count;
    late_of(log)->why = why;
}

size_t late_log_waiting(const struct log *log)
{
    return late_of(log)->count;
}
