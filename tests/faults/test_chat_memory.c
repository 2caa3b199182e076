/* Every allocation of the chat fails in turn. Whatever that does to one client, the books must be
 * right afterwards, nothing may leak, and whoever stays is told one and the same story. */
#include "wrap.h"

#include <check.h>
#include <errno.h>

#include "unit/chat_world.h"

Suite *suite_chat_memory(void);

#define A (&peers[0])
#define B (&peers[1])
#define C (&peers[2])
#define D (&peers[3])

static void start(void)
{
    fault_reset();
    world_start();
}

static void setup(void)
{
    world_config();
    config.leave_grace = 100000;
    start();
}

static void teardown(void)
{
    fault_reset();
    world_teardown();
}

static void restart(void)
{
    teardown();
    start();
}

START_TEST(init_fails_whole)
{
    static const enum fault_call calls[] = {FAULT_MALLOC, FAULT_MMAP};
    const struct chat_hooks hooks = {.random = on_random};
    struct log *log = world_log();
    struct chat other;

    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        for (long nth = 1;; nth++) {
            int result;

            fault_fail_nth(calls[i], nth, ENOMEM);
            result = chat_init(&other, &config, &hooks, log);
            ck_assert_int_eq(result, fault_has_struck(calls[i]) ? -1 : 0);
            fault_reset();
            if (result == 0)
                break;
            ck_assert_int_eq(errno, ENOMEM);
        }
        chat_deinit(&other);
        log = world_log();
    }
    log->ops->free(log);
}
END_TEST

/* ---- entering ---- */

/* A room with a past, somebody of each codec in it, and a seat that waits for its owner. */
static void furnish(void)
{
    enter(A, 1, CODEC_TEXT);
    enter(B, 2, CODEC_V1);
    for (int i = 0; i < 3; i++)
        SEND(A, "%d", i);
    SEND(B, "{\"type\":\"rename\",\"name\":\"ada\"}");
    skip_all(A);
    skip_all(B);
    enter(C, 3, CODEC_V1);
    skip_all(C);
    leave(C, true);
    skip_all(A);
    skip_all(B);
    settle();
}

/* Many long names make a welcome of many pieces. */
static void furnish_with_crowd(void)
{
    for (int i = 4; i < PEERS - 1; i++) {
        struct chat_entry entry = entry_of(100 + (uint64_t)i, CODEC_TEXT);

        entry.name = STR("a name that is about as long as a name may be: 64 bytes at most");
        enter_as(&peers[i], &entry);
    }
    skip_all(A);
    skip_all(B);
}

/* Those who were there before must not have heard of anybody who did not get in. */
static void check_nobody_noticed(void)
{
    expect_nothing(A);
    expect_nothing(B);
}

static struct chat_entry entry_for(int kind)
{
    struct chat_entry entry = entry_of(9, kind == 0 ? CODEC_TEXT : CODEC_V1);

    entry.history = 10;
    entry.name = STR("eve");
    if (kind == 2)
        entry.room = STR("elsewhere");
    return entry;
}

/* Enters with the nth allocation failing. Returns false when there were fewer. */
static bool enter_with_fault(const struct chat_entry *entry, long nth, enum chat_result *result)
{
    bool has_struck;

    fault_fail_nth(FAULT_MALLOC, nth, ENOMEM);
    *result = chat_enter(&chat, entry, &D->out, &D->client);
    await_seat(D);
    has_struck = fault_has_struck(FAULT_MALLOC);
    fault_reset();
    return has_struck;
}

/* It was let in, but could not be connected: so the others hear that it came and went. */
static void check_came_and_went(void)
{
    const char *message;
    int joins = 0, leaves = 0;

    skip_all(A);
    fetch(B);
    while ((message = next_message(B)) != NULL) {
        joins += strncmp(message, "{\"type\":\"join\"", 14) == 0;
        leaves += strncmp(message, "{\"type\":\"leave\"", 15) == 0;
    }
    ck_assert(B->client == NULL || joins == leaves);
}

