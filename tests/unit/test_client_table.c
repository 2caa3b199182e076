#include "chat/client_table.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

Suite *suite_client_table(void);

/* With this seed a small id is its own hash, so that tests choose the place of each in the index.
 */
static const struct hash_seed plain = {0, 1};

static struct client_table table;

static void teardown(void)
{
    client_table_deinit(&table);
}

static void init(size_t capacity)
{
    ck_assert_int_eq(client_table_init(&table, capacity, plain), 0);
}

static struct client *add(uint64_t id)
{
    struct client *client = client_table_add(&table, id);

    ck_assert_ptr_nonnull(client);
    ck_assert_uint_eq(client->id, id);
    return client;
}

static void drop(uint64_t id)
{
    struct client *client = client_table_find(&table, id);

    ck_assert_ptr_nonnull(client);
    client_table_remove(&table, client);
    ck_assert_ptr_null(client_table_find(&table, id));
}

START_TEST(fills_to_capacity)
{
    size_t capacity = (size_t)_i;

    init(capacity);
    ck_assert_uint_gt(table.index_size, capacity);
    for (uint64_t id = 1; id <= capacity; id++) {
        ck_assert(!client_table_is_full(&table));
        add(id * 1000);
    }
    ck_assert(client_table_is_full(&table));
    ck_assert_uint_eq(table.count, capacity);
    errno = 0;
    ck_assert_ptr_null(client_table_add(&table, 7));
    ck_assert_int_eq(errno, ENOSPC);
    ck_assert_ptr_null(client_table_find(&table, 7));
    for (uint64_t id = 1; id <= capacity; id++)
        ck_assert_uint_eq(client_table_find(&table, id * 1000)->id, id * 1000);
    drop(1000);
    ck_assert(!client_table_is_full(&table));
    add(7);
    ck_assert(client_table_is_full(&table));
}
END_TEST

START_TEST(an_id_has_one_holder)
{
    struct client *first;

    init(2);
    first = add(5);
    first->name_len = 3;
    errno = 0;
    ck_assert_ptr_null(client_table_add(&table, 5));
    ck_assert_int_eq(errno, EEXIST);
    ck_assert_ptr_eq(client_table_find(&table, 5), first);
    ck_assert_uint_eq(first->name_len, 3);
    ck_assert_uint_eq(table.count, 1);
    add(6);
    ck_assert_ptr_null(client_table_add(&table, 5));
    ck_assert_int_eq(errno, EEXIST);
}
END_TEST

START_TEST(smallest_and_largest_id)
{
    struct client *low, *high;

    init(8);
    ck_assert_ptr_null(client_table_find(&table, 1));
    ck_assert_ptr_null(client_table_find(&table, CODEC_ID_MAX));
    low = add(1);
    high = add(CODEC_ID_MAX);
    ck_assert_ptr_eq(client_table_find(&table, 1), low);
    ck_assert_ptr_eq(client_table_find(&table, CODEC_ID_MAX), high);
    ck_assert_ptr_null(client_table_find(&table, CODEC_ID_MAX - 1));
    drop(1);
    ck_assert_ptr_eq(client_table_find(&table, CODEC_ID_MAX), high);
}
END_TEST

START_TEST(a_new_client_is_blank)
{
    struct client *client;

    init(1);
    client = add(1);
    client->codec = CODEC_V1;
    client->key[0] = 1;
    client->name_len = 5;
    client->at.seat_until = 77;
    client_table_remove(&table, client);
    ck_assert_ptr_eq(add(2), client);
    ck_assert_ptr_null(client->channel);
    ck_assert_ptr_null(client_out(client));
    ck_assert_ptr_null(client_entering(client));
    ck_assert_ptr_null(client->name);
    ck_assert_uint_eq(client->at.seat_until, 0);
    ck_assert_uint_eq(client->name_len, 0);
    ck_assert_uint_eq(client->codec, CODEC_TEXT);
    ck_assert_uint_eq(client->key[0], 0);
    ck_assert_uint_eq(client->member, 0);
    ck_assert_uint_eq(client->list, CLIENT_LIST_NONE);
}
END_TEST

