#include "proto/listen_fds.h"

#include <check.h>

#include "base/util.h"

Suite *suite_listen_fds(void);

#define OWN 4711

static struct listen_fds fds;

static const char *read_fds(const char *pid, const char *count, const char *names)
{
    memset(&fds, 0xff, sizeof(fds));
    return listen_fds_read(&fds, pid, count, names, OWN);
}

START_TEST(sockets_for_us_are_counted)
{
    ck_assert_ptr_null(read_fds("4711", "2", NULL));
    ck_assert_uint_eq(fds.count, 2);
    ck_assert_uint_eq(fds.names[0].len, 0);
    ck_assert_uint_eq(fds.names[1].len, 0);
}
END_TEST

START_TEST(names_go_with_their_sockets)
{
    ck_assert_ptr_null(read_fds("4711", "3", "web:admin:"));
    ck_assert(str_equals(fds.names[0], STR("web")));
    ck_assert(str_equals(fds.names[1], STR("admin")));
    ck_assert_uint_eq(fds.names[2].len, 0);
}
END_TEST

START_TEST(sockets_for_others_are_left_alone)
{
    static const char *const pids[] = {NULL, "", "4712", "471", "x", "-1", "04711", "4711 "};

    for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
        ck_assert_ptr_null(read_fds(pids[i], "nonsense", "a:b"));
        ck_assert_uint_eq(fds.count, 0);
    }
}
END_TEST

START_TEST(no_sockets_are_no_error)
{
    ck_assert_ptr_null(read_fds("4711", NULL, NULL));
    ck_assert_uint_eq(fds.count, 0);
    ck_assert_ptr_null(read_fds("4711", "0", ""));
    ck_assert_uint_eq(fds.count, 0);
}
END_TEST

START_TEST(the_number_has_a_bound)
{
    ck_assert_ptr_null(read_fds("4711", "16", NULL));
    ck_assert_uint_eq(fds.count, LISTEN_FDS_MAX);
    ck_assert_ptr_nonnull(read_fds("4711", "17", NULL));
}
END_TEST

START_TEST(what_is_no_number_is_wrong)
{
    static const char *const counts[] = {"", "-1", "+1", "1x", " 1", "01", "18446744073709551617"};

    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        ck_assert_ptr_nonnull(strstr(read_fds("4711", counts[i], NULL), "LISTEN_FDS "));
}
END_TEST

START_TEST(other_than_so_many_names_is_wrong)
{
    ck_assert_ptr_nonnull(strstr(read_fds("4711", "2", "web"), "LISTEN_FDNAMES"));
    ck_assert_ptr_nonnull(strstr(read_fds("4711", "1", "web:admin"), "LISTEN_FDNAMES"));
    ck_assert_ptr_nonnull(
        strstr(read_fds("4711", "16", "1:2:3:4:5:6:7:8:9:a:b:c:d:e:f:g:h"), "LISTEN_FDNAMES"));
    ck_assert_ptr_null(read_fds("4711", "1", ""));
    ck_assert_uint_eq(fds.count, 1);
}
END_TEST

Suite *suite_listen_fds(void)
{
    Suite *suite = suite_create("listen_fds");
    TCase *tc = tcase_create("listen_fds");

    tcase_add_test(tc, sockets_for_us_are_counted);
    tcase_add_test(tc, names_go_with_their_sockets);
    tcase_add_test(tc, sockets_for_others_are_left_alone);
    tcase_add_test(tc, no_sockets_are_no_error);
    tcase_add_test(tc, the_number_has_a_bound);
    tcase_add_test(tc, what_is_no_number_is_wrong);
    tcase_add_test(tc, other_than_so_many_names_is_wrong);
    suite_add_tcase(suite, tc);
    return suite;
}
