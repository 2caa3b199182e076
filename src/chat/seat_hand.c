#include "chat/seat_hand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chat/entering.h"
#include "chat/who.h"

/* ---- places ---- */

static void seat_hand_flags(struct hand_writer *w, const struct client *client)
{
    hand_put_bool(w, client->stays);
    hand_put_bool(w, client->is_known);
    hand_put_bool(w, client->is_held);
    hand_put_bool(w, client->is_restored);
    hand_put_bool(w, client->pays);
    hand_put_bool(w, client->key_is_hash);
}

/* Who waits to enter comes later: until then nobody has the seat. */
static void seat_hand(struct hand_writer *w, const struct chat *chat, const struct client *client)
{
    hand_put_u8(w, client->state == SEAT_AWAITED ? SEAT_EMPTY : client->state);
    if (client->state == SEAT_AWAY)
        hand_put_u64(w, client->at.seat_until);
    hand_put_u32(w, client->payer);
    hand_put_u8(w, client->codec);
    hand_put_u8(w, client->rendition);
    seat_hand_flags(w, client);
    hand_put_raw(w, client->key, sizeof(client->key));
    hand_put_bytes(w, client->name, client->name_len);
    hand_put_bool(w, client->has_long_name);
    hand_put_u32(w, *client_table_word(&chat->clients, client));
    hand_put_u32(w, client_out(client) != NULL ? client->at.out->slot : 0);
    who_hand(w, chat, client);
}

/* Times belong to places, whoever is there. */
static void seat_hand_place(struct hand_writer *w, const struct chat *chat, size_t place)
{
    const struct client *client = &chat->clients.clients[place];

    hand_put_u64(w, client->id);
    hand_put_u32(w, client->generation);
    hand_put_u64(w, chat->spoke != NULL ? chat->spoke[place] : 0);
    hand_put_u64(w, chat->typing_from != NULL ? chat->typing_from[place] : 0);
    if (client->id != 0)
        seat_hand(w, chat, client);
}

void seats_hand(struct hand_writer *w, uint16_t type, const struct chat *chat)
{
    const struct client_table *t = &chat->clients;
    size_t place = 0;

    hand_begin(w, type);
    hand_put_u32(w, (uint32_t)t->used);
    hand_end(w);
    while (place < t->used && !w->is_failed) {
        hand_begin(w, type);
        while (place < t->used && !hand_is_long(w))
            seat_hand_place(w, chat, place++);
        hand_end(w);
    }
    hand_begin(w, type);
    client_table_hand_free(w, t);
    hand_end(w);
}

static void seat_take_state(struct hand_reader *r, struct client *client)
{
    uint8_t state = hand_get_u8(r);

    hand_check(r, state == SEAT_EMPTY || state == SEAT_CONNECTED || state == SEAT_AWAY,
               "a seat is in no state that there is");
    if (!hand_is_good(r))
        return;
    client->state = state == SEAT_AWAY        ? SEAT_AWAY
                    : state == SEAT_CONNECTED ? SEAT_CONNECTED
                                              : SEAT_EMPTY;
    if (state == SEAT_AWAY)
        client->at.seat_until = hand_get_u64(r);
}

static void seat_take_flags(struct hand_reader *r, struct client *client)
{
    client->stays = hand_get_bool(r);
    client->is_known = hand_get_bool(r);
    client->is_held = hand_get_bool(r);
    client->is_restored = hand_get_bool(r);
    client->pays = hand_get_bool(r);
    client->key_is_hash = hand_get_bool(r);
}

static void seat_take_name(struct hand_reader *r, struct client *client)
{
    struct str name = hand_get_bytes(r, CODEC_NAME_MAX);
    bool is_long = hand_get_bool(r);

    if (!hand_check(r, name.len == 0 || codec_name_is_valid(name), "a name is none") ||
        (name.len == 0 && !is_long))
        return;
    client->name = malloc(is_long ? CODEC_NAME_MAX : name.len);
    if (client->name == NULL) {
        hand_fail(r, "out of memory");
        return;
    }
    if (name.len > 0)
        memcpy(client->name, name.ptr, name.len);
    client->name_len = (uint8_t)name.len;
    client->has_long_name = is_long;
}

