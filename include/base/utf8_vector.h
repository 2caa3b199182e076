/* UTF-8 checked sixteen bytes at a time, where the processor can look sixteen bytes up in a table
 * at once (SSSE3, or NEON of 64 bits): after Keiser and Lemire, "Validating UTF-8 in less than one
 * instruction per byte", 2021. */
#ifndef BASE_UTF8_VECTOR_H
#define BASE_UTF8_VECTOR_H

#include <stdint.h>

/* Shorter texts gain nothing by it. */
#define UTF8_VECTOR_MIN 48

/* Passes whole valid characters from `p` on, where one begins. Returns where it stopped, again
 * between two characters: less than 20 bytes before the end or the first error, or at `p` where the
 * processor cannot do it. */
const uint8_t *utf8_vector_skip(const uint8_t *p, const uint8_t *end);

#endif
