#include "chat/seat.h"
#include "chat/slow.h"

#include <stdlib.h>
#include <string.h>

#include "auth/rights.h"
#include "base/sha256.h"
#include "base/util.h"
#include "chat/ask.h"
#include "chat/bans.h"
#include "chat/entering.h"
#include "chat/publish.h"
#include "chat/replay.h"
#include "chat/retention.h"
#include "chat/who.h"
#include "proto/ws/frame.h"

/* What a connection that closes may still want of its room, in bytes: enough for the answers to
 * what it just sent. */
#define LEAVE_KEEP 65536

/* How long after a LEAVE was refused it is asked for again, in milliseconds. */
#define OWED_AFTER 1000

/* Seats whose time is over that are given up in one tick: a network that broke broke for many. */
#define GIVEN_UP_AT_ONCE 8

static const char lost_reason[] = "the room begins anew: connect again";
static const char full_reason[] = "the server is full: try again later";

/* ---- names and keys ---- */

/* Makes sure that the seat can have a name of any length from now on. Returns 0, or -1 with errno
 * ENOMEM. */
static int seat_reserve_name(struct client *client)
{
    char *name;

    if (client->has_long_name)
        return 0;
    name = malloc(CODEC_NAME_MAX);
    if (name == NULL)
        return -1;
    if (client->name_len > 0)
        memcpy(name, client->name, client->name_len);
    free(client->name);
    client->name = name;
    client->has_long_name = true;
    return 0;
}

/* Gives a seat a name for which there is room. */
static void seat_set_name(struct client *client, struct str name)
{
    if (name.len > 0)
        memcpy(client->name, name.ptr, name.len);
    client->name_len = (uint8_t)name.len;
}

/* The first name of a seat takes as much memory as it needs: most never have another. */
static int seat_first_name(struct client *client, struct str name)
{
    if (name.len == 0)
        return 0;
    client->name = malloc(name.len);
    if (client->name == NULL)
        return -1;
    seat_set_name(client, name);
    return 0;
}

