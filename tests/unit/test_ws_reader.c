#include <check.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "guard.h"
#include "proto/ws/reader.h"

Suite *suite_ws_reader(void);

static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};

static const struct ws_reader_limits server = {
    .max_message = 1000, .accept_binary = true, .expect_masked = true};
static const struct ws_reader_limits server_text_only = {.max_message = 1000,
                                                         .expect_masked = true};
static const struct ws_reader_limits deflated = {
    .max_message = 1000, .accept_binary = true, .accept_deflated = true, .expect_masked = true};
static const struct ws_reader_limits client = {.max_message = 100000, .accept_binary = true};
static const struct ws_reader_limits remembering = {
    .max_message = 40000, .accept_binary = true, .accept_deflated = true, .has_context = true};

static struct buf script; /* the bytes to be read */

static void setup(void)
{
    buf_init(&script);
}

static void teardown(void)
{
    buf_deinit(&script);
}

/* ---- Writing scripts ---- */

#define FIN 0x80

static void add_bytes(const void *bytes, size_t len)
{
    ck_assert_int_eq(buf_append(&script, bytes, len), 0);
}

#define ADD_BYTES(literal) add_bytes(literal, sizeof(literal) - 1)

static void add_header(unsigned first_byte, uint64_t length, bool masked)
{
    uint8_t out[WS_HEADER_MAX];
    struct ws_frame_header h = {.length = length,
                                .opcode = first_byte & 15,
                                .rsv = first_byte >> 4 & 7,
                                .fin = (first_byte & FIN) != 0,
                                .masked = masked,
                                .key = {key[0], key[1], key[2], key[3]}};

    add_bytes(out, ws_frame_encode(out, &h));
}

/* A masked frame, as a client sends it. */
static void add_frame(unsigned first_byte, const void *payload, size_t len)
{
    add_header(first_byte, len, true);
    add_bytes(payload, len);
    ws_mask(script.data + script.len - len, len, key, 0);
}

#define ADD_FRAME(first_byte, literal) add_frame(first_byte, literal, sizeof(literal) - 1)

/* Some text of `len` bytes, to be freed. */
static uint8_t *filled(size_t len)
{
    uint8_t *payload = malloc(len + 1);

    ck_assert_ptr_nonnull(payload);
    for (size_t i = 0; i < len; i++)
        payload[i] = (uint8_t)('a' + i % 23);
    return payload;
}

static void add_filled_frame(unsigned first_byte, size_t len)
{
    uint8_t *payload = filled(len);

    add_frame(first_byte, payload, len);
    free(payload);
}

/* ---- Reading them, cut in any way, into a list of events ---- */

static uint32_t checksum(const uint8_t *data, size_t len)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < len; i++)
        sum = sum * 31 + data[i];
    return sum;
}

/* "[1 Hello]", "[8 1000 bye]"; a long payload as its length and a checksum: "[1 300:1234]". */
static void add_message(struct buf *events, const struct ws_message *m)
{
    const uint8_t *data = m->data;
    size_t len = m->len;

    ck_assert_ptr_nonnull(data);
    buf_printf(events, "[%d ", (int)m->opcode);
    if (m->opcode == WS_CLOSE) {
        buf_printf(events, "%u ", m->close_code);
        data += len >= 2 ? 2 : 0;
        len -= len >= 2 ? 2 : 0;
    } else {
        ck_assert_uint_eq(m->close_code, 0);
    }
    if (len <= 125)
        buf_append(events, data, len);
    else
        buf_printf(events, "%zu:%" PRIu32, len, checksum(data, len));
    buf_append_char(events, ']');
}

/* Hands the reader one piece, whose last byte lies before an unreadable page. Writes over what was
 * delivered, as its owner may, and over the piece after it was taken. Returns false when the reader
 * must not be called again. */
static bool feed(struct ws_reader *r, const uint8_t *piece, size_t len, struct buf *events)
{
    char *copy = guard_copy(piece, len);
    uint8_t *data = (uint8_t *)copy;
    size_t left = len;
    struct ws_message m;
    int n;

    while ((n = ws_reader_next(r, &data, &left, &m)) == 1) {
        add_message(events, &m);
        memset(m.data, 0xff, m.len);
        if (m.opcode == WS_CLOSE)
            break;
    }
    if (n < 0)
        buf_printf(events, "!%s", ws_error_text((enum ws_error) - n));
    if (n == 0)
        ck_assert_uint_eq(left, 0);
    ck_assert_ptr_eq(data, copy + len - left);
    memset(copy, 0xff, len);
    guard_free(copy, len);
    return n == 0;
}

/* Feeds the script in pieces: the first of `first` bytes, the others of `step`. Compares the
 * events. */
static void expect_in_pieces(const struct ws_reader_limits *limits, const char *expected,
                             size_t first, size_t step)
{
    struct ws_reader r;
    struct buf events;
    size_t at = 0;
    size_t piece = first;

    buf_init(&events);
    ws_reader_init(&r, limits);
    while (at < script.len) {
        if (piece > script.len - at)
            piece = script.len - at;
        if (!feed(&r, script.data + at, piece, &events))
            break;
        at += piece;
        piece = step;
    }
    ws_reader_deinit(&r);
    ck_assert_ptr_null(r.rest);
    buf_append_char(&events, '\0');
    if (strcmp((char *)events.data, expected) != 0)
        ck_abort_msg("first %zu, then %zu: %s\ninstead of %s", first, step, events.data, expected);
    buf_deinit(&events);
}

/* Whole, byte by byte, in small pieces, and in two pieces at every point (of a long script: at the
 * ends). */
