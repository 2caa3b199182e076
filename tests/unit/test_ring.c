#include "out/ring.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/tuning.h"

Suite *suite_ring(void);

#define MIN ((size_t)TUNE_RING_MIN)

static struct ring box;

static void teardown(void)
{
    ring_deinit(&box);
}

static uint8_t byte_at(uint64_t position)
{
    return (uint8_t)(position * 31 + (position >> 8));
}

/* Appends bytes that tell their position. */
static void append(size_t len)
{
    uint8_t bytes[65536];

    ck_assert_uint_le(len, sizeof(bytes));
    for (size_t i = 0; i < len; i++)
        bytes[i] = byte_at(box.head + i);
    ring_append(&box, bytes, len);
}

static void reserve_and_append(size_t len)
{
    ck_assert_int_eq(ring_reserve(&box, len), 0);
    append(len);
}

/* Everything between tail and head must be what was written there. */
static void check_content(void)
{
    struct iovec spans[2];
    uint64_t position = box.tail;
    int n = ring_spans(&box, box.tail, box.head, spans);

    for (int i = 0; i < n; i++) {
        const uint8_t *bytes = spans[i].iov_base;

        ck_assert_uint_gt(spans[i].iov_len, 0);
        for (size_t k = 0; k < spans[i].iov_len; k++, position++) {
            if (bytes[k] != byte_at(position))
                ck_abort_msg("position %llu", (unsigned long long)position);
        }
    }
    ck_assert_uint_eq(position, box.head);
}

START_TEST(empty_owns_nothing)
{
    struct iovec spans[2];

    ring_init(&box, 10 * MIN);
    ck_assert_ptr_null(box.data);
    ck_assert_uint_eq(box.size, 0);
    ck_assert_uint_eq(box.max_size, 16 * MIN);
    ck_assert_int_eq(ring_spans(&box, 0, 0, spans), 0);
    ring_raise_tail(&box, 0);
    ring_deinit(&box);
    ck_assert_ptr_null(box.data);
}
END_TEST

START_TEST(starts_small_and_doubles)
{
    ring_init(&box, 4 * MIN);
    reserve_and_append(1);
    ck_assert_uint_eq(box.size, MIN);
    reserve_and_append(MIN - 1);
    ck_assert_uint_eq(box.size, MIN);
    reserve_and_append(1);
    ck_assert_uint_eq(box.size, 2 * MIN);
    reserve_and_append(MIN);
    ck_assert_uint_eq(box.size, 4 * MIN);
    check_content();
}
END_TEST

START_TEST(largest_size_is_the_bound)
{
    ring_init(&box, 2 * MIN);
    reserve_and_append(2 * MIN);
    errno = 0;
    ck_assert_int_eq(ring_reserve(&box, 1), -1);
    ck_assert_int_eq(errno, ENOBUFS);
    ring_raise_tail(&box, 1);
    reserve_and_append(1);
    ck_assert_int_eq(ring_reserve(&box, 1), -1);
    check_content();
}
END_TEST

START_TEST(more_than_the_ring_never_fits)
{
    ring_init(&box, 2 * MIN);
    ck_assert_int_eq(ring_reserve(&box, 2 * MIN + 1), -1);
    errno = 0;
    ck_assert_int_eq(ring_reserve_forced(&box, 2 * MIN + 1), -1);
    ck_assert_int_eq(errno, ENOBUFS);
    ck_assert_uint_eq(box.tail, 0);
    ck_assert_int_eq(ring_reserve_forced(&box, 2 * MIN), 0);
    ck_assert_uint_eq(box.tail, 0);
}
END_TEST

START_TEST(force_gives_up_the_oldest)
{
    ring_init(&box, 2 * MIN);
    reserve_and_append(2 * MIN);
    ck_assert_int_eq(ring_reserve_forced(&box, 10), 0);
    ck_assert_uint_eq(box.tail, 10);
    append(10);
    check_content();
    ck_assert_int_eq(ring_reserve_forced(&box, 2 * MIN), 0);
    ck_assert_uint_eq(box.tail, box.head);
}
END_TEST

START_TEST(force_grows_before_it_gives_up)
{
    ring_init(&box, 2 * MIN);
    reserve_and_append(MIN);
    ck_assert_int_eq(ring_reserve_forced(&box, 1), 0);
    ck_assert_uint_eq(box.tail, 0);
    ck_assert_uint_eq(box.size, 2 * MIN);
}
END_TEST

