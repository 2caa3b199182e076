/* Bytes that nobody can guess, without a call of the system for each of them: SHA-256 of a key that
 * the kernel made and that is replaced with each pool of bytes, so that what was given out cannot
 * be found in memory later ("fast key erasure"). One for a process, which must not fork in between.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>

/* Mixes the kernel's bytes into the key; before the first random_fill, and now and then after that,
 * for a machine may be stopped and started twice from one image. Returns 0, or -1 with errno, and
 * nothing has changed. */
int random_stir(void);

/* Writes `len` bytes. */
void random_fill(void *bytes, size_t len);

#endif