static void expect(const struct ws_reader_limits *limits, const char *expected)
{
    size_t edge = 300;

    expect_in_pieces(limits, expected, script.len, 1);
    for (size_t step = script.len > 20000 ? 997 : 1; step <= 1009; step = step * 3 + 1)
        expect_in_pieces(limits, expected, step, step);
    for (size_t split = 1; split < script.len; split++) {
        if (split == edge && script.len > 2 * edge)
            split = script.len - edge;
        expect_in_pieces(limits, expected, split, script.len);
    }
}

/* The same, where the events end with an error. */
static void expect_error(const struct ws_reader_limits *limits, const char *before,
                         enum ws_error error)
{
    char expected[500];

    snprintf(expected, sizeof(expected), "%s!%s", before, ws_error_text(error));
    expect(limits, expected);
}

/* The script ends with the very byte that shows the error: up to there all is well, and then it is
 * found, also by a reader that got every byte by itself. */
static void expect_error_at_end(const struct ws_reader_limits *limits, const char *before,
                                enum ws_error error)
{
    expect_error(limits, before, error);
    script.len--;
    expect(limits, before);
    script.len++;
}

/* ---- RFC 7692 ---- */

#define RSV1 0x40
#define HELLO "\xf2\x48\xcd\xc9\xc9\x07\x00"
#define HELLO_AGAIN "\xf2\x00\x11\x00\x00" /* behind it (7.2.3.2) */

START_TEST(deflated_messages)
{
    ADD_FRAME(FIN | RSV1 | WS_TEXT, HELLO);
    ADD_FRAME(FIN | WS_TEXT, "plain");
    ADD_FRAME(FIN | RSV1 | WS_BINARY, HELLO);
    ADD_FRAME(FIN | RSV1 | WS_TEXT, "\x00");
    ADD_FRAME(FIN | RSV1 | WS_TEXT, HELLO);
    expect(&deflated, "[1 Hello][1 plain][2 Hello][1 ][1 Hello]");
}
END_TEST

START_TEST(deflated_fragments)
{
    ADD_FRAME(RSV1 | WS_TEXT, "\xf2\x48\xcd");
    ADD_FRAME(FIN | WS_PING, "ping");
    ADD_FRAME(WS_CONTINUATION, "");
    ADD_FRAME(FIN | WS_CONTINUATION, "\xc9\xc9\x07\x00");
    ADD_FRAME(WS_TEXT, "pl");
    ADD_FRAME(FIN | WS_CONTINUATION, "ain");
    expect(&deflated, "[9 ping][1 Hello][1 plain]");
}
END_TEST

/* Each message stands for itself: nothing may reach into the one before. */
START_TEST(deflated_keeps_no_context)
{
    ADD_FRAME(FIN | RSV1 | WS_TEXT, HELLO);
    ADD_FRAME(FIN | RSV1 | WS_TEXT, HELLO_AGAIN);
    expect_error(&deflated, "[1 Hello]", WS_ERROR_DEFLATE);
}
END_TEST

/* A frame as a server sends it. */
static void add_server_frame(unsigned first_byte, const void *payload, size_t len)
{
    add_header(first_byte, len, false);
    add_bytes(payload, len);
}

#define ADD_SERVER_FRAME(first_byte, literal)                                                      \
    add_server_frame(first_byte, literal, sizeof(literal) - 1)

/* Where that was agreed on, each may reach into those before, and plain ones do not count. */
START_TEST(deflated_with_context)
{
    ADD_SERVER_FRAME(FIN | RSV1 | WS_TEXT, HELLO);
    ADD_SERVER_FRAME(FIN | WS_TEXT, "plain");
    ADD_SERVER_FRAME(RSV1 | WS_TEXT, "\xf2\x00");
    ADD_SERVER_FRAME(FIN | WS_PING, "ping");
    ADD_SERVER_FRAME(FIN | WS_CONTINUATION, "\x11\x00\x00");
    ADD_SERVER_FRAME(FIN | RSV1 | WS_TEXT, "\x00");
    ADD_SERVER_FRAME(FIN | RSV1 | WS_BINARY, HELLO_AGAIN);
    expect(&remembering, "[1 Hello][1 plain][9 ping][1 Hello][1 ][2 Hello]");
}
END_TEST

/* 30000 bytes in a stored block, which begin with "Hello". */
static void add_long_message(void)
{
    uint8_t *plain = filled(30000);

    memcpy(plain, "Hello", 5);
    add_header(FIN | RSV1 | WS_BINARY, 30006, false);
    ADD_BYTES("\x00\x30\x75\xcf\x8a");
    add_bytes(plain, 30000);
    add_bytes("", 1);
    free(plain);
}

/* However much was said, the last 32 KiB are known, and no more than twice that and a message is
 * kept. What is further away is refused where it is gone, and never asked for by a server. */
START_TEST(context_is_bounded)
{
    struct ws_reader r;
    struct ws_message m;

    ws_reader_init(&r, &remembering);
    for (unsigned i = 0; i < 20; i++) {
        uint8_t *data;
        size_t len;

        script.len = 0;
        add_long_message();
        ADD_SERVER_FRAME(FIN | RSV1 | WS_TEXT, HELLO);
        ADD_SERVER_FRAME(FIN | RSV1 | WS_TEXT, HELLO_AGAIN);
        data = script.data;
        len = script.len;
        ck_assert_int_eq(ws_reader_next(&r, &data, &len, &m), 1);
        ck_assert_uint_eq(m.len, 30000);
        ck_assert_int_eq(ws_reader_next(&r, &data, &len, &m), 1);
        ck_assert_int_eq(ws_reader_next(&r, &data, &len, &m), 1);
        ck_assert_uint_eq(m.len, 5);
        ck_assert_mem_eq(m.data, "Hello", 5);
        ws_reader_release(&r);
    }
    ws_reader_deinit(&r);
}
END_TEST

