#include "chat/channel.h"

#include <check.h>
#include <string.h>

Suite *suite_channel(void);

#define PEOPLE 5

static struct channel_limits limits = {.messages = 3, .presence = 4};
static const struct hash_seed seed = {1, 3};

static struct channel_table table;
static struct channel *room;
static struct client clients[PEOPLE];

static void setup(void)
{
    for (int kind = 0; kind < RENDITIONS; kind++)
        limits.ring_size[kind] = (size_t)1 << (16 + kind % 2);
    ck_assert_int_eq(channel_table_init(&table, 1, seed), 0);
    room = channel_table_add(&table, STR("lobby"), &limits);
    ck_assert_ptr_nonnull(room);
    for (int i = 0; i < PEOPLE; i++)
        clients[i] = (struct client){.id = (uint64_t)i + 1};
}

static void teardown(void)
{
    for (size_t i = 0; i < table.size; i++) {
        while (table.buckets[i] != NULL)
            channel_table_remove(&table, table.buckets[i]);
    }
    channel_table_deinit(&table);
}

START_TEST(a_new_room_is_empty)
{
    ck_assert_uint_eq(room->log.committed, 0);
    ck_assert_uint_eq(room->member_count, 0);
    ck_assert(str_equals(room->log.name, STR("lobby")));
    ck_assert_uint_eq(room->messages.limit, 3);
    ck_assert_uint_eq(room->presence.limit, 4);
    for (int kind = 0; kind < RENDITIONS; kind++) {
        ck_assert_uint_eq(room->audience.readers[kind].count, 0);
        ck_assert_uint_eq(room->audience.ring[kind].max_size, limits.ring_size[kind]);
    }
    ck_assert(!list_is_linked(&room->dirty) && !list_is_linked(&room->quiet));
}
END_TEST

/* Of the minute before as much counts as the last 60 seconds still have of it. */
START_TEST(messages_of_the_last_minute)
{
    uint64_t start = 7 * 60000;

    ck_assert_uint_eq(channel_messages(room, start), 0);
    for (int i = 0; i < 10; i++)
        channel_count_message(room, start + 100);
    ck_assert_uint_eq(channel_messages(room, start + 100), 10);
    ck_assert_uint_eq(channel_messages(room, start + 59999), 10);
    ck_assert_uint_eq(channel_messages(room, start + 60000), 10);
    ck_assert_uint_eq(channel_messages(room, start + 90000), 5);
    channel_count_message(room, start + 90000);
    ck_assert_uint_eq(channel_messages(room, start + 90000), 6);
    ck_assert_uint_eq(channel_messages(room, start + 119999), 1);
    ck_assert_uint_eq(channel_messages(room, start + 120000), 1);
    ck_assert_uint_eq(channel_messages(room, start + 180000), 0);
    channel_count_message(room, start + 300000);
    ck_assert_uint_eq(channel_messages(room, start + 300000), 1);
}
END_TEST

/* All rooms in one bucket: each is found and taken out of the middle of the chain. */
START_TEST(rooms_by_name)
{
    static const char *const names[] = {"a", "b", "ab", "lobb", "lobbyy", "LOBBY"};
    struct channel *rooms[6];

    ck_assert_uint_eq(table.size, 1);
    for (size_t i = 0; i < 6; i++) {
        ck_assert_ptr_null(channel_table_find(&table, str_from(names[i])));
        rooms[i] = channel_table_add(&table, str_from(names[i]), &limits);
    }
    ck_assert_uint_eq(table.count, 7);
    for (size_t i = 0; i < 6; i += 2) {
        channel_table_remove(&table, rooms[i]);
        ck_assert_ptr_null(channel_table_find(&table, str_from(names[i])));
    }
    for (size_t i = 1; i < 6; i += 2)
        ck_assert_ptr_eq(channel_table_find(&table, str_from(names[i])), rooms[i]);
    ck_assert_ptr_eq(channel_table_find(&table, STR("lobby")), room);
    ck_assert_uint_eq(table.count, 4);
}
END_TEST

START_TEST(a_table_has_a_bucket_for_each)
{
    struct channel_table large;

    ck_assert_int_eq(channel_table_init(&large, 100, seed), 0);
    ck_assert_uint_eq(large.size, 128);
    ck_assert_ptr_null(channel_table_find(&large, STR("lobby")));
    channel_table_deinit(&large);
}
END_TEST

