/* Memory for tables that are made once, as large as they may ever get: what was never touched costs
 * nothing. */
#ifndef BASE_MAPPING_H
#define BASE_MAPPING_H

#include <stddef.h>

/* Returns `bytes` (not 0) of zeros, at the beginning of a page; NULL with errno ENOMEM. */
void *mapping_new(size_t bytes);

/* Gives it back; NULL is fine. */
void mapping_free(void *memory, size_t bytes);

#endif
