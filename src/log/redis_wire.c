#include "log/redis_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/sha256.h"
#include "base/util.h"
#include "log/redis_state.h"

/* Bytes of the longest answer: a snapshot, with who sits there, of which one message may be as long
 * as can be. */
static size_t redis_reply_max(const struct redis *r)
{
    return (size_t)REDIS_SNAPSHOT_MAX + (size_t)REDIS_SEATS_MAX * REDIS_SEAT_BYTES +
           2 * (size_t)r->config.longest;
}

/* ---- words ---- */

static void redis_fail(struct redis *r, enum redis_link link)
{
    r->links[link].has_failed = true;
}

static void redis_say(struct redis *r, enum redis_link link, const struct str *words, size_t count)
{
    struct buf *out = &r->links[link].out;
    int result = resp_command(out, count);

    for (size_t i = 0; result == 0 && i < count; i++)
        result = resp_word(out, words[i]);
    if (result < 0 || out->len > REDIS_OUT_MAX)
        redis_fail(r, link);
    r->stats.commands++;
}

/* A reply is awaited for what was just said. NULL: the connection has failed. */
static struct redis_reply *redis_await(struct redis *r, enum redis_link link,
                                       enum redis_reply_kind kind)
{
    struct redis_reply *reply = calloc(1, sizeof(*reply));

    if (reply == NULL) {
        redis_fail(r, link);
        return NULL;
    }
    reply->kind = kind;
    reply->asked = r->now;
    reply->asked_ns = clock_monotonic_ns();
    list_init(&reply->link);
    list_append(&r->replies[link], &reply->link);
    return reply;
}

struct redis_word {
    char text[64];
};

static struct str redis_decimal(struct redis_word *word, uint64_t number)
{
    int len = snprintf(word->text, sizeof(word->text), "%llu", (unsigned long long)number);

    return (struct str){word->text, (size_t)len};
}

/* A key or a channel: parts, one behind the other. */
#define KEY_MAX (REDIS_PREFIX_MAX + CODEC_NAME_MAX + REDIS_NODE_MAX + 64)

struct redis_key {
    char text[KEY_MAX];
};

static struct str redis_key(const struct redis *r, struct redis_key *key, const char *before,
                            struct str name, const char *after)
{
    int len = snprintf(key->text, sizeof(key->text), "%s:%s%.*s%s", r->prefix, before,
                       (int)name.len, name.len > 0 ? name.ptr : "", after);

    return (struct str){key->text, (size_t)len};
}

static struct str redis_room_key(const struct redis *r, struct redis_key *key, struct str room,
                                 const char *after)
{
    return redis_key(r, key, "{", room, after);
}

/* ---- the beginning ---- */

static void redis_say_hello(struct redis *r, enum redis_link link)
{
    const struct redis_config *config = &r->config;
    struct str user = config->user.ptr != NULL ? config->user : STR("default");
    struct str words[] = {STR("HELLO"), STR("3"), STR("AUTH"), user, config->password};

    redis_say(r, link, words, config->password.ptr != NULL ? 5 : 2);
    redis_await(r, link, REPLY_HELLO);
}

/* A server that does not know RESP3. */
static void redis_say_auth(struct redis *r, enum redis_link link)
{
    const struct redis_config *config = &r->config;
    struct str words[] = {STR("AUTH"), config->user, config->password};

    if (config->user.ptr == NULL)
        words[1] = config->password;
    redis_say(r, link, words, config->user.ptr != NULL ? 3 : 2);
    redis_await(r, link, REPLY_AUTH);
}

static void redis_load_scripts(struct redis *r)
{
    char text[REDIS_SCRIPT_MAX];

    for (int i = 0; i < REDIS_SCRIPTS; i++) {
        struct str words[] = {STR("SCRIPT"), STR("LOAD"),
                              redis_script_text((enum redis_script)i, text, sizeof(text))};

        redis_say(r, REDIS_COMMANDS, words, 3);
        redis_await(r, REDIS_COMMANDS, REPLY_IGNORED);
    }
}

static void redis_begin_commands(struct redis *r)
{
    struct redis_word database;
    struct str select[] = {STR("SELECT"), redis_decimal(&database, r->config.database)};
    struct str info[] = {STR("INFO"), STR("replication")};

    if (r->config.database > 0) {
        redis_say(r, REDIS_COMMANDS, select, 2);
        redis_await(r, REDIS_COMMANDS, REPLY_IGNORED);
    }
    redis_load_scripts(r);
    redis_say(r, REDIS_COMMANDS, info, 2);
    redis_await(r, REDIS_COMMANDS, REPLY_INFO);
}

static void redis_begin_tells(struct redis *r)
{
    struct redis_key key;
    struct str words[] = {STR("SUBSCRIBE"), redis_key(r, &key, "n:", str_from(r->node), "")};

    redis_say(r, REDIS_TELLS, words, 2);
    redis_await(r, REDIS_TELLS, REPLY_SUBSCRIBED);
}

/* It is told what concerns this node; so it may be of its rooms. */
static const char *redis_take_subscribed(struct redis *r, struct resp_cursor *cursor,
                                         const struct resp_value *value)
{
    struct resp_value word;

    if ((value->type != RESP_ARRAY && value->type != RESP_PUSH) ||
        !resp_expect(cursor, RESP_TEXT, &word) || !str_equals(word.text, STR("subscribe")))
        return "the answer to a subscription makes no sense";
    r->links[REDIS_TELLS].is_ready = true;
    for (size_t i = 0; i < REDIS_BUCKETS; i++) {
        for (struct redis_room *room = r->buckets[i]; room != NULL; room = room->next_in_bucket)
            redis_send_subscribe(r, room, true);
    }
    return NULL;
}

