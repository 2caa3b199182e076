#include "chat/bans.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "chat/ask.h"
#include "chat/core.h"
#include "chat/post.h"
#include "chat/retention.h"
#include "proto/json.h"

/* Where other servers make bans too, there may be more than may be made at one. */
#define BANS_KNOWN_MAX (2 * BANS_MAX)

/* Events of a shared log after which a ban is told again, so that it is still there for servers
 * that come later. */
#define BANS_RETOLD_AFTER (LOG_BANS_KEPT / 2)

_Static_assert(BANS_KNOWN_MAX < BANS_RETOLD_AFTER, "to tell all again comes to an end");

/* ---- one ban ---- */

static const char digits[] = "0123456789abcdef";

void ban_write_name(char out[BAN_NAME_SIZE], uint64_t number)
{
    for (size_t i = BAN_NAME_SIZE - 1; i-- > 0; number >>= 4)
        out[i] = digits[number & 15];
    out[BAN_NAME_SIZE - 1] = '\0';
}

bool ban_read_name(struct str name, uint64_t *number)
{
    uint64_t value = 0;

    if (name.len != BAN_NAME_SIZE - 1)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        const char *digit = memchr(digits, name.ptr[i], sizeof(digits) - 1);

        if (digit == NULL)
            return false;
        value = value << 4 | (uint64_t)(digit - digits);
    }
    *number = value;
    return true;
}

bool ban_address_is_valid(struct str text)
{
    struct ip_network network;

    return ip_network_read(&network, text);
}

enum { FIELD_ROOMS, FIELD_SUB, FIELD_ADDRESS, FIELD_UNTIL, FIELD_REASON, FIELD_BY, FIELDS };

static uint64_t ban_asker(const struct chat *chat, struct str by)
{
    return by.ptr == NULL ? 0 : hash_str(&chat->config.seed, by) | 1;
}

static struct str ban_string(const struct json_field *field)
{
    return field->type == JSON_STRING ? field->value : (struct str){NULL, 0};
}

static void ban_read_rooms(struct ban *ban, char *data, const struct json_field *field)
{
    struct json_items items;
    struct json_field room;

    if (field->type != JSON_ARRAY)
        return;
    items = json_items_of(data, field);
    while (ban->room_count < BAN_ROOMS_MAX && json_item_next(&items, &room)) {
        if (room.type == JSON_STRING)
            ban->rooms[ban->room_count++] = (struct grant){room.value, RIGHTS_ALL};
    }
}

/* Reads what it is out of a text that is its own. Returns false where that is no ban. */
static bool ban_read(const struct chat *chat, struct ban *ban, char *data, size_t len)
{
    struct json_field fields[FIELDS] = {
        [FIELD_ROOMS] = {.name = STR("rooms")},     [FIELD_SUB] = {.name = STR("sub")},
        [FIELD_ADDRESS] = {.name = STR("address")}, [FIELD_UNTIL] = {.name = STR("until")},
        [FIELD_REASON] = {.name = STR("reason")},   [FIELD_BY] = {.name = STR("by")},
    };
    const struct json_field *until = &fields[FIELD_UNTIL];

    if (json_read_object(data, len, fields, FIELDS) < 0)
        return false;
    ban_read_rooms(ban, data, &fields[FIELD_ROOMS]);
    ban->sub = ban_string(&fields[FIELD_SUB]);
    ban->reason = ban_string(&fields[FIELD_REASON]);
    ban->asker = ban_asker(chat, ban_string(&fields[FIELD_BY]));
    ban->has_address = fields[FIELD_ADDRESS].type == JSON_STRING &&
                       ip_network_read(&ban->address, fields[FIELD_ADDRESS].value);
    if (until->type != JSON_ABSENT && !json_to_u64(until, UINT64_MAX, &ban->until))
        return false;
    return ban->room_count > 0 && (ban->sub.len > 0 || ban->has_address);
}

/* Its text is kept twice: as it is shown, and as it was read. NULL: memory is out, or it is none.
 */
static struct ban *ban_new(const struct chat *chat, const struct event *event, uint32_t word)
{
    size_t len = event->text.len;
    struct ban *ban = malloc(sizeof(*ban) + 2 * len);

