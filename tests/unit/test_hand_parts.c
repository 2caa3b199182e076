/* What modules hand over that are no connections: tables, counters, memories. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/hand_long.h"
#include "base/timer.h"
#include "base/util.h"
#include "hand_pipe.h"
#include "net/address_table.h"
#include "server/connection_log.h"
#include "server/metrics.h"
#include "server/past.h"
#include "web/idempotency.h"
#include "web/password.h"

Suite *suite_hand_parts(void);

static struct hand_pipe pipe_by;

static void setup(void)
{
    hand_pipe_init(&pipe_by);
}

static void teardown(void)
{
    hand_pipe_deinit(&pipe_by);
}

static struct hand_writer *begin(size_t longest)
{
    hand_pipe_deinit(&pipe_by);
    hand_pipe_init(&pipe_by);
    pipe_by.w.longest = longest;
    hand_begin(&pipe_by.w, HAND_SERVER);
    return &pipe_by.w;
}

static struct hand_reader *end(void)
{
    hand_end(&pipe_by.w);
    ck_assert(!pipe_by.w.is_failed);
    hand_pipe_rewind(&pipe_by);
    ck_assert(hand_expect(&pipe_by.r, HAND_SERVER));
    return &pipe_by.r;
}

static void expect_end(void)
{
    ck_assert(hand_is_through(&pipe_by.r));
    ck_assert_uint_eq(pipe_by.at, pipe_by.len);
}

/* ---- strings of any length ---- */

START_TEST(long_strings)
{
    static uint8_t bytes[5000];
    struct buf got;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7);
    for (size_t len = 0; len < sizeof(bytes); len += 1 + len / 7) {
        struct hand_writer *w = begin(400);

        hand_put_long(w, bytes, len);
        hand_put_long(w, bytes, 3);
        buf_init(&got);
        ck_assert(hand_get_long(end(), &got, sizeof(bytes)));
        ck_assert_uint_eq(got.len, len);
        ck_assert(len == 0 || memcmp(got.data, bytes, len) == 0);
        ck_assert(hand_get_long(&pipe_by.r, &got, 3));
        expect_end();
        buf_deinit(&got);
    }
}
END_TEST

/* Nobody is believed that much will come. */
START_TEST(a_string_that_is_longer_than_it_may_be)
{
    struct buf got;

    buf_init(&got);
    hand_put_long(begin(400), "0123456789", 10);
    ck_assert(!hand_get_long(end(), &got, 9));
    hand_put_u64(begin(400), 1 << 20);
    hand_go_on(&pipe_by.w);
    hand_put_bytes(&pipe_by.w, "", 0);
    ck_assert(!hand_get_long(end(), &got, 1 << 20));
    ck_assert_uint_eq(got.cap, 0);
    buf_deinit(&got);
}
END_TEST

/* ---- timers ---- */

#define TIMERS 1000

static uint64_t rung_last;
static size_t rung;

static void ring(struct timer *timer, const struct timer_class *class)
{
    (void)class;
    ck_assert_uint_ge(timer->deadline, rung_last);
    rung_last = timer->deadline;
    rung++;
}

START_TEST(timers_in_any_order)
{
    static struct timer timers[TIMERS];
    struct timer_class class;
    struct timer late;

    timer_class_init(&class, 5000, ring);
    for (size_t count = 0; count < TIMERS; count += 1 + count / 2) {
        rung_last = rung = 0;
        for (size_t i = 0; i < count; i++) {
            timer_init(&timers[i]);
            timer_set(&timers[i], &class, 10000, 10000 + i * 7919 % 4999);
        }
        timer_class_sort(&class);
        timer_init(&late);
        timer_set(&late, &class, 10000, UINT64_MAX); /* not longer than others */
        ck_assert_uint_eq(late.deadline, 15000);
        timer_class_expire(&class, 15000, SIZE_MAX);
        ck_assert_uint_eq(rung, count + 1);
        ck_assert(list_is_empty(&class.running));
    }
}
END_TEST

/* ---- addresses ---- */

static const struct address_limits limits = {
    .max_clients = 2, .handshakes = {1000, 3000}, .v4_bits = 32, .v6_bits = 64};

