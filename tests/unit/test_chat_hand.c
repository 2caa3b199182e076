/* A chat that is handed over in the middle of everything goes on as if it had not been: two runs of
 * the same conversation, one without and one with hand-overs, end in the same state and sent the
 * same bytes. And what is wrong with a state is found by who reads it. */
#include "unit/chat_world.h"
#include "unit/hand_pipe.h"

#include <endian.h>

#include "base/crc32c.h"
#include "chat/enforce.h"
#include "chat/hand.h"
#include "chat/listen.h"
#include "chat/replay.h"
#include "auth/rights.h"
#include "chat/bans.h"

#define SUITE_NAME "chat_hand" WORLD_NAME

Suite *suite_chat_hand(void);

#define ROOMS 5
#define STEPS 1500
#define PEER_RECORD (HAND_CONNS + 1)

/* What a peer has besides what all worlds know of it. */
struct extra {
    struct listener *listener; /* in place of a seat */
    struct buf all;            /* bytes that its connections have got, one after the other */
    char key[KEY_TEXT_SIZE];   /* of the seat that it had last */
    char since[CODEC_POS_MAX];
    bool has_key;
};

static struct extra extras[PEERS];
static struct hand_writer writer;
static struct hand_reader reader;
static uint64_t chance; /* state */

/* ---- what is read ---- */

static struct hand_source source;

static void read_anew(const uint8_t *bytes, size_t len)
{
    source = (struct hand_source){bytes, len, 0};
    hand_reader_deinit(&reader);
    hand_reader_init(&reader, hand_source_fill, &source);
}

/* ---- handing over ---- */

static void hand_peer(struct hand_writer *w, const struct peer *peer)
{
    const struct extra *extra = &extras[peer - peers];

    hand_begin(w, PEER_RECORD);
    sendq_hand(w, &peer->out);
    hand_put_u8(w, peer->client != NULL ? 1 : extra->listener != NULL ? 2 : 0);
    if (peer->client != NULL)
        hand_put_u32(w, chat_hand_seat(&chat, peer->client));
    if (extra->listener != NULL)
        listener_hand(w, extra->listener);
    hand_end(w);
}

/* All but the queues, of which it does not matter into how many nodes they are cut. */
static void hand_chat(struct hand_writer *w)
{
    chat.packer.spent = 0; /* which no two runs have in common */
    hand_writer_init(w, NULL, NULL);
    chat_hand(w, &chat);
    ck_assert(!w->is_failed);
}

static void hand_all(struct hand_writer *w)
{
    ck_assert_ptr_null(chat_cannot_hand(&chat));
    hand_chat(w);
    for (int i = 0; i < PEERS; i++)
        hand_peer(w, &peers[i]);
    ck_assert(!w->is_failed);
}

static bool take_peer(struct peer *peer)
{
    struct extra *extra = &extras[peer - peers];
    bool has_ring;
    uint8_t kind;

    peer->client = NULL;
    extra->listener = NULL;
    if (!hand_expect(&reader, PEER_RECORD) || !sendq_take(&peer->out, &reader, &has_ring))
        return false;
    kind = hand_get_u8(&reader);
    if (kind == 1)
        peer->client = chat_take_seat(&reader, &chat, hand_get_u32(&reader), &peer->out);
    else if (kind == 2)
        extra->listener = listener_take(&reader, &chat, &peer->out);
    return hand_check(&reader, !has_ring || peer->out.box != NULL, "a queue has no ring");
}

/* Reads into a chat that was just made. */
static bool take_all(void)
{
    if (!chat_take(&reader, &chat))
        return false;
    for (int i = 0; i < PEERS; i++) {
        if (!take_peer(&peers[i]))
            return false;
    }
    return hand_is_through(&reader) && chat_take_end(&reader, &chat);
}

static void free_listeners(void)
{
    for (int i = 0; i < PEERS; i++) {
        free(extras[i].listener);
        extras[i].listener = NULL;
    }
}

static void free_queues(void)
{
    for (int i = 0; i < PEERS; i++)
        sendq_deinit(&peers[i].out);
}

static void begin_chat(void)
{
    const struct chat_hooks hooks = chat.hooks;
    uint64_t now = chat.now, wall = chat.wall;
    struct log *log = world_log();

    chat_deinit(&chat);
    free_listeners();
    free_queues();
    ck_assert_ptr_nonnull(log);
    ck_assert_int_eq(chat_init(&chat, &config, &hooks, log), 0);
    chat_set_time(&chat, now, wall);
}

