/* What `wschat join` is told to join: the URL and the options together. */
#ifndef CLI_TARGET_H
#define CLI_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "cli/link.h"
#include "cli/pass.h"
#include "proto/codec/codec.h"

#define TARGET_SECRET_MAX 256 /* bytes of the longest key or position, the NUL included */

/* As given; what is not given is NULL or 0. */
struct target_options {
    const char *url;
    const char *room;
    const char *name;
    uint64_t id;
    uint64_t history;
    bool has_history; /* else the URL's wins */
};

struct target {
    struct link_address address; /* points into the URL */
    struct str prefix;           /* path in front of /ws/ID; points into the URL */
    uint64_t id;                 /* 0: the user does not mind */
    uint64_t history;
    char room[CODEC_NAME_MAX + 1];
    char name[CODEC_NAME_MAX + 1];
    char since[TARGET_SECRET_MAX]; /* a position to go on from; may be empty */
    char key[TARGET_SECRET_MAX];   /* of a seat to be taken back; may be empty */
    char token[PASS_MAX];          /* of a link that ends with #token=T; may be empty */
    struct buf rest; /* parameters that only the server knows, each with its "&"; owned */
};

/* Reads them. An option wins over what the URL says. Returns NULL, or what is wrong: a sentence
 * without a full stop. */
const char *target_read(struct target *target, const struct target_options *options);

void target_deinit(struct target *target);

/* Appends text percent-encoded: all but the unreserved characters (RFC 3986, 2.3). Returns 0, or -1
 * with errno ENOMEM. */
int target_append_encoded(struct buf *out, struct str text);

#endif