/* Reads the bytes of a key from its text. Returns false where it cannot be one. */
static bool seat_read_key(struct str text, uint8_t key[CLIENT_KEY_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    if (text.len != KEY_TEXT_SIZE - 1)
        return false;
    for (size_t i = 0; i < CLIENT_KEY_SIZE; i++) {
        const char *high = memchr(digits, text.ptr[2 * i], sizeof(digits) - 1);
        const char *low = memchr(digits, text.ptr[2 * i + 1], sizeof(digits) - 1);

        if (high == NULL || low == NULL)
            return false;
        key[i] = (uint8_t)((high - digits) << 4 | (low - digits));
    }
    return true;
}

/* Compares in a time that does not tell how much of the key was right. */
static bool seat_key_matches(const struct client *client, struct str key)
{
    uint8_t given[SHA256_SIZE];
    unsigned difference = 0;

    if (client->codec != CODEC_V1 || !seat_read_key(key, given))
        return false;
    if (client->key_is_hash)
        sha256(given, given, CLIENT_KEY_SIZE);
    for (size_t i = 0; i < CLIENT_KEY_SIZE; i++)
        difference |= client->key[i] ^ given[i];
    return difference == 0;
}

static bool seat_is_owner(const struct client *seat, const struct chat_entry *entry)
{
    return entry->codec == CODEC_V1 && seat_key_matches(seat, entry->key);
}

/* ---- who waits to enter ---- */

static void entering_free(struct chat *chat, struct client *client)
{
    struct entering *entering = client_entering(client);

    if (entering == NULL)
        return;
    client->state = SEAT_EMPTY;
    ask_done(chat, entering->channel);
    free(entering);
}

static struct entering *entering_new(struct chat *chat, const struct chat_entry *entry,
                                     struct sendq *out)
{
    struct entering *entering = malloc(sizeof(*entering));

    if (entering == NULL)
        return NULL;
    *entering = (struct entering){.out = out,
                                  .channel = retention_channel(chat, entry->room),
                                  .wish = replay_read_wish(entry),
                                  .bans_made = chat->bans.made,
                                  .codec = entry->codec,
                                  .is_packed = entry->is_packed,
                                  .has_name = entry->name.ptr != NULL,
                                  .name_len = (uint8_t)entry->name.len};
    if (entering->channel == NULL) {
        free(entering);
        return NULL;
    }
    if (entry->name.len > 0)
        memcpy(entering->name, entry->name.ptr, entry->name.len);
    entering->has_proof = chat->log->ops->is_shared && entry->codec == CODEC_V1 &&
                          seat_read_key(entry->key, entering->proof);
    entering->channel->waiting++;
    return entering;
}

/* From now on somebody waits to take the seat. */
static int seat_await(struct chat *chat, struct client *seat, const struct chat_entry *entry,
                      struct sendq *out)
{
    struct entering *entering = entering_new(chat, entry, out);

    if (entering == NULL)
        return -1;
    seat->at.entering = entering;
    seat->state = SEAT_AWAITED;
    return 0;
}

static struct str entering_name(const struct entering *entering)
{
    return (struct str){entering->name, entering->name_len};
}

/* ---- who pays ---- */

/* A connection pays for the seat that it has or waits for; a seat without one counts itself. */
static void seat_pay(const struct chat *chat, struct client *client, bool begins)
{
    if (client->pays == begins || client->payer == 0 || chat->is_over)
        return;
    client->pays = begins;
    if (chat->hooks.pay != NULL)
        chat->hooks.pay(chat->hooks.owner, client->payer, begins);
}

/* A connection, which pays from now on, waits for the seat. */
static void seat_set_payer(struct chat *chat, struct client *client, uint32_t payer)
{
    kept_remove(&chat->kept, client);
    seat_pay(chat, client, false);
    client->payer = payer;
}

bool seat_are_all_taken(const struct chat *chat)
{
    return chat->clients.count >= chat->config.max_clients;
}

/* Has a place for one more, where need be that of a kept seat: the oldest of whoever has the most,
 * and where all have one the oldest of all. */
static bool seat_find_place(struct chat *chat)
{
    struct client *first = kept_first_of_most(&chat->kept);

    if (!seat_are_all_taken(chat))
        return true;
    if (first == NULL)
        first = client_table_first(&chat->clients, CLIENT_LIST_AWAY);
    if (first == NULL)
        return false;
    first->stays = false;
    seat_make_due(chat, first);
    seat_advance_due(chat);
    return true;
}

/* ---- connections come and go ---- */

/* The queue of the seat's connection, be it connected or waiting; NULL: it has none. */
static struct sendq *seat_queue(const struct client *client)
{
    const struct entering *entering = client_entering(client);

    return entering != NULL ? entering->out : client_out(client);
}

/* Takes the seat from its connection. Returns what sendq_detach does. */
static int seat_detach(struct chat *chat, struct client *client)
{
    int result = 0;

    if (client->state == SEAT_CONNECTED)
        result = audience_remove(&client->channel->audience, (enum rendition)client->rendition,
                                 client->at.out, LEAVE_KEEP);
    client->is_held = false;
    entering_free(chat, client);
    client->state = SEAT_EMPTY;
    seat_pay(chat, client, true);
    return result;
}

void seat_let_go(struct chat *chat, struct client *client, uint16_t code, const char *reason)
{
    struct sendq *out = seat_queue(client);

    if (out == NULL)
        return;
    seat_detach(chat, client);
    if (!chat->is_over)
        chat->hooks.let_go(out, code, reason);
}

void seat_free(struct chat *chat, struct client *client)
{
    client_table_move(&chat->clients, client, CLIENT_LIST_NONE);
    kept_remove(&chat->kept, client);
    entering_free(chat, client);
    seat_pay(chat, client, false);
    who_forget(chat, client);
    free(client->name);
    client_table_remove(&chat->clients, client);
}

void seat_make_due(struct chat *chat, struct client *client)
{
    if (client->state == SEAT_AWAY)
        client->state = SEAT_EMPTY;
    kept_remove(&chat->kept, client);
    client_table_move(&chat->clients, client, CLIENT_LIST_DUE);
}

/* Puts the welcome and the past behind what is in the queue. */
static int seat_welcome(struct chat *chat, struct client *client, const struct replay *replay)
{
    if (client->codec == CODEC_V1 && replay_welcome(chat, client, replay) < 0)
        return -1;
    return replay_send(chat, client->channel, renditions[client->rendition].plain, replay,
                       client->at.out);
}

/* Connects a member to the queue that waits: what it missed, up to `until`, comes first, then
 * everything from now on. */
static int seat_attach(struct chat *chat, struct client *client, uint64_t until)
{
    const struct entering *entering = client->at.entering;
    struct sendq *out = entering->out;
    enum rendition kind =
        rendition_of(entering->codec, (out->denied & RIGHT_PRS) != 0, entering->is_packed);
    struct replay replay =
        replay_plan(chat, client->channel, renditions[kind].plain, &entering->wish, until);

    if (audience_add(&client->channel->audience, kind, out) < 0)
        return -1;
    client->codec = entering->codec & 15;
    client->rendition = kind & 15;
    entering_free(chat, client);
    client->at.out = out;
    client->state = SEAT_CONNECTED;
    return seat_welcome(chat, client, &replay);
}

/* Was it banned while it waited? */
static bool seat_is_barred(const struct chat *chat, const struct client *client)
{
    const struct entering *entering = client->at.entering;

    return entering->bans_made != chat->bans.made && chat->hooks.is_barred != NULL &&
           chat->hooks.is_barred(entering->out, client->channel->log.name);
}

static void seat_connect(struct chat *chat, struct client *client, uint64_t until)
{
    int result;

    if (seat_is_barred(chat, client)) {
        client->stays = false;
        seat_let_go(chat, client, CLOSE_FORBIDDEN, BANS_REASON);
        seat_make_due(chat, client);
        return;
    }
    result = seat_attach(chat, client, until);

    if (result < 0) {
        /* Who has its key may try again. */
        client->stays = client->is_known;
        seat_let_go(chat, client, WS_CLOSE_TRY_AGAIN_LATER, full_reason);
        seat_make_due(chat, client);
        return;
    }
    who_forget(chat, client);
    client->is_known = client->codec == CODEC_V1;
    chat->hooks.wake(client->at.out);
    ask_release(chat, client);
}

/* ---- the next step ---- */

static void seat_ask(struct chat *chat, struct client *client, struct channel *channel,
                     enum event_kind kind, struct str name)
{
    struct event event = {.kind = kind, .ts = chat->wall, .from = client->id, .name = name};

    ask_log(chat, channel, &event, client);
}

static void seat_ask_join(struct chat *chat, struct client *client)
{
    struct channel *channel = client->at.entering->channel;
    struct event event = {.kind = EVENT_JOIN, .ts = chat->wall, .from = client->id};

    if (channel_reserve_member(channel) < 0) {
        seat_let_go(chat, client, WS_CLOSE_TRY_AGAIN_LATER, full_reason);
        seat_free(chat, client);
        return;
    }
    if (client->has_long_name && client->at.entering->has_name)
        seat_set_name(client, entering_name(client->at.entering));
    event.name = client_name(client);
    if (client->codec == CODEC_V1)
        event.key = (struct str){(const char *)client->key, sizeof(client->key)};
    if (client->at.entering->has_proof)
        event.proof = (struct str){(const char *)client->at.entering->proof, CLIENT_KEY_SIZE};
    if (chat->log->ops->is_shared && chat->hooks.person != NULL)
        event.author = chat->hooks.person(seat_queue(client));
    client->asks = SEAT_ASKS_JOIN;
    ask_log(chat, channel, &event, client);
}

/* The room is told, unless the server ends: then all will leave. A log that lasts keeps those that
 * may come back. */
static void seat_ask_leave(struct chat *chat, struct client *client)
{
    struct channel *channel = client->channel;

    if (chat->is_stopping && chat->log->ops->is_lasting && client->codec == CODEC_V1) {
        channel_remove_member(channel, client);
        seat_free(chat, client);
        retention_tidy(chat, channel);
        return;
    }
    client->asks = SEAT_ASKS_LEAVE;
    seat_ask(chat, client, channel, EVENT_LEAVE, client_name(client));
}

static void seat_go_away(struct chat *chat, struct client *client)
{
    client->state = SEAT_AWAY;
    client->at.seat_until = chat->now + chat->config.leave_grace;
    client_table_move(&chat->clients, client, CLIENT_LIST_AWAY);
    if (!client->is_restored)
        kept_add(&chat->kept, client);
}

static bool seat_renames(const struct client *client)
{
    return client->at.entering->has_name &&
           !str_equals(entering_name(client->at.entering), client_name(client));
}

/* Somebody waits to take a member's seat. What was said from there is settled first, so that it is
 * in the replay: else its owner would say it again. */
static void seat_advance_entering(struct chat *chat, struct client *client)
{
    struct channel *channel = client->channel;

    if (client->at.entering->channel != channel) {
        seat_ask_leave(chat, client);
    } else if (seat_renames(client)) {
        client->asks = SEAT_ASKS_RENAME;
        seat_ask(chat, client, channel, EVENT_RENAME, entering_name(client->at.entering));
    } else if (client->asked == 0) {
        seat_connect(chat, client, channel->log.committed);
    }
}

/* Takes the seat's next step: what that brings may be more. */
static void seat_advance(struct chat *chat, struct client *client)
{
    if (client->asks != SEAT_ASKS_NOTHING)
        return;
    if (client->channel == NULL) {
        if (client->state == SEAT_AWAITED)
            seat_ask_join(chat, client);
        else
            seat_free(chat, client);
    } else if (client->state == SEAT_AWAITED) {
        seat_advance_entering(chat, client);
    } else if (client->state == SEAT_EMPTY) {
        if (client->stays)
            seat_go_away(chat, client);
        else
            seat_ask_leave(chat, client);
    }
}

/* Has the room that the next step would tell something no place for that? */
static bool seat_must_wait(struct chat *chat, const struct client *client)
{
    struct channel *channel = client->channel;

    if (channel == NULL && client->state == SEAT_AWAITED)
        channel = client->at.entering->channel;
    return channel != NULL && ask_is_crammed(chat, channel);
}

void seat_advance_due(struct chat *chat)
{
    struct client_table *clients = &chat->clients;
    struct client *client;

    while ((client = client_table_first(clients, CLIENT_LIST_DUE)) != NULL) {
        bool must_wait = seat_must_wait(chat, client);

        client_table_move(clients, client, must_wait ? CLIENT_LIST_CROWDED : CLIENT_LIST_NONE);
        if (!must_wait)
            seat_advance(chat, client);
    }
    while ((client = client_table_first(clients, CLIENT_LIST_CROWDED)) != NULL)
        client_table_move(clients, client, CLIENT_LIST_DUE);
}

/* ---- asking ---- */

uint32_t chat_replaces(const struct chat *chat, const struct chat_entry *entry)
{
    const struct client *seat = client_table_find(&chat->clients, entry->id);

    return seat != NULL && seat_is_owner(seat, entry) ? seat->payer : 0;
}

struct sendq *chat_queue_of(const struct chat *chat, uint64_t id)
{
    const struct client *seat = client_table_find(&chat->clients, id);

    return seat == NULL ? NULL : seat_queue(seat);
}

struct str chat_room_of(const struct client *client)
{
    const struct entering *entering = client_entering(client);
    const struct channel *channel = entering != NULL ? entering->channel : client->channel;

    return channel != NULL ? channel->log.name : (struct str){NULL, 0};
}

static enum chat_result seat_enter_anew(struct chat *chat, const struct chat_entry *entry,
                                        struct sendq *out, struct client **client)
{
    struct client *seat = NULL;

    if (seat_find_place(chat))
        seat = client_table_add(&chat->clients, entry->id);
    if (seat == NULL)
        return CHAT_FULL;
    seat->payer = entry->payer;
    seat->codec = entry->codec & 15;
    if (entry->codec == CODEC_V1)
        chat->hooks.random(seat->key, sizeof(seat->key));
    if (seat_first_name(seat, entry->name) < 0 || seat_await(chat, seat, entry, out) < 0) {
        seat_free(chat, seat);
        return CHAT_NO_MEMORY;
    }
    *client = seat;
    seat_make_due(chat, seat);
    return CHAT_OK;
}

/* The owner of a seat comes back, maybe in another room, maybe with another name. */
static enum chat_result seat_take_over(struct chat *chat, const struct chat_entry *entry,
                                       struct sendq *out, struct client *seat,
                                       struct client **client)
{
    struct entering *entering = entering_new(chat, entry, out);

    if (entering == NULL)
        return CHAT_NO_MEMORY;
    if (entering->has_name && seat_reserve_name(seat) < 0) {
        ask_done(chat, entering->channel);
        free(entering);
        return CHAT_NO_MEMORY;
    }
    seat_let_go(chat, seat, CLOSE_REPLACED, "this seat was taken over by its owner");
    seat_set_payer(chat, seat, entry->payer);
    seat->at.entering = entering;
    seat->state = SEAT_AWAITED;
    seat->is_restored = false;
    seat->stays = true;
    seat->key_is_hash = seat->key_is_hash && !seat_read_key(entry->key, seat->key);
    *client = seat;
    seat_make_due(chat, seat);
    return CHAT_OK;
}

/* An id that is about to be free: who wants it waits for the leave of who had it. */
static enum chat_result seat_enter_next(struct chat *chat, const struct chat_entry *entry,
                                        struct sendq *out, struct client *seat,
                                        struct client **client)
{
    if (seat->asks != SEAT_ASKS_LEAVE || seat->state == SEAT_AWAITED)
        return CHAT_ID_TAKEN;
    if (seat_reserve_name(seat) < 0 || seat_await(chat, seat, entry, out) < 0)
        return CHAT_NO_MEMORY;
    seat_set_payer(chat, seat, entry->payer);
    seat->at.entering->is_new = true;
    *client = seat;
    return CHAT_OK;
}

/* The seat is another client's from now on. */
static void seat_begin_anew(struct chat *chat, struct client *client)
{
    client->generation++;
    client->codec = client->at.entering->codec & 15;
    client->is_known = client->stays = false;
    seat_set_name(client, entering_name(client->at.entering));
    if (client->codec == CODEC_V1)
        chat->hooks.random(client->key, sizeof(client->key));
}

enum chat_result chat_enter(struct chat *chat, const struct chat_entry *entry, struct sendq *out,
                            struct client **client)
{
    struct client *seat = client_table_find(&chat->clients, entry->id);
    enum chat_result result;

    if (seat == NULL)
        result = seat_enter_anew(chat, entry, out, client);
    else if (!seat_is_owner(seat, entry) ||
             (seat->state == SEAT_AWAITED && seat->at.entering->is_new))
        result = seat_enter_next(chat, entry, out, seat, client);
    else
        result = seat_take_over(chat, entry, out, seat, client);
    seat_advance_due(chat);
    return result;
}

/* A seat whose key somebody knows is kept for a while after a connection that broke. */
static bool seat_may_stay(const struct chat *chat, const struct client *client, bool is_broken)
{
    return is_broken && client->is_known && chat->config.leave_grace > 0 && !chat->is_stopping;
}

int chat_leave(struct chat *chat, struct client *client, bool is_broken)
{
    bool stays = seat_may_stay(chat, client, is_broken);
    int result;

    if (stays)
        who_note(chat, client);
    result = seat_detach(chat, client);
    client->stays = stays;
    seat_make_due(chat, client);
    seat_advance_due(chat);
    return result;
}

int seat_rename(struct chat *chat, struct client *client, struct str name, struct str ref)
{
    struct event event = {
        .kind = EVENT_RENAME, .ts = chat->wall, .from = client->id, .name = name, .ref = ref};

    if (seat_reserve_name(client) < 0)
        return -1;
    client->asks = SEAT_ASKS_RENAME;
    ask_log(chat, client->channel, &event, client);
    return 0;
}

/* ---- having ---- */

/* It was elsewhere, and its owner has it here now. */
static void seat_moved_here(struct chat *chat, struct channel *channel, struct client *seat)
{
    struct str name = elsewhere_name(&channel->elsewhere, &chat->config.seed, seat->id);

    channel_add_member(channel, seat);
    slow_note_entered(chat, seat);
    if (name.ptr != NULL && seat_reserve_name(seat) == 0)
        seat_set_name(seat, name);
    elsewhere_remove(&channel->elsewhere, &chat->config.seed, seat->id);
    if (seat->state == SEAT_AWAITED && seat->at.entering->has_proof)
        memcpy(seat->key, seat->at.entering->proof, CLIENT_KEY_SIZE);
    seat->stays = seat->is_known = true;
    seat_make_due(chat, seat);
}

static void seat_joined(struct chat *chat, struct channel *channel, struct event *event,
                        struct client *seat, uint32_t word)
{
    channel_add_member(channel, seat);
    slow_note_entered(chat, seat);
    elsewhere_remove(&channel->elsewhere, &chat->config.seed, seat->id);
    client_table_set_word(&chat->clients, seat, word);
    event->count = channel_count(channel);
    publish_event(chat, channel, event, NULL, word);
    if (seat->state == SEAT_AWAITED && seat->at.entering->channel == channel && !seat_renames(seat))
        seat_connect(chat, seat, event->seq - 1);
    else
        seat_make_due(chat, seat);
}

static void seat_left(struct chat *chat, struct channel *channel, struct event *event,
                      struct client *seat, uint32_t word)
{
    event->count = channel_count(channel) - 1;
    if (event->seq == 0)
        event->count = 0; /* nobody is told: the room has heard of it already */
    else if (!chat->is_stopping)
        publish_event(chat, channel, event, NULL, word);
    else if (chat->log->ops->forgotten != NULL)
        chat->log->ops->forgotten(chat->log, &channel->log, word);
    channel_remove_member(channel, seat);
    if (seat->state != SEAT_AWAITED) {
        seat_free(chat, seat);
        return;
    }
    if (seat->at.entering->is_new)
        seat_begin_anew(chat, seat);
    seat_make_due(chat, seat);
}

static void seat_renamed(struct chat *chat, struct channel *channel, const struct event *event,
                         struct client *seat, uint32_t word)
{
    seat_set_name(seat, event->name);
    publish_event(chat, channel, event, NULL, word);
    if (seat->state == SEAT_AWAITED && seat->at.entering->channel == channel)
        seat_connect(chat, seat, event->seq);
    else
        seat_make_due(chat, seat);
    ask_release(chat, seat);
}

/* ---- seats elsewhere ---- */

void seat_evict(struct chat *chat, struct channel *channel, uint64_t id, bool has_moved)
{
    struct client *seat = client_table_find(&chat->clients, id);

    if (seat == NULL || seat->channel != channel)
        return;
    seat_let_go(chat, seat, has_moved ? CLOSE_REPLACED : WS_CLOSE_SERVICE_RESTART,
                has_moved ? "this seat was taken over by its owner" : lost_reason);
    if (has_moved)
        (void)elsewhere_put(&channel->elsewhere, &chat->config.seed, id, client_name(seat));
    channel_remove_member(channel, seat);
    seat_free(chat, seat);
}

static void seat_note_elsewhere(struct chat *chat, struct channel *channel,
                                const struct event *event)
{
    const struct hash_seed *seed = &chat->config.seed;
    struct elsewhere *elsewhere = &channel->elsewhere;

    /* Without memory its number is wrong until it leaves: what is told of it stays right. */
    if (event->kind == EVENT_LEAVE)
        elsewhere_remove(elsewhere, seed, event->from);
    else if (event->kind == EVENT_JOIN || elsewhere_has(elsewhere, seed, event->from))
        (void)elsewhere_put(elsewhere, seed, event->from, event->name);
}

/* Nobody here asked for it. A leave of somebody who sits here was told by others, who took this
 * server for dead: it has no seat any more. */
void seat_told_elsewhere(struct chat *chat, struct channel *channel, const struct event *event,
                         uint32_t word)
{
    const struct client *seat = client_table_find(&chat->clients, event->from);
    bool is_lost =
        event->kind == EVENT_LEAVE && event->seq > 0 && seat != NULL && seat->channel == channel;
    struct event own = *event;

    channel->waiting += is_lost; /* it stays until all is done */
    if (is_lost)
        seat_evict(chat, channel, event->from, false);
    seat_note_elsewhere(chat, channel, event);
    own.count = channel_count(channel);
    if (event->seq > 0)
        publish_event(chat, channel, &own, NULL, word);
    if (is_lost)
        ask_done(chat, channel);
}

void seat_let_all_go(struct chat *chat, struct channel *channel)
{
    for (size_t i = 0; i < channel->member_count; i++) {
        struct client *seat = channel->members[i];

        if (seat_queue(seat) == NULL)
            continue;
        seat->stays = seat->is_known;
        if (client_out(seat) != NULL)
            who_note(chat, seat);
        seat_let_go(chat, seat, WS_CLOSE_SERVICE_RESTART, lost_reason);
        if (seat->asks == SEAT_ASKS_NOTHING)
            seat_make_due(chat, seat);
    }
}

void seat_committed(struct chat *chat, struct channel *channel, const struct event *event,
                    struct client *seat, uint32_t word)
{
    struct event own = *event;

    if (seat == NULL) {
        if (chat->log->ops->is_shared)
            seat_told_elsewhere(chat, channel, event, word);
        return;
    }
    seat->asks = SEAT_ASKS_NOTHING;
    if (event->kind == EVENT_JOIN && event->seq == 0)
        seat_moved_here(chat, channel, seat);
    else if (event->kind == EVENT_JOIN)
        seat_joined(chat, channel, &own, seat, word);
    else if (event->kind == EVENT_LEAVE)
        seat_left(chat, channel, &own, seat, word);
    else
        seat_renamed(chat, channel, &own, seat, word);
}

/* ---- what a log brings back ---- */

/* A seat as a log knows it: its connection is gone. NULL where there is no place for it, and then
 * nobody will miss it. */
static struct client *seat_revive(struct chat *chat, struct channel *channel,
                                  const struct event *join)
{
    struct client *seat = client_table_add(&chat->clients, join->from);

    if (seat == NULL)
        return NULL;
    if (seat_first_name(seat, join->name) < 0 || channel_reserve_member(channel) < 0) {
        seat_free(chat, seat);
        return NULL;
    }
    channel_add_member(channel, seat);
    seat->is_restored = true;
    seat_make_due(chat, seat);
    return seat;
}

static void seat_forget(struct chat *chat, struct client *seat)
{
    struct channel *channel = seat->channel;

    channel_remove_member(channel, seat);
    seat_free(chat, seat);
    retention_tidy(chat, channel);
}

/* A seat that is told of again is as it is told now. */
static void seat_restore_join(struct chat *chat, struct channel *channel, const struct event *join,
                              uint32_t word)
{
    struct client *seat = client_table_find(&chat->clients, join->from);

    if (seat != NULL && seat->channel != channel) {
        seat_forget(chat, seat);
        seat = NULL;
    }
    if (seat == NULL)
        seat = seat_revive(chat, channel, join);
    else if (seat_reserve_name(seat) == 0)
        seat_set_name(seat, join->name);
    if (seat == NULL)
        return;
    /* A join that was written again, because its segment went, has no key: the seat that is told of
     * behind it has. */
    seat->codec = (join->key.ptr != NULL ? CODEC_V1 : CODEC_TEXT) & 15;
    seat->stays = seat->is_known = seat->codec == CODEC_V1;
    client_table_set_word(&chat->clients, seat, word);
    seat->key_is_hash = join->key_is_hash;
    if (join->key.len == CLIENT_KEY_SIZE)
        memcpy(seat->key, join->key.ptr, CLIENT_KEY_SIZE);
}

void seat_restore(struct chat *chat, struct channel *channel, const struct event *event,
                  uint32_t word)
{
    struct client *seat = client_table_find(&chat->clients, event->from);
    struct event own = *event;
    bool is_here = seat != NULL && seat->channel == channel;

    channel->waiting++; /* it stays until all is done */
    if (event->kind == EVENT_JOIN)
        seat_restore_join(chat, channel, event, word);
    else if (event->kind == EVENT_LEAVE && is_here)
        seat_forget(chat, seat);
    else if (event->kind == EVENT_RENAME && is_here && seat_reserve_name(seat) == 0)
        seat_set_name(seat, event->name);
    own.count = channel->member_count;
    if (event->seq > 0)
        publish_event(chat, channel, &own, NULL, word);
    ask_done(chat, channel);
}

/* ---- being refused ---- */

const char *seat_refusal_code(enum log_refusal why)
{
    static const char *const codes[] = {
        [LOG_REFUSED_MEMORY] = "memory",
        [LOG_REFUSED_JOURNAL] = "journal",
        [LOG_REFUSED_UNAVAILABLE] = "unavailable",
        [LOG_REFUSED_STOPPED] = "unavailable",
        [LOG_REFUSED_TAKEN] = "moved",
        [LOG_REFUSED_ABSENT] = "no-such-client",
        [LOG_REFUSED_AWAY] = "away",
        [LOG_REFUSED_BUSY] = "busy",
        [LOG_REFUSED_SAID] = "said",
        [LOG_REFUSED_OTHER] = "said",
    };

    return codes[why];
}

const char *seat_refusal_text(enum log_refusal why)
{
    static const char *const texts[] = {
        [LOG_REFUSED_MEMORY] = "the server is out of memory: try again later",
        [LOG_REFUSED_JOURNAL] = "the server cannot write its journal: try again later",
        [LOG_REFUSED_UNAVAILABLE] = "the rooms are not available: try again later",
        [LOG_REFUSED_STOPPED] = "the server is shutting down",
        [LOG_REFUSED_TAKEN] = "this id is in use elsewhere",
        [LOG_REFUSED_ABSENT] = "nobody in this room has that id",
        [LOG_REFUSED_AWAY] = "that client is reconnecting: try again in a moment",
        [LOG_REFUSED_BUSY] = "that client has too much to read already",
        [LOG_REFUSED_SAID] = "this was said before",
        [LOG_REFUSED_OTHER] = "This Idempotency-Key was used for another message before.",
    };

    return texts[why];
}

/* It is owed a leave: its room hears of it as soon as that can be. */
static void seat_owe(struct chat *chat, struct client *client)
{
    if (client_table_first(&chat->clients, CLIENT_LIST_OWED) == NULL)
        chat->owed_until = chat->now + OWED_AFTER;
    client_table_move(&chat->clients, client, CLIENT_LIST_OWED);
}

static void seat_refuse_rename(struct chat *chat, struct client *client, struct str ref,
                               enum log_refusal why)
{
    if (client->state == SEAT_CONNECTED &&
        ask_tell_error(chat, client, seat_refusal_code(why), seat_refusal_text(why), ref) < 0)
        chat->hooks.wake(client->at.out);
    ask_release(chat, client);
    if (client->state != SEAT_CONNECTED)
        seat_make_due(chat, client);
}

void seat_refused(struct chat *chat, struct channel *channel, const struct event *event,
                  struct client *seat, enum log_refusal why)
{
    if (event->kind == EVENT_JOIN)
        channel_unreserve_member(channel);
    if (seat == NULL)
        return;
    seat->asks = SEAT_ASKS_NOTHING;
    if (event->kind == EVENT_LEAVE && seat->state != SEAT_AWAITED) {
        seat_owe(chat, seat);
        return;
    }
    if (event->kind == EVENT_RENAME && seat->state != SEAT_AWAITED) {
        seat_refuse_rename(chat, seat, event->ref, why);
        return;
    }
    seat_let_go(chat, seat, why == LOG_REFUSED_TAKEN ? CLOSE_ID_IN_USE : WS_CLOSE_TRY_AGAIN_LATER,
                seat_refusal_text(why));
    seat_make_due(chat, seat);
}

/* ---- time ---- */

void seat_expire(struct chat *chat)
{
    struct client_table *clients = &chat->clients;
    struct client *client;

    while (chat->owed_until <= chat->now &&
           (client = client_table_first(clients, CLIENT_LIST_OWED)) != NULL)
        seat_make_due(chat, client);
    for (int i = 0; i < GIVEN_UP_AT_ONCE; i++) {
        client = client_table_first(clients, CLIENT_LIST_AWAY);
        if (client == NULL || client->at.seat_until > chat->now)
            break;
        client->stays = false;
        seat_make_due(chat, client);
    }
    seat_advance_due(chat);
}