static void redis_begin(struct redis *r, enum redis_link link)
{
    if (link == REDIS_COMMANDS)
        redis_begin_commands(r);
    else
        redis_begin_tells(r);
}

/* ---- scripts ---- */

/* Says EVALSHA with its keys; `count` words in all, of which those from 0 to 2 are set here. */
static void redis_say_script(struct redis *r, enum redis_script script, const char *keys,
                             struct str *words, size_t count)
{
    words[0] = STR("EVALSHA");
    words[1] = (struct str){r->names[script], 40};
    words[2] = str_from(keys);
    redis_say(r, REDIS_COMMANDS, words, count);
}

static void redis_ask_life(struct redis *r, struct str replid)
{
    struct redis_key life, nodes;
    struct str words[8] = {[3] = redis_key(r, &life, "life", STR(""), ""),
                           [4] = redis_key(r, &nodes, "nodes", STR(""), ""),
                           [5] = replid,
                           [6] = str_from(r->node),
                           [7] = str_from(r->config.others)};

    redis_say_script(r, REDIS_LIFE, "2", words, 8);
    redis_await(r, REDIS_COMMANDS, REPLY_LIFE);
}

void redis_send_lease(struct redis *r, uint64_t lease)
{
    struct redis_key nodes, life, node;
    struct redis_word ms, grace;
    struct str words[9] = {[3] = redis_key(r, &nodes, "nodes", STR(""), ""),
                           [4] = redis_key(r, &life, "life", STR(""), ""),
                           [5] = str_from(r->node),
                           [6] = redis_decimal(&ms, lease),
                           [7] = redis_decimal(&grace, r->config.leave_grace),
                           [8] = redis_key(r, &node, "n:", str_from(r->node), "")};

    redis_say_script(r, REDIS_LEASE, "2", words, 9);
    redis_await(r, REDIS_COMMANDS, REPLY_LEASE);
    r->lease_at = r->now + (r->is_ill ? REDIS_RETRY_MS : REDIS_RENEW_MS);
}

/* What of a room is to be there for those who come later. */
static uint64_t redis_history(const struct redis *r, const struct redis_room *room)
{
    return str_equals(room->channel->name, STR(LOG_BANS)) ? LOG_BANS_KEPT : r->config.history;
}

static uint64_t redis_keep(const struct redis *r, const struct redis_room *room)
{
    return max_size((size_t)redis_history(r, room), REDIS_KEEP_MIN);
}

static uint64_t redis_keep_of_people(const struct redis *r)
{
    return r->config.history > REDIS_KEEP_MIN ? r->config.history : REDIS_KEEP_MIN;
}

static void redis_send_reap(struct redis *r, struct str dead, uint64_t wall)
{
    struct redis_key nodes, rooms, prefix;
    struct redis_word grace, ts, keep;
    struct str words[10] = {[3] = redis_key(r, &nodes, "nodes", STR(""), ""),
                            [4] = redis_key(r, &rooms, "n:", dead, ":rooms"),
                            [5] = dead,
                            [6] = redis_decimal(&grace, r->config.leave_grace),
                            [7] = redis_key(r, &prefix, "", STR(""), ""),
                            [8] = redis_decimal(&ts, wall),
                            [9] = redis_decimal(&keep, redis_keep_of_people(r))};

    redis_say_script(r, REDIS_REAP, "2", words, 10);
    redis_await(r, REDIS_COMMANDS, REPLY_REAP);
    r->stats.reaped++;
}

/* What all scripts about a room begin with. */
struct redis_head {
    struct redis_key room;
    struct redis_word number, epoch, keep, id;
};

static void redis_fill_head(struct redis *r, struct redis_head *head, const struct redis_room *room,
                            uint64_t number, uint64_t keep, struct str *words, size_t first)
{
    uint64_t epoch;

    r->config.random(&epoch, sizeof(epoch));
    words[3] = redis_room_key(r, &head->room, room->channel->name, "}");
    words[first] = str_from(r->node);
    words[first + 1] = redis_decimal(&head->number, number);
    words[first + 2] = str_from(r->generation);
    words[first + 3] = redis_decimal(&head->epoch, epoch);
    words[first + 4] = redis_decimal(&head->keep, keep);
}

/* Whose seat it is as it is stored: with the subject of a token behind the secret. */
static struct str redis_owner(struct redis_word *word, struct str hash, uint64_t person)
{
    int len = snprintf(word->text, sizeof(word->text), "%.*s:%llu", (int)hash.len, hash.ptr,
                       (unsigned long long)person);

    return person == 0 ? hash : (struct str){word->text, (size_t)len};
}

/* The secret of a seat as it is stored; "-" for none. */
static struct str redis_hash_key(struct str key, char out[33])
{
    uint8_t digest[SHA256_SIZE];

    if (key.ptr == NULL)
        return STR("-");
    sha256(digest, key.ptr, key.len);
    for (int i = 0; i < 16; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
    return (struct str){out, 32};
}

static void redis_say_enter(struct redis *r, struct str *words, const struct redis_append *append,
                            struct str body, struct str room)
{
    struct redis_key rooms, nodes, node;
    struct redis_word owner;
    char key[33], proof[33];

