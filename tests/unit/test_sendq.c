#include "out/sendq.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/ring_model.h"

Suite *suite_sendq(void);

static struct ring box;
static struct sendq q;
static char taken[65536];
static size_t taken_len;
static int released;

static void setup(void)
{
    ring_init(&box, 8 * (size_t)TUNE_RING_MIN);
    sendq_init(&q);
    taken_len = 0;
    released = 0;
}

static void teardown(void)
{
    sendq_deinit(&q);
    ring_deinit(&box);
}

static void release(void *owner)
{
    ck_assert_ptr_eq(owner, &released);
    released++;
}

/* Appends an unmasked text frame to the ring; returns its size. */
static size_t append(const char *payload)
{
    uint8_t frame[512];
    size_t len = model_make_frame(frame, payload, NULL, 0);

    ck_assert_int_eq(ring_reserve(&box, len), 0);
    ring_append(&box, frame, len);
    return len;
}

static void push(const char *bytes)
{
    ck_assert_int_eq(sendq_push(&q, bytes, strlen(bytes)), 0);
}

/* Sends at most `most` bytes. */
static void take(size_t most)
{
    struct iovec spans[64];
    size_t bytes, left;
    int n = sendq_gather(&q, spans, 64, &bytes);

    left = min_size(bytes, most);
    sendq_advance(&q, 0); /* must not change what the spans say */
    n = sendq_gather(&q, spans, 64, &bytes);
    for (int i = 0; i < n && left > 0; i++) {
        size_t len = min_size(spans[i].iov_len, left);

        memcpy(taken + taken_len, spans[i].iov_base, len);
        taken_len += len;
        left -= len;
    }
    sendq_advance(&q, min_size(bytes, most));
}

static void check_taken(const char *bytes, size_t len)
{
    take(SIZE_MAX);
    ck_assert(sendq_is_empty(&q));
    ck_assert_uint_eq(taken_len, len);
    ck_assert_mem_eq(taken, bytes, len);
}

#define CHECK_TAKEN(literal) check_taken(literal, sizeof(literal) - 1)

START_TEST(private_only)
{
    uint8_t *where;

    ck_assert(sendq_is_empty(&q));
    push("ab");
    ck_assert(!sendq_is_empty(&q));
    where = sendq_put(&q, 3);
    ck_assert_ptr_nonnull(where);
    memcpy(where, "cde", 3);
    ck_assert_uint_eq(q.queued, 5);
    ck_assert_int_eq(sendq_detach(&q, 0), 0);
    ck_assert_uint_eq(sendq_lag(&q), 0);
    CHECK_TAKEN("abcde");
    ck_assert_uint_eq(q.queued, 0);
}
END_TEST

START_TEST(small_answers_share_a_span)
{
    struct iovec spans[64];
    size_t bytes;

    for (int i = 0; i < 10; i++)
        push("0123456789");
    ck_assert_int_eq(sendq_gather(&q, spans, 64, &bytes), 1);
    ck_assert_uint_eq(bytes, 100);
    take(55);
    push("abc");
    ck_assert_uint_eq(q.queued, 48);
    take(SIZE_MAX);
    ck_assert_uint_eq(taken_len, 103);
    ck_assert_mem_eq(taken + 95, "56789abc", 8);
}
END_TEST

START_TEST(private_frames_keep_their_place)
{
    sendq_attach(&q, &box);
    push("1");
    append("a");
    push("2");
    append("b");
    append("c");
    push("3");
    CHECK_TAKEN("1\x81\x01"
                "a2\x81\x01"
                "b\x81\x01"
                "c3");
}
END_TEST

START_TEST(attach_starts_at_the_head)
{
    append("before");
    push("hello");
    sendq_attach(&q, &box);
    ck_assert_uint_eq(sendq_lag(&q), 0);
    append("a");
    ck_assert_uint_eq(sendq_lag(&q), 3);
    CHECK_TAKEN("hello\x81\x01"
                "a");
}
END_TEST

/* The author's own line shares the text with everybody's. */
START_TEST(splice_shares_the_text)
{
    size_t len;

    sendq_attach(&q, &box);
    append("x");
    len = append("says: hi");
    ck_assert_int_eq(sendq_push_splice(&q, box.head - len, "\x81\x07wrote", 7, len - 2, 2), 0);
    append("y");
    CHECK_TAKEN("\x81\x01x\x81\x07wrotehi\x81\x01y");
}
END_TEST

