#include "chat/chat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "chat/frame.h"
#include "chat/publish.h"

/* What a connection that closes may still want of its room, in bytes: enough for the answers to
 * what it just sent. */
#define LEAVE_KEEP 65536

/* Bytes of a frame around the text of a message, at most: header, prefix or JSON fields, and
 * escaped names. */
#define FRAME_OVERHEAD 2048

/* How much longer a text may get in JSON, where a control character becomes six. */
#define JSON_GROWTH 6

/* Rooms that are kept for their history may be many more than the clients. */
#define ROOM_BUCKETS_MIN 1024

/* A room that nothing was published in for so many milliseconds gives its rings' memory back. */
#define QUIET_AFTER 10000

int chat_init(struct chat *chat, const struct chat_config *config, const struct chat_hooks *hooks)
{
    uint64_t text = config->max_message + FRAME_OVERHEAD;
    uint64_t json = config->max_message * JSON_GROWTH + FRAME_OVERHEAD;

    *chat = (struct chat){.config = *config, .hooks = *hooks};
    /* Beyond what a reader may lag, there is room for a frame that is on its way and for one that
     * comes. */
    chat->room_limits.ring_size[CODEC_TEXT] = (size_t)(config->max_lag + 2 * text);
    chat->room_limits.ring_size[CODEC_V1] = (size_t)(config->max_lag + 2 * json);
    chat->room_limits.messages = config->history;
    chat->room_limits.presence = config->history;
    list_init(&chat->dirty);
    list_init(&chat->quiet);
    list_init(&chat->waiting);
    list_init(&chat->gone);
    list_init(&chat->records);
    commit_memory_init(&chat->log);
    chat->log.committed = publish_event;
    chat->log.owner = chat;
    if (client_table_init(&chat->clients, config->max_clients, config->seed) < 0)
        return -1;
    if (room_table_init(&chat->rooms, max_size(config->max_clients, ROOM_BUCKETS_MIN),
                        config->seed) < 0) {
        client_table_deinit(&chat->clients);
        return -1;
    }
    return 0;
}

void chat_deinit(struct chat *chat)
{
    for (size_t i = 0; i < chat->clients.used; i++)
        free(chat->clients.clients[i].name);
    for (size_t i = 0; i < chat->rooms.size; i++) {
        while (chat->rooms.buckets[i] != NULL)
            publish_remove_room(chat, chat->rooms.buckets[i]);
    }
    for (int codec = 0; codec < CODEC_KINDS; codec++)
        buf_deinit(&chat->frames[codec]);
    buf_deinit(&chat->scratch);
    room_table_deinit(&chat->rooms);
    client_table_deinit(&chat->clients);
}

void chat_set_time(struct chat *chat, uint64_t now, uint64_t wall)
{
    chat->now = now;
    chat->wall = wall;
}

void chat_expect(const struct chat *chat, uint64_t id)
{
    client_table_prefetch(&chat->clients, id);
}

bool chat_has_id(const struct chat *chat, uint64_t id)
{
    return client_table_find(&chat->clients, id) != NULL;
}

bool chat_is_full(const struct chat *chat)
{
    return client_table_is_full(&chat->clients);
}

/* ---- names ---- */

/* Gives a client a copy of a name. Returns 0, or -1 with errno ENOMEM. */
static int set_name(struct client *client, struct str name)
{
    char *copy = NULL;

    if (name.ptr != NULL && name.len > 0) {
        copy = malloc(name.len);
        if (copy == NULL)
            return -1;
        memcpy(copy, name.ptr, name.len);
    }
    free(client->name);
    client->name = copy;
    client->name_len = (uint8_t)name.len;
    return 0;
}

/* ---- events ---- */

/* Commits something that a client did. `members` is how many the room has afterwards. */
static int commit(struct chat *chat, struct client *client, enum event_kind kind, size_t members)
{
    struct event event = {
        .kind = kind,
        .ts = chat->wall,
        .from = client->id,
        .name = client_name(client),
        .count = members,
    };

    return chat->log.append(&chat->log, client->room, &event);
}

/* Gives a seat up: the id is free again, and everybody hears of it. If memory is out even for that,
 * the room's readers can no longer be told the truth in order; they go on without this one line. */
static void give_up_seat(struct chat *chat, struct client *client)
{
    struct room *room = client->room;

    list_remove(&client->waiting);
    if (!chat->is_stopping)
        commit(chat, client, EVENT_LEAVE, room->member_count - 1);
    room_remove_member(room, client);
    free(client->name);
    client_table_remove(&chat->clients, client);
    publish_tidy(chat, room);
}

