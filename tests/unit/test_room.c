#include "chat/room.h"

#include <check.h>
#include <string.h>

Suite *suite_room(void);

#define PEOPLE 5

static const struct room_limits limits = {
    .ring_size = {1 << 16, 1 << 17}, .messages = 3, .presence = 4};
static const struct hash_seed seed = {1, 3};

static struct room_table table;
static struct room *room;
static struct client clients[PEOPLE];
static struct sendq queues[PEOPLE];

static void setup(void)
{
    ck_assert_int_eq(room_table_init(&table, 1, seed), 0);
    room = room_table_add(&table, STR("lobby"), 9, &limits);
    ck_assert_ptr_nonnull(room);
    for (int i = 0; i < PEOPLE; i++) {
        clients[i] = (struct client){.id = (uint64_t)i + 1, .out = &queues[i]};
        sendq_init(&queues[i]);
    }
}

static void teardown(void)
{
    for (int i = 0; i < PEOPLE; i++)
        sendq_deinit(&queues[i]);
    for (size_t i = 0; i < table.size; i++) {
        while (table.buckets[i] != NULL)
            room_table_remove(&table, table.buckets[i]);
    }
    room_table_deinit(&table);
}

START_TEST(a_new_room_is_empty)
{
    ck_assert_uint_eq(room->epoch, 9);
    ck_assert_uint_eq(room->seq, 0);
    ck_assert_uint_eq(room->member_count, 0);
    ck_assert_uint_eq(room->name_len, 5);
    ck_assert_mem_eq(room->name, "lobby", 5);
    ck_assert_uint_eq(room->messages.limit, 3);
    ck_assert_uint_eq(room->presence.limit, 4);
    for (int codec = 0; codec < CODEC_KINDS; codec++) {
        ck_assert_uint_eq(room->readers[codec].count, 0);
        ck_assert_uint_eq(room->ring[codec].max_size, limits.ring_size[codec]);
    }
    ck_assert(!list_is_linked(&room->dirty) && !list_is_linked(&room->quiet));
}
END_TEST

/* All rooms in one bucket: each is found and taken out of the middle of the chain. */
START_TEST(rooms_by_name)
{
    static const char *const names[] = {"a", "b", "ab", "lobb", "lobbyy", "LOBBY"};
    struct room *rooms[6];

    ck_assert_uint_eq(table.size, 1);
    for (size_t i = 0; i < 6; i++) {
        ck_assert_ptr_null(room_table_find(&table, str_from(names[i])));
        rooms[i] = room_table_add(&table, str_from(names[i]), i, &limits);
    }
    ck_assert_uint_eq(table.count, 7);
    for (size_t i = 0; i < 6; i += 2) {
        room_table_remove(&table, rooms[i]);
        ck_assert_ptr_null(room_table_find(&table, str_from(names[i])));
    }
    for (size_t i = 1; i < 6; i += 2)
        ck_assert_ptr_eq(room_table_find(&table, str_from(names[i])), rooms[i]);
    ck_assert_ptr_eq(room_table_find(&table, STR("lobby")), room);
    ck_assert_uint_eq(table.count, 4);
}
END_TEST

START_TEST(a_table_has_a_bucket_for_each)
{
    struct room_table large;

    ck_assert_int_eq(room_table_init(&large, 100, seed), 0);
    ck_assert_uint_eq(large.size, 128);
    ck_assert_ptr_null(room_table_find(&large, STR("lobby")));
    room_table_deinit(&large);
}
END_TEST

START_TEST(a_room_that_goes_leaves_its_lists)
{
    struct list dirty, quiet;

    list_init(&dirty);
    list_init(&quiet);
    list_append(&dirty, &room->dirty);
    list_append(&quiet, &room->quiet);
    room_table_remove(&table, room);
    ck_assert(list_is_empty(&dirty) && list_is_empty(&quiet));
}
END_TEST

static void check_members(void)
{
    for (size_t i = 0; i < room->member_count; i++) {
        ck_assert_uint_eq(room->members[i]->member, i);
        ck_assert_ptr_eq(room->members[i]->room, room);
    }
}

START_TEST(members_come_and_go)
{
    for (int i = 0; i < PEOPLE; i++) {
        ck_assert_int_eq(room_add_member(room, &clients[i]), 0);
        ck_assert_uint_eq(room->member_count, (unsigned)i + 1);
        check_members();
    }
    /* The first, one in the middle, the last, ... */
    for (int i = 0; i < PEOPLE; i++) {
        struct client *client = &clients[(i + _i) * 2 % PEOPLE];

        room_remove_member(room, client);
        ck_assert_ptr_null(client->room);
        ck_assert_uint_eq(room->member_count, PEOPLE - (unsigned)i - 1);
        check_members();
    }
}
END_TEST

