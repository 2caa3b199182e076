#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "proto/codec/codec.h"
#include "unit/guard.h"
#include "unit/json_same.h"

Suite *suite_codec_v1(void);

#define EPOCH 0x0123456789abcdef

static struct buf out;

static void setup(void)
{
    buf_init(&out);
}

static void teardown(void)
{
    buf_deinit(&out);
}

static void check_out(const char *expected)
{
    if (!json_same((const char *)out.data, out.len, expected, strlen(expected)))
        ck_abort_msg("%.*s\nis not\n%s", (int)out.len, (const char *)out.data, expected);
}

static void check_event(const struct event *event, const char *expected)
{
    out.len = 0;
    ck_assert_int_eq(codecs[CODEC_V1]->encode(&out, event), 0);
    check_out(expected);
}

/* ---- writing ---- */

START_TEST(writes_message)
{
    struct event event = {.kind = EVENT_MESSAGE,
                          .seq = 17,
                          .epoch = EPOCH,
                          .ts = 1700000000123,
                          .from = 1700000000000,
                          .name = STR("ada"),
                          .text = STR("hi"),
                          .ref = STR("c-17")};

    check_event(&event,
                "{\"type\":\"message\",\"pos\":\"0123456789abcdef-17\",\"ts\":1700000000123,"
                "\"from\":1700000000000,\"name\":\"ada\",\"text\":\"hi\",\"ref\":\"c-17\"}");
    event.ref = (struct str){NULL, 0};
    event.name = (struct str){NULL, 0};
    event.text = STR("");
    check_event(&event,
                "{\"type\":\"message\",\"pos\":\"0123456789abcdef-17\",\"ts\":1700000000123,"
                "\"from\":1700000000000,\"name\":\"\",\"text\":\"\"}");
    event.ref = STR("");
    event.from = CODEC_ID_MAX;
    check_event(&event,
                "{\"type\":\"message\",\"pos\":\"0123456789abcdef-17\",\"ts\":1700000000123,"
                "\"from\":9223372036854775807,\"name\":\"\",\"text\":\"\",\"ref\":\"\"}");
}
END_TEST

START_TEST(writes_message_is_escaped)
{
    struct event event = {.kind = EVENT_MESSAGE,
                          .seq = 1,
                          .epoch = 0,
                          .from = 1,
                          .name = STR("\"\\"),
                          .text = {"a\"\\\n\x01\0\xe2\x82\xac", 9},
                          .ref = STR("\t")};

    check_event(&event, "{\"type\":\"message\",\"pos\":\"0000000000000000-1\",\"ts\":0,\"from\":1,"
                        "\"name\":\"\\\"\\\\\",\"text\":\"a\\\"\\\\\\n\\u0001\\u0000\xe2\x82\xac\","
                        "\"ref\":\"\\t\"}");
}
END_TEST

START_TEST(writes_direct)
{
    struct event event = {.kind = EVENT_DIRECT,
                          .ts = 5,
                          .from = 1,
                          .to = 2,
                          .name = STR("ada"),
                          .text = STR("psst"),
                          .ref = STR("c-18")};

    check_event(&event, "{\"type\":\"direct\",\"ts\":5,\"from\":1,\"to\":2,\"name\":\"ada\","
                        "\"text\":\"psst\",\"ref\":\"c-18\"}");
}
END_TEST

START_TEST(writes_presence)
{
    static const struct {
        enum event_kind kind;
        const char *type;
    } kinds[] = {{EVENT_JOIN, "join"}, {EVENT_LEAVE, "leave"}, {EVENT_RENAME, "rename"}};
    char expected[200];

    for (size_t i = 0; i < 3; i++) {
        struct event event = {.kind = kinds[i].kind,
                              .seq = 2,
                              .epoch = EPOCH,
                              .ts = 1,
                              .from = 1,
                              .count = 77,
                              .name = STR("x")};

        snprintf(expected, sizeof(expected),
                 "{\"type\":\"%s\",\"pos\":\"0123456789abcdef-2\",\"ts\":1,\"from\":1,"
                 "\"name\":\"x\"}",
                 kinds[i].type);
        check_event(&event, expected);
    }
}
END_TEST

