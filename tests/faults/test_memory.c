/* Every allocation that fails must leave things as they were: each test fails the first allocation,
 * then the second, and so on, until the whole task passes. */
#include "wrap.h"

#include <errno.h>
#include <stdint.h>

#include <check.h>

#include "base/buf.h"

Suite *suite_memory(void);

START_TEST(buf_stays_as_it_was)
{
    struct buf b;
    long nth = 0;
    bool done = false;

    while (!done) {
        fault_reset();
        buf_init(&b);
        fault_fail_nth(FAULT_MALLOC, ++nth, ENOMEM);
        done = true;
        for (int i = 0; i < 100; i++) {
            size_t before = b.len;

            if (buf_append(&b, "0123456789", 10) == 0)
                continue;
            ck_assert_int_eq(errno, ENOMEM);
            ck_assert_uint_eq(b.len, before);
            ck_assert_int_eq(buf_append(&b, "0123456789", 10), 0);
            done = false;
        }
        ck_assert_uint_eq(b.len, 1000);
        ck_assert_mem_eq(b.data + 990, "0123456789", 10);
        buf_deinit(&b);
        ck_assert(done == !fault_has_struck(FAULT_MALLOC));
    }
    fault_reset();
    ck_assert_int_gt(nth, 2);
}
END_TEST

START_TEST(buf_printf_reports_failure)
{
    struct buf b;

    fault_reset();
    buf_init(&b);
    fault_fail_from(FAULT_MALLOC, 1, ENOMEM);
    ck_assert_int_eq(buf_printf(&b, "%d", 42), -1);
    ck_assert_uint_eq(b.len, 0);
    fault_reset();
    ck_assert_int_eq(buf_printf(&b, "%d", 42), 0);
    ck_assert_mem_eq(b.data, "42", 2);
    buf_deinit(&b);
}
END_TEST

Suite *suite_memory(void)
{
    Suite *suite = suite_create("memory");
    TCase *tc = tcase_create("buf");

    tcase_add_test(tc, buf_stays_as_it_was);
    tcase_add_test(tc, buf_printf_reports_failure);
    suite_add_tcase(suite, tc);
    return suite;
}
