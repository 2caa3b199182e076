/* The WebSocket reader: the same bytes, cut in two ways, must give the same messages and the same
 * error, and nothing may be delivered that the limits or RFC 6455 forbid.
 *
 * The first byte of the input chooses: bit 0 accept_binary, bit 1 expect_masked, bits 2 and 3
 * max_message, bits 4 to 7 how the second run is cut; with bit 4 messages may be compressed, and
 * those of a server reach back to the ones before. The rest is what the peer sends. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "proto/ws/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_true, const char *what)
{
    if (is_true)
        return;
    fprintf(stderr, "fuzz_ws: %s\n", what);
    abort();
}

/* Decodes by numbers, on purpose unlike base/utf8. */
static bool is_utf8(const uint8_t *s, size_t len)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};

    for (size_t i = 0; i < len;) {
        size_t more = s[i] < 0x80 ? 0 : s[i] < 0xe0 ? 1 : s[i] < 0xf0 ? 2 : 3;
        uint32_t number = more == 0 ? s[i] : s[i] & (0x3fu >> more);

        if ((s[i] >= 0x80 && s[i] < 0xc0) || s[i] > 0xf7 || more >= len - i)
            return false;
        for (size_t k = 1; k <= more; k++) {
            if ((s[i + k] & 0xc0) != 0x80)
                return false;
            number = number << 6 | (s[i + k] & 0x3fu);
        }
        if (number < least[more] || number > 0x10ffff || (number >= 0xd800 && number <= 0xdfff))
            return false;
        i += more + 1;
    }
    return true;
}

static void check_message(const struct ws_reader_limits *limits, const struct ws_message *m)
{
    require(m->data != NULL, "no data");
    if (m->opcode == WS_TEXT)
        require(is_utf8(m->data, m->len), "text is not UTF-8");
    if (m->opcode == WS_BINARY)
        require(limits->accept_binary, "binary is not accepted");
    if (m->opcode == WS_TEXT || m->opcode == WS_BINARY) {
        require(m->len <= limits->max_message, "message is too big");
        return;
    }
    require(m->opcode == WS_CLOSE || m->opcode == WS_PING || m->opcode == WS_PONG, "opcode");
    require(m->len <= WS_CONTROL_MAX, "control frame is too long");
    if (m->opcode == WS_CLOSE && m->len > 0) {
        require(m->len >= 2 && m->close_code == (m->data[0] << 8 | m->data[1]), "close code");
        require(ws_close_code_is_valid(m->close_code), "close code is not allowed");
        require(is_utf8(m->data + 2, m->len - 2), "close reason is not UTF-8");
    } else {
        require(m->close_code == 0, "close code from nowhere");
    }
}

static void record(struct buf *events, const void *data, size_t len)
{
    require(buf_append(events, data, len) == 0, "out of memory");
}

static void record_number(struct buf *events, uint64_t number)
{
    record(events, &number, sizeof(number));
}

/* Hands over one piece in a block of its own. Returns whether the reader may be called again. */
static bool feed(struct ws_reader *r, const uint8_t *piece, size_t len, struct buf *events)
{
    uint8_t *copy = malloc(len);
    uint8_t *data = copy;
    size_t left = len;
    struct ws_message m;
    int n;

    require(copy != NULL, "out of memory");
    memcpy(copy, piece, len);
    while ((n = ws_reader_next(r, &data, &left, &m)) == 1) {
        check_message(r->limits, &m);
        record_number(events, m.opcode);
        record_number(events, m.len);
        record(events, m.data, m.len);
        memset(m.data, 0xff, m.len);
        if (m.opcode == WS_CLOSE)
            break;
    }
    require(data == copy + len - left && (n != 0 || left == 0), "input was not taken");
    free(copy);
    if (n < 0)
        record_number(events, (uint64_t)-n);
    return n == 0;
}

/* Pieces of one byte where `pattern` is 0, else of 1 to 2^(pattern % 8) bytes. */
static size_t next_piece(uint32_t pattern, uint32_t *random)
{
    if (pattern == 0)
        return 1;
    *random = *random * 1664525 + 1013904223;
    return 1 + (*random >> 16) % (1u << pattern % 8);
}

static void read_in_pieces(const struct ws_reader_limits *limits, const uint8_t *data, size_t size,
                           uint32_t pattern, struct buf *events)
{
    uint32_t random = pattern;
    struct ws_reader r;
    bool is_open = true;

    ws_reader_init(&r, limits);
    while (size > 0 && is_open) {
        size_t piece = next_piece(pattern, &random);

        if (piece > size)
            piece = size;
        is_open = feed(&r, data, piece, events);
        data += piece;
        size -= piece;
    }
    ws_reader_deinit(&r);
}

static void read_whole(const struct ws_reader_limits *limits, const uint8_t *data, size_t size,
                       struct buf *events)
{
    struct ws_reader r;

    ws_reader_init(&r, limits);
    if (size > 0)
        feed(&r, data, size, events);
    ws_reader_deinit(&r);
}

/* What decodes without an error encodes to the same bytes. */
static void check_header(const uint8_t *data, size_t size)
{
    struct ws_frame_header h;
    uint8_t out[WS_HEADER_MAX];
    int n = ws_frame_decode(&h, data, size);

    if (n <= 0)
        return;
    require(ws_frame_header_size(h.length, h.masked) == (size_t)n, "header size");
    require(ws_frame_encode(out, &h) == (size_t)n && memcmp(out, data, (size_t)n) == 0, "header");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t sizes[] = {UINT64_MAX, 0, 125, 300};
    struct ws_reader_limits limits = {0};
    struct buf whole;
    struct buf pieces;

    if (size == 0)
        return 0;
    limits.accept_binary = (data[0] & 1) != 0;
    limits.expect_masked = (data[0] & 2) != 0;
    limits.max_message = sizes[data[0] >> 2 & 3];
    limits.accept_deflated = (data[0] & 16) != 0;
    limits.has_context = limits.accept_deflated && !limits.expect_masked;
    if (limits.accept_deflated && limits.max_message == UINT64_MAX)
        limits.max_message = 100000;
    buf_init(&whole);
    buf_init(&pieces);
    check_header(data + 1, size - 1);
    read_whole(&limits, data + 1, size - 1, &whole);
    read_in_pieces(&limits, data + 1, size - 1, data[0] >> 4, &pieces);
    require(whole.len == pieces.len, "cuts change what is delivered");
    require(whole.len == 0 || memcmp(whole.data, pieces.data, whole.len) == 0,
            "cuts change what is delivered");
    buf_deinit(&whole);
    buf_deinit(&pieces);
    return 0;
}
