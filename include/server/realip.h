/* For whom the proxies in front of the server speak: the PROXY protocol, Forwarded and
 * X-Forwarded-For, each believed only from those that --trusted-proxy names. Fills in the `peer` of
 * a connection. */
#ifndef SERVER_REALIP_H
#define SERVER_REALIP_H

#include "proto/forwarded.h"
#include "server/options.h"
#include "session/conn.h"

struct realip {
    struct trusted_list trusted;
    bool trusts_unix; /* whoever comes by a unix socket */
    unsigned proxied; /* enum options_proxy_header: what is believed */
};

/* A connection was accepted: decides whether its peer is trusted, and whether a PROXY header comes
 * first. */
void realip_accepted(const struct realip *realip, struct conn *conn);

/* A PROXY header came: the address that it tells is the connection's from now on, and only if that
 * is trusted too are further fields believed. LOCAL changes nothing: the proxy speaks for itself. A
 * header that tells no address leaves that of the socket; but it does speak for somebody, so his
 * fields are not believed. */
void realip_proxy_header(const struct realip *realip, struct conn *conn,
                         const struct proxy_header *header);

/* Sets the peer of a request: whom its fields tell if they are believed, else the connection's own.
 * Returns NULL, or why the request cannot be answered: who it comes from has two readings. */
const char *realip_request(const struct realip *realip, struct conn *conn,
                           const struct http_request *request);

#endif
