#include "base/array.h"

#include <stdlib.h>

#include "base/util.h"

#define ARRAY_MIN 2
#define SHRINK_FACTOR 4

void *array_reserve(void *items, size_t count, size_t *size)
{
    size_t next = max_size(*size, ARRAY_MIN);
    void *grown;

    if (count <= *size)
        return items;
    while (next < count)
        next *= 2;
    grown = realloc(items, next * sizeof(void *));
    if (grown != NULL)
        *size = next;
    return grown;
}

void *array_shrink(void *items, size_t count, size_t *size)
{
    size_t next = *size / 2;
    void *smaller;

    if (count == 0) {
        free(items);
        *size = 0;
        return NULL;
    }
    if (count >= *size / SHRINK_FACTOR || next < ARRAY_MIN)
        return items;
    smaller = realloc(items, next * sizeof(void *));
    if (smaller == NULL)
        return items;
    *size = next;
    return smaller;
}
