#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "log/redis_state.h"

/* ---- the table ---- */

static struct redis_room **redis_room_link(struct redis *r, struct str name)
{
    struct redis_room **link = &r->buckets[hash_str(&r->config.seed, name) % REDIS_BUCKETS];

    while (*link != NULL && !((*link)->channel != NULL && str_equals((*link)->channel->name, name)))
        link = &(*link)->next_in_bucket;
    return link;
}

struct redis_room *redis_room_find(struct redis *r, struct str name)
{
    return *redis_room_link(r, name);
}

struct redis_room *redis_room_new(struct redis *r, struct log_channel *channel)
{
    struct redis_room *room = calloc(1, sizeof(*room));

    if (room == NULL)
        return NULL;
    list_init(&room->active);
    list_init(&room->held);
    list_init(&room->broken);
    list_init(&room->appends);
    list_init(&room->ahead);
    *redis_room_link(r, channel->name) = room;
    room->channel = channel;
    r->stats.rooms++;
    return room;
}

static void redis_ahead_free(struct redis *r, struct redis_ahead *ahead)
{
    list_remove(&ahead->link);
    r->ahead_bytes -= ahead->len;
    free(ahead);
}

static void redis_room_forget_ahead(struct redis *r, struct redis_room *room)
{
    while (!list_is_empty(&room->ahead))
        redis_ahead_free(r, CONTAINER_OF(room->ahead.next, struct redis_ahead, link));
}

void redis_room_let(struct redis *r, struct redis_room *room)
{
    if (--room->users > 0 || room->channel != NULL)
        return;
    redis_room_forget_ahead(r, room);
    list_remove(&room->active);
    free(room);
}

void redis_room_activate(struct redis *r, struct redis_room *room)
{
    if (room->channel != NULL && !list_is_linked(&room->active))
        list_append(&r->active, &room->active);
}

void redis_room_want(struct redis *r, struct redis_room *room, bool is_anew)
{
    room->wants_fill = true;
    room->wants_anew = room->wants_anew || is_anew;
    redis_room_activate(r, room);
}

/* ---- rooms that cannot be used ---- */

static void redis_copy_text(char *out, size_t size, struct str text)
{
    size_t len = min_size(text.len, size - 1);

    if (len > 0)
        memcpy(out, text.ptr, len);
    out[len] = '\0';
}

void redis_note_broken(struct redis *r, struct str room, struct str why)
{
    r->stats.broken++;
    redis_copy_text(r->broken_room, sizeof(r->broken_room), room);
    redis_copy_text(r->broken_why, sizeof(r->broken_why), why);
}

static void redis_refuse_all(struct redis *r, struct redis_room *room)
{
    while (room->channel != NULL && !list_is_empty(&room->appends))
        redis_append_refuse(r, room, CONTAINER_OF(room->appends.next, struct redis_append, link),
                            LOG_REFUSED_UNAVAILABLE);
}

void redis_room_break(struct redis *r, struct redis_room *room, struct str why)
{
    redis_note_broken(r, room->channel->name, why);
    room->broken_until = r->now + REDIS_BROKEN_MS;
    list_remove(&room->broken);
    list_append(&r->broken, &room->broken);
    redis_room_want(r, room, false);
    redis_refuse_all(r, room);
}

void redis_rooms_retry(struct redis *r)
{
    while (!list_is_empty(&r->broken)) {
        struct redis_room *room = CONTAINER_OF(r->broken.next, struct redis_room, broken);

        if (r->now < room->broken_until)
            return;
        list_remove(&room->broken);
        room->broken_until = 0;
        redis_room_activate(r, room);
    }
}

/* ---- appends ---- */

void redis_append_take(struct redis *r, struct redis_append *append)
{
    list_remove(&append->link);
    list_remove(&append->errand);
    append->reply = NULL;
    append->room->moves -= append->is_moved;
    r->waiting_bytes -= append->cost;
    r->stats.waiting--;
}