START_TEST(spans_wrap_once)
{
    struct iovec spans[2];

    ring_init(&box, MIN);
    reserve_and_append(MIN - 3);
    ring_raise_tail(&box, MIN - 3);
    reserve_and_append(10);
    ck_assert_int_eq(ring_spans(&box, box.tail, box.head, spans), 2);
    ck_assert_uint_eq(spans[0].iov_len, 3);
    ck_assert_uint_eq(spans[1].iov_len, 7);
    ck_assert_ptr_eq(spans[1].iov_base, box.data);
    ck_assert_int_eq(ring_spans(&box, box.tail, box.tail + 3, spans), 1);
    ck_assert_int_eq(ring_spans(&box, box.tail + 3, box.head, spans), 1);
    ck_assert_int_eq(ring_spans(&box, box.tail + 2, box.tail + 4, spans), 2);
    check_content();
}
END_TEST

START_TEST(growing_keeps_positions)
{
    ring_init(&box, 64 * MIN);
    for (int i = 0; i < 200; i++) {
        reserve_and_append(MIN / 3 + (size_t)i % 7);
        if (i % 3 == 0)
            ring_raise_tail(&box, box.tail + (box.head - box.tail) / 2);
        check_content();
    }
}
END_TEST

START_TEST(memory_comes_back)
{
    ring_init(&box, 64 * MIN);
    for (int i = 0; i < 64; i++)
        reserve_and_append(MIN);
    ck_assert_uint_eq(box.size, 64 * MIN);
    ring_raise_tail(&box, box.head);
    ck_assert_uint_eq(box.size, 64 * MIN);
    for (int i = 0; i < 20; i++) {
        reserve_and_append(5);
        ring_raise_tail(&box, box.head - 2);
        check_content();
    }
    ck_assert_uint_eq(box.size, MIN);
}
END_TEST

START_TEST(deinit_keeps_the_position)
{
    ring_init(&box, 4 * MIN);
    reserve_and_append(100);
    ring_raise_tail(&box, 100);
    ring_deinit(&box);
    ck_assert_uint_eq(box.head, 100);
    ck_assert_uint_eq(box.tail, 100);
    reserve_and_append(50);
    check_content();
}
END_TEST

/* From any byte of a frame its end is found, wherever the ring wraps, and whatever lay there
 * before. */
START_TEST(frame_ends_are_found)
{
    static const size_t lengths[] = {1, 2, 63, 64, 65, 7, 127, 128, 129, 200, 1, 1};

    ring_init(&box, 2 * MIN);
    for (size_t round = 0; round < 5000; round++) {
        size_t first = lengths[round % 12], second = lengths[round / 12 % 12];
        uint64_t start = box.head;

        ck_assert_int_eq(ring_reserve_forced(&box, first + second), 0);
        append(first);
        append(second);
        for (size_t i = 1; i <= first; i++)
            ck_assert_uint_eq(ring_frame_end(&box, start + i), start + first);
        for (size_t i = 1; i <= second; i++)
            ck_assert_uint_eq(ring_frame_end(&box, start + first + i), box.head);
        ring_raise_tail(&box, box.head);
    }
}
END_TEST

/* They move along when the ring grows and shrinks, full to the last byte or not. */
#ifdef WSCHAT_TINY /* longer ones do not fit its ring */
#define FRAME_SIZES 16
#else
#define FRAME_SIZES 70
#endif

START_TEST(frame_ends_move_along)
{
    size_t size = 1 + (size_t)_i;
    uint64_t first;

    ring_init(&box, 64 * MIN);
    for (int i = 0; i < 3000; i++) {
        reserve_and_append(size);
        first = box.head - (box.head - box.tail) / size * size;
        for (uint64_t end = first + size; i % 100 == 0 && end <= box.head; end += size)
            ck_assert_uint_eq(ring_frame_end(&box, end - size + 1), end);
        if (i % 1000 == 999)
            ring_raise_tail(&box, box.head - size);
        else if (i % 7 == 0)
            ring_raise_tail(&box, box.tail + 1);
    }
}
END_TEST

Suite *suite_ring(void)
{
    Suite *suite = suite_create("ring");
    TCase *cases = tcase_create("ring");

    tcase_add_checked_fixture(cases, NULL, teardown);
    tcase_add_test(cases, empty_owns_nothing);
    tcase_add_test(cases, starts_small_and_doubles);
    tcase_add_test(cases, largest_size_is_the_bound);
    tcase_add_test(cases, more_than_the_ring_never_fits);
    tcase_add_test(cases, force_gives_up_the_oldest);
    tcase_add_test(cases, force_grows_before_it_gives_up);
    tcase_add_test(cases, spans_wrap_once);
    tcase_add_test(cases, growing_keeps_positions);
    tcase_add_test(cases, memory_comes_back);
    tcase_add_test(cases, deinit_keeps_the_position);
    tcase_add_test(cases, frame_ends_are_found);
    tcase_add_loop_test(cases, frame_ends_move_along, 0, FRAME_SIZES);
    suite_add_tcase(suite, cases);
    return suite;
}