START_TEST(entering_fails_whole)
{
    struct chat_entry entry = entry_for(_i);
    enum chat_result result;
    bool has_struck = true;
    int refused = 0;

    for (long nth = 1; has_struck; nth++) {
        size_t before, rooms;

        restart();
        furnish();
        if (_i == 3)
            furnish_with_crowd();
        before = chat.clients.count;
        rooms = chat.channels.count;
        has_struck = enter_with_fault(&entry, nth, &result);
        check_books();
        if (result == CHAT_OK && D->client != NULL) {
            settle();
            ck_assert(D->was_closed == (D->client == NULL));
            check_books();
            continue;
        }
        refused++;
        settle();
        ck_assert(result == CHAT_NO_MEMORY || D->let_go == WS_CLOSE_TRY_AGAIN_LATER);
        ck_assert_ptr_null(D->client);
        ck_assert_ptr_null(D->out.box);
        ck_assert_uint_eq(chat.clients.count, before);
        ck_assert_uint_eq(chat.channels.count, rooms);
        if (result == CHAT_NO_MEMORY)
            check_nobody_noticed();
        else
            check_came_and_went();
        reconnect(D);
        enter_as(D, &entry);
        settle();
        ck_assert(!D->was_closed);
        check_books();
    }
    ck_assert_int_eq(result, CHAT_OK);
    ck_assert_int_gt(refused, 2);
}
END_TEST

/* The owner of a seat comes back: in the same room, with another name, in another room. Where that
 * fails, the seat waits on; only the move to another room may lose it. */
START_TEST(take_over_keeps_the_seat)
{
    bool is_connected = _i % 2 == 1, has_struck = true;
    int kind = _i / 2;
    enum chat_result result;

    for (long nth = 1; has_struck; nth++) {
        struct chat_entry entry = entry_of(3, CODEC_V1);

        restart();
        furnish();
        entry.key = str_from(C->key);
        entry.since = str_from(C->pos);
        entry.name = kind == 1 ? STR("eve") : (struct str){NULL, 0};
        entry.room = kind == 2 ? STR("elsewhere") : STR(LOBBY);
        if (is_connected) {
            reconnect(C);
            enter_as(C, &entry);
            if (kind == 2) {
                leave(C, true);
                restart();
                furnish();
            }
            skip_all(C);
            entry.key = str_from(C->key);
        }
        has_struck = enter_with_fault(&entry, nth, &result);
        check_books();
        settle();
        check_books();
        if (D->client != NULL || D->was_closed)
            continue;
        ck_assert(result == CHAT_NO_MEMORY || D->let_go == WS_CLOSE_TRY_AGAIN_LATER);
        ck_assert_ptr_null(D->out.box);
        ck_assert(kind == 2 || chat.clients.count == 3);
        reconnect(D);
        enter_as(D, &entry);
        settle();
        ck_assert_uint_eq(chat.clients.count, 3);
        check_books();
    }
    ck_assert_int_eq(result, CHAT_OK);
}
END_TEST

/* ---- speaking ---- */

static const char *const commands[] = {
    "{\"type\":\"say\",\"text\":\"hi\",\"ref\":\"r\"}",
    "{\"type\":\"say\",\"text\":\"hi\",\"to\":1}",
    "{\"type\":\"say\",\"text\":\"hi\",\"to\":3}",
    "{\"type\":\"say\",\"text\":\"hi\",\"to\":4}",
    "{\"type\":\"say\",\"text\":\"hi\",\"to\":5}",
    "{\"type\":\"rename\",\"name\":\"eve\"}",
    "{\"type\":\"rename\",\"name\":\"\"}",
    "nonsense",
};

