/* Writes the blocks of DEFLATE (RFC 1951, 3.2.3): what was found in a stretch of bytes, in the
 * shortest of the three forms. */
#ifndef PROTO_WS_DEFLATE_BLOCK_H
#define PROTO_WS_DEFLATE_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "proto/ws/deflate_format.h"

#define DEFLATE_TOKENS 16384 /* of a block */

/* Codes of one alphabet. */
struct deflate_codes {
    uint8_t lengths[DEFLATE_LITERALS]; /* bits of each symbol's code, 0: it has none */
    uint16_t bits[DEFLATE_LITERALS];   /* the code itself, in the order in which it is sent */
};

/* Bits on their way, the lowest first. */
struct deflate_bits {
    struct buf *out;
    uint64_t held;
    unsigned count; /* of `held`: below 8 between two tokens */
};

/* A block that is being collected. May be used for any number of messages, one after the other. */
struct deflate_block {
    uint32_t tokens[DEFLATE_TOKENS]; /* distance << 16 | length; or a byte, with distance 0 */
    size_t count;
    size_t covers; /* bytes that they stand for */
    uint32_t literal_counts[DEFLATE_LITERALS];
    uint32_t distance_counts[DEFLATE_DISTANCES];
    struct deflate_codes fixed_literals; /* made once */
    struct deflate_codes fixed_distances;
    struct deflate_codes literals; /* of the block at hand */
    struct deflate_codes distances;
};

/* Makes the fixed codes, and an empty block. */
void deflate_block_init(struct deflate_block *block);

static inline bool deflate_block_is_full(const struct deflate_block *block)
{
    return block->count == DEFLATE_TOKENS;
}

/* The symbol of a length of 3 to 258, counted from DEFLATE_FIRST_LENGTH. */
static inline unsigned deflate_length_symbol(unsigned length)
{
    unsigned x = length - DEFLATE_MATCH_MIN, high;

    if (x < 8)
        return x;
    if (length == DEFLATE_MATCH_MAX)
        return DEFLATE_LENGTHS - 1;
    high = 31 - (unsigned)__builtin_clz(x);
    return 4 * (high - 1) + (x >> (high - 2) & 3);
}

/* The symbol of a distance of 1 to 32768. */
static inline unsigned deflate_distance_symbol(unsigned distance)
{
    unsigned x = distance - 1, high;

    if (x < 4)
        return x;
    high = 31 - (unsigned)__builtin_clz(x);
    return 2 * high + (x >> (high - 1) & 1);
}

/* Adds a byte, or a match, to a block that is not full. */
static inline void deflate_block_add_literal(struct deflate_block *block, uint8_t byte)
{
    block->tokens[block->count++] = byte;
    block->covers++;
    block->literal_counts[byte]++;
}

static inline void deflate_block_add_match(struct deflate_block *block, unsigned distance,
                                           unsigned length)
{
    block->tokens[block->count++] = distance << 16 | length;
    block->covers += length;
    block->literal_counts[DEFLATE_FIRST_LENGTH + deflate_length_symbol(length)]++;
    block->distance_counts[deflate_distance_symbol(distance)]++;
}

/* Writes the block and empties it. `bytes` are those that it covers. An empty block writes nothing.
 * Returns 0, or -1 with errno ENOMEM: what was written so far is useless then. */
int deflate_block_write(struct deflate_block *block, struct deflate_bits *bits,
                        const uint8_t *bytes);

/* Ends a message (RFC 7692, 7.2.1): an empty block without compression, up to its last four bytes,
 * which are not sent. Returns as deflate_block_write. */
int deflate_block_end(struct deflate_bits *bits);

#endif