static void new_table(struct address_table *t, size_t capacity, uint64_t seed)
{
    const struct hash_seed seeds = {seed, seed};

    ck_assert_int_eq(address_table_init(t, capacity, &limits, seeds), 0);
}

static uint32_t enter(struct address_table *t, uint8_t host, uint64_t now)
{
    struct ip ip = ip_from_v4((uint8_t[]){192, 0, 2, host});
    uint32_t place;

    return address_table_enter(t, &ip, now, 0, &place) == ADDRESS_OK ? place : 0;
}

START_TEST(addresses_keep_their_places)
{
    struct address_table old, heir;
    uint32_t a, b, c;

    new_table(&old, 6, 1);
    new_table(&heir, 6, 99);
    a = enter(&old, 1, 5000);
    b = enter(&old, 2, 5000);
    c = enter(&old, 3, 5000);
    enter(&old, 1, 5000);
    address_table_leave(&old, b, 50000); /* its place is free */
    address_table_leave(&old, c, 5001);  /* it is idle, and not forgotten */
    address_table_hand(begin(400), &old);
    ck_assert(address_table_take(&heir, end()));
    expect_end();
    ck_assert_uint_eq(heir.count, 2);
    ck_assert(address_table_hold(&heir, a) && address_table_hold(&heir, a));
    ck_assert(!address_table_hold(&heir, b) && !address_table_hold(&heir, 0) &&
              !address_table_hold(&heir, 77));
    ck_assert_uint_eq(enter(&heir, 1, 90000), 0); /* it holds two */
    ck_assert_uint_eq(heir.addresses[c - 1].handshakes_ns, old.addresses[c - 1].handshakes_ns);
    address_table_leave(&heir, a, 90000);
    ck_assert_uint_eq(enter(&heir, 1, 90000), a);
    ck_assert_uint_eq(enter(&heir, 9, 5100), b); /* the free place */
    for (uint8_t host = 10; host < 14; host++)
        ck_assert_uint_ne(enter(&heir, host, 90000), 0);
    ck_assert_uint_eq(enter(&heir, 99, 90000), 0);
    address_table_deinit(&old);
    address_table_deinit(&heir);
}
END_TEST

START_TEST(addresses_that_cannot_be)
{
    struct address_table old, heir;

    new_table(&old, 6, 1);
    new_table(&heir, 2, 1);
    for (uint8_t host = 1; host < 6; host++)
        enter(&old, host, 5000);
    address_table_hand(begin(4000), &old);
    ck_assert(!address_table_take(&heir, end())); /* too many */
    address_table_deinit(&heir);
    for (int twice = 0; twice < 2; twice++) {
        struct hand_writer *w = begin(4000);
        static const uint8_t prefix[16] = {1};

        new_table(&heir, 6, 1);
        for (uint32_t i = 0; i < 2; i++) {
            hand_put_bool(w, true);
            hand_go_on(w);
            hand_put_u32(w, twice ? 3 : i); /* one place, or one prefix, twice */
            hand_put_raw(w, prefix, sizeof(prefix));
            hand_put_u64(w, 1);
            hand_put_u64(w, 1);
        }
        hand_put_bool(w, false);
        ck_assert(!address_table_take(&heir, end()));
        address_table_deinit(&heir);
    }
    address_table_deinit(&old);
}
END_TEST

/* ---- keys ---- */

START_TEST(answers_are_still_known)
{
    static const uint8_t content[SHA256_SIZE] = {9};
    struct idempotency old, heir;
    struct idempotent *entry;
    uint8_t id[SHA256_SIZE] = {0};

    idempotency_init(&old);
    idempotency_init(&heir);
    for (uint8_t i = 0; i < 20; i++) {
        id[1] = i;
        entry = idempotency_begin(&old, id, content, 1000 + i);
        ck_assert_ptr_nonnull(entry);
        if (i != 7) /* that one waits */
            idempotency_settle(entry, i, 2, 3);
    }
    idempotency_hand(begin(1000), &old);
    ck_assert(idempotency_take(&heir, end()));
    expect_end();
    ck_assert_uint_eq(heir.count, 19);
    id[1] = 7;
    ck_assert_ptr_null(idempotency_find(&heir, id, 2000));
    id[1] = 8;
    entry = idempotency_find(&heir, id, 2000);
    ck_assert(entry != NULL && entry->is_settled && entry->epoch == 8 && entry->began == 1008 &&
              memcmp(entry->content, content, SHA256_SIZE) == 0);
    hand_pipe_rewind(&pipe_by);
    ck_assert(hand_expect(&pipe_by.r, HAND_SERVER));
    ck_assert(!idempotency_take(&heir, &pipe_by.r)); /* they are there */
    idempotency_deinit(&old);
    idempotency_deinit(&heir);
}
END_TEST

