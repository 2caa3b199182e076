#include "keeper/keeper.h"

#include <check.h>
#include <string.h>

#include "base/util.h"

Suite *suite_keeper(void);

START_TEST(pauses_double_up_to_a_limit)
{
    ck_assert_uint_eq(keeper_pause(0), 100);
    ck_assert_uint_eq(keeper_pause(1), 200);
    ck_assert_uint_eq(keeper_pause(6), 6400);
    ck_assert_uint_eq(keeper_pause(7), 10000);
    ck_assert_uint_eq(keeper_pause(UINT32_MAX), 10000);
}
END_TEST

static bool may_pass(const char *message)
{
    return keeper_may_pass(message, strlen(message));
}

/* Who has taken the worker shall not speak to the supervisor as if it were the keeper. */
START_TEST(a_worker_says_only_what_it_has_a_use_for)
{
    ck_assert(may_pass("READY=1\nSTATUS=0 clients"));
    ck_assert(may_pass("STOPPING=1\nSTATUS=closing 1 clients\nEXTEND_TIMEOUT_USEC=1"));
    ck_assert(may_pass("RELOADING=1\nMONOTONIC_USEC=1"));
    ck_assert(may_pass("WATCHDOG=1"));
    ck_assert(!may_pass("MAINPID=1"));
    ck_assert(!may_pass("READY=1\nMAINPID=1"));
    ck_assert(!may_pass("WATCHDOG=trigger"));
    ck_assert(!may_pass("READY"));
    ck_assert(!may_pass(""));
}
END_TEST

START_TEST(what_is_written_is_read)
{
    struct inherited full = {.keeper = INT32_MAX, .interval = UINT64_MAX}, again;
    char text[INHERITED_TEXT_MAX];

    for (size_t i = 0; i < INHERITED_LISTENERS_MAX; i++)
        full.listeners[full.count++] = (struct inherited_listener){INT32_MAX - (int)i, i % 2 == 1};
    inherited_write(text, &full);
    ck_assert(inherited_read(&again, text));
    ck_assert_int_eq(again.keeper, full.keeper);
    ck_assert_uint_eq(again.interval, full.interval);
    ck_assert_uint_eq(again.count, full.count);
    for (size_t i = 0; i < full.count; i++) {
        ck_assert_int_eq(again.listeners[i].fd, full.listeners[i].fd);
        ck_assert_int_eq(again.listeners[i].is_admin, full.listeners[i].is_admin);
    }
    memcpy(text + strlen(text), ",1", 3);
    ck_assert(!inherited_read(&again, text)); /* one more than there can be */
}
END_TEST

START_TEST(what_no_keeper_writes_is_refused)
{
    static const char *const texts[] = {
        "",      "5",     "5,0",    "5,0,",           "5,0,a",          "5,0,3,",
        "5,,3",  ",0,3",  "5,0,-3", "5,0,3b",         "5,0,3aa",        "5,0, 3",
        "5 0 3", "x,0,3", "5,x,3",  "2147483648,0,3", "5,0,2147483648", "5,18446744073709551616,3"};
    struct inherited inherited;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        ck_assert_msg(!inherited_read(&inherited, texts[i]), "%s", texts[i]);
    ck_assert(inherited_read(&inherited, "5,15000,3,4a"));
    ck_assert(!inherited.listeners[0].is_admin);
    ck_assert(inherited.listeners[1].is_admin);
    ck_assert_int_eq(inherited.listeners[1].fd, 4);
}
END_TEST

Suite *suite_keeper(void)
{
    Suite *suite = suite_create("keeper");
    TCase *tc = tcase_create("core");

    tcase_add_test(tc, pauses_double_up_to_a_limit);
    tcase_add_test(tc, a_worker_says_only_what_it_has_a_use_for);
    tcase_add_test(tc, what_is_written_is_read);
    tcase_add_test(tc, what_no_keeper_writes_is_refused);
    suite_add_tcase(suite, tc);
    return suite;
}
