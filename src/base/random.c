#include "base/random.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/sha256.h"
#include "base/util.h"

#define BLOCKS 8

static uint8_t key[SHA256_SIZE];
static uint8_t pool[BLOCKS * SHA256_SIZE];
static size_t left; /* bytes at the end of the pool that were not given out */

/* `number` tells apart what is made of one key; 0 is the next key. */
static void random_derive(uint8_t out[SHA256_SIZE], uint8_t number, const void *fresh, size_t len)
{
    struct sha256 sha;

    sha256_begin(&sha);
    sha256_add(&sha, key, sizeof(key));
    sha256_add(&sha, &number, 1);
    sha256_add(&sha, fresh, len);
    sha256_end(&sha, out);
}

int random_stir(void)
{
    uint8_t fresh[SHA256_SIZE];
    ssize_t n;

    do
        n = getrandom(fresh, sizeof(fresh), 0); /* so few come whole or not at all */
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof(fresh))
        return -1;
    random_derive(key, 0, fresh, sizeof(fresh));
    explicit_bzero(fresh, sizeof(fresh));
    left = 0;
    return 0;
}

static void random_refill(void)
{
    for (uint8_t i = 0; i < BLOCKS; i++)
        random_derive(pool + (size_t)i * SHA256_SIZE, i + 1, NULL, 0);
    random_derive(key, 0, NULL, 0);
    left = sizeof(pool);
}

void random_fill(void *bytes, size_t len)
{
    uint8_t *out = bytes;

    while (len > 0) {
        size_t n;

        if (left == 0)
            random_refill();
        n = min_size(len, left);
        memcpy(out, pool + sizeof(pool) - left, n);
        explicit_bzero(pool + sizeof(pool) - left, n);
        left -= n;
        out += n;
        len -= n;
    }
}