/* How what the sender gets begins. */
static const char *const answers[] = {
    "{\"type\":\"message\"",
    "{\"type\":\"direct\"",
    "{\"type\":\"error\",\"code\":\"away\"",
    "{\"type\":\"direct\"",
    "{\"type\":\"error\",\"code\":\"no-such-client\"",
    "{\"type\":\"rename\"",
    "{\"type\":\"rename\"",
    "{\"type\":\"error\",\"code\":\"bad-json\"",
};

#define COMMANDS ((int)ARRAY_LEN(commands))

static bool receive_with_fault(struct peer *peer, const char *command, long nth, int *result)
{
    char message[200];
    size_t len = strlen(command);
    bool has_struck;

    memcpy(message, command, len);
    await_turn(peer);
    fault_fail_nth(FAULT_MALLOC, nth, ENOMEM);
    *result = chat_receive(&chat, peer->client, message, len);
    has_struck = fault_has_struck(FAULT_MALLOC);
    fault_reset();
    return has_struck;
}

/* Drops the buffers that the chat keeps for its next event, so that it has to ask for them. */
static void forget_buffers(void)
{
    for (int kind = 0; kind < RENDITIONS; kind++)
        buf_deinit(&chat.frames[kind]);
    buf_deinit(&chat.scratch);
    for (int i = 0; i < 20; i++)
        pass(1000);
}

/* Its receiver may be the one who cannot be told: then the sender hears that it is busy. */
static bool is_direct(const char *command)
{
    return strstr(command, "\"to\":") != NULL;
}

START_TEST(commands_fail_whole)
{
    bool has_struck = true;
    int result = -1;

    for (long nth = 1; has_struck; nth++) {
        restart();
        furnish();
        forget_buffers();
        enter(D, 4, CODEC_V1);
        skip_all(A);
        skip_all(B);
        skip_all(D);
        forget_buffers();
        has_struck = receive_with_fault(B, commands[_i], nth, &result);
        if (result < 0)
            ck_assert_int_eq(errno, ENOMEM);
        check_books();
        settle();
        check_books();
        if (result < 0 && (_i == 0 || _i >= 5))
            check_nobody_noticed();
        else if (result == 0 && B->client != NULL && !(has_struck && is_direct(commands[_i])))
            expect_start(B, answers[_i]);
        if (B->client != NULL)
            SEND(B, "{\"type\":\"say\",\"text\":\"again\"}");
        skip_all(A);
        skip_all(B);
        skip_all(D);
        check_books();
    }
    ck_assert_int_eq(result, 0);
}
END_TEST

/* The author of a plain text message is told so, or its connection ends: never silence. */
START_TEST(authors_are_told_or_closed)
{
    bool has_struck = true;
    int result = -1, closed = 0;

    config.broadcast_all = _i == 1;
    for (long nth = 1; has_struck; nth++) {
        restart();
        furnish();
        forget_buffers();
        has_struck = receive_with_fault(A, "hi", nth, &result);
        settle();
        check_books();
        if (result < 0) {
            check_nobody_noticed();
            continue;
        }
        expect_start(B, "{\"type\":\"message\"");
        if (A->client == NULL) {
            closed++;
            ck_assert(A->was_closed);
            expect_start(B, "{\"type\":\"leave\"");
            skip_all(A);
        } else {
            expect(A, "You wrote: hi");
            if (_i == 1)
                expect(A, "Client #1 says: hi");
        }
        expect_nothing(A);
        expect_nothing(B);
    }
    ck_assert_int_eq(result, 0);
    ck_assert_int_gt(closed, 0);
}
END_TEST

/* A message that could not be remembered makes no hole in a replay, be it of what came after a
 * position or of the last messages. */