static void check_same_state(const struct hand_writer *one, const struct hand_writer *other)
{
    ck_assert_uint_eq(one->out.len, other->out.len);
    for (size_t i = 0; i < one->out.len; i++)
        ck_assert_msg(one->out.data[i] == other->out.data[i], "byte %zu of %zu", i, one->out.len);
}

/* In place of the chat there is another one, which took its state. */
static void hand_over(void)
{
    struct hand_writer again;

    hand_all(&writer);
    begin_chat();
    read_anew(writer.out.data, writer.out.len);
    if (!take_all())
        ck_abort_msg("%s", reader.why);
    hand_all(&again);
    check_same_state(&writer, &again);
    hand_writer_deinit(&again);
    hand_writer_deinit(&writer);
}

/* ---- a conversation ---- */

static unsigned roll(unsigned sides)
{
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(chance >> 33) % sides;
}

static bool identify(struct sendq *out, struct ban_identity *who)
{
    static const char subs[PEERS][3] = {"s0", "s1", "s2", "s3", "s4"};
    size_t place = (size_t)(peer_of(out) - peers);

    *who = (struct ban_identity){.has_ip = true, .ip = ip_from_v4("\x0a\x01\x02\x03")};
    who->ip.bytes[15] = (uint8_t)place;
    if (subs[place][0] != '\0')
        who->sub = str_from(subs[place]);
    else
        who->has_address = ip_network_read(&who->address, STR("10.1.2.0/24"));
    return true;
}

static uint64_t person(struct sendq *out)
{
    size_t place = (size_t)(peer_of(out) - peers);

    return place % 2 == 0 ? place + 100 : 0;
}

static void on_numbers(void *bytes, size_t len)
{
    uint8_t *to = bytes;

    keys_made++;
    for (size_t i = 0; i < len; i++)
        to[i] = (uint8_t)(keys_made * 31 + i * 7 + (keys_made >> 8));
}

static struct str room_of(unsigned number)
{
    static const char *const names[ROOMS] = {"lobby", "tea", "t\xc3\xa9", "x", "garden"};

    return str_from(names[number % ROOMS]);
}

/* Keeps what has arrived, and what its owner would know. */
static void keep_got(struct peer *peer)
{
    struct extra *extra = &extras[peer - peers];

    ck_assert_int_eq(buf_append(&extra->all, peer->got, peer->got_len), 0);
    peer->got_len = peer->got_read = 0;
    if (peer->client == NULL || peer->client->codec != CODEC_V1 || peer->client->channel == NULL)
        return;
    replay_write_key(extra->key, peer->client->key);
    codec_pos_write(extra->since, peer->client->channel->log.epoch,
                    peer->client->channel->log.committed - roll(3));
    extra->has_key = true;
}

static void begin_connection(struct peer *peer)
{
    keep_got(peer);
    reconnect(peer);
    peer->window = roll(3) == 0 ? 20 + roll(200) : SIZE_MAX;
}

static void play_enter(struct peer *peer, unsigned place)
{
    struct extra *extra = &extras[place];
    struct chat_entry entry = {.id = place + 1, .room = room_of(roll(ROOMS)), .payer = place / 3};

    begin_connection(peer);
    entry.codec = roll(3) == 0 ? CODEC_TEXT : CODEC_V1;
    entry.is_packed = roll(2) == 0;
    entry.history = roll(6);
    peer->out.denied = roll(5) == 0 ? RIGHT_PRS : 0;
    if (roll(3) == 0)
        entry.name = roll(2) == 0 ? STR("ada") : STR("a very long name, so that it needs room");
    if (entry.codec == CODEC_V1 && extra->has_key && roll(4) > 0) {
        entry.key = str_from(extra->key);
        entry.since = str_from(extra->since);
    }
    chat_enter(&chat, &entry, &peer->out, &peer->client);
}

static void play_listen(struct peer *peer, unsigned place)
{
    struct chat_entry entry = {.room = room_of(roll(ROOMS)), .history = roll(4)};

    begin_connection(peer);
    peer->out.denied = roll(2) == 0 ? RIGHT_PRS : 0;
    extras[place].listener = chat_listen(&chat, &entry, &peer->out);
    ck_assert_ptr_nonnull(extras[place].listener);
}

static void play_unlisten(struct peer *peer, unsigned place)
{
    chat_unlisten(&chat, extras[place].listener);
    extras[place].listener = NULL;
    keep_got(peer);
}

