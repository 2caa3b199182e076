/* Tokens: who somebody is, until when, and what they may do: the claims of a JWT (RFC 7519, 4). */
#ifndef AUTH_TOKEN_H
#define AUTH_TOKEN_H

#include <stdint.h>

#include "auth/jwt.h"
#include "auth/rights.h"

#define TOKEN_SUB_MAX 255    /* bytes of a subject */
#define TOKEN_GRANTS_MAX 128 /* patterns of rooms, over all "caps" */

/* What a token must fit. */
struct token_rules {
    struct jwt_keys keys;
    struct str audience; /* whom it must be for, among others; empty: it must name nobody */
    struct str issuer;   /* who must have made it; empty: anybody with a key */
};

/* A token that was read. The slices point into it: it may not be copied. */
struct token {
    struct str sub;   /* who it is: 1 to TOKEN_SUB_MAX bytes */
    struct str name;  /* the display name that it fixes; ptr is NULL where it fixes none */
    uint64_t expires; /* milliseconds since 1970: it is good before that */
    struct grant grants[TOKEN_GRANTS_MAX];
    size_t grant_count;
    char payload[JWT_PAYLOAD_MAX];
};

/* Reads a token and checks all of it; `now` is in milliseconds since 1970. Returns NULL, or what is
 * wrong: a few words, without a line end, that tell nothing of the token. */
const char *token_read(struct token *token, struct str text, const struct token_rules *rules,
                       uint64_t now);

/* What the token allows in this room. */
static inline uint8_t token_rights(const struct token *token, struct str room)
{
    return rights_in_room(token->grants, token->grant_count, room);
}

/* A number of a subject, which tells it from others: the beginning of its SHA-256. Never 0. It is
 * the same for all servers, and is kept with what the subject says. */
uint64_t token_person(struct str sub);

#endif
