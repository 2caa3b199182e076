/* CRC-32C (RFC 3720, 12.1): the checksum of what lies on a disk. It finds what broke by chance, not
 * what somebody forged. */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of `len` more bytes behind those whose checksum is `before` (0: there are none). The
 * first call makes the tables, so it must be over before a second thread calls. */
uint32_t crc32c(uint32_t before, const void *data, size_t len);

#endif