    words[4] = redis_key(r, &rooms, "n:", str_from(r->node), ":rooms");
    words[5] = redis_key(r, &nodes, "nodes", STR(""), "");
    words[12] = redis_owner(&owner, redis_hash_key(append->event.key, key), append->event.author);
    words[13] = redis_hash_key(append->event.proof, proof);
    words[14] = append->event.name;
    words[15] = body;
    words[16] = room;
    words[17] = redis_key(r, &node, "n:", STR(""), "");
    redis_say_script(r, REDIS_ENTER, "3", words, 18);
}

static void redis_say_errand(struct redis *r, struct redis_head *head, struct str *words,
                             const struct redis_append *append, struct str text)
{
    struct redis_key node;

    words[9] = redis_decimal(&head->id, append->event.to);
    words[10] = append->event.kind == EVENT_KICK ? STR("K") : STR("P");
    words[11] = text;
    words[12] = redis_key(r, &node, "n:", STR(""), "");
    redis_say_script(r, REDIS_ERRAND, "1", words, 13);
}

static void redis_say_append(struct redis *r, struct redis_room *room, struct redis_append *append,
                             struct str body)
{
    const struct event *event = &append->event;
    bool is_join = event->kind == EVENT_JOIN;
    size_t first = is_join ? 6 : 4;
    struct redis_head head;
    struct str words[18];

    redis_fill_head(r, &head, room, append->number, redis_keep(r, room), words, first);
    words[first + 5] = redis_decimal(&head.id, event->from);
    if (redis_errand_is(event->kind)) {
        redis_say_errand(r, &head, words, append, body);
    } else if (is_join) {
        redis_say_enter(r, words, append, body, room->channel->name);
    } else {
        words[10] = body;
        redis_say_script(r, REDIS_LEAVE, "1", words, 11);
    }
}

static int redis_write_append(const struct redis *r, const struct redis_room *room,
                              const struct redis_append *append, struct buf *out)
{
    struct str name = room->channel->name;

    if (redis_errand_is(append->event.kind) &&
        buf_printf(out, "E %llu %s %llu %.*s\n", (unsigned long long)append->event.to, r->node,
                   (unsigned long long)append->number, (int)name.len, name.ptr) < 0)
        return -1;
    return redis_event_write(out, &append->event);
}

/* From now on the reply tells of it. */
static void redis_mark_sent(struct redis *r, struct redis_append *append, struct redis_reply *reply,
                            uint32_t slot)
{
    append->reply = reply;
    append->slot = slot;
    append->is_sent = true;
    append->round = r->rounds + 1;
    r->must_wait = r->config.replicas > 0;
    r->stats.resent += append->was_sent;
    append->was_sent = true;
}

static void redis_send_alone(struct redis *r, struct redis_room *room, struct redis_append *append)
{
    struct redis_reply *reply = redis_await(r, REDIS_COMMANDS, REPLY_APPEND);
    struct buf body;

    if (reply == NULL)
        return;
    buf_init(&body);
    if (redis_write_append(r, room, append, &body) < 0)
        redis_fail(r, REDIS_COMMANDS);
    else
        redis_say_append(r, room, append, (struct str){(const char *)body.data, body.len});
    buf_deinit(&body);
    reply->room = room;
    redis_mark_sent(r, append, reply, 0);
}

/* ---- messages: many by one call ---- */

/* Words about each of them, behind the head of the script. */
#define BATCH_FIRST 9
#define BATCH_WORDS 6

struct redis_batch {
    struct redis_append *appends[REDIS_BATCH_MAX];
    size_t ends[REDIS_BATCH_MAX]; /* of their texts in `bodies` */
    size_t count;
    struct buf bodies;
    struct redis_word numbers[REDIS_BATCH_MAX], ids[REDIS_BATCH_MAX], said_by[REDIS_BATCH_MAX];
    struct str words[BATCH_FIRST + REDIS_BATCH_MAX * BATCH_WORDS]; /* ... and what is for once */
};

static bool redis_goes_in_batch(const struct redis_append *append)
{
    enum event_kind kind = append->event.kind;

    return kind != EVENT_JOIN && kind != EVENT_LEAVE && !redis_errand_is(kind);
}

/* Collects what can go together, in its order; what is to be said once goes alone. Returns 0, or -1
 * with errno ENOMEM. */
static int redis_fill_batch(struct redis_batch *batch, const struct redis_room *room,
                            struct redis_append *first)
{
    struct list *at = &first->link;

    while (at != &room->appends && batch->count < REDIS_BATCH_MAX &&
           batch->bodies.len < REDIS_BATCH_BYTES) {
        struct redis_append *append = CONTAINER_OF(at, struct redis_append, link);

        if (append->is_sent || !redis_goes_in_batch(append) ||
            (batch->count > 0 && append->event.once.ptr != NULL))
            return 0;
        if (redis_event_write(&batch->bodies, &append->event) < 0)
            return -1;
        batch->ends[batch->count] = batch->bodies.len;
        batch->appends[batch->count++] = append;
        if (append->event.once.ptr != NULL)
            return 0;
        at = at->next;
    }
    return 0;
}

/* Whether it was said from a seat, else on whose behalf it was posted. */
static struct str redis_said_by(struct redis_word *word, const struct event *event)
{
    int len = snprintf(word->text, sizeof(word->text), "p%llu", (unsigned long long)event->author);