int chat_leave(struct chat *chat, struct client *client, bool is_broken)
{
    int result = room_remove_reader(client->room, client, LEAVE_KEEP);

    client->out = NULL;
    if (is_broken && client->codec == CODEC_V1 && chat->config.leave_grace > 0 &&
        !chat->is_stopping) {
        client->seat_until = chat->now + chat->config.leave_grace;
        list_append(&chat->waiting, &client->waiting);
    } else if (client->room->is_flushing) {
        list_append(&chat->gone, &client->waiting);
    } else {
        give_up_seat(chat, client);
    }
    return result;
}

/* ---- entering ---- */

static void key_write(char out[2 * CLIENT_KEY_SIZE + 1], const uint8_t key[CLIENT_KEY_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < CLIENT_KEY_SIZE; i++) {
        out[2 * i] = digits[key[i] >> 4];
        out[2 * i + 1] = digits[key[i] & 15];
    }
    out[2 * (size_t)CLIENT_KEY_SIZE] = '\0';
}

/* Compares in a time that does not tell how much of the key was right. */
static bool key_matches(const struct client *client, struct str key)
{
    char own[2 * CLIENT_KEY_SIZE + 1];
    unsigned difference = 0;

    if (client->codec != CODEC_V1 || key.len != 2 * CLIENT_KEY_SIZE)
        return false;
    key_write(own, client->key);
    for (size_t i = 0; i < key.len; i++)
        difference |= (unsigned char)own[i] ^ (unsigned char)key.ptr[i];
    return difference == 0;
}

static bool is_owner(const struct client *seat, const struct chat_entry *entry)
{
    return entry->codec == CODEC_V1 && key_matches(seat, entry->key);
}

struct sendq *chat_replaces(const struct chat *chat, const struct chat_entry *entry)
{
    const struct client *seat = client_table_find(&chat->clients, entry->id);

    return seat != NULL && is_owner(seat, entry) ? seat->out : NULL;
}

static struct room *find_or_add_room(struct chat *chat, struct str name)
{
    struct room *room = room_table_find(&chat->rooms, name);

    if (room != NULL)
        return room;
    chat->rooms_made++;
    return room_table_add(&chat->rooms, name,
                          hash_u64(&chat->config.seed, chat->config.epoch + chat->rooms_made),
                          &chat->room_limits);
}

static int append_members(const struct chat *chat, const struct room *room, struct buf *out,
                          const struct client *self)
{
    size_t listed = min_size(room->member_count, chat->config.presence_limit);

    if (listed == 0)
        return 0;
    if (codec_v1_welcome_member(out, self->id, client_name(self), true) < 0)
        return -1;
    for (size_t i = 0, n = 1; n < listed; i++) {
        const struct client *member = room->members[i];

        if (member == self)
            continue;
        if (codec_v1_welcome_member(out, member->id, client_name(member), false) < 0)
            return -1;
        n++;
    }
    return 0;
}

static int send_welcome(struct chat *chat, const struct client *client, const struct replay *replay)
{
    const struct room *room = client->room;
    struct buf *frame = &chat->scratch;
    char pos[CODEC_POS_MAX], key[2 * CLIENT_KEY_SIZE + 1];
    struct welcome welcome = {
        .id = client->id,
        .room = {room->name, room->name_len},
        .name = client_name(client),
        .pos = pos,
        .key = key,
        .recovered = replay->recovered,
        .count = room->member_count,
        .max_message = chat->config.max_message,
    };

    codec_pos_write(pos, room->epoch, replay->after);
    key_write(key, client->key);
    if (frame_begin(frame) < 0 || codec_v1_welcome_begin(frame, &welcome) < 0 ||
        append_members(chat, room, frame, client) < 0 || codec_v1_welcome_end(frame, &welcome) < 0)
        return -1;
    frame_finish(frame);
    return sendq_push(client->out, frame->data, frame->len);
}

/* Connects a seat to its queue: what it missed comes first, then everything from now on. */
static int connect_seat(struct chat *chat, struct client *client, const struct chat_entry *entry,
                        struct sendq *out)
{
    struct replay replay = publish_plan_replay(chat, client->room, entry);

    client->out = out;
    client->codec = (uint8_t)entry->codec;
    if (room_add_reader(client->room, client) < 0) {
        client->out = NULL;
        return -1;
    }
    if (entry->codec == CODEC_V1 && send_welcome(chat, client, &replay) < 0)
        return -1;
    return publish_replay(chat, client->room, entry->codec, &replay, out);
}

/* Takes a seat back that could not be connected, without a word to anybody. */
static void undo_seat(struct chat *chat, struct client *client)
{
    struct room *room = client->room;

    if (room != NULL) {
        if (client->out != NULL)
            room_remove_reader(room, client, LEAVE_KEEP);
        room_remove_member(room, client);
        publish_tidy(chat, room);
    }
    free(client->name);
    client_table_remove(&chat->clients, client);
}