    if (ban == NULL)
        return NULL;
    *ban = (struct ban){.number = event->re, .seq = event->seq, .word = word, .ends = UINT64_MAX};
    memcpy(ban->bytes, event->text.ptr, len);
    memcpy(ban->bytes + len, event->text.ptr, len);
    ban->json = (struct str){ban->bytes, len};
    if (!ban_read(chat, ban, ban->bytes + len, len)) {
        free(ban);
        return NULL;
    }
    if (ban->until > chat->wall)
        ban->ends = chat->now + (ban->until - chat->wall);
    return ban;
}

static bool ban_is_over(const struct chat *chat, const struct ban *ban)
{
    return ban->until > 0 && (ban->until <= chat->wall || ban->ends <= chat->now);
}

bool ban_is_of(const struct ban *ban, const struct ban_person *person)
{
    if (ban->sub.ptr != NULL && !person->is_at_password)
        return person->sub.ptr != NULL && str_equals(ban->sub, person->sub);
    return (person->is_at_password || person->sub.ptr == NULL) && ban->has_address &&
           person->ip != NULL && ip_network_has(&ban->address, person->ip);
}

/* The person comes first: most bans are of somebody else, and rooms are many. */
static bool ban_is_for(const struct ban *ban, const struct ban_person *person, struct str room)
{
    return ban_is_of(ban, person) &&
           (person->is_at_password ||
            rights_in_room(ban->rooms, ban->room_count, room) != RIGHTS_NONE);
}

/* ---- the table ---- */

static void bans_tell_forgotten(struct chat *chat, uint32_t word)
{
    if (chat->log->ops->forgotten != NULL)
        chat->log->ops->forgotten(chat->log, &chat->bans.channel->log, word);
}

static void bans_remove(struct chat *chat, size_t place)
{
    struct bans *bans = &chat->bans;
    struct ban *ban = bans->items[place];

    bans->count--;
    memmove(&bans->items[place], &bans->items[place + 1],
            (bans->count - place) * sizeof(struct ban *));
    bans_tell_forgotten(chat, ban->word);
    free(ban);
}

static void bans_forget_ended(struct chat *chat)
{
    for (size_t i = chat->bans.count; i-- > 0;) {
        if (ban_is_over(chat, chat->bans.items[i]))
            bans_remove(chat, i);
    }
}

static void bans_forget(struct chat *chat, uint64_t number)
{
    for (size_t i = chat->bans.count; i-- > 0;) {
        if (chat->bans.items[i]->number == number)
            bans_remove(chat, i);
    }
}

static int bans_grow_list(const struct ban ***list, size_t size)
{
    const struct ban **grown = realloc(*list, size * sizeof(**list));

    if (grown == NULL)
        return -1;
    *list = grown;
    return 0;
}

static int bans_grow(struct bans *bans)
{
    size_t size = max_size(bans->size * 2, 16);
    struct ban **items;

    if (bans->count < bans->size)
        return 0;
    if (bans_grow_list(&bans->found, size) < 0 || bans_grow_list(&bans->sorted, size) < 0)
        return -1;
    items = realloc(bans->items, size * sizeof(struct ban *));
    if (items == NULL)
        return -1;
    bans->items = items;
    bans->size = size;
    return 0;
}

void bans_clear(struct chat *chat)
{
    while (chat->bans.count > 0)
        bans_remove(chat, chat->bans.count - 1);
    free(chat->bans.items);
    free(chat->bans.found);
    free(chat->bans.sorted);
    chat->bans.items = NULL;
    chat->bans.found = NULL;
    chat->bans.sorted = NULL;
    chat->bans.size = 0;
}

const struct ban *bans_find(const struct chat *chat, const struct ban_person *person,
                            struct str room)
{
    for (size_t i = 0; i < chat->bans.count; i++) {
        const struct ban *ban = chat->bans.items[i];

        if (ban_is_for(ban, person, room) && !ban_is_over(chat, ban))
            return ban;
    }
    return NULL;
}

struct ban_list bans_collect(struct chat *chat, const struct ban_person *person)
{
    struct bans *bans = &chat->bans;
    size_t count = 0;

    for (size_t i = 0; i < bans->count; i++) {
        if (ban_is_of(bans->items[i], person) && !ban_is_over(chat, bans->items[i]))
            bans->found[count++] = bans->items[i];
    }
    return (struct ban_list){bans->found, count};
}

bool ban_list_meets(const struct ban_list *list, struct str pattern)
{
    for (size_t i = 0; i < list->count; i++) {
        for (size_t room = 0; room < list->items[i]->room_count; room++) {
            if (rights_patterns_meet(list->items[i]->rooms[room].rooms, pattern))
                return true;
        }
    }
    return false;
}

