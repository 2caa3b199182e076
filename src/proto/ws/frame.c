#include "proto/ws/frame.h"

#include <string.h>

/*      byte 0                byte 1
 *      FIN RSV RSV RSV       MASK  length, or how it is coded:
 *      opcode (4 bits)             126: in the next 2 bytes, 127: in the next 8 bytes
 *      then the length, then the 4 bytes of the masking key if MASK is set (RFC 6455, 5.2)
 */
#define FIN_BIT 0x80
#define MASK_BIT 0x80
#define LENGTH_IN_2 126
#define LENGTH_IN_8 127
#define KEY_SIZE 4

uint16_t ws_error_code(enum ws_error error)
{
    switch (error) {
    case WS_OK:
        return 1000;
    case WS_ERROR_BINARY_REFUSED:
        return WS_CLOSE_UNSUPPORTED_DATA;
    case WS_ERROR_TEXT_NOT_UTF8:
    case WS_ERROR_DEFLATE:
    case WS_ERROR_CLOSE_REASON_NOT_UTF8:
        return WS_CLOSE_INVALID_DATA;
    case WS_ERROR_MESSAGE_TOO_BIG:
        return WS_CLOSE_TOO_BIG;
    case WS_ERROR_OUT_OF_MEMORY:
        return WS_CLOSE_SERVER_ERROR;
    default:
        return WS_CLOSE_PROTOCOL_ERROR;
    }
}

const char *ws_error_text(enum ws_error error)
{
    static const char *const texts[] = {
        [WS_OK] = "ok",
        [WS_ERROR_RESERVED_BITS] = "reserved bits are set",
        [WS_ERROR_RESERVED_OPCODE] = "unknown opcode",
        [WS_ERROR_NOT_MASKED] = "client frame is not masked",
        [WS_ERROR_MASKED] = "server frame is masked",
        [WS_ERROR_LENGTH_NOT_MINIMAL] = "length is not in its shortest form",
        [WS_ERROR_LENGTH_TOP_BIT] = "length has its top bit set",
        [WS_ERROR_CONTROL_TOO_LONG] = "control frame is longer than 125 bytes",
        [WS_ERROR_CONTROL_FRAGMENTED] = "control frame is fragmented",
        [WS_ERROR_UNEXPECTED_CONTINUATION] = "continuation without a message",
        [WS_ERROR_EXPECTED_CONTINUATION] = "new message inside an unfinished one",
        [WS_ERROR_TEXT_NOT_UTF8] = "text is not valid UTF-8",
        [WS_ERROR_MESSAGE_TOO_BIG] = "message is too big",
        [WS_ERROR_BINARY_REFUSED] = "binary messages are not accepted",
        [WS_ERROR_CLOSE_TOO_SHORT] = "close payload is one byte",
        [WS_ERROR_CLOSE_BAD_CODE] = "close code is not allowed",
        [WS_ERROR_CLOSE_REASON_NOT_UTF8] = "close reason is not valid UTF-8",
        [WS_ERROR_DEFLATE] = "compressed message cannot be unpacked",
        [WS_ERROR_OUT_OF_MEMORY] = "out of memory",
    };

    return texts[error];
}

