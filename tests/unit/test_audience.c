#include "chat/audience.h"

#include <check.h>
#include <string.h>

#include "base/util.h"

Suite *suite_audience(void);

#define PEOPLE 5

static const size_t sizes[RENDITIONS] = {1 << 16, 1 << 17};
static const size_t longest[RENDITIONS] = {1000, 6000};

static struct audience audience;
static struct sendq queues[PEOPLE];
static int served[PEOPLE];

static void setup(void)
{
    audience_init(&audience, sizes);
    memset(served, 0, sizeof(served));
    for (int i = 0; i < PEOPLE; i++)
        sendq_init(&queues[i]);
}

static void teardown(void)
{
    for (int i = 0; i < PEOPLE; i++)
        sendq_deinit(&queues[i]);
    audience_deinit(&audience);
}

static enum rendition kind_of(int i)
{
    return (enum rendition)(i % 2);
}

static void add(int i)
{
    ck_assert_int_eq(audience_add(&audience, kind_of(i), &queues[i]), 0);
}

static void check_readers(enum rendition kind, size_t count)
{
    const struct reader_set *set = &audience.readers[kind];

    ck_assert_uint_eq(set->count, count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_eq(set->items[i]->slot, i);
        ck_assert_ptr_eq(set->items[i]->box, &audience.ring[kind]);
    }
}

START_TEST(readers_come_and_go)
{
    for (int i = 0; i < PEOPLE; i++) {
        add(i);
        check_readers(RENDITION_TEXT, ((size_t)i + 2) / 2);
        check_readers(RENDITION_V1, ((size_t)i + 1) / 2);
    }
    ck_assert_int_eq(audience_remove(&audience, kind_of(_i), &queues[_i], 0), 0);
    ck_assert_ptr_null(queues[_i].box);
    check_readers(RENDITION_TEXT, 3 - (size_t)(_i % 2 == 0));
    check_readers(RENDITION_V1, 2 - (size_t)(_i % 2));
    for (int i = 0; i < PEOPLE; i++) {
        if (i != _i)
            ck_assert_int_eq(audience_remove(&audience, kind_of(i), &queues[i], 0), 0);
    }
    check_readers(RENDITION_TEXT, 0);
    check_readers(RENDITION_V1, 0);
    ck_assert_ptr_null(audience.readers[RENDITION_TEXT].items);
}
END_TEST

static void publish(enum rendition kind, const char *bytes, size_t len)
{
    struct buf frame;

    buf_init(&frame);
    ck_assert_int_eq(buf_append(&frame, bytes, len), 0);
    audience_publish(&audience, kind, &frame);
    buf_deinit(&frame);
}

START_TEST(removal_keeps_a_bounded_part)
{
    add(0);
    add(2);
    publish(RENDITION_TEXT, "\x81\x01x", 3);
    ck_assert_int_eq(audience_remove(&audience, RENDITION_TEXT, &queues[0], 3), 0);
    ck_assert_uint_eq(queues[0].queued, 3);
    ck_assert_int_eq(audience_remove(&audience, RENDITION_TEXT, &queues[2], 2), 0);
    ck_assert(sendq_is_empty(&queues[2]));
}
END_TEST

/* Each reader takes two bytes more than the one before. */
static size_t serve(struct sendq *out)
{
    int i = (int)(out - queues);

    served[i]++;
    sendq_advance(out, min_size((size_t)(2 * i), (size_t)sendq_lag(out)));
    return 0;
}

/* Serves all. */
static void serve_all(size_t (*one)(struct sendq *out))
{
    int64_t budget = INT64_MAX;

    ck_assert(audience_serve(&audience, one, &budget));
}