START_TEST(writes_reply_data_and_reactions)
{
    struct event event = {.kind = EVENT_MESSAGE,
                          .seq = 17,
                          .epoch = EPOCH,
                          .ts = 5,
                          .from = 7,
                          .re = 9,
                          .data = STR("{\"x\":[1]}"),
                          .reactions = STR("{\"x\":[1,2]}")};

    check_event(&event, "{\"type\":\"message\",\"pos\":\"0123456789abcdef-17\",\"ts\":5,\"from\":7,"
                        "\"name\":\"\",\"re\":\"0123456789abcdef-9\",\"data\":{\"x\":[1]},"
                        "\"reactions\":{\"x\":[1,2]}}");
}
END_TEST

START_TEST(writes_react)
{
    struct event event = {.kind = EVENT_REACT,
                          .seq = 17,
                          .epoch = EPOCH,
                          .ts = 5,
                          .from = 7,
                          .re = 9,
                          .is_on = true,
                          .name = STR("ada"),
                          .text = STR("\""),
                          .ref = STR("r")};

    check_event(&event, "{\"type\":\"react\",\"pos\":\"0123456789abcdef-17\",\"ts\":5,\"from\":7,"
                        "\"name\":\"ada\",\"to\":\"0123456789abcdef-9\",\"emoji\":\"\\\"\","
                        "\"on\":true,\"ref\":\"r\"}");
    event.is_on = false;
    event.ref.ptr = NULL;
    check_event(&event, "{\"type\":\"react\",\"pos\":\"0123456789abcdef-17\",\"ts\":5,\"from\":7,"
                        "\"name\":\"ada\",\"to\":\"0123456789abcdef-9\",\"emoji\":\"\\\"\","
                        "\"on\":false}");
}
END_TEST

START_TEST(writes_typing)
{
    struct event event = {.kind = EVENT_TYPING, .ts = 5, .from = 7, .name = STR("ada")};

    check_event(&event, "{\"type\":\"typing\",\"from\":7,\"name\":\"ada\"}");
}
END_TEST

START_TEST(writes_history)
{
    out.len = 0;
    ck_assert_int_eq(codec_v1_history_begin(&out), 0);
    ck_assert_int_eq(codec_v1_history_event(&out, STR("{\"a\":1}"), true), 0);
    ck_assert_int_eq(codec_v1_history_event(&out, STR("{\"b\":2}"), false), 0);
    ck_assert_int_eq(codec_v1_history_end(&out, STR("r"), true), 0);
    check_out("{\"type\":\"history\",\"ref\":\"r\",\"end\":true,"
              "\"events\":[{\"a\":1},{\"b\":2}]}");
    out.len = 0;
    ck_assert_int_eq(codec_v1_history_begin(&out), 0);
    ck_assert_int_eq(codec_v1_history_end(&out, (struct str){NULL, 0}, false), 0);
    check_out("{\"type\":\"history\",\"end\":false,\"events\":[]}");
}
END_TEST

START_TEST(writes_unread)
{
    out.len = 0;
    ck_assert_int_eq(codec_v1_unread(&out, STR("t\""), 3, STR("r")), 0);
    check_out("{\"type\":\"unread\",\"room\":\"t\\\"\",\"count\":3,\"ref\":\"r\"}");
    out.len = 0;
    ck_assert_int_eq(codec_v1_unread(&out, STR("tea"), 0, (struct str){NULL, 0}), 0);
    check_out("{\"type\":\"unread\",\"room\":\"tea\",\"count\":0}");
}
END_TEST

START_TEST(writes_pong)
{
    out.len = 0;
    ck_assert_int_eq(codec_v1_pong(&out, STR("r\"")), 0);
    check_out("{\"type\":\"pong\",\"ref\":\"r\\\"\"}");
    out.len = 0;
    ck_assert_int_eq(codec_v1_pong(&out, (struct str){NULL, 0}), 0);
    check_out("{\"type\":\"pong\"}");
}
END_TEST

