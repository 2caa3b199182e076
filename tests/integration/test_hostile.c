/* What strangers tried, each once a bug. */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_hostile(void);

START_TEST(an_encoded_slash_is_no_slash)
{
    struct server *s = server_start(NULL);
    struct response *r = http_get(s, "/ws%2f1", "");

    ck_assert_int_eq(r->status, 404);
    response_free(r);
    ck_assert_int_eq(ws_refused(s, "/ws%2F1", ""), 404);
}
END_TEST

/* Positions and keys that cannot be ours are no errors, however long they are. */
START_TEST(long_parameters_are_just_not_ours)
{
    struct server *s = server_start(NULL);
    char target[5000] = "/ws/1?history=4294967295&since=";
    size_t len = strlen(target);
    struct client *c;

    memset(target + len, 'x', 2000);
    memcpy(target + len + 2000, "&key=", 5);
    memset(target + len + 2005, 'y', 2000);
    c = ws_open(s, target);
    ws_send_text(c, "in");
    ws_expect_text(c, "You wrote: in");
    ws_leave(c);
    ck_assert_int_eq(ws_refused(s, "/ws/1?history=4294967296", ""), 400);
}
END_TEST

Suite *suite_hostile(void)
{
    Suite *suite = suite_create("hostile");
    TCase *tc = harness_case(suite, "hostile");

    tcase_add_test(tc, an_encoded_slash_is_no_slash);
    tcase_add_test(tc, long_parameters_are_just_not_ours);
    return suite;
}