void redis_append_refuse(struct redis *r, struct redis_room *room, struct redis_append *append,
                         enum log_refusal why)
{
    struct log *log = &r->log;

    redis_append_take(r, append);
    if (!append->is_own)
        log->calls->refused(log->owner, room->channel, &append->event, &append->ticket, why);
    free(append);
}

/* What it asked for is so, without an event: a seat has moved here, or was gone. A message of
 * somebody who no longer sits here never happened. */
void redis_append_settle(struct redis *r, struct redis_room *room, struct redis_append *append)
{
    struct log *log = &r->log;

    if (append->event.kind != EVENT_JOIN && append->event.kind != EVENT_LEAVE &&
        !redis_errand_is(append->event.kind)) {
        redis_append_refuse(r, room, append, LOG_REFUSED_UNAVAILABLE);
        return;
    }
    redis_append_take(r, append);
    append->event.epoch = room->channel->epoch;
    append->event.seq = 0;
    if (!append->is_own)
        log->calls->committed(log->owner, room->channel, &append->event, &append->ticket, 0);
    free(append);
}

static void redis_settle_moved(struct redis *r, struct redis_room *room)
{
    struct list *at = room->appends.next;

    while (room->moves > 0 && room->channel != NULL && at != &room->appends) {
        struct redis_append *append = CONTAINER_OF(at, struct redis_append, link);

        at = at->next;
        if (!append->is_moved || append->after >= room->channel->next)
            continue;
        redis_append_settle(r, room, append);
        at = room->appends.next; /* others may have been appended or taken */
    }
}

void redis_append_move(struct redis *r, struct redis_room *room, struct redis_append *append,
                       uint64_t seq)
{
    room->moves += !append->is_moved;
    append->is_moved = true;
    append->after = seq;
    redis_settle_moved(r, room);
}

static struct redis_append *redis_room_asked(struct redis *r, struct redis_room *room,
                                             const struct redis_event *told)
{
    if (!str_equals(told->node, str_from(r->node)))
        return NULL;
    for (struct list *at = room->appends.next; at != &room->appends; at = at->next) {
        struct redis_append *append = CONTAINER_OF(at, struct redis_append, link);

        if (append->number == told->number)
            return append;
    }
    return NULL;
}

/* ---- commits ---- */

/* Commits an event, which is the next. The room may be closed by that. */
static void redis_room_commit(struct redis *r, struct redis_room *room, struct redis_event *told,
                              struct str bytes)
{
    struct log *log = &r->log;
    struct log_channel *channel = room->channel;
    struct redis_append *append = redis_room_asked(r, room, told);

    channel->next = told->event.seq + 1;
    told->event.epoch = channel->epoch;
    room->last = hash_str(&r->config.seed, bytes);
    if (append != NULL)
        redis_append_take(r, append);
    log->calls->committed(log->owner, channel, &told->event,
                          append != NULL && !append->is_own ? &append->ticket : NULL, 0);
    free(append);
    redis_settle_moved(r, room);
}

/* The same, of one that was told just now. Somebody of this node joined whom nobody here asked for:
 * bytes of a connection that was given up arrived late. Who sits here is compared. */
static void redis_room_commit_told(struct redis *r, struct redis_room *room,
                                   struct redis_event *told, struct str bytes)
{
    if (told->event.kind == EVENT_JOIN && str_equals(told->node, str_from(r->node)) &&
        redis_room_asked(r, room, told) == NULL)
        redis_room_want(r, room, false);
    redis_room_commit(r, room, told, bytes);
}

/* Did somebody here say it, who is to hear of it only once the replicas have it? */
static bool redis_is_held(struct redis *r, struct redis_room *room, const struct redis_event *told)
{
    const struct redis_append *append =
        r->config.replicas > 0 ? redis_room_asked(r, room, told) : NULL;

    return append != NULL && append->round > r->rounds_done;
}

static void redis_room_put_ahead(struct redis *r, struct redis_room *room, uint64_t seq,
                                 struct str bytes)
{
    struct list *at = room->ahead.prev;
    struct redis_ahead *ahead;

