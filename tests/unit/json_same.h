/* Do two JSON texts say the same? The order of an object's members does not count (RFC 8259, 4). */
#ifndef TESTS_UNIT_JSON_SAME_H
#define TESTS_UNIT_JSON_SAME_H

#include <stdbool.h>
#include <stddef.h>

/* Compares two texts; where one of them is no JSON, byte by byte. */
bool json_same(const char *a, size_t a_len, const char *b, size_t b_len);

#endif