START_TEST(writes_count)
{
    struct event event = {.kind = EVENT_COUNT, .count = 501, .from = 3, .ts = 9};

    check_event(&event, "{\"type\":\"count\",\"count\":501}");
}
END_TEST

START_TEST(writes_error)
{
    ck_assert_int_eq(codecs[CODEC_V1]->encode_error(&out, "no-such-client", "nobody", STR("c-18")),
                     0);
    check_out("{\"type\":\"error\",\"code\":\"no-such-client\",\"text\":\"nobody\","
              "\"ref\":\"c-18\"}");
    out.len = 0;
    ck_assert_int_eq(codecs[CODEC_V1]->encode_error(&out, "bad-json", "\"", (struct str){NULL, 0}),
                     0);
    check_out("{\"type\":\"error\",\"code\":\"bad-json\",\"text\":\"\\\"\"}");
}
END_TEST

static void check_control(const struct ws_control *control, const char *json)
{
    out.len = 0;
    ck_assert_int_eq(codec_v1_control(&out, control), 0);
    check_out(json);
}

START_TEST(writes_controls)
{
    struct ws_control ping = {.opcode = WS_PING, .count = 3, .len = 2, .payload = {0, 0xff}},
                      pong = {.opcode = WS_PONG, .is_sent = true, .count = 1},
                      away = {.opcode = WS_CLOSE,
                              .is_sent = true,
                              .count = 1,
                              .len = 3,
                              .payload = {0x03, 0xe9, '!'}},
                      silent = {.opcode = WS_CLOSE, .count = 1};

    out.len = 0;
    ck_assert_int_eq(codec_v1_wire(&out, true, STR("w\"")), 0);
    check_out("{\"type\":\"wire\",\"on\":true,\"ref\":\"w\\\"\"}");
    out.len = 0;
    ck_assert_int_eq(codec_v1_wire(&out, false, (struct str){NULL, 0}), 0);
    check_out("{\"type\":\"wire\",\"on\":false}");
    check_control(
        &ping, "{\"type\":\"wire\",\"by\":\"client\",\"frame\":\"ping\",\"count\":3,\"length\":2,"
               "\"hex\":\"00ff\"}");
    check_control(
        &pong, "{\"type\":\"wire\",\"by\":\"server\",\"frame\":\"pong\",\"count\":1,\"length\":0,"
               "\"hex\":\"\"}");
    check_control(
        &away, "{\"type\":\"wire\",\"by\":\"server\",\"frame\":\"close\",\"code\":1001,\"count\":1,"
               "\"length\":3,\"hex\":\"03e921\"}");
    check_control(
        &silent,
        "{\"type\":\"wire\",\"by\":\"client\",\"frame\":\"close\",\"count\":1,\"length\":0,"
        "\"hex\":\"\"}");
}
END_TEST

START_TEST(writes_welcome)
{
    struct welcome welcome = {.id = 1700000000000,
                              .room = STR("lob\"by"),
                              .name = STR("ada"),
                              .pos = "P",
                              .key = "SECRET",
                              .recovered = true,
                              .count = 2,
                              .max_message = 65536,
                              .has_typing = true};

    ck_assert_int_eq(codec_v1_welcome_begin(&out, &welcome), 0);
    ck_assert_int_eq(codec_v1_welcome_member(&out, 1700000000000, STR("ada"), true), 0);
    ck_assert_int_eq(codec_v1_welcome_member(&out, 1, STR(""), false), 0);
    ck_assert_int_eq(codec_v1_welcome_end(&out, &welcome), 0);
    check_out("{\"type\":\"welcome\",\"id\":1700000000000,\"room\":\"lob\\\"by\",\"name\":\"ada\","
              "\"pos\":\"P\",\"recovered\":true,\"key\":\"SECRET\",\"count\":2,\"members\":["
              "{\"id\":1700000000000,\"name\":\"ada\"},{\"id\":1,\"name\":\"\"}],"
              "\"limits\":{\"message\":65536},\"typing\":true}");
}
END_TEST