START_TEST(splice_in_front)
{
    size_t len;

    sendq_attach(&q, &box);
    len = append("says: hi");
    ck_assert_int_eq(sendq_push_splice(&q, box.head - len, "\x81\x03own", 5, 0, 0), 0);
    CHECK_TAKEN("\x81\x03own\x81\x08says: hi");
}
END_TEST

/* There is nothing to send, but the cursor has yet to pass. */
START_TEST(splice_of_nothing_skips)
{
    struct iovec spans[2];
    size_t len, bytes;

    sendq_attach(&q, &box);
    len = append("join");
    ck_assert_int_eq(sendq_push_splice(&q, box.head - len, NULL, 0, len, 0), 0);
    ck_assert_int_eq(sendq_gather(&q, spans, 2, &bytes), 0);
    ck_assert_uint_eq(bytes, 0);
    sendq_advance(&q, 0);
    ck_assert(sendq_is_empty(&q));
    ck_assert_uint_eq(sendq_lag(&q), 0);
    append("a");
    CHECK_TAKEN("\x81\x01"
                "a");
}
END_TEST

START_TEST(shared_is_released_once_when_sent)
{
    ck_assert_int_eq(sendq_push_shared(&q, "abc", 3, release, &released), 0);
    ck_assert_int_eq(sendq_push_shared(&q, "def", 3, NULL, NULL), 0);
    take(2);
    ck_assert_int_eq(released, 0);
    take(1);
    ck_assert_int_eq(released, 1);
    CHECK_TAKEN("abcdef");
    ck_assert_int_eq(released, 1);
}
END_TEST

START_TEST(shared_is_released_by_deinit)
{
    ck_assert_int_eq(sendq_push_shared(&q, "abc", 3, release, &released), 0);
    take(1);
    sendq_deinit(&q);
    ck_assert_int_eq(released, 1);
    ck_assert(sendq_is_empty(&q));
}
END_TEST

START_TEST(detach_copies_what_is_shared)
{
    char bytes[] = "abc";

    sendq_attach(&q, &box);
    ck_assert_int_eq(sendq_push_shared(&q, bytes, 3, release, &released), 0);
    append("x");
    ck_assert_int_eq(sendq_detach(&q, 6), 0);
    ck_assert_int_eq(released, 1);
    memset(bytes, 0, sizeof(bytes));
    ring_deinit(&box);
    CHECK_TAKEN("abc\x81\x01x");
}
END_TEST

START_TEST(detach_keeps_all_up_to_the_bound)
{
    sendq_attach(&q, &box);
    push("12");
    append("a");
    append("b");
    ck_assert_int_eq(sendq_detach(&q, 8), 0);
    CHECK_TAKEN("12\x81\x01"
                "a\x81\x01"
                "b");
}
END_TEST

START_TEST(detach_keeps_nothing_past_the_bound)
{
    sendq_attach(&q, &box);
    push("12");
    append("a");
    append("b");
    ck_assert_int_eq(sendq_detach(&q, 7), 0);
    CHECK_TAKEN("");
}
END_TEST

START_TEST(detach_completes_the_frame)
{
    sendq_attach(&q, &box);
    append("first");
    append("second");
    take((size_t)_i);
    ck_assert_int_eq(sendq_detach(&q, 0), 0);
    if (_i == 0)
        CHECK_TAKEN("");
    else if (_i <= 7)
        CHECK_TAKEN("\x81\x05"
                    "first");
    else
        CHECK_TAKEN("\x81\x05"
                    "first\x81\x06second");
}
END_TEST

START_TEST(detach_completes_a_spliced_frame)
{
    size_t len;

    sendq_attach(&q, &box);
    len = append("says: hi");
    ck_assert_int_eq(sendq_push_splice(&q, box.head - len, "\x81\x07wrote", 7, len - 2, 2), 0);
    append("second");
    take((size_t)_i);
    ck_assert_int_eq(sendq_detach(&q, 0), 0);
    if (_i == 0)
        CHECK_TAKEN("");
    else
        CHECK_TAKEN("\x81\x07wrotehi");
}
END_TEST

