/* Offers of permessage-deflate and their answers (RFC 7692, 5.1 and 7.1). */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "proto/ws/deflate_negotiation.h"

Suite *suite_deflate_negotiation(void);

#define ANSWER "permessage-deflate; client_no_context_takeover"

/* The lines of a head, and the answer; NULL: none. */
static const struct {
    const char *offer;
    const char *answer;
} offers[] = {
    {"permessage-deflate", ANSWER},
    {"permessage-deflate; client_max_window_bits", ANSWER},
    {"permessage-deflate;client_max_window_bits=8", ANSWER},
    {"permessage-deflate ; client_max_window_bits = \"15\"", ANSWER},
    {"permessage-deflate; client_no_context_takeover", ANSWER},
    {"permessage-deflate; server_no_context_takeover", ANSWER "; server_no_context_takeover"},
    {"permessage-deflate; server_max_window_bits=8", ANSWER "; server_max_window_bits=8"},
    {"permessage-deflate; server_max_window_bits=\"15\"", ANSWER "; server_max_window_bits=15"},
    {"permessage-deflate; server_max_window_bits=9; server_no_context_takeover; "
     "client_max_window_bits=10; client_no_context_takeover",
     ANSWER "; server_no_context_takeover; server_max_window_bits=9"},
    {"x-webkit-deflate-frame, permessage-deflate", ANSWER},
    {"permessage-bzip2; q=\"a,b\", permessage-deflate", ANSWER},
    /* The first offer that can be accepted counts. */
    {"permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=10",
     ANSWER "; server_max_window_bits=10"},
    {"permessage-deflate; server_max_window_bits=10, permessage-deflate",
     ANSWER "; server_max_window_bits=10"},
    {"permessage-deflate; x\r\nSec-WebSocket-Extensions: permessage-deflate", ANSWER},
    {"", NULL},
    {"permessage-deflat", NULL},
    {"permessage-deflate-2", NULL},
    {"permessage-deflate;", NULL},
    {"permessage-deflate; x", NULL},
    {"permessage-deflate; server_no_context_takeover=1", NULL},
    {"permessage-deflate; client_no_context_takeover=", NULL},
    {"permessage-deflate; server_no_context_takeover; server_no_context_takeover", NULL},
    {"permessage-deflate; client_max_window_bits; client_max_window_bits", NULL},
    {"permessage-deflate; server_max_window_bits", NULL},
    {"permessage-deflate; server_max_window_bits=", NULL},
    {"permessage-deflate; server_max_window_bits=7", NULL},
    {"permessage-deflate; server_max_window_bits=16", NULL},
    {"permessage-deflate; server_max_window_bits=08", NULL},
    {"permessage-deflate; server_max_window_bits=+9", NULL},
    {"permessage-deflate; server_max_window_bits=1x", NULL},
    {"permessage-deflate; server_max_window_bits=\"10", NULL},
    {"permessage-deflate; client_max_window_bits=16", NULL},
    {"permessage-deflate; client_max_window_bits=", NULL},
};

static bool negotiate(const char *head, struct ws_deflate *agreed)
{
    struct http_fields fields;

    http_fields_read(&fields, (struct str){head, strlen(head)});
    return ws_deflate_negotiate(&fields, agreed);
}

START_TEST(offers_are_answered)
{
    char head[512], answer[WS_DEFLATE_RESPONSE_SIZE];
    struct ws_deflate agreed;
    bool is_agreed;

    snprintf(head, sizeof(head), "Host: x\r\nSec-WebSocket-Extensions: %s\r\n", offers[_i].offer);
    is_agreed = negotiate(head, &agreed);
    ck_assert_msg(is_agreed == (offers[_i].answer != NULL), "%s", offers[_i].offer);
    if (!is_agreed)
        return;
    ws_deflate_response(answer, &agreed);
    ck_assert_str_eq(answer, offers[_i].answer);
}
END_TEST

START_TEST(nothing_is_agreed_on_without_an_offer)
{
    struct ws_deflate agreed;

    ck_assert(!negotiate("Host: x\r\n", &agreed));
}
END_TEST

#define WEBKIT "AppleWebKit/605.1.15 (KHTML, like Gecko) "

static const struct {
    const char *agent;
    bool is_broken;
} agents[] = {
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) " WEBKIT "Version/15.0 Safari/605.1.15",
     true},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) " WEBKIT "Version/15.3 Safari/605.1.15",
     true},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 15_2_1 like Mac OS X) " WEBKIT
     "Version/15.2.1 Mobile/15E148 Safari/604.1",
     true},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) " WEBKIT "Version/15.4 Safari/605.1.15",
     false},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) " WEBKIT "Version/14.1 Safari/605.1.15",
     false},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) " WEBKIT "Version/15.10 Safari/605.1.15",
     false},
    {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 "
     "Safari/537.36",
     false},
    /* iPadOS, as it is set: as a Mac, or as an iPad. */
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_6) " WEBKIT "Version/15.1 Safari/605.1.15",
     true},
    {"Mozilla/5.0 (iPad; CPU OS 15_3 like Mac OS X) " WEBKIT
     "Version/15.3 Mobile/15E148 Safari/604.1",
     true},
    {"Mozilla/5.0 (iPad; CPU OS 15_4 like Mac OS X) " WEBKIT
     "Version/15.4 Mobile/15E148 Safari/604.1",
     false},
    /* Chrome, Firefox and an app on such a system; and on the next one. */
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 15_2 like Mac OS X) " WEBKIT
     "CriOS/98.0.4758.85 Mobile/15E148 Safari/604.1",
     true},
    {"Mozilla/5.0 (iPad; CPU OS 15_0 like Mac OS X) " WEBKIT
     "FxiOS/98.0 Mobile/15E148 Safari/605.1.15",
     true},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 15_3_1 like Mac OS X) " WEBKIT "Mobile/19D52", true},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 15_4 like Mac OS X) " WEBKIT
     "CriOS/100.0.4896.56 Mobile/15E148 Safari/604.1",
     false},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 15_10 like Mac OS X) " WEBKIT "Mobile/19D52", false},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 15_3) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/132.0.0.0 Safari/537.36",
     false},
    {"CPU OS 15_", false},
    {"CPU OS 15_3", false},
    {"Other Version/15.1", false},
    {"Version/15.", false},
    {"", false},
};

START_TEST(broken_browsers_are_known)
{
    const char *agent = agents[_i].agent;

    ck_assert_msg(ws_deflate_is_broken_in((struct str){agent, strlen(agent)}) ==
                      agents[_i].is_broken,
                  "%s", agent);
}
END_TEST

START_TEST(broken_browsers_stay_plain)
{
    char head[512];
    struct ws_deflate agreed;

    snprintf(head, sizeof(head),
             "User-Agent: %s\r\nSec-WebSocket-Extensions: permessage-deflate\r\n",
             agents[_i].agent);
    ck_assert(negotiate(head, &agreed) != agents[_i].is_broken);
}
END_TEST

Suite *suite_deflate_negotiation(void)
{
    Suite *suite = suite_create("deflate_negotiation");
    TCase *cases = tcase_create("deflate_negotiation");

    tcase_add_loop_test(cases, offers_are_answered, 0, ARRAY_LEN(offers));
    tcase_add_test(cases, nothing_is_agreed_on_without_an_offer);
    tcase_add_loop_test(cases, broken_browsers_are_known, 0, ARRAY_LEN(agents));
    tcase_add_loop_test(cases, broken_browsers_stay_plain, 0, ARRAY_LEN(agents));
    suite_add_tcase(suite, cases);
    return suite;
}