const struct ban *bans_get(const struct chat *chat, struct str name)
{
    uint64_t number;

    if (!ban_read_name(name, &number))
        return NULL;
    for (size_t i = 0; i < chat->bans.count; i++) {
        if (chat->bans.items[i]->number == number && !ban_is_over(chat, chat->bans.items[i]))
            return chat->bans.items[i];
    }
    return NULL;
}

static int ban_compare(const void *a, const void *b)
{
    const struct ban *one = *(const struct ban *const *)a, *other = *(const struct ban *const *)b;

    return (one->number > other->number) - (one->number < other->number);
}

struct ban_list bans_sort(struct chat *chat, uint64_t after)
{
    struct bans *bans = &chat->bans;
    size_t count = 0;

    for (size_t i = 0; i < bans->count; i++) {
        if (bans->items[i]->number > after && !ban_is_over(chat, bans->items[i]))
            bans->sorted[count++] = bans->items[i];
    }
    if (count > 0)
        qsort(bans->sorted, count, sizeof(*bans->sorted), ban_compare);
    return (struct ban_list){bans->sorted, count};
}

/* ---- asking ---- */

/* Appends `,"key":` and a string; nothing where there is none. */
static int ban_append(struct buf *out, const char *key, struct str value)
{
    if (value.ptr == NULL)
        return 0;
    return buf_printf(out, ",\"%s\":", key) < 0 ? -1 : json_append_string(out, value);
}

static int ban_write(struct buf *out, const struct ban_wish *wish)
{
    char name[BAN_NAME_SIZE];

    ban_write_name(name, wish->number);
    if (buf_printf(out, "{\"ban\":\"%s\",\"rooms\":[", name) < 0)
        return -1;
    for (size_t i = 0; i < wish->room_count; i++) {
        if ((i > 0 && buf_append_char(out, ',') < 0) || json_append_string(out, wish->rooms[i]) < 0)
            return -1;
    }
    if (buf_append_char(out, ']') < 0 || ban_append(out, "sub", wish->sub) < 0 ||
        ban_append(out, "address", wish->address) < 0 ||
        (wish->until > 0 &&
         buf_printf(out, ",\"until\":%llu", (unsigned long long)wish->until) < 0) ||
        ban_append(out, "reason", wish->reason) < 0 || ban_append(out, "by", wish->by) < 0)
        return -1;
    return buf_append_char(out, '}');
}

/* Has who asks a place left? */
static enum ban_result bans_look(const struct bans *bans, uint64_t asker, bool has_all)
{
    size_t taken = bans->count + bans->asked, own = 0;

    if (taken >= BANS_MAX)
        return BAN_FULL;
    for (size_t i = 0; i < bans->count; i++)
        own += bans->items[i]->asker == asker;
    for (size_t i = 0; i < bans->asked; i++)
        own += bans->waiting[i].asker == asker;
    return has_all || own * BANS_SHARE < BANS_MAX - taken ? BAN_OK : BAN_SHARE;
}

/* Takes a place until it is settled. */
static enum ban_result bans_take_place(struct chat *chat, struct ban_wish *wish)
{
    struct bans *bans = &chat->bans;
    uint64_t asker = ban_asker(chat, wish->by);
    enum ban_result result;

    if (bans->channel != NULL)
        bans_forget_ended(chat);
    result = bans_look(bans, asker, wish->has_all);
    if (result != BAN_OK)
        return result;
    if (bans->waiting == NULL)
        bans->waiting = calloc(BANS_MAX, sizeof(*bans->waiting));
    if (bans->waiting == NULL)
        return BAN_NO_MEMORY;
    chat->hooks.random(&wish->number, sizeof(wish->number));
    wish->number = wish->number >> 1 | 1;
    bans->waiting[bans->asked++] = (struct ban_asked){wish->number, asker};
    return BAN_OK;
}

static void bans_give_place(struct bans *bans, uint64_t number)
{
    for (size_t i = 0; i < bans->asked; i++) {
        if (bans->waiting[i].number == number) {
            bans->waiting[i] = bans->waiting[--bans->asked];
            return;
        }
    }
}

enum ban_result bans_event(struct chat *chat, struct ban_wish *wish, struct buf *json,
                           struct event *event)
{
    enum ban_result result = bans_take_place(chat, wish);