/* The last step commits, which may flush the room, and that may end the very connection that is
 * being seated. So its owner knows of the seat by then, and what it did in that case stands. */
static int sit_down(struct chat *chat, struct client *seat, const struct chat_entry *entry,
                    struct sendq *out, struct client **client)
{
    struct room *room = find_or_add_room(chat, entry->room);

    if (room == NULL)
        return -1;
    if (room_add_member(room, seat) < 0) {
        publish_tidy(chat, room);
        return -1;
    }
    if (connect_seat(chat, seat, entry, out) < 0)
        return -1;
    *client = seat;
    if (commit(chat, seat, EVENT_JOIN, room->member_count) == 0 || *client == NULL)
        return 0;
    *client = NULL;
    return -1;
}

static enum chat_result enter_anew(struct chat *chat, const struct chat_entry *entry,
                                   struct sendq *out, struct client **client)
{
    struct client *seat = client_table_add(&chat->clients, entry->id);

    if (seat == NULL)
        return CHAT_FULL;
    if (entry->codec == CODEC_V1)
        chat->hooks.random(seat->key, sizeof(seat->key));
    if (set_name(seat, entry->name) < 0 || sit_down(chat, seat, entry, out, client) < 0) {
        undo_seat(chat, seat);
        return CHAT_NO_MEMORY;
    }
    return CHAT_OK;
}

/* Takes a seat from its old connection, if it still has one. */
static void unseat(struct chat *chat, struct client *client)
{
    struct sendq *old = client->out;
    bool is_cut;

    list_remove(&client->waiting);
    if (old == NULL)
        return;
    is_cut = room_remove_reader(client->room, client, LEAVE_KEEP) < 0;
    client->out = NULL;
    chat->hooks.on_takeover(old, is_cut);
}

/* A seat whose new connection could not be set up stays for its owner to try again. */
static enum chat_result keep_for_owner(struct chat *chat, struct client *client)
{
    if (client->out != NULL)
        room_remove_reader(client->room, client, LEAVE_KEEP);
    client->out = NULL;
    client->seat_until = chat->now + chat->config.leave_grace;
    list_append(&chat->waiting, &client->waiting);
    return CHAT_NO_MEMORY;
}

/* A seat that its owner takes into another room, with its name unless the owner gives a new one. */
static enum chat_result move_seat(struct chat *chat, const struct chat_entry *entry,
                                  struct sendq *out, struct client *seat, struct client **client)
{
    struct chat_entry moved = *entry;
    char name[CODEC_NAME_MAX];

    if (entry->name.ptr == NULL && seat->name != NULL) {
        memcpy(name, seat->name, seat->name_len);
        moved.name = (struct str){name, seat->name_len};
    }
    give_up_seat(chat, seat);
    return enter_anew(chat, &moved, out, client);
}

static enum chat_result take_over(struct chat *chat, const struct chat_entry *entry,
                                  struct sendq *out, struct client *seat, struct client **client)
{
    struct str room = {seat->room->name, seat->room->name_len};
    bool renames = entry->name.ptr != NULL && !str_equals(entry->name, client_name(seat));

    unseat(chat, seat);
    if (!str_equals(room, entry->room))
        return move_seat(chat, entry, out, seat, client);
    if ((renames && set_name(seat, entry->name) < 0) || connect_seat(chat, seat, entry, out) < 0)
        return keep_for_owner(chat, seat);
    *client = seat;
    if (renames)
        commit(chat, seat, EVENT_RENAME, seat->room->member_count);
    return CHAT_OK;
}

enum chat_result chat_enter(struct chat *chat, const struct chat_entry *entry, struct sendq *out,
                            struct client **client)
{
    struct client *seat = client_table_find(&chat->clients, entry->id);

    if (seat == NULL)
        return enter_anew(chat, entry, out, client);
    if (!is_owner(seat, entry))
        return CHAT_ID_TAKEN;
    return take_over(chat, entry, out, seat, client);
}

/* ---- commands ---- */

/* Sends one client what is in the scratch buffer. */
static int send_scratch(struct chat *chat, struct client *client)
{
    if (sendq_push(client->out, chat->scratch.data, chat->scratch.len) < 0)
        return -1;
    chat->hooks.wake(client->out);
    return 0;
}

static int refuse(struct chat *chat, struct client *client, const char *code, const char *why,
                  struct str ref)
{
    if (frame_begin(&chat->scratch) < 0 ||
        codecs[client->codec]->encode_error(&chat->scratch, code, why, ref) < 0)
        return -1;
    if (chat->scratch.len == FRAME_HEADROOM)
        return 0;
    frame_finish(&chat->scratch);
    return send_scratch(chat, client);
}

