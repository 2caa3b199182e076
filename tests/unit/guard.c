#include "guard.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* Bytes of the readable pages in front of the guard: whole pages, at least one. */
static size_t readable_size(size_t len)
{
    return (len / page_size() + 1) * page_size();
}

char *guard_copy(const void *data, size_t len)
{
    size_t readable = readable_size(len);
    char *map = mmap(NULL, readable + page_size(), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *copy;

    if (map == MAP_FAILED || mprotect(map + readable, page_size(), PROT_NONE) < 0)
        abort();
    copy = map + readable - len;
    if (len > 0)
        memcpy(copy, data, len);
    return copy;
}

void guard_free(char *copy, size_t len)
{
    size_t readable = readable_size(len);

    munmap(copy + len - readable, readable + page_size());
}
