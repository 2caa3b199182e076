#include "chat/chat.h"

#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "chat/ask.h"
#include "chat/bans.h"
#include "chat/command.h"
#include "chat/marks.h"
#include "chat/moderation.h"
#include "chat/post.h"
#include "chat/publish.h"
#include "chat/retention.h"
#include "chat/seat.h"
#include "chat/slow.h"
#include "proto/ws/frame.h"

/* How much longer a text may get in JSON, where a control character becomes six. */
#define JSON_GROWTH 6

/* Rooms that are kept for their history may be many more than the clients. */
#define ROOM_BUCKETS_MIN 1024

/* A room that nothing was published in for so many milliseconds gives its rings' memory back. */
#define QUIET_AFTER 10000

/* The work of serving rooms in a tick, in the units of what is given to chat_serve, and how much of
 * it goes to a room before others have their turn. One half is for those that have begun. */
#define SERVING 2000
#define SERVING_SHARE 1000

/* ---- what the log calls ---- */

/* The last of what a seat has asked for may be what others wait for. */
static void chat_go_on(struct chat *chat, struct client *seat)
{
    ask_release(chat, seat);
    if (seat->asked == 0 && client_entering(seat) != NULL)
        seat_make_due(chat, seat);
}

static void chat_refuse_message(struct chat *chat, struct client *author, const struct event *event,
                                enum log_refusal why)
{
    if (client_out(author) == NULL || chat->is_over) {
        chat_go_on(chat, author);
        return;
    }
    if (author->codec == CODEC_TEXT) {
        seat_let_go(chat, author, WS_CLOSE_TRY_AGAIN_LATER, seat_refusal_text(why));
        seat_make_due(chat, author);
    } else if (ask_tell_error(chat, author, seat_refusal_code(why), seat_refusal_text(why),
                              event->ref) < 0) {
        chat->hooks.wake(author->at.out);
    }
}

/* By a member, in place of what a seat has asked for. */
static bool chat_is_said(const struct event *event)
{
    return event->kind == EVENT_MESSAGE || event->kind == EVENT_REACT ||
           event->kind == EVENT_RETRACT || event->kind == EVENT_SLOW;
}

/* To somebody elsewhere, for whom alone it is. */
static bool chat_is_errand(const struct event *event)
{
    return event->kind == EVENT_DIRECT || event->kind == EVENT_KICK || event->kind == EVENT_WHO;
}

static bool chat_is_ban(const struct event *event)
{
    return event->kind == EVENT_BAN || event->kind == EVENT_LIFT;
}

/* A log that brings a message back brings its author's seat back before. */
static struct client *chat_find_author(const struct chat *chat, const struct channel *channel,
                                       const struct event *event)
{
    struct client *seat = NULL;

    if (!chat->log->ops->is_shared && !event->is_posted && event->from != 0)
        seat = client_table_find(&chat->clients, event->from);
    return seat != NULL && seat->channel == channel ? seat : NULL;
}

static void chat_said(struct chat *chat, struct channel *channel, const struct event *event,
                      struct client *author, const struct log_ticket *ticket, uint32_t word)
{
    publish_event(chat, channel, event, author, word);
    /* Who speaks is told first: its next message can come while the others are told. */
    if (ticket != NULL && author != NULL && client_out(author) != NULL)
        chat->hooks.wake(author->at.out);
    if (ticket != NULL && channel->slow > 0)
        slow_retell(chat, channel);
}

static void chat_on_committed(void *owner, struct log_channel *log_channel,
                              const struct event *event, const struct log_ticket *ticket,
                              uint32_t word)
{
    struct chat *chat = owner;
    struct channel *channel = channel_of(log_channel);
    struct client *seat = ticket != NULL ? ask_settle(chat, ticket) : NULL;

    if (event->seq > 0)
        log_channel->committed = event->seq;
    if (chat_is_said(event))
        chat_said(chat, channel, event,
                  ticket != NULL ? seat : chat_find_author(chat, channel, event), ticket, word);
    else if (chat_is_errand(event))
        command_delivered(chat, seat, event);
    else if (chat_is_ban(event))
        moderation_committed(chat, channel, event, seat, ticket, word);
    else if (ticket == NULL && chat->log->ops->is_shared)
        seat_told_elsewhere(chat, channel, event, word);
    else if (ticket == NULL)
        seat_restore(chat, channel, event, word);
    else
        seat_committed(chat, channel, event, seat, word);
    if (ticket == NULL)
        return;
    if (ticket->kind == CHAT_ASKER_POST)
        post_committed(ticket, event);
    if (seat != NULL)
        chat_go_on(chat, seat);
    ask_done(chat, channel);
}

