#include "web/etag.h"

#include <stdint.h>

void etag_write(char etag[ETAG_SIZE], const void *data, size_t len)
{
    uint8_t digest[SHA1_SIZE];

    sha1(digest, data, len);
    etag[0] = '"';
    base64_encode(etag + 1, digest, sizeof(digest));
    etag[ETAG_SIZE - 1] = '"';
}