/* Only the readers of rings with news are visited, and the tail is what the slowest still wants. */
START_TEST(serving_raises_the_tail)
{
    for (int i = 0; i < PEOPLE; i++)
        add(i);
    publish(RENDITION_V1, "0123456789", 10);
    serve_all(serve);
    for (int i = 0; i < PEOPLE; i++)
        ck_assert_int_eq(served[i], i % 2);
    ck_assert_uint_eq(audience.ring[RENDITION_V1].tail, 2);
    ck_assert_uint_eq(audience_lag(&audience), 8);
    serve_all(serve);
    ck_assert_int_eq(served[1], 1);
    audience_press(&audience);
    serve_all(serve);
    ck_assert_int_eq(served[0], 1);
    ck_assert_int_eq(served[1], 2);
    ck_assert_uint_eq(audience.ring[RENDITION_V1].tail, 4);
    ck_assert_uint_eq(audience_lag(&audience), 6);
}
END_TEST

static size_t leave(struct sendq *out)
{
    served[out - queues]++;
    if (out == &queues[2])
        audience_remove(&audience, RENDITION_TEXT, out, 0);
    else
        sendq_advance(out, (size_t)sendq_lag(out));
    return 0;
}

/* One that leaves on the way is not visited twice, and nobody is left out. */
START_TEST(readers_may_leave_while_they_are_served)
{
    for (int i = 0; i < PEOPLE; i += 2)
        add(i);
    publish(RENDITION_TEXT, "0123456789", 10);
    serve_all(leave);
    ck_assert_int_eq(served[0], 1);
    ck_assert_int_eq(served[2], 1);
    ck_assert_int_eq(served[4], 1);
    check_readers(RENDITION_TEXT, 2);
    ck_assert_uint_eq(audience.ring[RENDITION_TEXT].tail, 10);
}
END_TEST

/* Nobody reads, so nothing is wanted. A reader that was overrun does not lower the tail. */
START_TEST(tails_never_fall)
{
    struct ring *ring = &audience.ring[RENDITION_TEXT];
    char bytes[102] = {0};

    publish(RENDITION_TEXT, "abc", 3);
    audience_give_back(&audience);
    ck_assert_uint_eq(ring->tail, 3);
    ck_assert_uint_eq(ring->size, 0);
    add(0);
    while (!sendq_is_overrun(&queues[0]))
        publish(RENDITION_TEXT, bytes, sizeof(bytes));
    ck_assert_uint_gt(ring->tail, 3);
    audience_give_back(&audience);
    ck_assert_uint_eq(ring->tail, ring->head - ring->size);
}
END_TEST

/* There is room until a longest frame would not fit any more, in the rings that somebody reads. */
START_TEST(room_ends_where_a_longest_frame_does_not_fit)
{
    struct ring *ring = &audience.ring[RENDITION_TEXT];
    static char bytes[1 << 16];

    publish(RENDITION_TEXT, bytes, ring->max_size);
    ck_assert(audience_has_room(&audience, longest));
    audience_give_back(&audience);
    add(0);
    publish(RENDITION_TEXT, bytes, ring->max_size - longest[RENDITION_TEXT]);
    ck_assert(audience_has_room(&audience, longest));
    publish(RENDITION_TEXT, bytes, 1);
    ck_assert(!audience_has_room(&audience, longest));
    ck_assert(!sendq_is_overrun(&queues[0]));
}
END_TEST

/* Takes all, and costs something. */
static size_t serve_dearly(struct sendq *out)
{
    served[out - queues]++;
    sendq_advance(out, (size_t)sendq_lag(out));
    return 9;
}

/* What is left has its turn the next time, and only then the tail rises: news on the way begins a
 * walk of its own. */
