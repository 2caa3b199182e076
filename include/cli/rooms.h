/* The rooms that one has been in, for who wants to go back: the last ones, each once. */
#ifndef CLI_ROOMS_H
#define CLI_ROOMS_H

#include <stddef.h>

#include "base/str.h"
#include "proto/codec/codec.h"

#define ROOMS_MAX 16

/* All zero: none. */
struct rooms {
    char names[ROOMS_MAX][CODEC_NAME_MAX];
    size_t lens[ROOMS_MAX];
    size_t count;
};

/* Makes a room the last one; the first goes where there are too many. `name`: at most
 * CODEC_NAME_MAX bytes. */
void rooms_put(struct rooms *rooms, struct str name);

/* The i-th one, the oldest first; without text behind the last. Valid until the next rooms_put. */
struct str rooms_name(const struct rooms *rooms, size_t i);

#endif
