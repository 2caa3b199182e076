#include <check.h>
#include <string.h>

#include "base/str.h"
#include "base/utf8.h"
#include "guard.h"
#include "proto/ws/frame.h"

Suite *suite_ws_frame(void);

#define KEY                                                                                        \
    {                                                                                              \
        0x37, 0xfa, 0x21, 0x3d                                                                     \
    }

/* Headers and their fields: the examples of RFC 6455, 5.7, and the bounds of each form of the
 * length. */
static const struct {
    uint8_t bytes[WS_HEADER_MAX];
    int size;
    struct ws_frame_header header;
} vectors[] = {
    {{0x81, 0x05}, 2, {.length = 5, .opcode = WS_TEXT, .fin = true}},
    {{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d},
     6,
     {.length = 5, .opcode = WS_TEXT, .fin = true, .masked = true, .key = KEY}},
    {{0x01, 0x03}, 2, {.length = 3, .opcode = WS_TEXT}},
    {{0x80, 0x02}, 2, {.length = 2, .opcode = WS_CONTINUATION, .fin = true}},
    {{0x89, 0x05}, 2, {.length = 5, .opcode = WS_PING, .fin = true}},
    {{0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d},
     6,
     {.length = 5, .opcode = WS_PONG, .fin = true, .masked = true, .key = KEY}},
    {{0x82, 0x7e, 0x01, 0x00}, 4, {.length = 256, .opcode = WS_BINARY, .fin = true}},
    {{0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0}, 10, {.length = 65536, .opcode = WS_BINARY, .fin = true}},
    {{0x88, 0x00}, 2, {.opcode = WS_CLOSE, .fin = true}},
    {{0x82, 0x7d}, 2, {.length = 125, .opcode = WS_BINARY, .fin = true}},
    {{0x82, 0x7e, 0, 126}, 4, {.length = 126, .opcode = WS_BINARY, .fin = true}},
    {{0x82, 0x7e, 0xff, 0xff}, 4, {.length = 65535, .opcode = WS_BINARY, .fin = true}},
    {{0x82, 0xfe, 0xff, 0xff, 0x37, 0xfa, 0x21, 0x3d},
     8,
     {.length = 65535, .opcode = WS_BINARY, .fin = true, .masked = true, .key = KEY}},
    {{0x02, 0xff, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x37, 0xfa, 0x21, 0x3d},
     14,
     {.length = 0x0123456789abcdef, .opcode = WS_BINARY, .masked = true, .key = KEY}},
    {{0x82, 0x7f, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
     10,
     {.length = INT64_MAX, .opcode = WS_BINARY, .fin = true}},
    {{0xff, 0x00}, 2, {.opcode = 15, .fin = true, .rsv = 7}},
    {{0x40, 0x00}, 2, {.rsv = 4}},
    {{0x20, 0x00}, 2, {.rsv = 2}},
    {{0x10, 0x00}, 2, {.rsv = 1}},
};

#define VECTOR_COUNT (int)(sizeof(vectors) / sizeof(vectors[0]))

static void assert_same_header(const struct ws_frame_header *a, const struct ws_frame_header *b)
{
    ck_assert_uint_eq(a->length, b->length);
    ck_assert_uint_eq(a->opcode, b->opcode);
    ck_assert_uint_eq(a->rsv, b->rsv);
    ck_assert_int_eq(a->fin, b->fin);
    ck_assert_int_eq(a->masked, b->masked);
    ck_assert_mem_eq(a->key, b->key, sizeof(a->key));
}

/* Decodes a copy of just `len` bytes in front of an unreadable page. */
static int decode(struct ws_frame_header *h, const uint8_t *bytes, size_t len)
{
    char *copy = guard_copy(bytes, len);
    int result = ws_frame_decode(h, copy, len);

    guard_free(copy, len);
    return result;
}

START_TEST(decodes_vectors)
{
    struct ws_frame_header h;
    uint8_t longer[WS_HEADER_MAX + 8];

    ck_assert_int_eq(decode(&h, vectors[_i].bytes, (size_t)vectors[_i].size), vectors[_i].size);
    assert_same_header(&h, &vectors[_i].header);
    memset(longer, 0xff, sizeof(longer));
    memcpy(longer, vectors[_i].bytes, (size_t)vectors[_i].size);
    ck_assert_int_eq(decode(&h, longer, sizeof(longer)), vectors[_i].size);
    assert_same_header(&h, &vectors[_i].header);
}
END_TEST

START_TEST(decodes_beginnings)
{
    const struct ws_frame_header *whole = &vectors[_i].header;

    for (size_t len = 0; len < (size_t)vectors[_i].size; len++) {
        struct ws_frame_header h;
        struct ws_frame_header expected = {0};
        size_t length_end = ws_frame_header_size(whole->length, false);

        if (len >= 1) {
            expected.fin = whole->fin;
            expected.rsv = whole->rsv;
            expected.opcode = whole->opcode;
        }
        expected.masked = len >= 2 && whole->masked;
        expected.length = len >= length_end ? whole->length : 0;
        ck_assert_int_eq(decode(&h, vectors[_i].bytes, len), 0);
        assert_same_header(&h, &expected);
    }
}
END_TEST

START_TEST(encodes_vectors)
{
    uint8_t out[WS_HEADER_MAX + 1];
    const struct ws_frame_header *h = &vectors[_i].header;
    size_t size = (size_t)vectors[_i].size;

    memset(out, 0xee, sizeof(out));
    ck_assert_uint_eq(ws_frame_header_size(h->length, h->masked), size);
    ck_assert_uint_eq(ws_frame_encode(out, h), size);
    ck_assert_mem_eq(out, vectors[_i].bytes, size);
    ck_assert_uint_eq(out[size], 0xee);
}
END_TEST

/* `at` is the number of bytes that show the error. */
static const struct {
    uint8_t bytes[10];
    size_t at;
    enum ws_error error;
} bad_lengths[] = {
    {{0x82, 0x7e, 0, 0}, 4, WS_ERROR_LENGTH_NOT_MINIMAL},
    {{0x82, 0x7e, 0, 125}, 4, WS_ERROR_LENGTH_NOT_MINIMAL},
    {{0x82, 0xfe, 0, 125}, 4, WS_ERROR_LENGTH_NOT_MINIMAL},
    {{0x82, 0x7f, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 8, WS_ERROR_LENGTH_NOT_MINIMAL},
    {{0x82, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0}, 8, WS_ERROR_LENGTH_NOT_MINIMAL},
    {{0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 1}, 8, WS_ERROR_LENGTH_NOT_MINIMAL},
    {{0x82, 0x7f, 0x80, 0, 0, 0, 0, 0, 0, 0}, 3, WS_ERROR_LENGTH_TOP_BIT},
    {{0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 3, WS_ERROR_LENGTH_TOP_BIT},
};

#define BAD_LENGTH_COUNT (int)(sizeof(bad_lengths) / sizeof(bad_lengths[0]))

START_TEST(bad_lengths_show_early)
{
    struct ws_frame_header h;

    for (size_t len = 0; len <= sizeof(bad_lengths[_i].bytes); len++) {
        int expected = len < bad_lengths[_i].at ? 0 : -(int)bad_lengths[_i].error;

        ck_assert_int_eq(decode(&h, bad_lengths[_i].bytes, len), expected);
    }
}
END_TEST

START_TEST(lengths_come_back)
{
    for (int bit = 0; bit < 63; bit++) {
        for (int step = -1; step <= 1; step++) {
            struct ws_frame_header h = {.length = ((uint64_t)1 << bit) + (uint64_t)step,
                                        .opcode = WS_BINARY,
                                        .masked = bit % 2 == 0,
                                        .fin = true};
            struct ws_frame_header back;
            uint8_t out[WS_HEADER_MAX];
            size_t size = ws_frame_encode(out, &h);

            ck_assert_int_eq(decode(&back, out, size), (int)size);
            assert_same_header(&back, &h);
        }
    }
}
END_TEST

START_TEST(masks_the_example)
{
    static const uint8_t key[4] = KEY;
    uint8_t text[5] = {0x7f, 0x9f, 0x4d, 0x51, 0x58};

    ws_mask(text, 5, key, 0);
    ck_assert_mem_eq(text, "Hello", 5);
    ws_mask(text, 2, key, 0);
    ws_mask(text + 2, 3, key, 2);
    ck_assert_mem_eq(text, "\x7f\x9f\x4d\x51\x58", 5);
}
END_TEST

/* Against the formula of RFC 6455, 5.3, at every alignment, offset and length, with its
 * surroundings untouched. */
START_TEST(masks_like_a_plain_loop)
{
    static const uint8_t key[4] = {0x01, 0x80, 0xfe, 0x5a};
    uint8_t bytes[256];
    uint8_t expected[256];

    for (size_t shift = 0; shift < 33; shift++) {
        for (size_t len = 0; len <= 200; len++) {
            for (size_t offset = 0; offset < 9; offset++) {
                for (size_t i = 0; i < sizeof(bytes); i++) {
                    bytes[i] = expected[i] = (uint8_t)(i * 7 + len);
                    if (i >= shift && i < shift + len)
                        expected[i] ^= key[(i - shift + offset) % 4];
                }
                ws_mask(bytes + shift, len, key, offset);
                if (memcmp(bytes, expected, sizeof(bytes)) != 0)
                    ck_abort_msg("shift %zu, length %zu, offset %zu", shift, len, offset);
            }
        }
    }
}
END_TEST

/* One byte that is not ASCII counts, wherever it is; the key's own bits do not. */
START_TEST(mask_tells_whether_all_is_ascii)
{
    static const uint8_t key[4] = {0x91, 0x02, 0xf3, 0x84};
    uint8_t bytes[100];

    for (size_t len = 0; len <= sizeof(bytes); len++) {
        memset(bytes, 0x7f, len);
        ws_mask(bytes, len, key, 1);
        ck_assert(ws_mask(bytes, len, key, 1));
        for (size_t i = 0; i < len; i++) {
            memset(bytes, 0x7f, len);
            bytes[i] = 0x80;
            ws_mask(bytes, len, key, 2);
            ck_assert_msg(!ws_mask(bytes, len, key, 2), "byte %zu of %zu", i, len);
        }
    }
}
END_TEST

START_TEST(mask_stays_off_the_guard_page)
{
    static const uint8_t key[4] = KEY;
    uint8_t zeros[200] = {0};

    for (size_t len = 0; len <= sizeof(zeros); len++) {
        char *copy = guard_copy(zeros, len);

        ws_mask(copy, len, key, 3);
        for (size_t i = 0; i < len; i++)
            ck_assert_uint_eq((uint8_t)copy[i], key[(i + 3) % 4]);
        guard_free(copy, len);
    }
}
END_TEST

START_TEST(close_codes_for_the_codec)
{
    static const unsigned edges[][2] = {{1000, 1003}, {1007, 1014}, {3000, 4999}};

    for (unsigned code = 0; code <= 70000; code++) {
        bool expected = false;

        for (size_t i = 0; i < 3; i++)
            expected = expected || (code >= edges[i][0] && code <= edges[i][1]);
        if (ws_close_code_is_valid(code) != expected)
            ck_abort_msg("%u", code);
    }
}
END_TEST

START_TEST(every_error_has_code_and_text)
{
    for (int error = WS_OK; error <= WS_ERROR_OUT_OF_MEMORY; error++) {
        const char *text = ws_error_text((enum ws_error)error);

        ck_assert_ptr_nonnull(text);
        ck_assert_uint_ge(strlen(text), 2);
        ck_assert_uint_le(strlen(text), 60);
        ck_assert(utf8_is_valid(str_from(text)));
        ck_assert(ws_close_code_is_valid(ws_error_code((enum ws_error)error)));
        for (int other = WS_OK; other < error; other++)
            ck_assert_str_ne(text, ws_error_text((enum ws_error)other));
    }
}
END_TEST

START_TEST(errors_close_with_their_codes)
{
    for (int error = WS_ERROR_RESERVED_BITS; error <= WS_ERROR_EXPECTED_CONTINUATION; error++)
        ck_assert_uint_eq(ws_error_code((enum ws_error)error), 1002);
    ck_assert_uint_eq(ws_error_code(WS_OK), 1000);
    ck_assert_uint_eq(ws_error_code(WS_ERROR_TEXT_NOT_UTF8), 1007);
    ck_assert_uint_eq(ws_error_code(WS_ERROR_MESSAGE_TOO_BIG), 1009);
    ck_assert_uint_eq(ws_error_code(WS_ERROR_BINARY_REFUSED), 1003);
    ck_assert_uint_eq(ws_error_code(WS_ERROR_CLOSE_TOO_SHORT), 1002);
    ck_assert_uint_eq(ws_error_code(WS_ERROR_CLOSE_BAD_CODE), 1002);
    ck_assert_uint_eq(ws_error_code(WS_ERROR_CLOSE_REASON_NOT_UTF8), 1007);
    ck_assert_uint_eq(ws_error_code(WS_ERROR_OUT_OF_MEMORY), 1011);
}
END_TEST

Suite *suite_ws_frame(void)
{
    Suite *suite = suite_create("ws_frame");
    TCase *cases = tcase_create("ws_frame");

    tcase_add_loop_test(cases, decodes_vectors, 0, VECTOR_COUNT);
    tcase_add_loop_test(cases, decodes_beginnings, 0, VECTOR_COUNT);
    tcase_add_loop_test(cases, encodes_vectors, 0, VECTOR_COUNT);
    tcase_add_loop_test(cases, bad_lengths_show_early, 0, BAD_LENGTH_COUNT);
    tcase_add_test(cases, lengths_come_back);
    tcase_add_test(cases, masks_the_example);
    tcase_add_test(cases, masks_like_a_plain_loop);
    tcase_add_test(cases, mask_tells_whether_all_is_ascii);
    tcase_add_test(cases, mask_stays_off_the_guard_page);
    tcase_add_test(cases, close_codes_for_the_codec);
    tcase_add_test(cases, every_error_has_code_and_text);
    tcase_add_test(cases, errors_close_with_their_codes);
    suite_add_tcase(suite, cases);
    return suite;
}