static int say(struct chat *chat, struct client *client, const struct command *command)
{
    struct event event = {
        .kind = EVENT_MESSAGE,
        .ts = chat->wall,
        .from = client->id,
        .name = client_name(client),
        .text = command->text,
        .ref = command->ref,
    };

    return chat->log.append(&chat->log, client->room, &event);
}

static int tell_one(struct chat *chat, struct client *client, const struct event *event)
{
    if (frame_encode(&chat->scratch, codecs[client->codec], event) < 0)
        return -1;
    return send_scratch(chat, client);
}

/* A direct message is for two connections alone: it has no place in the room's order, and none in
 * its history. */
static int say_to_one(struct chat *chat, struct client *client, const struct command *command)
{
    struct client *to = client_table_find(&chat->clients, command->to);
    struct event event = {
        .kind = EVENT_DIRECT,
        .ts = chat->wall,
        .from = client->id,
        .to = command->to,
        .name = client_name(client),
        .text = command->text,
        .ref = command->ref,
    };

    if (to == NULL || to->room != client->room)
        return refuse(chat, client, "no-such-client", "nobody in this room has that id",
                      command->ref);
    if (to->out == NULL)
        return refuse(chat, client, "away", "that client is reconnecting: try again in a moment",
                      command->ref);
    if (to->out->queued > chat->config.max_lag)
        return refuse(chat, client, "busy", "that client has too much to read already",
                      command->ref);
    if (to != client && tell_one(chat, to, &event) < 0) {
        chat->hooks.wake(to->out);
        return refuse(chat, client, "busy", "that client cannot be told now", command->ref);
    }
    chat->counters.directs++;
    return tell_one(chat, client, &event);
}

static int rename_client(struct chat *chat, struct client *client, struct str name)
{
    if (set_name(client, name) < 0)
        return -1;
    return commit(chat, client, EVENT_RENAME, client->room->member_count);
}

int chat_receive(struct chat *chat, struct client *client, char *data, size_t len)
{
    struct command command;

    codecs[client->codec]->decode(&command, data, len);
    switch (command.kind) {
    case COMMAND_SAY:
        return say(chat, client, &command);
    case COMMAND_DIRECT:
        return say_to_one(chat, client, &command);
    case COMMAND_RENAME:
        return rename_client(chat, client, command.name);
    case COMMAND_BAD:
        break;
    }
    return refuse(chat, client, command.code, command.why, command.ref);
}

/* ---- the tick ---- */

void chat_stop(struct chat *chat)
{
    chat->is_stopping = true;
}

struct room *chat_take_dirty(struct chat *chat)
{
    struct list *first = list_take_first(&chat->dirty);

    return first == NULL ? NULL : CONTAINER_OF(first, struct room, dirty);
}

void chat_begin_flush(struct chat *chat, struct room *room)
{
    if (room->count_is_due)
        publish_count(chat, room);
    room->is_flushing = true;
}

bool chat_take_news(struct room *room, enum codec_kind codec)
{
    bool has_news = room->has_news[codec];

    room->has_news[codec] = false;
    return has_news;
}

void chat_end_flush(struct room *room)
{
    room->is_flushing = false;
}

static void expire_seats(struct chat *chat)
{
    struct list *first;

    while ((first = list_take_first(&chat->gone)) != NULL)
        give_up_seat(chat, CONTAINER_OF(first, struct client, waiting));
    while (!list_is_empty(&chat->waiting)) {
        struct client *client = CONTAINER_OF(chat->waiting.next, struct client, waiting);

        if (client->seat_until > chat->now)
            return;
        give_up_seat(chat, client);
    }
}

/* Gives back the memory of rings that nobody has used for a while. */
static void expire_rings(struct chat *chat)
{
    while (!list_is_empty(&chat->quiet)) {
        struct room *room = CONTAINER_OF(chat->quiet.next, struct room, quiet);

        if (room->quiet_since + QUIET_AFTER > chat->now)
            return;
        list_remove(&room->quiet);
        room_raise_tails(room);
        for (int codec = 0; codec < CODEC_KINDS; codec++) {
            if (room->ring[codec].tail == room->ring[codec].head)
                ring_deinit(&room->ring[codec]);
        }
    }
}

void chat_expire(struct chat *chat)
{
    expire_seats(chat);
    expire_rings(chat);
}

uint64_t chat_deadline(const struct chat *chat)
{
    uint64_t deadline = UINT64_MAX;

    if (!list_is_empty(&chat->gone))
        return chat->now;
    if (!list_is_empty(&chat->waiting))
        deadline = CONTAINER_OF(chat->waiting.next, struct client, waiting)->seat_until;
    if (!list_is_empty(&chat->quiet)) {
        uint64_t quiet =
            CONTAINER_OF(chat->quiet.next, struct room, quiet)->quiet_since + QUIET_AFTER;

        deadline = quiet < deadline ? quiet : deadline;
    }
    return deadline;
}