    while (at != &room->ahead && CONTAINER_OF(at, struct redis_ahead, link)->seq > seq)
        at = at->prev;
    if (at != &room->ahead && CONTAINER_OF(at, struct redis_ahead, link)->seq == seq)
        return;
    ahead =
        r->ahead_bytes + bytes.len > REDIS_AHEAD_MAX ? NULL : malloc(sizeof(*ahead) + bytes.len);
    if (ahead == NULL) {
        redis_room_want(r, room, false);
        return;
    }
    ahead->seq = seq;
    ahead->len = bytes.len;
    memcpy(ahead->bytes, bytes.ptr, bytes.len);
    list_init(&ahead->link);
    list_append(at->next, &ahead->link);
    r->ahead_bytes += bytes.len;
}

void redis_room_drain(struct redis *r, struct redis_room *room)
{
    struct log *log = &r->log;

    while (room->channel != NULL && !room->is_filling && !room->wants_fill &&
           !list_is_empty(&room->ahead)) {
        struct redis_ahead *ahead = CONTAINER_OF(room->ahead.next, struct redis_ahead, link);
        struct str bytes = {ahead->bytes, ahead->len};
        struct redis_event told;

        if (ahead->seq > room->channel->next || !redis_event_read(&told, bytes) ||
            (ahead->seq == room->channel->next && told.event.epoch != room->channel->epoch)) {
            redis_room_forget_ahead(r, room);
            redis_room_want(r, room, false);
            return;
        }
        if (!log->calls->has_room(log->owner, room->channel)) {
            redis_room_activate(r, room);
            return;
        }
        if (ahead->seq == room->channel->next && redis_is_held(r, room, &told)) {
            list_remove(&room->held);
            list_append(&r->held, &room->held);
            return;
        }
        if (ahead->seq == room->channel->next)
            redis_room_commit_told(r, room, &told, bytes);
        redis_ahead_free(r, ahead);
    }
}

void redis_room_told(struct redis *r, struct redis_room *room, struct str bytes)
{
    struct log *log = &r->log;
    struct redis_event told;

    r->stats.told++;
    if (!redis_event_read(&told, bytes)) {
        redis_room_want(r, room, false);
        return;
    }
    redis_room_hold(room);
    if (!room->has_life || room->is_filling || room->wants_fill || !list_is_empty(&room->ahead) ||
        told.event.seq > room->channel->next || told.event.epoch != room->channel->epoch ||
        !log->calls->has_room(log->owner, room->channel) || redis_is_held(r, room, &told)) {
        redis_room_put_ahead(r, room, told.event.seq, bytes);
        if (room->has_life && told.event.epoch != room->channel->epoch)
            redis_room_want(r, room, false);
        redis_room_drain(r, room);
    } else if (told.event.seq == room->channel->next) {
        redis_room_commit_told(r, room, &told, bytes);
    }
    redis_room_let(r, room);
}

/* ---- snapshots ---- */

struct redis_entry {
    uint64_t seq;
    struct str bytes;
};

struct redis_seat {
    uint64_t id;
    struct str name;
    bool is_here;
    bool is_known; /* somebody here has it */
};

/* An answer to a snapshot. */
struct redis_snapshot {
    uint64_t epoch;
    uint64_t seq;
    uint64_t message; /* seq of the last one */
    uint64_t gone;    /* of the last message in front of the entries */
    struct redis_entry *entries;
    size_t count;
    struct resp_cursor seats; /* id, text; so many values */
    size_t seat_values;
};

static bool redis_take_number(struct resp_cursor *cursor, uint64_t *number)
{
    struct resp_value value;

    return resp_expect(cursor, RESP_TEXT, &value) && str_to_u64(value.text, UINT64_MAX, number);
}

