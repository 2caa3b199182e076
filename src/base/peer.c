#include "base/peer.h"

#include <stdio.h>

void peer_write(char out[IP_TEXT_MAX], const struct peer *peer)
{
    char address[IP_TEXT_MAX];
    bool has_brackets = peer->port != 0 && !ip_is_v4(&peer->ip);
    int len;

    if (!peer->is_known) {
        snprintf(out, IP_TEXT_MAX, "unknown");
        return;
    }
    ip_write(address, &peer->ip);
    len = snprintf(out, IP_TEXT_MAX, has_brackets ? "[%.45s]" : "%.45s", address);
    if (peer->port != 0)
        snprintf(out + len, IP_TEXT_MAX - (size_t)len, ":%u", (unsigned)peer->port);
}
