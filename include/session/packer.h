/* Packs messages on their way back to their senders (permessage-deflate, RFC 7692), each by itself:
 * what one connection said is no context for another, and to remember it for each would cost a
 * window a connection. So all connections share one, which owns no memory before it is used. */
#ifndef SESSION_PACKER_H
#define SESSION_PACKER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct deflate_block;
struct deflate_window;

struct packer {
    struct deflate_block *block; /* owned; NULL: not used yet */
    struct deflate_window *window;
    struct buf out;
    uint64_t messages; /* that went out packed */
    uint64_t before;   /* bytes of those as they were */
    uint64_t after;    /* ... and as they went out */
    uint64_t spent;    /* nanoseconds, of those that went out as they were, too */
};

void packer_deinit(struct packer *packer);

/* Packs a message for a receiver with a window of 2^bits bytes. Returns it, valid until the next
 * call; or with a ptr of NULL where the message is as short as it is, or memory is out. */
struct str packer_pack(struct packer *packer, const void *data, size_t len, unsigned bits);

#endif
