/* The numbers of DEFLATE (RFC 1951, 3.2), for both directions. */
#ifndef PROTO_WS_DEFLATE_FORMAT_H
#define PROTO_WS_DEFLATE_FORMAT_H

#include <stdint.h>

#define DEFLATE_CODE_BITS 15     /* of the longest code (3.2.7) */
#define DEFLATE_LITERALS 288     /* literals and lengths; the last two never occur */
#define DEFLATE_DISTANCES 30     /* distance symbols that exist */
#define DEFLATE_END_OF_BLOCK 256 /* among the literals */
#define DEFLATE_FIRST_LENGTH 257 /* among the literals: the symbol of the shortest length */
#define DEFLATE_LENGTHS 29       /* length symbols that exist */
#define DEFLATE_CODE_LENGTHS 19  /* symbols that code lengths are written with */
#define DEFLATE_MATCH_MIN 3      /* bytes of a match */
#define DEFLATE_MATCH_MAX 258
#define DEFLATE_STORED_MAX 65535 /* bytes of a block without compression (3.2.4) */

/* Where the ranges of length and distance symbols begin, and how many bits follow (3.2.5). */
extern const uint16_t deflate_length_base[DEFLATE_LENGTHS];
extern const uint8_t deflate_length_bits[DEFLATE_LENGTHS];
extern const uint16_t deflate_distance_base[DEFLATE_DISTANCES];
extern const uint8_t deflate_distance_bits[DEFLATE_DISTANCES];

/* The order in which the lengths of the code of code lengths are written (3.2.7). */
extern const uint8_t deflate_length_order[DEFLATE_CODE_LENGTHS];

/* The code lengths of the fixed codes (3.2.6); all distances have 5 bits. */
void deflate_fixed_lengths(uint8_t lengths[DEFLATE_LITERALS]);

/* The last `count` bits in the reverse order: codes are packed from their first bit on, all else
 * from the least significant (3.1.1). */
unsigned deflate_reverse(unsigned bits, unsigned count);

#endif
