/* Who is at the other end of a connection. */
#ifndef BASE_PEER_H
#define BASE_PEER_H

#include "base/ip.h"

/* Somebody at the other end. `is_known` is false for a unix socket, and where a proxy does not tell
 * for whom it speaks. */
struct peer {
    struct ip ip;
    uint16_t port; /* host byte order; 0: not known */
    bool is_known;
};

/* Writes "192.0.2.1:8000" or "[2001:db8::1]:8000", without a port that is not known; "unknown" for
 * a peer that is not known. */
void peer_write(char out[IP_TEXT_MAX], const struct peer *peer);

#endif