static uint64_t load_be(const uint8_t *bytes, size_t count)
{
    uint64_t value = 0;

    for (size_t i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

static void store_be(uint8_t *bytes, size_t count, uint64_t value)
{
    for (size_t i = count; i > 0; i--) {
        bytes[i - 1] = (uint8_t)value;
        value >>= 8;
    }
}

/* Reads the 2 or 8 bytes of a length of which `len` are there, and judges what those show. Returns
 * 1, 0 when more bytes are needed, or an error. */
static int decode_long_length(uint64_t *length, size_t size, const uint8_t *bytes, size_t len)
{
    if (size == 8 && len >= 1 && (bytes[0] & 0x80) != 0)
        return -WS_ERROR_LENGTH_TOP_BIT;
    if (size == 8 && len >= 6 && load_be(bytes, 6) == 0)
        return -WS_ERROR_LENGTH_NOT_MINIMAL;
    if (len < size)
        return 0;
    *length = load_be(bytes, size);
    return *length < LENGTH_IN_2 ? -WS_ERROR_LENGTH_NOT_MINIMAL : 1;
}

int ws_frame_decode(struct ws_frame_header *h, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    size_t size = 2; /* of the header as far as it has been read */

    *h = (struct ws_frame_header){0};
    if (len < 1)
        return 0;
    h->fin = (bytes[0] & FIN_BIT) != 0;
    h->rsv = bytes[0] >> 4 & 7;
    h->opcode = bytes[0] & 15;
    if (len < 2)
        return 0;
    h->masked = (bytes[1] & MASK_BIT) != 0;
    h->length = bytes[1] & 0x7f;
    if (h->length >= LENGTH_IN_2) {
        size_t extra = h->length == LENGTH_IN_2 ? 2 : 8;
        int result;

        h->length = 0;
        result = decode_long_length(&h->length, extra, bytes + 2, len - 2);
        if (result <= 0)
            return result;
        size += extra;
    }
    if (!h->masked)
        return (int)size;
    if (len < size + KEY_SIZE)
        return 0;
    memcpy(h->key, bytes + size, KEY_SIZE);
    return (int)size + KEY_SIZE;
}

/* Bytes of the length that follow the first two. */
static size_t long_length_size(uint64_t length)
{
    if (length < LENGTH_IN_2)
        return 0;
    return length <= UINT16_MAX ? 2 : 8;
}

size_t ws_frame_header_size(uint64_t length, bool masked)
{
    return 2 + long_length_size(length) + (masked ? KEY_SIZE : 0);
}

size_t ws_frame_encode(uint8_t *out, const struct ws_frame_header *h)
{
    uint8_t mask_bit = h->masked ? MASK_BIT : 0;
    size_t extra = long_length_size(h->length);

    out[0] = (uint8_t)((h->fin ? FIN_BIT : 0) | (h->rsv & 7) << 4 | (h->opcode & 15));
    if (extra == 0) {
        out[1] = (uint8_t)(mask_bit | h->length);
    } else {
        out[1] = mask_bit | (extra == 2 ? LENGTH_IN_2 : LENGTH_IN_8);
        store_be(out + 2, extra, h->length);
    }
    if (!h->masked)
        return 2 + extra;
    memcpy(out + 2 + extra, h->key, KEY_SIZE);
    return 2 + extra + KEY_SIZE;
}

/* As wide as a register on most machines. Two of them are in flight at a time. */
typedef uint64_t mask_block __attribute__((vector_size(16)));

/* The bits that no ASCII character has. */
#define NOT_ASCII UINT64_C(0x8080808080808080)

/* The key as it falls on the byte at `offset` and on those behind it, twice. */
static uint64_t turn_key(const uint8_t key[KEY_SIZE], size_t offset)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    unsigned bits = 8 * (unsigned)(offset % KEY_SIZE);
#else
    unsigned bits = 8 * (unsigned)(KEY_SIZE - offset % KEY_SIZE);
#endif
    uint32_t word;
    uint64_t twice;

    memcpy(&word, key, sizeof(word));
    twice = (uint64_t)word << 32 | word;
    return twice >> bits | twice << (-bits & 63);
}

/* Masks at `p` and adds what comes out to the bits in *seen. */
static inline void mask_one(uint8_t *p, uint64_t mask, mask_block *seen)
{
    mask_block block;

    memcpy(&block, p, sizeof(block));
    block ^= mask;
    *seen |= block;
    memcpy(p, &block, sizeof(block));
}

bool ws_mask(void *data, size_t len, const uint8_t key[4], size_t offset)
{
    uint8_t *p = data;
    uint64_t mask = turn_key(key, offset);
    mask_block even = {0}, odd = {0};
    uint64_t word, seen = 0;

    for (; len >= 2 * sizeof(even); len -= 2 * sizeof(even), p += 2 * sizeof(even)) {
        mask_one(p, mask, &even);
        mask_one(p + sizeof(even), mask, &odd);
    }
    for (; len >= sizeof(word); len -= sizeof(word), p += sizeof(word)) {
        memcpy(&word, p, sizeof(word));
        word ^= mask;
        seen |= word;
        memcpy(p, &word, sizeof(word));
    }
    for (size_t i = 0; i < len; i++) {
        p[i] ^= key[(offset + i) % KEY_SIZE];
        seen |= p[i];
    }
    even |= odd;
    return ((seen | even[0] | even[1]) & NOT_ASCII) == 0;
}

bool ws_close_code_is_valid(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}