START_TEST(a_room_that_goes_leaves_its_lists)
{
    struct list dirty, quiet;

    list_init(&dirty);
    list_init(&quiet);
    list_append(&dirty, &room->dirty);
    list_append(&quiet, &room->quiet);
    channel_table_remove(&table, room);
    ck_assert(list_is_empty(&dirty) && list_is_empty(&quiet));
}
END_TEST

static void check_members(void)
{
    for (size_t i = 0; i < room->member_count; i++) {
        ck_assert_uint_eq(room->members[i]->member, i);
        ck_assert_ptr_eq(room->members[i]->channel, room);
    }
}

START_TEST(members_come_and_go)
{
    for (int i = 0; i < PEOPLE; i++) {
        ck_assert_int_eq(channel_reserve_member(room), 0);
        channel_add_member(room, &clients[i]);
        ck_assert_uint_eq(room->member_count, (unsigned)i + 1);
        check_members();
    }
    /* The first, one in the middle, the last, ... */
    for (int i = 0; i < PEOPLE; i++) {
        struct client *client = &clients[(i + _i) * 2 % PEOPLE];

        channel_remove_member(room, client);
        ck_assert_ptr_null(client->channel);
        ck_assert_uint_eq(room->member_count, PEOPLE - (unsigned)i - 1);
        check_members();
    }
}
END_TEST

/* A place that is kept is there when the member comes, whoever leaves meanwhile. */
START_TEST(places_are_kept)
{
    for (int i = 0; i < PEOPLE; i++)
        ck_assert_int_eq(channel_reserve_member(room), 0);
    ck_assert_uint_ge(room->member_size, PEOPLE);
    channel_add_member(room, &clients[0]);
    channel_remove_member(room, &clients[0]);
    ck_assert_uint_ge(room->member_size, PEOPLE - 1);
    ck_assert_int_eq(channel_reserve_member(room), 0);
    for (int i = 0; i < PEOPLE; i++)
        channel_add_member(room, &clients[i]);
    check_members();
    ck_assert_uint_eq(room->joining, 0);
}
END_TEST

START_TEST(who_did_not_come_needs_no_place)
{
    ck_assert_int_eq(channel_reserve_member(room), 0);
    channel_unreserve_member(room);
    ck_assert_uint_eq(room->joining, 0);
}
END_TEST

/* Memory for members goes with them. */
START_TEST(arrays_shrink)
{
    static struct client many[100];

    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(channel_reserve_member(room), 0);
        channel_add_member(room, &many[i]);
    }
    ck_assert_uint_ge(room->member_size, 100);
    for (int i = 0; i < 100; i++) {
        channel_remove_member(room, &many[i]);
        ck_assert_uint_le(room->member_size, 4 * (room->member_count + 1));
    }
    ck_assert_ptr_null(room->members);
}
END_TEST

START_TEST(who_wants_a_channel)
{
    ck_assert(!channel_is_wanted(room));
    room->waiting = 1;
    ck_assert(channel_is_wanted(room));
    room->waiting = 0;
    ck_assert_int_eq(channel_reserve_member(room), 0);
    channel_add_member(room, &clients[0]);
    ck_assert(channel_is_wanted(room));
    channel_remove_member(room, &clients[0]);
    ck_assert(!channel_is_wanted(room));
}
END_TEST

Suite *suite_channel(void)
{
    Suite *suite = suite_create("channel");
    TCase *cases = tcase_create("channel");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, a_new_room_is_empty);
    tcase_add_test(cases, messages_of_the_last_minute);
    tcase_add_test(cases, rooms_by_name);
    tcase_add_test(cases, a_table_has_a_bucket_for_each);
    tcase_add_test(cases, a_room_that_goes_leaves_its_lists);
    tcase_add_loop_test(cases, members_come_and_go, 0, PEOPLE);
    tcase_add_test(cases, places_are_kept);
    tcase_add_test(cases, who_did_not_come_needs_no_place);
    tcase_add_test(cases, arrays_shrink);
    tcase_add_test(cases, who_wants_a_channel);
    suite_add_tcase(suite, cases);
    return suite;
}
