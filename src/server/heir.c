#include "server/heir.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "server/handover_wire.h"

struct heir {
    const struct handover_parts *parts;
    struct handover_wire wire;
    struct hand_reader reader;
    size_t capacity;
    uint64_t frozen; /* monotonic ns: nobody has been served since */
};

static int say_hello(struct heir *heir)
{
    struct hand_writer w;
    int result;

    hand_writer_init(&w, wire_flush, &heir->wire);
    hand_begin(&w, HANDOVER_HELLO);
    hand_put_u16(&w, HANDOVER_FORMAT);
    hand_put_u32(&w, (uint32_t)heir->capacity);
    hand_end(&w);
    result = hand_flush(&w);
    hand_writer_deinit(&w);
    return result;
}

static void say_why(struct heir *heir)
{
    const char *why = heir->reader.why;
    struct hand_writer w;

    if (why == NULL || heir->wire.is_over)
        return;

    hand_writer_init(&w, wire_flush, &heir->wire);
    hand_begin(&w, HANDOVER_WHY);
    hand_put_bytes(&w, why, strlen(why));
    hand_end(&w);
    hand_flush(&w);
    hand_writer_deinit(&w);
}

/* The descriptors come with the record that counts them, or before it is looked at. */
static size_t take_batch(struct heir *heir, size_t taken, size_t count)
{
    struct hand_reader *r = &heir->reader;
    size_t here;

    if (!hand_expect(r, HANDOVER_BATCH))
        return 0;
    here = hand_get_u32(r);
    if (!hand_check(r, here > 0 && here <= count - taken && heir->wire.count == taken + here,
                    "descriptors are missing") ||
        !hand_is_through(r) || wire_say(&heir->wire, HANDOVER_ACK) < 0)
        return 0;
    return here;
}

static bool take_descriptors(struct heir *heir)
{
    struct hand_reader *r = &heir->reader;
    size_t count, taken = 0, here = 1;

    if (!hand_expect(r, HANDOVER_BEGIN))
        return false;
    count = hand_get_u32(r);
    if (!hand_check(r, count <= heir->capacity, "there are more connections than places"))
        return false;
    while (taken < count && here > 0) {
        here = take_batch(heir, taken, count);
        taken += here;
    }
    return taken == count && heir->wire.count == count;
}

/* The old worker says STOP before it goes on. Where it has ended without a word, it is dead, and
 * there is nobody but us. */
static bool wait_for_go(struct heir *heir)
{
    struct hand_reader *r = &heir->reader;

    wire_say(&heir->wire, HANDOVER_READY); /* where it is dead, the socket says so below, too */
    heir->wire.is_over = false;
    if (hand_next(r))
        return r->type == HANDOVER_GO;
    return heir->wire.is_over;
}

static bool heir_take_all(struct heir *heir)
{
    return say_hello(heir) == 0 && take_descriptors(heir) &&
           handover_read(&heir->reader, heir->parts, heir->wire.fds, heir->wire.count,
                         &heir->frozen);
}

static void tell_pause(const struct heir *heir)
{
    char connections[24], bytes[24], pause[24];

    snprintf(connections, sizeof(connections), "%zu", heir->parts->conns->pool.count);
    snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)heir->wire.bytes);
    snprintf(pause, sizeof(pause), "%.3f",
             (double)(clock_monotonic_ns() - heir->frozen) / (double)CLOCK_NS_PER_MS);
    log_info("took over from the worker before", "#connections", connections, "#bytes", bytes,
             "#pause_ms", pause);
}

int heir_run(const struct handover_parts *parts, int fd, size_t capacity)
{
    struct heir heir = {.parts = parts, .capacity = capacity};
    int result = -1;

    if (wire_init(&heir.wire, fd, capacity) < 0)
        return -1;
    hand_reader_init(&heir.reader, wire_fill, &heir.wire);
    if (!heir_take_all(&heir))
        say_why(&heir);
    else if (wait_for_go(&heir))
        result = 0;
    if (result == 0)
        tell_pause(&heir);
    hand_reader_deinit(&heir.reader);
    wire_deinit(&heir.wire);
    return result;
}
