/* Arrays of pointers that double as they grow, and halve as they empty. */
#ifndef BASE_ARRAY_H
#define BASE_ARRAY_H

#include <stddef.h>

/* Makes room for `count` pointers in `items` (NULL: none yet) with *size places. Returns where the
 * array is now; or NULL with errno ENOMEM, and it is as it was. */
void *array_reserve(void *items, size_t count, size_t *size);

/* Gives memory back where not a quarter of the places is in use. Returns where the array is now,
 * NULL where nothing is left. Cannot fail: without memory for a smaller one the array stays. */
void *array_shrink(void *items, size_t count, size_t *size);

#endif
