#include "cli/link.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <check.h>

#include "base/util.h"

Suite *suite_link(void);

#define NOW 1000

static struct link client_link;
static struct link_end ended;
static int ends;
static char heard[64];
static char path[64];
static int listener, peer;

static void on_text(struct link *l, char *data, size_t len)
{
    (void)l;
    snprintf(heard, sizeof(heard), "%.*s", (int)len, data);
}

static void on_ended(struct link *l, const struct link_end *end)
{
    (void)l;
    ended = *end;
    ends++;
}

static const struct link_host host = {on_text, on_ended};

static void setup(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(path, sizeof(path), "/tmp/wschat-link-%d.sock", (int)getpid());
    memcpy(address.sun_path, path, strlen(path) + 1);
    unlink(path);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ends = 0;
    heard[0] = '\0';
    peer = -1;
    link_init(&client_link, &host);
    client_link.ping_interval = 25000;
    client_link.ping_timeout = 10000;
}

static void teardown(void)
{
    link_deinit(&client_link);
    if (peer >= 0)
        close(peer);
    close(listener);
    unlink(path);
}

static void start_at(const char *where)
{
    struct link_address address = {.unix_path = str_from(where), .authority = STR("localhost")};

    link_start(&client_link, &address, STR("/ws/7"), STR("wschat.v1"), NOW);
}

/* Connected, with its request read. */
static void open_peer(void)
{
    char request[2048];

    start_at(path);
    ck_assert_int_eq(client_link.state, LINK_CONNECTING);
    peer = accept(listener, NULL, NULL);
    link_ready(&client_link, POLLOUT, NOW);
    ck_assert_int_eq(client_link.state, LINK_OPENING);
    link_ready(&client_link, POLLOUT, NOW);
    ck_assert_int_gt(recv(peer, request, sizeof(request), 0), 0);
}

static void hear(const char *bytes, size_t len)
{
    ck_assert_int_eq(send(peer, bytes, len, 0), (ssize_t)len);
    link_ready(&client_link, POLLIN, NOW);
#ifdef WSCHAT_TINY /* reads take a few bytes each */
    for (size_t i = 0; i < len && ends == 0; i++)
        link_ready(&client_link, POLLIN, NOW);
#endif
}

static void expect_end(enum link_end_kind kind, int code)
{
    ck_assert_int_eq(ends, 1);
    ck_assert_int_eq(ended.kind, kind);
    ck_assert_int_eq(ended.code, code);
    ck_assert_int_eq(client_link.state, LINK_CLOSED);
    ck_assert_int_eq(link_events(&client_link), 0);
    ck_assert(link_deadline(&client_link) == UINT64_MAX);
}

/* The handshake's answer is checked by test_ws_client_handshake; here it is taken as given. */
static void go_open(void)
{
    open_peer();
    client_link.state = LINK_OPEN;
}

START_TEST(nobody_there)
{
    start_at("/tmp/wschat-link-nobody");
    expect_end(LINK_UNREACHABLE, 0);
}
END_TEST

START_TEST(a_refusal_is_told_with_its_reason)
{
    static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\n"
                                 "Content-Length: 10\r\n\r\nfull\nmore\n";

    open_peer();
    hear(answer, sizeof(answer) - 1);
    expect_end(LINK_REFUSED, 503);
    ck_assert_uint_eq(ended.retry_after, 7);
    ck_assert_str_eq(ended.text, "full");
}
END_TEST

/* One byte at a time, without a length: the end of the connection ends the body. */
START_TEST(a_refusal_comes_in_pieces)
{
    static const char answer[] = "HTTP/1.1 403 Forbidden\r\n\r\nnot you";

    open_peer();
    for (size_t i = 0; i + 1 < sizeof(answer); i++)
        hear(answer + i, 1);
    ck_assert_int_eq(client_link.state, LINK_REFUSING);
    close(peer);
    peer = -1;
    link_ready(&client_link, POLLIN | POLLHUP, NOW);
    expect_end(LINK_REFUSED, 403);
    ck_assert_str_eq(ended.text, "not you");
}
END_TEST

START_TEST(what_is_no_http_is_faulty)
{
    open_peer();
    hear("SSH-2.0\r\n\r\n", 11);
    expect_end(LINK_FAULTY, 0);
}
END_TEST

START_TEST(an_open_one_hears_and_is_left)
{
    go_open();
    hear("\x81\x02hi", 4);
    ck_assert_str_eq(heard, "hi");
    hear("\x88\x05\x0f\xa0out", 7);
    expect_end(LINK_LEFT, 4000);
    ck_assert_str_eq(ended.text, "out");
}
END_TEST

START_TEST(a_masked_frame_of_a_server_is_faulty)
{
    go_open();
    hear("\x81\x82mask..", 8);
    expect_end(LINK_FAULTY, 0);
}
END_TEST

/* Pinged at the interval, not before; left at the timeout, not before. */
START_TEST(silence_has_an_end)
{
    go_open();
    ck_assert(link_deadline(&client_link) == NOW + 25000);
    link_tick(&client_link, NOW + 24999);
    ck_assert(!client_link.is_pinged);
    link_tick(&client_link, NOW + 25000);
    ck_assert(client_link.is_pinged);
    link_tick(&client_link, NOW + 34999);
    ck_assert_int_eq(ends, 0);
    link_tick(&client_link, NOW + 35000);
    expect_end(LINK_SILENT, 0);
}
END_TEST

START_TEST(anything_that_comes_ends_the_silence)
{
    go_open();
    link_tick(&client_link, NOW + 25000);
    hear("\x8a\x00", 2);
    ck_assert(!client_link.is_pinged);
    ck_assert(link_deadline(&client_link) == NOW + 25000);
}
END_TEST

START_TEST(a_close_without_answer_has_an_end)
{
    go_open();
    link_close(&client_link, NOW);
    ck_assert_int_eq(client_link.state, LINK_CLOSING);
    link_tick(&client_link, NOW + LINK_CLOSE_TIMEOUT - 1);
    ck_assert_int_eq(ends, 0);
    link_tick(&client_link, NOW + LINK_CLOSE_TIMEOUT);
    expect_end(LINK_BROKEN, 0);
}
END_TEST

START_TEST(a_handshake_without_answer_has_an_end)
{
    open_peer();
    link_tick(&client_link, NOW + LINK_OPEN_TIMEOUT - 1);
    ck_assert_int_eq(ends, 0);
    link_tick(&client_link, NOW + LINK_OPEN_TIMEOUT);
    expect_end(LINK_BROKEN, 0);
}
END_TEST

Suite *suite_link(void)
{
    Suite *suite = suite_create("link");
    TCase *tcase = tcase_create("link");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, nobody_there);
    tcase_add_test(tcase, a_refusal_is_told_with_its_reason);
    tcase_add_test(tcase, a_refusal_comes_in_pieces);
    tcase_add_test(tcase, what_is_no_http_is_faulty);
    tcase_add_test(tcase, an_open_one_hears_and_is_left);
    tcase_add_test(tcase, a_masked_frame_of_a_server_is_faulty);
    tcase_add_test(tcase, silence_has_an_end);
    tcase_add_test(tcase, anything_that_comes_ends_the_silence);
    tcase_add_test(tcase, a_close_without_answer_has_an_end);
    tcase_add_test(tcase, a_handshake_without_answer_has_an_end);
    suite_add_tcase(suite, tcase);
    return suite;
}
