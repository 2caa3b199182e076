#include "base/crc32c.h"

#include <endian.h>
#include <string.h>

#define POLYNOMIAL 0x82f63b78u /* 0x1edc6f41 with its bits in reverse: they come lowest first */
#define STEP 8                 /* bytes that are taken at once */

/* tables[k][b]: what the byte b does to the checksum once k more bytes have followed it. */
static uint32_t tables[STEP][256];

static void make_tables(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;

        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
        tables[0][byte] = crc;
    }
    for (int k = 1; k < STEP; k++) {
        for (uint32_t byte = 0; byte < 256; byte++) {
            uint32_t crc = tables[k - 1][byte];

            tables[k][byte] = crc >> 8 ^ tables[0][crc & 0xff];
        }
    }
}

static uint32_t take_step(uint32_t crc, const uint8_t *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    word = le64toh(word) ^ crc;
    crc = 0;
    for (int k = 0; k < STEP; k++)
        crc ^= tables[STEP - 1 - k][word >> 8 * k & 0xff];
    return crc;
}

uint32_t crc32c(uint32_t before, const void *data, size_t len)
{
    const uint8_t *at = data;
    uint32_t crc = ~before;

    if (tables[0][1] == 0)
        make_tables();
    for (; len >= STEP; at += STEP, len -= STEP)
        crc = take_step(crc, at);
    for (; len > 0; at++, len--)
        crc = crc >> 8 ^ tables[0][(crc ^ *at) & 0xff];
    return ~crc;
}