START_TEST(context_does_not_lift_the_limit)
{
    ADD_SERVER_FRAME(FIN | RSV1 | WS_TEXT, HELLO);
    add_header(FIN | RSV1 | WS_BINARY, 45065, false);
    expect_error(&remembering, "[1 Hello]", WS_ERROR_MESSAGE_TOO_BIG);
}
END_TEST

/* A message says what it took to unpack it. */
START_TEST(deflated_messages_tell_their_work)
{
    struct ws_reader r;
    struct ws_message m;
    uint8_t *data;
    size_t len;

    ADD_FRAME(FIN | RSV1 | WS_TEXT, HELLO);
    ADD_FRAME(FIN | WS_TEXT, "plain");
    data = script.data;
    len = script.len;
    ws_reader_init(&r, &deflated);
    ck_assert_int_eq(ws_reader_next(&r, &data, &len, &m), 1);
    ck_assert_uint_eq(m.work, 7 + 5);
    ck_assert_int_eq(ws_reader_next(&r, &data, &len, &m), 1);
    ck_assert_uint_eq(m.work, 5);
    ws_reader_deinit(&r);
}
END_TEST

START_TEST(rsv1_only_begins_a_data_message)
{
    static const unsigned others[] = {FIN | RSV1 | WS_CONTINUATION, FIN | RSV1 | WS_PING,
                                      FIN | RSV1 | WS_CLOSE,        FIN | RSV1 | 0x20 | WS_TEXT,
                                      FIN | 0x20 | WS_TEXT,         FIN | 0x10 | WS_TEXT};

    if (others[_i] == (FIN | RSV1 | WS_CONTINUATION))
        ADD_FRAME(RSV1 | WS_TEXT, "\xf2\x48");
    add_bytes(&(uint8_t){(uint8_t)others[_i]}, 1);
    expect_error_at_end(&deflated, "", WS_ERROR_RESERVED_BITS);
}
END_TEST

START_TEST(rsv1_is_refused_where_it_was_not_agreed_on)
{
    ADD_BYTES("\xc1");
    expect_error_at_end(&server, "", WS_ERROR_RESERVED_BITS);
}
END_TEST

START_TEST(deflated_text_is_checked_as_it_comes_out)
{
    ADD_FRAME(FIN | RSV1 | WS_BINARY, "\x00\x01\x00\xfe\xff\xff\x00");
    ADD_FRAME(FIN | RSV1 | WS_TEXT, "\x00\x02\x00\xfd\xff\xc3\xa4\x00");
    ADD_FRAME(FIN | RSV1 | WS_TEXT, "\x00\x01\x00\xfe\xff\xc3\x00");
    expect_error_at_end(&deflated, "[2 \xff][1 \xc3\xa4]", WS_ERROR_TEXT_NOT_UTF8);
}
END_TEST

/* A stored block of `len` bytes, which is longer than what comes out of it. */
static void add_stored(size_t len)
{
    uint8_t *payload = filled(len + 6);

    memmove(payload + 5, payload, len);
    payload[0] = 0;
    payload[1] = (uint8_t)len;
    payload[2] = (uint8_t)(len >> 8);
    payload[3] = (uint8_t)~payload[1];
    payload[4] = (uint8_t)~payload[2];
    payload[len + 5] = 0;
    add_frame(FIN | RSV1 | WS_BINARY, payload, len + 6);
    free(payload);
}

START_TEST(deflated_at_the_limit)
{
    uint8_t *payload = filled(1000);
    char expected[64];

    add_stored(1000);
    snprintf(expected, sizeof(expected), "[2 1000:%" PRIu32 "]", checksum(payload, 1000));
    free(payload);
    expect(&deflated, expected);
}
END_TEST

START_TEST(deflated_past_the_limit)
{
    add_stored(1001);
    expect_error_at_end(&deflated, "", WS_ERROR_MESSAGE_TOO_BIG);
}
END_TEST

/* What it may be long itself: nine eighths of the limit, and 64. */
START_TEST(deflated_longer_than_any_message_needs)
{
    add_header(FIN | RSV1 | WS_BINARY, 1189, true);
    expect(&deflated, "");
    script.len = 0;
    add_header(FIN | RSV1 | WS_BINARY, 1190, true);
    expect_error(&deflated, "", WS_ERROR_MESSAGE_TOO_BIG);
}
END_TEST

/* ---- RFC 6455, 5.7 ---- */

START_TEST(rfc_unmasked_text)
{
    ADD_BYTES("\x81\x05\x48\x65\x6c\x6c\x6f");
    expect(&client, "[1 Hello]");
}
END_TEST

