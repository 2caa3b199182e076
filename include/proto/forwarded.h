/* Forwarded (RFC 7239) and X-Forwarded-For: for whom the proxies on a request's way say that they
 * speak. */
#ifndef PROTO_FORWARDED_H
#define PROTO_FORWARDED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/peer.h"
#include "proto/http/request.h"

/* Proxies on the way of a request, counted from the server, that are asked at most. */
#define FORWARDED_HOPS_MAX 16

/* Whose word is taken. Borrowed. */
struct trusted_list {
    const struct ip_network *items;
    size_t count;
};

bool trusted_list_has(const struct trusted_list *list, const struct ip *ip);

enum forwarded_result {
    FORWARDED_ABSENT,    /* there is no such field: *client is as it was */
    FORWARDED_TOLD,      /* *client is set, to what it was where the nearest hop tells no address */
    FORWARDED_MALFORMED, /* a quoted string has no end, so nobody knows who wrote what follows */
};

/* Reads all lines of the field. Each hop has appended whom it got the request from, so this walks
 * from the right: an address that is trusted is one more proxy, whose own word is then taken; the
 * first that is not is the client. What tells no address ends the walk at the last that did:
 * "unknown", an obfuscated name, an element without `for`, anything malformed. So does the hop
 * FORWARDED_HOPS_MAX.
 *
 * *client comes in as the address that the request came from, which must be trusted. The time is
 * linear in the length of the field. */
enum forwarded_result forwarded_read(const struct http_request *request,
                                     const struct trusted_list *trusted, struct peer *client);

/* The same for X-Forwarded-For, a list of addresses, each maybe with a port: "192.0.2.1",
 * "192.0.2.1:8000", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:8000". Nothing is quoted there,
 * so it is never malformed as a whole. */
enum forwarded_result x_forwarded_for_read(const struct http_request *request,
                                           const struct trusted_list *trusted, struct peer *client);

#endif