START_TEST(serving_stops_where_its_budget_is_spent)
{
    int64_t budget = 10;

    for (int i = 0; i < PEOPLE; i += 2)
        add(i);
    publish(RENDITION_TEXT, "0123456789", 10);
    ck_assert(!audience_serve(&audience, serve_dearly, &budget));
    ck_assert_int_eq(budget, 0);
    ck_assert_int_eq(served[0] + served[2] + served[4], 1);
    ck_assert_int_eq(served[4], 1);
    ck_assert_uint_eq(audience.ring[RENDITION_TEXT].tail, 0);
    ck_assert(!audience_serve(&audience, serve_dearly, &budget));
    ck_assert_int_eq(served[0] + served[2] + served[4], 1);
    publish(RENDITION_TEXT, "abc", 3);
    budget = 11;
    ck_assert(!audience_serve(&audience, serve_dearly, &budget));
    ck_assert_int_eq(served[0], 1);
    ck_assert_int_eq(served[2], 1);
    budget = 31;
    ck_assert(audience_serve(&audience, serve_dearly, &budget));
    for (int i = 0; i < PEOPLE; i += 2) {
        ck_assert_int_eq(served[i], 2);
        ck_assert(sendq_is_empty(&queues[i]));
    }
    ck_assert_uint_eq(audience.ring[RENDITION_TEXT].tail, 13);
}
END_TEST

/* What is published while a walk goes on is bounded: it waits for the end of that. */
START_TEST(a_walk_falls_behind)
{
    static const char much[70000];
    int64_t budget = 10;

    for (int i = 1; i < PEOPLE; i += 2)
        add(i);
    publish(RENDITION_V1, much, sizeof(much));
    ck_assert(!audience_is_behind(&audience));
    ck_assert(!audience_serve(&audience, serve_dearly, &budget));
    ck_assert(!audience_is_behind(&audience));
    budget = 1000;
    ck_assert(audience_serve(&audience, serve_dearly, &budget));
    publish(RENDITION_V1, "abc", 3);
    budget = 10;
    ck_assert(!audience_serve(&audience, serve_dearly, &budget));
    publish(RENDITION_V1, much, sizeof(much));
    ck_assert(audience_is_behind(&audience));
    budget = 1000;
    ck_assert(audience_serve(&audience, serve_dearly, &budget));
    ck_assert(!audience_is_behind(&audience));
}
END_TEST

/* One that was served leaves between two turns, and one that was not: nobody is left out. */
START_TEST(readers_may_leave_between_two_turns)
{
    int64_t budget = 10;

    for (int i = 0; i < PEOPLE; i += 2)
        add(i);
    publish(RENDITION_TEXT, "0123456789", 10);
    ck_assert(!audience_serve(&audience, serve_dearly, &budget));
    ck_assert_int_eq(served[4], 1);
    if (_i % 2 == 0)
        audience_remove(&audience, RENDITION_TEXT, &queues[_i], 0);
    budget = 1000;
    ck_assert(audience_serve(&audience, serve_dearly, &budget));
    for (int i = 0; i < PEOPLE; i += 2)
        ck_assert(sendq_is_empty(&queues[i]));
    ck_assert_uint_eq(audience.ring[RENDITION_TEXT].tail, 10);
}
END_TEST

START_TEST(memory_that_is_missing_is_told)
{
    for (int i = 0; i < PEOPLE; i++)
        add(i);
    audience_mark_incomplete(&audience, RENDITION_V1);
    for (int i = 0; i < PEOPLE; i++)
        ck_assert(queues[i].is_incomplete == (i % 2 == 1));
    serve_all(serve);
    ck_assert_int_eq(served[0], 0);
    ck_assert_int_eq(served[1], 1);
}
END_TEST

Suite *suite_audience(void)
{
    Suite *suite = suite_create("audience");
    TCase *cases = tcase_create("audience");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, readers_come_and_go, 0, PEOPLE);
    tcase_add_test(cases, removal_keeps_a_bounded_part);
    tcase_add_test(cases, serving_raises_the_tail);
    tcase_add_test(cases, readers_may_leave_while_they_are_served);
    tcase_add_test(cases, serving_stops_where_its_budget_is_spent);
    tcase_add_test(cases, a_walk_falls_behind);
    tcase_add_loop_test(cases, readers_may_leave_between_two_turns, 0, PEOPLE);
    tcase_add_test(cases, tails_never_fall);
    tcase_add_test(cases, room_ends_where_a_longest_frame_does_not_fit);
    tcase_add_test(cases, memory_that_is_missing_is_told);
    suite_add_tcase(suite, cases);
    return suite;
}