START_TEST(writes_welcome_without_members)
{
    struct welcome welcome = {.id = 1, .room = STR("r"), .pos = "P", .key = "K"};

    ck_assert_int_eq(codec_v1_welcome_begin(&out, &welcome), 0);
    ck_assert_int_eq(codec_v1_welcome_end(&out, &welcome), 0);
    check_out("{\"type\":\"welcome\",\"id\":1,\"room\":\"r\",\"name\":\"\",\"pos\":\"P\","
              "\"recovered\":false,\"key\":\"K\",\"count\":0,\"members\":[],"
              "\"limits\":{\"message\":0}}");
}
END_TEST

/* ---- reading ---- */

static char *message_copy;
static size_t message_len;

/* The slices of the command are good until the next call. */
static struct command decode_bytes(const char *bytes, size_t len)
{
    struct command command;

    if (message_copy != NULL)
        guard_free(message_copy, message_len);
    message_copy = guard_copy(bytes, len);
    message_len = len;
    codecs[CODEC_V1]->decode(&command, message_copy, len);
    return command;
}

static struct command decode(const char *message)
{
    return decode_bytes(message, strlen(message));
}

static void check_str(struct str s, const char *expected)
{
    ck_assert_uint_eq(s.len, strlen(expected));
    ck_assert_mem_eq(s.ptr, expected, s.len);
}

START_TEST(reads_say)
{
    struct command command = decode("{\"type\":\"say\",\"text\":\"hi\",\"ref\":\"c-17\"}");

    ck_assert_int_eq(command.kind, COMMAND_SAY);
    check_str(command.text, "hi");
    check_str(command.ref, "c-17");
    command =
        decode(" {\"ref\":\"\", \"text\" : \"\", \"x\":[1,{\"type\":2}], \"type\":\"say\"}\n");
    ck_assert_int_eq(command.kind, COMMAND_SAY);
    ck_assert_uint_eq(command.text.len, 0);
    ck_assert_ptr_nonnull(command.ref.ptr);
    command = decode("{\"type\":\"s\\u0061y\",\"text\":\"\\u20ac\\n\"}");
    ck_assert_int_eq(command.kind, COMMAND_SAY);
    check_str(command.text, "\xe2\x82\xac\n");
    ck_assert_ptr_null(command.ref.ptr);
}
END_TEST

START_TEST(reads_direct)
{
    struct command command =
        decode("{\"type\":\"say\",\"text\":\"psst\",\"to\":1700000000000,\"ref\":\"c-18\"}");

    ck_assert_int_eq(command.kind, COMMAND_DIRECT);
    ck_assert_uint_eq(command.to, 1700000000000);
    check_str(command.text, "psst");
    check_str(command.ref, "c-18");
    command = decode("{\"type\":\"say\",\"text\":\"\",\"to\":1}");
    ck_assert_int_eq(command.kind, COMMAND_DIRECT);
    ck_assert_uint_eq(command.to, 1);
    command = decode("{\"type\":\"say\",\"text\":\"\",\"to\":9223372036854775807}");
    ck_assert_int_eq(command.kind, COMMAND_DIRECT);
    ck_assert_uint_eq(command.to, CODEC_ID_MAX);
}
END_TEST

START_TEST(reads_rename)
{
    struct command command = decode("{\"type\":\"rename\",\"name\":\"ada\"}");

    ck_assert_int_eq(command.kind, COMMAND_RENAME);
    check_str(command.name, "ada");
    command = decode("{\"type\":\"rename\",\"name\":\"\"}");
    ck_assert_int_eq(command.kind, COMMAND_RENAME);
    ck_assert_uint_eq(command.name.len, 0);
}
END_TEST