/* One entry of a stream: its id, and the one field with its value. */
static bool redis_take_entry(struct resp_cursor *cursor, struct redis_entry *entry)
{
    struct resp_value value;
    struct redis_event told;

    if (!resp_expect(cursor, RESP_ARRAY, &value) || value.count != 2 || !resp_skip(cursor) ||
        !resp_expect(cursor, RESP_ARRAY, &value) || value.count != 2 || !resp_skip(cursor) ||
        !resp_expect(cursor, RESP_TEXT, &value) || !redis_event_read(&told, value.text))
        return false;
    entry->seq = told.event.seq;
    entry->bytes = value.text;
    return true;
}

static bool redis_take_entries(struct resp_cursor *cursor, struct redis_snapshot *snapshot)
{
    struct resp_value value;
    struct redis_entry *entries;

    if (!resp_expect(cursor, RESP_ARRAY, &value))
        return false;
    entries = realloc(snapshot->entries, (snapshot->count + value.count + 1) * sizeof(*entries));
    if (entries == NULL)
        return false;
    snapshot->entries = entries;
    for (size_t i = 0; i < value.count; i++) {
        if (!redis_take_entry(cursor, &entries[snapshot->count]))
            return false;
        snapshot->count++;
    }
    return true;
}

static int redis_compare_entries(const void *a, const void *b)
{
    const struct redis_entry *x = a, *y = b;

    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static bool redis_snapshot_read(struct redis_snapshot *snapshot, struct resp_cursor *cursor)
{
    struct resp_value value;

    *snapshot = (struct redis_snapshot){.count = 0};
    if (!resp_expect(cursor, RESP_ARRAY, &value) || value.count != 6 ||
        !redis_take_number(cursor, &snapshot->epoch) ||
        !redis_take_number(cursor, &snapshot->seq) ||
        !redis_take_number(cursor, &snapshot->message) || !redis_take_entries(cursor, snapshot) ||
        !redis_take_entries(cursor, snapshot) || !resp_expect(cursor, RESP_ARRAY, &value))
        return false;
    snapshot->seats = *cursor;
    snapshot->seat_values = value.count;
    if (snapshot->count > 0)
        qsort(snapshot->entries, snapshot->count, sizeof(*snapshot->entries),
              redis_compare_entries);
    return true;
}

/* Does it go on where the room stands, without a hole? */
static bool redis_snapshot_goes_on(const struct redis *r, const struct redis_room *room,
                                   const struct redis_snapshot *snapshot)
{
    uint64_t known = room->channel->next - 1;
    size_t first = 0;

    if (snapshot->seq < known)
        return false;
    if (snapshot->epoch != room->channel->epoch && known > 0 &&
        (snapshot->count == 0 || snapshot->entries[0].seq != known ||
         hash_str(&r->config.seed, snapshot->entries[0].bytes) != room->last))
        return false;
    while (first < snapshot->count && snapshot->entries[first].seq <= known)
        first++;
    return snapshot->count - first == snapshot->seq - known;
}

/* Commits its entries that the room has not had. Returns false where readers must be served first:
 * the rest is asked for again. */
static bool redis_snapshot_commit(struct redis *r, struct redis_room *room,
                                  const struct redis_snapshot *snapshot, bool is_anew)
{
    struct log *log = &r->log;

    for (size_t i = 0; i < snapshot->count; i++) {
        struct redis_entry *entry = &snapshot->entries[i];
        struct redis_event told;

        if (entry->seq < room->channel->next || !redis_event_read(&told, entry->bytes))
            continue;
        if (!is_anew && !log->calls->has_room(log->owner, room->channel))
            return false;
        redis_room_commit(r, room, &told, entry->bytes);
        if (room->channel == NULL)
            return true;
    }
    return true;
}

bool redis_is_presence(const struct event *event)
{
    return event->kind == EVENT_JOIN || event->kind == EVENT_LEAVE || event->kind == EVENT_RENAME;
}

/* The seq of the last message in front of the first that the snapshot has. */
static uint64_t redis_snapshot_gone(const struct redis_snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->count; i++) {
        struct redis_event told;

        if (redis_event_read(&told, snapshot->entries[i].bytes) && !redis_is_presence(&told.event))
            return told.prev;
    }
    return snapshot->message;
}