/* More than the ring holds: `count` frames of 102 bytes, of which room was made by force. */
static void overrun(int count)
{
    uint8_t frame[102] = {0x81, 100};

    for (int i = 0; i < count; i++) {
        ck_assert_int_eq(ring_reserve_forced(&box, sizeof(frame)), 0);
        ring_append(&box, frame, sizeof(frame));
    }
}

START_TEST(overrun_between_frames)
{
    sendq_attach(&q, &box);
    overrun((int)box.max_size / 102);
    ck_assert(!sendq_is_overrun(&q));
    overrun(1);
    ck_assert(sendq_is_overrun(&q));
    ck_assert_int_eq(sendq_detach(&q, SIZE_MAX), 0);
    CHECK_TAKEN("");
}
END_TEST

START_TEST(overrun_within_a_frame)
{
    sendq_attach(&q, &box);
    overrun(1);
    take(1);
    overrun((int)box.max_size / 102);
    ck_assert(sendq_is_overrun(&q));
    ck_assert_int_eq(sendq_detach(&q, SIZE_MAX), -1);
    ck_assert(sendq_is_empty(&q));
}
END_TEST

/* What is sent in part lies in the queue itself, so the frame can still be completed. */
START_TEST(overrun_within_a_private_frame)
{
    sendq_attach(&q, &box);
    push("\x81\x02hi");
    take(3);
    overrun((int)box.max_size / 102 + 1);
    ck_assert(sendq_is_overrun(&q));
    ck_assert_int_eq(sendq_detach(&q, SIZE_MAX), 0);
    CHECK_TAKEN("\x81\x02hi");
}
END_TEST

START_TEST(drop_all)
{
    sendq_attach(&q, &box);
    push("12");
    ck_assert_int_eq(sendq_push_shared(&q, "abc", 3, release, &released), 0);
    append("a");
    take(1);
    sendq_drop_all(&q);
    ck_assert(sendq_is_empty(&q));
    ck_assert_int_eq(released, 1);
    ck_assert_uint_eq(q.queued, 0);
    ck_assert_uint_eq(sendq_lag(&q), 0);
    taken_len = 0;
    append("b");
    push("3");
    CHECK_TAKEN("\x81\x01"
                "b3");
}
END_TEST

START_TEST(mark_incomplete)
{
    ck_assert(!q.is_incomplete);
    sendq_mark_incomplete(&q);
    ck_assert(q.is_incomplete);
}
END_TEST

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

START_TEST(random_programs)
{
    uint8_t program[2000];
    uint64_t state = (uint64_t)_i;

    for (int round = 0; round < 40; round++) {
        size_t len = next_random(&state) % sizeof(program);

        for (size_t i = 0; i < len; i++)
            program[i] = (uint8_t)next_random(&state);
        model_run(program, len);
    }
}
END_TEST

Suite *suite_sendq(void)
{
    Suite *suite = suite_create("sendq");
    TCase *cases = tcase_create("sendq");
    TCase *model = tcase_create("model");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, private_only);
    tcase_add_test(cases, small_answers_share_a_span);
    tcase_add_test(cases, private_frames_keep_their_place);
    tcase_add_test(cases, attach_starts_at_the_head);
    tcase_add_test(cases, splice_shares_the_text);
    tcase_add_test(cases, splice_in_front);
    tcase_add_test(cases, splice_of_nothing_skips);
    tcase_add_test(cases, shared_is_released_once_when_sent);
    tcase_add_test(cases, shared_is_released_by_deinit);
    tcase_add_test(cases, detach_copies_what_is_shared);
    tcase_add_test(cases, detach_keeps_all_up_to_the_bound);
    tcase_add_test(cases, detach_keeps_nothing_past_the_bound);
    tcase_add_loop_test(cases, detach_completes_the_frame, 0, 15);
    tcase_add_loop_test(cases, detach_completes_a_spliced_frame, 0, 10);
    tcase_add_test(cases, overrun_between_frames);
    tcase_add_test(cases, overrun_within_a_frame);
    tcase_add_test(cases, overrun_within_a_private_frame);
    tcase_add_test(cases, drop_all);
    tcase_add_test(cases, mark_incomplete);
    suite_add_tcase(suite, cases);
    tcase_add_loop_test(model, random_programs, 0, 8);
    suite_add_tcase(suite, model);
    return suite;
}