START_TEST(reads_reply_and_data)
{
    struct command command =
        decode("{\"type\":\"say\",\"text\":\"yes\",\"re\":\"0123456789abcdef-17\","
               "\"data\": {\"a b\" : [ 1,\t\"\\\" x\" ] }}");

    ck_assert_int_eq(command.kind, COMMAND_SAY);
    ck_assert_uint_eq(command.pos.epoch, EPOCH);
    ck_assert_uint_eq(command.pos.seq, 17);
    check_str(command.data, "{\"a b\":[1,\"\\\" x\"]}");
    command = decode("{\"type\":\"say\",\"data\":\"x\\n\",\"to\":5}");
    ck_assert_int_eq(command.kind, COMMAND_DIRECT);
    ck_assert_ptr_null(command.text.ptr);
    ck_assert_uint_eq(command.pos.seq, 0);
    check_str(command.data, "\"x\\n\"");
    command = decode("{\"type\":\"say\",\"data\":null}");
    ck_assert_int_eq(command.kind, COMMAND_SAY);
    check_str(command.data, "null");
}
END_TEST

START_TEST(reads_react)
{
    struct command command =
        decode("{\"type\":\"react\",\"to\":\"0123456789abcdef-17\",\"emoji\":\"\\ud83d\\udc4d\"}");

    ck_assert_int_eq(command.kind, COMMAND_REACT);
    ck_assert_uint_eq(command.pos.seq, 17);
    ck_assert(command.is_on);
    check_str(command.text, "\xf0\x9f\x91\x8d");
    command =
        decode("{\"type\":\"react\",\"to\":\"0123456789abcdef-1\",\"emoji\":\"x\",\"on\":false}");
    ck_assert_int_eq(command.kind, COMMAND_REACT);
    ck_assert(!command.is_on);
}
END_TEST

/* A letter with so many marks that it takes CODEC_EMOJI_MAX bytes, and with one more. */
START_TEST(emoji_lengths)
{
    char message[256];

    for (int marks = 15; marks <= 16; marks++) {
        char emoji[40] = "\xc3\xa9";
        struct command command;

        for (int i = 0; i < marks; i++)
            memcpy(emoji + 2 + 2 * i, "\xcc\x81", 3);
        snprintf(message, sizeof(message),
                 "{\"type\":\"react\",\"to\":\"0123456789abcdef-1\",\"emoji\":\"%s\"}", emoji);
        command = decode(message);
        ck_assert_int_eq(command.kind, marks == 15 ? COMMAND_REACT : COMMAND_BAD);
    }
}
END_TEST

START_TEST(reads_typing)
{
    ck_assert_int_eq(decode("{\"type\":\"typing\"}").kind, COMMAND_TYPING);
}
END_TEST

START_TEST(reads_history)
{
    struct command command =
        decode("{\"type\":\"history\",\"before\":\"0123456789abcdef-17\",\"limit\":200}");

    ck_assert_int_eq(command.kind, COMMAND_HISTORY);
    ck_assert_uint_eq(command.pos.epoch, EPOCH);
    ck_assert_uint_eq(command.pos.seq, 17);
    ck_assert_uint_eq(command.limit, CODEC_HISTORY_MAX);
    command = decode("{\"type\":\"history\",\"before\":\"0123456789abcdef-0\",\"limit\":1}");
    ck_assert_int_eq(command.kind, COMMAND_HISTORY);
    ck_assert_uint_eq(command.pos.seq, 0);
    ck_assert_uint_eq(command.limit, 1);
}
END_TEST

START_TEST(reads_unread)
{
    struct command command = decode(
        "{\"type\":\"unread\",\"room\":\"tea\",\"since\":\"0123456789abcdef-17\",\"ref\":\"r\"}");

    ck_assert_int_eq(command.kind, COMMAND_UNREAD);
    ck_assert(str_equals(command.name, STR("tea")));
    ck_assert_uint_eq(command.pos.epoch, EPOCH);
    ck_assert_uint_eq(command.pos.seq, 17);
}
END_TEST

START_TEST(reads_ping)
{
    ck_assert_int_eq(decode("{\"type\":\"ping\"}").kind, COMMAND_PING);
}
END_TEST

