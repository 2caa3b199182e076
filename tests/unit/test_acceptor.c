#include "server/acceptor.h"

#include <check.h>

#include "net/socket.h"

Suite *suite_acceptor(void);

/* Who is accepted before the kernel has kept it, as with SYN cookies, must not be out of time. */
START_TEST(a_short_time_is_left_whole)
{
    ck_assert_uint_eq(acceptor_time_left(1), 1);
    ck_assert_uint_eq(acceptor_time_left(SOCKET_DEFER_MS), SOCKET_DEFER_MS);
    ck_assert_uint_eq(acceptor_time_left(2 * SOCKET_DEFER_MS - 1), 2 * SOCKET_DEFER_MS - 1);
    ck_assert_uint_eq(acceptor_time_left(2 * SOCKET_DEFER_MS), SOCKET_DEFER_MS);
    ck_assert_uint_eq(acceptor_time_left(3600000), 3600000 - SOCKET_DEFER_MS);
}
END_TEST

Suite *suite_acceptor(void)
{
    Suite *suite = suite_create("acceptor");
    TCase *tc = tcase_create("acceptor");

    tcase_add_test(tc, a_short_time_is_left_whole);
    suite_add_tcase(suite, tc);
    return suite;
}
