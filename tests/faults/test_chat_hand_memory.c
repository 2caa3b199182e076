/* Every allocation of who takes a chat over fails in turn: the state is not taken then, and nothing
 * leaks. */
#define suite_chat_hand suite_chat_hand_whole
#include "unit/test_chat_hand.c"

#include "wrap.h"

#include <errno.h>

Suite *suite_chat_hand_memory(void);

START_TEST(who_has_no_memory_for_it_takes_nothing)
{
    bool has_struck = true;

    play((unsigned)_i, 300, 300, do_nothing);
    hand_all(&writer);
    for (long nth = 1; has_struck; nth++) {
        bool is_taken;

        begin_chat();
        read_anew(writer.out.data, writer.out.len);
        fault_fail_nth(FAULT_MALLOC, nth, ENOMEM);
        is_taken = take_all();
        has_struck = fault_has_struck(FAULT_MALLOC);
        fault_reset();
        ck_assert(is_taken != has_struck);
        ck_assert(is_taken == (reader.why == NULL));
    }
    hand_writer_deinit(&writer);
}
END_TEST

Suite *suite_chat_hand_memory(void)
{
    Suite *suite = suite_create("chat_hand_memory");
    TCase *cases = tcase_create("chat_hand_memory");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, who_has_no_memory_for_it_takes_nothing, 0, 2);
    suite_add_tcase(suite, cases);
    return suite;
}