START_TEST(reads_wire)
{
    struct command command = decode("{\"type\":\"wire\",\"ref\":\"w\"}");

    ck_assert_int_eq(command.kind, COMMAND_WIRE);
    ck_assert(command.is_on);
    ck_assert(str_equals(command.ref, STR("w")));
    ck_assert(decode("{\"type\":\"wire\",\"on\":true}").is_on);
    ck_assert(!decode("{\"type\":\"wire\",\"on\":false}").is_on);
}
END_TEST

struct bad {
    const char *message;
    const char *code;
    const char *ref; /* NULL: none */
};

static const struct bad bads[] = {
    {"", "bad-json", NULL},
    {"hi", "bad-json", NULL},
    {"{", "bad-json", NULL},
    {"[]", "bad-json", NULL},
    {"\"say\"", "bad-json", NULL},
    {"{\"type\":\"say\",\"text\":\"hi\",\"ref\":\"r\"", "bad-json", NULL},
    {"{\"type\":\"say\",\"text\":\"hi\"}x", "bad-json", NULL},
    {"{\"type\":\"say\",\"text\":\"hi\"}{}", "bad-json", NULL},
    {"{\"type\":\"say\",\"text\":\"a\",\"text\":\"b\",\"ref\":\"r\"}", "bad-json", NULL},
    {"{\"type\":\"say\",\"text\":\"\n\"}", "bad-json", NULL},
    {"{\"type\":\"say\",\"text\":\"\\ud800\"}", "bad-json", NULL},
    {"{}", "bad-type", NULL},
    {"{\"ref\":\"r\"}", "bad-type", "r"},
    {"{\"type\":null,\"ref\":\"r\"}", "bad-type", "r"},
    {"{\"type\":1}", "bad-type", NULL},
    {"{\"type\":\"\"}", "bad-type", NULL},
    {"{\"type\":\"Say\",\"text\":\"\"}", "bad-type", NULL},
    {"{\"type\":\"shout\",\"text\":\"hi\",\"ref\":\"r\"}", "bad-type", "r"},
    {"{\"type\":\"message\",\"text\":\"hi\"}", "bad-type", NULL},
    {"{\"type\":\"say\"}", "bad-text", NULL},
    {"{\"type\":\"say\",\"ref\":\"r\"}", "bad-text", "r"},
    {"{\"type\":\"say\",\"text\":1,\"ref\":\"r\"}", "bad-text", "r"},
    {"{\"type\":\"say\",\"text\":null}", "bad-text", NULL},
    {"{\"type\":\"say\",\"text\":[\"hi\"]}", "bad-text", NULL},
    {"{\"type\":\"say\",\"to\":5}", "bad-text", NULL},
    {"{\"type\":\"say\",\"text\":\"\",\"to\":0,\"ref\":\"r\"}", "bad-to", "r"},
    {"{\"type\":\"say\",\"text\":\"\",\"to\":-1}", "bad-to", NULL},
    {"{\"type\":\"say\",\"text\":\"\",\"to\":1.5}", "bad-to", NULL},
    {"{\"type\":\"say\",\"text\":\"\",\"to\":1e3}", "bad-to", NULL},
    {"{\"type\":\"say\",\"text\":\"\",\"to\":\"1\"}", "bad-to", NULL},
    {"{\"type\":\"say\",\"text\":\"\",\"to\":null}", "bad-to", NULL},
    {"{\"type\":\"say\",\"text\":\"\",\"to\":9223372036854775808}", "bad-to", NULL},
    {"{\"type\":\"say\",\"text\":\"\",\"to\":99999999999999999999999}", "bad-to", NULL},
    {"{\"type\":\"token\",\"ref\":\"r\"}", "bad-token", "r"},
    {"{\"type\":\"token\",\"token\":7}", "bad-token", NULL},
    {"{\"type\":\"rename\",\"ref\":\"r\"}", "bad-name", "r"},
    {"{\"type\":\"rename\",\"name\":1}", "bad-name", NULL},
    {"{\"type\":\"rename\",\"name\":null}", "bad-name", NULL},
    {"{\"type\":\"rename\",\"name\":\"a\\nb\"}", "bad-name", NULL},
    {"{\"type\":\"rename\",\"name\":\"\\u0000\"}", "bad-name", NULL},
    {"{\"type\":\"rename\",\"name\":\"\\u007f\"}", "bad-name", NULL},
    {"{\"type\":\"rename\",\"name\":\"\\u0085\"}", "bad-name", NULL},
    {"{\"type\":\"say\",\"text\":\"hi\",\"ref\":1}", "bad-ref", NULL},
    {"{\"type\":\"say\",\"text\":\"hi\",\"ref\":null}", "bad-ref", NULL},
    {"{\"type\":\"nonsense\",\"ref\":{}}", "bad-ref", NULL},
    {"{\"type\":\"say\",\"text\":1,\"data\":1}", "bad-text", NULL},
    {"{\"type\":\"say\",\"text\":\"\",\"re\":5}", "bad-re", NULL},
    {"{\"type\":\"say\",\"text\":\"\",\"re\":\"x-1\"}", "bad-re", NULL},
    {"{\"type\":\"say\",\"text\":\"\",\"re\":\"0123456789abcdef-0\"}", "bad-re", NULL},
    {"{\"type\":\"react\",\"emoji\":\"x\",\"ref\":\"r\"}", "bad-to", "r"},
    {"{\"type\":\"react\",\"to\":1,\"emoji\":\"x\"}", "bad-to", NULL},
    {"{\"type\":\"react\",\"to\":\"0123456789abcdef-1\"}", "bad-emoji", NULL},
    {"{\"type\":\"react\",\"to\":\"0123456789abcdef-1\",\"emoji\":\"\"}", "bad-emoji", NULL},
    {"{\"type\":\"react\",\"to\":\"0123456789abcdef-1\",\"emoji\":\"ab\"}", "bad-emoji", NULL},
    {"{\"type\":\"react\",\"to\":\"0123456789abcdef-1\",\"emoji\":\"x\",\"on\":1}", "bad-on", NULL},
    {"{\"type\":\"wire\",\"on\":\"yes\",\"ref\":\"r\"}", "bad-on", "r"},
    {"{\"type\":\"history\",\"limit\":1,\"ref\":\"r\"}", "bad-before", "r"},
    {"{\"type\":\"history\",\"before\":\"0123456789abcdef-1\"}", "bad-limit", NULL},
    {"{\"type\":\"history\",\"before\":\"0123456789abcdef-1\",\"limit\":0}", "bad-limit", NULL},
    {"{\"type\":\"history\",\"before\":\"0123456789abcdef-1\",\"limit\":201}", "bad-limit", NULL},
    {"{\"type\":\"unread\",\"since\":\"0123456789abcdef-1\",\"ref\":\"r\"}", "bad-room", "r"},
    {"{\"type\":\"unread\",\"room\":7,\"since\":\"0123456789abcdef-1\"}", "bad-room", NULL},
    {"{\"type\":\"unread\",\"room\":\"\",\"since\":\"0123456789abcdef-1\"}", "bad-room", NULL},
    {"{\"type\":\"unread\",\"room\":\"a\\n\",\"since\":\"0123456789abcdef-1\"}", "bad-room", NULL},
    {"{\"type\":\"unread\",\"room\":\"tea\"}", "bad-since", NULL},
    {"{\"type\":\"unread\",\"room\":\"tea\",\"since\":\"x\"}", "bad-since", NULL},
};

