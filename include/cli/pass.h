/* The token that `wschat join` shows at the door: it stands in a file, never on a command line,
 * which everybody on the machine can read. */
#ifndef CLI_PASS_H
#define CLI_PASS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

#define PASS_MAX 4096 /* bytes of the longest token, the NUL included; a request head has 8 KiB */

/* Can it go as the rest of the name of a subprotocol (RFC 6455, 4.1)? */
bool pass_is_token(struct str text);

/* Reads the token in `file`, blanks around it left out, into `out`. Returns NULL, or what is wrong:
 * a sentence without a full stop, and `out` is empty. */
const char *pass_read(char out[PASS_MAX], const char *file);

/* Appends what a client offers: wschat.v1, and behind it the key of its seat and its token, each
 * where it is not empty. A key that is no name of a subprotocol is left out. Returns 0, or -1 with
 * errno ENOMEM. */
int pass_append_protocols(struct buf *out, const char *key, const char *token);

#endif
