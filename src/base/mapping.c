#include "base/mapping.h"

#include <sys/mman.h>

void *mapping_new(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

void mapping_free(void *memory, size_t bytes)
{
    if (memory != NULL)
        munmap(memory, bytes);
}