#define BAD_COUNT ((int)(sizeof(bads) / sizeof(bads[0])))

START_TEST(refuses)
{
    const struct bad *bad = &bads[_i];
    struct command command = decode(bad->message);

    ck_assert_int_eq(command.kind, COMMAND_BAD);
    ck_assert_str_eq(command.code, bad->code);
    ck_assert_uint_gt(strlen(command.why), 5);
    ck_assert(utf8_is_valid(str_from(command.why)));
    if (bad->ref == NULL)
        ck_assert_ptr_null(command.ref.ptr);
    else
        check_str(command.ref, bad->ref);
}
END_TEST

START_TEST(ref_lengths)
{
    char message[400], ref[CODEC_REF_MAX + 2] = {0};
    struct command command;

    memset(ref, 'r', CODEC_REF_MAX + 1);
    snprintf(message, sizeof(message), "{\"type\":\"say\",\"text\":\"\",\"ref\":\"%s\"}", ref + 1);
    command = decode(message);
    ck_assert_int_eq(command.kind, COMMAND_SAY);
    ck_assert_uint_eq(command.ref.len, CODEC_REF_MAX);
    snprintf(message, sizeof(message), "{\"type\":\"say\",\"text\":\"\",\"ref\":\"%s\"}", ref);
    command = decode(message);
    ck_assert_int_eq(command.kind, COMMAND_BAD);
    ck_assert_str_eq(command.code, "bad-ref");
}
END_TEST

