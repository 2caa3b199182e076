/* The descriptors 0 to 2, as whoever started the program left them. */
#ifndef BASE_STDFDS_H
#define BASE_STDFDS_H

#include <stddef.h>
#include <sys/types.h>

/* Opens /dev/null in the place of each that is closed: whatever is opened later would get its
 * number, and what is meant for stderr would go there. Where none is, there need be no /dev.
 * Returns 0, or -1 with errno. */
int stdfds_fill(void);

/* Makes sure that stdfds_write_stderr never waits, by a descriptor that is shared with nobody: who
 * started the program may go on to use the other. Call it before files are out of reach. Where that
 * is refused, writing is done with more care. */
void stdfds_unblock_stderr(void);

/* Writes to stderr what it takes now. Returns how many bytes that were: fewer than `len` where it
 * would block or fail. A file is waited for, since the kernel does nothing else (open(2)). */
size_t stdfds_write_stderr(const void *data, size_t len);

#endif