static const char *position(const struct peer *peer)
{
    static char pos[CODEC_POS_MAX];
    const struct channel *channel = peer->client->channel;

    codec_pos_write(pos, channel->log.epoch, channel->log.committed - roll(6));
    return pos;
}

/* Something in JSON, of which there are many kinds. */
static int write_json(char *out, size_t size, const struct peer *peer)
{
    unsigned other = 1 + roll(PEERS);

    switch (roll(12)) {
    case 0:
        return snprintf(out, size, "{\"type\":\"rename\",\"name\":\"n%u\"}", roll(1000));
    case 1:
    case 2:
        return snprintf(out, size, "{\"type\":\"react\",\"to\":\"%s\",\"emoji\":\"%c\"}",
                        position(peer), (char)('a' + roll(3)));
    case 3:
        return snprintf(out, size, "{\"type\":\"retract\",\"of\":\"%s\"}", position(peer));
    case 4:
        return snprintf(out, size, "{\"type\":\"say\",\"text\":\"psst\",\"to\":%u}", other);
    case 5:
        return snprintf(out, size, "{\"type\":\"slow\",\"seconds\":%u}", roll(2));
    case 6:
        return snprintf(out, size, "{\"type\":\"history\",\"before\":\"%s\",\"limit\":4}",
                        position(peer));
    case 7:
        return snprintf(out, size, "{\"type\":\"typing\"}");
    case 8:
        return snprintf(out, size, "{\"type\":\"%s\",\"id\":%u}", roll(2) == 0 ? "kick" : "ban",
                        other);
    case 9:
        return snprintf(out, size, "{\"type\":\"say\",\"data\":{\"n\":%u},\"re\":\"%s\"}", roll(9),
                        position(peer));
    default:
        return snprintf(out, size, "{\"type\":\"say\",\"text\":\"%.*s %u\",\"ref\":\"r\"}",
                        (int)roll(200),
                        "what is said again and again, what is said again and again, how often it "
                        "is said, and that it is said once more, how often it is said",
                        roll(100));
    }
}

static void play_speak(struct peer *peer)
{
    char message[1024];
    int len;

    if (peer->client->channel == NULL || !chat_may_speak(&chat, peer->client))
        return;
    if (peer->client->codec == CODEC_V1)
        len = write_json(message, sizeof(message), peer);
    else
        len = snprintf(message, sizeof(message), "plain %u", roll(1000));
    ck_assert_int_eq(chat_receive(&chat, peer->client, message, (size_t)len), 0);
}

static size_t play_serve(struct sendq *out)
{
    struct peer *peer = peer_of(out);
    unsigned place = (unsigned)(peer - peers);

    if (extras[place].listener == NULL) {
        flush_peer(peer);
    } else if (is_hopeless(peer)) {
        peer->was_closed = true;
        play_unlisten(peer, place);
    } else {
        take(peer, peer->window);
    }
    return 0;
}

static void play_check(void *arg, struct sendq *out, const struct ban *ban)
{
    struct ban_identity who;
    struct ban_person one;
    struct peer *peer = peer_of(out);

    (void)arg;
    identify(out, &who);
    one = (struct ban_person){.sub = who.sub, .ip = &who.ip};
    if (peer->client != NULL && ban_is_of(ban, &one))
        leave(peer, false);
}

static void play_tick(void)
{
    chat_set_time(&chat, chat.now, chat.wall);
    chat_expire(&chat);
    chat_commit(&chat);
    bans_enforce(&chat, play_check, NULL);
    for (int turn = 0; turn < 3 && chat_has_news(&chat); turn++)
        chat_serve(&chat, play_serve);
    for (int i = 0; i < PEERS; i++) {
        if (peers[i].out.box != NULL)
            play_serve(&peers[i].out);
        else
            take(&peers[i], peers[i].window);
    }
}

static void play_step(void)
{
    unsigned place = roll(PEERS);
    struct peer *peer = &peers[place];

    if (peer->client != NULL) {
        if (roll(12) == 0)
            leave(peer, roll(3) > 0);
        else
            play_speak(peer);
    } else if (extras[place].listener != NULL) {
        if (roll(12) == 0)
            play_unlisten(peer, place);
    } else if (roll(5) == 0) {
        play_listen(peer, place);
    } else {
        play_enter(peer, place);
    }
    if (roll(4) == 0)
        chat_set_time(&chat, chat.now + roll(900), chat.wall + 7);
    if (roll(3) > 0)
        play_tick();
}