static void check_readers(enum codec_kind codec, size_t count)
{
    const struct reader_set *set = &room->readers[codec];

    ck_assert_uint_eq(set->count, count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_eq(set->items[i]->slot, i);
        ck_assert_ptr_eq(set->items[i]->box, &room->ring[codec]);
    }
}

START_TEST(readers_come_and_go)
{
    for (unsigned i = 0; i < PEOPLE; i++) {
        clients[i].codec = (uint8_t)(i % 2);
        ck_assert_int_eq(room_add_reader(room, &clients[i]), 0);
        check_readers(CODEC_TEXT, (i + 2) / 2);
        check_readers(CODEC_V1, (i + 1) / 2);
    }
    ck_assert_int_eq(room_remove_reader(room, &clients[_i], 0), 0);
    ck_assert_ptr_null(queues[_i].box);
    check_readers(CODEC_TEXT, 3 - (size_t)(_i % 2 == 0));
    check_readers(CODEC_V1, 2 - (size_t)(_i % 2));
    for (int i = 0; i < PEOPLE; i++) {
        if (i != _i)
            ck_assert_int_eq(room_remove_reader(room, &clients[i], 0), 0);
    }
    check_readers(CODEC_TEXT, 0);
    check_readers(CODEC_V1, 0);
}
END_TEST

static void append(enum codec_kind codec, const char *frame, size_t len)
{
    ck_assert_int_eq(ring_reserve(&room->ring[codec], len), 0);
    ring_append(&room->ring[codec], frame, len);
}

START_TEST(removal_keeps_a_bounded_part)
{
    ck_assert_int_eq(room_add_reader(room, &clients[0]), 0);
    ck_assert_int_eq(room_add_reader(room, &clients[1]), 0);
    append(CODEC_TEXT, "\x81\x01x", 3);
    ck_assert_int_eq(room_remove_reader(room, &clients[0], 3), 0);
    ck_assert_uint_eq(queues[0].queued, 3);
    ck_assert_int_eq(room_remove_reader(room, &clients[1], 2), 0);
    ck_assert(sendq_is_empty(&queues[1]));
}
END_TEST

START_TEST(tails_follow_the_slowest)
{
    struct ring *text = &room->ring[CODEC_TEXT], *v1 = &room->ring[CODEC_V1];

    clients[2].codec = CODEC_V1;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(room_add_reader(room, &clients[i]), 0);
    append(CODEC_TEXT, "\x81\x01x\x81\x01y", 6);
    append(CODEC_V1, "\x81\x01x\x81\x01y", 6);
    sendq_advance(&queues[0], 6);
    sendq_advance(&queues[1], 2);
    room_raise_tails(room);
    ck_assert_uint_eq(text->tail, 2);
    ck_assert_uint_eq(v1->tail, 0);
    ck_assert_uint_eq(room_lag(room), 6);
    sendq_advance(&queues[1], 4);
    ck_assert_uint_eq(room_lag(room), 6);
    sendq_advance(&queues[2], 6);
    ck_assert_uint_eq(room_lag(room), 0);
    room_raise_tails(room);
    ck_assert_uint_eq(room_lag(room), 0);
    ck_assert_uint_eq(text->tail, 6);
    ck_assert_uint_eq(v1->tail, 6);
}
END_TEST

/* Nobody reads, so nothing is wanted. A reader that was overrun does not lower the tail. */
START_TEST(tails_never_fall)
{
    struct ring *box = &room->ring[CODEC_TEXT];
    char frame[102] = {(char)0x81, 100};

    append(CODEC_TEXT, "\x81\x01x", 3);
    room_raise_tails(room);
    ck_assert_uint_eq(box->tail, 3);
    ck_assert_int_eq(room_add_reader(room, &clients[0]), 0);
    while (!sendq_is_overrun(&queues[0])) {
        ck_assert_int_eq(ring_reserve_forced(box, sizeof(frame)), 0);
        ring_append(box, frame, sizeof(frame));
    }
    ck_assert_uint_gt(box->tail, 3);
    room_raise_tails(room);
    ck_assert_uint_eq(box->tail, box->head - box->size);
}
END_TEST

Suite *suite_room(void)
{
    Suite *suite = suite_create("room");
    TCase *cases = tcase_create("room");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, a_new_room_is_empty);
    tcase_add_test(cases, rooms_by_name);
    tcase_add_test(cases, a_table_has_a_bucket_for_each);
    tcase_add_test(cases, a_room_that_goes_leaves_its_lists);
    tcase_add_loop_test(cases, members_come_and_go, 0, PEOPLE);
    tcase_add_loop_test(cases, readers_come_and_go, 0, PEOPLE);
    tcase_add_test(cases, removal_keeps_a_bounded_part);
    tcase_add_test(cases, tails_follow_the_slowest);
    tcase_add_test(cases, tails_never_fall);
    suite_add_tcase(suite, cases);
    return suite;
}