    return event->is_posted ? (struct str){word->text, (size_t)len} : STR("s");
}

static void redis_say_batch(struct redis *r, struct redis_room *room, struct redis_batch *batch)
{
    struct redis_head head;
    size_t start = 0;

    redis_fill_head(r, &head, room, 0, redis_keep(r, room), batch->words, 4);
    for (size_t i = 0; i < batch->count; i++) {
        const struct event *event = &batch->appends[i]->event;
        struct str *words = &batch->words[BATCH_FIRST + i * BATCH_WORDS];

        words[0] = redis_decimal(&batch->numbers[i], batch->appends[i]->number);
        words[1] = redis_decimal(&batch->ids[i], event->from);
        words[2] = redis_is_presence(event) ? STR(":p") : STR(":m");
        words[3] = event->name;
        words[4] = (struct str){(char *)batch->bodies.data + start, batch->ends[i] - start};
        words[5] = redis_said_by(&batch->said_by[i], event);
        start = batch->ends[i];
    }
    if (batch->appends[0]->event.once.ptr != NULL)
        batch->words[BATCH_FIRST + BATCH_WORDS] = batch->appends[0]->event.once;
    redis_say_script(r, REDIS_PUBLISH, "1", batch->words,
                     BATCH_FIRST + batch->count * BATCH_WORDS +
                         (batch->appends[0]->event.once.ptr != NULL));
}

struct redis_append *redis_send_appends(struct redis *r, struct redis_room *room,
                                        struct redis_append *append)
{
    struct redis_batch batch;
    struct redis_reply *reply;

    if (!redis_goes_in_batch(append)) {
        redis_send_alone(r, room, append);
        return append;
    }
    batch.count = 0;
    buf_init(&batch.bodies);
    reply = redis_await(r, REDIS_COMMANDS, REPLY_APPEND);
    if (redis_fill_batch(&batch, room, append) < 0 || reply == NULL) {
        redis_fail(r, REDIS_COMMANDS);
    } else {
        redis_say_batch(r, room, &batch);
        reply->room = room;
        for (uint32_t i = 0; i < batch.count; i++)
            redis_mark_sent(r, batch.appends[i], reply, i);
        append = batch.appends[batch.count - 1];
    }
    buf_deinit(&batch.bodies);
    return append;
}

/* Entries that Redis looks at at once, so that their bytes are few even where all are long. */
static uint64_t redis_snapshot_step(const struct redis *r)
{
    return 1 + min_size((size_t)(REDIS_SNAPSHOT_MAX / 8 / (r->config.longest + 1)), 999);
}

void redis_send_snapshot(struct redis *r, struct redis_room *room)
{
    bool is_anew = room->wants_anew || !room->has_life;
    uint64_t known = is_anew ? 0 : room->channel->next - 1;
    struct redis_word after, bytes, step;
    struct redis_head head;
    struct redis_reply *reply;
    struct str words[12];

    redis_fill_head(r, &head, room, 0, max_size((size_t)redis_history(r, room), 1), words, 4);
    words[9] = is_anew ? STR("-1") : redis_decimal(&after, known);
    words[10] = redis_decimal(&bytes, REDIS_SNAPSHOT_MAX);
    words[11] = redis_decimal(&step, redis_snapshot_step(r));
    redis_say_script(r, REDIS_SNAPSHOT, "1", words, 12);
    room->wants_fill = room->wants_anew = false;
    room->is_filling = true;
    r->stats.fills += !is_anew;
    for (struct list *at = room->appends.next; at != &room->appends; at = at->next) {
        struct redis_append *append = CONTAINER_OF(at, struct redis_append, link);

        append->is_sought = append->is_done;
    }
    reply = redis_await(r, REDIS_COMMANDS, REPLY_SNAPSHOT);
    if (reply == NULL)
        return;
    reply->room = room;
    reply->is_anew = is_anew;
}

void redis_send_subscribe(struct redis *r, const struct redis_room *room, bool is_on)
{
    struct redis_key key;
    struct str words[] = {is_on ? STR("SUBSCRIBE") : STR("UNSUBSCRIBE"),
                          redis_room_key(r, &key, room->channel->name, "}:c")};

    if (r->links[REDIS_TELLS].is_ready)
        redis_say(r, REDIS_TELLS, words, 2);
}

void redis_send_note(struct redis *r, struct str node, struct str text)
{
    struct redis_key key;
    struct str words[] = {STR("PUBLISH"), redis_key(r, &key, "n:", node, ""), text};

    if (!r->links[REDIS_COMMANDS].is_ready)
        return;
    redis_say(r, REDIS_COMMANDS, words, 3);
    redis_await(r, REDIS_COMMANDS, REPLY_IGNORED);
}

void redis_send_ping(struct redis *r)
{
    struct str words[] = {STR("PING")};

    redis_say(r, REDIS_TELLS, words, 1);
    r->links[REDIS_TELLS].pinged = r->now;
}

void redis_send_wait(struct redis *r)
{
    struct redis_word replicas, ms;
    struct str words[] = {STR("WAIT"), redis_decimal(&replicas, r->config.replicas),
                          redis_decimal(&ms, r->config.replica_ms)};

    if (!r->must_wait)
        return;
    redis_say(r, REDIS_COMMANDS, words, 3);
    redis_await(r, REDIS_COMMANDS, REPLY_WAIT);
    r->rounds++;
    r->must_wait = false;
}

/* ---- errors ---- */

static const char redis_forbidden[] = "its user may not do what is needed: see docs/scale.md";

/* What errors begin with, what that means, and whether the connection is as good as any other: what
 * was asked then waits until it can be written. */
static const struct redis_error {
    struct str code;
    const char *meaning;
    bool is_ill;
} redis_errors[] = {
    {{"OOM", 3}, "its memory is full (maxmemory)", true},
    {{"MISCONF", 7}, "it cannot write to its disk", true},
    {{"NOREPLICAS", 10}, "too few replicas are connected to it (min-replicas-to-write)", true},
    {{"BUSY", 4}, "a script of somebody else does not end", true},
    {{"NOSCRIPT", 8}, "our scripts are gone: they are loaded again", false},
    {{"MOVED", 5}, "it is a Redis Cluster: give --redis several times in its place", false},
    {{"CROSSSLOT", 9}, "it is a Redis Cluster: give --redis several times in its place", false},
    {{"READONLY", 8}, "it is a replica: --redis must lead to the primary", false},
    {{"LOADING", 7}, "it is still loading what it has", false},
    {{"MASTERDOWN", 10}, "it is a replica without a primary", false},
    {{"NOAUTH", 6}, "a password is needed (--redis-password-file)", false},
    {{"WRONGPASS", 9}, "its user or password is wrong", false},
    {{"NOPERM", 6}, redis_forbidden, false},
    {{"ERR The user executing the script can't", 39}, redis_forbidden, false}, /* Redis 7.0 */
    {{"ERR ACL failure in", 18}, redis_forbidden, false},                      /* later ones */
};

static const struct redis_error *redis_find_error(struct str text)
{
    for (size_t i = 0; i < ARRAY_LEN(redis_errors); i++) {
        struct str code = redis_errors[i].code;

        if (text.len >= code.len && memcmp(text.ptr, code.ptr, code.len) == 0 &&
            (text.len == code.len || text.ptr[code.len] == ' '))
            return &redis_errors[i];
    }
    return NULL;
}

/* Says why nothing works, for people. Returns whether the connection may stay. */
static bool redis_explain(struct redis *r, struct str text)
{
    const struct redis_error *error = redis_find_error(text);
    int len = (int)min_size(text.len, 100);

    snprintf(r->reason, sizeof(r->reason), "%s%sRedis says: %.*s",
             error != NULL ? error->meaning : "", error != NULL ? "; " : "", len, text.ptr);
    return error != NULL && error->is_ill;
}

/* ---- what is told ---- */

/* The name of a room from that of its channel; ptr is NULL for another. */
static struct str redis_room_of(const struct redis *r, struct str channel)
{
    size_t before = strlen(r->prefix) + 2, after = sizeof("}:c") - 1;

