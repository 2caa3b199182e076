#include "log/redis_event.h"

#include <check.h>

#include "base/util.h"
#include "guard.h"

Suite *suite_redis_event(void);

static bool read_copy(struct redis_event *told, const char *bytes, size_t len)
{
    char *copy = guard_copy(bytes, len);
    bool is_right = redis_event_read(told, (struct str){copy, len});

    guard_free(copy, len);
    return is_right;
}

START_TEST(what_was_written_is_read)
{
    struct event event = {.kind = EVENT_MESSAGE,
                          .ts = 1700000000000,
                          .from = CODEC_ID_MAX,
                          .name = STR("ada"),
                          .text = STR("one\ntwo - 3"),
                          .ref = STR("r 1")};
    struct redis_event told;
    struct buf out;

    buf_init(&out);
    if (_i == 1)
        event.ref = (struct str){NULL, 0};
    ck_assert_int_eq(buf_append_str(&out, STR("7 18446744073709551615 5 node-1 9\n")), 0);
    ck_assert_int_eq(redis_event_write(&out, &event), 0);
    ck_assert(redis_event_read(&told, (struct str){(char *)out.data, out.len}));
    ck_assert(told.event.seq == 7 && told.event.epoch == UINT64_MAX && told.prev == 5);
    ck_assert(told.number == 9 && str_equals(told.node, STR("node-1")));
    ck_assert(told.event.kind == event.kind && told.event.ts == event.ts);
    ck_assert(told.event.from == event.from && str_equals(told.event.name, event.name));
    ck_assert(str_equals(told.event.text, event.text) && str_equals(told.event.ref, event.ref));
    ck_assert((told.event.ref.ptr == NULL) == (_i == 1));
    buf_deinit(&out);
}
END_TEST

static const char *const wrong[] = {
    "",
    "1",
    "1 2 0 n 1",
    "1 2 0 n 1\n",
    "0 2 0 n 1\nM 1 1 0 0 -\n",
    "1 2 0 n 1\nX 1 1 0 0 -\n",
    "1 2 0 n 1\nMM 1 1 0 0 -\n",
    "1 2 0 n 1\nM 1 1 0 1 -\n",
    "1 2 0 n 1\nM 1 1 0 65 -\n",
    "1 2 0 n 1\nM 1 1 0 0 1\n",
    "1 2 0 n 1\nM 1 1 0 0 129\n",
    "1 2 0 n 1\nM 1 9223372036854775808 0 0 -\n",
    "1 2 0 n 1\nM 1 1 0 1 -\n\xff",
    "1 2 0 n 1\nM 1 1 0 0 -\n\xc3",
    "1 2 0 n 1\nM 1 1 0 1 -\n\x1bx",
    "-1 2 0 n 1\nM 1 1 0 0 -\n",
    "1 2 0 n 1\nD 1 1 0 0 -\n",
    "1 2 0 n 1\nD 1 1 0 0 -\n3\nab",
    "1 2 0 n 1\nD 1 1 0 0 -\n-\n\xff",
    "1 2 0 n 1\nY 1 1 0 0 -\n+",
};

/* Replies, data with a text and alone, reactions given and taken back. */
START_TEST(what_is_said_of_messages_is_read)
{
    const struct event events[] = {
        {.kind = EVENT_MESSAGE, .from = 1, .re = UINT64_MAX, .text = STR("1\n2")},
        {.kind = EVENT_MESSAGE, .from = 1, .re = 3, .text = STR("1\n2"), .data = STR("[\"\n\"]")},
        {.kind = EVENT_MESSAGE, .from = 1, .text = STR(""), .data = STR("1")},
        {.kind = EVENT_MESSAGE, .from = 1, .data = STR("null")},
        {.kind = EVENT_REACT, .from = 1, .re = 3, .is_on = true, .text = STR("+")},
        {.kind = EVENT_REACT, .from = 1, .re = 3, .text = STR("+")},
    };
    const struct event *event = &events[_i];
    struct redis_event told;
    struct buf out;

    buf_init(&out);
    ck_assert_int_eq(buf_append_str(&out, STR("7 1 5 node-1 9\n")), 0);
    ck_assert_int_eq(redis_event_write(&out, event), 0);
    ck_assert(redis_event_read(&told, (struct str){(char *)out.data, out.len}));
    ck_assert(told.event.kind == event->kind && told.event.re == event->re);
    ck_assert(str_equals(told.event.text, event->text) && str_equals(told.event.data, event->data));
    ck_assert((told.event.text.ptr == NULL) == (event->text.ptr == NULL));
    ck_assert((told.event.data.ptr == NULL) == (event->data.ptr == NULL));
    ck_assert(event->kind != EVENT_REACT || told.event.is_on == event->is_on);
    buf_deinit(&out);
}
END_TEST