START_TEST(replays_have_no_holes)
{
    bool has_struck = true;
    int result = -1, forgotten = 0;

    for (long nth = 1; has_struck; nth++) {
        struct chat_entry entry = entry_of(9, CODEC_V1);
        const char *message;
        int next = 0, end = 3;

        restart();
        furnish();
        entry.history = 10;
        if (_i == 1)
            entry.since = str_from(B->pos);
        has_struck = receive_with_fault(A, "3", nth, &result);
        end += result == 0;
        settle();
        if (result == 0 && A->client != NULL)
            SEND(A, "%d", end++);
        enter_as(D, &entry);
        fetch(D);
        message = next_message(D);
        forgotten += room_named(LOBBY)->messages.count < (size_t)end;
        if (strstr(message, "\"recovered\":true") != NULL)
            next = 3;
        else
            next = end - (int)room_named(LOBBY)->messages.count;
        while ((message = next_message(D)) != NULL) {
            const char *text = strstr(message, "\"text\":\"");

            if (text != NULL)
                ck_assert_int_eq(atoi(text + 8), next++);
        }
        ck_assert_int_eq(next, end);
        check_books();
    }
    ck_assert_int_eq(result, 0);
    ck_assert_int_gt(forgotten, 0);
}
END_TEST

/* ---- leaving ---- */

START_TEST(leaving_always_works)
{
    bool has_struck = true;

    for (long nth = 1; has_struck; nth++) {
        restart();
        furnish();
        SEND(A, "to be kept");
        SEND(B, "{\"type\":\"say\",\"text\":\"to be kept\"}");
        forget_buffers();
        A->window = _i == 0 ? 1 : SIZE_MAX; /* in the middle of a frame, or between two */
        settle();
        if (_i > 0)
            SEND(B, "{\"type\":\"say\",\"text\":\"not sent\"}");
        fault_fail_nth(FAULT_MALLOC, nth, ENOMEM);
        leave(A, false);
        has_struck = fault_has_struck(FAULT_MALLOC);
        fault_reset();
        ck_assert_uint_eq(chat.clients.count, 2);
        ck_assert(!A->is_cut || (_i == 0 && sendq_is_empty(&A->out)));
        settle();
        check_books();
        take(A, SIZE_MAX);
        while (!A->is_cut && next_message(A) != NULL)
            ;
        ck_assert(A->is_cut || A->got_read == A->got_len);
        pass(200000);
        /* Who could not be told of it is closed, rather than left with somebody who is gone. */
        ck_assert(B->client != NULL || B->was_closed);
        ck_assert_uint_eq(chat.clients.count, B->client != NULL);
        check_books();
    }
}
END_TEST

/* ---- the codecs ---- */

static int encode_any(struct buf *out, int what)
{
    static const struct event events[] = {
        {.kind = EVENT_MESSAGE, .seq = 1, .text = {"hi", 2}, .ref = {"r", 1}},
        {.kind = EVENT_DIRECT, .to = 2, .text = {"hi", 2}},
        {.kind = EVENT_LEAVE, .seq = 1, .name = {"ada", 3}},
        {.kind = EVENT_COUNT, .count = 5},
    };
    const struct welcome welcome = {
        .id = 1, .room = STR("r"), .name = STR("n"), .pos = "p", .key = "k", .recovered = true};

    if (what < 8)
        return codecs[what % 2]->encode(out, &events[what / 2]);
    switch (what) {
    case 8:
        return codecs[CODEC_V1]->encode_error(out, "code", "why", STR("ref"));
    case 9:
        return codec_v1_welcome_begin(out, &welcome);
    case 10:
        return codec_v1_welcome_member(out, 1, STR("ada"), true);
    default:
        return codec_v1_welcome_end(out, &welcome);
    }
}

