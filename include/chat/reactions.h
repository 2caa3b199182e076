/* The reactions to one message: who gave which emoji. A replay tells them as sums in the message,
 * as {"👍":[1,2]}. */
#ifndef CHAT_REACTIONS_H
#define CHAT_REACTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "proto/codec/codec.h"

/* Of one message: who comes later is told and not summed. */
#define REACTIONS_MAX 1000
#define REACTIONS_KINDS_MAX 20 /* emoji that differ */

struct reaction_kind {
    size_t uses; /* 0: the place is free */
    size_t len;
    char emoji[CODEC_EMOJI_MAX];
};

struct reaction {
    uint64_t from; /* the id of who reacts */
    size_t kind;
};

/* In the order in which they were given. All zero: none. */
struct reactions {
    struct reaction_kind kinds[REACTIONS_KINDS_MAX];
    struct reaction *items; /* size places, owned */
    size_t count;
    size_t size;
};

/* Gives or takes back one reaction; `emoji` has 1 to CODEC_EMOJI_MAX bytes. Giving it twice, or
 * taking back what was not given, changes nothing. Returns 0, or -1: errno is ENOMEM, or ENOSPC
 * beyond a bound. */
int reactions_set(struct reactions *r, uint64_t from, struct str emoji, bool is_on);

/* Appends the sums as JSON; nothing where there are none. Returns 0, or -1 with errno ENOMEM. */
int reactions_encode(struct buf *out, const struct reactions *r);

void reactions_deinit(struct reactions *r);

#endif
