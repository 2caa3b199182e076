/* The addresses of this machine, as others in its networks see it. */
#ifndef NET_OWN_ADDRESSES_H
#define NET_OWN_ADDRESSES_H

#include <netinet/in.h>
#include <stddef.h>

/* Writes the addresses of a family, AF_INET or AF_INET6, of interfaces that are up and carry
 * something, at most `max` of them, without loopback and without those that a machine gives itself
 * for one link alone (169.254.0.0/16, RFC 3927; fe80::/10, RFC 4291, 2.5.6). Returns how many there
 * are; 0 where the system does not tell. */
size_t own_addresses(int family, char (*out)[INET6_ADDRSTRLEN], size_t max);

#endif