/* The rooms, and what there is of the log, begin anew. */
static void play_begin(unsigned seed)
{
    chat.hooks.identify = identify;
    chat.hooks.person = person;
    chat.hooks.random = on_numbers;
    chance = seed * 0x9e3779b97f4a7c15u + 1;
}

static void play_end(void)
{
    for (unsigned i = 0; i < PEERS; i++) {
        if (extras[i].listener != NULL)
            play_unlisten(&peers[i], i);
        keep_got(&peers[i]);
    }
}

static void forget_extras(void)
{
    free_listeners();
    for (int i = 0; i < PEERS; i++) {
        buf_deinit(&extras[i].all);
        extras[i] = (struct extra){.listener = NULL};
    }
}

static void setup(void)
{
    world_config();
    config.max_lag = 2000;
    config.payers = PEERS;
    config.history_memory = 24000;
    config.presence_limit = 4;
    config.typing = true;
    config.max_message = 600;
    world_start();
    hand_reader_init(&reader, hand_source_fill, &source);
}

static void teardown(void)
{
    forget_extras();
    world_teardown();
    hand_reader_deinit(&reader);
}

/* Plays so many steps, with something behind each `every`th. */
static void play(unsigned seed, unsigned steps, unsigned every, void (*between)(void))
{
    play_begin(seed);
    for (unsigned i = 1; i <= steps; i++) {
        play_step();
        if (i % every != 0)
            continue;
        for (int turn = 0; turn < 20 && chat_cannot_hand(&chat) != NULL; turn++)
            play_tick();
        if (chat_cannot_hand(&chat) == NULL)
            between();
    }
}

static void do_nothing(void)
{
}

/* A window that is taken knows all that it must, and may know better what was said before a message
 * that was undone: so those of the run without hand-overs are renewed in the same way. */
static void renew_window(struct shared_window *window)
{
    if (window->window == NULL)
        return;
    hand_writer_init(&writer, NULL, NULL);
    hand_begin(&writer, HAND_CHAT);
    shared_window_hand(&writer, window);
    hand_end(&writer);
    read_anew(writer.out.data, writer.out.len);
    shared_window_deinit(window);
    ck_assert(hand_next(&reader));
    shared_window_take(&reader, window);
    ck_assert(hand_is_through(&reader));
    hand_writer_deinit(&writer);
}

static void renew_windows(void)
{
    for (size_t i = 0; i < chat.channels.size; i++) {
        for (struct channel *c = chat.channels.buckets[i]; c != NULL; c = c->next_in_bucket) {
            for (size_t kind = 0; kind < ARRAY_LEN(c->audience.windows); kind++)
                renew_window(&c->audience.windows[kind]);
        }
    }
}

/* What a run ended with. */
struct outcome {
    struct hand_writer state;
    struct buf got[PEERS];
};

static void run(struct outcome *outcome, unsigned seed, unsigned every, void (*between)(void))
{
    forget_extras();
    world_restart();
    play(seed, STEPS, every, between);
    hand_chat(&outcome->state);
    play_end();
    for (int i = 0; i < PEERS; i++) {
        outcome->got[i] = extras[i].all;
        buf_init(&extras[i].all);
    }
}

static void forget_outcome(struct outcome *outcome)
{
    hand_writer_deinit(&outcome->state);
    for (int i = 0; i < PEERS; i++)
        buf_deinit(&outcome->got[i]);
}

static void check_same_outcome(const struct outcome *one, const struct outcome *other)
{
    for (int i = 0; i < PEERS; i++) {
        ck_assert_uint_eq(one->got[i].len, other->got[i].len);
        ck_assert(one->got[i].len == 0 ||
                  memcmp(one->got[i].data, other->got[i].data, one->got[i].len) == 0);
    }
    check_same_state(&one->state, &other->state);
}

START_TEST(goes_on_as_if_it_had_not_been_handed_over)
{
    static const unsigned everies[] = {1, 7, STEPS / 2};
    struct outcome without, with;

    for (size_t n = 0; n < ARRAY_LEN(everies); n++) {
        run(&without, (unsigned)_i, everies[n], renew_windows);
        run(&with, (unsigned)_i, everies[n], hand_over);
        check_same_outcome(&without, &with);
        forget_outcome(&without);
        forget_outcome(&with);
    }
}
END_TEST

/* ---- what is wrong ---- */