static void chat_on_refused(void *owner, struct log_channel *log_channel, const struct event *event,
                            const struct log_ticket *ticket, enum log_refusal why)
{
    struct chat *chat = owner;
    struct channel *channel = channel_of(log_channel);
    struct client *seat = ask_settle(chat, ticket);

    if (chat_is_ban(event))
        bans_settled(chat, event);
    if (ticket->kind == CHAT_ASKER_POST)
        post_refused(ticket, event, why);
    else if (!chat_is_said(event) && !chat_is_errand(event) && !chat_is_ban(event))
        seat_refused(chat, channel, event, seat, why);
    else if (seat != NULL)
        chat_refuse_message(chat, seat, event, why);
    ask_done(chat, channel);
}

static bool chat_has_room(void *owner, struct log_channel *log_channel)
{
    const struct chat *chat = owner;

    return audience_has_room(&channel_of(log_channel)->audience, chat->longest);
}

static struct log_channel *chat_find_channel(void *owner, struct str name)
{
    struct channel *channel = retention_channel(owner, name);

    return channel == NULL ? NULL : &channel->log;
}

static void chat_walk_channels(void *owner, void (*each)(void *arg, struct log_channel *channel),
                               void *arg)
{
    const struct chat *chat = owner;

    for (size_t i = 0; i < chat->channels.size; i++) {
        for (struct channel *c = chat->channels.buckets[i]; c != NULL; c = c->next_in_bucket)
            each(arg, &c->log);
    }
}

static void chat_walk_records(void *owner, struct log_channel *log_channel,
                              void (*each)(void *arg, const struct event *event, uint32_t *word),
                              void *arg)
{
    struct channel *channel = channel_of(log_channel);
    struct history_place places[] = {{&channel->messages, 0},
                                     {&channel->presence, 0},
                                     {&channel->marks, 0},
                                     {&channel->rules, 0}};
    struct record *record;

    log_channel->marks_gone = channel->marks.gone;
    if (channel == ((struct chat *)owner)->bans.channel)
        bans_walk(owner, each, arg);
    while ((record = history_next(places, ARRAY_LEN(places))) != NULL)
        each(arg, &record->event, &record->word);
}

static void chat_walk_seats(void *owner, struct log_channel *log_channel,
                            void (*each)(void *arg, const struct event *join, uint32_t *word),
                            void *arg)
{
    const struct chat *chat = owner;
    const struct channel *channel = channel_of(log_channel);

    for (size_t i = 0; i < channel->member_count; i++) {
        struct client *client = channel->members[i];
        struct event join = {.kind = EVENT_JOIN,
                             .epoch = log_channel->epoch,
                             .from = client->id,
                             .name = client_name(client)};

        if (client->codec == CODEC_V1)
            join.key = (struct str){(const char *)client->key, sizeof(client->key)};
        join.key_is_hash = client->key_is_hash;
        each(arg, &join, client_table_word(&chat->clients, client));
    }
}

static void chat_restart(void *owner, struct log_channel *log_channel, uint64_t gone)
{
    struct chat *chat = owner;
    struct channel *channel = channel_of(log_channel);

    channel->waiting++; /* it stays until all is done */
    seat_let_all_go(chat, channel);
    if (channel == chat->bans.channel)
        bans_clear(chat);
    elsewhere_deinit(&channel->elsewhere);
    retention_forget_channel(chat, channel, gone);
    log_channel->committed = log_channel->next - 1;
    ask_done(chat, channel);
}

static void chat_forget_elsewhere(void *owner, struct log_channel *log_channel)
{
    (void)owner;
    elsewhere_deinit(&channel_of(log_channel)->elsewhere);
}

static void chat_evict(void *owner, struct log_channel *log_channel, uint64_t id, bool has_moved)
{
    struct channel *channel = channel_of(log_channel);

    channel->waiting++;
    seat_evict(owner, channel, id, has_moved);
    ask_done(owner, channel);
}

static int chat_errand(void *owner, struct log_channel *log_channel, const struct event *event,
                       struct buf *answer)
{
    return command_errand(owner, channel_of(log_channel), event, answer);
}

static const struct log_calls chat_calls = {
    .restart = chat_restart,
    .forget_elsewhere = chat_forget_elsewhere,
    .errand = chat_errand,
    .evict = chat_evict,
    .committed = chat_on_committed,
    .refused = chat_on_refused,
    .has_room = chat_has_room,
    .find = chat_find_channel,
    .walk_records = chat_walk_records,
    .walk_seats = chat_walk_seats,
    .walk_channels = chat_walk_channels,
};

