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

/* A freed copy waits for the next of its size: suites that try every split point make some hundred
 * thousands, and the kernel's part was most of what they took. */
#define MAX_SPARE_PAGES 16U
static char *spares[MAX_SPARE_PAGES + 1]; /* by readable pages */

/* Where the spare of so many readable bytes waits, NULL: so large ones are not kept. */
static char **spare_of(size_t readable)
{
    size_t pages = readable / page_size();

    return pages <= MAX_SPARE_PAGES ? &spares[pages] : NULL;
}

static char *map_pages(size_t readable)
{
    char *map = mmap(NULL, readable + page_size(), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (map == MAP_FAILED || mprotect(map + readable, page_size(), PROT_NONE) < 0)
        abort();
    return map;
}

char *guard_copy(const void *data, size_t len)
{
    size_t readable = readable_size(len);
    char **spare = spare_of(readable);
    char *map = spare != NULL && *spare != NULL ? *spare : map_pages(readable);
    char *copy = map + readable - len;

    if (spare != NULL)
        *spare = NULL;
    if (len > 0)
        memcpy(copy, data, len);
    return copy;
}

void guard_free(char *copy, size_t len)
{
    size_t readable = readable_size(len);
    char *map = copy + len - readable;
    char **spare = spare_of(readable);

    if (spare != NULL && *spare == NULL) {
        memset(copy, 0xdd, len); /* who goes on reading it sees no input */
        *spare = map;
    } else {
        munmap(map, readable + page_size());
    }
}