/* The room begins anew with what the snapshot has. */
static void redis_room_restart(struct redis *r, struct redis_room *room,
                               const struct redis_snapshot *snapshot)
{
    struct log *log = &r->log;
    struct log_channel *channel = room->channel;

    r->stats.restarts += room->has_life;
    room->has_life = true;
    channel->epoch = snapshot->epoch;
    channel->next = snapshot->seq + 1;
    log->calls->restart(log->owner, channel, redis_snapshot_gone(snapshot));
    if (room->channel == NULL)
        return;
    channel->next = snapshot->count > 0 ? snapshot->entries[0].seq : snapshot->seq + 1;
    redis_snapshot_commit(r, room, snapshot, true);
    if (room->channel != NULL)
        channel->next = snapshot->seq + 1;
}

/* ---- who sits where ---- */

/* The seats that the snapshot tells of, elsewhere and here. */
struct redis_seats {
    struct redis_seat *items;
    size_t count;
    uint64_t *lost; /* seats here that it does not know as ours */
    size_t lost_count;
    size_t lost_size;
};

static int redis_compare_seats(const void *a, const void *b)
{
    const struct redis_seat *x = a, *y = b;

    return x->id < y->id ? -1 : x->id > y->id;
}

static void redis_note_lost(void *arg, const struct event *join, uint32_t *word)
{
    struct redis_seats *seats = arg;
    struct redis_seat key = {.id = join->from}, *found = NULL;

    (void)word;
    if (seats->count > 0)
        found = bsearch(&key, seats->items, seats->count, sizeof(key), redis_compare_seats);
    if (found != NULL)
        found->is_known = true;
    if (found != NULL && found->is_here)
        return;
    if (seats->lost_count == seats->lost_size) {
        size_t size = 2 * seats->lost_size + 16;
        uint64_t *lost = realloc(seats->lost, size * sizeof(*lost));

        if (lost == NULL)
            return;
        seats->lost = lost;
        seats->lost_size = size;
    }
    seats->lost[seats->lost_count++] = join->from;
}

/* Takes a seat: "node how hash name". Commits it where it is elsewhere. */
static bool redis_take_seat(struct redis *r, struct redis_room *room, struct resp_cursor *cursor,
                            struct redis_seat *seat)
{
    struct log *log = &r->log;
    struct resp_value id, value;
    struct event join = {.kind = EVENT_JOIN, .epoch = room->channel->epoch};

    if (!resp_expect(cursor, RESP_TEXT, &id) || !resp_expect(cursor, RESP_TEXT, &value) ||
        !str_to_u64(id.text, CODEC_ID_MAX, &seat->id))
        return false;
    join.from = seat->id;
    seat->is_here = str_equals(str_cut(&value.text, ' '), str_from(r->node));
    str_cut(&value.text, ' ');
    str_cut(&value.text, ' ');
    if (value.text.ptr == NULL)
        return false;
    join.name = seat->name = value.text;
    if (!seat->is_here && codec_name_is_valid(join.name))
        log->calls->committed(log->owner, room->channel, &join, NULL, 0);
    return true;
}

static void redis_evict_lost(struct redis *r, struct redis_room *room, struct redis_seats *seats)
{
    struct log *log = &r->log;

    if (seats->count > 0)
        qsort(seats->items, seats->count, sizeof(*seats->items), redis_compare_seats);
    log->calls->walk_seats(log->owner, room->channel, redis_note_lost, seats);
    for (size_t i = 0; i < seats->lost_count && room->channel != NULL; i++) {
        struct redis_seat key = {.id = seats->lost[i]};
        bool has_moved = seats->count > 0 && bsearch(&key, seats->items, seats->count, sizeof(key),
                                                     redis_compare_seats) != NULL;

        log->calls->evict(log->owner, room->channel, key.id, has_moved);
    }
    free(seats->lost);
}

