/* What strangers tried, each once a bug. */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

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

/* Who was told to go and talks on is heard out only so far, and not for as long as it likes. */
START_TEST(a_flood_after_the_close_is_cut_off)
{
    enum { FLOOD_MAX = 256 * 1024 * 1024 };
    static char junk[65536];
    struct server *s = server_start(NULL);
    struct client *first = ws_open_chat(s, 1), *second = ws_open_chat(s, 1);
    size_t sent = 0;
    ssize_t n = 0;

    ws_send(second, true, WS_TEXT, "", 0);
    while (sent < FLOOD_MAX && n >= 0) {
        n = send(second->fd, junk, sizeof(junk), MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
    }
    ck_assert_msg(n < 0 && sent < FLOOD_MAX, "it took %zu bytes", sent);
    client_close(second);
    ws_send_text(first, "still here");
    ws_expect_text(first, "You wrote: still here");
    client_close(first);
}
END_TEST

Suite *suite_hostile(void)
{
    Suite *suite = suite_create("hostile");
    TCase *tc = harness_case(suite, "hostile");

    tcase_add_test(tc, an_encoded_slash_is_no_slash);
    tcase_add_test(tc, long_parameters_are_just_not_ours);
    tcase_add_test(tc, a_flood_after_the_close_is_cut_off);
    return suite;
}
