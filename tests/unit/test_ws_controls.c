/* Control frames that are counted until somebody is told of them. */
#include <check.h>
#include <string.h>

#include "proto/ws/controls.h"

Suite *suite_ws_controls(void);

static struct ws_controls controls;

static void setup(void)
{
    memset(&controls, 0, sizeof(controls));
}

static void expect(enum ws_opcode opcode, bool is_sent, uint32_t count, const char *payload)
{
    struct ws_control control;

    ck_assert(ws_controls_take(&controls, &control));
    ck_assert_int_eq(control.opcode, opcode);
    ck_assert_int_eq(control.is_sent, is_sent);
    ck_assert_uint_eq(control.count, count);
    ck_assert_uint_eq(control.len, strlen(payload));
    ck_assert_mem_eq(control.payload, payload, strlen(payload));
}

static void expect_none(void)
{
    struct ws_control control;

    ck_assert(!ws_controls_take(&controls, &control));
    ck_assert(!controls.are_there);
}

START_TEST(each_kind_is_told_once_and_in_order)
{
    expect_none();
    ws_controls_note(&controls, WS_CLOSE, true, STR("\x03\xe9"), "away", 4);
    ws_controls_note(&controls, WS_CLOSE, false, STR(""), NULL, 0);
    ws_controls_note(&controls, WS_PONG, false, STR(""), "d", 1);
    ws_controls_note(&controls, WS_PING, true, STR(""), "c", 1);
    ws_controls_note(&controls, WS_PONG, true, STR(""), "b", 1);
    ws_controls_note(&controls, WS_PING, false, STR(""), "a", 1);
    ck_assert(controls.are_there);
    expect(WS_PING, false, 1, "a");
    expect(WS_PONG, true, 1, "b");
    expect(WS_PING, true, 1, "c");
    expect(WS_PONG, false, 1, "d");
    expect(WS_CLOSE, false, 1, "");
    expect(WS_CLOSE, true, 1, "\x03\xe9\x61way");
    expect_none();
}
END_TEST

START_TEST(many_of_a_kind_are_one_with_the_last_payload)
{
    uint8_t longest[WS_CONTROL_MAX];
    struct ws_control control;

    memset(longest, 'x', sizeof(longest));
    ws_controls_note(&controls, WS_PING, false, STR(""), longest, sizeof(longest));
    ws_controls_note(&controls, WS_PING, false, STR(""), "short", 5);
    expect(WS_PING, false, 2, "short");
    expect_none();
    ws_controls_note(&controls, WS_PING, false, STR("xx"), longest, sizeof(longest) - 2);
    ck_assert(ws_controls_take(&controls, &control));
    ck_assert_uint_eq(control.count, 1);
    ck_assert_uint_eq(control.len, WS_CONTROL_MAX);
    ck_assert_mem_eq(control.payload, longest, sizeof(longest));
    expect_none();
}
END_TEST

Suite *suite_ws_controls(void)
{
    Suite *suite = suite_create("ws_controls");
    TCase *tc = tcase_create("ws_controls");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, each_kind_is_told_once_and_in_order);
    tcase_add_test(tc, many_of_a_kind_are_one_with_the_last_payload);
    suite_add_tcase(suite, tc);
    return suite;
}
