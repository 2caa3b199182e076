/* Input that ends just before an unreadable page, so that reading one byte too far crashes. */
#ifndef TESTS_GUARD_H
#define TESTS_GUARD_H

#include <stddef.h>

/* A writable copy of `len` bytes (0 is fine) whose last byte lies just before an unreadable page.
 * Aborts where there is no memory. */
char *guard_copy(const void *data, size_t len);

/* Frees a copy of `len` bytes. */
void guard_free(char *copy, size_t len);

#endif