START_TEST(wrong_passwords_are_not_forgotten)
{
    struct password old = {.seed = {1, 2}}, heir = {.seed = {3, 4}};
    struct ip ip = ip_from_v4((uint8_t[]){192, 0, 2, 1});

    for (int i = 0; i < PASSWORD_FREE + 3; i++)
        password_try(&old, STR("wrong"), &ip, 1000);
    ck_assert_uint_gt(password_wait(&old, &ip, 1001), 0);
    password_hand(begin(HAND_RECORD_MAX), &old);
    ck_assert(password_take(&heir, end()));
    expect_end();
    ck_assert_uint_eq(password_wait(&heir, &ip, 1001), password_wait(&old, &ip, 1001));
    password_deinit(&old);
    password_deinit(&heir);
}
END_TEST

/* ---- the program ---- */

static int write_reading(struct buf *out, const struct metrics *metrics)
{
    (void)metrics;
    return buf_append_str(out, STR("n 1\n"));
}

START_TEST(readings_go_on)
{
    struct past old, heir;
    struct clock now = {.now = 1000, .wall = 7};
    struct buf before, after;

    past_init(&old);
    past_init(&heir);
    old.write = write_reading;
    past_start(&old, now.now);
    past_start(&heir, now.now);
    for (size_t i = 0; i < PAST_READINGS + 5; i++) {
        past_tick(&old, NULL, &now);
        now.now += PAST_EVERY;
        now.wall += 1;
    }
    heir.next = now.now;
    past_hand(begin(400), &old);
    ck_assert(past_take(&heir, end()));
    expect_end();
    buf_init(&before);
    buf_init(&after);
    ck_assert_int_eq(past_write(&before, &old), 0);
    ck_assert_int_eq(past_write(&after, &heir), 0);
    ck_assert(before.len == after.len && memcmp(before.data, after.data, before.len) == 0);
    ck_assert_uint_eq(heir.next, old.next);
    buf_deinit(&before);
    buf_deinit(&after);
    past_deinit(&old);
    past_deinit(&heir);
}
END_TEST

START_TEST(counts_of_the_program)
{
    struct metrics old = {.started = 5, .cpu_before = 1000000}, heir = {.started = 6};
    struct connection_log log = {.refusals = {.suppressed = 3}}, next = {.refusals = {.credit = 1}};

    metrics_observe(&old.ticks.time, 70000, 4);
    metrics_observe(&old.ticks.lag, 1, 1);
    metrics_hand(begin(HAND_RECORD_MAX), &old);
    connection_log_hand(&pipe_by.w, &log);
    ck_assert(metrics_take(&heir, end()));
    ck_assert(connection_log_take(&next, &pipe_by.r));
    expect_end();
    ck_assert_uint_eq(heir.started, 5);
    ck_assert_uint_ge(heir.cpu_before, old.cpu_before);
    ck_assert(memcmp(&heir.ticks, &old.ticks, sizeof(old.ticks)) == 0);
    ck_assert_uint_eq(next.refusals.suppressed, 3);
    ck_assert_uint_eq(next.refusals.credit, 0);
}
END_TEST

Suite *suite_hand_parts(void)
{
    Suite *suite = suite_create("hand_parts");
    TCase *tcase = tcase_create("parts");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, long_strings);
    tcase_add_test(tcase, a_string_that_is_longer_than_it_may_be);
    tcase_add_test(tcase, timers_in_any_order);
    tcase_add_test(tcase, addresses_keep_their_places);
    tcase_add_test(tcase, addresses_that_cannot_be);
    tcase_add_test(tcase, answers_are_still_known);
    tcase_add_test(tcase, wrong_passwords_are_not_forgotten);
    tcase_add_test(tcase, readings_go_on);
    tcase_add_test(tcase, counts_of_the_program);
    suite_add_tcase(suite, tcase);
    return suite;
}
