/* The PROXY protocol, versions 1 and 2: what a proxy says of a connection before the first byte of
 * it (proxy-protocol.txt of HAProxy, 2.1 and 2.2). */
#ifndef PROTO_PROXY_HEADER_H
#define PROTO_PROXY_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/peer.h"

#define PROXY_HEADER_V1_MAX 107 /* bytes of a line, with its CRLF (2.1) */

/* Bytes of a whole header of version 2. The specification allows 64 KiB; proxies send a few hundred
 * at most, a certificate's name included. */
#define PROXY_HEADER_MAX 4096

enum proxy_header_error {
    PROXY_HEADER_ABSENT = 1, /* the bytes begin no header */
    PROXY_HEADER_LINE,       /* version 1: no CRLF in the first 107 bytes, or a lone CR or LF */
    PROXY_HEADER_PROTOCOL,   /* version 1: neither TCP4, TCP6 nor UNKNOWN */
    PROXY_HEADER_ADDRESS,   /* version 1: not two addresses and two ports as they must be written */
    PROXY_HEADER_VERSION,   /* the version is not 2 */
    PROXY_HEADER_COMMAND,   /* neither LOCAL nor PROXY */
    PROXY_HEADER_FAMILY,    /* a family or a transport that is not assigned */
    PROXY_HEADER_TOO_LONG,  /* version 2: over PROXY_HEADER_MAX */
    PROXY_HEADER_TOO_SHORT, /* version 2: the addresses of that family do not fit */
    PROXY_HEADER_VECTOR,    /* version 2: the vectors behind the addresses do not fill the rest */
    PROXY_HEADER_CHECKSUM,  /* version 2: the CRC32c does not fit */
};

/* What was wrong: one short sentence, without a line end. */
const char *proxy_header_error_text(enum proxy_header_error error);

struct proxy_header {
    struct peer source; /* the client; not known where the header tells no address of IP */
    bool is_local;      /* LOCAL: the proxy speaks for itself, such as to check our health */
};

/* Reads the header at the beginning of a connection. `data` holds all bytes that have come.
 *
 * Returns > 0: the bytes of the header; *header is set. 0: more bytes are needed to tell. < 0:
 * -enum proxy_header_error. The result does not depend on how the bytes arrive. The destination is
 * checked and forgotten. Vectors (TLVs) are skipped, but for a CRC32c, which must be right (2.2.3);
 * what follows LOCAL is not looked at at all. */
int proxy_header_parse(struct proxy_header *header, const void *data, size_t len);

#endif