START_TEST(name_lengths)
{
    char message[400], name[CODEC_NAME_MAX + 2] = {0};
    struct command command;

    memset(name, 'n', CODEC_NAME_MAX + 1);
    snprintf(message, sizeof(message), "{\"type\":\"rename\",\"name\":\"%s\"}", name + 1);
    command = decode(message);
    ck_assert_int_eq(command.kind, COMMAND_RENAME);
    ck_assert_uint_eq(command.name.len, CODEC_NAME_MAX);
    snprintf(message, sizeof(message), "{\"type\":\"rename\",\"name\":\"%s\"}", name);
    command = decode(message);
    ck_assert_int_eq(command.kind, COMMAND_BAD);
    ck_assert_str_eq(command.code, "bad-name");
}
END_TEST

/* No beginning of a good message is one, and none makes it read too far. */
START_TEST(cut_messages_are_refused)
{
    static const char message[] =
        "{\"type\":\"say\",\"text\":\"h\\u20ac\",\"to\":12,\"ref\":\"c\"}";

    for (size_t len = 0; len < sizeof(message) - 1; len++) {
        struct command command = decode_bytes(message, len);

        ck_assert_int_eq(command.kind, COMMAND_BAD);
        ck_assert_str_eq(command.code, "bad-json");
    }
    ck_assert_int_eq(decode(message).kind, COMMAND_DIRECT);
}
END_TEST

Suite *suite_codec_v1(void)
{
    Suite *suite = suite_create("codec_v1");
    TCase *writing = tcase_create("writing");
    TCase *reading = tcase_create("reading");

    tcase_add_checked_fixture(writing, setup, teardown);
    tcase_add_test(writing, writes_message);
    tcase_add_test(writing, writes_message_is_escaped);
    tcase_add_test(writing, writes_direct);
    tcase_add_test(writing, writes_presence);
    tcase_add_test(writing, writes_count);
    tcase_add_test(writing, writes_reply_data_and_reactions);
    tcase_add_test(writing, writes_react);
    tcase_add_test(writing, writes_typing);
    tcase_add_test(writing, writes_history);
    tcase_add_test(writing, writes_unread);
    tcase_add_test(writing, writes_pong);
    tcase_add_test(writing, writes_error);
    tcase_add_test(writing, writes_controls);
    tcase_add_test(writing, writes_welcome);
    tcase_add_test(writing, writes_welcome_without_members);
    suite_add_tcase(suite, writing);
    tcase_add_test(reading, reads_say);
    tcase_add_test(reading, reads_direct);
    tcase_add_test(reading, reads_rename);
    tcase_add_test(reading, reads_reply_and_data);
    tcase_add_test(reading, reads_react);
    tcase_add_test(reading, emoji_lengths);
    tcase_add_test(reading, reads_typing);
    tcase_add_test(reading, reads_history);
    tcase_add_test(reading, reads_unread);
    tcase_add_test(reading, reads_ping);
    tcase_add_test(reading, reads_wire);
    tcase_add_loop_test(reading, refuses, 0, BAD_COUNT);
    tcase_add_test(reading, ref_lengths);
    tcase_add_test(reading, name_lengths);
    tcase_add_test(reading, cut_messages_are_refused);
    suite_add_tcase(suite, reading);
    return suite;
}