    if (result != BAN_OK)
        return result;
    if (wish->seconds > 0)
        wish->until = chat->wall + wish->seconds * 1000;
    if (ban_write(json, wish) < 0) {
        bans_give_place(&chat->bans, wish->number);
        return BAN_NO_MEMORY;
    }
    *event = (struct event){
        .kind = EVENT_BAN,
        .ts = chat->wall,
        .re = wish->number,
        .is_posted = true,
        .text = {(const char *)json->data, json->len},
    };
    return BAN_OK;
}

struct event ban_lift(const struct ban *ban)
{
    return (struct event){.kind = EVENT_LIFT, .re = ban->number, .is_posted = true};
}

struct channel *bans_channel(struct chat *chat)
{
    struct bans *bans = &chat->bans;

    if (bans->channel == NULL) {
        bans->channel = retention_channel(chat, STR(LOG_BANS));
        if (bans->channel != NULL)
            bans->channel->waiting++; /* for ever */
    }
    return bans->channel;
}

enum ban_result bans_post(struct chat *chat, struct chat_post *post)
{
    enum chat_result result = CHAT_NO_MEMORY;

    if (bans_channel(chat) != NULL)
        result = chat_post(chat, post, STR(LOG_BANS));
    if (result == CHAT_OK)
        return BAN_OK;
    bans_settled(chat, &post->event);
    return result == CHAT_FULL ? BAN_FULL : BAN_NO_MEMORY;
}

/* ---- having ---- */

void bans_settled(struct chat *chat, const struct event *event)
{
    if (event->kind == EVENT_BAN)
        bans_give_place(&chat->bans, event->re);
}

static bool ban_same_person(const struct ban *one, const struct ban *other)
{
    if (one->sub.len != other->sub.len || one->has_address != other->has_address ||
        (one->sub.len > 0 && !str_equals(one->sub, other->sub)))
        return false;
    return !one->has_address ||
           (one->address.bits == other->address.bits &&
            memcmp(&one->address.base, &other->address.base, sizeof(one->address.base)) == 0);
}

static bool ban_is_equal(const struct ban *one, const struct ban *other)
{
    if (one->room_count != other->room_count || !ban_same_person(one, other))
        return false;
    for (size_t i = 0; i < one->room_count; i++) {
        if (!str_equals(one->rooms[i].rooms, other->rooms[i].rooms))
            return false;
    }
    return true;
}

/* What is forgotten stays so, though another server tells it again. */
static void bans_lift(struct chat *chat, uint64_t number)
{
    bans_forget(chat, number);
    chat->bans.lifted[chat->bans.lifts++ % BANS_LIFTED] = number;
}

static void bans_replace(struct chat *chat, const struct ban *ban)
{
    for (size_t i = chat->bans.count; i-- > 0;) {
        if (ban_is_equal(chat->bans.items[i], ban))
            bans_lift(chat, chat->bans.items[i]->number);
    }
}

static bool bans_add(struct chat *chat, const struct event *event, uint32_t word)
{
    struct bans *bans = &chat->bans;
    struct ban *ban = NULL;

    bans_forget_ended(chat);
    bans_forget(chat, event->re); /* it may be told again */
    for (size_t i = 0; i < BANS_LIFTED; i++) {
        if (bans->lifted[i] == event->re)
            return false;
    }
    if (bans->count < BANS_KNOWN_MAX && bans_grow(bans) == 0)
        ban = ban_new(chat, event, word);
    if (ban == NULL)
        return false;
    bans_replace(chat, ban);
    ban->is_fresh = true;
    bans->fresh++;
    bans->made++;
    bans->items[bans->count++] = ban;
    return true;
}

/* Who asked for the last event of a shared log tells the oldest ban again, where it is about to be
 * forgotten there. That is an event, too; it goes on until none is old. */
static void bans_retell(struct chat *chat)
{
    const struct ban *oldest = chat->bans.count > 0 ? chat->bans.items[0] : NULL;
    struct event event;

    if (oldest == NULL || !chat->log->ops->is_shared ||
        oldest->seq + BANS_RETOLD_AFTER > chat->bans.channel->log.committed)
        return;
    event = (struct event){.kind = EVENT_BAN,
                           .ts = chat->wall,
                           .re = oldest->number,
                           .is_posted = true,
                           .text = oldest->json};
    ask_for_nobody(chat, chat->bans.channel, &event);
}

const struct ban *bans_take_fresh(struct chat *chat)
{
    struct bans *bans = &chat->bans;

    for (size_t i = 0; bans->fresh > 0 && i < bans->count; i++) {
        if (bans->items[i]->is_fresh) {
            bans->items[i]->is_fresh = false;
            bans->fresh--;
            return bans->items[i];
        }
    }
    bans->fresh = 0; /* others have ended */
    return NULL;
}