/* Reads a state in place of what there is. Returns whether it was taken; goes on with it then. */
static bool try_take(const uint8_t *bytes, size_t len)
{
    begin_chat();
    read_anew(bytes, len);
    if (!take_all()) {
        ck_assert_ptr_nonnull(reader.why);
        return false;
    }
    ck_assert_ptr_null(reader.why);
    return true;
}

START_TEST(no_part_of_a_state_is_taken_for_it)
{
    play((unsigned)_i, 120 + (unsigned)_i, 120 + (unsigned)_i, do_nothing);
    hand_all(&writer);
    for (size_t len = 0; len < writer.out.len; len += 1 + (size_t)_i % 2)
        ck_assert(!try_take(writer.out.data, len));
    ck_assert(try_take(writer.out.data, writer.out.len));
    hand_writer_deinit(&writer);
}
END_TEST

/* The records of a state: where each begins, and where the last ends. */
struct records {
    size_t at[4096];
    size_t count;
};

static void find_records(struct records *records, const struct buf *state)
{
    size_t at = 0;

    records->count = 0;
    while (at < state->len) {
        uint32_t len;

        ck_assert_uint_lt(records->count + 1, ARRAY_LEN(records->at));
        records->at[records->count++] = at;
        memcpy(&len, state->data + at, sizeof(len));
        at += HAND_HEADER + le32toh(len);
    }
    records->at[records->count] = at;
}

/* Makes the checksum of a record right. */
static void seal(uint8_t *record, size_t len)
{
    uint32_t crc = htole32(crc32c(0, record + 8, len - 8));

    memcpy(record + 4, &crc, sizeof(crc));
}

/* Changes something within a record: what numbers are dangerous is seldom a matter of one bit. */
static void spoil(uint8_t *record, size_t len)
{
    size_t at = 8 + roll((unsigned)(len - 8)), left = len - at;

    switch (roll(5)) {
    case 0:
        record[at] ^= (uint8_t)(1 << roll(8));
        break;
    case 1:
        record[at] = (uint8_t)roll(256);
        break;
    case 2:
        record[at] = (uint8_t)(record[at] + 1);
        break;
    case 3:
        memset(record + at, roll(2) == 0 ? 0 : 0xff, min_size(left, 1 + roll(8)));
        break;
    default:
        memmove(record + at, record + 8, min_size(left, 1 + roll(16)));
        break;
    }
    seal(record, len);
}

/* Another state out of this one: a record is spoilt, is missing, comes twice or at another place.
 */
static void make_wrong(struct buf *wrong, const struct buf *state, const struct records *records)
{
    size_t one = roll((unsigned)records->count), other = roll((unsigned)records->count);
    size_t at = records->at[one], len = records->at[one + 1] - at;

    wrong->len = 0;
    if (roll(8) > 0) {
        ck_assert_int_eq(buf_append(wrong, state->data, state->len), 0);
        for (unsigned n = 1 + roll(2); n > 0; n--)
            spoil(wrong->data + at, len);
        return;
    }
    for (size_t i = 0; i < records->count; i++) {
        if (i == other)
            ck_assert_int_eq(buf_append(wrong, state->data + at, len), 0);
        if (i != one || roll(2) == 0)
            ck_assert_int_eq(buf_append(wrong, state->data + records->at[i],
                                        records->at[i + 1] - records->at[i]),
                             0);
    }
}

/* A state that is taken although it was spoilt is one that may be: the chat goes on with it. */
START_TEST(a_wrong_state_is_refused_or_one_that_can_be_lived_with)
{
    static struct records records;
    unsigned taken = 0, tries = 1500;
    struct buf wrong;

    buf_init(&wrong);
    play((unsigned)_i, 300, 300, do_nothing);
    hand_all(&writer);
    find_records(&records, &writer.out);
    for (unsigned n = 0; n < tries; n++) {
        make_wrong(&wrong, &writer.out, &records);
        if (!try_take(wrong.data, wrong.len))
            continue;
        taken++;
        for (int i = 0; i < 40; i++)
            play_step();
    }
    ck_assert_uint_gt(taken, 0);
    ck_assert_uint_lt(taken, tries);
    buf_deinit(&wrong);
    hand_writer_deinit(&writer);
}
END_TEST

/* ---- another program ---- */

static void furnish(void)
{
    chat.hooks.random = on_numbers;
    enter(&peers[0], 1, CODEC_TEXT);
    enter(&peers[1], 2, CODEC_V1);
    for (int i = 1; i <= 9; i++)
        SEND(&peers[0], "%d", i);
    settle();
    hand_all(&writer);
}