    if (channel.len <= before + after || channel.ptr[before - 1] != '{')
        return (struct str){NULL, 0};
    return (struct str){channel.ptr + before, channel.len - before - after};
}

static void redis_subscribed(struct redis *r, struct str channel)
{
    struct redis_room *room = redis_room_find(r, redis_room_of(r, channel));

    if (room == NULL)
        return;
    room->is_subscribed = true;
    redis_room_want(r, room, false);
}

/* Events, each behind a line that says how long it is. */
static void redis_told_events(struct redis *r, struct redis_room *room, struct str bytes)
{
    redis_room_hold(room);
    while (bytes.len > 0 && room->channel != NULL) {
        struct str line = str_cut(&bytes, '\n'), event;
        uint64_t len;

        if (!str_to_u64(line, bytes.len, &len)) {
            redis_room_want(r, room, false);
            break;
        }
        event = (struct str){bytes.ptr, (size_t)len};
        bytes = (struct str){bytes.ptr + len, bytes.len - (size_t)len};
        redis_room_told(r, room, event);
    }
    redis_room_let(r, room);
}

static void redis_heard(struct redis *r, struct str channel, struct str bytes)
{
    struct str name = redis_room_of(r, channel);
    struct redis_room *room = name.ptr != NULL ? redis_room_find(r, name) : NULL;

    if (name.ptr == NULL)
        redis_errand_told(r, bytes);
    else if (room != NULL)
        redis_told_events(r, room, bytes);
}

static const char *redis_take_tell(struct redis *r, struct resp_cursor *cursor)
{
    struct resp_value value, word, channel, bytes;

    if (!resp_next(cursor, &value))
        return "what was told makes no sense";
    if (value.type == RESP_ERROR) {
        (void)redis_explain(r, value.text);
        return r->reason;
    }
    if ((value.type != RESP_ARRAY && value.type != RESP_PUSH) || value.count < 2)
        return value.type == RESP_TEXT ? NULL : "what was told makes no sense";
    if (!resp_expect(cursor, RESP_TEXT, &word) || !resp_expect(cursor, RESP_TEXT, &channel))
        return str_equals(word.text, STR("pong")) ? NULL : "what was told makes no sense";
    if (str_equals(word.text, STR("subscribe")))
        redis_subscribed(r, channel.text);
    else if (str_equals(word.text, STR("message")) && resp_expect(cursor, RESP_TEXT, &bytes))
        redis_heard(r, channel.text, bytes.text);
    return NULL;
}

/* ---- answers ---- */

static void redis_all_want(struct redis *r)
{
    for (size_t i = 0; i < REDIS_BUCKETS; i++) {
        for (struct redis_room *room = r->buckets[i]; room != NULL; room = room->next_in_bucket)
            redis_room_want(r, room, false);
    }
}

/* The field master_replid of what INFO says. */
static const char *redis_take_info(struct redis *r, const struct resp_value *value)
{
    struct str rest = value->text;

    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n'), name = str_cut(&line, ':');

        if (!str_equals(name, STR("master_replid")))
            continue;
        redis_ask_life(r, str_trim((struct str){line.ptr, line.len - (line.len > 0)}));
        return NULL;
    }
    return "it does not say which Redis it is (INFO replication)";
}

