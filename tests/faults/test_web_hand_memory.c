/* Whichever allocation fails in a hand-over: it is refused, and nothing is lost or leaks. */
#include "wrap.h"

#include <errno.h>
#include <string.h>

#include <check.h>

#include "chat/hand.h"
#include "unit/hand_pipe.h"
#include "unit/web_world.h"
#include "web/hand.h"

Suite *suite_web_hand_memory(void);

static long nth;

static void strike(void)
{
    fault_reset();
    fault_fail_nth(FAULT_MALLOC, nth, ENOMEM);
}

/* Frames in the middle, a body that has begun, more than the sockets keep. */
static void open_all(void)
{
    static const char half[] = "\x01\x85\0\0\0\0hello\x80\x85\0\0\0\0wo";

    fault_reset();
    web_setup();
    web_enter_all();
    web_say(TEXT_1, "\x81\x82\0\0\0\0hi", 8);
    web_say(TEXT_1, half, sizeof(half) - 1);
    web_say(BROWSER, "GET /", 5);
}

static void write_all(struct hand_pipe *pipe)
{
    chat_hand(&pipe->w, &web_world.chat);
    web_hand(&pipe->w, &web_world.web);
}

START_TEST(memory_is_out_for_who_writes)
{
    bool has_struck = true;

    for (nth = 1; has_struck; nth++) {
        struct hand_pipe pipe;

        open_all();
        web_tick();
        hand_pipe_init(&pipe);
        strike();
        write_all(&pipe);
        has_struck = fault_has_struck(FAULT_MALLOC);
        ck_assert_int_eq(pipe.w.is_failed, has_struck);
        fault_reset();
        hand_pipe_deinit(&pipe);
        web_hand_over(); /* it goes on, and may try again */
        web_teardown();
    }
    ck_assert_int_gt(nth, 5);
}
END_TEST

START_TEST(memory_is_out_for_who_reads)
{
    bool has_struck = true;

    for (nth = 1; has_struck; nth++) {
        struct hand_pipe pipe;
        bool is_taken;

        open_all();
        web_world.before_take = strike;
        hand_pipe_init(&pipe);
        web_hand_all(&pipe);
        is_taken = web_take_over(&pipe);
        has_struck = fault_has_struck(FAULT_MALLOC);
        fault_reset();
        ck_assert_msg(is_taken == !has_struck, "the allocation %ld failed, and nobody says so",
                      nth);
        if (!is_taken)
            ck_assert_ptr_nonnull(pipe.r.why);
        hand_pipe_deinit(&pipe);
        web_teardown();
    }
    ck_assert_int_gt(nth, 30);
}
END_TEST

Suite *suite_web_hand_memory(void)
{
    Suite *suite = suite_create("web_hand_memory");
    TCase *tcase = tcase_create("memory");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, memory_is_out_for_who_writes);
    tcase_add_test(tcase, memory_is_out_for_who_reads);
    suite_add_tcase(suite, tcase);
    return suite;
}
