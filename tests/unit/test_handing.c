#include "server/handing.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper/upgrade.h"

Suite *suite_handing(void);

static struct reactor reactor;
static struct handing handing;
static int keeper; /* its end */

static void setup(void)
{
    const struct handover_parts parts = {.chat = NULL};
    int pair[2];

    ck_assert_int_eq(reactor_init(&reactor), 0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
    keeper = pair[1];
    ck_assert_int_eq(handing_init(&handing, &parts, &reactor, pair[0]), 0);
}

static void teardown(void)
{
    close(handing.keeper.fd);
    close(keeper);
    reactor_deinit(&reactor);
}

/* The keeper starts an heir. Returns its end; `own`: the other one, too, or NULL. */
static int start_heir(int *own)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    char text[] = UPGRADE_ASKED;
    struct iovec iov = {text, sizeof(text) - 1};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    int pair[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &pair[0], sizeof(int));
    ck_assert_int_eq(sendmsg(keeper, &message, 0), sizeof(text) - 1);
    reactor_dispatch(&reactor, reactor_wait(&reactor, 0, 1000));
    handing_tick(&handing, 0);
    ck_assert_int_ge(handing.heir.fd, 0);
    if (own != NULL)
        *own = pair[0];
    else
        close(pair[0]);
    return pair[1];
}

static void expect_refusal(const char *why)
{
    char text[100];
    ssize_t n = recv(keeper, text, sizeof(text) - 1, 0);

    ck_assert_int_gt(n, 0);
    text[n] = '\0';
    ck_assert_str_eq(text, why);
}

/* Reads all that there is; then errno is EAGAIN, or 0 where the socket has ended. */
static size_t drain(int fd)
{
    char bytes[65536];
    size_t len = 0;
    ssize_t n;

    while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
        len += (size_t)n;
    if (n == 0)
        errno = 0;
    return len;
}

START_TEST(an_heir_is_told_to_stop)
{
    int heir = start_heir(NULL);

    handing_refuse(&handing, "enough");
    expect_refusal(UPGRADE_REFUSED "enough");
    ck_assert_uint_eq(drain(heir), HAND_HEADER);
    ck_assert_int_eq(errno, 0);
    close(heir);
}
END_TEST

/* An end without a word would tell it that it is the only one: it could serve people beside us. */
START_TEST(an_heir_that_cannot_be_told_sees_no_end)
{
    static const char bytes[4096];
    int own, heir = start_heir(&own);

    while (send(own, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        continue;
    close(own);
    handing_refuse(&handing, "enough");
    expect_refusal(UPGRADE_REFUSED "enough");
    ck_assert_uint_gt(drain(heir), HAND_HEADER);
    ck_assert_int_eq(errno, EAGAIN);
    close(heir);
    heir = start_heir(NULL); /* the keeper has ended the other one */
    ck_assert(!handing.is_unheard);
    handing_refuse(&handing, "enough");
    close(heir);
}
END_TEST

Suite *suite_handing(void)
{
    Suite *suite = suite_create("handing");
    TCase *tc = tcase_create("handing");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, an_heir_is_told_to_stop);
    tcase_add_test(tc, an_heir_that_cannot_be_told_sees_no_end);
    suite_add_tcase(suite, tc);
    return suite;
}