static const char *redis_take_life(struct redis *r, const struct resp_value *value)
{
    if (value->text.len == 0 || value->text.len >= sizeof(r->generation))
        return "its generation makes no sense";
    memcpy(r->generation, value->text.ptr, value->text.len);
    r->generation[value->text.len] = '\0';
    r->links[REDIS_COMMANDS].is_ready = true;
    redis_send_lease(r, REDIS_LEASE_MS);
    redis_all_want(r);
    return NULL;
}

/* What a script says in place of the seq of an event. */
static void redis_take_word(struct redis *r, struct redis_room *room, struct redis_append *append,
                            char word)
{
    switch (word) {
    case 'D':
        append->is_done = true;
        redis_room_want(r, room, false);
        break;
    case 'T':
        redis_append_refuse(r, room, append, LOG_REFUSED_TAKEN);
        break;
    case 'G': /* its seat is not ours: who sits here is compared */
        redis_room_want(r, room, false);
        redis_append_refuse(r, room, append, LOG_REFUSED_UNAVAILABLE);
        break;
    case 'U':
        redis_append_refuse(r, room, append, LOG_REFUSED_UNAVAILABLE);
        break;
    case 'A':
        redis_append_refuse(r, room, append, LOG_REFUSED_ABSENT);
        break;
    case 'O':
        redis_append_refuse(r, room, append, LOG_REFUSED_OTHER);
        break;
    case 'S':
    case 'W':
        if (append->event.kind == EVENT_KICK)
            redis_append_settle(r, room, append);
        else if (word == 'S')
            redis_errand_wait(r, append);
        else
            redis_append_refuse(r, room, append, LOG_REFUSED_AWAY);
        break;
    default:
        redis_append_settle(r, room, append);
    }
}

/* The append of which the reply tells at this place; NULL: it was told already. */
static struct redis_append *redis_find_slot(const struct redis_room *room,
                                            const struct redis_reply *reply, uint32_t slot)
{
    for (struct list *at = room->appends.next; at != &room->appends; at = at->next) {
        struct redis_append *append = CONTAINER_OF(at, struct redis_append, link);

        if (append->reply == reply && append->slot == slot)
            return append;
    }
    return NULL;
}

/* The answer of appends, a word for each: only what makes no event is settled by it. Behind a line
 * feed stands why one was refused. */
static void redis_take_appends(struct redis *r, struct redis_reply *reply, struct str why)
{
    struct redis_room *room = reply->room;
    struct str words = str_cut(&why, '\n');

    if (why.len > 0 && room->channel != NULL)
        redis_note_broken(r, room->channel->name, why);
    for (uint32_t i = 0; i < words.len && i < REDIS_BATCH_MAX; i++) {
        struct redis_append *append = words.ptr[i] != '.' ? redis_find_slot(room, reply, i) : NULL;

        if (append == NULL)
            continue;
        append->reply = NULL;
        redis_take_word(r, room, append, words.ptr[i]);
    }
}

/* A seat has moved here: "M" and a seq. */
static const char *redis_take_move(struct redis *r, struct redis_reply *reply, struct str word)
{
    struct redis_append *append = redis_find_slot(reply->room, reply, 0);
    uint64_t seq;

    if (!str_to_u64((struct str){word.ptr + 1, word.len - 1}, UINT64_MAX, &seq))
        return "the answer about a seat makes no sense";
    if (append != NULL)
        redis_append_move(r, reply->room, append, seq);
    return NULL;
}

/* It was said before: "I", and the epoch, the seq and the time of then. */
static const char *redis_take_said(struct redis *r, struct redis_reply *reply, struct str word)
{
    struct redis_append *append = redis_find_slot(reply->room, reply, 0);
    struct str rest = {word.ptr + 1, word.len - 1};
    struct event then;

    if (!str_to_u64(str_cut(&rest, ' '), UINT64_MAX, &then.epoch) ||
        !str_to_u64(str_cut(&rest, ' '), UINT64_MAX, &then.seq) ||
        !str_to_u64(rest, UINT64_MAX, &then.ts))
        return "the answer about a message makes no sense";
    if (append == NULL)
        return NULL;
    append->event.epoch = then.epoch;
    append->event.seq = then.seq;
    append->event.ts = then.ts;
    redis_append_refuse(r, reply->room, append, LOG_REFUSED_SAID);
    return NULL;
}

/* It has said what it has to say, or failed: then what it would have told of is not sent. */
static void redis_release_appends(struct redis_room *room, const struct redis_reply *reply,
                                  bool is_sent)
{
    for (struct list *at = room->appends.next; at != &room->appends; at = at->next) {
        struct redis_append *append = CONTAINER_OF(at, struct redis_append, link);

        if (append->reply != reply)
            continue;
        append->reply = NULL;
        append->is_sent = is_sent;
    }
}

static void redis_get_well(struct redis *r)
{
    if (!r->is_ill)
        return;
    r->is_ill = false;
    for (size_t i = 0; i < REDIS_BUCKETS; i++) {
        for (struct redis_room *room = r->buckets[i]; room != NULL; room = room->next_in_bucket)
            redis_room_activate(r, room);
    }
}

/* Who else is alive, and whose seats are to be given up. A node that was not known any more may
 * have been taken for dead. */