/* What somebody is sent who comes after it was handed over. */
static void expect_last(const char *const *texts)
{
    struct chat_entry entry = entry_of(3, CODEC_TEXT);

    entry.history = 100;
    enter_as(&peers[2], &entry);
    for (; *texts != NULL; texts++)
        expect(&peers[2], "Client #1 says: %s", *texts);
    expect_nothing(&peers[2]);
    check_books();
}

/* Where less is kept than before, the oldest goes. */
START_TEST(shorter_histories_are_filled)
{
    static const char *const last[][4] = {{NULL}, {"9", NULL}, {"7", "8", "9", NULL}};
    static const size_t limits[] = {0, 1, 3};

    furnish();
    config.history = limits[_i];
    ck_assert(try_take(writer.out.data, writer.out.len));
    expect_last(last[_i]);
    hand_writer_deinit(&writer);
}
END_TEST

START_TEST(smaller_memories_are_filled)
{
    furnish();
    config.history_memory = CHAT_ROOM_COST + 1000;
    ck_assert(try_take(writer.out.data, writer.out.len));
    SEND(&peers[0], "10");
    settle();
    check_books();
    hand_writer_deinit(&writer);
}
END_TEST

START_TEST(a_ring_may_be_longer_than_any_here)
{
    config.max_lag = 60000;
    world_restart();
    furnish();
    hand_writer_deinit(&writer);
    peers[1].window = 0;
    for (int i = 0; i < 100; i++) {
        SEND(&peers[0], "%0200d", i);
        settle();
    }
    hand_all(&writer);
    config.max_lag = 10;
    config.max_message = 200;
    ck_assert(try_take(writer.out.data, writer.out.len));
    ck_assert_uint_gt(room_named(LOBBY)->audience.ring[RENDITION_V1].size,
                      room_named(LOBBY)->audience.ring[RENDITION_V1].max_size);
    peers[1].window = SIZE_MAX;
    peers[1].is_blocked = false;
    skip_all(&peers[1]);
    SEND(&peers[0], "on");
    expect_start(&peers[1], "{\"type\":\"message\"");
    check_books();
    hand_writer_deinit(&writer);
}
END_TEST

START_TEST(smaller_tables_are_refused)
{
    furnish();
    config.max_clients = 1;
    begin_chat();
    chat.clients.capacity = 1; /* without the spare ones */
    read_anew(writer.out.data, writer.out.len);
    ck_assert(!take_all());
    ck_assert_str_eq(reader.why, "there are more seats than --max-clients allows");
    chat.clients.capacity = 1 + CHAT_SPARE_SEATS;
    hand_writer_deinit(&writer);
}
END_TEST

START_TEST(a_chat_in_use_takes_nothing)
{
    furnish();
    read_anew(writer.out.data, writer.out.len);
    ck_assert(!chat_take(&reader, &chat));
    ck_assert_str_eq(reader.why, "the chat is in use already");
    hand_writer_deinit(&writer);
}
END_TEST

START_TEST(who_waits_or_ends_is_not_handed_over)
{
    furnish();
    hand_writer_deinit(&writer);
    ck_assert_ptr_null(chat_cannot_hand(&chat));
    chat.asked++;
    ck_assert_str_eq(chat_cannot_hand(&chat), "something waits for its log");
    chat.asked--;
    chat_stop(&chat);
    ck_assert_str_eq(chat_cannot_hand(&chat), "it is about to end");
}
END_TEST

Suite *suite_chat_hand(void)
{
    Suite *suite = suite_create(SUITE_NAME);
    TCase *tc = tcase_create("chat_hand");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, goes_on_as_if_it_had_not_been_handed_over, 0, 5);
    tcase_add_loop_test(tc, no_part_of_a_state_is_taken_for_it, 0, 2);
    tcase_add_loop_test(tc, a_wrong_state_is_refused_or_one_that_can_be_lived_with, 0, 6);
    tcase_add_loop_test(tc, shorter_histories_are_filled, 0, 3);
    tcase_add_test(tc, smaller_memories_are_filled);
    tcase_add_test(tc, a_ring_may_be_longer_than_any_here);
    tcase_add_test(tc, smaller_tables_are_refused);
    tcase_add_test(tc, a_chat_in_use_takes_nothing);
    tcase_add_test(tc, who_waits_or_ends_is_not_handed_over);
    tcase_set_timeout(tc, 300);
    suite_add_tcase(suite, tc);
    return suite;
}