START_TEST(what_is_not_well_formed_is_refused)
{
    struct redis_event told;
    size_t len = strlen(wrong[_i]);

    ck_assert(!read_copy(&told, wrong[_i], len));
}
END_TEST

START_TEST(no_part_of_one_is_read_too_far)
{
    static const char whole[] = "1 2 0 n 1\nM 1 1 0 3 2\nadar1text";
    struct redis_event told;

    for (size_t len = 0; len < sizeof(whole); len++)
        (void)read_copy(&told, whole, len);
    ck_assert(read_copy(&told, whole, sizeof(whole) - 1));
}
END_TEST

static bool read_errand(struct redis_errand *errand, const char *text)
{
    return redis_errand_read(errand, str_from(text));
}

START_TEST(errands_are_read_as_they_were_written)
{
    const struct event events[] = {
        {.kind = EVENT_DIRECT, .ts = 5, .from = 1, .re = 3, .text = STR("hi"), .ref = STR("r")},
        {.kind = EVENT_DIRECT, .ts = 5, .from = 1, .text = STR("hi"), .data = STR("[1]")},
        {.kind = EVENT_KICK, .ts = 5, .text = STR("later")},
        {.kind = EVENT_KICK, .ts = 5, .text = STR("")},
        {.kind = EVENT_WHO, .ts = 5, .re = 60, .text = STR("why"), .ref = STR("r")},
    };
    const struct event *event = &events[_i];
    struct redis_errand errand;
    struct buf out;

    buf_init(&out);
    ck_assert_int_eq(buf_append_str(&out, STR("7 node-1 9 tea \xf0\x9f\x8d\xb5 room\n")), 0);
    ck_assert_int_eq(redis_event_write(&out, event), 0);
    ck_assert(redis_errand_read(&errand, (struct str){(char *)out.data, out.len}));
    ck_assert(errand.event.kind == event->kind && errand.event.to == 7 && errand.number == 9);
    ck_assert(errand.event.from == event->from && errand.event.re == event->re);
    ck_assert(str_equals(errand.node, STR("node-1")));
    ck_assert(str_equals(errand.room, STR("tea \xf0\x9f\x8d\xb5 room")));
    ck_assert(str_equals(errand.event.text, event->text));
    ck_assert(str_equals(errand.event.data, event->data));
    ck_assert(str_equals(errand.event.ref, event->ref));
    buf_deinit(&out);
}
END_TEST

/* An errand is no event of the room, and no event of the room is an errand. */
START_TEST(errands_and_events_are_not_taken_for_each_other)
{
    struct redis_errand errand;
    struct redis_event told;

    ck_assert(read_errand(&errand, "7 n 9 tea\nP 1 1 0 0 -\nhi"));
    ck_assert(!read_errand(&errand, "7 n 9 tea\nM 1 1 0 0 -\nhi"));
    ck_assert(!read_errand(&errand, "7 n 9\nP 1 1 0 0 -\nhi"));
    ck_assert(!read_errand(&errand, "x n 9 tea\nP 1 1 0 0 -\nhi"));
    ck_assert(!read_errand(&errand, "7 n x tea\nP 1 1 0 0 -\nhi"));
    ck_assert(!read_errand(&errand, "7 n 9 tea\nQ 1 1 0 0 -\nhi"));
    ck_assert(!read_errand(&errand, "7 n 9 tea\n"));
    ck_assert(!read_errand(&errand, ""));
    ck_assert(!redis_event_read(&told, STR("1 2 0 n 1\nP 1 1 0 0 -\nhi")));
    ck_assert(!redis_event_read(&told, STR("1 2 0 n 1\nK 1 1 0 0 -\nhi")));
}
END_TEST

Suite *suite_redis_event(void)
{
    Suite *suite = suite_create("redis_event");
    TCase *tcase = tcase_create("redis_event");

    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, what_was_written_is_read, 0, 2);
    tcase_add_loop_test(tcase, what_is_said_of_messages_is_read, 0, 6);
    tcase_add_loop_test(tcase, what_is_not_well_formed_is_refused, 0, ARRAY_LEN(wrong));
    tcase_add_test(tcase, no_part_of_one_is_read_too_far);
    tcase_add_loop_test(tcase, errands_are_read_as_they_were_written, 0, 5);
    tcase_add_test(tcase, errands_and_events_are_not_taken_for_each_other);
    return suite;
}