static const char *redis_take_lease(struct redis *r, struct resp_cursor *cursor, size_t count)
{
    struct resp_value value;
    uint64_t wall = r->wall, due;

    if (count > REDIS_LEASE_WORDS)
        return "the answer about nodes makes no sense";
    redis_get_well(r);
    if (r->deaf_since == 0 && r->links[REDIS_TELLS].is_ready)
        r->deaf_since = r->now;
    for (size_t i = 0; i < count; i++) {
        if (!resp_expect(cursor, RESP_TEXT, &value))
            return "the answer about nodes makes no sense";
        if (i == 0 && str_equals(value.text, STR("N")))
            redis_all_want(r);
        if (i == 1 && str_to_u64(value.text, REDIS_RENEW_MS, &due) && r->now + due < r->lease_at)
            r->lease_at = r->now + due;
        if (i >= REDIS_LEASE_DEAD && value.text.len < REDIS_NODE_MAX + 24 &&
            !str_equals(value.text, str_from(r->node)))
            redis_send_reap(r, value.text, wall);
    }
    return NULL;
}

/* A room in which the seats of a dead node could not be given up, and why. */
static void redis_take_unreaped(struct redis *r, struct str why)
{
    struct str room = str_cut(&why, '\n');

    redis_note_broken(r, room, why);
}

/* Does an error say that what there is of this one room cannot be used? A room that another program
 * has written to must not stop the others. */
static bool redis_is_of_room(const struct redis_reply *reply, struct str text)
{
    struct str whole = text, code = str_cut(&text, ' ');

    return (reply->kind == REPLY_APPEND || reply->kind == REPLY_SNAPSHOT) &&
           redis_find_error(whole) == NULL &&
           (str_equals(code, STR("WRONGTYPE")) || str_equals(code, STR("ERR")));
}

static void redis_break_reply(struct redis *r, const struct redis_reply *reply, struct str why)
{
    struct redis_room *room = reply->room;

    if (room == NULL || room->channel == NULL)
        return;
    if (reply->kind == REPLY_SNAPSHOT)
        room->is_filling = false;
    redis_room_break(r, room, why);
}

/* It takes nothing now. The lease is what is tried until it does. */
static void redis_fall_ill(struct redis *r, const struct redis_reply *reply)
{
    r->is_trusted = false;
    r->is_ill = true;
    r->lease_at = r->now + REDIS_RETRY_MS;
    if (reply->kind == REPLY_APPEND && reply->room != NULL)
        redis_release_appends(reply->room, reply, false);
    if (reply->kind == REPLY_SNAPSHOT && reply->room != NULL) {
        reply->room->is_filling = false;
        redis_room_want(r, reply->room, reply->is_anew);
    }
}

/* An error that can be mended by asking anew on another connection is no more than that. */
static const char *redis_take_error(struct redis *r, enum redis_link link,
                                    const struct redis_reply *reply, struct str text)
{
    bool is_old = reply->kind == REPLY_HELLO && text.len >= 7 &&
                  (memcmp(text.ptr, "NOPROTO", 7) == 0 || memcmp(text.ptr, "ERR unk", 7) == 0);

    if (is_old && r->config.password.ptr != NULL) {
        redis_say_auth(r, link);
        return NULL;
    }
    if (is_old) {
        redis_begin(r, link);
        return NULL;
    }
    if (redis_is_of_room(reply, text)) {
        redis_break_reply(r, reply, text);
        return NULL;
    }
    if (!redis_explain(r, text) || !r->links[REDIS_COMMANDS].is_ready)
        return r->reason;
    redis_fall_ill(r, reply);
    return NULL;
}

static const char *redis_take_appended(struct redis *r, struct redis_reply *reply,
                                       const struct resp_value *value)
{
    if (value->type != RESP_TEXT && value->type != RESP_NUMBER)
        return "the answer about an event makes no sense";
    if (reply->room == NULL || value->type == RESP_NUMBER)
        return NULL;
    if (value->text.len > 0 && value->text.ptr[0] == 'M')
        return redis_take_move(r, reply, value->text);
    if (value->text.len > 0 && value->text.ptr[0] == 'I')
        return redis_take_said(r, reply, value->text);
    redis_take_appends(r, reply, value->text);
    return NULL;
}

static const char *redis_take_value(struct redis *r, enum redis_link link,
                                    struct redis_reply *reply, struct resp_cursor *cursor)
{
    struct resp_cursor whole = *cursor;
    struct resp_value value;

    if (!resp_next(cursor, &value))
        return "an answer makes no sense";
    if (value.type == RESP_ERROR)
        return redis_take_error(r, link, reply, value.text);
    switch (reply->kind) {
    case REPLY_HELLO:
    case REPLY_AUTH:
        redis_begin(r, link);
        return NULL;
    case REPLY_INFO:
        return redis_take_info(r, &value);
    case REPLY_SUBSCRIBED:
        return redis_take_subscribed(r, cursor, &value);
    case REPLY_LIFE:
        return redis_take_life(r, &value);
    case REPLY_APPEND:
        return redis_take_appended(r, reply, &value);
    case REPLY_SNAPSHOT:
        if (reply->room != NULL && redis_room_filled(r, reply->room, reply, &whole) < 0)
            redis_break_reply(r, reply, STR("what it has of the room makes no sense"));
        return NULL;
    case REPLY_LEASE:
        return redis_take_lease(r, cursor, value.count);
    case REPLY_REAP:
        if (value.type == RESP_TEXT)
            redis_take_unreaped(r, value.text);
        if (value.type == RESP_TEXT || value.number > 0)
            r->lease_at = r->now;
        return NULL;
    case REPLY_WAIT:
        r->stats.unsafe += value.number < (int64_t)r->config.replicas;
        return NULL;
    case REPLY_IGNORED:
        return NULL;
    }
    return NULL;
}

