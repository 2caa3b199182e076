#include "log/memory.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/util.h"

struct log_memory {
    struct log log;
    struct hash_seed seed;
    uint64_t opened; /* channels */
};

static void memory_open(struct log *log, struct log_channel *channel)
{
    struct log_memory *memory = CONTAINER_OF(log, struct log_memory, log);

    channel->epoch = hash_u64(&memory->seed, ++memory->opened);
    channel->next = 1;
}

static void memory_append(struct log *log, struct log_channel *channel, struct event *event,
                          const struct log_ticket *ticket)
{
    event->epoch = channel->epoch;
    event->seq = channel->next++;
    log->calls->committed(log->owner, channel, event, ticket, 0);
}

static void memory_free(struct log *log)
{
    free(CONTAINER_OF(log, struct log_memory, log));
}

static void memory_hand(struct log *log, struct hand_writer *w)
{
    const struct log_memory *memory = CONTAINER_OF(log, struct log_memory, log);

    hand_begin(w, HAND_LOG);
    hand_put_u8(w, LOG_KIND_MEMORY);
    hand_put_u64(w, memory->seed.add);
    hand_put_u64(w, memory->seed.multiply);
    hand_put_u64(w, memory->opened);
    hand_end(w);
}

static void memory_take(struct log *log, struct hand_reader *r)
{
    struct log_memory *memory = CONTAINER_OF(log, struct log_memory, log);

    hand_expect(r, HAND_LOG);
    hand_check(r, hand_get_u8(r) == LOG_KIND_MEMORY, "it has no --journal, and the other one has");
    memory->seed.add = hand_get_u64(r);
    memory->seed.multiply = hand_get_u64(r);
    memory->opened = hand_get_u64(r);
}

static const struct log_ops memory_ops = {
    .open = memory_open,
    .append = memory_append,
    .free = memory_free,
    .hand = memory_hand,
    .take = memory_take,
};

struct log *log_memory_new(void (*random)(void *bytes, size_t len))
{
    struct log_memory *memory = malloc(sizeof(*memory));

    if (memory == NULL)
        return NULL;
    *memory = (struct log_memory){.log = {.ops = &memory_ops}};
    random(&memory->seed, sizeof(memory->seed));
    return &memory->log;
}