static bool redis_is_entering(const struct redis_room *room, uint64_t id)
{
    for (struct list *at = room->appends.next; at != &room->appends; at = at->next) {
        const struct redis_append *append = CONTAINER_OF(at, struct redis_append, link);

        if (append->event.from == id &&
            (append->event.kind == EVENT_JOIN || append->event.kind == EVENT_LEAVE))
            return true;
    }
    return false;
}

/* Seats that Redis has for this node and that nobody here has: a failover lost their leaves, or
 * their joins came late. They would be members for ever. */
static void redis_leave_ghosts(struct redis *r, struct redis_room *room,
                               const struct redis_seats *seats)
{
    for (size_t i = 0; i < seats->count && room->channel != NULL; i++) {
        const struct redis_seat *seat = &seats->items[i];

        if (seat->is_here && !seat->is_known && codec_name_is_valid(seat->name) &&
            !redis_is_entering(room, seat->id))
            redis_append_ghost(r, room, seat->id, seat->name);
    }
}

static int redis_room_seat_all(struct redis *r, struct redis_room *room,
                               struct redis_snapshot *snapshot)
{
    struct redis_seats seats = {.count = 0};
    bool is_right = true;

    seats.items = calloc(snapshot->seat_values / 2 + 1, sizeof(*seats.items));
    if (seats.items == NULL)
        return -1;
    r->log.calls->forget_elsewhere(r->log.owner, room->channel);
    for (; is_right && seats.count < snapshot->seat_values / 2; seats.count += is_right)
        is_right = redis_take_seat(r, room, &snapshot->seats, &seats.items[seats.count]);
    if (is_right) {
        redis_evict_lost(r, room, &seats);
        redis_leave_ghosts(r, room, &seats);
    }
    free(seats.items);
    return is_right ? 0 : -1;
}

/* ---- the answer ---- */

/* What Redis says was done before, and what no event came of. */
static void redis_settle_done(struct redis *r, struct redis_room *room)
{
    struct list *at = room->appends.next;

    while (room->channel != NULL && at != &room->appends) {
        struct redis_append *append = CONTAINER_OF(at, struct redis_append, link);

        at = at->next;
        if (!append->is_sought)
            continue;
        if (append->event.kind == EVENT_JOIN) {
            redis_room_want(r, room, false);
            redis_append_refuse(r, room, append, LOG_REFUSED_TAKEN);
        } else if (redis_errand_is_answered(append->event.kind)) {
            redis_append_refuse(r, room, append, LOG_REFUSED_AWAY);
        } else {
            redis_append_settle(r, room, append);
        }
        at = room->appends.next; /* others may have been appended or taken */
    }
}

static int redis_room_apply(struct redis *r, struct redis_room *room, bool is_anew,
                            struct redis_snapshot *snapshot)
{
    bool goes_on = !is_anew && room->has_life && redis_snapshot_goes_on(r, room, snapshot);

    if (!goes_on && !is_anew) {
        redis_room_want(r, room, true);
        return 0;
    }
    if (goes_on) {
        room->channel->epoch = snapshot->epoch;
        if (!redis_snapshot_commit(r, room, snapshot, false)) {
            redis_room_want(r, room, false);
            return 0;
        }
    } else {
        /* What was told meanwhile may be newer than the snapshot: it came on the other connection.
         */
        redis_room_restart(r, room, snapshot);
    }
    if (room->channel != NULL && redis_room_seat_all(r, room, snapshot) < 0)
        return -1;
    redis_settle_done(r, room);
    redis_settle_moved(r, room);
    return 0;
}

int redis_room_filled(struct redis *r, struct redis_room *room, const struct redis_reply *reply,
                      struct resp_cursor *cursor)
{
    struct redis_snapshot snapshot;
    int result = -1;

    redis_room_hold(room);
    room->is_filling = false;
    if (redis_snapshot_read(&snapshot, cursor))
        result = redis_room_apply(r, room, reply->is_anew, &snapshot);
    free(snapshot.entries);
    redis_room_drain(r, room);
    redis_room_activate(r, room);
    redis_room_let(r, room);
    return result;
}
