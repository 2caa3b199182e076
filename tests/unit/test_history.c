#include "chat/history.h"

#include <check.h>
#include <string.h>

Suite *suite_history(void);

static struct history history;

static void teardown(void)
{
    history_deinit(&history);
}

static struct record *record_of(uint64_t seq)
{
    struct event event = {
        .kind = EVENT_MESSAGE, .seq = seq, .epoch = 7, .from = 1, .text = STR("hi")};
    struct record *record = record_new(&event);

    ck_assert_ptr_nonnull(record);
    return record;
}

static void add(uint64_t seq)
{
    ck_assert_int_eq(history_add(&history, record_of(seq)), 0);
}

START_TEST(a_record_is_a_copy)
{
    char name[] = "ada", text[] = "hi", ref[] = "r1";
    struct event event = {.kind = EVENT_MESSAGE,
                          .seq = 3,
                          .epoch = 4,
                          .ts = 5,
                          .from = 6,
                          .name = {name, 3},
                          .text = {text, 2},
                          .ref = {ref, 2}};
    struct record *record = record_new(&event);

    memset(name, 'x', 3);
    memset(text, 'x', 2);
    memset(ref, 'x', 2);
    ck_assert(str_equals(record->event.name, STR("ada")));
    ck_assert(str_equals(record->event.text, STR("hi")));
    ck_assert(str_equals(record->event.ref, STR("r1")));
    ck_assert_uint_eq(record->event.seq, 3);
    ck_assert_uint_eq(record->event.epoch, 4);
    ck_assert_uint_eq(record->event.ts, 5);
    ck_assert_uint_eq(record->event.from, 6);
    ck_assert_uint_ge(record->cost, sizeof(*record) + 7);
    ck_assert(!list_is_linked(&record->encoded));
    record_release(record);
}
END_TEST

/* No reference is not the same as an empty one. */
START_TEST(a_missing_ref_stays_missing)
{
    struct event event = {.kind = EVENT_MESSAGE, .seq = 1};
    struct record *record = record_new(&event);

    ck_assert_ptr_null(record->event.ref.ptr);
    record_release(record);
    event.ref = STR("");
    record = record_new(&event);
    ck_assert_ptr_nonnull(record->event.ref.ptr);
    ck_assert_uint_eq(record->event.ref.len, 0);
    record_release(record);
    record_release(NULL);
}
END_TEST

static void check_sent(struct sendq *q, const char *expected, size_t len)
{
    struct iovec spans[8];
    size_t bytes;

    ck_assert_int_eq(sendq_gather(q, spans, 8, &bytes), 1);
    ck_assert_uint_eq(bytes, len);
    ck_assert_mem_eq(spans[0].iov_base, expected, len);
    sendq_advance(q, bytes);
}

START_TEST(replay_encodes_once)
{
    static const char text[] = "\x81\x12"
                               "Client #1 says: hi";
    struct record *record = record_of(3);
    struct sendq first, second;
    const uint8_t *bytes;

    sendq_init(&first);
    sendq_init(&second);
    ck_assert_int_eq(record_replay(record, RENDITION_TEXT, &first), 0);
    bytes = record_frame(record, RENDITION_TEXT)->data;
    ck_assert_int_eq(record_replay(record, RENDITION_TEXT, &second), 0);
    ck_assert_ptr_eq(record_frame(record, RENDITION_TEXT)->data, bytes);
    ck_assert_uint_eq(record_frame(record, RENDITION_V1)->len, 0);
    ck_assert_uint_eq(record->holders, 3);
    record_release(record);
    check_sent(&first, text, sizeof(text) - 1);
    ck_assert_uint_eq(record->holders, 1);
    check_sent(&second, text, sizeof(text) - 1);
    ck_assert(sendq_is_empty(&first) && sendq_is_empty(&second));
}
END_TEST

START_TEST(replay_for_each_codec)
{
    static const char json[] =
        "\x81\x53{\"type\":\"message\",\"pos\":\"0000000000000007-3\",\"ts\":0,"
        "\"from\":1,\"name\":\"\",\"text\":\"hi\"}";
    struct record *record = record_of(3);
    struct sendq q;

    sendq_init(&q);
    ck_assert_int_eq(record_replay(record, RENDITION_V1, &q), 0);
    check_sent(&q, json, sizeof(json) - 1);
    record->event.kind = EVENT_JOIN;
    ck_assert_int_eq(record_replay(record, RENDITION_TEXT, &q), 0);
    ck_assert(sendq_is_empty(&q));
    ck_assert_uint_eq(record->holders, 1);
    record_release(record);
}
END_TEST

START_TEST(keeps_the_last)
{
    size_t limit = (size_t)_i;

    history_init(&history, limit);
    for (uint64_t seq = 2; seq < 40; seq += 2) {
        if (history.count == limit) {
            ck_assert_uint_eq(history.gone, seq > 2 * limit + 2 ? seq - 2 * limit - 2 : 0);
            record_release(history_take_oldest(&history));
            ck_assert_uint_eq(history.gone, seq - 2 * limit);
        }
        add(seq);
        ck_assert_uint_le(history.size, limit);
        for (size_t i = 0; i < history.count; i++)
            ck_assert_uint_eq(history_at(&history, i)->event.seq,
                              seq - 2 * (history.count - 1 - i));
    }
}
END_TEST

START_TEST(finds_what_comes_after)
{
    history_init(&history, 8);
    ck_assert_uint_eq(history_after(&history, 0), 0);
    for (uint64_t seq = 1; seq <= 11; seq++) {
        if (history.count == 8)
            record_release(history_take_oldest(&history));
        add(seq * 3);
    }
    for (uint64_t seq = 0; seq < 40; seq++) {
        size_t expected = 0;

        while (expected < 8 && history_at(&history, expected)->event.seq <= seq)
            expected++;
        ck_assert_uint_eq(history_after(&history, seq), expected);
    }
}
END_TEST

START_TEST(deinit_leaves_it_usable)
{
    struct record *kept = record_of(1);

    kept->holders++;
    history_init(&history, 3);
    ck_assert_int_eq(history_add(&history, kept), 0);
    add(2);
    history_deinit(&history);
    ck_assert_uint_eq(history.count, 0);
    ck_assert_uint_eq(history.size, 0);
    ck_assert_uint_eq(history.limit, 3);
    ck_assert_uint_eq(kept->holders, 1);
    record_release(kept);
    add(3);
    ck_assert_uint_eq(history_at(&history, 0)->event.seq, 3);
}
END_TEST

Suite *suite_history(void)
{
    Suite *suite = suite_create("history");
    TCase *cases = tcase_create("history");

    tcase_add_checked_fixture(cases, NULL, teardown);
    tcase_add_test(cases, a_record_is_a_copy);
    tcase_add_test(cases, a_missing_ref_stays_missing);
    tcase_add_test(cases, replay_encodes_once);
    tcase_add_test(cases, replay_for_each_codec);
    tcase_add_loop_test(cases, keeps_the_last, 1, 12);
    tcase_add_test(cases, finds_what_comes_after);
    tcase_add_test(cases, deinit_leaves_it_usable);
    suite_add_tcase(suite, cases);
    return suite;
}