/* What waited for the replicas is told now, however many of them there are. */
static void redis_end_round(struct redis *r)
{
    struct list *first;

    r->rounds_done++;
    while ((first = list_take_first(&r->held)) != NULL)
        redis_room_activate(r, CONTAINER_OF(first, struct redis_room, held));
}

static void redis_note_trip(struct redis *r, const struct redis_reply *reply)
{
    static const uint64_t bounds[] = REDIS_TRIPS;
    uint64_t took = clock_monotonic_ns() - reply->asked_ns;
    size_t i = 0;

    while (i < ARRAY_LEN(bounds) && took > bounds[i] * 1000)
        i++;
    r->stats.trips[i]++;
    r->stats.trips_ns += took;
}

static const char *redis_take_answer(struct redis *r, enum redis_link link,
                                     struct resp_cursor *cursor)
{
    struct list *first = list_take_first(&r->replies[link]);
    const char *why;
    struct redis_reply *reply;
    struct redis_room *room;

    if (first == NULL)
        return "it answers what nobody asked";
    reply = CONTAINER_OF(first, struct redis_reply, link);
    room = reply->room;
    if (room != NULL)
        redis_room_hold(room);
    redis_note_trip(r, reply);
    why = redis_take_value(r, link, reply, cursor);
    if (reply->kind == REPLY_APPEND && room != NULL)
        redis_release_appends(room, reply, true);
    if (reply->kind == REPLY_WAIT)
        redis_end_round(r);
    if (room != NULL)
        redis_room_let(r, room);
    free(reply);
    return why;
}

/* ---- input ---- */

int redis_input(struct log *log, enum redis_link link, struct buf *in, const char **why)
{
    struct redis *r = redis_of(log);
    struct redis_connection *c = &r->links[link];
    size_t used = 0;

    c->heard = r->now;
    for (*why = NULL; *why == NULL;) {
        struct resp_cursor cursor = {in->data + used, in->data + used};

        switch (resp_scan(&c->scan, in->data + used, in->len - used, redis_reply_max(r))) {
        case RESP_MORE:
            buf_consume(in, used);
            return 0;
        case RESP_BROKEN:
            *why = "it does not speak the protocol of Redis";
            return -1;
        case RESP_DONE:
            cursor.end += c->scan.at;
            used += c->scan.at;
            c->whole = r->now;
            c->scan = (struct resp_scan){.at = 0};
            *why = c->is_ready && link == REDIS_TELLS ? redis_take_tell(r, &cursor)
                                                      : redis_take_answer(r, link, &cursor);
        }
    }
    return -1;
}

void redis_connected(struct log *log, enum redis_link link)
{
    struct redis *r = redis_of(log);

    r->links[link].is_open = true;
    r->links[link].heard = r->links[link].whole = r->links[link].pinged = r->now;
    r->deaf_since = 0;
    redis_say_hello(r, link);
}

static void redis_forget_replies(struct redis *r, enum redis_link link)
{
    struct list *first;

    while ((first = list_take_first(&r->replies[link])) != NULL)
        free(CONTAINER_OF(first, struct redis_reply, link));
}

/* Of the rooms: what the connection was needed for is asked for again. */
static void redis_unask(struct redis *r, enum redis_link link)
{
    for (size_t i = 0; i < REDIS_BUCKETS; i++) {
        for (struct redis_room *room = r->buckets[i]; room != NULL; room = room->next_in_bucket) {
            if (link == REDIS_TELLS) {
                room->is_subscribed = false;
                continue;
            }
            room->is_filling = false;
            for (struct list *at = room->appends.next; at != &room->appends; at = at->next) {
                CONTAINER_OF(at, struct redis_append, link)->is_sent = false;
                CONTAINER_OF(at, struct redis_append, link)->reply = NULL;
                CONTAINER_OF(at, struct redis_append, link)->round = UINT64_MAX;
            }
        }
    }
}

void redis_lost(struct log *log, enum redis_link link, const char *why)
{
    struct redis *r = redis_of(log);
    struct redis_connection *c = &r->links[link];

    r->is_trusted = false;
    if (why != NULL && why != r->reason)
        snprintf(r->reason, sizeof(r->reason), "%s", why);
    redis_forget_replies(r, link);
    redis_unask(r, link);
    buf_deinit(&c->out);
    r->is_ill = r->is_ill && link != REDIS_COMMANDS;
    if (link == REDIS_COMMANDS) {
        r->rounds_done = r->rounds;
        r->must_wait = false;
    }
    *c = (struct redis_connection){.is_open = false};
}

struct buf *redis_output(struct log *log, enum redis_link link)
{
    return &redis_of(log)->links[link].out;
}

bool redis_is_stale(const struct log *log, enum redis_link link)
{
    const struct redis *r = redis_of(log);
    const struct redis_connection *c = &r->links[link];
    uint64_t asked = 0; /* what is waited for longest; 0: nothing */

    if (!c->is_open)
        return false;
    if (c->has_failed || (r->deaf_since > 0 && r->now > r->deaf_since + REDIS_DEAF_MS))
        return true;
    if (!list_is_empty(&r->replies[link]))
        asked = CONTAINER_OF(r->replies[link].next, struct redis_reply, link)->asked;
    else if (c->pinged > c->whole)
        asked = c->pinged;
    return asked > 0 && (r->now > max_size(asked, c->heard) + REDIS_PATIENCE_MS ||
                         r->now > max_size(asked, c->whole) + REDIS_ANSWER_MS);
}
