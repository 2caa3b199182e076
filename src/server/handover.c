#include "server/handover.h"

#include "chat/hand.h"
#include "session/conn_hand.h"
#include "web/hand.h"

/* A clock that differs by more than this (ns) is not that of the same machine. */
#define CLOCK_SKEW_MAX (60 * CLOCK_NS_PER_S)

size_t handover_count(const struct handover_parts *parts)
{
    return conns_descriptors(parts->conns, NULL, 0) + (durable_lock(parts->durable) >= 0);
}

void handover_list(const struct handover_parts *parts, int *fds)
{
    size_t count = conns_descriptors(parts->conns, fds, SIZE_MAX);

    if (durable_lock(parts->durable) >= 0)
        fds[count] = durable_lock(parts->durable);
}

/* Something waits for an answer that comes soon by itself. */
const char *handover_obstacle(const struct handover_parts *parts)
{
    const char *why = conns_cannot_hand(parts->conns);

    return why != NULL ? why : chat_cannot_hand(parts->chat);
}

static void write_clock(struct hand_writer *w, const struct handover_parts *parts, uint64_t frozen)
{
    const struct clock *clock = &parts->conns->pool.env.clock;

    hand_begin(w, HANDOVER_CLOCK);
    hand_put_u64(w, clock->now_ns);
    hand_put_u64(w, frozen);
    hand_end(w);
}

/* What the program around all of that counts and remembers. */
static void write_program(struct hand_writer *w, const struct handover_parts *parts)
{
    hand_begin(w, HAND_SERVER);
    metrics_hand(w, parts->metrics);
    connection_log_hand(w, parts->connection_log);
    acceptor_hand(w, parts->acceptor);
    past_hand(w, parts->past);
    hand_end(w);
}

void handover_write(struct hand_writer *w, const struct handover_parts *parts, uint64_t frozen)
{
    uint64_t count;

    write_clock(w, parts, frozen);
    chat_hand(w, parts->chat);
    web_hand(w, parts->web);
    write_program(w, parts);
    count = w->count;
    hand_begin(w, HANDOVER_END);
    hand_put_u64(w, count);
    hand_end(w);
}

/* Times are handed as they are, for both have the same clock. */
static bool read_clock(struct hand_reader *r, uint64_t *frozen)
{
    uint64_t now = clock_monotonic_ns(), then;

    if (!hand_expect(r, HANDOVER_CLOCK))
        return false;
    then = hand_get_u64(r);
    *frozen = hand_get_u64(r);
    return hand_check(r, then <= now && now - then <= CLOCK_SKEW_MAX && *frozen <= now,
                      "the clocks differ");
}

/* Nothing that is read began later than now. */
static bool set_clock(const struct handover_parts *parts)
{
    struct clock *clock = &parts->conns->pool.env.clock;

    clock_read(clock);
    chat_set_time(parts->chat, clock->now, clock->wall);
    return true;
}

static bool read_program(struct hand_reader *r, const struct handover_parts *parts)
{
    return hand_expect(r, HAND_SERVER) && metrics_take(parts->metrics, r) &&
           connection_log_take(parts->connection_log, r) &&
           acceptor_take_state(parts->acceptor, r) && past_take(parts->past, r);
}

static bool read_end(struct hand_reader *r, uint64_t first)
{
    uint64_t count = r->count - first;

    return hand_expect(r, HANDOVER_END) &&
           hand_check(r, hand_get_u64(r) == count, "records are missing") && hand_is_through(r);
}

bool handover_read(struct hand_reader *r, const struct handover_parts *parts, const int *fds,
                   size_t count, uint64_t *frozen)
{
    uint64_t first = r->count;

    if (parts->durable->log != NULL && count > 0)
        durable_take_lock(parts->durable, fds[--count]);
    return read_clock(r, frozen) && set_clock(parts) && chat_take(r, parts->chat) &&
           web_take(parts->web, r, fds, count) && chat_take_end(r, parts->chat) &&
           read_program(r, parts) && read_end(r, first) &&
           hand_check(r, conns_go(parts->conns), "nothing can be watched");
}