/* ---- the beginning and the end ---- */

/* Beyond what a reader may lag, there is room for a frame that is on its way and for one that
 * comes. */
static void chat_size_rings(struct chat *chat)
{
    for (int kind = 0; kind < RENDITIONS; kind++) {
        uint64_t growth = renditions[kind].codec == CODEC_V1 ? JSON_GROWTH : 1;
        uint64_t longest = chat->config.max_message * growth + CHAT_FRAME_OVERHEAD;

        chat->longest[kind] = (size_t)longest;
        chat->limits.ring_size[kind] = (size_t)(chat->config.max_lag + 2 * longest);
    }
}

static void chat_free_tables(struct chat *chat)
{
    free(chat->typing_from);
    free(chat->spoke);
    free(chat->whos);
    kept_deinit(&chat->kept);
    client_table_deinit(&chat->clients);
}

static int chat_make_tables(struct chat *chat)
{
    const struct chat_config *config = &chat->config;

    if (client_table_init(&chat->clients, config->max_clients + CHAT_SPARE_SEATS, config->seed) < 0)
        return -1;
    if (kept_init(&chat->kept, config->payers + 1, &chat->clients) < 0) {
        client_table_deinit(&chat->clients);
        return -1;
    }
    if (config->typing)
        chat->typing_from = calloc(chat->clients.capacity, sizeof(uint64_t));
    if ((config->typing && chat->typing_from == NULL) ||
        channel_table_init(&chat->channels, max_size(config->max_clients, ROOM_BUCKETS_MIN),
                           config->seed) < 0) {
        chat_free_tables(chat);
        return -1;
    }
    return 0;
}

int chat_init(struct chat *chat, const struct chat_config *config, const struct chat_hooks *hooks,
              struct log *log)
{
    *chat = (struct chat){.config = *config, .hooks = *hooks, .log = log};
    chat_size_rings(chat);
    chat->limits.messages = config->history;
    chat->limits.presence = config->history;
    chat->limits.marks = config->history * MARKS_PER_MESSAGE;
    list_init(&chat->dirty);
    list_init(&chat->crowds);
    chat->serving = SERVING;
    list_init(&chat->quiet);
    list_init(&chat->posts);
    retention_init(chat);
    if (chat_make_tables(chat) < 0)
        return -1;
    log->calls = &chat_calls;
    log->owner = chat;
    return 0;
}

static void chat_free_clients(struct chat *chat)
{
    for (size_t i = 0; i < chat->clients.used; i++) {
        struct client *client = &chat->clients.clients[i];

        if (client->id == 0)
            continue;
        if (client->channel != NULL)
            channel_remove_member(client->channel, client);
        seat_free(chat, client);
    }
}

void chat_finish(struct chat *chat)
{
    chat->is_over = chat->is_stopping = true;
    post_refuse_all(chat);
    if (chat->log->ops->stop != NULL)
        chat->log->ops->stop(chat->log);
}

void chat_deinit(struct chat *chat)
{
    chat_finish(chat);
    chat_free_clients(chat);
    bans_clear(chat);
    free(chat->bans.waiting);
    for (size_t i = 0; i < chat->channels.size; i++) {
        while (chat->channels.buckets[i] != NULL)
            retention_remove_channel(chat, chat->channels.buckets[i]);
    }
    chat->log->ops->free(chat->log);
    for (int kind = 0; kind < RENDITIONS; kind++)
        buf_deinit(&chat->frames[kind]);
    shared_packer_deinit(&chat->packer);
    buf_deinit(&chat->scratch);
    buf_deinit(&chat->taking.slots);
    buf_deinit(&chat->taking.readers);
    channel_table_deinit(&chat->channels);
    chat_free_tables(chat);
}

void chat_set_time(struct chat *chat, uint64_t now, uint64_t wall)
{
    chat->now = now;
    chat->wall = wall;
    chat->serving = SERVING;
}

void chat_lift(struct chat *chat)
{
    chat->serving = INT64_MAX;
}

void chat_expect(const struct chat *chat, uint64_t id)
{
    client_table_prefetch(&chat->clients, id);
}

bool chat_sits_elsewhere(const struct chat *chat, struct str room, uint64_t id)
{
    const struct channel *channel = channel_table_find(&chat->channels, room);

    return channel != NULL && elsewhere_has(&channel->elsewhere, &chat->config.seed, id);
}

bool chat_has_id(const struct chat *chat, uint64_t id)
{
    return client_table_find(&chat->clients, id) != NULL;
}

