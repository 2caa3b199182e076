/* `wschat token`: makes tokens for --token-key, and explains them. */
#ifndef CLI_TOKEN_H
#define CLI_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define TOKEN_ROOMS_MAX 64

struct token_rooms {
    struct str items[TOKEN_ROOMS_MAX];
    size_t count;
};

struct token_options {
    const char *key;      /* the file of the secrets */
    const char *kid;      /* which of them; NULL: the first */
    const char *sub;      /* NULL: none */
    const char *name;     /* NULL: the token fixes none */
    const char *audience; /* NULL: none */
    const char *issuer;   /* NULL: none */
    struct token_rooms rooms;
    uint8_t allow;    /* enum right */
    uint64_t expires; /* seconds from now on */
    bool check;       /* explain the token of standard input in place of making one */
    bool has_rooms;   /* the command line has named some */
};

/* Runs to its end. Returns the exit status: 0; 1 where the file cannot be used or the token is
 * refused; 2 where the options make no sense. */
int token_run(const struct token_options *options);

#endif
