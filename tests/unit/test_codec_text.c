#include <check.h>
#include <string.h>

#include "proto/codec/codec.h"

Suite *suite_codec_text(void);

static struct buf out;

static void setup(void)
{
    buf_init(&out);
}

static void teardown(void)
{
    buf_deinit(&out);
}

static void check_event(const struct event *event, const char *expected)
{
    out.len = 0;
    ck_assert_int_eq(codecs[CODEC_TEXT]->encode(&out, event), 0);
    ck_assert_uint_eq(out.len, strlen(expected));
    if (out.len > 0)
        ck_assert_mem_eq(out.data, expected, out.len);
}

START_TEST(says)
{
    struct event event = {.kind = EVENT_MESSAGE,
                          .seq = 3,
                          .ts = 5,
                          .from = 1700000000000,
                          .name = STR("ada"),
                          .text = STR("hi"),
                          .ref = STR("r")};

    check_event(&event, "Client #1700000000000 says: hi");
    event.from = 1;
    event.text = STR("");
    check_event(&event, "Client #1 says: ");
    event.from = CODEC_ID_MAX;
    event.text = STR("<b>&\"\n");
    check_event(&event, "Client #9223372036854775807 says: <b>&\"\n");
}
END_TEST

START_TEST(says_bytes_as_they_are)
{
    static const char expected[] = "Client #7 says: a\0b";
    struct event event = {.kind = EVENT_MESSAGE, .from = 7, .text = {"a\0b", 3}};

    ck_assert_int_eq(codecs[CODEC_TEXT]->encode(&out, &event), 0);
    ck_assert_uint_eq(out.len, sizeof(expected) - 1);
    ck_assert_mem_eq(out.data, expected, out.len);
}
END_TEST

START_TEST(leaves)
{
    struct event event = {.kind = EVENT_LEAVE, .from = 1700000000000, .name = STR("ada")};

    check_event(&event, "Client #1700000000000 left the chat");
}
END_TEST

START_TEST(whispers)
{
    struct event event = {.kind = EVENT_DIRECT, .from = 5, .to = 6, .text = STR("psst")};

    check_event(&event, "Client #5 whispers: psst");
}
END_TEST

START_TEST(the_rest_is_not_told)
{
    static const enum event_kind kinds[] = {EVENT_JOIN, EVENT_RENAME, EVENT_COUNT};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct event event = {.kind = kinds[i], .from = 5, .count = 3, .name = STR("ada")};

        check_event(&event, "");
    }
    ck_assert_int_eq(codecs[CODEC_TEXT]->encode_error(&out, "code", "why", STR("ref")), 0);
    ck_assert_uint_eq(out.len, 0);
}
END_TEST

/* The author of a message is told the prefix and the text, and the text is shared. */
START_TEST(own_prefix)
{
    struct str prefix = codecs[CODEC_TEXT]->own_prefix;

    ck_assert_uint_eq(prefix.len, 11);
    ck_assert_mem_eq(prefix.ptr, "You wrote: ", 11);
}
END_TEST

START_TEST(every_message_is_said)
{
    static const char *const messages[] = {"", "hi", "{\"type\":\"say\"}", "\n", "\xe2\x82\xac"};

    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        char data[32];
        struct command command;
        size_t len = strlen(messages[i]);

        memcpy(data, messages[i], len);
        codecs[CODEC_TEXT]->decode(&command, data, len);
        ck_assert_int_eq(command.kind, COMMAND_SAY);
        ck_assert_ptr_eq(command.text.ptr, data);
        ck_assert_uint_eq(command.text.len, len);
        ck_assert_mem_eq(data, messages[i], len);
        ck_assert_ptr_null(command.ref.ptr);
    }
}
END_TEST

START_TEST(appends_behind_what_is_there)
{
    struct event event = {.kind = EVENT_LEAVE, .from = 9};

    ck_assert_int_eq(buf_append_str(&out, STR("[")), 0);
    ck_assert_int_eq(codecs[CODEC_TEXT]->encode(&out, &event), 0);
    ck_assert_uint_eq(out.len, 24);
    ck_assert_mem_eq(out.data, "[Client #9 left the chat", 24);
}
END_TEST

Suite *suite_codec_text(void)
{
    Suite *suite = suite_create("codec_text");
    TCase *cases = tcase_create("codec_text");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, says);
    tcase_add_test(cases, says_bytes_as_they_are);
    tcase_add_test(cases, leaves);
    tcase_add_test(cases, whispers);
    tcase_add_test(cases, the_rest_is_not_told);
    tcase_add_test(cases, own_prefix);
    tcase_add_test(cases, every_message_is_said);
    tcase_add_test(cases, appends_behind_what_is_there);
    suite_add_tcase(suite, cases);
    return suite;
}
