/* WebSocket frames: header codec, masking, close codes (RFC 6455, sections 5.2, 5.3 and 7.4). */
#ifndef PROTO_WS_FRAME_H
#define PROTO_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum ws_opcode {
    WS_CONTINUATION = 0,
    WS_TEXT = 1,
    WS_BINARY = 2,
    WS_CLOSE = 8,
    WS_PING = 9,
    WS_PONG = 10,
};

/* Codes of close frames that this server sends (RFC 6455, 7.4.1, and the IANA registry). */
enum ws_close_code {
    WS_CLOSE_NORMAL = 1000,
    WS_CLOSE_GOING_AWAY = 1001,
    WS_CLOSE_PROTOCOL_ERROR = 1002,
    WS_CLOSE_UNSUPPORTED_DATA = 1003,
    WS_CLOSE_INVALID_DATA = 1007,
    WS_CLOSE_TOO_BIG = 1009,
    WS_CLOSE_SERVER_ERROR = 1011,
    WS_CLOSE_SERVICE_RESTART = 1012,
    WS_CLOSE_TRY_AGAIN_LATER = 1013,
};

/* Why a connection fails (RFC 6455, 7.1.7). Functions return them negated. */
enum ws_error {
    WS_OK = 0,
    WS_ERROR_RESERVED_BITS,           /* RSV1, RSV2 or RSV3 is set */
    WS_ERROR_RESERVED_OPCODE,         /* 3 to 7 or 11 to 15 */
    WS_ERROR_NOT_MASKED,              /* a client's frame without a mask */
    WS_ERROR_MASKED,                  /* a server's frame with a mask */
    WS_ERROR_LENGTH_NOT_MINIMAL,      /* a longer form of the length than it needs */
    WS_ERROR_LENGTH_TOP_BIT,          /* a length of 2^63 or more */
    WS_ERROR_CONTROL_TOO_LONG,        /* a control frame of more than WS_CONTROL_MAX bytes */
    WS_ERROR_CONTROL_FRAGMENTED,      /* a control frame without FIN */
    WS_ERROR_UNEXPECTED_CONTINUATION, /* a continuation of nothing */
    WS_ERROR_EXPECTED_CONTINUATION,   /* a new message inside an unfinished one */
    WS_ERROR_TEXT_NOT_UTF8,
    WS_ERROR_MESSAGE_TOO_BIG,
    WS_ERROR_BINARY_REFUSED,        /* binary where only text is taken */
    WS_ERROR_CLOSE_TOO_SHORT,       /* a close payload of one byte */
    WS_ERROR_CLOSE_BAD_CODE,        /* a close code that must not be sent */
    WS_ERROR_CLOSE_REASON_NOT_UTF8, /* a close reason that is not UTF-8 */
    WS_ERROR_DEFLATE,               /* a compressed message that cannot be unpacked */
    WS_ERROR_OUT_OF_MEMORY,
};

#define WS_HEADER_MAX 14   /* bytes of the longest frame header */
#define WS_RSV1 4          /* in ws_frame_header.rsv: the message is compressed (RFC 7692, 6) */
#define WS_CONTROL_MAX 125 /* bytes of the longest control frame's payload */

struct ws_frame_header {
    uint64_t length; /* of the payload, in bytes */
    uint8_t opcode;  /* 0 to 15 */
    uint8_t rsv;     /* RSV1 to RSV3 as 4, 2 and 1 */
    bool fin;
    bool masked;
    uint8_t key[4]; /* the masking key; all zero without a mask */
};

/* The code to close with after an error: 1002, 1003, 1007, 1009 or 1011; 1000 for WS_OK. */
uint16_t ws_error_code(enum ws_error error);

/* What was wrong, for the reason of a close frame: a literal of at most 60 bytes. */
const char *ws_error_text(enum ws_error error);

/* Reads a frame header from the start of `data`. Returns its size in bytes (2 to WS_HEADER_MAX), 0
 * when more bytes are needed, or -WS_ERROR_LENGTH_NOT_MINIMAL or -WS_ERROR_LENGTH_TOP_BIT as soon
 * as the bytes that show it are there. Whatever it returns, fields whose bytes were there are set
 * and the others are zero (`length` is zero until all of its bytes are there). Judges nothing else:
 * reserved bits and opcodes are the caller's to check. */
int ws_frame_decode(struct ws_frame_header *h, const void *data, size_t len);

/* A short cut to the header that most frames have: a data message of its own, masked, of up to 125
 * bytes. Returns its 6 bytes with *h set; or 0, where ws_frame_decode is to be asked. */
static inline size_t ws_frame_decode_plain(struct ws_frame_header *h, const uint8_t *data,
                                           size_t len)
{
    unsigned opcode = len < 6 ? 0 : data[0] ^ 0x80u; /* FIN is set, and no reserved bit */
    unsigned length = len < 6 ? 0 : data[1] ^ 0x80u; /* MASK is set */

    if ((opcode != WS_TEXT && opcode != WS_BINARY) || length > 125)
        return 0;
    h->length = length;
    h->opcode = (uint8_t)opcode;
    h->rsv = 0;
    h->fin = h->masked = true;
    memcpy(h->key, data + 2, sizeof(h->key));
    return 6;
}

/* Bytes that ws_frame_encode writes for a payload of `length` bytes: 2 to WS_HEADER_MAX. */
size_t ws_frame_header_size(uint64_t length, bool masked);

/* Writes the header, with the shortest form of the length, which is below 2^63. `out` has room for
 * ws_frame_header_size bytes (WS_HEADER_MAX is always enough). Returns that size. */
size_t ws_frame_encode(uint8_t *out, const struct ws_frame_header *h);

/* Masks or unmasks in place (RFC 6455, 5.3). `offset` is the position of data[0] in the payload.
 * Returns whether there are only ASCII characters afterwards: it has to look at each byte anyway.
 */
bool ws_mask(void *data, size_t len, const uint8_t key[4], size_t offset);

/* May the code stand in a close frame (RFC 6455, 7.4 and the IANA registry): 1000 to 1003, 1007 to
 * 1014, or 3000 to 4999? */
bool ws_close_code_is_valid(unsigned code);

#endif