/* The ids of a list, as one decimal number. */
static uint64_t listed(enum client_list list)
{
    uint64_t ids = 0;
    struct client *client = client_table_first(&table, list), *last = NULL;

    while (client != NULL) {
        ck_assert_uint_eq(client->list, list);
        ck_assert_uint_eq(client->prev, last == NULL ? 0 : client_table_place(&table, last) + 1);
        ids = ids * 10 + client->id;
        last = client;
        client = client->next == 0 ? NULL : &table.clients[client->next - 1];
    }
    return ids;
}

START_TEST(a_client_is_in_one_list_or_in_none)
{
    struct client *clients[5];

    init(5);
    for (uint64_t id = 1; id <= 4; id++) {
        clients[id] = add(id);
        client_table_move(&table, clients[id], CLIENT_LIST_DUE);
    }
    ck_assert_uint_eq(listed(CLIENT_LIST_DUE), 1234);
    client_table_move(&table, clients[2], CLIENT_LIST_AWAY);
    client_table_move(&table, clients[1], CLIENT_LIST_AWAY);
    ck_assert_uint_eq(listed(CLIENT_LIST_DUE), 34);
    ck_assert_uint_eq(listed(CLIENT_LIST_AWAY), 21);
    client_table_move(&table, clients[3], CLIENT_LIST_DUE);
    ck_assert_uint_eq(listed(CLIENT_LIST_DUE), 43);
    client_table_move(&table, clients[3], CLIENT_LIST_NONE);
    client_table_move(&table, clients[3], CLIENT_LIST_NONE);
    client_table_move(&table, clients[4], CLIENT_LIST_NONE);
    ck_assert_uint_eq(listed(CLIENT_LIST_DUE), 0);
    client_table_move(&table, clients[4], CLIENT_LIST_DUE);
    ck_assert_uint_eq(listed(CLIENT_LIST_DUE), 4);
    ck_assert_uint_eq(listed(CLIENT_LIST_AWAY), 21);
    ck_assert_uint_eq(listed(CLIENT_LIST_OWED), 0);
}
END_TEST

START_TEST(clients_never_move)
{
    struct client *clients[8];

    init(8);
    for (uint64_t i = 0; i < 8; i++)
        clients[i] = add(i + 1);
    for (uint64_t i = 0; i < 8; i += 2)
        drop(i + 1);
    for (uint64_t i = 1; i < 8; i += 2)
        ck_assert_ptr_eq(client_table_find(&table, i + 1), clients[i]);
}
END_TEST

/* All ids want the same entry, also where the row of entries wraps around the end of the index. */
START_TEST(shared_bucket)
{
    uint64_t ids[8];

    init(8);
    for (uint64_t i = 0; i < 8; i++)
        ids[i] = (i + 1) * table.index_size + (uint64_t)_i;
    for (unsigned victim = 0; victim < 8; victim++) {
        for (unsigned i = 0; i < 8; i++)
            add(ids[i]);
        drop(ids[victim]);
        for (unsigned i = 0; i < 8; i++)
            ck_assert((client_table_find(&table, ids[i]) == NULL) == (i == victim));
        for (unsigned i = 0; i < 8; i++) {
            if (i != victim)
                drop(ids[i]);
        }
        for (size_t i = 0; i < table.index_size; i++)
            ck_assert_uint_eq(table.index[i], 0);
    }
}
END_TEST

