/* Signed texts: JSON Web Signatures in compact form, HS256 alone (RFC 7515, 3.1 and 7.1; RFC 7518,
 * 3.2), as JWTs use them (RFC 7519). */
#ifndef AUTH_JWT_H
#define AUTH_JWT_H

#include <stddef.h>
#include <stdint.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/str.h"

#define JWT_MAX 8192                             /* bytes of a token: it fits no larger head */
#define JWT_PAYLOAD_MAX BASE64URL_BYTES(JWT_MAX) /* bytes of what it carries */
#define JWT_SECRET_MIN 32                        /* bytes of a secret (RFC 7518, 3.2) */

/* A secret that tokens are signed with. */
struct jwt_key {
    struct str kid; /* its name; empty: it has none */
    struct str secret;
};

struct jwt_keys {
    const struct jwt_key *items;
    size_t count;
};

enum jwt_error {
    JWT_ERROR_LENGTH = 1, /* longer than JWT_MAX */
    JWT_ERROR_FORM,       /* not three parts of base64url with two dots between them */
    JWT_ERROR_HEADER,     /* the first part is no JSON object with what must be there */
    JWT_ERROR_ALGORITHM,  /* not HS256: "none", for example */
    JWT_ERROR_TYPE,       /* "typ" is given, and not JWT */
    JWT_ERROR_CRITICAL,   /* "crit": something must be understood that is not known here */
    JWT_ERROR_KEY,        /* "kid" names a key that is not there */
    JWT_ERROR_SIGNATURE,
};

/* What was wrong: a few words, without a line end, that tell nothing of the token. */
const char *jwt_error_text(enum jwt_error error);

/* Reads a token whose signature one of the keys makes: that which its "kid" names, or where it
 * names none, any of them. Returns how many bytes it carries, written to `payload`, of which
 * nothing is checked; or -enum jwt_error. The time that a comparison takes tells nothing of the
 * secrets. */
ptrdiff_t jwt_open(char payload[JWT_PAYLOAD_MAX], struct str token, const struct jwt_keys *keys);

/* Appends the token that carries `payload`, signed with this key, whose name it has if there is
 * one. Returns 0, or -1 with errno ENOMEM and the buffer as it was. */
int jwt_sign(struct buf *out, struct str payload, const struct jwt_key *key);

#endif
