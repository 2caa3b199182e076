#include "log/memory.h"

#include <string.h>

#include <check.h>

#include "base/hash.h"

Suite *suite_log_memory(void);

static struct hash_seed drawn;
static size_t draws;

static void draw(void *bytes, size_t len)
{
    ck_assert_uint_eq(len, sizeof(drawn));
    memcpy(bytes, &drawn, len);
    draws++;
}

/* The epoch of the first and of the second room. */
static void open_two(struct hash_seed seed, uint64_t epochs[2])
{
    struct log *log;

    drawn = seed;
    draws = 0;
    log = log_memory_new(draw);
    ck_assert_ptr_nonnull(log);
    ck_assert_uint_eq(draws, 1);
    for (int i = 0; i < 2; i++) {
        struct log_channel channel = {.epoch = 0};

        log->ops->open(log, &channel);
        epochs[i] = channel.epoch;
    }
    log->ops->free(log);
    ck_assert_uint_eq(draws, 1);
}

/* Everybody is told the epochs, and two of them may tell their seed: so nobody gives the log one,
 * such as that of the tables, by which a stranger could fill one place of them; it draws its own,
 * and all of that is used. */
START_TEST(epochs_have_a_seed_of_their_own)
{
    uint64_t some[2], again[2], others[2];

    open_two((struct hash_seed){1, 3}, some);
    open_two((struct hash_seed){1, 3}, again);
    ck_assert_uint_ne(some[0], some[1]);
    ck_assert_mem_eq(some, again, sizeof(some));
    open_two((struct hash_seed){2, 3}, others);
    ck_assert_uint_ne(some[0], others[0]);
    open_two((struct hash_seed){1, 5}, others);
    ck_assert_uint_ne(some[0], others[0]);
}
END_TEST

Suite *suite_log_memory(void)
{
    Suite *suite = suite_create("log_memory");
    TCase *tcase = tcase_create("log_memory");

    tcase_add_test(tcase, epochs_have_a_seed_of_their_own);
    suite_add_tcase(suite, tcase);
    return suite;
}