START_TEST(rfc_masked_text)
{
    ADD_BYTES("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    expect(&server, "[1 Hello]");
}
END_TEST

START_TEST(rfc_fragmented_text)
{
    ADD_BYTES("\x01\x03\x48\x65\x6c\x80\x02\x6c\x6f");
    expect(&client, "[1 Hello]");
}
END_TEST

START_TEST(rfc_ping_and_pong)
{
    ADD_BYTES("\x89\x05\x48\x65\x6c\x6c\x6f");
    expect(&client, "[9 Hello]");
    script.len = 0;
    ADD_BYTES("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    expect(&server, "[10 Hello]");
}
END_TEST

START_TEST(rfc_binary_of_256_and_65536_bytes)
{
    static uint8_t zeros[65536];

    ADD_BYTES("\x82\x7e\x01\x00");
    add_bytes(zeros, 256);
    ADD_BYTES("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00");
    add_bytes(zeros, 65536);
    expect(&client, "[2 256:0][2 65536:0]");
}
END_TEST

/* ---- Messages ---- */

START_TEST(empty_messages)
{
    ADD_FRAME(FIN | WS_TEXT, "");
    ADD_FRAME(FIN | WS_BINARY, "");
    ADD_FRAME(FIN | WS_PING, "");
    ADD_FRAME(FIN | WS_PONG, "");
    ADD_FRAME(WS_TEXT, "");
    ADD_FRAME(FIN | WS_CONTINUATION, "");
    ADD_FRAME(FIN | WS_CLOSE, "");
    expect(&server, "[1 ][2 ][9 ][10 ][1 ][8 0 ]");
}
END_TEST

START_TEST(many_messages_in_order)
{
    ADD_FRAME(FIN | WS_TEXT, "one");
    ADD_FRAME(FIN | WS_BINARY, "two");
    ADD_FRAME(WS_TEXT, "th");
    ADD_FRAME(WS_CONTINUATION, "");
    ADD_FRAME(WS_CONTINUATION, "r");
    ADD_FRAME(FIN | WS_CONTINUATION, "ee");
    ADD_FRAME(WS_BINARY, "fo");
    ADD_FRAME(FIN | WS_CONTINUATION, "ur");
    ADD_FRAME(FIN | WS_TEXT, "five");
    expect(&server, "[1 one][2 two][1 three][2 four][1 five]");
}
END_TEST

START_TEST(control_frames_between_fragments)
{
    ADD_FRAME(WS_TEXT, "a\xe2\x82");
    ADD_FRAME(FIN | WS_PING, "p1");
    ADD_FRAME(WS_CONTINUATION, "");
    ADD_FRAME(FIN | WS_PONG, "\xff\x80");
    ADD_FRAME(FIN | WS_PING, "");
    ADD_FRAME(FIN | WS_CONTINUATION, "\xac");
    ADD_FRAME(FIN | WS_PING, "p2");
    expect(&server, "[9 p1][10 \xff\x80][9 ][1 a\xe2\x82\xac][9 p2]");
}
END_TEST

START_TEST(close_between_fragments_ends_it)
{
    ADD_FRAME(WS_TEXT, "never");
    ADD_FRAME(FIN | WS_CLOSE, "\x03\xe8");
    ADD_FRAME(FIN | WS_CONTINUATION, "delivered");
    expect(&server, "[8 1000 ]");
}
END_TEST

START_TEST(text_keeps_its_nul)
{
    struct ws_reader r;
    struct ws_message m;
    uint8_t *data;
    size_t len;

    ADD_FRAME(FIN | WS_TEXT, "a\0b");
    data = script.data;
    len = script.len;
    ws_reader_init(&r, &server);
    ck_assert_int_eq(ws_reader_next(&r, &data, &len, &m), 1);
    ck_assert_uint_eq(m.len, 3);
    ck_assert_mem_eq(m.data, "a\0b", 3);
    ws_reader_deinit(&r);
}
END_TEST

START_TEST(sizes_around_the_forms_of_the_length)
{
    static const struct ws_reader_limits large = {
        .max_message = 70000, .accept_binary = true, .expect_masked = true};
    static const size_t sizes[] = {124, 125, 126, 127, 65534, 65535, 65536, 65537};
    size_t size = sizes[_i];
    uint8_t *payload = filled(size);
    struct buf expected;
    struct ws_message m = {WS_TEXT, payload, size, size, 0};

    add_frame(FIN | WS_TEXT, payload, size);
    ADD_FRAME(FIN | WS_TEXT, "end");
    buf_init(&expected);
    add_message(&expected, &m);
    buf_append(&expected, "[1 end]", sizeof("[1 end]"));
    expect(&large, (char *)expected.data);
    buf_deinit(&expected);
    free(payload);
}
END_TEST

/* ---- Limits ---- */

START_TEST(message_at_the_limit)
{
    add_filled_frame(FIN | WS_BINARY, 1000);
    add_filled_frame(WS_BINARY, 400);
    add_filled_frame(WS_CONTINUATION, 599);
    ADD_FRAME(FIN | WS_PING, "not counted");
    add_filled_frame(WS_CONTINUATION, 1);
    ADD_FRAME(WS_CONTINUATION, "");
    ADD_FRAME(FIN | WS_CONTINUATION, "");
    expect(&server, "[2 1000:2313103610][9 not counted][2 1000:888241945]");
}
END_TEST

START_TEST(message_past_the_limit)
{
    ADD_FRAME(FIN | WS_TEXT, "before");
    ADD_BYTES("\x81\xfe\x03\xe9");
    expect_error_at_end(&server, "[1 before]", WS_ERROR_MESSAGE_TOO_BIG);
    ADD_BYTES("\x01\x02\x03\x04");
    expect_error(&server, "[1 before]", WS_ERROR_MESSAGE_TOO_BIG);
}
END_TEST

START_TEST(sum_of_fragments_past_the_limit)
{
    add_filled_frame(WS_TEXT, 600);
    add_filled_frame(WS_CONTINUATION, 400);
    ADD_FRAME(FIN | WS_PING, "x");
    ADD_BYTES("\x00\x81");
    expect_error_at_end(&server, "[9 x]", WS_ERROR_MESSAGE_TOO_BIG);
}
END_TEST

START_TEST(sum_does_not_overflow)
{
    static const struct ws_reader_limits unlimited = {
        .max_message = UINT64_MAX, .accept_binary = true, .expect_masked = true};

    ADD_FRAME(WS_TEXT, "abc");
    ADD_BYTES("\x80\xff\x7f\xff\xff\xff\xff\xff\xff\xff");
    expect(&unlimited, "");
    expect_error_at_end(&server, "", WS_ERROR_MESSAGE_TOO_BIG);
}
END_TEST

START_TEST(nothing_but_empty_messages)
{
    static const struct ws_reader_limits none = {.expect_masked = true};

    ADD_FRAME(FIN | WS_TEXT, "");
    ADD_FRAME(FIN | WS_PING, "x");
    ADD_BYTES("\x81\x81");
    expect_error_at_end(&none, "[1 ][9 x]", WS_ERROR_MESSAGE_TOO_BIG);
}
END_TEST

START_TEST(control_at_its_limit)
{
    uint8_t *payload = filled(125);
    char expected[300];

    add_frame(FIN | WS_PING, payload, 125);
    ADD_FRAME(WS_BINARY, "a");
    add_frame(FIN | WS_PONG, payload, 125);
    ADD_FRAME(FIN | WS_CONTINUATION, "");
    snprintf(expected, sizeof(expected), "[9 %.125s][10 %.125s][2 a]", (char *)payload,
             (char *)payload);
    free(payload);
    expect(&server, expected);
}
END_TEST

/* ---- Errors of the header, each at the byte that shows it ---- */

static const struct {
    const char *bytes; /* the last one shows the error */
    size_t len;
    enum ws_error error;
} bad_headers[] = {
#define BAD(bytes, error)                                                                          \
    {                                                                                              \
        bytes, sizeof(bytes) - 1, error                                                            \
    }
    BAD("\xc1", WS_ERROR_RESERVED_BITS),
    BAD("\xa1", WS_ERROR_RESERVED_BITS),
    BAD("\x91", WS_ERROR_RESERVED_BITS),
    BAD("\x41", WS_ERROR_RESERVED_BITS),
    BAD("\xc9", WS_ERROR_RESERVED_BITS),
    BAD("\xff", WS_ERROR_RESERVED_BITS),
    BAD("\x83", WS_ERROR_RESERVED_OPCODE),
    BAD("\x84", WS_ERROR_RESERVED_OPCODE),
    BAD("\x85", WS_ERROR_RESERVED_OPCODE),
    BAD("\x86", WS_ERROR_RESERVED_OPCODE),
    BAD("\x07", WS_ERROR_RESERVED_OPCODE),
    BAD("\x8b", WS_ERROR_RESERVED_OPCODE),
    BAD("\x8c", WS_ERROR_RESERVED_OPCODE),
    BAD("\x8d", WS_ERROR_RESERVED_OPCODE),
    BAD("\x8e", WS_ERROR_RESERVED_OPCODE),
    BAD("\x0f", WS_ERROR_RESERVED_OPCODE),
    BAD("\x08", WS_ERROR_CONTROL_FRAGMENTED),
    BAD("\x09", WS_ERROR_CONTROL_FRAGMENTED),
    BAD("\x0a", WS_ERROR_CONTROL_FRAGMENTED),
    BAD("\x80", WS_ERROR_UNEXPECTED_CONTINUATION),
    BAD("\x00", WS_ERROR_UNEXPECTED_CONTINUATION),
    BAD("\x81\x05", WS_ERROR_NOT_MASKED),
    BAD("\x89\x00", WS_ERROR_NOT_MASKED),
    BAD("\x89\x7e", WS_ERROR_NOT_MASKED),
    BAD("\x89\xfe", WS_ERROR_CONTROL_TOO_LONG),
    BAD("\x8a\xff", WS_ERROR_CONTROL_TOO_LONG),
    BAD("\x88\xfe", WS_ERROR_CONTROL_TOO_LONG),
    BAD("\x88\x81", WS_ERROR_CLOSE_TOO_SHORT),
    BAD("\x81\xfe\x00\x7d", WS_ERROR_LENGTH_NOT_MINIMAL),
    BAD("\x81\xfe\x00\x00", WS_ERROR_LENGTH_NOT_MINIMAL),
    BAD("\x81\xff\x00\x00\x00\x00\x00\x00", WS_ERROR_LENGTH_NOT_MINIMAL),
    BAD("\x81\xff\x80", WS_ERROR_LENGTH_TOP_BIT),
    BAD("\x81\xff\xff", WS_ERROR_LENGTH_TOP_BIT),
    BAD("\x81\xff\x40\x00\x00\x00\x00\x00\x00\x00", WS_ERROR_MESSAGE_TOO_BIG),
#undef BAD
};

#define BAD_HEADER_COUNT (int)(sizeof(bad_headers) / sizeof(bad_headers[0]))

START_TEST(bad_header_is_found_at_once)
{
    ADD_FRAME(FIN | WS_TEXT, "before");
    add_bytes(bad_headers[_i].bytes, bad_headers[_i].len);
    expect_error_at_end(&server, "[1 before]", bad_headers[_i].error);
    /* What follows changes nothing, also where it is wrong in another way. */
    ADD_BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
    expect_error(&server, "[1 before]", bad_headers[_i].error);
    script.len -= 14;
    ADD_BYTES("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00");
    expect_error(&server, "[1 before]", bad_headers[_i].error);
}
END_TEST

START_TEST(new_message_inside_another)
{
    ADD_FRAME(WS_TEXT, "a");
    ADD_FRAME(FIN | WS_PING, "b");
    ADD_BYTES("\x81");
    expect_error_at_end(&server, "[9 b]", WS_ERROR_EXPECTED_CONTINUATION);
    script.data[script.len - 1] = 0x02;
    expect_error_at_end(&server, "[9 b]", WS_ERROR_EXPECTED_CONTINUATION);
}
END_TEST

START_TEST(continuation_after_the_end)
{
    ADD_FRAME(WS_TEXT, "a");
    ADD_FRAME(FIN | WS_CONTINUATION, "b");
    ADD_BYTES("\x80");
    expect_error_at_end(&server, "[1 ab]", WS_ERROR_UNEXPECTED_CONTINUATION);
}
END_TEST

START_TEST(binary_is_refused_at_its_header)
{
    ADD_FRAME(FIN | WS_TEXT, "a");
    ADD_BYTES("\x82\x80");
    expect_error_at_end(&server_text_only, "[1 a]", WS_ERROR_BINARY_REFUSED);
    script.data[script.len - 2] = 0x02;
    expect_error_at_end(&server_text_only, "[1 a]", WS_ERROR_BINARY_REFUSED);
    script.data[script.len - 1] = 0; /* what breaks the protocol goes first */
    expect_error_at_end(&server_text_only, "[1 a]", WS_ERROR_NOT_MASKED);
}
END_TEST

/* All of the frame is there, so that the short cut for short messages has to look, too. */
START_TEST(short_frames_that_are_refused)
{
    static const struct ws_reader_limits short_only = {.max_message = 5, .expect_masked = true};

    ADD_FRAME(FIN | WS_TEXT, "12345");
    ADD_FRAME(FIN | WS_TEXT, "123456");
    expect_error(&short_only, "[1 12345]", WS_ERROR_MESSAGE_TOO_BIG);
    buf_consume(&script, script.len);
    ADD_FRAME(FIN | WS_TEXT, "a");
    ADD_FRAME(FIN | WS_BINARY, "b");
    expect_error(&server_text_only, "[1 a]", WS_ERROR_BINARY_REFUSED);
    buf_consume(&script, script.len);
    ADD_FRAME(FIN | WS_TEXT, "c");
    expect_error(&client, "", WS_ERROR_MASKED);
}
END_TEST

START_TEST(server_must_not_mask)
{
    ADD_BYTES("\x81\x01z\x81\x85");
    expect_error_at_end(&client, "[1 z]", WS_ERROR_MASKED);
}
END_TEST

/* ---- UTF-8 ---- */

START_TEST(bad_text_is_found_at_once)
{
    static const char *const bad[] = {
        "\x80", "abc\xff", "\xc0", "\xe0\x9f", "\xed\xa0", "\xf0\x8f", "\xf4\x90", "\xe2\x82z",
    };
    const char *text = bad[_i];

    ADD_FRAME(FIN | WS_TEXT, "before");
    add_frame(FIN | WS_TEXT, text, strlen(text));
    expect_error_at_end(&server, "[1 before]", WS_ERROR_TEXT_NOT_UTF8);

    /* In the middle of a frame and of a message that would go on. */
    script.len = 0;
    add_frame(WS_TEXT, text, strlen(text));
    script.data[1] = 0x80 | 100;
    expect_error_at_end(&server, "", WS_ERROR_TEXT_NOT_UTF8);

    /* Cut by fragments. */
    script.len = 0;
    ADD_FRAME(WS_TEXT, "ok");
    for (size_t i = 0; text[i] != '\0'; i++)
        add_frame(WS_CONTINUATION, text + i, 1);
    expect_error_at_end(&server, "", WS_ERROR_TEXT_NOT_UTF8);
}
END_TEST

START_TEST(text_cut_short_is_found_at_its_end)
{
    ADD_FRAME(WS_TEXT, "\xf0\x9f\x98");
    ADD_FRAME(FIN | WS_CONTINUATION, "");
    expect_error_at_end(&server, "", WS_ERROR_TEXT_NOT_UTF8);
    script.len = 0;
    ADD_FRAME(FIN | WS_TEXT, "a\xc3");
    expect_error_at_end(&server, "", WS_ERROR_TEXT_NOT_UTF8);
}
END_TEST

START_TEST(each_message_starts_afresh)
{
    ADD_FRAME(WS_BINARY, "\xe2\x82");
    ADD_FRAME(FIN | WS_CONTINUATION, "\xff");
    ADD_FRAME(FIN | WS_TEXT, "ok");
    ADD_FRAME(WS_TEXT, "\xe2\x82");
    ADD_FRAME(FIN | WS_CONTINUATION, "\xac");
    ADD_FRAME(WS_TEXT, "");
    ADD_FRAME(FIN | WS_CONTINUATION, "\x82");
    expect_error_at_end(&server, "[2 \xe2\x82\xff][1 ok][1 \xe2\x82\xac]", WS_ERROR_TEXT_NOT_UTF8);
}
END_TEST

START_TEST(binary_is_any_bytes)
{
    ADD_FRAME(FIN | WS_BINARY, "\xff\x80");
    ADD_FRAME(WS_BINARY, "\xe2");
    ADD_FRAME(FIN | WS_CONTINUATION, "\x82");
    expect(&server, "[2 \xff\x80][2 \xe2\x82]");
}
END_TEST

/* ---- Close ---- */

START_TEST(close_with_code_and_reason)
{
    ADD_FRAME(FIN | WS_TEXT, "a");
    ADD_FRAME(FIN | WS_CLOSE, "\x03\xe9going \xe2\x82\xac away");
    ADD_BYTES("\xff\xff\xff");
    expect(&server, "[1 a][8 1001 going \xe2\x82\xac away]");
}
END_TEST

START_TEST(close_of_125_bytes)
{
    uint8_t payload[125];
    char expected[300];

    memset(payload, 'r', sizeof(payload));
    payload[0] = 0x0b;
    payload[1] = 0xb8;
    add_frame(FIN | WS_CLOSE, payload, sizeof(payload));
    snprintf(expected, sizeof(expected), "[8 3000 %.*s]", 123, (char *)payload + 2);
    expect(&server, expected);
}
END_TEST

START_TEST(close_codes)
{
    for (unsigned code = 0; code < 5100; code++) {
        uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
        char expected[100];

        script.len = 0;
        add_frame(FIN | WS_CLOSE, payload, 2);
        if (ws_close_code_is_valid(code))
            snprintf(expected, sizeof(expected), "[8 %u ]", code);
        else
            snprintf(expected, sizeof(expected), "!%s", ws_error_text(WS_ERROR_CLOSE_BAD_CODE));
        expect_in_pieces(&server, expected, script.len, 1);
        expect_in_pieces(&server, expected, 7, 1);
    }
}
END_TEST

START_TEST(close_with_bad_payload)
{
    ADD_FRAME(FIN | WS_CLOSE, "\x03\xed");
    expect_error_at_end(&server, "", WS_ERROR_CLOSE_BAD_CODE);
    script.len = 0;
    ADD_FRAME(FIN | WS_CLOSE, "\x03\xe8ok\xff");
    expect_error_at_end(&server, "", WS_ERROR_CLOSE_REASON_NOT_UTF8);
    script.len = 0;
    ADD_FRAME(FIN | WS_CLOSE, "\x03\xe8\xe2\x82");
    expect_error_at_end(&server, "", WS_ERROR_CLOSE_REASON_NOT_UTF8);
}
END_TEST

/* ---- Memory ---- */

static size_t heap_in_use(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

/* Feeds the script and expects no message. */
static void feed_quietly(struct ws_reader *r)
{
    uint8_t *data = script.data;
    size_t len = script.len;
    struct ws_message m;

    if (ws_reader_next(r, &data, &len, &m) != 0)
        ck_abort_msg("a message or an error");
}

START_TEST(whole_message_is_not_copied)
{
    struct ws_reader r;
    struct ws_message m;
    uint8_t *data;
    size_t len;

    ADD_FRAME(FIN | WS_TEXT, "first");
    ADD_FRAME(FIN | WS_PING, "second");
    data = script.data;
    len = script.len;
    ws_reader_init(&r, &server);
    ck_assert_int_eq(ws_reader_next(&r, &data, &len, &m), 1);
    ck_assert_ptr_eq(m.data, script.data + 6);
    ck_assert_ptr_eq(data, script.data + 11);
    ck_assert_uint_eq(len, 12);
    ck_assert_int_eq(ws_reader_next(&r, &data, &len, &m), 1);
    ck_assert_ptr_eq(m.data, script.data + 17);
    ck_assert_ptr_null(r.rest);
    ck_assert_int_eq(ws_reader_next(&r, &data, &len, &m), 0);
    ws_reader_deinit(&r);
}
END_TEST

/* Also when the header came in pieces. */
START_TEST(whole_payload_is_not_copied)
{
    struct ws_reader r;
    struct ws_message m;
    uint8_t *data;
    size_t len;

    ADD_FRAME(FIN | WS_TEXT, "first");
    ws_reader_init(&r, &server);
    data = script.data;
    len = 3;
    ck_assert_int_eq(ws_reader_next(&r, &data, &len, &m), 0);
    len = script.len - 3;
    ck_assert_int_eq(ws_reader_next(&r, &data, &len, &m), 1);
    ck_assert_ptr_eq(m.data, script.data + 6);
    ck_assert_uint_eq(m.len, 5);
    ck_assert_int_eq(ws_reader_next(&r, &data, &len, &m), 0);
    ck_assert_ptr_null(r.rest);
}
END_TEST

START_TEST(owns_nothing_between_messages)
{
    struct ws_reader r;
    struct ws_message m;
    struct buf events;

    ck_assert_uint_le(sizeof(struct ws_reader), 56);
    buf_init(&events);
    ws_reader_init(&r, &server);
    ADD_FRAME(WS_TEXT, "a");
    ADD_FRAME(FIN | WS_PING, "b");
    ADD_FRAME(FIN | WS_CONTINUATION, "c");
    for (size_t i = 0; i < script.len; i++) {
        uint8_t byte = script.data[i];
        uint8_t *data = &byte;
        size_t len = 1;
        int n = ws_reader_next(&r, &data, &len, &m);

        ck_assert_ptr_nonnull(r.rest);
        if (n == 1) {
            add_message(&events, &m);
            n = ws_reader_next(&r, &data, &len, &m);
        }
        ck_assert_int_eq(n, 0);
    }
    ck_assert_ptr_null(r.rest);
    ck_assert_uint_eq(events.len, strlen("[9 b][1 ac]"));
    ck_assert_mem_eq(events.data, "[9 b][1 ac]", events.len);
    buf_deinit(&events);
}
END_TEST

START_TEST(claimed_bytes_allocate_nothing)
{
    static const struct ws_reader_limits unlimited = {.max_message = UINT64_MAX,
                                                      .expect_masked = true};
    struct ws_reader r;
    size_t before;

    ADD_BYTES("\x81\xff\x40\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
              "abc");
    before = heap_in_use();
    ws_reader_init(&r, &unlimited);
    feed_quietly(&r);
    ck_assert_uint_le(heap_in_use() - before, 1024);
    ws_reader_deinit(&r);
}
END_TEST

START_TEST(fragments_cost_nothing)
{
    struct ws_reader r;
    size_t before;

    ws_reader_init(&r, &server);
    ADD_FRAME(WS_TEXT, "abc");
    before = heap_in_use();
    feed_quietly(&r);
    script.len = 0;
    ADD_FRAME(WS_CONTINUATION, "");
    for (int i = 0; i < 100000; i++)
        feed_quietly(&r);
    ck_assert_uint_le(heap_in_use() - before, 1024);
    for (int i = 0; i < 900; i++) {
        script.len = 0;
        ADD_FRAME(WS_CONTINUATION, "x");
        feed_quietly(&r);
    }
    ck_assert_uint_le(heap_in_use() - before, 3072);
    ws_reader_deinit(&r);
}
END_TEST

START_TEST(memory_follows_what_arrived)
{
    static const struct ws_reader_limits unlimited = {.max_message = UINT64_MAX,
                                                      .expect_masked = true};
    static uint8_t letters[1000];
    struct ws_reader r;
    size_t before = heap_in_use();

    memset(letters, 'a', sizeof(letters));
    ws_reader_init(&r, &unlimited);
    ADD_BYTES("\x81\xff\x00\x00\x00\x00\x7f\x00\x00\x00\x00\x00\x00\x00");
    for (size_t received = 1000; received < 1000000; received += 1000) {
        feed_quietly(&r);
        script.len = 0;
        add_bytes(letters, sizeof(letters));
        if (heap_in_use() - before > 2 * received + 8192)
            ck_abort_msg("%zu bytes for %zu", heap_in_use() - before, received);
    }
    ws_reader_deinit(&r);
}
END_TEST

START_TEST(deinit_frees_what_is_unfinished)
{
    for (size_t len = 0; len < 12; len++) {
        struct ws_reader r;
        struct ws_message m;
        uint8_t *data;
        size_t left = len;

        script.len = 0;
        ADD_FRAME(WS_TEXT, "ab");
        ADD_FRAME(FIN | WS_PING, "c");
        data = script.data;
        ws_reader_init(&r, &server);
        ck_assert_int_eq(ws_reader_next(&r, &data, &left, &m), 0);
        ws_reader_deinit(&r);
        ck_assert_ptr_null(r.rest);
        ws_reader_deinit(&r);
    }
}
END_TEST

static TCase *message_cases(void)
{
    TCase *cases = tcase_create("messages");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, deflated_messages);
    tcase_add_test(cases, deflated_fragments);
    tcase_add_test(cases, deflated_with_context);
    tcase_add_test(cases, context_is_bounded);
    tcase_add_test(cases, context_does_not_lift_the_limit);
    tcase_add_test(cases, deflated_messages_tell_their_work);
    tcase_add_test(cases, deflated_keeps_no_context);
    tcase_add_loop_test(cases, rsv1_only_begins_a_data_message, 0, 6);
    tcase_add_test(cases, rsv1_is_refused_where_it_was_not_agreed_on);
    tcase_add_test(cases, deflated_text_is_checked_as_it_comes_out);
    tcase_add_test(cases, deflated_at_the_limit);
    tcase_add_test(cases, deflated_past_the_limit);
    tcase_add_test(cases, deflated_longer_than_any_message_needs);
    tcase_add_test(cases, rfc_unmasked_text);
    tcase_add_test(cases, rfc_masked_text);
    tcase_add_test(cases, rfc_fragmented_text);
    tcase_add_test(cases, rfc_ping_and_pong);
    tcase_add_test(cases, rfc_binary_of_256_and_65536_bytes);
    tcase_add_test(cases, empty_messages);
    tcase_add_test(cases, many_messages_in_order);
    tcase_add_test(cases, control_frames_between_fragments);
    tcase_add_test(cases, close_between_fragments_ends_it);
    tcase_add_test(cases, text_keeps_its_nul);
    tcase_add_loop_test(cases, sizes_around_the_forms_of_the_length, 0, 8);
    tcase_add_test(cases, binary_is_any_bytes);
    tcase_add_test(cases, close_with_code_and_reason);
    tcase_add_test(cases, close_of_125_bytes);
    tcase_add_test(cases, close_codes);
    return cases;
}

static TCase *limit_cases(void)
{
    TCase *cases = tcase_create("limits");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, message_at_the_limit);
    tcase_add_test(cases, message_past_the_limit);
    tcase_add_test(cases, sum_of_fragments_past_the_limit);
    tcase_add_test(cases, sum_does_not_overflow);
    tcase_add_test(cases, nothing_but_empty_messages);
    tcase_add_test(cases, control_at_its_limit);
    return cases;
}

static TCase *error_cases(void)
{
    TCase *cases = tcase_create("errors");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, bad_header_is_found_at_once, 0, BAD_HEADER_COUNT);
    tcase_add_test(cases, new_message_inside_another);
    tcase_add_test(cases, continuation_after_the_end);
    tcase_add_test(cases, binary_is_refused_at_its_header);
    tcase_add_test(cases, short_frames_that_are_refused);
    tcase_add_test(cases, server_must_not_mask);
    tcase_add_loop_test(cases, bad_text_is_found_at_once, 0, 8);
    tcase_add_test(cases, text_cut_short_is_found_at_its_end);
    tcase_add_test(cases, each_message_starts_afresh);
    tcase_add_test(cases, close_with_bad_payload);
    return cases;
}

static TCase *memory_cases(void)
{
    TCase *cases = tcase_create("memory");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, whole_message_is_not_copied);
    tcase_add_test(cases, whole_payload_is_not_copied);
    tcase_add_test(cases, owns_nothing_between_messages);
    tcase_add_test(cases, claimed_bytes_allocate_nothing);
    tcase_add_test(cases, fragments_cost_nothing);
    tcase_add_test(cases, memory_follows_what_arrived);
    tcase_add_test(cases, deinit_frees_what_is_unfinished);
    return cases;
}

Suite *suite_ws_reader(void)
{
    Suite *suite = suite_create("ws_reader");

    suite_add_tcase(suite, message_cases());
    suite_add_tcase(suite, limit_cases());
    suite_add_tcase(suite, error_cases());
    suite_add_tcase(suite, memory_cases());
    return suite;
}