bool chat_is_full(const struct chat *chat)
{
    return seat_are_all_taken(chat) && client_table_first(&chat->clients, CLIENT_LIST_AWAY) == NULL;
}

void chat_stop(struct chat *chat)
{
    chat->is_stopping = true;
}

/* ---- the tick ---- */

void chat_commit(struct chat *chat)
{
    if (chat->log->ops->turn != NULL)
        chat->log->ops->turn(chat->log);
    seat_advance_due(chat);
    post_advance(chat);
}

/* Is there something to be done at once? */
static bool chat_has_more(const struct chat *chat)
{
    return !list_is_empty(&chat->dirty) || !list_is_empty(&chat->crowds) ||
           !list_is_empty(&chat->posts) ||
           client_table_first(&chat->clients, CLIENT_LIST_DUE) != NULL;
}

bool chat_has_news(const struct chat *chat)
{
    return chat->serving > 0 && chat_has_more(chat);
}

/* Takes the room that is served next; NULL: there is none, or no time for it. */
static struct channel *chat_next_to_serve(struct chat *chat)
{
    struct list *first = NULL;

    if (chat->serving > SERVING / 2)
        first = list_take_first(&chat->crowds);
    if (first == NULL && chat->serving > 0)
        first = list_take_first(&chat->dirty);
    if (first == NULL && chat->serving > 0)
        first = list_take_first(&chat->crowds);
    return first != NULL ? CONTAINER_OF(first, struct channel, dirty) : NULL;
}

/* How much of the budget a room may have at once. */
static int64_t chat_share(const struct chat *chat)
{
    return chat->serving == INT64_MAX ? INT64_MAX : SERVING_SHARE;
}

/* All of its readers were served, or as many as its share allowed. */
static void chat_served(struct chat *chat, struct channel *channel, int64_t cost, bool is_all)
{
    if (chat->serving != INT64_MAX)
        chat->serving -= cost;
    if (!is_all && !list_is_linked(&channel->dirty))
        list_append(&chat->crowds, &channel->dirty);
    if (is_all)
        ask_release_channel(chat, channel);
    if (is_all && channel->count_is_due) /* since the walk began */
        publish_mark_dirty(chat, channel);
    ask_done(chat, channel);
}

void chat_serve(struct chat *chat, size_t (*serve)(struct sendq *out))
{
    struct channel *channel;

    while ((channel = chat_next_to_serve(chat)) != NULL) {
        int64_t share = chat_share(chat), left = share;
        bool is_all;

        /* Who is found to have left may have been the last. */
        channel->waiting++;
        if (!channel->audience.walk.is_begun)
            publish_count(chat, channel);
        is_all = audience_serve(&channel->audience, serve, &left);
        chat_served(chat, channel, share - left, is_all);
    }
    seat_advance_due(chat);
    post_advance(chat);
}

/* Gives back the memory of rings that nobody has used for a while. */
static void chat_expire_rings(struct chat *chat)
{
    while (!list_is_empty(&chat->quiet)) {
        struct channel *channel = CONTAINER_OF(chat->quiet.next, struct channel, quiet);

        if (channel->quiet_since + QUIET_AFTER > chat->now)
            return;
        list_remove(&channel->quiet);
        audience_give_back(&channel->audience);
    }
}

void chat_expire(struct chat *chat)
{
    seat_expire(chat);
    chat_expire_rings(chat);
}

uint64_t chat_deadline(const struct chat *chat)
{
    const struct client *away = client_table_first(&chat->clients, CLIENT_LIST_AWAY);
    uint64_t next = UINT64_MAX;

    if (chat_has_more(chat))
        return chat->now;
    if (chat->log->ops->deadline != NULL)
        next = chat->log->ops->deadline(chat->log);
    if (client_table_first(&chat->clients, CLIENT_LIST_OWED) != NULL && chat->owed_until < next)
        next = chat->owed_until;
    if (away != NULL && away->at.seat_until < next)
        next = away->at.seat_until;
    if (!list_is_empty(&chat->quiet)) {
        uint64_t quiet =
            CONTAINER_OF(chat->quiet.next, struct channel, quiet)->quiet_since + QUIET_AFTER;

        next = quiet < next ? quiet : next;
    }
    return next;
}

uint64_t chat_lag(const struct chat *chat)
{
    uint64_t lag = 0;

    for (size_t i = 0; i < chat->channels.size; i++) {
        for (const struct channel *c = chat->channels.buckets[i]; c != NULL;
             c = c->next_in_bucket) {
            uint64_t own = audience_lag(&c->audience);

            lag = own > lag ? own : lag;
        }
    }
    return lag;
}
