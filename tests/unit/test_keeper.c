#include "keeper/keeper.h"

#include <check.h>
#include <string.h>

#include "base/util.h"
#include "keeper/rebirth.h"
#include "keeper/upgrade.h"

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

/* What it says of its hand-over goes to the supervisor within a line. */
START_TEST(a_reason_is_one_line)
{
    static const char says[] = UPGRADE_REFUSED "it may not\nMAINPID=1";
    struct upgrade u;

    upgrade_init(&u);
    u.state = UPGRADE_BEGUN;
    ck_assert(upgrade_note(&u, says, sizeof(says) - 1, 0));
    ck_assert_str_eq(u.why, "it may not");
    ck_assert_int_eq(u.state, UPGRADE_LOST);
}
END_TEST

START_TEST(what_is_written_is_read)
{
    struct inherited full = {.keeper = INT32_MAX, .interval = UINT64_MAX, .estate = INT32_MAX};
    struct inherited again;
    char text[INHERITED_TEXT_MAX];

    for (size_t i = 0; i < INHERITED_LISTENERS_MAX; i++)
        full.listeners[full.count++] = (struct inherited_listener){INT32_MAX - (int)i, i % 2 == 1};
    inherited_write(text, &full);
    ck_assert(inherited_read(&again, text));
    ck_assert_int_eq(again.keeper, full.keeper);
    ck_assert_uint_eq(again.interval, full.interval);
    ck_assert_int_eq(again.estate, full.estate);
    ck_assert_uint_eq(again.count, full.count);
    for (size_t i = 0; i < full.count; i++) {
        ck_assert_int_eq(again.listeners[i].fd, full.listeners[i].fd);
        ck_assert_int_eq(again.listeners[i].is_admin, full.listeners[i].is_admin);
    }
    full.estate = -1;
    inherited_write(text, &full);
    memcpy(text + strlen(text), ",1", 3);
    ck_assert(!inherited_read(&again, text)); /* one more than there can be */
}
END_TEST

START_TEST(what_no_keeper_writes_is_refused)
{
    static const char *const texts[] = {"",
                                        "5",
                                        "5,0",
                                        "5,0,",
                                        "5,0,a",
                                        "5,0,3,",
                                        "5,,3",
                                        ",0,3",
                                        "5,0,-3",
                                        "5,0,3b",
                                        "5,0,3aa",
                                        "5,0, 3",
                                        "5,0,e",
                                        "5,0,7e",
                                        "5,0,3,e",
                                        "5,0,3,7e,4",
                                        "5,0,3,7e,8e",
                                        "5,0,3,7ae",
                                        "5,0,3,7ea",
                                        "5 0 3",
                                        "x,0,3",
                                        "5,x,3",
                                        "2147483648,0,3",
                                        "5,0,2147483648",
                                        "5,18446744073709551616,3"};
    struct inherited inherited;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        ck_assert_msg(!inherited_read(&inherited, texts[i]), "%s", texts[i]);
    ck_assert(inherited_read(&inherited, "5,15000,3,4a"));
    ck_assert(!inherited.listeners[0].is_admin);
    ck_assert(inherited.listeners[1].is_admin);
    ck_assert_int_eq(inherited.listeners[1].fd, 4);
    ck_assert_int_eq(inherited.estate, -1);
    ck_assert(inherited_read(&inherited, "5,15000,3,4a,7e"));
    ck_assert_uint_eq(inherited.count, 2);
    ck_assert_int_eq(inherited.estate, 7);
}
END_TEST

/* ---- a keeper that becomes another program ---- */

START_TEST(what_a_keeper_was_is_read)
{
    static struct rebirth full = {.worker = INT32_MAX, .supervisor = -1}, again;
    static char text[REBIRTH_TEXT_MAX];

    full.inherited = (struct inherited){.keeper = INT32_MAX, .interval = 1, .estate = -1};
    for (size_t i = 0; i < INHERITED_LISTENERS_MAX; i++) {
        full.inherited.listeners[full.inherited.count++] =
            (struct inherited_listener){INT32_MAX - (int)i, i % 2 == 1};
        full.files[i] = i % 3 == 0 ? -1 : INT32_MAX - 100 - (int)i;
    }
    memset(full.path, 'x', PATH_MAX - 1);
    rebirth_write(text, &full);
    ck_assert(rebirth_read(&again, text));
    ck_assert_int_eq(again.worker, full.worker);
    ck_assert_int_eq(again.supervisor, -1);
    ck_assert_str_eq(again.path, full.path);
    ck_assert_uint_eq(again.inherited.count, full.inherited.count);
    ck_assert_int_eq(again.inherited.keeper, full.inherited.keeper);
    ck_assert_mem_eq(again.files, full.files, sizeof(full.files));
}
END_TEST

START_TEST(what_no_keeper_was_is_refused)
{
    static const char *const texts[] = {"",
                                        "1",
                                        "1;812;4;-;5,15000,3",
                                        "1;812;4;-;5,15000,3;",
                                        "2;812;4;-;5,15000,3;/wschat",
                                        "1;0;4;-;5,15000,3;/wschat",
                                        "1;-1;4;-;5,15000,3;/wschat",
                                        "1;812;x;-;5,15000,3;/wschat",
                                        "1;812;4;;5,15000,3;/wschat",
                                        "1;812;4;-,-;5,15000,3;/wschat",
                                        "1;812;4;-;5,15000,3,4;/wschat",
                                        "1;812;4;-;5,15000,3,7e;/wschat",
                                        "1;812;4;-;5,15000;/wschat"};
    static struct rebirth rebirth;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        ck_assert_msg(!rebirth_read(&rebirth, texts[i]), "%s", texts[i]);
    ck_assert(rebirth_read(&rebirth, "1;812;4;-,9;5,15000,3,8a;/usr/bin/ws;chat"));
    ck_assert_int_eq(rebirth.supervisor, 4);
    ck_assert_int_eq(rebirth.files[1], 9);
    ck_assert_str_eq(rebirth.path, "/usr/bin/ws;chat");
}
END_TEST

Suite *suite_keeper(void)
{
    Suite *suite = suite_create("keeper");
    TCase *tc = tcase_create("core");

    tcase_add_test(tc, a_reason_is_one_line);
    tcase_add_test(tc, pauses_double_up_to_a_limit);
    tcase_add_test(tc, a_worker_says_only_what_it_has_a_use_for);
    tcase_add_test(tc, what_is_written_is_read);
    tcase_add_test(tc, what_no_keeper_writes_is_refused);
    tcase_add_test(tc, what_a_keeper_was_is_read);
    tcase_add_test(tc, what_no_keeper_was_is_refused);
    suite_add_tcase(suite, tc);
    return suite;
}
