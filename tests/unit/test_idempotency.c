/* What was answered to requests with a key. */
#include "web/idempotency.h"

#include <check.h>
#include <errno.h>

Suite *suite_idempotency(void);

static struct idempotency table;
static const uint8_t content[SHA256_SIZE] = {1};

static void setup(void)
{
    idempotency_init(&table);
}

static void teardown(void)
{
    idempotency_deinit(&table);
}

static const uint8_t *id_of(const char *sub, const char *room, const char *key)
{
    static uint8_t id[SHA256_SIZE];

    idempotency_id(id, str_from(sub), str_from(room), str_from(key));
    return id;
}

START_TEST(an_answer_is_kept_for_its_time)
{
    struct idempotent *entry = idempotency_begin(&table, id_of("a", "r", "k"), content, 1000);

    ck_assert_ptr_nonnull(entry);
    idempotency_settle(entry, 7, 8, 9);
    entry = idempotency_find(&table, id_of("a", "r", "k"), 1000 + IDEMPOTENCY_MS - 1);
    ck_assert_ptr_nonnull(entry);
    ck_assert(entry->is_settled && entry->epoch == 7 && entry->seq == 8 && entry->ts == 9);
    ck_assert_ptr_null(idempotency_find(&table, id_of("a", "r", "k"), 1000 + IDEMPOTENCY_MS));
    ck_assert_uint_eq(table.count, 0);
}
END_TEST

START_TEST(one_that_waits_is_not_forgotten)
{
    ck_assert_ptr_nonnull(idempotency_begin(&table, id_of("a", "r", "k"), content, 1000));
    ck_assert_ptr_nonnull(
        idempotency_find(&table, id_of("a", "r", "k"), 1000 + 2 * IDEMPOTENCY_MS));
    idempotency_drop(&table, idempotency_find(&table, id_of("a", "r", "k"), 1000));
    ck_assert_ptr_null(idempotency_find(&table, id_of("a", "r", "k"), 1000));
}
END_TEST

/* The parts of a key cannot be shifted into each other. */
START_TEST(keys_are_of_a_subject_and_a_room)
{
    ck_assert_ptr_nonnull(idempotency_begin(&table, id_of("ab", "c", "d"), content, 1));
    ck_assert_ptr_null(idempotency_find(&table, id_of("a", "bc", "d"), 1));
    ck_assert_ptr_null(idempotency_find(&table, id_of("ab", "cd", ""), 1));
    ck_assert_ptr_null(idempotency_find(&table, id_of("ab", "c", "e"), 1));
    ck_assert_ptr_nonnull(idempotency_find(&table, id_of("ab", "c", "d"), 1));
}
END_TEST

START_TEST(there_is_room_for_so_many)
{
    uint8_t id[SHA256_SIZE] = {0};

    for (unsigned i = 0; i < IDEMPOTENCY_MAX; i++) {
        id[0] = (uint8_t)i;
        id[1] = (uint8_t)(i >> 8);
        id[2] = (uint8_t)(i >> 16);
        ck_assert_ptr_nonnull(idempotency_begin(&table, id, content, i == 0 ? 0 : 1));
    }
    id[3] = 1;
    ck_assert_ptr_null(idempotency_begin(&table, id, content, 1));
    ck_assert_int_eq(errno, ENOSPC);
    id[0] = id[1] = id[2] = id[3] = 0;
    idempotency_settle(idempotency_find(&table, id, 1), 1, 1, 1);
    id[3] = 1;
    ck_assert_ptr_null(idempotency_find(&table, id, IDEMPOTENCY_MS));
    ck_assert_ptr_nonnull(idempotency_begin(&table, id, content, IDEMPOTENCY_MS));
}
END_TEST

Suite *suite_idempotency(void)
{
    Suite *suite = suite_create("idempotency");
    TCase *tcase = tcase_create("idempotency");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, an_answer_is_kept_for_its_time);
    tcase_add_test(tcase, one_that_waits_is_not_forgotten);
    tcase_add_test(tcase, keys_are_of_a_subject_and_a_room);
    tcase_add_test(tcase, there_is_room_for_so_many);
    suite_add_tcase(suite, tcase);
    return suite;
}