/* Times are kept where somebody wants them. */
static void seat_take_times(struct hand_reader *r, struct chat *chat, uint32_t place)
{
    uint64_t spoke = hand_get_u64(r), typing_from = hand_get_u64(r);

    if (spoke != 0 && chat->spoke == NULL)
        chat->spoke = calloc(chat->clients.capacity, sizeof(uint64_t));
    hand_check(r, spoke == 0 || chat->spoke != NULL, "out of memory");
    if (chat->spoke != NULL)
        chat->spoke[place] = spoke;
    if (chat->typing_from != NULL)
        chat->typing_from[place] = typing_from;
}

/* The place among the readers of its room is kept until its connection comes. */
static void seat_take_slot(struct hand_reader *r, struct chat *chat, const struct client *client)
{
    uint32_t *slots = (uint32_t *)(void *)chat->taking.slots.data;

    slots[client_table_place(&chat->clients, client)] = hand_get_u32(r);
}

static void seat_take(struct hand_reader *r, struct chat *chat, struct client *client)
{
    seat_take_state(r, client);
    client->payer = (uint32_t)hand_upto(r, hand_get_u32(r), chat->config.payers);
    client->codec = hand_upto(r, hand_get_u8(r), CODEC_KINDS - 1) & 15;
    client->rendition = hand_upto(r, hand_get_u8(r), RENDITIONS - 1) & 15;
    seat_take_flags(r, client);
    hand_get_raw(r, client->key, sizeof(client->key));
    seat_take_name(r, client);
    client_table_set_word(&chat->clients, client, hand_get_u32(r));
    seat_take_slot(r, chat, client);
    who_take(r, chat, client);
}

static void seat_take_place(struct hand_reader *r, struct chat *chat)
{
    uint64_t id = hand_upto(r, hand_get_u64(r), CODEC_ID_MAX);
    uint32_t generation = hand_get_u32(r);
    const uint32_t no_slot = 0;
    struct client *client;

    seat_take_times(r, chat, (uint32_t)chat->clients.used);
    if (buf_append(&chat->taking.slots, &no_slot, sizeof(no_slot)) < 0)
        hand_fail(r, "out of memory");
    if (!hand_is_good(r))
        return;
    client = client_table_take(&chat->clients, id, generation);
    if (client != NULL)
        seat_take(r, chat, client);
    else
        hand_check(r, id == 0, "two seats have one id");
}

void seats_take(struct hand_reader *r, uint16_t type, struct chat *chat)
{
    struct client_table *t = &chat->clients;
    size_t used;

    hand_expect(r, type);
    used = hand_get_u32(r);
    if (!hand_check(r, used <= t->capacity, "there are more seats than --max-clients allows"))
        return;
    while (t->used < used && hand_expect(r, type)) {
        do
            seat_take_place(r, chat);
        while (hand_is_good(r) && hand_left(r) > 0 && t->used < used);
    }
    hand_expect(r, type);
    client_table_take_free(r, t);
}

struct client *seat_taken(struct hand_reader *r, const struct chat *chat, uint32_t place)
{
    const struct client_table *t = &chat->clients;

    if (place < t->used && t->clients[place].id != 0)
        return &t->clients[place];
    hand_fail(r, "nobody has a seat that is named");
    return NULL;
}

/* ---- who waits, and for what ---- */

static void entering_hand(struct hand_writer *w, const struct entering *entering)
{
    hand_put_str(w, entering->channel->log.name);
    hand_put_u64(w, entering->wish.epoch);
    hand_put_u64(w, entering->wish.seq);
    hand_put_u64(w, entering->wish.history);
    hand_put_bool(w, entering->wish.has_position);
    hand_put_u64(w, entering->bans_made);
    hand_put_u8(w, (uint8_t)entering->codec);
    hand_put_bool(w, entering->has_proof);
    hand_put_bool(w, entering->is_new);
    hand_put_bool(w, entering->is_packed);
    hand_put_bool(w, entering->has_name);
    hand_put_raw(w, entering->proof, sizeof(entering->proof));
    hand_put_bytes(w, entering->name, entering->name_len);
}