/* Whatever a buffer has room for, and may not grow: the codec says that it was not enough. */
START_TEST(wires_report_failure)
{
    struct buf whole;

    fault_reset();
    buf_init(&whole);
    ck_assert_int_eq(encode_any(&whole, _i), 0);
    for (size_t cap = 0; cap <= whole.len; cap++) {
        struct buf out = {.data = malloc(cap + 1), .cap = cap};
        int result;

        ck_assert_ptr_nonnull(out.data);
        fault_fail_from(FAULT_MALLOC, 1, ENOMEM);
        result = encode_any(&out, _i);
        fault_reset();
        ck_assert_int_eq(result, cap < whole.len ? -1 : 0);
        ck_assert_uint_le(out.len, cap);
        ck_assert(out.len == 0 || memcmp(out.data, whole.data, out.len) == 0);
        free(out.data);
    }
    buf_deinit(&whole);
}
END_TEST

/* ---- a long life ---- */

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static void live_one_turn(uint64_t *state)
{
    static const char *const rooms[] = {LOBBY, "a", "b"};
    struct peer *peer = &peers[next_random(state) % 8];
    struct chat_entry entry =
        entry_of((uint64_t)(peer - peers) + 1, (enum codec_kind)(next_random(state) % 2));
    char message[200];
    int len;

    entry.room = str_from(rooms[next_random(state) % 3]);
    entry.history = next_random(state) % 5;
    entry.since = str_from(peer->pos);
    entry.key = str_from(peer->key);
    if (peer->client == NULL) {
        chat_enter(&chat, &entry, &peer->out, &peer->client);
        await_seat(peer);
        return;
    }
    switch (next_random(state) % 6) {
    case 0:
        leave(peer, next_random(state) % 2 == 0);
        return;
    case 1:
        settle();
        return;
    case 2:
        chat_set_time(&chat, chat.now + next_random(state) % 3000, 5);
        chat_expire(&chat);
        return;
    default:
        await_turn(peer);
        len = snprintf(message, sizeof(message), "%s",
                       commands[next_random(state) % ARRAY_LEN(commands)]);
        if (chat_receive(&chat, peer->client, message, (size_t)len) < 0 && peer->client != NULL)
            leave(peer, false);
        return;
    }
}

/* After each turn, whatever has failed, the books are right; and in the end all memory is back. */
START_TEST(books_stay_right)
{
    uint64_t state = (uint64_t)_i + 1;

    config.history_memory = 5000;
    config.presence_limit = 4;
    restart();
    for (int turn = 0; turn < 1500; turn++) {
        unsigned how = next_random(&state) % 4;

        if (how == 1)
            fault_fail_nth(FAULT_MALLOC, 1 + next_random(&state) % 6, ENOMEM);
        else if (how == 2)
            fault_fail_from(FAULT_MALLOC, 1 + next_random(&state) % 6, ENOMEM);
        live_one_turn(&state);
        fault_reset();
        check_books();
        for (int i = 0; i < 8; i++) {
            if (peers[i].client != NULL && next_random(&state) % 4 == 0)
                skip_all(&peers[i]);
            if (peers[i].client == NULL)
                reconnect(&peers[i]);
        }
        check_books();
    }
    for (int i = 0; i < 8; i++) {
        if (peers[i].client != NULL)
            leave(&peers[i], false);
    }
    pass(200000);
    ck_assert_uint_eq(chat.clients.count, 0);
    check_books();
}
END_TEST

Suite *suite_chat_memory(void)
{
    Suite *suite = suite_create("chat_memory");
    TCase *cases = tcase_create("chat_memory");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, init_fails_whole);
    tcase_add_loop_test(cases, entering_fails_whole, 0, 4);
    tcase_add_loop_test(cases, take_over_keeps_the_seat, 0, 6);
    tcase_add_loop_test(cases, commands_fail_whole, 0, COMMANDS);
    tcase_add_loop_test(cases, authors_are_told_or_closed, 0, 2);
    tcase_add_loop_test(cases, replays_have_no_holes, 0, 2);
    tcase_add_loop_test(cases, leaving_always_works, 0, 2);
    tcase_add_loop_test(cases, wires_report_failure, 0, 12);
    tcase_add_loop_test(cases, books_stay_right, 0, 6);
    suite_add_tcase(suite, cases);
    return suite;
}