/* Two rows of entries run into each other: an entry that is at home must not be moved before it. */
START_TEST(neighbouring_buckets)
{
    uint64_t size;

    init(8);
    size = table.index_size;
    for (uint64_t base = 0; base < size; base++) {
        uint64_t ids[] = {size + base, 2 * size + base, size + (base + 1) % size, 3 * size + base,
                          size + (base + 3) % size};

        for (unsigned victim = 0; victim < 5; victim++) {
            for (unsigned i = 0; i < 5; i++)
                add(ids[i]);
            drop(ids[victim]);
            for (unsigned i = 0; i < 5; i++)
                ck_assert((client_table_find(&table, ids[i]) == NULL) == (i == victim));
            for (unsigned i = 0; i < 5; i++) {
                if (i != victim)
                    drop(ids[i]);
            }
        }
    }
}
END_TEST

/* Random turns against an array that says who is in. Ids are few, so that most of them meet. */
static void play(size_t capacity, unsigned ids, struct hash_seed seed, unsigned turns)
{
    struct client **model = calloc(ids, sizeof(*model));
    uint64_t state = 1;
    size_t count = 0;

    ck_assert_ptr_nonnull(model);
    ck_assert_int_eq(client_table_init(&table, capacity, seed), 0);
    for (unsigned turn = 0; turn < turns; turn++) {
        unsigned at;
        uint64_t id;

        state = state * 6364136223846793005u + 1442695040888963407u;
        at = (unsigned)(state >> 40) % ids;
        id = (uint64_t)at % 16 * table.index_size + at / 16 + 1;
        if (client_table_find(&table, id) != model[at])
            ck_abort_msg("turn %u: id %llu", turn, (unsigned long long)id);
        if (model[at] != NULL) {
            client_table_remove(&table, model[at]);
            model[at] = NULL;
            count--;
        } else if ((model[at] = client_table_add(&table, id)) != NULL) {
            count++;
        } else {
            ck_assert_int_eq(errno, ENOSPC);
            ck_assert_uint_eq(count, capacity);
        }
        if (table.count != count || client_table_is_full(&table) != (count == capacity))
            ck_abort_msg("turn %u: %zu clients", turn, table.count);
    }
    free(model);
    client_table_deinit(&table);
}

START_TEST(random_against_model)
{
    static const struct hash_seed random = {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9};

    play(8, 24, plain, 20000);
    play(8, 24, random, 20000);
    play(1, 3, plain, 1000);
    play(1000, 1600, plain, 60000);
    play(1000, 1600, random, 60000);
}
END_TEST

/* A handle finds its client, and never the next one at the same place. */
START_TEST(handles_outlive_clients)
{
    struct client *client;
    uint32_t place, generation;

    init(2);
    client = add(7);
    place = client_table_place(&table, client);
    generation = client->generation;
    ck_assert_ptr_eq(client_table_at(&table, place, generation), client);
    drop(7);
    ck_assert_ptr_null(client_table_at(&table, place, generation));
    ck_assert_ptr_null(client_table_at(&table, place, generation + 1));
    client = add(7);
    ck_assert_uint_eq(client_table_place(&table, client), place);
    ck_assert_ptr_null(client_table_at(&table, place, generation));
    ck_assert_ptr_eq(client_table_at(&table, place, client->generation), client);
}
END_TEST

Suite *suite_client_table(void)
{
    Suite *suite = suite_create("client_table");
    TCase *cases = tcase_create("client_table");

    tcase_add_checked_fixture(cases, NULL, teardown);
    tcase_add_loop_test(cases, fills_to_capacity, 1, 18);
    tcase_add_test(cases, an_id_has_one_holder);
    tcase_add_test(cases, smallest_and_largest_id);
    tcase_add_test(cases, a_new_client_is_blank);
    tcase_add_test(cases, a_client_is_in_one_list_or_in_none);
    tcase_add_test(cases, clients_never_move);
    tcase_add_loop_test(cases, shared_bucket, 0, 16);
    tcase_add_test(cases, neighbouring_buckets);
    tcase_add_test(cases, random_against_model);
    tcase_add_test(cases, handles_outlive_clients);
    suite_add_tcase(suite, cases);
    return suite;
}