static void seats_hand_entering(struct hand_writer *w, const struct chat *chat)
{
    for (size_t i = 0; i < chat->clients.used; i++) {
        const struct client *client = &chat->clients.clients[i];

        if (client->id == 0 || client_entering(client) == NULL)
            continue;
        hand_put_bool(w, true);
        hand_put_u32(w, client_table_place(&chat->clients, client));
        entering_hand(w, client_entering(client));
    }
    hand_put_bool(w, false);
}

static void seats_hand_list(struct hand_writer *w, const struct client_table *t,
                            enum client_list list)
{
    uint32_t link = t->lists[list].first;

    for (; link != 0; link = t->clients[link - 1].next)
        hand_put_u32(w, link);
    hand_put_u32(w, 0);
}

void seats_hand_waiting(struct hand_writer *w, uint16_t type, const struct chat *chat)
{
    hand_begin(w, type);
    seats_hand_entering(w, chat);
    for (int list = CLIENT_LIST_AWAY; list < CLIENT_LISTS; list++)
        seats_hand_list(w, &chat->clients, (enum client_list)list);
    hand_put_u64(w, chat->owed_until);
    hand_end(w);
    kept_hand(w, type, &chat->kept);
}

static void entering_take_name(struct hand_reader *r, struct entering *entering)
{
    struct str name = hand_get_bytes(r, CODEC_NAME_MAX);

    hand_check(r, name.len == 0 || codec_name_is_valid(name), "a name is none");
    if (!hand_is_good(r) || name.len == 0)
        return;
    memcpy(entering->name, name.ptr, name.len);
    entering->name_len = (uint8_t)name.len;
}

static void entering_take(struct hand_reader *r, const struct chat *chat, struct entering *entering)
{
    struct str room = hand_get_bytes(r, CODEC_NAME_MAX);

    *entering = (struct entering){.channel = channel_table_find(&chat->channels, room)};
    entering->wish.epoch = hand_get_u64(r);
    entering->wish.seq = hand_get_u64(r);
    entering->wish.history = hand_get_u64(r);
    entering->wish.has_position = hand_get_bool(r);
    entering->bans_made = hand_get_u64(r);
    entering->codec = (enum codec_kind)hand_upto(r, hand_get_u8(r), CODEC_KINDS - 1);
    entering->has_proof = hand_get_bool(r);
    entering->is_new = hand_get_bool(r);
    entering->is_packed = hand_get_bool(r);
    entering->has_name = hand_get_bool(r);
    hand_get_raw(r, entering->proof, sizeof(entering->proof));
    entering_take_name(r, entering);
    hand_check(r, entering->channel != NULL, "somebody waits for a room that is not there");
}

/* A seat that is to have another name has memory for it from when somebody began to wait. */
static bool seat_can_be_named(const struct client *client, const struct entering *entering)
{
    struct str name = {entering->name, entering->name_len};

    return client->has_long_name ||
           (!entering->is_new && (!entering->has_name || str_equals(name, client_name(client))));
}

static void seat_take_entering(struct hand_reader *r, struct chat *chat)
{
    struct client *client = seat_taken(r, chat, hand_get_u32(r));
    struct entering *entering = malloc(sizeof(*entering));

    if (entering == NULL) {
        hand_fail(r, "out of memory");
        return;
    }
    entering_take(r, chat, entering);
    if (!hand_check(
            r, client != NULL && client->state == SEAT_EMPTY && seat_can_be_named(client, entering),
            "somebody waits for a seat that cannot be had")) {
        free(entering);
        return;
    }
    entering->channel->waiting++;
    client->at.entering = entering;
    client->state = SEAT_AWAITED;
}

static void seats_take_list(struct hand_reader *r, struct chat *chat, enum client_list list)
{
    uint32_t link;

    while (hand_is_good(r) && (link = hand_get_u32(r)) != 0) {
        struct client *client = seat_taken(r, chat, link - 1);

        if (!hand_check(r, client != NULL && client->list == CLIENT_LIST_NONE,
                        "a seat waits twice"))
            return;
        client_table_move(&chat->clients, client, list);
    }
}

