/* IP addresses as bytes, and networks of them: pure values, without sockets. An IPv4 address
 * is kept as the IPv6 address that maps it (RFC 4291, 2.5.5.2), so that ::ffff:192.0.2.1 of a dual
 * socket and 192.0.2.1 are one and the same. */
#ifndef BASE_IP_H
#define BASE_IP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define IP_BITS 128   /* bits of an address */
#define IP_V4_BITS 96 /* bits of the prefix that all IPv4 addresses share */

/* Characters of the longest address, port or prefix length included, with its NUL:
 * "[ffff:...:ffff]:65535". */
#define IP_TEXT_MAX 56

struct ip {
    uint8_t bytes[16]; /* network byte order */
};

/* The addresses whose first `bits` bits are those of `base`; the other bits of `base` are 0. */
struct ip_network {
    struct ip base;
    uint8_t bits; /* 0 to IP_BITS; for IPv4 its own prefix length and IP_V4_BITS */
};

/* Makes an address from the 4 or 16 bytes of a sockaddr, in network byte order. */
struct ip ip_from_v4(const void *bytes);
struct ip ip_from_v6(const void *bytes);

/* Reads a numeric address as RFC 4291, 2.2, and dotted decimal write it, IPv4 with four parts and
 * without leading zeros. No brackets, no zone. Returns false, and leaves *ip alone, for anything
 * else. */
bool ip_read(struct ip *ip, struct str text);

/* Reads ADDRESS or ADDRESS/LENGTH; 192.0.2.0/24, 2001:db8::/32. Returns false for anything else, a
 * set bit behind the prefix included. */
bool ip_network_read(struct ip_network *network, struct str text);

bool ip_equals(const struct ip *a, const struct ip *b);
bool ip_is_v4(const struct ip *ip);
bool ip_network_has(const struct ip_network *network, const struct ip *ip);

/* The address with all bits after the first `bits` cleared: who shares a prefix becomes the same.
 * IPv4 counts its own bits, at most 32; IPv6 at most 128. */
struct ip ip_prefix(const struct ip *ip, unsigned v4_bits, unsigned v6_bits);

/* Writes an address as RFC 5952 says, an IPv4 one as dotted decimal. */
void ip_write(char out[IP_TEXT_MAX], const struct ip *ip);

/* Writes a network so that ip_network_read reads it: with its length unless it is one address. */
void ip_network_write(char out[IP_TEXT_MAX], const struct ip_network *network);

#endif