void bans_committed(struct chat *chat, struct channel *channel, const struct event *event,
                    uint32_t word, bool is_own)
{
    bool is_kept = false;

    if (bans_channel(chat) != channel)
        return; /* of no room that bans are made in */
    if (event->kind == EVENT_BAN)
        is_kept = bans_add(chat, event, word);
    else
        bans_lift(chat, event->re);
    if (!is_kept)
        bans_tell_forgotten(chat, word);
    if (is_own)
        bans_retell(chat);
}

void bans_walk(struct chat *chat,
               void (*each)(void *arg, const struct event *event, uint32_t *word), void *arg)
{
    const struct bans *bans = &chat->bans;

    for (size_t i = 0; i < bans->count; i++) {
        struct ban *ban = bans->items[i];
        struct event event = {.kind = EVENT_BAN,
                              .epoch = bans->channel->log.epoch,
                              .seq = ban->seq,
                              .ts = chat->wall,
                              .re = ban->number,
                              .text = ban->json};

        each(arg, &event, &ban->word);
    }
}

/* ---- from one process to the next ---- */

static void ban_hand(struct hand_writer *w, const struct ban *ban)
{
    hand_put_u64(w, ban->number);
    hand_put_u64(w, ban->seq);
    hand_put_u64(w, ban->ends);
    hand_put_u32(w, ban->word);
    hand_put_bool(w, ban->is_fresh);
    hand_put_str(w, ban->json);
}

void bans_hand_all(struct hand_writer *w, uint16_t type, const struct bans *bans)
{
    size_t i = 0;

    hand_begin(w, type);
    hand_put_bool(w, bans->channel != NULL);
    hand_put_u64(w, bans->made);
    hand_put_u64(w, bans->lifts);
    for (size_t n = 0; n < BANS_LIFTED; n++)
        hand_put_u64(w, bans->lifted[n]);
    hand_put_count(w, bans->count);
    hand_end(w);
    while (i < bans->count && !w->is_failed) {
        hand_begin(w, type);
        while (i < bans->count && !hand_is_long(w))
            ban_hand(w, bans->items[i++]);
        hand_end(w);
    }
}

static void ban_take(struct hand_reader *r, struct chat *chat)
{
    struct bans *bans = &chat->bans;
    struct event event = {.kind = EVENT_BAN};
    uint64_t ends;
    uint32_t word;
    bool is_fresh;
    struct ban *ban;

    event.re = hand_get_u64(r);
    event.seq = hand_get_u64(r);
    ends = hand_get_u64(r);
    word = hand_get_u32(r);
    is_fresh = hand_get_bool(r);
    event.text = hand_get_bytes(r, HAND_RECORD_MAX);
    if (!hand_is_good(r))
        return;
    ban = bans_grow(bans) < 0 ? NULL : ban_new(chat, &event, word);
    if (!hand_check(r, ban != NULL, "a ban cannot be read"))
        return;
    ban->ends = ends;
    ban->is_fresh = is_fresh;
    bans->fresh += is_fresh;
    bans->items[bans->count++] = ban;
}

/* The room of the bans, if there are any, is kept as bans_channel keeps it. */
static void bans_take_channel(struct hand_reader *r, struct chat *chat)
{
    if (!hand_get_bool(r))
        return;
    chat->bans.channel = channel_table_find(&chat->channels, STR(LOG_BANS));
    if (hand_check(r, chat->bans.channel != NULL, "there are bans, and no room of theirs"))
        chat->bans.channel->waiting++;
}

void bans_take_all(struct hand_reader *r, uint16_t type, struct chat *chat)
{
    struct bans *bans = &chat->bans;
    size_t count;

    hand_expect(r, type);
    bans_take_channel(r, chat);
    bans->made = hand_get_u64(r);
    bans->lifts = hand_get_u64(r);
    for (size_t n = 0; n < BANS_LIFTED; n++)
        bans->lifted[n] = hand_get_u64(r);
    count = hand_upto(r, hand_get_u32(r), BANS_KNOWN_MAX);
    hand_check(r, count == 0 || bans->channel != NULL, "there are bans, and no room of theirs");
    while (bans->count < count && hand_expect(r, type)) {
        do
            ban_take(r, chat);
        while (hand_is_good(r) && hand_left(r) > 0 && bans->count < count);
    }
}