/* Seats that are kept (see seat_go_away), in the order in which they wait. */
static void seats_take_kept(struct chat *chat)
{
    const struct client_table *t = &chat->clients;
    uint32_t link = t->lists[CLIENT_LIST_AWAY].first;

    for (; link != 0; link = t->clients[link - 1].next) {
        struct client *client = &t->clients[link - 1];

        if (client->state == SEAT_AWAY && !client->is_restored)
            kept_add(&chat->kept, client);
    }
}

void seats_take_waiting(struct hand_reader *r, uint16_t type, struct chat *chat)
{
    hand_expect(r, type);
    while (hand_get_bool(r))
        seat_take_entering(r, chat);
    for (int list = CLIENT_LIST_AWAY; list < CLIENT_LISTS; list++)
        seats_take_list(r, chat, (enum client_list)list);
    chat->owed_until = hand_get_u64(r);
    seats_take_kept(chat);
    hand_expect(r, type);
    kept_take(r, &chat->kept);
}

/* ---- connections ---- */

uint32_t chat_hand_seat(const struct chat *chat, const struct client *client)
{
    return client_table_place(&chat->clients, client);
}

static bool seat_has_rendition(const struct client *client)
{
    enum rendition kind = (enum rendition)client->rendition;

    return renditions[kind].codec == (enum codec_kind)client->codec && kind != RENDITION_EVENTS &&
           kind != RENDITION_EVENTS_QUIET;
}

static bool seat_take_out(struct hand_reader *r, struct chat *chat, struct client *client,
                          struct sendq *out)
{
    const uint32_t *slots = (const uint32_t *)(const void *)chat->taking.slots.data;
    bool can = client->state == SEAT_CONNECTED && client->channel != NULL &&
               client->at.out == NULL && seat_has_rendition(client);

    if (!hand_check(r, can, "a seat cannot have its connection") ||
        !audience_take_reader(r, &client->channel->audience, (enum rendition)client->rendition, out,
                              slots[client_table_place(&chat->clients, client)],
                              &chat->taking.readers))
        return false;
    client->at.out = out;
    return true;
}

struct client *chat_take_seat(struct hand_reader *r, struct chat *chat, uint32_t number,
                              struct sendq *out)
{
    struct client *client = seat_taken(r, chat, number);

    if (client == NULL)
        return NULL;
    if (client->state != SEAT_AWAITED)
        return seat_take_out(r, chat, client, out) ? client : NULL;
    if (!hand_check(r, client->at.entering->out == NULL, "two connections wait for one seat"))
        return NULL;
    client->at.entering->out = out;
    return client;
}

/* ---- is all of it right? ---- */

static bool seat_is_due(const struct client *client)
{
    return client->list == CLIENT_LIST_DUE || client->list == CLIENT_LIST_CROWDED;
}

/* A seat without a connection counts itself, if anybody pays for it at all. */
static bool seat_is_paid(const struct client *client)
{
    return client->payer == 0 || client->pays;
}

/* Nothing waits for the log, so each seat has a connection or waits for something. */
static bool seat_is_whole(const struct client *client)
{
    switch ((enum seat_state)client->state) {
    case SEAT_CONNECTED:
        return client->channel != NULL && client->at.out != NULL &&
               (client->list == CLIENT_LIST_NONE || seat_is_due(client));
    case SEAT_AWAITED:
        return client->at.entering->out != NULL && seat_is_due(client);
    case SEAT_AWAY:
        return client->channel != NULL && client->list == CLIENT_LIST_AWAY && seat_is_paid(client);
    case SEAT_EMPTY:
        return seat_is_paid(client) && (seat_is_due(client) || (client->list == CLIENT_LIST_OWED &&
                                                                client->channel != NULL));
    }
    return false;
}

bool seats_are_whole(struct hand_reader *r, const struct chat *chat)
{
    for (size_t i = 0; i < chat->clients.used; i++) {
        const struct client *client = &chat->clients.clients[i];

        if (client->id != 0 && !hand_check(r, seat_is_whole(client), "a seat is not whole"))
            return false;
    }
    return hand_is_good(r);
}
